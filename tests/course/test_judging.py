"""The judge: what is right passes; what is wrong is named, and shown in the smallest case that it does wrong."""

import itertools
import json

import numpy as np
import pytest

import npconv
from npconv.course.exercises import EXERCISES, Variant, variant_from
from npconv.course.exercises import mistakes as wrong
from npconv.course.grading.cases import Cases
from npconv.course.grading.judging import Judge
from npconv.course.grading.ladder import ladder, sizes_of
from npconv.course.grading.process import Outcome
from npconv.course.grading.report import Report, variant_text
from npconv.course.grading.trial import Verdict

LOOPS = EXERCISES["standard-loops"].tasks[0]
GRADIENTS = EXERCISES["standard-backward"].tasks[0]


class Local:
    """Calls a function here, as a submission's process does there."""

    def __init__(self, function):
        self.function = function

    def call(self, name, arrays, options, *, deadline=None):
        arrays = tuple(None if a is None else a.copy() for a in arrays)
        try:
            return Outcome("returned", self.function(*arrays, **options), arrays)
        except Exception as error:
            return Outcome("raised", message=f"{type(error).__name__}: {error}", arguments=arrays)


def verdict(task, function, variant=None, seed=0) -> Verdict:
    return Judge(Cases(task, variant or Variant(), seed), Local(function)).verdict()


def right(x, kernel, *, stride, padding):
    return npconv.conv2d(x, kernel, stride=stride, padding=padding)


@pytest.mark.parametrize(("seed", "dtype"), [(0, float), (1, np.float32), (2, np.int64)])
def test_a_right_function_is_right_whatever_the_dtype_of_whole_numbers(seed, dtype):
    def function(x, kernel, *, stride, padding):
        y = right(x, kernel, stride=stride, padding=padding)
        return y.astype(dtype) if np.all(y % 1 == 0) else y

    found = verdict(LOOPS, function, seed=seed)
    assert (found.status, found.points, found.passed) == ("right", 4, found.tried)
    assert found.tried > 150


WRONG = {
    "the stride is ignored": lambda x, k, stride, padding: npconv.conv2d(x, k, padding=padding),
    "the strides of height and width are swapped": lambda x, k, stride, padding: right(
        x, k, stride=stride[::-1], padding=padding
    ),
    "the kernel is flipped": lambda x, k, stride, padding: right(x, k[::-1, ::-1], stride=stride, padding=padding),
    "nothing is computed: all that it returns is 0": lambda x, k, stride, padding: np.zeros((1, 1, 1, 1)),
    "y has wrong values, only where the batch has 2 images": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding) + (len(x) > 1)
    ),
    "y has wrong values, only where the numbers are not whole": lambda x, k, stride, padding: right(
        x.astype(int), k, stride=stride, padding=padding
    ),
    "y has wrong values, only where the filter has 2 columns and there are 2 filters": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding) + (k.shape[1] > 1 and k.shape[3] > 1)
    ),
    "it returns a tuple of 2, where y is due; in the smallest case already": lambda x, k, stride, padding: (0 * x, k),
    "y holds complex128, where real numbers are due; in the smallest case already": lambda x, k, stride, padding: right(
        x + 0j, k, stride=stride, padding=padding
    ),
    "y has the shape (1,), where (1, 1, 1, 1) is right; in the smallest case already": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding).ravel()
    ),
    "y is a float, where an array (1, 1, 1, 1) is due; in the smallest case already": lambda x, k, **_: 1.0,
    "y is None, where an array (1, 1, 1, 1) is due: is there a return?; in the smallest case already": lambda *_, **o: (
        None
    ),
}


@pytest.mark.parametrize("broken", WRONG)
def test_what_is_broken_is_said(broken):
    found = verdict(LOOPS, WRONG[broken])
    assert (found.status, found.points, found.broken) == ("wrong", 0, broken)
    assert found.passed < found.tried


@pytest.mark.parametrize("broken", [says for says in WRONG if "numbers are not whole" not in says])
def test_the_smallest_case_is_small_whole_and_wrong(broken):
    trial = verdict(LOOPS, WRONG[broken]).smallest
    x, kernel = trial.given
    assert x.size <= 6
    assert kernel.size <= 4
    assert all(np.all(a % 1 == 0) for a in (x, kernel, *trial.right))
    assert trial.wrong
    if trial.wrong == "y has wrong values":  # then no number of it is more than it need be
        assert max(np.abs(x).max(), np.abs(kernel).max()) <= 1
        assert not np.array_equal(trial.outcome.value, trial.right[0])


def test_a_nan_is_no_right_answer():
    found = verdict(LOOPS, lambda x, k, stride, padding: right(x, k, stride=stride, padding=padding) * np.nan)
    assert found.status == "wrong"


def test_what_raises_is_wrong_with_its_error_in_the_smallest_case():
    def function(x, kernel, *, stride, padding):
        if kernel.shape[1] == 3 and x.shape[3] > 1:
            raise IndexError("out of range")
        return right(x, kernel, stride=stride, padding=padding)

    found = verdict(LOOPS, function)
    assert found.broken.startswith("it raises IndexError: out of range; only where")
    assert "the filter has 3 columns" in found.broken
    assert "the input has 2 channels" in found.broken
    assert found.broken.count(" is ") + found.broken.count(" has ") == 2


def test_what_is_not_written_yet_is_missing():
    def function(x, kernel, *, stride, padding):
        raise NotImplementedError

    assert verdict(LOOPS, function).status == "missing"


def test_what_is_written_in_part_is_wrong():
    def function(x, kernel, *, stride, padding):
        if stride != (1, 1):
            raise NotImplementedError
        return right(x, kernel, stride=stride, padding=padding)

    found = verdict(LOOPS, function)
    assert (found.status, found.points) == ("wrong", 0)
    assert found.broken.startswith("it raises NotImplementedError")


def test_a_float_is_no_exact_fraction_even_where_it_is_as_large():
    task = EXERCISES["costs"].tasks[2]
    found = verdict(task, lambda kernel_size, out_channels, depth_multiplier: float(depth_multiplier) * 2)
    assert found.broken.startswith("ratio is a float, 2.0, where an exact fractions.Fraction is due")


def test_a_changed_argument_is_wrong_even_if_the_values_are_right():
    def function(x, kernel, *, stride, padding):
        y = right(x, kernel, stride=stride, padding=padding)
        kernel[...] = 0
        return y

    found = verdict(LOOPS, function)
    assert (found.status, found.broken) == ("wrong", "the argument kernel is changed; in the smallest case already")


def test_what_answers_otherwise_the_second_time_is_wrong():
    calls = []

    def function(x, kernel, *, stride, padding):
        calls.append(1)
        return right(x, kernel, stride=stride, padding=padding) + (len(calls) == tried)

    tried = verdict(LOOPS, right).tried  # the last of them is the first again
    found = verdict(LOOPS, function)
    assert found.status == "wrong"
    assert "keeps something between calls" in found.broken


def test_gradients_that_are_not_of_the_whole_batch_are_wrong():
    def function(dy, x, kernel, *, stride, padding):
        dx, _ = npconv.conv2d_backward(dy, x, kernel, stride=stride, padding=padding)
        return dx, npconv.conv2d_backward(dy[-1:], x[-1:], kernel, stride=stride, padding=padding)[1]

    found = verdict(GRADIENTS, function)
    assert found.status == "wrong"
    assert found.smallest.wrong == "dkernel has wrong values"
    assert found.smallest.case.sizes["batch"] == 2
    assert verdict(GRADIENTS, npconv.conv2d_backward).status == "right"


@pytest.mark.parametrize("seed", range(6))
def test_a_plain_solution_is_no_answer_to_a_variant(seed):
    exercise = EXERCISES["standard-loops"]
    found = verdict(LOOPS, right, variant_from(exercise.choices, seed, exercise.name))
    assert (found.status, found.points) == ("wrong", 0)


def test_a_true_convolution_with_circular_padding_answers_its_variant():
    def function(x, kernel, *, stride, padding):
        (top, bottom), (left, right_) = padding
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right_)), mode="wrap")
        turned = kernel[:, :, ::-1, ::-1]
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))
        windows = windows[:, :, :: stride[0], :: stride[1]]
        return np.einsum("bmvwij,nmij->bnvw", windows, turned)

    variant = Variant(1, channels="first", filters="first", kernel="turned", padding="circular")
    assert verdict(LOOPS, function, variant).status == "right"
    assert verdict(LOOPS, function, Variant(1, channels="first", filters="first", kernel="turned")).status == "wrong"
    assert verdict(LOOPS, function, Variant(1, channels="first", filters="first", padding="circular")).status == "wrong"


def test_the_report_has_the_arguments_as_the_student_got_them():
    variant = Variant(9, channels="batch last", filters="first", order="width first")
    seen = []

    def function(x, kernel, *, stride, padding):  # of an order that is not the variant's
        seen.append(padding)
        (top, bottom), (left, right_) = padding
        padded = np.pad(x, ((top, bottom), (left, right_), (0, 0), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(0, 1))
        return np.einsum("vwmbij,nmij->vwnb", windows[:: stride[0], :: stride[1]], kernel)

    found = verdict(LOOPS, function, variant)
    assert (found.status, found.broken) == ("wrong", wrong.ORDER_MISTAKE.says)
    report = Report("mine.py", EXERCISES["standard-loops"], variant, (found,))
    options = found.smallest.case.options
    turned = {name: value[::-1] for name, value in options.items()}
    assert turned != options
    assert turned["padding"] in seen
    text, example = report.as_text(), report.as_json()["functions"][0]["counter_example"]
    assert f"    stride = {turned['stride']!r}\n    padding = {turned['padding']!r}\n" in text
    assert f"stride={turned['stride']!r}, padding={turned['padding']!r})" in " ".join(text.split())  # wrapped
    assert "x[:, :, 0, 0] = " in text
    assert "kernel[0, 0, :, :] = " in text
    assert example["options"] == json.loads(json.dumps(turned))


def test_a_variant_that_changes_nothing_is_said_without_brackets():
    assert variant_text(Variant(3)) == "variant 3"


def test_verdicts_are_the_same_each_time():
    def function(x, kernel, *, stride, padding):
        return right(x, kernel, stride=stride, padding=padding) * (x.shape[1] < 4)

    reports = [
        Report("a.py", EXERCISES["standard-loops"], Variant(), (verdict(LOOPS, function, seed=3),)) for _ in range(2)
    ]
    assert reports[0].as_text() == reports[1].as_text()
    assert json.dumps(reports[0].as_json()) == json.dumps(reports[1].as_json())


def test_the_report_shows_the_case_and_how_it_is_worked_by_hand():
    exercise = EXERCISES["standard-loops"]
    found = verdict(LOOPS, WRONG["the kernel is flipped"])
    text = Report("mine.py", exercise, Variant(), (found,)).as_text()
    for part in (
        "mine.py: standard-loops, no variant",
        "0 of 4",
        "conv2d_loops: the kernel is flipped",
        "x (1, 2, 1, 1)",
        "by hand: y[0,0,0,0] = x[0,0,0,0]·k[0,0,0,0] + x[0,1,0,0]·k[1,0,0,0]",
        "the call: conv2d_loops(np.array([[[[0.0]], [[1.0]]]]), np.array([[[[0.0]]], [[[1.0]]]]), stride=(1, 1), "
        "padding=((0, 0), (0, 0)))",
    ):
        assert " ".join(part.split()) in " ".join(text.split())
    data = json.loads(json.dumps(Report("mine.py", exercise, Variant(), (found,)).as_json()))
    assert (data["points"], data["out_of"], data["right"]) == (0, 4, False)
    example = data["functions"][0]["counter_example"]
    x, kernel = (np.array(example["arguments"][name]) for name in ("x", "kernel"))
    assert np.array_equal(npconv.conv2d(x, kernel), example["right"][0])
    assert not np.array_equal(example["returned"], example["right"][0])


@pytest.mark.parametrize("task", [task for e in EXERCISES.values() for task in e.tasks], ids=lambda task: task.name)
def test_the_ladder_departs_in_every_size_alone_and_in_pairs(task):
    cases = list(ladder(task, seed=0))
    departed = [{s.name for s in sizes_of(task) if case.sizes[s.name] != s.least} for case in cases]
    assert departed[0] == set()
    for size in sizes_of(task):
        assert {size.name} in departed
    for pair in itertools.combinations([size.name for size in task.sizes], 2):
        assert set(pair) in departed
    assert any(len(names) > len(task.sizes) // 2 for names in departed)
    for first, second in itertools.pairwise(sizes_of(task)):
        for value in set(first.others) & set(second.others):
            alike = {size.name: size.least for size in sizes_of(task)} | {first.name: value, second.name: value}
            assert any(dict(case.sizes) in (alike, alike | {"quarters": 0}) for case in ladder(task, seed=0))
