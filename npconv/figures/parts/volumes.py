"""Volumes in a row with signs between them, as input ∗ filters = output: the upper part of several figures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from matplotlib.offsetbox import OffsetBox

from ...text import shape_text
from .drawing import FRONT_UNDER_NUMBERS, ROLES, SMALL, Labels, Pen, Volume, number_size, shade, text_width
from .layer import StandardLayer
from .layout import Drawing, Grid, grid, text, title
from .values import number_texts

GAP = 0.16  # inches between neighbours
CAPTION = SMALL * 1.2 / 72 + 0.04  # inches for what is written above a volume
SIGN_SIZE = 16.0  # points

Texts = Sequence[Sequence[str]]


@dataclass(frozen=True)
class VolumeGroup:
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

    def fits(self, cell: float) -> bool:
        """True where its numbers fit into cells of that size."""
        return all(number_size(numbers, cell) for numbers in self.fronts)

    def drawn(self, cell: float) -> Drawing:
        """The volumes with their sizes and the focus."""
        drawing, columns = Drawing(), 1 if len(self.fronts) <= 2 else 2
        one = self.volume.at(0, 0, cell)
        across = max(one.right, *(text_width(caption, SMALL) for caption in ("", *self.captions))) + GAP
        down = one.top - one.bottom + CAPTION + GAP
        placed = [one.at(across * (i % columns), -down * (i // columns), cell) for i in range(len(self.fronts))]
        for i, (volume, numbers) in enumerate(zip(placed, self.fronts, strict=True)):
            name = f"{self.name.removesuffix('s')}-{i}" if self.captions else self.name
            if self.later is None:
                caption = self.captions[i] if self.captions else ""
                drawing.volume(name, volume, ROLES[self.role], numbers, title=caption)
            else:
                _draw_partly(drawing, name, volume, ROLES[self.role], numbers, self.later)
        drawing.labels(placed[(len(placed) - 1) // columns * columns], replace(self.labels, depth=""))
        drawing.labels(placed[-1], Labels(depth=self.labels.depth))
        drawing.frame(placed[0], *self.focus)
        return drawing


def _draw_partly(
    pen: Pen, name: str, volume: Volume, color: str, numbers: Texts, later: Collection[tuple[int, int]]
) -> None:
    """A volume on whose front face some cells are still white; the numbers' size is that of the whole face."""
    pen.volume(name, volume, color)
    if size := number_size(numbers, volume.cell):
        texts = {(r, c): text for r, row in enumerate(numbers) for c, text in enumerate(row) if (r, c) not in later}
        pen.cells(f"{name}-made", volume, texts, shade(color, FRONT_UNDER_NUMBERS), size=size)
    edges = {
        "top": [place for place in later if place[0] == 0],
        "side": [place for place in later if place[1] == volume.columns - 1],
        "front": later,
    }
    for face, blank in edges.items():
        if blank:
            pen.cells(f"{name}-{face}-later", volume, dict.fromkeys(sorted(blank), ""), "white", face=face)


def row_of_volumes(groups: Sequence[VolumeGroup], signs: str, cell: float) -> Grid:
    """Groups with cells of that size, a sign between each two."""
    lines: list[list[OffsetBox | None]] = [[], [], []]
    for group, sign in zip(groups, (*signs, ""), strict=True):
        lines[0] += [title(group.title), None]
        lines[1] += [group.drawn(cell), text(sign, size=SIGN_SIZE)]
        lines[2] += [text(group.more) if group.more else None, None]
    used = [line[:-1] for line in lines if any(line)]  # behind the last group there is no sign
    return grid(used, gaps=(0.1, 0.08), along=["bottom", "center", "top"])


def notes_of_volumes(groups: Sequence[VolumeGroup], cell: float) -> list[str]:
    """The notes on volumes with cells of that size: padding, channels left out, numbers that don't fit."""
    padded = any(group.volume.padding != ((0, 0), (0, 0)) for group in groups)
    blank = ", ".join(group.name for group in groups if not group.fits(cell))
    counts = [(group.name, group.volume.drawn_channels, group.volume.channels) for group in groups]
    return [
        *(["dotted: padding, zeros in every channel"] if padded else []),
        *(f"{name}: {n} of {all} channels are drawn, the last behind a gap" for name, n, all in counts if n < all),
        *([f"no numbers on the front of {blank}: the cells are too small"] if blank else []),
    ]


def input_group(layer: StandardLayer) -> VolumeGroup:
    """The input of a standard convolution, with the patch of the framed value."""
    source = layer.input_volume
    return VolumeGroup(
        "input",
        f"input volume\n{shape_text(layer.x.shape[1:])}",
        "input",
        source,
        Labels(f"Dᵤ = {source.height}", f"Dᵤ = {source.width}", f"M = {layer.x.shape[-1]}"),
        [number_texts(layer.padded[..., 0])],
        (layer.patch_rows, layer.patch_columns),
    )
