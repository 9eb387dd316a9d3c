"""The claims of the article's section on the standard convolution."""

import numpy as np

import npconv

from ..cost import count_operations
from .cases import CASES, cases, whole
from .table import OVERVIEW, Finding, claim, finding


@claim(OVERVIEW, "holds")
def the_shapes_of_a_standard_convolution() -> Finding:
    """N filters of Dᵣ×Dᵣ×M take a Dᵤ×Dᵤ×M volume to Dᵥ×Dᵥ×N (Fig. 1)."""
    holds, count = True, 0
    for case, (x, kernel) in cases("conv2d"):
        y = npconv.conv2d_loops(x, kernel, **case.geometry)
        holds &= y.shape == case.output_shape
        count += 1
    shape = npconv.conv2d(np.ones((1, 7, 7, 3)), np.ones((3, 3, 3, 128))).shape
    return finding(holds, f"{count} constructed convolutions have the shape Dᵥ×Dᵥ×N; 7×7×3 with 3×3×3×128: {shape[1:]}")


@claim(OVERVIEW, "holds")
def the_two_readings_agree() -> Finding:
    """The two readings agree: inner products over the depth, or per-channel maps that are summed."""
    differing = 0
    for case, (x, kernel) in cases("conv2d"):
        loops = npconv.conv2d_loops(x, kernel, **case.geometry)
        maps = npconv.conv2d_per_channel(x, kernel, **case.geometry)
        differing += not np.array_equal(loops, maps)
    return finding(
        differing == 0, f"{CASES} constructed convolutions on whole numbers: {differing} differ in any value"
    )


@claim(OVERVIEW, "holds")
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


@claim(OVERVIEW, "holds")
def each_channel_is_filtered_n_times() -> Finding:
    """With N filters every channel of the input is filtered N times."""
    n = 5
    x, kernel = whole(0, 1, 5, 4, 3), whole(1, 3, 2, 3, n)
    one = count_operations(npconv.conv2d, x[..., :1], kernel[:, :, :1, :1]).multiplications
    standard = count_operations(npconv.conv2d, x, kernel).multiplications
    depthwise = count_operations(npconv.depthwise_conv2d, x, kernel[..., 0]).multiplications
    return finding(
        standard == 3 * n * one and depthwise == 3 * one,
        f"filtering one channel once takes {one} multiplications; M = 3, N = {n}",
        f"standard: {standard} = {standard // one} filterings, M·N; depthwise: {depthwise} = {depthwise // one}, M",
    )
