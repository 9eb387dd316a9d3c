"""The cases that a function is tried on: from the one where nothing departs to those where everything does."""

import itertools
from collections.abc import Iterator

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case, Draw, Size, Sizes, Task

MANY = 24  # cases in which every size is drawn
QUARTERS = Size("quarters", 0, (1,), "the numbers are not whole")  # halves and quarters, which are exact in floats
INTEGERS = Size("integers", 0, (1,), "the arrays are of integers")


def sizes_of(task: Task) -> tuple[Size, ...]:
    """The task's sizes, and with them what kinds of numbers it is tried on."""
    return (*task.sizes, *([QUARTERS] if task.exact else []), *([INTEGERS] if task.integers else []))


def least_sizes(task: Task) -> dict[str, int]:
    """The sizes of the task's smallest case."""
    return {size.name: size.least for size in sizes_of(task)}


def ladder(task: Task, seed: int) -> Iterator[Case]:
    """A task's cases, from small to large; for one seed always the same.

    First nothing departs from the least sizes, then one size, then each pair of them, then all are drawn. Neighbours
    (height and width, channels and filters) also depart as far as each other, as some mistakes show in squares alone.

    >>> from npconv.course.exercises import EXERCISES
    >>> cases = list(ladder(EXERCISES["standard-loops"].tasks[0], seed=0))
    >>> [a.shape for a in cases[0].arrays.values()]
    [(1, 1, 1, 1), (1, 1, 1, 1)]
    """
    least, sizes, number = least_sizes(task), sizes_of(task), itertools.count()
    yield case_of(task, least, seed, next(number))
    for size in sizes:
        for value in size.others:
            yield case_of(task, {**least, size.name: value}, seed, next(number))
    for first, second in itertools.combinations(sizes, 2):
        pair = {first.name: first.others[0], second.name: second.others[-1]}
        yield case_of(task, {**least, **pair}, seed, next(number))
    for first, second in itertools.pairwise(sizes):
        for value in sorted(set(first.others) & set(second.others)):
            yield case_of(task, {**least, first.name: value, second.name: value}, seed, next(number))
    choose = np.random.default_rng([seed, 1])
    for _ in range(MANY):
        drawn = {size.name: int(choose.choice((size.least, *size.others))) for size in sizes}
        yield case_of(task, drawn, seed, next(number))


def case_of(task: Task, sizes: Sizes, seed: int, number: int) -> Case:
    """The case of these sizes, with the numbers that this seed draws for it; integers are no quarters."""
    if sizes.get("integers"):
        sizes = {**sizes, "quarters": 0}
    return task.build(sizes, drawing(sizes, seed, number))


def drawing(sizes: Sizes, seed: int, number: int) -> Draw:
    """How case `number` of that seed draws its arrays: whole numbers from −4 to 5 but 0, or in the range asked for.

    >>> draw = drawing({}, seed=0, number=0)
    >>> draw(2, 3).shape, bool((draw(2, 3) == 0).any())
    ((2, 3), False)
    """
    generator = np.random.default_rng([seed, 0, number])
    integers, divisor = sizes.get("integers", 0), 4 if sizes.get("quarters", 0) else 1

    def draw(*shape: int, low: int | None = None, high: int | None = None) -> Array:
        if low is None and high is None:
            numbers = generator.integers(-4, 5, shape)
            numbers += numbers >= 0
        else:
            numbers = generator.integers(-4 if low is None else low, (5 if high is None else high) + 1, shape)
        return numbers if integers else numbers / divisor

    return draw


def departures(task: Task, sizes: Sizes) -> list[str]:
    """In what a case is more than the least, in words.

    >>> from npconv.course.exercises import EXERCISES
    >>> task = EXERCISES["standard-loops"].tasks[0]
    >>> departures(task, {**least_sizes(task), "stride_width": 2})
    ['the stride along the width is 2']
    """
    values = [(size, sizes.get(size.name, size.least)) for size in sizes_of(task)]
    return [size.says.format(value) for size, value in values if value != size.least]
