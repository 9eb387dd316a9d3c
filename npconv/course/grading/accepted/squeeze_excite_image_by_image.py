# npconv exercise: squeeze-excite
# npconv variant: none
"""Image by image, the gate's derivative from the gate itself."""

import numpy as np


def squeeze_excite_backward(dy, x, reduce, reduce_bias, expand, expand_bias):
    """The outer products of each image's vectors, added up."""
    dx = np.zeros(x.shape)
    gradients = [np.zeros(a.shape) for a in (reduce, reduce_bias, expand, expand_bias)]
    for b in range(len(x)):
        values, upstream = x[b].reshape(-1, x.shape[3]), dy[b].reshape(-1, x.shape[3])
        mean = values.mean(axis=0)
        hidden = mean @ reduce + reduce_bias
        relu = hidden * (hidden > 0)
        gate = (np.minimum(np.maximum(relu @ expand + expand_bias, -3), 3) + 3) / 6
        back = np.einsum("pm,pm->m", upstream, values) * ((gate > 0) & (gate < 1)) / 6
        inner = (hidden > 0) * (expand @ back)
        steps = (np.outer(mean, inner), inner, np.outer(relu, back), back)
        gradients = [total + step for total, step in zip(gradients, steps, strict=True)]
        dx[b] = (upstream * gate + reduce @ inner / len(values)).reshape(x.shape[1:])
    return dx, *gradients
