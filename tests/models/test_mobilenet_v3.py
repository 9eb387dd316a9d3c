"""MobileNetV3: its tables as layers, its rules of width, and what torchvision, timm and Keras gave, block by block."""

import functools
import hashlib
import inspect
import itertools
import json
import pickle
import textwrap
from pathlib import Path

import numpy as np
import pytest
from numbers_by_name import array, images, shadows
from undrawn import undrawn

from npconv.checks import check_layer
from npconv.layers import BatchNorm, Dense, DepthwiseConv2D, HardSwish, InvertedResidual, ReLU, ReLU6, SqueezeExcite
from npconv.models import (
    MOBILENET_V3_ROWS,
    BneckRow,
    Inference,
    activation_memory,
    divisible,
    export_weights,
    load_weights,
    mobilenet_v2,
    mobilenet_v3,
    summary,
    weight_names,
)
from npconv.models.conventions import FAMILIES
from npconv.models.mobilenet_v3 import V3_CONVENTIONS, bneck_rows

RECORDED = json.loads(Path(__file__).with_name("mobilenet_v3.json").read_text(encoding="utf-8"))
# In shares of a product's usual size. Rounding in float32 gave 5e-6 at most in any map of any case; a wrong padding or
# epsilon moves every map by 1e-3 to 1: see below.
FLOAT32 = 5e-5

TABLE_1 = [  # of the paper: side and channels of a block's input; its operator, exp size, #out, SE, NL, s
    (112, 16, 3, 16, 16, 0, "RE", 1), (112, 16, 3, 64, 24, 0, "RE", 2), (56, 24, 3, 72, 24, 0, "RE", 1),
    (56, 24, 5, 72, 40, 1, "RE", 2), (28, 40, 5, 120, 40, 1, "RE", 1), (28, 40, 5, 120, 40, 1, "RE", 1),
    (28, 40, 3, 240, 80, 0, "HS", 2), (14, 80, 3, 200, 80, 0, "HS", 1), (14, 80, 3, 184, 80, 0, "HS", 1),
    (14, 80, 3, 184, 80, 0, "HS", 1), (14, 80, 3, 480, 112, 1, "HS", 1), (14, 112, 3, 672, 112, 1, "HS", 1),
    (14, 112, 5, 672, 160, 1, "HS", 2), (7, 160, 5, 960, 160, 1, "HS", 1), (7, 160, 5, 960, 160, 1, "HS", 1),
]  # fmt: skip
TABLE_2 = [
    (112, 16, 3, 16, 16, 1, "RE", 2), (56, 16, 3, 72, 24, 0, "RE", 2), (28, 24, 3, 88, 24, 0, "RE", 1),
    (28, 24, 5, 96, 40, 1, "HS", 2), (14, 40, 5, 240, 40, 1, "HS", 1), (14, 40, 5, 240, 40, 1, "HS", 1),
    (14, 40, 5, 120, 48, 1, "HS", 1), (14, 48, 5, 144, 48, 1, "HS", 1), (14, 48, 5, 288, 96, 1, "HS", 2),
    (7, 96, 5, 576, 96, 1, "HS", 1), (7, 96, 5, 576, 96, 1, "HS", 1),
]  # fmt: skip
TABLES = {"large": (TABLE_1, 960, 1280), "small": (TABLE_2, 576, 1024)}
ACTIVATIONS = {"RE": ReLU, "HS": HardSwish}


def small(width=0.35, classes=5, **options):
    """A network that is soon drawn."""
    return mobilenet_v3("small", width, classes, **options)


def blocks_of(network):
    return [network.layers[name] for name in network.blocks]


def squeezes(network):
    return [a.shape[1] for name, a in network.params.items() if name.endswith("squeeze_excite.reduce")]


def with_published_numbers(network, seed=1):
    """The network with the numbers of `numbers_by_name` under the names of its conventions' family."""
    arrays = {name: array(name, a.shape, seed).astype(a.dtype) for name, a in export_weights(network).items()}
    load_weights(network, arrays)
    return network


# The tables


@pytest.mark.parametrize("size", TABLES)
def test_it_is_the_papers_table_row_by_row(size):
    table, last, hidden = TABLES[size]
    with undrawn():
        network, shape = mobilenet_v3(size), (1, 224, 224, 3)
    for name, layer in network.layers.items():
        if name in network.blocks:
            side, channels, kernel, wide, out, squeeze, letters, stride = table[int(name.split("_")[1]) - 1]
            assert shape == (1, side, side, channels)
            depthwise = layer.layers["depthwise"]
            assert (depthwise.params["kernel"].shape, depthwise.geometry["stride"]) == ((kernel, kernel, wide), stride)
            assert ("expand" in layer.layers) == (wide != channels)
            assert layer.params["project.kernel"].shape == (wide, out)
            activations = [type(leaf) for leaf in layer.layers.values() if isinstance(leaf, ReLU | ReLU6 | HardSwish)]
            assert activations == [ACTIVATIONS[letters]] * (2 if wide != channels else 1)
            assert ("squeeze_excite" in layer.layers) == squeeze
            assert layer.shortcut == (stride == 1 and channels == out)
        shape = layer.output_shape(shape)
    assert len(network.blocks) == len(table)
    assert shape == (1, 1000)
    kernels = [network.params[f"{name}.kernel"].shape for name in ("stem", "last", "hidden", "classifier")]
    assert kernels == [(3, 3, 3, 16), (table[-1][4], last), (last, hidden), (hidden, 1000)]
    letters = {"relu": "RE", "hard_swish": "HS"}
    rows = [(r.kernel_size, r.expanded, r.channels, r.squeeze, letters[r.activation], r.stride)
            for r in MOBILENET_V3_ROWS[size]]  # fmt: skip
    assert rows == [row[2:] for row in table]


def test_squeeze_and_excite_comes_after_the_depthwise_activation_at_a_quarter_of_its_channels():
    with undrawn():
        large, narrow = mobilenet_v3(), mobilenet_v3(width=0.75, conventions="timm")
        assert squeezes(mobilenet_v3("small")) == [8, 24, 64, 64, 32, 40, 72, 144, 144]
    assert squeezes(large) == [24, 32, 32, 120, 168, 168, 240, 240]
    assert squeezes(narrow) == [24, 24, 24, 96, 136, 136, 184, 184]
    layers = list(large.layers["block_13"].layers)
    assert layers == ["expand", "expand_norm", "expand_hard_swish", "depthwise", "depthwise_norm",
                      "depthwise_hard_swish", "squeeze_excite", "project", "project_norm"]  # fmt: skip


def test_stem_last_and_hidden_are_activated_and_hidden_has_a_bias_in_place_of_normalisation():
    outside = {
        minimal: [name for name in net.layers if name not in net.blocks]
        for minimal, net in ((flag, small(minimalistic=flag)) for flag in (False, True))
    }
    for minimal, activation in ((False, "hard_swish"), (True, "relu")):
        assert outside[minimal] == [
            "stem", "stem_norm", f"stem_{activation}", "last", "last_norm", f"last_{activation}", "pool", "hidden",
            f"hidden_{activation}", "classifier",
        ]  # fmt: skip
    network = small()
    biases = {name for name in network.params if name.endswith("bias")}
    gates = {f"{block}.squeeze_excite.{part}_bias" for block in network.blocks for part in ("reduce", "expand")}
    assert biases - gates == {"hidden.bias", "classifier.bias"}
    assert isinstance(network.layers["hidden"], Dense)


@pytest.mark.parametrize("size", TABLES)
def test_the_minimalistic_network_has_the_widths_and_none_of_the_rest(size):
    plain, full = (mobilenet_v3(size, 0.35, 5, minimalistic=flag) for flag in (True, False))
    assert {type(leaf) for leaf in plain.leaves()} & {HardSwish, SqueezeExcite} == set()
    for row, twin in zip(plain.specification.rows, full.specification.rows, strict=True):
        assert row == twin._replace(kernel_size=3, squeeze=False, activation="relu")
    sizes = {leaf.params["kernel"].shape[:2] for leaf in plain.leaves() if isinstance(leaf, DepthwiseConv2D)}
    assert sizes == {(3, 3)}


def test_a_reduced_tail_has_half_the_channels_from_the_last_stride_on():
    with undrawn():
        network, small_one = (mobilenet_v3(size, 1.0, 5, reduced_tail=True) for size in ("large", "small"))
    rows = network.specification.rows
    assert rows[:12] == MOBILENET_V3_ROWS["large"][:12]
    assert [(row.expanded, row.channels) for row in rows[12:]] == [(672, 80), (480, 80), (480, 80)]
    assert network.params["hidden.kernel"].shape == (480, 640)
    assert small_one.params["hidden.kernel"].shape == (288, 512)
    narrow = small(1.0, rows=[(3, 8, 1, False, "relu", 2), (3, 1, 1, False, "relu", 1)], reduced_tail=True)
    assert [row.channels for row in narrow.specification.rows] == [8, 8]
    assert small(reduced_tail=True, hidden_channels=77).params["hidden.kernel"].shape[1] == 77


def test_rows_of_ones_own():
    rows = [(3, 16, 8, False, "relu", 1), [5, 30, 12, True, "hard_swish", 2], BneckRow(3, 48, 16, True, "relu6", 1)]
    options = {"in_channels": 2, "stem_channels": 8, "last_channels": 40, "hidden_channels": 24}
    network = mobilenet_v3("small", 1.0, 4, rows=rows, **options)
    assert network.specification.rows == (
        BneckRow(3, 16, 8, False, "relu", 1), BneckRow(5, 32, 16, True, "hard_swish", 2),
        BneckRow(3, 64, 16, True, "relu6", 1),
    )  # fmt: skip
    assert squeezes(network) == [8, 16]
    assert network.params["hidden.kernel"].shape == (40, 24)
    assert network.forward(np.ones((3, 12, 10, 2), np.float32)).shape == (3, 4)
    assert len(mobilenet_v3(rows=(), classes=3).layers) == 10


# Widths


@pytest.mark.parametrize(
    ("conventions", "size", "width", "stem", "wide", "last", "hidden"),
    [
        ("torchvision", "large", 0.75, 16, [16, 48, 56, 56, 88, 88, 184, 152, 136, 136, 360, 504, 504, 720, 720], 720,
         960),
        ("timm", "large", 0.75, 16, [16, 64, 72, 72, 96, 96, 192, 160, 144, 144, 384, 528, 528, 720, 720], 720, 1280),
        ("keras", "large", 0.75, 16, [16, 64, 72, 72, 96, 96, 192, 160, 144, 144, 384, 528, 528, 720, 720], 720, 1280),
        ("torchvision", "small", 0.75, 16, [16, 56, 64, 72, 184, 184, 88, 112, 216, 432, 432], 432, 768),
        ("timm", "small", 0.75, 16, [16, 72, 88, 96, 192, 192, 96, 120, 240, 432, 432], 432, 1024),
        ("torchvision", "small", 0.35, 8, [8, 24, 32, 32, 88, 88, 40, 48, 104, 200, 200], 192, 360),
        ("timm", "small", 0.35, 16, [16, 40, 32, 32, 96, 96, 48, 48, 96, 192, 192], 200, 1024),
        ("keras", "small", 0.35, 16, [16, 40, 32, 32, 96, 96, 48, 48, 96, 192, 192], 192, 1024),
        ("keras", "small", 1.25, 16, [16, 112, 120, 128, 288, 288, 144, 192, 384, 720, 720], 720, 1280),
        ("timm", "small", 1.25, 24, [24, 112, 120, 128, 288, 288, 144, 192, 384, 720, 720], 720, 1024),
        ("torchvision", "small", 1.25, 24, [24, 88, 112, 120, 304, 304, 152, 184, 360, 720, 720], 720, 1280),
    ],
)  # fmt: skip
def test_each_family_has_its_rules_of_width(conventions, size, width, stem, wide, last, hidden):
    with undrawn():
        network = mobilenet_v3(size, width, 1, conventions=conventions)
    assert [row.expanded for row in network.specification.rows] == wide
    assert network.params["stem.kernel"].shape[-1] == stem
    assert network.params["hidden.kernel"].shape == (last, hidden)
    table, *_ = TABLES[size]
    assert [row.channels for row in network.specification.rows] == [divisible(row[4] * width) for row in table]
    assert squeezes(network) == [
        divisible(channels / 4) for channels, row in zip(wide, table, strict=True) if row[5]
    ]  # of the expanded volume, as it is at this width


# What differs between the families


def test_each_family_has_its_padding_and_its_normalisation():
    expected = {"keras": (1e-3, 0.999, False), "torchvision": (1e-3, 0.99, True), "timm": (1e-5, 0.9, True)}
    for name in FAMILIES:
        network = small(conventions=name)
        norms = {
            (leaf.epsilon, leaf.momentum, leaf.unbiased) for leaf in network.leaves() if isinstance(leaf, BatchNorm)
        }
        assert norms == {expected[name]}
        assert dict(V3_CONVENTIONS[name]) == dict(zip(("epsilon", "momentum", "unbiased"), expected[name], strict=True))
        spatial = [network.layers["stem"], *(block.layers["depthwise"] for block in blocks_of(network))]
        for layer in spatial:
            size = layer.params["kernel"].shape[0]
            assert layer.geometry["padding"] == ("same" if name == "keras" else size // 2)
    own = small(conventions="timm", batch_norm={"momentum": 0.5, "epsilon": 0.01})
    assert {(leaf.momentum, leaf.epsilon) for leaf in own.leaves() if isinstance(leaf, BatchNorm)} == {(0.5, 0.01)}


def geometry(network):
    spatial = (block.layers["depthwise"].geometry for block in blocks_of(network))
    return [(g["stride"], g["dilation"]) for g in spatial]


@pytest.mark.parametrize(("size", "last"), [("large", 12), ("small", 8)])
def test_torchvision_dilates_the_block_that_loses_its_stride_too(size, last):
    plain = [row.stride for row in MOBILENET_V3_ROWS[size]]
    assert max(number for number, stride in enumerate(plain) if stride == 2) == last
    for family in FAMILIES:
        network = mobilenet_v3(size, 0.35, 5, conventions=family, output_stride=16)
        own = 2 if family == "torchvision" else 1
        assert geometry(network) == [(s, 1) for s in plain[:last]] + [(1, own)] + [(1, 2)] * (len(plain) - last - 1)
        if family != "keras":
            pads = [block.layers["depthwise"].geometry["padding"] for block in blocks_of(network)]
            assert pads[last:] == [2 * own] + [4] * (len(plain) - last - 1)


def test_two_strides_become_dilation_one_upon_the_other():
    by_8 = geometry(mobilenet_v3("small", 0.35, 5, output_stride=8))
    assert by_8 == [(2, 1), (2, 1), (1, 1), (1, 1)] + [(1, 2)] * 5 + [(1, 4)] * 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dilated_map_holds_the_undilated_one_up_to_the_first_gate(family):
    gated, first = "block_9.depthwise_hard_swish", 1 if family == "keras" else 0
    for minimalistic in (True, False):
        keys = ["block_11"] if minimalistic else [gated, "block_11"]
        coarse, fine = (
            with_published_numbers(
                small(conventions=family, minimalistic=minimalistic, output_stride=stride, dtype=np.float64)
            ).features(images((1, 64, 96, 3), 1).astype(float), keys)
            for stride in (32, 16)
        )
        off = {key: abs(fine[key][:, first::2, first::2] - a).max() / abs(a).max() for key, a in coarse.items()}
        holds = family != "torchvision"
        assert all((off[key] < 1e-9) == (holds and (key == gated or minimalistic)) for key in keys), off


def test_a_block_that_lost_its_stride_has_a_shortcut_by_all_conventions_but_torchvisions():
    rows = [(3, 16, 16, False, "relu", 2), (3, 32, 16, True, "relu", 2), (3, 32, 16, True, "relu", 2)]
    shortcuts = {
        family: [block.shortcut for block in blocks_of(small(1.0, rows=rows, conventions=family, output_stride=8))]
        for family in FAMILIES
    }
    assert shortcuts == {"keras": [False, False, True], "torchvision": [False] * 3, "timm": [False, False, True]}


# What the libraries gave


def case_name(case):
    return " ".join([case["library"], case["size"], str(case["width"]), *map(str, case["options"].items())])


@functools.cache
def recorded_network(number):
    case = RECORDED["cases"][number]
    library, size, width = case["library"], case["size"], case["width"]

    def built(conventions):
        with undrawn():
            return mobilenet_v3(size, width, RECORDED["classes"], conventions=conventions, **case["options"])

    network = with_published_numbers(built(library.split()[0]), RECORDED["seed"])
    if library != "timm tf":
        return network
    keras = built("keras")  # whose padding and epsilon these have, with timm's names
    keras.load_arrays(network.arrays())
    return keras


def maps_of(network, x, names):
    """The maps under their recorded names."""
    activation = next(name for name in network.layers if name.startswith("last_") and name != "last_norm")
    ours = {"last": activation, "logits": "classifier"}
    maps = network.features(x, [ours.get(name, name) for name in names])
    return {name: maps[ours.get(name, name)] for name in names}


def furthest(maps, recorded):
    """The largest distance of each map's products from those that were recorded."""
    products = {name: shadows(name, maps[name], RECORDED["seed"]) for name in recorded}
    return {name: abs(np.subtract(products[name], recorded[name])).max() for name in recorded}


@pytest.mark.parametrize("number", range(len(RECORDED["cases"])), ids=map(case_name, RECORDED["cases"]))
def test_every_block_is_the_librarys(number):
    case = RECORDED["cases"][number]
    x = images(tuple(case["images"]), RECORDED["seed"])
    maps = maps_of(recorded_network(number), x, case["maps"])
    assert max(furthest(maps, case["maps"]).values()) < FLOAT32
    recorded_network.cache_clear()


def test_the_cases_have_every_library_both_sizes_and_both_kinds_of_sides():
    cases = RECORDED["cases"]
    for library, size in itertools.product(FAMILIES, TABLES):
        own = [case for case in cases if (case["library"], case["size"]) == (library, size)]
        assert {1.0} < {case["width"] for case in own}
        assert all(len(case["maps"]) >= len(TABLES[size][0]) + 1 for case in own)
    assert {tuple(case["images"][1:3]) for case in cases} == {(64, 96), (49, 35)}
    assert all(options in [case["options"] for case in cases] for options in ({"minimalistic": True}, {}))


def test_other_padding_epsilon_or_activation_moves_every_map():
    number = next(i for i, case in enumerate(RECORDED["cases"]) if case_name(case) == "torchvision small 1.0")
    case, network = RECORDED["cases"][number], recorded_network(number)
    x = images(tuple(case["images"]), RECORDED["seed"])
    for options in ({"batch_norm": V3_CONVENTIONS["torchvision"]}, {"conventions": "timm"}):
        twin = mobilenet_v3("small", 1.0, RECORDED["classes"], **options)
        twin.load_arrays(network.arrays())
        moved = furthest(maps_of(twin, x, case["maps"]), case["maps"])
        assert min(moved.values()) > 20 * FLOAT32, options
        y = network.forward(x)
        assert "batch_norm" not in options or abs(twin.forward(x) - y).max() > 0.1 * abs(y).max()


@pytest.mark.parametrize("key", RECORDED["names"])
def test_names_shapes_and_order_are_the_librarys_own(key):
    library, size, width, *flags = key.split()
    with undrawn():
        network = mobilenet_v3(size, float(width), conventions=library, **dict.fromkeys(flags, True))
    arrays = export_weights(network)
    lines = "\n".join(f"{name} {a.shape}" for name, a in arrays.items())
    params = sum(a.size for a in network.params.values())
    assert [len(arrays), params, hashlib.sha256(lines.encode()).hexdigest()[:16]] == RECORDED["names"][key]


def test_names_stand_for_the_layers_that_they_name():
    spots = {
        "torchvision": [
            ("features.1.block.0.0.weight", (8, 1, 3, 3), "block_1.depthwise.kernel"),
            ("features.1.block.1.fc1.weight", (8, 8, 1, 1), "block_1.squeeze_excite.reduce"),
            ("features.4.block.2.fc2.bias", (32,), "block_4.squeeze_excite.expand_bias"),
            ("features.4.block.3.1.weight", (16,), "block_4.project_norm.scale"),
            ("features.12.1.running_var", (192,), "last_norm.variance"),
            ("classifier.0.weight", (360, 192), "hidden.kernel"),
            ("classifier.3.bias", (5,), "classifier.bias"),
        ],
        "timm": [
            ("blocks.0.0.se.conv_reduce.weight", (8, 16, 1, 1), "block_1.squeeze_excite.reduce"),
            ("blocks.0.0.conv_pw.weight", (8, 16, 1, 1), "block_1.project.kernel"),
            ("blocks.2.1.conv_pwl.weight", (16, 96, 1, 1), "block_5.project.kernel"),
            ("blocks.3.0.se.conv_expand.bias", (48,), "block_7.squeeze_excite.expand_bias"),
            ("blocks.5.0.conv.weight", (200, 32, 1, 1), "last.kernel"),
            ("conv_head.weight", (1024, 200, 1, 1), "hidden.kernel"),
            ("classifier.weight", (5, 1024), "classifier.kernel"),
        ],
        "keras": [
            ("expanded_conv_squeeze_excite_conv/kernel", (1, 1, 16, 8), "block_1.squeeze_excite.reduce"),
            ("expanded_conv_10_squeeze_excite_conv_1/bias", (192,), "block_11.squeeze_excite.expand_bias"),
            ("expanded_conv_3_depthwise/kernel", (5, 5, 32, 1), "block_4.depthwise.kernel"),
            ("conv_1_bn/moving_mean", (192,), "last_norm.mean"),
            ("conv_2/kernel", (1, 1, 192, 1024), "hidden.kernel"),
            ("logits/kernel", (1, 1, 1024, 5), "classifier.kernel"),
        ],
    }
    for family, expected in spots.items():
        network = small(conventions=family)
        arrays, names = export_weights(network), weight_names(network)
        assert sorted(names.values()) == sorted(network.arrays())
        assert [(theirs, arrays[theirs].shape, names[theirs]) for theirs, *_ in expected] == expected


def test_a_gates_kernels_are_transposed_as_pointwise_ones():
    for family, at in (("torchvision", (3, 7, 0, 0)), ("keras", (0, 0, 7, 3))):
        network = with_published_numbers(small(conventions=family))
        names = {ours: theirs for theirs, ours in weight_names(network).items()}
        theirs = export_weights(network)[names["block_4.squeeze_excite.reduce"]]
        assert theirs[at] == network.params["block_4.squeeze_excite.reduce"][7, 3]


def test_weights_without_a_head_leave_the_models_own_as_it_is():
    source, model = with_published_numbers(small()), small(seed=3)
    before = {name: a.copy() for name, a in model.params.items() if name.startswith(("hidden", "classifier"))}
    arrays = export_weights(source)
    without = {name: a for name, a in arrays.items() if not name.startswith(("conv_2", "logits"))}
    with pytest.raises(ValueError, match=r"missing conv_2/kernel .*classifier=False keeps the model's own classifier"):
        load_weights(model, without)
    load_weights(model, without, classifier=False)
    for name, a in model.arrays().items():
        assert np.array_equal(a, before[name] if name in before else source.arrays()[name])
    load_weights(model, arrays, classifier=False)  # which has a hidden layer, and so gives it
    assert np.array_equal(model.params["hidden.kernel"], source.params["hidden.kernel"])
    assert np.array_equal(model.params["classifier.kernel"], before["classifier.kernel"])
    del arrays["conv_2/bias"]
    with pytest.raises(ValueError, match="don't fit: missing conv_2/bias"):
        load_weights(model, arrays, classifier=False)


# What a network does


def test_folding_and_inference_give_the_same_numbers():
    for conventions, options in (
        ("keras", {}),
        ("torchvision", {"output_stride": 16}),
        ("timm", {"minimalistic": True}),
    ):
        network = with_published_numbers(small(conventions=conventions, **options))
        x = images((2, 49, 64, 3), 2)
        y = network.forward(x)
        folded = network.folded()
        assert not any(isinstance(leaf, BatchNorm) for leaf in folded.leaves())
        scale = abs(y).max()
        np.testing.assert_allclose(folded.forward(x), y, atol=2e-5 * scale, rtol=0)
        np.testing.assert_allclose(Inference(network).forward(x), y, atol=2e-5 * scale, rtol=0)


def test_every_gradient_of_a_small_one_is_right():
    rows = [(5, 16, 8, True, "hard_swish", 2)]
    options = {"in_channels": 1, "stem_channels": 8, "last_channels": 8, "hidden_channels": 3, "dtype": np.float64}
    network = mobilenet_v3(classes=2, rows=rows, seed=2, **options)
    rng = np.random.default_rng(0)
    for a in network.arrays().values():
        a[...] = np.where(a == a.flat[0], rng.uniform(0.5, 1.5, a.shape), a)
    check_layer(network, rng.standard_normal((2, 5, 4, 1)))


def test_it_has_features_at_all_strides():
    network = mobilenet_v3("large", 0.35, 5)
    shapes = network.feature_shapes((1, 64, 96, 3), (4, 8, 16, "block_13.expand_hard_swish", 32, "last_hard_swish"))
    assert shapes == {
        4: (1, 16, 24, 8), 8: (1, 8, 12, 16), 16: (1, 4, 6, 40), "block_13.expand_hard_swish": (1, 4, 6, 240),
        32: (1, 2, 3, 56), "last_hard_swish": (1, 2, 3, 336),
    }  # fmt: skip
    maps = network.features(images((1, 64, 96, 3), 1), [4, "block_13.squeeze_excite"], training=True)
    assert maps["block_13.squeeze_excite"].shape == (1, 2, 3, 240)
    assert network.features_backward({key: np.ones_like(a) for key, a in maps.items()}).shape == (1, 64, 96, 3)
    assert network.grads["block_13.squeeze_excite.reduce"].any()
    assert not network.grads["block_13.project.kernel"].any()


def test_the_summary_has_a_kind_for_the_gate_and_one_for_the_hidden_layer():
    with undrawn():
        counted = summary(mobilenet_v3("small"), (1, 224, 224, 3))
    assert counted.by_kind() == {
        "stem": 5_419_008, "expand": 21_262_080, "depthwise": 7_460_544, "squeeze_excite": 458_752,
        "project": 17_586_688, "last": 2_709_504, "hidden": 589_824, "classifier": 1_024_000,
    }  # fmt: skip
    assert {row.kind for row in counted.rows if row.name.endswith(("hard_swish", "relu"))} == {
        "stem", "expand", "depthwise", "last", "hidden",
    }  # fmt: skip


def test_the_memory_of_its_maps():
    with undrawn():
        network, plain, image = mobilenet_v3(), mobilenet_v3(minimalistic=True), (1, 224, 224, 3)
    peak = activation_memory(network, image).peak
    assert (peak.name, peak.elements) == ("block_2.expand", (16 + 64) * 112**2)
    peak = activation_memory(network, image, granularity="blocks").peak
    assert (peak.name, peak.elements) == ("block_1", 2 * 16 * 112**2)
    operators = [row.name for row in activation_memory(network, image).rows if row.name.startswith("block_4.")]
    assert operators == [f"block_4.{part}" for part in ("expand", "depthwise", "squeeze_excite", "project")]
    with pytest.raises(
        ValueError, match=r"inner channels stay apart; got block_4 of .*, SqueezeExcite, PointwiseConv2D"
    ):
        activation_memory(network, image, granularity="blocks", groups=2)
    assert len(activation_memory(plain, image, granularity="blocks", groups=2).rows) == 20


def test_a_copy_a_pickle_and_a_file_are_the_same_network(tmp_path):
    network, x = with_published_numbers(small(conventions="timm")), images((1, 33, 40, 3), 1)
    y = network.forward(x)
    for twin in (network.copy(), pickle.loads(pickle.dumps(network))):
        assert np.array_equal(twin.forward(x), y)
        assert twin.specification == network.specification
    network.save(tmp_path / "network.npz")
    twin = small(conventions="timm", seed=4)
    twin.load(tmp_path / "network.npz")
    assert np.array_equal(twin.forward(x), y)
    with pytest.raises(ValueError, match=r"build this one by mobilenet_v3\(…, conventions='timm'\)"):
        small().load(tmp_path / "network.npz")
    with pytest.raises(ValueError, match="don't fit"):
        mobilenet_v2(0.35, 5, conventions="timm").load(tmp_path / "network.npz")


def test_the_specification_says_what_was_built():
    specification = small(conventions="timm", output_stride=16).specification
    assert (specification.architecture, specification.conventions) == ("mobilenet_v3", "timm")
    assert (specification.output_stride, specification.stages) == (16, (1, 2, 3, 2, 3))
    assert mobilenet_v3(width=0.35, classes=5).specification.stages == (1, 2, 3, 4, 2, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": "medium"}, ValueError, "size must be one of large, small; got 'medium'"),
        ({"width": 0}, ValueError, "width must be above 0; got 0"),
        ({"classes": 0}, ValueError, "classes must be at least 1; got 0"),
        ({"minimalistic": "no"}, TypeError, "minimalistic must be a bool; got 'no'"),
        ({"reduced_tail": 1}, TypeError, "reduced_tail must be a bool; got 1"),
        ({"conventions": "slim"}, ValueError, "conventions must be one of keras, torchvision, timm; got 'slim'"),
        (
            {"rows": [(3, 16, 8, False, "relu")]},
            TypeError,
            r"rows must be \(kernel_size, expanded, channels, squeeze, a",
        ),
        ({"rows": [(3, 16, 8, 1, "relu", 1)]}, TypeError, "squeeze of row 0 must be a bool; got 1"),
        ({"rows": [(3, 16, 8, True, "HS", 1)]}, ValueError, "activation of row 0 must be one of .*; got 'HS'"),
        ({"rows": [(3, 0, 8, True, "relu", 1)]}, ValueError, "expanded of row 0 must be at least 1; got 0"),
        ({"last_channels": 0}, ValueError, "last_channels must be at least 1; got 0"),
        ({"hidden_channels": 2.5}, TypeError, "hidden_channels must be an int; got 2.5"),
        ({"output_stride": 2}, ValueError, r"output_stride must be one of \(4, 8, 16, 32\); got 2"),
        ({"batch_norm": {"eps": 1e-3}}, TypeError, "batch_norm must have options of BatchNorm"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_what_the_network_cannot_be_is_said(options, error, message):
    with pytest.raises(error, match=f"^mobilenet_v3: {message}"):
        mobilenet_v3(**options)


def test_the_seed_draws_all_kernels():
    one, same, other = (small(seed=seed, dtype=np.float64) for seed in (1, np.random.default_rng(1), 2))
    for name, a in one.params.items():
        assert a.dtype == np.float64
        assert np.array_equal(a, same.params[name])
        if name.endswith(("kernel", "reduce", "expand")):
            assert not np.array_equal(a, other.params[name])


def test_the_docs_show_the_loop_as_it_stands():
    *_, body = inspect.getsource(bneck_rows).split('"""\n')
    page = Path(__file__).parents[2] / "docs" / "network.md"
    assert f"```py\n{textwrap.dedent(body)}```" in page.read_text(encoding="utf-8")


def test_its_blocks_are_inverted_residuals():
    assert all(type(block) is InvertedResidual for block in blocks_of(small()))
