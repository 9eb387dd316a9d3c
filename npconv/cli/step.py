"""`npconv step`: an operation step by step, as one page for a browser."""

import argparse
import inspect
import re
import shlex
from typing import Any

from .shared import PAD, SIDE, SIZE, Commands, File, Real, add_sizes, option_name, pair, size_of

SIZES = (
    "x", "kernel", "out_channels", "stride", "padding", "output_padding", "dilation", "groups", "depth_multiplier",
    "expansion", "seed", "size", "align", "truths", "anchors", "boxes", "scores", "image_size", "map_size", "threshold",
    "one_to_one",
)  # fmt: skip
BOXES = ("truths", "anchors", "boxes")


def add_parser(commands: Commands) -> None:
    """Add `npconv step`."""
    from ..course.steps import KINDS
    from ..kernels.resize import ALIGNMENTS

    step = commands.add_parser("step", help="an operation step by step, as a page that opens in a browser")
    step.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    step.add_argument("--out", required=True, type=File((".html",)), metavar="FILE.html")
    sizes = add_sizes(step, "sizes, each kind's own unless given")
    sizes.add_argument("--output-padding", nargs="+", type=PAD, metavar="P", help="one or two numbers")
    sizes.add_argument("--groups", type=SIZE, metavar="G")
    sizes.add_argument("--size", nargs="+", type=SIZE, metavar="D", help="of a resize: side, or height and width")
    sizes.add_argument("--align", choices=ALIGNMENTS, help="of a resize")
    step._negative_number_matcher = re.compile(r"-[\d.]")  # -8,-8,24,24 is a box, no option
    for name in BOXES:
        number = "" if name == "anchors" else "a number of boxes, or "
        sizes.add_argument(
            f"--{name}", nargs="+", type=numbers, metavar="T,L,B,R", help=f"{number}boxes: top,left,bottom,right"
        )
    sizes.add_argument("--scores", nargs="+", type=Real(-1e6, 1e6), metavar="S", help="one for each box")
    sizes.add_argument("--image-size", nargs="+", type=SIDE, metavar="D", help="side, or height and width")
    sizes.add_argument("--map-size", nargs="+", type=SIZE, metavar="D", help="cells a side, or rows and columns")
    sizes.add_argument("--threshold", type=Real(0, 1), metavar="IOU")
    sizes.add_argument("--one-to-one", action="store_true", help="match each truth to a default box of its own")
    step.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.page import write_page
    from ..course.steps import KINDS, stepper
    from ..text import counted

    takes = [name for name in inspect.signature(KINDS[arguments.kind]).parameters if _shell_has(arguments.kind, name)]
    given = {"x" if name == "input" else name: value for name, value in vars(arguments).items()}
    sizes = {name: value for name, value in given.items() if name in SIZES}
    strange = [option_name(name) for name in sizes if name not in takes]
    if strange:
        options = ", ".join(map(option_name, takes))
        raise ValueError(f"{arguments.kind} takes no {' and no '.join(strange)}; it takes {options}")
    made = stepper(arguments.kind, **{name: _value(name, value) for name, value in sizes.items()})
    write_page(made, arguments.out, command=_command(arguments.kind, sizes))
    print(f"wrote {made.kind}, {counted('step', len(made.steps))}, to {arguments.out}")
    return 0


def numbers(text: str) -> tuple[float, ...]:
    """The type of --boxes, --truths and --anchors, of each of its words: four numbers, or one that counts boxes."""
    try:
        found = tuple(map(float, text.split(",")))
    except ValueError:
        found = ()
    if len(found) not in (1, 4) or not all(abs(number) < 1e6 for number in found):
        raise argparse.ArgumentTypeError(f"must be four numbers with commas between, such as 0,0,10,8; got {text}")
    return found


def _value(name: str, value: Any) -> Any:
    """The value of an option, as a stepper takes it."""
    if name in BOXES:
        if len(value) == 1 and len(value[0]) == 1 and value[0][0].is_integer() and name != "anchors":
            return int(value[0][0])
        if any(len(box) != 4 for box in value):
            raise ValueError(f"{option_name(name)} must be boxes of four numbers, top,left,bottom,right")
        return _array(value)
    if name == "scores":
        return _array(value)
    return pair(option_name(name), value) if name in ("image_size", "map_size", "size") else size_of(name, value)


def _array(value: Any) -> Any:
    import numpy as np

    return np.array(value, np.float64)


def _shell_has(kind: str, name: str) -> bool:
    """True if an argument of a kind has an option: arrays have none, nor has a pointwise kernel, without sides."""
    return name in SIZES and (kind, name) != ("pointwise", "kernel")


def _command(kind: str, sizes: dict[str, Any]) -> str:
    """The command without its file's name, so that the page is the same wherever it is written."""
    words = ["npconv", "step", kind]
    for name, value in sizes.items():
        words.append(option_name(name))
        if name != "one_to_one":
            words += map(_word, value if isinstance(value, list) else [value])
    return shlex.join(words)


def _word(value: Any) -> str:
    """A value as it is typed; a box with commas between its numbers."""
    return ",".join(f"{number:g}" for number in value) if isinstance(value, tuple) else str(value)
