"""Training a detector and a segmenter on one backbone by one loss, from images with boxes and masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from .. import threads
from ..detection import MeanAveragePrecision
from ..kernels.arguments import instance, real
from ..kernels.geometry import Array
from ..models.multi_task import MultiTask
from ..segmentation.loss import OPERATIONS, loss_and_gradient
from .detection import LOSS_SETTINGS, Detected, boxed_arrays, check_images, detection_loss
from .optimizers import Optimizer
from .resumable import Curves, Objective, check_classes, check_step, train_for
from .segmentation import Segmented, at_once, check_masks, foreground, mean_iou
from .wild_digits import IGNORE, DetectionTask, SegmentationTask

MASK_WEIGHT = 1.0
"""The factor of the segmenter's loss in the sum of both."""


@dataclass
class MultiTaskHistory(Curves):
    """The measurements of a training for both: lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean of the summed loss over the steps since `step[i - 1]`; the test loss, the mean average
    precision at IoU 0.5, its mean over the thresholds 0.5 to 0.95, and the mean of the masks' intersections over unions
    are those after step[i] steps, in inference mode.
    """

    test_loss: list[float] = field(default_factory=list)
    test_map_50: list[float] = field(default_factory=list)
    test_map: list[float] = field(default_factory=list)
    test_miou: list[float] = field(default_factory=list)
    SHARES: ClassVar[tuple[str, ...]] = ("test_map_50", "test_map", "test_miou")


def evaluate_multi_task(
    network: MultiTask, x: Array, boxes: Sequence[Array], labels: Sequence[Array], masks: Array
) -> tuple[float, MeanAveragePrecision, Array]:
    """The loss, the mean average precision and the confusion matrix of a network for both, in inference mode.

    x is (n, H, W, C); boxes and labels are as in `evaluate_detector`, masks (n, H, W) as in `evaluate_segmenter`. Each
    image goes through the backbone once. The loss is the sum of the two functions' losses. The network is left as it
    is.

    Raises TypeError or ValueError as the two.

    >>> from npconv.training import digits_in_the_wild, digits_multi_task
    >>> task = digits_in_the_wild(train=1, test=2)
    >>> truth = task.boxes_test, task.labels_test, task.masks_test
    >>> loss, precision, matrix = evaluate_multi_task(digits_multi_task(), task.x_test, *truth)
    >>> precision.mean < 0.1, matrix.shape
    (True, (11, 11))
    """
    size = _check_scenes("evaluate_multi_task", network, x, boxes, labels, masks)
    detected = Detected(network.detector, size, boxes, labels)
    segmented = Segmented(masks, network.segmenter.classes)
    for part in at_once(x):
        found, scores = network.split(network.forward(x[part]), size)
        detected.add(part, found)
        segmented.add(part, scores)
    network.forget()
    return detected.loss + MASK_WEIGHT * segmented.loss, detected.precision, segmented.matrix


def _check_scenes(
    function: str, network: MultiTask, x: Array, boxes: Sequence[Array], labels: Sequence[Array], masks: Array
) -> tuple[int, int]:
    """The height and width of images, once they and what is known of them are looked at."""
    instance(function, "network", network, MultiTask)
    size = check_images(function, x, boxes, labels)
    check_masks(function, x, masks, network.segmenter.classes)
    return size


def multi_task_step(
    network: MultiTask,
    optimizer: Optimizer,
    x: Array,
    boxes: Sequence[Array],
    labels: Sequence[Array],
    masks: Array,
    *,
    learning_rate: float,
) -> float:
    """One step: forward in training mode, the sum of both losses, backward, the update. Returns the loss before it.

    x is (B, H, W, C); boxes and labels are as in `detection_step`, masks (B, H, W) as in `segmentation_step`.
    """
    size = _check_scenes("multi_task_step", network, x, boxes, labels, masks)
    check_step("multi_task_step", optimizer)
    real("multi_task_step", "learning_rate", learning_rate, least=0)
    loss, dy = both_losses(
        network, network.forward(x, training=True), size,
        lambda found: detection_loss(network.detector, found, size, boxes, labels), masks,
    )  # fmt: skip
    network.backward(dy)
    optimizer.step(network.grads, learning_rate)
    return loss


def both_losses(
    network: MultiTask, y: Array, size: tuple[int, int], of_boxes: Callable[[Array], tuple[float, Array]], masks: Array
) -> tuple[float, Array]:
    """The sum of both losses of the network's output, and its gradient for that; a thread takes a loss each.

    `of_boxes` gives the detector's loss and gradient from its output.
    """
    found, scores = network.split(y, size)
    dy, losses = np.empty_like(y), [0.0, 0.0]
    dfound, dscores = network.split(dy, size)

    def detection() -> None:
        losses[0], dfound[...] = of_boxes(found)

    def segmentation() -> None:
        loss, _ = loss_and_gradient(scores, masks, IGNORE, foreground(masks) / MASK_WEIGHT, out=dscores)
        losses[1] = float(loss)

    threads.each(lambda loss: loss(), [detection, segmentation], OPERATIONS * scores.size)
    return sum(losses), dy


def train_multi_task(
    network: MultiTask,
    task: DetectionTask,
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    *,
    steps: int,
    batch_size: int = 16,
    seed: int = 0,
    evaluate_every: int = 100,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: Callable[[int, float, MultiTaskHistory], None] | None = None,
) -> MultiTaskHistory:
    """Train a detector and a segmenter on one backbone in place, by the sum of their losses.

    Args:
        network: a `MultiTask`, whose detector has the task's classes, and whose segmenter has those of the masks.
        task: a `DetectionTask` with masks.
        optimizer: built on `network.params`.
        schedule: the learning rate by step, from step 0.
        steps, batch_size, seed, evaluate_every, checkpoint, checkpoint_every, progress: as in `train`.

    Returns:
        The MultiTaskHistory.

    Raises:
        TypeError, ValueError, OSError: as `train`.

    >>> from npconv.training import Adam, constant, digits_in_the_wild, digits_multi_task
    >>> network, task = digits_multi_task(), digits_in_the_wild(train=4, test=2)
    >>> train_multi_task(network, task, Adam(network.params), constant(0.001), steps=1, batch_size=2).step
    [1]
    """
    instance("train_multi_task", "network", network, MultiTask)
    instance("train_multi_task", "task", task, DetectionTask)
    return train_for(
        "train_multi_task", _BoxedAndMasked(network, task), optimizer, schedule, steps=steps, batch_size=batch_size,
        seed=seed, evaluate_every=evaluate_every, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
        progress=progress,
    )  # fmt: skip


class _BoxedAndMasked(Objective[MultiTaskHistory]):
    """The objective of `train_multi_task`: boxes and labels of the objects, and the class of each pixel."""

    curves = MultiTaskHistory
    network: MultiTask

    def __init__(self, network: MultiTask, task: DetectionTask) -> None:
        self.masks = SegmentationTask.of(task)
        arrays = (self.masks.masks_train, self.masks.masks_test)
        super().__init__(network, task, (*boxed_arrays(task), *arrays), LOSS_SETTINGS | {"loss.masks": MASK_WEIGHT})

    def check_outputs(self, function: str, images: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        check_classes(function, self.network.detector.classes, self.task)
        for x, masks in ((self.task.x_train, self.masks.masks_train), (self.task.x_test, self.masks.masks_test)):
            check_masks(function, x, masks, self.network.segmenter.classes)

    def step(self, optimizer: Optimizer, chosen: Array, learning_rate: float) -> float:
        task = self.task
        boxes, labels = ([of[image] for image in chosen] for of in (task.boxes_train, task.labels_train))
        return multi_task_step(
            self.network, optimizer, task.x_train[chosen], boxes, labels, self.masks.masks_train[chosen],
            learning_rate=learning_rate,
        )  # fmt: skip

    def measure(self) -> dict[str, float]:
        task = self.task
        loss, precision, matrix = evaluate_multi_task(
            self.network, task.x_test, task.boxes_test, task.labels_test, self.masks.masks_test
        )
        return {
            "test_loss": loss,
            "test_map_50": precision.by_threshold[0.5],
            "test_map": precision.mean,
            "test_miou": mean_iou(matrix),
        }
