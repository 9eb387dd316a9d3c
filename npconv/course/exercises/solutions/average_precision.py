"""A right answer to the exercise average-precision."""

from fractions import Fraction


def average_precision(hits, *, truths):
    """The curve, made to fall from the right, and read off at 101 recalls."""
    found, recall, precision = 0, [], []
    for k, hit in enumerate(hits, 1):
        found += int(hit)
        recall.append(Fraction(found, truths))
        precision.append(Fraction(found, k))
    for k in range(len(precision) - 2, -1, -1):
        precision[k] = max(precision[k], precision[k + 1])
    total = Fraction(0)
    for level in range(101):
        total += next((p for r, p in zip(recall, precision, strict=True) if r >= Fraction(level, 100)), 0)
    return total / 101
