"""Networks with heads: maps from any layers, each computed once, whatever heads stand on them."""

from dataclasses import dataclass

import numpy as np
import pytest
from ssdlite_guards import images, network, with_random_numbers

from npconv.layers import PointwiseConv2D
from npconv.models.with_heads import NetworkWithHeads, trunk_of


@dataclass(frozen=True)
class Options:
    conventions: str


class Maps(NetworkWithHeads):
    builder, kind, unseen = "maps", "heap of maps", ("conventions",)


def maps_of(taken, base=None):
    trunk = trunk_of("maps", base or with_random_numbers(network()), None, None, 0, None)
    head = PointwiseConv2D(trunk.width("last"), 3, **trunk.shared)
    return Maps({"network": trunk.network, "head": head}, Options(trunk.conventions), taken)


def run_alone(name, row, x):
    for _, layer in row:
        x = layer.forward(x)
    return x


TAKEN = [(), ("block_1",), ("block_1", "block_3.expand_relu6"), ("block_2", "block_4.expand_norm", "block_4.depthwise")]


@pytest.mark.parametrize("taken", TAKEN, ids=len)  # the last two inside a block with a shortcut
def test_maps_are_the_features(taken):
    own, x = maps_of(taken), images()
    for training in (True, False):
        expected = list(own.copy().network.features(x, (*taken, "last_relu6"), training).values())
        found = list(own.copy()._maps(x, training))
        assert len(found) == len(expected) == len(taken) + 1
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert own.map_shapes(x.shape) == [a.shape for a in expected]
    for twin in (own, own.folded()):
        assert twin.map_shapes(x.shape) == own.map_shapes(x.shape)
        for found in (twin._maps(x), twin._maps_through(run_alone, x)):
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_a_file_of_other_options_is_refused_by_its_own_words(tmp_path):
    own, other = maps_of(("block_1",)), maps_of(("block_1",), network(conventions="torchvision"))
    other.save(tmp_path / "other.npz")
    words = r"Maps\.load: .*other\.npz is of another heap of maps, with conventions 'torchvision' where this one has"
    with pytest.raises(ValueError, match=words):
        own.load(tmp_path / "other.npz")
    own.network.save(tmp_path / "network.npz")
    with pytest.raises(ValueError, match=r"is of a MobileNet, and of no heap of maps; read_network reads it"):
        own.load(tmp_path / "network.npz")
