"""Semantic segmentation as exercises: the measures of label masks, and the gradient of the pixels' loss."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import Signature
from . import mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import IGNORED, Variant

MATRIX_ROW = Signature("C C", truth="B Dᵤ Dᵤ", predicted="B Dᵤ Dᵤ")
LOSS_ROW = Signature("", logits="B Dᵤ Dᵤ C", labels="B Dᵤ Dᵤ")
SATURATED = 30  # of which whole logits make a softmax of zeros and ones, to twelve digits
MASKS = (
    Size("images", 1, (2, 3), "the batch has {} images"),
    Size("height", 1, (2, 3), "the masks have {} rows"),
    Size("width", 1, (2, 3), "the masks have {} columns"),
)


def labels_of(sizes: Sizes, draw: Draw, classes: int) -> Array:
    """Labels (B, Dᵤ, Dᵤ) below `classes`, of which the first ones are ignored, at the most all but one."""
    shape = sizes["images"], sizes["height"], sizes["width"]
    labels: Array = np.asarray(draw(*shape, low=0, high=classes - 1)).round().astype(np.int64)
    places = np.argsort(draw(labels.size) + np.arange(labels.size, dtype=np.int64) / 1000)
    kept = 0 if sizes["all"] else 1
    labels.ravel()[places[: min(sizes["ignored"], labels.size - kept)]] = IGNORED
    return labels


def in_range(*names: str) -> Callable[[Case], bool]:
    """The test that in the masks of these names every label is one of the classes, or ignored."""

    def fits(case: Case) -> bool:
        classes = case.options["classes"] if "classes" in case.options else case.arrays["logits"].shape[-1]
        masks = (case.arrays[name] for name in names)
        return all(bool(((mask < classes) | (mask == IGNORED)).all()) for mask in masks)

    return fits


# the measures


def masks_case(sizes: Sizes, draw: Draw) -> Case:
    """truth and predicted (B, Dᵤ, Dᵤ), which differ at so many pixels, ignored or not."""
    classes = sizes["classes"]
    truth = labels_of(sizes, draw, max(1, classes - sizes["absent"]))
    predicted = np.where(truth == IGNORED, truth * 0, truth)
    wrong = min(sizes["wrong"], truth.size)
    places = np.argsort(draw(truth.size) + np.arange(truth.size, dtype=np.int64) / 1000)[:wrong]
    steps = np.asarray(draw(wrong, low=1, high=classes - 1)).round().astype(np.int64)
    predicted.ravel()[places] = (predicted.ravel()[places] + steps) % classes
    if sizes["spill"]:  # what is predicted where nothing counts
        predicted[truth == IGNORED] = classes - 1
    return Case({"truth": truth, "predicted": predicted}, {"classes": classes}, sizes)


@dataclass(frozen=True)
class MatrixFlaw:
    """A flaw in the confusion matrix; the defaults are right."""

    ignored: str = "left out"
    once: bool = False  # each pair is counted once
    background: bool = True  # class 0 counts


def confusion(case: Case, flaw: MatrixFlaw | None = None) -> Array:
    """The counts (C, C) of each pair of labels, with or without a flaw."""
    flaw = flaw or MatrixFlaw()
    classes = case.options["classes"]
    truth, predicted = case.arrays.values()
    counts = np.zeros((classes, classes), np.int64)
    for true, found in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if true == IGNORED:
            if flaw.ignored == "left out":
                continue
            true = {"first": 0, "last": classes - 1, "right": found}[flaw.ignored]
        if true == 0 and not flaw.background:
            continue
        counts[true, found] = 1 if flaw.once else counts[true, found] + 1
    return counts


def matrix_of(case: Case, variant: Variant, flaw: MatrixFlaw | None = None) -> Result:
    """The confusion matrix, its rows as the variant has them."""
    counts = confusion(case, flaw)
    return (counts if variant.rows == "truth" else counts.T.copy(),)


def _matrix_flaw(**flaw: object) -> Answer:
    made = MatrixFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: matrix_of(case, variant, made)


def _of_matrix(change: Callable[[Array], Array]) -> Answer:
    return m.giving(lambda result, case: (change(result[0]),))


def _first(mask: Array) -> Array:
    return mask[:1]


def _last(mask: Array) -> Array:
    return mask[-1:]


IGNORED_WRONGLY = {
    "ignored pixels are taken for class 0": "first",
    "ignored pixels are taken for the last class": "last",
    "ignored pixels count as right, whatever was predicted there": "right",
}
PARTS = (
    Size("classes", 2, (3, 4), "there are {} classes"),
    Size("ignored", 0, (1, 2), "there are ignored pixels, at the most {}"),
    Size("wrong", 0, (1, 2, 5), "there are wrong pixels, at the most {}"),
    Size("absent", 0, (1,), "there is a class without a pixel in the truth"),
    Size("spill", 0, (1,), "the last class is predicted at ignored pixels"),
    Size("all", 0, (1,), "there may be no pixel that counts"),
)
CONFUSION = Task(
    "confusion_matrix",
    points=3,
    arrays=(("truth", "mask"), ("predicted", "mask")),
    options=(("classes", ""),),
    results=(("matrix", "table"),),
    sizes=(*MASKS, *PARTS),
    build=masks_case,
    reference=matrix_of,
    text="The confusion matrix of label masks: how many pixels of each class were predicted as which.\n\n"
    "A row is a class of the {rows}, and a column a class of the {columns}. Pixels whose truth is {ignored} are "
    "ignored: they count nowhere, whatever was predicted there. All images count together. A label is otherwise a "
    "class, from 0 to classes − 1.",
    example={"height": 2, "width": 3, "classes": 2, "ignored": 1, "wrong": 2, "spill": 1},
    wrong={
        **{says: _matrix_flaw(ignored=kind) for says, kind in IGNORED_WRONGLY.items()},
        "each pair of labels is counted once: pixels after the first are lost": _matrix_flaw(once=True),
        "only the first image is counted": m.taking(truth=_first, predicted=_first),
        "only the last image is counted": m.taking(truth=_last, predicted=_last),
        "only the pixels that are right are counted": _of_matrix(lambda counts: np.diag(np.diag(counts))),
        "only the pixels that are wrong are counted": _of_matrix(lambda counts: counts - np.diag(np.diag(counts))),
        "it is shares of all pixels, not counts": _of_matrix(lambda counts: counts / max(counts.sum(), 1)),
        "each row is divided by its sum": _of_matrix(
            lambda counts: counts / np.maximum(counts.sum(axis=1), 1)[:, None]
        ),
        "class 0 is left out, as if it were ignored": _matrix_flaw(background=False),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=MATRIX_ROW,
    choices=("rows", "ignored"),
    about={
        "truth": "the right label of each pixel",
        "predicted": "the predicted label of each pixel",
        "classes": "C, the number of classes",
    },
    fits=in_range("truth", "predicted"),
    further=(
        {"images": 2, "height": 2, "width": 3, "classes": 3, "ignored": 2, "wrong": 5, "spill": 1},
        {"images": 3, "height": 3, "width": 3, "classes": 4, "wrong": 9, "absent": 1},
        {"images": 2, "height": 3, "width": 4, "classes": 2, "ignored": 9, "wrong": 9, "spill": 1},
        {"images": 2, "height": 6, "width": 5, "classes": 5, "ignored": 20, "wrong": 30},
        {"images": 4, "height": 4, "width": 4, "classes": 11, "ignored": 8, "wrong": 20, "spill": 1},
    ),
)


@dataclass(frozen=True)
class MeanFlaw:
    """A flaw in the mean IoU; the defaults are right."""

    union: str = "union"  # what the hits are divided by
    images: str = "together"
    spill: bool = False  # what is predicted at ignored pixels is a false positive
    over: str = ""  # which classes the mean is over
    total: bool = False  # it is the sum
    matrix: MatrixFlaw = MatrixFlaw()


def mean_iou(case: Case, variant: Variant, flaw: MeanFlaw | None = None) -> Result:
    """The mean IoU as a fraction, with or without a flaw."""
    flaw = flaw or MeanFlaw()
    if flaw.images == "apart":
        cases = [
            replace(case, arrays={name: mask[b : b + 1] for name, mask in case.arrays.items()})
            for b in range(len(case.arrays["truth"]))
        ]
        means = [mean_iou(each, variant)[0] for each in cases]
        return (sum(means, Fraction(0)) / len(means),)
    truth, predicted = case.arrays.values()
    counts = confusion(case, flaw.matrix)
    true, found, hits = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    if flaw.spill:
        found = found + np.bincount(predicted[truth == IGNORED], minlength=len(counts))
    divisors = {
        "union": true + found - hits,
        "sum": true + found,
        "truth": true,
        "prediction": found,
        "larger": np.maximum(true, found),
        "half": (true + found) / 2,
    }[flaw.union].tolist()
    appears = {"": true + found, "truth": true, "prediction": found}[flaw.over].tolist()
    ious = []
    for c in range(variant.background == "left out", len(counts)):
        if appears[c]:
            ious.append(Fraction(int(hits[c])) / Fraction(divisors[c]) if divisors[c] else Fraction(0))
        elif variant.absent != "left out":
            ious.append(Fraction(int(variant.absent == "one")))
    return (sum(ious, Fraction(0)) / (1 if flaw.total else max(len(ious), 1)),)


def _mean_flaw(**flaw: object) -> Answer:
    made = MeanFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: mean_iou(case, variant, made)


def _accuracy(case: Case) -> Fraction:
    counts = confusion(case)
    return Fraction(int(counts.trace()), max(int(counts.sum()), 1))


def _by_frequency(case: Case) -> Fraction:
    """The IoU of each class, weighed by its share of the truth."""
    counts = confusion(case)
    true, found, hits = (part.tolist() for part in (counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()))
    terms = [Fraction(t * h, t + f - h) for t, f, h in zip(true, found, hits, strict=True) if t]
    total: Fraction = sum(terms, Fraction(0)) / max(sum(true), 1)
    return total


MEAN_IOU = Task(
    "mean_intersection_over_union",
    points=4,
    arrays=CONFUSION.arrays,
    options=CONFUSION.options,
    results=(("mean", "number"),),
    sizes=CONFUSION.sizes,
    build=masks_case,
    reference=mean_iou,
    text="The mean intersection over union of label masks (mIoU): the measure of segmentation.\n\n"
    "The IoU of a class is the number of pixels that are of the class in the truth and in the prediction, over the "
    "number of those that are in either. Pixels whose truth is {ignored} are ignored: they are in neither, whatever "
    "was predicted there. All images count as one. The mean is over {averaged}. A class appears if it is in the truth "
    "or in the prediction; {absent}. The mean of no class is 0. The result is exact, a fractions.Fraction.",
    example={"height": 2, "width": 3, "classes": 3, "ignored": 1, "wrong": 2, "spill": 1},
    wrong={
        "it is the mean of the images' own mIoU, where all images count as one": _mean_flaw(images="apart"),
        "what is predicted at ignored pixels is a false positive": _mean_flaw(spill=True),
        **{says: _mean_flaw(matrix=MatrixFlaw(ignored=kind)) for says, kind in IGNORED_WRONGLY.items()},
        "the pixels in both are counted twice in the union": _mean_flaw(union="sum"),
        "it is the Dice coefficient: twice the pixels in both over the sum": _mean_flaw(union="half"),
        "it is the recall: the pixels of the truth are the divisor": _mean_flaw(union="truth"),
        "it is the precision: the pixels of the prediction are the divisor": _mean_flaw(union="prediction"),
        "the divisor is the larger of truth and prediction, not the union": _mean_flaw(union="larger"),
        "classes that are in the prediction alone {without}": _mean_flaw(over="truth"),
        "classes that are in the truth alone {without}": _mean_flaw(over="prediction"),
        "it is the sum over the classes, not the mean": _mean_flaw(total=True),
        "it is the share of the pixels that are right": lambda case, variant, reference: (_accuracy(case),),
        "the classes are weighed by their pixels": lambda case, variant, reference: (_by_frequency(case),),
        "only the first image is counted": m.taking(truth=_first, predicted=_first),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=MATRIX_ROW,
    choices=("ignored", "absent", "background"),
    about=CONFUSION.about,
    fits=CONFUSION.fits,
    further=CONFUSION.further,
)
SEGMENTATION_MEASURES = Exercise(
    "segmentation-measures",
    "the confusion matrix and the mean IoU of label masks",
    (CONFUSION, MEAN_IOU),
    ("rows", "ignored", "absent", "background"),
)


# the loss


@dataclass(frozen=True)
class PixelFlaw:
    """A flaw in the gradient of the pixels' loss; the defaults are right."""

    share: str = ""  # the divisor
    ignored: str = "left out"
    axis: tuple[int, ...] = (3,)  # along which the softmax sums
    hot: str = "label"  # where 1 is subtracted
    softmax: str = "softmax"
    factor: float = 1


@np.errstate(all="ignore")
def pixel_gradient(case: Case, variant: Variant, flaw: PixelFlaw | None = None) -> Result:
    """dlogits, with or without a flaw."""
    flaw = flaw or PixelFlaw()
    dy, logits, labels = case.arrays.values()
    kept, classes = labels != IGNORED, logits.shape[3]
    top = 0 if flaw.softmax == "overflowing" else logits.max(axis=flaw.axis, keepdims=True)
    powers = np.exp(logits - top)
    shares = 1 / (1 + np.exp(-logits)) if flaw.softmax == "sigmoid" else powers / powers.sum(flaw.axis, keepdims=True)
    own = np.where(kept, labels, classes - 1 if flaw.ignored == "last" else 0)
    place = {"label": own, "below": own - 1}.get(flaw.hot)
    hot = np.zeros(logits.shape) if place is None else np.eye(classes)[place]
    if flaw.ignored == "softmax":
        hot = hot * kept[..., None]
    counts = kept if flaw.ignored == "left out" else np.ones_like(kept)
    divisor = {
        "kept": max(int(kept.sum()), 1),
        "foreground": max(int((kept & (labels > 0)).sum()), 1),
        "images": len(labels),
        "all": labels.size,
        "one": 1,
        "own": np.maximum(kept.sum(axis=(1, 2)), 1)[:, None, None, None],
    }[flaw.share or variant.share]
    return (dy * flaw.factor * np.where(counts[..., None], shares - hot, 0) / divisor,)


def _pixel_flaw(**flaw: object) -> Answer:
    made = PixelFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: pixel_gradient(case, variant, made)


def pixel_case(sizes: Sizes, draw: Draw) -> Case:
    """dy, logits and labels: dy is a multiple of every number that the loss may be divided by."""
    labels = labels_of(sizes, draw, sizes["classes"])
    logits = draw(*labels.shape, sizes["classes"], low=-3, high=3).astype(float)
    if sizes["saturated"]:  # no two of a pixel are equal
        ranks = np.argsort(logits + np.arange(sizes["classes"], dtype=np.int64) / 1000, axis=-1)
        logits = SATURATED * ranks.astype(float)
    counts = int((labels != IGNORED).sum()), int(((labels != IGNORED) & (labels > 0)).sum()), len(labels)
    whole = np.lcm.reduce(np.maximum(counts, 1))
    dy = np.array(float(whole * draw(1, low=1, high=3)[0]))
    return Case({"dy": dy, "logits": logits + sizes["near"], "labels": labels}, {}, sizes)


PIXEL_LOSS = Task(
    "pixel_cross_entropy_backward",
    points=5,
    arrays=(("dy", "any"), ("logits", "volume"), ("labels", "mask")),
    options=(),
    results=(("dlogits", "volume"),),
    sizes=(
        *MASKS,
        *(size for size in PARTS if size.name in ("classes", "ignored", "all")),
        Size("near", 0, (1000,), "the logits are near {}", paired=False),
        Size("saturated", 0, (1,), "the logits are far apart"),
    ),
    build=pixel_case,
    reference=pixel_gradient,
    text="The gradient of the loss of semantic segmentation: of dy · L with respect to logits.\n\n"
    "L is the sum over the pixels of the cross-entropy of the softmax of a pixel's logits against its label, divided "
    "by the number of {share}. Pixels whose label is {ignored} are ignored: they count neither in the sum nor in the "
    "divisor.",
    example={"height": 2, "width": 2, "classes": 3, "ignored": 1, "saturated": 1},
    wrong={
        "the divisor is the number of all pixels, with those that are ignored": _pixel_flaw(share="all"),
        "the divisor of an image is the number of its own pixels": _pixel_flaw(share="own"),
        "the gradient is not divided": _pixel_flaw(share="one"),
        "ignored pixels have a gradient, the softmax": _pixel_flaw(ignored="softmax"),
        "ignored pixels are taken for class 0": _pixel_flaw(ignored="first"),
        "ignored pixels are taken for the last class": _pixel_flaw(ignored="last"),
        "the softmax is over the rows of the map, not over the classes": _pixel_flaw(axis=(1,)),
        "the softmax is over the columns of the map, not over the classes": _pixel_flaw(axis=(2,)),
        "the softmax is over the images, not over the classes": _pixel_flaw(axis=(0,)),
        "the softmax is over all logits of an image": _pixel_flaw(axis=(1, 2, 3)),
        "1 is subtracted nowhere: it is the softmax": _pixel_flaw(hot=""),
        "1 is subtracted at label − 1": _pixel_flaw(hot="below"),
        "the sign is wrong": _pixel_flaw(factor=-1),
        "it is the sigmoid's gradient, not softmax's": _pixel_flaw(softmax="sigmoid"),
        "the softmax overflows where logits are large": _pixel_flaw(softmax="overflowing"),
        "dy is ignored": m.taking(dy=np.ones_like),
        "only the first image of the batch has a gradient": m.giving(lambda result, case: (m.only(0, 0)(result[0]),)),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=LOSS_ROW,
    choices=("ignored", "share"),
    about={
        "dy": "the upstream gradient, an array of no axes, as the loss is one number",
        "logits": "a logit for each pixel and class",
        "labels": "the class of each pixel, or the label that is ignored",
    },
    fits=in_range("labels"),
    further=(
        {"images": 2, "height": 2, "width": 3, "classes": 3, "ignored": 4},
        {"images": 3, "height": 3, "width": 3, "classes": 4, "ignored": 9, "saturated": 1},
        {"images": 2, "height": 2, "width": 2, "classes": 3, "ignored": 8, "all": 1},
        {"images": 2, "height": 3, "width": 2, "classes": 3, "ignored": 2, "near": 1000},
        {"images": 4, "height": 5, "width": 4, "classes": 11, "ignored": 20},
    ),
)
PIXEL_CROSS_ENTROPY = Exercise(
    "pixel-cross-entropy",
    "the gradient of the loss of semantic segmentation",
    (PIXEL_LOSS,),
    ("channels", "ignored", "share"),
)
