"""The saving of separable convolutions on a GPU: MobileNetV1's 13 pairs of blocks, and the whole network, with torch.

`python -m npconv.bench.on_gpu --json FILE` needs torch with CUDA. It takes the blocks and the record, `Saving`, of
`npconv bench --kind separable`, in channels last, float32 (TF32 off) and bfloat16, at batches 1, 8 and 64; a limit is
one matrix product, of a depthwise convolution one copy. Beside them stand the card's own matmul rate and copy
bandwidth, and MobileNetV1 with batch normalisation folded, over its counterpart of standard convolutions. The figure
predicted-and-measured draws the file.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from ..files import write_whole
from ..models import MobileNet, mobilenet_v1, summary
from .cuda_graphs import medians
from .kernels import TimedLayer
from .machine import machine
from .separable import BYTES, SEPARABLE_LAYERS, Saving, geometry_of, saving_of, torch_calls
from .timing import Calls, bind, import_torch
from .with_torch import as_torch

NETWORKS = ("standard", "separable")


@dataclass(frozen=True)
class DeviceLimit:
    """The rate of a large matrix product, and the bandwidth of a large copy, read and written bytes together."""

    dtype: str
    gflops: float
    gbytes_per_second: float


@dataclass(frozen=True)
class NetworkSaving:
    """MACs and times of MobileNetV1, "separable", and of its counterpart, "standard", and the ratios of both."""

    network: str
    batch: int
    dtype: str
    rounds: int
    predicted: str
    ratio: float
    macs: dict[str, int]
    milliseconds: dict[str, float]


class RunSizes(NamedTuple):
    """The sizes of a run: `matrix` is a side, `copied` the bytes of the array that is copied."""

    batches: tuple[int, ...]
    resolution: int
    rounds: int
    matrix: int
    copied: int


SIZES = {"cuda": RunSizes((1, 8, 64), 224, 25, 8192, 2**30), "cpu": RunSizes((1,), 32, 3, 256, 2**22)}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and write the file after each measurement, so that it always has what there is."""
    parser = argparse.ArgumentParser("python -m npconv.bench.on_gpu", description="MobileNetV1's blocks on a GPU.")
    parser.add_argument("--json", required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--device", choices=SIZES, default="cuda", help="cpu: a trial with small sizes (%(default)s)")
    parser.add_argument("--seconds", type=float, default=200.0, metavar="S", help="begin nothing later (%(default)g)")
    arguments = parser.parse_args(words)
    try:
        run(arguments.device, arguments.json, arguments.seconds)
    except (OSError, ImportError) as error:
        print(f"{parser.prog}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    return 0


def run(device: str, path: str, seconds: float) -> None:
    """Measure within so many seconds; raise ImportError without torch or its device, OSError without a file."""
    start = time.monotonic()
    facts, work = device_facts(device), list(_work(device, SIZES[device]))
    found: dict[str, list[Any]] = {"limits": [], "separable": [], "networks": []}

    def write(done: int) -> None:
        left = [text for _, text, _ in work[done:]]
        write_whole(path, json.dumps({"machine": facts, "left_out": left, **found}, indent=1, ensure_ascii=False))

    write(0)
    for done, (kind, text, measure) in enumerate(work):
        if not time.monotonic() - start < seconds:
            print(f"{len(work) - done} of {len(work)} measurements are left out: no time was left", flush=True)
            break
        print(f"{time.monotonic() - start:4.0f} s  {text}", flush=True)
        with import_torch().no_grad():
            found[kind].append(asdict(measure()))
        write(done + 1)
    print(f"wrote {path}")


def device_facts(device: str) -> dict[str, Any]:
    """The machine, the card and all versions; torch is set up for it. Raises ImportError where either is missing."""
    torch = import_torch()
    if torch is None:
        raise ImportError("torch with CUDA is needed; torch is not installed")
    facts: dict[str, Any] = machine() | {"torch": torch.__version__}
    del facts["dtype"]
    if device == "cpu":
        return facts | {"device": facts["processor"]}
    if not torch.cuda.is_available():
        raise ImportError(f"torch with CUDA is needed; torch {torch.__version__} finds no such device")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    gc.freeze()  # what is loaded by now is no garbage, which may be looked for before each graph
    card = torch.cuda.get_device_properties(0)
    driver = ""
    with suppress(OSError, subprocess.SubprocessError):
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.partition("\n")[0]
    return facts | {
        "device": card.name, "capability": f"{card.major}.{card.minor}", "memory": card.total_memory,
        "multiprocessors": card.multi_processor_count, "l2_cache": getattr(card, "L2_cache_size", None),
        "driver": driver, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "tf32": False,
    }  # fmt: skip


def _work(device: str, sizes: RunSizes) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """All that is measured: its list in the file, its description, and the call."""
    for dtype in BYTES:
        yield "limits", f"limits, {dtype}", bind(measure_limit, dtype, device, sizes)
    for batch in sizes.batches:
        for dtype in BYTES:
            for layer in SEPARABLE_LAYERS:
                small = replace(layer, side=layer.side * sizes.resolution // 224)
                measure = bind(measure_pair, small, batch, dtype, device, sizes.rounds)
                yield "separable", f"batch {batch}, {dtype}, {layer.group}", measure
            yield "networks", f"batch {batch}, {dtype}, networks", bind(measure_networks, batch, dtype, device, sizes)


def measure_limit(dtype: str, device: str, sizes: RunSizes) -> DeviceLimit:
    """Time a product of two square matrices, and a copy."""
    a, b, y = (_random(dtype, device, sizes.matrix, sizes.matrix) for _ in range(3))
    source, target = (_random(dtype, device, sizes.copied // BYTES[dtype]) for _ in range(2))
    calls: Calls = {
        ("limit", "matmul"): bind(import_torch().mm, a, b, out=y),
        ("limit", "copy"): bind(target.copy_, source),
    }
    product, copy = medians(calls, sizes.rounds, device).values()
    return DeviceLimit(dtype, 2e-9 * sizes.matrix**3 / product, 2e-9 * sizes.copied / copy)


def measure_pair(layer: TimedLayer, batch: int, dtype: str, device: str, rounds: int) -> Saving:
    """Time a separable convolution, its halves, the standard one in its place, and their limits."""
    k, m, n, geometry = layer.kernel_side, layer.in_channels, layer.out_channels, geometry_of(layer)
    shapes = ((batch, m, layer.side, layer.side), (n, m, k, k), (m, 1, k, k), (n, m, 1, 1))
    x, *kernels = (_random(dtype, device, *shape) for shape in shapes)
    filtered = _random(dtype, device, *torch_calls(x, x, kernels, geometry)["depthwise"]().shape)
    positions, half = filtered[:, 0].numel(), (x.numel() + filtered.numel()) // 2

    def product(inputs: int) -> Callable[[], Any]:
        a, b, y = (_random(dtype, device, *shape) for shape in ((positions, inputs), (inputs, n), (positions, n)))
        return bind(import_torch().mm, a, b, out=y)

    calls: Calls = {
        ("limit", "standard"): product(k * k * m),
        ("limit", "depthwise"): bind(_random(dtype, device, half).copy_, _random(dtype, device, half)),
        ("limit", "pointwise"): product(m),
    }
    calls |= {("torch", part): call for part, call in torch_calls(x, filtered, kernels, geometry).items()}
    return saving_of(layer, batch, rounds, medians(calls, rounds, device), dtype)


def measure_networks(batch: int, dtype: str, device: str, sizes: RunSizes) -> NetworkSaving:
    """Time MobileNetV1 and its counterpart of standard convolutions in inference."""
    side, torch = sizes.resolution, import_torch()
    x = _random(dtype, device, batch, 3, side, side)
    calls, macs = {}, {}
    for kind in NETWORKS:
        network, shape = _network(kind), (batch, side, side, 3)
        module = as_torch(network, shape).eval().to(device, getattr(torch, dtype), memory_format=torch.channels_last)
        calls["torch", kind], macs[kind] = bind(module, x), summary(network, shape).macs
    milliseconds = {kind: 1e3 * t for (_, kind), t in medians(calls, sizes.rounds, device).items()}
    predicted = str(Fraction(macs["separable"], macs["standard"]))
    ratio = milliseconds["separable"] / milliseconds["standard"]
    name = f"MobileNetV1 {side}²"
    return NetworkSaving(name, batch, dtype, sizes.rounds, predicted, ratio, macs, milliseconds)


@cache
def _network(kind: str) -> MobileNet:
    return mobilenet_v1(conventions="torchvision", convolution=kind).folded()  # whose padding is even, as torch's


def _random(dtype: str, device: str, *shape: int) -> Any:
    """A matrix, or a volume or a kernel in channels last."""
    torch = import_torch()
    tensor = torch.randn(shape, dtype=getattr(torch, dtype), device=device)
    return tensor.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else tensor


if __name__ == "__main__":
    sys.exit(main())
