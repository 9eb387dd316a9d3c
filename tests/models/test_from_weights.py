"""Networks built for arrays: the same as those whose arrays they are."""

import re
from dataclasses import replace

import numpy as np
import pytest

from npconv.models import (
    export_weights,
    from_weights,
    load_weights,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    weight_names,
)
from npconv.models.naming import PUBLISHED, computed_as

BUILDERS = {"mobilenet_v1": mobilenet_v1, "mobilenet_v2": mobilenet_v2, "mobilenet_v3": mobilenet_v3}
IMAGES = np.random.default_rng(0).standard_normal((1, 32, 40, 3), dtype=np.float32)


def same(model, other):
    """Check that two networks have the same layers, table, conventions and numbers, and so compute the same."""
    assert replace(model.specification, stages=()) == replace(
        other.specification, stages=()
    )  # of which timm's names speak
    own, theirs = model.arrays(), other.arrays()
    assert own.keys() == theirs.keys()
    for name in own:
        np.testing.assert_array_equal(own[name], theirs[name], err_msg=name)
    np.testing.assert_array_equal(model.forward(IMAGES), other.forward(IMAGES))


@pytest.mark.parametrize(("architecture", "naming"), PUBLISHED)
def test_family_table_and_classes_are_found(architecture, naming):
    padded = architecture == "mobilenet_v1" and naming in ("transformers", "slim")  # as no network of Keras is
    options = {"padding": "same"} if padded else {}
    model = BUILDERS[architecture](width=0.35, classes=7, conventions=computed_as(naming), seed=3, **options)
    same(from_weights(export_weights(model, naming)), model)


@pytest.mark.parametrize(
    "options",
    [
        {"size": "small", "conventions": "timm"},
        {"size": "large", "minimalistic": True},
        {"size": "small", "minimalistic": True, "conventions": "torchvision"},
        {"size": "small", "reduced_tail": True},
        {"size": "small", "hidden_channels": 40},
    ],
)
def test_the_tables_of_version_three_are_told_apart(options):
    model = mobilenet_v3(width=0.35, classes=3, seed=3, **options)
    same(from_weights(export_weights(model)), model)


DEEPER = ((1, 16, 1, 1), (6, 24, 3, 2), (6, 32, 5, 2), (6, 64, 6, 2), (6, 96, 5, 1), (6, 160, 5, 2), (6, 320, 1, 1))


def test_deeper_networks_of_timm_are_built():
    model = mobilenet_v2(0.35, 3, conventions="timm", rows=DEEPER, last_channels=24)
    same(from_weights(export_weights(model)), model)


def test_each_block_may_have_channels_of_its_own():
    rows = [
        (1, 8, 1, 1),
        (6, 8, 1, 2),
        (2, 16, 1, 1),
        (3, 8, 2, 2),
        (3, 24, 1, 1),
        (6, 64, 4, 2),
        (6, 8, 3, 1),
        (6, 16, 3, 2),
        (1, 32, 1, 1),
    ]
    model = mobilenet_v2(classes=3, rows=rows, stem_channels=24, last_channels=48)
    same(from_weights(export_weights(model)), model)
    rows = [(8, 1, 1), (16, 1, 2), (24, 1, 1), (8, 2, 2), (16, 6, 2), (24, 2, 2)]
    model = mobilenet_v1(classes=3, rows=rows, stem_channels=24)
    same(from_weights(export_weights(model)), model)


def test_conventions_may_be_others_than_the_names():
    """As in timm's tf_mobilenetv3."""
    arrays = export_weights(mobilenet_v3("small", 0.35, 3, conventions="timm", seed=1))
    model = from_weights(arrays, conventions="keras")
    named = mobilenet_v3("small", 0.35, 3, conventions="timm")
    load_weights(named, arrays)
    assert model.specification.conventions == "keras"
    for name, a in named.arrays().items():
        np.testing.assert_array_equal(model.arrays()[name], a)
    assert model.layers["stem_norm"].epsilon == 1e-3
    assert np.abs(model.forward(IMAGES) - from_weights(arrays).forward(IMAGES)).max() > 0


@pytest.mark.parametrize(
    ("architecture", "naming"),
    [("mobilenet_v1", "slim"), ("mobilenet_v2", "torchvision"), ("mobilenet_v3", "keras"), ("mobilenet_v3", "timm")],
)
def test_a_classifier_may_be_missing_or_left_out(architecture, naming):
    whole = BUILDERS[architecture](width=0.1, classes=7, conventions=computed_as(naming), seed=3)
    arrays = export_weights(whole, naming)
    theirs = from_weights(arrays).arrays()
    for given in (arrays, {name: a for name, a in arrays.items() if a.shape[-1:] != (7,) and a.shape[:1] != (7,)}):
        model = from_weights(given, classifier=False)
        assert "classifier" not in model.layers
        assert {*theirs} - {*model.arrays()} == {"classifier.kernel", "classifier.bias"}
        last = whole.params["hidden.bias" if architecture == "mobilenet_v3" else "classifier.kernel"]
        assert model.forward(IMAGES).shape == (1, last.shape[0])


def test_a_hidden_layer_may_be_missing_too():
    arrays = export_weights(mobilenet_v3("small", 0.1, 7))
    without = {name: a for name, a in arrays.items() if not name.startswith(("conv_2/", "logits/"))}
    assert len(without) == len(arrays) - 4
    model = from_weights(without)
    assert list(model.layers)[-1] == "pool"
    assert model.forward(IMAGES).shape == (1, arrays["conv_2/kernel"].shape[2])


RNG = np.random.default_rng(1)


def test_a_hidden_layer_of_a_size_that_no_table_has_is_left_out_with_the_classifier():
    arrays = export_weights(mobilenet_v3("small", 0.2, 7, conventions="torchvision", hidden_channels=32))
    inputs = arrays["classifier.0.weight"].shape[1]
    arrays |= {"classifier.0.weight": np.ones((33, inputs)), "classifier.0.bias": np.ones(33)}
    arrays["classifier.3.weight"] = np.ones((7, 33))
    with pytest.raises(ValueError, match=r"classifier\.0\.weight must be \(\d+, \d+\), got \(33, .*classifier=False"):
        from_weights(arrays)
    assert from_weights(arrays, classifier=False).forward(IMAGES).shape == (1, inputs)


def test_a_last_convolution_may_be_missing_too():
    arrays = export_weights(mobilenet_v3("large", 0.35, 7, seed=1).folded(), "slim")
    head = ("MobilenetV3/Conv_1/", "MobilenetV3/Conv_2/", "MobilenetV3/Logits/")
    without = {name: a for name, a in arrays.items() if not name.startswith(head)}
    model = from_weights(without)
    assert list(model.layers)[-2:] == ["block_15", "pool"]
    assert export_weights(model, "slim").keys() == without.keys()


@pytest.mark.parametrize(
    ("naming", "kernel", "bias"),
    [
        ("keras", "model_weights/dense/dense/kernel:0", "model_weights/dense/dense/bias:0"),
        ("torchvision", "classifier.weight", "classifier.bias"),
        ("slim", "input/_262", "input/_263"),  # as a frozen graph has them
    ],
)
def test_the_only_layer_of_another_head_is_the_classifier(naming, kernel, bias):
    whole = mobilenet_v2(0.1, 4, conventions=computed_as(naming), last_channels=24)
    whole.params["classifier.bias"][...] = RNG.standard_normal(4)
    arrays = export_weights(whole, naming)
    names = [name for name, ours in weight_names(whole, naming).items() if ours.startswith("classifier.")]
    matrix, constants = (arrays.pop(name) for name in names)
    arrays |= {kernel: matrix.reshape(*matrix.shape[-2:]), bias: constants}
    same(from_weights(arrays), whole)
    same(from_weights(arrays | {"n_averaged": np.array(3), "classes": np.array(["cat", "dog"])}), whole)
    whole.params["classifier.bias"][...] = 0
    same(from_weights({name: a for name, a in arrays.items() if name != bias}), whole)
    own = export_weights(whole, naming)
    same(from_weights({name: a for name, a in own.items() if name != names[1]}), whole)


def test_a_head_of_several_layers_is_named_and_left_out_or_parted_as_the_error_says():
    whole = mobilenet_v2(0.1, 4, last_channels=24)
    head = {"dense/kernel": RNG.standard_normal((24, 5)), "dense/bias": np.zeros(5), "dense_1/kernel": np.ones((5, 2))}
    arrays = export_weights(whole) | head
    same(from_weights(export_weights(whole), classifier="predictions"), whole)
    arrays = {name: a for name, a in arrays.items() if not name.startswith("predictions")}
    words = "one layer with 24 inputs; got another head, dense/kernel (24, 5), dense_1/kernel (5, 2); classifier=False"
    with pytest.raises(ValueError, match=re.escape(words)):
        from_weights(arrays)
    words = "from_weights: classifier must be the name of a linear layer with the inputs of the model's; got 'dense_1'"
    with pytest.raises(ValueError, match=f"^{words}, the arrays have dense for 5 classes$"):
        from_weights(arrays, classifier="dense_1")
    model = from_weights(arrays, classifier=False)
    assert model.forward(IMAGES).shape == (1, 24)
    logits = from_weights(arrays, classifier="dense").forward(IMAGES)
    np.testing.assert_allclose(logits, model.forward(IMAGES) @ head["dense/kernel"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "naming"), [("mobilenet_v1", "keras"), ("mobilenet_v2", "slim"), ("mobilenet_v3", "torchvision")]
)
def test_folded_arrays_build_a_folded_network(architecture, naming):
    model = drawn(BUILDERS[architecture](width=0.35, classes=3, conventions=computed_as(naming))).folded()
    same(from_weights(export_weights(model, naming)), model)


def test_half_folded_arrays_build_a_folded_network():
    """The depthwise convolutions alone have batch normalisation."""
    model = drawn(mobilenet_v1(0.25, 3))
    whole, arrays = export_weights(model), export_weights(model.folded())
    for name, ours in weight_names(model).items():
        if ".depthwise" in ours:
            arrays |= {name: whole[name]}
            arrays.pop(name.split("/")[0].removesuffix("_bn") + "/bias", None)
    read = from_weights(arrays)
    assert "stem_norm" not in read.layers
    np.testing.assert_allclose(read.forward(IMAGES), model.forward(IMAGES), rtol=1e-4, atol=1e-4)


def drawn(model):
    """A network with random numbers in its batch normalisation too."""
    for name, a in model.arrays().items():
        if "_norm." in name:
            a[...] = RNG.uniform(0.5, 1.5, a.shape)
    return model


def test_arrays_that_fit_no_table_are_named():
    arrays = export_weights(mobilenet_v2(0.1, 3))
    arrays["block_2_project/kernel"] = np.ones((1, 1, 48, 9), np.float32)
    words = (
        "from_weights: arrays with keras's names of mobilenet_v2 must have its layers and kernel sizes; the arrays "
        "don't fit: block_2_project/kernel must be (1, 1, 48, 8), got (1, 1, 48, 9)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        from_weights(arrays)
    head = {name.replace("predictions", "head"): a for name, a in arrays.items()} | {"x": np.ones((2, 2))}
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):  # nothing of the head, which is not at fault
        from_weights(head)
    with pytest.raises(ValueError, match=r"^from_weights: arrays must be a MobileNet's"):
        from_weights({"layer1.0.conv1.weight": np.ones((8, 3, 3, 3))})


def test_a_last_convolution_that_the_arrays_lack_is_left_out():
    for architecture, naming, ends in (("mobilenet_v3", "slim", "block_15"), ("mobilenet_v2", "keras", "block_17")):
        model = BUILDERS[architecture](width=0.35, classes=7, seed=3).folded()
        kept = {name: ours for name, ours in weight_names(model, naming).items() if ours.startswith(("stem", "block"))}
        found = from_weights({name: a for name, a in export_weights(model, naming).items() if name in kept})
        assert list(found.layers)[-2:] == [ends, "pool"]
        assert found.params.keys() == set(kept.values())


def test_averages_beside_a_state_dict_are_taken_when_told():
    trained, averages = (mobilenet_v2(0.1, 3, conventions="torchvision", seed=seed, last_channels=8) for seed in (1, 2))
    for key, others in (("state_dict", "state_dict_ema"), ("model", "model_ema")):
        arrays = {f"{key}/{name}": a for name, a in export_weights(trained).items()}
        arrays |= {f"{others}/{name}": a for name, a in export_weights(averages).items()}
        same(from_weights(arrays), trained)
        same(from_weights({name: a for name, a in arrays.items() if name.startswith(f"{others}/")}), averages)


def test_lists_of_whole_numbers_are_passed_over():
    """As the shapes among an ONNX graph's constants."""
    whole = mobilenet_v2(0.1, 3, conventions="torchvision", last_channels=8)
    arrays = export_weights(whole)
    same(from_weights(arrays | {"val_576": np.array([2, 3]), "val_577": np.array([1])}), whole)
    head = {"fc.weight": arrays.pop("classifier.1.weight"), "fc.bias": arrays.pop("classifier.1.bias")}
    same(from_weights(arrays | head | {"val_576": np.array([2, 3])}), whole)
    with pytest.raises(ValueError, match=r"got another head, fc\.weight .*, val_576 "):
        from_weights(arrays | head | {"val_576": np.ones((2, 3), np.int64)})
