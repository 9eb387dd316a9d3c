"""What the MobileNets have in common: layers in a row that know their table and their conventions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..layers import Layer, Sequential
from .table import Row, SeparableRow


@dataclass(frozen=True)
class Specification:
    """What a network was built from: `architecture` is the name of the function, `rows` its table with their widths."""

    architecture: str
    conventions: str
    rows: tuple[Row, ...] | tuple[SeparableRow, ...]
    output_stride: int | None = None


class MobileNet(Sequential):
    """A MobileNet: its layers in a row, and in `specification` what they were built from.

    The layers are stem, block_1, block_2, …, (last,) pool and classifier, and the normalisation and activation of stem
    and last. `mobilenet_v1` and `mobilenet_v2` build them.
    """

    def __init__(self, layers: Mapping[str, Layer], specification: Specification) -> None:
        super().__init__(layers)
        self.specification = specification

    @property
    def blocks(self) -> Sequence[str]:
        """The names of the blocks, in the order of forward."""
        return [name for name in self.layers if name.startswith("block_")]
