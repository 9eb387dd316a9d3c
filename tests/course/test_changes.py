"""Variants with just so many changes, from the command line to the grader."""

import re

import pytest

from npconv.cli import main
from npconv.course.exercises import EXERCISES, Variant, variant_from
from npconv.course.exercises.template import exercise_of, exercise_text, read_header, rules_of
from npconv.course.exercises.variants import OPTIONS
from npconv.course.grading import grade

NUMBERS = range(1, 8)  # no exercise has seven choices


def sets_of(choices, changes):
    """How many sets of options change just so many of the choices: the coefficients of a polynomial."""
    counts = [1]
    for choice in choices:
        others = len(OPTIONS[choice]) - 1
        counts = [a + others * b for a, b in zip([*counts, 0], [0, *counts], strict=True)]
    return counts[changes]


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("changes", NUMBERS)
def test_just_so_many_choices_are_changed_and_stated_and_seeds_differ_until_all_sets_are_used(name, changes):
    exercise = EXERCISES[name]
    due = min(changes, len(exercise.choices))
    sets = sets_of(exercise.choices, due)
    variants = [variant_from(exercise.choices, seed, name, changes) for seed in range(-5, sets - 5)]
    assert {len(variant.changed) for variant in variants} == {due}
    assert len({tuple(variant.changed.items()) for variant in variants}) == sets
    assert variant_from(exercise.choices, sets - 5, name, changes).changed == variants[0].changed
    assert {len(rules_of(exercise.tasks, variant)) for variant in variants} == {due}


@pytest.mark.parametrize("name", EXERCISES)
def test_the_header_gives_the_same_variant_back(name):
    for seed, changes in ((7, 4), (-3, 1), (10**17, 99), (7, None), (None, None)):
        exercise, variant = exercise_of(name, seed, changes)
        read, same = read_header(exercise_text(exercise, variant))
        assert (read, same, same.changes) == (exercise, variant, changes)


def test_a_header_of_before_is_read_as_before():
    for name in ("costs", "depthwise"):
        _, variant = read_header(f"# npconv exercise: {name}\n# npconv variant: 45\n")
        assert variant == variant_from(EXERCISES[name].choices, 45, name)
        assert variant.changes is None
    assert read_header("# npconv exercise: costs\n# npconv variant: 45\n")[1].changed == {
        "count": "flops",
        "images": "one",
        "ratio": "standard over separable",
    }
    assert read_header("# npconv exercise: costs\n# npconv variant: none\n")[1] == Variant()


@pytest.mark.parametrize(
    "said", ["7, changes: 0", "7, changes: 100", "7, changes:", "none, changes: 2", "7 changes: 2"]
)
def test_a_number_of_changes_that_is_none_is_refused(said):
    with pytest.raises(ValueError, match=r"^'# npconv variant:' must say none or a whole number; got '"):
        read_header(f"# npconv exercise: costs\n# npconv variant: {said}\n")


def test_changes_need_a_seed_and_are_at_least_one():
    for seed, changes in ((None, 2), (3, 0), (3, -1)):
        with pytest.raises(ValueError, match="changes must be at least 1, with a seed"):
            exercise_of("costs", seed, changes)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("pointwise", 4, "--changes 4 is more than the 2 choices of pointwise: all are changed\n"),
        ("find-the-bug", 1, "--changes 1 is more than the 0 choices of find-the-bug: nothing is changed\n"),
        ("pointwise", 2, ""),
        ("depthwise", 6, ""),
    ],
)
def test_where_there_are_fewer_choices_the_command_says_so(name, changes, says, tmp_path, capsys):
    assert main(["exercise", "start", name, str(tmp_path), "--variant", "5", "--changes", str(changes)]) == 0
    out = capsys.readouterr().out
    assert says in out
    assert ("is more than" in out) == bool(says)
    assert re.search(rf"(?m)^# npconv variant: 5, changes: {changes}$", next(tmp_path.iterdir()).read_text("utf-8"))


WANTED = {(7, 4): 1, (7, None): 0, (8, 4): 0, (7, 3): 0, (None, 4): 1, (None, 3): 0, (None, None): 1}


@pytest.mark.parametrize(("variant", "changes"), WANTED)
def test_the_grader_refuses_another_seed_and_another_number_of_changes(variant, changes, tmp_path):
    path = tmp_path / "costs.py"
    path.write_text("# npconv exercise: costs\n# npconv variant: 7, changes: 4\n", encoding="utf-8")
    if WANTED[variant, changes]:
        report = grade(path, variant=variant, changes=changes)
        assert (report.as_json()["variant"], report.as_json()["changes"]) == (7, 4)
        assert len(report.variant.changed) == 4
    else:
        with pytest.raises(ValueError, match=r"must be (a )?variant.*; its header says variant 7, changes: 4$"):
            grade(path, variant=variant, changes=changes)


def test_a_file_without_a_number_of_changes_is_refused_where_one_is_due(tmp_path):
    path = tmp_path / "costs.py"
    path.write_text("# npconv exercise: costs\n# npconv variant: 7\n", encoding="utf-8")
    assert "changes" not in grade(path, variant=7).as_json()
    for variant in (7, None):
        with pytest.raises(ValueError, match=r"its header says variant 7$"):
            grade(path, variant=variant, changes=4)
