"""Training a segmenter: a step is its formula, an evaluation inference, and a stopped run goes on to the same bits."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from stopped import check_that_it_goes_on, trained

from npconv.files import as_npz
from npconv.models import deeplab_v3, lr_aspp, mobilenet_v2
from npconv.segmentation import confusion_matrix, pixel_cross_entropy, pixel_cross_entropy_backward
from npconv.training import (
    SGD,
    Adam,
    SegmentationHistory,
    SegmentationTask,
    constant,
    cosine,
    digits_in_the_wild,
    digits_segmenter,
    evaluate_segmenter,
    segmentation,
    segmentation_step,
    train_segmenter,
)
from npconv.training.segmentation import foreground, mean_iou

ROWS = ((1, 8, 1, 1), (2, 8, 1, 2), (2, 16, 1, 2))


def segmenter(head="lr_aspp", *, seed=0, classes=3, dtype=np.float32):
    norm = {"epsilon": 1e-3, "momentum": 0.5}
    options = {"in_channels": 2, "stem_channels": 8, "last_channels": 16, "batch_norm": norm, "dtype": dtype}
    if head == "lr_aspp":
        network = mobilenet_v2(rows=ROWS, seed=seed, **options)
        return lr_aspp(network, classes, 8, low="block_1", seed=seed)
    network = mobilenet_v2(rows=ROWS, seed=seed, output_stride=4, **options)
    return deeplab_v3(network, classes, rates=(2, 3), filters=8, seed=seed)


def scenes(count, seed):
    """Images with a bright rectangle of class 1 or 2 each, with an ignored frame; in the first image there is none."""
    rng = np.random.default_rng(seed)
    x, masks = 0.1 * rng.standard_normal((count, 24, 16, 2)), np.zeros((count, 24, 16), np.uint8)
    for image, mask in zip(x[1:], masks[1:], strict=True):
        top, left, label = rng.integers(1, 12), rng.integers(1, 6), rng.integers(1, 3)
        height, width = (6, 6) if label == 1 else (10, 9)
        image[top : top + height, left : left + width, label - 1] += 2
        mask[top - 1 : top + height + 1, left - 1 : left + width + 1] = 255
        mask[top : top + height, left : left + width] = label
    return x.astype(np.float32), masks


TASK = SegmentationTask("rectangles", *scenes(12, 1), *scenes(7, 2), 3, "bright rectangles")


def run(path=None, *, net=None, task=TASK, **options):
    return trained(train_segmenter, segmenter() if net is None else net, task, path, **options)


@pytest.mark.parametrize("head", ["lr_aspp", "deeplab"])
def test_a_run_stopped_after_any_step_goes_on_to_the_same_bits(head, tmp_path, monkeypatch):
    check_that_it_goes_on(lambda *path, **options: run(*path, net=segmenter(head), **options), tmp_path, monkeypatch)


@pytest.mark.parametrize("head", ["lr_aspp", "deeplab"])
def test_a_step_goes_down_the_gradient_of_the_loss(head):
    x, masks = TASK.x_train.astype(np.float64), TASK.masks_train
    net, twin = segmenter(head, dtype=np.float64), segmenter(head, dtype=np.float64)
    before = {name: a.copy() for name, a in net.params.items()}
    loss = segmentation_step(net, SGD(net.params), x, masks, learning_rate=0.5)
    logits = twin.forward(x, training=True)
    options = {"divisor": np.count_nonzero((masks > 0) & (masks < 255))}
    assert loss == pytest.approx(pixel_cross_entropy(logits, masks, **options), rel=1e-12)
    twin.backward(pixel_cross_entropy_backward(1.0, logits, masks, **options))
    for name, p in net.params.items():
        np.testing.assert_allclose(p, before[name] - 0.5 * twin.grads[name], rtol=1e-12, atol=1e-14)
        assert np.abs(p - before[name]).max() > 0, name


def test_the_step_of_the_digits_network_has_the_gradient_of_its_loss():
    """By central differences of the whole loss along a random direction, in float64."""
    task = SegmentationTask.of(digits_in_the_wild(train=4, test=1))
    x, masks, rng = task.x_train.astype(np.float64), task.masks_train, np.random.default_rng(7)
    net = digits_segmenter(dtype=np.float64)
    direction = {name: rng.standard_normal(p.shape) for name, p in net.params.items()}
    segmentation_step(net, SGD(net.params), x, masks, learning_rate=0.0)
    slope = sum(float((net.grads[name] * d).sum()) for name, d in direction.items())
    losses = []
    for sign in (1, -1):
        twin = digits_segmenter(dtype=np.float64)
        for name, p in twin.params.items():
            p += sign * 1e-8 * direction[name]
        losses.append(segmentation_step(twin, SGD(twin.params), x, masks, learning_rate=0.0))
    assert abs(slope) > 1
    assert (losses[0] - losses[1]) / 2e-8 == pytest.approx(slope, rel=1e-3)


def test_ignored_pixels_neither_teach_nor_count():
    x, masks = TASK.x_train[:2], np.full_like(TASK.masks_train[:2], 255)
    net = segmenter()
    before = {name: a.copy() for name, a in net.params.items()}
    assert segmentation_step(net, SGD(net.params), x, masks, learning_rate=0.1) == 0
    assert all(np.array_equal(p, before[name]) for name, p in net.params.items())
    loss, matrix = evaluate_segmenter(net, x, masks)
    assert (loss, matrix.sum()) == (0, 0)


def test_the_divisor_is_the_foreground_and_at_least_a_share_of_what_counts():
    masks = np.zeros((2, 8, 16), np.uint8)
    assert foreground(masks) == 256 // 32
    masks[0, :4] = 3
    assert foreground(masks) == 64
    masks[0, :2] = 255
    assert foreground(masks) == 32
    assert foreground(np.full((1, 2, 2), 255, np.uint8)) == 1


def test_an_evaluation_is_inference_and_does_not_depend_on_how_many_go_at_once(monkeypatch):
    net = segmenter()
    net.forward(TASK.x_train, training=True)
    arrays = {name: a.copy() for name, a in net.arrays().items()}
    logits = net.forward(TASK.x_test)
    divisor = np.count_nonzero((TASK.masks_test > 0) & (TASK.masks_test < 255))
    matrix = confusion_matrix(TASK.masks_test, net.segment(TASK.x_test), 3)
    for at_once in (1, 3, 50):
        monkeypatch.setattr(segmentation, "EVALUATED_AT_ONCE", at_once * 24 * 16)
        loss, found = evaluate_segmenter(net, TASK.x_test, TASK.masks_test)
        assert loss == pytest.approx(float(pixel_cross_entropy(logits, TASK.masks_test, divisor=divisor)), rel=1e-5)
        np.testing.assert_array_equal(found, matrix)
    assert all(np.array_equal(a, arrays[name]) for name, a in net.arrays().items())


def test_training_finds_the_rectangles():
    history = train_segmenter(
        net := segmenter(), TASK, Adam(net.params), cosine(0.03, 60, warmup=5), steps=60, batch_size=6,
        evaluate_every=60,
    )  # fmt: skip
    assert history.step == [60]
    assert history.test_miou[0] > 0.6
    assert history.train_loss[0] < 8


def test_all_background_has_the_least_intersection_over_union_that_counts():
    """On the digits' test masks: .083 for eleven classes, .455 for background and ink."""
    task = digits_in_the_wild(train=1)
    for ink_only, wanted in ((False, 0.083), (True, 0.455)):
        masks = SegmentationTask.of(task, ink_only=ink_only)
        matrix = confusion_matrix(masks.masks_test, np.zeros(masks.masks_test.shape, np.int64), masks.classes)
        assert mean_iou(matrix) == pytest.approx(wanted, abs=0.0005)


def test_another_run_and_a_damaged_record_are_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(path)
    with np.load(path) as file:
        arrays = dict(file)
    words = r"train_segmenter: .* belongs to another run .*: images is [0-9]+ there and [0-9]+ here"
    for name in ("masks_train", "masks_test"):
        masks = getattr(TASK, name).copy()
        masks[0, 0, 0] = 255
        with pytest.raises(ValueError, match=words):
            run(path, task=replace(TASK, **{name: masks}))
    with pytest.raises(ValueError, match=r"train_segmenter: .* belongs to another run .*: seed is 3 there and 4 here"):
        run(path, seed=4)
    record = json.loads(str(arrays["record"]))
    record["history"]["test_miou"][0] = 1.5
    path.write_bytes(as_npz(arrays | {"record": np.array(json.dumps(record))}))
    with pytest.raises(ValueError, match=r"test_miou must be a list of 2, each a finite number from 0 to 1; got"):
        run(path)


BAD = {
    "train_segmenter: steps must be at least 1; got 0": {"steps": 0},
    "train_segmenter: batch_size must be at most 12, the number of training images; got 13": {"batch_size": 13},
    "train_segmenter: network must have 3 classes, the background and those of rectangles; got 4": {"classes": 4},
    "train_segmenter: network doesn't take the images of rectangles, (4, 7, 16, 2): ": {"x_train": TASK.x_train[:, :7]},
    "train_segmenter: the loss is nan at step 3": {"schedule": constant(1e30)},
    "segmentation_step: masks must be (n, H, W) of uint8 for images x (n, H, W, C), one or more; got masks (4, 24, 15)"
    " of uint8, x (4, 24, 16, 2)": {"masks_train": TASK.masks_train[:, :, :15]},
    "segmentation_step: masks must be (n, H, W) of uint8": {"masks_train": TASK.masks_train.astype(np.uint16)},
    "segmentation_step: masks must have classes from 0 to 2, or 255; got 7": {
        "masks_train": np.full_like(TASK.masks_train, 7)
    },
    "evaluate_segmenter: masks must have classes from 0 to 2, or 255; got 3": {
        "masks_test": np.full_like(TASK.masks_test, 3)
    },
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    changes = dict(BAD[message])
    net = segmenter(classes=changes.pop("classes", 3))
    names = ("x_train", "masks_train", "masks_test")
    task = replace(TASK, **{name: changes.pop(name) for name in names if name in changes})
    with pytest.raises(ValueError, match="^" + re.escape(message).replace("nan\\ at\\ step\\ 3", "(nan|inf) at step")):
        run(net=net, task=task, **changes)


def test_a_task_without_masks_is_refused():
    with pytest.raises(ValueError, match=r"SegmentationTask\.of: task must have masks; digits in the wild has none"):
        SegmentationTask.of(replace(digits_in_the_wild(train=1, test=1), masks_test=None))
    with pytest.raises(TypeError, match=r"SegmentationTask\.of: task must be a DetectionTask"):
        SegmentationTask.of(TASK)


def test_ignored_pixels_stay_ignored_where_all_digits_are_ink():
    task = digits_in_the_wild(train=1, test=1)
    masks = task.masks_train.copy()
    masks[0, :2] = 255
    inked = SegmentationTask.of(replace(task, masks_train=masks), ink_only=True)
    assert inked.classes == 2
    assert set(np.unique(inked.masks_train).tolist()) == {0, 1, 255}
    np.testing.assert_array_equal(inked.masks_train == 255, masks == 255)
    np.testing.assert_array_equal(inked.masks_test, task.masks_test > 0)


def test_a_history_is_plain_data():
    history = SegmentationHistory([1], [2.0], [3.0], [0.5])
    assert list(history.as_dict()) == ["step", "train_loss", "test_loss", "test_miou"]
