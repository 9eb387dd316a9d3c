"""Speeds as ratios: npconv beside its limit, and beside torch where that is installed, in one run.

All that belongs together is measured in turn, round after round, and medians are compared, so that a machine whose
speed drifts slows both sides of a ratio.
"""

from .inference import NETWORKS as NETWORKS, Pass as Pass, measure_inference as measure_inference
from .kernels import (
    LAYERS as LAYERS,
    KernelTime as KernelTime,
    TimedLayer as TimedLayer,
    measure as measure,
    summary as summary,
)
from .machine import as_json as as_json, machine as machine
from .separable import (
    SEPARABLE_LAYERS as SEPARABLE_LAYERS,
    Saving as Saving,
    measure_separable as measure_separable,
)
from .training import (
    BLOCKS as BLOCKS,
    StepTime as StepTime,
    TimedBlock as TimedBlock,
    measure_block as measure_block,
    measure_detector as measure_detector,
    measure_multi_task as measure_multi_task,
    measure_network as measure_network,
)

Layer, Row, Block, Step = TimedLayer, KernelTime, TimedBlock, StepTime  # their older names
