#!/usr/bin/env python3
"""Packs labelled pictures for activations.py: first frame, on white, squashed to 416 x 416 pixels, as WebP.

Writes OUT/NN.pickle, lists of (class, source, path, WebP bytes), 55 MB each at most.
"""

import argparse
import io
import multiprocessing
import pickle
import sys
from pathlib import Path

from PIL import Image

SIDE, LEAST_SIDE, PART = 416, 24, 55_000_000
CLASSES = ("ham", "spam", "ad")


def found(root: Path) -> list[tuple[str, str, Path]]:
    """Class, source and path of each file below a folder named after a class."""
    pictures = []
    for path in sorted(root.rglob("*")):
        folders = path.relative_to(root).parts[:-1]
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            for name in folders:
                if name in CLASSES:
                    pictures.append((name, "/".join(folder for folder in folders if folder != name) or root.name, path))
                    break
    return pictures


def packed(picture: tuple[str, str, Path]) -> tuple[str, str, str, bytes] | None:
    kind, source, path = picture
    try:
        image = Image.open(path)
        if image.format == "JPEG":
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
        image = image.convert("RGBA")
        if min(image.size) < LEAST_SIDE:
            return None
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(image)
        out = io.BytesIO()
        white.convert("RGB").resize((SIDE, SIDE), Image.BILINEAR).save(out, "WEBP", quality=85, method=2)
        return kind, source, str(path), out.getvalue()
    except Exception as error:  # a picture that Pillow can't read is one less to train on
        print(f"pack: {path}: {error}", file=sys.stderr)
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+", help="folders as `imagespam-milter train` reads them")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    pictures = [picture for root in arguments.data for picture in found(root.resolve())]
    part, size, number = [], 0, 0
    with multiprocessing.Pool() as pool:
        for entry in pool.imap(packed, pictures, chunksize=16):
            if entry is None:
                continue
            if size + len(entry[3]) > PART:
                (out / f"{number:02}.pickle").write_bytes(pickle.dumps(part))
                part, size, number = [], 0, number + 1
            part.append(entry)
            size += len(entry[3])
    (out / f"{number:02}.pickle").write_bytes(pickle.dumps(part))


if __name__ == "__main__":
    main()
