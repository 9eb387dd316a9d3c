"""The counter-examples: no number that could be 1 or 0 whatever is wrong, and formulas in the variant's layout."""

import functools
import re
from dataclasses import replace
from pathlib import Path

import calling
import numpy as np
import pytest

from npconv.course.exercises import EXERCISES, Variant
from npconv.course.exercises.bugs import solution_source
from npconv.course.exercises.variants import OPTIONS
from npconv.course.grading.judging import Judge
from npconv.course.grading.report import Report
from npconv.course.grading.trial import Verdict

TASKS = {
    task.name: (exercise, task)
    for exercise in EXERCISES.values()
    for task in exercise.tasks
    if exercise.name != "find-the-bug"
}


def solution(name):
    namespace = {}
    exec(solution_source(TASKS[name][0].name), namespace)
    return namespace[name]


def raising(right, *arrays, **options):
    raise IndexError("there is no such place")


def raising_sometimes(right, *arrays, **options):
    if max(np.max(a, initial=0) for a in arrays) > 2:
        raise OverflowError("too large")
    return right(*arrays, **options)


def in_another_shape(right, *arrays, **options):
    found = right(*arrays, **options)
    return tuple(a[None] for a in found) if isinstance(found, tuple) else np.asarray(found)[None]


def in_another_shape_sometimes(right, *arrays, **options):
    wrong = max(np.max(a, initial=0) for a in arrays) > 2
    return in_another_shape(right, *arrays, **options) if wrong else right(*arrays, **options)


def of_another_kind(right, *arrays, **options):
    return {"y": right(*arrays, **options)}


def changing(right, *arrays, **options):
    found = right(*arrays, **options)
    arrays[-1][...] = 7
    return found


def doubled(right, *arrays, **options):
    found = right(*arrays, **options)
    return tuple(2 * a for a in found) if isinstance(found, tuple) else 2 * np.asarray(found)


def doubled_sometimes(right, *arrays, **options):
    wrong = max(np.max(a, initial=0) for a in arrays) > 2
    return doubled(right, *arrays, **options) if wrong else right(*arrays, **options)


STUDENTS = {
    "raised": (raising, raising_sometimes),
    "another shape": (in_another_shape, in_another_shape_sometimes),
    "unreadable": (of_another_kind,),
    "changed": (changing,),
    "values": (doubled, doubled_sometimes),
}
NAMES = (
    "conv2d_loops",
    "conv2d_backward",
    "relu6_backward",
    "iou",
    "non_maximum_suppression",
    "confusion_matrix",
    "pixel_cross_entropy_backward",
)


def kind_of(trial):
    """In which of the ways a trial is wrong."""
    if not trial.wrong:
        return ""
    if trial.outcome.status == "raised":
        return trial.outcome.message.partition(":")[0]
    how = "changed" if trial.is_changing else "values" if trial.wrong.endswith("wrong values") else "another shape"
    return how if trial.outcome.status == "returned" else trial.outcome.status


@pytest.mark.parametrize(("kind", "how"), [(kind, how) for kind in STUDENTS for how in STUDENTS[kind]])
@pytest.mark.parametrize("name", NAMES)
def test_each_number_other_than_0_and_1_is_needed_whatever_is_wrong(name, kind, how):
    task, student = TASKS[name][1], functools.partial(how, solution(name))
    judge = Judge(calling.cases_of(task), calling.Here(**{name: student}))
    trial = judge.verdict().smallest
    found = kind_of(trial)
    assert found == {raising: "IndexError", raising_sometimes: "OverflowError"}.get(how, kind)
    for array, a in trial.case.arrays.items():
        for index in (index for index in np.ndindex(*a.shape) if a[index] not in (0, 1)):
            for value in (0, 1):
                simpler = np.array(a)
                simpler[index] = value
                case = replace(trial.case, arrays={**trial.case.arrays, array: simpler})
                if task.fits(case):
                    assert kind_of(judge.try_case(case)) != found, (array, index, value)
    if not how.__name__.endswith("sometimes") and kind != "values":  # the numbers do not matter
        assert all(np.isin(a, (0, 1)).all() for a in trial.case.arrays.values())


def test_numbers_are_no_simpler_than_the_fault_that_was_found_needs():
    """Where they are 0 and 1 alone there is another fault."""
    (task,), right = EXERCISES["standard-loops"].tasks, solution("conv2d_loops")

    def simple(arrays):
        return all(np.isin(a, (0, 1)).all() for a in arrays)

    def raising_another(*arrays, **options):
        if simple(arrays):
            raise LookupError("not there")
        return raising_sometimes(right, *arrays, **options)

    def doubled_there(*arrays, **options):
        how = doubled if simple(arrays) else in_another_shape_sometimes
        return how(right, *arrays, **options)

    for function, kind in ((raising_another, "OverflowError"), (doubled_there, "another shape")):
        found = calling.verdict(task, function).smallest
        assert kind_of(found) == kind
        assert not simple(found.given)


def test_a_case_that_is_wrong_whatever_its_numbers_are_has_ones():
    (task,) = EXERCISES["standard-loops"].tasks
    found = calling.verdict(task, functools.partial(in_another_shape, solution("conv2d_loops")))
    assert [a.ravel().tolist() for a in found.smallest.given] == [[1], [1]]


EXPLAINED = [(exercise, task) for exercise, task in TASKS.values() if task.explained]


@pytest.mark.parametrize(("exercise", "task"), EXPLAINED, ids=[task.name for _, task in EXPLAINED])
def test_a_value_is_worked_by_hand_in_the_variants_layout(exercise, task):
    every = {choice: OPTIONS[choice][-1] for choice in exercise.choices}
    cases = list(calling.cases_of(task))[-1:-60:-7]
    for changed in ({}, *({choice: option} for choice, option in every.items()), every):
        variant = Variant(1, **changed)
        judge = Judge(calling.cases_of(task, variant), calling.Here(**{task.name: lambda *_, **o: None}))
        case = min(cases, key=lambda case: sum(a.size for a in case.arrays.values()))
        right = judge.try_case(case).right
        for position, due in enumerate(right):
            wrong = [np.array(part) for part in right]
            at = np.unravel_index(due.size * 2 // 3, due.shape)
            wrong[position][at] += 1
            outcome = replace(judge.try_case(case).outcome, status="returned", value=tuple(wrong))
            trial = replace(judge.try_case(case), outcome=outcome, wrong="wrong values")
            verdict = Verdict(task, "wrong", "it is wrong", trial)
            formula, worked = Report("a.py", exercise, variant, (verdict,))._by_hand(verdict, trial)
            name, index = re.match(r"(\w+)\[([\d,]+)\] = ", formula).groups()
            assert name.replace("dk", "dkernel") == task.results[position][0].replace("dkernelernel", "dkernel")
            assert tuple(map(int, index.split(","))) == tuple(int(i) for i in at)
            value = eval(worked.split(" = ")[-1])
            assert value == due[at], (changed, formula, worked)
            given = {
                "k" if name == "kernel" else name: a for (name, _), a in zip(task.arrays, trial.given, strict=True)
            }
            numbers = re.sub(r"(\w+)(\[[\d,]+\])", r"given['\1']\2", formula.partition(" = ")[2])
            assert np.isclose(eval(numbers.replace("·", "*"), {"given": given}), due[at], rtol=1e-12), (
                changed,
                formula,
            )


def test_the_page_shows_a_counter_example_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "exercises.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(standard_taps\.py: .*?)\n```", page, re.DOTALL)[1]
    right = solution("conv2d_taps")
    exercise, task = TASKS["conv2d_taps"]

    def function(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
        return right(x, kernel, stride=(stride[0], stride[0]), padding=padding)

    found = calling.verdict(task, function)
    assert Report("standard_taps.py", exercise, Variant(), (found,)).as_text() == block


def test_a_single_answer_is_not_called_a_multiple_of_what_is_right():
    (task,), known = EXERCISES["standard-taps"].tasks, []

    def only_the_first(x, kernel, **options):
        known[:] = known or [x.tobytes(), kernel.tobytes()]
        if known != [x.tobytes(), kernel.tobytes()]:
            raise ValueError("no more")
        return np.ones((1, 1, 1, 1))

    found = calling.verdict(task, only_the_first)
    assert found.broken == "y has wrong values, in the smallest case already"


def test_a_result_too_many_is_shown():
    exercise, task = TASKS["conv2d_taps"]
    found = calling.verdict(task, lambda x, kernel, **options: (0 * x, kernel))
    returned = Report("a.py", exercise, Variant(), (found,)).as_text().partition("  returned\n")[2]
    assert "    another (1, 1, 1, 1)\n      another = [[[[1]]]]\n  right is" in returned
