"""The reference of all public names, read from the sources: signatures as they are written there, and docstrings.

No module is imported for it, so that modules with optional dependencies are read as well. A page is Markdown for MyST.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

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
ALIASES = ("Array", "Pair", "Triple", "Padding")
"""The kernels' names for types, from npconv.kernels.geometry."""

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields):")
_TITLES = {"Args": "Arguments"}
_ITEM = re.compile(r"(?P<names>[\w*.]+(?:, [\w*.]+)*): (?P<text>.*)", re.DOTALL)
_MARKED = re.compile(r"`(?P<code>[^`]+)`|(?P<address>https?://[^\s,;)]*[^\s,;).])|\bdocs/(?P<page>[\w/-]+)\.md")
_SIGNS = re.compile(r"[\\*_<>\[\]$#&~^{}|`]")
_STARTS = re.compile(r"(?m)^(?P<before> *\d*)(?P<sign>[+]|(?<=\d)[.)](?= ))")

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
Link = Callable[[str], str | None]  # the full name that a name in backticks stands for


@dataclass(frozen=True)
class PublicName:
    """A public name: its full name, the module that defines it, and how."""

    full: str
    module: str
    node: Definition

    @property
    def last(self) -> str:
        """The name without those of its modules."""
        return self.full.rpartition(".")[2]

    @property
    def doc(self) -> str:
        """The docstring; of a constant, the string below it or the comment behind it."""
        if isinstance(self.node, ast.FunctionDef | ast.ClassDef):
            return ast.get_docstring(self.node) or ""
        body = _tree(self.module).body
        below = body[body.index(self.node) + 1 :][:1]
        if below and isinstance(below[0], ast.Expr) and isinstance(below[0].value, ast.Constant):
            return inspect.cleandoc(str(below[0].value.value))
        behind = source_of(self.module).splitlines()[self.node.lineno - 1].partition("  # ")[2]
        return "" if behind.startswith("fmt:") else behind

    @property
    def place(self) -> str:
        """The file and the line of the definition, as in a link."""
        return f"{file_of(self.module)}#L{self.node.lineno}"

    @property
    def methods(self) -> list[ast.FunctionDef]:
        """The documented methods and properties of a class."""
        body = self.node.body if isinstance(self.node, ast.ClassDef) else []
        return [
            each
            for each in body
            if isinstance(each, ast.FunctionDef) and each.name[0] != "_" and ast.get_docstring(each)
        ]

    @property
    def all(self) -> list[str]:
        """The full name, and those of the methods."""
        return [self.full, *(f"{self.full}.{method.name}" for method in self.methods)]


def file_of(module: str) -> str:
    """The file of a module, from the clone's folder.

    >>> file_of("npconv.cost"), file_of("npconv.text")
    ('npconv/cost/__init__.py', 'npconv/text.py')
    """
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


@cache
def source_of(module: str) -> str:
    """The source of a module."""
    return (ROOT / file_of(module)).read_text(encoding="utf-8")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(source_of(module))


@cache
def names_of(module: str) -> tuple[PublicName, ...]:
    """The public names of a module: those that it defines, and those that it imports to offer them (`x as x`).

    >>> [name.full for name in names_of("npconv.allocator")]
    ['npconv.allocator.LARGEST', 'npconv.allocator.keep_memory']
    """
    if module == "npconv":  # which offers the kernels
        kernels = [name.last for name in names_of("npconv.kernels") if name.last != "PUBLIC"]
        offered = [("npconv.kernels", name) for name in kernels]
        offered += [("npconv.kernels.geometry", name) for name in ALIASES]
    else:
        offered = [(module, name) for name in _offered(module)]
    return tuple(PublicName(f"{module}.{name}", *_definition(source, name)) for source, name in offered)


def _offered(module: str) -> Iterator[str]:
    """The names that a module offers, in their order there."""
    bound = _bound(module)
    written = getattr(bound.get("__all__"), "value", None)
    listed = [ast.literal_eval(each) for each in written.elts] if isinstance(written, ast.List) else []
    for name, by in bound.items():
        if isinstance(by, Import):
            public = by.explicit
        elif listed:
            public = False
        else:
            public = name[0] != "_" and (name.isupper() or isinstance(by, ast.FunctionDef | ast.ClassDef))
        if public or name in listed:
            yield name


@dataclass(frozen=True)
class Import:
    """A name that a module imports from another one of npconv; `explicit` if it says that it offers it."""

    module: str
    name: str
    explicit: bool


@cache
def _bound(module: str) -> dict[str, Definition | Import]:
    """All names that a module binds, and by what, in their order."""
    found: dict[str, Definition | Import] = {}
    package = module.split(".") if file_of(module).endswith("__init__.py") else module.split(".")[:-1]
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id: node for each in targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.level and node.module:
            source = ".".join([*package[: len(package) - node.level + 1], node.module])
            for alias in node.names:
                found[alias.asname or alias.name] = Import(source, alias.name, alias.asname == alias.name)
    return found


def _definition(module: str, name: str) -> tuple[str, Definition]:
    """The module that defines a name that this one has, and its definition there."""
    by = _bound(module)[name]
    return _definition(by.module, by.name) if isinstance(by, Import) else (module, by)


# The names that a name in backticks can stand for


@cache
def places() -> dict[str, str]:
    """The page of every part, and the page and the anchor of every public name and documented method."""
    found = {part: f"api/{part.removeprefix('npconv.')}" for part in PARTS} | {"npconv": "api/kernels"}
    for part in PARTS:
        for name in names_of(part):
            page = page_of(part, name)
            found |= {full: f"{page}#{full}" for full in name.all}
    return found


def page_of(part: str, name: PublicName) -> str:
    """The page of the site that has a public name of a part: of a kernel, that of its module."""
    if part == "npconv":
        return f"api/kernels/{name.module.rpartition('.')[2]}"
    return f"api/{part.removeprefix('npconv.')}"


@cache
def modules() -> dict[str, str]:
    """The modules that define the public names, by their full names; those of methods too."""
    names = [name for part in PARTS for name in names_of(part)]
    return {
        full: name.module for name in names for full in (name.full, *(f"{name.full}.{m.name}" for m in name.methods))
    }


@cache
def _by_last() -> dict[str, set[str]]:
    """The full names by their ends: `Layer`, `Layer.forward`, `layers.Layer.forward`, but not `forward`."""
    found: dict[str, set[str]] = {}
    for full, place in places().items():
        words = full.split(".")
        shortest = 1 if place.split("#")[-1].rpartition(".")[0] in PARTS else 2  # a method's class with it
        for start in range(1, len(words) - shortest + 1):
            found.setdefault(".".join(words[start:]), set()).add(full)
    return found


@cache
def parameters() -> frozenset[str]:
    """The names of all parameters of public functions: in backticks such a name stands for the parameter."""
    return frozenset(
        parameter.arg
        for part in PARTS
        for name in names_of(part)
        for node in (name.node, *name.methods)
        if isinstance(node, ast.FunctionDef)
        for parameter in [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]
    )


@cache
def _by_definition() -> dict[tuple[str, int], str]:
    """The full names by the modules and lines that define them; of several the shortest."""
    names = [name for part in PARTS for name in names_of(part)]
    return {
        (name.module, name.node.lineno): name.full for name in sorted(names, key=lambda name: -name.full.count("."))
    }


def meant(text: str, part: str = "", module: str = "") -> str | None:
    """The full name that a text in backticks means, if it is a public name.

    On the page of a part its own names go first, and then what the module that defines a name calls so.

    >>> meant("Layer.forward"), meant("cost_ratio", "npconv.cost"), meant("stride"), meant("padded")
    ('npconv.layers.Layer.forward', 'npconv.cost.cost_ratio', None, None)
    """
    text = text.removesuffix("()")
    if module and text in _bound(module):
        source, node = _definition(module, text)
        return _by_definition().get((source, node.lineno))
    for full in (text, f"{part}.{text}", f"npconv.{text}"):
        if full in places() and (full == text or full not in PARTS):  # a part's last name is an ordinary word
            return full
    word = re.fullmatch("[a-z]+", text) or text in parameters()  # which means something else as a rule
    candidates = _by_last().get(text, set()) if not word else set()
    return min(candidates) if len(candidates) == 1 else None


# Docstrings as Markdown


def as_markdown(doc: str, link: Link) -> str:
    """A docstring as Markdown: sections, examples, and links at the names in backticks that `link` knows.

    >>> print(as_markdown("The sum of `a` and b*b.\\n\\nArgs:\\n    a, b: numbers.", {}.get))
    The sum of `a` and b\\*b.
    <BLANKLINE>
    **Arguments**
    <BLANKLINE>
    `a`, `b`
    : numbers.
    """
    return "\n\n".join(_blocks(doc, link))


def _blocks(doc: str, link: Link) -> Iterator[str]:
    for chunk in re.split(r"\n\n+(?=\S)", doc.strip("\n")):
        first, _, rest = chunk.partition("\n")
        section = _SECTION.fullmatch(first)
        if chunk.startswith(">>> "):
            yield f"```pycon\n{chunk}\n```"
        elif section:
            yield f"**{_TITLES.get(section[1], section[1])}**"
            yield from _items(textwrap.dedent(rest), link)
        else:
            for block in chunk.split("\n\n"):
                yield f"```text\n{textwrap.dedent(block)}\n```" if block.startswith("    ") else prose(block, link)


def _items(text: str, link: Link) -> Iterator[str]:
    """A section's items, `names: text`, as a list of definitions; where an item has no names, the text's blocks."""
    items = [_ITEM.fullmatch(item) for item in re.split(r"\n(?=\S)", text)]
    if not all(items):
        yield from _blocks(text, link)
        return
    for item in filter(None, items):
        names = ", ".join(f"`{name}`" for name in item["names"].split(", "))
        first, *more = item["text"].split("\n")
        about = "\n".join([first, textwrap.dedent("\n".join(more))]).strip()
        yield f"{names}\n: " + prose(about, link).replace("\n", "\n  ")


def prose(text: str, link: Link) -> str:
    """A paragraph as Markdown in which only backticks are signs; names, addresses and pages of the docs are links."""

    def written(part: re.Match[str]) -> str:
        if part["address"]:
            return f"<{part[0]}>"
        if part["page"]:
            return f"[{part[0]}](/{part['page']}.md)"
        full = link(part["code"])
        return f"[{part[0]}](api:{full})" if full else part[0]

    marked, start = "", 0
    for part in _MARKED.finditer(text):
        marked += _SIGNS.sub(r"\\\g<0>", text[start : part.start()]) + written(part)
        start = part.end()
    marked += _SIGNS.sub(r"\\\g<0>", text[start:])
    return _STARTS.sub(r"\g<before>\\\g<sign>", marked)


# Pages


def api_pages() -> dict[str, str]:
    """The pages of the reference, as Markdown by their names on the site."""
    names: dict[str, list[PublicName]] = {}
    parts: dict[str, str] = {}
    for part in PARTS:
        for name in names_of(part):
            names.setdefault(page_of(part, name), []).append(name)
            parts[page_of(part, name)] = part
    kernels = {page: found for page, found in names.items() if parts[page] == "npconv"}
    others = {page: found for page, found in names.items() if parts[page] != "npconv"}
    contents = [(page, f"`{parts[page]}`", _module_doc(parts[page])) for page in others]
    each = [(page, f"{page.rpartition('/')[2]}.py", _module_doc(found[0].module)) for page, found in kernels.items()]
    pages = {
        "api/index": (
            "# API reference\n\nThe public names of each module, with their docstrings and their sources.\n\n"
            + _list([("api/kernels", "`npconv`", _module_doc("npconv.kernels")), *contents])
        ),
        "api/kernels": (
            f"# `npconv`: the kernels\n\n{_doc('npconv', 'npconv')}\n\n{_list(each)}\n\n"
            + _summary([name for found in kernels.values() for name in found], "npconv")
        ),
    }
    for page, found in names.items():
        if page in kernels:
            title, about = f"Kernels: {page.rpartition('/')[2]}", _doc(found[0].module, "npconv")
        else:
            title, about = f"`{parts[page]}`", _doc(parts[page], parts[page])
        pages[page] = f"# {title}\n\n{about}\n\n{_summary(found, parts[page])}\n\n{_entries(found, parts[page])}"
    return pages


def _doc(module: str, part: str) -> str:
    return as_markdown(ast.get_docstring(_tree(module)) or "", lambda text: meant(text, part))


def _module_doc(module: str) -> str:
    return _sentence(ast.get_docstring(_tree(module)) or "", module)


def _sentence(doc: str, part: str) -> str:
    """The first sentence of a docstring, in one line."""
    first = re.split(r"\.\s+(?=[A-Z`])|\n\n", doc, maxsplit=1)[0].rstrip(".")
    return prose(" ".join(first.split()), lambda text: meant(text, part))


def _list(pages: Sequence[tuple[str, str, str]]) -> str:
    """A table of pages, and where they are in the site's contents."""
    rows = "".join(f"| [{title}](/{page}.md) | {about} |\n" for page, title, about in pages)
    return (
        f"| | |\n|---|---|\n{rows}\n```{{toctree}}\n:hidden:\n\n" + "".join(f"/{page}\n" for page, *_ in pages) + "```"
    )


def _summary(names: Sequence[PublicName], part: str) -> str:
    return "| | |\n|---|---|\n" + "".join(
        f"| [`{name.last}`](api:{name.full}) | {_sentence(name.doc, part)} |\n" for name in names
    )


def _entries(names: Sequence[PublicName], part: str) -> str:
    """The names with their docstrings, under the modules that define them where there are several."""
    written = ""
    for module in dict.fromkeys(name.module for name in names):
        here = [name for name in names if name.module == module]
        if len(here) < len(names):
            written += f"## {module.rpartition('.')[2]}\n\n" + ("" if module == part else f"{_doc(module, part)}\n\n")
        written += "".join(_entry(name, part) for name in here)
    return written


def _entry(name: PublicName, part: str) -> str:
    def link(text: str) -> str | None:
        full = meant(text, part, name.module)
        return full if full != name.full else None

    node, body = name.node, as_markdown(name.doc, link)
    if isinstance(node, ast.FunctionDef):
        return _directive("function", f"{name.full}{_signature(node)}", body)
    if isinstance(node, ast.ClassDef):
        bases = [f"[`{ast.unparse(base)}`](api:{full})" for base in node.bases if (full := link(ast.unparse(base)))]
        body = "\n\n".join(filter(None, [f"A kind of {', '.join(bases)}." if bases else "", body]))
        methods = "".join(_method(name, method, link) for method in name.methods)
        return _directive("class", f"{name.full}{_constructor(node)}", f"{body}\n\n{methods}", fence=":" * 5)
    written = ast.unparse(node.value) if node.value else ""
    options = {"value": written if len(written) < 80 else ""}
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
        options["type"] = ast.unparse(node.annotation)
    return _directive("data", name.full, body, **options)


def _method(name: PublicName, method: ast.FunctionDef, link: Link) -> str:
    decorators = {ast.unparse(each).rpartition(".")[2] for each in method.decorator_list}
    body = as_markdown(ast.get_docstring(method) or "", link)
    if decorators & {"property", "cached_property"}:
        returns = {"type": ast.unparse(method.returns)} if method.returns else {}
        return _directive("property", f"{name.full}.{method.name}", body, **returns)
    signature = _signature(method, bound="staticmethod" not in decorators)
    flags = {kind: "" for kind in ("staticmethod", "classmethod", "abstractmethod") if kind in decorators}
    return _directive("method", f"{name.full}.{method.name}{signature}", body, flags=tuple(flags))


def _directive(
    kind: str, signature: str, body: str, *, fence: str = "::::", flags: Sequence[str] = (), **options: str
) -> str:
    lines = [f":{name}: {value}" for name, value in options.items() if value] + [f":{flag}:" for flag in flags]
    return "\n".join([f"{fence}{{py:{kind}}} {signature}", *lines, "", body, fence, "", ""])


def _signature(node: ast.FunctionDef, *, bound: bool = False) -> str:
    """The arguments and the result as they are written in the source; those of a method without the first."""
    given = ast.unparse(node.args)
    given = re.sub(r"^(self|cls)(, )?", "", given) if bound else given
    return f"({given})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def _constructor(node: ast.ClassDef) -> str:
    """The arguments of a class: those of its `__init__`, or the fields of a record."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _signature(each, bound=True).removesuffix(" -> None")
    record = any("dataclass" in ast.unparse(each) for each in node.decorator_list) or "NamedTuple" in map(
        ast.unparse, node.bases
    )
    fields = [
        each for each in node.body if isinstance(each, ast.AnnAssign) and "ClassVar" not in ast.unparse(each.annotation)
    ]
    return f"({', '.join(map(_field, fields))})" if record else ""


def _field(field: ast.AnnAssign) -> str:
    written = f"{ast.unparse(field.target)}: {ast.unparse(field.annotation)}"
    if field.value is None:
        return written
    made = re.fullmatch(r"field\(.*default_factory=(\w+).*\)", ast.unparse(field.value))
    return f"{written} = {f'{made[1]}()' if made else ast.unparse(field.value)}"
