"""The claims of MobileNetV3's paper (arXiv 1905.02244): its layers and its tables."""

import functools
from typing import Any

import numpy as np

import npconv

from ...models import Summary, divisible, mobilenet_v2, mobilenet_v3, summary
from ...training.v3_blocks import COMPARISONS, compare, stored_results
from ..cases import whole
from ..table import Finding, claim, finding
from .counts import cut, difference, rounded, totals
from .v2 import IMAGE

LAYERS = "Network Improvements"
EXPERIMENTS = "Experiments"

NETWORKS = "models.mobilenet_v3 models.summary"
NON_LINEARITIES = {"ReLU": "RE", "HardSwish": "HS"}
TABLES = {  # the side of the input, the kernel, exp size, #out, SE, NL, s
    "large": (
        (112, 3, 16, 16, False, "RE", 1),
        (112, 3, 64, 24, False, "RE", 2),
        (56, 3, 72, 24, False, "RE", 1),
        (56, 5, 72, 40, True, "RE", 2),
        *[(28, 5, 120, 40, True, "RE", 1)] * 2,
        (28, 3, 240, 80, False, "HS", 2),
        (14, 3, 200, 80, False, "HS", 1),
        *[(14, 3, 184, 80, False, "HS", 1)] * 2,
        (14, 3, 480, 112, True, "HS", 1),
        (14, 3, 672, 112, True, "HS", 1),
        (14, 5, 672, 160, True, "HS", 2),
        *[(7, 5, 960, 160, True, "HS", 1)] * 2,
    ),
    "small": (
        (112, 3, 16, 16, True, "RE", 2),
        (56, 3, 72, 24, False, "RE", 2),
        (28, 3, 88, 24, False, "RE", 1),
        (28, 5, 96, 40, True, "HS", 2),
        *[(14, 5, 240, 40, True, "HS", 1)] * 2,
        (14, 5, 120, 48, True, "HS", 1),
        (14, 5, 144, 48, True, "HS", 1),
        (14, 5, 288, 96, True, "HS", 2),
        *[(7, 5, 576, 96, True, "HS", 1)] * 2,
    ),
}


@claim(
    LAYERS,
    "holds if 0.142 is little: so much they differ at −3 and at 3, and less elsewhere",
    "hard_swish relu6 sigmoid",
    "hard-swish",
)
def v3_hard_swish_is_nearly_swish() -> Finding:
    """h-swish(x) = x·ReLU6(x + 3)/6 is nearly swish(x) = x·σ(x)."""
    x = np.arange(-512.0, 513.0) / 64
    y, swish = npconv.hard_swish(x), x * npconv.sigmoid(x)
    apart = np.abs(y - swish)
    most = x[apart > apart.max() - 1e-12]
    return finding(
        np.allclose(y, x * npconv.relu6(x + 3) / 6, rtol=1e-15, atol=0) and most.tolist() == [-3, 3],
        f"from −8 to 8 they differ by {apart.max():.4f} at most, at −3 and 3, and by {apart[x == 0][0]:g} at 0",
        condition=f"{apart.max():.3f} is little: so much they differ at −3 and at 3, and less elsewhere",
    )


@claim(LAYERS, "holds", "squeeze_excite hard_sigmoid global_average_pool dense relu", "squeeze-excite")
def v3_squeeze_and_excite() -> Finding:
    """Squeeze-and-excite multiplies each channel by a number from 0 to 1, a hard-sigmoid of all channels' means."""
    arrays = whole(0, 2, 5, 6, 8), whole(1, 8, 4), whole(2, 4), whole(3, 4, 8), whole(4, 8)
    x, reduce, reduce_bias, expand, expand_bias = arrays
    hidden = npconv.relu(npconv.dense(npconv.global_average_pool(x), reduce) + reduce_bias)
    gate = npconv.hard_sigmoid(npconv.dense(hidden, expand) + expand_bias)
    y = npconv.squeeze_excite(*arrays)
    return finding(
        np.allclose(y, x * gate[:, None, None], rtol=1e-12, atol=1e-12) and 0 <= gate.min() < gate.max() <= 1,
        f"two maps of 5×6×8, on whole numbers: gates from {gate.min():.2f} to {gate.max():.2f}",
    )


@claim(LAYERS, "holds if it is rounded to a multiple of 8", "models.mobilenet_v3")
def v3_a_quarter_is_squeezed() -> Finding:
    """The hidden layer of squeeze-and-excite has a quarter of the expanded channels."""
    pairs = {
        size: [a.shape for name, a in mobilenet_v3(size).params.items() if name.endswith("squeeze_excite.reduce")]
        for size in TABLES
    }
    together = [pair for found in pairs.values() for pair in found]
    inexact = sorted({wide for wide, quarter in together if 4 * quarter != wide})
    return finding(
        all(quarter == divisible(wide / 4) for wide, quarter in together) and len(inexact) > 0,
        *(f"{size}: {', '.join(f'{wide} to {quarter}' for wide, quarter in found)}" for size, found in pairs.items()),
        f"of {', '.join(map(str, inexact))} channels a quarter is no multiple of 8",
    )


@claim(LAYERS, "holds", NETWORKS, "mobilenet-v3-table")
def v3_table_1_is_large() -> Finding:
    """Table 1: Large is 15 blocks between convolutions of 16 and 960 channels, and has a hidden layer of 1280."""
    differing, counted = _differing("large"), v3_counted("large")
    return finding(
        differing == [] and _ends(counted) == {"stem": 16, "last": 960, "hidden": 1280},
        f"{len(TABLES['large'])} blocks with the table's sides, kernels, widths, activations and strides; "
        f"{len(differing)} differ",
        totals(counted),
    )


@claim(
    LAYERS,
    "holds if the last convolution has no squeeze-and-excite, which is marked; published networks have 1024, not 1280",
    NETWORKS,
    "mobilenet-v3-table",
)
def v3_table_2_is_small() -> Finding:
    """Table 2: Small is 11 blocks between convolutions of 16 and 576 channels, and has a hidden layer of 1280."""
    differing, counted = _differing("small"), v3_counted("small", hidden_channels=1280)
    published = _ends(v3_counted("small"))["hidden"]
    return finding(
        differing == [] and _ends(counted) == {"stem": 16, "last": 576, "hidden": 1280},
        f"{len(TABLES['small'])} blocks with the table's sides, kernels, widths, activations and strides; "
        f"{len(differing)} differ",
        totals(counted),
        condition="the last convolution has no squeeze-and-excite, which is marked; "
        f"published networks have {published}, not 1280",
    )


@claim(
    EXPERIMENTS,
    "fails: Large has 217 M MAdds; the other three are as printed, the 5.4 M cut off",
    NETWORKS,
)
def v3_table_3_large() -> Finding:
    """Table 3: Large has 219 M MAdds and 5.4 M parameters, of width 0.75 155 M and 4.0 M."""
    large, narrow = v3_counted("large"), v3_counted("large", 0.75)
    others = [cut(large.params, 10**6, 1), rounded(narrow.macs, 1e6), rounded(narrow.params, 1e6, 1)]
    return finding(
        [rounded(large.macs, 1e6), *others] == ["219", "5.4", "155", "4.0"],
        *(f"{counted.macs:,} MAdds, {counted.params:,} parameters" for counted in (large, narrow)),
        why=f"Large has {rounded(large.macs, 1e6)} M MAdds"
        + ("; the other three are as printed, the 5.4 M cut off" if others == ["5.4", "155", "4.0"] else ""),
    )


@claim(
    EXPERIMENTS,
    "fails: Small has 57 M MAdds; the other three are as printed, with the table's hidden layer of 1280",
    NETWORKS,
)
def v3_table_3_small() -> Finding:
    """Table 3: Small has 66 M MAdds and 2.9 M parameters, of width 0.75 44 M and 2.4 M."""
    small, narrow = (v3_counted("small", width, hidden_channels=1280) for width in (1.0, 0.75))
    published = [v3_counted("small", width) for width in (1.0, 0.75)]
    others = [cut(small.params, 10**6, 1), rounded(narrow.macs, 1e6), rounded(narrow.params, 1e6, 1)]
    return finding(
        [rounded(small.macs, 1e6), *others] == ["66", "2.9", "44", "2.4"],
        *(f"{counted.macs:,} MAdds, {counted.params:,} parameters" for counted in (small, narrow)),
        "as published, with 1024: "
        + " and ".join(f"{counted.macs:,} MAdds, {counted.params:,} parameters" for counted in published),
        why=f"Small has {rounded(small.macs, 1e6)} M MAdds"
        + (
            "; the other three are as printed, with the table's hidden layer of 1280"
            if others == ["2.9", "44", "2.4"]
            else ""
        ),
    )


@claim(EXPERIMENTS, "holds if all are cut off", "models.mobilenet_v2 models.summary")
def v3_table_3_mobilenet_v2() -> Finding:
    """Table 3: V2 has 300 M MAdds and 3.4 M parameters, of width 0.35 59.2 M and 1.6 M."""
    whole, narrow = (summary(mobilenet_v2(width), IMAGE) for width in (1.0, 0.35))
    return finding(
        [cut(whole.macs, 10**6), cut(whole.weights, 10**6, 1)] == ["300", "3.4"]
        and [cut(narrow.macs, 10**6, 1), cut(narrow.weights, 10**6, 1)] == ["59.2", "1.6"],
        totals(whole),
        totals(narrow),
    )


@claim(
    EXPERIMENTS,
    "reported: on small networks 5 of 5 comparisons are open (4 blocks, 500 steps on scattered digits, 10 seeds)",
    "training.v3_blocks.stored_results training.v3_blocks.compare",
)
def v3_hard_swish_and_squeeze_excite_raise_accuracy() -> Finding:
    """Hard-swish in place of ReLU and squeeze-and-excite make the networks more accurate."""
    results = stored_results()
    compared = [compare(results, first, second) for first, second in COMPARISONS]
    settings, verdicts = results["settings"], [each.verdict for each in compared]
    depth = f"{settings['blocks']} blocks, {settings['steps']} steps on scattered digits, {len(results['seeds'])} seeds"
    return finding(
        False if "second" in verdicts else None if "open" in verdicts else True,
        *(difference(each, "test accuracy") for each in compared),
        why=f"on small networks {verdicts.count('open')} of {len(verdicts)} comparisons are open ({depth})",
    )


@functools.cache
def v3_counted(size: str, width: float = 1.0, **options: Any) -> Summary:
    """The summary of the network for one image."""
    return summary(mobilenet_v3(size, width, **options), IMAGE)


def _differing(size: str) -> list[str]:
    """The blocks of the network that are not as its table in the paper has them."""
    network = mobilenet_v3(size)
    counted, differing = summary(network, IMAGE), []
    for name, printed in zip(network.blocks, TABLES[size], strict=True):
        rows = [row for row in counted.rows if row.block == name]
        operations = {row.operation for row in rows}
        depthwise = next(row for row in rows if row.operation == "DepthwiseConv2D")
        built = (
            rows[0].input_shape[1],
            network.layers[name].params["depthwise.kernel"].shape[0],
            depthwise.input_shape[-1],
            rows[-1].output_shape[-1],
            "SqueezeExcite" in operations,
            " and ".join(short for kind, short in NON_LINEARITIES.items() if kind in operations),
            depthwise.input_shape[1] // depthwise.output_shape[1],
        )
        differing += [] if built == printed else [name]
    return differing


def _ends(counted: Summary) -> dict[str, int]:
    """The channels behind the layers around the blocks."""
    return {row.name: row.output_shape[-1] for row in counted.rows if row.name in ("stem", "last", "hidden")}
