"""A kernel that writes down its own formula: the very kernel, run on an array of names."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..kernels.arguments import LARGEST, boolean, callables, integer, integers
from ..kernels.geometry import Array
from ..kernels.objects import ObjectArray
from .polynomials import entry_name

SHORT = {"kernel": "k"}  # what a parameter is called in a formula, where that is not its own name
LONGEST = 1_000_000  # letters of a formula that is written down


class Entry(NamedTuple):
    """An entry of an array: its name, and its number as text."""

    name: str
    number: str


Part: TypeAlias = "str | Entry | Name"


class Name:
    """A named number, or a sum or product of them: it remembers its formula and its value.

    The formula is kept in parts, and put together only where it is asked for.
    """

    __slots__ = ("letters", "parts", "sign", "value")

    def __init__(self, parts: tuple[Part, ...], value: Any, sign: str = "") -> None:
        self.parts = parts
        self.value = value
        self.sign = sign  # the operation that was done last: "", "·" or "+"
        self.letters: int = sum(_letters(part) for part in parts)

    def text(self, numbers: bool = False) -> str:
        """The formula, with the entries' numbers in the place of their names if asked for."""
        texts: list[str] = []
        left: list[Part] = [self]
        while left:  # a sum of many terms is deeper than functions may call each other
            part = left.pop()
            if isinstance(part, Name):
                left.extend(reversed(part.parts))
            else:
                texts.append(part if isinstance(part, str) else part[numbers])
        return "".join(texts)

    def __mul__(self, other: Any) -> "Name":
        return Name((*_factor(self), "·", *_factor(other)), self.value * _value(other), "·")

    def __rmul__(self, other: Any) -> "Name":
        return Name((*_factor(other), "·", *_factor(self)), _value(other) * self.value, "·")

    def __add__(self, other: Any) -> "Name":
        if not isinstance(other, Name) and other == 0:
            return self  # what an accumulator starts from
        return Name((self, " + ", _part(other)), self.value + _value(other), "+")

    def __radd__(self, other: Any) -> "Name":
        return self if other == 0 else Name((_part(other), " + ", self), _value(other) + self.value, "+")

    def __truediv__(self, other: Any) -> "Name":
        return Name((*_factor(self), "/", *_divisor(other)), self.value / _value(other), "·")

    def __rtruediv__(self, other: Any) -> "Name":
        return Name((*_factor(other), "/", *_divisor(self)), _value(other) / self.value, "·")

    def __neg__(self) -> "Name":
        return Name(("-", *_factor(self)), -self.value)

    def exp(self) -> "Name":
        """e to the power of the number, as NumPy asks an object for it."""
        return Name(("exp(", self, ")"), math.exp(self.value))

    def relu(self) -> "Name":
        """The number's ReLU, as npconv's kernels ask an object for it."""
        return Name(("relu(", self, ")"), max(self.value, 0))

    def relu6(self) -> "Name":
        """The number's ReLU6, as npconv's kernels ask an object for it."""
        return Name(("relu6(", self, ")"), min(max(self.value, 0), 6))

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
        of: where it returns several arrays, which: its position, or its name, such as "dkernel" or a stage's.
        numbers: whether to add a second line with the numbers in the names' places, and the result.
        geometry: what it takes by keyword.

    Returns:
        The formula, such as "y[0,0,0,1] = x[0,0,0,0]·k[0,0,0,1] + …"; padding's zeros stand in it as 0, and a
        derivative of ReLU or ReLU6 as the 0 or 1 that it is for these numbers.

    Raises:
        TypeError: an argument is not an ndarray.
        ValueError: `of` names nothing that the kernel returns, or the formula has more than a million letters.
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
    backward = names[0] in ("dy", "dkernel")
    labels = list(getattr(result, "_fields", [f"d{name}" for name in names[1:]] if backward else ["y"]))[: len(results)]
    if isinstance(of, str) and of not in labels:
        raise ValueError(f"explain: of must be one of {', '.join(labels)}, or its position; got {of!r}")
    position = labels.index(of) if isinstance(of, str) else integer("explain", "of", of, 0, len(results) - 1)
    entry = results[position]
    if len(at) != entry.ndim or not all(0 <= i < n for i, n in zip(at, entry.shape, strict=True)):
        raise IndexError(f"explain: at must be an index into {labels[position]} {entry.shape}; got {at}")
    label, worked = entry_name(_short(labels[position]), at), entry[at]
    if _letters(worked) > LONGEST:
        raise ValueError(
            f"explain: a formula has at most {LONGEST:,} letters; that of {label} has {_letters(worked):,}"
        )
    line = f"{label} = {_text(worked)}"
    return f"{line}\n{' ' * len(label)} = {_text(worked, True)} = {_value(worked)}" if numbers else line


def _named(name: str, a: Array | None) -> Array | None:
    if a is None:
        return None
    if not isinstance(a, np.ndarray):
        raise TypeError(f"explain: arrays must be numpy.ndarray or None; got {type(a).__name__}")
    objects = np.empty(a.shape, object).view(ObjectArray)
    for index in np.ndindex(*a.shape):
        value = a[index].item()
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        number = f"({value})" if value < 0 else str(value)
        objects[index] = Name((Entry(entry_name(_short(name), index), number),), value)
    return objects


def _short(name: str) -> str:
    if name in SHORT:
        return SHORT[name]
    return f"d{SHORT[name[1:]]}" if name[:1] == "d" and name[1:] in SHORT else name


def _value(number: Any) -> Any:
    return number.value if isinstance(number, Name) else number


def _part(number: Any) -> Part:
    return number if isinstance(number, Name) else str(number)


def _text(number: Any, numbers: bool = False) -> str:
    return number.text(numbers) if isinstance(number, Name) else str(number)


def _letters(part: Any) -> int:
    return part.letters if isinstance(part, Name) else len(part.name if isinstance(part, Entry) else str(part))


def _factor(number: Any) -> tuple[Part, ...]:
    """A factor's text: a sum in brackets."""
    return ("(", number, ")") if isinstance(number, Name) and number.sign == "+" else (_part(number),)


def _divisor(number: Any) -> tuple[Part, ...]:
    """A divisor's text: a sum or a product in brackets."""
    return ("(", number, ")") if isinstance(number, Name) and number.sign else (_part(number),)
