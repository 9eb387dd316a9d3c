"""ReLU6 and batch normalisation as exercises."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from . import convolutions as c
from .exercise import Case, Draw, Exercise, Mistake, Reference, Result, Size, Sizes, Task
from .mistakes import only, part_taken_for, result_taken_for
from .variants import OPTIONS, Variant

SHAPE = (
    c.BATCH,
    Size("height", 1, (2, 3), "the input has {} rows"),
    Size("width", 1, (2, 3), "the input has {} columns"),
    c.CHANNELS,
)
PLACES = (
    Size("below", 0, (1, 2), "x is below 0"),
    Size("above", 0, (1, 2), "x is above the limit"),
    Size("zero", 0, (1, 2), "x is 0 exactly"),  # 2: −0.0
    Size("kink", 0, (6, 4, 5, 7, 8), "x is {} exactly"),
    Size("negative", 0, (1, 2), "x is -{} exactly"),
    Size("beside", 0, (1,), "x is a quarter beside a kink"),
)
BESIDE = [kink + side / 4 for kink in (*OPTIONS["limit"], *OPTIONS["floor"]) for side in (-1, 1)]
_EVERYWHERE: Sizes = {"below": 2, "above": 2, "zero": 2, "kink": 6, "negative": 1, "beside": 1}
FURTHER: tuple[Sizes, ...] = (
    {"batch": 2, "height": 3, "width": 2, "channels": 3, **_EVERYWHERE},
    {"batch": 4, "height": 3, "width": 3, "channels": 5, **_EVERYWHERE, "zeros": 1},
    {"batch": 2, "height": 2, "channels": 3, **_EVERYWHERE, "near": 4000, "quarters": 1},
    {"batch": 2, "height": 2, "channels": 3, **_EVERYWHERE, "single": 1},
)


def relu6_case(sizes: Sizes, draw: Draw) -> Case:
    """x between 0 and the limit, or at the places that the sizes ask for, in turn."""
    shape = (sizes["batch"], sizes["height"], sizes["width"], sizes["channels"])
    places: list[Array] = []
    if sizes["below"]:
        places.append(-3 * abs(draw(sizes["below"])))
    if sizes["above"]:
        places.append(8 + abs(draw(sizes["above"])))
    if sizes["zero"]:
        places.append(np.array([0.0 if sizes["zero"] == 1 else -0.0]))
    if sizes["kink"]:
        places.append(np.array([float(sizes["kink"])]))
    if sizes["negative"]:
        places.append(np.array([-float(sizes["negative"])]))
    if sizes["beside"]:
        places.append(np.array(BESIDE))
    inside = draw(math.prod(shape), low=1, high=3).astype(float)
    values = np.concatenate([*places, inside])[: max(inside.size, sum(place.size for place in places))]
    if values.size > inside.size:  # more channels, so that each place has its value
        shape = (*shape[:3], -(-values.size // math.prod(shape[:3])))
        values = np.resize(values, shape)
    return Case({"x": values.reshape(shape).astype(float)}, {}, sizes)


def relu6_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The same x, and dy of its shape."""
    x = relu6_case(sizes, draw).arrays["x"]
    assert x is not None
    return Case({"dy": draw(*x.shape).astype(float), "x": x}, {}, sizes)


def _of_case(function: Callable[..., Array]) -> Reference:
    return lambda case, variant: (function(*case.arrays.values(), variant.floor, variant.limit),)


def _wrong(says: str, function: Callable[..., Array]) -> Mistake:
    return Mistake(
        says, lambda case, variant, reference: (function(*case.arrays.values(), variant.floor, variant.limit),)
    )


RELU6_MISTAKES = (
    _wrong("there is no limit: it is ReLU", lambda x, floor, limit: np.maximum(x, floor)),
    _wrong("values below 0 are kept", lambda x, floor, limit: np.minimum(x, limit)),
    _wrong("values are cut off at minus the limit instead of 0", lambda x, floor, limit: np.clip(x, -limit, limit)),
    _wrong("values above the limit become 0", lambda x, floor, limit: np.where((x > floor) & (x <= limit), x, 0)),
    _wrong("the absolute value is taken", lambda x, floor, limit: np.minimum(np.abs(x), limit)),
    _wrong("nothing is changed", lambda x, floor, limit: x),
    _wrong("the limit is 6, whatever the docstring says", lambda x, floor, limit: np.clip(x, floor, 6)),
    _wrong("the floor is 0, whatever the docstring says", lambda x, floor, limit: np.clip(x, 0, limit)),
)
RELU6_BACKWARD_MISTAKES = (
    _wrong("the derivative at 0 is taken as 1", lambda dy, x, floor, limit: dy * ((x >= floor) & (x < limit))),
    _wrong("the derivative at the limit is taken as 1", lambda dy, x, floor, limit: dy * ((x > floor) & (x <= limit))),
    _wrong(
        "the derivative at 0 and at the limit is taken as 1",
        lambda dy, x, floor, limit: dy * ((x >= floor) & (x <= limit)),
    ),
    _wrong("there is no limit: it is ReLU's gradient", lambda dy, x, floor, limit: dy * (x > floor)),
    _wrong("the gradient passes below 0", lambda dy, x, floor, limit: dy * (x < limit)),
    _wrong(
        "dy is multiplied with ReLU6's value, not its derivative",
        lambda dy, x, floor, limit: dy * np.clip(x, floor, limit),
    ),
    _wrong("dy is ignored", lambda dy, x, floor, limit: 1.0 * ((x > floor) & (x < limit))),
    _wrong("dy is cut off instead of x", lambda dy, x, floor, limit: np.clip(dy, floor, limit)),
    _wrong("dy and x are exchanged", lambda dy, x, floor, limit: x * ((dy > floor) & (dy < limit))),
    _wrong("the mask is dy's instead of x's", lambda dy, x, floor, limit: dy * ((dy > floor) & (dy < limit))),
    _wrong("ReLU6's derivative is left out: dy is returned", lambda dy, x, floor, limit: dy),
    _wrong(
        "the mask is that of the values that are cut off",
        lambda dy, x, floor, limit: dy * ((x <= floor) | (x >= limit)),
    ),
    _wrong("the floor is 0, whatever the docstring says", lambda dy, x, floor, limit: dy * ((x > 0) & (x < limit))),
    _wrong("the limit is 6, whatever the docstring says", lambda dy, x, floor, limit: dy * ((x > floor) & (x < 6))),
)


def _relu6_text(variant: Variant) -> str:
    return f"ReLU6, the smaller of max(x, {variant.floor}) and {variant.limit}, element by element."


def _relu6_backward_text(variant: Variant) -> str:
    floor, limit = variant.floor, variant.limit
    return (
        f"The gradient of ReLU6: dy where {floor} < x < {limit}, and 0 elsewhere.\n\n"
        f"ReLU6 is the smaller of max(x, {floor}) and {limit}, element by element. At its kinks, where x is\n"
        f"{floor} or {limit} exactly, the derivative is taken to be 0."
    )


ACTIVATIONS = Exercise(
    "activations",
    "ReLU6 and its gradient",
    (
        Task(
            "relu6", 1, (("x", "any"),), (), (("y", "any"),), (*SHAPE, *PLACES), relu6_case,
            _of_case(np.clip), _relu6_text, {"below": 1, "above": 1, "negative": 1, "channels": 4}, RELU6_MISTAKES,
            integers=False, choices=("limit", "floor"), further=FURTHER,
        ),
        Task(
            "relu6_backward", 2, (("dy", "any"), ("x", "any")), (), (("dx", "any"),), (*SHAPE, *PLACES),
            relu6_backward_case, _of_case(lambda dy, x, floor, limit: dy * ((x > floor) & (x < limit))),
            _relu6_backward_text, {"below": 1, "above": 1, "zero": 1, "negative": 1, "channels": 5},
            RELU6_BACKWARD_MISTAKES, integers=False, choices=("limit", "floor"), further=FURTHER,
        ),
    ),
    ("limit", "floor"),
)  # fmt: skip

# batch normalisation: with deviation 1 and epsilon 3 the root, of 4, is whole, and the gradients are

NORMALIZED = (
    Size("batch", 2, (4, 3), "the batch has {} images"),
    *SHAPE[1:],
    Size("shifted", 0, (1, 300), "the mean is not 0"),
    Size("uneven", 0, (1,), "the numbers are not spread evenly"),
    Size("other_epsilon", 0, (1, 2), "epsilon is another"),
    Size("one_image", 0, (1,), "the batch is one image", paired=False),
    Size("constant", 0, (1,), "the values of the first channel are all the same", paired=False),
    Size("no_scale", 0, (1,), "the scale of the first channel is 0", paired=False),
)
EPSILONS = (3.0, 15.0, 1e-3)  # by other_epsilon
_UNEVEN: Sizes = {"height": 2, "width": 3, "channels": 3, "uneven": 1, "shifted": 1}
BATCH_NORM_FURTHER: tuple[Sizes, ...] = (
    {"one_image": 1, "width": 2, "height": 3},
    {**_UNEVEN, "one_image": 1},
    {**_UNEVEN, "one_image": 1, "width": 1, "height": 3, "other_epsilon": 2},
    {"one_image": 1, "channels": 2, "other_epsilon": 2},
    {**_UNEVEN, "batch": 3, "height": 3},
    {**_UNEVEN, "batch": 3, "height": 3, "channels": 5, "other_epsilon": 2},
    {**_UNEVEN, "other_epsilon": 2, "defaults": 1},
    {**_UNEVEN, "batch": 3, "shifted": 300, "defaults": 1, "other_epsilon": 2},
    {**_UNEVEN, "batch": 3, "shifted": 300},
    {**_UNEVEN, "constant": 1},
    {**_UNEVEN, "constant": 1, "other_epsilon": 2},
    {**_UNEVEN, "no_scale": 1},
    {**_UNEVEN, "no_scale": 1, "batch": 3, "other_epsilon": 1},
)


def batch_norm_case(sizes: Sizes, draw: Draw) -> Case:
    """dy and x (B, Dᵤ, Dᵤ, M), scale and shift (M,): x is its mean ± 1, half and half, unless it is uneven."""
    batch, channels = 1 if sizes["one_image"] else sizes["batch"], sizes["channels"]
    shape = (batch, sizes["height"], sizes["width"], channels)
    count = math.prod(shape[:3])
    x = np.resize([1.0, -1.0], count).reshape(*shape[:3], 1) * np.sign(draw(channels))
    if sizes["uneven"]:
        x = x * np.arange(1.0, count + 1).reshape(*shape[:3], 1) + abs(draw(*shape)) / 2
    if sizes["shifted"]:
        x = x + sizes["shifted"] * draw(channels)
    if sizes["constant"]:
        x[..., 0] = x[0, 0, 0, 0]
    arrays = {"dy": 4.0 * draw(*shape), "x": x, "scale": 4.0 * count * draw(channels), "shift": 1.0 * draw(channels)}
    if sizes["no_scale"]:
        arrays["scale"][0] = 0
    return Case(arrays, {"epsilon": EPSILONS[sizes["other_epsilon"]]}, sizes)


@np.errstate(all="ignore")  # of mistakes, such as a deviation of 0
def normalized_gradients(
    case: Case,
    variant: Variant,
    *,
    mean: float = 1,
    variance: float = 1,
    dscale_of: str = "normalized",
    fewer: int = 0,
    spread_over: int = 0,
    axes: tuple[int, ...] = (0, 1, 2),
    epsilon: float | None = None,
    other_epsilon: str = "",
    simple: bool = False,
    scaled: bool = True,
    carried: bool = False,
) -> Result:
    """dx, dscale and dshift; the arguments by keyword make it wrong, a 0 leaving a term of dx out."""
    dy, x, scale, _ = case.arrays.values()
    assert dy is not None
    assert x is not None
    epsilon = case.options["epsilon"] if epsilon is None else epsilon
    root_epsilon = other_epsilon or variant.epsilon
    count = math.prod(x.shape[axis] for axis in axes)
    centred = x - x.mean(axes, keepdims=True)  # (B, Dᵤ, Dᵤ, M)
    spread = (centred**2).sum(axes, keepdims=True) / (count - fewer - spread_over)
    if root_epsilon == "under the root":
        deviation = np.sqrt(spread + epsilon)
        root = deviation  # the derivative of the deviation is centred / (n · root)
    else:
        root = np.sqrt(spread)
        deviation = root + epsilon
    if simple:  # the formula for epsilon under the root, with another deviation
        root = deviation
    root = np.where(root == 0, 1, root)  # where nothing is spread, nothing goes through the variance
    of = {"normalized": centred / deviation, "x": x, "centred": centred}[dscale_of]
    through_mean = dy.sum(axes, keepdims=True) / count
    through_variance = centred * (dy * centred).sum(axes, keepdims=True) / ((count - fewer) * deviation * root)
    if carried:  # dx is made of dscale, whatever that is
        through_variance = centred / deviation * (dy * of).sum(axes, keepdims=True) / count
    dx = (dy - mean * through_mean - variance * through_variance) / deviation
    return (dx * scale if scaled else dx), (dy * of).sum((0, 1, 2)), dy.sum((0, 1, 2))


def _gradients(says: str, **flaw: Any) -> Mistake:
    return Mistake(says, lambda case, variant, reference: normalized_gradients(case, variant, **flaw))


BATCH_NORM_MISTAKES = (
    _gradients("the mean is taken for a constant: dx lacks what goes through it", mean=0),
    _gradients("the variance is taken for a constant: dx lacks what goes through it", variance=0),
    _gradients("mean and variance are taken for constants: dx lacks what goes through them", mean=0, variance=0),
    _gradients("what goes through the mean has the wrong sign", mean=-1),
    _gradients("what goes through the variance has the wrong sign", variance=-1),
    _gradients("what goes through the variance is taken twice", variance=2),
    _gradients("dscale is the sum of dy times x, not times the normalised x", dscale_of="x"),
    _gradients(
        "dscale is the sum of dy times x, not times the normalised x, and dx is made of it", dscale_of="x", carried=True
    ),
    _gradients("dscale is the sum of dy times the centred x, not divided by the deviation", dscale_of="centred"),
    _gradients("the variance is divided by n − 1 instead of n", fewer=1),
    _gradients("the variance is divided by n − 1 instead of n, in the deviation", spread_over=1),
    _gradients(
        "epsilon is outside the root, where the docstring has it under the root", other_epsilon="outside the root"
    ),
    _gradients(
        "epsilon is outside the root, where the docstring has it under the root, and the formula for dx is the other's",
        other_epsilon="outside the root",
        simple=True,
    ),
    _gradients("epsilon is under the root, where the docstring has it outside", other_epsilon="under the root"),
    _gradients("dx is the one for epsilon under the root, where the docstring has it outside", simple=True),
    _gradients("the statistics are those of each image, not of the batch", axes=(1, 2)),
    _gradients("the statistics are those of each position, over the batch alone", axes=(0,)),
    _gradients("epsilon is ignored", epsilon=0.0),
    _gradients("epsilon is always 1e-3", epsilon=1e-3),
    _gradients("dx lacks the factor scale", scaled=False),
    part_taken_for("dscale is not summed over the batch: it is the last image's alone", 1, dy=only(-1, 0)),
    part_taken_for("dshift is not summed over the batch: it is the last image's alone", 2, dy=only(-1, 0)),
    result_taken_for("dscale and dshift are returned in the wrong order", lambda r, case: (r[0], r[2], r[1])),
)


def _batch_norm_text(variant: Variant) -> str:
    deviation = "√(variance + epsilon)" if variant.epsilon == "under the root" else "(√variance + epsilon)"
    return (
        "The gradients of batch normalisation in training: of Σ dy · y with respect to x, scale and shift.\n\n"
        f"y = scale · (x − mean) / {deviation} + shift, channel by channel, where mean and variance\n"
        "are those of x itself over the batch and all positions, the variance divided by the count n. They depend on\n"
        "x, and dx has their share."
    ) + (
        ""
        if variant.epsilon == "under the root"
        else " Where all values of a channel are the same, √variance is taken for a constant."
    )


BATCH_NORM = Exercise(
    "batch-norm",
    "the gradients of batch normalisation",
    (
        Task(
            "batch_norm_backward", 6,
            (("dy", "volume"), ("x", "volume"), ("scale", "vector"), ("shift", "vector")), (("epsilon", "1e-3"),),
            (("dx", "volume"), ("dscale", "vector"), ("dshift", "vector")), NORMALIZED, batch_norm_case,
            lambda case, variant: normalized_gradients(case, variant), _batch_norm_text, {"width": 2},
            BATCH_NORM_MISTAKES, exact=False, integers=False, choices=("epsilon",), shapes={"dy": "B, Dᵤ, Dᵤ, M"},
            further=BATCH_NORM_FURTHER,
        ),
    ),
    ("channels", "epsilon"),
)  # fmt: skip
