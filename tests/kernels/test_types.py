"""The other types of convolution, each proved to be one of the known ones with a kernel of its own: for all numbers."""

from itertools import product

import numpy as np
import pytest

import npconv
from npconv.checks import check_adjoint, explain, prove_equal
from npconv.cost import count_operations

GEOMETRIES = [
    {},
    {"stride": (2, 1), "padding": ((1, 0), (2, 1))},
    {"padding": "same", "dilation": (1, 2)},
    {"stride": 2, "padding": "same"},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_spatially_separable_is_depthwise_with_the_product_of_column_and_row(geometry):
    def depthwise(x, column, row, **geometry):
        return npconv.depthwise_conv2d(x, column[:, None] * row, **geometry)

    shapes = (2, 5, 6, 2), (3, 2), (2, 2)
    assert prove_equal(npconv.spatially_separable_conv2d, depthwise, *shapes, **geometry).bound == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_flattened_is_standard_with_filters_of_rank_1(geometry):
    def standard(x, lateral, vertical, horizontal, **geometry):
        return npconv.conv2d(x, lateral * vertical[:, None, None] * horizontal[:, None], **geometry)

    shapes = (1, 5, 4, 2), (2, 3), (3, 3), (2, 3)
    assert prove_equal(npconv.flattened_conv2d, standard, *shapes, **geometry).bound == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_shuffled_is_grouped_in_another_order(geometry):
    def permuted(x, kernel, **geometry):
        return npconv.grouped_conv2d(x, kernel, groups=2, **geometry)[..., [0, 3, 1, 4, 2, 5]]

    shapes = (1, 5, 4, 4), (3, 2, 2, 6)
    shuffled = lambda x, kernel, **geometry: npconv.shuffled_grouped_conv2d(x, kernel, groups=2, **geometry)  # noqa: E731
    assert prove_equal(shuffled, permuted, *shapes, **geometry).bound == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_one_group_is_the_standard_convolution_and_leaves_nothing_to_shuffle(geometry):
    for grouped in (npconv.grouped_conv2d, npconv.shuffled_grouped_conv2d):
        one = lambda x, kernel, grouped=grouped, **geometry: grouped(x, kernel, groups=1, **geometry)  # noqa: E731
        assert prove_equal(one, npconv.conv2d, (1, 5, 4, 2), (3, 2, 2, 3), **geometry).bound == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_kernel_as_deep_as_its_input_is_2d_over_the_channels_of_all_layers(geometry):
    x_shape, kernel_shape = (2, 3, 4, 5, 2), (3, 2, 3, 2, 2)

    def flat(x, kernel, **geometry):
        beside = x.transpose(0, 2, 3, 1, 4).reshape(2, 4, 5, 6)
        return npconv.conv2d(beside, kernel.transpose(1, 2, 0, 3, 4).reshape(2, 3, 6, 2), **geometry)[:, None]

    def deep(x, kernel, *, padding="valid", **geometry):
        stride, dilation = ((1, *np.broadcast_to(geometry.get(name, 1), 2).tolist()) for name in ("stride", "dilation"))
        if padding == "same":  # whose depth would be padded
            padding = checked_sides(x.shape, kernel.shape, stride, dilation)
        padding = padding if padding == "valid" else ((0, 0), *padding)
        return npconv.conv3d(x, kernel, stride=stride, dilation=dilation, padding=padding)

    def checked_sides(x, kernel, stride, dilation):
        numbers = zip(x[2:4], kernel[1:3], stride[1:], dilation[1:], strict=True)
        return [npconv.kernels.arguments.same_padding(*axis) for axis in numbers]

    assert prove_equal(deep, flat, x_shape, kernel_shape, **geometry).bound == 0


def test_a_kernel_one_layer_deep_is_2d_in_every_layer():
    def by_layer(x, kernel, *, stride):
        return np.stack([npconv.conv2d(layer, kernel[0], stride=stride) for layer in x.swapaxes(0, 1)], axis=1)

    def deep(x, kernel, *, stride):
        return npconv.conv3d(x, kernel, stride=(1, stride, stride))

    assert prove_equal(deep, by_layer, (2, 3, 5, 4, 2), (1, 3, 2, 2, 2), stride=2).bound == 0


@pytest.mark.parametrize(("g", "n", "order"), [(2, 3, 4), (3, 4, 5), (2, 2, 2), (4, 2, 3)])
def test_a_shuffle_comes_back_after_so_many_times_and_by_the_one_with_g_and_n_exchanged(g, n, order):
    shuffle = lambda x, groups=g: npconv.channel_shuffle(x, groups=groups)  # noqa: E731
    x = np.arange(g * n)[None]
    turned, times = shuffle(x), 1
    assert turned.tolist() == [[i * n + j for j in range(n) for i in range(g)]]
    while not np.array_equal(turned, x):
        turned, times = shuffle(turned), times + 1
    assert times == order
    there_and_back = lambda x: shuffle(shuffle(x), n)  # noqa: E731
    assert prove_equal(there_and_back, lambda x: 1 * x, (2, g * n)).bound == 0
    backward = lambda dy, x: npconv.channel_shuffle_backward(dy, x, groups=g)  # noqa: E731
    assert prove_equal(lambda dy: backward(dy, dy), lambda dy: shuffle(dy, n), (2, g * n)).bound == 0
    check_adjoint(shuffle, backward, np.ones((2, 3, g * n)))


def test_kernels_of_three_axes_and_of_factors_write_themselves_down():
    x, kernel = np.ones((1, 2, 1, 2, 1)), np.ones((2, 1, 1, 1, 1))
    for function in (npconv.conv3d, npconv.conv3d_taps, npconv.conv3d_loops):
        formula = "y[0,0,0,1,0] = x[0,0,0,1,0]·k[0,0,0,0,0] + x[0,1,0,1,0]·k[1,0,0,0,0]"
        assert explain(function, x, kernel, at=(0, 0, 0, 1, 0)) == formula
    formula = explain(npconv.channel_shuffle, np.ones((1, 6)), at=(0, 1), groups=2)
    assert formula == "y[0,1] = x[0,3]"
    counted = count_operations(npconv.channel_shuffle, np.arange(6)[None], groups=3)
    assert (counted.multiplications, counted.additions) == (0, 0)
    assert counted.result.tolist() == [[0, 2, 4, 1, 3, 5]]


def test_a_shuffle_shares_no_memory_and_takes_any_order_and_dtype():
    for dtype in ("?", "i2", ">f4", "c8", "O"):
        plain = np.arange(2 * 3 * 6).reshape(2, 3, 6).astype(dtype)
        for x, groups in product((plain, np.asfortranarray(plain)), (1, 2, 6)):  # with 1 group or 6 nothing moves
            y, dx = npconv.channel_shuffle(x, groups=groups), npconv.channel_shuffle_backward(x, x, groups=groups)
            assert y.dtype == dx.dtype == np.dtype(dtype).newbyteorder("=")
            assert type(npconv.channel_shuffle(x.view(np.memmap), groups=groups)) is np.ndarray
            assert not np.shares_memory(y, x)
            assert not np.shares_memory(dx, x)
