"""The claims about spatially separable, depthwise separable and flattened convolutions."""

from fractions import Fraction

import numpy as np

import npconv

from ...cost import conv2d_cost, count_operations, flattened_conv2d_cost, spatially_separable_conv2d_cost
from .. import costs, separable
from ..cases import whole
from ..table import Finding, claim, finding

SPATIALLY = "Spatially Separable Convolutions"
DEPTHWISE = "Depthwise Separable Convolutions"
FLATTENED = "Flattened Convolutions"
COLUMN, ROW = np.array([1.0, 2, 1]), np.array([-1.0, 0, 1])


@claim(SPATIALLY, "holds", "spatially_separable_conv2d conv2d_taps", "spatially-separable")
def bai_sobel_is_separable() -> Finding:
    """The Sobel kernel is a column of 1, 2, 1 times a row of −1, 0, 1: 6 parameters in place of 9."""
    x, sobel = whole(0, 1, 6, 7, 1), np.outer(COLUMN, ROW)
    y = npconv.spatially_separable_conv2d(x, COLUMN[:, None], ROW[:, None])
    return finding(
        np.array_equal(sobel, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        and np.array_equal(y, npconv.conv2d_taps(x, sobel[:, :, None, None])),
        f"on whole numbers the two steps equal the one; {COLUMN.size + ROW.size} parameters in place of {sobel.size}",
    )


@claim(SPATIALLY, "holds", "spatially_separable_conv2d conv2d_taps cost.count_operations", "spatially-separable")
def bai_81_multiplications_against_72() -> Finding:
    """On a 5×5 image a 3×3 kernel takes 81 multiplications, a 3×1 and a 1×3 one together 45 + 27 = 72."""
    x = np.ones((1, 5, 5, 1))
    standard = count_operations(npconv.conv2d_taps, x, np.ones((3, 3, 1, 1))).multiplications
    both = count_operations(npconv.spatially_separable_conv2d, x, np.ones((3, 1)), np.ones((3, 1))).multiplications
    first = count_operations(npconv.conv2d_taps, x, np.ones((3, 1, 1, 1))).multiplications
    return finding((standard, first, both) == (81, 45, 72), f"counted: {standard}; {first} + {both - first} = {both}")


@claim(
    SPATIALLY,
    "fails: it does for m = 3 only; for N = 7 and m = 5 the ratio is 2/3, not 12/25",
    "cost.spatially_separable_conv2d_cost cost.conv2d_cost",
    "spatially-separable",
)
def bai_cost_of_spatially_separable() -> Finding:
    """On N×N an m×m kernel in two steps costs (2N − 2)(N − 2)m multiplications, 2/m + 2/(m(N − 2)) of one step's."""
    right, wrong = [], {}
    for n, m in ((5, 3), (7, 3), (224, 3), (7, 5), (9, 5), (10, 7)):
        exact, said = _ratio(n, m), Fraction(2, m) + Fraction(2, m * (n - 2))
        if exact == said:
            right.append(m)
        else:
            wrong[n, m] = exact, said
    (n, m), (exact, said) = next(iter(wrong.items()))
    return finding(
        not wrong,
        *(
            f"N = {n}, m = {m}: {exact} = {float(exact):.3f}, not {said} = {float(said):.3f}"
            for (n, m), (exact, said) in wrong.items()
        ),
        "it has N − 2 for the output's side N − m + 1: it is Pm(N + P) of P²m², with P = N − m + 1",
        why=("it does for m = 3 only; " if set(right) == {3} else "")
        + f"for N = {n} and m = {m} the ratio is {exact}, not {said}",
    )


@claim(
    SPATIALLY,
    "holds if N is large: at N = 224 it is above by 0.0030 for m = 3, and 0.0039 for m = 7",
    "cost.spatially_separable_conv2d_cost cost.conv2d_cost",
    "spatially-separable",
)
def bai_limit_of_spatially_separable() -> Finding:
    """Where N is much larger than m the ratio is 2/m: 2/3 for 3×3, 2/5 for 5×5, 2/7 for 7×7."""
    above = {n: {m: _ratio(n, m) - Fraction(2, m) for m in (3, 5, 7)} for n in (10, 224, 10**6)}
    return finding(
        all(0 < far < Fraction(1, 10**6) for far in above[10**6].values()),
        *(f"N = {n}: above by " + ", ".join(f"{float(far):.4f}" for far in by.values()) for n, by in above.items()),
        condition=f"N is large: at N = 224 it is above by {float(above[224][3]):.4f} for m = 3, and "
        f"{float(above[224][7]):.4f} for m = 7",
    )


@claim(SPATIALLY, "holds", "spatially_separable_conv2d conv2d_taps")
def bai_not_every_kernel_is_spatially_separable() -> Finding:
    """Not all kernels can be divided into two smaller ones."""
    x, missed = whole(0, 1, 8, 9, 1), {}
    for name, kernel in {"Sobel": np.outer(COLUMN, ROW), "the diagonal": np.eye(3)}.items():
        u, s, v = np.linalg.svd(kernel)
        best = npconv.spatially_separable_conv2d(x, s[0] * u[:, :1], v[:1].T)
        y = npconv.conv2d_taps(x, kernel[:, :, None, None])
        missed[name] = float(np.linalg.norm(y - best) / np.linalg.norm(y))
    return finding(
        missed["Sobel"] < 1e-12 and missed["the diagonal"] > 0.1,
        "of rank 1 they must be; the best column and row miss of the output: "
        + ", ".join(f"{name} {share:.0%}" for name, share in missed.items()),
    )


depthwise_example = separable.the_example_of_fig_5.retold(
    DEPTHWISE, "7×7×3 → 5×5×128 takes 86,400 multiplications, and 675 + 9,600 = 10,275, some 12 %, depthwise separable."
)
depthwise_ratio = costs.the_ratio_of_the_costs.retold(DEPTHWISE, "The ratio of the multiplications is 1/Nc + 1/h².")
depthwise_limit = costs.the_ratio_is_about_the_inverse_square.retold(
    DEPTHWISE, "Where Nc is much greater than h, it is 1/h²: 9 times fewer with 3×3 filters, and 25 times with 5×5."
)


@claim(
    FLATTENED,
    "holds if the filter has rank 1, which few have",
    "flattened_conv2d conv2d_taps cost.flattened_conv2d_cost cost.conv2d_cost",
)
def bai_flattened_filters() -> Finding:
    """A filter of C×3×3 is separated into three of one dimension: over channels, rows and columns."""
    x, lateral, vertical, horizontal = whole(0, 1, 6, 7, 5), whole(1, 5, 4), whole(2, 3, 4), whole(3, 3, 4)
    kernel = vertical[:, None, None] * horizontal[None, :, None] * lateral  # (Dᵣ, Dᵣ, M, N)
    equal = np.array_equal(npconv.flattened_conv2d(x, lateral, vertical, horizontal), npconv.conv2d_taps(x, kernel))
    rank = np.linalg.matrix_rank(whole(4, 3, 3 * 5))
    flat = flattened_conv2d_cost((1, 7, 7, 64), (64, 1), (3, 1), (3, 1))
    standard = conv2d_cost((1, 7, 7, 64), (3, 3, 64, 1))
    return finding(
        equal
        and rank > 1
        and (flat.params, flat.macs) == (64 + 3 + 3, 49 * 64 + 35 * 3 + 25 * 3)
        and (standard.params, standard.macs) == (64 * 9, 25 * 64 * 9),
        f"on whole numbers the three steps equal the filter that is their product; a random one has rank {rank}",
        f"64×3×3: {flat.params} parameters in place of {standard.params}; 7×7×64 → 5×5×1 takes {flat.macs:,} "
        f"multiplications in place of {standard.macs:,}",
    )


def _ratio(n: int, m: int) -> Fraction:
    """The multiplications on an n×n image in two steps over those in one."""
    separated = spatially_separable_conv2d_cost((1, n, n, 1), (m, 1), (m, 1))
    return Fraction(separated.macs, conv2d_cost((1, n, n, 1), (m, m, 1, 1)).macs)
