"""A small MobileNetV2 trained on one's own images by `npconv train`, and the files that this writes."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..files import as_npz, parse_json, write_whole
from ..kernels.arguments import as_path, assign, callables, instance, integer, one_of, plain, real
from ..kernels.geometry import Array
from ..layers import Sequential
from ..models import SMALL_ROWS, Row, small_mobilenet_v2
from .loop import History, confusion, train
from .optimizers import SGD, Optimizer, RMSProp, decays_kernels
from .records import SETTINGS, TEXT, check, every, numbers, rising, whole
from .schedules import constant, cosine, exponential
from .tasks import Task, of_an_image, standardized

STEM = 16  # channels
FURTHER_ROWS = ((64, Row(6, 64, 2, 2)), (128, Row(6, 160, 2, 2)))  # from this many pixels a side on
NETWORK, RECORD, CHECKPOINT = "network.npz", "history.json", "checkpoint.npz"
EPOCHS = 10
EVALUATIONS = 10
WIDEST = 32  # as many times the channels: the largest network has parameters of some gigabytes

SCHEDULES, OPTIMIZERS = ("cosine", "exponential", "constant"), ("sgd", "rmsprop")
_RANGES: dict[str, dict[str, float]] = {
    "learning_rate": {"above": 0},
    "momentum": {"least": 0, "below": 1},
    "weight_decay": {"least": 0},
    "smoothing": {"least": 0, "below": 1},
    "width": {"above": 0, "below": WIDEST},
}


@dataclass(frozen=True)
class RunSettings:
    """The settings of `train_small`.

    `steps` None is that of 10 epochs; the schedule is "cosine", "exponential" (times 0.98 after each epoch) or
    "constant"; the optimizer is "sgd", which looks ahead after Nesterov, or "rmsprop"; weight decay leaves out batch
    normalisation, biases and depthwise kernels; `width` multiplies the channels of all layers but the last; `seed` is
    that of the first parameters and of the order of the examples. NumPy's numbers are kept as Python's.

    Raises TypeError where a count is not an int or another not a number, ValueError where one of them is out of range
    or a choice is none of those.

    >>> RunSettings(steps=200, schedule="constant").learning_rate
    0.1
    """

    steps: int | None = None
    batch_size: int = 64
    learning_rate: float = 0.1
    schedule: str = "cosine"
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 4e-5
    smoothing: float = 0.1
    width: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))
        for name, least in (("steps", 1), ("batch_size", 1), ("seed", 0)):
            if name != "steps" or self.steps is not None:
                integer("RunSettings", name, getattr(self, name), least)
        for name, bounds in _RANGES.items():
            real("RunSettings", name, getattr(self, name), **bounds)
        one_of("RunSettings", "schedule", self.schedule, SCHEDULES)
        one_of("RunSettings", "optimizer", self.optimizer, OPTIMIZERS)

    def of(self, task: Task) -> "RunSettings":
        """The same with the number of steps filled in."""
        return self if self.steps is not None else replace(self, steps=EPOCHS * epoch(self, task))


def epoch(settings: RunSettings, task: Task) -> int:
    """The number of steps that go once through the training images."""
    return max(1, len(task.x_train) // settings.batch_size)


@dataclass(frozen=True)
class Trained:
    """A trained network, its history, and the confusion of the test images.

    `confusion` is (classes, classes), rows the true class, columns what it was taken for; `record` is what history.json
    holds.
    """

    network: Sequential
    history: History
    confusion: Array
    record: dict[str, Any]


def network_for(image_shape: tuple[int, int, int], classes: int, *, width: float = 1.0, seed: int = 0) -> Sequential:
    """A `small_mobilenet_v2` of a depth that suits the images.

    Args:
        image_shape: (height, width, M) of an image.
        classes: how many there are.
        width: multiplies the channels of the stem and of the rows, rounded, at least 1; above 0 and below 32.
        seed: of the kernels.

    Returns:
        A `Sequential`. With d the smaller of height and width, the stem has stride 2 from d = 16 on, else 1; the two
        rows of stride 2 follow; from d = 64 on there is a row more, (t, c, n, s) = (6, 64, 2, 2), and from d = 128 on
        another, (6, 160, 2, 2). So the last maps are 2 to 8 pixels high or wide for d from 8 to 256.

    Raises:
        TypeError, ValueError: sizes out of range.

    >>> [network_for((d, d, 3), 10).layers["stem"].geometry["stride"] for d in (8, 15, 16, 64)]
    [1, 1, 2, 2]
    >>> network_for((64, 80, 3), 10, width=0.25).layers["block_6"].params["project.kernel"].shape
    (48, 16)
    """
    *sides, channels = of_an_image("network_for", image_shape)
    width = real("network_for", "width", width, above=0, below=WIDEST)
    side = min(sides)
    rows = (*SMALL_ROWS, *(row for least, row in FURTHER_ROWS if side >= least))
    return small_mobilenet_v2(
        classes,
        channels,
        rows=[row._replace(channels=max(1, round(row.channels * width))) for row in rows],
        stem_channels=max(1, round(STEM * width)),
        stem_stride=2 if side >= 16 else 1,
        seed=seed,
    )


def train_small(
    task: Task,
    settings: RunSettings,
    folder: str | Path,
    *,
    progress: Callable[[int, float, History], None] | None = None,
) -> Trained:
    """Train the network that suits a task, and write it and its history into a folder.

    Args:
        task: as it was read; it is standardised here.
        settings: a `RunSettings`.
        folder: for network.npz (all arrays of the network), history.json (settings, the statistics of standardisation,
            the curves, the confusion of test images), both written at the end, and for checkpoint.npz until
            then. If there is one of the same data and settings, training continues from it.
        progress: as in `train`. An exception that it raises ends the run; the checkpoint stays, to continue from.

    Returns:
        A `Trained`.

    Raises:
        ValueError: a batch larger than the training images, a checkpoint of another run, a loss that is not finite.
        OSError: the folder cannot be written.
    """
    instance("train_small", "task", task, Task)
    instance("train_small", "settings", settings, RunSettings)
    settings, folder = settings.of(task), as_path("train_small", "folder", folder)
    if progress is not None:
        callables("train_small", progress=progress)
    steps = settings.steps or 0
    standard, mean, deviation = standardized(task)
    height, width, channels = task.x_train.shape[1:]
    network = network_for((height, width, channels), task.classes, width=settings.width, seed=settings.seed)
    evaluate_every = max(1, steps // EVALUATIONS)
    history = train(
        network,
        standard,
        _optimizer(settings, network),
        _schedule(settings, steps, epoch(settings, task)),
        steps=steps,
        batch_size=settings.batch_size,
        smoothing=settings.smoothing,
        seed=settings.seed,
        evaluate_every=evaluate_every,
        checkpoint=folder / CHECKPOINT,
        checkpoint_every=evaluate_every,
        progress=progress,
    )
    write_whole(folder / NETWORK, as_npz(network.arrays()))
    counts = confusion(network, standard.x_test, standard.y_test, task.classes)
    record = {
        "data": task.name,
        "description": task.description,
        "image_shape": [height, width, channels],
        "classes": task.classes,
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "settings": asdict(settings),
        "history": history.as_dict(),
        "confusion": counts.tolist(),
        "numpy": np.__version__,
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1))
    return Trained(network, history, counts, record)


def read_trained(folder: str | Path) -> Trained:
    """The results of `train_small` in a folder: the network with its arrays, and its history.

    New images go through `(images - record["mean"]) / record["deviation"]` first, scaled as the task's were.

    Raises OSError where a file is missing, ValueError where one is not of that kind.
    """
    folder = as_path("read_trained", "folder", folder)
    file = folder / RECORD
    try:
        record = parse_json(file.read_text(encoding="utf-8"))
        settings, history, counts = _read_record(record)
    except (ValueError, TypeError) as error:
        raise ValueError(f"read_trained: {file} is no record of a training run: {error}") from error
    shape, classes = tuple(record["image_shape"]), record["classes"]
    network = network_for(shape, classes, width=settings.width, seed=settings.seed)
    network.load(weights := folder / NETWORK)
    for name, a in network.arrays().items():
        if not np.isfinite(a).all():
            raise ValueError(f"read_trained: {weights}: not all numbers of {name} are finite")
    return Trained(network, history, counts, record)


def _read_record(record: Any) -> tuple[RunSettings, History, Array]:
    """The settings, the history and the confusion in a record, all of whose fields are checked."""
    check(record, {"settings": SETTINGS, "classes": whole(1), "image_shape": every(whole(1), 3)})
    settings, classes, channels = RunSettings(**record["settings"]), record["classes"], record["image_shape"][2]
    check(record, {
        "data": TEXT, "description": TEXT, "numpy": TEXT, "mean": numbers(channels), "deviation": numbers(channels, 0),
        "confusion": every(every(whole(0), classes), classes),
    })  # fmt: skip
    check(record["settings"], {"steps": whole(1), "batch_size": whole(1), "seed": whole(0)})
    history = History.from_record(record.get("history"), rising(record["settings"]["steps"]))
    return settings, history, np.array(record["confusion"], np.int64)


def _optimizer(settings: RunSettings, network: Sequential) -> Optimizer:
    options: dict[str, Any] = {"weight_decay": settings.weight_decay, "decays": decays_kernels}
    if settings.optimizer == "sgd":
        nesterov = settings.momentum != 0
        return SGD(network.params, momentum=settings.momentum, nesterov=nesterov, **options)
    return RMSProp(network.params, momentum=settings.momentum, **options)


def _schedule(settings: RunSettings, steps: int, epoch: int) -> Callable[[int], float]:
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        return cosine(rate, steps)
    if settings.schedule == "exponential":
        return exponential(rate, every=epoch)
    return constant(rate)
