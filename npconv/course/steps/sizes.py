"""The arrays of a stepper: an instructor's own numbers, or sizes that are filled with small whole numbers.

Sizes that no page can show are refused before anything is computed; the message has the limit.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ...kernels import arguments
from ...kernels.geometry import Array, Geometry, Pair
from ...kernels.signatures import Signature

NAME = "stepper"  # the function that errors name

MOST_SIDE = 24  # rows or columns of a grid, padding included: more are too narrow to hold a number, or to be scrolled
MOST_CHANNELS = 16  # slices side by side, or filters: more are seen as a texture
MOST_STEPS = 2000  # positions of the slider: with more, one of its pixels is several steps
MOST_PRODUCTS = 30_000  # products in all the steps: most of a page's bytes, and about 0.6 MB of them at this number
LARGEST = 10**6  # a number's size: sums stay whole numbers that JSON and a script keep, and it fits into a cell

INPUTS, WEIGHTS = 3, 1  # random inputs lie between −3 and 3, random weights between −1 and 1

Given: TypeAlias = Array | Sequence[int]


class GivenArrays:
    """The arrays of one stepper, given or random; random weights lie between −`weights` and `weights`."""

    def __init__(self, seed: int, weights: int = WEIGHTS) -> None:
        self.generator, self.weights = arguments.generator(NAME, seed), weights

    def volume(self, name: str, given: Given, largest: int = INPUTS) -> Array:
        """One image (1, D, D, C), from an array with or without its batch axis, or from such a shape."""
        shape = given.shape if isinstance(given, np.ndarray) else sizes_of(name, given)
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1):
            raise ValueError(f"{NAME}: {name} must be one image, (H, W, M) or (1, H, W, M); got {name} {shape}")
        return self.array(name, given, shape, 1, largest).reshape((1, *shape[-3:]))

    def kernel(
        self, name: str, given: Array | None, shape: Sequence[int], *, channel_axes: int = 2, **decided: object
    ) -> Array:
        """The given array, which excludes the sizes that it decides, or a random one of that shape."""
        if given is None:
            return self.array(name, shape, tuple(shape), channel_axes, self.weights)
        for size, value in decided.items():
            if value is not None:
                which = f"{size} must be left out where {name} is an array, which decides it"
                raise TypeError(f"{NAME}: {which}; got {value!r}")
        if not isinstance(given, np.ndarray):
            raise TypeError(f"{NAME}: {name} must be a numpy.ndarray; got {type(given).__name__}")
        return self.array(name, given, given.shape, channel_axes, self.weights)

    def array(self, name: str, given: Given, shape: tuple[int, ...], channel_axes: int, largest: int) -> Array:
        """The array given in a wide dtype, or random whole numbers, not all zero, between −largest and largest."""
        fits(name, sizes_of(name, shape), channel_axes)
        if not isinstance(given, np.ndarray):
            numbers = self.generator.integers(-largest, largest + 1, size=shape)
            return numbers if numbers.any() else np.ones_like(numbers)  # zeros show nothing
        if given.dtype.kind not in "iuf":
            raise TypeError(f"{NAME}: {name} must hold real numbers; got dtype {given.dtype}, {name} {shape}")
        if not np.isfinite(given).all() or given.max() > LARGEST or given.min() < -LARGEST:
            raise ValueError(f"{NAME}: {name} must hold finite numbers of at most {LARGEST:,} in size; {name} {shape}")
        return whole(given.astype(np.float64))


def sizes_of(name: str, given: Sequence[int]) -> tuple[int, ...]:
    """A shape, of ints from 1."""
    return arguments.sizes(NAME, name, given, "a numpy.ndarray or sizes, a tuple of ints")


def kernel_sides(kernel: Pair) -> tuple[int, int]:
    """A filter's height and width."""
    return arguments.pair(NAME, "kernel", kernel)


def count_of(name: str, value: int | None, otherwise: int) -> int:
    """A count such as N, or its default."""
    return otherwise if value is None else arguments.integer(NAME, name, value)


def fits(name: str, shape: Sequence[int], channel_axes: int = 1) -> None:
    """Refuse a shape whose grid or slices no page can show."""
    sides, channels = shape[: len(shape) - channel_axes], shape[len(shape) - channel_axes :]
    for sizes, most, what, included in (
        (sides, MOST_SIDE, "rows or columns", ", padding included"),
        (channels, MOST_CHANNELS, "channels", ""),
    ):
        if max(sizes, default=1) > most:
            limit = f"has {max(sizes)} {what}, and a page shows at most {most}{included}"
            raise ValueError(f"{NAME}: {name} {limit}; got {name} {tuple(shape)}")


def fits_padded(name: str, shape: Sequence[int], g: Geometry) -> None:
    """Refuse an input that is too large with its padding."""
    fits(name, (g.height.padded, g.width.padded, shape[-1]))


def fitting(row: Signature, x: Array, *kernels: Array, **geometry: Any) -> Geometry:
    """The geometry of arrays that fit their contract and, with their padding, a page."""
    g = row.check(NAME, x, *kernels).geometry(**geometry)
    fits_padded("x", x.shape, g)
    return g


def fits_steps(steps: int, products: int) -> None:
    """Refuse more steps, or more products in them, than a page can hold."""
    if steps > MOST_STEPS:
        raise ValueError(f"{NAME}: these sizes take {steps:,} steps, and a page shows at most {MOST_STEPS:,}")
    if products > MOST_PRODUCTS:
        raise ValueError(f"{NAME}: these sizes take {products:,} products, and a page holds at most {MOST_PRODUCTS:,}")


def whole(a: Array) -> Array:
    """Convert whole numbers to integers; leave others as they are.

    >>> whole(np.array([1.0, -0.0])), whole(np.array([0.5]))
    (array([1, 0]), array([0.5]))
    """
    return a.astype(np.int64) if bool(np.all(a == np.round(a))) else a
