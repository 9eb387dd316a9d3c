"""Write the links of the docs into the code, after code was moved: `python tests/write_links.py`.

docs/claims.md gets its tables again, in which each claim and each kernel has its file and line. In docs/kernels.md a
kernel is linked where the tables of a section first name it; one that is in no table, where the text first names it.
"""

import re
from pathlib import Path

from public import names_of

import npconv
from npconv.claims import SOURCES, as_markdown
from npconv.claims.table import source_link

DOCS = Path(__file__).parents[1] / "docs"
NAMED = re.compile(r"`(\w+)(?:\([^`]*\))?`")
KERNELS = {name for name in names_of(npconv) if not name.endswith("Stages")}


def claims(text: str) -> str:
    """The page of the claims with the tables of all sources, which stand on it in their order."""
    figures = (DOCS / "figures.md").read_text(encoding="utf-8")
    tables = iter([as_markdown(figures, source) for source in SOURCES])
    return re.sub(r"(?m)^\| \| .* says; the claim that tests it .*(?:\n\|.*)+$", lambda _: next(tables), text)


def kernels(text: str) -> str:
    """The page of the kernels with its links."""
    text = re.sub(rf"\[({NAMED.pattern})\]\(\.\./npconv/[^)]*\)", r"\1", text)
    tabled = {name for row in re.findall(r"(?m)^\|.*$", text) for name in NAMED.findall(row)}
    in_text, in_tables, lines, fenced = set(tabled), set(), [], False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith("## "):
            in_tables = set()
        lines.append(line if fenced else linked(line, in_tables if line.startswith("|") else in_text))
    return "".join(lines)


def linked(line: str, known: set[str]) -> str:
    """A line in which each kernel that is not known yet is linked; from there on it is known."""

    def link(named: re.Match[str]) -> str:
        if named[1] in known or named[1] not in KERNELS:
            return named[0]
        known.add(named[1])
        return f"[{named[0]}]({source_link(getattr(npconv, named[1]))})"

    return NAMED.sub(link, line)


PAGES = {"claims.md": claims, "kernels.md": kernels}

if __name__ == "__main__":
    for page, written in PAGES.items():
        path = DOCS / page
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
