"""The costs of convolutions, and the ratio of separable to standard, as exercises."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

from ...cost.formulas import Cost, conv2d_cost, cost_ratio, depthwise_separable_conv2d_cost
from ...kernels.signatures import SEPARABLE as SEPARABLE_ROW, STANDARD as STANDARD_ROW, Signature
from . import convolutions as c, mistakes as m
from .exercise import Answer, Build, Case, Draw, Exercise, Reference, Result, Size, Sizes, Task
from .variants import Variant


def shapes_case(row: Signature) -> Build:
    """A convolution's case with the shapes of its arrays as options, before stride and padding."""

    def case(sizes: Sizes, draw: Draw) -> Case:
        shapes = {f"{name}_shape": shape for name, shape in c.shapes_of(row, sizes).items()}
        return Case({}, {**shapes, **c.geometry(sizes)}, sizes)

    return case


def ratio_case(sizes: Sizes, draw: Draw) -> Case:
    """A kernel's size, the number of filters and the depth multiplier."""
    kernel_size = (sizes["kernel_height"], sizes["kernel_width"])
    options = {"kernel_size": kernel_size, "out_channels": sizes["filters"], "depth_multiplier": sizes["multiplier"]}
    return Case({}, options, sizes)


def _counted(cost_of: Callable[..., Cost]) -> Reference:
    """The cost in the variant's unit."""

    def reference(case: Case, variant: Variant) -> Result:
        x, *kernels, stride, padding = case.options.values()
        batch = x[0] if variant.counts_batch else 1
        cost = cost_of((batch, *x[1:]), *kernels, stride=stride, padding=padding)
        return (cost.flops if variant.counts_additions else cost.macs,)

    return reference


def _formula(sums: Callable[..., Sequence[tuple[int, int]]], total: Callable[[Sequence[int]], int] = sum) -> Answer:
    """The answer of another formula for one image: the total of what some sums of products cost.

    `sums` gives, by the output's positions n and the shapes x, d and p, how many sums there are, and their lengths.
    """

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        x, *kernels, stride, padding = case.options.values()
        positions = prod(c.output_sides(x, kernels[0], stride=stride, padding=padding))
        costs = [
            count * (2 * length - 1 if variant.counts_additions else length)
            for count, length in sums(positions, x, *kernels)
        ]
        return (total(costs) * (x[0] if variant.counts_batch else 1),)

    return answer


def _twice_the_products(case: Case, variant: Variant, reference: Reference) -> Result:
    (macs,) = reference(case, replace(variant, count="macs"))
    return (2 * macs,)


def _unrounded(*axes: int) -> Answer:
    """The answer whose output has sides that are divided as floats along these axes, 0 for the height."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        x, kernel, *_, stride, padding = case.options.values()
        factor = Fraction(1)
        for i in axes:
            steps = Fraction(x[1 + i] + sum(padding[i]) - kernel[i], stride[i])
            factor *= (steps + 1) / (steps // 1 + 1)
        return (float(reference(case, variant)[0] * factor),)

    return answer


COUNTS: m.Wrong = {
    **m.STRIDE,
    **m.PADDING_IGNORED,
    **m.AXES_SWAPPED,
    **m.FRONT_TWICE,
    **m.SIDES,
    "the output's sides are not rounded down": _unrounded(0, 1),
    "the output's height is not rounded down": _unrounded(0),
    "the output's width is not rounded down": _unrounded(1),
    "n additions are counted for a sum of n products, where n − 1 are right": m.where(
        _twice_the_products, count="flops"
    ),
}
_LARGE = c.sized((28, 14), (3, 3), padding=((1, 1), (1, 1)), channels=32, filters=64)
STANDARD = Task(
    "conv2d_cost",
    points=2,
    arrays=(),
    options=(("x_shape", ""), ("kernel_shape", ""), *c.GEOMETRY),
    results=(("cost", "number"),),
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS, c.FILTERS),
    build=shapes_case(STANDARD_ROW),
    reference=_counted(conv2d_cost),
    text="What a standard 2D convolution costs, from the shapes of its arrays.\n\n"
    "Count the {counted}. Count those of {whole}; there is no bias.",
    example=c.sized((2, 3), (2, 3), channels=2, filters=3),
    wrong={
        **COUNTS,
        "the input's channels are left out": m.taking(
            x_shape=lambda shape: (*shape[:3], 1), kernel_shape=lambda shape: (*shape[:2], 1, shape[3])
        ),
        "the filters are left out": m.taking(kernel_shape=lambda shape: (*shape[:3], 1)),
        "the filter's height and width are left out": m.taking(kernel_shape=lambda shape: (1, 1, *shape[2:])),
        "the input's height and width are taken for the output's": _formula(
            lambda n, x, kernel: [(prod(x[1:3]) * kernel[3], prod(kernel[:3]))]
        ),
        "the positions are left out: these are the parameters": m.where(
            _formula(lambda n, x, kernel: [(kernel[3], prod(kernel[:3]))]), count="macs"
        ),
    },
    exact=False,
    integers=False,
    row=STANDARD_ROW,
    choices=("count", "images"),
    further=(
        *(sizes for sizes in c.FURTHER if not {"zeros", "single", "near", "integers"} & set(sizes)),
        _LARGE,
        {**_LARGE, "stride_height": 2, "stride_width": 2, "spare_rows": 1, "batch": 4, "multiplier": 2},
        {**_LARGE, "batch": 64, "channels": 512, "filters": 1024, "output_height": 112, "output_width": 112},
    ),
)
SEPARABLE = replace(
    STANDARD,
    name="depthwise_separable_conv2d_cost",
    options=(("x_shape", ""), ("depthwise_shape", ""), ("pointwise_shape", ""), *c.GEOMETRY),
    sizes=(c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER, c.FILTERS),
    build=shapes_case(SEPARABLE_ROW),
    reference=_counted(depthwise_separable_conv2d_cost),
    row=SEPARABLE_ROW,
    text=STANDARD.text.replace("standard 2D", "depthwise separable"),
    wrong={
        **COUNTS,
        "only the depthwise convolution is counted": _formula(lambda n, x, d, p: [(n * d[2], prod(d[:2]))]),
        "only the pointwise convolution is counted": _formula(lambda n, x, d, p: [(n * p[1], p[0])]),
        "the depthwise convolution is counted as a standard one": _formula(
            lambda n, x, d, p: [(n * d[2], prod(d[:2]) * x[3]), (n * p[1], p[0])]
        ),
        "the depthwise convolution is counted as a standard one from M·Q channels to M·Q": _formula(
            lambda n, x, d, p: [(n * d[2], prod(d)), (n * p[1], p[0])]
        ),
        "the two convolutions' costs are multiplied instead of added": _formula(
            lambda n, x, d, p: [(n * d[2], prod(d[:2])), (n * p[1], p[0])], prod
        ),
        "the depth multiplier is ignored": _formula(lambda n, x, d, p: [(n * x[3], prod(d[:2])), (n * p[1], x[3])]),
        "the pointwise convolution is counted at the input's positions": _formula(
            lambda n, x, d, p: [(n * d[2], prod(d[:2])), (prod(x[1:3]) * p[1], p[0])]
        ),
    },
)


def _ratio(case: Case, variant: Variant) -> Result:
    kernel_size, filters, multiplier = case.options.values()
    return (variant.ratio_of(cost_ratio(kernel_size, filters, depth_multiplier=multiplier)),)


def _other_ratio(ratio: Callable[[int, int, int, int], Fraction]) -> Answer:
    """The answer of another formula, of Dᵣ and Dᵣ, N and Q."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        (height, width), filters, multiplier = case.options.values()
        return (variant.ratio_of(ratio(height, width, filters, multiplier)),)

    return answer


RATIO = Task(
    "cost_ratio",
    points=1,
    arrays=(),
    options=(("kernel_size", ""), ("out_channels", ""), ("depth_multiplier", "1")),
    results=(("ratio", "number"),),
    sizes=(*c.KERNEL, Size("filters", 1, (2, 3, 128), "there are {} filters"), c.MULTIPLIER),
    build=ratio_case,
    reference=_ratio,
    text="The multiplications of a {over}.\n\n"
    "Both map the same input to the same output, the separable one with Q filters for each channel. The result is "
    "exact, a fractions.Fraction.",
    example={"kernel_height": 3, "kernel_width": 3, "filters": 3},
    wrong={
        "Q is left out": _other_ratio(lambda h, w, n, q: Fraction(1, n) + Fraction(1, h * w)),
        "Q {q_did} where it {q_does}": _other_ratio(lambda h, w, n, q: (Fraction(1, n) + Fraction(1, h * w)) / q),
        "Q multiplies 1/N alone": _other_ratio(lambda h, w, n, q: Fraction(q, n) + Fraction(1, h * w)),
        "Q multiplies 1/Dᵣ² alone": _other_ratio(lambda h, w, n, q: Fraction(1, n) + Fraction(q, h * w)),
        "1/N and 1/Dᵣ² are multiplied instead of added": _other_ratio(lambda h, w, n, q: Fraction(q, n * h * w)),
        "1/N is left out": _other_ratio(lambda h, w, n, q: Fraction(q, h * w)),
        "1/Dᵣ² is left out": _other_ratio(lambda h, w, n, q: Fraction(q, n)),
        "the width is left out": _other_ratio(lambda h, w, n, q: q * (Fraction(1, n) + Fraction(1, h * h))),
        "1/Dᵣ stands where 1/Dᵣ² is right": _other_ratio(lambda h, w, n, q: q * (Fraction(1, n) + Fraction(1, h))),
    },
    exact=False,
    integers=False,
    choices=("ratio",),
    further=(
        {"kernel_height": 5, "kernel_width": 7, "filters": 1009, "multiplier": 4},
        {"kernel_height": 3, "kernel_width": 3, "filters": 3, "defaults": 1},
        {"kernel_height": 3, "kernel_width": 3, "filters": 64, "multiplier": 3},
    ),
)

COSTS = Exercise(
    "costs",
    "what convolutions cost, and the ratio between the separable and the standard one",
    (STANDARD, SEPARABLE, RATIO),
    ("channels", "filters", "order", "count", "images", "ratio"),
)
