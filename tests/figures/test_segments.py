"""A segmented picture has the areas of loops, lines where classes meet, and labels that hide none of them."""

import io
import itertools
from typing import Any

import numpy as np
import pytest
from PIL import Image

from npconv.figures.parts.box_pictures import _touch
from npconv.figures.parts.found import FoundPen
from npconv.figures.parts.segments import areas, label_areas, outlines, percent_text, picture_of_segments, tinted

MASK = np.array(
    [
        [0, 1, 1, 0, 2],
        [0, 0, 0, 1, 2],
        [3, 3, 0, 2, 0],
        [1, 3, 0, 0, 0],
    ]
)
RNG = np.random.default_rng(5)


def flooded(mask: np.ndarray) -> set[tuple[int, frozenset[tuple[int, int]]]]:
    """Each area of a mask as its class and its pixels, found one pixel at a time."""
    left, found = set(np.ndindex(*mask.shape)), set()
    while left:
        edge = [left.pop()]
        area = set(edge)
        while edge:
            row, column = edge.pop()
            for step in itertools.product((-1, 0, 1), repeat=2):
                other = row + step[0], column + step[1]
                if other in left and mask[other] == mask[row, column]:
                    left.remove(other)
                    area.add(other)
                    edge.append(other)
        found.add((int(mask[min(area)]), frozenset(area)))
    return found


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 6), (12, 17)])
def test_areas_are_those_of_a_flood(size: tuple[int, int]) -> None:
    for mask in (RNG.integers(0, 3, size), (RNG.uniform(size=size) < 0.55).astype(np.int64), np.zeros(size, np.int64)):
        found = areas(mask, [0, 1, 2])
        pixels = {(area.label, frozenset(map(tuple, np.argwhere(area.inside).tolist()))) for area in found}
        assert pixels == flooded(mask)
        assert [area.pixels for area in found] == sorted((len(own) for _, own in pixels), reverse=True)
        for area in found:
            rows, columns = np.argwhere(area.inside).T
            assert area.box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_the_largest_area_of_a_class_is_kept_however_small() -> None:
    assert [(area.label, area.pixels) for area in areas(MASK, [1, 2, 3], 3)] == [(1, 3), (2, 3), (3, 3)]
    assert [(area.label, area.pixels) for area in areas(MASK, [1, 3], 1)] == [(1, 3), (3, 3), (1, 1)]
    assert [(area.label, area.pixels) for area in areas(MASK, [1], 10)] == [(1, 3)]


def test_lines_lie_where_classes_meet_and_none_twice() -> None:
    for mask in (MASK, RNG.integers(0, 3, (5, 8)), np.zeros((2, 3), np.int64)):
        sides = []
        for (x0, y0), (x1, y1) in outlines(mask).tolist():
            assert (x0 == x1) != (y0 == y1)
            sides += [(x, y0, x + 1, y0) for x in range(x0, x1)] + [(x0, y, x0, y + 1) for y in range(y0, y1)]
        rows, columns = mask.shape
        expected = [
            (c, r, c + 1, r) for r in range(1, rows) for c in range(columns) if mask[r, c] != mask[r - 1, c]
        ] + [(c, r, c, r + 1) for r in range(rows) for c in range(1, columns) if mask[r, c] != mask[r, c - 1]]
        assert sorted(sides) == sorted(expected)


def test_only_the_given_classes_are_tinted() -> None:
    pixels = RNG.integers(0, 256, (*MASK.shape, 3)).astype(np.uint8)
    before = pixels.copy()
    mixed = tinted(pixels, MASK, [2, 12])
    assert (pixels == before).all()
    assert (mixed[MASK != 2] == pixels[MASK != 2]).all()
    tint = np.array([0x56, 0xB4, 0xE9])
    np.testing.assert_allclose(mixed[MASK == 2], 0.4 * pixels[MASK == 2] + 0.6 * tint, atol=0.51)


@pytest.mark.parametrize("size", [(300, 200), (40, 400), (700, 60)])
def test_labels_lie_in_the_picture_and_on_no_other(size: tuple[int, int]) -> None:
    mask = np.repeat(np.repeat(RNG.integers(0, 4, (4, 5)), size[0] // 4, axis=0), size[1] // 5, axis=1)
    found = areas(mask, [0, 1, 2, 3])
    words = [f"class {area.label}" for area in found]
    pen = FoundPen(np.zeros((*mask.shape, 3), np.uint8), words)
    written = label_areas(pen, mask, found, words)
    assert written[0]
    assert len(pen.taken) == sum(written)
    for left, right, low, high in pen.taken:
        assert min(left, -high) > -1e-6
        assert right < mask.shape[1] * pen.inches + 1e-6
        assert -low < mask.shape[0] * pen.inches + 1e-6
    assert not any(_touch(one, other) for one, other in itertools.combinations(pen.taken, 2))


def test_a_label_stands_on_a_large_area_and_beside_a_small_one() -> None:
    mask = np.zeros((200, 300), np.int64)
    mask[20:150, 30:120] = 1
    mask[100:104, 220:224] = 2
    found = areas(mask, [1, 2])
    pen = FoundPen(np.zeros((*mask.shape, 3), np.uint8), ["large", "small"])
    assert label_areas(pen, mask, found, ["large", "small"]) == [True, True]
    windows = [mask[int(-high / pen.inches) : int(-low / pen.inches), int(left / pen.inches) : int(right / pen.inches)]
               for left, right, low, high in pen.taken]  # fmt: skip
    assert (windows[0] == 1).all()
    assert (windows[1] == 0).all()
    left, right, low, high = (side / pen.inches for side in pen.taken[1])
    assert max(left - 224, 220 - right, -high - 104, 100 + low) < -low + high


def test_an_area_has_no_label_where_the_only_place_is_far_away() -> None:
    mask = np.zeros((400, 100), np.int64)
    mask[2:5, 40:60] = 1
    found = areas(mask, [1])
    for taken, written in ((40, True), (300, False)):
        pen = FoundPen(np.zeros((*mask.shape, 3), np.uint8), ["1"])
        pen.taken.append((0, 100 * pen.inches, -taken * pen.inches, 0))
        assert label_areas(pen, mask, found, ["1"]) == [written]


def drawn(*arguments: Any, **options: Any) -> tuple[np.ndarray, str]:
    """The pixels of a picture, and its words."""
    with Image.open(io.BytesIO(picture_of_segments(*arguments, "png", **options))) as image:
        return np.asarray(image.convert("RGB")) / 255, image.info["Description"]


def test_the_picture_has_the_classes_and_tells_them() -> None:
    pixels = np.full((*MASK.shape, 3), 128, np.uint8)
    image, words = drawn(pixels, MASK, ("rest", "one", "two", "three"))
    assert image.shape[:2] == (512, 640)
    assert "A picture of 5×4 pixels with its classes tinted: one: 20 %, most at rows 0 to 2, columns 1 to 4; " in words
    assert "three: 15 %, most at rows 2 to 4, columns 0 to 2; the rest is rest." in words
    middles = image[64::128, 64::128]
    rest = MASK == 0
    assert np.abs(middles[rest] - 128 / 255).max() < 0.01
    assert np.abs(middles[~rest] - 128 / 255).max(axis=-1).min() > 0.1
    _, everything = drawn(pixels, MASK, ("rest", "one", "two", "three"), background=None)
    assert "rest: 50 %" in everything
    _, nothing = drawn(pixels, np.zeros_like(MASK), ("rest",))
    assert "with its classes tinted: none." in nothing


def test_the_same_bytes_come_twice_and_an_svg_has_them_too() -> None:
    pixels = RNG.integers(0, 256, (*MASK.shape, 3)).astype(np.uint8)
    for format in ("png", "svg"):
        first, second = (picture_of_segments(pixels, MASK, ("0", "1", "2", "3"), format) for _ in range(2))
        assert first == second
    assert "1: 20 %, most at" in first.decode()


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (60, 4)])
def test_pictures_of_any_size_are_drawn(size: tuple[int, int]) -> None:
    image, words = drawn(np.zeros((*size, 3), np.uint8), np.ones(size, np.int64), ("rest", "one"))
    assert image.shape[:2] == tuple(max(1, 640 // max(size)) * side for side in size)
    assert "one: 100 %" in words


def test_shares_are_written_with_what_digits_they_need() -> None:
    assert [percent_text(share) for share in (1, 0.5049, 0.0095, 0.00949, 0.0005, 0.00049, 0)] == [
        "100 %", "50 %", "1 %", "0.9 %", "0.1 %", "<0.1 %", "<0.1 %",
    ]  # fmt: skip
