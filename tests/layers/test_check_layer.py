"""The check of a layer catches what it is for, says what it caught, and lets what is right pass."""

import re

import numpy as np
import pytest

from npconv.checks import check_layer
from npconv.layers import BatchNorm, Conv2D, Dense, InvertedResidual, PointwiseConv2D, ReLU, Sequential

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 4))


class Scaled:
    """A layer of someone's own, that knows nothing of npconv: y = (x · scale)², and a count of its training steps."""

    def __init__(self):
        self.params = {"scale": np.array([1.0, -2.0, 0.5, 3.0])}
        self.grads = {"scale": np.zeros(4)}
        self.state = {"steps": np.zeros(1)}

    def forward(self, x, training=False):
        self.x = x.copy()
        if training:
            self.state["steps"] += 1
        return (x * self.params["scale"]) ** 2

    def backward(self, dy):
        dproduct = 2 * dy * self.x * self.params["scale"]
        self.grads["scale"][...] = (dproduct * self.x).sum(axis=0)
        return dproduct * self.params["scale"]


class WrongX(Scaled):
    def backward(self, dy):
        dx = super().backward(dy)
        dx[3, 2] += 1
        return dx


class WrongParameter(Scaled):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["scale"][1] *= 2
        return dx


class Forgets(Scaled):
    def backward(self, dy):
        return 2 * dy * self.x * self.params["scale"] ** 2


class AddsUp(Scaled):
    def backward(self, dy):
        before = self.grads["scale"].copy()
        dx = super().backward(dy)
        self.grads["scale"] += before
        return dx


class Replaces(Scaled):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["scale"] = self.grads["scale"].copy()
        return dx


class ReplacesState(Scaled):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        self.state = {"steps": self.state["steps"] + 1}
        return y


class Grows(Scaled):
    def backward(self, dy):
        self.grads["shift"] = np.zeros(4)
        return super().backward(dy)


class ChangesX(Scaled):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        x += 1
        return y


class ChangesParameters(Scaled):
    def forward(self, x, training=False):
        self.params["scale"] *= 2
        return super().forward(x, training)


class ChangesDy(Scaled):
    def backward(self, dy):
        dx = super().backward(dy)
        dy *= 2
        return dx


class ChangesStateBehind(Scaled):
    def backward(self, dy):
        self.state["steps"] += 1
        return super().backward(dy)


class CountsInInference(Scaled):
    def forward(self, x, training=False):
        return super().forward(x, True)


class Counts(Scaled):
    def forward(self, x, training=False):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(x, training) + self.calls


class Flat(Scaled):
    def backward(self, dy):
        return super().backward(dy).ravel()


class Infinite(Scaled):
    def forward(self, x, training=False):
        return super().forward(x, training) + np.inf


class Listed(Scaled):
    def forward(self, x, training=False):
        return super().forward(x, training).tolist()


WRONG = {
    WrongX: "the gradient of x is wrong: at [3, 2] backward says ",
    WrongParameter: "the gradient of scale is wrong: at [1] backward says ",
    Forgets: "backward leaves the gradient of scale unwritten, or NaN, at [0] (Forgets, training=False, x (5, 4))",
    AddsUp: "backward leaves the gradient of scale unwritten, or NaN, at [0]",
    Replaces: "grads['scale'] was replaced by another array; write into it instead",
    ReplacesState: "state['steps'] was replaced by another array",
    Grows: "grads had scale, and now scale, shift",
    ChangesX: "forward changed x, of shape (5, 4) (ChangesX, training=False, x (5, 4))",
    ChangesParameters: "forward changed params['scale'], of shape (4,)",
    ChangesDy: "backward changed dy, of shape (5, 4)",
    ChangesStateBehind: "backward changed state['steps'], of shape (1,)",
    CountsInInference: "forward changed state['steps'], of shape (1,)",
    Counts: "forward gives two outputs for the same x, params and state",
    Flat: "backward must return dx in the shape of x, (5, 4); got (20,)",
    Infinite: "forward's output is not finite",
    Listed: "forward must return an ndarray; got list",
}


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.__name__)
def test_a_mistake_is_found_and_told(kind):
    with pytest.raises(AssertionError) as raised:
        check_layer(kind(), X)
    assert WRONG[kind] in str(raised.value)


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_of_ones_own_passes_and_is_left_as_it_was(training):
    layer = Scaled()
    x = X.copy()
    layer.forward(x, True)
    layer.grads["scale"][...] = 7
    held, remembered = {**layer.params, **layer.state}, layer.x
    check_layer(layer, x, training=training)
    assert np.array_equal(x, X)
    assert layer.x is remembered
    assert layer.params["scale"] is held["scale"]
    assert layer.params["scale"].tolist() == [1, -2, 0.5, 3]
    assert layer.grads["scale"].tolist() == [7] * 4
    assert layer.state["steps"] is held["steps"]
    assert layer.state["steps"] == 1


def test_the_wrong_entry_is_told_with_both_values():
    with pytest.raises(AssertionError) as raised:
        check_layer(WrongParameter(), X)
    says, derivative = re.search(
        r"at \[1\] backward says (\S+), and the derivative is (\S+) ", str(raised.value)
    ).groups()
    assert float(says) == pytest.approx(2 * float(derivative), rel=1e-4)


def test_a_gradient_that_normalisation_takes_out_is_no_false_alarm():
    layer = Sequential(Dense(4, 3, dtype=np.float64), BatchNorm(3, dtype=np.float64))
    check_layer(layer, X, training=True)
    check_layer(layer, X, training=False)

    class NoBias(Sequential):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["0.bias"][...] = 0
            return dx

    broken = NoBias(Dense(4, 3, dtype=np.float64), BatchNorm(3, dtype=np.float64))
    check_layer(broken, X, training=True)  # where it is 0 indeed
    with pytest.raises(AssertionError, match=r"the gradient of 0\.bias is wrong: at \[\d\] backward says 0, and the"):
        check_layer(broken, X)


def test_in_training_the_gradient_runs_through_the_statistics():
    class Constant(BatchNorm):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx if isinstance(self._saved, np.ndarray) else dy * self.params["scale"] / self._saved.deviation

    layer = Constant(4, dtype=np.float64)
    check_layer(layer, X)
    with pytest.raises(AssertionError, match="the gradient of x is wrong"):
        check_layer(layer, X, training=True)


def test_what_is_not_float64_is_refused_and_told_how():
    with pytest.raises(
        TypeError,
        match=r"layer\.params\['kernel'\] must be an ndarray of float64.*dtype=np\.float64; got dtype float32",
    ):
        check_layer(Conv2D(3, 4), RNG.standard_normal((2, 5, 4, 3)))
    with pytest.raises(
        TypeError, match=r"x must be an ndarray of float64: x\.astype\(np\.float64\); got dtype float32"
    ):
        check_layer(PointwiseConv2D(3, 4, dtype=np.float64), np.ones((2, 5, 4, 3), np.float32))
    with pytest.raises(TypeError, match=r"x must be an ndarray of float64.*got list"):
        check_layer(Scaled(), [[1.0]])


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="layer must have a method forward; got int"):
        check_layer(3, X)
    layer = Scaled()
    layer.state = [np.zeros(3)]
    with pytest.raises(TypeError, match=r"layer\.state must be a mapping from names to arrays; got Scaled"):
        check_layer(layer, X)
    layer = Scaled()
    layer.grads = {}
    with pytest.raises(
        AssertionError, match="there must be one gradient for each parameter: Scaled has params scale, and grads none"
    ):
        check_layer(layer, X)
    layer = Scaled()
    layer.grads = {"scale": np.zeros((4, 1))}
    with pytest.raises(AssertionError, match=r"the gradient of scale must have its shape, \(4,\); got \(4, 1\)"):
        check_layer(layer, X)


def test_a_kink_is_named_as_such_with_its_cure():
    fresh, x = InvertedResidual(3, 3, dtype=np.float64), np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    fresh.params["depthwise.kernel"][...] = 0  # a channel whose units are all dead, as a window of one may be
    with pytest.raises(AssertionError) as raised:
        check_layer(fresh, x)
    for words in ("is wrong: at [", "slope differs on the two sides", "shifts and running means"):
        assert words in str(raised.value)
    rng = np.random.default_rng(1)
    for key, array in {**fresh.params, **fresh.state}.items():
        if key.endswith(("shift", "mean")):
            array[...] = rng.standard_normal(array.shape)
    check_layer(fresh, x)


def test_a_unit_on_a_kink_is_told_from_a_wrong_gradient():
    x = X.copy()
    check_layer(ReLU(), x)
    x[2, 1] = 0
    with pytest.raises(AssertionError, match=r"the gradient of x is wrong: at \[2, 1\] .*differs on the two sides"):
        check_layer(ReLU(), x)
    with pytest.raises(AssertionError) as raised:
        check_layer(WrongX(), X)
    assert "two sides" not in str(raised.value)


def test_what_sequential_could_not_call_is_refused():
    class KeywordOnly(Scaled):
        def forward(self, x, *, training=False):
            return super().forward(x, training)

    class Alone(Scaled):
        def forward(self, x):
            return super().forward(x)

    class OfTwo(Scaled):
        def backward(self, dy, x):
            return super().backward(dy)

    for layer, words in (
        (KeywordOnly(), r"layer must have a method forward\(x, training\), .*; got forward\(x, \*, training=False\)"),
        (Alone(), r"layer must have a method forward\(x, training\), .*; got forward\(x\)"),
        (OfTwo(), r"layer must have a method backward\(dy\), .*; got backward\(dy, x\)"),
    ):
        with pytest.raises(TypeError, match=f"check_layer: {words}"):
            check_layer(layer, X)


def test_an_empty_x_is_refused_and_an_empty_parameter_is_not_differentiated():
    with pytest.raises(ValueError, match=r"check_layer: x must have no empty axis; got x \(0, 4\)"):
        check_layer(Scaled(), X[:0])
    layer = Scaled()
    layer.params["none"], layer.grads["none"] = np.zeros((0, 3)), np.zeros((0, 3))
    check_layer(layer, X)
