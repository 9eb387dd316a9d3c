#!/bin/sh
# torch 2.13.0 on a CPU: the gradient of hardsigmoid in float64 is 1/6 as float32 has it, 4.97e-9 too large, or 3e-8 of
# it: whoever compares a float64 gradient through torch's squeeze-and-excite gets float32's accuracy. The forward pass is
# exact, and so are forward and gradient of hardswish, which has the same 1/6 in it.
#
# Seen (float64, between the kinks; largest error):
#   hardsigmoid forward 0, gradient 4.97e-09
#   hardswish forward 0, gradient 2.78e-17
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
cat > "$folder/show.py" <<'PY'
import torch

functional = torch.nn.functional
written_out = {
    "hardsigmoid": lambda x: functional.relu6(x + 3) / 6,
    "hardswish": lambda x: x * functional.relu6(x + 3) / 6,
}
errors = {}
for name, formula in written_out.items():
    x = torch.tensor([-1.0, 0.5, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    y, exact = getattr(functional, name)(x), formula(x)
    (gradient,), (right,) = torch.autograd.grad(y.sum(), x), torch.autograd.grad(exact.sum(), x)
    errors[name] = float((y - exact).detach().abs().max()), float((gradient - right).abs().max())
    print("{} forward {:.3g}, gradient {:.3g}".format(name, *errors[name]))
forward, gradient = errors["hardsigmoid"]
assert forward < 1e-15 and abs(gradient - (float(torch.tensor(1 / 6)) - 1 / 6)) < 1e-15
assert max(errors["hardswish"]) < 1e-15
PY
"$folder/venv/bin/python" -W ignore "$folder/show.py"
