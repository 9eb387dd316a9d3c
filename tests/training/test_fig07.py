"""The experiment of Fig. 7 in miniature: whole, resumed, side by side; and its comparisons, by hand."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from damages import damaged

import npconv
from npconv.layers import Sequential
from npconv.training import fig07
from npconv.training.fig07 import (
    VARIANTS,
    Comparison,
    Count,
    compare,
    comparisons,
    curves,
    experiment,
    run_fig07,
    run_one,
    student_t,
)
from npconv.training.loop import train

MINIATURE = replace(fig07.FULL, blocks=2, channels=3, expansion=2, steps=3, batch_size=8, learning_rate=0.0625,
                    evaluate_every=2, train_images=24, test_images=9)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fig07")
    return folder, run_fig07(MINIATURE, (0, 5), folder=folder)


def copied(folder, into):
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())


def test_the_results_are_all_runs_with_what_they_need_to_be_made_again(whole):
    folder, results = whole
    assert results["settings"] == asdict(MINIATURE)
    assert results["seeds"] == [0, 5]
    assert results["networks"] == VARIANTS
    assert "24×24×1" in results["data"]
    assert [(run["variant"], run["seed"]) for run in results["runs"]] == list(product(VARIANTS, (0, 5)))
    for run in results["runs"]:
        assert run["step"] == [2, 3]
        assert len(run["train_loss"]) == len(run["test_loss"]) == len(run["test_accuracy"]) == 2
        assert "settings" not in run
    assert json.loads(json.dumps(results)) == results
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"{v}-{s}.json" for v, s in product(VARIANTS, (0, 5)))
    losses = {tuple(run["train_loss"]) for run in results["runs"]}
    assert len(losses) == 8  # no two runs are the same
    for name in VARIANTS:
        ends = [run["test_accuracy"] for run in results["runs"] if run["variant"] == name]
        assert curves(results, name).tolist() == ends


def test_only_what_is_missing_is_run(whole, tmp_path, monkeypatch):
    folder, results = whole
    copied(folder, tmp_path)
    (tmp_path / "relu6-5.json").unlink()
    lines, counts = [], []
    again = run_fig07(MINIATURE, (0, 5), folder=tmp_path, progress=lines.append, count=counts.append)
    assert again == results
    assert counts == [Count(22, 24, 1), Count(23, 24, 2), Count(24, 24, 3)]
    assert len(lines) == 8
    assert lines[-1].startswith("[8/8] relu6, seed 5: test accuracy ")
    assert (tmp_path / "relu6-5.json").read_bytes() == (folder / "relu6-5.json").read_bytes()


def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(whole, tmp_path):
    folder, results = whole

    def stop(steps):
        if steps.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_fig07(MINIATURE, (0, 5), folder=tmp_path, count=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["linear-0.json", "relu6-0.checkpoint.npz"]
    counts = []
    assert run_fig07(MINIATURE, (0, 5), folder=tmp_path, count=counts.append) == results
    assert counts[0] == Count(3 + 2, 24, 1)  # a stored run, and the second step of the one that goes on
    assert counts[-1] == Count(24, 24, 20)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in folder.iterdir())


def test_processes_side_by_side_give_the_same_bits_and_an_error_in_one_loses_no_run(whole, tmp_path):
    folder, results = whole
    copied(folder, tmp_path)
    for name in ("none-0", "linear-5", "none-5"):
        (tmp_path / f"{name}.json").unlink()
    broken = tmp_path / "none-5.checkpoint.npz"  # the last of the three
    broken.write_text("no checkpoint")
    counts = []
    with pytest.raises(ValueError, match=r"none-5\.checkpoint\.npz is no \.npz file of plain arrays"):
        run_fig07(MINIATURE, (0, 5), folder=tmp_path, processes=2, count=counts.append)
    done = {"none-0.json", "linear-5.json"} & {path.name for path in tmp_path.iterdir()}
    assert done  # before one of them was, none-5 didn't begin
    assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in done)
    assert all(count.total == 24 and count.done == 15 + count.made for count in counts)
    broken.unlink()
    assert run_fig07(MINIATURE, (0, 5), folder=tmp_path) == results
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in folder.iterdir())


def test_a_stored_run_with_any_damaged_field_is_refused_and_the_checkpoint_stays(whole, tmp_path):
    stored, checkpoint = tmp_path / "none-5.json", tmp_path / "none-5.checkpoint.npz"
    checkpoint.write_text("all that is left of the run")
    for name, text in damaged(json.loads((whole[0] / stored.name).read_text(encoding="utf-8"))):
        stored.write_text(text)
        with pytest.raises(ValueError, match=r"^run_one: .*none-5\.json is (no stored run|of other settings): "):
            pytest.fail(f"{name}: {run_one('none', 5, MINIATURE, tmp_path)}")
        assert checkpoint.exists()


def test_of_two_calls_in_one_folder_the_second_is_refused_unless_all_is_stored(whole, tmp_path):
    folder, results = whole
    other, refused = replace(MINIATURE, steps=4), []

    def second(steps):
        for settings, seeds in ((MINIATURE, (0, 5)), (other, (7,))):
            with pytest.raises(
                OSError, match=rf"{tmp_path} is in use: another run writes there; wait, or name another"
            ):
                run_fig07(settings, seeds, folder=tmp_path)
            refused.append(steps.done)
        assert run_fig07(MINIATURE, (0, 5), folder=folder) == results

    assert run_fig07(MINIATURE, (0, 5), folder=tmp_path, count=second) == results
    assert len(refused) == 48
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in folder.iterdir())


SCRIPT = """
import os, signal
from npconv.training.fig07 import Settings, run_fig07

def count(steps):
    if steps.made:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    run_fig07(Settings(blocks=1, channels=2, expansion=1, steps=10**6, batch_size=8, train_images=16, test_images=8),
              (0,), folder="runs", processes=2, count=count)
"""


def test_processes_end_where_the_first_one_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(npconv.__file__).parents[1])}
    with subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as first:
        try:
            first.communicate(timeout=60)  # stdout ends when the last process that has it has ended
        finally:
            first.kill()
    assert first.returncode == -signal.SIGKILL
    assert list((tmp_path / "runs").glob("*.json")) == []


def test_numbers_of_numpy_are_as_good_and_others_are_named(whole, tmp_path):
    folder, results = whole
    copied(folder, tmp_path)
    numpys = replace(MINIATURE, steps=np.int64(3), learning_rate=np.float32(0.0625))
    assert run_fig07(numpys, np.array([0, 5]), folder=tmp_path) == results
    (tmp_path / "none-5.json").unlink()
    run_one("none", np.int64(5), numpys, tmp_path)
    assert (tmp_path / "none-5.json").read_bytes() == (folder / "none-5.json").read_bytes()
    with pytest.raises(TypeError, match=r"run_one: seed must be an int; got 1\.5"):
        run_one("none", 1.5, MINIATURE, tmp_path)
    with pytest.raises(ValueError, match="run_fig07: seed must be at least 0; got -1"):
        run_fig07(MINIATURE, (0, -1), folder=tmp_path)
    with pytest.raises(TypeError, match=r"run_fig07: processes must be an int; got 1\.5"):
        run_fig07(MINIATURE, (0,), folder=tmp_path, processes=1.5)


def test_files_of_other_settings_or_of_no_run_are_refused(whole, tmp_path):
    folder, _ = whole
    copied(folder, tmp_path)
    with pytest.raises(
        ValueError, match=r"none-5\.json is of other settings: learning_rate is 0\.0625 there and 0\.2 here"
    ):
        run_one("none", 5, replace(MINIATURE, learning_rate=0.2), tmp_path)
    with pytest.raises(ValueError, match=r"linear-0\.json is of other settings: blocks is 2 there and 7 here"):
        run_fig07(replace(MINIATURE, blocks=7), (0, 5), folder=tmp_path)
    (tmp_path / "none-5.json").write_bytes((folder / "none-0.json").read_bytes())
    with pytest.raises(ValueError, match=r"none-5\.json is of other settings: seed is 0 there and 5 here"):
        run_one("none", 5, MINIATURE, tmp_path)
    for content in ("", '{"variant": "none"', "[]", '{"variant": "none", "seed": 5, "settings": {}, "step": []}'):
        (tmp_path / "none-5.json").write_text(content)
        with pytest.raises(ValueError, match=r"run_one: .*none-5\.json is no stored run"):
            run_one("none", 5, MINIATURE, tmp_path)


def test_a_run_keeps_its_network_where_told(tmp_path, whole):
    _, results = whole
    run = run_one("none", 5, MINIATURE, tmp_path, keep=True)
    assert run["test_loss"] == results["runs"][-1]["test_loss"]
    network = MINIATURE.network("none", 5)
    before = network.params["stem.kernel"].copy()
    network.load(tmp_path / "none-5.npz")
    assert not np.array_equal(before, network.params["stem.kernel"])
    assert run_one("none", 5, MINIATURE, tmp_path, keep=True, progress=lambda done: 1 / 0) == run


def test_a_runs_seed_is_that_of_its_network_and_of_the_order_of_its_examples(tmp_path, monkeypatch):
    seeds = []

    def recording(network, task, *arguments, seed, **options):
        seeds.append((seed, network.params["stem.kernel"].tobytes()))
        return train(network, task, *arguments, seed=seed, **options)

    monkeypatch.setattr(experiment, "train", recording)
    run_one("linear", 7, MINIATURE, tmp_path)
    assert seeds == [(7, MINIATURE.network("linear", 7).params["stem.kernel"].tobytes())]


def test_bad_arguments_are_named(tmp_path):
    for seeds in ((), (1, 2, 1)):
        with pytest.raises(ValueError, match="run_fig07: seeds must be one or more, each once; got"):
            run_fig07(MINIATURE, seeds, folder=tmp_path)
    with pytest.raises(ValueError, match="run_fig07: processes must be at least 1; got 0"):
        run_fig07(MINIATURE, (0,), folder=tmp_path, processes=0)
    with pytest.raises(ValueError, match="variant_network: variant must be one of linear, relu6"):
        run_one("conventional", 0, MINIATURE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_task_is_made_once():
    assert MINIATURE.task() is replace(MINIATURE, blocks=7).task()
    assert len(MINIATURE.task().x_train) == 24


def test_the_settings_are_those_of_the_network():
    network = replace(MINIATURE, blocks=2).network("linear", 1)
    assert isinstance(network, Sequential)
    assert network.params["block_2.expand.kernel"].shape == (3, 6)
    assert "block_3.expand.kernel" not in network.params


def test_a_comparison_by_hand():
    # signs: +++ 6, ++- 0, +-+ 2, +-- -4, and their opposites: two of eight are as far from 0 as 6
    comparison = Comparison("a", "b", (1.0, 2.0, 3.0))
    assert comparison.p_value == 2 / 8
    assert comparison.mean == 2
    assert comparison.wins == 3
    half = 4.30265 / math.sqrt(3)  # the deviation is 1
    assert comparison.interval == pytest.approx((2 - half, 2 + half), rel=1e-5)
    assert comparison.verdict == "open"
    # 1 - 2 + 3 = 2: |±1 ±2 ±3| is 6, 0, 2, 4 and the same again: 6, 2, 4 are as far
    assert Comparison("a", "b", (1.0, -2.0, 3.0)).p_value == 6 / 8
    assert Comparison("a", "b", (1.0, -2.0, 3.0)).wins == 2
    assert Comparison("a", "b", (0.0, 0.0)).p_value == 1
    assert Comparison("a", "b", (0.25,)).interval == (-math.inf, math.inf)
    assert Comparison("a", "b", (0.1,) * 6).verdict == "first"  # p = 2/64
    assert Comparison("a", "b", (-0.1,) * 6).verdict == "second"
    assert Comparison("a", "b", (0.1,) * 5).verdict == "open"  # p = 2/32


def test_the_sign_flip_test_tries_all_signs():
    d = np.random.default_rng(3).standard_normal(7) + 0.4
    sums = [sum(sign * each for sign, each in zip(signs, d, strict=True)) for signs in product((1, -1), repeat=7)]
    expected = np.mean([abs(s) >= abs(d.sum()) - 1e-9 for s in sums])
    assert Comparison("a", "b", tuple(d)).p_value == expected
    assert 0 < expected < 1


def test_the_sign_flip_test_of_many_seeds_draws_the_rest(monkeypatch):
    monkeypatch.setattr(comparisons, "FLIPS", 12)
    d = tuple(np.random.default_rng(4).standard_normal(16) + 0.5)
    drawn = Comparison("a", "b", d).p_value
    monkeypatch.setattr(comparisons, "FLIPS", 16)
    assert drawn == pytest.approx(Comparison("a", "b", d).p_value, abs=0.02)


def test_networks_are_compared_by_seed():
    results = {"runs": [{"variant": v, "seed": s, "test_accuracy": [0.9, end]}
                        for v, ends in {"relu6": (0.25, 0.75), "linear": (0.5, 0.5)}.items()
                        for s, end in enumerate(ends)]}  # fmt: skip
    assert compare(results, "linear", "relu6") == Comparison("linear", "relu6", (0.25, -0.25))
    results["runs"][0], results["runs"][1] = results["runs"][1], results["runs"][0]
    assert compare(results, "linear", "relu6") == Comparison("linear", "relu6", (0.25, -0.25))


def test_students_t_is_that_of_the_tables():
    for degrees, quantile in ((1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045)):
        assert student_t(degrees) == pytest.approx(quantile, abs=6e-4)
    assert student_t(9, 0.95) == pytest.approx(1.833, abs=6e-4)


def test_the_comparisons_are_between_networks_that_are_run():
    assert {name for pair in fig07.COMPARISONS for name in pair} == set(VARIANTS)
    assert len(set(fig07.SEEDS)) == len(fig07.SEEDS) >= 5
    assert not set(fig07.SEEDS) & set(fig07.QUICK_SEEDS)
