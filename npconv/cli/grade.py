"""`npconv grade`: what a file of exercises is worth, and the smallest case that is wrong; or the table of a class."""

import argparse
import json
import os
from collections.abc import Mapping
from typing import Any

from .exercise import CHANGES, VARIANT, add_limits, graded, limits_of, warn_of_root
from .shared import Commands, File


def add_parser(commands: Commands) -> None:
    """Add `npconv grade`."""
    grade = commands.add_parser("grade", help="grade a file of exercises, or those of a class in a table")
    words = "what `npconv exercise start` began; several, or a folder with all that is in it, give a class's table"
    grade.add_argument("files", nargs="*", type=File(folders=True), metavar="FILE", help=words)
    form = grade.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the report as JSON, of several files a list")
    form.add_argument("--csv", action="store_true", help="print the table for a spreadsheet")
    grade.add_argument("--exercise", metavar="NAME", help="refuse a file that is another exercise")
    grade.add_argument("--variant", type=VARIANT, metavar="SEED", help="refuse a file that is another variant")
    words = "refuse a file that was not started with --changes N"
    grade.add_argument("--changes", type=CHANGES, metavar="N", help=words)
    add_limits(grade)
    grade.add_argument("--self-test", action="store_true", help="grade known mistakes and known right answers instead")
    grade.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.grading import grade

    files = arguments.files
    if arguments.self_test:
        return _self_test(arguments)
    if not files:
        raise ValueError("FILE is missing; `npconv exercise start NAME` begins one")
    wanted = {name: getattr(arguments, name) for name in ("exercise", "variant", "changes")}
    if len(files) > 1 or arguments.csv or os.path.isdir(files[0]):
        return _class(arguments, wanted)
    warn_of_root(arguments)
    report = grade(files[0], **wanted, limits=limits_of(arguments))
    print(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if arguments.json else report.as_text())
    return 0 if report.right else 1


def _class(arguments: argparse.Namespace, wanted: Mapping[str, Any]) -> int:
    from ..course.grading.folders import class_csv, class_text

    all_graded = graded(arguments, arguments.files, wanted)
    if arguments.json:
        print(json.dumps([each.as_json() for each in all_graded], indent=2, ensure_ascii=False))
    else:
        print(class_csv(all_graded) if arguments.csv else class_text(all_graded))
    return 0 if all(each.right for each in all_graded) else 1


def _self_test(arguments: argparse.Namespace) -> int:
    from ..course.grading import self_test

    if arguments.files:
        raise ValueError(f"--self-test takes no FILE; got {' '.join(arguments.files)}")
    if arguments.csv:
        raise ValueError("--csv is the form of a class's table, and --self-test has none")
    result = self_test()
    print(json.dumps(result.as_json(), indent=2, ensure_ascii=False) if arguments.json else result.as_text())
    return 0 if result.right else 1
