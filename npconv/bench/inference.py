"""A network's forward in inference beside its limit, and beside the same network in torch where that is installed.

The limit is what NumPy must do for it at the least, as in a training step but forward alone: each convolution's and
dense layer's matrix product as `np.matmul`, and for each depthwise convolution one copy of the bytes that it reads and
writes. Normalisation is folded and activations could be part of what writes their input: they count nothing.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..allocator import keep_memory
from ..layers import DepthwiseConv2D, Sequential
from ..layers.convolution import Linear
from ..models import Inference, mobilenet_v2
from .timing import import_torch, samples_in_turn
from .training import copying, products, with_shapes
from .with_torch import torch_inference


@dataclass(frozen=True)
class Pass:
    """One measurement: a forward pass in milliseconds, with its ratios (below 1 is faster).

    `over_torch` is over torch in its default memory layout, channels first; `over_faster_torch` over the faster of that
    and channels last.
    """

    network: str
    batch: int
    function: str
    milliseconds: float
    over_limit: float
    over_torch: float | None
    over_faster_torch: float | None


def measure_inference(batch: int, *, width: float = 1.0, resolution: int = 224, rounds: int = 15) -> list[Pass]:
    """Time MobileNetV2 in inference: `Inference`, the folded network, the network as it was built, beside torch's.

    torch runs the same network with the same numbers, not folded, in eager inference mode, with as many threads as
    NumPy's matrix product has.

    Args:
        batch: B.
        width, resolution: of the network and its square images.
        rounds: how often everything is timed; the medians count.

    Returns:
        A Pass each for the limit, the three ways, and torch in both of its memory layouts where it is installed.

    >>> [each.function for each in measure_inference(1, width=0.35, resolution=32, rounds=1)][:4]
    ['limit', 'Inference', 'folded', 'as built']
    """
    keep_memory()
    network = mobilenet_v2(width, conventions="torchvision")
    x = np.random.default_rng(0).standard_normal((batch, resolution, resolution, 3)).astype(np.float32)
    folded, fast = network.folded(), Inference(network)
    timed: dict[tuple[str, str], Callable[[], Any]] = {
        ("limit", "forward"): limit(folded, x.shape),
        ("Inference", "forward"): lambda: fast.forward(x),
        ("folded", "forward"): lambda: folded.forward(x),
        ("as built", "forward"): lambda: network.forward(x),
    }
    if import_torch():
        timed |= torch_inference(network, x)
    samples = {function: taken for (function, _), taken in samples_in_turn(timed, rounds).items()}
    medians = {function: statistics.median(taken) for function, taken in samples.items()}
    torch = [function for function in samples if function.startswith("torch")]
    faster = min(torch, key=medians.__getitem__, default="")

    def over(function: str, base: str) -> float | None:
        return (
            statistics.median(a / b for a, b in zip(samples[function], samples[base], strict=False)) if base else None
        )

    name = f"MobileNetV2 {width:g} {resolution}²"
    return [
        Pass(
            name, batch, function, 1e3 * median, over(function, "limit") or math.nan,
            over(function, "torch" if torch else ""), over(function, faster),
        )
        for function, median in medians.items()
    ]  # fmt: skip


def limit(network: Sequential, shape: tuple[int, ...]) -> Callable[[], None]:
    """The matrix products and copies that a network's forward can't do without."""
    work: list[Callable[[], Any]] = []
    for layer, x_shape in with_shapes(network, shape):
        y_shape = layer.output_shape(x_shape)
        if isinstance(layer, DepthwiseConv2D):
            work.append(copying(math.prod(x_shape) + math.prod(y_shape)))
        elif isinstance(layer, Linear):
            forward, *_ = products(layer.params["kernel"], math.prod(y_shape[:-1]))
            work.append(forward)

    def run() -> None:
        for part in work:
            part()

    return run
