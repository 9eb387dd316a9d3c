#!/bin/sh
# What counters take for one batch normalisation, with torch 2.13.0: from its number of channels to five operations a value.
# torchinfo 1.8.0 counts its parameters, whatever the size of the map, so that its share shrinks as the picture grows.
# fvcore 0.1.5.post20221221 counts 2 a value in eval mode and 5 in training mode: the same network gives two numbers, and
# a module that is just made is in training mode. thop 0.1.1 counts 4 a value in both modes. (MobileNetV2 at 0.35 on
# 96x128: fvcore 16.9 M or 19.0 M, of 15.5 M MACs.)
#
# Seen (8 channels on maps of 8x8 and of 16x16, so 512 and 2048 values; what the layer adds to a convolution's count):
#   FlopCounterMode eval 0 0 training 0 0
#   fvcore eval 1024 4096 training 2560 10240
#   thop eval 2048 8192 training 2048 8192
#   torchinfo eval 16 16 training 16 16
#   torchprofile eval 512 2048 training 512 2048
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io

import thop
import torch
import torchinfo
import torchprofile
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

def own(network, x):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    return counter.get_total_flops()

COUNTERS = {
    "FlopCounterMode": own,
    "fvcore": lambda network, x: FlopCountAnalysis(network, x).total(),
    "thop": lambda network, x: thop.profile(network, (x,), verbose=False)[0],
    "torchinfo": lambda network, x: torchinfo.summary(network, input_data=x, verbose=0).total_mult_adds,
    "torchprofile": torchprofile.profile_macs,
}

def added(count, size, training):
    kernel = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    networks = nn.Sequential(kernel), nn.Sequential(kernel, nn.BatchNorm2d(8))
    with contextlib.redirect_stdout(io.StringIO()):
        without, with_it = (int(count(each.train(training), torch.ones(1, 3, size, size))) for each in networks)
    return with_it - without

found = {}
for name, count in COUNTERS.items():
    found[name] = [added(count, size, training) for training in (False, True) for size in (8, 16)]
    print(name, "eval", *found[name][:2], "training", *found[name][2:])
assert found == {
    "FlopCounterMode": [0, 0, 0, 0],
    "fvcore": [2 * 512, 2 * 2048, 5 * 512, 5 * 2048],
    "thop": [4 * 512, 4 * 2048] * 2,
    "torchinfo": [16] * 4,
    "torchprofile": [512, 2048] * 2,
}
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==80.9.0 wheel==0.48.0 numpy==2.4.6 torch==2.13.0 tqdm==4.70.1 tabulate==0.10.0 \
    yacs==0.1.8 termcolor==3.3.0 iopath==0.1.10
"$folder/venv/bin/pip" install -q --no-deps --no-build-isolation fvcore==0.1.5.post20221221 thop==0.1.1.post2209072238 \
    torchinfo==1.8.0 torchprofile==0.1.0
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
