"""The published names of all tables: what arrays are compared with before there is a network for them."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from ..kernels.geometry import Array
from .mobilenet_v1 import mobilenet_v1
from .mobilenet_v2 import mobilenet_v2
from .mobilenet_v3 import mobilenet_v3
from .naming import PUBLISHED, named_arrays
from .network import MobileNet

HEADS = ("hidden.", "classifier.")
NETWORKS: tuple[Callable[[], MobileNet], ...] = (  # as small as they can be built: names don't depend on the width
    lambda: mobilenet_v1(0.1, 1),
    lambda: mobilenet_v2(0.1, 1),
    lambda: mobilenet_v3("large", 0.1, 1),
    lambda: mobilenet_v3("small", 0.1, 1),
    lambda: mobilenet_v3("large", 0.1, 1, minimalistic=True),
    lambda: mobilenet_v3("small", 0.1, 1, minimalistic=True),
)


class Table(NamedTuple):
    """A published network's names: for each array what it is called here, and an array of as many axes.

    `kernels` are the names of the kernels in front of the hidden layer and the classifier, `heads` those of the latter.
    """

    architecture: str
    naming: str
    named: Mapping[str, tuple[str, Array]]
    kernels: frozenset[str]
    heads: frozenset[str]


@cache
def tables() -> tuple[Table, ...]:
    """The published networks under all their names.

    >>> sorted({(table.architecture, table.naming) for table in tables()})[:2]
    [('mobilenet_v1', 'keras'), ('mobilenet_v1', 'timm')]
    """
    found = []
    for model in (build() for build in NETWORKS):
        for architecture, naming in PUBLISHED:
            if architecture == model.specification.architecture:
                named = named_arrays("", model, naming)
                found.append(Table(architecture, naming, named, *kernels_and_heads(named)))
    return tuple(found)


@cache
def all_kernels() -> frozenset[str]:
    """The names of the kernels of all tables."""
    return frozenset().union(*(table.kernels for table in tables()))


def kernels_and_heads(named: Mapping[str, tuple[str, Array]]) -> tuple[frozenset[str], frozenset[str]]:
    """The names of a network's kernels, and apart from them those of its hidden layer and its classifier."""
    kernels = {name: ours.startswith(HEADS) for name, (ours, a) in named.items() if a.ndim > 1}
    return (
        frozenset(name for name, head in kernels.items() if not head),
        frozenset(name for name, head in kernels.items() if head),
    )
