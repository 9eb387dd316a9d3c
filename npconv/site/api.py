"""The reference of all public names: pages of autodoc's directives, and what autodoc asks for.

A docstring is plain text, in which only backticks are signs; napoleon reads its sections.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module, util
from typing import Any, NamedTuple

from .pages import ROOT

PARTS = (  # the modules that have a page, from the ground up
    "npconv", "npconv.cost", "npconv.checks", "npconv.checks.strategies", "npconv.checks.box", "npconv.data",
    "npconv.detection", "npconv.segmentation", "npconv.layers", "npconv.models", "npconv.training",
    "npconv.training.fig07", "npconv.training.v3_blocks", "npconv.training.detection_heads",
    "npconv.training.segmentation_heads", "npconv.bench", "npconv.figures", "npconv.claims", "npconv.course.lessons",
    "npconv.course.blanks", "npconv.course.steps", "npconv.course.page", "npconv.course.exercises",
    "npconv.course.grading", "npconv.site", "npconv.cli", "npconv.files", "npconv.text", "npconv.threads",
    "npconv.allocator",
)  # fmt: skip
ALIASES = ("Array", "Padding", "Pair", "Triple")
"""The kernels' names for types, from npconv.kernels.geometry."""


_SECTION = re.compile(r"(Args|Returns|Raises|Attributes):\n")
_MARKED = re.compile(
    r"`(?P<code>[^`]+)`|(?P<address>https?://[^\s,;)]*[^\s,;).])|\bdocs/(?P<page>[\w/-]+)\.md"
    r"|(?m:^)(?P<start> *(?:[\w, ]+: )?\w*)(?P<sign>[+.)](?=\s|$))|[\\*_|]"
)


class Bound(NamedTuple):
    """The module that defines a name, its name there, its definition, and what is said of it."""

    module: str
    name: str
    node: ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    doc: str


def file_of(module: str) -> str:
    """The file of a module, from the clone's folder.

    >>> file_of("npconv.cost"), file_of("npconv.text")
    ('npconv/cost/__init__.py', 'npconv/text.py')
    """
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


@cache
def _read(module: str) -> tuple[dict[str, Bound], list[str]]:
    """The names that a module defines or has from another one of npconv, and which of them it offers."""
    bound: dict[str, Bound] = {}
    offered: list[str] = []
    source = (ROOT / file_of(module)).read_text(encoding="utf-8")
    body = ast.parse(source).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound[node.name] = Bound(module, node.name, node, "")
            offered += [node.name] * (node.name[0] != "_")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            doc = source.splitlines()[node.lineno - 1].partition("  # ")[2]
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                doc = str(below.value.value)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for each in targets if isinstance(each, ast.Name)]
            bound |= {name: Bound(module, name, node, "" if doc.startswith("fmt:") else doc) for name in names}
            offered += [name for name in names if name.isupper() and name[0] != "_"]
        elif isinstance(node, ast.ImportFrom) and node.level and node.module:
            package = module if file_of(module).endswith("__init__.py") else module.rpartition(".")[0]
            there = _read(util.resolve_name("." * node.level + node.module, package))[0]
            known = [alias for alias in node.names if alias.name in there]
            bound |= {alias.asname or alias.name: there[alias.name] for alias in known}
            offered += [alias.name for alias in known if alias.asname == alias.name]
    return bound, offered


@cache
def names_of(part: str) -> dict[str, Bound]:
    """The public names of a module: those of its `__all__`, or its own and those that it imports to offer them.

    >>> list(names_of("npconv.allocator"))
    ['LARGEST', 'keep_memory']
    """
    if part == "npconv":  # which offers the kernels
        kernels = names_of("npconv.kernels")
        aliases = {name: _read("npconv.kernels.geometry")[0][name] for name in ALIASES}
        return {name: by for name, by in kernels.items() if name != "PUBLIC"} | aliases
    bound, offered = _read(part)
    return {name: bound[name] for name in (import_module(part).__all__ if "__all__" in bound else offered)}


@cache
def _public() -> dict[tuple[str, str], str]:
    """The full names under which the reference has what modules define: of several the first."""
    names = [(by[:2], f"{part}.{name}") for part in PARTS for name, by in names_of(part).items()]
    return dict(reversed(names))


def _owner(full: str) -> tuple[str, str, str]:
    """The part, the public name and the method of a full name."""
    part = max((part for part in PARTS if f"{full}.".startswith(f"{part}.")), key=len)
    name, _, method = full[len(part) + 1 :].partition(".")
    return part, name, method


def source_address(domain: str, info: Mapping[str, str]) -> str:
    """The source of a name of the reference: what sphinx.ext.linkcode asks for."""
    part, name, method = _owner(f"{info['module']}.{info['fullname']}")
    by = names_of(part)[name]
    inner = [each for each in getattr(by.node, "body", ()) if method and getattr(each, "name", "") == method]
    return f"repository:{file_of(by.module)}#L{(*inner, by.node)[0].lineno}"


@cache
def _parameters() -> frozenset[str]:
    """The names of all parameters of public functions: in backticks such a name stands for the parameter."""
    public = [by.node for part in PARTS for by in names_of(part).values()]
    functions = [each for node in public for each in (node, *getattr(node, "body", ()))]
    arguments = [each.args for each in functions if isinstance(each, ast.FunctionDef)]
    return frozenset(each.arg for given in arguments for each in ast.walk(given) if isinstance(each, ast.arg))


def meant(text: str, known: Mapping[str, Any], within: str = "npconv") -> str | None:
    """The full name that a text in backticks means, of those that Sphinx knows.

    Within a public name, what its module calls so goes first, then the names of its class and its part.
    """
    text = text.removesuffix("()")
    part, name, _ = _owner(within)
    by = _read(names_of(part)[name].module)[0].get(text) if name in names_of(part) else None
    first = [f"{by.module}.{by.name}"] if by else []
    outer = [".".join([*within.split(".")[:end], text]) for end in range(within.count(".") + 1, 0, -1)]
    for full in (*first, *outer, text):
        if full in known and (full == text or known[full].objtype != "module"):  # whose last name is an ordinary word
            return full
    if re.fullmatch("[a-z]+", text) or text in _parameters():
        return None
    found = [
        full
        for full, by in known.items()
        if full.endswith(f".{text}") and not by.aliased and ("." in text or by.objtype not in ("method", "property"))
    ]
    return found[0] if len(found) == 1 else None


# What autodoc asks for


def write_docstring(app: Any, what: str, full: str, value: Any, options: Any, lines: list[str]) -> None:
    """Write a docstring as napoleon reads it."""
    part, name, _ = _owner(full)
    doc = names_of(part)[name].doc if what == "data" and name in names_of(part) else "\n".join(lines)
    one_line = what in ("attribute", "data", "property")  # whose first line napoleon would read as TYPE: TEXT
    lines[:] = ["\\ "] * one_line + as_rst(doc).splitlines()


def write_colons(app: Any, what: str, full: str, value: Any, options: Any, lines: list[str]) -> None:
    """Write the colon behind an argument as a docstring has it, where napoleon writes a dash."""
    lines[:] = [line.replace("** -- ", "**: ") for line in lines]


def as_rst(doc: str) -> str:
    r"""A docstring in which all is text but backticks, addresses, sections and examples.

    >>> print(as_rst("The sum of `a`s and b*b.\n\nArgs:\n    a, b: numbers"))
    The sum of ``a``\ s and b\*b.
    <BLANKLINE>
    Args:
        a, b: numbers
    """
    return "\n\n".join(block for chunk in re.split(r"\n\n+(?=\S)", doc.strip("\n")) for block in _blocks(chunk))


def _blocks(chunk: str) -> Iterator[str]:
    section = _SECTION.match(chunk)
    for block in re.sub(r"^Returns:\n +", ":returns: ", chunk).split("\n\n"):
        if block.lstrip().startswith(">>> "):
            yield block
        elif block.startswith("    ") and not section:
            yield f"::\n\n{block}"
        else:
            yield _MARKED.sub(_marked, block)


def _marked(part: re.Match[str]) -> str:
    if part["address"]:
        return part[0]
    if part["sign"]:
        return rf"{part['start']}\{part['sign']}"
    if not part["code"] and not part["page"]:
        return rf"\{part[0]}"
    before, after = part.string[: part.start()][-1:].strip(), part.string[part.end() :][:1].strip()
    written = f"``{part['code']}``" if part["code"] else f":doc:`{part[0]} </{part['page']}>`"
    return ("\\ " if before else "") + written + ("\\ " if after else "")


def skip_member(app: Any, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leave out a member that is a function of another name, and a field of a tuple, which only Python documents."""
    return getattr(value, "__name__", name) != name or type(value).__name__ == "_tuplegetter" or None


def write_types(app: Any, what: str, full: str, value: Any, options: Any, given: str, returned: str) -> Any:
    """The arguments and the result with the kernels' names for types."""
    from sphinx.util.typing import stringify_annotation

    geometry = import_module("npconv.kernels.geometry")
    for name in ALIASES:
        if name != ("Pair" if "conv3d" in full else "Triple"):
            written = stringify_annotation(getattr(geometry, name), "smart")
            given, returned = (text and text.replace(written, f"~npconv.{name}") for text in (given, returned))
    return given and re.sub(r"= ?<.*?>(?=[,)])", "= ...", given), returned  # a default that is made anew, or a function


# Pages


def api_pages() -> dict[str, str]:
    """The pages of the reference, as Markdown by their names on the site."""
    pages = {"api/index": "# API reference\n\n" + _rst(_table(PARTS)) + _contents(map(page_of, PARTS))}
    for part in PARTS:
        names, about = names_of(part), _directive("automodule", part)
        modules = list(dict.fromkeys(by.module for by in names.values()))
        inside = {module: [name for name, by in names.items() if by.module == module] for module in modules}
        if part == "npconv":  # whose modules have pages of their own
            own = {f"api/kernels/{module.rpartition('.')[2]}": module for module in modules}
            listed = _table(module.removeprefix("npconv.") for module in modules)
            pages["api/kernels"] = "# `npconv`: the kernels\n\n" + _rst(about, listed) + _contents(own)
            for page, module in own.items():
                written = _rst(
                    _directive("automodule", module), _table(inside[module]), *_entries(part, inside[module])
                )
                pages[page] = f"# Kernels: {page.rpartition('/')[2]}\n\n{written}"
            continue
        pages[page_of(part)] = f"# `{part}`\n\n" + _rst(about, _table(names))
        for module in modules:
            title = f"## {module.rpartition('.')[2]}\n\n" if len(modules) > 1 else ""
            said = [_directive("automodule", module, ":no-index:")] if title and module != part else []
            pages[page_of(part)] += title + _rst(*said, *_entries(part, inside[module]))
    return pages


def page_of(part: str) -> str:
    """The page of a part."""
    return f"api/{part.removeprefix('npconv.')}" if part != "npconv" else "api/kernels"


def _entries(part: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        full, (module, own, node, doc) = f"{part}.{name}", names_of(part)[name]
        first = _public()[module, own]
        if first != full:
            yield _directive("py:data", name, f":module: {part}", "", f"Another name of :py:obj:`{first}`.")
        elif isinstance(node, ast.FunctionDef):
            yield _directive("autofunction", full)
        elif isinstance(node, ast.ClassDef):
            bases = [_read(module)[0].get(ast.unparse(base)) for base in node.bases]
            shown = [":show-inheritance:"] if any(base and base[:2] in _public() for base in bases) else []
            yield _directive("autoclass", full, ":members:", *shown)
        else:
            written = ast.unparse(node.value) if node.value else ""
            options = [f":module: {part}"] + [f":canonical: {module}.{own}"] * (module != part)
            options += [f":value: {written}"] * (0 < len(written) < 80)
            yield _directive("py:data", name, *options, "", *as_rst(doc).splitlines())


def _directive(name: str, argument: str, *lines: str) -> str:
    return "\n".join([f".. {name}:: {argument}", *(f"   {line}" for line in lines)])


def _rst(*directives: str) -> str:
    return "```{eval-rst}\n" + "\n\n".join(directives) + "\n```\n\n"


def _table(names: Iterable[str]) -> str:
    return _directive("autosummary", "", ":nosignatures:", "", *names)


def _contents(pages: Iterable[str]) -> str:
    return "```{toctree}\n:hidden:\n\n" + "".join(f"/{page}\n" for page in pages) + "```\n"
