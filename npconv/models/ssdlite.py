"""SSDLite: boxes and classes from two maps of a MobileNet and from extra layers behind it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import threads
from ..detection import DefaultBoxes, Found, default_boxes, detections
from ..detection.anchors import SPECIFICATIONS
from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import Conv2D, DepthwiseConv2D, Layer, PointwiseConv2D, Sequential, truncated_normal
from ..layers.blocks import normalised
from ..layers.chain import OPERATIONS
from ..layers.composite import Row
from ..layers.convolution import Linear
from ..layers.layer import positive_ints
from .conventions import padding
from .features import layer_at
from .inference import Inference
from .network import MobileNet
from .with_heads import NetworkWithHeads, forks, trunk_of

FUNCTION = "ssdlite"
EXTRAS = (512, 256, 256, 128)
HEADS = ("separable", "full")
CODES = 4  # numbers of a box
DEVIATION = 0.03  # of the first kernels in extras and heads


@dataclass(frozen=True)
class SSDLiteOptions:
    """The options of an `SSDLite`: all that it is built from besides its network."""

    classes: int
    first: str
    extras: tuple[int, ...]
    heads: str
    boxes: DefaultBoxes
    conventions: str
    batch_norm: Mapping[str, Any]


class SSDLite(NetworkWithHeads):
    """A detector of one stage: a MobileNet, extra layers, and two small heads on each of their maps.

    `ssdlite` builds it. `forward` gives one array, (B, A, classes + 4): the logits and the four codes of the box, for
    each of A default boxes. `split` takes the two apart, `anchors` gives the boxes, `detect` what is found.

    `layers` are network, extra_1, extra_2, …, then class_1, box_1, class_2, …, a pair for each map. `network` is the
    MobileNet up to its last layer before the pool; it shares its arrays with the one that was given.

    Source: the MobileNetV2 paper's section 6.2.
    """

    builder, kind, unseen = FUNCTION, "detector", ("conventions", "first", "boxes")
    options: SSDLiteOptions

    def __init__(self, layers: Mapping[str, Layer], options: SSDLiteOptions) -> None:
        super().__init__(layers, options, (options.first,))

    @property
    def classes(self) -> int:
        """The number of classes, with the background, which is class 0."""
        return self.options.classes

    @property
    def extras(self) -> list[str]:
        """The names of the extra layers, in the order of forward."""
        return [name for name in self.layers if name.startswith("extra_")]

    def forward(self, x: Array, training: bool = False) -> Array:
        """The logits and codes of all default boxes, (B, A, classes + 4), for images x, (B, Dᵤ, Dᵤ, M).

        The boxes follow each other by map, row, column, and then as they lie in a cell. Raises ValueError for x of
        another shape, and for images smaller than the network's stride.
        """
        self._check_images("forward", np.shape(x))
        return self.forward_from(self._maps(x, training), training)

    def forward_from(
        self, found: Iterator[Array], training: bool = False, then: Callable[[], None] = lambda: None
    ) -> Array:
        """The same from the two maps that are taken from the network; the second is computed beside the first's heads.

        `found` gives them, and computes each when it is asked for; `then` is called when both are there.
        """

        def run(name: str, a: Array) -> Array:
            return self.layers[name].forward(a, training)

        values: dict[str, Array] = {}
        maps = [next(found)]

        def head(name: str) -> None:
            values[name] = run(name, maps[_number(name) - 1])

        def rest() -> None:
            maps.extend(found)
            self._add_extras(maps, run)
            for name in self._head_names()[2:]:
                head(name)
            then()

        self._side_by_side(head, rest, maps[0].size if training else 0)
        self._saved = [a.shape for a in maps]
        return self._joined(self._saved, values)

    def backward(self, dy: Array) -> Array:
        """dx, from the gradient for the logits and codes; writes `grads`."""
        (front, behind), sent = self._parts, []
        dmap = self.backward_to_maps(dy, lambda d: sent.append(behind.backward(d)))
        (fork,) = forks(front)
        fork.dmap = dmap
        return front.backward(sent[0])

    def backward_to_maps(self, dy: Array, behind: Callable[[Array], None]) -> Array:
        """The gradient of the first map from that for the logits and codes; writes those of the heads' parameters.

        `behind` takes that of the second map, and goes back through what is between the two, beside the first's heads.
        """
        shapes = self._remember()
        arguments.array_of("SSDLite.backward", "dy", dy, "f")
        shape = (shapes[0][0], self._count(shapes), self.classes + CODES)
        if dy.shape != shape:
            raise ValueError(f"SSDLite.backward: dy must be {shape}, as forward's output; got {dy.shape}")
        parts = {name: np.ascontiguousarray(dy[:, boxes, columns]) for name, boxes, columns in self._heads(shapes)}
        sent = {}

        def send(name: str) -> None:
            sent[name] = self.layers[name].backward(parts[name].reshape(*shapes[_number(name) - 1][:3], -1))

        def dmap(number: int) -> Array:
            d = sent[f"class_{number}"]
            d += sent[f"box_{number}"]
            return d

        def rest() -> None:
            for name in self._head_names()[2:]:
                send(name)
            d = dmap(len(shapes))
            for number in range(len(self.extras), 0, -1):
                d = self.layers[f"extra_{number}"].backward(d)
                d += dmap(number + 1)
            behind(d)

        self._side_by_side(send, rest, math.prod(shapes[0]))
        return dmap(1)

    def through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Array:
        """forward for inference, with every row of layers computed by `run(name, row, x)`, which keeps its x."""
        self._check_images("forward", np.shape(x))
        return self.through_from(run, list(self._maps_through(run, x)))

    def through_from(self, run: Callable[[str, Row, Array], Array], maps: list[Array]) -> Array:
        """The same from the maps that are taken from the network."""

        def run_layer(name: str, a: Array) -> Array:
            layer = self.layers[name]
            assert isinstance(layer, Sequential)
            return run(name, list(layer.layers.items()), a)

        self._add_extras(maps, run_layer)
        values = {name: run_layer(name, maps[_number(name) - 1]) for name in self._head_names()}
        return self._joined([a.shape for a in maps], values)

    def split(self, y: Array) -> tuple[Array, Array]:
        """Logits, (B, A, classes), and codes, (B, A, 4), as views of `forward`'s output, or of a gradient for it."""
        if np.shape(y)[-1:] != (self.classes + CODES,):
            raise ValueError(f"SSDLite.split: y must be (B, A, {self.classes + CODES}); got {np.shape(y)}")
        return y[..., : self.classes], y[..., self.classes :]

    def map_sizes(self, image_size: tuple[int, int]) -> list[tuple[int, int]]:
        """Rows and columns of each map that has heads, for images of (height, width).

        Raises TypeError or ValueError for another size, as one below the network's stride.
        """
        size = arguments.sizes("SSDLite.map_sizes", "image_size", image_size)
        if len(size) != 2:
            raise ValueError(f"SSDLite.map_sizes: image_size must be (height, width); got {size}")
        if size not in self._sizes:  # each training step asks for those of its images
            shapes = self.map_shapes((1, *size, self.network.in_channels))
            self._sizes[size] = [(height, width) for _, height, width, _ in shapes]
        return list(self._sizes[size])

    def map_shapes(self, input_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shapes of the maps that have heads, from the images' shape, batch included."""
        shapes = super().map_shapes(input_shape)
        for name in self.extras:
            shapes.append(self.layers[name].output_shape(shapes[-1]))
        return shapes

    def anchors(self, image_size: tuple[int, int]) -> Array:
        """The default boxes, (A, 4), for images of (height, width): (top, left, bottom, right) in pixels."""
        return default_boxes(self.options.boxes, self.map_sizes(image_size), image_size)

    def detect(self, x: Array, **options: Any) -> list[Found]:
        """Boxes, scores and labels, one `Found` for each image of x; `options` are those of `detections`.

        The network is computed by `Inference`; what the last `forward` stored stays as it is.
        """
        logits, codes = self.split(Inference(self).forward(x))
        size = x.shape[1:3]
        return detections(logits, codes, self.anchors(size), size, **options)

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name: the network the images', the others a map's."""
        shapes = self.map_shapes(input_shape)
        extras = dict(zip(self.extras, shapes[1:], strict=False))
        heads = {name: shapes[_number(name) - 1] for name, *_ in self._heads(shapes)}
        return {"network": input_shape, **extras, **heads}

    def _shape_of_output(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape[0], self._count(self.map_shapes(input_shape)), self.classes + CODES

    def _adopt(self, layers: dict[str, Layer]) -> None:
        super()._adopt(layers)
        self._sizes: dict[tuple[int, ...], list[tuple[int, int]]] = {}

    def _add_extras(self, maps: list[Array], run: Callable[[str, Array], Array]) -> None:
        """Put the extra layers' maps behind the network's; `run` computes a layer by its name."""
        for name in self.extras:
            maps.append(run(name, maps[-1]))

    def _joined(self, shapes: Sequence[tuple[int, ...]], values: Mapping[str, Array]) -> Array:
        """The heads' outputs side by side, (B, A, classes + 4)."""
        y = np.empty((shapes[0][0], self._count(shapes), self.classes + CODES), np.result_type(*values.values()))
        for name, boxes, columns in self._heads(shapes):
            part = y[:, boxes, columns]
            part[...] = values[name].reshape(part.shape)
        return y

    def _heads(self, shapes: Sequence[tuple[int, ...]]) -> Iterator[tuple[str, slice, slice]]:
        """The heads by name, each with the boxes and the columns of the output that it gives."""
        start = 0
        columns = {"class": slice(None, self.classes), "box": slice(self.classes, None)}
        for number, (shape, cell) in enumerate(zip(shapes, self.options.boxes.cells, strict=True), 1):
            boxes = slice(start, start := start + shape[1] * shape[2] * len(cell))
            for kind, own in columns.items():
                yield f"{kind}_{number}", boxes, own

    def _head_names(self) -> list[str]:
        """The names of the heads: class_1, box_1, class_2, …."""
        return [name for name in self.layers if name.startswith(("class_", "box_"))]

    def _side_by_side(self, head: Callable[[str], None], rest: Callable[[], None], size: int) -> None:
        """Call `rest`, and `head` for the two on the first map; with a map of that size on several threads at once.

        The two are chains of their own, beside all that comes behind the map: threads that share the parts of each
        chain wait for one another at every statistic.
        """
        names = ["", *self._head_names()[:2]]
        threads.each(lambda name: head(name) if name else rest(), names, len(names) * OPERATIONS * size)

    def _count(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """The number of default boxes."""
        cells = self.options.boxes.cells
        return sum(height * width * len(cell) for (_, height, width, _), cell in zip(shapes, cells, strict=True))


def ssdlite(
    network: MobileNet,
    classes: int,
    *,
    first: str | int | None = None,
    extras: Sequence[int] = EXTRAS,
    heads: str = "separable",
    boxes: str | DefaultBoxes = "tensorflow",
    conventions: str | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = None,
) -> SSDLite:
    """SSDLite on a MobileNet: the paper's detector, whose extra layers and heads are depthwise separable.

    Maps are taken from inside the network (`first`), from its last layer before the pool, and from each extra layer,
    which halves the map before it. Each map has two heads, one for the logits of the classes, one for the codes of the
    box, for each default box of a cell.

    Args:
        network: a MobileNet. Its layers before the pool are taken, not copied; pool and classifier are left out.
        classes: C of the logits, with the background, which is class 0.
        first: the first map's layer, as `MobileNet.features` takes it. None is the paper's: in the last block of
            stride 2 what its depthwise convolution takes, which is the expansion, "block_14.expand_relu6" in
            MobileNetV2; in V1, which does not expand, the output of the block before.
        extras: the channels of the extra layers. Each is a 1×1 convolution to half of them, a 3×3 one of stride 2, and
            with separable heads another 1×1 one, with normalisation and ReLU6 behind each.
        heads: "separable": a depthwise convolution with normalisation and ReLU6, then a pointwise one with a bias; or
            "full": SSD's own, a 3×3 convolution with a bias, and full 3×3 convolutions in the extra layers too.
        boxes: the default boxes, "tensorflow", "torchvision" or a `DefaultBoxes` with as many maps as there are.
        conventions: those of the extra layers' padding; None is the network's.
        batch_norm: options of `BatchNorm` in extras and heads; None is the network's.
        seed: an int or a generator, from which the kernels of extras and heads are drawn, normal with deviation 0.03
            and cut at twice that.
        dtype: of their parameters; None is the network's.

    Returns:
        An `SSDLite`.

    Raises:
        TypeError: a network that is no MobileNet, sizes that are no ints.
        ValueError: fewer than two classes, a layer that the network does not have or that is its last one, other
            words, default boxes for another number of maps.

    Source: the MobileNetV2 paper's section 6.2; W. Liu et al., "SSD" (arXiv 1512.02325).

    >>> from npconv.models import mobilenet_v2
    >>> detector = ssdlite(mobilenet_v2(0.35), 21)
    >>> detector.forward(np.ones((2, 64, 96, 3), np.float32)).shape, detector.map_sizes((320, 320))
    ((2, 138, 25), [(20, 20), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)])
    """
    trunk = trunk_of(FUNCTION, network, conventions, batch_norm, seed, dtype)
    classes = arguments.integer(FUNCTION, "classes", classes, 2)
    arguments.one_of(FUNCTION, "heads", heads, HEADS)
    if isinstance(extras, str) or not isinstance(extras, Sequence | np.ndarray):
        raise TypeError(f"{FUNCTION}: extras must be a sequence of ints; got {arguments.shown(extras)}")
    channels = tuple(positive_ints(FUNCTION, **{f"extras[{n}]": value for n, value in enumerate(extras)}))
    options = SSDLiteOptions(
        classes, first_map(trunk.network, first), channels, heads, _checked_boxes(boxes, 2 + len(channels)),
        trunk.conventions, trunk.batch_norm,
    )  # fmt: skip
    own: dict[str, Layer] = {}
    widths = [trunk.width(options.first), trunk.width(list(trunk.network.layers)[-1])]
    for number, width in enumerate(channels, 1):
        own[f"extra_{number}"] = _extra(widths[-1], width, options, trunk.shared)
        widths.append(width)
    for number, (width, cell) in enumerate(zip(widths, options.boxes.cells, strict=True), 1):
        own[f"class_{number}"] = _head(width, len(cell) * classes, options, trunk.shared)
        own[f"box_{number}"] = _head(width, len(cell) * CODES, options, trunk.shared)
    for layer in own.values():
        layer.initialize(trunk.shared["seed"], truncated_normal(DEVIATION))
    return SSDLite({"network": trunk.network, **own}, options)


def _extra(in_channels: int, channels: int, options: SSDLiteOptions, shared: Mapping[str, Any]) -> Sequential:
    """An extra layer: to half the channels, stride 2, to all of them."""
    narrow = max(1, channels // 2)
    geometry: dict[str, Any] = {"stride": 2, "padding": padding(options.conventions)}
    layers = normalised("reduce", PointwiseConv2D(in_channels, narrow, **shared), options.batch_norm, "relu6")
    if options.heads == "full":
        conv = Conv2D(narrow, channels, 3, **geometry, **shared)
        return Sequential(layers | normalised("conv", conv, options.batch_norm, "relu6"))
    depthwise = DepthwiseConv2D(narrow, 3, **geometry, **shared)
    layers |= normalised("depthwise", depthwise, options.batch_norm, "relu6")
    expand = PointwiseConv2D(narrow, channels, **shared)
    return Sequential(layers | normalised("expand", expand, options.batch_norm, "relu6"))


def _head(in_channels: int, channels: int, options: SSDLiteOptions, shared: Mapping[str, Any]) -> Sequential:
    """A predictor: so many channels for each position of a map."""
    if options.heads == "full":
        return Sequential({"conv": Conv2D(in_channels, channels, 3, padding="same", bias=True, **shared)})
    depthwise = DepthwiseConv2D(in_channels, 3, padding="same", **shared)
    layers = normalised("depthwise", depthwise, options.batch_norm, "relu6")
    return Sequential(layers | {"pointwise": PointwiseConv2D(in_channels, channels, bias=True, **shared)})


def _number(name: str) -> int:
    """The number of the map that a head stands on."""
    return int(name.split("_")[1])


def first_map(network: MobileNet, first: str | int | None) -> str:
    """The name of the first map's layer: the one that is asked for, or the paper's.

    >>> from npconv.models import mobilenet_v1, mobilenet_v2, mobilenet_v3
    >>> [first_map(network, None) for network in (mobilenet_v1(), mobilenet_v2(), mobilenet_v3("small"))]
    ['block_11', 'block_14.expand_relu6', 'block_9.expand_hard_swish']
    """
    if first is None:
        first = _before_last_stride(network)
    name = layer_at(FUNCTION, "first", network, first)
    last = list(network.layers)[-1]
    if name == last or name.startswith(f"{last}."):
        raise ValueError(
            f"{FUNCTION}: first must be a layer before the last, {last}, whose map is the second; got {name}"
        )
    return name


def _before_last_stride(network: MobileNet) -> str:
    """The layer in front of the last convolution in a block that has a stride above 1."""
    before = ""
    found = ""
    for name, layer in network.layers.items():
        inside = layer.layers.items() if isinstance(layer, Sequential) else ()
        previous = before
        for own, leaf in inside:
            if name.startswith("block_") and isinstance(leaf, Linear) and np.max(leaf.geometry.get("stride", 1)) > 1:
                found = previous
            previous = f"{name}.{own}"
        before = name
    if not found:
        raise ValueError(f"{FUNCTION}: first must be a layer's name, as no block of the network has a stride above 1")
    return found


def _checked_boxes(boxes: Any, maps: int) -> DefaultBoxes:
    """Default boxes for so many maps."""
    if isinstance(boxes, DefaultBoxes):
        if len(boxes.cells) != maps:
            raise ValueError(f"{FUNCTION}: boxes must have cells for {maps} maps; got {len(boxes.cells)}")
        return boxes
    return SPECIFICATIONS[arguments.one_of(FUNCTION, "boxes", boxes, SPECIFICATIONS)](maps=maps)
