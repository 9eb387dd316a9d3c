"""`npconv predict`: the classes that a network with published or own weights gives pictures."""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .shared import Commands, File, Whole, pair, print_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models import MobileNet

BACKGROUND = 1001  # as many classes as TF-slim's networks have: ImageNet's behind that of the background
WIDTHS = (0.1, 0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.3, 1.4, 2.0)
READ = File(ordinary=True)
WORDS = {
    "imagenet": "minus ImageNet's mean, divided by its deviation", "minus-one-to-one": "from −1 to 1",
    "zero-to-one": "from 0 to 1", "none": "from 0 to 255",
}  # fmt: skip


def add_parser(commands: Commands) -> None:
    """Add `npconv predict`."""
    predict = commands.add_parser("predict", help="the classes of pictures, by a MobileNet with trained weights")
    add = predict.add_argument
    add("pictures", nargs="+", type=READ, metavar="PICTURE", help="JPEG, PNG and what else Pillow reads")
    words = ".npz, .safetensors, TensorFlow.js's model.json; .h5, .keras, .pth, .onnx by their libraries"
    add("--weights", required=True, type=READ, metavar="FILE", help=words)
    words = "compute otherwise than the names say: keras for timm's tf_ networks"
    add("--conventions", choices=("keras", "torchvision", "timm"), help=words)
    add("--classifier", metavar="NAME", help="the linear layer in the file, such as dense (the only one)")
    words = "of what the network gets: side, or height and width (as in the file's names, or 224)"
    add("--resolution", nargs="+", type=Whole(1, 2000), metavar="D", help=words)
    words = "cut out the middle, or stretch the whole picture (by family)"
    add("--resize", choices=("crop", "stretch"), help=words)
    add("--scaling", choices=tuple(WORDS), help="of the pixels (by family)")
    add("--top", type=Whole(1, 30_000), default=5, metavar="N", help="classes to print (%(default)s)")
    words = "the classes' names, one a line, or a JSON list or object; without it classes are numbers"
    add("--names", type=READ, metavar="FILE", help=words)
    add("--json", action="store_true", help="print all of it as JSON")
    predict.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..models import Inference, read_arrays
    from ..models.weights import recognise
    from .pictures import as_input, read_picture

    try:
        arrays = read_arrays(arguments.weights)
    except ImportError as error:
        raise ValueError(str(error)) from error
    model = _network(arrays, arguments)
    classes = model.params["classifier.bias"].size
    names = _names(arguments.names, classes) if arguments.names else None
    naming, own = recognise(arrays).naming, model.specification
    resolution = pair("--resolution", arguments.resolution or [_resolution(arrays)])
    resize = arguments.resize or ("stretch" if naming == "keras" else "crop")
    scaling = arguments.scaling or _scaling(naming, own.architecture, own.conventions)
    network = {
        "architecture": own.architecture, "width": _width(model), "classes": classes, "naming": naming,
        "conventions": own.conventions, "folded": "stem_norm" not in model.layers,
    }  # fmt: skip
    taken = {"resolution": list(resolution), "resize": resize, "scaling": scaling}
    if not arguments.json:
        print(_network_line(network))
        print(_pictures_line(resolution, resize, scaling))
    inference, found = Inference(model), []
    for path in arguments.pictures:
        picture = read_picture(path)
        logits = inference.forward(as_input(picture.image, resolution, resize, scaling))[0]
        top = _top(logits, arguments.top, names)
        found.append({"file": path, "picture": picture.notes, "top": top})
        if not arguments.json:
            print(f"\n{path}: {', '.join(picture.notes)}")
            header = [key for key in ("class", "share", "logit", "name") if key in top[0]]
            print_table(header, [[_text(row[key]) for key in header] for row in top])
    if arguments.json:
        print(json.dumps({"network": network, "pictures": taken, "predictions": found}, indent=1))
    return 0


def _network(arrays: Mapping[str, Any], arguments: argparse.Namespace) -> "MobileNet":
    """The network of the weights, which must have a classifier."""
    from ..models import MobileNet, from_weights

    try:
        classifier = True if arguments.classifier is None else arguments.classifier
        model = from_weights(arrays, conventions=arguments.conventions, classifier=classifier)
    except ValueError as error:
        needed = re.sub(r"(, or leave it out with|;) classifier=False( leaves it out)?$", "", str(error))
        raise ValueError(re.sub(r"classifier=('?)(.+?)\1(?= or classifier=|$)", r"--classifier \2", needed)) from error
    if not isinstance(model, MobileNet) or "classifier.bias" not in model.params:
        raise ValueError(f"{arguments.weights} has no classifier, so that there are no classes")
    return model


def _resolution(arrays: Mapping[str, Any]) -> int:
    """The side of the images that Keras writes into a network's name, as in mobilenetv2_1.00_160; else 224."""
    sides = {int(side) for name in arrays for side in re.findall(r"mobilenet(?:v2)?_\d\.\d+_(\d{2,4})\b", name)}
    return sides.pop() if len(sides) == 1 else 224


def _scaling(naming: str, architecture: str, conventions: str) -> str:
    """The scaling with which a family's networks are trained; those of timm's MobileNetV1 have Keras's."""
    with_mean = conventions != "keras" and (naming, architecture) != ("timm", "mobilenet_v1")
    return "imagenet" if with_mean else "minus-one-to-one"


def _width(model: "MobileNet") -> float | None:
    """The width multiplier that gives the blocks' channels, or None where no usual one does."""
    from ..models import MOBILENET_V1_ROWS, MOBILENET_V2_ROWS, MOBILENET_V3_ROWS, divisible

    own = [row.channels for row in model.specification.rows]
    tables: dict[str, Any] = {"mobilenet_v1": [MOBILENET_V1_ROWS], "mobilenet_v2": [MOBILENET_V2_ROWS]}
    for table in tables.get(model.specification.architecture, MOBILENET_V3_ROWS.values()):
        for width in WIDTHS:
            if any([rounded(row.channels * width) for row in table] == own for rounded in (divisible, int)):
                return width
    return None


def _names(path: str, classes: int) -> list[str]:
    """The names in a file, one for each class; of 1,001 classes the background may be left out."""
    names = names_in(path)
    if classes == BACKGROUND and len(names) == classes - 1:
        return ["background", *names]
    if len(names) != classes:
        raise ValueError(f"--names must have {classes:,} names, as many as there are classes; got {len(names):,}")
    return names


def names_in(path: str) -> list[str]:
    """The names in a file: one a line, a JSON list, or a JSON object from the classes' numbers."""
    from ..files import parse_json

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"--names must be a file in UTF-8; got {error}") from error
    return _of_json(parse_json(text, unique=True)) if text.lstrip()[:1] in ("[", "{") else text.splitlines()


def _of_json(data: Any) -> list[str]:
    """Names in a list, or by the numbers of their classes; of a list in a name's place, as Keras has it, the last."""
    if isinstance(data, dict):
        if sorted(data) != sorted(map(str, range(len(data)))):
            raise ValueError(f"--names must have the numbers of classes as keys, from 0 to {len(data) - 1}")
        data = [data[str(i)] for i in range(len(data))]
    names = [name[-1] if isinstance(name, list) and name else name for name in data]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("--names must be a JSON list of names, or an object from numbers to names")
    return names


def _top(logits: "NDArray[Any]", count: int, names: Sequence[str] | None) -> list[dict[str, Any]]:
    """The classes with the largest logits, and their shares by softmax."""
    import numpy as np

    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    order = np.argsort(-logits, kind="stable")[:count]
    rows: list[dict[str, Any]] = [
        {"class": int(i), "share": float(shares[i]), "logit": float(logits[i])} for i in order
    ]
    return [row | ({"name": names[row["class"]]} if names else {}) for row in rows]


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _network_line(network: dict[str, Any]) -> str:
    called = network["architecture"].replace("mobilenet_v", "MobileNetV")
    width = "channels of its own" if network["width"] is None else f"width {network['width']:g}"
    folded = ", folded" if network["folded"] else ""
    background = ", of which 0 is the background" if network["classes"] == BACKGROUND else ""
    return (
        f"{called}, {width}, {network['classes']:,} classes{background}; {network['naming']}'s names, "
        f"{network['conventions']}'s conventions{folded}"
    )


def _pictures_line(resolution: tuple[int, int], resize: str, scaling: str) -> str:
    from .pictures import LARGER

    height, width = resolution
    around = "×".join(str(round(side * LARGER)) for side in resolution)
    middle = f"resized to cover {around}, of which the middle {height}×{width}"
    return f"pictures: {middle if resize == 'crop' else f'stretched to {height}×{width}'}, {WORDS[scaling]}"
