"""tinygrad's answers, on the CPU, which needs clang."""

from importlib.metadata import version

import numpy as np
from tinygrad import Tensor, nn
from tinygrad.helpers import Context

LIBRARY, VERSION = "tinygrad", f"tinygrad {version('tinygrad')}"
FUNCTIONS = {
    "relu": Tensor.relu,
    "relu6": Tensor.relu6,
    "hard_sigmoid": Tensor.hardsigmoid,
    "hard_swish": Tensor.hardswish,
    "clip": lambda x: x.clip(0, 6),
    "maximum": lambda x: x.maximum(1.0),
    "absolute": Tensor.abs,
    "leaky": lambda x: x.leaky_relu(0.25),
    "max_pool": lambda x: x.reshape(1, 1, 1, -1).max_pool2d((1, 2)),
}


def kinks(function, x, dy):
    x = Tensor(x)
    FUNCTIONS[function](x).sum().backward()
    return x.grad.numpy()


ties = kinks


def not_numbers(function, x):
    y = FUNCTIONS[function](Tensor(x)).numpy().ravel()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil):
    return Tensor(x[..., 0][None]).avg_pool2d((1, 3), (1, 2), padding=(1, 1, 0, 0), ceil_mode=ceil).numpy()


def batch_normalisation(x, frozen, epsilon):
    if frozen:
        return None
    norm = nn.BatchNorm(1, **({} if epsilon is None else {"eps": epsilon}))
    with Context(TRAINING=1):
        y = norm(Tensor(x)).numpy()
        return np.concatenate([y.ravel(), norm.running_mean.numpy(), norm.running_var.numpy()])


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return {"epsilon": nn.BatchNorm(1).eps, "momentum": nn.BatchNorm(1).momentum}[which]


def cross_entropy(kind, logits, targets, weights, ignored=-1):
    if kind == "all ignored":
        targets = np.full_like(targets, ignored)
        return Tensor(logits).sparse_categorical_crossentropy(Tensor(targets), ignore_index=ignored).numpy()
    if kind == "smoothed by 0.1":
        x = Tensor(np.zeros((1, 4), np.float32))
        x.sparse_categorical_crossentropy(Tensor([1]), label_smoothing=0.1).backward()
        return 0.25 - x.grad.numpy()
    return None


def cross_entropy__ignore_index_255(kind, **given):
    return cross_entropy(kind, **given, ignored=255) if kind == "all ignored" else None


def bilinear(x, size, option):
    if option == "antialias":
        return None
    resized = Tensor(x[0, :, :, 0][None]).interpolate((size,), mode="linear", align_corners=option == "corners")
    return resized.numpy()


def nearest(x, size, option, mode="nearest"):
    return Tensor(x[0, :, :, 0][None]).interpolate((size,), mode=mode).numpy()


def nearest__exact(**given):
    return nearest(**given, mode="nearest-exact")


def first_weights(what):
    Tensor.manual_seed(0)
    layer = nn.Conv2d(1440, 1440, 3, groups=1440)
    if what == "bias":
        return layer.bias.abs().max().item()
    return (Tensor.kaiming_normal(1440, 1, 3, 3) if what == "he_normal" else layer.weight).std().item()
