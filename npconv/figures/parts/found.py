"""A picture with the objects found on it: a box around each, and its name and score in a label."""

import math
from collections.abc import Sequence

import matplotlib.figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from ...kernels.geometry import Array
from ...text import counted
from ..figure import Figure, style
from ..files import PNG_DPI, picture_bytes
from .drawing import INK, LINE_COLORS, text_width

LEAST_SIDE = 640  # pixels of the longer side; smaller pictures are enlarged, each pixel to a square
LINE, TEXT = 1 / 320, 1 / 45  # of the longer side: a box's line, a label's letters
LABEL_HEIGHT = 1.5  # of the letters

Place = tuple[float, float, float, float]  # left, top, right, bottom


def picture_of_found(pixels: Array, boxes: Array, labels: Sequence[int], words: Sequence[str], format: str) -> bytes:
    """The bytes of a PNG or an SVG: pixels (height, width, 3) of uint8, and boxes (n, 4) with words, best first.

    Labels of one class have one colour. Each has dark letters on white, at an edge of its box, in the picture.
    """
    height, width = pixels.shape[:2]
    times = max(1, LEAST_SIDE // max(height, width))
    longest = max(height, width) * times
    letters = _letters(words, longest, width * times)
    with style():
        figure = matplotlib.figure.Figure((width * times / PNG_DPI, height * times / PNG_DPI), dpi=PNG_DPI)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width * times), ylim=(height * times, 0))
        axes.set_axis_off()
        large = pixels.repeat(times, axis=0).repeat(times, axis=1)
        axes.imshow(large, extent=(0, width * times, height * times, 0), interpolation="nearest", aspect="auto")
        line, taken = max(2.0, longest * LINE), list[Place]()
        for rank, (box, label, text) in enumerate(zip(boxes * times, labels, words, strict=True)):
            color, above = LINE_COLORS[label % len(LINE_COLORS)], 2 * (len(boxes) - rank)
            top, left, bottom, right = box.tolist()
            for thick, ink, order in ((2 * line, "white", above), (line, color, above + 1)):
                frame = Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=ink)
                frame.set(linewidth=_points(thick), zorder=order, joinstyle="miter")
                axes.add_artist(frame)
            taken.append(place := _place(box, _size(text, letters), (height * times, width * times), taken))
            for artist in _label(place, text, color, letters, line):
                artist.set_zorder(2 * len(boxes) + above + 2)
                axes.add_artist(artist)
    found = counted("object", len(words))
    said = "; ".join(f"{text} at {_in_words(box)}" for text, box in zip(words, boxes, strict=True))
    alt = f"A picture of {width}×{height} pixels with {found}{': ' if words else ''}{said}."
    return picture_bytes(Figure("found", figure, {}, alt, ""), format)


def _letters(words: Sequence[str], longest: int, width: int) -> float:
    """The height of the letters in pixels: a share of the picture's longer side, less where a label has no room."""
    letters = longest * TEXT
    widest = max((_size(text, letters)[0] for text in words), default=1.0)
    return letters * min(1.0, width / widest)


def _size(text: str, letters: float) -> tuple[float, float]:
    """Width and height in pixels of a label."""
    return text_width(text, _points(letters)) * PNG_DPI + letters / 2, letters * LABEL_HEIGHT


def _points(pixels: float) -> float:
    return pixels * 72 / PNG_DPI


def _place(box: Array, size: tuple[float, float], picture: tuple[int, int], taken: Sequence[Place]) -> Place:
    """A label's place in the picture: above its box, else inside it, below it; one that no label has, if there is."""
    top, left, bottom, right = box.tolist()
    width, height = size
    places = []
    for y in (top - height, top, bottom, bottom - height):
        for x in (left, right - width):
            x, y = min(max(x, 0), picture[1] - width), min(max(y, 0), picture[0] - height)
            places.append((x, y, x + width, y + height))
    free = (place for place in places if not any(_overlap(place, other) for other in taken))
    return next(free, places[0])


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _label(place: Place, text: str, color: str, letters: float, line: float) -> tuple[Rectangle, Text]:
    """A label: a white ground with an edge in the box's colour, and its text."""
    left, top, right, bottom = place
    ground = Rectangle((left, top), right - left, bottom - top, facecolor="white", edgecolor=color)
    ground.set_linewidth(_points(line / 2))
    middle = (left + right) / 2, (top + bottom) / 2
    words = Text(*middle, text, size=_points(letters), color=INK, ha="center", va="center", parse_math=False)
    return ground, words


def _in_words(box: Array) -> str:
    """A box in words, in whole pixels.

    >>> _in_words(np.array([3.2, 4.8, 20.0, 30.6]))
    'rows 3 to 20, columns 5 to 31'
    """
    top, left, bottom, right = (math.floor(each + 0.5) for each in box.tolist())
    return f"rows {top} to {bottom}, columns {left} to {right}"
