#!/bin/sh
# ONNX's Resize, onnx 1.23.2 and onnxruntime 1.32.0, openvino 2026.4.1, torch 2.13.0: the coordinate mode
# "pytorch_half_pixel" is not what torch does where one pixel comes out. It reads pixel 0, by its definition ("0 if one pixel
# comes out"); torch's interpolate reads the middle, as the mode "half_pixel" does. The two modes agree on every other width.
# With mode "cubic" onnx's reference and onnxruntime differ too: there the reference mixes other pixels in.
#
# Seen (a row of 1, 10, 100, 1000):
#   linear to 1: torch [55.0]  half_pixel [55.0]  pytorch_half_pixel [1.0]  reference [1.0]  openvino [1.0]
#   linear to 2: [5.5, 550.0] from all five
#   cubic to 1: torch [-28.531]  half_pixel [-28.531]  pytorch_half_pixel [1.0]  reference [0.156]  openvino [1.0]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import numpy as np
import onnxruntime
import openvino
import torch
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = np.array([1, 10, 100, 1000], np.float32).reshape(1, 1, 1, 4)

def model(mode, coordinates, width):
    resize = {"mode": mode, "coordinate_transformation_mode": coordinates}
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **resize)
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 1, w]) for n, w in (("x", 4), ("y", width))]
    sizes = numpy_helper.from_array(np.array([1, 1, 1, width]), "sizes")
    made = helper.make_model(
        helper.make_graph([node], "g", ends[:1], ends[1:], [sizes]),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    checker.check_model(made, full_check=True)
    return made

def runtime(made):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]

def vino(made):
    core = openvino.Core()
    return core.compile_model(core.read_model(made.SerializeToString()), "CPU")({"x": x})[0]

def row(y):
    return [round(float(each), 3) for each in np.asarray(y).ravel()]

found = {}
for mode, width in (("linear", 1), ("linear", 2), ("cubic", 1)):
    made = model(mode, "pytorch_half_pixel", width)
    found[mode, width] = rows = {
        "torch": row(torch.nn.functional.interpolate(torch.from_numpy(x), (1, width), mode="bi" + mode)),
        "half_pixel": row(runtime(model(mode, "half_pixel", width))),
        "pytorch_half_pixel": row(runtime(made)),
        "reference": row(ReferenceEvaluator(made).run(None, {"x": x})[0]),
        "openvino": row(vino(made)),
    }
    differ = len({str(each) for each in rows.values()}) > 1
    several = "  ".join(f"{name} {each}" for name, each in rows.items())
    print(f"{mode} to {width}:", several if differ else f"{rows['torch']} from all five")
assert list(found["linear", 1].values()) == [[55], [55], [1], [1], [1]]
assert all(rows == [5.5, 550] for rows in found["linear", 2].values())
assert list(found["cubic", 1].values()) == [[-28.531], [-28.531], [1], [0.156], [1]]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 torch==2.13.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"
