"""Small images with structure, as photographs have: JPEG keeps them recognisable."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from training.dataset import LabelledImages


def smooth_images(count: int, seed: int) -> LabelledImages:
    draw = np.random.default_rng(seed)
    images = [
        Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).filter(ImageFilter.SMOOTH)
        for pixels in draw.integers(0, 256, (count, 5, 5, 3)).astype(np.uint8)
    ]
    labels = draw.integers(0, 10, count).astype(np.uint8)
    return LabelledImages(np.stack([np.asarray(image) for image in images]), labels)
