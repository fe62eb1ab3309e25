"""Changes of pictures that mail makes to them: H x W x 3, red, green, blue from 0 to 255."""

import cv2
import numpy as np

SIDE = 384


class Changes:
    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        cv2.setRNGSeed(seed)
        cv2.setNumThreads(1)

    def happens(self, share: float) -> bool:
        return self.random.random() < share

    def cropped(self, pixels: np.ndarray) -> np.ndarray:
        """A part of the picture, or the picture with some margin, each side by itself, some turned by a few degrees; SIDE x SIDE."""
        side, between = pixels.shape[0], self.random.uniform
        size = 1.0 if self.happens(0.3) else between(0.7, 1.12)
        ratio = np.exp(between(-0.12, 0.12))
        width, height = min(size * ratio, 1.15), min(size / ratio, 1.15)
        angle = between(-0.05, 0.05) if self.happens(0.2) else 0.0
        shift = between(-1, 1) * abs(1 - width), between(-1, 1) * abs(1 - height)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[width * cos, -height * sin], [width * sin, height * cos]])
        # From pixels of the copy to those of the picture, both with their middle at 0.
        move = (turn.sum(1) * (1 / SIDE - 1) + shift + 1) * side / 2 - 0.5
        matrix = np.column_stack([turn * side / SIDE, move])
        return cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)

    def laid_over(self, pixels: np.ndarray, ground: np.ndarray) -> np.ndarray:
        """A picture over another: thinly, or with what is lighter than some grey cut out."""
        pixels, ground = pixels.astype(np.float32), ground.astype(np.float32)
        if self.happens(0.5):
            return np.where(pixels.mean(2, keepdims=True) > self.random.uniform(120, 250), ground, pixels)
        alpha = self.random.uniform(0.12, 0.6)
        return pixels * alpha + ground * (1 - alpha)

    def coarser(self, pixels: np.ndarray) -> np.ndarray:
        if not self.happens(0.45):
            return pixels
        side = int(SIDE * self.random.uniform(0.25, 1))
        small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)

    def tinted(self, pixels: np.ndarray) -> np.ndarray:
        between = self.random.uniform
        pixels = pixels.astype(np.float32)
        if self.happens(0.4):
            grey = pixels.mean(2, keepdims=True)
            pixels = grey + (pixels - grey) * between(0.3, 1.6)
        if self.happens(0.4):
            middle = pixels.mean()
            pixels = middle + (pixels - middle) * between(0.6, 1.35)
        if self.happens(0.4):
            pixels = pixels * between(0.7, 1.3)
        if self.happens(0.25):
            pixels = pixels * (self.random.random(3) * 0.4 + 0.8).astype(np.float32)
        pixels = np.clip(pixels, 0, 255)
        if self.happens(0.06):
            pixels = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
        return 255 - pixels if self.happens(0.03) else pixels

    def mailed(self, pixels: np.ndarray) -> np.ndarray:
        """Scaled, tinted, noisy, encoded anew."""
        pixels = self.tinted(self.coarser(pixels))
        if self.happens(0.3):
            noise = cv2.randn(np.empty(pixels.shape, np.float32), 0, 1)
            pixels = pixels + np.float32(self.random.uniform(1, 14)) * noise
        pixels = np.clip(pixels, 0, 255)
        if self.happens(0.4):
            quality = int(self.random.uniform(15, 95))
            encoded = cv2.imencode(".jpg", pixels[:, :, ::-1].astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.float32)
        return pixels
