"""Names that checkpoints, wrappers and files decorate, and the family that is found by them."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_advice import Group, counted, filled, grouped, layer, source, tiny, without

from npconv.models import export_weights, load_weights, mobilenet_v1, mobilenet_v2, mobilenet_v3
from npconv.models.keras_order import UNTOLD
from npconv.models.known_names import tables
from npconv.models.naming import computed_as
from npconv.models.plain_names import plain_names
from npconv.models.recognition import recognise

ORDER = json.loads(Path(__file__).with_name("keras_order.json").read_text(encoding="utf-8"))
BUILDERS = {
    "mobilenet_v1": lambda: mobilenet_v1(0.1, 10),
    "mobilenet_v2": lambda: mobilenet_v2(0.1, 10),
    "mobilenet_v3 large": lambda: mobilenet_v3("large", 0.1, 10),
    "mobilenet_v3 small": lambda: mobilenet_v3("small", 0.1, 10),
    "mobilenet_v3 small minimalistic": lambda: mobilenet_v3("small", 0.1, 10, minimalistic=True),
}
VARIABLES = ("kernel", "bias"), ("gamma", "beta", "moving_mean", "moving_variance")


def in_keras_file(network, arrays, container="layers/"):
    """A network's arrays as Keras 3's weight file has them, flat: by class, number and variable."""
    places = {}
    for kind, names in ORDER[network].items():
        for number, name in enumerate(names):
            variables = [part for part in VARIABLES[kind == "batch_normalization"] if f"{name}/{part}" in arrays]
            for i, part in enumerate(variables):
                places[f"{container}{kind}{f'_{number}' if number else ''}/vars/{i}"] = arrays[f"{name}/{part}"]
    return places


def same(model, other):
    own, theirs = (each if isinstance(each, dict) else each.arrays() for each in (model, other))
    assert all(np.array_equal(a, theirs[name]) for name, a in own.items())


def nested(flat):
    """Groups in groups, as h5py has them, from paths."""
    groups = {}
    for path, a in flat.items():
        *parents, last = path.split("/")
        place = groups
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = a
    return groups


def slots(arrays, *names):
    return {f"{name}/{slot}": a * 0 for name, a in arrays.items() for slot in names}


@pytest.mark.parametrize(
    ("network", "container"),
    [
        *((network, "layers/") for network in BUILDERS),
        *(("mobilenet_v1", form) for form in ("layers/functional/layers/", "_layer_checkpoint_dependencies/")),
    ],
)
def test_kerass_layers_by_class_and_number_are_named_in_their_order(network, container):
    full = filled(BUILDERS[network](), 1)
    arrays = in_keras_file(network, export_weights(full), container)
    assert len(arrays) == len(export_weights(full))
    backwards = dict(reversed(arrays.items())) | {
        "optimizer/vars/0": np.array(3),
        "optimizer/vars/1": np.ones((3, 3, 3, 8)),
    }
    model = BUILDERS[network]()
    load_weights(model, backwards)
    same(model, full)


def test_layers_by_class_and_number_have_names_only_where_they_are_just_a_mobilenets():
    arrays = in_keras_file("mobilenet_v2", export_weights(mobilenet_v2(0.1, 10)))
    head = {"layers/dense/vars/0": np.ones((1280, 10)), "layers/dense/vars/1": np.ones(10)}
    assert "predictions/kernel" in plain_names(arrays | head)
    more = {"layers/dense_1/vars/0": np.ones((10, 7)), "layers/dense_1/vars/1": np.ones(7)}
    assert {"dense/kernel", "dense_1/bias", "Conv1/kernel"} <= plain_names(arrays | more).keys()
    aside = {"head/vars/0": np.ones((1280, 7)), "head/vars/1": np.ones(7)}
    assert {"head/kernel", "head/bias", "Conv1/kernel"} <= plain_names(arrays | aside).keys()
    for between in (
        {"layers/conv2d_35/vars/0": np.ones((1, 1, 1280, 9))},
        {"layers/depthwise_conv2d_17/vars/0": arrays["layers/depthwise_conv2d/vars/0"]},
    ):
        assert "Conv1/kernel" not in plain_names(arrays | between)
    norm = {f"layers/batch_normalization_52/vars/{i}": np.ones(9) for i in range(4)}
    assert "conv2d/kernel" in plain_names(arrays | norm)
    five = arrays | {"layers/depthwise_conv2d/vars/0": np.ones((5, 5, 8, 1))}
    assert "Conv1/kernel" not in plain_names(five)


def test_a_group_in_groups_with_its_layers_name_needs_no_order():
    full = filled(mobilenet_v2(0.1, 10), 1)
    groups = {
        f"conv2d_{i}": Group({"vars": Group({str(k): a for k, a in enumerate(group.values())}, name=name)})
        for i, (name, group) in enumerate(grouped(export_weights(full)).items())
    }
    model = mobilenet_v2(0.1, 10)
    load_weights(model, {"layers": groups, "vars": Group({}, name="network"), "optimizer": {"vars": {"0": np.ones(3)}}})
    same(model, full)


KERAS_FORMS = {
    "in front and behind": lambda a: {f"mobilenetv2_1.00_224/{name}:0": each for name, each in a.items()},
    "an older file": lambda a: nested({f"model_weights/{n.split('/')[0]}/{n}:0": each for n, each in a.items()}),
    "a nested model in an older file": lambda a: nested(
        {f"model_weights/mobilenetv2_1.00_224/{n}": e for n, e in a.items()}
    ),
    "an optimizer beside": lambda a: nested(
        {f"model_weights/{name}": each for name, each in a.items()}
        | {f"optimizer_weights/adam/{name.replace('/', '_')}_momentum": each for name, each in a.items()}
        | {f"optimizer_weights/Adam/{name}/m:0": each for name, each in a.items()}
        | {"optimizer_weights/adam/iteration": np.array(7)}
    ),
    "the same, flat": lambda a: (
        {f"model_weights/{name}:0": each for name, each in a.items()}
        | {f"optimizer_weights/Adam/{name}/m:0": each for name, each in a.items()}
    ),
    "slots at each name": lambda a: a | slots(a, "Adam", "Adam_1", "ExponentialMovingAverage"),
    "depthwise_kernel": lambda a: {
        n.replace("depthwise/kernel", "depthwise/depthwise_kernel:0"): e for n, e in a.items()
    },
    "scalars and words": lambda a: (
        a | {"step": np.array(3), "loss": 0.5, "classes": np.array(["cat", "dog"]), "by": None}
    ),
}
TORCH_FORMS = {
    "DataParallel": lambda a: {f"module.{name}": each for name, each in a.items()},
    "a compiled model": lambda a: {f"_orig_mod.{name}": each for name, each in a.items()},
    "prefixes in a row": lambda a: {f"model.backbone.module.{name}": each for name, each in a.items()},
    "state_dict": lambda a: {
        "epoch": 3,
        "state_dict": a,
        "optimizer": {"state": {0: {"exp_avg": [1]}}, "param_groups": []},
    },
    "keys of one's own": lambda a: {"net_state": a, "optim": {"state": {0: {"exp_avg": np.ones((3, 3))}}}},
    "the same, joined by slashes": lambda a: (
        {f"net_state/module.{name}": each for name, each in a.items()} | {"optim/state/0/exp_avg": np.ones((3, 3))}
    ),
    "an optimizer among the weights": lambda a: a | {"optimizer": {"state": {0: {"exp_avg": np.ones(3)}}}},
    "model_state_dict": lambda a: {
        "model_state_dict": a,
        "optimizer_state_dict": {"state": {}},
        "loss": 0.1,
        "args": object(),
    },
    "model": lambda a: {"model": a, "model_ema": {name: each * 0 for name, each in a.items()}, "lr_schedulers": [{}]},
    "net": lambda a: {"net": {f"module.{name}": each for name, each in a.items()}, "acc": 93.1},
    "a wrapper in a wrapper": lambda a: {"state_dict": {"model": a, "epoch": 3}},
    "a Lightning checkpoint": lambda a: {
        "state_dict": {f"model.{name}": each for name, each in a.items()},
        "callbacks": {"ModelCheckpoint": {"best": 1}},
        "hyper_parameters": {"lr": 0.1},
    },
    "wrappers joined by slashes": lambda a: (
        {f"state_dict/module.{name}": each for name, each in a.items()}
        | {f"state_dict_ema/module.{name}": each * 0 for name, each in a.items()}
        | {"epoch": 3, "optimizer/state/0/exp_avg": np.ones((16, 3, 3, 3))}
    ),
}


@pytest.mark.parametrize("form", KERAS_FORMS)
def test_kerass_names_are_found_in_every_form(form):
    model = tiny()
    load_weights(model, KERAS_FORMS[form](source()))
    same(model, tiny(seed=1))


@pytest.mark.parametrize("conventions", ["torchvision", "timm"])
@pytest.mark.parametrize("form", TORCH_FORMS)
def test_torchs_names_are_found_in_every_form(form, conventions):
    model = tiny(10, conventions)
    load_weights(model, TORCH_FORMS[form](source(conventions)))
    same(model, tiny(10, conventions, seed=1))


def test_slims_names_are_found_beside_slots_and_averages():
    arrays = export_weights(tiny(seed=1), "slim")
    beside = slots(arrays, "RMSProp", "RMSProp_1", "ExponentialMovingAverage") | {"global_step": np.array(9)}
    for form in ("{}", "FeatureExtractor/{}", "module/{}:0", "MobilenetV2/{}"):
        model = tiny()
        load_weights(model, {form.format(name): a for name, a in (beside | arrays).items()})
        same(model, tiny(seed=1))


def test_transformers_networks_without_a_classifier_have_shorter_names():
    for build in (tiny, lambda **options: filled(mobilenet_v1(0.1, 10), options.get("seed"))):
        full, model = build(seed=1), build()
        arrays = without(export_weights(full, "transformers"), "classifier")
        for front in ("", "module.", "encoder."):
            short = {front + name.partition(".")[2]: a for name, a in arrays.items()}
            load_weights(model, short | {"head.weight": np.ones((7, 1280))}, classifier=False)
            assert np.array_equal(model.params["stem.kernel"], full.params["stem.kernel"])
            with pytest.raises(ValueError, match=r"missing mobilenet_v[12]"):
                load_weights(model, dict(list(short.items())[3:]), classifier=False)


def test_torchvisions_features_by_themselves_get_their_name_in_front():
    """As in a network that holds them as its backbone, or as the first part of a Sequential."""
    full, model = tiny(10, "torchvision", seed=1), tiny(10, "torchvision")
    arrays = without(export_weights(full), "classifier")
    for front, head in (("backbone.", "fc"), ("0.", "3"), ("module.net.0.", "module.net.2"), ("", "classifier")):
        part = {front + name.removeprefix("features."): a for name, a in arrays.items()}
        load_weights(model, part | layer(head, 1280, 10, torch=True), classifier=head)
        same(without(model.arrays(), "classifier"), without(full.arrays(), "classifier"))


@pytest.mark.parametrize("left_out", [("gamma",), ("beta",), ("gamma", "beta")])
def test_layers_by_class_and_number_may_lack_scale_or_shift(left_out):
    arrays = without_endings(export_weights(filled(BUILDERS["mobilenet_v2"](), 1)), *left_out)
    flat, groups = counted(arrays)
    for given in (flat, groups):
        names = plain_names(given)
        told = {name.replace("gamma", UNTOLD).replace("beta", UNTOLD) for name in arrays}
        assert names.keys() == told
        for name in arrays.keys() & told:
            assert np.array_equal(names[name], arrays[name])
        if len(left_out) == 2:
            load_weights(BUILDERS["mobilenet_v2"](), given)


def without_endings(arrays, *endings):
    return {name: a for name, a in arrays.items() if not name.endswith(endings)}


def test_wrappers_of_other_kinds_are_groups():
    names = plain_names(
        {"model": {"layers": {"dense": {"vars": {"0": np.ones((3, 2))}}}}, "head": {"kernel": np.ones((2, 2))}}
    )
    assert list(names) == ["dense/kernel", "head/kernel"]


def test_networks_that_are_no_mobilenets_are_told_so_with_the_best_share():
    resnet = {f"layer{i}.{j}.conv{k}.weight": np.ones((8, 8, 3, 3)) for i in (1, 2) for j in (0, 1) for k in (1, 2)}
    resnet |= {"conv1.weight": np.ones((8, 3, 7, 7)), "bn1.weight": np.ones(8), "fc.weight": np.ones((9, 8))}
    bert = {
        f"bert.encoder.layer.{i}.attention.self.{part}.weight": np.ones((8, 8))
        for i in range(12)
        for part in ("query", "key")
    }
    blocks = [(0, 1), (1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (6, 1)]
    efficientnet = {
        "conv_stem.weight": np.ones((8, 3, 3, 3)),
        "conv_head.weight": np.ones((8, 8, 1, 1)),
        "bn1.weight": np.ones(8),
    }
    for stage, count in blocks:
        for i in range(count):
            parts = ("conv_dw", "conv_pw", "se.conv_reduce", "se.conv_expand") + (("conv_pwl",) if stage else ())
            efficientnet |= {f"blocks.{stage}.{i}.{part}.weight": np.ones((8, 8, 1, 1)) for part in parts}
    for arrays, share in ((resnet, 0), (bert, 0), (efficientnet, 60)):
        with pytest.raises(
            ValueError, match=rf"^recognise: arrays must be a MobileNet's; got .*, with {share}% in common$"
        ):
            recognise(arrays)
        for model in (mobilenet_v2(0.1, 4, conventions="timm"), mobilenet_v3("large", 0.1, 4, conventions="timm")):
            with pytest.raises(ValueError, match=r"^load_weights: arrays must be a MobileNet's; got"):
                load_weights(model, arrays, classifier=False)


def test_every_published_network_is_recognised_under_all_its_names():
    for table in tables():
        arrays = {name: a for name, (_, a) in table.named.items()}
        assert recognise(arrays) == (table.architecture, table.naming, 1)


def test_one_name_in_common_tells_no_family():
    given = source("torchvision") | {"Conv1/kernel": np.ones((3, 3, 3, 32))}
    assert (
        recognise(
            export_weights(mobilenet_v2(0.35, conventions="torchvision")) | {"Conv1/kernel": np.ones((3, 3, 3, 16))}
        )[1]
        == "torchvision"
    )
    with pytest.raises(ValueError, match="the arrays have torchvision's names, but the model has the padding"):
        load_weights(tiny(), given)


def dense(name, outputs=7, inputs=1280):
    return layer(name, inputs, outputs)


def linear(name, outputs=7, inputs=1280):
    return layer(name, inputs, outputs, torch=True)


# other heads, and arrays with names like the backbone's
FOREIGN = {
    "keras": ([dense("dense"), dense("dense_1", 9) | dense("dense_2", 7, 9), dense("conv2d_5")],
              ["block_7_expand/kernel", "Conv_2/kernel"]),
    "torchvision": ([linear("classifier"), linear("classifier.1", 9) | linear("classifier.4", 7, 9), linear("fc")],
                    ["features.9.0.weight"]),
    "timm": ([linear("head.fc"), linear("classifier"), linear("classifier.0")],
             ["blocks.2.0.conv_dw.weight", "bn3.weight"]),
    "slim": ([{"MobilenetV2/Logits/output/weights": np.ones((1, 1, 1280, 7))}, {"top/weights": np.ones((1280, 7))}],
             ["MobilenetV2/expanded_conv_2/x/weights"]),
    "transformers": ([linear("head"), linear("classifier.0")], ["mobilenet_v2.layer.7.weight"]),
}  # fmt: skip


@pytest.mark.parametrize("naming", FOREIGN)
def test_foreign_heads_are_passed_over_and_the_backbones_parts_never(naming):
    conventions, (heads, extras) = computed_as(naming), FOREIGN[naming]
    full, model = tiny(10, conventions, seed=1), tiny(10, conventions)
    backbone = without(export_weights(full, naming), "predictions", "classifier", "MobilenetV2/Logits")
    name = next(name for name in backbone if "1" in name)
    misnamed = {(each + "x" if each == name else each): a for each, a in backbone.items()}
    for head in heads:
        load_weights(model, backbone | head, classifier=False)
        assert np.array_equal(model.params["last.kernel"], full.params["last.kernel"])
        with pytest.raises(ValueError, match=f"missing {name}"):
            load_weights(model, misnamed | head, classifier=False)
        for extra in extras:
            with pytest.raises(ValueError, match=f"don't fit: left over {extra}"):
                load_weights(model, backbone | head | {extra: np.ones((2, 2))}, classifier=False)


def test_a_linear_layer_is_taken_by_its_name_alone():
    head = layer("dense", 1280, 10)
    given = without(source(), "predictions") | head | layer("age", 1280, 100)
    for name in ("dense", "model/dense", "model_weights/head/dense"):
        model = tiny()
        load_weights(model, given, classifier=name)
        assert np.array_equal(model.params["classifier.kernel"], head["dense/kernel"])
        assert np.array_equal(model.params["classifier.bias"], head["dense/bias"])
    load_weights(model, without(given, "dense/bias"), classifier="dense")
    assert not model.params["classifier.bias"].any()
    with pytest.raises(ValueError, match=r"got 'gender', the arrays have dense for 10 classes, age for 100 classes"):
        load_weights(model, given, classifier="gender")
    with pytest.raises(ValueError, match=r"don't fit: predictions/kernel must be \(1280, 10\), got \(1280, 100\)"):
        load_weights(model, given, classifier="age")
    torch = without(source("torchvision"), "classifier") | layer("fc", 1280, 10, torch=True)
    model = tiny(10, "torchvision")
    load_weights(model, {f"module.{name}": a for name, a in torch.items()}, classifier="module.fc")
    assert np.array_equal(model.params["classifier.kernel"], layer("fc", 1280, 10)["fc/kernel"])
    v1 = mobilenet_v1(0.1, 10)  # whose own classifier is a 1×1 convolution
    dense = layer("dense", v1.params["classifier.kernel"].shape[0], 10)
    load_weights(v1, without(export_weights(v1), "conv_preds") | dense, classifier="dense")
    assert np.array_equal(v1.params["classifier.kernel"], dense["dense/kernel"])


def test_v3s_hidden_layer_is_another_heads_where_its_size_is_another():
    full, model = (
        filled(mobilenet_v3("small", 0.1, 10, conventions="torchvision"), 1),
        mobilenet_v3("small", 0.1, 10, conventions="torchvision"),
    )
    arrays = export_weights(full)
    inputs = arrays["classifier.0.weight"].shape[1]
    hidden = model.params["hidden.kernel"].copy()
    load_weights(
        model,
        without(arrays, "classifier") | layer("classifier.0", inputs, 64, True) | layer("classifier.2", 64, 7, True),
        classifier=False,
    )
    assert np.array_equal(model.params["hidden.kernel"], hidden)
    assert np.array_equal(model.params["last.kernel"], full.params["last.kernel"])
    with pytest.raises(ValueError, match=r"missing classifier\.0\.bias"):
        load_weights(model, without(arrays, "classifier.0.bias"), classifier=False)
    load_weights(
        model,
        without(arrays, "classifier.3") | layer("top", arrays["classifier.3.weight"].shape[1], 10, True),
        classifier="top",
    )
    assert np.array_equal(model.params["hidden.kernel"], full.params["hidden.kernel"])


def test_arrays_of_two_networks_keep_no_prefix():
    both = source("timm") | {f"ema.{name}": a * 0 for name, a in source("timm").items()}
    model = tiny(10, "timm")
    with pytest.raises(ValueError, match=r"left over ema\.conv_stem\.weight"):
        load_weights(model, both)
