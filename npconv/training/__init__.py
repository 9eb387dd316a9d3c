"""How a network is trained: what it learns, what a step does, how fast, and what comes of it."""

from .fig07.networks import VARIANTS, variant_network
from .labels import smooth_labels
from .loop import History, confusion, evaluate, train, training_step
from .optimizers import SGD, Optimizer, RMSProp, decays_kernels
from .runs import RunSettings, Trained, network_for, read_trained, train_small
from .schedules import constant, cosine, exponential
from .tasks import Task, batch_at, batches, digits, read_task, scattered_digits, standardized

__all__ = [
    "SGD",
    "VARIANTS",
    "History",
    "Optimizer",
    "RMSProp",
    "RunSettings",
    "Task",
    "Trained",
    "batch_at",
    "batches",
    "confusion",
    "constant",
    "cosine",
    "decays_kernels",
    "digits",
    "evaluate",
    "exponential",
    "network_for",
    "read_task",
    "read_trained",
    "scattered_digits",
    "smooth_labels",
    "standardized",
    "train",
    "train_small",
    "training_step",
    "variant_network",
]
