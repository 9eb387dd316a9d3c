"""Table 1: every row's shapes, parameters and MACs are those of the plain loops, in symbols and in numbers."""

import functools
from typing import Any

import numpy as np
import pytest
from artists import extent, patches, places, texts
from matplotlib.text import Text
from plots import default_figure

from npconv import depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, bottleneck_table

ODD: dict[str, Any] = {
    "x": (1, 7, 5, 3), "expand": (3, 9), "depthwise": (3, 2, 9), "project": (9, 4), "stride": 2, "padding": "same",
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "the article's": {},
    "odd": ODD,
    "shortcut": {**ODD, "project": (9, 3), "stride": 1},
    "valid": {**ODD, "padding": "valid"},
    "padded by hand, two strides": {**ODD, "padding": ((0, 1), (2, 2)), "stride": (1, 2)},
    "no expansion": {**ODD, "expand": None, "depthwise": (3, 3, 3), "project": (3, 5)},
    "dilated": {**ODD, "dilation": 2, "stride": 1},
    "ones": {**ODD, "x": (1, 1, 1, 1), "expand": (1, 1), "depthwise": (1, 1, 1), "project": (1, 1), "stride": 1},
}
SMALL = [name for name in CASES if name != "the article's"]


@functools.cache
def drawn(name: str) -> Figure:
    return bottleneck_table(**CASES[name]) if CASES[name] else default_figure("bottleneck-table")


@pytest.mark.parametrize("name", SMALL)
def test_its_rows_are_the_loops(name: str) -> None:
    case, random = CASES[name], np.random.default_rng(3)
    x, depthwise, project = (random.normal(size=case[key]) for key in ("x", "depthwise", "project"))
    geometry = {key: case.get(key, 1) for key in ("stride", "padding", "dilation")}
    counts, shapes, params = [], [x.shape], []
    if case["expand"] is not None:
        expand = random.normal(size=case["expand"])
        counts.append(count_operations(pointwise_conv2d_loops, x, expand).multiplications)
        x = np.clip(pointwise_conv2d_loops(x, expand), 0, 6)
        shapes.append(x.shape)
        params.append(expand.size)
    counts.append(count_operations(depthwise_conv2d_loops, x, depthwise, **geometry).multiplications)
    x = np.clip(depthwise_conv2d_loops(x, depthwise, **geometry), 0, 6)
    counts.append(count_operations(pointwise_conv2d_loops, x, project).multiplications)
    shapes += [x.shape, pointwise_conv2d_loops(x, project).shape]
    params += [depthwise.size, project.size]

    data, rows = drawn(name).data, drawn(name).data["rows"]
    assert [row["input"] for row in rows] == [list(shape[1:]) for shape in shapes[:-1]]
    assert [row["output"] for row in rows] == [list(shape[1:]) for shape in shapes[1:]]
    assert [row["macs"] for row in rows] == counts
    assert [row["params"] for row in rows] == params
    assert [row["activation"] for row in rows] == ["ReLU6"] * (len(rows) - 1) + ["linear"]
    assert (data["macs"], data["params"]) == (sum(counts), sum(params))
    written = "\n".join(texts(drawn(name))).split("\n")
    assert {"×".join(map(str, shape[1:])) for shape in shapes} <= set(written)
    assert {f"{number:,}" for number in (*counts, *params, sum(counts), sum(params))} <= set(written)


def test_the_articles_table() -> None:
    rows, written = drawn("the article's").data["rows"], "\n".join(texts(drawn("the article's")))
    assert [row["symbols"]["input"] for row in rows] == ["h×w×k", "h×w×tk", "h/s×w/s×tk"]
    assert [row["symbols"]["output"] for row in rows] == ["h×w×tk", "h/s×w/s×tk", "h/s×w/s×k′"]
    assert [row["operator"] for row in rows] == ["1×1 convolution", "3×3 depthwise, stride s", "1×1 convolution"]
    assert [row["macs"] for row in rows] == [56 * 56 * 24 * 144, 28 * 28 * 9 * 144, 28 * 28 * 144 * 32]
    assert {"then ReLU6", "linear, no activation", "10,838,016", "15,466,752"} <= set(written.split("\n"))
    assert "k = 24, t = 6, k′ = 32, s = 2" in written
    assert "Shortcut: none, as the stride is 2, and k = 24 but k′ = 32." in written


@pytest.mark.parametrize("name", SMALL)
def test_the_symbols_are_the_numbers(name: str) -> None:
    case, rows = CASES[name], drawn(name).data["rows"]
    height, width, k = case["x"][1:]
    small, kernel = rows[-1]["output"], case["depthwise"]
    strides = case["stride"] if isinstance(case["stride"], tuple) else (case["stride"],) * 2
    values = {"h": height, "w": width, "k": k, "k′": small[2], "tk": kernel[2], "h′": small[0], "w′": small[1]}
    values |= {"Dᵣ²": kernel[0] * kernel[1], "⌈h/s⌉": -(-height // strides[0]), "⌈w/s⌉": -(-width // strides[1])}
    values |= {"h/s": height / strides[0], "w/s": width / strides[1], "w/s²": width / strides[0] ** 2}
    for row in rows:
        for heading, key in (("parameters", "params"), ("MACs", "macs")):
            assert np.prod([values[symbol] for symbol in row["symbols"][heading].split("·")]) == row[key]
        for heading in ("input", "output"):
            assert [values[symbol] for symbol in row["symbols"][heading].split("×")] == row[heading]


@pytest.mark.parametrize(("case", "holds"), [({"stride": 1, "project": (144, 24)}, True), ({}, False)])
def test_the_papers_formula_holds_where_the_map_keeps_its_size(case: dict[str, Any], holds: bool) -> None:
    figure = bottleneck_table(**case) if case else drawn("the article's")
    value = 56 * 56 * 24 * 6 * (24 + 9 + case.get("project", (144, 32))[1])
    assert figure.data["formula"] == {"symbols": "h·w·k·t·(k + Dᵣ² + k′)", "value": value, "holds": holds}
    assert (figure.data["macs"] == value) is holds
    assert any(f"{value:,} MACs, holds here." in text for text in texts(figure)) is holds
    assert (f"not the paper's h·w·k·t·(k + Dᵣ² + k′) = {value:,}" in figure.caption) is not holds
    assert ("28×28, not 56×56" in figure.caption) is not holds
    assert figure.data["shortcut"] is holds
    assert (f"Shortcut: the input is added to the output, {56 * 56 * 24:,} additions." in texts(figure)) is holds


@pytest.mark.parametrize(
    ("case", "note"),
    [
        ({}, "“same” padding rounds up: ⌈7/2⌉ = 4, ⌈5/2⌉ = 3."),
        ({"x": (1, 7, 6, 3)}, "“same” padding rounds up: ⌈7/2⌉ = 4."),
        ({"padding": "valid"}, "h′×w′ = 3×2 with no padding; with “same” padding it is ⌈h/s⌉×⌈w/s⌉ = 4×3."),
        ({"x": (1, 8, 6, 3), "stride": (1, 2)}, "h′×w′ = 8×3: ⌈h/s⌉×⌈w/s⌉ with the stride of each side, (1, 2)."),
    ],
)
def test_it_says_where_the_map_is_not_simply_h_over_s(case: dict[str, Any], note: str) -> None:
    known = next((name for name, known in CASES.items() if known == {**ODD, **case}), None)
    assert note in texts(drawn(known) if known else bottleneck_table(**{**ODD, **case}))


def test_without_an_expansion_its_row_is_absent_and_it_says_so() -> None:
    figure = drawn("no expansion")
    assert [row["name"] for row in figure.data["rows"]] == ["depthwise", "project"]
    assert figure.data["formula"]["symbols"] == "h·w·k·(Dᵣ² + k′)"
    assert any(text.startswith("t = 1: there is no expansion") for text in texts(figure))
    assert not any("tk" in text for text in texts(figure))


@pytest.mark.parametrize("name", CASES)
def test_volumes_are_as_thick_as_channels_and_hatched_where_linear(name: str) -> None:
    figure, faces = drawn(name), patches(drawn(name))
    rows = figure.data["rows"]
    linear = [True, *(row["activation"] == "linear" for row in rows)]
    scale = extent(faces["input-0-front"])[1] / rows[0]["input"][0]
    for i, row in enumerate(rows):
        for column, is_linear in (("input", linear[i]), ("output", linear[i + 1])):
            height, _, channels = row[column]
            expected = channels * figure.data["inches per channel"], height * scale
            assert extent(faces[f"{column}-{i}-front"]) == pytest.approx(expected)
            for side in ("front", "top", "side"):
                assert faces[f"{column}-{i}-{side}"].get_hatch() == ("////" if is_linear else None)


def test_numbers_end_at_one_right_edge() -> None:
    figure = drawn("the article's")
    for key in ("params", "macs"):
        numbers = [f"{row[key]:,}" for row in figure.data["rows"]] + [f"{figure.data[key]:,}"]
        found = [t for t in figure.figure.findobj(Text) if t.get_text().split("\n")[-1] in numbers]
        assert len(found) == 4
        assert np.ptp([place.x1 for place in places(figure, *found)]) < 0.02
