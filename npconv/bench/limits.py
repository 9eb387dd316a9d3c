"""The least work that NumPy must do: the baseline of every timing.

convolutions and dense layers     their matrix products, as np.matmul: one forward and two backward
depthwise convolutions            one copy of the bytes that are read and written: x and y forward,
                                  dy, x and dx backward
normalisation, activations,       in a training step, that copy too; in inference nothing, as the one is folded and
the pool                          the others could be part of what writes their input
resizes                           in a training step one copy of what is read and written, forward and backward
the optimiser                     one copy of what it reads (parameters, gradients, momentum; in Adam two
                                  moments) and writes (all of these but the gradients)
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..layers import DepthwiseConv2D, Layer, Sequential
from ..layers.convolution import Linear
from ..models.lr_aspp import LRASPP
from ..models.multi_task import MultiTask
from ..models.segmenter import Segmenter
from ..models.with_heads import NetworkWithHeads
from .timing import bind


def forward_limit(network: Sequential, shape: tuple[int, ...]) -> Callable[[], None]:
    """The matrix products and copies that a network's forward in inference needs at least."""
    work: list[Callable[[], Any]] = []
    for layer, x_shape in with_shapes(network, shape):
        y_shape = layer.output_shape(x_shape)
        if isinstance(layer, DepthwiseConv2D):
            work.append(copying(math.prod(x_shape) + math.prod(y_shape)))
        elif isinstance(layer, Linear):
            forward, *_ = products(layer.params["kernel"], math.prod(y_shape[:-1]))
            work.append(forward)
    return in_a_row(work)


def step_limit(network: Sequential, shape: tuple[int, ...], optimizer: bool = False) -> Callable[[], None]:
    """The matrix products and copies that a training step needs at least, a layer at a time."""
    optimized = 5 * sum(a.size for a in network.params.values()) if optimizer else 0  # three read, two written
    return limit_of(list(with_shapes(network, shape)), optimized)


def heads_limit(network: NetworkWithHeads, shape: tuple[int, ...]) -> Callable[[], None]:
    """The same for a network with heads, and for Adam, which reads four arrays of each parameter and writes three.

    A resize is a copy of what it reads and writes, forward and backward.
    """
    found: list[tuple[Layer, tuple[int, ...]]] = []
    for name, taken in network.input_shapes(shape).items():
        layer = network.layers[name]
        found += with_shapes(layer, taken) if isinstance(layer, Sequential) else [(layer, taken)]
    resized = sum(math.prod(before) + math.prod(after) for before, after in resizes(network, shape))
    return limit_of(found, 7 * sum(a.size for a in network.params.values()), 2 * resized)


def resizes(network: NetworkWithHeads, shape: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The shapes of what a network resizes, before and after."""
    if isinstance(network, MultiTask):
        return resizes(network.segmenter, shape)
    if not isinstance(network, Segmenter):
        return []
    scores = network.score_shape(shape)
    found = [(scores, (*shape[:3], scores[-1]))]
    if isinstance(network, LRASPP):
        taken = network.input_shapes(shape)
        found.append(((*taken["reduce"][:3], network.options.filters), taken["high_scores"]))
    return found


def limit_of(layers: Sequence[tuple[Layer, tuple[int, ...]]], *copied: int) -> Callable[[], None]:
    """The products and copies of layers, given with their inputs' shapes, and copies of so many numbers more."""
    work: list[Callable[[], Any]] = []
    for layer, x_shape in layers:
        y_shape = layer.output_shape(x_shape)
        if isinstance(layer, Linear) and not isinstance(layer, DepthwiseConv2D):
            work += products(layer.params["kernel"], math.prod(y_shape[:-1]))
        else:
            x_size, y_size = math.prod(x_shape), math.prod(y_shape)
            work += [copying(x_size + y_size), copying(2 * x_size + y_size)]
    work += [copying(size) for size in copied if size]
    return in_a_row(work)


def products(kernel: Array, positions: int) -> list[Callable[[], Any]]:
    """A convolution's products: columns @ kernel, dy @ kernel.T, columns.T @ dy."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    columns, y = np.ones((positions, len(matrix)), np.float32), np.ones((positions, matrix.shape[1]), np.float32)
    dcolumns, dmatrix = np.empty_like(columns), np.empty_like(matrix)
    return [
        bind(np.matmul, columns, matrix, out=y),
        bind(np.matmul, y, matrix.T, out=dcolumns),
        bind(np.matmul, columns.T, y, out=dmatrix),
    ]


def copying(size: int) -> Callable[[], Any]:
    """One copy that reads and writes `size` numbers in all."""
    half = np.ones(max(size // 2, 1), np.float32)
    return bind(np.copyto, np.empty_like(half), half)


def in_a_row(work: Sequence[Callable[[], Any]]) -> Callable[[], None]:
    """All of it, one after the other."""

    def run() -> None:
        for part in work:
            part()

    return run


def with_shapes(network: Sequential, shape: tuple[int, ...]) -> Iterator[tuple[Layer, tuple[int, ...]]]:
    """Every leaf with its input's shape, in the order of forward."""
    for layer in network.layers.values():
        if isinstance(layer, Sequential):
            yield from with_shapes(layer, shape)
        else:
            yield layer, shape
        shape = layer.output_shape(shape)
