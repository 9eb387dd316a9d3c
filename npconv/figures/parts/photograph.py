"""A real photograph to filter: the one that comes with matplotlib, and a drawn stand-in where it is missing."""

from dataclasses import dataclass

import matplotlib.image
import numpy as np
from matplotlib.cbook import get_sample_data

from ...kernels.geometry import Array

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


def photograph_from(function: str, given: Photograph | Array | None) -> Photograph:
    """The photograph given, or matplotlib's; raises TypeError or ValueError where it is none that can be drawn.

    >>> photograph_from("f", np.zeros((24, 30, 3), np.uint8)).source
    "a photograph of the caller's"
    """
    if given is None:
        return load_photograph()
    photograph = given if isinstance(given, Photograph) else Photograph(given, "a photograph of the caller's", False)
    pixels = photograph.pixels
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        kind = getattr(pixels, "dtype", type(pixels).__name__)
        raise TypeError(f"{function}: photograph must be an array of uint8; got {kind}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 24 <= min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= 1024:
        raise ValueError(
            f"{function}: photograph must be (height, width, 3), 24 to 1024 pixels a side; "
            f"got photograph {pixels.shape}"
        )
    return photograph


def synthetic_picture(height: int = 300, width: int = 256) -> Array:
    """A picture (height, width, 3) with what filters look for: an edge all around, stripes, and smooth shading.

    >>> synthetic_picture(30, 20).shape
    (30, 20, 3)
    """
    row, column = np.mgrid[:height, :width]
    inside = (2 * row - height) ** 2 * width**2 + (2 * column - width) ** 2 * height**2 < (height * width) ** 2 // 2
    red = np.where(inside, 215, 255 * column // width)
    green = np.where(inside, 60 + 140 * row // height, 255 * row // height)
    blue = np.where((row + column) // 16 % 2 == 1, 200, 70)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)
