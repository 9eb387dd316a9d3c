"""The least memory for a network's maps, by the MobileNetV2 paper's section 5.1: M(G), and its inner split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from ..kernels.arguments import boolean, integer, one_of
from ..layers import BatchNorm, DepthwiseConv2D, Layer, PointwiseConv2D
from ..layers.blocks import ACTIVATIONS
from .summary import SummaryRow, summary

GRANULARITIES = ("layers", "blocks")
IN_PLACE = frozenset(layer.__name__ for layer in (BatchNorm, *ACTIVATIONS.values()) if layer)
POINTWISE, DEPTHWISE = PointwiseConv2D.__name__, DepthwiseConv2D.__name__
SPLITTABLE = ([POINTWISE, DEPTHWISE, POINTWISE], [DEPTHWISE, POINTWISE])


@dataclass(frozen=True)
class MemoryRow:
    """An operator of a network, and the numbers that must be in memory while it runs, batch included.

    `inputs` and `outputs` are its maps'; `inner` those that exist within a block alone, of one group of channels;
    `kept` those of a shortcut around it that waits for its sum; `weights` its own, running statistics included.
    """

    name: str
    inputs: int
    outputs: int
    inner: int
    kept: int
    weights: int
    bytes_per_number: int

    @property
    def elements(self) -> int:
        """All of them, in numbers."""
        return self.inputs + self.outputs + self.inner + self.kept + self.weights

    @property
    def bytes(self) -> int:
        """All of them, in bytes."""
        return self.elements * self.bytes_per_number


@dataclass(frozen=True)
class ActivationMemory:
    """A network's operators in the order of forward; the one that needs most decides what the network needs."""

    input_shape: tuple[int, ...]
    rows: tuple[MemoryRow, ...]

    @property
    def peak(self) -> MemoryRow:
        """The operator that needs most, the first of them."""
        return max(self.rows, key=lambda row: row.elements)


def activation_memory(
    model: Layer,
    input_shape: tuple[int, ...],
    *,
    granularity: str = "layers",
    groups: int | None = None,
    shortcuts: bool = False,
    weights: bool = False,
    bytes_per_number: int | None = None,
) -> ActivationMemory:
    """The memory that a network's maps need while it runs: of each operator its inputs and outputs, and the largest.

    Args:
        model: any layer or network.
        input_shape: (B, Dᵤ, Dᵤ, M), batch included.
        granularity: what an operator is. "layers": a convolution with its normalisation and its activation, which work
            in place, a pool, a sum. "blocks": each layer of the network that is itself made of layers, as one.
        groups: None takes what lies within a block as free, as the paper does. An int counts it, for a block computed
            in that many groups of its inner channels (or in as many as it has, if they are fewer), as
            `inverted_residual_split` does: the maps of the largest group. Needs granularity="blocks".
        shortcuts: whether to count a block's input while the operators between it and its sum run. Where they are
            not counted, as in the paper's eq. 2, it is in memory for its first operator and its sum alone.
        weights: whether to count an operator's own numbers too.
        bytes_per_number: None for that of the network's parameters; the paper counts 2, for 16-bit floats.

    Returns:
        An `ActivationMemory`: `rows`, and `peak`, the largest of them.

    Raises:
        TypeError: as `summary`; groups or bytes_per_number that are no int, shortcuts or weights that are no bool.
        ValueError: as `summary`; another granularity; groups or bytes_per_number below 1; groups with "layers", or
            with a block whose inner channels do not stay apart: one that is not a (pointwise,) depthwise and pointwise
            convolution, as with squeeze-and-excite between them.

    Source: the MobileNetV2 paper's section 5.1, eq. 2; derived and compared in docs/memory.md.

    >>> from npconv.models import mobilenet_v2
    >>> network, image = mobilenet_v2(), (1, 224, 224, 3)
    >>> [activation_memory(network, image, granularity=g).peak.elements for g in ("layers", "blocks")]
    [1505280, 602112]
    """
    function = "activation_memory"
    groups = None if groups is None else integer(function, "groups", groups)
    given = None if bytes_per_number is None else integer(function, "bytes_per_number", bytes_per_number)
    boolean(function, "shortcuts", shortcuts)
    boolean(function, "weights", weights)
    one_of(function, "granularity", granularity, GRANULARITIES)
    if groups is not None and granularity != "blocks":
        raise ValueError(f'{function}: groups split blocks, so granularity must be "blocks"; got {granularity!r}')
    counted = summary(model, input_shape)
    waiting = list(_shortcuts(counted.rows)) if shortcuts else []
    rows, start = [], 0
    for part in _parts(counted.rows, granularity):
        stop = start + len(part)
        rows.append(
            MemoryRow(
                part[0].name if granularity == "layers" else _outermost(part[0]),
                prod(part[0].input_shape) * (2 if part[0].adds else 1),
                prod(part[-1].output_shape),
                0 if groups is None else _inner(function, part, groups),
                sum(kept for begin, end, kept in waiting if begin < start and stop <= end),
                sum(row.params + row.statistics for row in part) if weights else 0,
                given or counted.bytes_per_number,
            )
        )
        start = stop
    return ActivationMemory(counted.input_shape, tuple(rows))


def _parts(rows: Sequence[SummaryRow], granularity: str) -> Iterator[list[SummaryRow]]:
    """The rows of each operator; what works in place belongs to the one before it."""
    part: list[SummaryRow] = []
    for row in rows:
        inside = granularity == "blocks" and "." in row.name and part and _outermost(row) == _outermost(part[0])
        if part and not inside and row.operation not in IN_PLACE:
            yield part
            part = []
        part.append(row)
    yield part


def _outermost(row: SummaryRow) -> str:
    return row.name.split(".")[0]


def _shortcuts(rows: Sequence[SummaryRow]) -> Iterator[tuple[int, int, int]]:
    """(begin, end, numbers) of each shortcut: row `end` adds what went into row `begin`."""
    for end, row in enumerate(rows):
        if row.adds:
            around = row.name[: row.name.rfind(".") + 1]  # "block_3.", or nothing where the network itself is the block
            begin = next(number for number, inner in enumerate(rows) if inner.name.startswith(around))
            yield begin, end, prod(rows[begin].input_shape)


def _inner(function: str, part: Sequence[SummaryRow], groups: int) -> int:
    """The numbers of the largest group's maps within a block."""
    operators = [rows for rows in _parts(part, "layers") if not rows[0].adds]
    kinds = [rows[0].operation for rows in operators]
    if len(kinds) > 1 and kinds not in SPLITTABLE:
        raise ValueError(
            f"{function}: groups need blocks of a (pointwise,) depthwise and pointwise convolution, whose inner "
            f"channels stay apart; got {part[0].block} of {', '.join(kinds)}"
        )
    maps = [rows[-1].output_shape for rows in operators[:-1]]
    return sum(prod(positions) * -(-channels // groups) for *positions, channels in maps)
