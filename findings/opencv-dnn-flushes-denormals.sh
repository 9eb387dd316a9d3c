#!/bin/sh
# OpenCV's dnn (opencv-python-headless 4.14.0.94 and 5.0.0.93, x86-64) takes denormal floats for zero, on the way in and
# on the way out: a 1x1 convolution of 1e-40 by 1e10 is 0 where float32 gives 1e-30, a perfectly normal number, and
# 1e-20 by 1e-20 is 0 where float32 gives 1e-40. The rest of OpenCV does not: cv2.multiply and cv2.filter2D of the same
# numbers give 1e-30. onnxruntime 1.32.0 runs the same ONNX model and gives 1e-30 and 1e-40. The mode ends with
# net.forward(): NumPy still keeps denormals afterwards.
# (It is meant so: opencv pull request 21521, "apply hint to ignore denormals processing". No switch turns it off.)
#
# Seen, for both versions of OpenCV:
#   dnn: 0.0 0.0  multiply: 1e-30  filter2D: 1e-30  NumPy afterwards: 5e-41
#   onnxruntime: 1e-30 1e-40
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/model.py" <<'PY'
import numpy as np
from onnx import TensorProto, helper, numpy_helper

def model(weight):
    node = helper.make_node("Conv", ["x", "k"], ["y"], kernel_shape=[1, 1])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 1, 1]) for name in "xy")
    kernel = numpy_helper.from_array(np.full((1, 1, 1, 1), weight, np.float32), "k")
    graph = helper.make_graph([node], "g", [x], [y], [kernel])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()

def pixel(value):
    return np.full((1, 1, 1, 1), value, np.float32)
PY
cat > "$folder/opencv.py" <<'PY'
import cv2
import numpy as np
from model import model, pixel

def dnn(value, weight):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model(weight), np.uint8))
    net.setInput(pixel(value))
    return float(net.forward().ravel()[0])

small = np.full((2, 2), 1e-40, np.float32)
results = [dnn(1e-40, 1e10), dnn(1e-20, 1e-20)]
multiplied = float(cv2.multiply(small, 1e10)[0, 0])
filtered = float(cv2.filter2D(small, -1, np.full((1, 1), 1e10, np.float32))[0, 0])
after = float((small * np.float32(0.5))[0, 0])
print(cv2.__version__, "dnn:", *results, f"multiply: {multiplied:.4g} filter2D: {filtered:.4g} NumPy afterwards: {after:.4g}")
assert results == [0, 0], "OpenCV's dnn no longer flushes denormals"
assert multiplied > 0 and filtered > 0 and after > 0
PY
cat > "$folder/ort.py" <<'PY'
import onnxruntime
from model import model, pixel

def run(value, weight):
    session = onnxruntime.InferenceSession(model(weight), providers=["CPUExecutionProvider"])
    return float(session.run(None, {"x": pixel(value)})[0].ravel()[0])

results = [run(1e-40, 1e10), run(1e-20, 1e-20)]
print("onnxruntime:", *(f"{r:.4g}" for r in results))
assert all(r > 0 for r in results), "onnxruntime flushes denormals now"
PY
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv "$folder/v$version"
    "$folder/v$version/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 opencv-python-headless==$version
    "$folder/v$version/bin/python" "$folder/opencv.py"
done
"$folder/v5.0.0.93/bin/python" "$folder/ort.py"
