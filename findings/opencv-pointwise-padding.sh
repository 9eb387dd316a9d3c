#!/bin/sh
# OpenCV's dnn, opencv-python-headless 5.0.0.93 (x86-64 with AVX2): the padding around a 1x1 convolution of two or more
# channels is left out. The result has the padded shape, but the values of the unpadded one stand at the start of its
# memory, one after the other, so that rows are broken at other places. With one channel it is right. In 4.14.0.94 padding
# on all sides or before is right, and padding behind alone is wrong in the same way, with one channel too.
#
# Seen (every channel 1 to 12 in rows of four, kernels all one; pads are top, left, bottom, right):
#   4.14.0 1 channel wrong with pads: [[0, 0, 1, 1], [0, 0, 0, 1]]
#   4.14.0 2 channels wrong with pads: [[0, 0, 1, 1], [0, 0, 0, 1]]
#     [0, 0, 1, 1] first row: [2.0, 4.0, 6.0, 8.0, 10.0] for [2.0, 4.0, 6.0, 8.0, 0.0]
#   5.0.0 1 channel wrong with pads: []
#   5.0.0 2 channels wrong with pads: [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]]
#     [1, 1, 1, 1] first row: [2.0, 4.0, 6.0, 8.0, 10.0, 12.0] for [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import sys

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

BEHIND = [[0, 0, 1, 1], [0, 0, 0, 1]]
PADS = [[1, 1, 1, 1], *BEHIND, [1, 1, 0, 0]]

def direct(x, pads):
    return np.pad(x.sum(axis=0), ((pads[0], pads[2]), (pads[1], pads[3])))

def opencv(x, pads):
    node = helper.make_node("Conv", ["x", "k"], ["y"], kernel_shape=[1, 1], pads=pads)
    shapes = {"x": [1, *x.shape], "y": [1, 1, *direct(x, pads).shape]}
    inputs, outputs = ([helper.make_tensor_value_info(n, TensorProto.FLOAT, shapes[n])] for n in "xy")
    kernel = numpy_helper.from_array(np.ones((1, len(x), 1, 1), np.float32), "k")
    graph = helper.make_graph([node], "g", inputs, outputs, [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x[None])
    return net.forward()[0, 0]

for channels in (1, 2):
    x = np.repeat(np.arange(1, 13, dtype=np.float32).reshape(1, 3, 4), channels, axis=0)
    wrong = [pads for pads in PADS if not np.array_equal(opencv(x, pads), direct(x, pads))]
    print(cv2.__version__, channels, "channel" + "s" * (channels > 1), "wrong with pads:", wrong)
    for pads in wrong:
        assert np.array_equal(opencv(x, pads).ravel()[:12], x.sum(axis=0).ravel())
    assert wrong == (BEHIND if sys.argv[1] == "4" else [] if channels == 1 else PADS)
print("  ", wrong[0], "first row:", opencv(x, wrong[0])[0].tolist(), "for", direct(x, wrong[0])[0].tolist())
PY
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv "$folder/v$version"
    "$folder/v$version/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 opencv-python-headless==$version
    "$folder/v$version/bin/python" "$folder/show.py" "${version%%.*}"
done
