"""Training a detector: a step is its formula, an evaluation inference, and a stopped run goes on to the same bits."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from stopped import check_that_it_goes_on, trained

from npconv.detection import DefaultBoxes, ssd_loss, ssd_loss_backward, ssd_targets
from npconv.files import as_npz
from npconv.models import mobilenet_v2
from npconv.models.ssdlite import ssdlite
from npconv.training import (
    SGD,
    Adam,
    DetectionHistory,
    DetectionTask,
    constant,
    cosine,
    detection,
    detection_step,
    evaluate_detector,
    train_detector,
)
from npconv.training.detection import LOSS

CELLS = DefaultBoxes((((0.3, 1.0), (0.3, 0.5)), ((0.6, 1.0),)))
ROWS = ((1, 8, 1, 1), (2, 8, 1, 2), (2, 16, 1, 2))


def detector(*, seed=0, classes=3, dtype=np.float32):
    norm = {"epsilon": 1e-3, "momentum": 0.5}
    network = mobilenet_v2(rows=ROWS, in_channels=2, stem_channels=8, last_channels=16, batch_norm=norm, seed=seed,
                           dtype=dtype)  # fmt: skip
    return ssdlite(network, classes, extras=(), boxes=CELLS, seed=seed)


def scenes(count, seed):
    """Images with a bright rectangle of class 1 or 2 each; in the first image there is none."""
    rng = np.random.default_rng(seed)
    x = 0.1 * rng.standard_normal((count, 24, 16, 2))
    boxes, labels = [np.zeros((0, 4))], [np.zeros(0, np.int64)]
    for image in x[1:]:
        top, left, label = rng.integers(12), rng.integers(6), rng.integers(1, 3)
        height, width = (6, 6) if label == 1 else (10, 9)
        image[top : top + height, left : left + width, label - 1] += 2
        boxes.append(np.array([[top, left, top + height, left + width]], np.float64))
        labels.append(np.array([label], np.int64))
    return x.astype(np.float32), boxes, labels


TASK = DetectionTask("rectangles", *scenes(12, 1), *scenes(7, 2), 3, "bright rectangles")


def run(path=None, *, net=None, task=TASK, **options):
    return trained(train_detector, detector() if net is None else net, task, path, **options)


def test_a_run_stopped_after_any_step_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    check_that_it_goes_on(run, tmp_path, monkeypatch)


def test_a_step_goes_down_the_gradient_of_the_loss():
    x, boxes, labels = TASK.x_train.astype(np.float64), TASK.boxes_train, TASK.labels_train
    net, twin = detector(dtype=np.float64), detector(dtype=np.float64)
    before = {name: a.copy() for name, a in net.params.items()}
    loss = detection_step(net, SGD(net.params), x, boxes, labels, learning_rate=0.5)
    logits, codes = twin.split(twin.forward(x, training=True))
    targets = ssd_targets(twin.anchors((24, 16)), boxes, labels)
    options = {"least_negatives": 3, "repeat_positives": False}
    assert loss == pytest.approx(ssd_loss(logits, codes, *targets, **options), rel=1e-12)
    dlogits, dcodes = ssd_loss_backward(1.0, logits, codes, *targets, **options)
    twin.backward(np.concatenate([dlogits, dcodes], axis=2))
    for name, p in net.params.items():
        np.testing.assert_allclose(p, before[name] - 0.5 * twin.grads[name], rtol=1e-12, atol=1e-14)
        assert np.abs(p - before[name]).max() > 0, name
    assert dlogits[0].any()  # the image without an object


def test_images_without_objects_teach():
    net = detector()
    before = {name: a.copy() for name, a in net.params.items()}
    none = [np.zeros((0, 4))] * 2, [np.zeros(0, np.int64)] * 2
    assert detection_step(net, SGD(net.params), TASK.x_train[:2], *none, learning_rate=0.1) > 0
    assert not np.array_equal(net.params["class_1.pointwise.kernel"], before["class_1.pointwise.kernel"])
    np.testing.assert_array_equal(net.params["box_1.pointwise.kernel"], before["box_1.pointwise.kernel"])


def test_an_evaluation_is_inference_and_does_not_depend_on_how_many_go_at_once(monkeypatch):
    net = detector()
    net.forward(TASK.x_train, training=True)
    arrays = {name: a.copy() for name, a in net.arrays().items()}
    found = []
    for at_once in (2, 3, 50):
        monkeypatch.setattr(detection, "EVALUATED_AT_ONCE", at_once)
        found.append(evaluate_detector(net, TASK.x_test, TASK.boxes_test, TASK.labels_test))
    logits, codes = net.split(net.forward(TASK.x_test))
    targets = ssd_targets(net.anchors((24, 16)), TASK.boxes_test, TASK.labels_test)
    for loss, precision in found:
        # parts without an object aside, all images together are the same mean
        assert loss == pytest.approx(float(ssd_loss(logits, codes, *targets, **LOSS)), rel=1e-5)
        assert precision == found[0][1]
    assert all(np.array_equal(a, arrays[name]) for name, a in net.arrays().items())


def test_training_finds_the_rectangles():
    history = train_detector(
        net := detector(), TASK, Adam(net.params), cosine(0.03, 60, warmup=5), steps=60, batch_size=6, evaluate_every=60
    )
    assert history.step == [60]
    assert history.test_map_50[0] > 0.6
    assert history.test_map[0] < history.test_map_50[0]
    assert history.train_loss[0] < 8


def test_another_run_and_a_damaged_record_are_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(path)
    with np.load(path) as file:
        arrays = dict(file)
    words = r"train_detector: .* belongs to another run .*: images is [0-9]+ there and [0-9]+ here"
    with pytest.raises(ValueError, match=words):
        run(path, task=replace(TASK, boxes_test=[b + 1 for b in TASK.boxes_test]))
    with pytest.raises(ValueError, match=r"train_detector: .* belongs to another run .*: seed is 3 there and 4 here"):
        run(path, seed=4)
    moved = replace(
        TASK,
        boxes_train=[TASK.boxes_train[1], TASK.boxes_train[0], *TASK.boxes_train[2:]],
        labels_train=[TASK.labels_train[1], TASK.labels_train[0], *TASK.labels_train[2:]],
    )
    with pytest.raises(ValueError, match=words):  # the same objects in other images
        run(path, task=moved)
    record = json.loads(str(arrays["record"]))
    record["history"]["test_map"][0] = 1.5
    path.write_bytes(as_npz(arrays | {"record": np.array(json.dumps(record))}))
    with pytest.raises(ValueError, match=r"test_map must be a list of 2, each a finite number from 0 to 1; got"):
        run(path)


BAD = {
    "train_detector: steps must be at least 1; got 0": {"steps": 0},
    "train_detector: batch_size must be at most 12, the number of training images; got 13": {"batch_size": 13},
    "train_detector: network must have 3 classes, the background and those of rectangles; got 4": {"classes": 4},
    "train_detector: network doesn't take the images of rectangles, (4, 7, 16, 2): ": {"x_train": TASK.x_train[:, :7]},
    "train_detector: the loss is nan at step 3": {"schedule": constant(1e30)},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    changes = dict(BAD[message])
    net = detector(classes=changes.pop("classes", 3))
    task = replace(TASK, **{name: changes.pop(name) for name in ("x_train",) if name in changes})
    with pytest.raises(ValueError, match="^" + re.escape(message).replace("nan\\ at\\ step\\ 3", "(nan|inf) at step")):
        run(net=net, task=task, **changes)


def test_a_history_is_plain_data():
    history = DetectionHistory([1], [2.0], [3.0], [0.5], [0.25])
    names = ["step", "train_loss", "test_loss", "test_map_50", "test_map"]
    assert list(history.as_dict()) == names
