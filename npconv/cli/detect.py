"""`npconv detect`: the objects that an SSDLite network finds in a picture, printed and drawn on it."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .predict import READ, WORDS as OF_ALL_PICTURES, names_in
from .shared import Commands, File, Real, Whole, pair, print_table

if TYPE_CHECKING:
    from ..detection import Found
    from ..models import SSDLite

SHIPS = "ssdlite_digits.npz"
DIGITS = "0123456789"
RECORD = "history.json"  # which `npconv train ssdlite` writes beside the network
SIDE_OF_DIGITS, SIDE = 64, 320  # of pictures for the networks of the digits, and for others
MOST_PIXELS = 2**20
WORDS = {"own": "minus the picture's mean, divided by its deviation"} | OF_ALL_PICTURES


class Taken(NamedTuple):
    """The form of a network's pictures: the shorter side or both sides, and the scaling; and the classes' names."""

    sides: Sequence[int]
    scaling: str
    names: Sequence[str] | None


def add_parser(commands: Commands) -> None:
    """Add `npconv detect`."""
    detect = commands.add_parser("detect", help="the objects in a picture, by an SSDLite network")
    add = detect.add_argument
    add("picture", type=READ, metavar="PICTURE", help="JPEG, PNG and what else Pillow reads")
    words = "a detector that npconv train ssdlite or SSDLite.save wrote (the digits' that ships)"
    add("--model", type=READ, metavar="FILE", help=words)
    add("--out", type=File((".png", ".svg")), metavar="FILE", help="draw the objects on the picture: .png or .svg")
    words = "of what the network gets: the shorter side, or height and width (as in training)"
    add("--resolution", nargs="+", type=Whole(1, 1024), metavar="D", help=words)
    add("--scaling", choices=tuple(WORDS), help="of the pixels (as in training)")
    words = "the classes' names, one a line, or a JSON list or object; without it classes are numbers, from 1"
    add("--names", type=READ, metavar="FILE", help=words)
    words = "only objects with a score above this one (%(default)s)"
    add("--score-threshold", type=Real(0, 1), default=0.5, metavar="S", help=words)
    words = "of two boxes of a class that overlap more, only the better one (%(default)s)"
    add("--iou-threshold", type=Real(0, 1), default=0.55, metavar="IOU", help=words)
    add("--most", type=Whole(1, 1000), default=100, metavar="N", help="objects, the best ones (%(default)s)")
    add("--json", action="store_true", help="print all of it as JSON")
    detect.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from ..files import write_whole
    from .pictures import as_input_of, read_picture

    model, channels = _detector(arguments.model)
    taken = _taken(model, channels, arguments)
    picture = read_picture(arguments.picture)
    height, width = size = picture.image.height, picture.image.width
    resolution = _resolution(model, taken.sides, size)
    x = as_input_of(picture.image, resolution, channels, taken.scaling)
    options = {name: getattr(arguments, name) for name in ("score_threshold", "iou_threshold", "most")}
    found = model.detect(x, **options)[0]
    scale = np.array([height / resolution[0], width / resolution[1]] * 2)
    objects = _objects(found._replace(boxes=found.boxes * scale), taken.names)
    if arguments.out:
        write_whole(arguments.out, _drawn(np.asarray(picture.image), objects, arguments.out))
    told = {
        "network": {"architecture": model.network.specification.architecture, "classes": model.classes,
                    "channels": channels},
        "pictures": {"resolution": list(resolution), "scaling": taken.scaling}, "thresholds": options,
        "file": arguments.picture, "size": list(size), "picture": picture.notes, "objects": objects,
        "drawn": arguments.out,
    }  # fmt: skip
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        _print(told)
    return 0


def _print(told: Mapping[str, Any]) -> None:
    """The network, the form of its picture, and the table of the objects."""
    network, (height, width) = told["network"], told["pictures"]["resolution"]
    print(
        f"SSDLite on {network['architecture'].replace('mobilenet_v', 'MobileNetV')}, {network['classes'] - 1} classes"
    )
    grey = ", grey" if network["channels"] == 1 else ""
    scaling = WORDS[told["pictures"]["scaling"]]
    print(f"{told['file']}: {', '.join(told['picture'])}; resized to {width}×{height}{grey}, {scaling}\n")
    if objects := told["objects"]:
        header = ["name" if "name" in objects[0] else "label", "score", "top", "left", "bottom", "right"]
        rows = [[_word(each), f"{each['score']:.3f}", *map("{:.1f}".format, each["box"])] for each in objects]
        print_table(header, rows)
    else:
        print(f"nothing found with a score above {told['thresholds']['score_threshold']:g}")
    if told["drawn"]:
        print(f"\ndrawn: {told['drawn']}")


def _detector(path: str | None) -> tuple["SSDLite", int]:
    """The detector in a file, or the one that ships, and the channels of its images."""
    from .. import data
    from ..models import SSDLite, read_network

    file = data.path(SHIPS) if path is None else path
    model = read_network(file)
    if not isinstance(model, SSDLite):
        raise ValueError(f"--model must be a detector, an SSDLite; {file} has a {type(model).__name__}")
    channels = model.network.in_channels
    if channels not in (1, 3):
        raise ValueError(f"--model must take pictures of 1 or 3 channels; {file} takes {channels}")
    return model, channels


def _taken(model: "SSDLite", channels: int, arguments: argparse.Namespace) -> Taken:
    """The form of the pictures: by the options, else by the training's record, else by the network's kind."""
    digits = channels == 1 and not model.extras  # as the network of the digits
    sides = [SIDE_OF_DIGITS if digits else SIDE]
    if arguments.model and (recorded := _recorded(Path(arguments.model).with_name(RECORD), channels)):
        sides, digits = recorded
    sides = arguments.resolution or sides
    pair("--resolution", sides)  # one or two
    scaling = arguments.scaling or ("own" if digits else "minus-one-to-one")
    if scaling == "imagenet" and channels == 1:
        raise ValueError("--scaling must be another one, as imagenet's is of three channels and the network takes one")
    names = list(DIGITS) if digits and model.classes == len(DIGITS) + 1 else None
    return Taken(sides, scaling, _names(arguments.names, model.classes) if arguments.names else names)


def _recorded(file: Path, channels: int) -> tuple[list[int], bool] | None:
    """The sides of the training images in a record, one where they are equal, and True for the digits; or None."""
    from ..files import parse_json

    try:
        record = parse_json(file.read_text(encoding="utf-8"))
        *sides, planes = record["image_shape"]
        digits = record["data"] == "digits in the wild"
    except (OSError, ValueError, TypeError, KeyError):  # it is no record of a detector
        return None
    if planes != channels or len(sides) != 2 or not all(type(side) is int and 1 <= side <= 1024 for side in sides):
        return None
    return (sides[:1] if sides[0] == sides[1] else sides), digits


def _names(path: str, classes: int) -> list[str]:
    """The names in a file, for the classes from 1 on; that of the background may be the first."""
    names = names_in(path)
    if len(names) not in (classes - 1, classes):
        raise ValueError(f"--names must have {classes - 1:,} names, as many as there are classes; got {len(names):,}")
    return names[-(classes - 1) :]


def _resolution(model: "SSDLite", sides: Sequence[int], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width for the network: the sides, or the picture's own with the shorter one as long as the side.

    Where the default boxes' sides are shares of the image's height and width, it is a square.
    """
    from ..models.features import last_blocks

    shorter = min(size) if model.options.boxes.relative_to == "shorter" else None
    if len(sides) == 2 or shorter is None:
        height, width = sides[0], sides[-1]
    else:
        height, width = (round(each * sides[0] / shorter) for each in size)
    stride = max(last_blocks(model.network))
    if min(height, width) < stride:
        raise ValueError(f"--resolution must be at least {stride}, the network's stride; got {min(height, width)}")
    if height * width > MOST_PIXELS:
        raise ValueError(f"--resolution must give at most {MOST_PIXELS:,} pixels; got {height}×{width}")
    return height, width


def _objects(found: "Found", names: Sequence[str] | None) -> list[dict[str, Any]]:
    """The objects as JSON has them, the best first."""
    objects: list[dict[str, Any]] = [
        {"label": label, "score": score, "box": [round(side, 3) for side in box]}
        for box, score, label in zip(*(part.tolist() for part in found), strict=True)
    ]
    return [each | ({"name": names[each["label"] - 1]} if names else {}) for each in objects]


def _word(each: Mapping[str, Any]) -> str:
    return str(each.get("name", each["label"]))


def _drawn(pixels: Any, objects: Sequence[Mapping[str, Any]], path: str) -> bytes:
    """The picture with the objects on it, as the bytes of a file."""
    import numpy as np

    from ..figures.parts.found import picture_of_found

    boxes = np.array([each["box"] for each in objects]).reshape(-1, 4)
    words = [f"{_word(each)} {each['score']:.2f}" for each in objects]
    return picture_of_found(pixels, boxes, [each["label"] for each in objects], words, path.lower()[-3:])
