"""The spatially separable convolution as an exercise, forward and backward."""

from dataclasses import replace

import numpy as np

from ...kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ...kernels.flattened import spatially_separable_conv2d, spatially_separable_conv2d_backward
from ...kernels.geometry import Array
from ...kernels.signatures import SPATIALLY_SEPARABLE as SPATIALLY_SEPARABLE_ROW
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Sizes, Task
from .variants import Variant


def spatial_case(sizes: Sizes, draw: Draw) -> Case:
    """x (B, Dᵤ, Dᵤ, M), column (Dᵣ, M) and row (Dᵣ, M)."""
    channels = sizes["channels"]
    arrays = {
        "x": draw(sizes["batch"], *c.input_sides(sizes), channels),
        "column": draw(sizes["kernel_height"], channels),
        "row": draw(sizes["kernel_width"], channels),
    }
    return Case(arrays, c.geometry(sizes), sizes)


def lengths(case: Case) -> tuple[int, int]:
    """The lengths of the column and of the row: as far as the two passes reach."""
    return len(case.arrays["column"]), len(case.arrays["row"])


def spatial_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The same, with a random dy of the output's shape in front."""
    case = spatial_case(sizes, draw)
    x = case.arrays["x"]
    sides = c.output_sides(x.shape, lengths(case), **case.options)
    return replace(case, arrays={"dy": draw(len(x), *sides, x.shape[-1]), **case.arrays})


def _padded(x: Array, case: Case, variant: Variant) -> Array:
    return variant.padded(x, case.options["padding"])


def _stride_twice(case: Case, variant: Variant, reference: Reference) -> Result:
    x, stride = _padded(case.arrays["x"], case, variant), case.options["stride"]
    first = depthwise_conv2d(x, case.arrays["column"][:, None], stride=stride)
    return (depthwise_conv2d(first, case.arrays["row"][None], stride=stride),)


def _exchanged(case: Case, variant: Variant, reference: Reference) -> Result:
    column, row = case.arrays["row"], case.arrays["column"]
    if len(column) != len(row):
        raise ValueError("column and row differ in length")
    return reference(replace(case, arrays={**case.arrays, "column": column, "row": row}), variant)


def _padded_twice(case: Case, variant: Variant, reference: Reference) -> Result:
    once = _padded(case.arrays["x"], case, variant)
    first = depthwise_conv2d(once, case.arrays["column"][:, None], stride=(case.options["stride"][0], 1))
    again = _padded(first, case, variant)
    return (depthwise_conv2d(again, case.arrays["row"][None], stride=(1, case.options["stride"][1])),)


def _ones(kernel: Array) -> Array:
    return np.ones((1, kernel.shape[1]), kernel.dtype)


def flipped(kernel: Array) -> Array:
    """A column or a row in reverse."""
    return kernel[::-1]


def _first_tap(kernel: Array) -> Array:
    first: Array = kernel * 0
    first[0] = 1
    return first


def _first_channel(kernel: Array) -> Array:
    return np.repeat(kernel[:, :1], kernel.shape[1], axis=1)


ORIENTATION: m.Wrong = {
    **m.oriented(
        "column and row are reversed",
        "column and row are applied as they are, whatever the docstring says",
        m.taking(column=flipped, row=flipped),
    ),
    **m.oriented("the column is reversed", "the column is not reversed", m.taking(column=flipped)),
    **m.oriented("the row is reversed", "the row is not reversed", m.taking(row=flipped)),
}
FIRST_CHANNEL: m.Wrong = {
    "the first channel's filters are used for all channels": m.taking(column=_first_channel, row=_first_channel),
    "the first channel's column is used for all channels": m.taking(column=_first_channel),
    "the first channel's row is used for all channels": m.taking(row=_first_channel),
}
PASSES: m.Wrong = {
    "column and row are exchanged": _exchanged,
    "the column is left out: only the row is applied": m.taking(column=_ones),
    "the row is left out: only the column is applied": m.taking(row=_ones),
    "the column's weights are left out: its values are summed": m.taking(column=np.ones_like),
    "the row's weights are left out: its values are summed": m.taking(row=np.ones_like),
    **FIRST_CHANNEL,
}
TURNED = (
    "Column and row are turned round before they are applied (a true convolution): their last weights meet the patch's "
    "first values."
)
FORWARD = Task(
    "spatially_separable_conv2d",
    points=3,
    arrays=(("x", "volume"), ("column", "taps"), ("row", "taps")),
    options=c.GEOMETRY,
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS),
    build=spatial_case,
    reference=c.forward_reference(spatially_separable_conv2d),
    text="The spatially separable convolution: each channel filtered by a column, then by a row.\n\n"
    "Each channel has a column and a row of its own, and the channels stay apart. Together they filter channel m with "
    "column[i, m] · row[j, m], a kernel of rank 1. Padding is put around x once, before both.",
    example={"output_height": 2, "output_width": 2, "kernel_height": 2, "kernel_width": 2, "stride_width": 2},
    wrong={
        **m.STRIDE,
        **m.PADDING,
        **ORIENTATION,
        **PASSES,
        "the stride is applied in both passes, and so twice": _stride_twice,
        "the map is padded again between the two passes": _padded_twice,
        "the channels are summed, as a standard convolution does": m.giving(
            lambda result, case: (np.broadcast_to(result[0].sum(axis=-1, keepdims=True), result[0].shape),)
        ),
        "only the first channel is used": m.taking(x=m.only(0, 3)),
        **m.BATCH,
    },
    explained=True,
    row=SPATIALLY_SEPARABLE_ROW,
    choices=("padding",),
    about={"turned": TURNED},
    further=c.FURTHER,
)


def _overwritten(case: Case, variant: Variant, reference: Reference) -> Result:
    """The answer whose dx keeps the last of the column's taps where they overlap."""
    dy, x, column, row = case.arrays.values()
    stride, padded = case.options["stride"], _padded(x, case, variant)
    between = depthwise_conv2d(padded, column[:, None], stride=(stride[0], 1))
    height, width = dy.shape[1], (dy.shape[2] - 1) * stride[1] + len(row)
    dbetween = np.zeros(between.shape)
    dbetween[:, :height, :width], _ = depthwise_conv2d_backward(
        dy, between[:, :height, :width], row[None], stride=(1, stride[1])
    )
    dpadded = np.zeros(padded.shape)
    for i, weights in enumerate(column):
        dpadded[:, i : i + (height - 1) * stride[0] + 1 : stride[0]] = dbetween[:, :height] * weights
    return (variant.unpadded(dpadded, case.options["padding"]), *reference(case, variant)[1:])


def _swapped(result: Result, case: Case) -> Result:
    dx, dcolumn, drow = result
    if dcolumn.shape != drow.shape:
        raise ValueError("column and row differ in length")
    return dx, drow, dcolumn


def _in_part(position: int, **change: m.Change) -> Answer:
    return m.in_part(position, m.taking(**change))


BACKWARD = c.backward_of(
    FORWARD,
    "spatially_separable_conv2d_backward",
    points=5,
    reference=c.backward_reference(spatially_separable_conv2d_backward, lengths),
    text="The gradients of the spatially separable convolution: of Σ dy · y with respect to x, column and row.\n\n"
    "y is what the column along the height and then the row along the width make of x, channel by channel; padding is "
    "put around x once, before both.",
    build=spatial_backward_case,
    wrong={
        **m.STRIDE,
        **m.AXES_SWAPPED,
        **m.SIDES_SWAPPED,
        **ORIENTATION,
        "dcolumn and drow are returned in the wrong order": m.giving(_swapped),
        "column and row are exchanged": _exchanged,
        **FIRST_CHANNEL,
        **m.not_summed("dcolumn", 1, "last", "first"),
        **m.not_summed("drow", 2, "last", "first"),
        "dcolumn is made of dy as it is, without the row": _in_part(1, row=np.ones_like),
        "drow is made of the column's values without its weights": _in_part(2, column=np.ones_like),
        "drow is made of x as it is, not of what the column makes of it": _in_part(2, column=_first_tap),
        "dx is made without the row": _in_part(0, row=np.ones_like),
        "dx is made without the column": _in_part(0, column=np.ones_like),
        "dy is ignored": m.taking(dy=np.ones_like),
        **m.CUT_OUT,
        **m.COPIES,
        "dx is overwritten where patches overlap: = stands for +=": _overwritten,
    },
)

SPATIALLY_SEPARABLE = Exercise(
    "spatially-separable", "the spatially separable convolution, and its gradients", (FORWARD, BACKWARD), c.CHOICES
)
