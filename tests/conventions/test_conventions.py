"""The answers that libraries gave, the npconv call that gives each, and the page that quotes them."""

import ast
import re
from typing import Any

import of_convolution
import of_neighbours
import pytest
from asking import HERE, PAGE, Question, expressible, page_with_tables, recorded

QUESTIONS: list[Question] = [*of_convolution.QUESTIONS, *of_neighbours.QUESTIONS]
RECORDS = recorded()
CELLS = [
    pytest.param(question, library, column, answer, id=f"{question.name}, {library}, {column}")
    for question in QUESTIONS
    for library, record in RECORDS[question.name].items()
    for column, answer in record["answers"].items()
    if expressible(answer)
]


@pytest.mark.parametrize(("question", "library", "column", "answer"), CELLS)
def test_npconv_gives_what_the_library_gave(question: Question, library: str, column: str, answer: Any) -> None:
    way = question.way(library, column)
    if way is None:  # npconv has no such call
        assert not question.agree(question.compute(question.ours, column), answer)
    else:
        assert question.agree(question.compute(way, column), answer), (way, question.compute(way, column))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_question_has_answers_and_ways_for_its_columns(question: Question) -> None:
    records = RECORDS[question.name]
    assert records
    assert all(list(record["answers"]) == list(question.columns) for record in records.values())
    assert set(question.ways) <= set(records)
    for library, way in question.ways.items():
        assert not isinstance(way, dict) or set(way) <= set(question.columns), library


def test_each_recorded_answer_can_be_asked_again() -> None:
    asked = set()
    for path in HERE.glob("of_*/*_.py"):
        functions = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "name")]
        asked |= {(name, path.stem.rstrip("_")) for name in functions}
    assert {(name, library.split()[0]) for name, records in RECORDS.items() for library in records} <= asked


def test_the_page_quotes_the_recorded_answers() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+) -->", page) == [question.name for question in QUESTIONS]
    assert page_with_tables(page, QUESTIONS) == page
    assert len(re.findall(r"(?m)^\|-", page)) == len(QUESTIONS)  # no table stands elsewhere
