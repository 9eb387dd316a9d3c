"""Squeeze-and-excite inside a block of MobileNetV3, run on a real image: from its maps to a gate for each, and back."""

import math
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from ..data import Photograph
from ..kernels.arguments import LARGEST_SEED, instance, integer, one_of
from ..kernels.geometry import Array
from ..kernels.squeeze import SqueezeExciteStages, squeeze_excite_stages
from ..layers import Layer, Sequential
from ..models import MobileNet, mobilenet_v3
from ..text import counted, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .files import PNG_DPI
from .parts.drawing import FRONT, INK, ROLES, SMALL, SMALLEST, TITLE, TooLargeError, shade, text_width
from .parts.layout import Drawing, Page, column, note, row, title
from .parts.lines import wrapped
from .parts.photograph import photograph_from
from .parts.stages import COARSE, limit_of, shades, words_from

NAME = "squeeze_excite"
MOST_CHANNELS, MOST_HIDDEN = 16, 16  # that are drawn
WIDEST = 0.55  # inches for a channel
BESIDE = 0.06  # inches beside the columns
SUM_HEAD = "sum → ReLU"
LEFT = 0.2  # inches for the numbers of the hidden channels
MAP_HEIGHT = 0.8  # inches, the most
PERCENT = 99  # of the values that enter have a shade of their own
PICTURE = 1.0  # inches, the height of the photograph
LINE = 0.15  # inches of a row of weights, and of a line of numbers
BAR = 0.3  # inches of the highest bar
GAP = 0.16  # inches between the steps
PALE = 1.7  # times the largest weight has the strongest colour, so that numbers are legible on every cell
WEIGHTS = ("reduce", "reduce_bias", "expand", "expand_bias")


@dataclass(frozen=True)
class Excitation:
    """The maps that enter a squeeze-and-excite, its weights and its stages, and where in a network it stands."""

    photograph: Photograph
    network: str
    layer: str  # whose output the maps are
    maps: Array  # (h, w, M)
    weights: dict[str, Array]
    stages: SqueezeExciteStages  # of one image
    words: str  # what the weights are

    @property
    def channels(self) -> int:
        """M."""
        return int(self.maps.shape[-1])

    @property
    def hidden(self) -> int:
        """S."""
        return int(self.weights["reduce"].shape[1])

    @property
    def drawn(self) -> tuple[int, int]:
        """The number of channels, and of hidden ones, that are drawn."""
        return min(self.channels, MOST_CHANNELS), min(self.hidden, MOST_HIDDEN)

    @property
    def limit(self) -> float:
        """The value that is drawn white."""
        return limit_of(self.maps, PERCENT)

    @property
    def active(self) -> bool:
        """True where no value is negative."""
        return bool((self.maps >= 0).all())

    @property
    def shades(self) -> str:
        """The meaning of the maps' shades."""
        limit = number_text(self.limit)
        low = "black is exactly 0" if self.active else f"black −{limit} or less, mid-grey 0"
        return f"{low}, white {limit} or more"

    @property
    def left_out(self) -> list[str]:
        """The notes on what is not drawn."""
        (channels, hidden), notes = self.drawn, []
        if channels < self.channels:
            notes.append(f"the first {channels} of {self.channels} channels are drawn")
        if hidden < self.hidden:
            notes.append(f"the first {hidden} of {self.hidden} hidden values are drawn")
        return notes


def squeeze_excite(
    *,
    photograph: Photograph | Array | None = None,
    network: MobileNet | None = None,
    block: str | None = None,
    weights: str = "given by the caller",
    seed: int = 0,
) -> Figure:
    """Squeeze-and-excite step by step on a real image: maps, their means, two dense layers, gates, the maps again.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None. They
            are scaled to [−1, 1].
        network: a network of `npconv.models.mobilenet_v3`; an untrained small one if None.
        block: the name of a block of it that has squeeze-and-excite, as "block_1"; the first one if None.
        weights: what is said of the weights of a network that is given, as "trained on …".
        seed: of the untrained network.

    Returns:
        Figure "squeeze-excite", a PNG. Its data: where the maps come from, their shape and every 16th value across and
        down, before and after; all means, weights, biases, hidden values, sums and gates.

    Raises:
        TypeError, ValueError: arguments of another kind than these, a network without squeeze-and-excite, for other
            images or too deep for this one, a block that has none.

    Source: the MobileNetV3 paper's sections 5.2 and 5.3.

    >>> figure = squeeze_excite(photograph=np.full((24, 30, 3), 9, np.uint8))
    >>> figure.data["shape"], len(figure.data["gate"]), figure.data["layer"]
    ([6, 8, 16], 16, 'block_1.depthwise_relu')
    """
    e = _run(photograph, network, block, weights, seed)
    with drawn_by(NAME, photograph=e.photograph.pixels):
        figure = _draw(e)
    names = ("pooled", "reduced", "reduced_relu", "expanded", "gate")
    return Figure(
        name="squeeze-excite",
        figure=figure,
        data={
            "photograph": {"source": e.photograph.source, "synthetic": e.photograph.synthetic},
            "network": e.network,
            "layer": e.layer,
            "weights": e.words,
            "seed": seed,
            "shape": list(e.maps.shape),
            "limit": e.limit,
            "drawn": dict(zip(("channels", "hidden"), e.drawn, strict=True)),
            **{name: array.tolist() for name, array in e.weights.items()},
            **{name: getattr(e.stages, name)[0].tolist() for name in names},
            f"before, every {COARSE}th": e.maps[::COARSE, ::COARSE].tolist(),
            f"after, every {COARSE}th": e.stages.output[0, ::COARSE, ::COARSE].tolist(),
        },
        alt=_alt(e),
        caption=_caption(e),
        format="png",
    )


def _run(
    photograph: Photograph | Array | None, network: MobileNet | None, block: str | None, words: str, seed: int
) -> Excitation:
    """Run the network up to the block's squeeze-and-excite, and that by its kernel."""
    seed = integer(NAME, "seed", seed, 0, LARGEST_SEED)
    words = words_from(NAME, "weights", words)
    photograph = photograph_from(NAME, photograph)
    if network is None:
        network, name = mobilenet_v3("small", seed=seed, dtype=np.float64), "MobileNetV3 Small"
        words = f"not trained; drawn at random, seed {seed}, biases 0"
    else:
        instance(NAME, "network", network, MobileNet)
        name = f"a {network.specification.architecture} given by the caller"
    inside = [each for each in network.blocks if f"{each}.squeeze_excite.reduce" in network.params]
    if not inside:
        raise ValueError(
            f"{NAME}: network must have a block with squeeze-and-excite; got {len(network.blocks)} without"
        )
    block = inside[0] if block is None else one_of(NAME, "block", block, inside)
    layer = f"{block}.{_layer_before(network.layers[block])}"
    x = photograph.pixels[np.newaxis] / 127.5 - 1
    network.check_images(NAME, x)
    maps = network.features(x, [layer])[layer]
    weights = {each: network.params[f"{block}.squeeze_excite.{each}"] for each in WEIGHTS}
    stages = squeeze_excite_stages(maps, *weights.values())
    return Excitation(photograph, name, layer, maps[0], weights, stages, words)


def _layer_before(block: Layer) -> str:
    """The name of the layer whose output squeeze-and-excite takes."""
    assert isinstance(block, Sequential)
    names = list(block.layers)
    return names[names.index("squeeze_excite") - 1]


# How it is drawn


class Sheet:
    """The steps one below the other, with a column for each channel; `y` is where the next one begins."""

    def __init__(self, page: Page, e: Excitation) -> None:
        self.e, self.drawing, self.y = e, Drawing(), 0.0
        self.channels, self.hidden = e.drawn
        reduced, hidden = (map(number_text, a[0, : self.hidden]) for a in (e.stages.reduced, e.stages.reduced_relu))
        self.sums = [(f"{before} → {after}", f"· {after}") for before, after in zip(reduced, hidden, strict=True)]
        widest = max(text_width(words, SMALLEST) for words, _ in [(SUM_HEAD, ""), *self.sums])
        self.pitch = min(WIDEST, (page.inner - LEFT - 2 * BESIDE - 1.03 * widest) / self.channels)
        self.right = LEFT + self.channels * self.pitch + BESIDE
        self._check()
        sums = f"summed over {'all' if self.channels < e.channels else 'the'} channels"
        every = "all hidden values" if self.hidden < e.hidden else "the hidden values"
        stages = e.stages
        self._maps("before", f"before: {shape_text(e.maps.shape)}", f"the output of {e.layer}; {e.shades}", e.maps)
        self._bars("pooled", "squeeze", "the mean of each map", stages.pooled[0], "input")
        words = f"weights times the means, {sums}, plus bias; then ReLU"
        self._weights("reduce", f"dense, {e.channels} → {e.hidden}", words)
        words = f"weights times {every} at the right, summed downwards, plus bias"
        self._weights("expand", f"dense, {e.hidden} → {e.channels}", words)
        words = "the gate of each channel: hard_sigmoid of the sum above it, between 0 and 1"
        self._bars("gate", "excite", words, stages.gate[0], "filter", 1.0)
        words = f"each map times its gate; the same shades: {e.shades}"
        self._maps("after", f"after: {shape_text(e.maps.shape)}", words, stages.output[0])

    def _check(self) -> None:
        """Raise TooLargeError where a number is wider than its column."""
        e = self.e
        kernels = (
            e.weights["reduce"][: self.channels, : self.hidden],
            e.weights["expand"][: self.hidden, : self.channels],
        )
        rows = (a[0, : self.channels] for a in (e.stages.pooled, e.stages.expanded))
        longest = max((number_text(x) for a in (*kernels, *rows) for x in a.flat), key=text_width)
        if text_width(longest, SMALLEST) > 0.95 * self.pitch:
            raise TooLargeError(f"numbers such as {longest} are too wide to draw")

    def _heading(self, name: str, words: str) -> None:
        """A title, and below it what the step does."""
        self.drawing.text(0, self.y, name, size=TITLE, weight="bold", across="left", along="top")
        self.drawing.text(0, self.y - 0.19, words, size=SMALL, across="left", along="top")
        self.y -= 0.37

    def _middle(self, c: int) -> float:
        return LEFT + (c + 0.5) * self.pitch

    def _maps(self, name: str, heading: str, words: str, maps: Array) -> None:
        """A row of maps, with the channels' numbers below."""
        self._heading(heading, words)
        e, (height, width) = self.e, maps.shape[:2]
        side = min((self.pitch - 0.05) / width, MAP_HEIGHT / height)
        dots = side * PNG_DPI + 1e-9
        side = math.floor(dots) / PNG_DPI if dots >= 1 else side
        colors, low = shades(e.limit, e.active)
        for c in range(self.channels):
            at = self._middle(c) - side * width / 2, self.y
            size = side * width, side * height
            self.drawing.image(f"{name}-{c}", maps[..., c], size, colors, low, e.limit, at=at, mixed=dots < 1)
            self._number(c, self.y - side * height, str(c))
        self.y -= side * height + LINE + GAP

    def _number(self, c: int, y: float, number: str) -> None:
        self.drawing.text(self._middle(c), y - 0.03, number, size=SMALLEST, along="top")

    def _bars(self, name: str, heading: str, words: str, values: Array, role: str, most: float | None = None) -> None:
        """A bar for each channel from a line at 0, and its number; a frame up to `most`, if there is one."""
        self._heading(heading, words)
        shown = values[: self.channels]
        scale = BAR / (most or np.ptp([0.0, *shown]) or 1.0)
        zero = self.y - scale * (most or max(0.0, shown.max()))
        for c, value in enumerate(shown.tolist()):
            x, width = self._middle(c) - 0.3 * self.pitch, 0.6 * self.pitch
            color = shade(ROLES[role], FRONT)
            self.drawing.add(Rectangle((x, zero), width, scale * value, color=color, linewidth=0, gid=f"{name}-{c}"))
            if most:
                self.drawing.add(Rectangle((x, zero), width, scale * most, fill=False, edgecolor=INK, linewidth=0.6))
            self._number(c, zero + scale * min(0.0, shown.min()), number_text(value))
        self.drawing.line([(LEFT, zero), (self.right - BESIDE, zero)])
        self.y = zero + scale * min(0.0, shown.min()) - LINE - GAP

    def _weights(self, name: str, heading: str, words: str) -> None:
        """A row of cells with a weight for each hidden channel, under its column; sums behind the rows or below."""
        self._heading(heading, words)
        e, kernel = self.e, self.e.weights[name]
        cells = (kernel.T if name == "reduce" else kernel)[: self.hidden, : self.channels]
        head = SUM_HEAD if name == "reduce" else "hidden"
        self.drawing.text(self.right, self.y + 0.03, head, size=SMALLEST, across="left", along="bottom")
        limit = PALE * (float(np.abs(kernel).max()) or 1.0)
        corners: Any = [
            [(LEFT + (c + i) * self.pitch, self.y - (s + j) * LINE) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
            for s, c in np.ndindex(*cells.shape)
        ]
        colors = matplotlib.colormaps["PuOr"](cells.ravel() / (2 * limit) + 0.5)
        collection = PolyCollection(corners, facecolors=colors, edgecolors=INK, linewidths=0.3, clip_on=False)
        collection.set_gid(f"{name}-weights")
        self.drawing.add(collection)
        for s, line in enumerate(cells.tolist()):
            middle = self.y - (s + 0.5) * LINE
            self.drawing.text(LEFT - 0.04, middle, str(s), size=SMALLEST, across="right")
            for c, weight in enumerate(line):
                self.drawing.text(self._middle(c), middle, number_text(weight), size=SMALLEST, inside=True)
            self.drawing.text(self.right, middle, self.sums[s][name == "expand"], size=SMALLEST, across="left")
        self.y -= len(cells) * LINE
        if name == "expand":
            for c in range(self.channels):
                self._number(c, self.y, number_text(e.stages.expanded[0, c]))
            self.drawing.text(self.right, self.y - 0.03, "sum", size=SMALLEST, across="left", along="top")
            self.y -= LINE
        self.y -= GAP


def _draw(e: Excitation) -> matplotlib.figure.Figure:
    """The photograph with words about the network, and below it the steps."""
    page = Page()
    height, width = e.photograph.pixels.shape[:2]
    side = min(PICTURE / height, 2 * PICTURE / width)
    picture = Drawing()
    picture.image("photograph", e.photograph.pixels / 255, (side * width, side * height), mixed=True)
    words = wrapped(_about(e), 0.97 * (page.inner - side * width - 0.2))
    kind = "picture" if e.photograph.synthetic else "photograph"
    about = column(title(f"{kind}, {height}×{width}×3"), note("\n".join(words)), gap=0.06, align="left")
    left_out = note("\n".join(e.left_out)) if e.left_out else None
    top = row(picture, about, gap=0.2, align="top")
    return page.finish(column(top, Sheet(page, e).drawing, left_out, gap=0.15, align="left"))


def _about(e: Excitation) -> str:
    return (
        f"scaled to [−1, 1] and run through {e.network} up to {e.layer}; weights: {e.words}. Squeeze-and-excite takes "
        f"the mean of each of the {e.channels} maps, computes from all means a gate for each map, between 0 and 1, by "
        "two dense layers, and multiplies the map by it. A column is a channel; numbers are drawn rounded."
    )


def _alt(e: Excitation) -> str:
    count, some = e.drawn[0], "the first " if e.drawn[0] < e.channels else "the "
    gates = some + f"gates, {', '.join(map(number_text, e.stages.gate[0, :count]))}"
    return (
        f"Squeeze-and-excite on {e.photograph.source}, from top to bottom. {counted('map', e.channels)} of "
        f"{shape_text(e.maps.shape[:2])}, the output of {e.layer}; a bar and a number for the mean of each; the "
        f"weights of a dense layer from {e.channels} means to {counted('hidden value', e.hidden)}, of which "
        f"{int((e.stages.reduced_relu > 0).sum())} stay above 0 after ReLU; those of a dense layer back to "
        f"{e.channels}; {gates}; and the maps again, each times its gate."
    )


def _caption(e: Excitation) -> str:
    gate = e.stages.gate[0]
    return four_part_caption(
        claim=(
            f"Squeeze-and-excite multiplies each of {e.channels} maps by a gate that depends on the means of all of "
            f"them, the same at every place; here the gates lie between {number_text(gate.min())} and "
            f"{number_text(gate.max())}."
        ),
        computed=(
            f"npconv.squeeze_excite_stages on the output of {e.layer} of {e.network}, which ran on "
            f"{e.photograph.source}, scaled to [−1, 1]; weights: {e.words}."
        ),
        scale=[
            f"All maps have one scale: {e.shades}, where {100 - PERCENT} % of the values before lie",
            "gates are bars from 0 to 1, means bars on a scale of their own",
            "orange weights are negative, purple ones positive",
            "numbers are rounded",
            *e.left_out,
        ],
        not_shown=["the biases", "the block's projection, which follows"],
    )
