"""Batch normalisation as a layer: with the batch's own statistics in training, with running ones in inference."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..cost import Cost
from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.normalization import (
    batch_norm_backward_from_stages,
    batch_norm_inference,
    batch_norm_inference_backward,
    batch_norm_stages,
)
from ..kernels.sums import rounded
from .initializers import Initializer
from .layer import Layer, positive_ints

CONVENTIONS = MappingProxyType(
    {
        "keras": MappingProxyType({"epsilon": 1e-3, "momentum": 0.999, "unbiased": False}),
        "torchvision": MappingProxyType({"epsilon": 1e-5, "momentum": 0.9, "unbiased": True}),
        "timm": MappingProxyType({"epsilon": 1e-5, "momentum": 0.9, "unbiased": True}),
    }
)
"""The options of `BatchNorm` in each family's MobileNetV2. torch's momentum is the other share: its 0.1 is 0.9 here."""

OPTIONS = tuple(CONVENTIONS["keras"])


class BatchNorm(Layer):
    """Batch normalisation of channels, over all other axes; x is (B, …, M).

    Args:
        channels: M.
        epsilon: added to the variance before the root.
        momentum: the share of the running statistics that a training step keeps, as Keras counts it; torch's momentum
            is 1 − this. The default is that of Keras's own layer, 0.99; Keras's MobileNetV2 keeps 0.999, and so do the
            blocks here.
        unbiased: whether the running variance takes the batch's variance over n − 1, as torch does, or over n, as
            Keras 3 does (Keras 2 took n − 1 for images). The normalisation itself always uses the one over n.
        dtype: of the parameters, and of the statistics, which are float32 at least.

    `params` are scale and shift (γ and β), `state` the running mean and variance. `CONVENTIONS` has what the frameworks
    take: `BatchNorm(8, **CONVENTIONS["torchvision"])`.

    Raises:
        TypeError, ValueError: sizes or shares out of range or no numbers, an `unbiased` that is no bool; in a training
            step of the unbiased kind, a single value a channel, which has no variance over n − 1.

    Source: the MobileNetV2 paper, section 6.1, has it after every layer.

    >>> layer = BatchNorm(2, momentum=0.5)
    >>> y = layer.forward(np.array([[1.0, 10.0], [3.0, 30.0]], np.float32), training=True)
    >>> layer.state["mean"], layer.state["variance"]
    (array([ 1., 10.], dtype=float32), array([ 1. , 50.5], dtype=float32))
    """

    def __init__(
        self,
        channels: int,
        *,
        epsilon: float = 1e-3,
        momentum: float = 0.99,
        unbiased: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        (channels,) = positive_ints("BatchNorm", channels=channels)
        self.epsilon = arguments.real("BatchNorm", "epsilon", epsilon, above=0)
        self.momentum = arguments.real("BatchNorm", "momentum", momentum, least=0, below=1)
        arguments.boolean("BatchNorm", "unbiased", unbiased)
        self.unbiased = unbiased
        for name in ("scale", "shift"):
            self._parameter(name, (channels,), dtype)
        arguments.check_epsilon("BatchNorm", self.epsilon, self.params["scale"])
        wide = np.result_type(dtype, np.float32)  # a variance is a square, soon beyond what float16 holds
        self.state = {name: np.zeros(channels, wide) for name in ("mean", "variance")}
        self._set_to_identity()

    def forward(self, x: Array, training: bool = False) -> Array:
        """Normalised by the batch's statistics, which then move the running ones; or by the running ones."""
        scale, shift = self.params["scale"], self.params["shift"]
        if not training:
            y = batch_norm_inference(x, scale, shift, self.state["mean"], self.state["variance"], epsilon=self.epsilon)
            self._saved = x
            return rounded(y, x, scale, shift)
        stages = batch_norm_stages(x, scale, shift, epsilon=self.epsilon)
        self.move_statistics(stages.mean, stages.variance, x.shape)
        self._saved = stages
        return stages.output

    def move_statistics(self, mean: Array, variance: Array, shape: tuple[int, ...]) -> None:
        """Move the running statistics by those of a batch of that shape, whose variance is biased."""
        count = math.prod(shape[:-1])
        if self.unbiased and count == 1:
            raise ValueError(f"BatchNorm.forward: x has one value a channel, so no unbiased variance; got x {shape}")
        variance = variance * (count / (count - 1)) if self.unbiased else variance
        for name, value in (("mean", mean), ("variance", variance)):
            self.state[name] *= self.momentum
            self.state[name] += (1 - self.momentum) * value

    def backward(self, dy: Array) -> Array:
        """dx; `grads` get dscale and dshift. In inference the statistics are constants."""
        saved = self._remember()
        if isinstance(saved, np.ndarray):
            dx, dscale, dshift, _, _ = batch_norm_inference_backward(
                dy, saved, *self.params.values(), *self.state.values(), epsilon=self.epsilon
            )
        else:
            dx, dscale, dshift = batch_norm_backward_from_stages(dy, self.params["scale"], saved)
        self.grads["scale"][...], self.grads["shift"][...] = dscale, dshift
        return dx

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """Its parameters, and no operation. Raises ValueError where the channels are not as many."""
        cost, channels = super().cost(input_shape), self.params["scale"].size
        if len(cost.output_shape) < 2 or cost.output_shape[-1] != channels:
            raise ValueError(f"BatchNorm.cost: input_shape must be (B, …, {channels}); got {cost.output_shape}")
        return cost

    def _facts(self) -> list[str]:
        return [*super()._facts(), f"epsilon {self.epsilon:g}"]

    def _draw(self, rng: np.random.Generator, initializer: Initializer, fans: str) -> None:
        self._set_to_identity()

    def _set_to_identity(self) -> None:
        self.params["scale"][...], self.params["shift"][...] = 1, 0
        self.state["mean"][...], self.state["variance"][...] = 0, 1


def check_options(function: str, batch_norm: Any) -> None:
    """Check that a block's or network's `batch_norm` is None or has options of `BatchNorm` by their names."""
    if batch_norm is not None and not isinstance(batch_norm, Mapping):
        raise TypeError(
            f"{function}: batch_norm must be a mapping of BatchNorm's options, such as CONVENTIONS['keras'], or None; "
            f"got {batch_norm!r}"
        )
    for name in batch_norm or ():
        if name not in OPTIONS:
            raise TypeError(
                f"{function}: batch_norm must have options of BatchNorm ({', '.join(OPTIONS)}); got {name!r}"
            )
