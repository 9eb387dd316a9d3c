"""A training step beside its limit, and beside the same network in torch where that is installed.

Kinds of step: an inverted residual forward and back, from a random upstream gradient; the small network with its
loss and its optimiser; and a small detector with its own, alone or with a segmenter beside it. The limit of a step is
`limits.step_limit` or `limits.heads_limit`.
"""

import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..allocator import keep_memory
from ..detection import ssd_targets
from ..detection.loss import loss_and_gradients
from ..kernels.arguments import assign, instance, integer
from ..kernels.geometry import Array
from ..layers import Activation, BatchNorm, DepthwiseConv2D, InvertedResidual, Layer, PointwiseConv2D
from ..layers.convolution import Linear
from ..models import MultiTask, small_mobilenet_v2
from ..models.ssdlite import SSDLite
from ..training import SGD, Adam, digits_detector, digits_in_the_wild, digits_multi_task
from ..training.detection import LOSS
from ..training.loop import training_step
from ..training.multi_task import MASK_WEIGHT, both_losses
from ..training.segmentation import foreground
from ..training.wild_digits import IGNORE
from .heads_in_torch import torch_pixel_loss, torch_ssd_loss, torch_steps
from .limits import heads_limit, step_limit
from .timing import Calls, import_torch, in_rounds, seconds_each
from .with_torch import torch_block_steps, torch_network_steps

MOMENTUM, LEARNING_RATE, SMOOTHING, CLASSES = 0.9, 1e-3, 0.1, 10


@dataclass(frozen=True)
class TimedBlock:
    """An inverted residual to time: input side, k and k′, stride and t."""

    side: int
    in_channels: int
    out_channels: int
    stride: int = 1
    expansion: int = 6

    def __post_init__(self) -> None:
        assign(self, **{name: integer("TimedBlock", name, value) for name, value in vars(self).items()})

    def __str__(self) -> str:
        channels = f"{self.in_channels}→{self.out_channels}"
        return f"block {self.side}² {channels} s{self.stride} t{self.expansion}"


BLOCKS = (
    TimedBlock(112, 16, 24, 2),
    TimedBlock(56, 24, 24),
    TimedBlock(28, 32, 32),
    TimedBlock(14, 64, 64),
    TimedBlock(14, 96, 96),
    TimedBlock(14, 96, 160, 2),
    TimedBlock(7, 160, 160),
)
"""Blocks of MobileNetV2 at 224."""


@dataclass(frozen=True)
class StepTime:
    """One measurement: a training step in milliseconds, with its ratios (below 1 is faster) and what it is made of.

    `over_torch` is over the faster of torch's two memory layouts, `over_default_torch` over channels first. `shares`
    are the parts of npconv's own step by name, which sum to 1; `peak_mib` is the memory that it takes at most beyond
    parameters, their gradients and images, in MiB. `quartiles` are the lower and the upper quartile of the rounds'
    ratios, by the field's name.
    """

    network: str
    batch: int
    function: str
    milliseconds: float
    over_limit: float
    over_torch: float | None
    shares: Mapping[str, float] = field(default_factory=dict)
    over_default_torch: float | None = None
    quartiles: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    peak_mib: float | None = None


def measure_block(block: TimedBlock, batch: int, *, rounds: int = 15) -> list[StepTime]:
    """Time an inverted residual forward, in training mode, and back, beside its limit and torch.

    Args:
        block: a TimedBlock.
        batch: B.
        rounds: how often everything is timed; the medians count.

    Returns:
        A StepTime each for the limit, npconv, and torch in both of its memory layouts where it is installed.

    >>> [step.function for step in measure_block(TimedBlock(4, 3, 5), 2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    instance("measure_block", "block", block, TimedBlock)
    batch, rounds = integer("measure_block", "batch", batch), integer("measure_block", "rounds", rounds)
    network = InvertedResidual(block.in_channels, block.out_channels, block.stride, block.expansion)
    shape = (batch, block.side, block.side, block.in_channels)
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(s).astype(np.float32) for s in (shape, network.output_shape(shape)))

    def step() -> None:
        network.forward(x, training=True)
        network.backward(dy)

    timed = {("limit", "step"): step_limit(network, shape), ("npconv", "step"): step}
    if import_torch():
        timed |= torch_block_steps(network, x, dy)
    return _steps(str(block), batch, network, timed, rounds)


def measure_network(side: int = 24, batch: int = 64, *, rounds: int = 15) -> list[StepTime]:
    """Time a training step of `small_mobilenet_v2`: forward, loss, backward, SGD with momentum. As `measure_block`.

    torch doesn't compute the gradient for the images, as nobody asks it to; npconv does.

    >>> [step.function for step in measure_network(8, 2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    side, batch, rounds = (
        integer("measure_network", name, value)
        for name, value in (("side", side), ("batch", batch), ("rounds", rounds))
    )
    network = small_mobilenet_v2(CLASSES, 1)
    shape = (batch, side, side, 1)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal(shape).astype(np.float32), rng.integers(CLASSES, size=batch)
    optimizer = SGD(network.params, momentum=MOMENTUM)

    def step() -> None:
        training_step(network, optimizer, x, labels, classes=CLASSES, learning_rate=LEARNING_RATE, smoothing=SMOOTHING)

    timed = {("limit", "step"): step_limit(network, shape, optimizer=True), ("npconv", "step"): step}
    if import_torch():
        settings = {"momentum": MOMENTUM, "learning_rate": LEARNING_RATE, "smoothing": SMOOTHING}
        timed |= torch_network_steps(network, x, labels, **settings)
    return _steps(f"small MobileNetV2 {side}²", batch, network, timed, rounds)


def measure_detector(batch: int = 16, *, rounds: int = 15) -> list[StepTime]:
    """Time a training step of `digits_detector` on digits in the wild: forward, `ssd_loss`, backward, Adam.

    The matching of boxes and anchors is done beforehand, for torch too. torch's loss and gradients are held against
    ours before anything is timed; it computes no gradient for the images, npconv does. Otherwise as `measure_block`.

    >>> [step.function for step in measure_detector(2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    batch, rounds = integer("measure_detector", "batch", batch), integer("measure_detector", "rounds", rounds)
    task, detector = digits_in_the_wild(train=batch, test=1), digits_detector()
    labels, targets = ssd_targets(detector.anchors(task.x_train.shape[1:3]), task.boxes_train, task.labels_train)

    def loss_of(y: Array) -> tuple[float, Array]:
        loss, *both = loss_and_gradients(*detector.split(y), labels, targets, **LOSS)
        return float(loss), np.concatenate(both, axis=-1)

    def torch_loss() -> Callable[[Any], Any]:
        return torch_ssd_loss(labels, targets)

    return _steps_with_heads("detector of digits 64²", detector, task.x_train, loss_of, torch_loss, rounds)


def measure_multi_task(batch: int = 16, *, rounds: int = 15) -> list[StepTime]:
    """Time a training step of `digits_multi_task`: forward, `ssd_loss` and `pixel_cross_entropy`, backward, Adam.

    As `measure_detector`; the loss is the sum of both, as in `multi_task_step`.

    >>> [step.function for step in measure_multi_task(2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    batch, rounds = integer("measure_multi_task", "batch", batch), integer("measure_multi_task", "rounds", rounds)
    task, network = digits_in_the_wild(train=batch, test=1), digits_multi_task()
    size, masks = task.x_train.shape[1:3], task.masks_train
    assert masks is not None
    labels, targets = ssd_targets(network.detector.anchors(size), task.boxes_train, task.labels_train)

    def of_boxes(found: Array) -> tuple[float, Array]:
        loss, *both = loss_and_gradients(*network.detector.split(found), labels, targets, **LOSS)
        return float(loss), np.concatenate(both, axis=-1)

    def loss_of(y: Array) -> tuple[float, Array]:
        return both_losses(network, y, size, of_boxes, masks)

    def torch_loss() -> Callable[[Any], Any]:
        boxes = torch_ssd_loss(labels, targets)
        pixels = torch_pixel_loss(masks, IGNORE, foreground(masks) / MASK_WEIGHT)
        return lambda outputs: boxes(outputs[0]) + pixels(outputs[1])

    return _steps_with_heads("boxes and masks of digits 64²", network, task.x_train, loss_of, torch_loss, rounds)


def _steps_with_heads(
    name: str, network: SSDLite | MultiTask, x: Array, loss_of: Callable[[Array], tuple[float, Array]],
    torch_loss: Callable[[], Callable[[Any], Any]], rounds: int,
) -> list[StepTime]:  # fmt: skip
    """Time a step of a network with heads; `loss_of` gives the loss of its output and the gradient for that."""
    optimizer = Adam(network.params)

    def gradients() -> float:
        loss, dy = loss_of(network.forward(x, training=True))
        network.backward(dy)
        return loss

    def step() -> None:
        gradients()
        optimizer.step(network.grads, LEARNING_RATE)

    timed: Calls = {("limit", "step"): heads_limit(network, x.shape), ("npconv", "step"): step}
    if import_torch():
        expected = gradients(), network.grads
        timed |= torch_steps(network, x, torch_loss(), learning_rate=LEARNING_RATE, expected=expected)
    return _steps(name, len(x), network, timed, rounds)


def _steps(name: str, batch: int, network: Layer, timed: Calls, rounds: int) -> list[StepTime]:
    """Time them, and npconv's step again part by part; before all that, its memory."""
    keep_memory()
    peak = _peak_mib(timed["npconv", "step"])
    times = in_rounds(timed, rounds)["step"]
    own: dict[str, Any] = {"shares": _shares(network, timed["npconv", "step"], rounds), "peak_mib": peak}
    bases = {"over_limit": "limit", "over_torch": times.faster_torch, "over_default_torch": "torch"}
    return [
        StepTime(
            name, batch, function, 1e3 * seconds, **times.ratios(function, **bases),
            **(own if function == "npconv" else {}),
        )
        for function, seconds in times.seconds.items()
    ]  # fmt: skip


def _peak_mib(step: Callable[[], Any]) -> float:
    """The most memory that a second step holds of what was allocated since the first began, in MiB.

    So what the first step keeps is counted, and what was there before, such as parameters and images, is not.
    """
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        step()
        tracemalloc.reset_peak()
        step()
        return (tracemalloc.get_traced_memory()[1] - before) / 2**20
    finally:
        if not tracing:
            tracemalloc.stop()


def _shares(network: Layer, step: Callable[[], Any], rounds: int) -> dict[str, float]:
    """The share of a step that each kind of layer takes, forward and backward, and the rest."""
    spent: dict[str, float] = {}

    def timed(kind: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed_run(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = run(*arguments)
            spent[kind] = spent.get(kind, 0.0) + time.perf_counter() - start
            return result

        return timed_run

    leaves = list(network.leaves())
    for leaf in leaves:
        for name in ("forward", "backward"):
            vars(leaf)[name] = timed(_kind(leaf), getattr(leaf, name))
    try:
        whole = sum(seconds_each(step, 1) for _ in range(rounds))
    finally:
        for leaf in leaves:
            del leaf.forward, leaf.backward  # the class's own are visible again
    return {kind: t / whole for kind, t in spent.items()} | {"rest": 1 - sum(spent.values()) / whole}


def _kind(leaf: Layer) -> str:
    if isinstance(leaf, PointwiseConv2D):
        return "expand" if np.subtract(*leaf.params["kernel"].shape) < 0 else "project"
    kinds = {DepthwiseConv2D: "depthwise", Linear: "other products", BatchNorm: "normalisation", Activation: "ReLU6"}
    return next((name for kind, name in kinds.items() if isinstance(leaf, kind)), "pool")
