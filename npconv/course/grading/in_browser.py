"""The requests of a page that grades: the file of an exercise, and the report on what was made of it."""

import json
from pathlib import Path

from ...files import write_whole
from ..exercises.template import exercise_text, read_header
from .child import Limits
from .grade import grade

MEMORY_BYTES = 1 << 28  # a quarter of the command line's: phones end pages that take more


def start_text(name: str, variant: str) -> str:
    """The file that `npconv exercise start` writes, for the page's editor; `variant` is what its header calls it.

    >>> start_text("costs", "3").splitlines()[1]
    '# npconv variant: 3'

    Raises ValueError where there is no such exercise, or no such variant.
    """
    return exercise_text(*read_header(f"# npconv exercise: {name}\n# npconv variant: {variant}\n"))


def grade_text(name: str, source: str) -> str:
    """The report on the text of an exercise's file, as JSON: what Report.as_json gives, and its `text`.

    Raises ValueError where it is no exercise, or another one.
    """
    path = Path(f"{name.replace('-', '_')}.py")
    write_whole(path, source)
    report = grade(path, exercise=name, limits=Limits(memory_bytes=MEMORY_BYTES))
    return json.dumps(report.as_json() | {"text": report.as_text()})
