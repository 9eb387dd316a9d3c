#!/bin/sh
# torch 2.13.0's exporter to ONNX (dynamo=False) and onnx-opcounter 0.0.4: the count of a network depends on its numbers.
# The exporter stores equal arrays once and puts an Identity in place of the others; a network that is not trained yet has
# equal biases, all 0, once batch normalisation is folded. onnx-opcounter counts each value that an Identity copies. So
# the same network counts more before training than after, by its channels and not by its pixels.
#
# Seen (3x3 convolutions of 8 channels with normalisation and ReLU6, on 16x16):
#   exact MACs 125280
#   as made: Identity Conv Clip Conv Clip count 128008
#   with biases that differ: Conv Clip Conv Clip count 128000
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io

import onnx
import onnx_opcounter
import torch
from torch import nn

def part(m):
    return [nn.Conv2d(m, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU6()]

def count(network):
    file = io.BytesIO()
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(network, (torch.zeros(1, 3, 16, 16),), file, dynamo=False)
        model = onnx.load_from_string(file.getvalue())
        number = int(onnx_opcounter.calculate_macs(model))
    return [node.op_type for node in model.graph.node if node.op_type != "Constant"], number

network = nn.Sequential(*part(3), *part(8)).eval()
made = count(network)
with torch.no_grad():
    network[1].bias.fill_(1)
trained = count(network)
exact = 14 * 14 * 9 * 3 * 8 + 12 * 12 * 9 * 8 * 8
print("exact MACs", exact)
print("as made:", *made[0], "count", made[1])
print("with biases that differ:", *trained[0], "count", trained[1])
assert made[0].count("Identity") == 1 and "Identity" not in trained[0] and made[1] - trained[1] == 8
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 onnx==1.23.2 onnxruntime==1.32.0 onnx-opcounter==0.0.4
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
