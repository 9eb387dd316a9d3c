"""The functions of npconv.segmentation once more, with plain loops and Python's numbers: twins to compare with."""

import math
from fractions import Fraction


def losses(logits, labels, ignore):
    """The cross-entropies of the pixels that are not ignored, and the softmax of each, by the pixel's index."""
    found, shares = [], {}
    for b, image in enumerate(labels.tolist()):
        for row, line in enumerate(image):
            for column, label in enumerate(line):
                if label == ignore:
                    continue
                numbers = logits[b, row, column].tolist()
                exponentials = [math.exp(number) for number in numbers]
                total = math.fsum(exponentials)
                shares[b, row, column] = [each / total for each in exponentials]
                found.append(math.log(total) - numbers[label])
    return found, shares


def cross_entropy(logits, labels, ignore=255, divisor=None):
    found, _ = losses(logits, labels, ignore)
    return math.fsum(found) / (divisor or max(1, len(found)))


def gradient(dy, logits, labels, ignore=255, divisor=None):
    dlogits = 0 * logits
    found, shares = losses(logits, labels, ignore)
    for index, share in shares.items():
        for c, each in enumerate(share):
            wanted = 1 if labels[index] == c else 0
            dlogits[(*index, c)] = (each - wanted) * dy / (divisor or len(found))
    return dlogits


def confusion(truth, predicted, classes, ignore=255):
    counts = [[0] * classes for _ in range(classes)]
    for t, p in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if t != ignore:
            counts[t][p] += 1
    return counts


def ious(truth, predicted, classes, ignore=255):
    """By sets of pixels: those of the truth, and those of the prediction, of each class."""
    pairs = list(zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True))
    kept = [(place, pair) for place, pair in enumerate(pairs) if pair[0] != ignore]
    found = []
    for c in range(classes):
        true, false = ({place for place, pair in kept if pair[side] == c} for side in (0, 1))
        union = true | false
        found.append(float(Fraction(len(true & false), len(union))) if union else math.nan)
    return found
