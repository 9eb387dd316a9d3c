"""Every kernel has the properties that guard it, and every mutant of it is caught by them."""

import guards
import pytest
from copies import copied_kernels, with_mistake
from mutants import MUTANTS

import npconv


@pytest.mark.parametrize("name", guards.GUARDS)
def test_the_kernels_are_right(name):
    guards.GUARDS[name](npconv)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant, tmp_path, monkeypatch):
    with (
        copied_kernels(tmp_path, monkeypatch, with_mistake(mutant)) as kernels,
        pytest.raises(Exception),  # noqa: B017, PT011 - a mutant may also fail by an error of its own
    ):
        _run(mutant.guards, kernels)


def _run(names, kernels):
    for name in names:
        guards.GUARDS[name](kernels)
