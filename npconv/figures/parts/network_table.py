"""MobileNetV2's table as a figure shows it: its stages, what each gives out and costs, and what the paper states."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...models import MobileNet, Row, SummaryRow, summary
from ...text import shape_text
from .values import plural

STATED = {1.0: ("300 M", "3.4 M"), 1.4: ("585 M", "6.9 M")}  # the paper's Table 4: MAdds, parameters, by width
NONE = "–"

Symbols: TypeAlias = tuple[int | None, int | None, int | None, int | None]  # t, c, n, s
Line: TypeAlias = tuple[Sequence[str], str, str, Symbols]  # layers' names, operator, what stands below it, symbols


@dataclass(frozen=True)
class Stage:
    """A row of the table: a layer, or as many blocks as its n says."""

    operator: str
    detail: str
    symbols: Symbols
    layers: tuple[SummaryRow, ...]
    linear: bool  # whether no activation made its output
    blocks: tuple[str, ...] = ()

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(height, width, channels) of its input and of its output."""
        return _volume(self.layers[0].input_shape), _volume(self.layers[-1].output_shape)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of its columns, in their order."""
        source, result = map(shape_text, self.shapes)
        symbols = (NONE if number is None else str(number) for number in self.symbols)
        return source, self.operator, *symbols, result, f"{self.cost('params'):,}", f"{self.cost('macs'):,}"

    @property
    def shortcuts(self) -> int:
        """How many of its blocks add their input."""
        return sum(layer.adds for layer in self.layers)

    def cost(self, column: str) -> int:
        """Its parameters ("params"), those without batch normalisation ("weights"), or its MACs ("macs")."""
        return sum(getattr(layer, column) for layer in self.layers)


@dataclass(frozen=True)
class Table:
    """The network as its stages, with the words about it."""

    stages: list[Stage]
    title: str
    stated: tuple[str, str] | None  # the paper's MAdds and parameters of this very network

    def total(self, column: str) -> int:
        """All of the network's parameters, weights or MACs."""
        return sum(stage.cost(column) for stage in self.stages)

    def share(self, stage: Stage, column: str) -> float:
        """A stage's part of the total."""
        return stage.cost(column) / self.total(column)

    @property
    def blocks(self) -> list[Stage]:
        """The stages that are rows of bottlenecks."""
        return [stage for stage in self.stages if stage.blocks]

    @property
    def without_norm(self) -> str:
        """The other way to count parameters."""
        return f"{self.total('weights'):,} parameters without batch normalisation"

    @property
    def holds(self) -> bool:
        """Whether the paper's numbers are the MACs and the weights, cut off to as many digits."""
        macs, weights = self.total("macs") // 10**6, self.total("weights") // 10**5 / 10
        return self.stated == (f"{macs} M", f"{weights} M")

    @property
    def statement(self) -> str:
        """The paper's numbers of this network and what they are; nothing where it has none."""
        if not self.stated:
            return ""
        macs, params = self.stated
        if self.holds:
            weights = f"{self.total('weights'):,}"
            return f"The paper's {macs} MAdds and {params} parameters are these MACs, and {weights}, cut off."
        return f"The paper states {macs} MAdds and {params} parameters, which its table doesn't give."


def _volume(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its batch; what has no map is one of 1×1."""
    return shape[1:] if len(shape) == 4 else (1, 1, shape[-1])


def stages_of(network: MobileNet, input_shape: tuple[int, int, int, int]) -> list[Stage]:
    """The network's stages, from its table and its summary."""
    layers: dict[str, list[SummaryRow]] = {}
    for layer in summary(network, input_shape).rows:
        layers.setdefault(layer.block if layer.block in network.blocks else layer.kind, []).append(layer)
    kernel, pooled = network.params["stem.kernel"].shape[:2], layers["pool"][0].input_shape[1:3]
    channels = {name: layers[name][-1].output_shape[-1] for name in ("stem", "last", "classifier")}
    rows: list[Line] = [
        (["stem"], f"conv2d {shape_text(kernel)}", "then ReLU6", (None, channels["stem"], 1, 2)),
        *_block_rows(network, layers),
        (["last"], "conv2d 1×1", "then ReLU6", (None, channels["last"], 1, 1)),
        (["pool"], f"avgpool {shape_text(pooled)}", "", (None, None, 1, None)),
        (["classifier"], "conv2d 1×1", "dense, with bias", (None, channels["classifier"], None, None)),
    ]
    stages: list[Stage] = []
    before: list[SummaryRow] = []
    for names, operator, detail, symbols in rows:
        inside = [layer for name in names for layer in layers[name]]
        before += inside
        blocks = tuple(name for name in names if name in network.blocks)
        stages.append(Stage(operator, detail, symbols, tuple(inside), _is_linear(before), blocks))
    return stages


def _block_rows(network: MobileNet, layers: Mapping[str, Sequence[SummaryRow]]) -> Iterator[Line]:
    """The bottlenecks' rows."""
    first = 0
    for row in network.specification.rows:
        assert isinstance(row, Row)
        last = first + row.blocks
        names = network.blocks[first:last]
        shortcuts = sum(layer.adds for name in names for layer in layers[name])
        detail = f"block {last}" if row.blocks == 1 else f"blocks {first + 1}–{last}"
        detail += f", {shortcuts} {plural('shortcut', shortcuts)}" if shortcuts else ""
        yield names, "bottleneck", detail, (row.expansion, row.channels, row.blocks, row.stride)
        first = last


def _is_linear(layers: Sequence[SummaryRow]) -> bool:
    """Whether no activation stands behind the last convolution of layers in a row."""
    for layer in reversed(layers):
        if layer.macs or layer.operation.startswith("ReLU"):
            return bool(layer.macs)
    return True


def percent(share: float) -> str:
    """A share as it is written; nothing for none.

    >>> percent(0.2237), percent(1e-5), percent(0)
    ('22.4 %', '< 0.1 %', '')
    """
    if share == 0:
        return ""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
