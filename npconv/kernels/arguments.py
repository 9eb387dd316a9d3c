"""The checks of single arguments: numbers, words, paths; each returns the value as Python's own, or raises.

The message names the function and the argument, and gives what was expected and what came. A wrong kind of argument
is a TypeError, a wrong value a ValueError. signatures.py checks arrays and their shapes.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .geometry import Array, Pair

LARGEST = 2**63 - 1  # of any size: what an index of 64 bits holds
MOST = LARGEST // 16  # numbers that an array of any dtype can have; 32-bit memory holds fewer, but shapes have costs
LARGEST_SEED = 2**128 - 1  # as many bits as NumPy's own entropy
LARGEST_REAL = 1e30  # of any real number; float32 holds it


def is_int(value: object) -> bool:
    """True for an int of Python or NumPy; a bool is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def integer(function: str, name: str, value: Any, least: int = 1, most: int = LARGEST, *, given: object = None) -> int:
    """An int within its bounds, as Python's: NumPy's would wrap in what is calculated with it.

    `given` is what the user wrote, where value is a part of it.
    """
    if is_int(value) and least <= value <= most:
        return int(value)
    got = shown(value if given is None else given)
    if not is_int(value):
        raise TypeError(f"{function}: {name} must be an int; got {got}")
    bound = f"at least {least}" if value < least else f"at most {most}"
    raise ValueError(f"{function}: {name} must be {bound}; got {got}")


def real(
    function: str, name: str, value: Any, *, above: float | None = None, least: float | None = None,
    below: float | None = None, most: float | None = None,
) -> float:  # fmt: skip
    """A real number within its bounds, as Python's float; NaN and infinity lie in none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{function}: {name} must be a real number; got {shown(value)}")
    number = float(value) if isinstance(value, np.number) else value  # a float16 knows no 1e30
    bounds = [("above", above, operator.gt), ("at least", least, operator.ge),
              ("below", below, operator.lt), ("at most", most, operator.le)]  # fmt: skip
    given = [(word, bound, holds(number, bound)) for word, bound, holds in bounds if bound is not None]
    if all(held for *_, held in given) and not abs(number) <= LARGEST_REAL:
        given.append(("in size at most", LARGEST_REAL, False))
    if not all(held for *_, held in given):
        wanted = " and ".join(f"{word} {bound:g}" for word, bound, _ in given)
        raise ValueError(f"{function}: {name} must be {wanted}; got {shown(value)}")
    return float(number)


def integers(
    function: str,
    name: str,
    given: Any,
    least: int = 1,
    most: int = LARGEST,
    *,
    expected: str = "a tuple of ints",
    each: str = "number",
) -> tuple[int, ...]:
    """Several ints within their bounds, as Python's."""
    if not isinstance(given, tuple | list) or not all(map(is_int, given)):
        raise TypeError(f"{function}: {name} must be {expected}; got {shown(given)}")
    for number in given:
        if not least <= number <= most:
            limit = f"at least {least}" if number < least else f"at most {most}"
            raise ValueError(f"{function}: {name} must have every {each} {limit}; got {shown(given)}")
    return tuple(map(int, given))


def sizes(
    function: str, name: str, given: Any, expected: str = "a shape, a tuple of ints", *, most: int = MOST
) -> tuple[int, ...]:
    """A shape without an empty axis, of at most so many numbers."""
    shape = integers(function, name, given, expected=expected, each="axis")
    if math.prod(shape) > most:
        raise ValueError(f"{function}: {name} must have at most {most:,} numbers; got {shown(given)}")
    return shape


def plain(value: Any) -> Any:
    """A number, a word, or tuples or a mapping of them, with Python's numbers for NumPy's."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def one_of(function: str, name: str, word: Any, words: Iterable[str]) -> str:
    """One of some words."""
    known = tuple(words)
    if not isinstance(word, str) or word not in known:
        raise ValueError(f"{function}: {name} must be one of {', '.join(known)}; got {shown(word)}")
    return word


def instance(function: str, name: str, value: Any, *kinds: type) -> None:
    """Check that a value is of one of some classes."""
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{function}: {name} must be a {wanted}; got {type(value).__name__}")


def array_of(function: str, name: str, value: Any, kinds: str) -> None:
    """Check an ndarray by the kinds of its dtype: "f", "u", "iu", "iuf" or "fc"."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
        wanted = {
            "f": "real floats", "u": "unsigned integers", "iu": "integers", "iuf": "real numbers", "fc": "floats"
        }[kinds]  # fmt: skip
        raise TypeError(f"{function}: {name} must be an ndarray of {wanted}; got {kind_of(value)}")


def check_axes(function: str, name: str, array: Any, axes: Sequence[str | int], kinds: str = "iuf") -> None:
    """Check an ndarray by its axes: a number is an axis of that size, a word any size, and "…" any number of axes."""
    array_of(function, name, array, kinds)
    wanted = list(axes[1:] if axes[0] == "…" else axes)
    shape = array.shape[-len(wanted) :] if axes[0] == "…" else array.shape
    fits = len(shape) == len(wanted) and all(
        isinstance(axis, str) or size == axis for size, axis in zip(shape, wanted, strict=True)
    )
    if not fits:
        axes_shown = f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"
        raise ValueError(f"{function}: {name} must be {axes_shown}; got {name} {array.shape}")


def check_scalar(function: str, name: str, value: Any) -> None:
    """Check a real scalar, of Python or NumPy: the gradient of a scalar loss."""
    if np.ndim(value) or np.asarray(value).dtype.kind not in "iuf":
        got = f"shape {np.shape(value)}" if np.ndim(value) else shown(value)
        raise TypeError(f"{function}: {name} must be a real scalar, as forward's output is; got {got}")


def real_dtype(function: str, dtype: Any) -> None:
    """Check that a dtype, or what NumPy makes one of, is of real floats."""
    try:
        real = np.dtype(dtype).kind == "f"
    except (TypeError, ValueError):
        real = False
    if not real:
        raise TypeError(f"{function}: dtype must be one of real floats; got {dtype!r}")


def kind_of(value: Any) -> str:
    """The dtype of an array, or the type of another value, as an error has it."""
    return f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def as_path(function: str, name: str, given: Any) -> Path:
    """A path, of a str or a Path."""
    instance(function, name, given, str, Path)
    return Path(given)


def assign(record: Any, **checked: Any) -> None:
    """Put what was checked into the fields of a frozen dataclass."""
    for name, value in checked.items():
        object.__setattr__(record, name, value)


def callables(function: str, /, **given: Any) -> None:
    """Check that each can be called."""
    for name, value in given.items():
        if not callable(value):
            raise TypeError(f"{function}: {name} must be a function; got {shown(value)}")


def boolean(function: str, name: str, value: Any) -> None:
    """Check a yes or no: a word such as "no" would count as yes."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{function}: {name} must be a bool; got {shown(value)}")


def generator(function: str, seed: Any, name: str = "seed") -> np.random.Generator:
    """The generator that an int stands for, so that the same one draws the same; a generator stands for itself."""
    if isinstance(seed, np.random.Generator):
        return seed
    if not is_int(seed):
        raise TypeError(f"{function}: {name} must be an int or a numpy.random.Generator; got {shown(seed)}")
    return np.random.default_rng(integer(function, name, seed, 0, LARGEST_SEED))


def shown(value: object) -> str:
    """A value as an error has it, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python's own limit, of 4,300 digits
        return "an int too long to print"
    return text if len(text) <= 200 else f"{text[:200]}…"


def pair(function: str, name: str, value: Pair, least: int = 1) -> tuple[int, int]:
    """Two ints for height and width, of a pair or of one int for both."""
    height, width = by_axis(function, name, value, 2, least)
    return height, width


def by_axis(function: str, name: str, value: Pair, axes: int, least: int = 1) -> tuple[int, ...]:
    """An int for each of two or three spatial axes, or one int for all."""
    if type(value) is int and least <= value <= LARGEST:
        return (value,) * axes
    numbers = [value] * axes if is_int(value) else value
    several = "a pair of ints (height, width)" if axes == 2 else "a triple of ints (depth, height, width)"
    wanted = f"{function}: {name} must be an int or {several}"
    if not isinstance(numbers, tuple | list) or not all(is_int(n) for n in numbers):
        raise TypeError(f"{wanted}; got {shown(value)}")
    if len(numbers) != axes:
        raise ValueError(f"{wanted}; got {shown(value)}")
    return tuple(integer(function, name, number, least, given=value) for number in numbers)


def padding_sides(
    function: str,
    padding: Any,
    inputs: Sequence[int],
    taps: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[tuple[int, int]]:
    """The zeros (before, after) along each spatial axis."""
    axes = len(inputs)
    if isinstance(padding, str):
        if padding == "valid":
            return [(0, 0)] * axes
        if padding == "same":
            return [same_padding(*axis) for axis in zip(inputs, taps, strides, dilations, strict=True)]
        raise ValueError(f"{function}: padding must be 'valid', 'same' or numbers; got {shown(padding)}")
    if isinstance(padding, tuple | list) and any(isinstance(side, tuple | list) for side in padding):
        if len(padding) != axes or not all(isinstance(side, tuple | list) for side in padding):
            sides = ", ".join(("(front, back)", "(top, bottom)", "(left, right)")[-axes:])
            raise ValueError(f"{function}: padding must be ({sides}); got {shown(padding)}")
        return [pair(function, "each side of padding", side, 0) for side in padding]
    return [(zeros, zeros) for zeros in by_axis(function, "padding", padding, axes, 0)]


def same_padding(size: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    """The least zeros for ⌈Dᵤ/s⌉ outputs, the odd row behind, as TensorFlow and Keras have it."""
    zeros = max((-(-size // stride) - 1) * stride + dilation * (taps - 1) + 1 - size, 0)
    return zeros // 2, zeros - zeros // 2


def positive(function: str, name: str, value: Any) -> float:
    """A positive real number, as Python's float."""
    return real(function, name, value, above=0)


def check_epsilon(function: str, epsilon: float, *arrays: Array) -> float:
    """The positive number that is added to a variance; it must be one in the arrays' dtype too."""
    number = real(function, "epsilon", epsilon, above=0)
    dtype = np.result_type(*(a.dtype for a in arrays))
    with np.errstate(over="ignore", under="ignore"):
        if not 0 < dtype.type(epsilon) < np.inf:
            raise ValueError(f"{function}: epsilon must be above 0 and finite in {dtype}; got {shown(epsilon)}")
    return number
