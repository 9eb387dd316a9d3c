"""Inference at speed: a network folded, its blocks computed a band of rows at a time, nothing remembered."""

import numpy as np

from ..allocator import keep_memory
from ..kernels import arguments
from ..kernels.geometry import Array, Geometry, Padding
from ..layers import Activation, BatchNorm, InvertedResidual, Layer, ReLU, ReLU6, Sequential
from ..layers.convolution import Linear

BAND = 2**20  # bytes of a block's widest volume that are made at once: they stay in the cache until they are read


class Inference:
    """A network for inference alone: the same function as `network.forward(x)`, to rounding, in less time and memory.

    Batch normalisation is folded, activations work in place, and no layer remembers its input. A block is computed in
    bands: a few rows of its output at a time, from the rows of its input that they read, through all of its layers. So
    the expanded volume, the largest in the network, never exists as a whole; that is the memory argument of the
    MobileNetV2 paper's section 5.1, and what is made stays in the processor's cache until it is used.

    Args:
        network: a `MobileNet`, or any Sequential whose blocks are Sequentials of one spatial convolution each. It is
            copied: what is learnt later has no effect here.
        band: the bytes of a block's widest volume in one band.

    Raises:
        TypeError: a network that is no Sequential.
        ValueError: a band below 1; in `forward`, as the network's kernels.

    >>> from npconv.models import mobilenet_v2
    >>> network = mobilenet_v2(0.35, 10)
    >>> images = np.random.default_rng(0).standard_normal((2, 32, 48, 3)).astype(np.float32)
    >>> bool(np.allclose(Inference(network).forward(images), network.forward(images), atol=1e-4))
    True
    """

    def __init__(self, network: Sequential, *, band: int = BAND) -> None:
        if not isinstance(network, Sequential):
            raise TypeError(f"Inference: network must be a Sequential; got {type(network).__name__}")
        if not arguments.is_int(band):
            raise TypeError(f"Inference: band must be an int; got {band!r}")
        if band < 1:
            raise ValueError(f"Inference: band must be at least 1; got {band}")
        self.network, self.band = network.folded(), band
        keep_memory()

    def forward(self, x: Array) -> Array:
        """The network's output for x, (B, Dᵤ, Dᵤ, M); x is not changed."""
        y = x
        for layer in self.network.layers.values():
            if isinstance(layer, Sequential) and _goes_in_bands(layer, y.shape):
                y = in_bands(layer, y, self.band)
            elif y is x and isinstance(layer, Activation):
                y = type(layer).operation(x)  # what comes from outside is not written over
            else:
                y = _apply(layer, y)
        return y


def in_bands(block: Sequential, x: Array, band: int = BAND) -> Array:
    """What a block returns in inference, computed a band of its output's rows at a time.

    A band of rows is a small image with padding of its own: at its ends the rows of zeros of the whole, and none in the
    middle, where neighbouring bands read some of the same rows.

    Args:
        block: a Sequential of layers with one spatial convolution among them, with a shortcut or without.
        x: (B, Dᵤ, Dᵤ, M).
        band: the bytes of its widest volume in one band.

    Returns:
        The block's output for x, to rounding.

    Raises:
        TypeError, ValueError: as the block's kernels.

    >>> from npconv.layers import InvertedResidual
    >>> block, x = InvertedResidual(4, 4), np.random.default_rng(0).standard_normal((2, 9, 7, 4)).astype(np.float32)
    >>> bool(np.allclose(in_bands(block, x, band=5000), block.forward(x), atol=1e-5))
    True
    """
    g, widest = _geometry(block, x.shape), max(a.shape[-1] for a in block.params.values())
    y = np.empty((*g.output, block.output_shape(x.shape)[-1]), x.dtype)
    position_bytes = g.height.stride * g.width.stride * widest * x.itemsize
    for images, rows in g.bands(position_bytes, size=band):
        read, height = g.height.part(rows)
        padding = (height.before, height.after), (g.width.before, g.width.after)
        part = x[images, read]
        for layer in block.layers.values():
            part = _apply(layer, part, padding)
        y[images, rows] = part
    if getattr(block, "shortcut", False):
        y += x
    return y


def _apply(layer: Layer, x: Array, padding: Padding | None = None) -> Array:
    """A layer's output in inference, an activation's in place; a spatial convolution's with another padding."""
    if isinstance(layer, Linear):
        geometry = layer.geometry if padding is None or not layer.geometry else {**layer.geometry, "padding": padding}
        y: Array = type(layer).operation(x, layer.params["kernel"], **geometry)
        if "bias" in layer.params:
            y += layer.params["bias"]
        return y
    if isinstance(layer, ReLU):
        return np.maximum(x, 0, out=x)
    if isinstance(layer, ReLU6):
        return np.clip(x, 0, 6, out=x)
    y = layer.forward(x)
    layer.forget()
    return y


def _goes_in_bands(block: Sequential, shape: tuple[int, ...]) -> bool:
    """Whether it is plain layers around one spatial convolution, a convolution first; no output reads padding alone."""
    first, *_ = layers = block.layers.values()
    plain = all(isinstance(layer, Linear | Activation | BatchNorm) for layer in layers) and isinstance(first, Linear)
    known = type(block).forward in (Sequential.forward, InvertedResidual.forward)
    if not plain or not known or len(_spatial(block)) != 1:
        return False
    height = _geometry(block, shape).height
    return max(height.before, height.after) < height.span


def _spatial(block: Sequential) -> list[Linear]:
    """A block's layers that have geometry."""
    return [layer for layer in block.layers.values() if isinstance(layer, Linear) and layer.geometry]


def _geometry(block: Sequential, shape: tuple[int, ...]) -> Geometry:
    """That of the block's spatial convolution: what lies before it keeps height and width."""
    (layer,) = _spatial(block)
    height, width = layer.params["kernel"].shape[:2]
    one_channel = np.empty((*shape[:3], 1), np.int8), np.empty((height, width, 1, 1), np.int8)
    return arguments.standard("Inference", *one_channel, **layer.geometry)
