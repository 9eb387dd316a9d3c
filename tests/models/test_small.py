"""The small MobileNetV2: its table, its sizes, its seeds."""

import numpy as np
import pytest

from npconv.layers import BatchNorm, InvertedResidual, PointwiseConv2D, ReLU6
from npconv.models import SMALL_ROWS, Row, small_mobilenet_v2
from npconv.models.mobilenet_v2 import inverted_residual_rows

TABLE = (Row(1, 4, 1, 1), Row(3, 5, 2, 2), Row(2, 5, 1, 1))


def test_the_rows_are_blocks_in_the_papers_order():
    network = small_mobilenet_v2(7, 2, rows=TABLE, stem_channels=6, last_channels=9)
    assert list(network.layers) == [
        "stem", "stem_norm", "stem_relu6", "block_1", "block_2", "block_3", "block_4",
        "last", "last_norm", "last_relu6", "pool", "classifier",
    ]  # fmt: skip
    blocks = [layer for layer in network.layers.values() if isinstance(layer, InvertedResidual)]
    kernels = [[a.shape for name, a in block.params.items() if name.endswith("kernel")] for block in blocks]
    assert kernels == [
        [(3, 3, 6), (6, 4)],
        [(4, 12), (3, 3, 12), (12, 5)],
        [(5, 15), (3, 3, 15), (15, 5)],
        [(5, 10), (3, 3, 10), (10, 5)],
    ]
    assert [block.layers["depthwise"].geometry["stride"] for block in blocks] == [1, 2, 1, 1]
    assert [block.shortcut for block in blocks] == [False, False, True, True]
    assert network.params["last.kernel"].shape == (5, 9)
    assert network.params["classifier.kernel"].shape == (9, 7)


def test_bottlenecks_are_linear():
    for block in small_mobilenet_v2().layers.values():
        if isinstance(block, InvertedResidual):
            *_, project, norm = block.layers.values()
            assert isinstance(project, PointwiseConv2D)
            assert isinstance(norm, BatchNorm)
            assert sum(isinstance(layer, ReLU6) for layer in block.layers.values()) == len(block.layers) // 3


def test_shapes_follow_the_strides():
    network = small_mobilenet_v2(7, 2, rows=TABLE)
    x = np.random.default_rng(0).standard_normal((3, 11, 9, 2)).astype(np.float32)
    shape = x.shape
    sides = []
    for layer in network.layers.values():
        shape = layer.output_shape(shape)
        sides.append(shape[1:3])
    assert [sides[i] for i in (0, 3, 4, 9)] == [(6, 5), (6, 5), (3, 3), (3, 3)]
    y = network.forward(x, training=True)
    assert (y.shape, y.dtype) == ((3, 7), np.float32)
    assert network.backward(y).shape == x.shape
    assert small_mobilenet_v2(7, 2, rows=TABLE, stem_stride=1).layers["stem"].output_shape(x.shape) == (3, 11, 9, 16)


def test_the_seed_draws_all_kernels():
    one, same, other = (small_mobilenet_v2(rows=TABLE, seed=seed) for seed in (1, 1, 2))
    for name, a in one.params.items():
        assert np.array_equal(a, same.params[name])
        assert np.array_equal(a, other.params[name]) == (not name.endswith("kernel"))
    drawn = small_mobilenet_v2(rows=TABLE, seed=np.random.default_rng(1))
    assert np.array_equal(drawn.params["classifier.kernel"], one.params["classifier.kernel"])


def test_without_rows_stem_and_head_are_left():
    network = small_mobilenet_v2(rows=(), stem_channels=6)
    assert network.params["last.kernel"].shape[0] == 6
    assert network.output_shape((2, 9, 8, 1)) == (2, 10)


def test_options_reach_every_layer():
    network = small_mobilenet_v2(rows=TABLE, batch_norm={"momentum": 0.25, "epsilon": 0.5}, dtype=np.float64)
    norms = [layer for layer in network.leaves() if isinstance(layer, BatchNorm)]
    assert len(norms) == 2 + 2 + 3 * 3
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.25, 0.5)}
    assert {a.dtype for a in network.arrays().values()} == {np.dtype(np.float64)}


def test_blocks_of_a_table_are_numbered_through():
    blocks = inverted_residual_rows("", SMALL_ROWS, 3, batch_norm={}, seed=np.random.default_rng(0), dtype=np.float32)
    assert list(blocks) == [f"block_{number}" for number in range(1, 6)]
    assert blocks["block_1"].params["depthwise.kernel"].shape == (3, 3, 3)


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="small_mobilenet_v2: stem_channels must be at least 1; got 0"):
        small_mobilenet_v2(stem_channels=0)
    with pytest.raises(TypeError, match=r"small_mobilenet_v2: classes must be an int; got 2\.5"):
        small_mobilenet_v2(2.5)
    with pytest.raises(ValueError, match="small_mobilenet_v2: expansion of row 0 must be at least 1; got 0"):
        small_mobilenet_v2(rows=(Row(0, 4, 1, 1),))
    with pytest.raises(ValueError, match=r"small_mobilenet_v2: blocks of row 1 must be at least 1; got 0"):
        small_mobilenet_v2(rows=(Row(1, 4, 1, 1), Row(6, 4, 0, 1)))
    with pytest.raises(ValueError, match="small_mobilenet_v2: seed must be at least 0"):
        small_mobilenet_v2(seed=-1)
    with pytest.raises(TypeError, match=r"small_mobilenet_v2: batch_norm must be a mapping .*; got 'keras'"):
        small_mobilenet_v2(batch_norm="keras")


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_row_is_any_four_numbers(kind):
    plain = small_mobilenet_v2(rows=[kind(row) for row in TABLE], seed=1)
    for name, a in small_mobilenet_v2(rows=TABLE, seed=1).params.items():
        assert np.array_equal(a, plain.params[name])


@pytest.mark.parametrize(
    ("rows", "got"), [([(1, 4, 1)], r"\(1, 4, 1\)"), ([Row(1, 4, 1, 1), 6], "6"), (6, "6"), (["abcd"], "'abcd'")]
)
def test_what_is_no_table_is_told(rows, got):
    with pytest.raises(TypeError, match=rf"small_mobilenet_v2: rows must be \(t, c, n, s\) each; got {got}"):
        small_mobilenet_v2(rows=rows)
