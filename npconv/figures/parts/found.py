"""A picture with the objects found on it: a box around each, and its name and score in a label."""

import math
from collections.abc import Sequence

import matplotlib.figure
from matplotlib.artist import Artist
from matplotlib.transforms import Affine2D

from ...kernels.geometry import Array
from ...text import counted
from ..figure import Figure, style
from ..files import PNG_DPI, picture_bytes
from .box_pictures import BoxPen, label_width
from .drawing import LINE_COLORS

LEAST_SIDE = 640  # pixels of the longer side; smaller pictures are enlarged, each pixel to a square
LEAST_SCALE = 0.4  # of letters that can be read, and lines that can be seen


class FoundPen(BoxPen):
    """Boxes and labels on a picture that is a whole figure; the words are those of all labels."""

    def __init__(self, pixels: Array, words: Sequence[str]) -> None:
        height, width = pixels.shape[:2]
        times = max(1, LEAST_SIDE // max(height, width))
        inches = times / PNG_DPI
        widest = max((label_width(text) for text in words), default=1.0)
        scale = min(max(height, width) * times / LEAST_SIDE, width * inches / widest)  # so that each label has room
        scale = max(scale, LEAST_SCALE)
        super().__init__("found", inches, (0, 0, height, width), scale)
        self.figure = matplotlib.figure.Figure((width * inches, height * inches), dpi=PNG_DPI)
        self._place = Affine2D().translate(0, height * inches) + self.figure.dpi_scale_trans
        axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width * times), ylim=(height * times, 0))
        axes.set_axis_off()
        large = pixels.repeat(times, axis=0).repeat(times, axis=1)
        axes.imshow(large, extent=(0, width * times, height * times, 0), interpolation="nearest", aspect="auto")

    def add(self, artist: Artist) -> None:
        """Take an artist whose coordinates are inches."""
        artist.set_transform(self._place)
        self.figure.add_artist(artist)


def picture_of_found(pixels: Array, boxes: Array, labels: Sequence[int], words: Sequence[str], format: str) -> bytes:
    """The bytes of a PNG or an SVG: pixels (height, width, 3) of uint8, and boxes (n, 4) with words, best first.

    Boxes of one class have one colour. Each has dark letters on white, at an edge of its box, in the picture; where no
    place is left beside the labels of better ones, it has none.
    """
    height, width = pixels.shape[:2]
    with style():
        pen = FoundPen(pixels, words)
        colors = [LINE_COLORS[label % len(LINE_COLORS)] for label in labels]
        objects = list(zip(boxes.tolist(), words, colors, strict=True))
        for box, _, color in reversed(objects):
            pen.box("", box, color, width=1.0)
        for box, text, color in objects:
            pen.label(box, text, color)
    found = counted("object", len(words))
    said = "; ".join(f"{text} at {in_words(box)}" for text, box in zip(words, boxes.tolist(), strict=True))
    alt = f"A picture of {width}×{height} pixels with {found}{': ' if words else ''}{said}."
    return picture_bytes(Figure("found", pen.figure, {}, alt, ""), format)


def in_words(box: Sequence[float]) -> str:
    """A box in words, in whole pixels.

    >>> in_words([3.2, 4.8, 20.0, 30.6])
    'rows 3 to 20, columns 5 to 31'
    """
    top, left, bottom, right = (math.floor(each + 0.5) for each in box)
    return f"rows {top} to {bottom}, columns {left} to {right}"
