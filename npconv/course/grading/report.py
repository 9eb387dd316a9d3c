"""The grader's report: as text to work from, and as JSON for scripts."""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ...checks import explain
from ...kernels.geometry import Array
from ...kernels.objects import ObjectArray
from ...text import table_lines
from ..exercises.exercise import Case, Exercise, Result, Task
from ..exercises.variants import Variant
from .cases import EXACT
from .comparing import as_result, equal
from .defaults import options_given
from .trial import Trial, Verdict

GRIDS = {
    "volume": (1, 2),
    "any": (1, 2),
    "kernel": (0, 1),
    "depthwise": (0, 1),
}  # the axes of height and width in npconv's layout
WIDTH = 110
PASTED = 400  # characters that a call may have to be pasted
SHOWN = 200  # numbers of an array that are shown


@dataclass(frozen=True)
class Report:
    """The verdicts on one file: its exercise and variant, a verdict for each function, and what loading it gave.

    `notes` are what is worth saying beside them, such as that no memory limit could be set.
    """

    file: str
    exercise: Exercise
    variant: Variant
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """The points of all functions together."""
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def right(self) -> bool:
        """True if every function is right."""
        return all(verdict.status == "right" for verdict in self.verdicts)

    def as_text(self) -> str:
        """The report to read: a table of the functions, then for each wrong one its smallest case."""
        rows = [
            [verdict.task.name, verdict.status, f"{verdict.points} of {verdict.task.points}", self._tried(verdict)]
            for verdict in self.verdicts
        ]
        rows.append(["all", "", f"{self.points} of {self.exercise.points}", ""])
        lines = [f"{self.file}: {self.exercise.name}, {variant_text(self.variant)}", ""]
        lines += table_lines(["function", "", "points", "right in"], rows)
        for verdict in self.verdicts:
            if verdict.status == "wrong":
                lines += ["", *wrapped(f"{verdict.task.name}: {verdict.broken}", "  "), *self._smallest(verdict)]
            if verdict.printed:
                lines += ["", f"{verdict.task.name} prints: {verdict.printed.strip()[:200]}"]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])

    def as_json(self) -> dict[str, Any]:
        """The report for scripts; its keys, and what they mean, stay as they are.

        file, exercise, variant (the seed, or null), changes (only where the header gives their number), points, out_of,
        right (whether all functions are), notes, and functions: for each function, status ("right", "wrong" or
        "missing"), points, out_of, property (what is broken, or why it is missing), cases_right, cases, printed; and
        where it is wrong counter_example: arguments and options by name, outcome (what process.Outcome calls the
        status), message, returned, right (a list of the results), and wrong (what is wrong in this case). Arrays are
        nested lists; a Fraction and a number that JSON has none for are text.
        """
        return {
            "file": self.file,
            "exercise": self.exercise.name,
            "variant": self.variant.seed,
            **({} if self.variant.changes is None else {"changes": self.variant.changes}),
            "points": self.points,
            "out_of": self.exercise.points,
            "right": self.right,
            "functions": [self._verdict_as_json(verdict) for verdict in self.verdicts],
            "notes": list(self.notes),
        }

    def _tried(self, verdict: Verdict) -> str:
        return "" if verdict.status == "missing" else f"{verdict.passed} of {verdict.tried} cases"

    def _smallest(self, verdict: Verdict) -> Iterator[str]:
        trial = verdict.smallest
        if trial is None:
            return
        if trial.wrong != verdict.broken and trial.wrong not in verdict.broken:
            yield f"  in the smallest case that was found {trial.wrong}:"
        else:
            yield "  the smallest case that was found:"
        mixed = len({a.dtype for a in trial.given if a is not None}) > 1
        for (name, kind), a in zip(verdict.task.arrays, trial.given, strict=True):
            first, *grids = array_lines(name, kind, a, self.variant)
            yield f"    {first} of {a.dtype}" if mixed and a is not None else f"    {first}"
            yield from (f"    {line}" for line in grids)
        for name, value in options_of(verdict.task, trial, self.variant).items():
            yield f"    {name} = {value!r}"
        if trial.outcome.status == "returned":
            yield "  returned"
            yield from self._result_lines(verdict, as_result(trial.outcome.value))
        yield "  right is" if verdict.task.compared is None else "  right is, for one"
        yield from self._result_lines(verdict, trial.right)
        yield from (
            f"    by hand: {line}" if not number else f"             {line}"
            for number, line in enumerate(self._by_hand(verdict, trial))
        )
        call = call_text(verdict.task, trial, self.variant)
        if len(call) <= PASTED:
            yield from wrapped(f"  the call: {call}", " " * 12)

    def _result_lines(self, verdict: Verdict, result: Result) -> Iterator[str]:
        names = [*verdict.task.results, *[("another", "")] * len(result)]
        for (name, kind), value in zip(names, result, strict=False):
            yield from (f"    {line}" for line in array_lines(name, kind, value, self.variant))

    def _by_hand(self, verdict: Verdict, trial: Trial) -> list[str]:
        """The formula by which npconv's kernel computes the first wrong value, in the student's layout."""
        returned = as_result(trial.outcome.value)
        if not verdict.task.explained or trial.outcome.status != "returned":
            return []
        for position, right in enumerate(trial.right):
            found = returned[position] if position < len(returned) else None
            if isinstance(right, np.ndarray) and not equal(found, right, EXACT):
                differs = _differing(np.asarray(found, object), right)
                if not differs.any():
                    continue
                at = tuple(int(index[0]) for index in np.nonzero(differs))
                function = right_function(verdict.task, self.variant, trial.case)
                options = self.variant.their_options(trial.case.options)
                text = explain(function, *trial.given, at=at, of=position, numbers=True, **options)
                formula, worked = text.splitlines()
                terms, _, value = worked.rpartition(" = ")
                return [formula, terms if terms.endswith(f"= {value}") else worked]  # of one number
        return []

    def _verdict_as_json(self, verdict: Verdict) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "function": verdict.task.name,
            "status": verdict.status,
            "points": verdict.points,
            "out_of": verdict.task.points,
            "property": verdict.broken,
            "cases_right": verdict.passed,
            "cases": verdict.tried,
            "printed": verdict.printed,
        }
        if (trial := verdict.smallest) is not None:
            entry["counter_example"] = {
                "arguments": {name: as_plain(a) for (name, _), a in zip(verdict.task.arrays, trial.given, strict=True)},
                "options": {
                    name: as_plain(value) for name, value in options_of(verdict.task, trial, self.variant).items()
                },
                "outcome": trial.outcome.status,
                "message": trial.outcome.message,
                "returned": as_plain(trial.outcome.value),
                "right": as_plain(trial.right),
                "wrong": trial.wrong,
            }
        return entry


def right_function(task: Task, variant: Variant, case: Case) -> Callable[..., Result]:
    """The right function of a task, in the student's layout, for cases of the same sizes."""

    def function(*arrays: Array, **options: Any) -> Result:
        given = zip(task.arrays, arrays, strict=True)
        ours = {name: variant.ours(kind, a).view(ObjectArray) for (name, kind), a in given}
        right = task.reference(replace(case, arrays=ours, options=variant.our_options(options)), variant)
        return tuple(variant.theirs(kind, a) for (_, kind), a in zip(task.results, right, strict=True))

    kind = inspect.Parameter.POSITIONAL_ONLY
    names = [inspect.Parameter(name, kind) for name, _ in task.arrays]
    function.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return function


def _differing(found: Array, right: Array) -> Array:
    """The places where a result is not the right one; in another shape, those without the right value."""
    if found.ndim != right.ndim:
        return np.ones(right.shape, bool)
    differs = np.ones(right.shape, bool)
    both = tuple(slice(0, min(sides)) for sides in zip(found.shape, right.shape, strict=True))
    differs[both] = found[both] != right[both]
    return differs


def wrapped(text: str, indent: str) -> list[str]:
    """A text in lines of the report's width, those after the first indented; a call in it can still be pasted."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def variant_text(variant: Variant) -> str:
    """A variant in a word or two.

    >>> variant_text(Variant()), variant_text(Variant(7, channels="first"))
    ('no variant', 'variant 7 (channels: first)')
    """
    if variant.seed is None:
        return "no variant"
    changed = ", ".join(f"{name}: {option}" for name, option in variant.changed.items())
    return f"variant {variant.seed} ({changed})" if changed else f"variant {variant.seed}"


def array_lines(name: str, kind: str, value: Any, variant: Variant) -> list[str]:
    """An array as grids of height and width, one for each image and channel; anything else on one line.

    >>> print("\\n".join(array_lines("x", "volume", np.arange(4.0).reshape(1, 2, 2, 1), Variant())))
    x (1, 2, 2, 1)
      x[0, :, :, 0] = [[0 1]
                       [2 3]]
    """
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return [f"{name} = {number_text(value)}"]
    if value.size > SHOWN:
        return [f"{name} {value.shape}: {value.size} numbers"]
    lines = [f"{name} {value.shape}"]
    axes = [at for at, axis in enumerate(variant.axes(kind, value.ndim)) if axis in GRIDS.get(kind, ())]
    if value.ndim == 2 or len(axes) != 2 or max(axes) >= value.ndim:
        return [*lines, *_grid(f"{name} = ", value)]
    others = [axis for axis in range(value.ndim) if axis not in axes]
    for index in np.ndindex(*(value.shape[axis] for axis in others)):
        place: list[Any] = [slice(None)] * value.ndim
        for axis, i in zip(others, index, strict=True):
            place[axis] = i
        label = ", ".join(":" if isinstance(i, slice) else str(i) for i in place)
        lines += _grid(f"{name}[{label}] = ", value[tuple(place)])
    return lines


def _grid(label: str, a: Array) -> list[str]:
    whole = a.dtype.kind in "iuf" and bool(np.all(np.isfinite(a)) and np.all(a % 1 == 0))
    text = np.array2string(a.astype(object) if a.dtype.kind == "O" else a.astype(np.int64) if whole else a, precision=6)
    first, *rest = text.splitlines()
    return [f"  {label}{first}", *(" " * (2 + len(label)) + line for line in rest)]


def number_text(value: Any) -> str:
    """A number as Python writes it, a Fraction as a quotient."""
    if isinstance(value, Fraction):
        return f"{value} (a Fraction)"
    if isinstance(value, np.ndarray):
        value = value.item()
    return str(value)


def call_text(task: Task, trial: Trial, variant: Variant) -> str:
    """The call as a line of Python that can be pasted."""
    arrays = ["None" if a is None else array_text(a) for a in trial.given]
    options = [f"{key}={value!r}" for key, value in options_of(task, trial, variant).items()]
    return f"{task.name}({', '.join([*arrays, *options])})"


def array_text(a: Array) -> str:
    """An array as an expression, with its dtype where the numbers alone give another.

    >>> array_text(np.array([1.0])), array_text(np.array([1.0], np.float32))
    ('np.array([1.0])', 'np.array([1.0], np.float32)')
    """
    numbers = a.tolist()
    dtype = "" if np.array(numbers).dtype == a.dtype else f", np.{a.dtype}"
    order = "" if a.flags.c_contiguous else ', order="F"'
    return f"np.array({numbers!r}{dtype}{order})"


def options_of(task: Task, trial: Trial, variant: Variant) -> dict[str, Any]:
    """The keyword arguments of a trial as the student's function got them."""
    return variant.their_options(options_given(task, trial.case))


def as_plain(value: Any) -> Any:
    """Arrays as nested lists, Fractions as text, for JSON; numbers that JSON has none for as text."""
    if isinstance(value, np.ndarray):
        return as_plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_plain(part) for part in value]
    if isinstance(value, Fraction) or (isinstance(value, float) and not np.isfinite(value)):
        return str(value)
    if isinstance(value, complex):
        return str(value)
    return value
