#!/bin/sh
# thop 0.1.1, ptflops 0.7.5 and torchinfo 1.8.0, with timm 1.0.31 and torch 2.13.0: a counter that goes by the class of a
# module counts nothing for a subclass of it. timm's batch normalisation with its activation is a subclass of
# BatchNorm2d, so the same convolution and normalisation count less from timm than from torch: all three leave out
# the normalisation. fvcore 0.1.5.post20221221, which goes by operators, gives one number for both.
#
# Seen (a 3x3 convolution of 3 to 8 channels, normalisation, ReLU6, on 16x16; equal outputs):
#   exact MACs 55296
#   fvcore: torch 59392 timm 59392
#   thop: torch 63488 timm 55296
#   ptflops: torch 61440 timm 57344
#   torchinfo: torch 55312 timm 55296
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io
import sys
from unittest import mock

for name in ("", ".transforms", ".transforms.functional", ".ops", ".ops.misc", ".datasets"):  # timm imports it, and does not need it here
    sys.modules["torchvision" + name] = mock.MagicMock()
from timm.layers import BatchNormAct2d

for name in [name for name in sys.modules if name.startswith("torchvision")]:
    sys.modules[name] = None
import thop
import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from ptflops import get_model_complexity_info
from torch import nn

def network(*after):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), *after).eval()

x = torch.randn(1, 3, 16, 16)
counts = {
    "fvcore": lambda net: FlopCountAnalysis(net, x).unsupported_ops_warnings(False).total(),
    "thop": lambda net: int(thop.profile(net, (x,), verbose=False)[0]),
    "ptflops": lambda net: get_model_complexity_info(net, (3, 16, 16), as_strings=False, print_per_layer_stat=False)[0],
    "torchinfo": lambda net: torchinfo.summary(net, input_data=x, verbose=0).total_mult_adds,
}
plain = lambda: network(nn.BatchNorm2d(8), nn.ReLU6())
timms = lambda: network(BatchNormAct2d(8, act_layer=nn.ReLU6))
assert torch.equal(plain()(x), timms()(x))
print("exact MACs", 16 * 16 * 9 * 3 * 8)
found = {}
for name, count in counts.items():
    with contextlib.redirect_stdout(io.StringIO()):
        found[name] = count(plain()), count(timms())
    print(f"{name}: torch {found[name][0]} timm {found[name][1]}")
assert found["fvcore"][0] == found["fvcore"][1]
assert all(found[name][0] > found[name][1] for name in ("thop", "ptflops", "torchinfo"))
assert found["thop"][1] == found["torchinfo"][1] == 55296, "timm's normalisation is counted now"
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==80.9.0 wheel==0.48.0 numpy==2.4.6 torch==2.13.0 tqdm==4.70.1 tabulate==0.10.0 \
    yacs==0.1.8 termcolor==3.3.0 iopath==0.1.10 pyyaml==6.0.4 safetensors==0.8.0 huggingface_hub==2.4.0 pillow==13.0.0
"$folder/venv/bin/pip" install -q --no-deps --no-build-isolation fvcore==0.1.5.post20221221 ptflops==0.7.5 \
    thop==0.1.1.post2209072238 torchinfo==1.8.0 timm==1.0.31
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
