"""The measures of semantic segmentation: the confusion matrix, and intersection over union from it."""

import math
from typing import Any

import numpy as np

from ..kernels.arguments import MOST, array_of, check_axes, integer
from ..kernels.geometry import Array
from .checking import classes_at, kept_labels


def confusion_matrix(truth: Array, predicted: Array, classes: int, *, ignore: int | None = 255) -> Array:
    """The number of pixels of each pair of labels: entry (t, p) counts pixels of class t that were predicted as p.

    A pixel is not counted if its truth is `ignore`, whatever was predicted there, so it is no false positive either.
    Matrices of several batches are added up.

    Args:
        truth: integers from 0 to classes − 1, or `ignore`; of any shape, (B, Dᵤ, Dᵤ) as a rule.
        predicted: integers, shaped like truth; from 0 to classes − 1 where the truth is not ignored.
        classes: the number of classes.
        ignore: the label of pixels that do not count; None if there is none.

    Returns:
        (classes, classes), int64, a row for each class of the truth.

    Raises:
        TypeError: truth or predicted is not an ndarray of integers, or classes or ignore is not an int.
        ValueError: masks of different shapes, a label out of range, or classes below 1.

    >>> confusion_matrix(np.array([0, 1, 2, 255, 1]), np.array([0, 1, 1, 2, 0]), 3)
    array([[1, 0, 0],
           [1, 1, 0],
           [0, 1, 0]])
    """
    return _counted("confusion_matrix", truth, predicted, classes, ignore)


def intersection_over_union(truth: Array, predicted: Array, classes: int, *, ignore: int | None = 255) -> Array:
    """The intersection over union (IoU) of each class, TP / (TP + FP + FN), over all pixels that are not ignored.

    All images count as one: the counts are added before they are divided. A class that is neither in the truth nor in
    the prediction has no IoU and gives NaN, so that np.nanmean of the result is the mean IoU (mIoU) of the classes
    that appear. The background is a class like any other.

    Arguments and errors are those of `confusion_matrix`. The result is (classes,), float64.

    Source: https://doi.org/10.1007/s11263-014-0733-5, section 4.3 (the accuracy of PASCAL VOC's segmentation).

    >>> intersection_over_union(np.array([0, 1, 2, 255, 1]), np.array([0, 1, 1, 2, 0]), 4)
    array([0.5       , 0.33333333, 0.        ,        nan])
    """
    return _ious(_counted("intersection_over_union", truth, predicted, classes, ignore))


def intersection_over_union_of(matrix: Array) -> Array:
    """The intersection over union of each class from a confusion matrix, (classes, classes) to (classes,).

    Entry (t, p) of the matrix counts pixels of class t that were predicted as p, as in `confusion_matrix`. A class
    without a pixel in its row and in its column gives NaN. The result is float64.

    Raises TypeError where the matrix is not an ndarray of integers, ValueError where it is not square or has an entry
    below 0.

    >>> intersection_over_union_of(np.array([[1, 0], [1, 2]]) + np.array([[2, 1], [0, 3]]))
    array([0.6       , 0.71428571])
    """
    check_axes("intersection_over_union_of", "matrix", matrix, ("C", "C"), "iu")
    rows, columns = matrix.shape
    if rows != columns or not rows:
        raise ValueError(f"intersection_over_union_of: matrix must be (C, C), C at least 1; got matrix {matrix.shape}")
    if matrix.min() < 0:
        got = f"{matrix.min()}, matrix {matrix.shape}"
        raise ValueError(f"intersection_over_union_of: matrix must have no entry below 0; got {got}")
    return _ious(matrix)


def _counted(function: str, truth: Array, predicted: Array, classes: Any, ignore: Any) -> Array:
    """`confusion_matrix` for a function of another name."""
    array_of(function, "truth", truth, "iu")
    array_of(function, "predicted", predicted, "iu")
    if truth.shape != predicted.shape:
        raise ValueError(
            f"{function}: predicted must be shaped like truth; got truth {truth.shape}, predicted {predicted.shape}"
        )
    classes = integer(function, "classes", classes, most=math.isqrt(MOST))
    kept, true = kept_labels(function, "truth", truth, classes, ignore)
    found = classes_at(function, "predicted", predicted, kept, classes)
    pairs = true.astype(np.int64) * classes + found.astype(np.int64)  # (R,)
    counts: Array = np.bincount(pairs, minlength=classes**2).astype(np.int64, copy=False)
    return counts.reshape(classes, classes)


def _ious(matrix: Array) -> Array:
    """TP / (TP + FP + FN) of each class, NaN for 0 / 0."""
    counts = matrix.astype(np.float64)
    hits = counts.diagonal()  # TP, (C,)
    union = counts.sum(axis=1) + counts.sum(axis=0) - hits  # (C,)
    ious: Array = np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)
    return ious
