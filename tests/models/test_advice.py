"""Each piece of advice that load_weights and from_weights give, followed word by word until the arrays are loaded."""

import re
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Any

import numpy as np
import pytest

import npconv.models
from npconv.models import (
    LRASPP,
    MobileNet,
    export_weights,
    from_weights,
    load_weights,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    ssdlite,
    weight_names,
)
from npconv.models.advice import ADVICE

ROWS = [(1, 8, 1, 2), (3, 8, 2, 2)]
DETECTOR = {"reduced_tail": True, "conventions": "torchvision"}
OPTIONS = {"mobilenet_v1": "0.1, 10", "mobilenet_v2": "1.0, 10, rows=ROWS", "mobilenet_v3": "0.1, 10"}


def tiny(classes=10, conventions="keras", seed=None):
    """A MobileNetV2 of two blocks, with random numbers in all arrays where there is a seed."""
    return filled(mobilenet_v2(1.0, classes, rows=ROWS, conventions=conventions), seed)


def headless(model):
    return model.with_layers({name: layer for name, layer in model.layers.items() if name != "classifier"})


def filled(model, seed):
    if seed is not None:
        rng = np.random.default_rng(seed)
        for a in model.arrays().values():
            a[...] = rng.uniform(0.5, 2, a.shape)
    return model


@dataclass(frozen=True)
class Call:
    """A call of load_weights, or of from_weights without a model; and what the arrays' own network has beside them.

    These are its state, or in `more` the same arrays as another file has them.
    """

    model: MobileNet | None
    arrays: Any
    options: dict = field(default_factory=dict)
    more: Any = None


class Group(dict):
    """A group as h5py has it: a mapping with attributes."""

    def __init__(self, content, **attrs):
        super().__init__(content)
        self.attrs = attrs


class Tensor:
    """A tensor that has gradients."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    detach = float = cpu = lambda self: self

    def numpy(self):
        return self.a


class Module:
    def __init__(self, arrays):
        self.arrays = arrays

    def state_dict(self):
        return self.arrays


@dataclass
class Variable:
    path: str
    a: Any

    def __array__(self, dtype=None, copy=None):
        return self.a


class Model:
    def __init__(self, arrays):
        self.weights = [Variable(name, a) for name, a in arrays.items()]

    def state_dict(self):  # which a Keras model on torch has too, with numbers in place of names
        return {f"_torch_params.{i}": variable.a for i, variable in enumerate(self.weights)}


def source(conventions="keras", classes=10):
    return export_weights(tiny(classes, conventions, seed=1))


def whole(conventions="keras", classes=10):
    """The arrays of a MobileNetV2 with all its blocks."""
    return export_weights(filled(mobilenet_v2(0.1, classes, conventions=conventions), 1))


def without(arrays, *starts):
    return {name: a for name, a in arrays.items() if not name.startswith(starts)}


def layer(name, inputs, outputs, torch=False):
    kernel = np.arange(inputs * outputs, dtype=np.float32).reshape(inputs, outputs)
    bias = np.arange(outputs, dtype=np.float32)
    return (
        {f"{name}.weight": kernel.T, f"{name}.bias": bias}
        if torch
        else {f"{name}/kernel": kernel, f"{name}/bias": bias}
    )


def counted(named):
    """A Keras 3 file's arrays by class and number, flat and in groups with the layers' names."""
    counts, flat, groups = {}, {}, {}
    for name, arrays in grouped(named).items():
        kind = kind_of(name, arrays)
        number = counts[kind] = counts.get(kind, -1) + 1
        place = f"{kind}_{number}" if number else kind
        variables = {str(i): a for i, a in enumerate(arrays.values())}
        groups[place] = Group({"vars": Group(variables, name=name)})
        flat |= {f"layers/{place}/vars/{i}": a for i, a in variables.items()}
    return flat, Group({"layers": Group(groups), "vars": Group({}, name="network")})


def grouped(arrays):
    groups = {}
    for name, a in arrays.items():
        groups.setdefault(name.partition("/")[0], {})[name.partition("/")[2]] = a
    return groups


def kind_of(name, arrays):
    if "moving_mean" in arrays:
        return "batch_normalization"
    if arrays["kernel"].ndim == 2:
        return "dense"
    return "depthwise_conv2d" if name.endswith("depthwise") else "conv2d"


def by_number(model):
    named = export_weights(filled(mobilenet_v2(0.1, 10), 1))
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    between = {"head_conv/kernel": np.ones((1, 1, 1280, 4)), **{f"head_norm/{each}": np.ones(4) for each in norm}}
    flat, groups = counted(between | named)
    return Call(model, flat, more={"groups": groups, "named": named})


def without_shift(left_out):
    named = export_weights(filled(mobilenet_v2(0.1, 10), 1))
    named = {name: a for name, a in named.items() if not name.endswith(left_out)}
    return Call(mobilenet_v2(0.1, 10), counted(named)[0], more={"named": named})


def in_h5(named):
    """Arrays as Keras's older file has them."""
    return {"model_weights": {f"{name.split('/')[0]}/{name}:0": a for name, a in named.items()}}


def backbone(**options):
    return mobilenet_v3("large", 0.35, 10, **DETECTOR, **options)


def detector(classes=10, seed=None, boxes="torchvision"):
    """torchvision's detector, narrow."""
    return filled(ssdlite(backbone(), classes, boxes=boxes), seed)


def segmenter(classes=10, seed=None):
    """torchvision's LR-ASPP, narrow."""
    trunk = mobilenet_v3("large", 0.35, 10, conventions="torchvision", output_stride=16)
    return filled(lr_aspp(trunk, classes), seed)


def statistics():
    whole = source()
    given = {name: a for name, a in whole.items() if "moving" not in name}
    return Call(tiny(), given, more=whole)


CASES = {
    "other classes": ("classes", lambda: Call(tiny(), source(classes=12))),
    "torch: other classes, DataParallel": (
        "classes",
        lambda: Call(tiny(10, "torchvision"), {f"module.{name}": a for name, a in source("torchvision", 7).items()}),
    ),
    "a network without a classifier": ("pass", lambda: Call(headless(tiny()), source())),
    "no classifier": ("own", lambda: Call(tiny(), without(source(), "predictions"))),
    "head of two layers": (
        "own",
        lambda: Call(tiny(), without(source(), "predictions") | layer("dense", 1280, 64) | layer("dense_1", 64, 7)),
    ),
    "torch: head of two layers under the classifier's name": (
        "own",
        lambda: Call(
            tiny(10, "torchvision"),
            without(source("torchvision"), "classifier")
            | layer("classifier.1", 1280, 64, torch=True)
            | layer("classifier.4", 64, 10, torch=True),
        ),
    ),
    "one layer": ("layer", lambda: Call(tiny(), without(source(), "predictions") | layer("dense", 1280, 10))),
    "one layer of other classes": (
        "layer",
        lambda: Call(tiny(), without(source(), "predictions") | layer("dense", 1280, 7)),
    ),
    "torch: nn.Linear in the classifier's place": (
        "layer",
        lambda: Call(
            tiny(10, "torchvision"),
            without(source("torchvision"), "classifier") | layer("classifier", 1280, 7, torch=True),
        ),
    ),
    "a layer without bias": (
        "layer",
        lambda: Call(tiny(), without(source(), "predictions/bias")),
    ),
    "two heads": (
        "layer",
        lambda: Call(tiny(), without(source(), "predictions") | layer("age", 1280, 100) | layer("gender", 1280, 2)),
    ),
    "other conventions": ("build", lambda: Call(tiny(10, "torchvision"), source())),
    "another naming with Keras's conventions": (
        "build",
        lambda: Call(tiny(10, "timm"), export_weights(tiny(seed=1), "slim")),
    ),
    "another architecture": (
        "build",
        lambda: Call(tiny(), export_weights(filled(mobilenet_v1(0.1, 10, conventions="timm"), 1))),
    ),
    "another size": (
        "build",
        lambda: Call(mobilenet_v3("small", 0.1, 10), export_weights(filled(mobilenet_v3("large", 0.1, 10), 1))),
    ),
    "naming": ("naming", lambda: Call(tiny(), export_weights(tiny(seed=1), "slim"), {"naming": "keras"})),
    "a folded network": ("folded", lambda: Call(tiny(), export_weights(tiny(seed=1).folded()))),
    "no running statistics": ("statistics", statistics),
    "tensors with gradients": (
        "tensor",
        lambda: Call(tiny(10, "timm"), {name: Tensor(a) for name, a in source("timm").items()}),
    ),
    "a module": ("state_dict", lambda: Call(tiny(10, "timm"), Module(source("timm")))),
    "a Keras model": ("weights", lambda: Call(tiny(), Model(source()))),
    "two networks": (
        "prefix",
        lambda: Call(
            tiny(10, "timm"),
            {f"{who}.{name}": a for who in ("student", "teacher") for name, a in source("timm").items()},
        ),
    ),
    "two checkpoints": (
        "part",
        lambda: Call(tiny(10, "timm"), {"epoch": 3, "model": source("timm"), "net": source("timm")}),
    ),
    "two networks in a group": (
        "part",
        lambda: Call(
            tiny(10, "timm"),
            {"nets": {f"{who}.{name}": a for who in ("student", "teacher") for name, a in source("timm").items()}},
        ),
    ),
    "layers by number with others between": ("by_number", lambda: by_number(mobilenet_v2(0.1, 10))),
    "the same, for a network to be built": ("by_number", lambda: by_number(None)),
    "normalisation without scale, by number": ("scale_or_shift", lambda: without_shift("gamma")),
    "normalisation without shift, by number": ("scale_or_shift", lambda: without_shift("beta")),
    "a network to be built: two heads": (
        "take",
        lambda: Call(None, without(whole(), "predictions") | layer("age", 1280, 100) | layer("gender", 1280, 2)),
    ),
    "a network to be built: another head beside its own": (
        "take",
        lambda: Call(None, whole() | layer("age", 1280, 100)),
    ),
    "a network to be built: head of two layers": (
        "leave",
        lambda: Call(None, without(whole(), "predictions") | layer("dense", 1280, 64) | layer("dense_1", 64, 7)),
    ),
    "a network to be built: the first of two layers under the classifier's name": (
        "leave",
        lambda: Call(None, whole("torchvision") | layer("classifier.4", 10, 7, torch=True)),
    ),
    "a network to be built: as many hidden channels as inputs": (
        "leave",
        lambda: Call(None, whole("torchvision", 1280) | layer("classifier.4", 1280, 7, torch=True)),
    ),
    "as many hidden channels as inputs": (
        "own",
        lambda: Call(
            tiny(1280, "torchvision"), source("torchvision", 1280) | layer("classifier.4", 1280, 7, torch=True)
        ),
    ),
    "a classifier with axes in another order": (
        "own",
        lambda: Call(tiny(), source() | {"predictions/kernel": source()["predictions/kernel"].T}),
    ),
    "a bias for other classes than the kernel's": (
        "own",
        lambda: Call(tiny(), source() | {"predictions/bias": np.ones(7)}),
    ),
    "a detector of other classes": ("classes", lambda: Call(detector(), export_weights(detector(3, 1)))),
    "a detector without the last convolutions for its classes": (
        "own",
        lambda: Call(
            detector(),
            without(
                export_weights(detector(10, 1)), *(f"head.classification_head.module_list.{i}.1" for i in range(6))
            ),
        ),
    ),
    "a detector with other default boxes": (
        "boxes",
        lambda: Call(detector(boxes="tensorflow"), export_weights(detector(10, 1))),
    ),
    "a folded detector": ("folded", lambda: Call(detector(), export_weights(detector(10, 1).folded()))),
    "a detector for a MobileNetV3": ("backbone", lambda: Call(backbone(), export_weights(detector(10, 1)))),
    "a detector for a MobileNetV2": ("build", lambda: Call(tiny(), export_weights(detector(10, 1)))),
    "a MobileNetV3 for a detector": ("network", lambda: Call(detector(), export_weights(filled(backbone(), 1)))),
    "a segmentation network without its low scores": (
        "own",
        lambda: Call(segmenter(), without(export_weights(segmenter(10, 1)), "classifier.low_classifier")),
    ),
    "a segmentation network of other classes": ("classes", lambda: Call(segmenter(), export_weights(segmenter(3, 1)))),
    "a segmentation network for a MobileNetV3": (
        "backbone",
        lambda: Call(mobilenet_v3("large", 0.35, 10, conventions="torchvision"), export_weights(segmenter(10, 1))),
    ),
    "a segmentation network for a detector": ("build", lambda: Call(detector(), export_weights(segmenter(10, 1)))),
    "a MobileNetV3 for a segmentation network": (
        "network",
        lambda: Call(
            segmenter(), export_weights(filled(mobilenet_v3("large", 0.35, 10, conventions="torchvision"), 1))
        ),
    ),
    # one after the other
    "other conventions, then another head": (
        "build",
        lambda: Call(tiny(10, "torchvision"), without(source(), "predictions") | layer("dense", 1280, 7)),
    ),
    "tensors, then other classes": (
        "tensor",
        lambda: Call(tiny(10, "timm"), {name: Tensor(a) for name, a in source("timm", 7).items()}),
    ),
}


def pattern(text):
    """A piece of advice as a regular expression, its values as groups."""
    parts = ((re.escape(words), name) for words, name, _, _ in Formatter().parse(text))
    return "".join(words + (f"(?P<{name}>.+)" if name else "") for words, name in parts)


def followed(kind, values, call):
    """The calls that a piece of advice leads to: one, or several where it offers a choice."""
    keeps = replace(call, options=call.options | {"classifier": False})
    if kind == "build":
        return [replace(call, model=built(values["call"]), options={})]
    if kind == "backbone":
        return [keeps, replace(call, model=built(values["call"]))]
    if kind == "network":
        return [replace(keeps, model=call.model.network)]
    if kind == "boxes":
        return [replace(call, model=detector(boxes="torchvision"))]
    if kind == "classes":
        return [replace(call, model=rebuilt(call, int(values["classes"]))), keeps]
    if kind in ("layer", "take"):
        return [keeps, *(with_layer(call, option) for option in values["options"].split(" or "))]
    if kind == "by_number":
        return [replace(call, arrays=call.more["groups"]), replace(call, arrays=in_h5(call.more["named"]))]
    if kind == "scale_or_shift":
        by_path = {variable.path: variable for variable in Model(call.more["named"]).weights}
        return [replace(call, arrays=by_path), replace(call, arrays=in_h5(call.more["named"]))]
    return [
        {
            "own": lambda: keeps,
            "leave": lambda: keeps,
            "pass": lambda: keeps,
            "naming": lambda: replace(call, options=call.options | {"naming": eval(values["naming"])}),
            "folded": lambda: replace(call, model=call.model.folded()),
            "statistics": lambda: replace(call, arrays=call.more),
            "tensor": lambda: replace(
                call, arrays={name: a.detach().float().cpu().numpy() for name, a in call.arrays.items()}
            ),
            "state_dict": lambda: replace(call, arrays=call.arrays.state_dict()),
            "weights": lambda: replace(call, arrays={variable.path: variable for variable in call.arrays.weights}),
            "part": lambda: replace(call, arrays=call.arrays[eval(values["name"])]),
            "prefix": lambda: replace(
                call,
                arrays={name: a for name, a in call.arrays.items() if name.startswith(eval(values["prefix"]))},
            ),
        }[kind]()
    ]


def built(call, classes=10):
    """The model that a call builds, with what the dots stand for."""
    name = call.partition("(")[0]
    if name in ("ssdlite", "lr_aspp", "deeplab_v3"):
        return eval(call.replace("…", "0.35", 1).replace("…", str(classes)), vars(npconv.models).copy())
    options = OPTIONS[name].replace("10", str(classes))
    return eval(call.replace("…", options), vars(npconv.models) | {"ROWS": ROWS})


def rebuilt(call, classes):
    if not isinstance(call.model, MobileNet):
        return (segmenter if isinstance(call.model, LRASPP) else detector)(classes)
    own = call.model.specification
    if len(call.model.blocks) > len(tiny().blocks):
        return mobilenet_v2(0.1, classes)
    return built(f"{own.architecture}(…, conventions={own.conventions!r})", classes)


def with_layer(call, option):
    """The call that "classifier='dense' for a model with classes=7" means."""
    name, classes = re.fullmatch(r"classifier=('.*?')(?: for a model with classes=(\d+))?", option).groups()
    model = rebuilt(call, int(classes)) if classes else call.model
    return replace(call, model=model, options=call.options | {"classifier": eval(name)})


def follow(call, words=()):
    """Load, and follow the advice until it works; returns each network that was loaded."""
    try:
        if call.model is None:
            return [from_weights(call.arrays, **call.options)]
        load_weights(call.model, call.arrays, **call.options)
    except (TypeError, ValueError) as error:
        said = str(error)
    else:
        return [call.model]
    assert said not in words, "the advice goes round in a circle"
    given = {kind: found for kind, text in ADVICE.items() if (found := re.search(pattern(text) + "$", said))}
    assert len(given) == 1, said
    [(kind, found)] = given.items()
    if not words:
        follow.first = kind
    return [each for after in followed(kind, found.groupdict(), call) for each in follow(after, (*words, said))]


@pytest.mark.parametrize("case", CASES)
def test_each_advice_works_when_it_is_followed(case):
    kind, make = CASES[case]
    follow.first = None
    models = follow(make())
    assert follow.first == kind
    for model in models:
        loaded = [a for name, a in model.arrays().items() if name.endswith(("norm.mean", "stem.bias"))]
        assert loaded
        assert all(np.ptp(a) > 0 for a in loaded)  # a new model's are all 0


def test_each_advice_has_a_case():
    assert {kind for kind, _ in CASES.values()} | {"builds"} == set(ADVICE)


@pytest.mark.parametrize("function", [export_weights, weight_names, lambda model: load_weights(model, {})])
def test_a_network_that_no_family_publishes_is_built_as_the_error_says(function):
    with pytest.raises(ValueError, match=pattern(ADVICE["builds"])) as error:
        function(mobilenet_v1(0.1, 10, conventions="torchvision"))
    found = re.search(pattern(ADVICE["builds"]), str(error.value)).groupdict()
    ways = found["conventions"].split(" or ")
    assert ways == ["'keras'", "'timm'"]
    for way in ways:
        assert export_weights(built(f"{found['architecture']}(…, conventions={way})"))
