"""MobileNetV3's activation: hard-swish beside swish and ReLU6, with their gates and the derivatives of all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from ..kernels import activations as kernels
from ..kernels.geometry import Array
from ..text import listed
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK
from .parts.lines import BASE, LOOKS, Entries, Kind, arrange, label_points, legends_above, noted

NAME = "hard_swish"
MOST_POINTS = 10_000
FARTHEST, SHORTEST = 100, 0.5  # of x: the largest size, and the shortest range
HEIGHT = 5.6  # inches of all plots with their legends
TICKS = (-6, -3, 0, 3, 6)  # kinks, and places as far from one another
DEFINITIONS = (
    "hard_swish(x) = x · hard_sigmoid(x), with hard_sigmoid(x) = ReLU6(x + 3)/6, is MobileNetV3's activation. It "
    "stands for swish(x) = x · sigmoid(x), with sigmoid(x) = 1/(1 + e⁻ˣ): instead of the gate's smooth step it has a "
    "ramp from −3 to 3, and needs no exponential."
)
DOT: Kind = {"color": INK, "linestyle": "none", "marker": "o", "markersize": 5}
RING: Kind = {**DOT, "markerfacecolor": "white"}


@dataclass(frozen=True)
class Function:
    """A function of one number with its derivative, both by npconv's kernels, and the places where it has a kink."""

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()


def _swish_slope(x: Array) -> Array:
    """The derivative of x · sigmoid(x), by the product rule."""
    slope: Array = kernels.sigmoid(x) + kernels.sigmoid_backward(x, x)
    return slope


def _slope(backward: Callable[[Array, Array], Array]) -> Callable[[Array], Array]:
    return lambda x: backward(np.ones_like(x), x)


GROUPS = {  # the hard one, the smooth one that it stands for, and others
    "activations": (
        Function("hard_swish", kernels.hard_swish, _slope(kernels.hard_swish_backward), (-3.0, 3.0)),
        Function("swish", lambda x: x * kernels.sigmoid(x), _swish_slope),
        Function("ReLU6", kernels.relu6, _slope(kernels.relu6_backward), (0.0, 6.0)),
    ),
    "gates": (
        Function("hard_sigmoid", kernels.hard_sigmoid, _slope(kernels.hard_sigmoid_backward), (-3.0, 3.0)),
        Function("sigmoid", kernels.sigmoid, _slope(kernels.sigmoid_backward)),
    ),
}


def hard_swish(*, x: Array | None = None) -> Figure:
    """Hard-swish beside swish and ReLU6, and their gates: values, derivatives with their jumps, and differences.

    Args:
        x: the points at which everything is computed: two to 10,000 growing numbers of at most 100 in size, over a
            range of at least 0.5; from −6 to 8 in steps of 0.1 if None. Kinks between the first and the last are added.

    Returns:
        Figure "hard-swish". Its data: `x`, kinks included; for "activations" and "gates" each function's `value`,
        `derivative` and `kinks` (`at`, the derivative immediately to the `left` and to the `right` of it, and the
        kernel's at it), and the `difference` of the hard function and the smooth one, with its largest absolute value
        and where that is.

    Raises:
        TypeError, ValueError: x that is no array of real numbers, or none of these.

    Source: the MobileNetV3 paper's section 5.2.

    >>> figure = hard_swish(x=np.array([-4.0, 4.0]))
    >>> figure.data["x"], figure.data["activations"]["hard_swish"]["value"]
    ([-4.0, -3.0, 0.0, 3.0, 4.0], [0.0, 0.0, 0.0, 3.0, 4.0])
    """
    points = _points(x)
    kinks = sorted({k for functions in GROUPS.values() for f in functions for k in f.kinks})
    points = np.union1d(points, [k for k in kinks if points[0] < k < points[-1]])
    data = {"x": points.tolist()} | {name: _group(points, functions) for name, functions in GROUPS.items()}
    with style():
        figure = _draw(data)
    return Figure(name="hard-swish", figure=figure, data=data, alt=_alt(data), caption=_caption(data))


def _points(x: Array | None) -> Array:
    """The points in float64; raises where they can't be drawn."""
    if x is None:
        return np.arange(-60.0, 81.0) / 10
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iuf":
        raise TypeError(f"{NAME}: x must be an ndarray of real numbers; got {getattr(x, 'dtype', type(x).__name__)}")
    points = x.astype(np.float64)
    if x.ndim != 1 or not 2 <= x.size <= MOST_POINTS:
        raise ValueError(f"{NAME}: x must be 2 to {MOST_POINTS:,} numbers on one axis; got x {x.shape}")
    if not (np.abs(points) <= FARTHEST).all() or np.any(np.diff(points) <= 0) or points[-1] - points[0] < SHORTEST:
        raise ValueError(
            f"{NAME}: x must grow by at least {SHORTEST} in all, from −{FARTHEST} to {FARTHEST} at most, to be drawn; "
            f"got x {x.shape}"
        )
    return points


# What is drawn: numbers and words


def _group(x: Array, functions: Sequence[Function]) -> dict[str, Any]:
    """The numbers of each function, and the difference of the first from the second."""
    hard, smooth = functions[0].value(x), functions[1].value(x)
    difference = hard - smooth
    largest = np.abs(difference).max()
    return {
        **{f.name: _function(x, f) for f in functions},
        "difference": difference.tolist(),
        "largest": float(largest),
        "largest at": x[np.abs(difference) > largest - 1e-9].tolist(),
    }


def _function(x: Array, f: Function) -> dict[str, Any]:
    kinks = []
    for k in f.kinks:
        if x[0] < k < x[-1]:
            left, at, right = f.derivative(np.array([np.nextafter(k, -np.inf), k, np.nextafter(k, np.inf)])).tolist()
            kinks.append({"at": k, "left": left, "right": right, "kernel": at})
    value, derivative = (a + 0.0 for a in (f.value(x), f.derivative(x)))  # no zero has a sign
    return {"value": value.tolist(), "derivative": derivative.tolist(), "kinks": kinks}


def _exact(number: float) -> str:
    """A number that is a small fraction but for its rounding, as that fraction.

    >>> _exact(-0.49999999999999983), _exact(1.0)
    ('−1/2', '1')
    """
    return str(Fraction(number).limit_denominator(12)).replace("-", "−")


def _largest(group: Mapping[str, Any]) -> str:
    """The largest difference and its places, in words."""
    places = listed([f"{x:g}".replace("-", "−") for x in group["largest at"]])
    return f"{group['largest']:.3f} at x = {places}"


def _jumps(data: Mapping[str, Any]) -> str:
    """The jumps of all derivatives, in words."""
    texts = []
    for name, functions in GROUPS.items():
        for f in functions:
            jumps = [
                f"from {_exact(k['left'])} to {_exact(k['right'])} at {k['at']:g} (kernel: {_exact(k['kernel'])})"
                for k in data[name][f.name]["kinks"]
            ]
            texts += [f"{f.name}'s {listed(jumps)}"] if jumps else []
    return "; ".join(texts).replace("-", "−") or "not in this range"


def _alt(data: Mapping[str, Any]) -> str:
    first, last = (f"{x:g}".replace("-", "−") for x in (data["x"][0], data["x"][-1]))
    return (
        f"Six plots over x from {first} to {last}. Above, hard_swish, swish and ReLU6, their derivatives, and "
        f"hard_swish minus swish, whose largest absolute value is {_largest(data['activations'])}. Below, the gates "
        f"hard_sigmoid and sigmoid, their derivatives, and their difference, at most {_largest(data['gates'])}. The "
        f"derivatives jump, with a dot on the kernel's value and a ring on the other side: {_jumps(data)}."
    )


def _caption(data: Mapping[str, Any]) -> str:
    return four_part_caption(
        claim=(
            "Hard-swish is swish with a ramp for a gate. At the points drawn the largest difference of the two is "
            f"{_largest(data['activations'])}, and that of the gates {_largest(data['gates'])}. The derivatives of "
            f"functions made of pieces jump: {_jumps(data)}."
        ),
        computed=(
            "Values are those of npconv.hard_swish, npconv.relu6, npconv.hard_sigmoid and npconv.sigmoid, derivatives "
            "those of their backwards with dy = 1; swish is x · npconv.sigmoid(x). A limit at a kink is the kernel's "
            "derivative at the next float64 on that side."
        ),
        scale="All axes are linear; the plots have one range of x, and each its own of y.",
        not_shown="Not shown: swish with a factor in its gate, and the time that the functions take.",
    )


# How it is drawn


def _draw(data: Mapping[str, Any]) -> matplotlib.figure.Figure:
    """A row of plots for each group: values, derivatives, and the difference."""
    figure = noted(DEFINITIONS, HEIGHT)
    plots = figure.subplots(len(GROUPS), 3)
    legends: list[tuple[str, Entries]] = []
    labels: list[tuple[Axes, list[tuple[float, float, str, str]]]] = []
    for (values, slopes, rest), (name, functions) in zip(plots, GROUPS.items(), strict=True):
        group, hard, smooth = data[name], functions[0].name, functions[1].name
        looks = [{key: look[key] for key in ("color", "linestyle")} for look in LOOKS]
        for f, look in zip(functions, looks, strict=False):
            values.plot(data["x"], group[f.name]["value"], **look, gid=f"value-{f.name}")
            labels.append((slopes, _draw_derivative(slopes, data["x"], group[f.name], f.name, look)))
        rest.plot(data["x"], group["difference"], color=INK, gid=f"difference-{name}")
        differences = dict(zip(data["x"], group["difference"], strict=True))
        places = group["largest at"]
        rest.plot(places, [differences[place] for place in places], **DOT, gid=f"largest-{name}")
        legends += [
            (name, [(look, f.name) for f, look in zip(functions, looks, strict=False)]),
            ("their derivatives", [(DOT, "the kernel's value at a kink"), (RING, "the limit from the other side")]),
            (f"{hard} − {smooth}", [(DOT, f"largest: {_largest(group)}")]),
        ]
        for axes in (values, slopes, rest):
            axes.axhline(0, **BASE)
            axes.set(xlim=(data["x"][0], data["x"][-1]), xlabel="x")
            ticks = [x for x in TICKS if data["x"][0] <= x <= data["x"][-1]]
            if len(ticks) > 1:
                axes.set_xticks(ticks)
    legends_above(plots.flat, legends)
    arrange(NAME, figure, "x must have a range whose numbers are shorter")
    for axes, points in labels:
        label_points(axes, points)
    return figure


def _draw_derivative(
    axes: Axes, x: Sequence[float], function: Mapping[str, Any], name: str, look: Kind
) -> list[tuple[float, float, str, str]]:
    """A line that is broken where the derivative jumps, with a dot and a ring there; the dots' and rings' labels."""
    xs, ys, labels = list(x), list(function["derivative"]), []
    for kink in reversed(function["kinks"]):
        at, i = kink["at"], xs.index(kink["at"])
        axes.plot([at, *xs[i + 1 :]], [kink["right"], *ys[i + 1 :]], **look, gid=f"derivative-{name}")
        xs, ys = [*xs[:i], at], [*ys[:i], kink["left"]]
        for side in ("left", "right"):
            if abs(kink[side] - kink["kernel"]) > 1e-9:
                axes.plot(at, kink[side], **{**RING, "markeredgecolor": look["color"]}, zorder=3, gid=f"ring-{name}")
                labels.append((at, kink[side], _exact(kink[side]), f"{side}-{name}"))
        axes.plot(at, kink["kernel"], **{**DOT, "color": look["color"]}, zorder=3, gid=f"dot-{name}")
        labels.append((at, kink["kernel"], _exact(kink["kernel"]), f"kernel-{name}"))
    axes.plot(xs, ys, **look, gid=f"derivative-{name}")
    return labels
