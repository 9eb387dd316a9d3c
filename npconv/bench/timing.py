"""Timing: calls in turn, round after round, compared by medians."""

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Calls: TypeAlias = dict[tuple[str, str], Callable[[], Any]]
"""What is timed, by the function's name and a second word: the direction, or the part of a block."""

SLOW = 0.5  # seconds; what takes longer runs three times only
SAMPLE = 0.01  # seconds; shorter calls are repeated for as long
REST = 0.06  # seconds, until the other library's threads have gone to sleep


def interleaved(timed: Calls, rounds: int) -> dict[tuple[str, str], float]:
    """The medians of `samples_in_turn`, in seconds."""
    return {key: statistics.median(samples) for key, samples in samples_in_turn(timed, rounds).items()}


def samples_in_turn(timed: Calls, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds, round by round; short calls are repeated within a round, very long ones stop after the third.

    NumPy's and torch's threads spin for some milliseconds after a call, in wait for the next, and take the cores from
    one another. So where a round passes from one library to the other it rests first, and makes a call that doesn't
    count.
    """
    repeats = {}
    for key, run in timed.items():
        run()
        repeats[key] = max(1, int(SAMPLE / max(seconds_each(run, 1), 1e-7)))
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in timed}
    last = ""
    for number in range(rounds):
        for key, run in timed.items():
            if number < 3 or statistics.median(samples[key]) < SLOW:
                library = "torch" if key[0].startswith("torch") else "NumPy"
                if library != last and import_torch():
                    time.sleep(REST)
                    seconds_each(run, 1 + repeats[key])
                last = library
                samples[key].append(seconds_each(run, repeats[key]))
    return samples


class Rounds:
    """The samples of functions timed in turn, and ratios of them: the median of the ratios that the rounds have.

    `seconds` are the functions' medians, in the order in which they were given. Those of torch are named "torch", in
    its default memory layout, and "torch …" in others; without them ratios over torch are None.
    """

    def __init__(self, timed: Calls, rounds: int) -> None:
        self.samples = {function: taken for (function, _), taken in samples_in_turn(timed, rounds).items()}
        self.seconds = {function: statistics.median(taken) for function, taken in self.samples.items()}
        torch = [function for function in self.seconds if function.startswith("torch")]
        self.faster_torch = min(torch, key=self.seconds.__getitem__, default=None)

    def over(self, function: str, base: str) -> float:
        """One function's time over another's."""
        return statistics.median(a / b for a, b in zip(self.samples[function], self.samples[base], strict=False))

    def over_torch(self, function: str) -> float | None:
        """Its time over torch's in the default layout."""
        return self.over(function, "torch") if "torch" in self.samples else None

    def over_faster_torch(self, function: str) -> float | None:
        """Its time over torch's in the layout in which torch is the faster one."""
        return self.over(function, self.faster_torch) if self.faster_torch else None


def seconds_each(run: Callable[[], Any], repeats: int) -> float:
    """The seconds of one call, of several in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def bind(function: Callable[..., Any], *arrays: Any, **options: Any) -> Callable[[], Any]:
    """A call with all its arguments, to be made when it is timed."""
    return lambda: function(*arrays, **options)


def threads() -> int:
    """The number of threads that NumPy's matrix product may use, and so torch."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_torch() -> Any:
    """torch, or None where it is not installed."""
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return torch


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios: of 2 and of 1/2 it is 1."""
    return math.exp(statistics.fmean(map(math.log, values)))
