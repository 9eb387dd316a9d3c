"""A right answer to the exercise squeeze-excite."""

import numpy as np


def squeeze_excite_backward(dy, x, reduce, reduce_bias, expand, expand_bias):
    """Forward once more, then back: through the product, the gate, the two matrices and the mean."""
    count = x.shape[1] * x.shape[2]
    pooled = x.sum(axis=(1, 2)) / count
    hidden = pooled @ reduce + reduce_bias
    active = np.maximum(hidden, 0)
    before = active @ expand + expand_bias
    gate = np.clip(before + 3, 0, 6) / 6

    dgate = (dy * x).sum(axis=(1, 2))
    dbefore = np.where((before > -3) & (before < 3), dgate / 6, 0)
    dexpand = active.T @ dbefore
    dexpand_bias = dbefore.sum(axis=0)
    dhidden = np.where(hidden > 0, dbefore @ expand.T, 0)
    dreduce = pooled.T @ dhidden
    dreduce_bias = dhidden.sum(axis=0)
    dpooled = dhidden @ reduce.T
    dx = dy * gate[:, None, None, :] + dpooled[:, None, None, :] / count
    return dx, dreduce, dreduce_bias, dexpand, dexpand_bias
