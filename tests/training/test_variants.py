"""The networks of Fig. 7: the same layers and numbers, ReLU6 and shortcuts where their names say."""

import re

import numpy as np
import pytest

from npconv.checks import check_layer
from npconv.kernels.activations import relu6
from npconv.layers import BatchNorm, InvertedResidual, PointwiseConv2D, ReLU6, Sequential
from npconv.training.fig07 import VARIANTS, ExpansionResidual, variant_network

SIZES = {"blocks": 3, "channels": 3, "expansion": 2, "stem_channels": 4, "last_channels": 7, "classes": 5,
         "in_channels": 2}  # fmt: skip
X = np.random.default_rng(0).standard_normal((2, 9, 8, 2))


def networks(seed=1, **changes):
    return {
        name: variant_network(name, **{**SIZES, **changes}, batch_norm={"momentum": 0.5}, seed=seed, dtype=np.float64)
        for name in VARIANTS
    }


def test_all_have_the_same_first_numbers_in_the_same_order():
    first, *others = networks().values()
    for network in others:
        for ours, theirs in zip(first.params.values(), network.params.values(), strict=True):
            assert np.array_equal(ours, theirs)
        for ours, theirs in zip(first.state.values(), network.state.values(), strict=True):
            assert np.array_equal(ours, theirs)
    again, other = networks()["linear"], networks(seed=2)["linear"]
    assert all(np.array_equal(a, again.params[name]) for name, a in first.params.items())
    assert not np.array_equal(first.params["stem.kernel"], other.params["stem.kernel"])


def test_all_have_the_same_layers_in_the_same_order_but_for_relu6s():
    def kinds(network):
        return [(type(layer).__name__, layer.arrays().keys(), getattr(layer, "geometry", {})) for layer in
                network.leaves()]  # fmt: skip

    every = {name: kinds(network) for name, network in networks().items()}
    assert every["linear"] == every["none"]
    assert [k for k in every["linear"] if k[0] != "ReLU6"] == [k for k in every["relu6"] if k[0] != "ReLU6"]
    assert [k for k in every["linear"] if k[0] != "ReLU6"] == [k for k in every["expansions"] if k[0] != "ReLU6"]


def test_relu6_follows_the_projections_of_that_network_alone():
    for name, network in networks().items():
        leaves = list(network.leaves())
        narrow = [i for i, leaf in enumerate(leaves) if isinstance(leaf, PointwiseConv2D)
                  and leaf.params["kernel"].shape[1] == SIZES["channels"]]  # fmt: skip
        after = [type(leaves[i + 2]) for i in narrow]  # the normalisation stands between
        assert len(after) == SIZES["blocks"] + 1
        assert [kind is ReLU6 for kind in after] == [name == "relu6"] * len(after)


def test_shortcuts_are_where_the_name_says():
    every = networks()
    for name, network in every.items():
        blocks = [layer for layer in network.layers.values() if isinstance(layer, InvertedResidual)]
        assert [block.shortcut for block in blocks[1:]] == [name in ("linear", "relu6")] * (len(blocks) - 1)
        assert not blocks[0].shortcut
        assert len(blocks) == (1 if name == "expansions" else 1 + SIZES["blocks"])
    joined = [layer for layer in every["expansions"].layers.values() if isinstance(layer, ExpansionResidual)]
    assert len(joined) == SIZES["blocks"] - 1
    for number, layer in enumerate(joined, 1):
        assert [re.sub(rf"block_({number}|{number + 1})_", "", name) for name in layer.layers] == [
            "depthwise", "depthwise_norm", "depthwise_relu6", "project", "project_norm", "expand", "expand_norm",
        ]  # fmt: skip


def test_the_cost_is_the_same_but_for_the_shortcuts_sums():
    costs = {name: network.cost((2, 9, 8, 2)) for name, network in networks().items()}
    assert len({(cost.macs, cost.params, cost.output_shape) for cost in costs.values()}) == 1
    bottleneck = 2 * 3 * 2 * 3  # B·Dᵥ·Dᵥ·k
    for name in ("linear", "relu6"):
        assert costs[name].additions - costs["none"].additions == SIZES["blocks"] * bottleneck


def test_a_shortcut_between_expansions_costs_a_sum():
    every = networks()
    additions = {name: every[name].cost((2, 9, 8, 2)).additions for name in ("expansions", "none")}
    assert additions["expansions"] - additions["none"] == (SIZES["blocks"] - 1) * 2 * 3 * 2 * 6  # B·Dᵥ·Dᵥ·tk each


def test_none_is_linear_without_the_sums():
    every = networks()
    for block in every["linear"].layers.values():
        if isinstance(block, InvertedResidual):
            block.shortcut = False
    assert np.array_equal(every["linear"].forward(X, training=True), every["none"].forward(X, training=True))
    assert not np.allclose(networks()["linear"].forward(X, training=True), every["none"].forward(X, training=True))


def test_the_shortcut_between_expansions_is_the_relu6_of_the_branch_plus_the_input():
    network = networks()["expansions"]
    layer = network.layers["between_1"]
    x = np.random.default_rng(2).standard_normal((2, 5, 4, 6)) * 3
    y = x
    for step in layer.layers.values():
        y = step.forward(y, training=True)
    out = layer.forward(x, training=True)
    np.testing.assert_allclose(out, relu6(y + x), rtol=1e-12, atol=1e-13)
    assert {0, 6} < set(out.ravel())
    dy = np.random.default_rng(3).standard_normal(out.shape)
    dx = layer.backward(dy)
    alive = dy * ((out > 0) & (out < 6))
    np.testing.assert_allclose(dx, Sequential.backward(layer, alive) + alive)


@pytest.mark.parametrize(("variant", "training"), [("relu6", True), ("expansions", True), ("expansions", False)])
def test_gradients(variant, training):
    network = networks(blocks=2)[variant]
    rng = np.random.default_rng(5)
    for layer in network.leaves():
        if isinstance(layer, BatchNorm):  # most units between the kinks, none close to one
            layer.params["shift"][...] = rng.uniform(2, 3, layer.params["shift"].shape)
            layer.params["scale"][...] = rng.uniform(0.3, 0.6, layer.params["scale"].shape)
    for _ in range(9):  # the running statistics come close to the batch's
        network.forward(X[:, :5, :4], training=True)
    check_layer(network, X[:, :5, :4], training=training)


def test_one_block_alone_has_no_shortcut_between_expansions():
    every = networks(blocks=1)
    assert not any(isinstance(layer, ExpansionResidual) for layer in every["expansions"].layers.values())
    assert np.array_equal(every["expansions"].forward(X, training=True), every["none"].forward(X, training=True))


def test_bad_arguments_are_named():
    with pytest.raises(
        ValueError, match="variant_network: variant must be one of linear, relu6, expansions, none; got"
    ):
        variant_network("residual", blocks=2)
    with pytest.raises(ValueError, match="variant_network: blocks must be at least 1; got 0"):
        variant_network("linear", blocks=0)
    with pytest.raises(TypeError, match=r"variant_network: blocks must be an int; got 1\.5"):
        variant_network("linear", blocks=1.5)
    with pytest.raises(ValueError, match="variant_network: seed must be at least 0; got -1"):
        variant_network("linear", blocks=1, seed=-1)
