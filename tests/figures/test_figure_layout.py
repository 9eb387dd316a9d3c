"""At usual and unusual sizes no two texts overlap, and nothing lies outside the canvas."""

from collections.abc import Callable

import numpy as np
import pytest
from figure_cases import CASES, drawn
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import Collection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from npconv.figures import BUILDERS, Figure, style

ALL = [(build, name) for build, cases in CASES.items() for name in cases]


@pytest.mark.parametrize(("build", "name"), ALL, ids=[f"{build.__name__}, {name}" for build, name in ALL])
def test_texts_are_apart_and_inside(build: Callable[..., Figure], name: str) -> None:
    check_layout(drawn(build, name))


@pytest.mark.parametrize("name", BUILDERS)
def test_texts_of_the_defaults_are_apart_and_inside(name: str, default: Callable[[str], Figure]) -> None:
    check_layout(default(name))


def legend_texts(legend: Legend | None) -> list[Text]:
    return [] if legend is None else [text for text in (*legend.get_texts(), legend.get_title()) if text.get_text()]


def box_of(text: Text, renderer: RendererAgg) -> Bbox:
    """A text's box, without its leader."""
    return Text.get_window_extent(text, renderer)


def check_layout(built: Figure) -> None:
    figure = built.figure
    with style():
        renderer = FigureCanvasAgg(figure).get_renderer()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Text, "draw", lambda *_: None)  # drawing sets the places of texts, which are measured below
            figure.draw_without_rendering()
        boxes = []
        for axes in figure.axes:
            texts = [*axes.texts, axes.title, axes._left_title, axes._right_title, *legend_texts(axes.get_legend())]
            if axes.axison:
                for axis in (axes.xaxis, axes.yaxis):
                    low, high = sorted(axis.get_view_interval())
                    texts += [axis.label, *(t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high)]
            boxes += [(t.get_text(), box_of(t, renderer)) for t in texts if t.get_text() and t.get_visible()]
        legends = [text for legend in figure.legends for text in legend_texts(legend)]
        legends = [artist for axes in figure.axes for artist in axes.artists if isinstance(artist, OffsetBox)]
        placed = [artist for box in (*figure.artists, *legends) for artist in box.findobj(include_self=False)]
        written = [
            t
            for t in (*figure.texts, *(t for part in figure.subfigs for t in part.texts), *legends, *placed)
            if isinstance(t, Text) and t.get_text()
        ]
        boxes += [(t.get_text(), box_of(t, renderer)) for t in written]
        shapes = [a for a in placed if isinstance(a, Line2D | Patch) and a.get_visible()]
        for artist in (*shapes, *(a for axes in figure.axes if not axes.axison for a in (*axes.patches, *axes.lines))):
            extent = artist.get_window_extent(renderer)
            assert figure.bbox.x0 <= extent.x0 <= extent.x1 <= figure.bbox.x1, artist
            assert figure.bbox.y0 <= extent.y0 <= extent.y1 <= figure.bbox.y1
        drawn = [c for axes in figure.axes if not axes.axison for c in axes.collections]
        for collection in (*drawn, *(a for a in placed if isinstance(a, Collection))):
            for path in collection.get_paths():
                corners = collection.get_transform().transform(path.vertices)
                assert np.all((corners >= 0) & (corners <= figure.bbox.size))
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    lows, highs = (np.array([[*getattr(box, corner)] for _, box in boxes]) for corner in ("min", "max"))
    shared = np.minimum(highs[:, None], highs) - np.maximum(lows[:, None], lows)  # (texts, texts, 2)
    overlaps = np.triu((shared >= 0.5).all(axis=-1), 1)
    assert figure.get_size_inches()[1] <= 13.2
    assert not overlaps.any(), [(boxes[i][0], boxes[j][0]) for i, j in np.argwhere(overlaps)]


@pytest.mark.parametrize("name", BUILDERS)
def test_no_text_is_below_seven_points(name: str, default: Callable[[str], Figure]) -> None:
    assert min(text.get_fontsize() for text in default(name).figure.findobj(Text) if text.get_text()) >= 7
