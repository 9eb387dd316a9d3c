"""Record what libraries answer: `python tests/conventions/record.py [LIBRARY …]`, with some of them and npconv.

Asks each library that can be imported, or the named ones, writes the answers into recorded.json, where those of other
libraries stay, and writes the tables of docs/conventions.md anew. Keras answers for the backend that KERAS_BACKEND
names; TensorFlow.js needs node, and its package in NODE_PATH.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import of_convolution
import of_neighbours
from asking import HERE, PAGE, RECORDED, Question, page_with_tables, recorded

QUESTIONS = [*of_convolution.QUESTIONS, *of_neighbours.QUESTIONS]


def rows(module: ModuleType, question: Question) -> Iterator[tuple[str, dict[str, object]]]:
    """A library's rows: its answer in each column, and those of its variants."""
    functions = getattr(module, "ANSWERS", module)
    for name in dir(functions):
        asked, *variant = name.split("__")
        if asked == question.name:
            function = getattr(functions, name)
            answers = {
                column: question.answered(lambda given=given, function=function: function(**given))
                for column, given in question.columns.items()
            }
            version = ", ".join([module.VERSION, *variant])
            yield ", ".join([module.LIBRARY, *variant]), {"version": version, "answers": answers}


def main(only: list[str]) -> None:
    """Ask, and write what was answered."""
    known = recorded() if RECORDED.exists() else {}
    records = {question.name: known.get(question.name, {}) for question in QUESTIONS}
    for path in sorted(HERE.glob("of_*/[a-z]*_.py")):
        if only and path.stem.rstrip("_") not in only:
            continue
        try:
            module = importlib.import_module(f"{path.parent.name}.{path.stem}")
        except ImportError as error:
            print(f"{path.parent.name}/{path.stem}: {error}")
            continue
        for question in QUESTIONS:
            for library, record in rows(module, question):
                records[question.name][library] = record
                print(question.name, record)
    write(records)
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8"), QUESTIONS), encoding="utf-8")


def write(records: dict[str, dict[str, object]]) -> None:
    """recorded.json, a line a library."""
    questions = []
    for name, libraries in sorted(records.items()):
        lines = [f"{json.dumps(each)}: {json.dumps(libraries[each])}" for each in sorted(libraries)]
        questions.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
    RECORDED.write_text("{\n" + ",\n".join(questions) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
