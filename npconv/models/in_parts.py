"""Layers in parts: the convolutions outside the blocks, in bands or columns that threads compute side by side."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from .. import threads
from ..kernels.engine import MATRIX_ROWS, bands, conv2d, part_of
from ..kernels.geometry import Array, as_matrix
from ..kernels.signatures import STANDARD
from ..layers import Conv2D, Dense, Layer, PointwiseConv2D
from ..layers.convolution import Linear
from .in_bands import as_rows

PART = 2**22  # products in a part at least, a tenth of a millisecond
NARROW = 64  # rows or columns of a matrix product's part at least, for BLAS's speed


class LayerInParts(ABC):
    """A layer's kernel and bias, prepared for inputs of one shape; `parts` of its output are computed one by one."""

    def __init__(self, layer: Linear, shape: tuple[int, ...]) -> None:
        self.kernel = layer.params["kernel"]
        self.bias = layer.params.get("bias", np.zeros(self.kernel.shape[-1], self.kernel.dtype))
        self.y_shape = layer.output_shape(shape)
        self.operations = prod(self.y_shape[:-1]) * self.kernel.size
        self.parts: list[Any] = []

    @abstractmethod
    def compute(self, part: Any, x: Array, y: Array) -> Array:
        """Write that part of y, and return it."""

    def forward(self, x: Array, activation: Callable[[Array], Array] | None = None) -> Array:
        """The layer's output for x, and the activation of it."""
        y = np.empty(self.y_shape, x.dtype)

        def compute(part: Any) -> None:
            out = self.compute(part, x, y)
            if activation:
                activation(out)

        threads.each(compute, self.parts, self.operations)
        return y


class StandardInBands(LayerInParts):
    """A standard convolution, a band of rows at a time."""

    def __init__(self, layer: Linear, shape: tuple[int, ...]) -> None:
        super().__init__(layer, shape)
        g = STANDARD.check_shapes("Inference", shape, self.kernel.shape).geometry(**layer.geometry)
        number = max(min(self.operations // PART, prod(g.output) // MATRIX_ROWS), 1)
        size = -(-prod(g.output) // (number + number % 2 if number > 1 else 1))  # positions
        self.parts = [(band, *part_of(g, *band)) for band in bands(g, 1, size=size)]
        self.bias = np.tile(self.bias, g.width.output)

    def compute(self, part: Any, x: Array, y: Array) -> Array:
        """Write a band: its images and rows, the rows that it reads, and its geometry."""
        band, read, g = part
        out: Array = y[band]
        np.add(as_rows(conv2d(g, x[band[0], read], self.kernel)), self.bias, out=as_rows(out))
        return out


class ProductInParts(LayerInParts):
    """A pointwise or a dense layer, some rows or some columns of its output's matrix at a time."""

    def __init__(self, layer: Linear, shape: tuple[int, ...]) -> None:
        super().__init__(layer, shape)
        rows, columns = prod(self.y_shape[:-1]), self.y_shape[-1]
        longer = max(rows, columns)
        number = max(min(self.operations // PART, longer // NARROW), 1)
        cuts = [slice(*edges) for edges in pairwise(longer * each // number for each in range(number + 1))]
        self.parts = [(cut, slice(None)) if rows > columns else (slice(None), cut) for cut in cuts]

    def compute(self, part: Any, x: Array, y: Array) -> Array:
        """Write some rows and columns of the matrix."""
        rows, columns = part
        out: Array = as_matrix(y)[rows, columns]
        np.matmul(as_matrix(x)[rows], self.kernel[:, columns], out=out)
        out += self.bias[columns]
        return out


IN_PARTS: dict[type[Layer], Callable[..., LayerInParts]] = {
    Conv2D: StandardInBands,
    PointwiseConv2D: ProductInParts,
    Dense: ProductInParts,
}
