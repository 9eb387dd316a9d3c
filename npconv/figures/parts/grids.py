"""Matrices as flat grids: with numbers in the colour of a role, or white with some cells filled."""

from collections.abc import Iterable, Sequence

import numpy as np

from ...kernels.geometry import Array
from .drawing import FRONT, FRONT_UNDER_NUMBERS, ROLES, Volume, number_size, shade
from .layout import Drawing
from .values import number_texts


def flat(values: Array, cell: float, *, x: float = 0.0, y: float = 0.0) -> Volume:
    """The place of a matrix, a cell for each value."""
    rows, columns = values.shape
    return Volume(rows, columns, 0, x=x, y=y, cell=cell)


def number_grid(
    name: str, values: Array, role: str, cell: float, frame: tuple[Sequence[int], Sequence[int]] | None = None
) -> Drawing:
    """A matrix with its numbers where they fit, and some rows and columns framed."""
    drawing, place = Drawing(), flat(values, cell)
    drawing.volume(name, place, ROLES[role], number_texts(values))
    if frame:
        drawing.frame(place, *frame)
    return drawing


def fill(
    drawing: Drawing, name: str, place: Volume, cells: Array | Iterable[tuple[int, int]], role: str,
    texts: Sequence[Sequence[str]] | None = None,
) -> None:  # fmt: skip
    """Fill cells in the colour of a role: those that are True, or listed; with their texts where all of these fit."""
    size = None if texts is None else number_size(texts, place.cell)
    color = shade(ROLES[role], FRONT if size is None else FRONT_UNDER_NUMBERS)
    listed = np.argwhere(cells).tolist() if isinstance(cells, np.ndarray) else cells
    written = {(row, column): texts[row][column] if texts and size else "" for row, column in listed}
    drawing.cells(f"{name}-cells", place, written, color, size=size or 0)
