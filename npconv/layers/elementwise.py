"""Layers without parameters: the activations, and the global average pool."""

from collections.abc import Callable

import numpy as np

from ..cost import Cost
from ..kernels import arguments
from ..kernels.activations import (
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_sigmoid_backward_unchecked,
    hard_swish,
    hard_swish_backward,
    hard_swish_backward_unchecked,
    relu,
    relu6,
    relu6_backward,
    relu6_backward_unchecked,
    relu_backward,
    relu_backward_unchecked,
    sigmoid,
    sigmoid_backward,
)
from ..kernels.geometry import Array
from ..kernels.head import global_average_pool, global_average_pool_backward
from .layer import Layer


class Activation(Layer):
    """An elementwise non-linearity, the same in both modes.

    forward stores its output, which is the next layer's input anyway: backward needs to know where the unit was alive,
    which is where the output lies strictly between the kinks. With `asks_input` the input is stored instead, for
    functions whose output does not tell: hard-swish takes many values twice.
    """

    operation: Callable[..., Array]
    operation_backward: Callable[..., Array]
    asks_input = False

    def forward(self, x: Array, training: bool = False) -> Array:
        """The activation of x, shaped like x."""
        y: Array = type(self).operation(x)
        self._saved = x if self.asks_input else y
        return y

    def backward(self, dy: Array) -> Array:
        """dy times the derivative: for a ReLU dy where the unit is alive, else 0."""
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


class Sigmoid(Activation):
    """1 / (1 + exp(−x)) as a layer.

    >>> Sigmoid().forward(np.array([0.0, 1000.0]))
    array([0.5, 1. ])
    """

    operation, operation_backward, asks_input = sigmoid, sigmoid_backward, True


class HardSigmoid(Activation):
    """relu6(x + 3) / 6 as a layer, MobileNetV3's.

    >>> HardSigmoid().forward(np.array([-1.5, 7.0]))
    array([0.25, 1.  ])
    """

    operation, operation_backward, asks_input = hard_sigmoid, hard_sigmoid_backward, True


class HardSwish(Activation):
    """x · hard_sigmoid(x) as a layer, MobileNetV3's.

    >>> HardSwish().forward(np.array([-1.5, 7.0]))
    array([-0.375,  7.   ])
    """

    operation, operation_backward, asks_input = hard_swish, hard_swish_backward, True


def _hard_sigmoid_into(a: Array, out: Array) -> Array:
    """`hard_sigmoid` of an array, with its bits, in `out`, which may be the array itself."""
    np.add(a, 3, out=out)
    out.clip(0, 6, out=out)
    out /= 6
    return out


def _hard_swish_into(a: Array, out: Array) -> Array:
    """`hard_swish` of an array, with its bits, in `out`, which may be the array itself."""
    gate = _hard_sigmoid_into(a, np.empty_like(a))
    np.maximum(a, -3, out=out)
    out *= gate
    return out


INTO: dict[type[Layer], Callable[[Array, Array], Array]] = {
    ReLU: lambda a, out: np.maximum(a, 0, out=out),
    ReLU6: lambda a, out: a.clip(0, 6, out=out),  # np.clip takes a microsecond more, of the three that a call takes
    HardSigmoid: _hard_sigmoid_into,
    HardSwish: _hard_swish_into,
}
"""The activations of an array, written into another one or into the array itself."""


def _in_place(into: Callable[[Array, Array], Array]) -> Callable[[Array], Array]:
    return lambda a: into(a, a)


IN_PLACE = {kind: _in_place(into) for kind, into in INTO.items()}
"""The activations of arrays that may be overwritten."""


BACKWARD: dict[type[Layer], Callable[[Array, Array], Array]] = {
    ReLU: relu_backward_unchecked,
    ReLU6: relu6_backward_unchecked,
    HardSigmoid: hard_sigmoid_backward_unchecked,
    HardSwish: hard_swish_backward_unchecked,
}
"""Their gradients, of arrays that are checked."""


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
