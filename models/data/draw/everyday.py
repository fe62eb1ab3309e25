"""Drawn ham: what people and firms send each other, built of the same blocks as the lures. Each function returns HTML of one
picture."""

import math

from . import words
from .style import MONO, SANS, SERIF, Style, colour, esc, scanned


def _letterhead(s: Style) -> str:
    return f'<div style="display:flex;justify-content:space-between;align-items:flex-start">{s.logo()}<div style="font-size:11px;text-align:right">{s.filler(2, 4)}<br>{s.rng.randint(1, 99)} {s.filler(1, 2)}<br>+{s.rng.randint(10**9, 10**11)}</div></div>'


def _plain(s: Style) -> None:
    """Paper is white and not centred."""
    s.paper, s.ink, s.centred = s.rng.choice(["#fff", "#fff", "#fffef8", "#f8f8f8"]), s.rng.choice(["#000", "#222"]), False


def invoice(s: Style) -> str:
    _plain(s)
    total = f'<div style="text-align:right;font-weight:700">{s.money()}</div>'
    pay = s.code(s.rng.randint(80, 140)) if s.rng.random() < 0.25 else ""
    return s.page(_letterhead(s) + f"<p>{s.filler(4, 8)}</p>" + s.title() + s.table(s.rng.randint(3, 6), s.rng.randint(2, 14), True) + total + s.paragraph(8, 40) + pay, s.rng.randint(560, 900), 40)


def letter(s: Style) -> str:
    _plain(s)
    sign = f'<div style="font:32px \'Dancing Script\';color:#1a237e">{esc(s.rng.choice(["J. Novak", "M. Weber", "A. Rossi", "L. Martin", "K. Sato"]))}</div>'
    seal = f'<div style="float:right;border:3px double {s.accent};border-radius:60px;padding:18px 8px;color:{s.accent};transform:rotate({s.rng.randint(-20, 20)}deg);font-size:11px">{s.filler(1, 2)}</div>' if s.rng.random() < 0.3 else ""
    return s.page((_letterhead(s) if s.rng.random() < 0.7 else f'<div style="text-align:center">{s.mark(80)}</div>') + s.title() + "".join(s.paragraph(25, 80) for _ in range(s.rng.randint(2, 6))) + seal + sign, s.rng.randint(560, 900), 48)


def contract(s: Style) -> str:
    """A scanned page: numbered clauses, a little askew and grey."""
    _plain(s)
    s.text_font = s.rng.choice(SERIF + SANS[:3])
    clauses = "".join(f"<p style='font-size:{s.rng.randint(11, 14)}px'><b>§ {n}</b> {s.filler(20, 70)}</p>" for n in range(1, s.rng.randint(4, 9)))
    page = s.page(s.title() + clauses + "<div style='display:flex;justify-content:space-between'><span>____________</span><span>____________</span></div>", s.rng.randint(600, 850), 60, s.rng.choice(["#fff", "#f3f1ec", "#e9e9e9"]))
    return scanned(page, True)


def form(s: Style) -> str:
    _plain(s)
    box = lambda: f'<div style="margin:8px 0"><div style="font-size:11px">{s.filler(1, 3)}</div><div style="border:1px solid #888;height:{s.rng.randint(20, 30)}px;padding:3px;font-size:13px">{s.filler(0, 3) if s.rng.random() < 0.4 else ""}</div></div>'
    tick = lambda: f"<div>{s.rng.choice('☐☑☒')} {s.filler(1, 5)}</div>"
    return s.page(s.title() + "".join(s.rng.choice([box, box, tick])() for _ in range(s.rng.randint(5, 14))), s.rng.randint(420, 800), 32)


def receipt(s: Style) -> str:
    s.centred = True
    font = s.rng.choice(MONO)
    rows = "".join(f'<div style="display:flex;justify-content:space-between"><span>{s.filler(1, 3).rstrip(".")}</span><span>{s.money()}</span></div>' for _ in range(s.rng.randint(3, 14)))
    tail = s.rng.choice([s.barcode(), s.code(100), ""])
    return s.page(f'<div style="font:13px {font!r};color:#111"><b style="font-size:18px">{s.logo()}</b><hr>{rows}<hr>{s.money()}<br>{tail}<br>{s.filler(2, 6)}</div>', s.rng.randint(260, 380), 16, s.rng.choice(["#fff", "#f7f5ef"]))


def order(s: Style) -> str:
    """An order confirmation or notice of a real shop, with button and pictures of the goods."""
    items = "".join(f'<tr><td style="width:90px">{s.picture("ham", 50, 70)}</td><td style="font-size:13px">{s.filler(3, 8)}</td><td>{s.money()}</td></tr>' for _ in range(s.rng.randint(1, 4)))
    return s.page(s.logo() + s.title() + s.paragraph(8, 30) + f"<table style='width:100%'>{items}</table>" + (s.button(s.pick(words.SELL_BUTTON)) if s.rng.random() < 0.5 else "") + s.paragraph(6, 20), s.rng.randint(440, 680))


def newsletter(s: Style) -> str:
    articles = "".join(f'<div style="display:flex;gap:12px;margin:14px 0;text-align:left">{s.picture("ham", 70, 150) if s.rng.random() < 0.7 else ""}<div>{s.headline(s.filler(3, 7), 15, 22)}{s.paragraph(12, 40)}</div></div>' for _ in range(s.rng.randint(2, 4)))
    return s.page(f'<div style="background:{s.accent};padding:12px"><span style="background:#fff;padding:4px">{s.logo()}</span></div>' + s.title() + (f'<img src="{s.photo()}" style="width:100%;max-height:240px;object-fit:cover">' if s.rng.random() < 0.5 else "") + articles, s.rng.randint(520, 760))


def ticket(s: Style) -> str:
    value = lambda: s.rng.choice([f"{s.rng.randint(1, 28)} MAY", f"{s.rng.randrange(24):02d}:{s.rng.randrange(60):02d}", f"{s.rng.randint(1, 40)}{s.rng.choice('ABCDEF')}", "PRG", "FRA", "LIS", "NRT", "JFK"])
    detail = "".join(f'<td style="padding:8px"><small>{s.filler(1, 2)}</small><div style="font:700 {s.rng.randint(16, 26)}px {s.head_font!r}">{value()}</div></td>' for _ in range(s.rng.randint(3, 5)))
    mark = s.rng.choice([s.code(s.rng.randint(90, 200)), s.barcode()])
    body = f'<div style="border:1px solid #aaa;border-radius:{s.radius}px;overflow:hidden"><div style="background:{s.accent};color:#fff;padding:10px">{s.pick(words.TITLE)}</div><div style="display:flex;padding:14px;gap:16px;align-items:center;flex-wrap:wrap">{mark}<div>{s.logo()}<table><tr>{detail}</tr></table>{s.filler(4, 12)}</div></div></div>'
    return s.page(body, s.rng.choice([380, 640, 760]))


def wifi(s: Style) -> str:
    """A code for guests, a payment, a survey of one's own."""
    return s.page(s.logo() + s.headline(s.filler(2, 5), 18, 32) + s.code(s.rng.randint(140, 280)) + s.paragraph(4, 16), s.rng.randint(300, 560))


def slide(s: Style) -> str:
    width = s.rng.choice([640, 800, 960])
    points = "".join(f"<li style='margin:6px 0'>{s.filler(3, 10)}</li>" for _ in range(s.rng.randint(2, 6)))
    extra = s.rng.choice(["", s.table(3, 4, True), _chart(s, 260, 180), s.picture("ham", 120, 220)])
    s.centred = False
    return s.page(f'<div style="min-height:{width * 9 // 16 - 60}px;border-{s.rng.choice(["left", "top", "bottom"])}:{s.rng.choice([0, 8, 16])}px solid {s.accent};padding:16px">{s.title(28, 44)}<div style="display:flex;gap:20px"><ul style="font-size:18px;text-align:left">{points}</ul><div>{extra}</div></div><small>{s.rng.randint(1, 60)}</small></div>', width, 20)


def _chart(s: Style, width: int, height: int) -> str:
    rng, count = s.rng, s.rng.randint(4, 12)
    values = [rng.random() for _ in range(count)]
    step = width / count
    kind = rng.choice(["bar", "line", "pie", "area"])
    if kind == "bar":
        drawn = "".join(f'<rect x="{i * step + 2:.0f}" y="{height * (1 - v):.0f}" width="{step - 4:.0f}" height="{height * v:.0f}" fill="{s.accent if i % 2 else s.second}"/>' for i, v in enumerate(values))
    elif kind == "pie":
        angle, drawn, r = 0.0, "", min(width, height) / 2
        for v in values:
            end = angle + 2 * math.pi * v / sum(values)
            x1, y1, x2, y2 = (width / 2 + r * math.cos(angle), height / 2 + r * math.sin(angle), width / 2 + r * math.cos(end), height / 2 + r * math.sin(end))
            drawn += f'<path d="M{width / 2} {height / 2} L{x1:.1f} {y1:.1f} A{r} {r} 0 {int(end - angle > math.pi)} 1 {x2:.1f} {y2:.1f} Z" fill="{colour(rng, (40, 70))}"/>'
            angle = end
    else:
        points = " ".join(f"{i * step:.0f},{height * (1 - v):.0f}" for i, v in enumerate(values))
        drawn = f'<polyline points="{points}" fill="none" stroke="{s.accent}" stroke-width="3"/>' if kind == "line" else f'<polygon points="0,{height} {points} {width - step:.0f},{height}" fill="{s.accent}"/>'
    grid = "".join(f'<line x1="0" x2="{width}" y1="{height * i // 4}" y2="{height * i // 4}" stroke="#8886"/>' for i in range(5)) if kind != "pie" else ""
    return f'<svg width="{width}" height="{height}" style="margin:8px">{grid}{drawn}</svg>'


def _number(s: Style) -> str:
    return f'<div style="font:700 30px {s.text_font!r}">{s.rng.randrange(10000)}</div>'


def dashboard(s: Style) -> str:
    tiles = "".join(f'<div style="display:inline-block;vertical-align:top;margin:6px;padding:10px;background:{"#ffffff14" if s.dark else "#fff"};border:1px solid #8884;border-radius:{min(s.radius, 12)}px"><small>{s.filler(1, 3)}</small>{s.rng.choice([_chart(s, s.rng.randint(140, 300), s.rng.randint(80, 160)), _number(s), s.table(2, 4, True)])}</div>' for _ in range(s.rng.randint(3, 8)))
    s.centred = False
    return s.page(f"<b>{s.logo()}</b><br>" + tiles, s.rng.randint(500, 1000))


def signature(s: Style) -> str:
    """A signature block, sent as a picture with every message."""
    s.centred = False
    icons = "".join(f'<span style="display:inline-block;width:22px;height:22px;border-radius:{s.rng.choice([3, 11])}px;background:{colour(s.rng, (35, 55))};margin-right:5px"></span>' for _ in range(s.rng.randint(0, 5)))
    note = f'<div style="font-size:9px;color:#888;margin-top:8px">{s.filler(12, 50)}</div>' if s.rng.random() < 0.4 else ""
    return s.page(f'<div style="display:flex;gap:14px;align-items:center">{s.rng.choice([s.mark(70), s.logo(), s.picture("ham", 60, 90)])}<div style="border-left:2px solid {s.accent};padding-left:12px;font-size:13px"><b>{s.filler(2, 2).rstrip(".")}</b><br>{s.filler(1, 3)}<br>+{s.rng.randint(10**9, 10**11)}<br>{icons}</div></div>{note}', s.rng.randint(260, 560), s.rng.randint(4, 14), s.rng.choice([None, "#fff"]))


def logo(s: Style) -> str:
    return s.page(s.logo() if s.rng.random() < 0.7 else s.mark(s.rng.randint(60, 240)), s.rng.randint(120, 420), s.rng.randint(2, 30))


def poster(s: Style) -> str:
    """A school, club or village event."""
    photo = s.rng.random() < 0.4
    body = s.headline(s.filler(2, 5), 30, 60) + (s.picture("ham", 140, 300) if s.rng.random() < 0.8 else "") + f'<div style="font:700 24px {s.head_font!r};margin:12px">{s.rng.randint(1, 28)}. {s.rng.randint(1, 12)}. · {s.rng.randrange(8, 22)}:00</div>' + s.paragraph(6, 24)
    if photo:
        return s.page(f'<div style="background:{s.rng.choice(["#0007", "#fffa"])};color:{s.rng.choice(["#fff", "#111"])};padding:20px;min-height:400px">{body}</div>', s.rng.randint(380, 640), 0, f"url({s.photo()}) center/cover")
    return s.page(body, s.rng.randint(380, 640))


def greeting(s: Style) -> str:
    text = s.rng.choice(["Happy birthday!", "Merry Christmas", "Frohe Ostern", "Bonne année", "Feliz cumpleaños", "Gute Besserung", "Šťastný nový rok", "С Новым годом", "明けましておめでとう", "新年快乐", "عيد مبارك", "Thank you!", "Save the date", "Good morning"])
    head = f'<div style="font:{s.rng.randint(36, 64)}px {s.rng.choice(["Dancing Script", "Lobster Two", "TeX Gyre Chorus", s.head_font])!r};color:{s.rng.choice([s.accent, "#fff"])};text-shadow:0 1px 4px #0009">{esc(text)}</div>'
    if s.rng.random() < 0.5:
        return s.page(f'<div style="padding:40px;min-height:{s.rng.randint(200, 500)}px">{head}</div>', s.rng.randint(360, 700), 0, f"url({s.photo()}) center/cover")
    return s.page(head + s.picture("ham", 120, 280) + s.paragraph(0, 12), s.rng.randint(360, 640))


def meme(s: Style) -> str:
    """A photograph with a joke over it, as colleagues forward."""
    line = lambda: f'<div style="font:900 {s.rng.randint(26, 44)}px Impact,\'League Spartan\';color:#fff;-webkit-text-stroke:2px #000;text-transform:uppercase">{s.filler(2, 6)}</div>'
    s.centred = True
    return s.page(f'<div style="min-height:{s.rng.randint(300, 460)}px;display:flex;flex-direction:column;justify-content:space-between;padding:10px">{line()}{line()}</div>', s.rng.randint(320, 600), 0, f"url({s.photo()}) center/cover")


def chat(s: Style) -> str:
    """A telephone's screen with a conversation."""
    s.centred = False
    bubbles = "".join(f'<div style="text-align:{side}"><span style="display:inline-block;max-width:70%;background:{s.accent if side == "right" else "#8883"};color:{"#fff" if side == "right" else s.ink};border-radius:14px;padding:8px 12px;margin:4px;font-size:14px;text-align:left">{s.filler(1, 16)}</span></div>' for side in s.rng.choices(["left", "right"], k=s.rng.randint(4, 11)))
    return s.page(f'<div style="font-size:11px">{s.rng.randrange(24):02d}:{s.rng.randrange(60):02d} ▮▮▯</div><b>{s.filler(1, 2)}</b><hr>{bubbles}', s.rng.randint(320, 420), 12)


def mailbox(s: Style) -> str:
    """A screenshot of an application: bar, list, text."""
    s.centred = False
    rows = "".join(f'<div style="padding:6px;border-bottom:1px solid #8884;font-size:12px"><b>{s.filler(1, 2)}</b><br>{s.filler(3, 7)}</div>' for _ in range(s.rng.randint(4, 10)))
    bar = "".join(f'<span style="margin-right:14px;font-size:12px">{s.filler(1, 1).rstrip(".")}</span>' for _ in range(s.rng.randint(3, 8)))
    error = f'<div style="position:absolute;left:20%;top:30%;background:#eee;color:#111;border:1px solid #555;padding:14px;box-shadow:2px 2px 8px #0006">{s.filler(4, 16)}<br><button>OK</button> <button>{s.filler(1, 1)}</button></div>' if s.rng.random() < 0.35 else ""
    return s.page(f'<div style="position:relative"><div style="background:{s.accent};color:#fff;padding:6px">{bar}</div><div style="display:flex"><div style="width:34%">{rows}</div><div style="flex:1;padding:14px">{s.title(16, 24)}{s.paragraph(20, 80)}{s.paragraph(10, 60)}</div></div>{error}</div>', s.rng.randint(640, 1100), 0)


def terminal(s: Style) -> str:
    back, ink = s.rng.choice([("#000", "#ccc"), ("#000", "#0f0"), ("#300a24", "#eee"), ("#002b36", "#93a1a1"), ("#1e1e1e", "#d4d4d4"), ("#00a", "#fff"), ("#0000aa", "#ffff55"), ("#fff", "#222"), ("#111", "#fa0")])
    lines = "".join(f'<div style="color:{s.rng.choice([ink] * 6 + ["#5f5", "#f55", "#5bf", "#fd5"])}">{esc(s.rng.choice(words.TERMINAL + [""]))}&nbsp;</div>' for _ in range(s.rng.randint(6, 36)))
    return f'<div id="p" style="width:{s.rng.randint(420, 960)}px;background:{back};padding:{s.rng.choice([0, 6, 14])}px;font:{s.rng.randint(10, 16)}px {s.rng.choice(MONO)!r};white-space:pre;overflow:hidden">{lines}</div>'


def editor(s: Style) -> str:
    dark = s.rng.random() < 0.65
    back, inks = ("#1e1e1e", ["#d4d4d4", "#569cd6", "#ce9178", "#6a9955", "#dcdcaa"]) if dark else ("#fff", ["#000", "#00f", "#a31515", "#080", "#795e26"])
    lines = "".join(f'<div><span style="color:#888;display:inline-block;width:34px">{n}</span><span style="color:{s.rng.choice(inks)}">{esc(s.rng.choice(words.CODE))}</span></div>' for n in range(1, s.rng.randint(10, 36)))
    return f'<div id="p" style="width:{s.rng.randint(420, 900)}px;background:{back};padding:6px;font:{s.rng.randint(11, 15)}px/1.4 {s.rng.choice(MONO)!r};white-space:pre;overflow:hidden">{lines}</div>'


def chart(s: Style) -> str:
    return s.page(s.title(14, 24) + _chart(s, s.rng.randint(280, 700), s.rng.randint(160, 420)) + f"<small>{s.filler(2, 10)}</small>", s.rng.randint(740, 800), 12)


def spreadsheet(s: Style) -> str:
    _plain(s)
    return s.page(s.table(s.rng.randint(4, 9), s.rng.randint(8, 26), True), s.rng.randint(500, 1000), 0)


def book(s: Style) -> str:
    _plain(s)
    s.text_font = s.rng.choice(SERIF)
    return scanned(s.page((s.title() if s.rng.random() < 0.4 else "") + "".join(s.paragraph(50, 120) for _ in range(s.rng.randint(2, 5))) + f'<div style="text-align:center">{s.rng.randint(1, 400)}</div>', s.rng.randint(380, 640), 44, s.rng.choice(["#fff", "#fbf6e8", "#eee8dc"])), s.rng.randint(0, 1) == 1)


def menu(s: Style) -> str:
    rows = "".join(f'<div style="display:flex;justify-content:space-between;border-bottom:1px dotted #8888;padding:4px"><span>{s.filler(2, 5)}</span><b>{s.money()}</b></div>' for _ in range(s.rng.randint(5, 12)))
    return s.page(s.title() + (s.picture("ham", 80, 160) if s.rng.random() < 0.4 else "") + rows, s.rng.randint(360, 600))


def card(s: Style) -> str:
    """A business card, badge or certificate."""
    body = f'<div style="border:{s.rng.choice([0, 1, 6])}px {s.rng.choice(["solid", "double"])} {s.accent};padding:24px">{s.logo()}{s.title()}{s.headline(s.filler(2, 3), 18, 30)}<div style="font-size:13px">{s.filler(4, 18)}</div></div>'
    return s.page(body, s.rng.choice([340, 420, 760]))


def _entry(s: Style) -> str:
    return f'<div style="background:{colour(s.rng, (60, 85))};color:#111">{s.filler(1, 2)}</div>' if s.rng.random() < 0.25 else ""


def calendar(s: Style) -> str:
    cells = "".join("<tr>" + "".join(f'<td style="border:1px solid #8886;width:60px;height:{44}px;vertical-align:top;font-size:11px">{w * 7 + d + 1}{_entry(s)}</td>' for d in range(7)) + "</tr>" for w in range(s.rng.randint(3, 5)))
    return s.page(s.title(16, 26) + f'<table style="border-collapse:collapse;margin:auto">{cells}</table>', s.rng.randint(480, 640))


def snapshot(s: Style) -> str:
    """A photograph, bare or with a caption or date stamp."""
    stamp = f'<div style="position:absolute;right:10px;bottom:8px;color:#fa0;font:18px monospace">{s.rng.randint(1, 28)}.{s.rng.randint(1, 12)}.20{s.rng.randint(10, 26)}</div>' if s.rng.random() < 0.4 else ""
    caption = f'<div style="padding:6px;font-size:13px">{s.filler(2, 12)}</div>' if s.rng.random() < 0.4 else ""
    return s.page(f'<div style="position:relative"><img src="{s.photo()}" style="width:100%;height:{s.rng.randint(180, 520)}px;object-fit:cover;object-position:{s.rng.randint(0, 100)}% {s.rng.randint(0, 100)}%">{stamp}</div>{caption}', s.rng.randint(240, 640), 0)


def clipart(s: Style) -> str:
    return s.page("".join(s.picture("ham", 40, 160) for _ in range(s.rng.randint(1, 4))), s.rng.randint(160, 520))


# Share of each kind, and how loud its lettering is.
HAM = {
    invoice: (6, 0.1), letter: (5, 0.0), contract: (6, 0.0), form: (4, 0.0), receipt: (4, 0.1), order: (5, 0.2), newsletter: (7, 0.4), ticket: (5, 0.3), wifi: (3, 0.3), slide: (5, 0.4), dashboard: (4, 0.1), signature: (6, 0.2), logo: (4, 0.5),
    poster: (6, 0.6), greeting: (4, 0.6), meme: (3, 0.6), chat: (3, 0.0), mailbox: (4, 0.1), terminal: (3, 0.0), editor: (3, 0.0), chart: (3, 0.1), spreadsheet: (2, 0.0), book: (3, 0.0), menu: (3, 0.5), card: (3, 0.3), calendar: (2, 0.3), snapshot: (4, 0.2), clipart: (3, 0.3),
}
