"""Looks into networks: in how many dimensions their features live, and how gradients come through their depth.

What needs trained networks ships as data, which `make_stored` has measured. `python -m npconv.training.probes` does it
again: nine networks are trained, for some minutes.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import read_arrays, read_json
from ..data.stored import FOLDER
from ..files import as_npz, write_whole
from ..kernels.arguments import generator, integer, real
from ..kernels.geometry import Array
from ..kernels.head import softmax_cross_entropy_backward
from ..layers import (
    Conv2D,
    Dense,
    DepthwiseSeparable,
    GlobalAveragePool,
    Layer,
    Sequential,
    glorot_uniform,
)
from ..layers.blocks import normalised
from ..models.small import FEW_STEPS
from .loop import evaluate, train
from .optimizers import SGD
from .schedules import cosine
from .settings import SmallRun
from .tasks import Task
from .variants import MOST_BLOCKS, variant_network

SUBSPACES, WEIGHTS, GRADIENTS = "feature_subspaces.json", "feature_subspaces.npz", "gradient_flow.json"
DIGITS = 6  # of stored numbers
ENOUGH = 0.02  # of test accuracy, that keeping few directions may cost
FEW = 1 / 4  # of all directions
CLASSES = 10  # digits: chance is one in so many
NEAR = 0.05  # of test accuracy: what is no further above chance has not learnt
NOISE = 1e-12  # a share of the variance that is rounding's


def block_outputs(network: Sequential, x: Array, *, training: bool = False) -> dict[str, Array]:
    """All feature maps of a network on x by name, those inside its blocks too: "block_1.expand_relu6", "block_1".

    Args:
        network: a `Sequential`, which is left as it was, its running statistics too.
        x: (B, Dᵤ, Dᵤ, M).
        training: whether batch normalisation takes the batch's statistics, as it must in a network whose running ones
            mean nothing because it was never trained.

    Returns:
        The outputs (B, h, w, channels) of all layers, in the order of forward, the inner ones of a block before its
        own; outputs that are no maps, behind the pool, are left out.

    >>> from npconv.training.variants import variant_network
    >>> maps = block_outputs(variant_network("linear", blocks=1), np.ones((2, 12, 16, 1), np.float32))
    >>> maps["block_1.expand_relu6"].shape, maps["block_1"].shape
    ((2, 3, 4, 36), (2, 3, 4, 6))
    """
    found: dict[str, Array] = {}
    twin = network.copy()
    for name, layer in twin.layers.items():
        x = _outputs(layer, x, training, name, found)
    return {name: maps for name, maps in found.items() if maps.ndim == 4}


def _outputs(layer: Layer, x: Array, training: bool, name: str, found: dict[str, Array]) -> Array:
    """A layer's output, entered under its name after those of the layers in it."""
    y = x
    if isinstance(layer, Sequential):
        for inner, each in layer.layers.items():
            y = _outputs(each, y, training, f"{name}.{inner}", found)
    if type(layer).forward is not Sequential.forward:  # a layer of its own, or more than its layers in a row
        y = layer.forward(x, training)
    found[name] = y
    return y


def spectrum(maps: Array) -> Array:
    """How the variance of feature maps is shared among their principal directions, (channels,), falling, of sum 1.

    The maps are (…, channels): every position of every image is one vector. The shares are the eigenvalues of the
    vectors' covariance, divided by their sum.

    Raises ValueError where there is only one vector, or all are the same.

    >>> spectrum(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]])).tolist()
    [0.8, 0.2]
    """
    eigenvalues = np.linalg.eigvalsh(_covariance("spectrum", maps)[1])[::-1]
    eigenvalues = np.maximum(eigenvalues, 0)
    shares: Array = eigenvalues / eigenvalues.sum()
    return shares


def principal_directions(maps: Array) -> tuple[Array, Array]:
    """The mean (channels,) of feature maps, and their principal directions, the columns (channels, channels), in order.

    Raises ValueError as `spectrum`.

    >>> mean, directions = principal_directions(np.array([[1.0, 5.0], [1.0, 7.0], [1.0, 3.0]]))
    >>> mean.tolist(), np.abs(directions[:, 0]).tolist()
    ([1.0, 5.0], [0.0, 1.0])
    """
    mean, covariance = _covariance("principal_directions", maps)
    return mean, np.linalg.eigh(covariance)[1][:, ::-1]


def _covariance(function: str, maps: Array) -> tuple[Array, Array]:
    """The mean and the covariance of vectors (…, channels)."""
    vectors = maps.reshape(-1, maps.shape[-1]).astype(np.float64)  # (n, channels)
    mean = vectors.mean(axis=0)
    vectors -= mean
    if not vectors.any():
        raise ValueError(f"{function}: maps must hold vectors that differ; got maps {maps.shape}, all vectors the same")
    return mean, vectors.T @ vectors / len(vectors)


def dimensions(shares: Array, share: float = 0.95) -> int:
    """How many principal directions hold so large a share of the variance; `shares` as `spectrum` gives them.

    Raises ValueError where share is not above 0 and at most 1.

    >>> dimensions(np.array([0.5, 0.375, 0.125]), 0.875)
    2
    """
    share = real("dimensions", "share", share, above=0, most=1)
    return int((np.cumsum(shares) < share - NOISE).sum()) + 1


def participation_ratio(shares: Array) -> float:
    """An effective number of dimensions, 1/Σ shares²: M where M directions share the variance evenly, 1 if one has all.

    >>> participation_ratio(np.array([0.25, 0.25, 0.25, 0.25]))
    4.0
    """
    return float(shares.sum() ** 2 / (shares**2).sum())


class Subspace(Layer):
    """The nearest point of a subspace, for each position of a feature map: mean + (x − mean) · D · Dᵀ.

    `mean` is (channels,), `directions` D is (channels, d) with orthonormal columns. They are state, and are not learnt.

    Raises ValueError where the shapes do not fit.

    >>> Subspace(np.array([0.0, 1.0]), np.array([[1.0], [0.0]])).forward(np.array([[3.0, 5.0]]))
    array([[3., 1.]])
    """

    def __init__(self, mean: Array, directions: Array) -> None:
        super().__init__()
        if mean.ndim != 1 or directions.ndim != 2 or len(directions) != len(mean):
            raise ValueError(
                f"Subspace: mean must be (channels,) and directions (channels, d); got mean {mean.shape}, "
                f"directions {directions.shape}"
            )
        self.state = {"mean": mean.copy(), "directions": directions.copy()}

    def forward(self, x: Array, training: bool = False) -> Array:
        """The projection of x (…, channels), the same in both modes."""
        mean, directions = self.state.values()
        self._saved = x
        y: Array = mean + (x - mean) @ directions @ directions.T
        return y

    def backward(self, dy: Array) -> Array:
        """The projection of dy, without the mean."""
        self._remember()
        directions = self.state["directions"]
        dx: Array = dy @ directions @ directions.T
        return dx


def subspace(maps: Array, count: int, *, rng: np.random.Generator | None = None) -> Subspace:
    """The layer that keeps of feature maps like these their mean and so many directions about it.

    Args:
        maps: (…, channels), from which the mean and the principal directions are taken.
        count: d, how many of the principal directions are kept: the first ones.
        rng: with a generator, as many random directions are kept instead.

    Returns:
        A `Subspace`, of the maps' dtype.

    Raises:
        ValueError: a count that is not from 1 to the channels; as `spectrum`.

    >>> maps = np.array([[0.0, 1.0], [2.0, 1.0]])
    >>> subspace(maps, 1).forward(np.array([[7.0, 7.0]]))
    array([[7., 1.]])
    """
    mean, directions = principal_directions(maps)
    count = integer("subspace", "count", count, 1, len(mean))
    if rng is not None:
        directions = np.linalg.qr(rng.standard_normal(directions.shape))[0]
    return Subspace(mean.astype(maps.dtype), directions[:, :count].astype(maps.dtype))


def classifier_directions(kernel: Array) -> Array:
    """The directions of features on which a linear classifier's decision depends, (channels, at most classes - 1).

    What all logits have in common decides nothing, so these are the left singular vectors of the kernel (channels,
    classes) after each row's mean is taken off. A mean pool before the classifier reads the same directions of a map:
    features that are projected on them keep every decision, however many directions their variance fills.

    >>> np.abs(classifier_directions(np.array([[1.0, 3.0], [2.0, 2.0], [5.0, 5.0]]))).round(9).tolist()
    [[1.0], [0.0], [0.0]]
    """
    left, values, _ = np.linalg.svd(kernel - kernel.mean(axis=1, keepdims=True), full_matrices=False)
    directions: Array = left[:, values > len(kernel) * np.finfo(kernel.dtype).eps * np.linalg.norm(kernel)]
    return directions


def gradient_norms(network: Sequential, x: Array, labels: Array) -> dict[str, float]:
    """The norm of the loss's gradient with respect to the output of each layer of a network, in the order of forward.

    Args:
        network: a `Sequential` with logits (B, classes) at its end, which is left as it was.
        x: (B, Dᵤ, Dᵤ, M).
        labels: (B,) integers.

    Returns:
        For each of the network's own layers (a block counts as one) the Frobenius norm over the whole batch of the
        gradient of the mean cross-entropy, in training mode. In the variant "expansions" of `variant_network` the
        places between_1, between_2, … lie at the wide ends, behind the ReLU6.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", that shortcuts let gradients flow.

    >>> from npconv.training.variants import variant_network
    >>> x = np.random.default_rng(0).standard_normal((4, 12, 16, 1))
    >>> list(gradient_norms(variant_network("none", blocks=2), x, np.array([1, 2, 3, 4])))[3:5]
    ['first', 'block_1']
    """
    twin = network.copy()
    logits = twin.forward(x, training=True)
    dy = softmax_cross_entropy_backward(1.0, logits, labels)
    norms: dict[str, float] = {}
    for name, layer in reversed(twin.layers.items()):
        norms[name] = float(np.linalg.norm(dy.astype(np.float64)))
        dy = layer.backward(dy)
    return dict(reversed(norms.items()))


def by_block(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of values by layer, those of the equal blocks: block_1, block_2, … , or between_1, … of "expansions".

    >>> by_block({"stem": 1, "block_1.expand": 2, "block_1": 3, "block_2": 4, "pool": 5})
    {'block_1': 3, 'block_2': 4}
    """
    return {name: value for name, value in values.items() if re.fullmatch(r"(block|between)_\d+", name)}


def separable_network(
    *,
    blocks: int,
    channels: int,
    stem_channels: int = 16,
    classes: int = 10,
    in_channels: int = 1,
    batch_norm: Mapping[str, Any] | None = FEW_STEPS,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """A small network of depthwise separable convolutions, equally wide: no layer inside it is a narrow one.

    A standard 3×3 convolution of stride 2, a separable one of stride 2, then `blocks` equal separable ones from
    `channels` to `channels`, with ReLU6 after each half, the pool and the classifier. The classifier reads no more than
    `classes` - 1 directions of the last block (`classifier_directions`).

    Args:
        blocks: how many equal ones.
        channels: their M and N.
        stem_channels: of the first convolution.
        classes, in_channels, batch_norm, seed, dtype: as in `variant_network`.

    Returns:
        A `Sequential`.

    Raises:
        TypeError, ValueError: as `DepthwiseSeparable`; fewer than one block.

    Source: the article's "Depth-wise Separable Convolutions"; a short MobileNetV1.

    >>> separable_network(blocks=2, channels=8).forward(np.ones((2, 12, 16, 1), np.float32)).shape
    (2, 10)
    """
    blocks = integer("separable_network", "blocks", blocks, most=MOST_BLOCKS)
    rng = generator("separable_network", seed)
    options: dict[str, Any] = {"batch_norm": batch_norm, "seed": rng, "dtype": dtype}
    stem = Conv2D(in_channels, stem_channels, 3, stride=2, padding="same", seed=rng, dtype=dtype)
    layers = normalised("stem", stem, batch_norm, "relu6")
    layers["first"] = DepthwiseSeparable(stem_channels, channels, 2, **options)
    for number in range(blocks):
        layers[f"block_{number + 1}"] = DepthwiseSeparable(channels, channels, **options)
    classifier = Dense(channels, classes, seed=rng, dtype=dtype)
    return Sequential(layers | {"pool": GlobalAveragePool(), "classifier": classifier})


@dataclass(frozen=True)
class Settings(SmallRun):
    """All that the stored measurements depend on."""

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


FULL = Settings()
UNTRAINED: dict[str, dict[str, Any]] = {
    "with batch normalisation": {"batch_norm": True, "fans": "plain"},
    "without batch normalisation": {"batch_norm": False, "fans": "plain"},
    "without batch normalisation, with Keras's fans": {"batch_norm": False, "fans": "keras"},
}
"""The networks whose gradients are measured before training; `first_norms` takes the values."""
PLACES = {"bottleneck": "", "expanded": ".expand_relu6", "filtered": ".depthwise_relu6"}
"""Where maps are taken in an inverted residual: its output, and the wide maps behind their ReLU6."""


def spectra(network: Sequential, x: Array, ending: str = "") -> list[Array]:
    """The `spectrum` of each block's output, or of its inner maps of that ending, with the batch's statistics.

    >>> x = np.random.default_rng(0).standard_normal((2, 12, 16, 1)).astype(np.float32)
    >>> [shares.shape for shares in spectra(separable_network(blocks=2, channels=8), x)]
    [(8,), (8,)]
    """
    maps = block_outputs(network, x, training=True)
    return [spectrum(maps[f"{name}{ending}"]) for name in by_block(maps)]


def kept_accuracies(
    network: Sequential, task: Task, counts: Sequence[int], *, images: int, seed: int | None = None
) -> list[list[float]]:
    """The test accuracy of a network where one block's output keeps so many directions: by block, for each count.

    The directions are those of `images` training images; with a `seed`, random ones instead. Nothing is trained again.
    """
    maps = by_block(block_outputs(network, task.x_train[:images]))
    rng = None if seed is None else generator("kept_accuracies", seed)
    accuracies: list[list[float]] = []
    after, x = dict(network.copy().layers), task.x_test
    for name in maps:
        while name in after:  # the maps up to this block are the same for all counts
            x = after.pop(next(iter(after))).forward(x)
        kept = [Sequential({"subspace": subspace(maps[name], count, rng=rng), **after}) for count in counts]
        accuracies.append([evaluate(each, x, task.y_test)[1] for each in kept])
    return accuracies


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
    """Whether a test accuracy on the digits is more than a few points above chance.

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
    settings: Settings = FULL,
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
    """What `make_stored` measured of feature maps, for the settings that ship with the package."""
    measured: dict[str, Any] = read_json(SUBSPACES)
    return measured


def stored_gradients() -> dict[str, Any]:
    """What `make_stored` measured of gradients, for the settings that ship with the package."""
    measured: dict[str, Any] = read_json(GRADIENTS)
    return measured


def stored_network() -> Sequential:
    """The trained separable network of the first seed that ships with the package."""
    network = FULL.separable(FULL.seeds[0])
    network.load_arrays(read_arrays(WEIGHTS))
    return network


def make_stored(
    settings: Settings = FULL, *, folder: str | Path = FOLDER, progress: Callable[[str], None] = lambda line: None
) -> None:
    """Train the networks of the stored measurements, probe them, and write the three files that ship.

    Args:
        settings: a `Settings`.
        folder: where the files are written, whole, at the end.
        progress: called with a line after every network.

    Raises:
        OSError: the folder cannot be written.
    """
    task = settings.task()
    images = task.x_test[: settings.probed_images]
    batch = images[: settings.gradient_images], task.y_test[: settings.gradient_images]
    about = {"settings": asdict(settings), "data": task.description, "numpy": np.__version__}
    runs, weights = _separable_runs(settings, task, progress)
    inverted: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for variant in ("linear", "none"):
        for seed in settings.seeds:
            first = settings.network(variant, seed)
            network, accuracy = settings.trained(first, task, seed)
            if variant == "linear":
                states = {"untrained": first, "trained": network}
                places = {
                    place: {state: _measures(spectra(each, images, ending)) for state, each in states.items()}
                    for place, ending in PLACES.items()
                }
                inverted.append({"seed": seed, "accuracy": accuracy, "places": places})
            norms = {
                "before": relative(gradient_norms(first, *batch)),
                "after": relative(gradient_norms(network, *batch)),
            }
            after.append({"variant": variant, "seed": seed, "accuracy": accuracy, "norms": norms})
            progress(f"{variant}, seed {seed}: test accuracy {accuracy:.1%}")
    before = [
        {
            "variant": variant,
            **kind,
            "blocks": blocks,
            "norms": [
                first_norms(variant, blocks, seed, *batch, **kind, settings=settings) for seed in settings.first_seeds
            ],
        }
        for kind in UNTRAINED.values()
        for variant in ("linear", "none")
        for blocks in settings.depths
    ]
    contents: dict[str, bytes | str] = {
        SUBSPACES: _as_json(about | {"separable": runs, "inverted": inverted}),
        WEIGHTS: as_npz(weights),
        GRADIENTS: _as_json(about | {"untrained": before, "trained": after}),
    }
    for name, content in contents.items():
        write_whole(Path(folder, name), content)


def _separable_runs(
    settings: Settings, task: Task, progress: Callable[[str], None]
) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """The separable networks' runs, and the first one's weights."""
    images = task.x_test[: settings.probed_images]
    weights: dict[str, Array] = {}
    runs: list[dict[str, Any]] = []
    for seed in settings.seeds:
        first = settings.separable(seed)
        network, accuracy = settings.trained(first, task, seed)
        weights = weights or network.arrays()
        probed = {"images": settings.probed_images}
        runs.append(
            {
                "seed": seed,
                "accuracy": accuracy,
                "untrained": spectra(first, images),
                "trained": spectra(network, images),
                "kept": {
                    "principal": kept_accuracies(network, task, settings.counts, **probed),
                    "random": kept_accuracies(network, task, settings.counts, **probed, seed=seed),
                },
            }
        )
        progress(f"separable, seed {seed}: test accuracy {accuracy:.1%}")
    return runs, weights


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
