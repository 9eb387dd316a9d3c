#!/bin/sh
# onnxruntime 1.32.0 on a CPU, and onnx 1.23.2's reference: ReduceMax and ReduceMin of a row with a NaN in it are NaN only
# if the NaN stands first. Anywhere else it is passed over, so that the same numbers in another order give another result;
# the reference evaluator gives NaN for all, as NumPy does. A network that ends in a maximum hides a
# NaN, or does not, by the place of the pixel.
#
# Seen:
#   ReduceMax [nan, 1, 0]: onnxruntime nan  reference nan
#   ReduceMax [1, nan, 0]: onnxruntime 1.0  reference nan
#   ReduceMax [0, 1, nan]: onnxruntime 1.0  reference nan
#   ReduceMin [nan, 1, 0]: onnxruntime nan  reference nan
#   ReduceMin [1, nan, 0]: onnxruntime 0.0  reference nan
#   ReduceMin [0, 1, nan]: onnxruntime 0.0  reference nan
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import math

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

def run(operator, row):
    x = np.array([row], np.float32)
    node = helper.make_node(operator, ["x"], ["y"], keepdims=0, axes=[1])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, len(row)]), ("y", [1]))]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]
    return [float(y[0]) for y in results]

for operator, passed_over in (("ReduceMax", 1), ("ReduceMin", 0)):
    for row in ([math.nan, 1, 0], [1, math.nan, 0], [0, 1, math.nan]):
        runtime, reference = run(operator, row)
        print(f"{operator} {row}: onnxruntime {runtime}  reference {reference}")
        assert math.isnan(reference)
        assert math.isnan(runtime) if math.isnan(row[0]) else runtime == passed_over
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"
