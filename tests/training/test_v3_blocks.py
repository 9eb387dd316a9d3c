"""The experiment on MobileNetV3's block: its networks, a miniature of it, and the runs that ship."""

import re
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from shipped import check_shipped

from npconv.layers import HardSwish, InvertedResidual, ReLU6, SqueezeExcite
from npconv.training import v3_blocks
from npconv.training.fig07 import variant_network
from npconv.training.report import accuracy_table, comparison_table
from npconv.training.v3_blocks import (
    COMPARISONS,
    FULL,
    SEEDS,
    VARIANTS,
    block_network,
    compare,
    run_v3_blocks,
    stored_results,
)

MINIATURE = replace(FULL, blocks=2, channels=3, expansion=2, steps=3, batch_size=8, evaluate_every=2, train_images=24,
                    test_images=9)  # fmt: skip


def networks(seed=1):
    return {name: block_network(name, blocks=3, channels=3, expansion=4, seed=seed) for name in VARIANTS}


def test_what_networks_share_begins_with_the_same_numbers():
    every, plain = networks(), variant_network("linear", blocks=3, channels=3, expansion=4, seed=1)
    assert every["relu6"].params.keys() == every["hard_swish"].params.keys() == plain.params.keys()
    for network in every.values():
        for name, array in plain.arrays().items():
            np.testing.assert_array_equal(network.arrays()[name], array)
    assert every["squeeze"].params.keys() == every["both"].params.keys()
    for name, array in every["squeeze"].params.items():
        np.testing.assert_array_equal(every["both"].params[name], array)
    gates = [a for name, a in every["both"].params.items() if name.endswith("squeeze_excite.reduce")]
    assert [gate.shape for gate in gates] == 3 * [(12, 3)]
    assert not np.array_equal(gates[0], gates[1])
    other = networks(seed=2)["both"]
    assert not np.array_equal(other.params["block_1.squeeze_excite.reduce"], gates[0])


def test_networks_differ_in_the_blocks_of_the_row_alone():
    for name, network in networks().items():
        for key, layer in network.layers.items():
            kinds = [type(leaf) for leaf in layer.leaves()]
            of_the_row = re.fullmatch(r"block_\d+", key)
            assert bool(of_the_row) == (isinstance(layer, InvertedResidual) and key != "first")
            swish, gate = name in ("hard_swish", "both"), name in ("squeeze", "both")
            assert kinds.count(HardSwish) == (2 if of_the_row and swish else 0)
            assert kinds.count(SqueezeExcite) == bool(of_the_row and gate)
            assert not of_the_row or kinds.count(ReLU6) == (0 if swish else 2)
    with pytest.raises(ValueError, match="block_network: variant must be one of relu6, hard_swish, squeeze, both; got"):
        block_network("linear", blocks=2)


def test_the_results_are_all_runs_and_errors_name_the_function(tmp_path):
    results = run_v3_blocks(MINIATURE, (0, 5), folder=tmp_path)
    assert results["settings"] == asdict(MINIATURE)
    assert results["networks"] == VARIANTS
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == list(product(VARIANTS, (0, 5)))
    assert all(run["step"] == [2, 3] for run in results["runs"])
    assert len({tuple(run["train_loss"]) for run in results["runs"]}) == 8
    rows = comparison_table(results, COMPARISONS)[1]
    assert [row[0] for row in rows] == [" − ".join(pair) for pair in COMPARISONS]
    with pytest.raises(ValueError, match="run_v3_blocks: seeds must be one or more, each once; got"):
        run_v3_blocks(MINIATURE, (1, 1), folder=tmp_path)
    with pytest.raises(ValueError, match="run_v3_blocks: processes must be at least 1; got 0"):
        run_v3_blocks(MINIATURE, (1,), folder=tmp_path, processes=0)
    assert v3_blocks.QUICK.variants is VARIANTS


def test_the_runs_that_ship_are_those_of_the_settings_in_the_code():
    check_shipped(stored_results(), FULL, SEEDS, VARIANTS, lambda variant: ["test_accuracy"])


def test_the_docs_give_these_numbers_and_make_the_comparisons_that_were_announced():
    page = (Path(__file__).parents[2] / "docs" / "experiment.md").read_text(encoding="utf-8")
    results = stored_results()
    for header, rows in (accuracy_table(results), comparison_table(results, COMPARISONS)):
        for row in rows:
            assert f"| {' | '.join(row)} |" in page, header
    for pair in COMPARISONS:
        assert len(compare(results, *pair).differences) == len(SEEDS)
        assert f"`{pair[0]}` − `{pair[1]}`" in page.replace("\n", " ")
