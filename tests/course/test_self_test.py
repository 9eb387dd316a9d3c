"""The grader's own test: it catches every planted mistake, accepts every right answer, and can fail."""

import importlib
import json
import re
from collections import Counter

import calling
import pytest

from npconv.cli import main
from npconv.course import grading
from npconv.course.exercises import EXERCISES
from npconv.course.exercises.bugs import BUGS, solution_source
from npconv.course.grading.ladder import departures, sizes_of
from npconv.course.grading.planted import PLANTED, Planted, replaced
from npconv.course.grading.process import Outcome
from npconv.course.grading.self_test import accepted_sources, self_test
from npconv.course.grading.trial import what_is_wrong

TASKS = {task.name for exercise in EXERCISES.values() if exercise.name != "find-the-bug" for task in exercise.tasks}


BY_PROCESS = 25  # each so many-th planted mistake and right answer is graded by way of a process too


def here(*known):
    """The self-test with the functions called here, which takes half the time."""
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("npconv.course.grading.self_test")
        patch.setattr(module, "Submission", calling.Here)
        patch.setattr(module, "Cases", calling.cases_of)
        return self_test(*known)


@pytest.fixture(scope="module")
def result():
    return here()


def test_by_way_of_a_process_it_is_the_same(result):
    accepted = accepted_sources()[4::BY_PROCESS]
    graded = self_test(PLANTED[::BY_PROCESS], accepted)
    known = {(tested.verdict.task.name, tested.says): tested.verdict for tested in (*result.mistakes, *result.accepted)}
    assert len(graded.mistakes) == len(PLANTED[::BY_PROCESS])
    assert len(graded.accepted) >= len(accepted) >= 1
    for tested in (*graded.mistakes, *graded.accepted):
        verdict = known[tested.verdict.task.name, tested.says]
        assert (tested.verdict.status, tested.verdict.passed) == (verdict.status, verdict.passed)
        assert re.sub(r" \(line \d+: `.*?`\)", "", tested.verdict.broken) == verdict.broken


def test_every_planted_mistake_is_caught(result):
    assert [(t.verdict.task.name, t.says, t.verdict.status) for t in result.mistakes if not t.as_it_should] == []
    assert len(result.mistakes) == len(PLANTED) >= 100


def test_every_right_answer_is_accepted(result):
    assert [(t.verdict.task.name, t.says, t.verdict.broken) for t in result.accepted if not t.as_it_should] == []
    assert len(result.accepted) >= 25
    assert result.right


def test_every_function_of_the_course_is_in_both_tables(result):
    mistakes = Counter(tested.verdict.task.name for tested in result.mistakes)
    assert set(mistakes) == TASKS == {tested.verdict.task.name for tested in result.accepted}
    assert min(mistakes.values()) >= 4


def test_a_function_that_does_nothing_is_caught_for_every_task(result):
    idle = {t.verdict.task.name for t in result.mistakes if t.verdict.broken.startswith("nothing is computed")}
    assert idle == TASKS


def test_no_mistake_stands_twice(result):
    assert len({(mistake.function, mistake.says) for mistake in PLANTED}) == len(PLANTED)
    assert len({mistake.source() for mistake in PLANTED}) == len(PLANTED)


def test_what_the_grader_says_is_a_name_and_not_a_case_for_most(result):
    said = [tested.verdict.broken for tested in result.mistakes]
    assert all(said)
    unnamed = [says for says in said if "wrong values" in says]
    assert len(unnamed) < len(said) / 5


def test_every_wrong_function_has_a_case_that_can_be_worked_by_hand(result):
    """Nothing of it is larger than two dozen numbers, wherever an answer came back at all."""
    for tested in result.mistakes:
        trial = tested.verdict.smallest
        assert trial.wrong, tested.says
        assert sum(a.size for a in trial.given if a is not None) <= 24, tested.says


def test_a_mistake_that_shows_in_squares_alone_is_shown_in_a_small_one(result):
    found = {(tested.verdict.task.name, tested.says): tested.verdict for tested in result.mistakes}
    swapped = found["pointwise_conv2d", "M and N are swapped where they can be"]
    assert swapped.smallest.given[1].shape == (2, 2)
    kept = found["conv2d_loops", "an answer is kept for each shape"]
    assert kept.broken.startswith("it gives the answer of an earlier call")


def test_the_tables_can_be_read_and_parsed(result):
    text = result.as_text()
    assert max(map(len, text.splitlines())) <= 140
    assert f"{len(PLANTED)} of {len(PLANTED)} planted mistakes are caught" in text
    data = json.loads(json.dumps(result.as_json()))
    assert set(data) == {"right", "mistakes", "accepted"}
    assert all(set(row) == {"function", "says", "status", "property", "as_it_should"} for row in data["mistakes"])
    assert data["right"] is True


ISSUES_OWN = {
    ("conv2d_backward", "the stride is ignored"): "the stride along the height is ignored",
    ("conv2d_cost", "the stride is ignored"): "the stride along the height is ignored",
    ("conv2d_loops", "the strides of height and width are swapped"): "the strides of height and width are swapped",
    ("conv2d_loops", "the kernel is flipped, as in a true convolution"): "the kernel is flipped",
    ("conv2d_taps", "the columns are stepped over by the height's stride"): "the height's stride is taken for both",
    ("conv2d_taps", "the kernel is transposed: M and N are swapped"): "input and output channels of the kernel are",
    ("conv2d_taps", "the edge is repeated instead of zeros"): "the nearest value is repeated around the map",
    ("conv2d_backward", "dkernel is the last image's alone"): "dkernel is not summed over the batch",
    ("conv2d_backward", "dy is changed in place"): "the argument dy is changed",
    ("batch_norm_backward", "dscale is the sum of dy times x"): "dscale is the sum of dy times x",
    ("mean_intersection_over_union", "a float is returned"): "mean is a float, 1.0, where an exact fractions.Fraction",
}


@pytest.mark.parametrize("mistake", ISSUES_OWN, ids=" ".join)
def test_the_mistakes_that_are_made_most_are_named(result, mistake):
    said = {(tested.verdict.task.name, tested.says): tested.verdict.broken for tested in result.mistakes}
    assert said[mistake].startswith(ISSUES_OWN[mistake])


def local(mistake):
    """The function with the mistake, to be called here."""
    module = {}
    exec(mistake.source(), module)
    return module[mistake.function]


def test_what_goes_wrong_only_somewhere_goes_wrong_nowhere_else(result):
    told = [(planted, tested.verdict) for planted, tested in zip(PLANTED, result.mistakes, strict=True)]
    told = [(planted, verdict) for planted, verdict in told if "only where" in verdict.broken]
    assert told
    for planted, verdict in told:
        cases, function = calling.cases_of(planted.task, seed=7), local(planted)
        somewhere = verdict.broken.rpartition("only where ")[2].partition(", and first seen")[0].split(", or ")
        wrong = 0
        for case in cases:
            arrays = [None if a is None else a.copy() for a in case.arrays.values()]
            try:
                outcome = Outcome("returned", function(*arrays, **case.options), tuple(arrays))
            except Exception as error:
                outcome = Outcome("raised", message=str(error))
            given = [None if a is None else a.copy() for a in case.arrays.values()]
            if what_is_wrong(cases, case, given, outcome, cases.right(case)):
                wrong += 1
                there = departures(planted.task, case.sizes)
                said = [
                    re.compile(re.escape(size.says).replace(r"\{\}", ".+"))
                    for size in sizes_of(planted.task)
                    if case.sizes.get(size.name, size.least) != size.least
                ]

                def is_in(place, said=said):
                    return any(says.fullmatch(place) for says in said)

                assert any(all(map(is_in, place.split(" and "))) for place in somewhere), (verdict.broken, there)
        assert wrong, planted.says


def test_nothing_that_the_tables_say_is_cut(result):
    cells = " ".join(result.as_text().split())
    assert "…" not in cells
    assert max(map(len, result.as_text().splitlines())) <= 140


NO_MISTAKE = Planted("this is none", "pointwise", "pointwise_conv2d", "return x @ kernel", "return x.dot(kernel)")
NO_ANSWER = """# npconv exercise: pointwise
# npconv variant: none
'''It is wrong.'''
def pointwise_conv2d(x, kernel):
    return kernel
"""


def test_the_self_test_fails_where_a_mistake_is_not_caught(capsys, monkeypatch):
    result = self_test([NO_MISTAKE], [])
    assert not result.right
    assert "right, not wrong" in result.as_text()
    assert "0 of 1 planted mistakes are caught" in result.as_text()
    monkeypatch.setattr(grading, "self_test", lambda: result)
    assert main(["grade", "--self-test"]) == 1
    assert main(["grade", "--self-test", "--json"]) == 1
    assert '"as_it_should": false' in capsys.readouterr().out


def test_the_self_test_fails_where_a_right_answer_is_not_accepted():
    source = NO_ANSWER.replace("'''", '"""')
    result = self_test([], [source])
    assert not result.right
    assert [tested.verdict.status for tested in result.accepted] == ["wrong", "missing"]


def test_the_self_test_of_the_command_line_passes(result, capsys, monkeypatch):
    monkeypatch.setattr(grading, "self_test", lambda: result)
    assert main(["grade", "--self-test"]) == 0
    assert capsys.readouterr().out == result.as_text() + "\n"


def test_a_mistake_that_does_not_stand_there_is_no_mistake():
    with pytest.raises(ValueError, match=r"relu6 has not 2 times 'np\.minimum'"):
        replaced(solution_source("activations"), "relu6", "np.minimum", "np.maximum", 2)


def test_every_bug_to_be_found_is_caught():
    planted = [Planted(b.right, b.exercise.name, b.function, b.right, b.wrong) for b in BUGS]
    known = {mistake.source() for mistake in PLANTED}  # which are graded already
    others = [mistake for mistake in planted if mistake.source() not in known]
    assert len(others) < len(planted) / 2
    assert [tested.says for tested in here(others, []).mistakes if not tested.as_it_should] == []


def test_right_answers_of_variants_are_wrong_without_their_header():
    headers = [source.splitlines()[1] for source in accepted_sources()]
    variants = [s for s, header in zip(accepted_sources(), headers, strict=True) if "none" not in header]
    assert len(variants) >= 3
    plain = [s.replace(s.splitlines()[1], "# npconv variant: none") for s in variants]
    assert {tested.verdict.status for tested in here([], plain).accepted} == {"wrong"}
