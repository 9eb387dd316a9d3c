"""`npconv cost FILE.py:NAME` and `npconv cost FILE.npz`: the costs of a network of one's own, or of a saved one."""

import argparse
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from .cost_counters import add_counter
from .cost_networks import BATCH, TABLES, print_network
from .shared import SIDE, SIZE, Commands, File, pair

if TYPE_CHECKING:
    from ..layers import Layer

NETWORK = "network"  # the subcommand that a file's path stands for
RUN_AS = "network_file"  # the __name__ of a file that is run
WANTED = "FILE.py:NAME, or FILE.npz of a saved network"
SIDES = (224, 224)  # of images for a MobileNet, where nothing is given


class Place(NamedTuple):
    """A network's place: a saved file, or a Python file and a name in it."""

    file: str
    name: str | None

    def __str__(self) -> str:
        return self.file if self.name is None else f"{self.file}:{self.name}"


def place(text: str) -> Place:
    """The type of FILE.

    >>> place("folder/net.py:small"), place("saved.npz").name
    (Place(file='folder/net.py', name='small'), None)
    """
    found = re.fullmatch(r"(.*\.py)(?::(\w*))?|(.*\.npz)", text, re.IGNORECASE)
    if found is None:
        got = text if len(text) <= 60 else f"{text[:60]}… ({len(text)} characters)"
        raise argparse.ArgumentTypeError(f"must be {WANTED}; got {got or 'nothing'}")
    return Place(File(ordinary=True)(found[1] or found[3]), (found[2] or "") if found[1] else None)


def spelled_out(words: Sequence[str]) -> Sequence[str]:
    """A command line with the subcommand that a file's path behind `cost` stands for.

    >>> spelled_out(["cost", "net.py:small", "--json"]), spelled_out(["cost", "layer"])
    (['cost', 'network', 'net.py:small', '--json'], ['cost', 'layer'])
    """
    if words[:1] == ["cost"] and re.match(r"[^-].*[./]", words[1] if len(words) > 1 else "", re.DOTALL):
        return ["cost", NETWORK, *words[1:]]
    return words


def add_file(cost: Commands) -> None:
    """Add `npconv cost network`."""
    about = "a network of your own, FILE.py:NAME, or a saved one, FILE.npz; `npconv cost FILE` is the same"
    parser = cost.add_parser(
        NETWORK, help=about, epilog="FILE.py is run, as Python runs it, but its __name__ is another than __main__. "
        "NAME is a network in it, or a function that returns one without arguments."
    )  # fmt: skip
    add = parser.add_argument
    add("file", type=place, metavar="FILE", help=WANTED)
    words = "of an image; M alone for dense layers"
    add("--input", nargs="+", type=SIZE, metavar="N", help=f"HEIGHT WIDTH M {words}")
    words = "of a MobileNet's images, also of one with heads: side, or height and width (224)"
    add("--resolution", nargs="+", type=SIDE, metavar="D", help=words)
    add("--batch", type=BATCH, default=1, metavar="B", help="images at once (%(default)s)")
    words = "list all layers, the blocks alone, or only the sums by kind of layer (layer)"
    add("--by", choices=TABLES, help=words)
    add_counter(parser)
    add("--json", action="store_true", help="print all of it as JSON instead of tables")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..models import read_network

    where: Place = arguments.file
    for one, other in (("input", "resolution"), ("by", "counter")):
        if getattr(arguments, one) and getattr(arguments, other):
            raise ValueError(f"--{one} and --{'as' if other == 'counter' else other} exclude each other; give one")
    with _running(where.file):
        network = read_network(where.file) if where.name is None else _network_in(where.file, where.name)
        shape = (arguments.batch, *_input_shape(network, arguments))
        print_network(network, shape, arguments, {"network": str(where)})
    return 0


def _network_in(file: str, name: str) -> "Layer":
    """The network of that name in a Python file, which is run; or what the function of that name returns."""
    from ..layers import Layer

    found = _run_file(file)
    value = found.get(name)
    if not name or name not in found:
        there = [each for each, value in found.items() if not each.startswith("_") and _is_network(value)]
        listed = f"it has {', '.join(there)}" if there else "it has no network, nor a function that returns one"
        raise ValueError(f"{file} {f'has no {name}' if name else 'needs a name, as in FILE.py:NAME'}; {listed}")
    wanted = f"{file}: {name} must be a network of npconv.layers, or a function that returns one without arguments"
    if callable(value) and not isinstance(value, Layer):
        if not _takes_nothing(value):
            raise ValueError(f"{wanted}; got one that takes {inspect.signature(value)}")
        with redirect_stdout(sys.stderr):
            value = value()
    if not isinstance(value, Layer):
        raise ValueError(f"{wanted}; got {_kind(value)}")
    return value


def _run_file(file: str) -> dict[str, Any]:
    """The names in a Python file, once it is run; what it prints goes to standard error."""
    names = vars(sys.modules[RUN_AS])
    with redirect_stdout(sys.stderr):
        exec(compile(Path(file).read_bytes(), file, "exec"), names)
    return names


def _is_network(value: Any) -> bool:
    """True for a network, and for a function of the file itself, or a network's class, that takes no arguments."""
    from ..layers import Layer

    own = getattr(value, "__module__", "") == RUN_AS and (not isinstance(value, type) or issubclass(value, Layer))
    return isinstance(value, Layer) or (own and _takes_nothing(value))


def _kind(value: Any) -> str:
    """The kind of a value, with the library that it is from."""
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _takes_nothing(value: Any) -> bool:
    """True for a function that can be called without arguments."""
    try:
        inspect.signature(value).bind()
    except (TypeError, ValueError):
        return False
    return True


def _input_shape(network: "Layer", arguments: argparse.Namespace) -> tuple[int, ...]:
    """The shape of one input."""
    from ..models import MobileNet

    mobilenet = getattr(network, "network", network)
    if arguments.input:
        return tuple(arguments.input)
    if not isinstance(mobilenet, MobileNet):
        given = "--resolution is for MobileNets; " if arguments.resolution else ""
        raise ValueError(f"{given}{arguments.file} needs --input HEIGHT WIDTH M")
    sides = pair("--resolution", arguments.resolution) if arguments.resolution else SIDES
    return (*sides, mobilenet.in_channels)


@contextmanager
def _running(file: str) -> Iterator[None]:
    """Let a file import from its folder, as Python does, and tell its errors with its line."""
    module = ModuleType(RUN_AS)
    module.__file__ = str(Path(file).resolve())
    sys.modules[RUN_AS] = module  # dataclass and pickle look there
    sys.path.insert(0, os.path.dirname(module.__file__))
    try:
        yield
    except (Exception, SystemExit) as error:
        lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
        if isinstance(error, SyntaxError) and error.filename == file:
            raise ValueError(f"{file}, line {error.lineno}: {error.msg}") from error
        if not lines:
            raise
        raise ValueError(f"{file}, line {lines[-1]}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(os.path.dirname(module.__file__))
        del sys.modules[RUN_AS]
