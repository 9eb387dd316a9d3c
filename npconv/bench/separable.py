"""The saving of separable convolutions: the ratio of the costs beside the ratio of the times.

MobileNetV1 replaces full 3×3 convolutions, each by a depthwise and a pointwise one of the same shape, so its 13 blocks
are the article's replacement thirteen times. Both sides are timed in one run, and the two halves apart, beside their
limits (one contiguous matrix product; of a depthwise convolution one copy) and beside torch where that is installed.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import npconv

from ..allocator import keep_memory
from ..cost import conv2d_cost, cost_ratio, depthwise_separable_conv2d_cost
from ..kernels.arguments import instance, integer
from ..kernels.geometry import Array
from ..models import MOBILENET_V1_ROWS
from .kernels import TimedLayer
from .limits import copying, products
from .timing import Calls, bind, import_torch, interleaved
from .with_torch import KERNEL, as_taps, layouts

HALVES = ("depthwise", "pointwise")
PARTS = ("standard", *HALVES, "separable")
BYTES = {"float32": 4, "bfloat16": 2}
"""The bytes of a number, by dtype."""


def _blocks() -> Iterator[TimedLayer]:
    side, channels, number = 112, 32, 0  # behind the stem
    for row in MOBILENET_V1_ROWS:
        for stride in (row.stride, *[1] * (row.blocks - 1)):
            number += 1
            yield TimedLayer("separable", f"block {number}", side, channels, row.channels, 3, stride)
            side, channels = side // stride, row.channels


SEPARABLE_LAYERS = tuple(_blocks())
"""The blocks of MobileNetV1 at 224."""


@dataclass(frozen=True)
class Saving:
    """The cost and the time of a separable convolution, over those of the standard one that it replaces.

    `block`, `side`, `in_channels`, `out_channels`, `kernel_side`, `stride` and `batch` say which layer; `predicted` is
    the ratio of the costs, an exact fraction, and `ratios` are those of the times, by function: "limit", "npconv" and,
    where it is installed, "torch". `milliseconds` and `gflops` are by function and then by part: "standard",
    "depthwise", "pointwise" and "separable"; `macs`, `bytes` and `flops_per_byte`, the arithmetic intensity, by part.
    `dtype` is that of the numbers.
    """

    block: str
    side: int
    in_channels: int
    out_channels: int
    kernel_side: int
    stride: int
    batch: int
    rounds: int
    predicted: str
    ratios: Mapping[str, float]
    macs: Mapping[str, int]
    bytes: Mapping[str, int]
    flops_per_byte: Mapping[str, float]
    milliseconds: Mapping[str, Mapping[str, float]]
    gflops: Mapping[str, Mapping[str, float]]
    dtype: str = "float32"


def measure_separable(layer: TimedLayer, batch: int, *, rounds: int = 15) -> Saving:
    """Time the standard convolution of a layer's shape, the separable one, and its two halves apart.

    Args:
        layer: a TimedLayer; its padding is half the kernel on every side, which is what torch can do too.
        batch: B.
        rounds: how often everything is timed; the medians count.

    Returns:
        A Saving. Bytes are the input, the kernel and the output, each once, and a separable convolution's those of its
        halves. Its limit is the sum of theirs; of torch's two memory layouts the faster counts, part by part.

    >>> saving = measure_separable(TimedLayer("separable", "block", 5, 3, 4), 2, rounds=1)
    >>> saving.predicted, saving.macs["separable"]
    ('13/36', 1950)
    """
    instance("measure_separable", "layer", layer, TimedLayer)
    batch, rounds = integer("measure_separable", "batch", batch), integer("measure_separable", "rounds", rounds)
    keep_memory()
    shape, n = (batch, layer.side, layer.side, layer.in_channels), layer.out_channels
    geometry = geometry_of(layer)
    square = (layer.kernel_side, layer.kernel_side)
    shapes = (shape, (*square, shape[-1], n), (*square, shape[-1]), (shape[-1], n))
    rng = np.random.default_rng(0)
    x, standard, depthwise, pointwise = (rng.standard_normal(each).astype(np.float32) for each in shapes)
    calls, arrays = _npconv(x, standard, depthwise, pointwise, geometry)
    limits = {("limit", kind): _limit(*three) for kind, three in arrays.items()}
    return saving_of(layer, batch, rounds, interleaved(limits | calls | _torch(arrays, geometry), rounds))


def geometry_of(layer: TimedLayer) -> dict[str, Any]:
    """The stride and the padding of a layer, for kernels, costs and torch alike."""
    return {"stride": layer.stride, "padding": layer.kernel_side // 2}


def saving_of(
    layer: TimedLayer, batch: int, rounds: int, timed: Mapping[tuple[str, str], float], dtype: str = "float32"
) -> Saving:
    """A Saving of the seconds that functions took, by (function, part); only the limit's "separable" is not timed."""
    k, m, n = layer.kernel_side, layer.in_channels, layer.out_channels
    shape, geometry = (batch, layer.side, layer.side, m), geometry_of(layer)
    costs = depthwise_separable_conv2d_cost(shape, (k, k, m), (m, n), **geometry)
    macs = {"standard": conv2d_cost(shape, (k, k, m, n), **geometry).macs}
    macs |= {half: costs.parts[half].macs for half in HALVES} | {"separable": costs.macs}
    read, between, written = (math.prod(s) for s in (shape, costs.parts["depthwise"].output_shape, costs.output_shape))
    numbers = {"standard": read + k * k * m * n + written, "depthwise": read + k * k * m + between}
    numbers["pointwise"] = between + m * n + written
    moved = {part: BYTES[dtype] * size for part, size in numbers.items()}
    moved["separable"] = sum(moved[half] for half in HALVES)
    seconds = _by_function(timed)
    return Saving(
        layer.group, layer.side, m, n, k, layer.stride, batch, rounds,
        predicted=str(cost_ratio(k, n)),
        ratios={function: each["separable"] / each["standard"] for function, each in seconds.items()},
        macs=macs,
        bytes=moved,
        flops_per_byte={p: 2 * macs[p] / moved[p] for p in PARTS},
        milliseconds={function: {p: 1e3 * each[p] for p in PARTS} for function, each in seconds.items()},
        gflops={function: {p: 2e-9 * macs[p] / each[p] for p in PARTS} for function, each in seconds.items()},
        dtype=dtype,
    )  # fmt: skip


def _npconv(
    x: Array, standard: Array, depthwise: Array, pointwise: Array, geometry: Mapping[str, Any]
) -> tuple[Calls, dict[str, tuple[Array, Array, Array]]]:
    """npconv's calls; and of each of them but the last, what it reads and writes: input, kernel, output."""
    filtered = npconv.depthwise_conv2d(x, depthwise, **geometry)
    y = npconv.pointwise_conv2d(filtered, pointwise)
    calls: Calls = {
        ("npconv", "standard"): bind(npconv.conv2d, x, standard, **geometry),
        ("npconv", "separable"): bind(npconv.depthwise_separable_conv2d, x, depthwise, pointwise, **geometry),
        ("npconv", "depthwise"): bind(npconv.depthwise_conv2d, x, depthwise, **geometry),
        ("npconv", "pointwise"): bind(npconv.pointwise_conv2d, filtered, pointwise),
    }
    arrays = {
        "standard": (x, standard, y),
        "depthwise": (x, depthwise, filtered),
        "pointwise": (filtered, pointwise, y),
    }
    return calls, arrays


def _limit(x: Array, kernel: Array, y: Array) -> Callable[[], Any]:
    """The least work for NumPy: one copy of a depthwise convolution's numbers, one product of the others'."""
    return copying(x.size + y.size) if kernel.ndim == 3 else products(kernel, y[..., 0].size)[0]


def _torch(arrays: Mapping[str, tuple[Array, Array, Array]], geometry: Mapping[str, Any]) -> Calls:
    """torch on the same numbers with the same threads, in both of its memory layouts; nothing where it is missing."""
    torch = import_torch()
    if torch is None:
        return {}
    (x, standard, _), (_, depthwise, filtered), (_, pointwise, _) = arrays.values()
    calls: Calls = {}
    for name, _, place in layouts():
        tx, tfiltered = place(x), place(filtered)
        kernels = [place(as_taps(kernel), KERNEL) for kernel in (standard, depthwise, pointwise)]
        calls |= {(name, part): call for part, call in torch_calls(tx, tfiltered, kernels, geometry).items()}
    return calls


def torch_calls(
    x: Any, filtered: Any, kernels: Sequence[Any], geometry: Mapping[str, Any]
) -> dict[str, Callable[[], Any]]:
    """The four parts on torch's tensors, wherever they are; kernels: standard, depthwise, pointwise."""
    standard, depthwise, pointwise = kernels
    convolve = import_torch().nn.functional.conv2d
    depthwise_options = {"groups": len(depthwise), **geometry}
    return {
        "standard": bind(convolve, x, standard, **geometry),
        "separable": lambda: convolve(convolve(x, depthwise, **depthwise_options), pointwise),
        "depthwise": bind(convolve, x, depthwise, **depthwise_options),
        "pointwise": bind(convolve, filtered, pointwise),
    }


def _by_function(seconds: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float]]:
    """Seconds by function and part; of torch's two layouts the faster, and the halves' limits added up."""
    table: dict[str, dict[str, float]] = {}
    for (name, part), t in seconds.items():
        each = table.setdefault("torch" if name.startswith("torch") else name, {})
        each[part] = min(t, each.get(part, math.inf))
    table["limit"]["separable"] = sum(table["limit"][half] for half in HALVES)
    return table
