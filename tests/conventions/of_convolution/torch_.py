"""torch's answers."""

import numpy as np
import torch
from torch.nn import functional

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "torch", f"torch {torch.__version__.partition('+')[0]}"


def same(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation, padding="same")


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation, groups=1)


def transposed(x, kernel, stride, dilation, **padding):
    y = functional.conv_transpose2d(first(x), first_of_kernel(kernel), stride=stride, dilation=dilation, **padding)
    return last(y)


def output_padding(x, kernel, stride, dilation, padding):
    return transposed(x, kernel, stride, dilation, padding=padding, output_padding=(0, 1))


def layouts(kind, array):
    if kind == "map":
        return first(array)
    if kind == "depthwise":
        kernel = array.transpose(2, 0, 1)[:, None]
        return confirmed(kind, kernel, last(functional.conv2d(first(SIGNALS), tensor(kernel), groups=4)))
    kernel = array.transpose(3, 2, 0, 1)
    if kind != "transposed":
        groups = 2 if kind == "grouped" else 1
        return confirmed(kind, kernel, last(functional.conv2d(first(SIGNALS), tensor(kernel), groups=groups)))
    return confirmed(kind, kernel, last(functional.conv_transpose2d(first(SIGNALS), tensor(kernel), stride=2)))


def flips(x, kernel, order):
    return None if order < 0 else conv(x.astype(kernel.dtype), kernel)


def four_paddings(x, kernel, margins):
    return margins(functional.pad(first(x), [1, 2, 3, 4]).permute(0, 2, 3, 1).numpy())


def negative_padding(x, kernel):
    return conv(x, kernel, padding=(0, -1))


def large_kernel(x, kernel):
    return conv(x, kernel)


def empty_batch(x, kernel):
    return conv(x, kernel)


def integers(x, kernel):
    return conv(x, kernel)


def float16_sums(kind, x):
    if kind == "convolution":
        return conv(x, np.ones((64, 64, 1, 1), np.float16))
    return first(x).mean((2, 3)) if kind == "mean" else functional.avg_pool2d(first(x), 64)


def conv(x, kernel, **geometry):
    """torch's convolution of npconv's layouts."""
    return last(functional.conv2d(first(x), first_of_kernel(kernel), **geometry))


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def first(x):
    """(B, height, width, M) as (B, M, height, width)."""
    return tensor(x.transpose(0, 3, 1, 2))


def first_of_kernel(kernel):
    """(height, width, M, N) as (N, M, height, width)."""
    return tensor(kernel.transpose(3, 2, 0, 1))


def last(y):
    """(B, N, height, width) as (B, height, width, N)."""
    return y.permute(0, 2, 3, 1).numpy()
