"""The answers of ONNX's reference evaluator, and of whatever else runs its models."""

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

LIBRARY, VERSION = "onnx", f"onnx {onnx.__version__} reference"
OPERATORS = {"relu": "Relu", "relu6": "Clip", "hard_swish": "HardSwish", "max_pool": "MaxPool"}


def model(operator, inputs, constants, outputs, types, **attributes):
    """A model of one operator, whose first inputs are given when it runs, the others with it; None leaves one out."""
    names = [*inputs, *("" if value is None else f"c{number}" for number, value in enumerate(constants))]
    node = helper.make_node(operator, names, outputs, **attributes)
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in inputs.items()
    ]
    results = [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(outputs, types, strict=True)]
    stored = [
        onnx.numpy_helper.from_array(np.asarray(value), f"c{number}")
        for number, value in enumerate(constants)
        if value is not None
    ]
    graph = helper.make_graph([node], "one", given, results, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def evaluated(made, inputs):
    return ReferenceEvaluator(made).run(None, inputs)


class Answers:
    """The answers of what runs a model: run(model, inputs) gives its outputs."""

    def __init__(self, run):
        self._run = run

    def _of(self, operator, x, *constants, outputs=("y",), kind=onnx.TensorProto.FLOAT, **attributes):
        inputs = {"x": np.asarray(x)}
        made = model(operator, inputs, constants, outputs, [kind] * len(outputs), **attributes)
        return np.concatenate([np.ravel(each) for each in self._run(made, inputs)])

    def not_numbers(self, function, x):
        constants = (np.float32(0), np.float32(6)) if function == "relu6" else ()
        shape, options = ((1, 1, -1), {"kernel_shape": [2], "strides": [2]}) if function == "max_pool" else ((-1,), {})
        y = self._of(OPERATORS[function], x.reshape(shape), *constants, **options)
        return y[:1] if len(y) == 16 else y

    def negative_zero(self, function, x):
        return self.not_numbers(function, x)

    def average_pool(self, x, ceil, **options):
        window = {"kernel_shape": [3], "strides": [2], "pads": [1, 1], "ceil_mode": int(ceil)}
        return self._of("AveragePool", x[0, :, :, 0][None], **window, **options)

    def average_pool__count_include_pad(self, **given):
        return self.average_pool(**given, count_include_pad=1)

    def batch_normalisation(self, x, frozen, epsilon):
        if frozen:
            return None
        zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
        options = {} if epsilon is None else {"epsilon": epsilon}
        outputs = ("y", "mean", "variance")
        return self._of("BatchNormalization", x, one, zero, zero, one, outputs=outputs, training_mode=1, **options)

    def close_numbers(self, **given):
        return self.batch_normalisation(**given)[:2]

    def cross_entropy(self, kind, logits, targets, weights):
        if kind in ("smoothed by 0.1", "weights, one-hot rows"):
            return None
        if kind == "all ignored":
            return self._of("SoftmaxCrossEntropyLoss", logits, np.full_like(targets, -1), ignore_index=-1)
        return self._of("SoftmaxCrossEntropyLoss", logits, targets, weights)

    def bilinear(self, x, size, option):
        options = {
            None: {}, "corners": {"coordinate_transformation_mode": "align_corners"}, "antialias": {"antialias": 1},
        }[option]  # fmt: skip
        return self._resize(x, size, "linear", **options)

    def nearest(self, x, size, option):
        return self._resize(x, size, "nearest")

    def _resize(self, x, size, mode, **options):
        return self._of("Resize", x[..., 0][None], None, None, np.array([1, 1, 1, size]), mode=mode, **options)

    def suppression(self, boxes, scores, least):
        thresholds = [np.array([a], np.float32) for a in ([0.5] if least is None else [0.5, least])]
        inputs = (scores[None, None], np.array([10]), *thresholds)
        chosen = self._of("NonMaxSuppression", boxes[None], *inputs, kind=onnx.TensorProto.INT64)
        return chosen.reshape(-1, 3)[:, 2]


class ReferenceAnswers(Answers):
    def normalisation_defaults(self, which):
        attributes = onnx.defs.get_schema("BatchNormalization").attributes
        return attributes[which].default_value.f


ANSWERS = ReferenceAnswers(evaluated)
