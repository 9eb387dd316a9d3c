"""The claims that stored runs of training decide, all from the article's section on the inverted residual.

The runs are those of `npconv.training.fig07` and its `measurements`, as npconv/data stores them.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..kernels.geometry import Array
from ..kernels.head import global_average_pool
from ..text import listed
from ..training.fig07 import FULL as FIG07, STORED, compare, stored_results
from ..training.fig07.measurements import (
    CLASSES,
    ENOUGH,
    FEW,
    FULL,
    UNTRAINED,
    first_norms,
    learnt,
    stored_gradients,
    stored_network,
    stored_subspaces,
    sufficient,
)
from ..training.fig07.probes import Subspace, block_outputs, by_block, classifier_directions, dimensions
from ..training.tasks import scattered_digits
from .table import INVERTED, Finding, claim, finding


@claim(
    INVERTED,
    "fails",
    functions=(
        "npconv.training.fig07.measurements.stored_subspaces",
        "npconv.training.fig07.measurements.sufficient",
        "npconv.training.fig07.probes.dimensions",
    ),
    figures=("feature-subspaces",),
)
def features_live_in_few_dimensions() -> Finding:
    """Features can be encoded in subspaces of few dimensions (the linear bottleneck's premise)."""
    stored, network = stored_subspaces(), stored_network()
    runs, counts = stored["separable"], stored["settings"]["counts"]
    channels, blocks = counts[-1], len(runs[0]["trained"])
    accuracy = np.median([run["accuracy"] for run in runs])
    lost = np.median([run["accuracy"] - np.array(run["kept"]["principal"]) for run in runs], axis=0)  # (blocks, counts)
    enough = sufficient(runs, counts)
    few = max(index for index, count in enumerate(counts) if count <= FEW * channels)
    variance = {
        state: [int(np.median([dimensions(np.array(run[state][block])) for run in runs])) for block in range(blocks)]
        for state in ("trained", "untrained")
    }
    images = scattered_digits(train=1, test=256, seed=FULL.task_seed)
    maps = block_outputs(network, images.x_test)
    last = list(by_block(maps))[-1]
    read = classifier_directions(network.params["classifier.kernel"])
    rank = read.shape[1]

    def agreeing(directions: Array) -> float:
        """The share of the images of which the network says what it said, with these directions in its last block."""
        kept = Subspace(maps[last].mean(axis=(0, 1, 2)), directions).forward(maps[last])
        logits = [network.layers["classifier"].forward(global_average_pool(x)) for x in (kept, maps[last])]
        return float((logits[0].argmax(axis=1) == logits[1].argmax(axis=1)).mean())

    by_chance = np.linalg.qr(np.random.default_rng(0).standard_normal((channels, rank)))[0].astype(read.dtype)
    return finding(
        max(enough[:-1]) <= FEW * channels,  # of the last block the classifier alone keeps few directions
        f"{stored['data']}; {blocks} depthwise separable blocks of {channels} channels, {len(runs)} seeds, medians; "
        f"accuracy {accuracy:.1%}",
        f"principal directions of {channels} that keep it within {100 * ENOUGH:.0f} points, in one block at a time, "
        "without training again: " + ", ".join(f"block {i + 1}: {count}" for i, count in enumerate(enough)),
        f"with {counts[few]} of them, points that are lost: "
        + ", ".join(f"block {i + 1}: {100 * max(row[few], 0):.1f}" for i, row in enumerate(lost)),
        f"the last block is no evidence: the mean pool and the linear classifier see {rank} directions of it; "
        f"computed here with the first seed's network: with these {rank} it says of {agreeing(read):.0%} of "
        f"{len(images.x_test)} images what it said with all, with {rank} random ones of {agreeing(by_chance):.0%}",
        f"directions that hold 95 % of the variance: {_counts(variance['trained'])} after training, "
        f"{_counts(variance['untrained'])} before it",
    )


@claim(
    INVERTED,
    "holds if networks before training are meant; the one without shortcuts then does not train, at 16 blocks",
    functions=("npconv.training.fig07.measurements.first_norms", "npconv.training.fig07.measurements.stored_gradients"),
    figures=("gradient-flow",),
)
def shortcuts_keep_the_gradients_size() -> Finding:
    """With shortcuts gradients flow through many blocks."""
    stored = stored_gradients()
    task = scattered_digits(train=1, test=16, seed=FULL.task_seed)
    now, lines, holds = {}, [], True
    for kind, network in UNTRAINED.items():
        ends = {}
        for variant in ("linear", "none"):
            now[kind, variant] = first_norms(variant, 32, 0, task.x_test, task.y_test, **network)[0]
            entries = [e for e in stored["untrained"] if {"variant": variant, **network}.items() <= e.items()]
            ends[variant] = {e["blocks"]: float(np.median(e["norms"], axis=0)[0]) for e in entries}
        depths = list(ends["linear"])
        holds &= all(abs(math.log(ends["linear"][d])) < abs(math.log(ends["none"][d])) for d in depths)
        holds &= abs(math.log(now[kind, "linear"])) < abs(math.log(now[kind, "none"])) / 2
        lines.append(
            f"untrained, {kind}, the gradient's norm at the first block over that at the last: "
            + "; ".join(
                f"{d} blocks {ends['linear'][d]:.3g} and {ends['none'][d]:.2g} with no shortcuts" for d in depths
            )
        )
    after = {variant: [run for run in stored["trained"] if run["variant"] == variant] for variant in ("linear", "none")}
    sizes = {v: float(np.median([run["norms"]["after"][0] for run in runs])) for v, runs in after.items()}
    accuracies = {v: float(np.median([run["accuracy"] for run in runs])) for v, runs in after.items()}
    trains, blocks = learnt(accuracies["none"]), stored["settings"]["blocks"]
    holds &= learnt(accuracies["linear"])
    return finding(
        holds,
        *lines,
        f"{blocks} blocks, after {stored['settings']['steps']} steps: {sizes['linear']:.2g} and {sizes['none']:.2g} "
        f"with no shortcuts; test accuracy {accuracies['linear']:.1%} and {accuracies['none']:.1%}, chance "
        f"{1 / CLASSES:.0%}"
        + ("" if trains else ": the network with no shortcuts did not train, and its number is no trained network's"),
        "computed here, 32 blocks: "
        + "; ".join(f"{now[kind, 'linear']:.3g} and {now[kind, 'none']:.2g} {kind}" for kind in UNTRAINED),
        condition="networks before training are meant"
        + ("" if trains else f"; the one without shortcuts then does not train, at {blocks} blocks"),
    )


@claim(
    INVERTED,
    "holds if a small network is meant, not one on ImageNet "
    "(4, 8 and 16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds)",
    functions=("npconv.training.fig07.stored_results", "npconv.training.fig07.compare"),
    figures=("linear-bottleneck-training",),
)
def a_linear_bottleneck_is_better() -> Finding:
    """A linear bottleneck is better than one with a non-linearity (Fig. 7a)."""
    return _measured_small("linear", {"relu6": "ReLU6 in the bottleneck"})


@claim(
    INVERTED,
    "holds if a small network is meant, not one on ImageNet "
    "(4, 8 and 16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds); the deeper, the more",
    functions=("npconv.training.fig07.stored_results", "npconv.training.fig07.compare"),
    figures=("linear-bottleneck-training",),
)
def shortcuts_are_better_between_bottlenecks() -> Finding:
    """Shortcuts are better between bottlenecks than between expansions, or none (Fig. 7b)."""
    return _measured_small("linear", {"expansions": "shortcuts between expansions", "none": "no shortcuts"})


def _measured_small(network: str, others: Mapping[str, str]) -> Finding:
    """The verdict that the stored runs of `npconv.training.fig07`, at all depths, give on a network being better.

    "holds if", with what was measured, where it is better than one of the others at the 5 % level, and what is open;
    "fails" where another is better than it at any depth; where all is open, "reported", as the article's own
    measurement is on ImageNet.
    """
    results = {depth: stored_results(depth) for depth in sorted(STORED)}
    settings, seeds = results[FIG07.blocks]["settings"], len(results[FIG07.blocks]["seeds"])
    measured = (
        f"{_counts(list(results))} blocks, k = {settings['channels']}, t = {settings['expansion']}, "
        f"{settings['steps']} steps on scattered digits, {seeds} seeds"
    )
    comparisons = {name: {depth: compare(runs, network, name) for depth, runs in results.items()} for name in others}
    numbers = (
        f"measured small, not on ImageNet: {measured}; {results[FIG07.blocks]['data']}",
        *(
            f"against {others[name]}, {depth} blocks: {100 * c.mean:+.1f} points of test accuracy, 95 % interval "
            f"{100 * c.interval[0]:+.1f} to {100 * c.interval[1]:+.1f}, better for {c.wins} of {seeds} seeds, "
            f"p = {c.p_value:.2g}"
            for name, depths in comparisons.items()
            for depth, c in depths.items()
        ),
        "p is of each comparison alone; the article's own values, on ImageNet, are not published beside the curves",
    )
    verdicts = [c.verdict for depths in comparisons.values() for c in depths.values()]
    if "second" in verdicts:
        return finding(False, *numbers)
    if "first" not in verdicts:
        return finding(None, *numbers)
    unsettled = {name: [d for d, c in depths.items() if c.verdict == "open"] for name, depths in comparisons.items()}
    limits = [f"against {others[name]} at {_counts(depths)} blocks" for name, depths in unsettled.items() if depths]
    means = [[c.mean for c in depths.values()] for depths in comparisons.values()]
    grows = all(deeper > shallower for row in means for shallower, deeper in pairwise(row))
    return finding(
        True,
        *numbers,
        condition=f"a small network is meant, not one on ImageNet ({measured})"
        + ("; the deeper, the more" if grows else "")
        + (f"; {' and '.join(limits)} it is open" if limits else ""),
    )


def _counts(counts: Sequence[int]) -> str:
    return listed(list(map(str, counts)))
