"""TensorFlow's answers."""

import numpy as np
import tensorflow as tf

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "tensorflow", f"tensorflow {tf.__version__}"


def same(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "SAME", dilation)


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "VALID", dilation)


def depthwise(x, kernel, stride, dilation):
    x, kernel = x.astype(np.float32), kernel.astype(np.float32)
    return tf.nn.depthwise_conv2d(x, kernel, [1, *stride, 1], "VALID", dilations=dilation)


def depthwise__jit_compile(x, kernel, stride, dilation):
    def compiled():
        return depthwise(x, kernel, stride, dilation)

    return tf.function(compiled, jit_compile=True)()


def transposed_same(x, kernel, stride, dilation):
    shape = (1, 1, x.shape[2] * stride[1], 1)
    return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME")


def layouts(kind, array):
    x, kernel = SIGNALS.astype(np.float32), array.astype(np.float32)
    if kind == "map":
        return array
    if kind == "depthwise":
        kernel = kernel.reshape(2, 3, 4, 2)
        return confirmed(kind, kernel, tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID"))
    if kind != "transposed":
        return confirmed(kind, kernel, tf.nn.conv2d(x, kernel, 1, "VALID"))
    return confirmed(kind, kernel, tf.nn.conv2d_transpose(x, kernel, (2, 12, 15, 5), 2, "VALID"))


def flips(x, kernel, order):
    return None if order < 0 else conv(x.astype(kernel.dtype), kernel, 1, "VALID", 1)


def four_paddings(x, kernel, margins):
    return margins(tf.nn.conv2d(x, kernel, 1, [[0, 0], [1, 2], [3, 4], [0, 0]]).numpy())


def integers(x, kernel):
    return conv(x, kernel, 1, "VALID", 1)


def float16_sums(kind, x):
    if kind == "convolution":
        return conv(x, np.ones((64, 64, 1, 1), np.float16), 1, "VALID", 1)
    return tf.reduce_mean(x, (1, 2)) if kind == "mean" else tf.nn.avg_pool2d(x, 64, 64, "VALID")


def conv(x, kernel, stride, padding, dilation):
    return tf.nn.conv2d(x, kernel, stride, padding, dilations=dilation).numpy()
