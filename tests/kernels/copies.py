"""Copies of the kernels with something changed in their source, importable under a name of their own."""

import importlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import npconv

KERNELS = Path(npconv.__file__).parent / "kernels"
COPY = "copied_kernels"


def with_mistake(mutant: Any) -> dict[str, str]:
    """The source of the mutant's module with its mistake in it, by the module's name."""
    source = (KERNELS / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert source.count(mutant.old) >= 1, f"{mutant.module}.py no longer has: {mutant.old}"
    position = -1
    for _ in range(mutant.which):
        position = source.index(mutant.old, position + 1)
    return {mutant.module: source[:position] + mutant.new + source[position + len(mutant.old) :]}


@contextmanager
def copied_kernels(folder: Path, monkeypatch: Any, sources: Mapping[str, str]) -> Iterator[SimpleNamespace]:
    """All functions of a copy of the kernels, in which some modules have another source; it is the package `COPY`."""
    package = folder / COPY
    shutil.copytree(KERNELS, package, ignore=shutil.ignore_patterns("__pycache__"))
    for module, source in sources.items():
        (package / f"{module}.py").write_text(source, encoding="utf-8")
    for file in package.glob("*.py"):  # the package has nothing above it
        source = file.read_text(encoding="utf-8")
        file.write_text(source.replace("from .. import threads", "from npconv import threads"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    kernels = SimpleNamespace()
    try:
        for file in sorted(package.glob("*.py")):
            module = importlib.import_module(f"{COPY}.{file.stem}")
            for name, value in vars(module).items():
                if callable(value) and getattr(value, "__module__", "").startswith(COPY):
                    setattr(kernels, name, value)
        yield kernels
    finally:
        for name in [name for name in sys.modules if name.startswith(COPY)]:
            del sys.modules[name]
