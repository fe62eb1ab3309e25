"""Larger blocks that campaigns and what firms and friends send are both built of: stock photographs, firms' marks, goods, devices, seals,
arrows, forms. Each function returns HTML for a place on a page; none is a sign of spam or of ham by itself."""

import math
import re
from pathlib import Path

from .style import DISPLAY, SANS, Style, brand, colour, esc

NAMES = ["Anna", "Marek", "Lucia", "James", "Petra", "Omar", "Yuki", "Sofia", "Daniel", "Elena", "Thomas", "Mei", "Ines", "Paulo", "Nadia", "Viktor", "Laura", "Ahmed", "Clara", "Ben"]


def face(s: Style, size: int, round_: bool = True) -> str:
    return f'<img src="file://{s.rng.choice(s.assets["people"])}" style="width:{size}px;height:{size}px;object-fit:cover;border-radius:{"50%" if round_ else f"{min(s.radius, 16)}px"}">'


def stock(s: Style) -> str:
    """The address of a photograph: people at work, rooms, food, streets, landscapes."""
    return f'file://{s.rng.choice(s.assets["stock"] + s.assets["people"] if s.rng.random() < 0.4 else s.assets["stock"])}'


def photo(s: Style, width: str, height: int, extra: str = "") -> str:
    return f'<img src="{stock(s)}" style="width:{width};height:{height}px;object-fit:cover;object-position:{s.rng.randint(20, 80)}% {s.rng.randint(10, 60)}%;{extra}">'


def emblem(s: Style, size: int, white: bool = False) -> tuple[str, str, str]:
    """A firm's mark, its name and its colour."""
    path: Path = s.rng.choice(s.assets["marks"])
    svg = path.read_text()
    own = re.search(r'fill="(#[0-9A-Fa-f]{6})"', svg)
    ink = own.group(1) if own else s.accent
    title = re.search(r"<title>(.*?)</title>", svg)
    svg = svg.replace("<svg ", f'<svg width="{size}" height="{size}" style="vertical-align:middle" ', 1)
    if white and own:
        svg = svg.replace(ink, "#fff", 1)
    return svg, title.group(1) if title else esc(brand(s.rng)), ink


def identity(s: Style) -> str:
    """Mark and name, real or made up; the firm's colour often becomes the accent of what follows."""
    if s.rng.random() < 0.5:
        return s.logo()
    size = s.rng.randint(24, 56)
    svg, name, ink = emblem(s, size)
    if s.rng.random() < 0.6:
        s.accent = ink
    return svg + (f'<b style="font:700 {int(size * 0.7)}px {s.head_font!r};margin-left:8px;vertical-align:middle;color:{ink}">{name}</b>' if s.rng.random() < 0.75 else "")


def bar(s: Style) -> str:
    """A coloured strip with the firm's mark on it."""
    size = s.rng.randint(22, 46)
    svg, name, ink = emblem(s, size, True)
    if s.rng.random() < 0.5:
        s.accent = ink
    label = f'<b style="font:700 {int(size * 0.7)}px {s.head_font!r};vertical-align:middle;margin-left:8px">{name if s.rng.random() < 0.5 else esc(brand(s.rng))}</b>'
    sign = s.rng.choice([svg + label, label, svg, f"<span style='background:#fff;padding:4px'>{s.logo()}</span>"])
    return f'<div style="background:{s.accent};color:#fff;padding:{s.rng.randint(8, 22)}px;text-align:{s.rng.choice(["center", "left"])}">{sign}</div>'


def goods(s: Style, size: int) -> str:
    """Something to have: a product cut out on white, or one that is drawn."""
    roll = s.rng.random()
    if roll < 0.35:
        return f'<img src="file://{s.rng.choice(s.assets["products"])}" style="max-width:{size}px;max-height:{size}px;mix-blend-mode:multiply">'
    if roll < 0.45:
        return f'<img src="{s.art()}" style="max-width:{size}px;max-height:{size}px">'
    return s.rng.choice([bottle, box, present, card, bottle, present])(s, size)


def bottle(s: Style, size: int) -> str:
    a, b = s.accent, s.second
    cap, label = s.rng.choice(["#222", "#fff", b, "#c9a227"]), s.rng.choice(["#fff", b, "#fffbe6"])
    shape = s.rng.choice([
        f'<rect x="38" y="6" width="44" height="26" rx="4" fill="{cap}" stroke="#0003"/><rect x="22" y="32" width="76" height="122" rx="14" fill="{a}"/><rect x="22" y="62" width="76" height="66" fill="{label}"/>',
        f'<rect x="48" y="4" width="24" height="30" rx="8" fill="{cap}" stroke="#0003"/><path d="M46 34 h28 q22 12 22 34 v74 q0 12 -12 12 h-48 q-12 0 -12 -12 v-74 q0 -22 22 -34z" fill="{a}"/><rect x="24" y="76" width="72" height="54" fill="{label}"/>',
        f'<rect x="30" y="18" width="60" height="12" fill="{cap}"/><path d="M26 30 h68 l-6 120 q0 6 -6 6 h-44 q-6 0 -6 -6z" fill="{a}" opacity=".9"/><rect x="29" y="66" width="62" height="44" fill="{label}"/>',
    ])
    text = f'<text x="60" y="92" font-size="15" font-weight="800" text-anchor="middle" fill="{s.rng.choice(["#222", a])}" font-family="{s.rng.choice(SANS)}">{esc(brand(s.rng)[:9])}</text><text x="60" y="108" font-size="8" text-anchor="middle" fill="#444">{s.rng.randint(10, 120)} {s.rng.choice(["ml", "caps", "gummies", "mg"])}</text>'
    return f'<svg width="{size * 3 // 4}" height="{size}" viewBox="0 0 120 160"><defs><linearGradient id="g{s.rng.randrange(10**6)}"><stop offset="0" stop-color="#fff"/></linearGradient></defs>{shape}<rect x="30" y="34" width="10" height="112" fill="#fff" opacity=".25"/>{text}</svg>'


def box(s: Style, size: int) -> str:
    """A carton in three faces."""
    a = s.rng.choice(["#c8985a", "#b98148", s.accent, "#d7b98a"])
    tape = s.rng.choice(["#e9d3a8", s.second, "#0002"])
    return f'<svg width="{size}" height="{size}" viewBox="0 0 160 160"><path d="M10 48 L80 16 L150 48 L80 82Z" fill="{a}"/><path d="M10 48 L80 82 V152 L10 116Z" fill="{a}" style="filter:brightness(.85)"/><path d="M150 48 L80 82 V152 L150 116Z" fill="{a}" style="filter:brightness(.7)"/><path d="M42 33 L112 66 V84 L98 90 V72 L30 40Z" fill="{tape}"/></svg>'


def present(s: Style, size: int) -> str:
    a, b = s.accent, s.second
    return f'<svg width="{size}" height="{size}" viewBox="0 0 160 160"><rect x="22" y="70" width="116" height="80" fill="{a}"/><rect x="14" y="46" width="132" height="28" rx="3" fill="{a}" style="filter:brightness(1.15)"/><rect x="68" y="46" width="24" height="104" fill="{b}"/><path d="M80 46 C40 0 20 40 80 46 C140 40 120 0 80 46" fill="none" stroke="{b}" stroke-width="11"/></svg>'


def card(s: Style, size: int) -> str:
    """A payment, gift or loyalty card."""
    width, height = int(size * 1.5), int(size * 0.95)
    svg, name, ink = emblem(s, height // 4, True) if s.rng.random() < 0.6 else (s.mark(height // 4), esc(brand(s.rng)), s.accent)
    back = s.rng.choice([ink, f"linear-gradient({s.rng.randrange(360)}deg,{s.accent},{s.second})", "linear-gradient(135deg,#c9a227,#fff3b0,#b8860b)", "linear-gradient(135deg,#222,#555)", f"url({stock(s)}) center/cover"])
    number = f'<div style="font:{height // 9}px monospace;letter-spacing:2px">{" ".join(str(s.rng.randint(1000, 9999)) for _ in range(4))}</div>' if s.rng.random() < 0.4 else f'<div style="font:800 {height // 4}px {s.head_font!r}">{s.rng.choice(["$50", "$100", "$500", "$1000", "€250", "", "GIFT CARD", "GOLD", "VIP", ""])}</div>'
    return f'<div style="display:inline-block;width:{width}px;height:{height}px;box-sizing:border-box;border-radius:{height // 14}px;background:{back};color:#fff;padding:{height // 12}px;text-align:left;box-shadow:0 4px 12px #0005;transform:rotate({s.rng.choice([0, 0, -8, 6])}deg);text-shadow:0 1px 3px #0006">{svg} <b style="font-size:{height // 8}px">{name[:14]}</b><div style="height:{height // 6}px"></div>{number}</div>'


def burst(s: Style, text: str, size: int) -> str:
    """A star with a word in it."""
    points, teeth = [], s.rng.choice([12, 16, 20, 24])
    for i in range(2 * teeth):
        radius = 50 if i % 2 else s.rng.choice([40, 42, 44])
        points.append(f"{50 + radius * math.cos(math.pi * i / teeth):.1f},{50 + radius * math.sin(math.pi * i / teeth):.1f}")
    shape = s.rng.choice([f'<polygon points="{" ".join(points)}"', '<circle cx="50" cy="50" r="48"', f'<polygon points="{" ".join(points)}"'])
    fill = s.rng.choice(["#e53935", "#ffc107", s.second, s.accent, "#2e7d32"])
    return f'<svg width="{size}" height="{size}" viewBox="0 0 100 100" style="transform:rotate({s.rng.randint(-18, 18)}deg)">{shape} fill="{fill}"/><text x="50" y="57" font-size="{min(30, 130 // max(3, len(text)))}" font-weight="900" text-anchor="middle" fill="{"#222" if fill == "#ffc107" else "#fff"}" font-family="{s.rng.choice(DISPLAY + SANS)}">{esc(text)}</text></svg>'


def seal(s: Style, size: int, text: str, ink: str) -> str:
    """A round stamp with writing along its edge."""
    ident = f"c{s.rng.randrange(10**6)}"
    inner = s.rng.choice(['<path d="M50 30 l6 13 14 1 -11 9 4 14 -13 -8 -13 8 4 -14 -11 -9 14 -1z"/>', '<path d="M35 60 V44 L50 34 L65 44 V60Z"/>', '<circle cx="50" cy="50" r="14"/>', '<path d="M50 28 V72 M30 44 H70 M36 44 l-8 16 h16z M64 44 l-8 16 h16z" stroke-width="3"/>'])
    return (f'<svg width="{size}" height="{size}" viewBox="0 0 100 100" style="transform:rotate({s.rng.randint(-25, 25)}deg);opacity:{s.rng.uniform(0.6, 1):.2f}"><g fill="none" stroke="{ink}"><circle cx="50" cy="50" r="47" stroke-width="3"/><circle cx="50" cy="50" r="31" stroke-width="1.5"/>'
            f'<g fill="{ink}">{inner}</g></g><path id="{ident}" d="M50 50 m-36 0 a36 36 0 1 1 72 0 a36 36 0 1 1 -72 0" fill="none"/><text font-size="10" font-weight="700" fill="{ink}"><textPath href="#{ident}">{esc(text)[:40]}</textPath></text></svg>')


def arrow(s: Style, size: int) -> str:
    """A mark of a red pen: an arrow, or a ring."""
    ink = s.rng.choice(["#e53935", "#e53935", "#ffeb3b", "#00c853"])
    return s.rng.choice([f'<svg width="{size}" height="{size}" viewBox="0 0 100 100" style="transform:rotate({s.rng.randrange(360)}deg)"><path d="M5 60 Q40 10 80 40 M80 40 L60 34 M80 40 L76 60" fill="none" stroke="{ink}" stroke-width="9" stroke-linecap="round"/></svg>',
                         f'<svg width="{size}" height="{size}" viewBox="0 0 100 100"><ellipse cx="50" cy="50" rx="44" ry="{s.rng.randint(26, 44)}" fill="none" stroke="{ink}" stroke-width="6"/></svg>',
                         f'<svg width="{size}" height="{size}" viewBox="0 0 100 100" style="transform:rotate({s.rng.choice([0, 90, 45, 180])}deg)"><path d="M10 38 H55 V15 L95 50 L55 85 V62 H10Z" fill="{ink}"/></svg>'])


def over(s: Style, base: str, *marks: str) -> str:
    """Marks laid over a block, anywhere."""
    laid = "".join(f'<div style="position:absolute;left:{s.rng.randint(-2, 75)}%;top:{s.rng.randint(-4, 65)}%">{mark}</div>' for mark in marks if mark)
    return f'<div style="position:relative;display:inline-block;max-width:100%">{base}{laid}</div>'


def player(s: Style, width: int) -> str:
    """A film's still with the sign for playing it."""
    height = int(width * 0.56)
    sign = s.rng.choice(['<circle cx="50" cy="50" r="46" fill="#000a" stroke="#fff" stroke-width="4"/><path d="M40 30 L72 50 L40 70Z" fill="#fff"/>', '<rect x="4" y="20" width="92" height="60" rx="16" fill="#e53935"/><path d="M42 36 L64 50 L42 64Z" fill="#fff"/>', '<circle cx="50" cy="50" r="46" fill="#fff"/><path d="M40 30 L72 50 L40 70Z" fill="#e53935"/>'])
    strip = f'<div style="position:absolute;left:0;right:0;bottom:0;background:#000b;color:#fff;font-size:11px;padding:5px;text-align:left">▶ 🔊 {s.rng.randint(0, 3)}:{s.rng.randint(10, 59)} / {s.rng.randint(3, 59)}:{s.rng.randint(10, 59)}</div>' if s.rng.random() < 0.5 else ""
    return f'<div style="position:relative;display:inline-block;width:{width}px;height:{height}px;background:url({stock(s)}) center/cover"><svg viewBox="0 0 100 100" width="{height // 3}" style="position:absolute;left:50%;top:50%;transform:translate(-50%,-50%)">{sign}</svg>{strip}</div>'


def phone(s: Style, inside: str, width: int) -> str:
    return f'<div style="display:inline-block;width:{width}px;border:{width // 22}px solid {s.rng.choice(["#111", "#333", "#ddd", "#fff"])};border-radius:{width // 9}px;background:{s.rng.choice(["#fff", "#f2f2f7", "#111", f"linear-gradient({s.accent},{s.second})"])};min-height:{int(width * 1.7)}px;overflow:hidden;box-shadow:0 6px 18px #0006;padding:6px;box-sizing:border-box;color:#222;text-align:left">{inside}</div>'


def window(s: Style, inside: str, width: int) -> str:
    """A browser's or a program's window."""
    dots = s.rng.choice(['<span style="color:#ff5f57">●</span> <span style="color:#febc2e">●</span> <span style="color:#28c840">●</span>', '<span style="float:right">— ▢ ✕</span>', ""])
    address = f'<span style="background:#fff;border-radius:9px;padding:2px 14px;font-size:11px;color:#444">{s.rng.choice(["https://", "🔒 ", ""])}{esc(brand(s.rng).lower().replace(" ", ""))}.example/{s.rng.choice(["", "login", "news", "account", "shop"])}</span>'
    return f'<div style="width:{width}px;max-width:100%;border:1px solid #999;border-radius:{s.rng.choice([0, 6, 10])}px;overflow:hidden;background:#fff;color:#222;display:inline-block;text-align:left"><div style="background:{s.rng.choice(["#dee1e6", "#e8e8e8", "#3c3c3c", s.accent])};padding:6px 10px;font-size:12px">{dots} {address}</div>{inside}</div>'


def chat_bubble(s: Style, text: str, mine: bool) -> str:
    return f'<div style="text-align:{"right" if mine else "left"}"><span style="display:inline-block;max-width:75%;background:{s.accent if mine else "#e5e5ea"};color:{"#fff" if mine else "#111"};border-radius:14px;padding:7px 11px;margin:3px;font-size:13px;text-align:left">{text}</span></div>'


def notice(s: Style, text: str) -> str:
    """A telephone's notification."""
    head = s.rng.choice([face(s, 34), s.mark(30), emblem(s, 28)[0]])
    return f'<div style="display:flex;gap:8px;align-items:center;background:#fffd;border-radius:12px;padding:8px;margin:6px 2px;box-shadow:0 1px 4px #0003;font-size:12px;text-align:left;color:#222">{head}<div><b>{s.filler(1, 2).rstrip(".。 ")}</b> <small style="color:#888">{s.rng.randint(1, 59)} min</small><br>{text}</div></div>'


def checklist(s: Style, count: int, sign: str, ink: str) -> str:
    size = s.rng.randint(13, 20)
    return "".join(f'<div style="text-align:left;margin:6px 10%;font-size:{size}px"><b style="color:{ink}">{sign}</b> {s.filler(2, 7)}</div>' for _ in range(count))


def choices(s: Style, labels: list[str]) -> str:
    """Buttons or boxes side by side, one to be chosen."""
    look = s.rng.choice([f"background:{s.accent};color:#fff", "border:2px solid #bbb;background:#fff;color:#222", f"background:{s.second};color:#fff", "background:#eee;color:#222"])
    return '<div style="margin:10px 0">' + "".join(f'<span style="display:inline-block;{look};border-radius:{s.radius // 2}px;padding:9px 14px;margin:4px;font:700 {s.rng.randint(13, 18)}px {s.text_font!r}">{esc(label)}</span>' for label in labels) + "</div>"


def form(s: Style, labels: list[str], button: str) -> str:
    fields = "".join(f'<div style="text-align:left;font-size:12px;margin:8px 0">{esc(label)}<div style="border:1px solid #bbb;border-radius:{s.rng.choice([0, 4])}px;padding:8px;background:#fff;color:#777;font-size:13px">{s.rng.choice(["", "••••••••", "name@example.com", ""])}&nbsp;</div></div>' for label in labels)
    return f'<div style="max-width:340px;margin:auto">{fields}{s.button(button)}</div>'


def comments(s: Style, count: int) -> str:
    return "".join(f'<div style="display:flex;gap:8px;margin:9px 0;text-align:left;font-size:12px">{face(s, 36, s.rng.random() < 0.6)}<div style="background:#8881;padding:6px;flex:1"><b style="color:#365899">{s.rng.choice(NAMES)} {s.rng.choice("ABCKLMNPRST")}.</b><br>{s.filler(5, 22)}<br><small style="color:#888">👍 {s.rng.randint(1, 300)} · {s.rng.randint(1, 59)} min</small></div></div>' for _ in range(count))


def graph(s: Style, width: int, height: int, rising: bool) -> str:
    """A rate over time."""
    level, values = s.rng.uniform(0.2, 0.5), []
    for _ in range(40):
        level = min(0.98, max(0.03, level + s.rng.gauss(0.012 if rising else 0, 0.05)))
        values.append(level)
    points = " ".join(f"{i * width / 39:.0f},{height * (1 - v):.0f}" for i, v in enumerate(values))
    fill = f'<polygon points="0,{height} {points} {width},{height}" fill="{s.accent}" opacity=".25"/>' if s.rng.random() < 0.5 else ""
    return f'<svg width="{width}" height="{height}" style="max-width:100%">{fill}<polyline points="{points}" fill="none" stroke="{s.rng.choice(["#2e9e3f", s.accent, s.second])}" stroke-width="3"/></svg>'


def map_(s: Style, width: int, height: int) -> str:
    """Streets, a river, a pin."""
    roads = "".join(f'<path d="M{s.rng.randint(-20, width)} {s.rng.choice([0, height])} Q{s.rng.randint(0, width)} {s.rng.randint(0, height)} {s.rng.choice([0, width])} {s.rng.randint(0, height)}" fill="none" stroke="{s.rng.choice(["#fff", "#fff", "#fde293"])}" stroke-width="{s.rng.randint(3, 9)}"/>' for _ in range(s.rng.randint(6, 14)))
    x, y = s.rng.randint(width // 4, 3 * width // 4), s.rng.randint(height // 3, 3 * height // 4)
    return f'<svg width="{width}" height="{height}" style="max-width:100%;background:#e8eaed"><path d="M0 {height // 2} Q{width // 2} {s.rng.randint(0, height)} {width} {height // 3}" stroke="#aadaff" stroke-width="26" fill="none"/>{roads}<path d="M{x} {y} l-9 -18 a10 10 0 1 1 18 0z" fill="#ea4335"/></svg>'


def confetti(s: Style, inside: str) -> str:
    bits = "".join(f'<i style="position:absolute;left:{s.rng.randrange(100)}%;top:{s.rng.randrange(100)}%;width:{s.rng.randint(4, 11)}px;height:{s.rng.randint(4, 16)}px;background:{colour(s.rng, (45, 65))};transform:rotate({s.rng.randrange(180)}deg)"></i>' for _ in range(s.rng.randint(20, 70)))
    return f'<div style="position:relative;overflow:hidden">{bits}<div style="position:relative">{inside}</div></div>'


def backdrop(s: Style) -> str:
    """What a creative stands on."""
    a, b = s.accent, s.second
    return s.rng.choice([
        s.paper, s.paper, "#fff", a, f"linear-gradient({s.rng.randrange(360)}deg,{a},{b})", f"radial-gradient(circle,{colour(s.rng, (85, 97))},{a})", f"linear-gradient(180deg,#fff,{colour(s.rng, (75, 92))})",
        f"repeating-conic-gradient({a} 0 9deg,{b} 9deg 18deg)", f"repeating-linear-gradient(45deg,{colour(s.rng, (88, 95))} 0 14px,#fff 14px 28px)", f"radial-gradient(#0000001a 2px,transparent 3px) 0 0/14px 14px,{s.paper}",
    ])


def lettering(s: Style, text: str, least: int, most: int) -> str:
    """A headline as advertisers set them: outlines, shadows, two colours, a marker's stroke."""
    rng = s.rng
    ink = rng.choice([s.accent, "#e53935", s.ink, "#fff", "#ffeb3b", "#1a237e", s.second])
    look = "text-shadow:0 0 2px #000,0 2px 6px #000b;" if ink in ("#fff", "#ffeb3b") else rng.choice(["", "", "text-shadow:1px 1px 0 #fff,2px 2px 0 #0003;", "background:#ffeb3b;display:inline-block;padding:2px 10px;", f"background:{s.second};color:#fff;padding:8px;", "letter-spacing:-1px;"])
    parts = text.split(" ")
    if len(parts) > 3 and rng.random() < 0.4:
        at = rng.randrange(len(parts))
        parts[at] = f'<span style="color:{rng.choice(["#e53935", "#2e7d32", s.second])};{rng.choice(["", "text-decoration:underline;", "font-size:135%;"])}">{parts[at]}</span>'
    return f'<div style="font:{rng.choice([700, 800, 900])} {rng.randint(least, most)}px/1.12 {rng.choice([s.head_font, s.text_font])!r},\'Noto Sans\';color:{ink};margin:8px 4px;{look}{rng.choice(["", "", "text-transform:uppercase;"])}">{" ".join(parts)}</div>'
