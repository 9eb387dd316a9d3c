#!/bin/sh
# Counters of operations, with torch 2.13.0: most change the network that they count. ptflops 0.7.5, calflops 0.3.2 and
# deepspeed 0.19.8 leave a network that was being trained in eval mode: called in a training script, they turn off dropout
# and freeze batch normalisation from there on. thop 0.1.1 leaves buffers in it that state_dict() contains: what is saved
# afterwards is refused by the network that it came from. fvcore 0.1.5.post20221221, torchprofile 0.1.0 and torch's own
# FlopCounterMode run it in training mode, and the image moves the running means and variances. Only torchinfo 1.8.0
# leaves it as it was.
#
# Seen (a network in training mode, before and after):
#   tool            training  new arrays  statistics moved
#   FlopCounterMode True      0           True
#   fvcore          True      0           True
#   ptflops         False     0           False
#   thop            True      2           False
#   torchinfo       True      0           False
#   torchprofile    True      0           True
#   calflops        False     0           False
#   deepspeed       False     0           False
#   loading what thop leaves: Unexpected key(s) in state_dict: "3.1.total_ops", "3.1.total_params".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")

def network():
    torch.manual_seed(0)
    head = nn.Sequential(nn.Dropout(0.2), nn.Flatten(), nn.Linear(4 * 64, 5))
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(), head)

def own(module, x):
    from torch.utils.flop_counter import FlopCounterMode
    with torch.no_grad(), FlopCounterMode(display=False):
        module(x)

def fvcore(module, x):
    from fvcore.nn import FlopCountAnalysis
    FlopCountAnalysis(module, x).total()

def ptflops(module, x):
    from ptflops import get_model_complexity_info
    get_model_complexity_info(module, (3, 8, 8))

def thop(module, x):
    from thop import profile
    profile(module, (x,))

def torchinfo(module, x):
    from torchinfo import summary
    summary(module, input_data=x)

def torchprofile(module, x):
    from torchprofile import profile_macs
    profile_macs(module, x)

def calflops(module, x):
    from calflops import calculate_flops
    calculate_flops(module, tuple(x.shape))

def deepspeed(module, x):
    from deepspeed.profiling.flops_profiler import get_model_profile
    get_model_profile(module, tuple(x.shape))

names = "FlopCounterMode fvcore ptflops thop torchinfo torchprofile calflops deepspeed".split()
found = {}
print("tool            training  new arrays  statistics moved")
for name, count in zip(names, (own, fvcore, ptflops, thop, torchinfo, torchprofile, calflops, deepspeed)):
    module, fresh = network().train(), network()
    with contextlib.redirect_stdout(io.StringIO()):
        count(module, torch.ones(2, 3, 8, 8))
    new = len(set(module.state_dict()) - set(fresh.state_dict()))
    moved = not torch.equal(module[1].running_var, fresh[1].running_var)
    found[name] = module.training, new, moved
    print(f"{name:<15} {module.training!s:<9} {new:<11} {moved}")
    if name == "thop":
        try:
            fresh.load_state_dict(module.state_dict())
            message = ""
        except RuntimeError as error:
            message = str(error).splitlines()[1].strip()
print("loading what thop leaves:", message)
assert [name for name in names if not found[name][0]] == ["ptflops", "calflops", "deepspeed"]
assert [name for name in names if found[name][1]] == ["thop"] and "Unexpected key" in message
assert [name for name in names if found[name][2]] == ["FlopCounterMode", "fvcore", "torchprofile"]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==80.9.0 wheel==0.48.0 numpy==2.4.6 torch==2.13.0 tqdm==4.70.1 tabulate==0.10.0 \
    yacs==0.1.8 termcolor==3.3.0 iopath==0.1.10 transformers==5.23.0 \
    psutil==7.2.2 hjson==3.1.0 msgpack==1.2.4 einops==0.8.2 ninja==1.13.2 pydantic==2.14.4 py-cpuinfo==9.0.0
"$folder/venv/bin/pip" install -q --no-deps --no-build-isolation fvcore==0.1.5.post20221221 ptflops==0.7.5 \
    thop==0.1.1.post2209072238 torchinfo==1.8.0 torchprofile==0.1.0 calflops==0.3.2 accelerate==1.15.0 \
    deepspeed==0.19.8
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
