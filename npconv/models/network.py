"""The MobileNets' class: layers in a row that know their table and their conventions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..files import as_npz, read_npz, write_whole
from ..kernels.arguments import as_path, boolean
from ..kernels.geometry import Array
from ..layers import BatchNorm, Layer, Sequential
from ..layers.layer import fill
from .features import FUNCTION, FeatureExtractor, Fork, wanted
from .table import BneckRow, Row, SeparableRow

CONVENTIONS, SPECIFICATION = "conventions", "specification"  # under which names a file has them


@dataclass(frozen=True)
class Specification:
    """A network's specification: `architecture` is its function's name, `rows` its table with the widths applied.

    `stages` is the number of blocks in each stage, as in timm's names: a stage is a row of MobileNetV1's or V2's table,
    and in V3 consecutive blocks that have the same output channels at width 1. `arguments` are the function's, as JSON
    has them: those with which it builds the network again, but for the kernels' numbers.
    """

    architecture: str
    conventions: str
    rows: tuple[Row, ...] | tuple[SeparableRow, ...] | tuple[BneckRow, ...]
    output_stride: int | None = None
    stages: tuple[int, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def recorded(given: Mapping[str, Any]) -> dict[str, Any]:
    """A function's arguments as JSON has them, without the seed.

    >>> recorded({"rows": ((8, 1, 1),), "batch_norm": None, "seed": 0, "dtype": np.float32})
    {'rows': [[8, 1, 1]], 'batch_norm': None, 'dtype': 'float32'}
    """

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): plain(each) for name, each in value.items()}
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
            return [plain(each) for each in value]
        return value.item() if isinstance(value, np.generic) else value

    return {
        name: np.dtype(value).name if name == "dtype" else plain(value)
        for name, value in given.items()
        if name != "seed"
    }


def is_folded(layer: Layer) -> bool:
    """True for a layer in which no batch normalisation is left."""
    return not any(isinstance(leaf, BatchNorm) for leaf in layer.leaves())


class MobileNet(Sequential):
    """A MobileNet: its layers in a row, and in `specification` what they were built from.

    The layers are stem, block_1, block_2, …, (last,) pool, (hidden) and classifier, and the normalisation and
    activation of stem and last. `mobilenet_v1`, `mobilenet_v2` and `mobilenet_v3` build them. Besides `forward` and
    `backward` there are `features` and `features_backward`, for heads that take inner maps.
    """

    def __init__(self, layers: Mapping[str, Layer], specification: Specification) -> None:
        super().__init__(layers)
        self.specification = specification

    @property
    def blocks(self) -> Sequence[str]:
        """The names of the blocks, in the order of forward."""
        return [name for name in self.layers if name.startswith("block_") and " " not in name]  # "… map" is a fork

    @property
    def in_channels(self) -> int:
        """M of the images that the network is for."""
        first = next(iter(self.params.values()))
        channels: int = first.shape[-1 if first.ndim == 3 else -2]  # a depthwise kernel has M as its last axis
        return channels

    def forward(self, x: Array, training: bool = False) -> Array:
        """x, (B, Dᵤ, Dᵤ, M), through every layer; ValueError where its shape is another, as with channels first."""
        self.check_images("MobileNet.forward", x)
        self._saved = None  # the last pass is no features() any more
        return super().forward(x, training)

    def check_images(self, function: str, x: Any) -> None:
        """Raise ValueError where an array, or a shape, is not (B, Dᵤ, Dᵤ, M) with the M that the network is for."""
        shape = tuple(x) if isinstance(x, tuple | list) else np.shape(x)
        channels = self.in_channels
        if len(shape) == 4 and shape[-1] == channels:
            return
        hint = ""
        if len(shape) == 4 and shape[1] == channels:
            hint = "; channels first become last by x.transpose(0, 2, 3, 1)"
        if len(shape) == 3 and shape[-1] == channels:
            hint = "; one image is a batch of one, x[None]"
        raise ValueError(f"{function}: x must be (B, Dᵤ, Dᵤ, {channels}), channels last; got {shape}{hint}")

    def _facts(self) -> list[str]:
        own = self.specification
        stride = [] if own.output_stride is None else [f"output_stride {own.output_stride}"]
        return [own.architecture, f"conventions {own.conventions}", *stride]

    def save(self, path: str | Path) -> None:
        """Write params, state and the specification to an .npz file, whole or not at all.

        `read_network` builds the network from the file alone. Raises OSError where it cannot be written.
        """
        words = {CONVENTIONS: self.specification.conventions, SPECIFICATION: json.dumps(self.described())}
        write_whole(
            as_path("MobileNet.save", "path", path),
            as_npz(self.arrays() | {name: np.array(word) for name, word in words.items()}),
        )

    def described(self) -> dict[str, Any]:
        """The network as JSON has it: its function, the function's arguments, and which layers it has of that network.

        >>> from npconv.models import mobilenet_v1
        >>> mobilenet_v1(0.25, 10).folded().described()["folded"]
        True
        """
        return {
            "builder": self.specification.architecture,
            "arguments": dict(self.specification.arguments),
            "layers": [name for name, layer in self.layers.items() if not isinstance(layer, Fork)],
            "folded": is_folded(self),
        }

    def load(self, path: str | Path) -> None:
        """Take params and state from an .npz file that `save` wrote for a network like this one.

        Raises OSError where there is no such file, ValueError where a network with heads wrote it, or one with other
        conventions, and so another padding, or as `Layer.load`; then nothing is changed.
        """
        arrays = read_npz(as_path("MobileNet.load", "path", path))
        if SPECIFICATION in arrays and CONVENTIONS not in arrays:
            raise ValueError(
                f"MobileNet.load: {path} is of a network with heads, and of no MobileNet; read_network reads it"
            )
        own = self.specification
        theirs = str(arrays.pop(CONVENTIONS, own.conventions))
        arrays.pop(SPECIFICATION, None)
        if theirs != own.conventions:
            raise ValueError(
                f"MobileNet.load: {path} is of a network with conventions {theirs!r}, which pad and normalise "
                f"otherwise than {own.conventions!r}; build this one by {own.architecture}(…, conventions={theirs!r})"
            )
        fill(self.arrays(), arrays, f"MobileNet.load: {path}")

    def backward(self, dy: Array) -> Array:
        """dy back through every layer. Raises RuntimeError where the last pass was no forward, but `features`."""
        if self._saved is not None:
            raise RuntimeError(
                "MobileNet.backward: the last pass was features(); features_backward goes back through it"
            )
        return super().backward(dy)

    def features(
        self, x: Array, strides: Sequence[int | str] | None = None, training: bool = False
    ) -> dict[int | str, Array]:
        """The maps that a detection or segmentation head takes, from one pass that ends with the last of them.

        Args:
            x: the images, (B, Dᵤ, Dᵤ, M).
            strides: the maps that are wanted, as ints and names. An int is the output of the last block at that stride
                of x: a map with that many times fewer rows and columns. A name, with dots, is the output of that layer,
                such as "block_14.expand_relu6" or "last_relu6". None is all of 4, 8, 16 and 32 that the network has.
            training: as in `forward`; running statistics of the layers behind the last map stay as they are.

        Returns:
            The maps by their keys in `strides`, in the order of forward. The network keeps them for
            `features_backward`, as they are and not copied: until then nobody may write into them, nor into x or the
            parameters.

        Raises:
            TypeError: strides that are no sequence or hold something else than ints and names, training that is no
                bool.
            ValueError: none at all, a stride at which no block ends, a name that no layer has; for x as `forward`.

        Source: the article's last section; the MobileNetV2 paper's sections 6.2 and 6.3 take such maps.

        >>> from npconv.models import mobilenet_v2
        >>> maps = mobilenet_v2(0.35).features(np.ones((2, 32, 64, 3), np.float32), (8, "block_14.expand_relu6"))
        >>> {key: a.shape for key, a in maps.items()}
        {8: (2, 4, 8, 16), 'block_14.expand_relu6': (2, 2, 4, 192)}
        """
        boolean(FUNCTION, "training", training)
        self.check_images(FUNCTION, x)
        extractor = FeatureExtractor(self, strides)
        self._saved = None
        maps = extractor.forward(x, training)
        self._saved = extractor
        return maps

    def features_backward(self, dfeatures: Mapping[int | str, Array]) -> Array:
        """The gradient for the last `features`' x, from one gradient for each of its maps; writes `grads`.

        `dfeatures` has the keys that `features` returned, and arrays shaped like its maps. All gradients of the
        parameters are written; those of layers behind the last map are 0.

        Raises:
            RuntimeError: the last pass was not `features`.
            TypeError: something else than a mapping to arrays of real floats.
            ValueError: missing or further keys, an array of another shape.

        >>> from npconv.models import mobilenet_v2
        >>> network = mobilenet_v2(0.35, dtype=np.float64)
        >>> maps = network.features(np.ones((1, 32, 64, 3)), (8, 16), training=True)
        >>> network.features_backward({key: np.ones_like(a) for key, a in maps.items()}).shape
        (1, 32, 64, 3)
        >>> [float(network.grads[name].max()) for name in ("block_13.project_norm.shift", "block_14.expand.kernel")]
        [8.0, 0.0]
        """
        if self._saved is None:
            raise RuntimeError("MobileNet.features_backward: the last pass was no features() to go back through")
        extractor: FeatureExtractor = self._saved
        return extractor.backward(dfeatures)

    def feature_shapes(
        self, input_shape: tuple[int, ...], strides: Sequence[int | str] | None = None
    ) -> dict[int | str, tuple[int, ...]]:
        """The shapes of the maps that `features` returns, from x's shape, batch included, without computing them.

        Raises TypeError or ValueError as `features`.

        >>> from npconv.models import mobilenet_v2
        >>> mobilenet_v2().feature_shapes((1, 224, 224, 3))[32]
        (1, 7, 7, 320)
        """
        self.check_images("MobileNet.feature_shapes", input_shape)
        whole = self.cost(input_shape)
        shapes: dict[int | str, tuple[int, ...]] = {}
        for key, name in wanted("MobileNet.feature_shapes", self, strides).items():
            cost = whole
            for part in name.split("."):
                cost = cost.parts[part]
            shapes[key] = cost.output_shape
        return shapes
