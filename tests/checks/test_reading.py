"""What an output reads: the receptive fields of stacks, and the channels of grouped layers."""

import numpy as np
import pytest

import npconv
from npconv.checks import channels_read, receptive_field


@pytest.mark.parametrize(
    ("rates", "reached", "read"),
    [((2, 2, 2), 13, 7), ((1, 2, 3), 13, 13), ((1, 2, 4), 15, 15), ((1,), 3, 3), ((4,), 9, 3), ((2, 4), 13, 7),
     ((3, 3), 13, 5)],
)  # fmt: skip
def test_rates_with_a_common_factor_leave_positions_out(rates, reached, read):
    field = receptive_field(*((3, 1, rate) for rate in rates))
    assert field.shape == (reached, reached)
    for along in (field.any(axis=0), field.any(axis=1)):
        assert along.sum() == read
        assert np.array_equal(along, along[::-1])
    assert np.array_equal(field, field.any(axis=1)[:, None] & field.any(axis=0))


def test_the_axes_are_apart_and_a_stride_widens_what_follows():
    columns = receptive_field(((3, 1), 1, (2, 5)), ((2, 1), 1, 1))
    rows = receptive_field(((1, 3), 1, (5, 2)), ((1, 2), 1, 1))
    assert columns.shape == (6, 1)
    assert np.array_equal(columns, rows.T)
    assert receptive_field(((3, 2), (2, 1), 1), ((2, 3), 1, (1, 2))).shape == (5, 6)
    assert list(receptive_field((1, (3, 1), 1), ((2, 1), 1, 1))[:, 0]) == [True, False, False, True]  # read 3 apart
    assert receptive_field((3, 2, 1), (3, 2, 1), (3, 1, 1)).shape == (15, 15)


@pytest.mark.parametrize("layers", [((3, 1, 2), (3, 1, 2)), (((3, 2), (2, 1), (1, 2)), ((2, 3), (1, 2), (2, 1)))])
def test_a_field_is_where_one_output_has_a_gradient(layers):
    field = receptive_field(*layers)
    maps = [np.ones((1, *field.shape, 1))]
    stack = [(np.ones((*npconv.kernels.arguments.pair("", "", size), 1, 1)), {"stride": stride, "dilation": dilation})
             for size, stride, dilation in layers]  # fmt: skip
    for kernel, geometry in stack:
        maps.append(npconv.conv2d(maps[-1], kernel, **geometry))
    assert maps[-1].shape == (1, 1, 1, 1)
    dy = np.ones((1, 1, 1, 1))
    for x, (kernel, geometry) in zip(maps[-2::-1], stack[::-1], strict=True):
        dy, _ = npconv.conv2d_backward(dy, x, kernel, **geometry)
    assert np.array_equal(dy[0, :, :, 0] > 0, field)


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ((), ValueError, "layers must be one or more; got none"),
        ((3,), TypeError, r"each of layers must be \(kernel_size, stride, dilation\); got 3"),
        (((3, 1),), TypeError, r"each of layers must be \(kernel_size, stride, dilation\); got \(3, 1\)"),
        (((3, 1, 0),), ValueError, "dilation must be at least 1; got 0"),
        (((3, 1, 1), (0, 1, 1)), ValueError, "kernel_size must be at least 1; got 0"),
        (((3, (1, 2, 3), 1),), ValueError, "stride must be an int or a pair of ints"),
        (((3, 1.0, 1),), TypeError, "stride must be an int or a pair of ints"),
        (((300, 1, 1),), ValueError, r"layers must reach over at most 20,000 positions; they do over \(300, 300\)"),
        (((60, 1, 1), (60, 1, 1)), ValueError, "the sums must have at most 2,000,000 terms"),
    ],
)
def test_a_field_that_is_none_is_refused(layers, error, message):
    with pytest.raises(error, match=f"^receptive_field: {message}"):
        receptive_field(*layers)
    assert receptive_field((2, 1, 1)).all()  # and what is asked for next is right


@pytest.mark.parametrize(("groups", "n"), [(2, 2), (2, 3), (3, 2), (3, 3), (4, 4)])
def test_two_grouped_layers_reach_every_group_only_with_a_shuffle_between_them(groups, n):
    """Of the g² pairs of groups g² − g stay apart without one; with one none does, where n is a multiple of g."""
    kernel = np.ones((1, 1, n, groups * n))

    def pairs(layer):
        stack = lambda x: npconv.grouped_conv2d(layer(x, kernel, groups=groups), kernel, groups=groups)  # noqa: E731
        return channels_read(stack, (1, 1, 1, groups * n)).reshape(groups, n, groups, n).any(axis=(1, 3))

    apart = pairs(npconv.grouped_conv2d)
    assert np.array_equal(apart, np.eye(groups, dtype=bool))
    assert (~apart).sum() == groups**2 - groups
    shuffled = pairs(npconv.shuffled_grouped_conv2d)
    assert shuffled.all() == (n >= groups)
    assert (shuffled.sum(axis=1) == min(n, groups)).all()


def test_a_channel_is_read_wherever_it_is():
    kernel = np.ones((3, 2, 2))
    for geometry in ({"padding": "same"}, {"stride": 2}):  # with a stride some positions are left out
        read = channels_read(lambda x, geometry=geometry: npconv.depthwise_conv2d(x, kernel, **geometry), (2, 4, 3, 2))
        assert np.array_equal(read, np.eye(2, dtype=bool))
    flat = channels_read(lambda x: npconv.pointwise_conv2d(x, np.array([[1.0, 0], [1, 2], [0, 3]])), (1, 1, 2, 3))
    assert np.array_equal(flat, [[True, True, False], [False, True, True]])
    with pytest.raises(ValueError, match=r"^channels_read: shape must have at most 20,000 numbers"):
        channels_read(lambda x: x, (1, 100, 100, 3))
