"""The lessons: pages of Markdown in docs/lessons, also as notebooks."""

import base64
import html
import json
import posixpath
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ..kernels.arguments import one_of

LESSONS = (  # in their order
    "standard-convolution", "separable-convolution", "backward", "inverted-residual", "network", "other-convolutions",
    "detection", "segmentation",
)  # fmt: skip
FOLDER = "docs/lessons"
PICTURES = {".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif"}
_FENCED = re.compile(r"^(?P<fence>`{3,})[^\n`]*\n.*?^(?P=fence)[ ]*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(
    r"^```python\n(?P<code>.*?)^```[ ]*$(?:\n\n```text\n(?P<output>.*?)^```[ ]*$)?\n?", re.DOTALL | re.MULTILINE
)
_BLANK = re.compile(r"(?:= |return )\.\.\.")
_WORDS = r"(?:[^\[\]]|\[[^\[\]]*\])*"  # with y[0, 1] among them
_IMAGE = re.compile(rf"!\[(?P<alt>{_WORDS})\]\((?P<target>[^)\s]+)\)")
_FOLDED = r"^<details>\n<summary>(?P<summary>[^\n]*)</summary>\n(?P<folded>.*?)^</details>$"
_PART = re.compile(
    rf"{_FOLDED}|{_CODE.pattern}|{_FENCED.pattern}|(?P<heading>^#{{1,6}} )|(?P<picture>^{_IMAGE.pattern}$)",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(rf"(?<!!)\[(?P<text>{_WORDS})\]\((?P<target>[^)\s]+)\)")
_OUTSIDE = re.compile(r"[a-z]+:")  # https:, mailto:, data:

Cell: TypeAlias = dict[str, Any]


class _Block(NamedTuple):
    """A piece of a lesson: Markdown, or code with what it prints."""

    text: str
    code: bool = False
    output: str = ""
    folded: bool = False

    @property
    def blank(self) -> bool:
        """True for code with a blank, `= ...` or `return ...`, to fill in."""
        return self.code and bool(_BLANK.search(self.text))


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

    Python blocks become code cells, a text block that follows one its output; folded ones (in <details>) become cells
    whose code and output are folded. The answer to a blank (`= ...`, `return ...`) stays folded Markdown below it.
    Figures are embedded, so the file can be moved, and links become the names of pages.

    Raises ValueError where no lesson has that name, OSError where the lessons or a figure are missing.

    >>> json.loads(as_notebook("standard-convolution"))["nbformat"]
    4
    """
    root, cells = _root(name), []
    for block in _blocks(lesson_text(name)):
        if block.code:
            cells.append(_code_cell(block))
        elif block.text.strip():
            cells.append(_cell("markdown", _self_contained(block.text.strip("\n"), root)))
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


def _blocks(page: str) -> Iterator[_Block]:
    """The pieces of a page: its Python blocks, and its Markdown, which is split at headings, pictures and answers.

    A text block that directly follows a Python block is what this prints. Folded code comes after the folded text.

    >>> [*_blocks("Two.\\n\\n```python\\nprint(2)\\n```\\n\\n```text\\n2\\n```\\n")][1]
    _Block(text='print(2)\\n', code=True, output='2\\n', folded=False)
    """
    markdown, start, blank = "", 0, False  # blank: is the last piece code with a blank?
    for part in _PART.finditer(page):
        between = page[start : part.start()]
        markdown, start = markdown + between, part.end()
        answers = blank and part["folded"] is not None and not between.strip()
        alone = answers or part["picture"]  # a cell of its own; many characters stand for a picture
        if alone or part["code"] is not None or part["heading"]:
            yield _Block(markdown)
            markdown = ""
        blank = False
        if part["code"] is not None:
            block = _Block(part["code"], True, part["output"] or "")
            blank = block.blank
            yield block
        elif alone:
            yield _Block(part[0])
        elif part["folded"] is not None and _CODE.search(part["folded"]):
            prose = re.sub(r"\n{3,}", "\n\n", _CODE.sub("", part["folded"])).strip("\n")
            whole = f"<details>\n<summary>{part['summary']}</summary>\n\n{prose}\n\n</details>"
            yield _Block(markdown + (whole if prose else part["summary"]))
            markdown = ""
            yield from (
                _Block(code["code"], True, code["output"] or "", True) for code in _CODE.finditer(part["folded"])
            )
        else:
            markdown += part[0]
    yield _Block(markdown + page[start:])


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


def _code_cell(block: _Block) -> Cell:
    stream = {"output_type": "stream", "name": "stdout", "text": _source(block.output)}
    cell = _cell("code", block.text.rstrip("\n"))
    if block.folded:
        cell["metadata"] = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
    return cell | {"execution_count": None, "outputs": [stream] if block.output else []}


def _cell(kind: str, text: str) -> Cell:
    return {"cell_type": kind, "metadata": {}, "source": _source(text)}


def _source(text: str) -> list[str]:
    return text.splitlines(keepends=True)
