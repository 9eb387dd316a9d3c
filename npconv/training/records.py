"""Stored records of runs, checked field by field when they are read; a damaged one is refused."""

import reprlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..kernels.arguments import is_int

PLAIN = (bool, int, float, str)
LARGEST = 2**53  # of a count: up to here JSON's readers agree


class Rule(NamedTuple):
    """A rule for a field, in words and as a test of any plain data."""

    words: str
    holds: Callable[[Any], bool]


TEXT = Rule("a text", lambda value: isinstance(value, str))
SETTINGS = Rule(
    "a mapping from names to plain values",
    lambda value: (
        isinstance(value, dict)
        and all(
            isinstance(each, PLAIN) or (isinstance(each, dict) and all(isinstance(v, PLAIN) for v in each.values()))
            for each in value.values()
        )
    ),
)


def whole(least: int, most: int = LARGEST) -> Rule:
    """An int within bounds."""
    return Rule(f"an int from {least} to {most}", lambda value: is_int(value) and least <= value <= most)


def numbers(count: int, least: float = -sys.float_info.max, most: float = sys.float_info.max) -> Rule:
    """A list of finite real numbers within bounds, of a given length."""
    bounds = f" from {least:g} to {most:g}" if most < sys.float_info.max else ""
    return every(Rule(f"a finite number{bounds}", lambda v: type(v) in (int, float) and least <= v <= most), count)


def every(rule: Rule, count: int) -> Rule:
    """A list of a given length, in which each value obeys the rule."""
    return Rule(
        f"a list of {count}, each {rule.words}",
        lambda value: isinstance(value, list) and len(value) == count and all(rule.holds(each) for each in value),
    )


def exactly(values: list[Any]) -> Rule:
    """Exactly this list of ints."""
    return Rule(f"the list {reprlib.repr(values)}", lambda value: value == values and all(map(is_int, value)))


def rising(last: int) -> Rule:
    """A list of ints, each above the one before, from 1 up to the last."""
    return Rule(
        f"a list of rising ints that ends with {last}",
        lambda value: (
            isinstance(value, list)
            and all(map(is_int, value))
            and value[-1:] == [last]
            and all(a < b for a, b in zip([0, *value], value, strict=False))
        ),
    )


def check(record: Any, rules: Mapping[str, Rule]) -> None:
    """Check a record's fields by their rules; other fields are ignored.

    Raises ValueError, with the field, what it must be and what it is.

    >>> check({"done": 12}, {"done": whole(1, 10)})
    Traceback (most recent call last):
    ValueError: done must be an int from 1 to 10; got 12
    """
    if not isinstance(record, dict):
        raise ValueError(f"it must be a mapping from names to values; got {reprlib.repr(record)}")
    for name, rule in rules.items():
        if name not in record:
            raise ValueError(f"{name} is missing")
        if not rule.holds(record[name]):
            raise ValueError(f"{name} must be {rule.words}; got {reprlib.repr(record[name])}")
