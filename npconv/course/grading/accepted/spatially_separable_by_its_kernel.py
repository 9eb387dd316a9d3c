# npconv exercise: spatially-separable
# npconv variant: none
"""As a depthwise convolution with the kernel of rank 1."""

import numpy as np


def _windows(x, column, row, stride, padding):
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (len(column), len(row)), axis=(1, 2))
    return views[:, :: stride[0], :: stride[1]]  # (B, D, D, M, D, D)


def spatially_separable_conv2d(x, column, row, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Each channel's patches times the product of its column and its row."""
    kernel = column[:, None] * row
    return np.einsum("bvwmij,ijm->bvwm", _windows(x, column, row, stride, padding), kernel)


def spatially_separable_conv2d_backward(dy, x, column, row, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The kernel's gradient, of which column and row have a share each; dx patch by patch."""
    dkernel = np.einsum("bvwmij,bvwm->ijm", _windows(x, column, row, stride, padding), dy)
    (top, bottom), (left, right) = padding
    dpadded = np.zeros((len(x), x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]))
    for v, w in np.ndindex(*dy.shape[1:3]):
        down, across = v * stride[0], w * stride[1]
        patch = dpadded[:, down : down + len(column), across : across + len(row)]
        patch += dy[:, v, None, w, None] * (column[:, None] * row)
    dx = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    return dx, np.einsum("ijm,jm->im", dkernel, row), np.einsum("ijm,im->jm", dkernel, column)
