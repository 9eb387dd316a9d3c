"""The words about a blank: that it is not filled in, that it is right, or where it differs."""

from fractions import Fraction

import numpy as np
import pytest

from npconv.course.blanks import check

NOT_YET = "Not yet: put your answer in the place of the ... and run this again."


def said(capsys, *answers, **options):
    check(*answers, **options)
    line, end = capsys.readouterr().out.split("\n")
    assert end == ""
    return line


@pytest.mark.parametrize(
    "right", [3, "conv", (1, 2), [1, 2], np.ones((2, 3)), (np.ones(2), np.ones((3, 1))), Fraction(2, 3)]
)
def test_what_is_left_blank_is_not_yet_right_and_not_wrong(right, capsys):
    assert said(capsys, ..., right) == NOT_YET
    assert said(capsys, (1, ...), right) == NOT_YET
    assert said(capsys, ..., right, through=lambda _: 1 / 0) == NOT_YET


@pytest.mark.parametrize(
    ("yours", "right"),
    [
        (27, 27),
        (27, np.int64(27)),
        (27.0, 27),
        (True, np.bool_(True)),
        ("block_3", "block_3"),
        ((4, 6, 9), (np.int64(4), np.int64(6), np.int64(9))),
        ([0, 3], (0, 3)),
        (1 / 3, Fraction(1, 3)),
        (Fraction(1, 3), Fraction(1, 3)),
        (0, 0.0),
        (np.float32(0.1), 0.1),
        (1e6 + 0.5, 1e6),
        (1 + 2j, 1 + 2j),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3)),
        ((np.ones(2), np.zeros((3, 1))), (np.ones(2), np.zeros((3, 1)))),
        ([np.ones(2), np.zeros((3, 1))], (np.ones(2), np.zeros((3, 1)))),
    ],
)
def test_an_equal_answer_is_right(yours, right, capsys):
    assert said(capsys, yours, right) == "Right."


@pytest.mark.parametrize(
    ("yours", "right", "words"),
    [
        (26, 27, "yours is 26, and 27 is right"),
        (False, True, "yours is False, and True is right"),
        (None, 27, "yours is None, and 27 is right"),
        ("27", 27, "yours is '27', and 27 is right"),
        ("a", 2.5, "yours is 'a', and 2.5 is right"),
        (None, 2.5, "yours is None, and 2.5 is right"),
        (2.5, "a", "yours is 2.5, and 'a' is right"),
        ("block_2", "block_3", "yours is 'block_2', and 'block_3' is right"),
        (0.5, Fraction(1, 3), "yours is 0.5, and Fraction(1, 3) is right"),
        (float("nan"), 1.0, "yours is nan, and 1.0 is right"),
        (1.00001, 1.0, "yours is 1.00001, and 1.0 is right"),
        ((4, 5, 9), (4, 6, 9), "at [1] yours is 5, and 6 is right"),
        ((4, 6), (4, 6, 9), "yours has shape (2,), and (3,) is right"),
        (4, (4, 6), "yours has shape (), and (2,) is right"),
        ([[1], [1, 2]], 3, "yours has rows of different lengths, and shape () is right"),
        (np.eye(2, dtype=int), np.ones((2, 2), int), "at [0, 1] yours is 0, and 1 is right; 2 of 4 numbers differ"),
        ((np.ones(2), [1, 3]), (np.ones(2), np.array([1, 2])), "array 1: at [1] yours is 3, and 2 is right"),
        (300_774_273, 300_774_272, "yours is 300774273, and 300774272 is right"),
        (0.2, Fraction(1, 10), "yours is 0.2, and Fraction(1, 10) is right"),
        (np.ones(2), (np.ones(2), np.ones(3)), "2 arrays are asked for"),
        ((np.ones(2),), (np.ones(2), np.ones(3)), "2 arrays are asked for"),
    ],
)  # fmt: skip
def test_another_answer_is_told_where_it_differs(yours, right, words, capsys):
    assert said(capsys, yours, right) == f"Not right: {words}."


def test_an_answer_that_is_used_is_judged_by_what_comes_of_it(capsys):
    assert said(capsys, 3, np.ones(3), through=np.ones) == "Right."
    assert said(capsys, 2, np.ones(3), through=np.ones) == "Not right: yours has shape (2,), and (3,) is right."
    with pytest.raises(ZeroDivisionError):
        check(0, 1, through=lambda number: 1 / number)
