#!/usr/bin/env python3
"""Changed copies of pictures, as a campaign's senders make them, to measure how many are still known as near-duplicates:
benches/variants.py FOLDER OUTPUT [COUNT], then `imagespam-milter dataset features OUTPUT -o variants.parquet`, then
`cargo bench --bench learning -- near VECTORS.parquet variants.parquet`. Needs Pillow and NumPy."""
import pathlib
import random
import sys

import numpy
from PIL import Image, ImageEnhance

folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "spam"
count = int(sys.argv[3]) if len(sys.argv) > 3 else 250
output.mkdir(parents=True)
ham = output.parent / "ham"  # dataset features asks for a class ham
ham.mkdir()
Image.effect_noise((200, 200), 50).save(ham / "x.png")
dice = numpy.random.default_rng(7)
files = sorted(path for path in folder.rglob("*") if path.is_file() and "spam" in path.parts)
random.Random(7).shuffle(files)
made = 0
for path in files:
    if made == count:
        break
    try:
        picture = Image.open(path).convert("RGB")
    except OSError:
        continue
    width, height = picture.size
    if width * height < 10_000:
        continue
    pixels = numpy.array(picture).astype(int)
    noisy = (pixels + dice.integers(-8, 9, pixels.shape)).clip(0, 255).astype("uint8")
    dotted = pixels.astype("uint8")
    at = dice.integers(0, height, width * height // 2000), dice.integers(0, width, width * height // 2000)
    dotted[at] = dice.integers(0, 256, (len(at[0]), 3))
    variants = {
        "noise": Image.fromarray(noisy),
        "dots": Image.fromarray(dotted),
        "scale": picture.resize((max(1, int(width * 0.85)), max(1, int(height * 0.85)))),
        "crop": picture.crop((int(width * 0.02), int(height * 0.02), int(width * 0.98), int(height * 0.98))),
        "tint": ImageEnhance.Color(ImageEnhance.Brightness(picture).enhance(1.08)).enhance(0.8),
    }
    picture.save(output / f"{made:04}_original.png")
    picture.save(output / f"{made:04}_jpeg.jpg", quality=55)
    for name, variant in variants.items():
        variant.save(output / f"{made:04}_{name}.png")
    made += 1
print(f"{made} pictures, each with {len(variants) + 1} variants")
