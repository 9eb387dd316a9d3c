"""The networks' tables as figures show them: rows, the output and the cost of each, and the papers' numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...layers.blocks import ACTIVATIONS
from ...models import BneckRow, MobileNet, Row, SummaryRow, summary
from ...text import counted, shape_text

STATED = {1.0: ("300 M", "3.4 M"), 1.4: ("585 M", "6.9 M")}  # the paper's Table 4: MAdds, parameters, by width
NONE = "–"

NAMES = {"relu": "RE", "hard_swish": "HS"}  # of activations in MobileNetV3's tables

Symbols: TypeAlias = tuple[int | str | None, ...]  # t, c, n, s; exp size, #out, SE, NL, s


@dataclass(frozen=True)
class NetworkRow:
    """A row of the table: a layer, or as many blocks as it says."""

    operator: str
    detail: str  # the line below the operator
    symbols: Symbols
    layers: Sequence[SummaryRow]
    linear: bool  # whether no activation made its output
    blocks: Sequence[str] = ()

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(height, width, channels) of its input and of its output."""
        return _volume(self.layers[0].input_shape), _volume(self.layers[-1].output_shape)

    @property
    def letters(self) -> list[str]:
        """The texts of the symbols."""
        return [NONE if symbol is None else str(symbol) for symbol in self.symbols]

    @property
    def shortcuts(self) -> int:
        """The number of its blocks that add their input."""
        return sum(layer.adds for layer in self.layers)

    def cost(self, column: str) -> int:
        """The parameters ("params"), those without batch normalisation ("weights"), or the MACs ("macs")."""
        return sum(getattr(layer, column) for layer in self.layers)


@dataclass(frozen=True)
class NetworkTable:
    """The network's rows, and the sentences about it."""

    rows: list[NetworkRow]
    title: str
    stated: tuple[str, str] | None  # the paper's MAdds and parameters of this very network

    def total(self, column: str) -> int:
        """All of the network's parameters, weights or MACs."""
        return sum(row.cost(column) for row in self.rows)

    def share(self, row: NetworkRow, column: str) -> float:
        """A row's part of the total."""
        return row.cost(column) / self.total(column)

    @property
    def bottlenecks(self) -> list[NetworkRow]:
        """The rows that are blocks."""
        return [row for row in self.rows if row.blocks]

    @property
    def without_norm(self) -> str:
        """The other way to count parameters."""
        return f"{self.total('weights'):,} parameters without batch normalisation"

    @property
    def holds(self) -> bool:
        """True where the paper's numbers are the MACs and the weights, truncated to as many digits."""
        macs, weights = self.total("macs") // 10**6, self.total("weights") // 10**5 / 10
        return self.stated == (f"{macs} M", f"{weights} M")

    @property
    def statement(self) -> str:
        """The paper's numbers of this network and their source; empty where the paper has none."""
        if not self.stated:
            return ""
        macs, params = self.stated
        if self.holds:
            weights = f"{self.total('weights'):,}"
            return f"The paper's {macs} MAdds and {params} parameters are these MACs, and {weights}, truncated."
        return f"The paper states {macs} MAdds and {params} parameters, which its table doesn't give."


def _volume(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its batch; a vector has a map of 1×1."""
    return shape[1:] if len(shape) == 4 else (1, 1, shape[-1])


Layers: TypeAlias = dict[str, list[SummaryRow]]  # by their block, or what they are


def _layers(network: MobileNet, input_shape: tuple[int, int, int, int]) -> tuple[Layers, dict[str, bool]]:
    """The summary's rows by block, or kind of layer; and whether no activation made the output of each."""
    layers: Layers = {}
    linear: dict[str, bool] = {}
    before = True
    activations = {kind.__name__ for kind in ACTIVATIONS.values() if kind is not None}
    for layer in summary(network, input_shape).rows:
        name = layer.block if layer.block in network.blocks else layer.kind
        layers.setdefault(name, []).append(layer)
        before = linear[name] = bool(layer.macs) or (before and layer.operation not in activations)
    return layers, linear


def rows_of(network: MobileNet, input_shape: tuple[int, int, int, int]) -> list[NetworkRow]:
    """MobileNetV2's rows, from its table and its summary."""
    layers, linear = _layers(network, input_shape)
    kernel, pooled = network.params["stem.kernel"].shape[:2], layers["pool"][0].input_shape[1:3]
    stem, last, classes = (layers[name][-1].output_shape[-1] for name in ("stem", "last", "classifier"))
    return [
        NetworkRow(f"conv2d {shape_text(kernel)}", "then ReLU6", (None, stem, 1, 2), layers["stem"], linear["stem"]),
        *_block_rows(network, layers, linear),
        NetworkRow("conv2d 1×1", "then ReLU6", (None, last, 1, 1), layers["last"], linear["last"]),
        NetworkRow(f"avgpool {shape_text(pooled)}", "", (None, None, 1, None), layers["pool"], linear["pool"]),
        NetworkRow(
            "conv2d 1×1", "dense, with bias", (None, classes, None, None), layers["classifier"], linear["classifier"]
        ),
    ]


def bneck_rows_of(network: MobileNet, input_shape: tuple[int, int, int, int]) -> list[NetworkRow]:
    """MobileNetV3's rows, from its table and its summary: exp size, #out, SE's hidden channels, NL and s of each."""
    layers, linear = _layers(network, input_shape)
    outputs = {name: layers[name][-1].output_shape[-1] for name in ("stem", "last", "hidden", "classifier")}
    kernel, pooled = network.params["stem.kernel"].shape[:2], layers["pool"][0].input_shape[1:3]
    (after,) = (NAMES[name] for name in NAMES if f"hidden_{name}" in network.layers)

    def row(name: str, operator: str, symbols: Symbols) -> NetworkRow:
        return NetworkRow(operator, "", symbols, layers[name], linear[name], [name] * (name in network.blocks))

    return [
        row("stem", f"conv2d {shape_text(kernel)}", (None, outputs["stem"], None, after, 2)),
        *(row(name, *_bneck(network, name, each)) for name, each in zip(network.blocks, _bnecks(network), strict=True)),
        row("last", "conv2d 1×1", (None, outputs["last"], None, after, 1)),
        row("pool", f"avgpool {shape_text(pooled)}", (None,) * 5),
        row("hidden", "dense, with bias", (None, outputs["hidden"], None, after, None)),
        row("classifier", "dense, with bias", (None, outputs["classifier"], None, None, None)),
    ]


def _bnecks(network: MobileNet) -> list[BneckRow]:
    """The rows of the specification."""
    return [each for each in network.specification.rows if isinstance(each, BneckRow)]


def _bneck(network: MobileNet, name: str, each: BneckRow) -> tuple[str, Symbols]:
    """A block's operator, and its symbols."""
    squeeze = network.params[f"{name}.squeeze_excite.reduce"].shape[1] if each.squeeze else None
    side = shape_text([each.kernel_size] * 2)
    return f"bneck {side}", (each.expanded, each.channels, squeeze, NAMES[each.activation], each.stride)


def _block_rows(network: MobileNet, layers: Layers, linear: dict[str, bool]) -> Iterator[NetworkRow]:
    """The bottlenecks' rows."""
    first = 0
    for row in network.specification.rows:
        assert isinstance(row, Row)
        last = first + row.blocks
        names = network.blocks[first:last]
        inside = [layer for name in names for layer in layers[name]]
        shortcuts = sum(layer.adds for layer in inside)
        detail = f"block {last}" if row.blocks == 1 else f"blocks {first + 1}–{last}"
        detail += f", {counted('shortcut', shortcuts)}" if shortcuts else ""
        symbols = row.expansion, row.channels, row.blocks, row.stride
        yield NetworkRow("bottleneck", detail, symbols, inside, linear[names[-1]], names)
        first = last


def not_shown(missing: str) -> str:
    """The end of a table's caption; `missing` are the shapes whose volumes are not drawn."""
    return "Not shown: the layers inside the blocks, the running statistics of batch normalisation, and additions" + (
        f"; nor the volumes that are too thin to be seen, {missing}." if missing else "."
    )


def percent(share: float) -> str:
    """A share in percent; empty for none.

    >>> percent(0.2237), percent(1e-5), percent(0)
    ('22.4 %', '< 0.1 %', '')
    """
    if share == 0:
        return ""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
