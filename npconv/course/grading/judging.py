"""Judging one function: every answer is compared here, outside the process that gave it.

A function is tried on a ladder of cases. Of a wrong one all answers are compared with those of the mistakes known by
name; and a wrong case is made smaller, first its sizes and then its numbers, as long as it goes wrong in the same way.
"""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case
from .broken import broken
from .cases import Cases
from .comparing import is_whole
from .ladder import case_of, sizes_of
from .process import Outcome
from .trial import OTHERWISE, STOPPED, VALUES, Trial, Verdict, what_is_wrong

SHRINKING = 500  # calls that are spent on making a wrong case smaller
FAILURES = 50  # wrong answers after which no more cases are tried
FEW = 80  # numbers that a case may have for them to be made smaller one by one


class Calls(Protocol):
    """Who calls the functions of a submission."""

    def call(
        self, name: str, arrays: Sequence[Array | None], options: Mapping[str, Any], *, deadline: float | None = None
    ) -> Outcome:
        """Call one of them, until the deadline on time.monotonic's clock at the latest."""
        ...


class Judge:
    """Tries one function on its cases; `seconds` is all the time that they may take together."""

    def __init__(self, cases: Cases, calls: Calls, *, seconds: float = 20.0) -> None:
        self.cases, self.calls = cases, calls
        self.task, self.variant = cases.task, cases.variant
        self.until = time.monotonic() + seconds

    def verdict(self) -> Verdict:
        """What the function is worth, and what is broken."""
        trials = list(self._trials())
        printed = next((trial.outcome.printed for trial in trials if trial.outcome.printed), "")
        failed = [trial for trial in trials if trial.wrong]
        passed = len(trials) - len(failed)
        if not failed:
            return Verdict(self.task, "right", passed=passed, tried=passed, printed=printed)
        if trials[0].outcome.message.startswith("NotImplementedError"):
            return Verdict(self.task, "missing", "it is not written yet", printed=printed)
        smallest = self._smaller(failed[0])
        says = broken(self.cases, trials, smallest)
        return Verdict(self.task, "wrong", says, smallest, passed, len(trials), printed)

    def try_case(self, case: Case) -> Trial:
        """Call the function on one case and compare."""
        given = tuple(
            None if a is None else self.variant.theirs(kind, a)
            for (_, kind), a in zip(self.task.arrays, case.arrays.values(), strict=True)
        )
        outcome = self.calls.call(self.task.name, given, self.variant.their_options(case.options), deadline=self.until)
        right = self.cases.right(case)
        return Trial(case, given, outcome, right, what_is_wrong(self.cases, case, given, outcome, right))

    def _trials(self) -> Iterator[Trial]:
        """All cases, until so many are wrong or one stops the process; then the first again, which must be the same."""
        first, failures = None, 0
        for case in self.cases:
            trial = self.try_case(case)
            first = first or trial
            if time.monotonic() > self.until and trial.outcome.status not in STOPPED:
                late = Outcome("timed out", message="all its cases together take too long")
                trial = replace(trial, outcome=late, wrong=late.message)
            yield trial
            if trial.outcome.status in STOPPED or trial.outcome.message.startswith("NotImplementedError"):
                return
            failures += bool(trial.wrong)
            if failures == FAILURES:
                break
        if first is not None and not first.wrong:
            again = self.try_case(first.case)
            yield replace(again, wrong=OTHERWISE if again.wrong else "")

    def _smaller(self, trial: Trial) -> Trial:
        """A smaller case that goes wrong in the same way: its sizes made smaller first, then its numbers."""
        if trial.outcome.status in STOPPED or trial.wrong == OTHERWISE:
            return trial
        left = SHRINKING
        progress = True
        while progress:
            progress = False
            for candidate in (*self._fewer(trial), *self._simpler(trial)):
                if left == 0 or time.monotonic() > self.until:
                    return trial
                left -= 1
                tried = self.try_case(candidate)
                if tried.wrong and tried.outcome.status == trial.outcome.status and self._by_hand(tried, trial):
                    trial, progress = tried, True
                    break
        return trial

    def _by_hand(self, tried: Trial, trial: Trial) -> bool:
        """Whether a case is as fit to be worked by hand as another: whole where that is."""
        return is_whole(tried.right) or not is_whole(trial.right)

    def _fewer(self, trial: Trial) -> Iterator[Case]:
        """The same case with one size smaller, or two where it takes a square, and other numbers."""
        sizes = trial.case.sizes
        for size in sizes_of(self.task):
            for value in sorted((size.least, *size.others)):
                if value < sizes[size.name]:
                    yield case_of(self.task, {**sizes, size.name: value}, self.cases.seed, 0)
        large = [size for size in sizes_of(self.task) if sizes[size.name] > size.others[0] > size.least]
        for first, second in itertools.combinations(large, 2):
            both = {first.name: first.others[0], second.name: second.others[0]}
            yield case_of(self.task, {**sizes, **both}, self.cases.seed, 0)

    def _simpler(self, trial: Trial) -> Iterator[Case]:
        """The same case with one number 0 or 1, where it is the values that are wrong."""
        arrays = trial.case.arrays
        if not trial.wrong.endswith(VALUES) or sum(a.size for a in arrays.values() if a is not None) > FEW:
            return
        for name, a in arrays.items():
            if a is None:
                continue
            for index in np.ndindex(*a.shape):
                for value in (0, 1):
                    if abs(a[index]) > value:
                        simpler = a.copy()
                        simpler[index] = value
                        yield replace(trial.case, arrays={**arrays, name: simpler})
