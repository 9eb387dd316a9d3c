"""A training step of convolutions with normalisation behind them, a part of the batch after the other.

Layer by layer, a step reads and writes each map some twenty times, as NumPy makes one pass for each operation. Here a
step goes through the batch once for each convolution. Between two statistics of the batch all that happens to some
images happens while they are in the cache, and each thread takes some images. Forward: normalise, activate, convolve,
sum up for the statistics. Backward: through normalisation, convolution and the activation before it, and sum up again.

Only the convolutions' outputs are kept; backward normalises and activates them again. Each part's mean is subtracted
at once. The mean of the batch is then a few standard deviations from 0 at most, so normalisation can be one product and
one sum without a loss of digits.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

from ..kernels import engine
from ..kernels.arguments import plain
from ..kernels.geometry import Array, Axis, Geometry
from ..kernels.normalization import BatchNormStages
from ..kernels.pointwise import pointwise_backward_unchecked, pointwise_unchecked
from ..kernels.signatures import DEPTHWISE, POINTWISE, STANDARD
from ..kernels.sums import channel_sums, lines
from ..threads import Round, in_rounds
from .convolution import Conv2D, DepthwiseConv2D, Linear, PointwiseConv2D
from .elementwise import IN_PLACE, Activation
from .layer import Layer
from .normalization import BatchNorm

PART = 2**21  # bytes of the widest map in a part, unless an image has more; 1 MiB takes 1.2, 8 MiB 1.3 of the time
OPERATIONS = 30  # with each number of a map, in one pass through the batch

KINDS = (Conv2D, DepthwiseConv2D, PointwiseConv2D)


class LayerChain:
    """Convolutions in a row, each with its normalisation and its activation: a step forward and a step back."""

    def __init__(self, links: Sequence["Link"], x: Array) -> None:
        self.links, self.x = links, x
        self.layers = [
            layer for link in links for layer in (link.linear, link.norm, link.activation) if layer is not None
        ]
        self.widest = max(prod(link.shape) for link in links)
        self.parts = partition(len(x), self.widest * x.itemsize)
        self.remembered: list[Any] = []  # by each layer

    def forward(self, x: Array, training: bool = True) -> Array:
        """The output of the last layer for x; each layer then remembers what it would after a forward of its own."""
        last, y = self.links[-1], np.empty(self.links[-1].shape, x.dtype)
        for link in self.links:
            link.start(len(self.parts))
        rounds: list[Round] = [(partial(self._forward_part, link), link.finish) for link in self.links]
        self._run([*rounds, (lambda number: last.activate_part(number, y[self.parts[number]]), None)])
        self._let_remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        """dx; the layers' `grads` get theirs.

        Left to the layers themselves are a dy of another shape or dtype, and all where one of them remembers another
        forward by now.
        """
        last, dx = self.links[-1], np.empty_like(self.x)
        fits = type(dy) is np.ndarray and (dy.shape, dy.dtype) == (last.shape, dx.dtype)
        if not fits or any(layer._saved is not saved for layer, saved in self._memories()):
            for layer in reversed(self.layers):
                dy = layer.backward(dy)
            return dy

        output = None if last.activation is None else last.activation._saved

        def receive(number: int) -> None:
            part = self.parts[number]
            last.receive_part(number, dy[part], output[part] if isinstance(output, np.ndarray) else None)

        def send(link: Link, number: int) -> None:
            x = self._input(link, number)
            da = link.backward_part(number, x)
            if link.before is None:
                dx[self.parts[number]] = da
            else:
                link.before.receive_part(number, da, link.inside(x) if link.depthwise else x)

        rounds: list[Round] = [(partial(send, link), link.finish_backward) for link in reversed(self.links)]
        self._run([(receive, last.start_backward), *rounds])
        return dx

    def forget(self) -> None:
        """Drop the maps, and what the layers remember of them."""
        for layer, saved in self._memories():
            if layer._saved is saved:
                layer.forget()
        for link in self.links:
            link.maps.clear()

    def _memories(self) -> Iterable[tuple[Layer, Any]]:
        """Each layer with what it remembers of this forward."""
        return zip(self.layers, self.remembered, strict=True)

    def _run(self, rounds: Sequence[Round]) -> None:
        in_rounds(rounds, range(len(self.parts)), OPERATIONS * self.widest)

    def _forward_part(self, link: "Link", number: int) -> None:
        link.forward_part(number, self._input(link, number))

    def _input(self, link: "Link", number: int) -> Array:
        """A part of a convolution's input, in one piece; a depthwise one's has its padding around it."""
        if link.before is None:
            x = np.ascontiguousarray(self.x[self.parts[number]])
            return link.part(len(x)).pad(x) if link.depthwise else x
        maps = link.before.maps[number]
        if not link.depthwise:
            return link.before.activate_part(number, np.empty_like(maps))
        x = np.zeros((len(maps), link.g.height.padded, link.g.width.padded, maps.shape[-1]), maps.dtype)
        link.before.activate_part(number, link.inside(x))
        return x

    def _let_remember(self, y: Array) -> None:
        """Let each layer remember what it does after a forward of its own, made when it is asked for."""
        twins = [link.without_layers() for link in self.links]
        for number, (link, twin) in enumerate(zip(self.links, twins, strict=True)):
            link.linear._saved = twins[number - 1].output if number else self.x
            link.norm._saved = twin.stages
            if link.activation is not None:
                link.activation._saved = partial(twin.output, activated=not link.activation.asks_input)
        if link.activation is not None and not link.activation.asks_input:
            link.activation._saved = y
        self.remembered = [layer._saved for layer in self.layers]


class Link:
    """A convolution in a chain, with its normalisation and its activation.

    `maps` are the parts of the convolution's output, less each part's own mean, `offsets` what must be subtracted of
    them for mean 0 over the batch. Arrays of statistics have a row for each part, (P, N), in float64.
    """

    def __init__(
        self, linear: Linear, norm: BatchNorm, activation: Activation | None, before: "Link | None", g: Geometry
    ) -> None:
        self.linear, self.norm, self.activation, self.before, self.g = linear, norm, activation, before, g
        self.activate = None if activation is None else IN_PLACE[type(activation)]
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
            self.activate(rows)
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
        """A part of the gradient for the output, and its sums for the gradients of scale and shift.

        An output that is not given is recomputed; so is the activation's input, where its gradient needs that instead.
        """
        if self.activation is not None:
            asks_input = self.activation.asks_input
            if output is None or asks_input:
                output = self.activate_part(number, np.empty(d.shape, d.dtype), activated=not asks_input)
            d = type(self.activation).operation_backward(d, output)
        self.upstream[number], self.dshifts[number] = d, channel_sums(d)
        self.dscales[number] = channel_sums(d, self.maps[number]) - self.offsets[number] * self.dshifts[number]

    def start_backward(self) -> None:
        """The gradients of scale and shift, and with them all that the gradient of the maps needs."""
        self.dshift, self.dscale = self.dshifts.sum(axis=0), self.dscales.sum(axis=0) / self.deviation
        count = self.counts.sum()
        slope = -self.dscale / (count * self.deviation)
        self.slopes = self.along(slope)  # (X,)
        self.levels = self.along(self.dshift / count + self.offsets * slope)  # (P, X)
        self.scaled_kernel = self.kernel * self.factor
        self.turned = engine.turned_kernels(self.g, self.scaled_kernel) if self.depthwise else {}

    def backward_part(self, number: int, x: Array) -> Array:
        """The gradient of a part of the convolution's input: dx = scale/deviation · (dy − mean(dy) − n·mean(n·dy)).

        The factor scale/deviation is multiplied into the kernel.
        """
        maps, d = self.maps[number], np.empty_like(self.maps[number])
        rows = lines(d)
        np.multiply(lines(maps), self.slopes, out=rows)
        rows += lines(self.upstream[number])
        rows -= self.levels[number]
        self.upstream[number] = None
        dx, self.dkernels[number] = self.convolve_backward(d, x)
        return dx

    def finish_backward(self) -> None:
        """The gradients of the parameters, and the start of the convolution before."""
        dkernel, *others = self.dkernels
        for part in others:
            dkernel += part
        np.multiply(dkernel, self.factor, out=self.linear.grads["kernel"], casting="same_kind")
        self.norm.grads["scale"][...], self.norm.grads["shift"][...] = self.dscale, self.dshift
        self.dkernels = [None] * len(self.dkernels)
        if self.before is not None:
            self.before.start_backward()

    def convolve(self, x: Array) -> Array:
        """The convolution of a part of its input."""
        if isinstance(self.linear, PointwiseConv2D):
            return pointwise_unchecked(x, self.kernel)
        if not self.depthwise:
            return engine.conv2d(self.part(len(x)), x, self.kernel)
        y = np.empty((len(x), *self.shape[1:]), x.dtype)
        engine.depthwise_into(self.part(len(x)), x, self.repeated_kernel, y)
        return y

    def convolve_backward(self, dy: Array, x: Array) -> tuple[Array, Array]:
        """The gradients of `convolve`, with scale/deviation multiplied into the kernel."""
        g, kernel = self.part(len(x)), self.scaled_kernel
        if isinstance(self.linear, PointwiseConv2D):
            return pointwise_backward_unchecked(dy, x, kernel)
        if not self.depthwise:
            return engine.conv2d_backward(g, dy, x, kernel)
        dx = np.empty((len(x), g.height.input, g.width.input, self.channels), x.dtype)
        engine.depthwise_dx(g, dy, kernel, self.turned, dx, slice(0, g.height.input))
        return dx, engine.depthwise_dkernel(g, x, dy)

    def part(self, images: int) -> Geometry:
        """The geometry of a part."""
        return Geometry(images, self.g.height, self.g.width)

    def inside(self, padded: Array) -> Array:
        """A part of the convolution's input without its padding."""
        return padded[:, self.g.height.inside, self.g.width.inside]

    def along(self, vectors: Array) -> Array:
        """Numbers for each channel, repeated along a row of positions: (…, N) to (…, X) with X = Dᵥ·N."""
        repeated = np.empty((*vectors.shape[:-1], self.g.width.output, self.channels), self.kernel.dtype)
        repeated[...] = vectors[..., None, :]
        return repeated.reshape(*vectors.shape[:-1], -1)


def partition(images: int, size: int) -> list[slice]:
    """A batch in parts, by the bytes of its widest map: one, or for two threads an even number if it can be."""
    count = -(-size // PART)
    at_once = -(-images // (count if count == 1 else count + count % 2))
    return [slice(start, min(start + at_once, images)) for start in range(0, images, at_once)]


def chain_at(layers: Sequence[Layer], x: Array) -> LayerChain | None:
    """The chain that a row of layers begins with, for a training step on x; None where there is none.

    A chain takes convolutions of these kinds without a bias, with batch normalisation right behind them and one of the
    activations that work in place behind that, or none. x and the parameters must have one dtype, float32 or float64.
    All else, and all that is wrong, is left to the layers themselves.
    """
    if type(x) is not np.ndarray:
        return None
    links: list[Link] = []
    while len(layers) > 1 and isinstance(linear := layers[0], Linear) and isinstance(norm := layers[1], BatchNorm):
        before = links[-1] if links else None
        g = _geometry(linear, norm, x.shape if before is None else before.shape, x.dtype)
        if g is None:
            break
        third = layers[2] if len(layers) > 2 else None
        activation = third if isinstance(third, Activation) and type(third) in IN_PLACE and _as_built(third) else None
        links.append(Link(linear, norm, activation, before, g))
        layers = layers[2 if activation is None else 3 :]
    return LayerChain(links, x) if links else None


def _geometry(linear: Linear, norm: BatchNorm, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Geometry | None:
    """The geometry of a convolution that can be a link, on x of that shape; None for any other."""
    if type(linear) not in KINDS or type(norm) is not BatchNorm or not (_as_built(linear) and _as_built(norm)):
        return None
    kernel, *bias = linear.params.values()
    arrays = [kernel, *norm.params.values()]
    if bias or dtype not in (np.float32, np.float64) or any(a.dtype != dtype for a in arrays) or len(shape) != 4:
        return None
    if norm.params["scale"].shape != kernel.shape[-1:]:
        return None
    kind: Any = type(linear)  # for mypy a class is not hashable
    return _geometry_of(kind, shape, kernel.shape, tuple(plain(linear.geometry).items()))


@lru_cache(1024)
def _geometry_of(
    kind: type[Linear], shape: tuple[int, ...], kernel: tuple[int, ...], options: tuple[tuple[str, Any], ...]
) -> Geometry | None:
    """The geometry of a convolution of that kind from the shapes, which every step asks for again; None for no link."""
    try:
        if kind is PointwiseConv2D:
            POINTWISE.check_shapes("chain_at", shape, kernel)
            return Geometry(shape[0], Axis(shape[1], 1), Axis(shape[2], 1))
        if kind is DepthwiseConv2D and kernel[-1] != shape[-1]:
            return None  # a depth multiplier
        row = DEPTHWISE if kind is DepthwiseConv2D else STANDARD
        return row.check_shapes("chain_at", shape, kernel).geometry(**dict(options))
    except ValueError:
        return None


def _as_built(layer: Layer) -> bool:
    """True where a layer's forward and backward are those of its class."""
    return not {"forward", "backward"} & vars(layer).keys()
