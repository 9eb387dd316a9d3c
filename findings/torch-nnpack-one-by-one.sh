#!/bin/sh
# torch 2.13.0 on a CPU, with oneDNN off (torch.backends.mkldnn.flags(enabled=False)): from a batch of 16 on, every
# float32 convolution of stride 1 goes to NNPACK, even a 1x1 or a depthwise one, on a map of any size: whole numbers come
# out not whole, and one huge pixel changes outputs at other places, though a 1x1 convolution looks at one pixel only.
# A batch of 15 of the same pictures is exact; so is a batch of 16 with torch.backends.nnpack.flags(enabled=False), with
# stride 2, with a dilation of 2, with a 17x17 kernel, and by default (oneDNN on). The gradients are exact.
#
# Seen (pictures and kernels of whole numbers -4 to 4; largest error):
#   1x1 batch 15: 0  batch 16: 1.5e-05  batch 16 without NNPACK: 0  by default: 0
#   depthwise 3x3 batch 15: 0  batch 16: 1.5e-05  batch 16 without NNPACK: 0  by default: 0
#   a pixel of 1e20 changes other pixels' results under a 1x1 kernel: batch 15: False  batch 16: True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
cat > "$folder/show.py" <<'PY'
import numpy as np
import torch

def conv(x, kernel, groups, onednn=False, nnpack=True):
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=onednn), torch.backends.nnpack.flags(enabled=nnpack):
        padding = kernel.shape[-1] // 2
        return torch.nn.functional.conv2d(x, kernel, padding=padding, groups=groups)

rng = np.random.default_rng(0)
x = torch.from_numpy(rng.integers(-4, 5, (16, 9, 24, 25)).astype(np.float32))
cases = {
    "1x1": (torch.from_numpy(rng.integers(-4, 5, (10, 9, 1, 1)).astype(np.float32)), 1),
    "depthwise 3x3": (torch.from_numpy(rng.integers(-4, 5, (9, 1, 3, 3)).astype(np.float32)), 9),
}
for name, (kernel, groups) in cases.items():
    exact = conv(x.double(), kernel.double(), groups)  # float64 never goes to NNPACK, and is exact on these
    def off(y):
        return float((y.double() - exact[: len(y)]).abs().max())
    errors = [
        off(conv(x[:15], kernel, groups)),
        off(conv(x, kernel, groups)),
        off(conv(x, kernel, groups, nnpack=False)),
        off(conv(x, kernel, groups, onednn=True)),
    ]
    print("{} batch 15: {:.2g}  batch 16: {:.2g}  batch 16 without NNPACK: {:.2g}  by default: {:.2g}".format(name, *errors))
    assert errors[0] == errors[2] == errors[3] == 0 < errors[1] < 1e-3

kernel = cases["1x1"][0].clone()
kernel[kernel == 0] = 1
huge = x.clone()
huge[0, 0, 12, 12] = 1e20
def spreads(batch):
    changed = conv(x[:batch], kernel, 1) != conv(huge[:batch], kernel, 1)
    changed[0, :, 12, 12] = False
    return bool(changed.any())
print("a pixel of 1e20 changes other pixels' results under a 1x1 kernel: batch 15:", spreads(15), " batch 16:", spreads(16))
assert not spreads(15) and spreads(16)
PY
"$folder/venv/bin/python" -W ignore "$folder/show.py"
