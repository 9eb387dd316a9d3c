"""The networks of the experiment on segmentation, and the settings of their training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from ...kernels.arguments import assign, one_of, plain
from ...models import MultiTask, Row, Segmenter, SSDLite, lr_aspp, mobilenet_v2
from ...models.small import FEW_STEPS
from ..detection import DetectionHistory, train_detector
from ..detectors import STEM, digits_detector
from ..fig07.experiment import Told
from ..multi_task import MultiTaskHistory, train_multi_task
from ..optimizers import Adam
from ..resumable import Curves
from ..schedules import cosine
from ..segmentation import SegmentationHistory, train_segmenter
from ..segmenters import HIGH, LOW, digits_multi_task, digits_segmenter
from ..wild_digits import DetectionTask, SegmentationTask, digits_in_the_wild

VARIANTS = {
    "skip": "ink: LR-ASPP, the low map at stride 4",
    "coarse": "ink: the low map at stride 8, as the high one",
    "dilated": "ink: a narrower network, both maps at stride 4, its last stride a dilation",
    "both": "digits: boxes and masks on one backbone",
    "boxes": "digits: boxes alone",
    "masks": "digits: masks alone",
}
"""The networks by name, and what they are.

The first three tell ink from background. The low map of "skip" is "block_4.expand_relu6", 144 channels of 16×16, that
of "coarse" "block_5.expand_relu6", 192 channels of 8×8; their backbones begin with the same numbers. "dilated" has as
many multiplications as "skip", within 2 %: its blocks behind "block_4.expand_relu6" are at 16×16 too. The last three
tell the ten digits apart; their backbones begin with the same numbers.
"""

INK, COARSE = 2, "block_5.expand_relu6"
DILATED = (Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 24, 2, 2), Row(6, 40, 1, 1))
DILATED_CHANNELS = 64  # of the last layer and of the head
TOLD = {
    "both": Told(MultiTaskHistory, "test_miou", "test mIoU"),
    "boxes": Told(DetectionHistory, "test_map_50", "test mAP@.5"),
}
MASKED = Told(SegmentationHistory, "test_miou", "test mIoU")  # of the other networks


@dataclass(frozen=True)
class SegmentationSettings:
    """The settings of a run, all but its network's variant and its seed.

    Adam's learning rate rises over `warmup` steps and falls along a cosine to 0. It is that of `npconv train both`.
    """

    variants: ClassVar[Mapping[str, str]] = VARIANTS
    steps: int = 240
    batch_size: int = 16
    learning_rate: float = 0.02
    warmup: int = 30
    train_images: int = 8192
    test_images: int = 200
    task_seed: int = 0
    evaluate_every: int = 120

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))

    def told(self, variant: str) -> Told:
        """The measurements of a run, and the one that is told after it."""
        return TOLD.get(variant, MASKED)

    def task(self) -> DetectionTask:
        """The digits in the wild; made once in a process."""
        return _task(self.train_images, self.test_images, self.task_seed)

    def network(self, variant: str, seed: int) -> SSDLite | Segmenter | MultiTask:
        """A network, one of `VARIANTS`, before its training."""
        return BUILDERS[one_of("SegmentationSettings.network", "variant", variant, VARIANTS)](seed)

    def train(
        self,
        network: SSDLite | Segmenter | MultiTask,
        seed: int,
        *,
        checkpoint: Path,
        progress: Callable[[int, float, Any], None] | None,
    ) -> Curves:
        """Train a network in place, from a checkpoint where there is one: on ink where its masks have two classes."""
        train: Callable[..., Curves] = train_multi_task if isinstance(network, MultiTask) else train_detector
        task: DetectionTask | SegmentationTask = self.task()
        if isinstance(network, Segmenter):
            train, task = train_segmenter, SegmentationTask.of(self.task(), ink_only=network.classes == INK)
        return train(
            network,
            task,
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


def _dilated(seed: int) -> Segmenter:
    network = mobilenet_v2(
        rows=DILATED, in_channels=1, stem_channels=STEM, last_channels=DILATED_CHANNELS, batch_norm=FEW_STEPS,
        output_stride=4, seed=seed,
    )  # fmt: skip
    return lr_aspp(network, INK, DILATED_CHANNELS, low=LOW, high=HIGH, seed=seed)


BUILDERS: dict[str, Callable[[int], SSDLite | Segmenter | MultiTask]] = {
    "skip": lambda seed: digits_segmenter(classes=INK, seed=seed),
    "coarse": lambda seed: digits_segmenter(classes=INK, low=COARSE, seed=seed),
    "dilated": _dilated,
    "both": lambda seed: digits_multi_task(seed=seed),
    "boxes": lambda seed: digits_detector(seed=seed),
    "masks": lambda seed: digits_segmenter(seed=seed),
}


@lru_cache(maxsize=1)
def _task(train: int, test: int, seed: int) -> DetectionTask:
    return digits_in_the_wild(train=train, test=test, seed=seed)
