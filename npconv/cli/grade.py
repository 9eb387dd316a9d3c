"""`npconv grade`: what a file of exercises is worth, and the smallest case that is wrong."""

import argparse
import json
from dataclasses import replace

from .exercise import VARIANT
from .shared import Commands, File, Real, Whole


def add_parser(commands: Commands) -> None:
    """Add `npconv grade`."""
    grade = commands.add_parser("grade", help="grade a file of exercises, and show the smallest case that is wrong")
    grade.add_argument("file", nargs="?", type=File(), metavar="FILE", help="what `npconv exercise start` began")
    grade.add_argument("--json", action="store_true", help="print the report as JSON")
    grade.add_argument("--exercise", metavar="NAME", help="refuse a file that is another exercise")
    grade.add_argument("--variant", type=VARIANT, metavar="SEED", help="refuse a file that is another variant")
    grade.add_argument("--seconds", type=Real(0, 3600, "least"), metavar="N", help="time for one call (5)")
    grade.add_argument("--memory", type=Whole(1, 1 << 20), metavar="MB", help="memory beside NumPy's (1024)")
    grade.add_argument("--self-test", action="store_true", help="grade known mistakes and known right answers instead")
    grade.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.grading import Limits, grade

    if arguments.self_test:
        return _self_test(arguments)
    if arguments.file is None:
        raise ValueError("FILE is missing; `npconv exercise start NAME` begins one")
    limits = Limits()
    if arguments.seconds is not None:
        limits = replace(limits, seconds=arguments.seconds)
    if arguments.memory is not None:
        limits = replace(limits, memory_bytes=arguments.memory << 20)
    report = grade(arguments.file, exercise=arguments.exercise, variant=arguments.variant, limits=limits)
    print(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if arguments.json else report.as_text())
    return 0 if report.right else 1


def _self_test(arguments: argparse.Namespace) -> int:
    from ..course.grading import self_test

    if arguments.file is not None:
        raise ValueError(f"--self-test takes no FILE; got {arguments.file}")
    result = self_test()
    print(json.dumps(result.as_json(), indent=2, ensure_ascii=False) if arguments.json else result.as_text())
    return 0 if result.right else 1
