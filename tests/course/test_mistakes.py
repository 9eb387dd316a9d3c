"""The mistakes known by name: what is said of a variant is the variant's, and the mistakes made most have a name."""

import ast
import itertools
import re
from fractions import Fraction
from functools import partial

import calling
import numpy as np
import pytest

import npconv
import npconv.detection
from npconv.course.exercises import EXERCISES, Variant
from npconv.course.exercises.bugs import solution_source
from npconv.course.exercises.mistakes import DOES, choices_of, mistakes_of
from npconv.course.exercises.variants import OPTIONS, WORDS
from npconv.course.grading.cases import Cases
from npconv.course.grading.judging import Judge
from npconv.course.grading.process import Outcome
from npconv.course.grading.report import Report

TASKS = [
    (exercise, task) for exercise in EXERCISES.values() if exercise.name != "find-the-bug" for task in exercise.tasks
]
by_task = pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[task.name for _, task in TASKS])


def variants_of(exercise):
    """The plain exercise, a variant for each option, and one in which every choice is changed."""
    alone = [Variant(1, **{choice: option}) for choice in exercise.choices for option in OPTIONS[choice][1:]]
    return [Variant(), *alone, Variant(1, **{choice: OPTIONS[choice][-1] for choice in exercise.choices})]


STATING = {  # words that state an option, by choice
    "channels": r"(channels|batch) (first|last)",
    "filters": r"\(Dᵣ|, [MN]\)|N before|M before",
    "kernel": r"\bturned|as (it is|they are)",
    "padding": r"zeros|nearest|circular",
    "order": r"(height|width) (comes )?first",
    "multiplier": r"c // Q|c mod M|m·Q|q·M",
    "limit": r"\b[45678]\b",
    "floor": r"(?<![\w/.])0\b|[-−][12]\b",
    "epsilon": r"the root|outside",
    "count": r"multiplications alone|additions|MACs|FLOPs",
    "images": r"one image|batch is",
    "ratio": r"upside down|over the s|divides|multiplies",
    "knee": r"[-−±]?\b[2346]\b",
    "kinks": r"at (the|both|its)? ?(upper|lower)? ?kinks? is|3/2|1/2",
    "gate": r"sigmoid|1/6",
    "groups": r"in order|reverse",
    "box": r"bottom|height|corner|centre",
    "measure": r"union|smaller",
    "codes": r"\(t[xy]|rows and columns",
    "scales": r"divide|multipl|factor",
    "threshold": r"equal to|at the threshold",
    "ties": r"index comes",
    "points": r"\b(101|100|11|10)\b|recalls|area",
    "precision": r"from there on|as it is|made to fall",
    "beta": r"±?\b[123](/2)?\b",
    "mining": r"image by image|whole batch|each image",
    "divisor": r"number of",
    "align": r"half_pixel|borders|centres|n/o|\(n|half a row",
    "rows": r"classes of",
    "ignored": r"255|[-−]1\b",
    "absent": r"appear|alone are|alone have",
    "background": r"class 0|background",
    "share": r"number of|divided",
}
LITERAL = {  # sentences with such words that say what a function does, whatever is right, or that hold in one variant
    "kernel": "the kernel is |column|row|dkernel is |dx is computed|are returned in the wrong order",
    "floor": "become 0$|it is ReLU",
    "epsilon": "epsilon is outside the root, but|dx is the one for epsilon",
    "count": "n additions are counted for a sum|the depthwise convolution is",
    "kinks": "the derivative at (the upper|both) kinks? is 0|kink is taken from the other side",
    "ratio": r"Q multiplies 1/(N|Dᵣ²) alone",
    "gate": r"the gate's derivative|it is the",
    "groups": "the groups come in reverse|the channels of each|all channels",
    "box": "the last row|the corners are|the anchor's height|the shift is that of|the whole height|the centre and",
    "measure": "in the union|the intersection is divided by the smaller",
    "codes": "the scales of rows and columns",
    "points": "a recall has to be passed|the recall 0|the recall is|there are {recalls}",
    "beta": "the kinks are at ±1/2|1 is subtracted|1 and ",
    "divisor": "the divisor is the number of anchors|the divisor of an image",
    "align": "every position is half a row too far",
    "ignored": "1 is subtracted|label − 1",
    "background": "ignored pixels are taken for class 0|class 0 is left out",
    "share": "the divisor is the number of all pixels|the divisor of an image|the gradient is not divided",
}


@by_task
def test_a_mistakes_own_words_state_no_option_of_a_choice(exercise, task):
    """They are in braces, and so the variant's, but in sentences that say what a function does."""
    assert STATING.keys() == OPTIONS.keys()
    stating = []
    for says, choice in itertools.product(task.wrong, exercise.choices):
        literal = LITERAL.get(choice, "")
        if re.search(STATING[choice], re.sub(r"\{\w+\}", "…", says)) and not (literal and re.search(literal, says)):
            stating.append((choice, says))
    assert stating == [], stating


@by_task
def test_other_options_are_told_in_the_variants_words(exercise, task):
    assert {choice: len(rows) for choice, rows in DOES.items()} == {
        choice: len(options) for choice, options in OPTIONS.items() if choice != "ignored"
    }
    for variant in variants_of(exercise):
        said = [mistake.says for mistake in mistakes_of(task, variant)]
        assert len(set(said)) == len(said)
        assert not any("{" in says for says in said)
        for choice in choices_of(task):
            (mine, right), others = (
                (rows := list(DOES[choice])).pop(OPTIONS[choice].index(getattr(variant, choice))),
                rows,
            )
            assert not any(mine in says.split(", where the docstring has")[0].split(" and ") for says in said)
            for does, _ in others if choice != "kernel" else ():
                assert f"{does}, where the docstring has {right}" in said
        forgotten = [choice for choice in choices_of(task) if choice in variant.changed]
        for pair in itertools.combinations(forgotten, 2):
            assert (
                sum(says.startswith(f"{' and '.join(DOES[choice][0][0] for choice in pair)}, where") for says in said)
                == 1
            )


def test_every_word_in_braces_is_used_and_depends_on_a_choice_of_its_exercise():
    used = set()
    for exercise, task in TASKS:
        words = set(re.findall(r"\{(\w+)\}", " ".join([task.text, *task.wrong])))
        assert {WORDS[word][0] for word in words & WORDS.keys()} <= set(exercise.choices), task.name
        used |= words
    assert used >= WORDS.keys()


class Few(Cases):
    """Every so many-th case of a ladder, which is the same in each variant."""

    def __init__(self, task, variant, seed):
        super().__init__(task, variant, seed)
        self._coming = iter(list(calling.cases_of(task))[::24])


class Planting(Judge):
    """The judge of a function that makes a mistake: its own calls, by the case."""

    limits = calling.LIMITS

    def __init__(self, cases, mistake):
        super().__init__(cases, self)
        self.mistake = mistake

    def try_case(self, case):
        self.case = case
        return super().try_case(case)

    def call(self, name, arrays, options, *, deadline=None):
        answer = self.cases.answer(self.mistake, self.case)
        if answer is None:
            return Outcome("raised", message="ValueError: there is no answer", arguments=arrays)
        return Outcome("returned", answer if len(answer) > 1 else answer[0], arguments=arrays)


def is_made(cases, mistake):
    """Whether a mistake gives a wrong answer to one of the cases."""
    answers = ((case, cases.answer(mistake, case)) for case in cases)
    return any(found is not None and not cases.same(case, found, cases.right(case)) for case, found in answers)


@by_task
def test_a_planted_mistake_is_told_in_the_variants_words(exercise, task):
    """Another mistake in each variant; what is worked by hand gives the right value."""
    for number, variant in enumerate(variants_of(exercise)):
        cases = Few(task, variant, number)
        start = 5 * number % len(cases.mistakes)
        mistake = next(m for m in (*cases.mistakes[start:], *cases.mistakes[:start]) if is_made(cases, m))
        found = Planting(cases, mistake).verdict()
        (told,) = (m for m in cases.mistakes if m.says == found.broken.partition("; there are cases")[0])
        assert is_made(cases, told)
        text = Report("a.py", exercise, variant, (found,)).as_text()
        if task.explained and found.smallest.outcome.status == "returned" and "by hand" in text:
            formula, worked = text.partition("by hand: ")[2].splitlines()[:2]
            name, index = re.match(r"(\w+)\[(.*?)\] = ", formula).groups()
            names = {
                result.replace("dkernel", "dk"): due
                for (result, _), due in zip(task.results, found.smallest.right, strict=True)
            }
            assert float(worked.rpartition("= ")[2]) == names[name][tuple(map(int, index.split(",")))]


# functions as students write them, in their variant's layout


def forgetful(dx_adds=False, dkernel_adds=False):
    """Lesson 3's loops, with = for +=."""

    def function(dy, x, kernel, *, stride, padding):
        (top, bottom), (left, right) = padding
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        dpadded, dkernel = np.zeros(padded.shape), np.zeros(kernel.shape)
        for b, v, w, n in np.ndindex(*dy.shape):
            for i, j, m in np.ndindex(*kernel.shape[:3]):
                row, column = v * stride[0] + i, w * stride[1] + j
                for a, place, term in (
                    (dpadded, (b, row, column, m), dy[b, v, w, n] * kernel[i, j, m, n]),
                    (dkernel, (i, j, m, n), dy[b, v, w, n] * padded[b, row, column, m]),
                ):
                    a[place] = a[place] * (dx_adds if a is dpadded else dkernel_adds) + term
        return dpadded[:, top : top + x.shape[1], left : left + x.shape[2]], dkernel

    return function


def repeating_the_edge(x, kernel, stride, padding):
    return npconv.conv2d(np.pad(x, ((0, 0), *padding, (0, 0)), mode="edge"), kernel, stride=stride)


def around(mode, send_back):
    """The gradients over a map that is padded in that mode, whose dx `send_back(dpadded, rows, columns, x)` gives."""

    def function(dy, x, kernel, *, stride, padding):
        padded = np.pad(x, ((0, 0), *padding, (0, 0)), mode=mode)
        dpadded, dkernel = npconv.conv2d_backward(dy, padded, kernel, stride=stride)
        rows, columns = (np.pad(np.arange(n), sides, mode=mode) for n, sides in zip(x.shape[1:3], padding, strict=True))
        return send_back(dpadded, rows, columns, x), dkernel

    return function


def counting_once(dpadded, rows, columns, x):
    dx = np.zeros(x.shape)
    dx[:, rows[:, None], columns] += dpadded  # of an index that comes twice only the last counts
    return dx


def summed(dpadded, rows, columns, x):
    dx = np.zeros(x.shape)
    np.add.at(dx, (slice(None), rows[:, None], columns), dpadded)
    return dx


def scattered(dy, x, kernel, *, stride, padding):
    """A loop over the positions whose patches are written round the edges of dx itself."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), mode="wrap")
    dx, dkernel = np.zeros(x.shape), npconv.conv2d_backward(dy, padded, kernel, stride=stride)[1]
    (top, _), (left, _) = padding
    for v, w, i, j in np.ndindex(*dy.shape[1:3], *kernel.shape[:2]):
        row, column = (v * stride[0] + i - top) % x.shape[1], (w * stride[1] + j - left) % x.shape[2]
        dx[:, row, column] = dy[:, v, w] @ kernel[i, j].T
    return dx, dkernel


def block_with(old, new):
    """The solution of the block's backward with each `old` made `new`."""
    namespace = {}
    source = solution_source("inverted-residual")
    assert old in source
    exec(source.replace(old, new), namespace)
    return namespace["inverted_residual_backward"]


def masked(mask):
    return lambda dy, x: dy * mask(x)


def over_the_separable(kernel_size, out_channels, depth_multiplier):
    return depth_multiplier / (Fraction(1, out_channels) + Fraction(1, kernel_size[0] * kernel_size[1]))


def slopes(beta, slope):
    def function(dy, codes, labels, targets):
        positive = labels > 0
        return dy * positive[..., None] * slope((codes - targets) / beta) / max(positive.sum(), 1)

    return function


IOU: dict = {}
exec(solution_source("iou"), IOU)
LAST = "dkernel is the last product alone: = stands for +="
OVERWRITTEN = "dx is overwritten where patches overlap"
COPIES = "dx is overwritten where the padding's values are copies of x's"
LOW = {"limit": 4, "floor": -1}
TOLD = [  # exercise, task, variant, function, and what is to be told
    (
        "activations",
        "relu6_backward",
        LOW,
        masked(lambda x: (x >= -1) & (x <= 4)),
        "the derivative at -1 and at 4 is taken as 1",
    ),
    ("activations", "relu6_backward", LOW, masked(lambda x: (x >= -1) & (x < 4)), "the derivative at -1 is taken as 1"),
    ("activations", "relu6_backward", LOW, masked(lambda x: x < 4), "the gradient passes below -1"),
    ("activations", "relu6_backward", LOW, masked(lambda x: x > 0), "there is no limit: it is ReLU's gradient"),
    (
        "activations",
        "relu6_backward",
        LOW,
        npconv.relu6_backward,
        "the limit is 6 and the floor is 0, where the docstring has 4 and -1",
    ),
    ("activations", "relu6", LOW, npconv.relu6, "the limit is 6 and the floor is 0, where the docstring has 4 and -1"),
    ("activations", "relu6", {"limit": 8}, npconv.relu6, "the limit is 6, where the docstring has 8"),
    ("activations", "relu6", {"limit": 8}, lambda x: np.clip(x, 0, 5), "the limit is 5, where the docstring has 8"),
    ("activations", "relu6", LOW, lambda x: np.maximum(x, -1), "values above 4 are kept"),
    ("activations", "relu6", LOW, lambda x: np.clip(x, -4, 4), "values are cut off at minus 4 instead of -1"),
    (
        "standard-loops",
        "conv2d_loops",
        {"padding": "circular"},
        npconv.conv2d,
        "the padding is zeros, where the docstring has circular padding",
    ),
    (
        "standard-loops",
        "conv2d_loops",
        {"padding": "circular"},
        repeating_the_edge,
        "the nearest value is repeated around the map, where the docstring has circular padding",
    ),
    (
        "standard-loops",
        "conv2d_loops",
        {"padding": "circular", "kernel": "turned"},
        npconv.conv2d,
        "the kernel is applied as it is and the padding is zeros, "
        "where the docstring has it turned round and circular padding",
    ),
    (
        "standard-loops",
        "conv2d_loops",
        {"channels": "batch last"},
        npconv.conv2d,
        "volumes are taken with the channels last, where the docstring has the batch last",
    ),
    ("standard-backward", "conv2d_backward", {}, forgetful(), f"{OVERWRITTEN}, and {LAST}, product by product"),
    (
        "standard-backward",
        "conv2d_backward",
        {},
        forgetful(dkernel_adds=True),
        f"{OVERWRITTEN}: = stands for +=, product by product",
    ),
    ("standard-backward", "conv2d_backward", {}, forgetful(dx_adds=True), LAST),
    ("standard-backward", "conv2d_backward", {}, forgetful(True, True), ""),
    (
        "standard-backward",
        "conv2d_backward",
        {"padding": "circular"},
        around("wrap", counting_once),
        f"{COPIES}: = stands for +=",
    ),
    (
        "standard-backward",
        "conv2d_backward",
        {"padding": "nearest"},
        around("edge", counting_once),
        f"{COPIES}: = stands for +=",
    ),
    ("standard-backward", "conv2d_backward", {"padding": "circular"}, around("wrap", summed), ""),
    (
        "standard-backward",
        "conv2d_backward",
        {"padding": "circular"},
        scattered,
        f"{OVERWRITTEN}, across the edge too: = stands for +=",
    ),
    (
        "inverted-residual",
        "inverted_residual_backward",
        {},
        block_with("& (filtered < 6)", "& (filtered < np.inf)"),
        "ReLU's derivative stands for ReLU6's after the depthwise convolution",
    ),
    (
        "inverted-residual",
        "inverted_residual_backward",
        {},
        block_with("ed < 6)", "ed < np.inf)"),
        "ReLU's derivative stands for ReLU6's: the gradient passes above 6",
    ),
    (
        "inverted-residual",
        "inverted_residual_backward",
        {},
        block_with("ed < 6)", "ed <= 6)"),
        "ReLU6's derivative at 6 is taken as 1",
    ),
    (
        "detection-loss",
        "box_loss_backward",
        {"beta": 2},
        slopes(2, lambda off: off * (abs(off) <= 1)),
        "beyond the kinks the gradient is 0",
    ),
    (
        "detection-loss",
        "box_loss_backward",
        {"beta": 2},
        slopes(1, lambda off: np.clip(off, -1, 1)),
        "the kinks are at ±1, where the docstring has ±2",
    ),
    ("costs", "cost_ratio", {"ratio": "standard over separable"}, over_the_separable, "Q multiplies where it divides"),
    (
        "iou",
        "iou",
        {"measure": "smaller"},
        npconv.detection.iou,
        "the divisor is the union, where the docstring has the smaller area",
    ),
    (
        "iou",
        "iou",
        {"box": "spans"},  # misread boxes may have no area, and 0/0 is NaN in what students write
        IOU["iou"],
        "a box is taken for (top, left, bottom, right), where the docstring has (top, bottom, left, right)",
    ),
    (
        "box-coder",
        "encode_boxes",
        {"scales": "divisors"},
        npconv.detection.encode_boxes,
        "the scales are taken for factors of the codes, where the docstring has divisors",
    ),
]


@pytest.mark.parametrize(("name", "function", "options", "student", "says"), TOLD, ids=[f"{t[1]} {t[4]}" for t in TOLD])
def test_what_students_write_is_told_in_the_variants_words(name, function, options, student, says):
    exercise = EXERCISES[name]
    (task,) = (task for task in exercise.tasks if task.name == function)
    defaults = {option: ast.literal_eval(default) for option, default in task.options if default}
    found = calling.verdict(task, partial(student, **defaults), Variant(1 if options else None, **options))
    assert found.broken.partition("; there are cases in which it raises")[0] == says
