"""Defaults and dtypes: every function is tried with each option left out, and on arrays of different dtypes."""

import re

import calling
import pytest

from npconv.course.exercises import EXERCISES, Variant
from npconv.course.exercises.bugs import solution_source
from npconv.course.grading import grade_source
from npconv.course.grading.defaults import defaults_of, left_out, to_leave_out
from npconv.course.grading.judging import Judge
from npconv.course.grading.ladder import ladder
from npconv.course.grading.mixtures import mixtures_of
from npconv.course.grading.planted import OTHER_DEFAULTS, PLANTED, Planted, other_defaults, other_dtypes
from npconv.course.grading.report import Report

TASKS = [(e.name, task) for e in EXERCISES.values() if e.name != "find-the-bug" for task in e.tasks]
DEFAULTS = [mistake for exercise, task in TASKS for mistake in other_defaults(exercise, task)]
AS_GOOD = [  # they hold nothing else than dy's numbers
    (name, "the dtype of the results is dy's") for name in ("relu6_backward", "channel_shuffle_backward")
]
DTYPES = [
    mistake
    for exercise, task in TASKS
    for mistake in other_dtypes(exercise, task)
    if (task.name, mistake.says) not in AS_GOOD
]


def of_operands():
    """Each result_type in a solution, as the dtype of one of its operands alone."""
    for exercise, task in TASKS:
        source = solution_source(exercise)
        body = source[source.index(f"def {task.name}(") :].partition("\n\n\n")[0]
        for number, found in enumerate(re.finditer(r"np\.result_type\((\w+), (\w+)\)", body)):
            which = body[: found.start()].count(found[0]) + 1
            for name in found.groups():
                says = f"{found[0]} ({number}) is {name}'s dtype"
                yield Planted(says, exercise, task.name, found[0], f"{name}.dtype", which)


OPERANDS = list(of_operands())


def judge_of(mistake, seed):
    """The judge of a function with a mistake, on the cases of its task that all tests share."""
    return Judge(calling.cases_of(mistake.task, seed=seed), calling.Here(mistake.source()))


def wrong_in(mistake, size, seed=5):
    """How many of the cases that depart in that size a mistake gets wrong, and in all others whether it is right."""
    judge = judge_of(mistake, seed)
    all_of_them = list(judge.cases)
    there = [case for case in all_of_them if case.sizes.get(size)]
    elsewhere = [case for case in all_of_them if not case.sizes.get(size)][::-20]
    assert not any(judge.try_case(case).wrong for case in elsewhere)
    return sum(bool(judge.try_case(case).wrong) for case in there)


def as_id(mistake):
    return f"{mistake.function}: {mistake.says}"


@pytest.mark.parametrize("mistake", DEFAULTS, ids=as_id)
def test_another_default_is_wrong_in_several_cases(mistake):
    assert wrong_in(mistake, "defaults") >= 4


@pytest.mark.parametrize("mistake", [*DTYPES, *OPERANDS], ids=as_id)
def test_a_result_in_the_dtype_of_one_array_is_wrong(mistake):
    assert wrong_in(mistake, "mixed") >= 2


def test_the_tables_have_every_default_and_every_function_of_several_arrays():
    assert {name for _, task in TASKS for name in defaults_of(task)} == set(OTHER_DEFAULTS)
    assert {m.function for m in DTYPES} == {task.name for _, task in TASKS if len(task.arrays) > 1 and task.mixed}
    assert {(m.function, m.old.partition("=")[0]) for m in DEFAULTS} == {
        (task.name, name) for _, task in TASKS for name in defaults_of(task)
    }
    assert len(OPERANDS) >= 16
    planted = {(m.function, m.old) for m in PLANTED}
    assert {(m.function, m.old) for m in (*DEFAULTS, *DTYPES)} <= planted


@pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[task.name for _, task in TASKS])
@pytest.mark.parametrize("seed", [0, 1])
def test_options_are_left_out_together_and_alone_above_one(exercise, task, seed):
    cases = [case for case in ladder(task, seed) if case.sizes.get("defaults")]
    for names in to_leave_out(task):
        without = [case for case in cases if left_out(task, case) == set(names)]
        rich = [case for case in without if all(case.sizes[s.name] > s.least for s in task.sizes if is_free(s, names))]
        assert len(rich) >= 3, names


def is_free(size, left_out_names):
    """Whether a size counts something, and no option that is left out."""
    counted = {"stride": "stride", "depth_multiplier": "multiplier", "epsilon": "epsilon", "padding": "padding"}
    return size.paired and size.least and not any(counted[name] in size.name for name in left_out_names)


def test_each_array_is_narrow_alone_and_wide_alone():
    task = EXERCISES["standard-backward"].tasks[0]
    dtypes = {tuple(a.dtype.name for a in case.arrays.values()) for case in ladder(task, 0) if case.sizes["mixed"]}
    assert len(dtypes) == len(mixtures_of(task)) == 12
    for narrow in ("float32", "int64"):
        assert {("float64", "float64", narrow), (narrow, narrow, "float64")} <= dtypes


HEADS = {"conv2d_backward": "standard-backward", "depthwise_conv2d_backward": "depthwise"}


@pytest.mark.parametrize("function", HEADS)
def test_a_wrong_default_and_a_dtype_are_named_and_can_be_pasted(function):
    exercise = EXERCISES[HEADS[function]]
    source = solution_source(exercise.name)
    start = source.index(f"def {function}(")
    zeros = "padding=((0, 0), (0, 0))"
    wrong = source[:start] + source[start:].replace(zeros, "padding=((1, 1), (1, 1))", 1)
    verdict = calling.verdicts(wrong, exercise)[-1]
    assert (verdict.status, verdict.points) == ("wrong", 0)
    assert verdict.broken == "the default of padding is not ((0, 0), (0, 0))"
    wrong = source[:start] + source[start:].replace("np.result_type(dy, x)", "x.dtype", 1)
    report = grade_source(wrong, exercise, Variant())
    assert report.verdicts[-1].broken == "dkernel has wrong values, only where the arrays' dtypes differ"
    wrong = source[:start] + source[start:].replace("np.result_type(dy, kernel)", "x.dtype", 1)
    assert calling.verdicts(wrong, exercise)[-1].broken.endswith("only where the arrays' dtypes differ")
    text = report.as_text()
    assert "    x (1, 1, 1, 1) of int64\n" in text
    assert "    dy (1, 1, 1, 1) of float64\n" in text


def verdict_on(function_source, name):
    mistake = Planted("", next(e for e, task in TASKS if task.name == name), name, f"def {name}(", function_source)
    return judge_of(mistake, 3).verdict()


def test_without_a_default_there_is_an_error_and_the_default_is_told():
    source = solution_source("standard-taps").replace("stride=(1, 1)", "stride")
    (verdict,) = calling.verdicts(source, EXERCISES["standard-taps"])
    assert verdict.broken.startswith("it raises TypeError: conv2d_taps() missing 1 required keyword-only argument")
    assert verdict.broken.endswith("; the default of stride is not (1, 1)")


def test_two_wrong_defaults_are_both_told():
    source = solution_source("standard-taps")
    source = source.replace("stride=(1, 1)", "stride=(2, 1)").replace("((0, 0), (0, 0))):", "((1, 1), (0, 0))):")
    (verdict,) = calling.verdicts(source, EXERCISES["standard-taps"])
    says = "the default of stride is not (1, 1) and the default of padding is not ((0, 0), (0, 0))"
    assert verdict.broken == says


IN_FLOAT32 = """def _in_float32(function):
    def in_float32(*arrays, **options):
        return function(*(a.astype(np.float32) for a in arrays), **options)
    return in_float32


@_in_float32
"""


@pytest.mark.parametrize("name", ["conv2d_taps", "conv2d_backward", "depthwise_conv2d", "pointwise_conv2d_backward"])
def test_what_is_computed_in_float32_throughout_is_accepted(name):
    verdict = verdict_on(f"{IN_FLOAT32}def {name}(", name)
    assert (verdict.status, verdict.broken) == ("right", "")


FORGETFUL = "    kernel = np.ndarray(kernel.shape, kernel.dtype, kernel.tobytes(order='A'))\n    return "


def test_a_function_that_takes_the_memorys_order_for_granted_is_told_so():
    source = solution_source("pointwise").replace("    return ", FORGETFUL, 1)
    verdict = calling.verdicts(source, EXERCISES["pointwise"])[0]
    assert verdict.broken.startswith("y has wrong values, only where")
    assert verdict.broken.endswith("and the arrays are in Fortran's order")
    report = Report("a.py", EXERCISES["pointwise"], Variant(), (verdict,)).as_text()
    assert 'order="F")' in " ".join(report.split())


MANY = {
    "conv2d_taps": ("    return y", "    {}\n    return y", ["y[64:] = 0", "y[:, 64:] = 0", "y[..., 64:] = 0"]),
    "conv2d_cost": ("    return", "    {}\n    return", ["batch = min(batch, 64)", "filters = min(filters, 1023)"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, (_, _, whats) in MANY.items() for what in whats])
def test_what_is_wrong_only_beyond_64_is_wrong(name, what):
    exercise = next(e for e, task in TASKS if task.name == name)
    old, new, _ = MANY[name]
    mistake = Planted(what, exercise, name, old, new.format(what))
    judge = judge_of(mistake, 1)
    assert any(judge.try_case(case).wrong for case in judge.cases)


def test_a_cost_is_beyond_32_bits_and_its_shapes_take_no_memory():
    for task in EXERCISES["costs"].tasks[:2]:
        assert max(task.reference(case, Variant())[0] for case in ladder(task, 0)) > 2**34


def test_what_all_wrong_cases_have_in_common_is_told_where_the_smallest_needs_more():
    old = "np.zeros((padded.shape[0], height, width, kernel.shape[2]))"
    source = solution_source("inverted-residual").replace(old, f"{old[:-1]}, padded.dtype)")
    for verdict in calling.verdicts(source, EXERCISES["inverted-residual"]):
        assert "wrong values, only where the arrays' dtypes differ" in verdict.broken
