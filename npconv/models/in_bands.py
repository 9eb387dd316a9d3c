"""Blocks in bands: (expansion,) depthwise convolution and projection of a few rows at a time, in reused buffers.

A band of a block is the block on a few rows, with padding of its own: the expansion of the rows that the band reads,
the depthwise convolution, the projection. Several threads compute bands side by side, each in buffers of its own. Where
a map has too few rows, the bands are groups of the inner channels, and the output is the sum of their projections: the
MobileNetV2 paper's section 5.1, as in `npconv.inverted_residual_split`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np

from .. import threads
from ..kernels.engine import bands, part_of, repeat_kernel, tap_lines
from ..kernels.geometry import Array, Geometry, as_matrix
from ..kernels.signatures import DEPTHWISE
from ..kernels.squeeze import gates
from ..kernels.sums import accumulator, rounded, working
from ..layers import DepthwiseConv2D, Layer, PointwiseConv2D, Sequential, SqueezeExcite
from ..layers.convolution import Linear
from ..layers.elementwise import IN_PLACE

# Milliseconds of MobileNetV2's blocks, 224², one image, on one thread of an AMD Zen 3:
SPLIT = 2**17  # bytes of a block's widest volume from which it is split for two threads, where one band would do
FEW_ROWS = 12  # with fewer, groups of channels: 7² 0.70, of rows 0.86; 14² 0.56 either way, 28² 0.85, of rows 0.74


class Buffers:
    """Named buffers of one share of a block's bands, reused when large enough."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}
        self._cleared: object = None

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An uninitialised array of that shape."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.uint8)
            self._cleared = None
        taken: Array = self._arrays[name][:size].view(dtype).reshape(shape)
        return taken

    def clear(self, padding: "Padding") -> None:
        """Write the zeros around a band, unless those of the band before lie at the same places."""
        if self._cleared != padding.places:
            for zeros in padding.zeros:
                zeros[...] = 0
            self._cleared = padding.places


@dataclass(frozen=True)
class Padding:
    """The zeros in a padded buffer: views, and what tells others at the same places."""

    zeros: list[Array]
    places: tuple[object, ...]


@dataclass(frozen=True)
class BlockGroup:
    """A group of a block's inner channels, with its share of the three kernels, and biases a row of positions long."""

    expand: Array | None  # (k, group)
    expand_bias: Array  # (Dᵤ·group)
    taps: Array  # (Dᵣ, Dᵣ, X) of the depthwise kernel, as `repeat_kernel` has them
    depthwise_bias: Array  # (Dᵥ·group)
    project: Array  # (group, k′)


@dataclass(frozen=True)
class BlockBand:
    """A band of a block's output: its images, rows and group of inner channels, and the buffers of its share."""

    buffers: Buffers
    images: slice
    rows: slice
    read: slice  # the rows of the input that it reads
    group: slice
    expanded: Array  # (images, rows read, Dᵤ, group), the product with the expansion's kernel
    inside: Array  # of the same shape: what of the padded buffer is not padding
    inside_rows: Array  # the same, as `as_rows` has it
    padding: Padding  # what of the padded buffer is not inside
    lines: Array  # the taps of the padded buffer, as `tap_lines` has them
    filtered: Array  # (images, rows, Dᵥ, group), what the depthwise convolution writes
    filtered_lines: Array  # the same, in lines
    filtered_rows: Array  # and in rows
    partial: Array | None  # (images, rows, Dᵥ, k′), the projection of a group; the first one's is the output itself
    sums: Array | None  # (images, group), over the band's positions, where gates need them


class BandedBlock:
    """A folded block prepared for inputs of one shape: (pointwise,) depthwise and pointwise convolution.

    Its bands are dealt out to shares, each with buffers of its own; a thread computes one share after another.
    """

    def __init__(self, block: Sequential, g: Geometry, dtype: Any, size: int, buffers: list[Buffers]) -> None:
        *expand, self.depthwise, self.project = _convolutions(block)
        self.expand: FoldedConvolution | None = expand[0] if expand else None
        self.shortcut = getattr(block, "shortcut", False)
        self.y_shape = (*g.output, self.project.kernel.shape[-1])
        channels = self.depthwise.kernel.shape[-1]
        squeezes = (layer.params for layer in block.layers.values() if type(layer) is SqueezeExcite)
        self.squeeze: dict[str, Array] = next(squeezes, {})
        self.gates: Array = np.empty((g.batch, channels), dtype)
        self.positions = g.height.output * g.width.output
        self._takes = (g, channels, self.y_shape[-1], dtype, size, bool(self.squeeze), buffers)
        self.groups = {band.group.start: self._group(g, band) for band in _bands(*self._takes)}  # the buffers grow
        self.bands: list[BlockBand] = []
        self.shares: list[list[BlockBand]] = []
        self.project_bias = np.tile(self.project.bias, g.width.output)
        products = g.height.input * g.width.input * (0 if self.expand is None else len(self.expand.kernel))
        self.operations = g.batch * channels * products + prod(self.y_shape) * channels

    def take_buffers(self) -> None:
        """Make the bands, with views of the buffers, when these are large enough for all blocks."""
        self.bands, buffers = list(_bands(*self._takes)), self._takes[-1]
        self.shares = [self.bands[number :: len(buffers)] for number in range(min(len(buffers), len(self.bands)))]

    def _group(self, g: Geometry, band: BlockBand) -> BlockGroup:
        """The kernels and biases of the band's group of channels."""
        group, expand = band.group, self.expand
        return BlockGroup(
            expand.kernel[:, group] if expand else None,
            np.tile(expand.bias[group] if expand else 0, g.width.input),
            repeat_kernel(g, self.depthwise.kernel[..., group]),
            np.tile(self.depthwise.bias[group], g.width.output),
            self.project.kernel[group],
        )

    def works(self) -> list[Callable[..., None]]:
        """The work on a share, with x and y: in one round, or in two where `find_gates` needs the sums of all bands."""
        rounds = [(self._filter,), (self._project,)] if self.squeeze else [(self._filter, self._project)]
        return [partial(self._each, steps) for steps in rounds]

    def _each(self, steps: tuple[Callable[..., None], ...], share: int, x: Array, y: Array) -> None:
        """Take the steps with each band of a share, where there is one of that number."""
        for band in self.shares[share] if share < len(self.shares) else ():
            for step in steps:
                step(band, x, y)

    def _filter(self, band: BlockBand, x: Array, y: Array) -> None:
        """Compute the band's depthwise convolution and its activation."""
        group = self.groups[band.group.start]
        self._expand(band, group, x[band.images, band.read])
        np.einsum("bvwijx,ijx->bvwx", band.lines, group.taps, out=band.filtered_lines)
        np.add(band.filtered_rows, group.depthwise_bias, out=band.filtered_rows)
        if self.depthwise.activation:
            self.depthwise.activation(band.filtered)
        if band.sums is not None:
            band.filtered.sum(axis=(1, 2), out=band.sums)

    def find_gates(self) -> None:
        """Compute the gates of all images and channels from the bands' sums, added in the bands' order."""
        means = accumulator(self.gates.shape, self.gates)
        for band in self.bands:
            means[band.images, band.group] += band.sums
        means /= self.positions
        *_, self.gates = gates(rounded(means, self.gates), *self.squeeze.values())

    def _project(self, band: BlockBand, x: Array, y: Array) -> None:
        """Write a band of the output y, or its group's part of the sum that y is."""
        project = self.groups[band.group.start].project
        out = y[band.images, band.rows] if band.partial is None else band.partial
        if not self.squeeze:
            np.matmul(as_matrix(band.filtered), project, out=as_matrix(out))
        else:  # the gates times the kernel, which has fewer numbers than the volume
            for image, gate in enumerate(self.gates[band.images, band.group]):
                np.matmul(as_matrix(band.filtered[image]), gate[:, None] * project, out=as_matrix(out[image]))
        if len(self.groups) == 1:
            self._finish(out, x[band.images, band.rows])

    def add_up(self, x: Array, y: Array) -> None:
        """Complete the output where bands are groups of channels, when all of them are computed."""
        if len(self.groups) > 1:
            for band in self.bands[1:]:
                y += band.partial
            self._finish(y, x)

    def _expand(self, band: BlockBand, group: BlockGroup, part: Array) -> None:
        """Fill the padded buffer: the expansion with its bias and activation, or the input itself."""
        band.buffers.clear(band.padding)
        if self.expand is None or group.expand is None:
            band.inside[...] = part[..., band.group]
            return
        np.matmul(as_matrix(part), group.expand, out=as_matrix(band.expanded))
        np.add(as_rows(band.expanded), group.expand_bias, out=band.inside_rows)
        if self.expand.activation:
            self.expand.activation(band.inside)

    def _finish(self, out: Array, x: Array) -> None:
        """Add the projection's bias and the shortcut, and apply the activation, if it has one."""
        rows = as_rows(out)
        rows += self.project_bias
        if self.project.activation:
            self.project.activation(out)
        if self.shortcut:
            out += x


class BlocksInARow:
    """A forward pass through blocks, one after the other, with threads that are called once for all of them."""

    def __init__(self, blocks: list[BandedBlock], x: Array) -> None:
        self.blocks, self.x = blocks, x
        self.y: Array = np.empty(blocks[0].y_shape, x.dtype)

    def forward(self) -> Array:
        """The last block's output for x."""
        rounds: list[threads.Round] = []
        for number, block in enumerate(self.blocks):
            *before, last = block.works()
            rounds += [(partial(self._do, work), block.find_gates) for work in before]
            rounds.append((partial(self._do, last), partial(self._next, number)))
        shares = range(max(len(block.shares) for block in self.blocks))
        threads.in_rounds(rounds, shares, sum(block.operations for block in self.blocks) // len(self.blocks))
        return self.y

    def _do(self, work: Callable[..., None], share: int) -> None:
        work(share, self.x, self.y)

    def _next(self, number: int) -> None:
        """Complete a block's output, which is the next one's input."""
        self.blocks[number].add_up(self.x, self.y)
        if number + 1 < len(self.blocks):
            self.x = self.y  # first, so that the volume before is free when the next one is made
            self.y = np.empty(self.blocks[number + 1].y_shape, self.x.dtype)


def as_rows(volume: Array) -> Array:
    """A volume (B, D, D, M) as (B, D, D·M), a run of numbers for each row of positions."""
    return volume.reshape(*volume.shape[:2], volume.shape[2] * volume.shape[3])


@dataclass
class FoldedConvolution:
    """A convolution's kernel and bias, and the activation behind it."""

    kernel: Array
    bias: Array
    activation: Callable[[Array], Array] | None = None


def _convolutions(block: Sequential) -> list[FoldedConvolution]:
    """The convolutions of a folded block, each with the activation right behind it."""
    convolutions: list[FoldedConvolution] = []
    for layer in block.layers.values():
        if isinstance(layer, SqueezeExcite):
            continue
        if isinstance(layer, Linear):
            kernel = layer.params["kernel"]
            bias = layer.params.get("bias", np.zeros(kernel.shape[-1], kernel.dtype))
            convolutions.append(FoldedConvolution(kernel, bias))
        else:
            convolutions[-1].activation = IN_PLACE[type(layer)]
    return convolutions


def takes(block: Layer, x: Array) -> bool:
    """True if x is an input for the block, in the dtype of its parameters; its own forward refuses others."""
    try:
        block.output_shape(x.shape)
    except ValueError:
        return False
    return all(a.dtype == x.dtype for a in block.params.values())


def block_geometry(block: Sequential, x: Array) -> Geometry | None:
    """The geometry of the depthwise convolution; None where the block's layers cannot be computed in bands."""
    convolutions = [layer for layer in block.layers.values() if isinstance(layer, Linear)]
    kinds = [type(layer) for layer in convolutions[-3:]]
    if kinds[-2:] != [DepthwiseConv2D, PointwiseConv2D] or kinds[:-2] not in ([], [PointwiseConv2D]):
        return None
    for layer, behind in zip_longest(block.layers.values(), list(block.layers.values())[1:]):
        gates_the_projection = type(layer) is SqueezeExcite and behind is convolutions[-1]
        if not (isinstance(layer, Linear) or type(layer) in IN_PLACE or gates_the_projection):
            return None
    depthwise = convolutions[-2]
    kernel = depthwise.params["kernel"]
    before = x.shape[-1] if len(convolutions) == 2 else convolutions[0].params["kernel"].shape[-1]
    if before != kernel.shape[-1]:  # a depth multiplier
        return None
    checked = DEPTHWISE.check_shapes("Inference", (*x.shape[:3], before), kernel.shape)
    return checked.geometry(**depthwise.geometry)


def _bands(
    g: Geometry, channels: int, out_channels: int, dtype: Any, size: int, gated: bool, shares: list[Buffers]
) -> Iterator[BlockBand]:
    """The bands of a block's output, each with views of its share's buffers.

    Where they are gated, the depthwise convolution's outputs of all bands are kept until the gates are known.
    """
    for number, (images, rows, group) in enumerate(_parts(g, channels, np.dtype(dtype).itemsize, size)):
        buffers, width = shares[number % len(shares)], group.stop - group.start
        read, part = part_of(g, images, rows)
        height = part.height
        padded = buffers.take("padded", (part.batch, height.padded, g.width.padded, width), dtype)
        inside = padded[:, height.inside, g.width.inside]
        around = (
            padded[:, : height.inside.start], padded[:, height.inside.stop :],
            padded[:, :, : g.width.inside.start], padded[:, :, g.width.inside.stop :],
        )  # fmt: skip
        expanded = buffers.take("product", inside.shape, dtype)
        columns = slice(g.width.inside.start * width, g.width.inside.stop * width)
        lines = tap_lines(part, padded)
        name = f"filtered {number}" if gated else "product"  # `expanded` is in the padded buffer by then
        filtered = buffers.take(name, (*part.output, width), dtype)
        own = buffers.take("partial", (*part.output, out_channels), dtype) if group.start else None
        places = (padded.ctypes.data, padded.strides, padded.shape, height.inside, g.width.inside)
        yield BlockBand(
            buffers, images, rows, read, group, expanded, inside, as_rows(padded)[:, height.inside, columns],
            Padding([a for a in around if a.size], places), lines, filtered,
            filtered.reshape(lines[:, :, :, 0, 0].shape), as_rows(filtered), own,
            np.empty((part.batch, width), working(lines)) if gated else None,
        )  # fmt: skip


def _parts(g: Geometry, channels: int, itemsize: int, size: int) -> Iterator[tuple[slice, slice, slice]]:
    """(images, rows, group of inner channels) of each band: an even number of equal bands, for two threads.

    A volume that is one band is split into two groups of channels, which read no rows twice.
    """
    position = g.height.stride * g.width.stride * channels * itemsize  # bytes
    image = g.height.output * g.width.output * position
    whole = g.batch * image
    if whole <= size and (whole < SPLIT or (g.batch == 1 and g.height.output < FEW_ROWS)):
        middle = channels // 2 if whole >= SPLIT else 0
        for group in (slice(0, middle), slice(middle, channels)):
            if group.start != group.stop:
                yield slice(0, g.batch), slice(0, g.height.output), group
        return
    number = -(-whole // size)
    number += number % 2
    if number <= g.batch:
        size = image * -(-g.batch // number)
    else:
        number = -(-image // size)
        number += number * g.batch % 2
        size = g.width.output * position * -(-g.height.output // number)
    for images, rows in bands(g, position, size=size):
        yield images, rows, slice(0, channels)
