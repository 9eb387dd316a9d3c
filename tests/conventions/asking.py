"""Questions that libraries answer differently, their recorded answers, and the tables of docs/conventions.md.

A library's answers are functions in a module of `of_convolution` or `of_neighbours`, named after the question. Each
takes the names and values of a column and returns an array, numbers, or a string; None if the library has no such call.
An error is an answer too: its type is recorded. A function question__variant has a row of its own.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np

import npconv
from npconv import detection, layers, models, segmentation, training

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"
PAGE = HERE.parents[1] / "docs/conventions.md"
REFUSED = "raises "
NAMES = {
    name: getattr(module, name)
    for module in (training, models, layers, detection, segmentation, npconv)
    for name in dir(module)
}
Way = str | None


class Question(NamedTuple):
    """One table of the page.

    columns: by its heading, the names and values that the functions and the expressions get.
    ours: the expression that gives npconv's own answer, of npconv's functions and layers, np and the column's names;
    a dict has one a column; None if npconv has none.
    ways: by library, the expression that gives its answer where npconv's own does not; a dict has one a column; None
    if npconv has none.
    given: what the expressions get besides.
    answer: "numbers", "typed" numbers that begin with their dtype, or a "shape".
    """

    name: str
    columns: Mapping[str, Mapping[str, Any]]
    ours: Way | Mapping[str, Way]
    ways: Mapping[str, Way | Mapping[str, Way]] = {}
    given: Mapping[str, Any] = {}
    answer: str = "numbers"
    rtol: float = 0.0

    def way(self, library: str, column: str) -> Way:
        """The expression that gives a library's answer."""
        way = self.ways.get(library, {})
        return way.get(column, self.own(column)) if isinstance(way, Mapping) else way

    def own(self, column: str) -> Way:
        """The expression that gives npconv's own answer."""
        return self.ours[column] if isinstance(self.ours, Mapping) else self.ours

    def compute(self, expression: Way, column: str) -> Any:
        """The answer of an expression."""
        if expression is None:
            return None
        names = NAMES | {"npconv": npconv, "np": np, **self.given} | self.columns[column]
        with np.errstate(all="ignore"):
            return self.answered(lambda: eval(expression, names), (TypeError, ValueError))

    def answered(self, call: Callable[[], Any], refusals: Any = Exception) -> Any:
        """A call's answer as it is recorded: a string, a list of numbers, or None."""
        try:
            answer = call()
        except OSError:  # of this machine, not of the library
            raise
        except refusals as error:
            return REFUSED + type(error).__name__
        if answer is None or isinstance(answer, str):
            return answer
        if self.answer == "shape":
            return list(answer.shape)
        array = np.asarray(answer)
        numbers = [plain(number) for number in array.ravel().tolist()]
        return f"{array.dtype} {shown(numbers)}" if self.answer == "typed" else numbers

    def agree(self, one: Any, other: Any) -> bool:
        """Equal answers: NaN equals NaN, −0 does not equal 0."""
        if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
            return bool(one == other)
        if any(isinstance(number, str) for number in one + other):
            return one == other
        close = np.allclose(one, other, rtol=self.rtol, atol=0, equal_nan=True)
        signs = np.where(np.isnan(one), False, np.signbit(one)), np.where(np.isnan(other), False, np.signbit(other))
        return close and np.array_equal(*signs)

    def table(self, records: Mapping[str, Any]) -> str:
        """The question's table in Markdown and the calls that its letters name.

        npconv's row, then a row a library: bold where it differs from npconv's, a letter where another call gives it.
        """
        letters: dict[str, str] = {}
        own = {column: self.own(column) for column in self.columns}
        ours = {column: self.compute(way, column) for column, way in own.items()}
        rows = [["library", *own], ["---"] * (len(own) + 1)]
        rows.append(["**npconv**", *(lettered(shown(ours[column]), own[column], letters) for column in own)])
        for library, record in sorted(records.items(), key=lambda item: item[0].casefold()):
            cells = []
            for column, answer in record["answers"].items():
                text = f"**{shown(answer)}**" if self.differ(ours[column], answer) else shown(answer)
                way = self.way(library, column) if expressible(answer) else None
                cells.append(text if way == own[column] else lettered(text, way, letters))
            rows.append([record["version"], *cells])
        table = (
            "\n".join(f"| {' | '.join(row)} |" for row in rows).replace("| --- |", "|---|").replace(" --- |", "---|")
        )
        return "\n".join([table, *[""][: len(letters)], *(f"- ({letter}) `{way}`" for way, letter in letters.items())])

    def differ(self, ours: Any, answer: Any) -> bool:
        """Two answers that are not equal, nor both refusals."""
        known = ours is not None and answer is not None
        return known and not self.agree(ours, answer) and (expressible(ours) or expressible(answer))


def lettered(text: str, way: Way, letters: dict[str, str]) -> str:
    """An answer with the letter of the call that gives it, if any; each call has one letter."""
    return text if way is None else f"{text} ({letters.setdefault(way, ascii_lowercase[len(letters)])})"


def plain(number: Any) -> Any:
    """A number for JSON: floats to 7 digits, complex numbers as strings."""
    if isinstance(number, float):
        return float(f"{number:.7g}")
    return number if isinstance(number, int) else str(number).strip("()")


def shown(answer: Any) -> str:
    """An answer as the page prints it."""
    if answer is None:
        return "—"
    if isinstance(answer, list):
        answer = ", ".join(f"{number:.6g}" if isinstance(number, float) else str(number) for number in answer) or "none"
    return re.sub(r"(?<![\w-])-", "−", answer)


def expressible(answer: Any) -> bool:
    """An answer that npconv might give: neither a refusal nor a missing call."""
    return answer is not None and not (isinstance(answer, str) and answer.startswith(REFUSED))


def recorded() -> dict[str, dict[str, Any]]:
    """question → library → {"version": …, "answers": {column: answer}}."""
    known: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return known


def page_with_tables(text: str, questions: list[Question]) -> str:
    """The page with its tables and their calls written anew, each behind the comment <!-- question -->."""
    records = recorded()
    for question in questions:
        table = question.table(records[question.name])
        old = rf"(<!-- {question.name} -->\n)(\|.*\n)*(\n(- \(\w\) .*\n)+)?"
        text = re.sub(old, lambda found, new=table: f"{found[1]}{new}\n", text, count=1)
    return text
