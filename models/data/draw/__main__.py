"""Draws pictures to train on: lures of today, advertisements, and more ham than both, in many layouts, languages and scripts.

usage: python3 -m draw OFFICE STOCK DIR [--spam N] [--campaigns N] [--ad N] [--mailings N] [--ham N] [--company N] [--screens N] [--thumbnails N]
                         [--seed S] [--jobs J]     (from the folder models/data)

OFFICE is what fetch-ham has built, STOCK what fetch-stock has: photographs, clip art, portraits, goods and marks come from them. Writes DIR/{spam,ad,ham}/drawn-<kind>/<number>.{png,jpg,gif}.
Beside what is drawn, small JPEGs are cut out of the photographs (ham/drawn-thumbnail): what telephones and web pages send.
Pages are laid out and rendered by Chromium (Debian's package) with Debian's free fonts (list: packages.txt). The same seed, office folder, fonts
and Chromium give the same pages. Nothing is copied from real campaigns, and nothing was tuned on a test set.
"""

import argparse
import io
import multiprocessing
import random
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter
from playwright.sync_api import sync_playwright

from . import campaigns, company, everyday, lures, screens
from .style import Style

# Sources of photographs and of clip art, folders of fetch-ham.
PHOTOS = ["mate-backgrounds", "plasma-workspace-wallpapers", "ukui-wallpapers", "lxqt-themes", "wordpress-theme-twentytwentyone"]
MORE_PHOTOS = ["lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "stellarium-data"]
ART = ["openclipart-png", "tuxpaint-stamps-default", "oxygen-icon-theme", "gnome-icon-theme", "faenza-icon-theme", "gcompris-qt-data"]
# Option, class, what draws it.
KINDS = [
    ("spam", "spam", lures.SPAM), ("campaigns", "spam", campaigns.CAMPAIGNS), ("ad", "ad", lures.AD), ("mailings", "ad", campaigns.MAILINGS),
    ("ham", "ham", everyday.HAM), ("company", "ham", company.COMPANY), ("screens", "ham", screens.SCREENS),
]
CHROMIUM = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic", "--allow-file-access-from-files"]


def files(office: Path, folders: list[str], least: int) -> list[Path]:
    return [path for folder in folders for path in sorted((office / folder).glob("*")) if path.stat().st_size >= least]


def shrunk(paths: list[Path], into: Path) -> list[Path]:
    """Smaller copies: wallpapers of 20 megapixels would take Chromium a second each."""
    into.mkdir(parents=True, exist_ok=True)
    made = []
    for path in paths:
        copy = into / f"{path.stem}.jpg"
        if not copy.exists():
            try:
                picture = Image.open(path).convert("RGB")
            except Exception:
                continue  # not every wallpaper of a package can be read
            picture.thumbnail((1000, 1000))
            picture.save(copy, quality=90)
        made.append(copy)
    return made


def worn(shot: bytes, rng: random.Random, scan: bool) -> tuple[bytes, str]:
    """What becomes of a drawing before it is mailed: scaled, scanned, encoded."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    if scan:
        picture = picture.rotate(rng.uniform(-1.5, 1.5), expand=rng.random() < 0.5, fillcolor=(rng.randint(200, 255),) * 3, resample=Image.BICUBIC)
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1)))
        if rng.random() < 0.5:
            picture = picture.convert("L").convert("RGB")
        noise = Image.effect_noise(picture.size, rng.uniform(3, 25)).convert("RGB")
        picture = Image.blend(picture, noise, rng.uniform(0.01, 0.08))
    if rng.random() < 0.5:
        factor = rng.choice([0.3, 0.5, 0.6, 0.75, 0.8, 1.25, 1.5])
        if min(picture.size) * factor > 24:
            picture = picture.resize((int(picture.width * factor), int(picture.height * factor)), rng.choice([Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]))
    out, kind = io.BytesIO(), rng.choices(["png", "jpg", "gif"], [5, 5, 0.7])[0]
    if kind == "jpg":
        picture.save(out, "JPEG", quality=rng.randint(35, 95))
    elif kind == "gif":
        picture.quantize(rng.choice([32, 64, 256])).save(out, "GIF")
    else:
        picture.save(out, "PNG")
    return out.getvalue(), kind


def thumbnail(path: Path, rng: random.Random) -> bytes | None:
    """A part of a photograph, 60 to 640 pixels wide, as a JPEG of any quality."""
    try:
        photo = Image.open(path)
        photo.draft("RGB", (1600, 1600))
        photo = photo.convert("RGB")
    except Exception:
        return None  # not every wallpaper of a package can be read
    part, ratio = rng.uniform(0.15, 1), rng.uniform(0.6, 1.7)
    width = max(16, int(photo.width * part))
    height = max(16, min(photo.height, int(width / ratio)))
    left, top = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
    photo = photo.crop((left, top, left + width, top + height))
    size = rng.choice([60, 100, 150, 200, 250, 300, 320, 400, 500, 640])
    photo = photo.resize((size, max(16, int(size * height / width))), rng.choice([Image.BILINEAR, Image.LANCZOS]))
    if rng.random() < 0.15:
        photo = photo.convert("L").convert("RGB")
    photo = ImageEnhance.Brightness(photo).enhance(rng.uniform(0.6, 1.35))
    photo = ImageEnhance.Contrast(photo).enhance(rng.uniform(0.6, 1.3))
    photo = ImageEnhance.Color(photo).enhance(rng.uniform(0.4, 1.5))
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=rng.randint(30, 92))
    return out.getvalue()


def save(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}"
    temporary.write_bytes(data)
    temporary.rename(folder / name)


def draw(job: tuple) -> None:
    """One process's share of the pictures of all classes."""
    arguments, share, assets = job
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", chromium_sandbox=False, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1120, "height": 900}, java_script_enabled=True)
        # A page of a file may show pictures of files.
        page.goto(f"file://{assets['empty']}")
        for name, label, makers in KINDS:
            for number in range(share, getattr(arguments, name), arguments.jobs):
                # Each option has numbers of its own, so that more of one leaves the others' pictures as they are.
                rng = random.Random(f"{arguments.seed}/{name}/{number}")
                maker, (_, loud) = rng.choices(list(makers.items()), [weight for weight, _ in makers.values()])[0]
                folder = arguments.dir / label / f"drawn-{maker.__name__}"
                if list(folder.glob(f"{number:05d}.*")):
                    continue
                page.evaluate("html => { document.body.innerHTML = html }", maker(Style(rng, assets, loud)))
                page.wait_for_function("[...document.images].every(image => image.complete)")
                element = page.query_selector("#p")
                scan = element.get_attribute("data-scan") == "1"
                data, kind = worn(element.screenshot(), rng, scan)
                save(folder, f"{number:05d}.{kind}", data)
        browser.close()
    for number in range(share, arguments.thumbnails, arguments.jobs):
        rng = random.Random(f"{arguments.seed}/thumbnail/{number}")
        folder = arguments.dir / "ham" / "drawn-thumbnail"
        data = None if (folder / f"{number:05d}.jpg").exists() else thumbnail(rng.choice(assets["thumbnails"]), rng)
        if data:
            save(folder, f"{number:05d}.jpg", data)


def main() -> None:
    parser = argparse.ArgumentParser(prog="draw", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("office", type=Path)
    parser.add_argument("stock", type=Path)
    parser.add_argument("dir", type=Path)
    for name, default in (("spam", 1600), ("campaigns", 1000), ("ad", 560), ("mailings", 140), ("ham", 3000), ("company", 1400), ("screens", 1000), ("thumbnails", 2400), ("seed", 1), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    arguments.office, arguments.stock, arguments.dir = arguments.office.resolve(), arguments.stock.resolve(), arguments.dir.resolve()
    cache = arguments.dir / ".photos"
    assets = {"photos": shrunk(files(arguments.office, PHOTOS, 20_000), cache), "art": files(arguments.office, ART, 3_000), "thumbnails": files(arguments.office, PHOTOS + MORE_PHOTOS, 20_000)}
    assets |= {kind: files(arguments.stock, [kind], 1) for kind in ("people", "products", "marks")} | {"stock": shrunk(files(arguments.stock, ["photos"], 1), cache / "stock")}
    if not assets["photos"] or not assets["art"]:
        parser.error(f"{arguments.office} holds no photographs or no clip art: run fetch-ham first")
    if not all(assets[kind] for kind in ("people", "products", "marks", "stock")):
        parser.error(f"{arguments.stock} lacks people, products, photos or marks: run fetch-stock first")
    (cache / "empty.html").write_text("<!doctype html><meta charset=utf-8><style>body{margin:0}</style><body></body>")
    assets["empty"] = cache / "empty.html"
    with multiprocessing.Pool(arguments.jobs) as pool:
        for _ in pool.imap_unordered(draw, [(arguments, share, assets) for share in range(arguments.jobs)]):
            pass


if __name__ == "__main__":
    main()
