"""Boxes as exercises: their overlaps, their codes against anchors, and the suppression of those found twice."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import Signature
from . import mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import Variant

IOU_ROW = Signature("S T", a="S 4", b="T 4")
CODE_ROW = Signature("A 4", boxes="A 4", codes="A 4", anchors="A 4")
KEPT_ROW = Signature("K", boxes="A 4", scores="A")


def upright(*names: str) -> Callable[[Case], bool]:
    """The test that in the arrays of these names every box's bottom lies below its top, and its right of its left."""
    return lambda case: all(bool((case.arrays[name][:, 2:] > case.arrays[name][:, :2]).all()) for name in names)


def boxes_at(corners: Array, sides: Array) -> Array:
    """Boxes (…, 4) by their upper left corners and their heights and widths."""
    return np.concatenate([corners, corners + sides], axis=-1).astype(np.float64)


# how much two boxes overlap


@dataclass(frozen=True)
class OverlapFlaw:
    """A flaw in the overlap of boxes; the defaults are right."""

    clamped: bool = True  # whether the intersection's sides are cut off at 0
    late: bool = False  # or its area alone
    closed: tuple[int, int] = (0, 0)  # what is added to a side: of the intersection, and of a box
    over: str = ""  # what the intersection is divided by, where it is not what the variant says
    inner: tuple[Callable[..., Array], Callable[..., Array]] = (np.maximum, np.minimum)


def _product(sides: Array) -> Array:
    """Areas from heights and widths, (…, 2)."""
    product: Array = sides[..., 0] * sides[..., 1]
    return product


@np.errstate(all="ignore")  # of mistakes, such as a division by 0
def overlaps(a: Array, b: Array, *, measure: str = "union", flaw: OverlapFlaw | None = None) -> Array:
    """The IoU of each box of a with each box of b, with or without a flaw."""
    flaw = flaw or OverlapFlaw()
    first, second = a[:, None], b[None]
    sides = flaw.inner[1](first[..., 2:], second[..., 2:]) - flaw.inner[0](first[..., :2], second[..., :2])
    sides = sides + flaw.closed[0]
    inside = _product(np.maximum(sides, 0) if flaw.clamped and not flaw.late else sides)
    inside = np.maximum(inside, 0) if flaw.late else inside
    areas = [_product(boxes[..., 2:] - boxes[..., :2] + flaw.closed[1]) for boxes in (first, second)]
    whole = {
        "union": areas[0] + areas[1] - inside,
        "smaller": np.minimum(*areas),
        "larger": np.maximum(*areas),
        "sum": areas[0] + areas[1],
        "half the sum": (areas[0] + areas[1]) / 2,
        "first": areas[0] + 0 * inside,
        "second": areas[1] + 0 * inside,
        "one": np.ones_like(inside),
    }[flaw.over or measure]
    if (whole == 0).any():
        raise ValueError("boxes that are misread may have no area")
    found: Array = inside / whole
    return found


def overlap_case(sizes: Sizes, draw: Draw) -> Case:
    """a (S, 4) and b (T, 4); the first of each as the sizes ask for, at the least a box and its upper left quarter."""
    count = {"a": sizes["first"], "b": sizes["second"]}
    boxes = {
        name: boxes_at(draw(n, 2, low=0, high=4), draw(n, 2, low=1, high=3) + draw(n, 2, low=0, high=2))
        for name, n in count.items()
    }
    corner, sides = boxes["a"][0, :2], 2 * draw(2, low=1, high=2)
    moved = {
        "beside": sides * (0, 1),
        "corner": sides,
        "apart": sides + 1,
        "across": sides / 2,
        "equal": 0 * sides,
    }
    boxes["a"][0] = boxes_at(corner, sides)
    boxes["b"][0] = boxes_at(corner, sides / 2)
    for name, by in moved.items():
        if sizes[name]:
            boxes["b"][0] = boxes_at(corner + by, sides + (np.array([1.0, 2.0]) if name != "equal" else 0))
    if sizes["halves"]:
        boxes["b"] = boxes["b"] + 0.25
    return Case(boxes, {}, sizes)


def _overlap_flaw(**flaw: object) -> Answer:
    return lambda case, variant, reference: (
        overlaps(*case.arrays.values(), measure=variant.measure, flaw=OverlapFlaw(**flaw)),  # type: ignore[arg-type]
    )


CLOSED = "the last row and column are counted in: a side is {side}"
IOU_TASK = Task(
    "iou",
    points=2,
    arrays=(("a", "boxes"), ("b", "boxes")),
    options=(),
    results=(("overlaps", "table"),),
    sizes=(
        Size("first", 1, (2, 3), "a has {} boxes"),
        Size("second", 1, (2, 3), "b has {} boxes"),
        Size("across", 0, (1,), "there are two boxes that overlap in part"),
        Size("beside", 0, (1,), "there are two boxes that touch side by side"),
        Size("corner", 0, (1,), "there are two boxes that touch at a corner"),
        Size("apart", 0, (1,), "there are two boxes that share neither rows nor columns"),
        Size("equal", 0, (1,), "there are two equal boxes"),
        Size("halves", 0, (1,), "the coordinates are not whole"),
    ),
    build=overlap_case,
    reference=lambda case, variant: (overlaps(*case.arrays.values(), measure=variant.measure),),
    text="The overlaps of boxes: the area of the intersection over that of {measure}.\n\n"
    "One value for each box of a and each box of b. A box is {box} in pixels, half open: a box from row 1 to row 3 is "
    "2 pixels high. Boxes that do not overlap have 0. All boxes have an area.",
    example={"second": 2},
    wrong={
        "the sides of the intersection are not cut off at 0": _overlap_flaw(clamped=False),
        "the area of the intersection is cut off at 0, not its sides: two negative ones make an area": _overlap_flaw(
            late=True
        ),
        "the divisor is the sum of the two areas: the intersection is counted twice": _overlap_flaw(over="sum"),
        "it is twice the intersection over the sum of the areas": _overlap_flaw(over="half the sum"),
        "the divisor is the first box's area": _overlap_flaw(over="first"),
        "the divisor is the second box's area": _overlap_flaw(over="second"),
        "the divisor is the larger area": _overlap_flaw(over="larger"),
        "the intersection is not divided": _overlap_flaw(over="one"),
        CLOSED: _overlap_flaw(closed=(1, 1)),
        "the last row and column are counted in, in the intersection alone": _overlap_flaw(closed=(1, 0)),
        "the box around both is taken for the intersection": _overlap_flaw(inner=(np.minimum, np.maximum)),
        "overlaps is turned: b's boxes are its rows": m.giving(lambda result, case: (result[0].T,)),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=IOU_ROW,
    choices=("box", "measure"),
    about={"a": "boxes", "b": "boxes"},
    digits=2,
    fits=upright("a", "b"),
    further=(
        {"first": 2, "second": 4, "across": 1},
        {"first": 5, "second": 3, "apart": 1, "halves": 1},
        {"first": 7, "second": 7},
    ),
)
IOU = Exercise("iou", "the overlap of boxes", (IOU_TASK,), ("box", "measure"))

# boxes as codes against anchors

SCALES = ((1, 1, 1, 1), (10, 10, 5, 5), (2, 3, 4, 6))


@dataclass(frozen=True)
class CoderFlaw:
    """A flaw in the codes of boxes, or in the boxes of codes; the defaults are right."""

    corner: bool = False  # the corner is taken for the centre
    by: str = "anchor"  # whose sides a shift is measured in
    one_side: bool = False  # the anchor's height is taken for its width too
    logarithm: Callable[[Array], Array] = np.log
    exponential: Callable[[Array], Array] = np.exp
    half: float = 0.5  # what of a side lies on each side of the centre
    doubled: bool = False  # the size is the anchor's plus the code's


def centres(boxes: Array, flaw: CoderFlaw) -> tuple[Array, Array]:
    """The centres and the sides of boxes."""
    sides = boxes[:, 2:] - boxes[:, :2]
    if flaw.one_side:
        sides = np.repeat(sides[:, :1], 2, axis=1)
    return boxes[:, :2] + (0 if flaw.corner else (boxes[:, 2:] - boxes[:, :2]) / 2), sides


def factors_of(case: Case, variant: Variant) -> Array:
    """The factor of each code, in the order (ty, tx, th, tw); ((tx, ty, tw, th) have the scales in theirs)."""
    scales = np.array(case.options["scales"], float)
    scales = scales[[1, 0, 3, 2]] if variant.codes == "columns first" else scales
    return scales if variant.scales == "factors" else 1 / scales


@np.errstate(all="ignore")
def encoded(case: Case, variant: Variant, flaw: CoderFlaw | None = None) -> Result:
    """The codes of boxes, with or without a flaw."""
    flaw = flaw or CoderFlaw()
    boxes, anchors = case.arrays.values()
    (centre, sides), (origin, unit) = centres(boxes, flaw), centres(anchors, flaw)
    shift = (centre - origin) / {"anchor": unit, "box": sides, "pixel": np.ones_like(unit)}[flaw.by]
    return (np.concatenate([shift, flaw.logarithm(sides / unit)], axis=1) * factors_of(case, variant),)


@np.errstate(all="ignore")
def decoded(case: Case, variant: Variant, flaw: CoderFlaw | None = None) -> Result:
    """The boxes of codes, with or without a flaw."""
    flaw = flaw or CoderFlaw()
    codes, anchors = case.arrays.values()
    codes = codes / factors_of(case, variant)
    origin, unit = centres(anchors, flaw)
    sides = unit * (1 + codes[:, 2:]) if flaw.doubled else unit * flaw.exponential(codes[:, 2:])
    centre = origin + codes[:, :2] * {"anchor": unit, "box": sides, "pixel": np.ones_like(unit)}[flaw.by]
    return (np.concatenate([centre - flaw.half * sides, centre + flaw.half * sides], axis=1),)


def anchors_of(sizes: Sizes, draw: Draw) -> tuple[Array, Array]:
    """Upper left corners and sides of anchors; the sides are 2 and 4, or 4 and 2, and others after the first."""
    count = sizes["boxes"]
    sides = 2 * draw(count, 2, low=1, high=3)
    sides[0] = (2, 4)
    return draw(count, 2, low=-2, high=4), sides


def encode_case(sizes: Sizes, draw: Draw) -> Case:
    """boxes (A, 4) and anchors (A, 4): at the least as large as each other, and whole anchors apart."""
    corners, sides = anchors_of(sizes, draw)
    shift = sizes["far"] * sides * draw(*sides.shape) / (4 if sizes["between"] else 1)
    grown = sides * np.array([2.0 if sizes["taller"] else 1, 0.5 if sizes["wider"] else 1])
    arrays = {"boxes": boxes_at(corners + shift + (sides - grown) / 2, grown), "anchors": boxes_at(corners, sides)}
    return Case(arrays, {"scales": SCALES[sizes["scales"]]}, sizes)


def decode_case(sizes: Sizes, draw: Draw) -> Case:
    """codes (A, 4) and anchors (A, 4): at the least each shift is a whole anchor."""
    corners, sides = anchors_of(sizes, draw)
    scales = np.array(SCALES[sizes["scales"]], float)
    shift = draw(*sides.shape) / (4 if sizes["between"] else 1)
    grown = np.sign(draw(*sides.shape)) * np.array([0.7 * sizes["taller"], 0.4 * sizes["wider"]])
    codes = np.concatenate([shift, grown], axis=1) * (scales if sizes["scales"] else 1)
    return Case({"codes": codes, "anchors": boxes_at(corners, sides)}, {"scales": SCALES[sizes["scales"]]}, sizes)


def _coder_flaw(function: Callable[[Case, Variant, CoderFlaw], Result], **flaw: object) -> Answer:
    made = CoderFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: function(case, variant, made)


WRONG_SCALES: m.Wrong = {
    "the scales are ignored": m.taking(scales=lambda scales: (1, 1, 1, 1)),
    "the scales of shift and size are exchanged": m.taking(scales=lambda scales: scales[2:] + scales[:2]),
    "the scales of rows and columns are exchanged": m.taking(scales=lambda s: (s[1], s[0], s[3], s[2])),
    "the first scale is taken for all": m.taking(scales=lambda scales: scales[:1] * 4),
    "the scales are 10, 10, 5 and 5, whatever is given": m.taking(scales=lambda scales: (10, 10, 5, 5)),
}


CODER_SIZES = (
    Size("boxes", 1, (2, 3), "there are {} boxes"),
    Size("between", 0, (1,), "the shift is part of an anchor"),
    Size("taller", 0, (1,), "the heights differ"),
    Size("wider", 0, (1,), "the widths differ"),
    Size("scales", 0, (1, 2), "the scales are not all 1"),
)
ENCODE = Task(
    "encode_boxes",
    points=2,
    arrays=(("boxes", "boxes"), ("anchors", "boxes")),
    options=(("scales", ""),),
    results=(("codes", "codes"),),
    sizes=(*CODER_SIZES, Size("far", 1, (6,), "the shift is that of {} anchors", paired=False)),
    build=encode_case,
    reference=encoded,
    text="The codes of boxes against anchors, which a detector learns.\n\n"
    "The codes of a box are {codes}: ty and tx are how far its centre lies below and to the right of the anchor's, in "
    "heights and widths of the anchor; th and tw are the natural logarithms of its height and its width over the "
    "anchor's. Each is {scaled} its scale; the scales are in the order of the codes. A box is {box} in pixels.",
    example={"boxes": 2, "scales": 2, "far": 6},  # so that the codes are whole for divisors too
    wrong={
        "ty and tx are in sides of the box, not of the anchor": _coder_flaw(encoded, by="box"),
        "ty and tx are in pixels": _coder_flaw(encoded, by="pixel"),
        "the corners are compared, not the centres": _coder_flaw(encoded, corner=True),
        "the anchor's height is taken for its width": _coder_flaw(encoded, one_side=True),
        "the logarithm is left out: th and tw are ratios": _coder_flaw(encoded, logarithm=lambda ratio: ratio),
        "the logarithm is left out: th and tw are ratios minus 1": _coder_flaw(encoded, logarithm=lambda r: r - 1),
        "the logarithm is the binary one": _coder_flaw(encoded, logarithm=np.log2),
        "the logarithm is that of the anchor over the box": _coder_flaw(encoded, logarithm=lambda r: -np.log(r)),
        "boxes and anchors are exchanged": lambda case, variant, reference: reference(
            replace(case, arrays=dict(zip(case.arrays, reversed([*case.arrays.values()]), strict=True))), variant
        ),
        **WRONG_SCALES,
    },
    exact=False,
    integers=False,
    mixed=False,
    row=CODE_ROW,
    choices=("box", "codes", "scales"),
    about={
        "boxes": "boxes",
        "anchors": "a default box for each of them",
        "codes": "their codes",
        "scales": "four numbers, one for each code",
    },
    fits=upright("boxes", "anchors"),
    further=({"boxes": 5, "between": 1, "taller": 1, "wider": 1, "scales": 2}, {"boxes": 4, "between": 1, "scales": 1}),
)


def _as_centres(case: Case, variant: Variant, reference: Callable[..., Result]) -> Result:
    """The answer in another form than the anchors'."""
    return (variant.ours("boxes", Variant(box="centre").theirs("boxes", reference(case, variant)[0])),)


DECODE = replace(
    ENCODE,
    name="decode_boxes",
    arrays=(("codes", "codes"), ("anchors", "boxes")),
    results=(("boxes", "boxes"),),
    sizes=CODER_SIZES,
    build=decode_case,
    reference=decoded,
    text="The boxes of codes against anchors: the inverse of encode_boxes.\n\n"
    "The codes of a box are {codes}: ty and tx are how far its centre lies below and to the right of the anchor's, in "
    "heights and widths of the anchor; th and tw are the natural logarithms of its height and its width over the "
    "anchor's. Each was {scaled} its scale; the scales are in the order of the codes. A box is {box} in pixels.",
    wrong={
        "the shift is in sides of the box, not of the anchor": _coder_flaw(decoded, by="box"),
        "the shift is in pixels": _coder_flaw(decoded, by="pixel"),
        "the shift is that of the anchor's corner, not of its centre": _coder_flaw(decoded, corner=True),
        "the anchor's height is taken for its width": _coder_flaw(decoded, one_side=True),
        "the exponential is left out: th and tw are taken for ratios": _coder_flaw(decoded, exponential=lambda t: t),
        "the exponential is left out: 1 + th and 1 + tw are taken for ratios": _coder_flaw(decoded, doubled=True),
        "it is 2 to the power of th": _coder_flaw(decoded, exponential=np.exp2),
        "the sign of th and tw is wrong": _coder_flaw(decoded, exponential=lambda t: np.exp(-t)),
        "the whole height and width are put on both sides of the centre": _coder_flaw(decoded, half=1),
        "the centre and the size are returned": _as_centres,
        **WRONG_SCALES,
    },
    fits=upright("anchors"),
)
BOX_CODER = Exercise("box-coder", "boxes as codes, and back", (ENCODE, DECODE), ("box", "codes", "scales"))

# suppression


@dataclass(frozen=True)
class KeepingFlaw:
    """A flaw in the suppression of boxes; the defaults are right."""

    rising: bool = False  # the lowest score is taken first
    unsorted: bool = False  # and this the order of the indices
    by_suppressed: bool = False  # suppressed boxes suppress others too
    last_alone: bool = False  # a box is compared with the last one kept alone
    below: bool = False  # those below the threshold are suppressed
    measure: str = "union"
    overlap: OverlapFlaw | None = None
    places: bool = False  # the places in the order of the scores are returned
    by_index: bool = False  # the kept indices are sorted
    most: int = 1000
    none: bool = False  # nothing is suppressed


def kept(case: Case, variant: Variant, flaw: KeepingFlaw | None = None) -> Result:
    """The indices of the boxes that are kept, with or without a flaw."""
    flaw = flaw or KeepingFlaw()
    boxes, scores = case.arrays.values()
    lower = 1 if variant.ties == "lower" else -1
    order = sorted(range(len(scores)), key=lambda i: ((1 if flaw.rising else -1) * scores[i], lower * i))
    if flaw.unsorted:
        order = list(range(len(scores)))
    table, threshold = overlaps(boxes, boxes, measure=flaw.measure, flaw=flaw.overlap), case.options["threshold"]
    suppresses = table > threshold if variant.threshold == "above" else table >= threshold
    suppresses = ~suppresses if flaw.below else suppresses & (not flaw.none)
    found: list[int] = []
    for place, i in enumerate(order):
        among = order[:place] if flaw.by_suppressed else found[-1:] if flaw.last_alone else found
        if not any(suppresses[j, i] for j in among):
            found.append(i)
    found = found[: flaw.most]
    if flaw.places:
        found = [order.index(i) for i in found]
    return (np.array(sorted(found) if flaw.by_index else found, np.int64),)


def suppression_case(sizes: Sizes, draw: Draw) -> Case:
    """boxes (A, 4), the second the upper part of the first, and scores, which differ unless they are to be equal."""
    percent = sizes["percent"]
    several = sizes["over"] or sizes["under"] or sizes["equal"] or sizes["apart"]
    count = max(sizes["boxes"], 3 if sizes["chain"] else 2 if several else 1)
    boxes = boxes_at(draw(count, 2, low=3, high=9), draw(count, 2, low=2, high=4))
    scores = np.argsort(draw(count) + np.arange(count, dtype=np.int64) / 100).astype(float) + 1
    first = boxes_at(draw(2, low=3, high=6), np.array([8, 5], np.int64))
    boxes[0] = first
    if count > 1:  # so many of the first's eight rows that the IoU is the threshold, or one row more or less
        rows = {25: 2, 50: 4, 75: 6}.get(percent, 4) + sizes["over"] - sizes["under"]
        boxes[1] = boxes_at(first[:2], np.array([rows, 5]))
    if sizes["chain"]:  # the third overlaps with the second, and less with the first, which takes the second away
        down = np.array([1.0, 0, 1, 0]) * {25: 3, 50: 2, 75: 1}.get(percent, 1)
        boxes[1], boxes[2] = first + down, first + 2 * down
        scores[:3] = np.array([3, 2, 1], np.int64) + count
    if sizes["apart"]:  # by as much as the sides, so that two negative sides make an area
        boxes[-1] = first + np.array([14, 11, 14, 11], np.int64)
    if sizes["equal"]:
        scores[:2] = count + 9
    if sizes["best"]:
        scores[-1] = count + 10
    return Case({"boxes": boxes, "scores": scores}, {"threshold": percent / 100}, sizes)


def _keeping_flaw(**flaw: object) -> Answer:
    made = KeepingFlaw(**flaw)  # type: ignore[arg-type]
    return lambda case, variant, reference: kept(case, variant, made)


NMS = Task(
    "non_maximum_suppression",
    points=4,
    arrays=(("boxes", "boxes"), ("scores", "vector")),
    options=(("threshold", ""),),
    results=(("kept", "vector"),),
    sizes=(
        Size("boxes", 1, (2, 3, 4), "there are {} boxes"),
        Size("percent", 25, (50, 75), "the threshold is {} %"),
        Size("over", 0, (1,), "there is an IoU above the threshold"),
        Size("under", 0, (1,), "there is an IoU below the threshold"),
        Size("equal", 0, (1,), "there are two equal scores"),
        Size("chain", 0, (1,), "there is a suppressed box that overlaps with a third"),
        Size("apart", 0, (1,), "the last box lies far to the lower right"),
        Size("best", 0, (1,), "the last box has the highest score"),
    ),
    build=suppression_case,
    reference=kept,
    text="Non-maximum suppression: the indices of the boxes that are kept, by falling score.\n\n"
    "The box with the highest score that is left is kept, and suppresses those that are left and whose IoU with it is "
    "{suppressed}; and so on until none is left. Of equal scores the {first} index comes first. A suppressed box "
    "suppresses none. The IoU is the area of the intersection over that of the union; a box is {box} in pixels, half "
    "open.",
    example={"boxes": 3, "chain": 1, "percent": 50},
    wrong={
        "the lowest score comes first": _keeping_flaw(rising=True),
        "the scores are ignored: the boxes are taken in their order": _keeping_flaw(unsorted=True),
        "the kept indices are sorted, not by falling score": _keeping_flaw(by_index=True),
        "suppressed boxes suppress others": _keeping_flaw(by_suppressed=True),
        "a box is compared with the last one kept alone": _keeping_flaw(last_alone=True),
        "boxes are suppressed below the threshold": _keeping_flaw(below=True),
        "nothing is suppressed": _keeping_flaw(none=True),
        "only the best box is kept": _keeping_flaw(most=1),
        "the places in the order of the scores are returned, not the indices": _keeping_flaw(places=True),
        "the intersection is divided by the smaller area": _keeping_flaw(measure="smaller"),
        CLOSED: _keeping_flaw(overlap=OverlapFlaw(closed=(1, 1))),
        "the sides of the intersection are not cut off at 0": _keeping_flaw(overlap=OverlapFlaw(clamped=False)),
        "the divisor is the sum of the two areas: the intersection is counted twice": _keeping_flaw(measure="sum"),
    },
    exact=False,
    integers=False,
    mixed=False,
    row=KEPT_ROW,
    choices=("box", "threshold", "ties"),
    about={"boxes": "boxes", "scores": "their scores", "threshold": "an IoU, between 0 and 1"},
    fits=upright("boxes"),
    further=(
        {"boxes": 5, "percent": 25, "chain": 1},
        {"boxes": 6, "percent": 50, "equal": 1},
        {"boxes": 9, "percent": 25, "best": 1},
        {"boxes": 12, "percent": 50, "over": 1, "equal": 1},
    ),
)
SUPPRESSION = Exercise("suppression", "the suppression of boxes found twice", (NMS,), ("box", "threshold", "ties"))
