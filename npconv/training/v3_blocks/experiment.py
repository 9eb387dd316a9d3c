"""The settings, the seeds and the question of the experiment on MobileNetV3's block, and its results that ship."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from ...data import read_json
from ...layers import Sequential
from ..fig07.experiment import Count, Settings, run_experiment
from .networks import VARIANTS, block_network


@dataclass(frozen=True)
class BlockSettings(Settings):
    """The settings of a run, all but its network's variant and its seed: those of Fig. 7's, but for depth and length.

    The learning rate was chosen there, by the results of the network "linear", whose block is the one called "relu6"
    here.
    """

    variants: ClassVar[Mapping[str, str]] = VARIANTS
    blocks: int = 4
    steps: int = 500
    evaluate_every: int = 50

    def network(self, variant: str, seed: int) -> Sequential:
        """A network of inverted residuals, one of `VARIANTS`, before its training."""
        return block_network(variant, blocks=self.blocks, channels=self.channels, expansion=self.expansion, seed=seed)


FULL = BlockSettings()
QUICK = replace(FULL, steps=300, train_images=4096, test_images=512, evaluate_every=30)
SEEDS = tuple(range(210, 220))
QUICK_SEEDS = (0, 1)
STORED = "v3_blocks.json"
COMPARISONS = (
    ("both", "relu6"),
    ("hard_swish", "relu6"),
    ("squeeze", "relu6"),
    ("both", "squeeze"),
    ("both", "hard_swish"),
)
"""The comparisons, first minus second, decided before the seeds of `SEEDS` were run.

MobileNetV3's block against MobileNetV2's; each addition alone; and each of them where the other already is. One is
better if the two-sided sign-flip test of the accuracies after the last step, paired by seed, gives p < 0.05.
"""


def run_v3_blocks(
    settings: BlockSettings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks of `VARIANTS` with all seeds: as `run_fig07` does for its own, in all arguments, results and errors.

    `settings` is a `BlockSettings`.
    """
    return run_experiment(
        "run_v3_blocks", settings, seeds, folder=folder, processes=processes, progress=progress, count=count
    )


def stored_results() -> dict[str, Any]:
    """The results of `run_v3_blocks` for `FULL` and `SEEDS`; they ship with the package."""
    return dict(read_json(STORED))
