"""Made measurements of feature maps and gradients, as `npconv.training.fig07.measurements.make_stored` writes them."""

from typing import Any

import numpy as np

from npconv.training.fig07.measurements import UNTRAINED

PLACES = ("bottleneck", "expanded", "filtered")


def made_subspaces(
    *,
    seeds: int = 2,
    blocks: int = 3,
    channels: int = 8,
    counts: tuple[int, ...] = (1, 2, 4, 8),
    accuracy: float = 0.8,
    depth: int = 4,
    wide: int = 2,
) -> dict[str, Any]:
    """Spectra and accuracies drawn at random."""
    rng = np.random.default_rng(11)

    def shares() -> list[list[float]]:
        drawn = -np.sort(-rng.exponential(size=(blocks, channels)), axis=1)
        return [[float(each) for each in row] for row in drawn / drawn.sum(axis=1, keepdims=True)]

    def kept() -> list[list[float]]:
        rows = np.sort(rng.uniform(0.1, accuracy, (blocks, len(counts))), axis=1)
        rows[:, -1] = accuracy
        return [[float(each) for each in row] for row in rows]

    def sizes(most: int) -> dict[str, list[int]]:
        return {"95 %": [int(each) for each in rng.integers(1, most + 1, depth)]}

    settings = {"counts": list(counts), "channels": 3, "expansion": wide, "probed_images": 16, "steps": 5}
    separable = [
        {
            "seed": seed,
            "accuracy": accuracy,
            "trained": shares(),
            "untrained": shares(),
            "kept": {"principal": kept(), "random": kept()},
        }
        for seed in range(seeds)
    ]
    inverted = [
        {
            "seed": seed,
            "accuracy": accuracy / 2,
            "places": {
                place: {state: sizes(3 if place == "bottleneck" else 3 * wide) for state in ("trained", "untrained")}
                for place in PLACES
            },
        }
        for seed in range(seeds)
    ]
    return {"settings": settings, "data": "made digits", "separable": separable, "inverted": inverted}


def made_gradients(
    *,
    seeds: int = 3,
    depths: tuple[int, ...] = (4, 9),
    depth: int = 6,
    shortcuts: tuple[float, ...] = (1.1, 1.05),
    none: tuple[float, ...] = (1.5, 0.6),
    after: tuple[float, float] = (1.2, 1.1),
    accuracies: tuple[float, float] = (0.25, 0.25),
) -> dict[str, Any]:
    """Norms that change by a factor a block and at random from seed to seed; factors by kind, the last one repeated."""
    rng = np.random.default_rng(12)

    def norms(blocks: int, factor: float) -> list[float]:
        factors = factor * np.exp(0.05 * rng.standard_normal(blocks - 1))
        return [float(each) for each in np.cumprod(factors)[::-1]] + [1.0]

    untrained = [
        {
            "variant": variant,
            **kind,
            "blocks": blocks,
            "norms": [norms(blocks, factors[min(i, len(factors) - 1)]) for _ in range(seeds)],
        }
        for i, kind in enumerate(UNTRAINED.values())
        for variant, factors in (("linear", shortcuts), ("none", none))
        for blocks in depths
    ]
    trained = [
        {
            "variant": variant,
            "seed": seed,
            "accuracy": accuracy + 0.01 * seed,
            "norms": {"before": norms(depth, first[0]), "after": norms(depth, last)},
        }
        for variant, first, last, accuracy in zip(("linear", "none"), (shortcuts, none), after, accuracies, strict=True)
        for seed in range(seeds)
    ]
    settings = {"channels": 3, "expansion": 2, "steps": 5, "gradient_images": 4}
    return {"settings": settings, "data": "made digits", "untrained": untrained, "trained": trained}
