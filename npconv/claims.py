"""The article's claims, each computed: what `npconv reproduce` prints and what tests/test_article.py asserts.

A claim's function computes it and returns its verdict with the numbers. Verdicts: "holds"; "holds if …", with the
condition; "fails", with the counter-example; "reported", a published measurement that nothing here can check.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

import npconv

from .checks import convolution_case
from .cost import (
    break_even_multiplier,
    conv2d_cost,
    cost_ratio,
    count_operations,
    depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost,
    limit_error,
    pointwise_conv2d_cost,
)
from .kernels.geometry import Array
from .kernels.head import global_average_pool
from .training.fig07 import compare, stored_results
from .training.probes import (
    ENOUGH,
    FULL,
    block_outputs,
    by_block,
    dimensions,
    first_norms,
    spectrum,
    stored_gradients,
    stored_network,
    stored_subspaces,
    subspace,
    sufficient,
)
from .training.tasks import scattered_digits

CASES = 40  # constructed convolutions that a claim about all convolutions is held against

OVERVIEW = "Overview of Standard 2D Convolution"
SEPARABLE = "Depth-wise Separable Convolutions"
INVERTED = "Inverted Residual and Linear Bottleneck Layer"


@dataclass(frozen=True)
class Finding:
    """What computing a claim gave: its verdict, and lines with the numbers."""

    verdict: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """One claim: where the article makes it, what it says, the verdict that the docs give, and how it is computed."""

    name: str
    section: str
    statement: str
    verdict: str
    compute: Callable[[], Finding]


CLAIMS: list[Claim] = []


def claim(section: str, statement: str, verdict: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Enter a function into `CLAIMS` under its own name."""

    def enter(compute: Callable[[], Finding]) -> Callable[[], Finding]:
        CLAIMS.append(Claim(compute.__name__, section, statement, verdict, compute))
        return compute

    return enter


def finding(holds: bool, *numbers: str, condition: str = "") -> Finding:
    """The verdict "holds", with its condition where there is one, or "fails"."""
    return Finding((f"holds if {condition}" if condition else "holds") if holds else "fails", numbers)


@claim(OVERVIEW, "N filters of Dᵣ×Dᵣ×M take a Dᵤ×Dᵤ×M volume to Dᵥ×Dᵥ×N (Fig. 1).", "holds")
def the_shapes_of_a_standard_convolution() -> Finding:
    holds, count = True, 0
    for case, (x, kernel) in _cases("conv2d"):
        y = npconv.conv2d_loops(x, kernel, **case.geometry)
        holds &= y.shape == case.output_shape
        count += 1
    shape = npconv.conv2d(np.ones((1, 7, 7, 3)), np.ones((3, 3, 3, 128))).shape
    return finding(holds, f"{count} constructed convolutions have the shape Dᵥ×Dᵥ×N; 7×7×3 with 3×3×3×128: {shape[1:]}")


@claim(OVERVIEW, "The two readings agree: inner products over the depth, or per-channel maps that are summed.", "holds")
def the_two_readings_agree() -> Finding:
    differing = 0
    for case, (x, kernel) in _cases("conv2d"):
        loops = npconv.conv2d_loops(x, kernel, **case.geometry)
        maps = npconv.conv2d_per_channel(x, kernel, **case.geometry)
        differing += not np.array_equal(loops, maps)
    return finding(
        differing == 0, f"{CASES} constructed convolutions on whole numbers: {differing} differ in any value"
    )


@claim(OVERVIEW, "Patch and filter vectorised, their dot product is the one value (Fig. 2).", "holds")
def the_vectorised_patch_gives_the_value() -> Finding:
    x, kernel = _whole(0, 1, 7, 6, 3), _whole(1, 3, 3, 3, 4)
    patch, filter = x[0, 2:5, 1:4].ravel(), kernel[..., 2].ravel()
    value = npconv.conv2d_loops(x, kernel)[0, 2, 1, 2]
    columns = npconv.conv2d_im2col(x, kernel)
    holds = bool(patch @ filter == value) and np.array_equal(columns, npconv.conv2d_loops(x, kernel))
    return finding(
        holds,
        f"y[0, 2, 1, 2]: {patch.size} numbers · {filter.size} numbers = {patch @ filter:g}, in the loops {value:g}",
        "all patches at once, as one matrix product (im2col), give every value of the loops",
    )


@claim(OVERVIEW, "With N filters every channel of the input is filtered N times.", "holds")
def each_channel_is_filtered_n_times() -> Finding:
    n = 5
    x, kernel = _whole(0, 1, 5, 4, 3), _whole(1, 3, 2, 3, n)
    one = count_operations(npconv.conv2d, x[..., :1], kernel[:, :, :1, :1]).multiplications
    standard = count_operations(npconv.conv2d, x, kernel).multiplications
    depthwise = count_operations(npconv.depthwise_conv2d, x, kernel[..., 0]).multiplications
    return finding(
        standard == 3 * n * one and depthwise == 3 * one,
        f"filtering one channel once takes {one} multiplications; M = 3, N = {n}",
        f"standard: {standard} = {standard // one} filterings, M·N; depthwise: {depthwise} = {depthwise // one}, M",
    )


@claim(SEPARABLE, "The depthwise stage gives what Fig. 3(c) shows: the per-channel maps, not summed.", "holds")
def the_depthwise_intermediate_is_fig_3c() -> Finding:
    equal = []
    for case, (x, kernel) in _cases("conv2d"):
        for n in range(kernel.shape[-1]):
            maps = npconv.per_channel_maps(x, kernel[..., n], **case.geometry)
            equal.append(np.array_equal(maps, npconv.depthwise_conv2d(x, kernel[..., n], **case.geometry)))
    return finding(all(equal), f"the maps of {len(equal)} filters equal the depthwise convolution with that filter")


@claim(
    SEPARABLE,
    "A standard convolution can't be factored into spatial filtering and a linear combination.",
    "holds if N > 1, Dᵣ > 1 and some channel's Dᵣ²×N slice has rank above 1",
)
def a_standard_convolution_cannot_be_factored() -> Finding:
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


@claim(SEPARABLE, "The depthwise separable convolution is a factored one.", "holds")
def the_separable_convolution_is_factored() -> Finding:
    wrong = 0
    for case, (x, depthwise, pointwise) in _cases("depthwise_separable_conv2d"):
        q = depthwise.shape[-1] // x.shape[-1]
        kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        y = npconv.conv2d(x, kernel, **case.geometry)
        wrong += not np.array_equal(npconv.depthwise_separable_conv2d(x, depthwise, pointwise, **case.geometry), y)
        dy = case.upstream(1)
        dx, *gradients = npconv.depthwise_separable_conv2d_backward(dy, x, depthwise, pointwise, **case.geometry)
        dx_standard, dkernel = npconv.conv2d_backward(dy, x, kernel, **case.geometry)
        pulled = npconv.factored_kernel_backward(dkernel, depthwise, pointwise, depth_multiplier=q)
        wrong += not all(map(np.array_equal, (dx, *gradients), (dx_standard, *pulled)))
    return finding(wrong == 0, f"{CASES} constructed ones, forward and all gradients, on whole numbers: {wrong} differ")


@claim(SEPARABLE, "The example 7×7×3 → 5×5×128, both ways (Fig. 5).", "holds")
def the_example_of_fig_5() -> Finding:
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
    "The cost formulas: Dᵥ²Dᵣ²MN, and Dᵥ²Dᵣ²M + Dᵥ²MN (the article says depth-wise, and means separable).",
    "holds",
)
def the_cost_formulas() -> Finding:
    wrong, products = 0, 0
    for operation, function, cost in (
        ("conv2d", npconv.conv2d, conv2d_cost),
        ("depthwise_separable_conv2d", npconv.depthwise_separable_conv2d, depthwise_separable_conv2d_cost),
    ):
        for case, arrays in _cases(operation):
            counted = count_operations(function, *arrays, **case.geometry)
            formula = cost(*case.shapes.values(), **case.geometry)
            wrong += (counted.multiplications, counted.additions) != (formula.macs, formula.additions)
            products += counted.multiplications
    return finding(wrong == 0, f"{2 * CASES} constructed ones, {products:,} multiplications counted: {wrong} differ")


@claim(
    SEPARABLE,
    "The ratio of the two costs is 1/N + 1/Dᵣ².",
    "holds if multiplications are counted, padding's zeros among them, or parameters without a bias, at Q = 1",
)
def the_ratio_of_the_costs() -> Finding:
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


@claim(SEPARABLE, "The saving comes predominantly from filtering in space M times instead of M·N times.", "holds")
def the_saving_is_in_the_spatial_filtering() -> Finding:
    standard = conv2d_cost((1, 7, 7, 3), (3, 3, 3, 128)).macs
    parts = depthwise_separable_conv2d_cost((1, 7, 7, 3), (3, 3, 3), (3, 128)).parts
    spatial, combining = parts["depthwise"].macs, parts["pointwise"].macs
    saved = standard - spatial
    return finding(
        standard == 128 * spatial and combining < saved / 2,
        f"the example: spatial filtering falls from {standard:,} to {spatial:,} multiplications, 128 times fewer; "
        f"the linear combination takes {combining:,} of the {saved:,} back",
    )


@claim(SEPARABLE, "N is often greater than Dᵣ², so the ratio is about 1/Dᵣ².", "holds if N ≥ 10·Dᵣ², to be within 10 %")
def the_ratio_is_about_the_inverse_square() -> Finding:
    within = {k: next(n for n in range(1, 10_000) if limit_error(k, n) <= Fraction(1, 10)) for k in (3, 5, 7)}
    return finding(
        all(n == 10 * k * k for k, n in within.items()),
        "1/Dᵣ² is too low by Dᵣ²/N of itself; within 10 % from "
        + ", ".join(f"N = {n} at {k}×{k}" for k, n in within.items()),
        f"at N = Dᵣ² the ratio is twice 1/Dᵣ²: 3×3, N = 9: {cost_ratio(3, 9)}",
        condition="N ≥ 10·Dᵣ², to be within 10 %",
    )


@claim(
    SEPARABLE, "With 3×3 kernels there are nearly an order of magnitude fewer computations.",
    "holds if N is large: 8 times fewer from N = 72 on, never 9 times",
)  # fmt: skip
def nearly_an_order_of_magnitude() -> Finding:
    fewer = {n: float(1 / cost_ratio(3, n)) for n in (16, 72, 128, 512, 1024)}
    first = next(n for n in range(1, 1000) if 1 / cost_ratio(3, n) >= 8)
    never = all(1 / cost_ratio(3, 10**power) < 9 for power in range(12))
    return finding(
        first == 72 and never,
        "3×3, times fewer multiplications: " + ", ".join(f"{times:.2f} at N = {n}" for n, times in fewer.items()),
        condition=f"N is large: 8 times fewer from N = {first} on, never 9 times",
    )


@claim(SEPARABLE, "MobileNetV1's own layer (its paper's Table 3): 462 M against 52.3 M.", "holds")
def the_layer_of_mobilenet_v1() -> Finding:
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


@claim(
    INVERTED,
    "Features can be encoded in subspaces of few dimensions (the linear bottleneck's premise).",
    "holds if the last block is meant, and what the network does with its features, not their variance",
)
def features_live_in_few_dimensions() -> Finding:
    stored, network = stored_subspaces(), stored_network()
    runs, counts = stored["separable"], stored["settings"]["counts"]
    channels, blocks = counts[-1], len(runs[0]["trained"])
    accuracy = np.median([run["accuracy"] for run in runs])
    kept = {kind: np.median([run["kept"][kind] for run in runs], axis=0) for kind in ("principal", "random")}
    enough = sufficient(runs, counts)
    first = counts.index(enough[-1])  # in the last block
    variance = {
        state: [int(np.median([dimensions(np.array(run[state][block])) for run in runs])) for block in range(blocks)]
        for state in ("trained", "untrained")
    }
    images = scattered_digits(train=1, test=256, seed=FULL.task_seed)
    maps = block_outputs(network, images.x_test)
    last = list(by_block(maps))[-1]
    now = dimensions(spectrum(maps[last]))

    def agreeing(rng: np.random.Generator | None) -> float:
        """How many of the images the network sees as before, with so few directions in its last block."""
        few = global_average_pool(subspace(maps[last], enough[-1], rng=rng).forward(maps[last]))
        logits = [network.layers["classifier"].forward(x) for x in (few, global_average_pool(maps[last]))]
        return float((logits[0].argmax(axis=1) == logits[1].argmax(axis=1)).mean())

    agreed, by_chance = agreeing(None), agreeing(np.random.default_rng(0))
    return finding(
        enough[-1] <= channels / 4 < enough[0]
        and kept["random"][-1][first] < kept["principal"][-1][first] - ENOUGH
        and min(variance["trained"]) > channels / 2
        and now > channels / 2
        and agreed > by_chance,
        f"{stored['data']}; {blocks} depthwise separable blocks of {channels} channels, {len(runs)} seeds, medians; "
        f"accuracy {accuracy:.1%}",
        f"directions of {channels} that keep it within {100 * ENOUGH:.0f} points, in one block at a time: "
        + ", ".join(f"block {i + 1}: {count}" for i, count in enumerate(enough))
        + f"; with {enough[-1]} in the last one {kept['principal'][-1][first]:.1%}, with as many random ones "
        f"{kept['random'][-1][first]:.1%}",
        f"directions that hold 95 % of the variance: {_listed(variance['trained'])} after training, "
        f"{_listed(variance['untrained'])} before it",
        f"computed here with the first seed's network: {now} directions hold 95 % in its last block; with "
        f"{enough[-1]} of them it says of {agreed:.0%} of the images what it said with all, with random ones of "
        f"{by_chance:.0%}",
        condition="the last block is meant, and what the network does with its features, not their variance",
    )


@claim(INVERTED, "ReLU loses information in few dimensions, and little in many (the layer's premise).", "holds")
def relu_loses_information_in_few_dimensions() -> Finding:
    rng = np.random.default_rng(0)
    lines, holds = [], True
    for m in (2, 3, 5, 15, 30):
        live = (rng.standard_normal((20_000, m, 2)) @ np.array([1.0, 0.0])) > 0  # by symmetry one point stands for all
        kept = float((live.sum(axis=1) >= 2).mean())
        exact = sum(math.comb(m, k) for k in range(m - 1)) / 2**m
        holds &= abs(kept - exact) < 0.02
        lines.append(f"{m}: {kept:.3f} ({exact:.3f})")
    return finding(
        holds,
        "share of 20,000 random maps of the plane into n dimensions that keep two live coordinates after ReLU, so that "
        "the point can be recovered, and the share that the paper's Theorem 1 gives: " + ", ".join(lines),
    )


@claim(INVERTED, "The three steps take h×w×k to h×w×tk, to h/s×w/s×tk, to h/s×w/s×k′ (Table 1).", "holds")
def the_shapes_of_table_1() -> Finding:
    h, w, k, t, k_out = 8, 6, 4, 6, 5
    kernels = [np.ones(s) for s in ((k, t * k), (3, 3, t * k), (t * k, k_out))]
    holds, lines = True, []
    for s in (1, 2):
        stages = npconv.inverted_residual_stages(np.ones((2, h, w, k)), *kernels, stride=s)
        assert stages.expanded is not None
        shapes = [stages.expanded.shape[1:], stages.depthwise.shape[1:], stages.output.shape[1:]]
        holds &= shapes == [(h, w, t * k), (h // s, w // s, t * k), (h // s, w // s, k_out)]
        lines.append(f"s = {s}: {' → '.join('×'.join(map(str, shape)) for shape in [(h, w, k), *shapes])}")
    odd = npconv.inverted_residual(np.ones((1, 7, 5, k)), *kernels, stride=2).shape[1:3]
    return finding(holds, *lines, f"an odd side is rounded up: 7×5 at stride 2 gives {odd[0]}×{odd[1]}")


@claim(INVERTED, "The projection alone loses information.", "holds")
def the_projection_loses_information() -> Finding:
    rng = np.random.default_rng(0)
    project = rng.integers(-3, 4, (6, 2)).astype(float)
    *_, null = np.linalg.svd(project.T)[2]  # a direction that the projection does not see
    one = rng.standard_normal((1, 1, 1, 6))
    other = one + 5 * null
    apart = np.abs(npconv.pointwise_conv2d(one, project) - npconv.pointwise_conv2d(other, project)).max()
    rank = int(np.linalg.matrix_rank(project))
    return finding(
        rank <= 2 and bool(apart < 1e-12),
        f"from tk = 6 to k′ = 2 channels its rank is {rank}: two inputs 5 apart have outputs {apart:.0e} apart",
    )


@claim(
    INVERTED,
    "A shortcut is added when input and output have the same dimensions (stride 1 and equal channels).",
    "holds if the rule in brackets is meant: at stride 2 a 1×1 map keeps its dimensions, and has no shortcut",
)
def the_shortcut_needs_stride_1_and_equal_channels() -> Finding:
    holds = True
    for stride, k_out in ((1, 3), (1, 4), (2, 3), (2, 4), ((1, 2), 3)):
        x, expand, depthwise, project = _whole(0, 2, 4, 6, 3), _whole(1, 3, 6), _whole(2, 3, 3, 6), _whole(3, 6, k_out)
        stages = npconv.inverted_residual_stages(x, expand, depthwise, project, stride=stride)
        added = stages.output.shape == x.shape and np.array_equal(stages.output, stages.projected + x)
        holds &= added == (stride == 1 and k_out == 3)
    point = _whole(4, 2, 1, 1, 3)
    stages = npconv.inverted_residual_stages(point, expand, depthwise, _whole(5, 6, 3), stride=2)
    holds &= stages.output.shape == point.shape and np.array_equal(stages.output, stages.projected)
    return finding(
        holds,
        "strides 1, 2 and (1, 2), with equal and unequal channels: added at stride 1 with equal channels alone",
        condition="the rule in brackets is meant: at stride 2 a 1×1 map keeps its dimensions, and has no shortcut",
    )


@claim(INVERTED, "The shortcut helps the gradient flow: dx is dy plus the gradient through the branch.", "holds")
def the_shortcut_passes_the_gradient_on() -> Finding:
    x, dy = _whole(0, 2, 4, 5, 3), _whole(6, 2, 4, 5, 3)
    expand, depthwise, project = _whole(1, 3, 6), _whole(2, 3, 3, 6), _whole(3, 6, 3)
    dx, *_ = npconv.inverted_residual_backward(dy, x, expand, depthwise, project)
    longer = np.concatenate([project, np.zeros((6, 1))], axis=1)  # a fourth, empty output channel: no shortcut
    branch, *_ = npconv.inverted_residual_backward(np.pad(dy, [(0, 0)] * 3 + [(0, 1)]), x, expand, depthwise, longer)
    dead, *_ = npconv.inverted_residual_backward(dy, x, 0 * expand, depthwise, project)
    return finding(
        np.array_equal(dx, dy + branch) and np.array_equal(dead, dy),
        "dx = dy + branch, exactly; with a branch that passes nothing on, dx is dy",
    )


@claim(
    INVERTED,
    "With shortcuts gradients flow through many blocks.",
    "holds if their size before training is meant; in trained networks it differs little",
)
def shortcuts_keep_the_gradients_size() -> Finding:
    stored = stored_gradients()
    task = scattered_digits(train=1, test=16, seed=FULL.task_seed)
    now, lines, holds = {}, [], True
    for batch_norm, kind in ((True, "with batch normalisation"), (False, "without")):
        ends = {}
        for variant in ("linear", "none"):
            norms = first_norms(variant, 32, 0, task.x_test, task.y_test, batch_norm=batch_norm)
            now[batch_norm, variant] = norms[0]
            entries = [e for e in stored["untrained"] if (e["variant"], e["batch_norm"]) == (variant, batch_norm)]
            ends[variant] = {e["blocks"]: float(np.median(e["norms"], axis=0)[0]) for e in entries}
        depths = list(ends["linear"])
        holds &= all(abs(math.log(ends["linear"][d])) < abs(math.log(ends["none"][d])) for d in depths)
        holds &= abs(math.log(now[batch_norm, "linear"])) < abs(math.log(now[batch_norm, "none"])) / 2
        lines.append(
            f"untrained, {kind}, the gradient's norm at the first block over that at the last: "
            + "; ".join(
                f"{d} blocks {ends['linear'][d]:.3g} and {ends['none'][d]:.2g} with no shortcuts" for d in depths
            )
        )
    after = {variant: [run for run in stored["trained"] if run["variant"] == variant] for variant in ("linear", "none")}
    sizes = {v: float(np.median([run["norms"]["after"][0] for run in runs])) for v, runs in after.items()}
    accuracies = {v: float(np.median([run["accuracy"] for run in runs])) for v, runs in after.items()}
    holds &= max(sizes.values()) < 10 * min(sizes.values()) and accuracies["linear"] > accuracies["none"]
    return finding(
        holds,
        *lines,
        f"{stored['settings']['blocks']} blocks, trained for {stored['settings']['steps']} steps: "
        f"{sizes['linear']:.2g} and {sizes['none']:.2g} with no shortcuts; test accuracy {accuracies['linear']:.1%} "
        f"and {accuracies['none']:.1%}",
        f"computed here, 32 blocks: {now[True, 'linear']:.3g} and {now[True, 'none']:.2g} with batch normalisation, "
        f"{now[False, 'linear']:.3g} and {now[False, 'none']:.2g} without",
        condition="their size before training is meant; in trained networks it differs little",
    )


@claim(
    INVERTED,
    "The last two steps are a depthwise separable convolution that reduces the dimensions.",
    "holds if the ReLU6 between them is left out",
)
def the_last_two_steps_are_separable() -> Finding:
    x, depthwise, project = _whole(0, 2, 4, 5, 6), _whole(1, 3, 3, 6), _whole(2, 6, 2)
    kernel = npconv.factored_kernel(depthwise, project)
    filtered = npconv.depthwise_conv2d(x, depthwise, padding="same")
    linear = npconv.pointwise_conv2d(filtered, project)
    active = npconv.pointwise_conv2d(npconv.relu6(filtered), project)
    doubled = npconv.pointwise_conv2d(npconv.relu6(npconv.depthwise_conv2d(2 * x, depthwise, padding="same")), project)
    at = tuple(int(i) for i in np.unravel_index(np.abs(doubled - 2 * active).argmax(), active.shape))
    without = np.array_equal(linear, npconv.conv2d(x, kernel, padding="same"))
    return finding(
        without and not np.array_equal(doubled, 2 * active),
        f"without ReLU6 between them they equal one convolution with the factored kernel: {without}",
        f"with it no kernel does it, as f(2x) is not 2·f(x): {doubled[at]:g} against {2 * active[at]:g} at {list(at)}",
        condition="the ReLU6 between them is left out",
    )


@claim(INVERTED, "Non-linear activations are what lets the layer represent more.", "holds")
def without_activations_the_block_is_one_convolution() -> Finding:
    x, expand, depthwise, project = _whole(0, 2, 4, 5, 3), _whole(1, 3, 12), _whole(2, 3, 3, 12), _whole(3, 12, 4)
    kernel = npconv.linear_block_kernel(expand, depthwise, project)
    wide = npconv.depthwise_conv2d(npconv.pointwise_conv2d(x, expand), depthwise, padding="same")
    equal = np.array_equal(npconv.pointwise_conv2d(wide, project), npconv.conv2d(x, kernel, padding="same"))
    ahead, behind = (npconv.inverted_residual(sign * x, expand, depthwise, project) for sign in (1, -1))
    odd = np.array_equal(ahead, -behind)
    return finding(
        equal and not odd,
        f"without ReLU6 the three convolutions are one of {'×'.join(map(str, kernel.shape))}, exactly: {equal}",
        f"with ReLU6 they are not linear: f(−x) = −f(x) is {odd}",
    )


@claim(
    INVERTED,
    "The inverted block's ends are narrow and linear; activations act in the wide volumes only (Fig. 8).",
    "holds",
)
def the_inverted_block_is_narrow_and_linear_at_its_ends() -> Finding:
    rng = np.random.default_rng(0)
    x, expand, depthwise, project = (rng.standard_normal(s) for s in ((2, 6, 5, 4), (4, 24), (3, 3, 24), (24, 4)))
    inverted = npconv.inverted_residual_stages(x, expand, depthwise, project)
    assert inverted.expanded_relu6 is not None
    y, reduce, spatial, restore = (rng.standard_normal(s) for s in ((2, 6, 5, 24), (24, 4), (3, 3, 4, 4), (4, 24)))
    conventional = npconv.residual_bottleneck_stages(y, reduce, spatial, restore)
    widths = [
        x.shape[-1],
        inverted.expanded_relu6.shape[-1],
        inverted.depthwise_relu6.shape[-1],
        inverted.output.shape[-1],
    ]
    other = [
        y.shape[-1],
        conventional.reduced.shape[-1],
        conventional.filtered.shape[-1],
        conventional.output.shape[-1],
    ]
    return finding(
        widths == [4, 24, 24, 4]
        and other == [24, 4, 4, 24]
        and bool(inverted.output.min() < 0)
        and bool(min(inverted.expanded_relu6.min(), inverted.depthwise_relu6.min()) == 0)
        and bool(conventional.output.min() == 0),
        f"inverted: {' – '.join(map(str, widths))} channels, output from {inverted.output.min():.1f} up: linear",
        f"conventional: {' – '.join(map(str, other))} channels, output from {conventional.output.min():.1f} up: "
        "a ReLU after the sum",
    )


@claim(
    INVERTED,
    "A linear bottleneck is better than one with a non-linearity (Fig. 7a).",
    "holds if a small network is meant, not one on ImageNet "
    "(16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds)",
)
def a_linear_bottleneck_is_better() -> Finding:
    return _measured_small("linear", {"relu6": "ReLU6 in the bottleneck"})


@claim(
    INVERTED,
    "Shortcuts are better between bottlenecks than between expansions, or none (Fig. 7b).",
    "holds if a small network is meant, not one on ImageNet "
    "(16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds)",
)
def shortcuts_are_better_between_bottlenecks() -> Finding:
    return _measured_small("linear", {"expansions": "shortcuts between expansions", "none": "no shortcuts"})


def as_markdown() -> str:
    """The claims and their verdicts as the table that docs/claims.md holds.

    >>> as_markdown().splitlines()[0]
    '| | the article says | verdict | test |'
    """
    lines = ["| | the article says | verdict | test |", "|---|---|---|---|"]
    for number, entry in enumerate(CLAIMS, 1):
        lines.append(f"| {number} | {entry.statement} | {entry.verdict} | `test_claim[{entry.name}]` |")
    return "\n".join(lines)


def _measured_small(network: str, others: Mapping[str, str]) -> Finding:
    """The verdict that the stored runs of `npconv.training.fig07` give on a network being better than others.

    "holds if", with what was measured, where it is better than each at the 5 % level; "fails" where one is better than
    it; where all is left open, "reported", as the article's own measurement is on ImageNet.
    """
    results = stored_results()
    settings, seeds = results["settings"], len(results["seeds"])
    measured = (
        f"{settings['blocks']} blocks, k = {settings['channels']}, t = {settings['expansion']}, {settings['steps']} "
        f"steps on scattered digits, {seeds} seeds"
    )
    comparisons = {name: compare(results, network, name) for name in others}
    lines = [
        f"against {others[name]}: {100 * c.mean:+.1f} points of test accuracy, 95 % interval "
        f"{100 * c.interval[0]:+.1f} to {100 * c.interval[1]:+.1f}, better for {c.wins} of {seeds} seeds, "
        f"p = {c.p_value:.2g}"
        for name, c in comparisons.items()
    ]
    numbers = (
        f"measured small, not on ImageNet: {measured}; {results['data']}",
        *lines,
        "the article's own values, on ImageNet, are not published beside the curves",
    )
    better = [others[name] for name, c in comparisons.items() if c.verdict == "first"]
    unsettled = [others[name] for name, c in comparisons.items() if c.verdict == "open"]
    if any(c.verdict == "second" for c in comparisons.values()):
        return finding(False, *numbers)
    if not better:
        return Finding("reported", numbers)
    limits = f"; against {' and '.join(unsettled)} it is open" if unsettled else ""
    return finding(True, *numbers, condition=f"a small network is meant, not one on ImageNet ({measured}){limits}")


def _listed(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts[:-1])) + f" and {counts[-1]}" if len(counts) > 1 else str(counts[0])


def _cases(operation: str) -> Iterator[tuple[Any, list[Array]]]:
    """Constructed cases with arrays of whole numbers; always the same ones."""
    source = random.Random(2019)
    for seed in range(CASES):
        case = convolution_case(source.randint, operation)
        yield case, case.arrays(seed)


def _whole(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float64)


def _factoring_error(kernel: Array, depth_multiplier: int) -> float:
    """The norm that the best factors miss, as a share of the kernel's."""
    factors = npconv.factorize_kernel(kernel, depth_multiplier=depth_multiplier)
    missed = kernel - npconv.factored_kernel(*factors, depth_multiplier=depth_multiplier)
    return float(np.linalg.norm(missed) / np.linalg.norm(kernel))
