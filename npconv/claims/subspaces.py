"""The premise of the inverted residual, in the article's section on it: information in subspaces, and non-linearity."""

import math

import numpy as np

import npconv

from ..kernels.geometry import Array
from ..kernels.head import global_average_pool
from ..text import listed, shape_text
from ..training.fig07.measurements import ENOUGH, FEW, FULL, stored_network, stored_subspaces, sufficient
from ..training.fig07.probes import Subspace, block_outputs, by_block, classifier_directions, dimensions
from ..training.tasks import scattered_digits
from .cases import whole
from .table import INVERTED, Finding, claim, finding


@claim(
    INVERTED,
    "fails",
    "training.fig07.measurements.stored_subspaces training.fig07.measurements.sufficient "
    "training.fig07.probes.dimensions",
    "feature-subspaces",
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
        f"directions that hold 95 % of the variance: {listed(variance['trained'])} after training, "
        f"{listed(variance['untrained'])} before it",
        images=images.x_test,
    )


@claim(INVERTED, "holds", "relu", "relu-information-loss")
def relu_loses_information_in_few_dimensions() -> Finding:
    """ReLU loses information in few dimensions, and little in many (the layer's premise)."""
    rng = np.random.default_rng(0)
    lines, holds = [], True
    for m in (2, 3, 5, 15, 30):
        mapped = rng.standard_normal((20_000, m, 2)) @ np.array([1.0, 0.0])  # by symmetry one point stands for all
        kept = float(((npconv.relu(mapped) > 0).sum(axis=1) >= 2).mean())
        exact = sum(math.comb(m, k) for k in range(m - 1)) / 2**m
        holds &= abs(kept - exact) < 0.02
        lines.append(f"{m}: {kept:.3f} ({exact:.3f})")
    return finding(
        holds,
        "share of 20,000 random maps of the plane into n dimensions that keep two live coordinates after ReLU, so that "
        "the point can be recovered, and the share that the paper's Theorem 1 gives: " + ", ".join(lines),
    )


@claim(INVERTED, "holds", "linear_block_kernel conv2d_taps inverted_residual")
def without_activations_the_block_is_one_convolution() -> Finding:
    """Non-linear activations are what lets the layer represent more."""
    x, expand, depthwise, project = whole(0, 2, 4, 5, 3), whole(1, 3, 12), whole(2, 3, 3, 12), whole(3, 12, 4)
    kernel = npconv.linear_block_kernel(expand, depthwise, project)
    wide = npconv.depthwise_conv2d_taps(npconv.pointwise_conv2d(x, expand), depthwise, padding="same")
    equal = np.array_equal(npconv.pointwise_conv2d(wide, project), npconv.conv2d_taps(x, kernel, padding="same"))
    ahead, behind = (npconv.inverted_residual(sign * x, expand, depthwise, project) for sign in (1, -1))
    odd = np.array_equal(ahead, -behind)
    return finding(
        equal and not odd,
        f"without ReLU6 the three convolutions are one of {shape_text(kernel.shape)}, exactly: {equal}",
        f"with ReLU6 they are not linear: f(−x) = −f(x) is {odd}",
    )
