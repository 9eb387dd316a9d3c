"""The drawn lines are the measured times and the counted costs, and the words follow from them."""

import statistics
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from made import made_gpu, made_savings
from plots import legend, note

from npconv.cost import conv2d_cost, depthwise_separable_conv2d_cost
from npconv.data import read_json
from npconv.figures import Figure
from npconv.figures.predicted_and_measured import PARTS, predicted_and_measured


@pytest.fixture(scope="module", params=["what ships", "made"])
def figure(request: pytest.FixtureRequest, default: Callable[[str], Figure]) -> Figure:
    return (
        default("predicted-and-measured") if request.param == "what ships" else predicted_and_measured(made_savings())
    )


def lines(axes: Any) -> dict[str, list[Any]]:
    """A plot's lines by what the legend says of their looks."""
    legend = axes.get_legend()
    drawn = [a for a in axes.lines if (a.get_gid() or "").startswith("line-")]

    def look(a: Any) -> tuple[Any, ...]:
        return a.get_color(), a.get_linestyle(), a.get_marker(), a.get_markerfacecolor()

    samples = zip(legend.get_texts(), legend.get_lines(), strict=True)
    return {text.get_text(): [a for a in drawn if look(a) == look(sample)] for text, sample in samples}


def values(axes: Any, name: str) -> list[float]:
    (line,) = lines(axes)[name]
    np.testing.assert_array_equal(line.get_xdata(), np.arange(len(line.get_xdata())))
    return [float(y) for y in line.get_ydata()]


def test_the_drawn_ratios_are_the_counted_and_the_measured_ones(figure: Figure) -> None:
    layers = figure.data["layers"]
    ratios = figure.figure.axes[0]
    for layer in layers:
        exact = Fraction(1, layer["out_channels"]) + Fraction(1, layer["kernel_side"] ** 2)
        assert Fraction(layer["predicted"]) == exact
        assert layer["ratios"]["counted"] == float(exact)
    names = {"counted: 1/N + 1/Dᵣ²": "counted", "at NumPy's limits": "limit", "npconv": "npconv", "torch": "torch"}
    for name, key in names.items():
        assert values(ratios, name) == [layer["ratios"][key] for layer in layers]
        assert figure.data["medians"][key] == statistics.median(layer["ratios"][key] for layer in layers)
    ends = {names.get(name, name): measured[0].get_ydata()[-1] for name, measured in lines(ratios).items() if measured}
    assert list(ends.values()) == sorted(ends.values(), reverse=True)  # the legend is in the order of the lines' ends
    (no_gain,) = [a for a in ratios.lines if a.get_gid() == "no gain"]
    (limit,) = [a for a in ratios.lines if a.get_gid() == "1/Dᵣ², the limit"]
    assert (no_gain.get_ydata()[0], limit.get_ydata()[0]) == (1, 1 / 9)
    assert {"1", "1/9"} <= {label.get_text() for label in ratios.get_yticklabels()}


def test_the_drawn_intensities_and_speeds_are_those_of_the_parts(figure: Figure) -> None:
    layers = figure.data["layers"]
    _, intensity, speed = figure.figure.axes
    assert values(intensity, "the machine's balance:\nbelow it memory limits") == [layer["balance"] for layer in layers]
    for part in PARTS:
        assert values(intensity, part) == [layer["flops_per_byte"][part] for layer in layers]
        for function in ("npconv", "torch"):
            assert values(speed, f"{part}, {function}") == [layer["gflops"][function][part] for layer in layers]


@pytest.mark.usefixtures("undrawn")
def test_the_data_are_what_was_measured() -> None:
    measured = made_savings()
    for batch in (2, 5):
        data = predicted_and_measured(measured, batch=batch).data
        rows = [row for row in measured["separable"] if row["batch"] == batch]
        assert (data["batch"], data["rounds"], len(data["layers"])) == (batch, 7, len(rows))
        for layer, row in zip(data["layers"], rows, strict=True):
            assert {**row["ratios"], "counted": float(Fraction(row["predicted"]))} == layer["ratios"]
            assert layer["share of MACs"] == pytest.approx(9 / (9 + row["out_channels"]))
            for function, share in layer["share of time"].items():
                depthwise, pointwise = (row["milliseconds"][function][half] for half in ("depthwise", "pointwise"))
                assert share == pytest.approx(depthwise / (depthwise + pointwise))
            copied = row["bytes"]["depthwise"] / row["milliseconds"]["limit"]["depthwise"]
            multiplied = 2 * row["macs"]["standard"] / row["milliseconds"]["limit"]["standard"]
            assert layer["balance"] == pytest.approx(multiplied / copied)
    assert predicted_and_measured(measured).data["batch"] == 2


def test_the_counts_that_ship_are_those_of_the_layers() -> None:
    for row in read_json("separable_times.json")["separable"]:
        m, n, k, b = row["in_channels"], row["out_channels"], row["kernel_side"], row["batch"]
        x, geometry = (b, row["side"], row["side"], m), {"stride": row["stride"], "padding": k // 2}
        standard = conv2d_cost(x, (k, k, m, n), **geometry)
        separable = depthwise_separable_conv2d_cost(x, (k, k, m), (m, n), **geometry)
        assert (row["macs"]["standard"], row["macs"]["separable"]) == (standard.macs, separable.macs)
        assert Fraction(row["predicted"]) == Fraction(separable.macs, standard.macs)
        read, between, written = np.prod(x), np.prod(separable.parts["depthwise"].output_shape), standard.output_shape
        assert row["bytes"]["standard"] == 4 * (read + k * k * m * n + np.prod(written))
        assert row["bytes"]["depthwise"] == 4 * (read + k * k * m + between)
        assert row["bytes"]["pointwise"] == 4 * (between + m * n + np.prod(written))
        for part, bytes_moved in row["bytes"].items():
            assert row["flops_per_byte"][part] == pytest.approx(2 * row["macs"][part] / bytes_moved)
        for function, times in row["milliseconds"].items():
            assert row["ratios"][function] == pytest.approx(times["separable"] / times["standard"])
            for part, milliseconds in times.items():
                assert row["gflops"][function][part] == pytest.approx(2e-6 * row["macs"][part] / milliseconds)


def test_what_ships_is_of_mobilenet_v1_and_says_on_what_it_was_measured(default: Callable[[str], Figure]) -> None:
    figure = default("predicted-and-measured")
    assert len(figure.data["layers"]) == 13
    machine = figure.data["machine"]
    for words in (note(figure), figure.caption):
        assert "the 13 blocks of MobileNetV1 at 224, batch 1, float32" in words
        assert f"{machine['processor']} with {machine['threads']} thread" in words
        assert f"NumPy {machine['numpy']}, {machine['blas']}, torch {machine['torch']}" in words
    assert note(figure).startswith("Measured once and stored")


def test_the_table_below_has_each_layers_shape_in_its_column() -> None:
    figure = predicted_and_measured(made_savings(layers=3))
    lowest = figure.figure.axes[-1]
    (heads,) = (text.get_text() for text in lowest.texts)
    columns = [heads, *(label.get_text() for label in lowest.get_xticklabels())]
    assert list(zip(*(column.split("\n") for column in columns), strict=True)) == [
        ("layer", "1", "2", "3"), ("Dᵤ", "9", "10", "11"), ("stride", "1", "2", "1"), ("M", "3", "4", "5"),
        ("N", "4", "6", "8"),
    ]  # fmt: skip
    assert list(lowest.get_xticks()) == [0, 1, 2]


@pytest.mark.usefixtures("undrawn")
def test_the_words_are_the_numbers() -> None:
    measured = made_savings(layers=2, batches=(1,))
    for row, counted, timed in zip(measured["separable"], ("1/8", "1/4"), (0.5, 0.1), strict=True):
        row["predicted"] = counted
        row["ratios"] |= {"npconv": timed, "torch": 2.5, "limit": 0.25}
        row["milliseconds"]["npconv"] |= {"depthwise": 3.0, "pointwise": 1.0}
    caption = predicted_and_measured(measured).caption
    assert "is 4 to 8 times as cheap" in caption
    assert "2 to 10 times as fast in npconv (median 3.3), short of the count in 1 of 2 layers" in caption
    assert "0.4 times as fast in torch (median 0.4), short of the count in 2 of 2 layers" in caption
    assert "at NumPy's limits it would be 4 times" in caption
    assert "takes 75 % of its time in npconv" in caption
    assert "of MobileNetV1" not in caption
    assert "2 layers, batch 1, float32, medians of 7 rounds, on made processor with 3 threads, NumPy 9.8.7" in caption
    assert "npconv 0.1 to 0.5, median 0.3" in predicted_and_measured(measured).alt


def test_without_torch_it_is_npconv_alone() -> None:
    figure = predicted_and_measured(made_savings(functions=("limit", "npconv")))
    assert not any("torch" in word for axes in figure.figure.axes for word in legend(axes))
    assert "torch" not in figure.alt
    assert list(figure.data["medians"]) == ["counted", "limit", "npconv"]


def test_a_gpus_run_is_drawn_below_by_dtype() -> None:
    gpu = made_gpu()
    figure = predicted_and_measured(made_savings(), gpu=gpu)
    ratios, intensity, speed = figure.figure.axes[3:]
    assert all("on the GPU, batch 5" in axes.get_title(loc="left") for axes in (ratios, intensity, speed))
    assert values(ratios, "counted: 1/N + 1/Dᵣ²") == [row["ratios"]["counted"] for row in figure.data["layers"]]
    for dtype, balance in (("float32", 8.0), ("bfloat16", 9.0)):
        rows = [row for row in gpu["separable"] if (row["batch"], row["dtype"]) == (5, dtype)]
        assert len(rows) == 4
        assert values(ratios, f"torch, {dtype}") == [row["ratios"]["torch"] for row in rows]
        assert values(ratios, f"at the card's limits, {dtype}") == [row["ratios"]["limit"] for row in rows]
        for part in PARTS:
            assert values(intensity, f"{part}, {dtype}") == [row["flops_per_byte"][part] for row in rows]
            assert values(speed, f"{part}, {dtype}") == [row["gflops"]["torch"][part] for row in rows]
        (line,) = [line for line in intensity.lines if line.get_gid() == f"the card's balance, {dtype}"]
        assert set(line.get_ydata()) == {balance}
    assert {"no gain", "1/Dᵣ², the limit"} <= {line.get_gid() for line in ratios.lines}
    assert "1/9" in {label.get_text() for label in ratios.get_yticklabels()}


def test_what_is_above_a_gpus_run_stays_as_it_is_without_it() -> None:
    alone, both = (predicted_and_measured(made_savings(), gpu=gpu) for gpu in (None, made_gpu()))
    assert "gpu" not in alone.data
    assert both.data == alone.data | {"gpu": both.data["gpu"]}
    for before, after in zip(alone.figure.axes, both.figure.axes[:3], strict=True):
        assert legend(before) == legend(after)
        assert [list(line.get_ydata()) for line in before.lines] == [list(line.get_ydata()) for line in after.lines]
    assert both.alt.startswith(alone.alt)
    assert note(both).startswith(note(alone))


@pytest.mark.usefixtures("undrawn")
def test_of_a_gpu_the_largest_batch_with_all_layers_is_drawn() -> None:
    gpu = made_gpu(batches=(1, 2, 5))
    assert predicted_and_measured(made_savings(), gpu=gpu, gpu_batch=1).data["gpu"]["batch"] == 1
    del gpu["separable"][-1]  # as where time has run out
    data = predicted_and_measured(made_savings(), gpu=gpu).data["gpu"]
    assert (data["batch"], data["rounds"], list(data["layers"])) == (2, 7, ["float32", "bfloat16"])
    row = next(row for row in gpu["separable"] if (row["batch"], row["dtype"]) == (2, "bfloat16"))
    times = row["milliseconds"]["torch"]
    share = times["depthwise"] / (times["depthwise"] + times["pointwise"])
    assert data["layers"]["bfloat16"][0]["share of time"] == pytest.approx(share)


@pytest.mark.usefixtures("undrawn")
def test_the_words_of_a_gpus_run_are_its_numbers() -> None:
    gpu = made_gpu(layers=2, batches=(4,))
    for row, timed in zip(gpu["separable"], (0.5, 0.25, 2.0, 0.5), strict=True):
        row["ratios"] |= {"torch": timed, "limit": timed / 2}
        row["milliseconds"]["torch"] |= {"depthwise": 1.0, "pointwise": 3.0}
    figure = predicted_and_measured(made_savings(layers=2, batches=(1,)), gpu=gpu)
    assert "On made card at batch 4 it is, by the clock, 2 to 4 times as fast in float32 (median 2.7)" in figure.caption
    assert "at the card's limits it would be 4 to 8 times; 0.5 to 2 times as fast in bfloat16 (median" in figure.caption
    assert "the depthwise half takes 25 % in float32 and 25 % in bfloat16 of its time" in figure.caption
    network = "made network, is 8 times as cheap, and by the clock 4 times as fast in float32 and 5 times as fast in bf"
    assert network in figure.caption
    assert "on a GPU, made card, at batch 4: in float32 at the card's limits 0.12 to 0.25, median 0.19" in figure.alt
    assert "the card's balance 8 in float32, 9 in bfloat16" in figure.alt
    assert (
        "The whole network"
        not in predicted_and_measured(made_savings(layers=2, batches=(1,)), gpu=gpu | {"networks": []}).caption
    )


def test_the_note_says_on_what_gpu_it_was_measured() -> None:
    words = note(predicted_and_measured(made_savings(), gpu=made_gpu()))
    assert "On made card: torch 5.4, CUDA 3.2, cuDNN 987, driver 65.4, batch 5, medians of 7 rounds" in words
    assert "TF32 off" in words
