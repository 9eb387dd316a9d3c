"""The article's Fig. 3 on a real photograph: red, green and blue filtered each by its own filter, and their sum."""

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ..kernels.geometry import Array
from ..kernels.standard import per_channel_maps
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    LABEL_GAP,
    LINE_COLORS,
    MARGIN,
    ROLES,
    SMALL,
    TITLE,
    WIDTH,
    Canvas,
    TooLargeError,
    Volume,
    number_cell,
    text_width,
)
from .parts.photograph import Photograph, photograph_from
from .parts.values import array_from, number_text, number_texts, place_from, shape_text, sum_text

SOBEL_ACROSS = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
SOBEL_DOWN = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
LAPLACE = ((0, 1, 0), (1, -4, 1), (0, 1, 0))


def per_channel_photograph(
    *, photograph: Photograph | Array | None = None, filter: Array | None = None, at: tuple[int, int] | None = None
) -> Figure:
    """The second reading on a real photograph: red, green and blue filtered each by its own 3×3, and their sum.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None.
        filter: (Dᵣ, Dᵣ, 3), Dᵣ from 1 to 7; edges across in red, edges down in green and Laplace's filter in blue if
            None.
        at: the (row, column) in the maps of the value that is worked out; their middle if None.

    Returns:
        Figure "per-channel-photograph", a PNG. Its data: the filter, `limits` that the maps' greys span, every 16th
        value across and down of the channels, the maps and the sum, and the value at `at` with its summands.

    Raises:
        TypeError, ValueError: arrays of another kind, or of another shape, than these.

    Source: the article's Fig. 3, on a photograph.

    >>> figure = per_channel_photograph(photograph=np.full((24, 30, 3), 9, np.uint8))
    >>> figure.data["at"], figure.data["value"]
    ([11, 14], 0)
    """
    name = "per_channel_photograph"
    photograph = photograph_from(name, photograph)
    pixels = photograph.pixels
    if filter is None:
        filter = np.stack([SOBEL_ACROSS, SOBEL_DOWN, LAPLACE], axis=-1)
    filter = array_from(name, "filter", filter, np.random.default_rng(0), 1)
    if filter.ndim != 3 or filter.shape[2] != 3 or max(filter.shape[:2]) > 7:
        raise ValueError(f"{name}: filter must be (Dᵣ, Dᵣ, 3), Dᵣ at most 7, to draw; got filter {filter.shape}")
    x = pixels[np.newaxis].astype(np.int64)
    maps = per_channel_maps(x, filter)[0]  # (Dᵥ, Dᵥ, 3)
    total = maps.sum(axis=-1)  # (Dᵥ, Dᵥ)
    row, column = place_from(name, at, *total.shape)
    # a limit that a few strong edges do not set: 99 of 100 values have a grey of their own
    limits = [float(max(np.percentile(np.abs(a), 99), 1)) for a in (*np.moveaxis(maps, -1, 0), total)]
    with drawn_by(name, photograph=pixels, filter=filter):
        canvas = Canvas()
        _draw_photograph(canvas, photograph, filter, maps, total, limits)
        figure = canvas.finish()
    coarse = slice(None, None, 16)
    summands = maps[row, column].tolist()
    return Figure(
        name="per-channel-photograph",
        figure=figure,
        data={
            "photograph": {"source": photograph.source, "synthetic": photograph.synthetic, "shape": list(x.shape[1:])},
            "filter": filter.tolist(),
            "limits": limits,
            "every 16th": {
                "channels": pixels[coarse, coarse].tolist(),
                "maps": maps[coarse, coarse].tolist(),
                "sum": total[coarse, coarse].tolist(),
            },
            "at": [row, column],
            "summands": summands,
            "value": total[row, column].item(),
        },
        alt=(
            f"Three rows, red, green and blue, of {photograph.source}: the channel as a picture in its hue, a small "
            "filter, and the map they give in greys, where edges are lighter or darker than the mid-grey of zero. "
            "To the right, the sum of the three maps, with the edges of all of them."
        ),
        caption=four_part_caption(
            claim="Filtered by itself each channel has its own map; their sum mixes the three into one output channel.",
            computed=(
                f"npconv.per_channel_maps on {photograph.source}, {shape_text(pixels.shape)}, valid; at row {row}, "
                f"column {column} the sum is {sum_text(summands)} = {number_text(total[row, column])}."
            ),
            scale=(
                "In the left column hue is the channel, from black (0) over the hue to white (255); in the maps "
                "mid-grey is zero, and black and white are minus and plus the limit beneath each, which 1 % of its "
                "values exceed."
            ),
            not_shown="Not shown: values beyond a limit, which are drawn at it; further filters; a bias.",
        ),
        format="png",
    )


def _draw_photograph(
    canvas: Canvas,
    photograph: Photograph,
    filter: Array,
    maps: Array,
    total: Array,
    limits: list[float],
) -> None:
    """Three rows of channel, filter and map, and the sum beside them."""
    pixels = photograph.pixels
    height, width = pixels.shape[:2]
    side = 1.85 / max(height, width)  # inches for a pixel, the same in all pictures
    weights = [number_texts(filter[..., m]) for m in range(3)]
    cell = max(number_cell(texts) for texts in weights)
    filter_width = max(filter.shape[1] * cell, text_width("one filter", TITLE, "bold"))
    names, hues = ("red", "green", "blue"), (LINE_COLORS[1], LINE_COLORS[2], LINE_COLORS[0])
    left = text_width("m = 0\ngreen") + 0.12
    picture = max(width * side, text_width(f"black −{limits[3]:.0f}, white {limits[3]:.0f}", SMALL))
    content = left + 3 * picture + filter_width
    spare = WIDTH - 2 * MARGIN - content
    gaps = (0.2 * spare, 0.2 * spare, 0.38 * spare)
    if spare < 1.5:
        raise TooLargeError("the filter's numbers are too long to draw")
    start = MARGIN + 0.11 * spare + left
    starts = [start, start + picture + gaps[0], start + picture + gaps[0] + filter_width + gaps[1]]
    starts.append(starts[2] + picture + gaps[2])
    row_height = max(height * side, filter.shape[0] * cell) + 0.38

    def show(name: str, values: Any, part: int, middle: float, colors: Any, low: float, high: float) -> Any:
        rows, columns = values.shape
        x = starts[part] + (picture - columns * side) / 2
        extent = (x, x + columns * side, middle - rows * side / 2, middle + rows * side / 2)
        canvas.image(name, values, extent, colors, low, high)
        return extent

    for m in range(3):
        middle = -m * row_height
        canvas.text(starts[0] - 0.12 + (picture - width * side) / 2, middle, f"m = {m}\n{names[m]}", across="right")
        hue = LinearSegmentedColormap.from_list(names[m], ["black", hues[m], "white"])
        extent = show(f"channel-{m}", pixels[..., m], 0, middle, hue, 0, 255)
        small = Volume(filter.shape[0], filter.shape[1], 0)
        x = starts[1] + (filter_width - small.columns * cell) / 2
        canvas.volume(f"filter-{m}", small.at(x, middle + small.rows * cell / 2, cell), ROLES["filter"], weights[m])
        extent = show(f"map-{m}", maps[..., m], 2, middle, "gray", -limits[m], limits[m])
        text = f"black {number_text(-round(limits[m]))}, white {number_text(round(limits[m]))}"
        canvas.text((extent[0] + extent[1]) / 2, extent[2] - LABEL_GAP, text, size=SMALL, along="top")
        canvas.text(starts[0] + picture + gaps[0] / 2, middle, "∗", size=15)
        canvas.text(starts[1] + filter_width + gaps[1] / 2, middle, "=", size=15)
    middle = -row_height
    extent = show("sum", total, 3, middle, "gray", -limits[3], limits[3])
    text = f"black {number_text(-round(limits[3]))}, white {number_text(round(limits[3]))}"
    canvas.text((extent[0] + extent[1]) / 2, extent[2] - LABEL_GAP, text, size=SMALL, along="top")
    canvas.arrow((starts[2] + picture + 0.08, middle), (starts[3] - 0.08, middle))
    canvas.text(starts[3] - gaps[2] / 2, middle + 0.08, "sum", size=SMALL, along="bottom")
    top = max(height * side, filter.shape[0] * cell) / 2 + 0.1
    titles = (
        f"photograph\n{shape_text(pixels.shape)}",
        f"one filter\n{shape_text(filter.shape)}",
        f"M = 3 maps\n{shape_text(maps.shape)}",
    )
    for x, title in zip(
        (starts[0] + picture / 2, starts[1] + filter_width / 2, starts[2] + picture / 2), titles, strict=True
    ):
        canvas.text(x, top, title, size=TITLE, weight="bold", along="bottom")
    title = f"their sum\n{shape_text((*total.shape, 1))}"
    canvas.text(starts[3] + picture / 2, extent[3] + 0.1, title, size=TITLE, weight="bold", along="bottom")
