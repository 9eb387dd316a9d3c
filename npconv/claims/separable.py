"""The claims about the depthwise separable convolution, from the article's section on it."""

from typing import Any

import numpy as np

import npconv

from ..checks import prove_equal
from ..cost import conv2d_cost, cost_ratio, count_operations, depthwise_separable_conv2d_cost
from ..kernels.geometry import Array
from .cases import CASES, cases, whole
from .table import SEPARABLE, Finding, claim, finding


@claim(SEPARABLE, "holds if N > 1 and Dᵣ > 1", "cost.conv2d_cost cost.depthwise_separable_conv2d_cost", "cost-ratio")
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
    )


@claim(SEPARABLE, "holds", "conv2d_taps depthwise_conv2d_taps pointwise_conv2d", "per-channel-view")
def a_standard_convolution_filters_and_combines() -> Finding:
    """A standard convolution filters in space and combines channels, both at once."""
    holds = True
    for case, (x, kernel) in cases("conv2d"):
        height, width, m, n = kernel.shape
        filtered = npconv.depthwise_conv2d_taps(x, kernel.reshape(height, width, m * n), **case.geometry)  # M·N maps
        combined = npconv.pointwise_conv2d(filtered, np.tile(np.eye(n), (m, 1)))  # each n sums its M maps
        holds &= np.array_equal(combined, npconv.conv2d_taps(x, kernel, **case.geometry))
    x, kernel = whole(0, 2, 5, 4, 3), whole(1, 1, 1, 3, 4)
    alone = np.array_equal(npconv.conv2d_taps(x, kernel), npconv.pointwise_conv2d(x, kernel[0, 0]))
    return finding(
        holds and alone,
        f"{CASES} constructed ones, on whole numbers: M·N maps filtered in space, depthwise, of which each of the N "
        "outputs is the sum of M",
        f"with Dᵣ = 1 the linear combinations are left alone: {alone}",
    )


@claim(
    SEPARABLE,
    "holds if N > 1, Dᵣ > 1 and some channel's Dᵣ²×N slice has rank above 1",
    "factorize_kernel factored_kernel cost.cost_ratio",
    "separability",
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
    )


@claim(
    SEPARABLE,
    "holds",
    "depthwise_separable_conv2d depthwise_separable_conv2d_backward factored_kernel factored_kernel_backward "
    "checks.prove_equal",
    "depthwise-separable",
)
def the_separable_convolution_is_factored() -> Finding:
    """The depthwise separable convolution is a factored one."""

    def factored(x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Array:
        q = depthwise.shape[-1] // x.shape[-1]
        kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        return npconv.conv2d_taps(x, kernel, **geometry)

    def factored_backward(dy: Array, x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Any:
        q = depthwise.shape[-1] // x.shape[-1]
        kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        dx, dkernel = npconv.conv2d_backward_taps(dy, x, kernel, **geometry)
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


@claim(SEPARABLE, "holds", "depthwise_conv2d_taps", "depthwise-separable")
def m_single_channel_filters_give_m_maps() -> Finding:
    """M single-channel filters map the input to Dᵥ×Dᵥ×M, channel by channel (Fig. 4b)."""
    holds = True
    for case, (x, kernel) in cases("conv2d"):
        filters = kernel[..., 0]  # Dᵣ×Dᵣ×M: one for each channel
        maps = npconv.depthwise_conv2d_taps(x, filters, **case.geometry)
        holds &= maps.shape == (*case.output_shape[:3], x.shape[-1])
        for m in range(x.shape[-1]):
            one = npconv.depthwise_conv2d_taps(x[..., m : m + 1], filters[..., m : m + 1], **case.geometry)
            holds &= np.array_equal(maps[..., m : m + 1], one)
    shape = npconv.depthwise_conv2d_taps(np.ones((1, 7, 7, 3)), np.ones((3, 3, 3))).shape[1:]
    return finding(
        holds, f"{CASES} constructed ones have as many maps as channels, each of its channel; 7×7×3: {shape}"
    )


@claim(SEPARABLE, "holds", "per_channel_maps depthwise_conv2d_taps", "depthwise-separable")
def the_depthwise_intermediate_is_fig_3c() -> Finding:
    """The depthwise stage gives what Fig. 3(c) shows: the per-channel maps, not summed."""
    equal = []
    for case, (x, kernel) in cases("conv2d"):
        for n in range(kernel.shape[-1]):
            maps = npconv.per_channel_maps(x, kernel[..., n], **case.geometry)
            equal.append(np.array_equal(maps, npconv.depthwise_conv2d_taps(x, kernel[..., n], **case.geometry)))
    return finding(all(equal), f"the maps of {len(equal)} filters equal the depthwise convolution with that filter")


@claim(SEPARABLE, "holds", "depthwise_conv2d_backward_taps depthwise_separable_conv2d_backward", "depthwise-separable")
def new_features_need_a_linear_combination() -> Finding:
    """To make new features of those that are there, a linear combination of the channels is needed."""
    mixed = unmixed = seeing = 0
    for case, (x, depthwise, pointwise) in cases("depthwise_separable_conv2d"):
        m, ones = x.shape[-1], (np.ones_like(depthwise), np.ones_like(pointwise))
        dy, dmaps = np.zeros(case.output_shape), np.zeros((*case.output_shape[:3], depthwise.shape[-1]))
        dy[..., 0] = dmaps[..., 0] = 1  # which channels of the input does one output channel see?
        filtered, _ = npconv.depthwise_conv2d_backward_taps(dmaps, x, ones[0], **case.geometry)
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


@claim(SEPARABLE, "holds", "pointwise_conv2d conv2d_taps", "depthwise-separable")
def n_pointwise_filters_give_n_channels() -> Finding:
    """N filters of 1×1, along the depth, give the output of Dᵥ×Dᵥ×N (Fig. 4c)."""
    holds, row = True, True
    for _, (x, kernel) in cases("pointwise_conv2d"):
        y = npconv.pointwise_conv2d(x, kernel)
        holds &= y.shape == (*x.shape[:3], kernel.shape[-1])
        holds &= np.array_equal(y, npconv.conv2d_taps(x, kernel[None, None]))  # M×N as 1×1×M×N
        row &= np.array_equal(y[:, :1, :1], npconv.pointwise_conv2d(x[:, :1, :1], kernel))
    return finding(
        holds and row,
        f"{CASES} constructed ones equal the standard convolution with N filters of 1×1×M, and keep height and width",
        f"a place of the output depends on that place of the input alone: {row}",
    )


@claim(
    SEPARABLE, "holds", "conv2d_taps depthwise_conv2d_taps pointwise_conv2d cost.count_operations", "separable-example"
)
def the_example_of_fig_5() -> Finding:
    """The example 7×7×3 → 5×5×128, both ways (Fig. 5)."""
    x, kernel, depthwise, pointwise = (np.ones(s) for s in ((1, 7, 7, 3), (3, 3, 3, 128), (3, 3, 3), (3, 128)))
    standard = count_operations(npconv.conv2d_taps, x, kernel)
    between = count_operations(npconv.depthwise_conv2d_taps, x, depthwise)
    last = count_operations(npconv.pointwise_conv2d, between.result, pointwise)
    counted = (standard.multiplications, between.multiplications, last.multiplications)
    shapes = standard.result.shape == last.result.shape == (1, 5, 5, 128)
    total = between.multiplications + last.multiplications
    return finding(
        shapes and counted == (86_400, 675, 9_600),
        f"both give 5×5×128; multiplications counted: standard {counted[0]:,}; "
        f"depthwise {counted[1]:,} + pointwise {counted[2]:,} = {total:,}, {total / counted[0]:.2%}",
    )


def _factoring_error(kernel: Array, depth_multiplier: int) -> float:
    """The norm that the best factors miss, as a share of the kernel's."""
    factors = npconv.factorize_kernel(kernel, depth_multiplier=depth_multiplier)
    missed = kernel - npconv.factored_kernel(*factors, depth_multiplier=depth_multiplier)
    return float(np.linalg.norm(missed) / np.linalg.norm(kernel))
