"""Docstrings begin with the noun or verb that a search would find, and each class has a name of its own."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TWICE = {"Case", "Task"}  # public, of checks and training, and of the exercises
QUESTIONS = {"what", "where", "whether", "how", "who", "which", "it", "those", "that"}


@cache
def definitions():
    return [
        (path.relative_to(ROOT), node)
        for path in sorted((ROOT / "npconv").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]


def test_a_docstring_begins_with_the_noun_or_the_verb_that_is_searched_for():
    found = []
    for path, node in definitions():
        words = (ast.get_docstring(node) or "").split()
        if words and words[0].lower() in QUESTIONS and path.parts[1] != "claims":  # a claim's is the article's sentence
            found.append(f"{path}:{getattr(node, 'lineno', 1)}: {' '.join(words[:8])}")
    assert found == []


def test_each_class_has_a_name_of_its_own():
    places = defaultdict(list)
    for path, node in definitions():
        if isinstance(node, ast.ClassDef):
            places[node.name].append(path)
    assert {name for name, paths in places.items() if len(paths) > 1} == TWICE
