"""What the MobileNets have in common: layers in a row that know their table and their conventions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..kernels.geometry import Array
from ..layers import Layer, Sequential
from ..layers.layer import boolean
from .features import FUNCTION, FeatureExtractor, wanted
from .table import Row, SeparableRow


@dataclass(frozen=True)
class Specification:
    """What a network was built from: `architecture` is the name of the function, `rows` its table with their widths."""

    architecture: str
    conventions: str
    rows: tuple[Row, ...] | tuple[SeparableRow, ...]
    output_stride: int | None = None


class MobileNet(Sequential):
    """A MobileNet: its layers in a row, and in `specification` what they were built from.

    The layers are stem, block_1, block_2, …, (last,) pool and classifier, and the normalisation and activation of stem
    and last. `mobilenet_v1` and `mobilenet_v2` build them. Besides `forward` and `backward` there are `features` and
    `features_backward`, for heads that take maps on the way.
    """

    def __init__(self, layers: Mapping[str, Layer], specification: Specification) -> None:
        super().__init__(layers)
        self.specification = specification

    @property
    def blocks(self) -> Sequence[str]:
        """The names of the blocks, in the order of forward."""
        return [name for name in self.layers if name.startswith("block_")]

    def forward(self, x: Array, training: bool = False) -> Array:
        """x through every layer."""
        self._saved = None  # the last pass is no features() any more
        return super().forward(x, training)

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
            strides: what is wanted, ints and names. An int is the output of the last block at that stride of x: a map
                with that many times fewer rows and columns. A name, with dots, is the output of that layer, such as
                "block_14.expand_relu6" or "last_relu6". None is all of 4, 8, 16 and 32 that the network has.
            training: as in `forward`; running statistics of the layers behind the last map stay as they are.

        Returns:
            The maps by what was asked for, in the order of forward. The network keeps them for `features_backward`, as
            they are and not copied: until then nobody may write into them, nor into x or the parameters.

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
        whole = self.cost(input_shape)
        shapes: dict[int | str, tuple[int, ...]] = {}
        for key, name in wanted("MobileNet.feature_shapes", self, strides).items():
            cost = whole
            for part in name.split("."):
                cost = cost.parts[part]
            shapes[key] = cost.output_shape
        return shapes
