"""What the commands share: pairs of numbers, tables, the line of progress."""

import argparse
import sys
from collections.abc import Sequence
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what add_subparsers returns


def pair(option: str, numbers: Sequence[int]) -> tuple[int, int]:
    """What an option of height and width was given, one number standing for both; ValueError for more than two."""
    if len(numbers) not in (1, 2):
        raise ValueError(f"{option} takes one number, or two for height and width; got {len(numbers)}")
    return numbers[0], numbers[-1]


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns set by their widest entry, words to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    numeric = [all(row[i][:1] in "≈-+·0123456789" for row in rows) for i in range(len(header))]
    for line in [header, *rows]:
        cells = zip(line, widths, numeric, strict=True)
        print("  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in cells).rstrip())


def progress_line(text: str) -> None:
    """One line that is written over, for who watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
