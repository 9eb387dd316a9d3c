"""The gradients of squeeze-and-excite as an exercise."""

from dataclasses import dataclass

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import SQUEEZE_EXCITE as SQUEEZE_EXCITE_ROW
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import Variant

WHOLE = 12  # by which dy is a multiple, so that with gates of 1/2 and of sixths the gradients are whole


def squeeze_case(sizes: Sizes, draw: Draw) -> Case:
    """dy, x and the parameters: the means of x are whole, the first image's hidden values and gates as asked for."""
    batch, height, width, channels, squeeze = (
        sizes[name] for name in ("batch", "height", "width", "channels", "squeeze")
    )
    shape, count = (batch, height, width, channels), height * width
    spread = draw(*shape).astype(float)
    means = draw(batch, 1, 1, channels)
    hidden = draw(squeeze, low=1, high=3).astype(float)
    hidden[: sizes["dead"]] *= -1
    hidden[::-1][: sizes["kinks"]] = 0
    before = draw(channels, low=-2, high=2).astype(float)
    before[0] = 3 * (sizes["upper"] - sizes["lower"]) + 2 * (sizes["open"] - sizes["shut"])
    reduce, expand = draw(channels, squeeze, low=-2, high=2), draw(squeeze, channels, low=-2, high=2)
    if sizes.get("mixed"):  # with arrays so large that gates would be shut: here all are 1/2, whatever is large
        means, hidden, before = 0 * means, -abs(hidden), 0 * before
        if squeeze > 1:
            hidden[:2], expand[1] = 1, -expand[0]
    arrays = {
        "dy": WHOLE * count * draw(*shape),
        "x": count * spread - spread.sum(axis=(1, 2), keepdims=True) + means,
        "reduce": reduce,
        "reduce_bias": hidden - means[0, 0, 0] @ reduce,
        "expand": expand,
        "expand_bias": before - np.maximum(hidden, 0) @ expand,
    }
    return Case({name: a.astype(float) for name, a in arrays.items()}, {}, sizes)


@dataclass(frozen=True)
class SqueezeFlaw:
    """A flaw in the gradients of squeeze-and-excite; the defaults are right."""

    scaled: float = 1  # how often dx has dy times the gate
    pooled: float = 1  # and the share that goes through the mean
    count: bool = True  # whether the mean's derivative is divided by the count
    summed: bool = False  # the sum is pooled, not the mean
    over_batch: bool = False  # the mean goes over the batch too
    linear_gate: bool = False  # the gate's derivative is 1/6 everywhere
    kinks: tuple[float, float] = (0, 0)  # the hard sigmoid's derivative at −3 and at 3
    sixth: float = 1 / 6
    relu: bool = True  # whether its mask is applied to the gradient
    relu_at_0: float = 0
    linear: bool = False  # no ReLU at all
    hidden_before: bool = False  # dexpand is made of the hidden values before ReLU
    gradient_of: str = "x"  # what dy is multiplied with for the gate's gradient
    mean_gradient: bool = False  # which is a mean over the positions, not a sum
    biases: tuple[float, float] = (1, 1)  # how often each is added


def _gate(before: Array, gate: str) -> Array:
    if gate == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(before, -500, 500))))
    return np.asarray(np.clip(before + 3, 0, 6) / 6)


def _slope(before: Array, gate: str, flaw: SqueezeFlaw) -> Array:
    """The derivative of the gate."""
    if gate == "sigmoid":
        return np.asarray(_gate(before, gate) * (1 - _gate(before, gate)))
    if flaw.linear_gate:
        return np.full_like(before, flaw.sixth)
    slope: Array = flaw.sixth * (abs(before) < 3) + flaw.kinks[0] * (before == -3) + flaw.kinks[1] * (before == 3)
    return slope


def squeeze_gradients(case: Case, variant: Variant, flaw: SqueezeFlaw | None = None) -> Result:
    """dx, dreduce, dreduce_bias, dexpand and dexpand_bias, with or without a flaw."""
    flaw = flaw or SqueezeFlaw()
    dy, x, reduce, reduce_bias, expand, expand_bias = case.arrays.values()
    gate, count = variant.gate, x.shape[1] * x.shape[2]
    pooled = x.sum(axis=(1, 2)) / (1 if flaw.summed else count)  # (B, M)
    if flaw.over_batch:
        pooled = np.broadcast_to(pooled.mean(axis=0), pooled.shape)
    hidden = pooled @ reduce + flaw.biases[0] * reduce_bias  # (B, S)
    active = hidden if flaw.linear else np.maximum(hidden, 0)
    before = active @ expand + flaw.biases[1] * expand_bias  # (B, M)
    weights = {"x": x, "1": np.ones_like(x), "y": x * _gate(before, gate)[:, None, None]}[flaw.gradient_of]
    dgate = (dy * weights).sum(axis=(1, 2)) / (count if flaw.mean_gradient else 1)
    dbefore = dgate * _slope(before, gate, flaw)
    dactive = dbefore @ expand.T
    alive = (hidden > 0) + flaw.relu_at_0 * (hidden == 0)
    dhidden = dactive * alive if flaw.relu and not flaw.linear else dactive
    dpooled = dhidden @ reduce.T / (count if flaw.count else 1)
    dx = flaw.scaled * dy * _gate(before, gate)[:, None, None] + flaw.pooled * dpooled[:, None, None]
    squeezed = hidden if flaw.hidden_before else active
    return dx, pooled.T @ dhidden, dhidden.sum(axis=0), squeezed.T @ dbefore, dbefore.sum(axis=0)


FLAWS = {
    "the gate is taken for a constant: dx lacks what goes through the mean": SqueezeFlaw(pooled=0),
    "dx lacks dy times the gate: only what goes through the mean is there": SqueezeFlaw(scaled=0),
    "what goes through the mean has the wrong sign": SqueezeFlaw(pooled=-1),
    "the mean's share of dx is not divided by the number of positions": SqueezeFlaw(count=False),
    "the sum is pooled where the mean is right": SqueezeFlaw(summed=True),
    "the mean goes over the batch too": SqueezeFlaw(over_batch=True),
    "the gate's gradient is the mean over the positions, where the sum is right": SqueezeFlaw(mean_gradient=True),
    "the gate's gradient is the sum of dy alone, not of dy times x": SqueezeFlaw(gradient_of="1"),
    "the gate's gradient is the sum of dy times y, not of dy times x": SqueezeFlaw(gradient_of="y"),
    "the gate's derivative is 1/6 everywhere: the mask is left out": SqueezeFlaw(linear_gate=True),
    "the gate's derivative at −3 and 3 is taken as 1/6": SqueezeFlaw(kinks=(1 / 6, 1 / 6)),
    "the gate's derivative at −3 is taken as 1/6": SqueezeFlaw(kinks=(1 / 6, 0)),
    "the gate's derivative at 3 is taken as 1/6": SqueezeFlaw(kinks=(0, 1 / 6)),
    "the gate's derivative is taken as 1 instead of 1/6": SqueezeFlaw(sixth=1),
    "ReLU's mask is left out of the gradient": SqueezeFlaw(relu=False),
    "ReLU's derivative at 0 is taken as 1": SqueezeFlaw(relu_at_0=1),
    "ReLU is left out": SqueezeFlaw(linear=True),
    "dexpand is made of the hidden values before ReLU": SqueezeFlaw(hidden_before=True),
    "reduce_bias is not added": SqueezeFlaw(biases=(0, 1)),
    "expand_bias is not added": SqueezeFlaw(biases=(1, 0)),
}


def _flawed(flaw: SqueezeFlaw) -> Answer:
    return lambda case, variant, reference: squeeze_gradients(case, variant, flaw)


def _exchanged_biases(result: Result, case: Case) -> Result:
    dx, dreduce, dreduce_bias, dexpand, dexpand_bias = result
    if dreduce_bias.shape != dexpand_bias.shape:
        raise ValueError("the biases differ in length")
    return dx, dreduce, dexpand_bias, dexpand, dreduce_bias


SQUEEZE_EXCITE_BACKWARD = Task(
    "squeeze_excite_backward",
    points=6,
    arrays=(
        ("dy", "volume"),
        ("x", "volume"),
        ("reduce", "pointwise"),
        ("reduce_bias", "vector"),
        ("expand", "pointwise"),
        ("expand_bias", "vector"),
    ),
    options=(),
    results=(
        ("dx", "volume"),
        ("dreduce", "pointwise"),
        ("dreduce_bias", "vector"),
        ("dexpand", "pointwise"),
        ("dexpand_bias", "vector"),
    ),
    sizes=(
        c.BATCH,
        *c.MAP,
        c.CHANNELS,
        Size("squeeze", 1, (2, 3), "there are {} hidden values"),
        Size("dead", 0, (1, 2), "there are {} negative hidden values"),
        Size("kinks", 0, (1,), "there is a hidden value of 0 exactly"),
        Size("upper", 0, (1,), "the gate's input is 3 exactly"),
        Size("lower", 0, (1,), "the gate's input is −3 exactly"),
        Size("open", 0, (1, 2), "the gate's input is above 0"),
        Size("shut", 0, (1, 2), "the gate's input is below 0"),
    ),
    build=squeeze_case,
    reference=squeeze_gradients,
    text="The gradients of squeeze-and-excite: of Σ dy · y with respect to x and the four parameters.\n\n"
    "y is x times a gate for each image and channel. With p the mean of x over all positions, M numbers, the S hidden "
    "values are max(p @ reduce + reduce_bias, 0), s is hidden @ expand + expand_bias, and the gate is {gate}. "
    "ReLU's derivative at 0 is taken to be 0.{gate_kinks}",
    example={"width": 2, "squeeze": 2},
    wrong={
        **{says: _flawed(flaw) for says, flaw in FLAWS.items()},
        **m.not_summed("dreduce_bias", 2, "last", "first"),
        **m.not_summed("dexpand_bias", 4, "last", "first"),
        "the gradients of the two biases are exchanged": m.giving(_exchanged_biases),
        "dy is ignored": m.taking(dy=np.ones_like),
    },
    exact=False,
    integers=False,
    choices=("gate",),
    row=SQUEEZE_EXCITE_ROW,
    about={"expand": "the weights that make the gate's inputs"},
    further=(
        {"batch": 2, "height": 2, "width": 3, "channels": 3, "squeeze": 2},
        {"batch": 3, "height": 3, "width": 3, "channels": 5, "squeeze": 4, "dead": 1, "kinks": 1},
        {"batch": 4, "height": 2, "width": 2, "channels": 4, "squeeze": 4, "dead": 2, "upper": 1},
        {"batch": 2, "height": 3, "width": 2, "channels": 2, "squeeze": 5, "lower": 1, "kinks": 1},
    ),
)

SQUEEZE_EXCITE = Exercise(
    "squeeze-excite",
    "the gradients of squeeze-and-excite",
    (SQUEEZE_EXCITE_BACKWARD,),
    ("channels", "filters", "gate"),
)
