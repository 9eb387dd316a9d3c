"""The comparison of a result with the right one: its kind and shape first, then its values."""

from fractions import Fraction
from typing import Any

import numpy as np

from ..exercises.exercise import Result


def as_result(value: Any) -> Result:
    """A result as a tuple; a single one as a tuple of one."""
    return value if isinstance(value, tuple) else (value,)


def kind_wrong(name: str, value: Any, due: Any) -> str:
    """The fault in the kind or the shape of a result, in words; "" if there is none.

    >>> kind_wrong("y", np.zeros((1, 2)), np.zeros((2, 1)))
    'y has the shape (1, 2), where (2, 1) is right'
    """
    if due is None:
        return "" if value is None else f"{name} is {describe(value)}, where None is right"
    if value is None:
        return f"{name} is None, where {describe(due)} is due: is there a return?"
    if isinstance(due, np.ndarray):
        if due.ndim and not isinstance(value, np.ndarray):
            return f"{name} is {describe(value)}, where {describe(due)} is due"
        array = np.asarray(value)
        if array.shape != due.shape:
            return f"{name} has the shape {array.shape}, where {due.shape} is right"
        return "" if array.dtype.kind in "iuf" else f"{name} holds {array.dtype}, where real numbers are due"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, np.ndarray | bool):
        return f"{name} is {describe(value)}, where one number is due"
    if isinstance(due, Fraction) and isinstance(value, float):
        return f"{name} is a float, {value!r}, where an exact fractions.Fraction is due"
    return ""


def equal(value: Any, due: Any, tolerance: float, *, nans: bool = False) -> bool:
    """True for the right result, to within a share of its largest value, or of 1.

    A whole number and a Fraction are exact. NaN is the same as nothing, or, where `nans` is True, as another NaN.

    >>> equal(np.array([1.0, 2.0]), np.array([1, 2]), 1e-9), equal(3, Fraction(3), 1e-9), equal(np.nan, 1.0, 1e-9)
    (True, True, False)
    """
    if value is None or due is None:
        return value is due
    if isinstance(due, int | Fraction):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        return isinstance(value, int | float | Fraction) and not isinstance(value, bool) and bool(value == due)
    found, right = np.asarray(value), np.asarray(due)
    if found.shape != right.shape or found.dtype.kind not in "iuf":
        return False
    if np.array_equal(found, right):
        return True
    found, right = found.astype(np.float64), right.astype(np.float64)
    with np.errstate(all="ignore"):
        alike = (found == right) | (nans & np.isnan(found) & np.isnan(right))
        error = np.abs(found - right)[~alike].max(initial=0)
        largest = np.abs(right)[np.isfinite(right)].max(initial=1)
    return bool(error <= tolerance * largest)  # NaN is not


def shapes(result: Result) -> list[tuple[int, ...]]:
    """The shapes of a result's parts, apart from those that are None.

    >>> shapes((np.zeros((2, 3)), None, 1.0))
    [(2, 3), ()]
    """
    return [np.shape(part) for part in result if part is not None]


def is_whole(result: Result) -> bool:
    """True if all numbers of a result are finite and whole.

    >>> is_whole((np.ones(2), None)), is_whole((0.5,)), is_whole((np.inf,)), is_whole((1j,))
    (True, False, False, False)
    """
    with np.errstate(invalid="ignore"):
        return all(
            part is None or (np.isrealobj(part) and bool(np.all(np.asarray(part, float) % 1 == 0))) for part in result
        )


def describe(value: Any) -> str:
    """The kind of a value, with its shape if it has one.

    >>> describe(np.zeros((2, 3))), describe(1.5), describe((1, 2))
    ('an array (2, 3)', 'a float', 'a tuple of 2')
    """
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
