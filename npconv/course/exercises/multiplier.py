"""The order of a depth multiplier's channels, which a variant may change: the M·Q filters, and what they give."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from .exercise import Case, Mistake, Reference, Result, Task
from .variants import OPTIONS, Variant

PLAIN = OPTIONS["multiplier"][0]


def source_of(variant: Variant) -> str:
    """The input channel that filter c reads, in the legend's letters.

    >>> source_of(Variant()), source_of(Variant(multiplier="q·M + m"))
    ('c // Q', 'c mod M')
    """
    return "c // Q" if variant.multiplier == PLAIN else "c mod M"


def order_of(variant: Variant, case: Case) -> Array:
    """Where the student's layout has each of npconv's M·Q channels.

    >>> case = Case({}, {}, {"channels": 2, "multiplier": 3})
    >>> order_of(Variant(multiplier="q·M + m"), case)
    array([0, 2, 4, 1, 3, 5])
    """
    m, q = case.sizes["channels"], case.sizes["multiplier"]
    there = np.arange(m * q, dtype=np.int64)
    return there if variant.multiplier == PLAIN else there.reshape(q, m).T.ravel()


def in_the_variants_order(*tasks: Task, axes: Mapping[str, int]) -> tuple[Task, ...]:
    """The tasks for variants in whose arrays filter q of channel m is q·M + m, not m·Q + q.

    `axes` gives, by name of an array or a result, which axis has the M·Q channels. References and mistakes are those of
    the given tasks, between the two orders.
    """
    return tuple(_in_order(task, axes) for task in tasks)


def _in_order(task: Task, axes: Mapping[str, int]) -> Task:
    def moved(names: Any, values: Any, order: Array) -> list[Any]:
        return [
            np.take(a, order, axis=axes[name]) if name in axes and a is not None else a
            for name, a in zip(names, values, strict=True)
        ]

    def between(answer: Any, case: Case, variant: Variant, *reference: Reference) -> Result:
        if variant.multiplier == PLAIN:
            return answer(case, variant, *reference)  # type: ignore[no-any-return]
        order = order_of(variant, case)
        arrays = dict(zip(case.arrays, moved(case.arrays, case.arrays.values(), order), strict=True))
        result = answer(replace(case, arrays=arrays), replace(variant, multiplier=PLAIN), *reference)
        names = [name for name, _ in task.results]
        if any(np.shape(a)[axes[name]] != order.size for name, a in zip(names, result, strict=True) if name in axes):
            raise ValueError("a mistake whose result has another shape")
        return tuple(moved(names, result, np.argsort(order)))

    def mended(mistake: Mistake) -> Mistake:
        return Mistake(mistake.says, lambda *given: between(mistake.answer, *given))

    plain = Mistake(
        "the depth multiplier's channels are taken in the order m·Q + q, whatever the docstring says",
        lambda case, variant, reference: reference(case, replace(variant, multiplier=PLAIN)),
    )
    return replace(
        task,
        reference=lambda case, variant: between(task.reference, case, variant),
        mistakes=(*map(mended, task.mistakes), plain),
        choices=(*task.choices, "multiplier"),
    )
