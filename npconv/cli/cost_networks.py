"""`npconv cost mobilenet_v3`, `mobilenet_v2`, `mobilenet_v1` and `ssdlite`: a whole network, layer by layer."""

import argparse
import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..text import shape_text
from .cost_counters import add_counters, print_counts, print_explanation
from .shared import SIDE, WIDTH, Commands, Whole, pair, print_table

if TYPE_CHECKING:
    from ..models import SSDLite

DETECTING = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3")

CLASSES = Whole(1, 30_000)  # as wide a classifier as is built within seconds
CHANNELS = Whole(0, 4096)  # of extra layers, that are built within seconds
BATCH = Whole(1, 100_000)  # as many numbers as can be counted
KEPT = (  # options that the builders take as they are
    "size", "width", "classes", "conventions", "output_stride", "convolution", "minimalistic", "reduced_tail",
    "hidden_channels",
)  # fmt: skip


def add_networks(cost: Commands) -> None:
    """Add `npconv cost mobilenet_v1`, `mobilenet_v2`, `mobilenet_v3` and `ssdlite`."""
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
    _add_ssdlite(cost)


def _add_ssdlite(cost: Commands) -> None:
    detector = cost.add_parser("ssdlite", help="SSDLite on a MobileNet: the network, the extra layers and the heads")
    add = detector.add_argument
    add("--network", choices=DETECTING, default="mobilenet_v2", help="(%(default)s)")
    add("--size", choices=("large", "small"), default="large", help="of MobileNetV3 (%(default)s)")
    words = "half the channels from MobileNetV3's last stride on"
    add("--reduced-tail", action="store_true", help=words)
    add("--width", type=WIDTH, default=1.0, metavar="FACTOR", help="of the network's channels (%(default)s)")
    words = "of the network's last convolution (MobileNetV2: 1280, MobileNetV3: 6 times the last block's)"
    add("--last-channels", type=CLASSES, metavar="N", help=words)
    words = "of the extra layers (512 256 256 128); 0 for none"
    add("--extras", nargs="+", type=CHANNELS, default=[512, 256, 256, 128], metavar="N", help=words)
    add("--heads", choices=("separable", "full"), default="separable", help="full for SSD's own (%(default)s)")
    add("--boxes", choices=("tensorflow", "torchvision"), default="tensorflow", help="default boxes (%(default)s)")
    words = "the layer of the first map, as in block_13 (the expansion before the last stride)"
    add("--first", metavar="LAYER", help=words)
    words = "of the images: side, or height and width (320)"
    add("--resolution", nargs="+", type=SIDE, default=[320], metavar="D", help=words)
    add("--classes", type=Whole(2, 1300), default=81, metavar="N", help="with the background (%(default)s)")
    add("--batch", type=BATCH, default=1, metavar="B", help="images at once (%(default)s)")
    words = "the family whose padding and widths the network has (%(default)s)"
    add("--conventions", choices=("keras", "torchvision", "timm"), default="keras", help=words)
    words = "list all layers, the blocks alone, or only the sums by kind of layer (kind)"
    add("--by", choices=("layer", "block", "kind"), default="kind", help=words)
    add("--json", action="store_true", help="print all of it as JSON instead of tables")
    detector.set_defaults(run=_run_ssdlite)


def _run_ssdlite(arguments: argparse.Namespace) -> int:
    from .. import models

    own: dict[str, Any] = {"width": arguments.width, "conventions": arguments.conventions}
    if arguments.network == "mobilenet_v3":
        own |= {"size": arguments.size, "reduced_tail": arguments.reduced_tail}
    elif arguments.reduced_tail or arguments.size != "large":
        raise ValueError(f"--size and --reduced-tail are of mobilenet_v3; the network is {arguments.network}")
    if arguments.last_channels is not None:
        if arguments.network == "mobilenet_v1":
            raise ValueError("--last-channels: mobilenet_v1 has no last convolution behind its blocks")
        own["last_channels"] = arguments.last_channels
    options = {name: getattr(arguments, name) for name in ("classes", "extras", "heads", "boxes", "first")}
    if 0 in options["extras"]:
        if options["extras"] != [0]:
            raise ValueError(f"--extras must be channels, or 0 alone; got {' '.join(map(str, options['extras']))}")
        options["extras"] = []
    images = (arguments.batch, *pair("--resolution", arguments.resolution), 3)
    detector = models.ssdlite(getattr(models, arguments.network)(**own), **options)
    parts = list(_parts(detector, images))
    counted, maps = models.summary(detector, images), detector.map_shapes(images)
    if arguments.json:
        told = {"ssdlite": arguments.network, **own, **options, "first": detector.options.first}
        listed = [dict(zip(("part", "macs", "kernel_weights", "params"), part, strict=True)) for part in parts]
        more = {"maps": maps, "default_boxes": counted.output_shape[1], "parts": listed}
        print(json.dumps({**told, **more, **counted.as_dict()}, indent=1))
        return 0
    print(counted.as_text(arguments.by))
    print()
    rows = [[part, *(f"{number:,}" for number in numbers)] for part, *numbers in parts]
    print_table(["part", "MACs", "weights of kernels", "parameters"], rows)
    shown = ", ".join(shape_text(shape[1:]) for shape in maps)
    print(f"{counted.output_shape[1]:,} default boxes on the maps {shown}, the first from {detector.options.first}")
    return 0


def _parts(detector: "SSDLite", images: tuple[int, ...]) -> Iterator[tuple[str, int, int, int]]:
    """The MACs, the weights of kernels and the parameters of the network, the extra layers, the heads, and all."""
    from ..models import kernel_weights

    cost = detector.cost(images)
    own = {"network": ("network",), "extra layers": ("extra",), "heads": ("class", "box"), "total": ("",)}
    for part, beginnings in own.items():
        names = [name for name in detector.layers if name.startswith(beginnings)]
        yield (
            part,
            sum(cost.parts[name].macs for name in names),
            sum(kernel_weights(detector.layers[name]) for name in names),
            sum(cost.parts[name].params for name in names),
        )


def _add_network(cost: Commands, name: str, what: str) -> argparse.ArgumentParser:
    network = cost.add_parser(name, help=what)
    add = network.add_argument
    add("--width", type=WIDTH, default=1.0, metavar="FACTOR", help="of the channels (%(default)s)")
    words = "of the images: side, or height and width (224)"
    add("--resolution", nargs="+", type=SIDE, default=[224], metavar="D", help=words)
    add("--classes", type=CLASSES, default=1000, metavar="N", help="(%(default)s)")
    add("--batch", type=BATCH, default=1, metavar="B", help="images at once (%(default)s)")
    add("--output-stride", type=Whole(1, 32), choices=(4, 8, 16, 32), help="dilate instead of striding further (32)")
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
