"""`npconv train`: a small network on one's own images or the digits, and the experiments on the scattered digits."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..text import listed
from .shared import SEED, SIZE, WIDTH, Commands, File, Folder, Real, Whole, print_table, progress_line

EVALUATIONS = 10  # of a run of the experiment, or more
STEPS = Whole(1, 10_000_000)
DIGITS = {"digits": "8×8, plain", "scattered-digits": "on a photograph, the harder task"}
EXPERIMENTS = ("fig07", "v3-blocks", "detection-heads", "segmentation-heads")
NO_OPTIONS = ("command", "run", "parser", "what")  # of what is parsed


class Network(NamedTuple):
    """A network for boxes or masks: what it is, the arrays of one's own, its steps and its learning rate."""

    what: str
    arrays: Sequence[str]
    steps: int
    learning_rate: float


NETWORKS = {
    "ssdlite": Network("a detector", ("x", "boxes", "labels", "images"), 2400, 0.01),
    "lr_aspp": Network("a segmentation network with LR-ASPP", ("x", "masks"), 1600, 0.02),
    "deeplab": Network("a segmentation network with DeepLabv3's head", ("x", "masks"), 800, 0.02),
    "both": Network("SSDLite and LR-ASPP in one", ("x", "boxes", "labels", "images", "masks"), 2400, 0.02),
}
"""The networks that `npconv.training.recipes` trains."""


def add_parser(commands: Commands) -> None:
    """Add `npconv train`."""
    train = commands.add_parser("train", help="train a small network on your images, or run an experiment")
    arrays = "x_train, y_train, x_test, y_test"
    train.add_argument("--data", type=File(ordinary=True), default=argparse.SUPPRESS, metavar="FILE.npz", help=arrays)
    _add_training_options(train)
    whats = train.add_subparsers(dest="what", metavar="DATA")
    for name, what in DIGITS.items():
        _add_training_options(whats.add_parser(name, help=f"handwritten digits that ship, {what}"))
    for name, kind in NETWORKS.items():
        _add_network(whats, name, kind)
    _add_experiment(whats, "fig07", "the experiment behind the article's Fig. 7", "runs, results.json and the figure")
    _add_experiment(whats, "v3-blocks", "what MobileNetV3's block adds, tried one by one", "runs and results.json")
    heads = "SSDLite's heads against SSD's, and the map that the first ones take"
    _add_experiment(whats, "detection-heads", heads, "runs and results.json", blocks=False)
    heads = "a finer map for masks, dilation against strides, and two tasks on one backbone"
    _add_experiment(whats, "segmentation-heads", heads, "runs and results.json", blocks=False)
    train.set_defaults(run=_run)


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    """Options of `npconv train`, before or after the data's name; options that are not given are left out."""
    group = parser.add_argument_group("training", argument_default=argparse.SUPPRESS)
    add = group.add_argument
    add("--steps", type=STEPS, metavar="N", help="updates (10 times through the images)")
    add("--batch-size", type=SIZE, metavar="B", help="(64)")
    add("--learning-rate", type=Real(0, 1000, "least"), metavar="RATE", help="(0.1)")
    add("--schedule", choices=("cosine", "constant", "exponential"), help="(cosine)")
    add("--optimizer", choices=("sgd", "rmsprop"), help="(sgd)")
    add("--momentum", type=Real(0, 1, "most"), metavar="SHARE", help="(0.9)")
    add("--weight-decay", type=Real(0, 1000), metavar="RATE", help="(0.00004)")
    add("--smoothing", type=Real(0, 1, "most"), metavar="SHARE", help="of the labels (0.1)")
    add("--width", type=WIDTH, metavar="FACTOR", help="of the channels (1)")
    add("--seed", type=SEED, metavar="N", help="of first parameters and order (0)")
    add("--out", type=Folder(), metavar="DIR", help="for network.npz, history.json and checkpoint.npz (trained-…)")


def _run(arguments: argparse.Namespace) -> int:
    options = {name: value for name, value in vars(arguments).items() if name not in NO_OPTIONS}
    try:
        with _interruptible() as check:
            if arguments.what in NETWORKS:
                return _run_network(arguments.what, options, check)
            if arguments.what in EXPERIMENTS:
                return _run_experiment(arguments.what, options, check)
            return _run_small(arguments.what, options, check)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command continues from here") from None
    finally:
        progress_line("")


def _run_small(what: str | None, options: dict[str, Any], check: Callable[[], None]) -> int:
    from ..training import digits, read_task, scattered_digits
    from ..training.report import confusion_table
    from ..training.runs import NETWORK, RECORD, RunSettings, train_small
    from ..training.tasks import remarks

    data, out = options.pop("data", None), options.pop("out", None)
    if (what is None) == (data is None):
        raise ValueError(f"give one of {listed(['--data FILE.npz', *DIGITS, *NETWORKS, *EXPERIMENTS])}")
    told = RunSettings(**options)  # impossible settings are refused before the images are read
    progress_line("reading the images")
    task = read_task(data) if data is not None else digits() if what == "digits" else scattered_digits()
    settings = told.of(task)
    if settings.batch_size > (images := len(task.x_train)):
        raise ValueError(f"--batch-size must be at most {images}, the images to learn from; got {settings.batch_size}")
    folder = Path(out if out is not None else f"trained-{what or Path(data).stem}")
    progress_line("")
    print(f"{task.name}: {task.description}; {len(task.x_train)} to learn from, {len(task.x_test)} to be tested on")
    for remark in remarks(task):
        print(f"npconv train: {remark}", file=sys.stderr)
    start, first = time.monotonic(), 0

    def progress(done: int, loss: float, history: Any) -> None:
        nonlocal first
        first = first or done
        now = history.step[-1:] == [done]
        accuracy = f", test accuracy {history.test_accuracy[-1]:.1%}" if history.step else ""
        step = f"step {done}/{settings.steps}"
        if now and not sys.stderr.isatty():
            print(f"{step}: training loss {history.train_loss[-1]:.3f}{accuracy}", file=sys.stderr)
        left = _time_left(start, done - first + 1, (settings.steps or 0) - done)
        progress_line(f"{step}: loss {loss:.3f}{accuracy}, {left}")
        check()

    trained = train_small(task, settings, folder, progress=progress)
    progress_line("")
    print_table(*confusion_table(trained.confusion))
    print(f"test accuracy {trained.history.test_accuracy[-1]:.2%} after {settings.steps} steps")
    for name in (NETWORK, RECORD):
        print(f"wrote {folder / name}")
    return 0


def _add_network(whats: Commands, name: str, kind: Network) -> None:
    parser = whats.add_parser(name, help=f"{kind.what}, of digits on a photograph or of your images")
    add = parser.add_argument_group("training", argument_default=argparse.SUPPRESS).add_argument
    arrays = f"{', '.join(f'{each}_train' for each in kind.arrays)}, and the same of test (the digits)"
    add("--data", type=File(ordinary=True), metavar="FILE.npz", help=arrays)
    add("--quick", action="store_true", help="within two minutes")
    add("--steps", type=STEPS, metavar="N", help=f"updates ({kind.steps})")
    add("--batch-size", type=SIZE, metavar="B", help="(16)")
    add("--learning-rate", type=Real(0, 1000, "least"), metavar="RATE", help=f"of Adam ({kind.learning_rate:g})")
    add("--width", type=WIDTH, metavar="FACTOR", help="of the channels, for your images (1)")
    add("--seeds", nargs="+", type=SEED, metavar="SEED", help="of first parameters and order, a run each (0)")
    out = f"for results.json and for each run's network.npz, history.json and checkpoint.npz ({name}-…)"
    add("--out", type=Folder(), metavar="DIR", help=out)


def _run_network(name: str, options: dict[str, Any], check: Callable[[], None]) -> int:
    from ..files import write_whole
    from ..training.recipes import NETWORK, RECIPES, RECORD, MaskSettings, run_seeds
    from ..training.report import class_table, recipe_table

    recipe = RECIPES[name]
    data, out, quick = options.pop("data", None), options.pop("out", None), options.pop("quick", False)
    seeds = options.pop("seeds", [recipe.full.seed])
    if others := options.keys() - vars(recipe.full) | options.keys() & {"seed"}:  # before its name; it has --seeds
        raise ValueError(f"{name} takes no --{', --'.join(sorted(others)).replace('_', '-')}")
    if data is None and "width" in options:
        raise ValueError("--width is for images of your own: the network of the digits has its own channels")
    if data is not None and isinstance(recipe.full, MaskSettings):
        options["ink_only"] = False
    settings = replace(recipe.quick if quick else recipe.full, **options)
    progress_line("reading the images")
    task = None if data is None else recipe.read(data)
    shown = settings.digits() if task is None else task
    if settings.batch_size > (images := len(shown.x_train)):
        raise ValueError(f"--batch-size must be at most {images}, the images to learn from; got {settings.batch_size}")
    folder = Path(out or "-".join([name, *["quick"] * quick, *([] if data is None else [Path(data).stem])]))
    progress_line("")
    print(
        f"{shown.name}: {shown.description}; {shown.classes} classes with the background; {images} to learn from, "
        f"{len(shown.x_test)} to be tested on"
    )
    for remark in recipe.remarks(shown):
        print(f"npconv train: {remark}", file=sys.stderr)
    start, made, reached = time.monotonic(), 0, ""

    def count(seed: int, done: int, history: Any) -> None:
        nonlocal made, reached
        made += 1
        if history.step[-1:] == [done]:
            reached = f", test {recipe.reached(history.as_dict())}"
            if not sys.stderr.isatty():
                loss = f"training loss {history.train_loss[-1]:.3f}"
                print(f"seed {seed}, step {done}/{settings.steps}: {loss}{reached}", file=sys.stderr)
        left = _time_left(start, made, settings.steps * (len(seeds) - list(seeds).index(seed)) - done)
        progress_line(f"seed {seed}, step {done}/{settings.steps}{reached}, {left}")
        check()

    results = run_seeds(name, settings, seeds, folder=folder, task=task, count=count)
    progress_line("")
    print_table(*recipe_table(name, results))
    if recipe.confusion is not None:
        print()
        print_table(*class_table(results))
    write_whole(folder / "results.json", json.dumps(results))
    for path in (
        *(folder / f"seed-{seed}" / name for seed in seeds for name in (NETWORK, RECORD)),
        folder / "results.json",
    ):
        print(f"wrote {path}")
    return 0


def _add_experiment(whats: Commands, name: str, what: str, written: str, *, blocks: bool = True) -> None:
    add = whats.add_parser(name, help=what, argument_default=argparse.SUPPRESS).add_argument
    add("--quick", action="store_true", help="a smaller one, within two minutes")
    add("--seeds", nargs="+", type=SEED, metavar="SEED", help="instead of the stored experiment's")
    if blocks:
        add("--blocks", type=Whole(1, 64), metavar="N", help="inverted residuals in a row")
    add("--steps", type=STEPS, metavar="N", help="of each run")
    add("--processes", type=Whole(1, 60), metavar="N", help="runs side by side (1)")
    add("--out", type=Folder(), metavar="DIR", help=f"for {written} ({name}-…)")


def _run_experiment(name: str, options: dict[str, Any], check: Callable[[], None]) -> int:
    from ..files import write_whole
    from ..training import detection_heads, fig07, report, segmentation_heads, v3_blocks

    experiments: dict[str, tuple[Any, Any]] = {
        "fig07": (fig07, fig07.run_fig07),
        "v3-blocks": (v3_blocks, v3_blocks.run_v3_blocks),
        "detection-heads": (detection_heads, detection_heads.run_detection_heads),
        "segmentation-heads": (segmentation_heads, segmentation_heads.run_segmentation_heads),
    }
    of, run = experiments[name]
    quick = options.pop("quick", False)
    out = options.pop("out", None)
    seeds = options.pop("seeds", of.QUICK_SEEDS if quick else of.SEEDS)
    processes = options.pop("processes", 1)
    sizes = {name: options.pop(name) for name in ("blocks", "steps") if name in options}
    if options:
        raise ValueError(f"{name} takes no --{', --'.join(options).replace('_', '-')}")
    settings: Any = replace(of.QUICK if quick else of.FULL, **sizes)
    settings = replace(settings, evaluate_every=max(1, min(settings.evaluate_every, settings.steps // EVALUATIONS)))
    folder = Path(out or "-".join([name, *["quick"] * quick, *(f"{n}-{size}" for size, n in sizes.items())]))
    start = time.monotonic()

    def progress(line: str) -> None:
        progress_line("")
        print(line)

    def count(steps: fig07.Count) -> None:
        left = _time_left(start, steps.made, steps.total - steps.done)
        progress_line(f"{steps.done:,} of {steps.total:,} steps, {left}")
        check()

    results = run(settings, seeds, folder=folder, processes=processes, progress=progress, count=count)
    progress_line("")
    blocks = f"{settings.blocks} blocks, " if hasattr(settings, "blocks") else ""
    print(f"\n{results['data']}; {blocks}{settings.steps} steps of {settings.batch_size}")
    for table in report.experiment_tables(results, of):
        print_table(*table)
        print()
    write_whole(folder / "results.json", json.dumps(results))
    for path in (folder / "results.json", *(_draw_fig07(results, folder) if name == "fig07" else ())):
        print(f"wrote {path}")
    return 0


def _draw_fig07(results: dict[str, Any], folder: Path) -> list[Path]:
    from ..figures import linear_bottleneck_training, write_figures

    return write_figures([linear_bottleneck_training(results)], folder)


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C wait for a call of what this gives, which then raises KeyboardInterrupt; a second one doesn't wait."""
    pressed = threading.Event()

    def handle(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        progress_line("stopping after this step")

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
    """The time left in words, at the pace of the steps since the start."""
    seconds = (time.monotonic() - start) / max(made, 1) * left
    return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
