"""Questions about the measures of detection and segmentation: average precision and intersection over union."""

from typing import Any

import numpy as np
from asking import Question

SQUARES = tuple((0, 20 * at, 10, 20 * at + 10) for at in range(10))
WHOLE, NARROWER, WRONG = (0, 0, 10, 10), (0, 0, 10, 9), (0, 400, 10, 410)


def image(truths: Any, found: Any, *, tied: bool = False) -> dict[str, Any]:
    """A column: the truths of an image, and what was found by falling score; (top, left, bottom, right), one class."""
    scores = np.full(len(found), 0.5) if tied else np.linspace(0.9, 0.5, len(found))
    return {"truths": np.array(truths, float), "found": np.array(found, float), "scores": scores}


def masks(truth: Any, predicted: Any, classes: int) -> dict[str, Any]:
    """A column: the labels of images' pixels, one row an image."""
    return {"truth": np.array(truth), "predicted": np.array(predicted), "classes": classes}


TRUTH, PREDICTED = [[0, 1, 2, 1]], [[0, 1, 1, 0]]
ABSENT, IGNORED, APART = "a class without a pixel", "a pixel of 255", "two images"
IOUS = "intersection_over_union(truth, predicted, classes)"
AS_ONE = f"np.mean(np.nan_to_num({IOUS}, nan=1))"
AS_A_CLASS = "np.mean(intersection_over_union(np.minimum(truth, classes), predicted, classes + 1)[:classes])"
BY_IMAGE = "np.mean([np.nanmean(intersection_over_union(*pair, classes)) for pair in zip(truth, predicted)])"
EVALUATION = [
    Question(
        "average_precision",
        {
            "7 of 10 found": image(SQUARES, SQUARES[:7]),
            "4 of 5 found, 3 wrong": image(
                SQUARES[:5], [SQUARES[0], WRONG, SQUARES[1], SQUARES[2], WRONG, WRONG, SQUARES[3]]
            ),
            "IoU 3/5": image([(5, 5, 25, 25)], [(5, 5, 17, 25)]),
            "equal scores, the wrong box first": image([WHOLE], [WRONG, WHOLE], tied=True),
            "the best truth taken": image([WHOLE, NARROWER], [WHOLE, WHOLE]),
            "the 101st box": image([WHOLE], [*[WRONG] * 100, WHOLE]),
        },
        "mean_average_precision([(truths, ones(truths))], [(found, scores, ones(found))]).mean",
        {library: {"7 of 10 found": None} for library in ("pycocotools", "faster_coco_eval", "hotcoco")}
        | {"torchmetrics": {"4 of 5 found, 3 wrong": None, "IoU 3/5": None}},
        given={"ones": lambda boxes: np.ones(len(boxes), int)},
        rtol=1e-6,
    ),
    Question(
        "mean_iou",
        {
            "one image": masks(TRUTH, PREDICTED, 3),
            ABSENT: masks(TRUTH, PREDICTED, 4),
            IGNORED: masks([[0, 1, 2, 1, 255]], [[0, 1, 1, 0, 0]], 3),
            APART: masks([[0, 0, 0, 0], [0, 1, 1, 1]], [[0, 0, 0, 1], [0, 1, 1, 0]], 2),
        },
        f"np.nanmean({IOUS})",
        {
            "kornia": {ABSENT: AS_ONE, APART: BY_IMAGE},
            "sklearn": {ABSENT: AS_ONE.replace("nan=1", "nan=0"), IGNORED: AS_A_CLASS},
            "segmentation_models_pytorch": {ABSENT: AS_ONE},
            "segmentation_models_pytorch, imagewise": {ABSENT: AS_ONE, APART: BY_IMAGE},
        },
        rtol=1e-5,
    ),
]
