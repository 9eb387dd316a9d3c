"""Each kernel beside its limit, and beside torch where that is installed.

The limit of a kernel is what NumPy must do for it at the least, as in `limits`; of a standard convolution's backward it
is twice the forward's product.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import npconv

from ..allocator import keep_memory
from ..cost import Cost, conv2d_cost, depthwise_conv2d_cost, pointwise_conv2d_cost, transposed_conv2d_cost
from ..kernels.arguments import assign, boolean, instance, integer, one_of, shown
from ..kernels.geometry import Array
from ..kernels.signatures import STANDARD
from .limits import copying, in_a_row, products
from .timing import Calls, Rounds, bind, geometric_mean, import_torch, in_rounds, interleaved
from .with_torch import KERNEL, as_taps, layouts

Rung = tuple[Callable[..., Array], Callable[..., Any] | None]  # forward and backward


@dataclass(frozen=True)
class Kind:
    """A kind of convolution: its kernel's shape for (Dᵣ, M, N), its cost, and its rungs, the one for users first."""

    kernel_shape: Callable[[int, int, int], tuple[int, ...]]
    cost: Callable[..., Cost]
    loops: Rung
    rungs: tuple[Rung, ...]


KINDS = {
    "standard": Kind(
        lambda side, m, n: (side, side, m, n),
        conv2d_cost,
        (npconv.conv2d_loops, npconv.conv2d_backward_loops),
        (
            (npconv.conv2d, npconv.conv2d_backward),
            (npconv.conv2d_im2col, npconv.conv2d_backward_im2col),
            (npconv.conv2d_taps, npconv.conv2d_backward_taps),
            (npconv.conv2d_per_channel, None),
        ),
    ),
    "depthwise": Kind(
        lambda side, m, n: (side, side, m),
        depthwise_conv2d_cost,
        (npconv.depthwise_conv2d_loops, npconv.depthwise_conv2d_backward_loops),
        (
            (npconv.depthwise_conv2d, npconv.depthwise_conv2d_backward),
            (npconv.depthwise_conv2d_taps, npconv.depthwise_conv2d_backward_taps),
        ),
    ),
    "pointwise": Kind(
        lambda side, m, n: (m, n),
        pointwise_conv2d_cost,
        (npconv.pointwise_conv2d_loops, None),
        ((npconv.pointwise_conv2d, npconv.pointwise_conv2d_backward),),
    ),
    "transposed": Kind(
        lambda side, m, n: (side, side, n, m),
        transposed_conv2d_cost,
        (npconv.transposed_conv2d_loops, None),
        ((npconv.transposed_conv2d, npconv.transposed_conv2d_backward),),
    ),
}


@dataclass(frozen=True)
class TimedLayer:
    """A layer to time: input side, channels in and out, kernel side, stride.

    `kind` is "standard", "depthwise" or "pointwise", with "same" padding, or "transposed", whose output is s times as
    high and wide as its input, for `measure`; or "separable", for `measure_separable`.
    """

    kind: str
    group: str
    side: int
    in_channels: int
    out_channels: int
    kernel_side: int = 3
    stride: int = 1

    def __post_init__(self) -> None:
        one_of("TimedLayer", "kind", self.kind, (*KINDS, "separable"))
        instance("TimedLayer", "group", self.group, str)
        sizes = ("side", "in_channels", "out_channels", "kernel_side", "stride")
        assign(self, **{name: integer("TimedLayer", name, getattr(self, name)) for name in sizes})

    def __str__(self) -> str:
        arrow = f"{self.in_channels}→{self.out_channels}" if self.kind != "depthwise" else f"{self.in_channels}"
        return f"{self.kind} {self.kernel_side}×{self.kernel_side} {self.side}² {arrow} s{self.stride}"

    @property
    def geometry(self) -> dict[str, Any]:
        """The geometry as the kernel and its cost take it."""
        if self.kind == "transposed":  # cropped as torch can: evenly
            beyond = self.kernel_side - self.stride
            padding = max(-(-beyond // 2), 0)
            return {"stride": self.stride, "padding": padding, "output_padding": 2 * padding - beyond}
        return {} if self.kind == "pointwise" else {"stride": self.stride, "padding": "same"}


LAYERS = (
    *(TimedLayer("standard", "3×3", d, n, n) for d, n in ((56, 64), (28, 128), (14, 256), (7, 512))),
    TimedLayer("standard", "stem", 224, 3, 32, 3, 2),
    TimedLayer("standard", "stem", 224, 3, 64, 7, 2),
    *(
        TimedLayer("depthwise", "depthwise", d, n, n, 3, s)
        for d, n, s in (
            (112, 32, 1), (112, 96, 2), (56, 144, 1), (56, 144, 2), (28, 192, 1), (28, 192, 2),
            (14, 384, 1), (14, 576, 1), (14, 576, 2), (7, 960, 1),
        )
    ),
    *(
        TimedLayer("pointwise", "pointwise", d, m, n, 1)
        for d, m, n in (
            (112, 32, 16), (112, 16, 96), (56, 96, 24), (56, 24, 144), (56, 144, 24), (28, 144, 32), (28, 32, 192),
            (28, 192, 32), (14, 192, 64), (14, 64, 384), (14, 384, 64), (14, 384, 96), (14, 96, 576), (14, 576, 96),
            (7, 576, 160), (7, 160, 960), (7, 960, 160), (7, 960, 320), (7, 320, 1280),
        )
    ),
    *(
        TimedLayer("transposed", "transposed", d, m, n, k, s)
        for d, m, n, k, s in (
            (56, 64, 64, 3, 2), (28, 128, 64, 4, 2), (28, 128, 128, 3, 2), (14, 256, 128, 2, 2), (14, 256, 128, 4, 2),
            (28, 128, 128, 3, 1), (14, 256, 256, 3, 1),
        )
    ),
)  # fmt: skip
"""The standard layers are ResNet-like 3×3 and the two usual stems, the depthwise and pointwise ones those of
MobileNetV2 at 224, the transposed ones those of a decoder."""


@dataclass(frozen=True)
class KernelTime:
    """One measurement: a function on a layer, in milliseconds, with its ratios (below 1 is faster).

    `over_torch` is over the faster of torch's two memory layouts, `over_default_torch` over channels first.
    `quartiles` are the lower and the upper quartile of the rounds' ratios, by the field's name; the plain loops, which
    are `scaled` up from a part of the layer, have none.
    """

    layer: str
    kind: str
    group: str
    batch: int
    direction: str
    function: str
    milliseconds: float
    gflops: float
    over_limit: float
    over_torch: float | None
    scaled: bool = False
    over_default_torch: float | None = None
    quartiles: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def measure(
    layer: TimedLayer, batch: int, *, rounds: int = 15, loops: bool = True, rungs: bool = True
) -> list[KernelTime]:
    """Time every rung of one layer, forward and backward, beside its limit and torch.

    Args:
        layer: a TimedLayer of one of the four kinds.
        batch: B.
        rounds: how often everything is timed; the medians count.
        loops: whether the rung in plain loops is timed too, on a small part of the layer, and scaled up.
        rungs: whether all rungs are timed, or only the kernel that a user wants.

    Returns:
        One KernelTime for each function and direction, the limit and torch among them.

    Raises:
        ValueError: a layer of another kind.

    >>> rows = measure(TimedLayer("pointwise", "pointwise", 4, 3, 5, 1), 2, rounds=1, loops=False)
    >>> [row.function for row in rows if row.direction == "forward"][:2]
    ['limit', 'pointwise_conv2d']
    """
    instance("measure", "layer", layer, TimedLayer)
    batch, rounds = integer("measure", "batch", batch), integer("measure", "rounds", rounds)
    boolean("measure", "loops", loops)
    boolean("measure", "rungs", rungs)
    one_of("measure", "layer.kind", layer.kind, KINDS)
    keep_memory()
    kind, rng = KINDS[layer.kind], np.random.default_rng(0)
    shapes = (
        (batch, layer.side, layer.side, layer.in_channels),
        kind.kernel_shape(layer.kernel_side, layer.in_channels, layer.out_channels),
    )
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    macs = kind.cost(*shapes, **layer.geometry).macs
    y = kind.rungs[0][0](x, kernel, **layer.geometry)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    timed: Calls = _limits(layer.kind, x, kernel, y)
    for forward, backward in kind.rungs if rungs else kind.rungs[:1]:
        timed |= _calls(forward, backward, dy, x, kernel, **layer.geometry)
    timed |= _torch(layer, x, kernel, dy)
    times = in_rounds(timed, rounds)
    if layer.kind == "standard":
        twice = [2 * t for t in times["forward"].samples["limit"]]
        times["backward"] = Rounds({"limit": twice} | dict(times["backward"].samples))
    scaled = _loops(layer) if loops and rungs else {}
    rows = []
    for direction, cost in (("forward", macs), ("backward", 2 * macs)):
        part = times[direction]
        for name, t in part.seconds.items():
            ratios = part.ratios(name, over_limit="limit", over_torch=part.faster_torch, over_default_torch="torch")
            rows.append(_row(layer, batch, direction, name, t, cost, **ratios))
        for name, t in ((name, cost * each) for (name, d), each in scaled.items() if d == direction):
            faster, default = (part.seconds.get(base or "") for base in (part.faster_torch, "torch"))
            rows.append(
                _row(
                    layer, batch, direction, name, t, cost, scaled=True, over_limit=t / part.seconds["limit"],
                    over_torch=faster and t / faster, over_default_torch=default and t / default,
                )
            )  # fmt: skip
    return rows


def _row(
    layer: TimedLayer, batch: int, direction: str, function: str, seconds: float, cost: int, **ratios: Any
) -> KernelTime:
    return KernelTime(
        str(layer), layer.kind, layer.group, batch, direction, function, 1e3 * seconds, 2e-9 * cost / seconds, **ratios
    )


def summary(rows: Iterable[KernelTime]) -> list[tuple[str, str, str, float, float | None]]:
    """(group, direction, function, geometric mean over the limit, and over torch), for what was timed on all layers."""
    if not isinstance(rows, Iterable) or isinstance(rows, str):
        raise TypeError(f"summary: rows must be an iterable of KernelTimes; got {shown(rows)}")
    table: dict[tuple[str, str, str], list[KernelTime]] = {}
    for row in rows:
        table.setdefault((row.group, row.direction, row.function), []).append(row)
    means = []
    for (group, direction, function), members in table.items():
        torch = [row.over_torch for row in members if row.over_torch is not None]
        means.append((group, direction, function, geometric_mean([row.over_limit for row in members]),
                      geometric_mean(torch) if torch else None))  # fmt: skip
    return means


def _calls(
    forward: Callable[..., Array], backward: Callable[..., Any] | None, dy: Array, *arrays: Array, **geometry: Any
) -> Calls:
    """A rung's calls by its function's name and the direction."""
    calls: Calls = {(forward.__name__, "forward"): bind(forward, *arrays, **geometry)}
    if backward is not None:
        calls[backward.__name__, "backward"] = bind(backward, dy, *arrays, **geometry)
    return calls


def _limits(kind: str, x: Array, kernel: Array, y: Array) -> Calls:
    if kind == "depthwise":
        return {
            ("limit", "forward"): copying(x.size + y.size),
            ("limit", "backward"): copying(2 * x.size + y.size),
        }
    if kind == "transposed":
        to_dx, to_y, to_dkernel = products(kernel, x[..., 0].size)  # those of the convolution back to x
        return {("limit", "forward"): to_y, ("limit", "backward"): in_a_row([to_dx, to_dkernel])}
    forward, *backward = products(kernel, y[..., 0].size)
    limits: Calls = {("limit", "forward"): forward}
    return limits if kind == "standard" else limits | {("limit", "backward"): in_a_row(backward)}


def _torch(layer: TimedLayer, x: Array, kernel: Array, dy: Array) -> Calls:
    """torch on the same numbers with the same threads, in both of its memory layouts; nothing where it is missing."""
    torch = import_torch()
    if torch is None:
        return {}
    if layer.kind == "transposed":
        return _torch_transposed(torch, layer.geometry, x, kernel, dy)
    groups = layer.in_channels if layer.kind == "depthwise" else 1
    taps = as_taps(kernel)
    shapes = x.shape, (*taps.shape[:2], x.shape[-1], 1)
    g = STANDARD.check_shapes("measure", *shapes).geometry(layer.stride, "same")
    padding = [g.height.before, g.width.before]
    if padding != [g.height.after, g.width.after]:  # torch pads evenly: give it the padded x, and nothing to pad
        x, padding = g.pad(x), [0, 0]
    step, timed = [layer.stride, layer.stride], {}
    for name, _, place in layouts():
        tx, tdy, tk = place(x), place(dy), place(taps, KERNEL)
        timed[name, "forward"] = bind(
            torch.nn.functional.conv2d, tx, tk, None, stride=step, padding=padding, groups=groups
        )
        timed[name, "backward"] = bind(
            torch.ops.aten.convolution_backward,
            tdy, tx, tk, None, step, padding, [1, 1], False, [0, 0], groups, [True, True, False],
        )  # fmt: skip
    return timed


def _torch_transposed(torch: Any, geometry: Mapping[str, int], x: Array, kernel: Array, dy: Array) -> Calls:
    """torch's transposed convolution, in both layouts."""
    timed: Calls = {}
    step, padding, rest = ([geometry[name]] * 2 for name in ("stride", "padding", "output_padding"))
    for name, _, place in layouts():
        tx, tdy, tk = place(x), place(dy), place(kernel, KERNEL)
        timed[name, "forward"] = bind(torch.nn.functional.conv_transpose2d, tx, tk, None, step, padding, rest)
        timed[name, "backward"] = bind(
            torch.ops.aten.convolution_backward,
            tdy, tx, tk, None, step, padding, [1, 1], True, rest, 1, [True, True, False],
        )  # fmt: skip
    return timed


def _loops(layer: TimedLayer) -> dict[tuple[str, str], float]:
    """Seconds a product that the plain loops take, on a part of the layer small enough to wait for."""
    kind, side = KINDS[layer.kind], layer.kernel_side
    m, n = min(layer.in_channels, 4), min(layer.out_channels, 4)
    x, kernel = np.ones((1, side + 3, side + 4, m), np.float32), np.ones(kind.kernel_shape(side, m, n), np.float32)
    seconds = interleaved(_calls(*kind.loops, kind.rungs[0][0](x, kernel), x, kernel), 3)
    macs = {"forward": kind.cost(x.shape, kernel.shape).macs}
    macs["backward"] = 2 * macs["forward"]
    return {(name, direction): t / macs[direction] for (name, direction), t in seconds.items()}
