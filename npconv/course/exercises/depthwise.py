"""The depthwise and the pointwise convolution as exercises, forward and backward."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...kernels import signatures
from ...kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ...kernels.geometry import Array, sum_channels
from ...kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Exercise, Sizes, Task
from .multiplier import in_the_other_order, in_the_variants_order


def _multiplier(case: Case) -> int:
    """Q, from the shapes."""
    kernel = case.arrays["kernel"] if "kernel" in case.arrays else case.arrays["depthwise"]
    return int(kernel.shape[-1] // case.arrays["x"].shape[-1])


def _taking_kernel(change: Callable[[Array, int], Array]) -> Answer:
    """The answer for a kernel that `change` makes of the kernel and Q."""
    return lambda case, variant, reference: reference(
        m.changed(case, {"kernel": lambda kernel: change(kernel, _multiplier(case))}), variant
    )


def _dx_of(filter: int) -> Answer:
    """The gradients with a dx of one of each channel's Q filters, the first or the last."""
    return m.in_part(
        0, _taking_kernel(lambda kernel, q: kernel * (np.arange(kernel.shape[-1], dtype=np.int64) % q == filter % q))
    )


DEPTHWISE_FORWARD = Task(
    "depthwise_conv2d",
    points=3,
    arrays=(("x", "volume"), ("kernel", "depthwise")),
    options=c.GEOMETRY,
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER),
    build=c.case_of(signatures.DEPTHWISE),
    reference=c.forward_reference(depthwise_conv2d),
    text="The depthwise 2D convolution: each channel of the input filtered by Q filters of its own.\n\n"
    "Filter c reads input channel {source} and gives output channel c; nothing is summed over the channels.",
    example={"output_height": 2, "output_width": 2, "kernel_width": 2, "stride_width": 2, "multiplier": 2},
    wrong={
        **m.forward("kernel"),
        **m.last_tap("kernel"),
        "only the first filter of each channel is used": _taking_kernel(
            lambda kernel, q: np.repeat(kernel[..., ::q], q, axis=-1)
        ),
        "the channels are summed, as a standard convolution does": m.giving(
            lambda result, case: (np.broadcast_to(result[0].sum(axis=-1, keepdims=True), result[0].shape),)
        ),
        "only the first channel is used": m.taking(x=m.only(0, 3)),
    },
    explained=True,
    row=signatures.DEPTHWISE,
    choices=("padding",),
    further=c.FURTHER,
)
DEPTHWISE_BACKWARD = c.backward_of(
    DEPTHWISE_FORWARD,
    "depthwise_conv2d_backward",
    points=4,
    reference=c.backward_reference(depthwise_conv2d_backward),
    text="The gradients of the depthwise 2D convolution: of Σ dy · y with respect to x and to kernel.\n\n"
    "y is what the convolution makes of x and kernel: filter c reads input channel {source} and "
    "gives output channel c; nothing is summed over the channels.",
    wrong={
        **m.SPATIAL_GRADIENTS,
        "dx is not summed over each channel's Q filters: it is the first one's alone": _dx_of(0),
        "dx is not summed over each channel's Q filters: it is the last one's alone": _dx_of(-1),
        **m.overwritten(lambda dy, kernel, channels: sum_channels(dy[:, None, None] * kernel, channels)),
    },
)
AXES = {"kernel": -1, "dkernel": -1, "y": -1, "dy": -1}  # those of the M·Q channels

FORWARD, BACKWARD = (in_the_variants_order(task, AXES) for task in (DEPTHWISE_FORWARD, DEPTHWISE_BACKWARD))
WRONG_CHANNELS: m.Wrong = {
    "dx is summed over the wrong filters: filter c is taken for channel {other_source}'s, not {source}'s": m.in_part(
        0, in_the_other_order(BACKWARD)
    ),
}
DEPTHWISE = Exercise(
    "depthwise",
    "the depthwise convolution with a depth multiplier, and its gradients",
    (FORWARD, replace(BACKWARD, wrong={**BACKWARD.wrong, **WRONG_CHANNELS})),
    (*c.CHOICES, "multiplier"),
)


_MIDDLING: Sizes = {"batch": 2, "height": 2, "width": 3, "channels": 3, "filters": 2}
POINTWISE_FORWARD = Task(
    "pointwise_conv2d",
    points=2,
    arrays=(("x", "volume"), ("kernel", "pointwise")),
    options=(),
    sizes=(c.BATCH, *c.MAP, c.CHANNELS, c.FILTERS),
    build=c.case_of(signatures.POINTWISE),
    reference=c.forward_reference(pointwise_conv2d),
    text="The pointwise (1×1) convolution: at every position the same linear combination of the channels.",
    example={"width": 2, "channels": 3, "filters": 2},
    wrong={
        **m.CONFUSED,
        "only the first channel is used": m.taking(kernel=m.only(0, 0)),
        "only the first filter is used": m.taking(kernel=m.only(0, 1)),
        **m.BATCH,
    },
    explained=True,
    row=signatures.POINTWISE,
    further=(
        *({**_MIDDLING, **numbers} for numbers in c.KINDS_OF_NUMBERS),
        {"batch": 4, "height": 3, "width": 3, "channels": 3, "filters": 3},
        {"batch": 2, "height": 4, "width": 5, "channels": 5, "filters": 4},
    ),
)
LAST_PRODUCT = m.in_part(0, m.taking(kernel=m.only(-1, 1)))  # of dx
POINTWISE_BACKWARD = c.backward_of(
    POINTWISE_FORWARD,
    "pointwise_conv2d_backward",
    points=3,
    reference=lambda case, variant: pointwise_conv2d_backward(*case.arrays.values()),
    text="The gradients of the pointwise (1×1) convolution: of Σ dy · y with respect to x and to kernel.\n\n"
    "y is what the convolution makes of x and kernel: at every position the same linear combination of the channels.",
    wrong={
        **m.CONFUSED,
        **m.GRADIENTS,
        "dx is the last product alone: = stands for +=": LAST_PRODUCT,
        **m.LAST_OF_DKERNEL,
        "dx and dkernel are the last products alone: = stands for +=": m.together(LAST_PRODUCT, m.LAST_PRODUCT),
    },
)

POINTWISE = Exercise(
    "pointwise",
    "the pointwise convolution, and its gradients",
    (POINTWISE_FORWARD, POINTWISE_BACKWARD),
    ("channels", "filters"),
)
