"""One case that a function was tried on, and the words for what may be wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case, Result, Task
from .cases import Cases
from .comparing import as_result, describe, equal, kind_wrong
from .process import Outcome

VALUES = "wrong values"
STATUSES = {
    "raised": "it raises",
    "exited": "it calls for an exit",
    "timed out": "it does not come to an end",
    "out of memory": "it takes too much memory",
    "died": "it ends the process",
    "unreadable": "what it returns can't be read",
}
STOPPED = ("timed out", "out of memory", "died")  # the process had to be started again
NOT_WRITTEN = "it is not written yet"
OTHERWISE = "called again with the same arguments it answers otherwise: it keeps something between calls"


@dataclass(frozen=True)
class Trial:
    """One case, what the function did with it, what is right, and what is wrong: "" where nothing is."""

    case: Case
    given: tuple[Array | None, ...]  # in the student's layout, as `right` is
    outcome: Outcome
    right: Result
    wrong: str

    @property
    def is_changing(self) -> bool:
        """True if it changes an argument, whatever else is wrong."""
        return self.wrong.startswith("the argument")


@dataclass(frozen=True)
class Verdict:
    """The verdict on a function: `status` is "right", "wrong" or "missing".

    `broken` says which property is, `smallest` is the smallest wrong case found; of `tried` cases `passed` were right.
    `printed` is what the function printed, if anything.
    """

    task: Task
    status: str
    broken: str = ""
    smallest: Trial | None = None
    passed: int = 0
    tried: int = 0
    printed: str = ""

    @property
    def points(self) -> int:
        """All the function's points if it is right, and none if it isn't."""
        return self.task.points if self.status == "right" else 0


def done(outcome: Outcome) -> str:
    """The event that took the place of an answer, in words.

    >>> done(Outcome("exited", message="sys.exit(0)"))
    'it calls for an exit: sys.exit(0)'
    """
    return f"{STATUSES[outcome.status]}{'' if outcome.status == 'raised' else ':'} {outcome.message}"


def what_is_wrong(cases: Cases, case: Case, given: Sequence[Array | None], outcome: Outcome, right: Result) -> str:
    """The fault of an outcome in words; "" if there is none."""
    if outcome.status != "returned":
        return done(outcome)
    reasons = _changed(cases, given, outcome), _wrong_result(cases, case, outcome, right)
    return " and ".join(filter(None, reasons))


def _wrong_result(cases: Cases, case: Case, outcome: Outcome, right: Result) -> str:
    returned, names = as_result(outcome.value), [name for name, _ in cases.task.results]
    if _is_list_of_numbers(outcome.value, right):
        return f"it returns a list or a tuple, where {describe(right[0])} is due: is np.array missing?"
    if len(returned) != len(right):
        due = f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} due"
        return f"it returns {describe(outcome.value)}, where {due}"
    for name, value, wanted in zip(names, returned, right, strict=True):
        if reason := kind_wrong(name, value, wanted):
            return reason
    if not cases.same(case, returned, right):
        tolerance, pairs = cases.tolerance_of(case), zip(names, returned, right, strict=True)
        wrong = [name for name, value, due in pairs if not equal(value, due, tolerance, nans=True)]
        *others, last = wrong or names
        return f"{', '.join(others)} and {last} have {VALUES}" if others else f"{last} has {VALUES}"
    return ""


def _is_list_of_numbers(value: object, right: Result) -> bool:
    """True if one array of one axis is due, and its numbers come in a list or a tuple."""
    array = len(right) == 1 and isinstance(right[0], np.ndarray) and right[0].ndim == 1
    return array and isinstance(value, tuple) and not any(isinstance(item, np.ndarray) for item in value)


def _changed(cases: Cases, given: Sequence[Array | None], outcome: Outcome) -> str:
    for (name, _), before, after in zip(cases.task.arrays, given, outcome.arguments or (), strict=False):
        if before is not None and not np.array_equal(before, np.asarray(after)):
            return f"the argument {name} is changed"
    return ""
