"""Learning rates: each schedule is called with a step, from 0, and returns that step's rate.

A schedule is its settings: two with the same are equal, and its repr is the call that makes it.
"""

import math
from dataclasses import KW_ONLY, dataclass

from ..kernels.arguments import is_int, positive


def _positive_and_finite(function: str, name: str, value: float) -> None:
    positive(function, name, value)
    if value == math.inf:
        raise ValueError(f"{function}: {name} must be finite; got {value!r}")


@dataclass(frozen=True)
class constant:  # noqa: N801, for it is called like a function
    """The same rate at every step.

    Raises TypeError where `rate` is not a number, ValueError where it is not above 0 and finite.

    >>> constant(0.1)(500)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        _positive_and_finite("constant", "rate", self.rate)

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class cosine:  # noqa: N801
    """Half a period of a cosine, from `rate` at its beginning to `final` at `steps`, and `final` from there on.

    With `warmup`, the first so many steps lead up to it, in equal steps from rate / warmup.

    Raises TypeError where a count is not an int or a rate not a number, ValueError where one of them is out of range:
    rate above 0, final from 0 to rate, warmup from 0 up to, not including, steps.

    >>> schedule = cosine(0.2, 100, warmup=20)
    >>> schedule
    cosine(rate=0.2, steps=100, warmup=20, final=0.0)
    >>> [round(schedule(step), 3) for step in (0, 9, 19, 20, 60, 100, 200)]
    [0.01, 0.1, 0.2, 0.2, 0.1, 0.0, 0.0]
    """

    rate: float
    steps: int
    _: KW_ONLY
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        _positive_and_finite("cosine", "rate", self.rate)
        for name, value in (("steps", self.steps), ("warmup", self.warmup)):
            if not is_int(value):
                raise TypeError(f"cosine: {name} must be an int; got {value!r}")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(
                f"cosine: warmup must be from 0 to steps − 1; got warmup {self.warmup}, steps {self.steps}"
            )
        if self.final != 0:
            positive("cosine", "final", self.final)
        if not self.final <= self.rate:
            raise ValueError(f"cosine: final must be from 0 to rate; got final {self.final!r}, rate {self.rate!r}")

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        passed = min((step - self.warmup) / (self.steps - self.warmup), 1.0)
        return self.final + (self.rate - self.final) * (1 + math.cos(math.pi * passed)) / 2


@dataclass(frozen=True)
class exponential:  # noqa: N801
    """The rate times `factor` after each `every` steps, in stairs.

    Raises TypeError where `every` is not an int or another not a number, ValueError where one of them is out of range:
    rate above 0, factor above 0 and at most 1, every 1 or more.

    Source: the MobileNetV2 paper's section 6.1, a rate of 0.045 and a factor of 0.98 an epoch.

    >>> schedule = exponential(0.045, every=128)
    >>> schedule
    exponential(rate=0.045, factor=0.98, every=128)
    >>> [round(schedule(step), 5) for step in (0, 127, 128, 256)]
    [0.045, 0.045, 0.0441, 0.04322]
    """

    rate: float
    _: KW_ONLY
    factor: float = 0.98
    every: int

    def __post_init__(self) -> None:
        _positive_and_finite("exponential", "rate", self.rate)
        positive("exponential", "factor", self.factor)
        if self.factor > 1:
            raise ValueError(f"exponential: factor must be at most 1; got {self.factor!r}")
        if not is_int(self.every):
            raise TypeError(f"exponential: every must be an int; got {self.every!r}")
        if self.every < 1:
            raise ValueError(f"exponential: every must be 1 or more; got {self.every!r}")

    def __call__(self, step: int) -> float:
        return float(self.rate * self.factor ** (step // self.every))
