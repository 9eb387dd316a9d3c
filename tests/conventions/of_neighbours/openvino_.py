"""OpenVINO's answers, on the CPU in float32, to ONNX's models."""

import io

import openvino

from .onnx_ import Answers

LIBRARY, VERSION = "openvino", f"openvino {openvino.__version__.split('-')[0]}"


def run(made, inputs):
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(made.SerializeToString())), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return list(compiled(inputs).values())


ANSWERS = Answers(run)
