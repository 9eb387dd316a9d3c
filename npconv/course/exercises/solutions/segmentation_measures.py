"""A right answer to the exercise segmentation-measures."""

from fractions import Fraction

import numpy as np


def confusion_matrix(truth, predicted, *, classes):
    """One number for each pair of labels, and the count of each number."""
    kept = truth != 255
    pairs = truth[kept] * classes + predicted[kept]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def mean_intersection_over_union(truth, predicted, *, classes):
    """The classes one by one."""
    kept = truth != 255
    ious = []
    for c in range(classes):
        true, found = kept & (truth == c), kept & (predicted == c)
        union = int((true | found).sum())
        if union > 0:
            ious.append(Fraction(int((true & found).sum()), union))
    return sum(ious, Fraction(0)) / max(len(ious), 1)
