"""torch's answers."""

import torch
from torch import nn
from torch.nn import functional

LIBRARY, VERSION = "torch", f"torch {torch.__version__.partition('+')[0]}"
FUNCTIONS = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "clip": lambda x: torch.clamp(x, 0, 6),
    "maximum": lambda x: torch.maximum(x, torch.ones(1)),
    "absolute": torch.abs,
    "leaky": lambda x: functional.leaky_relu(x, 0.25),
    "max_pool": lambda x: functional.max_pool1d(x.reshape(1, 1, -1), 2),
}


def kinks(function, x, dy):
    x = torch.tensor(x, requires_grad=True)
    FUNCTIONS[function](x).sum().backward()
    return x.grad


ties = kinks


def not_numbers(function, x):
    y = FUNCTIONS[function](torch.tensor(x)).flatten()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil):
    return functional.avg_pool1d(torch.from_numpy(x[0, :, :, 0])[None], 3, 2, 1, ceil_mode=ceil)


def batch_normalisation(x, frozen, epsilon):
    norm = nn.BatchNorm2d(1, **({} if epsilon is None else {"eps": epsilon}))
    norm.requires_grad_(not frozen)
    return torch.cat([norm(torch.from_numpy(x)).flatten(), norm.running_mean, norm.running_var]).detach()


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return {"epsilon": nn.BatchNorm2d(1).eps, "momentum": nn.BatchNorm2d(1).momentum}[which]


def cross_entropy(kind, logits, targets, weights):
    logits, targets, weights = (torch.from_numpy(a) for a in (logits, targets, weights))
    if kind == "all ignored":
        return functional.cross_entropy(logits, torch.full_like(targets, -100))
    if kind == "smoothed by 0.1":
        x = torch.zeros(1, 4, requires_grad=True)
        functional.cross_entropy(x, torch.tensor([1]), label_smoothing=0.1).backward()
        return 0.25 - x.grad
    rows = kind == "weights, one-hot rows"
    return functional.cross_entropy(logits, torch.eye(3)[targets] if rows else targets, weight=weights)


def bilinear(x, size, option):
    options = {None: {}, "corners": {"align_corners": True}, "antialias": {"antialias": True}}[option]
    return functional.interpolate(torch.from_numpy(x[..., 0])[None], (1, size), mode="bilinear", **options)


def nearest(x, size, option, mode="nearest"):
    return functional.interpolate(torch.from_numpy(x[0, :, :, 0])[None], size, mode=mode)


def nearest__exact(**given):
    return nearest(**given, mode="nearest-exact")


def first_weights(what, he=nn.init.kaiming_normal_):
    torch.manual_seed(0)
    layer = nn.Conv2d(1440, 1440, 3, groups=1440)
    if what == "bias":
        return layer.bias.abs().max().item()
    return (he(layer.weight) if what == "he_normal" else layer.weight).std().item()


def first_weights__fan_out(what):
    return first_weights(what, lambda w: nn.init.kaiming_normal_(w, mode="fan_out")) if what == "he_normal" else None
