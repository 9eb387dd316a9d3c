"""The article's Table 1: the three steps of an inverted residual, in symbols and worked out on one layer."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Axis, Padding, Pair
from ..text import counted, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import Cuboid, half_of, legend
from .parts.layout import Grid, Page, column, note, row, text
from .parts.residuals import ResidualBlock, Shape, inverted_block, pair_text
from .parts.tables import fitted, heading, lines, table

NAME = "bottleneck_table"
HEADINGS = ("input", "operator", "output", "parameters", "MACs")
MAP = 0.5  # inches for the longest side of a map
THICKEST = 0.7  # inches for the most channels, at the most


@dataclass(frozen=True)
class Letters:
    """The letters of the paper's Table 1, and their values in this block."""

    block: ResidualBlock
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
    def rounds_up(self) -> bool:
        """True where "same" padding rounds h/s or w/s up."""
        return self.padding == "same" and any(side.input % side.stride for side in self.sides)

    @property
    def small_map(self) -> tuple[str, str]:
        """The output's map: as sizes, and as a product."""
        if self.padding != "same" or self.strides.startswith("("):
            return "h′×w′", "h′·w′"
        return ("⌈h/s⌉×⌈w/s⌉", "⌈h/s⌉·⌈w/s⌉") if self.rounds_up else ("h/s×w/s", "h·w/s²")

    @property
    def rows(self) -> list[dict[str, tuple[str, ...]]]:
        """The lines of each cell by heading, a row for each operator: symbols first."""
        block, (sizes, product) = self.block, self.small_map
        wide = "tk" if block.expands else "k"
        symbols = {
            "expand": ("h×w×k", f"h×w×{wide}", f"k·{wide}", f"h·w·k·{wide}"),
            "depthwise": (f"h×w×{wide}", f"{sizes}×{wide}", f"Dᵣ²·{wide}", f"{product}·Dᵣ²·{wide}"),
            "project": (f"{sizes}×{wide}", f"{sizes}×k′", f"{wide}·k′", f"{product}·{wide}·k′"),
        }
        rows = []
        for source, op, result in zip(block.branch, block.operators, block.branch[1:], strict=False):
            dilated = ", dilation δ" if any(word.startswith("dilation") for word in op.geometry) else ""
            numbers = shape_text(source.shape), shape_text(result.shape), f"{op.cost.params:,}", f"{op.cost.macs:,}"
            first, last, params, macs = zip(symbols[op.name], numbers, strict=True)
            operator = (
                f"{op.text}, stride s{dilated}" if op.name == "depthwise" else f"{op.text} convolution",
                "linear, no activation" if result.linear else f"then {result.activation}",
                f"{op.name} {op.kernel}",
            )
            rows.append(dict(zip(HEADINGS, (first, operator, last, params, macs), strict=True)))
        return rows

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
        """True where the depthwise convolution keeps the map's size, so that the paper's formula holds."""
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
        small = shape_text([side.output for side in self.sides])
        notes = [f"Shortcut: {_shortcut_text(self.block)}."]
        if not self.block.expands:
            notes.append("t = 1: there is no expansion and no ReLU6 after it; its row is absent, and so is its cost.")
        if self.map_kept:
            whose = "The paper's" if self.block.expands else "Without the expansion, the paper's"
            notes.append(f"{whose} cost at stride 1, {symbols} = {numbers} = {value:,} MACs, holds here.")
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
    letters = Letters(block, padding)
    with drawn_by(NAME, **shapes):
        page = Page()
        box, channel = _draw(page, letters)
        figure = page.finish(box)
    symbols, _, value = letters.formula
    return Figure(
        name="bottleneck-table",
        figure=figure,
        data={
            "rows": [
                {
                    "operator": row["operator"][0],
                    "name": op.name,
                    "kernel": list(op.kernel),
                    "input": list(source.shape),
                    "output": list(result.shape),
                    "activation": result.activation,
                    "params": op.cost.params,
                    "macs": op.cost.macs,
                    "symbols": {name: lines[0] for name, lines in row.items() if name != "operator"},
                }
                for row, source, op, result in zip(
                    letters.rows, block.branch, block.operators, block.branch[1:], strict=False
                )
            ],
            "params": block.cost.params,
            "macs": block.cost.macs,
            "formula": {"symbols": symbols, "value": value, "holds": letters.map_kept},
            "shortcut": block.shortcut,
            "why no shortcut": block.no_shortcut,
            "inches per channel": channel,
        },
        alt=_alt(letters),
        caption=_caption(letters),
    )


def _alt(letters: Letters) -> str:
    cost, told = letters.block.cost, []
    for cells in letters.rows:
        (first, shape), (last, result), (_, params), (_, macs) = (cells[n] for n in HEADINGS if n != "operator")
        how = ", ".join(cells["operator"][:2])
        told.append(f"{how}: {first} to {last}, here {shape} to {result}, with {params} parameters and {macs} MACs.")
    return (
        f"A table of the {len(told)} steps of an inverted residual with input, operator, output, parameters and MACs, "
        f"in symbols and for {letters.values}. {' '.join(told)} In all {cost.params:,} parameters and {cost.macs:,} "
        f"MACs. Shortcut: {_shortcut_text(letters.block)}. Beside each shape is a volume as thick as its channels, "
        "hatched where it is linear."
    )


def _caption(letters: Letters) -> str:
    block, (formula, _, value) = letters.block, letters.formula
    whole, small = (shape_text([getattr(side, end) for side in letters.sides]) for end in ("input", "output"))
    start = "The block expands its input, filters every channel by itself and projects"
    cost = (
        f"which is {formula}"
        if letters.map_kept
        else (
            f"not the paper's {formula} = {value:,}, which is for stride 1: the depthwise step and the projection run "
            f"on a map of {small}, not {whole}"
        )
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


def _shortcut_text(block: ResidualBlock) -> str:
    if not block.shortcut:
        return f"none, as {block.no_shortcut}"
    additions = block.cost.additions - sum(part.additions for part in block.cost.parts.values())
    return f"the input is added to the output, {counted('addition', additions)}"


def _draw(page: Page, letters: Letters) -> tuple[OffsetBox, float]:
    """The table with its notes and its legend, and the scale in inches a channel."""
    block, tensors = letters.block, letters.block.branch
    side = MAP / max(side for tensor in tensors for side in tensor.shape[:2])
    most = max(tensor.shape[-1] for tensor in tensors)

    def cuboids(channel: float) -> list[Cuboid]:
        return [Cuboid(t.shape[2] * channel, t.shape[0] * side, t.shape[1] * side, t.linear) for t in tensors]

    def widest(channel: float) -> tuple[float, float]:
        widths = [cuboid.size[0] for cuboid in cuboids(channel)]
        return max(widths[:-1]), max(widths[1:])

    def build(channel: float) -> Grid:
        rows: list[list[OffsetBox | None]] = []
        for i, (cells, volumes) in enumerate(zip(letters.rows, pairwise(cuboids(channel)), strict=True)):
            first, last = (
                row(volume.box(f"{name}-{i}", width), lines(*cells[name]))
                for name, volume, width in zip(("input", "output"), volumes, widest(channel), strict=True)
            )
            numbers = [lines(*cells[name], align="right") for name in HEADINGS[3:]]
            rows.append([first, lines(*cells["operator"]), last, *numbers])
        totals = [text(f"{total:,}", weight="bold") for total in (block.cost.params, block.cost.macs)]
        return table(page, HEADINGS, rows, [text("in all", weight="bold"), None, None, *totals], (3, 4))

    body, channel = fitted(page, build, lambda channel: sum(widest(channel)), THICKEST / most)
    for tensor, cuboid in zip(tensors, cuboids(channel), strict=True):
        cuboid.check(NAME, f"{tensor.role}, {tensor.shape}")
    head = heading("inverted residual with a linear bottleneck", f"in symbols, and for {letters.values}")
    notes = column(*map(note, letters.notes), gap=0.05, align="left")
    count = half_of(most)
    explained = legend(page, "after ReLU6", {count: count * channel}, "height, depth: the map’s size")
    return column(head, body, notes, explained, gap=0.12, align="left"), channel
