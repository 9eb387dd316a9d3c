"""The standard convolution as an exercise: in loops, with taps, and its backward."""

from dataclasses import replace

import numpy as np

from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d_backward, conv2d_taps
from . import convolutions as c, mistakes as m
from .exercise import Exercise, Task

WRONG: m.Wrong = {
    **m.forward("kernel"),
    **m.CONFUSED,
    **m.last_tap("kernel"),
    "only the last product counts: = stands for +=": m.taking(kernel=m.only(-1, 0, 1, 2)),
    "the mean over the taps is taken instead of the sum": m.giving(
        lambda result, case: (result[0] / case.arrays["kernel"][..., 0, 0].size,)
    ),
    "only the first channel is used": m.taking(kernel=m.only(0, 2)),
    "only the first filter is used": m.taking(kernel=m.only(0, 3)),
}
IN_LOOPS = Task(
    "conv2d_loops",
    points=4,
    arrays=(("x", "volume"), ("kernel", "kernel")),
    options=c.GEOMETRY,
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS, c.FILTERS),
    build=c.case_of(STANDARD),
    reference=c.forward_reference(conv2d_taps),
    text="The standard 2D convolution: each output value is the inner product of a filter and the patch under it.\n\n"
    "Write it in loops, one product at a time.",
    example={"output_height": 2, "output_width": 2, "kernel_width": 2, "stride_width": 2, "channels": 2},
    wrong=WRONG,
    explained=True,
    row=STANDARD,
    choices=("padding",),
    further=c.FURTHER,
)
WITH_TAPS = replace(
    IN_LOOPS,
    name="conv2d_taps",
    text="The standard 2D convolution as a sum over the taps of its kernel: y += tap @ kernel[i, j].\n\n"
    "Tap (i, j) is the part of the padded input that kernel[i, j] meets, one entry for every output position; two "
    "loops are enough.",
)
BACKWARD = c.backward_of(
    IN_LOOPS,
    "conv2d_backward",
    points=8,
    reference=c.backward_reference(conv2d_backward),
    text="The gradients of the standard 2D convolution: of Σ dy · y with respect to x and to kernel.\n\n"
    "y is what the convolution makes of x and kernel: each output value is the inner product of a filter and the "
    "patch under it.",
    wrong={
        **m.CONFUSED,
        **m.SPATIAL_GRADIENTS,
        **m.overwritten(lambda dy, kernel, channels: np.einsum("bn,ijmn->bijm", dy, kernel)),
    },
)

LOOPS = Exercise("standard-loops", "the standard convolution in loops, one product at a time", (IN_LOOPS,), c.CHOICES)
TAPS = Exercise(
    "standard-taps", "the standard convolution as a sum over the taps of its kernel", (WITH_TAPS,), c.CHOICES
)
GRADIENTS = Exercise("standard-backward", "the gradients of the standard convolution", (BACKWARD,), c.CHOICES)
