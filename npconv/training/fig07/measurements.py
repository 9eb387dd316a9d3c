"""Measurements of feature maps and gradients, made by `make_stored` and shipped as data.

`python -m npconv.training.fig07.measurements` makes them again: it trains nine networks, for some minutes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ...data import read_arrays, read_json
from ...data.stored import FOLDER
from ...files import as_npz, write_whole
from ...kernels.geometry import Array
from ...layers import Sequential, glorot_uniform
from ...models.small import FEW_STEPS
from ..loop import train
from ..optimizers import SGD
from ..schedules import cosine
from ..tasks import Task
from .networks import separable_network, variant_network
from .probes import NOISE, by_block, dimensions, gradient_norms, kept_accuracies, participation_ratio, spectra
from .settings import SmallRun

Runs: TypeAlias = list[dict[str, Any]]
Arrays: TypeAlias = dict[str, Array]

SUBSPACES, WEIGHTS, GRADIENTS = "feature_subspaces.json", "feature_subspaces.npz", "gradient_flow.json"
DIGITS = 6  # of stored numbers
ENOUGH = 0.02  # of test accuracy, that keeping few directions may cost
FEW = 1 / 4  # of all directions
CLASSES = 10  # digits: chance is 1 in 10
NEAR = 0.05  # of test accuracy: a network no further above chance counts as untrained


@dataclass(frozen=True)
class ProbeSettings(SmallRun):
    """The settings of the stored measurements."""

    separable_blocks: int = 3
    separable_channels: int = 96
    steps: int = 600
    learning_rate: float = 0.1
    seeds: tuple[int, ...] = (0, 1, 2)
    probed_images: int = 512  # in one batch, of which maps are taken
    counts: tuple[int, ...] = (1, 2, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96)  # of directions that are kept
    gradient_images: int = 64
    depths: tuple[int, ...] = (8, 16, 32, 64)
    first_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)  # of the networks that are not trained

    def separable(self, seed: int) -> Sequential:
        """The separable network before its training."""
        return separable_network(blocks=self.separable_blocks, channels=self.separable_channels, seed=seed)

    def trained(self, network: Sequential, task: Task, seed: int) -> tuple[Sequential, float]:
        """A trained copy of a network, and its test accuracy."""
        network = network.copy()
        history = train(
            network,
            task,
            SGD(network.params, momentum=self.momentum, nesterov=True),
            cosine(self.learning_rate, self.steps),
            steps=self.steps,
            batch_size=self.batch_size,
            smoothing=self.smoothing,
            seed=seed,
            evaluate_every=self.steps,
        )
        return network, history.test_accuracy[-1]


FULL = ProbeSettings()
UNTRAINED: dict[str, dict[str, Any]] = {
    "with batch normalisation": {"batch_norm": True, "fans": "plain"},
    "without batch normalisation": {"batch_norm": False, "fans": "plain"},
    "without batch normalisation, with Keras's fans": {"batch_norm": False, "fans": "keras"},
}
"""The networks whose gradients are measured before training; `first_norms` takes the values."""
PLACES = {"bottleneck": "", "expanded": ".expand_relu6", "filtered": ".depthwise_relu6"}
"""The places in an inverted residual where maps are taken: its output, and the wide maps behind their ReLU6."""


def sufficient(runs: Sequence[Mapping[str, Any]], counts: Sequence[int]) -> list[int]:
    """For each block the fewest principal directions from which on it loses little, in the median over stored runs.

    Little is `ENOUGH` of the test accuracy that the network has with all of them.

    >>> runs = [{"accuracy": 0.6, "kept": {"principal": [[0.3, 0.59, 0.6]]}}]
    >>> sufficient(runs, (2, 4, 8))
    [4]
    """
    kept = np.array([run["kept"]["principal"] for run in runs])  # (seeds, blocks, counts)
    lost = np.median(np.array([run["accuracy"] for run in runs])[:, np.newaxis, np.newaxis] - kept, axis=0)
    too_few = [np.flatnonzero(row > ENOUGH + NOISE) for row in lost]
    return [int(counts[few.max(initial=-1) + 1]) for few in too_few]


def learnt(accuracy: float) -> bool:
    """True for a test accuracy on the digits that is more than a few points above chance.

    >>> learnt(0.12), learnt(0.35)
    (False, True)
    """
    return accuracy > 1 / CLASSES + NEAR


def first_norms(
    variant: str,
    blocks: int,
    seed: int,
    x: Array,
    labels: Array,
    *,
    batch_norm: bool,
    fans: str = "plain",
    settings: ProbeSettings = FULL,
) -> list[float]:
    """Gradient norms by block, over the last block's, in a network that is not trained, in float64.

    With batch normalisation kernels are He's, without it they are Glorot's, and with fans="keras" as Keras draws them:
    without it the size of the numbers decides, with it it does not.
    """
    network = variant_network(
        variant,
        blocks=blocks,
        channels=settings.channels,
        expansion=settings.expansion,
        batch_norm=FEW_STEPS if batch_norm else None,
        seed=seed,
        dtype=np.float64,
    )
    if not batch_norm:
        network.initialize(seed, glorot_uniform, fans=fans)
    return relative(gradient_norms(network, x.astype(np.float64), labels))


def relative(norms: Mapping[str, float]) -> list[float]:
    """Gradient norms of the blocks, as multiples of the last one's.

    >>> relative({"first": 1.0, "block_1": 4.0, "block_2": 2.0, "pool": 1.0})
    [2.0, 1.0]
    """
    values = list(by_block(norms).values())
    return [value / values[-1] for value in values]


def stored_subspaces() -> dict[str, Any]:
    """The measurements of feature maps that ship with the package."""
    return dict(read_json(SUBSPACES))


def stored_gradients() -> dict[str, Any]:
    """The measurements of gradients that ship with the package."""
    return dict(read_json(GRADIENTS))


def stored_network() -> Sequential:
    """The trained separable network of the first seed that ships with the package."""
    network = FULL.separable(FULL.seeds[0])
    network.load_arrays(read_arrays(WEIGHTS))
    return network


def make_stored(
    settings: ProbeSettings = FULL, *, folder: str | Path = FOLDER, progress: Callable[[str], None] = lambda line: None
) -> None:
    """Train the networks of the stored measurements, probe them, and write the three files that ship.

    Args:
        settings: a `ProbeSettings`.
        folder: where the files are written, whole, at the end.
        progress: called with a line after every network.

    Raises:
        OSError: the folder cannot be written.
    """
    task = settings.task()
    about = {"settings": asdict(settings), "data": task.description, "numpy": np.__version__}
    separable, weights = _separable_runs(settings, task, progress)
    inverted, trained = _inverted_runs(settings, task, progress)
    contents: dict[str, bytes | str] = {
        SUBSPACES: _as_json(about | {"separable": separable, "inverted": inverted}),
        WEIGHTS: as_npz(weights),
        GRADIENTS: _as_json(about | {"untrained": _untrained(settings, task), "trained": trained}),
    }
    for name, content in contents.items():
        write_whole(Path(folder, name), content)


def _separable_runs(settings: ProbeSettings, task: Task, progress: Callable[[str], None]) -> tuple[Runs, Arrays]:
    """The separable networks' runs, and the weights of the first one."""
    images = task.x_test[: settings.probed_images]
    weights: Arrays = {}
    runs: Runs = []
    for seed in settings.seeds:
        first = settings.separable(seed)
        network, accuracy = settings.trained(first, task, seed)
        weights = weights or network.arrays()
        kept = {
            kind: kept_accuracies(network, task, settings.counts, images=settings.probed_images, seed=of)
            for kind, of in (("principal", None), ("random", seed))
        }
        states = {"untrained": spectra(first, images), "trained": spectra(network, images)}
        runs.append({"seed": seed, "accuracy": accuracy, **states, "kept": kept})
        progress(f"separable, seed {seed}: test accuracy {accuracy:.1%}")
    return runs, weights


def _inverted_runs(settings: ProbeSettings, task: Task, progress: Callable[[str], None]) -> tuple[Runs, Runs]:
    """The networks of inverted residuals: their feature maps, and their gradients before training and after it."""
    images, batch = task.x_test[: settings.probed_images], _gradient_batch(settings, task)
    maps: Runs = []
    gradients: Runs = []
    for variant, seed in product(("linear", "none"), settings.seeds):
        first = settings.network(variant, seed)
        network, accuracy = settings.trained(first, task, seed)
        if variant == "linear":
            states = {"untrained": first, "trained": network}
            places = {
                place: {state: _measures(spectra(each, images, ending)) for state, each in states.items()}
                for place, ending in PLACES.items()
            }
            maps.append({"seed": seed, "accuracy": accuracy, "places": places})
        times = {"before": first, "after": network}
        norms = {time: relative(gradient_norms(each, *batch)) for time, each in times.items()}
        gradients.append({"variant": variant, "seed": seed, "accuracy": accuracy, "norms": norms})
        progress(f"{variant}, seed {seed}: test accuracy {accuracy:.1%}")
    return maps, gradients


def _untrained(settings: ProbeSettings, task: Task) -> Runs:
    """The gradients of networks before training, by depth."""
    batch, runs = _gradient_batch(settings, task), []
    for kind, variant, blocks in product(UNTRAINED.values(), ("linear", "none"), settings.depths):
        norms = [first_norms(variant, blocks, s, *batch, **kind, settings=settings) for s in settings.first_seeds]
        runs.append({"variant": variant, **kind, "blocks": blocks, "norms": norms})
    return runs


def _gradient_batch(settings: ProbeSettings, task: Task) -> tuple[Array, Array]:
    return task.x_test[: settings.gradient_images], task.y_test[: settings.gradient_images]


def _measures(shares: Sequence[Array]) -> dict[str, list[float]]:
    """The sizes of spectra, by block."""
    return {
        "95 %": [dimensions(each) for each in shares],
        "99 %": [dimensions(each, 0.99) for each in shares],
        "participation ratio": [participation_ratio(each) for each in shares],
    }


def _as_json(contents: Any) -> str:
    """JSON with numbers of a few digits, arrays as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list | tuple | np.ndarray):
            return [plain(each) for each in value]
        if isinstance(value, float):
            return float(f"{value:.{DIGITS}g}")
        return value

    return json.dumps(plain(contents))


if __name__ == "__main__":
    make_stored(progress=print)
