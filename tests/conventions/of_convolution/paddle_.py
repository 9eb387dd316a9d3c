"""Paddle's answers."""

import numpy as np
import paddle
from paddle.nn import functional

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "paddle", f"paddle {paddle.__version__}"


def same(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation, padding="SAME")


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation, groups=1)


def transposed(x, kernel, stride, dilation, **options):
    return last(functional.conv2d_transpose(first(x), of_kernel(kernel), stride=stride, dilation=dilation, **options))


def transposed_same(x, kernel, stride, dilation):
    return transposed(x, kernel, stride, dilation, padding="SAME")


def output_padding(x, kernel, stride, dilation, padding):
    return transposed(x, kernel, stride, dilation, padding=padding, output_padding=(0, 1))


def layouts(kind, array):
    if kind == "map":
        return array.transpose(0, 3, 1, 2)
    if kind == "depthwise":
        kernel = array.transpose(2, 0, 1)[:, None]
        return confirmed(kind, kernel, last(functional.conv2d(first(SIGNALS), single(kernel), groups=4)))
    kernel = array.transpose(3, 2, 0, 1)
    if kind != "transposed":
        groups = 2 if kind == "grouped" else 1
        return confirmed(kind, kernel, last(functional.conv2d(first(SIGNALS), single(kernel), groups=groups)))
    return confirmed(kind, kernel, last(functional.conv2d_transpose(first(SIGNALS), single(kernel), stride=2)))


def four_paddings(x, kernel, margins):
    return margins(conv(x, kernel, padding=[1, 2, 3, 4]))


def four_paddings__pad(x, kernel, margins):
    return margins(last(functional.pad(first(x), [1, 2, 3, 4])))


def negative_padding(x, kernel):
    return conv(x, kernel, padding=[0, -1])


def empty_batch(x, kernel):
    return conv(x, kernel)


def conv(x, kernel, **geometry):
    """Paddle's convolution of npconv's layouts."""
    return last(functional.conv2d(first(x), of_kernel(kernel), **geometry))


def of_kernel(kernel):
    return single(kernel.transpose(3, 2, 0, 1))


def first(x):
    return single(x.transpose(0, 3, 1, 2))


def single(array):
    return paddle.to_tensor(np.ascontiguousarray(array, np.float32))


def last(y):
    return y.numpy().transpose(0, 2, 3, 1)
