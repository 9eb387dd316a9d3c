"""Segmenters on small MobileNetV2s: those of the digits in the wild, and those that suit images of one's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import integer, one_of, real
from ..kernels.geometry import Array
from ..models import MobileNet, MultiTask, Row, Segmenter, deeplab_v3, lr_aspp, multi_task
from .detectors import FURTHER, ROWS, WIDEST, detector_for, digits_detector, small_network
from .tasks import of_an_image

CLASSES = 11  # of the digits' masks, with the background
HEADS = ("lr_aspp", "deeplab")
LOW, HIGH = "block_4.expand_relu6", "last_relu6"  # the maps of LR-ASPP: of stride 4, and the last one
FILTERS = {"lr_aspp": 128, "deeplab": 32}
NARROW = (Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 24, 3, 2))  # DeepLab's, whose last map has half of their stride
RATES = (2, 4, 6)


def digits_segmenter(
    head: str = "lr_aspp",
    *,
    classes: int = CLASSES,
    low: str | int | None = LOW,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Segmenter:
    """The segmenter of the digits in the wild: LR-ASPP or DeepLabv3 on a small MobileNetV2.

    Args:
        head: "lr_aspp", on the network of `digits_detector`, with 128 filters; the high map is the network's last
            layer, 8×8 of 128 channels, the low one "block_4.expand_relu6", 16×16 of 144 channels. Or "deeplab", with 32
            filters and the rates 2, 4 and 6, on a narrower network whose last stride is a dilation: it has no finer map
            beside it, so its last map, 24 channels, must be 16×16 itself.
        classes: of the masks: 11, or 2 where all digits are ink.
        low: LR-ASPP's low map, as `npconv.models.lr_aspp` takes it; "deeplab" has none.
        seed: of the kernels.
        dtype: of the parameters.

    Returns:
        A `Segmenter`.

    Raises:
        TypeError, ValueError: as `npconv.models.lr_aspp`.

    >>> x = np.ones((2, 64, 64, 1), np.float32)
    >>> for head in ("lr_aspp", "deeplab"):
    ...     network = digits_segmenter(head)
    ...     print(network.forward(x).shape, network.score_shape(x.shape))
    (2, 64, 64, 11) (2, 16, 16, 11)
    (2, 64, 64, 11) (2, 16, 16, 11)
    """
    one_of("digits_segmenter", "head", head, HEADS)
    return _segmenter(head, classes, 1, low=low, seed=seed, dtype=dtype)


def segmenter_for(
    image_shape: tuple[int, int, int], classes: int, *, head: str = "lr_aspp", width: float = 1.0, seed: int = 0
) -> Segmenter:
    """A segmenter of a depth that suits the images.

    Args:
        image_shape: (height, width, M) of an image.
        classes: how many there are, with the background.
        head: "lr_aspp" or "deeplab".
        width: multiplies the backbone's channels; above 0 and below 32.
        seed: of the kernels.

    Returns:
        A `Segmenter`. With d the smaller of height and width, the network is that of `digits_segmenter` for d below
        128. From there on there is a row more, (t, c, n, s) = (6, 96, 2, 2), and from d = 256 on another, (6, 160, 2,
        2). LR-ASPP's low map has stride 4, its high map that of the rows, 8, 16 or 32; DeepLab's map has half of it.

    Raises:
        TypeError, ValueError: sizes out of range.

    >>> for side in (64, 256):
    ...     [segmenter_for((side, side, 3), 5, head=head).score_shape((1, side, side, 3)) for head in HEADS]
    [(1, 16, 16, 5), (1, 16, 16, 5)]
    [(1, 64, 64, 5), (1, 16, 16, 5)]
    """
    height, across, channels = of_an_image("segmenter_for", image_shape)
    one_of("segmenter_for", "head", head, HEADS)
    width = real("segmenter_for", "width", width, above=0, below=WIDEST)
    classes = integer("segmenter_for", "classes", classes, 2)
    further = [row for least, row in FURTHER if min(height, across) >= least]
    return _segmenter(head, classes, channels, further, width=width, seed=seed)


def digits_multi_task(*, seed: int = 0, dtype: Any = np.float32) -> MultiTask:
    """The network of the digits in the wild for boxes and masks: `digits_detector` and LR-ASPP on its backbone.

    `seed` is that of the kernels; backbone and detector begin as `digits_detector` does. Both heads take the same two
    maps, 16×16 of 144 channels and 8×8 of 128. Returns a `MultiTask`. Raises TypeError or ValueError as
    `digits_detector`.

    >>> network = digits_multi_task()
    >>> y = network.forward(np.ones((2, 64, 64, 1), np.float32))
    >>> [part.shape for part in network.split(y, (64, 64))]
    [(2, 640, 15), (2, 64, 64, 11)]
    """
    detector = digits_detector(seed=seed, dtype=dtype)
    return multi_task(detector, _lr_aspp(detector.network, CLASSES, seed))


def multi_task_for(
    image_shape: tuple[int, int, int],
    classes: int,
    boxes: Sequence[Array],
    *,
    width: float = 1.0,
    seed: int = 0,
) -> MultiTask:
    """A network for boxes and masks that suits images of one's own.

    Args:
        image_shape, classes, boxes, width, seed: as in `detector_for`, which builds its detector.

    Returns:
        A `MultiTask`, whose LR-ASPP has the same classes as the detector, and the maps that `segmenter_for` tells.

    Raises:
        TypeError, ValueError: sizes out of range, or no box at all.

    >>> network = multi_task_for((64, 80, 3), 3, [np.array([[2.0, 3, 40, 60]])])
    >>> network.detector.classes, network.segmenter.classes
    (3, 3)
    """
    detector = detector_for(image_shape, classes, boxes, width=width, seed=seed)
    return multi_task(detector, _lr_aspp(detector.network, detector.classes, seed))


def _segmenter(
    head: str, classes: int, channels: int, further: Sequence[Row] = (), *, low: str | int | None = LOW,
    width: float = 1.0, seed: int = 0, dtype: Any = np.float32,
) -> Segmenter:  # fmt: skip
    if head == "lr_aspp":
        network = small_network((*ROWS, *further), channels, width=width, seed=seed, dtype=dtype)
        return _lr_aspp(network, classes, seed, low)
    rows, stride = (*NARROW, *further), 4 * 2 ** len(further)
    network = small_network(rows, channels, width=width, output_stride=stride, seed=seed, dtype=dtype)
    return deeplab_v3(network, classes, rates=RATES, filters=FILTERS[head], seed=_of_the_head(seed))


def _lr_aspp(network: MobileNet, classes: int, seed: int, low: str | int | None = LOW) -> Segmenter:
    return lr_aspp(network, classes, FILTERS["lr_aspp"], low=low, high=HIGH, seed=_of_the_head(seed))


def _of_the_head(seed: int) -> np.random.Generator:
    """A generator of its own, so that the backbone is the same whatever the head is, and beside a detector's heads."""
    return np.random.default_rng([seed, 2])
