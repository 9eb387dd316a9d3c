"""Steppers: an operation taken step by step on real values, for a debugger, a notebook or a page.

KINDS lists the kinds by name. `steps` generates a kind's steps; `stepper` returns all of them, with the arrays that
they read and write. Both take sizes or an instructor's own arrays.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ...kernels.arguments import one_of, plain
from .backward import backward
from .dilated import dilated
from .groups import groups
from .inverted import inverted_residual
from .matching import matching
from .plan import Plan
from .resize import resize
from .separable import depthwise, pointwise, separable
from .shuffle import shuffle
from .sizes import NAME
from .standard import per_channel, standard
from .step import Boxes, Counting, Grouped, Panel, Side, Step, Stepper, SumOfProducts
from .suppression import suppression
from .transposed import transposed

KINDS: dict[str, Callable[..., Plan]] = {
    "standard": standard,
    "per-channel": per_channel,
    "depthwise": depthwise,
    "pointwise": pointwise,
    "separable": separable,
    "inverted-residual": inverted_residual,
    "backward": backward,
    "groups": groups,
    "transposed": transposed,
    "dilated": dilated,
    "shuffle": shuffle,
    "resize": resize,
    "matching": matching,
    "suppression": suppression,
}
"""The functions that plan each kind of stepper; their docstrings list the keyword arguments."""

__all__ = [
    "KINDS", "Boxes", "Counting", "Grouped", "Panel", "Side", "Step", "Stepper", "SumOfProducts", "stepper", "steps",
]  # fmt: skip


def stepper(kind: str, **sizes: Any) -> Stepper:
    """A kind of stepper with its arrays and all of its steps.

    Args:
        kind: one of `KINDS`.
        sizes: the kind's keyword arguments, all optional: x, kernel, out_channels, depth_multiplier, expansion,
            groups, stride, padding, output_padding, dilation, size, align, seed and arrays by the kernels' names; of
            matching and suppression boxes and sizes of images; `KINDS[kind]` documents them.

    Returns:
        A Stepper.

    Raises:
        TypeError: the kind has no such argument, or an argument has the wrong type.
        ValueError: there is no such kind, arrays and sizes do not fit together, or no page can show these sizes.

    >>> page = stepper("depthwise", x=(3, 4, 2), kernel=(2, 3), padding=((1, 0), (0, 0)))
    >>> page.panel("y").values.shape, len(page.steps)
    ((3, 2, 2), 12)
    >>> bool(np.array_equal(page.state(12)["y"], page.panel("y").values))
    True
    """
    plan = _plan(kind, sizes)
    steps = tuple(plan.walk())
    return Stepper(
        kind, plan.title, plan.summary, plan.panels, steps, plan.geometry, plan.counting, plan.boxes, plan.fixed,
        plan.grouped,
    )  # fmt: skip


def steps(kind: str, **sizes: Any) -> Iterator[Step]:
    """The steps of a kind, generated one at a time.

    Arguments and errors as in `stepper`, raised at the call.

    >>> for step in steps("pointwise", x=np.array([[[2, -3]]]), kernel=np.array([[1, 0], [-1, 2]])):
    ...     print(step)
    y[0, 0, 0, 0] = 2·1 + (−3)·(−1) = 5
    y[0, 0, 0, 1] = 2·0 + (−3)·2 = −6
    """
    return _plan(kind, sizes).walk()


def _plan(kind: str, sizes: dict[str, Any]) -> Plan:
    one_of(NAME, "kind", kind, KINDS)
    taken = inspect.signature(KINDS[kind]).parameters
    for name in sizes:
        if name not in taken:
            raise TypeError(f"{NAME}: {kind} takes no {name}; it takes {', '.join(taken)}")
    geometry = {name: plain(sizes[name]) for name in ("stride", "padding", "dilation") if name in sizes}
    return KINDS[kind](**sizes | geometry)
