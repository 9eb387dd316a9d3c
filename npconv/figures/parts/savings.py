"""Savings of separable convolutions as they were measured: what a figure needs of them, and ranges of their numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .training_runs import check_names

PARTS = ("standard", "pointwise", "depthwise")
SHAPE = ("block", "side", "in_channels", "out_channels", "kernel_side", "stride")
NEEDED = (
    *SHAPE, "batch", "rounds", "predicted", "ratios", "macs", "bytes", "flops_per_byte", "milliseconds", "gflops",
)  # fmt: skip

Layers = Sequence[Mapping[str, Any]]


def check_layers(name: str, layers: Layers, least: set[str], most: set[str], functions: str) -> None:
    """Raise where a layer lacks a name, is of other functions, which `functions` names, or has a number not above 0."""
    for index, layer in enumerate(layers):
        where = f"{name}[{index}]"
        check_names(where, layer, NEEDED)
        timed = sorted(layer["ratios"])
        if not least <= set(timed) <= most:
            raise ValueError(f"{where} must have ratios of {functions}; got {timed}")
        tables = [layer["ratios"], layer["flops_per_byte"], *layer["gflops"].values(), *layer["milliseconds"].values()]
        if not all(0 < value < math.inf for table in tables for value in table.values()):
            raise ValueError(f"{where} must have numbers above 0; got {tables}")


def range_text(values: Sequence[float]) -> str:
    """The least and the greatest of some numbers, in two digits.

    >>> range_text([2.26, 0.9, 24.4]), range_text([1 / 9]), range_text([462.3, 99.6])
    ('0.9 to 24', '0.11', '100 to 462')
    """
    ends = [f"{end:.0f}" if end >= 9.95 else f"{end:.2g}" for end in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))
