"""Grids of numbers times grids of numbers, element by element, and the sum of it all, to be checked by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ...kernels.geometry import Array
from ...text import number_text, shape_text
from .drawing import MARGIN, ROLES, SMALL, TITLE, WIDTH, Canvas, Volume, number_cell, text_width
from .values import number_texts, sum_text

BETWEEN = 0.23  # inches for a sign between grids
PLUS = 0.3
LINE = SMALL * 1.25 / 72
ROW_GAP = 0.16

Indices: TypeAlias = tuple[tuple[str, Sequence[int]], tuple[str, Sequence[int]]]


@dataclass(frozen=True)
class Products:
    """K grids times K grids, element by element: what a worked value is the sum of."""

    names: tuple[str, str, str]  # of the left factors, the right ones and the products
    roles: tuple[str, str, str]
    left: Array  # (K, H, W)
    right: Array  # (K, H, W)
    titles: list[tuple[str, str, str]]  # K
    indices: tuple[Indices, ...] = ()  # of the rows and columns of both factors
    focus: tuple[int, int] | None = None  # a product of the first grids

    @cached_property
    def products(self) -> Array:
        """The products, (K, H, W)."""
        products: Array = self.left * self.right
        return products

    @cached_property
    def sums(self) -> Array:
        """One sum for each of the K grids, (K,)."""
        sums: Array = self.products.sum(axis=(1, 2), dtype=self.products.dtype)
        return sums

    @cached_property
    def texts(self) -> list[list[list[list[str]]]]:
        """The texts of the left factors, the right ones and the products."""
        return [[number_texts(grid) for grid in part] for part in (self.left, self.right, self.products)]

    def fit(self, most_height: float) -> "Fit":
        """How large the grids are drawn, and how much of them, where there is a height for a row of them."""
        _, rows, columns = self.products.shape
        cell = max(number_cell(grid) for part in self.texts for grid in part)
        beside = LINE * (2 + (len(self.indices) > 0))
        rows = int(min(rows, max(1, (most_height - beside) / cell)))
        columns = min(columns, max(1, int((WIDTH - 2 * MARGIN - 2 * BETWEEN) / (3 * cell))))
        left, right = (
            (f"{a} = {_run(down[:rows])}\n{b} = {_run(across[:columns])}" for (a, down), (b, across) in self.indices)
            if self.indices
            else ("", "")
        )
        below = [(left, right, text) for text in self._sum_texts(rows, columns)]
        widths = [
            max(columns * cell, *(text_width(row[part], SMALL) for row in (*self.titles, *below))) for part in range(3)
        ]
        return Fit(cell, rows, columns, widths, beside + rows * cell, below)

    def _sum_texts(self, rows: int, columns: int) -> list[str]:
        part = self.products[:, :rows, :columns]
        if part.size == self.products.size:
            return [f"Σ = {number_text(total)}" for total in self.sums]
        drawn = part.sum(axis=(1, 2), dtype=part.dtype)
        pairs = zip(drawn, self.sums - drawn, strict=True)
        return [f"Σ: {number_text(some)} drawn, {number_text(rest)} not drawn" for some, rest in pairs]


@dataclass(frozen=True)
class Fit:
    """How grids of products are drawn: the first `rows` and `columns` of each, and the sum below."""

    cell: float
    rows: int
    columns: int
    widths: list[float]  # of the left factor, the right one and the product
    height: float
    below: list[tuple[str, str, str]]  # what stands under each

    @property
    def width(self) -> float:
        """The width of a factor times a factor and their product."""
        return sum(self.widths) + 2 * BETWEEN

    @property
    def per_row(self) -> int:
        """How many of them there are in a row."""
        room, step = WIDTH - 2 * MARGIN, self.width + PLUS
        count = int((room + PLUS) / step)
        return max(1, count if len(self.below) <= count else int(room / step))  # a row that goes on ends with a plus


def _run(indices: Sequence[int]) -> str:
    """Indices, written out up to four of them.

    >>> _run((2, 0)), _run((6, 5, 4, 3, 2))
    ('2, 0', '6, 5 … 2')
    """
    texts = [str(index) for index in indices]
    return ", ".join(texts) if len(texts) <= 4 else f"{texts[0]}, {texts[1]} … {texts[-1]}"


def draw_products(
    canvas: Canvas, products: Products, fit: Fit, heading: str, top: float, most_height: float, value: str
) -> tuple[float, int]:
    """Grids times grids and the sum of it all; the lower edge, and how many are drawn."""
    count = len(products.sums)
    shown: int = min(count, fit.per_row * max(1, int(most_height / (fit.height + ROW_GAP) + 0.01)))
    canvas.text(WIDTH / 2, top, heading, weight="bold", along="top")
    y = top - 0.24
    for first in range(0, shown, fit.per_row):
        row = range(first, min(first + fit.per_row, shown))
        x = (WIDTH - len(row) * fit.width - (len(row) - 1) * PLUS) / 2
        for k in row:
            _draw_grids(canvas, products, fit, k, x, y)
            x += fit.width + PLUS
            if k < count - 1:
                canvas.text(x - PLUS / 2, y - LINE - fit.rows * fit.cell / 2, "+", size=TITLE)
        y -= fit.height + ROW_GAP
    if shown < count:
        rest = number_text(products.sums[shown:].sum(dtype=products.sums.dtype))
        missing = count - shown
        text = f"{missing} more filters, whose sums add up to {rest}" if missing > 1 else f"1 more, whose sum is {rest}"
        canvas.text(WIDTH / 2, y, f"… and {text}", along="top")
        y -= 0.2
    if fit.rows * fit.columns * count < products.products.size:
        drawn, whole = shape_text((fit.rows, fit.columns)), shape_text(products.products.shape[1:])
        canvas.text(WIDTH / 2, y, f"of the {whole} products the first {drawn} are drawn", along="top")
        y -= 0.2
    canvas.text(WIDTH / 2, y, equation(value, products), along="top")
    return y - 0.2, shown


def _draw_grids(canvas: Canvas, products: Products, fit: Fit, k: int, x: float, y: float) -> None:
    """The factors k and their product side by side, named above."""
    for part, width in enumerate(fit.widths):
        centre = x + width / 2
        grid = Volume(fit.rows, fit.columns, 0).at(centre - fit.columns * fit.cell / 2, y - LINE, fit.cell)
        texts = [row[: fit.columns] for row in products.texts[part][k][: fit.rows]]
        canvas.volume(f"{products.names[part]}-{k}", grid, ROLES[products.roles[part]], texts)
        if k == 0 and products.focus and products.focus[0] < fit.rows and products.focus[1] < fit.columns:
            canvas.frame(grid, [products.focus[0]], [products.focus[1]])
        canvas.text(centre, y, products.titles[k][part], size=SMALL, along="top")
        if fit.below[k][part]:
            canvas.text(centre, grid.bottom - 0.04, fit.below[k][part], size=SMALL, along="top")
        x += width
        if part < 2:
            canvas.text(x + BETWEEN / 2, (y - LINE + grid.bottom) / 2, "×="[part], size=TITLE)
            x += BETWEEN


def equation(value: str, products: Products) -> str:
    """A worked value as the sum of its summands, written out where the line has room for them."""
    terms = products.sums.tolist()
    noun = "sums"
    if len(terms) == 1:
        terms, noun = products.products.ravel().tolist(), "products"
    text = sum_text(terms)
    if text_width(text) > 5:
        text = f"{len(terms)} {noun} added up"
    total = number_text(products.sums.sum(dtype=products.sums.dtype))
    return " = ".join([value, *([text] if len(terms) > 1 else []), total])
