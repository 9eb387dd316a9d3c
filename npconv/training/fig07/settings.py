"""The common settings of all runs on the scattered digits: the networks' size, the budget, the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from ...layers import Sequential
from ..tasks import Task, scattered_digits
from .networks import VARIANTS, variant_network


@dataclass(frozen=True)
class SmallRun:
    """Networks of inverted residuals, their training, and the images; the learning rate is where its cosine starts.

    `variants` are the names of the networks, and what they are; a subclass may have others, with a `network` of them.
    """

    variants: ClassVar[Mapping[str, str]] = VARIANTS
    blocks: int = 16
    channels: int = 6
    expansion: int = 6
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 0.03
    momentum: float = 0.9
    smoothing: float = 0.1
    train_images: int = 8192
    test_images: int = 2048
    task_seed: int = 0

    def task(self) -> Task:
        """The data that networks are trained and tested on; made once in a process."""
        return _task(self.train_images, self.test_images, self.task_seed)

    def network(self, variant: str, seed: int) -> Sequential:
        """A network of inverted residuals, one of `variants`, before its training."""
        return variant_network(variant, blocks=self.blocks, channels=self.channels, expansion=self.expansion, seed=seed)


@lru_cache(maxsize=1)
def _task(train: int, test: int, seed: int) -> Task:
    return scattered_digits(train=train, test=test, seed=seed)
