"""The experiment behind the article's Fig. 7, small: its networks on the scattered digits, the same seeds for each.

Every run is stored when it ends, with its settings, in a file of its own; a run that was stopped continues from its
checkpoint. The results of all runs together are plain data, which the figure draws and the claims are judged by.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from ...data import read_json
from ...files import alone, as_npz, parse_json, write_whole
from ...kernels.arguments import assign, integer, plain
from ...layers import Layer
from ..loop import History, different, train
from ..optimizers import RMSProp
from ..records import SETTINGS, TEXT, check, rising, whole
from ..resumable import Curves
from ..schedules import cosine
from .processes import counter, side_by_side
from .settings import SmallRun


class Told(NamedTuple):
    """The class of a run's measurements, the one of them that is told after the run, and its name in words."""

    curves: type[Curves]
    measure: str
    words: str


class Experiment(Protocol):
    """The settings of an experiment's runs, which know its networks, its data and the training.

    `variants` are the networks' names, and what they are. A `dataclass`, whose fields are stored with each run.
    """

    variants: ClassVar[Mapping[str, str]]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def steps(self) -> int:
        """The number of training steps of a run."""

    def told(self, variant: str) -> Told:
        """The measurements of a run of a network of `variants`."""

    def task(self) -> Any:
        """The data, which have a `description`."""

    def network(self, variant: str, seed: int) -> Layer:
        """A network of `variants` before its training."""

    def train(
        self, network: Any, seed: int, *, checkpoint: Path, progress: Callable[[int, float, Any], None] | None
    ) -> Curves:
        """Train a network in place, from a checkpoint where there is one."""


@dataclass(frozen=True)
class Settings(SmallRun):
    """The settings of a run, all but its network's variant and its seed."""

    decay: float = 0.9
    epsilon: float = 1e-3
    evaluate_every: int = 50

    def __post_init__(self) -> None:
        assign(self, **plain(vars(self)))

    def told(self, variant: str) -> Told:
        """The measurements of a run, and the one that is told after it."""
        return Told(History, "test_accuracy", "test accuracy")

    def train(
        self, network: Layer, seed: int, *, checkpoint: Path, progress: Callable[[int, float, History], None] | None
    ) -> History:
        """Train a network in place, from a checkpoint where there is one."""
        return train(
            network,
            self.task(),
            RMSProp(network.params, decay=self.decay, momentum=self.momentum, epsilon=self.epsilon),
            cosine(self.learning_rate, self.steps),
            steps=self.steps,
            batch_size=self.batch_size,
            smoothing=self.smoothing,
            seed=seed,
            evaluate_every=self.evaluate_every,
            checkpoint=checkpoint,
            checkpoint_every=self.evaluate_every,
            progress=progress,
        )


FULL = Settings()
STORED = {16: "fig07.json", 8: "fig07_8_blocks.json", 4: "fig07_4_blocks.json"}
QUICK = replace(FULL, blocks=4, steps=300, train_images=4096, test_images=512, evaluate_every=30)
SEEDS = tuple(range(100, 110))
QUICK_SEEDS = (0, 1)


def run_one(
    variant: str,
    seed: int,
    settings: Experiment,
    folder: str | Path,
    *,
    keep: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """One training run: read from its file if it is done, continued from its checkpoint if it was stopped.

    Args:
        variant: of the settings' `variants`.
        seed: of the network's initial parameters and of the order of the examples.
        settings: a `Settings`, or those of another experiment on such networks.
        folder: for `variant-seed.json`, written at the end, and for the checkpoint until then.
        keep: whether the trained network is written too, as variant-seed.npz.
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
        run = _read_run(stored, key, settings.told(variant).curves)  # raises if damaged: the checkpoint is needed then
        checkpoint.unlink(missing_ok=True)
        return run
    network = settings.network(variant, seed)
    told = None if progress is None else lambda done, loss, history: progress(done)
    history = settings.train(network, seed, checkpoint=checkpoint, progress=told)
    if keep:
        write_whole(weights, as_npz(network.arrays()))
    run = key | history.as_dict()
    write_whole(stored, json.dumps(run))
    checkpoint.unlink(missing_ok=True)
    return run


def _read_run(path: Path, key: Mapping[str, Any], curves: type[Curves]) -> dict[str, Any]:
    """A stored run, after a check that it is the one that is wanted."""
    try:
        run: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        check(run, {"variant": TEXT, "seed": whole(0), "settings": SETTINGS})
        flat = [{"variant": of["variant"], "seed": of["seed"], **of["settings"]} for of in (run, key)]
        curves.from_record(run, rising(run["settings"].get("steps")))
    except ValueError as error:
        raise ValueError(f"run_one: {path} is no stored run: {error}") from error
    differences = different(*flat)
    if differences:
        raise ValueError(f"run_one: {path} is of other settings: {differences}")
    return run


class Count(NamedTuple):
    """The progress of `run_experiment`, in training steps of all runs together."""

    done: int
    total: int
    made: int
    """The steps that this call made; the others of `done` were stored. Use these to estimate the time left."""


def run_fig07(
    settings: Settings = FULL,
    seeds: Sequence[int] = SEEDS,
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks with all seeds; runs that are done are read, runs that were stopped continue.

    Args:
        settings: a `Settings`.
        seeds: the same ones for each network.
        folder: for the runs' files.
        processes: how many runs go side by side, each with one thread. With more than one, a script that calls this
            needs `if __name__ == "__main__":` around it, as each process imports the script.
        progress: called with a line after every run.
        count: called with a `Count` after every step, or twice a second with more processes than one. An exception that
            it raises ends all runs, and checkpoints stay, to continue from; so does Ctrl-C with more processes.

    Returns:
        Plain data: settings, networks (name and what it is), seeds, and runs, in the order of networks and seeds.

    Raises:
        TypeError: a seed or `processes` is not an int.
        ValueError: no seed, a seed twice or below 0, fewer than one process, files of other settings; what a run
            raises.
        OSError: the folder cannot be written, or another call has it; a process was killed.
    """
    return run_experiment(
        "run_fig07", settings, seeds, folder=folder, processes=processes, progress=progress, count=count
    )


def run_experiment(
    function: str,
    settings: Experiment,
    seeds: Sequence[int],
    *,
    folder: str | Path,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    count: Callable[[Count], None] | None = None,
) -> dict[str, Any]:
    """All networks of the settings' `variants` with all seeds: `run_fig07`, for other experiments too.

    `function` begins the errors; the rest, the result and the errors are those of `run_fig07`.
    """
    seeds = [integer(function, "seed", seed, 0) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"{function}: seeds must be one or more, each once; got {tuple(seeds)}")
    processes = integer(function, "processes", processes)
    wanted = [(variant, seed) for seed in seeds for variant in settings.variants]
    runs: dict[tuple[str, int], dict[str, Any]] = {}

    def note(key: tuple[str, int], run: dict[str, Any]) -> None:
        runs[key] = run
        if progress is not None:
            _, measure, words = settings.told(key[0])
            progress(f"[{len(runs)}/{len(wanted)}] {key[0]}, seed {key[1]}: {words} {run[measure][-1]:.1%}")

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
                note(key, run_one(*key, settings, folder, progress=counter(steps, lambda: tell(*steps))))
        else:
            jobs = {key: partial(run_one, *key, settings, folder) for key in missing}
            with closing(side_by_side(jobs, processes, tell, function)) as ended:
                for key, run in ended:
                    note(key, run)
    ordered = [runs[variant, seed] for variant in settings.variants for seed in seeds]
    return {
        "settings": asdict(settings),
        "data": settings.task().description,
        "networks": dict(settings.variants),
        "seeds": list(seeds),
        "numpy": np.__version__,
        "runs": [{name: value for name, value in run.items() if name != "settings"} for run in ordered],
    }


def stored_results(blocks: int = FULL.blocks) -> dict[str, Any]:
    """The results of `run_fig07` for `FULL` and `SEEDS`, at one of the depths of `STORED`; they ship with the package.

    Raises ValueError for another depth.
    """
    if blocks not in STORED:
        raise ValueError(f"stored_results: blocks must be one of {', '.join(map(str, STORED))}; got {blocks!r}")
    return dict(read_json(STORED[blocks]))
