#!/bin/sh
# onnx 1.23.2, onnx.reference.ReferenceEvaluator, which is there to say what the standard means: a ConvTranspose with groups
# and a bias gets the first channels' bias in every group. A depthwise one adds channel 0's bias to all channels, without a
# word. With two or more output channels a group, and where in and out have different counts, it raises. The grouped Conv is
# right, and so are ConvTranspose with one group and, in onnxruntime 1.32.0, all of these models.
#
# Seen (all weights one, a pixel of one, bias 10, 20, 30, 40; the first value of each output channel):
#   groups 1, 4 -> 4 channels: onnxruntime [14, 24, 34, 44]  reference [14, 24, 34, 44]
#   groups 4, 4 -> 4 channels: onnxruntime [11, 21, 31, 41]  reference [11, 11, 11, 11]
#   groups 2, 4 -> 4 channels: onnxruntime [12, 22, 32, 42]  reference ValueError
#   groups 2, 8 -> 4 channels: onnxruntime [14, 24, 34, 44]  reference ValueError
#   groups 4, 4 -> 4 channels, Conv: onnxruntime [11, 21, 31, 41]  reference [11, 21, 31, 41]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

BIAS = np.array([10, 20, 30, 40], np.float32)

def run(groups, channels, operator):
    shape = (channels, 4 // groups, 1, 1) if operator == "ConvTranspose" else (4, channels // groups, 1, 1)
    node = helper.make_node(operator, ["x", "k", "b"], ["y"], kernel_shape=[1, 1], group=groups)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 1, 1]) for n, c in (("x", channels), ("y", 4)))
    arrays = [numpy_helper.from_array(np.ones(shape, np.float32), "k"), numpy_helper.from_array(BIAS, "b")]
    graph = helper.make_graph([node], "g", [x], [y], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model, full_check=True)
    feed = {"x": np.ones((1, channels, 1, 1), np.float32)}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    right = session.run(None, feed)[0].ravel().astype(int).tolist()
    try:
        reference = ReferenceEvaluator(model).run(None, feed)[0].ravel().astype(int).tolist()
    except ValueError:
        reference = "ValueError"
    name = f"groups {groups}, {channels} -> 4 channels" + ", Conv" * (operator == "Conv")
    print(f"{name}: onnxruntime {right}  reference {reference}")
    assert right == (BIAS + channels // groups).astype(int).tolist()
    return reference

assert run(1, 4, "ConvTranspose") == [14, 24, 34, 44]
assert run(4, 4, "ConvTranspose") == [11, 11, 11, 11], "the reference evaluator's bias has changed"
assert run(2, 4, "ConvTranspose") == run(2, 8, "ConvTranspose") == "ValueError"
assert run(4, 4, "Conv") == [11, 21, 31, 41]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" "$folder/show.py"
