"""The channel shuffle: the input channels that two grouped convolutions read with it and without, found on names."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Rectangle

from ..checks import channels_read
from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.grouped import grouped_conv2d
from ..kernels.shuffle import channel_shuffle as shuffle, shuffled_grouped_conv2d
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import CHANNEL_HUES, FRONT_UNDER_NUMBERS, INK, LABEL_GAP, ROLES, SMALL, SMALLEST, shade, text_width
from .parts.grids import flat
from .parts.layout import Drawing, Page, arrow_under, column, grid, note, row, text, title
from .parts.slabs import hue_text

NAME = "channel_shuffle"
MOST_CHANNELS = 16
LARGEST_CELL, LEAST_CELL = 0.24, 0.16  # inches
MATRIX = 0.8  # the size of a matrix's cells, in those of the channels
LEVEL = 0.42  # inches between two rows of channels
BETWEEN = 0.06  # inches between the channels of two groups


def channel_shuffle(*, groups: int = 3, channels: int = 12) -> Figure:
    """The channel shuffle: what two grouped convolutions read without it and with it, and its permutation.

    Args:
        groups: g, two or more, a divisor of the channels.
        channels: of the input, between the two convolutions, and of the output; 16 at the most.

    Returns:
        Figure "channel-shuffle". Its data: the permutation and its steps; and for each of the two networks the input
        channels that each output channel reads, and how many of all pairs these are.

    Raises:
        TypeError, ValueError: as `npconv.channel_shuffle`, and ValueError for what cannot be drawn.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 11.

    >>> figure = channel_shuffle(groups=2, channels=6)
    >>> figure.data["permutation"], [network["pairs"] for network in figure.data["networks"]]
    ([0, 3, 1, 4, 2, 5], [18, 36])
    """
    channels = arguments.integer(NAME, "channels", channels, 2, MOST_CHANNELS)
    groups = arguments.integer(NAME, "groups", groups, 2)
    if channels % groups:
        raise ValueError(f"{NAME}: groups must divide channels; got groups {groups}, channels {channels}")
    networks = [_Network(groups, channels, shuffled) for shuffled in (False, True)]
    with drawn_by(NAME, channels=(channels,)):
        figure = _draw(networks)
    return Figure(
        name="channel-shuffle",
        figure=figure,
        data={
            "groups": groups,
            "channels": channels,
            "permutation": networks[1].order,
            "reshaped": _steps(groups, channels)[1].tolist(),
            "transposed": _steps(groups, channels)[2].tolist(),
            "networks": [network.data for network in networks],
        },
        alt=_alt(networks),
        caption=_caption(networks),
    )


def _steps(groups: int, channels: int) -> list[Array]:
    """The channels, as g rows, transposed, and as the kernel has them after the shuffle."""
    numbers = np.arange(channels, dtype=np.int64)
    rows = numbers.reshape(groups, channels // groups)
    return [numbers, rows, rows.T, shuffle(numbers[np.newaxis, np.newaxis, np.newaxis], groups=groups).ravel()]


@dataclass(frozen=True)
class _Network:
    """Two pointwise grouped convolutions, with a shuffle between them or without."""

    groups: int
    channels: int
    shuffled: bool

    @property
    def title(self) -> str:
        """The network in words."""
        return f"with{'' if self.shuffled else 'out'} a shuffle"

    @property
    def between(self) -> str:
        """The words for the step between the two convolutions."""
        return "shuffle" if self.shuffled else "no shuffle"

    @property
    def each(self) -> int:
        """Channels of a group, n."""
        return self.channels // self.groups

    @property
    def order(self) -> list[int]:
        """The channels between the two convolutions, as the second one gets them."""
        order: list[int] = _steps(self.groups, self.channels)[-1 if self.shuffled else 0].tolist()
        return order

    @cached_property
    def first(self) -> Array:
        """True where a channel (row) of the first convolution reads a channel of the input, found on names."""
        return channels_read(lambda x: grouped_conv2d(x, self.kernel, groups=self.groups), (1, 1, 1, self.channels))

    @cached_property
    def reads(self) -> Array:
        """True where an output channel (row) reads an input channel, found on names."""
        before = shuffled_grouped_conv2d if self.shuffled else grouped_conv2d

        def both(x: Array) -> Array:
            return grouped_conv2d(before(x, self.kernel, groups=self.groups), self.kernel, groups=self.groups)

        return channels_read(both, (1, 1, 1, self.channels))

    @property
    def kernel(self) -> Array:
        """Weights of one layer, (1, 1, M/g, M)."""
        return np.ones((1, 1, self.each, self.channels), np.int64)

    def group(self, channel: int) -> int:
        """The group of a channel."""
        return channel // self.each

    @property
    def pairs(self) -> int:
        """The number of pairs of an output and an input channel that are connected."""
        return int(self.reads.sum())

    def groups_read(self, channel: int) -> list[int]:
        """The groups that an output channel reads."""
        return sorted({self.group(m) for m in np.flatnonzero(self.reads[channel]).tolist()})

    @property
    def verdict(self) -> str:
        """The channels that are read, in words."""
        most = max(len(self.groups_read(n)) for n in range(self.channels))
        if self.reads.all():
            said = "every output reads every input"
        elif most == 1:
            said = "no output reads another group's inputs"
        else:
            said = f"outputs read {most} of {self.groups} groups at most"
        return f"{said}: {self.pairs} of {self.channels**2} pairs"

    @property
    def data(self) -> dict[str, Any]:
        """The network as plain JSON."""
        reads = [np.flatnonzero(read).tolist() for read in self.reads]
        return {"network": self.title, "order between": self.order, "reads": reads, "pairs": self.pairs}


def _draw(networks: Sequence[_Network]) -> matplotlib.figure.Figure:
    page = Page()
    _, cell = page.fitted(partial(_page, page, networks, False), LARGEST_CELL, least=LEAST_CELL)
    return page.finish(_page(page, networks, True, cell))


def _page(page: Page, networks: Sequence[_Network], spread: bool, cell: float) -> OffsetBox:
    """Everything, in cells of that size, the networks `spread` over the width of the page."""
    plain = networks[0]
    heads: list[OffsetBox | None] = [title(network.title) for network in networks]
    diagrams: list[OffsetBox | None] = [_diagram(network, cell) for network in networks]
    matrices: list[OffsetBox | None] = [_matrix(network, MATRIX * cell) for network in networks]
    return column(
        note(
            f"two grouped 1×1 convolutions, g = {plain.groups} groups of n = {plain.each} channels; numbers are "
            "channels; a line: the lower channel reads, or is, the upper one"
        ),
        grid([heads, diagrams, matrices], gaps=(0.3, 0.15)).spread(page.inner if spread else 0),
        title("the shuffle: reshape to (g, n), transpose, flatten"),
        _permutation(page, plain, cell),
        gap=0.14,
        align="left",
    )


def _hue(network: _Network, group: int) -> str:
    """The colour of a group, where every group has one."""
    return shade(CHANNEL_HUES[group] if network.groups <= len(CHANNEL_HUES) else ROLES["input"], FRONT_UNDER_NUMBERS)


def _diagram(network: _Network, cell: float) -> Drawing:
    """Input, first convolution, what the second one gets, and output, with a line for each channel that is read."""
    drawing, channels = Drawing(), range(network.channels)
    order = network.order
    layers = ["first grouped\nconvolution", network.between, "second grouped\nconvolution"]
    tops = [-level * (cell + LEVEL) for level in range(4)]
    rows = [[_place(network, c, top, cell) for c in channels] for top in tops]
    labels = [channels, channels, order, channels]
    for level, (places, names) in enumerate(zip(rows, labels, strict=True)):
        for position, (place, name) in enumerate(zip(places, names, strict=True)):
            groups = network.groups_read(position) if level == 3 else [network.group(name)]
            _channel(drawing, f"level-{level}-{position}", place, cell, [_hue(network, g) for g in groups], str(name))
    grouped = [(n, m) for n, m in np.argwhere(network.first).tolist()]
    for level, word in ((0, "input"), (3, "output")):
        drawing.text(-LABEL_GAP, tops[level] - cell / 2, word, size=SMALL, across="right")
    for above, pairs in enumerate((grouped, list(enumerate(order)), grouped)):
        drawing.text(-LABEL_GAP, tops[above] - cell - LEVEL / 2, layers[above], size=SMALL, across="right")
        for n, m in pairs:
            (x, y), (end, below) = rows[above][m], rows[above + 1][n]
            drawing.line([(x + cell / 2, y - cell), (end + cell / 2, below)], width=0.6)
    narrow = text_width("group 0", SMALL) > network.each * cell
    for g in range(network.groups):
        left, right = (rows[0][c][0] for c in (g * network.each, (g + 1) * network.each - 1))
        label = str(g) if narrow else f"group {g}"
        drawing.text((left + right + cell) / 2, LABEL_GAP, label, size=SMALL, along="bottom")
    if narrow:
        drawing.text(-LABEL_GAP, LABEL_GAP, "group", size=SMALL, across="right", along="bottom")
    return drawing


def _place(network: _Network, channel: int, top: float, cell: float) -> tuple[float, float]:
    """The upper left corner of a channel's cell."""
    return channel * cell + network.group(channel) * BETWEEN, top


def _channel(
    drawing: Drawing, name: str, place: tuple[float, float], cell: float, colors: Sequence[str], label: str
) -> None:
    """A channel: a cell with its number, in a stripe for each group that it is made of."""
    for stripe, color in enumerate(colors):
        width = cell / len(colors)
        corner = (place[0] + stripe * width, place[1] - cell)
        drawing.add(Rectangle(corner, width, cell, facecolor=color, linewidth=0, zorder=1, gid=f"{name}-{stripe}"))
    outline = Rectangle((place[0], place[1] - cell), cell, cell, fill=False, edgecolor=INK, linewidth=0.7, zorder=1.6)
    drawing.add(outline)
    drawing.text(place[0] + cell / 2, place[1] - cell / 2, label, size=SMALLEST, inside=True)


def _matrix(network: _Network, cell: float) -> OffsetBox:
    """The input channels (columns) that each output channel (row) reads, filled."""
    drawing, channels = Drawing(), network.channels
    place, name = flat(network.reads, cell), "shuffled" if network.shuffled else "plain"
    drawing.volume(f"reads-{name}", place, "#FFFFFF")
    for g in range(network.groups):
        cells = [(n, m) for n, m in np.argwhere(network.reads).tolist() if network.group(m) == g]
        drawing.cells(f"reads-{name}-{g}", place, dict.fromkeys(cells, ""), _hue(network, g))
    for channel in range(channels):
        drawing.text(*place.point(-0.45, channel + 0.5), str(channel), size=SMALLEST)
        drawing.text(place.x - LABEL_GAP, place.middle(channel, 0)[1], str(channel), size=SMALLEST, across="right")
    return column(
        note("columns: input channels; rows: output channels; filled: is read", align="center"),
        drawing,
        text(network.verdict),
        gap=0.05,
    )


def _permutation(page: Page, network: _Network, cell: float) -> OffsetBox:
    """The channels' numbers through the steps of the shuffle."""
    numbers, rows, turned, shuffled = _steps(network.groups, network.channels)
    g, n = rows.shape
    names = f"reshape\n({g}, {n})", f"transpose\n({n}, {g})", "flatten"
    arrows = [arrow_under(note(words, align="center"), 0.45, gap=0.03) for words in names]
    steps = [numbers[np.newaxis], rows, turned, shuffled[np.newaxis]]
    grids = [_numbers(network, f"step-{step}", values, cell) for step, values in enumerate(steps)]
    halves = row(grids[0], arrows[0], grids[1], gap=0.08), row(arrows[1], grids[2], arrows[2], grids[3], gap=0.08)
    return page.beside_or_below(*halves, gap=0.08)


def _numbers(network: _Network, name: str, values: Array, cell: float) -> Drawing:
    """Channels as cells with their numbers, in the hue of their group."""
    drawing, place = Drawing(), flat(values, cell)
    for g in range(network.groups):
        cells = {(r, c): str(values[r, c]) for r, c in np.argwhere(values // network.each == g).tolist()}
        drawing.cells(f"{name}-{g}", place, cells, _hue(network, g), size=SMALLEST)
    return drawing


def _alt(networks: Sequence[_Network]) -> str:
    plain, shuffled = networks
    return (
        f"Two networks of two grouped convolutions with {plain.groups} groups of {plain.each} channels, drawn as rows "
        "of numbered channels with lines between them, and below each the matrix of the input channels that its output "
        f"channels read. Left, {plain.title}: {plain.verdict}. Right, {shuffled.title}, which hands the second "
        f"convolution the channels {', '.join(map(str, shuffled.order))}: {shuffled.verdict}. At the bottom the steps "
        "of the shuffle."
    )


def _caption(networks: Sequence[_Network]) -> str:
    plain, shuffled = networks
    hues = hue_text(plain.groups, "group") if plain.groups <= len(CHANNEL_HUES) else ""
    return four_part_caption(
        claim=(
            f"Two grouped convolutions in a row leave their groups apart: {plain.verdict}. A shuffle between them "
            f"deals the channels of each group out to all groups: {shuffled.verdict}."
        ),
        computed=(
            "Which channels are read was found by npconv.checks.channels_read, which runs npconv.grouped_conv2d and "
            "npconv.shuffled_grouped_conv2d on names; the permutation is npconv.channel_shuffle's of the channels' "
            "numbers."
        ),
        scale=["All cells have one scale", hues, "an output has a stripe for each group that it reads" if hues else ""],
        not_shown=["the weights", "kernels larger than 1×1, which read the same channels"],
    )
