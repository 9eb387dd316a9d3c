"""`npconv exercise`: what there is to write, a file to write it in, and how far a student is."""

import argparse
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..text import counted
from .shared import Commands, Folder, Real, Whole, print_table, progress_line

if TYPE_CHECKING:
    from ..course.grading import Limits
    from ..course.grading.folders import Graded

VARIANT = Whole(1 - 10**18, 10**18 - 1)  # what the grader reads in a file's header
CHANGES = Whole(1, 99)


def add_parser(commands: Commands) -> None:
    """Add `npconv exercise list`, `npconv exercise start` and `npconv exercise status`."""
    exercise = commands.add_parser("exercise", help="the course's exercises: list them, start one, see how far you are")
    actions = exercise.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="print their names, functions and points").set_defaults(run=_list)
    start = actions.add_parser("start", help="write an exercise's file, to be filled in")
    start.add_argument("name", metavar="NAME", help="which one")
    start.add_argument(
        "folder", nargs="?", type=Folder(), default=".", metavar="DIR", help="where (the current folder)"
    )
    start.add_argument(
        "--variant", type=VARIANT, metavar="SEED", help="ask for something that npconv's own code is no answer to"
    )
    start.add_argument("--changes", type=CHANGES, metavar="N", help="with --variant: change just so many choices")
    start.set_defaults(run=_start)
    status = actions.add_parser("status", help="grade all exercises in a folder: right, wrong, begun or not begun")
    status.add_argument(
        "folder", nargs="?", type=Folder(), default=".", metavar="DIR", help="with what is in it (the current folder)"
    )
    add_limits(status)
    status.set_defaults(run=_status)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the options that limit what a student's function may take."""
    parser.add_argument("--seconds", type=Real(0, 3600, "least"), metavar="N", help="time for one call (5)")
    parser.add_argument("--memory", type=Whole(1, 1 << 20), metavar="MB", help="memory beside NumPy's (1024)")


def limits_of(arguments: argparse.Namespace) -> "Limits":
    """The limits that the options of `add_limits` give."""
    from ..course.grading import Limits

    limits = Limits()
    if arguments.seconds is not None:
        limits = replace(limits, seconds=arguments.seconds)
    if arguments.memory is not None:
        limits = replace(limits, memory_bytes=arguments.memory << 20)
    return limits


def warn_of_root(arguments: argparse.Namespace) -> None:
    """Print a warning if students' files are about to be run by the user who may do anything."""
    if sys.platform != "win32" and os.geteuid() == 0:
        words = "run by root, a student's file may do anything on this machine; grade as another user"
        arguments.parser.complain(f"warning: {words}")


def graded(
    arguments: argparse.Namespace, paths: Sequence[str], wanted: Mapping[str, Any] | None = None
) -> "list[Graded]":
    """All exercises among files and in folders, graded; the other files are named on standard error.

    `wanted` is what each of them has to be. Raises ValueError where there is no exercise.
    """
    from ..course.grading.folders import find_files, grade_all

    files, skipped = find_files(paths)
    if not files:
        others = f", and {counted('other file', len(skipped))}: {skipped[0]}" if skipped else ""
        raise ValueError(f"there is no exercise in {', '.join(paths)}{others}")
    for line in skipped:
        arguments.parser.complain(f"skipped: {line}")
    warn_of_root(arguments)
    found = []
    for each in grade_all(files, **(wanted or {}), limits=limits_of(arguments)):
        found.append(each)
        progress_line(f"[{len(found)}/{len(files)}]")
    progress_line("")
    return found


def _list(arguments: argparse.Namespace) -> int:
    from ..course.exercises import EXERCISES
    from ..course.exercises.bugs import FIND_THE_BUG

    rows = []
    for exercise in EXERCISES.values():
        names = ["one of several"] if exercise is FIND_THE_BUG else [task.name for task in exercise.tasks]
        said = [(exercise.name, exercise.asks), *[("", "")] * len(names)]  # in the first row alone
        for task, name, (its_name, asks) in zip(exercise.tasks, names, said, strict=False):
            rows.append([its_name, name, str(task.points), asks])
    rows.append(["all", "", str(sum(exercise.points for exercise in EXERCISES.values())), ""])
    print_table(["exercise", "function", "points", "asks for"], rows)
    print(
        "\n`npconv exercise start NAME` writes one, to be filled in; with --variant SEED, any whole number, it asks for"
    )
    print("something else than npconv's own functions, such as channels first. `npconv grade FILE` grades it.")
    return 0


def _start(arguments: argparse.Namespace) -> int:
    from ..course.exercises.template import exercise_of, start_exercise
    from ..course.grading.report import variant_text

    seed, changes = arguments.variant, arguments.changes
    if changes is not None and seed is None:
        raise ValueError("--changes needs --variant SEED, which chooses them")
    path = start_exercise(arguments.name, arguments.folder, variant=seed, changes=changes)
    exercise, variant = exercise_of(arguments.name, seed, changes)
    functions = ", ".join(task.name for task in exercise.tasks)
    print(f"wrote {path}: {functions} ({exercise.points} points, {variant_text(variant).replace(' ()', '')})")
    if changes is not None and changes > (there := len(exercise.choices)):
        done = "all are changed" if there else "nothing is changed"
        print(f"--changes {changes} is more than the {counted('choice', there)} of {exercise.name}: {done}")
    print(f"fill it in, then: npconv grade {path}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ..course.grading.folders import status_text

    if not os.path.isdir(arguments.folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), arguments.folder)
    print(status_text(graded(arguments, [arguments.folder])))
    return 0
