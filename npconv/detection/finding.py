"""Detections: from a network's logits and codes to boxes, scores and labels."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from ..kernels.activations import sigmoid
from ..kernels.arguments import check_axes, integer, one_of, pair, real
from ..kernels.geometry import Array, Pair
from ..kernels.head import log_softmax
from ..kernels.sums import rounded
from .boxes import decode_unchecked
from .checking import check_boxes, check_logits, checked_scales, checked_share, wide
from .suppression import falling, suppress_unchecked


class Found(NamedTuple):
    """The objects found in an image, by falling score: boxes (n, 4), scores (n,), and labels (n,) from 1."""

    boxes: Array
    scores: Array
    labels: Array


def detections(
    logits: Array, codes: Array, anchors: Array, image_size: Pair, *, score_threshold: float = 0.001,
    iou_threshold: float = 0.55, candidates: int = 300, most: int = 300,
    scores: Literal["softmax", "sigmoid"] = "softmax", scales: Sequence[float] = (10, 10, 5, 5),
    largest: float | None = None, clip: Literal["first", "last"] = "first",
) -> list[Found]:  # fmt: skip
    """The objects that a detector finds in each image of a batch.

    Codes become boxes, which are clipped to the image. For each class but the background, the anchors with a score
    above `score_threshold` are taken, at most `candidates` of the highest scores, and go through
    `non_maximum_suppression`. Of all classes' boxes together, at most `most` of the highest scores are returned.

    Args:
        logits: (B, A, C), real floats; class 0 is the background.
        codes: (B, A, 4), real floats.
        anchors: (A, 4), boxes (top, left, bottom, right).
        image_size: (height, width) in pixels, or an int for both.
        score_threshold: from 0 to 1; a score that is equal to it does not count.
        iou_threshold: the suppression's threshold, from 0 to 1.
        candidates, most: how many boxes of a class enter the suppression, and how many are returned, at most.
        scores: "softmax" over the classes, as SSD and torchvision have it, or "sigmoid" of each logit by itself, as
            TensorFlow's SSDLite has it. The background's score is left out of both.
        scales, largest: as in `decode_boxes`.
        clip: "first" clips the boxes before the suppression, as torchvision does; "last" clips those that are kept, as
            TensorFlow's SSDLite has it, and leaves out what then has no area: boxes that reach outside the image
            suppress each other by what lies outside, too.

    Returns:
        For each image a `Found`: boxes in the codes' dtype, scores in the logits', labels int64 from 1. Of equal scores
        the lower class and the lower anchor come first. A score of NaN, or a box that holds NaN, finds nothing,
        and with clip="last" neither does a box whose area is infinite.

    Raises:
        TypeError: an array is not an ndarray of real floats, an option of the wrong kind.
        ValueError: shapes that don't fit one another, an anchor that is not finite, has exchanged corners or no area,
            an option out of its range or another word.

    >>> anchors = np.array([[0.0, 0, 8, 8], [0, 1, 8, 9], [4, 4, 12, 12]])
    >>> logits = np.log(np.array([[[0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]]))
    >>> (found,) = detections(logits, np.zeros((1, 3, 4)), anchors, (10, 10))
    >>> found.boxes
    array([[ 0.,  0.,  8.,  8.],
           [ 4.,  4., 10., 10.]])
    >>> found.scores, found.labels
    (array([0.8, 0.6]), array([1, 1]))
    """
    batch, boxes_per_image, _ = check_logits("detections", logits, "f")
    check_axes("detections", "codes", codes, (batch, boxes_per_image, 4), "f")
    check_boxes("detections", "anchors", anchors, (boxes_per_image, 4), area=True)
    height, width = pair("detections", "image_size", image_size)
    least = checked_share("detections", "score_threshold", score_threshold)
    threshold = checked_share("detections", "iou_threshold", iou_threshold)
    candidates = integer("detections", "candidates", candidates)
    most = integer("detections", "most", most)
    one_of("detections", "scores", scores, ("softmax", "sigmoid"))
    factors = checked_scales("detections", scales)
    bound = math.inf if largest is None else real("detections", "largest", largest, above=0)
    first = one_of("detections", "clip", clip, ("first", "last")) == "first"
    boxes = decode_unchecked(wide(codes), wide(anchors), factors, bound)
    seen = rounded(np.clip(boxes, 0, np.array([height, width] * 2)), codes)
    shown = np.logical_or(first, (seen[..., :2] < seen[..., 2:]).all(axis=-1))
    compared = seen if first else boxes
    shares = sigmoid(logits) if scores == "sigmoid" else _softmax(logits)
    return [
        _found(*image, least, threshold, candidates, most) for image in zip(compared, seen, shown, shares, strict=True)
    ]


def _softmax(logits: Array) -> Array:
    """The classes' shares, (B, A, C); NaN for an anchor with a logit of NaN or +∞."""
    with np.errstate(under="ignore", invalid="ignore"):
        return rounded(np.exp(log_softmax(logits)), logits)


def _found(
    boxes: Array, seen: Array, shown: Array, shares: Array, least: float, threshold: float, candidates: int, most: int
) -> Found:
    """The objects of one image, from boxes (A, 4) that suppress each other, what is seen of them, and scores (A, C)."""
    with np.errstate(over="ignore", invalid="ignore"):
        heights, widths = (boxes[:, 2:] - boxes[:, :2]).T
        whole = np.isfinite(heights * widths)
    chosen, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for label, scores in enumerate(np.ascontiguousarray(shares.T)[1:], 1):
        above = np.flatnonzero((scores > least) & whole)
        above = above[falling(scores[above])[:candidates]]
        kept = above[suppress_unchecked(boxes[above], scores[above], threshold)]
        kept = kept[shown[kept]]
        chosen.append(kept)
        labels.append(np.full(len(kept), label, np.int64))
    anchors, classes = np.concatenate(chosen), np.concatenate(labels)
    best = falling(shares[anchors, classes])[:most]
    anchors, classes = anchors[best], classes[best]
    return Found(seen[anchors], shares[anchors, classes], classes)
