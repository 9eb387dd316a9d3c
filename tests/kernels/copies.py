"""Copies of the kernels with something changed in their source, importable under a name of their own."""

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import npconv

KERNELS = Path(npconv.__file__).parent / "kernels"
SOURCES = {file.stem: file.read_text(encoding="utf-8") for file in KERNELS.glob("*.py")}
COPY = "copied_kernels"


def with_mistake(mutant: Any) -> dict[str, str]:
    """The source of the mutant's module with its mistake in it, by the module's name."""
    source = SOURCES[mutant.module]
    assert source.count(mutant.old) >= 1, f"{mutant.module}.py no longer has: {mutant.old}"
    position = -1
    for _ in range(mutant.which):
        position = source.index(mutant.old, position + 1)
    return {mutant.module: source[:position] + mutant.new + source[position + len(mutant.old) :]}


@cache
def code(module: str, source: str) -> CodeType:
    """A module's code; most modules of a copy are npconv's own, and compiled once for all copies."""
    return compile(source, f"{COPY}/{module}.py", "exec")


class Copies(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the package `COPY` from sources by module."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] != COPY:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == COPY)

    def exec_module(self, module: ModuleType) -> None:
        stem = module.__name__.partition(".")[2] or "__init__"
        exec(code(stem, self.sources[stem]), module.__dict__)


@contextmanager
def copied_kernels(changed: Mapping[str, str]) -> Iterator[SimpleNamespace]:
    """All functions of a copy of the kernels, in which some modules have another source; it is the package `COPY`."""
    sources = {
        module: source.replace("from .. import threads", "from npconv import threads")  # it has nothing above it
        for module, source in (SOURCES | changed).items()
    }
    finder, kernels = Copies(sources), SimpleNamespace()
    sys.meta_path.insert(0, finder)
    try:
        for stem in sorted(sources, key=lambda stem: stem != "engine"):  # a kernel comes after the engine's of its name
            module = importlib.import_module(f"{COPY}.{stem}")
            for name, value in vars(module).items():
                if callable(value) and getattr(value, "__module__", "").startswith(COPY):
                    setattr(kernels, name, value)
        yield kernels
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(COPY)]:
            del sys.modules[name]
