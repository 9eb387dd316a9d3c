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
from .broken import broken, wrong_defaults
from .cases import SINGLE, Cases
from .comparing import as_result, equal, is_whole
from .defaults import left_out, options_given
from .ladder import case_of, least_sizes, sizes_of
from .mixtures import mixtures_of, with_less
from .process import Outcome
from .trial import NOT_WRITTEN, OTHERWISE, STOPPED, VALUES, Trial, Verdict, done, what_is_wrong

SHRINKING = 500  # calls that are spent on making a wrong case smaller
DRAWS = 3  # cases of the same sizes with other numbers that are tried


class Calls(Protocol):
    """The caller of a submission's functions."""

    def call(
        self, name: str, arrays: Sequence[Array | None], options: Mapping[str, Any], *, deadline: float | None = None
    ) -> Outcome:
        """Call one of them, until the deadline on time.monotonic's clock at the latest."""
        ...


class Judge:
    """Tries one function on its cases.

    `seconds` is all the time that they may take together, `failures` the number of wrong answers after which no more
    are tried; None tries all, so that what is said of them holds for all.
    """

    def __init__(self, cases: Cases, calls: Calls, *, seconds: float = 20.0, failures: int | None = None) -> None:
        self.cases, self.calls, self.seconds, self.failures = cases, calls, seconds, failures
        self.task, self.variant = cases.task, cases.variant
        self.until = time.monotonic() + seconds

    def verdict(self) -> Verdict:
        """The verdict on a function, and the property that it breaks."""
        trials = list(self._trials())
        printed = next((trial.outcome.printed for trial in trials if trial.outcome.printed), "")
        failed = [trial for trial in trials if trial.wrong]
        passed = len(trials) - len(failed)
        if not failed:
            return Verdict(self.task, "right", passed=passed, tried=passed, printed=printed)
        if trials[0].outcome.message.startswith("NotImplementedError"):
            return Verdict(self.task, "missing", NOT_WRITTEN, printed=printed)
        worst = next((trial for trial in failed if trial.is_changing), failed[0])
        if not self._again(worst).wrong:
            worst = replace(worst, wrong=OTHERWISE)
            trials.append(worst)
        smallest = self._smaller(worst)
        says = self._of_defaults(failed, smallest) or broken(self.cases, trials, smallest)
        return Verdict(self.task, "wrong", says, smallest, passed, passed + len(failed), printed)

    def try_case(self, case: Case) -> Trial:
        """Call the function on one case and compare."""
        given = tuple(
            None if a is None else self.variant.theirs(kind, a)
            for (_, kind), a in zip(self.task.arrays, case.arrays.values(), strict=True)
        )
        if case.sizes.get("fortran"):
            given = tuple(None if a is None else np.asfortranarray(a) for a in given)
        options = self.variant.their_options(options_given(self.task, case))
        outcome = self.calls.call(self.task.name, given, options, deadline=self.until)
        right = self.cases.right(case)
        if outcome.status == "timed out" and time.monotonic() >= self.until:
            outcome = self._late()
        trial = Trial(case, given, outcome, right, what_is_wrong(self.cases, case, given, outcome, right))
        if case.sizes.get("mixed") and trial.wrong.endswith(VALUES) and not trial.is_changing:
            return replace(trial, wrong="") if self._is_of_float32(trial) else trial
        return trial

    def _is_of_float32(self, trial: Trial) -> bool:
        """True where an answer to a case of mixed dtypes has float32's digits for another reason than the mixture."""
        arrays, mixture = trial.case.arrays, mixtures_of(self.task)[trial.case.sizes["mixed"] - 1]
        terms = replace(trial.case, arrays={name: a if a is None else abs(a) for name, a in arrays.items()})
        parts = zip(as_result(trial.outcome.value), trial.right, self.cases.right(terms), strict=True)
        for part, due, sums in parts:
            scale = 1 if sums is None else max(1.0, np.max(np.abs(sums), initial=0))
            if due is not None and not equal(np.asarray(part) / scale, np.asarray(due) / scale, SINGLE):
                return False
        return any(self.try_case(other).wrong for other in with_less(trial.case, mixture))

    def _trials(self) -> Iterator[Trial]:
        """All cases, until so many are wrong or one stops the process; then the first again, which must be the same."""
        first, failures = None, 0
        for case in self.cases:
            trial = self.try_case(case)
            first = first or trial
            if time.monotonic() > self.until and trial.outcome.status not in STOPPED:
                late = self._late()
                trial = replace(trial, outcome=late, wrong=done(late))
            yield trial
            if trial.outcome.status in STOPPED or trial.outcome.message.startswith("NotImplementedError"):
                return
            failures += bool(trial.wrong)
            if failures == self.failures:
                break
        if first is not None and not first.wrong:
            again = self.try_case(first.case)
            yield replace(again, wrong=OTHERWISE if again.wrong else "")

    def _late(self) -> Outcome:
        return Outcome("timed out", message=f"all its cases together take more than {self.seconds:g} s")

    def _again(self, trial: Trial) -> Trial:
        """The same case once more; not where that would start another process."""
        return trial if trial.outcome.status in STOPPED or trial.wrong == OTHERWISE else self.try_case(trial.case)

    def _of_defaults(self, failed: Sequence[Trial], smallest: Trial) -> str:
        """The wrong defaults, in words; "" where the answer is wrong with all options given too."""
        if not all(left_out(self.task, trial.case) for trial in (*failed, smallest)) or smallest.wrong == OTHERWISE:
            return ""
        given = replace(smallest.case, sizes={**smallest.case.sizes, "defaults": 0})
        return "" if self.try_case(given).wrong else wrong_defaults(self.cases, failed, smallest)

    def _smaller(self, trial: Trial) -> Trial:
        """A smaller case that goes wrong in the same way: its sizes made smaller first, then its numbers."""
        if trial.outcome.status in STOPPED or trial.wrong == OTHERWISE:
            return trial
        left, drawn = iter(range(SHRINKING)), set[tuple[str, int]]()
        before = None
        while trial is not before:
            before = trial
            trial = self._of_less(trial, drawn, left)
            for name, a in trial.case.arrays.items():
                if a is not None:
                    trial = self._of_zeros_and_ones(trial, name, np.arange(a.size, dtype=np.int64), left)
        return trial

    def _is_spent(self, left: Iterator[int]) -> bool:
        """True where no further call is to be made; it counts the next one."""
        return next(left, None) is None or time.monotonic() > self.until

    def _of_less(self, trial: Trial, drawn: set[tuple[str, int]], left: Iterator[int]) -> Trial:
        """The smallest of the cases of smaller sizes."""
        for alike in self._fewer(trial, drawn):
            fit: list[Trial] = []
            for case in alike:
                if self._is_spent(left):
                    return fit[0] if fit else trial
                tried = self.try_case(case)
                if self._is_as_wrong(tried, trial):
                    fit.append(tried)
                    if is_whole(as_result(tried.outcome.value)):
                        break
            if fit:
                best = fit[-1] if is_whole(as_result(fit[-1].outcome.value)) else fit[0]
                return self._of_less(best, drawn, left)
        return trial

    def _of_zeros_and_ones(self, trial: Trial, name: str, places: Array, left: Iterator[int]) -> Trial:
        """The same case with the numbers of an array at these places 0 or 1 where they can be: all, or half by half.

        Values that are wrong are shown by zeros rather than by ones, and boxes begin at zeros, so that they have an
        area; anything else is shown by ones, so that there are products.
        """
        zeros = trial.wrong.endswith(VALUES) or dict(self.task.arrays)[name] == "boxes"
        for value in (0, 1) if zeros else (1, 0):
            numbers = np.array(trial.case.arrays[name], order="C")  # of a number too
            flat = numbers.reshape(-1)
            simple = [0] if value == 0 and zeros else [0, 1]
            others = places[~np.isin(flat[places], simple)]
            if not others.size:
                continue
            flat[others] = value
            case = replace(trial.case, arrays={**trial.case.arrays, name: numbers})
            if self.task.fits(case) and not self._is_spent(left):
                tried = self.try_case(case)
                trial = tried if self._is_as_wrong(tried, trial) else trial
        if len(places) > 1:
            for half in np.array_split(places, 2):
                trial = self._of_zeros_and_ones(trial, name, half, left)
        return trial

    def _is_as_wrong(self, tried: Trial, trial: Trial) -> bool:
        """True if a case goes wrong in the same way, and suits working by hand as well: whole if the other is."""
        alike = tried.outcome.status == trial.outcome.status
        if trial.is_changing:
            alike = alike and tried.is_changing and (VALUES in tried.wrong) >= (VALUES in trial.wrong)
        whole = is_whole(tried.right) or not is_whole(trial.right)
        if tried.case.sizes == trial.case.sizes:  # with other numbers
            alike = alike and _kind_of(tried) == _kind_of(trial)
            if not trial.wrong.endswith(VALUES):
                whole = True  # in the end, once all numbers are 0 or 1
            elif is_whole(as_result(trial.outcome.value)):
                whole = whole and is_whole(as_result(tried.outcome.value))
        return bool(tried.wrong) and alike and whole

    def _fewer(self, trial: Trial, drawn: set[tuple[str, int]]) -> Iterator[list[Case]]:
        """The same case with one size smaller, or two where it takes a square: cut out of it, and with other numbers.

        What was drawn once is not tried again.
        """
        sizes = trial.case.sizes
        smaller = [
            {size.name: value}
            for size in sizes_of(self.task)
            for value in sorted((size.least, *size.others))
            if value < sizes[size.name]
        ]
        large = [size for size in sizes_of(self.task) if sizes[size.name] > size.others[0] > size.least]
        for first, second in itertools.combinations(large, 2):
            smaller.append({first.name: first.others[0], second.name: second.others[0]})
        least = least_sizes(self.task)
        for fewer in smaller:
            asked = {**sizes, **fewer}
            new = [n for n in range(DRAWS) if (str(asked), n) not in drawn]
            drawn.update((str(asked), n) for n in new)
            cases = [case_of(self.task, asked, self.cases.seed, n) for n in new or [0]]
            cut = cut_to(trial.case, cases[0]) if all(least[name] > 0 for name in fewer) else []
            cut = [case for case in cut if self.task.fits(case)]
            yield [*cut, *(cases if new else [])]


def _kind_of(trial: Trial) -> tuple[str, bool]:
    """The kind of what is wrong: the exception that is raised, and whether it is the values."""
    error = trial.outcome.message.partition(":")[0] if trial.outcome.status == "raised" else ""
    return error, trial.wrong.endswith(VALUES)


def cut_to(large: Case, small: Case) -> list[Case]:
    """The large case's numbers in the small one's shapes: the first of each axis, the last, and the largest."""
    pairs = [(a, small.arrays[name]) for name, a in large.arrays.items()]
    shapes = [tuple(() if side is None else side.shape for side in pair) for pair in pairs]
    if any(len(a) != len(b) or any(i < j for i, j in zip(a, b, strict=True)) for a, b in shapes) or not shapes:
        return []
    if any((a is None) != (b is None) for a, b in pairs) or all(a == b for a, b in shapes):
        return []
    places = (
        [tuple(slice(0, n) for n in b) for _, b in shapes],
        [tuple(slice(m - n, m) for m, n in zip(a, b, strict=True)) for a, b in shapes],
        [() if a is None else _largest(a, small.shape) for a, small in pairs],
    )
    return [
        replace(
            small,
            arrays={
                name: None if a is None else a[place].copy()
                for (name, a), place in zip(large.arrays.items(), cut, strict=True)
            },
        )
        for cut in places
    ]


def _largest(a: Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of an array, of that shape, with the largest numbers along each axis."""
    place = []
    for axis, length in enumerate(shape):
        sizes = np.abs(a).sum(axis=tuple(other for other in range(a.ndim) if other != axis))
        start = int(np.argmax(np.convolve(sizes, np.ones(length), "valid")))
        place.append(slice(start, start + length))
    return tuple(place)
