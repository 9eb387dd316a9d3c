"""`npconv segment`: the class of each pixel of a picture by a segmentation network, printed, drawn, and as a mask."""

import argparse
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .one_picture import add_options, form_of, input_of, network_in, print_form, told_of
from .shared import Commands, File, print_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.segmenter import Segmenter

SHIPS = "both_digits.npz"
HEADS = {"lr_aspp": "LR-ASPP", "deeplab_v3": "DeepLabv3"}
MOST_LABELS = 256  # of a palette


def add_parser(commands: Commands) -> None:
    """Add `npconv segment`."""
    segment = commands.add_parser("segment", help="the class of each pixel of a picture, by a segmentation network")
    model = "a network that npconv train lr_aspp, deeplab or both, or its save wrote (the digits' that ships)"
    add_options(segment, model=model, drawn="the classes")
    words = "write the labels as a picture of the same size, whose palette has a colour for each"
    segment.add_argument("--mask", type=File((".png",)), metavar="FILE", help=words)
    segment.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..files import write_whole
    from ..models.segmenter import Segmenter
    from .pictures import read_picture

    model = network_in(arguments.model, SHIPS, Segmenter, "a segmentation network, such as LR-ASPP or DeepLabv3")
    if arguments.mask and model.classes > MOST_LABELS:
        raise ValueError(f"--mask must be left out: it holds {MOST_LABELS} labels, and there are {model.classes:,}")
    form = form_of(arguments, model.network.in_channels, model.classes, digits=model.network.in_channels == 1)
    picture = read_picture(arguments.picture)
    taken = input_of(picture.image, model, form)
    labels = labels_of(model, taken.x, (picture.image.height, picture.image.width))
    if arguments.out:
        write_whole(arguments.out, _drawn(taken.pixels, labels, form.names, model.classes, arguments.out))
    if arguments.mask:
        write_whole(arguments.mask, _as_png(labels))
    told = told_of(arguments, model.network, model.classes, form, picture.notes, taken)
    told["network"]["head"] = model.builder
    told |= {"classes": _shares(labels, form.names), "drawn": arguments.out, "mask": arguments.mask}
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        _print(told)
    return 0


def labels_of(model: "Segmenter", x: "NDArray[Any]", size: tuple[int, int]) -> "NDArray[Any]":
    """The class of each pixel of a picture of a size, (height, width): the network's scores resized to it, the largest.

    Scores are resized, and not labels, so that borders between classes are as fine as the picture's pixels; class by
    class, as the scores of all of them may need more memory than there is.
    """
    import numpy as np

    from .. import resize_bilinear

    scores, labels = model.scores(x), np.zeros(size, np.int64)  # (1, D, D, C), (height, width)
    best = np.full(size, -np.inf, scores.dtype)
    for label in range(model.classes):
        own = resize_bilinear(scores[..., label : label + 1], size, align=model.align)[0, ..., 0]  # (height, width)
        larger = own > best
        labels[larger], best[larger] = label, own[larger]
    return labels


def _shares(labels: "NDArray[Any]", names: Sequence[str] | None) -> list[dict[str, Any]]:
    """The classes in a mask, that of most pixels first, as JSON has them."""
    import numpy as np

    counts = np.bincount(labels.ravel())
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
    return [
        {"label": label, "pixels": int(counts[label]), "share": int(counts[label]) / labels.size}
        | ({"name": names[label]} if names else {})
        for label in order
    ]


def _print(told: Mapping[str, Any]) -> None:
    """The network, the form of its picture, and the table of the classes."""
    print_form(told, HEADS.get(told["network"]["head"], told["network"]["head"]), told["network"]["classes"])
    named = "name" if "name" in told["classes"][0] else "label"
    rows = [[str(each[named]), f"{each['pixels']:,}", f"{100 * each['share']:.1f}"] for each in told["classes"]]
    print_table([named, "pixels", "share in %"], rows)
    if written := [f"{word}: {told[word]}" for word in ("drawn", "mask") if told[word]]:
        print("", *written, sep="\n")


def _drawn(pixels: Any, labels: Any, names: Sequence[str] | None, classes: int, path: str) -> bytes:
    """The picture with the classes on it, as the bytes of a file."""
    from ..figures.parts.segments import picture_of_segments

    return picture_of_segments(pixels, labels, names or list(map(str, range(classes))), path.lower()[-3:])


def _as_png(labels: Any) -> bytes:
    """Labels (height, width) as the bytes of a PNG with a palette: each pixel is its label, the background is black."""
    import numpy as np
    from PIL import Image

    from ..figures.parts.segments import rgb_of

    image = Image.fromarray(labels.astype(np.uint8))
    colors = [np.zeros(3), *(rgb_of(label) for label in range(1, MOST_LABELS))]
    image.putpalette(bytes(round(part) for color in colors for part in color.tolist()))
    image.save(buffer := io.BytesIO(), "png")
    return buffer.getvalue()
