"""The experiment on MobileNetV3's block: hard-swish and squeeze-and-excite added to V2's, on the scattered digits."""

from ..fig07.comparisons import Comparison as Comparison, compare as compare
from .experiment import (
    COMPARISONS as COMPARISONS,
    FULL as FULL,
    QUICK as QUICK,
    QUICK_SEEDS as QUICK_SEEDS,
    SEEDS as SEEDS,
    STORED as STORED,
    BlockSettings as BlockSettings,
    run_v3_blocks as run_v3_blocks,
    stored_results as stored_results,
)
from .networks import VARIANTS as VARIANTS, block_network as block_network
