"""A page for each exercise, where it is written and graded in the browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ..course.exercises import EXERCISES, Exercise, Variant
from ..course.exercises.bugs import FIND_THE_BUG
from ..course.exercises.template import TO_MEND, TO_WRITE, exercise_of, exercise_text

PAGE = "exercises"  # which has the table of them, and the name of the folder of their pages
TEMPLATE = "exercise.html"
_LINK = re.compile(r"\[(?P<words>[^\]]+)\]\((?P<page>/?[\w/-]+\.md)?(?P<anchor>#[\w-]+)?\)")

Page: TypeAlias = tuple[str, dict[str, Any], str]


def add_templates(app: Any, config: Any) -> None:
    """Let Sphinx find the template of the pages, for its event config-inited."""
    config.templates_path.append(str(Path(__file__).with_name("templates")))


def collect_pages(app: Any) -> Iterator[Page]:
    """The pages of the exercises, for Sphinx's event html-collect-pages: name, what the template takes, template."""
    table = Path(app.srcdir, f"{PAGE}.md").read_text(encoding="utf-8")
    builder = app.builder
    for exercise in EXERCISES.values():
        page = f"{PAGE}/{exercise.name}"
        text = exercise_text(*exercise_of(exercise.name, None))
        yield (
            page,
            {
                "title": exercise.name,
                "exercise": exercise.name,
                "file": f"{exercise.name.replace('-', '_')}.py",
                "asks": exercise.asks[0].upper() + exercise.asks[1:],
                "functions": _functions(exercise),
                "points": exercise.points,
                "to_do": TO_MEND if exercise is FIND_THE_BUG else TO_WRITE,
                "read_first": [
                    (words, builder.get_relative_uri(page, name) + anchor)
                    for words, name, anchor in read_first(exercise.name, table)
                ],
                "code": builder.highlighter.highlight_block(text, "python"),
            },
            TEMPLATE,
        )


def read_first(name: str, table: str) -> list[tuple[str, str, str]]:
    """The words, the page and the anchor of each link in the last column of an exercise's row in docs/exercises.md.

    >>> read_first("iou", "| `iou` | `iou` | 2 | [detection](lessons/detection.md) |")
    [('detection', 'lessons/detection', '')]

    Raises ValueError where the exercise has no row with a link.
    """
    row = re.search(rf"^\| `{name}` \|.*\|(.*)\|$", table, re.MULTILINE)
    links = list(_LINK.finditer(row[1])) if row else []
    if not links:
        raise ValueError(f"read_first: docs/{PAGE}.md must say what to read before {name}")
    return [
        (link["words"], (link["page"] or f"{PAGE}.md").strip("/").removesuffix(".md"), link["anchor"] or "")
        for link in links
    ]


def _functions(exercise: Exercise) -> list[tuple[str, str, int]]:
    """The name of each function, what it is, and its points."""
    if exercise is FIND_THE_BUG:
        return [("one of several", "the variant chooses it", exercise.points)]
    words = Variant().words
    return [(task.name, task.text.format(**words).split("\n\n")[0], task.points) for task in exercise.tasks]
