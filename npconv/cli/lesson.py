"""`npconv lesson`: the course's lessons, to be read in a terminal or taken away as notebooks."""

import argparse

from .shared import Commands, File


def add_parser(commands: Commands) -> None:
    """Add `npconv lesson`."""
    lesson = commands.add_parser("lesson", help="the course's lessons, as text or as notebooks")
    lesson.add_argument("name", nargs="?", metavar="NAME", help="which one; it is printed as Markdown")
    lesson.add_argument(
        "--notebook", type=File((".ipynb",)), metavar="FILE.ipynb", help="write it as a Jupyter notebook instead"
    )
    lesson.add_argument("--list", action="store_true", help="print the names and titles, in the course's order")
    lesson.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..course.lessons import LESSONS, as_notebook, lesson_text, lesson_title
    from ..files import write_whole

    name, file = arguments.name, arguments.notebook
    if arguments.list:
        if name is not None or file is not None:
            raise ValueError("--list goes alone")
        for each in LESSONS:
            print(f"{each:<{max(map(len, LESSONS))}}  {lesson_title(each)}")
        return 0
    if name is None:
        raise ValueError(f"give a lesson's name, or --list; there are {', '.join(LESSONS)}")
    if file is None:
        print(lesson_text(name), end="")
        return 0
    write_whole(file, as_notebook(name))
    print(f"wrote {file}")
    return 0
