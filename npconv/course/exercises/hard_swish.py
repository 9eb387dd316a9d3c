"""The gradient of hard-swish as an exercise."""

import math
from collections.abc import Callable

import numpy as np

from ...kernels.geometry import Array
from . import convolutions as c, mistakes as m
from .elementwise import everywhere, placed, shape_of
from .exercise import Answer, Case, Draw, Exercise, Size, Sizes, Task
from .variants import OPTIONS, Variant

BESIDE = [side * knee + step / 4 for knee in OPTIONS["knee"] for side in (-1, 1) for step in (-1, 1)]
WHOLE = 24  # a multiple of 2·knee for every knee, so that the gradients are whole


def hard_swish_case(sizes: Sizes, draw: Draw) -> Case:
    """dy, and x between −1 and 1, first at the places that the sizes ask for."""
    asked = [
        *(-6 - abs(draw(sizes["below"]))),
        *(6 + abs(draw(sizes["above"]))),
        *[-sizes["lower"]] * bool(sizes["lower"]),
        *[sizes["upper"]] * bool(sizes["upper"]),
        *[0.0] * sizes["zero"],
        *BESIDE * sizes["beside"],
    ]
    count = math.prod(shape_of(sizes))
    x = placed(sizes, asked, draw(count, low=1, high=1) * np.sign(draw(count)))
    return Case({"dy": WHOLE * draw(*x.shape).astype(float), "x": x}, {}, sizes)


def middle(x: Array, variant: Variant) -> Array:
    """The derivative of hard-swish between its kinks, wherever x is."""
    slope: Array = (2 * x.astype(np.float64) + variant.knee) / (2 * variant.knee)  # of a float32 x too: dy may be wider
    return slope


def derivative(x: Array, variant: Variant, *, lower: float | None = None, upper: float | None = None) -> Array:
    """The derivative of hard-swish: its value at either kink is the variant's unless it is given."""
    knee, inside = variant.knee, variant.kinks == "inside"
    at_lower, at_upper = (-0.5, 1.5) if inside else (0, 1)
    slope = np.where(x > knee, 1, np.where(x < -knee, 0, middle(x, variant)))
    slope = np.where(x == -knee, at_lower if lower is None else lower, slope)
    return np.where(x == knee, at_upper if upper is None else upper, slope)


def gate(x: Array, variant: Variant) -> Array:
    """The factor that hard-swish multiplies x with."""
    return np.asarray(np.clip(x + variant.knee, 0, 2 * variant.knee) / (2 * variant.knee))


def _between(x: Array, variant: Variant) -> Array:
    return np.abs(x) < variant.knee


def _logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))


def _wrong(function: Callable[..., Array]) -> Answer:
    """The answer of a function of dy, x and the variant."""
    return lambda case, variant, reference: (function(*case.arrays.values(), variant),)


def _of_slope(slope: Callable[[Array, Variant], Array]) -> Answer:
    """The answer dy times another slope."""
    return _wrong(lambda dy, x, variant: dy * slope(x, variant))


HARD_SWISH_BACKWARD = Task(
    "hard_swish_backward",
    points=2,
    arrays=(("dy", "any"), ("x", "any")),
    options=(),
    results=(("dx", "any"),),
    sizes=(
        c.BATCH,
        *c.MAP,
        c.CHANNELS,
        Size("below", 0, (1, 2), "x is below the lower kink"),
        Size("above", 0, (1, 2), "x is above the upper kink"),
        Size("lower", 0, OPTIONS["knee"], "x is -{} exactly"),
        Size("upper", 0, OPTIONS["knee"], "x is {} exactly"),
        Size("zero", 0, (1,), "x is 0 exactly"),
        Size("beside", 0, (1,), "x is a quarter beside a kink"),
    ),
    build=hard_swish_case,
    reference=lambda case, variant: (case.arrays["dy"] * derivative(case.arrays["x"], variant),),
    text="The gradient of hard-swish: dy times its derivative at x, element by element.\n\n"
    "Hard-swish is x · min(max(x + {knee}, 0), {span})/{span}. Its derivative is 0 below −{knee} and 1 above {knee}; "
    "between them the product rule gives it. At the kinks it is taken to be {lower} where x is −{knee} exactly, and "
    "{upper} where x is {knee} exactly.",
    example={"below": 1, "above": 1, "zero": 1, "channels": 4},
    wrong={
        "the product rule's second term is left out: dy is multiplied with the gate alone": _of_slope(gate),
        "the gate is left out: dy is multiplied with the product rule's second term alone": _of_slope(
            lambda x, variant: x * _between(x, variant) / (2 * variant.knee)
        ),
        "the derivative of the middle piece is taken everywhere": _of_slope(middle),
        "the derivative of the middle piece is taken above the upper kink too": _of_slope(
            lambda x, variant: np.where(x >= variant.knee, middle(x, variant), derivative(x, variant))
        ),
        "the derivative of the middle piece is taken below the lower kink too": _of_slope(
            lambda x, variant: np.where(x <= -variant.knee, middle(x, variant), derivative(x, variant))
        ),
        "the gradient is 0 above the upper kink": _of_slope(
            lambda x, variant: derivative(x, variant) * (x <= variant.knee)
        ),
        "the gradient passes below the lower kink": _of_slope(
            lambda x, variant: np.where(x < -variant.knee, 1, derivative(x, variant))
        ),
        "the derivative at the upper kink is taken from the other side": _of_slope(
            lambda x, variant: derivative(x, variant, upper=1 if variant.kinks == "inside" else 1.5)
        ),
        "the derivative at the lower kink is taken from the other side": _of_slope(
            lambda x, variant: derivative(x, variant, lower=0 if variant.kinks == "inside" else -0.5)
        ),
        "the derivative at the upper kink is 0": _of_slope(lambda x, variant: derivative(x, variant, upper=0)),
        "the derivative at both kinks is 0": _of_slope(lambda x, variant: derivative(x, variant, lower=0, upper=0)),
        "the division is left out of the middle piece": _of_slope(
            lambda x, variant: derivative(x, variant) * np.where(_between(x, variant), 2 * variant.knee, 1)
        ),
        "x counts once in the middle piece, not twice": _of_slope(
            lambda x, variant: np.where(_between(x, variant), gate(x, variant), derivative(x, variant))
        ),
        "it is the gradient of swish, x/(1 + exp(−x))": _of_slope(
            lambda x, variant: _logistic(x) * (1 + x * (1 - _logistic(x)))
        ),
        "dy is multiplied with hard-swish's value, not its derivative": _of_slope(
            lambda x, variant: x * gate(x, variant)
        ),
        "dy is ignored": m.taking(dy=np.ones_like),
        "dy and x are exchanged": _wrong(lambda dy, x, variant: x * derivative(dy, variant)),
        "the derivative is left out: dy is returned": _wrong(lambda dy, x, variant: dy),
    },
    integers=False,
    choices=("knee", "kinks"),
    further=everywhere({"below": 2, "above": 2, "lower": 3, "upper": 3, "zero": 1, "beside": 1}),
)

HARD_SWISH = Exercise("hard-swish", "the gradient of hard-swish", (HARD_SWISH_BACKWARD,), ("knee", "kinks"))
