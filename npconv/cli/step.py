"""`npconv step`: a convolution step by step, as one page for a browser."""

import argparse
import inspect
import shlex
from typing import Any

from .shared import PAD, SIZE, Commands, File, add_sizes, option_name, size_of

SIZES = (
    "x", "kernel", "out_channels", "stride", "padding", "output_padding", "dilation", "groups", "depth_multiplier",
    "expansion", "seed",
)  # fmt: skip


def add_parser(commands: Commands) -> None:
    """Add `npconv step`."""
    from ..course.steps import KINDS

    step = commands.add_parser("step", help="a convolution step by step, as a page that opens in a browser")
    step.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    step.add_argument("--out", required=True, type=File((".html",)), metavar="FILE.html")
    sizes = add_sizes(step, "sizes, each kind's own unless given")
    sizes.add_argument("--output-padding", nargs="+", type=PAD, metavar="P", help="one or two numbers")
    sizes.add_argument("--groups", type=SIZE, metavar="G")
    step.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.page import write_page
    from ..course.steps import KINDS, stepper

    takes = [name for name in inspect.signature(KINDS[arguments.kind]).parameters if _shell_has(arguments.kind, name)]
    given = {"x" if name == "input" else name: value for name, value in vars(arguments).items()}
    sizes = {name: value for name, value in given.items() if name in SIZES}
    strange = [option_name(name) for name in sizes if name not in takes]
    if strange:
        options = ", ".join(map(option_name, takes))
        raise ValueError(f"{arguments.kind} takes no {' and no '.join(strange)}; it takes {options}")
    made = stepper(arguments.kind, **{name: size_of(name, value) for name, value in sizes.items()})
    write_page(made, arguments.out, command=_command(arguments.kind, sizes))
    print(f"wrote {made.kind}, {len(made.steps)} steps, to {arguments.out}")
    return 0


def _shell_has(kind: str, name: str) -> bool:
    """True if an argument of a kind has an option: arrays have none, nor has a pointwise kernel, without sides."""
    return name in SIZES and (kind, name) != ("pointwise", "kernel")


def _command(kind: str, sizes: dict[str, Any]) -> str:
    """The command without its file's name, so that the page is the same wherever it is written."""
    words = ["npconv", "step", kind]
    for name, value in sizes.items():
        words += [option_name(name), *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words)
