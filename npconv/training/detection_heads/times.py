"""The costs of the experiment's detectors: parameters and multiplications, and processor time as ratios."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...kernels.arguments import integer
from ..detection import detection_step
from ..optimizers import Adam
from .settings import VARIANTS, HeadSettings

DEFAULT = HeadSettings()
ROUNDS = 9
BASE = "separable"  # whose time the others' are divided by


class HeadCost(NamedTuple):
    """The parameters of a detector, and its multiplications for one image; of these the share of its heads."""

    params: int
    macs: int
    head_params: int
    head_macs: int


def head_costs(settings: HeadSettings = DEFAULT) -> dict[str, HeadCost]:
    """The costs of the detectors of `VARIANTS`, by name.

    >>> costs = head_costs()
    >>> costs["separable"].params, costs["full"].head_macs / costs["separable"].head_macs
    (137436, 5.625)
    """
    costs = {}
    for name in VARIANTS:
        cost = settings.network(name, 0).cost((1, 64, 64, 1))
        heads = [part for key, part in cost.parts.items() if key.startswith(("class_", "box_"))]
        costs[name] = HeadCost(cost.params, cost.macs, sum(h.params for h in heads), sum(h.macs for h in heads))
    return costs


def measure_times(settings: HeadSettings = DEFAULT, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """The processor time of a training step and of inference, folded, on a batch of the settings' images.

    The detectors take turns, round after round. Returns plain data, for "step" and "inference" each detector's median
    in milliseconds, and the median and the quartiles of the rounds' ratios to the time of "separable". Times are those
    of all threads of the process together.

    Raises TypeError or ValueError where `rounds` is not an int from 1 on.

    >>> times = measure_times(HeadSettings(batch_size=2, train_images=2, test_images=1), rounds=2)
    >>> times["step"]["separable"]["ratio"], sorted(times["inference"])
    (1.0, ['full', 'output', 'separable'])
    """
    rounds = integer("measure_times", "rounds", rounds)
    task = settings.task()
    x = task.x_train[: settings.batch_size]
    boxes, labels = (of[: settings.batch_size] for of in (task.boxes_train, task.labels_train))
    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    for name in VARIANTS:
        network = settings.network(name, 0)
        optimizer = Adam(network.params)
        calls["step", name] = partial(detection_step, network, optimizer, x, boxes, labels, learning_rate=1e-3)
        calls["inference", name] = partial(network.folded().forward, x)
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for number in range(rounds + 1):  # the first, which allocates, does not count
        for key, call in calls.items():
            start = time.process_time()
            call()
            if number:
                samples[key].append(time.process_time() - start)
    return {
        what: {name: _compared(samples[what, name], samples[what, BASE]) for name in VARIANTS}
        for what in ("step", "inference")
    } | {"batch_size": settings.batch_size, "rounds": rounds}


def _compared(times: list[float], base: list[float]) -> dict[str, Any]:
    ratios = [a / b for a, b in zip(times, base, strict=True)]
    quartiles = [round(float(np.quantile(ratios, q)), 4) for q in (0.25, 0.75)]
    return {
        "milliseconds": round(1e3 * statistics.median(times), 3),
        "ratio": round(statistics.median(ratios), 4),
        "quartiles": quartiles,
    }
