"""The training loop: batches through a network, gradients back, updates; and checkpoints to continue from."""

import json
import re
import reprlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..allocator import keep_memory
from ..files import alone, as_npz, parse_json, read_npz, write_whole
from ..kernels.arguments import array_of, as_path, callables, instance, integer, plain, real
from ..kernels.geometry import Array
from ..kernels.head import softmax_cross_entropy, softmax_cross_entropy_backward
from ..layers import Layer
from .labels import smooth_labels
from .optimizers import Optimizer
from .records import SETTINGS, Rule, check, exactly, numbers, whole
from .tasks import Task, batch_at

EVALUATED_AT_ONCE = 256  # images
SAME_LOGITS = 1e-3  # of their scale: what another machine's rounding may differ by


@dataclass
class History:
    """The measurements of a run: four lists of the same length, one entry for each evaluation.

    `train_loss[i]` is the mean loss over the steps since `step[i - 1]`, with smoothed labels; test loss (in nats,
    labels as they are) and accuracy are those after step[i] steps, in inference mode.
    """

    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, list[Any]]:
        """The lists by name, as plain JSON."""
        return {name: list(values) for name, values in vars(self).items()}

    @classmethod
    def from_record(cls, record: Any, steps: Rule) -> "History":
        """A history from plain JSON, whose `step` obeys a rule; ValueError where no run can have written it."""
        check(record, {"step": steps})
        each = numbers(len(record["step"]))
        check(record, {"train_loss": each, "test_loss": each, "test_accuracy": numbers(len(record["step"]), 0, 1)})
        return cls(**{name: record[name] for name in vars(cls())})


def evaluate(network: Layer, x: Array, labels: Array) -> tuple[float, float]:
    """The mean loss in nats and the accuracy of a network in inference mode.

    x is (n, Dᵤ, Dᵤ, M), labels (n,) integers. The network is left as it is, running statistics too.

    Raises TypeError where labels are not an ndarray of integers, ValueError where there is no image, not one label for
    each, or a label that has no logit; as the network does, where images don't fit.

    >>> from npconv.models import small_mobilenet_v2
    >>> loss, accuracy = evaluate(small_mobilenet_v2(3), np.ones((2, 8, 8, 1), np.float32), np.array([0, 1]))
    >>> accuracy <= 0.5
    True
    """
    loss, right = 0.0, 0
    for part, logits in _logits("evaluate", network, x, labels):
        loss += float(softmax_cross_entropy(logits, labels[part])) * len(logits)
        right += int((logits.argmax(axis=1) == labels[part]).sum())
    return loss / len(x), right / len(x)


def confusion(network: Layer, x: Array, labels: Array, classes: int) -> Array:
    """The number of images of each class (rows) that are taken for each class (columns), (classes, classes) integers.

    x is (n, Dᵤ, Dᵤ, M), labels (n,) integers below `classes`; errors as in `evaluate`, and ValueError where the network
    doesn't return one logit a class.

    >>> from npconv.models import small_mobilenet_v2
    >>> confusion(small_mobilenet_v2(3), np.ones((2, 8, 8, 1), np.float32), np.array([0, 1]), 3).sum(axis=1)
    array([1, 1, 0])
    """
    classes = integer("confusion", "classes", classes)
    counts = np.zeros((classes, classes), np.int64)
    for part, logits in _logits("confusion", network, x, labels):
        if logits.shape[1] != classes:
            raise ValueError(f"confusion: network must return logits (B, {classes}); got {logits.shape}")
        if labels[part].min() < 0 or labels[part].max() >= classes:
            span = f"{labels.min()} to {labels.max()}"
            raise ValueError(f"confusion: labels must lie between 0 and {classes - 1}; got {span}")
        np.add.at(counts, (labels[part], logits.argmax(axis=1)), 1)
    return counts


def _logits(function: str, network: Layer, x: Array, labels: Array) -> Iterator[tuple[slice, Array]]:
    """The logits of a part of x at a time, in inference mode."""
    instance(function, "network", network, Layer)
    instance(function, "x", x, np.ndarray)
    array_of(function, "labels", labels, "iu")
    if labels.ndim != 1:
        raise ValueError(f"{function}: labels must be (n,), one for each image; got labels {labels.shape}")
    if x.shape[:1] != labels.shape or not labels.size:
        raise ValueError(
            f"{function}: x must be one image or more, each with a label; got x {x.shape}, labels {labels.shape}"
        )
    for start in range(0, len(x), EVALUATED_AT_ONCE):
        part = slice(start, start + EVALUATED_AT_ONCE)
        yield part, network.forward(x[part], training=False)


def training_step(
    network: Layer,
    optimizer: Optimizer,
    x: Array,
    labels: Array,
    *,
    classes: int,
    learning_rate: float,
    smoothing: float,
) -> float:
    """One step: forward in training mode, the loss, backward, the update. Returns the loss before the update.

    x is (B, Dᵤ, Dᵤ, M), labels (B,) integers below `classes`, smoothing the share of label smoothing.
    """
    instance("training_step", "network", network, Layer)
    _check_step("training_step", optimizer)
    logits = network.forward(x, training=True)
    targets = smooth_labels(labels, classes, smoothing, dtype=np.result_type(logits, np.float32))
    loss = float(softmax_cross_entropy(logits, targets))
    network.backward(softmax_cross_entropy_backward(1.0, logits, targets))
    optimizer.step(network.grads, learning_rate)
    return loss


def train(
    network: Layer,
    task: Task,
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    *,
    steps: int,
    batch_size: int = 64,
    smoothing: float = 0.1,
    seed: int = 0,
    evaluate_every: int = 100,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    progress: Callable[[int, float, History], None] | None = None,
) -> History:
    """Train a network in place.

    Args:
        network: a Layer whose output is logits (B, task.classes).
        task: a `Task`.
        optimizer: built on `network.params`.
        schedule: the learning rate by step, from step 0.
        steps: the number of updates.
        batch_size: B; an epoch's last, smaller batch is left out.
        smoothing: of the labels, 0 to leave them as they are.
        seed: of the order of the examples; the same seed gives the same run to the last bit on the same machine.
        evaluate_every: the steps between two evaluations of the test set, which is also evaluated after the last step.
        checkpoint: an .npz file that is written whole every `checkpoint_every` steps, at the end, and where `progress`
            raises an exception. If it exists the run continues from it, to the same bits as if it had never stopped.
            Of several processes that would write it the first one has it.
        checkpoint_every: steps.
        progress: called after every step with the number of steps done, its loss, and the history so far. An exception
            that it raises ends the run.

    Returns:
        The History.

    Raises:
        TypeError: a count that is not an int.
        ValueError: a count out of range, a network that doesn't take the task's images or doesn't return one logit a
            class, an optimizer of other parameters than the network's, a checkpoint of another run or network (with
            what differs; nothing is changed then) or damaged, or a loss or a parameter that is not finite.
        OSError: the checkpoint cannot be written, or another run has it.

    Source: the MobileNetV2 paper, section 6.1, for the loss, label smoothing as in slim.

    >>> from npconv.models import SMALL_ROWS, small_mobilenet_v2
    >>> from npconv.training import SGD, constant, digits
    >>> network = small_mobilenet_v2(10, rows=SMALL_ROWS[:1])
    >>> history = train(network, digits(), SGD(network.params, momentum=0.9), constant(0.05), steps=2, batch_size=16)
    >>> history.step
    [2]
    """
    instance("train", "network", network, Layer)
    instance("train", "task", task, Task)
    _check_step("train", optimizer)
    steps, batch_size, evaluate_every, checkpoint_every, seed = _checked_counts(
        task, steps=steps, batch_size=batch_size, evaluate_every=evaluate_every, checkpoint_every=checkpoint_every,
        seed=seed,
    )  # fmt: skip
    smoothing = real("train", "smoothing", smoothing, least=0, below=1)
    callables("train", schedule=schedule, **({} if progress is None else {"progress": progress}))
    _check_network(network, task, batch_size)
    _check_optimizer(optimizer, network)
    file = None if checkpoint is None else as_path("train", "checkpoint", checkpoint)
    keep_memory()
    run = _Run(network, task, optimizer, file, {
        "task": task.name, "images": _checksum(task), "steps": steps, "batch_size": batch_size,
        "smoothing": smoothing, "seed": seed, "evaluate_every": evaluate_every,
        "schedule": _described(schedule, steps), **_plain_settings(optimizer),
    })  # fmt: skip
    with ExitStack() as held:
        held.enter_context(np.errstate(over="ignore", invalid="ignore"))  # the loss is looked at instead
        if file is not None:
            held.enter_context(alone(file.parent, f".{file.name}.lock"))
            if file.exists() and not file.is_file():
                raise ValueError(f"train: checkpoint must be an ordinary file; got {file}")
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


class _Run:
    """The state of a run between two steps, and its checkpoint, where there is a file for it."""

    def __init__(
        self, network: Layer, task: Task, optimizer: Optimizer, file: Path | None, settings: dict[str, Any]
    ) -> None:
        self.network, self.task, self.optimizer, self.file, self.settings = network, task, optimizer, file, settings
        self.sample = task.x_test[:1]  # whose logits tell networks apart whose arrays have the same names
        self.history, self.done = History(), 0
        self.losses: list[float] = []  # since the last evaluation

    def step(self, learning_rate: float) -> float:
        """Make one step, and the evaluation that is due after it; the loss of the step."""
        task, settings = self.task, self.settings
        chosen = batch_at(len(task.x_train), settings["batch_size"], seed=settings["seed"], step=self.done)
        loss = training_step(
            self.network, self.optimizer, task.x_train[chosen], task.y_train[chosen],
            classes=task.classes, learning_rate=learning_rate, smoothing=settings["smoothing"],
        )  # fmt: skip
        _check_finite(f"the loss is {loss}", loss, self.done)
        self.losses.append(loss)
        self.done += 1
        if self.done == settings["steps"] or self.done % settings["evaluate_every"] == 0:
            test_loss, accuracy = evaluate(self.network, task.x_test, task.y_test)
            _check_finite(f"the test loss is {test_loss}", test_loss, self.done - 1)
            measured = (self.done, float(np.mean(self.losses)), test_loss, accuracy)
            for values, value in zip(vars(self.history).values(), measured, strict=True):
                values.append(value)
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
        arrays = self.arrays() | {"logits": self.network.forward(self.sample, training=False)}
        for name, a in arrays.items():  # an earlier checkpoint is better than one that no run can continue from
            _check_finite(f"not all numbers of {name} are finite", a, self.done - 1)
        write_whole(self.file, as_npz({"record": np.array(json.dumps(record)), **arrays}))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint, after a check that it belongs to this run."""
        arrays = read_npz(path)
        with _told(path):
            record, logits = _read_record(arrays), _found(arrays, "logits")
        if differences := different(record["settings"], self.settings):
            raise ValueError(
                f"train: {path} belongs to another run (without it, or under another name, a new one begins): "
                f"{differences}"
            )
        with _told(path):
            history = self._history(record)
            _check_arrays(arrays, self.arrays())
        twin = self.network.copy()
        try:
            twin.load_arrays(_under("network/", arrays))
        except ValueError as error:
            first, *more = str(error).split("; ")
            others = f", and {len(more)} more" if more else ""
            raise ValueError(f"train: {path} belongs to another network: {first}{others}") from error
        here = twin.forward(self.sample, training=False)
        scale = SAME_LOGITS * max(1.0, np.abs(logits).max(initial=0))
        if here.shape != logits.shape or not np.abs(here - logits).max() <= scale:
            raise ValueError(f"train: {path} belongs to another network: its arrays give other logits in this one")
        with _told(path):
            self.optimizer.load_state(_under("optimizer/", arrays))
        self.network.load_arrays(twin.arrays())
        self.history, self.done, self.losses = history, record["done"], record["losses"]

    def _history(self, record: Any) -> History:
        """The history in a record, after a check that its steps and measurements are those of this run."""
        steps, every = self.settings["steps"], self.settings["evaluate_every"]
        check(record, {"done": whole(1, steps)})
        done = record["done"]
        measured = [step for step in range(1, done + 1) if step % every == 0 or step == steps]
        since = done - (measured[-1] if measured else 0)
        check(record, {"losses": numbers(since)})
        return History.from_record(record.get("history"), exactly(measured))


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


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Name the file in a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"train: {path} is no checkpoint of a training run: {error}") from error


def _check_finite(words: str, numbers: Array | float, step: int) -> None:
    if not np.isfinite(numbers).all():
        raise ValueError(f"train: {words} at step {step + 1}: a smaller learning rate may help")


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


def _checked_counts(task: Task, **counts: int) -> list[int]:
    checked = {name: integer("train", name, value, 0 if name == "seed" else 1) for name, value in counts.items()}
    if checked["batch_size"] > len(task.x_train):
        raise ValueError(
            f"train: batch_size must be at most {len(task.x_train)}, the number of training images; "
            f"got {checked['batch_size']}"
        )
    return list(checked.values())


def _check_network(network: Layer, task: Task, batch_size: int) -> None:
    """Hold the network's output against the task's classes."""
    shape = (batch_size, *task.x_train.shape[1:])
    try:
        logits = network.output_shape(shape)
    except ValueError as error:
        raise ValueError(f"train: network doesn't take the images of {task.name}, {shape}: {error}") from error
    if logits != (batch_size, task.classes):
        raise ValueError(
            f"train: network must return logits (B, {task.classes}), one for each class of {task.name}; "
            f"it returns {logits} for images {shape}"
        )


def _check_step(function: str, optimizer: Any) -> None:
    if not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"{function}: optimizer must be an Optimizer, with a step; got {type(optimizer).__name__}")


def _check_optimizer(optimizer: Optimizer, network: Layer) -> None:
    """Check that the optimizer has the network's own arrays; one built on a copy would train the copy."""
    parameters = getattr(optimizer, "parameters", None)
    if parameters is None:
        return
    others = [name for name, p in network.params.items() if parameters.get(name) is not p]
    if others:
        raise ValueError(
            f"train: optimizer must be built on network.params; it has other arrays, or none, for {len(others)} of "
            f"them, {others[0]!r} first"
        )


def _described(schedule: Callable[[int], float], steps: int) -> str:
    """A schedule in words: its repr, and where that is only an object's address, a checksum of its rates."""
    words, addresses = re.subn(r" at 0x[0-9a-fA-F]+", "", repr(schedule))
    if not addresses:
        return words
    rates = np.array([schedule(step) for step in range(steps)], np.float64)
    return f"{words} with rates of checksum {zlib.crc32(rates.tobytes())}"


def _checksum(task: Task) -> int:
    """A checksum of all images and labels."""
    checksum = 0
    for a in (task.x_train, task.y_train, task.x_test, task.y_test):
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
