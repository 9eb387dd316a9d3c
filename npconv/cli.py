"""The command line: parses, calls, prints."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status: 0, 1 where a verdict or a result is not as it should be, 2 for bad input."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except (ValueError, TypeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.filename is None and error.strerror else error
        print(f"npconv {arguments.command}: {reason}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # pragma: no cover
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="npconv", description="Convolutions as they are taught, in plain NumPy.")
    parser.add_argument("--version", action="version", version=f"npconv {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    reproduce = commands.add_parser("reproduce", help="compute the article's claims and draw its figures")
    reproduce.add_argument("--out", default="reproduced", metavar="DIR", help="where the figures go (%(default)s)")
    reproduce.set_defaults(run=_reproduce)

    figures = commands.add_parser("figures", help="draw the article's figures")
    figures.add_argument("names", nargs="*", metavar="NAME", help="which ones (all)")
    figures.add_argument("--out", default="figures", metavar="DIR", help="where they go (%(default)s)")
    figures.add_argument("--format", choices=("svg", "png"), help="for all pictures (each figure's own)")
    figures.add_argument("--animate", action="store_true", help="a GIF too of those figures that step")
    figures.add_argument("--fps", type=int, metavar="N", help="frames a second of the GIFs (1)")
    figures.add_argument("--loop", action="store_true", help="GIFs that begin again at their end")
    figures.add_argument("--list", action="store_true", help="print the names, and draw nothing")
    figures.set_defaults(run=_figures)

    cost = commands.add_parser("cost", help="what convolutions cost").add_subparsers(dest="what", required=True)
    layer = cost.add_parser("layer", help="a layer of given sizes, standard and separable")
    layer.add_argument("--input", nargs=3, type=int, required=True, metavar=("HEIGHT", "WIDTH", "M"))
    layer.add_argument("--out-channels", type=int, required=True, metavar="N")
    layer.add_argument("--kernel", nargs="+", type=int, default=[3], metavar="D", help="side, or height and width (3)")
    layer.add_argument("--stride", nargs="+", type=int, default=[1], metavar="S")
    layer.add_argument("--dilation", nargs="+", type=int, default=[1], metavar="D")
    layer.add_argument(
        "--padding", nargs="+", default=["valid"], metavar="P", help="valid, same, or one or two numbers"
    )
    layer.add_argument("--batch", type=int, default=1, metavar="B")
    layer.add_argument("--depth-multiplier", type=int, default=1, metavar="Q")
    layer.add_argument("--expansion", type=int, metavar="T", help="also an inverted residual with this expansion")
    layer.add_argument("--bias", action="store_true", help="count a bias after each convolution")
    layer.add_argument("--json", action="store_true", help="print JSON instead of a table")
    layer.set_defaults(run=_cost_layer)
    ratio = cost.add_parser("ratio", help="the ratio Q(1/N + 1/Dᵣ²), separable over standard")
    ratio.add_argument("--kernel", nargs="+", type=int, default=[3, 5, 7], metavar="D", help="kernel sides (3 5 7)")
    ratio.add_argument(
        "--out-channels", nargs="+", type=int, default=[8, 16, 32, 64, 128, 256, 512, 1024], metavar="N",
        help="output channels (8 to 1024, doubling)",
    )  # fmt: skip
    ratio.add_argument("--depth-multiplier", nargs="+", type=int, metavar="Q", help="(1; in the plot 1 2 4)")
    ratio.add_argument("--plot", metavar="FILE", help="also the figure cost-ratio with these sizes: .svg or .png")
    ratio.add_argument("--json", action="store_true", help="print JSON instead of a table")
    ratio.set_defaults(run=_cost_ratio)

    train = commands.add_parser("train", help="train a small network on your images, or run the experiment of Fig. 7")
    train.add_argument("--data", default=argparse.SUPPRESS, metavar="FILE.npz", help="x_train, y_train, x_test, y_test")
    _add_training_options(train)
    whats = train.add_subparsers(dest="what", metavar="digits | scattered-digits | fig07")
    for name, what in (("digits", "8×8, plain"), ("scattered-digits", "on a photograph, the harder task")):
        _add_training_options(whats.add_parser(name, help=f"handwritten digits that ship, {what}"))
    fig07 = whats.add_parser(
        "fig07", help="the experiment behind the article's Fig. 7", argument_default=argparse.SUPPRESS
    )
    fig07.add_argument("--quick", action="store_true", help="a smaller one, within two minutes")
    fig07.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="instead of the stored experiment's")
    fig07.add_argument("--blocks", type=int, metavar="N", help="inverted residuals in a row")
    fig07.add_argument("--steps", type=int, metavar="N", help="of each run")
    fig07.add_argument("--processes", type=int, metavar="N", help="runs side by side (1)")
    fig07.add_argument("--out", metavar="DIR", help="for runs, results.json and the figure (fig07, or fig07-quick)")
    train.set_defaults(run=_train)

    vectors = commands.add_parser("vectors", help="test vectors for an implementation of your own")
    vectors.add_argument("--op", required=True, metavar="NAME", help="conv2d, depthwise_conv2d, pointwise_conv2d, …")
    vectors.add_argument("--layout", choices=("NHWC", "NCHW"), default="NHWC")
    vectors.add_argument("--out", required=True, metavar="FILE.npz")
    vectors.add_argument("--count", type=int, default=32, metavar="CASES")
    vectors.add_argument("--seed", type=int, default=0)
    vectors.set_defaults(run=_vectors)

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
    bench.set_defaults(run=_bench)
    return parser


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    """What `npconv train` can be told, before or after the data's name: what isn't told is left out."""
    group = parser.add_argument_group("training", argument_default=argparse.SUPPRESS)
    group.add_argument("--steps", type=int, metavar="N", help="updates (10 times through the images)")
    group.add_argument("--batch-size", type=int, metavar="B", help="(64)")
    group.add_argument("--learning-rate", type=float, metavar="RATE", help="(0.1)")
    group.add_argument("--schedule", choices=("cosine", "constant", "exponential"), help="(cosine)")
    group.add_argument("--optimizer", choices=("sgd", "rmsprop"), help="(sgd)")
    group.add_argument("--momentum", type=float, metavar="SHARE", help="(0.9)")
    group.add_argument("--weight-decay", type=float, metavar="RATE", help="(0.00004)")
    group.add_argument("--smoothing", type=float, metavar="SHARE", help="of the labels (0.1)")
    group.add_argument("--width", type=float, metavar="FACTOR", help="of the channels (1)")
    group.add_argument("--seed", type=int, metavar="N", help="of first parameters and order (0)")
    group.add_argument("--out", metavar="DIR", help="for network.npz, history.json and checkpoint.npz (trained-…)")


def _reproduce(arguments: argparse.Namespace) -> int:
    from .claims import CLAIMS

    different = 0
    for number, claim in enumerate(CLAIMS, 1):
        _progress(f"[{number}/{len(CLAIMS)}] {claim.name}")
        found = claim.compute()
        _progress("")
        print(f"{number:2}. {claim.statement}")
        print(f"    {found.verdict}")
        for line in found.numbers:
            print(f"      {line}")
        if found.verdict != claim.verdict:
            different += 1
            print(f"    DIFFERENT: the docs say “{claim.verdict}”")
        print()
    counts = {kind: sum(claim.verdict.startswith(kind) for claim in CLAIMS) for kind in ("holds", "fails", "reported")}
    conditions = sum(claim.verdict.startswith("holds if") for claim in CLAIMS)
    print(
        f"{len(CLAIMS)} claims: {counts['holds'] - conditions} hold, {conditions} hold under a condition, "
        f"{counts['fails']} fail, {counts['reported']} are reported measurements; {different} differ from the docs."
    )
    for path in _write_figures(Path(arguments.out)):
        print(f"wrote {path}")
    return 1 if different else 0


def _figures(arguments: argparse.Namespace) -> int:
    from .figures import ANIMATIONS, BUILDERS

    if arguments.list:
        for name, build in BUILDERS.items():
            print(f"{name:<24}  {(build.__doc__ or '').splitlines()[0]}")
        return 0
    names = list(dict.fromkeys(arguments.names)) or list(BUILDERS)
    unknown = [name for name in names if name not in BUILDERS]
    if unknown:
        raise ValueError(f"no figure is called {', '.join(unknown)}; there are {', '.join(BUILDERS)}")
    animated = [name for name in names if name in ANIMATIONS] if arguments.animate else []
    if arguments.animate and not animated:
        raise ValueError(f"--animate is for {', '.join(ANIMATIONS)}; got {', '.join(names)}")
    if (arguments.loop or arguments.fps is not None) and not arguments.animate:
        raise ValueError("--loop and --fps go with --animate")
    gif = {"loop": arguments.loop} | ({} if arguments.fps is None else {"frames_per_second": arguments.fps})
    for path in _write_figures(Path(arguments.out), names, arguments.format, animated, gif):
        print(f"wrote {path}")
    return 0


def _write_figures(
    folder: Path,
    names: Sequence[str] | None = None,
    format: str | None = None,
    animated: Sequence[str] = (),
    gif: Mapping[str, Any] = MappingProxyType({}),
) -> list[Path]:
    from .figures import ANIMATIONS, BUILDERS, gif_bytes, write_figures

    figures, animations = [], {}
    for name in BUILDERS if names is None else names:
        _progress(f"drawing {name}")
        figures.append(BUILDERS[name]())
    for name in animated:
        _progress(f"animating {name}")
        animations[name] = gif_bytes(ANIMATIONS[name](), **gif)
    _progress("")
    return write_figures(figures, folder, format=format, animations=animations)


def _cost_layer(arguments: argparse.Namespace) -> int:
    from .cost import conv2d_cost, depthwise_separable_conv2d_cost, inverted_residual_cost

    height, width, m = arguments.input
    n, q, bias = arguments.out_channels, arguments.depth_multiplier, arguments.bias
    kernel = _pair("--kernel", arguments.kernel)
    geometry: dict[str, Any] = {
        "stride": _pair("--stride", arguments.stride),
        "dilation": _pair("--dilation", arguments.dilation),
        "padding": _padding(arguments.padding),
    }
    x = (arguments.batch, height, width, m)
    standard = conv2d_cost(x, (*kernel, m, n), bias=bias, **geometry)
    separable = depthwise_separable_conv2d_cost(x, (*kernel, m * q), (m * q, n), bias=bias, **geometry)
    costs = {"standard": standard, "separable": separable} | {f"  {k}": part for k, part in separable.parts.items()}
    if arguments.expansion is not None:
        wide = m * arguments.expansion
        expand = None if arguments.expansion == 1 else (m, wide)
        block = inverted_residual_cost(x, expand, (*kernel, wide), (wide, n), bias=bias, **geometry)
        costs |= {"inverted residual": block} | {f"  {k} ": part for k, part in block.parts.items()}
    rows: list[dict[str, Any]] = [
        {
            "operation": name.strip(),
            "part": name.startswith(" "),
            "output": list(cost.output_shape),
            "macs": cost.macs,
            "additions": cost.additions,
            "flops": cost.flops,
            "params": cost.params,
            "over_standard": cost.macs / standard.macs,
        }
        for name, cost in costs.items()
    ]
    if arguments.json:
        print(json.dumps({"input": list(x), "rows": rows}, indent=1))
        return 0
    header = ["operation", "output", "MACs", "additions", "FLOPs", "parameters", "MACs / standard"]
    table = [
        [
            ("  " if row["part"] else "") + str(row["operation"]), "×".join(map(str, row["output"])),
            *(f"{row[key]:,}" for key in ("macs", "additions", "flops", "params")), f"{row['over_standard']:.4f}",
        ]
        for row in rows
    ]  # fmt: skip
    _print_table(header, table)
    return 0


def _cost_ratio(arguments: argparse.Namespace) -> int:
    from .cost import break_even_multiplier, cost_ratio

    multipliers = arguments.depth_multiplier or [1]
    rows = [
        {
            "kernel": side,
            "out_channels": n,
            "depth_multiplier": q,
            "ratio": str(cost_ratio(side, n, depth_multiplier=q)),
            "value": float(cost_ratio(side, n, depth_multiplier=q)),
            "limit": q / side**2,
            "break_even_multiplier": float(break_even_multiplier(side, n)),
        }
        for q in multipliers
        for side in arguments.kernel
        for n in arguments.out_channels
    ]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return _plot_ratio(arguments)
    header = ["kernel", "N", "Q", "ratio", "", "times cheaper", "limit Q/Dᵣ²", "nothing saved from Q ="]
    table = [
        [
            f"{row['kernel']}×{row['kernel']}", str(row["out_channels"]), str(row["depth_multiplier"]),
            str(row["ratio"]), f"{row['value']:.4f}",
            f"{1 / row['value']:.2f}", f"{row['limit']:.4f}", f"{row['break_even_multiplier']:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    _print_table(header, table)
    return _plot_ratio(arguments)


def _plot_ratio(arguments: argparse.Namespace) -> int:
    if not arguments.plot:
        return 0
    from .figures import cost_ratio_figure
    from .figures.files import picture_bytes
    from .files import write_whole

    end = Path(arguments.plot).suffix.lower()
    if end not in (".svg", ".png"):
        raise ValueError(f"--plot takes a file that ends in .svg or .png; got {arguments.plot}")
    figure = cost_ratio_figure(
        kernel_sizes=arguments.kernel,
        out_channels=sorted(set(arguments.out_channels)),
        depth_multipliers=arguments.depth_multiplier or (1, 2, 4),
    )
    write_whole(arguments.plot, picture_bytes(figure, end[1:]))
    print(f"wrote {arguments.plot}", file=sys.stderr)
    return 0


def _vectors(arguments: argparse.Namespace) -> int:
    from .checks.vectors import make_vectors
    from .files import as_npz, write_whole

    vectors = make_vectors(arguments.op, layout=arguments.layout, count=arguments.count, seed=arguments.seed)
    write_whole(arguments.out, as_npz(vectors))
    print(f"wrote {arguments.count} cases of {arguments.op}, {arguments.layout}, to {arguments.out}")
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from . import bench
    from .files import write_whole

    if arguments.rounds < 1 or min(arguments.batch) < 1:
        raise ValueError("--rounds and --batch must be at least 1")
    layers = [layer for layer in bench.LAYERS if layer.kind in arguments.kind]
    rows: list[bench.Row] = []
    start = time.monotonic()
    for batch in arguments.batch:
        for layer in layers:
            _progress(f"{time.monotonic() - start:4.0f} s  batch {batch}  {layer}")
            rows += bench.measure(layer, batch, rounds=arguments.rounds, rungs=not arguments.fast)
    steps: list[bench.Step] = []
    if "training" in arguments.kind:
        for block in bench.BLOCKS:
            _progress(f"{time.monotonic() - start:4.0f} s  training  {block}")
            steps += bench.measure_block(block, max(arguments.batch), rounds=arguments.rounds)
        _progress(f"{time.monotonic() - start:4.0f} s  training  the small network")
        steps += bench.measure_network(rounds=arguments.rounds)
    _progress("")
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
    from . import bench

    header = ["layer", "B", "function", "ms", "GFLOP/s", "× limit", "× torch"]
    table = [
        [
            row.layer, str(row.batch), row.function + (" backward" if row.function.startswith(("limit", "torch"))
            and row.direction == "backward" else ""), ("≈" if row.scaled else "") + f"{row.milliseconds:,.3f}",
            f"{row.gflops:.3g}", f"{row.over_limit:.2f}", "" if row.over_torch is None else f"{row.over_torch:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    _print_table(header, table)
    print("\ngeometric means (≈: the loops, timed on a part of the layer and scaled up)")
    _print_table(
        ["layers", "direction", "function", "× limit", "× torch"],
        [
            [group, direction, function, f"{limit:.2f}", "" if torch is None else f"{torch:.2f}"]
            for group, direction, function, limit, torch in bench.summary(rows)
        ],
    )


def _print_steps(steps: Sequence[Any]) -> None:
    _print_table(
        ["training step", "B", "function", "ms", "× limit", "× torch"],
        [
            [step.network, str(step.batch), step.function, f"{step.milliseconds:,.3f}", f"{step.over_limit:.2f}",
             "" if step.over_torch is None else f"{step.over_torch:.2f}"]
            for step in steps
        ],
    )  # fmt: skip
    print("\nof npconv's step, forward and backward together, in %")
    parts = list(dict.fromkeys(part for step in steps for part in step.shares))
    _print_table(
        ["training step", *parts],
        [
            [step.network, *(f"{100 * step.shares[part]:.0f}" if part in step.shares else "" for part in parts)]
            for step in steps
            if step.shares
        ],
    )


def _train(arguments: argparse.Namespace) -> int:
    options = {name: value for name, value in vars(arguments).items() if name not in ("command", "run", "what")}
    try:
        with _interruptible() as check:
            if arguments.what == "fig07":
                return _train_fig07(options, check)
            return _train_small(arguments.what, options, check)
    except KeyboardInterrupt:
        _progress("")
        print("npconv train: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        _progress("")


def _train_small(what: str | None, options: dict[str, Any], check: Callable[[], None]) -> int:
    from .training import digits, read_task, scattered_digits
    from .training.report import confusion_table
    from .training.runs import NETWORK, RECORD, RunSettings, train_small

    data, out = options.pop("data", None), options.pop("out", None)
    if (what is None) == (data is None):
        raise ValueError("give one of --data FILE.npz, digits, scattered-digits and fig07")
    _progress("reading the images")
    task = read_task(data) if data is not None else digits() if what == "digits" else scattered_digits()
    settings = RunSettings(**options).of(task)
    folder = Path(out if out is not None else f"trained-{what or Path(data).stem}")
    _progress("")
    print(f"{task.name}: {task.description}; {len(task.x_train)} to learn from, {len(task.x_test)} to be tested on")
    start, first = time.monotonic(), 0

    def progress(done: int, loss: float, history: Any) -> None:
        nonlocal first
        first = first or done
        now = history.step[-1:] == [done]
        accuracy = f", test accuracy {history.test_accuracy[-1]:.1%}" if history.step else ""
        if now and not sys.stderr.isatty():
            print(
                f"step {done}/{settings.steps}: training loss {history.train_loss[-1]:.3f}{accuracy}", file=sys.stderr
            )
        left = _time_left(start, done - first + 1, (settings.steps or 0) - done)
        _progress(f"step {done}/{settings.steps}: loss {loss:.3f}{accuracy}, {left}")
        check()

    trained = train_small(task, settings, folder, progress=progress)
    _progress("")
    _print_table(*confusion_table(trained.confusion))
    print(f"test accuracy {trained.history.test_accuracy[-1]:.2%} after {settings.steps} steps")
    for name in (NETWORK, RECORD):
        print(f"wrote {folder / name}")
    return 0


def _train_fig07(options: dict[str, Any], check: Callable[[], None]) -> int:
    from dataclasses import replace

    from .figures import linear_bottleneck_training_figure, write_figures
    from .files import write_whole
    from .training import fig07, report

    quick = options.pop("quick", False)
    folder = Path(options.pop("out", "fig07-quick" if quick else "fig07"))
    seeds = options.pop("seeds", fig07.QUICK_SEEDS if quick else fig07.SEEDS)
    processes = options.pop("processes", 1)
    sizes = {name: options.pop(name) for name in ("blocks", "steps") if name in options}
    if options:
        raise ValueError(f"fig07 takes no --{', --'.join(options).replace('_', '-')}")
    settings = replace(fig07.QUICK if quick else fig07.FULL, **sizes)
    start = time.monotonic()

    def progress(line: str) -> None:
        _progress("")
        print(line)

    def count(steps: fig07.Count) -> None:
        left = _time_left(start, steps.made, steps.total - steps.done)
        _progress(f"{steps.done:,} of {steps.total:,} steps, {left}")
        check()

    results = fig07.run_fig07(settings, seeds, folder=folder, processes=processes, progress=progress, count=count)
    _progress("")
    print(f"\n{results['data']}; {settings.blocks} blocks, {settings.steps} steps of {settings.batch_size}")
    for table in (report.accuracy_table(results), report.comparison_table(results)):
        _print_table(*table)
        print()
    write_whole(folder / "results.json", json.dumps(results))
    for path in (folder / "results.json", *write_figures([linear_bottleneck_training_figure(results)], folder)):
        print(f"wrote {path}")
    return 0


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C wait for a call of what this gives, which then raises KeyboardInterrupt; a second one doesn't wait."""
    pressed = threading.Event()

    def handle(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _progress("stopping after this step")

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main one may handle signals
        yield check
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _time_left(start: float, made: int, left: int) -> str:
    """In words, how long what is left will take, as long for each as what was made since the start."""
    seconds = (time.monotonic() - start) / max(made, 1) * left
    return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"


def _pair(option: str, numbers: Sequence[int]) -> tuple[int, int]:
    if len(numbers) not in (1, 2):
        raise ValueError(f"{option} takes one number, or two for height and width; got {len(numbers)}")
    return numbers[0], numbers[-1]


def _padding(words: Sequence[str]) -> str | tuple[int, int]:
    if len(words) == 1 and not words[0].lstrip("-").isdigit():
        return words[0]
    if not all(word.isdigit() for word in words):
        raise ValueError(f"--padding takes valid, same, or one or two numbers; got {' '.join(words)}")
    return _pair("--padding", [int(word) for word in words])


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns set by their widest entry, words to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    numeric = [all(row[i][:1] in "≈-+·0123456789" for row in rows) for i in range(len(header))]
    for line in [header, *rows]:
        cells = zip(line, widths, numeric, strict=True)
        print("  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in cells).rstrip())


def _progress(text: str) -> None:
    """One line that is written over, for who watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
