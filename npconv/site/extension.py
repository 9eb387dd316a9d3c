"""The Sphinx extension behind docs/conf.py: all that the Markdown leaves to the site.

Links to what is no page are written with schemes of the site's own: `repository:FILE#L3` is a file of the clone,
`site:FILE` one of the site, `api:NAME` a public name.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from ..course.exercises import EXERCISES
from .api import PARTS, file_of, meant, modules, names_of, places
from .exercises import PAGE, add_templates, collect_pages
from .pages import DARK
from .sources import is_source, line_count, linked_files, source_page
from .steppers import add_frames

_EXERCISE = re.compile(r"npconv exercise start ([\w-]+)")
SCHEMES = ("repository", "site", "api")


def setup(app: Any) -> dict[str, Any]:
    """Connect the site's parts with Sphinx, which calls this."""
    app.add_html_math_renderer(
        "mathml", (partial(_math, display="inline"), None), (partial(_math, display="block"), None)
    )
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
    if docname.startswith("api/"):
        _name_types(doctree)
        return
    _link_names(docname, doctree)
    add_frames(docname, doctree)
    _darken(app.srcdir, doctree)
    if docname.startswith("lessons/"):
        _link_notebook(docname, doctree)


def _name_types(doctree: Any) -> None:
    """Give the types in signatures the full names by which Sphinx finds them; those from elsewhere are no links."""
    from sphinx.addnodes import desc_signature, pending_xref

    for signature in doctree.findall(desc_signature):
        for link in list(signature.findall(pending_xref)):
            full = meant(link["reftarget"], module=modules()[signature["ids"][0]])
            if full:
                link["reftarget"] = full
            else:
                link.parent[link.parent.index(link) : link.parent.index(link) + 1] = link.children


def _link_names(docname: str, doctree: Any) -> None:
    """Link the public names in the text, which stand there as code, to the reference, and exercises to their pages.

    An exercise is named by its command, and on the page of all exercises in the first column of a table.
    """
    from docutils import nodes

    for code in list(doctree.findall(nodes.literal)):
        text, cell = code.astext(), code.parent.parent
        command = _EXERCISE.fullmatch(text)
        first = docname == PAGE and isinstance(cell, nodes.entry) and cell is cell.parent[0]
        exercise = command[1] if command else text if first else None
        if exercise in EXERCISES:
            address = f"site:{PAGE}/{exercise}.html"
        elif text != "npconv" and (full := meant(text)):
            address = f"api:{full}"
        else:
            continue
        within = code.parent
        while within is not None and not isinstance(within, nodes.reference | nodes.title | nodes.raw):
            within = within.parent
        if within is None:
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
    if scheme == "api":
        page, _, anchor = places().get(rest, "").partition("#")
        return f"{page}.html#{anchor}".removesuffix("#") if page else None
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
    defining = {file_of(name.module) for part in PARTS for name in names_of(part)}
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


def source_address(domain: str, info: dict[str, str]) -> str | None:
    """The source of a name of the reference: what sphinx.ext.linkcode asks for."""
    names = {name.full: name for part in PARTS for name in names_of(part)}
    name = names.get(info["fullname"]) or names.get(info["fullname"].rpartition(".")[0])
    return f"repository:{name.place}" if name else None
