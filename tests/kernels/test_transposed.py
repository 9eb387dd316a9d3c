"""The transposed convolution and resizing: Bai's numbers, conv2d's adjoint, and what other libraries return."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

import npconv
from npconv.checks import check_adjoint, prove_equal
from npconv.checks.strategies import convolutions, seeds
from npconv.cost import conv2d_cost, count_operations, resize_bilinear_cost, transposed_conv2d_cost

X = np.arange(1.0, 5).reshape(1, 2, 2, 1)
KERNEL = np.arange(1.0, 10).reshape(3, 3, 1, 1)
BOTH = [npconv.transposed_conv2d, npconv.transposed_conv2d_loops]
ALIGNMENTS = ("half_pixel", "corners", "origin")


@pytest.mark.parametrize("transposed", BOTH)
@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ({}, [[1, 4, 7, 6], [7, 23, 33, 24], [19, 53, 63, 42], [21, 52, 59, 36]]),
        ({"stride": 2},
         [[1, 2, 5, 4, 6], [4, 5, 14, 10, 12], [10, 14, 36, 24, 30], [12, 15, 34, 20, 24], [21, 24, 55, 32, 36]]),
        ({"stride": 2, "padding": 1}, [[5, 14, 10], [14, 36, 24], [15, 34, 20]]),
        ({"stride": 2, "padding": 1, "output_padding": 1},
         [[5, 14, 10, 12], [14, 36, 24, 30], [15, 34, 20, 24], [24, 55, 32, 36]]),
        ({"stride": 2, "padding": "same"}, [[1, 2, 5, 4], [4, 5, 14, 10], [10, 14, 36, 24], [12, 15, 34, 20]]),
    ],
)  # fmt: skip
def test_bais_two_by_two_map_becomes_larger(transposed, geometry, expected):
    assert transposed(X, KERNEL, **geometry)[0, :, :, 0].tolist() == expected


@pytest.mark.parametrize("transposed", BOTH)
def test_dilation_moves_the_taps_apart(transposed):
    assert transposed(X, KERNEL, dilation=2)[0, 0, :, 0].tolist() == [1, 2, 2, 4, 3, 6]


def test_bais_matrix_is_transposed_and_not_inverted():
    """C, 4×16, takes a 4×4 map to 2×2, and its transpose takes a 2×2 map back to 4×4, to other numbers."""
    maps = np.eye(16).reshape(16, 4, 4, 1)
    matrix = npconv.conv2d(maps, KERNEL).reshape(16, 4).T
    assert (matrix.shape, np.count_nonzero(matrix), np.linalg.matrix_rank(matrix)) == ((4, 16), 36, 4)
    back = npconv.transposed_conv2d(X, KERNEL)
    assert np.array_equal(matrix.T @ X.ravel(), back.ravel())
    assert npconv.conv2d(back, KERNEL).ravel().tolist() == [1495, 1690, 1965, 2100]


def test_stuffing_x_with_zeros_costs_six_times_as_many_products():
    counted = count_operations(npconv.transposed_conv2d, X, KERNEL, stride=2)
    assert (counted.multiplications, counted.zero_multiplications) == (36, 0)
    stuffed = np.zeros((1, 7, 7, 1))
    stuffed[:, 2:5:2, 2:5:2] = X
    turned = KERNEL[::-1, ::-1]
    assert np.array_equal(npconv.conv2d(stuffed, turned), npconv.transposed_conv2d(X, KERNEL, stride=2))
    assert count_operations(npconv.conv2d, stuffed, turned).multiplications == 225
    assert npconv.conv2d(np.sign(stuffed), np.ones((3, 3, 1, 1))).sum() == 36  # those that are not with a zero


def conv2d_adjoint(x, kernel, *, output_padding=0, stride=1, padding="valid", dilation=1):
    """conv2d's dx where output_padding is below the stride, for any x of its output's size."""
    like = npconv.transposed_conv2d(
        x, kernel, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
    )
    return npconv.conv2d_backward_taps(x, 0 * like, kernel, stride=stride, padding=padding, dilation=dilation)[0]


GEOMETRIES = [
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"stride": (3, 2), "padding": "same"},
    {"stride": (3, 1), "padding": ((0, 2), (1, 0)), "output_padding": (2, 0), "dilation": (1, 2)},
    {"dilation": 2},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_it_is_the_adjoint_of_conv2d_for_all_numbers(geometry):
    shapes = (2, 3, 4, 3), (3, 2, 2, 3)
    assert prove_equal(npconv.transposed_conv2d, conv2d_adjoint, *shapes, **geometry).equal
    assert prove_equal(npconv.transposed_conv2d, npconv.transposed_conv2d_loops, *shapes, **geometry).equal
    ones = [np.ones(shape) for shape in shapes]
    assert check_adjoint(npconv.transposed_conv2d, npconv.transposed_conv2d_backward, *ones, **geometry).bound < 2**-40


@given(convolutions("transposed_conv2d"), seeds())
def test_forward_and_backward_are_conv2d_s_the_other_way_round(case, seed):
    (x, kernel), dy = case.arrays(seed), case.upstream(seed)
    geometry = {name: value for name, value in case.geometry.items() if name != "output_padding"}
    dx, dkernel = npconv.conv2d_backward(x, dy, kernel, **geometry)
    assert np.array_equal(npconv.transposed_conv2d(x, kernel, **case.geometry), dx)
    gradients = npconv.transposed_conv2d_backward(dy, x, kernel, **case.geometry)
    assert np.array_equal(gradients[0], npconv.conv2d(dy, kernel, **geometry))
    assert np.array_equal(gradients[1], dkernel)


def test_an_output_padding_not_below_the_stride_is_no_convolution_s_adjoint():
    """It makes a map from which a convolution returns one position more than x has."""
    y = npconv.transposed_conv2d(X, KERNEL, dilation=3, output_padding=2)
    assert y.shape == (1, 10, 10, 1)
    assert npconv.conv2d(y, KERNEL, dilation=3).shape == (1, 4, 4, 1)
    assert np.array_equal(y[:, :8, :8], npconv.transposed_conv2d(X, KERNEL, dilation=3))
    assert not y[:, 8:].any()
    check_adjoint(npconv.transposed_conv2d, npconv.transposed_conv2d_backward, X, KERNEL, dilation=3, output_padding=2)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(1, 6), st.integers(0, 4))
def test_overlaps_are_the_transposed_convolution_of_ones(kernel_size, stride, inputs, rest):
    outputs = (inputs - 1) * stride + kernel_size + rest % stride
    counts = npconv.overlap_counts(kernel_size, stride, outputs)
    row = npconv.transposed_conv2d(
        np.ones((1, 1, inputs, 1), int), np.ones((1, kernel_size, 1, 1), int), stride=(1, stride),
        output_padding=(0, rest % stride),
    )  # fmt: skip
    assert np.array_equal(counts, row.ravel())
    square = npconv.transposed_conv2d(
        np.ones((1, inputs, inputs, 1), int), np.ones((kernel_size, kernel_size, 1, 1), int), stride=stride,
        output_padding=rest % stride,
    )  # fmt: skip
    assert np.array_equal(np.outer(counts, counts), square[0, :, :, 0])


def test_overlaps_are_even_inside_exactly_where_the_stride_divides_the_kernel_and_never_at_the_border():
    facts = {(2, 2): {1}, (3, 2): {1, 2}, (4, 2): {2}, (5, 2): {2, 3}, (3, 3): {1}, (5, 3): {1, 2}, (6, 3): {2},
             (4, 4): {1}, (6, 4): {1, 2}, (8, 4): {2}}  # fmt: skip
    for k, s in itertools.product(range(1, 9), range(1, 5)):
        outputs = 9 * s + k
        counts = npconv.overlap_counts(k, s, outputs)
        inside = set(counts[k : outputs - k].tolist())
        assert inside == {n for n in (k // s, -(-k // s)) if k % s or n == k // s}
        assert (len(inside) == 1) == (k % s == 0)
        assert facts.get((k, s), inside) == inside
        assert k <= s or counts[0] < max(inside)
    assert npconv.overlap_counts(4, 2, 10).tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]


KERAS = {  # by Keras 3.15.1: conv_transpose, padding "same", of 1…6 in two rows with a kernel of 1…k² at stride s
    (1, 1): [[1, 2, 3], [4, 5, 6]],
    (3, 1): [[26, 56, 54], [62, 119, 102]],
    (1, 2): [[1, 0, 2, 0, 3, 0], [0] * 6, [4, 0, 5, 0, 6, 0], [0] * 6],
    (2, 2): [[1, 2, 2, 4, 3, 6], [3, 4, 6, 8, 9, 12], [4, 8, 5, 10, 6, 12], [12, 16, 15, 20, 18, 24]],
    (3, 2): [[1, 2, 5, 4, 9, 6], [4, 5, 14, 10, 24, 15], [11, 16, 40, 26, 60, 36], [16, 20, 44, 25, 54, 30]],
    (4, 2): [[6, 17, 20, 29, 34, 21], [18, 46, 58, 70, 86, 51],
             [38, 94, 106, 134, 150, 87], [40, 89, 98, 109, 120, 66]],
    (2, 3): [[1, 2, 0, 2, 4, 0, 3, 6, 0], [3, 4, 0, 6, 8, 0, 9, 12, 0], [0] * 9,
             [4, 8, 0, 5, 10, 0, 6, 12, 0], [12, 16, 0, 15, 20, 0, 18, 24, 0], [0] * 9],
}  # fmt: skip


@pytest.mark.parametrize(("size", "stride"), KERAS)
def test_same_is_what_keras_computed(size, stride):
    x, kernel = np.arange(1, 7).reshape(1, 2, 3, 1), np.arange(1, size**2 + 1).reshape(size, size, 1, 1)
    y = npconv.transposed_conv2d(x, kernel, stride=stride, padding="same")
    assert y[0, :, :, 0].tolist() == KERAS[size, stride]
    assert np.array_equal(y, npconv.conv2d_backward(x, 0 * y, kernel, stride=stride, padding="same")[0])


RESIZED = {  # of 1 2 4 above 3 5 9 to 4×5, and backward of 0…19
    "half_pixel": ([[1, 1.4, 2, 3.2, 4], [1.5, 2, 2.75, 4.25, 5.25],
                    [2.5, 3.2, 4.25, 6.35, 7.75], [3, 3.8, 5, 7.4, 9]],
                   [[11.2, 18.45, 21.6], [39.2, 49.95, 49.6]]),
    "corners": ([[1, 1.5, 2, 3, 4], [5 / 3, 7 / 3, 3, 13 / 3, 17 / 3],
                 [7 / 3, 19 / 6, 4, 17 / 3, 22 / 3], [3, 4, 5, 7, 9]],
                [[11, 64 / 3, 21], [36, 164 / 3, 46]]),
    "origin": ([[1, 1.6, 2.4, 3.6, 4], [2, 2.9, 4.1, 5.9, 6.5], [3, 4.2, 5.8, 8.2, 9], [3, 4.2, 5.8, 8.2, 9]],
               [[4.1, 8.2, 15.2], [39.5, 51, 72]]),
}  # fmt: skip


@pytest.mark.parametrize("align", RESIZED)
def test_resizing_gives_the_numbers_of_its_definition(align):
    """Those of torch, TensorFlow 1 and 2, and onnxruntime."""
    x, (expected, dx) = np.array([[1.0, 2, 4], [3, 5, 9]]).reshape(1, 2, 3, 1), RESIZED[align]
    np.testing.assert_allclose(npconv.resize_bilinear(x, (4, 5), align=align)[0, :, :, 0], expected)
    dy = np.arange(20.0).reshape(1, 4, 5, 1)
    np.testing.assert_allclose(npconv.resize_bilinear_backward(dy, x, (4, 5), align=align)[0, :, :, 0], dx)


@pytest.mark.parametrize(("align", "size"), [("half_pixel", (4, 6)), ("corners", (3, 5)), ("origin", (4, 6))])
def test_backward_is_forward_s_adjoint(align, size):
    """Where the weights are quarters and halves, so that 16 times as much are whole numbers."""

    def forward(x):
        return 16 * npconv.resize_bilinear(x, size, align=align)

    def backward(dy, x):
        return 16 * npconv.resize_bilinear_backward(dy, x, size, align=align)

    assert check_adjoint(forward, backward, np.ones((2, 2, 3, 2))).bound < 2**-40


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_weights_sum_to_1_and_a_kept_size_keeps_the_map(align):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 2))
    for size in ((1, 1), (2, 7), (9, 3)):
        np.testing.assert_allclose(npconv.resize_bilinear(np.ones_like(x), size, align=align), 1)
    np.testing.assert_array_equal(npconv.resize_bilinear(x, (3, 4), align=align), x)
    constant = npconv.resize_bilinear(x[:, :1, :1], (5, 2), align=align)
    assert np.array_equal(constant, np.tile(x[:, :1, :1], (1, 5, 2, 1)))


@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_reaches_its_channel_and_no_other(align, value):
    x = np.ones((2, 4, 5, 2))
    x[1, 2, 3, 0] = value
    with np.errstate(invalid="ignore"):
        y = npconv.resize_bilinear(x, (7, 9), align=align)
        dx = npconv.resize_bilinear_backward(y, x, (7, 9), align=align)
    for result in (y, dx):
        assert not np.isfinite(result[1, ..., 0]).any()
        assert np.isfinite(result[0]).all()
        assert np.isfinite(result[..., 1]).all()


def test_resizing_has_the_floats_of_x_and_float64_of_integers():
    for dtype in (np.float16, np.float32, np.float64, np.longdouble, np.complex64):
        x = np.array([0, 1], dtype).reshape(1, 1, 2, 1)
        y = npconv.resize_bilinear(x, (1, 4))
        assert y.dtype == dtype
        assert y.ravel().tolist() == [0, 0.25, 0.75, 1]
        assert npconv.resize_bilinear_backward(y, x, (1, 4)).dtype == dtype
    assert npconv.resize_bilinear(np.array([0, 1], np.int8).reshape(1, 1, 2, 1), (1, 4)).dtype == np.float64
    assert (
        npconv.resize_bilinear(np.array([0, 3], np.float32).reshape(1, 1, 2, 1), 3, align="corners").dtype == np.float32
    )


def test_shrinking_averages_nothing():
    x = np.array([0.0, 0, 0, 8]).reshape(1, 1, 4, 1)
    assert npconv.resize_bilinear(x, (1, 2)).ravel().tolist() == [0, 4]


def test_resizing_costs_two_full_matrices():
    x = np.ones((2, 3, 4, 2))
    for size in ((5, 7), (1, 2), 3):
        expected = resize_bilinear_cost(x.shape, size)
        counted = count_operations(npconv.resize_bilinear, x, size=size)
        assert (counted.multiplications, counted.additions) == (expected.macs, expected.additions)
        assert counted.result.shape == expected.output_shape
        back = count_operations(npconv.resize_bilinear_backward, counted.result, x, size=size)
        assert back.multiplications == expected.macs
    counted = count_operations(npconv.resize_bilinear, np.ones((1, 2, 2, 1)), size=(4, 4))
    assert (counted.multiplications, counted.zero_multiplications) == (48, 12)  # of weights that are 0


def test_the_cost_of_a_transposed_convolution_is_that_of_the_convolution_back():
    cost = transposed_conv2d_cost((2, 5, 4, 3), (3, 2, 6, 3), stride=(2, 3), bias=True)
    assert cost.macs == conv2d_cost(cost.output_shape, (3, 2, 6, 3), stride=(2, 3)).macs
    assert cost.params == 3 * 2 * 6 * 3 + 6
    assert transposed_conv2d_cost((1, 10**6, 1, 1), (10**6, 1, 1, 1), stride=(7, 1), dilation=(3, 1)).additions > 0


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ({"stride": 2, "output_padding": 2}, "output_padding must be below stride 2 or dilation 1; got 2"),
        ({"stride": (2, 1), "output_padding": 1}, "output_padding must be below stride (2, 1) or dilation 1"),
        ({"padding": "same", "stride": 2, "output_padding": 1}, "output_padding must be 0 where padding is 'same'"),
        ({"padding": 2}, "padding must leave some output; 2 leaves 0 of 4 along the height"),
        ({"padding": ((0, 0), (3, 2))}, "; ((0, 0), (3, 2)) leaves -1 of 4 along the width"),
        ({"stride": 2**62}, "the output before padding crops it must have at most"),
    ],
)  # fmt: skip
def test_a_geometry_that_cannot_be_is_refused_with_its_shapes(geometry, message):
    for call in (*BOTH, lambda x, kernel, **geometry: npconv.transposed_conv2d_backward(x, x, kernel, **geometry)):
        with pytest.raises(ValueError, match=re.escape(message)) as raised:
            call(X, KERNEL, **geometry)
        assert str(raised.value).endswith("x (1, 2, 2, 1), kernel (3, 3, 1, 1)")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, 2, 2), ValueError, "overlap_counts: outputs must be at least kernel_size = 3; got 2"),
        ((0, 2, 9), ValueError, "overlap_counts: kernel_size must be at least 1; got 0"),
        ((3, 0, 9), ValueError, "overlap_counts: stride must be at least 1; got 0"),
        ((3, 2, 2**62), ValueError, "overlap_counts: outputs must be at most"),
        (((3, 3), 2, 9), TypeError, "overlap_counts: kernel_size must be an int; got (3, 3)"),
        ((3, True, 9), TypeError, "overlap_counts: stride must be an int; got True"),
        ((3, 2, 9.0), TypeError, "overlap_counts: outputs must be an int; got 9.0"),
    ],
)
def test_counts_of_no_numbers_are_refused(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        npconv.overlap_counts(*arguments)


def test_a_size_that_no_memory_holds_is_refused():
    with pytest.raises(ValueError, match="resize_bilinear: size must keep the output and the weights within"):
        npconv.resize_bilinear(X, (2**40, 2**40))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("align", "corners"), [("half_pixel", False), ("corners", True)])
def test_resizing_equals_torch_live(align, corners):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for inputs, size in itertools.product(((1, 4), (5, 3), (7, 2)), ((1, 1), (2, 9), (8, 3), (1, 6))):
        x = rng.standard_normal((2, *inputs, 3))
        tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
        y = torch.nn.functional.interpolate(tensor, size, mode="bilinear", align_corners=corners)
        dy = rng.standard_normal((2, *size, 3))
        y.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
        result = npconv.resize_bilinear(x, size, align=align)
        np.testing.assert_allclose(result, y.detach().numpy().transpose(0, 2, 3, 1), atol=1e-12)
        dx = npconv.resize_bilinear_backward(dy, x, size, align=align)
        np.testing.assert_allclose(dx, tensor.grad.numpy().transpose(0, 2, 3, 1), atol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_output_padding_up_to_the_dilation_equals_torch_live():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    for padding, rest in itertools.product(range(3), range(4)):
        x, kernel = rng.integers(-4, 5, (2, 3, 2, 3)).astype(float), rng.integers(-4, 5, (2, 3, 4, 3)).astype(float)
        options = {"stride": (1, 2), "padding": padding, "output_padding": rest, "dilation": 4}
        y = torch.nn.functional.conv_transpose2d(
            torch.tensor(x.transpose(0, 3, 1, 2)), torch.tensor(kernel.transpose(3, 2, 0, 1)), **options
        )
        assert np.array_equal(npconv.transposed_conv2d(x, kernel, **options), y.numpy().transpose(0, 2, 3, 1))
