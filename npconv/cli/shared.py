"""Shared parts of the commands: parser, types of options, errors in the options' names, tables, progress."""

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from ..text import table_lines

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what add_subparsers returns

ALIASES = {  # names in functions of what an option of another name gives
    "x": "input", "kernel_size": "kernel", "kernel_sizes": "kernel", "depth_multipliers": "depth_multiplier",
    "strides": "stride",
    "operation": "op", "path": "file", "narrow": "input", "expand": "expansion", "depthwise": "kernel",
    "spatial": "kernel", "pointwise": "out_channels", "project": "out_channels",
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line: the command and its subcommand, the option, the fault.

    What it parses has the `parser` of the innermost subcommand.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_defaults(parser=self)

    def error(self, message: str) -> NoReturn:
        """Print the error, and end with status 2."""
        message = re.sub(r"invalid choice: (.*) \(choose from (.*)\)$", r"must be one of \2; got \1", message)
        self.complain(re.sub(r"^argument (\S+?):(?= must )|^argument ", r"\1", message))
        self.exit(2)

    def complain(self, message: str) -> None:
        """Print one line on standard error, if it is open."""
        with suppress(OSError):
            print(f"{self.prog}: {' '.join(message.split())}", file=sys.stderr)

    def in_options(self, error: BaseException) -> str:
        """An error's message without the function's name, which the user didn't call, and with the option's."""
        if isinstance(error, OSError) and error.strerror:
            return error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
        if isinstance(error, MemoryError):
            return f"there is not enough memory for this: {str(error) or 'none is left'}"
        message = re.sub(r"^[A-Za-z]\w*( \([^()]*\))?: ", "", str(error))
        name, _, rest = message.partition(" ")
        options = {action.dest: (action.option_strings or [str(action.metavar)])[-1] for action in self._actions}
        option = options.get(name) or options.get(ALIASES.get(name, ""))
        return f"{option} {rest}" if option and rest.startswith(("must ", "has ")) else message


@dataclass(frozen=True)
class Whole:
    """The type of an option that takes whole numbers from `least` to `most`.

    >>> Whole(1, 50)("12")
    12
    """

    least: int
    most: int

    def __call__(self, text: str) -> int:
        with suppress(ValueError):
            if re.fullmatch("[+-]?[0-9]+", text) and self.least <= (number := int(text)) <= self.most:
                return number
        raise _refused(f"a whole number from {self.least} to {self.most}", text)


@dataclass(frozen=True)
class Real:
    """The type of an option that takes real numbers from `least` to `most`, except the one that `without` names.

    >>> Real(0, 1, without="least")("0.5")
    0.5
    """

    least: float
    most: float
    without: str = ""

    def __call__(self, text: str) -> float:
        with suppress(ValueError):
            number = float(text) if text.isascii() and "_" not in text else math.nan
            if self.least <= number <= self.most and number != getattr(self, self.without, None):
                return number
        first = "above" if self.without == "least" else "at least"
        last = "below" if self.without == "most" else "at most"
        raise _refused(f"a number {first} {self.least:g} and {last} {self.most:g}", text)


@dataclass(frozen=True)
class File:
    """The type of an option that takes a file's path, with one of these endings where there are any.

    A folder's path, or one that nothing can have, is refused at once, and not when all is computed and to be written;
    and, where an `ordinary` file has to be read, a device's, which may have no end. Where `folders` may stand for the
    files in them, theirs are taken too.
    """

    ends: tuple[str, ...] = ()
    ordinary: bool = False
    folders: bool = False

    def __call__(self, text: str) -> str:
        if not text.lower().endswith(self.ends or ("",)):
            raise _refused(f"a file that ends in {' or '.join(self.ends)}", text)
        if not _possible(text) or (os.path.isdir(text) and not self.folders):
            raise _refused("a file's path, or a folder's" if self.folders else "a file's path", text)
        if self.ordinary and os.path.exists(text) and not os.path.isfile(text):
            raise _refused("an ordinary file", text)
        return text


@dataclass(frozen=True)
class Folder:
    """The type of an option that takes a folder's path, which need not be there yet."""

    def __call__(self, text: str) -> str:
        if not _possible(text) or (os.path.lexists(text) and not os.path.isdir(text)):
            raise _refused("a folder's path", text)
        return text


SIZE = Whole(1, 1_000_000)  # of arrays: sides, channels, images, and how they are multiplied
SEED = Whole(0, 2**63 - 1)
WIDTH = Real(0.1, 4)  # of networks: narrower ones have layers of no channel, wider ones take long to build
SIDE = Whole(1, 20_000)  # of images, as many numbers as can be counted
PAD = Whole(0, SIZE.most)


def padding_word(text: str) -> str | int:
    """The type of --padding, of each of its words."""
    try:
        return text if text in ("valid", "same") else PAD(text)
    except argparse.ArgumentTypeError:
        raise _refused(f"valid, same, or one or two whole numbers from {PAD.least} to {PAD.most}", text) from None


def index(text: str) -> tuple[int, ...]:
    """The type of --at: an entry's index."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise _refused("whole numbers with commas between, such as 0,0,0,1", text) from None


def _refused(wanted: str, text: str) -> argparse.ArgumentTypeError:
    got = text if len(text) <= 60 else f"{text[:60]}… ({len(text)} characters)"
    return argparse.ArgumentTypeError(f"must be {wanted}; got {got or 'nothing'}")


def _possible(text: str) -> bool:
    """True for a path in a folder that exists or can be made."""
    if not text or "\0" in text:
        return False
    return os.path.isdir(next((folder for folder in Path(text).parents if os.path.lexists(folder)), "."))


def pair(option: str, numbers: Sequence[int]) -> tuple[int, int]:
    """The numbers of an option of height and width; one number stands for both. ValueError for more than two."""
    if len(numbers) not in (1, 2):
        raise ValueError(f"{option} takes one number, or two for height and width; got {len(numbers)}")
    return numbers[0], numbers[-1]


def padding(words: Sequence[str | int]) -> str | tuple[int, int]:
    """The value of --padding: a word, or one or two numbers; ValueError for more, or for both."""
    if len(words) == 1 and isinstance(words[0], str):
        return words[0]
    numbers = [word for word in words if isinstance(word, int)]
    if len(numbers) < len(words):
        raise ValueError(f"--padding takes valid, same, or one or two numbers; got {' '.join(map(str, words))}")
    return pair("--padding", numbers)


def add_sizes(parser: argparse.ArgumentParser, title: str, several: str | None = None) -> "argparse._ArgumentGroup":
    """Add the options of a layer's sizes: only those given are in what is parsed. `several` is nargs of the counts."""
    sizes = parser.add_argument_group(title, argument_default=argparse.SUPPRESS)
    sizes.add_argument("--input", nargs=3, type=SIZE, metavar=("HEIGHT", "WIDTH", "M"))
    sizes.add_argument("--kernel", nargs="+", type=SIZE, metavar="D", help="side, or height and width")
    sizes.add_argument("--out-channels", nargs=several, type=SIZE, metavar="N")
    sizes.add_argument("--stride", nargs="+", type=SIZE, metavar="S")
    sizes.add_argument(
        "--padding", nargs="+", type=padding_word, metavar="P", help="valid, same, or one or two numbers"
    )
    sizes.add_argument("--dilation", nargs="+", type=SIZE, metavar="D")
    sizes.add_argument("--depth-multiplier", nargs=several, type=SIZE, metavar="Q")
    sizes.add_argument("--expansion", type=SIZE, metavar="T")
    sizes.add_argument("--seed", type=SEED, metavar="N", help="of the random numbers (0)")
    return sizes


def size_of(name: str, value: Any) -> Any:
    """The value of an option of `add_sizes`, as a function takes it."""
    if name == "padding":
        return padding(value)
    if name in ("kernel", "stride", "dilation", "output_padding", "resolution"):
        return pair(option_name(name), value)
    return tuple(value) if isinstance(value, list) else value


def option_name(argument: str) -> str:
    """The option by which an argument is given; the input x is --input.

    >>> option_name("x"), option_name("out_channels")
    ('--input', '--out-channels')
    """
    return f"--{ALIASES.get(argument, argument).replace('_', '-')}"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns set by their widest entry, words to the left and numbers to the right."""
    print("\n".join(table_lines(header, rows)))


def progress_line(text: str) -> None:
    """Print a line that the next one replaces, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
