"""Speeds as ratios: what npconv does beside its limit, and beside torch where that is installed, in one run.

All that belongs together is measured in turn, round after round, and medians are compared, so that a machine whose
speed drifts slows both sides of a ratio.
"""

from .inference import Pass, measure_inference
from .kernels import LAYERS, Layer, Row, measure, summary
from .machine import as_json, machine
from .separable import SEPARABLE_LAYERS, Saving, measure_separable
from .training import BLOCKS, Block, Step, measure_block, measure_network

__all__ = [
    "BLOCKS",
    "LAYERS",
    "SEPARABLE_LAYERS",
    "Block",
    "Layer",
    "Pass",
    "Row",
    "Saving",
    "Step",
    "as_json",
    "machine",
    "measure",
    "measure_block",
    "measure_inference",
    "measure_network",
    "measure_separable",
    "summary",
]
