"""The claims of MobileNetV1's paper (arXiv 1704.04861): its formula for two multipliers, and its tables."""

import functools
import math
from fractions import Fraction
from typing import Any

from ...cost import conv2d_cost, depthwise_separable_conv2d_cost
from ...models import MOBILENET_V1_ROWS, SeparableRow, Summary, SummaryRow, mobilenet_v1, summary
from ...text import shape_text
from ..table import Finding, claim, finding
from .counts import cut, rounded, totals

ARCHITECTURE = "MobileNet Architecture"
EXPERIMENTS = "Experiments"

TABLE_1 = (  # the side and the channels of the input, the stride, the channels of the output
    (112, 32, 1, 64),
    (112, 64, 2, 128),
    (56, 128, 1, 128),
    (56, 128, 2, 256),
    (28, 256, 1, 256),
    (28, 256, 2, 512),
    *[(14, 512, 1, 512)] * 5,
    (14, 512, 2, 1024),
    (7, 1024, 2, 1024),
)
MOST = "models.mobilenet_v1 models.summary"


@claim(
    ARCHITECTURE,
    "holds if the last depthwise convolution has stride 1: with the printed 2 the pool does not get 7×7",
    MOST,
)
def v1_table_1_is_the_network() -> Finding:
    """Table 1: a full convolution, 13 depthwise separable ones, a pool over 7×7, and a classifier of 1024×1000."""
    counted = _counted()
    built = [
        (*row.input_shape[2:], row.input_shape[1] // row.output_shape[1], after.output_shape[-1])
        for row, after in zip(_of_kind(counted, "depthwise"), _of_kind(counted, "pointwise"), strict=True)
    ]
    *same, last = TABLE_1
    (pool,) = _of_kind(counted, "pool")
    rows = [SeparableRow(channels, 1, stride) for *_, stride, channels in TABLE_1]
    (literally,) = _of_kind(_counted(rows=tuple(rows)), "pool")
    return finding(
        built == [*same, (*last[:2], 1, last[3])]
        and pool.input_shape[1:] == (7, 7, 1024) != literally.input_shape[1:]
        and counted.output_shape == (1, 1000),
        f"{len(built)} separable convolutions have the table's sides, channels and strides, but for the last stride; "
        f"with the first convolution and the classifier {2 * len(built) + 2} layers",
        f"the pool gets {shape_text(pool.input_shape[1:])}; with the last stride as printed "
        f"{shape_text(literally.input_shape[1:])}",
    )


@claim(
    ARCHITECTURE,
    "fails: the first convolution has 1.91 %, not 1.19 %; the other shares are as printed",
    MOST,
)
def v1_table_2_shares_of_the_multiplications() -> Finding:
    """Table 2: MAdds are 94.86 % those of 1×1 convolutions, 3.06 % depthwise, 1.19 % full, 0.18 % classifier."""
    printed = {"stem": "1.19", "depthwise": "3.06", "pointwise": "94.86", "classifier": "0.18"}
    macs = _counted().by_kind()
    shares = {kind: f"{100 * n / _counted().macs:.2f}" for kind, n in macs.items()}
    others = all(shares[kind] == printed[kind] for kind in printed if kind != "stem")
    return finding(
        shares == printed,
        "; ".join(f"{kind}: {n:,}, {shares[kind]} %" for kind, n in macs.items()),
        f"the printed shares add up to {sum(map(float, printed.values())):.2f} %",
        why=f"the first convolution has {shares['stem']} %, not {printed['stem']} %"
        + ("; the other shares are as printed" if others else ""),
    )


@claim(
    ARCHITECTURE,
    "holds if the classifier's bias and batch normalisation are left out: with the bias 1×1 convolutions have 74.57 %",
    MOST,
)
def v1_table_2_shares_of_the_parameters() -> Finding:
    """Table 2: parameters are 74.59 % those of 1×1 convolutions, 1.06 % depthwise, 0.02 % full, 24.33 % classifier."""
    weights = _counted().by_kind("weights")
    biased, weights["classifier"] = dict(weights), 1024 * 1000
    shares, others = (
        {kind: f"{100 * n / sum(counts.values()):.2f}" for kind, n in counts.items()} for counts in (weights, biased)
    )
    return finding(
        shares == {"stem": "0.02", "depthwise": "1.06", "pointwise": "74.59", "classifier": "24.33"},
        "; ".join(f"{kind}: {n:,}, {shares[kind]} %" for kind, n in weights.items()),
        condition="the classifier's bias and batch normalisation are left out: with the bias 1×1 convolutions have "
        f"{others['pointwise']} %",
    )


@claim(
    ARCHITECTURE,
    "holds if αM, αN and ρDᵥ are whole numbers",
    "cost.depthwise_separable_conv2d_cost",
)
def v1_both_multipliers_in_one_formula() -> Finding:
    """With both multipliers a separable layer costs Dᵣ²·αM·(ρDᵥ)² + αM·αN·(ρDᵥ)² MAdds."""
    equal, cheaper = [], 0
    for alpha in (1, Fraction(3, 4), Fraction(1, 2), Fraction(1, 4)):
        for side, rho in ((224, 1), (224, Fraction(6, 7)), (14, Fraction(5, 7)), (14, Fraction(1, 3))):
            m, n = 32, 64
            width, out, shrunk = (math.floor(number) for number in (alpha * m, alpha * n, rho * side))
            x = (1, shrunk, shrunk, width)
            macs = depthwise_separable_conv2d_cost(x, (3, 3, width), (width, out), padding="same").macs
            formula = 9 * alpha * m * (rho * side) ** 2 + alpha * m * alpha * n * (rho * side) ** 2
            if shrunk == rho * side:
                equal.append(macs == formula)
            else:
                cheaper += macs < formula
    return finding(
        all(equal) and cheaper == 4,
        f"{len(equal)} layers at α from 1/4 to 1 and ρ from 5/7 to 1: equal; {cheaper} with a ρDᵥ of 4⅔ cost less",
    )


@claim(ARCHITECTURE, "holds", "cost.conv2d_cost cost.depthwise_separable_conv2d_cost")
def v1_table_3_one_saving_after_the_other() -> Finding:
    """Table 3: a layer has 462 M MAdds, 2.36 M parameters; separable 52.3, 0.27; α = ¾ 29.6, 0.15; ρ = 0.714 15.1."""
    costs = [conv2d_cost((1, 14, 14, 512), (3, 3, 512, 512), padding="same")] + [
        depthwise_separable_conv2d_cost((1, side, side, m), (3, 3, m), (m, m), padding="same")
        for side, m in ((14, 512), (14, 384), (10, 384))
    ]
    macs = [rounded(cost.macs, 1e6, digits) for cost, digits in zip(costs, (0, 1, 1, 1), strict=True)]
    params = [rounded(cost.params, 1e6, 2) for cost in costs]
    return finding(
        (macs, params) == (["462", "52.3", "29.6", "15.1"], ["2.36", "0.27", "0.15", "0.15"]),
        "; ".join(f"{cost.macs:,} MAdds, {cost.params:,} parameters" for cost in costs),
        "of 14×14×512 with 512 filters; α leaves 384 of both, ρ 10×10",
    )


@claim(
    EXPERIMENTS,
    "holds if the classifier is left out of the 4866 M, and counted in the 569 M",
    MOST,
)
def v1_table_4_full_convolutions() -> Finding:
    """Table 4: with full convolutions the network has 4866 M MAdds and 29.3 M parameters, separable 569 M and 4.2 M."""
    full, separable = _counted(convolution="standard"), _counted()
    without = [counted.macs - counted.by_kind()["classifier"] for counted in (full, separable)]
    holds = [cut(without[0], 10**6), rounded(separable.macs, 1e6)] == ["4866", "569"]
    holds &= [rounded(counted.weights, 1e6, 1) for counted in (full, separable)] == ["29.3", "4.2"]
    return finding(
        holds and [cut(full.macs, 10**6), rounded(without[1], 1e6)] == ["4867", "568"],
        f"with the classifier {full.macs:,} and {separable.macs:,} MAdds, without it {without[0]:,} and {without[1]:,}",
        f"{full.weights:,} and {separable.weights:,} weights",
    )


@claim(EXPERIMENTS, "holds", MOST)
def v1_table_5_narrow_against_shallow() -> Finding:
    """Table 5: width 0.75 has 325 M MAdds, 2.6 M parameters; without five layers of 512 channels it is 307, 2.9."""
    rows = [row._replace(blocks=row.blocks - 5 * (row.channels == 512)) for row in MOBILENET_V1_ROWS]
    narrow, shallow = _counted(0.75), _counted(rows=tuple(rows))
    printed = [(rounded(counted.macs, 1e6), rounded(counted.weights, 1e6, 1)) for counted in (narrow, shallow)]
    return finding(printed == [("325", "2.6"), ("307", "2.9")], totals(narrow), totals(shallow))


@claim(EXPERIMENTS, "holds", MOST)
def v1_table_6_by_width() -> Finding:
    """Table 6: the widths 1, 0.75, 0.5, 0.25 have 569, 325, 149, 41 M MAdds and 4.2, 2.6, 1.3, 0.5 M parameters."""
    by_width = {width: _counted(width) for width in (1.0, 0.75, 0.5, 0.25)}
    printed = [(rounded(counted.macs, 1e6), rounded(counted.weights, 1e6, 1)) for counted in by_width.values()]
    return finding(
        printed == [("569", "4.2"), ("325", "2.6"), ("149", "1.3"), ("41", "0.5")],
        *(f"width {width:g}: {totals(counted)}" for width, counted in by_width.items()),
    )


@claim(EXPERIMENTS, "holds if all but the 569 are cut off: rounded, the third is 291", MOST)
def v1_table_7_by_resolution() -> Finding:
    """Table 7: the resolutions 224, 192, 160 and 128 have 569, 418, 290 and 186 M MAdds, and 4.2 M parameters."""
    by_side = {side: _counted(side=side) for side in (224, 192, 160, 128)}
    first, *others = [counted.macs for counted in by_side.values()]
    return finding(
        rounded(first, 1e6) == "569"
        and [cut(macs, 10**6) for macs in others] == ["418", "290", "186"]
        and rounded(by_side[128].weights, 1e6, 1) == "4.2",
        "; ".join(f"{side}: {counted.macs:,}" for side, counted in by_side.items()),
        condition=f"all but the 569 are cut off: rounded, the third is {rounded(others[1], 1e6)}",
    )


@claim(EXPERIMENTS, "holds if the 76.5 M of MobileNet are cut off; the other networks' numbers are their papers'", MOST)
def v1_tables_8_and_9_beside_other_networks() -> Finding:
    """Tables 8 and 9: MobileNet has 569 M MAdds and 4.2 M parameters, of width 0.5 at 160×160 76 M and 1.32 M."""
    whole, small = _counted(), _counted(0.5, 160)
    return finding(
        (rounded(whole.macs, 1e6), rounded(whole.weights, 1e6, 1)) == ("569", "4.2")
        and (cut(small.macs, 10**6), rounded(small.weights, 1e6, 2)) == ("76", "1.32"),
        totals(whole),
        totals(small),
        condition=f"the {rounded(small.macs, 1e6, 1)} M of MobileNet are cut off; "
        "the other networks' numbers are their papers'",
    )


@claim(EXPERIMENTS, "reported: measured on ImageNet")
def v1_accuracies_on_imagenet() -> Finding:
    """Tables 4 to 9: the accuracies, from 70.6 % at full width to 50.6 % at a quarter, and of other networks."""
    return finding(None, why="measured on ImageNet")


@claim(EXPERIMENTS, "reported: measured on data that are not here, and with networks trained on them")
def v1_tables_of_other_tasks() -> Finding:
    """Tables 10 to 14: dogs, places, faces and objects."""
    return finding(None, why="measured on data that are not here, and with networks trained on them")


@functools.cache
def _counted(width: float = 1.0, side: int = 224, **options: Any) -> Summary:
    """The summary of the network for one image."""
    return summary(mobilenet_v1(width, **options), (1, side, side, 3))


def _of_kind(counted: Summary, kind: str) -> list[SummaryRow]:
    return [row for row in counted.rows if row.kind == kind and (row.macs or kind == "pool")]
