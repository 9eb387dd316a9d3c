"""The backward pass in the forward figures' language: dy scattered to dx, and a tap times dy to dkernel, by hand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..kernels.geometry import Array, Axis, Padding, Pair
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.backward_pass import Backward, backward_from
from .parts.drawing import (
    FRONT,
    FRONT_UNDER_NUMBERS,
    MARGIN,
    ROLES,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    TooLargeError,
    Volume,
    largest_cell,
    number_cell,
    number_size,
    shade,
    text_width,
)
from .parts.products import ROW_GAP, Fit, draw_products, equation
from .parts.values import ROUNDED, Given, geometry_text, number_texts, side_text

VOLUME_HEIGHT, BLANK_HEIGHT = 2.4, 1.8  # inches that a volume may take, with numbers on all of them and otherwise
DRAWN_HEIGHT = 8.1  # inches for all volumes, products and notes
MOST_LINES = 0.4  # inches of lines that are written only where products are left out
DKERNEL_HEIGHT = 1.7  # inches for the products of the worked dkernel value where not all fit
NOTE = 0.17  # inches for a line
MOST_CELL = 0.4
SIGN = 0.38  # inches at least for a sign between volumes
MOST_FREE = 0.3  # inches that it may have beyond that
ARROW = 0.95  # inches at least for the arrow to dx


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
        canvas = Canvas()
        drawn, notes = _draw(canvas, back)
        figure = canvas.finish()
    return Figure(
        name="backward-taps",
        figure=figure,
        data=_data(back) | {"drawn": drawn},
        alt=_alt(back),
        caption=_caption(back, drawn, notes, (stride, padding, dilation)),
    )


@dataclass(frozen=True)
class Block:
    """A volume of a row, with all that is written on and around it."""

    name: str
    volume: Volume
    role: str
    numbers: list[list[str]]
    title: str
    labels: Labels
    focus: tuple[Sequence[int], Sequence[int]]

    def extent(self, cell: float) -> tuple[float, float]:
        """How far it reaches to the left and to the right of its front face's left edge, in inches."""
        volume = self.volume.at(0, 0, cell)
        width, title = text_width(self.labels.width) / 2, text_width(self.title) / 2
        left = min(0.0, volume.inner[0] - width, volume.right / 2 - title)
        return -left, max(self.labels.right(volume), volume.inner[0] + width, volume.right / 2 + title)

    @property
    def without_depth(self) -> "Block":
        """The same without a label for the channels, which the title has too."""
        return replace(self, labels=replace(self.labels, depth=""))

    def height(self, cell: float) -> float:
        """Its height, without what is written around it."""
        volume = self.volume.at(0, 0, cell)
        return volume.top - volume.bottom


def _draw(canvas: Canvas, back: Backward) -> tuple[dict[str, Any], list[str]]:
    """Draw both gradients; how much of what makes the worked values is drawn, and what is said about the volumes."""
    scatter, patches, cell = _blocks(back)
    axes = (back.layer.geometry.height, back.layer.geometry.width)
    y = _heading(
        canvas,
        0.0,
        "dx: each value of dy, times its filter, is added over its patch",
        f"tap (i, j) sends dy[v, w] to row {_place(axes[0], 'v', 'i')}, column {_place(axes[1], 'w', 'j')} of dx",
    )
    y, gaps = _draw_row(canvas, scatter, cell, y, (("×", SIGN), ("=", SIGN), ("", _arrow_width(back))))
    left, right, middle = gaps[2]
    canvas.arrow((left + 0.1, middle), (right - 0.1, middle))
    canvas.text((left + right) / 2, middle + 0.07, "+=", along="bottom")
    canvas.text((left + right) / 2, middle - 0.07, _count_text(back), size=SMALL, along="top")

    taken = sum(max(block.height(cell) for block in row) for row in (scatter, patches))
    notes = _notes(back, [*scatter, *patches], cell)
    most_height, dkernel = _shares(back, DRAWN_HEIGHT - taken - NOTE * len(notes))
    y, filters, part = _draw_gather(canvas, back, y - 0.2, most_height)

    y = _heading(
        canvas, y - 0.3, "dkernel: each tap of the input, times dy, summed over all positions", _tap_text(back)
    )
    y, _ = _draw_row(canvas, patches, cell, y, (("×", SIGN), ("=", SIGN)))
    heading = "the framed value of dkernel: its tap times dy"
    y, _ = draw_products(canvas, back.tap_products, dkernel, heading, y - 0.2, 0.0, back.dkernel_name)
    for number, note in enumerate(notes):
        canvas.text(MARGIN, y - 0.1 - NOTE * number, note, size=SMALL, across="left", along="top")
    return {
        "filters": filters,
        "of each filter's products": part,
        "of the tap's products": [dkernel.rows, dkernel.columns],
    }, notes


def _shares(back: Backward, height: float) -> tuple[float, Fit]:
    """The height for the products of the dx value, and how those of the dkernel value are drawn."""
    gather, tap = back.gather, back.tap_products
    if not all(back.reach):
        return 0.0, tap.fit(height)
    fit, whole = gather.fit(math.inf), tap.fit(math.inf)
    wanted = (fit.height + ROW_GAP) * -(-back.dy.shape[-1] // fit.per_row)
    if wanted + whole.height <= height + MOST_LINES:
        return wanted, whole
    available = height - tap.fit(DKERNEL_HEIGHT).height
    row = gather.fit(available).height + ROW_GAP
    taken = min(wanted, row * max(1, int(available / row)))
    return taken, tap.fit(max(DKERNEL_HEIGHT, height - taken))


def _blocks(back: Backward) -> tuple[list[Block], list[Block], float]:
    """Both rows of volumes, and the one cell that they have.

    Where room for numbers is short the channels are left to the titles; where it does not suffice volumes are smaller.
    """
    scatter, patches = _scatter_blocks(back), _patch_blocks(back)
    short = ([block.without_depth for block in scatter], [block.without_depth for block in patches])
    for left, right, most_height in (
        (scatter, patches, VOLUME_HEIGHT),
        (*short, VOLUME_HEIGHT),
        (scatter, patches, BLANK_HEIGHT),
    ):
        try:
            cell = _cell(back, left, right, most_height)
        except TooLargeError:
            continue
        if most_height == BLANK_HEIGHT or all(number_size(block.numbers, cell) for block in (*left, *right)):
            return left, right, cell
    return *short, _cell(back, *short, BLANK_HEIGHT)


def _cell(back: Backward, scatter: list[Block], patches: list[Block], most_height: float) -> float:
    """The largest cell at which both rows of volumes fit."""
    blocks = [*scatter, *patches]
    numbers = max(0.25, *(number_cell(block.numbers) for block in blocks))
    cell = min(numbers, MOST_CELL, most_height / max(block.height(1) for block in blocks))
    signs = 2 * SIGN
    for row, gaps in ((scatter, signs + _arrow_width(back)), (patches, signs)):
        cell = largest_cell(partial(_row_width, row, gaps), WIDTH - 2 * MARGIN, cell)
    return cell


def _row_width(row: list[Block], gaps: float, cell: float) -> float:
    return gaps + sum(sum(block.extent(cell)) for block in row)


def _count_text(back: Backward) -> str:
    return f"for all {back.dy.size:,}\nvalues of dy" if back.dy.size > 1 else "dy has\none value"


def _arrow_width(back: Backward) -> float:
    return max(ARROW, text_width(_count_text(back), SMALL) + 0.2)


def _heading(canvas: Canvas, y: float, text: str, under: str) -> float:
    canvas.text(MARGIN, y, text, size=TITLE, weight="bold", across="left", along="top")
    canvas.text(MARGIN, y - 0.21, under, size=SMALL, across="left", along="top")
    return y - 0.5


def _place(axis: Axis, position: str, tap: str) -> str:
    """Where a tap lies in x, as a formula of its position.

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


def _scatter_blocks(back: Backward) -> list[Block]:
    """dy, filter 0, what the framed value of dy adds, and dx."""
    layer, whole = back.layer, back.layer.input_volume
    v, w = back.source
    rows, columns = layer.geometry.row[v], layer.geometry.column[w]
    (above, _), (left, _) = whole.padding
    share = [[""] * whole.columns for _ in range(whole.rows)]
    for row, texts in zip(rows, number_texts(back.scattered), strict=True):
        for column, text in zip(columns, texts, strict=True):
            share[row][column] = text
    flat = Volume(whole.height, whole.width, 0, whole.padding)
    return [
        _dy_block(back, ([v], [w])),
        Block(
            "filter",
            Volume(*layer.kernel.shape[:3]),
            "filter",
            number_texts(layer.kernel[:, :, 0, 0]),
            f"filter n = 0\n{shape_text(layer.kernel.shape[:3])}",
            Labels("", side_text("Dᵣ", *layer.kernel.shape[:2]), f"M = {layer.kernel.shape[2]}"),
            (range(layer.kernel.shape[0]), range(layer.kernel.shape[1])),
        ),
        Block("what it adds", flat, "input", share, "what it adds\nto channel m = 0", Labels(), (rows, columns)),
        Block(
            "dx",
            replace(whole, sealed=True),  # its padding has numbers too
            "input",
            number_texts(back.dpadded[0, ..., 0]),
            f"dx\n{shape_text(back.dx.shape[1:])}",
            Labels("", side_text("Dᵤ", *layer.x.shape[1:3]), f"M = {whole.channels}"),
            ([back.at[0] + above], [back.at[1] + left]),
        ),
    ]


def _dy_block(back: Backward, focus: tuple[Sequence[int], Sequence[int]]) -> Block:
    _, height, width, filters = back.dy.shape
    return Block(
        "dy",
        Volume(height, width, filters),
        "output",
        number_texts(back.dy[0, ..., 0]),
        f"dy\n{shape_text((height, width, filters))}",
        Labels("", side_text("Dᵥ", height, width), f"N = {filters}"),
        focus,
    )


def _patch_blocks(back: Backward) -> list[Block]:
    """The input with a tap framed, dy, and filter 0 of dkernel."""
    layer, geometry = back.layer, back.layer.geometry
    i, j = back.tap
    height, width = back.dy.shape[1:3]
    tap_rows, tap_columns = [rows[i] for rows in geometry.row], [columns[j] for columns in geometry.column]
    return [
        Block(
            "x",
            replace(layer.input_volume, sealed=True),  # a tap may be framed in it
            "input",
            number_texts(layer.padded[..., 0]),
            f"x\n{shape_text(layer.x.shape[1:])}",
            Labels("", side_text("Dᵤ", *layer.x.shape[1:3]), f"M = {layer.x.shape[3]}"),
            (tap_rows, tap_columns),
        ),
        _dy_block(back, (range(height), range(width))),
        Block(
            "dkernel",
            Volume(*layer.kernel.shape[:3]),
            "filter",
            number_texts(back.dkernel[:, :, 0, 0]),
            f"dkernel, n = 0\n{shape_text(layer.kernel.shape[:3])}",
            Labels("", side_text("Dᵣ", *layer.kernel.shape[:2]), f"M = {layer.kernel.shape[2]}"),
            ([i], [j]),
        ),
    ]


def _draw_row(
    canvas: Canvas, blocks: Sequence[Block], cell: float, top: float, gaps: Sequence[tuple[str, float]]
) -> tuple[float, list[tuple[float, float, float]]]:
    """Draw volumes side by side, a sign in each gap; the lower edge, and the gaps.

    `gaps` are signs and their least widths; those returned are (left, right, middle).
    """
    extents = [block.extent(cell) for block in blocks]
    content = sum(map(sum, extents)) + sum(width for _, width in gaps)
    free = min((WIDTH - 2 * MARGIN - content) / (len(gaps) + 2), MOST_FREE)
    title_y = top - 2 * TEXT * 1.2 / 72
    height = max(block.height(cell) for block in blocks)
    middle = title_y - 0.08 - height / 2
    x, places = (WIDTH - content - free * len(gaps)) / 2, []
    for block, (left, right), (sign, gap) in zip(blocks, extents, (*gaps, ("", 0.0)), strict=True):
        volume = block.volume.at(0, 0, cell)
        placed = volume.at(x + left, middle - (volume.top + volume.bottom) / 2, cell)
        if block.name == "what it adds":
            _draw_share(canvas, block, placed)
        else:
            canvas.volume(block.name, placed, ROLES[block.role], block.numbers)
        canvas.labels(placed, block.labels)
        canvas.frame(placed, *block.focus)
        canvas.text((placed.x + placed.right) / 2, title_y, block.title, along="bottom", weight="bold")
        x += left + right
        if sign:
            canvas.text(x + (gap + free) / 2, middle, sign, size=15)
        places.append((x, x + gap + free, middle))
        x += gap + free
    return middle - height / 2 - 0.2, places[:-1]


def _draw_share(canvas: Canvas, block: Block, placed: Volume) -> None:
    """An empty grid with the patch in it that one value of dy is added over."""
    numbered = canvas.volume("share", placed, "#FFFFFF", block.numbers)
    fill = shade(ROLES[block.role], FRONT_UNDER_NUMBERS if numbered else FRONT)
    patch = [(row, column) for row in block.focus[0] for column in block.focus[1]]
    canvas.cells("share-cells", placed, {place: "" for place in patch if not placed.is_padding(*place)}, fill)


def _draw_gather(canvas: Canvas, back: Backward, top: float, most_height: float) -> tuple[float, int, list[int]]:
    """The worked dx value; the lower edge, the filters drawn and how much of their grids."""
    value = back.dx_name
    if not all(back.reach):
        canvas.text(WIDTH / 2, top, f"no value of dy reaches the framed place: {value} = 0", along="top")
        return top - 0.2, 0, [0, 0]
    heading = "the framed value of dx: all of dy that reaches it, times the taps that it comes through"
    products = back.gather
    fit = products.fit(most_height)
    y, shown = draw_products(canvas, products, fit, heading, top, most_height, value)
    return y, shown, [fit.rows, fit.columns]


def _notes(back: Backward, blocks: Sequence[Block], cell: float) -> list[str]:
    """What has to be said about the volumes."""
    notes = []
    if back.layer.input_volume.padding != ((0, 0), (0, 0)):
        notes.append("dotted: padding, zeros in x; what dy sends there is cropped away, and dx is the rest")
    once = {block.name: block for block in blocks}.values()
    gaps = [block for block in once if 0 < block.volume.drawn_channels < block.volume.channels]
    for channels in sorted({block.volume.channels for block in gaps}):
        of = [block for block in gaps if block.volume.channels == channels]
        notes.append(
            f"{', '.join(block.name for block in of)}: {of[0].volume.drawn_channels} of {channels} channels are drawn, "
            "the last behind a gap"
        )
    if names := [block.name for block in once if number_size(block.numbers, cell) is None]:
        notes.append(f"no numbers on the front of {', '.join(names)}: the cells are too small")
    if back.rounded:
        notes.append(ROUNDED)
    return notes


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
    layer = back.layer
    v, w = back.source
    i, j = back.tap
    filters = back.dy.shape[-1]
    dy, dx, kernel = (shape_text(shape) for shape in (back.dy.shape[1:], layer.x.shape[1:], layer.kernel.shape[:3]))
    made = f"is {back.dx_name} = 0, which no value of dy reaches"
    if all(back.reach):
        grid = shape_text(back.gather.products.shape[1:])
        made = (
            f"is a sum over all {filters} channel{'s' if filters > 1 else ''} of dy, of {grid} values times {grid} "
            "taps of the channel's filter: "
            f"{equation(back.dx_name, back.gather)}"
        )
    return (
        f"Above, a volume dy of {dy}, filter 0 of {kernel} and a grid of dx's size in which one patch is filled: the "
        f"value {number_text(back.dy[0, v, w, 0])} of dy, at row {v} and column {w}, times the filter. An arrow says "
        f"that the patches of all values are added into dx, {dx}. The value framed in dx {made}. "
        f"At the bottom, the input with the cells of tap ({i}, {j}) framed, dy, and filter 0 of dkernel with one "
        f"value framed; the tap's {shape_text(back.dy.shape[1:3])} values times those of dy add up to it: "
        f"{equation(back.dkernel_name, back.tap_products)}."
    )


def _caption(back: Backward, drawn: dict[str, Any], notes: list[str], geometry: tuple[Pair, Padding, Pair]) -> str:
    channels, filters = back.layer.kernel.shape[2:]
    missing = []
    if all(back.reach) and drawn["filters"] < filters:
        missing.append(f"{filters - drawn['filters']} of the N = {filters} summands of the dx value")
    for part, products in (("of each filter's", back.gather), ("of the tap's", back.tap_products)):
        whole, rest = list(products.products.shape[1:]), drawn[f"{part} products"]
        if 0 not in rest and rest != whole:
            missing.append(f"{part} {shape_text(whole)} products all but the first {shape_text(rest)}")
    if channels > 1:
        missing.append("the numbers of x and dx behind channel 0")
    if filters > 1:
        missing.append("the other filters and their gradients, but for the taps that make the dx value")
    return four_part_caption(
        claim=(
            "Backward goes through the taps of forward. Each value of dy, times its filter, is added in dx over the "
            "patch that forward read there, so that overlapping patches add up; dkernel[i, j] is tap (i, j) of the "
            "input times dy, summed over all positions."
        ),
        computed=(
            f"All gradients are npconv.conv2d_backward_taps', with {geometry_text(*geometry)}; "
            "both framed values are sums of products, which stand below. In dx the taps "
            "run backwards, as a later position reaches the same place by an earlier tap"
            + ("; the product framed there is the scattered value's." if all(back.reach) else ".")
        ),
        scale=(
            "A gradient has the colour of what it is the gradient of: dx of the input, dy of the output, dkernel of "
            "the filters. All volumes have one scale; a front face shows channel 0; indices count from 0."
            + "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
        ),
        not_shown=f"Not shown: {'; '.join([*missing, 'a bias'])}.",
    )
