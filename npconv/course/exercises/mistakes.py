"""The mistakes known by name, in tables: a sentence for each, and the answer of a function that makes it.

Most answers are those of the right function after a change of its arguments or of its results. The words in braces of
a sentence are the variant's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from ...kernels.geometry import Array
from ...text import listed
from .convolutions import NO_PADDING, output_sides
from .exercise import Answer, Case, Mistake, Named, Reference, Result, Task
from .variants import LAYOUTS, OPTIONS, PAIRS, SPATIAL, WORDS, Variant, kind_of_shape

Wrong: TypeAlias = dict[str, Answer]
Change: TypeAlias = Callable[[Any], Any]


def changed(case: Case, change: Mapping[str, Change]) -> Case:
    """The case with the arrays and options of these names changed."""
    arrays, options = (
        {name: change[name](value) if name in change and value is not None else value for name, value in given.items()}
        for given in (case.arrays, case.options)
    )
    return replace(case, arrays=arrays, options=options)


def padded_already(case: Case, padded: Array) -> Case:
    """The case with this padded map as x, and no further padding."""
    return changed(case, {"x": lambda x: padded, "padding": lambda padding: NO_PADDING})


# answers


def taking(**change: Change) -> Answer:
    """The answer of a function that changes an array or an option first."""
    return lambda case, variant, reference: reference(changed(case, change), variant)


def as_if(task: Task, **choices: Any) -> Answer:
    """The answer of a function that is right in another variant: it reads, computes and lays out as is right there."""

    def laid(named: Named, values: Sequence[Any], into: Callable[[str, Array], Array]) -> list[Any]:
        pairs = zip(named, values, strict=True)
        return [into(kind, a) if isinstance(a, np.ndarray) else a for (_, kind), a in pairs]

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        other = replace(variant, **choices)
        given = laid(task.arrays, list(case.arrays.values()), lambda kind, a: other.ours(kind, variant.theirs(kind, a)))
        read = replace(
            case,
            arrays=dict(zip(case.arrays, given, strict=True)),
            options=other.our_options(variant.their_options(case.options)),
        )
        try:
            result = reference(read, other)
        except IndexError as error:  # of arrays in another layout
            raise ValueError("the shapes do not fit") from error
        return tuple(laid(task.results, result, lambda kind, a: variant.ours(kind, other.theirs(kind, a))))

    return answered


def where(answer: Answer, **choices: Any) -> Answer:
    """The answer in variants with these options; in others it is another mistake, or none."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        if any(getattr(variant, choice) != option for choice, option in choices.items()):
            raise ValueError("another variant")
        return answer(case, variant, reference)

    return answered


def giving(change: Callable[[Result, Case], Result]) -> Answer:
    """The answer of a function that changes the right results."""
    return lambda case, variant, reference: change(reference(case, variant), case)


def in_part(position: int, answer: Answer) -> Answer:
    """An answer that is wrong in one of the results alone."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        wrong, right = answer(case, variant, reference), reference(case, variant)
        return (*right[:position], wrong[position], *right[position + 1 :])

    return answered


def together(first: Answer, others: Answer) -> Answer:
    """The answer with one mistake in the first result, and another in the others."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        return (first(case, variant, reference)[0], *others(case, variant, reference)[1:])

    return answered


def overwriting(
    parts: Callable[[Array], Mapping[tuple[int, int], Array]], product: Callable[..., Array], *, directly: bool = False
) -> Answer:
    """The answer with = for +=: where patches overlap, dx keeps only the last one.

    `parts(kernel)` are the parts that are written one after the other, by their place in the kernel: the whole kernel,
    or its taps. `product(dy, part, m)` is what one position's dy (B, N) sends to a part's patch, (B, Dᵣ, Dᵣ, M). It is
    written into the gradient of the padded map, or directly into dx, where a value and its copies are one.
    """

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        dy, x, kernel = case.arrays.values()
        stride, padding = case.options["stride"], case.options["padding"]
        shape = variant.padded(x, padding).shape
        places = np.arange(shape[1] * shape[2], dtype=np.int64).reshape(shape[1:3])
        if directly:
            places = variant.sources(x.shape[1], x.shape[2], padding)
        gradient = np.zeros((shape[0], int(places.max()) + 1, shape[3]))
        for (i, j), part in parts(kernel).items():
            for v, w in np.ndindex(*output_sides(x.shape, kernel.shape, **case.options)):
                row, column = v * stride[0] + i, w * stride[1] + j
                patch = places[row : row + part.shape[0], column : column + part.shape[1]]
                gradient[:, patch] = product(dy[:, v, w], part, x.shape[-1])
        dx = gradient[:, 1:].reshape(x.shape) if directly else variant.unpadded(gradient.reshape(shape), padding)
        return (dx, *reference(case, variant)[1:])

    return answered


def written_over(*, outside_last: bool) -> Answer:
    """The answer with = for +=, where the gradient of the padded map is sent back to what it is a copy of.

    The copies are written in their order, or those outside the map after those inside.
    """

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        x, padding = case.arrays["x"], case.options["padding"]
        dpadded = reference(padded_already(case, variant.padded(x, padding)), variant)[0]
        places = variant.sources(x.shape[1], x.shape[2], padding)
        outside = np.pad(np.zeros(x.shape[1:3], bool), padding, constant_values=True)
        order = np.argsort((outside & outside_last).ravel(), kind="stable")
        dx = np.zeros((len(x), 1 + x.shape[1] * x.shape[2], x.shape[3]))
        dx[:, places.ravel()[order]] = dpadded.reshape(len(x), -1, x.shape[3])[:, order]
        return (dx[:, 1:].reshape(x.shape), *reference(case, variant)[1:])

    return answered


def cropping(start: Callable[[Any], tuple[int, int]]) -> Answer:
    """The answer whose dx is cropped at another place of the padded gradient, `start(padding)`."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        x, padding = case.arrays["x"], case.options["padding"]
        dpadded = reference(padded_already(case, variant.padded(x, padding)), variant)[0]
        row, column = start(padding)
        cut = dpadded[:, row : row + x.shape[1], column : column + x.shape[2]]
        return (cut, *reference(case, variant)[1:])

    return answered


def stepping(change: Change) -> Answer:
    """The answer whose taps have another stride, while the output's size is right."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        x, kernel = list(case.arrays.values())[:2]
        stride, padded = change(case.options["stride"]), variant.padded(x, case.options["padding"])
        sides = zip(output_sides(x.shape, kernel.shape, **case.options), stride, kernel.shape, strict=False)
        rows, columns = ((side - 1) * step + length for side, step, length in sides)
        if rows > padded.shape[1] or columns > padded.shape[2]:
            raise ValueError("the taps run over the map's edge")
        return reference(changed(padded_already(case, padded[:, :rows, :columns]), {"stride": change}), variant)

    return answered


def _reflecting(case: Case, variant: Variant, reference: Reference) -> Result:
    around = np.pad(case.arrays["x"], ((0, 0), *case.options["padding"], (0, 0)), mode="reflect")
    return reference(padded_already(case, around), variant)


def oriented(as_it_is: str, turned_first: str, answer: Answer) -> Wrong:
    """One mistake in two sentences: for kernels that are applied as they are, and for those that are turned first."""
    plain, turned = OPTIONS["kernel"]
    return {as_it_is: where(answer, kernel=plain), turned_first: where(answer, kernel=turned)}


# changes


def turned(kernel: Array) -> Array:
    """A kernel flipped in both directions."""
    return kernel[::-1, ::-1]


def exchanged(first: int, second: int) -> Change:
    """A change that exchanges two axes; ValueError if they differ in length."""

    def exchange(a: Array) -> Array:
        if a.shape[first] != a.shape[second]:
            raise ValueError("the axes differ")
        swapped: Array = a.swapaxes(first, second)
        return swapped

    return exchange


def only(index: int, *axes: int) -> Change:
    """A change that keeps the entry of that index along these axes and sets the others to zero."""

    def kept(a: Array) -> Array:
        place = tuple(index if axis in axes else slice(None) for axis in range(a.ndim))
        alone: Array = np.zeros_like(a)
        alone[place] = a[place]
        return alone

    return kept


# tables

WRONG_STRIDES: dict[str, Change] = {
    "the stride is ignored": lambda stride: (1, 1),
    "the strides of height and width are swapped": lambda stride: stride[::-1],
    "the height's stride is taken for both": lambda stride: (stride[0], stride[0]),
    "the width's stride is taken for both": lambda stride: (stride[1], stride[1]),
    "the stride along the height is ignored": lambda stride: (1, stride[1]),
    "the stride along the width is ignored": lambda stride: (stride[0], 1),
}
STRIDE = {says: taking(stride=change) for says, change in WRONG_STRIDES.items()}
STEPS = {f"{says}, where the taps are cut out": stepping(change) for says, change in WRONG_STRIDES.items()}
PADDING_IGNORED = {"the padding is ignored": taking(padding=lambda p: NO_PADDING)}
AXES_SWAPPED = {"the padding of height and width is swapped": taking(padding=lambda p: p[::-1])}
SIDES_SWAPPED = {"the padding's two sides are swapped": taking(padding=lambda p: tuple(sides[::-1] for sides in p))}
FRONT_TWICE = {
    "the padding in front is put on both sides": taking(padding=lambda p: tuple((a, a) for a, _ in p)),
}
SIDES: Wrong = {
    "the padding behind is put on both sides": taking(padding=lambda p: tuple((b, b) for _, b in p)),
    "the top's padding is taken for the bottom's": taking(padding=lambda p: ((p[0][0], p[0][0]), p[1])),
    "the bottom's padding is taken for the top's": taking(padding=lambda p: ((p[0][1], p[0][1]), p[1])),
    "the left's padding is taken for the right's": taking(padding=lambda p: (p[0], (p[1][0], p[1][0]))),
    "the right's padding is taken for the left's": taking(padding=lambda p: (p[0], (p[1][1], p[1][1]))),
    "the height's padding is put on all sides": taking(padding=lambda p: (p[0], p[0])),
    "the width's padding is put on all sides": taking(padding=lambda p: (p[1], p[1])),
    "the padding of the top is put on all sides": taking(padding=lambda p: ((p[0][0],) * 2,) * 2),
    "the padding along the height is ignored": taking(padding=lambda p: ((0, 0), p[1])),
    "the padding along the width is ignored": taking(padding=lambda p: (p[0], (0, 0))),
}
PADDING: Wrong = {
    **PADDING_IGNORED,
    **AXES_SWAPPED,
    **SIDES_SWAPPED,
    **FRONT_TWICE,
    "top and bottom are swapped": taking(padding=lambda p: (p[0][::-1], p[1])),
    "left and right are swapped": taking(padding=lambda p: (p[0], p[1][::-1])),
    **SIDES,
    "the map is mirrored around its edge, by numpy's mode reflect": _reflecting,
}
AS_IT_IS = "the kernel is applied as it is, whatever the docstring says"


def half_turned(name: str) -> Wrong:
    """The mistakes that turn the kernel of that name round one of its axes alone, or exchange the two."""
    return {
        "the kernel's height and width are swapped": taking(**{name: exchanged(0, 1)}),
        **oriented(
            "the kernel is turned upside down",
            "the kernel is not turned upside down, only left to right",
            taking(**{name: lambda kernel: kernel[::-1]}),
        ),
        **oriented(
            "the kernel is mirrored left to right",
            "the kernel is not turned left to right, only upside down",
            taking(**{name: lambda kernel: kernel[:, ::-1]}),
        ),
    }


def orientation(name: str) -> Wrong:
    """The mistakes with the orientation of the kernel of that name."""
    return oriented("the kernel is flipped", AS_IT_IS, taking(**{name: turned})) | half_turned(name)


BATCH: Wrong = {
    "only the first image of the batch is used": taking(x=only(0, 0)),
    "only the last image of the batch is used": taking(x=only(-1, 0)),
}


def last_tap(name: str) -> Wrong:
    """The mistake of = for += in a sum over the taps of the kernel of that name."""
    return {"only the last tap counts: = stands for +=": taking(**{name: only(-1, 0, 1)})}


def forward(name: str) -> Wrong:
    """The mistakes of a convolution with the kernel of that name."""
    return {**STRIDE, **STEPS, **PADDING, **orientation(name), **BATCH}


CONFUSED = {"input and output channels of the kernel are confused": taking(kernel=exchanged(-2, -1))}


def not_summed(name: str, position: int, *images: str) -> Wrong:
    """The mistakes of a gradient that is the first or the last image's alone."""
    return {
        f"{name} is not summed over the batch: it is the {image} image's alone": in_part(
            position, taking(dy=only({"first": 0, "last": -1}[image], 0))
        )
        for image in images
    }


def _with_turned_dkernel(result: Result, case: Case) -> Result:
    return result[0], turned(result[1])


def _flipping(case: Case, variant: Variant, reference: Reference) -> Result:
    return _with_turned_dkernel(reference(changed(case, {"kernel": turned}), variant), case)


GRADIENTS: Wrong = {
    **not_summed("dkernel", 1, "last", "first"),
    "dkernel is the mean over the batch instead of the sum": giving(
        lambda result, case: (result[0], result[1] / len(case.arrays["dy"]))
    ),
    "dx and dkernel are returned in the wrong order": giving(lambda result, case: result[::-1]),
    "dy is ignored": taking(dy=np.ones_like),
}
ORIENTED_GRADIENTS: Wrong = {
    **oriented("dkernel is turned round", "dkernel is not turned back", giving(_with_turned_dkernel)),
    **oriented(
        "dx is computed with the kernel turned round",
        "dx is computed with the kernel as it is, whatever the docstring says",
        in_part(0, taking(kernel=turned)),
    ),
    **oriented("the kernel is flipped", AS_IT_IS, _flipping),
    **half_turned("kernel"),
}
CUT_OUT: Wrong = {
    "dx is cut out from the corner of the padded map, as if there were no padding in front": cropping(lambda p: (0, 0)),
    "dx is cut out after the padding at the bottom and the right": cropping(lambda p: (p[0][1], p[1][1])),
}
COPIES: Wrong = {
    "dx lacks the gradients of the padding's values, which are copies of x's": cropping(lambda p: (p[0][0], p[1][0])),
    "dx is overwritten where the padding's values are copies of x's: = stands for +=": written_over(outside_last=False),
    "dx is overwritten where the padding's values are copies of x's, by theirs: = stands for +=": written_over(
        outside_last=True
    ),
}
SPATIAL_GRADIENTS: Wrong = {
    **STRIDE,
    **AXES_SWAPPED,
    **SIDES_SWAPPED,
    **GRADIENTS,
    **CUT_OUT,
    **COPIES,
    **ORIENTED_GRADIENTS,
}


LAST_PRODUCT = in_part(1, taking(dy=only(-1, 0, 1, 2)))  # dkernel's last product, in loops over the positions
LAST_POSITION = in_part(1, taking(dy=only(-1, 1, 2)))
LAST_OF_DKERNEL: Wrong = {
    "dkernel is the last product alone: = stands for +=": LAST_PRODUCT,
    "dkernel is the last position's alone: = stands for +=": LAST_POSITION,
}


def overwritten(product: Callable[..., Array]) -> Wrong:
    """The mistakes of = for +=, in dx, in dkernel and in both; `product` as in `overwriting`.

    dx is written patch by patch or tap by tap, with all of a position's products or one after the other.
    """

    def whole(kernel: Array) -> dict[tuple[int, int], Array]:
        return {(0, 0): kernel}

    def taps(kernel: Array) -> dict[tuple[int, int], Array]:
        return {(i, j): kernel[i : i + 1, j : j + 1] for i, j in np.ndindex(*kernel.shape[:2])}

    def last(dy: Array, kernel: Array, channels: int) -> Array:
        """The products of each channel's last filter."""
        after = kernel.shape[-1] // channels if kernel.ndim == 3 else kernel.shape[-1]
        kept = np.arange(kernel.shape[-1], dtype=np.int64) % after == after - 1
        return product(dy, kernel * kept, channels)

    says, found = "dx is overwritten where patches overlap", dict[str, Answer]()
    for directly, edge in ((False, ""), (True, ", across the edge too")):
        for parts, by in ((whole, ""), (taps, ", tap by tap")):
            for products, each in ((product, ""), (last, ", product by product")):
                dx = overwriting(parts, products, directly=directly)
                found[f"{says}{edge}: = stands for +={by}{each}"] = dx
                if each or not by:  # as then dkernel is a sum too
                    lost, of = (LAST_PRODUCT, "product") if each else (LAST_POSITION, "position's")
                    both = f"{says}{edge}, and dkernel is the last {of} alone: = stands for +={by}{each}"
                    found[both] = together(dx, lost)
    return {**found, **LAST_OF_DKERNEL}


# the options of other variants

DOES: dict[str, tuple[tuple[str, str], ...]] = {
    "channels": tuple(
        (f"volumes are taken with the {which}", f"the {which}")
        for which in ("channels last", "channels first", "batch last")
    ),
    "filters": tuple((f"kernels are taken with the channels {at}", f"theirs {at}") for at in ("last", "first")),
    "kernel": (("the kernel is applied as it is", "it as it is"), ("the kernel is turned round", "it turned round")),
    "padding": (
        ("the padding is zeros", "zeros"),
        ("the nearest value is repeated around the map", "the nearest value"),
        ("the padding is circular", "circular padding"),
    ),
    "order": tuple(
        (f"stride and padding are taken with the {first} first", f"the {first} first") for first in ("height", "width")
    ),
    "multiplier": tuple((f"filter c belongs to channel {source}", source) for source in WORDS["source"][1]),
    "limit": tuple((f"the limit is {limit}", f"{limit}") for limit in OPTIONS["limit"]),
    "floor": tuple((f"the floor is {floor}", f"{floor}") for floor in OPTIONS["floor"]),
    "epsilon": tuple((f"epsilon is {place}", f"it {place}") for place in OPTIONS["epsilon"]),
    "count": (
        ("multiplications alone are counted", "multiplications alone"),
        ("additions are counted too", "additions too"),
    ),
    "images": (("the whole batch is counted", "the whole batch"), ("the batch is left out", "one image")),
    "ratio": tuple((f"the ratio is {ratio}", ratio) for ratio in OPTIONS["ratio"]),
    "knee": tuple((f"the kinks are at ±{knee}", f"±{knee}") for knee in OPTIONS["knee"]),
    "kinks": tuple(
        (f"the derivative at the kinks is that of the {pieces}", f"that of the {pieces}")
        for pieces in ("outer pieces", "middle piece")
    ),
    "gate": tuple((f"the gate is the {gate}", f"the {gate}") for gate in OPTIONS["gate"]),
    "groups": tuple((f"the groups are dealt {order}", f"them {order}") for order in OPTIONS["groups"]),
    "box": tuple((f"a box is taken for {box}", box) for box in WORDS["box"][1]),
    "measure": tuple((f"the divisor is the {area}", f"the {area}") for area in ("union", "smaller area")),
    "codes": tuple((f"the codes are taken in the order {codes}", codes) for codes in WORDS["codes"][1]),
    "scales": tuple((f"the scales are taken for {kind} of the codes", kind) for kind in OPTIONS["scales"]),
    "threshold": (
        ("an IoU equal to the threshold does not suppress", "only those above it"),
        ("an IoU equal to the threshold suppresses", "those equal to it too"),
    ),
    "ties": tuple(
        (f"of equal scores the {which} index comes first", f"the {which}") for which in OPTIONS["ties"]
    ),
    "points": (
        ("there are 101 recalls", "101 recalls"),
        ("there are 11 recalls", "11 recalls"),
        ("it is the area under the curve", "the area under the curve"),
    ),
    "precision": (
        ("the precision is made to fall", "it made to fall"),
        ("the precision is not made to fall: it is taken as it is", "it as it is"),
    ),
    "beta": tuple((f"the kinks are at ±{beta}", f"±{beta}") for beta in OPTIONS["beta"]),
    "mining": (
        ("the negatives are chosen image by image", "them image by image"),
        ("the negatives are chosen from the whole batch", "them from the whole batch"),
    ),
    "divisor": tuple((f"the divisor is the number of {what}", f"that of {what}") for what in OPTIONS["divisor"]),
    "align": tuple(
        (f"the {which} meet", f"the {which}")
        for which in (
            "borders of the outermost rows",
            "centres of the outermost rows",
            "centres of the first rows",
            "centres of the last rows",
        )
    ),
    "rows": tuple((f"the rows are classes of the {which}", f"the {which}") for which in OPTIONS["rows"]),
    "absent": (
        ("a class that does not appear is left out", "it left out"),
        ("a class that does not appear counts as 0", "0"),
        ("a class that does not appear counts as 1", "1"),
    ),
    "background": (
        ("the background is in the mean", "all classes"),
        ("the background is left out of the mean", "it left out"),
    ),
    "share": tuple(
        (f"the divisor is the number of {what}", f"that of {what}")
        for what in ("pixels that are not ignored", "pixels of classes above 0", "images")
    ),
}  # fmt: skip
"""For each option of a choice: the mistake of a function that takes it for the variant's, and what the docstring has.

There is none for the label that is ignored: as a class it is out of range.
"""


def choices_of(task: Task) -> tuple[str, ...]:
    """The choices of a variant that change something for a task: what is computed, or how its arguments come."""
    options = {name for name, _ in task.options}
    kinds = {kind for _, kind in (*task.arrays, *task.results)} | set(map(kind_of_shape, options))
    changing = {*task.choices, *(LAYOUTS[kind][0] for kind in kinds & {"volume", *SPATIAL})}
    if options.issuperset(PAIRS):
        changing |= {"order", *("kernel" for _ in kinds & SPATIAL.keys())}
    return tuple(choice for choice in DOES if choice in changing)


def of_other_options(task: Task, variant: Variant, options: Mapping[str, Any]) -> Mistake:
    """The mistake of taking these options for those of the variant."""
    does, has = zip(
        *(
            (DOES[choice][OPTIONS[choice].index(option)][0], DOES[choice][OPTIONS[choice].index(mine)][1])
            for choice, option in options.items()
            for mine in [getattr(variant, choice)]
        ),
        strict=True,
    )
    says = f"{listed(does)}, where the docstring has {listed(has)}"
    return Mistake(says, as_if(task, **options), in_part=options.keys().isdisjoint(("channels", "filters")))


def mistakes_of(task: Task, variant: Variant) -> tuple[Mistake, ...]:
    """The mistakes known by name, in the order in which they are tried.

    First each other option of a choice, then the task's own mistakes, then all of npconv's own options for several of
    the variant's changes.
    """
    choices = choices_of(task)
    others = [
        {choice: option}
        for choice in choices
        for option in OPTIONS[choice]
        if option != getattr(variant, choice) and choice != "kernel"  # of which there are several mistakes
    ]
    changed = [choice for choice in choices if choice in variant.changed]
    forgotten = [
        {choice: OPTIONS[choice][0] for choice in several}
        for count in range(2, len(changed) + 1)
        for several in combinations(changed, count)
    ]
    return (
        *(of_other_options(task, variant, options) for options in others),
        *(Mistake(says.format(**variant.words), answer) for says, answer in task.wrong.items()),
        *(of_other_options(task, variant, options) for options in forgotten),
    )
