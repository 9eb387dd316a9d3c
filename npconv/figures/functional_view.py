"""The article's Fig. 2: the filter steps over the input, and at every step patch times filter, summed, is one value."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.geometry import Padding, Pair
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    BACK,
    FRONT_UNDER_NUMBERS,
    LABEL_GAP,
    MARGIN,
    ROLES,
    SMALL,
    SMALLEST,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    Volume,
    number_cell,
    number_size,
    shade,
    text_width,
)
from .parts.layer import Layer, layer_from
from .parts.terms import Part, Terms, rest_text, slices_text
from .parts.values import ROUNDED, Given, geometry_text, number_texts, place_from, sum_text, widest_texts
from .parts.volumes import Group, draw_groups

NAME = "functional_view"
MOST_STEPS = 64  # in an animation
VOLUMES_HEIGHT = 3.6  # inches for the volumes of the upper row
STEP_FACE = (1.12, 1.2)  # inches for a small input face: width, height
HEIGHT = 13.0  # inches for all
BESIDES = 1.3  # inches for margins, gaps and lines above and below the slices
NOTE = 0.17  # inches for a note
Place = tuple[int, int]


def functional_view(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    n: int = 0,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: Place | None = None,
    seed: int = 0,
    until: Place | None = None,
) -> Figure:
    """The first reading of a convolution: a filter steps over the input, each step an inner product, one value.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        n: which of the filters steps. By default all is as in `standard_convolution`.
        stride, padding, dilation: as in `npconv.conv2d`; padding is drawn as padding.
        at: the (row, column) in the output of the value that is worked out; its middle if None.
        seed: of the integers.
        until: for one frame of an animation, the (row, column) of the value that is just made: it is worked out, those
            that come later in reading order are blank, and the row of small steps is left out. All frames of a layer
            have one size, and everything but the frames stays where it is.

    Returns:
        Figure "functional-view". Its data: `input`, `filter` (Dᵣ, Dᵣ, M) and `output` (1, Dᵥ, Dᵥ), which is channel n
        of conv2d's, the value `at`, its `patch` and `products` (M, Dᵣ, Dᵣ) with their `sums`, `until`, and the `steps`
        drawn small, each with the rows and columns of the padded input that it reads.

    Raises:
        TypeError, ValueError: as `npconv.conv2d`, and ValueError for what cannot be drawn: B above 1, more than 32
            rows or columns, numbers that are not finite, numbers or slices too large, `at` other than `until`.

    Source: the article's Fig. 2.

    >>> figure = functional_view(x=(1, 4, 5, 2), kernel=(3, 3, 2, 1))
    >>> np.shape(figure.data["products"]), np.shape(figure.data["output"])
    ((2, 3, 3), (1, 2, 3))
    """
    layer = layer_from(NAME, x, kernel, stride, padding, dilation, at, seed, n)
    if until is None:
        return _view(layer, geometry_text(stride, padding, dilation), None)
    place = place_from(NAME, until, *layer.geometry.output[1:], name="until")
    if at is not None and place != (layer.row, layer.column):
        raise ValueError(f"{NAME}: at must be None or equal to until; got at {at!r}, until {until!r}")
    return _view(layer.moved(*place), geometry_text(stride, padding, dilation), place)


def functional_view_frames(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    n: int = 0,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> list[Figure]:
    """`functional_view` as an animation: a figure for each output value, in reading order, all of one size.

    Args:
        x, kernel, n, stride, padding, dilation, seed: as in `functional_view`.

    Raises:
        TypeError, ValueError: as `functional_view`, and ValueError above 64 output values.

    Source: the article's Fig. 2.

    >>> [frame.data["until"] for frame in functional_view_frames(x=(1, 3, 4, 1), kernel=(2, 3, 1, 1))]
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    layer = layer_from(f"{NAME}_frames", x, kernel, stride, padding, dilation, None, seed, n)
    places = layer.places
    if len(places) > MOST_STEPS:
        raise ValueError(
            f"{NAME}_frames: too many steps to animate: {len(places)}, {MOST_STEPS} at the most; "
            f"got x {layer.x.shape}, kernel {layer.kernel.shape}"
        )
    return [_view(layer.moved(*place), geometry_text(stride, padding, dilation), place) for place in places]


def _view(layer: Layer, how: str, until: Place | None) -> Figure:
    steps = [] if until else _steps(layer)
    with drawn_by(NAME, x=layer.x, kernel=layer.kernel):
        canvas = Canvas()
        top, bottom, notes = _draw_volumes(canvas, layer, until)
        if layer.rounded:
            notes.append(ROUNDED)
        if steps:
            bottom = _draw_steps(canvas, layer, steps, bottom - 0.3)
        room = HEIGHT - (top - bottom) - BESIDES - _value_cell(layer) - NOTE * len(notes)
        bottom, shown = _draw_sum(canvas, layer, bottom - 0.3, room, until)
        for number, note in enumerate(notes):
            canvas.text(MARGIN, bottom - 0.12 - NOTE * number, note, size=SMALL, across="left", along="top")
        figure = canvas.finish()
    return Figure(
        name="functional-view",
        figure=figure,
        data=_data(layer, steps, shown, until),
        alt=_alt(layer, steps, shown, until),
        caption=_caption(layer, how, shown, notes, until),
    )


def _data(layer: Layer, steps: Sequence[Layer], shown: int, until: Place | None) -> dict[str, Any]:
    return {
        "input": layer.x.tolist(),
        "filter": layer.filter.tolist(),
        "output": layer.y[..., layer.n].tolist(),
        "at": [layer.row, layer.column],
        "until": list(until) if until else None,
        "patch": layer.patch.transpose(2, 0, 1).tolist(),
        "products": layer.products.transpose(2, 0, 1).tolist(),
        "sums": layer.sums.tolist(),
        "value": layer.y[0, layer.row, layer.column, layer.n].item(),
        "steps": [
            {
                "at": [step.row, step.column],
                "rows": step.patch_rows,
                "columns": step.patch_columns,
                "value": step.y[0, step.row, step.column, step.n].item(),
            }
            for step in steps
        ],
        "drawn": {"input channels": layer.input_volume.drawn_channels, "slices": shown},
    }


def _caption(layer: Layer, how: str, shown: int, notes: Sequence[str], until: Place | None) -> str:
    channels, filters = layer.kernel.shape[2:]
    return four_part_caption(
        claim=(
            "A filter steps over the rows and columns of the input; at each step the patch under it, of all M = "
            f"{channels} channel{'s' if channels > 1 else ''}, times the filter and summed, is one value of the output."
        ),
        computed=(
            f"The output and the sums of the slices are npconv.conv2d's and npconv.per_channel_maps', with {how}; "
            "nothing is flipped."
        ),
        scale=(
            "The volumes have one scale, channels at half of it; the front of input and filter is channel 0; indices "
            f"count from 0{''.join(f'; {note}' for note in notes)}."
        ),
        not_shown=(
            "Not shown: "
            + ("the numbers behind the front of the input, but for the patch; " if channels > 1 else "")
            + (f"{channels - shown} of the {channels} slices, which the sum has; " if shown < channels else "")
            + ("the values still to come; " if until and until != layer.places[-1] else "")
            + (f"the other {filters - 1} of the N filters; " if filters > 1 else "")
            + "a bias."
        ),
    )


def _alt(layer: Layer, steps: Sequence[Layer], shown: int, until: Place | None) -> str:
    count = len(layer.places)
    text = (
        f"An input volume of {shape_text(layer.x.shape[1:])} with the patch under the filter framed, filter {layer.n} "
        f"of {shape_text(layer.kernel.shape[:3])}, and channel {layer.n} of the output, "
        f"{shape_text(layer.y.shape[1:3])}, with the value at row {layer.row}, column {layer.column} framed"
    )
    text += f"; it is step {_number(layer)} of {count}, and later values are blank. " if until else ". "
    if steps:
        values = ", ".join(f"{_number(step)} gives {step.value}" for step in steps)
        text += f"Then the input's face with the frame at some of the {count} steps: {values}. "
    return text + (
        f"At the bottom {slices_text(shown, len(layer.sums))} of the patch times the filter's, with every product, and "
        f"their sums: {layer.equation}."
    )


def _number(layer: Layer) -> int:
    """Which step makes the value, counted from 1."""
    return layer.places.index((layer.row, layer.column)) + 1


def _steps(layer: Layer) -> list[Layer]:
    """The steps drawn small: the first two, the end of a row and what follows, and the worked one; none if alone."""
    columns = layer.y.shape[2]
    wanted = {0, 1, columns - 1, columns, _number(layer) - 1}
    steps = [layer.moved(*place) for number, place in enumerate(layer.places) if number in wanted]
    return steps if len(steps) > 1 else []


def _draw_volumes(canvas: Canvas, layer: Layer, until: Place | None) -> tuple[float, float, list[str]]:
    """Input, filter and one channel of the output in a row; as `draw_groups`."""
    height, width, channels, _ = layer.kernel.shape
    _, rows, columns, _ = layer.y.shape
    source = layer.input_volume
    volumes = source, Volume(height, width, channels), Volume(rows, columns, 1)
    faces = [number_texts(a) for a in (layer.padded[..., 0], layer.filter[..., 0], layer.y[0, ..., layer.n])]
    focuses = (layer.patch_rows, layer.patch_columns), (range(height), range(width)), ([layer.row], [layer.column])
    titles = (
        f"input volume\n{shape_text(layer.x.shape[1:])}",
        f"filter n = {layer.n}\n{shape_text(layer.kernel.shape[:3])}",
        f"output, channel n = {layer.n}\n{shape_text((rows, columns, 1))}",
    )
    labels = (
        Labels(f"Dᵤ = {source.height}", f"Dᵤ = {source.width}", f"M = {channels}"),
        Labels(f"Dᵣ = {height}", f"Dᵣ = {width}", f"M = {channels}"),
        Labels(f"Dᵥ = {rows}", f"Dᵥ = {columns}"),
    )
    later = {place for place in layer.places if place > until} if until else None
    groups = [
        Group(role, title, role, volume, label, [face], focus, later=later if role == "output" else None)
        for role, title, volume, label, face, focus in zip(
            ("input", "filter", "output"), titles, volumes, labels, faces, focuses, strict=True
        )
    ]
    highest = max(volume.rows + volume.depth * BACK[1] for volume in volumes)
    largest = min(0.55, max(0.3, *(number_cell(face) for face in faces)), VOLUMES_HEIGHT / highest)
    return draw_groups(canvas, groups, "∗=", largest)


def _draw_steps(canvas: Canvas, layer: Layer, steps: Sequence[Layer], top: float) -> float:
    """The input's face again at some steps, each with the value it gives; the lower edge."""
    face = layer.input_volume
    face = Volume(face.height, face.width, 0, face.padding)
    cell = min(0.11, STEP_FACE[0] / face.columns, STEP_FACE[1] / face.rows)
    pitch = (WIDTH - 2 * MARGIN) / 5
    title = f"the filter steps over the input, row by row: {len(layer.places)} steps, {len(layer.places)} values"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    line = SMALL * 1.3 / 72
    y, low = top - 0.28, top - 0.28 - line - 0.04 - face.rows * cell
    texts = [f"{step.value_name} = {step.value}" for step in steps]
    if max(text_width(text, SMALL) for text in texts) > pitch - 0.1:
        texts = [text.replace(" = ", "\n= ") for text in texts]
    for i, (step, text) in enumerate(zip(steps, texts, strict=True)):
        x = WIDTH / 2 + (i - (len(steps) - 1) / 2) * pitch
        place = face.at(x - face.columns * cell / 2, low + face.rows * cell, cell)
        is_worked = (step.row, step.column) == (layer.row, layer.column)
        canvas.text(x, y, f"step {_number(step)}{', as above' if is_worked else ''}", size=SMALL, along="top")
        canvas.volume(f"step-{_number(step)}", place, ROLES["input"])
        canvas.frame(place, step.patch_rows, step.patch_columns)
        canvas.text(x, low - LABEL_GAP, text, size=SMALL, along="top")
        if i + 1 < len(steps):
            middle = x + pitch / 2, (place.y + low) / 2
            _draw_move(canvas, step, steps[i + 1], middle, (pitch - face.columns * cell) / 2 - 0.1)
    return low - LABEL_GAP - line * (1 + texts[0].count("\n"))


def _draw_move(canvas: Canvas, step: Layer, after: Layer, middle: tuple[float, float], half: float) -> None:
    """An arrow from a step to the next one with its stride, or dots where others lie between."""
    x, y = middle
    if _number(after) > _number(step) + 1:
        canvas.text(x, y, "…", size=TITLE)
        return
    along_row = after.row == step.row
    stride = (step.geometry.width if along_row else step.geometry.height).stride
    canvas.arrow((x - half, y), (x + half, y))
    canvas.text(x, y + 0.07, f"s = {stride}", size=SMALL, along="bottom")
    canvas.text(x, y - 0.07, "right" if along_row else "down", size=SMALL, along="top")


def _terms(layer: Layer, height: float) -> Terms:
    """Patch, filter and product for each channel, their numbers of a size that fits every patch of the layer.

    Raises ValueError where a row of them is higher than that.
    """
    channels = len(layer.sums)
    taps = layer.geometry.taps(layer.geometry.pad(layer.x))
    everywhere = np.stack([tap * layer.filter[i, j] for i, j, tap in taps])  # (Dᵣ·Dᵣ, 1, Dᵥ, Dᵥ, M)
    parts = [
        Part(name, role, [number_texts(a[..., m]) for m in range(channels)])
        for name, role, a in (
            ("patch", "input", layer.patch),
            ("filter", "filter", layer.filter),
            ("product", "intermediate", layer.products),
        )
    ]
    texts = [widest_texts(a) for a in (layer.padded, layer.filter, everywhere)]
    sums = [f"Σ = {number_text(number)}" for number in layer.sums]
    widest = max(text_width(f"Σ = {text}", SMALL) for text in widest_texts(layer.maps))
    for size, down in ((SMALL, False), (SMALLEST, False), (SMALL, True), (SMALLEST, True)):
        cell = number_cell(texts, size)
        terms = Terms(parts, "×=", sums, cell, widest, number_size(texts, cell), 0.2, 0.28, down, plus_below=True)
        if terms.width <= WIDTH - 2 * MARGIN and terms.row_height <= height:
            return terms
    raise ValueError(
        f"{NAME}: slices of {shape_text(layer.kernel.shape[:2])} with such numbers are too large to draw; draw shorter "
        f"numbers or a smaller kernel; got x {layer.x.shape}, kernel {layer.kernel.shape}"
    )


def _draw_sum(canvas: Canvas, layer: Layer, top: float, height: float, until: Place | None) -> tuple[float, int]:
    """The slices of patch, filter and product, in that height, their sums, and the value.

    Returns the lower edge, and how many slices of each are drawn.
    """
    terms, channels, count = _terms(layer, height), len(layer.sums), len(layer.places)
    shown = terms.shown(height)
    title = f"patch × filter {layer.n} = product" + (f", in {slices_text(shown, channels)}" if channels > 1 else "")
    first = f"step {count} of {count}: {title}" if until else f"the framed value: {title}"
    x = (WIDTH - text_width(first, TITLE, "bold")) / 2  # no later title is wider
    title = f"step {_number(layer)} of {count}: {title}" if until else first
    canvas.text(x, top, title, size=TITLE, weight="bold", along="top", across="left")
    y = terms.draw(canvas, top - 0.28, shown)
    if shown < channels:
        rests = layer.maps[0, ..., shown:].sum(axis=-1)  # (Dᵥ, Dᵥ)
        widest = max(text_width(rest_text(channels - shown, text)) for text in widest_texts(rests))
        text = rest_text(channels - shown, number_text(rests[layer.row, layer.column]))
        canvas.text((WIDTH - widest) / 2, y, text, across="left", along="top")
        y -= 0.26
    return _draw_value(canvas, layer, y), shown


def _value_cell(layer: Layer) -> float:
    """A cell for any value of the output, with a frame around it."""
    return max(0.3, number_cell([widest_texts(layer.y[..., layer.n])], TEXT) + 0.05)


def _draw_value(canvas: Canvas, layer: Layer, top: float) -> float:
    """The sums added up to the value, which is framed as in the output; the lower edge."""
    cell, gap = _value_cell(layer), 0.1
    room = WIDTH - 2 * MARGIN - cell - gap
    sums = {place: sum_text(layer.maps[0][place].tolist()) for place in layer.places}
    left = {place: f"{layer.moved(*place).value_name} = {text} =" for place, text in sums.items()}
    if len(layer.sums) == 1 or any(text_width(text) > room for text in left.values()):
        added = f" = the {len(layer.sums)} sums added up" if len(layer.sums) > 1 else ""
        left = {place: f"{layer.moved(*place).value_name}{added} =" for place in layer.places}
    width = max(text_width(text) for text in left.values()) + gap
    value = Volume(1, 1, 0).at((WIDTH + width - cell) / 2, top, cell)
    canvas.text(value.x - gap, top - cell / 2, left[layer.row, layer.column], across="right")
    canvas.cells("value", value, {(0, 0): layer.value}, shade(ROLES["output"], FRONT_UNDER_NUMBERS))
    canvas.frame(value, [0], [0])
    return value.bottom
