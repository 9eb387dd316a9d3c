"""At usual and unusual sizes no two texts overlap, and nothing lies outside the canvas."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from npconv.figures import (
    Figure,
    cost_ratio_figure,
    per_channel_photograph,
    per_channel_view,
    standard_convolution,
    style,
)

SIZES = {
    "default": {},
    "one of all": {"x": (1, 1, 1, 1), "kernel": (1, 1, 1, 1)},
    "one channel": {"x": (1, 5, 4, 1), "kernel": (3, 2, 1, 2)},
    "many filters": {"kernel": (3, 3, 3, 128)},
    "many channels": {"x": (1, 7, 7, 36), "kernel": (3, 3, 36, 5)},
    "padded and strided": {"x": (1, 9, 11, 2), "kernel": (7, 5, 2, 3), "stride": 2, "padding": "same"},
    "flat": {"x": (1, 3, 20, 3), "kernel": (1, 7, 3, 4)},
    "high": {"x": (1, 20, 3, 4), "kernel": (7, 1, 4, 2), "dilation": (2, 1)},
    "fractions": {"x": np.linspace(-40, 40, 90).reshape(1, 6, 5, 3), "kernel": np.full((3, 3, 3, 2), 0.37)},
}
DRAWN: dict[str, Callable[[], Figure]] = {
    "the photograph": per_channel_photograph,
    "a wide photograph": lambda: per_channel_photograph(
        photograph=np.zeros((24, 200, 3), np.uint8), filter=np.ones((5, 3, 3), int)
    ),
    "the cost ratio": cost_ratio_figure,
    "one line": lambda: cost_ratio_figure(kernel_sizes=(2,), out_channels=(3, 96), depth_multipliers=(1,)),
}
for size, case in SIZES.items():
    DRAWN[f"volumes, {size}"] = lambda case=case: standard_convolution(**case)  # type: ignore[misc]
    DRAWN[f"channels, {size}"] = lambda case=case: per_channel_view(**case)  # type: ignore[misc]


@pytest.mark.parametrize("name", DRAWN)
def test_texts_are_apart_and_inside(name: str) -> None:
    with style():
        figure = DRAWN[name]().figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = []
        for axes in figure.axes:
            texts = [*axes.texts, *(axes.title, axes._left_title, axes._right_title)]
            if axes.axison:
                for axis in (axes.xaxis, axes.yaxis):
                    low, high = sorted(axis.get_view_interval())
                    texts += [axis.label, *(t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high)]
            boxes += [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text() and t.get_visible()]
        for artist in (a for axes in figure.axes if not axes.axison for a in (*axes.patches, *axes.lines)):
            extent = artist.get_window_extent(renderer)
            assert figure.bbox.x0 <= extent.x0 <= extent.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= extent.y0 <= extent.y1 <= figure.bbox.y1
        for collection in (c for axes in figure.axes if not axes.axison for c in axes.collections):
            for path in collection.get_paths():
                corners = figure.axes[0].transData.transform(path.vertices)
                assert np.all((corners >= 0) & (corners <= figure.bbox.size))
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    for (one, box), (other, beside) in combinations(boxes, 2):
        width = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        height = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        assert min(width, height) < 0.5, f"{one!r} and {other!r} overlap"


@pytest.mark.parametrize("build", [standard_convolution, per_channel_view, per_channel_photograph, cost_ratio_figure])
def test_no_text_is_below_seven_points(build: Callable[[], Figure]) -> None:
    assert min(text.get_fontsize() for axes in build().figure.axes for text in axes.texts) >= 7
