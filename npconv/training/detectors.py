"""Detectors on small MobileNetV2s: that of the digits in the wild, and one that suits images and boxes of one's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..detection import DefaultBoxes
from ..kernels.arguments import array_of, instance, integer, pair, real
from ..kernels.geometry import Array, Pair
from ..models import MobileNet, Row, mobilenet_v2
from ..models.small import FEW_STEPS
from ..models.ssdlite import SSDLite, ssdlite
from .tasks import of_an_image

ROWS = (Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 32, 2, 2), Row(6, 64, 2, 1))  # to a stride of 8, with the stem's 2
FURTHER = ((128, Row(6, 96, 2, 2)), (256, Row(6, 160, 2, 2)))  # from this many pixels a side on, with an extra layer
STEM, LAST, EXTRA = 16, 128, 128  # channels
LAST_STRIDE = 8  # of the smallest detector: no image may be smaller
WIDEST, MOST_MAPS = 32, 100
DIGITS_BOXES = DefaultBoxes((((0.18, 0.6), (0.24, 0.6)), ((0.30, 0.6), (0.38, 0.6))), relative_to="shorter")


def digits_detector(
    *, heads: str = "separable", first: str | int | None = None, seed: int = 0, dtype: Any = np.float32
) -> SSDLite:
    """The detector of the digits in the wild: SSDLite on a small MobileNetV2, with two maps and 640 default boxes.

    Args:
        heads: "separable", SSDLite's, or "full", SSD's.
        first: the layer of the first map; None is the paper's, the expansion inside the last block of stride 2,
            "block_4.expand_relu6", 16×16 of 144 channels.
        seed: of the kernels; those of the backbone are the same for all heads and maps.
        dtype: of the parameters.

    Returns:
        An `SSDLite` with 11 classes. The second map is the network's last layer, 8×8 of 128 channels. There are two
        boxes in a cell, of the scales 0.18 and 0.24 in the first map, 0.30 and 0.38 in the second, 0.6 as wide as high.

    Raises:
        TypeError, ValueError: as `npconv.models.ssdlite`.

    >>> digits_detector().forward(np.ones((2, 64, 64, 1), np.float32)).shape
    (2, 640, 15)
    """
    return _detector(11, 1, ROWS, DIGITS_BOXES, heads=heads, first=first, seed=seed, dtype=dtype)


def detector_for(
    image_shape: tuple[int, int, int],
    classes: int,
    boxes: Sequence[Array],
    *,
    width: float = 1.0,
    seed: int = 0,
) -> SSDLite:
    """A detector of a depth that suits the images, with default boxes that suit their objects.

    Args:
        image_shape: (height, width, M) of an image.
        classes: how many there are, with the background.
        boxes: for each training image its objects' boxes, (m, 4), to which `fitted_boxes` fits the default ones.
        width: multiplies the backbone's channels; above 0 and below 32.
        seed: of the kernels.

    Returns:
        An `SSDLite`. With d the smaller of height and width, the network is that of `digits_detector`, of stride 8, for
        d below 128. From there on there are a row more, (t, c, n, s) = (6, 96, 2, 2), and an extra layer of 128
        channels; from d = 256 on another row, (6, 160, 2, 2), and another extra layer. The first map is the paper's.

    Raises:
        TypeError, ValueError: sizes out of range, or no box at all.

    >>> boxes = [np.array([[2.0, 3, 40, 60]]), np.array([[10.0, 50, 90, 90], [0, 0, 30, 30]])]
    >>> [detector_for((side, side, 3), 3, boxes).map_sizes((side, side)) for side in (64, 128)]
    [[(16, 16), (8, 8)], [(16, 16), (8, 8), (4, 4)]]
    """
    height, across, channels = of_an_image("detector_for", image_shape)
    width = real("detector_for", "width", width, above=0, below=WIDEST)
    classes = integer("detector_for", "classes", classes, 2)
    further = [row for least, row in FURTHER if min(height, across) >= least]
    maps = 2 + len(further)
    fitted = fitted_boxes(boxes, (height, across), maps)
    extras = (EXTRA,) * len(further)
    return _detector(classes, channels, (*ROWS, *further), fitted, width=width, extras=extras, seed=seed)


def fitted_boxes(boxes: Sequence[Array], image_size: Pair, maps: int) -> DefaultBoxes:
    """Default boxes, two in a cell of each map, that fit given boxes.

    All boxes are sorted by size, √(height · width), and cut into 2 · maps parts, as nearly of equal number as that
    goes. Each part gives a default box: the median of its sizes as the scale, a share of the image's shorter side, and
    the median of its ratios, width over height, both rounded to three digits after the point. The smallest are the
    first map's. With fewer boxes than parts some parts are alike.

    Raises ValueError where there is no box, or one without area.

    >>> squares = [np.array([[0.0, 0, side, side]]) for side in range(10, 50, 10)]
    >>> fitted_boxes(squares, (100, 100), 1).cells
    (((0.15, 1.0), (0.35, 1.0)),)
    """
    height, across = pair("fitted_boxes", "image_size", image_size)
    maps = integer("fitted_boxes", "maps", maps, most=MOST_MAPS)
    instance("fitted_boxes", "boxes", boxes, list, tuple)
    for number, a in enumerate(boxes):
        array_of("fitted_boxes", f"boxes[{number}]", a, "iuf")
        if a.ndim != 2 or a.shape[1] != 4:
            raise ValueError(f"fitted_boxes: boxes[{number}] must be (m, 4); got {a.shape}")
    every = np.concatenate([np.zeros((0, 4)), *boxes])
    heights, widths = (every[:, axis + 2] - every[:, axis] for axis in (0, 1))
    if not len(every) or min(heights.min(), widths.min()) <= 0:
        raise ValueError(f"fitted_boxes: boxes must be one or more, each with an area; got {len(every)} boxes")
    order = np.argsort(heights * widths, kind="stable")
    scales, ratios = np.sqrt(heights * widths)[order] / min(height, across), (widths / heights)[order]
    ends = np.arange(2 * maps + 1, dtype=np.int64) * len(order) / (2 * maps)
    cells = [
        (_median(scales[start:end]), _median(ratios[start:end]))
        for start, end in zip(np.floor(ends[:-1]).astype(np.int64), np.ceil(ends[1:]).astype(np.int64), strict=True)
    ]
    return DefaultBoxes(tuple((cells[i], cells[i + 1]) for i in range(0, 2 * maps, 2)), relative_to="shorter")


def _median(values: Array) -> float:
    return max(0.001, round(float(np.median(values)), 3))


def _detector(
    classes: int, channels: int, rows: Sequence[Row], boxes: DefaultBoxes, *, width: float = 1.0,
    heads: str = "separable", first: str | int | None = None, extras: Sequence[int] = (), seed: int = 0,
    dtype: Any = np.float32,
) -> SSDLite:  # fmt: skip
    network = small_network(rows, channels, width=width, seed=seed, dtype=dtype)
    rng = np.random.default_rng([seed, 1])  # of its own, so that the backbone is the same whatever the heads are
    return ssdlite(network, classes, first=first, extras=extras, heads=heads, boxes=boxes, seed=rng)


def small_network(
    rows: Sequence[Row], channels: int, *, width: float = 1.0, output_stride: int | None = None, seed: int = 0,
    dtype: Any = np.float32,
) -> MobileNet:  # fmt: skip
    """The backbone of detectors and segmenters: a MobileNetV2 of these rows, for images of so many channels."""
    return mobilenet_v2(
        width, rows=rows, in_channels=channels, stem_channels=STEM, last_channels=LAST, batch_norm=FEW_STEPS,
        output_stride=output_stride, seed=seed, dtype=dtype,
    )  # fmt: skip
