"""The claims about linear bottlenecks and their shortcuts; stored runs of Fig. 7's experiment decide two of them."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

import npconv

from ..text import listed
from ..training.fig07 import FULL, STORED, compare, stored_results
from .table import INVERTED, Finding, claim, finding

MEASURED = (
    "a small network is meant, not one on ImageNet (4, 8 and 16 blocks, k = 6, t = 6, 1000 steps on scattered digits, "
    "10 seeds)"
)


@claim(
    INVERTED,
    f"holds if {MEASURED}",
    "training.fig07.stored_results training.fig07.compare",
    "linear-bottleneck-training",
)
def a_linear_bottleneck_is_better() -> Finding:
    """A linear bottleneck is better than one with a non-linearity (Fig. 7a)."""
    return _measured_small("linear", {"relu6": "ReLU6 in the bottleneck"})


@claim(
    INVERTED,
    f"holds if {MEASURED}; the deeper, the more",
    "training.fig07.stored_results training.fig07.compare",
    "linear-bottleneck-training",
)
def shortcuts_are_better_between_bottlenecks() -> Finding:
    """Shortcuts are better between bottlenecks than between expansions, or none (Fig. 7b)."""
    return _measured_small("linear", {"expansions": "shortcuts between expansions", "none": "no shortcuts"})


@claim(INVERTED, "holds", "inverted_residual_stages residual_bottleneck_stages", "residual-blocks")
def the_inverted_block_is_narrow_and_linear_at_its_ends() -> Finding:
    """The inverted block's ends are narrow and linear; activations act in the wide volumes only (Fig. 8)."""
    rng = np.random.default_rng(0)
    x, expand, depthwise, project = (rng.standard_normal(s) for s in ((2, 6, 5, 4), (4, 24), (3, 3, 24), (24, 4)))
    inverted = npconv.inverted_residual_stages(x, expand, depthwise, project)
    assert inverted.expanded_relu6 is not None
    y, reduce, spatial, restore = (rng.standard_normal(s) for s in ((2, 6, 5, 24), (24, 4), (3, 3, 4, 4), (4, 24)))
    conventional = npconv.residual_bottleneck_stages(y, reduce, spatial, restore)
    widths = [
        x.shape[-1],
        inverted.expanded_relu6.shape[-1],
        inverted.depthwise_relu6.shape[-1],
        inverted.output.shape[-1],
    ]
    other = [
        y.shape[-1],
        conventional.reduced.shape[-1],
        conventional.filtered.shape[-1],
        conventional.output.shape[-1],
    ]
    return finding(
        widths == [4, 24, 24, 4]
        and other == [24, 4, 4, 24]
        and bool(inverted.output.min() < 0)
        and bool(min(inverted.expanded_relu6.min(), inverted.depthwise_relu6.min()) == 0)
        and bool(conventional.output.min() == 0),
        f"inverted: {' – '.join(map(str, widths))} channels, output from {inverted.output.min():.1f} up: linear",
        f"conventional: {' – '.join(map(str, other))} channels, output from {conventional.output.min():.1f} up: "
        "a ReLU after the sum",
    )


def _measured_small(network: str, others: Mapping[str, str]) -> Finding:
    """The verdict that the stored runs of `npconv.training.fig07`, at all depths, give on a network being better.

    "holds if", with what was measured, where it is better than one of the others at the 5 % level, and what is open;
    "fails" where another is better than it at any depth; where all is open, "reported", as the article's own
    measurement is on ImageNet.
    """
    results = {depth: stored_results(depth) for depth in sorted(STORED)}
    settings, seeds = results[FULL.blocks]["settings"], len(results[FULL.blocks]["seeds"])
    measured = (
        f"{listed([*results])} blocks, k = {settings['channels']}, t = {settings['expansion']}, "
        f"{settings['steps']} steps on scattered digits, {seeds} seeds"
    )
    comparisons = {name: {depth: compare(runs, network, name) for depth, runs in results.items()} for name in others}
    numbers = (
        f"measured small, not on ImageNet: {measured}; {results[FULL.blocks]['data']}",
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
    limits = [f"against {others[name]} at {listed(depths)} blocks" for name, depths in unsettled.items() if depths]
    means = [[c.mean for c in depths.values()] for depths in comparisons.values()]
    grows = all(deeper > shallower for row in means for shallower, deeper in pairwise(row))
    return finding(
        True,
        *numbers,
        condition=f"a small network is meant, not one on ImageNet ({measured})"
        + ("; the deeper, the more" if grows else "")
        + (f"; {' and '.join(limits)} it is open" if limits else ""),
    )
