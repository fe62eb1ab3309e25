"""Drawn spam in the manner of 2022 to 2025, with stock photographs, firms' marks and goods, and drawn advertisements of the same make. Beside
the plainer ones of `lures`. Each function returns HTML of one picture."""

from . import words
from .blocks import (
    NAMES, arrow, backdrop, bar, bottle, box, burst, card, chat_bubble, checklist, choices, comments, confetti, emblem, face, form, goods,
    graph, identity, lettering, map_, notice, over, phone, photo, player, present, seal, stock, window,
)
from .style import MONO, SERIF, Style, brand, colour, esc, scanned

# Long lines of such creatives, written for this generator, by what they are for.
PITCH = {
    "survey": ["You have been chosen to take part in our loyalty programme for FREE", "It takes only a minute to receive this fantastic prize", "Complete a short survey and choose your reward", "Your opinion matters: 30 seconds, one gift", "We have been trying to reach you. Please respond!",
               "Sie wurden für unser Treueprogramm ausgewählt", "Participez à notre sondage et recevez un cadeau", "Responda 4 perguntas e ganhe", "Complete la encuesta y reciba su regalo", "Compila il sondaggio e ricevi il premio"],
    "story": ["Retired nurse discovers how to drop 2 sizes", "Scientists warn: stop doing this every morning", "He put this in his shoes and was shocked", "Local mom makes doctors furious", "The banned video is finally back online", "Neuropathy? Do this before you sleep", "New rule: drivers in your area are paying too much",
              "Banken wollen dieses Video verbieten", "Ce geste simple avant de dormir change tout", "O segredo que os médicos escondem", "Esto es lo que comen los que no enferman"],
    "money": ["Homeowners born before 1985 get up to $3,627", "Your deposit of $7,450.00 is pending", "You are pre-approved for a loan", "New AI system trades while you sleep", "Seniors are saving on this today", "Drivers with no tickets must read this", "Welcome bonus 400 % and 150 free spins",
              "Sie haben eine offene Rückerstattung", "Votre remboursement de 482 € est prêt", "Saque imediato disponível", "Préstamo aprobado sin aval"],
    "alarm": ["Your protection has expired", "5 viruses found on this device", "Your files will be deleted today", "Renewal failed: update your payment", "Somebody signed in from a new device", "Your account is limited", "Final warning before suspension", "Storage 99 % full: photos are not backed up",
              "Ihr Schutz ist abgelaufen", "Votre protection a expiré", "Seu armazenamento está cheio", "Su suscripción ha vencido", "Il tuo account verrà chiuso"],
}


def _pitch(s: Style, kind: str) -> str:
    return esc(s.rng.choice(PITCH[kind]))


def _fine_print(s: Style) -> str:
    lines = "".join(f"<div>{s.pick(words.LURE_SMALL)} {s.filler(0, 18)}</div>" for _ in range(s.rng.randint(1, 3)))
    return f'<div style="font-size:{s.rng.randint(8, 12)}px;color:{s.rng.choice(["#888", "#999", "#666", s.ink])};margin-top:16px;padding:6px">{lines}</div>'


def _finish(s: Style, body: str, least: int = 400, most: int = 720, background: str | None = None, padding: int | None = None) -> str:
    s.centred = s.rng.random() < 0.85
    return s.page(body + s.maybe(0.4, _fine_print(s)), s.rng.randint(least, most), padding, background)


def survey(s: Style) -> str:
    """A shop's name, a prize, a questionnaire."""
    hero = s.rng.choice([goods(s, s.rng.randint(140, 300)), over(s, goods(s, s.rng.randint(160, 300)), burst(s, s.rng.choice(["FREE", "WIN", "GRATIS", "100%", "1", "VIP"]), s.rng.randint(70, 130))), photo(s, "100%", s.rng.randint(160, 300)), "".join(goods(s, 110) for _ in range(s.rng.randint(2, 4)))])
    question = s.maybe(0.3, choices(s, s.rng.sample(["Yes", "No", "18-29", "30-49", "50+", "Male", "Female", "Daily", "Weekly", "Never"], s.rng.randint(2, 4))))
    middle = [hero, lettering(s, s.pick(words.LURE["prize"]), 22, 44), f'<div style="font-size:{s.rng.randint(14, 20)}px;margin:8px">{_pitch(s, "survey")}</div>', question]
    if s.rng.random() < 0.5:
        s.rng.shuffle(middle)
    body = s.maybe(0.65, bar(s)) + "".join(middle) + s.button(s.pick(words.LURE_BUTTON))
    return _finish(s, confetti(s, body) if s.rng.random() < 0.2 else body, background=backdrop(s), padding=s.rng.choice([0, 0, 12, 24]))


def wheel(s: Style) -> str:
    """Boxes to open, a wheel to turn, a card to scratch."""
    slices = s.rng.choice([6, 8, 10, 12])
    cone = ",".join(f"{colour(s.rng, (40, 65))} {i * 360 // slices}deg {(i + 1) * 360 // slices}deg" for i in range(slices))
    size = s.rng.randint(200, 340)
    fields = "".join(f'<span style="background:#bbb;width:{size // 4}px;height:{size // 4}px;display:inline-block;font-size:{size // 6}px">{s.rng.choice("?$★7 ")}</span>' for _ in range(9))
    game = s.rng.choice([
        f'<div style="width:{size}px;height:{size}px;border-radius:50%;background:conic-gradient({cone});border:{s.rng.randint(6, 14)}px solid {s.rng.choice(["#ffc107", "#b71c1c", "#fff", s.accent])};margin:auto;position:relative;box-sizing:border-box"><div style="position:absolute;left:38%;top:38%;width:24%;height:24%;border-radius:50%;background:#fff"></div></div><div style="color:#e53935;font-size:36px;line-height:20px">▲</div>',
        f'<div>{"".join(present(s, size // 3) for _ in range(s.rng.choice([3, 6, 9])))}</div>',
        f'<div style="display:inline-grid;grid-template-columns:repeat(3,1fr);gap:6px;background:{s.accent};padding:12px;border-radius:8px">{fields}</div>',
    ])
    return _finish(s, lettering(s, s.pick(words.LURE["prize"]), 24, 48) + game + f"<div>{_pitch(s, 'survey')}</div>" + s.button(s.pick(words.LURE_BUTTON)), background=backdrop(s))


def giftcard(s: Style) -> str:
    """Gift cards and the like, fanned out."""
    cards = "".join(f'<div style="display:inline-block;margin:{s.rng.randint(-30, 6)}px">{card(s, s.rng.randint(100, 210))}</div>' for _ in range(s.rng.choice([1, 1, 2, 3])))
    cards = over(s, cards, burst(s, s.rng.choice(["$100", "$500", "€250", "FREE", "R$200"]), s.rng.randint(70, 120))) if s.rng.random() < 0.5 else cards
    body = [f'<div style="padding:18px">{cards}</div>', lettering(s, s.pick(words.LURE["prize"]), 22, 46), s.maybe(0.6, f"<div>{_pitch(s, 'survey')}</div>")]
    s.rng.shuffle(body)
    return _finish(s, s.maybe(0.5, bar(s)) + "".join(body) + s.button(s.pick(words.LURE_BUTTON)), background=backdrop(s), padding=s.rng.choice([0, 16]))


def advertorial(s: Style) -> str:
    """A page of news that is none: masthead, headline, portrait or film, praise of strangers."""
    s.centred = False
    mast = f'<div style="background:{s.rng.choice(["#b71c1c", "#000", "#fff", s.accent])};color:{s.rng.choice(["#fff", "#e53935"])};padding:8px 14px;font:800 {s.rng.randint(20, 34)}px {s.rng.choice(SERIF)!r}">{s.rng.choice(["HEALTH", "NEWS", "DAILY", "FINANCE", "TODAY", "24"])} <span style="font-size:11px;font-weight:400">{s.filler(2, 5)}</span></div>'
    still = s.rng.choice([player(s, s.rng.randint(300, 520)), photo(s, "100%", s.rng.randint(180, 320)), f'<div style="display:flex;gap:4px">{photo(s, "50%", 220)}{photo(s, "50%", 220)}</div>'])
    if s.rng.random() < 0.45:
        still = over(s, still, arrow(s, s.rng.randint(60, 140)), s.maybe(0.3, arrow(s, 90)))
    head = f'<div style="font:800 {s.rng.randint(22, 40)}px/1.15 {s.rng.choice([*SERIF, s.text_font])!r};color:{s.rng.choice(["#111", "#b71c1c", "#0d47a1"])};margin:10px 0">{_pitch(s, s.rng.choice(["story", "story", "money"]))}</div>'
    s.paper, s.ink = "#fff", "#111"
    body = s.maybe(0.6, mast) + head + still + s.maybe(0.6, s.paragraph(15, 50)) + s.maybe(0.4, comments(s, s.rng.randint(1, 3))) + s.maybe(0.8, s.button(s.pick(words.LURE_BUTTON)))
    return s.page(body, s.rng.randint(380, 700), s.rng.choice([0, 10, 20]))


def supplement(s: Style) -> str:
    """Bottles, before and after, ticks."""
    bottles = "".join(bottle(s, s.rng.randint(130, 260)) for _ in range(s.rng.choice([1, 1, 2, 3])))
    hero = s.rng.choice([f'<div style="display:flex;align-items:center;justify-content:center;gap:8px">{bottles}{photo(s, "45%", s.rng.randint(160, 260))}</div>', over(s, bottles, burst(s, s.rng.choice(["-70%", "#1", "NEW", "50%", "100%"]), 90)), f'<div style="display:flex">{photo(s, "50%", 210)}{photo(s, "50%", 210, "filter:grayscale(.5)")}</div>{bottles}'])
    packs = "<div>" + "".join(f'<div style="display:inline-block;border:2px solid {s.second};border-radius:8px;padding:8px;margin:5px">{bottle(s, 90)}<div><b>{s.money()}</b></div></div>' for _ in range(3)) + "</div>"
    body = [lettering(s, s.pick(words.LURE["health"]) if s.rng.random() < 0.5 else _pitch(s, "story"), 22, 46), hero, s.maybe(0.5, checklist(s, s.rng.randint(3, 6), s.rng.choice(["✔", "✓", "★", "➤"]), s.rng.choice(["#2e9e3f", s.accent]))), s.maybe(0.25, packs)]
    if s.rng.random() < 0.4:
        s.rng.shuffle(body)
    return _finish(s, "".join(body) + s.button(s.pick(words.LURE_BUTTON)), background=backdrop(s))


def film(s: Style) -> str:
    """One still, one line, to be clicked."""
    line = lettering(s, _pitch(s, s.rng.choice(["story", "money"])), 20, 42)
    still = player(s, s.rng.randint(380, 660)) if s.rng.random() < 0.6 else over(s, photo(s, f"{s.rng.randint(380, 640)}px", s.rng.randint(240, 420)), arrow(s, s.rng.randint(80, 160)), s.maybe(0.4, burst(s, s.rng.choice(["!", "?", "NEW", "1¢", "BANNED"]), 100)))
    return _finish(s, line + still + s.maybe(0.6, s.button(s.pick(words.LURE_BUTTON))) if s.rng.random() < 0.7 else still + line, 420, 720, background=backdrop(s))


def profiles(s: Style) -> str:
    """Faces near you."""
    count = s.rng.choice([1, 1, 2, 3, 4, 6])
    size = {1: s.rng.randint(200, 380), 2: 190, 3: 160}.get(count, 130)
    cards = "".join(f'<div style="display:inline-block;margin:6px;background:#fff;color:#222;border-radius:{s.radius // 2}px;overflow:hidden;box-shadow:0 1px 6px #0004">{face(s, size, s.rng.random() < 0.15)}<div style="padding:5px;font-size:13px"><b>{s.rng.choice(NAMES)}</b>, {s.rng.randint(19, 49)} <span style="color:#2a2">●</span> {s.rng.randint(1, 20)} km</div></div>' for _ in range(count))
    buttons = s.rng.choice([choices(s, ["♥", "✕"]), s.button(s.pick(words.LURE_BUTTON)), choices(s, ["Chat", "Video", "Photos"]), s.button("♥ " + s.pick(words.LURE_BUTTON))])
    s.accent = s.rng.choice([s.accent, f"hsl({s.rng.randint(325, 360)},85%,55%)"])
    return _finish(s, s.maybe(0.4, bar(s)) + lettering(s, s.pick(words.LURE["dating"]), 20, 42) + cards + buttons, background=backdrop(s), padding=s.rng.choice([0, 14]))


def chatter(s: Style) -> str:
    """A message of a stranger, on a telephone."""
    lines = "".join(chat_bubble(s, s.pick(words.LURE["dating"]) if s.rng.random() < 0.4 else s.filler(2, 9), s.rng.random() < 0.2) for _ in range(s.rng.randint(2, 5)))
    inside = s.rng.choice([f'<div style="padding:6px">{face(s, 44)} <b>{s.rng.choice(NAMES)}</b> <span style="color:#2a2">● online</span></div>{lines}', "".join(notice(s, s.filler(2, 8)) for _ in range(s.rng.randint(2, 5))), photo(s, "100%", 220) + lines])
    return _finish(s, lettering(s, s.pick(words.LURE[s.rng.choice(["dating", "dating", "money", "account"])]), 20, 38) + phone(s, inside, s.rng.randint(200, 300)) + s.button(s.pick(words.LURE_BUTTON)), background=backdrop(s))


def storage(s: Style) -> str:
    """A cloud that is full; photographs that will go."""
    part, grid = s.rng.randint(90, 100), s.rng.choice([2, 3, 4])
    gauge = s.rng.choice([
        f'<div style="background:#ddd;border-radius:9px;height:{s.rng.randint(10, 24)}px;margin:14px 6%"><div style="width:{part}%;height:100%;border-radius:9px;background:{s.rng.choice(["#e53935", f"linear-gradient(90deg,#fbbc04,#e53935)", s.accent])}"></div></div><div>{part}% · {s.rng.randint(5, 200)} GB</div>',
        f'<div style="width:130px;height:130px;border-radius:50%;margin:12px auto;background:conic-gradient(#e53935 {part}%,#ddd 0);display:flex;align-items:center;justify-content:center"><div style="background:#fff;color:#222;width:96px;height:96px;border-radius:50%;line-height:96px;font-weight:800">{part}%</div></div>',
    ])
    photos = "<div>" + "".join(photo(s, f"{84 // grid}%", s.rng.choice([70, 90, 110]), s.rng.choice(["filter:grayscale(1);", "opacity:.6;", ""]) + "margin:3px;") for _ in range(grid * s.rng.randint(1, 2))) + "</div>"
    sign = s.rng.choice([f'<div style="font:{s.rng.randint(60, 120)}px \'Noto Color Emoji\'">{s.emoji("account")}</div>', emblem(s, s.rng.randint(60, 130))[0], '<svg width="140" viewBox="0 0 100 60"><path d="M25 55 a18 18 0 0 1 0 -36 a24 24 0 0 1 46 -2 a19 19 0 0 1 4 38z" fill="#4285f4"/></svg>', ""])
    offer = s.maybe(0.35, over(s, f'<div style="border:2px dashed {s.accent};padding:14px;margin:10px">{lettering(s, s.rng.choice(["50 GB", "+100 GB", "-80%", "1.95 €"]), 24, 44)}</div>', burst(s, "-80%", 60)))
    body = s.maybe(0.6, identity(s)) + sign + lettering(s, _pitch(s, "alarm"), 20, 38) + gauge + s.maybe(0.5, photos) + s.maybe(0.6, s.paragraph(10, 30)) + offer + s.button(s.pick(words.LURE_BUTTON))
    return _finish(s, body, 380, 660, s.rng.choice([s.paper, "#fff", backdrop(s)]))


def antivirus(s: Style) -> str:
    """What was found on a machine that nobody looked at; a licence that has run out."""
    red = s.rng.choice(["#c01818", "#e53935", "#d32f2f", s.accent])
    shield = f'<svg width="{s.rng.randint(80, 170)}" viewBox="0 0 40 44"><path d="M20 2 L38 8 V22 Q36 36 20 42 Q4 36 2 22 V8Z" fill="{red}"/><path d="{s.rng.choice(["M13 15 L27 29 M27 15 L13 29", "M20 11 V26 M20 31 V33", "M12 22 L18 28 L29 15"])}" stroke="#fff" stroke-width="4" fill="none"/></svg>'
    found = "".join(f'<tr><td style="padding:5px;text-align:left">{esc(s.rng.choice(["Trojan.Gen", "Spyware.X", "Adware", "Keylogger", "Phishing", "Rootkit", "Firewall", "Identity", "Wi-Fi"]))}{s.rng.randrange(99)}</td><td style="color:{red};padding:5px"><b>{s.rng.choice(["✖ FOUND", "HIGH", "OFF", "EXPIRED", "✖"])}</b></td></tr>' for _ in range(s.rng.randint(3, 6)))
    dates = f'<div style="background:{red};color:#fff;padding:10px;font-weight:700">{s.rng.choice(["EXPIRED", "ABGELAUFEN", "EXPIRÉ", "CADUCADO", "Expiration"])}: {s.rng.randint(1, 28)}.{s.rng.randint(1, 12)}.202{s.rng.randint(2, 6)}</div>'
    parts = [shield, lettering(s, _pitch(s, "alarm"), 20, 40), s.maybe(0.5, f"<table style='margin:auto;font-size:14px;border:1px solid #ccc'>{found}</table>"), s.maybe(0.45, dates), s.maybe(0.4, s.paragraph(10, 30)), s.maybe(0.3, burst(s, s.rng.choice(["-70%", "-50%", "-85%"]), 100)), s.button(s.pick(words.LURE_BUTTON))]
    body = s.maybe(0.6, bar(s)) + "".join(parts)
    if s.rng.random() < 0.25:
        body = f'<div style="background:{s.rng.choice(["#0078d7", "#222", red])};padding:24px">{window(s, f"<div style=padding:14px;text-align:center>{body}</div>", 460)}</div>'
    return _finish(s, body, 400, 680, s.rng.choice(["#fff", s.paper, backdrop(s)]), s.rng.choice([0, 0, 16]))


def signin(s: Style) -> str:
    """A firm's notice with its mark: what was stopped, and where to sign in. Or the form itself, over a document that is blurred."""
    if s.rng.random() < 0.35:
        text = "".join(s.paragraph(20, 40) for _ in range(3)) + s.table(3, 5, True)
        panel = f'<div style="position:absolute;left:14%;right:14%;top:{s.rng.randint(8, 24)}%;background:#fff;color:#222;padding:18px;border-radius:{min(s.radius, 12)}px;box-shadow:0 4px 24px #0008;text-align:center">{identity(s)}<div style="margin:8px">{s.pick(words.LURE["account"])}</div>{form(s, s.rng.choice([["Email", "Password"], ["Password"], ["E-Mail", "Passwort"], ["Usuario", "Contraseña"]]), s.rng.choice(["View document", "Sign in", "Download", "Open", "Anmelden", "Entrar"]))}</div>'
        return s.page(f'<div style="position:relative"><div style="filter:blur({s.rng.randint(2, 5)}px);padding:20px;min-height:420px;background:#fff;color:#333">{s.title()}{text}</div>{panel}</div>', s.rng.randint(480, 760), 0)
    facts = s.table(2, s.rng.randint(2, 5), False) if s.rng.random() < 0.5 else ""
    warn = f'<div style="background:{s.rng.choice(["#fdecea", "#fff4e5", "#e53935"])};border-left:5px solid #e53935;padding:10px;margin:10px 0;text-align:left">⚠ {_pitch(s, "alarm")}</div>'
    body = identity(s) + lettering(s, s.pick(words.LURE["account"]), 18, 32) + s.maybe(0.55, warn) + s.paragraph(14, 40) + facts + s.button(s.pick(words.LURE_BUTTON)) + s.maybe(0.5, s.paragraph(8, 24))
    return s.page(f'<div style="background:#fff;color:#222;padding:24px;border:1px solid #ddd;margin:{s.rng.choice([0, 14, 30])}px">{body}</div>', s.rng.randint(420, 680), 0, s.rng.choice(["#f2f2f2", "#fff", s.accent]))


def delivery(s: Style) -> str:
    """A courier's bar, a parcel, a fee."""
    s.accent = s.rng.choice(["#ffcc00", "#d40511", "#351c15", "#4d148c", "#ff6200", "#004b87", "#e2001a", s.accent])
    parcel_ = s.rng.choice([_parcel(s), over(s, _parcel(s), burst(s, s.rng.choice(["!", "1", "STOP", "1,99 €"]), 70)), map_(s, 360, 190), photo(s, "100%", 200), f'<div style="font:{s.rng.randint(80, 150)}px \'Noto Color Emoji\'">{s.emoji("parcel")}</div>'])
    steps = "".join(f'<td style="text-align:center;font-size:11px"><div style="width:26px;height:26px;line-height:26px;border-radius:50%;margin:auto;color:#fff;background:{ink}">{sign}</div>{s.filler(1, 2)}</td>' for ink, sign in [("#2e9e3f", "✓"), ("#2e9e3f", "✓"), ("#e53935", "!"), ("#bbb", "•")])
    fee = f'<div style="border:2px solid {s.rng.choice(["#e53935", "#ccc", s.accent])};padding:10px;margin:10px;font-size:{s.rng.randint(14, 22)}px"><b>{s.money()}</b> {s.filler(2, 6)}</div>'
    body = bar(s) + lettering(s, s.pick(words.LURE["parcel"]), 20, 38) + parcel_ + s.maybe(0.5, f"<table style='width:100%'><tr>{steps}</tr></table>") + f'<div style="font:14px {s.rng.choice(MONO)!r}">{s.rng.choice("RLCEU")}{s.rng.choice("XBPN")}{s.rng.randrange(10**8, 10**9)}{s.rng.choice(["US", "DE", "FR", "CN", "PT"])}</div>' + s.maybe(0.6, fee) + s.maybe(0.5, s.paragraph(8, 26)) + s.button(s.pick(words.LURE_BUTTON))
    return _finish(s, body, 380, 660, s.rng.choice(["#fff", s.paper, s.paper]), s.rng.choice([0, 0, 12]))


def _parcel(s: Style) -> str:
    return box(s, s.rng.randint(120, 220))


def bill(s: Style) -> str:
    """A bill in a known firm's name for what nobody ordered, with a telephone number, as a drawing or a scan."""
    number = f"{s.rng.choice(['+1 ', '1-', ''])}({s.rng.randint(800, 888)}) {s.rng.randint(200, 999)}-{s.rng.randint(1000, 9999)}"
    s.language, s.centred = "en", s.rng.random() < 0.3
    s.paper, s.ink = "#fff", "#111"
    loud = s.rng.choice([f"color:#d32f2f;font-size:{s.rng.randint(22, 36)}px", f"background:#ffeb3b;font-size:{s.rng.randint(18, 30)}px;padding:6px", f"border:3px solid {s.accent};padding:10px;font-size:{s.rng.randint(18, 30)}px", f"background:{s.accent};color:#fff;padding:12px;font-size:{s.rng.randint(18, 30)}px"])
    call = f'<div style="font-weight:800;margin:12px 0;{loud}">{s.rng.choice(["☎ ", "📞 ", "Call: ", "Customer support: ", "To cancel call ", "Helpline "])}{number}</div>'
    rows = "".join(f"<tr><td style='padding:6px;border-bottom:1px solid #ddd'>{esc(what)}</td><td style='padding:6px;border-bottom:1px solid #ddd;text-align:right'>{value}</td></tr>" for what, value in [
        ("Product", s.rng.choice(["Total Security 360", "Bitcoin (BTC)", "Premium Protection", "Smart TV 65\"", "Gift card", "Annual plan"])), ("Invoice no.", f"{s.rng.choice(['INV', 'TX', 'GS'])}-{s.rng.randrange(10**5, 10**8)}"), ("Date", f"{s.rng.randint(1, 28)}/{s.rng.randint(1, 12)}/202{s.rng.randint(2, 6)}"), ("Payment", s.rng.choice(["Auto debit", "Card •••• 4417", "Bank"])), ("Total", f"<b>${s.rng.randint(199, 999)}.{s.rng.choice(['00', '99', '49'])}</b>")])
    body = s.rng.choice([bar(s), identity(s), f"<div style='display:flex;justify-content:space-between'>{identity(s)}<b>INVOICE</b></div>"]) + s.maybe(0.5, f"<p>Dear Customer,</p>{s.paragraph(12, 34)}") + f"<table style='width:100%;border-collapse:collapse;font-size:{s.rng.randint(12, 16)}px'>{rows}</table>" + call + s.maybe(0.7, s.paragraph(10, 36)) + s.maybe(0.35, call) + s.maybe(0.3, burst(s, "PAID", 80)) + s.maybe(0.4, "<p>Regards,<br>Billing Department</p>")
    return scanned(s.page(body, s.rng.randint(420, 780), s.rng.choice([0, 20, 40])), s.rng.random() < 0.2)


def scan_me(s: Style) -> str:
    """A document in an employer's or a service's name whose only way on is a code."""
    s.language = s.rng.choice(["en", "en", "en", s.language])
    head = s.rng.choice(["Salary adjustment 2025", "Action required: multi-factor authentication", "Document ready for signature", "Voice message received", "Benefits enrolment", "Your session has expired", "Secure document shared with you", "Tax refund available", "Parking charge notice", "Update your employee handbook acknowledgement"])
    square = f'<div style="display:inline-block;padding:{s.rng.randint(4, 16)}px;border:{s.rng.choice([0, 1, 3, 5])}px solid {s.rng.choice([s.accent, "#222"])};border-radius:{s.rng.choice([0, 8, 16])}px;background:#fff">{s.code(s.rng.randint(110, 250))}</div>'
    if s.rng.random() < 0.3:
        square = f'<div style="display:flex;gap:14px;align-items:center;justify-content:center">{square}{s.rng.choice([phone(s, "", 90), checklist(s, 3, "→", s.accent), f"<div>{s.paragraph(8, 18)}</div>"])}</div>'
    due = f'<div style="color:#d32f2f;font-weight:700;margin:8px">{s.rng.choice(["Expires in 24 hours", "Deadline today", "Final reminder", "Access ends at 5 pm", "Urgent"])}</div>'
    body = s.rng.choice([identity(s), bar(s), identity(s)]) + lettering(s, esc(head), 18, 32) + s.maybe(0.7, s.paragraph(10, 34)) + square + f"<div><b>{s.rng.choice(['Scan the QR code with your phone camera', 'Scan to review and sign', 'Use your mobile device to verify', 'Scan QR code to continue'])}</b></div>" + s.maybe(0.5, due) + s.maybe(0.6, s.paragraph(8, 26))
    s.centred = s.rng.random() < 0.6
    return s.page(f'<div style="{s.rng.choice(["", "", "border:1px solid #ccc;padding:20px;background:#fff;color:#222", "box-shadow:0 0 12px #0003;padding:26px;background:#fff;color:#222"])}">{body}</div>', s.rng.randint(380, 700), s.rng.choice([0, 14, 30]), s.rng.choice([None, "#fff", "#f3f2f1"]))


def summons(s: Style) -> str:
    """A letter that threatens with the law: emblems, flags, capitals, stamps; often scanned."""
    s.paper, s.ink, s.centred = s.rng.choice(["#fff", "#fffdf2", "#f7f7f2"]), "#111", False
    s.text_font = s.rng.choice(SERIF + [s.text_font])
    flag = lambda: f'<svg width="70" height="46" viewBox="0 0 3 2">{"".join(f"<rect x={i} width=1 height=2 fill={c!r} />" for i, c in enumerate(s.rng.sample(["#0055a4", "#ffffff", "#ef4135", "#000000", "#fae042", "#009246", "#1a237e"], 3)))}</svg>'
    ring = '<svg width="80" height="54" viewBox="0 0 120 80"><rect width="120" height="80" fill="#039"/>' + "".join(f'<text x="{60 + 26 * x - 5:.0f}" y="{40 + 26 * y + 5:.0f}" font-size="13" fill="#fc0">★</text>' for x, y in [(0, -1), (0.5, -0.87), (0.87, -0.5), (1, 0), (0.87, 0.5), (0.5, 0.87), (0, 1), (-0.5, 0.87), (-0.87, 0.5), (-1, 0), (-0.87, -0.5), (-0.5, -0.87)]) + "</svg>"
    ink = s.rng.choice(["#c62828", "#1a237e", "#b71c1c", "#333"])
    signs = [seal(s, s.rng.randint(80, 130), s.rng.choice(["POLICE JUDICIAIRE * POLICE *", "MINISTRY OF JUSTICE * COURT *", "BRIGADE DE PROTECTION * * *", "CYBERCRIME DIVISION * * *", "TRIBUNAL * REPUBLIC * "]), s.rng.choice(["#1a237e", "#8d6e1f", "#222", "#0d47a1"])), flag(), ring, s.mark(90)]
    head = f'<div style="display:flex;justify-content:space-around;align-items:center">{"".join(s.rng.sample(signs, s.rng.randint(1, 3)))}</div>'
    name = f'<div style="text-align:center;font:800 {s.rng.randint(22, 40)}px {s.text_font!r};color:{s.rng.choice(["#c62828", "#111", "#0d2a6b"])};{s.rng.choice(["", "text-decoration:underline"])}">{esc(s.rng.choice(["CONVOCATION", "SUMMONS TO APPEAR", "NOTICE OF PROSECUTION", "VORLADUNG", "CITACIÓN", "MANDAT D’ARRÊT", "COURT ORDER", "CYBER INFRACTION", "AVIS DE POURSUITE", "CONVOCAZIONE", "FINAL NOTICE", "ATTENTION"]))}</div>'
    loud = lambda: f'<p style="color:{s.rng.choice(["#c62828", "#111"])};font-weight:700;font-size:{s.rng.randint(12, 16)}px">{s.filler(8, 24).upper()}</p>'
    text = "".join(s.rng.choice([s.paragraph(20, 55), s.paragraph(20, 55), loud()]) for _ in range(s.rng.randint(3, 6)))
    foot = f'<div style="display:flex;justify-content:space-between;align-items:flex-end"><div style="font:30px \'Dancing Script\';color:#1a237e">{s.rng.choice(NAMES)} {esc(brand(s.rng))[:8]}</div>{seal(s, s.rng.randint(90, 150), "OFFICIAL * CONFIDENTIAL * ORIGINAL *", ink)}{s.maybe(0.4, face(s, 80, False))}</div>'
    stamp = s.maybe(0.4, f'<div style="position:absolute;right:{s.rng.randint(20, 200)}px;top:{s.rng.randint(120, 420)}px;transform:rotate({s.rng.randint(-28, 28)}deg);border:5px double {ink};color:{ink};padding:8px 18px;font:900 {s.rng.randint(22, 40)}px {s.head_font!r};opacity:.7">{s.rng.choice(["URGENT", "SECRET", "CONFIDENTIEL", "FINAL", "WARRANT", "SUSPECT"])}</div>')
    return scanned(s.page(f'<div style="position:relative">{head}{name}{text}{foot}{stamp}</div>', s.rng.randint(520, 820), s.rng.choice([24, 40, 56])), s.rng.random() < 0.45)


def casino(s: Style) -> str:
    """Reels, chips, coins on a dark ground."""
    dark = s.rng.choice(["radial-gradient(circle,#4a0072,#12001f)", "linear-gradient(#7a0000,#1a0000)", "radial-gradient(circle,#00501f,#00170a)", "linear-gradient(#0b1f4b,#000)", backdrop(s)])
    gold = "background:linear-gradient(#fff3b0,#c9a227,#fff3b0);-webkit-background-clip:text;color:transparent;"
    reels = '<div style="display:inline-flex;gap:6px;background:linear-gradient(#c9a227,#6b4e00);padding:12px;border-radius:12px">' + "".join(f'<span style="background:#fff;width:84px;height:100px;line-height:100px;font:62px \'Noto Color Emoji\',{s.head_font!r};color:#c62828">{s.rng.choice(["7", "7", "🍒", "🍋", "🔔", "💎", "⭐", "🍀"])}</span>' for _ in range(s.rng.choice([3, 3, 5]))) + "</div>"
    chips = "".join(f'<span style="display:inline-block;width:70px;height:70px;border-radius:50%;background:repeating-conic-gradient({c} 0 20deg,#fff 20deg 40deg);margin:4px"><span style="display:block;width:46px;height:46px;margin:12px;border-radius:50%;background:{c};color:#fff;line-height:46px;font-weight:800">{s.rng.choice([5, 25, 100, 500])}</span></span>' for c in s.rng.sample(["#c62828", "#1565c0", "#2e7d32", "#212121", "#6a1b9a"], s.rng.randint(2, 4)))
    head = f'<div style="font:900 {s.rng.randint(34, 64)}px/1.1 {s.head_font!r};{gold}margin:10px">{_pitch(s, "money") if s.rng.random() < 0.3 else esc(s.rng.choice(["JACKPOT", "200 FREE SPINS", "BONUS 500 %", "MEGA WIN", "+150 ФРИСПИНОВ", "1.000 € BONUS", "CASINO VIP", "大奖 888", "Giros grátis"]))}</div>'
    emoji = "".join(f'<span style="font:{s.rng.randint(40, 90)}px \'Noto Color Emoji\'">{s.rng.choice("🎰🎲💰💎🃏🪙")}</span>' for _ in range(s.rng.randint(2, 5)))
    parts = [head, s.rng.choice([reels, chips, emoji, reels + chips, over(s, face(s, 220, False), burst(s, "777", 100))]), f'<div style="font-size:18px">{s.filler(3, 9)}</div>']
    if s.rng.random() < 0.3:
        s.rng.shuffle(parts)
    s.ink = "#ffe9a8"
    return _finish(s, "".join(parts) + s.button(s.pick(words.LURE_BUTTON)), 380, 760, dark)


def trading(s: Style) -> str:
    """A rate that only rises, and somebody known who says so."""
    if s.rng.random() < 0.5:
        s.paper, s.ink = s.rng.choice(["#0b1026", "#101418", "#06251a"]), "#e8f5e9"
    coin = f'<span style="display:inline-block;width:{110}px;height:110px;border-radius:50%;background:radial-gradient(circle,#ffe082,#f7931a);border:6px solid #c77800;box-sizing:border-box;color:#fff;font:800 58px/98px sans-serif">{s.rng.choice("₿Ξ$Ð€")}</span>'
    who = f'<div style="display:flex;gap:14px;align-items:center;justify-content:center">{face(s, s.rng.randint(110, 200), s.rng.random() < 0.5)}<div style="font:italic 18px {s.rng.choice(SERIF)!r};max-width:260px">“{_pitch(s, "money")}”</div></div>'
    gains = "<table style='margin:auto;font-size:15px'>" + "".join(f"<tr><td style='padding:4px 12px'>{face(s, 30)} {s.rng.choice(NAMES)}</td><td style='color:#2e9e3f'><b>+{s.money()}</b></td></tr>" for _ in range(s.rng.randint(3, 6))) + "</table>"
    blocks = [lettering(s, s.pick(words.LURE["money"]) if s.rng.random() < 0.5 else _pitch(s, "money"), 24, 46), graph(s, s.rng.randint(300, 520), s.rng.randint(120, 240), True), s.maybe(0.5, coin), s.maybe(0.45, who), s.maybe(0.35, gains)]
    if s.rng.random() < 0.4:
        s.rng.shuffle(blocks)
    tail = form(s, ["Name", "Email", "Phone"], s.pick(words.LURE_BUTTON)) if s.rng.random() < 0.25 else s.button(s.pick(words.LURE_BUTTON))
    return _finish(s, "".join(blocks) + tail, 400, 740)


def quote(s: Style) -> str:
    """Insurance, solar roofs, windows, hearing aids: a photograph, an age to choose, a sum saved."""
    ages = s.rng.choice([["18-25", "26-35", "36-45", "46-55", "56-65", "65+"], ["$50k", "$100k", "$250k", "$500k"], ["Yes", "No"], ["<$100", "$100-200", ">$200"], ["Honda", "Ford", "BMW", "Other"]])
    blocks = [photo(s, "100%", s.rng.randint(150, 320)) if s.rng.random() < 0.75 else map_(s, 420, 220), lettering(s, _pitch(s, "money"), 22, 44), f'<div style="font-size:17px">{s.rng.choice(["Select your age", "Choose your coverage", "Tap your vehicle", "Do you own your home?", "Wie alt sind Sie?", "Quel âge avez-vous ?"])}</div>' + choices(s, ages) if s.rng.random() < 0.6 else "", s.maybe(0.3, checklist(s, 3, "✓", s.accent))]
    first = s.rng.random()
    if first < 0.3:
        blocks[0] = over(s, blocks[0], burst(s, s.rng.choice(["$29", "$19/mo", "$0", "-40%", "2025"]), 100))
    if s.rng.random() < 0.4:
        blocks[0], blocks[1] = blocks[1], blocks[0]
    return _finish(s, s.maybe(0.4, identity(s)) + "".join(blocks) + s.button(s.pick(words.LURE_BUTTON)), 400, 740, backdrop(s), s.rng.choice([0, 12, 24]))


def gadget(s: Style) -> str:
    """Something nobody needs, at half the price until midnight."""
    item = over(s, goods(s, s.rng.randint(180, 320)), burst(s, s.rng.choice(["-50%", "-70%", "SALE", "HOT", "NEW", "WOW"]), s.rng.randint(80, 130)), s.maybe(0.4, arrow(s, 80)))
    old = f'<div style="font-size:26px"><s style="color:#999">{s.money()}</s> <b style="color:#e53935;font-size:38px">{s.money()}</b></div>'
    clock = "".join(f'<span style="display:inline-block;background:{s.rng.choice(["#111", "#e53935", s.accent])};color:#fff;padding:8px 12px;margin:3px;font:700 24px {s.rng.choice(MONO)!r};border-radius:4px">{s.rng.randrange(60):02d}</span>' for _ in range(3))
    blocks = [lettering(s, s.rng.choice([s.pick(words.LURE["prize"]), esc(s.rng.choice(["The gadget everyone is talking about", "Stay cool for 9 cents a day", "This tiny device sees in the dark", "Never charge your torch again", "Military grade. Almost sold out", "Heizt den Raum in 3 Minuten", "L’appareil qui rend fou les électriciens"]))]), 24, 46), item, s.maybe(0.6, old), s.maybe(0.4, f"<div>{clock}</div>"), s.maybe(0.4, checklist(s, 3, "✔", "#2e9e3f")), s.maybe(0.25, '<div style="color:#f5a623;font-size:26px">★★★★★</div>')]
    if s.rng.random() < 0.4:
        s.rng.shuffle(blocks)
    return _finish(s, "".join(blocks) + s.button(s.pick(words.LURE_BUTTON)), 380, 720, backdrop(s))


def pharmacy(s: Style) -> str:
    """Pills with prices, in rows."""
    shapes = [f'<path d="M22 4 h36 a18 18 0 0 1 0 36 h-36 a18 18 0 0 1 0 -36z" fill="{s.accent}"/><path d="M40 4 h18 a18 18 0 0 1 0 36 h-18z" fill="{s.second}"/>', '<path d="M40 2 L76 22 L40 42 L4 22Z" fill="#3b6fd4"/>', f'<circle cx="40" cy="22" r="20" fill="{s.second}"/><path d="M22 22 H58" stroke="#0003" stroke-width="2"/>']
    pill = lambda: f'<svg width="74" height="42" viewBox="0 0 80 44">{s.rng.choice(shapes)}</svg>'
    names = ["Cialix", "Viagren", "Levitor", "Xanaxen", "Tramadex", "Phenterm", "Ozempra", "Valiumax", "Ambiex", "Modafin", "Kamagro", "Oxycor"]
    columns = s.rng.choice([2, 3, 4])
    cells = ["<td style='padding:10px;border:1px solid #8884;text-align:center'>" + pill() + f"<div><b>{s.rng.choice(names)}</b></div><div style='color:#e53935'>{s.rng.choice(['from ', '', 'ab '])}${s.rng.randint(0, 5)}.{s.rng.randint(10, 99)}</div>" + s.maybe(0.4, s.button(s.rng.choice(["Buy", "Order", "Add"]))) + "</td>" for _ in range(columns * s.rng.randint(1, 3))]
    rows = "".join("<tr>" + "".join(cells[i:i + columns]) + "</tr>" for i in range(0, len(cells), columns))
    return _finish(s, s.maybe(0.7, bar(s)) + lettering(s, esc(s.rng.choice(["Canadian pharmacy", "No prescription needed", "Online drugstore -80 %", "100 % quality, fast shipping", "Apotheke ohne Rezept", "Pharmacie en ligne"])), 22, 44) + f"<table style='margin:auto;border-collapse:collapse;background:#fff;color:#222'>{rows}</table>" + s.maybe(0.4, photo(s, "100%", 140)) + s.maybe(0.6, s.button(s.pick(words.LURE_BUTTON))), 380, 700, s.rng.choice([s.paper, "#fff", backdrop(s)]), s.rng.choice([0, 12]))


def shop(s: Style) -> str:
    """A shop's mailing: hero, goods with prices."""
    columns = s.rng.choice([2, 3, 3, 4])
    cell = lambda: f'<td style="padding:8px;text-align:center;vertical-align:top;width:{100 // columns}%">{goods(s, 110) if s.rng.random() < 0.5 else photo(s, "100%", 120)}<div style="font-size:12px">{s.filler(2, 5)}</div><b style="color:{s.accent}">{s.money()}</b>{s.maybe(0.3, s.button(s.pick(words.SELL_BUTTON)))}</td>'
    grid = f"<table style='width:100%'>{''.join('<tr>' + ''.join(cell() for _ in range(columns)) + '</tr>' for _ in range(s.rng.randint(1, 3)))}</table>"
    hero = s.maybe(0.8, photo(s, "100%", s.rng.randint(150, 340)))
    if s.rng.random() < 0.3:
        hero = over(s, hero or photo(s, "100%", 200), burst(s, s.rng.choice(["-20%", "-50%", "SALE", "2=1", "NEW"]), 110))
    return _finish(s, s.rng.choice([bar(s), identity(s)]) + hero + lettering(s, s.pick(words.SELL), 22, 46) + s.maybe(0.75, grid) + s.button(s.pick(words.SELL_BUTTON)), 440, 760, padding=s.rng.choice([0, 0, 14]))


def journey(s: Style) -> str:
    """Holidays, films, courses, meals: a photograph with what it costs."""
    width, height = s.rng.randint(380, 720), s.rng.randint(280, 640)
    veil = s.rng.choice(["linear-gradient(#0000,#000c)", "#0005", "linear-gradient(90deg,#000b,#0000)", "#0000"])
    text = f'{s.maybe(0.6, identity(s))}<div style="font:800 {s.rng.randint(28, 58)}px/1.1 {s.head_font!r};color:#fff;text-shadow:0 2px 6px #000a">{s.pick(words.SELL)}</div>{s.maybe(0.6, f"<div style=color:#fff;font-size:20px>{s.money()}</div>")}{s.button(s.pick(words.SELL_BUTTON))}'
    return s.page(f'<div style="background:{veil};min-height:{height}px;padding:24px;box-sizing:border-box;display:flex;flex-direction:column;justify-content:{s.rng.choice(["flex-end", "center", "flex-start"])}"><div>{text}</div></div>', width, 0, f"url({stock(s)}) center/cover")


def webinar(s: Style) -> str:
    """A seminar, an app, a subscription that a firm offers."""
    people = "".join(f'<div style="display:inline-block;margin:8px;width:130px">{face(s, s.rng.randint(70, 120))}<div style="font-size:13px"><b>{s.rng.choice(NAMES)} {esc(brand(s.rng))[:8]}</b><br>{s.filler(1, 3)}</div></div>' for _ in range(s.rng.randint(1, 4)))
    hero = s.rng.choice([people, phone(s, photo(s, "100%", 150) + s.paragraph(4, 10), s.rng.randint(140, 200)), window(s, photo(s, "100%", 170) + f"<div style=padding:10px>{s.paragraph(6, 16)}</div>", 380), over(s, phone(s, photo(s, "100%", 160), 160), burst(s, "FREE", 80))])
    return _finish(s, identity(s) + lettering(s, s.pick(words.SELL), 24, 46) + hero + s.maybe(0.5, s.paragraph(6, 24)) + s.maybe(0.4, checklist(s, 3, "✓", s.accent)) + s.button(s.pick(words.SELL_BUTTON)), 440, 760, backdrop(s))


# Share of each kind, and how loud its lettering is.
CAMPAIGNS = {
    survey: (14, 0.5), wheel: (4, 0.6), giftcard: (8, 0.5), advertorial: (9, 0.2), supplement: (9, 0.4), film: (5, 0.4), profiles: (7, 0.4), chatter: (3, 0.3), storage: (6, 0.2), antivirus: (7, 0.2), signin: (6, 0.1),
    delivery: (7, 0.2), bill: (7, 0.1), scan_me: (7, 0.1), summons: (4, 0.1), casino: (5, 0.6), trading: (5, 0.4), quote: (7, 0.3), gadget: (8, 0.5), pharmacy: (2, 0.3),
}
MAILINGS = {shop: (5, 0.4), journey: (3, 0.5), webinar: (3, 0.3)}
