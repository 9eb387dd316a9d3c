"""The article's Fig. 9: MobileNetV2's own table, with the output, the parameters and the MACs of each of its rows."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.offsetbox import OffsetBox

from ..kernels.arguments import pair
from ..models import MOBILENET_V2_ROWS, Row, mobilenet_v2
from ..text import counted, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.bars import share_bar
from .parts.drawing import ROLES
from .parts.layout import Grid, Page, column, grid, note, row, space, text
from .parts.network_table import NONE, STATED, NetworkRow, NetworkTable, not_shown, percent, rows_of
from .parts.network_volumes import OutputVolumes
from .parts.tables import fitted, heading, table

NAME = "mobilenet_v2_table"
SYMBOLS = ("t", "c", "n", "s")
HEADINGS = ("input", "operator", *SYMBOLS, "output", "parameters", "MACs")
NUMBERS = (2, 3, 4, 5, 7, 8)  # columns whose texts end at one right edge
COLORS = {"params": ROLES["filter"], "macs": ROLES["shortcut"]}
MOST_ROWS = 24

MAP = 0.4  # inches that the highest volume takes
THICKEST = 0.8  # inches for the most channels, at the most
BAR, LONGEST = 0.09, 0.7  # inches: the height of a bar, and the length of that of the largest share
PERCENT = 0.52  # inches for the widest share
NOTE = 140  # letters in a line


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
    network_table = NetworkTable(
        rows_of(network, (1, height, wide, in_channels)),
        f"MobileNetV2, width multiplier {width:g}, on an image of {height}×{wide}",
        STATED.get(width) if papers else None,
    )
    with drawn_by(NAME, image=(height, wide, in_channels)):
        page = Page()
        drawing = TableDrawing(page, network_table)
        figure = page.finish(drawing.box)
    return Figure(
        name="mobilenet-v2-table",
        figure=figure,
        data=_data(network_table, drawing),
        alt=_alt(network_table),
        caption=_caption(network_table, drawing.missing),
    )


def _caption(table: NetworkTable, missing: str) -> str:
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
        not_shown=not_shown(missing),
    )


def _claim(table: NetworkTable) -> str:
    """The claim, and what the paper says of this network."""
    count = sum(len(each.blocks) for each in table.bottlenecks)
    macs, params = (
        percent(sum(table.share(each, cost) for each in table.bottlenecks)) or "none" for cost in ("macs", "params")
    )
    told = f" {table.statement} Its text speaks of 19 blocks, and its table sums to {count}." if table.stated else ""
    return (
        f"MobileNetV2 is a table: {counted('row', len(table.bottlenecks))} of inverted residuals, "
        f"{counted('block', count)}, between a standard convolution and a pointwise one, the pool and the classifier. "
        f"The blocks take {macs} of the {table.total('macs'):,} MACs and {params} of the {table.total('params'):,} "
        f"parameters; the network has {table.without_norm}.{told}"
    )


def _alt(table: NetworkTable) -> str:
    def told(each: NetworkRow) -> str:
        letters = ", ".join(f"{n} = {text}" for n, text in zip(SYMBOLS, each.letters, strict=True) if text != NONE)
        shares = {cost: percent(table.share(each, cost)) for cost in COLORS}
        params, macs = (f"{each.cost(c):,}{f' ({share})' if share else ''}" for c, share in shares.items())
        source, result = map(shape_text, each.shapes)
        return f"{each.operator} with {letters}: {source} to {result}, {params} parameters, {macs} MACs."

    return (
        f"A table of {table.title}, one row a stage, with input, operator, t, c, n, s, output, parameters and MACs. "
        f"{' '.join(map(told, table.rows))} In all {table.total('params'):,} parameters and {table.total('macs'):,} "
        "MACs. Beside each output is a volume, thicker with more channels, hatched where it is linear, and below each "
        "number a bar as long as its share of the total."
    )


def _data(table: NetworkTable, drawing: "TableDrawing") -> dict[str, Any]:
    stated = table.stated and {"macs": table.stated[0], "params": table.stated[1], "holds": table.holds}
    return {
        "rows": [
            {
                "operator": each.operator,
                **dict(zip(SYMBOLS, each.symbols, strict=True)),
                "input": list(each.shapes[0]),
                "output": list(each.shapes[1]),
                "blocks": list(each.blocks),
                "shortcuts": each.shortcuts,
                "linear": each.linear,
                **{column: each.cost(column) for column in ("params", "weights", "macs")},
                "drawn": drawing.volumes.is_drawn(each),
            }
            for each in table.rows
        ],
        **{column: table.total(column) for column in ("params", "weights", "macs")},
        "the paper's": stated,
        "inches per root of a channel": drawing.volumes.channel,
        "inches per root of a map's side": drawing.volumes.side,
        "inches per share": drawing.share,
    }


class TableDrawing:
    """The table as a box on a page, with the volumes of its rows, and its scale of shares."""

    def __init__(self, page: Page, table: NetworkTable) -> None:
        self.page, self.table, self.volumes = page, table, OutputVolumes(table.rows, MAP)
        self.share = LONGEST / max(table.share(each, cost) for each in table.rows for cost in COLORS)
        largest = THICKEST / math.sqrt(self.volumes.most)
        body, channel = fitted(page, self._body, lambda channel: self.volumes.at(channel).widest, largest)
        self.volumes = self.volumes.at(channel)
        self.missing = self.volumes.missing
        notes = [f"{table.without_norm}.", table.statement]
        notes += [f"Too thin to be seen, and not drawn: {self.missing}."] * bool(self.missing)
        written = note("\n".join(textwrap.wrap(" ".join(filter(None, notes)), NOTE)))
        explained = self.volumes.legend(page, "after ReLU6")
        head = heading(table.title, "t: expansion, c: output channels, n: blocks, s: stride of the first of them")
        self.box = column(head, body, written, explained, gap=0.12, align="left")

    def _body(self, channel: float) -> Grid:
        self.volumes = self.volumes.at(channel)
        rows = [self._row(i, each) for i, each in enumerate(self.table.rows)]
        params, macs = (text(f"{self.table.total(cost):,}", weight="bold") for cost in COLORS)
        totals = [text("in all", weight="bold"), *[None] * 6, params, macs]
        return table(self.page, HEADINGS, rows, totals, NUMBERS)

    def _row(self, i: int, each: NetworkRow) -> list[OffsetBox | None]:
        source, result = map(shape_text, each.shapes)
        operator = column(text(each.operator), *([note(each.detail)] if each.detail else []), gap=0.03, align="left")
        volume = row(self.volumes.box(f"output-{i}", each), text(result), gap=0.14)
        return [
            text(source),
            operator,
            *map(text, each.letters),
            volume,
            *(self._cost(i, each, cost) for cost in COLORS),
        ]

    def _cost(self, i: int, each: NetworkRow, cost: str) -> OffsetBox:
        """A number, and below it its share as a bar and written, unless it is 0."""
        share, number = self.table.share(each, cost), text(f"{each.cost(cost):,}")
        if not share:
            return number
        bar = share_bar(f"{cost}-{i}", share * self.share, (LONGEST, BAR), COLORS[cost])
        percents = grid([[space(PERCENT, 0)], [note(percent(share))]], gaps=(0, 0), across="right")
        return column(number, row(bar, percents, gap=0.04), gap=0.03, align="right")
