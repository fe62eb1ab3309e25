"""Drawn ham of the same make as `campaigns`: what firms, offices and friends send with stock photographs, marks, goods, seals and screens. Each
function returns HTML of one picture. No writing over photographs: as ham, it costs the challenge sets, which are spam of that kind."""

from . import words
from .blocks import NAMES, arrow, bar, chat_bubble, checklist, comments, emblem, face, form, goods, graph, identity, map_, notice, over, phone, photo, player, seal, stock, window
from .style import MONO, SERIF, Style, esc, scanned


def _white(s: Style) -> None:
    s.paper, s.ink, s.centred = s.rng.choice(["#fff", "#fff", "#fafafa", "#fffef8"]), s.rng.choice(["#000", "#222", "#333"]), False


def _facts(s: Style, rows: int) -> str:
    size = s.rng.randint(11, 15)
    return f"<table style='font-size:{size}px;border-collapse:collapse;margin:8px 0'>" + "".join(f"<tr><td style='padding:4px 14px 4px 0;color:#777'>{s.filler(1, 2).rstrip('.。 ')}</td><td style='padding:4px'>{s.rng.choice([s.filler(1, 4), s.money(), str(s.rng.randrange(10**5))])}</td></tr>" for _ in range(rows)) + "</table>"


def purchase(s: Style) -> str:
    """A shop's confirmation: what was bought, what it cost, where it is."""
    rows = "".join(f"<tr><td style='padding:6px'>{goods(s, 70) if s.rng.random() < 0.6 else photo(s, '70px', 60)}</td><td style='padding:6px;text-align:left;font-size:13px'>{s.filler(2, 7)}<br><small>{s.rng.randint(1, 4)} ×</small></td><td style='padding:6px'>{s.money()}</td></tr>" for _ in range(s.rng.randint(1, 5)))
    s.centred = s.rng.random() < 0.3
    return s.page(s.rng.choice([bar(s), identity(s)]) + s.title() + s.paragraph(6, 24) + f"<table style='width:100%;border-collapse:collapse'>{rows}</table>" + f"<div style='text-align:right'><b>{s.money()}</b></div>" + s.maybe(0.5, _facts(s, 3)) + s.maybe(0.4, s.button(s.pick(words.SELL_BUTTON))) + s.maybe(0.6, f"<small style='color:#888'>{s.filler(8, 30)}</small>"), s.rng.randint(400, 700))


def shipped(s: Style) -> str:
    """A courier's plain word that a parcel is on its way: no fee, no haste."""
    steps = "".join(f'<td style="text-align:center;font-size:11px"><div style="height:5px;background:{ink}"></div>{s.filler(1, 3)}</td>' for ink in [s.accent] * s.rng.randint(1, 4) + ["#ccc"] * s.rng.randint(0, 2))
    return s.page(s.rng.choice([bar(s), identity(s)]) + s.title() + f"<table style='width:100%'><tr>{steps}</tr></table>" + _facts(s, s.rng.randint(2, 5)) + s.maybe(0.4, map_(s, 380, 180)) + s.maybe(0.3, s.barcode()) + s.paragraph(8, 26), s.rng.randint(380, 660))


def notification(s: Style) -> str:
    """What programs write to their users: a code to sign in, a comment, a report of the week. Without a button: with one, what is asked
    for is all that tells it from a lure."""
    inner = s.rng.choice([
        f'<div style="font:700 {s.rng.randint(26, 40)}px {s.rng.choice(MONO)!r};letter-spacing:6px;margin:16px">{s.rng.randrange(10**5, 10**6)}</div>', comments(s, s.rng.randint(1, 3)), _facts(s, s.rng.randint(3, 6)), graph(s, 380, 140, False), s.table(3, s.rng.randint(2, 5), False),
        f'<div style="background:#f3f3f3;padding:10px;font:12px {s.rng.choice(MONO)!r};text-align:left">{s.filler(6, 20)}</div>'])
    body = identity(s) + f'<div style="font-size:{s.rng.randint(17, 24)}px;margin:12px 0">{s.filler(3, 8)}</div>' + s.paragraph(10, 36) + inner + f'<div style="font-size:11px;color:#888;margin-top:16px">{s.filler(6, 24)}</div>'
    return s.page(f'<div style="background:#fff;color:#222;padding:24px;{s.rng.choice(["", "border:1px solid #ddd;"])}margin:{s.rng.choice([0, 14, 30])}px">{body}</div>', s.rng.randint(420, 680), 0, s.rng.choice(["#f2f2f2", "#fff", "#f6f8fa"]))


def statement(s: Style) -> str:
    """A bank's, a doctor's, an office's sheet."""
    _white(s)
    return scanned(s.page(f"<div style='display:flex;justify-content:space-between'>{identity(s)}<div style='font-size:11px;text-align:right'>{s.filler(2, 5)}<br>{s.rng.randrange(10**9)}</div></div>" + s.title() + s.table(s.rng.randint(3, 5), s.rng.randint(5, 16), True) + s.paragraph(10, 40) + s.maybe(0.3, graph(s, 420, 120, s.rng.random() < 0.5)), s.rng.randint(560, 860), 36), s.rng.random() < 0.3)


def official(s: Style) -> str:
    """A letter of an authority, a school, a notary: emblem, seal, signature; often scanned."""
    _white(s)
    s.text_font = s.rng.choice(SERIF + [s.text_font])
    ink = s.rng.choice(["#1a237e", "#333", "#1b5e20", "#6a1b9a", "#c62828"])
    head = s.rng.choice([f'<div style="text-align:center">{s.mark(s.rng.randint(50, 100))}</div>', f"<div style='display:flex;justify-content:space-between'>{identity(s)}<span>{s.filler(2, 4)}</span></div>", f'<div style="text-align:center">{seal(s, 90, s.filler(3, 5).upper(), ink)}</div>'])
    body = "".join(s.paragraph(20, 60) for _ in range(s.rng.randint(2, 5)))
    foot = f'<div style="display:flex;justify-content:space-between;align-items:flex-end;margin-top:20px"><div style="font:30px \'Dancing Script\';color:#1a237e">{s.rng.choice(NAMES)} {s.rng.choice(["Novak", "Weber", "Rossi", "Martin", "Sato", "Costa"])}</div>{s.maybe(0.7, seal(s, s.rng.randint(80, 130), s.filler(3, 5).upper(), ink))}</div>'
    return scanned(s.page(head + s.title() + s.maybe(0.5, _facts(s, 3)) + body + foot, s.rng.randint(540, 820), s.rng.choice([30, 44, 60])), s.rng.random() < 0.5)


def diploma(s: Style) -> str:
    s.centred = True
    return s.page(f'<div style="border:{s.rng.randint(4, 14)}px {s.rng.choice(["double", "solid", "ridge"])} {s.accent};padding:30px">{s.maybe(0.7, identity(s))}<div style="font:{s.rng.randint(30, 50)}px {s.rng.choice(["TeX Gyre Chorus", "Dancing Script", *SERIF])!r};margin:14px">{s.pick(words.TITLE)}</div><div style="font-size:24px">{s.rng.choice(NAMES)} {s.rng.choice(["Novak", "Weber", "Rossi"])}</div>{s.paragraph(8, 26)}{seal(s, s.rng.randint(80, 120), s.filler(3, 5).upper(), s.rng.choice(["#b8860b", "#1a237e", s.accent]))}</div>', s.rng.randint(480, 860), s.rng.choice([0, 14]), s.rng.choice(["#fff", "#fffdf2", None]))


def team(s: Style) -> str:
    """Who is who: a firm's people, speakers of a conference, a class."""
    people = "".join(f'<div style="display:inline-block;vertical-align:top;margin:8px;width:{s.rng.choice([110, 130, 150])}px">{face(s, s.rng.randint(70, 120), s.rng.random() < 0.6)}<div style="font-size:13px"><b>{s.rng.choice(NAMES)} {s.rng.choice(["N", "W", "R", "K", "S"])}.</b><br><small>{s.filler(1, 4)}</small></div></div>' for _ in range(s.rng.randint(2, 9)))
    return s.page(s.maybe(0.6, identity(s)) + s.title() + people + s.maybe(0.5, s.paragraph(8, 40)), s.rng.randint(420, 800))


def listing(s: Style) -> str:
    """A house, a car, a second-hand thing: photographs and facts."""
    s.centred = False
    return s.page(s.maybe(0.5, identity(s)) + s.title() + photo(s, "100%", s.rng.randint(200, 360)) + "".join(photo(s, "32%", 90, "margin:2px;") for _ in range(s.rng.choice([0, 3, 3, 6]))) + _facts(s, s.rng.randint(4, 9)) + s.paragraph(15, 50), s.rng.randint(420, 760))


def letter_of_news(s: Style) -> str:
    """A club's or a firm's newsletter with photographs beside the text."""
    s.centred = False
    articles = "".join(f'<div style="display:flex;gap:14px;margin:16px 0;flex-direction:{s.rng.choice(["row", "row-reverse"])}">{photo(s, "38%", s.rng.randint(90, 160)) if s.rng.random() < 0.8 else face(s, 90)}<div style="flex:1">{s.headline(s.filler(3, 7), 15, 22)}{s.paragraph(14, 40)}</div></div>' for _ in range(s.rng.randint(2, 4)))
    return s.page(s.rng.choice([bar(s), identity(s)]) + s.title() + s.maybe(0.6, photo(s, "100%", s.rng.randint(140, 280))) + articles, s.rng.randint(520, 760), s.rng.choice([0, 16, 28]))


def recipe(s: Style) -> str:
    s.centred = False
    return s.page(s.title() + photo(s, "100%", s.rng.randint(180, 320)) + f"<div style='display:flex;gap:20px'><ul style='font-size:14px'>{''.join(f'<li>{s.rng.randint(1, 500)} {s.filler(1, 3)}</li>' for _ in range(s.rng.randint(4, 9)))}</ul><div>{s.paragraph(20, 60)}{s.paragraph(10, 40)}</div></div>", s.rng.randint(440, 720))


def itinerary(s: Style) -> str:
    stops = "".join(f'<div style="display:flex;gap:14px;border-left:3px solid {s.accent};padding:8px 12px;margin:4px 0;font-size:13px;text-align:left"><b>{s.rng.randrange(24):02d}:{s.rng.randrange(60):02d}</b><div>{s.filler(2, 6)}<br><small>{s.filler(2, 8)}</small></div></div>' for _ in range(s.rng.randint(3, 7)))
    return s.page(s.maybe(0.6, bar(s)) + s.title() + s.maybe(0.5, photo(s, "100%", 160)) + stops + s.maybe(0.5, map_(s, 400, 200)) + s.maybe(0.4, s.barcode()), s.rng.randint(400, 680))


def website(s: Style) -> str:
    """A page in a browser, as people send screens of."""
    s.centred = False
    nav = "".join(f'<span style="margin-right:16px;font-size:13px">{s.filler(1, 1).rstrip(".。 ")}</span>' for _ in range(s.rng.randint(3, 7)))
    columns = "".join(f'<div style="flex:1;padding:8px">{s.rng.choice([photo(s, "100%", 90), face(s, 60), emblem(s, 36)[0]])}{s.headline(s.filler(1, 4), 14, 20)}{s.paragraph(8, 24)}</div>' for _ in range(s.rng.choice([2, 3, 3, 4])))
    inside = f'<div style="padding:10px 20px;display:flex;justify-content:space-between;border-bottom:1px solid #ddd"><span>{identity(s)}</span><span>{nav}</span></div>{s.maybe(0.7, photo(s, "100%", s.rng.randint(120, 260)))}<div style="padding:14px">{s.headline(s.filler(3, 7), 20, 34)}{s.paragraph(10, 40)}<div style="display:flex">{columns}</div></div>'
    width = s.rng.randint(600, 1000)
    return s.page(window(s, inside, width) if s.rng.random() < 0.7 else f'<div style="background:#fff;color:#222">{inside}</div>', width, 0)


def annotated(s: Style) -> str:
    """A screen with red rings and arrows, as those who help others send it."""
    s.centred = False
    base = window(s, f"<div style='padding:14px'>{s.rng.choice([form(s, [s.filler(1, 2) for _ in range(3)], s.filler(1, 2)), s.table(4, 7, True), s.paragraph(20, 60) + s.paragraph(10, 40)])}</div>", s.rng.randint(380, 640))
    note = f'<span style="color:#e53935;font:700 {s.rng.randint(14, 22)}px {s.rng.choice(["Humor Sans", s.text_font])!r};background:#fffc">{s.filler(2, 6)}</span>'
    return s.page(over(s, base, arrow(s, s.rng.randint(50, 130)), s.maybe(0.6, note), s.maybe(0.3, arrow(s, 80))), s.rng.randint(420, 700), s.rng.choice([0, 10]))


def datasheet(s: Style) -> str:
    """A product for its buyers' engineers: picture, table, drawing."""
    _white(s)
    return s.page(f"<div style='display:flex;justify-content:space-between'>{identity(s)}<b>{esc(s.rng.choice(['DS', 'Rev.', 'Mod.']))} {s.rng.randint(1, 99)}</b></div>" + s.headline(s.filler(2, 4), 20, 32) + f"<div style='display:flex;gap:16px'>{goods(s, s.rng.randint(120, 220))}<div>{checklist(s, s.rng.randint(3, 6), '•', '#333')}</div></div>" + s.table(s.rng.randint(2, 5), s.rng.randint(4, 12), True) + s.paragraph(10, 30), s.rng.randint(560, 840), 30)


def bare(s: Style) -> str:
    """A product, a portrait, a few photographs, and nothing else."""
    roll = s.rng.random()
    if roll < 0.3:
        return s.page(goods(s, s.rng.randint(140, 380)), s.rng.randint(200, 500), s.rng.randint(0, 30), s.rng.choice(["#fff", "#fff", "#f4f4f4", None]))
    if roll < 0.5:
        size = s.rng.randint(90, 420)
        return s.page(face(s, size, s.rng.random() < 0.15), size, 0)
    if roll < 0.75:
        width = s.rng.randint(200, 680)
        return s.page(photo(s, "100%", int(width * s.rng.uniform(0.5, 1.4)), "display:block;"), width, 0)
    columns = s.rng.choice([2, 3, 4])
    return s.page("".join(photo(s, f"{96 // columns}%", s.rng.choice([90, 130, 170]), "margin:1px;") for _ in range(columns * s.rng.randint(1, 3))), s.rng.randint(320, 700), s.rng.choice([0, 8]))


def social(s: Style) -> str:
    """A post with what others say of it, on a telephone or a page."""
    s.centred = False
    body = f'<div style="display:flex;gap:10px;align-items:center">{face(s, 44)}<div><b>{s.rng.choice(NAMES)}</b><br><small style="color:#888">{s.rng.randint(1, 23)} h</small></div></div><p style="font-size:14px">{s.filler(4, 24)}</p>{s.maybe(0.7, photo(s, "100%", s.rng.randint(180, 360)))}<div style="color:#666;font-size:13px;border-bottom:1px solid #ddd;padding:6px">♡ {s.rng.randint(1, 900)} &nbsp; 💬 {s.rng.randint(1, 90)} &nbsp; ↗</div>{comments(s, s.rng.randint(0, 3))}'
    return s.page(body, s.rng.randint(340, 560), 14)


def meeting(s: Style) -> str:
    """The screen of a meeting: faces in tiles."""
    columns = s.rng.choice([1, 2, 2, 3, 4])
    width = s.rng.randint(480, 960)
    tiles = "".join(f'<div style="position:relative;display:inline-block;width:{94 // columns}%;margin:1%"><img src="{stock(s) if s.rng.random() < 0.2 else "file://" + str(s.rng.choice(s.assets["people"]))}" style="width:100%;height:{int(width / columns * 0.52)}px;object-fit:cover"><span style="position:absolute;left:6px;bottom:8px;background:#000a;color:#fff;font-size:11px;padding:2px 6px">{s.rng.choice(NAMES)}</span></div>' for _ in range(columns * s.rng.randint(1, 3)))
    return s.page(tiles + '<div style="text-align:center;font-size:22px;color:#eee">🎤 📷 🖥 ✋ <span style="background:#e53935;border-radius:6px;padding:2px 14px">✆</span></div>', width, 6, "#1c1c1c")


def telephone(s: Style) -> str:
    """A telephone's screen: notices, a chat with pictures, a list."""
    inside = s.rng.choice(["".join(notice(s, s.filler(2, 9)) for _ in range(s.rng.randint(2, 6))), f"<b>{s.rng.choice(NAMES)}</b><hr>" + "".join(chat_bubble(s, s.filler(1, 12), s.rng.random() < 0.5) for _ in range(s.rng.randint(3, 8))) + s.maybe(0.4, photo(s, "70%", 120)), "".join(f'<div style="border-bottom:1px solid #ddd;padding:8px;font-size:13px;display:flex;gap:8px">{face(s, 34)}<div><b>{s.rng.choice(NAMES)}</b><br>{s.filler(2, 7)}</div></div>' for _ in range(s.rng.randint(4, 8)))])
    if s.rng.random() < 0.5:
        return s.page(phone(s, inside, s.rng.randint(240, 360)), s.rng.randint(380, 520), 20)
    return s.page(f'<div style="background:#fff;color:#222;text-align:left;padding:6px"><div style="font-size:11px;display:flex;justify-content:space-between"><span>{s.rng.randrange(24):02d}:{s.rng.randrange(60):02d}</span><span>▂▄▆ {s.rng.randint(5, 100)}%</span></div>{inside}</div>', s.rng.randint(320, 420), 0)


def infographic(s: Style) -> str:
    """Figures and signs of a report or a campaign for health at work."""
    sign = lambda: emblem(s, 48)[0] if s.rng.random() < 0.5 else f'<span style="font:48px Noto Color Emoji">{s.emoji("ham")}</span>'
    figure = lambda: s.rng.choice([f"{s.rng.randint(1, 99)} %", str(s.rng.randrange(5000)), f"{s.rng.randint(1, 9)}×"])
    cells = "".join(f'<div style="display:inline-block;vertical-align:top;width:150px;margin:10px">{sign()}<div style="font:800 {s.rng.randint(22, 40)}px {s.head_font!r};color:{s.accent}">{figure()}</div><div style="font-size:12px">{s.filler(3, 9)}</div></div>' for _ in range(s.rng.randint(3, 8)))
    return s.page(s.title() + cells + s.maybe(0.4, graph(s, 420, 140, False)) + s.maybe(0.4, s.paragraph(8, 24)), s.rng.randint(400, 760))


def lesson(s: Style) -> str:
    """A film of a course or a meeting on a page."""
    s.centred = False
    return s.page(window(s, f"<div style='padding:12px'>{player(s, s.rng.randint(340, 560))}{s.headline(s.filler(3, 8), 16, 24)}{s.paragraph(8, 30)}{s.maybe(0.5, comments(s, 2))}</div>", s.rng.randint(420, 660)) if s.rng.random() < 0.6 else player(s, s.rng.randint(320, 640)), s.rng.randint(440, 700), 0)


def invitation(s: Style) -> str:
    """A conference's programme, an open day, a marriage."""
    speakers = "".join(f'<div style="display:inline-block;margin:6px">{face(s, 64)}<br><small>{s.rng.choice(NAMES)}</small></div>' for _ in range(s.rng.randint(0, 4)))
    times = "".join(f"<tr><td style='padding:4px 12px'><b>{9 + i}:{s.rng.choice(['00', '30', '15'])}</b></td><td style='text-align:left'>{s.filler(2, 7)}</td></tr>" for i in range(s.rng.randint(0, 6)))
    return s.page(s.maybe(0.5, identity(s)) + s.headline(s.filler(2, 6), 26, 48) + f"<div style='font-size:20px'>{s.rng.randint(1, 28)}. {s.rng.randint(1, 12)}. 202{s.rng.randint(3, 7)}</div>" + s.maybe(0.4, photo(s, "100%", 180)) + speakers + f"<table style='margin:auto;font-size:13px'>{times}</table>" + s.maybe(0.4, map_(s, 360, 160)) + s.maybe(0.2, s.code(100)), s.rng.randint(400, 700))


def badge(s: Style) -> str:
    """A pass, a member's or a business card with a portrait."""
    return s.page(f'<div style="border:1px solid #bbb;border-radius:12px;overflow:hidden"><div style="background:{s.accent};color:#fff;padding:10px">{s.filler(1, 3)}</div><div style="display:flex;gap:14px;padding:14px;align-items:center">{face(s, 100, False)}<div style="text-align:left">{identity(s)}<div style="font-size:20px"><b>{s.rng.choice(NAMES)}</b></div><small>{s.filler(2, 6)}</small><br>{s.maybe(0.4, s.code(70))}{s.maybe(0.3, s.barcode())}</div></div></div>', s.rng.randint(320, 500), 10)


def guide(s: Style) -> str:
    """How to set up a telephone, a printer, a second factor: steps, and a code to scan."""
    s.centred = False
    steps = "".join(f'<div style="display:flex;gap:12px;margin:10px 0"><b style="background:{s.accent};color:#fff;border-radius:50%;min-width:26px;height:26px;line-height:26px;text-align:center">{i + 1}</b><div style="font-size:13px">{s.filler(5, 18)}</div></div>' for i in range(s.rng.randint(2, 5)))
    return s.page(identity(s) + s.title() + f"<div style='display:flex;gap:18px;align-items:flex-start'><div style='flex:1'>{steps}</div>{s.rng.choice([s.code(s.rng.randint(110, 190)), phone(s, '', 120), window(s, s.paragraph(6, 14), 200)])}</div>" + s.maybe(0.5, s.paragraph(6, 24)), s.rng.randint(480, 780), s.rng.choice([16, 30]))


# Share of each kind, and how loud its lettering is.
COMPANY = {
    purchase: (6, 0.1), shipped: (4, 0.1), notification: (8, 0.1), statement: (4, 0.0), official: (7, 0.0), diploma: (3, 0.2), team: (4, 0.2), listing: (4, 0.1), letter_of_news: (6, 0.2), recipe: (3, 0.3), itinerary: (3, 0.1), website: (6, 0.2), annotated: (3, 0.0),
    datasheet: (4, 0.1), bare: (9, 0.1), social: (4, 0.0), meeting: (4, 0.0), telephone: (4, 0.0), infographic: (4, 0.3), lesson: (3, 0.0), invitation: (5, 0.4), badge: (4, 0.1), guide: (4, 0.1),
}
