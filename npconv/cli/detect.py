"""`npconv detect`: the objects that an SSDLite network finds in a picture, printed and drawn on it."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .one_picture import add_options, form_of, input_of, network_in, print_form, told_of
from .shared import Commands, Real, Whole, print_table

if TYPE_CHECKING:
    from ..detection import Found

SHIPS = "ssdlite_digits.npz"


def add_parser(commands: Commands) -> None:
    """Add `npconv detect`."""
    detect = commands.add_parser("detect", help="the objects in a picture, by an SSDLite network")
    model = "a detector that npconv train ssdlite, or both, or its save wrote (the digits' that ships)"
    add_options(detect, model=model, drawn="the objects")
    add = detect.add_argument
    words = "only objects with a score above this one (%(default)s)"
    add("--score-threshold", type=Real(0, 1), default=0.5, metavar="S", help=words)
    words = "of two boxes of a class that overlap more, only the better one (%(default)s)"
    add("--iou-threshold", type=Real(0, 1), default=0.55, metavar="IOU", help=words)
    add("--most", type=Whole(1, 1000), default=100, metavar="N", help="objects, the best ones (%(default)s)")
    detect.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from ..files import write_whole
    from ..models import SSDLite
    from .pictures import read_picture

    model = network_in(arguments.model, SHIPS, SSDLite, "a detector, an SSDLite")
    digits = model.network.in_channels == 1 and not model.extras  # as the network of the digits
    form = form_of(arguments, model.network.in_channels, model.classes, digits)
    picture = read_picture(arguments.picture)
    taken = input_of(picture.image, model, form, square=model.options.boxes.relative_to != "shorter")
    options = {name: getattr(arguments, name) for name in ("score_threshold", "iou_threshold", "most")}
    found = model.detect(taken.x, **options)[0]
    scale = np.divide(taken.pixels.shape[:2], taken.x.shape[1:3])
    objects = _objects(found._replace(boxes=found.boxes * np.tile(scale, 2)), form.names)
    if arguments.out:
        write_whole(arguments.out, _drawn(taken.pixels, objects, arguments.out))
    told = told_of(arguments, model.network, model.classes, form, picture.notes, taken)
    told |= {"thresholds": options, "objects": objects, "drawn": arguments.out}
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        _print(told)
    return 0


def _print(told: Mapping[str, Any]) -> None:
    """The network, the form of its picture, and the table of the objects."""
    print_form(told, "SSDLite", told["network"]["classes"] - 1)
    if objects := told["objects"]:
        header = ["name" if "name" in objects[0] else "label", "score", "top", "left", "bottom", "right"]
        rows = [[_word(each), f"{each['score']:.3f}", *map("{:.1f}".format, each["box"])] for each in objects]
        print_table(header, rows)
    else:
        print(f"nothing found with a score above {told['thresholds']['score_threshold']:g}")
    if told["drawn"]:
        print(f"\ndrawn: {told['drawn']}")


def _objects(found: "Found", names: Sequence[str] | None) -> list[dict[str, Any]]:
    """The objects as JSON has them, the best first."""
    objects: list[dict[str, Any]] = [
        {"label": label, "score": score, "box": [round(side, 3) for side in box]}
        for box, score, label in zip(*(part.tolist() for part in found), strict=True)
    ]
    return [each | ({"name": names[each["label"]]} if names else {}) for each in objects]


def _word(each: Mapping[str, Any]) -> str:
    return str(each.get("name", each["label"]))


def _drawn(pixels: Any, objects: Sequence[Mapping[str, Any]], path: str) -> bytes:
    """The picture with the objects on it, as the bytes of a file."""
    import numpy as np

    from ..figures.parts.found import picture_of_found

    boxes = np.array([each["box"] for each in objects]).reshape(-1, 4)
    words = [f"{_word(each)} {each['score']:.2f}" for each in objects]
    return picture_of_found(pixels, boxes, [each["label"] for each in objects], words, path.lower()[-3:])
