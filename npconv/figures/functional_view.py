"""The article's Fig. 2: the filter steps over the input, and at every step patch times filter, summed, is one value."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Padding, Pair
from ..text import counted, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    FRONT_UNDER_NUMBERS,
    ROLES,
    SMALL,
    TEXT,
    TITLE,
    Labels,
    TooLargeError,
    Volume,
    number_cell,
    shade,
    text_width,
)
from .parts.layer import StandardLayer, layer_from
from .parts.layout import Align, Drawing, Grid, Page, column, grid, note, row, space, text, title
from .parts.values import ROUNDED, Given, geometry_text, number_texts, place_from, sum_text, widest_texts
from .parts.volumes import VolumeGroup, input_group, notes_of_volumes, row_of_volumes
from .parts.worked import Slices, Terms, rest_text, slices_text

NAME = "functional_view"
MOST_STEPS = 64  # in an animation
HIGHEST = 13.0  # inches for all
VOLUMES_HEIGHT = 4.2  # inches for the volumes of the upper row, with their titles
STEP_FACE = (1.12, 1.2)  # inches for a small input face: width, height
MOVE = 0.5  # inches for an arrow between them
BESIDES = 1.3  # inches for a title, the value and gaps, below the upper rows
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


def _view(layer: StandardLayer, how: str, until: Place | None) -> Figure:
    steps = [] if until else _steps(layer)
    with drawn_by(NAME, x=layer.x, kernel=layer.kernel):
        page = Page(highest=HIGHEST)
        groups = _groups(layer, until)
        largest = min(0.55, max(0.3, *(number_cell(group.fronts[0]) for group in groups if group.role != "filter")))
        volumes, cell = page.fitted(partial(row_of_volumes, groups, "∗="), largest, height=VOLUMES_HEIGHT)
        notes = notes_of_volumes(groups, cell) + ([ROUNDED] if layer.rounded else [])
        upper = [volumes.spread(page.inner), *([_small_steps(page, layer, steps)] if steps else [])]
        below = column(*map(note, notes), gap=0.04, align="left") if notes else None
        value = _value(page, layer)
        taken = sum(page.size(box)[1] for box in (*upper, value, *([below] if below else [])))
        worked, shown = _products(page, layer, page.highest - taken - BESIDES, until)
        figure = page.finish(column(*upper, column(worked, value), below, gap=0.25))
    return Figure(
        name="functional-view",
        figure=figure,
        data=_data(layer, steps, shown, until),
        alt=_alt(layer, steps, shown, until),
        caption=_caption(layer, how, shown, notes, until),
    )


def _data(layer: StandardLayer, steps: Sequence[StandardLayer], shown: int, until: Place | None) -> dict[str, Any]:
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


def _caption(layer: StandardLayer, how: str, shown: int, notes: Sequence[str], until: Place | None) -> str:
    channels, filters = layer.kernel.shape[2:]
    return four_part_caption(
        claim=(
            "A filter steps over the rows and columns of the input; at each step the patch under it, of all M = "
            f"{counted('channel', channels)}, times the filter and summed, is one value of the output."
        ),
        computed=(
            f"The output and the sums of the slices are npconv.conv2d's and npconv.per_channel_maps', with {how}; "
            "nothing is flipped."
        ),
        scale=[
            "The volumes have one scale, channels at half of it; the front of input and filter is channel 0; indices "
            "count from 0",
            *notes,
        ],
        not_shown=[
            "the numbers behind the front of the input, but for the patch" if channels > 1 else "",
            f"{channels - shown} of the {channels} slices, which the sum has" if shown < channels else "",
            "the values still to come" if until and until != layer.places[-1] else "",
            f"the other {filters - 1} of the N filters" if filters > 1 else "",
            "a bias",
        ],
    )


def _alt(layer: StandardLayer, steps: Sequence[StandardLayer], shown: int, until: Place | None) -> str:
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


def _number(layer: StandardLayer) -> int:
    """The step that makes the value, counted from 1."""
    return layer.places.index((layer.row, layer.column)) + 1


def _steps(layer: StandardLayer) -> list[StandardLayer]:
    """The steps drawn small: the first two, the end of a row and what follows, and the worked one; none if alone."""
    columns = layer.y.shape[2]
    wanted = {0, 1, columns - 1, columns, _number(layer) - 1}
    steps = [layer.moved(*place) for number, place in enumerate(layer.places) if number in wanted]
    return steps if len(steps) > 1 else []


def _groups(layer: StandardLayer, until: Place | None) -> list[VolumeGroup]:
    """The input, the filter and one channel of the output."""
    height, width, channels, _ = layer.kernel.shape
    _, rows, columns, _ = layer.y.shape
    return [
        input_group(layer),
        VolumeGroup(
            "filter",
            f"filter n = {layer.n}\n{shape_text(layer.kernel.shape[:3])}",
            "filter",
            Volume(height, width, channels),
            Labels(f"Dᵣ = {height}", f"Dᵣ = {width}", f"M = {channels}"),
            [number_texts(layer.filter[..., 0])],
            (range(height), range(width)),
        ),
        VolumeGroup(
            "output",
            f"output, channel n = {layer.n}\n{shape_text((rows, columns, 1))}",
            "output",
            Volume(rows, columns, 1),
            Labels(f"Dᵥ = {rows}", f"Dᵥ = {columns}"),
            [number_texts(layer.y[0, ..., layer.n])],
            ([layer.row], [layer.column]),
            later={place for place in layer.places if place > until} if until else None,
        ),
    ]


def _small_steps(page: Page, layer: StandardLayer, steps: Sequence[StandardLayer]) -> OffsetBox:
    """The input's face again at some steps, each with the value it gives, and between them how the filter moves."""
    face = replace(layer.input_volume, channels=0)
    face = face.at(0, 0, min(0.11, STEP_FACE[0] / face.columns, STEP_FACE[1] / face.rows))
    heading = f"the filter steps over the input, row by row: {len(layer.places)} steps, {len(layer.places)} values"
    names = [
        f"step {_number(step)}{', as above' if (step.row, step.column) == (layer.row, layer.column) else ''}"
        for step in steps
    ]
    pictures = []
    for step in steps:
        drawing = Drawing()
        drawing.volume(f"step-{_number(step)}", face, ROLES["input"])
        drawing.frame(face, step.patch_rows, step.patch_columns)
        pictures.append(drawing)
    moves = [*map(_move, steps, steps[1:]), None]
    values = [f"{step.value_name} = {step.value}" for step in steps]

    def lines(values: Sequence[str]) -> Grid:
        lines: list[list[OffsetBox | None]] = [[], [], []]
        for name, picture, move, value in zip(names, pictures, moves, values, strict=True):
            lines[0] += [note(name), None]
            lines[1] += [picture, move]
            lines[2] += [note(value, align="center"), None]
        return grid([line[:-1] for line in lines], gaps=(0.05, 0.06))

    box = lines(values)
    if page.over(box) > 0:
        box = lines([value.replace(" = ", "\n= ") for value in values])
    return column(title(heading), box.spread(page.inner), gap=0.08)


def _move(step: StandardLayer, after: StandardLayer) -> OffsetBox:
    """An arrow from a step to the next one with its stride, or dots where others lie between."""
    if _number(after) > _number(step) + 1:
        return column(text("…", size=TITLE), space(MOVE, 0), gap=0)
    along_row = after.row == step.row
    stride = (step.geometry.width if along_row else step.geometry.height).stride
    drawing = Drawing()
    drawing.arrow((0, 0), (MOVE, 0))
    drawing.text(MOVE / 2, 0.07, f"s = {stride}", size=SMALL, along="bottom")
    drawing.text(MOVE / 2, -0.07, "right" if along_row else "down", size=SMALL, along="top")
    return drawing


def _products(page: Page, layer: StandardLayer, height: float, until: Place | None) -> tuple[OffsetBox, int]:
    """The slices of patch, filter and product under their title, in that height, and how many of each are drawn.

    All is laid out for the widest numbers of the layer, so that the frames of an animation agree.
    """
    channels, count = len(layer.sums), len(layer.places)
    taps = layer.geometry.taps(layer.geometry.pad(layer.x))
    everywhere = np.stack([tap * layer.filter[i, j] for i, j, tap in taps])  # (Dᵣ·Dᵣ, 1, Dᵥ, Dᵥ, M)
    parts = [
        Slices(name, role, [number_texts(a[..., m]) for m in range(channels)])
        for name, role, a in (
            ("patch", "input", layer.patch),
            ("filter", "filter", layer.filter),
            ("product", "padding", layer.products),
        )
    ]
    longest = [number for a in (layer.padded, layer.filter, everywhere) for number in widest_texts(a)]
    sums = [number_text(number) for number in layer.sums]
    terms = Terms(parts, "×=", sums, longest, max(widest_texts(layer.maps), key=text_width))
    if (arranged := terms.arranged(page, height=height, at_least=3) or terms.arranged(page, height=height)) is None:
        raise TooLargeError(
            f"slices of {shape_text(layer.kernel.shape[:2])} with such numbers are too large to draw; draw shorter "
            "numbers or a smaller kernel"
        )
    box, shown = arranged
    what = f"patch × filter {layer.n} = product, cell by cell"
    what += f", in {slices_text(shown, channels)}" if channels > 1 else ""
    first = f"step {count} of {count}: {what}" if until else f"the framed value: {what}"
    heading = f"step {_number(layer)} of {count}: {what}" if until else first
    lines = [_reserved(page, title(heading), title(first)), box]
    if shown < channels:
        rests = layer.maps[0, ..., shown:].sum(axis=-1)  # (Dᵥ, Dᵥ)
        widest = max((rest_text(channels - shown, number) for number in widest_texts(rests)), key=text_width)
        rest = rest_text(channels - shown, number_text(rests[layer.row, layer.column]))
        lines.append(_reserved(page, text(rest), text(widest)))
    return column(*lines), shown


def _reserved(page: Page, box: OffsetBox, widest: OffsetBox, align: Align = "left") -> OffsetBox:
    """A box with the room of the widest that stands in its place in other frames."""
    return column(box, space(page.size(widest)[0], 0), gap=0, align=align)


def _value(page: Page, layer: StandardLayer) -> OffsetBox:
    """The sums added up to the value, which is framed as in the output."""
    cell = max(0.3, number_cell([widest_texts(layer.y[..., layer.n])], TEXT) + 0.05)
    sums = {place: sum_text(layer.maps[0][place].tolist()) for place in layer.places}
    left = {place: f"{layer.moved(*place).value_name} = {total} =" for place, total in sums.items()}
    if len(layer.sums) == 1 or max(map(text_width, left.values())) > page.inner - cell - 0.1:
        added = f" = the {len(layer.sums)} sums added up" if len(layer.sums) > 1 else ""
        left = {place: f"{layer.moved(*place).value_name}{added} =" for place in layer.places}
    drawing, value = Drawing(), Volume(1, 1, 0, cell=cell)
    drawing.cells("value", value, {(0, 0): layer.value}, shade(ROLES["output"], FRONT_UNDER_NUMBERS))
    drawing.frame(value, [0], [0])
    widest = text(max(left.values(), key=text_width))
    return row(_reserved(page, text(left[layer.row, layer.column]), widest, "right"), drawing)
