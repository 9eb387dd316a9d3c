# npconv exercise: squeeze-excite
# npconv variant: 0
"""Variant 0: channels first, of the parameters too, and a sigmoid for a gate."""

import numpy as np


def squeeze_excite_backward(dy, x, reduce, reduce_bias, expand, expand_bias):
    """The sigmoid's derivative from its value; vectors as rows of matrices."""
    area = x[0, 0].size
    mean = x.mean(axis=(2, 3))
    hidden = mean @ reduce.T + reduce_bias
    active = hidden.clip(min=0)
    with np.errstate(over="ignore"):
        gate = 1 / (1 + np.exp(-(active @ expand.T + expand_bias)))
    back = np.einsum("bmhw,bmhw->bm", dy, x) * gate * (1 - gate)
    inner = np.where(hidden > 0, back @ expand, 0)
    dx = gate[:, :, None, None] * dy + (inner @ reduce / area)[:, :, None, None]
    return dx, inner.T @ mean, inner.sum(0), back.T @ active, back.sum(0)
