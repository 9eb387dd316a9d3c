# npconv exercise: suppression
# npconv variant: none
"""By a table of all IoUs, in which the kept ones are looked up."""

import numpy as np


def non_maximum_suppression(boxes, scores, *, threshold):
    """A box is kept unless one kept before it overlaps with it too much; a product is compared, not a quotient."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    sides = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    inside = sides.clip(0).prod(axis=-1)
    areas = np.diag(inside)
    suppresses = inside > threshold * (areas[:, None] + areas - inside)
    kept: list[int] = []
    for i in order:
        if not suppresses[kept, i].any():
            kept.append(i)
    return np.array(kept, dtype=float)
