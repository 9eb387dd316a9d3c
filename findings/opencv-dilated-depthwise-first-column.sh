#!/bin/sh
# OpenCV's dnn, opencv-python-headless 4.14.0.94 (x86-64 with AVX2): a depthwise 3x3 convolution of dilation 2 and padding
# 1 is wrong in the whole first column of its result, on a map of any ordinary size. There the middle and the right tap
# read columns 0 and 2, one pixel too far left, for 1 and 3: as if the padding were as wide as the dilation. With padding 2
# it is right, with padding 1 and dilation 1 too, and the same numbers as an ungrouped convolution (zeros off the diagonal)
# are right. OpenCV 5.0.0.93 is right in these cases.
#
# Seen (3 channels of 7x8, every pixel its column number, kernels all one; the second row of the result):
#   4.14.0 depthwise: [6.0, 18.0, 27.0, 36.0, 45.0, 30.0] for [12.0, 18.0, 27.0, 36.0, 45.0, 30.0] wrong columns: [0] ungrouped: []
#   5.0.0 depthwise: [12.0, 18.0, 27.0, 36.0, 45.0, 30.0] for [12.0, 18.0, 27.0, 36.0, 45.0, 30.0] wrong columns: [] ungrouped: []
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import sys

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

def direct(x, kernel, padding, dilation):
    """Depthwise, by its definition: x (channels, height, width), kernel (channels, 3, 3)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    height, width = (side - 2 * dilation for side in x.shape[1:])
    return sum(
        kernel[:, i, j, None, None] * x[:, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
        for i in range(3)
        for j in range(3)
    )

def opencv(x, kernel, padding, dilation, depthwise=True):
    channels = len(x)
    weight = kernel[:, None] if depthwise else kernel[:, None] * np.eye(channels)[:, :, None, None]
    geometry = {"kernel_shape": [3, 3], "pads": [padding] * 4, "dilations": [dilation] * 2}
    node = helper.make_node("Conv", ["x", "k"], ["y"], group=channels if depthwise else 1, **geometry)
    shapes = {"x": [1, *x.shape], "y": [1, *direct(x, kernel, padding, dilation).shape]}
    inputs, outputs = ([helper.make_tensor_value_info(n, TensorProto.FLOAT, shapes[n])] for n in "xy")
    graph = helper.make_graph([node], "g", inputs, outputs, [numpy_helper.from_array(weight.astype(np.float32), "k")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x[None].astype(np.float32))
    return net.forward()[0]

def wrong_columns(x, kernel, padding, dilation, depthwise=True):
    different = opencv(x, kernel, padding, dilation, depthwise) != direct(x, kernel, padding, dilation)
    return np.flatnonzero(different.any((0, 1))).tolist()

x = np.broadcast_to(np.arange(8), (3, 7, 8)).astype(np.float32)
ones = np.ones((3, 3, 3), np.float32)
rows = opencv(x, ones, 1, 2)[0, 1].tolist(), direct(x, ones, 1, 2)[0, 1].tolist()
depthwise, ungrouped = wrong_columns(x, ones, 1, 2), wrong_columns(x, ones, 1, 2, depthwise=False)
others = wrong_columns(x, ones, 2, 2), wrong_columns(x, ones, 1, 1)
print(cv2.__version__, "depthwise:", rows[0], "for", rows[1], "wrong columns:", depthwise, "ungrouped:", ungrouped)
assert ungrouped == [] and others == ([], [])
assert depthwise == ([0] if sys.argv[1] == "4" else [])
PY
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv "$folder/v$version"
    "$folder/v$version/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 opencv-python-headless==$version
    "$folder/v$version/bin/python" "$folder/show.py" "${version%%.*}"
done
