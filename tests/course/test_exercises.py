"""The exercises: cases that fit, references that are right in every variant, mistakes that differ, files to fill in."""

import ast
import doctest
import itertools
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv import detection, segmentation
from npconv.cli import exercise as command
from npconv.course.exercises import EXERCISES, Variant, variant_from
from npconv.course.exercises.bugs import BUGS, solution_source
from npconv.course.exercises.exercise import Case
from npconv.course.exercises.mistakes import mistakes_of
from npconv.course.exercises.template import (
    example_case,
    exercise_of,
    exercise_text,
    read_header,
    rules_of,
    start_exercise,
)
from npconv.course.exercises.variants import OPTIONS, PADDINGS, SPATIAL, kind_of_shape
from npconv.course.grading.comparing import equal
from npconv.course.grading.ladder import departures, ladder

TASKS = [
    (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks if exercise.name != "find-the-bug"
]
WRITTEN = [name for name in EXERCISES if name != "find-the-bug"]
SEEDS = (None, 1, 2, 3, 4, 8)
by_task = pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[task.name for _, task in TASKS])


CASES: dict = {}  # by task: they are the same each time, and nothing here writes into them


def all_cases(task):
    """The cases of a ladder, each with the number of sizes that depart."""
    if task.name not in CASES:
        CASES[task.name] = [(len(departures(task, case.sizes)), case) for case in ladder(task, 0)]
    return CASES[task.name]


def few_cases(task, step=1, start=0):
    """The cases of a ladder without those where just two sizes depart."""
    return [case for count, case in all_cases(task) if count != 2][start::step]


# solutions of the variants: those of the plain exercises with another text, and arrays turned to the plain layout


def unpadded(dpadded, shape, padding, mode):
    """dpadded added back to where np.pad took each value from."""
    rows, columns = (
        np.pad(np.arange(n), sides, mode=mode, **({"constant_values": n} if mode == "constant" else {}))
        for n, sides in zip(shape[1:3], padding, strict=True)
    )
    dx = np.zeros((shape[0], shape[1] + 1, shape[2] + 1, dpadded.shape[3]))
    np.add.at(dx, (slice(None), rows[:, None], columns[None, :]), dpadded)
    return dx[:, :-1, :-1]


def source_in(name, variant):
    source, mode = solution_source(name), PADDINGS[variant.padding]
    source = re.sub(r"np\.pad\((.*)\)\n", rf"np.pad(\1, mode='{mode}')\n", source)
    source = source.replace(
        "dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]", f"unpadded(dpadded, x.shape, padding, '{mode}')"
    )
    if name == "activations":
        source = re.sub(r"\bx(, | > )0\b", rf"x\g<1>{variant.floor}", source)
    if name in ("activations", "inverted-residual"):
        source = re.sub(r"\b6\b", str(variant.limit), source)
    if variant.epsilon == "outside the root":
        source = source.replace("np.sqrt(x.var(axis=axes) + epsilon)", "np.sqrt(x.var(axis=axes)) + epsilon")
        source = source.replace("dscale / count)", "dscale / count * deviation / spread)")
        source = source.replace(
            "    normalized =", "    spread = np.where(deviation == epsilon, 1, deviation - epsilon)\n    normalized ="
        )
    if variant.count == "flops":
        source = source.replace("height * width * channels * filters", "(2 * height * width * channels - 1) * filters")
        source = source.replace(
            "(height * width * inner + inner * filters)",
            "((2 * height * width - 1) * inner + (2 * inner - 1) * filters)",
        )
    if variant.images == "one":
        source = source.replace("return batch * ", "return ")
    if variant.ratio != "separable over standard":
        source = source.replace("return depth_multiplier * (", "return Fraction(1) / depth_multiplier / (")
    if name == "hard-swish":
        source = re.sub(r"\b3\b", str(variant.knee), re.sub(r"\b6\b", str(2 * variant.knee), source))
        if variant.kinks == "inside":
            source = source.replace("x < ", "x <= ").replace("x <= -", "x < -")
    if variant.gate == "sigmoid":
        source = source.replace("np.clip(before + 3, 0, 6) / 6", "1 / (1 + np.exp(-before.clip(-500, 500)))")
        source = source.replace("np.where((before > -3) & (before < 3), dgate / 6, 0)", "dgate * gate * (1 - gate)")
    if variant.groups == "in reverse":
        source = source.replace("groups, channels // groups)", "groups, channels // groups)[..., ::-1, :]")
        source = source.replace("channels // groups, groups)", "channels // groups, groups)[..., ::-1]")
    return segmenting(detecting(source, variant), variant)


def detecting(source, variant):
    """The changes in the exercises on detection."""
    if variant.measure == "smaller":
        source = source.replace("first[:, None] + second - inside", "np.minimum(first[:, None], second)")
    if variant.scales == "divisors":
        source = source.replace("axis=1) * np.array(scales)", "axis=1) / np.array(scales)")
        source = source.replace("codes / np.array(scales)", "codes * np.array(scales)")
    if variant.threshold == "from":
        source = source.replace("> threshold", ">= threshold")
    if variant.ties == "higher":
        source = source.replace("np.argsort(-scores, ", "len(scores) - 1 - np.argsort(-scores[::-1], ")
    if variant.precision == "there":
        source = source.replace("range(len(precision) - 2, -1, -1)", "range(0)")
    if variant.points == 11:
        source = source.replace("101", "11").replace("level, 100", "level, 10")
    if variant.points == "all":
        total = "    return Fraction(sum(p for p, hit in zip(precision, hits) if hit)) / truths"
        source = re.sub(r"(?s)    total = Fraction\(0\).*return total / 101", total, source)
    source = source.replace("np.clip(codes - targets,", f"np.clip((codes - targets) / {variant.beta},")
    if variant.divisor == "images":
        source = source.replace("max(positive.sum(), 1)", "images")
        source = source.replace("    positive =", "    images = len(labels)\n    positive =")
    if variant.mining == "batch":  # as one image
        whole = (
            "    shape, logits, labels = logits.shape, logits.reshape(1, -1, logits.shape[2]), labels.reshape(1, -1)\n"
        )
        source = re.sub(r"(    positive = [^\n]*\n    powers)", rf"{whole}\1", source)
        source = re.sub(r"    return (dy \* np\.where\(chosen.*)", r"    return (\1).reshape(shape)", source)
    return source


POSITIONS = {"corners": "i * (n - 1) / max(o - 1, 1)", "origin": "i * n / o", "end": "(i + 1) * n / o - 1"}


def segmenting(source, variant):
    """The changes in the exercises on segmentation; masks have their plain layout and labels before."""
    if variant.align in POSITIONS:
        source = source.replace("(i + 0.5) * n / o - 0.5", POSITIONS[variant.align])
    if variant.rows == "prediction":
        source = source.replace("truth[kept] * classes + predicted[kept]", "predicted[kept] * classes + truth[kept]")
    if variant.absent != "left out":
        other = f"        else:\n            ious.append(Fraction({int(variant.absent == 'one')}))\n"
        source = re.sub(r"(        if union > 0:\n.*\n)", rf"\1{other}", source)
    if variant.background == "left out":
        source = source.replace("range(classes)", "range(1, classes)")
    if variant.share != "kept":
        count = {"foreground": "(kept & (labels > 0)).sum()", "images": "len(labels)"}[variant.share]
        source = source.replace("max(kept.sum(), 1)", f"max({count}, 1)")
    return source


# letters of the axes, plain and in the layouts that the documentation names
VOLUMES = {"last": "bhwc", "first": "bchw", "batch last": "hwcb"}
MASKS = {channels: letters.replace("c", "") for channels, letters in VOLUMES.items()}
KERNELS = {"kernel": ("hwmn", "nmhw"), "depthwise": ("hwc", "chw"), "pointwise": ("mn", "nm"), "taps": ("hm", "mh")}
INNER = {  # the axes of the depth multiplier's channels
    "depthwise_conv2d": {"kernel": -1, "y": -1},
    "depthwise_conv2d_backward": {"dy": -1, "kernel": -1, "dkernel": -1},
    "depthwise_separable_conv2d": {"depthwise": -1, "pointwise": 0},
    "factored_kernel": {"depthwise": -1, "pointwise": 0},
    "factorize_kernel": {"depthwise": -1, "pointwise": 0},
}


def plain_axes(kind, variant):
    """Where each of the plain layout's axes is in the variant's, None where there is but one layout."""
    if kind == "volume":
        return [VOLUMES[variant.channels].index(letter) for letter in VOLUMES["last"]]
    if kind == "mask":
        return [MASKS[variant.channels].index(letter) for letter in MASKS["last"]]
    if kind in KERNELS:
        return [KERNELS[kind][variant.filters == "first"].index(letter) for letter in KERNELS[kind][0]]
    return None


def plain(kind, a, variant):
    """The inverse of Variant.theirs."""
    if a is None:
        return None
    if kind == "boxes" and variant.box != "corners":
        first, second, third, fourth = a.T
        top, left = {
            "spans": (first, third),
            "size": (first, second),
            "centre": (first - third / 2, second - fourth / 2),
        }[variant.box]
        bottom, right = (second, fourth) if variant.box == "spans" else (top + third, left + fourth)
        return np.stack([top, left, bottom, right], axis=1)
    if kind == "codes" and variant.codes == "columns first":
        return a[:, [1, 0, 3, 2]]
    if kind == "mask":
        a = np.where(a == variant.ignored, 255, a)
    a = a if plain_axes(kind, variant) is None else a.transpose(plain_axes(kind, variant))
    return np.flip(a, SPATIAL[kind]) if variant.kernel == "turned" and kind in SPATIAL else a


def plain_options(options, variant):
    """The inverse of Variant.their_options."""
    found = dict(options)
    for name, value in options.items():
        if name in ("stride", "padding") and variant.order == "width first":
            found[name] = (value[1], value[0])
        if name == "scales" and variant.codes == "columns first":
            found[name] = tuple(value[k] for k in (1, 0, 3, 2))
        if axes := plain_axes(kind_of_shape(name), variant):
            found[name] = tuple(value[axis] for axis in axes)
    return found


def exchanged(task, names, values, m, variant):
    """Arrays whose filters were in the order q·M + m of a variant, in the plain order; with the m of q the inverse."""
    if variant.multiplier == "m·Q + q":
        return list(values)
    found = []
    for name, a in zip(names, values, strict=True):
        axis = INNER.get(task.name, {}).get(name)
        if axis is not None:
            q = a.shape[axis] // m
            a = a.take([k * m + i for i in range(m) for k in range(q)], axis=axis)
        found.append(a)
    return found


def theirs(kinds, values, variant):
    return tuple(
        variant.theirs(kind, np.asarray(value)) if isinstance(value, np.ndarray) else value
        for (_, kind), value in zip(kinds, values, strict=True)
    )


def solved(exercise, task, variant):
    """A right answer to a task, in a variant's layout."""
    namespace = {"unpadded": unpadded}
    exec(source_in(exercise.name, variant), namespace)

    def function(*arrays, **options):
        given = [plain(kind, a, variant) for (_, kind), a in zip(task.arrays, arrays, strict=True)]
        names, m, q = [name for name, _ in task.arrays], 1, 1
        if variant.multiplier != "m·Q + q":
            inner = given[names.index("kernel" if "kernel" in names else "depthwise")].shape[2]  # M·Q, or M
            q = options.get("depth_multiplier", 1) if "x" not in names else inner // given[names.index("x")].shape[3]
            m = inner if task.name == "factorize_kernel" else inner // q
        given = exchanged(task, names, given, m, variant)
        results = namespace[task.name](*given, **plain_options(options, variant))
        results = results if isinstance(results, tuple) else (results,)
        results = exchanged(task, [name for name, _ in task.results], results, q, variant)
        laid = theirs(task.results, results, variant)
        return laid if len(laid) > 1 else laid[0]

    return function


def same(task, case, variant, found, right):
    if task.compared is not None:
        found, right = (task.compared(result, case, variant) for result in (found, right))
    return len(found) == len(right) and all(equal(a, b, 1e-9) for a, b in zip(found, right, strict=True))


def answer_of(function, task, case, variant):
    """What a student's function gives, in the variant's layout."""
    given = theirs(task.arrays, case.arrays.values(), variant)
    found = function(*given, **variant.their_options(case.options))
    return found if isinstance(found, tuple) else (found,)


@by_task
def test_the_references_agree_with_the_solutions_in_every_variant(exercise, task):
    for start, seed in enumerate((*SEEDS, 5)):
        variant = variant_from(exercise.choices, seed, exercise.name)
        function = solved(exercise, task, variant)
        for case in few_cases(task, 3 if seed is None else 13, start):
            right = theirs(task.results, task.reference(case, variant), variant)
            assert same(task, case, variant, answer_of(function, task, case, variant), right), (seed, case.sizes)


def plain_is_right(exercise, task, variant):
    """Whether the plain exercise's solution, as it is, answers a variant."""
    namespace: dict = {}
    exec(solution_source(exercise.name), namespace)
    for case in few_cases(task)[:-9:-1]:
        try:
            with np.errstate(all="ignore"):  # boxes in another form may have no area
                found = answer_of(namespace[task.name], task, case, variant)
            right = theirs(task.results, task.reference(case, variant), variant)
            if not same(task, case, variant, found, right):
                return False
        except (ValueError, IndexError):
            return False
    return True


@pytest.mark.parametrize("name", WRITTEN)
def test_the_plain_solution_is_no_answer_to_a_variant_and_wrong_exactly_where_a_change_is_stated(name):
    exercise = EXERCISES[name]
    alone = [Variant(1, **{choice: option}) for choice in exercise.choices for option in OPTIONS[choice][1:]]
    for variant in (*alone, *(variant_from(exercise.choices, seed, name) for seed in range(12))):
        stated = [bool(rules_of((task,), variant)) for task in exercise.tasks]
        assert any(stated), variant
        assert [not plain_is_right(exercise, task, variant) for task in exercise.tasks] == stated, variant


@pytest.mark.parametrize("name", WRITTEN)
def test_the_seeds_choose_every_option_and_change_two_choices_or_the_one_there_is(name):
    choices = EXERCISES[name].choices
    variants = [variant_from(choices, seed, name) for seed in range(100)]
    for choice in choices:
        assert {getattr(variant, choice) for variant in variants} == set(OPTIONS[choice])
    counts = Counter(len(variant.changed) for variant in variants)
    assert min(counts) == (2 if len(choices) > 2 else 1)
    assert max(counts) == len(choices)
    assert set().union(*(variant.changed for variant in variants)) == set(choices)


def test_the_page_says_how_many_variants_each_exercise_has():
    page = (Path(__file__).parents[2] / "docs" / "exercises.md").read_text(encoding="utf-8")
    said = {name: int(count) for names, count in re.findall(r"(?m)^\| (`.*) \| (\d+) \|$", page)
            for name in re.findall(r"`(.*?)`", names)}  # fmt: skip
    for name in WRITTEN:
        choices = EXERCISES[name].choices
        changed = [sum(kinds) for kinds in itertools.product(*([0] + [1] * (len(OPTIONS[c]) - 1) for c in choices))]
        assert said.pop(name) == sum(number >= (2 if len(choices) > 2 else 1) for number in changed), name
    assert not said


@by_task
def test_every_case_of_the_ladder_fits(exercise, task):
    variant = Variant(channels="first", kernel="turned", padding="circular", multiplier="q·M + m", limit=5, floor=-1)
    for _, case in all_cases(task)[::-5]:
        right = task.reference(case, variant)
        assert len(right) == len(task.results)
        assert all(part is None or np.all(np.isfinite(np.asarray(part, float))) for part in right)


def test_the_rows_that_the_stride_leaves_over_are_those_asked_for():
    for _, case in all_cases(EXERCISES["standard-taps"].tasks[0]):
        x, kernel = case.arrays.values()
        for axis, spare in ((0, "spare_rows"), (1, "spare_columns")):
            stride, padded = case.options["stride"][axis], x.shape[axis + 1] + sum(case.options["padding"][axis])
            assert (padded - kernel.shape[axis]) % stride == min(case.sizes[spare], stride - 1)


@by_task
def test_a_size_that_departs_alone_changes_the_case(exercise, task):
    least, *others = [case for count, case in all_cases(task) if count < 2]
    shapes = [np.shape(a) for a in least.arrays.values() if a is not None]
    for case in (case for case in others if departures(task, case.sizes)):
        values = [a for a in case.arrays.values() if a is not None]
        unlike = [a.shape for a in values] != shapes or case.options != least.options
        assert unlike or departures(task, case.sizes)[0].split()[0] in ("x", "the", "values", "there", "each"), (
            case.sizes
        )


def answered(task, answer, case, variant):
    """What a mistake makes of a case, as what is compared; None where it can't be."""
    try:
        found = answer(case, variant, task.reference)
    except ValueError:
        return None
    if task.compared is None or [a.shape for a in found] != [a.shape for a in task.reference(case, variant)]:
        return found
    return task.compared(found, case, variant)


def as_key(found):
    return found and tuple(
        part if part is None else (np.shape(part), np.asarray(part, float).round(6).tobytes()) for part in found
    )


@by_task
def test_no_mistake_is_right_and_no_two_are_the_same(exercise, task):
    """Each in the plain exercise, or in a variant where it takes another exercise for it."""
    within = [choice for choice in exercise.choices if choice not in ("channels", "filters", "order")]
    variants = [Variant(), *(Variant(1, **{choice: OPTIONS[choice][-1]}) for choice in within)]
    own = {answer: says for says, answer in task.wrong.items()}
    named = [
        {own.get(mistake.answer, mistake.says): mistake.answer for mistake in mistakes_of(task, variant)}
        for variant in variants
    ]
    told = {*own.values(), *named[0]}
    assert len(mistakes_of(task, Variant())) == len(named[0]) >= 5
    answers, wrong = dict.fromkeys(told, 0), set()
    cases = few_cases(task)[::-1]  # the large ones first
    tried = [(at, case) for case in cases[:24] for at in range(len(variants))]
    for at, case in (*tried, *((0, case) for case in cases[24:])):
        variant, offered = variants[at], named[at]
        right = task.reference(case, variant)
        right = right if task.compared is None else task.compared(right, case, variant)
        shared = Counter(answers[says] for says in told)
        undecided = [says for says in told if says not in wrong or shared[answers[says]] > 1]
        if not undecided:
            return
        for says in undecided:
            found = answered(task, offered[says], case, variant) if says in offered else None
            answers[says] = hash((answers[says], as_key(found)))
            if found is not None and not all(equal(a, b, 1e-6) for a, b in zip(found, right, strict=True)):
                wrong.add(says)
    assert told - wrong == set()
    assert [says for says in sorted(told) if Counter(answers.values())[answers[says]] > 1] == []


# the references once more, against loops of the test's own


def test_a_turned_kernel_over_circular_padding_is_a_true_convolution_on_a_torus():
    task = EXERCISES["standard-taps"].tasks[0]
    variant = Variant(1, kernel="turned", padding="circular")
    generator = np.random.default_rng(0)
    x, kernel = generator.integers(-4, 5, (2, 3, 4, 2)).astype(float), generator.integers(-4, 5, (2, 3, 2, 3)) * 1.0
    case = Case({"x": x, "kernel": kernel}, {"stride": (1, 2), "padding": ((1, 0), (2, 1))}, {})
    given = variant.theirs("kernel", kernel)  # what the student gets
    (y,) = task.reference(case, variant)
    for b, v, w, n in np.ndindex(*y.shape):
        due = sum(
            x[b, (v + i - 1) % 3, (2 * w + j - 2) % 4, m] * given[1 - i, 2 - j, m, n] for i, j, m in np.ndindex(2, 3, 2)
        )
        assert y[b, v, w, n] == due


def test_in_the_order_q_m_filter_c_reads_channel_c_mod_m():
    forward, backward = EXERCISES["depthwise"].tasks
    variant = Variant(1, multiplier="q·M + m")
    for case in few_cases(backward, step=5):
        dy, x, kernel = (a.astype(float) for a in case.arrays.values())
        m = case.sizes["channels"]
        (y,) = forward.reference(replace(case, arrays={"x": x, "kernel": kernel}), variant)
        padded = np.pad(x, ((0, 0), *case.options["padding"], (0, 0)))
        due, dkernel, (down, right) = np.zeros(y.shape), np.zeros(kernel.shape), case.options["stride"]
        dpadded = np.zeros(padded.shape)
        for v, w, i, j, c in np.ndindex(*y.shape[1:3], *kernel.shape):
            row, column = v * down + i, w * right + j
            due[:, v, w, c] += kernel[i, j, c] * padded[:, row, column, c % m]
            dkernel[i, j, c] += (dy[:, v, w, c] * padded[:, row, column, c % m]).sum()
            dpadded[:, row, column, c % m] += kernel[i, j, c] * dy[:, v, w, c]
        (top, _), (left, _) = case.options["padding"]
        found = (y, *backward.reference(case, variant))
        dx = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
        assert all(map(np.array_equal, found, (due, dx, dkernel)))


def test_in_the_order_q_m_the_factors_of_channel_m_are_every_mth():
    variant = Variant(1, multiplier="q·M + m")
    factored, factorize = EXERCISES["separable"].tasks[1], EXERCISES["factorize"].tasks[0]

    def product(depthwise, pointwise, m):
        kernel = np.zeros((*depthwise.shape[:2], m, pointwise.shape[1]))
        for c in range(depthwise.shape[2]):
            kernel[:, :, c % m] += depthwise[:, :, c, None] * pointwise[c]
        return kernel

    for case in few_cases(factored):
        due = product(*case.arrays.values(), case.sizes["channels"])
        assert np.array_equal(factored.reference(case, variant)[0], due)
    for case in few_cases(factorize):
        factors = factorize.reference(case, variant)
        if case.sizes["rank"] <= case.sizes["multiplier"]:
            assert np.allclose(product(*factors, case.sizes["channels"]), case.arrays["kernel"])


@pytest.mark.parametrize("floor", OPTIONS["floor"])
def test_relu6_cuts_off_at_its_floor(floor):
    forward, backward = EXERCISES["activations"].tasks
    variant = Variant(1, limit=5, floor=floor)
    for case in few_cases(backward, step=2):
        dy, x = (a.ravel().tolist() for a in case.arrays.values())
        (y,) = forward.reference(replace(case, arrays={"x": case.arrays["x"]}), variant)
        assert y.ravel().tolist() == [min(max(value, floor), 5) for value in x]
        dx = backward.reference(case, variant)[0].ravel().tolist()
        assert dx == [d if floor < value < 5 else 0 for d, value in zip(dy, x, strict=True)]


@pytest.mark.parametrize("padding", PADDINGS)
def test_the_gradients_through_padding_are_those_of_the_forward(padding):
    exercise = EXERCISES["standard-backward"]
    forward, backward = EXERCISES["standard-taps"].tasks[0], exercise.tasks[0]
    variant = Variant(1, padding=padding)
    for case in few_cases(backward, step=5):
        dy, x, kernel = (a.astype(float) for a in case.arrays.values())
        dx, dkernel = backward.reference(case, variant)
        for name, a, gradient in (("x", x, dx), ("kernel", kernel, dkernel)):
            direction = np.random.default_rng(1).integers(-3, 4, a.shape)
            moved = replace(case, arrays={"x": x, "kernel": kernel} | {name: direction})  # y is linear in each
            assert (forward.reference(moved, variant)[0] * dy).sum() == (gradient * direction).sum()


@pytest.mark.parametrize("epsilon", OPTIONS["epsilon"])
def test_batch_norms_gradients_are_those_of_differences(epsilon):
    task = EXERCISES["batch-norm"].tasks[0]
    for case in (case for case in few_cases(task, step=7) if not case.sizes["mixed"]):  # whose numbers are large
        dy, x, scale, shift = case.arrays.values()
        if epsilon == "outside the root" and (x.var((0, 1, 2)) == 0).any():
            continue  # where it has a kink

        def objective(x, scale, shift, dy=dy, eps=case.options["epsilon"]):
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            deviation = np.sqrt(variance + eps) if epsilon == "under the root" else np.sqrt(variance) + eps
            return (dy * (scale * (x - mean) / deviation + shift)).sum()

        gradients = task.reference(case, Variant(1, epsilon=epsilon))
        for position, gradient in enumerate(gradients):
            direction = np.random.default_rng(2).standard_normal(gradient.shape)
            steps = [
                objective(
                    *(a + sign * 1e-5 * direction if at == position else a for at, a in enumerate((x, scale, shift)))
                )
                for sign in (1, -1)
            ]
            assert np.isclose((steps[0] - steps[1]) / 2e-5, (gradient * direction).sum(), rtol=1e-5, atol=1e-3)


def test_the_least_cases_of_batch_norm_have_whole_answers():
    task = EXERCISES["batch-norm"].tasks[0]
    for epsilon in OPTIONS["epsilon"]:
        for _, case in all_cases(task):
            even = case.arrays["x"].size // case.sizes["channels"] % 2 == 0 and not case.sizes["constant"]
            if case.sizes["mixed"]:
                continue
            if even and not case.sizes["uneven"] and not case.sizes["other_epsilon"]:
                for part in task.reference(case, Variant(1, epsilon=epsilon)):
                    assert np.allclose(part, np.round(part), atol=1e-9)


def test_relu6_is_tried_at_both_kinks_and_beyond_them():
    for task in EXERCISES["activations"].tasks:
        x = np.concatenate([case.arrays["x"].ravel() for _, case in all_cases(task)])
        for limit in OPTIONS["limit"]:
            assert {limit, *OPTIONS["floor"]} <= set(x)
            assert (x < -limit).any()
            assert (x > limit).any()


@pytest.mark.parametrize("gate", OPTIONS["gate"])
def test_squeeze_and_excites_gradients_are_those_of_differences(gate):
    task = EXERCISES["squeeze-excite"].tasks[0]

    def objective(dy, x, reduce, reduce_bias, expand, expand_bias):
        hidden = np.maximum(x.mean((1, 2)) @ reduce + reduce_bias, 0)
        before = hidden @ expand + expand_bias
        gates = 1 / (1 + np.exp(-before)) if gate == "sigmoid" else np.clip(before / 6 + 0.5, 0, 1)
        return (dy * x * gates[:, None, None]).sum()

    for case in (case for case in few_cases(task, step=7) if not case.sizes["mixed"]):
        arrays = list(case.arrays.values())  # nudged a little, so that no gate and no hidden value is at a kink
        arrays[3], arrays[5] = arrays[3] + 0.01, arrays[5] + 0.001
        nudged = replace(case, arrays=dict(zip(case.arrays, arrays, strict=True)))
        gradients = task.reference(nudged, Variant(1, gate=gate))
        for position, gradient in enumerate(gradients, 1):
            direction = np.random.default_rng(2).standard_normal(gradient.shape)
            steps = [
                objective(*(a + sign * 1e-6 * direction if at == position else a for at, a in enumerate(arrays)))
                for sign in (1, -1)
            ]
            assert np.isclose((steps[0] - steps[1]) / 2e-6, (gradient * direction).sum(), rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("knee", OPTIONS["knee"])
def test_hard_swish_has_the_slopes_of_three_pieces(knee):
    task = EXERCISES["hard-swish"].tasks[0]
    x = np.array([-9.0, -knee, -1, 0, 1, knee, 9]).reshape(1, 1, 1, -1)
    case = Case({"dy": np.full(x.shape, 2.0 * knee), "x": x}, {}, {})
    for kinks, lower, upper in (("outside", 0, 2 * knee), ("inside", -knee, 3 * knee)):
        (dx,) = task.reference(case, Variant(1, knee=knee, kinks=kinks))
        assert dx.ravel().tolist() == [0, lower, knee - 2, knee, knee + 2, upper, 2 * knee]


def test_a_shuffle_deals_from_each_group_in_turn_forwards_or_in_reverse():
    forward, backward = EXERCISES["shuffle"].tasks
    x = np.arange(6.0).reshape(1, 1, 1, 6)
    for order, dealt in (("in order", [0, 3, 1, 4, 2, 5]), ("in reverse", [3, 0, 4, 1, 5, 2])):
        variant = Variant(1, groups=order)
        (y,) = forward.reference(Case({"x": x}, {"groups": 2}, {}), variant)
        assert y.ravel().tolist() == dealt
        (dx,) = backward.reference(Case({"dy": y, "x": 0 * x}, {"groups": 2}, {}), variant)
        assert np.array_equal(dx, x)


def test_the_references_of_detection_are_npconvs_own_functions():
    for name, function in (
        ("iou", detection.iou),
        ("encode_boxes", detection.encode_boxes),
        ("decode_boxes", detection.decode_boxes),
        ("non_maximum_suppression", detection.non_maximum_suppression),
    ):
        task = dict(zip([task.name for _, task in TASKS], TASKS, strict=True))[name][1]
        for case in few_cases(task):
            due = function(*case.arrays.values(), **case.options)
            (found,) = task.reference(case, Variant())
            assert np.allclose(found, due, rtol=1e-12), case.sizes
    (task,) = EXERCISES["average-precision"].tasks
    for case in few_cases(task):
        hits, truths = case.arrays["hits"].astype(int), case.options["truths"]
        for points, option in zip(OPTIONS["points"], (101, 11, None), strict=True):
            (found,) = task.reference(case, Variant(1, points=points))
            assert found == detection.average_precision(hits, truths, points=option)


def test_the_two_gradients_of_the_loss_are_those_of_ssd_loss():
    boxes, classes = EXERCISES["detection-loss"].tasks
    for case in few_cases(boxes):
        dy, codes, labels, targets = case.arrays.values()
        logits = np.zeros((*labels.shape, 3))
        due = detection.ssd_loss_backward(dy, logits, codes, labels, targets)[1]
        assert np.allclose(boxes.reference(case, Variant())[0], due, rtol=1e-12)
    for case in few_cases(classes):
        dy, logits, labels = case.arrays.values()
        codes, negatives = np.zeros((*labels.shape, 4)), case.options["negatives"]
        due = detection.ssd_loss_backward(dy, logits, codes, labels, codes, negatives=negatives, repeat_positives=False)
        assert np.allclose(classes.reference(case, Variant())[0], due[0], rtol=1e-9, atol=1e-9)


def test_the_references_of_segmentation_are_npconvs_own_functions():
    (resize,), (matrix, mean), (loss,) = (
        EXERCISES[name].tasks for name in ("resize-backward", "segmentation-measures", "pixel-cross-entropy")
    )
    for case in few_cases(resize):
        dy, x = case.arrays.values()
        for align in ("half_pixel", "corners", "origin"):
            due = npconv.resize_bilinear_backward(dy, x, dy.shape[1:3], align=align)
            assert np.allclose(resize.reference(case, Variant(1, align=align))[0], due, rtol=1e-12), case.sizes
        turned = replace(case, arrays={"dy": dy[:, ::-1, ::-1], "x": x})  # from the other end
        due = npconv.resize_bilinear_backward(turned.arrays["dy"], x, dy.shape[1:3], align="origin")[:, ::-1, ::-1]
        assert np.allclose(resize.reference(case, Variant(1, align="end"))[0], due, rtol=1e-12)
    for case in few_cases(matrix):
        masks, classes = case.arrays.values(), case.options["classes"]
        assert np.array_equal(matrix.reference(case, Variant())[0], segmentation.confusion_matrix(*masks, classes))
        ious = segmentation.intersection_over_union(*masks, classes)
        for absent, of_absent in (("left out", np.nan), ("zero", 0), ("one", 1)):
            for background, first in (("counts", 0), ("left out", 1)):
                part = np.where(np.isnan(ious), of_absent, ious)[first:]
                due = 0 if np.isnan(part).all() else np.nanmean(part)
                (found,) = mean.reference(case, Variant(1, absent=absent, background=background))
                assert np.isclose(float(found), due, rtol=1e-12)
    for case in few_cases(loss):
        dy, logits, labels = case.arrays.values()
        kept = labels[labels != 255]
        for share, divisor in (("kept", None), ("foreground", max((kept > 0).sum(), 1)), ("images", len(labels))):
            due = segmentation.pixel_cross_entropy_backward(dy, logits, labels, divisor=divisor)
            (found,) = loss.reference(case, Variant(1, share=share))
            assert np.allclose(found, due, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("beta", OPTIONS["beta"])
def test_smooth_l1s_gradient_is_that_of_differences(beta):
    task = EXERCISES["detection-loss"].tasks[0]

    def loss(codes, labels, targets):
        off = abs(codes - targets)[labels > 0]
        return np.where(off < beta, off**2 / (2 * beta), off - beta / 2).sum() / max((labels > 0).sum(), 1)

    for case in few_cases(task, step=7):
        dy, codes, labels, targets = case.arrays.values()
        direction = np.random.default_rng(2).standard_normal(codes.shape)
        steps = [loss(codes + sign * 1e-6 * direction, labels, targets) for sign in (1, -1)]
        (dcodes,) = task.reference(case, Variant(1, beta=beta))
        assert np.isclose(dy * (steps[0] - steps[1]) / 2e-6, (dcodes * direction).sum(), rtol=1e-5, atol=1e-2)


def test_no_counter_example_has_a_box_whose_bottom_lies_above_its_top():
    for name in ("iou", "box-coder", "suppression"):
        for task in EXERCISES[name].tasks:
            cases = [case for _, case in all_cases(task)]
            assert all(map(task.fits, cases))
            names = [array for array, kind in task.arrays if kind == "boxes"]
            turned = {array: cases[-1].arrays[array][:, [2, 3, 0, 1]] for array in names}
            assert not task.fits(replace(cases[-1], arrays={**cases[-1].arrays, **turned}))


def test_a_transposed_convolution_crops_what_the_values_of_x_add():
    forward, backward = EXERCISES["transposed"].tasks
    for case in few_cases(backward, step=5):
        dy, x, kernel = (a.astype(float) for a in case.arrays.values())
        (down, right), (top, bottom), (left, end) = case.options["stride"], *case.options["padding"]
        tall, wide = (x.shape[1] - 1) * down + len(kernel), (x.shape[2] - 1) * right + kernel.shape[1]
        whole = np.zeros((len(x), tall, wide, kernel.shape[2]))
        for v, w, i, j in np.ndindex(*x.shape[1:3], *kernel.shape[:2]):
            whole[:, v * down + i, w * right + j] += x[:, v, w] @ kernel[i, j].T
        (y,) = forward.reference(replace(case, arrays={"x": x, "kernel": kernel}), Variant())
        assert np.array_equal(y, whole[:, top : tall - bottom, left : wide - end])
        for name, gradient in zip(("x", "kernel"), backward.reference(case, Variant()), strict=True):
            direction = np.random.default_rng(1).integers(-3, 4, gradient.shape).astype(float)
            moved = replace(case, arrays={"x": x, "kernel": kernel} | {name: direction})  # y is linear in each
            assert (forward.reference(moved, Variant())[0] * dy).sum() == (gradient * direction).sum()


def test_the_inverted_residual_has_its_shortcut_exactly_at_stride_1_with_equal_channels():
    task = EXERCISES["inverted-residual"].tasks[0]
    seen = set()
    for _, case in all_cases(task):
        x, expand, _, project = case.arrays.values()
        y = task.reference(case, Variant())[0]
        without = task.reference(replace(case, arrays={**case.arrays, "project": 0 * project}), Variant())[0]
        shortcut = case.options["stride"] == (1, 1) and x.shape[3] == project.shape[1]
        assert np.array_equal(without, x if shortcut else 0 * y)
        seen.add((shortcut, x.shape == y.shape, expand is None))
    assert seen >= {(True, True, False), (True, True, True), (False, True, False), (False, False, False)}


def test_relu6_clips_on_both_sides_inside_the_inverted_residual():
    task = EXERCISES["inverted-residual"].tasks[0]
    cases = [case.arrays for _, case in all_cases(task) if not case.sizes["no_expansion"]]
    expanded = [arrays["x"] @ arrays["expand"] for arrays in cases]
    values = np.concatenate([a.ravel() for a in expanded])
    assert (values < 0).sum() > 20
    assert (values > 8).sum() > 20
    assert (values == 6).any()


@pytest.mark.parametrize(
    "variant", [Variant(), Variant(1, filters="first", multiplier="q·M + m")], ids=["plain", "not"]
)
def test_any_factors_with_the_best_product_are_right_and_others_are_not(variant):
    task = EXERCISES["factorize"].tasks[0]
    for case in few_cases(task):
        depthwise, pointwise = theirs(task.results, task.reference(case, variant), variant)
        distances = task.compared((-2 * depthwise, pointwise / -2), case, variant)
        assert np.allclose(distances, task.compared((depthwise, pointwise), case, variant))
        if case.sizes["rank"] <= case.sizes["multiplier"]:
            assert np.allclose(distances, 0, atol=1e-9)


def test_the_points_are_those_of_the_functions():
    points = {task.name: task.points for _, task in TASKS}
    assert points == {
        "conv2d_loops": 4, "conv2d_taps": 4, "conv2d_backward": 8, "depthwise_conv2d": 3,
        "depthwise_conv2d_backward": 4, "pointwise_conv2d": 2, "pointwise_conv2d_backward": 3,
        "depthwise_separable_conv2d": 2, "factored_kernel": 3, "conv2d_cost": 2, "depthwise_separable_conv2d_cost": 2,
        "cost_ratio": 1, "relu6": 1, "relu6_backward": 2, "batch_norm_backward": 6, "inverted_residual": 4,
        "inverted_residual_backward": 8, "factorize_kernel": 5, "hard_swish_backward": 2, "squeeze_excite_backward": 6,
        "transposed_conv2d": 4, "transposed_conv2d_backward": 6, "spatially_separable_conv2d": 3,
        "spatially_separable_conv2d_backward": 5, "channel_shuffle": 2, "channel_shuffle_backward": 2, "iou": 2,
        "encode_boxes": 2, "decode_boxes": 2, "box_loss_backward": 3, "class_loss_backward": 5,
        "non_maximum_suppression": 4, "average_precision": 4, "resize_bilinear_backward": 5, "confusion_matrix": 3,
        "mean_intersection_over_union": 4, "pixel_cross_entropy_backward": 5,
    }  # fmt: skip


# the file that is filled in


@cache
def text_of(name, seed):
    return exercise_text(*exercise_of(name, seed))


@pytest.mark.parametrize("name", EXERCISES)
def test_the_file_compiles_and_its_header_is_read_again(name):
    for seed in SEEDS:
        exercise, variant = exercise_of(name, seed)
        text = text_of(name, seed)
        tree = ast.parse(text)
        written = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert [task.name for task in exercise.tasks] == [n for n in written if not n.startswith("_")]
        assert max(map(len, text.splitlines())) <= 120
        assert "npconv" not in re.sub(r"(?m)^#.*|npconv grade|npconv is not", "", text)
        again, its_variant = read_header(text)
        assert (again.name, its_variant) == (name, variant)
        assert [task.name for task in again.tasks] == [task.name for task in exercise.tasks]


@pytest.mark.parametrize("name", WRITTEN)
def test_the_examples_are_right_once_the_functions_are_written(name):
    for seed in SEEDS:
        exercise, variant = exercise_of(name, seed)
        namespace = {"np": np, "Fraction": Fraction}
        namespace |= {task.name: solved(exercise, task, variant) for task in exercise.tasks}
        tree = ast.parse(text_of(name, seed))
        text = "\n\n".join(ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef))
        examples = doctest.DocTestParser().get_doctest(text, namespace, name, None, 0)
        assert len(examples.examples) >= 1
        assert doctest.DocTestRunner().run(examples).failed == 0


@by_task
def test_the_examples_are_in_whole_numbers_and_not_zero(exercise, task):
    for seed in SEEDS:
        right = task.reference(example_case(task), variant_from(exercise.choices, seed, exercise.name))
        assert any(np.any(np.asarray(part, float) != 0) for part in right)
        if task.compared is None and not isinstance(right[0], Fraction):
            digits = task.digits
            assert digits == (2 if task.name == "iou" else 0)
            assert all(np.allclose(part, np.round(part, digits)) for part in right if part is not None)


STATED = {
    ("channels", "first"): "The channels of volumes come first: ",
    ("channels", "batch last"): "The batch comes last: ",
    ("filters", "first"): "The channels of kernels come first: ",
    ("kernel", "turned"): "turned round",
    ("padding", "nearest"): "repeats the nearest value",
    ("padding", "circular"): "Padding is circular",
    ("order", "width first"): "The width comes before the height: ",
    ("multiplier", "q·M + m"): "in the order q·M + m",
    ("floor", -1): "clips at -1",
    ("floor", -2): "clips at -2",
    ("epsilon", "outside the root"): "outside the root",
    ("count", "flops"): "FLOPs are counted",
    ("images", "one"): "that of one image",
    ("ratio", "standard over separable"): "the standard convolution over the separable one",
    ("kinks", "inside"): "−1/2 and 3/2 instead of 0 and 1",
    ("gate", "sigmoid"): "The gate is the sigmoid",
    ("groups", "in reverse"): "The groups are dealt in reverse",
    ("box", "spans"): "A box is (top, bottom, left, right) instead of",
    ("box", "size"): "A box is (top, left, height, width) instead of",
    ("box", "centre"): "by its centre and its size, (row, column, height, width), not by its corners",
    ("measure", "smaller"): "divided by the area of the smaller box",
    ("codes", "columns first"): "The codes of columns come first",
    ("scales", "divisors"): "The codes are divided by the scales",
    ("threshold", "from"): "An IoU equal to the threshold suppresses too",
    ("ties", "higher"): "Of equal scores the higher index comes first",
    ("points", 11): "The mean is over 11 recalls",
    ("points", "all"): "It is the area under the curve instead",
    ("precision", "there"): "The precision is taken as it is",
    ("mining", "batch"): "The negatives are chosen from the whole batch",
    ("divisor", "images"): "divided by the number of images instead of positives",
    ("align", "corners"): "centres of the outermost rows meet",
    ("align", "origin"): "centres of the first rows meet",
    ("align", "end"): "centres of the last rows meet",
    ("rows", "prediction"): "are the classes of the prediction instead",
    ("ignored", -1): "ignored is -1 instead of 255",
    ("absent", "zero"): "has the IoU 0 instead",
    ("absent", "one"): "has the IoU 1 instead",
    ("background", "left out"): "The background, class 0, is not in the mean",
    ("share", "foreground"): "divided by the number of pixels of classes above 0, not",
    ("share", "images"): "divided by the number of images instead of the pixels",
    **{("beta", beta): f"has its kinks at ±{beta} instead" for beta in (2, 3)},
    **{("knee", knee): f"kinks of hard-swish are at ±{knee}" for knee in (2, 4, 6)},
    **{("limit", limit): f"clips at {limit}" for limit in (4, 5, 7, 8)},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_file_states_every_choice_that_is_changed_and_no_other(name):
    exercise = EXERCISES[name]
    for seed in range(12):
        text = " ".join(text_of(name, seed).split())
        changed = set(variant_from(exercise.choices, seed, name).changed.items())
        for choice, words in STATED.items():
            if choice[0] in exercise.choices:
                assert (words in text) == (choice in changed), (seed, choice)


def test_a_variant_changes_the_shapes_of_the_docstring():
    text = exercise_text(EXERCISES["depthwise"], Variant(5, channels="first", filters="first"))
    assert "dy: (B, M·Q, Dᵥ, Dᵥ)" in text
    assert "dx (B, M, Dᵤ, Dᵤ) and dkernel (M·Q, Dᵣ, Dᵣ)." in text
    assert "dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, M·Q)." in exercise_text(EXERCISES["depthwise"], Variant())
    text = exercise_text(EXERCISES["costs"], Variant(5, channels="batch last", filters="first", order="width first"))
    assert "x_shape: (Dᵤ, Dᵤ, M, B), the input's shape." in text
    assert "pointwise_shape: (N, M·Q), " in text
    assert "stride: how far a filter steps, (width, height)." in text
    assert "((left, right), (top, bottom))" in text
    assert "kernel_size: the sides of a filter, (height, width)." in text
    assert "conv2d_cost(x_shape=(3, 5, 2, 1), kernel_shape=(3, 2, 2, 3))" in text


@pytest.mark.parametrize("name", ["depthwise", "separable", "factorize"])
def test_which_channel_a_filter_reads_is_said_as_the_variant_has_it(name):
    texts = (exercise_text(EXERCISES[name], Variant(5, multiplier=order)) for order in OPTIONS["multiplier"])
    plain, changed = (" ".join(text.split()) for text in texts)
    assert "c // Q" in plain
    assert "c mod M" not in plain
    assert "c // Q" not in changed
    assert changed.count("c mod M") == 1 + 2 * len(EXERCISES[name].tasks)  # at the top, and in each docstring twice


def test_a_changed_layout_is_stated_once_for_all_functions_of_a_file():
    head = exercise_text(EXERCISES["separable"], Variant(5, filters="first")).partition("import numpy")[0]
    assert head.count("come first") == 1
    for shape in ("depthwise is (M·Q, Dᵣ, Dᵣ)", "pointwise is (N, M·Q)", "kernel is (N, M, Dᵣ, Dᵣ)"):
        assert shape in head


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "no line '# npconv exercise"),
        ("# npconv exercise: costs\n", "no line '# npconv variant"),
        ("# npconv exercise: costs\n# npconv exercise: pointwise\n# npconv variant: none\n", "2 lines"),
        ("# npconv exercise: costs\n# npconv variant: 1\n# npconv variant: 2\n", "2 lines"),
        ("# npconv exercise: cost\n# npconv variant: 1\n", "there is no exercise cost; there are standard-loops"),
        ("# npconv exercise: costs\n# npconv variant: one\n", "none or a whole number; got 'one'"),
        ("# npconv exercise: costs\n# npconv variant: 1e3\n", "none or a whole number"),
    ],
)
def test_a_header_that_is_not_one_is_refused(header, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_header(header)


def test_what_is_there_is_never_written_over(tmp_path):
    path = start_exercise("pointwise", tmp_path / "new", variant=3)
    assert path == tmp_path / "new" / "pointwise.py"
    path.write_text("my work")
    with pytest.raises(FileExistsError, match="exists already, and is not written over"):
        start_exercise("pointwise", tmp_path / "new")
    assert path.read_text() == "my work"
    assert [file.name for file in path.parent.iterdir()] == ["pointwise.py"]
    with pytest.raises(ValueError, match="no exercise pointwis; there are"):
        start_exercise("pointwis", tmp_path)


# find the bug


def differs(source, task, step=1):
    """Whether a file's function is wrong on a case of the ladder."""
    namespace: dict = {}
    exec(source, namespace)
    for case in few_cases(task, step):
        right = task.reference(case, Variant())
        try:
            found = answer_of(namespace[task.name], task, case, Variant())
        except (ValueError, IndexError):
            return True
        if not same(task, case, Variant(), found, right):
            return True
    return False


@pytest.mark.parametrize("seed", range(len(BUGS)))
def test_a_planted_mistake_is_one_and_mending_its_line_is_enough(seed):
    exercise, variant = exercise_of("find-the-bug", seed)
    (task,) = exercise.tasks
    text, bug = exercise_text(exercise, variant), BUGS[seed]
    assert bug.wrong in text
    assert differs(text, task)
    mended = text.replace(bug.wrong, bug.right)
    assert sum(a != b for a, b in zip(text.splitlines(), mended.splitlines(), strict=True)) == 1
    assert not differs(mended, task, step=7)


def test_there_are_enough_bugs_and_without_a_variant_it_is_the_first():
    assert len(BUGS) >= 12
    assert len({bug.function for bug in BUGS}) >= 9
    assert exercise_of("find-the-bug", None)[0].tasks == exercise_of("find-the-bug", 0)[0].tasks
    assert exercise_of("find-the-bug", len(BUGS) + 1)[0].tasks == exercise_of("find-the-bug", 1)[0].tasks


# the command


def run(*argv):
    import argparse

    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["exercise", *map(str, argv)])
    return arguments.run(arguments)


def test_the_list_has_every_function_with_its_points(capsys):
    assert run("list") == 0
    printed = capsys.readouterr().out
    for exercise, task in TASKS:
        assert re.search(rf"{task.name} +{task.points}\b", printed), task.name
        assert exercise.asks in printed
    assert re.search(r"find-the-bug +one of several +4 ", printed)
    assert re.search(rf"all +{sum(exercise.points for exercise in EXERCISES.values())}\n", printed)


def test_start_prints_where_the_file_is_and_how_to_grade_it(tmp_path, capsys):
    assert run("start", "batch-norm", tmp_path, "--variant", 2) == 0
    printed = capsys.readouterr().out
    assert f"wrote {tmp_path / 'batch_norm.py'}: batch_norm_backward (6 points, variant 2 (" in printed
    assert f"npconv grade {tmp_path / 'batch_norm.py'}" in printed
    assert "# npconv variant: 2\n" in (tmp_path / "batch_norm.py").read_text(encoding="utf-8")
    with pytest.raises(FileExistsError):
        run("start", "batch-norm", tmp_path)
