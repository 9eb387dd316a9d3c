"""Object detection on arrays: boxes, their matching, the loss and its gradient, suppression, average precision."""

from .anchors import (
    DefaultBoxes as DefaultBoxes,
    default_boxes as default_boxes,
    tensorflow_boxes as tensorflow_boxes,
    torchvision_boxes as torchvision_boxes,
)
from .average_precision import (
    MeanAveragePrecision as MeanAveragePrecision,
    PrecisionRecall as PrecisionRecall,
    average_precision as average_precision,
    mean_average_precision as mean_average_precision,
    precision_recall as precision_recall,
)
from .boxes import (
    clip_boxes as clip_boxes,
    decode_boxes as decode_boxes,
    encode_boxes as encode_boxes,
    iou as iou,
)
from .finding import Found as Found, detections as detections
from .loss import (
    SSDLossStages as SSDLossStages,
    ssd_loss as ssd_loss,
    ssd_loss_backward as ssd_loss_backward,
    ssd_loss_stages as ssd_loss_stages,
)
from .matching import match_boxes as match_boxes, ssd_targets as ssd_targets
from .suppression import non_maximum_suppression as non_maximum_suppression
