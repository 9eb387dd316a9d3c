"""The article's Fig. 4: each channel filtered by its own filter, the maps mixed by N pointwise filters; one value."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Array, Padding, Pair
from ..text import counted, filled, listed, number_text, plural, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import FRONT_UNDER_NUMBERS, ROLES, SMALLEST, TooLargeError, Volume, number_cell, number_size, shade
from .parts.layout import Drawing, Page, column, grid, note, row, space, text, title
from .parts.separable_layer import PARTS, Separable, separable_from, separable_row
from .parts.slabs import Face, drawn_channels, hue_text
from .parts.values import Given, geometry_text, number_texts, side_text
from .parts.worked import Slices, Terms

VOLUME_HEIGHTS = (4.8, 4.0, 3.2, 3.0)  # inches; the first will do but where the worked value needs the room
POINTWISE_HEIGHT = 2.4  # inches for the products that come before more of the slices
GAP = 0.2  # inches between the parts of the page
MOST_FRAMES = 64
FRAME_HEIGHT = 6.4  # inches for an animation's rows
STEPS = 1.35  # inches for titles, and what is said of the steps of the worked value
COMPUTED = (
    "The maps are npconv.depthwise_conv2d's and the output is npconv.depthwise_separable_conv2d's, with {geometry}"
)


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
    with drawn_by("depthwise_separable", x=s.layer.x, depthwise=s.depthwise, pointwise=s.pointwise):
        page = Page()
        view = _arranged(page, s)
        figure = page.finish(view.box)
    drawn = [c for row in s.drawn for c in row]
    worked = "the slices drawn" if view.slices < len(s.values) else "the patch"
    behind = f"the numbers behind the front faces but for {worked}" if max(s.pointwise.shape) > 1 else ""
    counts = {"slices": view.slices, "products": view.products}
    return Figure(
        name="depthwise-separable",
        figure=figure,
        data={**s.data, "drawn": {"maps": drawn, "pointwise filters": s.drawn_filters, **counts}},
        alt=filled(
            "An input of {x} as {m:separate slab}; {count} depthwise {maps:filter|filters} of {side}, and the maps of "
            "{filtered} that they give, one for each; N = {n:pointwise filter} of 1×1×{maps}, and the output of {y}. "
            "Below, one value in two steps: each channel's patch times its filter gives {values}; these times the "
            "weights of pointwise filter 0 add up: {equation}.",
            **_words(s),
        ),
        caption=four_part_caption(
            claim=(
                "A depthwise separable convolution takes {x} to {y} in two steps: every channel is filtered by a "
                "filter of its own, {side}, and N = {n:pointwise filter} of 1×1×{maps} {n:mixes|mix} the maps."
            ),
            computed=f"{COMPUTED}; nothing is flipped.",
            scale=[
                "All volumes have one scale, channels at half of it",
                hue_text(s.channels),
                "indices count from 0",
                _numbers_text(view.blank),
                *(f"{name}: {text}" for name, texts in s.left_out.items() for text in texts if text),
                *view.notes,
            ],
            not_shown=[*(text for text in _rests(s, view.slices, view.products) if text), behind, "a bias"],
            geometry=geometry_text(stride, padding, dilation),
            **_words(s),
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
        _, cell = Page().fitted(partial(_rows, s, 1), 0.3, height=FRAME_HEIGHT)
        frames = [replace(s, layer=s.layer.moved(*place)) for place in places]
        how = geometry_text(stride, padding, dilation)
        return [_frame(frame, number, cell, how) for number, frame in enumerate(frames, 1)]


def _numbers_text(blank: Sequence[str]) -> str:
    """The words of a caption about the numbers on the front faces."""
    names = [name for name in ("input", "maps", "pointwise filters", "output") if name not in blank]
    texts = [
        f"the front faces{f' of {listed(names)}' if blank else ''} show the numbers of channel 0" if names else "",
        "every depthwise filter shows its own" if "depthwise filters" not in blank else "",
    ]
    return "; ".join(filter(None, texts))


def _words(s: Separable) -> dict[str, Any]:
    """The words that fill the templates of alt texts and captions."""
    maps, filters = s.pointwise.shape
    return {
        "x": s.layer.x.shape[1:],
        "filtered": s.filtered.shape[1:],
        "y": s.layer.y.shape[1:],
        "side": (*s.depthwise.shape[:2], 1),
        "m": s.channels,
        "maps": maps,
        "n": filters,
        "count": s.count,
        "values": _listed(s.values.tolist()),
        "weights": _listed(s.pointwise[:, 0].tolist()),
        "place": f"({s.layer.row}, {s.layer.column})",
        "equation": s.equation,
    }


class _SeparableSteps(NamedTuple):
    """The layout: a box, how many slices and products are written out, and what has to be said about it."""

    box: OffsetBox
    slices: int
    products: int
    blank: list[str]
    notes: list[str]


def _arranged(page: Page, s: Separable) -> _SeparableSteps:
    """The volumes, and below them the worked value.

    Volumes without numbers are made smaller where that saves some of the slices, and all where else it is too high.
    """
    numbers = [face.texts for faces in s.faces.values() for face in faces]
    natural = min(0.45, max(0.3, *map(number_cell, numbers)))
    views: list[_SeparableSteps] = []
    for height in VOLUME_HEIGHTS:
        try:
            _, cell = page.fitted(partial(separable_row, s), natural, height=height)
        except TooLargeError:
            break
        blank = s.blank(cell)
        upper = column(
            separable_row(s, cell, page=page),
            column(*map(note, s.notes(blank)), gap=0.05, align="left") if s.notes(blank) else None,
            gap=GAP,
        )
        if steps := _steps(page, s, page.highest - page.size(upper)[1] - GAP):
            views.append(steps._replace(box=column(upper, steps.box, gap=GAP), blank=blank, notes=s.notes(blank)))
            if steps.slices == len(s.values) or len(blank) < len(PARTS):
                break
    if not views:
        raise TooLargeError("too large to draw with its worked value; draw a smaller layer")
    return max(views, key=lambda view: view.slices)


def _steps(page: Page, s: Separable, room: float) -> _SeparableSteps | None:
    """Both steps of the worked value in so many inches; None where there is no room for one line of each."""
    maps, room = len(s.values), room - STEPS
    labels = [s.label(c) for c in range(maps)]

    def part(name: str, role: str, grids: Iterable[Array]) -> Slices:
        return Slices(name, role, [number_texts(a) for a in grids], [s.color(c, role) for c in range(maps)])

    patch, weights = s.layer.patch, s.pointwise[:, 0]
    slices = Terms(
        [
            part("patch", "input", (patch[..., c // s.multiplier] for c in range(maps))),
            part("filter", "filter", np.moveaxis(s.depthwise, -1, 0)),
        ],
        "×",
        [number_text(value) for value in s.values],
        labels=labels,
        plus="",
    )
    ones = [part("value", "intermediate", s.values[:, None, None]), part("weight", "filter", weights[:, None, None])]
    products = Terms(
        [*ones, Slices("product", "output", [[[number_text(p)]] for p in s.layer.sums])],
        "×=",
        [""] * maps,
        labels=labels,
    )
    least = products.arranged(page, height=min(POINTWISE_HEIGHT, room))
    first = least and slices.arranged(page, height=room - page.size(least[0])[1])
    if not first or not least:
        return None
    second = products.arranged(page, height=room - page.size(first[0])[1]) or least
    rests = _rests(s, first[1], second[1])
    box = column(
        title("1. depthwise: each channel's patch times its own filter, cell by cell, and the sum Σ of that"),
        first[0],
        text(f"… and {rests[0]}") if rests[0] else None,
        space(0, 0.05),
        title("2. pointwise: the maps' values times the weights of filter n = 0, and their sum"),
        second[0],
        text(f"… and {rests[1]}") if rests[1] else None,
        text(s.equation),
    )
    return _SeparableSteps(box, first[1], second[1], [], [])


def _rests(s: Separable, slices: int, products: int) -> tuple[str, str]:
    """The products that the steps leave out, and their sum; empty texts where they leave out nothing."""
    more = [len(s.values) - shown for shown in (slices, products)]
    rest = [number_text(s.layer.sums[shown:].sum()) for shown in (slices, products)]
    add = f"{counted('more slice', more[0])} in the same way, whose values times their weights add {rest[0]} in step 2"
    return add if more[0] else "", f"{counted('more product', more[1])}, which add up to {rest[1]}" if more[1] else ""


def _frame(s: Separable, until: int, cell: float, geometry: str) -> Figure:
    """The figure of one place, the one that is reached after so many."""
    page, words, drawn = Page(), _words(s), _frame_maps(s)
    missing = len(s.values) - len(drawn)
    rest = number_text(s.layer.sums.sum() - s.layer.sums[drawn].sum())
    left_out = f"{missing} of the maps, which add {rest} to this value" if missing else ""
    lines = [
        "1. depthwise: at place {place} the {maps:map has the value|maps have the values} {values}",
        "2. pointwise: these times {weights}, added up: {equation}",
        f"not drawn: {left_out}" if missing else "",
    ]
    notes = s.notes([name for name, faces in _frame_faces(s).items() if not all(face.fits(cell) for face in faces)])
    gap = (page.inner - page.size(_rows(s, until, cell))[0]) / 9
    below = [*(text(filled(line, **words)) for line in lines if line), *map(note, notes)]
    box = column(_rows(s, until, cell, gap), column(*below, gap=0.05, align="left"), gap=GAP, align="left")
    return Figure(
        name="depthwise-separable",
        figure=page.finish(box),
        data={**s.data, "until": [s.layer.row, s.layer.column], "drawn": {"maps": drawn}},
        alt=filled(
            "Rows, one for each channel of an input of {x}, with its filter framed at place {place}, and its map, "
            "filled up to there: {values}. The weights of pointwise filter 0 mix the maps to channel 0 of the output, "
            "{equation}.",
            **words,
        ),
        caption=four_part_caption(
            claim=(
                "At place {place} each channel's filter gives one value of its own map, and one pointwise filter makes "
                "one value of the output of them."
            ),
            computed=f"{COMPUTED}.",
            scale=[
                "All slices have one scale",
                hue_text(s.channels),
                "what is still to come is white",
                "indices count from 0",
                *notes,
            ],
            not_shown=[left_out, "the other channels of {y}" if words["n"] > 1 else "", "a bias"],
            geometry=geometry,
            **words,
        ),
    )


def _frame_maps(s: Separable) -> list[int]:
    """The maps that have a row in an animation."""
    return drawn_channels(s.depthwise.shape[-1], 3)


def _frame_faces(s: Separable) -> dict[str, list[Face]]:
    """All numbers and frames of an animation's figure, a row for each map, by the name of the column."""
    layer, drawn = s.layer, _frame_maps(s)
    here, patch = ([layer.row], [layer.column]), (layer.patch_rows, layer.patch_columns)
    columns = {
        "input": (layer.padded[..., [c // s.multiplier for c in drawn]], patch),
        "filter": (s.depthwise[..., drawn], None),
        "map": (s.filtered[0][..., drawn], here),
        "weight": (s.pointwise[np.newaxis, drawn, 0][np.newaxis], None),
        "output": (layer.y[0, ..., :1], here),
    }
    return {
        name: [Face(number_texts(a[..., i]), frame) for i in range(a.shape[-1])] for name, (a, frame) in columns.items()
    }


def _rows(s: Separable, until: int, cell: float, gap: float = 0.05) -> OffsetBox:
    """A row for each map, its channel, filter, map and weight; and channel 0 of the output, filled up to a place."""
    layer, faces, drawn = s.layer, _frame_faces(s), _frame_maps(s)
    (height, width, maps), (rows, columns) = s.depthwise.shape, layer.y.shape[1:3]
    volumes = {
        "input": replace(layer.input_volume, channels=1, cell=cell),
        "filter": Volume(height, width, 1, cell=cell),
        "map": Volume(rows, columns, 1, cell=cell),
        "weight": Volume(1, 1, 1, cell=cell),
    }
    roles = {"input": "input", "filter": "filter", "map": "intermediate", "weight": "filter"}
    tiles = {
        name: [
            _filled(f"{name}-{c}", volume, s.color(c, roles[name]), face, until if name == "map" else None)
            for c, face in zip(drawn, faces[name], strict=True)
        ]
        for name, volume in volumes.items()
    }
    titles = {
        "input": f"input\n{shape_text(layer.x.shape[1:])}",
        "filter": f"{s.count}\ndepthwise\n{plural('filter', maps)}\n{shape_text((height, width, 1))}",
        "map": f"{s.count} {plural('map', maps)}\n{shape_text(s.filtered.shape[1:])}",
        "weight": f"pointwise\nfilter n = 0\n1×1×{maps}",
    }
    sides = {
        "input": side_text("Dᵤ", *layer.x.shape[1:3]),
        "filter": side_text("Dᵣ", height, width),
        "map": side_text("Dᵥ", rows, columns),
        "weight": "",
    }
    lines: list[list[OffsetBox | None]] = [[None, *(box for name in titles for box in (title(titles[name]), None))]]
    for i, c in enumerate(drawn):
        signs = [text(sign, size=15) if sign else None for sign in ("∗", "=", "×", "")]
        boxes = zip((tiles[name][i] for name in tiles), signs, strict=True)
        lines.append([text(s.label(c)), *(box for pair in boxes for box in pair)])
    lines.append([None, *(box for name in titles for box in (note(sides[name]) if sides[name] else None, None))])
    left = grid([line[:-1] for line in lines], gaps=(gap, 0.08), along=["bottom", *["center"] * len(drawn), "top"])
    total = _filled("output", volumes["map"], ROLES["output"], faces["output"][0], until)
    output = column(title(f"output n = 0\n{shape_text((rows, columns, 1))}"), total, note(sides["map"]), gap=0.08)
    return row(left, text("Σ =", size=15), output, gap=gap)


def _filled(name: str, volume: Volume, color: str, face: Face, until: int | None) -> Drawing:
    """A slice with all its numbers, or with those of so many places, white where the others will be."""
    drawing, fits = Drawing(), face.fits(volume.cell)
    drawing.volume(name, volume, color, face.texts if until is None else None)
    if face.frame:
        drawing.frame(volume, *face.frame)
    if until is not None:
        size = number_size(face.texts, volume.cell) or SMALLEST
        places = [(r, c) for r in range(volume.rows) for c in range(volume.columns)]
        there = {(r, c): face.texts[r][c] if fits else "" for r, c in places[:until]}
        drawing.cells(f"{name}-there", volume, there, shade(color, FRONT_UNDER_NUMBERS), size=size)
        if places[until:]:
            drawing.cells(f"{name}-blank", volume, dict.fromkeys(places[until:], ""), "white")
    return drawing


def _listed(numbers: Sequence[float], most: int = 8) -> str:
    texts = ", ".join(number_text(number) for number in numbers[:most])
    return texts if len(numbers) <= most else f"{texts} and {len(numbers) - most} more"
