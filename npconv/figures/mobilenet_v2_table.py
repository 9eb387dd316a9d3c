"""The article's Fig. 9: MobileNetV2's own table, with what each of its rows gives out and costs."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.patches import Rectangle

from ..kernels.arguments import pair
from ..models import MOBILENET_V2_ROWS, Row, mobilenet_v2
from ..text import plural, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import THINNEST, Block, draw_block, largest_scale
from .parts.drawing import (
    BACK,
    FRONT,
    LABEL_GAP,
    MARGIN,
    ROLES,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    shade,
    text_width,
)
from .parts.lines import NOTE_LINE, wrapped
from .parts.network_table import NONE, STATED, Stage, Table, percent, stages_of

NAME = "mobilenet_v2_table"
SYMBOLS = ("t", "c", "n", "s")
HEADINGS = ("input", "operator", *SYMBOLS, "output", "parameters", "MACs")
NUMBERS = (2, 3, 4, 5, 7, 8)  # columns whose texts end at one right edge
OUTPUT, COSTS = 6, {"params": 7, "macs": 8}
COLORS = {"params": ROLES["filter"], "macs": ROLES["shortcut"]}
MOST_ROWS = 24

ROW = 0.46  # inches
MAP = 0.4  # inches that the highest volume takes
THICKEST = 0.8  # inches for the most channels, at the most
BAR, LONGEST = 0.09, 0.7  # inches: how high a bar is, and how long that of the largest share
GAP = 0.12  # inches between columns, at least
BESIDE = 0.08  # inches from a volume to its text


def mobilenet_v2_table(
    *,
    width: float = 1.0,
    resolution: int | tuple[int, int] = 224,
    classes: int = 1000,
    rows: Sequence[Row | tuple[int, int, int, int]] = MOBILENET_V2_ROWS,
    in_channels: int = 3,
    stem_channels: int = 32,
    last_channels: int = 1280,
) -> Figure:
    """MobileNetV2 as its table: input, operator, t, c, n, s of every row, its output, parameters and MACs.

    Args:
        width, classes, rows, in_channels, stem_channels, last_channels: as in `npconv.models.mobilenet_v2`; at most 24
            rows.
        resolution: of the one image that goes in, its side or (height, width).

    Returns:
        Figure "mobilenet-v2-table". Its data: the `rows` (operator, t, c, n and s, input and output shape, the names of
        its blocks and how many of them have a shortcut, whether the output is linear, params, weights, macs, and
        whether its volume is drawn), the totals `params`, `weights` (without batch normalisation) and `macs`, the
        paper's numbers where it has some, and the scales of volumes and bars.

    Raises:
        TypeError, ValueError: as `npconv.models.mobilenet_v2`; a resolution that is not of whole numbers above 0, more
            rows than are legible, numbers that are too wide to draw.

    Source: the article's Fig. 9, the MobileNetV2 paper's Table 2.

    >>> figure = mobilenet_v2_table(width=0.35, resolution=(96, 160), classes=10)
    >>> figure.data["rows"][7]["output"], figure.data["macs"]
    ([3, 5, 112], 17769680)
    """
    height, wide = pair(NAME, "resolution", resolution)
    network = mobilenet_v2(
        width, classes, rows=rows, in_channels=in_channels, stem_channels=stem_channels, last_channels=last_channels
    )
    if len(network.specification.rows) > MOST_ROWS:
        raise ValueError(f"{NAME}: rows must be at most {MOST_ROWS} to be drawn; got {len(network.specification.rows)}")
    papers = (height, wide, classes, in_channels, stem_channels, last_channels) == (224, 224, 1000, 3, 32, 1280)
    papers = papers and [tuple(row) for row in rows] == list(MOBILENET_V2_ROWS)
    table = Table(
        stages_of(network, (1, height, wide, in_channels)),
        f"MobileNetV2, width multiplier {width:g}, on an image of {height}×{wide}",
        STATED.get(width) if papers else None,
    )
    with drawn_by(NAME, image=(height, wide, in_channels)):
        canvas = Canvas()
        drawing = Drawing(table)
        drawing.draw(canvas)
        figure = canvas.finish()
    return Figure(
        name="mobilenet-v2-table",
        figure=figure,
        data=_data(table, drawing),
        alt=_alt(table),
        caption=_caption(table, drawing.missing),
    )


def _caption(table: Table, missing: str) -> str:
    """The caption; `missing` are the shapes whose volumes are not drawn."""
    return four_part_caption(
        claim=_claim(table),
        computed=(
            "The rows, c as the width multiplier makes it, are the specification's of the network that "
            "npconv.models.mobilenet_v2 builds; shapes, parameters, batch normalisation's included, and MACs are "
            "npconv.models.summary's for one image. A tensor counts as linear where no activation follows the last "
            "convolution before it."
        ),
        scale=(
            "The volumes' sides are square roots, so that 4 times the channels are drawn twice as thick, and "
            "likewise height and depth with the map's height and width, the depth at half; they are not on the "
            "other figures' scale. The bars are shares of all parameters and of all MACs, on one scale."
        ),
        not_shown=(
            "Not shown: the layers inside the blocks, the running statistics of batch normalisation, and additions"
            + (f"; nor the volumes that are too thin to be seen, {missing}." if missing else ".")
        ),
    )


def _stated(table: Table) -> dict[str, Any] | None:
    return {"macs": table.stated[0], "params": table.stated[1], "holds": table.holds} if table.stated else None


def _claim(table: Table) -> str:
    """What the table shows."""
    count = sum(len(stage.blocks) for stage in table.blocks)
    macs, params = (sum(table.share(stage, column) for stage in table.blocks) for column in ("macs", "params"))
    parts = [
        f"MobileNetV2 is a table: {len(table.blocks)} {plural('row', len(table.blocks))} of inverted residuals, "
        f"{count} {plural('block', count)}, between a standard convolution and a pointwise one, the pool and the "
        "classifier.",
        f"The blocks take {percent(macs) or 'none'} of the {table.total('macs'):,} MACs and "
        f"{percent(params) or 'none'} of the {table.total('params'):,} parameters; the network has "
        f"{table.without_norm}.",
    ]
    if table.stated:
        parts.append(f"{table.statement} Its text speaks of 19 blocks, and its table sums to {count}.")
    return " ".join(parts)


def _alt(table: Table) -> str:
    """What is to be seen."""

    def told(stage: Stage) -> str:
        source, operator, *symbols, result, params, macs = stage.texts
        letters = ", ".join(f"{n} = {text}" for n, text in zip(SYMBOLS, symbols, strict=True) if text != NONE)
        shares = [percent(table.share(stage, column)) for column in COSTS]
        params, macs = (f"{n} ({share})" if share else n for n, share in zip((params, macs), shares, strict=True))
        return f"{operator} with {letters}: {source} to {result}, {params} parameters, {macs} MACs."

    return (
        f"A table of {table.title}, one row a stage, with input, operator, t, c, n, s, output, parameters and MACs. "
        + " ".join(map(told, table.stages))
        + f" In all {table.total('params'):,} parameters and {table.total('macs'):,} MACs. Beside each output is a "
        "volume, thicker with more channels, hatched where it is linear, and below each number a bar as long as its "
        "share of the total."
    )


def _data(table: Table, drawing: "Drawing") -> dict[str, Any]:
    """What the figure shows, in numbers."""
    return {
        "rows": [_row_data(stage, drawing) for stage in table.stages],
        **{column: table.total(column) for column in ("params", "weights", "macs")},
        "the paper's": _stated(table),
        "inches per root of a channel": drawing.channel,
        "inches per root of a map's side": drawing.side,
        "inches per share": drawing.share,
    }


def _row_data(stage: Stage, drawing: "Drawing") -> dict[str, Any]:
    source, result = stage.shapes
    return {
        "operator": stage.operator,
        **dict(zip(SYMBOLS, stage.symbols, strict=True)),
        "input": list(source),
        "output": list(result),
        "blocks": list(stage.blocks),
        "shortcuts": stage.shortcuts,
        "linear": stage.linear,
        **{column: stage.cost(column) for column in ("params", "weights", "macs")},
        "drawn": drawing.block(stage) is not None,
    }


class Drawing:
    """Where all of the table lies on the canvas, in inches."""

    def __init__(self, table: Table) -> None:
        self.table = table
        outputs = [stage.shapes[1] for stage in table.stages]
        self.side = MAP / max(math.sqrt(h) + math.sqrt(w) * BACK[1] for h, w, _ in outputs)
        totals = [f"{table.total(column):,}" for column in COSTS]
        columns = [list(column) for column in zip(*(stage.texts for stage in table.stages), strict=True)]
        widths = [
            max(text_width(HEADINGS[i], TEXT, "bold"), *map(text_width, column)) for i, column in enumerate(columns)
        ]
        widths[1] = max(widths[1], *(text_width(stage.detail, SMALL) for stage in table.stages))
        shares = [table.share(stage, column) for stage in table.stages for column in COSTS]
        self.percents = max(text_width(percent(share), SMALL) for share in shares)
        for i, total in zip(COSTS.values(), totals, strict=True):
            widths[i] = max(widths[i], text_width(total, TEXT, "bold"), LONGEST + LABEL_GAP + self.percents)
        available = WIDTH - 2 * MARGIN - GAP * (len(widths) - 1)
        roots = [(math.sqrt(c), math.sqrt(w) * self.side * BACK[0]) for _, w, c in outputs]

        def volumes(channel: float) -> float:
            return max(root * channel + back for root, back in roots) + BESIDE

        largest = THICKEST / max(root for root, _ in roots)
        self.channel = largest_scale(NAME, lambda channel: sum(widths) + volumes(channel), available, largest)
        self.text = volumes(self.channel)  # from the left edge of the outputs' column to its texts
        widths[OUTPUT] += self.text
        gap = GAP + (available - sum(widths)) / (len(widths) - 1)
        self.lefts = [MARGIN + sum(widths[:i]) + gap * i for i in range(len(widths))]
        self.rights = [left + width for left, width in zip(self.lefts, widths, strict=True)]
        self.share = LONGEST / max(shares)

    def block(self, stage: Stage) -> Block | None:
        """The volume of a stage's output; none where it would be too thin to be seen."""
        height, width, channels = map(math.sqrt, stage.shapes[1])
        block = Block(channels * self.channel, height * self.side, width * self.side, stage.linear)
        return None if min(block.thickness, block.height) < THINNEST else block

    @property
    def missing(self) -> str:
        """The shapes whose volumes are not drawn."""
        shapes = [shape_text(stage.shapes[1]) for stage in self.table.stages if self.block(stage) is None]
        return ", ".join(dict.fromkeys(shapes))

    def draw(self, canvas: Canvas) -> None:
        """Draw the table from its title down."""
        y = self._head(canvas)
        for i, stage in enumerate(self.table.stages):
            self._row(canvas, i, stage, y - ROW / 2)
            y -= ROW
        _rule(canvas, y, 0.6)
        y -= 0.15
        canvas.text(MARGIN, y, "in all", weight="bold", across="left")
        for column, i in COSTS.items():
            canvas.text(self.rights[i], y, f"{self.table.total(column):,}", weight="bold", across="right")
        y -= 0.15
        _rule(canvas, y, 1.2)
        for note in wrapped(" ".join(self._notes()), 0.97 * (WIDTH - 2 * MARGIN)):
            canvas.text(MARGIN, y - 0.05, note, size=SMALL, across="left", along="top")
            y -= NOTE_LINE
        self._legend(canvas, y - 0.28)

    def _head(self, canvas: Canvas) -> float:
        """Draw the title and the columns' names; the lower edge."""
        canvas.text(MARGIN, 0, self.table.title, size=TITLE, weight="bold", across="left", along="baseline")
        text = "t: expansion, c: output channels, n: blocks, s: stride of the first of them"
        canvas.text(MARGIN, -0.2, text, across="left", along="baseline")
        y = -0.34
        _rule(canvas, y, 1.2)
        for i, heading in enumerate(HEADINGS):
            right = i in NUMBERS
            x = self.rights[i] if right else self.lefts[i]
            canvas.text(x, y - 0.16, heading, weight="bold", across="right" if right else "left")
        y -= 0.32
        _rule(canvas, y, 0.6)
        return y

    def _row(self, canvas: Canvas, i: int, stage: Stage, middle: float) -> None:
        """Draw a stage about a height."""
        raised, lowered = middle + 0.085, middle - 0.085
        two_lines = [column for name, column in COSTS.items() if stage.cost(name)] + [1] * bool(stage.detail)
        for column, text in enumerate(stage.texts):
            right = column in NUMBERS
            x = self.rights[column] if right else self.lefts[column] + self.text * (column == OUTPUT)
            canvas.text(x, raised if column in two_lines else middle, text, across="right" if right else "left")
        if stage.detail:
            canvas.text(self.lefts[1], lowered, stage.detail, size=SMALL, across="left")
        block = self.block(stage)
        if block:
            inset = (self.text - BESIDE - block.width) / 2
            draw_block(canvas, f"output-{i}", block.centred(self.lefts[OUTPUT] + inset, middle))
        for name, column in COSTS.items():
            self._bar(canvas, f"{name}-{i}", self.table.share(stage, name), column, lowered)

    def _bar(self, canvas: Canvas, name: str, share: float, column: int, middle: float) -> None:
        """Draw a share as a bar, and write it."""
        if not share:
            return
        right = self.rights[column]
        canvas.text(right, middle, percent(share), size=SMALL, across="right")
        left = right - self.percents - LABEL_GAP - LONGEST
        canvas.axes.add_patch(
            Rectangle(
                (left, middle - BAR / 2), share * self.share, BAR, facecolor=shade(COLORS[name.split("-")[0]], FRONT),
                edgecolor="none", clip_on=False, gid=name,
            )
        )  # fmt: skip

    def _notes(self) -> Iterator[str]:
        """What has to be said below the table."""
        yield f"{self.table.without_norm}."
        if self.table.stated:
            yield self.table.statement
        if self.missing:
            yield f"Too thin to be seen, and not drawn: {self.missing}."

    def _legend(self, canvas: Canvas, y: float) -> None:
        """Explain hatching, thickness and bars in a line around a height."""
        most = max(stage.shapes[1][-1] for stage in self.table.stages)
        count = 4 ** ((most.bit_length() - 1) // 2)
        samples: list[tuple[str, float, str]] = [
            ("linear", 0.3, "linear: no activation"),
            ("activated", 0.3, "after ReLU6"),
            *(("scale", math.sqrt(n) * self.channel, f"{n} {plural('channel', n)}") for n in (count // 4, count)),
        ]
        last = "sides: square roots of the sizes; bars: shares"
        widths = [sample + LABEL_GAP + text_width(text, SMALL) for _, sample, text in samples]
        gap = (WIDTH - 2 * MARGIN - sum(widths) - text_width(last, SMALL)) / len(samples)
        x = MARGIN
        for (name, sample, text), width in zip(samples, widths, strict=True):
            if name == "scale":
                canvas.line([(x, y + 0.04), (x, y), (x + sample, y), (x + sample, y + 0.04)])
                canvas.axes.lines[-1].set_gid(f"scale-bar-{text.split()[0]}")
            else:
                draw_block(canvas, f"legend-{name}", Block(0.24, 0.13, 0.13, name == "linear").centred(x, y))
            canvas.text(x + sample + LABEL_GAP, y, text, size=SMALL, across="left")
            x += width + gap
        canvas.text(x, y, last, size=SMALL, across="left")


def _rule(canvas: Canvas, y: float, width: float) -> None:
    canvas.line([(MARGIN, y), (WIDTH - MARGIN, y)], width=width)
