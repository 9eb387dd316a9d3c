"""The published names of all tables: what arrays are compared with before there is a network for them."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from ..kernels.geometry import Array
from .mobilenet_v1 import mobilenet_v1
from .mobilenet_v2 import mobilenet_v2
from .mobilenet_v3 import mobilenet_v3
from .naming import PUBLISHED, Network, architecture_of, computed_as, named_arrays
from .network import MobileNet
from .published_heads import HEADS

HIDDEN, CLASSIFIER = "hidden.", "classifier."
OF_HEADS = HIDDEN, CLASSIFIER, "class_", "box_", "scores.", "low_scores.", "high_scores."

Own = Mapping[str, tuple[str, Array]]  # by its published name: our name for an array, and a view of it


# as small as they can be built: names don't depend on the width
NETWORKS: Mapping[str, Callable[[], MobileNet]] = MappingProxyType(
    {
        "mobilenet_v1(…": lambda: mobilenet_v1(0.1, 1),
        "mobilenet_v2(…": lambda: mobilenet_v2(0.1, 1),
        "mobilenet_v3('large', …": lambda: mobilenet_v3("large", 0.1, 1),
        "mobilenet_v3('small', …": lambda: mobilenet_v3("small", 0.1, 1),
        "mobilenet_v3('large', …, minimalistic=True": lambda: mobilenet_v3("large", 0.1, 1, minimalistic=True),
        "mobilenet_v3('small', …, minimalistic=True": lambda: mobilenet_v3("small", 0.1, 1, minimalistic=True),
    }
)


class Table(NamedTuple):
    """A network's published names: for each array what it is called here, and one with as many axes.

    `kernels` are the names of the kernels in front of the hidden layer and the classifier, `heads` those of the latter;
    `call` builds the network.
    """

    architecture: str
    naming: str
    call: str
    named: Own
    kernels: frozenset[str]
    heads: frozenset[str]

    def share(self, given: Mapping[str, Array]) -> float:
        """The share of the names in common among all names of kernels, those of classifiers and other heads apart."""
        if self.kernels.isdisjoint(given):
            return 0.0
        theirs = kernels_in(given) - self.heads - foreign(self.named, given)
        return len(self.kernels & theirs) / len(self.kernels | theirs)

    def fit(self, given: Mapping[str, Array]) -> tuple[float, int]:
        """The share, and of how many names: a detector's backbone may fit arrays as well as the detector does."""
        return self.share(given), len(self.kernels & given.keys())

    def holds(self, given: Mapping[str, Array]) -> bool:
        """True where arrays have some of the network's names, and no kernel under another."""
        return bool(self.named.keys() & given.keys()) and kernels_in(given) <= self.kernels | self.heads


@cache
def tables() -> tuple[Table, ...]:
    """The published networks under all their names.

    >>> sorted({table.naming for table in tables() if table.architecture == "mobilenet_v1"})
    ['keras', 'slim', 'timm', 'transformers']
    """
    networks = {call: build() for call, build in NETWORKS.items()}
    return (
        *(
            table_of(model, naming, f"{call}, conventions={computed_as(naming)!r})")
            for call, model in networks.items()
            for architecture, naming in PUBLISHED
            if architecture == model.specification.architecture
        ),
        *(
            table_of(heads.build(networks[_backbone(heads.call)].copy(), {}), naming, heads.call)
            for (_, naming), heads in HEADS.items()
        ),
    )


def _backbone(call: str) -> str:
    """The name in `NETWORKS` of the network in a call that builds one with heads."""
    return next(name for name in NETWORKS if f"({name}" in call)


def table_of(model: Network, naming: str, call: str = "") -> Table:
    """A network's names in a naming."""
    named = named_arrays("load_weights", model, naming)
    kernels = {name: ours.startswith(OF_HEADS) for name, (ours, a) in named.items() if a.ndim > 1}
    body, heads = (frozenset(name for name, head in kernels.items() if head is part) for part in (False, True))
    return Table(architecture_of(model), naming, call, named, body, heads)


def weights_in(own: Own, given: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays without scalars, text and lists of whole numbers (shapes in ONNX graphs), but for a network's own."""
    others = {name for name, a in given.items() if a.dtype.kind in "OSU" or a.ndim <= (a.dtype.kind in "biu")}
    return {name: a for name, a in given.items() if name in own or name not in others}


def foreign(own: Own, given: Mapping[str, Array]) -> set[str]:
    """The arrays of other heads, whose names begin like none before the classifier: "dense/kernel", "fc.weight"."""
    root, *others = {name.partition("/")[0] for name in own}
    root = "" if others else f"{root}/"  # where all names begin with the network's
    body = {_first(name.removeprefix(root)) for name, (ours, _) in own.items() if not ours.startswith(OF_HEADS)}
    rest = [name for name in given if name not in own]
    return {name for name in rest if not name.startswith(root) or _first(name.removeprefix(root)) not in body}


@lru_cache(4096)
def _first(name: str) -> str:
    """The first word of a name, its numbers apart."""
    return re.sub(r"\d+", "#", re.split(r"[./_]", name, maxsplit=1)[0])


def kernels_in(given: Mapping[str, Array]) -> frozenset[str]:
    """The names of arrays that may be kernels."""
    return frozenset(name for name, a in given.items() if a.ndim > 1)
