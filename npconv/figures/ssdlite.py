"""SSDLite on an image: the maps with their cells, the default boxes of a cell to scale, and the heads on each map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.offsetbox import OffsetBox

from ..data import Photograph
from ..kernels.arguments import instance, pair
from ..kernels.geometry import Array
from ..models import SSDLite, mobilenet_v2, ssdlite as build
from ..text import counted, listed, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import Cuboid
from .parts.box_pictures import FOUND, BoxPicture, headed
from .parts.drawing import BACK, INK, SMALL
from .parts.layout import Grid, Page, column, grid, note, row, text
from .parts.lines import wrapped
from .parts.photograph import photograph_from
from .parts.tables import table
from .parts.values import place_from

NAME = "ssdlite"
IN_CHANNELS = 3
CODES = 4  # numbers of a box
MOST_MAPS = 9
ACROSS = 3  # pictures side by side
LARGEST = 2.2  # inches of the image's longer side, at the most
HEADINGS = ("map", "output", "default boxes", "classes", "codes", "parameters", "MACs")
GAPS = (0.12, 0.05)  # inches between columns, at least, and between rows
THICKEST, HIGHEST = 1.2, 0.5  # inches of a volume, at the most


@dataclass(frozen=True)
class DetectorMap:
    """A map with heads: the layer that makes it, its shape, a cell of it with its default boxes, the heads' cost."""

    layer: str
    shape: tuple[int, int, int]
    cell: tuple[int, int]
    boxes: Sequence[tuple[float, float]]  # scale and ratio of each box of a cell
    drawn: Array  # (K, 4), those of the cell
    classes: int
    params: int
    macs: int

    @property
    def count(self) -> int:
        """The number of its default boxes."""
        return self.shape[0] * self.shape[1] * len(self.boxes)

    @property
    def channels(self) -> tuple[int, int]:
        """The output channels of the heads for classes and for codes."""
        return len(self.boxes) * self.classes, len(self.boxes) * CODES

    @property
    def scales(self) -> str:
        """The scales of a cell's boxes, with the ratios of each."""
        ratios: dict[float, list[str]] = {}
        for scale, ratio in self.boxes:
            ratios.setdefault(scale, []).append(_ratio(ratio))
        return "; ".join(f"scale {number_text(scale)}: {', '.join(each)}" for scale, each in ratios.items())


def _ratio(ratio: float) -> str:
    """A ratio of width over height, in whole numbers where it is near to one of few.

    >>> _ratio(2.0), _ratio(0.3333), _ratio(0.6)
    ('2', '1/3', '0.60')
    """
    for whole in range(1, 6):
        for words, value in ((f"{whole}", whole), (f"1/{whole}", 1 / whole)):
            if abs(ratio - value) < 1e-3:
                return words
    return number_text(ratio)


@dataclass(frozen=True)
class DetectorMaps:
    """A detector's maps, what it costs, and the image on which they are drawn."""

    photograph: Photograph
    name: str
    image: tuple[int, int]  # (height, width)
    heads: str
    unit: str  # what a scale is a share of
    maps: Sequence[DetectorMap]
    costs: dict[str, tuple[int, int]]  # parameters and MACs of its parts

    @property
    def count(self) -> int:
        """The number of default boxes."""
        return sum(each.count for each in self.maps)

    @property
    def totals(self) -> tuple[int, int]:
        """All parameters and MACs."""
        params, macs = (sum(cost[i] for cost in self.costs.values()) for i in range(2))
        return params, macs


def ssdlite(
    *,
    photograph: Photograph | Array | None = None,
    detector: SSDLite | None = None,
    width: float = 1.0,
    resolution: int | tuple[int, int] = 320,
    classes: int = 91,
    at: Sequence[int] | None = None,
) -> Figure:
    """SSDLite's maps on an image, the default boxes of a cell of each to scale, and the heads with their sizes.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None. It is
            drawn as the network gets it, stretched to the resolution.
        detector: of `npconv.models.ssdlite`, with at most 9 maps; one on MobileNetV2 if None.
        width, classes: of the detector that is built where none is given.
        resolution: of the image, its side or (height, width).
        at: a place (row, column) in the image; of each map the cell that contains it is drawn. In the middle column,
            two fifths down, if None.

    Returns:
        Figure "ssdlite", a PNG. Its data: for each map its layer, its shape, the cell, the scales and ratios of a
        cell's boxes, the boxes in pixels, the number of default boxes, the heads' output channels, parameters and
        MACs; the costs of the network, of the extra layers and of the heads.

    Raises:
        TypeError, ValueError: as `npconv.models.mobilenet_v2` and `npconv.models.ssdlite`; an image smaller than the
            network's stride, a place outside of it, width or classes beside a detector.

    Source: the MobileNetV2 paper's section 6.2.

    >>> figure = ssdlite(photograph=np.zeros((24, 30, 3), np.uint8), width=0.35, resolution=300, classes=21)
    >>> [each["default boxes"] for each in figure.data["maps"]], figure.data["default boxes"]
    ([1083, 600, 150, 54, 24, 6], 1917)
    """
    run = _run(photograph, detector, width, resolution, classes, at)
    with drawn_by(NAME, image=run.image):
        figure = _draw(run)
    return Figure(
        name="ssdlite",
        figure=figure,
        data={
            "photograph": {"source": run.photograph.source, "synthetic": run.photograph.synthetic},
            "detector": run.name,
            "image": list(run.image),
            "maps": [
                {
                    "layer": each.layer,
                    "shape": list(each.shape),
                    "cell": list(each.cell),
                    "boxes of a cell": [{"scale": scale, "ratio": ratio} for scale, ratio in each.boxes],
                    "boxes": each.drawn.tolist(),
                    "default boxes": each.count,
                    **dict(zip(("class channels", "code channels"), each.channels, strict=True)),
                    "params": each.params,
                    "macs": each.macs,
                }
                for each in run.maps
            ],
            "default boxes": run.count,
            "costs": {part: dict(zip(("params", "macs"), cost, strict=True)) for part, cost in run.costs.items()},
        },
        alt=_alt(run),
        caption=_caption(run),
        format="png",
    )


def _run(
    photograph: Any, detector: SSDLite | None, width: float, resolution: int | tuple[int, int], classes: int, at: Any
) -> DetectorMaps:
    """Build the detector, and find the cells."""
    photograph = photograph_from(NAME, photograph)
    image = pair(NAME, "resolution", resolution)
    if detector is None:
        detector, name = build(mobilenet_v2(width), classes), f"SSDLite on MobileNetV2 of width multiplier {width:g}"
    else:
        instance(NAME, "detector", detector, SSDLite)
        if len(detector.options.boxes.cells) > MOST_MAPS:
            raise ValueError(f"{NAME}: detector must have at most {MOST_MAPS} maps; got {len(detector.extras) + 2}")
        if (width, classes) != (1.0, 91):
            raise ValueError(f"{NAME}: width and classes must not be given with a detector; got {width:g}, {classes}")
        name = f"an SSDLite on a {detector.network.specification.architecture}, given by the caller"
    if at is None:
        at = image[0] * 2 // 5, image[1] // 2
    place = place_from(NAME, at, *image, grid="the image")
    channels = next(iter(detector.network.params.values())).shape[-2]
    try:
        shapes = detector.map_shapes((1, *image, channels))
    except ValueError as error:
        raise ValueError(f"{NAME}: resolution must be one of the detector's images; got {image}: {error}") from error
    cost, anchors = detector.cost((1, *image, channels)), detector.anchors(image)
    layers = [detector.options.first, list(detector.network.layers)[-1], *detector.extras]
    maps, first = [], 0
    for n, ((_, rows, columns, depth), cells) in enumerate(zip(shapes, detector.options.boxes.cells, strict=True)):
        cell = place[0] * rows // image[0], place[1] * columns // image[1]
        begin = first + (cell[0] * columns + cell[1]) * len(cells)
        first += rows * columns * len(cells)
        heads = cost.parts[f"class_{n + 1}"] + cost.parts[f"box_{n + 1}"]
        maps.append(
            DetectorMap(
                layers[n], (rows, columns, depth), cell, cells, anchors[begin : begin + len(cells)], detector.classes,
                heads.params, heads.macs,
            )
        )  # fmt: skip
    network, extras = cost.parts["network"], [cost.parts[extra] for extra in detector.extras]
    costs = {
        "network": (network.params, network.macs),
        "extra layers": (sum(each.params for each in extras), sum(each.macs for each in extras)),
        "heads": (sum(each.params for each in maps), sum(each.macs for each in maps)),
    }
    shorter = detector.options.boxes.relative_to == "shorter"
    unit = "shares of the image's shorter side" if shorter else "shares of the image's sides"
    return DetectorMaps(photograph, name, image, detector.options.heads, unit, maps, costs)


# How it is drawn


def _draw(run: DetectorMaps) -> matplotlib.figure.Figure:
    """A picture for each map, and below them a table of the maps and their heads."""
    page = Page()
    largest = LARGEST / max(run.image)
    pictures = page.fitted(lambda inches: _pictures(run, inches), largest, least=largest / 8)[0]
    words = (
        f"The image, {shape_text(run.image)}, under the cells of each map. One cell is framed; its default boxes are "
        f"drawn to scale, all centred on it. Above each picture: the scales of the boxes, {run.unit}, and for each "
        "scale the ratios of width to height."
    )
    heads = "3×3 depthwise, then 1×1" if run.heads == "separable" else "3×3"
    about = (
        "The first map lies inside the network, the second is its last layer's, and each extra layer halves the map "
        f"before it. Each map has two heads ({heads}): one gives each default box a logit, or score, for every class, "
        f"the other {CODES} codes, which move and resize it. Parameters and MACs are those of the heads."
    )
    return page.finish(
        column(
            headed("default boxes", words, pictures.spread(page.inner, flush=True), width=page.inner, gap=0.14),
            headed("maps and heads", about, _table(page, run), width=page.inner, gap=0.14),
            note("\n".join(wrapped(_costs(run), 0.97 * page.inner))),
            gap=0.14,
            align="left",
        )
    )


def _pictures(run: DetectorMaps, inches: float) -> Grid:
    """The pictures in rows, with the words above each."""
    boxes: list[OffsetBox | None] = []
    for n, each in enumerate(run.maps):
        head = f"{shape_text(each.shape[:2])}, {len(each.boxes)} a cell"
        boxes.append(headed(head, each.scales, _picture(run, n, inches)))
    across = min(ACROSS, len(boxes))
    boxes += [None] * (-len(boxes) % across)
    lines = [boxes[i : i + across] for i in range(0, len(boxes), across)]
    return grid(lines, gaps=(0.2, 0.15), across="left", along="top")


def _picture(run: DetectorMaps, n: int, inches: float) -> BoxPicture:
    """The image under a map's cells, with the default boxes of one of them."""
    each, (height, width) = run.maps[n], run.image
    rows, columns, _ = each.shape
    row_of_it = [other.drawn for other in run.maps[n // ACROSS * ACROSS :][:ACROSS]]
    room = np.concatenate(row_of_it)  # so that the images of a row are at one height
    room[:, 1::2] = each.drawn[:, 1].min(), each.drawn[:, 3].max()
    picture = BoxPicture(f"image-{n}", run.photograph.pixels / 255, inches, room, size=run.image)
    lines = [[(0.0, -height * i / rows), (width, -height * i / rows)] for i in range(1, rows)]
    lines += [[(width * i / columns, 0.0), (width * i / columns, -height)] for i in range(1, columns)]
    if lines:
        ends: Any = np.array(lines) * inches
        cells = LineCollection(ends, colors="white", linewidths=0.5, gid=f"cells-{n}", zorder=1.6)
        picture.add(cells)
    for i, box in enumerate(each.drawn):
        picture.box(f"box-{n}-{i}", box, FOUND, width=1.2)
    (row, column), (down, right) = each.cell, (height / rows, width / columns)
    picture.box(f"cell-{n}", (row * down, column * right, (row + 1) * down, (column + 1) * right), INK, width=1.8)
    return picture


def _table(page: Page, run: DetectorMaps) -> Grid:
    """A row for each map: its layer, its volume, its default boxes, and its heads."""
    most = [max(each.shape[i] for each in run.maps) for i in range(3)]
    channel, side = THICKEST / most[2], HIGHEST / (most[0] + most[1] * BACK[1])
    rows: list[list[OffsetBox | None]] = []
    for n, each in enumerate(run.maps):
        height, width, depth = each.shape
        cuboid = Cuboid(depth * channel, height * side, width * side, False)
        volume = row(cuboid.box(f"map-{n}", THICKEST + most[1] * side * BACK[0]), note(shape_text(each.shape)))
        count = len(each.boxes)
        classes, codes = each.channels
        rows.append(
            [
                note(each.layer),
                volume,
                note(f"{height}·{width}·{count} = {each.count:,}"),
                note(f"{count}·{each.classes} = {classes:,}"),
                note(f"{count}·{CODES} = {codes}"),
                note(f"{each.params:,}"),
                note(f"{each.macs:,}"),
            ]
        )
    sums = [f"{run.count:,}", "", "", *(f"{cost:,}" for cost in run.costs["heads"])]
    totals: list[OffsetBox | None] = [text("in all", size=SMALL, weight="bold"), None]
    totals += [text(words, size=SMALL, weight="bold") if words else None for words in sums]
    return table(page, HEADINGS, rows, totals, (2, 3, 4, 5, 6), GAPS)


def _costs(run: DetectorMaps) -> str:
    """The sentences about what the parts cost."""
    parts = [f"the {part} {params:,} and {macs:,}" for part, (params, macs) in run.costs.items()]
    params, macs = run.totals
    return f"Parameters and MACs: {listed(parts)}; in all {params:,} and {macs:,}."


def _alt(run: DetectorMaps) -> str:
    def told(each: DetectorMap) -> str:
        return f"{each.layer}, {shape_text(each.shape)}: {len(each.boxes)} a cell, {each.count:,} in all"

    return (
        f"{counted('time', len(run.maps)).capitalize()} {run.photograph.source}, each with the cells of one map of "
        f"{run.name}, and the default boxes of one cell, from small ones to some that reach outside the image. "
        f"Below, a table of the maps, each with its volume. {'; '.join(map(told, run.maps))}. Together {run.count:,}."
    )


def _caption(run: DetectorMaps) -> str:
    first, last = run.maps[0], run.maps[-1]
    kind = "a depthwise 3×3 and a pointwise convolution" if run.heads == "separable" else "a 3×3 convolution"
    return four_part_caption(
        claim=(
            f"{run.name} has {run.count:,} default boxes on {counted('map', len(run.maps))}, from "
            f"{shape_text(first.shape)}, {first.layer}, to {shape_text(last.shape)}; {kind} on each map gives every "
            f"box {counted('logit', first.classes)} and {CODES} codes. {_costs(run)}"
        ),
        computed=(
            "Shapes and costs are those of npconv.models.ssdlite, batch normalisation's parameters included; boxes are "
            f"npconv.detection.default_boxes, on {run.photograph.source}, stretched to {shape_text(run.image)}."
        ),
        scale=[
            "All pictures have one scale; boxes are not clipped at the image",
            "the volumes' thickness is in proportion to the channels, their height to the map's, on one scale, their "
            "depth is drawn at half",
        ],
        not_shown=[
            "the default boxes of the other cells",
            "the layers inside the network and the extra layers",
        ],
    )
