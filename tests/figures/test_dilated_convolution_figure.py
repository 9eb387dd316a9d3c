"""The positions that the figure fills are those that the loops read, and a tree's lines join them."""

import numpy as np
import pytest
from artists import drawing_of, polygons, texts
from figure_cases import drawn, names
from matplotlib.lines import Line2D

from npconv import conv2d_loops
from npconv.figures import Figure, dilated_convolution


def read_by_loops(size: int, rates: list[int], side: int) -> np.ndarray:
    """True where a 1 in an input of that side changes the one output of a stack of kernels of ones."""
    x = np.eye(side, dtype=int).reshape(side, side, 1, 1)  # along the height; a kernel of one column each
    for rate in rates:
        x = conv2d_loops(x, np.ones((size, 1, 1, 1), int), dilation=(rate, 1))
    assert x.shape == (side, 1, 1, 1)
    return x.ravel() > 0


@pytest.mark.parametrize("name", names(dilated_convolution))
def test_what_is_read_is_what_the_loops_read(name: str) -> None:
    data = drawn(dilated_convolution, name).data
    for stack in [*data["stacks"], *({"rates": [each["rate"]], "field": each["taps"]} for each in data["rates"])]:
        along = read_by_loops(data["kernel size"], stack["rates"], len(stack["field"]))
        np.testing.assert_array_equal(stack["field"], np.outer(along, along))
        if "along an axis" in stack:
            assert stack["read along an axis"] == f"{along.sum()} of {len(along)}"
            for layers, level in enumerate(stack["along an axis"]):
                rates = stack["rates"][len(stack["rates"]) - layers :]
                np.testing.assert_array_equal(level, read_by_loops(data["kernel size"], rates, len(level)))


def test_the_stacks_read_what_the_facts_say() -> None:
    figure = drawn(dilated_convolution)
    assert [text for text in texts(figure) if "inputs along an axis" in text] == [
        "15 of 15 inputs along an axis\n225 of 225 in all",
        "7 of 13 inputs along an axis\n49 of 169 in all: gridding",
        "13 of 13 inputs along an axis\n169 of 169 in all",
    ]
    assert "gridding, at 7 of 13 at rates 2, 2, 2" in figure.caption
    assert [np.shape(kernel["taps"]) for kernel in figure.data["rates"]] == [(3, 3), (5, 5), (9, 9)]


def lines(figure: Figure, number: int) -> set[tuple[float, ...]]:
    drawing = drawing_of(figure, f"stack-{number}-0-front")
    found = [line.get_xydata() for line in drawing.get_children() if isinstance(line, Line2D)]
    return {tuple(np.round(line.ravel(), 4)) for line in found}


@pytest.mark.parametrize("name", names(dilated_convolution))
def test_cells_are_filled_where_they_are_read_and_lines_join_them(name: str) -> None:
    figure = drawn(dilated_convolution, name)
    size = figure.data["kernel size"]
    for kernel in figure.data["rates"]:
        assert len(polygons(figure, f"kernel-{kernel['rate']}-cells")) == size**2
        assert len(polygons(figure, f"kernel-{kernel['rate']}-front")) == np.size(kernel["taps"])
    for n, stack in enumerate(figure.data["stacks"]):
        assert len(polygons(figure, f"stack-{n}-cells")) == np.sum(stack["field"])
        assert len(polygons(figure, f"stack-{n}-front")) == np.size(stack["field"])
        filled = [
            {round(float(cell[:4, 0].mean()), 4) for cell in polygons(figure, f"stack-{n}-{level}-cells")}
            for level in range(len(stack["rates"]) + 1)
        ]
        assert [len(level) for level in filled] == [sum(level) for level in stack["along an axis"]]
        joined = lines(figure, n)
        assert len(joined) == size * sum(map(len, filled[:-1]))
        below = [{x for x, y, end, low in joined if end in level} for level in filled[1:]]
        assert all(level <= starts for level, starts in zip(filled[:-1], below, strict=True))
        assert {end for *_, end, _ in joined} == set().union(*filled[1:])
        words = {f"δ = {rate}" for rate in stack["rates"]}
        assert words <= set(texts(figure))


def test_the_middle_of_what_is_filled_is_where_it_is_read() -> None:
    figure = drawn(dilated_convolution)
    field = np.array(figure.data["stacks"][1]["field"])
    cells = np.array([cell[:4].mean(axis=0) for cell in polygons(figure, "stack-1-cells")])
    front = np.concatenate([cell[:4] for cell in polygons(figure, "stack-1-front")])
    (left, _), (right, top) = front.min(axis=0), front.max(axis=0)
    side = (right - left) / len(field)
    places = {(int((top - y) / side), int((x - left) / side)) for x, y in cells}
    assert places == set(zip(*(index.tolist() for index in np.nonzero(field)), strict=True))
