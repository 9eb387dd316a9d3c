"""What guards the layers: properties that they must have, as functions of a namespace of layers.

The tests run them on npconv.layers; test_layer_guards.py also runs them on npconv.layers with one mistake planted, and
each must be caught.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import npconv
from npconv.checks import check_layer

FLOAT64 = {"dtype": np.float64, "seed": 1}
NORM = {"epsilon": 1e-3, "momentum": 0.9}


class Made(NamedTuple):
    """A layer of the table: how it is made from a namespace of layers, with options, and an input's shape for it."""

    make: Callable[..., Any]
    shape: tuple[int, ...]


# Height is not width, M is not N, the batch is above one. Each takes seed and dtype.
LAYERS = {
    "Conv2D": Made(
        lambda layers, **o: layers.Conv2D(2, 3, (3, 2), stride=(2, 1), padding="same", bias=True, **o), (2, 5, 4, 2)
    ),
    "Conv2D dilated": Made(
        lambda layers, **o: layers.Conv2D(2, 3, 2, padding=(1, 0), dilation=(1, 2), **o), (2, 4, 5, 2)
    ),
    "DepthwiseConv2D": Made(
        lambda layers, **o: layers.DepthwiseConv2D(
            3, (2, 3), depth_multiplier=2, stride=(1, 2), padding=1, bias=True, **o
        ),
        (2, 5, 4, 3),
    ),
    "PointwiseConv2D": Made(lambda layers, **o: layers.PointwiseConv2D(3, 4, bias=True, **o), (2, 3, 2, 3)),
    "Dense": Made(lambda layers, **o: layers.Dense(4, 3, **o), (5, 4)),
    "BatchNorm": Made(lambda layers, seed, **o: layers.BatchNorm(3, **layers.CONVENTIONS["keras"], **o), (2, 5, 4, 3)),
    "BatchNorm unbiased": Made(
        lambda layers, seed, **o: layers.BatchNorm(3, **layers.CONVENTIONS["torchvision"], **o), (4, 3)
    ),
    "ReLU": Made(lambda layers, **o: layers.ReLU(), (2, 5, 4, 3)),
    "ReLU6": Made(lambda layers, **o: layers.ReLU6(), (2, 5, 4, 3)),
    "Sigmoid": Made(lambda layers, **o: layers.Sigmoid(), (2, 5, 4, 3)),
    "HardSigmoid": Made(lambda layers, **o: layers.HardSigmoid(), (2, 5, 4, 3)),
    "HardSwish": Made(lambda layers, **o: layers.HardSwish(), (2, 5, 4, 3)),
    "SqueezeExcite": Made(lambda layers, **o: layers.SqueezeExcite(3, 2, **o), (2, 5, 4, 3)),
    "GlobalAveragePool": Made(lambda layers, **o: layers.GlobalAveragePool(), (2, 5, 4, 3)),
    "Sequential": Made(
        lambda layers, seed, **o: layers.Sequential(
            {
                "stem": layers.Conv2D(2, 4, 3, stride=2, padding="same", bias=True, **o),
                "norm": layers.BatchNorm(4, **NORM, **o),
                "relu6": layers.ReLU6(),
                "inner": layers.Sequential(layers.PointwiseConv2D(4, 3, **o), layers.BatchNorm(3, **o)),
                "pool": layers.GlobalAveragePool(),
                "classifier": layers.Dense(3, 5, **o),
                "last": layers.BatchNorm(5, **o),
            }
        ).initialize(seed),
        (3, 5, 6, 2),
    ),
    "InvertedResidual": Made(
        lambda layers, **o: layers.InvertedResidual(3, 3, 1, 2, batch_norm=NORM, **o), (2, 5, 4, 3)
    ),
    "InvertedResidual, stride 2": Made(lambda layers, **o: layers.InvertedResidual(3, 4, 2, 2, **o), (2, 5, 4, 3)),
    "InvertedResidual, k and k′": Made(
        lambda layers, **o: layers.InvertedResidual(
            3, 2, (1, 1), 3, kernel_size=(2, 3), dilation=(2, 1), padding="valid", **o
        ),
        (2, 5, 4, 3),
    ),
    "InvertedResidual, t = 1": Made(lambda layers, **o: layers.InvertedResidual(3, 3, 1, 1, **o), (2, 5, 4, 3)),
    "InvertedResidual, ReLU6 in the bottleneck": Made(
        lambda layers, **o: layers.InvertedResidual(3, 3, 1, 2, bottleneck="relu6", **o), (2, 5, 4, 3)
    ),
    "InvertedResidual, no shortcut": Made(
        lambda layers, **o: layers.InvertedResidual(3, 3, 1, 2, shortcut=False, **o), (2, 5, 4, 3)
    ),
    "InvertedResidual, no normalisation": Made(
        lambda layers, **o: layers.InvertedResidual(3, 3, 1, 2, batch_norm=None, **o), (2, 5, 4, 3)
    ),
    "InvertedResidual, hard-swish": Made(
        lambda layers, **o: layers.InvertedResidual(3, 3, 1, 2, activation="hard_swish", **o), (2, 5, 4, 3)
    ),
    "InvertedResidual, MobileNetV3's": Made(
        lambda layers, **o: layers.InvertedResidual(
            3, 3, expanded=7, kernel_size=5, activation="hard_swish", squeeze=2, **o
        ),
        (2, 5, 4, 3),
    ),
    "DepthwiseSeparable": Made(
        lambda layers, **o: layers.DepthwiseSeparable(3, 4, 2, depth_multiplier=2, kernel_size=(3, 2), **o),
        (2, 5, 4, 3),
    ),
    "DepthwiseSeparable, ReLU, no normalisation": Made(
        lambda layers, **o: layers.DepthwiseSeparable(3, 4, batch_norm=None, activation="relu", padding="valid", **o),
        (2, 5, 4, 3),
    ),
    "ResidualBottleneck": Made(lambda layers, **o: layers.ResidualBottleneck(4, 3, **o), (2, 5, 4, 4)),
    "ResidualBottleneck, no normalisation": Made(
        lambda layers, **o: layers.ResidualBottleneck(4, 2, kernel_size=(3, 2), batch_norm=None, **o), (2, 5, 4, 4)
    ),
}


def made(name: str, layers: Any, seed: int = 0, dtype: Any = np.float64) -> tuple[Any, np.ndarray]:
    """A layer of the table, with random numbers in all of its arrays, and an input for it."""
    make, shape = LAYERS[name]
    layer, rng = make(layers, dtype=dtype, seed=seed), np.random.default_rng([seed, 1])
    for key, array in {**layer.params, **layer.state}.items():
        kind = key.split(".")[-1]
        if kind in ("scale", "variance"):
            array[...] = rng.uniform(0.5, 3, array.shape)
        elif kind != "kernel":
            array[...] = rng.standard_normal(array.shape)
    for array in layer.grads.values():
        array[...] = 7  # of another step
    x = 2 * rng.standard_normal(shape)
    if name in ("ReLU6", "HardSigmoid", "HardSwish"):
        x *= 3
    return layer, x.astype(dtype)


def raises(words: str, function: Callable[..., Any], *arguments: Any) -> None:
    """Hold a call to an error that has these words in it."""
    try:
        function(*arguments)
    except (RuntimeError, TypeError, ValueError) as error:
        said = str(error)
    else:
        said = "nothing"
    assert words in said, (words, said)


KINKS = {"ReLU": (0,), "ReLU6": (0, 6), "HardSigmoid": (-3, 3), "HardSwish": (-3, 3)}


def kinks(layer: Any, x: np.ndarray, training: bool) -> np.ndarray:
    """How far every activation's input lies from its kinks, in a forward of the layer; empty where it has none.

    An input of exactly 0 doesn't count: it is a sum of products of units that are all dead, and as they are far from
    their kinks, it stays 0 and its derivative too. A layer that ends in a ReLU after a sum shows that kink in no
    activation: its own sum is asked as well.
    """
    distances = []

    def watched(activation: Any) -> Callable[..., Any]:
        def forward(x: np.ndarray, training: bool = False) -> np.ndarray:
            for kink in KINKS[type(activation).__name__]:
                distances.append(np.abs(x[x != 0] - kink))
            return type(activation).forward(activation, x, training)

        return forward

    def watched_gate(gate: Any) -> Callable[..., Any]:
        def forward(x: np.ndarray, training: bool = False) -> np.ndarray:
            stages = npconv.squeeze_excite_stages(x, *gate.params.values())
            distances.append(np.abs(stages.reduced).ravel())
            distances.append(np.abs(np.abs(stages.expanded) - 3).ravel())
            return type(gate).forward(gate, x, training)

        return forward

    layer = layer.copy()
    for leaf in layer.leaves():
        if type(leaf).__name__ in KINKS:
            leaf.forward = watched(leaf)
        elif type(leaf).__name__ == "SqueezeExcite":
            leaf.forward = watched_gate(leaf)
    y = layer.forward(x.copy(), training)
    if type(layer).__name__ == "ResidualBottleneck":
        distances.append(np.abs(type(layer).__mro__[1].forward(layer, x, training) + x).ravel())
    assert np.isfinite(y).all()
    return np.concatenate(distances) if distances else np.empty(0)


def guard_gradients(layers: Any, name: str) -> None:
    """Gradients in both modes, and manners; no unit is so close to a kink that a difference could step over it."""
    layer, x = made(name, layers)
    for training in (False, True):
        assert kinks(layer, x, training).min(initial=1) > 2e-4, (name, training)
        check_layer(layer, x, training=training)


def guard_kernels(layers: Any) -> None:
    """Without batch normalisation each layer is its kernel, forward and backward."""
    rng = np.random.default_rng(3)
    shape = (2, 5, 6, 3)
    geometry: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2)}
    for layer, input_shape, kernel, options in (
        (layers.Conv2D(3, 4, (2, 3), **geometry, **FLOAT64), shape, "conv2d", geometry),
        (
            layers.DepthwiseConv2D(3, 2, depth_multiplier=2, **geometry, **FLOAT64),
            shape, "depthwise_conv2d", geometry,
        ),
        (layers.PointwiseConv2D(3, 4, **FLOAT64), shape, "pointwise_conv2d", {}),
        (layers.Dense(3, 4, bias=False, **FLOAT64), (5, 3), "dense", {}),
        (layers.ReLU(), (2, 5), "relu", {}),
        (layers.ReLU6(), (2, 5), "relu6", {}),
        (layers.Sigmoid(), (2, 5), "sigmoid", {}),
        (layers.HardSigmoid(), (2, 5), "hard_sigmoid", {}),
        (layers.HardSwish(), (2, 5), "hard_swish", {}),
        (layers.SqueezeExcite(3, 2, **FLOAT64), shape, "squeeze_excite", {}),
        (layers.GlobalAveragePool(), shape, "global_average_pool", {}),
        (
            layers.DepthwiseSeparable(3, 4, batch_norm=None, activation="linear", **geometry, **FLOAT64),
            shape, "depthwise_separable_conv2d", geometry,
        ),
        (layers.InvertedResidual(3, 3, 1, 2, batch_norm=None, **FLOAT64), shape, "inverted_residual", {}),
        (layers.InvertedResidual(3, 3, (2, 1), 2, batch_norm=None, padding=(1, 2), **FLOAT64), shape,
         "inverted_residual", {"stride": (2, 1), "padding": (1, 2)}),
        (layers.InvertedResidual(3, 3, 2, 1, batch_norm=None, **FLOAT64), shape, "inverted_residual", {"stride": 2}),
        (layers.ResidualBottleneck(3, 2, batch_norm=None, **FLOAT64), shape, "residual_bottleneck", {}),
    ):  # fmt: skip
        x, kernels = 4 * rng.standard_normal(input_shape), list(layer.params.values())
        if kernel == "inverted_residual" and len(kernels) == 2:
            kernels = [None, *kernels]
        forward, backward = getattr(npconv, kernel), getattr(npconv, f"{kernel}_backward")
        y = layer.forward(x)
        np.testing.assert_array_equal(y, forward(x, *kernels, **options))
        dy = rng.standard_normal(y.shape)
        gradients = backward(dy, x, *kernels, **options)
        gradients = [g for g in (gradients if isinstance(gradients, tuple) else (gradients,)) if g is not None]
        dx = layer.backward(dy)
        for mine, gradient in zip((dx, *layer.grads.values()), gradients, strict=True):
            np.testing.assert_allclose(mine, gradient, rtol=1e-12, atol=1e-12)
    block, x = (
        layers.InvertedResidual(3, 3, 1, 2, batch_norm=None, shortcut=False, **FLOAT64),
        rng.standard_normal(shape),
    )
    np.testing.assert_allclose(block.forward(x), npconv.inverted_residual(x, *block.params.values()) - x, atol=1e-12)


def guard_options(layers: Any) -> None:
    """MobileNetV3's block is its steps: a width of its own, hard-swish, and the gate between filters and projection."""
    rng = np.random.default_rng(8)
    block = layers.InvertedResidual(3, 3, expanded=7, activation="hard_swish", squeeze=2, batch_norm=None, **FLOAT64)
    for array in block.params.values():
        array[...] = rng.standard_normal(array.shape)
    x, (expand, depthwise, *gate, project) = 2 * rng.standard_normal((2, 5, 6, 3)), block.params.values()
    assert expand.shape == (3, 7)
    swish = lambda a: a * np.clip(a + 3, 0, 6) / 6  # noqa: E731
    wide = swish(npconv.depthwise_conv2d(swish(x @ expand), depthwise, padding="same"))
    hidden = np.maximum(wide.mean((1, 2)) @ gate[0] + gate[1], 0)
    wide = wide * (np.clip(hidden @ gate[2] + gate[3] + 3, 0, 6) / 6)[:, None, None]
    np.testing.assert_allclose(block.forward(x), wide @ project + x, rtol=1e-12, atol=1e-12)


def guard_statistics(layers: Any) -> None:
    """Batch normalisation by its formula in both modes, and the running statistics of each convention."""
    rng = np.random.default_rng(4)
    batches = [rng.normal(3, 2, (3, 4, 5, 2)) for _ in range(3)]
    wanted = {"keras": (1e-3, 0.999, False), "torchvision": (1e-5, 0.9, True), "timm": (1e-5, 0.9, True)}
    assert set(layers.CONVENTIONS) == set(wanted)
    for convention, (epsilon, kept, unbiased) in wanted.items():
        layer = layers.BatchNorm(2, **layers.CONVENTIONS[convention], dtype=np.float64)
        layer.params["scale"][...], layer.params["shift"][...] = [2, 3], [5, 7]
        mean, variance = np.zeros(2), np.ones(2)
        for x in batches:
            flat = x.reshape(-1, 2)
            y = layer.forward(x, training=True)
            expected = (x - flat.mean(0)) / np.sqrt(flat.var(0) + epsilon) * [2, 3] + [5, 7]
            np.testing.assert_allclose(y, expected, rtol=1e-12)
            mean = kept * mean + (1 - kept) * flat.mean(0)
            variance = kept * variance + (1 - kept) * flat.var(0, ddof=int(unbiased))
            np.testing.assert_allclose(layer.state["mean"], mean, rtol=1e-12)
            np.testing.assert_allclose(layer.state["variance"], variance, rtol=1e-12)
        expected = (batches[0] - mean) / np.sqrt(variance + epsilon) * [2, 3] + [5, 7]
        np.testing.assert_allclose(layer.forward(batches[0]), expected, rtol=1e-12)


def guard_modes(layers: Any) -> None:
    """Training reaches every batch normalisation of a network, inference moves none; False is the default."""
    for name in ("Sequential", "InvertedResidual", "DepthwiseSeparable", "ResidualBottleneck"):
        layer, x = made(name, layers)
        before = {key: a.copy() for key, a in layer.state.items()}
        y = layer.forward(x)
        assert before, name
        assert all(np.array_equal(a, before[key]) for key, a in layer.state.items()), name
        assert not np.allclose(layer.forward(x, True), y), name
        assert all((a != before[key]).all() for key, a in layer.state.items()), name


def guard_folding(layers: Any, name: str | None = None) -> None:
    """folded() equals the original in inference to rounding, shares no array, has no normalisation left."""
    for each in LAYERS if name is None else [name]:
        layer, x = made(each, layers)
        before = {key: a.copy() for key, a in (layer.arrays() | {f"d{k}": g for k, g in layer.grads.items()}).items()}
        y = layer.forward(x)
        folded = layer.folded()
        np.testing.assert_allclose(folded.forward(x), y, rtol=1e-10, atol=1e-10, err_msg=each)
        if not each.startswith("BatchNorm"):
            assert not folded.state, each
            assert "BatchNorm" not in repr(folded), each
        own = [*layer.arrays().values(), *layer.grads.values()]
        for array in (*folded.arrays().values(), *folded.grads.values()):
            assert not any(np.shares_memory(array, a) for a in own), each
        for key, a in before.items():
            now = layer.arrays()[key] if key in layer.arrays() else layer.grads[key[1:]]
            assert np.array_equal(now, a), (each, key)
        assert folded.output_shape(x.shape) == y.shape, each
        assert {k: g.shape for k, g in folded.grads.items()} == {k: p.shape for k, p in folded.params.items()}, each
        dy = np.random.default_rng(5).standard_normal(y.shape)
        np.testing.assert_allclose(folded.backward(dy), layer.backward(dy), rtol=1e-9, atol=1e-9, err_msg=each)


def guard_same_arrays(layers: Any) -> None:
    """A network's arrays are its layers' own, in a copy and a folded one too, and after all that writes into them."""
    layer, x = made("Sequential", layers)
    for network in (layer, layer.copy(), layer.folded(), layer.copy().folded().copy()):
        held = {kind: dict(getattr(network, kind)) for kind in ("params", "grads", "state")}
        other = network.copy()
        network.forward(x, training=True)
        network.backward(np.ones((3, 5)))
        network.initialize(5)
        network.load_arrays(other.arrays())
        for kind, arrays in held.items():
            inner = {
                f"{name}.{key}": array
                for name, child in network.layers.items()
                for key, array in getattr(child, kind).items()
            }
            assert list(inner) == list(arrays)
            for key, array in arrays.items():
                assert getattr(network, kind)[key] is array, (kind, key)
                assert inner[key] is array, (kind, key)
        for array in (*other.arrays().values(), *other.grads.values()):
            assert not any(np.shares_memory(array, a) for arrays in held.values() for a in arrays.values())


def guard_files(layers: Any) -> None:
    """What was saved comes back into another network of the same kind, and it then computes the same."""
    layer, x = made("Sequential", layers, dtype=np.float32)
    other, _ = made("Sequential", layers, seed=2, dtype=np.float32)
    mine, held = ({**network.params, **network.state} for network in (layer, other))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "new", "network.npz")
        layer.save(path)
        first = path.read_bytes()
        layer.save(path)
        assert path.read_bytes() == first
        other.load(path)
    assert len(mine) == 17
    for key, array in mine.items():
        assert held[key].dtype == np.float32, key
        assert np.array_equal(held[key], array), key
    assert np.array_equal(other.forward(x), layer.forward(x))


def guard_wrong_arrays(layers: Any) -> None:
    """Loading what doesn't fit lists all of it, and changes nothing."""
    layer, _ = made("Sequential", layers)
    before = {key: a.copy() for key, a in layer.arrays().items()}
    arrays = {key: a + 1 for key, a in layer.arrays().items() if key not in ("classifier.bias", "norm.mean")}
    arrays |= {
        "stem.kernel": np.ones((3, 3, 2, 5)),
        "inner.0.kernel": np.ones((4, 3), object),
        "neck.kernel": np.ones(2),
    }
    for part in (
        "Sequential.load_arrays: the arrays don't fit: ",
        "missing classifier.bias (5,)",
        "missing norm.mean (4,)",
        "left over neck.kernel (2,)",
        "stem.kernel must be (3, 3, 2, 4), got (3, 3, 2, 5)",
        "inner.0.kernel must hold real numbers, got dtype object",
    ):
        raises(part, layer.load_arrays, arrays)
    assert all(np.array_equal(a, before[key]) for key, a in layer.arrays().items())


def guard_seeds(layers: Any) -> None:
    """The same seed draws the same numbers, another one others; layers that share a generator differ."""
    for name, (make, _) in LAYERS.items():
        layer = make(layers, seed=1, dtype=np.float32)
        drawn = ("kernel", "reduce", "expand")
        kernels = {key: a.copy() for key, a in layer.params.items() if key.split(".")[-1] in drawn}
        assert all(a.dtype == np.float32 for a in layer.arrays().values()), name
        for again in (
            make(layers, seed=1, dtype=np.float32),
            make(layers, seed=np.random.default_rng(1), dtype=np.float32),
        ):
            assert all(np.array_equal(again.params[key], a) for key, a in kernels.items()), name
        other = make(layers, seed=2, dtype=np.float32)
        assert not any((other.params[key] == a).any() for key, a in kernels.items()), name
        if name.split(",")[0] in ("InvertedResidual", "DepthwiseSeparable", "ResidualBottleneck"):
            assert all(np.array_equal(other.initialize(1).params[key], a) for key, a in kernels.items()), name
            first, *rest = (a.ravel()[:6] / a.std() for a in kernels.values())
            assert not any(np.allclose(first, one, rtol=1e-3) for one in rest), name
    layer, _ = made("Sequential", layers)
    assert layer.initialize(3) is layer
    for key, array in layer.arrays().items():
        kind = key.split(".")[-1]
        if kind != "kernel":
            assert (array == (1 if kind in ("scale", "variance") else 0)).all(), key
    rng = np.random.default_rng(6)
    shared = layers.Conv2D(2, 2, seed=rng), layers.Conv2D(2, 2, seed=rng)
    assert not np.array_equal(shared[0].params["kernel"], shared[1].params["kernel"])


def guard_spreads(layers: Any) -> None:
    """Each initialiser's variance and bounds, for the fans of every kind of kernel."""
    gate = layers.SqueezeExcite(80, 30, seed=6)
    for name, fan_in in (("reduce", 80), ("expand", 30)):
        assert abs(gate.params[name].var() * fan_in / 2 - 1) < 0.1, name
    for layer, fan_in, fan_out in (
        (layers.Conv2D(20, 30, (3, 4), seed=1), 240, 360),
        (layers.DepthwiseConv2D(400, (3, 4), depth_multiplier=2, seed=2), 12, 24),
        (layers.PointwiseConv2D(80, 90, seed=3), 80, 90),
        (layers.Dense(80, 90, seed=4), 80, 90),
    ):
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        kernel = layer.params["kernel"]
        assert abs(kernel.var() * fan_in / 2 - 1) < 0.1, layer
        assert abs(kernel).max() > 3 * kernel.std(), layer
        layer.initialize(5, layers.glorot_uniform)
        limit = (6 / (fan_in + fan_out)) ** 0.5
        assert 0.99 * limit < abs(kernel).max() <= limit, layer
        assert abs(kernel.var() / (limit**2 / 3) - 1) < 0.1, layer
        layer.initialize(5, layers.glorot_uniform, fans="keras")  # of a kernel (3, 4, 400, 2): 12·400 and 12·2
        limit = (6 / ((400 if depthwise else 1) * fan_in + fan_out)) ** 0.5
        assert 0.99 * limit < abs(kernel).max() <= limit, layer
        layer.initialize(5, layers.truncated_normal(0.05))
        assert 0.098 < abs(kernel).max() <= 0.1, layer
        assert abs(kernel.std() / (0.05 * 0.8796) - 1) < 0.05, layer  # the spread of a normal within two deviations


def guard_costs(layers: Any) -> None:
    """Costs are those of the kernels' own formulas, and output_shape is the shape that forward returns."""
    for name in LAYERS:
        layer, x = made(name, layers)
        assert layer.output_shape(x.shape) == layer.forward(x).shape, name
        cost = layer.cost(x.shape)
        assert cost.params == sum(a.size for a in layer.params.values()), name
        assert cost.macs == sum(part.macs for part in cost.parts.values()) or not cost.parts, name
    conv, _ = made("Conv2D", layers)
    geometry = {"stride": (2, 1), "padding": "same"}
    assert conv.cost((2, 5, 4, 2)) == npconv.cost.conv2d_cost((2, 5, 4, 2), (3, 2, 2, 3), bias=True, **geometry)
    depthwise, _ = made("DepthwiseConv2D", layers)
    expected = npconv.cost.depthwise_conv2d_cost((2, 5, 4, 3), (2, 3, 6), stride=(1, 2), padding=1, bias=True)
    assert depthwise.cost((2, 5, 4, 3)) == expected
    assert (conv.params["kernel"].shape, depthwise.params["kernel"].shape) == ((3, 2, 2, 3), (2, 3, 6))
    assert layers.Dense(4, 3).cost((5, 4)) == npconv.cost.dense_cost((5, 4), (4, 3), bias=True)
    assert layers.GlobalAveragePool().cost((2, 5, 4, 3)).additions == 2 * 19 * 3
    shape = (2, 5, 4, 3)
    gate = layers.SqueezeExcite(3, 2).cost(shape)
    assert gate == npconv.cost.squeeze_excite_cost(shape, (3, 2), (2,), (2, 3), (3,))
    block = layers.InvertedResidual(3, 4, expanded=5, squeeze=2)
    assert (block.cost(shape).macs, gate.params) == (40 * (3 * 5 + 9 * 5 + 5 * 4) + 2 * 2 * 5 * 2, 6 + 2 + 6 + 3)
    for block, expected in (
        (layers.PointwiseConv2D(3, 4), npconv.cost.pointwise_conv2d_cost(shape, (3, 4))),
        (
            layers.InvertedResidual(3, 3, 1, 2, batch_norm=None),
            npconv.cost.inverted_residual_cost(shape, (3, 6), (3, 3, 6), (6, 3)),
        ),
        (
            layers.InvertedResidual(3, 3, 2, 1, batch_norm=None),
            npconv.cost.inverted_residual_cost(shape, None, (3, 3, 3), (3, 3), stride=2),
        ),
        (
            layers.DepthwiseSeparable(3, 4, 2, depth_multiplier=2, batch_norm=None),
            npconv.cost.depthwise_separable_conv2d_cost(shape, (3, 3, 6), (6, 4), stride=2, padding="same"),
        ),
        (
            layers.ResidualBottleneck(3, 2, batch_norm=None),
            npconv.cost.residual_bottleneck_cost(shape, (3, 2), (3, 3, 2, 2), (2, 3)),
        ),
    ):
        cost = block.cost(shape)
        for count in ("macs", "additions", "params", "output_shape"):
            assert getattr(cost, count) == getattr(expected, count), (block, count)
        # normalisation brings two numbers a channel, and no operation
    plain, normal = layers.InvertedResidual(3, 3, 1, 2, batch_norm=None), layers.InvertedResidual(3, 3, 1, 2)
    assert normal.cost(shape).flops == plain.cost(shape).flops
    assert normal.cost(shape).params == plain.cost(shape).params + 2 * (6 + 6 + 3)


def guard_memory(layers: Any) -> None:
    """backward needs a forward; one that failed doesn't count, and a copy remembers none."""
    for name in LAYERS:
        layer, x = made(name, layers)
        dy = np.ones(layer.output_shape(x.shape))
        with contextlib.suppress(ValueError):
            if name not in (*KINKS, "Sigmoid"):  # which take any shape
                layer.forward(x[..., None])
        for remembers_none in (layer, layer.copy()):
            raises("there was no forward to go back through", remembers_none.backward, dy)
        for training in (False, True):
            layer.forward(x, training)
            layer.backward(dy)
            raises("there was no forward to go back through", layer.copy().backward, dy)
            layer.forget()
            raises("there was no forward to go back through", layer.backward, dy)


def guard_parts(layers: Any) -> None:
    """A training step in parts of the batch is that of the layers one after the other, and so is what they keep."""
    for name, size in product(CHAINED, (1, 2)):
        parts = [slice(first, min(first + size, 5)) for first in range(0, 5, size)]
        layer, x = made(name, layers)
        rng = np.random.default_rng(6)
        x = rng.normal(rng.uniform(-9, 9, (5, 1, 1, 1)), 2, (5, *x.shape[1:]))  # each image has a mean of its own
        with changed(layers.chain, "partition", lambda *_, parts=parts: parts):
            y = layer.forward(x, training=True)
        chains = [passed for each in rows(layer) for passed in each._passed if hasattr(passed, "parts")]
        assert [len(chain.layers) for chain in chains] == CHAINED[name], name
        twin, dy = made(name, layers)[0], rng.standard_normal(y.shape)
        with changed(layers.sequential, "chain_at", lambda *_: None):
            np.testing.assert_allclose(twin.forward(x, training=True), y, rtol=1e-9, atol=1e-9)
            expected = twin.backward(dy)
        np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-7, atol=1e-9)
        for kind in ("grads", "state"):
            for key, a in getattr(twin, kind).items():
                np.testing.assert_allclose(getattr(layer, kind)[key], a, rtol=1e-7, atol=1e-9, err_msg=f"{name} {key}")
        for each in rows(layer):
            each._passed = []  # back through the layers, each of which remembers what it would alone
        np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-7, atol=1e-9)
        for mine, other in zip(layer.leaves(), twin.leaves(), strict=True):
            kept, expected_kept = (each if isinstance(each, tuple) else (each,) for each in (mine._saved, other._saved))
            for a, b in zip(kept, expected_kept, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=f"{name} {mine!r}")


CHAINED = {
    "Sequential": [2],
    "InvertedResidual": [8],
    "InvertedResidual, stride 2": [8],
    "InvertedResidual, k and k′": [8],
    "InvertedResidual, t = 1": [5],
    "InvertedResidual, ReLU6 in the bottleneck": [9],
    "InvertedResidual, hard-swish": [8],
    "InvertedResidual, MobileNetV3's": [6, 2],
    "ResidualBottleneck": [8],
}
"""Layers of the table that hold a chain of convolutions with normalisation, and how many layers it has."""


def rows(layer: Any) -> Iterator[Any]:
    """The layer and all rows of layers within it."""
    if hasattr(layer, "layers"):
        yield layer
        for each in layer.layers.values():
            yield from rows(each)


@contextlib.contextmanager
def changed(module: Any, name: str, value: Any) -> Iterator[None]:
    """Let a module's name stand for something else."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


GUARDS: dict[str, Callable[[Any], None]] = {
    **{f"gradients of {name}": partial(guard_gradients, name=name) for name in LAYERS},
    **{f"folding of {name}": partial(guard_folding, name=name) for name in LAYERS},
    "kernels": guard_kernels,
    "options": guard_options,
    "statistics": guard_statistics,
    "modes": guard_modes,
    "same arrays": guard_same_arrays,
    "files": guard_files,
    "wrong arrays": guard_wrong_arrays,
    "seeds": guard_seeds,
    "spreads": guard_spreads,
    "costs": guard_costs,
    "memory": guard_memory,
    "parts": guard_parts,
}
