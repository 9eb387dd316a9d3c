"""Training a segmenter: the step, the measurements, and the loop from images with masks to a trained network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..kernels.arguments import array_of, instance, real
from ..kernels.geometry import Array
from ..models.segmenter import Segmenter
from ..segmentation import confusion_matrix, intersection_over_union_of
from ..segmentation.loss import loss_and_gradient
from .optimizers import Optimizer
from .resumable import Curves, Objective, check_classes, check_step, train_for
from .wild_digits import IGNORE, SegmentationTask

EVALUATED_AT_ONCE = 50 * 64 * 64  # pixels


@dataclass
class SegmentationHistory(Curves):
    """The measurements of a segmenter's training: lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean loss over the steps since `step[i - 1]`; the test loss, and the mean of the classes'
    intersections over unions, are those after step[i] steps, in inference mode.
    """

    test_loss: list[float] = field(default_factory=list)
    test_miou: list[float] = field(default_factory=list)
    SHARES: ClassVar[tuple[str, ...]] = ("test_miou",)


def mean_iou(matrix: Array) -> float:
    """The mean intersection over union from a confusion matrix, over the classes that are in truth or prediction.

    >>> round(mean_iou(np.array([[9, 0, 1], [0, 0, 0], [5, 0, 5]])), 4)
    0.5273
    """
    return float(np.nanmean(intersection_over_union_of(matrix)))


def foreground(masks: Array) -> int:
    """The divisor of the loss: the pixels of masks (n, H, W) with classes above 0, at least a 32nd of those that count.

    A mean over all pixels would be small beside a detector's loss, as most of them are background. Adam alone does not
    see the loss's scale.

    >>> foreground(np.array([[[0, 2, 255, 1]]], np.uint8))
    2
    """
    kept = int(np.count_nonzero(masks != IGNORE))
    return max(1, kept // 32, kept - int(np.count_nonzero(masks == 0)))


class Segmented:
    """An evaluation of a segmenter: the loss and the confusion matrix of masks, of which some are added at a time."""

    def __init__(self, masks: Array, classes: int) -> None:
        self.masks, self.classes, self.divisor = masks, classes, foreground(masks)
        self.loss, self.matrix = 0.0, np.zeros((classes, classes), np.int64)

    def add(self, part: slice, logits: Array) -> None:
        """Take in the logits, (n, H, W, classes), of a part of the images."""
        masks = self.masks[part]
        self.loss += float(loss_and_gradient(logits, masks, IGNORE, self.divisor)[0])
        self.matrix += confusion_matrix(masks, logits.argmax(axis=-1), self.classes, ignore=IGNORE)


def at_once(x: Array) -> Iterator[slice]:
    """The parts of images, (n, H, W, C), that are evaluated at once: so many that their logits are no large arrays."""
    count = max(1, EVALUATED_AT_ONCE // (x.shape[1] * x.shape[2]))
    for start in range(0, len(x), count):
        yield slice(start, start + count)


def evaluate_segmenter(network: Segmenter, x: Array, masks: Array) -> tuple[float, Array]:
    """The loss and the confusion matrix of a segmenter in inference mode.

    x is (n, H, W, C), masks (n, H, W) of uint8, with 255 for pixels that do not count. The matrix is
    (classes, classes), rows the truth; `mean_iou` gives its mean intersection over union. The loss is the sum of the
    pixels' cross-entropies, divided by the number of pixels above class 0 in all masks, so that it does not depend on
    how many images go through the network at once. The network is left as it is.

    Raises TypeError or ValueError for masks of another kind, of another size or with classes that the network has not,
    or as the network.

    >>> from npconv.training import SegmentationTask, digits_in_the_wild, digits_segmenter
    >>> task = SegmentationTask.of(digits_in_the_wild(train=1, test=2))
    >>> loss, matrix = evaluate_segmenter(digits_segmenter(), task.x_test, task.masks_test)
    >>> matrix.shape, int(matrix.sum())
    ((11, 11), 8192)
    """
    instance("evaluate_segmenter", "network", network, Segmenter)
    check_masks("evaluate_segmenter", x, masks, network.classes)
    measured = Segmented(masks, network.classes)
    for part in at_once(x):
        measured.add(part, network.forward(x[part]))
    network.forget()
    return measured.loss, measured.matrix


def check_masks(function: str, x: Array, masks: Array, classes: int) -> None:
    """Refuse masks that are not those of images (n, H, W, C), or that have other classes."""
    array_of(function, "x", x, "f")
    array_of(function, "masks", masks, "u")
    if x.ndim != 4 or masks.shape != x.shape[:3] or not len(x) or masks.dtype != np.uint8:
        raise ValueError(
            f"{function}: masks must be (n, H, W) of uint8 for images x (n, H, W, C), one or more; got masks "
            f"{masks.shape} of {masks.dtype}, x {x.shape}"
        )
    if (largest := int(masks[masks != IGNORE].max(initial=0))) >= classes:
        raise ValueError(f"{function}: masks must have classes from 0 to {classes - 1}, or {IGNORE}; got {largest}")


def segmentation_step(
    network: Segmenter, optimizer: Optimizer, x: Array, masks: Array, *, learning_rate: float
) -> float:
    """One step: forward in training mode, the loss, backward, the update. Returns the loss before the update.

    x is (B, H, W, C), masks (B, H, W) of uint8, with 255 for pixels that do not teach. The loss is that of
    `evaluate_segmenter`.
    """
    instance("segmentation_step", "network", network, Segmenter)
    check_masks("segmentation_step", x, masks, network.classes)
    check_step("segmentation_step", optimizer)
    real("segmentation_step", "learning_rate", learning_rate, least=0)
    loss, dlogits = loss_and_gradient(network.forward(x, training=True), masks, IGNORE, foreground(masks))
    network.backward(dlogits)
    optimizer.step(network.grads, learning_rate)
    return float(loss)


def train_segmenter(
    network: Segmenter,
    task: SegmentationTask,
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    *,
    steps: int,
    batch_size: int = 16,
    seed: int = 0,
    evaluate_every: int = 100,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: Callable[[int, float, SegmentationHistory], None] | None = None,
) -> SegmentationHistory:
    """Train a segmenter in place.

    Args:
        network: a `Segmenter`, as `npconv.models.lr_aspp` or `deeplab_v3` builds it, with the task's classes.
        task: a `SegmentationTask`.
        optimizer: built on `network.params`.
        schedule: the learning rate by step, from step 0.
        steps, batch_size, seed, evaluate_every, checkpoint, checkpoint_every, progress: as in `train`.

    Returns:
        The SegmentationHistory.

    Raises:
        TypeError, ValueError, OSError: as `train`.

    >>> from npconv.training import Adam, constant, digits_in_the_wild, digits_segmenter
    >>> network, task = digits_segmenter(), SegmentationTask.of(digits_in_the_wild(train=4, test=2))
    >>> train_segmenter(network, task, Adam(network.params), constant(0.001), steps=1, batch_size=2).step
    [1]
    """
    instance("train_segmenter", "network", network, Segmenter)
    instance("train_segmenter", "task", task, SegmentationTask)
    return train_for(
        "train_segmenter", _Masked(network, task), optimizer, schedule, steps=steps, batch_size=batch_size,
        seed=seed, evaluate_every=evaluate_every, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
        progress=progress,
    )  # fmt: skip


class _Masked(Objective[SegmentationHistory]):
    """The objective of `train_segmenter`: the class of each pixel."""

    curves = SegmentationHistory
    network: Segmenter

    def __init__(self, network: Segmenter, task: SegmentationTask) -> None:
        arrays = (task.x_train, task.masks_train, task.x_test, task.masks_test)
        super().__init__(network, task, arrays, {})

    def check_outputs(self, function: str, images: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        check_classes(function, self.network.classes, self.task)

    def step(self, optimizer: Optimizer, chosen: Array, learning_rate: float) -> float:
        x, masks = self.task.x_train[chosen], self.task.masks_train[chosen]
        return segmentation_step(self.network, optimizer, x, masks, learning_rate=learning_rate)

    def measure(self) -> dict[str, float]:
        loss, matrix = evaluate_segmenter(self.network, self.task.x_test, self.task.masks_test)
        return {"test_loss": loss, "test_miou": mean_iou(matrix)}
