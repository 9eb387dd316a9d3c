"""The lessons: pages of Markdown in docs/lessons, also as notebooks."""

import ast
import base64
import doctest
import html
import json
import posixpath
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from ..kernels.arguments import one_of

LESSONS = (  # in their order
    "standard-convolution", "separable-convolution", "backward", "inverted-residual", "network", "other-convolutions",
    "detection", "segmentation",
)  # fmt: skip
FOLDER = "docs/lessons"
PICTURES = {".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif"}
_FENCED = re.compile(r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=fence)[ ]*$", re.DOTALL | re.MULTILINE)
_WORDS = r"(?:[^\[\]]|\[[^\[\]]*\])*"  # with y[0, 1] among them
_IMAGE = re.compile(rf"!\[(?P<alt>{_WORDS})\]\((?P<target>[^)\s]+)\)")
_PART = re.compile(
    rf"^<details.*?^</details>|{_FENCED.pattern}|(?P<heading>^#{{1,6}} )|(?P<picture>^{_IMAGE.pattern}$)",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(rf"(?<!!)\[(?P<text>{_WORDS})\]\((?P<target>[^)\s]+)\)")
_OUTSIDE = re.compile(r"[a-z]+:")  # https:, mailto:, data:

Cell: TypeAlias = dict[str, Any]
Block: TypeAlias = tuple[str, str]  # "python" or "markdown", and its text


def lesson_text(name: str) -> str:
    """A lesson as it is written, in Markdown.

    Raises ValueError where no lesson has that name, OSError where the lessons are missing.

    >>> lesson_text("standard-convolution")[:2]
    '# '
    """
    return (_root(name) / FOLDER / f"{name}.md").read_text(encoding="utf-8")


def lesson_title(name: str) -> str:
    """A lesson's title: its first line. Raises what `lesson_text` raises."""
    return lesson_text(name).splitlines()[0].lstrip("# ")


def as_notebook(name: str) -> str:
    """A lesson as a Jupyter notebook, the JSON of nbformat 4.5: the same lesson gives the same text.

    Python blocks become code cells; those of a session (`>>>`) lose their prompts and keep their outputs. Folded text
    (<details>) stays Markdown. Figures are embedded, so the file can be moved, and links become the names of pages.

    Raises ValueError where no lesson has that name, OSError where the lessons or a figure are missing.

    >>> json.loads(as_notebook("standard-convolution"))["nbformat"]
    4
    """
    root, cells = _root(name), []
    for kind, text in _blocks(lesson_text(name)):
        if not text.strip():
            continue
        if kind == "markdown":
            cells.append(_cell("markdown", _self_contained(text.strip("\n"), root)))
        elif ">>> " in text:
            cells += _session_cells(text)
        else:
            cells.append(_code_cell(text.rstrip("\n")))
    notebook = {
        "cells": [{"id": f"{name}-{number}"} | cell for number, cell in enumerate(cells, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _root(name: str) -> Path:
    """The folder that has docs/lessons and figures: a clone's own, or what an installation has under share/npconv."""
    one_of("lesson_text", "name", name, LESSONS)
    page = f"{FOLDER}/{name}.md"
    clone = Path(__file__).parents[2]
    if (clone / page).is_file():
        return clone
    try:
        installed = metadata.files("npconv") or []
    except metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.as_posix().endswith(f"share/npconv/{page}") and (path := Path(str(file.locate()))).is_file():
            return path.resolve().parents[2]
    raise FileNotFoundError(
        f"the lesson {name} is missing: neither {clone / page} nor share/npconv/{page} is installed"
    )


def _blocks(text: str) -> Iterator[Block]:
    """A page in pieces: unfolded Python blocks, and Markdown, which is split at headings and pictures."""
    markdown, start = "", 0
    for part in _PART.finditer(text):
        markdown += text[start : part.start()]
        start = part.end()
        python = part["language"] == "python"
        if python or part["heading"] or part["picture"]:
            yield "markdown", markdown
            markdown = ""
        if python:
            yield "python", part["code"]
        elif part["picture"]:
            yield "markdown", part[0]  # a cell of its own, as many characters stand for it
        else:
            markdown += part[0]
    yield "markdown", markdown + text[start:]


def _self_contained(text: str, root: Path) -> str:
    """Markdown with embedded pictures, without links to files."""
    prose, start = "", 0
    for block in [*_FENCED.finditer(text), None]:  # in fenced blocks nothing is a link
        end = len(text) if block is None else block.start()
        prose += _LINK.sub(_named, _IMAGE.sub(lambda image: _embedded(image, root), text[start:end]))
        if block is not None:
            prose, start = prose + block[0], block.end()
    return prose


def _embedded(image: re.Match[str], root: Path) -> str:
    """A picture as an <img> with a data URL, which front ends show; of attachments JupyterLab shows no SVG."""
    path = root / posixpath.normpath(posixpath.join(FOLDER, image["target"]))
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{html.escape(image["alt"])}" src="data:{PICTURES[path.suffix]};base64,{data}">'


def _named(link: re.Match[str]) -> str:
    """A link's text, with the name of the page or file instead of its path."""
    text, target = link["text"], link["target"].partition("#")[0]
    if not target or _OUTSIDE.match(target):
        return link[0] if target else text
    path = posixpath.normpath(posixpath.join(FOLDER, target))
    folder, _, file = path.rpartition("/")
    lesson = file.removesuffix(".md")
    where = f"`npconv lesson {lesson}`" if folder == FOLDER and lesson in LESSONS else f"`{path}`"
    return text if where.strip("`") in text else f"{text} ({where})"


def _session_cells(session: str) -> Iterator[Cell]:
    """The examples of a session: one with an output ends a cell."""
    source = ""
    for example in doctest.DocTestParser().get_examples(session):
        source += example.source
        if example.want:
            yield _code_cell(source.rstrip("\n"), example)
            source = ""
    if source:
        yield _code_cell(source.rstrip("\n"))


def _code_cell(source: str, shows: doctest.Example | None = None) -> Cell:
    return _cell("code", source) | {"execution_count": None, "outputs": [_output(shows)] if shows else []}


def _output(example: doctest.Example) -> dict[str, Any]:
    """The output of an example: the value of an expression, or the printed text."""
    last = ast.parse(example.source).body[-1]
    prints = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and ast.unparse(last.value.func) == "print"
    if isinstance(last, ast.Expr) and not prints:
        data = {"text/plain": _source(example.want.rstrip("\n"))}
        return {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data}
    return {"output_type": "stream", "name": "stdout", "text": _source(example.want)}


def _cell(kind: str, text: str) -> Cell:
    return {"cell_type": kind, "metadata": {}, "source": _source(text)}


def _source(text: str) -> list[str]:
    return text.splitlines(keepends=True)
