"""The runs of Fig. 7 compared: accuracies paired by seed, their intervals, and a test."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...kernels.geometry import Array

FLIPS = 20  # seeds up to which all patterns of signs are tried
COMPARISONS = (("linear", "relu6"), ("linear", "expansions"), ("linear", "none"))
"""The comparisons, first minus second, decided before the seeds of `SEEDS` were run."""


def curves(results: Mapping[str, Any], variant: str, measure: str = "test_accuracy") -> Array:
    """The test accuracies of one network, or another `measure`, (seeds, evaluations), in the order of the seeds."""
    runs = [run for run in results["runs"] if run["variant"] == variant]
    return np.array([run[measure] for run in sorted(runs, key=lambda run: int(run["seed"]))])


@dataclass(frozen=True)
class Comparison:
    """Two networks' final accuracies, paired by seed: first minus second."""

    first: str
    second: str
    differences: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(np.mean(self.differences))

    @property
    def interval(self) -> tuple[float, float]:
        """The mean difference's 95 % interval by Student's t."""
        count = len(self.differences)
        if count < 2:
            return -math.inf, math.inf
        half = student_t(count - 1) * float(np.std(self.differences, ddof=1)) / math.sqrt(count)
        return self.mean - half, self.mean + half

    @property
    def wins(self) -> int:
        """The number of seeds for which the first is better."""
        return sum(d > 0 for d in self.differences)

    @property
    def p_value(self) -> float:
        """The two-sided sign-flip test: the share of random signs that give a mean as far from 0.

        Exact, with all 2ⁿ patterns of signs, up to 20 seeds; above, with all patterns of the first 20 differences, each
        with signs drawn at random (always the same ones) for the rest.
        """
        d = np.array(self.differences)
        sums = np.zeros(1)
        for each in d[:FLIPS]:
            sums = np.concatenate([sums + each, sums - each])  # (2, 4, 8, …)
        rng = np.random.default_rng(0)
        for each in d[FLIPS:]:
            sums += each * (1 - 2 * rng.integers(2, size=sums.size))
        rounding = 1e-12 * np.abs(d).sum()
        return float((np.abs(sums) >= abs(d.sum()) - rounding).mean())

    @property
    def could_tell(self) -> bool:
        """True for enough seeds for a verdict: `p_value` is at least 2/2ⁿ, which is below 0.05 from n = 6 on."""
        return bool(2 / 2 ** len(self.differences) < 0.05)

    @property
    def verdict(self) -> str:
        """ "first" or "second", the better one at the 5 % level of `p_value`, or "open"."""
        if self.p_value >= 0.05:
            return "open"
        return "first" if self.mean > 0 else "second"


def compare(results: Mapping[str, Any], first: str, second: str, measure: str = "test_accuracy") -> Comparison:
    """Two networks' final accuracies, or another `measure`, paired by seed."""
    ends = [curves(results, variant, measure)[:, -1] for variant in (first, second)]
    return Comparison(first, second, tuple(float(d) for d in ends[0] - ends[1]))


def student_t(degrees: int, level: float = 0.975) -> float:
    """The quantile of Student's t, by bisection of its integral.

    >>> round(student_t(4), 3), round(student_t(9), 3)
    (2.776, 2.262)
    """
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def below(t: float) -> float:
        x = np.linspace(0, t, 2001)
        density = scale * (1 + x * x / degrees) ** (-(degrees + 1) / 2)
        return 0.5 + float((density[1:] + density[:-1]).sum() / 2 * (x[1] - x[0]))

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < level else (low, middle)
    return low
