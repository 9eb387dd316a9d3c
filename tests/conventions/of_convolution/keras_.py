"""Keras's answers, of the backend that KERAS_BACKEND names: keras.ops, and its layers as a variant."""

import keras
import numpy as np
from keras import layers as klayers, ops

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

BACKEND = keras.backend.backend()
LIBRARY = f"keras on {BACKEND}"
VERSION = f"keras {keras.__version__} on {BACKEND} {__import__(BACKEND).__version__.partition('+')[0]}"


def same(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "same", dilation)


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "valid", dilation)


def stride_and_dilation__layer(x, kernel, stride, dilation):
    return layer(klayers.Conv2D(1, kernel.shape[:2], strides=stride, dilation_rate=dilation, use_bias=False), x, kernel)


def depthwise__layer(x, kernel, stride, dilation):
    made = klayers.DepthwiseConv2D(kernel.shape[:2], strides=stride, dilation_rate=dilation, use_bias=False)
    return layer(made, x, kernel)


def transposed(x, kernel, stride, dilation, **options):
    return array(ops.conv_transpose(x, kernel, strides=stride, dilation_rate=dilation, **options))


def transposed__layer(x, kernel, stride, dilation, **options):
    options = {"strides": stride, "dilation_rate": dilation, "use_bias": False, **options}
    return layer(klayers.Conv2DTranspose(1, kernel.shape[:2], **options), x, kernel)


def transposed_same__layer(x, kernel, stride, dilation):
    return transposed__layer(x, kernel, stride, dilation, padding="same")


def output_padding__layer(x, kernel, stride, dilation, padding):
    padding = "valid" if padding == (0, 0) else "same"
    options = {"strides": stride[1], "padding": padding, "use_bias": False, "output_padding": 1}
    return layer(klayers.Conv1DTranspose(1, kernel.shape[1], **options), x[0], kernel[0])


def output_padding__layer_output_padding_0(x, kernel, stride, dilation, padding):
    padding = "valid" if padding == (0, 0) else "same"
    options = {"strides": stride[1], "padding": padding, "use_bias": False, "output_padding": 0}
    return layer(klayers.Conv1DTranspose(1, kernel.shape[1], **options), x[0], kernel[0])


def layouts(kind, array):
    x = SIGNALS.astype(np.float32)
    if kind == "map":
        return array
    if kind == "depthwise":
        made, kernel = klayers.DepthwiseConv2D((2, 3), depth_multiplier=2, use_bias=False), array.reshape(2, 3, 4, 2)
    elif kind != "transposed":
        groups = 2 if kind == "grouped" else 1
        made, kernel = klayers.Conv2D(array.shape[3], (2, 3), groups=groups, use_bias=False), array
    else:
        made, kernel = klayers.Conv2DTranspose(5, (2, 3), strides=2, use_bias=False), array
    return confirmed(kind, kernel, layer(made, x, kernel))


def flips(x, kernel, order):
    return None if order < 0 else conv(x.astype(kernel.dtype), kernel, 1, "valid", 1)


if BACKEND != "tensorflow":

    def large_kernel(x, kernel):
        return conv(x, kernel, 1, "valid", 1)

    def empty_batch(x, kernel):
        return conv(x, kernel, 1, "valid", 1)


def integers(x, kernel):
    return conv(x, kernel, 1, "valid", 1)


def float16_sums(kind, x):
    if kind == "convolution":
        return conv(x, np.ones((64, 64, 1, 1), np.float16), 1, "valid", 1)
    x = ops.convert_to_tensor(x)
    return array(ops.mean(x, (1, 2)) if kind == "mean" else ops.average_pool(x, 64, 64))


def conv(x, kernel, stride, padding, dilation):
    return array(ops.conv(x, kernel, strides=stride, padding=padding, dilation_rate=dilation))


def layer(made, x, kernel):
    """A layer's result with a kernel."""
    x = x.astype(np.float32)
    made.build(x.shape)
    made.set_weights([kernel.reshape(made.kernel.shape)])
    return array(made(x))


def array(tensor):
    return ops.convert_to_numpy(tensor)
