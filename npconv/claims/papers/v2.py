"""The claims of MobileNetV2's paper (arXiv 1801.04381, version 4) about its layer, its network and its memory."""

import functools
from itertools import pairwise
from typing import Any

import numpy as np

import npconv

from ...cost import cost_ratio, count_operations, inverted_residual_cost
from ...models import MOBILENET_V2_ROWS, Summary, activation_memory, divisible, mobilenet_v1, mobilenet_v2, summary
from .. import architecture, bottlenecks, costs, inverted, subspaces
from ..cases import whole
from ..table import Finding, claim, finding
from .counts import cut, rounded, totals

LAYER = "Preliminaries, Discussion and Intuition"
ARCHITECTURE = "Model Architecture"
MEMORY = "Implementation Notes"

IMAGE = (1, 224, 224, 3)
V2_MAPS = ("block_14.expand_relu6", "last_relu6")  # that detection takes
TABLE_3 = {  # the side of the maps: channels, and kB as printed, of MobileNetV1, of V2 and of ShuffleNet
    112: ((64, 1600), (16, 400), (32, 800)),
    56: ((128, 800), (32, 200), (48, 300)),
    28: ((256, 400), (64, 100), (400, 600)),
    14: ((512, 200), (160, 62), (800, 310)),
    7: ((1024, 199), (320, 32), (1600, 156)),
    1: ((1024, 2), (1280, 2), (1600, 3)),
}

equation_1 = costs.the_ratio_of_the_costs.retold(
    LAYER, "Eq. 1: a separable convolution costs h·w·dᵢ·(k² + dⱼ), which is 1/dⱼ + 1/k² of what a standard one does."
)


@claim(
    LAYER,
    "holds if dⱼ is at least 72: the network's first 10 blocks save only 5.8 to 7.9 times",
    "cost.cost_ratio models.mobilenet_v2",
    "cost-ratio",
)
def v2_separable_layers_cost_8_to_9_times_less() -> Finding:
    """With 3×3 kernels, which the network has, a separable layer costs 8 to 9 times less than a standard one."""
    times = {n: 1 / cost_ratio(3, n) for n in range(1, 2000)}
    network = mobilenet_v2()
    blocks = [times[network.layers[name].params["project.kernel"].shape[-1]] for name in network.blocks]
    least = min(n for n in times if times[n] >= 8)
    few = [saved for saved in blocks if saved < 8]
    return finding(
        all((n >= least) == (saved >= 8) and saved < 9 for n, saved in times.items()),
        "depthwise and projection of the blocks: " + ", ".join(f"{float(saved):.1f}" for saved in blocks),
        condition=f"dⱼ is at least {least}: the network's first {len(few)} blocks save only {float(min(few)):.1f} to "
        f"{float(max(few)):.1f} times",
    )


figure_1 = subspaces.relu_loses_information_in_few_dimensions.retold(
    LAYER,
    "Fig. 1, Theorem 1: ReLU loses information in 2 and 3 dimensions, and keeps it in 15 and 30; it keeps N/2ᵐ of "
    "the volume, with N = Σ C(m, k) for k from 0 to m − n.",
)
figure_3 = bottlenecks.the_inverted_block_is_narrow_and_linear_at_its_ends.retold(
    LAYER, "Fig. 3: the inverted block is narrow and linear at its ends, where its shortcut is, and wide within."
)
shortcuts = inverted.shortcuts_keep_the_gradients_size.retold(
    LAYER, "Shortcuts are there to let gradients propagate across many layers."
)
table_1 = inverted.the_shapes_of_table_1.retold(
    LAYER, "Table 1: the block takes h×w×k to h×w×tk, to h/s×w/s×tk, and to h/s×w/s×k′."
)


@claim(LAYER, "holds if the stride is 1 and t > 1", "cost.inverted_residual_cost", "bottleneck-table")
def v2_cost_of_a_block() -> Finding:
    """A block costs h·w·d′·t·(d′ + k² + d″) MAdds."""
    equal: dict[tuple[bool, bool], list[bool]] = {}
    for stride in (1, 2):
        for t in (1, 2, 6):
            for h, w, d, k, n in ((6, 8, 3, 3, 5), (10, 4, 6, 5, 6)):
                expand = None if t == 1 else (d, t * d)
                cost = inverted_residual_cost((1, h, w, d), expand, (k, k, t * d), (t * d, n), stride=stride)
                equal.setdefault((stride == 1, t > 1), []).append(cost.macs == h * w * d * t * (d + k * k + n))
    return finding(
        all(equal.pop((True, True))) and not any(same for others in equal.values() for same in others),
        "blocks of h×w×d′ = 6×8×3 and 10×4×6 with kernels of 3×3 and 5×5, t of 1, 2 and 6, strides 1 and 2",
        "stride 2 makes a quarter of two of the terms, and with t = 1 nothing is expanded",
    )


table_2 = architecture.the_network_is_the_table_of_fig_9.retold(
    ARCHITECTURE, "Table 2: the network is seven rows of bottlenecks between two convolutions."
)


@claim(ARCHITECTURE, "fails: the rows of Table 2 are 17 blocks", "models.mobilenet_v2", "mobilenet-v2-table")
def v2_has_19_blocks() -> Finding:
    """The first convolution is followed by 19 residual bottleneck layers."""
    network = mobilenet_v2()
    added = sum(getattr(network.layers[name], "shortcut", False) for name in network.blocks)
    return finding(
        len(network.blocks) == 19,
        f"{len(network.blocks)} blocks, {added} of them with a shortcut",
        why=f"the rows of Table 2 are {sum(row.blocks for row in MOBILENET_V2_ROWS)} blocks",
    )


@claim(
    ARCHITECTURE,
    "holds if both are cut off: rounded they are 301 M and 3.5 M",
    "models.mobilenet_v2 models.summary",
    "mobilenet-v2-table",
)
def v2_has_300_million_madds() -> Finding:
    """The network of width 1 at 224×224 has 300 M MAdds and 3.4 M parameters."""
    counted = v2_counted()
    return finding(
        (cut(counted.macs, 10**6), cut(counted.weights, 10**6, 1)) == ("300", "3.4"),
        totals(counted),
        condition=f"both are cut off: rounded they are {rounded(counted.macs, 1e6)} M and "
        f"{rounded(counted.weights, 1e6, 1)} M",
    )


@claim(
    ARCHITECTURE,
    "fails: from 11.9 M to 582 M MAdds, and from 1.7 M to 6.1 M parameters",
    "models.mobilenet_v2 models.summary",
)
def v2_costs_from_7_to_585_million() -> Finding:
    """With widths from 0.35 to 1.4 and sides from 96 to 224 it has 7 to 585 M MAdds, and 1.7 to 6.9 M parameters."""
    least, most = v2_counted(0.35, 96), v2_counted(1.4)
    narrow = v2_counted(0.35, 96, last_channels=divisible(1280 * 0.35))
    found = (
        [rounded(least.macs, 1e6), rounded(most.macs, 1e6)],
        [rounded(each.weights, 1e6, 1) for each in (least, most)],
    )
    return finding(
        found == (["7", "585"], ["1.7", "6.9"]),
        f"width 0.35 at 96×96: {totals(least)}; were the last convolution narrower too, {narrow.macs:,} MAdds",
        f"width 1.4 at 224×224: {totals(most)}",
        why=f"from {rounded(least.macs, 1e6, 1)} M to {found[0][1]} M MAdds, "
        f"and from {found[1][0]} M to {found[1][1]} M parameters",
    )


@claim(
    ARCHITECTURE,
    "fails: 7×7×1024 takes 100 kB, not 199; the others are right within 5 %",
    "models.mobilenet_v1 models.summary",
)
def v2_table_3_kilobytes() -> Finding:
    """Table 3: with 16-bit numbers V1's maps take 1600, 800, 400, 200, 199 and 2 kB; V2's and ShuffleNet's less."""
    printed = {(side, channels): kb for side, entries in TABLE_3.items() for channels, kb in entries}
    sizes = {(side, channels): 2 * side**2 * channels for side, channels in printed}
    wrong = {of: kb for of, kb in printed.items() if abs(1000 * kb / sizes[of] - 1) > 0.05 and kb != sizes[of] // 1000}
    counted = summary(mobilenet_v1(), IMAGE)
    there = {2 * row.activation_bytes // counted.bytes_per_number for row in counted.rows}
    of_v1 = {sizes[side, entries[0][0]] for side, entries in TABLE_3.items()} <= there
    misprints = [
        f"{side}×{side}×{channels} takes {sizes[side, channels] / 1000:.0f} kB, not {kb}"
        for (side, channels), kb in wrong.items()
    ]
    return finding(
        not wrong,
        f"{len(printed) - len(wrong)} of {len(printed)} are right within 5 %, or cut off; V1 has maps of its six "
        f"sizes: {of_v1}; its largest takes {max(there) / 1000:,.0f} kB",
        why=", ".join([*misprints, "V1 has no such maps"] if not of_v1 else misprints)
        + "; the others are right within 5 %",
    )


@claim(
    ARCHITECTURE,
    "fails: they have 24 at 56×56, 32 at 28×28, 96 at 14×14; the printed ones come one stage later",
    "models.mobilenet_v2 models.summary",
    "mobilenet-v2-table",
)
def v2_table_3_channels() -> Finding:
    """Table 3: V2's maps have at most 16 channels at 112×112, 32 at 56×56, 64 at 28×28, 160 at 14×14, 320 at 7×7."""
    maps = [row.output_shape[2:] for row in v2_counted().rows if row.kind == "project"]
    there = {side: max(channels for other, channels in maps if other == side) for side, _ in maps}
    printed = {side: entries[1][0] for side, entries in TABLE_3.items() if side > 1}
    wrong = {side: channels for side, channels in printed.items() if there[side] != channels}
    later = all((side // 2, channels) in maps for side, channels in wrong.items())
    return finding(
        not wrong,
        ", ".join(f"{channels} at {side}×{side}" for side, channels in there.items()),
        why=f"they have {', '.join(f'{there[side]} at {side}×{side}' for side in wrong)}; "
        + ("the printed ones come one stage later" if later else "and not the printed ones anywhere"),
    )


@claim(MEMORY, "holds", "models.activation_memory models.mobilenet_v2")
def v2_memory_is_that_of_the_bottlenecks() -> Finding:
    """Eq. 2: where a block is one operation, the memory is dominated by the bottlenecks, not by the volumes within."""
    network = mobilenet_v2()
    layers, blocks = (activation_memory(network, IMAGE, granularity=each).peak for each in ("layers", "blocks"))
    return finding(
        (layers.elements, blocks.elements) == (112 * 112 * 96 + 56 * 56 * 96, 112 * 112 * 32 + 112 * 112 * 16),
        f"block by block {blocks.elements:,} numbers ({blocks.name}: {blocks.inputs:,} in, {blocks.outputs:,} out)",
        f"layer by layer {layers.elements:,} ({layers.name})",
    )


@claim(MEMORY, "holds", "inverted_residual_split inverted_residual cost.count_operations models.activation_memory")
def v2_a_block_can_be_computed_in_groups() -> Finding:
    """In t groups of inner channels a block needs s²k + s′²k′ + O(max(s², s′²)) numbers, at the same MAdds."""
    arrays = whole(0, 1, 4, 6, 3), whole(1, 3, 12), whole(2, 3, 3, 12), whole(3, 12, 5)
    y = npconv.inverted_residual(*arrays)
    ones, parts = [np.ones(a.shape) for a in arrays], (1, 3, 5, 12)
    counted = [
        count_operations(npconv.inverted_residual_split, *ones, groups=groups).multiplications for groups in parts
    ]
    equal = all(np.array_equal(npconv.inverted_residual_split(*arrays, groups=groups), y) for groups in parts)
    network = mobilenet_v2()
    memory = {t: activation_memory(network, IMAGE, granularity="blocks", groups=t) for t in (1, 2, 5, 960)}
    channels = pairwise([32, *(row.channels for row in MOBILENET_V2_ROWS for _ in range(row.blocks))])
    blocks = zip(memory[960].rows[1:18], channels, strict=True)
    return finding(
        equal
        and len(set(counted)) == 1
        and all(row.inner <= 2 * max(row.inputs // k, row.outputs // k_out) for row, (k, k_out) in blocks),
        f"4×6×3 to 4×6×5 in 1, 3, 5 and 12 groups: the same numbers, {counted[0]:,} multiplications each",
        "the network's largest block: " + ", ".join(f"{m.peak.elements:,} in {t}" for t, m in memory.items()),
        "one channel at a time, no block holds more than twice the larger of s² and s′² within",
    )


@functools.cache
def v2_counted(width: float = 1.0, side: int = 224, **options: Any) -> Summary:
    """The summary of the network for one image."""
    return summary(mobilenet_v2(width, **options), (1, side, side, 3))
