"""Large arrays, a piece at a time: it stays in the cache from one pass to the next, and several threads share them."""

from collections.abc import Callable

import numpy as np

from .. import threads
from .geometry import Array

PIECE = 2**19  # numbers; with 2**20 batch normalisation of 3.6 million and its backward take 1.1 and 1.2 of the time
LARGE = 2**21  # numbers; at 1.2 million ReLU6's backward gains nothing from a second thread, at 3.6 million a fifth
Piece = tuple[slice, slice]  # images, rows


def in_pieces(function: Callable[..., Array], *arrays: Array, once: bool = False) -> Array:
    """`function(*arrays)` of arrays of one shape, an element at a time, where the last axis may tell the element.

    `once` says that it goes through the arrays only once; then they must be larger, as the result is copied once more.
    """
    a = arrays[0]
    plain = a.ndim > 1 and all(a.flags.c_contiguous and a.dtype.kind == "f" for a in arrays)
    if a.size < (4 * LARGE if once else LARGE) or threads.count() == 1 or not plain:
        return function(*arrays)
    result = np.empty(a.shape, function(*(a[:0] for a in arrays)).dtype)

    def compute(piece: Piece) -> None:
        result[piece] = function(*(a[piece] for a in arrays))

    threads.each(compute, pieces(a), threads.WORTH)
    return result


def pieces(a: Array) -> list[Piece]:
    """Pieces of about `PIECE` numbers of an array: some images, or some rows of one."""
    images = max(1, PIECE * len(a) // a.size)
    rows = a.shape[1] if images > 1 else max(1, PIECE * len(a) * a.shape[1] // a.size)
    return [
        (slice(image, image + images), slice(row, row + rows))
        for image in range(0, len(a), images)
        for row in range(0, a.shape[1], rows)
    ]
