"""The loop: what a step does, what is measured, and runs that are stopped anywhere and go on to the same bits."""

import json
import re
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from damages import damaged
from stopped import Stopped

from npconv import files, softmax_cross_entropy, softmax_cross_entropy_backward
from npconv.files import as_npz
from npconv.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool, InvertedResidual, Sequential
from npconv.layers.blocks import normalised
from npconv.models import Row, small_mobilenet_v2
from npconv.training import SGD, RMSProp, Task, constant, cosine, decays_kernels, digits, loop, resumable, smooth_labels
from npconv.training.loop import History, confusion, evaluate, train, training_step

CLASSES = 3


def images(count, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=count)
    x = rng.standard_normal((count, 6, 5, 2)) + y[:, None, None, None] * np.array([1.0, -0.5])
    return x.astype(np.float32), y


TASK = Task("blobs", *images(20, 1), *images(9, 2), CLASSES, "blobs of noise")


def network(*, seed=0, channels=4, shortcut=True, dtype=np.float32):
    first = {"seed": seed, "dtype": dtype}
    block = InvertedResidual(channels, channels, 1, 2, batch_norm={"momentum": 0.5}, shortcut=shortcut, **first)
    stem = normalised("stem", Conv2D(2, channels, 3, stride=2, **first), {"momentum": 0.5}, "relu6")
    return Sequential(stem | {"block": block, "pool": GlobalAveragePool(), "head": Dense(channels, CLASSES, **first)})


def momentum(params):
    return SGD(params, momentum=0.9, weight_decay=1e-4, decays=decays_kernels)


def one_layer():
    """The least that has parameters, running statistics and logits."""
    norm = BatchNorm(2, momentum=0.5)
    return Sequential({"norm": norm, "pool": GlobalAveragePool(), "head": Dense(2, CLASSES)})


RUN = {"steps": 6, "batch_size": 6, "smoothing": 0.2, "seed": 3, "evaluate_every": 4, "checkpoint_every": 3}


def run(path=None, *, optimizer=momentum, schedule=None, task=TASK, net=None, **changes):
    """One run of a new network, or of one that is given: what there is at its end, to the last bit."""
    net = network() if net is None else net
    updater = optimizer(net.params)
    schedule = cosine(0.1, 6, warmup=2) if schedule is None else schedule
    history = train(net, task, updater, schedule, **{**RUN, "checkpoint": path, **changes})
    arrays = {f"network {name}": a for name, a in net.arrays().items()}
    arrays |= {f"optimizer {name}": a for name, a in updater.state.items()}
    return history.as_dict(), {name: a.tobytes() for name, a in arrays.items()}


def stop_at(moment):
    """Make the moment-th line of the loop or of the writing of files raise; gives the list of lines that ran."""
    lines = []

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in (loop.__file__, resumable.__file__, files.__file__):
            return None
        if event == "line":
            lines.append((frame.f_code.co_name, frame.f_lineno))
            if len(lines) == moment:
                raise Stopped
        return trace

    sys.settrace(trace)
    return lines


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a file that is open at the stop
def test_a_run_stopped_at_any_line_goes_on_to_the_same_bits(tmp_path):
    before = sys.gettrace()
    try:
        lines = stop_at(None)
        expected = run(tmp_path / "never stopped.npz", optimizer=RMSProp, net=one_layer())
    finally:
        sys.settrace(before)
    assert {name for name, _ in lines} >= {
        "train",
        "train_for",
        "training_step",
        "evaluate",
        "write",
        "write_whole",
        "as_npz",
    }
    last_times = {line: moment for moment, line in enumerate(lines, 1)}
    for moment in sorted({*last_times.values(), *range(1, len(lines), 61)}):
        path = tmp_path / f"{moment}.npz"
        try:
            stop_at(moment)
            with pytest.raises(Stopped):
                run(path, optimizer=RMSProp, net=one_layer())
        finally:
            sys.settrace(before)
        assert run(path, optimizer=RMSProp, net=one_layer()) == expected, lines[moment - 1]
    assert not list(tmp_path.glob(".npconv-*"))  # nothing half written is left


def test_an_exception_in_progress_leaves_that_step_to_go_on_from(tmp_path):
    expected = run()
    for last in range(1, 7):  # checkpoints are due at 3 and 6, evaluations at 4 and 6
        path, steps = tmp_path / f"{last}.npz", []

        def progress(done, loss, history, last=last, steps=steps):
            steps.append(done)
            if done == last:
                raise Stopped

        with pytest.raises(Stopped):
            run(path, progress=progress)
        assert run(path, progress=lambda done, loss, history, steps=steps: steps.append(done)) == expected
        assert steps == [1, 2, 3, 4, 5, 6]


def test_checkpoints_change_nothing_and_a_run_that_ended_is_read(tmp_path):
    expected = run()
    path = tmp_path / "new" / "checkpoint.npz"
    assert run(path, checkpoint_every=1) == expected
    assert [p.name for p in path.parent.iterdir()] == [path.name]

    def never(done, loss, history):
        raise AssertionError("a step was made")

    written = path.read_bytes()
    assert run(path, progress=never) == expected
    assert path.read_bytes() == written


def test_the_history_is_what_was_measured():
    losses = []
    net = network()
    history, _ = run(net=net, progress=lambda done, loss, history: losses.append(loss))
    assert history["step"] == [4, 6]
    assert history["train_loss"] == [float(np.mean(losses[:4])), float(np.mean(losses[4:]))]
    test_loss, accuracy = evaluate(net, TASK.x_test, TASK.y_test)
    assert (history["test_loss"][-1], history["test_accuracy"][-1]) == (test_loss, accuracy)
    assert History(**json.loads(json.dumps(history))).as_dict() == history


OTHER_RUNS = {
    "seed is 3 there and 4 here": {"seed": 4},
    "smoothing is 0.2 there and 0.1 here": {"smoothing": 0.1},
    "batch_size is 6 there and 5 here": {"batch_size": 5},
    "steps is 6 there and 7 here": {"steps": 7},
    "evaluate_every is 4 there and 2 here": {"evaluate_every": 2},
    "schedule is 'cosine(rate=0.1, steps=6, warmup=2, final=0.0)' there and 'constant(rate=0.1)' here": {
        "schedule": constant(0.1)
    },
    "optimizer is 'SGD' there and 'RMSProp' here": {"optimizer": RMSProp},
    "optimizer.nesterov is False there and True here": {
        "optimizer": lambda params: SGD(params, momentum=0.9, nesterov=True, weight_decay=1e-4, decays=decays_kernels)
    },
    "0.0001} there and {'block.depthwise.kernel': 0.2, ": {
        "optimizer": lambda params: SGD(params, momentum=0.9, weight_decay=0.2)
    },
    "task is 'blobs' there and 'others' here": {"task": replace(TASK, name="others")},
    "images is": {"task": replace(TASK, y_test=TASK.y_test[::-1].copy())},
    "stem.kernel must be (3, 3, 2, 5), got (3, 3, 2, 4); ": {"net": network(channels=5)},
    "its arrays give other logits in this one": {"net": network(shortcut=False)},
}


@pytest.mark.parametrize("message", OTHER_RUNS)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(message, tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(path)
    written, changes = path.read_bytes(), dict(OTHER_RUNS[message])
    net = changes.pop("net", None) or network()
    arrays = {name: a.copy() for name, a in net.arrays().items()}
    with pytest.raises(ValueError, match=r"^train: .*checkpoint\.npz belongs to another (run|network)") as raised:
        run(path, net=net, **changes)
    assert re.sub("; stem_norm.*", "; ", message) in str(raised.value).replace(", and ", "; and ")
    assert path.read_bytes() == written
    assert all(np.array_equal(a, arrays[name]) for name, a in net.arrays().items())


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(path)
    whole = path.read_bytes()
    with np.load(path) as arrays:
        arrays = dict(arrays)
    contents = {
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "words": b"x_train",
        "a network": as_npz(network().arrays()),
        "another record": as_npz({**arrays, "record": np.array("{}")}),
        "no JSON": as_npz({**arrays, "record": np.array("seed 3")}),
        "no logits": as_npz({name: a for name, a in arrays.items() if name != "logits"}),
        "no state": as_npz({name: a for name, a in arrays.items() if not name.startswith("optimizer/")}),
    }
    for name, content in contents.items():
        path.write_bytes(content)
        net = network()
        with pytest.raises(ValueError, match=r"is no \.npz file|is no checkpoint|load_state"):
            run(path, net=net)
        assert net.arrays()["stem.kernel"].tobytes() == network().arrays()["stem.kernel"].tobytes(), name


def stopped_after(done, path):
    """The arrays of a checkpoint that was written after so many steps, and its record."""

    def progress(step, loss, history):
        if step == done:
            raise Stopped

    with pytest.raises(Stopped):
        run(path, optimizer=RMSProp, net=one_layer(), progress=progress)
    with np.load(path) as arrays:
        arrays = dict(arrays)
    return arrays, json.loads(str(arrays["record"]))


def refused(path, content, words):
    """Whether a checkpoint is refused by name, with nothing changed: neither the file nor the network."""
    path.write_bytes(content)
    net, progress = one_layer(), lambda done, loss, history: 1 / 0
    with pytest.raises(ValueError, match=words) as raised:
        run(path, optimizer=RMSProp, net=net, progress=progress)
    assert str(path) in str(raised.value)
    assert path.read_bytes() == content
    assert all(np.array_equal(a, b) for a, b in zip(net.arrays().values(), one_layer().arrays().values(), strict=True))


def test_a_record_with_any_damaged_field_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "keep_memory", lambda: None)  # it takes most of the time
    path = tmp_path / "checkpoint.npz"
    arrays, record = stopped_after(5, path)
    assert (record["done"], len(record["losses"]), record["history"]["step"]) == (5, 1, [4])
    count = 0
    for name, text in damaged(record):
        try:
            refused(path, as_npz({**arrays, "record": np.array(text)}), "is no checkpoint of|belongs to another run")
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
        count += 1
    assert count > 100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"done": 7}, "done must be an int from 1 to 6; got 7"),
        ({"done": 0}, "done must be an int from 1 to 6; got 0"),
        ({"done": 4}, "losses must be a list of 0, each a finite number; got"),
        ({"done": 6}, r"losses must be a list of 0|step must be the list \[4, 6\]"),
        (
            {"history": {"step": [3], "train_loss": [1], "test_loss": [1], "test_accuracy": [1]}},
            "step must be the list",
        ),
        ({"history": {"step": [4], "train_loss": [1], "test_loss": [1], "test_accuracy": [1.5]}}, "from 0 to 1; got"),
    ],
)
def test_a_record_that_no_run_leaves_is_refused(changes, words, tmp_path):
    path = tmp_path / "checkpoint.npz"
    arrays, record = stopped_after(5, path)
    refused(path, as_npz({**arrays, "record": np.array(json.dumps(record | changes))}), words)


def test_arrays_that_no_run_leaves_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "keep_memory", lambda: None)
    path = tmp_path / "checkpoint.npz"
    arrays, _ = stopped_after(5, path)
    for name, a in arrays.items():
        others = [np.stack([a, a]), np.array("x"), a.astype(bytes)]
        if name != "record":
            last = np.arange(a.size).reshape(a.shape) == a.size - 1
            others += [a.astype(complex), a.astype(bool)] + [a.astype(np.float64)] * (name != "logits")
            others += [np.where(last, np.float32(number), a) for number in (np.nan, np.inf)]
        others = [{**arrays, name: other} for other in others]
        for other in (*others, {key: arrays[key] for key in arrays if key != name}):
            refused(path, as_npz(other), "is no checkpoint of|belongs to another network")


def test_a_network_that_is_not_finite_is_not_written_over_one_that_is(tmp_path):
    path = tmp_path / "checkpoint.npz"
    net = network()

    def spoil(done, loss, history):
        if done == 4:
            net.params["head.bias"][0] = np.inf
            raise Stopped

    with pytest.raises(ValueError, match=r"^train: not all numbers of network/head\.bias are finite at step 4: a"):
        run(path, net=net, progress=spoil)
    with np.load(path) as arrays:
        assert json.loads(str(arrays["record"]))["done"] == 3
    expected = run()
    assert run(path) == expected


def test_a_test_loss_that_is_not_finite_ends_the_run(monkeypatch):
    monkeypatch.setattr(loop, "evaluate", lambda *arguments: (float("nan"), 0.5))
    with pytest.raises(ValueError, match=r"^train: the test loss is nan at step 4: a smaller learning rate may help"):
        run()


def test_of_two_runs_with_one_checkpoint_the_second_is_refused(tmp_path):
    path, tried = tmp_path / "new" / "checkpoint.npz", []

    def second(done, loss, history):
        with pytest.raises(OSError, match=r"new is in use: another run writes there; wait, or name another folder$"):
            run(path, seed=4)
        run(path.with_name("other.npz"), seed=4)
        tried.append(done)

    expected = run()
    assert run(path, progress=second) == expected
    assert tried == [1, 2, 3, 4, 5, 6]
    assert sorted(p.name for p in path.parent.iterdir()) == ["checkpoint.npz", "other.npz"]


def test_where_a_checkpoint_cannot_be_written_that_is_said():
    with pytest.raises(NotADirectoryError, match=r"/dev/null/new cannot be written: Not a directory$"):
        run("/dev/null/new/checkpoint.npz", progress=lambda done, loss, history: 1 / 0)


BAD = {
    "train: steps must be at least 1; got 0": {"steps": 0},
    "train: steps must be an int; got 2.0": {"steps": 2.0},
    "train: seed must be at least 0; got -1": {"seed": -1},
    "train: evaluate_every must be at least 1; got 0": {"evaluate_every": 0},
    "train: checkpoint_every must be an int; got True": {"checkpoint_every": True},
    "train: batch_size must be at least 1; got 0": {"batch_size": 0},
    "train: batch_size must be at most 20, the number of training images; got 21": {"batch_size": 21},
    "train: smoothing must be at least 0": {"smoothing": 1},
    "train: network doesn't take the images of blobs, (6, 6, 5, 1)": {
        "task": replace(TASK, x_train=TASK.x_train[..., :1], x_test=TASK.x_test[..., :1])
    },
    "train: network must return logits (B, 7), one for each class of blobs; it returns (6, 3)": {
        "task": replace(TASK, classes=7)
    },
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        run(**BAD[message])


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path):
    with pytest.raises(ValueError, match=r"^train: the loss is (nan|inf) at step [2-6]: a smaller learning rate"):
        run(schedule=constant(1e30))
    with pytest.raises(ValueError, match=r"^train: not all numbers of logits are finite at step 1: a smaller learning"):
        run(tmp_path / "checkpoint.npz", schedule=constant(1e30), checkpoint_every=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-13)])
def test_a_step_goes_down_the_gradient_of_the_smoothed_loss(dtype, rtol):
    net, x, labels = network(dtype=dtype), TASK.x_train[:6].astype(dtype), TASK.y_train[:6]
    before = {name: a.copy() for name, a in net.params.items()}
    loss = training_step(net, SGD(net.params), x, labels, classes=CLASSES, learning_rate=0.5, smoothing=0.3)
    for name, p in net.params.items():
        np.testing.assert_allclose(p, before[name] - 0.5 * net.grads[name], rtol=rtol, atol=0.1 * rtol)
        assert np.abs(net.grads[name]).max() > 0

    twin = network(dtype=dtype)
    logits = twin.forward(x, training=True).astype(np.float64)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    onehot = np.eye(CLASSES)[labels]
    right, any_class = -(onehot * logarithms).sum(axis=1).mean(), -logarithms.mean(axis=1).mean()
    assert loss == pytest.approx(0.7 * right + 0.3 * any_class, rel=rtol)
    np.testing.assert_allclose(smooth_labels(labels, CLASSES, 0.3), 0.7 * onehot + 0.1, rtol=1e-6)


def test_evaluation_is_inference_and_leaves_the_network_as_it_is(monkeypatch):
    net = network()
    net.forward(TASK.x_train, training=True)
    arrays = {name: a.copy() for name, a in net.arrays().items()}
    logits = net.forward(TASK.x_test).astype(np.float64)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    for at_once in (2, 4, 256):  # 9 images: a part is left over
        monkeypatch.setattr(loop, "EVALUATED_AT_ONCE", at_once)
        loss, accuracy = evaluate(net, TASK.x_test, TASK.y_test)
        assert loss == pytest.approx(-logarithms[np.arange(9), TASK.y_test].mean(), rel=1e-6)
        assert accuracy == (logits.argmax(axis=1) == TASK.y_test).mean()
        counts = confusion(net, TASK.x_test, TASK.y_test, CLASSES)
        assert counts.sum(axis=1).tolist() == np.bincount(TASK.y_test, minlength=CLASSES).tolist()
        assert counts.trace() == accuracy * 9
        assert counts[TASK.y_test[0], logits[0].argmax()] >= 1
    assert all(np.array_equal(a, arrays[name]) for name, a in net.arrays().items())
    with pytest.raises(ValueError, match=r"evaluate: x must be one image .*; got x \(9, 6, 5, 2\), labels \(8,\)"):
        evaluate(net, TASK.x_test, TASK.y_test[:8])
    with pytest.raises(ValueError, match=r"confusion: x must be one image .*; got x \(0, 6, 5, 2\), labels \(0,\)"):
        confusion(net, TASK.x_test[:0], TASK.y_test[:0], CLASSES)


def test_an_optimizer_of_another_network_is_refused():
    net = network()
    before = {name: a.copy() for name, a in net.params.items()}
    for optimizer in (SGD(net.copy().params), SGD({"stem.kernel": net.params["stem.kernel"]})):
        with pytest.raises(
            ValueError, match=r"^train: optimizer must be built on network\.params; it has other arrays"
        ):
            train(net, TASK, optimizer, constant(0.1), steps=1, batch_size=4)
    assert all(np.array_equal(a, before[name]) for name, a in net.params.items())


def test_settings_of_float32_and_functions_as_schedules_tell_runs_apart(tmp_path):
    sgd = lambda rate: lambda params: SGD(params, momentum=np.float32(rate), weight_decay=np.float32(rate))  # noqa: E731
    run(tmp_path / "a.npz", optimizer=sgd(0.5), schedule=lambda step: 0.1 / (step + 1))
    with pytest.raises(ValueError, match=r"optimizer\.momentum is 0\.5 there and 0\.75 here; .*optimizer\._decay is"):
        run(tmp_path / "a.npz", optimizer=sgd(0.75), schedule=lambda step: 0.1 / (step + 1))
    with pytest.raises(ValueError, match=r"schedule is '<function .*lambda.*> with rates of checksum"):
        run(tmp_path / "a.npz", optimizer=sgd(0.5), schedule=lambda step: 0.1 / (step + 2))
    written = (tmp_path / "a.npz").read_bytes()
    run(
        tmp_path / "a.npz", optimizer=sgd(0.5), schedule=lambda step: 0.1 / (1 + step)
    )  # another object, the same rates
    assert (tmp_path / "a.npz").read_bytes() == written
    assert repr(sgd(0.5)(network().params)) == "SGD(momentum=0.5, nesterov=False, weight_decay=0.5)"


def test_labels_that_are_none_are_refused():
    net, x = network(), TASK.x_test
    for labels, error, words in (
        (np.eye(CLASSES)[TASK.y_test], TypeError, "must be an ndarray of integers; got dtype float64"),
        (
            np.eye(CLASSES, dtype=int)[TASK.y_test],
            ValueError,
            r"must be \(n,\), one for each image; got labels \(9, 3\)",
        ),
        (TASK.y_test.tolist(), TypeError, "must be an ndarray of integers; got list"),
    ):
        with pytest.raises(error, match=f"^evaluate: labels {words}"):
            evaluate(net, x, labels)
    for wrong in (-1, CLASSES):
        labels = TASK.y_test.copy()
        labels[3] = wrong
        with pytest.raises(ValueError, match=r"^confusion: labels must lie between 0 and 2; got "):
            confusion(net, x, labels, CLASSES)
        with pytest.raises(ValueError, match="targets must lie between 0 and 2"):
            evaluate(net, x, labels)
    with pytest.raises(ValueError, match=r"^confusion: network must return logits \(B, 2\); got \(9, 3\)"):
        confusion(net, x, TASK.y_test, 2)


def test_the_loss_of_many_classes_takes_no_room_for_their_square():
    logits, labels = np.zeros((2, 3000), np.float32), np.array([5, 2999])
    tracemalloc.start()
    loss = softmax_cross_entropy(logits, labels)
    softmax_cross_entropy_backward(1.0, logits, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert loss == pytest.approx(np.log(3000), rel=1e-6)
    assert peak < 20 * logits.nbytes


def test_the_seed_is_that_of_the_order_of_the_examples():
    assert run() == run()
    assert run(seed=4)[0] != run()[0]


def test_training_learns_to_tell_three_digits():
    task = digits()
    train_rows, test_rows = (np.flatnonzero(y < 3) for y in (task.y_train, task.y_test))
    three = Task("three digits", task.x_train[train_rows] - 0.3, task.y_train[train_rows],
                 task.x_test[test_rows] - 0.3, task.y_test[test_rows], 3, "0, 1 and 2")  # fmt: skip
    net = small_mobilenet_v2(
        3, rows=[Row(1, 8, 1, 1), Row(6, 12, 2, 2)], stem_channels=8, stem_stride=2, last_channels=32
    )
    history = train(net, three, SGD(net.params, momentum=0.9, nesterov=True), cosine(0.1, 40), steps=40, batch_size=32)
    assert history.test_accuracy[-1] > 0.9
