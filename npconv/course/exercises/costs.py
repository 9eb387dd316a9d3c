"""What a convolution costs, and the separable one beside the standard one, as exercises."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from ...cost.formulas import Cost, conv2d_cost, cost_ratio, depthwise_separable_conv2d_cost
from ...kernels.geometry import Array
from . import convolutions as c
from .exercise import Case, Draw, Exercise, Mistake, Number, Reference, Result, Size, Sizes, Task
from .mistakes import ORDER_MISTAKE, PADDING_MISTAKES, SIDE_MISTAKES, STRIDE_MISTAKES, as_if, taken_for
from .variants import Variant

GEOMETRY = (("stride", "(1, 1)"), ("padding", "((0, 0), (0, 0))"))

_LARGE: Sizes = {"channels": 32, "filters": 64, "kernel_height": 3, "kernel_width": 3, "top": 1, "bottom": 1,
                   "left": 1, "right": 1, "output_height": 28, "output_width": 14}  # fmt: skip
FURTHER: tuple[Sizes, ...] = (
    *(sizes for sizes in c.FURTHER if not {"zeros", "single", "near", "integers"} & set(sizes)),
    _LARGE,
    {**_LARGE, "stride_height": 2, "stride_width": 2, "spare_rows": 1, "batch": 4, "multiplier": 2},
    {**_LARGE, "batch": 64, "channels": 512, "filters": 1024, "output_height": 112, "output_width": 112},
)
RATIO_FURTHER: tuple[Sizes, ...] = (
    {"kernel_height": 5, "kernel_width": 7, "filters": 1009, "multiplier": 4},
    {"kernel_height": 3, "kernel_width": 3, "filters": 3, "defaults": 1},
    {"kernel_height": 3, "kernel_width": 3, "filters": 64, "multiplier": 3},
)


def _shapes(arrays: Any) -> dict[str, Any]:
    return {f"{name}_shape": tuple(map(int, a.shape)) for name, a in arrays.items()}


def _shaped(*shape: int) -> Array:
    """An array of that shape that takes no memory."""
    return np.broadcast_to(0.0, shape)


def standard_cost_case(sizes: Sizes, draw: Draw) -> Case:
    """The shapes of a standard convolution's arrays, with stride and padding."""
    case = c.standard_case(sizes, _shaped)
    return Case({}, {**_shapes(case.arrays), **case.options}, sizes)


def separable_cost_case(sizes: Sizes, draw: Draw) -> Case:
    """The shapes of a separable convolution's arrays, with stride and padding."""
    case = c.separable_case(sizes, _shaped)
    return Case({}, {**_shapes(case.arrays), **case.options}, sizes)


def ratio_case(sizes: Sizes, draw: Draw) -> Case:
    """A kernel's size, the number of filters and the depth multiplier."""
    kernel_size = (sizes["kernel_height"], sizes["kernel_width"])
    options = {"kernel_size": kernel_size, "out_channels": sizes["filters"], "depth_multiplier": sizes["multiplier"]}
    return Case({}, options, sizes)


def _counted(cost_of: Callable[..., Cost]) -> Reference:
    """The cost in what the variant counts."""

    def reference(case: Case, variant: Variant) -> Result:
        options = {name.removesuffix("_shape"): value for name, value in case.options.items()}
        if variant.images == "one":
            options["x"] = (1, *options["x"][1:])
        cost = cost_of(*(value for name, value in options.items() if name not in dict(GEOMETRY)),
                       stride=options["stride"], padding=options["padding"])  # fmt: skip
        return (cost.macs if variant.count == "macs" else cost.flops,)

    return reference


def _ratio(case: Case, variant: Variant) -> Result:
    kernel_size, filters, multiplier = case.options.values()
    ratio = cost_ratio(kernel_size, filters, depth_multiplier=multiplier)
    return (ratio if variant.ratio == "separable over standard" else 1 / ratio,)


def _wrong(says: str, number: Callable[[dict[str, Any], tuple[int, int]], int]) -> Mistake:
    """The mistake of a formula of one's own: of the shapes and the output's sides, times the batch."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        options = dict(case.options)
        x, kernel = (options[name] for name in list(options)[:2])
        (vertical, horizontal), stride = options["padding"], options["stride"]
        height = (x[1] + sum(vertical) - kernel[0]) // stride[0] + 1
        width = (x[2] + sum(horizontal) - kernel[1]) // stride[1] + 1
        return (number(options, (height, width)) * (x[0] if variant.images == "all" else 1),)

    return Mistake(says, answer)


def _twice_the_products(case: Case, variant: Variant, reference: Reference) -> Result:
    if variant.count == "macs":
        raise ValueError("no additions are counted")
    (macs,) = reference(case, replace(variant, count="macs"))
    return (2 * macs,)  # type: ignore[operator]


def _not_rounded(says: str, *which: int) -> Mistake:
    """The mistake of an output's sides that are divided as floats."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        options = case.options
        x, kernel = (options[name] for name in list(options)[:2])
        places = [x[1 + i] + sum(options["padding"][i]) - kernel[i] for i in range(2)]
        (right,) = reference(case, variant)
        factor = Fraction(1)
        for i in which:
            step = options["stride"][i]
            factor *= (Fraction(places[i], step) + 1) / (places[i] // step + 1)
        return (float(right * factor),)  # type: ignore[operator]

    return Mistake(says, answer)


GEOMETRY_MISTAKES = (
    ORDER_MISTAKE,
    *STRIDE_MISTAKES,
    *PADDING_MISTAKES[:2],
    PADDING_MISTAKES[3],
    *SIDE_MISTAKES,
    _not_rounded("the output's sides are not rounded down", 0, 1),
    _not_rounded("the output's height is not rounded down", 0),
    _not_rounded("the output's width is not rounded down", 1),
)
COUNT_MISTAKES = (
    *GEOMETRY_MISTAKES,
    taken_for("the batch is left out", x_shape=lambda shape: (1, *shape[1:])),
    as_if("the batch is counted, whatever the docstring says", images="all"),
    Mistake("n additions are counted for a sum of n products, where n − 1 are right", _twice_the_products),
    as_if("multiplications alone are counted, whatever the docstring says", count="macs"),
)
STANDARD_MISTAKES = (
    *COUNT_MISTAKES,
    taken_for(
        "the input's channels are left out",
        x_shape=lambda shape: (*shape[:3], 1),
        kernel_shape=lambda shape: (*shape[:2], 1, shape[3]),
    ),
    taken_for("the filters are left out", kernel_shape=lambda shape: (*shape[:3], 1)),
    taken_for("the filter's height and width are left out", kernel_shape=lambda shape: (1, 1, *shape[2:])),
    _wrong(
        "the input's height and width are taken for the output's",
        lambda options, sides: prod(options["x_shape"][1:3]) * prod(options["kernel_shape"]),
    ),
    _wrong(
        "the positions are left out: these are the parameters", lambda options, sides: prod(options["kernel_shape"])
    ),
)
SEPARABLE_MISTAKES = (
    *COUNT_MISTAKES,
    _wrong(
        "only the depthwise convolution is counted",
        lambda options, sides: prod(sides) * prod(options["depthwise_shape"]),
    ),
    _wrong(
        "only the pointwise convolution is counted",
        lambda options, sides: prod(sides) * prod(options["pointwise_shape"]),
    ),
    _wrong(
        "the depthwise convolution is counted as a standard one",
        lambda options, sides: (
            prod(sides) * (prod(options["depthwise_shape"]) * options["x_shape"][3] + prod(options["pointwise_shape"]))
        ),
    ),
    _wrong(
        "the depthwise convolution is counted as a standard one from M·Q channels to M·Q",
        lambda options, sides: (
            prod(sides)
            * (prod(options["depthwise_shape"]) * options["depthwise_shape"][2] + prod(options["pointwise_shape"]))
        ),
    ),
    _wrong(
        "the two convolutions' costs are multiplied instead of added",
        lambda options, sides: prod(sides) ** 2 * prod(options["depthwise_shape"]) * prod(options["pointwise_shape"]),
    ),
    _wrong(
        "the depth multiplier is ignored",
        lambda options, sides: (
            prod(sides) * options["x_shape"][3] * (prod(options["depthwise_shape"][:2]) + options["pointwise_shape"][1])
        ),
    ),
    _wrong(
        "the pointwise convolution is counted at the input's positions",
        lambda options, sides: (
            prod(sides) * prod(options["depthwise_shape"])
            + prod(options["x_shape"][1:3]) * prod(options["pointwise_shape"])
        ),
    ),
)


def _wrong_ratio(says: str, ratio: Callable[[int, int, int, int], Number]) -> Mistake:
    """The mistake of another formula, of Dᵣ and Dᵣ, N and Q."""

    def answer(case: Case, variant: Variant, reference: Reference) -> Result:
        (height, width), filters, multiplier = case.options.values()
        value = Fraction(ratio(height, width, filters, multiplier))
        return (value if variant.ratio == "separable over standard" else 1 / value,)

    return Mistake(says, answer)


RATIO_MISTAKES = (
    _wrong_ratio("Q is left out", lambda h, w, n, q: Fraction(1, n) + Fraction(1, h * w)),
    _wrong_ratio("Q divides where it multiplies", lambda h, w, n, q: (Fraction(1, n) + Fraction(1, h * w)) / q),
    _wrong_ratio("Q multiplies 1/N alone", lambda h, w, n, q: Fraction(q, n) + Fraction(1, h * w)),
    _wrong_ratio("Q multiplies 1/Dᵣ² alone", lambda h, w, n, q: Fraction(1, n) + Fraction(q, h * w)),
    _wrong_ratio("1/N and 1/Dᵣ² are multiplied instead of added", lambda h, w, n, q: Fraction(q, n * h * w)),
    _wrong_ratio("1/N is left out", lambda h, w, n, q: Fraction(q, h * w)),
    _wrong_ratio("1/Dᵣ² is left out", lambda h, w, n, q: Fraction(q, n)),
    _wrong_ratio("the width is left out", lambda h, w, n, q: q * (Fraction(1, n) + Fraction(1, h * h))),
    _wrong_ratio("1/Dᵣ stands where 1/Dᵣ² is right", lambda h, w, n, q: q * (Fraction(1, n) + Fraction(1, h))),
    Mistake("the ratio is upside down", lambda case, variant, reference: (1 / reference(case, variant)[0],)),  # type: ignore[operator]
)  # fmt: skip


def _unit(variant: Variant) -> str:
    """What is counted, in words."""
    what = (
        "multiplications (MACs), those with the padding's values included"
        if variant.count == "macs"
        else "multiplications and additions (FLOPs): a sum of n products has n multiplications and n − 1 additions;\n"
        "products with the padding's values are included"
    )
    whole = "the whole batch" if variant.images == "all" else "one image, however large the batch is"
    return f"Count the {what}.\nCount those of {whole}; there is no bias."


def _standard_text(variant: Variant) -> str:
    return f"What a standard 2D convolution costs, from the shapes of its arrays.\n\n{_unit(variant)}"


def _separable_text(variant: Variant) -> str:
    return f"What a depthwise separable convolution costs, from the shapes of its arrays.\n\n{_unit(variant)}"


def _ratio_text(variant: Variant) -> str:
    kinds = ["depthwise separable", "standard"]
    first, second = kinds if variant.ratio == "separable over standard" else kinds[::-1]
    return (
        f"The multiplications of a {first} convolution over those of a {second} one.\n\n"
        "Both map the same input to the same output, the separable one with Q filters for each channel. The result is\n"
        "exact, a fractions.Fraction."
    )


X = ("x_shape", "")
EXAMPLE = {"output_height": 2, "output_width": 3, "kernel_height": 2, "kernel_width": 3, "channels": 2, "filters": 3}
SHAPES = {"x_shape": "B, Dᵤ, Dᵤ, M", "kernel_shape": "Dᵣ, Dᵣ, M, N", "depthwise_shape": "Dᵣ, Dᵣ, M·Q",
          "pointwise_shape": "M·Q, N"}  # fmt: skip

COSTS = Exercise(
    "costs",
    "what convolutions cost, and the ratio between the separable and the standard one",
    (
        Task(
            "conv2d_cost", 2, (), (X, ("kernel_shape", ""), *GEOMETRY), (("cost", "number"),),
            (c.BATCH, *c.SPATIAL, c.CHANNELS, c.FILTERS),
            standard_cost_case, _counted(conv2d_cost), _standard_text, EXAMPLE, STANDARD_MISTAKES,
            exact=False, integers=False, shapes=SHAPES, choices=("count", "images"), further=FURTHER,
        ),
        Task(
            "depthwise_separable_conv2d_cost", 2, (),
            (X, ("depthwise_shape", ""), ("pointwise_shape", ""), *GEOMETRY), (("cost", "number"),),
            (c.BATCH, *c.SPATIAL, c.CHANNELS, c.MULTIPLIER, c.FILTERS), separable_cost_case,
            _counted(depthwise_separable_conv2d_cost), _separable_text, EXAMPLE, SEPARABLE_MISTAKES,
            exact=False, integers=False, shapes=SHAPES, choices=("count", "images"), further=FURTHER,
        ),
        Task(
            "cost_ratio", 1, (), (("kernel_size", ""), ("out_channels", ""), ("depth_multiplier", "1")),
            (("ratio", "number"),),
            (c.SPATIAL[2], c.SPATIAL[3], Size("filters", 1, (2, 3, 128), "there are {} filters"), c.MULTIPLIER),
            ratio_case, _ratio, _ratio_text, {"kernel_height": 3, "kernel_width": 3, "filters": 3}, RATIO_MISTAKES,
            exact=False, integers=False, choices=("ratio",), further=RATIO_FURTHER,
        ),
    ),
    ("channels", "filters", "order", "count", "images", "ratio"),
)  # fmt: skip
