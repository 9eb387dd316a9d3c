"""SSDLite has the properties that guard it, and every mutant of it is caught by them."""

import types
from pathlib import Path

import pytest
from ssdlite_guards import GUARDS, MUTANTS

import npconv.layers

SOURCE = Path(npconv.layers.__file__).parents[1] / "models" / "ssdlite.py"


def module(source):
    made = types.ModuleType("npconv.models.mutated_ssdlite")
    made.__package__ = "npconv.models"
    made.he_normal = npconv.layers.he_normal
    exec(compile(source, str(SOURCE), "exec", dont_inherit=True), made.__dict__)
    return made


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_ssdlite_has_what_guards_it(guard):
    guard(module(SOURCE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.says)
def test_a_mistake_is_caught(mutant):
    source = SOURCE.read_text(encoding="utf-8")
    assert source.count(mutant.old) >= 1, "the mutant's line is not there any more"
    mutated = module(source.replace(mutant.old, mutant.new))
    with pytest.raises((AssertionError, ValueError, IndexError, RuntimeError)):  # or what the wrong shapes raise
        mutant.guard(mutated)
