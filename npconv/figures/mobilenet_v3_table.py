"""MobileNetV3's two tables, Large and Small, with the output, the parameters and the MACs of each of their rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.offsetbox import OffsetBox

from ..kernels.arguments import one_of, pair
from ..models import MOBILENET_V3_ROWS, mobilenet_v3, summary
from ..text import counted, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.bars import share_bar
from .parts.drawing import ROLES, SMALL
from .parts.layout import Grid, Page, column, grid, note, row, space, text, title
from .parts.lines import wrapped
from .parts.network_table import NONE, NetworkRow, NetworkTable, bneck_rows_of, not_shown, percent
from .parts.network_volumes import OutputVolumes
from .parts.tables import fitted, table as lined

NAME = "mobilenet_v3_table"
IN_CHANNELS = 3
SYMBOLS = ("exp size", "#out", "SE", "NL", "s")
HEADINGS = ("input", "operator", *SYMBOLS, "output", "parameters", "MACs")
NUMBERS = (2, 3, 4, 6, 8, 9)  # columns whose texts end at one right edge
COSTS = ("macs", "params")  # as the paper states them
COLORS = {"params": ROLES["filter"], "macs": ROLES["shortcut"]}
STATED = {  # the paper's Table 3: MAdds and parameters, by size and width
    ("large", 1.0): ("219 M", "5.4 M"),
    ("large", 0.75): ("155 M", "4.0 M"),
    ("small", 1.0): ("66 M", "2.9 M"),
    ("small", 0.75): ("44 M", "2.4 M"),
}
HIDDEN = 1280  # channels of the hidden layer in both of the paper's tables
EXPLAINED = (
    "exp size: expanded channels, #out: output channels, SE: hidden channels of squeeze-and-excite, NL: ReLU (RE) or "
    "hard-swish (HS), s: stride"
)

MAP = 0.22  # inches that the highest volume takes
THICKEST = 0.6  # inches for the most channels, at the most
BAR, LONGEST = 0.035, 1.05  # inches: the height of a bar, and the length of that of the largest share
PERCENT = 0.58  # inches for the widest share, and before it
SHORTCUT = " + x"
GAPS = (0.1, 0.05)  # inches between columns, at least, and between rows
ADDED = "bneck: an inverted residual, + x: with a shortcut; bars: shares of the network's parameters and of its MACs"
ALT = (
    "Beside each output is a volume, thicker with more channels, hatched where it is linear, and below each number a "
    "bar as long as its share of the network's total."
)


def mobilenet_v3_table(
    *,
    size: str | None = None,
    width: float = 1.0,
    resolution: int | tuple[int, int] = 224,
    classes: int = 1000,
    minimalistic: bool = False,
    conventions: str = "keras",
) -> Figure:
    """MobileNetV3 as its two tables: input, operator, exp size, #out, SE, NL, s of every row, its output and its costs.

    Args:
        size: "large" or "small", or None for both.
        width, classes, minimalistic, conventions: as in `npconv.models.mobilenet_v3`.
        resolution: of the one image that goes in, its side or (height, width).

    Returns:
        Figure "mobilenet-v3-table". Its data: for each size the `rows` (operator, exp size, #out, SE, NL and s, input
        and output shape, the name of its block and whether that has a shortcut, whether the output is linear, params,
        weights, macs, and whether its volume is drawn), the totals, the paper's numbers where it has some, and its
        parameters with the paper's hidden layer; and the scales of volumes and bars.

    Raises:
        TypeError, ValueError: as `npconv.models.mobilenet_v3`; a resolution that is not of whole numbers above 0,
            numbers that are too wide to draw.

    Source: the MobileNetV3 paper's Tables 1 and 2.

    >>> figure = mobilenet_v3_table(size="small", width=0.75, resolution=(96, 160), classes=10)
    >>> figure.data["small"]["rows"][11]["output"], figure.data["small"]["params"]
    ([3, 5, 72], 1027122)
    """
    height, wide = pair(NAME, "resolution", resolution)
    sizes = list(MOBILENET_V3_ROWS) if size is None else [one_of(NAME, "size", size, MOBILENET_V3_ROWS)]
    papers = (height, wide, classes, minimalistic) == (224, 224, 1000, False) and conventions != "torchvision"
    options: dict[str, Any] = {"minimalistic": minimalistic, "conventions": conventions}
    tables = {each: _table_of(each, width, (height, wide), classes, papers, options) for each in sizes}
    with drawn_by(NAME, image=(height, wide, IN_CHANNELS)):
        page = Page()
        drawing = TablesDrawing(page, list(tables.values()))
        figure = page.finish(drawing.box)
    return Figure(
        name="mobilenet-v3-table",
        figure=figure,
        data={each: _data(table, drawing) for each, table in tables.items()}
        | {
            "inches per root of a channel": drawing.volumes.channel,
            "inches per root of a map's side": drawing.volumes.side,
            "inches per share": drawing.share,
        },
        alt=" ".join(map(_alt, tables.values())) + " " + ALT,
        caption=_caption(list(tables.values()), drawing.volumes.missing),
    )


# What is drawn: numbers and words


@dataclass(frozen=True)
class BneckTable(NetworkTable):
    """One of the two tables; `as_printed` are the totals with the paper's hidden layer, where that is another."""

    name: str
    as_printed: dict[str, int] | None

    def agrees(self, cost: str, number: int) -> bool:
        """True where the paper's number of a cost is this one, cut off or rounded to as many digits."""
        stated = dict(zip(COSTS, self.stated or (), strict=False)).get(cost)
        if cost == "macs":
            return stated in {f"{number // 10**6} M", f"{number / 10**6:.0f} M"}
        return stated in {f"{number // 10**5 / 10:.1f} M", f"{number / 10**6:.1f} M"}

    def verdict(self, cost: str) -> str:
        """The paper's number of a cost against this network's, and against its own hidden layer's."""
        if self.agrees(cost, self.total(cost)):
            return "reproduced"
        if self.as_printed and self.agrees(cost, number := self.as_printed[cost]):
            return f"reproduced with the {HIDDEN} channels of its Table 2 in the hidden layer: {number:,}"
        return "not reproduced"

    @property
    def statement(self) -> str:
        """The paper's numbers of this network, each with its verdict; empty where the paper has none."""
        if not self.stated:
            return ""
        told = zip(self.stated, ("MAdds", "parameters"), COSTS, strict=True)
        macs, params = (f"{stated} {name} ({self.verdict(cost)})" for stated, name, cost in told)
        return f"The paper's Table 3 states {macs} and {params}."


def _table_of(
    size: str, width: float, image: tuple[int, int], classes: int, papers: bool, options: dict[str, Any]
) -> BneckTable:
    """A network's table; `papers` where the paper may have numbers of it."""
    shape = (1, *image, IN_CHANNELS)
    network = mobilenet_v3(size, width, classes, **options)
    stated, as_printed = STATED.get((size, width)) if papers else None, None
    if stated and network.params["hidden.kernel"].shape[1] != HIDDEN:
        counts = summary(mobilenet_v3(size, width, hidden_channels=HIDDEN, **options), shape)
        as_printed = {cost: counts.total(cost) for cost in COSTS}
    kind = f"{size.capitalize()}, minimalistic" if options["minimalistic"] else size.capitalize()
    title = f"MobileNetV3 {kind}, width multiplier {width:g}, on an image of {shape_text(image)}"
    return BneckTable(bneck_rows_of(network, shape), title, stated, size.capitalize(), as_printed)


def _data(table: BneckTable, drawing: "TablesDrawing") -> dict[str, Any]:
    stated = table.stated and dict(zip(COSTS, table.stated, strict=True)) | {
        "verdicts": {cost: table.verdict(cost) for cost in COSTS},
        "as printed": table.as_printed,
    }
    return {
        "rows": [
            {
                "operator": each.operator,
                **dict(zip(SYMBOLS, each.symbols, strict=True)),
                "input": list(each.shapes[0]),
                "output": list(each.shapes[1]),
                "block": each.blocks[0] if each.blocks else None,
                "shortcut": bool(each.shortcuts),
                "linear": each.linear,
                **{cost: each.cost(cost) for cost in ("params", "weights", "macs")},
                "drawn": drawing.volumes.is_drawn(each),
            }
            for each in table.rows
        ],
        **{cost: table.total(cost) for cost in ("params", "weights", "macs")},
        "the paper's": stated,
    }


def _caption(tables: Sequence[BneckTable], missing: str) -> str:
    """The caption; `missing` are the shapes whose volumes are not drawn."""
    return four_part_caption(
        claim=" ".join(
            [
                "MobileNetV3 is two tables, in which a row is a block." if len(tables) > 1 else "A row is a block.",
                *map(_claim, tables),
            ]
        ),
        computed=(
            "The rows are those of npconv.models.mobilenet_v3's specification, widened; shapes, parameters, batch "
            "normalisation's included, and MACs are npconv.models.summary's for one image, a block's with its "
            "squeeze-and-excite. A tensor counts as linear where no activation follows the last convolution before it."
        ),
        scale=(
            f"{EXPLAINED}; “{SHORTCUT.strip()}” stands for a shortcut. The volumes' sides are square "
            "roots, so that 4 times the channels are drawn twice as thick, and likewise height and depth with the "
            "map's height and width, the depth at half. The bars are shares of a network's parameters and MACs, on one "
            "scale."
        ),
        not_shown=not_shown(missing),
    )


def _claim(table: BneckTable) -> str:
    """A network's numbers, and what the paper says of it."""
    squeezed = [each for each in table.bottlenecks if each.symbols[SYMBOLS.index("SE")]]
    swished = [each for each in table.bottlenecks if each.symbols[SYMBOLS.index("NL")] == "HS"]
    told = (
        f"{table.name} has {counted('block', len(table.bottlenecks))}, {len(squeezed)} with squeeze-and-excite and "
        f"{len(swished)} with hard-swish, {table.total('macs'):,} MACs and {table.total('params'):,} parameters, "
        f"{table.without_norm.replace(' parameters', '')}."
    )
    return f"{told} {table.statement}".strip()


def _alt(table: BneckTable) -> str:
    def told(each: NetworkRow) -> str:
        letters = [f"{name} {text}" for name, text in zip(SYMBOLS, each.letters, strict=True) if text != NONE]
        words = ", ".join([each.operator + (SHORTCUT if each.shortcuts else ""), *letters])
        result = shape_text(each.shapes[1])
        return f"{words}, to {result}: {each.cost('params'):,} parameters, {each.cost('macs'):,} MACs."

    return (
        f"A table of {table.title}, one row a block. {' '.join(map(told, table.rows))} In all "
        f"{table.total('params'):,} parameters and {table.total('macs'):,} MACs."
    )


# How it is drawn


class TablesDrawing:
    """The tables one below the other as a box on a page, with the volumes of all rows, and the scale of all shares."""

    def __init__(self, page: Page, tables: Sequence[BneckTable]) -> None:
        self.page = page
        self.volumes = OutputVolumes([each for table in tables for each in table.rows], MAP)
        self.share = LONGEST / max(
            table.share(each, cost) for table in tables for each in table.rows for cost in COLORS
        )
        largest = THICKEST / math.sqrt(self.volumes.most)
        channels = [fitted(page, partial(self._body, table), self._widest, largest)[1] for table in tables]
        bodies = [self._body(table, min(channels)) for table in tables]
        boxes: list[OffsetBox] = [column(self._note(EXPLAINED), self._note(ADDED), gap=0.03, align="left")]
        for table, body in zip(tables, bodies, strict=True):
            words = self._note(f"{table.without_norm}. {table.statement}")
            boxes.append(column(title(table.title), body, words, gap=0.06, align="left"))
        missing = self.volumes.missing
        boxes += [self._note(f"Too thin to be seen, and not drawn: {missing}.")] * bool(missing)
        self.box = column(*boxes, self.volumes.legend(page, "after an activation"), gap=0.14, align="left")

    def _note(self, words: str) -> OffsetBox:
        """Words in small letters, as wide as the page."""
        return note("\n".join(wrapped(words.strip(), 0.97 * self.page.inner)))

    def _widest(self, channel: float) -> float:
        return self.volumes.at(channel).widest

    def _body(self, table: BneckTable, channel: float) -> Grid:
        self.volumes = self.volumes.at(channel)
        rows = [self._row(table, i, each) for i, each in enumerate(table.rows)]
        totals: list[OffsetBox | None] = [text("in all", size=SMALL, weight="bold"), *[None] * 7]
        sums = (text(f"{table.total(cost):,}", size=SMALL, weight="bold") for cost in COLORS)
        totals += [row(number, space(PERCENT, 0), gap=0) for number in sums]
        return lined(self.page, HEADINGS, rows, totals, NUMBERS, GAPS)

    def _row(self, table: BneckTable, i: int, each: NetworkRow) -> list[OffsetBox | None]:
        name, (source, result) = f"{table.name}-{i}", map(shape_text, each.shapes)
        volume = row(self.volumes.box(f"output-{name}", each), note(result), gap=0.1)
        operator = each.operator + (SHORTCUT if each.shortcuts else "")
        costs = [self._cost(table, f"{cost}-{name}", each, cost) for cost in COLORS]
        return [note(source), note(operator), *map(note, each.letters), volume, *costs]

    def _cost(self, table: BneckTable, name: str, each: NetworkRow, cost: str) -> OffsetBox:
        """A number beside its share, and below them the share as a bar, unless it is 0."""
        share = table.share(each, cost)
        percents = grid([[space(PERCENT, 0)], [note(percent(share))]], gaps=(0, 0), across="right")
        number = row(note(f"{each.cost(cost):,}"), percents, gap=0)
        bar = share_bar(name, share * self.share, (LONGEST, BAR), COLORS[cost])
        return column(number, bar if share else None, gap=0.015, align="right")
