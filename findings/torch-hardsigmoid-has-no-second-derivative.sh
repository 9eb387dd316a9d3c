#!/bin/sh
# torch 2.13.0: of nineteen activations tried, hardsigmoid alone can be derived once but not twice. Its gradient runs, but
# the gradient of a gradient raises "derivative for aten::hardsigmoid_backward is not implemented", in a Hessian and with
# create_graph=True in a gradient penalty. hardswish, hardtanh, relu6 and sigmoid all can, and so can relu6(x + 3) / 6, the
# same function. So a gradient penalty works through MobileNetV3's hard-swish and fails at the gate of its
# squeeze-and-excite.
#
# Seen (diagonal of the Hessian of the sum, at -1 and 0.5):
#   hardsigmoid: derivative for aten::hardsigmoid_backward is not implemented
#   relu6(x + 3) / 6: [0.0, 0.0]
#   hardswish: [0.333, 0.333]
#   zero: threshold hardtanh hardshrink softshrink relu6 leaky_relu
#   finite: sigmoid silu mish gelu elu celu selu softplus logsigmoid softsign tanhshrink
#   penalty through hard-swish: works
#   penalty through a squeeze-and-excite: derivative for aten::hardsigmoid_backward is not implemented
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import torch
from torch import nn

functional = torch.nn.functional
SMOOTH = "sigmoid silu mish gelu elu celu selu softplus logsigmoid softsign tanhshrink"
PIECEWISE = "hardtanh hardshrink softshrink relu6 leaky_relu"

def second(function):
    x = torch.tensor([-1.0, 0.5], dtype=torch.float64)
    return torch.autograd.functional.hessian(lambda x: function(x).sum(), x).diagonal().tolist()

def penalty(*layers):
    x = torch.ones(1, 2, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(nn.Sequential(nn.Conv2d(2, 2, 1), *layers)(x).sum(), x, create_graph=True)
    gradient.square().sum().backward()

class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 2, 1), nn.Hardsigmoid())

    def forward(self, x):
        return x * self.gate(x)

def message(function, *arguments):
    try:
        function(*arguments)
    except RuntimeError as error:
        return str(error)
    return "works"

refusal = message(second, functional.hardsigmoid)
print("hardsigmoid:", refusal)
print("relu6(x + 3) / 6:", second(lambda x: functional.relu6(x + 3) / 6))
print("hardswish:", [round(each, 3) for each in second(functional.hardswish)])
assert "hardsigmoid_backward is not implemented" in refusal, "hardsigmoid has a second derivative now"
assert second(lambda x: functional.relu6(x + 3) / 6) == [0, 0]
assert max(abs(each - 1 / 3) for each in second(functional.hardswish)) < 1e-12
for name in PIECEWISE.split():
    assert second(getattr(functional, name)) == [0, 0], name
assert second(lambda x: functional.threshold(x, 0, 0)) == [0, 0]
print("zero: threshold", PIECEWISE)
for name in SMOOTH.split():
    assert all(abs(each) < 1 for each in second(getattr(functional, name))), name
print("finite:", SMOOTH)
penalties = message(penalty, nn.Hardswish()), message(penalty, nn.Hardswish(), Gate())
print("penalty through hard-swish:", penalties[0])
print("penalty through a squeeze-and-excite:", penalties[1])
assert penalties[0] == "works" and "hardsigmoid_backward" in penalties[1]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"
