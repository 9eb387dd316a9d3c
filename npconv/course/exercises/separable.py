"""The depthwise separable convolution, the standard kernel that it factors, and the factors of one, as exercises."""

from typing import Any

import numpy as np

from ...kernels.geometry import Array
from ...kernels.separable import depthwise_separable_conv2d, factored_kernel, factorize_kernel
from . import convolutions as c
from . import mistakes as wrong
from .exercise import Case, Draw, Exercise, Mistake, Reference, Result, Size, Sizes, Task
from .multiplier import in_the_variants_order, order_of, source_of
from .variants import Variant

FACTORS = (("depthwise", "depthwise"), ("pointwise", "pointwise"))
INNER = {"depthwise": -1, "pointwise": 0}  # the axes of the M·Q channels in between
SHAPES = {"y": "B, Dᵥ, Dᵥ, N", "pointwise": "M·Q, N"}
KERNEL_SIZES = (
    Size("kernel_height", 1, (2, 3), "the filters have {} rows"),
    Size("kernel_width", 1, (2, 3), "the filters have {} columns"),
    c.CHANNELS,
    c.MULTIPLIER,
    c.FILTERS,
)


def _tiled_depthwise(case: Case, variant: Variant, reference: Reference) -> Result:
    x, depthwise = case.arrays["x"], case.arrays["depthwise"]
    assert x is not None
    assert depthwise is not None
    arrays = {**case.arrays, "x": np.tile(x, depthwise.shape[-1] // x.shape[-1])}
    return reference(Case(arrays, case.options, case.sizes), variant)


SEPARABLE_MISTAKES = (
    wrong.ORDER_MISTAKE,
    *wrong.STRIDE_MISTAKES,
    *wrong.PADDING_MISTAKES,
    *wrong.kernel_mistakes("depthwise"),
    *wrong.BATCH_MISTAKES,
    Mistake(
        "the channels are repeated in the wrong order: filter c reads channel c mod M, not c // Q", _tiled_depthwise
    ),
    wrong.taken_for(
        "input and output channels of the pointwise kernel are confused", pointwise=wrong.exchanged_channels
    ),
    wrong.taken_for("only the first channel is used", pointwise=wrong.only(0, 0)),
    wrong.taken_for("only the first pointwise filter is used", pointwise=wrong.only(0, 1)),
    wrong.taken_for("the depthwise filters are not applied", depthwise=np.ones_like),
)


def factors_case(sizes: Sizes, draw: Draw) -> Case:
    """Factors of a kernel, depthwise (Dᵣ, Dᵣ, M·Q) and pointwise (M·Q, N), and Q."""
    inner = sizes["channels"] * sizes["multiplier"]
    depthwise = draw(sizes["kernel_height"], sizes["kernel_width"], inner)
    options = {"depth_multiplier": sizes["multiplier"]}
    return Case({"depthwise": depthwise, "pointwise": draw(inner, sizes["filters"])}, options, sizes)


def _factors(case: Case) -> tuple[Array, Array, int]:
    depthwise, pointwise = case.arrays.values()
    assert depthwise is not None
    assert pointwise is not None
    return depthwise, pointwise, case.options["depth_multiplier"]


def _factored(case: Case, variant: Variant) -> Result:
    depthwise, pointwise, multiplier = _factors(case)
    return (factored_kernel(depthwise, pointwise, depth_multiplier=multiplier),)


def _in_tiled_order(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise, multiplier = _factors(case)
    products = depthwise[..., None] * pointwise  # (Dᵣ, Dᵣ, M·Q, N)
    return (products.reshape(*depthwise.shape[:2], multiplier, -1, pointwise.shape[1]).sum(axis=2),)


def _first_product(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise, multiplier = _factors(case)
    return (depthwise[..., ::multiplier, None] * pointwise[::multiplier],)


FACTORED_MISTAKES = (
    Mistake("the channels are in the wrong order: filter c belongs to channel c mod M, not c // Q", _in_tiled_order),
    Mistake("only the first of each channel's Q products is used", _first_product),
    wrong.result_taken_for(
        "the mean over the Q products is taken instead of the sum",
        lambda result, case: (result[0] / case.options["depth_multiplier"],),
    ),
    *wrong.kernel_mistakes("depthwise"),
    wrong.taken_for("the pointwise kernel is left out", pointwise=np.ones_like),
    wrong.taken_for("the depthwise kernel is left out", depthwise=np.ones_like),
)


def _separable_text(variant: Variant) -> str:
    return (
        "The depthwise separable convolution: each channel filtered on its own, then the channels combined.\n\n"
        "First the depthwise convolution, with stride and padding, whose filter c reads channel\n"
        f"{source_of(variant)}; then the pointwise one."
    )


def _factored_text(variant: Variant) -> str:
    return (
        "The standard kernel with which one convolution does what the depthwise and the pointwise one do together.\n\n"
        f"Depthwise filter c reads channel {source_of(variant)}, where Q is the depth multiplier."
    )


SEPARABLE = Exercise(
    "separable",
    "the depthwise separable convolution, and the standard kernel that it factors",
    in_the_variants_order(
        Task(
            "depthwise_separable_conv2d", 2, (("x", "volume"), *FACTORS),
            (("stride", "(1, 1)"), ("padding", "((0, 0), (0, 0))")), (("y", "volume"),),
            (c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER, c.FILTERS), c.separable_case,
            c.forward_reference(depthwise_separable_conv2d), _separable_text,
            {"output_width": 2, "kernel_width": 2, "channels": 2, "filters": 2}, SEPARABLE_MISTAKES, shapes=SHAPES,
        ),
        Task(
            "factored_kernel", 3, FACTORS, (("depth_multiplier", "1"),), (("kernel", "kernel"),), KERNEL_SIZES,
            factors_case, _factored, _factored_text, {"kernel_width": 2, "multiplier": 2, "filters": 2},
            FACTORED_MISTAKES, shapes=SHAPES,
        ),
        axes=INNER,
    ),
    ("channels", "filters", "kernel", "padding", "order", "multiplier"),
)  # fmt: skip

RANK = Size("rank", 1, (2, 3), "each channel's slice is a sum of {} products")


def kernel_case(sizes: Sizes, draw: Draw) -> Case:
    """A kernel (Dᵣ, Dᵣ, M, N) that is a sum of so many products, and how many the factors may have."""
    inner = sizes["channels"] * sizes["rank"]
    depthwise, pointwise = draw(sizes["kernel_height"], sizes["kernel_width"], inner), draw(inner, sizes["filters"])
    kernel = factored_kernel(depthwise, pointwise, depth_multiplier=sizes["rank"])
    return Case({"kernel": kernel}, {"depth_multiplier": sizes["multiplier"]}, sizes)


def _factorized(case: Case, variant: Variant) -> Result:
    kernel = case.arrays["kernel"]
    assert kernel is not None
    return factorize_kernel(kernel, depth_multiplier=case.options["depth_multiplier"])


def missed(result: Result, case: Case, variant: Variant) -> Result:
    """How far the factors' product is from each channel's slice of the kernel, the factors in the student's layout."""
    factors: list[Any] = []
    for (name, kind), factor in zip(FACTORS, result, strict=True):
        assert factor is not None
        a = np.asarray(factor, float)
        a = a.transpose(np.argsort(variant.axes(kind, a.ndim)))
        factors.append(a.take(order_of(variant, case), axis=INNER[name]))
    product = factored_kernel(*factors, depth_multiplier=case.options["depth_multiplier"])
    return (np.sqrt(((product - case.arrays["kernel"]) ** 2).sum(axis=(0, 1, 3))),)


def _one_product(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise = reference(case, variant)
    assert depthwise is not None
    assert pointwise is not None
    first = np.arange(depthwise.shape[-1]) % case.options["depth_multiplier"] == 0
    return depthwise * first, pointwise


def _unit_vectors(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise = reference(case, variant)
    lengths = np.sqrt((np.asarray(pointwise) ** 2).sum(axis=1))  # the root of each singular value
    lengths[lengths == 0] = 1
    return np.asarray(depthwise) / lengths, np.asarray(pointwise) / lengths[:, None]


def _values_twice(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise = reference(case, variant)
    lengths = np.sqrt((np.asarray(pointwise) ** 2).sum(axis=1))
    return np.asarray(depthwise) * lengths, np.asarray(pointwise) * lengths[:, None]


def _first_rows(case: Case, variant: Variant, reference: Reference) -> Result:
    kernel, multiplier = case.arrays["kernel"], case.options["depth_multiplier"]
    assert kernel is not None
    height, width, m, n = kernel.shape
    slices = kernel.reshape(m, height * width, n)  # where the axes have to be exchanged
    mixed = slices.swapaxes(0, 1).reshape(kernel.shape)
    return factorize_kernel(mixed, depth_multiplier=multiplier)


FACTORIZE_MISTAKES = (
    Mistake("the depth multiplier is ignored: only one product is used for each channel", _one_product),
    Mistake("the singular values are left out of the factors", _unit_vectors),
    Mistake("the singular values go into both factors, and so are squared", _values_twice),
    Mistake("the slices are not those of the channels: the axes are reshaped, not exchanged", _first_rows),
    wrong.taken_for("only the first channel is factored", kernel=wrong.only(0, 2)),
    wrong.taken_for("the kernel is flipped", kernel=wrong.turned),
)


def _factorize_text(variant: Variant) -> str:
    here = "" if variant.filters == "last" else " (here with the axes of the channels last)"
    return (
        "The depthwise and the pointwise kernel whose product comes nearest to a standard kernel, by least squares.\n\n"
        "Their product is kernel[i, j, m, n] = Σ depthwise[i, j, c] · pointwise[c, n] over the Q values of c with\n"
        f"m = {source_of(variant)}, where Q is the depth multiplier{here}. Any pair of factors with the best product\n"
        "is right; where Q is more than is needed, the rest may be zeros."
    )


def _factorize_shown(call: str, case: Case) -> list[str]:
    """The example, which shows the factors' product: the factors themselves are not the only right ones."""
    kernel = case.arrays["kernel"]
    assert kernel is not None
    return [
        f">>> depthwise, pointwise = {call}",
        ">>> product = depthwise.reshape(-1, 1) * pointwise.reshape(1, -1)  # (Dᵣ·Dᵣ, N), as M and Q are 1",
        ">>> product.round().astype(int).tolist()",
        repr(kernel.reshape(-1, kernel.shape[-1]).astype(int).tolist()),
    ]


FACTORIZE = Exercise(
    "factorize",
    "the best separable factors of a standard kernel",
    in_the_variants_order(
        Task(
            "factorize_kernel", 5, (("kernel", "kernel"),), (("depth_multiplier", "1"),), FACTORS,
            (*KERNEL_SIZES, RANK), kernel_case, _factorized, _factorize_text, {"kernel_width": 2, "filters": 3},
            FACTORIZE_MISTAKES, compared=missed, shapes=SHAPES, shown=_factorize_shown,
        ),
        axes=INNER,
    ),
    ("filters", "multiplier"),
)  # fmt: skip
