"""The runs that ship: whole, of the settings in the code, made again at their beginning, and told right in the docs."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from npconv.data import load_photograph
from npconv.files import read_npz
from npconv.training.fig07 import COMPARISONS, FULL, SEEDS, STORED, VARIANTS, compare, run_one, stored_results
from npconv.training.report import accuracy_table, comparison_table

PAGE = (Path(__file__).parents[2] / "docs" / "experiment.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("blocks", STORED)
def test_all_runs_are_there_with_the_settings_of_the_code(blocks):
    results = stored_results(blocks)
    assert results["settings"] == asdict(replace(FULL, blocks=blocks))
    assert results["seeds"] == list(SEEDS)
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == [(v, s) for v in VARIANTS for s in SEEDS]
    every = list(range(FULL.evaluate_every, FULL.steps + 1, FULL.evaluate_every))
    for run in results["runs"]:
        assert run["step"] == every
        assert {len(run[name]) for name in ("train_loss", "test_loss", "test_accuracy")} == {len(every)}


def test_a_stored_run_begins_as_it_does_when_made_again(tmp_path):
    if load_photograph().synthetic:
        pytest.skip("matplotlib's photograph, which the stored runs have behind their digits, is missing here")
    stored = next(run for run in stored_results(4)["runs"] if (run["variant"], run["seed"]) == ("linear", SEEDS[0]))

    class Enough(Exception):  # noqa: N818
        pass

    def stop(done):
        if done == FULL.evaluate_every:
            raise Enough

    with pytest.raises(Enough):  # the schedule is that of all steps, so it is stopped, not shortened
        run_one("linear", SEEDS[0], replace(FULL, blocks=4), tmp_path, progress=stop)
    record = read_npz(tmp_path / f"linear-{SEEDS[0]}.checkpoint.npz")["record"]
    history = json.loads(str(record))["history"]
    assert history["train_loss"][0] == pytest.approx(stored["train_loss"][0], abs=0.01)
    assert history["test_loss"][0] == pytest.approx(stored["test_loss"][0], abs=0.1)
    assert history["test_accuracy"][0] == pytest.approx(stored["test_accuracy"][0], abs=0.03)


@pytest.mark.parametrize("blocks", STORED)
def test_the_docs_give_these_numbers(blocks):
    for table in (accuracy_table, comparison_table):
        for row in table(stored_results(blocks))[1]:
            assert f"| {blocks} | {' | '.join(row)} |" in PAGE


def test_the_comparisons_that_were_announced_are_made():
    for pair in COMPARISONS:
        assert len(compare(stored_results(), *pair).differences) == len(SEEDS)
        assert f"`{pair[0]}` − `{pair[1]}`" in PAGE
