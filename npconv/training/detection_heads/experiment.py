"""The seeds and the questions of the experiment on SSDLite's heads, and its results that ship."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...data import read_json
from ..fig07.experiment import Count, run_experiment
from .settings import HeadSettings
from .times import ROUNDS, measure_times

FULL = HeadSettings()
QUICK = replace(FULL, steps=100, train_images=1024, test_images=50, evaluate_every=10)
SEEDS = tuple(range(320, 326))
QUICK_SEEDS = (0,)
STORED = "detection_heads.json"
COMPARISONS = (("separable", "full"), ("separable", "output"))
"""The comparisons, first minus second, decided before the seeds of `SEEDS` were run.

SSDLite's separable heads against SSD's full ones, of which the paper says that they are as accurate; and the
expansion's map against the block's output. One is better if the two-sided sign-flip test of the precisions after the
last step, paired by seed, gives p < 0.05, for each of `MEASURES`.
"""
MEASURES = {"test_map_50": "mAP at IoU 0.5", "test_map": "COCO's mAP"}


def run_detection_heads(
    settings: HeadSettings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks of `VARIANTS` with all seeds: as `run_fig07` does for its own, in all arguments, results and errors.

    `settings` is a `HeadSettings`. The results have one entry more, "times": what `measure_times` gives.
    """
    results = run_experiment(
        "run_detection_heads", settings, seeds, folder=folder, processes=processes, progress=progress, count=count
    )
    return results | {"times": measure_times(settings, rounds=ROUNDS)}


def stored_results() -> dict[str, Any]:
    """The results of `run_detection_heads` for `FULL` and `SEEDS`; they ship with the package."""
    return dict(read_json(STORED))
