"""The article's Fig. 6: the feature maps inside an inverted residual that runs on a real image, stage by stage."""

import math
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import matplotlib.figure
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea, OffsetBox
from matplotlib.patches import FancyArrowPatch

from ..data import Photograph
from ..kernels.arguments import LARGEST_SEED, integer
from ..kernels.geometry import Array, Pair
from ..text import counted, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .files import PNG_DPI
from .parts.drawing import MARGIN, ROLES, SMALLEST, WIDTH
from .parts.layout import Drawing, Page, arrow_under, column, grid, note, row, text, title
from .parts.lines import wrapped
from .parts.stages import BlockRun, StageMaps, run_block, shades, source_from, words_from

NAME = "inverted_residual_maps"
MOST_COLUMNS = 8
MOST_CHANNELS = 512  # for each of the input's, of random kernels
HALF = 3.46  # inches for the maps of a stage
GAP, LABEL, BESIDE = 0.06, 0.17, 0.25  # inches: between maps, for the label below one, and for the shortcut
GRID_HEIGHT, MAP_HEIGHT = 2.5, 1.0  # inches, the most
BLUE = ROLES["shortcut"]


def inverted_residual_maps(
    *,
    photograph: Photograph | Array | None = None,
    x: Array | None = None,
    expand: Array | None = None,
    depthwise: Array | None = None,
    project: Array | None = None,
    stride: Pair = 1,
    expansion: int = 6,
    out_channels: int | None = None,
    weights: str = "given by the caller",
    seed: int = 0,
) -> Figure:
    """The feature maps inside an inverted residual on a real image: what each step makes, and how much ReLU6 drops.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None. Blocks
            of pixels are averaged until no side is above 50, and scaled to [−1, 1]; k is 3 then.
        x: a feature map (1, Dᵤ, Dᵤ, k) instead of a photograph, 4 to 256 a side.
        expand: the pointwise kernel (k, tk); random if None, and left out where expansion is 1.
        depthwise: (Dᵣ, Dᵣ, tk); random and 3×3 if None.
        project: the pointwise kernel (tk, k′); random if None.
        stride: of the depthwise convolution, an int or a pair.
        expansion: t of the random kernels; at 1 the block has neither expand nor its ReLU6.
        out_channels: k′ of the random project; k if None.
        weights: what is said of the kernels that are given, as "trained on …".
        seed: of the random kernels: normal, with variance 2/fan-in, drawn in the order expand, depthwise, project.

    Returns:
        Figure "inverted-residual-maps", a PNG. Its data: for each stage "shape", "drawn" maps, "limit" of the greys and
        every 16th value across and down; after a ReLU6 also how many "values" there are, "zeros" and "at six", and the
        zeros of each map drawn; and whether there is a "shortcut".

    Raises:
        TypeError, ValueError: as `npconv.inverted_residual`, and for images of another kind or size than these.

    Source: the article's Fig. 6, "Inverted Residual and Linear Bottleneck Layer".

    >>> figure = inverted_residual_maps(photograph=np.full((24, 30, 3), 9, np.uint8), stride=2)
    >>> [stage["shape"] for stage in figure.data["stages"]][-2:], figure.data["shortcut"]
    ([[12, 15, 18], [12, 15, 3]], False)
    """
    expansion = integer(NAME, "expansion", expansion, 1, MOST_CHANNELS)
    out_channels = None if out_channels is None else integer(NAME, "out_channels", out_channels, 1, MOST_CHANNELS)
    seed = integer(NAME, "seed", seed, 0, LARGEST_SEED)
    words = words_from(NAME, "weights", weights)
    given = {"expand": expand, "depthwise": depthwise, "project": project}
    block = run_block(NAME, source_from(NAME, photograph, x), given, stride, expansion, out_channels, words, seed)
    with drawn_by(NAME, x=block.source.x[0]):
        figure = _draw(block)
    source = block.source.photograph
    return Figure(
        name="inverted-residual-maps",
        figure=figure,
        data={
            "photograph": source
            and {"source": source.source, "synthetic": source.synthetic, "averaged over": block.source.side},
            "weights": block.weights,
            "seed": seed,
            "kernel": list(block.kernel),
            "stride": list(block.stride),
            "shortcut": not block.no_shortcut,
            "stages": [stage.data for stage in block.stages.values()],
        },
        alt=_alt(block),
        caption=_caption(block),
        format="png",
    )


Stage: TypeAlias = tuple[OffsetBox | None, OffsetBox]  # the heading and the maps


class _Cells(NamedTuple):
    """The places of the maps of every stage: columns, and the room for a map and to the next one, in inches."""

    columns: int
    width: float
    height: float
    pitch: float


def _cells(page: Page, block: BlockRun) -> _Cells:
    """The largest maps whose rows are not too high; where a pixel is a dot or more, all pixels have whole dots."""
    most = max(stage.drawn for stage in block.stages.values())
    rows, columns = block.source.x.shape[1:3]
    for across in range(most if most <= 4 else 3, MOST_COLUMNS + 1):
        side = min(((HALF + GAP) / across - GAP) / columns, MAP_HEIGHT / rows)
        down = math.ceil(most / across)
        if across == MOST_COLUMNS:
            side = min(side, (GRID_HEIGHT / down - LABEL) / rows)
        if down * (side * rows + LABEL) <= GRID_HEIGHT + 1e-9:
            break
    dots = side * PNG_DPI + 1e-9
    side = math.floor(dots) / PNG_DPI if dots >= 1 else side
    label = page.size(text("100 %", size=SMALLEST))[0]
    return _Cells(across, side * columns, side * rows, max(side * columns, label) + GAP)


def _draw(block: BlockRun) -> matplotlib.figure.Figure:
    """Rows of two stages, each with its operator before it, and the shortcut around them."""
    page, stages = Page(), block.stages
    cells = _cells(page, block)
    drawn = {stage.name: (_heading(stage), _maps(stage, cells)) for stage in stages.values()}
    rows: list[list[OffsetBox | None]] = []
    ends: list[tuple[OffsetBox | None, OffsetBox]] = []  # of each row: its operator, and its last maps

    def add(operator: str, left: Stage, then: str, right: Stage) -> None:
        rows.append([None, left[0], None, right[0]])
        before, after = (arrow_under(text(name)) if name else None for name in (operator, then))
        ends.append((before, right[1]))
        rows.append([before, left[1], after, right[1]])
        rows.append([DrawingArea(0, 72 * 0.16), None, None, None])

    add("", _source(block, cells), "÷ 127.5\n− 1" if block.source.photograph else "", drawn["input"])
    if "expanded" in stages:
        add("1×1\nexpand", drawn["expanded"], "ReLU6", drawn["expanded ReLU6"])
    operator = f"{shape_text(block.kernel)}\ndepthwise\n{block.strided}"
    add(operator, drawn["depthwise"], "ReLU6", drawn["depthwise ReLU6"])
    if block.no_shortcut:
        end = f"no shortcut, as {block.no_shortcut}:\nthe projected maps are the block's output"
        add("1×1\nproject", drawn["projected"], "", (None, text(end, align="left")))
    else:
        add("1×1\nproject", drawn["projected"], "+ x", drawn["output"])
    along = ("top", "center", "center") * (len(rows) // 3)
    box = grid(rows[:-1], gaps=(0.08, 0.06), across=("center", "left") * 2, along=along[:-1])
    figure = page.finish(row(box, DrawingArea(72 * BESIDE, 0), gap=0))
    for (_, maps), (operator_box, _) in pairwise(ends):
        assert operator_box is not None  # every row but the first has one
        _draw_return(page, maps, operator_box)
    if not block.no_shortcut:
        _draw_shortcut(page, drawn["input"][1], drawn["output"][1])
    return figure


def _heading(stage: StageMaps) -> OffsetBox:
    name = "input x" if stage.name == "input" else stage.name
    heading = title(f"{name}, {shape_text(stage.maps.shape)}")
    return column(heading, _wrapped(stage.note, HALF), gap=0.03, align="left")


def _wrapped(words: str, width: float) -> OffsetBox:
    return note("\n".join(wrapped(words.replace("seed ", "seed\u00a0"), width)))


def _source(block: BlockRun, cells: _Cells) -> Stage:
    """The photograph, what the greys mean and what the weights are."""
    strips = []
    ramp = np.linspace(-1, 1, 49)[np.newaxis]
    for name, values, active, words in (
        ("key-signed", ramp, False, "signed: mid-grey is 0"),
        ("key-active", np.maximum(ramp, 0), True, "after ReLU6: black is exactly 0"),
    ):
        strip = Drawing()
        strip.image(name, values, (0.6, 0.11), *shades(1.0, active))
        strips.append(row(strip, note(words), gap=0.08))
    source = block.source
    width = HALF - (cells.width + 0.15 if source.photograph else 0)
    key = column(*strips, _wrapped(block.weights_text, width), gap=0.05, align="left")
    if source.photograph is None or source.pixels is None:
        return title("what the greys mean"), key
    picture = Drawing()
    picture.image(
        "photograph",
        source.pixels / 255,
        (cells.width, cells.height),
        mixed=cells.width * PNG_DPI < source.pixels.shape[1],
    )
    kind = "picture" if source.photograph.synthetic else "photograph"
    pixels = f"averaged over {source.side}×{source.side} pixels" if source.side > 1 else "its own pixels"
    heading = title(f"{kind}, {shape_text(source.pixels.shape)}")
    return column(heading, note(pixels), gap=0.03, align="left"), row(picture, key, gap=0.15, align="top")


def _maps(stage: StageMaps, cells: _Cells) -> Drawing:
    """The maps of a stage, with a label below each."""
    drawing = Drawing()
    height, width = stage.maps.shape[:2]
    side = min(cells.width / width, cells.height / height)
    for c, label in enumerate(stage.labels):
        x, y = c % cells.columns * cells.pitch, -(c // cells.columns) * (cells.height + LABEL)
        colors, low = shades(stage.limit, stage.active)
        size, name = (width * side, height * side), f"{stage.name}-{c}"
        corner = (x - size[0] / 2, y + size[1] / 2)
        mixed = side * PNG_DPI < 1
        drawing.image(name, stage.maps[..., c], size, colors, low, stage.limit, at=corner, mixed=mixed)
        drawing.text(x, y - cells.height / 2 - 0.03, label, size=SMALLEST, along="top")
    return drawing


def _draw_return(page: Page, maps: OffsetBox, operator: OffsetBox) -> None:
    """Draw a thin line from the maps at the end of a row to the operator at the beginning of the next one."""
    start, end = page.where(maps, operator)
    x, middle, level = start.x0 + 0.3, (end.x0 + end.x1) / 2, start.y0 - 0.1
    corners = [(x, start.y0 - 0.02), (x, level), (middle, level), (middle, end.y1 + 0.06)]
    inches: dict[str, Any] = {"color": ROLES["padding"], "transform": page.figure.dpi_scale_trans}
    page.figure.add_artist(Line2D(*zip(*corners, strict=True), linewidth=1.2, **inches))


def _draw_shortcut(page: Page, start: OffsetBox, end: OffsetBox) -> None:
    """Draw a line from the right of one box around the edge of the page to the right of another."""
    figure, edge = page.figure, WIDTH - MARGIN - 0.03
    (x, y), (end_x, end_y) = ((box.x1 + 0.08, (box.y0 + box.y1) / 2) for box in page.where(start, end))
    inches: dict[str, Any] = {"color": BLUE, "transform": figure.dpi_scale_trans}
    corners = [(x, y), (edge, y), (edge, end_y), (end_x + 0.15, end_y)]
    figure.add_artist(Line2D(*zip(*corners, strict=True), linewidth=1.6, **inches))
    head = FancyArrowPatch(
        (end_x + 0.2, end_y), (end_x, end_y), arrowstyle="-|>", mutation_scale=9, shrinkB=0, **inches
    )
    figure.add_artist(head)
    figure.text(edge - 0.05, (y + end_y) / 2, "shortcut", rotation=90, ha="right", va="center", **inches)


def _alt(block: BlockRun) -> str:
    source = block.source.photograph
    lines = [f"Rows of small maps from an inverted residual block on {source.source if source else 'an input'}."]
    for stage in block.stages.values():
        channels = stage.maps.shape[-1]
        some = f"{stage.drawn} of " if stage.drawn < channels else ""
        zeros = f", {stage.share} of the values zero, drawn black" if stage.active else ""
        lines.append(f"{stage.name}: {some}{counted('map', channels)} of {shape_text(stage.maps.shape[:2])}{zeros}.")
    lines.append(
        f"There is no shortcut, as {block.no_shortcut}."
        if block.no_shortcut
        else "A blue line leads from the input to the output, where it is added."
    )
    return " ".join(lines)


def _caption(block: BlockRun) -> str:
    source, stages = block.source, block.stages
    channels = {name: stage.maps.shape[-1] for name, stage in stages.items()}
    of, left_out = "x, given by the caller", []
    for stage in stages.values():
        if stage.drawn < channels[stage.name]:
            left_out.append(f"{channels[stage.name] - stage.drawn} of the {channels[stage.name]} {stage.name} maps")
    if source.photograph is not None:
        of = f"{source.photograph.source}, averaged over {source.side}×{source.side} pixels and scaled to [−1, 1]"
        height, width = (side % source.side for side in source.photograph.pixels.shape[:2])
        left_out += [
            f"the photograph's last {rest} {side}" for rest, side in ((height, "rows"), (width, "columns")) if rest
        ]
    return four_part_caption(
        claim=(
            "Inside the block k = {k} {k:map becomes|maps become} {wide}, which ReLU6 sets to zero in part, and then "
            "{narrow} again, which are linear; {last}. After ReLU6 {shares} of the values are zero."
        ),
        computed=(
            "npconv.inverted_residual_stages on {of}, with a {block.kernel} depthwise kernel, {block.strided} and "
            "padding 'same'; {block.weights_text}."
        ),
        scale=(
            "All maps are drawn in one size. Before ReLU6 mid-grey is zero, and black and white are minus and plus the "
            "limit written above, beyond which 5 % of the stage's values lie (a photograph's is 1); after ReLU6 black "
            "is exactly zero and positive values go from dark green to white. Below a map: its channel, from 0, or its "
            "share of zeros."
        ),
        not_shown="Not shown: {left_out}.",
        block=block,
        of=of,
        k=channels["input"],
        wide=channels["depthwise"],
        narrow=channels["projected"],
        last=f"no shortcut is added, as {block.no_shortcut}" if block.no_shortcut else "the input is added to them",
        shares=" and ".join(stage.share for stage in stages.values() if stage.active),
        left_out=", ".join([*left_out, "batch normalisation and biases"]),
    )
