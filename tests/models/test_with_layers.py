"""A row of layers around other layers, which are shared and not copied."""

import numpy as np
import pytest

from npconv.layers import BatchNorm, Conv2D, ReLU, ReLU6, Sequential
from npconv.models import mobilenet_v2


def test_it_is_of_the_same_kind_with_all_of_its_own():
    network = mobilenet_v2(0.1, 3)
    front = network.with_layers({name: network.layers[name] for name in ("stem", "block_1", "block_2")})
    assert type(front) is type(network)
    assert front.specification is network.specification
    assert front.blocks == ["block_1", "block_2"]
    block = network.layers["block_3"]
    assert block.with_layers(dict(block.layers)).shortcut == block.shortcut


def test_layers_and_arrays_are_shared_and_the_first_stays_as_it_was():
    network = Sequential({"conv": Conv2D(2, 3, 3, seed=1), "norm": BatchNorm(3), "relu": ReLU()})
    before = list(network.layers), list(network.params)
    network.forward(np.ones((1, 5, 4, 2)))
    linear = network.with_layers({name: network.layers[name] for name in ("conv", "norm")})
    assert list(linear.params) == ["conv.kernel", "norm.scale", "norm.shift"]
    for kind in ("params", "grads", "state"):
        assert all(a is getattr(network, kind)[name] for name, a in getattr(linear, kind).items())
    assert (list(network.layers), list(network.params)) == before
    taken = {"conv": network.layers["conv"]}
    front = network.with_layers(taken)
    taken["relu"] = ReLU()
    assert list(front.layers) == ["conv"]


def test_itself_it_remembers_no_forward():
    network = mobilenet_v2(0.1, 3)
    network.features(np.ones((1, 32, 32, 3), np.float32), (4,))
    with pytest.raises(RuntimeError, match=r"the last pass was no features"):
        network.with_layers(network.layers).features_backward({})


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ({}, ValueError, "Sequential: layers must be at least one"),
        ({"a.b": ReLU6()}, ValueError, "Sequential: a layer's name must have no dot; got 'a.b'"),
        ({"a": 3}, TypeError, "Sequential: layers must be Layers; got int as a"),
    ],
)
def test_what_a_row_cannot_be_is_said(layers, error, message):
    with pytest.raises(error, match=message):
        Sequential(ReLU()).with_layers(layers)
