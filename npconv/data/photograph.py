"""A real photograph: the one that comes with matplotlib, and a drawn stand-in where it is missing."""

from dataclasses import dataclass

import numpy as np

from ..kernels.geometry import Array

SAMPLE = "grace_hopper.jpg"


@dataclass(frozen=True)
class Photograph:
    """pixels (height, width, 3), uint8, red green blue; `source` says where they come from."""

    pixels: Array
    source: str
    synthetic: bool


def load_photograph(sample: str = SAMPLE) -> Photograph:
    """The photograph of Grace Hopper that matplotlib carries, at half its size, or a synthetic one instead.

    `source` and `synthetic` of the result say which of the two it is. Half the size is the rounded mean of 2×2 pixels.

    >>> photograph = load_photograph("no such file")
    >>> photograph.synthetic, photograph.pixels.shape, photograph.pixels.dtype
    (True, (300, 256, 3), dtype('uint8'))
    """
    import matplotlib.image  # here, so that npconv.data loads NumPy alone
    from matplotlib.cbook import get_sample_data

    try:
        pixels = matplotlib.image.imread(get_sample_data(sample, asfileobj=False))
    except OSError:  # some distributions leave matplotlib's sample data out
        return Photograph(
            synthetic_picture(), "a synthetic picture, as matplotlib's sample photograph is missing", True
        )
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).sum(axis=(1, 3), dtype=np.int64)
    halved = ((blocks + 2) // 4).astype(np.uint8)  # (height/2, width/2, 3)
    return Photograph(halved, "the photograph of Grace Hopper that comes with matplotlib (public domain)", False)


def synthetic_picture(height: int = 300, width: int = 256) -> Array:
    """A picture (height, width, 3) with what filters look for: an edge all around, stripes, and smooth shading.

    >>> synthetic_picture(30, 20).shape
    (30, 20, 3)
    """
    row, column = np.indices((height, width), np.int64)
    inside = (2 * row - height) ** 2 * width**2 + (2 * column - width) ** 2 * height**2 < (height * width) ** 2 // 2
    red = np.where(inside, 215, 255 * column // width)
    green = np.where(inside, 60 + 140 * row // height, 255 * row // height)
    blue = 70 + 130 * ((row + column) // 16 % 2)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)
