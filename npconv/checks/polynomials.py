"""Kernels run on names, and their results as polynomials in normal form: equal exactly when the kernels are."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels.geometry import Array
from ..kernels.objects import ObjectArray

Monomial = tuple[str, ...]


STEPS = 2_000_000  # terms that may be touched to bring a function's results into normal form
ENTRIES = 20_000  # names that its arrays may have


class Polynomial:
    """A sum of products of named numbers: each product, its names in order, with its coefficient.

    It has no value, so that nothing may be decided by one.
    """

    __slots__ = ("terms",)
    left = STEPS  # terms that may still be touched

    def __init__(self, terms: Iterable[tuple[Monomial, Any]]) -> None:
        self.terms = {names: coefficient for names, coefficient in terms if coefficient}
        Polynomial.left -= len(self.terms)
        if Polynomial.left < 0:
            raise OverflowError("polynomials too long to be written down")

    def __eq__(self, other: object) -> bool:
        raise TypeError("a polynomial has no value to compare")

    def __bool__(self) -> bool:
        raise TypeError("a polynomial is neither true nor false")

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> "Polynomial":
        total = Counter(self.terms)
        for names, coefficient in as_terms(other).items():
            total[names] += coefficient
        return Polynomial(total.items())

    def __mul__(self, other: Any) -> "Polynomial":
        total: Counter[Monomial] = Counter()
        for names, coefficient in as_terms(other).items():
            for mine, factor in self.terms.items():
                total[tuple(sorted(mine + names))] += factor * coefficient
        return Polynomial(total.items())

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Polynomial":
        return Polynomial((names, -coefficient) for names, coefficient in self.terms.items())

    def __sub__(self, other: Any) -> "Polynomial":
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> "Polynomial":
        return (-self).__add__(other)

    def __truediv__(self, other: Any) -> "Polynomial":
        return self.__mul__(Fraction(1, other))

    def __pow__(self, exponent: int) -> "Polynomial":
        return prod([self] * exponent, start=Polynomial([((), 1)]))


def as_terms(number: Any) -> Mapping[Monomial, Any]:
    """The terms of a polynomial, or of a number without names."""
    if isinstance(number, Polynomial):
        return number.terms
    return {(): number} if number != 0 else {}


def named(name: str, shape: tuple[int, ...]) -> Array:
    """An array whose entries are their own names: name[0,0], name[0,1] and so on."""
    entries = np.empty(shape, object).view(ObjectArray)
    for index in np.ndindex(*shape):
        entries[index] = Polynomial([((entry_name(name, index),), 1)])
    return entries


def entry_name(name: str, index: Iterable[int]) -> str:
    """An entry of an array in words: name[0,1].

    >>> entry_name("x", (0, 1))
    'x[0,1]'
    """
    return f"{name}[{','.join(map(str, index))}]"


class Difference(NamedTuple):
    """An entry in which two results differ, and their values there; all numbers but the named ones are 0."""

    at: tuple[int, ...]
    numbers: Mapping[str, int]
    left: Any
    right: Any
    result: int = 0


def first_difference(f: Array, g: Array) -> Difference | None:
    """The first entry in which two arrays of polynomials differ, with small numbers; None where they are equal."""
    for index in np.ndindex(*f.shape):
        mine, other = as_terms(f[index]), as_terms(g[index])
        differing = [names for names in {**mine, **other} if mine.get(names, 0) != other.get(names, 0)]
        if differing:
            fewest = sorted(set(min(differing, key=lambda names: len(set(names)))))
            apart = max(map(len, differing)) + 1  # powers so far apart that no two terms share one
            for base in itertools.count(1):
                numbers = {name: base ** (apart**i) for i, name in enumerate(fewest)}
                values = [sum(_value(term, numbers) for term in terms.items()) for terms in (mine, other)]
                if values[0] != values[1]:
                    return Difference(index, numbers, *values)
    return None


def _value(term: tuple[Monomial, Any], numbers: Mapping[str, int]) -> Any:
    names, coefficient = term
    return coefficient * prod(numbers.get(name, 0) for name in names)


def on_names(function: Callable[..., Any], names: Iterable[str], arrays: Sequence[Array]) -> list[Array] | None:
    """A function's results for arrays of names, shaped like these, or None where it can't calculate with them."""
    if sum(a.size for a in arrays) > ENTRIES:
        return None
    Polynomial.left = STEPS
    try:
        returned = function(*(named(name, a.shape) for name, a in zip(names, arrays, strict=True)))
    except Exception:  # whatever it can't do with names, numbers will show
        return None
    return [np.asarray(a, object) for a in (returned if isinstance(returned, tuple) else (returned,))]
