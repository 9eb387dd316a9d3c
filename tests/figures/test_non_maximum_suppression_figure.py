"""non-maximum-suppression shows who suppresses whom, as loops over pixels and candidates find it."""

import numpy as np
import pytest
from artists import drawing_of, patches, polygons, texts
from figure_cases import drawn, names
from matplotlib.patches import Rectangle

from npconv.figures import Figure, non_maximum_suppression

ALL = names(non_maximum_suppression)


def overlap(one: list[float], other: list[float]) -> float:
    """IoU by counting the rows and columns of quarters of pixels."""
    (rows, columns), (other_rows, other_columns) = (
        [set(range(round(4 * box[i]), round(4 * box[i + 2]))) for i in (0, 1)] for box in (one, other)
    )
    common = len(rows & other_rows) * len(columns & other_columns)
    return common / (len(rows) * len(columns) + len(other_rows) * len(other_columns) - common)


def suppressed(overlaps: np.ndarray, threshold: float) -> list[int | None]:
    """By whom each candidate of falling score is suppressed: the best that is left suppresses all others that are."""
    by: dict[int, int] = {}
    kept: list[int] = []
    for i in range(len(overlaps)):
        if i not in by:
            kept.append(i)
            by |= {j: i for j in range(i + 1, len(overlaps)) if j not in by and overlaps[i, j] > threshold}
    return [by.get(i) for i in range(len(overlaps))]


@pytest.mark.parametrize("name", ALL)
def test_it_suppresses_what_loops_suppress(name: str) -> None:
    data = drawn(non_maximum_suppression, name).data
    candidates = data["candidates"]
    scores = [each["score"] for each in candidates]
    assert scores == sorted(scores, reverse=True)
    overlaps = np.array([[overlap(one["box"], other["box"]) for other in candidates] for one in candidates])
    np.testing.assert_allclose(data["iou"], overlaps, rtol=1e-12)
    expected = suppressed(overlaps, data["threshold"])
    assert [each["suppressed by"] for each in candidates] == [
        None if i is None else "ABCDEFGHIJKL"[i] for i in expected
    ]
    assert [each["kept"] for each in candidates] == [i is None for i in expected]


def test_the_default_has_every_case() -> None:
    figure = drawn(non_maximum_suppression)
    said = texts(figure)
    assert "suppressed by A: 0.76 > 0.5" in said
    assert "stays: B is gone already" in said
    assert "stays: 0.5 with A is not above 0.5" in said  # at the threshold
    e, f = figure.data["candidates"][4:6]
    assert e["score"] == f["score"]  # and the first of them is kept
    assert e["index"] < f["index"]
    assert (e["kept"], f["kept"]) == (True, False)
    assert figure.data["iou"][6][0] == 0.5
    for words in ("5 of 7 candidates", "A, C, D, E and G", "framed ones equal the threshold"):
        assert words in figure.caption
    assert "B, score 0.90, suppressed by A: 0.76 > 0.5" in figure.alt


def frames(figure: Figure, picture: str) -> dict[str, Rectangle]:
    found = {gid: patch for gid, patch in patches(figure).items() if gid.startswith(f"{picture}-")}
    assert all(isinstance(patch, Rectangle) for patch in found.values())
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("name", ALL)
def test_boxes_are_drawn_to_scale_and_dashed_where_suppressed(name: str) -> None:
    figure = drawn(non_maximum_suppression, name)
    candidates = figure.data["candidates"]
    kept = [i for i, each in enumerate(candidates) if each["kept"]]
    assert set(frames(figure, "candidates")) == {f"candidates-candidate-{i}" for i in range(len(candidates))}
    assert set(frames(figure, "left")) == {f"left-left-{i}" for i in kept}
    both = frames(figure, "suppressed")
    assert {gid for gid in both if "kept" in gid} == {f"suppressed-kept-{i}" for i in kept}
    assert all((patch.get_linestyle() == "--") == ("suppressed-suppressed" in gid) for gid, patch in both.items())
    inches = set()
    for i, each in enumerate(candidates):
        top, left, bottom, right = each["box"]
        frame = frames(figure, "candidates")[f"candidates-candidate-{i}"]
        scale = frame.get_width() / (right - left)
        assert frame.get_height() == pytest.approx(scale * (bottom - top))
        assert frame.get_xy() == pytest.approx((scale * left, -scale * bottom))
        inches.add(round(scale, 9))
    assert len(inches) == 1


def cells(figure: Figure, part: str) -> list[tuple[int, int]]:
    """The rows and columns of filled cells."""
    width, height = 0.5, 0.2
    return [(round(-p[0, 1] / height), round(p[0, 0] / width)) for p in polygons(figure, f"iou-{part}")]


@pytest.mark.parametrize("name", ALL)
def test_the_table_has_what_was_compared_what_suppresses_and_what_is_equal(name: str) -> None:
    figure = drawn(non_maximum_suppression, name)
    overlaps, threshold = np.array(figure.data["iou"]), figure.data["threshold"]
    by = suppressed(overlaps, threshold)
    above = [(i, j) for i, j in enumerate(by) if j is not None]
    assert cells(figure, "above") == above
    compared = [(i, j) for i in range(len(by)) for j in range(i) if by[j] is None and (by[i] is None or j <= by[i])]
    assert sorted(cells(figure, "compared") + above) == compared
    assert set(cells(figure, "cells")) == {(i, j) for i in range(len(by)) for j in range(i)}
    framed = [p for p in patches(figure) if p == "iou-equal"]
    assert bool(framed) == any(overlaps[cell] == threshold for cell in compared)


def test_the_shown_index_is_the_callers() -> None:
    figure = drawn(non_maximum_suppression, "twelve")
    scores = np.array([each["score"] for each in figure.data["candidates"]])
    index = [each["index"] for each in figure.data["candidates"]]
    assert sorted(index) == list(range(12))
    assert index != sorted(index)
    assert np.all(np.diff(scores) <= 0)
    assert drawing_of(figure, "iou-cells") is not None
