"""What is in a figure, however deep it lies: in axes, or in the boxes that lay it out."""

from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from npconv.figures import Figure


def texts(figure: Figure) -> list[str]:
    """All texts, in the order of drawing."""
    return [text.get_text() for text in figure.figure.findobj(Text) if text.get_text()]


def shapes(figure: Figure) -> dict[str, PolyCollection]:
    """The polygons of a volume's faces and of cells, by their names."""
    return {str(shape.get_gid()): shape for shape in figure.figure.findobj(PolyCollection)}
