"""Grading many files: the exercises among a folder's files, a table with a row for each, and how far a student is."""

import csv
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ...text import counted, table_lines
from ..exercises import EXERCISES
from ..exercises.template import header_of
from .child import Limits
from .grade import LARGEST, check_name, grade
from .messages import cleaned
from .report import Report
from .trial import NOT_WRITTEN, Verdict

HEADER = re.compile(rb"^# *npconv (exercise|variant):", re.MULTILINE)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # cells that begin so are run by spreadsheets, or may be
STATES = ("not begun", "begun", "wrong", "right")
CHARACTERS = 500  # of a name or a reason in a table's cell


@dataclass(frozen=True)
class Handed:
    """A file that was handed in: its student, its path, and its place in the student's folder, "" where it has none."""

    student: str
    path: Path
    place: str = ""


@dataclass(frozen=True)
class Graded:
    """A file that was handed in, with its report, or the reason why there is none."""

    file: Handed
    report: Report | None = None
    reason: str = ""

    @property
    def right(self) -> bool:
        """True if there is a report, and every function in it is right."""
        return self.report is not None and self.report.right

    @property
    def state(self) -> str:
        """The state of the exercise: "right", "wrong", or "begun" where a function is still to be written.

        One with a wrong function, or with one that is missing otherwise, is wrong.
        """
        if self.report is None or any(verdict.status == "wrong" for verdict in self.report.verdicts):
            return "wrong"
        reasons = {verdict.broken for verdict in self.report.verdicts if verdict.status == "missing"}
        return "right" if not reasons else "begun" if reasons == {NOT_WRITTEN} else "wrong"

    def as_json(self) -> dict[str, Any]:
        """The report for scripts, with the student in front; where there is none: student, file, error."""
        if self.report is None:
            return {"student": self.file.student, "file": str(self.file.path), "error": self.reason}
        return {"student": self.file.student, **self.report.as_json()}


def find_files(paths: Sequence[str | Path]) -> tuple[list[Handed], list[str]]:
    """The exercises among files and in folders, and a line about each file that is none.

    In a folder, and in the folders in it, exercises are the .py files with a header. Links there are not followed: a
    student could link to another's work, and a folder to itself. A file that is given is taken for an exercise. A
    file that is found twice counts once. The student is named by the first part of the path in which the paths differ:
    by a folder, or by the file itself.

    Args:
        paths: of files and folders.

    Returns:
        The exercises, those of a folder in the order of their names, and the lines about the others.
    """
    whole = [Path(os.path.abspath(path)) for path in paths]
    alone = len(whole) == 1 and whole[0].is_dir()
    parts = zip(*(path.parts if alone else path.parts[:-1] for path in whole), strict=False)
    common = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, parts))
    files: list[Handed] = []
    skipped: list[str] = []
    known: set[str] = set()
    for path, full in zip(map(Path, paths), whole, strict=True):
        for found in _exercises_in(path, skipped) if path.is_dir() else [path]:
            if (real := os.path.realpath(found)) in known:
                skipped.append(f"{found}: it is graded already")
                continue
            known.add(real)
            student, *place = (full / found.relative_to(path)).parts[common:]
            files.append(Handed(student, found, "/".join(place)))
    return files, [_cell(line) for line in skipped]


def _exercises_in(folder: Path, skipped: list[str]) -> Iterator[Path]:
    """The exercises in a folder; a line about each of the other files is added to those that are skipped."""

    def note(error: OSError) -> None:
        skipped.append(f"{error.filename}: {error.strerror}")

    others = 0
    for here, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        skipped += [f"{path}: it is a link" for name in folders if (path := Path(here, name)).is_symlink()]
        for name in sorted(names):
            if not name.lower().endswith(".py"):
                others += 1
            elif reason := _no_exercise(path := Path(here, name)):
                skipped.append(f"{path}: {reason}")
            else:
                yield path
    if others:
        skipped.append(f"{folder}: {counted('file', others)} without .py at the end")


def _no_exercise(path: Path) -> str:
    """The reason why a file in a folder is no exercise; "" where it is one, or might be and can't be read."""
    try:
        if path.is_symlink():
            return "it is a link"
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is no ordinary file"
        with path.open("rb") as stream:
            return "" if HEADER.search(stream.read(LARGEST)) else "it has no header of an exercise"
    except OSError:
        return ""  # grading it says why


def grade_all(
    files: Iterable[Handed],
    *,
    exercise: str | None = None,
    variant: int | None = None,
    changes: int | None = None,
    limits: Limits | None = None,
) -> Iterator[Graded]:
    """Grade one file after the other, each as `grade` does; one that it refuses has the reason instead of a report.

    Raises ValueError where there is no such exercise.
    """
    check_name(exercise)
    for file in files:
        try:
            report = grade(file.path, exercise=exercise, variant=variant, changes=changes, limits=limits)
        except OSError as error:
            yield Graded(file, reason=error.strerror or str(error))
        except ValueError as error:
            reason = str(error).removeprefix("grade: ")
            yield Graded(file, reason=reason.replace(f"{file.path} must", "it must").replace("path must", "it must"))
        else:
            yield Graded(file, report)


def class_text(graded: Sequence[Graded]) -> str:
    """The table of a class: a row for each file with its student, exercise, variant and points, or why it has none."""
    rows = []
    for each in graded:
        row = [_cell(each.file.student), _cell(each.file.place)]
        if (report := each.report) is None:
            rows.append([*row, "", "", "not graded", ""])
        else:
            functions = ", ".join(map(_points, report.verdicts))
            points = f"{report.points} of {report.exercise.points}"
            rows.append([*row, report.exercise.name, header_of(report.variant), functions, points])
    ungraded, right = sum(each.report is None for each in graded), sum(each.right for each in graded)
    last = f"{counted('file', len(graded))}: {right} right, {len(graded) - right - ungraded} not, {ungraded} not graded"
    table = table_lines(["student", "file", "exercise", "variant", "functions", "points"], rows)
    return "\n".join([*table, "", last, *_reasons(graded)])


def class_csv(graded: Sequence[Graded]) -> str:
    """The table of a class for a spreadsheet: comma-separated, and no text in it is a formula.

    Its columns: student, file, exercise, variant, changes, points, out_of, right (yes or no), functions, and error,
    the reason where there is no report.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = ("student", "file", "exercise", "variant", "changes", "points", "out_of", "right", "functions", "error")
    writer.writerow(columns)
    for each in graded:
        row: list[str | int | None] = [each.file.student, str(each.file.path), *[""] * 8]
        if (report := each.report) is not None:
            functions = "; ".join(map(_points, report.verdicts))
            row[2:5] = report.exercise.name, report.variant.seed, report.variant.changes
            row[5:9] = report.points, report.exercise.points, "yes" if report.right else "no", functions
        row[9] = each.reason
        writer.writerow(_harmless(_cell(cell)) if isinstance(cell, str) else cell for cell in row)
    return stream.getvalue().removesuffix("\n")


def status_text(graded: Sequence[Graded]) -> str:
    """The status of a student: for each exercise right, wrong, begun or not begun, with its points and files.

    Of several files of one exercise the best counts, and stands first.
    """
    rows, right, points = [], 0, 0
    for exercise in EXERCISES.values():
        known = [
            (each.report.points, STATES.index(each.state), _cell(str(each.file.path)))
            for each in graded
            if each.report is not None and each.report.exercise.name == exercise.name
        ]
        known.sort(key=lambda found: found[:2], reverse=True)
        best, state, _ = known[0] if known else (0, 0, "")
        files = ", ".join(file for *_, file in known)
        rows.append([exercise.name, STATES[state], f"{best} of {exercise.points}", files])
        right, points = right + (STATES[state] == "right"), points + best
    all_points = sum(exercise.points for exercise in EXERCISES.values())
    rows.append(["all", f"{right} of {len(EXERCISES)} right", f"{points} of {all_points}", ""])
    table = table_lines(["exercise", "", "points", "files, the one that counts first"], rows)
    return "\n".join([*table, *_reasons(graded)])


def _reasons(graded: Sequence[Graded]) -> list[str]:
    """The lines below a table about the files in it that are not graded."""
    ungraded = [each for each in graded if each.report is None]
    return [f"\n{_cell(f'{each.file.path} is not graded: {each.reason}')}" for each in ungraded]


def _points(verdict: Verdict) -> str:
    status = "" if verdict.status == "right" else f" ({verdict.status})"
    return f"{verdict.task.name} {verdict.points} of {verdict.task.points}{status}"


def _cell(text: str) -> str:
    """A text on one line without what could steer a terminal: students choose the names of files."""
    return " ".join(cleaned(text, CHARACTERS).split())


def _harmless(text: str) -> str:
    """A text that a spreadsheet does not run as a formula.

    >>> _harmless("=1+1"), _harmless("ada")
    ("'=1+1", 'ada')
    """
    return f"'{text}" if text.startswith(FORMULA) else text
