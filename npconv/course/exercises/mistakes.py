"""The mistakes known by name, each as a change of what the right function is given, or of what it gives."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from .convolutions import output_sides
from .exercise import Case, Mistake, Reference, Result
from .variants import Variant


def changed(case: Case, change: Mapping[str, Callable[[Any], Any]]) -> Case:
    """The case with the arrays and options of these names changed."""
    arrays = {name: change[name](a) if name in change and a is not None else a for name, a in case.arrays.items()}
    options = {name: change[name](value) if name in change else value for name, value in case.options.items()}
    return replace(case, arrays=arrays, options=options)


def taken_for(says: str, **change: Callable[[Any], Any]) -> Mistake:
    """The mistake of a function that takes an array or an option for another one."""
    return Mistake(says, lambda case, variant, reference: reference(changed(case, change), variant))


def as_if(says: str, **choices: Any) -> Mistake:
    """The mistake of a function that is right in another variant."""
    return Mistake(says, lambda case, variant, reference: reference(case, replace(variant, **choices)))


def part_taken_for(says: str, position: int, **change: Callable[[Any], Any]) -> Mistake:
    """The same mistake in one of the results alone."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        wrong, right = reference(changed(case, change), variant), reference(case, variant)
        return (*right[:position], wrong[position], *right[position + 1 :])

    return Mistake(says, answer)


def result_taken_for(says: str, change: Callable[[Result, Case], Result]) -> Mistake:
    """The mistake of a function that makes something else of the right results."""
    return Mistake(says, lambda case, variant, reference: change(reference(case, variant), case))


def turned(kernel: Array) -> Array:
    """A kernel turned round in both directions."""
    return kernel[::-1, ::-1]


def swapped(kernel: Array) -> Array:
    """A kernel with height and width exchanged; ValueError where it is not square, as then it fits nowhere."""
    if kernel.shape[0] != kernel.shape[1]:
        raise ValueError("not square")
    exchanged: Array = kernel.swapaxes(0, 1)
    return exchanged


def only(index: int, axis: int) -> Callable[[Array], Array]:
    """What leaves of an array its entry of that index along an axis, and zeros elsewhere."""

    def kept(a: Array) -> Array:
        alone: Array = np.zeros_like(a)
        place = (slice(None),) * (axis % a.ndim) + (index,)
        alone[place] = a[place]
        return alone

    return kept


def exchanged_channels(kernel: Array) -> Array:
    """A kernel with its last two axes, M and N, exchanged; ValueError where they differ."""
    if kernel.shape[-1] != kernel.shape[-2]:
        raise ValueError("as many filters as channels are needed")
    other: Array = kernel.swapaxes(-1, -2)
    return other


def overwritten(product: Callable[[Array, Array, int], Array]) -> tuple[Mistake, ...]:
    """The mistake of = for +=: where patches overlap, dx has what the last patch, or the last tap, sends back.

    `product(dy, kernel, m)` is what one position's dy (B, N) sends to its patch, (B, Dᵣ, Dᵣ, M).
    """

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        dy, x, kernel = case.arrays.values()
        assert dy is not None
        assert x is not None
        assert kernel is not None
        (down, right), padding = case.options["stride"], case.options["padding"]
        dpadded = np.zeros(variant.padded(x, padding).shape)
        for v, w in np.ndindex(*output_sides(x, kernel, case.options)):
            rows, columns = (
                slice(at, at + size) for at, size in zip((v * down, w * right), kernel.shape, strict=False)
            )
            dpadded[:, rows, columns] = product(dy[:, v, w], kernel, x.shape[-1])
        return (variant.unpadded(dpadded, padding), *reference(case, variant)[1:])

    def answer_by_taps(case: Case, variant: Variant, reference: Reference) -> Result:
        dy, x, kernel = case.arrays.values()
        assert dy is not None
        assert x is not None
        assert kernel is not None
        (down, right), padding = case.options["stride"], case.options["padding"]
        dpadded = np.zeros(variant.padded(x, padding).shape)
        for i, j in np.ndindex(*kernel.shape[:2]):
            for v, w in np.ndindex(*output_sides(x, kernel, case.options)):
                sent = product(dy[:, v, w], kernel[i : i + 1, j : j + 1], x.shape[-1])
                dpadded[:, v * down + i, w * right + j] = sent[:, 0, 0]
        return (variant.unpadded(dpadded, padding), *reference(case, variant)[1:])

    says = "dx is overwritten where patches overlap: = stands for +="
    return Mistake(says, answer), Mistake(f"{says}, tap by tap", answer_by_taps)


def cropped(says: str, start: Callable[[Any], tuple[int, int]]) -> Mistake:
    """The mistake of a dx that is cut out of the padded map's gradient at another place; `start(padding)` is where."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        x, padding = case.arrays["x"], case.options["padding"]
        assert x is not None
        around = {"x": lambda x: variant.padded(x, padding), "padding": lambda padding: ((0, 0), (0, 0))}
        dpadded: Any = reference(changed(case, around), variant)[0]
        row, column = start(padding)
        return (
            dpadded[:, row : row + x.shape[1], column : column + x.shape[2]],
            *reference(case, variant)[1:],
        )

    return Mistake(says, answer)


STRIDE_MISTAKES = (
    taken_for("the stride is ignored", stride=lambda stride: (1, 1)),
    taken_for("the strides of height and width are swapped", stride=lambda stride: stride[::-1]),
    taken_for("the height's stride is taken for both", stride=lambda stride: (stride[0], stride[0])),
    taken_for("the width's stride is taken for both", stride=lambda stride: (stride[1], stride[1])),
)
ORDER_MISTAKE = taken_for(
    "stride and padding are taken in the wrong order, height for width",
    stride=lambda s: s[::-1],
    padding=lambda p: p[::-1],
)
PADDING_MISTAKES = (
    taken_for("the padding is ignored", padding=lambda padding: ((0, 0), (0, 0))),
    taken_for("the padding of height and width is swapped", padding=lambda padding: padding[::-1]),
    taken_for("the padding's two sides are swapped", padding=lambda padding: tuple(sides[::-1] for sides in padding)),
    taken_for("the padding in front is put on both sides", padding=lambda padding: tuple((a, a) for a, _ in padding)),
    taken_for("top and bottom are swapped", padding=lambda padding: (padding[0][::-1], padding[1])),
    taken_for("left and right are swapped", padding=lambda padding: (padding[0], padding[1][::-1])),
    as_if("the nearest value is repeated around the map, where zeros are right", padding="nearest"),
    as_if("the padding is zeros, whatever the docstring says", padding="zeros"),
)


def kernel_mistakes(name: str) -> tuple[Mistake, ...]:
    """The mistakes with the orientation of the kernel of that name."""
    return (
        taken_for("the kernel is flipped", **{name: turned}),
        taken_for("the kernel's height and width are swapped", **{name: swapped}),
        taken_for("the kernel is turned upside down", **{name: lambda kernel: kernel[::-1]}),
        taken_for("the kernel is mirrored left to right", **{name: lambda kernel: kernel[:, ::-1]}),
    )


def _mean_over_batch(result: Any, case: Case) -> Result:
    return result[0], result[1] / len(case.arrays["dy"])  # type: ignore[arg-type]


def _with_turned_dkernel(result: Any, case: Case) -> Result:
    return result[0], turned(result[1])


def _flipped(case: Case, variant: Variant, reference: Reference) -> Result:
    return _with_turned_dkernel(reference(changed(case, {"kernel": turned}), variant), case)


def last_alone(*axes: int) -> Callable[[Array], Array]:
    """What leaves of a kernel its last entry along these axes, and zeros elsewhere."""

    def kept(kernel: Array) -> Array:
        for axis in axes:
            kernel = only(-1, axis)(kernel)
        return kernel

    return kept


BATCH_MISTAKES = (
    taken_for("only the first image of the batch is used", x=only(0, 0)),
    taken_for("only the last image of the batch is used", x=only(-1, 0)),
)
GRADIENT_MISTAKES = (
    part_taken_for("dkernel is not summed over the batch: it is the last image's alone", 1, dy=only(-1, 0)),
    part_taken_for("dkernel is not summed over the batch: it is the first image's alone", 1, dy=only(0, 0)),
    result_taken_for("dkernel is the mean over the batch instead of the sum", _mean_over_batch),
    result_taken_for("dx and dkernel are returned in the wrong order", lambda result, case: result[::-1]),
    taken_for("dy is ignored", dy=np.ones_like),
)
SPATIAL_GRADIENT_MISTAKES = (
    ORDER_MISTAKE,  # before those that explain the few answers too that it leaves
    *STRIDE_MISTAKES,
    *PADDING_MISTAKES[1:3],
    PADDING_MISTAKES[-1],
    *GRADIENT_MISTAKES,
    cropped("dx is cut out from the corner of the padded map, as if there were no padding in front", lambda p: (0, 0)),
    cropped("dx is cut out after the padding at the bottom and the right", lambda p: (p[0][1], p[1][1])),
    result_taken_for("dkernel is turned round", _with_turned_dkernel),
    part_taken_for("dx is computed with the kernel turned round", 0, kernel=turned),
    Mistake("the kernel is flipped", _flipped),
    *kernel_mistakes("kernel")[1:],
)
