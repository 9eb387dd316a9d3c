"""Training boxes and masks on one backbone: a step is the sum of two, and a stopped run goes on to the same bits."""

import re
from dataclasses import replace

import numpy as np
import pytest
from stopped import check_that_it_goes_on, trained

from npconv.detection import DefaultBoxes
from npconv.models import lr_aspp, mobilenet_v2, multi_task, ssdlite
from npconv.training import (
    SGD,
    Adam,
    DetectionTask,
    MultiTaskHistory,
    constant,
    cosine,
    detection_step,
    digits_in_the_wild,
    digits_multi_task,
    evaluate_detector,
    evaluate_multi_task,
    evaluate_segmenter,
    multi_task as training_module,
    multi_task_step,
    segmentation,
    segmentation_step,
    train_multi_task,
)

CELLS = DefaultBoxes((((0.3, 1.0), (0.3, 0.5)), ((0.6, 1.0),)))
ROWS = ((1, 8, 1, 1), (2, 8, 1, 2), (2, 16, 1, 2))


def parts(*, seed=0, classes=3, mask_classes=4, dtype=np.float32):
    """A detector and a segmenter on one backbone."""
    norm = {"epsilon": 1e-3, "momentum": 0.5}
    network = mobilenet_v2(rows=ROWS, in_channels=2, stem_channels=8, last_channels=16, batch_norm=norm, seed=seed,
                           dtype=dtype)  # fmt: skip
    detector = ssdlite(network, classes, extras=(), boxes=CELLS, seed=seed)
    return detector, lr_aspp(detector.network, mask_classes, 8, low="block_1", high="last_relu6", seed=seed)


def both(**options):
    return multi_task(*parts(**options))


def scenes(count, seed):
    """Images with a bright rectangle each, of class 1 or 2; masks have a third class, a bright first row."""
    rng = np.random.default_rng(seed)
    x, masks = 0.1 * rng.standard_normal((count, 24, 16, 2)), np.zeros((count, 24, 16), np.uint8)
    x[:, 0] += 2
    masks[:, 0] = 3
    boxes, labels = [], []
    for image, mask in zip(x, masks, strict=True):
        top, left, label = rng.integers(2, 12), rng.integers(6), rng.integers(1, 3)
        height, width = (6, 6) if label == 1 else (10, 9)
        image[top : top + height, left : left + width, label - 1] += 2
        mask[top : top + height, left : left + width] = label
        boxes.append(np.array([[top, left, top + height, left + width]], np.float64))
        labels.append(np.array([label], np.int64))
    return x.astype(np.float32), boxes, labels, masks


TRAIN, TEST = scenes(12, 1), scenes(7, 2)
TASK = DetectionTask("rectangles", *TRAIN[:3], *TEST[:3], 3, "bright rectangles", TRAIN[3], TEST[3])


def run(path=None, *, net=None, task=TASK, **options):
    return trained(train_multi_task, both() if net is None else net, task, path, **options)


def test_a_run_stopped_after_any_step_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    check_that_it_goes_on(run, tmp_path, monkeypatch)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_a_step_is_the_sum_of_the_two_tasks_steps(weight, monkeypatch):
    """Loss and gradients are those of a detector and of a segmenter alone, with the same numbers."""
    monkeypatch.setattr(training_module, "MASK_WEIGHT", weight)
    x, boxes, labels, masks = TRAIN[0].astype(np.float64), *TRAIN[1:]
    net, detector, segmenter = both(dtype=np.float64), parts(dtype=np.float64)[0], parts(dtype=np.float64)[1]
    before = {name: a.copy() for name, a in net.params.items()}
    loss = multi_task_step(net, SGD(net.params), x, boxes, labels, masks, learning_rate=0.5)
    own = detection_step(detector, SGD(detector.params), x, boxes, labels, learning_rate=0.0)
    other = segmentation_step(segmenter, SGD(segmenter.params), x, masks, learning_rate=0.0)
    assert loss == pytest.approx(own + weight * other, rel=1e-12)
    for name, p in net.params.items():
        gradient = detector.grads.get(name, 0) + weight * segmenter.grads.get(name, 0)
        np.testing.assert_allclose(p, before[name] - 0.5 * gradient, rtol=1e-10, atol=1e-13, err_msg=name)
        assert np.abs(p - before[name]).max() > 0, name


def test_the_step_of_the_digits_network_has_the_gradient_of_its_loss():
    """By central differences of the whole loss along a random direction, in float64."""
    task, rng = digits_in_the_wild(train=4, test=1), np.random.default_rng(7)
    truth = task.x_train.astype(np.float64), task.boxes_train, task.labels_train, task.masks_train
    net = digits_multi_task(dtype=np.float64)
    direction = {name: rng.standard_normal(p.shape) for name, p in net.params.items()}
    multi_task_step(net, SGD(net.params), *truth, learning_rate=0.0)
    slope = sum(float((net.grads[name] * d).sum()) for name, d in direction.items())
    losses = []
    for sign in (1, -1):
        twin = digits_multi_task(dtype=np.float64)
        for name, p in twin.params.items():
            p += sign * 1e-8 * direction[name]
        losses.append(multi_task_step(twin, SGD(twin.params), *truth, learning_rate=0.0))
    assert abs(slope) > 1
    assert (losses[0] - losses[1]) / 2e-8 == pytest.approx(slope, rel=1e-3)


def test_an_evaluation_is_that_of_both_parts_and_does_not_depend_on_how_many_go_at_once(monkeypatch):
    net = both()
    net.forward(TASK.x_train, training=True)
    arrays = {name: a.copy() for name, a in net.arrays().items()}
    own, precision = evaluate_detector(net.detector, *TEST[:3])
    other, matrix = evaluate_segmenter(net.segmenter, TEST[0], TEST[3])
    for at_once in (1, 3, 50):
        monkeypatch.setattr(segmentation, "EVALUATED_AT_ONCE", at_once * 24 * 16)
        loss, found, counts = evaluate_multi_task(net, *TEST)
        assert loss == pytest.approx(own + other, rel=1e-5)
        assert found == precision
        np.testing.assert_array_equal(counts, matrix)
    assert all(np.array_equal(a, arrays[name]) for name, a in net.arrays().items())


def test_training_finds_the_rectangles_and_their_pixels():
    history = train_multi_task(
        net := both(), TASK, Adam(net.params), cosine(0.03, 60, warmup=5), steps=60, batch_size=6, evaluate_every=60
    )
    assert history.test_map_50[0] > 0.6
    assert history.test_miou[0] > 0.6


def test_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(path)
    words = r"train_multi_task: .* belongs to another run .*: images is [0-9]+ there and [0-9]+ here"
    with pytest.raises(ValueError, match=words):
        run(path, task=replace(TASK, masks_test=np.zeros_like(TASK.masks_test)))
    with pytest.raises(ValueError, match=words):
        run(path, task=replace(TASK, boxes_test=[b + 1 for b in TASK.boxes_test]))


BAD = {
    "train_multi_task: network must have 3 classes, the background and those of rectangles; got 4": {"classes": 4},
    "train_multi_task: masks must have classes from 0 to 2, or 255; got 3": {"mask_classes": 3},
    "SegmentationTask.of: task must have masks; rectangles has none": {"masks_train": None},
    "train_multi_task: masks must be (n, H, W) of uint8": {"masks_test": TASK.masks_test[:, :-1]},
    "train_multi_task: the loss is nan at step 3": {"schedule": constant(1e30)},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    changes = dict(BAD[message])
    net = both(**{name: changes.pop(name) for name in ("classes", "mask_classes") if name in changes})
    names = ("masks_train", "masks_test")
    task = replace(TASK, **{name: changes.pop(name) for name in names if name in changes})
    with pytest.raises(ValueError, match="^" + re.escape(message).replace("nan\\ at\\ step\\ 3", "(nan|inf) at step")):
        run(net=net, task=task, **changes)


def test_a_history_is_plain_data():
    history = MultiTaskHistory([1], [2.0], [3.0], [0.5], [0.25], [0.75])
    names = ["step", "train_loss", "test_loss", "test_map_50", "test_map", "test_miou"]
    assert list(history.as_dict()) == names
