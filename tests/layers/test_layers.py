"""What the layers say of wrong arguments and wrong files, what they are made of, and how they are put together."""

# ruff: noqa: E501 (tables of errors and their words)

import pickle

import numpy as np
import pytest

import npconv.checks
import npconv.cost
import npconv.layers
from npconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    DepthwiseSeparable,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
    InvertedResidual,
    Layer,
    PointwiseConv2D,
    ReLU,
    ReLU6,
    ResidualBottleneck,
    Sequential,
    Sigmoid,
    SqueezeExcite,
    truncated_normal,
)
from npconv.layers.blocks import normalised

X = np.random.default_rng(0).standard_normal((2, 5, 4, 3))

MADE_WRONG = [
    (lambda: Conv2D(0, 3), ValueError, "Conv2D: in_channels must be at least 1; got 0"),
    (lambda: Conv2D(3, 2.0), TypeError, "Conv2D: out_channels must be an int; got 2.0"),
    (lambda: Conv2D(True, 2), TypeError, "Conv2D: in_channels must be an int; got True"),
    (lambda: Conv2D(3, 4, 0), ValueError, "Conv2D: kernel_size must be at least 1; got 0"),
    (lambda: Conv2D(3, 4, (3, 3, 3)), ValueError, "Conv2D: kernel_size must be an int or a pair of ints (height, width); got (3, 3, 3)"),
    (lambda: Conv2D(3, 4, "3"), TypeError, "Conv2D: kernel_size must be an int or a pair of ints (height, width); got '3'"),
    (lambda: Conv2D(3, 4, stride=0), ValueError, "Conv2D: stride must be at least 1; got 0"),
    (lambda: Conv2D(3, 4, padding="full"), ValueError, "Conv2D: padding must be 'valid', 'same' or numbers; got 'full'"),
    (lambda: Conv2D(3, 4, padding=-1), ValueError, "Conv2D: padding must be at least 0; got -1"),
    (lambda: Conv2D(3, 4, dtype=int), TypeError, "Conv2D: dtype must be one of real floats; got <class 'int'>"),
    (lambda: DepthwiseConv2D(3, dilation=(1, 0)), ValueError, "DepthwiseConv2D: dilation must be at least 1; got (1, 0)"),
    (lambda: DepthwiseConv2D(3, depth_multiplier=0), ValueError, "DepthwiseConv2D: depth_multiplier must be at least 1; got 0"),
    (lambda: PointwiseConv2D(3, -1), ValueError, "PointwiseConv2D: out_channels must be at least 1; got -1"),
    (lambda: Dense("3", 1), TypeError, "Dense: in_channels must be an int; got '3'"),
    (lambda: BatchNorm(0), ValueError, "BatchNorm: channels must be at least 1; got 0"),
    (lambda: BatchNorm(3, epsilon=0), ValueError, "BatchNorm: epsilon must be above 0; got 0"),
    (lambda: BatchNorm(3, epsilon="small"), TypeError, "BatchNorm: epsilon must be a real number; got 'small'"),
    (lambda: BatchNorm(3, momentum=1.0), ValueError, "BatchNorm: momentum must be at least 0 and below 1; got 1.0"),
    (lambda: BatchNorm(3, momentum=float("nan")), ValueError, "BatchNorm: momentum must be at least 0 and below 1; got nan"),
    (lambda: BatchNorm(3, dtype=complex), TypeError, "BatchNorm: dtype must be one of real floats; got <class 'complex'>"),
    (lambda: BatchNorm(3, momentum="a"), TypeError, "BatchNorm: momentum must be a real number; got 'a'"),
    (lambda: BatchNorm(3, momentum=True), TypeError, "BatchNorm: momentum must be a real number; got True"),
    (lambda: BatchNorm(3, unbiased="no"), TypeError, "BatchNorm: unbiased must be a bool; got 'no'"),
    (lambda: Conv2D(3, 4, bias="no"), TypeError, "Conv2D: bias must be a bool; got 'no'"),
    (lambda: Dense(3, 4, bias=0), TypeError, "Dense: bias must be a bool; got 0"),
    (lambda: InvertedResidual(3, 3, shortcut="no"), TypeError, "InvertedResidual: shortcut must be a bool; got 'no'"),
    (lambda: Conv2D(3, 4, seed=-1), ValueError, "Conv2D: seed must be at least 0; got -1"),
    (lambda: Dense(3, 4, seed=None), TypeError, "Dense: seed must be an int or a numpy.random.Generator; got None"),
    (lambda: Dense(3, 4, seed=True), TypeError, "Dense: seed must be an int or a numpy.random.Generator; got True"),
    (lambda: Dense(3, 4, seed="a"), TypeError, "Dense: seed must be an int or a numpy.random.Generator; got 'a'"),
    (lambda: InvertedResidual(3, 4, seed=-1), ValueError, "InvertedResidual: seed must be at least 0"),
    (lambda: DepthwiseSeparable(3, 4, seed=0.5), TypeError, "DepthwiseSeparable: seed must be an int or a numpy.random.Generator; got 0.5"),
    (lambda: ResidualBottleneck(3, 2, seed=-2), ValueError, "ResidualBottleneck: seed must be at least 0; got -2"),
    (lambda: Sequential(Dense(3, 2)).initialize(-1), ValueError, "Sequential.initialize: seed must be at least 0"),
    (lambda: Sequential(Dense(3, 2)).initialize(1, fans="torch"), ValueError, "Sequential.initialize: fans must be one of plain, keras; got 'torch'"),
    (lambda: Conv2D(3, 4, dtype="foo"), TypeError, "Conv2D: dtype must be one of real floats; got 'foo'"),
    (lambda: BatchNorm(3, dtype=3), TypeError, "BatchNorm: dtype must be one of real floats; got 3"),
    (lambda: InvertedResidual(3, 4, batch_norm={"eps": 1}), TypeError, "InvertedResidual: batch_norm must have options of BatchNorm (epsilon, momentum, unbiased); got 'eps'"),
    (lambda: DepthwiseSeparable(3, 4, batch_norm="keras"), TypeError, "DepthwiseSeparable: batch_norm must be a mapping of BatchNorm's options, such as CONVENTIONS['keras'], or None; got 'keras'"),
    (lambda: ResidualBottleneck(3, 4, batch_norm={"dtype": "f8"}), TypeError, "ResidualBottleneck: batch_norm must have options of BatchNorm (epsilon, momentum, unbiased); got 'dtype'"),
    (lambda: ResidualBottleneck(3, 4, batch_norm=True), TypeError, "ResidualBottleneck: batch_norm must be a mapping of BatchNorm's options, such as CONVENTIONS['keras'], or None; got True"),
    (lambda: normalised("stem", Conv2D(3, 4), {3: 4}), TypeError, "normalised: batch_norm must have options of BatchNorm (epsilon, momentum, unbiased); got 3"),
    (lambda: InvertedResidual(3, 4, expansion=0), ValueError, "InvertedResidual: expansion must be at least 1; got 0"),
    (lambda: InvertedResidual(3, 4, bottleneck="gelu"), ValueError, "InvertedResidual: bottleneck must be one of relu, relu6, linear, hard_swish, hard_sigmoid, sigmoid; got 'gelu'"),
    (lambda: DepthwiseSeparable(3, 4, activation=None), ValueError, "DepthwiseSeparable: activation must be one of relu, relu6, linear, hard_swish, hard_sigmoid, sigmoid; got None"),
    (lambda: InvertedResidual(3, 4, activation="swish"), ValueError, "InvertedResidual: activation must be one of relu, relu6, linear, hard_swish, hard_sigmoid, sigmoid; got 'swish'"),
    (lambda: InvertedResidual(3, 4, expanded=0), ValueError, "InvertedResidual: expanded must be at least 1; got 0"),
    (lambda: InvertedResidual(3, 4, squeeze=0), ValueError, "InvertedResidual: squeeze must be at least 1; got 0"),
    (lambda: InvertedResidual(3, 4, squeeze=0.25), TypeError, "InvertedResidual: squeeze must be an int; got 0.25"),
    (lambda: SqueezeExcite(0, 2), ValueError, "SqueezeExcite: channels must be at least 1; got 0"),
    (lambda: SqueezeExcite(8, 2.0), TypeError, "SqueezeExcite: squeeze must be an int; got 2.0"),
    (lambda: SqueezeExcite(8, 2, seed=-1), ValueError, "SqueezeExcite: seed must be at least 0; got -1"),
    (lambda: SqueezeExcite(8, 2, dtype=int), TypeError, "SqueezeExcite: dtype must be one of real floats; got <class 'int'>"),
    (lambda: DepthwiseSeparable(3, 0), ValueError, "DepthwiseSeparable: out_channels must be at least 1; got 0"),
    (lambda: ResidualBottleneck(3, 0), ValueError, "ResidualBottleneck: bottleneck_channels must be at least 1; got 0"),
    (lambda: normalised("stem", Conv2D(3, 4), None, "gelu"), ValueError, "normalised: activation must be one of relu, relu6, linear, hard_swish, hard_sigmoid, sigmoid; got 'gelu'"),
    (lambda: truncated_normal(0), ValueError, "truncated_normal: deviation must be above 0; got 0"),
    (lambda: Sequential(), ValueError, "Sequential: layers must be at least one"),
    (lambda: Sequential({}), ValueError, "Sequential: layers must be at least one"),
    (lambda: Sequential(ReLU(), np.ones(3)), TypeError, "Sequential: layers must be Layers; got ndarray as 1"),
    (lambda: Sequential(ReLU), TypeError, "Sequential: layers must be Layers; got type as 0"),
    (lambda: Sequential({"a.b": ReLU()}), ValueError, "Sequential: a layer's name must have no dot; got 'a.b'"),
    (lambda: Sequential({1: ReLU()}), TypeError, "Sequential: a layer's name must be a str; got 1"),
]  # fmt: skip

CALLED_WRONG = [
    (Conv2D(4, 2), X, ValueError, "conv2d: kernel must be (Dᵣ, Dᵣ, M, N) with M = 3 as in x"),
    (Dense(4, 2), X, ValueError, "dense: x must be (B, M), 2 axes"),
    (BatchNorm(4), X, ValueError, "batch_norm_inference: scale must be (M,) with M = 3 as in x"),
    (BatchNorm(3), X.astype(int), TypeError, "batch_norm_inference: x must hold real floats"),
    (PointwiseConv2D(3, 2), X.tolist(), TypeError, "pointwise_conv2d: x must be a numpy.ndarray; got list"),
    (GlobalAveragePool(), X[0], ValueError, "global_average_pool: x must be (B, Dᵤ, Dᵤ, M), 4 axes"),
    (HardSwish(), X.astype(int), TypeError, "hard_swish: x must hold floats"),
    (SqueezeExcite(4, 2), X, ValueError, "squeeze_excite_stages: reduce must be (M, S) with M = 3 as in x"),
    (ReLU(), X.astype(int), TypeError, "relu: x must hold floats"),
    (InvertedResidual(3, 3, padding="valid"), X, ValueError, "got x (2, 5, 4, 3), and (2, 3, 2, 3) out of the branch"),
    (InvertedResidual(3, 3, padding="valid"), X[:, :3, :3], ValueError, "got x (2, 3, 3, 3), and (2, 1, 1, 3) out of the branch"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "words"), MADE_WRONG, ids=range(len(MADE_WRONG)))
def test_wrong_sizes_are_told_when_the_layer_is_made(make, error, words):
    with pytest.raises(error) as raised:
        make()
    assert words in str(raised.value)


@pytest.mark.parametrize(("layer", "x", "error", "words"), CALLED_WRONG, ids=range(len(CALLED_WRONG)))
def test_a_wrong_input_is_told_in_both_modes_as_its_kernel_tells_it(layer, x, error, words):
    before = {key: a.copy() for key, a in layer.state.items()}
    with pytest.raises(error) as raised:
        layer.forward(x)
    assert words in str(raised.value)
    with pytest.raises(error):
        layer.forward(x, training=True)
    if not isinstance(layer, Sequential):
        assert all(np.array_equal(a, before[key]) for key, a in layer.state.items())


@pytest.mark.parametrize(
    "layer",
    [Conv2D(3, 4), DepthwiseConv2D(3, bias=True), PointwiseConv2D(3, 4), BatchNorm(3), ReLU(), ReLU6(),
     Sigmoid(), HardSigmoid(), HardSwish(), SqueezeExcite(3, 2), GlobalAveragePool(), Sequential(ReLU()), InvertedResidual(3, 3), ResidualBottleneck(3, 2)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
@pytest.mark.parametrize("training", [False, True])
def test_a_dy_of_another_shape_is_told(layer, training):
    layer = layer.copy()
    with pytest.raises(RuntimeError, match="backward: there was no forward to go back through"):
        layer.backward(X)
    y = layer.forward(X, training)
    for wrong in (np.ones((*y.shape, 1)), np.ones((1, *y.shape[1:])), np.ones((*y.shape[:-1], 1))):
        with pytest.raises(ValueError, match="dy must be "):
            layer.backward(wrong)
    with pytest.raises(TypeError, match=r"dy must be a numpy\.ndarray; got float"):
        layer.backward(1.0)
    assert layer.backward(np.ones(y.shape)).shape == X.shape


def test_costs_of_shapes_that_do_not_fit_are_refused():
    for layer, shape, words in (
        (BatchNorm(3), (2, 5, 4), r"BatchNorm\.cost: input_shape must be \(B, …, 3\); got \(2, 5, 4\)"),
        (SqueezeExcite(4, 2), (2, 5, 4, 3), r"squeeze_excite_cost: reduce must be \(M, S\) with M = 3"),
        (GlobalAveragePool(), (2, 3), r"GlobalAveragePool\.cost: input_shape must be \(B, Dᵤ, Dᵤ, M\); got \(2, 3\)"),
        (Conv2D(3, 4), (2, 5, 4, 2), "conv2d_cost: kernel must be"),
        (InvertedResidual(3, 3, padding="valid"), (2, 3, 3, 3), "padding must keep x's height and width"),
    ):
        with pytest.raises(ValueError, match=words):
            layer.output_shape(shape)


def test_a_layer_can_stand_in_a_network_only_once():
    relu, norm = ReLU(), BatchNorm(3)
    words = "each layer must be one of its own, as it remembers its last input; {} is, or holds, the layer that {} is"
    with pytest.raises(ValueError, match=words.format("2", "0")):
        Sequential(relu, norm, relu)
    with pytest.raises(ValueError, match=words.format("after", "inner")):
        Sequential({"inner": Sequential(relu, norm), "after": norm})
    with pytest.raises(ValueError, match=words.format("1", "0")):
        Sequential(inner := Sequential(ReLU()), inner)
    Sequential(relu, norm, relu.copy())


def test_an_unbiased_variance_needs_two_values_and_a_refused_step_moves_nothing():
    layer = BatchNorm(3, unbiased=True)
    with pytest.raises(ValueError, match=r"BatchNorm\.forward: x has one value a channel, .*; got x \(1, 3\)"):
        layer.forward(np.ones((1, 3), np.float32), training=True)
    assert layer.state["variance"].tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError):
        layer.backward(np.ones((1, 3), np.float32))
    BatchNorm(3).forward(np.ones((1, 3), np.float32), training=True)
    layer.forward(np.ones((1, 3), np.float32))


def test_the_shortcut_is_there_exactly_at_stride_1_with_equal_channels():
    for stride in (1, (1, 1), [1, 1], np.int64(1), (np.int64(1), 1)):
        assert InvertedResidual(3, 3, stride).shortcut, stride
        assert not InvertedResidual(3, 4, stride).shortcut, stride
        assert not InvertedResidual(3, 3, stride, shortcut=False).shortcut, stride
    for stride in (2, (1, 2), (2, 1), np.int64(2), [2, 2]):
        assert not InvertedResidual(3, 3, stride).shortcut, stride


def test_a_block_is_expanded_to_any_width_and_not_at_all_to_its_own():
    names = lambda **options: list(InvertedResidual(4, 6, batch_norm=None, **options).layers)  # noqa: E731
    assert names(expanded=10) == ["expand", "expand_relu6", "depthwise", "depthwise_relu6", "project"]
    assert names(expanded=4) == names(expansion=1) == ["depthwise", "depthwise_relu6", "project"]
    block = InvertedResidual(4, 6, expanded=3, activation="hard_swish", squeeze=2)
    assert block.params["expand.kernel"].shape == (4, 3)
    assert block.params["squeeze_excite.expand"].shape == (2, 3)
    assert list(block.layers)[4:7] == ["depthwise_norm", "depthwise_hard_swish", "squeeze_excite"]


def test_networks_name_their_arrays_by_layer():
    network = Sequential(
        {"stem": Conv2D(3, 4, bias=True), "block": InvertedResidual(4, 4, 1, 1), "pool": GlobalAveragePool()}
    )
    assert list(network.params) == list(network.grads)
    assert list(network.params) == [
        "stem.kernel", "stem.bias", "block.depthwise.kernel", "block.depthwise_norm.scale", "block.depthwise_norm.shift",
        "block.project.kernel", "block.project_norm.scale", "block.project_norm.shift",
    ]  # fmt: skip
    assert list(network.state) == [
        f"block.{name}_norm.{key}" for name in ("depthwise", "project") for key in ("mean", "variance")
    ]
    assert list(Sequential(ReLU(), Dense(3, 2)).params) == ["1.kernel", "1.bias"]
    assert network.params["block.project.kernel"] is network.layers["block"].layers["project"].params["kernel"]


def test_the_parameters_of_the_articles_layer_are_counted():
    block = InvertedResidual(32, 16, 1, 6)
    held = sum(array.size for array in block.params.values())
    assert held == block.cost((1, 7, 7, 32)).params == 32 * 192 + 9 * 192 + 192 * 16 + 2 * (192 + 192 + 16)
    assert block.folded().cost((1, 7, 7, 32)).params == 32 * 192 + 9 * 192 + 192 * 16 + 192 + 192 + 16


def test_an_optimiser_that_holds_the_arrays_of_a_network_moves_it():
    network = Sequential(PointwiseConv2D(3, 4, dtype=np.float64), GlobalAveragePool())
    held, gradient = network.params["0.kernel"], network.grads["0.kernel"]
    y = network.forward(X)
    network.backward(np.ones((2, 4)))
    assert gradient.any()
    held -= 0.5 * gradient
    np.testing.assert_allclose(network.forward(X), y - 0.5 * X.mean((1, 2)) @ gradient)


def test_folding_stops_at_what_lies_between():
    def norms(layer):
        return sum(isinstance(leaf, BatchNorm) for leaf in layer.leaves())

    rng = np.random.default_rng(1)
    for layers, left in (
        ((Conv2D(3, 4), ReLU6(), BatchNorm(4)), 1),
        ((BatchNorm(3), Conv2D(3, 4), BatchNorm(4), BatchNorm(4), ReLU()), 1),
        ((Sequential(Conv2D(3, 4)), BatchNorm(4)), 1),
        ((Conv2D(3, 4, bias=True), BatchNorm(4), PointwiseConv2D(4, 2), BatchNorm(2)), 0),
        ((GlobalAveragePool(), Dense(3, 2, bias=False), BatchNorm(2)), 0),
    ):
        network = Sequential(*layers)
        for a in network.arrays().values():
            a[...] = rng.uniform(0.5, 2, a.shape)
        folded = network.folded()
        assert norms(folded) == left
        np.testing.assert_allclose(folded.forward(X), network.forward(X), rtol=1e-4)


def test_a_folded_block_is_a_block_with_its_shortcut_and_learns_on():
    block = InvertedResidual(3, 3, 1, 2, dtype=np.float64)
    block.forward(X, training=True)
    folded = block.folded()
    assert type(folded) is InvertedResidual
    assert folded.shortcut
    assert list(folded.layers) == ["expand", "expand_relu6", "depthwise", "depthwise_relu6", "project"]
    assert list(folded.params) == list(folded.grads)
    npconv.checks.check_layer(folded, X, training=True)


def test_a_pickled_layer_comes_back_without_its_memory():
    layer = InvertedResidual(3, 3, dtype=np.float64)
    y = layer.forward(X)
    again = pickle.loads(pickle.dumps(layer))
    assert np.array_equal(again.forward(X), y)
    assert again.params["expand.kernel"] is again.layers["expand"].params["kernel"]
    with pytest.raises(RuntimeError):
        pickle.loads(pickle.dumps(layer)).backward(y)


def test_files_that_hold_no_plain_arrays_are_refused_and_nothing_changes(tmp_path):
    layer = Dense(2, 3)
    kernel = layer.params["kernel"].copy()
    layer.save(tmp_path / "right.npz")
    right = (tmp_path / "right.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(right[:-30])
    (tmp_path / "damaged.npz").write_bytes(right[:-100].replace(b"PK\x01\x02", b"PK\x01\x07") + right[-100:])
    np.save(tmp_path / "single.npy", kernel)
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("kernel = 3")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"kernel": kernel, "bias": np.zeros(3)}))
    np.savez(tmp_path / "objects.npz", kernel=np.array([{}, None]), bias=np.zeros(3))
    for name in ("cut", "damaged", "single", "empty", "text", "pickle", "objects"):
        with pytest.raises(ValueError, match=f"{name}.npz is no .npz file of plain arrays"):
            layer.load(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        layer.load(tmp_path / "none.npz")
    with pytest.raises(OSError, match=r"cannot be written"):
        layer.save(tmp_path / "right.npz" / "inside.npz")
    assert np.array_equal(layer.params["kernel"], kernel)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_loading_another_networks_file_lists_every_difference(tmp_path):
    path = tmp_path / "block.npz"
    InvertedResidual(3, 3, 1, 1).save(path)
    other = InvertedResidual(3, 4, 1, 2, batch_norm=None)
    before = {key: a.copy() for key, a in other.params.items()}
    with pytest.raises(ValueError, match=r"InvertedResidual\.load: .*block\.npz don't fit in 11 places: ") as raised:
        other.load(path)
    told = str(raised.value).split("don't fit in 11 places: ")[1].split("; ")
    assert "missing expand.kernel (3, 6)" in told
    assert "left over depthwise_norm.variance (3,)" in told
    assert "depthwise.kernel must be (3, 3, 6), got (3, 3, 3)" in told
    assert "project.kernel must be (6, 4), got (3, 3)" in told
    assert len(told) == 1 + 8 + 2
    assert all(np.array_equal(a, before[key]) for key, a in other.params.items())


def test_values_of_another_float_dtype_are_taken_as_the_layers_own():
    layer = Dense(2, 3)
    layer.load_arrays({"kernel": np.full((2, 3), 0.1), "bias": np.arange(3)})
    assert {a.dtype for a in layer.params.values()} == {np.dtype(np.float32)}
    assert layer.params["bias"].tolist() == [0, 1, 2]
    mine = np.ones((2, 3), np.float32)
    layer.load_arrays({"kernel": mine, "bias": np.zeros(3)})
    mine[...] = 5
    assert (layer.params["kernel"] == 1).all()


def test_what_is_no_mapping_or_too_large_for_the_dtype_is_not_loaded():
    layer = Dense(2, 3)
    before = layer.params["kernel"].copy()
    with pytest.raises(
        TypeError, match=r"Dense\.load_arrays: the arrays must be a mapping from names to arrays; got list"
    ):
        layer.load_arrays([1, 2])
    large = {"kernel": np.full((2, 3), 1e300), "bias": np.ones(3)}
    with pytest.raises(ValueError, match=r"don't fit: kernel must hold numbers of float32, got 1e\+300"):
        layer.load_arrays(large)
    assert np.array_equal(layer.params["kernel"], before)
    Dense(2, 3, dtype=np.float64).load_arrays(large)
    layer.load_arrays({"kernel": np.full((2, 3), np.nan), "bias": np.full(3, -np.inf)})  # of a training that diverged
    assert np.isinf(layer.params["bias"]).all()


@pytest.mark.parametrize("name", ["file", "allow_pickle"])
def test_a_parameter_named_as_an_argument_of_savez_is_saved_as_any_other(name, tmp_path):
    layer = Layer()
    layer.params[name] = np.ones(3)
    again = layer.copy()
    layer.save(tmp_path / "layer.npz")
    again.params[name][...] = 5
    again.load(tmp_path / "layer.npz")
    assert (again.params[name] == 1).all()
    network, other = Sequential(layer), Sequential(layer.copy())
    network.save(tmp_path / "layer.npz")
    other.params[f"0.{name}"][...] = 7
    other.load(tmp_path / "layer.npz")
    assert (other.params[f"0.{name}"] == 1).all()


def test_one_name_for_a_parameter_and_a_statistic_is_told():
    layer = Layer()
    layer.params, layer.state = {"mean": np.ones(3)}, {"mean": np.zeros(3)}
    for layer_or_network in (layer, Sequential({"norm": layer})):
        with pytest.raises(ValueError, match=r"a parameter and a statistic can't share a name; got (norm\.)?mean"):
            layer_or_network.arrays()


def test_float32_stays_float32_through_a_network():
    network = Sequential(Conv2D(3, 4, bias=True), BatchNorm(4, unbiased=True), ReLU6(), InvertedResidual(4, 4),
                         ResidualBottleneck(4, 2), DepthwiseSeparable(4, 3), GlobalAveragePool(), Dense(3, 2))  # fmt: skip
    x = X.astype(np.float32)
    for training in (True, False):
        y = network.forward(x, training)
        dx = network.backward(np.ones_like(y))
        assert {y.dtype, dx.dtype} == {np.dtype(np.float32)}
        for arrays in (network.params, network.grads, network.state):
            assert {a.dtype for a in arrays.values()} == {np.dtype(np.float32)}


def test_a_network_is_a_layer_and_tells_what_it_is_made_of():
    network = Sequential({"stem": Conv2D(3, 4), "inner": Sequential(ReLU6())})
    assert isinstance(network, Layer)
    stem = "stem: Conv2D(kernel (3, 3, 3, 4), stride 1, padding valid)"
    assert repr(network) == f"Sequential\n  {stem}\n  inner: Sequential\n    0: ReLU6()"
    cost = network.cost((2, 5, 4, 3))
    assert list(cost.parts) == ["stem", "inner"]
    assert cost.parts["stem"] == npconv.cost.conv2d_cost((2, 5, 4, 3), (3, 3, 3, 4))
    assert [type(leaf).__name__ for leaf in network.leaves()] == ["Conv2D", "ReLU6"]


def test_siblings_of_one_generator_are_drawn_one_after_the_other():
    rng = np.random.default_rng(3)
    first, second = PointwiseConv2D(3, 4, seed=rng), PointwiseConv2D(3, 4, seed=rng)
    rng = np.random.default_rng(3)
    both = rng.standard_normal((2, 3, 4)) * (2 / 3) ** 0.5
    for layer, expected in zip((first, second), both, strict=True):
        np.testing.assert_allclose(layer.params["kernel"], expected, rtol=1e-6)


def test_every_public_layer_says_how_it_is_used():
    kinds = [value for value in vars(npconv.layers).values() if isinstance(value, type) and issubclass(value, Layer)]
    for kind in kinds:
        assert kind.__doc__, kind
        if kind.__name__ not in ("Layer", "Activation"):
            assert ">>> " in kind.__doc__, kind
