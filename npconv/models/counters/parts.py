"""Countable parts of a network: products, biases, normalised values, and whatever else some counter counts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod
from types import MappingProxyType
from typing import Any

from ...kernels.geometry import Axis
from ...kernels.signatures import DEPTHWISE, STANDARD
from ...layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
    Layer,
    ReLU,
    ReLU6,
    Sigmoid,
    SqueezeExcite,
)
from ...layers.blocks import ActivatedSum
from ...layers.convolution import Linear
from ..summary import SummaryRow, summary
from ..with_heads import NetworkWithHeads

ACTIVATIONS: Mapping[type[Layer], str] = MappingProxyType(
    {
        ReLU: "ReLU",
        ReLU6: "ReLU6",
        HardSwish: "hard-swish",
        HardSigmoid: "hard-sigmoid",
        Sigmoid: "sigmoid",
    }
)
"""The parts that are an activation's values, by its layer."""

PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "macs": ("MACs of convolutions and dense layers", "a MAC"),
        "input gradients": ("gradients of all layers' inputs but the first layer's", "a MAC"),
        "first input gradient": ("gradient of the first layer's input", "a MAC"),
        "kernel gradients": ("gradients of the kernels", "a MAC"),
        "ungrouped kernel gradients": ("gradients of the kernels as if there were one group", "a MAC"),
        "ungrouped macs": ("MACs of convolutions and dense layers as if there were one group", "a MAC"),
        "classifier": ("the classifier's MACs", "a MAC"),
        "sums": ("additions in all layers", "an addition"),
        "padding": ("products with padding's zeros", "a MAC"),
        "convolution bias": ("biases of convolutions", "a value"),
        "dense bias": ("biases of dense layers", "a value"),
        "equal biases": ("copies of biases that are equal before training", "a channel"),
        "normalisation": ("normalisation", "a value"),
        "normalisation parameters": ("normalisation's parameters, once an image", "a parameter"),
        "normalisation constants": ("normalisation's constants", "a channel"),
        **{name: (name, "a value") for name in ACTIVATIONS.values()},
        "pool inputs": ("global average pool", "an input"),
        "pool outputs": ("global average pool", "an output"),
        "squeeze inputs": ("pools of squeeze-and-excite", "an input"),
        "squeeze outputs": ("pools of squeeze-and-excite", "an output"),
        "gates": ("squeeze-and-excite's scaling of its input", "a value"),
        "additions": ("additions of shortcuts", "a value"),
        "softmax": ("softmax", "a class"),
        "images": ("scaling of the images", "a number"),
    }
)
"""Parts that can be counted: what they are, and what one of them is."""

TOLD = frozenset(
    {
        "normalisation", *ACTIVATIONS.values(), "pool inputs", "pool outputs", "squeeze inputs", "squeeze outputs",
        "softmax",
    }
)  # fmt: skip
"""Parts of which the words say how often each is counted, even where that is once."""


def part_words(part: str, times: int) -> str:
    """A part in words, with the number of times that each is counted; below 0 it is left out.

    >>> part_words("normalisation", 2), part_words("additions", 1), part_words("padding", -2)
    ('normalisation, 2 a value', 'additions of shortcuts', "without products with padding's zeros, 2 a MAC")
    """
    words, one = PARTS[part]
    without = "without " if times < 0 else ""
    many = "" if abs(times) == 1 and part not in TOLD else f", {abs(times)} {one}"
    return without + words + many


def count_parts(model: Layer, input_shape: tuple[int, ...]) -> dict[str, int]:
    """Number of each of `PARTS` in a network, on an input of that shape, batch included.

    Raises TypeError or ValueError as `summary`, and ValueError for a network with heads.

    >>> from npconv.models import mobilenet_v2
    >>> parts = count_parts(mobilenet_v2(), (1, 224, 224, 3))
    >>> parts["macs"], parts["normalisation"], parts["additions"]
    (300774272, 6678112, 216384)
    """
    counted: Counter[str] = Counter(dict.fromkeys(PARTS, 0))
    if isinstance(model, NetworkWithHeads):
        kind = type(model).__name__
        raise ValueError(f"count_parts: model must have no heads, of which no counter's numbers are known; got {kind}")
    rows = summary(model, input_shape).rows
    biases: list[int] = []  # channels of each
    for row in rows:
        layer = _layer_of(model, row)
        for part, count in _parts_of(row, layer):
            counted[part] += count
        first = row.macs // 2 if isinstance(layer, SqueezeExcite) else row.macs  # two layers of as many each
        counted["first input gradient"] = counted["first input gradient"] or first
        counted["equal biases"] += sum(size for size in _biases(row, layer) if size in biases)
        biases += _biases(row, layer)
    counted["kernel gradients"], counted["ungrouped kernel gradients"] = counted["macs"], counted["ungrouped macs"]
    counted["input gradients"] = counted["macs"] - counted["first input gradient"]
    counted["images"] = prod(rows[0].input_shape)
    if isinstance(layer, Dense):  # the last one: a classifier
        counted["classifier"], counted["softmax"] = rows[-1].macs, prod(rows[-1].output_shape)
    return dict(counted)


def _layer_of(model: Layer, row: SummaryRow) -> Layer:
    """The layer that a row is of; of a shortcut's sum, the layer around it."""
    layer: Any = model
    names = row.name.split(".")[: -1 if row.adds else None]
    for name in names if hasattr(model, "layers") else ():
        layer = layer.layers[name]
    found: Layer = layer
    return found


def _parts_of(row: SummaryRow, layer: Layer) -> Iterator[tuple[str, int]]:
    """(part, count) of what a row computes."""
    values = prod(row.output_shape)
    yield "macs", row.macs
    yield "sums", row.additions
    yield "ungrouped macs", row.macs * (row.input_shape[-1] if isinstance(layer, DepthwiseConv2D) else 1)
    if row.adds:
        yield "additions", values
        if isinstance(layer, ActivatedSum):
            yield "ReLU", values
    elif isinstance(layer, Linear):
        yield from _parts_of_linear(row, layer, values)
    elif isinstance(layer, SqueezeExcite):
        yield from _parts_of_squeeze_excite(row, layer, values)
    elif isinstance(layer, BatchNorm):
        yield "normalisation", values
        yield "normalisation parameters", row.input_shape[0] * row.params
        yield "normalisation constants", row.output_shape[-1]
    elif isinstance(layer, GlobalAveragePool):
        yield "pool inputs", prod(row.input_shape)
        yield "pool outputs", values
    elif type(layer) in ACTIVATIONS:
        yield ACTIVATIONS[type(layer)], values


def _parts_of_linear(row: SummaryRow, layer: Linear, values: int) -> Iterator[tuple[str, int]]:
    """Its bias, and the products with padding's zeros among its MACs."""
    if "bias" in layer.params:
        yield "dense bias" if isinstance(layer, Dense) else "convolution bias", values
    if isinstance(layer, Conv2D | DepthwiseConv2D):
        kind = STANDARD if isinstance(layer, Conv2D) else DEPTHWISE
        checked = kind.check_shapes("count_parts", row.input_shape, layer.params["kernel"].shape)
        g = checked.geometry(**layer.geometry)
        products = prod(axis.output * axis.kernel for axis in (g.height, g.width))  # of one pair of channels
        yield "padding", row.macs // products * (products - _inside(g.height) * _inside(g.width))


def _inside(axis: Axis) -> int:
    """Number of pairs of an output position and a tap that read a row of the input, and not of its padding."""

    def above(end: int) -> int:  # pairs that read a row of the padded input above this one
        return sum(len(range(tap.start, min(tap.stop, end), tap.step)) for tap in axis.taps)

    return above(axis.before + axis.input) - above(axis.before)


def _parts_of_squeeze_excite(row: SummaryRow, layer: SqueezeExcite, values: int) -> Iterator[tuple[str, int]]:
    """Its pool, the biases and activations of its two dense layers, and the products with the map."""
    batch, channels = row.input_shape[0], row.input_shape[-1]
    squeezed = layer.params["reduce_bias"].size
    yield "convolution bias", batch * (squeezed + channels)
    yield "ReLU", batch * squeezed
    yield "hard-sigmoid", batch * channels
    yield "squeeze inputs", values
    yield "squeeze outputs", batch * channels
    yield "gates", values


def _biases(row: SummaryRow, layer: Layer) -> list[int]:
    """The channels of the biases that a layer has once normalisation is folded into the convolution before it."""
    if isinstance(layer, SqueezeExcite):
        return [layer.params[name].size for name in ("reduce_bias", "expand_bias")]
    has_one = isinstance(layer, BatchNorm) or (isinstance(layer, Linear) and "bias" in layer.params)
    return [row.output_shape[-1]] if has_one else []
