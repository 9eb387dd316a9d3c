"""`npconv exercise`: what there is to write, and a file to write it in."""

import argparse

from .shared import Commands, Folder, Whole, print_table

VARIANT = Whole(1 - 10**18, 10**18 - 1)  # what the grader reads in a file's header


def add_parser(commands: Commands) -> None:
    """Add `npconv exercise list` and `npconv exercise start`."""
    exercise = commands.add_parser("exercise", help="the course's exercises: list them, start one")
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
    start.set_defaults(run=_start)


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

    path = start_exercise(arguments.name, arguments.folder, variant=arguments.variant)
    exercise, variant = exercise_of(arguments.name, arguments.variant)
    functions = ", ".join(task.name for task in exercise.tasks)
    print(f"wrote {path}: {functions} ({exercise.points} points, {variant_text(variant).replace(' ()', '')})")
    print(f"fill it in, then: npconv grade {path}")
    return 0
