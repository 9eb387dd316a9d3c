"""Stored results and measurements made without any training or timing, as `npconv` writes them."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from npconv.cost import conv2d_cost, cost_ratio, depthwise_separable_conv2d_cost
from npconv.training.fig07 import FULL, VARIANTS, Settings
from npconv.training.fig07.measurements import UNTRAINED

ENDS = {"linear": 0.63, "relu6": 0.45, "expansions": 0.54, "none": 0.63}
PLACES = ("bottleneck", "expanded", "filtered")
PARTS = ("standard", "depthwise", "pointwise", "separable")
GONE = object()


def spoiled(made: Mapping[str, Any], *path: Any, to: Any = GONE) -> Any:
    """A copy in which the entry at the end of the path is another one, or gone."""
    changed = copy.deepcopy(made)
    entry: Any = changed
    for name in path[:-1]:
        entry = entry[name]
    if to is GONE:
        del entry[path[-1]]
    else:
        entry[path[-1]] = to
    return changed


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


def made_savings(
    *,
    layers: int = 4,
    batches: tuple[int, ...] = (2, 5),
    kernel_sides: tuple[int, ...] = (3,),
    functions: tuple[str, ...] = ("limit", "npconv", "torch"),
    scale: float = 1.0,
    seed: int = 13,
) -> dict[str, Any]:
    """Times drawn at random around so many milliseconds, of layers whose counts are right."""
    rng = np.random.default_rng(seed)
    savings = []
    for batch in batches:
        for number in range(layers):
            shape = {
                "block": f"block {number + 1}",
                "side": 9 + number,
                "in_channels": 3 + number,
                "out_channels": 4 + 2 * number,
                "kernel_side": kernel_sides[number % len(kernel_sides)],
                "stride": 1 + number % 2,
            }
            savings.append({**shape, "batch": batch, "rounds": 7, **_measured(shape, batch, functions, scale, rng)})
    machine = {"processor": "made processor", "threads": 3, "numpy": "9.8.7", "blas": "made BLAS 6", "dtype": "float32"}
    return {"machine": machine | ({"torch": "5.4"} if "torch" in functions else {}), "separable": savings}


def made_gpu(*, dtypes: tuple[str, ...] = ("float32", "bfloat16"), **sizes: Any) -> dict[str, Any]:
    """A GPU's run over layers and batches of `made_savings`, with times drawn at random for each dtype."""
    limits, separable, networks = [], [], []
    for seed, dtype in enumerate(dtypes):
        rows = made_savings(functions=("limit", "torch"), seed=seed, **sizes)["separable"]
        separable += [row | {"dtype": dtype} for row in rows]
        limits.append({"dtype": dtype, "gflops": 800.0 + 100 * seed, "gbytes_per_second": 100.0})
        for batch in dict.fromkeys(row["batch"] for row in rows):
            ratio = {"batch": batch, "dtype": dtype, "predicted": "1/8", "ratio": 1 / (batch + seed)}
            networks.append({"network": "made network", **ratio})
    machine = {"device": "made card", "torch": "5.4", "cuda": "3.2", "cudnn": 987, "driver": "65.4", "tf32": False}
    return {"machine": machine, "limits": limits, "separable": separable, "networks": networks}


def _measured(
    shape: dict[str, Any], batch: int, functions: tuple[str, ...], scale: float, rng: np.random.Generator
) -> dict[str, Any]:
    m, n, k = shape["in_channels"], shape["out_channels"], shape["kernel_side"]
    x, geometry = (batch, shape["side"], shape["side"], m), {"stride": shape["stride"], "padding": k // 2}
    separable = depthwise_separable_conv2d_cost(x, (k, k, m), (m, n), **geometry)
    macs = {"standard": conv2d_cost(x, (k, k, m, n), **geometry).macs, "separable": separable.macs}
    macs |= {half: separable.parts[half].macs for half in PARTS[1:3]}
    moved = {part: int(rng.integers(100, 1000)) for part in PARTS}
    times = {f: {part: scale * float(rng.uniform(0.5, 2)) for part in PARTS} for f in functions}
    return {
        "predicted": str(cost_ratio(k, n)),
        "ratios": {f: each["separable"] / each["standard"] for f, each in times.items()},
        "macs": macs,
        "bytes": moved,
        "flops_per_byte": {part: 2 * macs[part] / moved[part] for part in PARTS},
        "milliseconds": times,
        "gflops": {f: {part: 2e-6 * macs[part] / each[part] for part in PARTS} for f, each in times.items()},
    }
