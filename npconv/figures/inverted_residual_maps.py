"""The article's Fig. 6: the feature maps inside an inverted residual that runs on a real image, stage by stage."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ..data import Photograph
from ..kernels.arguments import LARGEST_SEED, integer
from ..kernels.geometry import Array, Pair
from ..text import plural, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .files import PNG_DPI
from .parts.drawing import LABEL_GAP, MARGIN, ROLES, SMALL, SMALLEST, TITLE, WIDTH, Canvas, text_width
from .parts.stages import BlockRun, Stage, input_from, run_block

Extent = tuple[float, float, float, float]  # left, right, bottom, top

NAME = "inverted_residual_maps"
MOST_COLUMNS = 8
MOST_CHANNELS = 512  # for each of the input's, of random kernels
OPERATOR, BETWEEN, BESIDE = 0.8, 0.72, 0.25  # inches: left of a row, between its halves, and for the shortcut
HALF = (WIDTH - 2 * MARGIN - OPERATOR - BETWEEN - BESIDE) / 2
LEFT, RIGHT = MARGIN + OPERATOR, MARGIN + OPERATOR + HALF + BETWEEN
GAP, NOTE, LINE = 0.06, 0.17, 0.16  # inches: between maps, for the text below one, and for a line of small text
GRID_HEIGHT, MAP_HEIGHT = 2.5, 1.0  # inches, the most
ROW_GAP = 0.2
SIGNED = "gray"
BELOW = "below a map: its channel, or its share of zeros"
POSITIVE = LinearSegmentedColormap.from_list("positive", ["#00553E", ROLES["output"], "white"])
ACTIVE = POSITIVE.with_extremes(under="black")  # zero lies under the smallest positive value


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
    if not isinstance(weights, str):
        raise TypeError(f"{NAME}: weights must be a string; got {weights!r}")
    weights = " ".join(weights.split())
    if not weights or len(weights) > 200 or max(text_width(word, SMALL) for word in weights.split()) > HALF / 2:
        raise ValueError(f"{NAME}: weights must be a few words; got {weights!r}")
    given = {"expand": expand, "depthwise": depthwise, "project": project}
    block = run_block(NAME, *input_from(NAME, photograph, x), given, stride, expansion, out_channels, weights, seed)
    with drawn_by(NAME, x=block.stages["input"].maps):
        canvas = Canvas()
        _draw(canvas, block)
        figure = canvas.finish()
    stages = list(block.stages.values())
    return Figure(
        name="inverted-residual-maps",
        figure=figure,
        data={
            "photograph": None
            if block.photograph is None
            else {
                "source": block.photograph.source,
                "synthetic": block.photograph.synthetic,
                "averaged over": block.averaged,
            },
            "weights": block.weights,
            "seed": seed,
            "kernel": list(block.kernel),
            "stride": list(block.stride),
            "shortcut": block.shortcut,
            "stages": [stage.data for stage in stages],
        },
        alt=_alt(block),
        caption=_caption(block),
        format="png",
    )


@dataclass(frozen=True)
class _Grid:
    """How the maps of every stage are set: columns, and the cell that a map must fit in, in inches."""

    columns: int
    width: float
    height: float

    @property
    def pitch(self) -> float:
        """From one map to the next."""
        return max(self.width, text_width("100 %", SMALLEST)) + GAP

    def rows(self, maps: int) -> int:
        return math.ceil(maps / self.columns)

    def extent(self, maps: int) -> tuple[float, float]:
        """Width and height of a stage's maps with the texts below them."""
        return min(maps, self.columns) * self.pitch - GAP, self.rows(maps) * (self.height + NOTE)


def _grid(block: BlockRun) -> _Grid:
    """The grid with the largest maps that is not too high."""
    most = max(stage.drawn for stage in block.stages.values())
    rows, columns = block.stages["input"].maps.shape[:2]
    for across in range(most if most <= 4 else 3, MOST_COLUMNS + 1):
        width = (HALF + GAP) / across - GAP
        height = min(width * rows / columns, MAP_HEIGHT)
        down = math.ceil(most / across)
        if across == MOST_COLUMNS:
            height = min(height, GRID_HEIGHT / down - NOTE)
        if down * (height + NOTE) <= GRID_HEIGHT + 1e-9:
            break
    dots = height / rows * PNG_DPI  # a side of a pixel, in dots of the file: whole ones, for pixels of one size
    side = math.floor(dots + 1e-9) / PNG_DPI if dots >= 1 else height / rows
    return _Grid(across, side * columns, side * rows)


def _draw(canvas: Canvas, block: BlockRun) -> None:
    """Draw the rows, one below the other, and the shortcut."""
    stages, grid = block.stages, _grid(block)
    kernel = shape_text(block.kernel)
    y = _first_row(canvas, block, grid)
    places = {"input": y[1]}
    top = y[0]
    rows = [("1×1\nexpand x", "expanded")] if "expanded" in stages else []
    rows += [(f"{kernel}\ndepthwise\n{block.strided}", "depthwise"), ("1×1\nproject", "projected")]
    for operator, name in rows:
        second = f"{name} ReLU6" if name != "projected" else "output"
        pair = [stages[stage] for stage in (name, second) if stage in stages]
        texts = [_wrapped(stage.scale, HALF) for stage in pair]
        grid_top = top - 0.21 - LINE * max(len(lines) for lines in texts) - 0.05
        for stage, lines, left in zip(pair, texts, (LEFT, RIGHT), strict=False):
            _heading(canvas, left, top, stage.heading, lines)
            places[stage.name] = _maps(canvas, stage, grid, left, grid_top)
        _, end, middle = places[name]
        _step(canvas, MARGIN, LEFT, middle, operator)
        if len(pair) == 2:
            _step(canvas, end, RIGHT, middle, "ReLU6" if second != "output" else "+ x")
        else:
            text = f"no shortcut, as {block.no_shortcut}:\nthe projected maps are the block's output"
            canvas.text(RIGHT, middle, text, across="left")
        top = grid_top - max(grid.extent(stage.drawn)[1] for stage in pair) - ROW_GAP
    if block.shortcut:
        _shortcut(canvas, places["input"], places["output"])


def _first_row(canvas: Canvas, block: BlockRun, grid: _Grid) -> tuple[float, tuple[float, float, float]]:
    """Draw the photograph, the key and the input; where the next row begins, and the input's place."""
    stage = block.stages["input"]
    lines = _wrapped(stage.scale, HALF)
    _heading(canvas, RIGHT, 0.0, stage.heading, lines)
    top = -0.21 - LINE * len(lines) - 0.05
    place = _maps(canvas, stage, grid, RIGHT, top)
    x = LEFT
    if block.pixels is not None and block.photograph is not None:
        text = f"averaged over {block.averaged}×{block.averaged} pixels" if block.averaged > 1 else "its own pixels"
        kind = "picture" if block.photograph.synthetic else "photograph"
        _heading(canvas, LEFT, 0.0, f"{kind}, {shape_text(block.pixels.shape)}", [text])
        extent = (x, x + grid.width, top - grid.height, top)
        _image(canvas, "photograph", block.pixels / 255, extent, None, 0, 1)
        _step(canvas, LEFT + HALF, RIGHT, place[2], "÷ 127.5\n− 1")
        x += grid.width + 0.15
    else:
        _heading(canvas, LEFT, 0.0, "what the greys mean", [])
    bottom = min(_key(canvas, x, top, LEFT + HALF - x, block), top - grid.extent(stage.drawn)[1])
    return bottom - ROW_GAP, place


def _key(canvas: Canvas, x: float, top: float, width: float, block: BlockRun) -> float:
    """Draw what the greys mean and say what the weights are; where that ends."""
    ramp = np.linspace(-1, 1, 49)[np.newaxis]
    strips: list[tuple[str, Array, Any, float, str]] = [
        ("key-signed", ramp, SIGNED, -1.0, "signed: mid-grey is 0"),
        ("key-active", np.maximum(ramp, 0), ACTIVE, 1e-6, "after ReLU6: black is exactly 0"),
    ]
    strip, y = 0.6, top - 0.075
    for name, values, colors, low, text in strips:
        _image(canvas, name, values, (x, x + strip, y - 0.055, y + 0.055), colors, low, 1)
        canvas.text(x + strip + 0.08, y, text, size=SMALL, across="left", along="center_baseline")
        y -= 0.2
    words = block.weights_text.replace("seed ", "seed\u00a0").split(" ")
    for line in [*_wrapped(BELOW.split(" "), width, " "), *_wrapped(words, width, " ")]:
        canvas.text(x, y, line, size=SMALL, across="left", along="center_baseline")
        y -= LINE
    return y


def _heading(canvas: Canvas, x: float, y: float, title: str, lines: Sequence[str]) -> None:
    canvas.text(x, y, title, size=TITLE, weight="bold", across="left", along="top")
    for number, line in enumerate(lines):
        canvas.text(x, y - 0.21 - LINE * number, line, size=SMALL, across="left", along="top")


def _wrapped(parts: Sequence[str], width: float, between: str = "; ") -> list[str]:
    """Parts in as few lines of small text as the width allows."""
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}{between}{part}"
        if text_width(joined, SMALL) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _maps(canvas: Canvas, stage: Stage, grid: _Grid, left: float, top: float) -> tuple[float, float, float]:
    """Draw a stage's maps, with a text below each; where they begin and end across, and the middle of their height."""
    rows, columns = stage.maps.shape[:2]
    side = min(grid.width / columns, grid.height / rows)
    zeros = stage.zeros_by_map
    for c in range(stage.drawn):
        row, column = divmod(c, grid.columns)
        x = left + column * grid.pitch + (grid.pitch - GAP) / 2
        y = top - row * (grid.height + NOTE) - grid.height / 2
        extent = (x - columns * side / 2, x + columns * side / 2, y - rows * side / 2, y + rows * side / 2)
        text = stage.below[c] if stage.below else str(c)
        if stage.active:
            _image(canvas, f"{stage.name}-{c}", stage.maps[..., c], extent, ACTIVE, 1e-6 * stage.limit, stage.limit)
            text = _percent(zeros[c], rows * columns)
        else:
            _image(canvas, f"{stage.name}-{c}", stage.maps[..., c], extent, SIGNED, -stage.limit, stage.limit)
        canvas.text(x, y - grid.height / 2 - 0.03, text, size=SMALLEST, along="top")
    width, height = grid.extent(stage.drawn)
    return left, left + width, top - (height - NOTE) / 2


def _image(canvas: Canvas, name: str, values: Array, extent: Extent, colors: Any, low: float, high: float) -> None:
    """Draw a map; where a pixel is a dot or larger, nothing is mixed across pixels, so that a zero stays black."""
    canvas.image(name, values, extent, colors, low, high)
    if (extent[1] - extent[0]) * PNG_DPI >= values.shape[1]:
        canvas.axes.images[-1].set_interpolation("nearest")


def _percent(part: int, whole: int) -> str:
    """A share in whole percent; only none is 0 and only all is 100."""
    percent = round(100 * part / whole)
    if percent == 0 and part:
        return "< 1 %"
    if percent == 100 and part < whole:
        return "> 99 %"
    return f"{percent} %"


def _step(canvas: Canvas, left: float, right: float, y: float, text: str) -> None:
    """Draw an arrow with an operator's name above."""
    canvas.arrow((left + 0.06, y), (right - 0.1, y))
    canvas.text((left + right) / 2 - 0.02, y + 0.07, text, along="bottom")


def _shortcut(canvas: Canvas, start: tuple[float, float, float], end: tuple[float, float, float]) -> None:
    """Draw the shortcut from the input's maps around the right edge to the output's."""
    blue, edge = ROLES["shortcut"], WIDTH - MARGIN - 0.05
    (_, x, y), (_, end_x, end_y) = start, end
    canvas.line([(x + 0.08, y), (edge, y), (edge, end_y), (end_x + 0.2, end_y)], color=blue, width=1.6)
    canvas.arrow((end_x + 0.25, end_y), (end_x + 0.08, end_y), color=blue)
    if edge - x - 0.3 > text_width("shortcut"):
        canvas.text((x + edge) / 2, y + LABEL_GAP, "shortcut", along="bottom", color=blue)


def _alt(block: BlockRun) -> str:
    stages = block.stages
    of = "an input" if block.photograph is None else block.photograph.source
    lines = [f"Rows of small maps from an inverted residual block on {of}, stage by stage."]
    for stage in stages.values():
        channels = stage.maps.shape[-1]
        maps = f"{f'{stage.drawn} of ' if stage.drawn < channels else ''}{channels} {plural('map', channels)}"
        text = f"{stage.title if not stage.active else stage.name}: {maps} of {shape_text(stage.maps.shape[:2])}"
        if stage.active:
            text += f", {stage.zeros / stage.maps.size:.1%} of the values zero, drawn black".replace("%", " %")
        lines.append(f"{text}.")
    if block.shortcut:
        lines.append("A blue line leads from the input to the output, where it is added.")
    else:
        lines.append(f"There is no shortcut, as {block.no_shortcut}.")
    return " ".join(lines)


def _caption(block: BlockRun) -> str:
    stages = block.stages
    active = [stage for stage in stages.values() if stage.active]
    shares = " and ".join(f"{stage.zeros / stage.maps.size:.1%}".replace("%", " %") for stage in active)
    wide, narrow = active[-1].maps.shape[-1], stages["projected"].maps.shape[-1]
    k = stages["input"].maps.shape[-1]
    last = "the input is added to them" if block.shortcut else f"no shortcut is added, as {block.no_shortcut}"
    of = "x, given by the caller"
    if block.photograph is not None:
        of = f"{block.photograph.source}, averaged over {block.averaged}×{block.averaged} pixels and scaled to [−1, 1]"
    left_out = [
        f"{stage.maps.shape[-1] - stage.drawn} of the {stage.maps.shape[-1]} {stage.name} maps"
        for stage in stages.values()
        if stage.drawn < stage.maps.shape[-1]
    ]
    if block.photograph is not None:
        height, width = (side % block.averaged for side in block.photograph.pixels.shape[:2])
        left_out += [f"the photograph's last {height} rows"] if height else []
        left_out += [f"the photograph's last {width} columns"] if width else []
    return four_part_caption(
        claim=(
            f"Inside the block k = {k} {'map becomes' if k == 1 else 'maps become'} {wide}, which ReLU6 sets to zero "
            f"in part, and then {narrow} again, which are linear; {last}. After ReLU6 {shares} of the values are zero."
        ),
        computed=(
            f"npconv.inverted_residual_stages on {of}, with a {shape_text(block.kernel)} depthwise kernel, "
            f"{block.strided} and padding 'same'; {block.weights_text}."
        ),
        scale=(
            "All maps are drawn in one size. Before ReLU6 mid-grey is zero, and black and white are minus and plus the "
            "limit written above, beyond which 5 % of the stage's values lie (a photograph's is 1); after ReLU6 black "
            "is exactly zero and positive values go from dark green to white. Below a map: its channel, from 0, or its "
            "share of zeros."
        ),
        not_shown=f"Not shown: {', '.join([*left_out, 'batch normalisation and biases'])}.",
    )
