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
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

from ..kernels.arguments import plain
from ..kernels.geometry import Array, Axis, Geometry
from ..kernels.signatures import DEPTHWISE, POINTWISE, STANDARD
from ..threads import Round, in_rounds
from .convolution import Conv2D, DepthwiseConv2D, Linear, PointwiseConv2D
from .elementwise import IN_PLACE, Activation
from .expanding import ExpandingLink, expands
from .layer import Layer
from .link import Link, room
from .normalization import BatchNorm

PART = 3 * 2**20  # bytes of the widest map in a part, unless an image has more; on two threads 2 MiB takes up to 1.06
OPERATIONS = 30  # with each number of a map, in one pass through the batch

KINDS = (Conv2D, DepthwiseConv2D, PointwiseConv2D)


class LayerChain:
    """Convolutions in a row, each with its normalisation and its activation: a step forward and a step back."""

    def __init__(self, links: Sequence[Link], x: Array) -> None:
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

        def send(link: Link, behind: Link | None, number: int) -> None:
            if number == 0 and behind is not None:
                behind.write_gradients()  # here it holds up one thread, between two rounds all
            x = self._input(link, number)
            da = link.backward_part(number, x)
            if link.before is None:
                dx[self.parts[number]] = da
            else:
                link.before.receive_part(number, da, x[link.g.inside] if link.depthwise else x)

        rounds: list[Round] = [
            (partial(send, link, behind), link.before.start_backward if link.before else link.write_gradients)
            for link, behind in zip(reversed(self.links), [None, *reversed(self.links[1:])], strict=True)
        ]
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

    def _forward_part(self, link: Link, number: int) -> None:
        link.forward_part(number, self._input(link, number))

    def _input(self, link: Link, number: int) -> Array:
        """A part of a convolution's input, in one piece; a depthwise one's has its padding around it."""
        part, before = self.parts[number], link.before
        if before is None:
            x = np.ascontiguousarray(self.x[part])
            return link.part(len(x)).pad(x) if link.depthwise else x
        images = part.stop - part.start
        if not link.depthwise:
            return before.activate_part(number, np.empty((images, *before.shape[1:]), self.x.dtype))
        x, inside = room(link.part(images), link.channels, self.x.dtype)
        before.activate_part(number, inside)
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


def partition(images: int, size: int) -> list[slice]:
    """A batch in parts, by the bytes of its widest map: one below PART / 4, else an even number if it can be."""
    count = -(-size // PART)
    at_once = -(-images // (1 if 4 * size < PART else count + count % 2))
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
        links.append((ExpandingLink if expands(linear) else Link)(linear, norm, activation, before, g))
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
