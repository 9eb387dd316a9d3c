"""The backward pass of a convolution, as the figures draw it: both gradients, and a value of each worked out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from matplotlib.offsetbox import OffsetBox

from ...kernels import arguments
from ...kernels.geometry import Array, Axis, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d_backward_taps
from ...text import number_text
from .drawing import TooLargeError, number_cell, text_width
from .layer import StandardLayer, layer_from
from .layout import Page
from .values import Given, are_whole, array_from, number_texts, place_from, sum_text
from .worked import Slices, Terms


class Grids(NamedTuple):
    """Grids of products as a box: how many are shown, and how many rows and columns of each."""

    box: OffsetBox
    shown: int
    part: list[int]


@dataclass(frozen=True)
class Products:
    """K grids times K grids, cell by cell: what a worked value is the sum of."""

    names: tuple[str, str, str]  # of the left factors, the right ones and the products
    roles: tuple[str, str, str]
    left: Array  # (K, H, W)
    right: Array  # (K, H, W)
    titles: list[tuple[str, str, str]]  # K
    indices: tuple[dict[str, Sequence[int]], ...] = ({}, {})  # of the rows and columns of both factors
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

    def equation(self, value: str) -> str:
        """A worked value as the sum of its summands, written out where the line has room for them."""
        terms, noun = (self.sums, "sums") if len(self.sums) > 1 else (self.products.ravel(), "products")
        text = sum_text(terms.tolist())
        if text_width(text) > 5:
            text = f"{len(terms)} {noun} added up"
        total = number_text(self.sums.sum(dtype=self.sums.dtype))
        return " = ".join([value, *([text] if len(terms) > 1 else []), total])

    def arranged(self, page: Page, height: float) -> Grids:
        """As many of the K grids as there is room for.

        A grid that is too large by itself is cropped.
        """
        cell = number_cell(
            [line for a in (self.left, self.right, self.products) for grid in a for line in number_texts(grid)]
        )
        most = int((page.inner - 0.6) / (3 * cell))
        columns = min(self.products.shape[2], max(1, most))
        for rows in range(min(self.products.shape[1], max(1, int(height / cell))), 0, -1):
            terms = self._terms(rows, columns)
            if box := terms.arranged(page, height=height):
                return Grids(*box, [rows, columns])
        raise TooLargeError("numbers are too long to draw their products; draw a smaller layer or shorter numbers")

    def _terms(self, rows: int, columns: int) -> Terms:
        """The first rows and columns of the grids as terms."""
        part = self.products[:, :rows, :columns]
        drawn = part.sum(axis=(1, 2), dtype=part.dtype)
        pairs = zip(drawn, self.sums - drawn, strict=True)
        totals = [f"Σ: {number_text(some)} drawn, {number_text(rest)} not drawn" for some, rest in pairs]
        if part.size == self.products.size:
            totals = [f"Σ = {number_text(total)}" for total in self.sums]
        lefts, rights = (
            [
                "\n".join(
                    f"{name} = {_run(list(run)[:most])}"
                    for (name, run), most in zip(axes.items(), (rows, columns), strict=False)
                )
            ]
            * len(drawn)
            for axes in self.indices
        )
        grids = [[number_texts(grid) for grid in a[:, :rows, :columns]] for a in (self.left, self.right, self.products)]
        focus = self.focus if self.focus and self.focus[0] < rows and self.focus[1] < columns else None
        parts = [
            Slices(name, role, texts, above=above, below=below, focus=focus)
            for name, role, texts, above, below in zip(
                self.names, self.roles, grids, zip(*self.titles, strict=True), (lefts, rights, totals), strict=True
            )
        ]
        return Terms(parts, "×=", [""] * len(drawn))


def _run(indices: Sequence[int]) -> str:
    """Indices, written out up to four of them.

    >>> _run((2, 0)), _run((6, 5, 4, 3, 2))
    ('2, 0', '6, 5 … 2')
    """
    texts = [str(index) for index in indices]
    return ", ".join(texts) if len(texts) <= 4 else f"{texts[0]}, {texts[1]} … {texts[-1]}"


@dataclass(frozen=True)
class Backward:
    """A layer with what goes back through it, and the two values that are worked out."""

    layer: StandardLayer
    dy: Array  # (1, Dᵥ, Dᵥ, N)
    dpadded: Array  # (1, Dᵤ + padding, Dᵤ + padding, M)
    dkernel: Array  # (Dᵣ, Dᵣ, M, N)
    at: tuple[int, int]  # in dx
    tap: tuple[int, int]  # in dkernel

    @property
    def dx(self) -> Array:
        """The input's gradient, (1, Dᵤ, Dᵤ, M)."""
        return self.layer.geometry.crop(self.dpadded)

    @property
    def reach(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The pairs (v, i), and the pairs (w, j), by which dy reaches the worked dx value."""
        geometry = self.layer.geometry
        return _reach(geometry.height, self.at[0]), _reach(geometry.width, self.at[1])

    @property
    def source(self) -> tuple[int, int]:
        """The position in dy whose value is scattered: one that reaches the worked dx value, if there is one."""
        rows, columns = self.reach
        if rows and columns:
            return rows[len(rows) // 2][0], columns[len(columns) // 2][0]
        return self.dy.shape[1] // 2, self.dy.shape[2] // 2

    @property
    def scattered(self) -> Array:
        """The products that that value adds to its patch, (Dᵣ, Dᵣ)."""
        v, w = self.source
        scattered: Array = self.dy[0, v, w, 0] * self.layer.kernel[:, :, 0, 0]
        return scattered

    @property
    def gather(self) -> Products:
        """The products that the worked dx value is the sum of, a grid for each filter."""
        (vs, rows), (ws, columns) = (tuple(zip(*pairs, strict=True)) or ((), ()) for pairs in self.reach)
        return Products(
            ("dy", "taps", "dx-products"),
            ("output", "filter", "input"),
            self.dy[0][np.ix_(vs, ws)].transpose(2, 0, 1),
            self.layer.kernel[:, :, 0][np.ix_(rows, columns)].transpose(2, 0, 1),
            [(f"dy, n = {n}", f"filter n = {n}", "products") for n in range(self.dy.shape[-1])],
            ({"v": vs, "w": ws}, {"i": rows, "j": columns}),
            (vs.index(self.source[0]), ws.index(self.source[1])) if vs and ws else None,
        )

    @property
    def tap_products(self) -> Products:
        """The products that the worked dkernel value is the sum of: tap (i, j) of the input times dy."""
        geometry = self.layer.geometry
        i, j = self.tap
        view = self.layer.padded[geometry.height.taps[i], geometry.width.taps[j], 0]
        return Products(
            ("tap", "dy", "dkernel-products"),
            ("input", "output", "filter"),
            view[np.newaxis],
            self.dy[..., 0],
            [(f"tap ({i}, {j}), m = 0", "dy, n = 0", "products")],
        )

    @property
    def dx_name(self) -> str:
        """The worked dx value as code names it."""
        return f"dx[0, {self.at[0]}, {self.at[1]}, 0]"

    @property
    def dkernel_name(self) -> str:
        """The worked dkernel value as code names it."""
        return f"dkernel[{self.tap[0]}, {self.tap[1]}, 0, 0]"

    @property
    def rounded(self) -> bool:
        """True where the drawn numbers are rounded."""
        return not are_whole(self.layer.x, self.layer.kernel, self.dy, self.dpadded, self.dkernel)


def _reach(axis: Axis, index: int) -> list[tuple[int, int]]:
    """(output position, tap), by all of which dy reaches a row or column of x."""
    index += axis.before
    return [(v, taps.index(index)) for v, taps in enumerate(axis.positions) if index in taps]


def _most_reached(axis: Axis) -> int:
    """The row or column of x that most positions reach, and of several the one nearest the middle."""
    return min(range(axis.input), key=lambda r: (-len(_reach(axis, r)), abs(2 * r - (axis.input - 1)), r))


def _whole_numbers(shape: tuple[int, ...], largest: int, seed: list[int]) -> Array:
    """Integers from −largest to largest without 0: with them everything that is sent leaves a trace."""
    generator = np.random.default_rng(seed)
    signs = 2 * generator.integers(0, 2, size=shape) - 1
    numbers: Array = signs * generator.integers(1, largest + 1, size=shape)
    return numbers


def backward_from(
    function: str,
    x: Given,
    kernel: Given,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    at: tuple[int, int] | None,
    tap: tuple[int, int] | None,
    seed: int,
    dy: Array | None,
) -> Backward:
    """The backward pass that a figure draws, from arrays or shapes; raises as the kernels do, and where it can't be.

    If None, `at` is the place in dx that most of dy reaches, nearest the middle; `tap` the middle; dy is made.
    """
    seed = arguments.integer(function, "seed", seed, 0, arguments.LARGEST_SEED)
    if not isinstance(kernel, np.ndarray):
        shape = array_from(function, "kernel", kernel, np.random.default_rng(seed), 1).shape
        kernel = _whole_numbers(shape, 2, [seed, 1])
    layer = layer_from(function, x, kernel, stride, padding, dilation, None, seed)
    geometry = layer.geometry
    if dy is None:
        dy = _whole_numbers(layer.y.shape, 3, [seed, 2])
    elif not isinstance(dy, np.ndarray):
        raise TypeError(f"{function}: dy must be a numpy.ndarray; got {type(dy).__name__}")
    dy = array_from(function, "dy", dy, np.random.default_rng(0), 3)
    STANDARD.check(function, dy, layer.x, layer.kernel).geometry(stride, padding, dilation)
    dpadded, dkernel = conv2d_backward_taps(dy, layer.padded[None], layer.kernel, stride=stride, dilation=dilation)
    if not (np.isfinite(dpadded).all() and np.isfinite(dkernel).all()):
        shapes = f"dy {dy.shape}, x {layer.x.shape}, kernel {layer.kernel.shape}"
        raise ValueError(f"{function}: dx and dkernel must be finite to draw, and they overflow; got {shapes}")
    if at is None:
        at = _most_reached(geometry.height), _most_reached(geometry.width)
    at = place_from(function, at, geometry.height.input, geometry.width.input, grid="dx")
    height, width = layer.kernel.shape[:2]
    return Backward(
        layer, dy, dpadded, dkernel, at, place_from(function, tap, height, width, name="tap", grid="the kernel")
    )
