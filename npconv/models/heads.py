"""Classifiers of published arrays: the network's own, a linear layer that is named, or none."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..kernels.geometry import Array
from .known_names import CLASSIFIER, HIDDEN, Own, foreign

LAST = ("last.", "last_norm.")
OF_CLASSES = re.compile(r"class_\d+\.pointwise\.|(?:low_|high_)?scores\.")  # in heads what a classifier is elsewhere
BEFORE_CLASSES = re.compile(r"class_\d+\.(?!pointwise\.)")


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
    passed = foreign(own, given)
    arrays = {name: a for name, a in given.items() if name not in passed}
    if classifier:
        kernel, bias = classifier_names(own)
        matrix, constants = linear_layers(own, given)[classifier]
        matrix = matrix.reshape(views[kernel].shape) if matrix.size == views[kernel].size else matrix
        return Selection(views, arrays | {kernel: matrix, bias: constants})
    kept = {name for name, (ours, _) in own.items() if ours.startswith(CLASSIFIER) or OF_CLASSES.match(ours)}
    last = {name for name, (ours, _) in own.items() if ours.startswith(LAST)}
    if last.isdisjoint(given):
        kept |= last
    hidden = {name for name, (ours, _) in own.items() if ours.startswith(HIDDEN) or BEFORE_CLASSES.match(ours)}
    if not any(name in given and given[name].shape == views[name].shape for name in hidden):
        kept |= hidden
    return Selection(*({name: a for name, a in each.items() if name not in kept} for each in (views, arrays)))


def linear_layers(own: Own, given: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """The linear layers in the arrays that take what the classifier takes: kernel and bias of each by its name.

    Kernels of 1×1 convolutions count too. A layer without a bias has one of zeros.
    """
    kernel, bias = classifier_names(own)
    inputs, outputs = _axes(kernel)
    layers = {
        layer: (matrix, given.get(layer + _ending(bias), np.zeros(matrix.shape[outputs], np.float32)))
        for layer, matrix in _matrices(own, given).items()
        if matrix.shape[inputs] == inputs_of(own)
    }
    return {name: layer for name, layer in layers.items() if layer[1].shape == (layer[0].shape[outputs],)}


def inputs_of(own: Own) -> int:
    """The number of inputs of a network's own classifier."""
    kernel, _ = classifier_names(own)
    inputs, _ = _axes(kernel)
    return int(_matrix(own[kernel][1], inputs).shape[inputs])


def own_layer(own: Own) -> str:
    """The published name of a network's own classifier."""
    kernel, _ = classifier_names(own)
    return kernel.removesuffix(_ending(kernel))


def is_chained(own: Own, given: Mapping[str, Array], layer: str) -> bool:
    """True where another linear layer of a head has as many inputs as a layer has outputs, or the other way round."""
    matrices = _matrices(own, given)
    shape, (inputs, outputs) = matrices.pop(layer).shape, _axes(classifier_names(own)[0])
    return any(a.shape[inputs] == shape[outputs] or a.shape[outputs] == shape[inputs] for a in matrices.values())


def _matrices(own: Own, given: Mapping[str, Array]) -> dict[str, Array]:
    """The kernels of the linear layers in the arrays' heads by the layers' names."""
    kernel, _ = classifier_names(own)
    ending, (inputs, _) = _ending(kernel), _axes(kernel)
    heads = foreign(own, given) | {kernel}
    kernels = {name: _matrix(a, inputs) for name, a in given.items() if name in heads and name.endswith(ending)}
    return {name.removesuffix(ending): matrix for name, matrix in kernels.items() if matrix.ndim == 2}


def _ending(name: str) -> str:
    return re.sub(r".*(?=[./])", "", name)


def _axes(kernel: str) -> tuple[int, int]:
    """The axes of inputs and of outputs in a linear layer's kernel."""
    return (1, 0) if kernel.endswith(".weight") else (0, 1)


def has_classifier(own: Own) -> bool:
    """True for a network that has a classifier."""
    return any(ours.startswith(CLASSIFIER) for ours, _ in own.values())


def classifier_names(own: Own) -> tuple[str, str]:
    """The published names of the classifier's kernel and bias."""
    published = {ours: name for name, (ours, _) in own.items()}
    return published[f"{CLASSIFIER}kernel"], published[f"{CLASSIFIER}bias"]


def _matrix(a: Array, inputs: int) -> Array:
    """A linear layer's kernel as a matrix, without the axes of a 1×1 filter, behind the channels or in front."""
    filters = a.shape[2:] if inputs else a.shape[:2]
    return a.reshape(a.shape[:2] if inputs else a.shape[2:]) if a.ndim == 4 and filters == (1, 1) else a
