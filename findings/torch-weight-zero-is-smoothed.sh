#!/bin/sh
# torch 2.13.0: a class weight of 0 excludes a class from cross_entropy, and with label_smoothing it does not. A
# pixel of that class still adds the share of its target that smoothing gives to the other classes, with their weights,
# while the mean is over the weights of the targets, to which it adds 0. So the loss grows with the number of excluded
# pixels: 1000 of them beside one that counts make 74.3 of 1.1, and 97 % of the gradient is theirs. ignore_index, the other
# way to leave a class out, leaves it out with smoothing as well.
#
# Seen (three classes, all logits 0, one pixel of class 1 and n of class 0; loss, and the gradient's share of the n):
#   n = 0: weight 0 1.0986, with smoothing .1 1.062, ignore_index with smoothing 1.0986; share 0.0%, 0.0%, 0.0%
#   n = 10: weight 0 1.0986, with smoothing .1 1.7944, ignore_index with smoothing 1.0986; share 0.0%, 26.7%, 0.0%
#   n = 1000: weight 0 1.0986, with smoothing .1 74.3028, ignore_index with smoothing 1.0986; share 0.0%, 97.3%, 0.0%
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import torch
from torch.nn.functional import cross_entropy

def loss(excluded, smoothing, **how):
    """Loss, and the share of the logits' gradient (sum of absolute values) that lies on excluded pixels."""
    targets = torch.zeros(1 + excluded, dtype=torch.long)
    targets[0] = 1
    logits = torch.zeros(1 + excluded, 3, requires_grad=True)
    value = cross_entropy(logits, targets, label_smoothing=smoothing, **how)
    value.backward()
    return round(value.item(), 4), round(float(logits.grad[1:].abs().sum() / logits.grad.abs().sum()), 4)

weights = torch.tensor([0.0, 1, 1])
for excluded in (0, 10, 1000):
    plain, smoothed = loss(excluded, 0, weight=weights), loss(excluded, 0.1, weight=weights)
    ignored = loss(excluded, 0.1, ignore_index=0)
    print(f"n = {excluded}: weight 0 {plain[0]}, with smoothing .1 {smoothed[0]}, ignore_index with smoothing {ignored[0]}; "
          f"share {plain[1]:.1%}, {smoothed[1]:.1%}, {ignored[1]:.1%}")
    assert plain == (1.0986, 0) and ignored == (1.0986, 0)
assert smoothed[0] == 74.3028 and smoothed[1] > 0.9, "smoothing excludes the class now"
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"
