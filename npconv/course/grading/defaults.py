"""Options that are left out: cases in which they have their default, found from the signature."""

import ast
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case, Size, Sizes, Task


def defaults_of(task: Task) -> dict[str, Any]:
    """The default of each option that has one."""
    return {name: ast.literal_eval(default) for name, default in task.options if default}


def options_given(task: Task, case: Case) -> dict[str, Any]:
    """The keyword arguments that a case is called with: those that have their default are left out where it says so.

    >>> from npconv.course.exercises import EXERCISES
    >>> task = EXERCISES["standard-loops"].tasks[0]
    >>> case = Case({}, {"stride": (1, 2), "padding": ((0, 0), (0, 0))}, {"defaults": 1})
    >>> options_given(task, case)
    {'stride': (1, 2)}
    """
    if not case.sizes.get("defaults"):
        return dict(case.options)
    defaults = defaults_of(task)
    return {name: value for name, value in case.options.items() if name not in defaults or value != defaults[name]}


def left_out(task: Task, case: Case) -> frozenset[str]:
    """The options that a case is called without."""
    return frozenset(case.options) - frozenset(options_given(task, case))


def to_leave_out(task: Task) -> list[tuple[str, ...]]:
    """The options that are left out together: each alone, and all.

    >>> from npconv.course.exercises import EXERCISES
    >>> to_leave_out(EXERCISES["standard-loops"].tasks[0])
    [('stride',), ('padding',), ('stride', 'padding')]
    """
    names = tuple(defaults_of(task))
    return list(dict.fromkeys([*((name,) for name in names), names])) if names else []


def at_defaults(task: Task, kinds: Sequence[Size], sizes: Sizes, names: Sequence[str]) -> Sizes | None:
    """Sizes at which these options have their default, otherwise as they are; None where there are none.

    >>> from npconv.course.exercises import EXERCISES
    >>> task = EXERCISES["factorize"].tasks[0]
    >>> sizes = {size.name: size.others[0] for size in task.sizes}
    >>> {k: v for k, v in at_defaults(task, task.sizes, sizes, ["depth_multiplier"]).items() if v != sizes[k]}
    {'multiplier': 1}
    """
    for name in names:
        default = defaults_of(task)[name]
        found = (asked for asked in _others(task, kinds, sizes, name) if _option(task, asked, name) == default)
        if (asked := next(found, None)) is None:
            return None
        sizes = asked
    return sizes


def _others(task: Task, kinds: Sequence[Size], sizes: Sizes, name: str) -> Iterator[Sizes]:
    """The sizes with other values, least first, of those that the option is made of."""
    value = _option(task, sizes, name)
    making = [
        size
        for size in kinds
        if any(_option(task, {**sizes, size.name: other}, name) != value for other in (size.least, *size.others))
    ]
    for values in itertools.product(*((size.least, *size.others) for size in making)):
        yield {**sizes, **{size.name: value for size, value in zip(making, values, strict=True)}}


def _option(task: Task, sizes: Sizes, name: str) -> Any:
    return task.build(sizes, _ones).options[name]


def _ones(*shape: int, low: int | None = None, high: int | None = None) -> Array:
    """A draw of nothing, as options do not depend on the numbers."""
    return np.ones(shape)
