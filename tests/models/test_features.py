"""The maps that a network hands to heads, their gradients, and strides that become dilation."""

import copy
import pickle

import numpy as np
import pytest

from npconv.checks import check_layer
from npconv.layers import (
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    Layer,
    PointwiseConv2D,
    ReLU6,
    ResidualBottleneck,
    Sequential,
)
from npconv.layers.blocks import normalised
from npconv.models import MobileNet, Specification, mobilenet_v1, mobilenet_v2, mobilenet_v3

V2_ROWS = ((1, 8, 1, 1), (2, 8, 2, 2), (2, 16, 2, 2), (3, 16, 1, 1), (2, 24, 1, 2), (2, 24, 1, 1))
V3_ROWS = ((3, 8, 8, True, "relu", 2), (5, 24, 8, True, "hard_swish", 1), (3, 16, 16, False, "hard_swish", 2))
V1_ROWS = ((8, 1, 1), (16, 2, 2), (24, 1, 1), (16, 2, 2))
SMALL = {"in_channels": 2, "stem_channels": 8, "seed": 1, "dtype": np.float64}


def with_random_numbers(network, seed=0):
    """The network, away from the kinks on which fresh normalisation puts dead windows."""
    rng = np.random.default_rng(seed)
    for name, array in network.arrays().items():
        if name.endswith(("shift", "mean")):
            array[...] = rng.standard_normal(array.shape) / 2
        if name.endswith(("scale", "variance")):
            array[...] = rng.uniform(0.5, 1.5, array.shape)
    return network


def v2(**options):
    options = {"rows": V2_ROWS, "last_channels": 16, **SMALL, **options}
    return with_random_numbers(mobilenet_v2(1.0, 5, **options))


def v1(**options):
    return with_random_numbers(mobilenet_v1(1.0, 5, **{"rows": V1_ROWS, **SMALL, **options}))


def v3(**options):
    options = {"rows": V3_ROWS, "last_channels": 16, "hidden_channels": 8, **SMALL, **options}
    return with_random_numbers(mobilenet_v3("small", 1.0, 5, **options))


def bottlenecks():
    """A network of conventional blocks, whose activation comes after their sums."""
    rng, norm = np.random.default_rng(1), {"epsilon": 1e-3}
    stem = Conv2D(2, 6, 3, stride=2, padding="same", seed=rng, dtype=np.float64)
    blocks = {f"block_{n}": ResidualBottleneck(6, 3, seed=rng, dtype=np.float64) for n in (1, 2)}
    return with_random_numbers(
        MobileNet(normalised("stem", stem, norm, "relu") | blocks, Specification("", "keras", ()))
    )


NETWORKS = {
    "v2": v2,
    "v2 folded": lambda: v2().folded(),
    "v2, output stride 8": lambda: v2(output_stride=8, conventions="torchvision"),
    "v1": v1,
    "conv v1": lambda: v1(convolution="standard"),
    "v3": v3,
    "v3 folded, torchvision": lambda: v3(conventions="torchvision").folded(),
    "bottlenecks": bottlenecks,
}
networks = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def images(batch=2, height=24, width=20, seed=3, channels=2):
    return np.random.default_rng(seed).standard_normal((batch, height, width, channels))


def upstream(maps, seed=4):
    rng = np.random.default_rng(seed)
    return {key: rng.standard_normal(a.shape) for key, a in maps.items()}


def every_name(network):
    for name, layer in network.layers.items():
        if isinstance(layer, Sequential):
            yield from (f"{name}.{inner}" for inner in layer.layers)
        yield name


def every_output(network, x, training=False):
    """Each layer's output by its name, from the layers one by one."""
    outputs = {}
    for name, layer in network.layers.items():
        if isinstance(layer, Sequential):
            inside = x
            for inner, leaf in layer.layers.items():
                inside = outputs[f"{name}.{inner}"] = leaf.forward(inside)
        x = outputs[name] = layer.forward(x, training)
    return outputs


class Heads(Layer):
    """The maps of a network side by side, (B, all their values), so that it can be checked like any layer."""

    def __init__(self, network, strides):
        super().__init__()
        self.network, self.strides = network, strides
        self.params, self.grads, self.state = network.params, network.grads, network.state

    def forward(self, x, training=False):
        maps = self.network.features(x, self.strides, training)
        self.shapes = {key: a.shape for key, a in maps.items()}
        return np.concatenate([a.reshape(len(x), -1) for a in maps.values()], axis=1)

    def backward(self, dy):
        ends = np.cumsum([np.prod(shape[1:]) for shape in self.shapes.values()])[:-1]
        parts = zip(self.shapes.items(), np.split(dy, ends, axis=1), strict=True)
        return self.network.features_backward({key: part.reshape(shape) for (key, shape), part in parts})


# what the maps are


def test_the_maps_of_the_published_network():
    network = mobilenet_v2()
    heads = ("block_14.expand_relu6", "last_relu6")
    assert network.feature_shapes((1, 224, 224, 3), (4, 8, 16, 32, *heads)) == {
        4: (1, 56, 56, 24),
        8: (1, 28, 28, 32),
        16: (1, 14, 14, 96),
        "block_14.expand_relu6": (1, 14, 14, 576),
        32: (1, 7, 7, 320),
        "last_relu6": (1, 7, 7, 1280),
    }
    assert network.feature_shapes((2, 320, 256, 3), heads) == {
        "block_14.expand_relu6": (2, 20, 16, 576),
        "last_relu6": (2, 10, 8, 1280),
    }
    assert mobilenet_v1().feature_shapes((1, 320, 256, 3)) == {
        4: (1, 80, 64, 128), 8: (1, 40, 32, 256), 16: (1, 20, 16, 512), 32: (1, 10, 8, 1024)
    }  # fmt: skip


@networks
def test_a_map_is_its_layers_output_bit_for_bit(make):
    network, x = make(), images()
    outputs = every_output(network, x)
    maps = network.features(x, list(every_name(network)))
    assert list(maps) == list(outputs)
    for name, a in maps.items():
        assert np.array_equal(a, outputs[name]), name
    assert {name: a.shape for name, a in maps.items()} == network.feature_shapes(x.shape, list(maps))
    for name in list(maps)[:: len(maps) // 6]:  # and where the row is cut off behind it
        assert np.array_equal(network.features(x, [name])[name], outputs[name]), name


def test_a_stride_is_the_last_block_at_it():
    network, x = v2(), images()
    maps = network.features(x, (16, "block_2", 2, 8, 4))
    assert list(maps) == [2, "block_2", 4, 8, 16]
    outputs = every_output(network, x)
    for key, name in {2: "block_1", 4: "block_3", 8: "block_6", 16: "block_8"}.items():
        assert np.array_equal(maps[key], outputs[name])
        assert maps[key].shape[1:3] == (-(-24 // key), -(-20 // key))
    assert list(network.features(x)) == [4, 8, 16]
    assert list(v2(output_stride=8).features(x)) == [4, 8]
    assert np.array_equal(
        v2(output_stride=8).features(x, np.array([8]))[8], every_output(v2(output_stride=8), x)["block_8"]
    )


@networks
def test_the_last_layers_map_is_forward_itself(make):
    network, x = make(), images()
    last = list(network.layers)[-1]
    for training in (False, True):
        twin = network.copy()
        y, maps = twin.forward(x, training), network.features(x, (last,), training)
        assert np.array_equal(maps[last], y)
        dy = upstream(maps)
        assert np.array_equal(network.features_backward(dy), twin.backward(dy[last]))
        for kind in ("grads", "state"):
            for name, a in getattr(twin, kind).items():
                assert np.array_equal(getattr(network, kind)[name], a), name


def test_only_a_block_with_as_many_fewer_rows_as_columns_ends_at_a_stride():
    convolutions = {
        "block_1": Conv2D(2, 3, 3, stride=(2, 1), padding="same"),
        "block_2": Conv2D(3, 3, 3, stride=(1, 2), padding="same"),
        "block_3": Conv2D(3, 4, 3, stride=(4, 2), padding="same"),
    }
    network = MobileNet(convolutions, Specification("", "keras", ()))
    assert network.feature_shapes((1, 24, 20, 2), (2,)) == {2: (1, 12, 10, 3)}
    with pytest.raises(ValueError, match=r"no block ends at stride 8; blocks end at 2$"):
        network.feature_shapes((1, 24, 20, 2), (8,))


def test_a_stride_of_numpys_is_an_int_among_the_maps():
    assert [type(key) for key in v2().features(images(), np.array([2, 8]))] == [int, int]


def test_nothing_behind_the_last_map_is_computed():
    network = v2()

    def never(*_):
        raise AssertionError

    for name, leaf in network.layers["block_3"].layers.items():
        if not name.startswith("expand"):
            leaf.forward = never
    for name in ("block_4", "pool", "classifier"):
        network.layers[name].forward = never
    network.features(images(), ("block_3.expand_relu6", "stem", 2))
    with pytest.raises(AssertionError):
        network.features(images(), ("block_3.depthwise",))


def test_running_statistics_move_once_and_behind_the_last_map_not_at_all():
    network, x = v2(), images()
    whole, before = network.copy(), network.copy()
    whole.forward(x, training=True)
    network.features(x, ("block_3", 4, 2, "block_4.expand_relu6"), training=True)
    moved = [f"{name}." for name in list(network.layers)[:6]] + ["block_4.expand_norm."]
    for name, a in network.state.items():
        wanted = whole if name.startswith(tuple(moved)) else before
        assert np.array_equal(a, wanted.state[name]), name
        assert not np.array_equal(whole.state[name], before.state[name])


# backward


@pytest.mark.parametrize(
    ("make", "strides", "training"),
    [
        (
            lambda: v2(rows=V2_ROWS[:3]),
            (2, "block_3.expand_relu6", "block_3.project_norm", 4, "block_5.depthwise_norm"),
            True,
        ),
        (lambda: v1(rows=V1_ROWS[:3]), ("stem_relu6", "block_3", "block_2", "block_4.pointwise"), False),
    ],
    ids=["v2", "v1"],
)
def test_backward_is_the_derivative_of_all_maps_together(make, strides, training):
    network = make()
    for a in network.grads.values():
        a[...] = np.nan  # left over from another pass
    heads, x = Heads(network, strides), images(2, 9, 7)
    check_layer(heads, x, training=training)
    y = heads.forward(x, training)
    heads.backward(np.random.default_rng(5).standard_normal(y.shape))
    starts = ("block_5.project", "block_4.pointwise_norm", "last", "classifier")
    behind = [name for name in network.grads if name.startswith(starts)]
    assert len(behind) > 2
    for name, a in network.grads.items():
        assert a.any() == (name not in behind), name


@networks
def test_contributions_add_up(make):
    network, x = make(), images()
    names = list(every_name(network))
    dmaps = upstream(network.features(x, names))
    together, grads = network.features_backward(dmaps), copy.deepcopy(network.grads)
    dx, sums = 0, dict.fromkeys(grads, 0)
    for name in names:
        network.features(x, (name,))
        dx = dx + network.features_backward({name: dmaps[name]})
        sums = {key: sums[key] + a for key, a in network.grads.items()}
    np.testing.assert_allclose(together, dx, rtol=1e-9, atol=1e-9 * abs(dx).max())
    for key, a in sums.items():
        np.testing.assert_allclose(grads[key], a, rtol=1e-9, atol=1e-9 * abs(a).max(), err_msg=key)


def test_a_map_that_two_heads_take_gets_both_gradients():
    network, x = v2(), images()
    maps = network.features(x, (8, "block_6", 4, 4))
    assert list(maps) == [4, 8, "block_6"]
    assert maps[8] is maps["block_6"]
    dmaps = upstream(maps)
    before = copy.deepcopy(dmaps)
    dx = network.features_backward(dmaps)
    network.features(x, (4, 8))
    assert np.array_equal(dx, network.features_backward({4: dmaps[4], 8: dmaps[8] + dmaps["block_6"]}))
    for key, a in before.items():
        assert np.array_equal(dmaps[key], a)


def test_what_comes_after_changes_no_map():
    network, x = v2(), images()
    for training in (False, True):
        maps = network.features(x, list(every_name(network)), training)
        before = copy.deepcopy(maps)
        network.features_backward(upstream(maps))
        network.forward(images(seed=9), training=True)
        for name, a in maps.items():
            assert np.array_equal(a, before[name]), name


def test_arrays_stay_where_they_are():
    network, x = v2(), images()
    held = {kind: dict(getattr(network, kind)) for kind in ("params", "grads", "state")}
    layers = {name: list(getattr(layer, "layers", ())) for name, layer in network.layers.items()}
    maps = network.features(x, ("block_3.expand", 8), training=True)
    network.features_backward(upstream(maps))
    for kind, arrays in held.items():
        assert all(getattr(network, kind)[name] is a for name, a in arrays.items())
    assert {name: list(getattr(layer, "layers", ())) for name, layer in network.layers.items()} == layers
    assert maps[8].dtype == np.float64


def test_a_float32_network_stays_one():
    network, x = v2(dtype=np.float32), images().astype(np.float32)
    maps = network.features(x, (8, "block_2.expand"))
    assert {a.dtype for a in maps.values()} == {np.dtype(np.float32)}
    dx = network.features_backward({key: np.ones_like(a) for key, a in maps.items()})
    assert dx.dtype == np.float32


def test_backward_belongs_to_the_last_pass():
    network, x = v2(), images()
    features = "MobileNet.features_backward: the last pass was no features()"
    with pytest.raises(RuntimeError, match=features):
        network.features_backward({})
    y = network.forward(x)
    maps = network.features(x, (8,))
    with pytest.raises(RuntimeError, match=r"MobileNet.backward: the last pass was features\(\)"):
        network.backward(y)
    for twin in (network.copy(), copy.copy(network), pickle.loads(pickle.dumps(network)), network.folded()):
        with pytest.raises(RuntimeError, match=features):
            twin.features_backward(upstream(maps))
    network.features_backward(upstream(maps))
    network.forward(x)
    with pytest.raises(RuntimeError, match=features):
        network.features_backward(upstream(maps))
    network.backward(y)


def test_there_is_no_way_back_through_a_pass_that_failed():
    network = v2()
    dmaps = upstream(network.features(images(), (8,)))
    with pytest.raises(TypeError, match="batch_norm"):
        network.features(images() * 1j, (8,))
    with pytest.raises(RuntimeError, match=r"the last pass was no features\(\)"):
        network.features_backward(dmaps)


def test_a_copy_has_features_of_its_own():
    network, x = v2(), images()
    maps = network.features(x, (8, "block_7.expand_relu6"))
    dmaps = upstream(maps)
    twin = network.copy()
    twin.features(images(seed=9), (8,))
    twin.features_backward(upstream({8: maps[8]}, 7))
    twin.params["stem.kernel"][...] = 0
    dx, grads = network.features_backward(dmaps), copy.deepcopy(network.grads)
    network.features(x, (8, "block_7.expand_relu6"))
    assert np.array_equal(network.features_backward(dmaps), dx)
    assert all(np.array_equal(network.grads[name], a) for name, a in grads.items())


# output strides


def geometry(network):
    """(stride, dilation) of each block's spatial convolution."""
    leaves = (leaf for name in network.blocks for leaf in network.layers[name].leaves())
    spatial = (leaf.geometry for leaf in leaves if isinstance(leaf, Conv2D | DepthwiseConv2D))
    return [(g["stride"], g["dilation"]) for g in spatial]


def test_the_block_that_loses_its_stride_keeps_the_old_rate():
    plain = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]
    for output_stride in (None, 32):
        assert geometry(mobilenet_v2(0.35, output_stride=output_stride)) == [(s, 1) for s in plain]
    by_16 = [(s, 1) for s in plain[:13]] + [(1, 1)] + [(1, 2)] * 3
    by_8 = [(s, 1) for s in plain[:6]] + [(1, 1)] + [(1, 2)] * 7 + [(1, 4)] * 3
    assert geometry(mobilenet_v2(0.35, output_stride=16)) == by_16
    assert geometry(mobilenet_v2(0.35, output_stride=8)) == by_8
    full, dilated = (mobilenet_v2(0.35, output_stride=output_stride) for output_stride in (32, 8))
    for name in full.blocks:  # a stride of 1 alone would make a shortcut where the channels are as many
        assert full.layers[name].shortcut == dilated.layers[name].shortcut
    plain = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    by_16 = [(s, 1) for s in plain[:11]] + [(1, 1), (1, 2)]
    by_8 = [(s, 1) for s in plain[:5]] + [(1, 1)] + [(1, 2)] * 6 + [(1, 4)]
    for convolution in ("separable", "standard"):
        options = {"convolution": convolution}
        assert geometry(mobilenet_v1(0.25, output_stride=16, **options)) == by_16
        assert geometry(mobilenet_v1(0.25, output_stride=8, **options)) == by_8


@pytest.mark.parametrize(
    ("make", "macs"),
    [(mobilenet_v2, (2_380_267_520, 7_670_398_976)), (mobilenet_v1, (4_184_604_672, 13_565_952_000))],
    ids=["v2", "v1"],
)
def test_what_a_backbone_costs_at_512(make, macs):
    for output_stride, wanted in zip((16, 8), macs, strict=True):
        network = make(output_stride=output_stride)
        parts = network.cost((1, 512, 512, 3)).parts
        assert sum(part.macs for name, part in parts.items() if name.startswith(("stem", "block"))) == wanted
        side = 512 // output_stride
        assert network.feature_shapes((1, 512, 512, 3), (output_stride,)) == {
            output_stride: (1, side, side, network.specification.rows[-1].channels)
        }


def kept(sides, conventions, name):
    """Which rows or columns of a dilated map its undilated twin has; `sides` are those that the strides of 2 halved."""
    first, step = 0, 1
    for side in sides:
        # where the one row of zeros lies behind, the windows' middles are the odd rows; else the even ones
        first += step * (conventions == "keras" and (name == "v1" or side % 2 == 0))
        step *= 2
    return slice(first, None, step)


@pytest.mark.parametrize(("height", "width"), [(64, 50), (47, 65)])
@pytest.mark.parametrize("output_stride", [4, 8, 16])
@pytest.mark.parametrize("conventions", ["keras", "torchvision"])
@pytest.mark.parametrize("name", ["v2", "v1"])
def test_a_dilated_map_holds_the_undilated_one(name, conventions, output_stride, height, width):
    make, rows = {
        "v2": (v2, ((1, 8, 1, 2), (2, 40, 1, 2), (2, 16, 2, 2), (2, 24, 2, 2))),
        "v1": (v1, ((8, 1, 2), (8, 1, 2), (16, 2, 2), (16, 2, 2))),
    }[name]
    full = make(conventions=conventions, rows=rows)
    dilated = make(conventions=conventions, rows=rows, output_stride=output_stride)
    x = images(1, height, width)
    maps, finer = full.features(x, (output_stride, 32)), dilated.features(x, (output_stride,))[output_stride]
    strides = {4: (4, 8, 16), 8: (8, 16), 16: (16,)}[output_stride]
    heights, widths = zip(*(a[1:3] for a in full.feature_shapes(x.shape, strides).values()), strict=True)
    where = (slice(None), kept(heights, conventions, name), kept(widths, conventions, name))
    np.testing.assert_allclose(finer[where], maps[32], rtol=1e-9, atol=1e-9)
    assert finer.shape[1:3] == maps[output_stride].shape[1:3]
    dmaps = upstream(maps) | {output_stride: np.zeros_like(maps[output_stride])}  # and what comes back is the same
    dfiner = np.zeros_like(finer)
    dfiner[where] = dmaps[32]
    np.testing.assert_allclose(
        dilated.features_backward({output_stride: dfiner}), full.features_backward(dmaps), rtol=1e-9, atol=1e-9
    )
    for key, a in full.grads.items():
        np.testing.assert_allclose(dilated.grads[key], a, rtol=1e-9, atol=1e-9 * abs(a).max(), err_msg=key)


def test_a_map_holds_nothing_old_where_the_strided_block_is_dilated_too():
    rows = ((1, 8, 1, 2), (2, 8, 1, 2), (2, 16, 2, 2), (2, 24, 1, 2))
    full, dilated = (
        v2(conventions="torchvision", rows=rows, output_stride=output_stride) for output_stride in (32, 16)
    )
    dilated.layers["block_5"].layers["depthwise"].geometry.update(dilation=2, padding=2)
    x = images(1, 64, 96)
    coarse, fine = full.features(x, (32,))[32], dilated.features(x, (16,))[16]
    for first, second in np.ndindex(2, 2):
        assert abs(fine[:, first::2, second::2] - coarse).mean() > abs(coarse).mean() / 10


# torch


def torch_maps(torch, network, x):
    """The maps of every layer by name, and the parameters as leaves, from torch's functions, in inference."""
    functional, maps = torch.nn.functional, {}
    params = {name: torch.tensor(a, requires_grad=True) for name, a in network.params.items()}

    def leaf(layer, name, x):
        own = {key: params[f"{name}.{key}"] for key in layer.params}
        if isinstance(layer, BatchNorm):
            state = [torch.tensor(a) for a in layer.state.values()]
            return functional.batch_norm(x, *state, own["scale"], own["shift"], eps=layer.epsilon)
        if isinstance(layer, ReLU6):
            return functional.relu6(x)
        kernel = own["kernel"]
        if isinstance(layer, PointwiseConv2D):
            return functional.conv2d(x, kernel.T[:, :, None, None])
        groups = x.shape[1] if isinstance(layer, DepthwiseConv2D) else 1
        kernel = kernel[:, :, None] if groups > 1 else kernel
        return functional.conv2d(x, kernel.permute(3, 2, 0, 1), groups=groups, **layer.geometry)

    for name, layer in list(network.layers.items())[:-2]:
        before = x
        for inner, part in getattr(layer, "layers", {}).items():
            x = maps[f"{name}.{inner}"] = leaf(part, f"{name}.{inner}", x)
        x = x + before if getattr(layer, "shortcut", False) else x
        x = maps[name] = x if isinstance(layer, Sequential) else leaf(layer, name, x)
    return maps, params


def test_maps_and_gradients_are_torchs():
    torch = pytest.importorskip("torch")
    network, x = v2(conventions="torchvision", output_stride=8), images()
    maps = network.features(x, [name for name in every_name(network) if name not in ("pool", "classifier")])
    their_x = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    theirs, params = torch_maps(torch, network, their_x)
    assert list(theirs) == list(maps)
    for name, a in maps.items():
        np.testing.assert_allclose(a, theirs[name].detach().numpy().transpose(0, 2, 3, 1), atol=1e-10, err_msg=name)
    dmaps = upstream(maps)
    torch.autograd.backward(list(theirs.values()), [torch.tensor(a.transpose(0, 3, 1, 2)) for a in dmaps.values()])
    dx = network.features_backward(dmaps)
    np.testing.assert_allclose(dx, their_x.grad.numpy().transpose(0, 2, 3, 1), rtol=1e-9, atol=1e-9)
    for name, a in network.grads.items():
        if not name.startswith("classifier"):
            np.testing.assert_allclose(a, params[name].grad.numpy(), rtol=1e-9, atol=1e-8, err_msg=name)


# errors


@pytest.mark.parametrize(
    ("strides", "error", "message"),
    [
        ((4, 32), ValueError, "no block ends at stride 32; blocks end at 2, 4, 8, 16$"),
        ((0,), ValueError, "no block ends at stride 0; "),
        (
            ("block_9",),
            ValueError,
            "there is no layer 'block_9'; there are stem, stem_norm, stem_relu6, block_1, .*pool",
        ),
        (("block_2.sum",), ValueError, "no layer 'block_2.sum'; there are block_2.expand, block_2.expand_norm, "),
        (("block_1.depthwise.kernel",), ValueError, "'block_1.depthwise.kernel'; there are block_1.depthwise, "),
        ((), ValueError, "a sequence of ints and layers' names, at least one; blocks end at 2, 4, 8, 16"),
        ("block_2", TypeError, "strides must be a sequence of ints and layers' names; got 'block_2'"),
        (8, TypeError, "strides must be a sequence of ints and layers' names; got 8"),
        ((4, 8.0), TypeError, r"strides must be a sequence of ints and layers' names; got 8\.0 in it"),
        ((True,), TypeError, "got True in it"),
    ],
)
def test_what_a_network_has_not_is_told(strides, error, message):
    network = v2()
    for function in (network.features, network.feature_shapes):
        x = images() if function == network.features else images().shape
        with pytest.raises(error, match=f"^MobileNet.{function.__name__}: .*{message}"):
            function(x, strides)


def test_training_is_a_yes_or_no():
    with pytest.raises(TypeError, match=r"^MobileNet.features: training must be a bool; got 'no'$"):
        v2().features(images(), (8,), training="no")


def test_a_network_that_ends_early_says_so():
    with pytest.raises(
        ValueError, match="strides must be given, as no block ends at 4, 8, 16, 32; blocks end at no stride"
    ):
        v2(rows=()).features(images())
    with pytest.raises(ValueError, match=r"16, 32; blocks end at 2$"):
        v2(rows=V2_ROWS[:1]).features(images())
    with pytest.raises(ValueError, match="no block ends at stride 32; blocks end at 2, 4, 8, 16"):
        mobilenet_v2(0.35, output_stride=16).features(images(channels=3), strides=(4, 8, 16, 32))


def test_wrong_gradients_are_refused_before_anything_is_written():
    network = v2()
    maps = network.features(images(), (4, "block_2"))
    good = upstream(maps)
    for a in network.grads.values():
        a[...] = 7
    wrong = [
        ([good[4]], TypeError, "dfeatures must be a mapping like features.*; got list"),
        (
            {4: good[4]},
            ValueError,
            r"what features\(\) returned, \['block_2', 4\]; missing \['block_2'\], left over \[\]",
        ),
        (good | {8: good[4]}, ValueError, r"missing \[\], left over \[8\]"),
        (good | {4: good[4][:1]}, ValueError, r"dfeatures\[4\] must be \(2, 6, 5, 8\), as its map; got \(1, 6, 5, 8\)"),
        (
            good | {"block_2": None},
            TypeError,
            r"dfeatures\['block_2'\] must be an ndarray of real floats; got NoneType",
        ),
        (good | {4: good[4].astype(int)}, TypeError, r"dfeatures\[4\] must be .* of real floats; got dtype int64"),
    ]
    for dmaps, error, message in wrong:
        with pytest.raises(error, match=f"^MobileNet.features_backward: .*{message}"):
            network.features_backward(dmaps)
    assert all((a == 7).all() for a in network.grads.values())
    network.features_backward(good)
