# npconv exercise: detection-loss
# npconv variant: none
"""Anchor by anchor, with sorted lists of losses."""

import numpy as np


def box_loss_backward(dy, codes, labels, targets):
    """Two pieces of a derivative."""
    dcodes = np.zeros(codes.shape)
    for place in np.argwhere(labels):
        off = codes[tuple(place)] - targets[tuple(place)]
        dcodes[tuple(place)] = np.where(abs(off) < 1, off, np.sign(off))
    return dcodes * (dy / max(1, np.count_nonzero(labels)))


def class_loss_backward(dy, logits, labels, *, negatives):
    """The softmax's Jacobian is in its difference to the label."""
    dlogits = np.zeros(logits.shape)
    for b, classes in enumerate(labels):
        shares = [np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in logits[b]]
        losses = [row.max() + np.log(np.exp(row - row.max()).sum()) - row[0] for row in logits[b]]
        backgrounds = sorted((a for a in range(len(classes)) if classes[a] == 0), key=lambda a: losses[a], reverse=True)
        positives = [a for a in range(len(classes)) if classes[a] > 0]
        for a in positives + backgrounds[: negatives * len(positives)]:
            dlogits[b, a] = shares[a]
            dlogits[b, a, int(classes[a])] -= 1
    return dlogits * (dy / max(1, np.count_nonzero(labels)))
