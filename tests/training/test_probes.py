"""Spectra are those of singular values, gradients those of differences, and what is stored is what is measured."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npconv import softmax_cross_entropy
from npconv.layers import Layer, Sequential
from npconv.training import probes as older_probes, variants as older_variants
from npconv.training.fig07 import VARIANTS, measurements, networks, probes, separable_network, variant_network
from npconv.training.fig07.measurements import (
    FULL,
    make_stored,
    stored_gradients,
    stored_network,
    stored_subspaces,
    sufficient,
)
from npconv.training.fig07.probes import (
    Subspace,
    block_outputs,
    by_block,
    classifier_directions,
    dimensions,
    gradient_norms,
    participation_ratio,
    principal_directions,
    spectrum,
    subspace,
)
from npconv.training.loop import evaluate
from npconv.training.tasks import Task

RNG = np.random.default_rng(7)


def small(variant: str = "linear", **options: Any) -> Sequential:
    return variant_network(
        variant, **{"blocks": 3, "channels": 3, "expansion": 2, "stem_channels": 4, "dtype": np.float64, **options}
    )


def images(count: int = 5, height: int = 10, width: int = 14) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, height, width, 1))


class Shift(Layer):
    """Adds an array, which a test changes."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shift = np.zeros(shape)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        return x + self.shift


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_are_what_the_layers_give_one_after_the_other(variant: str, training: bool) -> None:
    network, x = small(variant), images()
    maps = block_outputs(network, x, training=training)
    twin, y = network.copy(), x
    for name, layer in twin.layers.items():
        y = layer.forward(y, training)
        assert (y.ndim == 4) == (name in maps)
        if y.ndim == 4:
            np.testing.assert_array_equal(maps[name], y)


def test_maps_inside_a_block_make_its_output() -> None:
    maps = block_outputs(small(), images(), training=True)
    assert maps["block_2.expand"].shape[-1] == 6
    np.testing.assert_array_equal(maps["block_2.expand_relu6"], np.clip(maps["block_2.expand_norm"], 0, 6))
    joined = maps["block_2.project_norm"] + maps["block_1"]  # alone the block is computed at once, and rounds otherwise
    np.testing.assert_allclose(maps["block_2"], joined, rtol=1e-12, atol=1e-13)
    assert list(by_block(maps)) == ["block_1", "block_2", "block_3"]


@pytest.mark.parametrize(
    "probe", [lambda n, x: block_outputs(n, x, training=True), lambda n, x: gradient_norms(n, x, np.arange(5))]
)
def test_a_probe_leaves_the_network_as_it_was(probe: Any) -> None:
    network, x = small(), images()
    network.forward(x)
    before = {name: a.copy() for name, a in (network.arrays() | network.grads).items()}
    probe(network, x)
    for name, a in (network.arrays() | network.grads).items():
        np.testing.assert_array_equal(a, before[name])


def test_the_spectrum_is_that_of_the_centred_vectors_singular_values() -> None:
    maps = RNG.standard_normal((3, 4, 5, 6)) @ RNG.standard_normal((6, 6)) + 100
    vectors = maps.reshape(-1, 6) - maps.mean(axis=(0, 1, 2))
    values = np.linalg.svd(vectors, compute_uv=False) ** 2
    np.testing.assert_allclose(spectrum(maps), values / values.sum(), rtol=1e-9)


def test_an_expansion_before_its_relu6_has_the_dimensions_of_the_bottleneck_and_after_it_more() -> None:
    maps = block_outputs(small(expansion=6), images(20), training=True)
    assert dimensions(spectrum(maps["block_2.expand_norm"]), 1) == 3
    assert dimensions(spectrum(maps["block_2.expand_relu6"]), 1) == 18


@pytest.mark.parametrize(("share", "expected"), [(0.5, 1), (0.51, 2), (0.8, 2), (0.95, 3), (1, 4)])
def test_dimensions_are_counted(share: float, expected: int) -> None:
    assert dimensions(np.array([0.5, 0.3, 0.15, 0.05]), share) == expected


def test_the_participation_ratio_counts_equal_shares_and_little_ones_less() -> None:
    assert participation_ratio(np.array([1.0, 0.0, 0.0])) == 1
    assert participation_ratio(np.array([0.5, 0.5, 0.0])) == 2
    assert participation_ratio(np.array([0.75, 0.25])) == pytest.approx(1.6)


def test_a_projection_on_principal_directions_loses_the_variance_of_the_others() -> None:
    maps = RNG.standard_normal((2, 3, 4, 5)) @ RNG.standard_normal((5, 5)) + RNG.standard_normal(5)
    shares = spectrum(maps)
    mean, directions = principal_directions(maps)
    np.testing.assert_allclose(directions.T @ directions, np.eye(5), atol=1e-12)
    for count in (1, 3):
        kept = Subspace(mean, directions[:, :count]).forward(maps)
        lost = ((maps - kept) ** 2).sum() / ((maps - mean) ** 2).sum()
        assert lost == pytest.approx(shares[count:].sum(), rel=1e-9)


def test_the_subspace_layer_goes_back_by_its_transpose() -> None:
    mean, directions = principal_directions(RNG.standard_normal((20, 4)))
    layer = Subspace(mean, directions[:, :2])
    x, dx, dy = RNG.standard_normal((3, 2, 5, 3, 4))
    moved = layer.forward(x + dx) - layer.forward(x)
    assert (moved * dy).sum() == pytest.approx((dx * layer.backward(dy)).sum())
    np.testing.assert_allclose(layer.forward(layer.forward(x)), layer.forward(x), atol=1e-12)


def test_all_directions_keep_maps_as_they_are_and_two_keep_a_plane() -> None:
    maps = block_outputs(small(channels=4), images(8))["block_3"]
    for rng in (None, np.random.default_rng(1)):
        np.testing.assert_allclose(subspace(maps, 4, rng=rng).forward(maps), maps, atol=1e-9)
        plane = subspace(maps, 2, rng=rng).forward(maps)
        assert dimensions(spectrum(plane), 1 - 1e-9) == 2
    best = ((subspace(maps, 2).forward(maps) - maps) ** 2).sum()
    assert best < 0.9 * ((plane - maps) ** 2).sum()
    assert subspace(maps.astype(np.float32), 2).forward(maps.astype(np.float32)).dtype == np.float32


def test_a_linear_classifier_decides_by_one_direction_fewer_than_classes_behind_a_pool_too() -> None:
    rng = np.random.default_rng(8)
    maps, kernel, bias = rng.standard_normal((40, 2, 3, 8)), rng.standard_normal((8, 4)), rng.standard_normal(4)
    directions = classifier_directions(kernel)
    assert directions.shape == (8, 3)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-12)
    decided = (maps.mean(axis=(1, 2)) @ kernel + bias).argmax(axis=1)
    for count, same in ((3, True), (2, False)):
        kept = Subspace(maps.mean(axis=(0, 1, 2)), directions[:, :count]).forward(maps)
        assert np.array_equal((kept.mean(axis=(1, 2)) @ kernel + bias).argmax(axis=1), decided) == same
    assert classifier_directions(np.ones((5, 3)) * np.arange(5)[:, np.newaxis]).shape == (5, 0)


def test_the_stored_networks_classifier_sees_nine_directions_of_its_last_block() -> None:
    assert classifier_directions(stored_network().params["classifier.kernel"]).shape == (96, 9)


def test_accuracies_are_those_of_the_network_with_a_subspace_behind_one_block() -> None:
    task = Task("random", images(40), RNG.integers(0, 3, 40), images(60), RNG.integers(0, 3, 60), 3, "random")
    network = small("none", classes=3)
    network.forward(task.x_train, training=True)  # so that the running statistics are something
    kept = probes.kept_accuracies(network, task, (1, 2, 3), images=30)
    assert np.shape(kept) == (3, 3)
    whole = evaluate(network, task.x_test, task.y_test)[1]
    assert [row[-1] for row in kept] == [whole] * 3
    assert len({accuracy for row in kept for accuracy in row}) > 2
    maps = block_outputs(network, task.x_train[:30])
    layers: dict[str, Layer] = {}
    for name, layer in network.layers.items():
        layers |= {name: layer} | ({"subspace": subspace(maps[name], 1)} if name == "block_2" else {})
    assert kept[1][0] == evaluate(Sequential(layers), task.x_test, task.y_test)[1]


def test_the_sufficient_count_is_the_first_from_which_on_little_is_lost() -> None:
    rows = [[0.59, 0.5, 0.585, 0.6], [0.1, 0.2, 0.57, 0.6], [0.6, 0.6, 0.6, 0.6]]
    assert sufficient([{"accuracy": 0.6, "kept": {"principal": rows}}], (1, 2, 4, 8)) == [4, 8, 1]


@pytest.mark.parametrize("variant", ["linear", "none", "expansions"])
def test_gradient_norms_are_those_of_differences(variant: str) -> None:
    network, x, labels = small(variant, blocks=2, classes=3, last_channels=5), images(2, 4, 7), np.array([2, 1])
    norms = gradient_norms(network, x, labels)
    step = 1e-6
    for name in ("first", list(by_block(norms))[-1], "pool"):
        layers: dict[str, Layer] = {}
        for each, layer in network.copy().layers.items():
            layers[each] = layer
            if each == name:
                shift = Shift(Sequential(dict(layers)).forward(x).shape)
                layers["shift"] = shift
        shifted = Sequential(layers)
        gradient = np.zeros_like(shift.shift)
        for at in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                shift.shift[at] = sign * step
                losses.append(float(softmax_cross_entropy(shifted.forward(x, True), labels)))
            shift.shift[at] = 0
            gradient[at] = (losses[0] - losses[1]) / (2 * step)
        assert norms[name] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)


def test_the_places_of_expansions_are_its_wide_ends() -> None:
    network, x = small("expansions"), images()
    assert list(by_block(gradient_norms(network, x, np.arange(5)))) == ["between_1", "between_2"]
    assert block_outputs(network, x)["between_1"].shape[-1] == 6


def test_without_batch_normalisation_there_is_none() -> None:
    assert not any("norm" in name for name in small(batch_norm=None).params)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: spectrum(np.ones((2, 3, 4, 5))), r"spectrum: maps .* \(2, 3, 4, 5\)"),
        (lambda: principal_directions(np.ones((1, 5))), r"principal_directions: maps .* \(1, 5\)"),
        (lambda: dimensions(np.array([1.0]), 1.5), "dimensions: share .* 1.5"),
        (lambda: Subspace(np.ones(3), np.ones((4, 2))), r"Subspace: mean .* \(3,\), directions \(4, 2\)"),
        (lambda: subspace(np.eye(3), 4), "subspace: count must be at most 3; got 4"),
        (lambda: subspace(np.eye(3), 0), "subspace: count must be at least 1; got 0"),
        (lambda: separable_network(blocks=0, channels=4), "separable_network: blocks .* 0"),
    ],
)
def test_what_cannot_be_probed_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wrong()


def test_a_miniature_of_the_stored_measurements_is_written(tmp_path: Path) -> None:
    settings = replace(
        FULL, separable_blocks=1, separable_channels=4, blocks=2, steps=1, batch_size=8, train_images=16, test_images=8,
        seeds=(0,), probed_images=8, counts=(1, 4), gradient_images=4, depths=(2, 3), first_seeds=(5,),
    )  # fmt: skip
    lines: list[str] = []
    make_stored(settings, folder=tmp_path, progress=lines.append)
    assert len(lines) == 3
    subspaces = json.loads((tmp_path / measurements.SUBSPACES).read_text(encoding="utf-8"))
    gradients = json.loads((tmp_path / measurements.GRADIENTS).read_text(encoding="utf-8"))
    assert [list(run) for run in subspaces["separable"]] == [["seed", "accuracy", "untrained", "trained", "kept"]]
    assert [len(shares) for shares in subspaces["separable"][0]["trained"]] == [4]
    assert subspaces["separable"][0]["kept"]["principal"][0][1] == subspaces["separable"][0]["accuracy"]
    assert len(subspaces["inverted"][0]["places"]["expanded"]["trained"]["95 %"]) == 2
    assert [len(entry["norms"][0]) for entry in gradients["untrained"]] == [2, 3] * 6
    assert gradients["trained"][1]["variant"] == "none"
    settings.separable(0).load(tmp_path / measurements.WEIGHTS)


def test_what_ships_is_of_the_settings_that_the_module_has() -> None:
    for stored in (stored_subspaces(), stored_gradients()):
        assert stored["settings"] == json.loads(json.dumps(vars(FULL)))


def test_the_stored_network_has_the_stored_spectrum_and_about_the_stored_accuracy() -> None:
    task, run = replace(FULL, train_images=1).task(), stored_subspaces()["separable"][0]
    if "synthetic" in task.description:
        pytest.skip("matplotlib's photograph, of which the task was made, is missing here")
    x, labels = task.x_test[: FULL.probed_images], task.y_test[: FULL.probed_images]
    assert evaluate(stored_network(), x, labels)[1] == pytest.approx(run["accuracy"], abs=0.05)
    np.testing.assert_allclose(probes.spectra(stored_network(), x), run["trained"], rtol=1e-2, atol=1e-5)


def test_stored_gradients_are_computed_anew() -> None:
    task = replace(FULL, train_images=1).task()
    if "synthetic" in task.description:
        pytest.skip("matplotlib's photograph, of which the task was made, is missing here")
    count = FULL.gradient_images
    for entry in stored_gradients()["untrained"]:
        if entry["blocks"] == 8 and entry["batch_norm"] == (entry["variant"] == "none"):
            now = measurements.first_norms(
                entry["variant"], 8, FULL.first_seeds[1], task.x_test[:count], task.y_test[:count],
                batch_norm=entry["batch_norm"], fans=entry["fans"],
            )  # fmt: skip
            np.testing.assert_allclose(now, entry["norms"][1], rtol=1e-4)


def test_the_older_modules_have_the_same_names() -> None:
    for older, newer in ((older_probes, probes), (older_probes, measurements), (older_variants, networks)):
        own = [name for name, value in vars(newer).items() if getattr(value, "__module__", "") == newer.__name__]
        assert own
        assert all(getattr(older, name) is getattr(newer, name) for name in own if name[0] != "_")
    assert older_probes.Settings is type(older_probes.FULL)
