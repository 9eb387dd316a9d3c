"""The costs of the networks' heads for detection and segmentation, and of the backbones below them."""

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from operator import add

from ...cost import Cost, conv2d_cost, pointwise_conv2d_cost
from ...layers import BatchNorm, DepthwiseConv2D
from ...models import MobileNet, ssdlite
from ...models.ssdlite import EXTRAS

Shape = tuple[int, ...]
DETECTION_IMAGE = (1, 320, 320, 3)  # for which detection is counted


def detector_costs(
    network: MobileNet, classes: int, *, width: float = 1.0, heads: str = "separable", biases: bool = False
) -> tuple[Cost, Cost]:
    """The costs of SSDLite's layers on a network, or with heads="full" of SSD's, and of the whole detector.

    They are for an image of `DETECTION_IMAGE`. `classes` is with the background, `width` that of the extra layers.
    Parameters are those of the network without normalisation, and the kernels of the other layers, with `biases` also
    those of the predictions.
    """
    detector = ssdlite(network, classes, extras=[int(channels * width) for channels in EXTRAS], heads=heads)
    cost, left_out = detector.cost(DETECTION_IMAGE), ("scale", "shift", *([] if biases else [".bias"]))
    sizes = {name: a.size for name, a in detector.params.items() if not name.endswith(left_out)}
    own = sum(size for name, size in sizes.items() if not name.startswith("network."))
    macs = cost.macs - cost.parts["network"].macs
    return Cost(macs, 0, own, cost.output_shape), Cost(cost.macs, 0, sum(sizes.values()), cost.output_shape)


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
