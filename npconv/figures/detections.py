"""Detections on a test image, and the precision-recall curve of a class with each step of its average precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox

from ..data import Photograph, load_photograph, path
from ..detection.average_precision import checked_images
from ..kernels.arguments import array_of, instance, integer, is_int, real, shown as shown_value
from ..kernels.geometry import Array
from ..models import SSDLite, read_network
from ..text import counted, listed
from ..training import digits_in_the_wild
from .figure import Figure, drawn_by, four_part_caption
from .parts.box_pictures import FOUND, TRUTH, BoxPicture, headed, share_text
from .parts.drawing import INK, LINE_COLORS, ROLES, SMALL
from .parts.layout import Drawing, Grid, Page, column, note, row, text, title
from .parts.lines import wrapped
from .parts.precision import Curve, Points, curve_of, false_alarms
from .parts.stages import words_from
from .parts.tables import table

NAME = "detections"
FILE = "ssdlite_digits.npz"
IMAGES = 24  # of the digits in the wild
LEAST_SCORE = 0.3  # of detections that are drawn on the image
SIDE = 3.2  # inches of the image's longer side, and of the plot
MOST_DRAWN = 12
MOST_ROWS = 24  # of the table
HEADINGS = ("rank", "score", "", "IoU", "recall", "precision", "greatest from here on", "recalls reached")
BLUE, GREEN = LINE_COLORS[0], LINE_COLORS[2]


@dataclass(frozen=True)
class Detections:
    """Images with truths and detections, the image that is drawn, and the curve of a class."""

    images: Array  # (n, H, W, C)
    truths: Sequence[tuple[Array, ...]]
    found: Sequence[tuple[Array, ...]]
    shown: int
    curve: Curve
    threshold: float
    names: Sequence[str]
    photograph: Photograph | None  # behind the digits
    data: str  # what is said of the images
    by: str  # what is said of the detections

    def name(self, label: int) -> str:
        """The name of a label."""
        return self.names[label - 1] if label <= len(self.names) else f"class {label}"

    @property
    def drawn(self) -> list[int]:
        """The detections that are drawn on the image, by falling score."""
        scores = self.found[self.shown][1]
        order = np.argsort(-scores, kind="stable").tolist()
        return [i for i in order if scores[i] >= LEAST_SCORE][:MOST_DRAWN]


def detections(
    *,
    network: SSDLite | None = None,
    images: Array | None = None,
    truths: Sequence[tuple[Array, Array]] | None = None,
    found: Sequence[tuple[Array, Array, Array]] | None = None,
    shown: int | None = None,
    label: int | None = None,
    threshold: float = 0.5,
    points: Points = 101,
    names: Sequence[str] | None = None,
    data: str = "given by the caller",
) -> Figure:
    """A test image with truths and detections, and a class's precision-recall curve with each step of its AP.

    Args:
        network: the detector, where `found` is not given; the one that ships, trained on digits in the wild, if None.
        images: (n, H, W, C) with C = 1 or 3, given with `truths`; the first 24 test images of
            `npconv.training.digits_in_the_wild` if None.
        truths, found: as in `npconv.detection.mean_average_precision`, one of each for an image.
        shown: the number of the image that is drawn, from 0; the first one with the class if None.
        label: the class of the curve; if None, of those that can be drawn the one with the most different precisions.
        threshold: the IoU from which on a detection is a hit.
        points: as in `npconv.detection.average_precision`.
        names: of the labels, from 1; the digits for the images that ship.
        data: what is said of images that are given, as "photographs of …".

    Returns:
        Figure "detections", a PNG. Its data: the image with its truths and detections; the class with the hits and
        scores of its detections, the fractions of the curve, how many recalls each hit reaches, and the average
        precision as a fraction.

    Raises:
        TypeError, ValueError: arguments of another kind than these; a class without truths, or with more steps than can
            be drawn.
        OSError: the network that ships is missing.

    Source: `npconv.detection.average_precision`.

    >>> one, two = np.array([[2, 2, 9, 9]]), np.array([[2, 2, 9, 9], [0, 0, 3, 3]])
    >>> figure = detections(
    ...     images=np.zeros((1, 16, 16, 1)),
    ...     truths=[(one, np.array([1]))],
    ...     found=[(two, np.array([0.5, 0.9]), np.array([1, 1]))],
    ... )
    >>> figure.data["average precision"], figure.data["hits"]
    ('1/2', [False, True])
    """
    run = _run(network, images, truths, found, shown, label, threshold, points, names, data)
    with drawn_by(NAME, images=run.images):
        figure = _draw(run)
    return Figure(
        name="detections",
        figure=figure,
        data=_data(run),
        alt=_alt(run),
        caption=_caption(run),
        format="png",
    )


def _data(run: Detections) -> dict[str, Any]:
    """The numbers that are drawn, as plain JSON."""
    curve, (boxes, labels) = run.curve, run.truths[run.shown]
    found_boxes, scores, found_labels = (part[run.drawn].tolist() for part in run.found[run.shown])
    return {
        "photograph": run.photograph and {"source": run.photograph.source, "synthetic": run.photograph.synthetic},
        "data": run.data,
        "images": list(run.images.shape),
        "detector": run.by,
        "threshold": run.threshold,
        "shown": run.shown,
        "truths": {"boxes": boxes.tolist(), "labels": labels.tolist()},
        "found": {"boxes": found_boxes, "scores": scores, "labels": found_labels},
        "label": curve.label,
        "truths of the class": curve.truths,
        "hits": curve.found.tolist(),
        "scores": curve.scores.tolist(),
        "recall": [str(each) for each in curve.recall],
        "precision": [str(each) for each in curve.precision],
        "greatest precision": [str(each) for each in curve.envelope],
        "recalls reached": [hit.points for hit in curve.hits],
        "divisor": curve.divisor,
        "average precision": str(curve.average),
    }


def _run(
    network: Any, images: Any, truths: Any, found: Any, shown: Any, label: Any, threshold: float, points: Any,
    names: Any, data: str,
) -> Detections:  # fmt: skip
    """Detect, where that is not given, and find the curve."""
    threshold = real(NAME, "threshold", threshold, above=0, most=1)
    if points is not None and not (is_int(points) and points in (101, 11)):
        raise ValueError(f"{NAME}: points must be 101, 11 or None; got {shown_value(points)}")
    if (images is None) != (truths is None):
        raise ValueError(f"{NAME}: truths must be given with images, and only with them")
    if found is not None and (images is None or network is not None):
        raise ValueError(f"{NAME}: found must be given with images and truths, and without a network")
    data, by, photograph = words_from(NAME, "data", data), "given by the caller", None
    if images is None:
        photograph = load_photograph()
        task = digits_in_the_wild(train=1, test=IMAGES, photograph=photograph)
        images, truths = task.x_test, list(zip(task.boxes_test, task.labels_test, strict=True))
        names = [f"digit {digit}" for digit in range(10)] if names is None else names
        data = f"{counted('test image', IMAGES)}, {task.description}"
    _check_images(images)
    if found is None:
        by = "those of the network that ships" if network is None else "those of a network given by the caller"
        network = read_network(path(FILE)) if network is None else network
        instance(NAME, "network", network, SSDLite)
        found = [tuple(each) for each in network.detect(images.astype(np.float64))]
    truths, found = checked_images(NAME, "truths", truths, 2), checked_images(NAME, "found", found, 3)
    for name, given in (("truths", truths), ("found", found)):
        if len(given) != len(images):
            raise ValueError(f"{NAME}: {name} must be one for each of {len(images)} images; got {len(given)}")
    curve = _curve(truths, found, label, threshold, points)
    if shown is None:
        shown = next(i for i, (_, labels) in enumerate(truths) if curve.label in labels)
    shown = integer(NAME, "shown", shown, 0, len(images) - 1)
    return Detections(images, truths, found, shown, curve, threshold, _names(names), photograph, data, by)


def _check_images(images: Any) -> None:
    array_of(NAME, "images", images, "iuf")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size or not np.isfinite(images).all():
        raise ValueError(
            f"{NAME}: images must be (n, H, W, C), of finite numbers, C = 1 or 3; got images {images.shape}"
        )


def _names(given: Any) -> Sequence[str]:
    """The names of the labels, none where none are given."""
    if given is None:
        return ()
    if not isinstance(given, tuple | list) or not all(isinstance(name, str) and 0 < len(name) <= 20 for name in given):
        raise TypeError(f"{NAME}: names must be a tuple of words of at most 20 letters; got {shown_value(given)}")
    return given


def _curve(truths: Any, found: Any, label: Any, threshold: float, points: Points) -> Curve:
    """The curve of the class that is asked for, or of the one with the most terms of those that fit."""
    labels = sorted({int(each) for _, own in truths for each in own})
    if label is not None and integer(NAME, "label", label) not in labels:
        raise ValueError(f"{NAME}: label must be one of those in truths, {listed(labels)}; got {label}")
    if not labels:
        raise ValueError(f"{NAME}: truths must have at least one box; got none in {counted('image', len(truths))}")
    curves = [curve_of(each, truths, found, threshold, points) for each in (labels if label is None else [int(label)])]
    curves = [curve for curve in curves if curve.rows <= MOST_ROWS]
    if not curves:
        raise ValueError(f"{NAME}: truths must have a class with at most {MOST_ROWS} steps to draw; give fewer images")
    return max(curves, key=lambda curve: (len(curve.terms), curve.rows))


# How it is drawn


def _draw(run: Detections) -> matplotlib.figure.Figure:
    """The image beside the curve, and below them the steps."""
    page, curve = Page(), run.curve
    name = run.name(curve.label)
    solid = f"solid: truths; dashed: detections with a score\nof at least {LEAST_SCORE:g}"
    image = headed(f"image {run.shown} of {len(run.images)}, counted from 0", solid, _picture(run))
    ticks = f"; ticks: the {curve.points} recalls" if curve.points else ""
    words = (
        f"filled: a truth found, IoU at least {run.threshold:g}; hollow: a false alarm;\n"
        f"thick: the greatest precision from there on{ticks}"
    )
    plot = headed(f"{name} in all images: precision and recall", words, _plot(curve))
    count = f"{counted('hit', len(curve.hits))} among {counted('detection', len(curve.found))}"
    rest = f" The last {false_alarms(curve.later)} change nothing." if curve.later else ""
    if curve.unreached:
        rest = f" {counted('recall', curve.unreached)} without a hit count 0.{rest}"
    sums = [text("\n".join(wrapped(line, 0.85 * page.inner)), align="left") for line in (curve.equation, rest.strip())]
    below = column(_table(page, run), *sums[: 2 if rest else 1], gap=0.07, align="left")
    steps = column(title(f"{name}: from {count} to average precision"), below, align="left")
    return page.finish(column(row(image, plot, gap=0.5, align="top"), steps, gap=0.14, align="left"))


def _picture(run: Detections) -> BoxPicture:
    """The image, its truths, and what was found."""
    pixels = run.images[run.shown].astype(np.float64)
    low, high = pixels.min(), pixels.max()
    pixels = (pixels - low) / ((high - low) or 1.0)
    picture = BoxPicture("image", pixels[..., 0] if pixels.shape[-1] == 1 else pixels, SIDE / max(pixels.shape[:2]))
    (truths, labels), (boxes, scores, found) = run.truths[run.shown], run.found[run.shown]
    for i in reversed(run.drawn):
        picture.box(f"found-{i}", boxes[i], FOUND, style="--")
    for t, box in enumerate(truths):
        picture.box(f"truth-{t}", box, TRUTH)
    for t, box in enumerate(truths):
        picture.label(box, run.name(int(labels[t])), TRUTH)
    for i in run.drawn:
        picture.label(boxes[i], f"{run.name(int(found[i]))} {share_text(scores[i])}", FOUND)
    return picture


def _plot(curve: Curve) -> Drawing:
    """Precision over recall: after each detection, the greatest from there on, and the recalls that are averaged."""
    plot = Drawing()
    for i in range(6):
        at = SIDE * i / 5
        for line in ([(at, 0), (at, -0.05)], [(0, at), (-0.05, at)]):
            plot.line(line)
        number = share_text(i / 5).rstrip("0") or "0"
        plot.text(at, -0.08, number, size=SMALL, along="top")
        plot.text(-0.09, at, number, size=SMALL, across="right")
    plot.line([(0, SIDE), (0, 0), (SIDE, 0)])
    plot.text(SIDE / 2, -0.28, "recall", along="top")
    plot.text(0, SIDE + 0.08, "precision", across="left", along="bottom")
    corners = [(float(r) * SIDE, float(p) * SIDE) for r, p in zip(curve.recall, curve.precision, strict=True)]
    if corners:
        _add_line(plot, "precision", corners, color=ROLES["padding"], linewidth=0.8, zorder=1.6)
    for name, kind, fill in (("hit", True, INK), ("false", False, "white")):
        own = [corner for corner, found in zip(corners, curve.found, strict=True) if found == kind]
        if own:
            dots = {"marker": "o", "markersize": 4, "markerfacecolor": fill, "markeredgewidth": 0.8}
            _add_line(plot, name, own, color=INK, linestyle="none", zorder=2.2 + kind / 10, **dots)
    stairs, averaged, before = [], [], Fraction(0)
    for hit in curve.hits:
        stairs += [(float(recall) * SIDE, float(hit.greatest) * SIDE) for recall in (before, hit.recall)]
        before = hit.recall
    if stairs:
        _add_line(plot, "envelope", [*stairs, (stairs[-1][0], 0)], color=BLUE, linewidth=2, zorder=2)
    heights = [hit.greatest for hit in curve.hits for _ in range(hit.points)] + [Fraction(0)] * curve.unreached
    if curve.points:
        averaged = [(SIDE * k / (len(heights) - 1), float(height) * SIDE) for k, height in enumerate(heights)]
        _add_line(plot, "averaged", averaged, color=GREEN, linestyle="none", marker="|", markersize=6, zorder=2.1)
    return plot


def _add_line(plot: Drawing, name: str, corners: Sequence[tuple[float, float]], **look: Any) -> None:
    xs, ys = zip(*corners, strict=True)
    plot.add(Line2D(xs, ys, clip_on=False, gid=name, **look))


def _table(page: Page, run: Detections) -> Grid:
    """A row for each hit, and one for the false alarms before it."""
    rows: list[list[OffsetBox | None]] = []

    def add(*words: str) -> None:
        rows.append([note(word) if word else None for word in words])

    curve = run.curve
    for n, hit in enumerate(curve.hits, 1):
        if hit.false:
            first, last = hit.rank - hit.false, hit.rank - 1
            ranks = f"{first}" if first == last else f"{first}–{last}"
            add(ranks, share_text(curve.scores[first - 1]), false_alarms(hit.false), "", "", f"{n - 1}/{last}", "", "")
        add(
            f"{hit.rank}",
            share_text(hit.score),
            f"found in image {hit.image}",
            share_text(hit.overlap, run.threshold),
            f"{n}/{curve.truths}",
            f"{n}/{hit.rank}",
            str(hit.greatest),
            str(hit.points),
        )
    reached = f"{curve.divisor - curve.unreached} of {curve.divisor}"
    ends = [text(words, size=SMALL, weight="bold") for words in ("in all", reached)]
    totals = [ends[0], *[None] * (len(HEADINGS) - 2), ends[1]]
    return table(page, HEADINGS, rows, totals, (1, 3, 4, 5, 6, 7), (0.12, 0.04))


def _alt(run: Detections) -> str:
    curve = run.curve
    _, labels = run.truths[run.shown]
    _, scores, found = run.found[run.shown]
    told = [f"{run.name(int(found[i]))} with {share_text(scores[i])}" for i in run.drawn]
    truths = f"{counted('truth', len(labels))}, {listed([run.name(each) for each in labels.tolist()] or ['none'])}"
    return (
        f"Left, an image with {truths}, and with what was found: {', '.join(told) or 'nothing'}. Right, precision over "
        f"recall for {run.name(curve.label)} in {counted('image', len(run.images))}, with "
        f"{counted('hit', len(curve.hits))} among "
        f"{counted('detection', len(curve.found))} of {counted('truth', curve.truths)}, and stairs of the greatest "
        f"precision from each recall on. Below, a table of the steps, and {curve.equation}."
    )


def _caption(run: Detections) -> str:
    curve = run.curve
    kind = f"the mean of that at {curve.divisor} recalls" if curve.points else "the area under that"
    return four_part_caption(
        claim=(
            f"Average precision rewards a detector that scores its hits above its false alarms. By falling score, each "
            f"detection of {run.name(curve.label)} moves the precision; what counts is the greatest precision at a "
            f"recall or above, and {kind} is the average precision, {curve.average}, or {float(curve.average):.4f}."
        ),
        computed=(
            f"npconv.detection.precision_recall and average_precision, for an IoU of at least {run.threshold:g}; "
            f"images: {run.data}; detections: {run.by}."
        ),
        scale=[
            "The image and its boxes have one scale",
            "both axes are linear, from 0 to 1",
            "scores and IoUs are rounded, fractions exact",
        ],
        not_shown=[
            f"detections with a score below {LEAST_SCORE:g}, on the image",
            f"the last {false_alarms(curve.later)}, in the table" if curve.later else "",
            "the other classes and thresholds, over which the mean average precision is the mean",
        ],
    )
