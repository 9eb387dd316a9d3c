"""`npconv explain`: the formula by which a kernel computes one entry of its result."""

import argparse
import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from .shared import PAD, SEED, SIZE, Commands, index, option_name, padding, padding_word, pair

LARGEST = 100_000  # products: each is written down
INPUT = [2, 3, 4, 2]  # depth, height, width and channels, of which a kernel takes those that it has
GEOMETRY = ("stride", "padding", "output_padding", "dilation")
SIZES: dict[str, Any] = {  # and what each is if it is not given
    "kernel": [1, 1, 2], "out_channels": 2, "depth_multiplier": 1, "groups": 2, "expansion": 2, "hidden_channels": 2,
    "size": [2, 3], **dict.fromkeys(GEOMETRY),
}  # fmt: skip
OF_SYMBOL = {  # the option behind a symbol of the kernels' contracts
    "Dᵣ": "kernel", "N": "out_channels", "k′": "out_channels", "M·Q": "depth_multiplier", "M/groups": "groups",
    "tk": "expansion", "M′": "hidden_channels", "M″": "hidden_channels", "S": "hidden_channels",
}  # fmt: skip
KNOWN = frozenset({*SIZES, "align"})  # arguments by keyword that are given here, or that have a default
_RUNG = re.compile("(.*?)(_backward)?(_loops|_per_channel|_taps|_im2col)?")


def add_parser(commands: Commands) -> None:
    """Add `npconv explain`."""
    explain = commands.add_parser("explain", help="one entry of what a kernel returns, as a formula")
    words = "a kernel, such as conv2d, inverted_residual or relu6, a rung of one (conv2d_taps), a block's stages, or a "
    words += "backward; another word lists them all"
    explain.add_argument("operation", metavar="OPERATION", help=words)
    explain.add_argument("--at", required=True, type=index, metavar="I,J,…", help="the entry's index, such as 0,0,0,1")
    explain.add_argument("--backward", action="store_true", help="the operation's backward pass")
    words = "which gradient: dx, dkernel, ddepthwise, … (dx); or which of a block's stages (the first)"
    explain.add_argument("--of", metavar="NAME", help=words)
    words = "HEIGHT WIDTH M (3 4 2); with a depth in front in 3D (2 3 4 2), and M alone for dense"
    explain.add_argument("--input", nargs="+", type=SIZE, metavar="N", help=words)
    explain.add_argument("--batch", type=SIZE, default=1, metavar="B")
    explain.add_argument("--kernel", nargs="+", type=SIZE, metavar="D", help="side, or height and width (1 2)")
    explain.add_argument("--out-channels", type=SIZE, metavar="N", help="(2)")
    explain.add_argument("--depth-multiplier", type=SIZE, metavar="Q", help="(1)")
    explain.add_argument("--groups", type=SIZE, metavar="G", help="(2)")
    explain.add_argument("--expansion", type=SIZE, metavar="T", help="of an inverted residual (2)")
    words = "of a residual bottleneck, or of squeeze-and-excite (2)"
    explain.add_argument("--hidden-channels", type=SIZE, metavar="N", help=words)
    explain.add_argument("--size", nargs="+", type=SIZE, metavar="D", help="of a resized output (2 3)")
    explain.add_argument("--stride", nargs="+", type=SIZE, metavar="S", help="(1)")
    explain.add_argument(
        "--padding", nargs="+", type=padding_word, metavar="P", help="valid, same, or one or two numbers (the kernel's)"
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

    import npconv

    from ..checks import explain

    operation = _operation(arguments.operation, arguments.backward)
    name = operation.replace("_backward", "")
    backward = name != operation
    if arguments.of is not None and not (backward or name.endswith("_stages")):
        raise ValueError(
            f"--of chooses among gradients or stages, and {operation} returns neither; give --backward too"
        )
    forward = getattr(npconv, name)
    shapes, geometry = _call(name, forward, arguments)
    _check_size(name, shapes, geometry)
    random = np.random.default_rng(arguments.seed)
    if backward:
        shapes = [forward(*map(np.zeros, shapes), **geometry).shape, *shapes]
    arrays = [random.integers(-3, 4, shape) for shape in shapes]
    try:
        print(explain(getattr(npconv, operation), *arrays, at=arguments.at, of=_position(arguments.of),
                      numbers=arguments.numbers, **geometry))  # fmt: skip
    except IndexError as error:
        raise ValueError(error) from None
    return 0


def explained() -> list[str]:
    """The kernels that can be explained, forward and backward: those that take arrays of objects, and options known."""
    import npconv

    from ..kernels.signatures import SIGNATURES

    return [
        name
        for name in npconv.__all__
        if (row := SIGNATURES.get(name.replace("_backward", ""))) is not None
        and row.arrays
        and "O" in row.kinds
        and set(inspect.signature(getattr(npconv, name)).parameters) - {"dy", "dkernel", *row.arrays} <= KNOWN
    ]


def _operation(name: str, backward: bool) -> str:
    """The kernel's name or, if asked for, that of its backward."""
    known = explained()
    if name not in known:
        raise ValueError(f"OPERATION must be one of {', '.join(known)}; got {name}")
    base, turned, rung = _split(name)
    if not backward or turned:
        return name
    if f"{base}_backward{rung}" not in known:
        base = base.removesuffix("_stages")
        other = f" of its own; take {base}" if f"{base}_backward" in known else ""
        raise ValueError(f"{name} has no backward{other}")
    return f"{base}_backward{rung}"


def _split(name: str) -> tuple[str, str, str]:
    """A name in its parts: the kernel, "_backward", and the rung."""
    found = _RUNG.fullmatch(name)
    assert found is not None  # every part may be empty
    base, turned, rung = found.groups("")
    return base, turned, rung


def _call(
    name: str, kernel: Callable[..., Any], arguments: argparse.Namespace
) -> tuple[list[tuple[int, ...]], dict[str, Any]]:
    """The shapes of a kernel's arrays, and what it takes by keyword; ValueError for sizes that it does not have."""
    from ..kernels.signatures import SIGNATURES

    row, parameters = SIGNATURES[name], inspect.signature(kernel).parameters
    symbols = {symbol for pattern in row.symbols.values() for symbol in pattern}
    by_keyword = [each for each in parameters if each in SIZES and each not in row.arrays]
    taken = {*by_keyword, *(OF_SYMBOL[symbol] for symbol in symbols if symbol in OF_SYMBOL)}
    given = {each: value for each in SIZES if (value := getattr(arguments, each)) is not None}
    if strange := [option_name(each) for each in given if each not in taken]:
        raise ValueError(f"{name} takes no {' and no '.join(strange)}")
    x_symbols = row.symbols.get("x", ())
    axes = len(x_symbols) - 1 if x_symbols[:1] == ["B"] else 3  # of --input, which has no batch
    x = INPUT[-axes:] if arguments.input is None else arguments.input
    if len(x) != axes:
        raise ValueError(f"--input takes {axes} number{'s' * (axes > 1)} for {name}; got {len(x)}")
    values = {each: _value(each, given.get(each, SIZES[each]), axes - 1) for each in taken}
    m, every = x[-1], {**dict.fromkeys(SIZES, 1), "kernel": (1,), **values}
    sizes = {
        "B": arguments.batch, "Dᵤ": x[:-1], "M": m, "k": m, "Dᵣ": every["kernel"], "N": every["out_channels"],
        "k′": every["out_channels"], "M·Q": m * every["depth_multiplier"], "M/groups": max(m // every["groups"], 1),
        "tk": m * every["expansion"], **dict.fromkeys(("M′", "M″", "S"), every["hidden_channels"]),
    }  # fmt: skip
    shapes = [(arguments.batch, *x)] if "…" in x_symbols else list(row.shapes(sizes).values())
    own = {each: parameters[each].default if values[each] is None else values[each] for each in by_keyword}
    return shapes, own


def _value(name: str, value: Any, axes: int) -> Any:
    """The value of an option, given or by default, as a kernel of so many spatial axes takes it."""
    if value is SIZES[name] and isinstance(value, list):
        return tuple(value[-axes:])
    if not isinstance(value, list):
        return value
    if axes == 2:
        return padding(value) if name == "padding" else pair(option_name(name), value)
    if name == "padding" and len(value) == 1:
        return value[0]
    if len(value) not in (1, axes) or not all(isinstance(number, int) for number in value):
        raise ValueError(f"{option_name(name)} takes one number, or three for depth, height and width")
    return tuple(value * (axes // len(value)))


def _check_size(name: str, shapes: Sequence[tuple[int, ...]], geometry: dict[str, Any]) -> None:
    """ValueError where a kernel on these shapes is too large for a formula, or they don't fit."""
    import npconv.cost

    from ..kernels.signatures import SIGNATURES

    checked, base = SIGNATURES[name].check_shapes(name, *shapes), _split(re.sub("_(stages|split)$", "", name))[0]
    counted = math.prod(math.prod(size) if isinstance(size, tuple) else size for size in checked.sizes.values())
    if hasattr(npconv.cost, f"{base}_cost"):
        own = {each: value for each, value in geometry.items() if not name.endswith("_split") or each != "groups"}
        counted = getattr(npconv.cost, f"{base}_cost")(*shapes, **own).macs
    padded, spatial = shapes[0], {each: geometry[each] for each in GEOMETRY if each in geometry}
    if spatial:
        axes = checked.transposed_axes(**spatial) if "output_padding" in spatial else checked.axes(**spatial)
        padded = (shapes[0][0], *(axis.padded for axis in axes), shapes[0][-1])
    for what, count in (("products", counted), ("entries", sum(map(math.prod, (padded, *shapes[1:]))))):
        if count > LARGEST:
            raise ValueError(f"these sizes need {count:,} {what}, and every one is written down: at most {LARGEST:,}")


def _position(of: str | None) -> str | int:
    """The result asked for, a name or a position; by default the first."""
    return 0 if of is None else int(of) if of.isdecimal() and len(of) < 3 else of
