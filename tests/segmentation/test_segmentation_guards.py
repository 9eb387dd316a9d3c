"""npconv.segmentation has the properties that guard it, and every mutant of it is caught by them."""

import pytest
import segmentation_guards
from mutated import Copies
from segmentation_mutants import MUTANTS

import npconv.segmentation

COPIES = Copies(npconv.segmentation)


@pytest.mark.parametrize("name", segmentation_guards.GUARDS)
def test_segmentation_is_right(name):
    segmentation_guards.GUARDS[name](npconv.segmentation)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    COPIES.check_caught(segmentation_guards.GUARDS[mutant.guard], mutant)


def test_without_a_mistake_nothing_is_caught():
    with COPIES.copy() as segmentation:
        assert segmentation.confusion_matrix is not npconv.segmentation.confusion_matrix
        for guard in {mutant.guard for mutant in MUTANTS}:
            segmentation_guards.GUARDS[guard](segmentation)
