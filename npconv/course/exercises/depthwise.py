"""The depthwise and the pointwise convolution as exercises, forward and backward."""

from typing import Any

import numpy as np

from ...kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ...kernels.geometry import Array, sum_channels
from ...kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from . import convolutions as c, mistakes as wrong
from .exercise import Case, Draw, Exercise, Mistake, Reference, Result, Size, Sizes, Task
from .multiplier import in_the_variants_order, source_of
from .variants import Variant

SIZES = (c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER)
ARRAYS = (("x", "volume"), ("kernel", "depthwise"))
OPTIONS = (("stride", "(1, 1)"), ("padding", "((0, 0), (0, 0))"))
EXAMPLE = {"output_height": 2, "output_width": 2, "kernel_width": 2, "stride_width": 2, "multiplier": 2}
SHAPES = {"y": "B, Dᵥ, Dᵥ, M·Q", "dy": "B, Dᵥ, Dᵥ, M·Q"}


def tiled(case: Case, variant: Variant, reference: Reference) -> Result:
    """What a function returns whose output channel c reads input channel c mod M, where c // Q is right."""
    x, kernel = case.arrays["x"], case.arrays["kernel"]
    assert x is not None
    assert kernel is not None
    channels, repeats = x.shape[-1], kernel.shape[-1] // x.shape[-1]
    arrays = {**case.arrays, "x": np.tile(x, repeats)}
    first, *others = reference(Case(arrays, case.options, case.sizes), variant)
    if others:  # dx, of the tiled channels
        assert first is not None
        first = first.reshape(*first.shape[:-1], repeats, channels).sum(axis=-2)
    return (first, *others)


def _first_of_each(case: Case, variant: Variant, reference: Reference) -> Result:
    x, kernel = case.arrays["x"], case.arrays["kernel"]
    assert x is not None
    assert kernel is not None
    repeats = kernel.shape[-1] // x.shape[-1]
    arrays = {**case.arrays, "kernel": np.repeat(kernel[..., ::repeats], repeats, axis=-1)}
    return reference(Case(arrays, case.options, case.sizes), variant)


def _dx_of_one_filter(which: int) -> Mistake:
    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        x, kernel = case.arrays["x"], case.arrays["kernel"]
        assert x is not None
        assert kernel is not None
        repeats = kernel.shape[-1] // x.shape[-1]
        alone = kernel * (np.arange(kernel.shape[-1], dtype=np.int64) % repeats == which % repeats)
        arrays = {**case.arrays, "kernel": alone}
        return (reference(Case(arrays, case.options, case.sizes), variant)[0], *reference(case, variant)[1:])

    place = "first" if which == 0 else "last"
    return Mistake(f"dx is not summed over each channel's Q filters: it is the {place} one's alone", answer)


def _dx_in_tiled_order(case: Case, variant: Variant, reference: Reference) -> Result:
    dy, x, kernel = case.arrays.values()
    assert dy is not None
    assert x is not None
    assert kernel is not None
    channels = x.shape[-1]
    order = np.arange(kernel.shape[-1], dtype=np.int64).reshape(-1, channels).T.ravel()  # c goes to channel c mod M
    arrays = {"dy": dy[..., order], "x": x, "kernel": kernel[..., order]}
    return (reference(Case(arrays, case.options, case.sizes), variant)[0], *reference(case, variant)[1:])


def _summed_over_channels(result: Result, case: Case) -> Result:
    y: Any = result[0]
    return (np.broadcast_to(y.sum(axis=-1, keepdims=True), y.shape),)


def _sent_back(dy: Array, kernel: Array, channels: int) -> Array:
    return sum_channels(dy[:, None, None] * kernel, channels)


MISTAKES = (
    wrong.ORDER_MISTAKE,
    *wrong.STRIDE_MISTAKES,
    *wrong.STEP_MISTAKES,
    *wrong.PADDING_MISTAKES,
    *wrong.kernel_mistakes("kernel"),
    *wrong.BATCH_MISTAKES,
    Mistake("the channels are repeated in the wrong order: filter c reads channel c mod M, not c // Q", tiled),
    Mistake("only the first filter of each channel is used", _first_of_each),
    wrong.result_taken_for("the channels are summed, as a standard convolution does", _summed_over_channels),
    wrong.taken_for("only the first channel is used", x=wrong.only(0, 3)),
)
GRADIENT_MISTAKES = (
    MISTAKES[-4],
    *wrong.SPATIAL_GRADIENT_MISTAKES,
    _dx_of_one_filter(0),
    _dx_of_one_filter(-1),
    Mistake(
        "dx is summed over the wrong filters: filter c is taken for channel c mod M's, not c // Q's", _dx_in_tiled_order
    ),
    *wrong.overwritten(_sent_back),
)


def _forward(variant: Variant) -> str:
    return (
        "The depthwise 2D convolution: each channel of the input filtered by Q filters of its own.\n\n"
        f"Filter c reads input channel {source_of(variant)} and gives output channel c; nothing is summed over the\n"
        "channels."
    )


def _backward(variant: Variant) -> str:
    return (
        "The gradients of the depthwise 2D convolution: of Σ dy · y with respect to x and to kernel.\n\n"
        f"y is what the convolution makes of x and kernel: filter c reads input channel {source_of(variant)} and\n"
        "gives output channel c; nothing is summed over the channels."
    )


DEPTHWISE = Exercise(
    "depthwise",
    "the depthwise convolution with a depth multiplier, and its gradients",
    in_the_variants_order(
        Task(
            "depthwise_conv2d", 3, ARRAYS, OPTIONS, (("y", "volume"),), SIZES, c.depthwise_case,
            c.forward_reference(depthwise_conv2d), _forward, EXAMPLE, MISTAKES, kernel=depthwise_conv2d, shapes=SHAPES,
            further=c.FURTHER,
        ),
        Task(
            "depthwise_conv2d_backward", 4, (("dy", "volume"), *ARRAYS), OPTIONS,
            (("dx", "volume"), ("dkernel", "depthwise")), SIZES,
            c.with_upstream(c.depthwise_case, lambda case: case.sizes["channels"] * case.sizes["multiplier"]),
            c.backward_reference(depthwise_conv2d_backward), _backward, EXAMPLE, GRADIENT_MISTAKES,
            kernel=depthwise_conv2d_backward, shapes=SHAPES, further=c.FURTHER,
        ),
        axes={"kernel": -1, "dkernel": -1, "y": -1, "dy": -1},
    ),
    ("channels", "filters", "kernel", "padding", "order", "multiplier"),
)  # fmt: skip

POINTWISE_SIZES = (
    c.BATCH,
    Size("height", 1, (2, 3), "the input has {} rows"),
    Size("width", 1, (2, 3), "the input has {} columns"),
    c.CHANNELS,
    c.FILTERS,
)
_MIDDLING: Sizes = {"batch": 2, "height": 2, "width": 3, "channels": 3, "filters": 2}
POINTWISE_FURTHER: tuple[Sizes, ...] = (
    {**_MIDDLING, "zeros": 1},
    {**_MIDDLING, "single": 1},
    {**_MIDDLING, "near": 4000, "quarters": 1},
    {**_MIDDLING, "near": 4000, "integers": 1},
    {"batch": 4, "height": 3, "width": 3, "channels": 3, "filters": 3},
    {"batch": 2, "height": 4, "width": 5, "channels": 5, "filters": 4},
)
POINTWISE_SHAPES = {"x": "B, Dᵤ, Dᵤ, M", "y": "B, Dᵤ, Dᵤ, N", "dy": "B, Dᵤ, Dᵤ, N"}
POINTWISE_EXAMPLE = {"width": 2, "channels": 3, "filters": 2}


def pointwise_case(sizes: Sizes, draw: Draw) -> Case:
    """A pointwise convolution's x (B, Dᵤ, Dᵤ, M) and kernel (M, N)."""
    x = draw(sizes["batch"], sizes["height"], sizes["width"], sizes["channels"])
    return Case({"x": x, "kernel": draw(sizes["channels"], sizes["filters"])}, {}, sizes)


def pointwise_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The same for backward, with dy (B, Dᵤ, Dᵤ, N)."""
    case = pointwise_case(sizes, draw)
    dy = draw(sizes["batch"], sizes["height"], sizes["width"], sizes["filters"])
    return Case({"dy": dy, **case.arrays}, {}, sizes)


def _pointwise_reference(case: Case, variant: Variant) -> Result:
    x, kernel = case.arrays.values()
    assert x is not None
    assert kernel is not None
    return (pointwise_conv2d(x, kernel),)


def _pointwise_backward_reference(case: Case, variant: Variant) -> Result:
    dy, x, kernel = case.arrays.values()
    assert dy is not None
    assert x is not None
    assert kernel is not None
    return pointwise_conv2d_backward(dy, x, kernel)


POINTWISE_MISTAKES = (
    wrong.taken_for("input and output channels of the kernel are confused", kernel=wrong.exchanged_channels),
    wrong.taken_for("only the first channel is used", kernel=wrong.only(0, 0)),
    wrong.taken_for("only the first filter is used", kernel=wrong.only(0, 1)),
    *wrong.BATCH_MISTAKES,
)


def _pointwise(variant: Variant) -> str:
    return "The pointwise (1×1) convolution: at every position the same linear combination of the channels."


def _pointwise_backward(variant: Variant) -> str:
    return (
        "The gradients of the pointwise (1×1) convolution: of Σ dy · y with respect to x and to kernel.\n\n"
        "y is what the convolution makes of x and kernel: at every position the same linear combination of the\n"
        "channels."
    )


POINTWISE = Exercise(
    "pointwise",
    "the pointwise convolution, and its gradients",
    (
        Task(
            "pointwise_conv2d", 2, (("x", "volume"), ("kernel", "pointwise")), (), (("y", "volume"),), POINTWISE_SIZES,
            pointwise_case, _pointwise_reference, _pointwise, POINTWISE_EXAMPLE, POINTWISE_MISTAKES,
            kernel=pointwise_conv2d, shapes=POINTWISE_SHAPES, further=POINTWISE_FURTHER,
        ),
        Task(
            "pointwise_conv2d_backward", 3, (("dy", "volume"), ("x", "volume"), ("kernel", "pointwise")), (),
            (("dx", "volume"), ("dkernel", "pointwise")), POINTWISE_SIZES, pointwise_backward_case,
            _pointwise_backward_reference, _pointwise_backward, POINTWISE_EXAMPLE,
            (POINTWISE_MISTAKES[0], *wrong.GRADIENT_MISTAKES), kernel=pointwise_conv2d_backward,
            shapes=POINTWISE_SHAPES, further=POINTWISE_FURTHER,
        ),
    ),
    ("channels", "filters"),
)  # fmt: skip
