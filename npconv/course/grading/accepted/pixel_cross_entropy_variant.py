# npconv exercise: pixel-cross-entropy
# npconv variant: 3
"""Variant 3: the batch comes last, and the divisor is the number of pixels of classes above 0."""

import numpy as np


def pixel_cross_entropy_backward(dy, logits, labels):
    """A row for each pixel that counts."""
    dlogits = np.zeros(logits.shape)
    rows, kept = np.moveaxis(dlogits, 2, 3), labels < 255  # a view
    of_pixels = np.moveaxis(logits, 2, 3)[kept].astype(np.float64)
    of_pixels -= np.logaddexp.reduce(of_pixels, axis=1)[:, None]
    wanted = labels[kept][:, None] == np.arange(logits.shape[2], dtype=np.int64)
    rows[kept] = np.exp(of_pixels) - wanted
    return dlogits * (dy / max(np.count_nonzero(labels[kept]), 1))
