"""The numbers in a figure, an instructor's own or small integers that can be checked by hand, and their text."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ...kernels.arguments import integers, plain, shown, sizes
from ...kernels.geometry import Array, Padding, Pair
from ...text import number_text, plural as plural

Given: TypeAlias = Array | Sequence[int]

MOST_NUMBERS = 2**24  # that are drawn at random for a shape

ROUNDED = "numbers are drawn rounded, and were summed before rounding"  # said where they are not whole


def array_from(function: str, name: str, given: Given, generator: np.random.Generator, largest: int) -> Array:
    """The array given, or one of that shape with random integers from −largest to largest.

    Raises TypeError where it is neither an array of real numbers nor a shape, ValueError where a number is not finite
    or the shape is not one.

    >>> array_from("f", "x", (2, 3), np.random.default_rng(0), 3).shape
    (2, 3)
    """
    if isinstance(given, np.ndarray):
        if given.dtype.kind not in "iuf":
            raise TypeError(f"{function}: {name} must hold real numbers; got dtype {given.dtype}, {name} {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError(f"{function}: {name} must hold finite numbers to draw; {name} {given.shape}")
        return given
    shape = sizes(function, name, given, "a numpy.ndarray or the shape of one", most=MOST_NUMBERS)
    numbers = generator.integers(-largest, largest + 1, size=shape)
    return numbers if numbers.any() else np.ones_like(numbers)  # a filter of zeros shows nothing


def place_from(
    function: str,
    at: Sequence[int] | None,
    rows: int,
    columns: int,
    *,
    name: str = "at",
    grid: str = "the output",
) -> tuple[int, int]:
    """The (row, column) given, or the middle; raises TypeError where it is no pair of ints, ValueError outside.

    >>> place_from("f", None, 5, 4)
    (2, 2)
    """
    if at is None:
        return rows // 2, columns // 2
    place = integers(function, name, at, 0, expected="a pair of ints (row, column)")
    if len(place) != 2 or place[0] >= rows or place[1] >= columns:
        raise ValueError(f"{function}: {name} must be a place in {grid}, {rows} by {columns}; got {shown(at)}")
    return place


def geometry_text(stride: Pair, padding: Padding, dilation: Pair) -> str:
    """The geometry as a caption has it."""
    return f"stride {plain(stride)}, padding {plain(padding)!r} and dilation {plain(dilation)}"


def are_whole(*arrays: Array) -> bool:
    """True where every number is an integer, whatever the dtype: if not, numbers are drawn rounded."""
    return all(bool(np.all(a == np.round(a))) for a in arrays)


def number_texts(a: Array) -> list[list[str]]:
    """The texts of a matrix."""
    return [[number_text(number) for number in row] for row in a]


def widest_texts(a: Array) -> list[str]:
    """Texts of which one is about as wide as the widest of the array's: all that differ, or, of many, one a kind.

    >>> widest_texts(np.array([[1, -2, 3], [4, -2, 1]]))
    ['−2', '1', '3', '4']
    """
    numbers = np.unique(a.astype(float))
    if len(numbers) <= 500:
        return [number_text(number) for number in numbers]
    rounded = np.round(numbers, 2)
    digits = np.floor(np.log10(np.maximum(np.abs(rounded), 1)))
    _, first = np.unique(4 * digits + 2 * (rounded >= 0) + (numbers != np.round(numbers)), return_index=True)
    return [number_text(number).translate(str.maketrans("123456789", "0" * 9)) for number in numbers[first]]


def sum_text(numbers: Sequence[Any]) -> str:
    """A sum written out.

    >>> sum_text([-4, 3, -5])
    '−4 + 3 − 5'
    """
    first, *rest = numbers
    return number_text(first) + "".join(
        f" {'−' if math.copysign(1, number) < 0 and number else '+'} {number_text(abs(number))}" for number in rest
    )


def side_text(symbol: str, height: int, width: int) -> str:
    """A side's label: one number where height and width agree.

    >>> side_text("Dᵤ", 7, 7), side_text("Dᵤ", 5, 7)
    ('Dᵤ = 7', 'Dᵤ = 5×7')
    """
    return f"{symbol} = {width}" if height == width else f"{symbol} = {height}×{width}"


def product_text(name: str, *counts: int) -> str:
    """A product of counts, and what is counted.

    >>> product_text("weight", 3, 3, 2), product_text("place", 1, 1)
    ('3·3·2 weights', '1·1 place')
    """
    return f"{'·'.join(map(str, counts))} {plural(name, math.prod(counts))}"
