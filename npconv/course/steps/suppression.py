"""Stepping through non-maximum suppression: the best box that is left, and those that it takes away."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ...detection import iou, non_maximum_suppression
from ...kernels import arguments
from ...kernels.geometry import Array, Pair
from ...text import counted, listed, number_text, shape_text
from .boxes import OVERLAPS, boxes_panel, counts, given_boxes, overlap_of, quotient_text, random_boxes, sides_of
from .plan import Plan
from .sizes import NAME
from .step import Boxes, Index, Number, Panel, Step

FIXED = "the scores and the overlaps decide how many steps there are"  # no number can be edited
MOST_SAID = 4  # overlaps in a sentence


def suppression(
    *,
    boxes: int | Array = 8,
    scores: Array | None = None,
    image_size: Pair = (24, 32),
    threshold: float = 0.5,
    seed: int = 0,
) -> Plan:
    """Suppression as in `non_maximum_suppression`: a step for each box that is kept, and what it suppresses.

    Each step keeps the box with the highest score that is left, and drops those left whose IoU with it is above the
    threshold. The page compares the overlaps that this needs with those of all pairs.

    boxes: an array (A, 4), or a number of random boxes; scores: an array (A,), or random ones; image_size: (height,
    width); threshold: as in `non_maximum_suppression`; seed: of the random numbers. Raises as `stepper`.

    >>> given = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [12, 4, 20, 9]])
    >>> for step in suppression(boxes=given, scores=np.array([0.9, 0.8, 0.7])).walk():
    ...     print(step)
    Box 0, score 0.90, is kept: IoU 80/100 = 0.80 with box 1; above 0.50: box 1 is suppressed
    Box 2, score 0.70, is kept: none is left
    """
    size, generator = sides_of(image_size), arguments.generator(NAME, seed)
    threshold = arguments.real(NAME, "threshold", threshold, least=0, most=1)
    if arguments.is_int(boxes):
        boxes = random_boxes("boxes", boxes, lambda count: (count + 2) // 3, size, generator)
    given = given_boxes("boxes", boxes, size)
    if scores is None:
        scores = generator.permutation(len(given)) / 20 + 0.4 if len(given) <= 12 else generator.random(len(given))
    scores = checked_scores(scores, len(given))
    kept = non_maximum_suppression(given, scores, threshold=threshold)
    places = np.full((1, len(given)), -1, np.int64)
    places[0, kept] = np.arange(len(kept), dtype=np.int64)
    panels = (
        boxes_panel("boxes", "boxes", given, "input"),
        Panel("scores", "scores", scores[None], ("score", "box"), "depthwise", True),
        Panel("overlaps", "IoU of all pairs", iou(given, given), ("box", "box"), "filter", True),
        Panel("kept", "place among the kept boxes, −1 where suppressed", places, ("place", "box"), "output", False),
    )
    summary = (
        f"{counted('box', len(given))} on an image of {shape_text(size)}, threshold "
        f"{number_text(threshold)}: {counted('box', len(kept))} {'is' if len(kept) == 1 else 'are'} kept, "
        f"{len(given) - len(kept)} suppressed."
    )
    walk = partial(kept_in_turn, given, scores, kept.tolist(), threshold)
    drawing = Boxes(size, ("boxes",), "kept", "suppressed")
    return Plan("Non-maximum suppression, one kept box at a time", summary, panels, walk, {}, OVERLAPS, drawing, FIXED)


def checked_scores(scores: Array, count: int) -> Array:
    """An instructor's scores, one for each box."""
    if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "iuf":
        raise TypeError(f"{NAME}: scores must be a numpy.ndarray of real numbers; got {arguments.shown(scores)}")
    if scores.shape != (count,) or not np.isfinite(scores).all():
        raise ValueError(f"{NAME}: scores must be {count} finite numbers, one a box; got scores {scores.shape}")
    return scores.astype(np.float64)


def kept_in_turn(boxes: Array, scores: Array, kept: list[int], threshold: float) -> Iterator[Step]:
    """The steps: each kept box with the overlaps that it has with those left, and what it suppresses."""
    left, computed = set(range(len(boxes))), 0
    pairs = len(boxes) * (len(boxes) - 1) // 2
    needed = overlaps_needed(boxes, kept, threshold)
    for place, best in enumerate(kept):
        left.remove(best)
        rest = sorted(left)
        quotients = [overlap_of(boxes[best], boxes[other]) for other in rest]
        gone = [other for other, q in zip(rest, quotients, strict=True) if q[2] > threshold]
        left -= {*gone}
        computed += len(rest)
        sentence = (
            f"Box {best}, score {number_text(scores[best].item())}, is kept: {overlaps_text(rest, quotients)}"
            f"{suppressed_text(gone, threshold) if rest else ''}"
        )
        reads: dict[str, tuple[Index, ...]] = {
            "boxes": tuple((box, side) for box in (best, *rest) for side in range(4)),
            "scores": tuple((0, box) for box in (best, *rest)),
        }
        if rest:
            reads["overlaps"] = tuple((best, other) for other in rest)
        decided: dict[Index, Number] = {(0, best): place, **{(0, other): -1 for other in gone}}
        sides = counts(suppression=(computed, needed), all_pairs=(pairs if not left else computed, pairs))
        yield Step(f"box {best}", sentence, reads, {"kept": decided}, tuple(quotients), sides)


def overlaps_needed(boxes: Array, kept: list[int], threshold: float) -> int:
    """The number of overlaps that suppression computes in all."""
    overlaps, left, number = iou(boxes, boxes), np.ones(len(boxes), bool), 0
    for best in kept:
        left[best] = False
        number += int(left.sum())
        left &= overlaps[best] <= threshold
    return number


def overlaps_text(rest: list[int], quotients: list[tuple[Number, Number, Number]]) -> str:
    """The overlaps with the boxes left that are above 0, the largest first."""
    if not rest:
        return "none is left"
    touching = sorted((q for q in zip(rest, quotients, strict=True) if q[1][0]), key=lambda pair: -pair[1][2])
    if not touching:
        return f"IoU 0 with {'the one' if len(rest) == 1 else f'all {len(rest)}'} left"
    texts = [f"{quotient_text(q)} with box {other}" for other, q in touching[:MOST_SAID]]
    if len(touching) > MOST_SAID:
        texts.append("less with others")
    return f"IoU {listed(texts)}"


def suppressed_text(gone: list[int], threshold: float) -> str:
    """The boxes that are suppressed."""
    if not gone:
        return f"; none is above {number_text(threshold)}, and none is suppressed"
    verb = "box {} is" if len(gone) == 1 else "boxes {} are"
    return f"; above {number_text(threshold)}: {verb.format(listed(gone))} suppressed"
