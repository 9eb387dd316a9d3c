"""`npconv explain`: the formula by which a kernel computes one entry of its result."""

import argparse
import math
import re
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

from .shared import PAD, SEED, SIZE, Commands, index, option_name, padding_word, size_of

LARGEST = 100_000  # products: as many formulas are built as there are entries
SIZES: dict[str, Any] = {  # and what each is if it is not given
    "kernel": [1, 2], "out_channels": 2, "depth_multiplier": 1, "groups": 2,
    "stride": [1], "padding": ["valid"], "dilation": [1], "output_padding": [0],
}  # fmt: skip
GEOMETRY = ("stride", "padding", "dilation")
TRANSPOSED = "transposed_conv2d"
OF_SYMBOL = {  # the sizes behind the symbols of the kernels' contracts
    "Dᵣ": ("kernel", *GEOMETRY), "N": ("out_channels",), "M·Q": ("depth_multiplier",), "M/groups": ("groups",),
}  # fmt: skip
KINDS = (
    "conv2d", "depthwise_conv2d", "grouped_conv2d", "pointwise_conv2d", "depthwise_separable_conv2d", TRANSPOSED,
    "spatially_separable_conv2d", "flattened_conv2d", "shuffled_grouped_conv2d",
)  # fmt: skip
_KERNEL = re.compile(
    rf"(?P<kind>{'|'.join(KINDS)})(?P<backward>_backward)?(?P<rung>_loops|_per_channel|_taps|_im2col)?"
)


def add_parser(commands: Commands) -> None:
    """Add `npconv explain`."""
    explain = commands.add_parser("explain", help="one entry of what a kernel returns, as a formula")
    explain.add_argument(
        "operation", metavar="OPERATION", help=f"{', '.join(KINDS)}, or a rung or the backward of one: conv2d_taps, …"
    )
    explain.add_argument("--at", required=True, type=index, metavar="I,J,…", help="the entry's index, such as 0,0,0,1")
    explain.add_argument("--backward", action="store_true", help="the operation's backward pass")
    explain.add_argument("--of", metavar="NAME", help="which gradient: dx, dkernel, ddepthwise, … (dx)")
    explain.add_argument(
        "--input", nargs=3, type=SIZE, default=[3, 4, 2], metavar=("HEIGHT", "WIDTH", "M"), help="3 4 2"
    )
    explain.add_argument("--batch", type=SIZE, default=1, metavar="B")
    explain.add_argument("--kernel", nargs="+", type=SIZE, metavar="D", help="side, or height and width (1 2)")
    explain.add_argument("--out-channels", type=SIZE, metavar="N", help="(2)")
    explain.add_argument("--depth-multiplier", type=SIZE, metavar="Q", help="(1)")
    explain.add_argument("--groups", type=SIZE, metavar="G", help="(2)")
    explain.add_argument("--stride", nargs="+", type=SIZE, metavar="S", help="(1)")
    explain.add_argument(
        "--padding", nargs="+", type=padding_word, metavar="P", help="valid, same, or one or two numbers (valid)"
    )
    explain.add_argument("--dilation", nargs="+", type=SIZE, metavar="D", help="(1)")
    explain.add_argument("--output-padding", nargs="+", type=PAD, metavar="P", help="of a transposed convolution (0)")
    explain.add_argument("--numbers", action="store_true", help="also with numbers in the names' places")
    explain.add_argument(
        "--seed", type=SEED, default=0, metavar="N", help="of the arrays, whole numbers from -3 to 3 (0)"
    )
    explain.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import numpy as np

    import npconv.cost

    from ..checks import explain
    from ..kernels.signatures import SIGNATURES

    kind, operation = _operation(arguments.operation, arguments.backward)
    backward = "_backward" in operation
    if arguments.of is not None and not backward:
        raise ValueError(f"--of chooses among gradients, and {operation} returns none; give --backward too")
    row = SIGNATURES[kind]
    sizes = _sizes(kind, {symbol for symbols in row.symbols.values() for symbol in symbols}, arguments)
    geometry = {name: sizes[name] for name in (*GEOMETRY, "output_padding") if name in sizes}
    groups = {"groups": sizes["groups"]} if "groups" in sizes else {}
    x = (arguments.batch, *arguments.input)
    sides = cycle(sizes.get("kernel", ()))  # the height and the width, in one array or in two
    shapes = [_shape(symbols, x[-1], sizes, sides) for name, symbols in row.symbols.items() if name != "x"]
    cost = getattr(npconv.cost, f"{kind}_cost")(x, *shapes, **geometry, **groups)
    checked = row.check_shapes(kind, x, *shapes)
    at = checked.transposed_geometry if kind == TRANSPOSED else checked.geometry
    g = at(**geometry) if geometry else None
    padded = x if g is None else (x[0], g.height.padded, g.width.padded, x[-1])
    for what, count in (("products", cost.macs), ("entries", sum(map(math.prod, (padded, *shapes))))):
        if count > LARGEST:
            raise ValueError(f"these sizes need {count:,} {what}, and every one is written down: at most {LARGEST:,}")
    random = np.random.default_rng(arguments.seed)
    drawn: list[tuple[int, ...]] = [cost.output_shape, x, *shapes] if backward else [x, *shapes]
    arrays = [random.integers(-3, 4, shape) for shape in drawn]
    try:
        print(explain(getattr(npconv, operation), *arrays, at=arguments.at, of=_position(arguments.of),
                      numbers=arguments.numbers, **geometry, **groups))  # fmt: skip
    except IndexError as error:
        raise ValueError(error) from None
    return 0


def _operation(name: str, backward: bool) -> tuple[str, str]:
    """The kind of convolution, and the kernel's name or, if asked for, that of its backward."""
    import npconv

    found = _KERNEL.fullmatch(name)
    if found is None or name not in npconv.__all__:
        names = [each for each in npconv.__all__ if _KERNEL.fullmatch(each)]
        raise ValueError(f"OPERATION must be one of {', '.join(names)}; got {name}")
    if not backward or found["backward"]:
        return found["kind"], name
    turned = f"{found['kind']}_backward{found['rung'] or ''}"
    if turned not in npconv.__all__:
        raise ValueError(f"{name} has no backward of its own; take {found['kind']}")
    return found["kind"], turned


def _sizes(kind: str, symbols: set[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """The sizes of this kind of convolution, as given or by default; ValueError for sizes that it does not have."""
    given = {name: value for name in SIZES if (value := getattr(arguments, name)) is not None}
    taken = [name for name in SIZES if any(name in names for s, names in OF_SYMBOL.items() if s in symbols)]
    taken += ["output_padding"] * (kind == TRANSPOSED)
    strange = [option_name(name) for name in given if name not in taken]
    if strange:
        raise ValueError(f"{kind} takes no {' and no '.join(strange)}")
    return {name: size_of(name, given.get(name, SIZES[name])) for name in taken}


def _shape(symbols: Sequence[str], m: int, sizes: dict[str, Any], sides: Iterator[int]) -> tuple[int, ...]:
    """The shape of a kernel of these symbols, for M channels."""
    numbers = {"M": m, "N": sizes.get("out_channels"), "M·Q": m * sizes.get("depth_multiplier", 1)}
    numbers["M/groups"] = max(m // sizes.get("groups", 1), 1)
    return tuple(next(sides) if symbol == "Dᵣ" else numbers[symbol] for symbol in symbols)


def _position(of: str | None) -> str | int:
    """The result asked for, a name or a position; by default the first."""
    return 0 if of is None else int(of) if of.isdecimal() and len(of) < 3 else of
