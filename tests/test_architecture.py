"""The parts of npconv import each other only as docs/architecture.md says, whose tables name all of them."""

import ast
import re
import sys
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

Imports = dict[str, set[str]]  # from modules to the modules and libraries that they import


def table(heading: str) -> list[list[list[str]]]:
    """The names in backticks of each cell of a table's rows, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \|$", section, flags=re.MULTILINE)
    return [[re.findall(r"`([^`]+)`", cell) for cell in row.split(" | ")] for row in rows]


LEVELS = [first for first, *_ in table("The parts, from the ground up")]
LIBRARIES = {library: set(parts) for (library,), parts in table("Other libraries")}


def sources() -> dict[str, str]:
    """Every module of npconv by its full name."""
    found = {}
    for path in (ROOT / "npconv").rglob("*.py"):
        names = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(names).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


MODULES = sources()
PACKAGES = {module.rpartition(".")[0] for module in MODULES}


def imports(modules: dict[str, str]) -> Imports:
    """What each module imports, anywhere in it: a module where there is one of the name, else what holds the name."""
    found: Imports = {}
    for module, source in modules.items():
        found[module] = named = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                up = node.level - (module in PACKAGES)
                above = module.split(".")[: -up or None] if node.level else []
                base = ".".join([*above, *filter(None, [node.module])])
                named |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
    return found


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def upward(found: Imports) -> list[str]:
    """Imports of a part that is not in a row above the importing one."""
    level = {name: row for row, names in enumerate(LEVELS) for name in names}
    return [
        f"{module} imports {target}"
        for module, targets in found.items()
        for target in sorted(targets)
        if target.split(".")[0] == "npconv"
        and part(target) != part(module)
        and level[part(target)] >= level[part(module)]
    ]


def circle(found: Imports) -> list[str]:
    """The modules of one circle of imports, if there is any."""
    try:
        TopologicalSorter({module: targets - {module} for module, targets in found.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def misplaced(found: Imports) -> list[str]:
    """Imports of a library from a part that the page does not name for it."""
    return [
        f"{module} imports {target}"
        for module, targets in found.items()
        for target in sorted(targets)
        if part(module) not in LIBRARIES.get(target.split(".")[0], {part(module)})
    ]


IMPORTS = imports(MODULES)


def test_the_tables_name_every_part_and_folder() -> None:
    assert sorted(name for row in LEVELS for name in row) == sorted({part(module) for module in MODULES})
    folders = [name for first, *_ in table("Beside the package") for name in first]
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_a_part_imports_only_from_rows_above_its_own() -> None:
    assert upward(IMPORTS) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []


def test_other_libraries_are_imported_only_where_the_page_says() -> None:
    assert misplaced(IMPORTS) == []
    importing = {library: set() for library in LIBRARIES}
    for module, targets in IMPORTS.items():
        for library in LIBRARIES.keys() & {target.split(".")[0] for target in targets}:
            importing[library].add(part(module))
    assert importing == LIBRARIES


def test_all_else_that_is_imported_is_pythons_own() -> None:
    known = {*sys.stdlib_module_names, *LIBRARIES, "numpy", "npconv"}
    assert {target.split(".")[0] for targets in IMPORTS.values() for target in targets} <= known


def planted(module: str, line: str) -> Imports:
    """The imports, had a module one line more."""
    return IMPORTS | {module: IMPORTS[module] | imports({module: line})[module]}


@pytest.mark.parametrize(
    ("module", "line", "check"),
    [
        ("npconv.kernels.standard", "from ..layers import Layer", upward),
        ("npconv.kernels.standard", "import npconv", upward),
        ("npconv.kernels", "from .. import figures", upward),
        ("npconv.cost.counting", "def late():\n    from ..checks import explain", upward),
        ("npconv.layers.blocks", "import matplotlib.pyplot", misplaced),
    ],
)
def test_a_wrong_import_is_noticed(module: str, line: str, check: Callable[[Imports], list[str]]) -> None:
    assert check(planted(module, line)) != []


def test_a_circle_is_noticed() -> None:
    for module in ("npconv.kernels.standard", "npconv.layers.blocks"):
        for target in IMPORTS[module] & MODULES.keys():
            assert circle(planted(target, f"def late():\n    import {module}")) != []
