# npconv exercise: transposed
# npconv variant: 11
"""Variant 11: channels first, of the kernel too, position by position."""

import numpy as np


def _place(v, w, kernel, stride):
    row, column = v * stride[0], w * stride[1]
    return ..., slice(row, row + kernel.shape[2]), slice(column, column + kernel.shape[3])


def transposed_conv2d(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Each position's own patch of the output; the crop at the end."""
    sides = [(x.shape[2 + a] - 1) * stride[a] + kernel.shape[2 + a] for a in (0, 1)]
    whole = np.zeros((len(x), kernel.shape[1], *sides))
    for v, w in np.ndindex(*x.shape[2:]):
        whole[_place(v, w, kernel, stride)] += np.einsum("bm,mnij->bnij", x[:, :, v, w], kernel)
    (top, bottom), (left, right) = padding
    return whole[:, :, top : sides[0] - bottom, left : sides[1] - right]


def transposed_conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Each position's patch of the padded dy."""
    whole = np.pad(dy, ((0, 0), (0, 0), *padding))
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for v, w in np.ndindex(*x.shape[2:]):
        patch = whole[_place(v, w, kernel, stride)]
        dx[:, :, v, w] = np.einsum("bnij,mnij->bm", patch, kernel)
        dkernel += np.einsum("bnij,bm->mnij", patch, x[:, :, v, w])
    return dx, dkernel
