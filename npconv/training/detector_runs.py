"""An SSDLite trained by `npconv train ssdlite`, on the digits in the wild or on images and boxes of one's own."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..data import read_json
from ..files import write_whole
from ..kernels.arguments import as_path, assign, callables, instance, integer, plain, positive, real
from ..models.ssdlite import SSDLite
from .detection import DetectionHistory, train_detector
from .detectors import WIDEST, detector_for, digits_detector
from .optimizers import Adam
from .schedules import cosine
from .wild_digits import DetectionTask, digits_in_the_wild

NETWORK, RECORD, CHECKPOINT = "network.npz", "history.json", "checkpoint.npz"
WARMUP = 30  # steps


@dataclass(frozen=True)
class DetectorSettings:
    """The settings of `train_ssdlite`.

    Adam makes `steps` steps of `batch_size` images. Its learning rate rises over 30 steps and falls along a cosine to
    0. `width` multiplies the channels of the network for one's own images; `seed` is that of the first parameters and
    of the order of the examples. NumPy's numbers are kept as Python's.

    Raises TypeError where a count is not an int or another not a number, ValueError where one of them is out of range.

    >>> DetectorSettings(steps=200).schedule
    cosine(rate=0.01, steps=200, warmup=30, final=0.0)
    """

    steps: int = 2400
    batch_size: int = 16
    learning_rate: float = 0.01
    width: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))
        for name, least in (("steps", 1), ("batch_size", 1), ("seed", 0)):
            integer("DetectorSettings", name, getattr(self, name), least)
        positive("DetectorSettings", "learning_rate", self.learning_rate)
        real("DetectorSettings", "width", self.width, above=0, below=WIDEST)

    @property
    def schedule(self) -> cosine:
        """The learning rate by step."""
        return cosine(self.learning_rate, self.steps, warmup=min(WARMUP, self.steps - 1))

    @property
    def evaluate_every(self) -> int:
        """The steps between two evaluations: a tenth of all, a quarter of fewer than 1,000, as each takes seconds."""
        return max(1, self.steps // (10 if self.steps >= 1000 else 4))


FULL = DetectorSettings()
QUICK = replace(FULL, steps=500, learning_rate=0.02)
SEEDS = tuple(range(300, 305))
STORED, STORED_NETWORK = "ssdlite_digits.json", "ssdlite_digits.npz"


@dataclass(frozen=True)
class TrainedDetector:
    """A trained detector and its history; `record` is what history.json holds."""

    network: SSDLite
    history: DetectionHistory
    record: dict[str, Any]


def train_ssdlite(
    task: DetectionTask | None,
    settings: DetectorSettings,
    folder: str | Path,
    *,
    progress: Callable[[int, float, DetectionHistory], None] | None = None,
) -> TrainedDetector:
    """Train the detector that suits a task, and write it and its history into a folder.

    Args:
        task: a `DetectionTask`; None is `digits_in_the_wild()`, whose network is `digits_detector`. For another task it
            is `detector_for`.
        settings: a `DetectorSettings`.
        folder: for network.npz, which `npconv.models.read_network` reads, history.json (settings and curves), both
            written at the end, and for checkpoint.npz. If there is one of the same data and settings, training
            continues from it, to the same bits as if it had never stopped.
        progress: as in `train`. An exception that it raises ends the run; the checkpoint stays, to continue from.

    Returns:
        A `TrainedDetector`.

    Raises:
        ValueError: a batch larger than the training images, a checkpoint of another run, a loss that is not finite.
        OSError: the folder cannot be written.
    """
    instance("train_ssdlite", "task", task, DetectionTask, type(None))
    instance("train_ssdlite", "settings", settings, DetectorSettings)
    folder = as_path("train_ssdlite", "folder", folder)
    if progress is not None:
        callables("train_ssdlite", progress=progress)
    data = wild_digits() if task is None else task
    height, width, channels = data.x_train.shape[1:]
    if task is None:
        network = digits_detector(seed=settings.seed)
    else:
        network = detector_for(
            (height, width, channels), task.classes, task.boxes_train, width=settings.width, seed=settings.seed
        )
    history = train_detector(
        network,
        data,
        Adam(network.params),
        settings.schedule,
        steps=settings.steps,
        batch_size=settings.batch_size,
        seed=settings.seed,
        evaluate_every=settings.evaluate_every,
        checkpoint=folder / CHECKPOINT,
        checkpoint_every=settings.evaluate_every,
        progress=progress,
    )
    network.save(folder / NETWORK)
    record = {
        "data": data.name,
        "description": data.description,
        "image_shape": [height, width, channels],
        "classes": data.classes,
        "train_images": len(data.x_train),
        "test_images": len(data.x_test),
        "settings": asdict(settings),
        "history": history.as_dict(),
        "numpy": np.__version__,
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1))
    return TrainedDetector(network, history, record)


def run_seeds(
    settings: DetectorSettings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    task: DetectionTask | None = None,
    progress: Callable[[str], None] | None = None,
    count: Callable[[int, int, DetectionHistory], None] | None = None,
) -> dict[str, Any]:
    """The same training with several seeds, one after the other, each in a folder of its own, seed-300, seed-301, ….

    Args:
        settings: a `DetectorSettings`, whose seed is replaced by each of the seeds.
        seeds: one or more.
        folder: for the runs' folders, which have what `train_ssdlite` writes. A run that was stopped continues.
        task: as in `train_ssdlite`.
        progress: called with a line after every run.
        count: called after every step with the seed, the number of its steps done, and its history so far. An exception
            that it raises ends the run; its checkpoint stays, to continue from.

    Returns:
        Plain data: data, description, classes, the numbers of images, settings, seeds, NumPy's version, and runs, each
        with its seed and the lists of its `DetectionHistory`.

    Raises:
        TypeError: a seed that is not an int.
        ValueError: no seed, a seed twice or below 0; and as `train_ssdlite`.
        OSError: the folder cannot be written, or another call has it.
    """
    seeds = [integer("run_seeds", "seed", seed, 0) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"run_seeds: seeds must be one or more, each once; got {tuple(seeds)}")
    folder = as_path("run_seeds", "folder", folder)
    records = []
    for number, seed in enumerate(seeds, 1):
        told = None if count is None else partial(_count, count, seed)
        records.append(train_ssdlite(task, replace(settings, seed=seed), folder / f"seed-{seed}", progress=told).record)
        if progress is not None:
            history = records[-1]["history"]
            reached = f"mAP@.5 {history['test_map_50'][-1]:.3f}, mAP {history['test_map'][-1]:.3f}"
            progress(f"[{number}/{len(seeds)}] seed {seed}: {reached}")
    shared = {name: value for name, value in records[0].items() if name != "history"}
    shared["settings"] = {name: value for name, value in shared["settings"].items() if name != "seed"}
    runs = [{"seed": seed, **record["history"]} for seed, record in zip(seeds, records, strict=True)]
    return shared | {"seeds": seeds, "runs": runs}


def _count(
    count: Callable[[int, int, DetectionHistory], None], seed: int, done: int, loss: float, history: DetectionHistory
) -> None:
    count(seed, done, history)


@lru_cache(maxsize=1)
def wild_digits() -> DetectionTask:
    """The digits in the wild that all runs share; made once in a process."""
    return digits_in_the_wild()


def stored_results() -> dict[str, Any]:
    """The results of `run_seeds` for `FULL` and `SEEDS`; they ship with the package."""
    return dict(read_json(STORED))
