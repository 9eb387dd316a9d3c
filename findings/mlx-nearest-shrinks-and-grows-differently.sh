#!/bin/sh
# MLX 0.32.4 on a CPU: nn.Upsample with its mode "nearest" takes number floor(i n/o) where it shrinks, as torch's "nearest"
# does, and the number in which the middle of the new one lies where it grows, as torch's "nearest-exact" does. A network
# that was trained with torch's nearest and grows its maps by a factor that is not whole gets other numbers; at whole
# factors all agree.
#
# Seen (the numbers 0, 1, 2, …, resized):
#   5 to 3:  mlx [0, 1, 3]  torch [0, 1, 3]  torch, exact [0, 2, 4]
#   3 to 5:  mlx [0, 0, 1, 2, 2]  torch [0, 0, 1, 1, 2]  torch, exact [0, 0, 1, 2, 2]
#   3 to 6:  mlx [0, 0, 1, 1, 2, 2]  torch [0, 0, 1, 1, 2, 2]  torch, exact [0, 0, 1, 1, 2, 2]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import mlx.core as mx
import torch
from mlx import nn

mx.set_default_device(mx.cpu)
found = {}
for before, after in ((5, 3), (3, 5), (3, 6)):
    x = mx.arange(before, dtype=mx.float32).reshape(1, before, 1)
    rows = {"mlx": nn.Upsample(after / before, mode="nearest")(x).flatten().tolist()}
    for name, mode in (("torch", "nearest"), ("torch, exact", "nearest-exact")):
        given = torch.arange(float(before))[None, None]
        rows[name] = torch.nn.functional.interpolate(given, after, mode=mode).flatten().tolist()
    found[before, after] = rows = {name: [int(each) for each in row] for name, row in rows.items()}
    print(f"{before} to {after}:", *(f" {name} {row}" for name, row in rows.items()))
assert found[5, 3]["mlx"] == found[5, 3]["torch"] != found[5, 3]["torch, exact"]
assert found[3, 5]["mlx"] == found[3, 5]["torch, exact"] != found[3, 5]["torch"]
assert found[3, 6]["mlx"] == found[3, 6]["torch, exact"] == found[3, 6]["torch"]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 "mlx[cpu]==0.32.4"
"$folder/venv/bin/python" -W ignore "$folder/show.py"
