"""The detectors of the experiment on SSDLite's heads, and the settings of their training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from ...kernels.arguments import assign, one_of, plain
from ...models.ssdlite import SSDLite
from ..detection import DetectionHistory, train_detector
from ..detectors import digits_detector
from ..fig07.experiment import Told
from ..optimizers import Adam
from ..schedules import cosine
from ..wild_digits import DetectionTask, digits_in_the_wild

VARIANTS = {
    "separable": "SSDLite: separable heads, the first map an expansion",
    "full": "SSD's full heads, the first map an expansion",
    "output": "separable heads, the first map a block's output",
}
"""The networks by name: what differs from SSDLite's. The backbone begins with the same numbers in each.

The expansion is "block_4.expand_relu6", 144 channels of 16×16, inside the last block of stride 2. The block's output is
"block_3", 24 channels of 16×16: what this expansion expands, shortcut included.
"""

OPTIONS: dict[str, dict[str, str]] = {"separable": {}, "full": {"heads": "full"}, "output": {"first": "block_3"}}


@dataclass(frozen=True)
class HeadSettings:
    """The settings of a run, all but its network's variant and its seed: those of `npconv train ssdlite --quick`.

    Adam's learning rate rises over `warmup` steps and falls along a cosine to 0. It was chosen there by runs of the
    network that is called "separable" here.
    """

    variants: ClassVar[Mapping[str, str]] = VARIANTS
    steps: int = 500
    batch_size: int = 16
    learning_rate: float = 0.02
    warmup: int = 30
    train_images: int = 8192
    test_images: int = 400
    task_seed: int = 0
    evaluate_every: int = 50

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))

    def told(self, variant: str) -> Told:
        """The measurements of a run, and the one that is told after it."""
        return Told(DetectionHistory, "test_map_50", "test mAP@.5")

    def task(self) -> DetectionTask:
        """The digits in the wild; made once in a process."""
        return _task(self.train_images, self.test_images, self.task_seed)

    def network(self, variant: str, seed: int) -> SSDLite:
        """A detector, one of `VARIANTS`, before its training."""
        return digits_detector(**OPTIONS[one_of("HeadSettings.network", "variant", variant, VARIANTS)], seed=seed)

    def train(
        self,
        network: SSDLite,
        seed: int,
        *,
        checkpoint: Path,
        progress: Callable[[int, float, DetectionHistory], None] | None,
    ) -> DetectionHistory:
        """Train a detector in place, from a checkpoint where there is one."""
        return train_detector(
            network,
            self.task(),
            Adam(network.params),
            cosine(self.learning_rate, self.steps, warmup=min(self.warmup, self.steps - 1)),
            steps=self.steps,
            batch_size=self.batch_size,
            seed=seed,
            evaluate_every=self.evaluate_every,
            checkpoint=checkpoint,
            checkpoint_every=self.evaluate_every,
            progress=progress,
        )


@lru_cache(maxsize=1)
def _task(train: int, test: int, seed: int) -> DetectionTask:
    return digits_in_the_wild(train=train, test=test, seed=seed)
