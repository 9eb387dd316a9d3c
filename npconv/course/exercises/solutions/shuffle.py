"""A right answer to the exercise shuffle."""

import numpy as np


def channel_shuffle(x, *, groups):
    """The channels as a table with a row for each group, read column by column."""
    batch, height, width, channels = x.shape
    table = x.reshape(batch, height, width, groups, channels // groups)
    return np.swapaxes(table, 3, 4).reshape(x.shape)


def channel_shuffle_backward(dy, x, *, groups):
    """The table has a column for each group now, and is read row by row."""
    batch, height, width, channels = x.shape
    table = dy.reshape(batch, height, width, channels // groups, groups)
    return np.swapaxes(table, 3, 4).reshape(x.shape)
