"""A small network trained on a task, the files that it leaves, and the tables that are printed."""

import numpy as np
import pytest
from damages import damaged

from npconv import cli
from npconv.training import Task, digits, standardized
from npconv.training.loop import evaluate
from npconv.training.report import accuracy_table, comparison_table, confusion_table
from npconv.training.runs import RunSettings, network_for, read_trained, train_small

rng = np.random.default_rng(0)
TASK = Task(
    "stripes", rng.random((30, 9, 8, 3)).astype(np.float32) + 2, rng.integers(4, size=30),
    rng.random((11, 9, 8, 3)).astype(np.float32) + 2, rng.integers(4, size=11), 4, "stripes",
)  # fmt: skip
FEW = RunSettings(steps=4, batch_size=8, width=0.25)


def test_the_network_suits_the_images():
    for side, stem, rows, last in ((4, 1, 5, 1), (8, 1, 5, 2), (15, 1, 5, 4), (16, 2, 5, 2), (63, 2, 5, 8),
                                   (64, 2, 7, 4), (128, 2, 9, 4)):  # fmt: skip
        network = network_for((side + 3, side, 2), 7, width=0.5)
        assert network.layers["stem"].geometry["stride"] == stem
        assert sum(name.startswith("block_") for name in network.layers) == rows
        shape = (1, side + 3, side, 2)
        for layer in list(network.layers.values())[:-2]:
            shape = layer.output_shape(shape)
        assert shape[2] == last
        assert network.output_shape((2, side + 3, side, 2)) == (2, 7)


def test_the_width_multiplies_all_channels_but_the_last_layers():
    half, one = network_for((8, 8, 1), 10, width=0.5), network_for((8, 8, 1), 10)
    for name in ("stem.kernel", "block_2.project.kernel", "block_5.project.kernel"):
        assert half.params[name].shape[-1] * 2 == one.params[name].shape[-1]
    assert half.params["last.kernel"].shape[-1] == one.params["last.kernel"].shape[-1]
    assert network_for((8, 8, 1), 10, width=0.001).params["stem.kernel"].shape == (3, 3, 1, 1)
    for width in (0, -1.0, float("nan"), float("inf"), 32, 1e9):
        with pytest.raises(ValueError, match="network_for: width must be above 0 and below 32; got"):
            network_for((8, 8, 1), 10, width=width)
    with pytest.raises(TypeError, match="network_for: width must be a real number; got '1'"):
        network_for((8, 8, 1), 10, width="1")


def test_what_was_trained_is_read_back(tmp_path):
    trained = train_small(TASK, FEW, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["checkpoint.npz", "history.json", "network.npz"]
    again = read_trained(tmp_path / "out")
    assert again.history == trained.history
    assert again.record == trained.record
    assert again.confusion.tolist() == trained.confusion.tolist()
    mean, deviation = (np.array(trained.record[name]) for name in ("mean", "deviation"))
    np.testing.assert_allclose(mean, TASK.x_train.mean(axis=(0, 1, 2)), rtol=1e-5)
    x = ((TASK.x_test - mean) / deviation).astype(np.float32)
    logits = again.network.forward(standardized(TASK)[0].x_test)
    np.testing.assert_allclose(again.network.forward(x), logits, rtol=1e-3, atol=1e-4)
    loss, accuracy = evaluate(again.network, standardized(TASK)[0].x_test, TASK.y_test)
    assert (loss, accuracy) == (trained.history.test_loss[-1], trained.history.test_accuracy[-1])
    counts = np.zeros((4, 4), int)
    for label, taken in zip(TASK.y_test, logits.argmax(axis=1), strict=True):
        counts[label, taken] += 1
    assert trained.confusion.tolist() == counts.tolist()


def test_steps_are_ten_times_through_the_images_unless_told():
    assert RunSettings().of(digits()).steps == 10 * (len(digits().x_train) // 64)
    assert RunSettings(batch_size=7).of(TASK).steps == 40
    assert RunSettings(steps=3).of(TASK).steps == 3


def test_a_run_that_is_stopped_goes_on(tmp_path):
    def stop(done, loss, history):
        if done == 2:
            raise KeyboardInterrupt

    whole = train_small(TASK, FEW, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_small(TASK, FEW, tmp_path / "stopped", progress=stop)
    assert [p.name for p in (tmp_path / "stopped").iterdir()] == ["checkpoint.npz"]
    steps = []
    train_small(TASK, FEW, tmp_path / "stopped", progress=lambda done, loss, history: steps.append(done))
    assert steps == [3, 4]
    for name in ("network.npz", "history.json"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert whole.history.step == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "RunSettings: steps must be at least 1; got 0"),
        ({"steps": 2.5}, "RunSettings: steps must be an int; got 2.5"),
        ({"batch_size": 31}, "train: batch_size must be at most 30"),
        ({"batch_size": 0}, "RunSettings: batch_size must be at least 1; got 0"),
        ({"batch_size": "a"}, "RunSettings: batch_size must be an int; got 'a'"),
        ({"seed": -1}, "RunSettings: seed must be at least 0; got -1"),
        ({"schedule": "linear"}, "RunSettings: schedule must be one of cosine, exponential, constant; got 'linear'"),
        ({"optimizer": "adam"}, "RunSettings: optimizer must be one of sgd, rmsprop; got 'adam'"),
        ({"momentum": 1.0}, "RunSettings: momentum must be at least 0 and below 1; got 1.0"),
        ({"learning_rate": 0.0}, "RunSettings: learning_rate must be above 0; got 0.0"),
        ({"learning_rate": 10**400}, "RunSettings: learning_rate must be above 0 and in size at most"),
        ({"width": 1e9}, "RunSettings: width must be above 0 and below 32; got 1000000000.0"),
        ({"weight_decay": "a"}, "RunSettings: weight_decay must be a real number; got 'a'"),
        ({"smoothing": float("nan")}, "RunSettings: smoothing must be at least 0 and below 1; got nan"),
    ],
)
def test_bad_settings_are_named_and_leave_nothing(changes, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        train_small(TASK, RunSettings(**{"steps": 2, "batch_size": 8, **changes}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changes", [{"optimizer": "rmsprop"}, {"schedule": "exponential"}, {"schedule": "constant"}, {"momentum": 0.0}]
)
def test_each_choice_is_another_run(changes, tmp_path):
    first = train_small(TASK, FEW, tmp_path / "a")
    other = train_small(TASK, RunSettings(**{"steps": 4, "batch_size": 8, "width": 0.25, **changes}), tmp_path / "b")
    assert other.history.train_loss[0] == first.history.train_loss[0]
    assert other.history.train_loss[-1] != first.history.train_loss[-1]
    with pytest.raises(ValueError, match="belongs to another run"):
        train_small(TASK, RunSettings(**{"steps": 4, "batch_size": 8, "width": 0.25, **changes}), tmp_path / "a")


def test_settings_of_numpys_numbers_are_those_of_pythons(tmp_path):
    numpys = RunSettings(
        steps=np.int64(2), batch_size=np.int16(8), learning_rate=np.float32(0.125), width=np.float64(0.25)
    )
    trained = train_small(TASK, numpys, tmp_path)
    assert read_trained(tmp_path).record == trained.record
    assert numpys == RunSettings(steps=2, batch_size=8, learning_rate=0.125, width=0.25)


def test_the_network_is_kept_where_what_comes_after_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("npconv.training.runs.confusion", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_small(TASK, FEW, tmp_path)
    assert (tmp_path / "network.npz").exists()


def test_a_record_with_any_damaged_field_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"history\.json"):
        read_trained(tmp_path)
    trained = train_small(TASK, FEW, tmp_path)
    file = tmp_path / "history.json"
    for name, text in damaged(trained.record):
        file.write_text(text)
        if name.startswith("without settings.") and name.split(".")[1] not in ("steps", "batch_size", "seed"):
            continue  # an older record may lack a newer setting, which is then the default
        with pytest.raises(ValueError, match=r"^read_trained: .*history\.json is no record of a training run: "):
            pytest.fail(f"{name}: {read_trained(tmp_path)}")


def test_a_trained_network_whose_arrays_are_not_finite_is_refused(tmp_path):
    trained = train_small(TASK, FEW, tmp_path)
    trained.network.params["classifier.bias"][1] = np.nan
    trained.network.save(tmp_path / "network.npz")
    with pytest.raises(
        ValueError, match=r"^read_trained: .*network\.npz: not all numbers of classifier\.bias are finite$"
    ):
        read_trained(tmp_path)


def test_of_two_trainings_in_one_folder_the_second_is_refused_by_status_2(tmp_path, capsys):
    folder, refused = tmp_path / "shared", []

    def second(done, loss, history):
        refused.append(cli.main(["train", "digits", "--steps", "2", "--seed", "1", "--out", str(folder)]))
        words = f"{folder} is in use: another run writes there; wait, or name another folder\n"
        assert capsys.readouterr().err.endswith(words)

    trained = train_small(TASK, FEW, folder, progress=second)
    assert refused == [2, 2, 2, 2]
    assert read_trained(folder).record == trained.record


def test_of_many_classes_the_worst_are_listed():
    counts = np.diag(np.full(20, 10))
    counts[7, [7, 3, 5, 6, 1]] = 2, 4, 1, 2, 1
    counts[19] = 0
    header, rows = confusion_table(counts)
    assert header[0] == "class, of 19 the least recognised"
    assert len(rows) == 12
    assert rows[0] == ["7", "10", "20.0", "3 (4), 6 (2), 1 (1)"]
    assert rows[1][1:] == ["10", "100.0", ""]


def test_tables_of_the_experiment():
    ends = {
        "linear": (0.5, 0.75, 0.625),
        "relu6": (0.25, 0.5, 0.5),
        "expansions": (0.5, 0.75, 0.625),
        "none": (1, 0, 1),
    }
    runs = [{"variant": name, "seed": seed, "test_accuracy": [0.1, end]}
            for name, values in ends.items() for seed, end in enumerate(values)]  # fmt: skip
    results = {"networks": dict.fromkeys(ends, "a network"), "runs": runs}
    assert accuracy_table(results)[1][0] == ["a network", "3", "62.5", "62.5", "12.5", "50.0 to 75.0"]
    rows = comparison_table(results)[1]
    assert rows[0][:5] == ["linear − relu6", "+20.8", "+2.9 to +38.8", "3 of 3", "0.25"]
    assert rows[1] == ["linear − expansions", "+0.0", "+0.0 to +0.0", "0 of 3", "1", "too few seeds to tell"]
    for seeds, word in ((5, "too few seeds to tell"), (6, "linear")):  # 2/2⁵ is above 0.05, 2/2⁶ below
        ends = {"linear": 1.0, "relu6": 0.5, "expansions": 0.5, "none": 1.0}
        runs = [
            {"variant": name, "seed": seed, "test_accuracy": [end]}
            for name, end in ends.items()
            for seed in range(seeds)
        ]
        rows = comparison_table({"networks": {}, "runs": runs})[1]
        assert rows[0][-1] == word
        assert rows[2][-1] == ("open" if seeds == 6 else "too few seeds to tell")
