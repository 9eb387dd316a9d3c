"""Training on images with labels: the step, the measurements, and the loop from batches to a trained network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..kernels.arguments import array_of, instance, integer, real
from ..kernels.geometry import Array
from ..kernels.head import softmax_cross_entropy, softmax_cross_entropy_backward
from ..layers import Layer
from .labels import smooth_labels
from .optimizers import Optimizer
from .resumable import Curves, Objective, check_step, different as different, train_for
from .tasks import Task

EVALUATED_AT_ONCE = 256  # images


@dataclass
class History(Curves):
    """The measurements of a run: four lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean loss over the steps since `step[i - 1]`, with smoothed labels; test loss (in nats,
    labels as they are) and accuracy are those after step[i] steps, in inference mode.
    """

    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    SHARES: ClassVar[tuple[str, ...]] = ("test_accuracy",)


def evaluate(network: Layer, x: Array, labels: Array) -> tuple[float, float]:
    """The mean loss in nats and the accuracy of a network in inference mode.

    x is (n, Dᵤ, Dᵤ, M), labels (n,) integers. The network is left as it is, running statistics too.

    Raises TypeError where labels are not an ndarray of integers, ValueError where there is no image, not one label for
    each, or a label that has no logit; as the network does, where images don't fit.

    >>> from npconv.models import small_mobilenet_v2
    >>> loss, accuracy = evaluate(small_mobilenet_v2(3), np.ones((2, 8, 8, 1), np.float32), np.array([0, 1]))
    >>> accuracy <= 0.5
    True
    """
    loss, right = 0.0, 0
    for part, logits in _logits("evaluate", network, x, labels):
        loss += float(softmax_cross_entropy(logits, labels[part])) * len(logits)
        right += int((logits.argmax(axis=1) == labels[part]).sum())
    return loss / len(x), right / len(x)


def confusion(network: Layer, x: Array, labels: Array, classes: int) -> Array:
    """The number of images of each class (rows) that are taken for each class (columns), (classes, classes) integers.

    x is (n, Dᵤ, Dᵤ, M), labels (n,) integers below `classes`; errors as in `evaluate`, and ValueError where the network
    doesn't return one logit a class.

    >>> from npconv.models import small_mobilenet_v2
    >>> confusion(small_mobilenet_v2(3), np.ones((2, 8, 8, 1), np.float32), np.array([0, 1]), 3).sum(axis=1)
    array([1, 1, 0])
    """
    classes = integer("confusion", "classes", classes)
    counts = np.zeros((classes, classes), np.int64)
    for part, logits in _logits("confusion", network, x, labels):
        if logits.shape[1] != classes:
            raise ValueError(f"confusion: network must return logits (B, {classes}); got {logits.shape}")
        if labels[part].min() < 0 or labels[part].max() >= classes:
            span = f"{labels.min()} to {labels.max()}"
            raise ValueError(f"confusion: labels must lie between 0 and {classes - 1}; got {span}")
        np.add.at(counts, (labels[part], logits.argmax(axis=1)), 1)
    return counts


def _logits(function: str, network: Layer, x: Array, labels: Array) -> Iterator[tuple[slice, Array]]:
    """The logits of a part of x at a time, in inference mode."""
    instance(function, "network", network, Layer)
    instance(function, "x", x, np.ndarray)
    array_of(function, "labels", labels, "iu")
    if labels.ndim != 1:
        raise ValueError(f"{function}: labels must be (n,), one for each image; got labels {labels.shape}")
    if x.shape[:1] != labels.shape or not labels.size:
        raise ValueError(
            f"{function}: x must be one image or more, each with a label; got x {x.shape}, labels {labels.shape}"
        )
    for start in range(0, len(x), EVALUATED_AT_ONCE):
        part = slice(start, start + EVALUATED_AT_ONCE)
        yield part, network.forward(x[part], training=False)


def training_step(
    network: Layer,
    optimizer: Optimizer,
    x: Array,
    labels: Array,
    *,
    classes: int,
    learning_rate: float,
    smoothing: float,
) -> float:
    """One step: forward in training mode, the loss, backward, the update. Returns the loss before the update.

    x is (B, Dᵤ, Dᵤ, M), labels (B,) integers below `classes`, smoothing the share of label smoothing.
    """
    instance("training_step", "network", network, Layer)
    check_step("training_step", optimizer)
    logits = network.forward(x, training=True)
    targets = smooth_labels(labels, classes, smoothing, dtype=np.result_type(logits, np.float32))
    loss = float(softmax_cross_entropy(logits, targets))
    network.backward(softmax_cross_entropy_backward(1.0, logits, targets))
    optimizer.step(network.grads, learning_rate)
    return loss


def train(
    network: Layer,
    task: Task,
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    *,
    steps: int,
    batch_size: int = 64,
    smoothing: float = 0.1,
    seed: int = 0,
    evaluate_every: int = 100,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: Callable[[int, float, History], None] | None = None,
) -> History:
    """Train a network in place.

    Args:
        network: a Layer whose output is logits (B, task.classes).
        task: a `Task`.
        optimizer: built on `network.params`.
        schedule: the learning rate by step, from step 0.
        steps: the number of updates.
        batch_size: B; an epoch's last, smaller batch is left out.
        smoothing: of the labels, 0 to leave them as they are.
        seed: of the order of the examples; the same seed gives the same run to the last bit on the same machine.
        evaluate_every: the steps between two evaluations of the test set, which is also evaluated after the last step.
        checkpoint: an .npz file that is written whole every `checkpoint_every` steps, at the end, and where `progress`
            raises an exception. If it exists the run continues from it, to the same bits as if it had never stopped.
            Of several processes that would write it the first one has it.
        checkpoint_every: steps.
        progress: called after every step with the number of steps done, its loss, and the history so far. An exception
            that it raises ends the run.

    Returns:
        The History.

    Raises:
        TypeError: a count that is not an int.
        ValueError: a count out of range, a network that doesn't take the task's images or doesn't return one logit a
            class, an optimizer of other parameters than the network's, a checkpoint of another run or network (with
            what differs; nothing is changed then) or damaged, or a loss or a parameter that is not finite.
        OSError: the checkpoint cannot be written, or another run has it.

    Source: the MobileNetV2 paper, section 6.1, for the loss, label smoothing as in slim.

    >>> from npconv.models import SMALL_ROWS, small_mobilenet_v2
    >>> from npconv.training import SGD, constant, digits
    >>> network = small_mobilenet_v2(10, rows=SMALL_ROWS[:1])
    >>> history = train(network, digits(), SGD(network.params, momentum=0.9), constant(0.05), steps=2, batch_size=16)
    >>> history.step
    [2]
    """
    instance("train", "network", network, Layer)
    instance("train", "task", task, Task)
    return train_for(
        "train", _Labelled(network, task, smoothing), optimizer, schedule, steps=steps, batch_size=batch_size,
        seed=seed, evaluate_every=evaluate_every, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
        progress=progress,
    )  # fmt: skip


class _Labelled(Objective[History]):
    """The objective of `train`: the right label for each image."""

    curves = History

    def __init__(self, network: Layer, task: Task, smoothing: float) -> None:
        self.smoothing = real("train", "smoothing", smoothing, least=0, below=1)
        arrays = (task.x_train, task.y_train, task.x_test, task.y_test)
        super().__init__(network, task, arrays, {"smoothing": self.smoothing})

    def check_outputs(self, function: str, images: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        if outputs != (images[0], self.task.classes):
            raise ValueError(
                f"{function}: network must return logits (B, {self.task.classes}), one for each class of "
                f"{self.task.name}; it returns {outputs} for images {images}"
            )

    def step(self, optimizer: Optimizer, chosen: Array, learning_rate: float) -> float:
        task = self.task
        return training_step(
            self.network, optimizer, task.x_train[chosen], task.y_train[chosen],
            classes=task.classes, learning_rate=learning_rate, smoothing=self.smoothing,
        )  # fmt: skip

    def measure(self) -> dict[str, float]:
        loss, accuracy = evaluate(self.network, self.task.x_test, self.task.y_test)
        return {"test_loss": loss, "test_accuracy": accuracy}
