"""torchmetrics' answers, with its default backend pycocotools."""

import torch
import torchmetrics

try:
    from torchmetrics.detection import MeanAveragePrecision
except RuntimeError as error:  # torchvision's
    raise ImportError(f"torchmetrics: {error}") from error

LIBRARY, VERSION = "torchmetrics", f"torchmetrics {torchmetrics.__version__}"


def average_precision(truths, found, scores):
    def of(boxes):
        return {"boxes": torch.from_numpy(boxes[:, [1, 0, 3, 2]]), "labels": torch.ones(len(boxes), dtype=torch.int64)}

    measured = MeanAveragePrecision()
    measured.update([of(found) | {"scores": torch.from_numpy(scores)}], [of(truths)])
    return measured.compute()["map"].item()
