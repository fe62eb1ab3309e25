#!/usr/bin/env python3
"""How many codes `scan` reads, beside zbarimg on the same pictures.

usage: qr-recall.py COMMAND FOLDER     needs Pillow and segno (pip), zbarimg and zint (Debian: zbar-tools, zint)

Makes 300 pictures with QR codes in FOLDER (seeded: the same ones every time), 30 of each kind, 30 of some kinds with Aztec and Data
Matrix codes, which zbarimg does not read, and 20 messages in which a QR code is drawn with block characters or table cells. A code counts
as read if its text comes back whole.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data"
BUNDLE = ROOT / "models/resnet50-thin"
PHOTOGRAPHS = ["ham-flower.jpg", "ham-temple.jpg"]


def code(random: random.Random, text: str, module: int, level: str = "m", dark=0, light=255) -> Image.Image:
    matrix = segno.make(text, error=level, micro=False).matrix_iter(border=4)
    return drawn([list(row) for row in matrix], module, dark, light)


def by_zint(symbology: str, text: str, module: int) -> Image.Image:
    """At 0.5 a module is a pixel; a quiet zone of 2 modules."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        subprocess.run(["zint", "-b", SYMBOLOGIES[symbology], "--scale", "0.5", "-d", text, "-o", file.name], check=True)
        image = ImageOps.expand(ImageOps.invert(Image.open(file.name).convert("L")), 2)
    pixels = list(image.getdata())
    matrix = [pixels[at : at + image.width] for at in range(0, len(pixels), image.width)]
    return drawn(matrix, module, 0, 255)


def drawn(matrix: list[list[int]], module: int, dark: int, light: int) -> Image.Image:
    image = Image.new("L", (len(matrix[0]), len(matrix)))
    image.putdata([dark if module else light for row in matrix for module in row])
    return image.resize((image.width * module, image.height * module), Image.NEAREST)


def photograph(random: random.Random, size: tuple[int, int]) -> Image.Image:
    image = Image.open(DATA / random.choice(PHOTOGRAPHS)).convert("RGB")
    scale = max(size[0] / image.width, size[1] / image.height) * random.uniform(1, 2)
    image = image.resize((int(image.width * scale) + 1, int(image.height * scale) + 1))
    left, top = random.randrange(image.width - size[0] + 1), random.randrange(image.height - size[1] + 1)
    return image.crop((left, top, left + size[0], top + size[1]))


def on_page(random: random.Random, mark: Image.Image, background=255) -> Image.Image:
    page = Image.new("L", (mark.width + random.randrange(20, 500), mark.height + random.randrange(20, 400)), background)
    draw = ImageDraw.Draw(page)
    for line in range(0, page.height, 24):
        draw.text((8, line), "".join(random.choice("abcdefghij klmnop ") for _ in range(page.width // 7)), fill=background - 110 if background > 127 else 200)
    page.paste(mark, (random.randrange(page.width - mark.width + 1), random.randrange(page.height - mark.height + 1)))
    return page


def on_photograph(random: random.Random, mark: Image.Image) -> Image.Image:
    size = (mark.width + random.randrange(60, 500), mark.height + random.randrange(60, 400))
    image = photograph(random, size)
    image.paste(mark, (random.randrange(size[0] - mark.width), random.randrange(size[1] - mark.height)))
    return image


def picture(kind: str, random: random.Random, text: str) -> Image.Image:
    module = random.randrange(3, 9)
    symbology, _, place = kind.partition(" ")
    if symbology in SYMBOLOGIES:
        mark = by_zint(symbology, text, module)
        if place == "page":
            return on_page(random, mark)
        if place == "turned":
            return on_page(random, mark.rotate(random.uniform(0, 360), Image.BICUBIC, expand=True, fillcolor=255))
        return on_photograph(random, mark)
    if kind == "page":
        return on_page(random, code(random, text, module))
    if kind == "small":
        return on_page(random, code(random, text, random.choice([1, 2, 2])))
    if kind == "faint":
        light = random.randrange(120, 256)
        return on_page(random, code(random, text, module, dark=light - random.randrange(14, 50), light=light), light)
    if kind == "inverted":
        return ImageOps.invert(on_page(random, code(random, text, module)))
    if kind == "turned":
        mark = code(random, text, module)
        return mark.rotate(random.uniform(0, 360), Image.BICUBIC, expand=True, fillcolor=255)
    if kind == "slanted":
        mark = code(random, text, module)
        side, by = mark.width, lambda: random.uniform(0, 0.18) * mark.width
        corners = [(-by(), -by()), (-by(), side + by()), (side + by(), side + by()), (side + by(), -by())]
        return mark.transform((side, side), Image.QUAD, [value for corner in corners for value in corner], Image.BICUBIC, fillcolor=255)
    if kind == "logo":
        mark = code(random, text, module, "h").convert("RGB")
        side = int(mark.width * random.uniform(0.18, 0.26))
        logo = photograph(random, (side, side))
        mark.paste(logo, ((mark.width - side) // 2, (mark.height - side) // 2))
        return mark
    if kind == "photograph":
        return on_photograph(random, code(random, text, module))
    if kind == "veiled":
        mark = code(random, text, module, "h").convert("RGB")
        return Image.blend(mark, photograph(random, mark.size), random.uniform(0.3, 0.55))
    mark = on_page(random, code(random, text, module)).filter(ImageFilter.GaussianBlur(module * random.uniform(0.2, 0.5)))
    return ImageEnhance.Brightness(mark).enhance(random.uniform(0.5, 1.2))


# Their numbers at zint.
SYMBOLOGIES = {"aztec": "92", "datamatrix": "71"}
KINDS = ["page", "small", "faint", "inverted", "turned", "slanted", "logo", "photograph", "veiled", "blurred"]
OTHERS = [f"{symbology} {place}" for symbology in SYMBOLOGIES for place in ("page", "turned", "on photograph")]


def message(text: str, kind: str) -> str:
    matrix = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=2)]
    if kind == "table":
        cell = lambda dark: f'<td bgcolor="{"#000" if dark else "#fff"}"></td>'
        rows = "".join("<tr>" + "".join(map(cell, row)) + "</tr>\n" for row in matrix)
        return f"Content-Type: text/html\n\n<p>Scan this</p><table>{rows}</table>\n"
    matrix += [[0] * len(matrix[0])] * (len(matrix) % 2)
    blocks = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    rows = "\n".join("".join(blocks[bool(a), bool(b)] for a, b in zip(*matrix[at : at + 2])) for at in range(0, len(matrix), 2))
    return f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nScan this\n\n{rows}\n"


def main() -> None:
    command, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str] = {}
    for number in range(30 * len(KINDS) + 30 * len(OTHERS)):
        chance = random.Random(number)
        further = number - 30 * len(KINDS)
        kind = KINDS[number % len(KINDS)] if further < 0 else OTHERS[further % len(OTHERS)]
        letters = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(chance.randrange(4, 60)))
        text = f"https://example.com/{letters}"
        image = picture(kind, chance, text)
        name = f"{kind}-{number:03}" + (".jpg" if number % 3 == 0 else ".png")
        image.save(folder / name, **({"quality": 80} if number % 3 == 0 else {}))
        texts[name] = text
    for number in range(20):
        kind = ["blocks", "table"][number % 2]
        name, text = f"{kind}-{number:03}.eml", f"https://example.com/{'x' * number}"
        (folder / name).write_text(message(text, kind))
        texts[name] = text
    paths = [str(folder / name) for name in texts]
    started = time.perf_counter()
    scan = [command, "scan", "--set", f"model.bundle={BUNDLE}", "--threads", "1", "--format", "json", *paths]
    run = subprocess.run(scan, stdout=subprocess.PIPE)
    if run.returncode not in (0, 1):
        sys.exit(f"qr-recall: scan ended with status {run.returncode}")
    lines = run.stdout.splitlines()
    print(f"scan, whole: {(time.perf_counter() - started) / len(paths) * 1000:.1f} ms each")
    ours = {}
    for line in map(json.loads, lines):
        ours[Path(line["path"]).name] = [code["text"] for picture in line["pictures"] for code in picture.get("codes", [])]
    theirs, seconds = {}, 0.0
    for name in texts:
        if not name.endswith(".eml"):
            started = time.perf_counter()
            run = subprocess.run(["zbarimg", "-q", "--raw", "--nodbus", folder / name], stdout=subprocess.PIPE)
            seconds += time.perf_counter() - started
            theirs[name] = run.stdout.decode(errors="replace").splitlines()
    print(f"zbarimg, whole: {seconds / len(theirs) * 1000:.1f} ms each")
    print(f"{'kind':24} {'codes':>5} {'ours':>5} {'zbarimg':>7}")
    count = lambda found, names: sum(texts[name] in found.get(name, []) for name in names)
    for kind in [*KINDS, *OTHERS, "blocks", "table"]:
        names = [name for name in texts if name.startswith(f"{kind}-")]
        print(f"{kind:24} {len(names):5} {count(ours, names):5} {count(theirs, names):7}")
    names = [name for name in texts if name.partition("-")[0] in KINDS]
    print(f"{'pictures with QR codes':24} {len(names):5} {count(ours, names):5} {count(theirs, names):7}")
    for name in texts:
        if "--missed" in sys.argv and texts[name] not in ours.get(name, []):
            print(name, "zbarimg reads it" if texts[name] in theirs.get(name, []) else "")


if __name__ == "__main__":
    main()
