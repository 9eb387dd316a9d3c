"""Arrays of different dtypes: the result must hold what its operands give, as np.result_type of them does."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...kernels.geometry import Array
from ..exercises.exercise import Case, Task

QUARTERS, WHOLE, FRACTIONS = 1 / 4, float(2**24 + 1), 1 + 2.0**-24


@dataclass(frozen=True)
class Mixture:
    """The arrays that are narrow, of `dtype`; the others are float64, times a factor whose multiples dtype can't hold.

    The factor is a quarter beside integers. Beside float32 it is 2²⁴ + 1, of whole results, and 1 + 2⁻²⁴ where large
    values are cut off.
    """

    narrow: frozenset[str]
    dtype: type
    factor: float


def mixtures_of(task: Task) -> list[Mixture]:
    """Each array narrow alone, and wide alone, in each way; none for one array, or where a task has none.

    >>> from npconv.course.exercises import EXERCISES
    >>> [(sorted(m.narrow), m.dtype.__name__) for m in mixtures_of(EXERCISES["pointwise"].tasks[0])]
    [(['x'], 'int64'), (['kernel'], 'int64'), (['x'], 'float32'), (['kernel'], 'float32')]
    """
    names = frozenset(name for name, _ in task.arrays)
    alone = [frozenset({name}) for name, _ in task.arrays]
    narrow = alone if len(names) == 2 else [*alone, *(names - one for one in alone)]
    ways: list[tuple[type, float]] = [(np.int64, QUARTERS)] * task.integers + [(np.float32, WHOLE)]
    ways += [(np.float32, FRACTIONS)] * (task.exact and not task.integers)
    if len(names) < 2 or not task.mixed:
        return []
    return [Mixture(these, dtype, factor) for dtype, factor in ways for these in narrow]


def mixed(case: Case, mixture: Mixture) -> Case:
    """The case with arrays of different dtypes.

    >>> case = Case({"x": np.ones(1), "kernel": 3 * np.ones(1)}, {}, {})
    >>> mixed(case, Mixture(frozenset({"x"}), np.float32, WHOLE)).arrays
    {'x': array([1.], dtype=float32), 'kernel': array([50331651.])}
    """
    return replace(
        case,
        arrays={
            name: a if a is None else a.astype(mixture.dtype) if name in mixture.narrow else a * mixture.factor
            for name, a in case.arrays.items()
        },
    )


def with_less(case: Case, mixture: Mixture) -> list[Case]:
    """A mixed case with one thing less: with all arrays of float64, and with numbers that need no more than float32.

    What is no better in one of them loses its digits elsewhere than in the dtype of a result.
    """

    def every(change: Callable[[str, Array], Array]) -> Case:
        arrays = {name: a if a is None else change(name, a) for name, a in case.arrays.items()}
        return replace(case, arrays=arrays, sizes={**case.sizes, "mixed": 0})

    return [
        every(lambda name, a: a.astype(float)),
        every(lambda name, a: a if name in mixture.narrow else a / mixture.factor),
    ]
