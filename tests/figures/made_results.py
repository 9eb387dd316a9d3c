"""Results as `run_fig07` returns them, made without any training."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from npconv.training.fig07 import FULL, VARIANTS, Settings

ENDS = {"linear": 0.63, "relu6": 0.45, "expansions": 0.54, "none": 0.63}


def made_results(
    *,
    seeds: int = 10,
    evaluations: int = 12,
    ends: Mapping[str, float] = ENDS,
    deviation: float = 0.03,
    settings: Settings = FULL,
) -> dict[str, Any]:
    """Curves that rise from 10 % towards their ends, from 0 to 1, with a deviation that is partly the seed's."""
    settings = replace(settings, steps=600, evaluate_every=600 // evaluations)
    generator = np.random.default_rng(7)
    step = [(i + 1) * settings.steps // evaluations for i in range(evaluations)]
    rise = 1 - np.exp(-3 * np.array(step) / settings.steps)
    luck = generator.normal(size=seeds)
    runs = []
    for variant in VARIANTS:
        for seed in range(seeds):
            end = ends[variant] + deviation * (0.6 * luck[seed] + 0.8 * generator.normal())
            wobble = deviation * (1 - rise) * generator.normal(size=evaluations)
            right = np.clip(0.1 + (end - 0.1) * rise / rise[-1] + wobble, 0, 1) * settings.test_images
            runs.append(
                {
                    "variant": variant,
                    "seed": 100 + seed,
                    "step": step,
                    "train_loss": [2.0] * evaluations,
                    "test_loss": [2.0] * evaluations,
                    "test_accuracy": [round(n) / settings.test_images for n in right.tolist()],
                }
            )
    return {
        "settings": asdict(settings),
        "data": "handwritten digits of 16×16 anywhere on patches, 24×24×1, of a photograph, noise 0.2",
        "networks": dict(VARIANTS),
        "seeds": list(range(100, 100 + seeds)),
        "numpy": np.__version__,
        "runs": runs,
    }
