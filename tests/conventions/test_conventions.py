"""The answers that libraries gave, the npconv call that gives each, and the page that quotes them."""

import ast
import re

import of_convolution
import of_neighbours
import pytest
from asking import HERE, PAGE, Question, expressible, page_with_tables, recorded

QUESTIONS: list[Question] = [*of_convolution.QUESTIONS, *of_neighbours.QUESTIONS]
RECORDS = recorded()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_npconv_gives_what_each_library_gave(question: Question) -> None:
    own = {column: question.compute(question.own(column), column) for column in question.columns}
    for library, record in RECORDS[question.name].items():
        for column, answer in record["answers"].items():
            way = question.way(library, column)
            if not expressible(answer) or question.own(column) is way is None:
                continue
            if way is None:  # npconv has no such call
                assert not question.agree(own[column], answer), (library, column)
            else:
                ours = own[column] if way == question.own(column) else question.compute(way, column)
                assert question.agree(ours, answer), (library, column, way, ours)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_question_has_answers_and_ways_for_its_columns(question: Question) -> None:
    records = RECORDS[question.name]
    assert records
    assert all(list(record["answers"]) == list(question.columns) for record in records.values())
    assert set(question.ways) <= set(records)
    for library, way in question.ways.items():
        assert not isinstance(way, dict) or set(way) <= set(question.columns), library


def test_each_recorded_answer_can_be_asked_again() -> None:
    modules = list(HERE.glob("of_*/[a-z]*_.py"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in modules]
    functions = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    functions |= {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for question, records in RECORDS.items():
        for library in records:
            name, *variant = library.split(", ")
            assert "__".join([question, *variant]) in functions
            assert name.split()[0] in {path.stem.rstrip("_") for path in modules}


def test_the_page_quotes_the_recorded_answers() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+) -->", page) == [question.name for question in QUESTIONS]
    assert page_with_tables(page, QUESTIONS) == page
    assert len(re.findall(r"(?m)^\|-", page)) == len(QUESTIONS)  # no table stands elsewhere
