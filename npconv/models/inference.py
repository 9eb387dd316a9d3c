"""Fast inference: a folded network whose blocks are computed a band of rows at a time, in buffers that are reused.

A band of a block is the block on a few rows, with padding of its own: the expansion of the rows that the band reads,
the depthwise convolution, the projection. So the expanded volume, the largest in the network, never exists as a whole,
and its bands stay in the processor's cache until they are read. It is the MobileNetV2 paper's argument about
memory (section 5.1), with rows in place of channels.
"""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..allocator import keep_memory
from ..kernels import arguments
from ..kernels.engine import bands, part_of, repeat_kernel, tap_lines
from ..kernels.geometry import Array, Geometry, as_matrix
from ..kernels.signatures import DEPTHWISE
from ..layers import DepthwiseConv2D, Layer, PointwiseConv2D, ReLU, ReLU6, Sequential
from ..layers.blocks import DepthwiseSeparable, InvertedResidual
from ..layers.convolution import Linear
from .network import MobileNet

BLOCK_BAND = 2**20  # bytes of a block's widest volume that are made at once, as much as a core's second cache may hold
IN_PLACE: dict[type[Layer], Callable[[Array], Array]] = {
    ReLU: lambda a: np.maximum(a, 0, out=a),
    ReLU6: lambda a: np.clip(a, 0, 6, out=a),
}
IN_A_ROW = (Sequential.forward, MobileNet.forward)  # which are their layers' forward in a row, and nothing else


class Inference:
    """A network for inference alone: the same function as `network.forward(x)`, to rounding, in less time and memory.

    Batch normalisation is folded, activations work in place, nothing is remembered, and the blocks, `InvertedResidual`
    and `DepthwiseSeparable`, are computed in bands of rows wherever they stand in rows of layers. A Sequential with a
    forward of its own is run by that, whole. All that depends only on the images' shape is prepared once, and kept
    until images of another shape come. Images of another dtype than the parameters' are computed layer by layer.

    One object is for one thread, as its buffers are reused; a copy, an unpickled object or a forked process has its
    own.

    Args:
        network: a `MobileNet`, a block, or any Sequential. It is copied, so later training has no effect here.
        band: the bytes of a block's widest volume that are made at once.

    Raises:
        TypeError: a network that is no Sequential, a band that is no int.
        ValueError: a band below 1.

    >>> from npconv.models import mobilenet_v2
    >>> network = mobilenet_v2(0.35, 10)
    >>> images = np.random.default_rng(0).standard_normal((2, 32, 48, 3)).astype(np.float32)
    >>> bool(np.allclose(Inference(network).forward(images), network.forward(images), atol=1e-4))
    True
    """

    def __init__(self, network: Sequential, *, band: int = BLOCK_BAND) -> None:
        arguments.instance("Inference", "network", network, Sequential)
        self._network, self.band = network.folded(), arguments.integer("Inference", "band", band)
        self._locks: dict[int, threading.Lock] = {}  # by process: a fork copies one that a thread holds as held
        self._buffers = Buffers()
        self._prepared_for: Any = None
        self._blocks: dict[str, BandedBlock | None] = {}
        keep_memory()

    def forward(self, x: Array) -> Array:
        """The network's output for x, (B, Dᵤ, Dᵤ, M); x is not changed.

        Raises TypeError where x is no array of real numbers, RuntimeError while another thread is in here, and else as
        `network.forward`.
        """
        arguments.array_of("Inference.forward", "x", x, "iuf")
        if isinstance(self._network, MobileNet):
            self._network.check_images("Inference.forward", x)
        lock = self._locks.setdefault(os.getpid(), threading.Lock())
        if not lock.acquire(blocking=False):
            raise RuntimeError("Inference.forward: another thread is in here; each needs an Inference of its own")
        try:
            if self._prepared_for != (x.shape, x.dtype):
                self._prepared_for, self._blocks = (x.shape, x.dtype), {}
            return self._run("", self._network, x, x)
        finally:
            lock.release()

    def _run(self, name: str, layer: Layer, y: Array, x: Array) -> Array:
        """The layer's output for y, which may be overwritten where it shares no memory with the images x."""
        block = self._in_bands(name, layer, y)
        if block is not None:
            return block.forward(y)
        if isinstance(layer, Sequential) and type(layer).forward in IN_A_ROW:
            for key, each in layer.layers.items():
                y = self._run(f"{name}.{key}" if name else key, each, y, x)
            return y
        if type(layer) in IN_PLACE and not np.may_share_memory(x, y):
            return IN_PLACE[type(layer)](y)
        y = layer.forward(y)
        layer.forget()
        return y

    def _in_bands(self, name: str, layer: Layer, x: Array) -> "BandedBlock | None":
        """The layer prepared for inputs like x, or None where it can't be computed in bands."""
        if type(layer) not in (InvertedResidual, DepthwiseSeparable) or not isinstance(layer, Sequential):
            return None  # a subclass may have a forward of its own
        if name not in self._blocks:
            g = _geometry(layer, x) if _takes(layer, x) else None
            self._blocks[name] = BandedBlock(layer, g, x.dtype, self.band, self._buffers) if g else None
        return self._blocks[name]

    def __getstate__(self) -> dict[str, Any]:
        """The state without the prepared bands, whose arrays are views of one another: a copy would separate them."""
        return {"_network": self._network, "band": self.band}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._locks, self._buffers, self._prepared_for, self._blocks = {}, Buffers(), None, {}


class Buffers:
    """Named buffers, reused when large enough."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An uninitialised array of that shape."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.uint8)
        taken: Array = self._arrays[name][:size].view(dtype).reshape(shape)
        return taken


@dataclass(frozen=True)
class BlockBand:
    """A band of a block's output: its images and rows, the rows of the input that it reads, and its buffers."""

    images: slice
    rows: slice
    read: slice
    expanded: Array  # (images, rows read, Dᵤ, tk), the product with the expansion's kernel
    inside: Array  # of the same shape: what of the padded buffer is not padding
    padding: list[Array]  # what of it is
    lines: Array  # the taps of the padded buffer, as `tap_lines` has them
    filtered: Array  # (images, rows, Dᵥ, tk), what the depthwise convolution writes


class BandedBlock:
    """A folded block prepared for inputs of one shape: (pointwise,) depthwise and pointwise convolution."""

    def __init__(self, block: Sequential, g: Geometry, dtype: Any, size: int, buffers: Buffers) -> None:
        *expand, self.depthwise, self.project = _convolutions(block)
        self.expand: FoldedConvolution | None = expand[0] if expand else None
        self.shortcut = getattr(block, "shortcut", False)
        self.y_shape = (*g.output, self.project.kernel.shape[-1])
        channels = self.depthwise.kernel.shape[-1]
        for _ in range(2):  # the first time lets the buffers grow to what the largest band needs
            self.bands = list(_bands(g, channels, dtype, size, buffers))
        self.taps = repeat_kernel(self.depthwise.kernel, self.bands[0].lines.shape[-1])

    def forward(self, x: Array) -> Array:
        """The block's output for x."""
        y = np.empty(self.y_shape, x.dtype)
        for band in self.bands:
            part, out = x[band.images, band.read], y[band.images, band.rows]
            for zeros in band.padding:
                zeros[...] = 0
            if self.expand is None:
                band.inside[...] = part
            else:
                np.matmul(as_matrix(part), self.expand.kernel, out=as_matrix(band.expanded))
                self.expand.finish(band.expanded, band.inside)
            np.einsum(
                "bvwijx,ijx->bvwx", band.lines, self.taps, out=band.filtered.reshape(band.lines[:, :, :, 0, 0].shape)
            )
            self.depthwise.finish(band.filtered, band.filtered)
            np.matmul(as_matrix(band.filtered), self.project.kernel, out=as_matrix(out))
            self.project.finish(out, out)
        if self.shortcut:
            y += x
        return y


@dataclass
class FoldedConvolution:
    """A convolution's kernel and bias, and the activation behind it."""

    kernel: Array
    bias: Array | float
    activation: Callable[[Array], Array] | None = None

    def finish(self, product: Array, out: Array) -> None:
        """Add the bias to the kernel's product, and apply the activation."""
        np.add(product, self.bias, out=out)
        if self.activation is not None:
            self.activation(out)


def _convolutions(block: Sequential) -> list[FoldedConvolution]:
    """The convolutions of a folded block, each with the activation right behind it."""
    convolutions: list[FoldedConvolution] = []
    for layer in block.layers.values():
        if isinstance(layer, Linear):
            convolutions.append(FoldedConvolution(layer.params["kernel"], layer.params.get("bias", 0)))
        else:
            convolutions[-1].activation = IN_PLACE[type(layer)]
    return convolutions


def _takes(block: Sequential, x: Array) -> bool:
    """True if x is an input for the block, in the dtype of its parameters; its own forward refuses others."""
    try:
        block.output_shape(x.shape)
    except ValueError:
        return False
    return all(a.dtype == x.dtype for a in block.params.values())


def _geometry(block: Sequential, x: Array) -> Geometry | None:
    """The geometry of the depthwise convolution; None where the block's layers cannot be computed in bands."""
    convolutions = [layer for layer in block.layers.values() if isinstance(layer, Linear)]
    kinds = [type(layer) for layer in convolutions[-3:]]
    if kinds[-2:] != [DepthwiseConv2D, PointwiseConv2D] or kinds[:-2] not in ([], [PointwiseConv2D]):
        return None
    if any(not isinstance(layer, Linear) and type(layer) not in IN_PLACE for layer in block.layers.values()):
        return None
    depthwise = convolutions[-2]
    kernel = depthwise.params["kernel"]
    before = x.shape[-1] if len(convolutions) == 2 else convolutions[0].params["kernel"].shape[-1]
    if before != kernel.shape[-1]:  # a depth multiplier
        return None
    checked = DEPTHWISE.check_shapes("Inference", (*x.shape[:3], before), kernel.shape)
    return checked.geometry(**depthwise.geometry)


def _bands(g: Geometry, channels: int, dtype: Any, size: int, buffers: Buffers) -> Iterator[BlockBand]:
    """The bands of a block's output, with views of the buffers that all of them share."""
    stride = g.height.stride * g.width.stride
    for images, rows in bands(g, stride * channels * np.dtype(dtype).itemsize, size=size):
        read, part = part_of(g, images, rows)
        height = part.height
        padded = buffers.take("padded", (part.batch, height.padded, g.width.padded, channels), dtype)
        inside = padded[:, height.inside, g.width.inside]
        around = (
            padded[:, : height.inside.start], padded[:, height.inside.stop :],
            padded[:, :, : g.width.inside.start], padded[:, :, g.width.inside.stop :],
        )  # fmt: skip
        expanded = buffers.take("expanded", inside.shape, dtype)
        filtered = buffers.take("filtered", (*part.output, channels), dtype)
        yield BlockBand(
            images, rows, read, expanded, inside, [a for a in around if a.size], tap_lines(part, padded), filtered
        )
