"""One depthwise separable convolution as the figures draw it: its arrays, what the kernels make of them, volumes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from matplotlib.offsetbox import OffsetBox

from ...kernels import arguments
from ...kernels.depthwise import depthwise_conv2d
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.separable import depthwise_separable_conv2d, factored_kernel
from ...kernels.signatures import SEPARABLE
from ...text import plural, shape_text
from .drawing import ROLES, TITLE, Labels, Volume, text_width
from .layer import StandardLayer, layer_from
from .layout import Drawing, Page, column, grid, note, text, title
from .slabs import MOST_SLABS, Face, channel_color, drawn_channels, slabs, solid, stack
from .values import ROUNDED, Given, are_whole, array_from, number_texts, side_text, sum_text

PARTS = ("input", "depthwise filters", "maps", "pointwise filters", "output")


@dataclass(frozen=True)
class Separable:
    """One depthwise separable convolution: `layer` has its arrays, and its maps times the weights of filter 0."""

    layer: StandardLayer
    depthwise: Array  # (Dᵣ, Dᵣ, M·Q)
    pointwise: Array  # (M·Q, N)
    filtered: Array  # (1, Dᵥ, Dᵥ, M·Q), the maps

    @property
    def channels(self) -> int:
        """M."""
        return int(self.layer.x.shape[-1])

    @property
    def multiplier(self) -> int:
        """Q."""
        return int(self.depthwise.shape[-1]) // self.channels

    @property
    def count(self) -> str:
        """The number of maps, named."""
        maps = self.depthwise.shape[-1]
        return f"M = {maps}" if self.multiplier == 1 else f"M·Q = {maps}"

    @property
    def drawn(self) -> list[list[int]]:
        """The maps that are drawn, a row for each input channel."""
        q = self.multiplier
        return [
            [m * q + of for of in sorted({0, q - 1})]
            for m in drawn_channels(self.channels, MOST_SLABS if q == 1 else MOST_SLABS - 1)
        ]

    @property
    def data(self) -> dict[str, Any]:
        """The arrays, the worked value and its two steps as plain JSON."""
        layer = self.layer
        return {
            "input": layer.x.tolist(),
            "depthwise": self.depthwise.tolist(),
            "maps": self.filtered.tolist(),
            "pointwise": self.pointwise.tolist(),
            "output": layer.y.tolist(),
            "at": [layer.row, layer.column],
            "patch": layer.patch.transpose(2, 0, 1).tolist(),
            "values": self.values.tolist(),
            "products": layer.sums.tolist(),
            "value": layer.y[0, layer.row, layer.column, 0].item(),
        }

    @property
    def drawn_filters(self) -> int:
        """The number of pointwise filters that are drawn."""
        maps, filters = map(int, self.pointwise.shape)
        return min(filters, 4 if maps <= 6 else 3)

    def color(self, c: int, role: str) -> str:
        """The hue of the input channel that map c is of, or its role's."""
        return channel_color(c // self.multiplier, self.channels, role)

    def label(self, c: int) -> str:
        """The name of map c."""
        m, q = divmod(c, self.multiplier)
        return f"m = {m}" if self.multiplier == 1 else f"m = {m}, q = {q}"

    def short(self, c: int) -> str:
        """The name of map c where there is little room: the same, or without the names of m and q."""
        return self.label(c) if self.multiplier == 1 else "{}, {}".format(*divmod(c, self.multiplier))

    @property
    def values(self) -> Array:
        """The maps' values at the worked place, (M·Q,)."""
        values: Array = self.filtered[0, self.layer.row, self.layer.column]
        return values

    @property
    def equation(self) -> str:
        """The worked value as the sum of its products, written out where the line has room for them."""
        products = self.layer.sums.tolist()
        terms = sum_text(products)
        if text_width(terms) > 6.5:
            terms = f"the sum of {len(products)} products"
        return " = ".join([self.layer.value_name, *([terms] if len(products) > 1 else []), self.layer.value])

    @cached_property
    def faces(self) -> dict[str, list[Face]]:
        """The front faces of all that is drawn, by the name of the part, in the order of PARTS."""
        layer, place = self.layer, ([self.layer.row], [self.layer.column])
        drawn = [c for row in self.drawn for c in row]
        weights = [number_texts(self.pointwise[:1, n : n + 1]) for n in range(self.drawn_filters)]
        faces = (
            [Face(number_texts(layer.padded[..., 0]), (layer.patch_rows, layer.patch_columns))],
            [Face(number_texts(self.depthwise[..., c])) for c in drawn],
            [Face(number_texts(self.filtered[0, ..., 0]), place)],
            [Face(texts, None if n else ([0], [0])) for n, texts in enumerate(weights)],
            [Face(number_texts(layer.y[0, ..., 0]), place)],
        )
        return dict(zip(PARTS, faces, strict=True))

    def blank(self, cell: float) -> list[str]:
        """The parts whose numbers do not all fit into cells of that size."""
        return [name for name, faces in self.faces.items() if not all(face.fits(cell) for face in faces)]

    @property
    def left_out(self) -> dict[str, list[str]]:
        """The share of a part that is drawn, where something is left out, as it is said below the part."""
        (maps, outputs), output, drawn = self.pointwise.shape, self.layer.output_volume, sum(map(len, self.drawn))
        counts = (
            [(len(self.drawn), self.channels, "channels")],
            [(drawn, maps, "filters")],
            [(drawn, maps, "maps")],
            [(self.drawn_filters, outputs, "filters"), (Volume(1, 1, maps).drawn_channels, maps, "weights of each")],
            [(output.drawn_channels, outputs, "channels")],
        )
        return {name: [drawn_text(*each) for each in part] for name, part in zip(PARTS, counts, strict=True)}

    def notes(self, blank: Sequence[str]) -> list[str]:
        """The notes on all of it, where some parts have no numbers."""
        notes = {
            "dotted: padding, zeros in every channel": self.layer.input_volume.padding != ((0, 0), (0, 0)),
            "filters and maps are labelled m, q": self.multiplier > 1,
            f"no numbers on {', '.join(blank)}: the cells are too small": bool(blank),
            ROUNDED: self.rounded,
        }
        return [note for note, holds in notes.items() if holds]

    @property
    def rounded(self) -> bool:
        """True where the drawn numbers are rounded."""
        return not are_whole(self.layer.x, self.depthwise, self.pointwise, self.filtered, self.layer.y)


def separable_from(
    function: str,
    x: Given,
    depthwise: Given,
    pointwise: Given,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    at: tuple[int, int] | None,
    seed: int,
) -> Separable:
    """The layer that a figure draws, from arrays or shapes; raises as the kernels do, and where it can't be drawn."""
    generator = arguments.generator(function, seed)
    x = array_from(function, "x", x, generator, 3)
    depthwise = array_from(function, "depthwise", depthwise, generator, 1)
    given, pointwise = pointwise, array_from(function, "pointwise", pointwise, generator, 2)
    if given is not pointwise:
        pointwise = np.where(pointwise == 0, 1, pointwise)  # a weight of 0 would leave a map out
    SEPARABLE.check(function, x, depthwise, pointwise).geometry(stride, padding, dilation)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    kernel = factored_kernel(depthwise, pointwise, depth_multiplier=depthwise.shape[-1] // x.shape[-1])
    layer = layer_from(function, x, kernel, stride, padding, dilation, at, seed)
    filtered = depthwise_conv2d(x, depthwise, **geometry)  # type: ignore[arg-type]
    y = depthwise_separable_conv2d(x, depthwise, pointwise, **geometry)  # type: ignore[arg-type]
    return Separable(replace(layer, y=y, maps=filtered * pointwise[:, 0]), depthwise, pointwise, filtered)


def drawn_text(some: int, count: int, what: str) -> str:
    """The share that is drawn, where that is not all.

    >>> drawn_text(7, 128, "channels"), drawn_text(3, 3, "channels")
    ('7 of 128 channels drawn', '')
    """
    return f"{some} of {count} {what} drawn" if some < count else ""


def separable_row(s: Separable, cell: float, *, plain: bool = False, page: Page | None = None) -> OffsetBox:
    """Input, depthwise filters, maps, pointwise filters and output, over the whole width of a page if there is one.

    It is plain without numbers and frames.
    """
    (height, width, maps), outputs = s.depthwise.shape, s.pointwise.shape[1]
    faces: dict[str, Any] = {name: [None] * len(faces) if plain else faces for name, faces in s.faces.items()}
    slab, result = (replace(v, channels=1, cell=cell) for v in (s.layer.input_volume, s.layer.output_volume))
    drawn, ms = [c for line in s.drawn for c in line], [line[0] // s.multiplier for line in s.drawn]
    hues = [s.color(line[0], "input") for line in s.drawn]
    source = slabs("input", slab, ms, hues, [f"m = {m}" for m in ms], *faces["input"])
    colors = [s.color(c, "intermediate") for c in drawn]
    results = slabs("map", result, drawn, colors, [s.short(c) for c in drawn], *faces["maps"])
    one, weights = Volume(height, width, 1, cell=cell), Volume(1, 1, maps, cell=cell)
    tiles = {
        c: stack("filter", one, [c], [s.color(c, "filter")], face, title=s.short(c))[0]
        for c, face in zip(drawn, faces["depthwise filters"], strict=True)
    }
    lines: list[list[OffsetBox | None]] = [[tiles[c] for c in line] for line in s.drawn]
    if len(s.drawn) < s.channels:
        lines.insert(-1, [text("⋮", size=TITLE), *[None] * (len(lines[0]) - 1)])
    hues = [s.color(c, "filter") for c in range(maps)]
    points = [
        solid(f"pointwise-{n}", weights, hues, face, title=f"n = {n}")
        for n, face in enumerate(faces["pointwise filters"])
    ]
    for drawing, volume, side in (
        (source, slab, side_text("Dᵤ", *s.layer.x.shape[1:3])),
        (tiles[s.drawn[-1][0]], one, side_text("Dᵣ", height, width)),
        (results, result, side_text("Dᵥ", *s.layer.y.shape[1:3])),
    ):
        drawing.labels(volume, Labels(width=side))
    bodies = [source, grid(lines), results, column(*points), output_volume(s, cell, *faces["output"])]
    titles = [
        f"input\n{shape_text(s.layer.x.shape[1:])}",
        f"{s.count}\ndepthwise\n{plural('filter', maps)}\n{shape_text((height, width, 1))}",
        f"{s.count} {plural('map', maps)}\n{shape_text(s.filtered.shape[1:])}",
        f"N = {outputs}\npointwise\n{plural('filter', outputs)}\n1×1×{maps}",
        f"output\n{shape_text(s.layer.y.shape[1:])}",
    ]
    return volume_row(titles, bodies, [s.left_out[name] for name in PARTS], "∗=∗=", page)


def output_volume(s: Separable, cell: float, face: Face | None, name: str = "output") -> Drawing:
    """The output in one piece."""
    volume, color = replace(s.layer.output_volume, cell=cell), ROLES["output"]
    drawing = solid(name, volume, [color] * volume.channels, face)
    drawing.labels(volume, Labels(width=f"{side_text('Dᵥ', volume.height, volume.width)}, N = {volume.channels}"))
    return drawing


def volume_row(
    titles: Sequence[str],
    bodies: Sequence[OffsetBox],
    below: Sequence[Sequence[str]],
    signs: Sequence[str | OffsetBox],
    page: Page | None = None,
    most: float = inf,
) -> OffsetBox:
    """Boxes under titles, with notes below and signs between them.

    Over the whole width of a page, if there is one, but with no more than `most` inches beside a sign.
    """
    rows: list[list[OffsetBox | None]] = [[], []]
    for head, body, notes, sign in zip(titles, bodies, below, [*signs, ""], strict=True):
        rows[0] += [title(head), None]
        rows[1] += [
            column(body, *map(note, filter(None, notes)), gap=0.05),
            text(sign, size=13) if isinstance(sign, str) else sign,
        ]
    rows = [line[:-1] for line in rows]
    gap = 0.035
    if page:
        gap = min(most, (page.inner - page.size(grid(rows, gaps=(0, 0)))[0]) / (len(rows[0]) - 1))
    return grid(rows, gaps=(gap, 0.12), along=("bottom", "center"))
