"""The photograph that a figure filters: the caller's, or the one that comes with matplotlib."""

import numpy as np

from ...data import Photograph, load_photograph
from ...kernels.geometry import Array


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
