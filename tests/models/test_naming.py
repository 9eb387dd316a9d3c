"""The names of every family's arrays: a network exported under any of them loads again."""

import numpy as np
import pytest

from npconv.models import NAMINGS, export_weights, load_weights, mobilenet_v1, mobilenet_v2, mobilenet_v3, weight_names
from npconv.models.naming import PUBLISHED, computed_as

BUILD = {"mobilenet_v1": mobilenet_v1, "mobilenet_v2": mobilenet_v2, "mobilenet_v3": mobilenet_v3}


def small(architecture, naming, seed=0, **options):
    """A narrow network of a family, with other numbers in each array."""
    options = {"width": 0.35, "classes": 7, **({"size": "small"} if architecture == "mobilenet_v3" else {}), **options}
    model = BUILD[architecture](conventions=computed_as(naming), **options)
    rng = np.random.default_rng(seed)
    for a in model.arrays().values():
        a[...] = rng.uniform(0.5, 1.5, a.shape)
    return model


def equal(model, other):
    return all(np.array_equal(a, other.arrays()[name]) for name, a in model.arrays().items())


def test_every_naming_has_a_network():
    assert {naming for _, naming in PUBLISHED} == set(NAMINGS)


@pytest.mark.parametrize(("architecture", "naming"), PUBLISHED)
def test_what_is_exported_under_a_familys_names_loads_again(architecture, naming):
    for model in (small(architecture, naming), small(architecture, naming).folded()):
        arrays = export_weights(model, naming)
        assert list(arrays) == list(weight_names(model, naming))
        assert sorted(weight_names(model, naming).values()) == sorted(model.arrays())
        other = small(architecture, naming, seed=1)
        other = other.folded() if "stem.bias" in model.params else other
        assert not equal(other, model)
        load_weights(other, arrays, naming)
        assert equal(other, model)
