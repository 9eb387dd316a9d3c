"""Training steps in parts of the batch: the same bits on any number of threads, and less memory than layer by layer.

layer_guards.py holds them against the layers one after the other.
"""

import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest

from npconv import threads
from npconv.kernels.sums import LINES
from npconv.layers import (
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    DepthwiseSeparable,
    InvertedResidual,
    PointwiseConv2D,
    ReLU6,
    Sequential,
    chain,
)
from npconv.layers.expanding import ExpandingLink, expands
from npconv.models import small_mobilenet_v2

NETWORKS = {
    "inverted residual": (lambda dtype: InvertedResidual(5, 5, 1, 4, dtype=dtype), 5),
    "stride 2, 5×3 filters": (lambda dtype: InvertedResidual(4, 6, (2, 1), kernel_size=(5, 3), dtype=dtype), 4),
    "separable, ReLU": (lambda dtype: DepthwiseSeparable(6, 7, 2, activation="relu", dtype=dtype), 6),
    "MobileNetV3's": (
        lambda dtype: InvertedResidual(5, 5, expanded=9, activation="hard_swish", squeeze=3, dtype=dtype),
        5,
    ),
    "dilated": (lambda dtype: DepthwiseSeparable(3, 9, dilation=(1, 2), padding=(0, 3), dtype=dtype), 3),
    "network": (lambda dtype: small_mobilenet_v2(4, 3, dtype=dtype), 3),
}


@pytest.fixture
def _small_parts(monkeypatch):
    """Parts of an image or two, and threads for them."""
    monkeypatch.setattr(chain, "PART", 2**14)
    monkeypatch.setattr(threads, "WORTH", 0)
    yield
    threads.use(None)


def step(network, x, seed=1):
    """All that a step computes: the output, the input's gradient, all gradients and statistics."""
    y = network.forward(x, training=True)
    dx = network.backward(np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype))
    return [y.copy(), dx, *(a.copy() for a in network.grads.values()), *(a.copy() for a in network.state.values())]


def images(channels, dtype=np.float32, mean=0.0, batch=7):
    return np.random.default_rng(0).normal(mean, 2, (batch, 13, 10, channels)).astype(dtype)


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_has_the_same_bits_on_any_number_of_threads(name, dtype):
    make, channels = NETWORKS[name]
    steps = []
    for number in (1, 2, 3, 5):
        threads.use(number)
        steps.append(step(make(dtype), images(channels, dtype)))
    for other in steps[1:]:
        for a, b in zip(steps[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype == dtype


@pytest.mark.parametrize("activation", ["relu6", "hard_swish", "hard_sigmoid"])
def test_a_small_batch_is_one_part_and_forward_then_has_the_bits_of_the_layers_unless_a_link_expands(activation):
    block, x = InvertedResidual(6, 5, 2, expansion=1, activation=activation), images(6)
    y, twin = x, block.copy()
    for layer in twin.layers.values():
        y = layer.forward(y, training=True)
    np.testing.assert_array_equal(block.forward(x, training=True), y)
    for name, a in block.state.items():
        np.testing.assert_array_equal(a, twin.state[name])


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("activation", ["relu6", "hard_swish"])
def test_an_expanding_link_has_the_digits_of_the_layers_one_after_the_other(activation, monkeypatch):
    """Its channels' deviations and means differ by up to a hundred, and so do those of its input."""
    block = InvertedResidual(6, 5, 2, activation=activation)
    block.params["expand.kernel"][...] *= np.geomspace(0.1, 10, 36)
    x = images(6) * np.geomspace(0.1, 10, 6, dtype=np.float32) + np.linspace(-20, 20, 6, dtype=np.float32)
    exact = InvertedResidual(6, 5, 2, activation=activation, dtype=np.float64)
    exact.load_arrays(block.arrays())
    expected, in_parts = step(exact, x.astype(np.float64)), step(block.copy(), x)
    assert any(isinstance(link, ExpandingLink) for link in chain.chain_at(list(block.layers.values()), x).links)
    monkeypatch.setattr("npconv.layers.sequential.chain_at", lambda *_: None)
    for a, b, true in zip(in_parts, step(block, x), expected, strict=True):
        scale = np.abs(true).max()
        assert np.abs(a - true).max() < 2 * np.abs(b - true).max() + 1e-6 * scale


def test_a_link_expands_where_it_saves_time():
    for inputs, outputs, expected in ((16, 96, True), (160, 960, True), (16, 16, False), (1024, 2048, False)):
        assert expands(PointwiseConv2D(inputs, outputs)) is expected
    assert not expands(DepthwiseConv2D(8))
    assert not expands(Conv2D(1, 8, 3))


def test_a_channel_without_spread_is_normalised_to_its_shift():
    row, x = Sequential(PointwiseConv2D(2, 5), BatchNorm(5)), np.full((3, 2, 4, 2), 7.1, np.float32)
    row.params["1.shift"][...] = np.arange(5)
    np.testing.assert_allclose(row.forward(x, training=True), np.broadcast_to(np.arange(5.0), (3, 2, 4, 5)), atol=1e-4)
    assert row.state["1.variance"].min() >= 0.98  # 0.99 of the identity's 1 and 0.01 of no spread


@pytest.mark.usefixtures("_small_parts")
def test_images_far_from_0_and_from_one_another_lose_at_most_a_digit_more_than_layer_by_layer(monkeypatch):
    """The mean is a thousand deviations; in float32 an image's own mean must be taken off before anything else."""
    make = lambda dtype: Sequential(PointwiseConv2D(4, 8, dtype=dtype), BatchNorm(8, dtype=dtype))  # noqa: E731
    x = images(4, mean=2000) + np.arange(7, dtype=np.float32).reshape(7, 1, 1, 1)
    in_parts = step(make(np.float32), x)
    monkeypatch.setattr("npconv.layers.sequential.chain_at", lambda *_: None)
    one_by_one, exact = step(make(np.float32), x), step(make(np.float64), x.astype(np.float64))
    for a, b, true in zip(in_parts, one_by_one, exact, strict=True):
        scale = np.abs(true).max()
        assert np.abs(a - true).max() < 5 * np.abs(b - true).max() + 1e-6 * scale


def test_a_part_of_more_rows_than_are_summed_at_once_has_the_numbers_of_the_layers(monkeypatch):
    block, x = DepthwiseSeparable(6, 7, 2, dtype=np.float64), images(6, np.float64, batch=23)
    (part,) = chain.chain_at(list(block.layers.values()), x).parts
    assert len(x[part]) * 7 > LINES // 2
    in_a_chain = step(block.copy(), x)
    monkeypatch.setattr("npconv.layers.sequential.chain_at", lambda *_: None)
    for a, b in zip(in_a_chain, step(block, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_step_keeps_half_of_what_the_layers_keep_one_after_the_other(monkeypatch):
    x = images(8, batch=16)

    def peak():
        block = InvertedResidual(8, 8)
        dy = np.ones_like(x)
        for _ in range(2):  # the first forward has none before it whose maps are still there
            tracemalloc.start()
            block.forward(x, training=True)
            block.backward(dy)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    monkeypatch.setattr(chain, "PART", 2**16)
    in_parts = peak()
    monkeypatch.setattr("npconv.layers.sequential.chain_at", lambda *_: None)
    assert in_parts < 0.6 * peak()


def test_what_is_no_chain_is_left_to_the_layers():
    x, norm = images(4), BatchNorm(6)
    patched = PointwiseConv2D(4, 6)
    patched.forward = lambda x, training=False: PointwiseConv2D.forward(patched, x, training)

    class Own(PointwiseConv2D):
        pass

    assert chain.chain_at([PointwiseConv2D(4, 6), norm, ReLU6()], x).layers[1:2] == [norm]
    for layers, x_other in {
        (PointwiseConv2D(4, 6), ReLU6()): x,
        (PointwiseConv2D(4, 6, bias=True), norm): x,
        (DepthwiseConv2D(4, depth_multiplier=2), BatchNorm(8)): x,
        (PointwiseConv2D(4, 6, dtype=np.float64), BatchNorm(6, dtype=np.float64)): x,
        (PointwiseConv2D(4, 6, dtype=np.float16), BatchNorm(6, dtype=np.float16)): x.astype(np.float16),
        (PointwiseConv2D(4, 6, dtype=">f4"), BatchNorm(6, dtype=">f4")): x.astype(">f4"),
        (Own(4, 6), norm): x,
        (patched, norm): x,
        (norm, ReLU6()): images(6),
    }.items():
        assert chain.chain_at(list(layers), x_other) is None, layers


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([PointwiseConv2D(4, 6), BatchNorm(6)], (2, 5, 4, 3)),
        ([PointwiseConv2D(4, 6), BatchNorm(5)], (2, 5, 4, 4)),
        ([Conv2D(4, 6, 7), BatchNorm(6)], (2, 5, 4, 4)),
        ([PointwiseConv2D(4, 6), BatchNorm(6)], (2, 5, 4)),
        ([PointwiseConv2D(4, 6), BatchNorm(6, unbiased=True)], (1, 1, 1, 4)),
    ],
)
def test_wrong_shapes_are_told_by_the_layers_themselves(layers, shape):
    x = np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=r"[a-z0-9_]+: .+; got .*\(") as of_the_row:
        Sequential(*layers).forward(x, training=True)
    with pytest.raises(ValueError, match="got") as of_the_layers:
        layers[1].forward(layers[0].forward(x, True), True)
    assert str(of_the_row.value) == str(of_the_layers.value)


def test_a_wrong_gradient_is_refused_behind_a_chain_too():
    block = InvertedResidual(4, 6, 2)
    block.forward(images(4), training=True)
    with pytest.raises(ValueError, match=r"dy must be .*; got dy \(7, 6, 5, 6\)"):
        block.backward(np.ones((7, 6, 5, 6), np.float32))
    dx = block.backward(np.ones((7, 7, 5, 6)))
    np.testing.assert_allclose(dx, block.backward(np.ones((7, 7, 5, 6), np.float32)), rtol=1e-4, atol=1e-6)


def test_the_last_forward_counts():
    block, x = InvertedResidual(4, 6, 2), images(4)
    expected = step(block.copy(), x)
    block.forward(images(4, mean=5), training=True)
    block.forward(x)
    inference = block.backward(np.ones((7, 7, 5, 6), np.float32))
    for a, b in zip(step(block, x)[:2], expected, strict=False):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(inference, expected[1])


ORDERS = {
    "Fortran": np.asfortranarray,
    "channels first": lambda a: a.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1),
    "every other channel": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every other image": lambda a: np.repeat(a, 2, axis=0)[::2],
}


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [PointwiseConv2D, DepthwiseConv2D, Conv2D])
def test_images_and_gradients_may_lie_in_memory_in_any_order_and_are_not_changed(kind, order):
    row = Sequential(kind(4, *([] if kind is DepthwiseConv2D else [4])), BatchNorm(4), ReLU6())
    x = images(4)
    expected, arranged = step(row.copy(), x), ORDERS[order](x)
    y = row.forward(arranged, training=True)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    arranged_dy = ORDERS[order](dy)
    arranged_dy.flags.writeable = False
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_allclose(row.backward(arranged_dy), expected[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(arranged, x)
    np.testing.assert_array_equal(arranged_dy, dy)


def test_backward_belongs_to_the_last_forward_of_the_layers_themselves_too():
    block, x = InvertedResidual(4, 6, 2), images(4)[::-1].copy()
    twin, dy = block.copy(), np.random.default_rng(1).standard_normal((7, 7, 5, 6), np.float32)
    twin.forward(x, training=True)
    expected = twin.backward(dy)
    block.forward(images(4), training=True)
    for layer in block.layers.values():
        x = layer.forward(x, training=True)
    np.testing.assert_allclose(block.backward(dy), expected, rtol=1e-4, atol=1e-5)


def test_a_forward_that_failed_leaves_nothing_to_go_back_through():
    block = InvertedResidual(4, 6, 2)
    y = block.forward(images(4), training=True)
    with pytest.raises(ValueError, match="M = 3 as in x"):
        block.forward(images(3), training=True)
    with pytest.raises(RuntimeError, match="there was no forward to go back through"):
        block.backward(y)


def test_images_of_another_type_are_refused_by_the_layers():
    with pytest.raises(TypeError, match=r"x must be a numpy\.ndarray; got list"):
        InvertedResidual(4, 6).forward(images(4).tolist(), training=True)


def test_a_network_that_was_pickled_before_there_were_chains_can_be_trained():
    block = InvertedResidual(4, 6, 2)
    older = object.__new__(InvertedResidual)
    older.__dict__ |= {name: value for name, value in block.copy().__getstate__().items() if name != "_passed"}
    for a, b in zip(step(older, images(4)), step(block.copy(), images(4)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_is_freed_without_the_garbage_collector():
    block = InvertedResidual(4, 6, 2)
    block.forward(images(4), training=True)
    maps = [weakref.ref(a) for each in block._passed for link in each.links for a in link.maps]
    assert len(maps) == 3
    gc.disable()
    try:
        del block
        assert all(reference() is None for reference in maps)
    finally:
        gc.enable()


def test_a_pickled_network_holds_no_maps():
    block = InvertedResidual(4, 6, 2)
    size = len(pickle.dumps(block))
    block.forward(images(4), training=True)
    assert len(pickle.dumps(block)) == size
