"""The claims of the article's section on depthwise separable convolutions."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

import npconv

from ..checks import prove_equal
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
from ..kernels.geometry import Array
from ..models import mobilenet_v1, mobilenet_v2
from .cases import CASES, cases, whole
from .table import SEPARABLE, Finding, claim, finding


@claim(
    SEPARABLE,
    "holds if N > 1 and Dᵣ > 1",
    functions=("npconv.cost.conv2d_cost", "npconv.cost.depthwise_separable_conv2d_cost"),
    figures=("cost-ratio",),
)
def separable_convolutions_cost_less() -> Finding:
    """Depthwise separable convolutions reduce the computational cost, compared to standard ones."""
    dearer: list[tuple[int, int]] = []
    cheaper: list[tuple[int, int]] = []
    for side in range(1, 8):
        for n in range(1, 65):
            x = (1, side + 4, side + 3, 5)
            standard = conv2d_cost(x, (side, side, 5, n)).macs
            separable = depthwise_separable_conv2d_cost(x, (side, side, 5), (5, n)).macs
            (cheaper if separable < standard else dearer).append((side, n))
    return finding(
        all(side > 1 and n > 1 for side, n in cheaper) and all(side == 1 or n == 1 for side, n in dearer),
        f"{len(cheaper) + len(dearer)} convolutions, sides 1 to 7, N from 1 to 64: {len(cheaper)} are cheaper as "
        f"separable ones, all those with N > 1 and Dᵣ > 1; the other {len(dearer)} cost more",
        "a filter of two taps with N = 2 costs the same: "
        f"{conv2d_cost((1, 4, 4, 5), (1, 2, 5, 2)).macs} and "
        f"{depthwise_separable_conv2d_cost((1, 4, 4, 5), (1, 2, 5), (5, 2)).macs} multiplications",
        condition="N > 1 and Dᵣ > 1",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.conv2d", "npconv.depthwise_conv2d", "npconv.pointwise_conv2d"),
    figures=("per-channel-view",),
)
def a_standard_convolution_filters_and_combines() -> Finding:
    """A standard convolution filters in space and combines channels, both at once."""
    holds = True
    for case, (x, kernel) in cases("conv2d"):
        height, width, m, n = kernel.shape
        filtered = npconv.depthwise_conv2d(x, kernel.reshape(height, width, m * n), **case.geometry)  # M·N maps
        combined = npconv.pointwise_conv2d(filtered, np.tile(np.eye(n), (m, 1)))  # each n sums its M maps
        holds &= np.array_equal(combined, npconv.conv2d(x, kernel, **case.geometry))
    x, kernel = whole(0, 2, 5, 4, 3), whole(1, 1, 1, 3, 4)
    alone = np.array_equal(npconv.conv2d(x, kernel), npconv.pointwise_conv2d(x, kernel[0, 0]))
    return finding(
        holds and alone,
        f"{CASES} constructed ones, on whole numbers: M·N maps filtered in space, depthwise, of which each of the N "
        "outputs is the sum of M",
        f"with Dᵣ = 1 the linear combinations are left alone: {alone}",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.per_channel_maps", "npconv.depthwise_conv2d"),
    figures=("depthwise-separable",),
)
def the_depthwise_intermediate_is_fig_3c() -> Finding:
    """The depthwise stage gives what Fig. 3(c) shows: the per-channel maps, not summed."""
    equal = []
    for case, (x, kernel) in cases("conv2d"):
        for n in range(kernel.shape[-1]):
            maps = npconv.per_channel_maps(x, kernel[..., n], **case.geometry)
            equal.append(np.array_equal(maps, npconv.depthwise_conv2d(x, kernel[..., n], **case.geometry)))
    return finding(all(equal), f"the maps of {len(equal)} filters equal the depthwise convolution with that filter")


@claim(
    SEPARABLE,
    "holds if N > 1, Dᵣ > 1 and some channel's Dᵣ²×N slice has rank above 1",
    functions=("npconv.factorize_kernel", "npconv.factored_kernel", "npconv.cost.cost_ratio"),
    figures=("separability",),
)
def a_standard_convolution_cannot_be_factored() -> Finding:
    """A standard convolution can't be factored into spatial filtering and a linear combination."""
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 8))
    errors = {q: _factoring_error(kernel, q) for q in (1, 3, 5, 8)}
    exceptions = {
        "N = 1": kernel[..., :1],
        "Dᵣ = 1": kernel[:1, :1],
        "slices of rank 1": npconv.factored_kernel(kernel[..., 0], kernel[0, 0]),
    }
    factored = {name: _factoring_error(exception, 1) for name, exception in exceptions.items()}
    holds = errors[1] > 0.1 and errors[8] < 1e-12 and max(factored.values()) < 1e-12
    return finding(
        holds,
        "the best factors of a random 3×3×4×8 kernel miss (share of its norm) and cost (share of its multiplications):",
        *(
            f"  Q = {q}: misses {e:.1%}, costs {float(cost_ratio(3, 8, depth_multiplier=q)):.1%}"
            for q, e in errors.items()
        ),
        "it can be where " + ", ".join(f"{name} (misses {error:.0e})" for name, error in factored.items()),
        condition="N > 1, Dᵣ > 1 and some channel's Dᵣ²×N slice has rank above 1",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=(
        "npconv.depthwise_separable_conv2d",
        "npconv.depthwise_separable_conv2d_backward",
        "npconv.factored_kernel",
        "npconv.factored_kernel_backward",
        "npconv.checks.prove_equal",
    ),
    figures=("depthwise-separable",),
)
def the_separable_convolution_is_factored() -> Finding:
    """The depthwise separable convolution is a factored one."""

    def factored(x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Array:
        q = depthwise.shape[-1] // x.shape[-1]
        kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        return npconv.conv2d(x, kernel, **geometry)

    def factored_backward(dy: Array, x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Any:
        q = depthwise.shape[-1] // x.shape[-1]
        kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        dx, dkernel = npconv.conv2d_backward(dy, x, kernel, **geometry)
        return dx, *npconv.factored_kernel_backward(dkernel, depthwise, pointwise, depth_multiplier=q)

    proofs = []
    for case, arrays in cases("depthwise_separable_conv2d"):
        shapes = [a.shape for a in arrays]
        backward = npconv.depthwise_separable_conv2d_backward
        proofs.append(prove_equal(npconv.depthwise_separable_conv2d, factored, *shapes, **case.geometry))
        proofs.append(prove_equal(backward, factored_backward, case.output_shape, *shapes, **case.geometry))
    exact = sum(proof.bound == 0 for proof in proofs)
    return finding(
        all(proof.equal for proof in proofs),
        f"{CASES} constructed ones, forward and all gradients, are equal for all numbers: {exact} of {len(proofs)} "
        "pairs are compared as polynomials",
    )


@claim(SEPARABLE, "holds", functions=("npconv.depthwise_conv2d",), figures=("depthwise-separable",))
def m_single_channel_filters_give_m_maps() -> Finding:
    """M single-channel filters map the input to Dᵥ×Dᵥ×M, channel by channel (Fig. 4b)."""
    holds = True
    for case, (x, kernel) in cases("conv2d"):
        filters = kernel[..., 0]  # Dᵣ×Dᵣ×M: one for each channel
        maps = npconv.depthwise_conv2d(x, filters, **case.geometry)
        holds &= maps.shape == (*case.output_shape[:3], x.shape[-1])
        for m in range(x.shape[-1]):
            one = npconv.depthwise_conv2d(x[..., m : m + 1], filters[..., m : m + 1], **case.geometry)
            holds &= np.array_equal(maps[..., m : m + 1], one)
    shape = npconv.depthwise_conv2d(np.ones((1, 7, 7, 3)), np.ones((3, 3, 3))).shape[1:]
    return finding(
        holds, f"{CASES} constructed ones have as many maps as channels, each of its channel; 7×7×3: {shape}"
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.depthwise_conv2d_backward", "npconv.depthwise_separable_conv2d_backward"),
    figures=("depthwise-separable",),
)
def new_features_need_a_linear_combination() -> Finding:
    """To make new features of those that are there, a linear combination of the channels is needed."""
    mixed = unmixed = seeing = 0
    for case, (x, depthwise, pointwise) in cases("depthwise_separable_conv2d"):
        m, ones = x.shape[-1], (np.ones_like(depthwise), np.ones_like(pointwise))
        dy, dmaps = np.zeros(case.output_shape), np.zeros((*case.output_shape[:3], depthwise.shape[-1]))
        dy[..., 0] = dmaps[..., 0] = 1  # which channels of the input does one output channel see?
        filtered, _ = npconv.depthwise_conv2d_backward(dmaps, x, ones[0], **case.geometry)
        combined, *_ = npconv.depthwise_separable_conv2d_backward(dy, x, *ones, **case.geometry)
        seen = [int(dx.any(axis=(0, 1, 2)).sum()) for dx in (filtered, combined)]
        seeing += seen != [0, 0]
        unmixed += seen[0] == 1
        mixed += seen[1] == m
    return finding(
        mixed == unmixed == seeing,
        f"{CASES} constructed ones, of which {CASES - seeing} read padding alone: behind the depthwise stage a channel "
        f"sees one channel of the input in {unmixed}, behind the pointwise one all of them in {mixed}",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.pointwise_conv2d", "npconv.conv2d"),
    figures=("depthwise-separable",),
)
def n_pointwise_filters_give_n_channels() -> Finding:
    """N filters of 1×1, along the depth, give the output of Dᵥ×Dᵥ×N (Fig. 4c)."""
    holds, row = True, True
    for _, (x, kernel) in cases("pointwise_conv2d"):
        y = npconv.pointwise_conv2d(x, kernel)
        holds &= y.shape == (*x.shape[:3], kernel.shape[-1])
        holds &= np.array_equal(y, npconv.conv2d(x, kernel[None, None]))  # M×N as 1×1×M×N
        row &= np.array_equal(y[:, :1, :1], npconv.pointwise_conv2d(x[:, :1, :1], kernel))
    return finding(
        holds and row,
        f"{CASES} constructed ones equal the standard convolution with N filters of 1×1×M, and keep height and width",
        f"a place of the output depends on that place of the input alone: {row}",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.conv2d", "npconv.depthwise_conv2d", "npconv.pointwise_conv2d", "npconv.cost.count_operations"),
    figures=("separable-example",),
)
def the_example_of_fig_5() -> Finding:
    """The example 7×7×3 → 5×5×128, both ways (Fig. 5)."""
    x, kernel, depthwise, pointwise = (np.ones(s) for s in ((1, 7, 7, 3), (3, 3, 3, 128), (3, 3, 3), (3, 128)))
    standard = count_operations(npconv.conv2d, x, kernel)
    between = count_operations(npconv.depthwise_conv2d, x, depthwise)
    last = count_operations(npconv.pointwise_conv2d, between.result, pointwise)
    counted = (standard.multiplications, between.multiplications, last.multiplications)
    shapes = standard.result.shape == last.result.shape == (1, 5, 5, 128)
    total = between.multiplications + last.multiplications
    return finding(
        shapes and counted == (86_400, 675, 9_600),
        f"both give 5×5×128; multiplications counted: standard {counted[0]:,}; "
        f"depthwise {counted[1]:,} + pointwise {counted[2]:,} = {total:,}, {total / counted[0]:.2%}",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=(
        "npconv.cost.conv2d_cost",
        "npconv.cost.depthwise_separable_conv2d_cost",
        "npconv.cost.count_operations",
    ),
    figures=("separable-example",),
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
    functions=("npconv.cost.cost_ratio", "npconv.cost.count_operations", "npconv.cost.break_even_multiplier"),
    figures=("cost-ratio", "predicted-and-measured"),
)
def the_ratio_of_the_costs() -> Finding:
    """The ratio of the two costs is 1/N + 1/Dᵣ²."""
    x, kernel, depthwise, pointwise = (np.ones(s) for s in ((1, 6, 5, 3), (3, 2, 3, 4), (3, 2, 3), (3, 4)))
    exact = cost_ratio((3, 2), 4)
    geometry: dict[str, Any] = {"stride": (2, 1), "padding": "same"}
    standard = count_operations(npconv.conv2d, x, kernel, **geometry)
    separable = count_operations(npconv.depthwise_separable_conv2d, x, depthwise, pointwise, **geometry)
    dy = np.ones(standard.result.shape)
    standard_backward = count_operations(npconv.conv2d_backward, dy, x, kernel, **geometry)
    between = npconv.depthwise_conv2d(x, depthwise, **geometry)
    separable_backward = [
        count_operations(npconv.pointwise_conv2d_backward, dy, between, pointwise),
        count_operations(npconv.depthwise_conv2d_backward, between, x, depthwise, **geometry),
    ]
    shapes = ((1, 6, 5, 3), (3, 2, 3, 4)), ((1, 6, 5, 3), (3, 2, 3), (3, 4))
    formulas = [conv2d_cost(*shapes[0], **geometry), depthwise_separable_conv2d_cost(*shapes[1], **geometry)]
    biased = [conv2d_cost(*shapes[0], bias=True, **geometry),
              depthwise_separable_conv2d_cost(*shapes[1], bias=True, **geometry)]  # fmt: skip
    first = (
        pointwise_conv2d_cost(shapes[0][0], (3, 4)).macs,
        depthwise_conv2d_cost((1, 6, 5, 4), (3, 2, 4), **geometry).macs,
    )
    outputs = standard.result[..., 0].size
    exactly = {
        "multiplications": Fraction(separable.multiplications, standard.multiplications),
        "backward's multiplications": Fraction(
            sum(count.multiplications for count in separable_backward), standard_backward.multiplications
        ),
        "multiplications with a bias": Fraction(biased[1].macs, biased[0].macs),
        "parameters without a bias": Fraction(formulas[1].params, formulas[0].params),
    }
    otherwise = {
        "additions": Fraction(separable.additions, standard.additions),
        "FLOPs": Fraction(formulas[1].flops, formulas[0].flops),
        "parameters with a bias": Fraction(biased[1].params, biased[0].params),
        "padding's zeros left out": Fraction(
            separable.multiplications - separable.zero_multiplications,
            standard.multiplications - standard.zero_multiplications,
        ),
        "pointwise first": Fraction(sum(first), standard.multiplications),
        "depth multiplier 2": cost_ratio((3, 2), 4, depth_multiplier=2),
    }
    holds = all(ratio == exact for ratio in exactly.values()) and all(ratio != exact for ratio in otherwise.values())
    holds &= otherwise["pointwise first"] == Fraction(1, 3) + Fraction(6 * 5, outputs * 6)
    return finding(
        holds,
        f"3×2 kernel, N = 4, stride (2, 1): 1/4 + 1/6 = {exact}; exactly so for {', '.join(exactly)}",
        "not for " + ", ".join(f"{name} ({float(ratio):.3f})" for name, ratio in otherwise.items()),
        "pointwise first it is 1/M + Dᵤ²/(Dᵥ²Dᵣ²); with a depth multiplier Q times as much, so that nothing is saved "
        f"from Q = N·Dᵣ²/(N + Dᵣ²) on: {break_even_multiplier((3, 2), 4)} here, "
        f"{float(break_even_multiplier(3, 128)):.2f} for 3×3 and N = 128",
        condition="multiplications are counted, padding's zeros among them, or parameters without a bias, at Q = 1",
    )


@claim(
    SEPARABLE,
    "holds",
    functions=("npconv.cost.conv2d_cost", "npconv.cost.depthwise_separable_conv2d_cost"),
    figures=("separable-example",),
)
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
    functions=("npconv.models.mobilenet_v1", "npconv.models.mobilenet_v2"),
    figures=("mobilenet-v2-table", "cost-ratio"),
)
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


@claim(
    SEPARABLE,
    "holds if N ≥ 10·Dᵣ², to be within 10 %",
    functions=("npconv.cost.limit_error", "npconv.cost.cost_ratio"),
    figures=("cost-ratio",),
)
def the_ratio_is_about_the_inverse_square() -> Finding:
    """Where N is greater than Dᵣ², the ratio is about 1/Dᵣ²."""
    within = {k: next(n for n in range(1, 10_000) if limit_error(k, n) <= Fraction(1, 10)) for k in (3, 5, 7)}
    return finding(
        all(n == 10 * k * k for k, n in within.items()),
        "1/Dᵣ² is too low by Dᵣ²/N of itself; within 10 % from "
        + ", ".join(f"N = {n} at {k}×{k}" for k, n in within.items()),
        f"at N = Dᵣ² the ratio is twice 1/Dᵣ²: 3×3, N = 9: {cost_ratio(3, 9)}",
        condition="N ≥ 10·Dᵣ², to be within 10 %",
    )


@claim(
    SEPARABLE,
    "holds if N is large: 8 times fewer from N = 72 on, never 9 times",
    functions=("npconv.cost.cost_ratio",),
    figures=("cost-ratio", "predicted-and-measured"),
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


@claim(
    SEPARABLE,
    "holds",
    functions=(
        "npconv.cost.conv2d_cost",
        "npconv.cost.depthwise_separable_conv2d_cost",
        "npconv.cost.count_operations",
    ),
)
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


def _factoring_error(kernel: Array, depth_multiplier: int) -> float:
    """The norm that the best factors miss, as a share of the kernel's."""
    factors = npconv.factorize_kernel(kernel, depth_multiplier=depth_multiplier)
    missed = kernel - npconv.factored_kernel(*factors, depth_multiplier=depth_multiplier)
    return float(np.linalg.norm(missed) / np.linalg.norm(kernel))
