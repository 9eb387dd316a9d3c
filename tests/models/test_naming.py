"""Every family's names: whole, folded, half folded and truncated networks load what was exported under them."""

import functools

import numpy as np
import pytest
from undrawn import undrawn

from npconv.models import NAMINGS, export_weights, load_weights, mobilenet_v1, mobilenet_v2, mobilenet_v3, weight_names
from npconv.models.naming import PUBLISHED, computed_as

BUILD = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": functools.partial(mobilenet_v3, "small"),
}
SIZES = {
    "mobilenet_v1": {},
    "mobilenet_v2": {"last_channels": 24},
    "mobilenet_v3": {"last_channels": 24, "hidden_channels": 40},
}
EPSILON = {("mobilenet_v2", "torchvision"): 1e-5, "timm": 1e-5}  # where it is not 1e-3


def network(architecture, naming, **options):
    """A narrow network of a family, with no numbers in it."""
    with undrawn():
        return BUILD[architecture](0.15, 7, conventions=computed_as(naming), **(SIZES[architecture] | options))


def filled(model, seed=0):
    """The network, with other numbers in each array."""
    rng = np.random.default_rng(seed)
    for a in model.arrays().values():
        a[...] = rng.uniform(0.5, 1.5, a.shape)
    return model


def emptied(model):
    for a in model.arrays().values():
        a[...] = 0
    return model


def equal(model, other):
    return all(np.array_equal(a, other.arrays()[name]) for name, a in model.arrays().items())


def layer_of(name):
    """The layer that an array of ours belongs to, or whose normalisation it is of."""
    return name.rpartition(".")[0].removesuffix("_norm")


@functools.cache
def trained(architecture, naming):
    """A network with numbers in all arrays, and the same one folded. Not to be changed."""
    model = filled(network(architecture, naming))
    return model, model.folded()


def first_layers(model):
    return model.with_layers(dict(list(model.layers.items())[:5]))


def arrays_of(model, naming):
    """Published arrays by their names, each with the layer that it belongs to."""
    own = weight_names(model, naming)
    return {name: (layer_of(own[name]), a) for name, a in export_weights(model, naming).items()}


def refused(model, arrays, **options):
    before = {name: a.copy() for name, a in model.arrays().items()}
    with pytest.raises(ValueError, match=r"^load_weights: ") as error:
        load_weights(model, arrays, **options)
    assert all(np.array_equal(a, before[name]) for name, a in model.arrays().items())
    return str(error.value)


families = pytest.mark.parametrize(("architecture", "naming"), PUBLISHED)


def test_every_naming_has_a_network():
    assert {naming for _, naming in PUBLISHED} == set(NAMINGS)


@families
def test_what_is_exported_under_a_familys_names_loads_again(architecture, naming):
    for model in trained(architecture, naming):
        arrays, own = export_weights(model, naming), weight_names(model, naming)
        assert list(arrays) == list(own)
        assert sorted(own.values()) == sorted(model.arrays())
        other = emptied(model.copy())
        load_weights(other, dict(reversed(arrays.items())))
        assert equal(other, model)
        load_weights(other, arrays, naming)
        for kind in ("kernel", "bias"):  # one array under another name: told, and nothing is taken
            name = next(name for name, ours in own.items() if ours.startswith("block_2") and ours.endswith(kind))
            arrays[f"{name}x"] = arrays.pop(name)
            words = refused(other, arrays)
            assert f"missing {name} " in words
            assert f"left over {name}x " in words
            arrays[name] = arrays.pop(f"{name}x")
            if "stem_norm" in model.layers:
                break


@families
def test_arrays_that_are_not_folded_or_half_are_folded_on_the_way(architecture, naming):
    model, folded = trained(architecture, naming)
    whole, in_one = arrays_of(model, naming), arrays_of(folded, naming)
    other = folded.copy()
    for chosen in (lambda layer: False, lambda layer: "depthwise" in layer, lambda layer: "depthwise" not in layer):
        half = {name: a for name, (layer, a) in whole.items() if not chosen(layer)}
        load_weights(emptied(other), half | {name: a for name, (layer, a) in in_one.items() if chosen(layer)})
        assert equal(other, folded)


@pytest.mark.parametrize(("architecture", "naming"), list(PUBLISHED)[:8])
def test_the_epsilon_is_that_of_the_network_that_was_folded(architecture, naming):
    options = {"batch_norm": {"epsilon": 0.25}}
    for own in ({}, options):
        model = filled(first_layers(network(architecture, naming, **own)))
        folded = first_layers(network(architecture, naming, **own)).folded()
        load_weights(folded, export_weights(model, naming))
        epsilon = 0.25 if own else EPSILON.get((architecture, naming), EPSILON.get(naming, 1e-3))
        factor = model.params["stem_norm.scale"] / np.sqrt(model.state["stem_norm.variance"] + epsilon)
        np.testing.assert_allclose(folded.params["stem.kernel"], model.params["stem.kernel"] * factor, rtol=2e-7)


def test_a_kernels_own_bias_is_normalised_with_it():
    model, _ = trained("mobilenet_v2", "keras")
    bias = np.linspace(1, 2, model.params["block_2.depthwise_norm.shift"].size, dtype=np.float32)
    folded = network("mobilenet_v2", "keras").folded()
    load_weights(folded, export_weights(model) | {"block_1_depthwise/bias": bias})
    norm, stored = model.params, model.state
    factor = norm["block_2.depthwise_norm.scale"] / np.sqrt(stored["block_2.depthwise_norm.variance"] + 1e-3)
    shift = norm["block_2.depthwise_norm.shift"] + (bias - stored["block_2.depthwise_norm.mean"]) * factor
    np.testing.assert_allclose(folded.params["block_2.depthwise.bias"], shift, rtol=1e-6)
    assert refused(network("mobilenet_v2", "keras"), export_weights(model) | {"block_1_depthwise/bias": bias}) == (
        f"load_weights: the arrays don't fit: left over block_1_depthwise/bias ({bias.size},); "
        "the arrays are of a folded network: load_weights(model.folded(), arrays)"
    )


@pytest.mark.parametrize(("architecture", "naming"), [("mobilenet_v1", "slim"), ("mobilenet_v3", "torchvision")])
def test_normalisation_without_scale_or_shift_is_taken_as_1_and_0(architecture, naming):
    model, _ = trained(architecture, naming)
    own = weight_names(model, naming)
    for ending, value in ((".scale", 1), (".shift", 0)):
        arrays = {name: a for name, a in export_weights(model, naming).items() if not own[name].endswith(ending)}
        expected = model.copy()
        for name, a in expected.params.items():
            if name.endswith(ending):
                a[...] = value
        for kind in (lambda each: each, lambda each: each.folded()):
            other = kind(network(architecture, naming))
            load_weights(other, arrays)
            assert equal(other, kind(expected))


def test_a_scale_that_is_missing_among_others_is_told():
    arrays = export_weights(trained("mobilenet_v1", "slim")[0], "slim")
    del arrays["MobilenetV1/Conv2d_2_depthwise/BatchNorm/gamma"]
    for model in (network("mobilenet_v1", "slim"), network("mobilenet_v1", "slim").folded()):
        assert refused(model, arrays) == (
            "load_weights: the arrays don't fit: missing MobilenetV1/Conv2d_2_depthwise/BatchNorm/gamma (9,)"
        )


def test_wrong_arrays_are_told_under_their_names_before_they_are_folded():
    arrays = export_weights(trained("mobilenet_v2", "timm")[0], "timm")
    arrays |= {"bn1.running_mean": np.ones(3), "blocks.1.0.bn2.running_var": -arrays["blocks.1.0.bn2.running_var"]}
    arrays["blocks.1.0.conv_dw.weight"] = np.full_like(arrays["blocks.1.0.conv_dw.weight"], np.nan)
    words = refused(network("mobilenet_v2", "timm").folded(), arrays)
    assert words.startswith(
        "load_weights: the arrays don't fit: bn1.running_mean must be (8,), got (3,); "
        "blocks.1.0.conv_dw.weight must be finite; blocks.1.0.bn2.running_var must not be negative, got -1."
    )


def test_arrays_without_the_last_convolution_load_into_the_rest():
    for architecture, naming in (("mobilenet_v3", "slim"), ("mobilenet_v2", "transformers")):
        source, _ = trained(architecture, naming)
        own = weight_names(source, naming)
        arrays = {
            name: a
            for name, a in export_weights(source, naming).items()
            if not own[name].startswith(("last", "hidden", "classifier"))
        }
        model = filled(network(architecture, naming), seed=1)
        before = model.copy()
        load_weights(model, arrays, classifier=False)
        for name, a in model.arrays().items():
            kept = name.startswith(("last", "hidden", "classifier"))
            assert np.array_equal(a, (before if kept else source).arrays()[name])
        assert "missing" in refused(model, arrays)


@families
def test_a_network_without_its_end_has_the_names_of_the_rest(architecture, naming):
    model, _ = trained(architecture, naming)
    whole = weight_names(model, naming)
    for last in ("last", "block_9"):
        kept = [name for name in model.layers if name not in ("hidden", "classifier")]
        kept = kept[: kept.index(last) + 1] if last in kept else kept
        part = model.with_layers({name: model.layers[name] for name in kept})
        names = weight_names(part, naming)
        assert names
        if last == "last":
            assert names == {name: ours for name, ours in whole.items() if ours in part.arrays()}
        else:
            assert {ours: name for name, ours in names.items()}.items() <= {o: n for n, o in whole.items()}.items()


def test_a_network_without_a_classifier_passes_over_that_of_the_arrays():
    model, _ = trained("mobilenet_v2", "keras")
    arrays = export_weights(filled(network("mobilenet_v2", "keras"), seed=1))
    headless = model.copy().with_layers({name: layer for name, layer in model.layers.items() if name != "classifier"})
    assert refused(headless, arrays).endswith("; classifier=False passes over the classifier of the arrays")
    assert refused(headless, arrays, classifier="predictions") == (
        "load_weights: classifier must be a bool for a model without one; got 'predictions'"
    )
    load_weights(headless, arrays, classifier=False)
    assert np.array_equal(headless.params["last.kernel"], arrays["Conv_1/kernel"][0, 0])


def test_layers_of_a_detector_with_names_like_slims_are_passed_over():
    model, _ = trained("mobilenet_v1", "slim")
    place = "Prediction/Conv2d_1_pointwise"
    head = {f"{place}/weights": np.ones((1, 1, 8, 4)), f"{place}/biases": np.ones(4)}
    other = network("mobilenet_v1", "slim")
    load_weights(other, export_weights(model, "slim") | head, classifier=False)
    assert np.array_equal(other.params["block_1.pointwise.kernel"], model.params["block_1.pointwise.kernel"])
    assert "left over" in refused(other, export_weights(model, "slim") | head)
