"""The experiment on segmentation: its networks, averages of the truth, a miniature of it, and the runs that ship."""

from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from shipped import check_shipped

from npconv.data import load_photograph
from npconv.models import MultiTask, SSDLite
from npconv.training import SegmentationTask, digits_in_the_wild, segmentation_heads
from npconv.training.recipes import RECIPES
from npconv.training.report import experiment_tables
from npconv.training.segmentation_heads import (
    COMPARISONS,
    FULL,
    MEASURES,
    SEEDS,
    VARIANTS,
    averaged_miou,
    compare,
    run_segmentation_heads,
    stored_results,
)

PAGE = (Path(__file__).parents[2] / "docs" / "experiment.md").read_text(encoding="utf-8")
MINIATURE = replace(FULL, steps=2, batch_size=2, train_images=4, test_images=2, evaluate_every=2)
DIGITS = (1, 64, 64, 1)

real_photograph = pytest.mark.skipif(
    load_photograph().synthetic, reason="matplotlib's photograph, which is behind the digits of the stored numbers"
)


def backbone(network):
    network = network.detector if isinstance(network, MultiTask) else network
    return {name: p for name, p in network.params.items() if name.startswith("network.")}


def test_the_networks_that_are_compared_begin_with_the_same_backbone():
    for names in (("skip", "coarse"), ("both", "boxes", "masks")):
        first, *others = (backbone(FULL.network(name, 5)) for name in names)
        for other in others:
            assert list(other) == list(first)
            assert all(np.array_equal(other[name], p) for name, p in first.items())
    with pytest.raises(ValueError, match=r"SegmentationSettings\.network: variant must be one of skip, coarse, dilate"):
        FULL.network("none", 0)


def test_the_maps_of_the_heads_are_those_that_are_named():
    skip, coarse, dilated = (FULL.network(name, 0) for name in ("skip", "coarse", "dilated"))
    assert skip.map_shapes(DIGITS) == [(1, 16, 16, 144), (1, 8, 8, 128)]
    assert coarse.map_shapes(DIGITS) == [(1, 8, 8, 192), (1, 8, 8, 128)]
    assert dilated.map_shapes(DIGITS) == [(1, 16, 16, 144), (1, 16, 16, 64)]
    assert dilated.network.layers["block_5"].layers["depthwise"].geometry["dilation"] == 2
    assert [network.classes for network in (skip, coarse, dilated)] == [2, 2, 2]


def test_the_dilated_network_costs_as_much_as_the_strided_one():
    dilated, skip = (FULL.network(name, 0).cost(DIGITS).macs for name in ("dilated", "skip"))
    assert dilated != skip
    assert dilated == pytest.approx(skip, rel=0.02)


def test_the_docs_announce_the_networks_with_their_costs_and_the_comparisons():
    for name in VARIANTS:
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")][-1:]
        assert row.endswith(f"| {FULL.network(name, 0).cost(DIGITS).macs:,} |")
    for pair in COMPARISONS:
        assert f"`{pair[0]}` − `{pair[1]}`" in PAGE.replace("\n", " ")
    assert f"{FULL.steps} steps of {FULL.batch_size} images" in PAGE.replace("\n", " ")
    assert f"seeds {SEEDS[0]} to {SEEDS[-1]}" in PAGE.replace("\n", " ")


def test_the_rate_is_that_of_the_quick_training_for_both():
    quick = RECIPES["both"].quick
    assert (FULL.batch_size, FULL.learning_rate) == (quick.batch_size, quick.learning_rate)


def test_masks_from_averages_are_those_of_plain_loops():
    rng = np.random.default_rng(3)
    masks = rng.integers(0, 3, (2, 8, 16)).repeat(2, axis=1).astype(np.uint8)[:, :8]
    x = np.zeros((2, 8, 16, 1), np.float32)
    task = SegmentationTask("patches", x, masks, x, masks, 3, "patches")
    counts = np.zeros((3, 3), int)
    for b, i, j in np.ndindex(2, 8, 16):
        scores = np.zeros(3)
        for c in range(3):
            row, column = (i + 0.5) / 4 - 0.5, (j + 0.5) / 4 - 0.5
            for r, s in np.ndindex(2, 2):
                y, z = int(np.floor(row)) + r, int(np.floor(column)) + s
                weight = (1 - abs(row - y)) * (1 - abs(column - z))
                y, z = min(max(y, 0), 1), min(max(z, 0), 3)
                scores[c] += weight * (masks[b, 4 * y : 4 * y + 4, 4 * z : 4 * z + 4] == c).mean()
        counts[masks[b, i, j], scores.argmax()] += 1
    hits = np.diag(counts)
    expected = (hits / (counts.sum(0) + counts.sum(1) - hits)).mean()
    assert averaged_miou((4,), task=task)[4] == pytest.approx(expected, abs=1e-12)
    assert averaged_miou((1,), task=task) == {1: 1.0}


@real_photograph
def test_the_averages_of_the_digits_masks_are_those_of_the_docs():
    found = averaged_miou()
    inked = averaged_miou(task=SegmentationTask.of(digits_in_the_wild(train=1), ink_only=True))
    assert found == pytest.approx({2: 0.954, 4: 0.826, 8: 0.492}, abs=0.0006)
    assert inked == pytest.approx({2: 0.973, 4: 0.898, 8: 0.705}, abs=0.0006)
    for stride in found:
        assert f"| {stride} | {100 * found[stride]:.1f} | {100 * inked[stride]:.1f} |" in PAGE


@pytest.mark.parametrize(("stride", "words"), [(3, "must divide height and width; got 3"), (0, "must be at least 1")])
def test_strides_that_do_not_divide_the_images_are_refused(stride, words):
    task = SegmentationTask.of(digits_in_the_wild(train=1, test=1))
    with pytest.raises(ValueError, match=f"averaged_miou: stride {words}"):
        averaged_miou((stride,), task=task)


def test_the_results_are_all_runs_and_errors_name_the_function(tmp_path):
    lines = []
    results = run_segmentation_heads(MINIATURE, (0, 5), folder=tmp_path, progress=lines.append)
    assert results["settings"] == asdict(MINIATURE)
    assert results["networks"] == VARIANTS
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == list(product(VARIANTS, (0, 5)))
    assert len({tuple(run["train_loss"]) for run in results["runs"]}) == 12
    for run in results["runs"]:
        assert run["step"] == [2]
        assert {name for name in MEASURES if name in run} == {
            "boxes": {"test_map_50"}, "both": {"test_miou", "test_map_50"}
        }.get(run["variant"], {"test_miou"})  # fmt: skip
    assert run_segmentation_heads(MINIATURE, (0, 5), folder=tmp_path) == results  # read again, not made again
    assert "test mAP@.5" in lines[4]
    miou, on_miou, precision, on_precision = (rows for _, rows in experiment_tables(results, segmentation_heads))
    assert [row[0] for row in miou] == [what for name, what in VARIANTS.items() if name != "boxes"]
    assert [row[0] for row in precision] == [VARIANTS["both"], VARIANTS["boxes"]]
    assert [row[0] for row in on_miou] == ["skip − coarse", "dilated − skip", "both − masks"]
    assert [row[0] for row in on_precision] == ["both − boxes"]
    with pytest.raises(ValueError, match="run_segmentation_heads: seeds must be one or more, each once; got"):
        run_segmentation_heads(MINIATURE, (1, 1), folder=tmp_path)


def test_a_network_for_both_is_one_of_boxes_and_one_of_masks():
    both, boxes, masks = (FULL.network(name, 3) for name in ("both", "boxes", "masks"))
    assert isinstance(both, MultiTask)
    assert isinstance(boxes, SSDLite)
    assert both.detector.options == boxes.options
    assert both.segmenter.options == masks.options
    for own, alone in ((both.detector, boxes), (both.segmenter, masks)):
        assert all(np.array_equal(p, alone.params[name]) for name, p in own.params.items())


def test_the_runs_that_ship_are_those_of_the_settings_in_the_code():
    own = {"boxes": ["test_map_50"], "both": MEASURES}
    check_shipped(stored_results(), FULL, SEEDS, VARIANTS, lambda variant: own.get(variant, ["test_miou"]))


def test_the_docs_give_these_numbers():
    for header, rows in experiment_tables(stored_results(), segmentation_heads):
        for row in rows:
            assert f"| {' | '.join(row)} |" in PAGE, header


def test_the_verdicts_follow_from_the_stored_curves():
    results = stored_results()
    ends = {
        (run["variant"], run["seed"]): {name: run[name][-1] for name in MEASURES if name in run}
        for run in results["runs"]
    }
    for first, second in COMPARISONS:
        for measure in ends[first, SEEDS[0]].keys() & ends[second, SEEDS[0]].keys():
            d = np.array([ends[first, seed][measure] - ends[second, seed][measure] for seed in SEEDS])
            signs = np.array(list(product((1, -1), repeat=len(SEEDS))))
            p = (abs(signs @ d) >= abs(d.sum()) - 1e-12).mean()
            found = compare(results, first, second, measure)
            assert found.p_value == pytest.approx(p)
            assert found.verdict == ("open" if p >= 0.05 else "first" if d.sum() > 0 else "second")
