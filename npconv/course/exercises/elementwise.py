"""ReLU6 and batch normalisation as exercises."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import BATCH_NORM as BATCH_NORM_ROW
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Size, Sizes, Task
from .variants import OPTIONS, Variant

PLACES = (
    Size("below", 0, (1, 2), "x is below 0"),
    Size("above", 0, (1, 2), "x is above the limit"),
    Size("zero", 0, (1, 2), "x is 0 exactly"),  # 2: −0.0
    Size("kink", 0, (6, 4, 5, 7, 8), "x is {} exactly"),
    Size("negative", 0, (1, 2), "x is -{} exactly"),
    Size("beside", 0, (1,), "x is a quarter beside a kink"),
)
BESIDE = [kink + side / 4 for kink in (*OPTIONS["limit"], *OPTIONS["floor"]) for side in (-1, 1)]


def shape_of(sizes: Sizes) -> tuple[int, ...]:
    """The shape of a map of these sizes."""
    return tuple(sizes[name] for name in ("batch", "height", "width", "channels"))


def placed(sizes: Sizes, asked: Sequence[float], others: Array) -> Array:
    """A map of the values that are asked for, and then of others."""
    shape = shape_of(sizes)
    values = np.array([*asked, *others], float)[: max(len(asked), len(others))]
    if len(values) > len(others):  # more channels, so that each place has its value
        shape = (*shape[:3], -(-len(values) // math.prod(shape[:3])))
    return np.resize(values, shape)


def relu6_case(sizes: Sizes, draw: Draw) -> Case:
    """x between 0 and the limit, and first at the places that the sizes ask for."""
    asked = [
        *(-3 * abs(draw(sizes["below"]))),
        *(8 + abs(draw(sizes["above"]))),
        *[0.0 if sizes["zero"] == 1 else -0.0] * bool(sizes["zero"]),
        *[sizes["kink"]] * bool(sizes["kink"]),
        *[-sizes["negative"]] * bool(sizes["negative"]),
        *BESIDE * sizes["beside"],
    ]
    return Case({"x": placed(sizes, asked, draw(math.prod(shape_of(sizes)), low=1, high=3))}, {}, sizes)


def relu6_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The x of `relu6_case`, and a dy of its shape."""
    case = relu6_case(sizes, draw)
    return replace(case, arrays={"dy": draw(*case.arrays["x"].shape).astype(float), **case.arrays})


def _bounded(function: Callable[..., Array]) -> Reference:
    """The answer by a function of the arrays, the floor and the limit."""
    return lambda case, variant: (function(*case.arrays.values(), variant.floor, variant.limit),)


def _wrong(function: Callable[..., Array]) -> Answer:
    return lambda case, variant, reference: _bounded(function)(case, variant)


def everywhere(places: Sizes) -> tuple[Sizes, ...]:
    """Further sizes of a function of single elements, each with values at all these places."""
    return (
        {"batch": 2, "height": 3, "width": 2, "channels": 3, **places},
        {"batch": 4, "height": 3, "width": 3, "channels": 5, **places, "zeros": 1},
        {"batch": 2, "height": 2, "channels": 3, **places, "near": 4000, "quarters": 1},
        {"batch": 2, "height": 2, "channels": 3, **places, "single": 1},
    )


RELU6 = Task(
    "relu6",
    points=1,
    arrays=(("x", "any"),),
    options=(),
    results=(("y", "any"),),
    sizes=(c.BATCH, *c.MAP, c.CHANNELS, *PLACES),
    build=relu6_case,
    reference=_bounded(np.clip),
    text="ReLU6, the smaller of max(x, {floor}) and {limit}, element by element.",
    example={"below": 1, "above": 1, "negative": 1, "channels": 4},
    wrong={
        "there is no limit: it is ReLU": _wrong(lambda x, floor, limit: np.maximum(x, 0)),
        "values above {limit} are kept": _wrong(lambda x, floor, limit: np.maximum(x, floor)),
        "values below {floor} are kept": _wrong(lambda x, floor, limit: np.minimum(x, limit)),
        "values are cut off at minus {limit} instead of {floor}": _wrong(
            lambda x, floor, limit: np.clip(x, -limit, limit)
        ),
        "values above {limit} become 0": _wrong(lambda x, floor, limit: np.where(x <= limit, np.maximum(x, floor), 0)),
        "the absolute value is taken": _wrong(lambda x, floor, limit: np.minimum(np.abs(x), limit)),
        "nothing is changed": _wrong(lambda x, floor, limit: x),
    },
    integers=False,
    choices=("limit", "floor"),
    further=everywhere({"below": 2, "above": 2, "zero": 2, "kink": 6, "negative": 1, "beside": 1}),
)


def _masked(mask: Callable[[Array, int, int], Array]) -> Answer:
    """The answer dy where a mask of x lets it through."""
    return _wrong(lambda dy, x, floor, limit: dy * mask(x, floor, limit))


RELU6_BACKWARD = replace(
    RELU6,
    name="relu6_backward",
    points=2,
    arrays=(("dy", "any"), ("x", "any")),
    results=(("dx", "any"),),
    build=relu6_backward_case,
    reference=_bounded(lambda dy, x, floor, limit: dy * ((x > floor) & (x < limit))),
    text="The gradient of ReLU6: dy where {floor} < x < {limit}, and 0 elsewhere.\n\n"
    "ReLU6 is the smaller of max(x, {floor}) and {limit}, element by element. At its kinks, where x is {floor} or "
    "{limit} exactly, the derivative is taken to be 0.",
    example={"below": 1, "above": 1, "zero": 1, "negative": 1, "channels": 5},
    wrong={
        "the derivative at {floor} is taken as 1": _masked(lambda x, floor, limit: (x >= floor) & (x < limit)),
        "the derivative at {limit} is taken as 1": _masked(lambda x, floor, limit: (x > floor) & (x <= limit)),
        "the derivative at {floor} and at {limit} is taken as 1": _masked(
            lambda x, floor, limit: (x >= floor) & (x <= limit)
        ),
        "there is no limit: it is ReLU's gradient": _masked(lambda x, floor, limit: x > 0),
        "the gradient passes above {limit}": _masked(lambda x, floor, limit: x > floor),
        "the gradient passes below {floor}": _masked(lambda x, floor, limit: x < limit),
        "dy is multiplied with ReLU6's value, not its derivative": _masked(np.clip),
        "dy is ignored": _wrong(lambda dy, x, floor, limit: 1.0 * ((x > floor) & (x < limit))),
        "dy is cut off instead of x": _wrong(lambda dy, x, floor, limit: np.clip(dy, floor, limit)),
        "dy and x are exchanged": _wrong(lambda dy, x, floor, limit: x * ((dy > floor) & (dy < limit))),
        "the mask is dy's instead of x's": _wrong(lambda dy, x, floor, limit: dy * ((dy > floor) & (dy < limit))),
        "ReLU6's derivative is left out: dy is returned": _wrong(lambda dy, x, floor, limit: dy),
        "the mask is that of the values that are cut off": _masked(lambda x, floor, limit: (x <= floor) | (x >= limit)),
    },
)

ACTIVATIONS = Exercise("activations", "ReLU6 and its gradient", (RELU6, RELU6_BACKWARD), ("limit", "floor"))

# batch normalisation: with deviation 1 and epsilon 3 the root, of 4, is whole, and the gradients are

EPSILONS = (3.0, 15.0, 1e-3)  # by other_epsilon


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


@dataclass(frozen=True)
class NormFlaw:
    """A flaw in the gradients of batch normalisation; the defaults are right."""

    mean: float = 1  # how often the share of the mean is taken off dy in dx
    variance: float = 1  # and that of the variance
    dscale_of: str = "normalized"  # what dy is multiplied with in dscale: normalized, centred or x
    fewer: int = 0  # by how much less than n the variance is divided
    fewer_in_deviation: int = 0  # the same in the deviation, but not in the formula for dx
    axes: tuple[int, ...] = (0, 1, 2)  # over which the statistics go
    epsilon: float | None = None
    under_the_root: bool | None = None
    simple: bool = False  # the formula for epsilon under the root, with another deviation
    scaled: bool = True
    from_dscale: bool = False  # dx is made of dscale, whatever that is


@np.errstate(all="ignore")  # of mistakes, such as a deviation of 0
def normalized_gradients(case: Case, variant: Variant, flaw: NormFlaw | None = None) -> Result:
    """dx, dscale and dshift, with or without a flaw."""
    flaw = flaw or NormFlaw()
    dy, x, scale, _ = case.arrays.values()
    epsilon = case.options["epsilon"] if flaw.epsilon is None else flaw.epsilon
    count = math.prod(x.shape[axis] for axis in flaw.axes)
    centred = x - x.mean(flaw.axes, keepdims=True)  # (B, Dᵤ, Dᵤ, M)
    spread = (centred**2).sum(flaw.axes, keepdims=True) / (count - flaw.fewer - flaw.fewer_in_deviation)
    if variant.under_the_root if flaw.under_the_root is None else flaw.under_the_root:
        root = deviation = np.sqrt(spread + epsilon)  # the derivative of the deviation is centred / (n · root)
    else:
        root = np.sqrt(spread)
        deviation = root + epsilon
    root = deviation if flaw.simple else np.where(root == 0, 1, root)  # of no spread nothing goes through the variance
    factor = {"normalized": centred / deviation, "x": x, "centred": centred}[flaw.dscale_of]
    through_mean = dy.sum(flaw.axes, keepdims=True) / count
    through_variance = (
        centred * (dy * centred).sum(flaw.axes, keepdims=True) / ((count - flaw.fewer) * deviation * root)
    )
    if flaw.from_dscale:
        through_variance = centred / deviation * (dy * factor).sum(flaw.axes, keepdims=True) / count
    dx = (dy - flaw.mean * through_mean - flaw.variance * through_variance) / deviation
    return (dx * scale if flaw.scaled else dx), (dy * factor).sum((0, 1, 2)), dy.sum((0, 1, 2))


NORM_FLAWS = {
    "the mean is taken for a constant: dx lacks what goes through it": NormFlaw(mean=0),
    "the variance is taken for a constant: dx lacks what goes through it": NormFlaw(variance=0),
    "mean and variance are taken for constants: dx lacks what goes through them": NormFlaw(mean=0, variance=0),
    "what goes through the mean has the wrong sign": NormFlaw(mean=-1),
    "what goes through the variance has the wrong sign": NormFlaw(variance=-1),
    "what goes through the variance is taken twice": NormFlaw(variance=2),
    "dscale is the sum of dy times x, not times the normalised x": NormFlaw(dscale_of="x"),
    "dscale is the sum of dy times x, not times the normalised x, and dx is made of it": NormFlaw(
        dscale_of="x", from_dscale=True
    ),
    "dscale is the sum of dy times the centred x, not divided by the deviation": NormFlaw(dscale_of="centred"),
    "the variance is divided by n − 1 instead of n": NormFlaw(fewer=1),
    "the variance is divided by n − 1 instead of n, in the deviation": NormFlaw(fewer_in_deviation=1),
    "the statistics are those of each image, not of the batch": NormFlaw(axes=(1, 2)),
    "the statistics are those of each position, over the batch alone": NormFlaw(axes=(0,)),
    "epsilon is ignored": NormFlaw(epsilon=0.0),
    "epsilon is always 1e-3": NormFlaw(epsilon=1e-3),
    "dx lacks the factor scale": NormFlaw(scaled=False),
}  # fmt: skip


def _flawed(flaw: NormFlaw) -> Answer:
    return lambda case, variant, reference: normalized_gradients(case, variant, flaw)


_UNEVEN: Sizes = {"height": 2, "width": 3, "channels": 3, "uneven": 1, "shifted": 1}
NORM_BACKWARD = Task(
    "batch_norm_backward",
    points=6,
    arrays=(("dy", "volume"), ("x", "volume"), ("scale", "vector"), ("shift", "vector")),
    options=(("epsilon", "1e-3"),),
    results=(("dx", "volume"), ("dscale", "vector"), ("dshift", "vector")),
    sizes=(
        Size("batch", 2, (4, 3), "the batch has {} images"),
        *c.MAP,
        c.CHANNELS,
        Size("shifted", 0, (1, 300), "the mean is not 0"),
        Size("uneven", 0, (1,), "the numbers are not spread evenly"),
        Size("other_epsilon", 0, (1, 2), "epsilon is another"),
        Size("one_image", 0, (1,), "the batch is one image", paired=False),
        Size("constant", 0, (1,), "the values of the first channel are all the same", paired=False),
        Size("no_scale", 0, (1,), "the scale of the first channel is 0", paired=False),
    ),
    build=batch_norm_case,
    reference=normalized_gradients,
    text="The gradients of batch normalisation in training: of Σ dy · y with respect to x, scale and shift.\n\n"
    "y = scale · (x − mean) / {deviation} + shift, channel by channel, where mean and variance are those of x itself "
    "over the batch and all positions, the variance divided by the count n. They depend on x, and dx has their share."
    "{constant}",
    example={"width": 2},
    wrong={
        **{says: _flawed(flaw) for says, flaw in NORM_FLAWS.items()},
        "epsilon is outside the root, but dx is the one for epsilon under it": (
            m.where(_flawed(NormFlaw(under_the_root=False, simple=True)), epsilon="under the root")
        ),
        "dx is the one for epsilon under the root, where the docstring has it outside": _flawed(NormFlaw(simple=True)),
        **m.not_summed("dscale", 1, "last"),
        **m.not_summed("dshift", 2, "last"),
        "dscale and dshift are returned in the wrong order": m.giving(
            lambda result, case: (result[0], result[2], result[1])
        ),
    },
    exact=False,
    integers=False,
    choices=("epsilon",),
    row=BATCH_NORM_ROW,
    further=(
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
    ),
)

BATCH_NORM = Exercise("batch-norm", "the gradients of batch normalisation", (NORM_BACKWARD,), ("channels", "epsilon"))
