"""A convolution in a chain, with its normalisation and its activation: what happens to a part of the batch."""

from copy import copy
from typing import Any

import numpy as np

from ..kernels import engine
from ..kernels.geometry import Array, Geometry
from ..kernels.normalization import BatchNormStages
from ..kernels.pointwise import pointwise_backward_unchecked, pointwise_unchecked
from ..kernels.sums import channel_sums, lines, sums_with
from .convolution import DepthwiseConv2D, Linear, PointwiseConv2D
from .elementwise import BACKWARD, INTO, Activation
from .normalization import BatchNorm


class Link:
    """A convolution in a chain, with its normalisation and its activation.

    `maps` are the parts of the convolution's output, less each part's own mean, `offsets` what must be subtracted of
    them for mean 0 over the batch. Arrays of statistics have a row for each part, (P, N), in float64.
    """

    def __init__(
        self, linear: Linear, norm: BatchNorm, activation: Activation | None, before: "Link | None", g: Geometry
    ) -> None:
        self.linear, self.norm, self.activation, self.before, self.g = linear, norm, activation, before, g
        self.activate = None if activation is None else INTO[type(activation)]
        self.kernel = self.linear.params["kernel"]
        self.channels, self.depthwise = self.kernel.shape[-1], isinstance(linear, DepthwiseConv2D)
        self.shape = (*g.output, self.channels)

    def start(self, parts: int) -> None:
        """Room for the parts of a forward."""
        self.maps: list[Any] = [None] * parts
        self.upstream: list[Any] = [None] * parts
        self.dkernels: list[Any] = [None] * parts
        self.counts = np.zeros((parts, 1))
        if self.depthwise:
            self.repeated_kernel = engine.repeat_kernel(self.g, self.kernel)
        self.means, self.rests, self.squares, self.dshifts, self.dscales = np.zeros((5, parts, self.channels))

    def forward_part(self, number: int, x: Array) -> None:
        """A part of the convolution's output, and its sums for the statistics."""
        y = self.convolve(x)  # (images, Dᵥ, Dᵥ, N)
        count, sums = y.size // self.channels, channel_sums(y)
        mean = (sums / count).astype(y.dtype)
        rows = lines(y)  # (images, Dᵥ, Dᵥ·N)
        rows -= self.along(mean)
        self.maps[number] = y
        self.counts[number], self.means[number], self.rests[number] = count, mean, sums - count * mean.astype(float)
        self.squares[number] = channel_sums(y, y)

    def finish(self) -> None:
        """The statistics of the batch from those of its parts."""
        dtype, count = self.kernel.dtype, self.counts.sum()
        mean = (self.counts * self.means).sum(axis=0) / count  # (N,)
        self.offsets = mean - self.means  # (P, N)
        self.mean = mean.astype(dtype)
        squares = self.squares - 2 * self.offsets * self.rests + self.counts * self.offsets**2
        self.variance = (squares.sum(axis=0) / count).astype(dtype)
        self.deviation = np.sqrt(self.variance + self.norm.epsilon)
        self.factor = self.norm.params["scale"] / self.deviation
        self.factors = self.along(self.factor)  # (X,)
        self.shifts = self.along(self.norm.params["shift"] - self.offsets * self.factor)  # (P, X)
        self.norm.move_statistics(self.mean, self.variance, self.shape)

    def activate_part(self, number: int, out: Array, activated: bool = True) -> Array:
        """A part of the output, normalised and activated, written into `out`."""
        rows = lines(out)  # (images, Dᵥ, Dᵥ·N)
        np.multiply(lines(self.maps[number]), self.factors, out=rows)
        rows += self.shifts[number]
        if activated and self.activate is not None:
            self.activate(rows, rows)
        return out

    def output(self, activated: bool = True) -> Array:
        """The output, normalised and activated, as one array."""
        parts = enumerate(self.maps)
        return np.concatenate([self.activate_part(number, np.empty_like(a), activated) for number, a in parts])

    def stages(self) -> BatchNormStages:
        """The values that the normalisation of the whole batch would store."""
        pairs = zip(self.maps, self.offsets, strict=True)
        centred = np.concatenate([maps - offsets.astype(maps.dtype) for maps, offsets in pairs])
        return BatchNormStages(self.mean, self.variance, self.deviation, centred, self.output(activated=False))

    def without_layers(self) -> "Link":
        """A copy for a layer to remember: one that held itself would be freed late, by the garbage collector."""
        twin = copy(self)
        del twin.linear, twin.norm, twin.activation, twin.before
        return twin

    def receive_part(self, number: int, d: Array, output: Array | None = None) -> None:
        """A part of the gradient for the output, and its sums for the gradients of scale and shift."""
        if number == 0:
            self.scale_kernel()
        self.upstream[number] = d = self.through_activation(number, d, output)
        dshift, products = sums_with(d, self.maps[number])
        self.dshifts[number], self.dscales[number] = dshift, products - self.offsets[number] * dshift

    def through_activation(self, number: int, d: Array, output: Array | None) -> Array:
        """A part of the gradient for the output taken back through the activation.

        An output that is not given is recomputed; so is the activation's input, where its gradient needs that instead.
        """
        if self.activation is None:
            return d
        asks_input = self.activation.asks_input
        if output is None or asks_input:
            output = self.activate_part(number, np.empty(d.shape, d.dtype), activated=not asks_input)
        return BACKWARD[type(self.activation)](d, output)

    def start_backward(self) -> None:
        """The gradients of scale and shift, and with them all that the gradient of the maps needs."""
        self.dshift, self.dscale = self.dshifts.sum(axis=0), self.dscales.sum(axis=0) / self.deviation
        count = self.counts.sum()
        slope = -self.dscale / (count * self.deviation)
        self.slopes = self.along(slope)  # (X,)
        self.levels = self.along(self.dshift / count + self.offsets * slope)  # (P, X)

    def scale_kernel(self) -> None:
        """The kernel times scale/deviation, as backward takes it; a depthwise one turned round too."""
        self.scaled_kernel = self.kernel * self.factor
        self.turned = engine.turned_kernels(self.g, self.scaled_kernel) if self.depthwise else {}
        self.reaching = [engine.reaching(axis, 0, axis.input) for axis in (self.g.height, self.g.width)]

    def backward_part(self, number: int, x: Array) -> Array:
        """The gradient of a part of the convolution's input: dx = scale/deviation · (dy − mean(dy) − n·mean(n·dy)).

        The factor scale/deviation is multiplied into the kernel.
        """
        maps = self.maps[number]
        framed = d = np.empty_like(maps)
        if self.turned:  # then dx reads zeros around d
            framed, d = room(Geometry(len(maps), *(axis.padding for axis in self.reaching)), self.channels, maps.dtype)
        rows = lines(d)
        np.multiply(lines(maps), self.slopes, out=rows)
        rows += lines(self.upstream[number])
        rows -= self.levels[number]
        self.upstream[number] = None
        dx, self.dkernels[number] = self.convolve_backward(d, x, framed)
        return dx

    def write_gradients(self) -> None:
        """The gradients of the parameters."""
        dkernel, *others = self.dkernels
        for part in others:
            dkernel += part
        np.multiply(dkernel, self.factor, out=self.linear.grads["kernel"], casting="same_kind")
        self.norm.grads["scale"][...], self.norm.grads["shift"][...] = self.dscale, self.dshift
        self.dkernels = [None] * len(self.dkernels)

    def convolve(self, x: Array) -> Array:
        """The convolution of a part of its input."""
        if isinstance(self.linear, PointwiseConv2D):
            return pointwise_unchecked(x, self.kernel)
        if not self.depthwise:
            return engine.conv2d(self.part(len(x)), x, self.kernel)
        y = np.empty((len(x), *self.shape[1:]), x.dtype)
        engine.depthwise_into(self.part(len(x)), x, self.repeated_kernel, y)
        return y

    def convolve_backward(self, dy: Array, x: Array, framed: Array) -> tuple[Array, Array]:
        """The gradients of `convolve`, with scale/deviation multiplied into the kernel; `framed` is dy in its zeros."""
        g, kernel = self.part(len(x)), self.scaled_kernel
        if isinstance(self.linear, PointwiseConv2D):
            return pointwise_backward_unchecked(dy, x, kernel)
        if not self.depthwise:
            return engine.conv2d_backward(g, dy, x, kernel)
        dx = np.empty((len(x), g.height.input, g.width.input, self.channels), x.dtype)
        if self.turned:
            engine.depthwise_phases(g, framed, self.turned, dx, *self.reaching)
        else:
            engine.depthwise_dx(g, dy, kernel, {}, dx, slice(0, g.height.input))
        return dx, engine.depthwise_dkernel(g, x, dy)

    def part(self, images: int) -> Geometry:
        """The geometry of a part."""
        return Geometry(images, self.g.height, self.g.width)

    def along(self, vectors: Array) -> Array:
        """Numbers for each channel, repeated along a row of positions: (…, N) to (…, X) with X = Dᵥ·N."""
        repeated = np.empty((*vectors.shape[:-1], self.g.width.output, self.channels), self.kernel.dtype)
        repeated[...] = vectors[..., None, :]
        return repeated.reshape(*vectors.shape[:-1], -1)


def room(g: Geometry, channels: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """An empty padded map with its zeros around it, (B, padded Dᵤ, padded Dᵤ, M), and the part that is not padding."""
    padded = np.empty((g.batch, *g.padded, channels), dtype)
    for axis, rows in ((g.height, padded), (g.width, padded.swapaxes(1, 2))):
        if axis.before == axis.after == 1:
            rows[:, :: axis.padded - 1] = 0  # both at once
        else:
            rows[:, : axis.before] = rows[:, axis.inside.stop :] = 0
    return padded, padded[g.inside]
