"""The checks of label masks: errors that name the function and the argument."""

from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST, integer
from ..kernels.geometry import Array


def kept_labels(function: str, name: str, labels: Array, classes: int, ignore: Any) -> tuple[Array, Array]:
    """The pixels that are not ignored, booleans shaped like the labels, and the classes at these R pixels, (R,)."""
    if ignore is not None:
        ignore = integer(function, "ignore", ignore, -LARGEST - 1)
    kept = np.ones(labels.shape, bool) if ignore is None else np.not_equal(np.asarray(labels), ignore)
    return kept, classes_at(function, name, labels, kept, classes, "" if ignore is None else f", or ignore = {ignore}")


def classes_at(function: str, name: str, labels: Array, kept: Array, classes: int, but: str = "") -> Array:
    """The classes at the R kept pixels, (R,): each from 0 to classes − 1."""
    own: Array = np.asarray(labels)[kept]
    if own.size and (own.min() < 0 or own.max() >= classes):
        wanted = f"between 0 and {classes - 1}{but}"
        raise ValueError(f"{function}: {name} must be {wanted}; got {own.min()} to {own.max()}, {name} {labels.shape}")
    return own
