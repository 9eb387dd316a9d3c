"""Matching of default boxes to truths on an image: the two steps of SSD, who is lost in the second, and one to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..data import Photograph
from ..detection import DefaultBoxes, default_boxes, iou, match_boxes
from ..kernels.arguments import real, shown
from ..kernels.geometry import Array
from ..text import counted, listed, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.box_pictures import FOUND, TRUTH, BoxPicture, CellTable, boxes_from, headed, share_text
from .parts.drawing import FRONT_UNDER_NUMBERS, ROLES, shade
from .parts.layout import Page, column, grid
from .parts.photograph import photograph_from

NAME = "matching"
MOST_TRUTHS, MOST_ANCHORS = 6, 1000
MOST_COLUMNS = 12  # default boxes that are drawn
NAMES_ON_HOPPER = ("cap", "face", "glasses", "ribbons")
TRUTHS_ON_HOPPER = ((11, 74, 76, 188), (66, 78, 166, 188), (80, 86, 116, 178), (243, 160, 263, 226))
MAP, CELLS = (5, 3), ((0.4, 1.0), (0.42, 2.0))  # scale and ratio of the default boxes of a cell
HEIGHT, WIDEST = 3.3, 3.3  # inches of a picture, at the most
NARROWEST = 2.3  # inches of the words above a picture
CELL = (0.35, 0.2)  # inches of a cell of the table
MOST_LETTERS = 10
GAP, APART = 0.22, 0.12  # inches between a picture and what stands beside it, and between pictures
GREEN, ORANGE, BLUE = (shade(ROLES[role], FRONT_UNDER_NUMBERS) for role in ("output", "filter", "input"))


@dataclass(frozen=True)
class Matching:
    """Truths, default boxes, the IoU of each two, and the default boxes' truths by each rule, −1 for background."""

    photograph: Photograph
    names: Sequence[str]
    truths: Array  # (T, 4)
    anchors: Array  # (A, 4)
    overlaps: Array  # (T, A)
    threshold: float
    first: list[int]  # (A,), of the first step alone
    forced: list[int]  # (T,), the best default box of each truth
    matched: list[int]  # (A,), as SSD matches
    one_to_one: list[int]  # (A,)
    made: str  # what is said of the truths
    anchors_made: str

    @property
    def lost(self) -> list[int]:
        """The truths to which no default box is left."""
        return [t for t in range(len(self.truths)) if t not in self.matched]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The truths and default boxes that take each other one to one: of its default boxes the best of each truth."""
        own = {t: [a for a, truth in enumerate(self.one_to_one) if truth == t] for t in range(len(self.truths))}
        return [(t, max(of_it, key=lambda a: self.overlaps[t, a])) for t, of_it in own.items() if of_it]

    @property
    def alone(self) -> int:
        """The number of truths that one to one leaves without a default box."""
        return len(self.truths) - len(self.pairs)

    @property
    def columns(self) -> list[int]:
        """The default boxes that are drawn: each truth's own, the others matched, the largest IoUs."""
        chosen = {a for rule in (self.first, self.matched, self.one_to_one) for a, t in enumerate(rule) if t >= 0}
        best = self.overlaps.max(axis=0)
        own = {*self.forced, *(a for _, a in self.pairs)}
        ranked = sorted(range(len(self.anchors)), key=lambda a: (a not in own, a not in chosen, -best[a]))
        return sorted(ranked[:MOST_COLUMNS])


def matching(
    *,
    photograph: Photograph | Array | None = None,
    boxes: Array | None = None,
    anchors: Array | None = None,
    names: Sequence[str] | None = None,
    threshold: float = 0.5,
) -> Figure:
    """Matching of default boxes to truths: the matrix of IoUs, SSD's two steps, a truth that is lost, and one to one.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None.
        boxes: the truths (T, 4), at most 6: top, left, bottom, right in pixels; parts of matplotlib's photograph if
            None.
        anchors: the default boxes (A, 4), at most 1000; 30 on a map of 5×3 if None.
        names: a short name for each truth, given with `boxes`.
        threshold: the IoU from which on the first step matches.

    Returns:
        Figure "matching", a PNG. Its data: the truths with their names, the default boxes that are drawn ("columns")
        with their IoUs, all default boxes' truths by the first step, by both ("matched") and one to one, each truth's
        best default box ("forced"), and the truths that are "lost".

    Raises:
        TypeError, ValueError: arguments of another kind than these.

    Source: https://arxiv.org/abs/1512.02325, section 2.2, and `npconv.detection.match_boxes`.

    >>> boxes = np.array([[0, 0, 20, 20], [5, 5, 15, 15]])
    >>> anchors = np.array([[0, 0, 20, 18], [0, 10, 20, 30]])
    >>> figure = matching(photograph=np.zeros((24, 30, 3), np.uint8), boxes=boxes, anchors=anchors)
    >>> figure.data["matched"], figure.data["lost"], figure.data["one to one"]
    ([1, -1], [0], [0, 1])
    """
    run = _run(photograph, boxes, anchors, names, threshold)
    with drawn_by(NAME, photograph=run.photograph.pixels, boxes=run.truths, anchors=run.anchors):
        figure = _draw(run)
    return Figure(
        name="matching",
        figure=figure,
        data={
            "photograph": {"source": run.photograph.source, "synthetic": run.photograph.synthetic},
            "threshold": run.threshold,
            "truths": [{"name": n, "box": b} for n, b in zip(run.names, run.truths.tolist(), strict=True)],
            "anchors": len(run.anchors),
            "columns": run.columns,
            "boxes": run.anchors[run.columns].tolist(),
            "iou": run.overlaps[:, run.columns].tolist(),
            "first step": run.first,
            "forced": run.forced,
            "matched": run.matched,
            "lost": run.lost,
            "one to one": run.one_to_one,
        },
        alt=_alt(run),
        caption=_caption(run),
        format="png",
    )


def _run(photograph: Any, boxes: Any, anchors: Any, names: Any, threshold: float) -> Matching:
    """Match the boxes by each rule."""
    threshold = real(NAME, "threshold", threshold, least=0, most=1)
    photograph = photograph_from(NAME, photograph)
    size = photograph.pixels.shape[:2]
    if boxes is None and names is not None:
        raise ValueError(f"{NAME}: names must be given with boxes; got names {shown(names)}")
    made = "chosen by hand" if boxes is None else "given by the caller"
    truths = boxes_from(NAME, "boxes", np.array(TRUTHS_ON_HOPPER) if boxes is None else boxes, MOST_TRUTHS)
    if boxes is None:
        names = NAMES_ON_HOPPER
    anchors_made = "given by the caller"
    if anchors is None:
        anchors_made = f"those of a DefaultBoxes with {len(CELLS)} a cell, on a map of {shape_text(MAP)}"
        anchors = default_boxes(DefaultBoxes((CELLS,)), [MAP], size)
    anchors = boxes_from(NAME, "anchors", anchors, MOST_ANCHORS)
    overlaps = iou(truths, anchors)
    best = np.where(overlaps.max(axis=0) >= threshold, overlaps.argmax(axis=0), -1)
    return Matching(
        photograph,
        _names(names, len(truths)),
        truths,
        anchors,
        overlaps,
        threshold,
        best.tolist(),
        overlaps.argmax(axis=1).tolist(),
        match_boxes(overlaps, threshold=threshold).tolist(),
        match_boxes(overlaps, threshold=threshold, one_to_one=True).tolist(),
        made,
        anchors_made,
    )


def _names(given: Any, count: int) -> list[str]:
    """A short name for each truth; their numbers where none are given."""
    if given is None:
        return [""] * count
    if not isinstance(given, tuple | list) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{NAME}: names must be a tuple of words; got {shown(given)}")
    if len(given) != count or max(map(len, given)) > MOST_LETTERS:
        raise ValueError(
            f"{NAME}: names must be a word of at most {MOST_LETTERS} letters for each of {counted('box', count)}; got "
            f"{shown(given)}"
        )
    return [" ".join(name.split()) for name in given]


# What is drawn: words


def _called(run: Matching, t: int) -> str:
    """A truth's number and name."""
    return f"{t} {run.names[t]}".strip()


def _listed(run: Matching, truths: Sequence[int]) -> str:
    """Truths in a sentence."""
    return listed([f"truth {t} ({run.names[t]})" if run.names[t] else f"truth {t}" for t in truths])


def _shown(run: Matching) -> str:
    """The default boxes that are drawn."""
    if len(run.columns) == len(run.anchors):
        return f"{counted('default box', len(run.anchors))}"
    return f"{len(run.columns)} of {len(run.anchors):,} default boxes"


def _stolen(run: Matching) -> list[str]:
    """The words on each default box that several truths want."""
    wanted = {a: [t for t, best in enumerate(run.forced) if best == a] for a in run.forced}
    return [
        f"{_listed(run, truths[-1:])} takes default box {a} from {_listed(run, truths[:-1])}"
        for a, truths in wanted.items()
        if len(truths) > 1
    ]


def _loss(run: Matching) -> str:
    """The words on what the second step does to the truths."""
    taken = "; ".join(_stolen(run)).capitalize()
    if not taken:
        return "No two truths have the same best default box."
    if not run.lost:
        return f"{taken}; each truth keeps another one."
    overlaps = listed([share_text(run.overlaps[t, run.forced[t]]) for t in run.lost])
    are, what, them = ("is", "an IoU", "it") if len(run.lost) == 1 else ("are", "IoUs", "them")
    no_one = f"{_listed(run, run.lost)} {are} lost, in spite of {what} of {overlaps}"
    return f"{taken}, and {no_one}: no default box learns {them}."


# How it is drawn


def _draw(run: Matching) -> matplotlib.figure.Figure:
    """The picture of all boxes beside the tables of each step; below, a picture of what is matched after each."""
    page = Page()
    height, width = run.photograph.pixels.shape[:2]
    most = min(HEIGHT / height, WIDEST / width)
    return page.finish(page.fitted(lambda inches: _boxes_on(page, run, inches), most, least=1e-3)[0])


def _boxes_on(page: Page, run: Matching, inches: float) -> OffsetBox:
    rules = {"all": None, "first": run.first, "second": run.matched, "one": run.one_to_one}
    whole, *pictures = (_picture(run, inches, name, rule) for name, rule in rules.items())
    wide = max(NARROWEST, page.size(whole)[0])
    background = len(run.anchors) - len(run.columns)
    rest = f" The other {background:,} are not shown." if background else ""
    beginning = (
        f"Solid: {counted('truth', len(run.truths))}, boxes around objects. Dashed: {_shown(run)}.{rest} Each table "
        "has their IoUs, intersection over union: a row for each truth, a column for each default box. Its last row "
        "says which truth a default box learns; −1 is background. Frames mark what differs from the first step."
    )
    above = grid(
        [[headed("truths and default boxes", beginning, whole, width=wide), _tables(run, page.inner - wide - GAP)]],
        gaps=(GAP, 0.0), across="left", along="top",
    )  # fmt: skip
    alone = f"{counted('truth', run.alone)} without a default box."
    parts = (
        ("after step 1", "A default box → the truth that it learns."),
        ("after step 2", _loss(run)),
        ("after step 2, one to one", alone if run.alone else "Each truth has a default box of its own."),
    )
    third = (page.inner - 2 * APART) / 3
    heads = [headed(head, said, width=third) for head, said in parts]
    below = grid([heads, pictures], gaps=(APART, 0.07), across="left", along="top")
    return column(above, below, gap=0.2, align="left")


def _tables(run: Matching, width: float) -> OffsetBox:
    """The three steps, with a table each."""
    first = [(t, a) for a, t in enumerate(run.first) if t >= 0]
    return column(
        headed(
            "1. Each default box takes the truth of the largest IoU",
            f"if that is {run.threshold:g} or more (green).",
            _table(run, "first", run.first, first, GREEN),
            width=width,
        ),
        headed(
            "2. Then each truth takes the default box of the largest IoU",
            "however small it is (orange). Where truths want the same one, the later gets it.",
            _table(run, "second", run.matched, list(enumerate(run.forced)), ORANGE),
            width=width,
        ),
        headed(
            "2, one to one: the largest IoU of all first",
            "Its truth and its default box take each other (orange); then the largest IoU of the others, and so on.",
            _table(run, "one", run.one_to_one, run.pairs, ORANGE),
            width=width,
        ),
        gap=0.2,
        align="left",
    )


def _picture(run: Matching, inches: float, name: str, rule: list[int] | None) -> BoxPicture:
    """The photograph with the truths and the default boxes that a rule matches, or all that are drawn."""
    chosen = [a for a in run.columns if rule is None or rule[a] >= 0]
    picture = BoxPicture(name, run.photograph.pixels / 255, inches, run.anchors[chosen])
    for a in chosen:
        picture.box(f"anchor-{a}", run.anchors[a], FOUND, style="--", width=0.9 if rule is None else 1.6)
    for t, box in enumerate(run.truths):
        picture.box(f"truth-{t}", box, TRUTH)
    for t, box in enumerate(run.truths):
        picture.label(box, _called(run, t), TRUTH)
    for a in chosen:
        picture.label(run.anchors[a], str(a) if rule is None else f"{a} → {rule[a]}", FOUND)
    return picture


def _table(run: Matching, name: str, rule: list[int], cells: Sequence[tuple[int, int]], color: str) -> CellTable:
    """The matrix of IoUs, some of its cells filled, and below it the truth of each default box."""
    truths, place = len(run.truths), {a: c for c, a in enumerate(run.columns)}
    texts = [[share_text(run.overlaps[t, a], run.threshold) for a in run.columns] for t in range(truths)]
    texts.append([number_text(rule[a]) for a in run.columns])
    table = CellTable(
        name, texts, CELL, [*(_called(run, t) for t in range(truths)), "learns"], [str(a) for a in run.columns]
    )
    table.fill("chosen", [(t, place[a]) for t, a in cells if a in place], color)
    table.fill("result", [(truths, c) for c, a in enumerate(run.columns) if rule[a] >= 0], BLUE)
    table.frame_cells("changed", [(truths, c) for c, a in enumerate(run.columns) if rule[a] != run.first[a]])
    return table


def _alt(run: Matching) -> str:
    def told(rule: Sequence[int]) -> str:
        return ", ".join(f"{a} {_called(run, t)}" for a, t in enumerate(rule) if t >= 0) or "none"

    return (
        f"Four times {run.photograph.source}, with truths, {_listed(run, range(len(run.truths)))}, and {_shown(run)}; "
        "beside the first, for each step the matrix of their IoUs, a row for each truth, a column for each default "
        f"box. Default boxes with their truths: after the first step {told(run.first)}; after the second "
        f"{told(run.matched)}; one to one instead {told(run.one_to_one)}. {_loss(run)}"
    )


def _caption(run: Matching) -> str:
    own = (
        f"{len(run.lost)} of {counted('truth', len(run.truths))} without a default box"
        if run.lost
        else "no truth alone"
    )
    return four_part_caption(
        claim=(
            f"A default box learns the truth that it overlaps most, from an IoU of {run.threshold:g} on, and a truth's "
            f"best default box learns that truth in any case. Where truths share their best one, the later wins, which "
            f"leaves {own} here; matching one to one leaves {counted('truth', run.alone)} alone."
        ),
        computed=(
            "npconv.detection.iou and match_boxes, with one_to_one for the last table and picture, on "
            f"{run.photograph.source}; truths: {run.made}; default boxes: {run.anchors_made}."
        ),
        scale=[
            "Boxes are drawn to scale",
            "IoUs are rounded",
            "framed: what differs from the first step",
        ],
        not_shown=[
            "the codes that a default box learns",
            f"{len(run.anchors) - len(run.columns):,} default boxes" if len(run.columns) < len(run.anchors) else "",
        ],
    )
