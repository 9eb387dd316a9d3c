"""The checks of boxes, codes and labels: errors that name the function and the argument."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import array_of, pair, real, shown
from ..kernels.geometry import Array, Pair
from ..kernels.sums import native


def check_axes(function: str, name: str, array: Any, axes: Sequence[str | int], kinds: str = "iuf") -> None:
    """Check an ndarray by its axes: a number is an axis of that size, a word any size, and "…" any number of axes."""
    array_of(function, name, array, kinds)
    wanted = list(axes[1:] if axes[0] == "…" else axes)
    shape = array.shape[-len(wanted) :] if axes[0] == "…" else array.shape
    fits = len(shape) == len(wanted) and all(
        isinstance(axis, str) or size == axis for size, axis in zip(shape, wanted, strict=True)
    )
    if not fits:
        axes_shown = f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"
        raise ValueError(f"{function}: {name} must be {axes_shown}; got {name} {array.shape}")


def check_boxes(
    function: str, name: str, boxes: Any, axes: Sequence[str | int] = ("n", 4), *, finite: bool = True,
    area: bool = False,
) -> None:  # fmt: skip
    """Check boxes: finite unless said otherwise, no exchanged corners, with `area` none without height or width."""
    check_axes(function, name, boxes, axes)
    if finite:
        _hold(function, name, boxes, np.isfinite(boxes).all(axis=-1), "finite boxes")
    near, far = boxes[..., :2], boxes[..., 2:]
    _hold(
        function,
        name,
        boxes,
        ~(near > far).any(axis=-1),
        "boxes (top, left, bottom, right), top <= bottom and left <= right",
    )
    if area:
        _hold(function, name, boxes, (near < far).all(axis=-1), "boxes with a height and a width")


def _hold(function: str, name: str, boxes: Array, held: Array, wanted: str) -> None:
    """Raise with the first box that does not hold."""
    if not held.all():
        index = tuple(map(int, np.argwhere(~held)[0]))
        place = index[0] if len(index) == 1 else index
        raise ValueError(
            f"{function}: {name} must be {wanted}; got {shown(boxes[index].tolist())} at {place}, {name} {boxes.shape}"
        )


def check_labels(
    function: str, name: str, labels: Any, axes: Sequence[str | int], least: int, most: int | None
) -> None:
    """Check integer labels and their range."""
    check_axes(function, name, labels, axes, "iu")
    if labels.size and (labels.min() < least or (most is not None and labels.max() > most)):
        span = f"at least {least}" if most is None else f"between {least} and {most}"
        raise ValueError(
            f"{function}: {name} must be {span}; got {labels.min()} to {labels.max()}, {name} {labels.shape}"
        )


def image_sides(function: str, image_size: Pair) -> tuple[int, int]:
    """The image's height and width."""
    return pair(function, "image_size", image_size)


def checked_scales(function: str, scales: Any) -> tuple[float, float, float, float]:
    """The four factors of the codes, above 0."""
    if not isinstance(scales, tuple | list):
        raise TypeError(f"{function}: scales must be four numbers (ty, tx, th, tw); got {shown(scales)}")
    if len(scales) != 4:
        raise ValueError(f"{function}: scales must be four numbers (ty, tx, th, tw); got {shown(scales)}")
    ty, tx, th, tw = (real(function, "scales", each, above=0) for each in scales)
    return ty, tx, th, tw


def checked_share(function: str, name: str, value: Any) -> float:
    """A number from 0 to 1: an overlap or a score."""
    return real(function, name, value, least=0, most=1)


def in_floats(boxes: Array) -> Array:
    """Boxes to calculate with: integers as float64, float16 as float32, others as they are."""
    if boxes.dtype.kind != "f":
        return boxes.astype(np.float64)
    return boxes.astype(np.float32) if boxes.dtype.char == "e" else boxes


def float_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype of a result of these: that of the floats, or float64 where all hold integers."""
    floats = [a for a in arrays if a.dtype.kind == "f"]
    return native(*floats) if floats else np.dtype(np.float64)
