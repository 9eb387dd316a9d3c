"""Each kernel beside its limit, and beside torch where that is installed.

The limit of a kernel is what NumPy must do for it at the least, as in `limits`; of a standard convolution's backward it
is twice the forward's product.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import npconv

from ..allocator import keep_memory
from ..cost import conv2d_cost, depthwise_conv2d_cost, pointwise_conv2d_cost
from ..kernels.arguments import assign, boolean, instance, integer, one_of, shown
from ..kernels.geometry import Array
from .limits import copying, in_a_row, products
from .timing import bind, geometric_mean, import_torch, interleaved
from .with_torch import KERNEL, layouts

KINDS = ("standard", "depthwise", "pointwise")


@dataclass(frozen=True)
class Layer:
    """A layer to time: input side, channels in and out, kernel side, stride.

    `kind` is "standard", "depthwise" or "pointwise", for `measure`, with "same" padding; or "separable", for
    `measure_separable`.
    """

    kind: str
    group: str
    side: int
    in_channels: int
    out_channels: int
    kernel_side: int = 3
    stride: int = 1

    def __post_init__(self) -> None:
        one_of("Layer", "kind", self.kind, (*KINDS, "separable"))
        instance("Layer", "group", self.group, str)
        sizes = ("side", "in_channels", "out_channels", "kernel_side", "stride")
        assign(self, **{name: integer("Layer", name, getattr(self, name)) for name in sizes})

    def __str__(self) -> str:
        arrow = f"{self.in_channels}→{self.out_channels}" if self.kind != "depthwise" else f"{self.in_channels}"
        return f"{self.kind} {self.kernel_side}×{self.kernel_side} {self.side}² {arrow} s{self.stride}"


LAYERS = (
    *(Layer("standard", "3×3", d, n, n) for d, n in ((56, 64), (28, 128), (14, 256), (7, 512))),
    Layer("standard", "stem", 224, 3, 32, 3, 2),
    Layer("standard", "stem", 224, 3, 64, 7, 2),
    *(
        Layer("depthwise", "depthwise", d, n, n, 3, s)
        for d, n, s in (
            (112, 32, 1), (112, 96, 2), (56, 144, 1), (56, 144, 2), (28, 192, 1), (28, 192, 2),
            (14, 384, 1), (14, 576, 1), (14, 576, 2), (7, 960, 1),
        )
    ),
    *(
        Layer("pointwise", "pointwise", d, m, n, 1)
        for d, m, n in (
            (112, 32, 16), (112, 16, 96), (56, 96, 24), (56, 24, 144), (56, 144, 24), (28, 144, 32), (28, 32, 192),
            (28, 192, 32), (14, 192, 64), (14, 64, 384), (14, 384, 64), (14, 384, 96), (14, 96, 576), (14, 576, 96),
            (7, 576, 160), (7, 160, 960), (7, 960, 160), (7, 960, 320), (7, 320, 1280),
        )
    ),
)  # fmt: skip
"""The standard layers are ResNet-like 3×3 and the two usual stems, the others those of MobileNetV2 at 224."""


@dataclass(frozen=True)
class Row:
    """One measurement: a function on a layer, in milliseconds, with its ratios (below 1 is faster)."""

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


def measure(layer: Layer, batch: int, *, rounds: int = 15, loops: bool = True, rungs: bool = True) -> list[Row]:
    """Time every rung of one layer, forward and backward, beside its limit and torch.

    Args:
        layer: a Layer of one of the three kinds.
        batch: B.
        rounds: how often everything is timed; the medians count.
        loops: whether the rung in plain loops is timed too, on a small part of the layer, and scaled up.
        rungs: whether all rungs are timed, or only the kernel that a user wants.

    Returns:
        One Row for each function and direction, the limit and torch among them.

    Raises:
        ValueError: a layer of another kind.

    >>> rows = measure(Layer("pointwise", "pointwise", 4, 3, 5, 1), 2, rounds=1, loops=False)
    >>> [row.function for row in rows if row.direction == "forward"][:2]
    ['limit', 'pointwise_conv2d']
    """
    instance("measure", "layer", layer, Layer)
    batch, rounds = integer("measure", "batch", batch), integer("measure", "rounds", rounds)
    boolean("measure", "loops", loops)
    boolean("measure", "rungs", rungs)
    one_of("measure", "layer.kind", layer.kind, KINDS)
    keep_memory()
    x, kernel, geometry, macs = _arrays(layer, batch)
    functions = _functions(layer.kind, rungs)
    y = functions[0][1](x, kernel, **geometry)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    timed: dict[tuple[str, str], Callable[[], Any]] = dict(_limits(layer.kind, x, kernel, y))
    for name, forward, backward in functions:
        timed[name, "forward"] = bind(forward, x, kernel, **geometry)
        if backward is not None:
            timed[backward.__name__, "backward"] = bind(backward, dy, x, kernel, **geometry)
    timed |= _torch(layer, x, kernel, dy)
    seconds = interleaved(timed, rounds)
    if layer.kind == "standard":
        seconds["limit", "backward"] = 2 * seconds["limit", "forward"]
    scaled = _loops(layer) if loops and rungs else {}
    rows = []
    for direction, cost in (("forward", macs), ("backward", 2 * macs)):
        limit = seconds["limit", direction]
        torch = min(
            (t for (name, d), t in seconds.items() if name.startswith("torch") and d == direction), default=None
        )
        for (name, d), t in (seconds | {key: per_product * cost for key, per_product in scaled.items()}).items():
            if d == direction:
                over_torch = None if torch is None else t / torch
                speed = 2e-9 * cost / t
                rows.append(
                    Row(
                        str(layer), layer.kind, layer.group, batch, direction, name, 1e3 * t, speed, t / limit,
                        over_torch, (name, d) in scaled,
                    )
                )  # fmt: skip
    return rows


def summary(rows: Iterable[Row]) -> list[tuple[str, str, str, float, float | None]]:
    """(group, direction, function, geometric mean over the limit, and over torch), for what was timed on all layers."""
    if not isinstance(rows, Iterable) or isinstance(rows, str):
        raise TypeError(f"summary: rows must be an iterable of Rows; got {shown(rows)}")
    table: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        table.setdefault((row.group, row.direction, row.function), []).append(row)
    means = []
    for (group, direction, function), members in table.items():
        torch = [row.over_torch for row in members if row.over_torch is not None]
        means.append((group, direction, function, geometric_mean([row.over_limit for row in members]),
                      geometric_mean(torch) if torch else None))  # fmt: skip
    return means


def _functions(kind: str, rungs: bool) -> list[tuple[str, Callable[..., Array], Callable[..., Any] | None]]:
    """(name, forward, backward) of the rungs, the one that a user wants first."""
    if kind == "pointwise":
        return [("pointwise_conv2d", npconv.pointwise_conv2d, npconv.pointwise_conv2d_backward)]
    if kind == "depthwise":
        ladder: list[tuple[str, Callable[..., Array], Callable[..., Any] | None]] = [
            ("depthwise_conv2d", npconv.depthwise_conv2d, npconv.depthwise_conv2d_backward),
            ("depthwise_conv2d_taps", npconv.depthwise_conv2d_taps, npconv.depthwise_conv2d_backward_taps),
        ]
    else:
        ladder = [
            ("conv2d", npconv.conv2d, npconv.conv2d_backward),
            ("conv2d_im2col", npconv.conv2d_im2col, npconv.conv2d_backward_im2col),
            ("conv2d_taps", npconv.conv2d_taps, npconv.conv2d_backward_taps),
            ("conv2d_per_channel", npconv.conv2d_per_channel, None),
        ]
    return ladder if rungs else ladder[:1]


def _arrays(layer: Layer, batch: int) -> tuple[Array, Array, dict[str, Any], int]:
    rng = np.random.default_rng(0)
    shape = (batch, layer.side, layer.side, layer.in_channels)
    square, m, n = (layer.kernel_side, layer.kernel_side), layer.in_channels, layer.out_channels
    geometry: dict[str, Any] = {"stride": layer.stride, "padding": "same"}
    if layer.kind == "pointwise":
        kernel_shape: tuple[int, ...] = (m, n)
        geometry, macs = {}, pointwise_conv2d_cost(shape, kernel_shape).macs
    elif layer.kind == "depthwise":
        kernel_shape = (*square, m)
        macs = depthwise_conv2d_cost(shape, kernel_shape, **geometry).macs
    else:
        kernel_shape = (*square, m, n)
        macs = conv2d_cost(shape, kernel_shape, **geometry).macs
    x = rng.standard_normal(shape).astype(np.float32)
    return x, rng.standard_normal(kernel_shape).astype(np.float32), geometry, macs


def _limits(kind: str, x: Array, kernel: Array, y: Array) -> dict[tuple[str, str], Callable[[], Any]]:
    if kind == "depthwise":
        return {
            ("limit", "forward"): copying(x.size + y.size),
            ("limit", "backward"): copying(2 * x.size + y.size),
        }
    forward, *backward = products(kernel, y[..., 0].size)
    limits: dict[tuple[str, str], Callable[[], Any]] = {("limit", "forward"): forward}
    return limits if kind == "standard" else limits | {("limit", "backward"): in_a_row(backward)}


def _torch(layer: Layer, x: Array, kernel: Array, dy: Array) -> dict[tuple[str, str], Callable[[], Any]]:
    """torch on the same numbers with the same threads, in both of its memory layouts; nothing where it is missing."""
    torch = import_torch()
    if torch is None:
        return {}
    groups = layer.in_channels if layer.kind == "depthwise" else 1
    weights = {"standard": kernel, "depthwise": kernel[:, :, None, :] if kernel.ndim == 3 else kernel,
               "pointwise": kernel[None, None] if kernel.ndim == 2 else kernel}[layer.kind]  # fmt: skip
    total = [max((math.ceil(d / layer.stride) - 1) * layer.stride + layer.kernel_side - d, 0) for d in x.shape[1:3]]
    if any(n % 2 for n in total):  # torch pads evenly: give it the padded input, and itself nothing to pad
        x = np.pad(x, ((0, 0), *((n // 2, n - n // 2) for n in total), (0, 0)))
        total = [0, 0]
    padding = [n // 2 for n in total]
    timed: dict[tuple[str, str], Callable[[], Any]] = {}
    for name, _, place in layouts():
        tx, tdy, tk = place(x), place(dy), place(weights, KERNEL)
        step = [layer.stride, layer.stride]
        timed[name, "forward"] = bind(
            torch.nn.functional.conv2d, tx, tk, None, stride=step, padding=padding, groups=groups
        )
        timed[name, "backward"] = bind(
            torch.ops.aten.convolution_backward,
            tdy, tx, tk, None, step, padding, [1, 1], False, [0, 0], groups, [True, True, False],
        )  # fmt: skip
    return timed


def _loops(layer: Layer) -> dict[tuple[str, str], float]:
    """Seconds a product that the plain loops take, on a part of the layer small enough to wait for."""
    m = min(layer.in_channels, 4)
    n = min(layer.out_channels, 4)
    side = layer.kernel_side
    x = np.ones((1, side + 3, side + 4, m), np.float32)
    if layer.kind == "pointwise":
        kernel = np.ones((m, n), np.float32)
        y = npconv.pointwise_conv2d(x, kernel)
        runs: list[tuple[str, str, Callable[[], Any], int]] = [
            ("pointwise_conv2d_loops", "forward", bind(npconv.pointwise_conv2d_loops, x, kernel), y.size * m)
        ]
    elif layer.kind == "depthwise":
        kernel = np.ones((side, side, m), np.float32)
        y = npconv.depthwise_conv2d(x, kernel)
        products = y.size * side * side
        runs = [
            ("depthwise_conv2d_loops", "forward", bind(npconv.depthwise_conv2d_loops, x, kernel), products),
            ("depthwise_conv2d_backward_loops", "backward", bind(npconv.depthwise_conv2d_backward_loops, y, x, kernel),
             2 * products),
        ]  # fmt: skip
    else:
        kernel = np.ones((side, side, m, n), np.float32)
        y = npconv.conv2d(x, kernel)
        products = y.size * side * side * m
        runs = [
            ("conv2d_loops", "forward", bind(npconv.conv2d_loops, x, kernel), products),
            ("conv2d_backward_loops", "backward", bind(npconv.conv2d_backward_loops, y, x, kernel), 2 * products),
        ]
    seconds = interleaved({(name, direction): run for name, direction, run, _ in runs}, 3)
    return {(name, direction): seconds[name, direction] / products for name, direction, _, products in runs}
