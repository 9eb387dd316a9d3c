"""The order of a depth multiplier's channels, which a variant may change: the M·Q filters, and what they give."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from .exercise import Answer, Case, Reference, Result, Task
from .mistakes import as_if
from .variants import OPTIONS, Variant

PLAIN = OPTIONS["multiplier"][0]


def order_of(variant: Variant, case: Case) -> Array:
    """The places of npconv's M·Q channels in the student's layout.

    >>> case = Case({}, {}, {"channels": 2, "multiplier": 3})
    >>> order_of(Variant(multiplier="q·M + m"), case)
    array([0, 2, 4, 1, 3, 5])
    """
    m, q = case.sizes["channels"], case.sizes["multiplier"]
    there = np.arange(m * q, dtype=np.int64)
    return there if variant.multiplier == PLAIN else there.reshape(q, m).T.ravel()


def in_the_other_order(task: Task) -> Answer:
    """The answer of a function that takes the filters in the order that is not the variant's."""
    answers = {order: as_if(task, multiplier=order) for order in OPTIONS["multiplier"]}

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        (answer,) = (answer for order, answer in answers.items() if order != variant.multiplier)
        return answer(case, variant, reference)

    return answered


def in_the_variants_order(task: Task, axes: Mapping[str, int]) -> Task:
    """The task for variants in whose arrays filter q of channel m is q·M + m, not m·Q + q.

    `axes` gives, by name of an array or a result, which axis has the M·Q channels. Reference and mistakes are those of
    the given task, between the two orders.
    """

    def moved(named: Iterable[tuple[str, Any]], order: Array) -> dict[str, Any]:
        return {name: np.take(a, order, axis=axes[name]) if name in axes else a for name, a in named}

    def between(answer: Any, case: Case, variant: Variant, *reference: Reference) -> Result:
        if variant.multiplier == PLAIN:
            return answer(case, variant, *reference)  # type: ignore[no-any-return]
        order = order_of(variant, case)
        plain = replace(case, arrays=moved(case.arrays.items(), order))
        result = answer(plain, replace(variant, multiplier=PLAIN), *reference)
        results = [(name, a) for (name, _), a in zip(task.results, result, strict=True)]
        if any(np.shape(a)[axes[name]] != order.size for name, a in results if name in axes):
            raise ValueError("a mistake whose result has another shape")
        return tuple(moved(results, np.argsort(order)).values())

    def mended(answer: Answer) -> Answer:
        return lambda *given: between(answer, *given)

    return replace(
        task,
        reference=lambda case, variant: between(task.reference, case, variant),
        wrong={says: mended(answer) for says, answer in task.wrong.items()},
        choices=(*task.choices, "multiplier"),
    )
