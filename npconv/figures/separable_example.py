"""The article's Fig. 5: one layer as a standard and as a depthwise separable convolution, multiplications counted."""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..cost import cost_ratio, count_operations
from ..kernels import arguments
from ..kernels.depthwise import depthwise_conv2d
from ..kernels.geometry import Padding, Pair
from ..kernels.pointwise import pointwise_conv2d
from ..kernels.signatures import GLOBAL_AVERAGE_POOL
from ..kernels.standard import conv2d
from ..text import counted, filled, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.bars import bars_to_scale
from .parts.drawing import ROLES, TITLE, Labels, Volume
from .parts.layout import Page, column, grid, note, text
from .parts.separable_layer import Separable, drawn_text, output_volume, separable_from, separable_row, volume_row
from .parts.slabs import channel_color, hue_text, solid
from .parts.values import Given, array_from, product_text, side_text

MOST_COUNTED = 300_000  # multiplications counted one by one; above, those of one filter are, times N
MOST_FILTERS = 2**14
LARGEST_CELL = 0.15
HEIGHT = 10.0  # inches for both rows of volumes
BLUE = ROLES["shortcut"]
BAR_STRENGTHS = {"standard": 0.6, "depthwise": 1.0, "pointwise": 0.3}


ALT = (
    "Two ways from {input} to {output}. Above, the standard convolution: {n:filter} of {side}×{m}, {standard:,} "
    "multiplications. Below, the separable one: {m} depthwise {side}×1 filters give {maps} with {depthwise:,} "
    "multiplications, and {n} pointwise 1×1×{m} filters give {output} with {pointwise:,} more, {separable:,} together. "
    "Two bars to scale compare {standard:,} with {separable:,}: {verdict}."
)
CLAIM = (
    "From {input} to {output}, a standard convolution takes {standard:,} multiplications and a depthwise separable one "
    "{depthwise:,} + {pointwise:,} = {separable:,}: {verdict}."
)
COMPUTED = (
    "Multiplications were counted by running the kernels on numbers that count{how} (npconv.cost.count_operations); "
    "the ratio is npconv.cost.cost_ratio's. With npconv.factored_kernel as the standard kernel the largest difference "
    "between the two outputs is {difference}; a standard kernel is in general no such product."
)


@dataclass(frozen=True)
class Example:
    """One layer both ways: the separable one, and the standard one with the kernel that it factors."""

    s: Separable
    multiplications: dict[str, int]  # standard, depthwise, pointwise
    zeros: dict[str, int]  # those of them by padding's zeros
    filters_counted: int
    difference: float  # of the two outputs, the largest

    @property
    def separable(self) -> int:
        """The multiplications of both steps of the separable convolution."""
        return self.multiplications["depthwise"] + self.multiplications["pointwise"]

    @property
    def ratio(self) -> Fraction:
        """Separable over standard."""
        return Fraction(self.separable, self.multiplications["standard"])

    @property
    def verdict(self) -> str:
        """The meaning of the ratio."""
        if self.ratio < 1:
            return f"the separable way saves {float(100 * (1 - self.ratio)):.1f} % of the multiplications"
        if self.ratio == 1:
            return "the separable way costs the same, and saves nothing"
        return f"the separable way costs {float(self.ratio):.2f} times as much, and saves nothing"

    @property
    def drawn_filters(self) -> int:
        """The number of standard filters that are drawn."""
        return min(int(self.s.pointwise.shape[1]), 4)

    @property
    def left_out(self) -> dict[str, list[str]]:
        """The share of each part of the standard convolution that is drawn, where something is left out."""
        channels, filters = map(int, self.s.pointwise.shape)
        some = self.s.layer.input_volume.drawn_channels
        return {
            "input": [drawn_text(some, channels, "channels")],
            "filters": [
                drawn_text(self.drawn_filters, filters, "filters"),
                drawn_text(some, channels, "channels of each"),
            ],
            "output": self.s.left_out["output"],
        }

    def product(self, step: str) -> str:
        """The product that gives a step's multiplications."""
        height, width, channels, filters = self.s.layer.kernel.shape
        rows, columns = self.s.layer.y.shape[1:3]
        factors = {
            "standard": f"{product_text('weight', height, width, channels)} × {product_text('filter', filters)}",
            "depthwise": f"{product_text('weight', height, width)} × {product_text('filter', channels)}",
            "pointwise": f"{product_text('weight', channels)} × {product_text('filter', filters)}",
        }
        return f"{product_text('place', rows, columns)} × {factors[step]}"


def separable_example(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Pair = (3, 3),
    out_channels: int = 128,
    stride: Pair = 1,
    padding: Padding = "valid",
    seed: int = 0,
) -> Figure:
    """One layer both ways, one above the other, with the multiplications of each step counted, and bars to scale.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: the filters' sides Dᵣ, an int or (height, width).
        out_channels: N.
        stride, padding: as in `npconv.conv2d`; padding is drawn as padding.
        seed: of the integers.

    Returns:
        Figure "separable-example". Its data: the shapes on both ways; `multiplications`, counted, of "standard",
        "depthwise", "pointwise" and "separable"; `padding multiplications`, those of them by padding's zeros; `ratio`
        as an exact fraction, counted and by formula; how many pointwise and standard filters were counted one by one;
        and the `largest difference` of the two outputs where the standard kernel is the product of the two.

    Raises:
        TypeError, ValueError: as `npconv.conv2d`, and ValueError for what cannot be drawn: B above 1, more than 32
            rows or columns, numbers that are not finite.

    Source: the article's Fig. 5 and its two cost formulas.

    >>> figure = separable_example(out_channels=1)
    >>> figure.data["multiplications"], figure.data["ratio"]
    ({'standard': 675, 'depthwise': 675, 'pointwise': 75, 'separable': 750}, '10/9')
    """
    e = _example_from("separable_example", x, kernel, out_channels, stride, padding, seed)
    s, (height, width, channels, filters) = e.s, e.s.layer.kernel.shape
    with drawn_by("separable_example", x=s.layer.x, kernel=(height, width)):
        figure = _draw(e)
    shapes = {
        "input": list(s.layer.x.shape[1:]),
        "standard filters": [filters, height, width, channels],
        "depthwise filters": [channels, height, width, 1],
        "maps": [*s.layer.y.shape[1:3], channels],
        "pointwise filters": [filters, 1, 1, channels],
        "output": list(s.layer.y.shape[1:]),
    }
    drawn = {
        "standard filters": e.drawn_filters,
        "depthwise filters": len(s.drawn),
        "pointwise filters": s.drawn_filters,
        "output channels": s.layer.output_volume.drawn_channels,
    }
    more = {name: filters - drawn[f"{name} filters"] for name in ("standard", "pointwise")}
    left_out = {f"standard {name}": e.left_out[name] for name in ("input", "filters")} | s.left_out
    zeros = _zeros_text(e)
    words: dict[str, Any] = {name: shapes[name] for name in ("input", "maps", "output")} | e.multiplications
    words |= {"m": channels, "n": filters, "side": (height, width), "separable": e.separable, "verdict": e.verdict}
    return Figure(
        name="separable-example",
        figure=figure,
        data={
            "shapes": shapes,
            "multiplications": {**e.multiplications, "separable": e.separable},
            "padding multiplications": e.zeros,
            "ratio": str(e.ratio),
            "ratio by formula": str(cost_ratio((height, width), filters)),
            "ratio value": float(e.ratio),
            "filters counted": e.filters_counted,
            "largest difference": e.difference,
            "drawn": drawn,
        },
        alt=filled(ALT, **words),
        caption=four_part_caption(
            claim=CLAIM,
            computed=COMPUTED + (f" {zeros[0].upper()}{zeros[1:]}." if zeros else ""),
            scale=[
                "All volumes have one scale, channels at half of it",
                hue_text(channels),
                "the bars have the lengths of the counts",
                *s.notes([]),
                *(f"{name}: {text}" for name, texts in left_out.items() for text in texts if text),
            ],
            not_shown=[
                *(counted(f"more {name} filter", count) for name, count in more.items() if count),
                "the numbers",
                "additions and biases",
            ],
            how="" if e.filters_counted == filters else f" for one of the N = {filters} filters, then times N",
            difference=e.difference,
            **words,
        ),
    )


def _zeros_text(e: Example) -> str:
    """The words about multiplications by the zeros of padding, if there are any."""
    text = (
        f"cells of padding are multiplied too: {e.zeros['standard']:,} of the standard and {e.zeros['depthwise']:,} of "
        "the depthwise multiplications are by their zeros"
    )
    return text if any(e.zeros.values()) else ""


def _example_from(
    function: str, x: Given, kernel: Pair, out_channels: int, stride: Pair, padding: Padding, seed: int
) -> Example:
    generator = arguments.generator(function, seed)
    x = array_from(function, "x", x, generator, 3)
    height, width = arguments.pair(function, "kernel", kernel)
    out_channels = arguments.integer(function, "out_channels", out_channels, 1, MOST_FILTERS)
    GLOBAL_AVERAGE_POOL.check(function, x)
    channels = x.shape[-1]
    depthwise = array_from(function, "kernel", (height, width, channels), generator, 1)
    pointwise = array_from(function, "out_channels", (channels, out_channels), generator, 2)
    s = separable_from(function, x, depthwise, pointwise, stride, padding, 1, None, seed)
    standard = s.layer.kernel  # (Dᵣ, Dᵣ, M, N)
    geometry = {"stride": stride, "padding": padding}
    y = conv2d(x, standard, **geometry)  # type: ignore[arg-type]
    counted = out_channels if y[0, ..., 0].size * standard.size <= MOST_COUNTED else 1
    counts = {
        "standard": count_operations(conv2d, x, standard[..., :counted], **geometry),
        "depthwise": count_operations(depthwise_conv2d, x, depthwise, **geometry),
        "pointwise": count_operations(pointwise_conv2d, s.filtered, pointwise[:, :counted]),
    }
    times = {step: 1 if step == "depthwise" else out_channels // counted for step in counts}
    return Example(
        s,
        {step: count.multiplications * times[step] for step, count in counts.items()},
        {step: count.zero_multiplications * times[step] for step, count in counts.items()},
        counted,
        np.abs(y - s.layer.y).max().item(),
    )


def _draw(e: Example) -> matplotlib.figure.Figure:
    """Both ways, one above the other, the bars, and what follows."""
    page = Page()
    _, cell = page.fitted(partial(_ways, e), LARGEST_CELL, height=HEIGHT)
    height, width = e.s.depthwise.shape[:2]
    ratio = f"{e.separable:,} / {e.multiplications['standard']:,} = {e.ratio}{_decimal(e.ratio)}"
    outputs = "are equal" if e.difference == 0 else f"differ by {e.difference:.1e} at most"
    verdict = text(
        f"separable / standard = {ratio}, exactly 1/N + 1/Dᵣ² = 1/{e.s.pointwise.shape[1]} + 1/{height * width}:\n"
        f"{e.verdict}.\nBoth ways give {shape_text(e.s.layer.y.shape[1:])}. They are the same function where the "
        "standard kernel is the product\nof the two, npconv.factored_kernel(depthwise, pointwise): run with that, the "
        f"two outputs {outputs}.",
        align="left",
    )
    notes = filter(None, [*e.s.notes([]), _zeros_text(e)])
    box = column(_ways(e, cell, page), *map(note, notes), _bars(page, e), verdict, gap=0.13, align="left")
    return page.finish(box)


def _ways(e: Example, cell: float, page: Page | None = None) -> OffsetBox:
    """The standard convolution above the separable one, each with its multiplications below."""
    s, (height, width, channels, filters) = e.s, e.s.layer.kernel.shape
    colors = [channel_color(m, channels, "filter") for m in range(channels)]
    volume, per_row = Volume(height, width, channels, cell=cell), 2 if e.drawn_filters == 4 else e.drawn_filters
    tiles = [solid(f"standard-{n}", volume, colors, title=f"n = {n}") for n in range(e.drawn_filters)]
    tiles[-per_row].labels(volume, Labels(width=side_text("Dᵣ", height, width)))
    source = replace(s.layer.input_volume, cell=cell)
    hues = [channel_color(m, channels, "input") for m in range(channels)]
    whole = solid("standard-input", source, hues)
    whole.labels(source, Labels(width=f"{side_text('Dᵤ', source.height, source.width)}, M = {channels}"))
    standard = volume_row(
        [
            f"input\n{shape_text(s.layer.x.shape[1:])}",
            f"N = {counted('filter', filters)}\n{shape_text((height, width, channels))}",
            f"output\n{shape_text(s.layer.y.shape[1:])}",
        ],
        [
            whole,
            grid([tiles[first : first + per_row] for first in range(0, len(tiles), per_row)], gaps=(0.1, 0.08)),
            output_volume(s, cell, None, "standard-output"),
        ],
        list(e.left_out.values()),
        "∗=",
        page,
    )
    return column(
        text("standard convolution", size=TITLE, weight="bold", color=BLUE),
        standard,
        _counts(e, "standard"),
        text("depthwise separable convolution", size=TITLE, weight="bold", color=BLUE),
        separable_row(s, cell, plain=True, page=page),
        _counts(e, "depthwise", "pointwise"),
        gap=0.1,
        align="left",
    )


def _counts(e: Example, *steps: str) -> OffsetBox:
    """The products that give the multiplications of some steps."""
    counts = e.multiplications
    return column(
        *(text(f"{step}: {e.product(step)} = {counted('multiplication', counts[step])}") for step in steps),
        gap=0.04,
        align="left",
    )


def _bars(page: Page, e: Example) -> OffsetBox:
    """Two bars to scale, the second in two pieces."""
    counts = e.multiplications
    standard, *halves = [(step, counts[step], strength) for step, strength in BAR_STRENGTHS.items()]
    both = f"{counts['depthwise']:,} depthwise + {counts['pointwise']:,} pointwise = {e.separable:,}"
    lines = {"standard": ([standard], f"{counts['standard']:,}"), "separable": (halves, both)}
    return bars_to_scale(page, "multiplications, to scale", lines)


def _decimal(ratio: Fraction) -> str:
    """The ratio as a decimal number behind an equals sign of its own; nothing where it is whole."""
    if ratio.denominator == 1:
        return ""
    decimal = f"{float(ratio):.4f}"
    return f" {'=' if Fraction(decimal) == ratio else '≈'} {decimal}"
