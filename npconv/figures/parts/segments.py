"""A segmented picture: the areas of its classes tinted and outlined, and the name of each on it or beside it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from ...kernels.geometry import Array
from ..figure import Figure, style
from ..files import picture_bytes
from .box_pictures import CASING, LINE, BoxPen, label_width
from .drawing import INK, Pen
from .found import FoundPen, in_words

TINTS = (  # of classes; the first seven are Okabe and Ito's, the others Tol's
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#332288", "#AA4499", "#999933",
)  # fmt: skip
STRENGTH = 0.6  # of a tint, on the picture
MOST_AREAS = 40  # with labels
LEAST_AREA = 0.002  # of the picture: a class's further areas have labels if they are as large
REACH = 3.0  # heights of a label from an area to its label, at most
POSITIONS = 200  # for a label, along a side


class Area(NamedTuple):
    """Pixels of one class that touch one another, also at corners: `inside` is True for them in the whole picture."""

    label: int
    pixels: int
    box: tuple[int, int, int, int]  # top, left, bottom, right, half open
    inside: Array  # (H, W)


def tint_of(label: int) -> str:
    """The colour of a class; ten in turn, the first of them for class 1."""
    return TINTS[(label - 1) % len(TINTS)]


def rgb_of(label: int) -> Array:
    """Red, green and blue of a class's colour, from 0 to 255."""
    return 255 * np.array(to_rgb(tint_of(label)))


def tinted(pixels: Array, mask: Array, classes: Sequence[int]) -> Array:
    """Pixels (H, W, 3) of uint8, those of the given classes mixed with the class's colour."""
    mixed = pixels.astype(np.float64)  # (H, W, 3)
    for label in classes:
        own = mask == label  # (H, W)
        mixed[own] += STRENGTH * (rgb_of(label) - mixed[own])
    return (mixed + 0.5).astype(np.uint8)


def outlines(mask: Array) -> Array:
    """The lines between pixels of different classes, (n, 2, 2): two ends, each x and y in pixels; y downwards.

    >>> outlines(np.array([[0, 1], [0, 1]])).tolist()
    [[[1, 0], [1, 2]]]
    """
    lines = []
    for turned, values in ((False, mask), (True, mask.T)):
        differ = values[1:] != values[:-1]  # (H − 1, W): a line below each row
        steps = np.diff(
            np.pad(differ.astype(np.int64), ((0, 0), (1, 1))), axis=1
        )  # 1 where a line begins, −1 at its end
        (rows, begins), (_, ends) = (steps == 1).nonzero(), (steps == -1).nonzero()
        across = np.stack([begins, rows + 1, ends, rows + 1], axis=-1).reshape(-1, 2, 2)  # (n, ends, x and y)
        lines.append(across[..., ::-1] if turned else across)
    return np.concatenate(lines)


def areas(mask: Array, classes: Sequence[int], least: int = 1) -> list[Area]:
    """The areas of classes in a mask (H, W), the largest first: each class's largest, and others of `least` pixels.

    >>> [(area.label, area.pixels, area.box) for area in areas(np.array([[1, 0, 2], [0, 1, 0]]), [1, 2])]
    [(1, 2, (0, 0, 2, 2)), (2, 1, (0, 2, 1, 3))]
    """
    found: list[Area] = []
    roots, seen = _roots(mask), set[int]()
    firsts, counts = np.unique(roots[np.isin(mask, np.array(classes, np.int64))], return_counts=True)
    for n in np.argsort(-counts, kind="stable").tolist():
        label, count = int(mask.flat[firsts[n]]), int(counts[n])
        if (label not in seen or count >= least) and len(found) < MOST_AREAS:
            inside = roots == firsts[n]
            (rows,), (columns,) = inside.any(axis=1).nonzero(), inside.any(axis=0).nonzero()
            box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
            found.append(Area(label, count, box, inside))
        seen.add(label)
    return found


def _roots(mask: Array) -> Array:
    """For each pixel the number of the first one in its area, (H, W)."""
    number, (height, width), pairs = np.arange(mask.size, dtype=np.int64).reshape(mask.shape), mask.shape, []
    for down, right in ((1, 0), (0, 1), (1, 1), (1, -1)):
        one = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        other = np.s_[down:, max(right, 0) : width - max(-right, 0)]
        pairs.append(np.stack([number[one], number[other]])[:, mask[one] == mask[other]])
    joined = np.concatenate(pairs, axis=1)  # (2, pairs)
    roots = number.ravel()
    while joined.size:
        first, second = roots[joined]
        np.minimum.at(roots, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(roots, roots[roots]):
            roots = roots[roots]
        joined = joined[:, roots[joined[0]] != roots[joined[1]]]
    return np.reshape(roots, mask.shape)


def draw_outlines(pen: Pen, name: str, mask: Array, inches: float, scale: float = 1.0) -> None:
    """Draw lines of ink, on white ones, between the classes of a picture of so many `inches` a pixel."""
    ends: Any = outlines(mask) * np.array([inches, -inches])
    if not len(ends):
        return
    for points, color in ((0.6 + CASING, "white"), (0.6, INK)):
        lines = LineCollection(
            ends, colors=color, linewidths=points * scale, capstyle="projecting", gid=name, zorder=1.6
        )
        pen.add(lines)


def label_areas(pen: BoxPen, mask: Array, found: Sequence[Area], words: Sequence[str]) -> list[bool]:
    """Write words at areas where there is a place in the picture that no label has; whether there was, for each.

    It is on an area that is larger than its label; else beside it, with a line to it, hiding little of all areas.
    """
    step = max(1, math.ceil(max(mask.shape) / POSITIONS))
    covered = np.isin(mask[::step, ::step], np.array(sorted({area.label for area in found}), np.int64))
    return [_label(pen, covered, step, area, text) for area, text in zip(found, words, strict=True)]


def _label(pen: BoxPen, covered: Array, step: int, area: Area, words: str) -> bool:
    """Label an area; a label's corners lie at every so many pixels."""
    inches = pen.inches * step
    height, width = LINE * pen.scale, label_width(words) * pen.scale
    rows, columns = math.ceil(height / inches), math.ceil(width / inches)
    if rows > covered.shape[0] or columns > covered.shape[1]:
        return False
    costs = _costs(covered, step, area, rows, columns)
    y, x = ((np.arange(n, dtype=np.int64) + size / 2) for n, size in zip(costs.shape, (rows, columns), strict=True))
    for x0, x1, y0, y1 in np.array(pen.taken).reshape(-1, 4) / inches:
        along = np.abs(y + (y0 + y1) / 2) < (y1 - y0 + rows) / 2
        across = np.abs(x - (x0 + x1) / 2) < (x1 - x0 + columns) / 2
        costs[along[:, np.newaxis] & across] = np.inf
    row, column = (int(each) for each in np.unravel_index(costs.argmin(), costs.shape))
    if costs[row, column] == np.inf:
        return False
    middle = x[column] * inches, -y[row] * inches
    if not area.inside[row * step : (row + rows) * step, column * step : (column + columns) * step].any():
        pixels = (np.argwhere(area.inside)[:, ::-1] + 0.5) * pen.inches * np.array([1.0, -1.0])
        near = pixels[np.abs(pixels - middle).sum(axis=1).argmin()]
        for points, ink in ((0.8 + CASING, "white"), (0.8, INK)):
            pen.line([middle, (near[0], near[1])], color=ink, width=points * pen.scale)
    left, low = middle[0] - width / 2, middle[1] - height / 2
    pen.write((left, left + width, low, low + height), words, tint_of(area.label))
    return True


def _costs(covered: Array, step: int, area: Area, rows: int, columns: int) -> Array:
    """The cost of each place for a label of so many rows and columns: little on its area, or beside all of them."""
    own, hidden = (_sums(each, rows, columns) / (rows * columns) for each in (area.inside[::step, ::step], covered))
    top, left, bottom, right = (side / step for side in area.box)
    up = np.arange(own.shape[0], dtype=np.int64)[:, np.newaxis] + (rows - top - bottom) / 2
    across = np.arange(own.shape[1], dtype=np.int64) + (columns - left - right) / 2
    beyond = np.abs(up) - (bottom - top + rows) / 2, np.abs(across) - (right - left + columns) / 2
    away = np.maximum(*beyond).clip(0) / rows  # (positions, positions), heights of a label
    costs = 8 * (hidden - own) + np.where(own == 1, -2, 4 * own) + away
    costs += 0.5 * np.hypot(up, across) / (bottom - top + right - left + rows + columns)
    costs[away > REACH] = np.inf
    return np.asarray(costs)


def _sums(values: Array, rows: int, columns: int) -> Array:
    """The sum over each window of so many rows and columns."""
    sums = np.pad(values.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows: Array = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    return windows


def percent_text(share: float) -> str:
    """A share of a picture in percent.

    >>> percent_text(0.126), percent_text(0.004), percent_text(0.0001)
    ('13 %', '0.4 %', '<0.1 %')
    """
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 0.95 else f"{percent:.1f} %" if percent >= 0.05 else "<0.1 %"


def picture_of_segments(
    pixels: Array, mask: Array, names: Sequence[str], format: str, *, background: int | None = 0
) -> bytes:
    """The bytes of a PNG or an SVG: pixels (height, width, 3) of uint8 with the classes of a mask (height, width).

    `names` are those of classes 0, 1, …; all but the background are tinted and outlined. The largest area of a class
    has its name and the class's share of the picture, other large ones have the name; where no place is left beside
    other labels, an area has none.
    """
    height, width = mask.shape
    labels, counts = np.unique(mask, return_counts=True)
    shares = {int(label): count / mask.size for label, count in zip(labels, counts, strict=True)}
    classes = [label for label in shares if label != background]
    found, words = areas(mask, classes, math.ceil(LEAST_AREA * mask.size)), []
    firsts = {area.label: area for area in reversed(found)}  # the largest of each class
    for area in found:
        share = f": {percent_text(shares[area.label])}" if area is firsts[area.label] else ""
        words.append(f"{names[area.label]}{share}")
    with style():
        pen = FoundPen(tinted(pixels, mask, classes), words)
        draw_outlines(pen, "outlines", mask, pen.inches, pen.scale)
        label_areas(pen, mask, found, words)
    said = [
        f"{text}, most at {in_words(area.box)}"
        for area, text in zip(found, words, strict=True)
        if area is firsts[area.label]
    ]
    rest = f"; the rest is {names[background]}" if background in shares and said else ""
    alt = f"A picture of {width}×{height} pixels with its classes tinted: {'; '.join(said) or 'none'}{rest}."
    return picture_bytes(Figure("segments", pen.figure, {}, alt, ""), format)
