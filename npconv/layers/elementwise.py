"""Layers without parameters: the activations, and the global average pool."""

from collections.abc import Callable

import numpy as np

from ..cost import Cost
from ..kernels import arguments
from ..kernels.activations import relu, relu6, relu6_backward, relu_backward
from ..kernels.geometry import Array
from ..kernels.head import global_average_pool, global_average_pool_backward
from .layer import Layer


class Activation(Layer):
    """An elementwise non-linearity, the same in both modes.

    backward asks the stored output, which is the next layer's input anyway, where the unit was alive: it was where the
    output lies strictly between the kinks.
    """

    operation: Callable[..., Array]
    operation_backward: Callable[..., Array]

    def forward(self, x: Array, training: bool = False) -> Array:
        """The activation of x, shaped like x."""
        self._saved = type(self).operation(x)
        y: Array = self._saved
        return y

    def backward(self, dy: Array) -> Array:
        """dy where the unit is alive, else 0."""
        return type(self).operation_backward(dy, self._remember())


class ReLU(Activation):
    """max(x, 0) as a layer.

    >>> ReLU().forward(np.array([-1.0, 7.0]))
    array([0., 7.])
    """

    operation, operation_backward = relu, relu_backward


class ReLU6(Activation):
    """min(max(x, 0), 6) as a layer.

    >>> ReLU6().forward(np.array([-1.0, 7.0]))
    array([0., 6.])
    """

    operation, operation_backward = relu6, relu6_backward


IN_PLACE: dict[type[Layer], Callable[[Array], Array]] = {
    ReLU: lambda a: np.maximum(a, 0, out=a),
    ReLU6: lambda a: a.clip(0, 6, out=a),  # np.clip takes a microsecond more, of the three that a call takes
}
"""The activations of arrays that may be overwritten."""


class GlobalAveragePool(Layer):
    """Each channel's mean over height and width, (B, Dᵤ, Dᵤ, M) to (B, M), the same in both modes.

    >>> GlobalAveragePool().forward(np.ones((2, 7, 6, 3))).shape
    (2, 3)
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """The means, (B, M)."""
        y = global_average_pool(x)
        self._saved = x
        return y

    def backward(self, dy: Array) -> Array:
        """dy (B, M), spread evenly over the positions."""
        return global_average_pool_backward(dy, self._remember())

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """Its additions; no multiplication is counted. Raises ValueError where the shape has not four axes."""
        shape = arguments.sizes("GlobalAveragePool.cost", "input_shape", input_shape)
        if len(shape) != 4:
            raise ValueError(f"GlobalAveragePool.cost: input_shape must be (B, Dᵤ, Dᵤ, M); got {shape}")
        batch, height, width, channels = shape
        return Cost(0, batch * (height * width - 1) * channels, 0, (batch, channels))
