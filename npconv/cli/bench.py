"""`npconv bench`: speeds as ratios."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from .shared import Commands, print_table, progress_line


def add_parser(commands: Commands) -> None:
    """Add `npconv bench`."""
    bench = commands.add_parser("bench", help="speeds as ratios: to each kernel's limit, and to torch where it is")
    kinds = ("standard", "depthwise", "pointwise", "training")
    bench.add_argument(
        "--kind", nargs="+", choices=kinds, default=kinds, metavar="KIND", help=f"{', '.join(kinds)} (all)"
    )
    bench.add_argument(
        "--batch", nargs="+", type=int, default=[1, 8], metavar="B", help="1 8; blocks are trained with the largest"
    )
    bench.add_argument("--rounds", type=int, default=15, metavar="R", help="how often each is timed (%(default)s)")
    bench.add_argument("--fast", action="store_true", help="leave the slower rungs of the ladder out")
    bench.add_argument("--json", nargs="?", const="-", metavar="FILE", help="the same as data, to FILE or printed")
    bench.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .. import bench
    from ..files import write_whole

    if arguments.rounds < 1 or min(arguments.batch) < 1:
        raise ValueError("--rounds and --batch must be at least 1")
    layers = [layer for layer in bench.LAYERS if layer.kind in arguments.kind]
    rows: list[bench.Row] = []
    start = time.monotonic()
    for batch in arguments.batch:
        for layer in layers:
            progress_line(f"{time.monotonic() - start:4.0f} s  batch {batch}  {layer}")
            rows += bench.measure(layer, batch, rounds=arguments.rounds, rungs=not arguments.fast)
    steps: list[bench.Step] = []
    if "training" in arguments.kind:
        for block in bench.BLOCKS:
            progress_line(f"{time.monotonic() - start:4.0f} s  training  {block}")
            steps += bench.measure_block(block, max(arguments.batch), rounds=arguments.rounds)
        progress_line(f"{time.monotonic() - start:4.0f} s  training  the small network")
        steps += bench.measure_network(rounds=arguments.rounds)
    progress_line("")
    if arguments.json == "-":
        print(bench.as_json(rows, steps))
        return 0
    print(", ".join(f"{key} {value}" for key, value in bench.machine().items()))
    if rows:
        _print_rows(rows)
    if steps:
        _print_steps(steps)
    if arguments.json:
        write_whole(arguments.json, bench.as_json(rows, steps))
        print(f"wrote {arguments.json}")
    return 0


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
