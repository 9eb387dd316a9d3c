"""A run of the bench beside an earlier one: how much faster or slower each measurement has become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import parse_json
from ..kernels.arguments import as_path
from .groups import BenchEntry, entries
from .timing import geometric_mean

EXPECTED = "must be a file that npconv bench --json wrote"


@dataclass(frozen=True)
class BenchChange:
    """A measurement now over then (below 1 is faster): its milliseconds, its ratios, and its memory where both have it.

    `changes` has them by name: "ms", "× limit", "× default layout", "× faster layout", "× onnxruntime", "peak MiB".
    """

    group: str
    layer: str
    direction: str
    batch: int
    function: str
    milliseconds_then: float
    milliseconds: float
    changes: Mapping[str, float]


def read_run(path: str | Path) -> dict[str, Any]:
    """A stored run, as `npconv bench --json` wrote it, now or in an earlier version.

    Raises OSError where the file cannot be read, ValueError where it is something else.
    """
    file = as_path("read_run", "against", path)
    try:
        run = parse_json(file.read_text(encoding="utf-8"))
        if not isinstance(run, dict) or not isinstance(run.get("machine"), dict):
            raise ValueError("it has no machine")
        if not entries(run):
            raise ValueError("it has no measurements")
    except (LookupError, ArithmeticError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"read_run: against {EXPECTED}; got {file}: {error}") from error
    return run


def changes(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[BenchChange]:
    """The measurements that both runs have, in the order of the first; none where they have nothing in common."""
    before = {_key(entry): entry for entry in entries(then)}
    both = [(entry, before[_key(entry)]) for entry in entries(now) if _key(entry) in before]
    return [BenchChange(*_key(new), old.milliseconds, new.milliseconds, _changes(new, old)) for new, old in both]


def mean_changes(found: Sequence[BenchChange]) -> dict[tuple[str, str, str, int], dict[str, float]]:
    """Geometric means by (group, direction, function, number of rows), and by name as in a BenchChange."""
    groups: dict[tuple[str, str, str], list[BenchChange]] = {}
    for change in found:
        groups.setdefault((change.group, change.direction, change.function), []).append(change)
    return {
        (*key, len(members)): {
            name: geometric_mean([member.changes[name] for member in members])
            for name in members[0].changes
            if all(name in member.changes for member in members)
        }
        for key, members in groups.items()
    }


def other_settings(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """A line for each fact of the machine, the threads or the versions in which two runs differ."""
    facts, earlier = now["machine"], then["machine"]
    return [
        f"{name} {earlier.get(name, 'not given')} then, {facts.get(name, 'not given')} now"
        for name in dict.fromkeys((*earlier, *facts))
        if earlier.get(name) != facts.get(name)
    ]


def _key(entry: BenchEntry) -> tuple[str, str, str, int, str]:
    return entry.group, entry.layer, entry.direction, entry.batch, entry.function


def _changes(now: BenchEntry, then: BenchEntry) -> dict[str, float]:
    found = {"ms": now.milliseconds / then.milliseconds}
    found |= {f"× {over}": ratio / then.ratios[over] for over, ratio in now.ratios.items() if over in then.ratios}
    return found | ({"peak MiB": now.peak_mib / then.peak_mib} if now.peak_mib and then.peak_mib else {})
