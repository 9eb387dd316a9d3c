"""The answers of ONNX's reference evaluator, and those that onnx models get elsewhere (`run`)."""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "onnx", f"onnx {onnx.__version__} reference"


class Answers:
    """Answers of a runtime, a function from a model and its input x to its output."""

    def __init__(self, run):
        self.run = run

    def compute(self, operator, x, *weights, **attributes):
        """One node's output, of x in channels first."""
        x = first(x)
        names = [f"w{i}" for i in range(len(weights))]
        kind = helper.np_dtype_to_tensor_dtype(x.dtype)
        node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
        arrays = [numpy_helper.from_array(w, name) for w, name in zip(weights, names, strict=True)]
        out = onnx.TensorProto.INT32 if operator == "ConvInteger" else kind
        ends = [helper.make_tensor_value_info("x", kind, x.shape)], [helper.make_tensor_value_info("y", out, None)]
        graph = helper.make_graph([node], "graph", *ends, arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        return self.run(model, x)

    def conv(self, x, kernel, **attributes):
        return last(self.compute("Conv", *single(x, kernel.transpose(3, 2, 0, 1)), **attributes))

    def transpose(self, x, kernel, stride, dilation, **attributes):
        arrays = single(x, kernel.transpose(3, 2, 0, 1))
        return last(self.compute("ConvTranspose", *arrays, strides=stride, dilations=dilation, **attributes))

    def same(self, x, kernel, stride, dilation):
        return self.conv(x, kernel, strides=stride, dilations=dilation, auto_pad="SAME_UPPER")

    def same__same_lower(self, x, kernel, stride, dilation):
        return self.conv(x, kernel, strides=stride, dilations=dilation, auto_pad="SAME_LOWER")

    def stride_and_dilation(self, x, kernel, stride, dilation):
        return self.conv(x, kernel, strides=stride, dilations=dilation)

    def depthwise(self, x, kernel, stride, dilation):
        return self.conv(x, kernel, strides=stride, dilations=dilation, group=1)

    def transposed(self, x, kernel, stride, dilation):
        return self.transpose(x, kernel, stride, dilation)

    def transposed_same(self, x, kernel, stride, dilation):
        return self.transpose(x, kernel, stride, dilation, auto_pad="SAME_UPPER")

    def transposed_same__same_lower(self, x, kernel, stride, dilation):
        return self.transpose(x, kernel, stride, dilation, auto_pad="SAME_LOWER")

    def output_padding(self, x, kernel, stride, dilation, padding):
        return self.transpose(x, kernel, stride, dilation, pads=[*padding, *padding], output_padding=(0, 1))

    def layouts(self, kind, array):
        if kind == "map":
            return first(array)
        axes = array.transpose(2, 0, 1)[:, None] if kind == "depthwise" else array.transpose(3, 2, 0, 1)
        x, kernel = single(SIGNALS, axes)
        if kind == "transposed":
            return confirmed(kind, kernel, last(self.compute("ConvTranspose", x, kernel, strides=(2, 2))))
        groups = {"standard": 1, "grouped": 2, "depthwise": 4}[kind]
        return confirmed(kind, kernel, last(self.compute("Conv", x, kernel, group=groups)))

    def four_paddings(self, x, kernel, margins):
        return margins(self.conv(x, kernel, pads=[1, 2, 3, 4]))

    def negative_padding(self, x, kernel):
        return self.conv(x, kernel, pads=[0, -1, 0, -1])

    def large_kernel(self, x, kernel):
        return self.conv(x, kernel)

    def empty_batch(self, x, kernel):
        return self.conv(x, kernel)

    def integers__convinteger(self, x, kernel):
        return None if x.itemsize > 1 else self.compute("ConvInteger", x, kernel.transpose(3, 2, 0, 1))

    def float16_sums(self, kind, x):
        if kind == "convolution":
            return self.compute("Conv", x, np.ones((1, 1, 64, 64), np.float16))
        if kind == "pool":
            return self.compute("AveragePool", x, kernel_shape=(64, 64))
        return self.compute("ReduceMean", x, np.array([2, 3]))


def single(*arrays):
    return [np.ascontiguousarray(array, np.float32) for array in arrays]


def first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def last(y):
    return y.transpose(0, 2, 3, 1)


def reference(model, x):
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


ANSWERS = Answers(reference)
