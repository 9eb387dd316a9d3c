"""Every layer has the properties that guard it, and every mutant of it is caught by them."""

import layer_guards
import pytest
from layer_mutants import MUTANTS
from mutated import Copies

import npconv.layers

COPIES = Copies(npconv.layers)


@pytest.mark.parametrize("name", layer_guards.GUARDS)
def test_the_layers_are_right(name):
    layer_guards.GUARDS[name](npconv.layers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    COPIES.check_caught(layer_guards.GUARDS[mutant.guard], mutant)


def test_without_a_mistake_nothing_is_caught():
    with COPIES.copy() as layers:
        assert layers.Dense is not npconv.layers.Dense
        for guard in {mutant.guard for mutant in MUTANTS}:
            layer_guards.GUARDS[guard](layers)
