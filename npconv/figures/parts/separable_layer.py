"""One depthwise separable convolution as the figures draw it: its arrays, what the kernels make of them, volumes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...kernels import arguments
from ...kernels.depthwise import depthwise_conv2d
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.separable import depthwise_separable_conv2d, factored_kernel
from ...kernels.signatures import SEPARABLE
from ...text import shape_text
from .drawing import ROLES, Volume, text_width
from .layer import Layer, layer_from
from .slabs import MOST_SLABS, Block, Face, Part, Row, Stack, channel_color, channel_stack, drawn_channels, solid_stack
from .values import Given, are_whole, array_from, number_texts, plural, side_text, sum_text


@dataclass(frozen=True)
class Separable:
    """One depthwise separable convolution: `layer` has its arrays, and its maps times the weights of filter 0."""

    layer: Layer
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
        """How many pointwise filters are drawn."""
        maps, filters = map(int, self.pointwise.shape)
        return min(filters, 4 if maps <= 6 else 3)

    def notes(self, drawn: Sequence[int]) -> list[str]:
        """What has to be said about a drawing with these of its maps."""
        maps, inputs = self.depthwise.shape[-1], len({c // self.multiplier for c in drawn})
        notes = []
        if self.layer.input_volume.padding != ((0, 0), (0, 0)):
            notes.append("dotted: padding, zeros in every channel")
        if len(drawn) < maps:
            left = f"{inputs} of the {self.channels} channels of the input, and " if inputs < self.channels else ""
            notes.append(f"{left}{len(drawn)} of the {maps} depthwise filters and maps are drawn")
        return notes

    @property
    def volume_notes(self) -> list[str]:
        """What has to be said about `separable_row`."""
        notes, output = self.notes([c for row in self.drawn for c in row]), self.layer.output_volume
        weights = Volume(1, 1, int(self.pointwise.shape[0]))
        if weights.drawn_channels < weights.channels:
            notes.append(
                f"pointwise filters: {weights.drawn_channels} of {weights.channels} weights are drawn, the last behind "
                "a gap"
            )
        if output.drawn_channels < output.channels:
            notes.append(
                f"output: {output.drawn_channels} of {output.channels} channels are drawn, the last behind a gap"
            )
        if self.multiplier > 1:
            notes.append("filters and maps are labelled m, q")
        return notes

    def color(self, c: int, role: str) -> str:
        """The hue of the input channel that map c is of, or its role's."""
        return channel_color(c // self.multiplier, self.channels, role)

    def label(self, c: int) -> str:
        """Which map c is."""
        m, q = divmod(c, self.multiplier)
        return f"m = {m}" if self.multiplier == 1 else f"m = {m}, q = {q}"

    def short(self, c: int) -> str:
        """Which map c is, where there is little room: the same, or without the names of m and q."""
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

    @property
    def rounded(self) -> bool:
        """Whether what is drawn is rounded."""
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


def separable_row(s: Separable, *, plain: bool = False) -> Row:
    """Input, depthwise filters, maps, pointwise filters and output; plain without numbers and frames."""
    (height, width, maps), outputs = s.depthwise.shape, s.pointwise.shape[1]
    points = s.drawn_filters
    more = f"… and {outputs - points} more" if outputs > points else ""
    sides = side_text("Dᵥ", *s.layer.y.shape[1:3])
    return Row(
        (
            input_block(s, plain=plain),
            Block(
                "depthwise filters",
                f"{s.count} depthwise\n{plural('filter', maps)} {shape_text((height, width, 1))}",
                _filter_grid(s, plain),
                side_text("Dᵣ", height, width),
                narrow=f"{s.count}\ndepthwise\n{plural('filter', maps)} {shape_text((height, width, 1))}",
            ),
            Block(
                "maps",
                f"{s.count} {plural('map', maps)}\n{shape_text(s.filtered.shape[1:])}",
                [[_maps(s, plain)]],
                sides,
            ),
            Block(
                "pointwise filters",
                f"N = {outputs} pointwise\n{plural('filter', outputs)} 1×1×{maps}",
                [[_pointwise_filter(s, n, plain)] for n in range(points)],
                more=more,
                narrow=f"N = {outputs}\npointwise\n{plural('filter', outputs)} 1×1×{maps}",
            ),
            output_block(s, plain=plain),
        ),
        "∗=∗=",
    )


def input_block(s: Separable, *, plain: bool = False, solid: bool = False) -> Block:
    """The input, its channels apart or in one piece."""
    layer = s.layer
    face = Face() if plain else Face(number_texts(layer.padded[..., 0]), frame=(layer.patch_rows, layer.patch_columns))
    if solid:
        colors = [channel_color(m, s.channels, "input") for m in range(s.channels)]
        stack = solid_stack("standard-input", layer.input_volume, colors, f"M = {s.channels}", face)
    else:
        ms = [row[0] // s.multiplier for row in s.drawn]
        colors = [channel_color(m, s.channels, "input") for m in ms]
        slab = replace(layer.input_volume, channels=1)
        stack = channel_stack("input", slab, ms, colors, [f"m = {m}" for m in ms], face)
    return Block("input", f"input\n{shape_text(layer.x.shape[1:])}", [[stack]], side_text("Dᵤ", *layer.x.shape[1:3]))


def output_block(s: Separable, *, plain: bool = False, name: str = "output") -> Block:
    """The output, in one piece."""
    layer, outputs = s.layer, s.pointwise.shape[1]
    face = Face() if plain else Face(number_texts(layer.y[0, ..., 0]), frame=([layer.row], [layer.column]))
    stack = solid_stack(name, layer.output_volume, [ROLES["output"]] * outputs, f"N = {outputs}", face)
    return Block("output", f"output\n{shape_text(layer.y.shape[1:])}", [[stack]], side_text("Dᵥ", *layer.y.shape[1:3]))


def _maps(s: Separable, plain: bool) -> Stack:
    drawn = [c for row in s.drawn for c in row]
    layer, slab = s.layer, Volume(s.filtered.shape[1], s.filtered.shape[2], 1)
    face = Face() if plain else Face(number_texts(s.filtered[0, ..., 0]), frame=([layer.row], [layer.column]))
    colors = [s.color(c, "intermediate") for c in drawn]
    return channel_stack("map", slab, drawn, colors, [s.short(c) for c in drawn], face)


def _pointwise_filter(s: Separable, n: int, plain: bool) -> Stack:
    maps = s.pointwise.shape[0]
    face = Face() if plain else Face(number_texts(s.pointwise[:1, n : n + 1]), frame=([0], [0]) if n == 0 else None)
    colors = [s.color(c, "filter") for c in range(maps)]
    return solid_stack(f"pointwise-{n}", Volume(1, 1, maps), colors, "", face, f"n = {n}")


def _filter_grid(s: Separable, plain: bool) -> list[list[Stack]]:
    """The depthwise filters that are drawn, a row for each input channel."""
    grid = []
    for before, row in zip([[], *s.drawn], s.drawn, strict=False):
        apart = bool(before) and row[0] > before[0] + s.multiplier
        grid.append([_filter(s, c, plain, apart) for c in row])
    return grid


def _filter(s: Separable, c: int, plain: bool, apart: bool) -> Stack:
    volume = Volume(s.depthwise.shape[0], s.depthwise.shape[1], 1)
    face = Face() if plain else Face(number_texts(s.depthwise[..., c]))
    return Stack((Part(f"filter-{c}", volume, s.color(c, "filter"), face=face, apart=apart),), title=s.short(c))
