"""Training a detector: the step, the measurements, and the loop from images with boxes to a trained SSDLite."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..detection import (
    Found,
    MeanAveragePrecision,
    detections,
    mean_average_precision,
    ssd_loss,
    ssd_targets,
)
from ..detection.loss import loss_and_gradients
from ..kernels.arguments import array_of, instance, real
from ..kernels.geometry import Array
from ..models.ssdlite import SSDLite
from .optimizers import Optimizer
from .resumable import Curves, Objective, check_classes, check_step, train_for
from .wild_digits import DetectionTask

EVALUATED_AT_ONCE = 50  # images
LOSS: dict[str, Any] = {"least_negatives": 3, "repeat_positives": False}
"""The options of `ssd_loss` in training: images without objects teach too, and each positive counts once."""
LOSS_SETTINGS = {f"loss.{name}": value for name, value in LOSS.items()}  # as checkpoints have them


@dataclass
class DetectionHistory(Curves):
    """The measurements of a detector's training: lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean loss over the steps since `step[i - 1]`; the test loss, the mean average precision at
    IoU 0.5, and its mean over the thresholds 0.5 to 0.95 are those after step[i] steps, in inference mode.
    """

    test_loss: list[float] = field(default_factory=list)
    test_map_50: list[float] = field(default_factory=list)
    test_map: list[float] = field(default_factory=list)
    SHARES: ClassVar[tuple[str, ...]] = ("test_map_50", "test_map")


def evaluate_detector(
    network: SSDLite, x: Array, boxes: Sequence[Array], labels: Sequence[Array]
) -> tuple[float, MeanAveragePrecision]:
    """The loss and the mean average precision of a detector in inference mode.

    x is (n, Dᵤ, Dᵤ, M); boxes and labels have for each image its objects, (m, 4) and (m,) from 1, which may be none.
    Detections are those of `npconv.detection.detections` with its defaults. The loss is a mean over the objects, so
    that it does not depend on how many images go through the network at once. The network is left as it is.

    Raises ValueError where there is no object at all, or as the network, `ssd_targets` and `mean_average_precision`.

    >>> from npconv.training import digits_detector, digits_in_the_wild
    >>> task = digits_in_the_wild(train=1, test=2)
    >>> loss, precision = evaluate_detector(digits_detector(), task.x_test, task.boxes_test, task.labels_test)
    >>> precision.mean < 0.1
    True
    """
    instance("evaluate_detector", "network", network, SSDLite)
    measured = Detected(network, check_images("evaluate_detector", x, boxes, labels), boxes, labels)
    for start in range(0, len(x), EVALUATED_AT_ONCE):
        part = slice(start, start + EVALUATED_AT_ONCE)
        measured.add(part, network.forward(x[part]))
    network.forget()
    return measured.loss, measured.precision


class Detected:
    """An evaluation of a detector: its loss and its precision on images, of which some are added at a time."""

    def __init__(
        self, detector: SSDLite, size: tuple[int, int], boxes: Sequence[Array], labels: Sequence[Array]
    ) -> None:
        self.detector, self.size, self.anchors = detector, size, detector.anchors(size)
        self.boxes, self.labels = boxes, labels
        self.found: list[Found] = []
        self._sum, self._positives = 0.0, 0

    def add(self, part: slice, y: Array) -> None:
        """Take in the detector's outputs, (n, A, classes + 4), for a part of the images."""
        logits, codes = self.detector.split(y)
        wanted, targets = ssd_targets(self.anchors, list(self.boxes[part]), list(self.labels[part]))
        count = max(1, int(np.count_nonzero(wanted)))
        self._sum += count * float(ssd_loss(logits, codes, wanted, targets, **LOSS))
        self._positives += count
        self.found += detections(logits, codes, self.anchors, self.size)

    @property
    def loss(self) -> float:
        """The mean loss over the objects' default boxes."""
        return self._sum / self._positives

    @property
    def precision(self) -> MeanAveragePrecision:
        """The mean average precision on all images."""
        return mean_average_precision(list(zip(self.boxes, self.labels, strict=True)), self.found)


def detection_loss(
    detector: SSDLite, y: Array, size: tuple[int, int], boxes: Sequence[Array], labels: Sequence[Array]
) -> tuple[float, Array]:
    """The loss of a detector's outputs, (B, A, classes + 4), and its gradient for them."""
    logits, codes = detector.split(y)
    wanted, targets = ssd_targets(detector.anchors(size), list(boxes), list(labels))
    loss, *gradients = loss_and_gradients(logits, codes, wanted, targets, **LOSS)
    return float(loss), np.concatenate(gradients, axis=-1)


def check_images(function: str, x: Array, boxes: Sequence[Array], labels: Sequence[Array]) -> tuple[int, int]:
    """The height and width of images, once they and the objects are looked at; what is in them the kernels check."""
    array_of(function, "x", x, "f")
    instance(function, "boxes", boxes, list, tuple)
    instance(function, "labels", labels, list, tuple)
    if x.ndim != 4 or not len(x) == len(boxes) == len(labels) >= 1:
        raise ValueError(
            f"{function}: x must be one image or more, (n, H, W, C), each with boxes and labels; got x {x.shape}, "
            f"{len(boxes)} boxes, {len(labels)} labels"
        )
    return x.shape[1], x.shape[2]


def detection_step(
    network: SSDLite,
    optimizer: Optimizer,
    x: Array,
    boxes: Sequence[Array],
    labels: Sequence[Array],
    *,
    learning_rate: float,
) -> float:
    """One step: forward in training mode, `ssd_loss`, backward, the update. Returns the loss before the update.

    x is (B, Dᵤ, Dᵤ, M); boxes and labels have for each image its objects, (m, 4) and (m,) from 1, which may be none.
    """
    instance("detection_step", "network", network, SSDLite)
    size = check_images("detection_step", x, boxes, labels)
    check_step("detection_step", optimizer)
    real("detection_step", "learning_rate", learning_rate, least=0)
    loss, dy = detection_loss(network, network.forward(x, training=True), size, boxes, labels)
    network.backward(dy)
    optimizer.step(network.grads, learning_rate)
    return loss


def train_detector(
    network: SSDLite,
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
    progress: Callable[[int, float, DetectionHistory], None] | None = None,
) -> DetectionHistory:
    """Train a detector in place.

    Args:
        network: an `SSDLite` with the task's classes.
        task: a `DetectionTask`.
        optimizer: built on `network.params`.
        schedule: the learning rate by step, from step 0.
        steps, batch_size, seed, evaluate_every, checkpoint, checkpoint_every, progress: as in `train`.

    Returns:
        The DetectionHistory.

    Raises:
        TypeError, ValueError, OSError: as `train`.

    Each anchor without an object that is chosen to teach is a negative: three for each positive anchor of an image, and
    at least three, so that images without objects teach too. No positive counts twice, as some do by the default of
    `ssd_loss`.

    >>> from npconv.training import Adam, constant, digits_detector, digits_in_the_wild
    >>> network, task = digits_detector(), digits_in_the_wild(train=4, test=2)
    >>> train_detector(network, task, Adam(network.params), constant(0.001), steps=1, batch_size=2).step
    [1]
    """
    instance("train_detector", "network", network, SSDLite)
    instance("train_detector", "task", task, DetectionTask)
    return train_for(
        "train_detector", _Boxed(network, task), optimizer, schedule, steps=steps, batch_size=batch_size,
        seed=seed, evaluate_every=evaluate_every, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
        progress=progress,
    )  # fmt: skip


def boxed_arrays(task: DetectionTask) -> list[Array]:
    """The arrays of a task, masks apart, among them the counts of objects in each image."""
    lists = (task.boxes_train, task.labels_train, task.boxes_test, task.labels_test)
    counts = (np.array([len(each) for each in boxes], np.int64) for boxes in (task.boxes_train, task.boxes_test))
    return [task.x_train, task.x_test, *counts, *(np.concatenate(each) for each in lists)]


class _Boxed(Objective[DetectionHistory]):
    """The objective of `train_detector`: boxes and labels of the objects in each image."""

    curves = DetectionHistory
    network: SSDLite

    def __init__(self, network: SSDLite, task: DetectionTask) -> None:
        super().__init__(network, task, boxed_arrays(task), LOSS_SETTINGS)

    def check_outputs(self, function: str, images: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        check_classes(function, self.network.classes, self.task)

    def step(self, optimizer: Optimizer, chosen: Array, learning_rate: float) -> float:
        task = self.task
        boxes, labels = ([of[image] for image in chosen] for of in (task.boxes_train, task.labels_train))
        return detection_step(self.network, optimizer, task.x_train[chosen], boxes, labels, learning_rate=learning_rate)

    def measure(self) -> dict[str, float]:
        task = self.task
        loss, precision = evaluate_detector(self.network, task.x_test, task.boxes_test, task.labels_test)
        return {"test_loss": loss, "test_map_50": precision.by_threshold[0.5], "test_map": precision.mean}
