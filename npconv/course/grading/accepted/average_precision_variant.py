# npconv exercise: average-precision
# npconv variant: 3
"""Variant 3: the area under the curve, whose precision is taken as it is."""

from fractions import Fraction


def average_precision(hits, *, truths):
    """A share of the truths for each right detection, times the precision there."""
    found = total = Fraction(0)
    for k, hit in enumerate(hits.tolist(), 1):
        found += int(hit)
        total += int(hit) * found / k
    return total / truths
