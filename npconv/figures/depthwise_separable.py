"""The article's Fig. 4: each channel filtered by its own filter, the maps mixed by N pointwise filters; one value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import matplotlib.figure

from ..kernels.geometry import Padding, Pair
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    BACK,
    MARGIN,
    ROLES,
    SMALL,
    SMALLEST,
    TITLE,
    WIDTH,
    Canvas,
    TooLargeError,
    Volume,
    number_cell,
    text_width,
)
from .parts.separable_layer import Separable, separable_from, separable_row
from .parts.slabs import LINE, Block, Face, Part, Row, Stack, Texts, drawn_channels, hue_text, notes_height, write_notes
from .parts.values import ROUNDED, Given, geometry_text, number_texts, plural, side_text

HEIGHT, MOST_HEIGHT = 12.6, 13.15  # inches of a figure that has to leave something out, and of any
SLACK = 0.5  # inches beyond HEIGHT that it takes where nothing of a step is left out then
# inches for the volumes: the first will do but where the worked value needs the room
VOLUME_HEIGHTS = (4.2, 3.2, 2.4, 1.8)
POINTWISE_HEIGHT = 2.6  # inches for the products that come before more of the slices
HEADING = 0.27  # inches for a step's title
GAPS = (0.26, 0.2)  # inches above the two steps
MOST_FRAMES = 64
FRAME_HEIGHT = 5.6  # inches for an animation's rows
SIGN = 0.24  # inches for a sign in the worked value
PLUS = 0.34  # inches between its terms


@dataclass(frozen=True)
class Step:
    """How a step of the worked value is set: its terms, in rows of so many; all in inches."""

    terms: int
    width: float  # of a term
    height: float  # of a row
    cell: float
    value_cell: float
    within: float  # the room for a row
    shown: int = 0

    @property
    def per_row(self) -> int:
        """How many terms stand in a row."""
        return max(1, int(self.within / (self.width + PLUS)))

    @property
    def left_out(self) -> int:
        """How many terms are left out."""
        return self.terms - self.shown

    @property
    def inches(self) -> float:
        """The height of what is shown, title included."""
        return HEADING + ceil(self.shown / self.per_row) * self.height + (LINE if self.left_out else 0.0)

    def within_height(self, room: float, slack: float = 0.0) -> "Step":
        """The same with as many rows as there is room for, at least one; slack is more room for all of them."""
        if (whole := replace(self, shown=self.terms)).inches <= room + slack:
            return whole
        rows = max(1, int((room - HEADING - LINE) / self.height))
        return replace(self, shown=min(self.terms, rows * self.per_row))


@dataclass(frozen=True)
class Plan:
    """Both steps of the worked value as they are set."""

    depthwise: Step
    pointwise: Step

    @property
    def inches(self) -> float:
        """The height of both, with the equation below and the gaps above."""
        return self.depthwise.inches + self.pointwise.inches + LINE + sum(GAPS)


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
        figure, plan, blank = _draw(s)
    slices, products = plan.depthwise.shown, plan.pointwise.shown
    sizes = [shape_text(a.shape[1:]) for a in (layer.x, s.filtered, layer.y)]
    side, maps, outputs = shape_text((*s.depthwise.shape[:2], 1)), *s.pointwise.shape
    drawn, filters = [c for row in s.drawn for c in row], s.drawn_filters
    behind = "the slices drawn" if slices < maps else "the patch"
    left_out = [
        f"{outputs - filters} more pointwise {plural('filter', outputs - filters)}" if filters < outputs else "",
        *_left_out(s, plan),
        f"the numbers behind the front faces but for {behind}" if max(maps, outputs) > 1 else "",
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
                f"{geometry_text(stride, padding, dilation)}; nothing is flipped."
            ),
            scale=(
                f"All volumes have one scale, channels at half of it; {hue_text(s.channels)}; {_faces_text(blank)}"
                f"indices count from 0{_added(_volume_notes(s, blank))}."
            ),
            not_shown=f"Not shown: {'; '.join(text for text in left_out if text)}.",
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
    rest = layer.sums.sum() - layer.sums[drawn].sum()
    missing = (
        f"{maps - len(drawn)} of the maps, which add {number_text(rest)} to this value" if len(drawn) < maps else ""
    )
    with drawn_by("depthwise_separable", x=layer.x, depthwise=s.depthwise, pointwise=s.pointwise):
        canvas = Canvas()
        drawing = _frame_row(s, shown).draw(canvas, 0.0, cell)
        lines = [
            f"1. depthwise: at place {place} the {plural('map', maps)} "
            f"{'has the value' if maps == 1 else 'have the values'} {_listed(s.values.tolist())}",
            f"2. pointwise: these times {_listed(s.pointwise[:, 0].tolist())}, added up: {s.equation}",
        ]
        if missing:
            lines.append(f"not drawn: {missing}")
        bottom = drawing.bottom - 0.06
        for line in lines:
            canvas.text(MARGIN, bottom, line, across="left", along="top")
            bottom -= LINE
        notes = [*s.notes(drawn), *_number_notes(s, drawing.blank)]
        write_notes(canvas, notes, bottom)
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
                f"{geometry_text(stride, padding, dilation)}."
            ),
            scale=(
                f"All slices have one scale; {hue_text(s.channels)}; what is still to come is white; indices count "
                f"from 0{_added(notes)}."
            ),
            not_shown=(
                f"Not shown: {f'{missing}, ' if missing else ''}"
                f"{f'the other channels of {sizes[2]}, ' if layer.y.shape[-1] > 1 else ''}a bias."
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
        Block("weights", f"pointwise\nfilter n = 0\n1×1×{maps}", column("weight", one, "filter", weights), least=least),
        Block("output", f"output n = 0\n{shape_text((rows, columns, 1))}", [[Stack((total,))]], sides),
    )
    return Row(blocks, ("∗", "=", "×", "Σ ="), FRAME_HEIGHT)


def _faces_text(blank: Sequence[str]) -> str:
    """What a caption says of the numbers on the front faces."""
    names = [name for name in ("input", "maps", "pointwise filters", "output") if name not in blank]
    texts = [
        f"the front faces{f' of {_and(names)}' if blank else ''} show the numbers of channel 0; " if names else "",
        "every depthwise filter shows its own; " if "depthwise filters" not in blank else "",
    ]
    return "".join(texts)


def _and(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _added(notes: Sequence[str]) -> str:
    return "".join(f"; {note}" for note in notes)


def _listed(numbers: Sequence[float], most: int = 8) -> str:
    text = ", ".join(number_text(number) for number in numbers[:most])
    return text if len(numbers) <= most else f"{text} and {len(numbers) - most} more"


def _draw(s: Separable) -> tuple[matplotlib.figure.Figure, Plan, Sequence[str]]:
    """The volumes, and the worked value in what is left of the height; also how that is set, and what has no numbers.

    Volumes without numbers are made smaller where that saves some of the slices, and all where else it is too high.
    """
    faces = (s.layer.padded[..., 0], s.filtered[0, ..., 0], s.layer.y[0, ..., 0], s.depthwise[..., 0])
    largest = min(0.45, max(0.3, *(number_cell(number_texts(a)) for a in faces)))
    whole, tried = separable_row(s), []
    for most_height in VOLUME_HEIGHTS:
        row, cell = replace(whole, most_height=most_height).fitted(largest)
        blank = row.blank(cell)
        volumes = notes_height(_volume_notes(s, blank)) - row.bottom(0.0, cell) + 2 * MARGIN
        plan = _plan(s, HEIGHT - volumes)
        if volumes + plan.inches <= MOST_HEIGHT:
            tried.append((row, cell, plan))
            if not plan.depthwise.left_out or len(blank) < len(row.blocks):
                break
    if not tried:
        high = volumes + plan.inches
        raise TooLargeError(f"too high to draw: {high:.1f} in, and {MOST_HEIGHT} in are there; draw a smaller layer")
    row, cell, plan = max(tried, key=lambda drawing: drawing[2].depthwise.shown)
    canvas = Canvas()
    drawing = row.draw(canvas, 0.0, cell)
    bottom = write_notes(canvas, _volume_notes(s, drawing.blank), drawing.bottom)
    top = _draw_depthwise_step(canvas, s, plan, bottom - GAPS[0])
    _draw_pointwise_step(canvas, s, plan, top - GAPS[1])
    return canvas.finish(), plan, drawing.blank


def _volume_notes(s: Separable, blank: Sequence[str]) -> list[str]:
    return [*s.volume_notes, *_number_notes(s, blank)]


def _number_notes(s: Separable, blank: Sequence[str]) -> list[str]:
    notes = []
    if blank:
        notes.append(f"no numbers on {', '.join(blank)}: the cells are too small")
    if s.rounded:
        notes.append(ROUNDED)
    return notes


def _cell(texts: Sequence[Texts], size: float) -> float:
    """The smallest cell in which all of these numbers stand: comfortably, or tightly at the smallest size."""
    if size > SMALLEST:
        return max(number_cell(rows, size) for rows in texts)
    return max(0.22, *(text_width(text, size) / 0.87 for rows in texts for row in rows for text in row))


def _plan(s: Separable, room: float) -> Plan:
    """The steps in so many inches: with numbers at 7 points only where that saves some of the slices."""
    plans = [_plan_at(s, room, size) for size in (SMALL, SMALLEST)]
    fitting = [plan for plan in plans if plan.depthwise.width <= WIDTH - 2 * MARGIN] or plans[1:]
    return max(fitting, key=lambda plan: (plan.depthwise.shown, plan.pointwise.shown))


def _plan_at(s: Separable, room: float, size: float) -> Plan:
    height, width, maps = s.depthwise.shape
    slices = [number_texts(a.transpose(2, 0, 1).reshape(-1, width)) for a in (s.layer.patch, s.depthwise)]
    values, weights = number_texts(s.values[:, None]), number_texts(s.pointwise[:, :1])
    cell, value_cell = _cell(slices, size), _cell([values], size)
    equals = text_width("Σ =") + 0.14
    depthwise = Step(
        maps,
        2 * width * cell + SIGN + equals + value_cell,
        LINE + max(height * cell, value_cell) + 0.1,
        cell,
        value_cell,
        WIDTH - 2 * MARGIN + PLUS,
    )
    cell = _cell([values, weights, [[s.layer.value]]], size)
    width = max([2 * cell + SIGN, *(text_width(s.label(c), SMALL) for c in range(maps))])
    pointwise = Step(maps, width, LINE + cell + LINE + 0.08, cell, cell, WIDTH - 2 * MARGIN - cell)
    room -= LINE + sum(GAPS)
    least = pointwise.within_height(min(POINTWISE_HEIGHT + HEADING + LINE, room))
    depthwise = depthwise.within_height(room - least.inches, SLACK)
    most = pointwise.within_height(room - depthwise.inches, SLACK)
    return Plan(depthwise, max(least, most, key=lambda step: step.shown))


def _rest(s: Separable, shown: int) -> str:
    return number_text(s.layer.sums[shown:].sum())


def _left_out(s: Separable, plan: Plan) -> list[str]:
    """What the steps leave out, and what that adds up to; empty texts where they leave out nothing."""
    slices, products = plan.depthwise, plan.pointwise
    return [
        f"{slices.left_out} more {plural('slice', slices.left_out)} in the same way, whose values times their weights "
        f"add {_rest(s, slices.shown)} in step 2"
        if slices.left_out
        else "",
        f"{products.left_out} more {plural('product', products.left_out)}, which add up to {_rest(s, products.shown)}"
        if products.left_out
        else "",
    ]


def _draw_depthwise_step(canvas: Canvas, s: Separable, plan: Plan, top: float) -> float:
    """Every channel's slice of the patch times its filter, and the map's value; the lower edge."""
    height, width, _ = s.depthwise.shape
    step, shown, per_row = plan.depthwise, plan.depthwise.shown, plan.depthwise.per_row
    cell, value_cell, equals = step.cell, step.value_cell, text_width("Σ =") + 0.14
    title = "1. depthwise: each channel's patch times its own filter, cell by cell, and the sum Σ of that"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    top -= HEADING
    for first in range(0, shown, per_row):
        x = (WIDTH - min(per_row, shown) * (step.width + PLUS) + PLUS) / 2
        for c in range(first, min(first + per_row, shown)):
            middle = top - LINE - max(height * cell, value_cell) / 2
            canvas.text(x + width * cell + SIGN / 2, top, s.label(c), size=SMALL, along="top")
            left = x
            patch, filter = s.layer.patch[..., c // s.multiplier], s.depthwise[..., c]
            for name, numbers, role in (("patch", patch, "input"), ("slice", filter, "filter")):
                volume = Volume(height, width, 0).at(left, middle + height * cell / 2, cell)
                canvas.volume(f"{name}-{c}", volume, s.color(c, role), number_texts(numbers))
                left = volume.right + SIGN
            canvas.text(x + width * cell + SIGN / 2, middle, "×", size=TITLE)
            canvas.text(left - SIGN + equals / 2, middle, "Σ =")
            value = Volume(1, 1, 0).at(left - SIGN + equals, middle + value_cell / 2, value_cell)
            canvas.volume(f"value-{c}", value, s.color(c, "intermediate"), [[number_text(s.values[c])]])
            x += step.width + PLUS
        top -= step.height
    if step.left_out:
        canvas.text(WIDTH / 2, top, f"… and {_left_out(s, plan)[0]}", along="top")
        top -= LINE
    return top


def _draw_pointwise_step(canvas: Canvas, s: Separable, plan: Plan, top: float) -> None:
    """Each map's value times its weight in filter 0, and their sum."""
    step, shown, per_row, cell = plan.pointwise, plan.pointwise.shown, plan.pointwise.per_row, plan.pointwise.cell
    title = "2. pointwise: the maps' values times the weights of filter n = 0, and their sum"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    top -= HEADING
    x = 0.0
    for first in range(0, shown, per_row):
        x = (WIDTH - min(per_row, shown) * (step.width + PLUS) - cell) / 2
        y = top - LINE
        for c in range(first, min(first + per_row, shown)):
            left, middle = x + (step.width - 2 * cell - SIGN) / 2, x + step.width / 2
            canvas.text(middle, top, s.label(c), size=SMALL, along="top")
            for name, number, role in (
                ("factor", s.values[c], "intermediate"),
                ("weight", s.pointwise[c, 0], "filter"),
            ):
                volume = Volume(1, 1, 0).at(left, y, cell)
                canvas.volume(f"{name}-{c}", volume, s.color(c, role), [[number_text(number)]])
                left += cell + SIGN
            canvas.text(middle, y - cell / 2, "×", size=TITLE)
            canvas.text(middle, y - cell - 0.03, f"= {number_text(s.layer.sums[c])}", size=SMALL, along="top")
            x += step.width + PLUS
            canvas.text(x - PLUS / 2, y - cell / 2, "+" if c < step.terms - 1 else "=", size=TITLE)
        top -= step.height
    if step.left_out:
        canvas.text(WIDTH / 2, top, f"… and {_left_out(s, plan)[1]}", along="top")
        top -= LINE
    else:
        canvas.volume("sum", Volume(1, 1, 0).at(x, top + step.height - LINE, cell), ROLES["output"], [[s.layer.value]])
    canvas.text(WIDTH / 2, top, s.equation, along="top")
