"""`npconv cost mobilenet_v3`, `mobilenet_v2` and `mobilenet_v1`: a whole network, layer by layer."""

import argparse
import json
from functools import partial
from typing import Any

from .cost_counters import add_counters, print_counts, print_explanation
from .shared import SIDE, WIDTH, Commands, Whole, pair

CLASSES = Whole(1, 30_000)  # as wide a classifier as is built within seconds
BATCH = Whole(1, 100_000)  # as many numbers as can be counted
KEPT = (  # options that the builders take as they are
    "size", "width", "classes", "conventions", "output_stride", "convolution", "minimalistic", "reduced_tail",
    "hidden_channels",
)  # fmt: skip


def add_networks(cost: Commands) -> None:
    """Add `npconv cost mobilenet_v1`, `npconv cost mobilenet_v2` and `npconv cost mobilenet_v3`."""
    _add_network(cost, "mobilenet_v2", "MobileNetV2, layer by layer")
    v1 = _add_network(cost, "mobilenet_v1", "MobileNetV1, or its counterpart of full convolutions, layer by layer")
    kinds, words = ("separable", "standard"), "standard for full convolutions (%(default)s)"
    v1.add_argument("--convolution", choices=kinds, default="separable", help=words)
    v3 = _add_network(cost, "mobilenet_v3", "MobileNetV3, Large or Small, layer by layer")
    v3.add_argument("--size", choices=("large", "small"), default="large", help="(%(default)s)")
    words = "3×3 kernels and ReLU alone, no squeeze-and-excite"
    v3.add_argument("--minimalistic", action="store_true", help=words)
    words = "half the channels from the last stride on, as for detection"
    v3.add_argument("--reduced-tail", action="store_true", help=words)
    words = "of the layer behind the pool at width 1 (1280; small: 1024, where the paper has 1280)"
    v3.add_argument("--hidden-channels", type=CLASSES, metavar="N", help=words)


def _add_network(cost: Commands, name: str, what: str) -> argparse.ArgumentParser:
    network = cost.add_parser(name, help=what)
    add = network.add_argument
    add("--width", type=WIDTH, default=1.0, metavar="FACTOR", help="of the channels (%(default)s)")
    words = "of the images: side, or height and width (224)"
    add("--resolution", nargs="+", type=SIDE, default=[224], metavar="D", help=words)
    add("--classes", type=CLASSES, default=1000, metavar="N", help="(%(default)s)")
    add("--batch", type=BATCH, default=1, metavar="B", help="images at once (%(default)s)")
    add("--output-stride", type=Whole(1, 32), choices=(8, 16, 32), help="dilate instead of striding further (32)")
    words = "the family whose padding and widths it has (%(default)s)"
    add("--conventions", choices=("keras", "torchvision", "timm"), default="keras", help=words)
    words = "list all layers, the blocks alone, or only the sums by kind of layer (layer)"
    add("--by", choices=("layer", "block", "kind"), help=words)
    add_counters(network)
    add("--json", action="store_true", help="print all of it as JSON instead of tables")
    network.set_defaults(run=_run)
    return network


def _run(arguments: argparse.Namespace) -> int:
    from .. import models

    height, width = pair("--resolution", arguments.resolution)
    options: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name in KEPT}
    images = (arguments.batch, height, width, 3)
    build = partial(getattr(models, arguments.what), **options)
    given = {"network": arguments.what, **options, "input_shape": list(images)} if arguments.json else None
    if [arguments.by, arguments.counter, arguments.explain].count(None) < 2:
        raise ValueError("--by, --as and --explain exclude each other; give one of them")
    if arguments.explain:
        print_explanation(lambda width: build(width=width), arguments.width, images, arguments.explain, given)
        return 0
    network = build()
    if arguments.counter:
        print_counts(network, images, arguments.counter, given)
        return 0
    counted = models.summary(network, images)
    peaks = {each: models.activation_memory(network, images, granularity=each).peak for each in ("layers", "blocks")}
    if arguments.json:
        memory = {
            each: {"name": peak.name, "numbers": peak.elements, "bytes": peak.bytes} for each, peak in peaks.items()
        }
        print(json.dumps({"network": arguments.what, **options, **counted.as_dict(), "memory": memory}, indent=1))
        return 0
    print(counted.as_text(arguments.by or "layer"))
    for each, peak in peaks.items():
        print(f"largest input and output, by {each}: {peak.elements:,} numbers, {peak.bytes:,} bytes ({peak.name})")
    return 0
