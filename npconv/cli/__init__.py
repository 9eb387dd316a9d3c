"""The command line: parses, calls, prints; each command is the module of its name."""

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from .. import __version__
from . import (
    bench,
    cost,
    detect,
    exercise,
    explain,
    figures,
    grade,
    lesson,
    predict,
    reproduce,
    segment,
    site,
    step,
    train,
    vectors,
)
from .cost_file import spelled_out
from .shared import Parser, progress_line

_COMMANDS = (
    reproduce, figures, cost, explain, predict, detect, segment, train, lesson, step, exercise, grade, site,
    vectors, bench,
)  # fmt: skip
"""In the order of --help."""

_REFUSED = (ValueError, OSError, MemoryError, OverflowError, RecursionError, ZeroDivisionError)
"""Errors that bad input can have, said in one line. Any other is a mistake of npconv's own, and has its traceback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status.

    It is 0, 1 where a verdict or a result is not as it should be, 2 for bad input, and 130 after Ctrl-C. Letters that
    standard output and standard error can't encode are printed as "?"; where they are closed nothing is printed.
    """
    _make_usable()
    _end_spinning()
    try:
        with _noting_ctrl_c() as pressed:
            return _status(argv, pressed)
    except BrokenPipeError:  # the reader has ended, as `head` does
        return 1
    finally:
        _settle(sys.stdout)
        _settle(sys.stderr)


def parser() -> Parser:
    """The parser of all commands."""
    whole = Parser(prog="npconv", description="Convolutions as they are taught, in plain NumPy.")
    whole.add_argument("--version", action="version", version=f"npconv {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return whole


def _status(argv: Sequence[str] | None, pressed: Sequence[Any]) -> int:
    told = Parser(prog="npconv")
    try:
        arguments, unknown = parser().parse_known_args(spelled_out(sys.argv[1:] if argv is None else argv))
        told = arguments.parser
        if unknown:
            told.error(f"unrecognized arguments: {' '.join(unknown)}")
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except SystemExit as end:  # argparse's, which has printed what there is to say
        return int(end.code or 0)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt as stopped:
        message, status = "; ".join(filter(None, ("stopped", str(stopped)))), 130
    except Exception as error:
        if not (pressed or isinstance(error, _REFUSED)):
            raise
        message, status = ("stopped", 130) if pressed else (told.in_options(error), 2)
    progress_line("")
    told.complain(message)
    return status


@contextmanager
def _noting_ctrl_c() -> Iterator[Sequence[Any]]:
    """Note each Ctrl-C: a compiled module that is loaded just then makes an ImportError of it."""
    pressed: list[Any] = []

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    main = threading.current_thread() is threading.main_thread()  # only there signals are handled
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_spinning() -> None:
    """Let OpenBLAS's threads sleep when they have nothing to do, unless the user says how long they spin.

    OpenBLAS reads the variable when NumPy is loaded. Importing `npconv` does not load NumPy, so that this is early
    enough without a second start of Python. Where another program calls `main` with NumPy loaded, nothing is changed.
    """
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")


def _make_usable() -> None:
    """Open closed standard streams, in the order of their numbers, and print letters that they cannot encode as "?"."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _settle(stream: TextIO) -> None:
    """Flush a stream, or drop its contents if nobody reads it: Python would complain at its end."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
