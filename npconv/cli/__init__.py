"""The command line: parses, calls, prints; each command is the module of its name."""

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from . import bench, cost, exercise, explain, figures, grade, lesson, reproduce, step, train, vectors

__all__ = ["main"]

_COMMANDS = (
    reproduce,
    figures,
    cost,
    explain,
    train,
    lesson,
    step,
    exercise,
    grade,
    vectors,
    bench,
)  # in the order of --help


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status: 0, 1 where a verdict or a result is not as it should be, 2 for bad input."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # who read has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print goes nowhere
        return 1
    except (ValueError, TypeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.filename is None and error.strerror else error
        print(f"npconv {arguments.command}: {reason}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="npconv", description="Convolutions as they are taught, in plain NumPy.")
    parser.add_argument("--version", action="version", version=f"npconv {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
