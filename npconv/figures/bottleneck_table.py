"""The article's Table 1: the three steps of an inverted residual, in symbols and worked out on one layer."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Axis, Padding, Pair
from ..text import counted, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import Cuboid, half_of, largest_scale, legend
from .parts.layout import Grid, Page, column, note, row, text
from .parts.residuals import Operator, Residual, Shape, Tensor, inverted_block, pair_text
from .parts.tables import heading, least_width, lines, table

NAME = "bottleneck_table"
HEADINGS = ("input", "operator", "output", "parameters", "MACs")
MAP = 0.5  # inches for the longest side of a map
THICKEST = 0.7  # inches for the most channels, at the most


@dataclass(frozen=True)
class Step:
    """A step of the block: each cell in symbols and with this layer's numbers."""

    source: Tensor
    operator: Operator
    result: Tensor
    symbols: dict[str, str]  # by heading, without the operator

    @property
    def cells(self) -> dict[str, tuple[str, ...]]:
        """The lines of each cell, by heading."""
        op, symbols = self.operator, self.symbols
        dilated = any(word.startswith("dilation") for word in op.geometry)
        depthwise = f"{op.text}, stride s{', dilation δ' if dilated else ''}"
        return {
            "input": (symbols["input"], shape_text(self.source.shape)),
            "operator": (
                depthwise if op.name == "depthwise" else f"{op.text} convolution",
                "linear, no activation" if self.result.linear else f"then {self.result.activation}",
                f"{op.name} {op.kernel}",
            ),
            "output": (symbols["output"], shape_text(self.result.shape)),
            "parameters": (symbols["parameters"], f"{op.cost.params:,}"),
            "MACs": (symbols["MACs"], f"{op.cost.macs:,}"),
        }


@dataclass(frozen=True)
class Symbols:
    """The letters of the paper's Table 1, and their values in this block."""

    block: Residual
    padding: Padding

    @property
    def sides(self) -> tuple[Axis, Axis]:
        """Height and width."""
        return self.block.geometry.height, self.block.geometry.width

    @property
    def strides(self) -> str:
        """The stride."""
        return pair_text(*(side.stride for side in self.sides))

    @property
    def wide(self) -> str:
        """The wide tensors' channels."""
        return "tk" if self.block.expands else "k"

    @property
    def rounds_up(self) -> bool:
        """Whether "same" padding rounds h/s or w/s up."""
        return self.padding == "same" and any(side.input % side.stride for side in self.sides)

    @property
    def small_map(self) -> tuple[str, str]:
        """The output's map: as sizes, and as a product."""
        if self.padding != "same" or self.strides.startswith("("):
            return "h′×w′", "h′·w′"
        return ("⌈h/s⌉×⌈w/s⌉", "⌈h/s⌉·⌈w/s⌉") if self.rounds_up else ("h/s×w/s", "h·w/s²")

    @property
    def steps(self) -> list[Step]:
        """The rows of the table."""
        wide, (sizes, product) = self.wide, self.small_map
        symbols = {
            "expand": ("h×w×k", f"h×w×{wide}", f"k·{wide}", f"h·w·k·{wide}"),
            "depthwise": (f"h×w×{wide}", f"{sizes}×{wide}", f"Dᵣ²·{wide}", f"{product}·Dᵣ²·{wide}"),
            "project": (f"{sizes}×{wide}", f"{sizes}×k′", f"{wide}·k′", f"{product}·{wide}·k′"),
        }
        names = [heading for heading in HEADINGS if heading != "operator"]
        return [
            Step(source, op, result, dict(zip(names, symbols[op.name], strict=True)))
            for source, op, result in zip(self.block.branch, self.block.operators, self.block.branch[1:], strict=False)
        ]

    @property
    def values(self) -> str:
        """The letters with their values."""
        (height, width, k), (_, _, wide), (_, _, k_out) = (self.block.branch[i].shape for i in (0, -2, -1))
        taps = [side.kernel for side in self.sides]
        side = str(taps[0]) if taps[0] == taps[1] else shape_text(taps)
        dilation = pair_text(*(side.dilation for side in self.sides))
        return (
            f"h = {height}, w = {width}, k = {k}, t = {Fraction(wide, k)}, k′ = {k_out}, s = {self.strides}, "
            f"Dᵣ = {side}" + (f", δ = {dilation}" if dilation != "1" else "")
        )

    @property
    def map_kept(self) -> bool:
        """Whether the depthwise convolution keeps the map's size, so that the paper's formula holds."""
        return all(side.input == side.output for side in self.sides)

    @property
    def formula(self) -> tuple[str, str, int]:
        """The paper's cost at stride 1: in symbols, in this layer's numbers, and its value."""
        (height, width, k), (_, _, wide), (_, _, k_out) = (self.block.branch[i].shape for i in (0, -2, -1))
        taps = self.sides[0].kernel * self.sides[1].kernel
        if not self.block.expands:
            return "h·w·k·(Dᵣ² + k′)", f"{height}·{width}·{k}·({taps} + {k_out})", height * width * k * (taps + k_out)
        numbers = f"{height}·{width}·{k}·{Fraction(wide, k)}·({k} + {taps} + {k_out})"
        return "h·w·k·t·(k + Dᵣ² + k′)", numbers, height * width * wide * (k + taps + k_out)

    @property
    def notes(self) -> list[str]:
        """The lines below the table."""
        symbols, numbers, value = self.formula
        whole, small = (shape_text([getattr(side, end) for side in self.sides]) for end in ("input", "output"))
        notes = [f"Shortcut: {_shortcut_text(self.block)}."]
        if not self.block.expands:
            notes.append("t = 1: there is no expansion and no ReLU6 after it; its row is absent, and so is its cost.")
        whose = "The paper's" if self.block.expands else "Without the expansion, the paper's"
        if self.map_kept:
            notes.append(f"{whose} cost at stride 1, {symbols} = {numbers} = {value:,} MACs, holds here.")
        else:
            notes.append(f"{whose} cost at stride 1, {symbols} = {value:,} MACs, doesn't hold here:")
            notes.append(f"the depthwise step and the projection run on a map of {small}, not {whole}.")
        if self.rounds_up:
            up = [f"⌈{side.input}/{side.stride}⌉ = {side.output}" for side in self.sides if side.input % side.stride]
            notes.append(f"“same” padding rounds up: {', '.join(dict.fromkeys(up))}.")
        elif "′" in self.small_map[0] and self.padding == "same":
            notes.append(f"h′×w′ = {small}: ⌈h/s⌉×⌈w/s⌉ with the stride of each side, {self.strides}.")
        elif "′" in self.small_map[0]:
            ceilings = shape_text([-(-side.input // side.stride) for side in self.sides])
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
        seed: of the random arrays that show which tensors are linear.

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
    shapes = {"x": x, "expand": expand, "depthwise": depthwise, "project": project}
    block = inverted_block(NAME, seed, stride, padding, dilation, **shapes)
    letters = Symbols(block, padding)
    with drawn_by(NAME, **shapes):
        page = Page()
        drawing = TableDrawing(page, letters)
        figure = page.finish(drawing.box)
    symbols, _, value = letters.formula
    return Figure(
        name="bottleneck-table",
        figure=figure,
        data={
            "rows": [_data(step) for step in letters.steps],
            "params": block.cost.params,
            "macs": block.cost.macs,
            "formula": {"symbols": symbols, "value": value, "holds": letters.map_kept},
            "shortcut": block.shortcut,
            "why no shortcut": block.no_shortcut,
            "inches per channel": drawing.channel,
        },
        alt=_alt(letters),
        caption=_caption(letters),
    )


def _data(step: Step) -> dict[str, Any]:
    op = step.operator
    return {
        "operator": step.cells["operator"][0],
        "name": op.name,
        "kernel": list(op.kernel),
        "input": list(step.source.shape),
        "output": list(step.result.shape),
        "activation": step.result.activation,
        "params": op.cost.params,
        "macs": op.cost.macs,
        "symbols": step.symbols,
    }


def _alt(letters: Symbols) -> str:
    cost, steps = letters.block.cost, [step.cells for step in letters.steps]
    told = [
        f"{cells['operator'][0]}, {cells['operator'][1]}: {cells['input'][0]} to {cells['output'][0]}, here "
        f"{cells['input'][1]} to {cells['output'][1]}, with {cells['parameters'][1]} parameters and "
        f"{cells['MACs'][1]} MACs."
        for cells in steps
    ]
    return (
        f"A table of the {len(steps)} steps of an inverted residual with input, operator, output, parameters and MACs, "
        f"in symbols and for {letters.values}. {' '.join(told)} In all {cost.params:,} parameters and {cost.macs:,} "
        f"MACs. Shortcut: {_shortcut_text(letters.block)}. Beside each shape is a volume as thick as its channels, "
        "hatched where it is linear."
    )


def _caption(letters: Symbols) -> str:
    block, (formula, _, value) = letters.block, letters.formula
    start = "The block expands its input, filters every channel by itself and projects"
    cost = (
        f"which is {formula}"
        if letters.map_kept
        else f"where the map kept its size, as at stride 1, it would be {formula} = {value:,}"
    )
    shortcut = "its shortcut is added" if block.shortcut else f"it has no shortcut, as {block.no_shortcut}"
    return four_part_caption(
        claim=(
            f"{start if block.expands else 'Without an expansion (t = 1) the block filters and projects'}, "
            f"{shape_text(block.branch[0].shape)} to {shape_text(block.branch[-1].shape)}; its last step is linear, "
            f"and {shortcut}. It costs {block.cost.macs:,} MACs, {cost}."
        ),
        computed=(
            "The shapes, parameters and MACs are npconv.cost.inverted_residual_cost's; which tensors are linear was "
            "found by running npconv.inverted_residual_stages on random arrays, with such a block's output as input."
        ),
        scale=(
            "The volumes' thickness is proportional to channels, their height and depth to the map on a scale of its "
            "own, the depth drawn at half."
        ),
        not_shown="Not shown: batch normalisation and its parameters, biases, additions.",
    )


def _shortcut_text(block: Residual) -> str:
    if not block.shortcut:
        return f"none, as {block.no_shortcut}"
    additions = block.cost.additions - sum(part.additions for part in block.cost.parts.values())
    return f"the input is added to the output, {counted('addition', additions)}"


class TableDrawing:
    """The table as a box on a page, and its scale in inches a channel."""

    def __init__(self, page: Page, letters: Symbols) -> None:
        self.page, self.letters, self.steps = page, letters, letters.steps
        tensors = letters.block.branch
        self.side = MAP / max(side for tensor in tensors for side in tensor.shape[:2])
        most = max(tensor.shape[-1] for tensor in tensors)
        self.channel = largest = THICKEST / most
        others = least_width(page, self.table()) - sum(self.widest(largest))
        self.channel = largest_scale(lambda channel: others + sum(self.widest(channel)), page.inner, largest)
        for tensor in tensors:
            self.cuboid(tensor, self.channel).check(NAME, f"{tensor.role}, {tensor.shape}")
        count = half_of(most)
        bars = {count: count * self.channel}
        explained = legend(page, "after ReLU6", bars, "height, depth: the map’s size")
        self.box = column(
            heading("inverted residual with a linear bottleneck", f"in symbols, and for {letters.values}"),
            self.table(),
            column(*map(note, letters.notes), gap=0.05, align="left"),
            explained,
            gap=0.12,
            align="left",
        )

    def cuboid(self, tensor: Tensor, channel: float) -> Cuboid:
        """The volume of a tensor."""
        height, width, channels = tensor.shape
        return Cuboid(channels * channel, height * self.side, width * self.side, tensor.linear)

    def widest(self, channel: float) -> tuple[float, float]:
        """The widths of the widest input and of the widest output."""
        widths = [self.cuboid(tensor, channel).size[0] for tensor in self.letters.block.branch]
        return max(widths[:-1]), max(widths[1:])

    def table(self) -> Grid:
        """The table on the present scale."""
        cost = self.letters.block.cost
        totals = [text(f"{total:,}", weight="bold") for total in (cost.params, cost.macs)]
        rows = [self.row(i, step) for i, step in enumerate(self.steps)]
        return table(self.page, HEADINGS, rows, [text("in all", weight="bold"), None, None, *totals], (3, 4))

    def row(self, i: int, step: Step) -> list[OffsetBox | None]:
        """The cells of a step."""
        first, last = (
            row(self.cuboid(tensor, self.channel).box(f"{name}-{i}", widest), lines(*step.cells[name]))
            for name, tensor, widest in zip(
                ("input", "output"), (step.source, step.result), self.widest(self.channel), strict=True
            )
        )
        numbers = [lines(*step.cells[name], align="right") for name in ("parameters", "MACs")]
        return [first, lines(*step.cells["operator"]), last, *numbers]
