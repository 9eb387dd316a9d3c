"""Tables of training results: each function returns a header and rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..segmentation import intersection_over_union_of
from .detection_heads.times import head_costs
from .fig07.comparisons import COMPARISONS, compare, curves
from .recipes import RECIPES

FEW_CLASSES = 12
MISTAKES = 3

Table = tuple[list[str], list[list[str]]]


def accuracy_table(
    results: Mapping[str, Any], measure: str = "test_accuracy", measured: str = "test accuracy"
) -> Table:
    """The final accuracies of an experiment's networks over their seeds, in percent.

    Another `measure` of the runs, a share too, is called `measured` in the header; networks without it have no row.

    >>> run = {"variant": "none", "seed": 0, "test_accuracy": [0.25, 0.5]}
    >>> accuracy_table({"networks": {"none": "no shortcut"}, "runs": [run, run]})[1]
    [['no shortcut', '2', '50.0', '50.0', '0.0', '50.0 to 50.0']]
    """
    rows = []
    for name, what in results["networks"].items():
        if not _has(results, name, measure):
            continue
        ends = 100 * curves(results, name, measure)[:, -1]  # (seeds,)
        deviation = f"{ends.std(ddof=1):.1f}" if len(ends) > 1 else ""
        span = f"{ends.min():.1f} to {ends.max():.1f}"
        rows.append([what, str(len(ends)), f"{ends.mean():.1f}", f"{np.median(ends):.1f}", deviation, span])
    return [f"{measured} in %", "seeds", "mean", "median", "deviation", "from, to"], rows


def comparison_table(
    results: Mapping[str, Any],
    pairs: Sequence[tuple[str, str]] = COMPARISONS,
    measure: str = "test_accuracy",
    measured: str = "difference",
) -> Table:
    """The differences between pairs of an experiment's networks, in percentage points, paired by seed.

    Those of `run_fig07`'s `COMPARISONS`, unless others are given, and of the accuracies, unless of another `measure`,
    which is called `measured` in the header. Pairs of which one has it not are left out.

    >>> ends = {"linear": 0.75, "relu6": 0.5}
    >>> runs = [{"variant": name, "seed": 0, "test_accuracy": [end]} for name, end in ends.items()]
    >>> some = {"runs": [*runs, {**runs[1], "variant": "expansions"}, {**runs[1], "variant": "none"}]}
    >>> comparison_table(some)[1][0]
    ['linear − relu6', '+25.0', '', '1 of 1', '1', 'too few seeds to tell']
    """
    rows = []
    for pair in pairs:
        if not all(_has(results, name, measure) for name in pair):
            continue
        c = compare(results, *pair, measure)
        interval = "{:+.1f} to {:+.1f}".format(*(100 * x for x in c.interval)) if len(c.differences) > 1 else ""
        wins = f"{c.wins} of {len(c.differences)}"
        better = {"first": c.first, "second": c.second, "open": "open" if c.could_tell else "too few seeds to tell"}
        rows.append(
            [f"{c.first} − {c.second}", f"{100 * c.mean:+.1f}", interval, wins, f"{c.p_value:.2g}",
             better[c.verdict]]
        )  # fmt: skip
    return [f"{measured} in points", "mean", "95 % interval", "first better", "sign-flip p", "better"], rows


def _has(results: Mapping[str, Any], variant: str, measure: str) -> bool:
    """True where the runs of a network have a measure."""
    return any(run["variant"] == variant and measure in run for run in results["runs"])


def recipe_table(kind: str, results: Mapping[str, Any]) -> Table:
    """The measures that each run of `run_seeds` reached, shares in percent, and their mean.

    >>> run = {"seed": 3, "test_map_50": [0.25, 0.5], "test_map": [0.125, 0.25], "test_loss": [2.5, 2]}
    >>> recipe_table("ssdlite", {"runs": [run, {**run, "seed": 4, "test_map_50": [0.75]}]})[1]
    [['3', '50.0', '25.0', '2.00'], ['4', '75.0', '25.0', '2.00'], ['mean', '62.5', '25.0', '2.00']]
    """
    measures = RECIPES[kind].measures
    rows = [(str(run["seed"]), *(run[name][-1] for name in (*measures, "test_loss"))) for run in results["runs"]]
    if len(rows) > 1:
        rows.append(("mean", *np.mean([row[1:] for row in rows], axis=0)))
    cells = [[seed, *(f"{100 * share:.1f}" for share in shares), f"{loss:.2f}"] for seed, *shares, loss in rows]
    return ["seed", *(f"{words} in %" for words in measures.values()), "test loss"], cells


def class_table(results: Mapping[str, Any]) -> Table:
    """The intersection over union of each class of masks in percent, over all runs of `run_seeds` with masks.

    For each class the mean over the runs, the smallest and the largest. A class that is in no image has no row.

    >>> runs = [{"confusion": [[9, 0, 1], [0, 0, 0], [5, 0, 5]]}, {"confusion": [[10, 0, 0], [0, 0, 0], [0, 0, 10]]}]
    >>> class_table({"runs": runs})[1]
    [['0', '80.0', '60.0 to 100.0'], ['2', '72.7', '45.5 to 100.0'], ['mean', '76.4', '52.7 to 100.0']]
    """
    shares = 100 * np.array([intersection_over_union_of(np.array(run["confusion"])) for run in results["runs"]])
    found = np.flatnonzero(~np.isnan(shares).all(axis=0))
    columns = [(str(c), shares[:, c]) for c in found] + [("mean", np.nanmean(shares, axis=1))]
    rows = [[name, f"{np.nanmean(a):.1f}", f"{np.nanmin(a):.1f} to {np.nanmax(a):.1f}"] for name, a in columns]
    return ["class", "IoU in %", "from, to"], rows


def experiment_tables(results: Mapping[str, Any], experiment: Any) -> list[Table]:
    """All tables of an experiment: `experiment` is its module, which has COMPARISONS and perhaps MEASURES.

    Where times were measured beside the runs there is a table of costs and times.
    """
    tables = []
    for measure, words in getattr(experiment, "MEASURES", {"test_accuracy": "test accuracy"}).items():
        tables.append(accuracy_table(results, measure, words))
        tables.append(comparison_table(results, experiment.COMPARISONS, measure))
    return tables + ([head_table(results)] if "times" in results else [])


def head_table(results: Mapping[str, Any]) -> Table:
    """The costs of the detectors of `run_detection_heads`, and the times in its results, over those of the first.

    >>> times = {name: {"ratio": 1.5, "quartiles": [1.25, 1.75]} for name in ("separable", "full", "output")}
    >>> networks = {"separable": "SSDLite", "full": "full heads"}
    >>> head_table({"networks": networks, "times": {"step": times, "inference": times}})[1][1]
    ['full heads', '196,732', '73,500', '24,548,352', '12,165,120', '1.50 (1.25 to 1.75)', '1.50 (1.25 to 1.75)']
    """
    header = ["64×64 pixels", "parameters", "of the heads", "MACs", "of the heads", "time of a step", "of inference"]
    costs = head_costs()
    rows = []
    for name, what in results["networks"].items():
        times = [results["times"][part][name] for part in ("step", "inference")]
        ratios = ["{:.2f} ({:.2f} to {:.2f})".format(of["ratio"], *of["quartiles"]) for of in times]
        c = costs[name]
        rows.append([what, *(f"{n:,}" for n in (c.params, c.head_params, c.macs, c.head_macs)), *ratios])
    return header, rows


def confusion_table(counts: Array) -> Table:
    """The classes that the test images of each class were taken for; of more than 12 those recognised least.

    `counts` is (classes, classes), rows the true class. A class without test images has no row.

    >>> confusion_table(np.array([[3, 1], [0, 2]]))
    (['class', 'as 0', 'as 1', 'right, %'], [['0', '3', '1', '75.0'], ['1', '·', '2', '100.0']])
    """
    images = counts.sum(axis=1)
    right = 100 * counts.diagonal() / images.clip(1)
    classes = [int(c) for c in np.flatnonzero(images)]
    if len(counts) <= FEW_CLASSES:
        header = ["class", *(f"as {c}" for c in range(len(counts))), "right, %"]
        return header, [[str(c), *(str(n or "·") for n in counts[c]), f"{right[c]:.1f}"] for c in classes]
    rows = []
    for c in sorted(classes, key=lambda c: right[c])[:FEW_CLASSES]:
        others = [int(o) for o in np.argsort(-counts[c], kind="stable") if o != c and counts[c, o]][:MISTAKES]
        taken = ", ".join(f"{o} ({counts[c, o]})" for o in others)
        rows.append([str(c), str(images[c]), f"{right[c]:.1f}", taken])
    return [f"class, of {len(classes)} the least recognised", "images", "right, %", "taken for"], rows
