"""The parts of an exercise: functions to write, the cases that each is tried on, and the mistakes known by name.

Cases are constructed, not drawn and rejected. Each of a task's sizes has a least value and a few others; a case is
built from sizes, so it always fits. The case with all least values is about one product, and a case in which only the
stride differs shows how a function treats the stride.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...kernels.signatures import Signature
from .variants import Variant

Result: TypeAlias = tuple[Any, ...]  # arrays, numbers or None: what a function returns, a lone result in a tuple of one
Sizes: TypeAlias = Mapping[str, int]
Draw: TypeAlias = Callable[..., Any]  # draw(*shape): an array of small whole numbers, or its shape where shapes will do
Named: TypeAlias = tuple[tuple[str, str], ...]  # arguments or results in order, each with its kind


@dataclass(frozen=True)
class Size:
    """A number that a case is built from: its least value, others to try, and what a student calls it.

    `says` completes "goes wrong where …", such as "the stride along the height is {}". One that is not `paired` is
    tried alone and where a task asks for it, not with each other one.
    """

    name: str
    least: int
    others: tuple[int, ...]
    says: str
    paired: bool = True


@dataclass(frozen=True)
class Case:
    """One call, in npconv's own layout: arrays by name, in order, keyword arguments, and the sizes it is built from."""

    arrays: Mapping[str, Any]  # an array each, or None where an argument may be None
    options: Mapping[str, Any]
    sizes: Sizes


Reference: TypeAlias = Callable[[Case, Variant], Result]
Answer: TypeAlias = Callable[[Case, Variant, Reference], Result]
Build: TypeAlias = Callable[[Sizes, Draw], Case]


@dataclass(frozen=True)
class Mistake:
    """A mistake known by name, with what a function that makes it returns: `answer(case, variant, reference)`.

    Where there is no such answer (an empty output, a shape that does not fit, a variant in which it is no mistake) it
    raises ValueError.
    """

    says: str
    answer: Answer
    in_part: bool = True  # whether answers to some cases, and none to the others, are enough to name it


@dataclass(frozen=True)
class Task:
    """One function to write.

    `arrays` and `results` list names and kinds of the positional arguments and of the results; the kind (see
    variants.py) says how a variant lays it out. `build(sizes, draw)` makes a case, `reference(case, variant)` the right
    answer, with npconv's kernels, in npconv's layout. `exact` holds where whole numbers have whole answers. `text` is
    the docstring's body, with a variant's words in braces; the template adds the shapes, what the variant changes, and
    an example, the case of the sizes `example` with its right answer. `wrong` has the answers of its own mistakes, by
    their sentences, in which a variant's words are in braces too; mistakes.py has those of all variants. `further` are
    sizes, over the least, of more cases that no rule produces; names in them that are not among the task's sizes are
    ignored. `fits(case)` is False for numbers that the function is not made for, such as a box whose bottom lies above
    its top; a case is then not made smaller that way.
    """

    name: str
    points: int
    arrays: Named
    options: Named  # name and default as the signature has it, "" for none
    sizes: tuple[Size, ...]
    build: Build
    reference: Reference
    text: str
    example: Sizes  # those of the case that the docstring shows, over the least
    wrong: Mapping[str, Answer]
    results: Named = (("y", "volume"),)
    exact: bool = True
    integers: bool = True  # whether it is tried on arrays of an integer dtype too
    mixed: bool = True  # and on arrays of different dtypes
    # what of the results, in the student's layout, is compared where it is not they themselves
    compared: Callable[[Result, Case, Variant], Result] | None = None
    explained: bool = False  # whether the reference runs on names, so that `explain` can write its formula down
    row: Signature | None = (
        None  # the contract that gives the shapes of arrays, results and options, where they have one
    )
    choices: tuple[str, ...] = ()  # those of a variant that change what is computed, beside the layout
    shown: Callable[[str, Case], list[str]] | None = None  # the example's lines from the call on, where they are others
    further: tuple[Sizes, ...] = ()
    digits: int = 0  # behind the point, of the example's numbers
    fits: Callable[[Case], bool] = lambda case: True
    about: Mapping[str, str] = field(default_factory=dict)  # what arguments are, and the rule of a turned kernel

    def shape(self, name: str, kind: str) -> list[str]:
        """The shape of an argument, a result or an option in the article's symbols, one an axis; [] where it has none.

        A gradient has the shape of its array; a name that the contract does not have is its result.
        """
        if self.row is None or kind in ("", "number"):
            return []
        base = name.removesuffix("_shape")
        base = base if base in self.row.arrays else base.removeprefix("d")
        pattern = self.row.arrays.get(base, self.row.y)
        return (self.row.arrays["x"] if pattern == "x" else pattern).replace("…", "B Dᵤ Dᵤ").split()

    @property
    def signature(self) -> str:
        """The line with which its definition begins, or three lines where one would be too long."""
        taken = [name for name, _ in self.arrays]
        if self.options:
            taken += ["*", *(f"{name}={default}" if default else name for name, default in self.options)]
        line = f"def {self.name}({', '.join(taken)}):"
        return line if len(line) <= 120 else line.replace("(", "(\n    ", 1).removesuffix("):") + "\n):"


@dataclass(frozen=True)
class Exercise:
    """Some functions that belong together: its name on the command line, a line on what it asks, and its tasks.

    `choices` are those of a variant that make sense for it.
    """

    name: str
    asks: str
    tasks: tuple[Task, ...]
    choices: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """The points of all its functions together."""
        return sum(task.points for task in self.tasks)
