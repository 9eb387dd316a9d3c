"""timm's answers."""

import timm
from timm.models.efficientnet import _gen_mobilenet_v1, _gen_mobilenet_v2
from timm.models.mobilenetv3 import _gen_mobilenet_v3
from torch import nn

LIBRARY, VERSION = "timm", f"timm {timm.__version__}"


def network(architecture, width):
    return list(made(architecture, width).modules())


def made(architecture, width):
    if architecture == "v3":
        return _gen_mobilenet_v3("mobilenetv3_small_100", width)
    make = {"v1": _gen_mobilenet_v1, "v2": _gen_mobilenet_v2}[architecture]
    return make(f"mobilenet{architecture}_100", width)


def kinds(modules, kind):
    return [module for module in modules if isinstance(module, kind)]


def widths(architecture, width):
    kernels = kinds(network(architecture, width), nn.Conv2d)
    beyond = {"v1": 0, "v2": 0, "v3": 1}[architecture]  # the head's own convolution, behind the pool
    return [kernels[0].out_channels, kernels[-1 - beyond].out_channels]


def network_normalisation(architecture, width):
    norm = kinds(network(architecture, width), nn.BatchNorm2d)[0]
    return [norm.eps, 1 - norm.momentum]


def dropout(architecture, width):
    return made(architecture, width).drop_rate
