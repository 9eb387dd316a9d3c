"""tinygrad's answers."""

import os
from importlib import metadata

os.environ.setdefault("DEV", "PYTHON")  # needs no compiler

import numpy as np
from tinygrad import Tensor

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "tinygrad", f"tinygrad {metadata.version('tinygrad')}"


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation, groups=1)


def transposed(x, kernel, stride, dilation, **options):
    return last(first(x).conv_transpose2d(of_kernel(kernel), stride=stride, dilation=dilation, **options))


def output_padding(x, kernel, stride, dilation, padding):
    return transposed(x, kernel, stride, dilation, padding=padding, output_padding=(0, 1))


def layouts(kind, array):
    if kind == "map":
        return array.transpose(0, 3, 1, 2)
    x = first(SIGNALS.astype(np.float32))
    if kind == "depthwise":
        kernel = array.transpose(2, 0, 1)[:, None]
        return confirmed(kind, kernel, last(x.conv2d(single(kernel), groups=4)))
    kernel = array.transpose(3, 2, 0, 1)
    if kind != "transposed":
        return confirmed(kind, kernel, last(x.conv2d(single(kernel), groups=2 if kind == "grouped" else 1)))
    return confirmed(kind, kernel, last(x.conv_transpose2d(single(kernel), stride=2)))


def four_paddings(x, kernel, margins):
    return margins(conv(x, kernel, padding=(1, 2, 3, 4)))


def negative_padding(x, kernel):
    return conv(x, kernel, padding=(-1, -1, 0, 0))


def large_kernel(x, kernel):
    return conv(x, kernel)


def integers(x, kernel):
    kernel = Tensor(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
    return last(Tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).conv2d(kernel))


def float16_sums(kind, x):
    if kind == "convolution":
        return None
    x = Tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return (x.mean((2, 3)) if kind == "mean" else x.avg_pool2d(64)).numpy()


def conv(x, kernel, **geometry):
    """tinygrad's convolution of npconv's layouts."""
    return last(first(x).conv2d(of_kernel(kernel), **geometry))


def of_kernel(kernel):
    return single(kernel.transpose(3, 2, 0, 1))


def first(x):
    return single(x.transpose(0, 3, 1, 2))


def single(array):
    return Tensor(np.ascontiguousarray(array, np.float32))


def last(y):
    return y.numpy().transpose(0, 2, 3, 1)
