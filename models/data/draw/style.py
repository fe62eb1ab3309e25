"""Looks: fonts, palettes, marks, and the small blocks that spam and ham are both built of, so that no block is a sign of either."""

import base64
import html
import io
import random

import segno

from . import words

SANS = ["Roboto", "Open Sans", "Lato", "Inter", "Cantarell", "Carlito", "Liberation Sans", "DejaVu Sans", "Quicksand", "Noto Sans", "TeX Gyre Heros", "TeX Gyre Adventor", "League Spartan", "Comfortaa"]
SERIF = ["EB Garamond", "Vollkorn", "Caladea", "Liberation Serif", "Noto Serif", "TeX Gyre Pagella", "Gentium", "DejaVu Serif"]
DISPLAY = ["Bebas Neue", "Lobster Two", "Dancing Script", "Yanone Kaffeesatz", "League Spartan", "Humor Sans", "Roboto Slab", "Inter Display", "TeX Gyre Chorus"]
MONO = ["Fira Code", "Hack", "JetBrains Mono", "DejaVu Sans Mono", "Liberation Mono", "Terminus (TTF)", "Noto Sans Mono"]
EMOJI = {
    "prize": "🎁🎉🏆💳🛍🎊💰🛒🔧🧰🎮📱💻⌚🔪🍳🏕🥩☕🎧", "health": "🍋💊🥗🧄🫀👁🦶🍵🥑🔥⚖🩺🧠🫐🥛", "dating": "💋❤💕👩👱‍♀️💌🔥😘💃👄🌹", "account": "🔒⚠️☁️🛡🔑📧🚫❗💾📷🔔🖥", "parcel": "📦🚚✉️📮🏷🚛📍🏠",
    "money": "💵💰🎰₿📈🏦💎🎲🚗⌚💊🏠🃏", "sell": "👗👟🛋☕📚🌴✈️🚲🎧🍰🧥👜📷🌸🏖", "ham": "📅☀️🎂✏️📞📄🏫🌍🍎🚆⚽🎵📊🖨🧾🏥🌲🐕🎓⭐✅",
}


def esc(text: str) -> str:
    return html.escape(text)


def brand(rng: random.Random) -> str:
    name = "".join(rng.choice(words.SYLLABLES) for _ in range(rng.choice([2, 2, 3])))
    return rng.choice([name.capitalize(), name.upper(), name, name.capitalize() + rng.choice([" Bank", " Group", " Post", " Air", " GmbH", "Mart", " Labs", " Inc.", "Pay", " Foods", " Hotel", " Health"])])


def colour(rng: random.Random, light: tuple[int, int], saturation: tuple[int, int] = (40, 100)) -> str:
    return f"hsl({rng.randrange(360)},{rng.randint(*saturation)}%,{rng.randint(*light)}%)"


def scanned(page: str, scan: bool) -> str:
    """The page, marked if it is to look as if it had lain in a scanner."""
    return page.replace('id="p"', f'id="p" data-scan="{int(scan)}"')


class Style:
    """One picture's look."""

    def __init__(self, rng: random.Random, assets: dict[str, list], loud: float) -> None:
        self.rng, self.assets = rng, assets
        self.language = rng.choice(words.LANGUAGES)
        self.dark = rng.random() < 0.15
        self.accent = colour(rng, (28, 55))
        self.second = colour(rng, (35, 65))
        self.paper = colour(rng, (8, 20), (0, 40)) if self.dark else rng.choice(["#fff", "#fff", "#fff", colour(rng, (92, 98)), colour(rng, (80, 95))])
        self.ink = colour(rng, (85, 97), (0, 30)) if self.dark else rng.choice(["#000", "#222", "#333", colour(rng, (10, 25))])
        self.text_font = rng.choice(SANS if rng.random() < 0.75 else SERIF)
        self.head_font = rng.choice(DISPLAY if rng.random() < loud else SANS + SERIF)
        self.radius = rng.choice([0, 0, 4, 8, 16, 40])
        self.centred = rng.random() < (0.8 if loud > 0.3 else 0.3)

    def pick(self, pool: dict[str, list[str]]) -> str:
        return esc(self.rng.choice(pool.get(self.language) or pool["en"]))

    def filler(self, least: int, most: int) -> str:
        pool = words.FILLER[self.language]
        glue = "" if self.language in ("ja", "zh") else " "
        sentences, left = [], self.rng.randint(least, most)
        while left > 0:
            count = min(left, self.rng.randint(4, 14))
            left -= count
            text = glue.join(self.rng.choice(pool) for _ in range(count))
            sentences.append(text[:1].upper() + text[1:] + ("。" if glue == "" else "."))
        return esc((glue or "").join(s + (" " if glue else "") for s in sentences))

    def photo(self) -> str:
        return f"file://{self.rng.choice(self.assets['photos'])}"

    def art(self) -> str:
        return f"file://{self.rng.choice(self.assets['art'])}"

    def emoji(self, kind: str) -> str:
        """One emblem of the kind; joined characters are left to the plain ones."""
        return self.rng.choice([c for c in EMOJI[kind] if ord(c) not in (0xFE0F, 0x200D, 0x2640)])

    def money(self) -> str:
        value = self.rng.choice([self.rng.randint(1, 99), self.rng.randint(100, 9999)])
        return self.rng.choice(["${}.{:02d}", "€ {},{:02d}", "{},{:02d} €", "£{}.{:02d}", "R$ {},{:02d}", "{} {:02d} Kč", "¥{}{:02d}"]).format(value, self.rng.choice([0, 95, 99, self.rng.randrange(100)]))

    def mark(self, size: int) -> str:
        """A made-up company's mark."""
        rng, a, b = self.rng, self.accent, self.second
        shape = rng.choice([
            f'<circle cx="20" cy="20" r="18" fill="{a}"/><circle cx="{rng.randint(12, 28)}" cy="20" r="{rng.randint(6, 12)}" fill="{b}"/>',
            f'<path d="M20 2 L38 36 L2 36 Z" fill="{a}"/><path d="M20 16 L28 36 L12 36 Z" fill="{b}"/>',
            f'<rect x="2" y="2" width="36" height="36" rx="{rng.randint(0, 18)}" fill="{a}"/><text x="20" y="29" font-size="26" text-anchor="middle" fill="#fff" font-family="{rng.choice(SANS)}" font-weight="bold">{rng.choice("ABCDEFGHKLMNPRSTVWXZ")}</text>',
            "".join(f'<rect x="{2 + 19 * (i % 2)}" y="{2 + 19 * (i // 2)}" width="17" height="17" fill="{colour(rng, (35, 60))}"/>' for i in range(4)),
            f'<path d="M4 20 Q20 {rng.randint(-10, 10)} 36 20 Q20 {rng.randint(30, 50)} 4 20" fill="none" stroke="{a}" stroke-width="{rng.randint(3, 8)}"/><circle cx="20" cy="20" r="5" fill="{b}"/>',
            f'<path d="M20 2 L36 8 V22 Q34 34 20 39 Q6 34 4 22 V8 Z" fill="{a}"/><path d="M12 20 L18 26 L29 13" stroke="#fff" stroke-width="4" fill="none"/>',
        ])
        return f'<svg width="{size}" height="{size}" viewBox="0 0 40 40" style="vertical-align:middle">{shape}</svg>'

    def logo(self) -> str:
        name = f'<b style="font-size:{self.rng.randint(16, 30)}px;font-family:{self.head_font!r};color:{self.accent};margin-left:8px;vertical-align:middle">{esc(brand(self.rng))}</b>'
        return self.rng.choice([self.mark(self.rng.randint(28, 60)) + name, name, self.mark(self.rng.randint(40, 80))])

    def headline(self, text: str, least: int = 22, most: int = 48) -> str:
        rng = self.rng
        effect = rng.choice(["", "", "", "text-shadow:2px 2px 3px #0006;", f"background:{self.accent};color:#fff;padding:10px;", "text-transform:uppercase;", "text-decoration:underline;", f"border-bottom:3px solid {self.second};"])
        ink = rng.choice([self.accent, self.ink, self.second])
        return f'<div style="font:{rng.choice([400, 700, 800, 900])} {rng.randint(least, most)}px/1.15 {self.head_font!r},{self.text_font!r};color:{ink};margin:8px 0;{effect}">{text}</div>'

    def title(self, least: int = 18, most: int = 36) -> str:
        return self.headline(self.pick(words.TITLE), least, most)

    def maybe(self, chance: float, block: str) -> str:
        return block if self.rng.random() < chance else ""

    def paragraph(self, least: int = 12, most: int = 60) -> str:
        return f'<p style="font-size:{self.rng.randint(11, 17)}px;line-height:1.4;margin:8px 0">{self.filler(least, most)}</p>'

    def button(self, text: str) -> str:
        rng = self.rng
        fill = rng.choice([self.accent, self.second, "#1a73e8", "#e53935", "#2e9e3f", "#ff9800", f"linear-gradient({self.accent},{self.second})"])
        return (f'<div style="margin:14px 0"><span style="display:inline-block;background:{fill};color:#fff;border-radius:{self.radius}px;padding:{rng.randint(8, 18)}px {rng.randint(18, 60)}px;'
                f'font:{rng.choice([400, 700])} {rng.randint(14, 28)}px {self.text_font!r};{rng.choice(["", "box-shadow:0 3px 6px #0005;", "border:2px solid #fff8;"])}">{text}</span></div>')

    def picture(self, kind: str, least: int = 120, most: int = 320) -> str:
        rng, size = self.rng, self.rng.randint(least, most)
        choice = rng.random()
        if choice < 0.35:
            return f'<img src="{self.photo()}" style="width:{int(size * rng.uniform(1, 1.9))}px;height:{size}px;object-fit:cover;border-radius:{rng.choice([0, self.radius])}px">'
        if choice < 0.7:
            return f'<img src="{self.art()}" style="max-height:{size}px;max-width:{2 * size}px">'
        return f'<span style="font-size:{size}px;line-height:1.1;font-family:\'Noto Color Emoji\'">{self.emoji(kind)}</span>'

    def code(self, size: int) -> str:
        """A QR code with something harmless in it."""
        buffer = io.BytesIO()
        text = "https://example.org/" + "".join(self.rng.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(self.rng.randint(4, 60)))
        dark = self.rng.choice(["#000", "#000", "#000", "#1a237e", "#333"])
        segno.make(text, error=self.rng.choice("lmqh")).save(buffer, kind="png", scale=6, border=self.rng.randint(1, 4), dark=dark)
        return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}" style="width:{size}px;height:{size}px;image-rendering:pixelated">'

    def barcode(self) -> str:
        bars = "".join(f'<i style="display:inline-block;height:{50}px;width:{self.rng.randint(1, 4)}px;background:#000;margin-right:{self.rng.randint(1, 3)}px"></i>' for _ in range(self.rng.randint(30, 60)))
        return f'<div style="background:#fff;padding:6px;display:inline-block;white-space:nowrap">{bars}<div style="font:12px monospace;color:#000">{self.rng.randrange(10**11, 10**12)}</div></div>'

    def table(self, columns: int, rows: int, numbers: bool) -> str:
        rng = self.rng
        line = rng.choice(["border:1px solid #bbb;", "border-bottom:1px solid #ddd;", ""])
        cell = lambda: self.money() if numbers and rng.random() < 0.4 else rng.choice([str(rng.randrange(1000)), self.filler(1, 4).rstrip(". 。"), f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.20{rng.randint(15, 26)}"])
        head = "".join(f'<th style="{line}background:{self.accent};color:#fff;padding:4px 8px">{self.filler(1, 2).rstrip(". 。")}</th>' for _ in range(columns))
        body = "".join("<tr>" + "".join(f'<td style="{line}padding:{rng.choice([2, 4, 6])}px 8px">{cell()}</td>' for _ in range(columns)) + "</tr>" for _ in range(rows))
        return f'<table style="border-collapse:collapse;font-size:{rng.randint(10, 14)}px;margin:8px 0;width:{rng.choice(["100%", "auto"])}"><tr>{head}</tr>{body}</table>'

    def page(self, body: str, width: int, padding: int | None = None, background: str | None = None) -> str:
        rng = self.rng
        direction = 'dir="rtl"' if self.language == "ar" else ""
        padding = rng.choice([0, 8, 16, 24, 40]) if padding is None else padding
        align = "center" if self.centred else ("right" if self.language == "ar" else "left")
        return (f'<div id="p" {direction} style="width:{width}px;box-sizing:border-box;padding:{padding}px;background:{background or self.paper};color:{self.ink};'
                f'font-family:{self.text_font!r},\'Noto Sans\',\'Noto Sans CJK JP\',\'Noto Sans Arabic\';text-align:{align};overflow:hidden">{body}</div>')
