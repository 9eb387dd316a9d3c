"""Detectors trained with their files: to the same bits, read again from the file alone, and those that ship."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from npconv.models import read_network
from npconv.training import DetectorSettings, detector_for, detector_runs, digits_in_the_wild, resumable, train_ssdlite
from npconv.training.detector_runs import FULL, QUICK, run_seeds
from npconv.training.report import detection_table

TASK = digits_in_the_wild(train=12, test=1)
FEW = DetectorSettings(steps=2, batch_size=2)


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    monkeypatch.setattr(detector_runs, "digits_in_the_wild", lambda: TASK)
    monkeypatch.setattr(resumable, "keep_memory", lambda: None)
    detector_runs.wild_digits.cache_clear()
    yield
    detector_runs.wild_digits.cache_clear()


class Stopped(BaseException):
    """As Ctrl-C: no Exception."""


def test_runs_of_several_seeds_go_on_to_the_same_bits(tmp_path):
    lines, counts = [], []
    whole = run_seeds(FEW, (3, 1), folder=tmp_path / "whole", progress=lines.append)
    assert [line.split(":")[0] for line in lines] == ["[1/2] seed 3", "[2/2] seed 1"]

    def stop(seed, done, history):
        counts.append((seed, done))
        if (seed, done) == (1, 1):
            raise Stopped

    with pytest.raises(Stopped):
        run_seeds(FEW, (3, 1), folder=tmp_path / "stopped", count=stop)
    assert counts == [(3, 1), (3, 2), (1, 1)]
    assert sorted(path.name for path in (tmp_path / "stopped" / "seed-1").iterdir()) == ["checkpoint.npz"]
    assert run_seeds(FEW, (3, 1), folder=tmp_path / "stopped") == whole
    for path in (tmp_path / "whole").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "stopped" / path.relative_to(tmp_path / "whole")).read_bytes()
    assert whole["seeds"] == [run["seed"] for run in whole["runs"]] == [3, 1]
    assert whole["runs"][0]["step"] == [1, 2]
    assert whole["runs"][0]["test_loss"] != whole["runs"][1]["test_loss"]
    assert (whole["train_images"], whole["test_images"], whole["classes"]) == (12, 1, 11)
    assert whole["settings"] == {name: value for name, value in asdict(FEW).items() if name != "seed"}
    for row, run in zip(detection_table(whole)[1], whole["runs"], strict=False):
        assert row[:2] == [str(run["seed"]), f"{100 * run['test_map_50'][-1]:.1f}"]


def test_the_network_is_read_from_its_file_alone_and_finds_what_it_found(tmp_path):
    trained = train_ssdlite(TASK, replace(FEW, width=0.5), tmp_path)
    again = read_network(tmp_path / "network.npz")
    assert again.options == trained.network.options
    assert again.options.boxes == detector_for((64, 64, 1), 11, TASK.boxes_train, width=0.5).options.boxes
    for ours, theirs in zip(trained.network.detect(TASK.x_test), again.detect(TASK.x_test), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    record = json.loads((tmp_path / "history.json").read_text())
    assert record == trained.record
    assert record["history"] == trained.history.as_dict()
    with pytest.raises(ValueError, match=r"belongs to another run .*: optimizer is|steps is 2 there and 3 here"):
        train_ssdlite(TASK, replace(FEW, width=0.5, steps=3), tmp_path)


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
    with pytest.raises(error, match=f"^DetectorSettings: {words}"):
        DetectorSettings(**changes)


def test_one_step_has_no_warm_up():
    assert DetectorSettings(steps=1).schedule(0) == FULL.learning_rate
    assert FULL.schedule(0) == FULL.learning_rate / 30
    assert QUICK.steps < FULL.steps


def test_seeds_that_are_none_are_refused(tmp_path):
    for seeds in ((), (1, 1)):
        with pytest.raises(ValueError, match="run_seeds: seeds must be one or more, each once; got"):
            run_seeds(FEW, seeds, folder=tmp_path)
    with pytest.raises(ValueError, match="run_seeds: seed must be at least 0; got -1"):
        run_seeds(FEW, (-1,), folder=tmp_path)
    with pytest.raises(ValueError, match="train_detector: batch_size must be at most 12, the number of training"):
        train_ssdlite(TASK, replace(FEW, batch_size=13), tmp_path)
    assert not list(tmp_path.iterdir())
