"""SSDLite has the properties that guard it, and every mutant of it is caught by them."""

import sys
import types
from pathlib import Path

import pytest
from ssdlite_guards import GUARDS, MUTANTS

import npconv.layers

FOLDER = Path(npconv.layers.__file__).parents[1] / "models"
SOURCES = {name: (FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in ("with_heads", "ssdlite")}


@pytest.fixture
def built(monkeypatch):
    """The module ssdlite from the two sources, which imports the other one's module of these."""

    def build(sources):
        for name, source in sources.items():
            made = types.ModuleType(f"npconv.models.{name}")
            made.__package__ = "npconv.models"
            made.he_normal = npconv.layers.he_normal
            exec(compile(source, str(FOLDER / f"{name}.py"), "exec", dont_inherit=True), made.__dict__)
            monkeypatch.setitem(sys.modules, made.__name__, made)
        return made

    return build


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_ssdlite_has_what_guards_it(guard, built):
    guard(built(SOURCES))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.says)
def test_a_mistake_is_caught(mutant, built):
    mutated = {name: source.replace(mutant.old, mutant.new) for name, source in SOURCES.items()}
    assert sum(mutated[name] != source for name, source in SOURCES.items()) == 1, "the line is not there, or twice"
    module = built(mutated)
    with pytest.raises((AssertionError, ValueError, IndexError, RuntimeError)):  # or what the wrong shapes raise
        mutant.guard(module)
