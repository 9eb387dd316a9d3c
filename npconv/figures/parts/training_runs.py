"""The runs of an experiment in training, as a figure draws them: checked, in %, with what is computed of them."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...kernels.arguments import is_int
from ...training.fig07 import COMPARISONS, VARIANTS, Comparison, compare
from ...training.fig07.measurements import CLASSES

SETTINGS = (
    "blocks", "channels", "expansion", "steps", "batch_size", "learning_rate", "decay", "momentum", "epsilon",
    "smoothing", "evaluate_every", "train_images", "test_images", "task_seed",
)  # fmt: skip
"""The settings of a run that a figure tells."""


def check_measured(function: str, measured: Any, names: Sequence[str], settings: Sequence[str]) -> None:
    """Raise where what `npconv.training.fig07.measurements.make_stored` writes is no mapping, or lacks a name."""
    if not isinstance(measured, Mapping):
        kind = type(measured).__name__
        raise TypeError(f"{function}: measured must be a mapping as make_stored writes it; got {kind}")
    for name in names:
        if not measured.get(name):
            raise ValueError(f"{function}: measured must have {name!r}; got {sorted(map(str, measured))}")
    check_names(f"{function}: measured['settings']", measured["settings"], settings)


def check_names(where: str, entry: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise where an entry lacks one of these names."""
    if missing := [name for name in names if name not in entry]:
        raise ValueError(f"{where} must have {', '.join(names)}; missing {', '.join(missing)}")


def numbers_of_runs(function: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """All that is drawn of the results of `run_fig07`, in % and percentage points, as plain JSON.

    Raises TypeError where they are no mapping, ValueError where something is missing in them or doesn't fit.
    """
    results = _checked(function, results)
    curves = {
        variant: [[100 * a for a in run["test_accuracy"]] for run in results["runs"] if run["variant"] == variant]
        for variant in VARIANTS
    }
    ends = {variant: np.array(each)[:, -1] for variant, each in curves.items()}
    count = len(results["seeds"])
    return {
        "settings": dict(results["settings"]),
        "data": results["data"],
        "seeds": results["seeds"],
        "steps": results["runs"][0]["step"],
        "chance": 100 / CLASSES,
        "curves": curves,
        "medians": {variant: np.median(each, axis=0).tolist() for variant, each in curves.items()},
        "final": [
            {
                "network": variant,
                "median": float(np.median(end)),
                "mean": float(end.mean()),
                "standard deviation": float(end.std(ddof=1)) if count > 1 else None,
                "lowest": float(end.min()),
                "highest": float(end.max()),
                "seeds": count,
            }
            for variant, end in ends.items()
        ],
        "comparisons": [_comparison(compare(results, *pair)) for pair in COMPARISONS],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    interval = [100 * end for end in comparison.interval]
    return {
        "first": comparison.first,
        "second": comparison.second,
        "differences": [100 * d for d in comparison.differences],
        "mean": 100 * comparison.mean,
        "95 % interval": interval if all(map(math.isfinite, interval)) else None,
        "wins": comparison.wins,
        "p": comparison.p_value,
        "verdict": comparison.verdict,
    }


def _checked(function: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """The results with their runs in the order of the seeds; raise where something is missing or doesn't fit."""
    if not isinstance(results, Mapping):
        raise TypeError(f"{function}: results must be a dict as run_fig07 returns it; got {type(results).__name__}")

    def part(name: str, kind: type | tuple[type, ...], expected: str) -> Any:
        if name not in results:
            raise ValueError(f"{function}: results must have {name!r}, {expected}; got {sorted(map(str, results))}")
        if not isinstance(results[name], kind) or not results[name]:
            raise ValueError(f"{function}: results[{name!r}] must be {expected}; got {results[name]!r:.60}")
        return results[name]

    settings = part("settings", Mapping, "the settings of a run")
    if missing := [name for name in SETTINGS if not isinstance(settings.get(name), int | float)]:
        raise ValueError(f"{function}: results['settings'] must have {', '.join(SETTINGS)}; missing {missing[0]}")
    part("data", str, "what the images are")
    seeds = list(part("seeds", (list, tuple), "a list of seeds"))
    if not all(map(is_int, seeds)) or len(set(seeds)) < len(seeds):
        raise ValueError(f"{function}: results['seeds'] must be ints, each once; got {seeds}")
    runs: dict[tuple[str, int], Mapping[str, Any]] = {}
    given = part("runs", (list, tuple), "a list of runs")
    for index, run in enumerate(given):
        where = f"{function}: results['runs'][{index}]"
        if not isinstance(run, Mapping):
            raise ValueError(f"{where} must be a run, a dict; got {run!r:.60}")
        check_names(where, run, ("variant", "seed", "step", "test_accuracy"))
        if run["variant"] not in list(VARIANTS) or run["seed"] not in seeds:
            raise ValueError(
                f"{where} must be of one of {', '.join(VARIANTS)} with one of results['seeds']; got "
                f"{run['variant']!r} with {run['seed']!r}"
            )
        key = (run["variant"], run["seed"])
        if key in runs:
            raise ValueError(f"{where} must be of another network or seed than those before it; got {key} again")
        _check_curve(where, run, settings["steps"])
        if run["step"] != given[0]["step"]:
            raise ValueError(f"{where} must have the steps of the first run, {given[0]['step']}; got {run['step']}")
        runs[key] = run
    wanted = [(variant, seed) for variant in VARIANTS for seed in seeds]
    if missing := [f"{variant} with seed {seed}" for variant, seed in wanted if (variant, seed) not in runs]:
        raise ValueError(f"{function}: results['runs'] must have each network with each seed; missing {missing[0]}")
    return {**results, "seeds": seeds, "runs": [runs[each] for each in wanted]}


def _check_curve(where: str, run: Mapping[str, Any], last: int) -> None:
    """Raise where a run's lists are no curve to the last step."""
    steps, accuracies = run["step"], run["test_accuracy"]
    if not isinstance(steps, list) or not all(map(is_int, steps)) or steps[-1:] != [last]:
        raise ValueError(f"{where} must have a list of steps, as ints, that ends with {last}; got {steps!r:.60}")
    if any(a >= b for a, b in pairwise([0, *steps])):
        raise ValueError(f"{where} must have growing steps from 1; got {steps!r:.60}")
    if not isinstance(accuracies, list) or len(accuracies) != len(steps):
        raise ValueError(f"{where} must have a test_accuracy for each of {len(steps)} steps; got {accuracies!r:.60}")
    if not all(isinstance(a, int | float) and 0 <= a <= 1 for a in accuracies):
        raise ValueError(f"{where} must have test_accuracy from 0 to 1; got {accuracies!r:.60}")
