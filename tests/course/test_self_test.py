"""The grader's own test: it catches every planted mistake, accepts every right answer, and can fail."""

import json
from collections import Counter

import pytest

from npconv.cli import main
from npconv.course import grading
from npconv.course.exercises import EXERCISES
from npconv.course.exercises.bugs import BUGS, solution_source
from npconv.course.grading.planted import PLANTED, Planted, replaced
from npconv.course.grading.self_test import accepted_sources, self_test

TASKS = {task.name for exercise in EXERCISES.values() if exercise.name != "find-the-bug" for task in exercise.tasks}


@pytest.fixture(scope="module")
def result():
    return self_test()


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
    assert [tested.says for tested in self_test(others, []).mistakes if not tested.as_it_should] == []


def test_right_answers_of_variants_are_wrong_without_their_header():
    headers = [source.splitlines()[1] for source in accepted_sources()]
    variants = [s for s, header in zip(accepted_sources(), headers, strict=True) if "none" not in header]
    assert len(variants) >= 3
    plain = [s.replace(s.splitlines()[1], "# npconv variant: none") for s in variants]
    assert {tested.verdict.status for tested in self_test([], plain).accepted} == {"wrong"}
