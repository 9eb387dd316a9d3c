"""A network's forward in inference beside its limit, and beside torch and onnxruntime where they are installed.

The limit is `limits.forward_limit`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import numpy as np

from ..allocator import keep_memory
from ..kernels.arguments import integer, one_of
from ..models import Inference, MobileNet, mobilenet_v2, mobilenet_v3
from .limits import forward_limit
from .timing import Calls, import_torch, in_rounds
from .with_onnx import onnxruntime_inference
from .with_torch import torch_inference

NETWORKS: Mapping[str, Callable[..., MobileNet]] = MappingProxyType(
    {"MobileNetV2": mobilenet_v2, "MobileNetV3": partial(mobilenet_v3, "large")}
)
"""The networks that are timed, by name; of MobileNetV3 the large one."""


@dataclass(frozen=True)
class Pass:
    """One measurement: a forward pass in milliseconds, with its ratios (below 1 is faster).

    `over_torch` is over torch in its default memory layout, channels first; `over_faster_torch` over the faster of that
    and channels last; all are None where the library is missing. `quartiles` are the lower and the upper quartile of
    the rounds' ratios, by the field's name.
    """

    network: str
    batch: int
    function: str
    milliseconds: float
    over_limit: float
    over_torch: float | None
    over_faster_torch: float | None
    over_onnxruntime: float | None = None
    quartiles: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def measure_inference(
    batch: int, *, network: str = "MobileNetV2", width: float = 1.0, resolution: int = 224, rounds: int = 15
) -> list[Pass]:
    """Time a network in inference: `Inference`, the folded network, the network as it was built, beside torch's.

    torch runs the same network with the same numbers, not folded, in eager inference mode; onnxruntime runs it as an
    ONNX model, which it may fold. Both have as many threads as NumPy's matrix product.

    Args:
        batch: B.
        network: of `NETWORKS`.
        width, resolution: of the network and its square images.
        rounds: how often everything is timed; the medians count.

    Returns:
        A Pass each for the limit, the three ways, torch in both of its memory layouts and onnxruntime, where they are
        installed.

    >>> [each.function for each in measure_inference(1, width=0.35, resolution=32, rounds=1)][:4]
    ['limit', 'Inference', 'folded', 'as built']
    """
    batch, resolution, rounds = (
        integer("measure_inference", name, value)
        for name, value in (("batch", batch), ("resolution", resolution), ("rounds", rounds))
    )
    one_of("measure_inference", "network", network, NETWORKS)
    keep_memory()
    built = NETWORKS[network](width, conventions="torchvision")
    x = np.random.default_rng(0).standard_normal((batch, resolution, resolution, 3)).astype(np.float32)
    folded, fast = built.folded(), Inference(built)
    timed: Calls = {
        ("limit", "forward"): forward_limit(folded, x.shape),
        ("Inference", "forward"): lambda: fast.forward(x),
        ("folded", "forward"): lambda: folded.forward(x),
        ("as built", "forward"): lambda: built.forward(x),
    }
    if import_torch():
        timed |= torch_inference(built, x)
    timed |= onnxruntime_inference(built, x)
    times = in_rounds(timed, rounds)["forward"]
    bases = {"over_limit": "limit", "over_torch": "torch", "over_faster_torch": times.faster_torch}
    return [
        Pass(
            f"{network} {width:g} {resolution}²", batch, function, 1e3 * seconds,
            **times.ratios(function, **bases, over_onnxruntime="onnxruntime"),
        )
        for function, seconds in times.seconds.items()
    ]  # fmt: skip
