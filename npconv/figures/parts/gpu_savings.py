"""A GPU's run of `npconv.bench.on_gpu` as a figure draws it: checked, its numbers, its words."""

import math
import statistics
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...bench.separable import BYTES
from ...text import filled, listed
from .savings import PARTS, SHAPE, Layers, check_layers, range_text
from .training_runs import check_names

NOTE = (
    "On {device}: torch {torch}, CUDA {cuda}, cuDNN {cudnn}, driver {driver}, batch {batch}, medians of {rounds:round} "
    "of CUDA graphs, channels last, TF32 {tf32}. Its limits: matrix products, and a copy."
)
ALT = (
    "Below them the same three on a GPU, {device}, at batch {batch}: {ratios}; FLOPs a byte, {intensities}, the card's "
    "balance {balances}; GFLOP/s, {speeds}."
)
CLAIM = "On {device} at batch {batch} it is, by the clock, {faster}; {shares}.{networks}"
COMPUTED = (
    "(d) to (f): npconv.bench.on_gpu, with a limit measured as in (a), and the card's balance from one large product "
    "and one large copy."
)
SCALE = "In (d) to (f) filled: counted, and float32; hollow or dashed: bfloat16, and in (d) the limits."


def gpu_numbers(function: str, gpu: Any, batch: int | None, layers: Layers) -> dict[str, Any]:
    """All that is drawn of a run at one batch, by default its largest, by dtype.

    Raises TypeError where it is no mapping, ValueError where something is missing in it or doesn't fit, or where its
    layers are not `layers`.
    """
    rows, batch = _checked(function, gpu, batch, layers)
    balances = {limit["dtype"]: limit["gflops"] / limit["gbytes_per_second"] for limit in gpu["limits"]}
    networks = [row for row in gpu.get("networks", ()) if row["batch"] == batch]
    return {
        "machine": dict(gpu["machine"]),
        "batch": batch,
        "rounds": min(row["rounds"] for each in rows.values() for row in each),
        "balances": balances,
        "layers": {
            dtype: [
                {
                    "block": row["block"],
                    "ratios": dict(row["ratios"]),
                    "flops_per_byte": {part: row["flops_per_byte"][part] for part in PARTS},
                    "gflops": {part: row["gflops"]["torch"][part] for part in PARTS},
                    "share of time": _share(row["milliseconds"]["torch"]),
                }
                for row in each
            ]
            for dtype, each in rows.items()
        },
        "medians": {
            dtype: {f: statistics.median(row["ratios"][f] for row in each) for f in ("limit", "torch")}
            for dtype, each in rows.items()
        },
        "networks": {row["dtype"]: {key: row[key] for key in ("network", "predicted", "ratio")} for row in networks},
    }


def _checked(function: str, gpu: Any, batch: int | None, layers: Layers) -> tuple[dict[str, Layers], int]:
    """The rows of one batch, by dtype, and the batch; raise where something is missing or doesn't fit."""
    if not isinstance(gpu, Mapping):
        raise TypeError(f"{function}: gpu must be a mapping as npconv.bench.on_gpu writes it; got {type(gpu).__name__}")
    for name in ("machine", "limits", "separable"):
        if not gpu.get(name):
            raise ValueError(f"{function}: gpu must have {name!r}; got {sorted(map(str, gpu))}")
    functions = {"limit", "torch"}
    check_layers(f"{function}: gpu['separable']", gpu["separable"], functions, functions, "limit and torch")
    for index, limit in enumerate(gpu["limits"]):
        where = f"{function}: gpu['limits'][{index}]"
        check_names(where, limit, ("dtype", "gflops", "gbytes_per_second"))
        if limit["dtype"] not in BYTES or not all(0 < limit[key] < math.inf for key in ("gflops", "gbytes_per_second")):
            raise ValueError(f"{where} must have a dtype of {', '.join(BYTES)} and numbers above 0; got {limit}")

    def of(batch: int, dtype: str) -> Layers:
        return [row for row in gpu["separable"] if (row["batch"], row.get("dtype")) == (batch, dtype)]

    def shapes(rows: Layers) -> list[list[Any]]:
        return [[row[key] for key in SHAPE] for row in rows]

    dtypes = [limit["dtype"] for limit in gpu["limits"]]
    there = {int(row["batch"]) for row in gpu["separable"]}
    batches = [b for b in sorted(there) if all(shapes(of(b, dtype)) == shapes(layers) for dtype in dtypes)]
    if not batches:
        raise ValueError(
            f"{function}: gpu must have the {len(layers)} layers of measurements, in {listed(dtypes)}, at one batch or "
            f"more; got {len(gpu['separable'])} other or fewer ones"
        )
    batch = batches[-1] if batch is None else batch
    if batch not in batches:
        raise ValueError(f"{function}: gpu_batch must be one of {', '.join(map(str, batches))}; got {batch}")
    return {dtype: of(batch, dtype) for dtype in dtypes}, batch


def _share(milliseconds: Mapping[str, float]) -> float:
    """The depthwise half's share of the time of both."""
    return milliseconds["depthwise"] / (milliseconds["depthwise"] + milliseconds["pointwise"])


def gpu_words(data: Mapping[str, Any]) -> dict[str, str]:
    """The note, the alt text, and three parts of the caption: "claim", "computed", "scale"."""
    machine, rows, dtypes = data["machine"], data["layers"], list(data["layers"])

    def by_part(table: str, dtype: str) -> str:
        parts = [f"{part} {range_text([row[table][part] for row in rows[dtype]])}" for part in PARTS]
        return f"in {dtype} {', '.join(parts)}"

    def ratios(dtype: str, name: str) -> str:
        values = [row["ratios"][name] for row in rows[dtype]]
        return f"{range_text(values)}, median {data['medians'][dtype][name]:.2g}"

    faster = [
        f"{range_text([1 / row['ratios']['torch'] for row in rows[dtype]])} times as fast in {dtype} (median "
        f"{1 / data['medians'][dtype]['torch']:.2g}), at the card's limits it would be "
        f"{range_text([1 / row['ratios']['limit'] for row in rows[dtype]])} times"
        for dtype in dtypes
    ]
    shares = [f"{range_text([100 * row['share of time'] for row in rows[dtype]])} % in {dtype}" for dtype in dtypes]
    words = {
        "device": machine.get("device", "an unnamed card"),
        **{name: machine.get(name) or "?" for name in ("torch", "cuda", "cudnn", "driver")},
        "tf32": "on" if machine.get("tf32") else "off",
        "batch": data["batch"],
        "rounds": data["rounds"],
        "ratios": "; ".join(
            f"in {dtype} at the card's limits {ratios(dtype, 'limit')}, torch {ratios(dtype, 'torch')}"
            for dtype in dtypes
        ),
        "intensities": "; ".join(by_part("flops_per_byte", dtype) for dtype in dtypes),
        "balances": ", ".join(f"{range_text([data['balances'][dtype]])} in {dtype}" for dtype in dtypes),
        "speeds": "; ".join(by_part("gflops", dtype) for dtype in dtypes),
        "faster": "; ".join(faster),
        "shares": f"the depthwise half takes {listed(shares)} of its time",
        "networks": _network_words(data["networks"]),
    }
    texts = {"note": NOTE, "alt": ALT, "claim": CLAIM, "computed": COMPUTED, "scale": SCALE}
    return {name: filled(text, **words) for name, text in texts.items()}


def _network_words(networks: Mapping[str, Mapping[str, Any]]) -> str:
    """A sentence on the whole network, where it was measured."""
    if not networks:
        return ""
    first = next(iter(networks.values()))
    times = [f"{range_text([1 / each['ratio']])} times as fast in {dtype}" for dtype, each in networks.items()]
    counted = range_text([1 / float(Fraction(first["predicted"]))])
    return f" The whole network, {first['network']}, is {counted} times as cheap, and by the clock {listed(times)}."
