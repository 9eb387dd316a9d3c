"""Names for the arrays of files that have each layer under its class and number, as Keras 3 writes them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from ..kernels.geometry import Array
from .known_names import OF_HEADS, tables

PLACE = re.compile(r"(?P<container>(?:.*/)?)(?P<kind>[a-z0-9_]+?)(?:_(?P<number>\d+))?/vars/(?P<variable>\d+)")
UNTOLD = "scale_or_shift"
"""An array of batch normalisation that has its scale or its shift alone: no number in a file says which."""
NORM = {
    2: ("moving_mean", "moving_variance"),
    3: (UNTOLD, "moving_mean", "moving_variance"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""The arrays of batch normalisation by their number."""
KINDS = ("conv2d", "depthwise_conv2d", "batch_normalization", "dense")

Layer = tuple[str, int]  # a layer's class and its number
Form = tuple[int, tuple[int, ...]]  # how many variables a layer with a kernel has, and the size of its filter
Published = Mapping[str, list[tuple[str, Form]]]  # by class: the names and forms of a network's layers in their order


def named_by_order(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays under their layers' names in place of "layers/conv2d_1/vars/0"; other names stay as they are.

    Keras counts a model's layers class by class, in the order of `model.layers`: in a MobileNet that of forward. Layers
    that are, class by class, as many as a published network's and of the same forms get that network's names. Others
    keep class and number, "conv2d_1/kernel": any order would be a guess.
    """
    containers: dict[str, dict[Layer, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for name in arrays:
        if place := PLACE.fullmatch(name):
            layer = place["kind"], int(place["number"] or 0)
            containers[place["container"]][layer][int(place["variable"])] = name
    names: dict[str, str] = {}
    for container, layers in containers.items():
        variables = {layer: [by_number[i] for i in sorted(by_number)] for layer, by_number in layers.items()}
        own = dict(_names({layer: [arrays[name] for name in variables[layer]] for layer in sorted(variables)}))
        for (kind, number), theirs in variables.items():
            layer_name = own.get((kind, number), f"{kind}_{number}" if number else kind)
            for name, ending in zip(theirs, _endings([arrays[name] for name in theirs]), strict=True):
                names[name] = f"{container}{layer_name}/{ending}"
    return {names.get(name, name): a for name, a in arrays.items()}


def layer_arrays(path: str, layer: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A layer's variables by its name and theirs, from the path of its class and number and the name of its group."""
    container = path.rstrip("/").rpartition("/")[0]
    ordered = [variables[number] for number in sorted(variables, key=int)]
    for ending, a in zip(_endings(ordered), ordered, strict=True) if ordered else ():
        yield f"{container}/{layer}/{ending}".removeprefix("/"), a


def _endings(variables: Sequence[Any]) -> list[str]:
    """The endings of a layer's arrays: a kernel and its bias, those of batch normalisation, or numbers."""
    axes, count = len(variables[0].shape), len(variables)
    if axes > 1 and count <= 2:
        return ["kernel", "bias"][:count]
    return list(NORM[count]) if axes == 1 and count in NORM else [str(i) for i in range(count)]


def _names(layers: Mapping[Layer, list[Array]]) -> Iterator[tuple[Layer, str]]:
    """The names of a MobileNet's layers by class and number; none where the layers are not just a MobileNet's.

    Behind the backbone there may be the network's own classifier, or layers of another head, which have no name here.
    """
    given = {kind: [(layer, _form(layers[layer])) for layer in layers if layer[0] == kind] for kind in KINDS}
    for body, head in _published():
        forms = {kind: [form for _, form in given[kind]] for kind in KINDS}
        rest = {kind: forms[kind][len(body[kind]) :] for kind in KINDS}
        if not all(
            forms[kind][: len(body[kind])] == [form for _, form in body[kind]]
            and (kind == "dense" or rest[kind] in ([], [form for _, form in head[kind]]))
            for kind in KINDS
        ):
            continue
        for kind in KINDS:
            own_head = head[kind] if rest[kind] == [form for _, form in head[kind]] else []
            for (layer, _), (name, _) in zip(given[kind], [*body[kind], *own_head], strict=kind != "dense"):
                yield layer, name
        return


@cache
def _published() -> Sequence[tuple[Published, Published]]:
    """The layers before and behind the pool of each published network, by class."""
    found = []
    for table in tables():
        if table.naming == "keras":
            body: dict[str, list[tuple[str, Form]]] = {kind: [] for kind in KINDS}
            head: dict[str, list[tuple[str, Form]]] = {kind: [] for kind in KINDS}
            for name, group in groupby(table.named.items(), lambda item: item[0].rsplit("/", 1)[0]):
                ours, arrays = zip(*(named for _, named in group), strict=True)
                part = head if ours[0].startswith(OF_HEADS) else body
                part[_kind(ours[0], arrays[0])].append((name, _form(list(arrays))))
            found.append((body, head))
    return found


def _kind(ours: str, first: Array) -> str:
    """The class under which a layer is counted, by our name and the axes of its first array."""
    if first.ndim == 1:
        return "batch_normalization"
    if first.ndim == 2:
        return "dense"
    return "depthwise_conv2d" if ours.endswith("depthwise.kernel") else "conv2d"


def _form(variables: list[Array]) -> Form:
    if variables[0].ndim == 1:  # of normalisation, with scale and shift or without
        return 0, ()
    return len(variables), variables[0].shape[:2] if variables[0].ndim == 4 else ()
