"""The receptive field of atrous rates on a real image: the places of their taps, and how many lie in the padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Rectangle

from ..data import Photograph
from ..kernels.arguments import integer, integers, pair, shown
from ..kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ..kernels.geometry import Array
from ..kernels.head import global_average_pool_backward
from ..kernels.standard import conv2d, conv2d_backward
from ..layers.convolution import Conv2D, DepthwiseConv2D
from ..models import MobileNet, mobilenet_v2
from ..text import counted, listed, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.box_pictures import CASING, FOUND, TRUTH, BoxPicture, headed
from .parts.drawing import INK, LINE_COLORS, ROLES, SMALL, SMALLEST, shade
from .parts.layout import Drawing, Grid, Page, column, grid, note, row, title
from .parts.lines import wrapped
from .parts.photograph import photograph_from
from .parts.values import place_from

NAME = "atrous_receptive_field"
KERNEL = 3  # rows and columns of an atrous kernel
MOST_RATES = 3
STRIDES = (32, 16, 8)
LARGEST = 3.0  # inches of the image's longer side, at the most
PLOT = (5.2, 1.9)  # inches
LABEL = 1.2  # inches that the label of a curve takes
LEAST_BLOCK = 0.11  # inches of a block of equal counts in which its number stands


@dataclass(frozen=True)
class Branch:
    """The taps of one output position of a branch, and what they read."""

    name: str
    rate: int  # 0: none, a kernel of one tap or the pool
    taps: list[tuple[int, int]]  # (row, column) in the map; outside of it they lie in the padding
    on_map: list[tuple[int, int]]
    field: tuple[int, int, int, int]  # the pixels that the taps on the map read through the network
    counts: Array | None  # (rows, columns) the taps on the map of every output position

    @property
    def span(self) -> int:
        """The cells along a side of its kernel."""
        return (KERNEL - 1) * self.rate + 1

    @property
    def share(self) -> float:
        """The share of its taps that are on the map, over all positions."""
        return 1.0 if self.counts is None else float(self.counts.sum()) / self.counts.size / KERNEL**2


@dataclass(frozen=True)
class Reach:
    """The branches on an image, and how many of a rate's taps are left on maps of two sizes."""

    photograph: Photograph
    image: tuple[int, int]
    stride: int
    at: tuple[int, int]
    centres: tuple[Array, Array]  # the pixel row of each row of the map, the pixel column of each column
    branches: Sequence[Branch]
    shares: dict[int, tuple[tuple[int, int], list[float]]]  # by stride: the map's size, the share by rate from 1 on

    @property
    def map(self) -> tuple[int, int]:
        """The map's size, (rows, columns)."""
        return len(self.centres[0]), len(self.centres[1])

    @cached_property
    def rates(self) -> list[Branch]:
        """The branches with a rate."""
        return [branch for branch in self.branches if branch.rate]

    def pixel(self, axis: int, cell: int) -> float:
        """The middle of the pixel at a row or column of the map, or beyond its border."""
        centres, last = self.centres[axis], len(self.centres[axis]) - 1
        inside = min(max(cell, 0), last)
        return float(centres[inside]) + 0.5 + self.stride * (cell - inside)


def atrous_receptive_field(
    *,
    photograph: Photograph | Array | None = None,
    rates: Sequence[int] = (6, 12, 18),
    resolution: int | tuple[int, int] = 513,
    output_stride: int = 16,
    at: Sequence[int] | None = None,
) -> Figure:
    """The taps of atrous convolutions on an image, those in the padding, and how many are left by rate and map size.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None. It is
            drawn as the network gets it, stretched to the resolution.
        rates: of 3×3 kernels, one to three, each at most the map's longer side, from which on the middle tap is left.
        resolution: of the image, its side or (height, width).
        output_stride: of the MobileNetV2 before the branches, 32, 16 or 8; shares are also shown for half of it.
        at: the output position (row, column) in the map whose taps are drawn; two fifths down and across if None.

    Returns:
        Figure "atrous-receptive-field", a PNG. Its data: the map's size and the pixels of its rows and columns; for
        each branch its taps, how many of them are on the map, the pixels that these read through the network, and
        for a rate the counts of taps on the map by position; for each map size the share of taps on it by rate.

    Raises:
        TypeError, ValueError: rates that are not one to three ints above 0, an output stride that is none of these, an
            image smaller than it, a position outside of the map.

    Source: L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", section 3.3.

    >>> figure = atrous_receptive_field(photograph=np.zeros((24, 30, 3), np.uint8), resolution=(65, 97), rates=(2, 6))
    >>> figure.data["map"], [branch["taps on the map"] for branch in figure.data["branches"]]
    ([5, 7], [1, 9, 1, 35])
    """
    reach = _run(photograph, rates, resolution, output_stride, at)
    with drawn_by(NAME, image=reach.image):
        figure = _draw(reach)
    return Figure(
        name="atrous-receptive-field",
        figure=figure,
        data={
            "photograph": {"source": reach.photograph.source, "synthetic": reach.photograph.synthetic},
            "image": list(reach.image),
            "output stride": reach.stride,
            "map": list(reach.map),
            "at": list(reach.at),
            "pixel rows": reach.centres[0].tolist(),
            "pixel columns": reach.centres[1].tolist(),
            "branches": [
                {
                    "name": branch.name,
                    "rate": branch.rate,
                    "taps": [list(tap) for tap in branch.taps] if branch.rate else len(branch.taps),
                    "taps on the map": len(branch.on_map),
                    "reads": list(branch.field),
                    "counts": None if branch.counts is None else branch.counts.tolist(),
                }
                for branch in reach.branches
            ],
            "shares": [
                {"output stride": stride, "map": list(size), "share by rate": shares}
                for stride, (size, shares) in reach.shares.items()
            ],
        },
        alt=_alt(reach),
        caption=_caption(reach),
        format="png",
    )


def _run(photograph: Any, rates: Any, resolution: Any, output_stride: int, at: Any) -> Reach:
    """Run the kernels' gradients, and the network's."""
    photograph = photograph_from(NAME, photograph)
    dilations = integers(NAME, "rates", rates)
    if not 1 <= len(dilations) <= MOST_RATES or 0 in dilations:
        raise ValueError(f"{NAME}: rates must be 1 to {MOST_RATES} numbers above 0; got {shown(rates)}")
    image = pair(NAME, "resolution", resolution)
    stride = integer(NAME, "output_stride", output_stride)
    if stride not in STRIDES:
        raise ValueError(f"{NAME}: output_stride must be one of {STRIDES}; got {output_stride}")
    if min(image) < 2 * stride:
        raise ValueError(f"{NAME}: resolution must be at least {2 * stride}, twice the output stride; got {image}")
    network = _Spatial(mobilenet_v2(0.1, 1, output_stride=stride), image)
    centres = network.centres
    rows, columns = size = len(centres[0]), len(centres[1])
    if max(dilations) > max(size):
        raise ValueError(f"{NAME}: rates must be at most {max(size)}, the map's longer side; got {shown(rates)}")
    place = place_from(NAME, (rows * 2 // 5, columns * 2 // 5) if at is None else at, *size, grid="the map")
    branches = [_branch("1×1", 0, [place], [place], network)]
    for rate in dilations:
        taps = [(r - rate, c - rate) for r, c in _read(place, size, rate, rate)]
        branches.append(
            _branch(f"{KERNEL}×{KERNEL}, rate {rate}", rate, taps, _read(place, size, rate, 0), network, size)
        )
    pooled = np.argwhere(global_average_pool_backward(np.ones((1, 1)), np.zeros((1, *size, 1)))[0, ..., 0])
    everywhere = [(int(r), int(c)) for r, c in pooled]
    branches.append(_branch("image pool", 0, everywhere, everywhere, network))
    finer = _Spatial(mobilenet_v2(0.1, 1, output_stride=stride // 2), image).centres
    shares = {}
    for each, sides in ((stride, size), (stride // 2, (len(finer[0]), len(finer[1])))):
        counts = [_counts(sides, rate) for rate in range(1, max(sides) + 2)]
        shares[each] = sides, [float(count.mean()) / KERNEL**2 for count in counts]
    return Reach(photograph, image, stride, place, centres, branches, shares)


def _branch(
    name: str, rate: int, taps: Any, on_map: Any, network: "_Spatial", size: tuple[int, int] | None = None
) -> Branch:
    return Branch(name, rate, taps, on_map, network.field(on_map), None if size is None else _counts(size, rate))


def _read(place: tuple[int, int], size: tuple[int, int], rate: int, around: int) -> list[tuple[int, int]]:
    """The positions that an atrous convolution's output at a place reads, of a map with so much `around` it.

    They have a gradient: the backward pass is sent a 1 at the place.
    """
    dy = np.zeros((1, *size, 1))
    dy[0, place[0], place[1], 0] = 1
    x = np.zeros((1, *(side + 2 * around for side in size), 1))
    kernel = np.ones((KERNEL, KERNEL, 1, 1))
    dx, _ = conv2d_backward(dy, x, kernel, dilation=rate, padding=rate * (KERNEL // 2) - around)
    return [(int(r), int(c)) for r, c in np.argwhere(dx[0, ..., 0])]


def _counts(size: tuple[int, int], rate: int) -> Array:
    """The taps on a map of ones, for every output position, (rows, columns)."""
    ones = np.ones((1, *size, 1), np.int64)
    kernel = np.ones((KERNEL, KERNEL, 1, 1), np.int64)
    return np.asarray(conv2d(ones, kernel, dilation=rate, padding=rate * (KERNEL // 2))[0, ..., 0])


class _Spatial:
    """The geometry of a network's convolutions, with kernels of one channel."""

    def __init__(self, network: MobileNet, image: tuple[int, int]) -> None:
        convolutions = [leaf for leaf in network.leaves() if isinstance(leaf, Conv2D | DepthwiseConv2D)]
        self.layers = [(leaf.params["kernel"].shape[:2], leaf.geometry) for leaf in convolutions]
        ramps = [np.arange(side, dtype=np.int64) for side in image]
        x = np.stack(np.meshgrid(*ramps, indexing="ij"), axis=-1)[np.newaxis]  # (1, H, W, 2): own row and column
        self.inputs = []
        for size, geometry in self.layers:
            middle = np.zeros((*size, 2), np.int64)
            middle[size[0] // 2, size[1] // 2] = 1
            self.inputs.append((1, *x.shape[1:3], 1))
            x = depthwise_conv2d(x, middle, **geometry)
        self.centres = x[0, :, 0, 0], x[0, 0, :, 1]

    def field(self, positions: Sequence[tuple[int, int]]) -> tuple[int, int, int, int]:
        """The box of the pixels that some positions of the map read: those with a gradient."""
        dy = np.zeros((1, len(self.centres[0]), len(self.centres[1]), 1))
        for r, c in positions:
            dy[0, r, c] = 1
        for (size, geometry), shape in zip(reversed(self.layers), reversed(self.inputs), strict=True):
            dx, _ = depthwise_conv2d_backward(dy, np.zeros(shape), np.ones((*size, 1)), **geometry)
            dy = np.sign(dx)
        read = dy[0, ..., 0] > 0
        (rows,), (columns,) = read.any(axis=1).nonzero(), read.any(axis=0).nonzero()
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


# How it is drawn


def _draw(reach: Reach) -> matplotlib.figure.Figure:
    """The branches on the image, the taps that are left at each position, and their share by rate."""
    page = Page()
    largest = LARGEST / max(reach.image)
    pictures = page.fitted(lambda inches: _pictures(reach, inches), largest, least=largest / 20)[0]
    rows, columns = reach.map
    words = (
        f"The branches behind a map of {rows}×{columns} cells, output stride {reach.stride}, on the image that the "
        f"network got, {shape_text(reach.image)}. Dots: what the branch's output at one cell, row {reach.at[0]}, "
        f"column {reach.at[1]}, reads of the map, each at the pixel on which the cell is centred. Hollow: in the "
        "padding, always 0. Framed: what the kernel spans. Dashed: the pixels that its dots on the image read through "
        "the network. Dotted: the padding, as far as a kernel reaches it."
    )
    upper = headed("the taps of each branch", words, pictures.spread(page.inner, flush=True), width=page.inner, gap=0.1)
    about = "\n".join(wrapped(_limits(reach), 0.97 * (page.inner - PLOT[0] - 0.9)))
    plot = column(title("the share of taps that read the map, by rate"), _plot(reach), gap=0.1, align="left")
    lower = row(plot, note(about), gap=0.3, align="center")
    return page.finish(column(upper, lower, gap=0.16, align="left"))


def _pictures(reach: Reach, inches: float) -> Grid:
    """A picture for each branch, with words above; below the rates their counts."""
    under = (
        "At the right: how many of a rate's 9 taps read the map, for every output position, and the mean share. "
        "A tap in the padding adds nothing."
    )
    titles: list[OffsetBox | None] = [title(branch.name) for branch in reach.branches]
    words: list[OffsetBox | None] = [note(_told(branch)) for branch in reach.branches]
    pictures = [_picture(reach, n, inches) for n in range(len(reach.branches))]
    width = pictures[0].room[1] - pictures[0].room[0]
    maps: list[OffsetBox | None] = [
        None if branch.counts is None else _map(reach, branch, inches) for branch in reach.branches
    ]
    maps[0] = note("\n".join(wrapped(under, max(0.9, 0.97 * width))))
    return grid([titles, words, [*pictures], maps], gaps=(0.08, 0.05), across="left", along="top")


def _told(branch: Branch) -> str:
    """The words above a branch's picture."""
    if branch.rate:
        return f"{len(branch.on_map)} of {KERNEL**2} taps on the map,\nspans {branch.span}×{branch.span} cells"
    return f"all {len(branch.taps):,} cells" if len(branch.taps) > 1 else "the cell itself"


def _span(reach: Reach, branch: Branch) -> list[float]:
    """The box that a branch's kernel spans, cells included, in pixels."""
    half = reach.stride / 2
    rows, columns = zip(*branch.taps, strict=True)
    first = [reach.pixel(axis, min(cells)) - half for axis, cells in enumerate((rows, columns))]
    last = [reach.pixel(axis, max(cells)) + half for axis, cells in enumerate((rows, columns))]
    return [*first, *last]


def _picture(reach: Reach, n: int, inches: float) -> BoxPicture:
    """The image in its padding, with a branch's taps."""
    branch = reach.branches[n]
    around = np.array([_span(reach, each) for each in reach.branches])
    picture = BoxPicture(f"image-{n}", reach.photograph.pixels / 255, inches, around, size=reach.image)
    left, right, low, high = picture.room
    padding: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": ROLES["padding"],
        "linestyle": ":",
        "linewidth": 0.8,
        "zorder": 0.5,
    }
    picture.add(Rectangle((left, low), right - left, high - low, gid=f"padding-{n}", clip_on=False, **padding))
    picture.box(f"field-{n}", branch.field, TRUTH, style="--", width=1.0)
    if branch.rate:
        picture.box(f"span-{n}", _span(reach, branch), FOUND, width=1.2)
    many = len(branch.taps) > KERNEL**2
    for kind, fill in (("inside", shade(ROLES["filter"], 1)), ("outside", "white")):
        taps = [tap for tap in branch.taps if (tap in branch.on_map) == (kind == "inside")] if not many else branch.taps
        if taps and not (many and kind == "outside"):
            xs = [reach.pixel(1, c) * inches for _, c in taps]
            ys = [-reach.pixel(0, r) * inches for r, _ in taps]
            edge = 0.0 if many else 0.8
            look: dict[str, Any] = {"marker": "o", "markersize": 1.3 if many else 4.5, "markeredgewidth": edge}
            look |= {"markeredgecolor": INK, "markerfacecolor": fill, "linestyle": "none", "clip_on": False}
            if not many:
                casing = look | {"markersize": 4.5 + CASING, "markeredgecolor": "white", "zorder": 2.5}
                picture.add(Line2D(xs, ys, **casing))
            picture.add(Line2D(xs, ys, gid=f"{kind}-{n}", zorder=2.6, **look))
    return picture


def _map(reach: Reach, branch: Branch, inches: float) -> OffsetBox:
    """The counts of a rate: a shade of orange for each position, and the number in each block of equal ones."""
    counts, drawing = branch.counts, Drawing()
    assert counts is not None
    rows, columns = counts.shape
    cell = reach.stride * inches * 0.8
    white, full = np.ones(3), np.array([int(ROLES["filter"][i : i + 2], 16) / 255 for i in (1, 3, 5)])
    colors = white + (counts / KERNEL**2)[..., np.newaxis] * (full - white)  # (rows, columns, 3)
    drawing.image(f"counts-{branch.rate}", colors, (columns * cell, rows * cell), mixed=False)
    edges = [[0, *(np.diff(counts, axis=axis).any(axis=1 - axis).nonzero()[0] + 1).tolist(), counts.shape[axis]]
             for axis in (0, 1)]  # fmt: skip
    for top, bottom in zip(edges[0], edges[0][1:], strict=False):
        for left, right in zip(edges[1], edges[1][1:], strict=False):
            if min(bottom - top, right - left) * cell >= LEAST_BLOCK:
                x, y = (left + right) / 2 * cell, -(top + bottom) / 2 * cell
                drawing.text(x, y, str(counts[top, left]), size=SMALLEST)
    kinds = listed(sorted(set(counts.ravel().tolist()), reverse=True)).replace(" and ", " or ")
    return column(drawing, note(f"{kinds} of 9;\n{_percent(branch)} of all taps"), gap=0.05, align="left")


def _percent(branch: Branch) -> str:
    return f"{100 * branch.share:.0f} %"


def _plot(reach: Reach) -> Drawing:
    """The share by rate, for both map sizes, with the rates that are drawn above marked."""
    plot, (width, height) = Drawing(), PLOT
    most = max(len(shares) for _, shares in reach.shares.values())
    for share in (0, 0.25, 0.5, 0.75, 1):
        plot.line([(0, share * height), (-0.05, share * height)])
        plot.text(-0.09, share * height, f"{100 * share:.0f} %", size=SMALL, across="right")
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128) if most / step < 12)
    for rate in range(0, most + 1, step):
        plot.line([(rate / most * width, 0), (rate / most * width, -0.05)])
        plot.text(rate / most * width, -0.08, str(rate), size=SMALL, along="top")
    plot.line([(0, height), (0, 0), (width, 0)])
    plot.text(width / 2, -0.26, "rate", along="top")
    least = height / KERNEL**2
    plot.line([(0, least), (width, least)], dotted=True)
    plot.text(0.06, least - 0.03, "1 of 9: the middle tap alone", size=SMALLEST, across="left", along="top")
    for n, (stride, (size, shares)) in enumerate(reach.shares.items()):
        color, scale = LINE_COLORS[n], reach.stride // stride
        xs = [width * rate / most for rate in range(1, len(shares) + 1)]
        ys = [height * share for share in shares]
        plot.add(Line2D(xs, ys, color=color, linewidth=1.6, linestyle="-" if n == 0 else "--", gid=f"share-{stride}"))
        at = min(range(len(shares)), key=lambda i: abs(shares[i] - (0.3, 0.5)[n]))
        side, across = (-1, "right") if n == 0 and xs[at] > LABEL else (1, "left")  # below the curve, or above it
        label = f"output stride {stride},\n{shape_text(size)} cells"
        plot.text(xs[at] + 0.12 * side, ys[at] + 0.14 * side, label, size=SMALL, across=across)
        marked = [rate for rate in (scale * branch.rate for branch in reach.rates) if rate <= len(shares)]
        for rate in marked:
            x, y = xs[rate - 1], ys[rate - 1]
            plot.add(Line2D([x], [y], color=color, marker="os"[n], markersize=4.5, gid=f"mark-{stride}-{rate}"))
    return plot


def _limits(reach: Reach) -> str:
    """The words beside the plot."""
    parts = []
    for n, (stride, (size, shares)) in enumerate(reach.shares.items()):
        scale = reach.stride // stride
        marked = [rate for rate in (scale * branch.rate for branch in reach.rates) if rate <= len(shares)]
        told = listed([f"{100 * shares[rate - 1]:.0f} % at rate {rate}" for rate in marked] or ["none"])
        alone = shares.index(min(shares)) + 1
        look = ("solid", "dashed")[n]
        parts.append(
            f"{look}: output stride {stride}, {shape_text(size)} cells; {told}; from rate {alone} on only the middle "
            "tap reads the map"
        )
    return ". ".join(part[0].upper() + part[1:] for part in parts) + ": the 3×3 kernel is then a 1×1."


def _alt(reach: Reach) -> str:
    told = "; ".join(
        f"{branch.name}: {' '.join(_told(branch).split())}"
        + (f", {_percent(branch)} over all positions" if branch.rate else "")
        for branch in reach.branches
    )
    return (
        f"{counted('time', len(reach.branches)).capitalize()} {reach.photograph.source}, each with the taps of one "
        f"branch at one cell of a map of {shape_text(reach.map)}, as dots, and the area that they span: {told}. Below "
        "each rate a map of how many taps read the map at every position. Below, the share of taps on the map "
        f"falls with the rate to 1 of 9. {_limits(reach)}"
    )


def _caption(reach: Reach) -> str:
    last, first = reach.rates[-1], reach.branches[0]
    top, left, bottom, right = first.field
    return four_part_caption(
        claim=(
            f"A larger rate reaches further with the same 9 weights, until its taps fall off the map: at rate "
            f"{last.rate}, {_percent(last)} of all taps read the map of {shape_text(reach.map)}, and "
            f"{len(last.on_map)} of 9 at the cell that is drawn. A rate as large as the map leaves the middle tap "
            "alone, which is why the pool of the whole image is a branch of its own."
        ),
        computed=(
            "Taps are the positions with a gradient in npconv.conv2d_backward, sent a 1 at one output; counts are "
            "npconv.conv2d of ones; pixels are those of npconv.models.mobilenet_v2, output stride "
            f"{reach.stride}, found by its layers' backward passes on {reach.photograph.source}, stretched to "
            f"{shape_text(reach.image)}. One cell reads {bottom - top}×{right - left} of them already."
        ),
        scale=["All pictures have one scale", "both axes of the plot are linear"],
        not_shown=["how much a pixel matters: those in the middle of the dashed box are read on the most ways"],
    )
