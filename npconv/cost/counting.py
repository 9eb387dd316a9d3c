"""The cost of a kernel by counting: the kernel itself, run on numbers that count their operations."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.objects import ObjectArray


@dataclass
class OperationCounts:
    """The operations that ran: multiplications, those by a plain zero (of padding), additions; and the result."""

    multiplications: int = 0
    zero_multiplications: int = 0
    additions: int = 0
    result: Any = None


class CountingNumber:
    """A number that adds each multiplication and addition that it takes part in to a tally.

    The sum with a plain zero that no operation made is not counted: it is what an accumulator starts from.
    """

    __slots__ = ("tally", "value")

    def __init__(self, value: Any, tally: OperationCounts) -> None:
        self.value = value
        self.tally = tally

    def __mul__(self, other: Any) -> "CountingNumber":
        self.tally.multiplications += 1
        self.tally.zero_multiplications += not isinstance(other, CountingNumber) and other == 0
        return CountingNumber(self.value * value_of(other), self.tally)

    def __add__(self, other: Any) -> "CountingNumber":
        self.tally.additions += isinstance(other, CountingNumber)
        return CountingNumber(self.value + value_of(other), self.tally)

    __rmul__, __radd__ = __mul__, __add__

    def __truediv__(self, other: Any) -> "CountingNumber":
        return CountingNumber(self.value / value_of(other), self.tally)

    def __rtruediv__(self, other: Any) -> "CountingNumber":
        return CountingNumber(other / self.value, self.tally)

    def __neg__(self) -> "CountingNumber":
        return CountingNumber(-self.value, self.tally)

    def exp(self) -> "CountingNumber":
        """e to the power of the number, as NumPy asks an object for it."""
        return CountingNumber(math.exp(self.value), self.tally)

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= value_of(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= value_of(other))


def value_of(number: Any) -> Any:
    """The number itself, counting or not."""
    return number.value if isinstance(number, CountingNumber) else number


def count_operations(function: Callable[..., Any], *arrays: Array | None, **geometry: Any) -> OperationCounts:
    """Run a kernel on numbers that count, and return how many multiplications and additions really ran.

    Args:
        function: a kernel, forward or backward, ours or yours: anything that works on arrays of objects.
        arrays: what it takes, ndarrays of numbers (None is passed on). Their values are kept, so `.result` is right.
        geometry: what it takes by keyword.

    Returns:
        OperationCounts. Multiplications by padding's zeros count, and are also told apart. The addition that puts a
        first product into a zeroed accumulator does not, so that a sum of n products has n − 1 additions.

    Raises:
        TypeError, ValueError: what the kernel raises; TypeError where function is none, or an argument is no ndarray.

    Every operation is one of Python's, so it takes about a microsecond: scale a large layer down.

    >>> from npconv import conv2d
    >>> count_operations(conv2d, np.ones((1, 7, 7, 3)), np.ones((3, 3, 3, 128))).multiplications
    86400
    """
    arguments.callables("count_operations", function=function)
    tally = OperationCounts()
    result = function(*(counting(a, tally) for a in arrays), **geometry)
    tally.result = tuple(map(plain, result)) if isinstance(result, tuple) else plain(result)
    return tally


def counting(a: Array | None, tally: OperationCounts) -> Array | None:
    """An array's numbers as numbers that count."""
    if a is None:
        return None
    if not isinstance(a, np.ndarray):
        raise TypeError(f"count_operations: arrays must be numpy.ndarray or None; got {type(a).__name__}")
    numbers: Array = np.frompyfunc(lambda value: CountingNumber(value, tally), 1, 1)(a.astype(object))
    return numbers.view(ObjectArray)


def plain(a: Any) -> Any:
    """An array of numbers that count as one of plain numbers; anything else as it is."""
    if not isinstance(a, np.ndarray) or a.dtype != object:
        return a
    numbers: Array = np.array([value_of(number) for number in a.flat]).reshape(a.shape)
    return numbers.astype(np.int64) if numbers.dtype.kind == "i" else numbers  # 32 bits by default on some platforms
