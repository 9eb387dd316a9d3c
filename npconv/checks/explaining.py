"""A kernel that writes down its own formula: the very kernel, run on an array of names."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST, boolean, callables, integer, integers
from ..kernels.geometry import Array
from ..kernels.objects import ObjectArray
from .polynomials import entry_name

SHORT = {"kernel": "k"}  # what a parameter is called in a formula, where that is not its own name


class Name:
    """A named number, or a sum or product of them: it remembers its formula and its value."""

    __slots__ = ("sign", "text", "value")

    def __init__(self, text: str, value: Any, sign: str = "") -> None:
        self.text = text
        self.value = value
        self.sign = sign  # the operation that was done last: "", "·" or "+"

    def __mul__(self, other: Any) -> "Name":
        return Name(f"{_factor(self)}·{_factor(other)}", self.value * _value(other), "·")

    def __rmul__(self, other: Any) -> "Name":
        return Name(f"{_factor(other)}·{_factor(self)}", _value(other) * self.value, "·")

    def __add__(self, other: Any) -> "Name":
        if not isinstance(other, Name) and other == 0:
            return self  # what an accumulator starts from
        return Name(f"{_text(self)} + {_text(other)}", self.value + _value(other), "+")

    def __radd__(self, other: Any) -> "Name":
        return self if other == 0 else Name(f"{_text(other)} + {_text(self)}", _value(other) + self.value, "+")

    def __truediv__(self, other: Any) -> "Name":
        return Name(f"{_factor(self)}/{_divisor(other)}", self.value / _value(other), "·")

    def __rtruediv__(self, other: Any) -> "Name":
        return Name(f"{_factor(other)}/{_divisor(self)}", _value(other) / self.value, "·")

    def __neg__(self) -> "Name":
        return Name(f"-{_factor(self)}", -self.value)

    def exp(self) -> "Name":
        """e to the power of the number, as NumPy asks an object for it."""
        return Name(f"exp({self.text})", math.exp(self.value))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _value(other))


def explain(
    function: Callable[..., Any],
    *arrays: Array | None,
    at: Sequence[int],
    of: str | int = 0,
    numbers: bool = False,
    **geometry: Any,
) -> str:
    """One entry of what a kernel returns, as the formula by which that kernel really computed it.

    Args:
        function: a kernel, forward or backward.
        arrays: what it takes, ndarrays of numbers; small ones, as every entry is computed.
        at: the entry's index.
        of: where it returns several arrays, which: its position, or its name, such as "dkernel".
        numbers: whether to add a second line with the numbers in the names' places, and the result.
        geometry: what it takes by keyword.

    Returns:
        The formula, such as "y[0,0,0,1] = x[0,0,0,0]·k[0,0,0,1] + …"; padding's zeros stand in it as 0.

    Raises:
        TypeError: an argument is not an ndarray.
        ValueError: `of` names nothing that the kernel returns.
        IndexError: `at` is no entry of it.

    >>> from npconv import conv2d
    >>> print(explain(conv2d, np.ones((1, 2, 2, 1)), np.ones((1, 2, 1, 1)), at=(0, 1, 0, 0)))
    y[0,1,0,0] = x[0,1,0,0]·k[0,0,0,0] + x[0,1,1,0]·k[0,1,0,0]
    """
    callables("explain", function=function)
    boolean("explain", "numbers", numbers)
    at = integers("explain", "at", at, -LARGEST)
    names = list(inspect.signature(function).parameters)[: len(arrays)]
    result = function(*(_named(name, a) for name, a in zip(names, arrays, strict=True)), **geometry)
    results = result if isinstance(result, tuple) else (result,)
    backward = names[0] == "dy"
    labels = [f"d{name}" for name in names[1:]][: len(results)] if backward else ["y"]
    if isinstance(of, str) and of not in labels:
        raise ValueError(f"explain: of must be one of {labels} or its position; got {of!r}")
    position = labels.index(of) if isinstance(of, str) else integer("explain", "of", of, 0, len(results) - 1)
    entry = results[position]
    if len(at) != entry.ndim or not all(0 <= i < n for i, n in zip(at, entry.shape, strict=True)):
        raise IndexError(f"explain: at must be an index into {labels[position]} {entry.shape}; got {at}")
    label = entry_name(_short(labels[position]), at)
    line = f"{label} = {_text(entry[at])}"
    if not numbers:
        return line
    valued = function(*(_valued(a) for a in arrays), **geometry)
    worked = (valued if isinstance(valued, tuple) else (valued,))[position][at]
    return f"{line}\n{' ' * len(label)} = {_text(worked)} = {_text(_value(worked))}"


def _named(name: str, a: Array | None) -> Array | None:
    return _objects(a, lambda index, value: Name(entry_name(_short(name), index), value))


def _valued(a: Array | None) -> Array | None:
    return _objects(a, lambda index, value: Name(f"({value})" if value < 0 else str(value), value))


def _objects(a: Array | None, make: Callable[[tuple[int, ...], Any], Name]) -> Array | None:
    if a is None:
        return None
    if not isinstance(a, np.ndarray):
        raise TypeError(f"explain: arrays must be numpy.ndarray or None; got {type(a).__name__}")
    objects = np.empty(a.shape, object).view(ObjectArray)
    for index in np.ndindex(*a.shape):
        value = a[index].item()
        objects[index] = make(index, int(value) if isinstance(value, float) and value.is_integer() else value)
    return objects


def _short(name: str) -> str:
    if name in SHORT:
        return SHORT[name]
    return f"d{SHORT[name[1:]]}" if name[:1] == "d" and name[1:] in SHORT else name


def _value(number: Any) -> Any:
    return number.value if isinstance(number, Name) else number


def _text(number: Any) -> str:
    return number.text if isinstance(number, Name) else str(number)


def _factor(number: Any) -> str:
    """A factor's text: a sum in brackets."""
    return f"({_text(number)})" if isinstance(number, Name) and number.sign == "+" else _text(number)


def _divisor(number: Any) -> str:
    """A divisor's text: a sum or a product in brackets."""
    return f"({_text(number)})" if isinstance(number, Name) and number.sign else _text(number)
