"""The exercises: cases that fit, references that are right in every variant, mistakes that differ, files to fill in."""

import ast
import doctest
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from npconv.cli import exercise as command
from npconv.course.exercises import EXERCISES, Variant, variant_from
from npconv.course.exercises.bugs import BUGS, solution_source
from npconv.course.exercises.exercise import Case
from npconv.course.exercises.template import example_case, exercise_of, exercise_text, read_header, start_exercise
from npconv.course.exercises.variants import CHANNELS_FIRST, OPTIONS, PADDINGS, SPATIAL
from npconv.course.grading.comparing import equal
from npconv.course.grading.ladder import departures, ladder

TASKS = [
    (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks if exercise.name != "find-the-bug"
]
WRITTEN = [name for name in EXERCISES if name != "find-the-bug"]
SEEDS = (None, 1, 2, 3, 4, 8)
by_task = pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[task.name for _, task in TASKS])


def few_cases(task, step=1):
    """The cases of a ladder without those where just two sizes depart."""
    return [case for case in ladder(task, 0) if len(departures(task, case.sizes)) != 2][::step]


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
    if name in ("activations", "inverted-residual"):
        source = re.sub(r"\b6\b", str(variant.limit), source)
    if variant.epsilon == "outside the root":
        source = source.replace("np.sqrt(x.var(axis=axes) + epsilon)", "np.sqrt(x.var(axis=axes)) + epsilon")
        source = source.replace("dscale / count)", "dscale / count * deviation / (deviation - epsilon))")
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
    return source


def plain(kind, a, variant):
    """The inverse of Variant.theirs."""
    if a is None:
        return None
    if variant.channels == "first" and kind in CHANNELS_FIRST:
        a = a.transpose(np.argsort(CHANNELS_FIRST[kind]))
    return np.flip(a, SPATIAL[kind]) if variant.kernel == "turned" and kind in SPATIAL else a


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
        given = (plain(kind, a, variant) for (_, kind), a in zip(task.arrays, arrays, strict=True))
        results = namespace[task.name](*given, **options)
        laid = theirs(task.results, results if isinstance(results, tuple) else (results,), variant)
        return laid if len(laid) > 1 else laid[0]

    return function


def same(task, case, variant, found, right):
    if task.compared is not None:
        found, right = (task.compared(result, case, variant) for result in (found, right))
    return len(found) == len(right) and all(equal(a, b, 1e-9) for a, b in zip(found, right, strict=True))


@by_task
def test_the_references_agree_with_the_solutions_in_every_variant(exercise, task):
    for seed in SEEDS:
        variant = variant_from(exercise.choices, seed, exercise.name)
        function = solved(exercise, task, variant)
        for case in few_cases(task, step=1 if seed is None else 3):
            given = theirs(task.arrays, case.arrays.values(), variant)
            found, right = (
                function(*given, **case.options),
                theirs(task.results, task.reference(case, variant), variant),
            )
            assert same(task, case, variant, found if isinstance(found, tuple) else (found,), right), (seed, case.sizes)


@by_task
def test_every_case_of_the_ladder_fits(exercise, task):
    variant = Variant(channels="first", kernel="turned", padding="circular", limit=5)
    for case in ladder(task, 1):
        right = task.reference(case, variant)
        assert len(right) == len(task.results)
        assert all(part is None or np.all(np.isfinite(np.asarray(part, float))) for part in right)


@by_task
def test_a_size_that_departs_alone_changes_the_case(exercise, task):
    least, *others = [case for case in ladder(task, 2) if len(departures(task, case.sizes)) < 2]
    shapes = [np.shape(a) for a in least.arrays.values() if a is not None]
    for case in (case for case in others if departures(task, case.sizes)):
        values = [a for a in case.arrays.values() if a is not None]
        unlike = [a.shape for a in values] != shapes or case.options != least.options
        assert unlike or departures(task, case.sizes)[0].split()[0] in ("x", "the", "values", "there", "each"), (
            case.sizes
        )


def answered(task, mistake, case, variant):
    """What a mistake makes of a case, as what is compared; None where it can't be."""
    try:
        found = mistake.answer(case, variant, task.reference)
    except ValueError:
        return None
    return found if task.compared is None else task.compared(found, case, variant)


def as_key(found):
    return found and tuple(
        part if part is None else (np.shape(part), np.asarray(part, float).round(6).tobytes()) for part in found
    )


@by_task
def test_no_mistake_is_right_and_no_two_are_the_same(exercise, task):
    """Each in the plain exercise, or in a variant where it takes the plain exercise for it."""
    mistakes = {mistake.says: mistake for mistake in task.mistakes}
    assert len(mistakes) == len(task.mistakes) >= 5
    answers, wrong = dict.fromkeys(mistakes, ()), set()
    variants = {"padding": "nearest", "limit": 5, "count": "flops", "images": "one"}
    plain_again = {says for says in mistakes if says.endswith("whatever the docstring says")}
    for says in plain_again:
        for choice in set(variants) & set(exercise.choices):
            variant = Variant(1, **{choice: variants[choice]})
            for case in few_cases(task)[-24:]:
                found = answered(task, mistakes[says], case, variant)
                if not same(replace(task, compared=None), case, variant, found, task.reference(case, variant)):
                    wrong.add(says)
    for case in few_cases(task)[::-1]:  # the large ones first
        right = task.reference(case, Variant())
        right = right if task.compared is None else task.compared(right, case, Variant())
        for says in set(mistakes) - plain_again:
            found = answered(task, mistakes[says], case, Variant())
            answers[says] += (as_key(found),)
            if found is not None and not all(equal(a, b, 1e-6) for a, b in zip(found, right, strict=True)):
                wrong.add(says)
        if len(wrong) == len(mistakes) and len(set(answers.values())) == len(mistakes) - len(plain_again) + bool(
            plain_again
        ):
            return
    assert wrong == set(mistakes)
    told_apart = [answer for says, answer in answers.items() if says not in plain_again]
    assert len(set(told_apart)) == len(told_apart)


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
    for case in few_cases(task, step=7):
        dy, x, scale, shift = case.arrays.values()

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
        for case in ladder(task, 0):
            if not case.sizes["uneven"] and not case.sizes["other_epsilon"]:
                for part in task.reference(case, Variant(1, epsilon=epsilon)):
                    assert np.allclose(part, np.round(part), atol=1e-9)


def test_relu6_is_tried_at_both_kinks_and_beyond_them():
    for task in EXERCISES["activations"].tasks:
        x = np.concatenate([case.arrays["x"].ravel() for case in ladder(task, 0)])
        for limit in OPTIONS["limit"]:
            assert {0, limit} <= set(x)
            assert (x < -limit).any()
            assert (x > limit).any()


def test_the_inverted_residual_has_its_shortcut_exactly_at_stride_1_with_equal_channels():
    task = EXERCISES["inverted-residual"].tasks[0]
    seen = set()
    for case in ladder(task, 0):
        x, expand, _, project = case.arrays.values()
        y = task.reference(case, Variant())[0]
        without = task.reference(replace(case, arrays={**case.arrays, "project": 0 * project}), Variant())[0]
        shortcut = case.options["stride"] == (1, 1) and x.shape[3] == project.shape[1]
        assert np.array_equal(without, x if shortcut else 0 * y)
        seen.add((shortcut, x.shape == y.shape, expand is None))
    assert seen >= {(True, True, False), (True, True, True), (False, True, False), (False, False, False)}


def test_relu6_clips_on_both_sides_inside_the_inverted_residual():
    task = EXERCISES["inverted-residual"].tasks[0]
    expanded = [case.arrays["x"] @ case.arrays["expand"] for case in ladder(task, 0) if not case.sizes["no_expansion"]]
    values = np.concatenate([a.ravel() for a in expanded])
    assert (values < 0).sum() > 20
    assert (values > 8).sum() > 20
    assert (values == 6).any()


def test_any_factors_with_the_best_product_are_right_and_others_are_not():
    task = EXERCISES["factorize"].tasks[0]
    for case in few_cases(task):
        depthwise, pointwise = task.reference(case, Variant())
        distances = task.compared((-2 * depthwise, pointwise / -2), case, Variant())
        assert np.allclose(distances, task.compared((depthwise, pointwise), case, Variant()))
        if case.sizes["rank"] <= case.sizes["multiplier"]:
            assert np.allclose(distances, 0, atol=1e-9)


def test_the_points_are_those_of_the_functions():
    points = {task.name: task.points for _, task in TASKS}
    assert points == {
        "conv2d_loops": 4, "conv2d_taps": 4, "conv2d_backward": 8, "depthwise_conv2d": 3,
        "depthwise_conv2d_backward": 4, "pointwise_conv2d": 2, "pointwise_conv2d_backward": 3,
        "depthwise_separable_conv2d": 2, "factored_kernel": 3, "conv2d_cost": 2, "depthwise_separable_conv2d_cost": 2,
        "cost_ratio": 1, "relu6": 1, "relu6_backward": 2, "batch_norm_backward": 6, "inverted_residual": 4,
        "inverted_residual_backward": 8, "factorize_kernel": 5,
    }  # fmt: skip


# the file that is filled in


@pytest.mark.parametrize("name", EXERCISES)
def test_the_file_compiles_and_its_header_is_read_again(name):
    for seed in SEEDS:
        exercise, variant = exercise_of(name, seed)
        text = exercise_text(exercise, variant)
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
        tree = ast.parse(exercise_text(exercise, variant))
        text = "\n\n".join(ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef))
        examples = doctest.DocTestParser().get_doctest(text, namespace, name, None, 0)
        assert len(examples.examples) >= 1
        assert doctest.DocTestRunner().run(examples).failed == 0


@by_task
def test_the_examples_are_in_whole_numbers_and_not_zero(exercise, task):
    for seed in SEEDS:
        right = task.reference(example_case(task), variant_from(exercise.choices, seed, exercise.name))
        assert any(np.any(np.asarray(part, float) != 0) for part in right)
        if task.compared is None and task.name != "cost_ratio":
            assert all(np.allclose(part, np.round(part)) for part in right if part is not None)


STATED = {
    ("channels", "first"): "Channels come first: ",
    ("kernel", "turned"): "turned round",
    ("padding", "nearest"): "repeats the nearest value",
    ("padding", "circular"): "Padding is circular",
    ("epsilon", "outside the root"): "outside the root",
    ("count", "flops"): "FLOPs are counted",
    ("images", "one"): "that of one image",
    ("ratio", "standard over separable"): "the standard convolution over the separable one",
    **{("limit", limit): f"clips at {limit}" for limit in (4, 5, 7, 8)},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_file_states_every_choice_that_is_changed_and_no_other(name):
    exercise = EXERCISES[name]
    for seed in range(12):
        text = " ".join(exercise_text(*exercise_of(name, seed)).split())
        changed = set(variant_from(exercise.choices, seed, name).changed.items())
        for choice, words in STATED.items():
            if choice[0] in exercise.choices:
                assert (words in text) == (choice in changed), (seed, choice)


def test_a_variant_changes_the_shapes_of_the_docstring():
    text = exercise_text(EXERCISES["depthwise"], Variant(5, channels="first"))
    assert "dy: (B, M·Q, Dᵥ, Dᵥ)" in text
    assert "dx (B, M, Dᵤ, Dᵤ) and dkernel (M·Q, Dᵣ, Dᵣ)." in text
    assert "dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, M·Q)." in exercise_text(EXERCISES["depthwise"], Variant())


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


def outcome(source, task, case):
    namespace: dict = {}
    exec(source, namespace)
    found = namespace[task.name](*(None if a is None else a.copy() for a in case.arrays.values()), **case.options)
    return found if isinstance(found, tuple) else (found,)


def differs(source, task):
    """Whether a file's function is wrong on a case of the ladder."""
    for case in few_cases(task):
        right = task.reference(case, Variant())
        try:
            found = outcome(source, task, case)
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
    assert not differs(mended, task)


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
