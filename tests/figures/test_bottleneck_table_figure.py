"""Table 1: every row's shapes, parameters and MACs are those of the plain loops, in symbols and in numbers."""

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Polygon
from matplotlib.text import Text

from npconv import depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, bottleneck_table

ODD: dict[str, Any] = {
    "x": (1, 7, 5, 3),
    "expand": (3, 9),
    "depthwise": (3, 2, 9),
    "project": (9, 4),
    "stride": 2,
    "padding": "same",
}
CASES: dict[str, dict[str, Any]] = {
    "odd": ODD,
    "shortcut": {**ODD, "project": (9, 3), "stride": 1},
    "valid": {**ODD, "padding": "valid"},
    "padded by hand, two strides": {**ODD, "padding": ((0, 1), (2, 2)), "stride": (1, 2)},
    "no expansion": {**ODD, "expand": None, "depthwise": (3, 3, 3), "project": (3, 5)},
    "dilated": {**ODD, "dilation": 2, "stride": 1},
    "ones": {**ODD, "x": (1, 1, 1, 1), "expand": (1, 1), "depthwise": (1, 1, 1), "project": (1, 1), "stride": 1},
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.figure.axes for text in axes.texts]


def text_artists(figure: Figure, text: str) -> list[Text]:
    return [artist for artist in figure.figure.axes[0].texts if artist.get_text() == text]


def face(figure: Figure, gid: str) -> Polygon:
    (patch,) = (p for p in figure.figure.axes[0].patches if p.get_gid() == gid and isinstance(p, Polygon))
    return patch


@pytest.mark.parametrize("name", CASES)
def test_its_rows_are_the_loops(name: str) -> None:
    case = CASES[name]
    generator = np.random.default_rng(3)
    arrays = {key: None if case[key] is None else generator.normal(size=case[key]) for key in ("x", "expand")}
    depthwise, project = generator.normal(size=case["depthwise"]), generator.normal(size=case["project"])
    geometry = {key: case.get(key, 1) for key in ("stride", "padding", "dilation")}
    x, counts, shapes, params = arrays["x"], [], [case["x"]], []
    assert x is not None
    if arrays["expand"] is not None:
        counts.append(count_operations(pointwise_conv2d_loops, x, arrays["expand"]).multiplications)
        x = np.clip(pointwise_conv2d_loops(x, arrays["expand"]), 0, 6)
        shapes.append(x.shape)
        params.append(arrays["expand"].size)
    counts.append(count_operations(depthwise_conv2d_loops, x, depthwise, **geometry).multiplications)
    x = np.clip(depthwise_conv2d_loops(x, depthwise, **geometry), 0, 6)
    counts.append(count_operations(pointwise_conv2d_loops, x, project).multiplications)
    shapes += [x.shape, pointwise_conv2d_loops(x, project).shape]
    params += [depthwise.size, project.size]

    figure = bottleneck_table(**case)
    rows = figure.data["rows"]
    assert [row["input"] for row in rows] == [list(shape[1:]) for shape in shapes[:-1]]
    assert [row["output"] for row in rows] == [list(shape[1:]) for shape in shapes[1:]]
    assert [row["macs"] for row in rows] == counts
    assert [row["params"] for row in rows] == params
    assert [row["activation"] for row in rows] == ["ReLU6"] * (len(rows) - 1) + ["linear"]
    assert (figure.data["macs"], figure.data["params"]) == (sum(counts), sum(params))
    written = texts(figure)
    for shape in shapes:
        assert "×".join(map(str, shape[1:])) in written
    for number in (*counts, *params, sum(counts), sum(params)):
        assert f"{number:,}" in written


def test_the_articles_table() -> None:
    figure = bottleneck_table()
    rows = figure.data["rows"]
    assert [row["symbols"]["input"] for row in rows] == ["h×w×k", "h×w×tk", "h/s×w/s×tk"]
    assert [row["symbols"]["output"] for row in rows] == ["h×w×tk", "h/s×w/s×tk", "h/s×w/s×k′"]
    assert [row["operator"] for row in rows] == ["1×1 convolution", "3×3 depthwise, stride s", "1×1 convolution"]
    assert [row["macs"] for row in rows] == [56 * 56 * 24 * 144, 28 * 28 * 9 * 144, 28 * 28 * 144 * 32]
    assert {"then ReLU6", "linear, no activation", "10,838,016", "15,466,752"} <= set(texts(figure))
    assert any("k = 24, t = 6, k′ = 32, s = 2" in text for text in texts(figure))


@pytest.mark.parametrize("name", CASES)
def test_the_symbols_are_the_numbers(name: str) -> None:
    case = CASES[name]
    figure = bottleneck_table(**case)
    height, width, k = case["x"][1:]
    small = figure.data["rows"][-1]["output"]
    taps = case["depthwise"][0] * case["depthwise"][1]
    wide = case["depthwise"][2]
    strides = case["stride"] if isinstance(case["stride"], tuple) else (case["stride"],) * 2
    values = {"h": height, "w": width, "k": k, "k′": small[2], "tk": wide, "Dᵣ²": taps, "h′": small[0], "w′": small[1]}
    values |= {"⌈h/s⌉": -(-height // strides[0]), "⌈w/s⌉": -(-width // strides[1]), "w/s²": width / strides[0] ** 2}
    values |= {"h/s": height / strides[0], "w/s": width / strides[1]}
    for row in figure.data["rows"]:
        for heading, key in (("parameters", "params"), ("MACs", "macs")):
            assert np.prod([values[symbol] for symbol in row["symbols"][heading].split("·")]) == row[key]
        for heading in ("input", "output"):
            assert [values[symbol] for symbol in row["symbols"][heading].split("×")] == row[heading.lower()]


@pytest.mark.parametrize(
    ("case", "holds"), [({"stride": 1}, True), ({"stride": 1, "project": (144, 24)}, True), ({}, False)]
)
def test_the_papers_formula_holds_where_the_map_keeps_its_size(case: dict[str, Any], holds: bool) -> None:
    figure = bottleneck_table(**case)
    k_out = case.get("project", (144, 32))[1]
    value = 56 * 56 * 24 * 6 * (24 + 9 + k_out)
    assert figure.data["formula"] == {"symbols": "h·w·k·t·(k + Dᵣ² + k′)", "value": value, "holds": holds}
    assert (figure.data["macs"] == value) is holds
    notes = [text for text in texts(figure) if f"{value:,}" in text and "Dᵣ²" in text]
    assert len(notes) == 1
    assert ("doesn't hold here" in notes[0]) is not holds
    assert any("28×28, not 56×56" in text for text in texts(figure)) is not holds


@pytest.mark.parametrize(
    ("case", "note"),
    [
        ({"x": (1, 57, 29, 24)}, "“same” padding rounds up: ⌈57/2⌉ = 29, ⌈29/2⌉ = 15."),
        ({"x": (1, 57, 30, 24)}, "“same” padding rounds up: ⌈57/2⌉ = 29."),
        ({"padding": "valid"}, "h′×w′ = 27×27 with no padding; with “same” padding it is ⌈h/s⌉×⌈w/s⌉ = 28×28."),
        ({"stride": (1, 2)}, "h′×w′ = 56×28: ⌈h/s⌉×⌈w/s⌉ with the stride of each side, (1, 2)."),
    ],
)
def test_it_says_where_the_map_is_not_simply_h_over_s(case: dict[str, Any], note: str) -> None:
    assert note in texts(bottleneck_table(**case))


def test_the_shortcut_is_told() -> None:
    assert "none, as the stride is 2, and k = 24 but k′ = 32" in texts(bottleneck_table())
    assert "none, as k = 24 but k′ = 32" in texts(bottleneck_table(stride=1))
    figure = bottleneck_table(stride=1, project=(144, 24))
    assert figure.data["shortcut"] is True
    assert f"the input is added to the output, {56 * 56 * 24:,} additions" in texts(figure)


def test_without_an_expansion_its_row_is_absent_and_it_says_so() -> None:
    figure = bottleneck_table(**CASES["no expansion"])
    assert [row["name"] for row in figure.data["rows"]] == ["depthwise", "project"]
    assert figure.data["formula"]["symbols"] == "h·w·k·(Dᵣ² + k′)"
    assert any(text.startswith("t = 1: there is no expansion") for text in texts(figure))
    assert not any("tk" in text for text in texts(figure))


@pytest.mark.parametrize("name", ["the article's", *CASES])
def test_volumes_are_as_thick_as_channels_and_hatched_where_linear(name: str) -> None:
    figure = bottleneck_table(**CASES.get(name, {}))
    rows = figure.data["rows"]
    linear = [True, *(row["activation"] == "linear" for row in rows)]
    for i, row in enumerate(rows):
        for column, is_linear in (("input", linear[i]), ("output", linear[i + 1])):
            front = face(figure, f"{column}-{i}-front")
            width, height = np.ptp(front.get_xy(), axis=0)
            assert width == pytest.approx(row[column][2] * figure.data["inches per channel"])
            assert height / row[column][0] == pytest.approx(
                np.ptp(face(figure, "input-0-front").get_xy(), axis=0)[1] / rows[0]["input"][0]
            )
            for side in ("front", "top", "side"):
                assert face(figure, f"{column}-{i}-{side}").get_hatch() == ("////" if is_linear else None)


def test_numbers_end_at_one_right_edge() -> None:
    figure = bottleneck_table()
    for key in ("params", "macs"):
        numbers = [f"{row[key]:,}" for row in figure.data["rows"]] + [f"{figure.data[key]:,}"]
        artists = [text_artists(figure, number)[0] for number in numbers]
        assert {artist.get_horizontalalignment() for artist in artists} == {"right"}
        assert len({artist.get_position()[0] for artist in artists}) == 1


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"x": (2, 56, 56, 24)}, "x must be one image"),
        ({"expand": (32, 144)}, "expand must be"),
        ({"depthwise": (3, 3, 24)}, "depthwise must be"),
        ({"project": (144, 0)}, "project must have every axis at least 1"),
        ({"project": (144, 24), "stride": 1, "padding": "valid"}, "padding must keep"),
        ({"x": (1, 2, 2, 24), "padding": "valid"}, "would be empty"),
        ({"x": (1, 56, 56, 1), "expand": (1, 144)}, "thick"),
    ],
)
def test_what_cannot_be_drawn_is_refused(case: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"bottleneck_table.*{words}"):
        bottleneck_table(**case)


@pytest.mark.parametrize("case", [{"x": 56}, {"expand": (24, True)}, {"padding": 1.5}])
def test_wrong_kinds_of_arguments_are_type_errors(case: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"bottleneck_table.*{next(iter(case))}"):
        bottleneck_table(**case)
