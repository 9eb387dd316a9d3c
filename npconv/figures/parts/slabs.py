"""Channels drawn one behind another, apart or as one volume, each in a colour of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from .drawing import BACK, CHANNEL_HUES, LABEL_GAP, ROLES, SMALL, Volume, number_size
from .layout import Drawing

SPACING = 1.7  # from a slab to the next, in steps of a channel
MOST_SLABS = 4  # with more channels the first two and the last are drawn
LINE = SMALL * 1.25 / 72  # inches for the label of a slab

Texts: TypeAlias = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Face:
    """The numbers on a front face, and the rows and columns of it that are framed."""

    texts: Texts
    frame: tuple[Sequence[int], Sequence[int]] | None = None

    def fits(self, cell: float) -> bool:
        """True where the numbers fit into cells of that size."""
        return number_size(self.texts, cell) is not None

    def framed(self, cell: float) -> str:
        """The framed number, if it is one and does not fit into its cell."""
        rows, columns = self.frame or ((), ())
        single = len(rows) == len(columns) == 1 and not self.fits(cell)
        return f"framed: {self.texts[rows[0]][columns[0]]}" if single else ""


def drawn_channels(channels: int, most: int = MOST_SLABS) -> list[int]:
    """The channels that are drawn: all where they are few, else the first two and the last.

    >>> drawn_channels(3), drawn_channels(36)
    ([0, 1, 2], [0, 1, 35])
    """
    return list(range(channels)) if channels <= most else [0, 1, channels - 1]


def channel_color(m: int, channels: int, role: str) -> str:
    """Channel m's hue where every channel has one, else the colour of its role."""
    return CHANNEL_HUES[m] if channels <= len(CHANNEL_HUES) else ROLES[role]


def hue_text(count: int, what: str = "channel") -> str:
    """The words of a caption about the hues of channels, or of what else has one each.

    >>> hue_text(2)
    'hue is the channel, 0 blue, 1 pink'
    """
    if count > len(CHANNEL_HUES):
        return f"{what}s are numbered"
    return f"hue is the {what}, " + ", ".join(f"{m} {('blue', 'pink', 'yellow')[m]}" for m in range(count))


def stack(
    name: str,
    slab: Volume,
    channels: Sequence[int],
    colors: Sequence[str],
    face: Face | None = None,
    *,
    title: str = "",
    step: float = 1.0,
) -> tuple[Drawing, list[Volume]]:
    """Slabs of one channel each, `step` channels apart, and where they lie; dotted lines where channels are left out.

    The first one, in front, has the face. Above the stack stands its title, and the framed number if it is hidden.
    """
    volumes, depth = [slab], 0.0
    drawing = Drawing()
    for before, after in pairwise(channels):
        depth += step + 2 * (after > before + 1)
        volumes.append(slab.at(*slab.point(0, 0, depth), slab.cell))
        for corner in ((0, 0), (0, slab.columns)) if after > before + 1 else ():
            drawing.line([volumes[-2].point(*corner, 1), volumes[-1].point(*corner)], dotted=True)
    volumes[0] = replace(slab, behind=depth + 1)
    for level, (c, color, volume) in enumerate(zip(channels[::-1], colors[::-1], volumes[::-1], strict=True)):
        numbers = face.texts if face and volume is volumes[0] else None
        drawing.volume(f"{name}-{c}", volume, color, numbers, level=level)
    if face and face.frame:
        drawing.frame(slab, *face.frame)
    if heading := ", ".join(filter(None, (title, face.framed(slab.cell) if face else ""))):
        middle, top = (slab.x + volumes[-1].right) / 2, volumes[-1].top
        drawing.text(middle, top + LABEL_GAP, heading, size=SMALL, along="bottom")
    return drawing, volumes


def slabs(
    name: str, slab: Volume, channels: Sequence[int], colors: Sequence[str], labels: Sequence[str], face: Face | None
) -> Drawing:
    """Channels apart, each with a label at its lower right."""
    step = max(SPACING, LINE / (BACK[1] * slab.cell))  # each label has a line of its own
    drawing, volumes = stack(name, slab, channels, colors, face, step=step)
    for volume, label in zip(volumes, labels, strict=True):
        drawing.text(volume.right + LABEL_GAP, volume.bottom, label, size=SMALL, across="left", along="bottom")
    return drawing


def solid(name: str, volume: Volume, colors: Sequence[str], face: Face | None = None, *, title: str = "") -> Drawing:
    """A volume in one piece, each of its channels in a colour of its own; of many the first six and the last."""
    last = volume.channels - 1
    channels = [*range(min(last, volume.drawn_channels - 1)), last]
    return stack(name, replace(volume, channels=1), channels, [colors[c] for c in channels], face, title=title)[0]
