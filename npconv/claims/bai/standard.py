"""The claims about convolutions in two and three dimensions, 1×1 convolutions, and the sizes of outputs."""

from itertools import product

import numpy as np

import npconv

from ...cost import conv3d_cost
from ...text import shape_text
from .. import separable
from ..cases import whole, written
from ..table import Finding, claim, finding

CONVOLUTION = "Convolution in Deep Learning"
THREE = "3-D Convolution"
ONE_BY_ONE = "1×1 Convolution"
ARITHMETIC = "Convolution Arithmetic"


@claim(CONVOLUTION, "holds", "conv2d_taps")
def bai_convolution_is_cross_correlation() -> Finding:
    """A convolution in deep learning is a cross-correlation: its filter is not turned round."""
    signal, taps = whole(0, 7), whole(1, 3)
    y = npconv.conv2d_taps(signal[None, :, None, None], taps[:, None, None, None])[0, :, 0, 0]
    correlated, convolved = np.correlate(signal, taps, "valid"), np.convolve(signal, taps, "valid")
    return finding(
        np.array_equal(y, correlated) and not np.array_equal(y, convolved),
        f"7 numbers and 3 taps: {written(y)}; NumPy's correlate: {written(correlated)}, its convolve: "
        f"{written(convolved)}",
    )


@claim(CONVOLUTION, "holds", "conv2d_loops", "functional-view")
def bai_single_channel_example() -> Finding:
    """On one channel a 3×3 filter slides over 5×5 numbers; at each step the products are summed, which gives 3×3."""
    image = [[3.0, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    kernel = np.array([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])
    y = npconv.conv2d_loops(np.array(image)[None, :, :, None], kernel[:, :, None, None])[0, :, :, 0]
    return finding(np.array_equal(y, [[12, 12, 17], [10, 17, 19], [9, 6, 14]]), written(y))


@claim(CONVOLUTION, "holds", "per_channel_maps conv2d_taps", "per-channel-view")
def bai_multi_channel_example() -> Finding:
    """On three channels each of a filter's three kernels is applied to its channel, and the sum is 3×3×1."""
    x, kernel = whole(0, 1, 5, 5, 3), whole(1, 3, 3, 3, 1)
    maps, y = npconv.per_channel_maps(x, kernel[..., 0]), npconv.conv2d_taps(x, kernel)
    alone = [npconv.conv2d_taps(x[..., m : m + 1], kernel[:, :, m : m + 1]) for m in range(3)]
    return finding(
        np.array_equal(maps, np.concatenate(alone, axis=-1)) and np.array_equal(y[..., 0], maps.sum(axis=-1)),
        f"5×5×3 → {shape_text(maps.shape[1:])}, summed {shape_text(y.shape[1:])}",
    )


@claim(THREE, "holds", "conv3d_taps conv2d_taps cost.conv3d_cost", "convolution-3d")
def bai_2d_convolution_is_3d_of_full_depth() -> Finding:
    """A 2-D convolution is a 3-D one whose filter is as deep as its input, so that it moves in two directions only."""
    volume, filters = whole(0, 1, 7, 7, 7), whole(1, 3, 3, 7, 1)
    deep = npconv.conv3d_taps(volume[..., None], filters[:, :, :, None])
    flat = npconv.conv2d_taps(volume, filters)
    moving = conv3d_cost((1, 7, 7, 7, 1), (3, 3, 3, 1, 1))
    full = conv3d_cost((1, 7, 7, 7, 1), (3, 3, 7, 1, 1))
    return finding(
        np.array_equal(deep[:, :, :, 0], flat)
        and moving.output_shape[1:4] == (5, 5, 5)
        and (full.macs, moving.macs) == (25 * 63, 125 * 27),
        f"7×7×7: a filter of 3×3×7 gives {shape_text(deep.shape[1:4])} by {full.macs:,} multiplications, one of 3×3×3 "
        f"{shape_text(moving.output_shape[1:4])} by {moving.macs:,}",
    )


one_by_one = separable.n_pointwise_filters_give_n_channels.retold(
    ONE_BY_ONE, "N convolutions of 1×1×D take a layer of H×W×D to H×W×N."
)


@claim(ARITHMETIC, "holds if both sides are padded by p, and nothing is dilated", "conv2d_taps")
def bai_size_of_the_output() -> Finding:
    """An input of i, a kernel of k, padding p and stride s give o = ⌊(i + 2p − k)/s⌋ + 1."""
    sizes = [
        each for each in product(range(1, 8), range(1, 4), range(3), range(1, 4)) if each[1] <= each[0] + 2 * each[2]
    ]
    wrong = 0
    for i, k, p, s in sizes:
        y = npconv.conv2d_taps(np.ones((1, i, 8, 1)), np.ones((k, 1, 1, 1)), stride=(s, 1), padding=(p, 0))
        wrong += y.shape[1] != (i + 2 * p - k) // s + 1
    dilated = npconv.conv2d_taps(np.ones((1, 7, 7, 1)), np.ones((3, 3, 1, 1)), dilation=2).shape[1]
    return finding(
        wrong == 0 and dilated == 3,
        f"{len(sizes)} sizes, i to 7, k to 3, p to 2 and s to 3: {wrong} differ",
        f"with dilation 2 it is {dilated}, as k counts as 2(k − 1) + 1",
    )
