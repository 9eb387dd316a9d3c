"""The drawing that all figures share: every cell of a volume is a polygon in its place, every number is readable."""

import subprocess
import sys

import artists
import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from npconv.figures import Figure, style
from npconv.figures.parts import drawing
from npconv.figures.parts.layout import Drawing, Page
from npconv.figures.parts.values import array_from, place_from
from npconv.text import number_text


def polygons(figure, gid):
    return len(artists.polygons(figure, gid))


def drawn(volume, numbers=None):
    with style():
        picture = Drawing()
        fits = picture.volume("volume", volume, drawing.ROLES["input"], numbers)
        figure = Figure("volume", Page().finish(picture), {}, "", "")
    return figure, fits


@pytest.mark.parametrize(("height", "width", "channels"), [(3, 4, 2), (1, 1, 1), (7, 5, 8), (2, 3, 0)])
def test_a_volume_has_a_polygon_for_every_cell_of_its_three_faces(height, width, channels):
    figure, _ = drawn(drawing.Volume(height, width, channels, x=1, y=0, cell=0.25))
    assert polygons(figure, "volume-front") == height * width
    assert polygons(figure, "volume-top") == channels * width
    assert polygons(figure, "volume-side") == height * channels


def test_a_thick_volume_is_drawn_with_a_gap_and_says_how_many_channels_it_has_drawn():
    volume = drawing.Volume(3, 4, 128, x=1, y=0, cell=0.25)
    figure, _ = drawn(volume)
    assert volume.drawn_channels == 7
    assert polygons(figure, "volume-top") == 7 * 4
    assert polygons(figure, "volume-front") == 2 * 3 * 4


def test_padding_is_drawn_as_padding_on_every_face():
    figure, _ = drawn(drawing.Volume(3, 4, 2, padding=((0, 1), (1, 2)), x=1, y=0, cell=0.25))
    assert polygons(figure, "volume-front") == 3 * 4
    assert polygons(figure, "volume-front-padding") == 4 * 7 - 3 * 4
    assert polygons(figure, "volume-top") == 2 * 4  # nothing is padded above
    assert polygons(figure, "volume-top-padding") == 2 * 3
    assert polygons(figure, "volume-side") == 2 * 3  # the volume's own, within the hull
    assert polygons(figure, "volume-side-padding") == 4 * 2
    sealed, _ = drawn(drawing.Volume(3, 4, 2, padding=((1, 0), (1, 2)), x=1, y=0, cell=0.25, sealed=True))
    assert polygons(sealed, "volume-top") == polygons(sealed, "volume-side") == 0
    assert polygons(sealed, "volume-top-padding") == 2 * 7
    assert polygons(sealed, "volume-side-padding") == 4 * 2


def test_padding_does_not_hide_the_volume_and_its_zeros_do_not_cover_it():
    volume = drawing.Volume(3, 4, 3, padding=((1, 1), (1, 1)), x=1, y=0, cell=0.25)
    figure, _ = drawn(volume, [["0"] * 6 for _ in range(5)])
    assert not len(artists.shapes(figure)["volume-front-padding"].get_facecolor())
    written = {tuple(np.round(text.get_position(), 6)) for text in figure.figure.findobj(Text)}
    hidden = {(r, c) for r in range(5) for c in range(6) if tuple(np.round(volume.middle(r, c), 6)) not in written}
    assert hidden == {(0, c) for c in range(1, 6)} | {(r, 5) for r in range(4)}


def test_the_front_face_stays_square_and_channels_go_back_at_half_their_length():
    volume = drawing.Volume(2, 3, 4, x=1, y=5, cell=0.5)
    assert volume.point(0, 0) == (1, 5)
    assert volume.point(1, 1) == (1.5, 4.5)
    back = np.subtract(volume.point(0, 0, 1), volume.point(0, 0))
    assert np.hypot(*back) == pytest.approx(0.25)
    assert np.degrees(np.arctan2(back[1], back[0])) == pytest.approx(40)


def test_numbers_are_drawn_only_where_they_fit():
    volume = drawing.Volume(1, 2, 1, x=1, y=0, cell=0.25)
    assert drawn(volume, [["−1", "2"]])[1]
    figure, fits = drawn(volume, [["−1000", "2"]])
    assert not fits
    assert not artists.texts(figure)


def test_cells_apart_get_a_frame_each():
    with style():
        picture = Drawing()
        volume = drawing.Volume(5, 5, 1, x=1, y=0, cell=0.25)
        picture.frame(volume, [1, 2, 3], [0, 1])
        picture.frame(volume, [0, 2, 4], [0, 2])
    assert len([patch for patch in picture.get_children() if patch.get_gid() == "focus"]) == 1 + 6


def test_what_is_too_wide_is_an_error():
    with pytest.raises(ValueError, match="too wide to draw"):
        drawn(drawing.Volume(3, 40, 2, x=1, y=0, cell=0.25))


def test_the_callers_rcparams_stay_and_do_not_matter():
    with matplotlib.rc_context({"font.size": 31, "lines.linewidth": 9, "text.color": "red"}):
        before = dict(matplotlib.rcParams)
        figure, _ = drawn(drawing.Volume(2, 2, 1, x=1, y=0, cell=0.25), [["1", "2"], ["3", "4"]])
        assert dict(matplotlib.rcParams) == before
    assert {text.get_fontsize() for text in figure.figure.findobj(Text) if text.get_text()} == {9}


def test_importing_npconv_loads_no_matplotlib_and_the_figures_no_pyplot():
    code = (
        "import sys, npconv; assert 'matplotlib' not in sys.modules; "
        "import npconv.figures; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numbers_are_written_with_a_true_minus_and_two_decimals():
    assert [number_text(n) for n in (-3, np.int8(4), 2.0, 0.126, -0.0012, -12.5, 1e-15)] == [
        "−3", "4", "2", "0.13", "−1e−3", "−12.50", "0.00",
    ]  # fmt: skip


def test_arrays_that_cannot_be_drawn_are_errors_that_say_so():
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"f: x must hold finite numbers to draw; x \(2,\)"):
        array_from("f", "x", np.array([1, np.nan]), generator, 3)
    with pytest.raises(TypeError, match="f: x must hold real numbers; got dtype complex128"):
        array_from("f", "x", np.array([1j]), generator, 3)
    with pytest.raises(TypeError, match=r"f: x must be a numpy\.ndarray or the shape of one; got 3"):
        array_from("f", "x", 3, generator, 3)
    with pytest.raises(ValueError, match="every axis at least 1"):
        array_from("f", "x", (2, 0), generator, 3)
    with pytest.raises(TypeError, match="at must be a pair of ints"):
        place_from("f", (1.0, 2), 5, 5)
    with pytest.raises(ValueError, match="a place in the output, 5 by 4; got"):
        place_from("f", (1, 4), 5, 4)
