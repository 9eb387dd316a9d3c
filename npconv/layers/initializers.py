"""Initialisers of kernels: functions (generator, shape, fan_in, fan_out) -> array of float64.

`fan_in` is how many products make one output value, `fan_out` how many outputs one input value goes into: for a
standard kernel Dᵣ²·M and Dᵣ²·N, for a depthwise one Dᵣ² and Dᵣ²·Q, for a pointwise or dense one M and N. Keras reads
them off the kernel's shape, which for a depthwise one, (Dᵣ, Dᵣ, M, Q), gives Dᵣ²·M and Dᵣ²·Q: M times as many products
as there are. `Layer.initialize` takes either reading, one of `FANS`.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array

Initializer: TypeAlias = Callable[[np.random.Generator, tuple[int, ...], int, int], Array]
FANS = ("plain", "keras")


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
    """Normal with variance 2/fan_in, which keeps the size of activations through layers followed by a ReLU.

    Source: K. He et al., "Delving Deep into Rectifiers" (arXiv 1502.01852), section 2.2.

    >>> bool(abs(he_normal(np.random.default_rng(0), (300, 100), 300, 100).std() - (2 / 300) ** 0.5) < 1e-3)
    True
    """
    shape, fan_in, _ = _checked("he_normal", rng, shape, fan_in, fan_out)
    return rng.standard_normal(shape) * math.sqrt(2 / fan_in)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
    """Uniform with variance 2/(fan_in + fan_out): what Keras draws unless told otherwise, from fans of its own.

    `layer.initialize(seed, glorot_uniform, fans="keras")` draws as Keras does.

    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).

    >>> bool(abs(glorot_uniform(np.random.default_rng(0), (300, 100), 300, 100)).max() <= (6 / 400) ** 0.5)
    True
    """
    shape, fan_in, fan_out = _checked("glorot_uniform", rng, shape, fan_in, fan_out)
    limit = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


def truncated_normal(deviation: float = 0.09) -> Initializer:
    """An initialiser: normal, with what lies beyond two deviations drawn again, whatever the fans are.

    Raises ValueError where deviation is not above 0. Source: slim's MobileNets, with deviation 0.09.

    >>> draw = truncated_normal(0.09)
    >>> bool(abs(draw(np.random.default_rng(0), (300, 100), 300, 100)).max() <= 0.18)
    True
    """
    deviation = arguments.positive("truncated_normal", "deviation", deviation)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        values = rng.standard_normal(shape)
        while (beyond := np.abs(values) > 2).any():
            values[beyond] = rng.standard_normal(int(beyond.sum()))
        return values * deviation

    return draw


def _checked(function: str, rng: Any, shape: Any, fan_in: Any, fan_out: Any) -> tuple[tuple[int, ...], int, int]:
    """The shape and the fans as Python's ints."""
    arguments.instance(function, "rng", rng, np.random.Generator)
    fans = (("fan_in", fan_in), ("fan_out", fan_out))
    sums, outputs = (arguments.integer(function, name, fan) for name, fan in fans)
    return arguments.sizes(function, "shape", shape), sums, outputs
