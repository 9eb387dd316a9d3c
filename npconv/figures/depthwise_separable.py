"""The article's Fig. 4: each channel filtered by its own filter, the maps mixed by N pointwise filters; one value."""

from collections.abc import Sequence
from dataclasses import replace

from ..kernels.geometry import Padding, Pair
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import BACK, MARGIN, ROLES, SMALL, TITLE, WIDTH, Canvas, Volume, number_cell, text_width
from .parts.separable_layer import Separable, separable_from, separable_row
from .parts.slabs import LINE, Block, Face, Part, Row, Stack, drawn_channels, hue_text, write_notes
from .parts.values import Given, number_text, number_texts, plural, shape_text, side_text

DEPTHWISE_HEIGHT = 3.8  # inches for the slices of the worked value
POINTWISE_HEIGHT = 2.6  # inches for its products
MOST_FRAMES = 64
FRAME_HEIGHT = 5.6  # inches for an animation's rows
SIGN = 0.24  # inches for a sign in the worked value
PLUS = 0.34  # inches between its terms


def depthwise_separable(
    *,
    x: Given = (1, 7, 7, 3),
    depthwise: Given = (3, 3, 3),
    pointwise: Given = (3, 4),
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The depthwise separable convolution: M channels, their filters and their maps; N pointwise filters; the output.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        depthwise: Q filters for each channel, (Dᵣ, Dᵣ, M·Q), or their shape: integers from −1 to 1.
        pointwise: N filters (M·Q, N), or their shape: −2, −1, 1 and 2.
        stride, padding, dilation: as in `npconv.depthwise_separable_conv2d`; padding is drawn as padding.
        at: the (row, column) in the output of the value that is worked out; its middle if None.
        seed: of the integers.

    Returns:
        Figure "depthwise-separable". Its data: input, depthwise, maps, pointwise and output as the kernels have them,
        and the worked value `at` in two steps: its patch (M, Dᵣ, Dᵣ) and the maps' `values` (M·Q,) there; then the
        `products` of these with pointwise filter 0, and their sum, the `value`. `drawn` says how much is drawn.

    Raises:
        TypeError, ValueError: as `npconv.depthwise_separable_conv2d`, and ValueError for what cannot be drawn: B above
            1, more than 32 rows or columns, numbers that are not finite or too long.

    Source: the article's Fig. 4.

    >>> figure = depthwise_separable(x=(1, 4, 5, 2), depthwise=(3, 3, 4), pointwise=(4, 8))
    >>> np.shape(figure.data["maps"]), np.shape(figure.data["output"])
    ((1, 2, 3, 4), (1, 2, 3, 8))
    """
    s = separable_from("depthwise_separable", x, depthwise, pointwise, stride, padding, dilation, at, seed)
    layer = s.layer
    with drawn_by("depthwise_separable", x=layer.x, depthwise=s.depthwise, pointwise=s.pointwise):
        canvas = Canvas()
        bottom = _draw_volumes(canvas, s)
        bottom, slices = _draw_depthwise_step(canvas, s, bottom - 0.26)
        bottom, products = _draw_pointwise_step(canvas, s, bottom - 0.2)
        figure = canvas.finish()
    sizes = [shape_text(a.shape[1:]) for a in (layer.x, s.filtered, layer.y)]
    side, maps, outputs = shape_text((*s.depthwise.shape[:2], 1)), *s.pointwise.shape
    drawn, filters = [c for row in s.drawn for c in row], s.drawn_filters
    left_out = [
        f"{maps - len(drawn)} of the {maps} depthwise filters and their maps" if len(drawn) < maps else "",
        f"{outputs - filters} of the pointwise filters" if filters < outputs else "",
        f"{maps - slices} of the worked value's slices" if slices < maps else "",
        "the numbers behind the front faces but for the patch",
        "a bias",
    ]
    return Figure(
        name="depthwise-separable",
        figure=figure,
        data={
            **s.data,
            "drawn": {"maps": drawn, "pointwise filters": filters, "slices": slices, "products": products},
        },
        alt=(
            f"An input of {sizes[0]} as {s.channels} separate slab{'s' if s.channels > 1 else ''}; {s.count} depthwise "
            f"filter{'s' if maps > 1 else ''} of {side}, and the maps of {sizes[1]} that they give, one for each; "
            f"N = {outputs} pointwise filter{'s' if outputs > 1 else ''} of 1×1×{maps}, and the output of {sizes[2]}. "
            "Below, one value in two steps: each channel's patch times its filter gives "
            f"{_listed(s.values.tolist())}; these times the weights of pointwise filter 0 add up: {s.equation}."
        ),
        caption=four_part_caption(
            claim=(
                f"A depthwise separable convolution takes {sizes[0]} to {sizes[2]} in two steps: every channel is "
                f"filtered by a filter of its own, {side}, and N = {outputs} pointwise filters of 1×1×{maps} mix the "
                "maps."
            ),
            computed=(
                "The maps are npconv.depthwise_conv2d's and the output is npconv.depthwise_separable_conv2d's, with "
                f"stride {stride}, padding {padding!r} and dilation {dilation}; nothing is flipped."
            ),
            scale=(
                f"All volumes have one scale, channels at half of it; {hue_text(s.channels)}; the front faces show the "
                "numbers of channel 0; indices count from 0."
            ),
            not_shown=f"Not shown: {', '.join(text for text in left_out if text)}.",
        ),
    )


def depthwise_separable_frames(
    *,
    x: Given = (1, 7, 7, 3),
    depthwise: Given = (3, 3, 3),
    pointwise: Given = (3, 4),
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> list[Figure]:
    """The depthwise separable convolution as an animation: a figure for each place, in reading order, of one size.

    In each the filters stand at one place of their channels, which have a row each. The maps and channel 0 of the
    output are filled up to that place, and white behind it.

    Args:
        x, depthwise, pointwise, stride, padding, dilation, seed: as in `depthwise_separable`.

    Returns:
        Figures "depthwise-separable". Their data: as that of `depthwise_separable`, with `until`, the place reached.

    Raises:
        TypeError, ValueError: as `depthwise_separable`, and ValueError above 64 places.

    Source: the article's Fig. 4.

    >>> frames = depthwise_separable_frames(x=(1, 3, 4, 1), depthwise=(2, 3, 1), pointwise=(1, 1))
    >>> [frame.data["until"] for frame in frames]
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    name = "depthwise_separable_frames"
    s = separable_from(name, x, depthwise, pointwise, stride, padding, dilation, None, seed)
    places = s.layer.places
    if len(places) > MOST_FRAMES:
        raise ValueError(
            f"{name}: too many steps to animate: {len(places)}, {MOST_FRAMES} at the most; "
            f"got x {s.layer.x.shape}, depthwise {s.depthwise.shape}"
        )
    with drawn_by(name, x=s.layer.x, depthwise=s.depthwise, pointwise=s.pointwise):
        cell = _frame_row(s, 0).cell(0.3)
    return [
        _frame(replace(s, layer=s.layer.moved(*place)), number, cell, (stride, padding, dilation))
        for number, place in enumerate(places, 1)
    ]


def _frame(s: Separable, shown: int, cell: float, geometry: tuple[Pair, Padding, Pair]) -> Figure:
    layer, maps = s.layer, s.depthwise.shape[-1]
    place = f"({layer.row}, {layer.column})"
    drawn = _frame_maps(s)
    with drawn_by("depthwise_separable", x=layer.x, depthwise=s.depthwise, pointwise=s.pointwise):
        canvas = Canvas()
        drawing = _frame_row(s, shown).draw(canvas, 0.0, cell)
        lines = [
            f"1. depthwise: at place {place} the {plural('map', maps)} "
            f"{'has the value' if maps == 1 else 'have the values'} {_listed(s.values.tolist())}",
            f"2. pointwise: these times {_listed(s.pointwise[:, 0].tolist())}, added up: {s.equation}",
        ]
        if len(drawn) < maps:
            rest = layer.sums.sum() - layer.sums[drawn].sum()
            lines.append(f"not drawn: {maps - len(drawn)} of the maps, which add {number_text(rest)} to this value")
        bottom = drawing.bottom - 0.06
        for line in lines:
            canvas.text(MARGIN, bottom, line, across="left", along="top")
            bottom -= LINE
        write_notes(canvas, [*s.notes(len(drawn)), *_number_notes(s, drawing.blank)], bottom)
        figure = canvas.finish()
    sizes = [shape_text(a.shape[1:]) for a in (layer.x, s.filtered, layer.y)]
    stride, padding, dilation = geometry
    return Figure(
        name="depthwise-separable",
        figure=figure,
        data={**s.data, "until": [layer.row, layer.column], "drawn": {"maps": drawn}},
        alt=(
            f"Rows, one for each channel of an input of {sizes[0]}, with its filter framed at place {place}, and its "
            f"map, filled up to there: {_listed(s.values.tolist())}. The weights of pointwise filter 0 mix the maps "
            f"to channel 0 of the output, {s.equation}."
        ),
        caption=four_part_caption(
            claim=(
                f"At place {place} each channel's filter gives one value of its own map, and one pointwise filter "
                "makes one value of the output of them."
            ),
            computed=(
                "The maps are npconv.depthwise_conv2d's and the output is npconv.depthwise_separable_conv2d's, with "
                f"stride {stride}, padding {padding!r} and dilation {dilation}."
            ),
            scale=f"All slices have one scale; {hue_text(s.channels)}; what is still to come is white; indices from 0.",
            not_shown=(
                f"Not shown: {f'{maps - len(drawn)} of the maps, ' if len(drawn) < maps else ''}"
                f"the other channels of {sizes[2]}, a bias."
            ),
        ),
    )


def _frame_maps(s: Separable) -> list[int]:
    """The maps that have a row in an animation."""
    return drawn_channels(s.depthwise.shape[-1], 3)


def _frame_row(s: Separable, shown: int) -> Row:
    """A row of slices for each map: channel, filter, map and weight; and the output's channel 0."""
    layer, (height, width, maps), drawn = s.layer, s.depthwise.shape, _frame_maps(s)
    rows, columns = layer.y.shape[1:3]
    source, one = replace(layer.input_volume, channels=1), Volume(1, 1, 1)
    here = ([layer.row], [layer.column])
    least = max(source.rows, rows, height) + BACK[1]

    def column(name: str, volume: Volume, role: str, faces: Sequence[Face]) -> list[list[Stack]]:
        return [
            [Stack((Part(f"{name}-{c}", volume, s.color(c, role), s.label(c) if role == "input" else "", face),))]
            for c, face in zip(drawn, faces, strict=True)
        ]

    patch = (layer.patch_rows, layer.patch_columns)
    inputs = [Face(number_texts(layer.padded[..., c // s.multiplier]), frame=patch) for c in drawn]
    filters = [Face(number_texts(s.depthwise[..., c])) for c in drawn]
    results = [Face(number_texts(s.filtered[0, ..., c]), shown, here) for c in drawn]
    weights = [Face([[number_text(s.pointwise[c, 0])]]) for c in drawn]
    total = Part(
        "output", Volume(rows, columns, 1), ROLES["output"], face=Face(number_texts(layer.y[0, ..., 0]), shown, here)
    )
    sides = side_text("Dᵥ", rows, columns)
    blocks = (
        Block(
            "input",
            f"input\n{shape_text(layer.x.shape[1:])}",
            column("input", source, "input", inputs),
            side_text("Dᵤ", *layer.x.shape[1:3]),
            least=least,
        ),
        Block(
            "filters",
            f"{s.count} depthwise\n{plural('filter', maps)} {shape_text((height, width, 1))}",
            column("filter", Volume(height, width, 1), "filter", filters),
            side_text("Dᵣ", height, width),
            least=least,
        ),
        Block(
            "maps",
            f"{s.count} {plural('map', maps)}\n{shape_text(s.filtered.shape[1:])}",
            column("map", Volume(rows, columns, 1), "intermediate", results),
            sides,
            least=least,
        ),
        Block("weights", "pointwise\nfilter n = 0", column("weight", one, "filter", weights), least=least),
        Block("output", f"output n = 0\n{shape_text((rows, columns, 1))}", [[Stack((total,))]], sides),
    )
    return Row(blocks, ("∗", "=", "×", "Σ ="), FRAME_HEIGHT)


def _listed(numbers: Sequence[float], most: int = 8) -> str:
    text = ", ".join(number_text(number) for number in numbers[:most])
    return text if len(numbers) <= most else f"{text} and {len(numbers) - most} more"


def _draw_volumes(canvas: Canvas, s: Separable) -> float:
    """Input, filters, maps, pointwise filters and output in a row; its lower edge."""
    layer = s.layer
    faces = (layer.padded[..., 0], s.filtered[0, ..., 0], layer.y[0, ..., 0], s.depthwise[..., 0])
    row = separable_row(s)
    drawing = row.draw(canvas, 0.0, row.cell(min(0.45, max(0.3, *(number_cell(number_texts(a)) for a in faces)))))
    notes = [*s.volume_notes, *_number_notes(s, drawing.blank)]
    return write_notes(canvas, notes, drawing.bottom)


def _number_notes(s: Separable, blank: Sequence[str]) -> list[str]:
    notes = []
    if blank:
        notes.append(f"no numbers on {', '.join(blank)}: the cells are too small")
    if s.rounded:
        notes.append("numbers are drawn rounded to two decimals, and were summed before rounding")
    return notes


def _draw_depthwise_step(canvas: Canvas, s: Separable, top: float) -> tuple[float, int]:
    """Every channel's slice of the patch times its filter, and the map's value; the lower edge, and how many."""
    height, width, maps = s.depthwise.shape
    patch = [number_texts(s.layer.patch[..., c // s.multiplier]) for c in range(maps)]
    filters = [number_texts(s.depthwise[..., c]) for c in range(maps)]
    values = [[[number_text(value)]] for value in s.values]
    cell, value_cell = (max(map(number_cell, texts)) for texts in (patch + filters, values))
    equals = text_width("Σ =") + 0.14
    term = 2 * width * cell + SIGN + equals + value_cell
    per_row = max(1, int((WIDTH - 2 * MARGIN + PLUS) / (term + PLUS)))
    row_height = LINE + max(height * cell, value_cell) + 0.1
    shown = min(maps, per_row * max(1, int(DEPTHWISE_HEIGHT / row_height)))
    title = "1. depthwise: each channel's patch times its own filter, cell by cell, and the sum Σ of that"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    top -= 0.27
    for first in range(0, shown, per_row):
        row = range(first, min(first + per_row, shown))
        x = (WIDTH - min(per_row, shown) * (term + PLUS) + PLUS) / 2
        for c in row:
            y = top - LINE
            middle = y - max(height * cell, value_cell) / 2
            canvas.text(x + width * cell + SIGN / 2, top, s.label(c), size=SMALL, along="top")
            left = x
            for name, texts, role in (("patch", patch[c], "input"), ("slice", filters[c], "filter")):
                volume = Volume(height, width, 0).at(left, middle + height * cell / 2, cell)
                canvas.volume(f"{name}-{c}", volume, s.color(c, role), texts)
                left = volume.right + SIGN
            canvas.text(x + width * cell + SIGN / 2, middle, "×", size=TITLE)
            canvas.text(left - SIGN + equals / 2, middle, "Σ =")
            value = Volume(1, 1, 0).at(left - SIGN + equals, middle + value_cell / 2, value_cell)
            canvas.volume(f"value-{c}", value, s.color(c, "intermediate"), values[c])
            x += term + PLUS
        top -= row_height
    if shown < maps:
        rest = number_text(s.layer.sums[shown:].sum())
        text = f"… and {maps - shown} more in the same way, whose values times their weights add {rest} in step 2"
        canvas.text(WIDTH / 2, top, text, along="top")
        top -= LINE
    return top, shown


def _draw_pointwise_step(canvas: Canvas, s: Separable, top: float) -> tuple[float, int]:
    """Each map's value times its weight in filter 0, and their sum; the lower edge, and how many products."""
    maps = s.depthwise.shape[-1]
    values = [[[number_text(value)]] for value in s.values]
    weights = [[[number_text(weight)]] for weight in s.pointwise[:, 0]]
    products = [f"= {number_text(product)}" for product in s.layer.sums]
    cell = max(number_cell(texts) for texts in [*values, *weights, [[s.layer.value]]])
    term = max([2 * cell + SIGN, *(text_width(s.label(c), SMALL) for c in range(maps))])
    per_row = max(1, int((WIDTH - 2 * MARGIN - cell) / (term + PLUS)))
    row_height = LINE + cell + LINE + 0.08
    shown = min(maps, per_row * max(1, int(POINTWISE_HEIGHT / row_height)))
    title = "2. pointwise: the maps' values times the weights of filter n = 0, and their sum"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    top -= 0.27
    x = 0.0
    for first in range(0, shown, per_row):
        row = range(first, min(first + per_row, shown))
        x = (WIDTH - min(per_row, shown) * (term + PLUS) - cell) / 2
        y = top - LINE
        for c in row:
            left = x + (term - 2 * cell - SIGN) / 2
            canvas.text(x + term / 2, top, s.label(c), size=SMALL, along="top")
            for name, texts, role in (("factor", values[c], "intermediate"), ("weight", weights[c], "filter")):
                canvas.volume(f"{name}-{c}", Volume(1, 1, 0).at(left, y, cell), s.color(c, role), texts)
                left += cell + SIGN
            canvas.text(x + term / 2, y - cell / 2, "×", size=TITLE)
            canvas.text(x + term / 2, y - cell - 0.03, products[c], size=SMALL, along="top")
            x += term + PLUS
            canvas.text(x - PLUS / 2, y - cell / 2, "+" if c < maps - 1 else "=", size=TITLE)
        top -= row_height
    if shown == maps:
        canvas.volume("sum", Volume(1, 1, 0).at(x, top + row_height - LINE, cell), ROLES["output"], [[s.layer.value]])
    else:
        rest = number_text(s.layer.sums[shown:].sum())
        canvas.text(WIDTH / 2, top, f"… and {maps - shown} more products, which add up to {rest}", along="top")
        top -= LINE
    canvas.text(WIDTH / 2, top, s.equation, along="top")
    return top - LINE, shown
