"""Learning rates: each schedule is called with a step, from 0, and returns that step's rate.

A schedule is its settings: two with the same are equal, and its repr is the call that makes it.
"""

import math
from dataclasses import KW_ONLY, dataclass

from ..kernels.arguments import assign, integer, positive, real


@dataclass(frozen=True)
class constant:  # noqa: N801, for it is called like a function
    """The same rate at every step.

    Raises TypeError where `rate` is not a number, ValueError where it is not above 0 and finite.

    >>> constant(0.1)(500)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        assign(self, rate=positive("constant", "rate", self.rate))

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class cosine:  # noqa: N801
    """Half a period of a cosine, from `rate` at its beginning to `final` at `steps`, and `final` from there on.

    With `warmup`, that many steps first lead up to it, in equal steps from rate / warmup.

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
        rate, steps = positive("cosine", "rate", self.rate), integer("cosine", "steps", self.steps)
        final = real("cosine", "final", self.final, least=0, most=rate)
        warmup = integer("cosine", "warmup", self.warmup, 0, steps - 1)
        assign(self, rate=rate, steps=steps, warmup=warmup, final=final)

    def __call__(self, step: int) -> float:
        step = integer("cosine", "step", step, 0)
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
        factor = real("exponential", "factor", self.factor, above=0, most=1)
        every = integer("exponential", "every", self.every)
        assign(self, rate=positive("exponential", "rate", self.rate), factor=factor, every=every)

    def __call__(self, step: int) -> float:
        return self.rate * self.factor ** (integer("exponential", "step", step, 0) // self.every)
