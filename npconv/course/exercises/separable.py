"""The depthwise separable convolution, the standard kernel that it factors, and the factors of one, as exercises."""

from typing import Any

import numpy as np

from ...kernels.geometry import Array
from ...kernels.separable import depthwise_separable_conv2d, factored_kernel, factorize_kernel
from . import convolutions as c, mistakes as wrong
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

_CUBE: Sizes = {"kernel_height": 3, "kernel_width": 3, "channels": 3, "multiplier": 3, "filters": 3}
FACTORED_FURTHER: tuple[Sizes, ...] = (
    _CUBE,
    {"kernel_width": 2, "channels": 2, "filters": 3, "defaults": 1},
    {**_CUBE, "zeros": 1},
    {**_CUBE, "single": 1},
    {**_CUBE, "near": 4000, "quarters": 1},
    {**_CUBE, "near": 4000, "integers": 1},
    {"kernel_height": 4, "kernel_width": 5, "channels": 5, "multiplier": 4, "filters": 4},
)


def _tiled_depthwise(case: Case, variant: Variant, reference: Reference) -> Result:
    x, depthwise = case.arrays["x"], case.arrays["depthwise"]
    assert x is not None
    assert depthwise is not None
    arrays = {**case.arrays, "x": np.tile(x, depthwise.shape[-1] // x.shape[-1])}
    return reference(Case(arrays, case.options, case.sizes), variant)


def _identity(pointwise: Array) -> Array:
    """A pointwise kernel that lets the first channels through; ValueError where they are too few."""
    if pointwise.shape[0] < pointwise.shape[1]:
        raise ValueError("more filters than channels")
    return np.eye(*pointwise.shape)


def _with_relu_between(case: Case, variant: Variant, reference: Reference) -> Result:
    (filtered,) = reference(wrong.changed(case, {"pointwise": lambda kernel: np.eye(len(kernel))}), variant)
    return (np.maximum(np.asarray(filtered), 0) @ case.arrays["pointwise"],)


SEPARABLE_MISTAKES = (
    wrong.ORDER_MISTAKE,
    *wrong.STRIDE_MISTAKES,
    *wrong.STEP_MISTAKES,
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
    wrong.taken_for("the pointwise convolution is left out", pointwise=_identity),
    Mistake("ReLU stands between the two convolutions, where nothing does", _with_relu_between),
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


def _added(case: Case, variant: Variant, reference: Reference) -> Result:
    depthwise, pointwise, multiplier = _factors(case)
    sums = depthwise[..., None] + pointwise
    return (sums.reshape(*depthwise.shape[:2], -1, multiplier, pointwise.shape[1]).sum(axis=3),)


FACTORED_MISTAKES = (
    Mistake("the two kernels are added instead of multiplied", _added),
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
            further=c.FURTHER,
        ),
        Task(
            "factored_kernel", 3, FACTORS, (("depth_multiplier", "1"),), (("kernel", "kernel"),), KERNEL_SIZES,
            factors_case, _factored, _factored_text, {"kernel_width": 2, "multiplier": 2, "filters": 2},
            FACTORED_MISTAKES, shapes=SHAPES, further=FACTORED_FURTHER,
        ),
        axes=INNER,
    ),
    ("channels", "filters", "kernel", "padding", "order", "multiplier"),
)  # fmt: skip

RANK = Size("rank", 1, (2, 3, 6), "each channel's slice is a sum of {} products")
NO_SLICE = Size("no_slice", 0, (1,), "the first channel's slice is 0")
_FULL: Sizes = {"kernel_height": 3, "kernel_width": 3, "channels": 2, "filters": 3, "rank": 6}
FACTORIZE_FURTHER: tuple[Sizes, ...] = (
    _FULL,
    {**_FULL, "defaults": 1},
    {**_FULL, "zeros": 1},
    {**_FULL, "multiplier": 2},
    {**_FULL, "multiplier": 2, "filters": 5},
    {**_FULL, "multiplier": 3, "kernel_height": 4, "filters": 4},
    {**_FULL, "multiplier": 4, "kernel_height": 5, "kernel_width": 4, "filters": 6, "channels": 1},
    {**_FULL, "multiplier": 2, "filters": 1, "channels": 5},
    {**_FULL, "multiplier": 2, "no_slice": 1},
)


def kernel_case(sizes: Sizes, draw: Draw) -> Case:
    """A kernel (Dᵣ, Dᵣ, M, N) that is a sum of so many products, and how many the factors may have."""
    inner = sizes["channels"] * sizes["rank"]
    depthwise, pointwise = draw(sizes["kernel_height"], sizes["kernel_width"], inner), draw(inner, sizes["filters"])
    kernel = factored_kernel(depthwise, pointwise, depth_multiplier=sizes["rank"])
    if sizes["no_slice"]:
        kernel[:, :, 0] = 0
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
    first = np.arange(depthwise.shape[-1], dtype=np.int64) % case.options["depth_multiplier"] == 0
    return depthwise * first, pointwise


def _with_powers(left: float, right: float) -> Any:
    """The factors of one whose singular values have these powers in them, where one half is right in both."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        depthwise, pointwise = map(np.asarray, reference(case, variant))
        kernel, multiplier = np.asarray(case.arrays["kernel"]), case.options["depth_multiplier"]
        height, width, channels, filters = kernel.shape
        depthwise, pointwise = np.zeros(depthwise.shape), np.zeros(pointwise.shape)
        for m in range(channels):
            vectors, values, others = np.linalg.svd(kernel[:, :, m].reshape(-1, filters), full_matrices=False)
            values[values < 1e-9] = 0.0
            for q in range(min(multiplier, len(values))):
                depthwise[..., m * multiplier + q] = (vectors[:, q] * values[q] ** left).reshape(height, width)
                pointwise[m * multiplier + q] = others[q] * values[q] ** right
        return depthwise, pointwise

    return answer


def _exchanged_sides(result: Result, case: Case) -> Result:
    depthwise = np.asarray(result[0])
    height, width, inner = depthwise.shape
    return depthwise.reshape(-1, inner).reshape(width, height, inner).swapaxes(0, 1), result[1]


def _tiled_factors(result: Result, case: Case) -> Result:
    depthwise, pointwise = map(np.asarray, result)
    order = np.arange(len(pointwise), dtype=np.int64).reshape(-1, case.options["depth_multiplier"]).T.ravel()
    return depthwise[..., order], pointwise[order]


def _first_rows(case: Case, variant: Variant, reference: Reference) -> Result:
    kernel, multiplier = case.arrays["kernel"], case.options["depth_multiplier"]
    assert kernel is not None
    height, width, m, n = kernel.shape
    slices = kernel.reshape(m, height * width, n)  # where the axes have to be exchanged
    mixed = slices.swapaxes(0, 1).reshape(kernel.shape)
    return factorize_kernel(mixed, depth_multiplier=multiplier)


FACTORIZE_MISTAKES = (
    Mistake("the depth multiplier is ignored: only one product is used for each channel", _one_product),
    Mistake("the singular values are left out of the factors", _with_powers(0, 0)),
    Mistake("the singular values go into both factors, and so are squared", _with_powers(1, 1)),
    Mistake("only one of the two factors has the singular values' roots", _with_powers(0.5, 0)),
    wrong.result_taken_for("the filters' height and width are exchanged", _exchanged_sides),
    wrong.result_taken_for(
        "the channels are in the wrong order: product q of channel m is q·M + m, not m·Q + q", _tiled_factors
    ),
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
        repr(kernel.reshape(-1, kernel.shape[-1]).astype(np.int64).tolist()),
    ]


FACTORIZE = Exercise(
    "factorize",
    "the best separable factors of a standard kernel",
    in_the_variants_order(
        Task(
            "factorize_kernel", 5, (("kernel", "kernel"),), (("depth_multiplier", "1"),), FACTORS,
            (*KERNEL_SIZES, RANK, NO_SLICE), kernel_case, _factorized, _factorize_text,
            {"kernel_width": 2, "filters": 3}, FACTORIZE_MISTAKES, compared=missed, shapes=SHAPES,
            shown=_factorize_shown, further=FACTORIZE_FURTHER,
        ),
        axes=INNER,
    ),
    ("filters", "multiplier"),
)  # fmt: skip
