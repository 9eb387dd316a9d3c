"""The cases for a function, with the right answers and those of the named mistakes, each computed once."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ..exercises.exercise import Case, Mistake, Result, Task
from ..exercises.mistakes import mistakes_of
from ..exercises.variants import Variant
from .comparing import equal, shapes
from .ladder import ladder

EXACT, CLOSE = 1e-9, 1e-6  # what an answer may differ by, of its largest value: where numbers are whole, and elsewhere
SINGLE = 1e-5  # and where float32 comes, or shows: it may be computed with


class Cases:
    """A task's cases for one seed and variant, and the answers to them in the student's layout.

    An answer is computed when it is asked for; judges of several functions written for one task may share it.

    >>> from npconv.course.exercises import EXERCISES
    >>> cases = Cases(EXERCISES["pointwise"].tasks[0], Variant(channels="first"), seed=0)
    >>> first = next(iter(cases))
    >>> [answer.shape for answer in cases.right(first)]
    [(1, 1, 1, 1)]
    """

    def __init__(self, task: Task, variant: Variant, seed: int) -> None:
        self.task, self.variant, self.seed = task, variant, seed
        self.tolerance = EXACT if task.exact else CLOSE
        self._coming = ladder(task, seed)
        self._cases: list[Case] = []
        self._kept: dict[tuple[int, str], Any] = {}  # answers by the case's id, as every case in here lives on

    def __iter__(self) -> Iterator[Case]:
        """The cases of the ladder, in order."""
        number = 0
        while True:
            if number == len(self._cases):
                case = next(self._coming, None)
                if case is None:
                    return
                self._cases.append(case)
                self._kept[id(case), ""] = None
            yield self._cases[number]
            number += 1

    @cached_property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The mistakes known by name, with what is said of them in this variant."""
        return mistakes_of(self.task, self.variant)

    def right(self, case: Case) -> Result:
        """The right answer, to a case of the ladder or another."""
        kept: Result | None = self._kept.get((id(case), ""))
        if kept is None:
            kept = self._theirs(self.task.reference(case, self.variant))
            if (id(case), "") in self._kept:
                self._kept[id(case), ""] = kept
        return kept

    def answer(self, mistake: Mistake, case: Case) -> Any:
        """The answer of a function with this mistake to a case of the ladder; None if it has none."""
        place = id(case), mistake.says
        if place not in self._kept:
            try:
                self._kept[place] = self._theirs(mistake.answer(case, self.variant, self.task.reference))
            except ValueError:
                self._kept[place] = None
        return self._kept[place]

    def same(self, case: Case, returned: Result, right: Result, tolerance: float | None = None) -> bool:
        """True where two answers are equal to within a tolerance, in what the task compares.

        By default it is that of the case.
        """
        if self.task.compared is not None and shapes(returned) == shapes(right) == shapes(self.right(case)):
            returned, right = (self.task.compared(result, case, self.variant) for result in (returned, right))
        tolerance = self.tolerance_of(case) if tolerance is None else tolerance
        pairs = zip(returned, right, strict=False)
        return len(returned) == len(right) and all(equal(value, due, tolerance, nans=True) for value, due in pairs)

    def tolerance_of(self, case: Case) -> float:
        """The tolerance of an answer to a case: that of float32 where it shows."""
        single = case.sizes.get("single") or case.sizes.get("near")
        return EXACT if case.sizes.get("mixed") else SINGLE if single else self.tolerance

    def close(self, value: Any, due: Any) -> bool:
        """True for the right result, to within what rounding may change."""
        return equal(value, due, self.tolerance)

    def _theirs(self, result: Result) -> Result:
        return tuple(
            self.variant.theirs(kind, value) if isinstance(value, np.ndarray) else value
            for (_, kind), value in zip(self.task.results, result, strict=True)
        )
