"""Probes of networks: the dimensions of their feature maps, and their gradients by depth."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...kernels.arguments import generator, integer, real
from ...kernels.geometry import Array
from ...kernels.head import softmax_cross_entropy_backward
from ...layers import Layer, Sequential
from ..loop import evaluate
from ..tasks import Task

NOISE = 1e-12  # a share of the variance that is rounding's


def block_outputs(network: Sequential, x: Array, *, training: bool = False) -> dict[str, Array]:
    """All feature maps of a network for x by name, also those inside its blocks: "block_1.expand_relu6", "block_1".

    Args:
        network: a `Sequential`, which is left as it was, its running statistics too.
        x: (B, Dᵤ, Dᵤ, M).
        training: whether batch normalisation takes the batch's statistics, as it must in a network whose running ones
            mean nothing because it was never trained.

    Returns:
        The outputs (B, h, w, channels) of all layers, in the order of forward, the inner ones of a block before its
        own; outputs that are no maps, behind the pool, are left out.

    >>> from npconv.training.fig07 import variant_network
    >>> maps = block_outputs(variant_network("linear", blocks=1), np.ones((2, 12, 16, 1), np.float32))
    >>> maps["block_1.expand_relu6"].shape, maps["block_1"].shape
    ((2, 3, 4, 36), (2, 3, 4, 6))
    """
    found: dict[str, Array] = {}
    twin = network.copy()
    for name, layer in twin.layers.items():
        x = _outputs(layer, x, training, name, found)
    return {name: maps for name, maps in found.items() if maps.ndim == 4}


def _outputs(layer: Layer, x: Array, training: bool, name: str, found: dict[str, Array]) -> Array:
    """A layer's output, entered under its name after those of the layers in it."""
    y = x
    if isinstance(layer, Sequential):
        for inner, each in layer.layers.items():
            y = _outputs(each, y, training, f"{name}.{inner}", found)
    if type(layer).forward is not Sequential.forward:  # a layer of its own, or more than its layers in a row
        y = layer.forward(x, training)
    found[name] = y
    return y


def spectrum(maps: Array) -> Array:
    """The shares of feature maps' variance along their principal directions, (channels,), falling, of sum 1.

    The maps are (…, channels): every position of every image is one vector. The shares are the eigenvalues of the
    vectors' covariance, divided by their sum.

    Raises ValueError where there is only one vector, or all are the same.

    >>> spectrum(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]])).tolist()
    [0.8, 0.2]
    """
    eigenvalues = np.linalg.eigvalsh(_covariance("spectrum", maps)[1])[::-1]
    eigenvalues = np.maximum(eigenvalues, 0)
    shares: Array = eigenvalues / eigenvalues.sum()
    return shares


def principal_directions(maps: Array) -> tuple[Array, Array]:
    """The mean (channels,) of feature maps, and their principal directions, the columns (channels, channels), in order.

    Raises ValueError as `spectrum`.

    >>> mean, directions = principal_directions(np.array([[1.0, 5.0], [1.0, 7.0], [1.0, 3.0]]))
    >>> mean.tolist(), np.abs(directions[:, 0]).tolist()
    ([1.0, 5.0], [0.0, 1.0])
    """
    mean, covariance = _covariance("principal_directions", maps)
    return mean, np.linalg.eigh(covariance)[1][:, ::-1]


def _covariance(function: str, maps: Array) -> tuple[Array, Array]:
    """The mean and the covariance of vectors (…, channels)."""
    vectors = maps.reshape(-1, maps.shape[-1]).astype(np.float64)  # (n, channels)
    mean = vectors.mean(axis=0)
    vectors -= mean
    if not vectors.any():
        raise ValueError(f"{function}: maps must hold vectors that differ; got maps {maps.shape}, all vectors the same")
    return mean, vectors.T @ vectors / len(vectors)


def dimensions(shares: Array, share: float = 0.95) -> int:
    """The number of principal directions that hold a share of the variance; `shares` are those of `spectrum`.

    Raises ValueError where share is not above 0 and at most 1.

    >>> dimensions(np.array([0.5, 0.375, 0.125]), 0.875)
    2
    """
    share = real("dimensions", "share", share, above=0, most=1)
    return int((np.cumsum(shares) < share - NOISE).sum()) + 1


def participation_ratio(shares: Array) -> float:
    """An effective number of dimensions, 1/Σ shares²: M where M directions share the variance evenly, 1 if one has all.

    >>> participation_ratio(np.array([0.25, 0.25, 0.25, 0.25]))
    4.0
    """
    return float(shares.sum() ** 2 / (shares**2).sum())


class Subspace(Layer):
    """The nearest point of a subspace, for each position of a feature map: mean + (x − mean) · D · Dᵀ.

    `mean` is (channels,), `directions` D is (channels, d) with orthonormal columns. They are state, and are not learnt.

    Raises ValueError where the shapes do not fit.

    >>> Subspace(np.array([0.0, 1.0]), np.array([[1.0], [0.0]])).forward(np.array([[3.0, 5.0]]))
    array([[3., 1.]])
    """

    def __init__(self, mean: Array, directions: Array) -> None:
        super().__init__()
        if mean.ndim != 1 or directions.ndim != 2 or len(directions) != len(mean):
            raise ValueError(
                f"Subspace: mean must be (channels,) and directions (channels, d); got mean {mean.shape}, "
                f"directions {directions.shape}"
            )
        self.state = {"mean": mean.copy(), "directions": directions.copy()}

    def forward(self, x: Array, training: bool = False) -> Array:
        """The projection of x (…, channels), the same in both modes."""
        mean, directions = self.state.values()
        self._saved = x
        y: Array = mean + (x - mean) @ directions @ directions.T
        return y

    def backward(self, dy: Array) -> Array:
        """The projection of dy, without the mean."""
        self._remember()
        directions = self.state["directions"]
        dx: Array = dy @ directions @ directions.T
        return dx


def subspace(maps: Array, count: int, *, rng: np.random.Generator | None = None) -> Subspace:
    """The layer that keeps the mean of feature maps like these, and a number of directions about it.

    Args:
        maps: (…, channels), from which the mean and the principal directions are taken.
        count: d, how many of the principal directions are kept: the first ones.
        rng: with a generator, as many random directions are kept instead.

    Returns:
        A `Subspace`, of the maps' dtype.

    Raises:
        ValueError: a count that is not from 1 to the channels; as `spectrum`.

    >>> maps = np.array([[0.0, 1.0], [2.0, 1.0]])
    >>> subspace(maps, 1).forward(np.array([[7.0, 7.0]]))
    array([[7., 1.]])
    """
    mean, directions = principal_directions(maps)
    count = integer("subspace", "count", count, 1, len(mean))
    if rng is not None:
        directions = np.linalg.qr(rng.standard_normal(directions.shape))[0]
    return Subspace(mean.astype(maps.dtype), directions[:, :count].astype(maps.dtype))


def classifier_directions(kernel: Array) -> Array:
    """The directions of features on which a linear classifier's decision depends, (channels, at most classes - 1).

    The part that all logits share decides nothing, so these are the left singular vectors of the kernel (channels,
    classes) after each row's mean is taken off. A mean pool before the classifier reads the same directions of a map:
    features that are projected on them keep every decision, however many directions their variance fills.

    >>> np.abs(classifier_directions(np.array([[1.0, 3.0], [2.0, 2.0], [5.0, 5.0]]))).round(9).tolist()
    [[1.0], [0.0], [0.0]]
    """
    left, values, _ = np.linalg.svd(kernel - kernel.mean(axis=1, keepdims=True), full_matrices=False)
    directions: Array = left[:, values > len(kernel) * np.finfo(kernel.dtype).eps * np.linalg.norm(kernel)]
    return directions


def gradient_norms(network: Sequential, x: Array, labels: Array) -> dict[str, float]:
    """The norm of the loss's gradient with respect to the output of each layer of a network, in the order of forward.

    Args:
        network: a `Sequential` with logits (B, classes) at its end, which is left as it was.
        x: (B, Dᵤ, Dᵤ, M).
        labels: (B,) integers.

    Returns:
        For each of the network's own layers (a block counts as one) the Frobenius norm over the whole batch of the
        gradient of the mean cross-entropy, in training mode. In the variant "expansions" of `variant_network` the
        places between_1, between_2, … lie at the wide ends, behind the ReLU6.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", that shortcuts let gradients flow.

    >>> from npconv.training.fig07 import variant_network
    >>> x = np.random.default_rng(0).standard_normal((4, 12, 16, 1))
    >>> list(gradient_norms(variant_network("none", blocks=2), x, np.array([1, 2, 3, 4])))[3:5]
    ['first', 'block_1']
    """
    twin = network.copy()
    logits = twin.forward(x, training=True)
    dy = softmax_cross_entropy_backward(1.0, logits, labels)
    norms: dict[str, float] = {}
    for name, layer in reversed(twin.layers.items()):
        norms[name] = float(np.linalg.norm(dy.astype(np.float64)))
        dy = layer.backward(dy)
    return dict(reversed(norms.items()))


def by_block(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of values by layer, those of the equal blocks: block_1, block_2, … , or between_1, … of "expansions".

    >>> by_block({"stem": 1, "block_1.expand": 2, "block_1": 3, "block_2": 4, "pool": 5})
    {'block_1': 3, 'block_2': 4}
    """
    return {name: value for name, value in values.items() if re.fullmatch(r"(block|between)_\d+", name)}


def spectra(network: Sequential, x: Array, ending: str = "") -> list[Array]:
    """The `spectrum` of each block's output, or of its inner maps of that ending, with the batch's statistics.

    >>> from npconv.training.fig07 import separable_network
    >>> x = np.random.default_rng(0).standard_normal((2, 12, 16, 1)).astype(np.float32)
    >>> [shares.shape for shares in spectra(separable_network(blocks=2, channels=8), x)]
    [(8,), (8,)]
    """
    maps = block_outputs(network, x, training=True)
    return [spectrum(maps[f"{name}{ending}"]) for name in by_block(maps)]


def kept_accuracies(
    network: Sequential, task: Task, counts: Sequence[int], *, images: int, seed: int | None = None
) -> list[list[float]]:
    """The test accuracy of a network where one block's output keeps few directions: by block, for each count.

    The directions are those of `images` training images; with a `seed`, random ones instead. Nothing is trained again.
    """
    maps = by_block(block_outputs(network, task.x_train[:images]))
    rng = None if seed is None else generator("kept_accuracies", seed)
    accuracies: list[list[float]] = []
    after, x = dict(network.copy().layers), task.x_test
    for name in maps:
        while name in after:  # the maps up to this block are the same for all counts
            x = after.pop(next(iter(after))).forward(x)
        kept = [Sequential({"subspace": subspace(maps[name], count, rng=rng), **after}) for count in counts]
        accuracies.append([evaluate(each, x, task.y_test)[1] for each in kept])
    return accuracies
