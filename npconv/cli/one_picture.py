"""Common parts of `npconv detect` and `npconv segment`: a network from a file, and one picture in its form."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .predict import READ, WORDS as OF_ALL_PICTURES, names_in
from .shared import File, Whole, pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models import MobileNet
    from ..models.with_heads import NetworkWithHeads

    Network = TypeVar("Network", bound=NetworkWithHeads)

RECORD = "history.json"  # which `npconv train` writes beside the network
DIGITS = ("background", *"0123456789")
INK = ("background", "ink")
SIDE_OF_DIGITS, SIDE = 64, 320  # of pictures for the networks of the digits, and for others
MOST_PIXELS = 2**20
WORDS = {"own": "minus the picture's mean, divided by its deviation"} | OF_ALL_PICTURES


class Form(NamedTuple):
    """The form of a network's pictures: the shorter side or both sides, and the scaling; and the classes' names."""

    sides: Sequence[int]
    scaling: str
    names: Sequence[str] | None


class Input(NamedTuple):
    """A picture's pixels (height, width, 3) of uint8, and as the network takes it, (1, height, width, channels)."""

    pixels: "NDArray[Any]"
    x: "NDArray[Any]"


def add_options(parser: argparse.ArgumentParser, *, model: str, drawn: str) -> None:
    """Add the options that both commands have: the `model` and what is `drawn` in words."""
    add = parser.add_argument
    add("picture", type=READ, metavar="PICTURE", help="JPEG, PNG and what else Pillow reads")
    add("--model", type=READ, metavar="FILE", help=model)
    add("--out", type=File((".png", ".svg")), metavar="FILE", help=f"draw {drawn} on the picture: .png or .svg")
    words = "of what the network gets: the shorter side, or height and width (as in training)"
    add("--resolution", nargs="+", type=Whole(1, 1024), metavar="D", help=words)
    add("--scaling", choices=tuple(WORDS), help="of the pixels (as in training)")
    words = "the classes' names, one a line, or a JSON list or object; that of the background, 0, may be left out"
    add("--names", type=READ, metavar="FILE", help=words)
    add("--json", action="store_true", help="print all of it as JSON")


def network_in(path: str | None, ships: str, kind: "type[Network]", words: str) -> "Network":
    """The network of a kind in a file, or in the one that ships; for one of two kinds, its part of that kind."""
    from .. import data
    from ..models import MultiTask, read_network

    file = data.path(ships) if path is None else path
    model = read_network(file)
    parts = (model.detector, model.segmenter) if isinstance(model, MultiTask) else (model,)
    part = next((part for part in parts if isinstance(part, kind)), None)
    if part is None:
        raise ValueError(f"--model must be {words}; {file} has a network of class {type(model).__name__}")
    channels = part.network.in_channels
    if channels not in (1, 3):
        raise ValueError(f"--model must take pictures of 1 or 3 channels; {file} takes {channels}")
    return part


def form_of(arguments: argparse.Namespace, channels: int, classes: int, digits: bool) -> Form:
    """The form of the pictures: by the options, else by the training's record, else as the network is for `digits`."""
    sides = [SIDE_OF_DIGITS if digits else SIDE]
    if arguments.model and (recorded := _recorded(Path(arguments.model).with_name(RECORD), channels)):
        sides, digits = recorded
    sides = arguments.resolution or sides
    pair("--resolution", sides)  # one or two
    scaling = arguments.scaling or ("own" if digits else "minus-one-to-one")
    if scaling == "imagenet" and channels == 1:
        raise ValueError("--scaling must be another one, as imagenet's is of three channels and the network takes one")
    names = {len(each): each for each in (DIGITS, INK)}.get(classes) if digits else None
    return Form(sides, scaling, _names(arguments.names, classes) if arguments.names else names)


def _recorded(file: Path, channels: int) -> tuple[list[int], bool] | None:
    """The sides of the training images in a record, one where they are equal, and True for the digits; or None."""
    from ..files import parse_json

    try:
        record = parse_json(file.read_text(encoding="utf-8"))
        *sides, planes = record["image_shape"]
        digits = record["data"] == "digits in the wild"
    except (OSError, ValueError, TypeError, KeyError):  # it is no record of such a network
        return None
    if planes != channels or len(sides) != 2 or not all(type(side) is int and 1 <= side <= 1024 for side in sides):
        return None
    return (sides[:1] if sides[0] == sides[1] else sides), digits


def _names(path: str, classes: int) -> list[str]:
    """The names in a file, for the classes from 0 on; that of the background may be left out."""
    names = names_in(path)
    if len(names) not in (classes - 1, classes):
        raise ValueError(
            f"--names must have {classes:,} names, as many as there are classes, or one less, without the background; "
            f"got {len(names):,}"
        )
    return names if len(names) == classes else ["background", *names]


def input_of(image: Any, network: "NetworkWithHeads", form: Form, *, square: bool = False) -> Input:
    """A picture of Pillow's for a network: stretched to height and width, or with its shorter side as long as the side.

    With `square` it is stretched to a square where there is only one side.
    """
    import numpy as np

    from .pictures import as_input_of

    resolution = _resolution(network, form.sides, (image.height, image.width), square)
    return Input(np.asarray(image), as_input_of(image, resolution, network.network.in_channels, form.scaling))


def _resolution(
    network: "NetworkWithHeads", sides: Sequence[int], size: tuple[int, int], square: bool
) -> tuple[int, int]:
    from ..models.features import last_blocks

    if len(sides) == 2 or square:
        height, width = sides[0], sides[-1]
    else:
        height, width = (round(each * sides[0] / min(size)) for each in size)
    stride = max(last_blocks(network.network))
    if min(height, width) < stride:
        raise ValueError(f"--resolution must be at least {stride}, the network's stride; got {min(height, width)}")
    if height * width > MOST_PIXELS:
        raise ValueError(f"--resolution must give at most {MOST_PIXELS:,} pixels; got {height}×{width}")
    return height, width


def told_of(
    arguments: argparse.Namespace, network: "MobileNet", classes: int, form: Form, notes: Sequence[str], taken: Input
) -> dict[str, Any]:
    """The network, the form of its picture, and the picture, as JSON has them."""
    return {
        "network": {"architecture": network.specification.architecture, "classes": classes,
                    "channels": network.in_channels},
        "pictures": {"resolution": list(taken.x.shape[1:3]), "scaling": form.scaling},
        "file": arguments.picture, "size": list(taken.pixels.shape[:2]), "picture": list(notes),
    }  # fmt: skip


def print_form(told: Mapping[str, Any], head: str, classes: int) -> None:
    """Print the network and the form of its picture."""
    network, (height, width) = told["network"], told["pictures"]["resolution"]
    print(f"{head} on {network['architecture'].replace('mobilenet_v', 'MobileNetV')}, {classes} classes")
    grey = ", grey" if network["channels"] == 1 else ""
    scaling = WORDS[told["pictures"]["scaling"]]
    print(f"{told['file']}: {', '.join(told['picture'])}; resized to {width}×{height}{grey}, {scaling}\n")
