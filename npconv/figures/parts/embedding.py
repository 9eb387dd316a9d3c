"""Random embeddings of the plane through ReLU: which points keep two live coordinates, and come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np

from ...kernels.activations import relu, relu6
from ...kernels.geometry import Array
from ...kernels.pointwise import pointwise_conv2d


@dataclass(frozen=True)
class EmbeddingPanel:
    """One matrix's outputs: of all draws in n dimensions the one that keeps a median number of points."""

    n: int
    draw: int
    matrix: Array  # (n, 2)
    live: Array  # (P,), how many coordinates are above zero
    decoded: Array  # (P, 2), by the pseudo-inverse
    recovered: Array  # (P, 2), from the live coordinates alone, where there are two

    @property
    def kept(self) -> Array:
        """True for the points that can be recovered, (P,)."""
        return self.live >= 2


@dataclass(frozen=True)
class Counts:
    """The number of points that keep two live coordinates, over all draws."""

    relu: Array  # (draws, the largest n)
    relu6: Array  # (dimensions, scales), summed over the draws


def embed(unit: Array, matrix: Array) -> Array:
    """T applied to every point, (P, 2) and (n, 2) to (P, n): a pointwise convolution of two channels into n."""
    embedded: Array = pointwise_conv2d(unit[np.newaxis, np.newaxis], matrix.T)[0, 0]
    return embedded


def count_kept(unit: Array, matrices: Array, dimensions: Sequence[int], scales: Sequence[float]) -> Counts:
    """Count the points that keep two live coordinates after ReLU, for every n, and after ReLU6, at every scale.

    ReLU6 leaves a point two live coordinates where it leaves the second smallest of those above zero below 6.
    """
    draws, most, _ = matrices.shape
    kept = np.zeros((draws, most), np.int64)
    capped = np.zeros((len(dimensions), len(scales)), np.int64)
    smallest = second = np.full((len(unit), draws), np.inf)
    for row in range(most):
        embedded = embed(unit, matrices[:, row])  # (P, draws)
        live = np.where(relu(embedded) > 0, embedded, np.inf)
        second = np.minimum(second, np.maximum(smallest, live))
        smallest = np.minimum(smallest, live)
        kept[:, row] = (second < np.inf).sum(axis=0)
        if row + 1 in dimensions:
            capped[dimensions.index(row + 1)] = [np.sum(relu6(scale * second) < 6) for scale in scales]
    return Counts(kept, capped)


def median_panel(unit: Array, matrices: Array, kept: Array, n: int) -> EmbeddingPanel:
    """The first draw whose count of kept points is the median of all draws, and what its matrix makes of the points."""
    counts = kept[:, n - 1]
    draw = int(np.argmax(counts == quantile(counts, 1, 2)))
    matrix = matrices[draw, :n]
    output = relu(embed(unit, matrix))  # (P, n)
    live = output > 0
    decoded = embed(output, np.linalg.pinv(matrix))  # (P, 2)
    live_rows = np.where(live[..., np.newaxis], matrix, 0)  # (P, n, 2)
    recovered = (np.linalg.pinv(live_rows) @ output[..., np.newaxis])[..., 0]  # (P, 2)
    return EmbeddingPanel(n, draw, matrix, live.sum(axis=1), decoded, recovered)


def quantile(counts: Array, part: int, whole: int) -> int:
    """One of the counts: the one that part/whole of the way up the sorted counts is reached, rounded down."""
    return int(np.sort(counts)[(len(counts) - 1) * part // whole])


def expected_share(n: int) -> Fraction:
    """The share of the plane that n dimensions keep by Theorem 1: N/2ⁿ, with N = Σ C(n, k) for k from 0 to n − 2."""
    return Fraction(sum(comb(n, k) for k in range(n - 1)), 2**n)
