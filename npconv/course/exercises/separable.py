"""The depthwise separable convolution, the standard kernel that it factors, and the factors of one, as exercises."""

from collections.abc import Callable

import numpy as np

from ...kernels import signatures
from ...kernels.geometry import Array
from ...kernels.separable import depthwise_separable_conv2d, factored_kernel, factorize_kernel
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Size, Sizes, Task
from .multiplier import in_the_variants_order, order_of
from .variants import Variant

FACTORS = (("depthwise", "depthwise"), ("pointwise", "pointwise"))
INNER = {"depthwise": -1, "pointwise": 0}  # the axes of the M·Q channels in between
MULTIPLIER = (("depth_multiplier", "1"),)
KERNEL_SIZES = (
    Size("kernel_height", 1, (2, 3), "the filters have {} rows"),
    Size("kernel_width", 1, (2, 3), "the filters have {} columns"),
    c.CHANNELS,
    c.MULTIPLIER,
    c.FILTERS,
)


def _identity(pointwise: Array) -> Array:
    """A pointwise kernel that lets the first channels through; ValueError where they are too few."""
    if pointwise.shape[0] < pointwise.shape[1]:
        raise ValueError("more filters than channels")
    return np.eye(*pointwise.shape)


def _with_relu_between(case: Case, variant: Variant, reference: Reference) -> Result:
    (filtered,) = reference(m.changed(case, {"pointwise": lambda kernel: np.eye(len(kernel))}), variant)
    return (np.maximum(filtered, 0) @ case.arrays["pointwise"],)


CONVOLUTION = Task(
    "depthwise_separable_conv2d",
    points=2,
    arrays=(("x", "volume"), *FACTORS),
    options=c.GEOMETRY,
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER, c.FILTERS),
    build=c.case_of(signatures.SEPARABLE),
    reference=c.forward_reference(depthwise_separable_conv2d),
    text="The depthwise separable convolution: each channel filtered on its own, then the channels combined.\n\n"
    "First the depthwise convolution, with stride and padding, whose filter c reads channel {source}; then the "
    "pointwise one.",
    example={"output_width": 2, "kernel_width": 2, "channels": 2, "filters": 2},
    wrong={
        **m.forward("depthwise"),
        **m.last_tap("depthwise"),
        "input and output channels of the pointwise kernel are confused": m.taking(pointwise=m.exchanged(-2, -1)),
        "only the first channel is used": m.taking(pointwise=m.only(0, 0)),
        "only the first pointwise filter is used": m.taking(pointwise=m.only(0, 1)),
        "the depthwise filters are not applied": m.taking(depthwise=np.ones_like),
        "the pointwise convolution is left out": m.taking(pointwise=_identity),
        "ReLU stands between the two convolutions, where nothing does": _with_relu_between,
    },
    explained=True,
    row=signatures.SEPARABLE,
    choices=("padding",),
    further=c.FURTHER,
)


def _of_factors(kernel: Callable[..., Array]) -> Answer:
    """The answer of a function of the factors and Q."""
    return lambda case, variant, reference: (kernel(*case.arrays.values(), case.options["depth_multiplier"]),)


def _by_channel(products: Array, q: int) -> Array:
    """Products (Dᵣ, Dᵣ, M·Q, N) with M and Q apart."""
    return products.reshape(*products.shape[:2], -1, q, products.shape[-1])


_CUBE: Sizes = {"kernel_height": 3, "kernel_width": 3, "channels": 3, "multiplier": 3, "filters": 3}
PRODUCT = Task(
    "factored_kernel",
    points=3,
    arrays=FACTORS,
    options=MULTIPLIER,
    results=(("kernel", "kernel"),),
    sizes=KERNEL_SIZES,
    build=c.case_of(signatures.FACTORED_KERNEL),
    reference=c.forward_reference(factored_kernel),
    text="The standard kernel with which one convolution does what the depthwise and the pointwise one do together.\n\n"
    "Depthwise filter c reads channel {source}, where Q is the depth multiplier.",
    example={"kernel_width": 2, "multiplier": 2, "filters": 2},
    wrong={
        "the two kernels are added instead of multiplied": _of_factors(
            lambda depthwise, pointwise, q: _by_channel(depthwise[..., None] + pointwise, q).sum(axis=3)
        ),
        "only the first of each channel's Q products is used": _of_factors(
            lambda depthwise, pointwise, q: depthwise[..., ::q, None] * pointwise[::q]
        ),
        "the mean over the Q products is taken instead of the sum": m.giving(
            lambda result, case: (result[0] / case.options["depth_multiplier"],)
        ),
        **m.orientation("depthwise"),
        "the pointwise kernel is left out": m.taking(pointwise=np.ones_like),
        "the depthwise kernel is left out": m.taking(depthwise=np.ones_like),
    },
    row=signatures.FACTORED_KERNEL,
    further=(
        _CUBE,
        {"kernel_width": 2, "channels": 2, "filters": 3, "defaults": 1},
        *({**_CUBE, **numbers} for numbers in c.KINDS_OF_NUMBERS),
        {"kernel_height": 4, "kernel_width": 5, "channels": 5, "multiplier": 4, "filters": 4},
    ),
)

SEPARABLE = Exercise(
    "separable",
    "the depthwise separable convolution, and the standard kernel that it factors",
    tuple(in_the_variants_order(task, INNER) for task in (CONVOLUTION, PRODUCT)),
    (*c.CHOICES, "multiplier"),
)


def kernel_case(sizes: Sizes, draw: Draw) -> Case:
    """A kernel (Dᵣ, Dᵣ, M, N) that is a sum of so many products, and how many the factors may have."""
    shapes = c.shapes_of(signatures.FACTORED_KERNEL, {**sizes, "multiplier": sizes["rank"]}).values()
    kernel = factored_kernel(*(draw(*shape) for shape in shapes), depth_multiplier=sizes["rank"])
    if sizes["no_slice"]:
        kernel[:, :, 0] = 0
    return Case({"kernel": kernel}, {"depth_multiplier": sizes["multiplier"]}, sizes)


def missed(result: Result, case: Case, variant: Variant) -> Result:
    """The distance of the factors' product from each channel's slice; the factors have the student's layout."""
    factors = {}
    for (name, kind), factor in zip(FACTORS, result, strict=True):
        a = np.asarray(factor, float)
        a = a.transpose(np.argsort(variant.axes(kind, a.ndim)))
        factors[name] = a.take(order_of(variant, case), axis=INNER[name])
    product = factored_kernel(**factors, **case.options)
    return (np.sqrt(((product - case.arrays["kernel"]) ** 2).sum(axis=(0, 1, 3))),)


def _one_product(result: Result, case: Case) -> Result:
    depthwise, pointwise = result
    first = np.arange(depthwise.shape[-1], dtype=np.int64) % case.options["depth_multiplier"] == 0
    return depthwise * first, pointwise


def _with_powers(left: float, right: float) -> Answer:
    """The factors with these powers of the singular values, where one half is right in both."""

    def factors(result: Result, case: Case) -> Result:
        kernel, multiplier = case.arrays["kernel"], case.options["depth_multiplier"]
        height, width, channels, filters = kernel.shape
        depthwise, pointwise = (np.zeros(factor.shape) for factor in result)
        for channel in range(channels):
            vectors, values, others = np.linalg.svd(kernel[:, :, channel].reshape(-1, filters), full_matrices=False)
            values[values < 1e-9] = 0.0
            for q in range(min(multiplier, len(values))):
                depthwise[..., channel * multiplier + q] = (vectors[:, q] * values[q] ** left).reshape(height, width)
                pointwise[channel * multiplier + q] = others[q] * values[q] ** right
        return depthwise, pointwise

    return m.giving(factors)


def _exchanged_sides(result: Result, case: Case) -> Result:
    height, width, inner = result[0].shape
    return result[0].reshape(width, height, inner).swapaxes(0, 1), result[1]


def _mixed_slices(kernel: Array) -> Array:
    """The kernel with slices by a reshape, where axes have to be exchanged."""
    height, width, channels, filters = kernel.shape
    mixed: Array = kernel.reshape(channels, height * width, filters).swapaxes(0, 1).reshape(kernel.shape)
    return mixed


def _product_shown(call: str, case: Case) -> list[str]:
    """The example, which shows the factors' product: the factors themselves are not the only right ones."""
    kernel = case.arrays["kernel"]
    return [
        f">>> depthwise, pointwise = {call}",
        ">>> product = depthwise.reshape(-1, 1) * pointwise.reshape(1, -1)  # (Dᵣ·Dᵣ, N), as M and Q are 1",
        ">>> product.round().astype(int).tolist()",
        repr(kernel.reshape(-1, kernel.shape[-1]).astype(np.int64).tolist()),
    ]


_FULL: Sizes = {"kernel_height": 3, "kernel_width": 3, "channels": 2, "filters": 3, "rank": 6}
BEST_FACTORS = Task(
    "factorize_kernel",
    points=5,
    arrays=(("kernel", "kernel"),),
    options=MULTIPLIER,
    results=FACTORS,
    sizes=(
        *KERNEL_SIZES,
        Size("rank", 1, (2, 3, 6), "each channel's slice is a sum of {} products"),
        Size("no_slice", 0, (1,), "the first channel's slice is 0"),
    ),
    build=kernel_case,
    reference=lambda case, variant: factorize_kernel(case.arrays["kernel"], **case.options),
    text="The depthwise and the pointwise kernel whose product comes nearest to a standard kernel, by least squares."
    "\n\nTheir product is kernel[i, j, m, n] = Σ depthwise[i, j, c] · pointwise[c, n] over the Q values of c with "
    "m = {source}, where Q is the depth multiplier{here}. Any pair of factors with the best product is right; where Q "
    "is more than is needed, the rest may be zeros.",
    example={"kernel_width": 2, "filters": 3},
    wrong={
        "the depth multiplier is ignored: only one product is used for each channel": m.giving(_one_product),
        "the singular values are left out of the factors": _with_powers(0, 0),
        "the singular values go into both factors, and so are squared": _with_powers(1, 1),
        "only one of the two factors has the singular values' roots": _with_powers(0.5, 0),
        "the filters' height and width are exchanged": m.giving(_exchanged_sides),
        "the slices are not those of the channels: the axes are reshaped, not exchanged": m.taking(
            kernel=_mixed_slices
        ),
        "only the first channel is factored": m.taking(kernel=m.only(0, 2)),
        "the kernel is flipped": m.taking(kernel=m.turned),
    },
    compared=missed,
    row=signatures.FACTORED_KERNEL,
    shown=_product_shown,
    further=(
        _FULL,
        {**_FULL, "defaults": 1},
        {**_FULL, "zeros": 1},
        {**_FULL, "multiplier": 2},
        {**_FULL, "multiplier": 2, "filters": 5},
        {**_FULL, "multiplier": 3, "kernel_height": 4, "filters": 4},
        {**_FULL, "multiplier": 4, "kernel_height": 5, "kernel_width": 4, "filters": 6, "channels": 1},
        {**_FULL, "multiplier": 2, "filters": 1, "channels": 5},
        {**_FULL, "multiplier": 2, "no_slice": 1},
    ),
)

FACTORIZE = Exercise(
    "factorize",
    "the best separable factors of a standard kernel",
    (in_the_variants_order(BEST_FACTORS, INNER),),
    ("filters", "multiplier"),
)
