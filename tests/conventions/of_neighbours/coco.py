"""Average precision by those that have pycocotools' interface."""

import contextlib
import io
from typing import Any


def average_precision(kind: Any, evaluation: Any, truths: Any, found: Any, scores: Any) -> float:
    """The average precision of one image and class over the ten thresholds, by the library's COCO and COCOeval."""
    annotations = [annotation(at, box) | {"iscrowd": 0} for at, box in enumerate(truths, 1)]
    coco = kind()
    coco.dataset = {"info": {}, "images": [{"id": 1}], "categories": [{"id": 1}], "annotations": annotations}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        results = [annotation(at, box) for at, box in enumerate(found, 1)]
        results = [each | {"score": float(score)} for each, score in zip(results, scores, strict=True)]
        measured = evaluation(coco, coco.loadRes(results), "bbox")
        measured.evaluate()
        measured.accumulate()
    return float(measured.eval["precision"][:, :, 0, 0, -1].mean())


def annotation(at: int, box: Any) -> dict[str, Any]:
    """A box as a file of COCO has it: left, top, width, height."""
    top, left, bottom, right = box.tolist()
    sides = [right - left, bottom - top]
    return {"id": at, "image_id": 1, "category_id": 1, "bbox": [left, top, *sides], "area": sides[0] * sides[1]}
