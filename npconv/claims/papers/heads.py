"""The costs of the networks with heads for detection, as the papers count them."""

from ...cost import Cost
from ...models import MobileNet, ssdlite
from ...models.ssdlite import EXTRAS

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
