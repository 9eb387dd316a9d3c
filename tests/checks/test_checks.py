"""The checks catch what they are for, say what they caught, and let what is right pass."""

import random

import numpy as np
import pytest
from hypothesis import given

import npconv
from npconv.checks import check_adjoint, check_backward, convolution_case, explain, make_vectors, rounding_bound
from npconv.checks.strategies import convolutions

RNG = np.random.default_rng(0)
X, KERNEL = RNG.standard_normal((2, 5, 6, 3)), RNG.standard_normal((2, 3, 3, 4))


def wrong(change):
    """conv2d_backward with a mistake in it."""

    def backward(dy, x, kernel, **geometry):
        return change(*npconv.conv2d_backward(dy, x, kernel, **geometry))

    return backward


MISTAKES = {
    "the gradient of kernel is wrong: at [1, 2, 0, 3]": lambda dx, dk: (dx, dk + np.eye(4)[3] * (np.indices((2, 3, 3)) == np.array([1, 2, 0])[:, None, None, None]).all(0)[..., None]),
    "the gradient of x is wrong: at": lambda dx, dk: (2 * dx, dk),
    "returned 1 gradients for 2 arrays": lambda dx, dk: dx,
    "gradient 0 must have the shape (2, 5, 6, 3); got (2, 5, 6)": lambda dx, dk: (dx[..., 0], dk),
    "gradient 1 must have the shape (2, 3, 3, 4); got None": lambda dx, dk: (dx, None),
}  # fmt: skip


@pytest.mark.parametrize("message", MISTAKES)
@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_wrong_gradient_is_found_and_placed(message, method):
    with pytest.raises(AssertionError) as raised:
        check_backward(npconv.conv2d, wrong(MISTAKES[message]), X, KERNEL, method=method, padding=1)
    assert message in str(raised.value)
    if "wrong" in message:
        assert "conv2d: x (2, 5, 6, 3), kernel (2, 3, 3, 4), padding=1" in str(raised.value)


def test_a_changed_argument_is_found():
    def backward(dy, x, kernel):
        gradients = npconv.conv2d_backward(dy, x, kernel)
        x += 1
        return gradients

    with pytest.raises(AssertionError, match="backward changed its argument 0"):
        check_backward(npconv.conv2d, backward, X, KERNEL)


def test_a_forward_that_drops_the_complex_step_is_told_so():
    def forward(x, kernel):
        y = np.empty((2, 4, 4, 4))
        y[...] = npconv.conv2d(x, kernel)
        return y

    with pytest.raises(TypeError, match="drops the complex step"):
        check_backward(forward, npconv.conv2d_backward, X, KERNEL)
    with pytest.raises(TypeError, match="its result is real"):
        check_backward(lambda x, k: npconv.conv2d(x.real, k.real), npconv.conv2d_backward, X, KERNEL)
    check_backward(forward, npconv.conv2d_backward, X, KERNEL, method="central")


def test_bad_arguments_of_the_checks():
    with pytest.raises(ValueError, match="method must be 'complex' or 'central'; got 'forward'"):
        check_backward(npconv.relu, npconv.relu_backward, X, method="forward")
    with pytest.raises(TypeError, match=r"check_backward: arrays must be numpy\.ndarray or None; got list"):
        check_backward(npconv.relu, npconv.relu_backward, [1.0])
    with pytest.raises(ValueError, match="at least one array of floats"):
        check_backward(npconv.conv2d, npconv.conv2d_backward, X.astype(int), KERNEL.astype(int))


def test_whole_numbers_and_none_are_held_fixed():
    logits, labels = RNG.standard_normal((3, 4)), np.array([0, 3, 1])
    check_backward(
        npconv.softmax_cross_entropy, npconv.softmax_cross_entropy_backward, logits, labels, method="central"
    )
    depthwise, project = RNG.standard_normal((3, 3, 3)), RNG.standard_normal((3, 3))
    check_backward(npconv.inverted_residual, npconv.inverted_residual_backward, X, None, depthwise, project)


def test_the_adjoint_of_a_sum_of_products_is_exact():
    check_adjoint(npconv.conv2d, npconv.conv2d_backward, X, KERNEL, stride=(2, 1), padding="same")
    with pytest.raises(AssertionError, match="the gradient of kernel is not the adjoint: ⟨dy, forward⟩ = "):
        check_adjoint(npconv.conv2d, wrong(lambda dx, dk: (dx, dk[::-1])), X, KERNEL)
    with pytest.raises(AssertionError, match="relu is not linear in x"):
        check_adjoint(npconv.relu, npconv.relu_backward, X)


def test_the_rounding_bound_bounds_and_is_not_slack():
    x, kernel = (a.astype(np.float32) for a in (X, KERNEL))
    bound = rounding_bound(x, kernel, padding=1)
    exact = npconv.conv2d(x.astype(float), kernel.astype(float), padding=1)
    assert np.all(np.abs(npconv.conv2d_loops(x, kernel, padding=1) - exact) <= bound)
    assert bound.max() < 1e-4
    worst = np.full((1, 1, 1, 1), 1, np.float32), np.full((1, 1, 1, 1), 1 / 3, np.float32)
    assert 0 < rounding_bound(*worst).item() < 1e-7
    with pytest.raises(TypeError, match="rounding_bound: kernel must be an ndarray of real floats; got dtype int64"):
        rounding_bound(x, KERNEL.astype(int))
    with pytest.raises(ValueError, match="sums of 2592 products in float16 have no bound"):
        rounding_bound(np.ones((1, 9, 9, 32), np.float16), np.ones((9, 9, 32, 1), np.float16))


@given(convolutions())
def test_cases_tell_height_from_width_and_m_from_n(case):
    (batch, height, width, m), (*_, n) = case.shapes["x"], case.shapes["kernel"]
    assert batch > 1
    assert height != width
    assert m != n


def test_cases_reach_every_kind_of_geometry():
    source = random.Random(0)
    seen = set()
    for _ in range(600):
        geometry = convolution_case(source.randint).geometry
        strides = np.broadcast_to(geometry["stride"], 2)
        seen |= {("padding", str(np.shape(geometry["padding"]) or type(geometry["padding"]).__name__))}
        seen |= {("unequal strides", bool(strides[0] != strides[1]))}
        seen |= {("stride and dilation", bool(max(strides) > 1 and np.max(geometry["dilation"]) > 1))}
    assert len([kind for kind in seen if kind[0] == "padding"]) == 4  # a word, a number, a pair, a pair of pairs
    assert {("unequal strides", True), ("stride and dilation", True)} <= seen
    with pytest.raises(ValueError, match="operation must be one of conv2d, "):
        convolution_case(source.randint, "conv3d")


def test_explain_writes_what_the_kernel_computes():
    x, kernel = np.array([[[[1.0], [-2.0]], [[3.0], [4.0]]]]), np.array([[[[5.0, 0.0]], [[1.0, 2.0]]]])
    assert (
        explain(npconv.conv2d, x, kernel, at=(0, 1, 0, 1))
        == "y[0,1,0,1] = x[0,1,0,0]·k[0,0,0,1] + x[0,1,1,0]·k[0,1,0,1]"
    )
    assert explain(npconv.conv2d, x, kernel, at=(0, 0, 0, 0), numbers=True).splitlines()[1] == (
        "           = 1·5 + (-2)·1 = 3"
    )
    dy = np.array([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert explain(npconv.conv2d_backward, dy, x, kernel, at=(0, 1, 0, 0)) == (
        "dx[0,1,0,0] = dy[0,1,0,0]·k[0,0,0,0] + dy[0,1,0,1]·k[0,0,0,1]"
    )
    dkernel = explain(npconv.conv2d_backward_taps, dy, x, kernel, at=(0, 1, 0, 1), of="dkernel")
    assert dkernel == "dk[0,1,0,1] = x[0,0,1,0]·dy[0,0,0,1] + x[0,1,1,0]·dy[0,1,0,1]"
    padded = explain(npconv.conv2d, x, kernel, at=(0, 0, 0, 0), padding=(0, 1))
    assert padded == "y[0,0,0,0] = 0·k[0,0,0,0] + x[0,0,0,0]·k[0,1,0,0]"
    separable = explain(
        npconv.depthwise_separable_conv2d, x, np.ones((1, 2, 1)), np.full((1, 1), 3.0), at=(0, 0, 0, 0), numbers=True
    )
    assert separable.endswith("= (1·1 + (-2)·1)·3 = -3")
    with pytest.raises(IndexError, match=r"at must be an index into y \(1, 2, 1, 2\); got \(0, 0, 2, 0\)"):
        explain(npconv.conv2d, x, kernel, at=(0, 0, 2, 0))
    with pytest.raises(ValueError, match=r"of must be one of \['dx', 'dkernel'\] or its position; got 'dy'"):
        explain(npconv.conv2d_backward, dy, x, kernel, at=(0, 0, 0, 0), of="dy")


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_vectors_check_another_implementation(layout):
    """An implementation written from the vectors' description alone: plain loops over explicit padding."""
    vectors = make_vectors("conv2d", layout=layout, count=6, seed=5)
    for c in range(6):
        case = {name.split("/")[1]: a for name, a in vectors.items() if name.startswith(f"{c}/")}
        x, kernel, y = case["x"], case["kernel"], case["y"]
        if layout == "NCHW":
            x, kernel, y = x.transpose(0, 2, 3, 1), kernel.transpose(2, 3, 1, 0), y.transpose(0, 2, 3, 1)
        x = np.pad(x, ((0, 0), *case["padding"], (0, 0)))
        (sh, sw), (dh, dw) = case["stride"], case["dilation"]
        for b, v, w, n in np.ndindex(*y.shape):
            patch = x[b, v * sh : v * sh + (kernel.shape[0] - 1) * dh + 1 : dh]
            patch = patch[:, w * sw : w * sw + (kernel.shape[1] - 1) * dw + 1 : dw]
            assert (patch * kernel[..., n]).sum() == y[b, v, w, n]
        assert case["dx"].shape == case["x"].shape
        assert case["dkernel"].shape == case["kernel"].shape
    with pytest.raises(ValueError, match="layout must be 'NHWC' or 'NCHW'; got 'CHWN'"):
        make_vectors("conv2d", layout="CHWN")
