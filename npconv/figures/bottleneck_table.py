"""The article's Table 1: the three steps of an inverted residual, in symbols and worked out on one layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..kernels.blocks import inverted_residual_geometry, inverted_residual_stages
from ..kernels.geometry import Geometry, Padding, Pair
from ..text import shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import Block, block_of, draw_block, draw_legend, largest_scale
from .parts.drawing import MARGIN, SMALL, TEXT, TITLE, WIDTH, Canvas, text_width
from .parts.residuals import Residual, Shape, Sizes, inverted_block

NAME = "bottleneck_table"
HEADINGS = ("input", "operator", "output", "parameters", "MACs")
MAP = 0.5  # inches for the longest side of a map
THICKEST = 0.7  # inches for the most channels, at the most
ROW = 0.84  # inches
LINE = TEXT * 1.3 / 72
GAP = 0.2  # inches between columns, at least
BESIDE = 0.1  # inches from a volume to its text


@dataclass(frozen=True)
class Row:
    """A step of the block: each cell in symbols and with this layer's numbers."""

    input: tuple[str, str]
    operator: tuple[str, ...]
    output: tuple[str, str]
    params: tuple[str, str]
    macs: tuple[str, str]


@dataclass(frozen=True)
class Table:
    """The block with all that the table says of it."""

    block: Residual
    geometry: Geometry  # that of the depthwise convolution
    shapes: list[Sizes]  # of the arrays that inverted_residual_stages returned, (height, width, channels)
    padding: Padding

    @property
    def expanded(self) -> str:
        """The symbol of the wide tensors' channels."""
        return "tk" if self.block.expands else "k"

    @property
    def rounds_up(self) -> bool:
        """Whether "same" padding rounds h/s or w/s up."""
        return self.padding == "same" and any(axis.input % axis.stride for axis in self.axes)

    @property
    def axes(self) -> tuple[Any, Any]:
        """Height and width."""
        return self.geometry.height, self.geometry.width

    @property
    def small_map(self) -> tuple[str, str]:
        """The output's map in symbols: as sizes, and as a product."""
        strides = {axis.stride for axis in self.axes}
        if self.padding != "same" or len(strides) > 1:
            return "h′×w′", "h′·w′"
        return ("⌈h/s⌉×⌈w/s⌉", "⌈h/s⌉·⌈w/s⌉") if self.rounds_up else ("h/s×w/s", "h·w/s²")

    @property
    def rows(self) -> list[Row]:
        """The steps."""
        wide, (sizes, product) = self.expanded, self.small_map
        symbols = [
            ("h×w×k", f"h×w×{wide}", f"k·{wide}", f"h·w·k·{wide}"),
            (f"h×w×{wide}", f"{sizes}×{wide}", f"Dᵣ²·{wide}", f"{product}·Dᵣ²·{wide}"),
            (f"{sizes}×{wide}", f"{sizes}×k′", f"{wide}·k′", f"{product}·{wide}·k′"),
        ][-len(self.block.operators) :]
        steps = zip(symbols, self.shapes, self.block.operators, self.shapes[1:], self.block.tensors[1:], strict=False)
        return [
            Row(
                (source, shape_text(shape)),
                (
                    f"{operator.text}, stride s{', dilation δ' if self.dilated else ''}"
                    if operator.name == "depthwise"
                    else f"{operator.text} convolution",
                    f"then {tensor.activation}" if not tensor.linear else "linear, no activation",
                    f"{operator.name} {operator.kernel}",
                ),
                (result, shape_text(result_shape)),
                (params, f"{operator.cost.params:,}"),
                (macs, f"{operator.cost.macs:,}"),
            )
            for (source, result, params, macs), shape, operator, result_shape, tensor in steps
        ]

    @property
    def map_kept(self) -> bool:
        """Whether the depthwise convolution keeps the map's size, so that the paper's formula holds."""
        return self.shapes[0][:2] == self.shapes[-1][:2]

    @property
    def stride(self) -> str:
        """The stride."""
        strides = tuple(axis.stride for axis in self.axes)
        return str(strides[0] if strides[0] == strides[1] else strides)

    @property
    def letters(self) -> str:
        """What the symbols stand for here."""
        height, width, k = self.shapes[0]
        kernel = self.geometry.height.kernel, self.geometry.width.kernel
        side = str(kernel[0]) if kernel[0] == kernel[1] else "×".join(map(str, kernel))
        t = Fraction(self.shapes[-2][-1], k)
        dilations = tuple(axis.dilation for axis in self.axes)
        dilation = f", δ = {dilations[0] if dilations[0] == dilations[1] else dilations}" if self.dilated else ""
        return (
            f"h = {height}, w = {width}, k = {k}, t = {t}, k′ = {self.shapes[-1][-1]}, s = {self.stride}, "
            f"Dᵣ = {side}{dilation}"
        )

    @property
    def dilated(self) -> bool:
        """Whether the depthwise convolution is dilated."""
        return any(axis.dilation > 1 for axis in self.axes)

    @property
    def formula(self) -> tuple[str, str, int]:
        """The paper's cost at stride 1: in symbols, in this layer's numbers, and its value."""
        height, width, k = self.shapes[0]
        wide, k_out = self.shapes[-2][-1], self.shapes[-1][-1]
        taps = self.geometry.height.kernel * self.geometry.width.kernel
        if not self.block.expands:
            return "h·w·k·(Dᵣ² + k′)", f"{height}·{width}·{k}·({taps} + {k_out})", height * width * k * (taps + k_out)
        return (
            "h·w·k·t·(k + Dᵣ² + k′)",
            f"{height}·{width}·{k}·{Fraction(wide, k)}·({k} + {taps} + {k_out})",
            height * width * wide * (k + taps + k_out),
        )

    @property
    def notes(self) -> list[str]:
        """What has to be said below the table."""
        symbols, numbers, value = self.formula
        small = "×".join(str(side) for side in self.shapes[-1][:2])
        whole = "×".join(str(side) for side in self.shapes[0][:2])
        notes = []
        if not self.block.expands:
            notes.append(
                "t = 1: there is no expansion and no ReLU6 after it; the first row is absent, and so is its cost."
            )
        whose = "The paper's" if self.block.expands else "Less the expansion, the paper's"
        if self.map_kept:
            notes.append(f"{whose} cost at stride 1, {symbols} = {numbers} = {value:,} MACs, holds here.")
        else:
            notes.append(f"{whose} cost at stride 1, {symbols} = {value:,} MACs, doesn't hold here:")
            notes.append(f"the depthwise step and the projection run on a map of {small}, not {whole}.")
        if self.rounds_up:
            parts = [f"⌈{axis.input}/{axis.stride}⌉ = {axis.output}" for axis in self.axes if axis.input % axis.stride]
            notes.append(f"“same” padding rounds up: {', '.join(dict.fromkeys(parts))}.")
        elif "′" in self.small_map[0]:
            ceilings = "×".join(str(-(-axis.input // axis.stride)) for axis in self.axes)
            if self.padding == "same":
                notes.append(f"h′×w′ = {small}: ⌈h/s⌉×⌈w/s⌉ with the stride of each side, {self.stride}.")
            else:
                told = "no padding" if self.padding == "valid" else f"padding {self.padding!r}"
                notes.append(f"h′×w′ = {small} with {told}; with “same” padding it is ⌈h/s⌉×⌈w/s⌉ = {ceilings}.")
        return notes


def bottleneck_table(
    *,
    x: Shape = (1, 56, 56, 24),
    expand: Shape | None = (24, 144),
    depthwise: Shape = (3, 3, 144),
    project: Shape = (144, 32),
    stride: Pair = 2,
    padding: Padding = "same",
    dilation: Pair = 1,
    seed: int = 0,
) -> Figure:
    """The inverted residual as a table: input, operator and output of its steps, in symbols and in one layer's numbers.

    Args:
        x, expand, depthwise, project: the shapes of `npconv.inverted_residual`'s arguments, or arrays of them, whose
            numbers don't matter; B = 1, and expand None leaves the expansion out, t = 1.
        stride, padding, dilation: as in `npconv.inverted_residual`.
        seed: of the random arrays on which it is found which tensors are linear.

    Returns:
        Figure "bottleneck-table". Its data: the `rows` (operator, kernel, input and output shape, activation, params,
        macs, and each cell in symbols), the totals, the paper's formula with its value and whether it holds, whether
        there is a `shortcut` and if not why, and the `inches per channel` of the volumes.

    Raises:
        TypeError, ValueError: as `npconv.inverted_residual`, and ValueError for what cannot be drawn: B above 1, a
            tensor that would be too thin to be seen beside the thickest.

    Source: the article's Table 1, the MobileNetV2 paper's Table 1; the cost is that of the paper's section 3.3.

    >>> figure = bottleneck_table(project=(144, 24), stride=1)
    >>> figure.data["macs"], figure.data["formula"]["value"], figure.data["formula"]["holds"]
    (25740288, 25740288, True)
    """
    block = inverted_block(NAME, "x", x, expand, depthwise, project, stride, padding, dilation, seed)
    table = Table(block, *_run(block, stride, padding, dilation), padding)
    with drawn_by(NAME, x=x, expand=expand, depthwise=depthwise, project=project):
        canvas = Canvas()
        channel = _draw(canvas, table)
        figure = canvas.finish()
    symbols, _, value = table.formula
    return Figure(
        name="bottleneck-table",
        figure=figure,
        data={
            "rows": [_data(table, i) for i in range(len(table.rows))],
            "params": block.cost.params,
            "macs": block.cost.macs,
            "formula": {"symbols": symbols, "value": value, "holds": table.map_kept},
            "shortcut": block.shortcut,
            "why no shortcut": block.no_shortcut,
            "inches per channel": channel,
        },
        alt=(
            f"A table of the {len(table.rows)} steps of an inverted residual with input, operator, output, parameters "
            f"and MACs, in symbols and for {table.letters}. "
            + " ".join(
                f"{row.operator[0]}, {row.operator[1]}: {row.input[0]} to {row.output[0]}, here {row.input[1]} to "
                f"{row.output[1]}, with {row.params[1]} parameters and {row.macs[1]} MACs."
                for row in table.rows
            )
            + f" In all {block.cost.params:,} parameters and {block.cost.macs:,} MACs. "
            f"Shortcut: {_shortcut_text(block)}. Beside each shape is a volume as thick as its channels, hatched where "
            "it is linear."
        ),
        caption=four_part_caption(
            claim=_claim(table),
            computed=(
                "The shapes are those of npconv.inverted_residual_stages' arrays, the parameters and MACs "
                "npconv.cost.inverted_residual_cost's; which tensors are linear was found by running the stages on "
                "random arrays, the input being what a block of the same kind gives."
            ),
            scale=(
                "The volumes' thickness is proportional to channels, their height and depth to the map on a scale of "
                "its own, the depth drawn at half."
            ),
            not_shown="Not shown: batch normalisation and its parameters, biases, additions.",
        ),
    )


def _run(block: Residual, stride: Pair, padding: Padding, dilation: Pair) -> tuple[Geometry, list[Sizes]]:
    """Run the block; the depthwise convolution's geometry, and the shapes of its input and what its steps give."""
    x = np.zeros((1, *block.tensors[0].shape), np.float32)
    kernels = {operator.name: np.zeros(operator.kernel, np.float32) for operator in block.operators}
    given = (x, kernels.get("expand"), kernels["depthwise"], kernels["project"])
    stages = inverted_residual_stages(*given, stride=stride, padding=padding, dilation=dilation)
    arrays = [x, stages.expanded_relu6, stages.depthwise_relu6, stages.projected]
    geometry, _ = inverted_residual_geometry(NAME, given, stride, padding, dilation)
    return geometry, [a.shape[1:] for a in arrays if a is not None]


def _claim(table: Table) -> str:
    """What the table shows."""
    block = table.block
    (_, first), (_, last) = table.rows[0].input, table.rows[-1].output
    start = "The block expands" if block.expands else "Without an expansion (t = 1) the block"
    steps = " its input, filters every channel by itself and projects" if block.expands else " filters and projects"
    cost = f"It costs {block.cost.macs:,} MACs"
    if table.map_kept:
        cost += f", which is {table.formula[0]}."
    else:
        cost += f"; it would be {table.formula[0]} = {table.formula[2]:,} if the map kept its size, as at stride 1."
    shortcut = "its shortcut is added" if block.shortcut else f"it has no shortcut, as {block.no_shortcut}"
    return f"{start}{steps}, {first} to {last}; its last step is linear, and {shortcut}. {cost}"


def _shortcut_text(block: Residual) -> str:
    if not block.shortcut:
        return f"none, as {block.no_shortcut}"
    additions = block.cost.additions - sum(part.additions for part in block.cost.parts.values())
    return f"the input is added to the output, {additions:,} addition{'s' if additions > 1 else ''}"


def _data(table: Table, i: int) -> dict[str, Any]:
    row, operator, tensor = table.rows[i], table.block.operators[i], table.block.tensors[i + 1]
    cells = {"input": row.input, "output": row.output, "parameters": row.params, "MACs": row.macs}
    return {
        "operator": row.operator[0],
        "name": operator.name,
        "kernel": list(operator.kernel),
        "input": list(table.shapes[i]),
        "output": list(table.shapes[i + 1]),
        "activation": tensor.activation,
        "params": operator.cost.params,
        "macs": operator.cost.macs,
        "symbols": {heading: symbols for heading, (symbols, _) in cells.items()},
    }


def _draw(canvas: Canvas, table: Table) -> float:
    """Draw the table from its title down; the scale in inches per channel."""
    block, rows = table.block, table.rows
    totals = f"{block.cost.params:,}", f"{block.cost.macs:,}"
    texts = [
        max(text_width(text) for row in rows for text in row.input),
        max(text_width(text) for row in rows for text in row.operator),
        max(text_width(text) for row in rows for text in row.output),
        max(text_width(text, TEXT, "bold") for text in (HEADINGS[3], totals[0], *(t for r in rows for t in r.params))),
        max(text_width(text, TEXT, "bold") for text in (HEADINGS[4], totals[1], *(t for r in rows for t in r.macs))),
    ]
    row = MAP / max(side for shape in table.shapes for side in shape[:2])
    most = max(shape[-1] for shape in table.shapes)

    def widths(channel: float) -> list[float]:
        volumes = [Block(c * channel, h * row, w * row, False).width for h, w, c in table.shapes]
        images = max(volumes[:-1]) + BESIDE, 0.0, max(volumes[1:]) + BESIDE, 0.0, 0.0
        return [image + text for image, text in zip(images, texts, strict=True)]

    available = WIDTH - 2 * MARGIN - 4 * GAP
    channel = largest_scale(NAME, lambda channel: sum(widths(channel)), available, THICKEST / most)
    blocks = [
        block_of(NAME, tensor.role, shape, channel, row, hatched=tensor.linear)
        for shape, tensor in zip(table.shapes, block.branch, strict=True)
    ]
    gap = GAP + (available - sum(widths(channel))) / 4
    lefts = [MARGIN]
    for width in widths(channel)[:-1]:
        lefts.append(lefts[-1] + width + gap)
    rights = [left + width for left, width in zip(lefts, widths(channel), strict=True)]

    y = _draw_head(canvas, table, lefts, rights)
    for i, cells in enumerate(rows):
        middle = y - ROW / 2
        for column, volume in ((0, blocks[i]), (2, blocks[i + 1])):
            image = widths(channel)[column] - texts[column] - BESIDE
            placed = volume.centred(lefts[column] + (image - volume.width) / 2, middle)
            draw_block(canvas, f"{HEADINGS[column]}-{i}", placed)
            _lines(canvas, lefts[column] + image + BESIDE, middle, (cells.input, cells.output)[column // 2])
        _lines(canvas, lefts[1], middle, cells.operator)
        _lines(canvas, rights[3], middle, cells.params, across="right")
        _lines(canvas, rights[4], middle, cells.macs, across="right")
        y -= ROW
    y = _draw_foot(canvas, table, lefts, rights, totals, y)
    draw_legend(canvas, channel, most, y - 0.3, "height, depth: the map’s size")
    return channel


def _draw_head(canvas: Canvas, table: Table, lefts: Sequence[float], rights: Sequence[float]) -> float:
    """Draw the title and the columns' names; the lower edge."""
    canvas.text(
        MARGIN,
        0,
        "inverted residual with a linear bottleneck",
        size=TITLE,
        weight="bold",
        across="left",
        along="baseline",
    )
    canvas.text(
        MARGIN, -0.2, f"in each row first in symbols, then for {table.letters}", across="left", along="baseline"
    )
    y = -0.34
    _rule(canvas, y, 1.2)
    for i, heading in enumerate(HEADINGS):
        numbers = i > 2
        at = rights[i] if numbers else lefts[i]
        canvas.text(at, y - 0.16, heading, weight="bold", across="right" if numbers else "left")
    y -= 0.32
    _rule(canvas, y, 0.6)
    return y


def _draw_foot(
    canvas: Canvas, table: Table, lefts: Sequence[float], rights: Sequence[float], totals: Sequence[str], y: float
) -> float:
    """Draw the shortcut, the totals and the notes below the rows; the lower edge."""
    _rule(canvas, y, 0.6)
    y -= 0.18
    canvas.text(lefts[0], y, "shortcut", across="left")
    canvas.text(lefts[1], y, _shortcut_text(table.block), across="left")
    y -= 0.24
    canvas.text(lefts[0], y, "in all", weight="bold", across="left")
    for right, total in zip(rights[3:], totals, strict=True):
        canvas.text(right, y, total, weight="bold", across="right")
    y -= 0.18
    _rule(canvas, y, 1.2)
    for note in table.notes:
        y -= 0.18
        canvas.text(MARGIN, y, note, size=SMALL, across="left")
    return y


def _lines(canvas: Canvas, x: float, middle: float, texts: tuple[str, ...], across: str = "left") -> None:
    """Write lines around a middle."""
    for i, text in enumerate(texts):
        canvas.text(x, middle + LINE * ((len(texts) - 1) / 2 - i), text, across=across)


def _rule(canvas: Canvas, y: float, width: float) -> None:
    canvas.line([(MARGIN, y), (WIDTH - MARGIN, y)], width=width)
