# npconv exercise: box-coder
# npconv variant: none
"""By differences of logarithms, one code after the other."""

import numpy as np


def _parts(boxes):
    top, left, bottom, right = boxes.T
    return (top + bottom) / 2, (left + right) / 2, bottom - top, right - left


def encode_boxes(boxes, anchors, *, scales):
    """A column for each code."""
    (y, x, h, w), (row, column, height, width) = _parts(boxes), _parts(anchors)
    codes = (y - row) / height, (x - column) / width, np.log(h) - np.log(height), np.log(w) - np.log(width)
    return np.stack([scale * code for scale, code in zip(scales, codes, strict=True)], axis=-1)


def decode_boxes(codes, anchors, *, scales):
    """A column for each side."""
    ty, tx, th, tw = (code / scale for scale, code in zip(scales, codes.T, strict=True))
    row, column, height, width = _parts(anchors)
    y, x, h, w = row + ty * height, column + tx * width, np.exp(th) * height / 2, np.exp(tw) * width / 2
    return np.column_stack([y - h, x - w, y + h, x + w])
