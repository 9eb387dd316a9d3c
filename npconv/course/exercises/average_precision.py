"""Average precision as an exercise, in exact fractions."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from . import mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Size, Sizes, Task
from .variants import Variant

Curve = Sequence[Fraction]


def curve(case: Case, *, falling: bool = True, strictly: bool = False) -> tuple[list[Fraction], list[Fraction]]:
    """Recall and precision after each detection; the precision is the highest from there on where it is to fall.

    Where it is so strictly it is the highest after the detection.
    """
    hits, truths = [int(hit) for hit in case.arrays["hits"]], case.options["truths"]
    right = np.cumsum(hits, dtype=np.int64).tolist()
    recall = [Fraction(found, truths) for found in right]
    precision = [Fraction(found, n) for n, found in enumerate(right, 1)]
    if falling:
        precision = [max(precision[k + strictly :], default=Fraction(0)) for k in range(len(precision))]
    return recall, precision


def mean_over(recall: Curve, precision: Curve, levels: Sequence[Fraction], *, above: bool = False) -> Fraction:
    """The mean over levels of recall of the precision where each is first reached, or passed; 0 where it is not."""
    total = Fraction(0)
    for level in levels:
        places = (k for k, found in enumerate(recall) if (found > level if above else found >= level))
        place = next(places, None)
        total += Fraction(0) if place is None else precision[place]
    return total / len(levels)


def area(case: Case, precision: Curve) -> Fraction:
    """The sum of the precision at the right detections, over the truths."""
    hits = case.arrays["hits"]
    total = sum((p for p, hit in zip(precision, hits, strict=True) if hit), Fraction(0))
    return total / int(case.options["truths"])


def levels_of(points: int) -> list[Fraction]:
    """So many levels of recall, from 0 to 1."""
    return [Fraction(k, points - 1) for k in range(points)]


def average(case: Case, variant: Variant, *, strictly: bool = False) -> Result:
    """The average precision."""
    recall, precision = curve(case, falling=variant.precision == "from there on", strictly=strictly)
    if variant.points == "all":
        return (area(case, precision),)
    return (mean_over(recall, precision, levels_of(int(variant.points))),)


def _on_levels(change: Callable[[Case, Curve, Curve, list[Fraction]], Fraction]) -> Answer:
    """The answer of another sum over levels; there is none where the area is asked for."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        if variant.points == "all":
            raise ValueError("there are no levels")
        recall, precision = curve(case, falling=variant.precision == "from there on")
        return (change(case, recall, precision, levels_of(int(variant.points))),)

    return answer


def _highest_so_far(case: Case, variant: Variant, reference: Reference) -> Result:
    """The answer with the highest precision up to each detection."""
    recall, precision = curve(case, falling=False)
    highest = [max(precision[: k + 1]) for k in range(len(precision))]
    if variant.points == "all":
        return (area(case, highest),)
    return (mean_over(recall, highest, levels_of(int(variant.points))),)


def _over_found(case: Case, variant: Variant, reference: Reference) -> Result:
    """The answer in which the recall is that of what was found."""
    if not case.arrays["hits"].any():
        return (Fraction(0),)
    return reference(m.changed(case, {"truths": lambda truths: int(case.arrays["hits"].sum())}), variant)


def hits_case(sizes: Sizes, draw: Draw) -> Case:
    """hits (n,), 1 for a right detection, and how many truths there are."""
    hits = (draw(sizes["detections"]) > -2).astype(float)
    hits[: sizes["wrong_first"]] = 0
    if sizes["detections"] > 1 or not sizes["wrong_first"]:
        hits[-1] = 1
    if sizes["none"]:
        hits[:] = 0
    return Case({"hits": hits}, {"truths": max(int(hits.sum()) + sizes["missed"], 1)}, sizes)


AVERAGE_PRECISION_TASK = Task(
    "average_precision",
    points=4,
    arrays=(("hits", "vector"),),
    options=(("truths", ""),),
    results=(("average", "number"),),
    sizes=(
        Size("detections", 1, (2, 3, 5), "there are {} detections"),
        Size("missed", 0, (1, 2, 3), "there are {} truths that are not found"),
        Size("wrong_first", 0, (1, 2), "the first detections are wrong: {}"),
        Size("none", 0, (1,), "there is no right detection"),
    ),
    build=hits_case,
    reference=average,
    text="The average precision of detections: one number for a curve of precision over recall.\n\n"
    "hits has 1 for each detection that is right and 0 for each that is wrong, by falling score. After k detections "
    "the recall is what share of the truths has been found, and the precision what share of the k is right. The "
    "average precision is {levels}. The precision at a recall is {precision}, and 0 where none reaches it. The result "
    "is exact, a fractions.Fraction, and recalls are compared as fractions.",
    example={"detections": 3, "wrong_first": 1},
    wrong={
        "the precision is the highest so far, not {taken}": _highest_so_far,
        "the highest precision is taken after the detection, without its own": lambda case, variant, reference: average(
            case, variant, strictly=True
        ),
        "a recall has to be passed, where reaching it is enough": _on_levels(
            lambda case, recall, precision, levels: mean_over(recall, precision, levels, above=True)
        ),
        "the recall 0 is left out of the mean": _on_levels(
            lambda case, recall, precision, levels: mean_over(recall, precision, levels[1:])
        ),
        "the recall 0 is left out of the sum": _on_levels(
            lambda case, recall, precision, levels: (
                mean_over(recall, precision, levels[1:]) * (len(levels) - 1) / len(levels)
            )
        ),
        "the sum is divided by {steps}, where there are {recalls} recalls": _on_levels(
            lambda case, recall, precision, levels: (
                mean_over(recall, precision, levels) * len(levels) / (len(levels) - 1)
            )
        ),
        "the recall is that of what was found: missed truths do not count": _over_found,
        "the mean is over the detections, not over {averaged_over}": lambda case, variant, reference: (
            Fraction(sum(curve(case)[1])) / len(case.arrays["hits"]),
        ),
        "it is the precision after the last detection": lambda case, variant, reference: (
            curve(case, falling=False)[1][-1],
        ),
        "it is the recall after the last detection": lambda case, variant, reference: (curve(case)[0][-1],),
        "the wrong detections are left out: the precision is always 1": lambda case, variant, reference: reference(
            m.changed(case, {"hits": lambda hits: hits[hits > 0]}), variant
        ),
    },
    exact=False,
    integers=False,
    choices=("points", "precision"),
    about={"hits": "1 or 0 for each detection, by falling score", "truths": "how many objects there are"},
    further=(
        {"detections": 7, "missed": 3},
        {"detections": 12, "missed": 1, "wrong_first": 2},
        {"detections": 20, "missed": 20},
        {"detections": 100, "missed": 3},
    ),
)
AVERAGE_PRECISION = Exercise(
    "average-precision", "the average precision of detections", (AVERAGE_PRECISION_TASK,), ("points", "precision")
)
