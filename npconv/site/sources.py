"""The clone's files on the site: sources as pages with numbered lines, all others as they are."""

import re
import shutil
from functools import cache
from pathlib import Path

from .pages import ROOT

LEXERS = {".py": "python", ".sh": "bash", ".md": "markdown", ".toml": "toml", ".js": "javascript", ".c": "c"}
_LINKED = re.compile(r"\]\(repository:([^)#\s]+)")


def is_source(path: str) -> bool:
    """True for a file that has a page."""
    return Path(path).suffix in LEXERS


@cache
def line_count(path: str) -> int:
    """The number of lines of a file of the clone."""
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def linked_files(source: Path) -> list[str]:
    """The files of the clone that the pages in a folder link to."""
    pages = sorted(Path(source).rglob("*.md"))
    return sorted({path for page in pages for path in _LINKED.findall(page.read_text(encoding="utf-8"))})


def copy_files(source: Path, site: Path) -> None:
    """Copy the linked files that have no page of their own to the site."""
    for path in linked_files(source):
        if not is_source(path):
            target = site / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)


def source_page(path: str) -> str:
    """A source as the body of a page: highlighted, each line with a number that is its anchor, L1, L2, …"""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    look = HtmlFormatter(linenos="inline", lineanchors="L", linespans="line", anchorlinenos=True, wrapcode=True)
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = highlight(text, get_lexer_by_name(LEXERS[Path(path).suffix], stripnl=False), look)
    lines = re.sub(r'(id="|name="|href="#)L-(?=\d)', r"\1L", lines)
    return f'<h1>{path}</h1>\n<div class="highlight-source notranslate">{lines}</div>'
