"""Boxes are put where their neighbours leave room for them, and cells are as large as the page allows."""

import numpy as np
import pytest
from matplotlib.offsetbox import OffsetBox

from npconv.figures import style
from npconv.figures.parts.drawing import MARGIN, ROLES, TooLargeError, Volume
from npconv.figures.parts.layout import Drawing, Page, column, grid, row, space, text


def square(side: float) -> Drawing:
    drawing = Drawing()
    drawing.volume("square", Volume(1, 1, 0, cell=side), ROLES["input"])
    return drawing


def places(page: Page, box: OffsetBox, drawings: list[Drawing]) -> list[tuple[float, float]]:
    """The lower left corners of drawings on a finished page, in inches."""
    with style():
        figure = page.finish(box)
        figure.draw_without_rendering()
        corners = [
            d.get_children()[0].get_transform().transform(d.get_children()[0].get_paths()[0].vertices) for d in drawings
        ]
    return [tuple(np.round(corner.min(axis=0) / figure.dpi, 6)) for corner in corners]


@pytest.mark.parametrize(("across", "shift"), [("left", 0), ("center", 0.5), ("right", 1)])
@pytest.mark.parametrize(("along", "rise"), [("bottom", 0), ("center", 0.5), ("top", 1)])
def test_a_grid_aligns_its_columns_and_its_rows(across: str, shift: float, along: str, rise: float) -> None:
    large, small, wide, high = (square(side) for side in (1, 0.4, 2, 0.7))
    page = Page(6)
    box = grid([[large, small], [None, wide], [high, None]], gaps=(0.3, 0.2), across=across, along=along)
    assert page.size(box) == pytest.approx((1 + 0.3 + 2, 1 + 2 + 0.7 + 2 * 0.2))
    left, bottom = (6 - 3.3) / 2, MARGIN
    expected = [
        (left, bottom + 0.7 + 2 + 0.4),
        (left + 1.3 + 1.6 * shift, bottom + 3.1 + 0.6 * rise),
        (left + 1.3, bottom + 0.9),
        (left + 0.3 * shift, bottom),
    ]
    np.testing.assert_allclose(places(page, box, [large, small, wide, high]), expected, atol=0.006)


def test_a_grid_that_is_spread_has_wider_gaps_and_half_of_one_at_its_ends() -> None:
    one, other = square(1), square(1)
    page = Page(6)
    box = grid([[one, other]], gaps=(0.5, 0)).spread(page.inner)
    assert page.size(box)[0] == pytest.approx(page.inner)
    spare = (page.inner - 2.5) / 2
    expected = [(MARGIN + spare / 2, MARGIN), (MARGIN + spare * 1.5 + 1.5, MARGIN)]
    np.testing.assert_allclose(places(page, box, [one, other]), expected, atol=0.006)


def test_cells_are_the_largest_that_fit() -> None:
    page = Page(6)
    for width, high in ((None, None), (3.0, None), (None, 1.5)):
        box, cell = page.fitted(lambda cell: row(square(4 * cell), space(1, 0), gap=0), 9, width=width, height=high)
        room = min((width or page.inner) - 1, high or page.highest)
        assert room - 0.1 <= 4 * cell <= room
        assert page.size(box)[0] == pytest.approx(4 * cell + 1, abs=0.01)
    assert page.fitted(lambda cell: square(cell), 0.3)[1] == 0.3
    with pytest.raises(TooLargeError, match=r"too large to draw by 0\.3 in"):
        page.fitted(lambda cell: space(page.inner + 0.3, cell), 1)


def test_as_many_things_as_fit_are_drawn() -> None:
    page = Page(6, highest=4 + 2 * MARGIN)
    assert page.most(lambda count: space(1, 0.5 + 0.75 * count), 9) == 4
    assert page.most(lambda count: space(1, 0.5 + 0.75 * count), 3) == 3
    assert page.most(lambda count: space(1, 5 * count), 9) == 0
    assert page.most(lambda count: space(1, 0.1 * count + (3 if count > 5 else 0)), 20) == 10


def test_a_page_is_as_high_as_its_box_and_refuses_one_that_is_too_wide() -> None:
    page = Page(6)
    with style():
        figure = page.finish(column(square(1), text("words"), gap=0.25))
    words = Page(6).size(text("words"))[1]
    assert figure.get_size_inches() == pytest.approx((6, 1.25 + words + 2 * MARGIN), abs=0.02)
    with pytest.raises(TooLargeError, match=r"too wide to draw: 6\.00 in, where 5\.70 in are there"):
        Page(6).finish(space(6, 1))


def test_a_drawing_takes_the_room_of_its_labels_but_not_of_the_numbers_inside() -> None:
    page, drawing = Page(), square(1)
    drawing.text(0.5, -0.5, "a number that is very long", inside=True)
    assert page.size(drawing) == pytest.approx((1, 1))
    drawing.complete()
    assert page.size(drawing) == pytest.approx((1, 1))
    labelled = square(1)
    labelled.text(-0.1, -0.5, "label", across="right")
    assert page.size(labelled)[0] == pytest.approx(1.1 + page.size(text("label"))[0], abs=0.03)


def test_an_arrow_takes_the_same_room_whatever_it_was_drawn_in_before() -> None:
    drawing = Drawing()
    drawing.arrow((0, 0), (0.2, 0))
    page = Page()
    figure = page.finish(row(drawing))
    before = page.size(drawing)
    figure.set_dpi(300)
    figure.draw_without_rendering()
    figure.set_dpi(100)
    assert page.size(drawing) == before
