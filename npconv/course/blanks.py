"""Blanks to fill in: a lesson's cells have a `...`, and judge the answer that replaces it."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

CLOSE = 1e-6  # what a float may differ by, of the largest right number


def check(yours: object, right: object, *, through: Callable[[Any], object] | None = None) -> None:
    """Print that an answer is right, where it differs, or that a blank is not filled in yet.

    Args:
        yours: the answer: a number, a text, an array or a tuple of these; `...` while it is not filled in.
        right: the right answer, of the same kind. Floats may differ by 10⁻⁶ of its largest number.
        through: a function of the answer; its result is compared with `right`. An unfilled blank does not reach it.

    >>> check(..., 27)
    Not yet: put your answer in the place of the ... and run this again.
    >>> check(3 * 3 * 3, 27)
    Right.
    >>> check((1, 5, 5, 3), (1, 5, 5, 4))
    Not right: at [3] yours is 3, and 4 is right.
    >>> check(2, np.eye(2), through=np.ones)
    Not right: yours has shape (2,), and (2, 2) is right.
    """
    if yours is ... or (isinstance(yours, tuple) and any(each is ... for each in yours)):
        print("Not yet: put your answer in the place of the ... and run this again.")
        return
    found = _difference(yours if through is None else through(yours), right)
    print(f"Not right: {found}." if found else "Right.")


def _difference(yours: Any, right: Any) -> str:
    """The first difference in words; empty if there is none."""
    if isinstance(right, tuple) and any(isinstance(each, np.ndarray) for each in right):
        if not isinstance(yours, tuple | list) or len(yours) != len(right):
            return f"{len(right)} arrays are asked for"
        found = [_difference(*both) for both in zip(yours, right, strict=True)]
        return next((f"array {n}: {words}" for n, words in enumerate(found) if words), "")
    sought = np.asarray(right)
    try:
        numbers = np.asarray(yours)
    except ValueError:
        return f"yours has rows of different lengths, and shape {sought.shape} is right"
    if numbers.shape != sought.shape:
        return f"yours has shape {numbers.shape}, and {sought.shape} is right"
    wrong = np.asarray(numbers.astype(object) != sought.astype(object))
    if {numbers.dtype.kind, sought.dtype.kind} & {"f", "c"}:
        with contextlib.suppress(TypeError):  # a text or None is no number
            wrong = ~np.asarray(abs(numbers - sought) <= CLOSE * np.max(abs(sought)), bool)
    if not wrong.any():
        return ""
    at = tuple(int(index[0]) for index in np.nonzero(np.atleast_1d(wrong)))[: wrong.ndim]
    where = f"at {[*at]} " if at else ""
    many = f"; {wrong.sum()} of {wrong.size} numbers differ" if wrong.sum() > 1 else ""
    return f"{where}yours is {_plain(numbers[at])!r}, and {_plain(sought[at])!r} is right{many}"


def _plain(number: Any) -> Any:
    """A number or text as Python's own."""
    return np.asarray(number).item()
