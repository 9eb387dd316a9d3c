"""The summary: a row for each layer that forward runs, with its shapes, arrays and operations; and how it reads."""

import json

import numpy as np
import pytest

import npconv
from npconv.cost import count_operations
from npconv.layers import BatchNorm, Conv2D, InvertedResidual, ReLU, ResidualBottleneck, Sequential
from npconv.models import Row, mobilenet_v1, mobilenet_v2, summary

ROWS = (Row(1, 8, 1, 1), Row(2, 16, 2, 2))
SHAPE = (2, 9, 6, 3)


@pytest.fixture(scope="module")
def network():
    return mobilenet_v2(rows=ROWS, classes=5, stem_channels=8, last_channels=16)


@pytest.fixture(scope="module")
def counted(network):
    return summary(network, SHAPE)


def test_every_layer_has_a_row_with_the_shapes_that_forward_has(network, counted, monkeypatch):
    seen = []

    def watched(forward):
        def run(x, training=False):
            y = forward(x, training)
            seen.append((x.shape, y.shape))
            return y

        return run

    leaves = list(network.leaves())
    for leaf in leaves:
        monkeypatch.setattr(leaf, "forward", watched(leaf.forward))
    network.forward(np.ones(SHAPE, np.float32))
    rows = [row for row in counted.rows if not row.adds]
    assert [(row.input_shape, row.output_shape) for row in rows] == seen
    assert [row.operation for row in rows] == [type(leaf).__name__ for leaf in leaves]
    assert [(row.params, row.statistics) for row in rows] == [
        tuple(sum(a.size for a in arrays.values()) for arrays in (leaf.params, leaf.state)) for leaf in leaves
    ]
    assert counted.output_shape == seen[-1][1]


def test_the_rows_stand_under_the_networks_own_names(network, counted):
    arrays = {name.rpartition(".")[0] for name in network.arrays()}
    names = [row.name for row in counted.rows]
    assert arrays == {row.name for row in counted.rows if row.params}
    assert names[:6] == [
        "stem", "stem_norm", "stem_relu6", "block_1.depthwise", "block_1.depthwise_norm", "block_1.depthwise_relu6",
    ]  # fmt: skip
    assert names[-6:] == ["block_3.add", "last", "last_norm", "last_relu6", "pool", "classifier"]
    sums = [(row.name, row.kind, row.operation) for row in counted.rows if row.adds]
    assert sums == [("block_1.add", "add", "Add"), ("block_3.add", "add", "Add")]


def test_totals_are_those_of_the_networks_arrays(network, counted):
    assert counted.params == sum(a.size for a in network.params.values())
    assert counted.statistics == sum(a.size for a in network.state.values())
    assert counted.weights == sum(a.size for name, a in network.params.items() if "_norm." not in name)
    assert counted.params - counted.weights == counted.statistics > 0


def test_macs_are_the_multiplications_that_forward_runs():
    network = mobilenet_v2(rows=ROWS, classes=5, stem_channels=8, last_channels=16).folded()  # which has no statistics
    leaves = [leaf for leaf in network.leaves() if leaf.params]

    def forward(x, *arrays):
        numbers = iter(arrays)
        for leaf in leaves:
            leaf.params = {name: next(numbers) for name in leaf.params}
        return network.forward(x)

    expected = summary(network, SHAPE).macs
    ran = count_operations(forward, np.ones(SHAPE), *(a for leaf in leaves for a in leaf.params.values()))
    assert ran.multiplications == expected


def test_a_kind_is_a_convolution_with_what_belongs_to_it(network, counted):
    for column in ("params", "weights", "statistics", "additions", "activation_bytes"):
        by_kind = counted.by_kind(column)
        assert sum(by_kind.values()) == counted.total(column) > 0
        assert 0 not in by_kind.values()
    assert list(counted.by_kind()) == ["stem", "expand", "depthwise", "project", "last", "classifier"]
    assert counted.by_kind("params")["expand"] == sum(a.size for n, a in network.params.items() if ".expand" in n)
    assert counted.by_kind("additions")["add"] == 2 * (5 * 3 * 8 + 3 * 2 * 16)  # the shortcuts of blocks 1 and 3


def test_kinds_of_other_networks_follow_as_they_occur():
    layers = {
        "last": Conv2D(3, 4, 3),
        "second_one": Conv2D(4, 4, 1),
        "first": Conv2D(4, 5, 3),
        "first_norm": BatchNorm(5),
    }
    rows = summary(Sequential(layers | {"first_relu": ReLU()}), (1, 7, 6, 3))
    assert list(rows.by_kind()) == ["last", "second_one", "first"]
    assert [row.kind for row in rows.rows[-3:]] == ["first"] * 3


def test_activation_bytes_are_those_of_the_networks_dtype(counted):
    rows = summary(mobilenet_v2(rows=ROWS, classes=5, stem_channels=8, last_channels=16, dtype=np.float64), SHAPE)
    first = rows.rows[0]
    assert first.activation_bytes == np.zeros(first.output_shape, np.float64).nbytes == 2 * 5 * 3 * 8 * 8
    assert rows.total("activation_bytes") == 2 * counted.total("activation_bytes")
    assert (counted.bytes_per_number, rows.bytes_per_number) == (4, 8)


def test_a_network_without_parameters_counts_float32():
    rows = summary(Sequential({"relu": ReLU()}), (2, 5, 3, 4))
    assert (rows.bytes_per_number, rows.total("activation_bytes")) == (4, 4 * 2 * 5 * 3 * 4)


def test_the_batch_counts_for_costs_and_not_for_parameters(counted, network):
    one = summary(network, (1, *SHAPE[1:]))
    assert (2 * one.macs, 2 * one.total("additions")) == (counted.macs, counted.total("additions"))
    assert (one.params, one.weights, one.statistics) == (counted.params, counted.weights, counted.statistics)


def test_a_layer_alone_is_a_row_or_some():
    (row,) = summary(Conv2D(3, 4, (3, 1)), (2, 7, 5, 3)).rows
    assert (row.name, row.kind, row.block, row.output_shape, row.macs) == (*["Conv2D"] * 3, (2, 5, 5, 4), 2 * 25 * 36)
    block = summary(InvertedResidual(4, 4, expansion=2), (1, 7, 5, 4))
    assert [row.name for row in block.rows if row.macs or row.adds] == [
        "expand", "depthwise", "project", "add",
    ]  # fmt: skip
    assert (
        block.macs == npconv.cost.inverted_residual_cost((1, 7, 5, 4), (4, 8), (3, 3, 8), (8, 4), padding="same").macs
    )
    inner = summary(Sequential({"a": Sequential({"b": ResidualBottleneck(8, 2)})}), (1, 5, 4, 8)).rows
    assert (inner[0].name, inner[-1].name, inner[-1].block) == ("a.b.reduce", "a.b.add", "a")


def test_a_folded_network_has_no_rows_of_normalisation(network, counted):
    folded = summary(network.folded(), SHAPE)
    assert folded.macs == counted.macs
    assert (folded.statistics, folded.weights) == (0, folded.params)
    assert folded.params == counted.weights + counted.statistics // 2  # a bias in place of scale and shift
    assert "running statistics" not in str(folded)


def test_json_has_it_all(counted):
    read = json.loads(counted.as_json())
    assert read == json.loads(json.dumps(counted.as_dict()))
    assert read["input_shape"] == list(SHAPE)
    assert read["output_shape"] == [2, 5]
    for column in ("macs", "params", "weights", "statistics", "additions", "activation_bytes"):
        assert read[column] == counted.total(column)
    assert list(read["macs_by_kind"]) == list(counted.by_kind())
    assert sum(read["weights_by_kind"].values()) == counted.weights
    assert [row["name"] for row in read["rows"]] == [row.name for row in counted.rows]
    assert read["rows"][3]["block"] == "block_1"
    assert sum(row["macs"] for row in read["rows"]) == counted.macs


def test_json_of_numpys_integers():
    network = mobilenet_v2(0.5, np.int64(5), rows=np.array(ROWS), stem_channels=np.int32(8), in_channels=np.int64(3))
    assert json.loads(summary(network, tuple(np.array(SHAPE))).as_json())["output_shape"] == [2, 5]


def cells(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_printed_it_lists_every_layer_under_its_block(counted):
    lines = str(counted).splitlines()
    table = lines[: lines.index("")]
    assert cells(table[0]) == ["layer", "operation", "output", "parameters", "MACs", "%", "activation bytes"]
    assert cells(table[1]) == ["input", "2×9×6×3"]
    for row in counted.rows:
        shape, numbers = "×".join(map(str, row.output_shape)), [row.params, row.macs, row.activation_bytes]
        share = f"{100 * row.macs / counted.macs:.1f}"
        printed = [row.operation, shape, f"{numbers[0]:,}", f"{numbers[1]:,}", share, f"{numbers[2]:,}"]
        name = row.name.removeprefix(f"{row.block}.")
        assert any(cells(line) == [name, *printed] for line in table), row.name
    blocks = [line for line in table if line.startswith("block_")]
    assert [cells(line)[:2] for line in blocks] == [
        ["block_1", "depthwise, project, add"],
        ["block_2", "expand, depthwise, project"],
        ["block_3", "expand, depthwise, project, add"],
    ]
    assert len({len(line) for line in table if not line.startswith("input")}) == 1  # the last column stands flush
    inside = table[table.index(blocks[0]) + 1 : table.index(blocks[1])]
    assert all(line.startswith("  ") for line in inside)
    assert len(inside) == 6
    sums = [sum(int(cells(line)[3].replace(",", "")) for line in inside), int(cells(blocks[0])[3].replace(",", ""))]
    assert sums[0] == sums[1]


def test_printed_a_block_has_its_last_layers_shape(counted):
    table, _ = counted.as_text("block").split("\n\n")
    printed = {cells(line)[0]: cells(line) for line in table.splitlines()}
    for block in ("stem", "block_2", "block_3", "last"):
        *_, last = (row for row in counted.rows if row.block == block)
        assert "×".join(map(str, last.output_shape)) in printed[block]


def test_printed_by_block_it_has_a_line_a_block(counted):
    table, kinds = counted.as_text("block").split("\n\n")
    assert [cells(line)[0] for line in table.splitlines()] == [
        "layer", "input", "stem", "block_1", "block_2", "block_3", "last", "pool", "classifier",
    ]  # fmt: skip
    assert sum(int(cells(line)[4].replace(",", "")) for line in table.splitlines()[2:]) == counted.macs
    assert kinds == counted.as_text("kind")
    assert str(counted).endswith(kinds)


def test_printed_by_kind_it_has_the_sums_and_the_totals(counted):
    lines = counted.as_text("kind").splitlines()
    assert [cells(line)[0] for line in lines[:-1]] == [
        "kind", "stem", "expand", "depthwise", "project", "add", "last", "pool", "classifier", "total",
    ]  # fmt: skip
    totals = [f"{n:,}" for n in (counted.macs, counted.weights, counted.params, counted.total("activation_bytes"))]
    assert cells(lines[-2]) == ["total", totals[0], "100.0", totals[1], "100.0", *totals[2:]]
    weights = counted.by_kind("weights")
    for line in lines[1:-2]:
        kind, _, _, number, share, *_ = cells(line)
        expected = weights.get(kind, 0)
        assert (number, share) == (f"{expected:,}", f"{100 * expected / counted.weights:.1f}"), kind
    assert lines[-1].endswith(f"it also has {counted.statistics:,} running statistics")


def test_printed_it_fits_a_page():
    for network in (mobilenet_v2(1.4), mobilenet_v1(0.25, convolution="standard")):
        assert max(map(len, str(summary(network, (64, 224, 224, 3))).splitlines())) <= 120


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model: summary([model], SHAPE), TypeError, "summary: model must be a Layer; got list"),
        (lambda model: summary(model, (1, 9.0, 6, 3)), TypeError, "summary: input_shape must be a tuple of ints"),
        (lambda model: summary(model, 224), TypeError, "summary: input_shape must be a tuple of ints"),
        (lambda model: summary(model, (1, 0, 6, 3)), ValueError, "summary: input_shape must have every"),
        (lambda model: summary(model, (9, 6, 3)), ValueError, r"\(9, 6, 3\)"),
        (lambda model: summary(model, (1, 9, 6, 4)), ValueError, r"\(1, 9, 6, 4\)"),
        (lambda model: summary(model, SHAPE).by_kind("flops"), ValueError, "by_kind: column must be one of macs"),
        (lambda model: summary(model, SHAPE).total("rows"), ValueError, "total: column must be one of macs, params"),
        (lambda model: summary(model, SHAPE).as_text("rows"), ValueError, "by must be one of layer, block, kind"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_said(call, error, message, network):
    with pytest.raises(error, match=message):
        call(network)
