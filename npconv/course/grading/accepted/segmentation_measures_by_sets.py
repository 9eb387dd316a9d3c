# npconv exercise: segmentation-measures
# npconv variant: none
"""Sets of pixels, and one-hot matrices."""

from fractions import Fraction

import numpy as np


def confusion_matrix(truth, predicted, *, classes):
    """A product of two one-hot matrices: the ignored label is in no column."""
    one_hot = [mask.reshape(-1, 1) == np.arange(classes, dtype=np.int64) for mask in (truth, predicted)]
    return one_hot[0].T.astype(np.float64) @ one_hot[1]


def mean_intersection_over_union(truth, predicted, *, classes):
    """The places of each class, as sets."""
    kept = set(np.flatnonzero(truth.ravel() < 255).tolist())
    shares = []
    for c in range(classes):
        true, found = (kept & set(np.flatnonzero(mask.ravel() == c).tolist()) for mask in (truth, predicted))
        if true | found:
            shares.append(Fraction(len(true & found), len(true | found)))
    return sum(shares) / len(shares) if shares else 0
