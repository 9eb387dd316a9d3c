"""npconv.detection has the properties that guard it, and every mutant of it is caught by them."""

import detection_guards
import pytest
from detection_mutants import MUTANTS
from mutated import Copies

import npconv.detection

COPIES = Copies(npconv.detection)


@pytest.mark.parametrize("name", detection_guards.GUARDS)
def test_detection_is_right(name):
    detection_guards.GUARDS[name](npconv.detection)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    COPIES.check_caught(detection_guards.GUARDS[mutant.guard], mutant)


def test_without_a_mistake_nothing_is_caught():
    with COPIES.copy() as detection:
        assert detection.iou is not npconv.detection.iou
        for guard in {mutant.guard for mutant in MUTANTS}:
            detection_guards.GUARDS[guard](detection)
