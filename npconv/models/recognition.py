"""The family of a network's arrays, by their names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..kernels.geometry import Array
from .known_names import tables
from .plain_names import plain_names

LEAST = 0.6
"""The least share of names that fit: EfficientNets, whose names are like MobileNetV3's, have up to 0.5."""


class Recognised(NamedTuple):
    """The published network that arrays are of: its architecture, its naming, and the share of names that fit."""

    architecture: str
    naming: str
    share: float


def recognise(arrays: Mapping[str, Any], function: str = "recognise") -> Recognised:
    """The architecture and the naming whose names for kernels fit best.

    The share is that of the names in common among all names of kernels, theirs and the arrays'. One name in common
    with a published network proves nothing: a ResNet has a bn1.weight too.

    Raises:
        TypeError, ValueError: as `plain_names`.
        ValueError: no MobileNet.

    >>> from npconv.models import export_weights, mobilenet_v2
    >>> recognise(export_weights(mobilenet_v2(0.35)))
    Recognised(architecture='mobilenet_v2', naming='keras', share=1.0)
    """
    given = plain_names(arrays, function)
    best = best_fit(given)
    if best.share < LEAST:
        kernels = [name for name, a in given.items() if a.ndim > 1]
        raise ValueError(
            f"{function}: the arrays must be a MobileNet's; got names such as {next(iter(kernels or given), None)}, of "
            f"which {best.share:.0%} fit {best.naming}'s names of {best.architecture}, and no other's better"
        )
    return best


def best_fit(given: Mapping[str, Array]) -> Recognised:
    """The published network whose names for kernels fit best, however badly."""
    return max(
        (Recognised(table.architecture, table.naming, share(given, table.kernels, table.heads)) for table in tables()),
        key=lambda each: each.share,
    )


def share(given: Mapping[str, Array], kernels: frozenset[str], heads: frozenset[str]) -> float:
    """The share of the names in common among all names of kernels, those of a network's own head apart."""
    theirs = {name for name, a in given.items() if a.ndim > 1} - heads
    return len(kernels & theirs) / len(kernels | theirs)
