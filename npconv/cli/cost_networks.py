"""`npconv cost mobilenet_v3`, `mobilenet_v2`, `mobilenet_v1`, and networks with heads on them, layer by layer."""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..text import shape_text
from .cost_counters import add_counters, print_counts, print_explanation
from .shared import SIDE, WIDTH, Commands, Whole, pair, print_table

if TYPE_CHECKING:
    from ..layers import Layer
    from ..models.with_heads import NetworkWithHeads

TABLES = ("layer", "block", "kind")
MOBILENETS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3")

CLASSES = Whole(1, 30_000)  # as wide a classifier as is built within seconds
CHANNELS = Whole(0, 4096)  # of extra layers, that are built within seconds
RATE = Whole(0, 1000)  # beyond every map's side
BATCH = Whole(1, 100_000)  # as many numbers as can be counted
KEPT = (  # options that the builders take as they are
    "size", "width", "classes", "conventions", "output_stride", "convolution", "minimalistic", "reduced_tail",
    "hidden_channels",
)  # fmt: skip
OF_NETWORKS = ("width", "conventions", "output_stride", "last_channels")  # below heads
OF_HEADS = ("classes", "extras", "heads", "boxes", "first", "filters", "low", "rates")
FOUND = ("first", "low", "high", "rates")  # the builders' choices where nothing is given
PARTS = {
    "network": ("network",),
    "extra layers": ("extra_",),
    "heads": ("class_", "box_"),
}  # the rest is "head"
IN_WORDS = {
    "macs": "MACs", "kernel_weights": "weights of kernels", "params": "parameters",
    "macs_by_space_to_batch": "MACs by space-to-batch",
}  # fmt: skip


def add_networks(cost: Commands) -> None:
    """Add `npconv cost mobilenet_v1`, `mobilenet_v2`, `mobilenet_v3`, `ssdlite`, `lr_aspp` and `deeplab_v3`."""
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
    _add_segmenters(cost)


def _add_ssdlite(cost: Commands) -> None:
    about = "SSDLite on a MobileNet: the network, the extra layers and the heads"
    add = _with_heads(cost, "ssdlite", about, "mobilenet_v2", resolution=320, classes=81).add_argument
    words = "of the network's last convolution (MobileNetV2: 1280, MobileNetV3: 6 times the last block's)"
    add("--last-channels", type=CLASSES, metavar="N", help=words)
    words = "of the extra layers (512 256 256 128); 0 for none"
    add("--extras", nargs="+", type=CHANNELS, default=[512, 256, 256, 128], metavar="N", help=words)
    add("--heads", choices=("separable", "full"), default="separable", help="full for SSD's own (%(default)s)")
    add("--boxes", choices=("tensorflow", "torchvision"), default="tensorflow", help="default boxes (%(default)s)")
    words = "the layer of the first map, as in block_13 (the expansion before the last stride)"
    add("--first", metavar="LAYER", help=words)


def _add_segmenters(cost: Commands) -> None:
    lr_aspp = _with_heads(cost, "lr_aspp", "LR-ASPP on a MobileNet: the network and the head", "mobilenet_v3")
    words = "the layer of the finer map, as in block_2 (the first block at stride 8)"
    lr_aspp.add_argument("--low", metavar="LAYER", help=words)
    deeplab = _with_heads(cost, "deeplab_v3", "DeepLabv3 on a MobileNet: the network and the head", "mobilenet_v2")
    words = "dilations of the 3×3 branches (6 12 18 at output stride 16, 12 24 36 at 8); 0 for none"
    deeplab.add_argument("--rates", nargs="+", type=RATE, metavar="D", help=words)
    for parser, filters in ((lr_aspp, 128), (deeplab, 256)):
        add = parser.add_argument
        add("--filters", type=Whole(1, CHANNELS.most), default=filters, metavar="N", help="of the head (%(default)s)")
        words = "dilate instead of striding further (%(default)s)"
        add("--output-stride", type=Whole(1, 32), choices=(4, 8, 16, 32), default=16, help=words)


def _with_heads(
    cost: Commands, name: str, what: str, network: str, *, resolution: int = 513, classes: int = 21
) -> argparse.ArgumentParser:
    """The parser of a network with heads, with the options that all of them have."""
    parser = cost.add_parser(name, help=what)
    add = parser.add_argument
    add("--network", choices=MOBILENETS, default=network, help="(%(default)s)")
    add("--size", choices=("large", "small"), default="large", help="of MobileNetV3 (%(default)s)")
    words = "half the channels from MobileNetV3's last stride on"
    add("--reduced-tail", action="store_true", help=words)
    add("--width", type=WIDTH, default=1.0, metavar="FACTOR", help="of the network's channels (%(default)s)")
    words = f"of the images: side, or height and width ({resolution})"
    add("--resolution", nargs="+", type=SIDE, default=[resolution], metavar="D", help=words)
    words = "with the background (%(default)s)"
    add("--classes", type=Whole(2, 1300), default=classes, metavar="N", help=words)
    add("--batch", type=BATCH, default=1, metavar="B", help="images at once (%(default)s)")
    words = "the family whose padding and widths the network has (%(default)s)"
    add("--conventions", choices=("keras", "torchvision", "timm"), default="keras", help=words)
    words = "list all layers, the blocks alone, or only the sums by kind of layer (kind)"
    add("--by", choices=TABLES, default="kind", help=words)
    add("--json", action="store_true", help="print all of it as JSON instead of tables")
    parser.set_defaults(run=_run_with_heads)
    return parser


def _run_with_heads(arguments: argparse.Namespace) -> int:
    from .. import models

    given = vars(arguments)
    own = {name: given[name] for name in OF_NETWORKS if given.get(name) is not None}
    if arguments.network == "mobilenet_v3":
        own |= {"size": arguments.size, "reduced_tail": arguments.reduced_tail}
    elif arguments.reduced_tail or arguments.size != "large":
        raise ValueError(f"--size and --reduced-tail are of mobilenet_v3; the network is {arguments.network}")
    if "last_channels" in own and arguments.network == "mobilenet_v1":
        raise ValueError("--last-channels: mobilenet_v1 has no last convolution behind its blocks")
    options = {name: given[name] for name in OF_HEADS if name in given}
    for name, numbers in (("extras", "channels"), ("rates", "dilations")):
        if 0 in (given.get(name) or ()):
            if options[name] != [0]:
                shown = " ".join(map(str, options[name]))
                raise ValueError(f"--{name} must be {numbers}, or 0 alone; got {shown}")
            options[name] = []
    images = (arguments.batch, *pair("--resolution", arguments.resolution), 3)
    model = getattr(models, arguments.what)(getattr(models, arguments.network)(**own), **options)
    counted, parts, maps = models.summary(model, images), part_numbers(model, images), model.map_shapes(images)
    detects = isinstance(model, models.SSDLite)
    if arguments.json:
        found = {name: getattr(model.options, name) for name in FOUND if hasattr(model.options, name)}
        scores = {"default_boxes": counted.output_shape[1]} if detects else {"scores": model.score_shape(images)}
        told = {arguments.what: arguments.network, **own, **options, **found, "maps": maps, **scores, "parts": parts}
        print(json.dumps({**told, **counted.as_dict()}, indent=1))
        return 0
    print(counted.as_text(arguments.by))
    print_parts(parts)
    sides = [shape_text(shape[1:]) for shape in maps]
    if detects:
        boxes = f"{counted.output_shape[1]:,} default boxes on the maps {', '.join(sides)}"
        print(f"{boxes}, the first from {model.options.first}")
    else:
        names = (*model.taken, model.options.high)
        sources = " and ".join(f"{shape} from {name}" for shape, name in zip(sides, names, strict=True))
        print(f"{shape_text(model.score_shape(images)[1:])} scores, of {sources}")
    return 0


def part_numbers(model: "NetworkWithHeads", images: tuple[int, ...]) -> list[dict[str, Any]]:
    """The network, the other parts and all, each with its MACs, its weights of kernels and its parameters.

    A segmentation network's have their MACs by space-to-batch too.
    """
    from ..models import SSDLite, kernel_weights

    plain, whole = model.cost(images).parts, model.cost(images, space_to_batch=True).parts
    names = {part: [name for name in plain if name.startswith(beginnings)] for part, beginnings in PARTS.items()}
    names["head"] = [name for name in plain if not any(name in part for part in names.values())]
    names = {part: inside for part, inside in names.items() if inside} | {"total": list(plain)}
    return [
        {
            "part": part,
            "macs": sum(plain[name].macs for name in inside),
            "kernel_weights": sum(kernel_weights(model.layers[name]) for name in inside),
            "params": sum(plain[name].params for name in inside),
        }
        | ({} if isinstance(model, SSDLite) else {"macs_by_space_to_batch": sum(whole[name].macs for name in inside)})
        for part, inside in names.items()
    ]


def print_parts(parts: Sequence[dict[str, Any]]) -> None:
    """Print the parts of a network with heads below its counts."""
    print()
    names = [name for name in parts[0] if name != "part"]
    rows = [[part["part"], *(f"{part[name]:,}" for name in names)] for part in parts]
    print_table(["part", *(IN_WORDS[name] for name in names)], rows)


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
    add("--by", choices=TABLES, help=words)
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
    print_network(build(), images, arguments, {"network": arguments.what, **options})
    return 0


def print_network(
    network: "Layer", shape: tuple[int, ...], arguments: argparse.Namespace, told: dict[str, Any]
) -> None:
    """Print a network's counts and its memory for an input of that shape, as --by, --as and --json say.

    JSON has what is `told` in front. The parts of a network with heads are listed too.
    """
    from .. import models
    from ..models.with_heads import NetworkWithHeads

    if arguments.counter:
        given = {**told, "input_shape": list(shape)} if arguments.json else None
        print_counts(network, shape, arguments.counter, given)
        return
    counted = models.summary(network, shape)
    peaks = {each: models.activation_memory(network, shape, granularity=each).peak for each in ("layers", "blocks")}
    parts = part_numbers(network, shape) if isinstance(network, NetworkWithHeads) else []
    if arguments.json:
        memory = {
            each: {"name": peak.name, "numbers": peak.elements, "bytes": peak.bytes} for each, peak in peaks.items()
        }
        listed = {"parts": parts} if parts else {}
        print(json.dumps({**told, **counted.as_dict(), "memory": memory, **listed}, indent=1))
        return
    print(counted.as_text(arguments.by or "layer"))
    if parts:
        print_parts(parts)
    for each, peak in peaks.items():
        print(f"largest input and output, by {each}: {peak.elements:,} numbers, {peak.bytes:,} bytes ({peak.name})")
