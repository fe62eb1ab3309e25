"""Drawn ham: whole screens with little on them, as manuals and people who ask for help show them: before and at logging in, while starting and
installing. Most of each is one dark or plain surface. Each function returns HTML of one picture."""

from .style import MONO, Style, colour, esc

NAMES = ["Jana Nováková", "M. Weber", "Ana Costa", "Luc Martin", "kato", "admin", "guest", "Иван Петров", "李娜", "佐藤", "user", "Sam Okoro", "Marta Rossi"]


def _surface(s: Style) -> tuple[str, str]:
    """What fills the screen, and the colour of letters on it. Never a photograph: writing over photographs as ham costs the challenge
    sets, which are spam of that kind."""
    if s.rng.random() < 0.2:
        return colour(s.rng, (80, 97), (0, 30)), "#222"
    dark = s.rng.choice(["#000", "#2e3436", "#1c1f26", "#300a24", "#0a246a", "#008080", "#00005f", colour(s.rng, (6, 28), (0, 70)), colour(s.rng, (20, 45), (10, 60))])
    return s.rng.choice([dark, dark, f"linear-gradient({s.rng.randrange(360)}deg,{dark},{colour(s.rng, (4, 30), (0, 60))})"]), "#eee"


def _screen(s: Style, body: str, surface: str | None = None) -> str:
    width = s.rng.choice([640, 720, 800, 960, 1024, 1100])
    height = int(width * s.rng.choice([0.56, 0.625, 0.75]))
    background, ink = (surface, "#eee") if surface else _surface(s)
    return f'<div id="p" style="position:relative;box-sizing:border-box;width:{width}px;height:{height}px;background:{background};color:{ink};font:{s.rng.randint(11, 16)}px {s.text_font!r},\'Noto Sans\',\'Noto Sans CJK JP\';overflow:hidden">{body}</div>'


def _bar(s: Style) -> str:
    """The strip at the top of a desktop: a clock, and little signs at the right."""
    day = f"{s.rng.choice(['', s.filler(1, 1).rstrip('.。 ')])} {s.rng.randrange(24):02d}:{s.rng.randrange(60):02d}"
    signs = " ".join(s.rng.sample("◉▾▮⏻☰⚙♫⚡●", s.rng.randint(1, 4)))
    return f'<div style="position:absolute;top:0;left:0;right:0;padding:4px 8px;background:{s.rng.choice(["#000", "#000a", "#0005"])};color:#eee;font-size:11px;display:flex;justify-content:space-between"><span></span><span>{day}</span><span>{signs}</span></div>'


def _middle(s: Style, body: str) -> str:
    return f'<div style="position:absolute;left:{s.rng.choice([50, 50, 50, 30, 70])}%;top:{s.rng.randint(35, 58)}%;transform:translate(-50%,-50%);text-align:{s.rng.choice(["left", "center"])}">{body}</div>'


def _foot(s: Style) -> str:
    return f'<div style="position:absolute;left:0;right:0;bottom:{s.rng.randint(2, 10)}%;text-align:center;opacity:{s.rng.uniform(0.5, 1):.2f}">{s.rng.choice([s.logo(), s.mark(s.rng.randint(24, 70)), s.filler(1, 5)])}</div>'


def _person(s: Style, width: int, chosen: bool) -> str:
    face = f'<span style="display:inline-block;width:36px;height:36px;border-radius:{s.rng.choice([0, 4, 18])}px;background:{s.rng.choice(["#ddd", "#888", s.accent])};margin-right:10px;vertical-align:middle;text-align:center;font:26px sans-serif;color:#555">☻</span>'
    return f'<div style="width:{width}px;padding:6px;margin:4px 0;text-align:left;background:{s.accent if chosen else s.rng.choice(["#0000", "#fff2"])};border-radius:{min(s.radius, 8)}px">{face}{esc(s.rng.choice(NAMES))}</div>'


def login(s: Style) -> str:
    """A list of persons, or two fields, on an empty screen."""
    if s.rng.random() < 0.6:
        width = s.rng.randint(200, 320)
        body = "".join(_person(s, width, n == 0) for n in range(s.rng.randint(1, 4))) + (f'<div style="font-size:10px;opacity:.7">{s.filler(1, 3)}</div>' if s.rng.random() < 0.6 else "")
    else:
        field = f'<div style="width:{s.rng.randint(160, 300)}px;height:26px;background:{s.rng.choice(["#fff", "#fff3", "#222"])};border:1px solid #8888;border-radius:{min(s.radius, 8)}px;margin:4px 0 10px"></div>'
        box = s.rng.choice(["", "background:#eee;color:#222;padding:24px;", "background:#0006;padding:24px;"])
        body = f'<div style="{box}">{s.rng.choice([s.logo(), ""])}<div>{s.filler(1, 2)}</div>{field}<div>{s.filler(1, 2)}</div>{field}{f"<button>{s.filler(1, 1)}</button>" if s.rng.random() < 0.5 else ""}</div>'
    return _screen(s, (_bar(s) if s.rng.random() < 0.7 else "") + _middle(s, body) + (_foot(s) if s.rng.random() < 0.7 else ""))


def boot(s: Style) -> str:
    """A boot loader's menu, or the help that it shows."""
    font = f"font:{s.rng.randint(13, 18)}px/1.25 {s.rng.choice(MONO)!r};white-space:pre;"
    if s.rng.random() < 0.4:
        rows = "".join(f'<div><span style="color:{s.rng.choice(["#55f", "#5ff", "#ff5", "#fff"])}">&lt;F{n}&gt;</span>  {s.filler(2, 6)}</div>' for n in range(1, s.rng.randint(4, 11)))
        return _screen(s, f'<div style="{font}opacity:.8">{s.filler(3, 7)}\n\n{rows}\n\n{s.filler(3, 8)}: _</div>')
    count = s.rng.randint(2, 8)
    at = s.rng.randrange(count)
    chosen = f"background:{s.rng.choice(['#aaa', '#7a9ec0', '#a00', s.accent])};color:#000"
    rows = "".join(f'<div style="padding:1px 8px;{chosen if n == at else ""}">{s.rng.choice(["", "  ", "* "])}{s.filler(1, 5)}</div>' for n in range(count))
    frame = s.rng.choice(["border:1px solid #aaa;", "border:3px double #ccc;", ""])
    return _screen(s, f'<div style="{font}text-align:center;margin-top:{s.rng.randint(4, 60)}px">{s.filler(2, 6)}</div><div style="{font}{frame}margin:16px {s.rng.randint(4, 20)}%;text-align:left;min-height:{s.rng.randint(80, 260)}px">{rows}</div>' + (f'<div style="{font}margin:0 10%;opacity:.7">{s.filler(5, 20)}</div>' if s.rng.random() < 0.5 else _foot(s)))


def splash(s: Style) -> str:
    """A mark, and something that turns or grows."""
    width = s.rng.randint(100, 300)
    bar = s.rng.choice([f'<div style="width:{width}px;height:{s.rng.randint(3, 14)}px;border:1px solid #aaa;margin:24px auto"><div style="width:{s.rng.randint(3, 97)}%;height:100%;background:{s.accent}"></div></div>', '<div style="letter-spacing:10px;font-size:24px">●●●○○</div>', ""])
    return _screen(s, _middle(s, s.rng.choice([s.logo(), s.mark(s.rng.randint(60, 160))]) + bar + (s.filler(2, 6) if s.rng.random() < 0.4 else "")))


def setup(s: Style) -> str:
    """One step of an installer: a banner, a question, a list, two buttons; in a window or in text mode."""
    rows = "".join(f'<div style="padding:2px 10px;{"background:" + s.accent + ";color:#fff" if n == 2 else ""}">{s.filler(1, 4)}</div>' for n in range(s.rng.randint(3, 12)))
    if s.rng.random() < 0.4:
        box = f'<div style="background:#aaa;color:#000;border:2px outset #ccc;padding:14px;width:{s.rng.randint(300, 560)}px;font:14px {s.rng.choice(MONO)!r};box-shadow:8px 8px 0 #000"><div style="text-align:center;color:#a00">[!] {s.filler(1, 4)}</div><p>{s.filler(8, 40)}</p>{rows}<br>&lt;{s.filler(1, 1)}&gt;</div>'
        return _screen(s, _middle(s, box), s.rng.choice(["#00a", "#000", "#a0a"]))
    steps = f'<div style="background:{s.accent};padding:14px;color:#fff">{s.logo()}</div><div style="padding:18px 28px"><b>{s.filler(2, 5)}</b><p>{s.filler(6, 40)}</p><div style="background:#fff;border:1px solid #999;min-height:{s.rng.randint(80, 240)}px">{rows}</div></div><div style="position:absolute;right:20px;bottom:12px"><button>{s.filler(1, 1)}</button> <button>{s.filler(1, 1)}</button></div>'
    return _screen(s, f'<div style="position:absolute;inset:0;background:{s.rng.choice(["#eee", "#e6e6e6", "#fafafa"])};color:#222">{steps}</div>')


def console(s: Style) -> str:
    """A program of a text console: bars, lists with a chosen line, keys at the foot."""
    bar, body, key = s.rng.choice([("#00a", "#000", "#a00"), ("#0aa", "#00a", "#0aa"), ("#aaa", "#00a", "#000"), ("#444", "#111", "#444"), ("#0a0", "#000", "#0a0")])
    font = f"font:{s.rng.randint(12, 17)}px/1.2 {s.rng.choice(MONO)!r};white-space:pre;overflow:hidden;"
    count = s.rng.randint(3, 18)
    at = s.rng.randrange(count)
    chosen = f"background:{s.rng.choice(['#0a0', '#aaa', '#0aa'])};color:#000"
    entry = lambda n: f'<div style="{chosen if n == at else ""}">{s.rng.choice(["i  ", "p  ", "   ", "/", "+ "])}{s.filler(1, 5)}</div>'
    part = lambda: f'<div style="flex:1;padding:0 6px;{s.rng.choice(["", "border:1px solid #ccc;"])}">{"".join(entry(n) for n in range(count))}</div>'
    lists = "".join(part() for _ in range(s.rng.choice([1, 1, 2])))
    line = lambda colours, text: f'<div style="background:{colours};color:{"#000" if colours in ("#aaa", "#0aa", "#0a0") else "#fff"}">{text} </div>'
    keys = "  ".join(f"F{n} {s.filler(1, 1)}" for n in range(1, s.rng.randint(3, 9)))
    return _screen(s, f'<div style="{font}display:flex;flex-direction:column;height:100%">{line(bar, s.filler(3, 8))}<div style="display:flex;flex:1">{lists}</div>{line(bar, s.filler(1, 6)) if s.rng.random() < 0.6 else ""}{f"<div style=min-height:25%>{s.filler(0, 30)}</div>" if s.rng.random() < 0.4 else ""}{line(key, keys)}</div>', body)


def desktop(s: Style) -> str:
    """A desktop with a panel and few symbols."""
    icons = "".join(f'<div style="position:absolute;left:{s.rng.randint(1, 12)}%;top:{6 + n * 14}%;width:80px;text-align:center;font-size:11px"><img src="{s.art()}" style="width:42px;height:42px;object-fit:contain"><br>{s.filler(1, 2)}</div>' for n in range(s.rng.randint(0, 6)))
    panel = f'<div style="position:absolute;{s.rng.choice(["top", "bottom"])}:0;left:0;right:0;height:{s.rng.randint(22, 42)}px;background:{s.rng.choice(["#222", "#ddd", "#0008", s.accent])}"></div>'
    return _screen(s, icons + panel)


# Share of each kind, and how loud its lettering is.
SCREENS = {login: (6, 0.0), boot: (5, 0.0), splash: (3, 0.1), setup: (4, 0.0), console: (4, 0.0), desktop: (3, 0.0)}
