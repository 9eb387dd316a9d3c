"""Every layer has the properties that guard it, and every mutant of it is caught by them."""

import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import layer_guards
import pytest
from layer_mutants import MUTANTS

import npconv.layers

FOLDER = Path(npconv.layers.__file__).parent
SOURCES = {
    # what lies below the layers is npconv's own
    file.stem: file.read_text(encoding="utf-8").replace("from ..", "from npconv.")
    for file in FOLDER.glob("*.py")
}


@cache
def code(module, source):
    return compile(source, f"{module}.py", "exec")


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `mutated_layers`: npconv.layers from sources of which one may have been changed."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        package, _, _ = name.partition(".")
        if package != "mutated_layers":
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == package)

    def exec_module(self, module):
        stem = module.__name__.partition(".")[2] or "__init__"
        exec(code(stem, self.sources[stem]), module.__dict__)


@contextmanager
def mutated(sources):
    finder = Mutated(sources)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module("mutated_layers")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mutated_layers"]:
            del sys.modules[name]


@pytest.mark.parametrize("name", layer_guards.GUARDS)
def test_the_layers_are_right(name):
    layer_guards.GUARDS[name](npconv.layers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    source = SOURCES[mutant.module]
    assert mutant.old in source, f"{mutant.module}.py no longer has: {mutant.old}"
    with mutated({**SOURCES, mutant.module: source.replace(mutant.old, mutant.new)}) as layers:  # noqa: SIM117
        with pytest.raises(Exception):  # noqa: B017, PT011 - a mutant may also fail by an error of its own
            layer_guards.GUARDS[mutant.guard](layers)


def test_without_a_mistake_nothing_is_caught():
    with mutated(SOURCES) as layers:
        assert layers.Dense is not npconv.layers.Dense
        for guard in {mutant.guard for mutant in MUTANTS}:
            layer_guards.GUARDS[guard](layers)
