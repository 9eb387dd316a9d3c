"""The standard convolution as an exercise: in loops, with taps, and its backward."""

import numpy as np

from ...kernels.standard import conv2d_backward, conv2d_loops, conv2d_taps
from . import convolutions as c, mistakes as wrong
from .exercise import Exercise, Task
from .variants import Variant

CHOICES = ("channels", "filters", "kernel", "padding", "order")
SIZES = (c.BATCH, *c.SPATIAL, c.CHANNELS, c.FILTERS)
ARRAYS = (("x", "volume"), ("kernel", "kernel"))
OPTIONS = (("stride", "(1, 1)"), ("padding", "((0, 0), (0, 0))"))
RESULTS = (("y", "volume"),)
EXAMPLE = {"output_height": 2, "output_width": 2, "kernel_width": 2, "stride_width": 2, "channels": 2}
SHAPES = {"y": "B, Dᵥ, Dᵥ, N", "dy": "B, Dᵥ, Dᵥ, N"}
MISTAKES = (
    wrong.ORDER_MISTAKE,
    *wrong.STRIDE_MISTAKES,
    *wrong.STEP_MISTAKES,
    *wrong.PADDING_MISTAKES,
    *wrong.kernel_mistakes("kernel"),
    *wrong.BATCH_MISTAKES,
    wrong.taken_for("input and output channels of the kernel are confused", kernel=wrong.exchanged_channels),
    wrong.taken_for("only the last tap counts: = stands for +=", kernel=wrong.last_alone(0, 1)),
    wrong.taken_for("only the last product counts: = stands for +=", kernel=wrong.last_alone(0, 1, 2)),
    wrong.result_taken_for(
        "the mean over the taps is taken instead of the sum",
        lambda result, case: (result[0] / case.arrays["kernel"][..., 0, 0].size,),  # type: ignore[index,operator]
    ),
    wrong.taken_for("only the first channel is used", kernel=wrong.only(0, 2)),
    wrong.taken_for("only the first filter is used", kernel=wrong.only(0, 3)),
)
GRADIENT_MISTAKES = (
    wrong.taken_for("input and output channels of the kernel are confused", kernel=wrong.exchanged_channels),
    *wrong.SPATIAL_GRADIENT_MISTAKES,
    *wrong.overwritten(lambda dy, kernel, m: np.einsum("bn,ijmn->bijm", dy, kernel)),
)
FORWARD = c.forward_reference(conv2d_loops)
BACKWARD = c.backward_reference(conv2d_backward)


def _in_loops(variant: Variant) -> str:
    return (
        "The standard 2D convolution: each output value is the inner product of a filter and the patch under it.\n\n"
        "Write it in loops, one product at a time."
    )


def _with_taps(variant: Variant) -> str:
    return (
        "The standard 2D convolution as a sum over the taps of its kernel: y += tap @ kernel[i, j].\n\n"
        "Tap (i, j) is the part of the padded input that kernel[i, j] meets, one entry for every output position; two\n"
        "loops are enough."
    )


def _backward(variant: Variant) -> str:
    return (
        "The gradients of the standard 2D convolution: of Σ dy · y with respect to x and to kernel.\n\n"
        "y is what the convolution makes of x and kernel: each output value is the inner product of a filter and the\n"
        "patch under it."
    )


LOOPS = Exercise(
    "standard-loops",
    "the standard convolution in loops, one product at a time",
    (
        Task(
            "conv2d_loops", 4, ARRAYS, OPTIONS, RESULTS, SIZES, c.standard_case, FORWARD, _in_loops, EXAMPLE, MISTAKES,
            kernel=conv2d_loops, shapes=SHAPES, further=c.FURTHER,
        ),
    ),
    CHOICES,
)  # fmt: skip
TAPS = Exercise(
    "standard-taps",
    "the standard convolution as a sum over the taps of its kernel",
    (
        Task(
            "conv2d_taps", 4, ARRAYS, OPTIONS, RESULTS, SIZES, c.standard_case, FORWARD, _with_taps, EXAMPLE, MISTAKES,
            kernel=conv2d_taps, shapes=SHAPES, further=c.FURTHER,
        ),
    ),
    CHOICES,
)  # fmt: skip
GRADIENTS = Exercise(
    "standard-backward",
    "the gradients of the standard convolution",
    (
        Task(
            "conv2d_backward", 8, (("dy", "volume"), *ARRAYS), OPTIONS, (("dx", "volume"), ("dkernel", "kernel")),
            SIZES, c.with_upstream(c.standard_case, lambda case: case.sizes["filters"]), BACKWARD, _backward, EXAMPLE,
            GRADIENT_MISTAKES, kernel=conv2d_backward, shapes=SHAPES, further=c.FURTHER,
        ),
    ),
    CHOICES,
)  # fmt: skip
