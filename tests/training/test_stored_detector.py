"""The detector that ships: of the settings in the code, as good as its record says, and begun as when made again."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from npconv.data import load_photograph, path
from npconv.models import read_network
from npconv.training import digits_detector, digits_in_the_wild, evaluate_detector, train_recipe
from npconv.training.recipes import RECIPES, stored_results
from npconv.training.report import recipe_table

FULL, QUICK, SEEDS = (getattr(RECIPES["ssdlite"], name) for name in ("full", "quick", "seeds"))
PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
FIRST_LOSSES = [12.84933, 12.72474]
"""The losses of the stored run's first steps, in nats and squares of codes, of the seed SEEDS[0]."""

real_photograph = pytest.mark.skipif(
    load_photograph().synthetic, reason="matplotlib's photograph, which the stored runs have behind their digits"
)


def test_all_runs_are_there_with_the_settings_of_the_code():
    results = stored_results("ssdlite")
    assert results["settings"] == {name: value for name, value in asdict(FULL).items() if name != "seed"}
    assert results["seeds"] == [run["seed"] for run in results["runs"]] == list(SEEDS)
    assert (results["train_images"], results["test_images"], results["classes"]) == (8192, 200, 11)
    every = list(range(FULL.evaluate_every, FULL.steps + 1, FULL.evaluate_every))
    for run in results["runs"]:
        assert run["step"] == every
        assert {len(run[name]) for name in ("train_loss", "test_loss", "test_map_50", "test_map")} == {len(every)}
    assert min(run["test_map_50"][-1] for run in results["runs"]) >= 0.75


@real_photograph
def test_the_network_that_ships_is_as_good_as_its_record_says():
    network = read_network(path("ssdlite_digits.npz"))
    assert path("ssdlite_digits.npz").stat().st_size <= 700_000
    assert network.options == digits_detector().options
    task, run = digits_in_the_wild(train=1), stored_results("ssdlite")["runs"][0]
    assert task.description == stored_results("ssdlite")["description"]
    loss, precision = evaluate_detector(network, task.x_test, task.boxes_test, task.labels_test)
    assert loss == pytest.approx(run["test_loss"][-1], rel=1e-3)
    assert precision.by_threshold[0.5] == pytest.approx(run["test_map_50"][-1], abs=0.005)
    assert precision.mean == pytest.approx(run["test_map"][-1], abs=0.005)


@real_photograph
def test_a_stored_run_begins_as_it_does_when_made_again(tmp_path):
    losses = []

    class Enough(Exception):  # noqa: N818
        pass

    def stop(done, loss, history):
        losses.append(loss)
        if done == len(FIRST_LOSSES):
            raise Enough

    with pytest.raises(Enough):  # the schedule is that of all steps, so it is stopped, not shortened
        train_recipe("ssdlite", None, replace(FULL, seed=SEEDS[0]), tmp_path, progress=stop)
    assert losses == pytest.approx(FIRST_LOSSES, rel=1e-3)


def test_the_docs_give_these_numbers():
    for row in recipe_table("ssdlite", stored_results("ssdlite"))[1]:
        assert f"| {' | '.join(row)} |" in PAGE
    assert f"{FULL.steps:,} steps of {FULL.batch_size} images" in PAGE
    assert f"{QUICK.steps} steps" in PAGE
