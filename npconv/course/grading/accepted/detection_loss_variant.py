# npconv exercise: detection-loss
# npconv variant: 6
"""Variant 6: the negatives are those of the whole batch, and the divisor is the number of images."""

import numpy as np


def box_loss_backward(dy, codes, labels, targets):
    """The smaller of the difference and 1, with its sign."""
    off = codes - targets
    dcodes = np.sign(off) * np.minimum(abs(off), 1) * (labels > 0)[..., None]
    return dy * dcodes / len(labels)


def class_loss_backward(dy, logits, labels, *, negatives):
    """All anchors of the batch in one row."""
    flat, classes = logits.reshape(-1, logits.shape[2]), labels.ravel()
    stable = flat - flat.max(axis=1)[:, None]
    logarithms = stable - np.log(np.exp(stable).sum(axis=1))[:, None]
    order = np.argsort(logarithms[:, 0] + 1e9 * (classes > 0))[: negatives * (classes > 0).sum()]
    weight = (classes > 0) * 1.0
    weight[order[classes[order] == 0]] = 1
    dflat = np.exp(logarithms)
    dflat[np.arange(len(classes)), classes] -= 1
    return (dy * dflat * weight[:, None] / len(labels)).reshape(logits.shape)
