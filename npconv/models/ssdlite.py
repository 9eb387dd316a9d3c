"""SSDLite: boxes and classes from two maps of a MobileNet and from extra layers behind it."""

import json
import math
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from .. import threads
from ..cost import Cost
from ..detection import DefaultBoxes, Found, default_boxes, detections, tensorflow_boxes, torchvision_boxes
from ..files import as_npz, parse_json, read_npz, write_whole
from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import BatchNorm, Conv2D, DepthwiseConv2D, Layer, PointwiseConv2D, Sequential, truncated_normal
from ..layers.blocks import normalised
from ..layers.chain import OPERATIONS
from ..layers.composite import Composite, Row
from ..layers.convolution import Linear
from ..layers.layer import fill, positive_ints
from ..layers.normalization import CONVENTIONS, OPTIONS, check_options
from .conventions import check_conventions, padding
from .features import Fork, forked, last_blocks, wanted
from .inference import Inference
from .network import CONVENTIONS as FILES_CONVENTIONS, SPECIFICATION, MobileNet, is_folded, recorded

FUNCTION = "ssdlite"
EXTRAS = (512, 256, 256, 128)
HEADS = ("separable", "full")
BOXES = {"tensorflow": tensorflow_boxes, "torchvision": torchvision_boxes}
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


class SSDLite(Composite):
    """A detector of one stage: a MobileNet, extra layers, and two small heads on each of their maps.

    `ssdlite` builds it. `forward` gives one array, (B, A, classes + 4): the logits and the four codes of the box, for
    each of A default boxes. `split` takes the two apart, `anchors` gives the boxes, `detect` what is found.

    `layers` are network, extra_1, extra_2, …, then class_1, box_1, class_2, …, a pair for each map. `network` is the
    MobileNet up to its last layer before the pool; it shares its arrays with the one that was given.

    Source: the MobileNetV2 paper's section 6.2.
    """

    def __init__(self, layers: Mapping[str, Layer], options: SSDLiteOptions) -> None:
        self.options = options
        super().__init__(layers)

    @property
    def network(self) -> MobileNet:
        """The MobileNet without its pool and classifier."""
        network = self.layers["network"]
        assert isinstance(network, MobileNet)
        return network

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
        self._check_images("SSDLite.forward", np.shape(x))
        first, behind = self._first_map(x, training)
        heads, maps, values = self._head_names(), [], {}

        def run(name: str, a: Array) -> Array:
            return self.layers[name].forward(a, training)

        def head(name: str) -> None:
            values[name] = run(name, first)

        def rest() -> None:
            last = behind()
            maps.extend(self._maps(first, last, run))
            values.update({name: run(name, maps[_number(name) - 1]) for name in heads[2:]})

        self._side_by_side([rest, *(partial(head, name) for name in heads[:2])], first.size if training else 0)
        self._saved = [a.shape for a in maps]
        return self._joined(maps, lambda name, a: values[name])

    def backward(self, dy: Array) -> Array:
        """dx, from the gradient for the logits and codes; writes `grads`."""
        shapes = self._remember()
        arguments.array_of("SSDLite.backward", "dy", dy, "f")
        shape = (shapes[0][0], self._count(shapes), self.classes + CODES)
        if dy.shape != shape:
            raise ValueError(f"SSDLite.backward: dy must be {shape}, as forward's output; got {dy.shape}")
        parts = {name: np.ascontiguousarray(dy[:, boxes, columns]) for name, boxes, columns in self._heads(shapes)}
        heads, sent = self._head_names(), {}

        def send(name: str) -> None:
            sent[name] = self.layers[name].backward(parts[name].reshape(*shapes[_number(name) - 1][:3], -1))

        def dmap(number: int) -> Array:
            d = sent[f"class_{number}"]
            d += sent[f"box_{number}"]
            return d

        def rest() -> None:
            for name in heads[2:]:
                send(name)
            d = dmap(len(shapes))
            for number in range(len(self.extras), 0, -1):
                d = self.layers[f"extra_{number}"].backward(d)
                d += dmap(number + 1)
            sent["network"] = self._halves[1].backward(d) if self._halves else d

        self._side_by_side([rest, *(partial(send, name) for name in heads[:2])], math.prod(shapes[0]))
        d = sent["network"]
        if self._halves is None:
            self._fork.dmap = dmap(1)
            return self._row.backward(d)
        d += dmap(1)
        return self._halves[0].backward(d)

    def through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Array:
        """forward for inference, with every row of layers computed by `run(name, row, x)`, which keeps its x."""
        self._check_images("SSDLite.forward", np.shape(x))
        rows = _split(self._row)
        if rows:
            first = run("network", rows[0], x)
            last = run("network", rows[1], first)
        else:  # a shortcut goes around the first map
            last, first = self._row.forward(x), self._fork.map
            self._row.forget()

        def run_layer(name: str, a: Array) -> Array:
            layer = self.layers[name]
            assert isinstance(layer, Sequential)
            return run(name, list(layer.layers.items()), a)

        return self._joined(self._maps(first, last, run_layer), run_layer)

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
        self._check_images("SSDLite.map_shapes", input_shape)
        cost = self._row.cost(input_shape)
        first = cost
        *blocks, own = self.options.first.split(".")
        for part in (*blocks, f"{own} map"):
            first = first.parts[part]
        shapes = [first.output_shape, cost.output_shape]
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

    def described(self) -> dict[str, Any]:
        """The network as JSON has it: `ssdlite`, its arguments, and its MobileNet."""
        dtype = next(iter(self.layers["class_1"].params.values())).dtype
        return {
            "builder": FUNCTION,
            "arguments": recorded(asdict(self.options) | {"dtype": dtype}),
            "network": self.network.described(),
            "folded": is_folded(self),
        }

    def save(self, path: str | Path) -> None:
        """Write params, state and the specification to an .npz file, whole or not at all.

        `read_network` builds the network from the file alone. Raises OSError where it cannot be written.
        """
        described = np.array(json.dumps(self.described()))
        write_whole(arguments.as_path("SSDLite.save", "path", path), as_npz(self.arrays() | {SPECIFICATION: described}))

    def load(self, path: str | Path) -> None:
        """Take params and state from an .npz file that `save` wrote for a network like this one.

        Raises OSError where there is no such file, ValueError for a MobileNet's file, for that of a detector with other
        conventions, default boxes or another first map, or as `Layer.load`; then nothing is changed.
        """
        file = arguments.as_path("SSDLite.load", "path", path)
        arrays = read_npz(file)
        if FILES_CONVENTIONS in arrays:
            raise ValueError(f"SSDLite.load: {file} is of a MobileNet, and of no detector; read_network reads it")
        here, text = _unseen(self.described()), arrays.pop(SPECIFICATION, None)
        try:
            there = here if text is None else _unseen(parse_json(str(text)))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"SSDLite.load: {file} has a specification that can't be read: {error}") from error
        differing = [
            f"{name} {reprlib.repr(there[name])} where this one has {reprlib.repr(own)}"
            for name, own in here.items()
            if there[name] != own
        ]
        if differing:
            raise ValueError(
                f"SSDLite.load: {file} is of another detector, with {'; '.join(differing)}; read_network builds it"
            )
        fill(self.arrays(), arrays, f"SSDLite.load: {file}")

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """The cost of forward, with the parts network, extra_1, …, class_1, box_1, …."""
        shape = arguments.sizes("SSDLite.cost", "input_shape", input_shape)
        shapes = self.map_shapes(shape)
        parts = {name: self.layers[name].cost(taken) for name, taken in self.input_shapes(shape).items()}
        macs, additions, params = (
            sum(getattr(cost, what) for cost in parts.values()) for what in ("macs", "additions", "params")
        )
        return Cost(macs, additions, params, (shape[0], self._count(shapes), self.classes + CODES), parts)

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name: the network the images', the others a map's."""
        shapes = self.map_shapes(input_shape)
        extras = dict(zip(self.extras, shapes[1:], strict=False))
        heads = {name: shapes[_number(name) - 1] for name, *_ in self._heads(shapes)}
        return {"network": input_shape, **extras, **heads}

    def folded(self) -> "SSDLite":
        """A copy for inference, with batch normalisation folded."""
        layers = {name: layer.folded() for name, layer in self.layers.items()}
        return self.with_layers(layers | {"network": self._row.folded()})  # where the map's place is kept

    def forget(self) -> None:
        """Drop what the layers stored."""
        super().forget()
        for row in (self._row, *(self._halves or ())):
            row.forget()

    def _adopt(self, layers: dict[str, Layer]) -> None:
        super()._adopt(layers)
        network = self.network
        forks = [leaf for leaf in network.leaves() if isinstance(leaf, Fork)]
        self._fork = forks[0] if forks else Fork()
        self._row = network if forks else forked(network, {self.options.first: self._fork}, cut=False)
        self._sizes: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        rows = _split(self._row)  # None where a shortcut goes around the first map
        self._halves = None if rows is None else [Sequential(*(layer for _, layer in row)) for row in rows]

    def _maps(self, first: Array, last: Array, run: Callable[[str, Array], Array]) -> list[Array]:
        """All maps that have heads, from the network's two; `run` computes a layer by its name."""
        maps = [first, last]
        for name in self.extras:
            maps.append(run(name, maps[-1]))
        return maps

    def _joined(self, maps: Sequence[Array], run: Callable[[str, Array], Array]) -> Array:
        """The heads' outputs side by side, (B, A, classes + 4)."""
        shapes = [a.shape for a in maps]
        y = np.empty((len(maps[0]), self._count(shapes), self.classes + CODES), np.result_type(*maps))
        for name, boxes, columns in self._heads(shapes):
            part = y[:, boxes, columns]
            part[...] = run(name, maps[_number(name) - 1]).reshape(part.shape)
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

    def _first_map(self, x: Array, training: bool) -> tuple[Array, Callable[[], Array]]:
        """The first map, and a call for the last one of the network."""
        if self._halves is None:
            last = self._row.forward(x, training)
            return self._fork.map, lambda: last
        front, behind = self._halves
        first = front.forward(x, training)
        return first, lambda: behind.forward(first, training)

    def _side_by_side(self, work: Sequence[Callable[[], None]], size: int) -> None:
        """Call each; in a training step with a first map of that size, several threads take one each.

        The two heads on the first map are chains of their own, beside all that comes behind it: threads that share the
        parts of each chain wait for one another at every statistic.
        """
        threads.each(_call, work, len(work) * OPERATIONS * size)

    def _count(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """The number of default boxes."""
        cells = self.options.boxes.cells
        return sum(height * width * len(cell) for (_, height, width, _), cell in zip(shapes, cells, strict=True))

    def _check_images(self, function: str, shape: tuple[int, ...]) -> None:
        """Raise ValueError for a shape that is not images', or whose images are smaller than the network's stride."""
        self.network.check_images(function, shape)
        stride = max(last_blocks(self.network), default=1)
        if min(shape[1:3]) < stride:
            raise ValueError(
                f"{function}: x must be images of at least {stride}×{stride}, the network's stride; got {shape}"
            )


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
    arguments.instance(FUNCTION, "network", network, MobileNet)
    classes = arguments.integer(FUNCTION, "classes", classes, 2)
    arguments.one_of(FUNCTION, "heads", heads, HEADS)
    check_options(FUNCTION, batch_norm)
    conventions = network.specification.conventions if conventions is None else conventions
    check_conventions(FUNCTION, conventions)
    trunk = without_pool(network)
    if isinstance(extras, str) or not isinstance(extras, Sequence | np.ndarray):
        raise TypeError(f"{FUNCTION}: extras must be a sequence of ints; got {arguments.shown(extras)}")
    channels = tuple(positive_ints(FUNCTION, **{f"extras[{n}]": value for n, value in enumerate(extras)}))
    options = SSDLiteOptions(
        classes, first_map(trunk, first), channels, heads, _checked_boxes(boxes, 2 + len(channels)), conventions,
        _normalisation(network, conventions) if batch_norm is None else dict(batch_norm),
    )  # fmt: skip
    dtype = next(iter(network.params.values())).dtype if dtype is None else dtype
    shared: dict[str, Any] = {"seed": arguments.generator(FUNCTION, seed), "dtype": dtype}
    own: dict[str, Layer] = {}
    widths = [_width(trunk, options.first), _width(trunk, list(trunk.layers)[-1])]
    for number, width in enumerate(channels, 1):
        own[f"extra_{number}"] = _extra(widths[-1], width, options, shared)
        widths.append(width)
    for number, (width, cell) in enumerate(zip(widths, options.boxes.cells, strict=True), 1):
        own[f"class_{number}"] = _head(width, len(cell) * classes, options, shared)
        own[f"box_{number}"] = _head(width, len(cell) * CODES, options, shared)
    for layer in own.values():
        layer.initialize(shared["seed"], truncated_normal(DEVIATION))
    return SSDLite({"network": trunk, **own}, options)


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


def _unseen(described: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, of those that a detector is described by, that no array's shape shows."""
    own = {name: described["arguments"][name] for name in ("conventions", "first", "boxes")}
    return own | {"its network's conventions": described["network"]["arguments"].get("conventions")}


def _number(name: str) -> int:
    """The number of the map that a head stands on."""
    return int(name.split("_")[1])


def _call(work: Callable[[], None]) -> None:
    work()


def _split(network: Sequential) -> tuple[Row, Row] | None:
    """A row with a `Fork` in it as the layers before it and those behind, or None where a shortcut goes around it."""
    before: Row = []
    items = list(network.layers.items())
    for position, (name, layer) in enumerate(items):
        behind = items[position + 1 :]
        if isinstance(layer, Fork):
            return before, behind
        if isinstance(layer, Sequential) and any(isinstance(leaf, Fork) for leaf in layer.leaves()):
            inside = None if getattr(layer, "shortcut", False) else _split(layer)
            if inside is None:
                return None
            low, high = ([(f"{name}.{own}", inner) for own, inner in row] for row in inside)
            return before + low, high + behind
        before.append((name, layer))
    return None


def without_pool(network: MobileNet) -> MobileNet:
    """The network up to its last layer before the pool, of the same layers."""
    return network.with_layers({name: network.layers[name] for name in takewhile("pool".__ne__, network.layers)})


def first_map(network: MobileNet, first: str | int | None) -> str:
    """The name of the first map's layer: the one that is asked for, or the paper's.

    >>> from npconv.models import mobilenet_v1, mobilenet_v2, mobilenet_v3
    >>> [first_map(network, None) for network in (mobilenet_v1(), mobilenet_v2(), mobilenet_v3("small"))]
    ['block_11', 'block_14.expand_relu6', 'block_9.expand_hard_swish']
    """
    if first is None:
        first = _before_last_stride(network)
    if not (isinstance(first, str) or arguments.is_int(first)):
        raise TypeError(f"{FUNCTION}: first must be a layer's name or a stride; got {arguments.shown(first)}")
    (name,) = wanted(f"{FUNCTION}: first", network, (first,)).values()
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


def _width(network: MobileNet, name: str) -> int:
    """The channels of a layer's output."""
    side = max(last_blocks(network), default=1)
    return network.feature_shapes((1, side, side, network.in_channels), (name,))[name][-1]


def _normalisation(network: MobileNet, conventions: str) -> dict[str, Any]:
    """The options of a network's batch normalisation; its conventions' where it has none, as it is folded."""
    norm = next((leaf for leaf in network.leaves() if isinstance(leaf, BatchNorm)), None)
    return dict(CONVENTIONS[conventions]) if norm is None else {name: getattr(norm, name) for name in OPTIONS}


def _checked_boxes(boxes: Any, maps: int) -> DefaultBoxes:
    """Default boxes for so many maps."""
    if isinstance(boxes, DefaultBoxes):
        if len(boxes.cells) != maps:
            raise ValueError(f"{FUNCTION}: boxes must have cells for {maps} maps; got {len(boxes.cells)}")
        return boxes
    return BOXES[arguments.one_of(FUNCTION, "boxes", boxes, BOXES)](maps=maps)
