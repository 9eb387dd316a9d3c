"""The backward pass in the forward figures' language: dy scattered to dx, and a tap times dy to dkernel, by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Array, Axis, Padding, Pair
from ..text import counted, filled, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.backward_pass import Backward, Grids, Products, backward_from
from .parts.drawing import FRONT, FRONT_UNDER_NUMBERS, ROLES, Labels, Volume, number_cell, number_size, shade
from .parts.layout import Drawing, Page, column, note, space, text, title
from .parts.separable_layer import drawn_text, volume_row
from .parts.slabs import Texts
from .parts.values import ROUNDED, Given, geometry_text, number_texts, side_text

VOLUME_HEIGHT, BLANK_HEIGHT = 2.4, 1.8  # inches that a volume may take, with numbers on all of them and otherwise
DKERNEL_HEIGHT = 1.7  # inches for the products of the worked dkernel value where not all fit
MOST_CELL = 0.4
GAP, TEXTS = 0.2, 2.0  # inches between the parts of the page, and for what is written around both worked values


def backward_taps(
    *,
    x: Given = (1, 5, 7, 2),
    kernel: Given = (3, 3, 2, 2),
    stride: Pair = 2,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    tap: tuple[int, int] | None = None,
    seed: int = 0,
    dy: Array | None = None,
) -> Figure:
    """The backward pass, tap by tap: dy scattered to dx, patches times dy to dkernel, a value of each worked out.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −2 to 2 without 0.
        stride, padding, dilation: as in `npconv.conv2d_backward`; padding is drawn as padding.
        at: the (row, column) in dx of the value that is worked out, in channel 0; if None, the one nearest the middle
            of those that most values of dy reach.
        tap: the (i, j) in dkernel of the value that is worked out, in channel 0 of filter 0; the middle if None.
        seed: of the integers.
        dy: the upstream gradient (1, Dᵥ, Dᵥ, N); integers from −3 to 3 without 0 if None.

    Returns:
        Figure "backward-taps". Its data: input, kernel, dy, dx and dkernel; `scattered`, the value of dy that is sent
        back by itself and what it adds to its patch; `dx value` and `dkernel value`, with all the products that each
        is the sum of; and how many filters and products are drawn.

    Raises:
        TypeError, ValueError: as `npconv.conv2d_backward`, and ValueError for what cannot be drawn: B above 1, more
            than 32 rows or columns, numbers that are not finite or too long.

    Source: the article's "Overview of Standard 2D Convolution", backward; derived in docs/lessons/backward.md.

    >>> figure = backward_taps(x=(1, 4, 5, 2), kernel=(3, 3, 2, 8), stride=1)
    >>> np.shape(figure.data["dx"]), np.shape(figure.data["dkernel"])
    ((1, 4, 5, 2), (3, 3, 2, 8))
    """
    back = backward_from("backward_taps", x, kernel, stride, padding, dilation, at, tap, seed, dy)
    with drawn_by("backward_taps", x=back.layer.x, kernel=back.layer.kernel, dy=back.dy):
        figure, drawn, notes = _draw(back)
    return Figure(
        name="backward-taps",
        figure=figure,
        data=_data(back) | {"drawn": drawn},
        alt=_alt(back),
        caption=_caption(back, drawn, notes, geometry_text(stride, padding, dilation)),
    )


class _Panel(NamedTuple):
    """A volume of a row, with all that is written on and around it; without channels it is a flat grid."""

    name: str
    volume: Volume
    role: str
    numbers: Texts
    frame: tuple[Sequence[int], Sequence[int]]
    heading: str

    @property
    def title(self) -> str:
        """Its name and its shape."""
        volume = self.volume
        shape = shape_text((volume.height, volume.width, volume.channels))
        return f"{self.heading}\n{shape}" if volume.channels else self.heading

    @property
    def some(self) -> str:
        """The number of channels that are drawn, if not all."""
        return drawn_text(self.volume.drawn_channels, self.volume.channels, "channels") if self.volume.channels else ""

    def drawn(self, cell: float) -> Drawing:
        """The volume with its sizes, or the flat grid, in which only the framed patch is filled."""
        drawing, volume, color = Drawing(), self.volume.at(0, 0, cell), ROLES[self.role]
        if volume.channels:
            side, channels = {"output": ("Dᵥ", "N"), "filter": ("Dᵣ", "M"), "input": ("Dᵤ", "M")}[self.role]
            drawing.volume(self.name, volume, color, self.numbers)
            sizes = f"{side_text(side, volume.height, volume.width)}, {channels} = {volume.channels}"
            drawing.labels(volume, Labels(width=sizes))
        else:
            numbered = drawing.volume("share", volume, "#FFFFFF", self.numbers)
            patch = [(r, c) for r in self.frame[0] for c in self.frame[1] if not volume.is_padding(r, c)]
            fill = shade(color, FRONT_UNDER_NUMBERS if numbered else FRONT)
            drawing.cells("share-cells", volume, dict.fromkeys(patch, ""), fill)
        drawing.frame(volume, *self.frame)
        return drawing


def _panels(back: Backward) -> tuple[list[_Panel], list[_Panel]]:
    """The volumes that dx is made of, and those that dkernel is made of."""
    layer, geometry = back.layer, back.layer.geometry
    dy, (height, width, channels) = Volume(*back.dy.shape[1:]), layer.kernel.shape[:3]
    whole = replace(layer.input_volume, sealed=True)  # its padding has numbers too, and may be framed
    (above, _), (left, _) = whole.padding
    (v, w), (i, j) = back.source, back.tap
    rows, columns = geometry.row[v], geometry.column[w]
    share = np.full((whole.rows, whole.columns), "", object)
    share[np.ix_(rows, columns)] = number_texts(back.scattered)
    at = ([back.at[0] + above], [back.at[1] + left])
    tap = ([each[i] for each in geometry.row], [each[j] for each in geometry.column])
    filters, dys = Volume(height, width, channels), number_texts(back.dy[0, ..., 0])
    weights, dweights = (number_texts(kernel[:, :, 0, 0]) for kernel in (layer.kernel, back.dkernel))
    scatter = [
        _Panel("dy", dy, "output", dys, ([v], [w]), "dy"),
        _Panel("filter", filters, "filter", weights, (range(height), range(width)), "filter n = 0"),
        _Panel(
            "what it adds",
            replace(whole, channels=0),
            "input",
            share.tolist(),
            (rows, columns),
            "what it adds\nto channel m = 0",
        ),
        _Panel("dx", whole, "input", number_texts(back.dpadded[0, ..., 0]), at, "dx"),
    ]
    patches = [
        _Panel("x", whole, "input", number_texts(layer.padded[..., 0]), tap, "x"),
        _Panel("dy", dy, "output", dys, (range(dy.height), range(dy.width)), "dy"),
        _Panel("dkernel", filters, "filter", dweights, ([i], [j]), "dkernel, n = 0"),
    ]
    return scatter, patches


def _rows(back: Backward, cell: float, page: Page | None = None) -> list[OffsetBox]:
    """Both rows of volumes, over the width of a page if there is one."""
    arrow = Drawing()
    arrow.arrow((0, 0), (0.75, 0))
    values = f"for all {back.dy.size:,}\nvalues of dy" if back.dy.size > 1 else "dy has\none value"
    added = column(text("+="), arrow, note(values, align="center"), gap=0.04)
    return [
        volume_row(
            [panel.title for panel in panels],
            [panel.drawn(cell) for panel in panels],
            [[panel.some] for panel in panels],
            signs,
            page,
            0.4,
        )
        for panels, signs in zip(_panels(back), (("×", "=", added), ("×", "=")), strict=True)
    ]


def _draw(back: Backward) -> tuple[matplotlib.figure.Figure, dict[str, Any], list[str]]:
    """Draw both gradients; how much of what makes the worked values is drawn, and what is said about the volumes."""
    page = Page()
    numbers = {panel.name: panel.numbers for panels in _panels(back) for panel in panels}
    natural = min(MOST_CELL, max(0.25, *map(number_cell, numbers.values())))
    for height in (VOLUME_HEIGHT, BLANK_HEIGHT):
        _, cell = page.fitted(lambda cell: column(*_rows(back, cell)), natural, height=2 * height + 1.2)
        blank = [name for name, texts in numbers.items() if number_size(texts, cell) is None]
        if not blank:
            break
    notes, (row, col), (scatter, patches) = _notes(back, blank), _places(back), _rows(back, cell, page)
    scattered = "dx: each value of dy, times its filter, is added over its patch"
    above = _headed(page, scattered, f"tap (i, j) sends dy[v, w] to row {row}, column {col} of dx", scatter)
    summed = "dkernel: each tap of the input, times dy, cell by cell, summed over all positions"
    below = _headed(page, summed, _tap_text(back), patches)
    said = column(*map(note, notes), gap=0.05, align="left") if notes else None
    room = page.highest - page.size(column(above, below, said, gap=GAP))[1] - TEXTS
    drawn = {"filters": 0, "of each filter's products": [0, 0]}
    gather: OffsetBox = text(f"no value of dy reaches the framed place: {back.dx_name} = 0")
    if all(back.reach):
        least = back.tap_products.arranged(page, min(DKERNEL_HEIGHT, room))
        grids = back.gather.arranged(page, room - page.size(least.box)[1])
        gather = column(
            *_why(back), grids.box, *_left_out(back.gather, grids), text(back.gather.equation(back.dx_name))
        )
        drawn = {"filters": grids.shown, "of each filter's products": grids.part}
        room -= page.size(grids.box)[1]
    taps = back.tap_products.arranged(page, room)
    tap = column(
        text("the framed value of dkernel: its tap times dy", weight="bold"),
        taps.box,
        *_left_out(back.tap_products, taps),
        text(back.tap_products.equation(back.dkernel_name)),
    )
    figure = page.finish(column(above, gather, below, tap, said, gap=GAP))
    return figure, {**drawn, "of the tap's products": taps.part}, notes


def _headed(page: Page, heading: str, under: str, volumes: OffsetBox) -> OffsetBox:
    """A row of volumes under its heading, which stands at the left."""
    return column(column(title(heading), note(under), space(page.inner, 0), gap=0.03, align="left"), volumes)


def _why(back: Backward) -> list[OffsetBox]:
    """The heading of the worked dx value, and why its taps run backwards."""
    heading = "the framed value of dx: all of dy that reaches it, times the taps that it comes through"
    (row, col), (v, w) = _places(back), map(len, back.reach)
    fixed = f"{row} = {back.at[0]} and {col} = {back.at[1]}"
    falls = " and ".join(
        f"{tap} falls as {place} grows" for tap, place, count in (("i", "v", v), ("j", "w", w)) if count > 1
    )
    return [
        text(heading, weight="bold"),
        *([note(f"the taps run backwards: {fixed} stay the same, so {falls}")] if falls else []),
    ]


def _left_out(products: Products, drawn: Grids) -> list[OffsetBox]:
    """The words about grids and products that are left out."""
    more, whole, said = len(products.sums) - drawn.shown, list(products.products.shape[1:]), []
    if more:
        rest = number_text(products.sums[drawn.shown :].sum(dtype=products.sums.dtype))
        said.append(f"… and {counted('more filter', more)}, whose {'sum is' if more == 1 else 'sums add up to'} {rest}")
    if drawn.part != whole:
        said.append(f"of the {shape_text(whole)} products the first {shape_text(drawn.part)} are drawn")
    return [text(line) for line in said]


def _notes(back: Backward, blank: Sequence[str]) -> list[str]:
    """The notes on the volumes."""
    notes = {
        "dotted: padding, zeros in x; what dy sends there is cropped away, and dx is the rest": (
            back.layer.input_volume.padding != ((0, 0), (0, 0))
        ),
        f"no numbers on the front of {', '.join(blank)}: the cells are too small": bool(blank),
        ROUNDED: back.rounded,
    }
    return [note for note, holds in notes.items() if holds]


def _places(back: Backward) -> tuple[str, str]:
    """The place in dx to which tap (i, j) sends dy[v, w], as formulas of its row and column."""
    geometry = back.layer.geometry
    return _place(geometry.height, "v", "i"), _place(geometry.width, "w", "j")


def _place(axis: Axis, position: str, tap: str) -> str:
    """The place of a tap in x, as a formula of its position.

    >>> _place(Axis(7, 3, stride=2, before=1, after=1), "v", "i")
    '2v + i − 1'
    """
    times = ["" if factor == 1 else str(factor) for factor in (axis.stride, axis.dilation)]
    return f"{times[0]}{position} + {times[1]}{tap}" + (f" − {axis.before}" if axis.before else "")


def _tap_text(back: Backward) -> str:
    geometry = back.layer.geometry
    (i, j), (height, width) = back.tap, (geometry.height, geometry.width)
    start = f"row {i * height.dilation} and column {j * width.dilation}"
    steps = {height.stride, width.stride}
    step = f"{height.stride}" if len(steps) == 1 else f"{height.stride} down and {width.stride} across"
    padded = "the padded x" if back.layer.padded.shape != back.layer.x.shape[1:] else "x"
    count = shape_text((height.output, width.output))
    return (
        f"tap ({i}, {j}), framed: {padded} from {start} on, in steps of {step}, a value for each of {count} positions"
    )


def _data(back: Backward) -> dict[str, Any]:
    gather, tap, geometry = back.gather, back.tap_products, back.layer.geometry
    row, column = back.at
    i, j = back.tap
    return {
        "input": back.layer.x.tolist(),
        "kernel": back.layer.kernel.tolist(),
        "dy": back.dy.tolist(),
        "dx": back.dx.tolist(),
        "dx with its padding": back.dpadded.tolist(),
        "dkernel": back.dkernel.tolist(),
        "at": [row, column],
        "tap": [i, j],
        "scattered": {
            "from": list(back.source),
            "to padded rows": geometry.row[back.source[0]],
            "to padded columns": geometry.column[back.source[1]],
            "adds": back.scattered.tolist(),
        },
        "dx value": {
            "value": back.dx[0, row, column, 0].item(),
            "rows (v, i)": [list(pair) for pair in back.reach[0]],
            "columns (w, j)": [list(pair) for pair in back.reach[1]],
            "dy": gather.left.tolist(),
            "taps": gather.right.tolist(),
            "products": gather.products.tolist(),
            "sums": gather.sums.tolist(),
        },
        "dkernel value": {
            "value": back.dkernel[i, j, 0, 0].item(),
            "tap": tap.left[0].tolist(),
            "products": tap.products[0].tolist(),
        },
    }


def _alt(back: Backward) -> str:
    layer, filters = back.layer, back.dy.shape[-1]
    made = f"is {back.dx_name} = 0, which no value of dy reaches"
    if all(back.reach):
        made = (
            "is a sum over all {n:channel} of dy, of {grid} values times {grid} taps of the channel's filter: "
            f"{back.gather.equation(back.dx_name)}"
        )
    return filled(
        "Above, a volume dy of {dy}, filter 0 of {kernel} and a grid of dx's size in which one patch is filled: the "
        "value {value} of dy, at row {source[0]} and column {source[1]}, times the filter. An arrow says that the "
        f"patches of all values are added into dx, {{dx}}. The value framed in dx {made}. At the bottom, the input "
        "with the cells of tap ({tap[0]}, {tap[1]}) framed, dy, and filter 0 of dkernel with one value framed; the "
        "tap's {places} values times those of dy add up to it: {equation}.",
        dy=back.dy.shape[1:],
        kernel=layer.kernel.shape[:3],
        value=number_text(back.dy[0][back.source][0]),
        source=back.source,
        dx=layer.x.shape[1:],
        n=filters,
        grid=back.gather.products.shape[1:],
        tap=back.tap,
        places=back.dy.shape[1:3],
        equation=back.tap_products.equation(back.dkernel_name),
    )


def _caption(back: Backward, drawn: dict[str, Any], notes: list[str], geometry: str) -> str:
    channels, filters = back.layer.kernel.shape[2:]
    missing = []
    if all(back.reach) and drawn["filters"] < filters:
        missing.append(f"{filters - drawn['filters']} of the N = {filters} summands of the dx value")
    for part, products in (("of each filter's", back.gather), ("of the tap's", back.tap_products)):
        whole, rest = list(products.products.shape[1:]), drawn[f"{part} products"]
        if 0 not in rest and rest != whole:
            missing.append(f"{part} {shape_text(whole)} products all but the first {shape_text(rest)}")
    framed = "; the product framed there is the scattered value's" if all(back.reach) else ""
    return four_part_caption(
        claim=(
            "Backward goes through the taps of forward. Each value of dy, times its filter, is added in dx over the "
            "patch that forward read there, so that overlapping patches add up; dkernel[i, j] is tap (i, j) of the "
            "input times dy, summed over all positions."
        ),
        computed=(
            f"All gradients are npconv.conv2d_backward_taps', with {geometry}; both framed values are sums of "
            "products, which stand below. In dx the taps run backwards, as a later position reaches the same place by "
            f"an earlier tap{framed}."
        ),
        scale=[
            "A gradient has the colour of what it is the gradient of: dx of the input, dy of the output, dkernel of "
            "the filters",
            "all volumes have one scale",
            "a front face shows channel 0",
            "indices count from 0",
            *dict.fromkeys(f"{panel.name}: {panel.some}" for row in _panels(back) for panel in row if panel.some),
            *notes,
        ],
        not_shown=[
            *missing,
            "the numbers of x and dx behind channel 0" if channels > 1 else "",
            "the other filters and their gradients, but for the taps that make the dx value" if filters > 1 else "",
            "a bias",
        ],
    )
