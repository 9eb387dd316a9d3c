"""The experiment on SSDLite's heads: separable against full ones, and the expansion's map against a block's output."""

from ..fig07.comparisons import Comparison as Comparison, compare as compare
from .experiment import (
    COMPARISONS as COMPARISONS,
    FULL as FULL,
    MEASURES as MEASURES,
    QUICK as QUICK,
    QUICK_SEEDS as QUICK_SEEDS,
    SEEDS as SEEDS,
    STORED as STORED,
    run_detection_heads as run_detection_heads,
    stored_results as stored_results,
)
from .settings import VARIANTS as VARIANTS, HeadSettings as HeadSettings
from .times import HeadCost as HeadCost, head_costs as head_costs, measure_times as measure_times
