"""Drawn spam, by the genre of the lure, and drawn advertisements, which merely sell. Each function returns HTML of one picture."""

from . import words
from .style import Style, colour, esc


def _stack(s: Style, blocks: list[str]) -> str:
    return "".join(block for block in blocks if block)


def _stars(s: Style) -> str:
    return f'<div style="color:#f5a623;font-size:{s.rng.randint(16, 30)}px">{"★" * s.rng.randint(4, 5)}</div>'


def _countdown(s: Style) -> str:
    cells = "".join(f'<span style="display:inline-block;background:{s.accent};color:#fff;padding:8px 12px;margin:3px;font:700 24px monospace;border-radius:4px">{s.rng.randrange(60):02d}</span>' for _ in range(s.rng.choice([2, 3])))
    return f"<div>{cells}</div>"


def _small_print(s: Style) -> str:
    text = " ".join([s.pick(words.LURE_SMALL)] + [s.filler(5, 25)] * s.rng.randrange(2))
    return f'<div style="font-size:{s.rng.randint(8, 12)}px;color:{s.rng.choice(["#999", "#777", s.ink])};margin-top:18px">{text}</div>'


def _coupon(s: Style) -> str:
    value = s.rng.choice(["$50", "$100", "$500", "$1,000", "500 €", "R$ 1.000", "£250"])
    return (f'<div style="display:inline-block;border:3px dashed {s.second};border-radius:12px;padding:16px 36px;margin:10px;background:{s.rng.choice(["#fff8e1", s.accent, "#fff"])};'
            f'color:{s.second};transform:rotate({s.rng.randint(-6, 6)}deg)"><span style="font:900 {s.rng.randint(36, 72)}px {s.head_font!r}">{value}</span><div>{esc(s.rng.choice(["GIFT CARD", "BONUS", "REWARD", "VOUCHER", "CASH"]))}</div></div>')


def _offers(s: Style, kind: str, count: int) -> str:
    cells = "".join(f'<td style="padding:8px;vertical-align:top;text-align:center;width:{100 // count}%">{s.picture(kind, 60, 130)}<div style="font-size:13px">{s.filler(2, 5)}</div>'
                    f'<b style="color:{s.accent}">{s.money()}</b></td>' for _ in range(count))
    return f"<table style='width:100%'><tr>{cells}</tr></table>"


def _banner(s: Style, kind: str, pool: dict, button: dict) -> str:
    """A wide strip: picture, line, button."""
    width, height = s.rng.choice([(728, 90), (600, 120), (600, 200), (970, 250), (468, 60), (800, 300), (640, 320)])
    back = s.rng.choice([f"linear-gradient(90deg,{s.accent},{s.second})", f"url({s.photo()}) center/cover", s.accent, s.paper])
    glow = "text-shadow:0 0 6px #000,0 0 6px #000;color:#fff;" if back.startswith(("url", "linear")) or back == s.accent else ""
    size = max(14, min(44, height // 4))
    inner = (f'<div style="display:flex;align-items:center;justify-content:space-around;height:{height}px;gap:12px;padding:0 14px">'
             f'{s.maybe(0.6, s.picture(kind, height // 2, int(height * 0.8)))}<div style="font:800 {size}px/1.1 {s.head_font!r};{glow}">{s.pick(pool)}</div>{s.maybe(0.8, s.button(s.pick(button)))}</div>')
    return s.page(inner, width, 0, back)


def _over_photo(s: Style, pool: dict, button: dict) -> str:
    """Text laid over a photograph."""
    width, height = s.rng.randint(380, 700), s.rng.randint(300, 800)
    veil = s.rng.choice(["#0000", "#0006", "#fff9", "#0009"])
    ink = "#111" if veil == "#fff9" else "#fff"
    inner = (f'<div style="background:{veil};color:{ink};min-height:{height}px;padding:24px;display:flex;flex-direction:column;justify-content:{s.rng.choice(["center", "flex-end", "flex-start", "space-between"])}">'
             f'<div style="font:900 {s.rng.randint(30, 60)}px/1.1 {s.head_font!r};text-shadow:0 2px 4px #0008">{s.pick(pool)}</div>{s.maybe(0.5, f"<div>{s.filler(6, 18)}</div>")}{s.button(s.pick(button))}</div>')
    return s.page(inner, width, 0, f"url({s.photo()}) center/cover")


def creative(s: Style, kind: str) -> str:
    """The tall creative of the genre: headline, picture, promise, button, small print."""
    roll = s.rng.random()
    if roll < 0.15:
        return _banner(s, kind, words.LURE[kind], words.LURE_BUTTON)
    if roll < 0.25:
        return _over_photo(s, words.LURE[kind], words.LURE_BUTTON)
    middle = [
        s.picture(kind, 140, 340), s.maybe(0.25, _coupon(s)), s.maybe(0.25, _countdown(s)), s.maybe(0.25, _stars(s)), s.maybe(0.2, _offers(s, kind, s.rng.randint(2, 4))),
        s.maybe(0.4, s.paragraph(8, 40)), s.maybe(0.3, s.headline(s.pick(words.LURE[kind]), 16, 28)),
    ]
    s.rng.shuffle(middle)
    body = _stack(s, [s.maybe(0.4, s.logo()), s.headline(s.pick(words.LURE[kind]), 26, 54), *middle, s.button(s.pick(words.LURE_BUTTON)), s.maybe(0.65, _small_print(s))])
    if s.rng.random() < 0.3:
        body = f'<div style="border:{s.rng.randint(2, 8)}px {s.rng.choice(["solid", "dashed", "double"])} {s.accent};padding:14px">{body}</div>'
    return s.page(body, s.rng.randint(380, 760))


def prize(s: Style) -> str:
    return creative(s, "prize")


def health(s: Style) -> str:
    if s.rng.random() < 0.25:
        # In the manner of a news page, with before and after.
        pair = f'<div style="display:flex;gap:4px">{s.picture("health", 150, 220)}{s.picture("health", 150, 220)}</div>'
        return s.page(_stack(s, [f'<div style="background:{s.accent};color:#fff;padding:6px">{s.logo()}</div>', s.headline(s.pick(words.LURE["health"])), pair, s.paragraph(20, 60), s.button(s.pick(words.LURE_BUTTON))]), s.rng.randint(400, 680))
    return creative(s, "health")


def dating(s: Style) -> str:
    s.accent = colour(s.rng, (40, 60)) if s.rng.random() < 0.4 else f"hsl({s.rng.randint(320, 360)},80%,55%)"
    if s.rng.random() < 0.3:
        cards = "".join(f'<div style="display:inline-block;margin:8px;padding:8px;background:#fff;border-radius:{s.radius}px;box-shadow:0 1px 4px #0004;color:#222;width:150px">{s.picture("dating", 90, 120)}<div><b>{s.filler(1, 1).rstrip(".")}</b>, {s.rng.randint(19, 45)}</div><span style="color:#2a2">●</span> online</div>' for _ in range(s.rng.randint(2, 6)))
        return s.page(s.headline(s.pick(words.LURE["dating"])) + cards + s.button(s.pick(words.LURE_BUTTON)), s.rng.randint(380, 720))
    return creative(s, "dating")


def account(s: Style) -> str:
    """A notice that frightens: bar, warning, table of what is lost, button."""
    if s.rng.random() < 0.2:
        return creative(s, "account")
    full = s.rng.randint(88, 100)
    bar = f'<div style="background:#ddd;border-radius:8px;height:14px;margin:14px 0;text-align:left"><div style="background:{s.rng.choice(["#e53935", s.accent])};width:{full}%;height:14px;border-radius:8px"></div></div><small>{full} %</small>'
    alarm = f'<div style="background:{s.rng.choice(["#d32f2f", "#fbc02d", s.accent])};color:#fff;padding:10px;font-weight:700;border-radius:{s.radius // 2}px"><span style="font-family:\'Noto Color Emoji\'">⚠️</span> {s.pick(words.LURE["account"])}</div>'
    big = f'<div style="font-size:{s.rng.randint(60, 140)}px;font-family:\'Noto Color Emoji\'">{s.emoji("account")}</div>'
    body = _stack(s, [s.logo(), s.maybe(0.5, alarm), s.maybe(0.5, big), s.headline(s.pick(words.LURE["account"]), 20, 36), s.maybe(0.45, bar), s.paragraph(10, 40), s.maybe(0.3, s.table(2, s.rng.randint(2, 5), True)), s.button(s.pick(words.LURE_BUTTON)), s.maybe(0.5, _small_print(s))])
    return s.page(f'<div style="{s.rng.choice(["", "border:1px solid #ccc;padding:20px;", "box-shadow:0 2px 10px #0003;padding:24px;background:#fff;color:#222;"])}">{body}</div>', s.rng.randint(400, 720))


def parcel(s: Style) -> str:
    if s.rng.random() < 0.3:
        return creative(s, "parcel")
    steps = "".join(f'<span style="display:inline-block;width:22%;border-top:5px solid {c};font-size:11px;margin:1%">{s.filler(1, 3)}</span>' for c in [s.accent, s.accent, "#e53935", "#ccc"])
    body = _stack(s, [f'<div style="background:{s.accent};padding:14px;filter:saturate(1.4)"><span style="background:#fff;padding:4px">{s.logo()}</span></div>', s.headline(s.pick(words.LURE["parcel"]), 20, 38), s.picture("parcel", 100, 220),
                      s.maybe(0.5, steps), s.maybe(0.4, s.barcode()), s.maybe(0.5, s.table(2, 3, True)), s.paragraph(8, 30), s.button(s.pick(words.LURE_BUTTON)), s.maybe(0.5, _small_print(s))])
    return s.page(body, s.rng.randint(380, 680))


def money(s: Style) -> str:
    if s.rng.random() < 0.25:
        s.paper, s.ink = s.rng.choice(["#0b1026", "#1b0033", "#002b1b"]), "#ffe082"
    return creative(s, "money")


def call(s: Style) -> str:
    """An invoice for something never bought, with a number to call, large."""
    number = f"+1 ({s.rng.randint(800, 888)}) {s.rng.randint(200, 999)}-{s.rng.randint(1000, 9999)}"
    phone = f'<div style="font:800 {s.rng.randint(24, 44)}px {s.head_font!r};color:{s.rng.choice(["#d32f2f", s.accent])};margin:14px;{s.rng.choice(["", "border:3px solid;padding:10px;", "background:#ff0;"])}">{s.rng.choice(["☎ ", "Call ", "Toll free: ", "Helpdesk "])}{number}</div>'
    s.language = "en"
    return s.page(_stack(s, [s.logo(), s.headline(esc(s.rng.choice(["Payment receipt", "Your plan was renewed", "Order confirmed: $499.99", "Thank you for your purchase", "Auto-renewal successful"]))), s.paragraph(10, 30), s.table(s.rng.randint(2, 4), s.rng.randint(2, 4), True), phone, s.paragraph(8, 25), s.maybe(0.5, phone)]), s.rng.randint(440, 760))


def code(s: Style) -> str:
    """A code to scan with the telephone, to sign in again."""
    s.language = s.rng.choice(["en", "en", s.language])
    return s.page(_stack(s, [s.logo(), s.headline(s.pick(words.LURE["account"]), 18, 34), s.paragraph(10, 36), f'<div style="margin:14px">{s.code(s.rng.randint(120, 260))}</div>', s.maybe(0.5, s.headline(esc(s.rng.choice(["Scan the code with your phone", "Scan QR to review document", "Re-authenticate now"])), 16, 24)), s.maybe(0.6, s.paragraph(8, 20)), s.maybe(0.4, _small_print(s))]), s.rng.randint(340, 640))


def court(s: Style) -> str:
    """A threatening letter under an emblem, stamped."""
    stamp = f'<div style="position:absolute;right:{s.rng.randint(10, 160)}px;bottom:{s.rng.randint(20, 140)}px;transform:rotate({s.rng.randint(-30, 30)}deg);border:4px solid #c62828;color:#c62828;border-radius:{s.rng.choice([0, 80])}px;padding:16px;font:800 22px {s.head_font!r};opacity:.75">{s.rng.choice(["URGENT", "FINAL", "POLICE", "SUMMONS", "OFFICIAL", "CONFIDENTIEL"])}</div>'
    head = f'<div style="text-align:center">{s.mark(s.rng.randint(70, 130))}{s.maybe(0.6, s.mark(90))}</div>'
    s.paper = s.rng.choice(["#fff", "#fffdf4", "#f4f4f4"])
    s.ink = "#111"
    body = f'<div style="position:relative">{head}{s.headline(esc(s.rng.choice(["FINAL SUMMONS", "COURT NOTICE", "CONVOCATION EN JUSTICE", "VORLADUNG", "CITACIÓN JUDICIAL", "ATTENTION"])), 26, 44)}{"".join(s.paragraph(25, 60) for _ in range(s.rng.randint(2, 5)))}{stamp}</div>'
    return s.page(body, s.rng.randint(560, 800), 40)


def footer(s: Style) -> str:
    """The strip below a creative: how to be taken off the list, as a picture."""
    body = "".join(f'<div style="font-size:{s.rng.randint(10, 15)}px;color:{s.rng.choice(["#888", "#555", s.accent, s.ink])};margin:4px">{s.pick(words.LURE_SMALL)} {s.filler(0, 14)}</div>' for _ in range(s.rng.randint(1, 3)))
    s.centred = True
    return s.page(body, s.rng.randint(400, 700), s.rng.randint(6, 24))


def poster(s: Style) -> str:
    """A shop's advertisement: what is for sale, and for how much."""
    roll = s.rng.random()
    if roll < 0.25:
        return _banner(s, "sell", words.SELL, words.SELL_BUTTON)
    if roll < 0.5:
        return _over_photo(s, words.SELL, words.SELL_BUTTON)
    body = _stack(s, [s.logo(), s.maybe(0.7, s.picture("sell", 160, 320)), s.headline(s.pick(words.SELL), 26, 56), s.maybe(0.6, _offers(s, "sell", s.rng.randint(2, 4))), s.maybe(0.4, _offers(s, "sell", 3)), s.maybe(0.5, s.paragraph(8, 30)), s.button(s.pick(words.SELL_BUTTON))])
    return s.page(body, s.rng.randint(420, 800))


# Share of each kind, and how loud its lettering is.
SPAM = {prize: (20, 0.6), health: (16, 0.5), dating: (9, 0.5), account: (20, 0.2), parcel: (10, 0.3), money: (12, 0.6), call: (5, 0.2), code: (7, 0.1), court: (2, 0.1), footer: (4, 0.0)}
AD = {poster: (1, 0.5)}
