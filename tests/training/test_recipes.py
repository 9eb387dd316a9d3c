"""Networks trained with their files: to the same bits, and read again from the file alone."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from stopped import Stopped

from npconv.models import read_network
from npconv.segmentation import confusion_matrix
from npconv.training import (
    MaskSettings,
    RecipeSettings,
    SegmentationTask,
    detector_for,
    digits_in_the_wild,
    recipes,
    resumable,
    train_recipe,
)
from npconv.training.recipes import RECIPES, run_seeds
from npconv.training.report import recipe_table
from npconv.training.segmentation import mean_iou

TASK = digits_in_the_wild(train=12, test=1)
FEW = {kind: type(recipe.full)(steps=2, batch_size=2) for kind, recipe in RECIPES.items()}


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    monkeypatch.setattr(recipes, "digits_in_the_wild", lambda: TASK)
    monkeypatch.setattr(resumable, "keep_memory", lambda: None)
    recipes.wild_digits.cache_clear()
    yield
    recipes.wild_digits.cache_clear()


@pytest.mark.parametrize("kind", RECIPES)
def test_runs_of_several_seeds_go_on_to_the_same_bits(kind, tmp_path):
    few, lines, counts = FEW[kind], [], []
    whole = run_seeds(kind, few, (3, 1), folder=tmp_path / "whole", progress=lines.append)
    assert [line.split(":")[0] for line in lines] == ["[1/2] seed 3", "[2/2] seed 1"]

    def stop(seed, done, history):
        counts.append((seed, done))
        if (seed, done) == (1, 1):
            raise Stopped

    with pytest.raises(Stopped):
        run_seeds(kind, few, (3, 1), folder=tmp_path / "stopped", count=stop)
    assert counts == [(3, 1), (3, 2), (1, 1)]
    assert sorted(path.name for path in (tmp_path / "stopped" / "seed-1").iterdir()) == ["checkpoint.npz"]
    assert run_seeds(kind, few, (3, 1), folder=tmp_path / "stopped") == whole
    for path in (tmp_path / "whole").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "stopped" / path.relative_to(tmp_path / "whole")).read_bytes()
    assert whole["seeds"] == [run["seed"] for run in whole["runs"]] == [3, 1]
    assert whole["runs"][0]["step"] == [1, 2]
    assert whole["runs"][0]["test_loss"] != whole["runs"][1]["test_loss"]
    assert (whole["train_images"], whole["test_images"], whole["classes"]) == (12, 1, 11)
    assert whole["settings"] == {name: value for name, value in asdict(few).items() if name != "seed"}
    (header, *_), rows = recipe_table(kind, whole)[0], recipe_table(kind, whole)[1]
    assert header == "seed"
    for row, run in zip(rows, whole["runs"], strict=False):
        ends = [f"{100 * run[name][-1]:.1f}" for name in RECIPES[kind].measures]
        assert row == [str(run["seed"]), *ends, f"{run['test_loss'][-1]:.2f}"]


@pytest.mark.parametrize("kind", RECIPES)
def test_the_network_is_read_from_its_file_alone_and_finds_what_it_found(kind, tmp_path):
    task = SegmentationTask.of(TASK) if RECIPES[kind].task is SegmentationTask else TASK
    trained = train_recipe(kind, task, replace(FEW[kind], width=0.5), tmp_path)
    again = read_network(tmp_path / "network.npz")
    np.testing.assert_array_equal(again.forward(TASK.x_test), trained.network.forward(TASK.x_test))
    record = json.loads((tmp_path / "history.json").read_text())
    assert record == trained.record
    assert record["history"] == trained.history.as_dict()
    with pytest.raises(ValueError, match=r"belongs to another run .*: optimizer is|steps is 2 there and 3 here"):
        train_recipe(kind, task, replace(FEW[kind], width=0.5, steps=3), tmp_path)


def test_boxes_of_ones_own_get_default_boxes_of_their_own(tmp_path):
    trained = train_recipe("ssdlite", TASK, replace(FEW["ssdlite"], width=0.5), tmp_path)
    again = read_network(tmp_path / "network.npz")
    assert again.options == trained.network.options
    assert again.options.boxes == detector_for((64, 64, 1), 11, TASK.boxes_train, width=0.5).options.boxes


def test_a_record_has_the_confusion_of_the_pixels(tmp_path):
    trained = train_recipe("lr_aspp", None, replace(FEW["lr_aspp"], ink_only=True), tmp_path)
    assert trained.network.classes == trained.record["classes"] == 2
    found = confusion_matrix((TASK.masks_test > 0).astype(np.uint8), trained.network.segment(TASK.x_test), 2)
    assert trained.record["confusion"] == found.tolist()
    assert trained.history.test_miou[-1] == mean_iou(found)


def test_tasks_and_settings_of_another_kind_are_refused(tmp_path):
    with pytest.raises(ValueError, match="train_recipe: kind must be one of ssdlite, lr_aspp, deeplab, both; got"):
        train_recipe("masks", None, FEW["both"], tmp_path)
    with pytest.raises(TypeError, match="train_recipe: task must be a SegmentationTask or None"):
        train_recipe("deeplab", TASK, FEW["deeplab"], tmp_path)
    with pytest.raises(TypeError, match="train_recipe: settings must be a MaskSettings"):
        train_recipe("deeplab", None, FEW["both"], tmp_path)
    with pytest.raises(ValueError, match=r"SegmentationTask\.of: task must have masks; digits in the wild has none"):
        train_recipe("both", replace(TASK, masks_train=None), FEW["both"], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1; got 0"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an int"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be above 0"),
        ({"width": 32}, ValueError, "width must be above 0 and below 32"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(changes, error, words):
    for kind in (RecipeSettings, MaskSettings):
        with pytest.raises(error, match=f"^{kind.__name__}: {words}"):
            kind(**changes)


def test_one_step_has_no_warm_up():
    for recipe in RECIPES.values():
        assert replace(recipe.full, steps=1).schedule(0) == recipe.full.learning_rate
        assert recipe.full.schedule(0) == recipe.full.learning_rate / 30
        assert recipe.quick.steps < recipe.full.steps


def test_seeds_that_are_none_are_refused(tmp_path):
    few = FEW["ssdlite"]
    for seeds in ((), (1, 1)):
        with pytest.raises(ValueError, match="run_seeds: seeds must be one or more, each once; got"):
            run_seeds("ssdlite", few, seeds, folder=tmp_path)
    with pytest.raises(ValueError, match="run_seeds: seed must be at least 0; got -1"):
        run_seeds("ssdlite", few, (-1,), folder=tmp_path)
    with pytest.raises(ValueError, match="train_detector: batch_size must be at most 12, the number of training"):
        train_recipe("ssdlite", TASK, replace(few, batch_size=13), tmp_path)
    assert not list(tmp_path.iterdir())
