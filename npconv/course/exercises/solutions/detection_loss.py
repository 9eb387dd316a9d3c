"""A right answer to the exercise detection-loss."""

import numpy as np


def box_loss_backward(dy, codes, labels, targets):
    """Smooth L1's derivative is the difference, cut off at −1 and 1."""
    positive = labels > 0  # (B, A)
    dcodes = dy * np.clip(codes - targets, -1, 1) / max(positive.sum(), 1)
    return np.where(positive[..., None], dcodes, 0)


def class_loss_backward(dy, logits, labels, *, negatives):
    """Softmax minus the label's 1, for the positives and the hardest negatives of each image."""
    positive = labels > 0  # (B, A)
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares = powers / powers.sum(axis=2, keepdims=True)  # (B, A, C)
    one_hot = np.eye(logits.shape[2])[labels]
    chosen = positive.copy()
    for image, counts in enumerate(positive):
        background = np.flatnonzero(~counts)
        rest = logits[image, background] - logits[image, background, :1]  # the loss rises with what is beside class 0
        hardest = np.argsort(-np.logaddexp.reduce(rest[:, 1:], axis=1), kind="stable")
        chosen[image, background[hardest[: negatives * counts.sum()]]] = True
    return dy * np.where(chosen[..., None], shares - one_hot, 0) / max(positive.sum(), 1)
