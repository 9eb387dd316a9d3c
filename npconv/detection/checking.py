"""The checks of boxes, codes and labels: errors that name the function and the argument."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST_REAL, check_axes, real, shown
from ..kernels.geometry import Array
from ..kernels.sums import native


def check_boxes(
    function: str, name: str, boxes: Any, axes: Sequence[str | int] = ("n", 4), *, finite: bool = True,
    area: bool = False,
) -> None:  # fmt: skip
    """Check boxes: finite unless said otherwise, no exchanged corners, with `area` none without height or width."""
    check_axes(function, name, boxes, axes)
    if finite:
        held = (np.abs(wide(boxes)) <= LARGEST_REAL).all(axis=-1)
        _hold(function, name, boxes, held, f"finite boxes, in size at most {LARGEST_REAL:g}")
    near, far = boxes[..., :2], boxes[..., 2:]
    ordered = "boxes (top, left, bottom, right) with top <= bottom and left <= right"
    _hold(function, name, boxes, ~(near > far).any(axis=-1), ordered)
    if area:
        _hold(function, name, boxes, (near < far).all(axis=-1), "boxes with a height and a width")


def _hold(function: str, name: str, boxes: Array, held: Any, wanted: str) -> None:
    """Raise with the first box that does not hold."""
    if not held.all():
        index = tuple(map(int, np.argwhere(~held)[0]))
        place = f" at {index[0] if len(index) == 1 else index}" if index else ""
        got = f"{shown(boxes[index].tolist())}{place}, {name} {boxes.shape}"
        raise ValueError(f"{function}: {name} must be {wanted}; got {got}")


def check_labels(function: str, name: str, labels: Any, axes: Sequence[str | int], least: int, most: int) -> None:
    """Check integer labels and their range."""
    check_axes(function, name, labels, axes, "iu")
    if labels.size and (labels.min() < least or labels.max() > most):
        got = f"{labels.min()} to {labels.max()}, {name} {labels.shape}"
        raise ValueError(f"{function}: {name} must be between {least} and {most}; got {got}")


def checked_scales(function: str, scales: Any) -> tuple[float, float, float, float]:
    """The four factors of the codes, above 0."""
    if not isinstance(scales, tuple | list):
        raise TypeError(f"{function}: scales must be four numbers (ty, tx, th, tw); got {shown(scales)}")
    if len(scales) != 4:
        raise ValueError(f"{function}: scales must be four numbers (ty, tx, th, tw); got {shown(scales)}")
    ty, tx, th, tw = (real(function, "scales", each, above=0) for each in scales)
    return ty, tx, th, tw


def check_logits(function: str, logits: Any, kinds: str) -> tuple[int, int, int]:
    """The numbers of images, anchors and classes, each at least 1."""
    check_axes(function, "logits", logits, ("B", "A", "C"), kinds)
    if not logits.size:
        raise ValueError(f"{function}: logits must be (B, A, C), every axis at least 1; got logits {logits.shape}")
    batch, anchors, classes = logits.shape
    return batch, anchors, classes


def checked_share(function: str, name: str, value: Any) -> float:
    """A number from 0 to 1: an overlap or a score."""
    return real(function, name, value, least=0, most=1)


def wide(boxes: Array) -> Array:
    """Boxes to calculate with, in float64 at least."""
    return boxes.astype(np.result_type(boxes, np.float64), copy=False)


def float_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype of a result of these: that of the floats, or float64 where all hold integers."""
    floats = [a for a in arrays if a.dtype.kind == "f"]
    return native(*floats) if floats else np.dtype(np.float64)
