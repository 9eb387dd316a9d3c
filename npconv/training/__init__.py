"""How a network is trained: what it learns, what a step does, and how fast."""

from .labels import smooth_labels
from .optimizers import SGD, Optimizer, RMSProp, decays_kernels
from .schedules import constant, cosine, exponential
from .tasks import Task, batch_at, batches, digits, read_task, scattered_digits, standardized

__all__ = [
    "SGD",
    "Optimizer",
    "RMSProp",
    "Task",
    "batch_at",
    "batches",
    "constant",
    "cosine",
    "decays_kernels",
    "digits",
    "exponential",
    "read_task",
    "scattered_digits",
    "smooth_labels",
    "standardized",
]
