"""`npconv bench`: speeds as ratios."""

import argparse
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from .shared import Commands, File, Whole, print_table, progress_line

Progress: TypeAlias = Callable[[str], None]


def add_parser(commands: Commands) -> None:
    """Add `npconv bench`."""
    bench = commands.add_parser("bench", help="speeds as ratios: to each kernel's limit, and to torch where it is")
    kinds = ("standard", "depthwise", "pointwise", "separable", "inference", "training")
    bench.add_argument(
        "--kind", nargs="+", choices=kinds, default=kinds, metavar="KIND", help=f"{', '.join(kinds)} (all)"
    )
    bench.add_argument(
        "--batch",
        nargs="+",
        type=Whole(1, 1024),
        default=[1, 8],
        metavar="B",
        help="1 8; blocks are trained with the largest",
    )
    bench.add_argument(
        "--rounds", type=Whole(1, 1000), default=15, metavar="R", help="how often each is timed (%(default)s)"
    )
    bench.add_argument("--fast", action="store_true", help="leave the slower rungs of the ladder out")
    bench.add_argument(
        "--json", nargs="?", type=File(), const="-", metavar="FILE", help="the same as data, to FILE or printed"
    )
    bench.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .. import bench
    from ..files import write_whole

    start = time.monotonic()

    def progress(text: str) -> None:
        progress_line(f"{time.monotonic() - start:4.0f} s  {text}")

    measured: dict[str, list[Any]] = {
        "rows": _measure_rows(arguments, progress),
        "separable": _measure_separable(arguments, progress),
        "passes": _measure_passes(arguments, progress),
        "steps": _measure_steps(arguments, progress),
    }
    progress_line("")
    if arguments.json == "-":
        print(bench.as_json(**measured))
        return 0
    print(", ".join(f"{key} {value}" for key, value in bench.machine().items()))
    prints = {
        "rows": _print_rows, "separable": _print_separable, "passes": _print_passes, "steps": _print_steps,
    }  # fmt: skip
    for name, each in measured.items():
        if each:
            prints[name](each)
    if arguments.json:
        write_whole(arguments.json, bench.as_json(**measured))
        print(f"wrote {arguments.json}")
    return 0


def _measure_rows(arguments: argparse.Namespace, progress: Progress) -> list[Any]:
    from .. import bench

    rows: list[bench.Row] = []
    for batch in arguments.batch:
        for layer in bench.LAYERS:
            if layer.kind in arguments.kind:
                progress(f"batch {batch}  {layer}")
                rows += bench.measure(layer, batch, rounds=arguments.rounds, rungs=not arguments.fast)
    return rows


def _measure_separable(arguments: argparse.Namespace, progress: Progress) -> list[Any]:
    from .. import bench

    savings: list[bench.Saving] = []
    for batch in arguments.batch if "separable" in arguments.kind else []:
        for layer in bench.SEPARABLE_LAYERS:
            progress(f"batch {batch}  {layer}")
            savings.append(bench.measure_separable(layer, batch, rounds=arguments.rounds))
    return savings


def _measure_passes(arguments: argparse.Namespace, progress: Progress) -> list[Any]:
    from .. import bench

    passes: list[bench.Pass] = []
    for batch in arguments.batch if "inference" in arguments.kind else []:
        progress(f"batch {batch}  MobileNetV2 in inference")
        passes += bench.measure_inference(batch, rounds=arguments.rounds)
    return passes


def _measure_steps(arguments: argparse.Namespace, progress: Progress) -> list[Any]:
    from .. import bench

    if "training" not in arguments.kind:
        return []
    steps: list[bench.Step] = []
    for block in bench.BLOCKS:
        progress(f"training  {block}")
        steps += bench.measure_block(block, max(arguments.batch), rounds=arguments.rounds)
    progress("training  the small network")
    return steps + bench.measure_network(rounds=arguments.rounds)


def _print_rows(rows: Sequence[Any]) -> None:
    from .. import bench

    header = ["layer", "B", "function", "ms", "GFLOP/s", "× limit", "× torch"]
    table = [
        [
            row.layer, str(row.batch), row.function + (" backward" if row.function.startswith(("limit", "torch"))
            and row.direction == "backward" else ""), ("≈" if row.scaled else "") + f"{row.milliseconds:,.3f}",
            f"{row.gflops:.3g}", f"{row.over_limit:.2f}", "" if row.over_torch is None else f"{row.over_torch:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    print_table(header, table)
    print("\ngeometric means (≈: the loops, timed on a part of the layer and scaled up)")
    print_table(
        ["layers", "direction", "function", "× limit", "× torch"],
        [
            [group, direction, function, f"{limit:.2f}", "" if torch is None else f"{torch:.2f}"]
            for group, direction, function, limit, torch in bench.summary(rows)
        ],
    )


def _print_separable(savings: Sequence[Any]) -> None:
    functions = savings[0].ratios
    print("separable over standard: counted, 1/N + 1/Dᵣ², and timed")
    print_table(
        ["block", "Dᵤ", "M", "N", "s", "B", "counted", *functions],
        [
            [str(each) for each in (s.block, s.side, s.in_channels, s.out_channels, s.stride, s.batch)]
            + [f"{float(Fraction(s.predicted)):.3f}", *(f"{s.ratios[function]:.3f}" for function in functions)]
            for s in savings
        ],
    )
    print("\nwhat they are made of, with FLOPs for each byte of input, kernel and output")
    print_table(
        ["block", "B", "part", "MACs", "FLOP/byte", *(f"{f} {unit}" for f in functions for unit in ("ms", "GFLOP/s"))],
        [
            [s.block, str(s.batch), part, f"{s.macs[part]:,}", f"{s.flops_per_byte[part]:.3g}"]
            + [text for f in functions for text in (f"{s.milliseconds[f][part]:,.3f}", f"{s.gflops[f][part]:.3g}")]
            for s in savings
            for part in s.macs
        ],
    )


def _print_passes(passes: Sequence[Any]) -> None:
    print_table(
        ["inference", "B", "function", "ms", "× limit", "× torch", "× faster layout"],
        [
            [each.network, str(each.batch), each.function, f"{each.milliseconds:,.1f}", f"{each.over_limit:.2f}"]
            + ["" if ratio is None else f"{ratio:.2f}" for ratio in (each.over_torch, each.over_faster_torch)]
            for each in passes
        ],
    )


def _print_steps(steps: Sequence[Any]) -> None:
    print_table(
        ["training step", "B", "function", "ms", "× limit", "× torch"],
        [
            [step.network, str(step.batch), step.function, f"{step.milliseconds:,.3f}", f"{step.over_limit:.2f}",
             "" if step.over_torch is None else f"{step.over_torch:.2f}"]
            for step in steps
        ],
    )  # fmt: skip
    print("\nof npconv's step, forward and backward together, in %")
    parts = list(dict.fromkeys(part for step in steps for part in step.shares))
    print_table(
        ["training step", *parts],
        [
            [step.network, *(f"{100 * step.shares[part]:.0f}" if part in step.shares else "" for part in parts)]
            for step in steps
            if step.shares
        ],
    )
