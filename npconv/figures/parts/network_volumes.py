"""The outputs of a network table's rows as volumes: their sides are square roots of channels, and of maps' sides."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from matplotlib.offsetbox import DrawingArea, OffsetBox

from ...text import shape_text
from .blocks import THINNEST, Cuboid, legend
from .drawing import BACK
from .layout import Page
from .network_table import NetworkRow


@dataclass(frozen=True)
class OutputVolumes:
    """The volumes of rows' outputs, the highest so many inches high, with `channel` inches for a root of a channel."""

    rows: Sequence[NetworkRow]
    highest: float
    channel: float = 0.0

    def at(self, channel: float) -> "OutputVolumes":
        """The same volumes on another scale of channels."""
        return replace(self, channel=channel)

    @cached_property
    def side(self) -> float:
        """The inches for a root of a map's side."""
        return self.highest / max(math.sqrt(h) + math.sqrt(w) * BACK[1] for h, w, _ in self._outputs)

    @property
    def most(self) -> int:
        """The most channels."""
        return max(channels for _, _, channels in self._outputs)

    @cached_property
    def _outputs(self) -> list[tuple[int, ...]]:
        return [each.shapes[1] for each in self.rows]

    def cuboid(self, each: NetworkRow) -> Cuboid:
        """The volume of a row's output."""
        height, width, channels = map(math.sqrt, each.shapes[1])
        return Cuboid(channels * self.channel, height * self.side, width * self.side, each.linear)

    def is_drawn(self, each: NetworkRow) -> bool:
        """True if the volume of a row's output is thick enough to be seen."""
        cuboid = self.cuboid(each)
        return min(cuboid.thickness, cuboid.height) >= THINNEST

    @cached_property
    def widest(self) -> float:
        """The width of the widest volume, in inches."""
        return max(self.cuboid(each).size[0] for each in self.rows)

    def box(self, name: str, each: NetworkRow) -> OffsetBox:
        """The drawing of a row's output in the middle of the widest's room, or that room alone."""
        return self.cuboid(each).box(name, self.widest) if self.is_drawn(each) else DrawingArea(72 * self.widest, 0)

    @property
    def missing(self) -> str:
        """The shapes whose volumes are not drawn."""
        return ", ".join(dict.fromkeys(shape_text(each.shapes[1]) for each in self.rows if not self.is_drawn(each)))

    def legend(self, page: Page, activated: str) -> OffsetBox:
        """A line across the page that explains them, with bars for two numbers of channels, one 4 times the other."""
        count = 4 ** ((self.most.bit_length() - 1) // 2)
        bars = {n: math.sqrt(n) * self.channel for n in (count // 4, count)}
        return legend(page, activated, bars, "thickness ∝ √channels, height ∝ √(map height)")
