"""torchvision's answers; its operators where they are compiled for the torch that is installed."""

from types import SimpleNamespace

import numpy as np
import torch

try:
    import torchvision
except RuntimeError as error:
    raise ImportError(f"torchvision: {error}") from error
from torch import nn
from torchvision import models
from torchvision.models.detection import _utils
from torchvision.models.detection.ssd import SSD

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


X_FIRST = [1, 0, 3, 2]  # from npconv's order of a box and of a code, and back
SCALES = (10.0, 10.0, 5.0, 5.0)


def tensor(boxes):
    return torch.from_numpy(boxes[..., X_FIRST])


def overlaps(boxes, scores, least):
    return np.asarray(torchvision.ops.box_iou(tensor(boxes[:1]), tensor(boxes[1:])))


def box_codes(box, anchor, code):
    if code is None:
        return np.asarray(_utils.encode_boxes(tensor(box), tensor(anchor), torch.tensor(SCALES, dtype=torch.float64)))
    return np.asarray(_utils.BoxCoder(SCALES).decode_single(tensor(code), tensor(anchor)))[:, X_FIRST]


def matching(overlaps):
    return np.asarray(_utils.SSDMatcher(0.5)(torch.from_numpy(overlaps)))


def detection_loss(anchors, labels, logits, zero):
    model = SimpleNamespace(box_coder=_utils.BoxCoder(SCALES), neg_to_pos_ratio=3)
    truths = labels[0] > 0
    targets = {"boxes": tensor(anchors[truths]), "labels": torch.from_numpy(labels[0][truths])}
    matched = torch.from_numpy(np.where(truths, np.cumsum(truths) - 1, -1))
    outputs = {"cls_logits": torch.from_numpy(logits), "bbox_regression": torch.from_numpy(zero)}
    losses = SSD.compute_loss(model, [targets], outputs, [tensor(anchors)], [matched])
    return [float(losses["classification"])]


def suppression(boxes, scores, least):
    if least is not None:
        return None
    kept = torchvision.ops.nms(tensor(boxes), torch.from_numpy(scores), 0.5)
    return np.asarray(kept)
