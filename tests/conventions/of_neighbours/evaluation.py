"""Questions about average precision, the measure of detection."""

from typing import Any

import numpy as np
from asking import Question

SQUARES = tuple((0, 20 * at, 10, 20 * at + 10) for at in range(10))
WHOLE, NARROWER, WRONG = (0, 0, 10, 10), (0, 0, 10, 9), (0, 400, 10, 410)


def image(truths: Any, found: Any, *, tied: bool = False) -> dict[str, Any]:
    """A column: the truths of an image, and what was found by falling score; (top, left, bottom, right), one class."""
    scores = np.full(len(found), 0.5) if tied else np.linspace(0.9, 0.5, len(found))
    return {"truths": np.array(truths, float), "found": np.array(found, float), "scores": scores}


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
]
