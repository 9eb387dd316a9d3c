"""The networks that `npconv train` trains on the digits in the wild or on one's own images: for boxes, masks, or both.

A `Recipe` has all that differs between them. The rest is the same: a folder a run, a record, and several seeds.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..data import read_json
from ..files import write_whole
from ..kernels.arguments import (
    as_path,
    assign,
    boolean,
    callables,
    instance,
    integer,
    one_of,
    plain,
    positive,
    real,
)
from ..kernels.geometry import Array
from ..models.with_heads import NetworkWithHeads
from .detection import train_detector
from .detection_data import detection_remarks, read_detection_task
from .detectors import WIDEST, detector_for, digits_detector
from .multi_task import evaluate_multi_task, train_multi_task
from .optimizers import Adam
from .resumable import Curves
from .schedules import cosine
from .segmentation import evaluate_segmenter, train_segmenter
from .segmentation_data import multi_remarks, read_multi_task, read_segmentation_task, segmentation_remarks
from .segmenters import digits_multi_task, digits_segmenter, multi_task_for, segmenter_for
from .wild_digits import DetectionTask, SegmentationTask, digits_in_the_wild

NETWORK, RECORD, CHECKPOINT = "network.npz", "history.json", "checkpoint.npz"
WARMUP = 30  # steps

AnyTask: TypeAlias = DetectionTask | SegmentationTask


@dataclass(frozen=True)
class RecipeSettings:
    """The settings of `train_recipe`.

    Adam makes `steps` steps of `batch_size` images. Its learning rate rises over 30 steps and falls along a cosine to
    0. `width` multiplies the channels of the network for one's own images; `seed` is that of the first parameters and
    of the order of the examples. NumPy's numbers are kept as Python's.

    Raises TypeError where a count is not an int or another not a number, ValueError where one of them is out of range.

    >>> RecipeSettings(steps=200).schedule
    cosine(rate=0.01, steps=200, warmup=30, final=0.0)
    """

    steps: int = 2400
    batch_size: int = 16
    learning_rate: float = 0.01
    width: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))
        function = type(self).__name__
        for name, least in (("steps", 1), ("batch_size", 1), ("seed", 0)):
            integer(function, name, getattr(self, name), least)
        positive(function, "learning_rate", self.learning_rate)
        real(function, "width", self.width, above=0, below=WIDEST)

    @property
    def schedule(self) -> cosine:
        """The learning rate by step."""
        return cosine(self.learning_rate, self.steps, warmup=min(WARMUP, self.steps - 1))

    @property
    def evaluate_every(self) -> int:
        """The steps between two evaluations: a tenth of all, a quarter of fewer than 1,000, as each takes seconds."""
        return max(1, self.steps // (10 if self.steps >= 1000 else 4))

    def digits(self) -> AnyTask:
        """The digits in the wild as these settings take them."""
        return wild_digits()


@dataclass(frozen=True)
class MaskSettings(RecipeSettings):
    """The settings of `train_recipe` for masks alone: those of `RecipeSettings`, and `ink_only`.

    With `ink_only` the digits' masks have two classes, background and ink, instead of eleven.
    """

    ink_only: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        boolean("MaskSettings", "ink_only", self.ink_only)

    def digits(self) -> SegmentationTask:
        """The digits in the wild as these settings take them: images and masks."""
        return SegmentationTask.of(wild_digits(), ink_only=self.ink_only)


@dataclass(frozen=True)
class Recipe:
    """One kind of network: how it is built and trained, and the settings of its stored and of its quick runs.

    `read` reads a task of one's own, and `remarks` warns of one. `of_digits` builds the network from settings,
    `of_task` from a task and settings; `measures` are those of its history that are told, with their names in words;
    `confusion` measures the confusion of the test images' pixels, if it has masks.
    """

    task: type[AnyTask]
    read: Callable[[str | Path], AnyTask]
    remarks: Callable[[Any], list[str]]
    full: RecipeSettings
    quick: RecipeSettings
    seeds: tuple[int, ...]
    of_digits: Callable[[Any], NetworkWithHeads]
    of_task: Callable[[Any, Any], NetworkWithHeads]
    train: Callable[..., Curves]
    measures: Mapping[str, str]
    confusion: Callable[[Any, Any], Array] | None = None

    def reached(self, history: Mapping[str, Any]) -> str:
        """The last measurements of a history in words."""
        return ", ".join(f"{words} {history[name][-1]:.3f}" for name, words in self.measures.items())


def _masked(head: str, full: MaskSettings, quick: MaskSettings, seeds: range) -> Recipe:
    return Recipe(
        SegmentationTask, read_segmentation_task, segmentation_remarks, full, quick, tuple(seeds),
        lambda settings: digits_segmenter(head, classes=settings.digits().classes, seed=settings.seed),
        lambda task, settings: segmenter_for(
            task.x_train.shape[1:], task.classes, head=head, width=settings.width, seed=settings.seed
        ),
        train_segmenter, {"test_miou": "mIoU"},
        lambda network, task: evaluate_segmenter(network, task.x_test, task.masks_test)[1],
    )  # fmt: skip


FAST = MaskSettings(steps=280, learning_rate=0.02, ink_only=True)
BOXED = {"test_map_50": "mAP@.5", "test_map": "mAP@.5:.95"}
RECIPES = {
    "ssdlite": Recipe(
        DetectionTask, read_detection_task, detection_remarks, RecipeSettings(),
        RecipeSettings(steps=500, learning_rate=0.02), tuple(range(300, 305)),
        lambda settings: digits_detector(seed=settings.seed),
        lambda task, settings: detector_for(
            task.x_train.shape[1:], task.classes, task.boxes_train, width=settings.width, seed=settings.seed
        ),
        train_detector, BOXED,
    ),
    "lr_aspp": _masked("lr_aspp", replace(FAST, steps=1600, ink_only=False), FAST, range(330, 335)),
    "deeplab": _masked("deeplab", replace(FAST, steps=800), FAST, range(340, 345)),
    "both": Recipe(
        DetectionTask, read_multi_task, multi_remarks, RecipeSettings(learning_rate=0.02),
        RecipeSettings(steps=400, learning_rate=0.02), tuple(range(350, 355)),
        lambda settings: digits_multi_task(seed=settings.seed),
        lambda task, settings: multi_task_for(
            task.x_train.shape[1:], task.classes, task.boxes_train, width=settings.width, seed=settings.seed
        ),
        train_multi_task, BOXED | {"test_miou": "mIoU"},
        lambda network, task: evaluate_multi_task(
            network, task.x_test, task.boxes_test, task.labels_test, task.masks_test
        )[2],
    ),
}  # fmt: skip
"""The recipes by the names that `npconv train` has for them."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and its history; `record` is what history.json holds."""

    network: NetworkWithHeads
    history: Curves
    record: dict[str, Any]


def train_recipe(
    kind: str,
    task: AnyTask | None,
    settings: RecipeSettings,
    folder: str | Path,
    *,
    progress: Callable[[int, float, Any], None] | None = None,
) -> TrainedNetwork:
    """Train the network that suits a task, and write it and its history into a folder.

    Args:
        kind: "ssdlite" for boxes, "lr_aspp" or "deeplab" for masks, "both" for SSDLite and LR-ASPP on one backbone.
        task: a `DetectionTask`, for masks alone a `SegmentationTask`, and for both a `DetectionTask` with masks; None
            is the digits in the wild, which have networks of their own: `digits_detector`, `digits_segmenter`,
            `digits_multi_task`. For another task it is `detector_for`, `segmenter_for` or `multi_task_for`.
        settings: a `RecipeSettings`, for masks alone a `MaskSettings`.
        folder: for network.npz, which `npconv.models.read_network` reads, history.json (settings, curves, and with
            masks the confusion of the test images' pixels), both written at the end, and for checkpoint.npz. If there
            is one of the same data and settings, training continues from it, to the same bits as if it had never
            stopped.
        progress: as in `train`. An exception that it raises ends the run; the checkpoint stays, to continue from.

    Returns:
        A `TrainedNetwork`.

    Raises:
        TypeError: a task or settings of another kind.
        ValueError: another kind, a task without masks, a batch larger than the training images, a checkpoint of another
            run, a loss that is not finite.
        OSError: the folder cannot be written.
    """
    recipe = RECIPES[one_of("train_recipe", "kind", kind, RECIPES)]
    instance("train_recipe", "task", task, recipe.task, type(None))
    instance("train_recipe", "settings", settings, type(recipe.full))
    folder = as_path("train_recipe", "folder", folder)
    if progress is not None:
        callables("train_recipe", progress=progress)
    data = settings.digits() if task is None else task
    network = recipe.of_digits(settings) if task is None else recipe.of_task(task, settings)
    history = recipe.train(
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
        "image_shape": list(data.x_train.shape[1:]),
        "classes": data.classes,
        "train_images": len(data.x_train),
        "test_images": len(data.x_test),
        "settings": asdict(settings),
        "history": history.as_dict(),
        **({} if recipe.confusion is None else {"confusion": recipe.confusion(network, data).tolist()}),
        "numpy": np.__version__,
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1))
    return TrainedNetwork(network, history, record)


def run_seeds(
    kind: str,
    settings: RecipeSettings | None = None,
    seeds: Sequence[int] | None = None,
    *,
    folder: str | Path,
    task: AnyTask | None = None,
    progress: Callable[[str], None] | None = None,
    count: Callable[[int, int, Any], None] | None = None,
) -> dict[str, Any]:
    """The same training with several seeds, one after the other, each in a folder of its own, seed-300, seed-301, ….

    Args:
        kind: as in `train_recipe`.
        settings: those of `train_recipe`, whose seed is replaced by each of the seeds; None is the stored runs'.
        seeds: one or more; None is the stored runs'.
        folder: for the runs' folders, which have what `train_recipe` writes. A run that was stopped continues.
        task: as in `train_recipe`.
        progress: called with a line after every run.
        count: called after every step with the seed, the number of its steps done, and its history so far. An exception
            that it raises ends the run; its checkpoint stays, to continue from.

    Returns:
        Plain data: data, description, classes, the numbers of images, settings, seeds, NumPy's version, and runs, each
        with its seed, the lists of its history, and with masks its confusion.

    Raises:
        TypeError: a seed that is not an int.
        ValueError: no seed, a seed twice or below 0; and as `train_recipe`.
        OSError: the folder cannot be written, or another call has it.
    """
    recipe = RECIPES[one_of("run_seeds", "kind", kind, RECIPES)]
    settings = recipe.full if settings is None else settings
    seeds = [integer("run_seeds", "seed", seed, 0) for seed in (recipe.seeds if seeds is None else seeds)]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"run_seeds: seeds must be one or more, each once; got {tuple(seeds)}")
    folder = as_path("run_seeds", "folder", folder)
    records = []
    for number, seed in enumerate(seeds, 1):
        told = None if count is None else partial(_count, count, seed)
        own = replace(settings, seed=seed)
        records.append(train_recipe(kind, task, own, folder / f"seed-{seed}", progress=told).record)
        if progress is not None:
            progress(f"[{number}/{len(seeds)}] seed {seed}: {recipe.reached(records[-1]['history'])}")
    return of_seeds(seeds, records)


def of_seeds(seeds: Sequence[int], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The result of `run_seeds` from the records of its runs."""
    shared = {name: value for name, value in records[0].items() if name not in ("history", "confusion")}
    shared["settings"] = {name: value for name, value in shared["settings"].items() if name != "seed"}
    runs = [
        {"seed": seed, **record["history"], **{name: record[name] for name in ("confusion",) if name in record}}
        for seed, record in zip(seeds, records, strict=True)
    ]
    return shared | {"seeds": list(seeds), "runs": runs}


def _count(count: Callable[[int, int, Any], None], seed: int, done: int, loss: float, history: Any) -> None:
    count(seed, done, history)


@lru_cache(maxsize=1)
def wild_digits() -> DetectionTask:
    """The digits in the wild that all runs share; made once in a process."""
    return digits_in_the_wild()


def stored_results(kind: str) -> dict[str, Any]:
    """The results of `run_seeds` with the recipe's full settings and seeds; they ship with the package.

    Raises ValueError for another kind.
    """
    return dict(read_json(f"{one_of('stored_results', 'kind', kind, RECIPES)}_digits.json"))
