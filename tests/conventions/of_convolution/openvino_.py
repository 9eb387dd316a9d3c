"""OpenVINO's answers, with its own operators."""

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "openvino", f"openvino {ov.__version__.partition('-')[0]}"
NONE = [0, 0]


def same(x, kernel, stride, dilation, auto_pad="same_upper"):
    return conv(x, kernel, stride=stride, dilation=dilation, auto_pad=auto_pad)


def same__same_lower(x, kernel, stride, dilation):
    return same(x, kernel, stride, dilation, "same_lower")


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return grouped(x, kernel.transpose(3, 2, 0, 1)[None], stride=stride, dilation=dilation)


def transposed(x, kernel, stride, dilation, shape=None, **options):
    x, kernel = single(x.transpose(0, 3, 1, 2)), single(kernel.transpose(3, 2, 0, 1))
    more = {} if shape is None else {"output_shape": ops.constant(np.array(shape, np.int64))}
    options = {"pads_begin": NONE, "pads_end": NONE, "dilations": dilation, **more, **options}
    return run(lambda at: ops.convolution_backprop_data(at, ops.constant(kernel), stride, **options), x)


def transposed_same(x, kernel, stride, dilation, auto_pad="same_upper"):
    shape = (1, x.shape[2] * stride[1])
    return transposed(x, kernel, stride, dilation, shape, auto_pad=auto_pad)


def transposed_same__same_lower(x, kernel, stride, dilation):
    return transposed_same(x, kernel, stride, dilation, "same_lower")


def output_padding(x, kernel, stride, dilation, padding):
    options = {"pads_begin": padding, "pads_end": padding, "output_padding": [0, 1]}
    return transposed(x, kernel, stride, dilation, **options)


def layouts(kind, array):
    if kind == "map":
        return array.transpose(0, 3, 1, 2)
    if kind == "depthwise":
        kernel = array.transpose(2, 0, 1).reshape(4, 2, 1, 2, 3)
        return confirmed(kind, kernel, grouped(SIGNALS, kernel))
    kernel = array.transpose(3, 2, 0, 1)
    if kind == "grouped":
        return confirmed(kind, kernel.reshape(2, 3, 2, 2, 3), grouped(SIGNALS, kernel.reshape(2, 3, 2, 2, 3)))
    if kind == "standard":
        return confirmed(kind, kernel, conv(SIGNALS, array))
    return confirmed(kind, kernel, transposed(SIGNALS, array, (2, 2), (1, 1)))


def large_kernel(x, kernel):
    return conv(x, kernel)


def empty_batch(x, kernel):
    return conv(x, kernel)


def integers(x, kernel):
    return conv(x, kernel, kind=x.dtype)


def float16_sums(kind, x):
    if kind == "mean":
        return None
    kernel = np.ones((64, 64, 1, 1), np.float16)
    if kind == "convolution":
        return conv(x, kernel, kind=np.float16)
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return run(lambda at: ops.avg_pool(at, [64, 64], NONE, NONE, [64, 64], True), x)


def conv(x, kernel, stride=(1, 1), dilation=(1, 1), kind=np.float32, auto_pad="explicit"):
    """OpenVINO's convolution of npconv's layouts."""
    x, kernel = (np.ascontiguousarray(a, kind) for a in (x.transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1)))
    return run(lambda at: ops.convolution(at, ops.constant(kernel), stride, NONE, NONE, dilation, auto_pad), x)


def grouped(x, kernel, stride=(1, 1), dilation=(1, 1)):
    x, kernel = single(x.transpose(0, 3, 1, 2)), single(kernel)
    return run(lambda at: ops.group_convolution(at, ops.constant(kernel), stride, NONE, NONE, dilation), x)


def run(node, x):
    """A node's output for its input x, with channels last."""
    at = ops.parameter(x.shape, x.dtype)
    compiled = ov.Core().compile_model(ov.Model([node(at)], [at]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(x)[0].transpose(0, 2, 3, 1)


def single(array):
    return np.ascontiguousarray(array, np.float32)
