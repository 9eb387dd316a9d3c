"""The claims about the dilated convolution, and what a stack of them reads."""

import numpy as np

import npconv

from ...checks import receptive_field
from ...cost import conv2d_cost
from ...text import listed
from ..cases import whole
from ..table import Finding, claim, finding

DILATED = "Dilated Convolution"


@claim(DILATED, "holds", "conv2d_taps conv2d_loops", "dilated-convolution")
def bai_a_rate_spreads_the_kernel() -> Finding:
    """The rate l spreads the kernel, with l − 1 gaps between its elements; rate 1 is a standard convolution."""
    x, kernel, holds = whole(0, 2, 12, 11, 3), whole(1, 3, 2, 3, 4), []
    for rate in (1, 2, 3, 4):
        spread = np.zeros((2 * rate + 1, rate + 1, 3, 4))
        spread[::rate, ::rate] = kernel
        holds.append(np.array_equal(npconv.conv2d_taps(x, kernel, dilation=rate), npconv.conv2d_loops(x, spread)))
    return finding(all(holds), f"3×2 kernels at the rates 1 to 4, on whole numbers: {sum(holds)} of 4 are equal")


@claim(DILATED, "holds", "cost.conv2d_cost checks.receptive_field", "dilated-convolution")
def bai_a_wide_view_costs_no_more() -> Finding:
    """Dilation widens the receptive field without a larger kernel: parameters and multiplications stay."""
    costs = {rate: conv2d_cost((1, 32, 32, 8), (3, 3, 8, 16), padding="same", dilation=rate) for rate in (1, 2, 4)}
    wide = conv2d_cost((1, 32, 32, 8), (9, 9, 8, 16), padding="same")
    return finding(
        len({(cost.params, cost.macs) for cost in costs.values()}) == 1
        and [_side(rate) for rate in costs] == [3, 5, 9],
        f"32×32×8, 16 filters of 3×3: {costs[1].params:,} parameters, {costs[1].macs:,} multiplications at each rate",
        f"9×9, as wide as rate 4: {wide.params:,} and {wide.macs:,}",
    )


@claim(
    DILATED,
    "fails: stacked they have 3, 7 and 13 positions a side, and alone 3, 5 and 7; the rates 1, 2 and 4 have 15",
    "checks.receptive_field",
    "dilated-convolution",
)
def bai_receptive_fields() -> Finding:
    """3×3 kernels of the rates 1, 2 and 3 have receptive fields of 3×3, 7×7 and 15×15."""
    alone = [_side(rate) for rate in (1, 2, 3)]
    stacked, doubled = ([_side(*rates[: n + 1]) for n in range(3)] for rates in ((1, 2, 3), (1, 2, 4)))
    return finding(
        [3, 7, 15] in (alone, stacked),
        f"alone {listed(alone)}; stacked {listed(stacked)}; the rates 1, 2 and 4 stacked {listed(doubled)}",
        "so it holds of a stack whose rates double",
        why=f"stacked they have {listed(stacked)} positions a side, and alone {listed(alone)}; "
        f"the rates 1, 2 and 4 have {doubled[-1]}",
    )


@claim(DILATED, "holds", "checks.receptive_field", "dilated-convolution")
def bai_gridding_which_is_ours() -> Finding:
    """(Not Bai's, but ours:) a stack of equal rates leaves positions of its receptive field out."""
    read = {rates: receptive_field(*((3, 1, rate) for rate in rates))[0] for rates in ((2, 2, 2), (1, 2, 3), (1, 2, 4))}
    return finding(
        not read[2, 2, 2].all() and read[1, 2, 3].all() and read[1, 2, 4].all(),
        "; ".join(
            f"rates {listed(rates)}: {np.count_nonzero(seen)} of {seen.size} positions a side"
            for rates, seen in read.items()
        ),
    )


def _side(*rates: int) -> int:
    """The side of the receptive field of 3×3 kernels with these rates, one behind the other."""
    return len(receptive_field(*((3, 1, rate) for rate in rates)))
