"""onnxruntime's answers."""

import onnxruntime

from of_convolution.onnx_ import Answers

LIBRARY, VERSION = "onnxruntime", f"onnxruntime {onnxruntime.__version__}"


def run(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


ANSWERS = Answers(run)
