"""Figures drawn once for all tests, and the named lines, the legend and the note of line plots."""

import functools
from typing import Any

from matplotlib.axes import Axes

from npconv.figures import BUILDERS, Figure


@functools.cache
def default_figure(name: str) -> Figure:
    """The figure as its builder draws it without arguments."""
    return BUILDERS[name]()


def named(axes: Axes) -> dict[str, list[Any]]:
    """The lines and texts of a plot, by name."""
    found: dict[str, list[Any]] = {}
    for artist in (*axes.lines, *axes.texts):
        found.setdefault(artist.get_gid() or "", []).append(artist)
    return found


def legend(axes: Axes) -> list[str]:
    """The words of a plot's legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]


def note(figure: Figure) -> str:
    """The text above the plots, in one line."""
    return " ".join(figure.figure.texts[0].get_text().split())
