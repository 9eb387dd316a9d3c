"""Segmentation of test images: truth, prediction and errors, the IoU of each class, and what coarse maps can say."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Rectangle

from ..data import Photograph, load_photograph, path
from ..kernels.arguments import array_of, instance, integers, shown as shown_value
from ..kernels.geometry import Array
from ..models import MultiTask, Segmenter, read_network
from ..segmentation import confusion_matrix, intersection_over_union_of
from ..text import counted, listed, shape_text
from ..training import SegmentationTask, digits_in_the_wild
from ..training.segmentation import at_once
from ..training.segmentation_heads.averages import averaged_masks
from .figure import Figure, drawn_by, four_part_caption
from .parts.box_pictures import BoxPicture, headed, share_text
from .parts.drawing import INK, SMALL, shade, text_width
from .parts.layout import Drawing, Page, column, grid, note, row, title
from .parts.segments import areas, draw_outlines, label_areas, tint_of, tinted
from .parts.stages import words_from

NAME = "segmentation"
FILE = "both_digits.npz"
IMAGES = 200  # of the digits in the wild
MOST_SHOWN, MOST_CLASSES, MOST_STRIDES = 4, 24, 3
IGNORED = 255
PICTURE, LEAST = 1.4, 0.6  # inches of a picture's longer side, at the most and at least
BAR = 1.25  # inches of an IoU of 1
COLUMNS = ("image", "truth", "prediction", "error")
OUTLINE = 0.55  # of a line's width in a segmented picture
PALE = 0.25  # strength of the image under errors
KINDS = {  # of errors: the words, the fill, the hatching
    "missed": ("missed: predicted background", "#FFFFFF", "//////"),
    "false": ("false alarm: truth is background", INK, None),
    "other": ("another class", "#999999", "xxxxxx"),  # of no class's hue
    "ignored": ("ignored", "#BBBBBB", None),
}


@dataclass(frozen=True)
class Segmentation:
    """Images with truths and predictions, and what is drawn of them."""

    images: Array  # (n, H, W, C)
    masks: Array  # (n, H, W) of int64
    predicted: Array  # (n, H, W) of int64
    names: Sequence[str]
    shown: Sequence[int]
    strides: Sequence[int]
    photograph: Photograph | None  # behind the digits
    data: str  # what is said of the images
    by: str  # what is said of the predictions

    @property
    def classes(self) -> int:
        """With the background."""
        return len(self.names)

    @cached_property
    def matrix(self) -> Array:
        """The confusion matrix of all images, rows truth."""
        return confusion_matrix(self.masks, self.predicted, self.classes)

    @cached_property
    def iou(self) -> list[float | None]:
        """The IoU of each class, None where it is in no image."""
        return [None if np.isnan(each) else each for each in intersection_over_union_of(self.matrix).tolist()]

    @property
    def mean(self) -> float:
        """Over the classes that there are."""
        return float(np.mean([each for each in self.iou if each is not None]))

    def errors(self, n: int) -> dict[str, Array]:
        """The pixels of each kind of error in an image, (H, W)."""
        truth, predicted = self.masks[n], self.predicted[n]
        ignored = truth == IGNORED
        wrong = (truth != predicted) & ~ignored
        return {
            "missed": wrong & (predicted == 0),
            "false": wrong & (truth == 0),
            "other": wrong & (truth > 0) & (predicted > 0),
            "ignored": ignored,
        }

    @cached_property
    def averages(self) -> dict[int, tuple[float, Array]]:
        """By stride the mean IoU of masks made of averages of the truth, and that of the first image shown."""
        found = {}
        for stride in self.strides:
            parts = [self.masks[part] for part in at_once(self.masks)]
            made = np.concatenate([averaged_masks(part, self.classes, stride) for part in parts])
            iou = intersection_over_union_of(confusion_matrix(self.masks, made, self.classes))
            found[stride] = float(np.nanmean(iou)), made[self.shown[0]]
        return found


def segmentation(
    *,
    network: Segmenter | MultiTask | None = None,
    images: Array | None = None,
    masks: Array | None = None,
    predicted: Array | None = None,
    names: Sequence[str] | None = None,
    shown: Sequence[int] = (0, 1, 2),
    cells: Sequence[int] = (2, 4, 8),
    data: str = "given by the caller",
) -> Figure:
    """Test images with truth, prediction and errors, the IoU of each class, and masks made of averages of the truth.

    Args:
        network: a segmenter, or one joined with a detector, where `predicted` is not given; the one that ships, trained
            on digits in the wild, if None.
        images: (n, H, W, C) with C = 1 or 3, given with `masks`; the 200 test images of
            `npconv.training.digits_in_the_wild` if None.
        masks: (n, H, W), the class of each pixel, 0 the background; 255 is ignored.
        predicted: (n, H, W), likewise, without 255.
        names: of the classes from 0 on; the digits for the images that ship.
        shown: the numbers of the images that are drawn, from 0; four at the most.
        cells: the sides, in pixels, of the cells over which the truth is averaged; three at the most, or none.
        data: what is said of images that are given, as "photographs of …".

    Returns:
        Figure "segmentation", a PNG. Its data: the confusion matrix of all images, the IoU of each class and their
        mean, the number of pixels of each kind of error in the images that are drawn, and the mean IoU by stride.

    Raises:
        TypeError, ValueError: arguments of another kind than these, masks of another size than the images, a class
            beyond `names`, a cell that does not divide the images' sides.
        OSError: the network that ships is missing.

    Source: `npconv.segmentation.intersection_over_union`.

    >>> truth = np.repeat(np.arange(16)[:, np.newaxis] // 8, 24, axis=1)[np.newaxis]
    >>> figure = segmentation(
    ...     images=np.zeros((1, 16, 24, 1)), masks=truth, predicted=0 * truth, names=("floor", "wall"), shown=(0,)
    ... )
    >>> figure.data["IoU"], figure.data["mean IoU"], figure.data["shown"][0]["missed"]
    ([0.5, 0.0], 0.25, 192)
    """
    run = _run(network, images, masks, predicted, names, shown, cells, data)
    with drawn_by(NAME, images=run.images):
        figure = _draw(run)
    return Figure(
        name="segmentation",
        figure=figure,
        data={
            "photograph": run.photograph and {"source": run.photograph.source, "synthetic": run.photograph.synthetic},
            "data": run.data,
            "images": list(run.images.shape),
            "network": run.by,
            "names": list(run.names),
            "matrix": run.matrix.tolist(),
            "IoU": run.iou,
            "mean IoU": run.mean,
            "shown": [
                {"image": n} | {kind: int(wrong.sum()) for kind, wrong in run.errors(n).items()} for n in run.shown
            ],
            "averages": [{"stride": stride, "mean IoU": mean} for stride, (mean, _) in run.averages.items()],
        },
        alt=_alt(run),
        caption=_caption(run),
        format="png",
    )


def _run(
    network: Any, images: Any, masks: Any, predicted: Any, names: Any, shown: Any, cells: Any, data: str
) -> Segmentation:
    """Segment the images, where that is not given."""
    if (images is None) != (masks is None):
        raise ValueError(f"{NAME}: masks must be given with images, and only with them")
    if predicted is not None and (images is None or network is not None):
        raise ValueError(f"{NAME}: predicted must be given with images and masks, and without a network")
    data, by, photograph = words_from(NAME, "data", data), "given by the caller", None
    if images is None:
        photograph = load_photograph()
        task = SegmentationTask.of(digits_in_the_wild(train=1, test=IMAGES, photograph=photograph))
        images, masks = task.x_test, task.masks_test
        names = ["background", *map(str, range(10))] if names is None else names
        data = f"{counted('test image', IMAGES)}, {task.description}"
    _check_images(images)
    masks = _mask("masks", masks, images)
    if predicted is None:
        by = "the network that ships" if network is None else "a network given by the caller"
        network = read_network(path(FILE)) if network is None else network
        instance(NAME, "network", network, Segmenter, MultiTask)
        segmenter = network.segmenter if isinstance(network, MultiTask) else network
        predicted = np.concatenate([segmenter.segment(images[part].astype(np.float64)) for part in at_once(images)])
    predicted = _mask("predicted", predicted, images)
    most = int(max(masks[masks != IGNORED].max(initial=0), predicted.max()))
    names = [f"class {label}" for label in range(most + 1)] if names is None else names
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) and 0 < len(name) <= 20 for name in names):
        raise TypeError(f"{NAME}: names must be a tuple of words of at most 20 letters; got {shown_value(names)}")
    if not most < len(names) <= MOST_CLASSES:
        raise ValueError(
            f"{NAME}: names must be one for each class, {most + 1} to {MOST_CLASSES} of them; got {len(names)}"
        )
    chosen, strides = integers(NAME, "shown", shown, 0, len(images) - 1), integers(NAME, "cells", cells)
    if not 1 <= len(chosen) <= MOST_SHOWN:
        raise ValueError(f"{NAME}: shown must be 1 to {MOST_SHOWN} images; got {shown_value(shown)}")
    if len(strides) > MOST_STRIDES or any(side % cell for cell in strides for side in images.shape[1:3]):
        raise ValueError(
            f"{NAME}: cells must be at most {MOST_STRIDES} sides that divide the images' sides; "
            f"got {shown_value(cells)}, images {images.shape}"
        )
    return Segmentation(images, masks, predicted, names, chosen, strides, photograph, data, by)


def _check_images(images: Any) -> None:
    array_of(NAME, "images", images, "iuf")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size or not np.isfinite(images).all():
        raise ValueError(
            f"{NAME}: images must be (n, H, W, C), of finite numbers, C = 1 or 3; got images {images.shape}"
        )


def _mask(name: str, given: Any, images: Array) -> Array:
    """Masks of the images' size, in int64."""
    array_of(NAME, name, given, "iu")
    if given.shape != images.shape[:3]:
        raise ValueError(
            f"{NAME}: {name} must be (n, H, W), as images are; got {name} {given.shape}, images {images.shape}"
        )
    mask: Array = given.astype(np.int64)
    if mask.min() < 0 or (name == "predicted" and mask.max() == IGNORED):
        raise ValueError(f"{NAME}: {name} must be classes from 0 on; got {mask.min()} to {mask.max()}")
    return mask


# How it is drawn


def _draw(run: Segmentation) -> matplotlib.figure.Figure:
    """The pictures as large as there is room, at most `PICTURE` inches."""
    page = Page()
    return page.finish(page.fitted(lambda side: _page(page, run, side), PICTURE, least=LEAST)[0])


def _page(page: Page, run: Segmentation, side: float) -> OffsetBox:
    """The pictures beside the IoUs, and below them the masks made of averages."""
    inches = side / max(run.images.shape[1:3])
    heads: list[OffsetBox | None] = [title(words) for words in COLUMNS]
    lines = [heads, *(_pictures(run, n, inches) for n in run.shown)]
    pictures = grid(lines, gaps=(0.1, 0.08), across="left")
    about = f"in all {len(run.images)} images, from one confusion matrix"
    bars = headed("IoU by class", about, _bars(run, page.size(pictures)[1] - 0.5), width=2.0)
    upper = column(row(pictures, bars, gap=0.3, align="top"), _legend(run), gap=0.1, align="left")
    return column(upper, _coarse(run, inches), gap=0.18, align="left")


def _grey(run: Segmentation, n: int) -> Array:
    """An image as bytes of three channels, from its darkest to its lightest value."""
    pixels = run.images[n].astype(np.float64)
    low, high = pixels.min(), pixels.max()
    levels = ((pixels - low) / ((high - low) or 1.0) * 255 + 0.5).astype(np.uint8)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _pictures(run: Segmentation, n: int, inches: float) -> list[OffsetBox | None]:
    """An image, its truth, its prediction and its errors."""
    return [
        BoxPicture(f"image-{n}", _grey(run, n), inches),
        _segmented(run, f"truth-{n}", n, run.masks[n], inches),
        _segmented(run, f"prediction-{n}", n, run.predicted[n], inches),
        _wrong(run, n, inches),
    ]


def _segmented(run: Segmentation, name: str, n: int, mask: Array, inches: float) -> BoxPicture:
    """An image with a mask's classes, and their names; what is ignored is left as it is."""
    labels = [label for label in np.unique(mask).tolist() if 0 < label < run.classes]
    picture = BoxPicture(name, tinted(_grey(run, n), mask, labels), inches)
    draw_outlines(picture, f"{name}-outlines", mask, inches, OUTLINE)
    found = areas(mask, labels, max(4, mask.size // 200))
    label_areas(picture, mask, found, [run.names[area.label] for area in found])
    return picture


def _wrong(run: Segmentation, n: int, inches: float) -> BoxPicture:
    """The pixels of an image where prediction and truth differ, by kind, on the pale image."""
    pale = 255 - (PALE * (255 - _grey(run, n).astype(np.float64)))
    picture = BoxPicture(f"error-{n}", pale.astype(np.uint8), inches)
    for kind, wrong in run.errors(n).items():
        if wrong.any():
            _, fill, hatch = KINDS[kind]
            corners: Any = np.array(_runs(wrong)) * np.array([inches, -inches])
            pixels = PolyCollection(corners, facecolors=fill, edgecolors=INK, linewidths=0.3, hatch=hatch)
            pixels.set(gid=f"error-{n}-{kind}", clip_on=False, zorder=1.6)
            picture.add(pixels)
    return picture


def _runs(wrong: Array) -> list[list[tuple[int, int]]]:
    """The corners (x, y) of the runs of True in each row.

    >>> _runs(np.array([[False, True, True]]))
    [[(1, 0), (3, 0), (3, 1), (1, 1)]]
    """
    steps = np.diff(np.pad(wrong.astype(np.int64), ((0, 0), (1, 1))), axis=1)  # 1 where a run begins, −1 at its end
    begins, ends = np.argwhere(steps == 1).tolist(), np.argwhere(steps == -1).tolist()
    return [
        [(left, top), (right, top), (right, top + 1), (left, top + 1)]
        for (top, left), (_, right) in zip(begins, ends, strict=True)
    ]


def _legend(run: Segmentation) -> OffsetBox:
    """The kinds of errors that there are."""
    present = [kind for kind in KINDS if any(run.errors(n)[kind].any() for n in run.shown)]
    samples: list[OffsetBox | None] = [note("error:" if present else "no errors in these images")]
    for kind in present:
        words, fill, hatch = KINDS[kind]
        sample = Drawing()
        look: dict[str, Any] = {"facecolor": fill, "edgecolor": INK, "linewidth": 0.5, "hatch": hatch}
        sample.add(Rectangle((0, 0), 0.26, 0.13, gid=f"legend-{kind}", **look))
        samples.append(row(sample, note(words), gap=0.06))
    return row(*samples, gap=0.2)


def _bars(run: Segmentation, height: float) -> Drawing:
    """A bar for the IoU of each class, in a frame up to 1, and a line at their mean."""
    bars, step = Drawing(), min(0.27, max(0.15, height / (run.classes + 1)))
    left = max(text_width(name, SMALL) for name in run.names) + 0.08
    for label, (name, iou) in enumerate(zip(run.names, run.iou, strict=True)):
        low = -(label + 1) * step + 0.02
        tall = step - 0.05
        bars.text(left - 0.06, low + tall / 2, name, size=SMALL, across="right")
        bars.add(Rectangle((left, low), BAR, tall, facecolor="none", edgecolor=INK, linewidth=0.5))
        if iou is None:
            bars.text(left + BAR + 0.06, low + tall / 2, "in no image", size=SMALL, across="left")
            continue
        fill = shade(tint_of(label), 0.75) if label else "#FFFFFF"
        look: dict[str, Any] = {"facecolor": fill, "edgecolor": INK, "linewidth": 0.8}
        bars.add(Rectangle((left, low), BAR * iou, tall, gid=f"iou-{label}", **look))
        bars.text(left + BAR + 0.06, low + tall / 2, share_text(iou), size=SMALL, across="left")
    bottom = -run.classes * step - 0.03
    at = left + BAR * run.mean
    bars.line([(at, 0.02), (at, bottom)], dotted=True, width=1.2)
    bars.text(at, bottom - 0.04, f"mean {share_text(run.mean)}", size=SMALL, weight="bold", along="top")
    return bars


def _coarse(run: Segmentation, inches: float) -> OffsetBox | None:
    """The masks that averages of the truth give, by stride."""
    if not run.averages:
        return None
    pictures = [
        column(
            note(f"stride {stride}: mean IoU {share_text(mean)}"),
            _segmented(run, f"average-{stride}", run.shown[0], mask, inches), gap=0.05, align="left",
        )
        for stride, (mean, mask) in run.averages.items()
    ]  # fmt: skip
    words = (
        "The share of each class in each cell of so many pixels, resized bilinearly to the image; the class with the "
        "greatest share wins. Strokes that are thinner than a cell vanish. A network's scores may be other numbers "
        f"than shares, so this is no bound. Drawn: image {run.shown[0]}; means: all images."
    )
    about = headed("the truth, from a coarse map", words, width=2.6)
    return row(about, *pictures, gap=0.25, align="top")


def _wrong_share(run: Segmentation) -> float:
    """The share of all pixels that are predicted wrong, of those that count."""
    counted_pixels = int(run.matrix.sum())
    return 1 - int(np.trace(run.matrix)) / counted_pixels if counted_pixels else 0.0


def _alt(run: Segmentation) -> str:
    def told(n: int) -> str:
        inside = sorted({run.names[label] for label in np.unique(run.masks[n]).tolist() if 0 < label < run.classes})
        errors = {kind: int(wrong.sum()) for kind, wrong in run.errors(n).items()}
        return (
            f"image {n} with {listed(inside or ['background alone'])}: {errors['missed']} pixels missed, "
            f"{errors['false']} false alarms, {errors['other']} of another class"
        )

    ious = ", ".join(
        f"{name} {'in no image' if iou is None else share_text(iou)}"
        for name, iou in zip(run.names, run.iou, strict=True)
    )
    coarse = ", ".join(f"{share_text(mean)} at stride {stride}" for stride, (mean, _) in run.averages.items())
    rest = f" Below, masks made of averages of the truth, with mean IoUs of {coarse}." if coarse else ""
    return (
        f"{counted('image', len(run.shown)).capitalize()}, each with its truth, its prediction and the pixels in which "
        f"they differ: {'; '.join(map(told, run.shown))}. Right, a bar for the IoU of each class: {ious}; mean "
        f"{share_text(run.mean)}.{rest}"
    )


def _caption(run: Segmentation) -> str:
    coarse = listed([f"{share_text(mean)} at stride {stride}" for stride, (mean, _) in run.averages.items()] or [""])
    averages = f" Averages of the truth, resized, have a mean IoU of {coarse}." if run.averages else ""
    kept = shape_text(run.images.shape[1:3])
    return four_part_caption(
        claim=(
            f"The mean IoU weighs every class alike, small ones too: it is {run.mean:.4f}, where "
            f"{100 * _wrong_share(run):.1f} % of the pixels are wrong.{averages}"
        ),
        computed=(
            "npconv.segmentation.confusion_matrix over all images, and intersection_over_union_of it; images: "
            f"{run.data}; predictions: {run.by}."
        ),
        scale=[
            f"All pictures have one scale, {kept} pixels",
            "bars are framed from 0 to 1",
            "hue is the class, whose name stands on it or beside it",
        ],
        not_shown=["how sure the network is", "the other images" if len(run.shown) < len(run.images) else ""],
    )
