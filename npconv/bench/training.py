"""A training step beside its limit, and beside the same network in torch where that is installed.

Two kinds of step: an inverted residual forward and back, from a random upstream gradient; and the small network with
its loss and its optimiser. The limit of a step is what NumPy must do for it at the least, a layer at a time:

    convolutions and dense layers    their matrix products, one forward and two backward, as np.matmul
    depthwise, normalisation,        one copy of the bytes that are read and written: x and y forward,
    activations, the pool            dy, x and dx backward
    the optimiser                    one copy of parameters, gradients and momentum
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..allocator import keep_memory
from ..kernels.geometry import Array
from ..layers import Activation, BatchNorm, DepthwiseConv2D, InvertedResidual, Layer, PointwiseConv2D, Sequential
from ..layers.convolution import Linear
from ..models import small_mobilenet_v2
from ..training import SGD
from ..training.loop import training_step
from .timing import bind, import_torch, samples_in_turn, seconds_each
from .with_torch import torch_block_steps, torch_network_steps

MOMENTUM, LEARNING_RATE, SMOOTHING, CLASSES = 0.9, 1e-3, 0.1, 10


@dataclass(frozen=True)
class Block:
    """An inverted residual to time: input side, k and k′, stride and t."""

    side: int
    in_channels: int
    out_channels: int
    stride: int = 1
    expansion: int = 6

    def __str__(self) -> str:
        channels = f"{self.in_channels}→{self.out_channels}"
        return f"block {self.side}² {channels} s{self.stride} t{self.expansion}"


BLOCKS = (
    Block(112, 16, 24, 2),
    Block(56, 24, 24),
    Block(28, 32, 32),
    Block(14, 64, 64),
    Block(14, 96, 96),
    Block(14, 96, 160, 2),
    Block(7, 160, 160),
)
"""Blocks of MobileNetV2 at 224."""


@dataclass(frozen=True)
class Step:
    """One measurement: a training step in milliseconds, with its ratios (below 1 is faster) and what it is made of.

    `shares` are the parts of npconv's own step by name, which sum to 1.
    """

    network: str
    batch: int
    function: str
    milliseconds: float
    over_limit: float
    over_torch: float | None
    shares: Mapping[str, float] = field(default_factory=dict)


def measure_block(block: Block, batch: int, *, rounds: int = 15) -> list[Step]:
    """Time an inverted residual forward, in training mode, and back, beside its limit and torch.

    Args:
        block: a Block.
        batch: B.
        rounds: how often everything is timed; the medians count.

    Returns:
        A Step each for the limit, npconv, and torch in both of its memory layouts where it is installed.

    >>> [step.function for step in measure_block(Block(4, 3, 5), 2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    network = InvertedResidual(block.in_channels, block.out_channels, block.stride, block.expansion)
    shape = (batch, block.side, block.side, block.in_channels)
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(s).astype(np.float32) for s in (shape, network.output_shape(shape)))

    def step() -> None:
        network.forward(x, training=True)
        network.backward(dy)

    timed = {("limit", "step"): _limit(network, shape), ("npconv", "step"): step}
    if import_torch():
        timed |= torch_block_steps(network, x, dy)
    return _steps(str(block), batch, network, timed, rounds)


def measure_network(side: int = 24, batch: int = 64, *, rounds: int = 15) -> list[Step]:
    """Time a training step of `small_mobilenet_v2`: forward, loss, backward, SGD with momentum. As `measure_block`.

    torch doesn't compute the gradient for the images, as nobody asks it to; npconv does.

    >>> [step.function for step in measure_network(8, 2, rounds=1)][:2]
    ['limit', 'npconv']
    """
    network = small_mobilenet_v2(CLASSES, 1)
    shape = (batch, side, side, 1)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal(shape).astype(np.float32), rng.integers(CLASSES, size=batch)
    optimizer = SGD(network.params, momentum=MOMENTUM)

    def step() -> None:
        training_step(network, optimizer, x, labels, classes=CLASSES, learning_rate=LEARNING_RATE, smoothing=SMOOTHING)

    timed = {("limit", "step"): _limit(network, shape, optimizer=True), ("npconv", "step"): step}
    if import_torch():
        settings = {"momentum": MOMENTUM, "learning_rate": LEARNING_RATE, "smoothing": SMOOTHING}
        timed |= torch_network_steps(network, x, labels, **settings)
    return _steps(f"small MobileNetV2 {side}²", batch, network, timed, rounds)


def _limit(network: Sequential, shape: tuple[int, ...], optimizer: bool = False) -> Callable[[], None]:
    """The matrix products and copies that a step of this network can't do without, from its layers and their costs."""
    work: list[Callable[[], Any]] = []
    for layer, x_shape in with_shapes(network, shape):
        y_shape = layer.output_shape(x_shape)
        if isinstance(layer, Linear) and not isinstance(layer, DepthwiseConv2D):
            work += products(layer.params["kernel"], math.prod(y_shape[:-1]))
        else:
            x_size, y_size = math.prod(x_shape), math.prod(y_shape)
            work += [copying(x_size + y_size), copying(2 * x_size + y_size)]
    if optimizer:
        work.append(copying(5 * sum(a.size for a in network.params.values())))  # three arrays read, two written

    def step() -> None:
        for part in work:
            part()

    return step


def products(kernel: Array, positions: int) -> list[Callable[[], Any]]:
    """A convolution's products: columns @ kernel, dy @ kernel.T, columns.T @ dy."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    columns, y = np.ones((positions, len(matrix)), np.float32), np.ones((positions, matrix.shape[1]), np.float32)
    dcolumns, dmatrix = np.empty_like(columns), np.empty_like(matrix)
    return [
        bind(np.matmul, columns, matrix, out=y),
        bind(np.matmul, y, matrix.T, out=dcolumns),
        bind(np.matmul, columns.T, y, out=dmatrix),
    ]


def copying(size: int) -> Callable[[], Any]:
    """One copy that reads and writes so many numbers together."""
    half = np.ones(max(size // 2, 1), np.float32)
    return bind(np.copyto, np.empty_like(half), half)


def with_shapes(network: Sequential, shape: tuple[int, ...]) -> Iterator[tuple[Layer, tuple[int, ...]]]:
    """Every leaf with its input's shape, in the order of forward."""
    for layer in network.layers.values():
        if isinstance(layer, Sequential):
            yield from with_shapes(layer, shape)
        else:
            yield layer, shape
        shape = layer.output_shape(shape)


def _steps(
    name: str, batch: int, network: Sequential, timed: dict[tuple[str, str], Callable[[], Any]], rounds: int
) -> list[Step]:
    """Time them, and npconv's once more part by part. A ratio is the median of those that the rounds have."""
    keep_memory()
    samples = {function: taken for (function, _), taken in samples_in_turn(timed, rounds).items()}
    medians = {function: statistics.median(taken) for function, taken in samples.items()}
    torch = min((function for function in samples if function.startswith("torch")), key=medians.__getitem__, default="")
    shares = _shares(network, timed["npconv", "step"], rounds)

    def over(function: str, base: str) -> float:
        return statistics.median(a / b for a, b in zip(samples[function], samples[base], strict=False))

    return [
        Step(
            name, batch, function, 1e3 * median, over(function, "limit"), over(function, torch) if torch else None,
            shares if function == "npconv" else {},
        )
        for function, median in medians.items()
    ]  # fmt: skip


def _shares(network: Sequential, step: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Which share of a step each kind of layer takes, forward and backward; what is left is the rest."""
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
