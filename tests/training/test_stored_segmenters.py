"""The runs on masks that ship: of the code's settings, as good as their records say, and begun as when made again."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from npconv.data import load_photograph, path
from npconv.models import read_network
from npconv.training import SegmentationTask, digits_in_the_wild, digits_multi_task, evaluate_multi_task, train_recipe
from npconv.training.recipes import RECIPES, stored_results
from npconv.training.report import class_table, recipe_table
from npconv.training.segmentation import mean_iou

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
KINDS = ("lr_aspp", "deeplab", "both")
LEAST = {"lr_aspp": 0.45, "deeplab": 0.84, "both": 0.6}  # mean IoU of the worst run
FIRST_LOSSES = {
    "lr_aspp": [28.20642, 23.89352],
    "deeplab": [4.49419, 4.50299],
    "both": [37.72311, 44.25282],
}
"""The losses of the first seeds' first steps."""

real_photograph = pytest.mark.skipif(
    load_photograph().synthetic, reason="matplotlib's photograph, which the stored runs have behind their digits"
)


@pytest.mark.parametrize("kind", KINDS)
def test_all_runs_are_there_with_the_settings_of_the_code(kind):
    results, recipe = stored_results(kind), RECIPES[kind]
    assert results["settings"] == {name: value for name, value in asdict(recipe.full).items() if name != "seed"}
    assert results["seeds"] == [run["seed"] for run in results["runs"]] == list(recipe.seeds)
    classes = 2 if kind == "deeplab" else 11
    assert (results["train_images"], results["test_images"], results["classes"]) == (8192, 200, classes)
    every = list(range(recipe.full.evaluate_every, recipe.full.steps + 1, recipe.full.evaluate_every))
    for run in results["runs"]:
        assert run["step"] == every
        assert {len(run[name]) for name in ("train_loss", "test_loss", *recipe.measures)} == {len(every)}
        assert run["test_miou"][-1] >= LEAST[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_iou_of_each_run_is_that_of_its_confusion(kind):
    task = SegmentationTask.of(digits_in_the_wild(train=1), ink_only=kind == "deeplab")
    truths = np.bincount(task.masks_test.ravel(), minlength=task.classes)
    for run in stored_results(kind)["runs"]:
        matrix = np.array(run["confusion"])
        assert run["test_miou"][-1] == pytest.approx(mean_iou(matrix), rel=1e-12)
        if not load_photograph().synthetic:
            np.testing.assert_array_equal(matrix.sum(axis=1), truths)


def test_the_network_for_both_does_what_was_aimed_at():
    """A mean IoU of 0.6 for eleven classes and 0.7 mAP at IoU 0.5, in each run."""
    for run in stored_results("both")["runs"]:
        assert run["test_miou"][-1] >= 0.6
        assert run["test_map_50"][-1] >= 0.7


@real_photograph
def test_the_network_that_ships_is_as_good_as_its_record_says():
    network = read_network(path("both_digits.npz"))
    assert path("both_digits.npz").stat().st_size <= 800_000
    wanted = digits_multi_task()
    assert network.detector.options == wanted.detector.options
    assert network.segmenter.options == wanted.segmenter.options
    task, run = digits_in_the_wild(train=1), stored_results("both")["runs"][0]
    assert task.description == stored_results("both")["description"]
    loss, precision, matrix = evaluate_multi_task(
        network, task.x_test, task.boxes_test, task.labels_test, task.masks_test
    )
    assert loss == pytest.approx(run["test_loss"][-1], rel=1e-3)
    assert precision.by_threshold[0.5] == pytest.approx(run["test_map_50"][-1], abs=0.005)
    assert precision.mean == pytest.approx(run["test_map"][-1], abs=0.005)
    assert mean_iou(matrix) == pytest.approx(run["test_miou"][-1], abs=0.002)
    assert np.abs(matrix - np.array(run["confusion"])).sum() < 100  # of 819,200 pixels


@real_photograph
@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_run_begins_as_it_does_when_made_again(kind, tmp_path):
    losses, recipe = [], RECIPES[kind]

    class Enough(Exception):  # noqa: N818
        pass

    def stop(done, loss, history):
        losses.append(loss)
        if done == len(FIRST_LOSSES[kind]):
            raise Enough

    with pytest.raises(Enough):  # the schedule is that of all steps, so it is stopped, not shortened
        train_recipe(kind, None, replace(recipe.full, seed=recipe.seeds[0]), tmp_path, progress=stop)
    assert losses == pytest.approx(FIRST_LOSSES[kind], rel=1e-3)


def test_the_docs_give_these_numbers():
    for kind in KINDS:
        for row in recipe_table(kind, stored_results(kind))[1]:
            assert f"| {' | '.join(row)} |" in PAGE
        assert f"{RECIPES[kind].full.steps:,} steps" in PAGE
        assert f"{RECIPES[kind].quick.steps} steps" in PAGE
    for row in class_table(stored_results("both"))[1]:
        assert f"| {' | '.join(row)} |" in PAGE
