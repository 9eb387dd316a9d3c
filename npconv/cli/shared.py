"""What the commands share: pairs of numbers, messages in the options' names, tables, the line of progress."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ..text import table_lines

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what add_subparsers returns


def pair(option: str, numbers: Sequence[int]) -> tuple[int, int]:
    """What an option of height and width was given, one number standing for both; ValueError for more than two."""
    if len(numbers) not in (1, 2):
        raise ValueError(f"{option} takes one number, or two for height and width; got {len(numbers)}")
    return numbers[0], numbers[-1]


def padding(words: Sequence[str]) -> str | tuple[int, int]:
    """What --padding was given: a word, for the kernels to judge, or one or two numbers; ValueError otherwise."""
    if len(words) == 1 and not words[0].lstrip("-").isdigit():
        return words[0]
    if not all(word.isdigit() for word in words):
        raise ValueError(f"--padding takes valid, same, or one or two numbers; got {' '.join(words)}")
    return pair("--padding", [int(word) for word in words])


def option_name(argument: str) -> str:
    """The option by which an argument is given; the input x is --input.

    >>> option_name("x"), option_name("out_channels")
    ('--input', '--out-channels')
    """
    return "--input" if argument == "x" else f"--{argument.replace('_', '-')}"


def in_options(error: Exception, function: str, options: Iterable[str]) -> str:
    """A message of a function that the user didn't call, without its name and with the option that is at fault.

    >>> in_options(ValueError("stepper: out_channels must be at least 1; got 0"), "stepper", ["out_channels"])
    '--out-channels must be at least 1; got 0'
    """
    message = str(error).removeprefix(f"{function}: ")
    first, _, rest = message.partition(" ")
    if first == "x" or (first in options and rest.startswith("must ")):
        return f"{option_name(first)} {rest}"
    return message


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns set by their widest entry, words to the left and numbers to the right."""
    print("\n".join(table_lines(header, rows)))


def progress_line(text: str) -> None:
    """One line that is written over, for who watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
