"""The experiment on SSDLite's heads: its networks, a miniature of it, and the runs that ship."""

from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from shipped import check_shipped

from npconv.claims.papers import v2_experiments
from npconv.training import detection_heads
from npconv.training.detection_heads import (
    COMPARISONS,
    FULL,
    MEASURES,
    SEEDS,
    VARIANTS,
    head_costs,
    measure_times,
    run_detection_heads,
    stored_results,
)
from npconv.training.recipes import RECIPES
from npconv.training.report import experiment_tables

MINIATURE = replace(FULL, steps=2, batch_size=2, train_images=4, test_images=2, evaluate_every=2)


def test_the_detectors_differ_in_their_heads_or_in_their_first_map_alone():
    separable, full, output = (FULL.network(name, 5) for name in VARIANTS)
    backbone = [name for name in separable.params if name.startswith("network.")]
    for other in (full, output):
        assert [name for name in other.params if name.startswith("network.")] == backbone
        for name in backbone:
            np.testing.assert_array_equal(other.params[name], separable.params[name])
    assert (separable.options.heads, full.options.heads, output.options.heads) == ("separable", "full", "separable")
    assert separable.options.first == full.options.first == "block_4.expand_relu6"
    shapes = [network.map_shapes((1, 64, 64, 1)) for network in (separable, full, output)]
    assert shapes[:2] == 2 * [[(1, 16, 16, 144), (1, 8, 8, 128)]]
    assert (output.options.first, shapes[2]) == ("block_3", [(1, 16, 16, 24), (1, 8, 8, 128)])
    np.testing.assert_array_equal(separable.anchors((64, 64)), output.anchors((64, 64)))
    with pytest.raises(ValueError, match=r"HeadSettings\.network: variant must be one of separable, full, output; got"):
        FULL.network("none", 0)


def test_the_recipe_is_that_of_the_quick_training():
    quick = RECIPES["ssdlite"].quick
    assert (FULL.steps, FULL.batch_size, FULL.learning_rate) == (quick.steps, quick.batch_size, quick.learning_rate)


def test_the_heads_cost_what_their_sizes_say():
    """Two boxes in a cell: 22 logits and 8 codes a position of 16×16 (144 or 24 channels) and of 8×8 (128)."""
    separable, full, output = head_costs().values()
    assert full.head_params == 9 * (144 + 128) * 30 + 60
    assert full.head_macs == 9 * (256 * 144 + 64 * 128) * 30
    assert separable.head_params == sum(2 * (9 + 2) * m + 30 * m + 30 for m in (144, 128))
    assert separable.head_macs == sum(n * m * (2 * 9 + 30) for n, m in ((256, 144), (64, 128)))
    assert output.head_macs == sum(n * m * (2 * 9 + 30) for n, m in ((256, 24), (64, 128)))
    assert separable.params - separable.head_params == full.params - full.head_params


def test_the_results_are_all_runs_and_times_and_errors_name_the_function(tmp_path, monkeypatch):
    monkeypatch.setattr("npconv.training.detection_heads.experiment.ROUNDS", 1)
    results = run_detection_heads(MINIATURE, (0, 5), folder=tmp_path)
    assert results["settings"] == asdict(MINIATURE)
    assert results["networks"] == VARIANTS
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == list(product(VARIANTS, (0, 5)))
    assert all(run["step"] == [2] and len(run["test_map"]) == 1 for run in results["runs"])
    assert len({tuple(run["train_loss"]) for run in results["runs"]}) == 6
    assert {*results["times"]} == {"step", "inference", "batch_size", "rounds"}
    assert all(of["ratio"] > 0 for of in results["times"]["step"].values())
    tables = experiment_tables(results, detection_heads)
    assert [header[0] for header, _ in tables[::2]] == [
        *(f"{words} in %" for words in MEASURES.values()),
        "64×64 pixels",
    ]
    for _, rows in tables[1:-1:2]:
        assert [row[0] for row in rows] == [" − ".join(pair) for pair in COMPARISONS]
    with pytest.raises(ValueError, match="run_detection_heads: seeds must be one or more, each once; got"):
        run_detection_heads(MINIATURE, (1, 1), folder=tmp_path)
    with pytest.raises(ValueError, match="measure_times: rounds must be at least 1; got 0"):
        measure_times(MINIATURE, rounds=0)


def test_the_runs_that_ship_are_those_of_the_settings_in_the_code():
    results = stored_results()
    check_shipped(results, FULL, SEEDS, VARIANTS, lambda variant: MEASURES)
    assert results["times"]["batch_size"] == FULL.batch_size


def test_the_docs_give_these_numbers_and_make_the_comparisons_that_were_announced():
    page = (Path(__file__).parents[2] / "docs" / "experiment.md").read_text(encoding="utf-8")
    for header, rows in experiment_tables(stored_results(), detection_heads):
        for row in rows:
            assert f"| {' | '.join(row)} |" in page, header
    for pair in COMPARISONS:
        assert f"`{pair[0]}` − `{pair[1]}`" in page.replace("\n", " ")


@pytest.mark.parametrize(("gain", "verdict"), [(0.01, "holds if"), (-0.01, "fails"), (0, "reported")])
def test_the_verdict_on_the_heads_follows_from_the_runs(gain, verdict, monkeypatch):
    ends = {"separable": lambda seed: 0.7 + gain, "full": lambda seed: 0.7 + 0.005 * (-1) ** seed}
    runs = [
        {"variant": name, "seed": seed} | {measure: [end(seed)] for measure in MEASURES}
        for name, end in ends.items()
        for seed in range(8)
    ]
    results = {"settings": asdict(FULL), "seeds": list(range(8)), "runs": runs}
    monkeypatch.setattr(v2_experiments.detection_heads, "stored_results", lambda: results)
    found = v2_experiments.v2_ssdlite_is_as_accurate_as_ssd.compute()
    assert found.verdict.startswith(verdict)
    assert "8 seeds" in found.verdict or verdict == "holds if"
    assert f"{100 * gain:+.1f} points of mAP at IoU 0.5" in found.numbers[0]
