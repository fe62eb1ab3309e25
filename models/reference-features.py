#!/usr/bin/env python3
"""Features computed the reference way: Pillow's bilinear resize, N x H x W x BGR, channel means subtracted, ONNX Runtime.

usage: reference-features.py draw                     draws ../tests/data/reference/* and writes features.json there
       reference-features.py compare COUNT PATH...    cosine similarity of the product's features with these, over COUNT
                                                      pictures of the folders (evenly chosen); --command names the program

Needs the packages of requirements.txt; `compare` needs imagespam-milter and its ONNX Runtime as well.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFilter

from pixels import opened, pixels

HERE = Path(__file__).parent
BUNDLE = HERE / "resnet50-thin"
REFERENCE = HERE.parent / "tests" / "data" / "reference"
MANIFEST = tomllib.loads((BUNDLE / "model.toml").read_text())
OUTPUTS = MANIFEST["backbone"]["outputs"]


def features(session: onnxruntime.InferenceSession, path: Path) -> np.ndarray:
    picture, found = opened(path), []
    for view in MANIFEST["view"]:
        found += [output[0] for output in session.run(OUTPUTS, {"pixels": pixels(picture, view)})]
    return np.concatenate(found)


def drawn() -> dict[str, tuple[Image.Image, dict]]:
    """A dozen pictures of many kinds, sizes and file formats."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:600, 0:800]
    waves = np.stack([127 + 127 * np.sin(x / 37), 127 + 127 * np.sin(y / 23 + x / 90), 127 + 127 * np.cos((x + y) / 51)], axis=2)
    waves = Image.fromarray(waves.astype(np.uint8))
    noise = Image.fromarray(rng.integers(0, 256, (300, 300, 3), dtype=np.uint8))
    shapes = Image.new("RGB", (1024, 768), "white")
    draw = ImageDraw.Draw(shapes)
    for _ in range(60):
        left, top = rng.integers(0, 900), rng.integers(0, 650)
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw.ellipse([left, top, left + rng.integers(20, 200), top + rng.integers(20, 200)], fill=colour)
    lines = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(lines)
    for row in range(80):
        for start in range(100, 1100, 60):
            draw.rectangle([start, 100 + row * 20, start + rng.integers(10, 55), 108 + row * 20], fill=int(rng.integers(0, 90)))
    glass = shapes.convert("RGBA")
    glass.putalpha(Image.linear_gradient("L").resize(glass.size))
    return {
        "waves.jpg": (waves, {"quality": 90}),
        "waves-progressive.jpg": (waves.resize((333, 517)), {"quality": 75, "progressive": True}),
        "waves-444.jpg": (waves.resize((225, 223)), {"quality": 95, "subsampling": 0}),
        "noise.png": (noise.filter(ImageFilter.GaussianBlur(2)), {}),
        "shapes.png": (shapes, {"optimize": True}),
        "shapes-palette.png": (shapes.quantize(64), {}),
        "shapes.gif": (shapes.resize((500, 400)).quantize(128), {}),
        "shapes-transparent.png": (glass.resize((400, 300)), {}),
        "lines.png": (lines.convert("1"), {}),
        "lines-grey.jpg": (lines, {"quality": 60}),
        "shapes.bmp": (shapes.resize((120, 90)), {}),
        "lines.tiff": (lines.resize((200, 283)), {}),
        "banner.png": (shapes.resize((900, 70)), {}),
    }


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="imagespam-milter")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("draw")
    compare = commands.add_parser("compare")
    compare.add_argument("count", type=int)
    compare.add_argument("paths", type=Path, nargs="+")
    arguments = parser.parse_args()
    session = onnxruntime.InferenceSession(str(BUNDLE / "backbone.onnx"))

    if arguments.what == "draw":
        REFERENCE.mkdir(parents=True, exist_ok=True)
        known = {}
        for name, (image, options) in drawn().items():
            image.save(REFERENCE / name, **options)
            known[name] = [round(float(value), 4) for value in features(session, REFERENCE / name)]
        (REFERENCE / "features.json").write_text(json.dumps(known, separators=(",", ":")) + "\n")
        return

    files = sorted(path for folder in arguments.paths for path in folder.rglob("*") if path.is_file())
    files = files[:: max(1, len(files) // arguments.count)]
    scan = [arguments.command, "scan", "--set", f"model.bundle={BUNDLE}", "--features", "--format", "json", *map(str, files)]
    found = []
    for line in subprocess.run(scan, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        result = json.loads(line)
        for picture in result["pictures"]:
            if "features" in picture:
                found.append((cosine(np.array(picture["features"]), features(session, Path(result["path"]))), result["path"]))
    if not found:
        sys.exit("reference-features: no picture could be compared")
    found.sort()
    print(f"{len(found)} pictures: least cosine {found[0][0]:.6f} ({found[0][1]}), median {found[len(found) // 2][0]:.6f}; "
          f"below 0.999: {sum(value < 0.999 for value, _ in found)}")
    for value, path in found[:5]:
        print(f"  {value:.6f} {path}")


if __name__ == "__main__":
    main()
