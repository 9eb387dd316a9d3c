"""Stepping through the matching of default boxes to the objects of an image."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ...detection import DefaultBoxes, default_boxes, iou, match_boxes
from ...kernels import arguments
from ...kernels.geometry import Array, Pair
from ...text import counted, listed, number_text, shape_text
from .boxes import OVERLAPS, boxes_panel, counts, given_boxes, overlap_of, quotient_text, random_boxes, sides_of
from .plan import Plan
from .sizes import MOST_SIDE, NAME
from .step import Boxes, Index, Number, Panel, Step

FIXED = "the overlaps decide which truth a default box takes, and what a step says of it"  # no number can be edited
SCALE = 0.5  # of the image's shorter side: the default boxes of a map, one in each cell


def matching(
    *,
    truths: int | Array = 3,
    anchors: Array | None = None,
    image_size: Pair = (24, 32),
    map_size: Pair | None = None,
    threshold: float = 0.5,
    one_to_one: bool = False,
    seed: int = 0,
) -> Plan:
    """Matching as in `match_boxes`: a step for each default box, and then one for each truth.

    First each default box takes the truth that it overlaps most, if their IoU is at least the threshold. Then each
    truth takes its best default box, however small their IoU; where two truths have the same one, the later gets it,
    and the earlier may be lost. With `one_to_one` these steps take the largest IoU that is left, and no truth is lost.

    truths: an array (T, 4), or a number of random boxes; anchors: an array (A, 4), or the default boxes of a map of
    map_size, (3, 4) unless given, one square in each cell, half as high as the image's shorter side; image_size:
    (height, width); threshold, one_to_one: as in `match_boxes`; seed: of the random numbers. Raises as `stepper`.

    >>> *_, first, second = matching(truths=np.array([[0, 0, 10, 10], [0, 0, 12, 12]])).walk()
    >>> print(second)
    Truth 1 takes its best default box, 0, however small their IoU, 0.53; truth 0 loses it, and has no default box left
    """
    size, generator = sides_of(image_size), arguments.generator(NAME, seed)
    arguments.boolean(NAME, "one_to_one", one_to_one)
    threshold = arguments.real(NAME, "threshold", threshold, least=0, most=1)
    if arguments.is_int(truths):
        truths = random_boxes("truths", truths, lambda count: max(count - 1, 1), size, generator)
    boxes = given_boxes("truths", truths, size)
    if anchors is None:
        rows, columns = arguments.pair(NAME, "map_size", (3, 4) if map_size is None else map_size)
        if rows * columns > MOST_SIDE:
            raise ValueError(f"{NAME}: map_size must have at most {MOST_SIDE} cells; got {(rows, columns)}")
        anchors = default_boxes(DefaultBoxes((((SCALE, 1),),)), [(rows, columns)], size)
    elif map_size is not None:
        raise TypeError(f"{NAME}: map_size must be left out where anchors is an array; got {map_size!r}")
    anchors = given_boxes("anchors", anchors, size)
    overlaps = iou(boxes, anchors)
    matched = match_boxes(overlaps, threshold=threshold, one_to_one=one_to_one)
    panels = (
        boxes_panel("truths", "truths", boxes, "output"),
        boxes_panel("anchors", "default boxes", anchors, "filter"),
        Panel("overlaps", "IoU of truths and default boxes", overlaps, ("truth", "default box"), "depthwise", False),
        Panel("matched", "the truth of each default box", matched[None], ("match", "default box"), "input", False),
    )
    lost = sorted({*range(len(boxes))} - {*matched.tolist()})
    losing = f"; {counted('truth', len(lost))} {'is' if len(lost) == 1 else 'are'} lost" if lost else ""
    positive = int((matched >= 0).sum())
    summary = (
        f"{counted('truth', len(boxes))} and {counted('default box', len(anchors))} on an image of "
        f"{shape_text(size)}, threshold {number_text(threshold)}: {positive} of the default boxes "
        f"{'is' if positive == 1 else 'are'} positive{losing}."
    )
    walk = partial(matched_in_turn, boxes, anchors, overlaps, threshold, one_to_one)
    drawing = Boxes(size, ("truths", "anchors"), "matched", "background")
    return Plan("Matching default boxes to truths", summary, panels, walk, {}, OVERLAPS, drawing, FIXED)


def matched_in_turn(
    truths: Array, anchors: Array, overlaps: Array, threshold: float, one_to_one: bool
) -> Iterator[Step]:
    """The steps: the best truth of each default box, and then the best default box of each truth."""
    matched = np.full(len(anchors), -1, np.int64)

    def after() -> dict[str, tuple[int, int]]:
        found = {*matched[matched >= 0].tolist()}
        return {
            "default_boxes_with_a_truth": (int((matched >= 0).sum()), len(anchors)),
            "truths_with_a_default_box": (len(found), len(truths)),
        }

    for a, column in enumerate(overlaps.T.tolist()):
        best = int(np.argmax(column))
        quotients = tuple(overlap_of(truth, anchors[a]) for truth in truths)
        texts = [f"{quotient_text(q)} with truth {t}" for t, q in enumerate(quotients) if q[0]]
        if column[best] >= threshold:
            matched[a] = best
            end = f"the largest is at least {number_text(threshold)}, so it learns truth {best}"
        else:
            end = f"none is at least {number_text(threshold)}, so it is background, −1"
        sentence = f"Default box {a}: IoU {listed(texts) if texts else '0 with every truth'}; {end}"
        reads: dict[str, tuple[Index, ...]] = {
            "truths": tuple(np.ndindex(truths.shape)),
            "anchors": tuple((a, side) for side in range(4)),
        }
        writes: dict[str, dict[Index, Number]] = {
            "overlaps": {(t, a): value for t, value in enumerate(column)},
            "matched": {(0, a): int(matched[a])},
        }
        yield Step(f"default box {a}", sentence, reads, writes, quotients, counts(**after()), "default boxes")
    for t, a in forced_pairs(overlaps, one_to_one):
        before, matched[a] = int(matched[a]), t
        value = number_text(overlaps[t, a].item())
        sentence = (
            f"Truth {t} and default box {a}: their IoU, {value}, is the largest that is left"
            if one_to_one
            else f"Truth {t} takes its best default box, {a}, however small their IoU, {value}"
        )
        if before == t:
            sentence += "; it had it already"
        elif before >= 0:
            left = int((matched == before).sum())
            sentence += (
                f"; truth {before} loses it, and has {left or 'no'} default {'boxes' if left > 1 else 'box'} left"
            )
        reads = {
            "truths": tuple((t, side) for side in range(4)),
            "overlaps": tuple((t, column) for column in range(len(anchors))),
        }
        yield Step(f"truth {t}", sentence, reads, {"matched": {(0, a): t}}, (), counts(**after()), "truths")


def forced_pairs(overlaps: Array, one_to_one: bool) -> list[tuple[int, int]]:
    """Each truth with the default box that it takes, in the order in which `match_boxes` gives them."""
    if not one_to_one:
        return [(t, int(row.argmax())) for t, row in enumerate(overlaps)]
    free, pairs = overlaps.copy(), []
    for _ in range(min(free.shape)):
        t, a = divmod(int(free.argmax()), free.shape[1])
        pairs.append((t, a))
        free[t], free[:, a] = -1, -1
    return pairs
