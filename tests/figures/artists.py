"""What is in a figure, however deep it lies: in axes, or in the boxes that lay it out."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox

from npconv.figures import Figure, style
from npconv.figures.parts.layout import Drawing
from npconv.text import number_text


def texts(figure: Figure) -> list[str]:
    """All texts, in the order of drawing."""
    return [text.get_text() for text in figure.figure.findobj(Text) if text.get_text()]


def shapes(figure: Figure) -> dict[str, PolyCollection]:
    """The polygons of a volume's faces and of cells, by their names."""
    return {str(shape.get_gid()): shape for shape in figure.figure.findobj(PolyCollection)}


def polygons(figure: Figure, name: str) -> list[np.ndarray]:
    """The corners of each polygon, from all collections of that name."""
    found = [shape for shape in figure.figure.findobj(PolyCollection) if shape.get_gid() == name]
    return [path.vertices for shape in found for path in shape.get_paths()]


def drawing_of(figure: Figure, name: str) -> Drawing:
    """The drawing that has the collection of that name."""
    return next(d for d in figure.figure.findobj(Drawing) if any(a.get_gid() == name for a in d.get_children()))


def framed(figure: Figure, name: str) -> set[tuple[int, int]]:
    """The (row, column) of the cells of that front face under a frame, found by their middles."""
    corners = np.array([polygon[:4] for polygon in polygons(figure, name)])
    middles = corners.mean(axis=1)
    side = corners[0, :, 0].max() - corners[0, :, 0].min()
    left, top = corners[..., 0].min(), corners[..., 1].max()
    cells = set()
    for frame in drawing_of(figure, name).findobj(Rectangle):
        (x0, y0), (x1, y1) = frame.get_bbox().get_points()
        inside = (middles[:, 0] > x0) & (middles[:, 0] < x1) & (middles[:, 1] > y0) & (middles[:, 1] < y1)
        cells |= {(round((top - y) / side - 0.5), round((x - left) / side - 0.5)) for x, y in middles[inside]}
    return cells


def patches(figure: Figure) -> dict[str, Patch]:
    """The polygons, rectangles and circles that have a name, by it."""
    return {str(patch.get_gid()): patch for patch in figure.figure.findobj(Patch) if patch.get_gid()}


def lines(figure: Figure) -> dict[str, Line2D]:
    """The lines that have a name, by it."""
    return {str(line.get_gid()): line for line in figure.figure.findobj(Line2D) if line.get_gid()}


def places(figure: Figure, *artists: Artist) -> list[Bbox]:
    """Where artists stand, in inches from the lower left corner."""
    with style():
        figure.figure.draw_without_rendering()
        renderer = FigureCanvasAgg(figure.figure).get_renderer()
        scale = Affine2D().scale(1 / figure.figure.dpi)
        return [artist.get_window_extent(renderer).transformed(scale) for artist in artists]


def extent(patch: Patch) -> tuple[float, float]:
    """The width and the height of a polygon, as it was made."""
    width, height = np.ptp(patch.get_path().vertices, axis=0)
    return width, height


def numbers_in(figure: Figure, name: str) -> list[str]:
    """The texts in the middle of each of the polygons of a part, in their order."""
    parts = drawing_of(figure, name).get_children()
    at = [(text.get_position(), text.get_text()) for text in parts if isinstance(text, Text)]
    middles = [corners[:4].mean(axis=0) for part in parts if part.get_gid() == name for corners in _corners(part)]
    found = np.isclose(np.array(middles)[:, np.newaxis], [place for place, _ in at] or [(np.inf, 0)], atol=1e-6).all(-1)
    return [at[row.argmax()][1] if row.any() else "" for row in found]


def _corners(part: Any) -> list[np.ndarray]:
    return [path.vertices for path in part.get_paths()]


def written(numbers: Any) -> list[str]:
    """Numbers as they are written, in their order."""
    return [number_text(number) for number in np.array(numbers).flat]
