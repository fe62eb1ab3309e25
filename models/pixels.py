"""A picture as the net takes it, by Pillow: what the program does in src/model/preprocess.rs."""

from pathlib import Path

import numpy as np
from PIL import Image


def opened(path: Path) -> Image.Image:
    """First frame, what is transparent laid on white."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    white.alpha_composite(picture)
    return white.convert("RGB")


def pixels(picture: Image.Image, view: dict) -> np.ndarray:
    """A batch of one RGB picture for a `[[view]]` of model.toml: 1 x height x width x BGR, channel means subtracted."""
    resized = picture.resize((view["width"], view["height"]), Image.BILINEAR)
    return (np.asarray(resized, dtype=np.float32)[:, :, ::-1] - np.array(view["mean"], dtype=np.float32))[None]
