"""The claims of the article's section on the standard convolution."""

from typing import Any

import numpy as np

import npconv

from ..checks import prove_equal
from ..cost import count_operations
from .cases import CASES, cases, whole
from .table import OVERVIEW, Finding, claim, finding


@claim(OVERVIEW, "holds", "conv2d_loops conv2d_taps", "standard-convolution")
def the_shapes_of_a_standard_convolution() -> Finding:
    """N filters of Dᵣ×Dᵣ×M take a Dᵤ×Dᵤ×M volume to Dᵥ×Dᵥ×N (Fig. 1)."""
    holds, count = True, 0
    for case, (x, kernel) in cases("conv2d"):
        y = npconv.conv2d_loops(x, kernel, **case.geometry)
        holds &= y.shape == case.output_shape
        count += 1
    shape = npconv.conv2d_taps(np.ones((1, 7, 7, 3)), np.ones((3, 3, 3, 128))).shape
    return finding(holds, f"{count} constructed convolutions have the shape Dᵥ×Dᵥ×N; 7×7×3 with 3×3×3×128: {shape[1:]}")


@claim(
    OVERVIEW,
    "holds if the zeros of the padding are counted as overlapped",
    "conv2d_loops conv2d_backward_taps",
    "functional-view",
)
def each_step_gives_a_single_value() -> Finding:
    """A filter steps over rows and columns; at each step it overlaps Dᵣ×Dᵣ×M numbers and gives a single value."""
    steps, less, holds = 0, 0, True
    for case, (x, kernel) in cases("conv2d"):
        maps = npconv.conv2d_loops(x, kernel[..., :1], **case.geometry)
        holds &= maps.shape == (*case.output_shape[:3], 1)
        ones = np.ones_like(kernel[..., :1])
        for v, w in np.ndindex(*maps.shape[1:3]):
            one_step = np.zeros_like(maps)
            one_step[0, v, w] = 1
            overlapped, _ = npconv.conv2d_backward_taps(one_step, x, ones, **case.geometry)  # 1 where that step reads
            holds &= overlapped.max(initial=0) <= 1 and not overlapped[1:].any()
            holds &= overlapped.sum() == ones.size or (overlapped.sum() < ones.size and _pads(case.geometry))
            less += overlapped.sum() < ones.size
            steps += 1
    return finding(
        holds and less > 0,
        f"{steps:,} steps of {CASES} constructed filters, one value each: {steps - less:,} overlap Dᵣ²M numbers of the "
        f"input, {less:,}, at its edges, fewer numbers and the padding's zeros",
    )


@claim(OVERVIEW, "holds", "conv2d_im2col conv2d_loops", "functional-view")
def the_vectorised_patch_gives_the_value() -> Finding:
    """Patch and filter vectorised, their dot product is the one value (Fig. 2)."""
    x, kernel = whole(0, 1, 7, 6, 3), whole(1, 3, 3, 3, 4)
    patch, filter = x[0, 2:5, 1:4].ravel(), kernel[..., 2].ravel()
    value = npconv.conv2d_loops(x, kernel)[0, 2, 1, 2]
    columns = npconv.conv2d_im2col(x, kernel)
    holds = bool(patch @ filter == value) and np.array_equal(columns, npconv.conv2d_loops(x, kernel))
    return finding(
        holds,
        f"y[0, 2, 1, 2]: {patch.size} numbers · {filter.size} numbers = {patch @ filter:g}, in the loops {value:g}",
        "all patches at once, as one matrix product (im2col), give every value of the loops",
    )


@claim(OVERVIEW, "holds", "per_channel_maps conv2d_taps", "per-channel-view per-channel-photograph")
def each_map_is_a_single_channel_convolution() -> Finding:
    """Channel i of the input is convolved with channel i of the filter; the M maps are then summed (Fig. 3)."""
    maps_compared, holds = 0, True
    for case, (x, kernel) in cases("conv2d"):
        maps = npconv.per_channel_maps(x, kernel[..., 0], **case.geometry)
        holds &= maps.shape == (*case.output_shape[:3], x.shape[-1])
        holds &= np.array_equal(maps.sum(axis=-1), npconv.conv2d_taps(x, kernel, **case.geometry)[..., 0])
        for i in range(x.shape[-1]):
            one = npconv.conv2d_taps(x[..., i : i + 1], kernel[:, :, i : i + 1, :1], **case.geometry)
            holds &= np.array_equal(maps[..., i], one[..., 0])
            maps_compared += 1
    return finding(
        holds,
        f"{maps_compared} maps of {CASES} filters, Dᵥ×Dᵥ×M for each filter, equal the convolutions of one channel with "
        "one channel; their sums are the filters' output",
    )


@claim(OVERVIEW, "holds", "conv2d_loops conv2d_per_channel checks.prove_equal", "functional-view per-channel-view")
def the_two_readings_agree() -> Finding:
    """The two readings agree: inner products over the depth, or per-channel maps that are summed."""
    proofs = [
        prove_equal(npconv.conv2d_loops, npconv.conv2d_per_channel, x.shape, kernel.shape, **case.geometry)
        for case, (x, kernel) in cases("conv2d")
    ]
    exact = sum(proof.bound == 0 for proof in proofs)
    return finding(
        all(proof.equal for proof in proofs),
        f"{CASES} constructed convolutions are equal for all numbers, {exact} of them compared as polynomials",
    )


@claim(OVERVIEW, "holds", "conv2d_taps depthwise_conv2d_taps cost.count_operations", "per-channel-view")
def each_channel_is_filtered_n_times() -> Finding:
    """With N filters every channel of the input is filtered N times."""
    n = 5
    x, kernel = whole(0, 1, 5, 4, 3), whole(1, 3, 2, 3, n)
    one = count_operations(npconv.conv2d_taps, x[..., :1], kernel[:, :, :1, :1]).multiplications
    standard = count_operations(npconv.conv2d_taps, x, kernel).multiplications
    depthwise = count_operations(npconv.depthwise_conv2d_taps, x, kernel[..., 0]).multiplications
    return finding(
        standard == 3 * n * one and depthwise == 3 * one,
        f"filtering one channel once takes {one} multiplications; M = 3, N = {n}",
        f"standard: {standard} = {standard // one} filterings, M·N; depthwise: {depthwise} = {depthwise // one}, M",
    )


def _pads(geometry: dict[str, Any]) -> bool:
    return geometry.get("padding", "valid") not in ("valid", 0)
