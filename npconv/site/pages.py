"""The pages that Sphinx reads: the clone's Markdown, whose links lead to other pages or to files of the clone."""

import posixpath
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from .dark import dark_svg

ROOT = Path(__file__).parents[2]
"""The clone."""

BESIDE = {"README.md": "index", "CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changelog"}
"""The pages from outside of docs/, and their names on the site."""

DARK = "-dark"
"""The ending of the name of a figure for dark pages."""

_WORDS = r"(?:[^\[\]]|\[[^\[\]]*\])*"  # with y[0, 1] among them
_TARGET = re.compile(rf"(?P<before>(?P<picture>!)?\[{_WORDS}\]\()(?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")
_LISTED = re.compile(r"^(?:- |(\d+\. ))\[([^\]]*)\]\(/(.*?)\.md", re.MULTILINE)
_FENCE = re.compile(r"(?ms)^(?P<indent> *)(?P<fence>`{3,}).*?^(?P=indent)(?P=fence) *$")


def stage(source: Path, others: Mapping[str, str]) -> None:
    """Write all pages, those of the clone and others by their names, and the figures to a folder that is missing."""
    shutil.copytree(ROOT / "figures", source / "figures")
    for figure in sorted((source / "figures").glob("*.svg")):
        dark = dark_svg(figure.read_text(encoding="utf-8"))
        figure.with_name(f"{figure.stem}{DARK}.svg").write_text(dark, encoding="utf-8")
    pages = {name: linked(file, (ROOT / file).read_text(encoding="utf-8")) for file, name in _pages().items()}
    pages["index"] += "\n" + _contents(pages["index"])
    for name, text in {**pages, **others}.items():
        page = source / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")


def _contents(front: str) -> str:
    """The site's table of contents: the pages that the front page lists, in its words, and those beside them."""
    sections = {}
    for section in front.split("\n## ")[1:]:
        sections[section.partition("\n")[0]] = _LISTED.findall(section)
    sections["Reference"] = [("", "API reference", "api/index")]
    sections["The project"] = [("", name.title(), name) for name in BESIDE.values() if name != "index"]
    return "\n".join(
        f"```{{toctree}}\n:hidden:\n:caption: {heading}\n\n"
        + "".join(f"{number}{title} <{page}>\n" for number, title, page in pages)
        + "```\n"
        for heading, pages in sections.items()
        if pages
    )


def linked(file: str, text: str) -> str:
    """A page of the clone with its links as the site has them.

    A link to a page leads to that on the site, `/NAME.md`; one to another file that exists to `repository:FILE`; and a
    picture stays one. All else is left alone, for Sphinx to complain about.

    >>> linked("docs/costs.md", "[lesson 1](lessons/backward.md#one-tap) and [code](../npconv/text.py#L3)")
    '[lesson 1](/lessons/backward.md#one-tap) and [code](repository:npconv/text.py#L3)'
    """
    pages = _pages()

    def moved(target: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), target["path"]))
        before, anchor = target["before"], target["anchor"] or ""
        if path in pages:
            return f"{before}/{pages[path]}.md{anchor}"
        if not (ROOT / path).is_file():
            return target[0]
        return f"{before}/{path}" if target["picture"] else f"{before}repository:{path}{anchor}"

    moved_text, start = "", 0
    for block in _FENCE.finditer(text):
        moved_text += _TARGET.sub(moved, text[start : block.start()]) + block[0]
        start = block.end()
    return moved_text + _TARGET.sub(moved, text[start:])


def _pages() -> dict[str, str]:
    """The names of the pages on the site by the files of the clone that they are made of."""
    docs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    return BESIDE | {file: file.removeprefix("docs/").removesuffix(".md") for file in sorted(docs)}
