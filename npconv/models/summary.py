"""The summary of a network, layer by layer: shapes, parameters, MACs, activation memory."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from math import prod
from typing import Any

import numpy as np

from ..kernels import arguments
from ..layers import BatchNorm, Layer
from ..layers.blocks import ACTIVATIONS
from ..layers.composite import Composite
from ..text import shape_text, table_lines

SUM, ADD = "add", "Add"  # the kind and the operation of a shortcut's sum
NETWORK = "network."  # the MobileNet's layers in a network with heads
HEADS = re.compile(r"(?:(extra|class|box)_\d+|(reduce|gate|refine)|(?:pointwise|atrous_\d+|pool|project))\.")
ASPP = "aspp"  # the kind of DeepLab's branches, and of the convolution of all of them
COLUMNS = ("macs", "params", "weights", "statistics", "additions", "activation_bytes")
TABLES = ("layer", "block", "kind")
ORDER = (
    "stem", "expand", "depthwise", "pointwise", "conv", "squeeze_excite", "project", SUM, "last", "pool", "hidden",
    "classifier", "extra", "class", "box", "reduce", "gate", ASPP, "refine", "scores", "low_scores", "high_scores",
    "resize", "join",
)  # fmt: skip
"""The networks' kinds of layers, as they follow each other; the first block lacks some of them."""


@dataclass(frozen=True)
class SummaryRow:
    """A layer of a network: what it is, what goes in and out, what it has learnt, what it costs.

    `name` is its name in the network, with dots; a shortcut's sum stands as a row of its own, "block_3.add". `kind` is
    its convolution's name without the block's, such as "expand", also for the normalisation and activation behind it.
    `params` are the numbers that it learns, `statistics` the running ones of batch normalisation, `activation_bytes`
    what its output takes. Costs and shapes include the batch.
    """

    name: str
    kind: str
    operation: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    params: int
    statistics: int
    macs: int
    additions: int
    activation_bytes: int

    @property
    def block(self) -> str:
        """The block that it is in; outside of blocks the convolution that it is or belongs to."""
        before = NETWORK if self.name.startswith(NETWORK) else ""
        own = self.name.removeprefix(before)
        return before + (own.split(".")[0] if "." in own else self.kind)

    @property
    def normalises(self) -> bool:
        """True for batch normalisation, which published counts often leave out."""
        return self.operation == BatchNorm.__name__

    @property
    def adds(self) -> bool:
        """True for a shortcut's sum."""
        return self.operation == ADD

    @property
    def weights(self) -> int:
        """Its parameters, without batch normalisation's."""
        return 0 if self.normalises else self.params


@dataclass(frozen=True)
class Summary:
    """The rows of a network, one for each layer in the order of forward, and their totals.

    `bytes_per_number` is what a number takes in the dtype of the network's parameters; 4 where it has none.
    """

    input_shape: tuple[int, ...]
    rows: tuple[SummaryRow, ...]
    bytes_per_number: int

    @property
    def macs(self) -> int:
        """Multiplications with the addition that collects each; normalisation, activations and biases count none."""
        return self.total("macs")

    @property
    def params(self) -> int:
        """The numbers that the network learns: kernels, biases, normalisation's scales and shifts."""
        return self.total("params")

    @property
    def statistics(self) -> int:
        """The running means and variances, which are not learnt."""
        return self.total("statistics")

    @property
    def weights(self) -> int:
        """The parameters without batch normalisation's, as published tables often count them."""
        return self.total("weights")

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The last layer's output."""
        return self.rows[-1].output_shape

    def total(self, column: str) -> int:
        """The sum of a column of numbers: one of `COLUMNS`, or a ValueError."""
        return _sum(self.rows, arguments.one_of("Summary.total", "column", column, COLUMNS))

    def by_kind(self, column: str = "macs") -> dict[str, int]:
        """Sums of a column by kind, such as {"stem": …, "expand": …}, in `ORDER`; others follow as they occur.

        `column` is one of `COLUMNS`, or a ValueError; "weights" are the parameters without batch normalisation's.
        Kinds that sum to 0 are left out.
        """
        arguments.one_of("Summary.by_kind", "column", column, COLUMNS)
        sums = {kind: _sum(rows, column) for kind, rows in self._kinds().items()}
        return {kind: value for kind, value in sums.items() if value}

    def as_dict(self) -> dict[str, Any]:
        """The totals, MACs and weights by kind, and all rows, as numbers, words and lists: what JSON takes."""
        return {
            "input_shape": list(self.input_shape),
            "output_shape": list(self.output_shape),
            **{column: self.total(column) for column in COLUMNS},
            "macs_by_kind": self.by_kind(),
            "weights_by_kind": self.by_kind("weights"),
            "rows": [{"block": row.block, **asdict(row)} for row in self.rows],
        }

    def as_json(self) -> str:
        """`as_dict` as JSON."""
        return json.dumps(self.as_dict(), indent=1)

    def as_text(self, by: str = "layer") -> str:
        """The network as a table for a terminal, then all sums by kind, and the totals; `str` of it is by layer.

        Args:
            by: "layer" lists every layer, those of a block under the block's sums; "block" the blocks alone; "kind"
                leaves both out.

        Raises:
            ValueError: another word.

        >>> from npconv.layers import InvertedResidual
        >>> print(summary(InvertedResidual(4, 4, expansion=2, batch_norm=None), (1, 7, 5, 4)).as_text("kind"))
        kind        MACs      %  weights      %  parameters  activation bytes
        expand     1,120   23.5       32   23.5          32             2,240
        depthwise  2,520   52.9       72   52.9          72             2,240
        project    1,120   23.5       32   23.5          32               560
        add            0    0.0        0    0.0           0               560
        total      4,760  100.0      136  100.0         136             5,600
        """
        arguments.one_of("Summary.as_text", "by", by, TABLES)
        lines: list[str] = []
        if by != "kind":
            header = ["layer", "operation", "output", "parameters", "MACs", "%", "activation bytes"]
            lines += [*table_lines(header, list(self._block_cells(with_layers=by == "layer"))), ""]
        header = ["kind", "MACs", "%", "weights", "%", "parameters", "activation bytes"]
        lines += table_lines(
            header, [self._kind_cells(*kind) for kind in [*self._kinds().items(), ("total", self.rows)]]
        )
        if self.statistics:
            lines.append(
                "weights are the parameters without batch normalisation's; it also has "
                f"{self.statistics:,} running statistics"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.as_text()

    def _kinds(self) -> dict[str, list[SummaryRow]]:
        kinds = dict.fromkeys(row.kind for row in self.rows)
        ordered = sorted(kinds, key=lambda kind: ORDER.index(kind) if kind in ORDER else len(ORDER))
        return {kind: [row for row in self.rows if row.kind == kind] for kind in ordered}

    def _block_cells(self, with_layers: bool) -> Iterator[list[str]]:
        """A line for the input, each block, and each of its layers."""
        yield ["input", "", shape_text(self.input_shape), "", "", "", ""]
        for block, group in groupby(self.rows, key=lambda row: row.block):
            rows = list(group)
            parts = list(dict.fromkeys(_convolution(row.name) for row in rows))
            inside = with_layers and len(rows) > 1
            yield self._cells(block, rows[0].operation if len(parts) == 1 else ", ".join(parts), rows)
            for row in rows if inside else ():
                yield self._cells("  " + row.name.removeprefix(f"{block}."), "  " + row.operation, [row])

    def _cells(self, name: str, operation: str, rows: Sequence[SummaryRow]) -> list[str]:
        params, macs, memory = (_sum(rows, column) for column in ("params", "macs", "activation_bytes"))
        shape = shape_text(rows[-1].output_shape)
        return [name, operation, shape, f"{params:,}", f"{macs:,}", _percent(macs, self.macs), f"{memory:,}"]

    def _kind_cells(self, kind: str, rows: Sequence[SummaryRow]) -> list[str]:
        macs, weights, params, memory = (
            _sum(rows, column) for column in ("macs", "weights", "params", "activation_bytes")
        )
        shares = _percent(macs, self.macs), _percent(weights, self.weights)
        return [kind, f"{macs:,}", shares[0], f"{weights:,}", shares[1], f"{params:,}", f"{memory:,}"]


def summary(model: Layer, input_shape: tuple[int, ...]) -> Summary:
    """A network's layers with their shapes, parameters, MACs and activation memory.

    Args:
        model: any layer or network.
        input_shape: (B, Dᵤ, Dᵤ, M), batch included.

    Returns:
        A `Summary`. `activation_bytes` is what a layer's output takes in the dtype of the network's parameters, float32
        where it has none.

    Raises:
        TypeError: a model that is no layer, or a shape that is not of ints.
        ValueError: a shape that the network does not take.

    >>> from npconv.models import mobilenet_v2
    >>> counted = summary(mobilenet_v2(), (1, 224, 224, 3))
    >>> counted.macs, counted.params, counted.weights, counted.by_kind()["depthwise"]
    (300774272, 3504872, 3470760, 20716416)
    """
    arguments.instance("summary", "model", model, Layer)
    shape = arguments.sizes("summary", "input_shape", input_shape, "a tuple of ints, batch included")
    dtype = next((a.dtype for a in model.params.values()), np.dtype(np.float32))
    return Summary(shape, tuple(_rows(model, "", shape, dtype.itemsize)), dtype.itemsize)


def kernel_weights(model: Layer) -> int:
    """The numbers in a layer's or a network's kernels: its parameters without biases and batch normalisation.

    Tables of detectors often count so, as the MobileNetV2 paper's Table 5. Raises TypeError for no layer.

    >>> from npconv.models import mobilenet_v2
    >>> kernel_weights(mobilenet_v2()), mobilenet_v2().params["classifier.bias"].size
    (3469760, 1000)
    """
    arguments.instance("kernel_weights", "model", model, Layer)
    return sum(a.size for a in model.params.values() if a.ndim > 1)


def _rows(layer: Layer, name: str, shape: tuple[int, ...], itemsize: int) -> Iterator[SummaryRow]:
    """A leaf's row, or the rows of all that a layer in a row holds, and of the shortcut's sum around it."""
    cost = layer.cost(shape)
    memory = prod(cost.output_shape) * itemsize
    if not isinstance(layer, Composite):
        operation = type(layer).__name__
        statistics = sum(a.size for a in layer.state.values())
        yield SummaryRow(
            name or operation, _kind(name or operation), operation, shape, cost.output_shape, cost.params, statistics,
            cost.macs, cost.additions, memory,
        )  # fmt: skip
        return
    before, output = f"{name}." if name else "", shape
    for part, inside in layer.input_shapes(shape).items():
        yield from _rows(layer.layers[part], before + part, inside, itemsize)
        output = cost.parts[part].output_shape
    sums = cost.additions - sum(part.additions for part in cost.parts.values())
    if sums:
        yield SummaryRow(before + SUM, SUM, ADD, output, output, 0, 0, 0, sums, prod(output) * itemsize)
    if output != cost.output_shape:
        own = layer.ending
        yield SummaryRow(before + own, own, own.title(), output, cost.output_shape, 0, 0, 0, 0, memory)


def _kind(name: str) -> str:
    """The convolution's name, or the kind of head that it is in."""
    head = HEADS.match(name)
    return (head[1] or head[2] or ASPP) if head else _convolution(name)


def _convolution(name: str) -> str:
    """The convolution's name: "expand" for "block_3.expand_norm"."""
    return re.sub(f"_(norm|{'|'.join(ACTIVATIONS)})$", "", name.split(".")[-1])


def _sum(rows: Iterable[SummaryRow], column: str) -> int:
    return sum(getattr(row, column) for row in rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""
