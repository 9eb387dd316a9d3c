"""Published weights into a network and out of it: names, axes, what is passed over, what is refused."""

import hashlib

import numpy as np
import pytest

from npconv.layers import CONVENTIONS, Sequential
from npconv.models import mobilenet_v1, mobilenet_v2, small_mobilenet_v2
from npconv.models.weights import export_weights, load_weights, weight_names

FAMILIES = [
    (mobilenet_v2, "torchvision"),
    (mobilenet_v2, "keras"),
    (mobilenet_v2, "timm"),
    (mobilenet_v1, "keras"),
    (mobilenet_v1, "timm"),
]

# of the lines "name shape" of all arrays in their order, but for the counters; with 1000 classes, from the libraries
# themselves: torchvision 0.28, Keras 3.15 (a model's weights by their path), timm 1.0.31
PUBLISHED = {
    (mobilenet_v2, "torchvision", 0.35): "8e2257b577d81a44",
    (mobilenet_v2, "torchvision", 1.0): "2d3450ca76d5df94",
    (mobilenet_v2, "torchvision", 1.4): "e47c7ef96ddd6ca5",
    (mobilenet_v2, "keras", 0.35): "e59367df3f10acf8",
    (mobilenet_v2, "keras", 1.0): "52057fe8a57f1676",
    (mobilenet_v2, "keras", 1.4): "98e871ad5e17a965",
    (mobilenet_v2, "timm", 0.35): "eea8bf32a302a9fe",
    (mobilenet_v2, "timm", 1.0): "4a55e70edd591ea9",
    (mobilenet_v2, "timm", 1.4): "d6b83b565172b99d",
    (mobilenet_v1, "keras", 0.25): "00c25c12349aac2a",
    (mobilenet_v1, "keras", 1.0): "1ef8d3975cbd69e3",
    (mobilenet_v1, "timm", 0.25): "13e77b0d076fc545",
    (mobilenet_v1, "timm", 1.0): "386641f3e338ee63",
}

# theirs, its shape, and ours
SPOTS = {
    (mobilenet_v2, "torchvision"): [
        ("features.0.0.weight", (32, 3, 3, 3), "stem.kernel"),
        ("features.0.1.running_var", (32,), "stem_norm.variance"),
        ("features.1.conv.0.0.weight", (32, 1, 3, 3), "block_1.depthwise.kernel"),
        ("features.1.conv.0.1.weight", (32,), "block_1.depthwise_norm.scale"),
        ("features.1.conv.1.weight", (16, 32, 1, 1), "block_1.project.kernel"),
        ("features.1.conv.2.bias", (16,), "block_1.project_norm.shift"),
        ("features.2.conv.0.0.weight", (96, 16, 1, 1), "block_2.expand.kernel"),
        ("features.2.conv.1.0.weight", (96, 1, 3, 3), "block_2.depthwise.kernel"),
        ("features.2.conv.2.weight", (24, 96, 1, 1), "block_2.project.kernel"),
        ("features.17.conv.3.running_mean", (320,), "block_17.project_norm.mean"),
        ("features.18.0.weight", (1280, 320, 1, 1), "last.kernel"),
        ("features.18.1.bias", (1280,), "last_norm.shift"),
        ("classifier.1.weight", (10, 1280), "classifier.kernel"),
        ("classifier.1.bias", (10,), "classifier.bias"),
    ],
    (mobilenet_v2, "keras"): [
        ("Conv1/kernel", (3, 3, 3, 32), "stem.kernel"),
        ("bn_Conv1/moving_mean", (32,), "stem_norm.mean"),
        ("expanded_conv_depthwise/kernel", (3, 3, 32, 1), "block_1.depthwise.kernel"),
        ("expanded_conv_project_BN/beta", (16,), "block_1.project_norm.shift"),
        ("block_1_expand/kernel", (1, 1, 16, 96), "block_2.expand.kernel"),
        ("block_16_depthwise_BN/gamma", (960,), "block_17.depthwise_norm.scale"),
        ("Conv_1_bn/moving_variance", (1280,), "last_norm.variance"),
        ("predictions/kernel", (1280, 10), "classifier.kernel"),
    ],
    (mobilenet_v2, "timm"): [
        ("conv_stem.weight", (32, 3, 3, 3), "stem.kernel"),
        ("blocks.0.0.conv_pw.weight", (16, 32, 1, 1), "block_1.project.kernel"),
        ("blocks.1.1.conv_pwl.weight", (24, 144, 1, 1), "block_3.project.kernel"),
        ("blocks.3.3.bn2.running_mean", (384,), "block_10.depthwise_norm.mean"),
        ("blocks.6.0.bn3.bias", (320,), "block_17.project_norm.shift"),
        ("bn2.weight", (1280,), "last_norm.scale"),
    ],
    (mobilenet_v1, "keras"): [
        ("conv1/kernel", (3, 3, 3, 32), "stem.kernel"),
        ("conv_dw_13/kernel", (3, 3, 1024, 1), "block_13.depthwise.kernel"),
        ("conv_pw_2_bn/gamma", (128,), "block_2.pointwise_norm.scale"),
        ("conv_preds/kernel", (1, 1, 1024, 10), "classifier.kernel"),
    ],
    (mobilenet_v1, "timm"): [
        ("bn1.running_var", (32,), "stem_norm.variance"),
        ("blocks.3.5.conv_pw.weight", (512, 512, 1, 1), "block_11.pointwise.kernel"),
        ("blocks.4.0.bn1.bias", (512,), "block_12.depthwise_norm.shift"),
        ("classifier.weight", (10, 1024), "classifier.kernel"),
    ],
}


def filled(model, seed=0):
    """The same model with random numbers in all arrays."""
    rng = np.random.default_rng(seed)
    for a in model.arrays().values():
        a[...] = rng.uniform(0.5, 2, a.shape)
    return model


def small(build=mobilenet_v2, conventions="keras", classes=10, **options):
    return build(0.25 if build is mobilenet_v1 else 0.35, classes, conventions=conventions, **options)


def refused(model, arrays, **options):
    """The error's words, after a look that nothing has changed."""
    before = {name: a.copy() for name, a in model.arrays().items()}
    with pytest.raises(ValueError, match=r"^load_weights: ") as error:
        load_weights(model, arrays, **options)
    for name, a in model.arrays().items():
        assert np.array_equal(a, before[name])
    return str(error.value)


@pytest.mark.parametrize(("build", "conventions", "width"), PUBLISHED)
def test_names_shapes_and_order_are_the_librarys_own(build, conventions, width):
    arrays = export_weights(build(width, conventions=conventions))
    assert len(arrays) == (262 if build is mobilenet_v2 else 137)
    lines = "\n".join(f"{name} {a.shape}" for name, a in arrays.items())
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == PUBLISHED[build, conventions, width]


@pytest.mark.parametrize(("build", "conventions"), FAMILIES)
def test_names_stand_for_the_layers_that_they_name(build, conventions):
    model = build(classes=10, conventions=conventions)
    arrays, names = export_weights(model), weight_names(model)
    assert list(arrays) == list(names)
    assert sorted(names.values()) == sorted(model.arrays())
    for theirs, shape, ours in SPOTS[build, conventions]:
        assert (arrays[theirs].shape, names[theirs]) == (shape, ours)


@pytest.mark.parametrize(("build", "conventions"), FAMILIES)
def test_axes_are_put_in_our_order(build, conventions):
    model = small(build, conventions)
    names = {ours: theirs for theirs, ours in weight_names(model).items()}
    given = export_weights(filled(small(build, conventions), 1))
    load_weights(model, given)
    inner = "project" if build is mobilenet_v2 else "pointwise"
    stem, depthwise, pointwise, dense = (
        given[names[f"{name}.kernel"]] for name in ("stem", "block_2.depthwise", f"block_3.{inner}", "classifier")
    )
    if conventions == "keras":
        dense = dense.reshape(dense.shape[-2:])
        theirs = stem[2, 1, 0, 5], depthwise[2, 1, 7, 0], pointwise[0, 0, 6, 3], dense[8, 4]
    else:
        theirs = stem[5, 0, 2, 1], depthwise[7, 0, 2, 1], pointwise[3, 6, 0, 0], dense[4, 8]
    params = model.params
    assert theirs == (
        params["stem.kernel"][2, 1, 0, 5],
        params["block_2.depthwise.kernel"][2, 1, 7],
        params[f"block_3.{inner}.kernel"][6, 3],
        params["classifier.kernel"][8, 4],
    )


@pytest.mark.parametrize(("build", "conventions"), FAMILIES)
def test_what_is_exported_comes_back(build, conventions):
    source, model = filled(small(build, conventions)), small(build, conventions)
    arrays = {name: np.asarray(a, np.float64) for name, a in export_weights(source).items()}
    load_weights(model, arrays, conventions)
    for name, a in model.arrays().items():
        assert a.dtype == np.float32
        assert np.array_equal(a, source.arrays()[name])


def test_numbers_are_copied_both_ways():
    model = small(conventions="torchvision")
    arrays = export_weights(model)
    load_weights(model, arrays)
    for a in arrays.values():
        a += 1
    assert abs(model.params["classifier.kernel"]).max() < 1
    assert model.params["last_norm.scale"].max() == 1


def test_other_tables_and_output_strides_have_the_same_names():
    rows = [(1, 8, 1, 2), (3, 8, 2, 2), (3, 8, 1, 2)]
    for conventions in ("keras", "torchvision", "timm"):
        source = filled(mobilenet_v2(1.0, 4, rows=rows, conventions=conventions))
        model = mobilenet_v2(1.0, 4, rows=rows, conventions=conventions, output_stride=8, dtype=np.float64)
        load_weights(model, export_weights(source))
        for name, a in model.arrays().items():
            assert np.array_equal(a, source.arrays()[name])


def test_anything_that_numpy_can_read_is_taken():
    class Tensor:
        def __init__(self, a):
            self.a = a

        def __array__(self, dtype=None, copy=None):
            return self.a

    source, model = filled(small()), small()
    arrays = {name: Tensor(a) for name, a in export_weights(source).items()}
    arrays["bn_Conv1/gamma"] = list(range(16))
    arrays["bn_Conv1/beta"] = np.arange(16, dtype=np.float16)
    load_weights(model, arrays)
    assert np.array_equal(model.params["last.kernel"], source.params["last.kernel"])
    for name in ("stem_norm.scale", "stem_norm.shift"):
        assert np.array_equal(model.params[name], np.arange(16))


def test_counters_and_random_states_are_passed_over():
    for build, conventions in FAMILIES:
        arrays = export_weights(filled(small(build, conventions)))
        if conventions == "keras":
            arrays["seed_generator/seed_generator_state"] = np.zeros(2, np.uint32)
        else:
            norms = [name for name in arrays if name.endswith("running_mean")]
            assert len(norms) == (52 if build is mobilenet_v2 else 27)
            arrays |= {name.replace("running_mean", "num_batches_tracked"): np.array(3) for name in norms}
        load_weights(small(build, conventions), arrays)


@pytest.mark.parametrize("form", ["mobilenetv2_0.35_224/{}", "outer/mobilenetv2/{}", "{}:0", "model/{}:0"])
def test_kerass_names_may_have_a_models_in_front_and_a_number_behind(form):
    source, model = filled(small()), small()
    arrays = {form.format(name): a for name, a in export_weights(source).items()}
    load_weights(
        model, {name.replace("depthwise/kernel", "depthwise/depthwise_kernel"): a for name, a in arrays.items()}
    )
    assert np.array_equal(model.params["block_4.depthwise.kernel"], source.params["block_4.depthwise.kernel"])
    again = {**arrays, "another/Conv1/kernel": np.ones((3, 3, 3, 16))}
    assert refused(model, again) == (
        "load_weights: arrays must have Conv1/kernel once; got it again as another/Conv1/kernel"
    )


def test_all_that_does_not_fit_is_told_at_once_and_nothing_is_changed():
    model = small(conventions="timm")
    arrays = export_weights(filled(small(conventions="timm"), 2))
    del arrays["bn1.bias"], arrays["blocks.3.2.conv_dw.weight"]
    arrays["conv_stem.weight"] = arrays["conv_stem.weight"].transpose(2, 3, 1, 0)
    arrays["blocks.1.0.bn3.running_var"] = arrays["blocks.1.0.bn3.running_var"] + 0j
    arrays["bn2.running_mean"] = np.full(1280, 1e300)
    arrays["head.fc.weight"] = np.ones((5, 4))
    assert refused(model, arrays) == (
        "load_weights: the arrays don't fit in 6 places: missing bn1.bias (16,); "
        "missing blocks.3.2.conv_dw.weight (144, 1, 3, 3); "
        "left over head.fc.weight (5, 4); conv_stem.weight must be (16, 3, 3, 3), got (3, 3, 3, 16); "
        "blocks.1.0.bn3.running_var must hold real numbers, got dtype complex64; "
        "bn2.running_mean must hold numbers of float32, got 1e+300"
    )


def test_nothing_at_all_is_all_missing():
    words = refused(small(), {})
    assert words.count("missing") == 262
    assert words.endswith("missing predictions/kernel (1280, 10); missing predictions/bias (10,)")


@pytest.mark.parametrize(("build", "conventions"), FAMILIES)
def test_other_classes_are_told_and_can_be_left_aside(build, conventions):
    source = filled(small(build, conventions, 12))
    model = filled(small(build, conventions), 3)
    head = {name: a.copy() for name, a in model.params.items() if name.startswith("classifier.")}
    arrays = export_weights(source)
    words = refused(model, arrays)
    assert words.endswith("; build the model with classes=12, or keep its own classifier with classifier=False")
    assert words.count("must be") == 2
    load_weights(model, arrays, classifier=False)
    for name, a in model.arrays().items():
        assert np.array_equal(a, head[name] if name in head else source.arrays()[name])


def test_arrays_without_a_classifier_need_its_own_kept():
    source, model = filled(small()), small()
    arrays = {name: a for name, a in export_weights(source).items() if not name.startswith("predictions")}
    assert refused(model, arrays) == (
        "load_weights: the arrays don't fit: missing predictions/kernel (1280, 10); missing predictions/bias (10,); "
        "classifier=False keeps the model's own classifier"
    )
    load_weights(model, arrays, classifier=False)
    assert np.array_equal(model.params["last.kernel"], source.params["last.kernel"])
    assert "missing Conv1/kernel" in refused(model, {}, classifier=False)


def test_conventions_and_names_must_be_of_one_family():
    model = small(conventions="torchvision")
    why = (
        "the model has the padding and batch normalisation of torchvision, with which they would give other numbers; "
        "build it by mobilenet_v2(…, conventions='{0}')"
    )
    for other in ("keras", "timm"):
        arrays = export_weights(small(conventions=other))
        expected = f"load_weights: naming is '{other}', but {why.format(other)}"
        assert refused(model, arrays, naming=other) == expected
        assert refused(model, arrays) == f"load_weights: the arrays have {other}'s names, but {why.format(other)}"
    assert refused(model, {}, naming="pytorch") == (
        "load_weights: naming must be one of keras, torchvision, timm, transformers, slim; got 'pytorch'"
    )


def test_networks_without_published_weights_are_refused():
    assert refused(small(mobilenet_v1, "torchvision"), {}) == (
        "load_weights: torchvision has no mobilenet_v1; build the model by "
        "mobilenet_v1(…, conventions='keras' or 'timm')"
    )
    assert refused(small(mobilenet_v1), {}, naming="torchvision") == (
        "load_weights: naming is 'torchvision', but torchvision has no mobilenet_v1, and the model is one"
    )
    assert refused(small(mobilenet_v1, convolution="standard"), {}) == (
        "load_weights: no family has weights of mobilenet_v1 with standard convolutions"
    )
    with pytest.raises(ValueError, match="weight_names: torchvision has no mobilenet_v1"):
        weight_names(small(mobilenet_v1, "torchvision"))


def test_a_models_own_batch_normalisation_is_its_builders_choice():
    model = small(batch_norm=CONVENTIONS["torchvision"])
    load_weights(model, export_weights(filled(small())))
    assert model.layers["stem_norm"].epsilon == 1e-5


def test_other_kinds_of_arguments_are_refused():
    model, arrays = small(), export_weights(small())
    for function in (lambda m: load_weights(m, arrays), export_weights, weight_names):
        with pytest.raises(TypeError, match=r"model must be a MobileNet or SSDLite or Segmenter; got Sequential"):
            function(small_mobilenet_v2())
    with pytest.raises(TypeError, match="load_weights: arrays must be a mapping from names to arrays; got list"):
        load_weights(model, list(arrays.items()))
    with pytest.raises(TypeError, match="load_weights: the names of arrays must be str; got 3"):
        load_weights(model, {3: np.ones(2)})
    with pytest.raises(TypeError, match="load_weights: classifier must be a bool or the name of a layer; got 3"):
        load_weights(model, arrays, classifier=3)
    with pytest.raises(ValueError, match=r"classifier must be the name of .*; got 'no', .* have predictions for 10 cl"):
        load_weights(model, arrays, classifier="no")


@pytest.mark.parametrize("kind", [TypeError, ValueError, RuntimeError])
def test_what_cannot_be_read_is_named_with_the_reason(kind):
    class Elsewhere:
        def __array__(self, dtype=None, copy=None):
            raise kind("it lies on another device")

    arrays = {**export_weights(small()), "Conv_1/kernel": Elsewhere()}
    with pytest.raises(
        TypeError, match="load_weights: Conv_1/kernel can't be made an array: it lies on another device"
    ):
        load_weights(small(), arrays)


def test_numbers_that_are_no_weights_are_refused_with_all_else_that_does_not_fit():
    model = mobilenet_v2(0.35, 4, conventions="timm")
    before = {name: a.copy() for name, a in model.arrays().items()}
    arrays = export_weights(model)
    arrays["bn1.running_var"][3] = -2
    arrays["conv_stem.weight"][0, 0, 0, 0] = np.nan
    arrays["bn1.bias"] = np.ones(3)
    arrays["bn2.running_mean"][0] = -5  # means may be anything
    assert refused(model, arrays) == (
        "load_weights: the arrays don't fit: bn1.bias must be (16,), got (3,); conv_stem.weight must be finite; "
        "bn1.running_var must not be negative, got -2"
    )
    assert all(np.array_equal(a, before[name]) for name, a in model.arrays().items())
    arrays = export_weights(model)
    arrays["classifier.weight"][...] = np.nan  # of which nothing is asked where it is passed over
    load_weights(model, arrays, classifier=False)


def test_names_of_which_none_is_known_are_told_shortly():
    model = mobilenet_v2(0.35, 4, conventions="torchvision")
    arrays = export_weights(model)
    assert refused(model, {f"{name}.0": a for name, a in arrays.items()}) == (
        "load_weights: arrays must be a MobileNet's; got 262, such as features.0.0.weight.0, "
        "features.1.conv.0.0.weight.0, features.1.conv.1.weight.0; of all names keras's of mobilenet_v1 are "
        "the nearest, with 0% in common"
    )
    assert "got 1, such as a; of all" in refused(model, {"a": np.ones(3)})


def test_a_file_keeps_the_conventions(tmp_path):
    path = tmp_path / "network.npz"
    model = filled(mobilenet_v2(0.35, 4, conventions="torchvision"))
    model.save(path)
    same = mobilenet_v2(0.35, 4, conventions="torchvision", output_stride=16, seed=5)
    same.load(path)
    assert all(np.array_equal(a, same.arrays()[name]) for name, a in model.arrays().items())
    other = mobilenet_v2(0.35, 4, seed=5)
    before = {name: a.copy() for name, a in other.arrays().items()}
    with pytest.raises(
        ValueError, match=r"MobileNet\.load: .*conventions 'torchvision'.*mobilenet_v2\(…, conventions='tor"
    ):
        other.load(path)
    assert all(np.array_equal(a, before[name]) for name, a in other.arrays().items())
    with pytest.raises(ValueError, match=r"MobileNet\.load: .*network\.npz don't fit: classifier"):
        mobilenet_v2(0.35, 5, conventions="torchvision").load(path)
    Sequential(dict(other.layers)).save(path)  # a file that says nothing of conventions
    same.load(path)
    assert np.array_equal(same.params["stem.kernel"], other.params["stem.kernel"])
