"""Questions about pictures and boxes: resizing; overlaps and codes of boxes, their matching, loss and suppression."""

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


def detector(*labels: int) -> dict[str, Any]:
    """A column: anchors in a row, each an object's box if its label is not 0; logits and codes are 0."""
    anchors = np.array([[0, 10 * i, 10, 10 * i + 10] for i in range(len(labels))], np.float64)
    logits, zero = np.zeros((1, len(labels), 3)), np.zeros((1, len(labels), 4))
    return {"anchors": anchors, "labels": np.array([labels], np.int64), "logits": logits, "zero": zero}


CORNERS_EXCHANGED, ONE_POINT = "corners exchanged", "one point twice"
AT_THRESHOLD, AT_SCORE = "IoU equal to its threshold", "score equal to its threshold"
SUPPRESSED = "non_maximum_suppression(boxes, scores, threshold=0.5)"
BELOW = "non_maximum_suppression(boxes, scores, threshold=np.nextafter(0.5, 0))"
SORTED = "non_maximum_suppression(np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4), scores, threshold=0.5)"
ABOVE = "non_maximum_suppression(boxes[scores > least], scores[scores > least], threshold=0.5)"
LOSS = "ssd_loss_stages(logits, zero, labels, zero).classes"
PAIR = {"box": np.array([[12, 20, 40, 80.0]]), "anchor": np.array([[10, 10, 42, 74.0]])}

BOXES = [
    Question(
        "overlaps",
        {
            "the half of a box": boxes([0, 0, 10, 10], [0, 0, 10, 5]),
            "touching boxes": boxes([0, 0, 10, 10], [10, 0, 20, 10]),
            ONE_POINT: boxes([1, 1, 1, 1], [1, 1, 1, 1]),
            CORNERS_EXCHANGED: boxes([10, 10, 0, 0], [10, 10, 0, 0]),
        },
        "iou(boxes[:1], boxes[1:])",
        {
            "torchvision": {ONE_POINT: None, CORNERS_EXCHANGED: None},
            "keras on torch": {CORNERS_EXCHANGED: None},
        },
    ),
    Question(
        "box_codes",
        {
            "the code of a box": {**PAIR, "code": None},
            "the box of code 0, 0, 30, 0": {**PAIR, "code": np.array([[0, 0, 30.0, 0]])},
        },
        {"the code of a box": "encode_boxes(box, anchor)", "the box of code 0, 0, 30, 0": "decode_boxes(code, anchor)"},
        {
            "torchvision": {
                "the code of a box": "encode_boxes(box, anchor)[:, [1, 0, 3, 2]]",
                "the box of code 0, 0, 30, 0": "decode_boxes(code, anchor, largest=np.log(1000 / 16))",
            },
        },
        rtol=1e-6,
    ),
    Question(
        "matching",
        {
            "an IoU of one half": {"overlaps": np.array([[0.5, 0.4999, 0.2]])},
            "below one half everywhere": {"overlaps": np.array([[0.1, 0.15, 0.05]])},
            "equal overlaps": {"overlaps": np.array([[0.4, 0.5, 0.5], [0.3, 0.5, 0.4]])},
            "two truths with one best anchor": {"overlaps": np.array([[0.9, 0.1], [0.8, 0.2]])},
        },
        "match_boxes(overlaps)",
    ),
    Question(
        "detection_loss",
        {
            "one of four positive": detector(1, 0, 0, 0),
            "three of four positive": detector(1, 2, 0, 1),
            "no object": detector(0, 0, 0, 0),
        },
        LOSS,
        rtol=1e-6,
    ),
    Question(
        "suppression",
        {
            AT_THRESHOLD: boxes([0, 0, 1, 2], [0, 0, 1, 1]),
            AT_SCORE: boxes([0, 0, 1, 2], [5, 5, 6, 6], (0.9, 0.5), 0.5),
            ONE_POINT: boxes([1, 1, 1, 1], [1, 1, 1, 1]),
            CORNERS_EXCHANGED: boxes([0, 0, 2, 2], [2, 2, 0, 0]),
        },
        {AT_THRESHOLD: SUPPRESSED, AT_SCORE: ABOVE, ONE_POINT: SUPPRESSED, CORNERS_EXCHANGED: SUPPRESSED},
        {
            **{name: {CORNERS_EXCHANGED: SORTED} for name in ("onnx", "onnxruntime", "tensorflow")},
            **{name: {AT_THRESHOLD: BELOW, CORNERS_EXCHANGED: SORTED} for name in ("openvino", "tfjs")},
            **{name: {CORNERS_EXCHANGED: None} for name in ("paddle", "torchvision")},
            "opencv": {ONE_POINT: None},
        },
    ),
]
