"""Object detection on arrays: boxes, their matching, the loss and its gradient, suppression, average precision."""

from .average_precision import (
    MeanAveragePrecision as MeanAveragePrecision,
    PrecisionRecall as PrecisionRecall,
    average_precision as average_precision,
    mean_average_precision as mean_average_precision,
    precision_recall as precision_recall,
)
