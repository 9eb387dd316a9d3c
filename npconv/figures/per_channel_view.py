"""The article's Fig. 3: channel i of the input filtered by channel i of a filter, M maps, and then their sum."""

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ..kernels.geometry import Array, Padding, Pair
from ..kernels.standard import per_channel_maps
from .drawing import (
    CHANNEL_HUES,
    LABEL_GAP,
    LINE_COLORS,
    MARGIN,
    ROLES,
    SMALL,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    Volume,
    largest_cell,
    number_cell,
    number_size,
    text_width,
)
from .figure import Figure, four_part_caption, style
from .layer import Layer, layer_from
from .photograph import Photograph, load_photograph
from .values import Given, array_from, number_text, number_texts, place_from, shape_text, sum_text

DRAWN_HEIGHT = 12.0  # inches for the rows, one for each channel
SIGN = 0.4  # inches for a sign between columns
SUM = 1.0  # inches for the arrow to the sum

SOBEL_ACROSS = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
SOBEL_DOWN = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
LAPLACE = ((0, 1, 0), (1, -4, 1), (0, 1, 0))


def per_channel_view(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    n: int = 0,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The second reading of a convolution: every channel filtered by itself, M maps, and their sum.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        n: which of the filters is drawn. By default all is as in `standard_convolution`.
        stride, padding, dilation: as in `npconv.per_channel_maps`; padding is drawn as padding.
        at: the (row, column) in the maps that is framed; their middle if None.
        seed: of the integers.

    Returns:
        Figure "per-channel-view". Its data: input, filter and maps as per_channel_maps has them, their `sum`
        (1, Dᵥ, Dᵥ), which is channel n of the output, and `at` with the `summands` there.

    Raises:
        TypeError, ValueError: as `npconv.per_channel_maps`, and ValueError for what cannot be drawn: B above 1, more
            than 32 rows or columns, numbers that are not finite or too long.

    Source: the article's Fig. 3; the sum, which it mentions and doesn't show, is the last column.

    >>> figure = per_channel_view(x=(1, 4, 5, 2), kernel=(3, 3, 2, 1))
    >>> np.shape(figure.data["maps"]), np.shape(figure.data["sum"])
    ((1, 2, 3, 2), (1, 2, 3))
    """
    layer = layer_from("per_channel_view", x, kernel, stride, padding, dilation, at, seed, n)
    filter = layer.kernel[..., layer.n]  # (Dᵣ, Dᵣ, M)
    channels, filters = layer.kernel.shape[2:]
    with style():
        canvas = Canvas()
        shown = _draw(canvas, layer)
        figure = canvas.finish()
    hue = f"hue is the channel, {_hue_names(channels)}" if channels <= len(CHANNEL_HUES) else "channels are numbered"
    rest = "" if shown == channels else f"{channels - shown} of the channels, which the sum has; "
    rest += f"the other {filters - 1} of the N filters; " if filters > 1 else ""
    sizes = [shape_text(a.shape) for a in (layer.x[0], filter, layer.maps[0])]
    return Figure(
        name="per-channel-view",
        figure=figure,
        data={
            "input": layer.x.tolist(),
            "filter": filter.tolist(),
            "maps": layer.maps.tolist(),
            "sum": layer.y[..., layer.n].tolist(),
            "at": [layer.row, layer.column],
            "summands": layer.sums.tolist(),
            "drawn": {"channels": shown},
        },
        alt=(
            f"Rows, one for each channel m of an input of {sizes[0]}: the channel, the same channel of a filter of "
            f"{sizes[1]}, and the map that they give; {shown} of {channels} rows are drawn. The maps, {sizes[2]}, are "
            f"added to one channel of the output, where the framed value is {layer.value}."
        ),
        caption=four_part_caption(
            claim=(
                f"A filter works on each of the M = {channels} channels by itself; only the sum of the M maps mixes "
                f"the channels, and this is done again for each of N = {filters} filters."
            ),
            computed=(
                f"The maps are npconv.per_channel_maps', their sum is channel {layer.n} of npconv.conv2d's, with "
                f"stride {stride}, padding {padding!r} and dilation {dilation}."
            ),
            scale=f"All slices have one scale; {hue}; indices count from 0.",
            not_shown=f"Not shown: {rest}a bias.",
        ),
    )


def _hue_names(channels: int) -> str:
    return ", ".join(f"{m} {hue}" for m, hue in zip(range(channels), ("blue", "pink", "yellow"), strict=False))


def _draw(canvas: Canvas, layer: Layer) -> int:
    """Draw the rows and the sum; how many channels have a row."""
    kernel_height, kernel_width, channels, _ = layer.kernel.shape
    rows, columns = layer.y.shape[1:3]
    whole = layer.input_volume
    slices = (
        Volume(whole.height, whole.width, 1, padding=whole.padding),
        Volume(kernel_height, kernel_width, 1),
        Volume(rows, columns, 1),
        Volume(rows, columns, 1),
    )
    arrays = (layer.padded, layer.kernel[..., layer.n], layer.maps[0], layer.y[0, ..., layer.n, np.newaxis])
    titles = (
        f"input, M = {channels}\n{shape_text(layer.x.shape[1:])}",
        f"filter n = {layer.n}\n{shape_text(layer.kernel.shape[:3])}",
        f"{channels} map{'s' if channels > 1 else ''}\n{shape_text(layer.maps.shape[1:])}",
        f"their sum\n{shape_text((rows, columns, 1))}",
    )
    left = text_width(f"m = {channels}") + 0.12

    def widths(cell: float) -> list[float]:
        return [
            max(volume.at(0, 0, cell).right, text_width(title, TITLE, "bold"))
            for volume, title in zip(slices, titles, strict=True)
        ]

    available = WIDTH - 2 * MARGIN - left - 2 * SIGN - SUM
    largest = max(0.25, *(number_cell(number_texts(a[..., m])) for a in arrays for m in range(a.shape[-1])))
    cell = largest_cell(lambda size: sum(widths(size)), available, min(largest, 0.45))
    spare = (available - sum(widths(cell))) / 2
    numbered = all(number_size(number_texts(arrays[2][..., m]), cell) for m in range(channels))
    above = 0.0 if numbered else 0.2  # for the framed value, where the map has no numbers
    row_height = max(volume.rows + volume.depth for volume in slices) * cell + 0.3 + above
    shown: int = min(channels, max(1, int(DRAWN_HEIGHT / row_height)))

    starts = [MARGIN + left + spare]
    for width, gap in zip(widths(cell), (SIGN, SIGN, SUM), strict=False):
        starts.append(starts[-1] + width + gap)

    def placed(part: int, middle: float) -> Volume:
        volume = slices[part].at(0, 0, cell)
        x = starts[part] + (widths(cell)[part] - volume.right) / 2
        return volume.at(x, middle - (volume.top + volume.bottom) / 2, cell)

    blank = set()
    roles = ("input", "filter", "intermediate")
    for m in range(shown):
        middle = -m * row_height
        canvas.text(placed(0, middle).x - 0.12, placed(0, middle).inner[1], f"m = {m}", across="right")
        for part, (kind, role) in enumerate(zip(("input", "filter", "map"), roles, strict=True)):
            color = CHANNEL_HUES[m] if channels <= len(CHANNEL_HUES) else ROLES[role]
            volume = placed(part, middle)
            title = "" if numbered or kind != "map" else f"framed: {number_text(layer.sums[m])}"
            if not canvas.volume(f"{kind}-{m}", volume, color, number_texts(arrays[part][..., m]), title=title):
                blank.add(f"{kind}s" if kind != "input" else kind)
        canvas.frame(placed(0, middle), layer.patch_rows, layer.patch_columns)
        canvas.frame(placed(1, middle), range(kernel_height), range(kernel_width))
        canvas.frame(placed(2, middle), [layer.row], [layer.column])
        for part, sign in ((0, "∗"), (1, "=")):
            canvas.text(starts[part] + widths(cell)[part] + SIGN / 2, middle, sign, size=15)
        if m < shown - 1:
            canvas.text(placed(2, middle).inner[0], placed(2, middle).bottom - 0.13, "+", size=13)

    middle = -(shown - 1) * row_height / 2
    total = placed(3, middle)
    if not canvas.volume("sum", total, ROLES["output"], number_texts(arrays[3][..., 0])):
        blank.add("sum")
    canvas.frame(total, [layer.row], [layer.column])
    start = starts[2] + widths(cell)[2] + 0.12
    canvas.arrow((start, middle), (starts[3] - 0.12, middle))
    canvas.text((start + starts[3] - 0.12) / 2, middle + 0.08, "sum over m", size=SMALL, along="bottom")

    top = max(placed(part, 0).top for part in range(3)) + 0.1 + above
    if shown == 1:
        top = max(top, total.top + 0.1)
    for part, title in enumerate(titles[:3]):
        canvas.text(starts[part] + widths(cell)[part] / 2, top, title, size=TITLE, weight="bold", along="bottom")
    sum_x = starts[3] + widths(cell)[3] / 2
    canvas.text(sum_x, total.top + 0.1, titles[3], size=TITLE, weight="bold", along="bottom")

    lowest = [placed(part, -(shown - 1) * row_height) for part in range(3)]
    sizes = (("Dᵤ", whole.width, whole.height), ("Dᵣ", kernel_width, kernel_height), ("Dᵥ", columns, rows))
    for volume, (symbol, width, height) in zip(lowest, sizes, strict=True):
        canvas.labels(volume, Labels("", f"{symbol} = {width}" if width == height else f"{symbol} = {height}×{width}"))
    bottom = min([volume.bottom for volume in (*lowest, total)]) - 0.32
    if shown < channels:
        missing = number_text(layer.sums[shown:].sum())
        text = f"… and {channels - shown} more channels, whose maps add {missing} to the framed value"
        canvas.text(MARGIN, bottom, text, across="left", along="top")
        bottom -= 0.2
    canvas.text(MARGIN, bottom, f"framed: {layer.equation}", across="left", along="top")
    notes = []
    if whole.padding != ((0, 0), (0, 0)):
        notes.append("dotted: padding, zeros in every channel")
    if blank:
        notes.append(f"no numbers in {', '.join(sorted(blank))}: the cells are too small")
    if layer.rounded:
        notes.append("numbers are drawn rounded to two decimals, and were summed before rounding")
    for number, note in enumerate(notes, 1):
        canvas.text(MARGIN, bottom - 0.04 - 0.17 * number, note, size=SMALL, across="left", along="top")
    return shown


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
    if photograph is None:
        photograph = load_photograph()
    elif not isinstance(photograph, Photograph):
        photograph = Photograph(photograph, "a photograph of the caller's", False)
    pixels = photograph.pixels
    if filter is None:
        filter = np.stack([SOBEL_ACROSS, SOBEL_DOWN, LAPLACE], axis=-1)
    filter = array_from(name, "filter", filter, np.random.default_rng(0), 1)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise TypeError(f"{name}: photograph must be an array of uint8; got {getattr(pixels, 'dtype', type(pixels))}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 24 <= min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= 1024:
        raise ValueError(
            f"{name}: photograph must be (height, width, 3), 24 to 1024 pixels a side; got photograph {pixels.shape}"
        )
    if filter.ndim != 3 or filter.shape[2] != 3 or max(filter.shape[:2]) > 7:
        raise ValueError(f"{name}: filter must be (Dᵣ, Dᵣ, 3), Dᵣ at most 7, to draw; got filter {filter.shape}")
    x = pixels[np.newaxis].astype(np.int64)
    maps = per_channel_maps(x, filter)[0]  # (Dᵥ, Dᵥ, 3)
    total = maps.sum(axis=-1)  # (Dᵥ, Dᵥ)
    row, column = place_from(name, at, *total.shape)
    # a limit that a few strong edges do not set: 99 of 100 values have a grey of their own
    limits = [float(max(np.percentile(np.abs(a), 99), 1)) for a in (*np.moveaxis(maps, -1, 0), total)]
    with style():
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
        raise ValueError("per_channel_photograph: the filter's numbers are too long to draw")
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
