"""Cases for the claims: constructed convolutions and arrays of whole numbers, the same in every run."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checks import convolution_case
from ..kernels.geometry import Array

CASES = 40  # constructed convolutions that a claim about all convolutions is held against


def cases(operation: str) -> Iterator[tuple[Any, list[Array]]]:
    """Constructed cases with arrays of whole numbers; always the same ones."""
    source = random.Random(2019)
    for seed in range(CASES):
        case = convolution_case(source.randint, operation)
        yield case, case.arrays(seed)


def whole(seed: int, *shape: int) -> Array:
    """An array of whole numbers from −3 to 3 as floats, on which sums of products are exact."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float64)


def written(numbers: Array) -> str:
    """Whole numbers of a row, or of rows with strokes between them, as a claim prints them.

    >>> written(np.array([[1.0, -2.0], [3.0, 4.0]]))
    '1 -2 | 3 4'
    """
    return " | ".join(" ".join(f"{number:.0f}" for number in row) for row in np.atleast_2d(numbers))
