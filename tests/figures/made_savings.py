"""Made times of separable convolutions, as `npconv bench --kind separable --json` writes them."""

from typing import Any

import numpy as np

from npconv.cost import conv2d_cost, cost_ratio, depthwise_separable_conv2d_cost

PARTS = ("standard", "depthwise", "pointwise", "separable")


def made_savings(
    *,
    layers: int = 4,
    batches: tuple[int, ...] = (2, 5),
    kernel_sides: tuple[int, ...] = (3,),
    functions: tuple[str, ...] = ("limit", "npconv", "torch"),
    scale: float = 1.0,
) -> dict[str, Any]:
    """Times drawn at random around so many milliseconds, of layers whose counts are right."""
    rng = np.random.default_rng(13)
    savings = []
    for batch in batches:
        for number in range(layers):
            shape = {
                "block": f"block {number + 1}",
                "side": 9 + number,
                "in_channels": 3 + number,
                "out_channels": 4 + 2 * number,
                "kernel_side": kernel_sides[number % len(kernel_sides)],
                "stride": 1 + number % 2,
            }
            savings.append({**shape, "batch": batch, "rounds": 7, **_measured(shape, batch, functions, scale, rng)})
    machine = {"processor": "made processor", "threads": 3, "numpy": "9.8.7", "blas": "made BLAS 6", "dtype": "float32"}
    return {"machine": machine | ({"torch": "5.4"} if "torch" in functions else {}), "separable": savings}


def _measured(
    shape: dict[str, Any], batch: int, functions: tuple[str, ...], scale: float, rng: np.random.Generator
) -> dict[str, Any]:
    m, n, k = shape["in_channels"], shape["out_channels"], shape["kernel_side"]
    x, geometry = (batch, shape["side"], shape["side"], m), {"stride": shape["stride"], "padding": k // 2}
    separable = depthwise_separable_conv2d_cost(x, (k, k, m), (m, n), **geometry)
    macs = {"standard": conv2d_cost(x, (k, k, m, n), **geometry).macs, "separable": separable.macs}
    macs |= {half: separable.parts[half].macs for half in PARTS[1:3]}
    moved = {part: int(rng.integers(100, 1000)) for part in PARTS}
    times = {f: {part: scale * float(rng.uniform(0.5, 2)) for part in PARTS} for f in functions}
    return {
        "predicted": str(cost_ratio(k, n)),
        "ratios": {f: each["separable"] / each["standard"] for f, each in times.items()},
        "macs": macs,
        "bytes": moved,
        "flops_per_byte": {part: 2 * macs[part] / moved[part] for part in PARTS},
        "milliseconds": times,
        "gflops": {f: {part: 2e-6 * macs[part] / each[part] for part in PARTS} for f, each in times.items()},
    }
