"""The cases that a function is tried on: from the one where nothing departs to those where everything does."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case, Draw, Size, Sizes, Task
from .defaults import at_defaults, to_leave_out
from .mixtures import FRACTIONS, mixed, mixtures_of

MANY = 24  # cases in which every size is drawn
LEFT_OUT = 4  # those in which the same options are left out
MANIFOLD = 70  # of what is counted: beyond the pieces, of 64 or fewer, in which it may be computed
QUARTERS = Size("quarters", 0, (1,), "the numbers are not whole")  # halves and quarters, which are exact in floats
INTEGERS = Size("integers", 0, (1,), "the arrays are of integers")
DEFAULTS = Size("defaults", 0, (1,), "the options that have their default are left out", paired=False)
ZEROS = Size("zeros", 0, (1,), "there are zeros among the numbers", paired=False)
SINGLE = Size("single", 0, (1,), "the arrays are of float32", paired=False)
FORTRAN = Size("fortran", 0, (1,), "the arrays are in Fortran's order", paired=False)
NEAR = Size("near", 0, (4000,), "the numbers are near ±{}", paired=False)
MIXED = Size("mixed", 0, (1,), "the arrays' dtypes differ", paired=False)  # in which way: the number of a mixture


def sizes_of(task: Task) -> tuple[Size, ...]:
    """The task's sizes, and with them what kinds of numbers it is tried on."""
    kinds = [QUARTERS] * task.exact + [INTEGERS] * task.integers
    kinds += [DEFAULTS] * any(default for _, default in task.options)
    if task.exact:
        kinds += [ZEROS] if task.compared else [ZEROS, SINGLE, NEAR]  # what no sum is made of loses more by rounding
    kinds += [FORTRAN] * bool(task.arrays)
    if mixtures := mixtures_of(task):
        kinds += [replace(MIXED, others=tuple(range(1, len(mixtures) + 1)))]
    return (*task.sizes, *kinds)


def least_sizes(task: Task) -> dict[str, int]:
    """The sizes of the task's smallest case."""
    return {size.name: size.least for size in sizes_of(task)}


def ladder(task: Task, seed: int) -> Iterator[Case]:
    """A task's cases, from small to large; for one seed always the same.

    First nothing departs from the least sizes, then one size, then each pair of them, then as the task asks for, then
    each thing is many; then all are drawn: above one where options are left out, memory has another order and dtypes
    are mixed, and then anything. Neighbours (height and width, channels and filters) also depart as far as each other,
    as some mistakes show in squares alone.

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
    paired = [size for size in sizes if size.paired]
    for first, second in itertools.combinations(paired, 2):
        pair = {first.name: first.others[0], second.name: second.others[-1]}
        yield case_of(task, {**least, **pair}, seed, next(number))
    for first, second in itertools.pairwise(paired):
        for value in sorted(set(first.others) & set(second.others)):
            yield case_of(task, {**least, first.name: value, second.name: value}, seed, next(number))
    for further in task.further:
        known = {name: value for name, value in further.items() if name in least}
        yield case_of(task, {**least, **known}, seed, next(number))
    choose = np.random.default_rng([seed, 1])
    for size in sizes:
        if size.least and len(size.others) > 1:
            yield case_of(task, {**least, size.name: MANIFOLD}, seed, next(number))
    for further in _above_one(task, seed):
        yield case_of(task, {**least, **further}, seed, next(number))
    for _ in range(MANY):
        drawn = {size.name: int(choose.choice((size.least, *size.others))) for size in paired}
        yield case_of(task, {**least, **drawn}, seed, next(number))


def _above_one(task: Task, seed: int) -> Iterator[Sizes]:
    """Sizes of which all that count something are above one: options left out, Fortran's order, mixed dtypes."""
    choose = np.random.default_rng([seed, 2])
    sizes = [size for size in sizes_of(task) if size.paired]

    def drawn() -> Sizes:
        among = {size.name: size.others if size.least else (size.least, *size.others) for size in sizes}
        return {**least_sizes(task), **{name: int(choose.choice(values)) for name, values in among.items()}}

    for names in to_leave_out(task):
        for _ in range(LEFT_OUT):
            if (found := at_defaults(task, sizes, drawn(), names)) is not None:
                yield {**found, "defaults": 1}
    for _ in range(2 * bool(task.arrays)):
        yield {**drawn(), "fortran": 1}
    even = {size.name: size.others[0] for size in sizes if len(size.others) > 1}
    small = {size.name: size.least for size in sizes if size.least}
    for number, mixture in enumerate(mixtures_of(task), start=1):
        yield {**(drawn() if task.exact else even), "mixed": number}  # where a float32 holds what is between
        for _ in range(2 * (mixture.factor == FRACTIONS)):
            yield {**drawn(), **small, "mixed": number}  # below the limit


def case_of(task: Task, sizes: Sizes, seed: int, number: int) -> Case:
    """The case of these sizes, with the numbers that this seed draws for it; integers are no quarters."""
    if sizes.get("mixed"):
        sizes = {**sizes, **{name: 0 for name in ("integers", "quarters", "single", "near") if name in sizes}}
    if sizes.get("integers"):
        sizes = {**sizes, "quarters": 0}
    case = task.build(sizes, drawing(sizes, seed, number))
    if sizes.get("single"):
        first, factor = task.arrays[0][0], 2**12 + 1 if task.integers else 1 + 2.0**-12  # more digits than float16 has
        numbers = {name: a * factor if name == first and a is not None else a for name, a in case.arrays.items()}
        arrays = {name: None if a is None else a.astype(np.float32) for name, a in numbers.items()}
        case = replace(case, arrays=arrays)
    return mixed(case, mixtures_of(task)[sizes["mixed"] - 1]) if sizes.get("mixed") else case


def drawing(sizes: Sizes, seed: int, number: int) -> Draw:
    """The draw of case `number` of that seed: whole numbers from −4 to 5 but 0, or in the range asked for.

    Where the sizes say so the numbers are quarters, or zeros among others, or, beyond a range, near ± a large one.

    >>> draw = drawing({}, seed=0, number=0)
    >>> draw(2, 3).shape, bool((draw(2, 3) == 0).any())
    ((2, 3), False)
    """
    generator = np.random.default_rng([seed, 0, number])
    integers, near = sizes.get("integers", 0), sizes.get("near", 0)
    divisor = 4 if sizes.get("quarters", 0) else 1

    def draw(*shape: int, low: int | None = None, high: int | None = None) -> Array:
        if low is None and high is None:
            numbers = generator.integers(-4, 5, shape)
            numbers += numbers >= 0
            far = near * np.sign(numbers)
        else:
            numbers = generator.integers(-4 if low is None else low, (5 if high is None else high) + 1, shape)
            far = 0 * numbers
        drawn: Array = numbers + far if integers else numbers / divisor + far
        return drawn * (generator.random(shape) < 0.6) if sizes.get("zeros", 0) else drawn

    return draw


def departures(task: Task, sizes: Mapping[str, int | Sequence[int]]) -> list[str]:
    """In what a case is more than the least, in words; of a size there may be several values.

    >>> from npconv.course.exercises import EXERCISES
    >>> task = EXERCISES["standard-loops"].tasks[0]
    >>> departures(task, {**least_sizes(task), "stride_width": 2})
    ['the stride along the width is 2']
    >>> departures(task, {"kernel_height": [2, 3]})
    ['the filter has 2 or 3 rows']
    """
    values = [(size, _tried(size, sizes.get(size.name, size.least))) for size in sizes_of(task)]
    return [size.says.format(_listed(value)) for size, value in values if value != size.least]


def _listed(values: int | Sequence[int]) -> str:
    *others, last = [values] if isinstance(values, int) else values
    return f"{', '.join(map(str, others))} or {last}" if others else str(last)


def _tried(size: Size, value: int | Sequence[int]) -> int | Sequence[int]:
    """Of several values those that are tried one at a time, where there are such."""
    if isinstance(value, int):
        return value
    return [one for one in value if one in size.others] or value
