"""torchvision's answers; its operators where they are compiled for the torch that is installed."""

import numpy as np
import torch

try:
    import torchvision
except RuntimeError as error:
    raise ImportError(f"torchvision: {error}") from error
from torch import nn
from torchvision import models

LIBRARY, VERSION = "torchvision", f"torchvision {torchvision.__version__.partition('+')[0]}"


def network(architecture, width):
    """The modules; torchvision has no V1."""
    if architecture == "v1":
        return None
    make = {"v2": models.mobilenet_v2, "v3": models.mobilenet_v3_small}[architecture]
    return list(make(weights=None, width_mult=width).modules())


def first(modules, kind):
    return next(module for module in modules if isinstance(module, kind))


def widths(architecture, width):
    modules = network(architecture, width)
    return modules and [first(modules, nn.Conv2d).out_channels, first(modules[::-1], nn.Conv2d).out_channels]


def network_normalisation(architecture, width):
    modules = network(architecture, width)
    return modules and [first(modules, nn.BatchNorm2d).eps, 1 - first(modules, nn.BatchNorm2d).momentum]


def dropout(architecture, width):
    modules = network(architecture, width)
    return modules and [module.p for module in modules if isinstance(module, nn.Dropout)]


def suppression(boxes, scores, least):
    if least is not None:
        return None
    kept = torchvision.ops.nms(torch.from_numpy(boxes[:, [1, 0, 3, 2]]), torch.from_numpy(scores), 0.5)
    return np.asarray(kept)
