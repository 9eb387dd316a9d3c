"""Paddle's answers."""

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional
from paddle.vision import models
from paddle.vision.ops import nms

LIBRARY, VERSION = "paddle", f"paddle {paddle.__version__}"
FUNCTIONS = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "clip": lambda x: paddle.clip(x, 0, 6),
    "maximum": lambda x: paddle.maximum(x, paddle.ones([1])),
    "absolute": paddle.abs,
    "leaky": lambda x: functional.leaky_relu(x, 0.25),
    "max_pool": lambda x: functional.max_pool1d(x.reshape((1, 1, -1)), 2),
}


def kinks(function, x, dy):
    x = paddle.to_tensor(x, stop_gradient=False)
    FUNCTIONS[function](x).sum().backward()
    return x.grad.numpy()


ties = kinks


def not_numbers(function, x):
    y = FUNCTIONS[function](paddle.to_tensor(x)).numpy().ravel()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil, **options):
    return functional.avg_pool1d(paddle.to_tensor(x[0, :, :, 0][None]), 3, 2, 1, ceil_mode=ceil, **options).numpy()


def average_pool__not_exclusive(**given):
    return average_pool(**given, exclusive=False)


def batch_normalisation(x, frozen, epsilon):
    norm = nn.BatchNorm2D(1, **({} if epsilon is None else {"epsilon": epsilon}))
    for parameter in norm.parameters():
        parameter.stop_gradient = frozen
    y = norm(paddle.to_tensor(x))
    return np.concatenate([a.numpy().ravel() for a in (y, norm._mean, norm._variance)])


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return {"epsilon": nn.BatchNorm2D(1)._epsilon, "momentum": nn.BatchNorm2D(1)._momentum}[which]


def cross_entropy(kind, logits, targets, weights):
    logits, weights, rows = (paddle.to_tensor(a) for a in (logits, weights, np.eye(3, dtype=np.float32)[targets]))
    if kind == "all ignored":
        return functional.cross_entropy(logits, paddle.to_tensor([-100, -100])).numpy()
    if kind == "smoothed by 0.1":
        return functional.label_smooth(paddle.to_tensor(np.eye(4, dtype=np.float32)[[1]]), epsilon=0.1).numpy()
    if kind == "weights, one-hot rows":
        return functional.cross_entropy(logits, rows, weight=weights, soft_label=True).numpy()
    return functional.cross_entropy(logits, paddle.to_tensor(targets), weight=weights).numpy()


def bilinear(x, size, option):
    options = {None: {}, "corners": {"align_corners": True}, "antialias": None}[option]
    if options is None:
        return None
    return functional.interpolate(paddle.to_tensor(x[..., 0][None]), (1, size), mode="bilinear", **options).numpy()


def nearest(x, size, option):
    return functional.interpolate(paddle.to_tensor(x[..., 0][None]), (1, size), mode="nearest").numpy()


def suppression(boxes, scores, least):
    if least is not None:
        return None
    return nms(paddle.to_tensor(boxes[:, [1, 0, 3, 2]]), 0.5, paddle.to_tensor(scores)).numpy()


def network(architecture, width):
    make = {"v1": models.mobilenet_v1, "v2": models.mobilenet_v2, "v3": models.mobilenet_v3_small}[architecture]
    return make(scale=width).sublayers()


def widths(architecture, width):
    kernels = [layer.weight.shape[0] for layer in network(architecture, width) if isinstance(layer, nn.Conv2D)]
    return [kernels[0], kernels[-1]]


def network_normalisation(architecture, width):
    norm = next(layer for layer in network(architecture, width) if isinstance(layer, nn.BatchNorm2D))
    return [norm._epsilon, norm._momentum]


def dropout(architecture, width):
    return [layer.p for layer in network(architecture, width) if isinstance(layer, nn.Dropout)]


def first_weights(what):
    paddle.seed(0)
    options = {"weight_attr": nn.initializer.KaimingNormal()} if what == "he_normal" else {}
    layer = nn.Conv2D(1440, 1440, 3, groups=1440, **options)
    return abs(layer.bias.numpy()).max() if what == "bias" else layer.weight.numpy().std()
