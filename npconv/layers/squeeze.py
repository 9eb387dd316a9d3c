"""Squeeze-and-excite as a layer: a gate for each channel, computed from the means of all."""

from typing import Any

import numpy as np

from ..cost import Cost, squeeze_excite_cost
from ..kernels.arguments import generator
from ..kernels.geometry import Array
from ..kernels.signatures import SQUEEZE_EXCITE
from ..kernels.squeeze import SqueezeExciteStages, squeeze_excite_backward_from_stages, squeeze_excite_stages
from .initializers import Initializer, he_normal
from .layer import Layer, positive_ints


class SqueezeExcite(Layer):
    """Squeeze-and-excite as a layer: `squeeze_excite` with its two kernels and biases, the same in both modes.

    Args:
        channels: M.
        squeeze: S, the channels of the hidden layer; a quarter of M in MobileNetV3.
        seed: an int or a generator, from which the kernels are drawn (He's normal); the biases begin at 0.
        dtype: of the parameters.

    `params` are reduce (M, S), reduce_bias (S,), expand (S, M) and expand_bias (M,).

    Raises:
        TypeError, ValueError: sizes that are not whole numbers above 0, a seed below 0, a dtype that is not of real
            floats; in `forward` and `backward`, as `squeeze_excite` and its backward.

    Source: the MobileNetV3 paper's sections 5.2 and 5.3.

    >>> layer = SqueezeExcite(8, 2)
    >>> layer.forward(np.ones((2, 7, 6, 8))).shape, layer.params["expand"].shape
    ((2, 7, 6, 8), (2, 8))
    """

    def __init__(
        self, channels: int, squeeze: int, *, seed: int | np.random.Generator = 0, dtype: Any = np.float32
    ) -> None:
        super().__init__()
        channels, squeeze = positive_ints("SqueezeExcite", channels=channels, squeeze=squeeze)
        for name, shape in (
            ("reduce", (channels, squeeze)),
            ("reduce_bias", (squeeze,)),
            ("expand", (squeeze, channels)),
            ("expand_bias", (channels,)),
        ):
            self._parameter(name, shape, dtype)
        self._draw(generator("SqueezeExcite", seed), he_normal, "plain")

    def forward(self, x: Array, training: bool = False) -> Array:
        """Each channel of x times its gate, shaped like x."""
        stages = squeeze_excite_stages(x, *self.params.values())
        self._saved = (x, *stages)
        return stages.output

    def backward(self, dy: Array) -> Array:
        """dx; `grads` get the gradients of both kernels and both biases."""
        x, *stages = self._remember()
        SQUEEZE_EXCITE.check("squeeze_excite_backward", dy, x, *self.params.values())
        kernels = self.params["reduce"], self.params["expand"]
        dx, *gradients = squeeze_excite_backward_from_stages(dy, x, *kernels, SqueezeExciteStages(*stages))
        for name, gradient in zip(self.params, gradients, strict=True):
            self.grads[name][...] = gradient
        return dx

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """Its two dense layers' multiplications; the pool's additions count, the products with the gate do not."""
        return squeeze_excite_cost(input_shape, *(a.shape for a in self.params.values()))

    def _draw(self, rng: np.random.Generator, initializer: Initializer, fans: str) -> None:
        for name in ("reduce", "expand"):
            shape = self.params[name].shape
            self.params[name][...] = initializer(rng, shape, *shape)
            self.params[f"{name}_bias"][...] = 0
