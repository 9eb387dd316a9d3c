"""Every kernel has the properties that guard it, and every mutant of it is caught by them, and by the box."""

import guards
import pytest
from copies import COPY, copied_kernels, with_mistake
from mutants import MUTANTS

import npconv
from npconv.checks.box import prove_box


@pytest.mark.parametrize("name", guards.GUARDS)
def test_the_kernels_are_right(name):
    guards.GUARDS[name](npconv)


def test_without_a_mistake_nothing_is_caught():
    with copied_kernels({}) as kernels:
        _run(guards.GUARDS, kernels)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant):
    with copied_kernels(with_mistake(mutant)) as kernels:
        with pytest.raises(Exception):  # noqa: B017, PT011 - a mutant may also fail by an error of its own
            _run(mutant.guards, kernels)
        if mutant.module in PROVED and not NOT_IN_THE_BOX & set(mutant.guards):
            with pytest.raises(Exception):  # noqa: B017, PT011
                prove_box(COPY, every=7, processes=1)


PROVED = ("geometry", "engine", "standard", "depthwise", "grouped", "pointwise", "separable", "transposed",
          "flattened", "shuffle", "standard3d", "arguments")  # fmt: skip
NOT_IN_THE_BOX = {"factorize", "inverted_residual", "sums", "in_order", "overlap_counts"}


def _run(names, kernels):
    for name in names:
        guards.GUARDS[name](kernels)
