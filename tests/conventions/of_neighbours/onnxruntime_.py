"""onnxruntime's answers."""

import onnxruntime

from .onnx_ import Answers

LIBRARY, VERSION = "onnxruntime", f"onnxruntime {onnxruntime.__version__}"


def run(made, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


ANSWERS = Answers(run)
