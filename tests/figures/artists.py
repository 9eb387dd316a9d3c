"""What is in a figure, however deep it lies: in axes, or in the boxes that lay it out."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from npconv.figures import Figure
from npconv.figures.parts.layout import Drawing


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
