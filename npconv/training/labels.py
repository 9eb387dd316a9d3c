"""Labels as probabilities."""

from typing import Any

import numpy as np

from ..kernels.arguments import array_of, integer, real, real_dtype
from ..kernels.geometry import Array


def smooth_labels(labels: Array, classes: int, smoothing: float, *, dtype: Any = np.float32) -> Array:
    """Class labels (B,) as rows of probabilities (B, classes): (1 − ε) · onehot + ε / classes.

    `smoothing` is ε, from 0 (plain rows of the identity) up to, not including, 1. `npconv.softmax_cross_entropy` takes
    such rows as targets, best in the dtype of its logits: give that as `dtype`. With ε = 0.1, as the MobileNet code of
    TF-slim has it, the right class of ten keeps 0.91.

    Raises TypeError where `labels` is not an ndarray of integers, `classes` not an int, `smoothing` not a number or
    `dtype` none of real floats, ValueError where `labels` is not (B,), a label or `smoothing` is out of range, or
    `classes` is below 1.

    >>> smooth_labels(np.array([2, 0]), classes=4, smoothing=0.2)
    array([[0.05, 0.05, 0.85, 0.05],
           [0.85, 0.05, 0.05, 0.05]], dtype=float32)
    """
    function = "smooth_labels"
    array_of(function, "labels", labels, "iu")
    classes = integer(function, "classes", classes)
    smoothing = real(function, "smoothing", smoothing, least=0, below=1)
    real_dtype(function, dtype)
    if labels.ndim != 1:
        raise ValueError(f"{function}: labels must be (B,); got labels {labels.shape}")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        span = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"{function}: labels must lie between 0 and {classes - 1}; got {span}")
    rows: Array = np.full((len(labels), classes), smoothing / classes, dtype)  # (B, classes)
    rows[np.arange(len(labels)), labels] += 1 - smoothing
    return rows
