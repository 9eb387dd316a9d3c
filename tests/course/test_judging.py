"""The judge: what is right passes; what is wrong is named, and shown in the smallest case that it does wrong."""

import ast
import functools
import itertools
import json

import calling
import numpy as np
import pytest

import npconv
from npconv import segmentation
from npconv.course.exercises import EXERCISES, Variant, mistakes as wrong, variant_from
from npconv.course.exercises.exercise import Case
from npconv.course.grading.comparing import as_result, is_whole
from npconv.course.grading.ladder import ladder, sizes_of
from npconv.course.grading.report import Report, variant_text
from npconv.course.grading.trial import Verdict

LOOPS = EXERCISES["standard-loops"].tasks[0]
GRADIENTS = EXERCISES["standard-backward"].tasks[0]


def verdict(task, function, variant=calling.PLAIN, seed=0) -> Verdict:
    """The verdict on a function, which need not have defaults."""
    defaults = {name: ast.literal_eval(default) for name, default in task.options if default}
    return calling.verdict(task, functools.partial(function, **defaults), variant, seed)


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


ROWS, COLUMNS = "the filter has 2 or 3 rows", "the filter has 2 or 3 columns"
WRONG = {
    "the stride is ignored": lambda x, k, stride, padding: npconv.conv2d(x, k, padding=padding),
    "the strides of height and width are swapped": lambda x, k, stride, padding: right(
        x, k, stride=stride[::-1], padding=padding
    ),
    "the kernel is flipped": lambda x, k, stride, padding: right(x, k[::-1, ::-1], stride=stride, padding=padding),
    "nothing is computed: all that it returns is 0": lambda x, k, stride, padding: np.zeros((1, 1, 1, 1)),
    "y has wrong values, only where the batch has 2 or 3 images": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding) + (len(x) > 1)
    ),
    "y has wrong values, only where the numbers are not whole, or the arrays' dtypes differ": lambda x, k, **options: (
        right(x.astype(int), k, **options)
    ),
    f"y has wrong values, only where {COLUMNS} and there are 2 or 3 filters": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding) + (k.shape[1] > 1 and k.shape[3] > 1)
    ),
    f"y has wrong values, only where {ROWS}, or {COLUMNS}, or the input has 2 or 3 channels": lambda x, k, **options: (
        right(x, k, **options) + (k[..., 0].size > 1)
    ),
    "y has wrong values, first seen where the batch has 2 images": lambda x, k, stride, padding: (
        right(x, k, stride=stride, padding=padding) + (len(x) + max(k.shape) + max(stride) > 3)
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


@functools.cache
def verdict_on(broken):
    return verdict(LOOPS, WRONG[broken])


@pytest.mark.parametrize("broken", WRONG)
def test_what_is_broken_is_said(broken):
    found = verdict_on(broken)
    said = found.broken.replace("2, 3 or 4", "2 or 3").replace("first seen where the numbers", "only where the numbers")
    assert (found.status, found.points, said) == ("wrong", 0, broken)
    assert found.passed < found.tried


@pytest.mark.parametrize("broken", [says for says in WRONG if "numbers are not whole" not in says])
def test_the_smallest_case_is_small_whole_and_wrong(broken):
    trial = verdict_on(broken).smallest
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
    assert "the input has 2 or 3 channels" in found.broken
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


def test_a_case_of_fewer_classes_has_no_label_beyond_them():
    def function(truth, predicted, classes):
        wrong = (classes, truth.shape[2]) in ((4, 3), (3, 2))  # one of the two cannot become less alone
        return segmentation.confusion_matrix(truth, predicted, classes) + wrong

    task = EXERCISES["segmentation-measures"].tasks[0]
    found = verdict(task, function)
    assert (found.status, found.smallest.wrong) == ("wrong", "matrix has wrong values")
    assert task.fits(found.smallest.case)


@pytest.mark.parametrize("kept", [(), (1,), (np.int64(0), np.int64(1))])
def test_a_list_of_indices_is_no_array(kept):
    (task,) = EXERCISES["suppression"].tasks
    found = verdict(task, lambda boxes, scores, threshold: kept)
    assert found.broken.startswith("it returns a list or a tuple, where an array (1,) is due: is np.array missing?")


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
    says = "stride and padding are taken with the height first, where the docstring has the width first"
    assert (found.status, found.broken) == ("wrong", says)
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
    found = verdict_on("the kernel is flipped")
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
    for pair in itertools.combinations([size.name for size in task.sizes if size.paired], 2):
        assert set(pair) in departed
    assert any(len(names) > len(task.sizes) // 2 for names in departed)
    for first, second in itertools.pairwise([size for size in sizes_of(task) if size.paired]):
        for value in set(first.others) & set(second.others):
            alike = {size.name: size.least for size in sizes_of(task)} | {first.name: value, second.name: value}
            assert any(dict(case.sizes) in (alike, alike | {"quarters": 0}) for case in cases)


def test_a_case_in_which_a_mistake_has_no_answer_does_not_hide_it():
    def function(x, kernel, *, stride, padding):  # of no padding where that can be
        fits = x.shape[1] >= kernel.shape[0] and x.shape[2] >= kernel.shape[1]
        return right(x, kernel, stride=stride, padding=((0, 0), (0, 0))) if fits else np.zeros((1, 1, 1, 1))

    assert verdict(LOOPS, function).broken == "the padding is ignored"


def test_a_mistake_that_explains_a_few_answers_by_chance_is_not_named():
    def function(x, kernel, *, stride, padding):
        y = right(x, kernel, stride=stride, padding=padding)
        return y if kernel.shape[:2] == (1, 1) else y + 1

    assert "has wrong values" in verdict(LOOPS, function).broken


PADDINGS = {
    "the top's padding is taken for the bottom's": lambda p: ((p[0][0], p[0][0]), p[1]),
    "the left's padding is taken for the right's": lambda p: (p[0], (p[1][0], p[1][0])),
    "the padding in front is put on both sides": lambda p: tuple((a, a) for a, _ in p),
    "the padding along the width is ignored": lambda p: (p[0], (0, 0)),
}


@pytest.mark.parametrize("says", PADDINGS)
def test_a_side_of_the_padding_that_is_taken_for_another_is_named(says):
    def function(x, kernel, *, stride, padding):
        return right(x, kernel, stride=stride, padding=PADDINGS[says](padding))

    assert verdict(LOOPS, function).broken == says


def test_taps_that_are_cut_out_with_another_stride_are_named():
    def function(x, kernel, *, stride, padding):
        height, width = right(x, kernel, stride=stride, padding=padding).shape[1:3]
        padded = np.pad(x, ((0, 0), *padding, (0, 0)))
        y = np.zeros((len(x), height, width, kernel.shape[3]))
        for i, j in np.ndindex(*kernel.shape[:2]):
            y += padded[:, i : i + height, j : j + width] @ kernel[i, j]
        return y

    assert verdict(LOOPS, function).broken == "the stride is ignored, where the taps are cut out"


def test_a_map_that_is_mirrored_at_its_edge_is_named():
    def function(x, kernel, *, stride, padding):
        return right(
            np.pad(x, ((0, 0), *padding, (0, 0)), mode="reflect"), kernel, stride=stride, padding=((0, 0),) * 2
        )

    says = "the map is mirrored around its edge, by numpy's mode reflect"
    assert verdict(LOOPS, function, Variant(1, padding="nearest")).broken == says


def test_a_changed_argument_is_told_where_the_values_are_wrong_too():
    def function(dy, x, kernel, *, stride, padding):
        dy *= 2
        return npconv.conv2d_backward(dy, x, kernel, stride=stride, padding=padding)

    found = verdict(GRADIENTS, function)
    assert found.broken == "the argument dy is changed and dx has wrong values; in the smallest case already"
    assert found.smallest.case.sizes["batch"] == 1


def test_in_a_variant_of_turned_kernels_their_orientation_is_told_the_right_way_round():
    variant = Variant(1, kernel="turned")

    def applied(turn):
        return lambda x, kernel, stride, padding: right(x, turn(kernel), stride=stride, padding=padding)

    for turn, says in (
        (lambda kernel: kernel, wrong.AS_IT_IS),
        (lambda kernel: kernel[::-1], "the kernel is not turned left to right, only upside down"),
        (lambda kernel: kernel[:, ::-1], "the kernel is not turned upside down, only left to right"),
    ):
        assert verdict(LOOPS, applied(turn), variant).broken == says
    assert verdict(LOOPS, applied(lambda kernel: kernel[::-1, ::-1]), variant).status == "right"

    def gradients(dy, x, kernel, *, stride, padding):
        return npconv.conv2d_backward(dy, x, kernel[::-1, ::-1], stride=stride, padding=padding)

    assert verdict(GRADIENTS, gradients, variant).broken == "dkernel is not turned back"


def test_a_wrong_answer_that_is_right_the_next_time_is_no_matter_of_the_case():
    calls = []

    def function(x, kernel, *, stride, padding):
        calls.append(1)
        return right(x, kernel, stride=stride, padding=padding) + (len(calls) % 50 == 0)

    assert "keeps something between calls" in verdict(LOOPS, function).broken


def test_a_mistake_in_the_numbers_is_shown_with_one_weight_where_that_is_enough():
    task = EXERCISES["separable"].tasks[0]

    def function(x, depthwise, pointwise, *, stride, padding):
        between = npconv.depthwise_conv2d(x, depthwise, stride=stride, padding=padding)
        return npconv.pointwise_conv2d(np.maximum(between, 0), pointwise)

    found = verdict(task, function)
    assert found.broken == "ReLU stands between the two convolutions, where nothing does"
    assert [a.size for a in found.smallest.given] == [1, 1, 1]


BLOCK = EXERCISES["inverted-residual"].tasks[1]


def making(task, says, variant=calling.PLAIN):
    """The function that makes the mistake of this name, in a variant's layout."""
    (mistake,) = (mistake for mistake in wrong.mistakes_of(task, variant) if mistake.says.startswith(says))
    sizes = {size.name: size.least for size in sizes_of(task)}

    def function(*arrays, **options):
        given = zip(task.arrays, arrays, strict=True)
        ours = {name: None if a is None else variant.ours(kind, a) for (name, kind), a in given}
        case = Case(ours, variant.our_options(options), sizes)
        results = zip(task.results, mistake.answer(case, variant, task.reference), strict=True)
        theirs = [variant.theirs(kind, a) if isinstance(a, np.ndarray) else a for (_, kind), a in results]
        return tuple(theirs) if len(theirs) > 1 else theirs[0]

    return function


def test_a_case_with_several_channels_is_cut_to_one_that_is_wrong_too():
    says = "the depthwise convolution's ReLU6 has the derivative 1 at 0 and at 6"
    found = verdict(BLOCK, making(BLOCK, says))
    assert found.broken == says
    assert [a.size for a in found.smallest.given] == [1] * 5
    assert is_whole(as_result(found.smallest.outcome.value))


def test_relus_derivative_for_relu6s_is_named():
    says = "ReLU's derivative stands for ReLU6's after the depthwise convolution"
    assert verdict(BLOCK, making(BLOCK, says), seed=1).broken == says  # of seed 0 the mask may be left out as well


def test_as_many_additions_as_products_are_named():
    def function(*, x_shape, kernel_shape, stride, padding):
        cost = npconv.cost.conv2d_cost(x_shape, kernel_shape, stride=stride, padding=padding)
        return 2 * cost.macs

    found = verdict(EXERCISES["costs"].tasks[0], function, Variant(1, count="flops"))
    assert found.broken == "n additions are counted for a sum of n products, where n − 1 are right"


def test_activations_are_shown_as_grids():
    task = EXERCISES["activations"].tasks[0]
    found = verdict(task, lambda x: x)
    assert "x[0, :, :, 0] = [[" in Report("a.py", EXERCISES["activations"], Variant(), (found,)).as_text()


def test_a_value_that_is_missing_is_worked_by_hand_and_none_where_all_are_right():
    def first_column(x, kernel, *, stride, padding):
        return right(x, kernel, stride=stride, padding=padding)[:, :, :1]

    def one_more_column(x, kernel, *, stride, padding):
        y = right(x, kernel, stride=stride, padding=padding)
        return np.concatenate([y, y[:, :, -1:]], axis=2)

    texts = [
        Report("a.py", EXERCISES["standard-loops"], Variant(), (verdict(LOOPS, function),)).as_text()
        for function in (first_column, one_more_column)
    ]
    assert "by hand: y[0,0,1,0] = " in texts[0]
    assert "by hand" not in texts[1]
