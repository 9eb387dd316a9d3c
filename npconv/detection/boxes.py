"""Boxes, and their codes relative to anchors.

A box is (top, left, bottom, right) in pixels, rows first, as arrays are indexed: it reaches from its top edge up to,
not including, its bottom edge. So box (0, 0, 2, 3) covers the pixels of `image[0:2, 0:3]`, and its area is 6.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..kernels.arguments import check_axes, pair, real
from ..kernels.geometry import Array, Pair
from ..kernels.sums import rounded
from .checking import check_boxes, checked_scales, float_dtype, wide


def iou(a: Array, b: Array) -> Array:
    """The intersection over union of every box of a with every box of b.

    Args:
        a: (n, 4), boxes (top, left, bottom, right); n may be 0.
        b: (m, 4), boxes too; m may be 0.

    Returns:
        (n, m), from 0 to 1, in the floats' dtype (float64 for integers). It is 0 for a box without area.

    Raises:
        TypeError: an argument is not an ndarray of real numbers.
        ValueError: a shape is not (n, 4), or a box is not finite or has exchanged corners.

    >>> iou(np.array([[0, 0, 10, 10]]), np.array([[0, 0, 10, 5], [0, 5, 10, 15], [10, 0, 20, 10]]))
    array([[0.5       , 0.33333333, 0.        ]])
    """
    check_boxes("iou", "a", a)
    check_boxes("iou", "b", b)
    return iou_unchecked(wide(a), wide(b)).astype(float_dtype(a, b), copy=False)


def iou_unchecked(a: Array, b: Array) -> Array:
    """`iou` of floats that are checked."""
    top, left, bottom, right = a.T[..., None]  # (n, 1) each
    heights = np.minimum(bottom, b[:, 2]) - np.maximum(top, b[:, 0])  # (n, m)
    widths = np.minimum(right, b[:, 3]) - np.maximum(left, b[:, 1])
    intersection = np.maximum(heights, 0) * np.maximum(widths, 0)
    union = (bottom - top) * (right - left) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) - intersection
    shares: Array = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return shares


def clip_boxes(boxes: Array, image_size: Pair) -> Array:
    """The parts of boxes that lie in the image; a box outside it has no area, on the image's edge.

    Args:
        boxes: (…, 4), boxes (top, left, bottom, right). Infinite edges are cut too; NaN stays NaN.
        image_size: (height, width) in pixels, or an int for both.

    Returns:
        The boxes, shaped like `boxes` and in their dtype.

    Raises:
        TypeError: boxes are not an ndarray of real numbers, or image_size not ints.
        ValueError: boxes are not (…, 4), or have exchanged corners, or image_size is below 1.

    >>> clip_boxes(np.array([[-3.0, 2.0, 5.0, 99.0]]), (48, 64))
    array([[ 0.,  2.,  5., 64.]])
    """
    check_boxes("clip_boxes", "boxes", boxes, ("…", 4), finite=False)
    height, width = pair("clip_boxes", "image_size", image_size)
    return rounded(np.clip(boxes, 0, np.array([height, width] * 2)), boxes)


def encode_boxes(boxes: Array, anchors: Array, *, scales: Sequence[float] = (10, 10, 5, 5)) -> Array:
    """The codes of boxes relative to anchors: what a network predicts in the boxes' place.

    A code is (ty, tx, th, tw) = (Δy / h, Δx / w, log(height / h), log(width / w)) times the scales: the step from the
    anchor's centre to the box's, in units of the anchor's height h and width w, and the logarithms of how much larger
    the box is. `decode_boxes` is the inverse.

    Args:
        boxes: (…, A, 4), a box for each anchor.
        anchors: (A, 4), or shaped like boxes.
        scales: four factors in the codes' order. SSD's code calls their inverses (0.1, 0.1, 0.2, 0.2) variances.

    Returns:
        The codes, shaped like `boxes`, in the floats' dtype (float64 for integers).

    Raises:
        TypeError: an array is not an ndarray of real numbers, or scales are not numbers.
        ValueError: anchors are not shaped like the last axes of boxes, a box or anchor is not finite, has exchanged
            corners or no area, or a scale is not above 0.

    Source: https://arxiv.org/abs/1512.02325, equation 2, and TensorFlow's configuration for SSDLite, for the scales.

    >>> encode_boxes(np.array([[12.0, 20, 40, 80]]), np.array([[10.0, 10, 42, 74]]))
    array([[ 0.        ,  1.25      , -0.66765696, -0.32269261]])
    """
    check_boxes("encode_boxes", "boxes", boxes, ("…", 4), area=True)
    _check_anchors("encode_boxes", "boxes", boxes, anchors)
    factors = checked_scales("encode_boxes", scales)
    return encode_unchecked(wide(boxes), wide(anchors), factors).astype(float_dtype(boxes, anchors), copy=False)


def encode_unchecked(boxes: Array, anchors: Array, scales: Sequence[float]) -> Array:
    """`encode_boxes` of floats that are checked."""
    centres, sides = _centres_and_sides(boxes)
    anchor_centres, anchor_sides = _centres_and_sides(anchors)
    codes = np.concatenate([(centres - anchor_centres) / anchor_sides, np.log(sides / anchor_sides)], axis=-1)
    codes *= np.array(scales, codes.dtype)
    return codes


def decode_boxes(
    codes: Array, anchors: Array, *, scales: Sequence[float] = (10, 10, 5, 5), largest: float | None = None
) -> Array:
    """The boxes that codes stand for: the inverse of `encode_boxes`.

    Args:
        codes: (…, A, 4), codes (ty, tx, th, tw).
        anchors: (A, 4), or shaped like codes.
        scales: as in `encode_boxes`.
        largest: the bound on the logarithms of height and width over the anchor's, after the division by the scales.
            torchvision has log(1000 / 16). None is no bound: a code of some thousands gives an infinite box.

    Returns:
        The boxes (top, left, bottom, right), shaped like `codes`, in the floats' dtype. A code of NaN gives edges of
        NaN; an infinite one gives infinite edges, or NaN, or for th and tw of −∞ no height or width.

    Raises:
        TypeError: an array is not an ndarray of real numbers, or scales and largest are not numbers.
        ValueError: anchors are not shaped like the last axes of codes, an anchor is not finite, has exchanged corners
            or no area, or a scale or largest is not above 0.

    >>> decode_boxes(np.array([[0.0, 1.25, 0, 0]]), np.array([[10.0, 10, 42, 74]]))
    array([[10., 18., 42., 82.]])
    """
    check_axes("decode_boxes", "codes", codes, ("…", 4))
    _check_anchors("decode_boxes", "codes", codes, anchors)
    factors = checked_scales("decode_boxes", scales)
    bound = math.inf if largest is None else real("decode_boxes", "largest", largest, above=0)
    boxes = decode_unchecked(wide(codes), wide(anchors), factors, bound)
    with np.errstate(over="ignore"):  # infinite in a smaller dtype too
        return boxes.astype(float_dtype(codes, anchors), copy=False)


def decode_unchecked(codes: Array, anchors: Array, scales: Sequence[float], largest: float) -> Array:
    """`decode_boxes` of floats that are checked."""
    anchor_centres, anchor_sides = _centres_and_sides(anchors)
    steps = codes / np.array(scales, codes.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        centres = steps[..., :2] * anchor_sides + anchor_centres
        halves = np.exp(np.minimum(steps[..., 2:], largest)) * anchor_sides / 2
        return np.concatenate([centres - halves, centres + halves], axis=-1)


def _centres_and_sides(boxes: Array) -> tuple[Array, Array]:
    """Centres (y, x) and sides (height, width) of boxes, (…, 4) to (…, 2) each."""
    near, far = boxes[..., :2], boxes[..., 2:]
    return (near + far) / 2, far - near


def _check_anchors(function: str, name: str, array: Array, anchors: Array) -> None:
    """Check anchors that are shaped like the last axes of an array."""
    check_boxes(function, "anchors", anchors, ("…", 4), area=True)
    if array.shape[-anchors.ndim :] != anchors.shape:
        raise ValueError(
            f"{function}: anchors must be shaped like {name}, or like its last axes; got {name} {array.shape}, "
            f"anchors {anchors.shape}"
        )
