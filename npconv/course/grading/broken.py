"""The property that a wrong function breaks, in a student's words.

That is a mistake known by name, or what its answers have in common; either only where it explains all of them.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..exercises.exercise import Mistake
from .cases import SINGLE, Cases
from .comparing import as_result, shapes
from .defaults import left_out
from .ladder import departures, least_sizes
from .trial import OTHERWISE, STOPPED, VALUES, Trial

ALTERNATIVES = 3  # places of which a mistake may need one, to be told
SEVERAL = 3  # wrong answers that a mistake must explain where it gives none in other cases
EARLIER = "it gives the answer of an earlier call whose arguments had the same shapes: it keeps something between calls"


def broken(cases: Cases, trials: Sequence[Trial], smallest: Trial) -> str:
    """The broken property in words; `smallest` is the smallest wrong case."""
    if smallest.outcome.status in STOPPED:
        return smallest.wrong
    if any(trial.wrong == OTHERWISE for trial in trials):
        return OTHERWISE
    changing = [trial for trial in trials if trial.is_changing]
    where = where_it_fails(cases, changing or [trial for trial in trials if trial.wrong], smallest)
    if smallest.is_changing:
        return f"{smallest.wrong}; {where}"
    answered = [trial for trial in trials if trial.outcome.status == "returned"]
    name = named(cases, answered) if any(trial.wrong for trial in answered) else ""
    if smallest.outcome.status != "returned":
        return f"{name}; there are cases in which {smallest.wrong}" if name else f"{smallest.wrong}; {where}"
    return name or f"{smallest.wrong}{',' if smallest.wrong.endswith(VALUES) else ';'} {where}"


def wrong_defaults(cases: Cases, failed: Sequence[Trial], smallest: Trial) -> str:
    """The wrong defaults, in words, of a function that is right where all options are given."""
    without = [left_out(cases.task, trial.case) for trial in failed]
    alone = frozenset[str]().union(*(names for names in without if len(names) == 1))
    blamed = alone if all(names & alone for names in without) else left_out(cases.task, smallest.case)
    says = " and ".join(
        f"the default of {name} is not {default}" for name, default in cases.task.options if name in blamed
    )
    return says if smallest.outcome.status == "returned" else f"{smallest.wrong}; {says}"


def where_it_fails(cases: Cases, failed: Sequence[Trial], smallest: Trial) -> str:
    """The cases that go wrong, in words; "only" if no other case that was tried is wrong."""
    least = least_sizes(cases.task)

    def departing(trial: Trial) -> frozenset[str]:
        return frozenset(name for name, value in least.items() if trial.case.sizes.get(name, value) != value)

    def words(names: frozenset[str]) -> str:
        return " and ".join(departures(cases.task, {name: values[name] for name in names}))

    values = {
        name: sorted({trial.case.sizes.get(name, value) for trial in (*failed, smallest)} - {value})
        for name, value in least.items()
    }
    needed = departing(smallest)
    if not needed:
        return "in the smallest case already"
    if all(needed <= departing(trial) for trial in failed):
        return f"only where {words(needed)}"
    alone = list(dict.fromkeys(departing(trial) for trial in failed if len(departing(trial)) == 1))
    if 0 < len(alone) <= ALTERNATIVES and all(any(one <= departing(trial) for one in alone) for trial in failed):
        return f"only where {', or '.join(map(words, alone))}"
    always = needed.intersection(*map(departing, failed))
    only = f"only where {words(always)}, and " if always else ""
    seen = departures(cases.task, {name: smallest.case.sizes[name] for name in needed - always})
    return f"{only}first seen where {' and '.join(seen)}"


def named(cases: Cases, answered: Sequence[Trial]) -> str:
    """The explanation of all wrong answers; "" if nothing known explains them."""
    telling = sorted(answered, key=lambda trial: not trial.wrong)  # where most mistakes differ
    for mistake in cases.mistakes:
        if all(_is_of(cases, mistake, trial) for trial in telling):
            return mistake.says
    for mistake in cases.mistakes:
        if mistake.in_part and _explains_where_it_can(cases, mistake, telling):
            return mistake.says
    if all(is_zero(trial.outcome.value) for trial in answered):
        return "nothing is computed: all that it returns is 0"
    return (
        _arguments(cases, answered)
        or _other_axes(cases, answered)
        or _multiple(cases, answered)
        or (EARLIER if _of_earlier_calls(cases, answered) else "")
    )


def is_zero(value: Any) -> bool:
    """True if every result is 0, apart from those that are None.

    >>> is_zero((np.zeros(2), None)), is_zero(None), is_zero(1)
    (True, False, False)
    """
    parts = [part for part in as_result(value) if part is not None]
    return bool(parts) and not any(np.any(np.asarray(part)) for part in parts)


def _is_of(cases: Cases, mistake: Mistake, trial: Trial) -> bool:
    """True if a mistake gives the same answer in this case."""
    returned, answer = as_result(trial.outcome.value), cases.answer(mistake, trial.case)
    if answer is None:
        return False
    tolerance = SINGLE if trial.case.sizes.get("mixed") else None
    if _is_rounded(cases, trial) or (trial.wrong and cases.same(trial.case, answer, trial.right)):
        return False  # a mistake that is right in this case explains nothing
    return shapes(returned) == shapes(answer) and cases.same(trial.case, returned, answer, tolerance)


def _is_rounded(cases: Cases, trial: Trial) -> bool:
    """True where only the dtype is wrong, so that an answer near the right one explains nothing."""
    returned, mixed = as_result(trial.outcome.value), bool(trial.case.sizes.get("mixed"))
    return mixed and trial.wrong.endswith(VALUES) and cases.same(trial.case, returned, trial.right, SINGLE)


def _explains_where_it_can(cases: Cases, mistake: Mistake, telling: Sequence[Trial]) -> bool:
    """True if a mistake explains several wrong answers and contradicts none."""
    explained = 0
    for trial in telling:
        if cases.answer(mistake, trial.case) is not None:
            if not _is_of(cases, mistake, trial):
                return False
            explained += bool(trial.wrong)
    return explained >= min(SEVERAL, sum(bool(trial.wrong) for trial in telling))


def _arguments(cases: Cases, answered: Sequence[Trial]) -> str:
    """True if each result is one of the arguments, unchanged, in every case."""
    found = []
    for position in range(len(cases.task.results)):
        for number, (name, _) in enumerate(cases.task.arrays):
            if all(
                len(as_result(trial.outcome.value)) == len(cases.task.results)
                and trial.given[number] is not None
                and cases.close(as_result(trial.outcome.value)[position], trial.given[number])
                for trial in answered
            ):
                found.append(name)
                break
        else:
            return ""
    return f"nothing is computed: it returns {' and '.join(found)}" if found else ""


def _other_axes(cases: Cases, answered: Sequence[Trial]) -> str:
    """True if one result has its axes in another order, the same in every case."""
    for position, (name, _) in enumerate(cases.task.results):
        pairs = [(as_result(trial.outcome.value)[position : position + 1], trial.right[position]) for trial in answered]
        if not all(found and isinstance(found[0], np.ndarray) and isinstance(due, np.ndarray) for found, due in pairs):
            continue
        axes = range(np.asarray(pairs[0][1]).ndim)
        for order in itertools.permutations(axes):
            if order != tuple(axes) and all(_transposed(cases, found[0], due, order) for found, due in pairs):
                return f"the axes of {name} are in another order: {order} of what is right"
    return ""


def _transposed(cases: Cases, found: Any, due: Any, order: tuple[int, ...]) -> bool:
    turned = due.transpose(order)
    return found.shape == turned.shape and cases.close(found, turned)


def _multiple(cases: Cases, answered: Sequence[Trial]) -> str:
    """True if a single result is always the same multiple of the right one."""
    if len(cases.task.results) != 1:
        return ""
    factor, numbers = 0.0, 0  # of the right results, other than 0
    for trial in answered:
        if not as_result(trial.outcome.value):
            return ""
        found, due = np.asarray(as_result(trial.outcome.value)[0]), np.asarray(trial.right[0], float)
        if found.shape != due.shape or found.dtype.kind not in "iuf":
            return ""
        numbers += np.count_nonzero(due)
        if factor == 0 and np.any(due):
            place = np.unravel_index(np.argmax(np.abs(due)), due.shape)
            factor = float(found[place] / due[place])
        if not cases.close(found, factor * due):
            return ""
    name, _ = cases.task.results[0]
    if numbers < 2:  # any answer is a multiple of a single number
        return ""
    if factor == -1:
        return f"{name} has the wrong sign"
    return f"{name} is always {factor:g} times what is right" if factor not in (0, 1) else ""  # 1: of another kind


def _of_earlier_calls(cases: Cases, answered: Sequence[Trial]) -> bool:
    """True if every wrong answer is the right one for an earlier case with arguments of the same shapes."""

    def given(trial: Trial) -> tuple[Any, ...]:
        return tuple(None if a is None else a.shape for a in trial.given), str(trial.case.options)

    for number, trial in enumerate(answered):
        if _is_rounded(cases, trial):
            return False
        if trial.wrong and not any(
            given(earlier) == given(trial)
            and len(as_result(trial.outcome.value)) == len(earlier.right)
            and all(map(cases.close, as_result(trial.outcome.value), earlier.right))
            for earlier in answered[:number]
        ):
            return False
    return True
