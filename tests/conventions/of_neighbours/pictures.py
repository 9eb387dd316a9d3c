"""Questions about pictures and boxes: resizing, and the suppression of boxes."""

from typing import Any

import numpy as np
from asking import Question


def resized(size: int, *numbers: float, option: str | None = None) -> dict[str, Any]:
    """A column: a row of numbers at another size, with an option or the defaults."""
    return {"x": np.array(numbers, np.float32).reshape(1, 1, -1, 1), "size": size, "option": option}


def boxes(first: list[int], second: list[int], scores: tuple[float, float] = (0.9, 0.8), least: Any = None) -> Any:
    """A column: two boxes, (top, left, bottom, right); the threshold of their IoU is one half."""
    return {"boxes": np.array([first, second], np.float32), "scores": np.array(scores, np.float32), "least": least}


HALF, DOUBLE, CORNERS, SMOOTH = "4 → 2", "2 → 4", "4 → 2, corners", "4 → 2, antialiased"
RESIZE = "resize_bilinear(x, (1, size))"
ANTIALIASED = "depthwise_conv2d(x, hat, **halved) / depthwise_conv2d(np.ones_like(x), hat, **halved)"
CENTRES, STARTS = "(2 * np.arange(size) + 1) * x.size // (2 * size)", "np.arange(size) * x.size // size"

FROM_THE_MIDDLE = (
    *("torch, exact", "opencv, exact", "tinygrad, exact", "pillow", "jax", "tensorflow", "onnx", "onnxruntime"),
    *("openvino", "keras on jax", "keras on tensorflow", "keras on torch"),
)

RESIZING = [
    Question(
        "bilinear",
        {
            HALF: resized(2, 0, 0, 0, 8),
            DOUBLE: resized(4, 0, 4),
            CORNERS: resized(2, 0, 0, 0, 8, option="corners"),
            SMOOTH: resized(2, 0, 0, 0, 8, option="antialias"),
        },
        {
            HALF: RESIZE,
            DOUBLE: RESIZE,
            CORNERS: 'resize_bilinear(x, (1, size), align="corners")',
            SMOOTH: ANTIALIASED,
        },
        {
            **{name: {HALF: ANTIALIASED} for name in ("jax", "pillow")},
            **{name: {SMOOTH: RESIZE} for name in ("onnx", "onnxruntime", "openvino")},
            **{name: dict.fromkeys((HALF, DOUBLE), 'resize_bilinear(x, (1, size), align="origin")')
               for name in ("tfjs", "tensorflow, v1")},
        },
        given={
            "hat": np.array([1, 3, 3, 1.0]).reshape(1, 4, 1),
            "halved": {"stride": (1, 2), "padding": (0, 1)},
        },
        rtol=1e-6,
    ),
    Question(
        "nearest",
        {"5 → 3": resized(3, *range(5)), "3 → 5": resized(5, *range(3))},
        None,
        {
            **dict.fromkeys(("torch", "opencv", "paddle", "tinygrad", "ncnn", "tfjs", "tensorflow, v1"), STARTS),
            **dict.fromkeys(FROM_THE_MIDDLE, CENTRES),
            "mlx": {"5 → 3": STARTS, "3 → 5": CENTRES},
        },
    ),
]  # fmt: skip

BOXES = [
    Question(
        "suppression",
        {
            "IoU equal to its threshold": boxes([0, 0, 1, 2], [0, 0, 1, 1]),
            "score equal to its threshold": boxes([0, 0, 1, 2], [5, 5, 6, 6], (0.9, 0.5), 0.5),
            "one point twice": boxes([1, 1, 1, 1], [1, 1, 1, 1]),
            "corners exchanged": boxes([0, 0, 2, 2], [2, 2, 0, 0]),
        },
        None,
    ),
]
