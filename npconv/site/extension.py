"""The Sphinx extension behind docs/conf.py: all that the Markdown leaves to the site.

Links to what is no page are written with schemes of the site's own: `repository:FILE#L3` is a file of the clone,
`site:FILE` one of the site.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from ..course.exercises import EXERCISES
from .api import PARTS, file_of, meant, names_of, skip_member, write_colons, write_docstring, write_types
from .exercises import PAGE, add_templates, collect_pages
from .pages import DARK
from .sources import is_source, line_count, linked_files, source_page
from .steppers import add_frames

_NAME = re.compile(r"[\w.]+(\(\))?")
_EXERCISE = re.compile(r"npconv exercise start ([\w-]+)")
SCHEMES = ("repository", "site")


def setup(app: Any) -> dict[str, Any]:
    """Connect the site's parts with Sphinx, which calls this."""
    app.add_html_math_renderer(
        "mathml", (partial(_math, display="inline"), None), (partial(_math, display="block"), None)
    )
    app.connect("autodoc-process-docstring", write_docstring, priority=100)  # before napoleon reads it
    app.connect("autodoc-process-docstring", write_colons, priority=900)  # after it
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-signature", write_types)
    app.connect("doctree-read", _complete, priority=100)  # before Sphinx collects the images
    app.connect("doctree-resolved", _resolve)
    app.connect("html-collect-pages", _source_pages)
    app.connect("html-page-context", _contents, priority=100)  # before furo asks for them
    app.connect("config-inited", add_templates)
    app.connect("html-collect-pages", collect_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _complete(app: Any, doctree: Any) -> None:
    """Add to a page what its Markdown has no words for."""
    docname = app.env.docname
    add_frames(docname, doctree)
    _darken(app.srcdir, doctree)
    if docname.startswith("lessons/"):
        _link_notebook(docname, doctree)


def _link_names(app: Any, doctree: Any, docname: str) -> None:
    """Link the public names in the text, which stand there as code, to the reference, and exercises to their pages.

    An exercise is named by its command, and on the page of all exercises in the first column of a table.
    """
    from docutils import nodes
    from sphinx.addnodes import desc

    known = app.env.get_domain("py").objects
    for code in list(doctree.findall(nodes.literal)):
        text, around = code.astext(), [code.parent]
        while around[-1].parent is not None:
            around.append(around[-1].parent)
        if any(isinstance(each, nodes.reference | nodes.title | nodes.raw) for each in around):
            continue
        names = [each[0]["ids"][0] for each in around if isinstance(each, desc) and each[0].get("ids")]
        within = names[0] if names else f"npconv.{docname.partition('api/')[2]}".rstrip(".")
        command, cell = _EXERCISE.fullmatch(text), around[1]
        first = docname == PAGE and isinstance(cell, nodes.entry) and cell is cell.parent[0]
        exercise = command[1] if command else text if first else None
        full = meant(text, known, within) if _NAME.fullmatch(text) and text != "npconv" else None
        if exercise in EXERCISES:
            address = f"site:{PAGE}/{exercise}.html"
        elif full and known[full].node_id != within:
            address = f"site:{known[full].docname}.html#{known[full].node_id}"
        else:
            continue
        link = nodes.reference("", "", refuri=address, internal=True, classes=["public-name"])
        code.replace_self(link)
        link += code


def _darken(source: Any, doctree: Any) -> None:
    """Put beside each figure the one for dark pages, of which furo's classes show one."""
    from docutils import nodes

    for image in list(doctree.findall(nodes.image)):
        image["loading"] = "lazy"  # so that the other one is not fetched
        path = posixpath.splitext(image["uri"])[0] + f"{DARK}.svg"
        if Path(f"{source}/{path}").is_file():
            dark = image.deepcopy()
            dark["uri"] = path
            image["classes"].append("only-light")
            dark["classes"].append("only-dark")
            image.parent.insert(image.parent.index(image) + 1, dark)


def _link_notebook(docname: str, doctree: Any) -> None:
    """Link a lesson's notebook below its title."""
    from docutils import nodes

    address = f"site:notebooks/{docname.removeprefix('lessons/')}.ipynb"
    link = nodes.reference("", "Download this lesson as a notebook", refuri=address, internal=True)
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, nodes.paragraph("", "", link, classes=["notebook"]))


def _resolve(app: Any, doctree: Any, docname: str) -> None:
    """Write the addresses of the site's own schemes, relative to the page."""
    from docutils import nodes
    from sphinx.util import logging

    _link_names(app, doctree, docname)
    for link in doctree.findall(nodes.reference):
        scheme, _, rest = link.get("refuri", "").partition(":")
        if scheme in SCHEMES:
            address = _address(scheme, rest)
            if address is None:
                logging.getLogger(__name__).warning("no such place: %s", link["refuri"], location=link)
            else:
                link["refuri"] = "../" * docname.count("/") + address


def _address(scheme: str, rest: str) -> str | None:
    """The address of a place, from the root of the site; None where there is none."""
    path, _, anchor = rest.partition("#")
    if scheme == "site":
        return rest
    if not is_source(path):
        return None if anchor else f"files/{path}"
    lines = re.fullmatch(r"L(\d+)(-L\d+)?", anchor)
    if anchor and not (lines and 1 <= int(lines[1]) <= line_count(path)):
        return None
    return f"source/{path}.html" + (f"#L{lines[1]}" if lines else "")


def _contents(app: Any, docname: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give furo the table of contents: Sphinx would copy it for each page anew, which takes longer than all else."""
    from sphinx.addnodes import toctree

    env, root = app.env, "../" * docname.count("/")

    def listed(trees: Any, level: int) -> str:
        entries = [entry(title or env.titles[name].astext(), name, level) for title, name in trees]
        return f"<ul>{''.join(entries)}</ul>" if entries else ""

    def entry(title: str, name: str, level: int) -> str:
        inner = [pair for tree in env.tocs[name].findall(toctree) for pair in tree["entries"]]
        below = listed(inner, level + 1)
        current = " current" if name == docname or ' current"' in below else ""
        address = "#" if name == docname else f"{root}{name}.html"
        link = f'<a class="reference internal{current}" href="{address}">{escape(title)}</a>'
        return f'<li class="toctree-l{level}{current}">{link}{below}</li>'

    context["toctree"] = lambda **options: "".join(
        f'<p class="caption"><span class="caption-text">{escape(tree["caption"] or "")}</span></p>'
        + listed(tree["entries"], 1)
        for tree in env.tocs[app.config.root_doc].findall(toctree)
    )


def _source_pages(app: Any) -> Iterator[tuple[str, dict[str, str], str]]:
    """The pages of the sources that are linked to."""
    defining = {file_of(name.module) for part in PARTS for name in names_of(part).values()}
    for path in sorted(defining.union(filter(is_source, linked_files(app.srcdir)))):
        yield f"source/{path}", {"title": posixpath.basename(path), "body": source_page(path)}, "page.html"


def _math(translator: Any, node: Any, *, display: str) -> None:
    """Write an equation as MathML, which browsers draw without a script."""
    from docutils import nodes
    from latex2mathml.converter import convert
    from sphinx.util import logging

    try:
        translator.body.append(convert(node.astext(), display=display))
    except Exception as error:  # the converter has some twenty kinds of its own, and lets others through
        told = f"{type(error).__name__} {error}".strip()
        logging.getLogger(__name__).warning("%s is no equation: %s", node.astext(), told, location=node)
    raise nodes.SkipNode
