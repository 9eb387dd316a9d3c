"""The claims about its costs, from the article's section on depthwise separable convolutions."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

import npconv

from ..cost import (
    break_even_multiplier,
    conv2d_cost,
    cost_ratio,
    count_operations,
    depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost,
    limit_error,
    pointwise_conv2d_cost,
)
from ..models import mobilenet_v1, mobilenet_v2
from .cases import CASES, cases
from .table import SEPARABLE, Finding, claim, finding


@claim(SEPARABLE, "holds", "cost.conv2d_cost cost.depthwise_separable_conv2d_cost", "separable-example")
def the_saving_is_in_the_spatial_filtering() -> Finding:
    """The saving comes predominantly from filtering in space M times instead of M·N times."""
    standard = conv2d_cost((1, 7, 7, 3), (3, 3, 3, 128)).macs
    parts = depthwise_separable_conv2d_cost((1, 7, 7, 3), (3, 3, 3), (3, 128)).parts
    spatial, combining = parts["depthwise"].macs, parts["pointwise"].macs
    saved = standard - spatial
    return finding(
        standard == 128 * spatial and combining < saved / 2,
        f"the example: spatial filtering falls from {standard:,} to {spatial:,} multiplications, 128 times fewer; "
        f"the linear combination takes {combining:,} of the {saved:,} back",
    )


@claim(
    SEPARABLE,
    "holds",
    "cost.conv2d_cost cost.depthwise_separable_conv2d_cost cost.count_operations",
    "separable-example",
)
def the_cost_formulas() -> Finding:
    """The cost formulas: Dᵥ²Dᵣ²MN, and Dᵥ²Dᵣ²M + Dᵥ²MN (the article says depth-wise, and means separable)."""
    wrong, products = 0, 0
    for operation, function, cost in (
        ("conv2d", npconv.conv2d, conv2d_cost),
        ("depthwise_separable_conv2d", npconv.depthwise_separable_conv2d, depthwise_separable_conv2d_cost),
    ):
        for case, arrays in cases(operation):
            counted = count_operations(function, *arrays, **case.geometry)
            formula = cost(*case.shapes.values(), **case.geometry)
            wrong += (counted.multiplications, counted.additions) != (formula.macs, formula.additions)
            products += counted.multiplications
    return finding(wrong == 0, f"{2 * CASES} constructed ones, {products:,} multiplications counted: {wrong} differ")


@claim(
    SEPARABLE,
    "holds if multiplications are counted, padding's zeros among them, or parameters without a bias, at Q = 1",
    "cost.cost_ratio cost.count_operations cost.break_even_multiplier",
    "cost-ratio predicted-and-measured",
)
def the_ratio_of_the_costs() -> Finding:
    """The ratio of the two costs is 1/N + 1/Dᵣ²."""
    shape, kernel, factors = (1, 6, 5, 3), (3, 2, 3, 4), ((3, 2, 3), (3, 4))
    geometry: dict[str, Any] = {"stride": (2, 1), "padding": "same"}
    exact = cost_ratio((3, 2), 4)
    x, standard, depthwise, pointwise = (np.ones(s) for s in (shape, kernel, *factors))
    counted = (
        count_operations(npconv.depthwise_separable_conv2d, x, depthwise, pointwise, **geometry),
        count_operations(npconv.conv2d, x, standard, **geometry),
    )
    dy, filtered = np.ones(counted[1].result.shape), npconv.depthwise_conv2d(x, depthwise, **geometry)
    mixed_back = count_operations(npconv.pointwise_conv2d_backward, dy, filtered, pointwise)
    filtered_back = count_operations(npconv.depthwise_conv2d_backward, filtered, x, depthwise, **geometry)
    standard_back = count_operations(npconv.conv2d_backward, dy, x, standard, **geometry)
    plain, biased = (
        (
            depthwise_separable_conv2d_cost(shape, *factors, bias=bias, **geometry),
            conv2d_cost(shape, kernel, bias=bias, **geometry),
        )
        for bias in (False, True)
    )

    def ratio(costs: tuple[Any, Any], column: str) -> Fraction:
        return Fraction(*(getattr(cost, column) for cost in costs))

    first = pointwise_conv2d_cost(shape, (3, 4)).macs + depthwise_conv2d_cost((1, 6, 5, 4), (3, 2, 4), **geometry).macs
    exactly = {
        "multiplications": ratio(counted, "multiplications"),
        "backward's multiplications": Fraction(
            mixed_back.multiplications + filtered_back.multiplications, standard_back.multiplications
        ),
        "multiplications with a bias": ratio(biased, "macs"),
        "parameters without a bias": ratio(plain, "params"),
    }
    otherwise = {
        "additions": ratio(counted, "additions"),
        "FLOPs": ratio(plain, "flops"),
        "parameters with a bias": ratio(biased, "params"),
        "padding's zeros left out": Fraction(*(each.multiplications - each.zero_multiplications for each in counted)),
        "pointwise first": Fraction(first, counted[1].multiplications),
        "depth multiplier 2": cost_ratio((3, 2), 4, depth_multiplier=2),
    }
    holds = all(ratio == exact for ratio in exactly.values()) and all(ratio != exact for ratio in otherwise.values())
    holds &= otherwise["pointwise first"] == Fraction(1, 3) + Fraction(6 * 5, dy[..., 0].size * 6)
    return finding(
        holds,
        f"3×2 kernel, N = 4, stride (2, 1): 1/4 + 1/6 = {exact}; exactly so for {', '.join(exactly)}",
        "not for " + ", ".join(f"{name} ({float(ratio):.3f})" for name, ratio in otherwise.items()),
        "pointwise first it is 1/M + Dᵤ²/(Dᵥ²Dᵣ²); with a depth multiplier Q times as much, so that nothing is saved "
        f"from Q = N·Dᵣ²/(N + Dᵣ²) on: {break_even_multiplier((3, 2), 4)} here, "
        f"{float(break_even_multiplier(3, 128)):.2f} for 3×3 and N = 128",
    )


@claim(SEPARABLE, "holds", "models.mobilenet_v1 models.mobilenet_v2", "mobilenet-v2-table cost-ratio")
def n_is_often_greater_than_the_square() -> Finding:
    """N is often greater than Dᵣ² in practice, and the more so the deeper in a network."""
    lines, holds = [], True
    for name, network, kernel in (
        ("MobileNetV1", mobilenet_v1(), "pointwise.kernel"),
        ("MobileNetV2", mobilenet_v2(), "project.kernel"),
        ("MobileNetV2 of width 0.35", mobilenet_v2(0.35), "project.kernel"),
    ):
        blocks = [network.layers[block].params for block in network.blocks]
        filters = [params[kernel].shape[-1] for params in blocks]
        taps = {math.prod(params["depthwise.kernel"].shape[:2]) for params in blocks}
        greater = sum(n > max(taps) for n in filters)
        holds &= greater > len(filters) / 2 and filters == sorted(filters) and taps == {9}
        lines.append(
            f"{name}: N > 9 in {greater} of {len(filters)} separable convolutions; N never falls with the depth, "
            f"from {filters[0]} to {filters[-1]:,}"
        )
    return finding(holds, *lines)


@claim(SEPARABLE, "holds if N ≥ 10·Dᵣ², to be within 10 %", "cost.limit_error cost.cost_ratio", "cost-ratio")
def the_ratio_is_about_the_inverse_square() -> Finding:
    """Where N is greater than Dᵣ², the ratio is about 1/Dᵣ²."""
    within = {k: next(n for n in range(1, 10_000) if limit_error(k, n) <= Fraction(1, 10)) for k in (3, 5, 7)}
    return finding(
        all(n == 10 * k * k for k, n in within.items()),
        "1/Dᵣ² is too low by Dᵣ²/N of itself; within 10 % from "
        + ", ".join(f"N = {n} at {k}×{k}" for k, n in within.items()),
        f"at N = Dᵣ² the ratio is twice 1/Dᵣ²: 3×3, N = 9: {cost_ratio(3, 9)}",
    )


@claim(
    SEPARABLE,
    "holds if N is large: 8 times fewer from N = 72 on, never 9 times",
    "cost.cost_ratio",
    "cost-ratio predicted-and-measured",
)
def nearly_an_order_of_magnitude() -> Finding:
    """With 3×3 kernels there are nearly an order of magnitude fewer computations."""
    fewer = {n: float(1 / cost_ratio(3, n)) for n in (16, 72, 128, 512, 1024)}
    first = next(n for n in range(1, 1000) if 1 / cost_ratio(3, n) >= 8)
    never = all(1 / cost_ratio(3, 10**power) < 9 for power in range(12))
    return finding(
        first == 72 and never,
        "3×3, times fewer multiplications: " + ", ".join(f"{times:.2f} at N = {n}" for n, times in fewer.items()),
        condition=f"N is large: 8 times fewer from N = {first} on, never 9 times",
    )


@claim(SEPARABLE, "holds", "cost.conv2d_cost cost.depthwise_separable_conv2d_cost cost.count_operations")
def the_layer_of_mobilenet_v1() -> Finding:
    """MobileNetV1's own layer (its paper's Table 3): 462 M against 52.3 M."""
    shapes = (1, 14, 14, 512), (3, 3, 512)
    standard = conv2d_cost(shapes[0], (*shapes[1], 512), padding="same").macs
    separable = depthwise_separable_conv2d_cost(*shapes, (512, 512), padding="same").macs
    x, kernel, depthwise, pointwise = (np.ones(s) for s in ((1, 14, 14, 4), (3, 3, 4, 4), (3, 3, 4), (4, 4)))
    small = count_operations(npconv.conv2d, x, kernel, padding="same").multiplications
    parts = depthwise_separable_conv2d_cost(x.shape, depthwise.shape, pointwise.shape, padding="same").parts
    counted = count_operations(
        npconv.depthwise_separable_conv2d, x, depthwise, pointwise, padding="same"
    ).multiplications
    scale = 512 // 4
    scaled = small * scale**2, parts["depthwise"].macs * scale + parts["pointwise"].macs * scale**2
    return finding(
        (standard, separable) == scaled == (462_422_016, 52_283_392) and counted == sum(p.macs for p in parts.values()),
        f"by formula {standard:,} and {separable:,}, {separable / standard:.2%}; counted on 4 channels of the 512 "
        f"({small:,} and {counted:,}) and scaled up, the same",
    )
