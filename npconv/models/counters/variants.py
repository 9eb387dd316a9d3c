"""Networks that are counted in place of the one that is meant: with an expansion at t = 1, with other strides."""

from ...layers import BatchNorm, InvertedResidual, Layer, PointwiseConv2D, Sequential
from ...layers.blocks import Residual
from ...layers.convolution import Linear
from ..network import MobileNet


def expanded(model: Layer) -> Layer:
    """A network in which each inverted residual has an expansion, also where t = 1: k to k channels.

    It shares the other layers with the network, and is for counting alone.

    >>> from npconv.models import mobilenet_v2, summary
    >>> shape = (1, 224, 224, 3)
    >>> summary(expanded(mobilenet_v2()), shape).macs - summary(mobilenet_v2(), shape).macs == 112 * 112 * 32 * 32
    True
    """
    if not isinstance(model, Sequential):
        return model
    layers = {name: expanded(layer) for name, layer in model.layers.items()}
    if isinstance(model, InvertedResidual) and "expand" not in layers:
        channels = layers["depthwise"].params["kernel"].shape[-1]
        expand: dict[str, Layer] = {"expand": PointwiseConv2D(channels, channels)}
        for name, layer in layers.items():
            if name.startswith("depthwise_"):
                after = BatchNorm(channels) if isinstance(layer, BatchNorm) else type(layer)()
                expand[name.replace("depthwise", "expand")] = after
        layers = expand | layers
    return model.with_layers(layers)


def misprinted(model: Layer) -> Layer:
    """A MobileNet with the strides of a table that is wrong, or the network itself where none is known.

    The V1 paper's Table 1 prints stride 2 for the last block. The first version of the V2 paper's Table 2 prints
    stride 1 for the row of 64 channels, and 2 for that of 96.

    >>> from npconv.models import mobilenet_v1, mobilenet_v2, summary
    >>> [summary(misprinted(network), (1, 224, 224, 3)).macs for network in (mobilenet_v1(), mobilenet_v2())]
    [533833216, 416266880]
    """
    strides = _strides(model)
    architecture = model.specification.architecture if isinstance(model, MobileNet) else ""
    if architecture == "mobilenet_v1" and strides:
        strides[-1][-1] = 2
    elif architecture == "mobilenet_v2" and len(strides) == 7:
        strides[3][0], strides[4][0] = 1, 2
    return _with_strides(model, strides)


def repeated(model: Layer) -> Layer:
    """A MobileNet with its table's strides in each block of a row, where they are meant for the first alone.

    >>> from npconv.models import mobilenet_v2, summary
    >>> summary(repeated(mobilenet_v2()), (1, 224, 224, 3)).macs
    74148608
    """
    return _with_strides(model, [row[:1] * len(row) for row in _strides(model)])


def _strides(model: Layer) -> list[list[int]]:
    """The strides of a MobileNet's blocks by the rows of its table; none where some are turned into dilation."""
    if not isinstance(model, MobileNet) or model.specification.output_stride is not None:
        return []
    return [[row.stride] + [1] * (row.blocks - 1) for row in model.specification.rows]


def _with_strides(model: Layer, strides: list[list[int]]) -> Layer:
    """A MobileNet whose blocks have these strides, which shares the layers that keep theirs."""
    if not isinstance(model, MobileNet):
        return model
    new = dict(zip(model.blocks, (stride for row in strides for stride in row), strict=False))
    layers = {name: _strided(layer, new[name]) if name in new else layer for name, layer in model.layers.items()}
    return model.with_layers(layers)


def _strided(block: Layer, stride: int) -> Layer:
    """A block with this stride in the one of its layers that has a geometry, and no shortcut where that is not 1."""
    if not isinstance(block, Sequential):
        return block
    layers = dict(block.layers)
    for name, layer in layers.items():
        if isinstance(layer, Linear) and layer.geometry and layer.geometry["stride"] != stride:
            other = layer.copy()
            other.geometry = {**layer.geometry, "stride": stride}
            layers[name] = other
    twin = block.with_layers(layers)
    if isinstance(twin, Residual):
        twin.shortcut = twin.shortcut and stride == 1
    return twin
