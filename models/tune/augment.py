"""Changes of pictures that mail makes to them, on batches: N x 3 x H x W, red, green, blue from 0 to 255."""

import math

import torch
from torch.nn import functional

SIDE = 384
# The luminance table of JPEG's annex K.
TABLE = torch.tensor([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
], dtype=torch.float32).view(8, 8)
COSINES = torch.tensor([[math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)] for k in range(8)])


def uniform(count: int, low: float, high: float, device) -> torch.Tensor:
    return (torch.rand(count, device=device) * (high - low) + low).view(-1, 1, 1, 1)


def some(count: int, share: float, device) -> torch.Tensor:
    return (torch.rand(count, device=device) < share).view(-1, 1, 1, 1)


def seen(pixels: torch.Tensor) -> torch.Tensor:
    """Unchanged, at the size of the view."""
    return functional.interpolate(pixels.float(), size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def cropped(pixels: torch.Tensor) -> torch.Tensor:
    """Parts of the pictures, or the pictures with some margin, each side by itself, some turned by a few degrees."""
    count, device = len(pixels), pixels.device
    size = torch.where(some(count, 0.3, device), torch.ones((), device=device), uniform(count, 0.7, 1.12, device)).view(-1)
    ratio = uniform(count, -0.12, 0.12, device).view(-1).exp()
    width, height = (size * ratio).clamp(max=1.15), (size / ratio).clamp(max=1.15)
    angle = torch.where(some(count, 0.2, device), uniform(count, -0.05, 0.05, device), torch.zeros((), device=device)).view(-1)
    shift = lambda extent: (torch.rand(count, device=device) * 2 - 1) * (1 - extent).abs()
    theta = torch.stack([
        torch.stack([width * angle.cos(), -height * angle.sin(), shift(width)], 1),
        torch.stack([width * angle.sin(), height * angle.cos(), shift(height)], 1),
    ], 1)
    grid = functional.affine_grid(theta, [count, 3, SIDE, SIDE], align_corners=False)
    return functional.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def compressed(pixels: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """As JPEG without subsampling would leave them; quality from 10 to 100."""
    count = len(pixels)
    cosines = COSINES.to(pixels.device)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).clamp_min(0.02).view(-1, 1, 1, 1, 1, 1)
    blocks = (pixels - 128).view(count, 3, SIDE // 8, 8, SIDE // 8, 8)
    waves = torch.einsum("ki,bcyixj,lj->bcykxl", cosines, blocks, cosines)
    step = (TABLE.to(pixels.device).view(1, 1, 1, 8, 1, 8) * scale).clamp_min(1)
    waves = torch.round(waves / step) * step
    return (torch.einsum("ki,bcykxl,lj->bcyixj", cosines, waves, cosines).reshape(count, 3, SIDE, SIDE) + 128).clamp(0, 255)


def coarser(pixels: torch.Tensor) -> torch.Tensor:
    """Scaled down and up again, by one factor for each eighth of the batch."""
    parts = []
    for part in pixels.chunk(8):
        if torch.rand(()) < 0.45:
            side = int(SIDE * (0.25 + 0.75 * torch.rand(()).item()))
            small = functional.interpolate(part, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
            part = functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        parts.append(part)
    return torch.cat(parts)


def tinted(pixels: torch.Tensor) -> torch.Tensor:
    count, device = len(pixels), pixels.device
    grey = pixels.mean(1, keepdim=True)
    gain = lambda share, low, high: torch.where(some(count, share, device), uniform(count, low, high, device), torch.ones((), device=device))
    pixels = grey + (pixels - grey) * gain(0.4, 0.3, 1.6)
    middle = pixels.mean((1, 2, 3), keepdim=True)
    pixels = middle + (pixels - middle) * gain(0.4, 0.6, 1.35)
    pixels = pixels * gain(0.4, 0.7, 1.3)
    channels = torch.where(some(count, 0.25, device), torch.rand(count, 3, 1, 1, device=device) * 0.4 + 0.8, torch.ones((), device=device))
    pixels = (pixels * channels).clamp(0, 255)
    pixels = torch.where(some(count, 0.06, device), pixels.mean(1, keepdim=True).expand_as(pixels), pixels)
    return torch.where(some(count, 0.03, device), 255 - pixels, pixels)


def laid_over(pixels: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
    """Pictures over others: thinly, or with what is lighter than some grey cut out."""
    count, device = len(pixels), pixels.device
    alpha = uniform(count, 0.12, 0.6, device)
    thin = pixels * alpha + ground * (1 - alpha)
    cut = torch.where(pixels.mean(1, keepdim=True) > uniform(count, 120, 250, device), ground, pixels)
    return torch.where(some(count, 0.5, device), thin, cut)


def mailed(pixels: torch.Tensor) -> torch.Tensor:
    """A changed copy of pictures of the view's size."""
    count, device = len(pixels), pixels.device
    pixels = tinted(coarser(pixels))
    noise = torch.randn_like(pixels) * torch.where(some(count, 0.3, device), uniform(count, 1, 14, device), torch.zeros((), device=device))
    pixels = (pixels + noise).clamp(0, 255)
    squeezed = compressed(pixels, uniform(count, 15, 95, device))
    return torch.where(some(count, 0.4, device), squeezed, pixels)
