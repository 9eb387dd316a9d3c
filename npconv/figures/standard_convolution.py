"""The article's Fig. 1: an input volume, N filters, the output volume; and one value of it worked out by hand."""

from ..kernels.geometry import Padding, Pair
from .drawing import (
    LABEL_GAP,
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
    text_width,
)
from .figure import Figure, four_part_caption, style
from .layer import Layer, layer_from
from .values import Given, number_text, number_texts, shape_text

MOST_FILTERS = 4
WORKED_HEIGHT = 10.0  # inches for the slices of the worked value
SIGN = 0.42  # inches for a sign between blocks
GAP = 0.16  # inches between neighbours


def standard_convolution(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The standard convolution as volumes: input, N filters, output, and one value with all that makes it.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        stride, padding, dilation: as in `npconv.conv2d`; padding is drawn as padding.
        at: the (row, column) in the output of the value that is worked out; its middle if None.
        seed: of the integers.

    Returns:
        Figure "standard-convolution". Its data: input, kernel and output as conv2d has them, the worked value `at`,
        its patch (M, Dᵣ, Dᵣ), its `sums` by channel, and how many filters, channels and slices are drawn.

    Raises:
        TypeError, ValueError: as `npconv.conv2d`, and ValueError for what cannot be drawn: B above 1, more than 32
            rows or columns, numbers that are not finite or too long.

    Source: the article's Fig. 1.

    >>> figure = standard_convolution(x=(1, 4, 5, 2), kernel=(3, 3, 2, 8))
    >>> np.shape(figure.data["output"])
    (1, 2, 3, 8)
    """
    layer = layer_from("standard_convolution", x, kernel, stride, padding, dilation, at, seed)
    with style():
        canvas = Canvas()
        bottom, notes = _draw_volumes(canvas, layer)
        bottom, slices = _draw_worked_value(canvas, layer, bottom - 0.3)
        if layer.rounded:
            notes.append("numbers are drawn rounded to two decimals, and were summed before rounding")
        for number, note in enumerate(notes):
            canvas.text(MARGIN, bottom - 0.12 - 0.17 * number, note, size=SMALL, across="left", along="top")
        figure = canvas.finish()
    _, _, channels, filters = layer.kernel.shape
    input_size, output_size = shape_text(layer.x.shape[1:]), shape_text(layer.y.shape[1:])
    filter_size = shape_text(layer.kernel.shape[:3])
    drawn_filters = min(filters, MOST_FILTERS)
    filter_count = f"{filters} filter{'s' if filters > 1 else ''}"
    return Figure(
        name="standard-convolution",
        figure=figure,
        data={
            "input": layer.x.tolist(),
            "kernel": layer.kernel.tolist(),
            "output": layer.y.tolist(),
            "at": [layer.row, layer.column],
            "patch": layer.patch.transpose(2, 0, 1).tolist(),
            "sums": layer.sums.tolist(),
            "value": layer.y[0, layer.row, layer.column, layer.n].item(),
            "drawn": {
                "filters": drawn_filters,
                "input channels": layer.input_volume.drawn_channels,
                "output channels": layer.output_volume.drawn_channels,
                "slices": slices,
            },
        },
        alt=(
            f"An input volume of {input_size} numbers and {filter_count} of {filter_size} give an output volume of "
            f"{output_size}. Framed are a patch of the input, the first filter and one value of the output. Below, "
            f"{_slices(slices, channels)} of the patch beside the filter's, with the sums of their products: "
            f"{layer.equation}."
        ),
        caption=four_part_caption(
            claim=(
                f"A standard convolution takes {input_size} to {output_size} with N = {filter_count} of "
                f"{filter_size}: a filter spans all M = {channels} channels, and one place of it gives one value."
            ),
            computed=(
                "The output and the summands of the framed value are npconv.conv2d's and npconv.per_channel_maps', "
                f"with stride {stride}, padding {padding!r} and dilation {dilation}; nothing is flipped."
            ),
            scale=(
                "All volumes have one scale, channels at half of it; a front face shows channel 0; indices count "
                "from 0."
            ),
            not_shown=(
                "Not shown: the numbers behind the front faces but for the patch, "
                + (f"{filters - drawn_filters} of the filters, " if filters > drawn_filters else "")
                + "a bias."
            ),
        ),
    )


def _draw_volumes(canvas: Canvas, layer: Layer) -> tuple[float, list[str]]:
    """Input, filters and output in a row; the lower edge of it all, and what has to be said about it."""
    kernel_height, kernel_width, channels, filters = layer.kernel.shape
    source, result = layer.input_volume, layer.output_volume
    one_filter = Volume(kernel_height, kernel_width, channels)
    source_labels = Labels(f"Dᵤ = {source.height}", f"Dᵤ = {source.width}", f"M = {channels}")
    filter_labels = Labels(f"Dᵣ = {kernel_height}", f"Dᵣ = {kernel_width}", f"M = {channels}")
    result_labels = Labels(f"Dᵥ = {result.height}", f"Dᵥ = {result.width}", f"N = {filters}")
    drawn = min(filters, MOST_FILTERS)
    grid_columns = 1 if drawn <= 2 else 2
    grid_rows = -(-drawn // grid_columns)
    titles = (
        f"input volume\n{shape_text(layer.x.shape[1:])}",
        f"N = {filters} filter{'s' if filters > 1 else ''}\n{shape_text(layer.kernel.shape[:3])}",
        f"output volume\n{shape_text(layer.y.shape[1:])}",
    )
    more = f"… and {filters - drawn} more" if filters > drawn else ""

    def bodies(cell: float) -> list[float]:
        """The widths of the three blocks without their labels at the left."""
        step = max(one_filter.at(0, 0, cell).right, text_width(f"n = {drawn}", SMALL)) + GAP
        return [
            source_labels.right(source.at(0, 0, cell)),
            step * (grid_columns - 1) + filter_labels.right(one_filter.at(0, 0, cell)),
            result_labels.right(result.at(0, 0, cell)),
        ]

    lefts = [source_labels.left, filter_labels.left, result_labels.left]
    least = [text_width(title, TITLE, "bold") for title in titles]

    def widths(cell: float) -> list[float]:
        return [max(left + body, title) for left, body, title in zip(lefts, bodies(cell), least, strict=True)]

    available = WIDTH - 2 * MARGIN - 2 * SIGN
    largest = max(0.3, *(number_cell(number_texts(a)) for a in (layer.padded[..., 0], layer.y[0, ..., 0])))
    cell = largest_cell(lambda size: sum(widths(size)), available, min(largest, 0.45))
    free = available - sum(widths(cell))
    sign = SIGN + free / 4  # what is left over goes to the signs and to both ends
    starts = [MARGIN + free / 4]
    for width in widths(cell)[:2]:
        starts.append(starts[-1] + width + sign)
    insets = [
        start + (width - left - body) / 2 + left
        for start, width, left, body in zip(starts, widths(cell), lefts, bodies(cell), strict=True)
    ]

    source = _centred(source, insets[0], cell)
    result = _centred(result, insets[2], cell)
    step_x = max(one_filter.at(0, 0, cell).right, text_width(f"n = {drawn}", SMALL)) + GAP
    height = one_filter.at(0, 0, cell).top - one_filter.at(0, 0, cell).bottom
    step_y = height + SMALL * 1.2 / 72 + GAP + 0.04
    top_y = one_filter.at(0, 0, cell).top + (step_y * (grid_rows - 1) + height) / 2 - 2 * one_filter.at(0, 0, cell).top
    placed = [
        one_filter.at(insets[1] + step_x * (n % grid_columns), top_y - step_y * (n // grid_columns), cell)
        for n in range(drawn)
    ]

    blank = [] if canvas.volume("input", source, ROLES["input"], number_texts(layer.padded[..., 0])) else ["input"]
    canvas.labels(source, source_labels)
    canvas.frame(source, layer.patch_rows, layer.patch_columns)
    fits = True
    for n, volume in enumerate(placed):
        fits &= canvas.volume(
            f"filter-{n}", volume, ROLES["filter"], number_texts(layer.kernel[..., 0, n]), title=f"n = {n}"
        )
    blank += [] if fits else ["filters"]
    corner = placed[(grid_rows - 1) * grid_columns]
    canvas.labels(corner, Labels(filter_labels.height, filter_labels.width, ""))
    canvas.labels(placed[-1], Labels("", "", filter_labels.depth))
    canvas.frame(placed[0], range(kernel_height), range(kernel_width))
    blank += [] if canvas.volume("output", result, ROLES["output"], number_texts(layer.y[0, ..., 0])) else ["output"]
    canvas.labels(result, result_labels)
    canvas.frame(result, [layer.row], [layer.column])

    line = 9 * 1.4 / 72
    bottom = min(source.bottom, corner.bottom, result.bottom) - LABEL_GAP - line
    top = max(source.top, placed[0].top + line, result.top) + 0.14
    for start, width, title in zip(starts, widths(cell), titles, strict=True):
        canvas.text(start + width / 2, top, title, size=TITLE, weight="bold", along="bottom")
    for text, end in (("∗", 0), ("=", 1)):
        canvas.text(starts[end] + widths(cell)[end] + sign / 2, 0, text, size=16)
    if more:
        under = (insets[1] + bodies(cell)[1] / 2, corner.bottom - LABEL_GAP - line - 0.04)
        canvas.text(*under, more, along="top")
        bottom = min(bottom, under[1] - line)

    notes = []
    if source.padding != ((0, 0), (0, 0)):
        notes.append("dotted: padding, zeros in every channel")
    for name, volume in (("input", source), ("filters", placed[0]), ("output", result)):
        if volume.drawn_channels < volume.channels:
            notes.append(
                f"{name}: {volume.drawn_channels} of {volume.channels} channels are drawn, the last behind a gap"
            )
    if blank:
        notes.append(f"no numbers on the front of {', '.join(blank)}: the cells are too small")
    return bottom, notes


def _slices(shown: int, channels: int) -> str:
    if channels == 1:
        return "the slice"
    return f"all {channels} slices" if shown == channels else f"{shown} of the {channels} slices"


def _centred(volume: Volume, x: float, cell: float) -> Volume:
    """The volume in its place, its middle at height 0."""
    placed = volume.at(x, 0, cell)
    return volume.at(x, -(placed.top + placed.bottom) / 2, cell)


def _draw_worked_value(canvas: Canvas, layer: Layer, top: float) -> tuple[float, int]:
    """Every slice of the patch beside that of the filter, and the sum; the lower edge, and the slices drawn."""
    patch, filter = layer.patch, layer.kernel[..., layer.n]  # (Dᵣ, Dᵣ, M), (Dᵣ, Dᵣ, M)
    height, width, channels = filter.shape
    slices = [(number_texts(patch[..., m]), number_texts(filter[..., m])) for m in range(channels)]
    sums = [f"Σ = {number_text(number)}" for number in layer.sums]
    cell = max(number_cell(texts) for pair in slices for texts in pair)
    between, line = 0.24, SMALL * 1.3 / 72
    pair_width = 2 * width * cell + between
    term = max(pair_width, *(text_width(text, SMALL) for text in sums), text_width(f"m = {channels}", SMALL))
    plus = 0.32
    per_row = max(1, int((WIDTH - 2 * MARGIN) / (term + plus)))
    row_height = line + height * cell + line + 0.16
    shown = min(channels, per_row * max(1, int(WORKED_HEIGHT / row_height)))

    canvas.text(
        WIDTH / 2,
        top,
        f"the framed value: {_slices(shown, channels)} of the patch times {'that' if channels == 1 else 'those'} of "
        "filter 0",
        size=TITLE,
        weight="bold",
        along="top",
    )
    y = top - 0.28
    for first in range(0, shown, per_row):
        row = range(first, min(first + per_row, shown))
        x = (WIDTH - len(row) * term - (len(row) - 1) * plus) / 2
        for m in row:
            left = x + (term - pair_width) / 2
            patch_slice = Volume(height, width, 0).at(left, y - line, cell)
            filter_slice = Volume(height, width, 0).at(left + width * cell + between, y - line, cell)
            middle = y - line - height * cell / 2
            canvas.text(x + term / 2, y, f"m = {m}", size=SMALL, along="top")
            canvas.volume(f"patch-slice-{m}", patch_slice, ROLES["input"], slices[m][0])
            canvas.text(left + width * cell + between / 2, middle, "×", size=TITLE)
            canvas.volume(f"filter-slice-{m}", filter_slice, ROLES["filter"], slices[m][1])
            canvas.text(x + term / 2, patch_slice.bottom - 0.03, sums[m], size=SMALL, along="top")
            if m < channels - 1:
                canvas.text(x + term + plus / 2, middle, "+", size=TITLE)
            x += term + plus
        y -= row_height
    if shown < channels:
        rest = number_text(layer.sums[shown:].sum())
        canvas.text(WIDTH / 2, y, f"… and {channels - shown} more slices, whose sums add up to {rest}", along="top")
        y -= 0.22
    canvas.text(WIDTH / 2, y, layer.equation, along="top")
    return y - 0.16, shown
