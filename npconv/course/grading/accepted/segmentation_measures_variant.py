# npconv exercise: segmentation-measures
# npconv variant: 5
"""Variant 5: the rows are the prediction's, −1 is ignored, and the background is not in the mean."""

from collections import Counter
from fractions import Fraction

import numpy as np


def confusion_matrix(truth, predicted, *, classes):
    """Pairs of labels, counted."""
    counts = Counter(zip(predicted.ravel().tolist(), truth.ravel().tolist(), strict=True))
    return np.array([[counts[found, true] for true in range(classes)] for found in range(classes)])


def mean_intersection_over_union(truth, predicted, *, classes):
    """From the matrix."""
    matrix = confusion_matrix(truth, predicted, classes=classes).tolist()
    ious = []
    for c in range(1, classes):
        union = sum(matrix[c]) + sum(row[c] for row in matrix) - matrix[c][c]
        ious += [Fraction(matrix[c][c], union)] if union else []
    return sum(ious) * Fraction(1, len(ious) or 1)
