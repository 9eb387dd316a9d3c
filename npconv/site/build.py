"""The site's build: the docs of a clone, through Sphinx, into one folder."""

import io
import json
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path

from .. import __version__
from ..course.lessons import LESSONS, as_notebook
from ..files import write_whole
from .api import api_pages
from .pages import ROOT, stage
from .runtime import add_runtime, check_pyodide, is_address, settings
from .sources import copy_files
from .steppers import write_steppers


def build_site(out: str | Path, *, pyodide: str | Path | None = None) -> None:
    """Build the site, whole or not at all: `out` is written when all is done, and replaces a site that is there.

    Args:
        out: a folder that is missing or empty, or has a site.
        pyodide: Pyodide's files for the pages that run Python in the reader's browser: a folder, whose files are copied
            into the site, or an address that ends in "/". None builds pages that do not run.

    Raises FileNotFoundError outside of a clone, FileExistsError where `out` has other files, ImportError where Sphinx
    is not installed, ValueError where a page has a mistake, such as a link that leads nowhere.
    """
    out = Path(out).resolve()
    if not (ROOT / "docs" / "conf.py").is_file():
        raise FileNotFoundError(f"build_site: the site is built in a clone of npconv, with its docs; {ROOT} has none")
    if out.exists() and any(out.iterdir()) and not is_site(out):
        raise FileExistsError(f"build_site: out must be missing, empty or a site; {out} has other files")
    if pyodide is not None and not is_address(pyodide):
        check_pyodide(pyodide)  # before Sphinx's half a minute
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".npconv-", dir=out.parent) as work:
        source, site = Path(work, "source"), Path(work, "site")
        stage(source, api_pages())
        run_sphinx(source, site)
        copy_files(source, site)
        write_steppers([page.read_text(encoding="utf-8") for page in sorted(source.rglob("*.md"))], site)
        for name in LESSONS:
            write_whole(site / "notebooks" / f"{name}.ipynb", as_notebook(name))
        if pyodide is not None:
            make_live(site, pyodide)
        if out.exists():
            os.replace(out, Path(work, "before"))
        os.replace(site, out)


def is_site(folder: str | Path) -> bool:
    """True for a folder with a site.

    >>> is_site("no such folder")
    False
    """
    return Path(folder, "objects.inv").is_file()


def make_live(site: Path, pyodide: str | Path) -> None:
    """Let the pages of a site that is built run Python: its files, and on each page where they are.

    A page finds the addresses, relative to itself or absolute, as JSON in its element `npconv-settings`; a page of a
    site that doesn't run Python has no such element.
    """
    add_runtime(site, pyodide)
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        root = "../" * (len(page.relative_to(site).parts) - 1) or "./"
        told = json.dumps(settings(pyodide, root)).replace("<", "\\u003c")
        tags = (
            f'<link rel="stylesheet" href="{root}_static/run.css">\n'
            f'<script src="{root}_static/opened-as-file.js"></script>\n'
            f'<script type="application/json" id="npconv-settings">{told}</script>\n'
            f'<script type="module" src="{root}_static/run.js"></script>\n'
        )
        page.write_text(text.replace("</head>", f"{tags}</head>", 1), encoding="utf-8")


def run_sphinx(source: Path, site: Path) -> None:
    """Build the pages of a folder; a ValueError with all that Sphinx complains about."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    told, docs = io.StringIO(), ROOT / "docs"
    versions = {"version": __version__, "release": __version__}
    with tempfile.TemporaryDirectory() as trees, warnings.catch_warnings(), docutils_namespace(), patch_docutils(docs):
        warnings.simplefilter("ignore")  # of what later releases of them will drop
        Sphinx(source, docs, site, trees, "html", versions, status=None, warning=told, freshenv=True).build()
    (site / ".buildinfo").unlink()  # for a next build in the same folder, which there is none
    shutil.rmtree(site / "_sources", ignore_errors=True)  # which some releases of Sphinx make, and leave empty
    mistakes = re.sub(r"\x1b\[[\d;]*m", "", told.getvalue()).replace(f"{source}{os.sep}", "")
    if mistakes:
        raise ValueError(f"build_site: the pages must have no mistakes; got\n{mistakes.strip()}")
