"""A right answer to the exercise pixel-cross-entropy."""

import numpy as np


def pixel_cross_entropy_backward(dy, logits, labels):
    """Softmax minus the label's 1, at the pixels that are not ignored."""
    kept = labels != 255  # (B, D, D)
    powers = np.exp(logits - logits.max(axis=3, keepdims=True))
    shares = powers / powers.sum(axis=3, keepdims=True)  # (B, D, D, C)
    one_hot = np.eye(logits.shape[3])[np.where(kept, labels, 0)]
    count = max(kept.sum(), 1)
    return dy * np.where(kept[..., None], shares - one_hot, 0) / count
