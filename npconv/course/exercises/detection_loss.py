"""The gradients of a detector's loss as exercises: of its boxes and of its classes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import Signature
from . import mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import Variant

BOX_ROW = Signature("", codes="B A 4", labels="B A", targets="B A 4")
CLASS_ROW = Signature("", logits="B A C", labels="B A")
WHOLE = 24  # by which dy is a multiple for each positive and each image, so that gradients are whole for every β
SATURATED = 20  # of which whole logits make a softmax of zeros and ones, to nine digits
DY = "the upstream gradient, an array of no axes, as the loss is one number"


def labels_of(sizes: Sizes, draw: Draw, classes: int) -> Array:
    """labels (B, A): so many positives and backgrounds in each image, in another order; none where one is empty."""
    positives, anchors = sizes["positives"], sizes["positives"] + sizes["backgrounds"]
    labels = np.zeros((sizes["images"], anchors), np.int64)
    for image in labels:
        places = np.argsort(draw(anchors) + np.arange(anchors, dtype=np.int64) / 100)[:positives]
        image[places] = np.arange(positives, dtype=np.int64) % classes + 1
    if sizes["empty"]:
        labels[-1] = 0
    return labels


def upstream(labels: Array, draw: Draw) -> Array:
    """A dy that the number of positives and that of images divide."""
    return np.array(float(WHOLE * max(int((labels > 0).sum()), 1) * len(labels) * draw(1, low=1, high=3)[0]))


def box_case(sizes: Sizes, draw: Draw) -> Case:
    """dy, codes, labels and targets: what a code is off by lies between ±1, and beyond at the places asked for."""
    labels = labels_of(sizes, draw, 2)
    targets = draw(*labels.shape, 4).astype(float)
    off = np.sign(draw(*labels.shape, 4)) * np.where(draw(*labels.shape, 4) > 1, 0.25, 1.0)
    flat = off[labels > 0]  # (P, 4), a copy
    if len(flat):
        flat[0] = (0.25, -0.5, 1, -1) if not sizes["half"] else (1.5, -1.5, 2.5, -2.5)
        flat[0] *= 1 if not sizes["far"] else 4
        flat[0, 0] = 0 if sizes["equal"] else flat[0, 0]
    off[labels > 0] = flat
    return Case({"dy": upstream(labels, draw), "codes": targets + off, "labels": labels, "targets": targets}, {}, sizes)


def divisor_of(labels: Array, divisor: str) -> Array:
    """The divisor of the loss of each image (B, 1)."""
    positives = (labels > 0).sum(axis=1)
    of_all = {
        "positives": max(int(positives.sum()), 1),
        "images": len(labels),
        "anchors": labels.size,
        "one": 1,
        "own": np.maximum(positives, 1),
    }[divisor]
    return np.broadcast_to(of_all, (len(labels),)).reshape(-1, 1).astype(float)


@dataclass(frozen=True)
class BoxFlaw:
    """A flaw in the gradient of the boxes' loss; the defaults are right."""

    slope: Callable[[Array, int], Array] | None = None  # the derivative of another loss, by what is off, and β
    of: str = "positives"  # the anchors that have a share
    divisor: str = ""
    factor: float = 1


def box_gradient(case: Case, variant: Variant, flaw: BoxFlaw | None = None) -> Result:
    """dcodes, with or without a flaw."""
    flaw = flaw or BoxFlaw()
    dy, codes, labels, targets = case.arrays.values()
    off = codes - targets
    slope = np.clip(off / variant.beta, -1, 1) if flaw.slope is None else flaw.slope(off, variant.beta)
    share = {"positives": labels > 0, "all": labels >= 0, "backgrounds": labels == 0}[flaw.of]
    weight = flaw.factor * share / divisor_of(labels, flaw.divisor or variant.divisor)
    return (dy * slope * weight[..., None],)


def _box_flaw(**flaw: object) -> Answer:
    made = BoxFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: box_gradient(case, variant, made)


DIVISORS: dict[str, str] = {
    "the divisor is the number of anchors": "anchors",
    "the divisor of an image is the number of its own positives": "own",
    "the gradient is not divided": "one",
}
IMAGES: dict[str, int] = {"only the first image of the batch has a gradient": 0}


def _of_image(number: int) -> Answer:
    """The answer that leaves out all images but one."""
    return m.giving(lambda result, case: (m.only(number, 0)(result[0]),))


SIZES = (
    Size("images", 1, (2, 3), "the batch has {} images"),
    Size("positives", 1, (2, 3), "there are {} positives in each image"),
)
BOX_LOSS = Task(
    "box_loss_backward",
    points=3,
    arrays=(("dy", "any"), ("codes", "volumes"), ("labels", "any"), ("targets", "volumes")),
    options=(),
    results=(("dcodes", "volumes"),),
    sizes=(
        *SIZES,
        Size("backgrounds", 0, (1, 2), "there are {} backgrounds in each image"),
        Size("empty", 0, (1,), "the last image has no positive"),
        Size("half", 0, (1,), "the codes are off by more than 1"),
        Size("far", 0, (1,), "the codes are far off"),
        Size("equal", 0, (1,), "there is a code that is right"),
    ),
    build=box_case,
    reference=box_gradient,
    text="The gradient of the loss of a detector's boxes: of dy · L with respect to codes.\n\n"
    "L is the sum over the positives, those anchors whose label is above 0, and over their four codes, of smooth L1 "
    "of d = code − target, divided by the number of {divisor}. Smooth L1 is d²/(2·β) where |d| < β, and |d| − β/2 "
    "elsewhere, with β = {beta}. Backgrounds, with the label 0, have no share.",
    example={"backgrounds": 1, "half": 0},
    wrong={
        "it is the gradient of the absolute error: the sign": _box_flaw(slope=lambda off, beta: np.sign(off)),
        "it is the gradient of the squared error: it is not cut off": _box_flaw(slope=lambda off, beta: off / beta),
        "the error is cut off at ±{beta} and not divided by {beta}": _box_flaw(
            slope=lambda off, beta: np.clip(off, -beta, beta)
        ),
        "the kinks are at ±1/2": _box_flaw(slope=lambda off, beta: np.clip(2 * off, -1, 1)),
        "beyond the kinks the gradient is 0": _box_flaw(slope=lambda off, beta: off / beta * (abs(off) <= beta)),
        "codes and targets are exchanged: the sign is wrong": _box_flaw(factor=-1),
        "backgrounds have a share": _box_flaw(of="all"),
        "only backgrounds have a share": _box_flaw(of="backgrounds"),
        "it is the mean over the four codes, where the sum is right": _box_flaw(factor=1 / 4),
        "dy is ignored": m.taking(dy=np.ones_like),
        **{says: _box_flaw(divisor=divisor) for says, divisor in DIVISORS.items()},
        **{says: _of_image(number) for says, number in IMAGES.items()},
        "it is smooth L1's value, not its derivative": _box_flaw(
            slope=lambda off, beta: np.where(abs(off) < beta, off**2 / (2 * beta), abs(off) - beta / 2)
        ),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=BOX_ROW,
    choices=("beta", "divisor"),
    about={
        "dy": DY,
        "codes": "the predicted codes",
        "labels": "the class of each anchor, 0 for background",
        "targets": "the codes that are right, of positives alone",
    },
    further=(
        {"images": 2, "positives": 2, "backgrounds": 3, "far": 1},
        {"images": 3, "positives": 3, "backgrounds": 2, "empty": 1, "half": 1},
        {"images": 4, "positives": 5, "backgrounds": 20, "half": 1},
    ),
)


# the classes


@dataclass(frozen=True)
class ClassFlaw:
    """A flaw in the gradient of the classes' loss; the defaults are right."""

    chosen: str = "hardest"  # which backgrounds
    positives: float = 1  # how often positives count
    backgrounds: float = 1
    spilling: bool = False  # where there are too few backgrounds, positives are counted again
    hot: str = "label"  # where 1 is subtracted
    divisor: str = ""
    softmax: str = "softmax"
    factor: float = 1


def class_case(sizes: Sizes, draw: Draw) -> Case:
    """dy, logits and labels: no two backgrounds have the same loss."""
    classes = sizes["classes"]
    labels = labels_of(sizes, draw, classes)
    logits = draw(*labels.shape, classes + 1, low=-3, high=3).astype(float)
    count = labels.size
    order = np.argsort(draw(count) + np.arange(count, dtype=np.int64) / 100).reshape(labels.shape)
    logits[..., 0] = logits[..., 1:].max(axis=-1) + (5 if not sizes["saturated"] else -1) - 2 * order
    logits = logits * (SATURATED if sizes["saturated"] else 1) + sizes["near"]
    return Case(
        {"dy": upstream(labels, draw), "logits": logits, "labels": labels}, {"negatives": sizes["negatives"]}, sizes
    )


def chosen_backgrounds(loss: Array, labels: Array, negatives: int, flaw: ClassFlaw, mining: str) -> Array:
    """The weight of each anchor beside the positives (B, A): 1 for the chosen negatives."""
    if mining == "batch":
        loss, labels = loss.reshape(1, -1), labels.reshape(1, -1)
    weight = np.zeros(labels.shape)
    for image, (losses, classes) in enumerate(zip(loss, labels, strict=True)):
        wanted = negatives * int((classes > 0).sum())
        hardest = np.where(classes > 0, -np.inf, losses if flaw.chosen != "easiest" else -losses)
        order = np.argsort(-hardest, kind="stable")
        if flaw.chosen == "first":
            order = np.argsort(classes > 0, kind="stable")
        if flaw.chosen == "any":
            order = np.argsort(-losses, kind="stable")[:wanted]
        order = order if flaw.spilling else order[classes[order] == 0]
        weight[image, order if flaw.chosen == "all" else order[:wanted]] = 1
    return weight * (flaw.chosen != "none")


@np.errstate(all="ignore")
def class_gradient(case: Case, variant: Variant, flaw: ClassFlaw | None = None) -> Result:
    """dlogits, with or without a flaw."""
    flaw = flaw or ClassFlaw()
    dy, logits, labels = case.arrays.values()
    top = 0 if flaw.softmax == "overflowing" else logits.max(axis=-1, keepdims=True)
    powers = np.exp(logits - top)
    shares = powers / powers.sum(axis=-1, keepdims=True)
    of_label = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    loss = np.log(powers.sum(axis=-1)) + logits.max(axis=-1) - of_label
    if flaw.softmax == "sigmoid":
        shares = 1 / (1 + np.exp(-logits))
    weight = chosen_backgrounds(loss, labels, case.options["negatives"], flaw, variant.mining).reshape(labels.shape)
    weight = weight * flaw.backgrounds + flaw.positives * (labels > 0)
    place = {"label": labels, "below": np.maximum(labels - 1, 0), "background": 0 * labels}.get(flaw.hot)
    hot = 0 if place is None else np.eye(logits.shape[-1])[place]
    weight = flaw.factor * weight / divisor_of(labels, flaw.divisor or variant.divisor)
    return (dy * (shares - hot) * weight[..., None],)


def _class_flaw(**flaw: object) -> Answer:
    made = ClassFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: class_gradient(case, variant, made)


CLASS_LOSS = Task(
    "class_loss_backward",
    points=5,
    arrays=(("dy", "any"), ("logits", "volumes"), ("labels", "any")),
    options=(("negatives", ""),),
    results=(("dlogits", "volumes"),),
    sizes=(
        *SIZES,
        Size("backgrounds", 0, (1, 2, 5), "there are {} backgrounds in each image"),
        Size("classes", 1, (2, 3), "there are {} classes beside the background"),
        Size("negatives", 1, (2, 3), "there are {} negatives to a positive"),
        Size("empty", 0, (1,), "the last image has no positive"),
        Size("near", 0, (1000,), "the logits are near {}", paired=False),
        Size("saturated", 0, (1,), "the logits are far apart"),
    ),
    build=class_case,
    reference=class_gradient,
    text="The gradient of the loss of a detector's classes: of dy · L with respect to logits.\n\n"
    "L is the sum of softmax cross-entropy over the positives, whose label is above 0, and over the chosen negatives, "
    "divided by the number of {divisor}. Negatives are backgrounds, with the label 0: {mined} those with the highest "
    "cross-entropy are chosen, as many as negatives says for each of its positives, or all where there are fewer. The "
    "other backgrounds have no share. Which are chosen is taken for a constant. No two have the same cross-entropy.",
    example={"backgrounds": 1, "saturated": 1, "negatives": 3},
    wrong={
        "all backgrounds have a share: none is chosen": _class_flaw(chosen="all"),
        "the backgrounds with the lowest cross-entropy are chosen": _class_flaw(chosen="easiest"),
        "the first backgrounds are chosen, whatever their cross-entropy": _class_flaw(chosen="first"),
        "positives are among the chosen, and take the places of negatives": _class_flaw(chosen="any"),
        "only the positives have a share": _class_flaw(chosen="none"),
        "only the negatives have a share": _class_flaw(positives=0),
        "positives are counted twice where there are too few backgrounds": _class_flaw(spilling=True),
        "there are always three negatives to a positive": m.taking(negatives=lambda _: 3),
        "there is one negative to a positive, whatever negatives is": m.taking(negatives=lambda _: 1),
        "1 is subtracted nowhere: it is the softmax": _class_flaw(hot=""),
        "1 is subtracted at label − 1": _class_flaw(hot="below"),
        "1 is subtracted at the background for all": _class_flaw(hot="background"),
        "the sign is wrong": _class_flaw(factor=-1),
        "it is the sigmoid's gradient, not softmax's": _class_flaw(softmax="sigmoid"),
        "the softmax overflows where logits are large": _class_flaw(softmax="overflowing"),
        "dy is ignored": m.taking(dy=np.ones_like),
        **{says: _class_flaw(divisor=divisor) for says, divisor in DIVISORS.items()},
        **{says: _of_image(number) for says, number in IMAGES.items()},
    },
    exact=False,
    integers=False,
    mixed=False,
    row=CLASS_ROW,
    choices=("mining", "divisor"),
    about={
        "dy": DY,
        "logits": "a logit for each class, the background's first",
        "labels": "the class of each anchor, 0 for background",
        "negatives": "how many backgrounds are chosen for each positive",
    },
    further=(
        {"images": 2, "positives": 2, "backgrounds": 9, "classes": 2, "negatives": 2},
        {"images": 3, "positives": 1, "backgrounds": 6, "classes": 3, "negatives": 3, "empty": 1},
        {"images": 3, "positives": 2, "backgrounds": 2, "classes": 2, "negatives": 3},
        {"images": 4, "positives": 3, "backgrounds": 30, "classes": 10, "negatives": 3},
        {"images": 2, "positives": 2, "backgrounds": 9, "classes": 3, "near": 1000},
    ),
)
DETECTION_LOSS = Exercise(
    "detection-loss",
    "the gradient of a detector's loss: of its boxes, and of its classes with their negatives",
    (BOX_LOSS, CLASS_LOSS),
    ("beta", "mining", "divisor"),
)
