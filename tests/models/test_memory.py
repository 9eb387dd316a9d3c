"""The memory of the networks' maps: the paper's M(G) layer by layer, by blocks and by groups."""

import functools
import math
import tracemalloc

import numpy as np
import pytest

import npconv
from npconv.layers import (
    Conv2D,
    DepthwiseSeparable,
    GlobalAveragePool,
    InvertedResidual,
    ReLU6,
    ResidualBottleneck,
    Sequential,
)
from npconv.models import MOBILENET_V2_ROWS, mobilenet_v1, mobilenet_v2, summary
from npconv.models.memory import activation_memory

IMAGE = (1, 224, 224, 3)


@functools.cache
def v2():
    return mobilenet_v2()


@functools.cache
def v1():
    return mobilenet_v1()


def by_name(memory):
    return {row.name: row for row in memory.rows}


def bottlenecks():
    """(Dᵤ, Dᵥ, k, tk, k′) of the 17 blocks at 224×224, by a loop over the paper's table that shares nothing."""
    side, k = 112, 32
    for t, c, n, s in MOBILENET_V2_ROWS:
        for number in range(n):
            after = side // (s if number == 0 else 1)
            yield side, after, k, t * k, c
            side, k = after, c


# ---------------------------------------------------------------------------------------------------------------------
# M(G)


def test_mobilenet_v2_layer_by_layer():
    memory = activation_memory(v2(), IMAGE)
    assert (memory.peak.name, memory.peak.elements) == ("block_2.depthwise", 1_505_280)
    assert (memory.peak.inputs, memory.peak.outputs) == (112 * 112 * 96, 56 * 56 * 96)
    assert memory.peak.bytes == 4 * 1_505_280
    assert memory.input_shape == IMAGE
    rows = by_name(memory)
    assert (rows["stem"].inputs, rows["stem"].outputs) == (224 * 224 * 3, 112 * 112 * 32)
    for number, (before, after, k, tk, k_out) in enumerate(bottlenecks(), 1):
        if tk > k:
            assert rows[f"block_{number}.expand"].elements == before**2 * (k + tk)
        assert rows[f"block_{number}.depthwise"].elements == (before**2 + after**2) * tk
        assert rows[f"block_{number}.project"].elements == after**2 * (tk + k_out)
        shortcut = before == after and k == k_out
        assert (f"block_{number}.add" in rows) == shortcut
        if shortcut:
            assert (rows[f"block_{number}.add"].inputs, rows[f"block_{number}.add"].outputs) == (
                2 * before**2 * k,
                before**2 * k,
            )
    assert (rows["last"].elements, rows["pool"].elements, rows["classifier"].elements) == (
        49 * (320 + 1280),
        49 * 1280 + 1280,
        1280 + 1000,
    )
    assert len(rows) == 1 + 16 * 3 + 2 + 10 + 3


def test_mobilenet_v2_with_each_block_as_one_operation():
    memory = activation_memory(v2(), IMAGE, granularity="blocks", bytes_per_number=2)
    assert (memory.peak.name, memory.peak.elements, memory.peak.bytes) == ("block_1", 602_112, 1_204_224)
    rows = by_name(memory)
    assert list(rows) == ["stem", *(f"block_{number}" for number in range(1, 18)), "last", "pool", "classifier"]
    assert (rows["stem"].elements, rows["block_2"].elements) == (551_936, 275_968)
    for number, (before, after, k, _, k_out) in enumerate(bottlenecks(), 1):
        assert (rows[f"block_{number}"].inputs, rows[f"block_{number}"].outputs) == (before**2 * k, after**2 * k_out)


@pytest.mark.parametrize(
    ("groups", "largest", "elements"),
    [(1, "block_2", 1_781_248), (2, "block_2", 1_028_608), (3, "block_2", 777_728), (4, "block_1", 702_464),
     (5, "block_1", 689_920), (32, "block_1", 614_656), (960, "block_1", 614_656)],
)  # fmt: skip
def test_mobilenet_v2_with_its_blocks_in_groups(groups, largest, elements):
    memory = activation_memory(v2(), IMAGE, granularity="blocks", groups=groups)
    assert (memory.peak.name, memory.peak.elements) == (largest, elements)
    rows = by_name(memory)
    for number, (before, after, k, tk, k_out) in enumerate(bottlenecks(), 1):
        inner = (after**2 + (before**2 if tk > k else 0)) * math.ceil(tk / groups)
        assert rows[f"block_{number}"].inner == inner
        assert rows[f"block_{number}"].elements == before**2 * k + after**2 * k_out + inner
    assert rows["stem"].inner == rows["last"].inner == 0


def test_a_shortcut_that_waits_changes_operators_but_not_the_largest():
    plain, waiting = (activation_memory(v2(), IMAGE, shortcuts=shortcuts) for shortcuts in (False, True))
    assert plain.peak == waiting.peak
    for before, after in zip(plain.rows, waiting.rows, strict=True):
        number = int(after.name[6:].split(".")[0]) if after.name.startswith("block") else 1
        side, _, k, _, k_out = list(bottlenecks())[number - 1]
        keeps = k == k_out and side == list(bottlenecks())[number - 1][1]
        kept = side**2 * k if keeps and after.name.endswith(("depthwise", "project")) else 0
        assert (after.kept, after.elements) == (kept, before.elements + kept)
    blocks = activation_memory(v2(), IMAGE, granularity="blocks", shortcuts=True)
    assert not any(row.kept for row in blocks.rows)  # the input of the one operation already


def test_the_classifier_is_the_largest_block_where_weights_count():
    rows = by_name(activation_memory(v2(), IMAGE, weights=True))
    assert rows["block_2.depthwise"].elements == 1_505_280 + 9 * 96 + 4 * 96  # normalisation: four numbers a channel
    peak = activation_memory(v2(), IMAGE, granularity="blocks", weights=True).peak
    assert (peak.name, peak.weights, peak.elements) == ("classifier", 1_281_000, 1_283_280)
    counted = summary(v2(), IMAGE)
    assert sum(row.weights for row in rows.values()) == counted.params + counted.statistics


def test_mobilenet_v1_needs_less_layer_by_layer_and_more_in_groups():
    assert activation_memory(v1(), IMAGE).peak.elements == 112 * 112 * (32 + 64) == 1_204_224 < 1_505_280
    groups = {g: activation_memory(v1(), IMAGE, granularity="blocks", groups=g).peak for g in (1, 4)}
    assert [peak.name for peak in groups.values()] == ["block_1", "block_1"]
    assert [peak.inner for peak in groups.values()] == [112 * 112 * 32, 112 * 112 * 8]
    assert groups[4].elements == 1_304_576 > 702_464
    full = activation_memory(mobilenet_v1(0.25, convolution="standard"), IMAGE, granularity="blocks", groups=3)
    assert not any(row.inner for row in full.rows)  # one convolution a block: nothing lies within


def test_batch_and_sides_multiply_and_the_dtype_counts():
    double = mobilenet_v2(0.35, 10, dtype=np.float64)
    one, many = (activation_memory(double, (batch, 64, 96, 3), granularity="blocks", groups=3) for batch in (1, 5))
    for row, rows in zip(one.rows, many.rows, strict=True):
        assert rows.elements == 5 * row.elements
        assert row.bytes == 8 * row.elements


def test_a_block_alone_and_blocks_in_blocks():
    block = InvertedResidual(4, 4, 1, 2)
    rows = activation_memory(block, (2, 5, 6, 4), shortcuts=True).rows
    assert [(row.name, row.inputs, row.outputs, row.kept) for row in rows] == [
        ("expand", 240, 480, 0),
        ("depthwise", 480, 480, 240),
        ("project", 480, 240, 240),
        ("add", 480, 240, 0),
    ]
    nested = Sequential({"first": Sequential({"relu6": ReLU6(), "block": block}), "tail": ReLU6()})
    rows = activation_memory(nested, (2, 5, 6, 4), shortcuts=True).rows
    assert [(row.name, row.kept) for row in rows] == [
        ("first.relu6", 0),
        ("first.block.expand", 0),
        ("first.block.depthwise", 240),
        ("first.block.project", 240),
        ("first.block.add", 0),
    ]
    assert [row.name for row in activation_memory(nested, (2, 5, 6, 4), granularity="blocks").rows] == ["first"]


def test_the_peak_is_the_first_of_equals():
    network = Sequential({name: Conv2D(3, 3, 3, padding="same") for name in ("a", "b", "c")})
    assert activation_memory(network, (1, 9, 8, 3)).peak.name == "a"


def test_without_parameters_a_number_takes_as_much_as_a_float32():
    (row,) = activation_memory(Sequential({"pool": GlobalAveragePool()}), (2, 5, 6, 4)).rows
    assert row.bytes == 4 * (2 * 5 * 6 * 4 + 2 * 4)


def test_what_works_in_place_makes_no_operator():
    network = Sequential({"conv": Conv2D(3, 5, 3), "a": ReLU6(), "b": ReLU6(), "then": Conv2D(5, 2, 3)})
    rows = activation_memory(network, (1, 9, 8, 3)).rows
    assert [(row.name, row.inputs, row.outputs) for row in rows] == [
        ("conv", 9 * 8 * 3, 7 * 6 * 5),
        ("then", 7 * 6 * 5, 5 * 4 * 2),
    ]


def test_the_channels_of_a_depth_multiplier_are_split_too():
    network = Sequential({"block": DepthwiseSeparable(3, 4, 2, depth_multiplier=2)})
    (row,) = activation_memory(network, (2, 6, 8, 3), granularity="blocks", groups=4).rows
    assert (row.inputs, row.inner, row.outputs) == (2 * 48 * 3, 2 * 12 * 2, 2 * 12 * 4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"granularity": "rows"}, ValueError, "granularity must be one of layers, blocks; got 'rows'"),
        ({"groups": 2}, ValueError, "groups split blocks, so granularity must be \"blocks\"; got 'layers'"),
        ({"groups": 0, "granularity": "blocks"}, ValueError, "groups must be at least 1; got 0"),
        ({"groups": 2.0, "granularity": "blocks"}, TypeError, "groups must be an int; got 2.0"),
        ({"bytes_per_number": True}, TypeError, "bytes_per_number must be an int; got True"),
        ({"shortcuts": "no"}, TypeError, "shortcuts must be a bool; got 'no'"),
        ({"weights": "no"}, TypeError, "weights must be a bool; got 'no'"),
        ({"groups": 2, "granularity": "blocks"}, ValueError,
         "whose inner channels stay apart; got mixes of PointwiseConv2D, Conv2D, PointwiseConv2D"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(options, error, message):
    network = Sequential({"mixes": ResidualBottleneck(4, 2)})
    with pytest.raises(error) as raised:
        activation_memory(network, (1, 5, 6, 4), **options)
    assert str(raised.value).startswith("activation_memory: ")
    assert message in str(raised.value)


# ---------------------------------------------------------------------------------------------------------------------
# Measured


def test_a_real_block_in_groups_needs_what_the_formula_says():
    """Block 2 at 112×112: the measured peak, x included, is the formula's and the zeros around one group's map."""
    rng = np.random.default_rng(0)
    shapes = ((1, 112, 112, 16), (16, 96), (3, 3, 96), (96, 24))
    x, expand, depthwise, project = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    network = Sequential({"block": InvertedResidual(16, 24, 2, 6, batch_norm=None)})
    excess = {}
    for groups in (1, 2, 4, 8):
        formula = activation_memory(network, x.shape, granularity="blocks", groups=groups).peak.bytes
        npconv.inverted_residual_split(x, expand, depthwise, project, groups=groups, stride=2)
        tracemalloc.start()
        try:
            npconv.inverted_residual_split(x, expand, depthwise, project, groups=groups, stride=2)
            measured = x.nbytes + tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        padding = 4 * (113**2 - 112**2) * -(-96 // groups)  # the one row and column of zeros
        excess[groups] = measured - formula - padding
        assert measured / formula < 1.08, groups  # 1.02, and what einsum holds in older NumPys
    assert all(0 <= rest < 120_000 for rest in excess.values()), excess
