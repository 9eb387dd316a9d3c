"""The seeds and the questions of the experiment on segmentation, and its results that ship."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...data import read_json
from ..fig07.experiment import Count, run_experiment
from .settings import SegmentationSettings

FULL = SegmentationSettings()
QUICK = replace(FULL, steps=60, train_images=1024, test_images=50, evaluate_every=20)
SEEDS = tuple(range(360, 366))
QUICK_SEEDS = (0,)
STORED = "segmentation_heads.json"
COMPARISONS = (("skip", "coarse"), ("dilated", "skip"), ("both", "boxes"), ("both", "masks"))
"""The comparisons, first minus second, decided before the seeds of `SEEDS` were run.

LR-ASPP with a finer map beside its last one and with none finer; a dilated network and one of more strides and as many
multiplications; two tasks on one backbone and each alone, with as many steps. One is better if the two-sided sign-flip
test of what both measure of `MEASURES` after the last step, paired by seed, gives p < 0.05.
"""
MEASURES = {"test_miou": "mIoU", "test_map_50": "mAP at IoU 0.5"}


def run_segmentation_heads(
    settings: SegmentationSettings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks of `VARIANTS` with all seeds: as `run_fig07` does for its own, in all arguments, results and errors.

    `settings` is a `SegmentationSettings`.
    """
    return run_experiment(
        "run_segmentation_heads", settings, seeds, folder=folder, processes=processes, progress=progress, count=count
    )


def stored_results() -> dict[str, Any]:
    """The results of `run_segmentation_heads` for `FULL` and `SEEDS`; they ship with the package."""
    return dict(read_json(STORED))
