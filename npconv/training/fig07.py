"""The experiment behind the article's Fig. 7, small: its networks on the scattered digits, the same seeds for each.

Every run is stored as it ends, with its settings, in a file of its own; a run that was stopped goes on from its
checkpoint. `results` of all runs together are plain data: what the figure draws, what the claims are judged by.
"""

import json
import math
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data import read_json
from ..files import alone, as_npz, parse_json, write_whole
from ..kernels.arguments import assign, integer, plain
from ..kernels.geometry import Array
from .loop import History, different, train
from .optimizers import RMSProp
from .records import SETTINGS, TEXT, check, rising, whole
from .schedules import cosine
from .settings import SmallRun
from .variants import VARIANTS

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
GLANCE = 0.5  # seconds between two looks at how far other processes are
FLIPS = 20  # seeds up to which all patterns of signs are tried


@dataclass(frozen=True)
class Settings(SmallRun):
    """All that a run depends on, but for its network's variant and its seed."""

    decay: float = 0.9
    epsilon: float = 1e-3
    evaluate_every: int = 50

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))


FULL = Settings()
STORED = {16: "fig07.json", 8: "fig07_8_blocks.json", 4: "fig07_4_blocks.json"}
QUICK = replace(FULL, blocks=4, steps=300, train_images=4096, test_images=512, evaluate_every=30)
SEEDS = tuple(range(100, 110))
QUICK_SEEDS = (0, 1)
COMPARISONS = (("linear", "relu6"), ("linear", "expansions"), ("linear", "none"))
"""What is compared, first minus second, decided before the seeds of `SEEDS` were run."""


def run_one(
    variant: str,
    seed: int,
    settings: Settings,
    folder: str | Path,
    *,
    keep: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """One training run, from its file where it is done, from its checkpoint where it was stopped.

    Args:
        variant: of `VARIANTS`.
        seed: of the network's first numbers and of the order of the examples.
        settings: a `Settings`.
        folder: where `variant-seed.json` is written at the end, and the checkpoint on the way.
        keep: whether the trained network is written beside it, as variant-seed.npz.
        progress: called with the number of steps done.

    Returns:
        The run as plain data: variant, seed, settings, and the lists of its `History`.

    Raises:
        TypeError: the seed is not an int.
        ValueError: the seed is below 0, a file of that name belongs to other settings (with what differs), or is no
            run; or as `train`.
        OSError: the folder cannot be written.
    """
    stored, checkpoint = Path(folder, f"{variant}-{seed}.json"), Path(folder, f"{variant}-{seed}.checkpoint.npz")
    weights = Path(folder, f"{variant}-{seed}.npz")
    seed = integer("run_one", "seed", seed, 0)
    key = {"variant": variant, "seed": seed, "settings": asdict(settings)}
    if stored.exists() and (weights.exists() or not keep):
        run = _read_run(stored, key)  # before the checkpoint goes: it is what is left where this file is damaged
        checkpoint.unlink(missing_ok=True)
        return run
    network = settings.network(variant, seed)
    history = train(
        network,
        settings.task(),
        RMSProp(network.params, decay=settings.decay, momentum=settings.momentum, epsilon=settings.epsilon),
        cosine(settings.learning_rate, settings.steps),
        steps=settings.steps,
        batch_size=settings.batch_size,
        smoothing=settings.smoothing,
        seed=seed,
        evaluate_every=settings.evaluate_every,
        checkpoint=checkpoint,
        checkpoint_every=settings.evaluate_every,
        progress=None if progress is None else lambda done, loss, history: progress(done),
    )
    if keep:
        write_whole(weights, as_npz(network.arrays()))
    run = key | history.as_dict()
    write_whole(stored, json.dumps(run))
    checkpoint.unlink(missing_ok=True)
    return run


def _read_run(path: Path, key: Mapping[str, Any]) -> dict[str, Any]:
    """A stored run, after a check that it is the one that is wanted."""
    try:
        run: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        check(run, {"variant": TEXT, "seed": whole(0), "settings": SETTINGS})
        flat = [{"variant": of["variant"], "seed": of["seed"], **of["settings"]} for of in (run, key)]
        History.from_record(run, rising(run["settings"].get("steps")))
    except ValueError as error:
        raise ValueError(f"run_one: {path} is no stored run: {error}") from error
    differences = different(*flat)
    if differences:
        raise ValueError(f"run_one: {path} is of other settings: {differences}")
    return run


class Count(NamedTuple):
    """How far `run_fig07` is, in training steps of all runs together."""

    done: int
    total: int
    made: int
    """Those of `done` that this call made: the others were stored. Time passed is to be divided by these."""


def run_fig07(
    settings: Settings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks with all seeds; those that are done are read, those that were stopped go on.

    Args:
        settings: a `Settings`.
        seeds: the same ones for each network.
        folder: for the runs' files.
        processes: how many runs go side by side, each with one thread. With more than one, a script that calls this
            needs `if __name__ == "__main__":` around it, as each process imports the script.
        progress: called with a line after every run.
        count: called with a `Count` after every step, or twice a second with more processes than one. An exception that
            it raises ends everything, and checkpoints are left to go on from; the same for Ctrl-C with more processes.

    Returns:
        Plain data: settings, networks (name and what it is), seeds, and runs, in the order of networks and seeds.

    Raises:
        TypeError: a seed or `processes` is not an int.
        ValueError: no seed, a seed twice or below 0, fewer than one process, files of other settings; what a run
            raises.
        OSError: the folder cannot be written, or another call has it; a process was killed.
    """
    seeds = [integer("run_fig07", "seed", seed, 0) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"run_fig07: seeds must be one or more, each once; got {tuple(seeds)}")
    processes = integer("run_fig07", "processes", processes)
    wanted = [(variant, seed) for seed in seeds for variant in VARIANTS]
    runs: dict[tuple[str, int], dict[str, Any]] = {}

    def note(key: tuple[str, int], run: dict[str, Any]) -> None:
        runs[key] = run
        if progress is not None:
            accuracy = run["test_accuracy"][-1]
            progress(f"[{len(runs)}/{len(wanted)}] {key[0]}, seed {key[1]}: test accuracy {accuracy:.1%}")

    for key in wanted:
        if Path(folder, f"{key[0]}-{key[1]}.json").exists():
            note(key, run_one(*key, settings, folder))
    stored, total = len(runs) * settings.steps, len(wanted) * settings.steps
    missing = [key for key in wanted if key not in runs]

    def tell(done: int, made: int) -> None:
        if count is not None:
            count(Count(stored + done, total, made))

    with alone(folder) if missing else nullcontext():
        if processes == 1:
            steps = [0, 0]
            for key in missing:
                note(key, run_one(*key, settings, folder, progress=_counter(steps, lambda: tell(*steps))))
        else:
            with closing(_side_by_side(missing, settings, folder, processes, tell)) as ended:
                for key, run in ended:
                    note(key, run)
    ordered = [runs[variant, seed] for variant in VARIANTS for seed in seeds]
    return {
        "settings": asdict(settings),
        "data": settings.task().description,
        "networks": dict(VARIANTS),
        "seeds": list(seeds),
        "numpy": np.__version__,
        "runs": [{name: value for name, value in run.items() if name != "settings"} for run in ordered],
    }


def _counter(steps: Any, then: Callable[[], None]) -> Callable[[int], None]:
    """A run's progress, counted into steps[0], those done, and steps[1], those made now and not in an earlier run."""
    last = 0

    def count(done: int) -> None:
        nonlocal last
        steps[0] += done - last  # the first time all those of its checkpoint too
        steps[1] += 1
        last = done
        then()

    return count


def _side_by_side(
    keys: Sequence[tuple[str, int]],
    settings: Settings,
    folder: str | Path,
    processes: int,
    tell: Callable[[int, int], None],
) -> Generator[tuple[tuple[str, int], dict[str, Any]], None, None]:
    """Runs in processes of their own, each as it ends. What goes wrong anywhere stops all others at their next step."""
    context = get_context("spawn")
    stop, steps = context.Event(), context.Array("q", 2)
    with (
        _environment(dict.fromkeys(THREADS, "1")),  # for the processes to come: two threads each would wait for a core
        ProcessPoolExecutor(processes, mp_context=context, initializer=_share, initargs=(stop, steps)) as pool,
    ):
        with _deaf():  # the processes inherit it: Ctrl-C reaches them too, and the first one sets the event
            jobs = {
                pool.submit(_shared_run, variant, seed, settings, folder): (variant, seed) for variant, seed in keys
            }
        try:
            while jobs:
                for job in wait(jobs, timeout=GLANCE, return_when=FIRST_COMPLETED).done:
                    yield jobs.pop(job), job.result()
                tell(*steps[:])
        except BrokenExecutor as error:
            raise OSError("run_fig07: a process was killed; what is done is kept, and another call goes on") from error
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C for a moment, where this is the thread that hears it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_shared: Any = None
"""In a process of `_side_by_side`: the event that stops it, and the counts of steps."""


def _share(stop: Any, steps: Any) -> None:
    global _shared
    _shared = stop, steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Where the first process was killed nobody sets the event, and nobody waits for what is computed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # files are written whole, at whatever moment


def _shared_run(variant: str, seed: int, settings: Settings, folder: str | Path) -> dict[str, Any]:
    stop, steps = _shared

    def end_if_stopped() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    count = _counter(steps, end_if_stopped)

    def progress(done: int) -> None:
        with steps.get_lock():
            count(done)

    return run_one(variant, seed, settings, folder, progress=progress)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def stored_results(blocks: int = FULL.blocks) -> dict[str, Any]:
    """What `run_fig07` gave for `FULL` and `SEEDS`, at one of the depths of `STORED`; it ships with the package.

    Raises ValueError for another depth.
    """
    if blocks not in STORED:
        raise ValueError(f"stored_results: blocks must be one of {', '.join(map(str, STORED))}; got {blocks!r}")
    results: dict[str, Any] = read_json(STORED[blocks])
    return results


def curves(results: Mapping[str, Any], variant: str) -> Array:
    """The test accuracies of one network, (seeds, evaluations), in the order of the seeds."""
    runs = [run for run in results["runs"] if run["variant"] == variant]
    return np.array([run["test_accuracy"] for run in sorted(runs, key=lambda run: int(run["seed"]))])


@dataclass(frozen=True)
class Comparison:
    """Two networks' final accuracies, paired by seed: first minus second."""

    first: str
    second: str
    differences: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(np.mean(self.differences))

    @property
    def interval(self) -> tuple[float, float]:
        """The mean difference's 95 % interval by Student's t."""
        count = len(self.differences)
        if count < 2:
            return -math.inf, math.inf
        half = student_t(count - 1) * float(np.std(self.differences, ddof=1)) / math.sqrt(count)
        return self.mean - half, self.mean + half

    @property
    def wins(self) -> int:
        """For how many seeds the first is better."""
        return sum(d > 0 for d in self.differences)

    @property
    def p_value(self) -> float:
        """The two-sided sign-flip test: how often signs at random give a mean as far from 0.

        Exact, with all 2ⁿ patterns of signs, up to 20 seeds; above, with all patterns of the first 20 differences, each
        with signs drawn at random (always the same ones) for the rest.
        """
        d = np.array(self.differences)
        sums = np.zeros(1)
        for each in d[:FLIPS]:
            sums = np.concatenate([sums + each, sums - each])  # (2, 4, 8, …)
        rng = np.random.default_rng(0)
        for each in d[FLIPS:]:
            sums += each * (1 - 2 * rng.integers(2, size=sums.size))
        rounding = 1e-12 * np.abs(d).sum()
        return float((np.abs(sums) >= abs(d.sum()) - rounding).mean())

    @property
    def could_tell(self) -> bool:
        """Whether so many seeds can be enough: `p_value` is 2/2ⁿ at least, which is below 0.05 from 6 on."""
        return bool(2 / 2 ** len(self.differences) < 0.05)

    @property
    def verdict(self) -> str:
        """ "first", "second" or "open": which is better by more than chance gives, at the 5 % level of `p_value`."""
        if self.p_value >= 0.05:
            return "open"
        return "first" if self.mean > 0 else "second"


def compare(results: Mapping[str, Any], first: str, second: str) -> Comparison:
    """Two networks' final accuracies, paired by seed."""
    ends = [curves(results, variant)[:, -1] for variant in (first, second)]
    return Comparison(first, second, tuple(float(d) for d in ends[0] - ends[1]))


def student_t(degrees: int, level: float = 0.975) -> float:
    """The quantile of Student's t, by bisection of its integral.

    >>> round(student_t(4), 3), round(student_t(9), 3)
    (2.776, 2.262)
    """
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def below(t: float) -> float:
        x = np.linspace(0, t, 2001)
        density = scale * (1 + x * x / degrees) ** (-(degrees + 1) / 2)
        return 0.5 + float((density[1:] + density[:-1]).sum() / 2 * (x[1] - x[0]))

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < level else (low, middle)
    return low
