"""The claims that stored runs of training decide, all from the article's section on the inverted residual.

The runs are those of `npconv.training.fig07` and `npconv.training.probes`, as npconv/data stores them.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..kernels.head import global_average_pool
from ..training.fig07 import compare, stored_results
from ..training.probes import (
    ENOUGH,
    FULL,
    block_outputs,
    by_block,
    dimensions,
    first_norms,
    spectrum,
    stored_gradients,
    stored_network,
    stored_subspaces,
    subspace,
    sufficient,
)
from ..training.tasks import scattered_digits
from .table import INVERTED, Finding, claim, finding


@claim(
    INVERTED,
    "Features can be encoded in subspaces of few dimensions (the linear bottleneck's premise).",
    "holds if the last block is meant, and what the network does with its features, not their variance",
)
def features_live_in_few_dimensions() -> Finding:
    stored, network = stored_subspaces(), stored_network()
    runs, counts = stored["separable"], stored["settings"]["counts"]
    channels, blocks = counts[-1], len(runs[0]["trained"])
    accuracy = np.median([run["accuracy"] for run in runs])
    kept = {kind: np.median([run["kept"][kind] for run in runs], axis=0) for kind in ("principal", "random")}
    enough = sufficient(runs, counts)
    first = counts.index(enough[-1])  # in the last block
    variance = {
        state: [int(np.median([dimensions(np.array(run[state][block])) for run in runs])) for block in range(blocks)]
        for state in ("trained", "untrained")
    }
    images = scattered_digits(train=1, test=256, seed=FULL.task_seed)
    maps = block_outputs(network, images.x_test)
    last = list(by_block(maps))[-1]
    now = dimensions(spectrum(maps[last]))

    def agreeing(rng: np.random.Generator | None) -> float:
        """How many of the images the network sees as before, with so few directions in its last block."""
        few = global_average_pool(subspace(maps[last], enough[-1], rng=rng).forward(maps[last]))
        logits = [network.layers["classifier"].forward(x) for x in (few, global_average_pool(maps[last]))]
        return float((logits[0].argmax(axis=1) == logits[1].argmax(axis=1)).mean())

    agreed, by_chance = agreeing(None), agreeing(np.random.default_rng(0))
    return finding(
        enough[-1] <= channels / 4 < enough[0]
        and kept["random"][-1][first] < kept["principal"][-1][first] - ENOUGH
        and min(variance["trained"]) > channels / 2
        and now > channels / 2
        and agreed > by_chance,
        f"{stored['data']}; {blocks} depthwise separable blocks of {channels} channels, {len(runs)} seeds, medians; "
        f"accuracy {accuracy:.1%}",
        f"directions of {channels} that keep it within {100 * ENOUGH:.0f} points, in one block at a time: "
        + ", ".join(f"block {i + 1}: {count}" for i, count in enumerate(enough))
        + f"; with {enough[-1]} in the last one {kept['principal'][-1][first]:.1%}, with as many random ones "
        f"{kept['random'][-1][first]:.1%}",
        f"directions that hold 95 % of the variance: {_listed(variance['trained'])} after training, "
        f"{_listed(variance['untrained'])} before it",
        f"computed here with the first seed's network: {now} directions hold 95 % in its last block; with "
        f"{enough[-1]} of them it says of {agreed:.0%} of the images what it said with all, with random ones of "
        f"{by_chance:.0%}",
        condition="the last block is meant, and what the network does with its features, not their variance",
    )


@claim(
    INVERTED,
    "With shortcuts gradients flow through many blocks.",
    "holds if their size before training is meant; in trained networks it differs little",
)
def shortcuts_keep_the_gradients_size() -> Finding:
    stored = stored_gradients()
    task = scattered_digits(train=1, test=16, seed=FULL.task_seed)
    now, lines, holds = {}, [], True
    for batch_norm, kind in ((True, "with batch normalisation"), (False, "without")):
        ends = {}
        for variant in ("linear", "none"):
            norms = first_norms(variant, 32, 0, task.x_test, task.y_test, batch_norm=batch_norm)
            now[batch_norm, variant] = norms[0]
            entries = [e for e in stored["untrained"] if (e["variant"], e["batch_norm"]) == (variant, batch_norm)]
            ends[variant] = {e["blocks"]: float(np.median(e["norms"], axis=0)[0]) for e in entries}
        depths = list(ends["linear"])
        holds &= all(abs(math.log(ends["linear"][d])) < abs(math.log(ends["none"][d])) for d in depths)
        holds &= abs(math.log(now[batch_norm, "linear"])) < abs(math.log(now[batch_norm, "none"])) / 2
        lines.append(
            f"untrained, {kind}, the gradient's norm at the first block over that at the last: "
            + "; ".join(
                f"{d} blocks {ends['linear'][d]:.3g} and {ends['none'][d]:.2g} with no shortcuts" for d in depths
            )
        )
    after = {variant: [run for run in stored["trained"] if run["variant"] == variant] for variant in ("linear", "none")}
    sizes = {v: float(np.median([run["norms"]["after"][0] for run in runs])) for v, runs in after.items()}
    accuracies = {v: float(np.median([run["accuracy"] for run in runs])) for v, runs in after.items()}
    holds &= max(sizes.values()) < 10 * min(sizes.values()) and accuracies["linear"] > accuracies["none"]
    return finding(
        holds,
        *lines,
        f"{stored['settings']['blocks']} blocks, trained for {stored['settings']['steps']} steps: "
        f"{sizes['linear']:.2g} and {sizes['none']:.2g} with no shortcuts; test accuracy {accuracies['linear']:.1%} "
        f"and {accuracies['none']:.1%}",
        f"computed here, 32 blocks: {now[True, 'linear']:.3g} and {now[True, 'none']:.2g} with batch normalisation, "
        f"{now[False, 'linear']:.3g} and {now[False, 'none']:.2g} without",
        condition="their size before training is meant; in trained networks it differs little",
    )


@claim(
    INVERTED,
    "A linear bottleneck is better than one with a non-linearity (Fig. 7a).",
    "holds if a small network is meant, not one on ImageNet "
    "(16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds)",
)
def a_linear_bottleneck_is_better() -> Finding:
    return _measured_small("linear", {"relu6": "ReLU6 in the bottleneck"})


@claim(
    INVERTED,
    "Shortcuts are better between bottlenecks than between expansions, or none (Fig. 7b).",
    "holds if a small network is meant, not one on ImageNet "
    "(16 blocks, k = 6, t = 6, 1000 steps on scattered digits, 10 seeds)",
)
def shortcuts_are_better_between_bottlenecks() -> Finding:
    return _measured_small("linear", {"expansions": "shortcuts between expansions", "none": "no shortcuts"})


def _measured_small(network: str, others: Mapping[str, str]) -> Finding:
    """The verdict that the stored runs of `npconv.training.fig07` give on a network being better than others.

    "holds if", with what was measured, where it is better than each at the 5 % level; "fails" where one is better than
    it; where all is left open, "reported", as the article's own measurement is on ImageNet.
    """
    results = stored_results()
    settings, seeds = results["settings"], len(results["seeds"])
    measured = (
        f"{settings['blocks']} blocks, k = {settings['channels']}, t = {settings['expansion']}, {settings['steps']} "
        f"steps on scattered digits, {seeds} seeds"
    )
    comparisons = {name: compare(results, network, name) for name in others}
    lines = [
        f"against {others[name]}: {100 * c.mean:+.1f} points of test accuracy, 95 % interval "
        f"{100 * c.interval[0]:+.1f} to {100 * c.interval[1]:+.1f}, better for {c.wins} of {seeds} seeds, "
        f"p = {c.p_value:.2g}"
        for name, c in comparisons.items()
    ]
    numbers = (
        f"measured small, not on ImageNet: {measured}; {results['data']}",
        *lines,
        "the article's own values, on ImageNet, are not published beside the curves",
    )
    better = [others[name] for name, c in comparisons.items() if c.verdict == "first"]
    unsettled = [others[name] for name, c in comparisons.items() if c.verdict == "open"]
    if any(c.verdict == "second" for c in comparisons.values()):
        return finding(False, *numbers)
    if not better:
        return Finding("reported", numbers)
    limits = f"; against {' and '.join(unsettled)} it is open" if unsettled else ""
    return finding(True, *numbers, condition=f"a small network is meant, not one on ImageNet ({measured}){limits}")


def _listed(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts[:-1])) + f" and {counts[-1]}" if len(counts) > 1 else str(counts[0])
