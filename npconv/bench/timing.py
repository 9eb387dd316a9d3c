"""Timing: calls in turn, round after round, compared by medians."""

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Calls: TypeAlias = dict[tuple[str, str], Callable[[], Any]]
"""What is timed, by the function's name and a second word: the direction, or the part of a block."""

PEERS = ("torch", "onnxruntime")  # other libraries, with whose names those of their functions begin

SLOW = 0.5  # seconds; what takes longer runs three times only
SAMPLE = 0.01  # seconds; shorter calls are repeated for as long
REST = 0.15
"""Seconds until the other library's threads have gone to sleep; NumPy's spin for 0.11 s unless they are told otherwise.

A library in a process of its own takes 0.8 to 1 times as long. Medians of 7 to 9 on two cores (Zen 3), the time here,
after the rest, over that in its own: MobileNetV2 in inference, batch 1, torch 1.05 and 1.07, onnxruntime 1.01, npconv
1.03; a block's step torch 1.02 and 1.06, npconv 1.10; a depthwise layer torch 1.00 to 1.16, npconv 1.08 and 1.22.
Without the rest torch's inference took 31 ms in place of 20. npconv needs none after its limit, as it has threads of
its own only where NumPy's do not spin.
"""


def interleaved(timed: Calls, rounds: int) -> dict[tuple[str, str], float]:
    """The medians of `samples_in_turn`, in seconds."""
    return {key: statistics.median(samples) for key, samples in samples_in_turn(timed, rounds).items()}


def samples_in_turn(timed: Calls, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds, round by round; short calls are repeated within a round, very long ones stop after the third.

    The threads of a library spin for some milliseconds after a call, in wait for the next, and take the cores from one
    another. So where the libraries change there is first a rest. Each sample begins with a call that doesn't count, as
    another function has left other numbers in the cache; after a rest a whole sample more does not count.
    """
    several, last = len({_library(name) for name, _ in timed}) > 1, ""

    def rested(name: str) -> bool:
        nonlocal last
        change, last = several and _library(name) != last, _library(name)
        if change:
            time.sleep(REST)
        return change

    repeats = {}
    for key, run in timed.items():
        rested(key[0])
        run()
        repeats[key] = max(1, int(SAMPLE / max(seconds_each(run, 1), 1e-7)))
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in timed}
    for number in range(rounds):
        for key, run in timed.items():
            if number < 3 or statistics.median(samples[key]) < SLOW:
                seconds_each(run, 1 + repeats[key] * rested(key[0]))
                samples[key].append(seconds_each(run, repeats[key]))
    return samples


def in_rounds(timed: Calls, rounds: int) -> "dict[str, Rounds]":
    """The samples of `samples_in_turn`, by the second word and then by function."""
    parts: dict[str, dict[str, list[float]]] = {}
    for (function, part), taken in samples_in_turn(timed, rounds).items():
        parts.setdefault(part, {})[function] = taken
    return {part: Rounds(samples) for part, samples in parts.items()}


class Rounds:
    """The samples of functions timed in turn, and ratios of them: the median of the ratios that the rounds have.

    `seconds` are the functions' medians, in the order in which they were given. Those of torch are named "torch", in
    its default memory layout, and "torch …" in others; `faster_torch` is the name of the fastest, None without torch.
    """

    def __init__(self, samples: Mapping[str, list[float]]) -> None:
        self.samples = samples
        self.seconds = {function: statistics.median(taken) for function, taken in samples.items()}
        torch = [function for function in self.seconds if function.startswith("torch")]
        self.faster_torch = min(torch, key=self.seconds.__getitem__, default=None)

    def ratios(self, function: str, **bases: str | None) -> dict[str, Any]:
        """A function's time over those of others, as a record's fields, and `quartiles`: how much the rounds differ.

        Each option names a field and its base; None, or a function that was not timed, has the ratio None.
        """
        fields: dict[str, Any] = dict.fromkeys(bases)
        quartiles: dict[str, tuple[float, float]] = {}
        for name, base in bases.items():
            if base is not None and base in self.samples:
                each = [a / b for a, b in zip(self.samples[function], self.samples[base], strict=False)]
                fields[name] = statistics.median(each)
                quartiles[name] = float(np.quantile(each, 0.25)), float(np.quantile(each, 0.75))
        return fields | {"quartiles": quartiles}


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


def _library(function: str) -> str:
    """The library that runs a function of this name."""
    return next((peer for peer in PEERS if function.startswith(peer)), "NumPy")


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios: of 2 and of 1/2 it is 1."""
    return math.exp(statistics.fmean(map(math.log, values)))
