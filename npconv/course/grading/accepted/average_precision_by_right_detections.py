# npconv exercise: average-precision
# npconv variant: none
"""By the right detections, each of which reaches some of the recalls first."""

from fractions import Fraction
from math import floor

import numpy as np


def average_precision(hits, *, truths):
    """The k-th right detection is the first to reach the recalls above (k − 1)/truths, up to k/truths."""
    places = np.flatnonzero(hits) + 1
    precision = [Fraction(k, int(place)) for k, place in enumerate(places, 1)]
    total, reached = Fraction(0), -1
    for k in range(1, len(precision) + 1):
        upto = floor(Fraction(100 * k, truths))
        total += (upto - reached) * max(precision[k - 1 :])
        reached = upto
    return total / 101
