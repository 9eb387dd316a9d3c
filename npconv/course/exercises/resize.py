"""The gradient of bilinear resizing as an exercise."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import RESIZE as RESIZE_ROW
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import OPTIONS, Variant


def position(i: int, n: int, o: int, align: str) -> Fraction:
    """Position of output row i of o among n rows, as an exact fraction.

    >>> [str(position(i, 2, 4, "half_pixel")) for i in range(4)]
    ['-1/4', '1/4', '3/4', '5/4']
    """
    at: Callable[[], Fraction] = {
        "half_pixel": lambda: Fraction((2 * i + 1) * n, 2 * o) - Fraction(1, 2),
        "corners": lambda: Fraction(i * (n - 1), max(o - 1, 1)),
        "origin": lambda: Fraction(i * n, o),
        "end": lambda: Fraction((i + 1) * n, o) - 1,
    }[align]
    return at()


def cut_off(at: Fraction, n: int) -> Fraction:
    """A position that is not outside the n rows."""
    return min(max(at, Fraction(0)), Fraction(n - 1))


def parts_of(n: int, o: int) -> int:
    """The number of which all positions of o rows among n are multiples of one part, however they are aligned."""
    return math.lcm(*(cut_off(position(i, n, o, align), n).denominator for align in OPTIONS["align"] for i in range(o)))


@dataclass(frozen=True)
class ResizeFlaw:
    """A flaw in the gradient of bilinear resizing; the defaults are right."""

    between: Callable[[Fraction], Fraction] | None = None  # the second row's weight, by its share of the way
    outside: str = "cut off"  # what becomes of a position outside the map
    shift: Fraction = Fraction(0)  # what is added to each position
    inverse: bool = False  # n and o are exchanged in the position
    mean: bool = False  # a row's gradient is the mean of those that it went to
    last: bool = False  # or the last one's


def matrix(n: int, o: int, align: str, flaw: ResizeFlaw) -> Array:
    """The weights of n rows in each of o rows, (o, n), with or without a flaw."""
    weights = np.zeros((o, n))
    for i in range(o):
        at = position(i, o, n, align) if flaw.inverse else position(i, n, o, align)
        at += flaw.shift
        inside = cut_off(at, n)
        if flaw.outside == "dropped" and inside != at:
            continue
        first = math.floor(inside)
        share = inside - first if flaw.between is None else flaw.between(inside - first)
        if flaw.outside == "extrapolated" and inside != at and n > 1:
            first = min(first, n - 2)
            share = at - first
        weights[i, first] += float(1 - share)
        weights[i, min(first + 1, n - 1)] += float(share)
    if flaw.mean:
        weights = weights / np.maximum(weights.sum(axis=0), 1e-9)
    if flaw.last:
        behind = np.cumsum(weights[::-1] != 0, axis=0)[::-1]
        weights = weights * (behind == 1)
    return weights


def resize_gradient(case: Case, variant: Variant, flaw: ResizeFlaw | None = None) -> Result:
    """dx = Aᵀ dy B, with or without a flaw."""
    flaw = flaw or ResizeFlaw()
    dy, x = case.arrays.values()
    (height, width), (tall, wide) = x.shape[1:3], dy.shape[1:3]
    rows, columns = matrix(height, tall, variant.align, flaw), matrix(width, wide, variant.align, flaw)
    return (np.einsum("vi,bvwm,wj->bijm", rows, dy, columns),)


def resized(case: Case, variant: Variant) -> Array:
    """dy at the size of x, by bilinear interpolation: what is not the adjoint."""
    dy, x = case.arrays.values()
    rows, columns = (matrix(dy.shape[axis], x.shape[axis], variant.align, ResizeFlaw()) for axis in (1, 2))
    return np.asarray(np.einsum("iv,bvwm,jw->bijm", rows, dy, columns))


def resize_case(sizes: Sizes, draw: Draw) -> Case:
    """dy (B, Dᵥ, Dᵥ, M) and x (B, Dᵤ, Dᵤ, M): dy is a multiple of what the weights are fractions of."""
    batch, channels = sizes["batch"], sizes["channels"]
    sides = [(sizes["height"], sizes["output_height"]), (sizes["width"], sizes["output_width"])]
    parts = min(math.prod(parts_of(*side) for side in sides), 5040)  # of many rows less
    dy = draw(batch, sides[0][1], sides[1][1], channels).astype(float) * parts
    return Case({"dy": dy, "x": draw(batch, sides[0][0], sides[1][0], channels).astype(float)}, {}, sizes)


def _flawed(**flaw: object) -> Answer:
    made = ResizeFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: resize_gradient(case, variant, made)


RESIZE_TASK = Task(
    "resize_bilinear_backward",
    points=5,
    arrays=(("dy", "volume"), ("x", "volume")),
    options=(),
    results=(("dx", "volume"),),
    sizes=(
        c.BATCH,
        *c.MAP,
        c.CHANNELS,
        Size("output_height", 1, (2, 3, 4), "the output has {} rows"),
        Size("output_width", 1, (2, 3, 4), "the output has {} columns"),
    ),
    build=resize_case,
    reference=resize_gradient,
    text="The gradient of bilinear resizing: of Σ dy · y with respect to x.\n\n"
    "y is x at another height and width, each channel for itself. Of o rows of y over n rows of x, row i lies at "
    "{position}; below 0 it is moved to 0, and beyond n − 1 to n − 1. A row of y between two rows of x has a share of "
    "each, which depends on how near it is: at 1.25 it is 3/4 of row 1 and 1/4 of row 2. Columns are treated as rows "
    "are. Only the shape of x matters.",
    example={"height": 2, "width": 1, "output_height": 3, "output_width": 2},
    wrong={
        "dy is resized to the size of x: that is another interpolation, not the gradient": (
            lambda case, variant, reference: (resized(case, variant),)
        ),
        "dy is resized to the size of x, times how many more values it has": (
            lambda case, variant, reference: (
                resized(case, variant) * (case.arrays["dy"].size / case.arrays["x"].size),
            )
        ),
        "nothing is interpolated: a row of y is the nearest row of x": _flawed(
            between=lambda share: Fraction(int(2 * share >= 1))
        ),
        "nothing is interpolated: a row of y is the row of x before it": _flawed(between=lambda share: 0 * share),
        "the shares of the two rows are exchanged": _flawed(between=lambda share: 1 - share),
        "the two rows have equal shares": _flawed(between=lambda share: Fraction(int(share > 0), 2)),
        "every position is half a row too far": _flawed(shift=Fraction(1, 2)),
        "{step} is upside down": _flawed(inverse=True),
        "a row of y outside the map has no share of any row": _flawed(outside="dropped"),
        "a row of y outside the map is extrapolated, not moved to the edge": _flawed(outside="extrapolated"),
        "it is the mean over the rows of y, where the sum is right": _flawed(mean=True),
        "of several rows of y only the last one counts: = stands where += is due": _flawed(last=True),
        "dy is ignored": m.taking(dy=np.ones_like),
        "only the first image of the batch has a gradient": m.taking(dy=m.only(0, 0)),
        "only the last image of the batch has a gradient": m.taking(dy=m.only(-1, 0)),
    },
    exact=False,
    integers=False,
    mixed=False,
    choices=("align",),
    row=RESIZE_ROW,
    further=(
        {"batch": 2, "height": 2, "width": 3, "channels": 2, "output_height": 4, "output_width": 5},
        {"batch": 2, "height": 3, "width": 3, "channels": 3, "output_height": 6, "output_width": 6},
        {"height": 4, "width": 6, "channels": 2, "output_height": 2, "output_width": 3},
        {"batch": 3, "height": 5, "width": 4, "output_height": 3, "output_width": 9},
        {"height": 3, "width": 3, "output_height": 12, "output_width": 12},
        {"batch": 2, "height": 3, "width": 2, "channels": 4, "output_height": 3, "output_width": 2},
    ),
)
RESIZE_BACKWARD = Exercise(
    "resize-backward", "the gradient of bilinear resizing", (RESIZE_TASK,), ("channels", "align")
)
