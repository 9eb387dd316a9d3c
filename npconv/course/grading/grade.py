"""Grading a file: its exercise and variant, each of its functions in the submission's own process, the report."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..exercises import EXERCISES
from ..exercises.exercise import Exercise, Task
from ..exercises.template import header_of, read_header
from ..exercises.variants import Variant
from .cases import Cases
from .child import Limits
from .judging import Judge
from .process import Submission
from .report import Report
from .trial import Verdict, done

LARGEST = 1_000_000  # bytes that a file may have


def grade(
    path: str | Path,
    *,
    exercise: str | None = None,
    variant: int | None = None,
    changes: int | None = None,
    limits: Limits | None = None,
) -> Report:
    """Grade a file that `npconv exercise start` began: for every function right, wrong or missing.

    The cases depend on the file's own bytes: for one file they are always the same, and an answer that is looked up
    instead of computed changes the file and with it the cases.

    Args:
        path: the file.
        exercise: the one that it has to be; where None, what its header says is believed.
        variant: the seed that it has to have, any where None.
        changes: the number of changes that it has to have been started with; where None, it may have been started with
            any, or, if `variant` is given, without one.
        limits: on time, memory and what is printed.

    Returns:
        A Report.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no exercise, or not the one that it has to be, or larger than a megabyte.
    """
    with Path(path).open("rb") as stream:
        content = stream.read(LARGEST + 1)  # a device such as /dev/zero has no end
    if len(content) > LARGEST:
        raise ValueError(f"grade: path must be a file of at most {LARGEST:,} bytes; got more, {path}")
    try:
        source = content.decode("utf-8-sig")  # some editors put a byte-order mark in front
    except UnicodeDecodeError as error:
        raise ValueError(f"grade: path must be a text file in UTF-8; got {path}, {error}") from None
    check_name(exercise)
    found, its_variant = read_header(source)
    if exercise is not None and found.name != exercise:
        raise ValueError(f"grade: {path} must be the exercise {exercise}; its header says {found.name}")
    wanted = its_variant.seed if variant is None else variant, changes
    if (variant, changes) != (None, None) and (its_variant.seed, its_variant.changes) != wanted:
        due = f"a variant, changes: {changes}" if variant is None else f"variant {header_of(Variant(variant, changes))}"
        said = "no variant" if its_variant.seed is None else f"variant {header_of(its_variant)}"
        raise ValueError(f"grade: {path} must be {due}; its header says {said}")
    return grade_source(source, found, its_variant, file=str(path), limits=limits)


def check_name(exercise: str | None) -> None:
    """Raise a ValueError for the name of an exercise that there is not."""
    if exercise is not None and exercise not in EXERCISES:
        raise ValueError(f"grade: exercise must be one of {', '.join(EXERCISES)}; got {exercise}")


def grade_source(
    source: str, exercise: Exercise, variant: Variant, *, file: str = "submission.py", limits: Limits | None = None
) -> Report:
    """Grade the text of a submission; `file` is what it is called in the report."""
    with Submission(source, file, limits=limits) as submission:
        seed = seed_of(source)
        verdicts, notes = verdicts_on(submission, exercise, lambda task: Cases(task, variant, seed))
        if not submission.limited_memory:
            notes = (*notes, "on this system no limit could be set on the memory that it takes")
    return Report(file, exercise, variant, verdicts, notes)


def verdicts_on(
    submission: Submission,
    exercise: Exercise,
    cases_of: Callable[[Task], Cases],
    *,
    failures: int | None = None,
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    """A verdict for each function, tried until so many answers are wrong (None: on all its cases), and notes."""
    loaded = submission.load()
    if loaded.status != "returned":
        missing = tuple(Verdict(task, "missing", "the file can't be loaded") for task in exercise.tasks)
        return missing, (f"the file can't be loaded: {done(loaded)}",)
    notes = (f"on loading it prints: {loaded.printed.strip()[:200]}",) if loaded.printed.strip() else ()

    def verdict(task: Task) -> Verdict:
        if task.name not in submission.names:
            return Verdict(task, "missing", f"there is no function {task.name}")
        submission.ready(task.name)  # as a process that starts takes nothing from the function's time
        seconds = submission.limits.seconds_for_all
        return Judge(cases_of(task), submission, seconds=seconds, failures=failures).verdict()

    return tuple(map(verdict, exercise.tasks)), notes


def seed_of(source: str) -> int:
    """The seed of a file's cases, made of its text."""
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big")
