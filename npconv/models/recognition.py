"""The family of a network's arrays, by their names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..kernels.geometry import Array
from .advice import advice
from .keras_order import PLACE
from .known_names import Table, tables
from .plain_names import plain_names
from .published_heads import HEADS, PublishedHeads

LEAST = 0.65
"""The least share of names that fit: timm's EfficientNets, whose names are like its MobileNetV3's, have up to 0.6."""


class Recognised(NamedTuple):
    """The published network that arrays are of: its architecture, its naming, and the share of names that fit."""

    architecture: str
    naming: str
    share: float


def recognise(arrays: Mapping[str, Any], function: str = "recognise") -> Recognised:
    """The architecture and the naming whose names for kernels fit best.

    The share is that of the names in common among all names of kernels, theirs and the arrays'. One name in common
    proves nothing: a ResNet has a bn1.weight too.

    Raises:
        TypeError, ValueError: as `plain_names`.
        ValueError: no MobileNet.

    >>> from npconv.models import export_weights, mobilenet_v2
    >>> recognise(export_weights(mobilenet_v2(0.35)))
    Recognised(architecture='mobilenet_v2', naming='keras', share=1.0)
    """
    return recognised(function, plain_names(arrays, function), arrays)


def recognised(function: str, given: Mapping[str, Array], arrays: Mapping[str, Any]) -> Recognised:
    """The same for plain names; the error speaks of the names as they were."""
    best = best_table(given)
    if best.share(given) < LEAST:
        raise ValueError(no_mobilenet(function, given, arrays))
    return Recognised(best.architecture, best.naming, best.share(given))


def heads_of(given: Mapping[str, Array]) -> PublishedHeads | None:
    """The published network with heads that arrays with plain names are of, None where they are of no such network.

    >>> from npconv.models import export_weights, mobilenet_v3
    >>> heads_of(export_weights(mobilenet_v3("large", 0.1, conventions="torchvision"))) is None
    True
    """
    best = best_table(given)
    return HEADS.get((best.architecture, best.naming)) if best.share(given) >= LEAST else None


def best_table(given: Mapping[str, Array]) -> Table:
    """The published network whose names for kernels fit best, however badly."""
    return max(tables(), key=lambda table: table.fit(given))


def no_mobilenet(function: str, given: Mapping[str, Array], arrays: Mapping[str, Any]) -> str:
    """The message for arrays whose plain names are no MobileNet's."""
    best = best_table(given)
    names = [name for name, a in given.items() if a.ndim > 1] or list(given)
    by_number = any(PLACE.fullmatch(name) for name in arrays)
    return (
        f"{function}: arrays must be a MobileNet's; got {len(given)}, such as {', '.join(names[:3]) or 'none'}; of "
        f"all names {best.naming}'s of {best.architecture} are the nearest, with {best.share(given):.0%} in common"
        + (advice("by_number") if by_number else "")
    )
