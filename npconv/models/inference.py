"""Fast inference: a folded network whose blocks are computed a band of rows at a time, in buffers that are reused.

The expanded volume of a block, the largest in the network, never exists as a whole, and its bands stay in the
processor's cache until they are read. It is the MobileNetV2 paper's argument about memory (section 5.1), with rows in
place of channels. Bands are computed on several threads where `npconv.threads` has them. in_bands.py has the blocks,
in_parts.py the other convolutions.
"""

import os
import threading
from typing import Any

import numpy as np

from .. import threads
from ..allocator import keep_memory
from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import Layer, Sequential
from ..layers.blocks import DepthwiseSeparable, InvertedResidual
from ..layers.composite import Composite
from ..layers.elementwise import IN_PLACE
from .in_bands import BandedBlock, BlocksInARow, Buffers, block_geometry, takes
from .in_parts import IN_PARTS, LayerInParts
from .network import MobileNet

BLOCK_BAND = 2**20  # bytes of a block's widest volume that are made at once, as much as a core's second cache may hold
IN_A_ROW = (Sequential.forward, MobileNet.forward)  # which are their layers' forward in a row, and nothing else


class Inference:
    """A network for inference alone: the same function as `network.forward(x)`, to rounding, in less time and memory.

    Batch normalisation is folded, activations work in place, nothing is remembered, and the blocks, `InvertedResidual`
    and `DepthwiseSeparable`, are computed in bands of rows wherever they stand in rows of layers. A Sequential with a
    forward of its own is run by that, whole. All that depends only on the images' shape is prepared once, and kept
    until images of another shape come. Images of another dtype than the parameters' are computed layer by layer. Bands
    and parts of the other convolutions are computed on as many threads as `npconv.threads` says; every number gives the
    same bits where NumPy's matrix product has one thread.

    Only one thread at a time may call `forward`, as the buffers are reused; a copy, an unpickled object or a forked
    process has its own.

    Args:
        network: a `MobileNet`, an `SSDLite`, a block, or any Sequential. It is copied, so later training has no effect
            here.
        band: the bytes of a block's widest volume that are made at once.

    Raises:
        TypeError: a network that is none of these, a band that is no int.
        ValueError: a band below 1.

    >>> from npconv.models import mobilenet_v2
    >>> network = mobilenet_v2(0.35, 10)
    >>> images = np.random.default_rng(0).standard_normal((2, 32, 48, 3)).astype(np.float32)
    >>> bool(np.allclose(Inference(network).forward(images), network.forward(images), atol=1e-4))
    True
    """

    def __init__(self, network: Composite, *, band: int = BLOCK_BAND) -> None:
        arguments.instance("Inference", "network", network, Sequential, Composite)
        self._network, self.band = network.folded(), arguments.integer("Inference", "band", band)
        self._locks: dict[int, threading.Lock] = {}  # by process: a fork copies one that a thread holds as held
        self._buffers: list[Buffers] = []  # one for each share of a block's bands
        self._prepared_for: Any = None
        self._blocks: dict[str, BandedBlock | None] = {}
        self._parts: dict[str, LayerInParts | None] = {}
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
            if self._prepared_for != (prepared_for := (x.shape, x.dtype, threads.count())):
                self._prepared_for, self._blocks, self._parts = prepared_for, {}, {}
                self._buffers = (self._buffers + [Buffers() for _ in range(prepared_for[-1])])[: prepared_for[-1]]
            if isinstance(self._network, Sequential):
                return self._run("", self._network, x, x)
            return self._network.through(lambda name, row, a: self._run_row(name, list(row), a, a), x)
        finally:
            lock.release()

    def _run(self, name: str, layer: Layer, y: Array, x: Array) -> Array:
        """The layer's output for y, which may be overwritten where it shares no memory with the images x."""
        if blocks := self._blocks_in_front("", [(name, layer)], y):
            return BlocksInARow(blocks, y).forward()
        if isinstance(layer, Sequential) and type(layer).forward in IN_A_ROW:
            return self._run_row(name, list(layer.layers.items()), y, x)
        if type(layer) in IN_PLACE and not np.may_share_memory(x, y):
            return IN_PLACE[type(layer)](y)
        y = layer.forward(y)
        layer.forget()
        return y

    def _run_row(self, name: str, layers: list[tuple[str, Layer]], y: Array, x: Array) -> Array:
        """The output of layers in a row for y; a convolution in parts takes the activation behind it with it."""
        while layers:
            if blocks := self._blocks_in_front(name, layers, y):
                row = BlocksInARow(blocks, y)
                del y, layers[: len(blocks)]  # it lets go of a volume when the next one is there
                y = row.forward()
                continue
            key, layer = layers.pop(0)
            key = f"{name}.{key}" if name else key
            parts = self._in_parts(key, layer, y)
            if parts is None:
                y = self._run(key, layer, y, x)
            else:
                activation = IN_PLACE.get(type(layers[0][1])) if layers else None
                y = parts.forward(y, activation)
                del layers[: activation is not None]
        return y

    def _blocks_in_front(self, name: str, layers: list[tuple[str, Layer]], y: Array) -> list[BandedBlock]:
        """The first layers, prepared, as far as they are blocks that can be computed in bands."""
        blocks: list[BandedBlock] = []
        for key, layer in layers:
            block = self._in_bands(f"{name}.{key}" if name else key, layer, y)
            if block is None:
                break
            blocks.append(block)
            y = np.broadcast_to(y.dtype.type(0), block.y_shape)  # of the next one's input only shape and dtype count
        if not all(block.bands for block in blocks):
            for block in blocks:
                block.take_buffers()
        return blocks

    def _in_parts(self, name: str, layer: Layer, x: Array) -> LayerInParts | None:
        """The layer prepared for inputs like x, or None where it isn't worth parts, or isn't a convolution."""
        if name not in self._parts:
            kind = IN_PARTS.get(type(layer))
            made = kind(layer, x.shape) if kind and takes(layer, x) else None
            self._parts[name] = made if made and len(made.parts) > 1 else None
        return self._parts[name]

    def _in_bands(self, name: str, layer: Layer, x: Array) -> BandedBlock | None:
        """The layer prepared for inputs like x, or None where it can't be computed in bands."""
        if type(layer) not in (InvertedResidual, DepthwiseSeparable) or not isinstance(layer, Sequential):
            return None  # a subclass may have a forward of its own
        if name not in self._blocks:
            g = block_geometry(layer, x) if takes(layer, x) else None
            self._blocks[name] = BandedBlock(layer, g, x.dtype, self.band, self._buffers) if g else None
        return self._blocks[name]

    def __getstate__(self) -> dict[str, Any]:
        """The state without the prepared bands, whose arrays are views of one another: a copy would separate them."""
        return {"_network": self._network, "band": self.band}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._locks, self._buffers, self._prepared_for, self._blocks, self._parts = {}, [], None, {}, {}
