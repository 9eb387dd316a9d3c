"""What a network is made of and what it costs, layer by layer: shapes, parameters, MACs, activation memory."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod

import numpy as np

from ..kernels import arguments
from ..layers import BatchNorm, Layer, Sequential

SUM = "add"


@dataclass(frozen=True)
class SummaryRow:
    """A layer of a network: what it is, what goes in and out, what it has learnt, what it costs.

    `name` is its name in the network, with dots; a shortcut's sum stands as a row of its own, "block_3.add". `kind` is
    its convolution's name without the block's, such as "expand", also for the normalisation and activation behind it.
    `params` are the numbers that it learns, `statistics` the running ones of batch normalisation. Costs and shapes
    include the batch.
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
        """The block that it is in, or its own name."""
        return self.name.split(".")[0]

    @property
    def normalises(self) -> bool:
        """Whether it is batch normalisation, which published counts often leave out."""
        return self.operation == BatchNorm.__name__


@dataclass(frozen=True)
class Summary:
    """The rows of a network, one for each layer in the order of forward, and their totals."""

    input_shape: tuple[int, ...]
    rows: tuple[SummaryRow, ...]

    @property
    def macs(self) -> int:
        """Multiplications with the addition that collects each; normalisation, activations and biases count none."""
        return sum(row.macs for row in self.rows)

    @property
    def params(self) -> int:
        """The numbers that the network learns: kernels, biases, normalisation's scales and shifts."""
        return sum(row.params for row in self.rows)

    @property
    def statistics(self) -> int:
        """The running means and variances, which are not learnt."""
        return sum(row.statistics for row in self.rows)

    @property
    def weights(self) -> int:
        """The parameters but for batch normalisation's, as published tables often count them."""
        return sum(row.params for row in self.rows if not row.normalises)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The last layer's output."""
        return self.rows[-1].output_shape

    def by_kind(self, column: str = "macs") -> dict[str, int]:
        """Sums of a column of numbers by kind, such as {"stem": …, "expand": …}; kinds that sum to 0 are left out.

        `column` is "macs", "params", "weights" (the parameters but for batch normalisation's), "additions" or
        "activation_bytes"; anything else is a ValueError.
        """
        columns = ("macs", "params", "weights", "additions", "activation_bytes")
        if column not in columns:
            raise ValueError(f"Summary.by_kind: column must be one of {', '.join(columns)}; got {column!r}")
        sums: dict[str, int] = {}
        for row in self.rows:
            value = row.params * (not row.normalises) if column == "weights" else getattr(row, column)
            sums[row.kind] = sums.get(row.kind, 0) + value
        return {kind: value for kind, value in sums.items() if value}

    def as_json(self) -> str:
        """The totals and all rows, as JSON."""
        totals = {"macs": self.macs, "params": self.params, "weights": self.weights, "statistics": self.statistics}
        return json.dumps(
            {
                "input_shape": self.input_shape,
                "output_shape": self.output_shape,
                **totals,
                "macs_by_kind": self.by_kind(),
                "weights_by_kind": self.by_kind("weights"),
                "rows": [asdict(row) for row in self.rows],
            },
            indent=1,
        )


def summary(model: Layer, input_shape: tuple[int, ...]) -> Summary:
    """A network's layers with their shapes, parameters, MACs and activation memory.

    Args:
        model: any layer or network.
        input_shape: (B, Dᵤ, Dᵤ, M), batch included.

    Returns:
        A `Summary`. `activation_bytes` is what a layer's output takes in the dtype of the network's parameters.

    Raises:
        TypeError: a model that is no layer, or a shape that is not of ints.
        ValueError: a shape that the network does not take.

    >>> from npconv.models import mobilenet_v2
    >>> counted = summary(mobilenet_v2(), (1, 224, 224, 3))
    >>> counted.macs, counted.params, counted.weights, counted.by_kind()["depthwise"]
    (300774272, 3504872, 3470760, 20716416)
    """
    if not isinstance(model, Layer):
        raise TypeError(f"summary: model must be a Layer; got {type(model).__name__}")
    if not isinstance(input_shape, tuple | list) or not all(map(arguments.is_int, input_shape)):
        raise TypeError(f"summary: input_shape must be a tuple of ints, batch included; got {input_shape!r}")
    if any(n < 1 for n in input_shape):
        raise ValueError(f"summary: input_shape must have no axis below 1; got {tuple(input_shape)}")
    dtype = next((a.dtype for a in model.params.values()), np.dtype(np.float32))
    shape = tuple(int(n) for n in input_shape)
    return Summary(shape, tuple(_rows(model, "", shape, dtype.itemsize)))


def _rows(layer: Layer, name: str, shape: tuple[int, ...], itemsize: int) -> Iterator[SummaryRow]:
    """A leaf's row, or the rows of all that a layer in a row holds, and of the shortcut's sum around it."""
    cost = layer.cost(shape)
    if not isinstance(layer, Sequential):
        statistics = sum(a.size for a in layer.state.values())
        yield SummaryRow(
            name, _kind(name), type(layer).__name__, shape, cost.output_shape, cost.params, statistics, cost.macs,
            cost.additions, prod(cost.output_shape) * itemsize,
        )  # fmt: skip
        return
    inside = shape
    for part, inner in layer.layers.items():
        yield from _rows(inner, f"{name}.{part}" if name else part, inside, itemsize)
        inside = cost.parts[part].output_shape
    sums = cost.additions - sum(part.additions for part in cost.parts.values())
    if sums:
        yield SummaryRow(
            f"{name}.{SUM}", SUM, "Add", inside, cost.output_shape, 0, 0, 0, sums, prod(cost.output_shape) * itemsize
        )


def _kind(name: str) -> str:
    """The convolution's name: "expand" for "block_3.expand_norm"."""
    return name.split(".")[-1].split("_")[0]
