"""The article's Fig. 5: one layer as a standard and as a depthwise separable convolution, multiplications counted."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np
from matplotlib.patches import Rectangle

from ..cost import cost_ratio, count_operations
from ..kernels import arguments
from ..kernels.depthwise import depthwise_conv2d
from ..kernels.geometry import Padding, Pair
from ..kernels.pointwise import pointwise_conv2d
from ..kernels.signatures import GLOBAL_AVERAGE_POOL
from ..kernels.standard import conv2d
from ..text import shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import MARGIN, ROLES, TITLE, WIDTH, Canvas, Volume, shade, text_width
from .parts.separable_layer import Separable, input_block, output_block, separable_from, separable_row
from .parts.slabs import LINE, Block, Face, Row, channel_color, hue_text, solid_stack, write_notes
from .parts.values import Given, array_from, plural, side_text

MOST_COUNTED = 300_000  # multiplications counted one by one; above, those of one filter are, times N
MOST_FILTERS = 2**14
LARGEST_CELL = 0.15
MOST_HEIGHT = 3.6  # inches for each of the two rows of volumes
BLUE = ROLES["shortcut"]
BAR = 0.2  # inches
BAR_STRENGTHS = {"standard": 0.6, "depthwise": 1.0, "pointwise": 0.3}


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
        """What the ratio means."""
        if self.ratio < 1:
            return f"the separable way saves {float(100 * (1 - self.ratio)):.1f} % of the multiplications"
        if self.ratio == 1:
            return "the separable way costs the same, and saves nothing"
        return f"the separable way costs {float(self.ratio):.2f} times as much, and saves nothing"

    def product(self, step: str) -> str:
        """How a step's multiplications come about."""
        height, width, channels, filters = self.s.layer.kernel.shape
        rows, columns = self.s.layer.y.shape[1:3]
        factors = {
            "standard": f"{_product('weight', height, width, channels)} × {_product('filter', filters)}",
            "depthwise": f"{_product('weight', height, width)} × {_product('filter', channels)}",
            "pointwise": f"{_product('weight', channels)} × {_product('filter', filters)}",
        }
        return f"{_product('place', rows, columns)} × {factors[step]}"


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
    with drawn_by("separable_example", x=e.s.layer.x, kernel=e.s.depthwise.shape[:2]):
        canvas = Canvas()
        drawn = _draw(canvas, e)
        figure = canvas.finish()
    _, _, channels, filters = e.s.layer.kernel.shape
    side = shape_text(e.s.depthwise.shape[:2])
    shapes = {
        "input": list(e.s.layer.x.shape[1:]),
        "standard filters": [filters, *e.s.layer.kernel.shape[:3]],
        "depthwise filters": [channels, *e.s.depthwise.shape[:2], 1],
        "maps": [*e.s.layer.y.shape[1:3], channels],
        "pointwise filters": [filters, 1, 1, channels],
        "output": list(e.s.layer.y.shape[1:]),
    }
    sizes = {name: shape_text(shape) for name, shape in shapes.items()}
    standard, depthwise, pointwise = (f"{count:,}" for count in e.multiplications.values())
    way = f"{sizes['input']} to {sizes['output']}"
    return Figure(
        name="separable-example",
        figure=figure,
        data={
            "shapes": shapes,
            "multiplications": {**e.multiplications, "separable": e.separable},
            "padding multiplications": e.zeros,
            "ratio": str(e.ratio),
            "ratio by formula": str(cost_ratio(e.s.depthwise.shape[:2], filters)),
            "ratio value": float(e.ratio),
            "filters counted": e.filters_counted,
            "largest difference": e.difference,
            "drawn": drawn,
        },
        alt=(
            f"Two ways from {way}. Above, the standard convolution: {_product('filter', filters)} of "
            f"{side}×{channels}, {standard} multiplications. Below, the separable one: {channels} depthwise "
            f"{side}×1 filters give {sizes['maps']} with {depthwise} multiplications, and {filters} pointwise "
            f"1×1×{channels} filters give {sizes['output']} with {pointwise} more, {e.separable:,} together. Two bars "
            f"to scale compare {standard} with {e.separable:,}: {e.verdict}."
        ),
        caption=four_part_caption(
            claim=(
                f"From {way}, a standard convolution takes {standard} multiplications and a depthwise separable one "
                f"{depthwise} + {pointwise} = {e.separable:,}: {e.verdict}."
            ),
            computed=_computed(e),
            scale=(
                f"All volumes have one scale, channels at half of it; {hue_text(channels)}; the bars have the lengths "
                f"of the counts{''.join(f'; {note}' for note in _notes(e))}."
            ),
            not_shown=f"Not shown: {_left_out(e, drawn)}the numbers, additions and biases.",
        ),
    )


def _product(name: str, *counts: int) -> str:
    return f"{'·'.join(map(str, counts))} {plural(name, prod(counts))}"


def _computed(e: Example) -> str:
    filters = e.s.layer.kernel.shape[3]
    how = "" if e.filters_counted == filters else f" for one of the N = {filters} filters, then times N"
    zeros = sum(e.zeros.values())
    padding = f" C{_padding_text(e)[1:]}." if zeros else ""
    return (
        f"Multiplications were counted by running the kernels on numbers that count{how} (npconv.cost.count_operations)"
        f"; the ratio is npconv.cost.cost_ratio's. With npconv.factored_kernel as the standard kernel the largest "
        f"difference between the two outputs is {e.difference}; a standard kernel is in general no such product."
        + padding
    )


def _padding_text(e: Example) -> str:
    return (
        f"cells of padding are multiplied too: {e.zeros['standard']:,} of the standard and {e.zeros['depthwise']:,} of "
        "the depthwise multiplications are by their zeros"
    )


def _left_out(e: Example, drawn: dict[str, int]) -> str:
    filters = e.s.layer.kernel.shape[3]
    parts = (
        (filters - drawn["standard filters"], "more standard"),
        (filters - drawn["pointwise filters"], "more pointwise"),
    )
    return "".join(f"{count} {name} {plural('filter', count)}, " for count, name in parts if count)


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


def _draw(canvas: Canvas, e: Example) -> dict[str, int]:
    """Both ways, one above the other, the bars, and what follows; how much is drawn."""
    rows = (replace(row, most_height=MOST_HEIGHT) for row in (_standard_row(e.s), separable_row(e.s, plain=True)))
    (standard, cell), (separable, other) = (row.fitted(LARGEST_CELL) for row in rows)
    cell = min(cell, other)
    first, *_, last = separable.centres(cell)
    top = 0.0
    for heading, row, places, steps in (
        ("standard convolution", standard, [first, (first + last) / 2, last], {"standard": 1}),
        ("depthwise separable convolution", separable, None, {"depthwise": 1, "pointwise": 3}),
    ):
        canvas.text(MARGIN, top, heading, size=TITLE, weight="bold", color=BLUE, across="left", along="top")
        drawing = row.draw(canvas, top - 0.22, cell, places)
        centres = [drawing.centres[block] for block in steps.values()]
        top = _write_counts(canvas, e, list(steps), centres, drawing.bottom - 0.04) - 0.16
    top = write_notes(canvas, [*_notes(e), *([_padding_text(e)] if any(e.zeros.values()) else [])], top + 0.14) - 0.14
    top = _draw_bars(canvas, e, top)
    _write_verdict(canvas, e, top - 0.1)
    return {
        "standard filters": len(standard.blocks[1].grid) * len(standard.blocks[1].grid[0]),
        "depthwise filters": len(e.s.drawn),
        "pointwise filters": e.s.drawn_filters,
        "output channels": e.s.layer.output_volume.drawn_channels,
    }


def _notes(e: Example) -> list[str]:
    """What has to be said about both rows of volumes."""
    notes, volume = e.s.volume_notes, e.s.layer.input_volume
    if volume.drawn_channels < volume.channels:
        drawn = f"{volume.drawn_channels} of {volume.channels}"
        notes.append(f"standard convolution: {drawn} channels of the input and of each filter are drawn")
    return notes


def _standard_row(s: Separable) -> Row:
    """Input, standard filters and output."""
    height, width, channels, filters = s.layer.kernel.shape
    colors = [channel_color(m, channels, "filter") for m in range(channels)]
    volume = Volume(height, width, channels)
    drawn = min(filters, 4)
    stacks = [solid_stack(f"standard-{n}", volume, colors, "", Face(), title=f"n = {n}") for n in range(drawn)]
    per_row = 2 if drawn == 4 else drawn
    block = Block(
        "standard filters",
        f"N = {filters} {plural('filter', filters)}\n{shape_text((height, width, channels))}",
        [stacks[first : first + per_row] for first in range(0, drawn, per_row)],
        side_text("Dᵣ", height, width),
        f"… and {filters - drawn} more" if filters > drawn else "",
    )
    return Row(
        (input_block(s, plain=True, solid=True), block, output_block(s, plain=True, name="standard-output")), "∗="
    )


def _write_counts(canvas: Canvas, e: Example, steps: list[str], centres: list[float], top: float) -> float:
    """Each step's multiplications below its filters, side by side; their lower edge."""
    between = " " if len(steps) == 1 else "\n"
    texts = [
        f"{e.product(step)}{between}= {e.multiplications[step]:,} {plural('multiplication', e.multiplications[step])}"
        for step in steps
    ]
    halves = [text_width(text) / 2 for text in texts]
    middles = [
        min(max(centre, MARGIN + half), WIDTH - MARGIN - half) for centre, half in zip(centres, halves, strict=True)
    ]
    if len(texts) == 2 and middles[1] - middles[0] < sum(halves) + 0.2:
        middles = [WIDTH / 4, 3 * WIDTH / 4]
    for text, middle in zip(texts, middles, strict=True):
        canvas.text(middle, top, text, along="top")
    return top - len(steps) * LINE


def _draw_bars(canvas: Canvas, e: Example, top: float) -> float:
    """Two bars to scale, the second in two pieces; their lower edge."""
    counts = e.multiplications
    bars = {
        "standard": (("standard",), f"{counts['standard']:,}"),
        "separable": (
            ("depthwise", "pointwise"),
            f"{counts['depthwise']:,} depthwise + {counts['pointwise']:,} pointwise = {e.separable:,}",
        ),
    }
    left = MARGIN + max(map(text_width, bars)) + 0.12
    totals = {"standard": counts["standard"], "separable": e.separable}
    # inches for one multiplication: every bar and the text behind it fit
    scale = min((WIDTH - MARGIN - left - text_width(bars[bar][1]) - 0.1) / totals[bar] for bar in bars)
    canvas.text(MARGIN, top, "multiplications, to scale", size=TITLE, weight="bold", across="left", along="top")
    top -= 0.27
    for bar, (steps, text) in bars.items():
        canvas.text(left - 0.1, top - BAR / 2, bar, across="right")
        x = left
        for step in steps:
            width = counts[step] * scale
            canvas.axes.add_patch(
                Rectangle(
                    (x, top - BAR),
                    width,
                    BAR,
                    facecolor=shade(BLUE, BAR_STRENGTHS[step]),
                    edgecolor="none",
                    gid=f"bar-{step}",
                )
            )
            x += width
        canvas.text(x + 0.1, top - BAR / 2, text, across="left")
        top -= BAR + 0.08
    return top


def _decimal(ratio: Fraction) -> str:
    """The ratio as a decimal number behind an equals sign of its own; nothing where it is whole."""
    if ratio.denominator == 1:
        return ""
    text = f"{float(ratio):.4f}"
    return f" {'=' if Fraction(text) == ratio else '≈'} {text}"


def _write_verdict(canvas: Canvas, e: Example, top: float) -> None:
    height, width = e.s.depthwise.shape[:2]
    filters = e.s.pointwise.shape[1]
    text = (
        f"separable / standard = {e.separable:,} / {e.multiplications['standard']:,} = {e.ratio}{_decimal(e.ratio)}, "
        f"exactly 1/N + 1/Dᵣ² = 1/{filters} + 1/{height * width}:\n{e.verdict}.\n"
        f"Both ways give {shape_text(e.s.layer.y.shape[1:])}. They are the same function where the standard "
        "kernel is the product\nof the two, npconv.factored_kernel(depthwise, pointwise): run with that, the two "
        f"outputs {'are equal' if e.difference == 0 else f'differ by {e.difference:.1e} at most'}."
    )
    canvas.text(MARGIN, top, text, across="left", along="top")
