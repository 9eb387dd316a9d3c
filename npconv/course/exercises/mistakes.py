"""The mistakes known by name, each as a change of what the right function is given, or of what it gives."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from .convolutions import output_sides
from .exercise import Answer, Case, Mistake, Reference, Result
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

    def answer(parts: Callable[[Array], Iterable[tuple[tuple[int, int], Array]]]) -> Answer:
        def answered(case: Case, variant: Variant, reference: Reference) -> Result:
            dy, x, kernel = case.arrays.values()
            assert dy is not None
            assert x is not None
            assert kernel is not None
            stride, padding = case.options["stride"], case.options["padding"]
            dpadded = np.zeros(variant.padded(x, padding).shape)
            for (i, j), part in parts(kernel):
                for v, w in np.ndindex(*output_sides(x, kernel, case.options)):
                    row, column = v * stride[0] + i, w * stride[1] + j
                    patch = dpadded[:, row : row + part.shape[0], column : column + part.shape[1]]
                    patch[...] = product(dy[:, v, w], part, x.shape[-1])
            return (variant.unpadded(dpadded, padding), *reference(case, variant)[1:])

        return answered

    def taps(kernel: Array) -> Iterator[tuple[tuple[int, int], Array]]:
        for i, j in np.ndindex(*kernel.shape[:2]):
            yield (i, j), kernel[i : i + 1, j : j + 1]

    says = "dx is overwritten where patches overlap: = stands for +="
    whole = Mistake(says, answer(lambda kernel: [((0, 0), kernel)]))
    return whole, Mistake(f"{says}, tap by tap", answer(taps))


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


def where_kernels_are(orientation: str, mistake: Mistake) -> Mistake:
    """The mistake in variants alone whose kernels have that orientation, as elsewhere it is another one."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        if variant.kernel != orientation:
            raise ValueError("another orientation")
        return mistake.answer(case, variant, reference)

    return Mistake(mistake.says, answer)


def oriented(plain: str, turned_first: str, mistake: Callable[[str], Mistake]) -> tuple[Mistake, ...]:
    """One mistake in the words for kernels as they are, and in those for kernels that are turned round first."""
    return (
        where_kernels_are("as it is", mistake(plain)),
        where_kernels_are("turned", mistake(turned_first)),
    )


def stepped(says: str, change: Callable[[tuple[int, int]], tuple[int, int]]) -> Mistake:
    """The mistake of taps that are cut out with another stride, while the output's size is right."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        x, kernel = list(case.arrays.values())[:2]
        assert x is not None
        assert kernel is not None
        stride, padded = change(case.options["stride"]), variant.padded(x, case.options["padding"])
        read = [
            (side - 1) * step + length
            for side, step, length in zip(output_sides(x, kernel, case.options), stride, kernel.shape, strict=False)
        ]
        if read[0] > padded.shape[1] or read[1] > padded.shape[2]:
            raise ValueError("the taps run over the map's edge")
        there = {"x": lambda x: padded[:, : read[0], : read[1]], "padding": lambda padding: ((0, 0), (0, 0))}
        return reference(changed(case, {**there, "stride": lambda stride: change(stride)}), variant)

    return Mistake(says, answer)


def reflected(case: Case, variant: Variant, reference: Reference) -> Result:
    """What a function returns that pads by mirroring the map around its edge."""
    padding = case.options["padding"]
    around = {
        "x": lambda x: np.pad(x, ((0, 0), *padding, (0, 0)), mode="reflect"),
        "padding": lambda padding: ((0, 0), (0, 0)),
    }
    return reference(changed(case, around), variant)


WRONG_STRIDES: dict[str, Callable[[tuple[int, int]], tuple[int, int]]] = {
    "the stride is ignored": lambda stride: (1, 1),
    "the strides of height and width are swapped": lambda stride: stride[::-1],
    "the height's stride is taken for both": lambda stride: (stride[0], stride[0]),
    "the width's stride is taken for both": lambda stride: (stride[1], stride[1]),
    "the stride along the height is ignored": lambda stride: (1, stride[1]),
    "the stride along the width is ignored": lambda stride: (stride[0], 1),
}
STRIDE_MISTAKES = tuple(taken_for(says, stride=change) for says, change in WRONG_STRIDES.items())
STEP_MISTAKES = tuple(stepped(f"{says}, where the taps are cut out", change) for says, change in WRONG_STRIDES.items())
ORDER_MISTAKE = taken_for(
    "stride and padding are taken in the wrong order, height for width",
    stride=lambda s: s[::-1],
    padding=lambda p: p[::-1],
)
SIDE_MISTAKES = (
    taken_for("the padding behind is put on both sides", padding=lambda padding: tuple((b, b) for _, b in padding)),
    taken_for("the top's padding is taken for the bottom's", padding=lambda p: ((p[0][0], p[0][0]), p[1])),
    taken_for("the bottom's padding is taken for the top's", padding=lambda p: ((p[0][1], p[0][1]), p[1])),
    taken_for("the left's padding is taken for the right's", padding=lambda p: (p[0], (p[1][0], p[1][0]))),
    taken_for("the right's padding is taken for the left's", padding=lambda p: (p[0], (p[1][1], p[1][1]))),
    taken_for("the height's padding is put on all sides", padding=lambda p: (p[0], p[0])),
    taken_for("the width's padding is put on all sides", padding=lambda p: (p[1], p[1])),
    taken_for("the padding of the top is put on all sides", padding=lambda p: ((p[0][0],) * 2,) * 2),
    taken_for("the padding along the height is ignored", padding=lambda p: ((0, 0), p[1])),
    taken_for("the padding along the width is ignored", padding=lambda p: (p[0], (0, 0))),
)
PADDING_MISTAKES = (
    taken_for("the padding is ignored", padding=lambda padding: ((0, 0), (0, 0))),
    taken_for("the padding of height and width is swapped", padding=lambda padding: padding[::-1]),
    taken_for("the padding's two sides are swapped", padding=lambda padding: tuple(sides[::-1] for sides in padding)),
    taken_for("the padding in front is put on both sides", padding=lambda padding: tuple((a, a) for a, _ in padding)),
    taken_for("top and bottom are swapped", padding=lambda padding: (padding[0][::-1], padding[1])),
    taken_for("left and right are swapped", padding=lambda padding: (padding[0], padding[1][::-1])),
    *SIDE_MISTAKES,
    as_if("the nearest value is repeated around the map, where zeros are right", padding="nearest"),
    Mistake("the map is mirrored around its edge, by numpy's mode reflect", reflected),
    as_if("the padding is zeros, whatever the docstring says", padding="zeros"),
)


AS_IT_IS = "the kernel is applied as it is, whatever the docstring says"


def kernel_mistakes(name: str) -> tuple[Mistake, ...]:
    """The mistakes with the orientation of the kernel of that name."""
    return (
        *oriented("the kernel is flipped", AS_IT_IS, lambda says: taken_for(says, **{name: turned})),
        *half_turned(name),
    )


def half_turned(name: str) -> tuple[Mistake, ...]:
    """Those that turn it round one of its axes alone, or exchange the two."""
    return (
        taken_for("the kernel's height and width are swapped", **{name: swapped}),
        *oriented(
            "the kernel is turned upside down",
            "the kernel is not turned upside down, only left to right",
            lambda says: taken_for(says, **{name: lambda kernel: kernel[::-1]}),
        ),
        *oriented(
            "the kernel is mirrored left to right",
            "the kernel is not turned left to right, only upside down",
            lambda says: taken_for(says, **{name: lambda kernel: kernel[:, ::-1]}),
        ),
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
    *oriented(
        "dkernel is turned round",
        "dkernel is not turned back",
        lambda says: result_taken_for(says, _with_turned_dkernel),
    ),
    *oriented(
        "dx is computed with the kernel turned round",
        "dx is computed with the kernel as it is, whatever the docstring says",
        lambda says: part_taken_for(says, 0, kernel=turned),
    ),
    *oriented("the kernel is flipped", AS_IT_IS, lambda says: Mistake(says, _flipped)),
    *half_turned("kernel"),
)
