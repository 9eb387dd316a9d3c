"""The experiment on segmentation: what a finer map is for, dilation against strides, and two tasks on one backbone."""

from ..fig07.comparisons import Comparison as Comparison, compare as compare
from .averages import averaged_miou as averaged_miou
from .experiment import (
    COMPARISONS as COMPARISONS,
    FULL as FULL,
    MEASURES as MEASURES,
    QUICK as QUICK,
    QUICK_SEEDS as QUICK_SEEDS,
    SEEDS as SEEDS,
    STORED as STORED,
    run_segmentation_heads as run_segmentation_heads,
    stored_results as stored_results,
)
from .settings import VARIANTS as VARIANTS, SegmentationSettings as SegmentationSettings
