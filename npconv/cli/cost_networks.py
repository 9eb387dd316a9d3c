"""`npconv cost mobilenet_v2` and `mobilenet_v1`: a whole network, layer by layer."""

import argparse
import json
from typing import Any

from .shared import Commands, pair

KEPT = ("width", "classes", "conventions", "output_stride", "convolution")  # options that the builders take as they are


def add_networks(cost: Commands) -> None:
    """Add `npconv cost mobilenet_v1` and `npconv cost mobilenet_v2`."""
    _add_network(cost, "mobilenet_v2", "MobileNetV2, layer by layer")
    v1 = _add_network(cost, "mobilenet_v1", "MobileNetV1, or its counterpart of full convolutions, layer by layer")
    v1.add_argument(
        "--convolution", choices=("separable", "standard"), default="separable",
        help="standard for full convolutions (%(default)s)",
    )  # fmt: skip


def _add_network(cost: Commands, name: str, what: str) -> argparse.ArgumentParser:
    network = cost.add_parser(name, help=what)
    network.add_argument("--width", type=float, default=1.0, metavar="FACTOR", help="of the channels (%(default)s)")
    network.add_argument(
        "--resolution", nargs="+", type=int, default=[224], metavar="D",
        help="of the images: side, or height and width (224)",
    )  # fmt: skip
    network.add_argument("--classes", type=int, default=1000, metavar="N", help="(%(default)s)")
    network.add_argument("--batch", type=int, default=1, metavar="B", help="images at once (%(default)s)")
    network.add_argument(
        "--output-stride", type=int, choices=(8, 16, 32), help="dilate instead of striding further (32)"
    )
    network.add_argument(
        "--conventions", choices=("keras", "torchvision", "timm"), default="keras",
        help="the family whose padding and widths it has (%(default)s)",
    )  # fmt: skip
    network.add_argument(
        "--by", choices=("layer", "block", "kind"), default="layer",
        help="list all layers, the blocks alone, or only the sums by kind of layer (%(default)s)",
    )  # fmt: skip
    network.add_argument("--json", action="store_true", help="print all of it as JSON instead of tables")
    network.set_defaults(run=_run)
    return network


def _run(arguments: argparse.Namespace) -> int:
    from .. import models

    height, width = pair("--resolution", arguments.resolution)
    if not 0 < arguments.width < float("inf"):
        raise ValueError(f"--width must be above 0 and finite; got {arguments.width:g}")
    for option, least in (
        ("resolution", min(height, width)),
        ("classes", arguments.classes),
        ("batch", arguments.batch),
    ):
        if least < 1:
            raise ValueError(f"--{option} must be at least 1; got {least}")
    options: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name in KEPT}
    network = getattr(models, arguments.what)(**options)
    counted = models.summary(network, (arguments.batch, height, width, 3))
    if arguments.json:
        print(json.dumps({"network": arguments.what, **options, **counted.as_dict()}, indent=1))
    else:
        print(counted.as_text(arguments.by))
    return 0
