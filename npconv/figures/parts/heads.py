"""Heads of segmentation networks as diagrams of volumes and steps, and as tables of what their layers cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib.figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Circle, Polygon

from ...kernels.arguments import instance
from ...layers.elementwise import Activation
from ...models import MobileNet
from ...models.segmenter import Segmenter
from ...text import counted, listed, shape_text
from .blocks import Cuboid, legend, look
from .box_pictures import headed
from .drawing import BACK, FRONT, LABEL_GAP, ROLES, SIDE, SMALL, SMALLEST, TOP, Point, shade, text_width
from .layout import Drawing, Grid, Page, column, note, text
from .tables import table

HEADINGS = ("part", "operator", "input", "output", "parameters", "MACs", "share")
GAPS = (0.12, 0.05)  # inches between columns, at least, and between rows
HIGHEST, CHANNEL = 1.1, 0.02  # inches of the image at the most, and for a root of a channel
RADIUS = 0.1  # of a circle with a sign, in inches
SPARE = 0.16  # inches of an arrow beside its words
GAP = 0.05  # inches between a volume and an arrow
LINE = SMALL * 1.25 / 72

SCALE = (
    "A volume's thickness is in proportion to the root of its channels, its height and depth to the roots of the map's "
    "sides, its depth drawn at half",
    "hatched: no activation made it",
)

Shape = tuple[int, ...]  # (height, width, channels)


class HeadMap(NamedTuple):
    """A map that a head takes: the layer, its output's shape, and True where no activation made it."""

    layer: str
    shape: Shape
    linear: bool

    @property
    def data(self) -> dict[str, Any]:
        """Plain JSON."""
        return self._asdict() | {"shape": list(self.shape)}


@dataclass(frozen=True)
class HeadPart:
    """A layer of a segmentation network: its operator in words, its shapes, and its cost."""

    name: str
    operator: str
    taken: Shape
    given: Shape
    params: int
    macs: int


def parts_of(network: Segmenter, image: tuple[int, int], operators: dict[str, str]) -> list[HeadPart]:
    """The layers of a network on an image, the network itself first; `operators` are their words."""
    shape = (1, *image, network.network.in_channels)
    shapes, cost = network.input_shapes(shape), network.cost(shape)
    given = {"network": network.map_shapes(shape)[-1]}
    for name, taken in shapes.items():
        if name not in given:
            given[name] = network.layers[name].output_shape(taken)
    return [
        HeadPart(
            name, operators[name], taken[1:], _spatial(given[name][1:]), cost.parts[name].params, cost.parts[name].macs
        )
        for name, taken in shapes.items()
    ]


def _spatial(shape: Shape) -> Shape:
    """The shape of a map, which means of maps are too."""
    return (1, 1, *shape) if len(shape) == 1 else shape


def check_given(function: str, network: Any, kind: type, built: Mapping[str, Any], given: Sequence[Any]) -> None:
    """Refuse a network that is not of its kind, or with options that only one that is built has: other than `built`."""
    instance(function, "network", network, kind)
    options = dict(zip(built, given, strict=True))
    if options != built:
        raise ValueError(f"{function}: {listed(list(built))} must not be given with a network; got {options}")


def maps_of(function: str, network: Segmenter, image: tuple[int, int], layers: Sequence[str]) -> list[HeadMap]:
    """The maps that a head takes from a network on an image, from the layers of these names."""
    try:
        shapes = network.map_shapes((1, *image, network.network.in_channels))
    except ValueError as error:
        raise ValueError(f"{function}: resolution must be one of the network's images; got {image}: {error}") from error
    return [
        HeadMap(layer, shape[1:], is_linear(network.network, layer))
        for layer, shape in zip(layers, shapes, strict=True)
    ]


def data_of(parts: Sequence[HeadPart]) -> list[dict[str, Any]]:
    """The parts as plain JSON."""
    return [
        {"part": each.name, "operator": each.operator, "input": list(each.taken), "output": list(each.given),
         "params": each.params, "macs": each.macs}
        for each in parts
    ]  # fmt: skip


def is_linear(network: MobileNet, name: str) -> bool:
    """True where no activation made the output of a layer of a network, which its name says as its parameters' do.

    >>> from npconv.models import mobilenet_v2
    >>> [is_linear(mobilenet_v2(0.1), name) for name in ("block_1", "block_2.expand_relu6", "last_relu6")]
    [True, False, False]
    """
    layer: Any = network
    for part in name.split("."):
        layer = layer.layers[part]
    *_, last = layer.leaves()
    return not isinstance(last, Activation)


class Flow(Drawing):
    """Volumes with steps between them; their sides are roots of channels and of maps' sides, on one scale."""

    def __init__(self, most: float, scale: float) -> None:
        """`most` is the longest side of a map, which is drawn with `scale` times `HIGHEST` inches."""
        super().__init__()
        self.side, self.channel = scale * HIGHEST / math.sqrt(most), scale * CHANNEL

    def cuboid(self, shape: Shape, linear: bool = False) -> Cuboid:
        """The volume of a tensor (height, width, channels)."""
        height, width, channels = map(math.sqrt, shape)
        return Cuboid(channels * self.channel, height * self.side, width * self.side, linear)

    def tensor(
        self, name: str, shape: Shape, at: Point, *, linear: bool = False, color: str | None = None, label: str = "",
        above: bool = False,
    ) -> float:  # fmt: skip
        """Draw a tensor, its front face's left edge with its middle at a place, and its shape below; its right end."""
        cuboid, (x, y) = self.cuboid(shape, linear), at
        low = y - cuboid.height / 2
        for face, strength in (("top", TOP), ("side", SIDE), ("front", FRONT)):
            corners = [(x + right, low + up) for right, up in cuboid.faces[face]]
            painted = look(linear, strength) | ({} if color is None else {"facecolor": shade(color, strength)})
            self.add(Polygon(corners, joinstyle="round", gid=f"{name}-{face}", **painted))
        words = "\n".join(filter(None, (label, shape_text(shape))))
        edge = low + cuboid.size[1] + LABEL_GAP if above else low - LABEL_GAP
        self.text(x + cuboid.size[0] / 2, edge, words, size=SMALLEST, along="bottom" if above else "top")
        return x + cuboid.size[0]

    def below(self, shape: Shape, y: float, lines: int = 1) -> float:
        """The lower edge of a volume at a height, its words included."""
        return y - self.cuboid(shape).height / 2 - LABEL_GAP - lines * SMALLEST * 1.25 / 72

    def step(self, start: Point, name: str, operator: str, *, end: float | None = None) -> float:
        """An arrow to the right, a name above it and an operator below; the place behind it."""
        x, y = start[0] + GAP, start[1]
        stop = x + SPARE + max(text_width(name, SMALL), text_width(operator, SMALLEST)) if end is None else end - GAP
        self.arrow((x, y), (stop, y))
        self.text((x + stop) / 2, y + 0.06, name, size=SMALL, along="bottom")
        self.text((x + stop) / 2, y - 0.06, operator, size=SMALLEST, along="top")
        return stop + GAP

    def sign(self, at: Point, name: str, kind: str) -> None:
        """A circle with × or + in it."""
        color, arm, (x, y) = ROLES["shortcut"], RADIUS * 0.6, at
        self.add(Circle(at, RADIUS, fc="white", ec=color, linewidth=1.6, zorder=2, gid=name))
        a = arm * math.sqrt(0.5)
        arms = (
            (((-arm, 0), (arm, 0)), ((0, -arm), (0, arm))) if kind == "+" else (((-a, -a), (a, a)), ((-a, a), (a, -a)))
        )
        for n, ((x0, y0), (x1, y1)) in enumerate(arms):
            ends = (x + x0, x + x1), (y + y0, y + y1)
            self.add(Line2D(*ends, color=color, linewidth=1.6, zorder=2.1, gid=f"{name}-arm-{n}"))


def back(cuboid: Cuboid) -> float:
    """The height of a volume's top face."""
    return cuboid.depth * BACK[1]


def head_page(
    title: str, words: str, draw: Callable[[float], Flow], most: int, about: str, parts: Sequence[HeadPart]
) -> matplotlib.figure.Figure:
    """The page: the diagram that `draw` gives at a scale, a legend for `most` channels, and the table of the parts."""
    page = Page()
    flow, _ = page.fitted(draw, 1.4, least=0.3)
    return page.finish(
        column(
            headed(title, words, flow, width=page.inner, gap=0.12),
            flow_legend(page, flow, most),
            headed("what the parts cost", about, parts_table(page, parts), width=page.inner, gap=0.1),
            gap=0.14,
            align="left",
        )
    )


def parts_table(page: Page, parts: Sequence[HeadPart]) -> Grid:
    """A row for each part, and their sums."""
    params, macs = sum(each.params for each in parts), sum(each.macs for each in parts)
    rows: list[list[OffsetBox | None]] = [
        [
            note(words)
            for words in (
                each.name, each.operator, shape_text(each.taken), shape_text(each.given), f"{each.params:,}",
                f"{each.macs:,}", percent_of(each.macs, macs),
            )
        ]
        for each in parts
    ]  # fmt: skip
    sums = ["in all", "", "", "", f"{params:,}", f"{macs:,}", "100 %"]
    totals: list[OffsetBox | None] = [text(words, size=SMALL, weight="bold") if words else None for words in sums]
    return table(page, HEADINGS, rows, totals, (4, 5, 6), GAPS)


def percent_of(part: int, whole: int) -> str:
    """A share in percent, with a digit after the point.

    >>> percent_of(1, 8), percent_of(1, 9999)
    ('12.5 %', '<0.1 %')
    """
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.05 else "<0.1 %"


def flow_legend(page: Page, flow: Flow, most: int) -> OffsetBox:
    """A line across the page that explains the volumes."""
    count = 4 ** ((most.bit_length() - 1) // 2)
    bars = {n: math.sqrt(n) * flow.channel for n in (max(1, count // 4), count)}
    return legend(page, "after an activation", bars, "thickness ∝ √channels, height ∝ √(map height)")


def costs_in_words(parts: Sequence[HeadPart]) -> str:
    """The sums of a network and of its head, in words."""
    network, *head = parts
    params, macs = sum(each.params for each in head), sum(each.macs for each in head)
    return (
        f"The network has {network.params:,} parameters and {network.macs:,} MACs, the head {params:,} and {macs:,}; "
        f"together {network.params + params:,} and {network.macs + macs:,}"
    )


def told(parts: Sequence[HeadPart]) -> str:
    """The parts in words."""
    return "; ".join(
        f"{each.name}: {each.operator}, {shape_text(each.taken)} to {shape_text(each.given)}, "
        f"{counted('parameter', each.params)}"
        for each in parts
    )
