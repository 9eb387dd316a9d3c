"""Pillow's answers."""

import numpy as np
import PIL
from PIL import Image

LIBRARY, VERSION = "pillow", f"pillow {PIL.__version__}"


def resized(x, size, mode):
    return np.asarray(Image.fromarray(x[0, :, :, 0]).resize((size, 1), mode))


def bilinear(x, size, option):
    return resized(x, size, Image.Resampling.BILINEAR) if option is None else None


def nearest(x, size, option):
    return resized(x, size, Image.Resampling.NEAREST)
