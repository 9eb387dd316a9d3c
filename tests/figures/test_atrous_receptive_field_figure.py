"""atrous-receptive-field shows taps at the places of loops over rows and columns, and counts those on the map."""

from typing import Any

import numpy as np
import pytest
from artists import lines, patches
from figure_cases import drawn, names

from npconv.checks import receptive_field
from npconv.figures import atrous_receptive_field

ALL = names(atrous_receptive_field)
V2 = (2, 1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)  # strides of its 3×3 convolutions


def taps_of(at: list[int], rate: int) -> list[list[int]]:
    return [[at[0] + i * rate, at[1] + j * rate] for i in (-1, 0, 1) for j in (-1, 0, 1)]


def is_inside(tap: list[int], size: list[int]) -> bool:
    return 0 <= tap[0] < size[0] and 0 <= tap[1] < size[1]


@pytest.mark.parametrize("name", ALL)
def test_taps_and_counts_are_those_of_loops(name: str) -> None:
    data = drawn(atrous_receptive_field, name).data
    size = data["map"]
    first, *atrous, pool = data["branches"]
    assert (first["name"], first["taps on the map"], pool["name"]) == ("1×1", 1, "image pool")
    assert pool["taps"] == pool["taps on the map"] == size[0] * size[1]
    assert atrous
    for branch in atrous:
        rate = branch["rate"]
        assert branch["taps"] == taps_of(data["at"], rate)
        assert branch["taps on the map"] == sum(is_inside(tap, size) for tap in branch["taps"])
        for r, c in np.ndindex(*size):
            assert branch["counts"][r][c] == sum(is_inside(tap, size) for tap in taps_of([r, c], rate))


@pytest.mark.parametrize("name", ALL)
def test_shares_fall_to_one_of_nine_where_the_rate_is_as_large_as_the_map(name: str) -> None:
    data = drawn(atrous_receptive_field, name).data
    assert [each["output stride"] for each in data["shares"]] == [data["output stride"], data["output stride"] // 2]
    for each in data["shares"]:
        shares, size = each["share by rate"], each["map"]
        assert size == [-(-side // each["output stride"]) for side in data["image"]]
        for rate, share in enumerate(shares, 1):
            along = [sum(0 <= i + d < n for i in range(n) for d in (-rate, 0, rate)) / n for n in size]
            assert share == pytest.approx(along[0] * along[1] / 9)
        alone = [rate for rate, share in enumerate(shares, 1) if share == pytest.approx(1 / 9)]
        assert alone == [max(size), max(size) + 1]


def read_along(axis: int, cells: list[int], data: dict[str, Any]) -> tuple[int, int]:
    """The first and the last pixel that cells of the map read along an axis, layer by layer from the map down."""
    sides, layers, reached, dilation = [data["image"][axis]], [], 1, 1
    for stride in V2:
        own = stride if reached * stride <= data["output stride"] else 1
        layers.append((sides[-1], own, dilation))
        dilation *= stride // own
        reached *= own
        sides.append(-(-sides[-1] // own))
    read = set(cells)
    for side, stride, rate in reversed(layers):
        before = max((-(-side // stride) - 1) * stride + 2 * rate + 1 - side, 0) // 2
        read = {i * stride + tap * rate - before for i in read for tap in range(3)} & set(range(side))
    return min(read), max(read) + 1


@pytest.mark.parametrize("name", ALL)
def test_pixels_are_those_that_the_network_reads(name: str) -> None:
    data = drawn(atrous_receptive_field, name).data
    for branch in data["branches"][:-1]:
        taps = branch["taps"] if branch["rate"] else [data["at"]]
        cells = [tap for tap in taps if is_inside(tap, data["map"])]
        top, bottom = read_along(0, [r for r, _ in cells], data)
        left, right = read_along(1, [c for _, c in cells], data)
        assert branch["reads"] == [top, left, bottom, right]
    assert data["branches"][-1]["reads"] == [0, 0, *data["image"]]


def test_the_default_has_the_papers_rates_and_map() -> None:
    figure = drawn(atrous_receptive_field)
    data = figure.data
    assert (data["image"], data["map"]) == ([513, 513], [33, 33])
    assert data["pixel rows"] == data["pixel columns"] == list(range(0, 513, 16))
    assert [branch["rate"] for branch in data["branches"]] == [0, 6, 12, 18, 0]
    assert [branch["taps on the map"] for branch in data["branches"]] == [1, 9, 9, 4, 1089]
    layers = [(3, stride, 1) for stride in V2[:14]] + [(3, 1, 1)] + [(3, 1, 2)] * 3
    assert len(receptive_field(*[((k, 1), (s, 1), (d, 1)) for k, s, d in layers])) == 491
    top, left, bottom, right = data["branches"][0]["reads"]
    middle = data["pixel rows"][data["at"][0]]
    assert (top, bottom - 1) == (max(0, middle - 245), middle + 245)
    assert (left, right) == (top, bottom)
    for words in ("at rate 18, 40 % of all taps read the map of 33×33", "4 of 9 at the cell that is drawn"):
        assert words in figure.caption
    assert "77 % at rate 6, 57 % at rate 12 and 40 % at rate 18; from rate 33 on" in figure.alt


@pytest.mark.parametrize("name", ALL)
def test_dots_stand_where_their_cells_are_centred(name: str) -> None:
    figure = drawn(atrous_receptive_field, name)
    data, drawn_lines = figure.data, lines(figure)
    fields = patches(figure)
    scales = []
    for n, branch in enumerate(data["branches"]):
        if branch["name"] == "image pool":
            continue
        taps = branch["taps"] if branch["rate"] else [data["at"]]
        _, left, _, right = branch["reads"]
        frame = fields[f"image-{n}-field-{n}"]
        scales.append(frame.get_width() / (right - left))
        stride = data["output stride"]
        first = data["pixel columns"][0], data["pixel rows"][0]
        for kind in ("inside", "outside"):
            own = [tap for tap in taps if is_inside(tap, data["map"]) == (kind == "inside")]
            if own:
                expected = [[first[0] + stride * c + 0.5, -(first[1] + stride * r + 0.5)] for r, c in own]
                np.testing.assert_allclose(drawn_lines[f"{kind}-{n}"].get_xydata() / scales[0], expected)
                assert (drawn_lines[f"{kind}-{n}"].get_markerfacecolor() == "white") == (kind == "outside")
            else:
                assert f"{kind}-{n}" not in drawn_lines
        if branch["rate"]:
            span = fields[f"image-{n}-span-{n}"]
            assert span.get_width() / scales[0] == pytest.approx((2 * branch["rate"] + 1) * stride)
    assert np.ptp(scales) < 1e-9


@pytest.mark.parametrize("name", ALL)
def test_the_curves_have_the_shares(name: str) -> None:
    figure = drawn(atrous_receptive_field, name)
    for each in figure.data["shares"]:
        ys = lines(figure)[f"share-{each['output stride']}"].get_ydata()
        np.testing.assert_allclose(ys, 1.9 * np.array(each["share by rate"]))
