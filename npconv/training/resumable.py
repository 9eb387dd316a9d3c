"""The loop that all trainings share: steps, measurements, and checkpoints to continue from to the same bits."""

import json
import re
import reprlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ..allocator import keep_memory
from ..files import alone, as_npz, parse_json, read_npz, write_whole
from ..kernels.arguments import as_path, callables, integer, plain
from ..kernels.geometry import Array
from ..layers import Layer
from .optimizers import Optimizer
from .records import SETTINGS, Rule, check, exactly, numbers, whole
from .tasks import batch_at

SAME_OUTPUTS = 1e-3  # of their scale: what another machine's rounding may differ by

SomeCurves = TypeVar("SomeCurves", bound="Curves")


@dataclass
class Curves:
    """The measurements of a run: lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean loss over the steps since `step[i - 1]`. What is measured in inference mode after
    step[i] steps has lists of its own in each subclass; those of `SHARES` lie between 0 and 1.
    """

    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    SHARES: ClassVar[tuple[str, ...]] = ()

    def as_dict(self) -> dict[str, list[Any]]:
        """The lists by name, as plain JSON."""
        return {name: list(values) for name, values in vars(self).items()}

    @classmethod
    def from_record(cls: type[SomeCurves], record: Any, steps: Rule) -> SomeCurves:
        """A history from plain JSON, whose `step` obeys a rule; ValueError where no run can have written it."""
        check(record, {"step": steps})
        count = len(record["step"])
        names = [name for name in vars(cls()) if name != "step"]
        check(record, {name: numbers(count, 0, 1) if name in cls.SHARES else numbers(count) for name in names})
        return cls(**{name: record[name] for name in ("step", *names)})


class Objective(Generic[SomeCurves]):
    """The objective of a run: the network, its data, its step, and its measurements.

    `task` has a name, and images (n, H, W, C) as `x_train` and `x_test`; `arrays` are all that is learnt from or
    measured on, `settings` what the objective adds to those of a run, and `curves` is the class of its measurements.
    """

    curves: type[SomeCurves]

    def __init__(self, network: Layer, task: Any, arrays: Iterable[Array], settings: dict[str, Any]) -> None:
        self.network, self.task, self.arrays, self.settings = network, task, arrays, settings
        self.sample: Array = task.x_test[:1]

    def check_outputs(self, function: str, images: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        """Refuse a network whose outputs, of that shape for such images, the data don't need, by a ValueError."""
        raise NotImplementedError

    def step(self, optimizer: Optimizer, chosen: Array, learning_rate: float) -> float:
        """Make one step on the chosen images. Returns the loss before it."""
        raise NotImplementedError

    def measure(self) -> dict[str, float]:
        """The measurements in inference mode, by the names of `curves`."""
        raise NotImplementedError


def train_for(
    function: str,
    objective: Objective[SomeCurves],
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    *,
    steps: int,
    batch_size: int,
    seed: int,
    evaluate_every: int,
    checkpoint: str | Path | None,
    checkpoint_every: int,
    progress: Callable[[int, float, SomeCurves], None] | None,
) -> SomeCurves:
    """Train an objective's network in place. Returns the measurements.

    `function` begins the errors; these and all other arguments are as in `train`.
    """
    check_step(function, optimizer)
    counts = {"steps": steps, "batch_size": batch_size, "evaluate_every": evaluate_every}
    counts |= {"checkpoint_every": checkpoint_every, "seed": seed}
    steps, batch_size, evaluate_every, checkpoint_every, seed = _checked_counts(
        function, len(objective.task.x_train), counts
    )
    callables(function, schedule=schedule, **({} if progress is None else {"progress": progress}))
    _check_network(function, objective, batch_size)
    _check_optimizer(function, optimizer, objective.network)
    file = None if checkpoint is None else as_path(function, "checkpoint", checkpoint)
    keep_memory()
    run = _Run(function, objective, optimizer, file, {
        "task": objective.task.name, "images": _checksum(objective.arrays), "steps": steps, "batch_size": batch_size,
        **objective.settings, "seed": seed, "evaluate_every": evaluate_every,
        "schedule": _described(schedule, steps), **_plain_settings(optimizer),
    })  # fmt: skip
    with ExitStack() as held:
        held.enter_context(np.errstate(over="ignore", invalid="ignore"))  # the loss is looked at instead
        if file is not None:
            held.enter_context(alone(file.parent, f".{file.name}.lock"))
            if file.exists() and not file.is_file():
                raise ValueError(f"{function}: checkpoint must be an ordinary file; got {file}")
            if file.exists():
                run.resume(file)
        while run.done < steps:
            loss = run.step(schedule(run.done))
            due = run.done == steps or run.done % checkpoint_every == 0
            if due:
                run.write()
            try:
                if progress is not None:
                    progress(run.done, loss, run.history)
            except BaseException:
                if not due:
                    run.write()
                raise
    return run.history


class _Run(Generic[SomeCurves]):
    """The state of a run between two steps, and its checkpoint, where there is a file for it."""

    def __init__(
        self,
        function: str,
        objective: Objective[SomeCurves],
        optimizer: Optimizer,
        file: Path | None,
        settings: dict[str, Any],
    ) -> None:
        self.function, self.objective, self.network, self.optimizer = function, objective, objective.network, optimizer
        self.file, self.settings = file, settings
        self.history, self.done = objective.curves(), 0
        self.losses: list[float] = []  # since the last evaluation

    def step(self, learning_rate: float) -> float:
        """Make one step, and the evaluation that is due after it; the loss of the step."""
        objective, settings = self.objective, self.settings
        chosen = batch_at(len(objective.task.x_train), settings["batch_size"], seed=settings["seed"], step=self.done)
        loss = objective.step(self.optimizer, chosen, learning_rate)
        self._check_finite(f"the loss is {loss}", loss, self.done)
        self.losses.append(loss)
        self.done += 1
        if self.done == settings["steps"] or self.done % settings["evaluate_every"] == 0:
            measured = objective.measure()
            for name, value in measured.items():
                self._check_finite(f"the {name.replace('_', ' ')} is {value}", value, self.done - 1)
            measured |= {"step": self.done, "train_loss": float(np.mean(self.losses))}
            for name, values in vars(self.history).items():
                values.append(measured[name])
            self.losses.clear()
        return loss

    def arrays(self) -> dict[str, Array]:
        """The arrays of the network and of the optimizer's state, by the names that they have in a checkpoint."""
        arrays = {f"network/{name}": a for name, a in self.network.arrays().items()}
        return arrays | {f"optimizer/{name}": a for name, a in self.optimizer.state.items()}

    def write(self) -> None:
        if self.file is None:
            return
        record = {
            "settings": self.settings,
            "done": self.done,
            "losses": self.losses,
            "history": self.history.as_dict(),
        }
        arrays = self.arrays() | {"logits": self.network.forward(self.objective.sample, training=False)}
        for name, a in arrays.items():  # an earlier checkpoint is better than one that no run can continue from
            self._check_finite(f"not all numbers of {name} are finite", a, self.done - 1)
        write_whole(self.file, as_npz({"record": np.array(json.dumps(record)), **arrays}))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint, after a check that it belongs to this run."""
        arrays = read_npz(path)
        with self._told(path):
            record, logits = _read_record(arrays), _found(arrays, "logits")
        if differences := different(record["settings"], self.settings):
            raise ValueError(
                f"{self.function}: {path} belongs to another run (without it, or under another name, a new one "
                f"begins): {differences}"
            )
        with self._told(path):
            history = self._history(record)
            _check_arrays(arrays, self.arrays())
        twin = self.network.copy()
        try:
            twin.load_arrays(_under("network/", arrays))
        except ValueError as error:
            first, *more = str(error).split("; ")
            others = f", and {len(more)} more" if more else ""
            raise ValueError(f"{self.function}: {path} belongs to another network: {first}{others}") from error
        here = twin.forward(self.objective.sample, training=False)
        scale = SAME_OUTPUTS * max(1.0, np.abs(logits).max(initial=0))
        if here.shape != logits.shape or not np.abs(here - logits).max() <= scale:
            raise ValueError(
                f"{self.function}: {path} belongs to another network: its arrays give other logits in this one"
            )
        with self._told(path):
            self.optimizer.load_state(_under("optimizer/", arrays))
        self.network.load_arrays(twin.arrays())
        self.history, self.done, self.losses = history, record["done"], record["losses"]

    def _history(self, record: Any) -> SomeCurves:
        """The history in a record, after a check that its steps and measurements are those of this run."""
        steps, every = self.settings["steps"], self.settings["evaluate_every"]
        check(record, {"done": whole(1, steps)})
        done = record["done"]
        measured = [step for step in range(1, done + 1) if step % every == 0 or step == steps]
        since = done - (measured[-1] if measured else 0)
        check(record, {"losses": numbers(since)})
        return self.objective.curves.from_record(record.get("history"), exactly(measured))

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        """Name the file in a ValueError."""
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{self.function}: {path} is no checkpoint of a training run: {error}") from error

    def _check_finite(self, words: str, numbers: Array | float, step: int) -> None:
        if not np.isfinite(numbers).all():
            raise ValueError(f"{self.function}: {words} at step {step + 1}: a smaller learning rate may help")


def _read_record(arrays: Mapping[str, Array]) -> Any:
    """The record in a checkpoint's arrays, with settings that can be compared."""
    record = parse_json(str(_found(arrays, "record")))
    check(record, {"settings": SETTINGS})
    return record


def _found(arrays: Mapping[str, Array], name: str) -> Array:
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    return arrays[name]


def _check_arrays(arrays: Mapping[str, Array], own: Mapping[str, Array]) -> None:
    """Hold a checkpoint's arrays against a run's own: of the same kind, and finite."""
    for name, a in arrays.items():
        if name == "record":
            continue
        dtype = own[name].dtype if name in own else a.dtype
        if a.dtype.kind not in "iuf" or not np.can_cast(a.dtype, dtype, "equiv"):
            raise ValueError(
                f"{name} must hold numbers of {own[name].dtype if name in own else 'a float'}; got {a.dtype}"
            )
        if not np.isfinite(a).all():
            raise ValueError(f"{name} must hold finite numbers; got NaN or infinity")


def different(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The differences between stored and wanted settings in words; "" if there are none.

    >>> different({"seed": 1, "steps": 5}, {"seed": 2, "steps": 5})
    'seed is 1 there and 2 here'
    """
    absent, differing = object(), []
    for name in dict.fromkeys((*here, *there)):
        values = [settings.get(name, absent) for settings in (there, here)]
        if values[0] != values[1] or isinstance(values[0], bool) != isinstance(values[1], bool):
            one, other = (
                "absent" if value is absent else reprlib.repr(value) if isinstance(value, dict) else repr(value)
                for value in values
            )
            differing.append(f"{name} is {one} there and {other} here")
    return "; ".join(differing)


def _checked_counts(function: str, images: int, counts: Mapping[str, int]) -> list[int]:
    checked = {name: integer(function, name, value, 0 if name == "seed" else 1) for name, value in counts.items()}
    if checked["batch_size"] > images:
        raise ValueError(
            f"{function}: batch_size must be at most {images}, the number of training images; "
            f"got {checked['batch_size']}"
        )
    return list(checked.values())


def check_step(function: str, optimizer: Any) -> None:
    """Refuse what is no optimizer, by a TypeError."""
    if not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"{function}: optimizer must be an Optimizer, with a step; got {type(optimizer).__name__}")


def check_classes(function: str, classes: int, task: Any) -> None:
    """Refuse a network of other classes than a task's, by a ValueError."""
    if classes != task.classes:
        raise ValueError(
            f"{function}: network must have {task.classes} classes, the background and those of {task.name}; "
            f"got {classes}"
        )


def _check_network(function: str, objective: Objective[Any], batch_size: int) -> None:
    """Check that the network takes the images, and gives what their data need."""
    task = objective.task
    shape = (batch_size, *task.x_train.shape[1:])
    try:
        outputs = objective.network.output_shape(shape)
    except ValueError as error:
        raise ValueError(f"{function}: network doesn't take the images of {task.name}, {shape}: {error}") from error
    objective.check_outputs(function, shape, outputs)


def _check_optimizer(function: str, optimizer: Optimizer, network: Layer) -> None:
    """Check that the optimizer has the network's own arrays; one built on a copy would train the copy."""
    parameters = getattr(optimizer, "parameters", None)
    if parameters is None:
        return
    others = [name for name, p in network.params.items() if parameters.get(name) is not p]
    if others:
        raise ValueError(
            f"{function}: optimizer must be built on network.params; it has other arrays, or none, for "
            f"{len(others)} of them, {others[0]!r} first"
        )


def _described(schedule: Callable[[int], float], steps: int) -> str:
    """A schedule in words: its repr, and where that is only an object's address, a checksum of its rates."""
    words, addresses = re.subn(r" at 0x[0-9a-fA-F]+", "", repr(schedule))
    if not addresses:
        return words
    rates = np.array([schedule(step) for step in range(steps)], np.float64)
    return f"{words} with rates of checksum {zlib.crc32(rates.tobytes())}"


def _checksum(arrays: Iterable[Array]) -> int:
    """A checksum of all the data."""
    checksum = 0
    for a in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(a).data, checksum)
    return checksum


def _plain_settings(optimizer: Optimizer) -> dict[str, Any]:
    """An optimiser without its arrays: its kind, and all of its attributes that JSON can hold."""
    settings: dict[str, Any] = {"optimizer": type(optimizer).__name__}
    for name, value in plain(vars(optimizer)).items():
        values = value.values() if isinstance(value, dict) else [value]
        if name != "state" and all(isinstance(v, bool | int | float | str) for v in values):
            settings[f"optimizer.{name}"] = value
    return settings


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
