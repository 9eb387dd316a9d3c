"""The measurements of a run as one list, and the geometric means of its groups."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .kernels import KINDS
from .timing import geometric_mean

FASTER_FIRST = {"limit": "over_limit", "default layout": "over_default_torch", "faster layout": "over_torch"}
FIELDS: Mapping[str, Mapping[str, str]] = {  # by table, and by what a ratio is over: torch's layouts, and others
    "rows": FASTER_FIRST,
    "passes": {
        "limit": "over_limit", "default layout": "over_torch", "faster layout": "over_faster_torch",
        "onnxruntime": "over_onnxruntime",
    },
    "steps": FASTER_FIRST,
}  # fmt: skip
USED = {"Inference", "npconv", *(rung.__name__ for kind in KINDS.values() for rung in kind.rungs[0] if rung)}


@dataclass(frozen=True)
class BenchEntry:
    """One measurement of any table: its group, what was timed, in milliseconds, and its ratios by what they are over.

    `quartiles` are those of the rounds' ratios, which older runs don't have.
    """

    group: str
    layer: str
    direction: str
    batch: int
    function: str
    milliseconds: float
    ratios: Mapping[str, float]
    quartiles: Mapping[str, Sequence[float]] = field(default_factory=dict)
    peak_mib: float | None = None


@dataclass(frozen=True)
class GroupMean:
    """The geometric mean of one ratio of a group, the lowest and the highest, and the mean of the rounds' quartiles."""

    mean: float
    lowest: float
    highest: float
    quartiles: tuple[float, ...] = ()


def entries(run: Mapping[str, Any]) -> list[BenchEntry]:
    """The measurements in a run as `as_json` writes it, an earlier version's too.

    Raises KeyError, TypeError or ValueError where the data are something else.

    >>> entries({"machine": {}, "steps": []})
    []
    """
    found = [entry for table in FIELDS for each in run.get(table, ()) for entry in [_entry(table, each)]]
    found += [entry for saving in run.get("separable", ()) for entry in _parts(saving)]
    for entry in found:
        words = (entry.group, entry.layer, entry.direction, entry.function)
        if not all(isinstance(word, str) for word in words) or not isinstance(entry.batch, int):
            raise TypeError(f"entries: run must have words, and whole numbers for batches; got {entry}")
        quartiles = [value for pair in entry.quartiles.values() for value in pair]
        if not all(
            0 < value < math.inf
            for value in (entry.milliseconds, *entry.ratios.values(), *quartiles, entry.peak_mib or 1)
        ):
            raise ValueError(f"entries: run must have numbers above 0; got {entry}")
    return found


def group_means(found: Sequence[BenchEntry]) -> dict[tuple[str, str, str, int], dict[str, GroupMean]]:
    """The means of what a user calls, by (group, direction, batch, number of rows) and by what the ratio is over.

    All training steps are one group, whose batch is "": the small network has another than the blocks.
    """
    groups: dict[tuple[str, str, str], list[BenchEntry]] = {}
    for entry in found:
        if entry.function in USED and entry.group != "separable":
            batch = "" if entry.direction == "step" else str(entry.batch)
            groups.setdefault((entry.group, entry.direction, batch), []).append(entry)
    means = {}
    for (group, direction, batch), members in groups.items():
        over = [name for name in members[0].ratios if all(name in member.ratios for member in members)]
        means[group, direction, batch, len(members)] = {name: _mean(members, name) for name in over}
    return means


def _mean(members: Sequence[BenchEntry], over: str) -> GroupMean:
    ratios = [member.ratios[over] for member in members]
    pairs = [member.quartiles[over] for member in members if over in member.quartiles]
    quartiles = tuple(map(geometric_mean, zip(*pairs, strict=True)))
    return GroupMean(geometric_mean(ratios), min(ratios), max(ratios), quartiles)


def _entry(table: str, each: Mapping[str, Any]) -> BenchEntry:
    fields = {over: name for over, name in FIELDS[table].items() if each.get(name) is not None}
    quartiles = each.get("quartiles", {})
    return BenchEntry(
        each["group"] if table == "rows" else {"passes": "inference", "steps": "training step"}[table],
        each["layer" if table == "rows" else "network"],
        each["direction"] if table == "rows" else {"passes": "forward", "steps": "step"}[table],
        each["batch"], each["function"], float(each["milliseconds"]),
        {over: float(each[name]) for over, name in fields.items()},
        {over: quartiles[name] for over, name in fields.items() if name in quartiles},
        each.get("peak_mib"),
    )  # fmt: skip


def _parts(saving: Mapping[str, Any]) -> Iterator[BenchEntry]:
    """The parts of a Saving: the standard convolution, the separable one and its halves."""
    bases = {"limit": "limit", "torch": "faster layout"}
    times = saving["milliseconds"]
    for function, parts in times.items():
        for part, t in parts.items():
            ratios = {over: t / times[base][part] for base, over in bases.items() if base in times}
            yield BenchEntry("separable", saving["block"], part, saving["batch"], function, float(t), ratios)
