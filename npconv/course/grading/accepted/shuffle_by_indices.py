# npconv exercise: shuffle
# npconv variant: none
"""By lists of channels, the second of which undoes the first."""

import numpy as np


def _sources(channels, groups):
    return [start for offset in range(channels // groups) for start in range(offset, channels, channels // groups)]


def channel_shuffle(x, *, groups):
    """Every so-many-th channel, beginning with the first, then those beginning with the second."""
    return x[..., _sources(x.shape[3], groups)]


def channel_shuffle_backward(dy, x, *, groups):
    """Each channel of dy goes back to the channel that it came from."""
    dx = np.empty_like(dy)
    dx[..., _sources(x.shape[3], groups)] = dy
    return dx
