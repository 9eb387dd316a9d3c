"""The networks: their tables as layers, their widths, what differs between the families, what they refuse."""

import functools
import inspect
import textwrap
from pathlib import Path

import numpy as np
import pytest

from npconv.layers import CONVENTIONS, BatchNorm, Conv2D, DepthwiseSeparable, InvertedResidual, ReLU, ReLU6, Sequential
from npconv.models import MOBILENET_V1_ROWS, MOBILENET_V2_ROWS, Row, SeparableRow, divisible, mobilenet_v1, mobilenet_v2
from npconv.models.mobilenet_v2 import inverted_residual_rows
from npconv.models.table import steps

TABLE_2 = [  # of the paper, Fig. 9 of the article: side and channels of the input; t, c, n, s
    (112, 32, 1, 16, 1, 1),
    (112, 16, 6, 24, 2, 2),
    (56, 24, 6, 32, 3, 2),
    (28, 32, 6, 64, 4, 2),
    (14, 64, 6, 96, 3, 1),
    (14, 96, 6, 160, 3, 2),
    (7, 160, 6, 320, 1, 1),
]
TABLE_1 = [  # of MobileNetV1's: side and channels of a block's input, its stride and filters
    (112, 32, 1, 64), (112, 64, 2, 128), (56, 128, 1, 128), (56, 128, 2, 256), (28, 256, 1, 256), (28, 256, 2, 512),
    *[(14, 512, 1, 512)] * 5, (14, 512, 2, 1024), (7, 1024, 1, 1024),
]  # fmt: skip


@functools.cache
def small(network, **options):
    """A network that is soon drawn: a quarter as wide, with few classes."""
    return network(0.25, 5, **options)


def blocks_of(network):
    return [network.layers[name] for name in network.blocks]


def shapes(network, shape):
    """The shapes before every layer, and the last one's output."""
    before = {}
    for name, layer in network.layers.items():
        before[name] = shape
        shape = layer.output_shape(shape)
    return before | {"output": shape}


def test_v2_is_the_papers_table_row_by_row():
    network = mobilenet_v2()
    before = shapes(network, (1, 224, 224, 3))
    assert [tuple(row) for row in MOBILENET_V2_ROWS] == [row[2:] for row in TABLE_2]
    number = 0
    for side, channels, t, c, n, s in TABLE_2:
        for block in range(n):
            number += 1
            layer = network.layers[f"block_{number}"]
            k, stride = (channels, s) if block == 0 else (c, 1)
            assert before[f"block_{number}"] == (1, *[side if block == 0 else side // s] * 2, k)
            assert isinstance(layer, InvertedResidual)
            kernels = {name: a.shape for name, a in layer.params.items() if name.endswith("kernel")}
            expected = {"depthwise.kernel": (3, 3, t * k), "project.kernel": (t * k, c)}
            assert kernels == (expected if t == 1 else {"expand.kernel": (k, t * k), **expected})
            assert layer.layers["depthwise"].geometry["stride"] == stride
            assert layer.shortcut == (stride == 1 and k == c)
    assert number == len(network.blocks) == 17
    assert before["last"] == (1, 7, 7, 320)
    assert before["pool"] == (1, 7, 7, 1280)
    assert before["classifier"] == (1, 1280)
    assert before["output"] == (1, 1000)


def test_v1_is_the_papers_table_row_by_row():
    network = mobilenet_v1()
    before = shapes(network, (1, 224, 224, 3))
    assert len(network.blocks) == 13
    for name, (side, m, stride, n) in zip(network.blocks, TABLE_1, strict=True):
        layer = network.layers[name]
        assert isinstance(layer, DepthwiseSeparable)
        assert before[name] == (1, side, side, m)
        assert layer.layers["depthwise"].geometry["stride"] == stride
        assert layer.params["pointwise.kernel"].shape == (m, n)
    assert (before["pool"], before["classifier"], before["output"]) == ((1, 7, 7, 1024), (1, 1024), (1, 1000))


def test_the_stem_and_the_last_convolution_are_normalised_and_activated():
    v2, v1 = small(mobilenet_v2), small(mobilenet_v1)
    assert [name for name in v2.layers if name not in v2.blocks] == [
        "stem", "stem_norm", "stem_relu6", "last", "last_norm", "last_relu6", "pool", "classifier",
    ]  # fmt: skip
    assert [name for name in v1.layers if name not in v1.blocks] == [
        "stem", "stem_norm", "stem_relu6", "pool", "classifier",
    ]  # fmt: skip
    for network in (v2, v1):
        assert network.params["stem.kernel"].shape == (3, 3, 3, 8)
        assert [name for name in network.params if name.endswith("bias")] == ["classifier.bias"]


def test_v2s_bottlenecks_are_linear_and_its_wide_volumes_are_not():
    for block in blocks_of(small(mobilenet_v2)):
        assert not block.layers.keys() & {"project_relu6", "project_relu"}
        activated = [name for name, layer in block.layers.items() if isinstance(layer, ReLU6)]
        assert activated == [f"{name}_relu6" for name in ("expand", "depthwise") if name in block.layers]


def test_conv_mobilenet_has_full_convolutions_of_the_same_shapes():
    full, separable = small(mobilenet_v1, convolution="standard"), small(mobilenet_v1)
    shape = (2, 64, 96, 3)
    assert shapes(full, shape) == shapes(separable, shape)
    for one, other in zip(blocks_of(full), blocks_of(separable), strict=True):
        assert type(one) is Sequential
        conv = one.layers["conv"]
        assert isinstance(conv, Conv2D)
        assert conv.geometry == other.layers["depthwise"].geometry
        m, n = other.params["pointwise.kernel"].shape
        assert one.params["conv.kernel"].shape == (3, 3, m, n)
        assert [type(layer) for layer in one.layers.values()] == [Conv2D, BatchNorm, ReLU6]


def test_v1_takes_the_papers_relu_too():
    network = small(mobilenet_v1, activation="relu")
    kinds = {type(leaf) for leaf in network.leaves()}
    assert ReLU in kinds
    assert ReLU6 not in kinds
    assert "stem_relu" in network.layers


@pytest.mark.parametrize(
    ("width", "stem", "rows", "last"),
    [
        (0.35, 16, [8, 8, 16, 24, 32, 56, 112], 1280),
        (0.5, 16, [8, 16, 16, 32, 48, 80, 160], 1280),
        (0.75, 24, [16, 24, 24, 48, 72, 120, 240], 1280),
        (1.3, 40, [24, 32, 40, 80, 128, 208, 416], 1664),
        (1.4, 48, [24, 32, 48, 88, 136, 224, 448], 1792),
    ],
)
def test_v2s_widths_are_rounded_to_eights_and_its_last_convolution_never_narrows(width, stem, rows, last):
    for conventions in CONVENTIONS:
        network = mobilenet_v2(width, 1, conventions=conventions)
        assert [row.channels for row in network.specification.rows] == rows
        assert network.params["stem.kernel"].shape == (3, 3, 3, stem)
        assert network.params["last.kernel"].shape == (rows[-1], last)
        assert network.params["classifier.kernel"].shape == (last, 1)


def test_keras_cuts_v2s_channels_before_it_rounds_them():
    first = {name: mobilenet_v2(0.56, 1, conventions=name).specification.rows[0].channels for name in CONVENTIONS}
    assert first == {"keras": 8, "torchvision": 16, "timm": 16}  # 16 · 0.56 = 8.96, and 8 is below nine tenths of it


def test_v1s_widths_are_keras_own_or_rounded_to_eights():
    widths = {name: mobilenet_v1(0.35, 1, conventions=name) for name in CONVENTIONS}
    for name, network in widths.items():
        rounded = [divisible(0.35 * c) for c in (64, 128, 256, 512, 1024)]
        cut = [22, 44, 89, 179, 358]
        assert [row.channels for row in network.specification.rows] == (cut if name == "keras" else rounded)
        assert network.params["stem.kernel"].shape[-1] == (11 if name == "keras" else 16)
    assert mobilenet_v1(0.01, 1).params["stem.kernel"].shape[-1] == 1


def test_divisible_rounds_half_up_and_never_below_nine_tenths():
    rounded = {c: divisible(c) for c in range(1, 300)}
    for channels, n in rounded.items():
        assert n % 8 == 0
        assert n >= max(8, 0.9 * channels)
        assert n - channels <= 8
        if channels >= 40:  # from there on the nearest multiple is near enough
            assert abs(n - channels) <= 4
    assert [rounded[c] for c in (8, 9, 11, 12, 18, 19, 20, 44)] == [8, 16, 16, 16, 24, 24, 24, 48]
    assert [divisible(8.8), divisible(8.9), divisible(0.1), divisible(10, 3)] == [8, 16, 8, 9]
    assert divisible(29, 20) == 40  # 20 is below nine tenths, and a multiple of the divisor it must be


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
def test_each_family_has_its_padding_and_its_normalisation(build):
    for name, options in CONVENTIONS.items():
        network = small(build, conventions=name)
        assert network.specification.conventions == name
        stem = network.layers["stem"].geometry
        assert stem == {"stride": 2, "padding": "same" if name == "keras" else 1, "dilation": 1}
        for layer in network.leaves():
            if isinstance(layer, BatchNorm):
                momentum = 0.99 if (build, name) == (mobilenet_v1, "keras") else options["momentum"]
                assert (layer.epsilon, layer.momentum) == (options["epsilon"], momentum)
                assert layer.unbiased == options["unbiased"]
        for block in blocks_of(network):
            geometry = block.layers["depthwise"].geometry
            if name != "keras":
                assert geometry["padding"] == 1
            elif build is mobilenet_v1 and geometry["stride"] == 2:
                assert geometry["padding"] == ((0, 1), (0, 1))
            else:
                assert geometry["padding"] == "same"


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (65, 33), (97, 70)])
def test_sides_are_halved_upwards_with_any_padding_but_kerass_v1s(build, height, width):
    halved = [(height, width)]
    for _ in range(5):
        halved.append(tuple(-(-side // 2) for side in halved[-1]))
    for name in CONVENTIONS:
        sides = [shape[1:3] for shape in shapes(small(build, conventions=name), (1, height, width, 3)).values()]
        if (build, name) == (mobilenet_v1, "keras"):  # pads behind alone: an odd side is halved downwards
            halved_down = [halved[0], halved[1]]
            for _ in range(4):
                halved_down.append(tuple(side // 2 for side in halved_down[-1]))
            assert sorted(set(sides[:-2]), reverse=True) == halved_down
        else:
            assert sorted(set(sides[:-2]), reverse=True) == halved


def test_at_stride_2_and_even_sides_the_families_look_at_other_pixels():
    x = np.zeros((1, 8, 6, 3), np.float32)
    x[:, 0, 0] = 1  # seen by the first window of both, and under its first tap only where nothing is padded before it
    first = {}
    for name in ("keras", "torchvision"):
        network = small(mobilenet_v2, conventions=name)
        first[name] = network.layers["stem"].forward(x)[0, 0, 0]
    kernel = small(mobilenet_v2).params["stem.kernel"]
    np.testing.assert_allclose(first["keras"], kernel[0, 0].sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(first["torchvision"], kernel[1, 1].sum(axis=0), rtol=1e-5)


def test_batch_norm_of_ones_own_takes_the_place_of_the_conventions():
    for build in (mobilenet_v1, mobilenet_v2):
        network = build(0.25, 5, conventions="timm", batch_norm={"momentum": 0.5, "epsilon": 0.01})
        norms = [layer for layer in network.leaves() if isinstance(layer, BatchNorm)]
        assert {(layer.momentum, layer.epsilon, layer.unbiased) for layer in norms} == {(0.5, 0.01, False)}


@pytest.mark.parametrize(
    ("build", "rows", "halved"),
    [
        (mobilenet_v2, ((1, 16, 1, 1), (3, 24, 2, 2)), (Row(1, 8, 1, 1), Row(3, 16, 2, 2))),
        (mobilenet_v1, ((32, 1, 1), (48, 2, 2)), (SeparableRow(16, 1, 1), SeparableRow(24, 2, 2))),
    ],
)
def test_rows_of_ones_own_may_be_tuples_or_an_array(build, rows, halved):
    for given in (rows, list(map(list, rows)), np.array(rows), tuple(type(halved[0])(*row) for row in rows)):
        network = build(0.5, 4, rows=given, in_channels=2, stem_channels=16)
        assert network.blocks == ["block_1", "block_2", "block_3"]
        table = network.specification.rows
        assert all(type(n) is int for row in table for n in row)
        assert table == halved
        assert shapes(network, (3, 16, 12, 2))["pool"][1:3] == (4, 3)
        assert network.params["stem.kernel"].shape == (3, 3, 2, 8)


def test_a_rows_stride_is_that_of_its_first_block():
    rows = (SeparableRow(8, 2, 2), SeparableRow(16, 3, 2))
    assert list(steps("", rows, 4, None)) == [
        (rows[0], 2, 1), (rows[0], 1, 1), (rows[1], 2, 1), (rows[1], 1, 1), (rows[1], 1, 1),
    ]  # fmt: skip
    assert [step for _, *step in steps("", rows, 4, 8)] == [[2, 1], [1, 1], [1, 1], [1, 2], [1, 2]]
    assert [step for _, *step in steps("", rows, 8, 8)] == [[1, 1], [1, 2], [1, 2], [1, 4], [1, 4]]


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
def test_the_specification_says_what_was_built(build):
    specification = build(0.25, 5, conventions="timm", output_stride=16).specification
    assert specification.architecture == build.__name__
    assert (specification.conventions, specification.output_stride) == ("timm", 16)
    table = MOBILENET_V2_ROWS if build is mobilenet_v2 else MOBILENET_V1_ROWS
    assert specification.rows == tuple(row._replace(channels=divisible(row.channels / 4)) for row in table)


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
def test_the_seed_draws_all_kernels_of_the_given_dtype(build):
    one, same, other = (build(0.1, 3, seed=seed, dtype=np.float64) for seed in (1, np.random.default_rng(1), 2))
    for name, a in one.params.items():
        assert a.dtype == np.float64
        assert np.array_equal(a, same.params[name])
        if name.endswith("kernel"):
            assert not np.array_equal(a, other.params[name])
            assert np.unique(a).size == a.size
    assert build(0.1, 3).forward(np.ones((2, 32, 40, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 0}, ValueError, "width must be above 0; got 0"),
        ({"width": float("nan")}, ValueError, "width must be above 0; got nan"),
        ({"width": True}, TypeError, "width must be a real number; got True"),
        ({"classes": 0}, ValueError, "classes must be at least 1; got 0"),
        ({"classes": 2.0}, TypeError, "classes must be an int; got 2.0"),
        ({"in_channels": 0}, ValueError, "in_channels must be at least 1; got 0"),
        ({"stem_channels": "8"}, TypeError, "stem_channels must be an int; got '8'"),
        ({"conventions": "slim"}, ValueError, "conventions must be one of keras, torchvision, timm; got 'slim'"),
        ({"output_stride": 2}, ValueError, r"output_stride must be one of \(4, 8, 16, 32\); got 2"),
        ({"output_stride": 8.0}, TypeError, "output_stride must be an int; got 8.0"),
        ({"batch_norm": {"eps": 1e-3}}, TypeError, "batch_norm must have options of BatchNorm"),
        ({"rows": [(1, 2)]}, TypeError, r"rows must be \(.*c, n, s\) each; got \(1, 2\)"),
        ({"rows": None}, TypeError, r"rows must be \(.*c, n, s\) each; got None"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_what_the_networks_cannot_be_is_said(build, options, error, message):
    with pytest.raises(error, match=f"^{build.__name__}: {message}"):
        build(**options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mobilenet_v2(last_channels=0), ValueError, "mobilenet_v2: last_channels must be at least 1; got 0"),
        (lambda: mobilenet_v2(rows=[(1, 8, 1, 0)]), ValueError, "stride of row 0 must be at least 1; got 0"),
        (lambda: mobilenet_v2(rows=[(1, 8, 1, 1), (6, 8, 1.5, 1)]), TypeError, "blocks of row 1 must be an int"),
        (lambda: mobilenet_v1(convolution="full"), ValueError, "one of separable, standard; got 'full'"),
        (lambda: mobilenet_v1(activation="linear"), ValueError, "mobilenet_v1: activation must be one of relu6, relu"),
        (lambda: mobilenet_v1(activation=["relu"]), ValueError, "mobilenet_v1: activation must be one of relu6, relu"),
    ],
)  # fmt: skip
def test_what_one_of_them_cannot_be_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_docs_show_the_loop_as_it_stands():
    *_, body = inspect.getsource(inverted_residual_rows).split('"""\n')
    page = Path(__file__).parents[2] / "docs" / "network.md"
    assert f"```py\n{textwrap.dedent(body)}```" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "output_stride", "reached"), [([(6, 8, 1, 3), (6, 8, 2, 2)], 8, 6), ([(6, 8, 2, 2)], 16, 4)]
)
def test_an_output_stride_that_the_rows_do_not_reach_is_refused(rows, output_stride, reached):
    expected = (
        rf"mobilenet_v2: output_stride must be a stride that the rows reach; got {output_stride}, .* stop at {reached} "
    )
    with pytest.raises(ValueError, match=expected):
        mobilenet_v2(rows=rows, output_stride=output_stride)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((2, 3, 32, 30), "channels first become last"),
        ((32, 30, 3), "one image is a batch of one"),
        ((1, 32, 30, 4), "4\\)$"),
    ],
)
def test_images_of_another_shape_are_refused_under_the_names_of_what_was_called(shape, hint):
    network = mobilenet_v2(0.35, 4, rows=[(1, 8, 1, 1)])
    x = np.ones(shape, np.float32)
    calls = {
        "MobileNet.forward": lambda: network.forward(x),
        "MobileNet.features": lambda: network.features(x, ("block_1",)),
        "MobileNet.feature_shapes": lambda: network.feature_shapes(shape, ("block_1",)),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{name}: x must be \(B, Dᵤ, Dᵤ, 3\), channels last; got .*{hint}"):
            call()
