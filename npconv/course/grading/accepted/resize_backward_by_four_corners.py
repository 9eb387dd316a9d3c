# npconv exercise: resize-backward
# npconv variant: none
"""Value by value, to the four around it."""

import numpy as np


def resize_bilinear_backward(dy, x):
    """Each value of dy goes to two rows and two columns, by its shares."""
    dx = np.zeros(x.shape)
    for v, w in np.ndindex(*dy.shape[1:3]):
        for row, down in _shares(v, x.shape[1], dy.shape[1]):
            for column, right in _shares(w, x.shape[2], dy.shape[2]):
                dx[:, row, column] += down * right * dy[:, v, w]
    return dx


def _shares(i, n, o):
    position = min(max((2 * i + 1) * n / (2 * o) - 1 / 2, 0), n - 1)
    return [(row, 1 - abs(row - position)) for row in range(n) if abs(row - position) < 1]
