"""`npconv bench`: speeds as ratios."""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from .shared import Commands, File, Whole, print_table, progress_line

KINDS = ("standard", "depthwise", "pointwise", "transposed", "separable", "inference", "training")

OVER_FASTER = {"× limit": "over_limit", "× torch": "over_torch", "× default layout": "over_default_torch"}
OPTIONAL = ("over_default_torch", "over_onnxruntime")

Measurement: TypeAlias = tuple[str, str, Callable[..., Any]]  # its table, its description, and the call


def add_parser(commands: Commands) -> None:
    """Add `npconv bench`."""
    bench = commands.add_parser(
        "bench", help="speeds as ratios, to limits and to torch and onnxruntime where installed"
    )
    add = bench.add_argument
    add("--kind", nargs="+", choices=KINDS, default=KINDS, metavar="KIND", help=f"{', '.join(KINDS)} (all)")
    batch_help = "1 8; blocks are trained with the largest"
    add("--batch", nargs="+", type=Whole(1, 1024), default=[1, 8], metavar="B", help=batch_help)
    add("--rounds", type=Whole(1, 1000), default=15, metavar="R", help="how often each is timed (%(default)s)")
    add("--fast", action="store_true", help="leave the slower rungs of the ladder out")
    add("--json", nargs="?", type=File(), const="-", metavar="FILE", help="the same as data, to FILE or printed")
    against_help = "an earlier run's --json: also print how much faster or slower each measurement is now"
    add("--against", type=File(ordinary=True), metavar="FILE", help=against_help)
    bench.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..bench.against import EXPECTED, changes, read_run
    from ..bench.machine import as_json
    from ..files import write_whole

    then = read_run(arguments.against) if arguments.against else None
    measured = _measured(arguments)
    now = json.loads(as_json(**measured))
    changed = changes(now, then) if then else []
    text = as_json(**measured, **({"changes": changed} if then else {}))
    if arguments.json == "-":
        print(text)
    else:
        _print_run(now, measured)
        if then and changed:
            _print_changes(changed, now, then)
        if arguments.json:
            write_whole(arguments.json, text)
            print(f"wrote {arguments.json}")
    if then and not changed:
        raise ValueError(f"against {EXPECTED} for some of the same layers and batches; got {arguments.against}")
    return 0


def _measured(arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """The records by table."""
    start = time.monotonic()
    measured: dict[str, list[Any]] = {name: [] for name in PRINTS}
    for name, text, measure in _measurements(arguments):
        progress_line(f"{time.monotonic() - start:4.0f} s  {text}")
        found = measure(rounds=arguments.rounds)
        measured[name] += found if isinstance(found, list) else [found]
    progress_line("")
    return measured


def _measurements(arguments: argparse.Namespace) -> Iterator[Measurement]:
    """All that is asked for, one after the other."""
    from .. import bench

    for batch in arguments.batch:
        for layer in bench.LAYERS:
            if layer.kind in arguments.kind:
                yield "rows", f"batch {batch}  {layer}", partial(bench.measure, layer, batch, rungs=not arguments.fast)
    for batch in arguments.batch if "separable" in arguments.kind else ():
        for layer in bench.SEPARABLE_LAYERS:
            yield "separable", f"batch {batch}  {layer}", partial(bench.measure_separable, layer, batch)
    for batch in arguments.batch if "inference" in arguments.kind else ():
        for name in bench.NETWORKS:
            measure = partial(bench.measure_inference, batch, network=name)
            yield "passes", f"batch {batch}  {name} in inference", measure
    if "training" in arguments.kind:
        for block in bench.BLOCKS:
            yield "steps", f"training  {block}", partial(bench.measure_block, block, max(arguments.batch))
        yield "steps", "training  the small network", bench.measure_network
        yield "steps", "training  the detector of digits", bench.measure_detector
        yield "steps", "training  boxes and masks of digits", bench.measure_multi_task


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _print_ratios(
    header: Sequence[str], table: Sequence[list[str]], records: Sequence[Any], over: Mapping[str, str]
) -> None:
    """The table with further columns of the records' fields; the optional ones only where a record has a number."""
    fields = {
        title: field
        for title, field in over.items()
        if field not in OPTIONAL or any(getattr(record, field) is not None for record in records)
    }
    ratios = [[_number(getattr(record, field)) for field in fields.values()] for record in records]
    print_table([*header, *fields], [row + each for row, each in zip(table, ratios, strict=True)])


def _print_rows(rows: Sequence[Any]) -> None:
    from .. import bench

    table = []
    for row in rows:
        shared = row.function.startswith(("limit", "torch")) and row.direction == "backward"
        name, milliseconds = row.function + " backward" * shared, "≈" * row.scaled + f"{row.milliseconds:,.3f}"
        table.append([row.layer, str(row.batch), name, milliseconds, f"{row.gflops:.3g}"])
    _print_ratios(["layer", "B", "function", "ms", "GFLOP/s"], table, rows, OVER_FASTER)
    print("\ngeometric means (≈: the loops, timed on a part of the layer and scaled up)")
    means = [[*words, _number(limit), _number(torch)] for *words, limit, torch in bench.summary(rows)]
    print_table(["layers", "direction", "function", "× limit", "× torch"], means)


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
    over = {"× limit": "over_limit", "× torch": "over_torch", "× faster layout": "over_faster_torch"}
    table = [[each.network, str(each.batch), each.function, f"{each.milliseconds:,.1f}"] for each in passes]
    _print_ratios(["inference", "B", "function", "ms"], table, passes, over | {"× onnxruntime": "over_onnxruntime"})


def _print_steps(steps: Sequence[Any]) -> None:
    table = [
        [step.network, str(step.batch), step.function, f"{step.milliseconds:,.3f}", _number(step.peak_mib)]
        for step in steps
    ]
    _print_ratios(["training step", "B", "function", "ms", "peak MiB"], table, steps, OVER_FASTER)
    print("peak MiB: the most memory of a step beyond the parameters, their gradients and the images")
    print("\nof npconv's step, forward and backward together, in %")
    parts = list(dict.fromkeys(part for step in steps for part in step.shares))
    shares = [
        [step.network, *(f"{100 * step.shares[part]:.0f}" if part in step.shares else "" for part in parts)]
        for step in steps
        if step.shares
    ]
    print_table(["training step", *parts], shares)


def _print_run(run: Mapping[str, Any], measured: Mapping[str, Sequence[Any]]) -> None:
    from ..bench.groups import entries, group_means

    print(", ".join(f"{key} {value}" for key, value in run["machine"].items()))
    for name, each in measured.items():
        if each:
            PRINTS[name](each)
    means = group_means(entries(run))
    if not means:
        return
    print("\nby group: the geometric mean, the lowest and the highest row, and the quartiles of the rounds' ratios")
    over = list(dict.fromkeys(name for each in means.values() for name in each))
    header = ["npconv", "direction", "B", "rows", *(f"× {name}" for name in over)]
    table = [[*map(str, key), *(_mean(each.get(name)) for name in over)] for key, each in means.items()]
    print_table(header, table)


def _mean(ratio: Any) -> str:
    if ratio is None:
        return ""
    ranges = [(ratio.lowest, ratio.highest), *([ratio.quartiles] if ratio.quartiles else [])]
    return "  ".join([_number(ratio.mean), *(f"{low:.2f}–{high:.2f}" for low, high in ranges)])


def _print_changes(changed: Sequence[Any], now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    from ..bench.against import mean_changes, other_settings

    print("\nnow over then (below 1 is faster now)")
    print("".join(f"  differs: {line}\n" for line in other_settings(now, then)), end="")
    names = list(dict.fromkeys(name for each in changed for name in each.changes))
    table = [
        [each.layer, str(each.batch), each.direction, each.function]
        + [f"{each.milliseconds_then:,.3f}", f"{each.milliseconds:,.3f}"]
        + [_number(each.changes.get(name)) for name in names]
        for each in changed
    ]
    print_table(["layer", "B", "direction", "function", "ms then", "ms now", *names], table)
    print("\nnow over then, the geometric mean of each group")
    groups = mean_changes(changed)
    table = [[*map(str, key), *(_number(each.get(name)) for name in names)] for key, each in groups.items()]
    print_table(["group", "direction", "function", "rows", *names], table)


PRINTS = {"rows": _print_rows, "separable": _print_separable, "passes": _print_passes, "steps": _print_steps}
