"""Random cases of average precision, and what pycocotools gives for them."""

import contextlib
import io

import numpy as np

CASES = 300
THRESHOLDS = tuple(k / 100 for k in range(50, 100, 5))


def xywh(*boxes):
    """Boxes (top, left, bottom, right) from COCO's (left, top, width, height)."""
    return np.array([(y, x, y + h, x + w) for x, y, w, h in boxes], float).reshape(-1, 4)


def random_case(seed):
    """Truths and detections whose IoUs, and scores, are often equal, or exactly at a threshold."""
    rng = np.random.default_rng(seed)
    side, classes = rng.choice([3, 6, 20]), rng.choice([1, 2, 4])
    crowded = rng.integers(8) == 0
    truths, found = [], []
    for _ in range(rng.integers(1, 6)):
        few, many = rng.choice([0, 1, 3, 6]), rng.choice([0, 1, 4, 12, 130 if crowded else 3])
        truths.append((boxes := random_boxes(rng, few, side), rng.integers(1, classes + 1, few)))
        guesses = random_boxes(rng, many, side)
        if few:
            near = rng.random(many) < 0.6
            guesses[near] = boxes[rng.integers(0, few, near.sum())]
            guesses[near, 2:] += rng.integers(0, 3, (near.sum(), 2))
        scores = rng.integers(0, 8, many) / 8 if rng.random() < 0.5 else rng.random(many)
        found.append((guesses, scores, rng.integers(1, classes + 2, many)))
    return truths, found


def random_boxes(rng, count, side):
    corner = rng.integers(0, side, (count, 2))
    return np.concatenate([corner, corner + rng.integers(1, side + 1, (count, 2))], axis=1).astype(float)


def evaluated(truths, found, most=100):
    """Precision at 101 recalls, and recall, by (threshold, label), as pycocotools computes them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    labels = sorted({int(label) for image in (*truths, *found) for label in image[-1]})
    annotations = [
        {"image_id": at, "category_id": int(label), "bbox": as_xywh(box), "area": area(box), "iscrowd": 0}
        for at, image in enumerate(truths, 1) for box, label in zip(*image, strict=True)
    ]  # fmt: skip
    results = [
        {"image_id": at, "category_id": int(label), "bbox": as_xywh(box), "score": float(score)}
        for at, image in enumerate(found, 1) for box, score, label in zip(*image, strict=True)
    ]  # fmt: skip
    coco = COCO()
    coco.dataset = {
        "info": {}, "images": [{"id": at} for at in range(1, len(truths) + 1)],
        "categories": [{"id": label} for label in labels],
        "annotations": [annotation | {"id": at} for at, annotation in enumerate(annotations, 1)],
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results) if results else COCO(), "bbox")
        evaluation.params.maxDets = [most]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"][..., 0, 0], evaluation.eval["recall"][..., 0, 0]
    with_truths = [(at, label) for at, label in enumerate(labels) if (recall[:, at] > -1).all()]
    return {
        (threshold, label): (precision[row, :, at], recall[row, at])
        for row, threshold in enumerate(THRESHOLDS) for at, label in with_truths
    }  # fmt: skip


def as_xywh(box):
    top, left, bottom, right = box.tolist()
    return [left, top, right - left, bottom - top]


def area(box):
    _, _, width, height = as_xywh(box)
    return width * height
