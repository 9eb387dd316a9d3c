"""The boxes of the steppers on detection: an instructor's own, or random ones with whole numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...detection import iou
from ...kernels import arguments
from ...kernels.geometry import Array, Pair
from ...text import number_text
from .sizes import MOST_SIDE, NAME
from .step import Counting, Number, Panel, Side

SIDES = ("top", "left", "bottom", "right")
OVERLAPS = Counting("Overlaps", "overlap", " / ")
LARGEST = 1000  # pixels of an image: boxes are drawn, and their numbers fit into cells


def sides_of(image_size: Pair) -> tuple[int, int]:
    """An image's height and width, at most 1,000."""
    height, width = arguments.pair(NAME, "image_size", image_size, 4)
    if max(height, width) > LARGEST:
        raise ValueError(f"{NAME}: image_size must be at most {LARGEST:,}; got {(height, width)}")
    return height, width


def given_boxes(name: str, boxes: Any, size: tuple[int, int]) -> Array:
    """An instructor's boxes (n, 4), refused unless each has an area and touches the image."""
    if not isinstance(boxes, np.ndarray):
        raise TypeError(f"{NAME}: {name} must be a numpy.ndarray or a number of boxes; got {type(boxes).__name__}")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not 1 <= len(boxes) <= MOST_SIDE:
        raise ValueError(f"{NAME}: {name} must be (n, 4) with n from 1 to {MOST_SIDE}; got {name} {boxes.shape}")
    if boxes.dtype.kind not in "iuf" or not np.isfinite(boxes).all():
        raise ValueError(f"{NAME}: {name} must hold finite real numbers; got dtype {boxes.dtype}, {name} {boxes.shape}")
    found: Array = boxes.astype(np.float64)
    corners = (found[:, :2] < found[:, 2:]) & (found[:, 2:] > 0) & (found[:, :2] < size)
    if not corners.all():
        wrong = found[int(np.flatnonzero(~corners.all(axis=1))[0])].tolist()
        raise ValueError(
            f"{NAME}: {name} must be (top, left, bottom, right) with top < bottom and left < right, "
            f"on the image of {size}; got {wrong}"
        )
    return found


def random_boxes(
    name: str, count: Any, objects_of: Callable[[int], int], size: tuple[int, int], generator: np.random.Generator
) -> Array:
    """So many boxes, on as many objects as follow from it, each about half as large as the image's shorter side."""
    count = arguments.integer(NAME, name, count, 1, MOST_SIDE)
    objects = objects_of(count)
    shorter = min(size)
    sides = generator.integers(3 * shorter // 8, 5 * shorter // 8, (objects, 2), endpoint=True)
    corners = generator.integers(0, np.array(size, np.int64) - sides, endpoint=True)
    which = np.arange(count, dtype=np.int64) % objects
    off = generator.integers(-(shorter // 16), shorter // 16, (2, count, 2), endpoint=True)
    off[:, :objects] = 0
    corners, sides = corners[which] + off[0], np.maximum(sides[which] + off[1], 1)
    clipped = np.clip(np.concatenate([corners, corners + sides], axis=1), 0, [*size, *size])
    boxes: Array = clipped.astype(np.float64)
    return boxes


def boxes_panel(name: str, title: str, boxes: Array, role: str) -> Panel:
    """The rows top, left, bottom, right."""
    axes = ({"truths": "truth", "anchors": "default box", "boxes": "box"}[name], "top, left, bottom, right")
    return Panel(name, title, boxes, axes, role, given=True)


def overlap_of(first: Array, second: Array) -> tuple[Number, Number, Number]:
    """The area of the intersection, that of the union, and the IoU, of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    inside = float(np.maximum(sides, 0).prod())
    union = float((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod()) - inside
    return inside, union, iou(first[None], second[None])[0, 0].item()


def quotient_text(overlap: tuple[Number, Number, Number]) -> str:
    """An IoU as a quotient and as a number.

    >>> quotient_text((12.0, 40.0, 0.3))
    '12/40 = 0.30'
    """
    return f"{number_text(overlap[0])}/{number_text(overlap[1])} = {number_text(overlap[2])}"


def counts(**sides: tuple[int, int]) -> tuple[Side, ...]:
    """Sides by name, (done, in all)."""
    return tuple(Side(name.replace("_", " "), *numbers) for name, numbers in sides.items())
