"""Non-maximum suppression on an image: which candidate suppresses which, by their IoU, and what is left."""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import matplotlib.figure
import numpy as np

from ..data import Photograph
from ..detection import iou, non_maximum_suppression as suppress
from ..kernels.arguments import real
from ..kernels.geometry import Array
from ..text import counted, listed
from .figure import Figure, drawn_by, four_part_caption
from .parts.box_pictures import FOUND, KEPT, TRUTH, BoxPicture, CellTable, boxes_from, headed, numbers_from, share_text
from .parts.drawing import FRONT_UNDER_NUMBERS, ROLES, shade
from .parts.layout import Grid, Page, column, grid
from .parts.photograph import photograph_from

NAME = "non_maximum_suppression"
MOST = 12  # candidates
BOXES_ON_HOPPER = (  # the face, three boxes near it, the cap, and the ribbons twice
    (64, 80, 164, 184), (70, 84, 176, 192), (10, 74, 78, 188), (94, 88, 200, 198), (240, 158, 266, 228),
    (243, 162, 266, 228), (64, 80, 114, 184),
)  # fmt: skip
SCORES = (0.95, 0.9, 0.8, 0.75, 0.7, 0.7, 0.6)
HEIGHT, WIDEST = 3.0, 2.7  # inches of a picture, at the most
CELL = (0.5, 0.2)  # inches of a cell of the table


@dataclass(frozen=True)
class Suppression:
    """Candidates by falling score, the IoU of each two, and by whom each was suppressed, or None."""

    photograph: Photograph
    boxes: Array  # (n, 4)
    scores: Array  # (n,)
    order: list[int]  # the candidates' own numbers
    overlaps: Array  # (n, n)
    by: list[int | None]
    threshold: float
    made: str  # what is said of the candidates

    @property
    def kept(self) -> list[int]:
        """The candidates that are left."""
        return [i for i, by in enumerate(self.by) if by is None]

    def compared(self, i: int) -> list[int]:
        """The candidates with which one is compared: those kept before it, as far as one that suppresses it."""
        before = [j for j in self.kept if j < i]
        by = self.by[i]
        return before if by is None else [j for j in before if j <= by]

    def equal(self, i: int) -> list[int]:
        """The candidates among them with exactly the threshold's IoU."""
        return [j for j in self.compared(i) if self.overlaps[i, j] == self.threshold]

    def verdict(self, i: int) -> str:
        """The words about a candidate."""
        by = self.by[i]
        if by is not None:
            return (
                f"suppressed by {letter(by)}: {share_text(self.overlaps[i, by], self.threshold)} > {self.threshold:g}"
            )
        if equal := self.equal(i):
            return f"stays: {self.threshold:g} with {letter(equal[0])} is not above {self.threshold:g}"
        gone = [j for j in range(i) if self.by[j] is not None and self.overlaps[i, j] > self.threshold]
        if gone:
            return f"stays: {letter(gone[0])} is gone already"
        return "stays"


def letter(i: int) -> str:
    """A candidate's letter."""
    return ascii_uppercase[i]


def non_maximum_suppression(
    *,
    photograph: Photograph | Array | None = None,
    boxes: Array | None = None,
    scores: Array | None = None,
    threshold: float = 0.5,
) -> Figure:
    """Non-maximum suppression on an image: candidates with their scores, who suppresses whom, and what is left.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None.
        boxes: the candidates (n, 4), at most 12: top, left, bottom, right in pixels; made up for matplotlib's
            photograph if None.
        scores: (n,), given with `boxes`.
        threshold: the IoU above which a candidate is suppressed.

    Returns:
        Figure "non-maximum-suppression", a PNG. Its data: the candidates by falling score with their numbers ("index"),
        boxes, scores, whether they are kept and which of them suppresses them; the IoU of each two; the threshold.

    Raises:
        TypeError, ValueError: arguments of another kind than these.

    Source: `npconv.detection.non_maximum_suppression`.

    >>> boxes, scores = np.array([[0, 0, 20, 20], [0, 0, 20, 10], [2, 0, 20, 20]]), np.array([0.9, 0.5, 0.7])
    >>> figure = non_maximum_suppression(photograph=np.zeros((24, 30, 3), np.uint8), boxes=boxes, scores=scores)
    >>> [(one["index"], one["suppressed by"]) for one in figure.data["candidates"]]
    [(0, None), (2, 'A'), (1, None)]
    """
    run = _run(photograph, boxes, scores, threshold)
    with drawn_by(NAME, photograph=run.photograph.pixels, boxes=run.boxes):
        figure = _draw(run)
    return Figure(
        name="non-maximum-suppression",
        figure=figure,
        data={
            "photograph": {"source": run.photograph.source, "synthetic": run.photograph.synthetic},
            "threshold": run.threshold,
            "candidates": [
                {
                    "letter": letter(i),
                    "index": index,
                    "box": run.boxes[i].tolist(),
                    "score": float(run.scores[i]),
                    "kept": by is None,
                    "suppressed by": None if by is None else letter(by),
                }
                for i, (index, by) in enumerate(zip(run.order, run.by, strict=True))
            ],
            "iou": run.overlaps.tolist(),
        },
        alt=_alt(run),
        caption=_caption(run),
        format="png",
    )


def _run(photograph: Any, boxes: Any, scores: Any, threshold: float) -> Suppression:
    """Run the suppression, and find who suppressed whom."""
    threshold = real(NAME, "threshold", threshold, least=0, most=1)
    photograph = photograph_from(NAME, photograph)
    if (boxes is None) != (scores is None):
        raise ValueError(f"{NAME}: scores must be given with boxes, and only with them")
    made = "given by the caller"
    if boxes is None:
        boxes, scores, made = np.array(BOXES_ON_HOPPER), np.array(SCORES), "made up to show each case"
    boxes = boxes_from(NAME, "boxes", boxes, MOST)
    scores = numbers_from(NAME, "scores", scores, len(boxes))
    kept = suppress(boxes, scores, threshold=threshold).tolist()
    order = np.argsort(-scores, kind="stable").tolist()
    overlaps = iou(boxes[order], boxes[order])
    by: list[int | None] = []
    for i, index in enumerate(order):
        above = [j for j in range(i) if by[j] is None and overlaps[i, j] > threshold]
        by.append(None if index in kept else above[0])
    return Suppression(photograph, boxes[order], scores[order], order, overlaps, by, threshold, made)


# How it is drawn


def _draw(run: Suppression) -> matplotlib.figure.Figure:
    """Three pictures: the candidates, what happens to them, what is left; below, the table of the IoUs."""
    page = Page()
    height, width = run.photograph.pixels.shape[:2]
    pictures = page.fitted(lambda inches: _pictures(run, inches), min(HEIGHT / height, WIDEST / width), least=1e-3)[0]
    pictures.spread(page.inner, flush=True)
    words = (
        "By falling score, and at equal scores by index, each candidate is compared with those kept before it. "
        f"If its IoU with one of them is above {run.threshold:g}, it is suppressed; an IoU of exactly "
        f"{run.threshold:g} does not suppress. A suppressed candidate suppresses nothing: its column is white. Blue "
        "cells are comparisons that suppress nothing, orange ones suppress."
    )
    below = headed("who suppresses whom", words, _table(run), width=page.inner, gap=0.12)
    return page.finish(column(pictures, below, gap=0.16, align="left"))


def _pictures(run: Suppression, inches: float) -> Grid:
    boxes, pixels = run.boxes, run.photograph.pixels / 255
    all_of_them, both, left = (BoxPicture(name, pixels, inches, boxes) for name in ("candidates", "suppressed", "left"))
    for i, box in reversed(list(enumerate(boxes))):
        all_of_them.box(f"candidate-{i}", box, TRUTH)
        kept = run.by[i] is None
        both.box(f"kept-{i}" if kept else f"suppressed-{i}", box, KEPT if kept else FOUND, style="-" if kept else "--")
        if kept:
            left.box(f"left-{i}", box, KEPT)
    for i, box in enumerate(boxes):
        by = run.by[i]
        all_of_them.label(box, f"{letter(i)} {share_text(run.scores[i])}", TRUTH)
        both.label(box, letter(i) if by is None else f"{letter(i)} by {letter(by)}", KEPT if by is None else FOUND)
        if by is None:
            left.label(box, f"{letter(i)} {share_text(run.scores[i])}", KEPT)
    heads = (
        (f"{counted('candidate', len(boxes))}", "a letter and a score each", all_of_them),
        (f"{len(boxes) - len(run.kept)} suppressed", "dashed: suppressed, and by whom", both),
        (f"{len(run.kept)} left", "the result", left),
    )
    return grid([[headed(head, words, picture) for head, words, picture in heads]])


def _table(run: Suppression) -> CellTable:
    """A row for each candidate: its IoU with those before it, and what becomes of it."""
    count = len(run.boxes)
    texts = [[share_text(run.overlaps[i, j], run.threshold) for j in range(i)] for i in range(count)]
    names = [f"{letter(i)}  {share_text(score)}" for i, score in enumerate(run.scores)]
    table = CellTable("iou", texts, CELL, names, [letter(j) for j in range(count - 1)])
    compared = [(i, j) for i in range(count) for j in run.compared(i)]
    above = [(i, j) for i, j in enumerate(run.by) if j is not None]
    table.fill("compared", [cell for cell in compared if cell not in above], shade(ROLES["input"], 0.35))
    table.fill("above", above, shade(ROLES["filter"], FRONT_UNDER_NUMBERS))
    table.frame_cells("equal", [(i, j) for i in range(count) for j in run.equal(i)])
    for i in range(count):
        table.after(i, run.verdict(i), count - 1)
    return table


def _alt(run: Suppression) -> str:
    told = [f"{letter(i)}, score {share_text(score)}, {run.verdict(i)}" for i, score in enumerate(run.scores)]
    return (
        f"Three times {run.photograph.source}, with boxes: {counted('candidate', len(run.boxes))} with their scores, "
        f"the same with those dashed that are suppressed, and the {len(run.kept)} that are left. Below, a table with "
        f"the IoU of each two, and what becomes of each: {'; '.join(told)}."
    )


def _caption(run: Suppression) -> str:
    return four_part_caption(
        claim=(
            f"Non-maximum suppression leaves {len(run.kept)} of {counted('candidate', len(run.boxes))}, "
            f"{listed([letter(i) for i in run.kept])}: of boxes that overlap by an IoU above {run.threshold:g}, "
            "the one of the largest score."
        ),
        computed=(
            f"npconv.detection.non_maximum_suppression and npconv.detection.iou; boxes and scores: {run.made}, on "
            f"{run.photograph.source}."
        ),
        scale=[
            "Boxes are drawn to scale",
            "rows and columns of the table are candidates by falling score",
            "blue cells are comparisons that suppress nothing",
            "orange ones the IoUs that suppress",
            "framed ones equal the threshold" if any(run.equal(i) for i in range(len(run.boxes))) else "",
            "IoUs in white cells are not asked for",
        ],
        not_shown=["classes: detections of different classes do not suppress one another"],
    )
