"""mlx's answers."""

from importlib import metadata

import mlx.core as mx
import numpy as np

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "mlx", f"mlx {metadata.version('mlx')}"


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def transposed(x, kernel, stride, dilation, **options):
    return numbers(mx.conv_transpose2d(single(x), weights(kernel), stride, dilation=dilation, **options))


def output_padding(x, kernel, stride, dilation, padding):
    return transposed(x, kernel, stride, dilation, padding=padding, output_padding=(0, 1))


def layouts(kind, array):
    x = single(SIGNALS)
    if kind == "map":
        return array
    if kind == "depthwise":
        kernel = single(array.transpose(2, 0, 1)[..., None])
        return confirmed(kind, kernel, numbers(mx.conv2d(x, kernel, groups=4)))
    if kind != "transposed":
        kernel = single(array.transpose(3, 0, 1, 2))
        return confirmed(kind, kernel, numbers(mx.conv2d(x, kernel, groups=2 if kind == "grouped" else 1)))
    kernel = single(array.transpose(2, 0, 1, 3))
    return confirmed(kind, kernel, numbers(mx.conv_transpose2d(x, kernel, 2)))


def flips(x, kernel, order):
    return None if order < 0 else integers(x.astype(kernel.dtype), kernel)


def negative_padding(x, kernel):
    return conv(x, kernel, padding=(0, -1))


def large_kernel(x, kernel):
    return conv(x, kernel)


def empty_batch(x, kernel):
    return conv(x, kernel)


def integers(x, kernel):
    return numbers(mx.conv2d(mx.array(x), mx.array(kernel.transpose(3, 0, 1, 2))))


def float16_sums(kind, x):
    if kind == "convolution":
        return numbers(mx.conv2d(mx.array(x), mx.ones((1, 64, 64, 1), mx.float16)))
    return numbers(mx.mean(mx.array(x), (1, 2))) if kind == "mean" else None


def conv(x, kernel, **geometry):
    """mlx's convolution of npconv's layouts."""
    return numbers(mx.conv2d(single(x), weights(kernel), **geometry))


def weights(kernel):
    return single(kernel.transpose(3, 0, 1, 2))


def single(array):
    return mx.array(array.astype(np.float32))


def numbers(array):
    mx.eval(array)
    return np.array(array)
