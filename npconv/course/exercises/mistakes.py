"""The mistakes known by name, in tables: a sentence for each, and the answer of a function that makes it.

Most answers are those of the right function after a change of its arguments or of its results.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ...kernels.geometry import Array
from .convolutions import NO_PADDING, output_sides
from .exercise import Answer, Case, Reference, Result
from .variants import Variant

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


def as_if(**choices: Any) -> Answer:
    """The answer of a function that is right in another variant."""
    return lambda case, variant, reference: reference(case, replace(variant, **choices))


def giving(change: Callable[[Result, Case], Result]) -> Answer:
    """The answer of a function that changes the right results."""
    return lambda case, variant, reference: change(reference(case, variant), case)


def in_part(position: int, answer: Answer) -> Answer:
    """An answer that is wrong in one of the results alone."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        wrong, right = answer(case, variant, reference), reference(case, variant)
        return (*right[:position], wrong[position], *right[position + 1 :])

    return answered


def overwriting(parts: Callable[[Array], Mapping[tuple[int, int], Array]], product: Callable[..., Array]) -> Answer:
    """The answer with = for +=: where patches overlap, dx keeps only the last one.

    `parts(kernel)` are the parts that are written one after the other, by their place in the kernel: the whole kernel,
    or its taps. `product(dy, part, m)` is what one position's dy (B, N) sends to a part's patch, (B, Dᵣ, Dᵣ, M).
    """

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        dy, x, kernel = case.arrays.values()
        stride, padding = case.options["stride"], case.options["padding"]
        dpadded = np.zeros(variant.padded(x, padding).shape)
        for (i, j), part in parts(kernel).items():
            for v, w in np.ndindex(*output_sides(x.shape, kernel.shape, **case.options)):
                row, column = v * stride[0] + i, w * stride[1] + j
                patch = dpadded[:, row : row + part.shape[0], column : column + part.shape[1]]
                patch[...] = product(dy[:, v, w], part, x.shape[-1])
        return (variant.unpadded(dpadded, padding), *reference(case, variant)[1:])

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

    def where(turned: bool) -> Answer:
        def answered(case: Case, variant: Variant, reference: Reference) -> Result:
            if variant.turned != turned:  # there it is another mistake
                raise ValueError("another orientation")
            return answer(case, variant, reference)

        return answered

    return {as_it_is: where(False), turned_first: where(True)}


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
ORDER: Wrong = {
    "stride and padding are taken in the wrong order, height for width": taking(
        stride=lambda stride: stride[::-1], padding=lambda padding: padding[::-1]
    ),
}
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
ALWAYS_ZEROS = {"the padding is zeros, whatever the docstring says": as_if(padding="zeros")}
PADDING: Wrong = {
    **PADDING_IGNORED,
    **AXES_SWAPPED,
    **SIDES_SWAPPED,
    **FRONT_TWICE,
    "top and bottom are swapped": taking(padding=lambda p: (p[0][::-1], p[1])),
    "left and right are swapped": taking(padding=lambda p: (p[0], p[1][::-1])),
    **SIDES,
    "the nearest value is repeated around the map, where zeros are right": as_if(padding="nearest"),
    "the map is mirrored around its edge, by numpy's mode reflect": _reflecting,
    **ALWAYS_ZEROS,
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


def forward(name: str) -> Wrong:
    """The mistakes of a convolution with the kernel of that name."""
    return {**ORDER, **STRIDE, **STEPS, **PADDING, **orientation(name), **BATCH}


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
SPATIAL_GRADIENTS: Wrong = {
    **ORDER,  # before those that explain the few answers too that it leaves
    **STRIDE,
    **AXES_SWAPPED,
    **SIDES_SWAPPED,
    **ALWAYS_ZEROS,
    **GRADIENTS,
    **CUT_OUT,
    **ORIENTED_GRADIENTS,
}


def overwritten(product: Callable[..., Array]) -> Wrong:
    """The mistake of = for +=, patch by patch and tap by tap; `product` as in `overwriting`."""
    says = "dx is overwritten where patches overlap: = stands for +="

    def taps(kernel: Array) -> dict[tuple[int, int], Array]:
        return {(i, j): kernel[i : i + 1, j : j + 1] for i, j in np.ndindex(*kernel.shape[:2])}

    return {
        says: overwriting(lambda kernel: {(0, 0): kernel}, product),
        f"{says}, tap by tap": overwriting(taps, product),
    }
