"""The checks catch what they are for, say what they caught, and let what is right pass."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

import npconv
from npconv.checks import (
    OPERATIONS,
    check_backward,
    check_layer,
    convolution_case,
    explain,
    rounding_bound,
)
from npconv.checks.strategies import convolutions
from npconv.layers import Conv2D

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
    "must return 2 gradients, one for each array that is differentiated; got 1 gradient": lambda dx, dk: dx,
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

    with pytest.raises(AssertionError, match=r"backward changed its argument x, of shape \(2, 5, 6, 3\)"):
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
    with pytest.raises(ValueError, match="method must be one of complex, central; got 'forward'"):
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


X16, K16 = RNG.standard_normal((2, 16, 16, 8)), RNG.standard_normal((3, 2, 8, 3))


@pytest.mark.parametrize("method", ["central", "complex"])
def test_every_entry_above_a_thousandth_of_the_largest_is_looked_at(method):
    dy = np.random.default_rng(0).standard_normal(npconv.conv2d(X16, K16, padding=1).shape)
    dx, _ = npconv.conv2d_backward(dy, X16, K16, padding=1)  # dy as the check draws it
    weighing = np.flatnonzero(np.abs(dx) > np.abs(dx).max() / 1000)
    assert weighing.size > 4050
    smallest = weighing[np.argsort(np.abs(dx.flat[weighing]))]
    for entry in [*smallest[:4], *smallest[4 :: 400 if method == "central" else 1000]]:
        index = np.unravel_index(entry, dx.shape)

        def zeroed(dx, dkernel, index=index):
            dx[index] = 0
            return dx, dkernel

        with pytest.raises(AssertionError) as raised:
            check_backward(npconv.conv2d, wrong(zeroed), X16, K16, method=method, padding=1)
        assert f"the gradient of x is wrong: at {[int(i) for i in index]} backward says 0, and" in str(raised.value)


def test_check_layer_looks_at_every_entry_too():
    class Forgetful(Conv2D):
        def backward(self, dy):
            dx = super().backward(dy)
            dx[1, 7, 9, 5] = 0
            return dx

    layer = Forgetful(8, 3, dtype=np.float64)
    with pytest.raises(AssertionError, match=r"the gradient of x is wrong: at \[1, 7, 9, 5\] backward says 0, and"):
        check_layer(layer, X16)
    check_layer(Conv2D(8, 3, dtype=np.float64), X16)


@pytest.mark.parametrize(("times", "method"), [(1e6, "central"), (1e9, "central"), (1e9, "complex")])
def test_a_channel_is_not_lost_beside_one_that_is_far_larger(times, method):
    kernel = RNG.standard_normal((3, 2, 8)) * [1, times, 1, 1, 1, 1, 1, 1]

    def forgetful(dy, x, kernel, **geometry):
        dx, dkernel = npconv.depthwise_conv2d_backward(dy, x, kernel, **geometry)
        dx[..., 4] = 0
        return dx, dkernel

    check_backward(npconv.depthwise_conv2d, npconv.depthwise_conv2d_backward, X16, kernel, method=method, stride=2)
    with pytest.raises(
        AssertionError, match=r"the gradient of x is wrong: at \[\d, \d+, \d+, 4\] backward says 0, and"
    ):
        check_backward(npconv.depthwise_conv2d, forgetful, X16, kernel, method=method, stride=2)


def test_a_gradient_of_zero_up_to_rounding_is_right():
    """A bias behind which batch normalisation takes the mean has the gradient 0, and rounding on both sides."""

    def forward(x, bias):
        return npconv.batch_norm(x + bias, np.ones(8), np.zeros(8))

    def backward(dy, x, bias):
        dx, *_ = npconv.batch_norm_backward(dy, x + bias, np.ones(8), np.zeros(8))
        return dx, dx.sum(axis=(0, 1, 2))

    check_backward(forward, backward, 1e3 * X16, RNG.standard_normal(8), method="central")


def test_differences_that_vary_excuse_nothing():
    def in_float32(x):
        return np.sin(x.astype(np.float32))

    def halved(dx, dkernel):
        dx[1, 5, 6, 2] /= 2
        return dx, dkernel

    with pytest.raises(AssertionError, match=r"at \[1, 5, 6, 2\] backward says"):
        check_backward(npconv.conv2d, wrong(halved), X16, K16, method="central", padding=1)
    with pytest.raises(
        AssertionError, match=r"differences with other steps vary by .*: does forward calculate in float64"
    ):
        check_backward(in_float32, lambda dy, x: dy * 0, X16, method="central")
    with pytest.raises(AssertionError, match="the gradient of x is wrong"):
        check_backward(lambda x: np.sin(3e5 * x), lambda dy, x: 0 * dy, X16, method="central")
    near = np.array([3e-6, 1.0])
    with pytest.raises(AssertionError, match=r"the gradient of x is wrong: at \[0\]"):
        check_backward(npconv.relu, lambda dy, x: dy * (x > 0) * [0.8, 1], near, method="central")


def test_a_forward_that_changes_its_argument_or_uses_a_buffer_again():
    buffer = np.empty(X.shape)
    check_backward(lambda x: np.multiply(x, 3, out=buffer), lambda dy, x: 3 * dy, X, method="central")

    def forward(x):
        y = x * 1
        x[...] = 0
        return y

    with pytest.raises(AssertionError, match="forward changed its argument x"):
        check_backward(forward, lambda dy, x: dy, X)
    with pytest.raises(AssertionError, match="<lambda> returns numbers that are not finite"):
        check_backward(lambda x: x * np.inf, lambda dy, x: dy, np.ones(2), method="central")


def test_a_kink_is_named():
    def one_at_the_kink(dy, x):
        return dy * (x >= 0)

    at_0 = np.array([[-1.5, 0.0, 2.0]])
    check_backward(npconv.relu, npconv.relu_backward, at_0)  # a complex step leaves the kink alone
    for backward, method in ((npconv.relu_backward, "central"), (one_at_the_kink, "complex")):
        with pytest.raises(
            AssertionError, match=r"at \[0, 1\] backward says .* slope differs on the two sides of that"
        ):
            check_backward(npconv.relu, backward, at_0, method=method)
    with pytest.raises(AssertionError) as raised:
        check_backward(lambda x: x**2, lambda dy, x: dy * x, at_0, method="central")
    assert "two sides" not in str(raised.value)


class Tensor:
    """What another library may return."""


def test_what_is_returned_must_be_arrays_in_a_tuple():
    for backward, words in (
        (lambda dy, x, k: list(npconv.conv2d_backward(dy, x, k)), "must return its arrays in a tuple; got a list"),
        (lambda dy, x, k: (Tensor(), Tensor()), r"check_backward: <lambda> must return numpy\.ndarray; got Tensor"),
        (lambda dy, x, k: npconv.conv2d_backward(dy * 1j, x, k), "must return real numbers; got dtype complex128"),
        (lambda dy, x, k: npconv.conv2d_backward(dy, x, k * np.nan), "gradient 0 is not finite"),
    ):
        with pytest.raises((TypeError, AssertionError), match=words):
            check_backward(npconv.conv2d, backward, X, KERNEL)
    tensor = type("Tensor", (), {"shape": X.shape, "__len__": lambda self: 2, "__array__": lambda self, *_: X})()
    with pytest.raises(TypeError, match=r"check_backward: .* must return numpy\.ndarray; got Tensor"):
        check_backward(npconv.conv2d, lambda dy, x, k: (tensor, k), X, KERNEL)
    with pytest.raises(TypeError, match=r"check_backward: <lambda> must return numpy\.ndarray; got Tensor"):
        check_backward(lambda x: tensor, lambda dy, x: dy, X)


def test_the_rounding_bound_bounds_and_is_not_slack():
    x, kernel = (a.astype(np.float32) for a in (X, KERNEL))
    bound = rounding_bound(x, kernel, padding=1)
    exact = npconv.conv2d(x.astype(float), kernel.astype(float), padding=1)
    assert np.all(np.abs(npconv.conv2d_loops(x, kernel, padding=1) - exact) <= bound)
    assert bound.max() < 1e-4
    worst = np.full((1, 1, 1, 1), 1, np.float32), np.full((1, 1, 1, 1), 1 / 3, np.float32)
    assert 0 < rounding_bound(*worst).item() < 1e-7
    with pytest.raises(
        TypeError, match="rounding_bound: kernel must be an ndarray of real floats, float64 at most; got dtype int64"
    ):
        rounding_bound(x, KERNEL.astype(int))
    if np.finfo(np.longdouble).bits > 64:
        with pytest.raises(TypeError, match="rounding_bound: x must be an ndarray of real floats, float64 at most"):
            rounding_bound(X.astype(np.longdouble), KERNEL)
    with pytest.raises(ValueError, match="sums of 2592 products in float16 have no bound"):
        rounding_bound(np.ones((1, 9, 9, 32), np.float16), np.ones((9, 9, 32, 1), np.float16))


def test_the_rounding_bound_holds_where_products_underflow():
    for dtype, sizes in (
        (np.float16, (1, 1e-2, 1e-3, 1e-4)),
        (np.float32, (1e-19, 1e-22, 3e-23)),
        (np.float64, (1e-162,)),
    ):
        for size in sizes:
            rng = np.random.default_rng(1)
            x, kernel = ((size * rng.standard_normal(s)).astype(dtype) for s in ((2, 5, 4, 3), (3, 2, 3, 2)))
            exact = npconv.conv2d(*(a.astype(object) * Fraction(1) for a in (x.astype(float), kernel.astype(float))))
            bound = rounding_bound(x, kernel)
            for rung in (npconv.conv2d, npconv.conv2d_loops, npconv.conv2d_per_channel, npconv.conv2d_im2col):
                y = rung(x, kernel).astype(float)
                for index in np.ndindex(*y.shape):
                    assert abs(Fraction(float(y[index])) - exact[index]) <= Fraction(float(bound[index])), (dtype, size)
    tiny = np.full((1, 1, 1, 1), 1e-23, np.float32)
    assert npconv.conv2d(tiny, tiny).item() == 0
    assert 1e-46 < rounding_bound(tiny, tiny).item() < 2e-45


@pytest.mark.parametrize("operation", OPERATIONS)
def test_explicit_cases_give_plain_pairs_of_numbers(operation):
    plain, spelled, told = random.Random(4), random.Random(4), 0
    for seed in range(40):
        case = convolution_case(plain.randint, operation)
        explicit = convolution_case(spelled.randint, operation, explicit=True)
        assert explicit.shapes == case.shapes
        geometry = {name: value for name, value in explicit.geometry.items() if name != "groups"}
        names = {"pointwise_conv2d": "", "transposed_conv2d": "stride padding dilation output_padding"}
        assert set(geometry) == set(names.get(operation, "stride padding dilation").split())
        axes = len(case.shapes["x"]) - 2
        assert all(np.shape(value) == ((axes, 2) if name == "padding" else (axes,)) for name, value in geometry.items())
        forward, _ = OPERATIONS[operation]
        x, *kernels = case.arrays(seed)
        y = forward(x, *kernels, **case.geometry)
        assert y.shape == case.output_shape
        told += bool(y.any())
        assert np.array_equal(forward(x, *kernels, **explicit.geometry), y)
        if operation == "transposed_conv2d":  # the padding means what it says: what is cropped
            whole = forward(x, *kernels, **{**explicit.geometry, "padding": "valid"})
            (top, bottom), (left, right) = geometry["padding"]
            assert np.array_equal(whole[:, top : whole.shape[1] - bottom, left : whole.shape[2] - right], y)
        elif geometry:  # zeros around x, and none of the kernel's own
            around = np.pad(x, ((0, 0), *geometry["padding"], (0, 0)))
            assert np.array_equal(forward(around, *kernels, **{**explicit.geometry, "padding": "valid"}), y)
    assert told > 30  # a few read padding or zeros alone


@given(convolutions(explicit=True))
def test_explicit_strategies_give_pairs(case):
    assert np.shape(case.geometry["padding"]) == (2, 2)


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
        convolution_case(source.randint, "conv4d")


def test_explain_writes_mobilenet_v3s_activations_and_gate():
    x, dy = np.array([-4.0, -1.0, 1.0, 4.0]), np.full(4, 2.0)
    written = {
        npconv.hard_sigmoid: [f"y[{i}] = relu6(x[{i}] + 3)/6" for i in range(4)],
        npconv.hard_swish: [f"y[{i}] = x[{i}]·relu6(x[{i}] + 3)/6" for i in range(4)],
        npconv.sigmoid: [f"y[{i}] = exp(x[{i}])/(1 + exp(x[{i}]))" for i in (0, 1)]
        + [f"y[{i}] = 1/(1 + exp(-x[{i}]))" for i in (2, 3)],
    }
    for function, formulas in written.items():
        assert [explain(function, x, at=(i,)) for i in range(4)] == formulas
    slopes = [explain(npconv.hard_swish_backward, dy, x, at=(i,)) for i in range(4)]
    assert slopes == ["dx[0] = 0", *(f"dx[{i}] = dy[{i}]·(x[{i}]/3 + 0.5)" for i in (1, 2)), "dx[3] = dy[3]·1"]
    worked = explain(npconv.sigmoid_backward, dy, x, at=(2,), numbers=True).splitlines()[1]
    assert worked.startswith("      = 2·exp(-1)·1/(1 + exp(-1))·1/(1 + exp(-1)) = 0.39322")
    gate = (np.ones((1, 1)), np.zeros(1), np.full((1, 1), 2.0), np.ones(1))
    assert explain(npconv.squeeze_excite, np.full((1, 1, 2, 1), 0.5), *gate, at=(0, 0, 1, 0), numbers=True) == (
        "y[0,0,1,0] = x[0,0,1,0]·relu6(relu((x[0,0,0,0] + x[0,0,1,0])/2·reduce[0,0] + reduce_bias[0])·expand[0,0]"
        " + expand_bias[0] + 3)/6\n           = 0.5·relu6(relu((0.5 + 0.5)/2·1 + 0)·2 + 1 + 3)/6 = 0.4166666666666667"
    )


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
    with pytest.raises(ValueError, match=r"of must be one of dx, dkernel, or its position; got 'dy'"):
        explain(npconv.conv2d_backward, dy, x, kernel, at=(0, 0, 0, 0), of="dy")
