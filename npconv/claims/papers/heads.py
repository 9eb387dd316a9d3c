"""The costs of the networks' heads for detection and segmentation, and of the backbones below them."""

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from operator import add

from ...cost import Cost, conv2d_cost, depthwise_separable_conv2d_cost, pointwise_conv2d_cost
from ...layers import BatchNorm, DepthwiseConv2D
from ...models import MobileNet

Shape = tuple[int, ...]
DETECTION_IMAGE = (1, 320, 320, 3)  # for which detection is counted
EXTRAS = (512, 256, 256, 128)  # the channels of the maps behind the network's two, at width 1
BOXES = (3, 6, 6, 6, 6, 6)  # a place, on each map


def detection_cost(
    network: MobileNet, names: Sequence[str], classes: int, *, width: float = 1.0, separable: bool = True
) -> Cost:
    """The cost of SSDLite's layers on two maps of a network, or of SSD's, without biases and normalisation.

    Each extra map comes from the last by a pointwise convolution to half its channels and a 3×3 one of stride 2. On
    each map two 3×3 convolutions predict four numbers and the classes, background included, of every box.
    """
    shapes = network.feature_shapes(DETECTION_IMAGE, names)
    maps, costs = [shapes[name] for name in names], []
    for channels in (int(each * width) for each in EXTRAS):
        costs.append(pointwise_conv2d_cost(maps[-1], (maps[-1][-1], channels // 2)))
        costs.append(_spatial(costs[-1].output_shape, channels, 2, separable))
        maps.append(costs[-1].output_shape)
    costs += [_spatial(x, boxes * n, 1, separable) for x, boxes in zip(maps, BOXES, strict=True) for n in (4, classes)]
    return reduce(add, costs)


def deeplab_cost(x: Shape, classes: int, rates: Sequence[int] = (), *, filters: int = 256, whole: bool = False) -> Cost:
    """The cost of DeepLabv3's head on a map: a pointwise branch, a pooled one and dilated 3×3 ones; two layers on all.

    Parameters include normalisation's scales and shifts. R-ASPP is the head without dilated branches. `whole` counts
    dilated convolutions on maps whose sides are rounded up to multiples of the rate.
    """
    batch, height, width, m = x
    branches = [pointwise_conv2d_cost(x, (m, filters)), pointwise_conv2d_cost((batch, 1, 1, m), (m, filters))]
    for rate in rates:
        sides = (rounded_up(height, rate), rounded_up(width, rate)) if whole else (height, width)
        shape, kernel = (batch, *sides, m), (3, 3, m, filters)
        branches.append(conv2d_cost(shape, kernel, padding="same", dilation=rate))
    joined = pointwise_conv2d_cost((*x[:3], filters * len(branches)), (filters * len(branches), filters))
    classifier = pointwise_conv2d_cost((*x[:3], filters), (filters, classes), bias=True)
    normalised = Cost(0, 0, 2 * filters * (len(branches) + 1), classifier.output_shape)
    return reduce(add, [*branches, joined, classifier, normalised])


def lr_aspp_cost(low: Shape, high: Shape, classes: int, filters: int) -> Cost:
    """The cost of LR-ASPP on a map of stride 8 and one of stride 16: a gated pointwise branch, a classifier on each.

    Parameters include normalisation's scales and shifts.
    """
    m = high[-1]
    gate = pointwise_conv2d_cost((high[0], 1, 1, m), (m, filters))
    fine = pointwise_conv2d_cost((*low[:3], filters), (filters, classes), bias=True)
    skip = pointwise_conv2d_cost(low, (low[-1], classes), bias=True)
    normalised = Cost(0, 0, 2 * filters, skip.output_shape)
    return pointwise_conv2d_cost(high, (m, filters)) + gate + fine + skip + normalised


def backbone_cost(network: MobileNet, x: Shape, end: str, *, whole: bool = False, normalised: bool = True) -> Cost:
    """The cost of a network's layers before the one named `end` for images of a shape; `whole` as in `deeplab_cost`.

    `normalised` counts the parameters of batch normalisation.
    """
    macs = params = 0
    before = itertools.takewhile(lambda name: name != end, network.layers)
    for leaf in itertools.chain.from_iterable(network.layers[name].leaves() for name in before):
        cost = leaf.cost(x)
        x, macs = cost.output_shape, macs + cost.macs
        params += cost.params if normalised or not isinstance(leaf, BatchNorm) else 0
        if whole and isinstance(leaf, DepthwiseConv2D):
            sides = [rounded_up(side, leaf.geometry["dilation"]) for side in x[1:3]]
            macs += cost.macs * math.prod(sides) // math.prod(x[1:3]) - cost.macs
    return Cost(macs, 0, params, x)


def rounded_up(side: int, rate: int) -> int:
    """A side, rounded up to a multiple of a rate of dilation.

    >>> rounded_up(33, 2), rounded_up(33, 3)
    (34, 33)
    """
    return -(-side // rate) * rate


def _spatial(x: Shape, n: int, stride: int, separable: bool) -> Cost:
    m = x[-1]
    if separable:
        return depthwise_separable_conv2d_cost(x, (3, 3, m), (m, n), stride=stride, padding="same")
    return conv2d_cost(x, (3, 3, m, n), stride=stride, padding="same")
