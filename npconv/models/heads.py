"""Classifiers of published arrays: the network's own, a linear layer that is named, or none."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..kernels.geometry import Array

CLASSIFIER, HIDDEN, LAST = "classifier.", "hidden.", ("last.", "last_norm.")

Own = Mapping[str, tuple[str, Array]]  # by its published name: our name for an array, and a view of it


class Selection(NamedTuple):
    """Arrays of a network to be written, and the arrays that are written into those of the same names."""

    views: dict[str, Array]
    arrays: dict[str, Array]


def selected(own: Own, given: Mapping[str, Array], classifier: bool | str) -> Selection:
    """The arrays that count with a network's own classifier (True), with none (False) or with a linear layer's name.

    Without one, V3's hidden layer counts if the arrays have one of its size, and the last convolution if they have any
    of its arrays. Arrays of another head are then passed over, and so are further heads beside the one that is named.
    What has a name like the backbone's is no head's.

    Raises KeyError where the arrays have no linear layer of that name for the classifier's inputs.
    """
    views = {name: view for name, (_, view) in own.items()}
    if classifier is True:
        return Selection(views, dict(given))
    foreign = _foreign(own, given)
    arrays = {name: a for name, a in given.items() if name not in foreign}
    if classifier:
        kernel, bias = classifier_names(own)
        matrix, constants = linear_layers(own, given)[classifier]
        matrix = matrix.reshape(views[kernel].shape) if matrix.size == views[kernel].size else matrix
        return Selection(views, arrays | {kernel: matrix, bias: constants})
    kept = {name for name, (ours, _) in own.items() if ours.startswith(CLASSIFIER)}
    last = {name for name, (ours, _) in own.items() if ours.startswith(LAST)}
    if last.isdisjoint(given):
        kept |= last
    hidden = {name for name, (ours, _) in own.items() if ours.startswith(HIDDEN)}
    if not any(name in given and given[name].shape == views[name].shape for name in hidden):
        kept |= hidden
    return Selection(*({name: a for name, a in each.items() if name not in kept} for each in (views, arrays)))


def linear_layers(own: Own, given: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """The linear layers in the arrays that take what the classifier takes: kernel and bias of each by its name.

    Kernels of 1×1 convolutions count too. A layer without a bias has one of zeros.
    """
    kernel, bias = classifier_names(own)
    endings = [re.sub(r".*(?=[./])", "", name) for name in (kernel, bias)]
    inputs, outputs = (1, 0) if endings[0] == ".weight" else (0, 1)
    wanted = _matrix(own[kernel][1], inputs).shape[inputs]
    foreign, found = _foreign(own, given), {}
    for name, a in given.items():
        if name.endswith(endings[0]) and (name == kernel or name in foreign):
            layer, matrix = name.removesuffix(endings[0]), _matrix(a, inputs)
            if matrix.ndim == 2 and matrix.shape[inputs] == wanted:
                constants = given.get(layer + endings[1], np.zeros(matrix.shape[outputs], np.float32))
                found[layer] = matrix, constants
    return found


def classifier_names(own: Own) -> tuple[str, str]:
    """The published names of the classifier's kernel and bias."""
    published = {ours: name for name, (ours, _) in own.items()}
    return published[f"{CLASSIFIER}kernel"], published[f"{CLASSIFIER}bias"]


def _matrix(a: Array, inputs: int) -> Array:
    """A linear layer's kernel as a matrix: torch has 1×1 filters behind the channels, Keras in front."""
    filters = a.shape[2:] if inputs else a.shape[:2]
    return a.reshape(a.shape[:2] if inputs else a.shape[2:]) if a.ndim == 4 and filters == (1, 1) else a


def _foreign(own: Own, given: Mapping[str, Array]) -> set[str]:
    """The arrays of other heads, whose names begin like none before the classifier: "dense/kernel", "fc.weight"."""
    root, *others = {name.partition("/")[0] for name in own}
    root = "" if others else f"{root}/"  # TF-slim's names begin with the network's

    def first(name: str) -> str:
        return re.sub(r"\d+", "#", re.split(r"[./_]", name.removeprefix(root))[0])

    body = {first(name) for name, (ours, _) in own.items() if not ours.startswith((CLASSIFIER, HIDDEN))}
    return {name for name in given if name not in own and first(name) not in body}
