"""`npconv step`: a convolution step by step, as one page for a browser."""

import argparse
import shlex
from typing import Any

from .shared import Commands, padding, pair


def add_parser(commands: Commands) -> None:
    """Add `npconv step`."""
    from ..course.steps import KINDS

    step = commands.add_parser("step", help="a convolution step by step, as a page that opens in a browser")
    step.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    step.add_argument("--out", required=True, metavar="FILE.html")
    sizes = step.add_argument_group("sizes, each kind's own unless given", argument_default=argparse.SUPPRESS)
    sizes.add_argument("--input", nargs=3, type=int, metavar=("HEIGHT", "WIDTH", "M"))
    sizes.add_argument("--kernel", nargs="+", type=int, metavar="D", help="side, or height and width")
    sizes.add_argument("--out-channels", type=int, metavar="N")
    sizes.add_argument("--stride", nargs="+", type=int, metavar="S")
    sizes.add_argument("--padding", nargs="+", metavar="P", help="valid, same, or one or two numbers")
    sizes.add_argument("--dilation", nargs="+", type=int, metavar="D")
    sizes.add_argument("--depth-multiplier", type=int, metavar="Q")
    sizes.add_argument("--expansion", type=int, metavar="T")
    sizes.add_argument("--seed", type=int, metavar="N", help="of the random numbers (0)")
    step.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.page import write_page
    from ..course.steps import stepper

    told = {name: value for name, value in vars(arguments).items() if name not in ("command", "run", "kind", "out")}
    if not arguments.out.endswith(".html"):
        raise ValueError(f"--out takes a file that ends in .html; got {arguments.out}")
    made = stepper(arguments.kind, **{_argument(name): _value(name, value) for name, value in told.items()})
    write_page(made, arguments.out, command=_command(arguments.kind, told))
    print(f"wrote {made.kind}, {len(made.steps)} steps, to {arguments.out}")
    return 0


def _argument(name: str) -> str:
    return "x" if name == "input" else name


def _value(name: str, value: Any) -> Any:
    if name == "padding":
        return padding(value)
    if name in ("kernel", "stride", "dilation"):
        return pair(f"--{name}", value)
    return tuple(value) if isinstance(value, list) else value


def _command(kind: str, told: dict[str, Any]) -> str:
    """The command without its file's name, so that a page doesn't depend on where it is written."""
    words = ["npconv", "step", kind]
    for name, value in told.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words)
