"""Functions called here as a submission's process calls them there, for tests of what is judged and not of the process.

Only tests/course/test_worker.py and test_grade.py need the process itself; starting it and each call by way of it cost
more than most of what is judged.
"""

import numpy as np

from npconv.course.exercises import Variant
from npconv.course.grading.cases import Cases
from npconv.course.grading.child import Limits
from npconv.course.grading.grade import verdicts_on
from npconv.course.grading.judging import Judge
from npconv.course.grading.messages import UnreadableError, check_answer, decode, encode
from npconv.course.grading.process import Outcome

LIMITS = Limits()
PLAIN = Variant()
KNOWN: dict = {}


def cases_of(task, variant=PLAIN, seed=0):
    """The cases of a task, whose answers are computed once for all tests of a session."""
    return KNOWN.setdefault((id(task), variant, seed), Cases(task, variant, seed))


class Here:
    """One function, or all of a source, called in this process with copies of the arrays."""

    limits = LIMITS
    limited_memory = True

    def __init__(self, source="", *_, **functions):
        self.functions = functions
        self.names = frozenset(functions)
        if source:
            self.replace(source)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def replace(self, source):
        self.functions = {}
        exec(source, self.functions)
        self.names = frozenset(name for name, value in self.functions.items() if callable(value))

    def load(self):
        return Outcome("returned")

    def ready(self, name):
        return Outcome("returned")

    def call(self, name, arrays, options, *, deadline=None):
        arrays, body = tuple(None if a is None else a.copy("K") for a in arrays), []
        try:
            with np.errstate(all="ignore"):
                value = self.functions[name](*arrays, **options)
            check_answer(value)
            value = encode(value, body, LIMITS.returned_bytes)
            return Outcome("returned", *decode([value], b"".join(body)), arrays)
        except UnreadableError as error:
            return Outcome("unreadable", message=str(error), arguments=arrays)
        except Exception as error:
            return Outcome("raised", message=f"{type(error).__name__}: {error}", arguments=arrays)


def verdict(task, function, variant=PLAIN, seed=0):
    """The verdict on one function."""
    return Judge(cases_of(task, variant, seed), Here(**{task.name: function})).verdict()


def verdicts(source, exercise):
    """The verdicts on the functions of a source, in order."""
    return verdicts_on(Here(source), exercise, cases_of)[0]
