"""A detector and a segmentation network on one MobileNet, which is computed once for both."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import Layer
from ..layers.composite import Row
from .features import cut_behind, wanted
from .segmenter import Segmenter
from .ssdlite import CODES, SSDLite
from .with_heads import NetworkWithHeads, back_through, forks, without_forks

FUNCTION = "multi_task"
PARTS = ("detector", "segmenter")


class MultiTask(NetworkWithHeads):
    """A detector and a segmentation network with one backbone, which is computed once. `multi_task` builds it.

    `layers` are network, then the detector's and the segmenter's, under their own names. `forward` gives one row of
    numbers for each image, the detector's and then the segmenter's, and `split` takes the two apart. `detector` and
    `segmenter` are the two by themselves, with the same arrays.
    """

    builder, kind, unseen = FUNCTION, "network of two tasks", ()

    def __init__(self, detector: SSDLite, segmenter: Segmenter) -> None:
        self.detector, self.segmenter = detector, segmenter
        network = detector.network
        *_, end = network.layers
        own = {"detector": [detector.options.first, end], "segmenter": [*segmenter.taken, segmenter.options.high]}
        self._names = own
        taken = {name for names in own.values() for name in names if name != end}
        super().__init__(
            detector.layers | segmenter.layers | {"network": network}, None,
            list(wanted(FUNCTION, network, sorted(taken)).values()),
        )  # fmt: skip

    def forward(self, x: Array, training: bool = False) -> Array:
        """All numbers of each image in a row, (B, n), for images x, (B, Dᵤ, Dᵤ, M).

        Raises ValueError for x of another shape, and for images smaller than the network's stride.
        """
        self._check_images("forward", np.shape(x))
        maps: dict[str, Array] = {}

        def found() -> Iterator[Array]:
            for name, a in zip(self._in_order(), self._maps(x, training), strict=True):
                maps[name] = a
                if name in self._names["detector"]:
                    yield a

        size, scores = x.shape[1:3], []

        def segment() -> None:
            own = [maps[name] for name in self._names["segmenter"]]
            scores.append(self.segmenter.forward_from(own, size, training))

        y = self.detector.forward_from(found(), training, segment)
        self._saved = len(x), size
        return _in_rows(y, *scores)

    def backward(self, dy: Array) -> Array:
        """dx, from the gradient for `forward`'s output; writes `grads`."""
        arguments.array_of("MultiTask.backward", "dy", dy, "f")
        batch, size = self._remember()
        dfound, dscores = self._split("backward", "dy", dy, size, batch)
        first, end = self._names["detector"]
        places = dict(zip(self.taken, forks(self._row), strict=True))
        cut = 1 + next(number for number, part in enumerate(self._parts) if places[first] in forks(part))
        sent: list[Array] = []

        def behind(d: Array) -> None:
            dmaps = dict(zip(self._names["segmenter"], self.segmenter.backward_to_maps(dscores), strict=True))
            for name, fork in places.items():
                fork.dmap = dmaps.get(name)
            d = d + dmaps[end] if end in dmaps else d
            sent.append(back_through(self._parts[cut:], d))

        dmap = self.detector.backward_to_maps(dfound, behind)
        own = places[first].dmap
        places[first].dmap = dmap if own is None else np.add(own, dmap, out=dmap)
        return back_through(self._parts[:cut], sent[0])

    def through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Array:
        """forward for inference, with every row of layers computed by `run(name, row, x)`, which keeps its x."""
        self._check_images("forward", np.shape(x))
        maps = dict(zip(self._in_order(), self._maps_through(run, x), strict=True))
        own, others = ([maps[name] for name in self._names[part]] for part in PARTS)
        return _in_rows(self.detector.through_from(run, own), self.segmenter.through_from(run, others, x.shape[1:3]))

    def split(self, y: Array, image_size: tuple[int, int]) -> tuple[Array, Array]:
        """The detector's output, (B, A, classes + 4), and the segmenter's, (B, Dᵤ, Dᵤ, C), as views of `forward`'s.

        Args:
            y: `forward`'s output for images of that size, or a gradient for it, (B, n).
            image_size: (height, width) of the images.

        Raises:
            TypeError: y is no ndarray of numbers, or a size is no int.
            ValueError: y has another shape.
        """
        arguments.array_of("MultiTask.split", "y", y, "iuf")
        size = arguments.sizes("MultiTask.split", "image_size", image_size)
        if len(size) != 2:
            raise ValueError(f"MultiTask.split: image_size must be (height, width); got {size}")
        self._check_images("split", (1, *size, self.network.in_channels))
        return self._split("split", "y", y, (size[0], size[1]))

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name: the network the images', the others a map's."""
        both = self.detector.input_shapes(input_shape) | self.segmenter.input_shapes(input_shape)
        return {name: both[name] for name in self.layers}

    def described(self) -> dict[str, Any]:
        """The network as JSON has it: the function that builds it, what describes its two parts, and its MobileNet."""
        parts = {part: getattr(self, part).described() for part in PARTS}
        own = {part: {name: told[name] for name in ("builder", "arguments")} for part, told in parts.items()}
        return {**parts["detector"], "builder": self.builder, "arguments": own}

    def forget(self) -> None:
        """Drop what the layers stored."""
        super().forget()
        self.detector.forget()
        self.segmenter.forget()

    def _adopt(self, layers: dict[str, Layer]) -> None:
        super()._adopt(layers)
        network = without_forks(self.network)
        own = {part: {name: layers[name] for name in getattr(self, part).layers} for part in PARTS}
        last = network.with_layers(cut_behind(network, self.segmenter.options.high))
        self.detector = self.detector.with_layers(own["detector"] | {"network": network})
        self.segmenter = self.segmenter.with_layers(own["segmenter"] | {"network": last})

    def _facts(self) -> list[str]:
        own = {part: getattr(self, part) for part in PARTS}
        return [f"{part} {type(network).__name__}, classes {network.classes}" for part, network in own.items()]

    def _in_order(self) -> list[str]:
        """The names of the maps' layers in the order of `_maps`."""
        return [*self.taken, self._names["detector"][1]]

    def _split(
        self, method: str, name: str, y: Array, size: tuple[int, int], batch: int | None = None
    ) -> tuple[Array, Array]:
        """`split` for a method with that argument, of so many images."""
        (boxes, width), pixels = self._boxes(size), (*size, self.segmenter.classes)
        numbers = boxes * width
        whole = numbers + math.prod(pixels)
        if y.ndim != 2 or y.shape[1] != whole or len(y) != (batch or len(y)):
            expected = f"({batch or 'B'}, {whole}) for images of {size[0]}×{size[1]}"
            raise ValueError(f"MultiTask.{method}: {name} must be {expected}; got {y.shape}")
        return y[:, :numbers].reshape(len(y), boxes, width), y[:, numbers:].reshape(len(y), *pixels)

    def _boxes(self, size: tuple[int, int]) -> tuple[int, int]:
        """The number of default boxes, and that of numbers for each."""
        cells = zip(self.detector.map_sizes(size), self.detector.options.boxes.cells, strict=True)
        return sum(height * width * len(cell) for (height, width), cell in cells), self.detector.classes + CODES

    def _unseen(self, described: Mapping[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        for part in PARTS:
            told, network = described["arguments"][part], getattr(self, part)
            own[f"its {part}"] = told["builder"]
            if told["builder"] == network.builder:
                own |= {f"its {part}'s {name}": value for name, value in network._unseen({**described, **told}).items()}
        return own

    def _shape_of_output(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        shapes = [getattr(self, part)._shape_of_output(input_shape) for part in PARTS]
        return input_shape[0], sum(math.prod(shape[1:]) for shape in shapes)

    def _sums(self, input_shape: tuple[int, ...]) -> int:
        return self.segmenter._sums(input_shape)


def multi_task(detector: SSDLite, segmenter: Segmenter) -> MultiTask:
    """A detector and a segmentation network that were built on the same MobileNet, as one network.

    One pass through the MobileNet serves both, and its gradients are those of both.

    Args:
        detector: an `SSDLite`.
        segmenter: an `LRASPP` or a `DeepLabV3`.

    Returns:
        A `MultiTask`. It shares its arrays with both.

    Raises:
        TypeError: something else than a detector and a segmentation network.
        ValueError: they stand on MobileNets with arrays of their own.

    >>> from npconv.models import lr_aspp, mobilenet_v2, ssdlite
    >>> network = mobilenet_v2(0.35, output_stride=16)
    >>> both = multi_task(ssdlite(network, 21), lr_aspp(network, 3))
    >>> y = both.forward(np.ones((2, 64, 96, 3), np.float32))
    >>> [part.shape for part in both.split(y, (64, 96))]
    [(2, 492, 25), (2, 64, 96, 3)]
    """
    arguments.instance(FUNCTION, "detector", detector, SSDLite)
    arguments.instance(FUNCTION, "segmenter", segmenter, Segmenter)
    arrays, others = detector.network.arrays(), segmenter.network.arrays()
    if not all(arrays.get(name) is a for name, a in others.items()):
        raise ValueError(
            f"{FUNCTION}: segmenter must stand on the detector's MobileNet; got one with arrays of its own"
        )
    return MultiTask(detector, segmenter)


def _in_rows(*parts: Array) -> Array:
    """Each image's numbers of several arrays in a row, (B, n)."""
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
