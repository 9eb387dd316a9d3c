"""The transposed convolution: scattered, read as a convolution among zeros, as conv2d's dx, and cropped by padding."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..cost import count_operations
from ..kernels import arguments
from ..kernels.geometry import Array, Padding, Pair
from ..kernels.signatures import TRANSPOSED
from ..kernels.standard import conv2d, conv2d_backward
from ..kernels.transposed import transposed_conv2d
from ..text import counted, listed, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import MOST_ROWS, ROLES, SMALL, Volume, least_number_cell, number_cell, number_size, text_width
from .parts.grids import fill, flat, number_grid
from .parts.layout import Drawing, Page, arrow_under, column, grid, note, row, text, title
from .parts.values import ROUNDED, Given, are_whole, array_from, number_texts, place_from, side_text

NAME = "transposed_convolution"
MOST_FOOTPRINTS = 4  # drawn of one stride
MOST_CELL = 0.3  # inches
LONGEST_SUM = 3.2  # inches
NOTES = 0.5  # inches for what is said about numbers
SIGN = 13.0  # points
GAPS = (0.07, 0.05)  # inches between columns and between rows


def transposed_convolution(
    *, x: Given = (1, 2, 2, 1), kernel: Given = (3, 3, 1, 1), stride: Pair = 2, at: tuple[int, int] | None = None
) -> Figure:
    """The transposed convolution at stride 1 and at another: footprints that add up, and what else it is.

    Args:
        x: one image of one channel (1, Dᵤ, Dᵤ, 1), or its shape, to be filled with 1, 2, 3 and so on.
        kernel: one filter (Dᵣ, Dᵣ, 1, 1), or its shape, to be filled with 1, 2, 3 and so on.
        stride: as in `npconv.transposed_conv2d`; stride 1 is drawn before it.
        at: the (row, column) in x of the value whose footprint is framed; the middle if None.

    Returns:
        Figure "transposed-convolution". Its data: input and kernel; for each of the `strides` what every value of x
        adds, the output, the input with zeros between and around its values, the worked output value and the
        multiplications both ways, counted; `adjoint`, the difference from conv2d's dx and what conv2d makes of the
        output; and the outputs `cropped` by padding.

    Raises:
        TypeError, ValueError: as `npconv.transposed_conv2d`, and ValueError for what cannot be drawn: more than one
            image or channel, more than 32 rows or columns, numbers that are not finite.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 6.

    >>> figure = transposed_convolution()
    >>> [line["output"][0] for line in figure.data["strides"]]
    [[1, 4, 7, 6], [1, 2, 5, 4, 6]]
    """
    x, kernel = _array(x, "x"), _array(kernel, "kernel")
    strides = list(dict.fromkeys([(1, 1), arguments.pair(NAME, "stride", stride)]))
    scatters = [_scatter(x, kernel, each, at) for each in strides]
    last = scatters[-1]
    with drawn_by(NAME, x=x, kernel=kernel):
        figure, notes, shown = _draw(scatters)
    return Figure(
        name="transposed-convolution",
        figure=figure,
        data={
            "input": x[0, ..., 0].tolist(),
            "kernel": kernel[..., 0, 0].tolist(),
            "at": list(last.at),
            "strides": [scatter.data for scatter in scatters],
            "adjoint": {
                "largest difference from conv2d's dx": last.difference,
                "conv2d of the output": last.back.tolist(),
            },
            "cropped": [crop.data for crop in last.crops],
            "drawn footprints": shown,
        },
        alt=_alt(scatters),
        caption=_caption(scatters, notes, shown),
    )


@dataclass(frozen=True)
class _Crop:
    """An output cropped by padding: its arguments, its numbers, and where they are in the whole output."""

    arguments: dict[str, Any]
    y: Array  # (Dᵥ, Dᵥ)
    top: int
    left: int

    @property
    def words(self) -> str:
        """The arguments as they are written in a call."""
        return ",\n".join(f"{name}={arguments.plain(value)!r}" for name, value in self.arguments.items())

    @property
    def data(self) -> dict[str, Any]:
        """The crop as plain JSON."""
        return {**arguments.plain(self.arguments), "output": self.y.tolist(), "from": [self.top, self.left]}


@dataclass(frozen=True)
class _Scatter:
    """One image, one filter and a stride, with the value of x that is framed and the value of y that is worked out."""

    x: Array  # (1, Dᵤ, Dᵤ, 1)
    kernel: Array  # (Dᵣ, Dᵣ, 1, 1)
    stride: tuple[int, int]
    at: tuple[int, int]

    @cached_property
    def y(self) -> Array:
        """The output, (Dᵥ, Dᵥ)."""
        y: Array = transposed_conv2d(self.x, self.kernel, stride=self.stride)[0, ..., 0]
        return y

    @property
    def step(self) -> Any:
        """The stride as it is written, one number where both are equal."""
        return arguments.plain(_short(self.stride))

    @property
    def sides(self) -> tuple[int, int]:
        """The kernel's sides."""
        height, width = self.kernel.shape[:2]
        return height, width

    def patch(self, u: int, w: int) -> tuple[range, range]:
        """The rows and columns of y over which the value of x at a place is added."""
        (rows, columns), (down, across) = self.sides, self.stride
        return range(u * down, u * down + rows), range(w * across, w * across + columns)

    @property
    def places(self) -> list[tuple[int, int]]:
        """The places of x, in reading order."""
        return list(np.ndindex(*self.x.shape[1:3]))

    def adds(self, place: tuple[int, int]) -> Array:
        """The output of that value of x alone, (Dᵥ, Dᵥ)."""
        alone = np.zeros_like(self.x)
        alone[0, place[0], place[1], 0] = self.x[0, place[0], place[1], 0]
        adds: Array = transposed_conv2d(alone, self.kernel, stride=self.stride)[0, ..., 0]
        return adds

    @cached_property
    def counts(self) -> Array:
        """The number of values of x that reach each output value, (Dᵥ, Dᵥ)."""
        ones = (np.ones(a.shape, np.int64) for a in (self.x, self.kernel))
        counts: Array = transposed_conv2d(*ones, stride=self.stride)[0, ..., 0]
        return counts

    @cached_property
    def worked(self) -> tuple[int, int]:
        """The place of y, under the framed footprint, that most values of x reach."""
        rows, columns = self.patch(*self.at)
        return max(((r, c) for r in rows for c in columns), key=lambda place: self.counts[place])

    @cached_property
    def stuffed(self) -> Array:
        """x with s − 1 zeros between its values and Dᵣ − 1 around them, (Dᵥ + Dᵣ − 1, Dᵥ + Dᵣ − 1)."""
        return self._zeros_around(self.x[0, ..., 0])

    @cached_property
    def is_value(self) -> Array:
        """True where `stuffed` has a value of x."""
        return self._zeros_around(np.ones(self.x.shape[1:3], bool))

    def _zeros_around(self, a: Array) -> Array:
        sides = [size + kernel - 1 for size, kernel in zip(self.y.shape, self.sides, strict=True)]
        stuffed = np.zeros(sides, a.dtype)
        rows, columns = (slice(k - 1, n - k + 1, s) for k, n, s in zip(self.sides, sides, self.stride, strict=True))
        stuffed[rows, columns] = a
        return stuffed

    @property
    def turned(self) -> Array:
        """The kernel turned by 180°, (Dᵣ, Dᵣ)."""
        return self.kernel[::-1, ::-1, 0, 0]

    @cached_property
    def multiplications(self) -> dict[str, int]:
        """The multiplications of the scatter and of the convolution among zeros, counted."""
        stuffed, turned = self.stuffed[np.newaxis, ..., np.newaxis], self.turned[..., np.newaxis, np.newaxis]
        whole = count_operations(conv2d, stuffed, turned).multiplications
        by_values = conv2d(
            self.is_value[np.newaxis, ..., np.newaxis].astype(np.int64), np.ones_like(turned, np.int64)
        ).sum()
        return {
            "scattered": count_operations(transposed_conv2d, self.x, self.kernel, stride=self.stride).multiplications,
            "among zeros": whole,
            "by zeros": whole - int(by_values),
        }

    @cached_property
    def terms(self) -> list[tuple[Any, Any]]:
        """The factors of the worked value: values of x, and the weights of the turned kernel that they meet."""
        window = tuple(slice(p, p + k) for p, k in zip(self.worked, self.sides, strict=True))
        mask = self.is_value[window]
        return list(zip(self.stuffed[window][mask].tolist(), self.turned[mask].tolist(), strict=True))

    @property
    def equation(self) -> str:
        """The worked value as the sum of its products."""
        (r, c), value = self.worked, number_text(self.y[self.worked])
        products = " + ".join(f"{_factor(a)}·{_factor(b)}" for a, b in self.terms)
        if text_width(products, SMALL) > LONGEST_SUM:
            products = f"{len(self.terms)} products added up"
        return f"y[{r}, {c}] = {products} = {value}"

    @cached_property
    def difference(self) -> float:
        """The largest difference between the output and the dx of the convolution whose dy is x."""
        source = np.zeros((1, *self.y.shape, 1), self.y.dtype)
        dx, _ = conv2d_backward(self.x, source, self.kernel, stride=self.stride)
        difference: float = np.abs(dx[0, ..., 0] - self.y).max().item()
        return difference

    @cached_property
    def back(self) -> Array:
        """The convolution of the output, with the same kernel and stride, (Dᵤ, Dᵤ)."""
        back: Array = conv2d(self.y[np.newaxis, ..., np.newaxis], self.kernel, stride=self.stride)[0, ..., 0]
        return back

    @cached_property
    def crops(self) -> list[_Crop]:
        """The output cropped by padding as far as this kernel and this stride allow it, and by "same"."""
        half = tuple((k - 1) // 2 for k in self.sides)
        extra = tuple(min(1, s - 1) for s in self.stride)
        crops: list[dict[str, Any]] = [{"padding": half}] if any(half) else []
        if any(half) and any(extra):
            crops.append({"padding": half, "output_padding": extra})
        crops = [{name: _short(pair) for name, pair in crop.items()} for crop in crops]
        return [self._cropped(**crop) for crop in [*crops, {"padding": "same"}]]

    def _cropped(self, *, padding: Padding, output_padding: Pair = 0) -> _Crop:
        given: dict[str, Any] = {"padding": padding} | ({"output_padding": output_padding} if output_padding else {})
        y = transposed_conv2d(self.x, self.kernel, stride=self.stride, **given)[0, ..., 0]
        checked = TRANSPOSED.check(NAME, self.x, self.kernel)
        g = checked.transposed_geometry(self.stride, padding, output_padding, 1)
        return _Crop(given, y, g.height.before, g.width.before)

    @property
    def rounded(self) -> bool:
        """True where the drawn numbers are rounded."""
        return not are_whole(self.x, self.kernel, self.y, self.back)

    @property
    def data(self) -> dict[str, Any]:
        """The scatter as plain JSON."""
        return {
            "stride": list(self.stride),
            "adds": [self.adds(place).tolist() for place in self.places],
            "output": self.y.tolist(),
            "reached by": self.counts.tolist(),
            "among zeros": self.stuffed.tolist(),
            "worked": {"at": list(self.worked), "terms": [list(term) for term in self.terms]},
            "multiplications": self.multiplications,
        }


def _array(given: Given, name: str) -> Array:
    """One image, or filter, of one channel; 1, 2, 3 and so on where its shape is given."""
    if not isinstance(given, np.ndarray):
        shape = arguments.sizes(NAME, name, given, "a numpy.ndarray or the shape of one")
        given = np.arange(1, 1 + math.prod(shape), dtype=np.int64).reshape(shape)
    array = array_from(NAME, name, given, np.random.default_rng(0), 1)
    ones, wanted = ((0, 3), "one image (1, Dᵤ, Dᵤ, 1)") if name == "x" else ((2, 3), "one filter (Dᵣ, Dᵣ, 1, 1)")
    if array.ndim != 4 or not array.size or any(array.shape[axis] != 1 for axis in ones):
        raise ValueError(f"{NAME}: {name} must be {wanted}, of one channel, to draw; got {name} {array.shape}")
    return array


def _scatter(x: Array, kernel: Array, stride: tuple[int, int], at: tuple[int, int] | None) -> _Scatter:
    """The layer at that stride; raises ValueError where it is too large to draw."""
    scatter = _Scatter(x, kernel, stride, place_from(NAME, at, *x.shape[1:3], grid="x"))
    sides = [(n - 1) * s + 2 * k - 1 for n, s, k in zip(x.shape[1:3], stride, kernel.shape[:2], strict=True)]
    if max(sides) > MOST_ROWS:
        raise ValueError(
            f"{NAME}: {max(sides)} rows or columns can't be drawn, {MOST_ROWS} can, with the zeros between and around "
            f"the values of x; got x {x.shape}, kernel {kernel.shape}, stride {arguments.shown(stride)}"
        )
    return scatter


def _short(pair: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number for a pair of equal ones."""
    return pair[0] if pair[0] == pair[1] else pair


def _factor(number: Any) -> str:
    """A factor's text, in brackets where it is negative."""
    return f"({number_text(number)})" if number < 0 else number_text(number)


def _draw(scatters: Sequence[_Scatter]) -> tuple[matplotlib.figure.Figure, list[str], int]:
    """Draw all; what is said about numbers, and how many footprints of each stride are drawn."""
    page, last = Page(), scatters[-1]
    arrays = {"x": last.x[0, ..., 0], "the kernel": last.kernel[..., 0, 0]}
    arrays |= {f"y at stride {s.step}": s.y for s in scatters}
    grids = {name: number_texts(a) for name, a in arrays.items()}
    needed = max(map(least_number_cell, chain.from_iterable(chain.from_iterable(grids.values()))))
    most, height = min(MOST_FOOTPRINTS, len(last.places)), page.highest - NOTES
    layouts = [(most, True), *((n, False) for n in range(most, 0, -1))]
    fit = (way for way in layouts if page.over(_page(scatters, *way, needed), height=height) <= 0)
    shown, beside = next(fit, (most, False))  # the first in which all numbers fit
    natural = min(MOST_CELL, max(needed, *map(number_cell, grids.values())))
    box, cell = page.fitted(partial(_page, scatters, shown, beside), natural, height=height)
    blank = [name for name, grid in grids.items() if number_size(grid, cell) is None]
    notes = [f"no numbers on {listed(blank)}: the cells are too small"] if blank else []
    notes += [ROUNDED] if last.rounded else []
    return page.finish(column(box, *map(note, notes), gap=0.1, align="left")), notes, shown


def _page(scatters: Sequence[_Scatter], shown: int, beside: bool, cell: float) -> OffsetBox:
    """Everything, in cells of that size; the last two parts `beside` one another, or one below the other."""
    parts = [part for s in scatters for part in (_scattered(s, shown, cell), _among_zeros(s, cell))]
    ends = _adjoint(scatters[-1], cell), _crops(scatters[-1], cell)
    return column(*parts, *([row(*ends, gap=0.4, align="top")] if beside else ends), gap=0.2, align="left")


def _scattered(s: _Scatter, shown: int, cell: float) -> OffsetBox:
    """Every value of x times the kernel, at its place in a grid of the output's size, and their sum."""
    first = s.places[:shown] if s.at in s.places[:shown] else [*s.places[: shown - 1], s.at]
    (u, w), framed = s.at, s.patch(*s.at)
    heads = [f"x\n{shape_text(s.x.shape[1:3])}", "", f"kernel\n{side_text('Dᵣ', *s.sides)}"]
    line: list[OffsetBox | None] = [number_grid("x", s.x[0, ..., 0], "input", cell, ([u], [w])), _sign("×")]
    line += [number_grid("kernel", s.kernel[..., 0, 0], "filter", cell)]
    for before, place in zip([None, *first], first, strict=False):
        gap = before is not None and s.places.index(place) > s.places.index(before) + 1
        line += [_sign("=" if before is None else "+ … +" if gap else "+"), _footprint(s, place, cell)]
        heads += ["", f"x[{place[0]}, {place[1]}]\nadds"]
    line += [_sign("=" if first[-1] == s.places[-1] else "+ … ="), number_grid("y", s.y, "output", cell, framed)]
    heads += ["", f"y\n{shape_text(s.y.shape)}"]
    overlaps = bool((s.counts > 1).any())
    name = f"stride s = {s.step}: each value of x, times the whole kernel, is added over its own patch of y"
    under = (
        f"framed: x[{u}, {w}] = {number_text(s.x[0, u, w, 0])} and its patch of y, from row {_times(s.stride[0], u)} "
        f"and column {_times(s.stride[1], w)} on; "
    ) + ("where patches overlap, they are summed" if overlaps else "no patches overlap")
    return column(
        column(title(name), note(under), gap=0.03, align="left"),
        grid([[note(h, align="center") if h else None for h in heads], line], gaps=GAPS, along=["bottom", "center"]),
        gap=0.1,
        align="left",
    )


def _times(step: int, index: int) -> str:
    """The row from which a patch starts, as a product where it is one."""
    return f"{step}·{index}" if step > 1 else str(index)


def _sign(sign: str) -> OffsetBox:
    return text(sign, size=SIGN)


def _footprint(s: _Scatter, place: tuple[int, int], cell: float) -> Drawing:
    """The footprint of one value of x, in a grid of the output's size."""
    adds, (rows, columns), drawing = s.adds(place), s.patch(*place), Drawing()
    name, grid_place = f"adds-{place[0]}-{place[1]}", flat(adds, cell)
    drawing.volume(name, grid_place, "#FFFFFF")
    fill(drawing, name, grid_place, [(r, c) for r in rows for c in columns], "output", number_texts(adds))
    if place == s.at:
        drawing.frame(grid_place, rows, columns)
    return drawing


def _among_zeros(s: _Scatter, cell: float) -> OffsetBox:
    """The same output as a convolution of x among zeros, with the worked value, and the multiplications both ways."""
    (r, c), (height, width), (rows, columns) = s.worked, s.sides, s.stuffed.shape
    drawing, place = Drawing(), Volume(0, 0, 0, ((rows, 0), (columns, 0)), cell=cell)
    drawing.volume("zeros", place, ROLES["padding"], [["" if value else "0" for value in line] for line in s.is_value])
    fill(drawing, "zeros", place, s.is_value, "input", number_texts(s.stuffed))
    drawing.frame(place, range(r, r + height), range(c, c + width))
    turned, y = number_grid("turned", s.turned, "filter", cell), number_grid("y-again", s.y, "output", cell, ([r], [c]))
    titles = [f"x among zeros, {shape_text((rows, columns))}", "kernel turned\nby 180°", "the same y"]
    heads = [box for words in titles for box in (note(words, align="center"), None)][:-1]
    line = [drawing, _sign("∗"), turned, _sign("="), y]
    m = s.multiplications
    said = column(
        text("the same as a convolution among zeros", weight="bold"),
        note(_zeros_text(s)),
        note(f"framed: {s.equation}"),
        note(
            f"scattered: {counted('multiplication', m['scattered'])}; among zeros: {m['among zeros']:,},\n"
            f"{m['by zeros']:,} of them by a zero"
        ),
        gap=0.08,
        align="left",
    )
    return row(grid([heads, line], gaps=GAPS, along=["bottom", "center"]), said, gap=0.3)


def _zeros_text(s: _Scatter) -> str:
    between = [f"{step - 1} {axis}" for step, axis in zip(s.stride, ("down", "across"), strict=True) if step > 1]
    around = [f"{k - 1} {axis}" for k, axis in zip(s.sides, ("down", "across"), strict=True)]
    first = (
        f"s − 1 zeros between neighbours ({', '.join(between)})" if between else "no zeros between neighbours (s = 1)"
    )
    return f"{first},\nDᵣ − 1 around all ({', '.join(around)}); dotted: zeros"


def _adjoint(s: _Scatter, cell: float) -> OffsetBox:
    """The way back: conv2d of the output, which is not x again."""
    names = "transposed_conv2d", "conv2d, same\nkernel and stride"
    arrows = [arrow_under(note(words, align="center"), 0.7) for words in names]
    grids = [
        number_grid("adjoint-x", s.x[0, ..., 0], "input", cell),
        number_grid("adjoint-y", s.y, "output", cell),
        number_grid("adjoint-back", s.back, "input", max(cell, number_cell(number_texts(s.back)))),
    ]
    heads = [note("x"), None, note("y"), None, note("not x")]
    line = [grids[0], arrows[0], grids[1], arrows[1], grids[2]]
    equal = "every cell equal" if s.difference == 0 else f"differences up to {s.difference:.0e}"
    return column(
        title("it is conv2d's dx, not conv2d's inverse"),
        note(
            f"conv2d with this kernel, stride {s.step}, takes {shape_text(s.y.shape)} to "
            f"{shape_text(s.x.shape[1:3])};\nits backward takes dy = x to dx = y, {equal}"
        ),
        grid([heads, line], gaps=GAPS, along=["bottom", "center"]),
        gap=0.08,
        align="left",
    )


def _crops(s: _Scatter, cell: float) -> OffsetBox:
    """The outputs that padding leaves, in the whole one."""
    drawings: list[OffsetBox | None] = []
    for n, crop in enumerate(s.crops):
        rows, columns = (
            max(whole, at + kept)
            for whole, at, kept in zip(s.y.shape, (crop.top, crop.left), crop.y.shape, strict=True)
        )
        canvas = np.zeros((rows, columns), s.y.dtype)
        canvas[: s.y.shape[0], : s.y.shape[1]] = s.y
        kept = slice(crop.top, crop.top + crop.y.shape[0]), slice(crop.left, crop.left + crop.y.shape[1])
        canvas[kept] = crop.y
        drawing, (height, width) = Drawing(), crop.y.shape
        sides = ((crop.top, rows - crop.top - height), (crop.left, columns - crop.left - width))
        drawing.volume(f"crop-{n}", Volume(height, width, 0, sides, cell=cell), ROLES["output"], number_texts(canvas))
        drawings.append(drawing)
    words: list[OffsetBox | None] = [
        note(f"{crop.words}\n→ {shape_text(crop.y.shape)}", align="center") for crop in s.crops
    ]
    return column(
        title("padding crops the output"),
        note(_crops_text(s)),
        grid([drawings, words], gaps=(0.2, 0.05), along=["center", "top"]),
        gap=0.08,
        align="left",
    )


def _crops_text(s: _Scatter) -> str:
    given = any("output_padding" in crop.arguments for crop in s.crops)
    return f"stride s = {s.step}; dotted: cropped away" + (
        "; output_padding\ncrops less at the lower and right edges" if given else ""
    )


def _alt(scatters: Sequence[_Scatter]) -> str:
    said, last = [], scatters[-1]
    for s in scatters:
        m = s.multiplications
        said.append(
            f"Stride {s.step}: each value of x, {shape_text(s.x.shape[1:3])}, times the "
            f"kernel, {shape_text(s.sides)}, is added over its own patch of the output, {shape_text(s.y.shape)}; "
            f"framed is x[{s.at[0]}, {s.at[1]}] with its patch. Below, x among zeros, {shape_text(s.stuffed.shape)}, "
            f"convolved with the kernel turned by 180°, gives the same output: {s.equation}; {m['among zeros']:,} "
            f"multiplications, {m['by zeros']:,} of them by a zero, where scattering takes {m['scattered']:,}."
        )
    crops = ", ".join(f"{crop.words} to {shape_text(crop.y.shape)}".replace("\n", " ") for crop in last.crops)
    return (
        f"{' '.join(said)} At the bottom: conv2d takes the output to {shape_text(last.back.shape)} again, but not to "
        f"x; and padding crops the output, {crops}."
    )


def _caption(scatters: Sequence[_Scatter], notes: Sequence[str], shown: int) -> str:
    last = scatters[-1]
    return four_part_caption(
        claim=(
            "A transposed convolution adds each value of x, times the whole kernel, over a patch of y; neighbouring "
            "patches start s apart, and where they overlap they are summed. It is the dx of the convolution with the "
            "same kernel and stride, and a convolution of x among zeros, but no convolution's inverse."
        ),
        computed=(
            "All outputs are npconv.transposed_conv2d's, of each value of x alone and of all; the largest difference "
            f"from npconv.conv2d_backward's dx is {number_text(last.difference)}. The convolutions are "
            "npconv.conv2d's; multiplications were counted by running the kernels on numbers that count "
            "(npconv.cost.count_operations)."
        ),
        scale=[
            "All grids have one scale, but for that of conv2d's numbers at the bottom",
            "empty cells of y's size get nothing from that value of x; indices count from 0",
            *notes,
        ],
        not_shown=[
            "further channels, over which a filter sums as in conv2d",
            f"what the other {len(last.places) - shown} values of x add" if shown < len(last.places) else "",
            "dilation and a bias",
        ],
    )
