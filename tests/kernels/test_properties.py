"""What holds for all convolutions, on geometry that hypothesis constructs."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import npconv
from npconv.checks import OPERATIONS, check_adjoint, check_backward, rounding_bound
from npconv.checks.strategies import convolutions, seeds

RUNGS = (npconv.conv2d_loops, npconv.conv2d_per_channel, npconv.conv2d_taps, npconv.conv2d_im2col, npconv.conv2d)
BACKWARD_RUNGS = (
    npconv.conv2d_backward_loops,
    npconv.conv2d_backward_taps,
    npconv.conv2d_backward_im2col,
    npconv.conv2d_backward,
)
COMPOSED = {"spatially_separable_conv2d", "flattened_conv2d", "shuffled_grouped_conv2d", "conv3d"}


def of_every_operation(check):
    """A test of check(operation, case, seed); where others do the operation's work, it is searched a fifth as long."""

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test(operation):
        @settings(max_examples=settings.default.max_examples // (5 if operation in COMPOSED else 1))
        @given(convolutions(operation), seeds())
        def search(case, seed):
            check(operation, case, seed)

        search()

    return test


@given(convolutions(), seeds(), st.sampled_from(["float32", "float64", "int16", "complex128", "object"]))
def test_every_rung_equals_every_other(case, seed, dtype):
    x, kernel = case.arrays(seed, dtype)
    dy = case.upstream(seed, dtype)
    expected, *others = [rung(x, kernel, **case.geometry) for rung in RUNGS]
    for other in others:
        assert other.dtype == dtype
        assert np.array_equal(other, expected)
    expected, *others = [rung(dy, x, kernel, **case.geometry) for rung in BACKWARD_RUNGS]
    for other in others:
        assert all(map(np.array_equal, other, expected))


@given(convolutions("depthwise_separable_conv2d"), seeds())
def test_depthwise_plus_pointwise_is_the_factored_convolution(case, seed):
    x, depthwise, pointwise = case.arrays(seed)
    dy, q = case.upstream(seed), depthwise.shape[2] // x.shape[3]
    kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=q)
    two_steps = npconv.pointwise_conv2d(npconv.depthwise_conv2d(x, depthwise, **case.geometry), pointwise)
    assert np.array_equal(two_steps, npconv.conv2d(x, kernel, **case.geometry))
    assert np.array_equal(two_steps, npconv.depthwise_separable_conv2d(x, depthwise, pointwise, **case.geometry))
    dx, dkernel = npconv.conv2d_backward(dy, x, kernel, **case.geometry)
    pulled = npconv.factored_kernel_backward(dkernel, depthwise, pointwise, depth_multiplier=q)
    gradients = npconv.depthwise_separable_conv2d_backward(dy, x, depthwise, pointwise, **case.geometry)
    assert all(map(np.array_equal, gradients, (dx, *pulled)))


@of_every_operation
def test_backward_is_the_adjoint_and_the_gradient(operation, case, seed):
    forward, backward = OPERATIONS[operation]
    arrays = case.arrays(seed)
    check_adjoint(forward, backward, *arrays, seed=seed, **case.geometry)
    check_backward(forward, backward, *arrays, seed=seed, **case.geometry)


@of_every_operation
def test_gradients_of_complex_numbers_are_transposed_and_never_conjugated(operation, case, seed):
    forward, backward = OPERATIONS[operation]
    arrays, others = (
        [a + 1j * b for a, b in zip(case.arrays(seed + n), case.arrays(seed + n + 2), strict=True)] for n in (0, 1)
    )
    dy = case.upstream(seed) + 1j * case.upstream(seed + 1)
    for i, gradient in enumerate(backward(dy, *arrays, **case.geometry)):
        moved = forward(*[others[j] if j == i else a for j, a in enumerate(arrays)], **case.geometry)
        assert (dy * moved).sum() == (gradient * others[i]).sum()


@of_every_operation
def test_it_is_linear_in_each_array(operation, case, seed):
    forward, _ = OPERATIONS[operation]
    arrays, others = case.arrays(seed), case.arrays(seed + 1)
    for i in range(len(arrays)):
        replaced = [others[j] if j == i else a for j, a in enumerate(arrays)]
        summed = [2 * arrays[j] - 3 * others[j] if j == i else a for j, a in enumerate(arrays)]
        left = forward(*summed, **case.geometry)
        right = 2 * forward(*arrays, **case.geometry) - 3 * forward(*replaced, **case.geometry)
        assert np.array_equal(left, right)


@of_every_operation
def test_a_batch_equals_its_slices(operation, case, seed):
    forward, backward = OPERATIONS[operation]
    (x, *kernels), dy = case.arrays(seed), case.upstream(seed)
    y = forward(x, *kernels, **case.geometry)
    gradients = backward(dy, x, *kernels, **case.geometry)
    singles = [slice(b, b + 1) for b in range(len(x))]
    assert np.array_equal(y, np.concatenate([forward(x[b], *kernels, **case.geometry) for b in singles]))
    parts = [backward(dy[b], x[b], *kernels, **case.geometry) for b in singles]
    assert np.array_equal(gradients[0], np.concatenate([dx for dx, *_ in parts]))
    for gradient, *shares in zip(gradients[1:], *(rest for _, *rest in parts), strict=True):
        assert np.array_equal(gradient, sum(shares))


@given(convolutions(), seeds())
def test_float32_stays_within_the_rounding_bound_in_any_order(case, seed):
    rng = np.random.default_rng(seed)
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in case.shapes.values())
    exact = npconv.conv2d(x.astype(np.float64), kernel.astype(np.float64), **case.geometry)
    bound = rounding_bound(x, kernel, **case.geometry)
    for rung in RUNGS:
        assert np.all(np.abs(rung(x, kernel, **case.geometry) - exact) <= bound)
    whole = npconv.conv2d(x, kernel, **case.geometry)
    slices = np.concatenate([npconv.conv2d(x[b : b + 1], kernel, **case.geometry) for b in range(len(x))])
    assert np.all(np.abs(whole - slices) <= 2 * bound)


@given(convolutions("depthwise_conv2d"), seeds(), st.integers(1, 2), st.integers(1, 2))
def test_shifting_the_input_by_the_stride_shifts_the_output(case, seed, down, right):
    x, kernel = case.arrays(seed)
    stride, dilation = case.geometry["stride"], case.geometry["dilation"]
    rows, columns = stride if isinstance(stride, tuple) else (stride, stride)
    geometry = {"stride": stride, "dilation": dilation}
    wide = np.pad(x, ((0, 0), (9, 9), (9, 9), (0, 0)))  # a frame of zeros: what is compared never touches an edge
    moved = np.roll(wide, (down * rows, right * columns), axis=(1, 2))
    y = npconv.depthwise_conv2d(wide, kernel, **geometry)
    y_moved = npconv.depthwise_conv2d(moved, kernel, **geometry)
    assert np.array_equal(y_moved[:, down:, right:], y[:, : y.shape[1] - down, : y.shape[2] - right])


@given(convolutions("grouped_conv2d"), seeds())
def test_the_ends_of_grouped_are_standard_and_depthwise(case, seed):
    geometry = {name: value for name, value in case.geometry.items() if name != "groups"}
    x, kernel = case.arrays(seed)
    rng = np.random.default_rng(seed)
    standard = rng.integers(-4, 5, (*kernel.shape[:2], x.shape[3], 2)).astype(float)
    one = npconv.grouped_conv2d(x, standard, groups=1, **geometry)
    assert np.array_equal(one, npconv.conv2d(x, standard, **geometry))
    depthwise = rng.integers(-4, 5, (*kernel.shape[:2], 2 * x.shape[3])).astype(float)
    every = npconv.grouped_conv2d(x, depthwise[:, :, None, :], groups=x.shape[3], **geometry)
    assert np.array_equal(every, npconv.depthwise_conv2d(x, depthwise, **geometry))


@of_every_operation
def test_no_argument_is_changed_and_any_memory_layout_will_do(operation, case, seed):
    forward, backward = OPERATIONS[operation]
    arrays, dy = case.arrays(seed), case.upstream(seed)
    expected, gradients = forward(*arrays, **case.geometry), backward(dy, *arrays, **case.geometry)
    for layout in (_fortran, _strided, _reversed, _read_only):
        others, other_dy = [layout(a) for a in arrays], layout(dy)
        before = [a.copy() for a in (other_dy, *others)]
        assert np.array_equal(forward(*others, **case.geometry), expected)
        assert all(map(np.array_equal, backward(other_dy, *others, **case.geometry), gradients))
        assert all(map(np.array_equal, (other_dy, *others), before))


@of_every_operation
def test_results_share_no_memory_with_arguments(operation, case, seed):
    forward, backward = OPERATIONS[operation]
    arrays, dy = case.arrays(seed), case.upstream(seed)
    for result in (forward(*arrays, **case.geometry), *backward(dy, *arrays, **case.geometry)):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, a) for a in (dy, *arrays))


def _fortran(a):
    return np.asfortranarray(a)


def _strided(a):
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), 99, a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def _reversed(a):
    return a[::-1, ..., ::-1].copy()[::-1, ..., ::-1]


def _read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a
