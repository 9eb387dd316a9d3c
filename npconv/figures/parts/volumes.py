"""Volumes in a row with signs between them, as input ∗ filters = output: the upper part of several figures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .drawing import (
    FRONT_UNDER_NUMBERS,
    LABEL_GAP,
    MARGIN,
    ROLES,
    SMALL,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    Volume,
    largest_cell,
    number_size,
    shade,
    text_width,
)

SIGN = 0.42  # inches for a sign between groups
GAP = 0.16  # inches between neighbours
LINE = 9 * 1.4 / 72  # inches for a line of text

Texts = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Group:
    """Equal volumes in one or two columns, under one title, with one set of sizes and the focus on the first one.

    `fronts` has the numbers of each volume's front face, `captions` what is written above it. The cells `later` are
    still white, without their numbers. `more` is written below.
    """

    name: str
    title: str
    role: str
    volume: Volume
    labels: Labels
    fronts: Sequence[Texts]
    focus: tuple[Sequence[int], Sequence[int]]
    captions: Sequence[str] = ()
    later: Collection[tuple[int, int]] | None = None
    more: str = ""

    @property
    def columns(self) -> int:
        """How many volumes stand side by side."""
        return 1 if len(self.fronts) <= 2 else 2

    @property
    def lowest_left(self) -> int:
        """Which of the volumes stands in the lower left corner."""
        return (len(self.fronts) - 1) // self.columns * self.columns

    def step(self, cell: float) -> float:
        """From one volume to the next."""
        captions = (text_width(caption, SMALL) for caption in self.captions)
        return max(self.volume.at(0, 0, cell).right, *captions) + GAP if self.captions else 0.0

    def body(self, cell: float) -> float:
        """The width without the label at the left."""
        return self.step(cell) * (self.columns - 1) + self.labels.right(self.volume.at(0, 0, cell))

    def width(self, cell: float) -> float:
        """The width of all, the title included."""
        return max(self.labels.left + self.body(cell), text_width(self.title, TITLE, "bold"))

    def placed(self, start: float, cell: float) -> list[Volume]:
        """The volumes in their places, where the group starts there and its middle is at height 0."""
        one = self.volume.at(0, 0, cell)
        x = start + (self.width(cell) - self.labels.left - self.body(cell)) / 2 + self.labels.left
        height = one.top - one.bottom
        step = height + SMALL * 1.2 / 72 + GAP + 0.04
        top = (step * (self.lowest_left // self.columns) + height) / 2 - one.top
        return [
            self.volume.at(x + self.step(cell) * (i % self.columns), top - step * (i // self.columns), cell)
            for i in range(len(self.fronts))
        ]

    def draw(self, canvas: Canvas, placed: Sequence[Volume]) -> bool:
        """Draw all but the title; whether the numbers fit."""
        fits = True
        for i, (volume, numbers) in enumerate(zip(placed, self.fronts, strict=True)):
            name = f"{self.name.removesuffix('s')}-{i}" if self.captions else self.name
            if self.later is not None:
                fits &= _draw_partly(canvas, name, volume, ROLES[self.role], numbers, self.later)
            else:
                caption = self.captions[i] if self.captions else ""
                fits &= canvas.volume(name, volume, ROLES[self.role], numbers, title=caption)
        canvas.labels(placed[self.lowest_left], Labels(self.labels.height, self.labels.width))
        canvas.labels(placed[-1], Labels(depth=self.labels.depth))
        canvas.frame(placed[0], *self.focus)
        return fits


def _draw_partly(
    canvas: Canvas, name: str, volume: Volume, color: str, numbers: Texts, later: Collection[tuple[int, int]]
) -> bool:
    """A volume on whose front face some cells are still white; the numbers' size is that of the whole face."""
    canvas.volume(name, volume, color)
    size = number_size(numbers, volume.cell)
    texts = {(r, c): text for r, row in enumerate(numbers) for c, text in enumerate(row)}
    if size is not None:
        made = {place: text for place, text in texts.items() if place not in later}
        canvas.cells(f"{name}-made", volume, made, shade(color, FRONT_UNDER_NUMBERS), size=size)
    for face, blank in (
        ("top", [place for place in later if place[0] == 0]),
        ("side", [place for place in later if place[1] == volume.columns - 1]),
        ("front", later),
    ):
        if blank:
            canvas.cells(f"{name}-{face}-later", volume, dict.fromkeys(sorted(blank), ""), "white", face=face)
    return size is not None


def draw_groups(canvas: Canvas, groups: Sequence[Group], signs: str, largest: float) -> tuple[float, float, list[str]]:
    """Draw groups in a row, a sign between each two, with cells of `largest` inches at the most.

    Returns the upper and the lower edge of it all, and what has to be said about it.
    """
    available = WIDTH - 2 * MARGIN - len(signs) * SIGN

    def total(cell: float) -> float:
        return sum(group.width(cell) for group in groups)

    cell = largest_cell(total, available, largest)
    free = (available - total(cell)) / (len(signs) + 2)  # what is left over goes to the signs and to both ends
    starts = [MARGIN + free]
    for group in groups[:-1]:
        starts.append(starts[-1] + group.width(cell) + SIGN + free)
    placed = [group.placed(start, cell) for group, start in zip(groups, starts, strict=True)]
    blank = [group.name for group, volumes in zip(groups, placed, strict=True) if not group.draw(canvas, volumes)]

    top = max(volumes[0].top + (LINE if group.captions else 0) for group, volumes in zip(groups, placed, strict=True))
    for start, group in zip(starts, groups, strict=True):
        canvas.text(start + group.width(cell) / 2, top + 0.14, group.title, size=TITLE, weight="bold", along="bottom")
    for start, group, sign in zip(starts, groups, signs, strict=False):
        canvas.text(start + group.width(cell) + (SIGN + free) / 2, 0, sign, size=16)
    below = [
        volumes[group.lowest_left].bottom - LABEL_GAP - LINE for group, volumes in zip(groups, placed, strict=True)
    ]
    bottom = min(below)
    for group, volumes, under in zip(groups, placed, below, strict=True):
        if group.more:
            canvas.text(volumes[0].x + group.body(cell) / 2, under - 0.04, group.more, along="top")
            bottom = min(bottom, under - 0.04 - LINE)
    return top + 0.14 + 2 * LINE, bottom, _notes(groups, blank)


def _notes(groups: Sequence[Group], blank: Sequence[str]) -> list[str]:
    notes = []
    if any(group.volume.padding != ((0, 0), (0, 0)) for group in groups):
        notes.append("dotted: padding, zeros in every channel")
    for group in groups:
        drawn, channels = group.volume.drawn_channels, group.volume.channels
        if drawn < channels:
            notes.append(f"{group.name}: {drawn} of {channels} channels are drawn, the last behind a gap")
    if blank:
        notes.append(f"no numbers on the front of {', '.join(blank)}: the cells are too small")
    return notes
