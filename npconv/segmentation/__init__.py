"""Semantic segmentation on arrays: the pixels' loss and its gradient, the confusion matrix, intersection over union."""

from .loss import (
    pixel_cross_entropy as pixel_cross_entropy,
    pixel_cross_entropy_backward as pixel_cross_entropy_backward,
)
from .measuring import (
    confusion_matrix as confusion_matrix,
    intersection_over_union as intersection_over_union,
    intersection_over_union_of as intersection_over_union_of,
)
