"""Channels drawn apart: slabs one behind another, filters in a grid, and rows of such blocks with signs between."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TypeAlias

from .drawing import (
    BACK,
    CHANNEL_HUES,
    FRONT_UNDER_NUMBERS,
    LABEL_GAP,
    MARGIN,
    ROLES,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    TooLargeError,
    Volume,
    largest_cell,
    number_size,
    shade,
    text_width,
)

SPACING = 1.7  # from a slab to the next, in steps of a channel
SMALL_SLAB = 0.1  # inches of a cell below which only the first and the last slab are labelled
MOST_SLABS = 4  # with more channels the first two and the last are drawn
SIGN = 0.28  # inches for a sign between blocks, at least; less between small ones
AIR = 0.07  # inches on both sides of a sign
SIGN_SIZE = 15.0  # points
GAP = 0.11  # inches between neighbours in a grid
TITLE_GAP = 0.25  # inches between titles
NOTE = 0.17  # inches for a note
LINE, SMALL_LINE = TEXT * 1.25 / 72, SMALL * 1.25 / 72  # inches for a line of text

Texts: TypeAlias = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Face:
    """What is on a front face: numbers, and framed cells.

    Where `shown` is given only the first numbers in reading order are there, and the cells of the others are white.
    """

    numbers: Texts | None = None
    shown: int | None = None
    frame: tuple[Sequence[int], Sequence[int]] | None = None


def drawn_channels(channels: int, most: int = MOST_SLABS) -> list[int]:
    """The channels that are drawn: all where they are few, else the first two and the last.

    >>> drawn_channels(3), drawn_channels(36)
    ([0, 1, 2], [0, 1, 35])
    """
    return list(range(channels)) if channels <= most else [0, 1, channels - 1]


def channel_color(m: int, channels: int, role: str) -> str:
    """Channel m's hue where every channel has one, else the colour of its role."""
    return CHANNEL_HUES[m] if channels <= len(CHANNEL_HUES) else ROLES[role]


def hue_text(channels: int) -> str:
    """What a caption says of the channels' hues.

    >>> hue_text(2)
    'hue is the channel, 0 blue, 1 pink'
    """
    if channels > len(CHANNEL_HUES):
        return "channels are numbered"
    return "hue is the channel, " + ", ".join(f"{m} {('blue', 'pink', 'yellow')[m]}" for m in range(channels))


@dataclass(frozen=True)
class Part:
    """One volume of a stack: a slab, or all of it.

    `label` is written to the right of its lower edge. `apart` says that channels are left out before it.
    """

    name: str
    volume: Volume
    color: str
    label: str = ""
    face: Face = field(default_factory=Face)
    apart: bool = False

    @cached_property
    def longest(self) -> str:
        """The widest of its numbers."""
        return max((text for row in self.face.numbers or [[""]] for text in row), key=text_width)

    def fits(self, cell: float) -> bool:
        """Whether its numbers fit into cells of that size."""
        return self.face.numbers is None or number_size([[self.longest]], cell) is not None

    def draw(self, canvas: Canvas, volume: Volume, level: int, *, numbered: bool) -> None:
        """Draw it above what has a lower level."""
        numbers, shown = self.face.numbers, self.face.shown
        before = len(canvas.axes.collections)
        canvas.volume(self.name, volume, self.color, numbers if numbered and shown is None else None)
        for collection in list(canvas.axes.collections)[before:]:  # padding lies lower than cells, but in its own slab
            collection.set_zorder(collection.get_zorder() + 0.02 * level)
        if self.face.frame:
            canvas.frame(volume, *self.face.frame)
        if numbers is None or shown is None:
            return
        size = number_size(numbers, volume.cell) or SMALL
        texts = {(r, c): text if numbered else "" for r, row in enumerate(numbers) for c, text in enumerate(row)}
        there, blank = dict(list(texts.items())[:shown]), dict.fromkeys(list(texts)[shown:], "")
        canvas.cells(f"{self.name}-there", volume, there, shade(self.color, FRONT_UNDER_NUMBERS), size=size)
        if blank:
            canvas.cells(f"{self.name}-blank", volume, blank, "white")


@dataclass(frozen=True)
class Stack:
    """Volumes one behind another, at least `spacing` channels apart; (x, y) is the front one's upper left corner.

    `title` is written above. `numbered` says whether its numbers fit; where they do not, its title says the one that is
    framed.
    """

    parts: tuple[Part, ...]
    spacing: float = 1.0
    title: str = ""
    x: float = 0.0
    y: float = 0.0
    cell: float = 1.0
    numbered: bool = True

    @cached_property
    def heading(self) -> str:
        """Its title, with the framed number where it can't be seen."""
        face = self.parts[0].face
        if self.numbered or face.numbers is None or face.frame is None or face.shown is not None:
            return self.title
        rows, columns = face.frame
        framed = f"framed: {face.numbers[rows[0]][columns[0]]}" if len(rows) == len(columns) == 1 else ""
        return ", ".join(text for text in (self.title, framed) if text)

    @cached_property
    def labels(self) -> list[str]:
        """The labels that are written: of small slabs only those of the first and the last."""
        labels = [part.label for part in self.parts]
        return labels if self.cell >= SMALL_SLAB else [labels[0], *[""] * (len(labels) - 2), *labels[1:][-1:]]

    @cached_property
    def volumes(self) -> list[Volume]:
        """Where its parts lie."""
        step, gap = self.spacing, 2 if self.spacing == 1 else 1  # in a solid volume as in Volume's own
        lines = sum(map(bool, self.labels)) - 1
        if lines > 0:  # a line of text for each label
            step = max(step, lines * SMALL_LINE / (BACK[1] * self.cell * (len(self.parts) - 1)))
        front, depth, volumes = self.parts[0].volume.at(self.x, self.y, self.cell), 0.0, []
        for k, part in enumerate(self.parts):
            depth += step * (1 + part.apart * gap) if k else 0.0
            volumes.append(part.volume.at(*front.point(0, 0, depth), self.cell))
        return [replace(volumes[0], behind=depth + volumes[-1].depth), *volumes[1:]]

    @cached_property
    def right(self) -> float:
        """The right edge without the labels."""
        return max(volume.right for volume in self.volumes)

    @property
    def label_right(self) -> float:
        """The right edge with the labels."""
        ends = [x + text_width(text, SMALL) for text, x in zip(self.labels, self.label_starts, strict=True) if text]
        return max([self.right, *ends])

    @cached_property
    def label_starts(self) -> list[float]:
        """Where each part's label starts: clear of all that reaches down to its line."""
        volumes = self.volumes
        starts = []
        for volume in volumes:
            rises = [(v, volume.bottom + SMALL_LINE - v.bottom) for v in volumes]
            ends = [v.front_right + min(v.right - v.front_right, r * BACK[0] / BACK[1]) for v, r in rises if r > 1e-9]
            starts.append(max(ends) + LABEL_GAP)
        return starts

    @cached_property
    def top(self) -> float:
        """The upper edge, the title included."""
        return max(volume.top for volume in self.volumes) + (SMALL_LINE + LABEL_GAP if self.heading else 0.0)

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return min(volume.bottom for volume in self.volumes)

    def draw(self, canvas: Canvas) -> None:
        """Draw its parts from the back."""
        placed = list(zip(self.parts, self.volumes, strict=True))
        for level, (part, volume) in enumerate(reversed(placed)):
            part.draw(canvas, volume, level, numbered=self.numbered)
        if self.heading:
            canvas.text((self.x + self.right) / 2, self.top, self.heading, size=SMALL, along="top")
        for text, volume, x in zip(self.labels, self.volumes, self.label_starts, strict=True):
            if text:
                canvas.text(x, volume.bottom, text, size=SMALL, across="left", along="bottom")
        for (_, near), (part, far) in pairwise(placed):
            for row, column in ((0, 0), (0, far.columns)) if part.apart else ():
                canvas.line([near.point(row, column, near.depth), far.point(row, column)], dotted=True)


def channel_stack(
    name: str, slab: Volume, channels: Sequence[int], colors: Sequence[str], labels: Sequence[str], face: Face
) -> Stack:
    """Slabs of one channel each, spaced, the front one with a face."""
    parts = _parts(name, slab, channels, colors, labels)
    return Stack((replace(parts[0], face=face), *parts[1:]), SPACING)


def solid_stack(name: str, volume: Volume, colors: Sequence[str], label: str, face: Face, title: str = "") -> Stack:
    """A volume as one piece, each of its channels in a colour of its own; of many the first six and the last."""
    channels = list(range(volume.channels))
    if volume.channels > volume.drawn_channels:
        channels = [*channels[: volume.drawn_channels - 1], channels[-1]]
    slab = replace(volume, channels=1)
    parts = _parts(name, slab, channels, [colors[c] for c in channels], [label] + [""] * (len(channels) - 1))
    return Stack((replace(parts[0], face=face), *parts[1:]), title=title)


def _parts(
    name: str, slab: Volume, channels: Sequence[int], colors: Sequence[str], labels: Sequence[str]
) -> tuple[Part, ...]:
    apart = [False, *(after > before + 1 for before, after in pairwise(channels))]
    return tuple(
        Part(f"{name}-{channel}", slab, color, label, apart=gap)
        for channel, color, label, gap in zip(channels, colors, labels, apart, strict=True)
    )


@dataclass(frozen=True)
class Block:
    """Stacks in a grid under a title, with a size and what is left out written below.

    A row is at least `least` cells high. `narrow` is the same title in more and shorter lines.
    """

    name: str
    title: str
    grid: Sequence[Sequence[Stack]]
    size: str = ""
    more: str = ""
    least: float = 0.0
    narrow: str = ""

    def sized(self, stacks: Sequence[Stack], cell: float) -> list[Stack]:
        """Some of its stacks, with cells of that size."""
        numbered = self.fits(cell)
        return [replace(stack, cell=cell, numbered=numbered) for stack in stacks]

    def columns(self, cell: float) -> tuple[list[float], float, float]:
        """The middles of its columns, and its width without and with the labels at the right."""
        middles: list[float] = []
        body = full = 0.0
        for column in zip(*self.grid, strict=True):
            stacks = self.sized(column, cell)
            start = full + GAP if middles else 0.0
            width = max(max(stack.right, text_width(stack.heading, SMALL)) for stack in stacks)
            middles.append(start + width / 2)
            body = start + width
            full = max(body, *(middles[-1] + stack.label_right - stack.right / 2 for stack in stacks))
        return middles, body, max(full, *(end for _, end in self._below(middles[0], body, cell)))

    def overhang(self, cell: float) -> float:
        """How far the texts below reach beyond its left edge."""
        middles, body, _ = self.columns(cell)
        return max(0.0, *(-start for start, _ in self._below(middles[0], body, cell)))

    def _below(self, first: float, body: float, cell: float) -> list[tuple[float, float]]:
        """Where the texts below start and end."""
        (front,) = self.sized(self.grid[-1][:1], cell)
        middle = first - front.right / 2 + front.volumes[0].front_right / 2
        texts = ((middle, text_width(self.size)), (body / 2, text_width(self.more)))
        return [(centre - width / 2, centre + width / 2) for centre, width in texts]

    def rows(self, cell: float) -> tuple[list[float], float]:
        """Where the fronts of its rows are, downwards from its upper edge, and its height."""
        fronts: list[float] = []
        height = 0.0
        for row in self.grid:
            stacks = self.sized(row, cell)
            if fronts:
                height += GAP + (LINE if row[0].parts[0].apart else 0.0)
            top, bottom = max(s.top for s in stacks), min(s.bottom for s in stacks)
            spare = max(self.least * cell - (top - bottom), 0.0)
            fronts.append(-(height + spare / 2 + top))
            height += top - bottom + spare
        return fronts, height

    def middle_edge(self, cell: float) -> float:
        """How far right it reaches about its middle, where a sign stands: past its labels only if they are there."""
        _, body, full = self.columns(cell)
        labels = [volume.bottom for row in self.placed(0, 0, cell) for stack in row for volume in stack.volumes]
        return full + 0.06 if any(-0.13 - SMALL_LINE < low < 0.13 for low in labels) else body

    def placed(self, x: float, middle: float, cell: float) -> list[list[Stack]]:
        """Its stacks, centred about a height."""
        (middles, _, _), (fronts, height) = self.columns(cell), self.rows(cell)
        grid = []
        for row, front in zip(self.grid, fronts, strict=True):
            stacks = [replace(stack, y=middle + height / 2 + front) for stack in self.sized(row, cell)]
            grid.append([replace(s, x=x + m - s.right / 2) for s, m in zip(stacks, middles, strict=True)])
        return grid

    def fits(self, cell: float) -> bool:
        """Whether all its numbers fit into cells of that size; if not, none are drawn."""
        return all(part.fits(cell) for row in self.grid for stack in row for part in stack.parts)

    def draw(self, canvas: Canvas, x: float, middle: float, cell: float) -> float:
        """Draw it all but the title; the lower edge."""
        grid = self.placed(x, middle, cell)
        for before, row in zip([[], *grid], grid, strict=False):
            if before and row[0].parts[0].apart:
                canvas.text((row[0].x + row[0].right) / 2, (before[0].bottom + row[0].top) / 2, "⋮", size=TITLE)
            for stack in row:
                stack.draw(canvas)
        canvas.labels(grid[-1][0].volumes[0], Labels(width=self.size))
        bottom = self.bottom(middle, cell)
        if self.more:
            canvas.text(x + self.columns(cell)[1] / 2, bottom + LINE, self.more, along="top")
        return bottom

    def bottom(self, middle: float, cell: float) -> float:
        """Its lower edge, where it is centred about a height."""
        lines = (LABEL_GAP + LINE) * (bool(self.size) + bool(self.more))
        return self.placed(0, middle, cell)[-1][0].volumes[0].bottom - lines


@dataclass(frozen=True)
class Row:
    """Blocks in a row with signs between them."""

    blocks: Sequence[Block]
    signs: Sequence[str]
    most_height: float = 4.2  # inches

    def starts(
        self, cell: float, sign: float = 0.0, least: Sequence[float] | None = None
    ) -> tuple[list[float], list[float], float]:
        """Where its blocks start, none before its `least`, the middles of the signs, and the right edge.

        A title may be wider than its block, and keeps off its neighbours; a label may reach below a sign.
        """
        starts: list[float] = []
        signs: list[float] = []
        edge = title_edge = label_edge = 0.0
        for block in self.blocks:
            _, body, full = block.columns(cell)
            title, overhang = text_width(block.title, TITLE, "bold"), block.overhang(cell)
            start = max(0.0, (title - body) / 2, overhang)
            if starts:
                width = max(sign, _least_sign(cell), text_width(self.signs[len(signs)], SIGN_SIZE) + 2 * AIR)
                start = max(edge + width, label_edge + GAP + overhang, title_edge + TITLE_GAP + (title - body) / 2)
            starts.append(max(start, least[len(starts)]) if least else start)
            if edge:
                signs.append((edge + starts[-1]) / 2)
            edge = starts[-1] + block.middle_edge(cell)
            label_edge, title_edge = starts[-1] + full, starts[-1] + (body + title) / 2
        return starts, signs, max(label_edge, title_edge)

    def layout(self, cell: float, centres: Sequence[float] | None = None) -> tuple[list[float], list[float]]:
        """Where on the canvas its blocks start and its signs are: about these centres where there is room for that.

        Else what is left over goes to the signs and to both ends.
        """
        if centres:
            bodies = [block.columns(cell)[1] for block in self.blocks]
            wanted = [centre - body / 2 for centre, body in zip(centres, bodies, strict=True)]
            starts, signs, right = self.starts(cell, least=wanted)
            if right <= WIDTH - MARGIN and starts == wanted:
                return starts, signs
        sign = _least_sign(cell)
        for _ in range(4):
            starts, signs, right = self.starts(cell, sign)
            sign = max(0.0, sign + (WIDTH - 2 * MARGIN - right) / (len(starts) + 1) * 0.9)
        starts, signs, right = self.starts(cell, sign)
        left = (WIDTH - right) / 2
        return [start + left for start in starts], [x + left for x in signs]

    def centres(self, cell: float) -> list[float]:
        """The middles of its blocks on the canvas."""
        starts, _ = self.layout(cell)
        return [start + block.columns(cell)[1] / 2 for start, block in zip(starts, self.blocks, strict=True)]

    def cell(self, largest: float) -> float:
        """The largest cell at which it is neither too wide nor too high."""

        def width(cell: float) -> float:
            if max(block.rows(cell)[1] for block in self.blocks) > self.most_height and cell > 0.06:
                return inf
            return self.starts(cell)[-1]

        return largest_cell(width, WIDTH - 2 * MARGIN, largest)

    def fitted(self, largest: float) -> tuple["Row", float]:
        """The row and its cell: with its titles as they are, or narrow where that makes room for larger cells."""
        narrow = replace(self, blocks=[replace(block, title=block.narrow or block.title) for block in self.blocks])
        most = narrow.cell(largest)
        try:
            cell = self.cell(largest)
        except TooLargeError:
            return narrow, most
        return (self, cell) if cell >= 0.95 * most else (narrow, most)

    @property
    def _title_height(self) -> float:
        return max(block.title.count("\n") + 1 for block in self.blocks) * TITLE * 1.2 / 72

    def _middle(self, top: float, cell: float) -> float:
        return top - self._title_height - 0.12 - max(block.rows(cell)[1] for block in self.blocks) / 2

    def bottom(self, top: float, cell: float) -> float:
        """Its lower edge, where it is drawn below a height."""
        return min(block.bottom(self._middle(top, cell), cell) for block in self.blocks)

    def blank(self, cell: float) -> list[str]:
        """The blocks whose numbers do not fit into cells of that size."""
        return [block.name for block in self.blocks if not block.fits(cell)]

    def draw(self, canvas: Canvas, top: float, cell: float, centres: Sequence[float] | None = None) -> "Drawn":
        """Draw it below a height; `centres` as in `layout`."""
        starts, signs = self.layout(cell, centres)
        middle = self._middle(top, cell)
        drawn = Drawn(bottom=middle, blank=self.blank(cell))
        for block, start in zip(self.blocks, starts, strict=True):
            drawn.centres.append(start + block.columns(cell)[1] / 2)
            canvas.text(
                drawn.centres[-1], top - self._title_height, block.title, size=TITLE, weight="bold", along="bottom"
            )
            drawn.bottom = min(drawn.bottom, block.draw(canvas, start, middle, cell))
        for text, x in zip(self.signs, signs, strict=True):
            canvas.text(x, middle, text, size=SIGN_SIZE)
        return drawn


@dataclass
class Drawn:
    """Where a row was drawn: its lower edge, the middles of its blocks, and whose numbers did not fit."""

    bottom: float
    centres: list[float] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)


def _least_sign(cell: float) -> float:
    return min(SIGN, 0.16 + cell / 2)


def write_notes(canvas: Canvas, notes: Sequence[str], bottom: float) -> float:
    """Write small lines below a height; the lower edge."""
    for note in notes:
        canvas.text(MARGIN, bottom - 0.05, note, size=SMALL, across="left", along="top")
        bottom -= NOTE
    return bottom


def notes_height(notes: Sequence[str]) -> float:
    """The inches that `write_notes` takes."""
    return NOTE * len(notes)
