"""A copy of a package of npconv's in which one module has been changed, to see that the package's guards catch it."""

import importlib
import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest


class Mutant(NamedTuple):
    """In `module`, each `old` becomes `new`; the guard must notice."""

    says: str
    module: str
    old: str
    new: str
    guard: str


@cache
def code(module, source):
    return compile(source, f"{module}.py", "exec")


class Copies:
    """The copies of one package. Each is imported under another name, and gone when it is no longer needed."""

    def __init__(self, package):
        self.name = f"mutated_{package.__name__.rpartition('.')[2]}"
        files = Path(package.__file__).parent.glob("*.py")
        # what lies below the package is npconv's own
        self.sources = {
            file.stem: file.read_text(encoding="utf-8").replace("from ..", "from npconv.") for file in files
        }

    @contextmanager
    def copy(self, mutant=None):
        """The package, with a mutant's mistake where there is one."""
        sources = self.sources
        if mutant is not None:
            source = sources[mutant.module]
            assert mutant.old in source, f"{mutant.module}.py no longer has: {mutant.old}"
            sources = {**sources, mutant.module: source.replace(mutant.old, mutant.new)}
        finder = Finder(self.name, sources)
        sys.meta_path.insert(0, finder)
        try:
            yield importlib.import_module(self.name)
        finally:
            sys.meta_path.remove(finder)
            for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
                del sys.modules[name]

    def check_caught(self, guard, mutant):
        """Fail unless a guard does on a copy with the mutant's mistake."""
        with self.copy(mutant) as package:  # noqa: SIM117
            with pytest.raises(Exception):  # noqa: B017, PT011 - a mutant may also fail by an error of its own
                guard(package)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a package and its modules from sources."""

    def __init__(self, package, sources):
        self.package, self.sources = package, sources

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != self.package:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == self.package)

    def exec_module(self, module):
        stem = module.__name__.partition(".")[2] or "__init__"
        exec(code(stem, self.sources[stem]), module.__dict__)
