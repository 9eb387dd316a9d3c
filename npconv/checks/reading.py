"""The inputs that an output reads, found by running kernels on names: positions of a stack, and channels."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..kernels.arguments import callables, pair, shown, sizes
from ..kernels.geometry import Array, Axis, Pair
from ..kernels.standard import conv2d
from .polynomials import ENTRIES, STEPS, Polynomial, as_terms, entry_name, named


def receptive_field(*layers: tuple[Pair, Pair, Pair]) -> Array:
    """The receptive field of a stack of convolutions, and which of its positions the output reads.

    `conv2d` runs on names, layer upon layer. Rates with a common factor leave positions out (gridding).

    Args:
        layers: (kernel_size, stride, dilation) of each layer, the first one first; each an int or (height, width).

    Returns:
        A boolean array (rows, columns), as large as what one output reaches over: True where it reads the input.

    Raises:
        TypeError: a layer is not a triple, or a number in it not an int.
        ValueError: no layers, a number below 1, or a field too large to be written down.

    >>> rows = receptive_field(((3, 1), 1, 2), ((3, 1), 1, 2))[:, 0]
    >>> rows.astype(int), int(rows.sum())
    (array([1, 0, 1, 0, 1, 0, 1, 0, 1]), 5)
    """
    if not layers:
        raise ValueError("receptive_field: layers must be one or more; got none")
    stack = [_sizes(layer) for layer in layers]
    field: tuple[int, ...] = (1, 1)
    for kernel, strides, dilations in reversed(stack):
        spans = [Axis(1, *numbers).span for numbers in zip(kernel, (1, 1), dilations, strict=True)]
        field = tuple((size - 1) * stride + span for size, stride, span in zip(field, strides, spans, strict=True))
    if prod(field) > ENTRIES:
        raise ValueError(f"receptive_field: layers must reach over at most {ENTRIES:,} positions; they do over {field}")

    def output(x: Array) -> Array:
        for kernel, strides, dilations in stack:
            x = conv2d(x, np.ones((*kernel, 1, 1), np.int64), stride=strides, dilation=dilations)
        return x

    names, [read] = _run("receptive_field", output, (1, *field, 1))
    return np.reshape([name in read for name in names], field)


def channels_read(function: Callable[[Array], Array], shape: Sequence[int]) -> Array:
    """The input channels that each output channel of a function reads, as a matrix (N, M): True where it does.

    Args:
        function: a sum of products, such as a stack of convolutions; its kernels' numbers should be positive, as a
            channel whose products cancel is not read.
        shape: of x, (B, Dᵤ, Dᵤ, M); a small one.

    Returns:
        A boolean array (N, M).

    Raises:
        TypeError: function can't be called, or shape is not a tuple of ints.
        ValueError: more names or terms than can be written down.

    >>> from npconv import grouped_conv2d
    >>> kernel = np.ones((1, 1, 2, 4))
    >>> channels_read(lambda x: grouped_conv2d(x, kernel, groups=2), (1, 1, 1, 4)).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    callables("channels_read", function=function)
    shape = sizes("channels_read", "shape", shape)
    if prod(shape) > ENTRIES:
        raise ValueError(f"channels_read: shape must have at most {ENTRIES:,} numbers; got {shape}")
    names, outputs = _run("channels_read", function, shape)
    read = np.reshape([[name in output for name in names] for output in outputs], (len(outputs), -1, shape[-1]))
    return np.asarray(read.any(axis=1))


def _sizes(layer: Any) -> list[tuple[int, int]]:
    """The kernel size, stride and dilation of a layer, each (height, width)."""
    if not isinstance(layer, tuple | list) or len(layer) != 3:
        wanted = "receptive_field: each of layers must be (kernel_size, stride, dilation)"
        raise TypeError(f"{wanted}; got {shown(layer)}")
    names = ("kernel_size", "stride", "dilation")
    return [pair("receptive_field", name, value) for name, value in zip(names, layer, strict=True)]


def _run(function: str, of: Callable[[Array], Array], shape: tuple[int, ...]) -> tuple[list[str], list[set[str]]]:
    """The names of an x of this shape, and those that each channel of the result reads."""
    Polynomial.left = STEPS
    try:
        y = of(named("x", shape))
    except OverflowError:
        raise ValueError(f"{function}: the sums must have at most {STEPS:,} terms, to be written down") from None
    channels = np.asarray(y, object).reshape(-1, y.shape[-1]).T
    read = [{name for entry in channel for term in as_terms(entry) for name in term} for channel in channels]
    return [entry_name("x", index) for index in np.ndindex(*shape)], read
