"""The grader graded: every planted mistake must be caught, and every right answer accepted.

>>> len(accepted_sources()) >= 20
True
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ...text import table_lines
from ..exercises import Task, Variant
from ..exercises.template import read_header
from .cases import Cases
from .grade import verdicts_on
from .planted import PLANTED, Planted
from .process import Submission
from .trial import Verdict

ACCEPTED = Path(__file__).parent / "accepted"
FAILURES = 50  # wrong answers of one planted mistake are enough
SEED = 0  # one for all, so that the cases of a task are computed once
WIDEST = 58  # characters of a table's line


@dataclass(frozen=True)
class Tested:
    """One known function, how it is written, what the grader made of it, and what it should have."""

    says: str
    verdict: Verdict
    expected: str  # "right" or "wrong"

    @property
    def as_it_should(self) -> bool:
        """True if the grader is right about it."""
        return self.verdict.status == self.expected


@dataclass(frozen=True)
class SelfTest:
    """All planted mistakes and all right answers, graded."""

    mistakes: tuple[Tested, ...]
    accepted: tuple[Tested, ...]

    @property
    def right(self) -> bool:
        """True if the grader judged each correctly."""
        return all(tested.as_it_should for tested in (*self.mistakes, *self.accepted))

    def as_text(self) -> str:
        """Both tables, and how many were judged as they should be."""
        caught, accepted = (sum(tested.as_it_should for tested in table) for table in (self.mistakes, self.accepted))
        return "\n".join(
            [
                *_table(["", "the planted mistake", "what the grader says"], self.mistakes),
                "",
                *_table(["", "how the right answer is written", ""], self.accepted),
                "",
                f"{caught} of {len(self.mistakes)} planted mistakes are caught, "
                f"{accepted} of {len(self.accepted)} right answers are accepted",
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """Both tables for scripts."""
        tables = {"mistakes": self.mistakes, "accepted": self.accepted}
        return {
            "right": self.right,
            **{
                name: [
                    {
                        "function": tested.verdict.task.name,
                        "says": tested.says,
                        "status": tested.verdict.status,
                        "property": tested.verdict.broken,
                        "as_it_should": tested.as_it_should,
                    }
                    for tested in table
                ]
                for name, table in tables.items()
            },
        }


def self_test(planted: Sequence[Planted] = PLANTED, accepted: Sequence[str] | None = None) -> SelfTest:
    """Grade known mistakes and known right answers, one after another in one process.

    Args:
        planted: the mistakes.
        accepted: the text of the right answers; None for all that come with npconv.

    Returns:
        A SelfTest.
    """
    known: dict[tuple[str, Variant], Cases] = {}

    def cases_of(task: Task, variant: Variant) -> Cases:
        place = task.name, variant
        if place not in known:
            known[place] = Cases(task, variant, SEED)
        return known[place]

    with Submission("") as submission:
        mistakes = []
        for mistake in planted:
            submission.replace(mistake.source())
            plain = partial(cases_of, variant=Variant())
            (verdict,), _ = verdicts_on(submission, mistake.asked, plain, failures=FAILURES)
            mistakes.append(Tested(mistake.says, verdict, "wrong"))
        right = []
        for source in accepted_sources() if accepted is None else accepted:
            exercise, variant = read_header(source)
            submission.replace(source)
            verdicts, _ = verdicts_on(submission, exercise, partial(cases_of, variant=variant))
            right += [Tested(_how(source), verdict, "right") for verdict in verdicts]
    return SelfTest(tuple(mistakes), tuple(right))


def accepted_sources() -> list[str]:
    """The text of every right answer that comes with npconv, each as a student hands it in."""
    return [path.read_text(encoding="utf-8") for path in sorted(ACCEPTED.glob("*.py"))]


def _how(source: str) -> str:
    """The style of an answer: the first line of its docstring."""
    return source.split('"""')[1].splitlines()[0].removesuffix(".")


def _table(header: list[str], table: Sequence[Tested]) -> list[str]:
    """A line for each function that was graded, those of one task under its name."""
    rows = []
    for number, tested in enumerate(table):
        name = tested.verdict.task.name
        if number == 0 or table[number - 1].verdict.task.name != name:
            rows.append(["", name, ""])
        mark = "" if tested.as_it_should else f", not {tested.expected}"
        columns = [f"{tested.verdict.status}{mark}"], _wrapped(tested.says), _wrapped(tested.verdict.broken)
        for status, says, said in zip_longest(*columns, fillvalue=""):
            rows.append([status, f"  {says}", said])
    return table_lines(header, rows)


def _wrapped(text: str) -> list[str]:
    first, *more = textwrap.wrap(text, WIDEST, break_on_hyphens=False) or [""]
    return [first, *(f"  {line}" for line in more)]
