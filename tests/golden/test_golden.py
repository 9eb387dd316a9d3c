"""The kernels against torch: vectors that it computed once (make_golden.py), and live where it is installed."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv.checks import OPERATIONS
from npconv.kernels.signatures import SIGNATURES

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def golden():
    with np.load(HERE / "golden.npz", allow_pickle=False) as file:
        return dict(file)


def tuples(value):
    """Lists, as JSON has them, as the pairs that they were."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_convolutions_equal_what_torch_computed(golden, operation):
    forward, backward = OPERATIONS[operation]
    names = list(SIGNATURES[operation].arrays)
    numbers = {name.split("/")[1] for name in golden if name.startswith(f"{operation}/")}
    assert len(numbers) == 12
    for number in numbers:
        case = {name.split("/")[2]: a for name, a in golden.items() if name.startswith(f"{operation}/{number}/")}
        geometry = {key: tuples(value) for key, value in json.loads(str(case["geometry"])).items()}
        arrays = [case[name] for name in names]
        assert np.array_equal(forward(*arrays, **geometry), case["y"])
        for name, gradient in zip(names, backward(case["dy"], *arrays, **geometry), strict=True):
            assert np.array_equal(gradient, case[f"d{name}"])


def test_the_shuffle_equals_what_torch_computed(golden):
    for name in sorted(name for name in golden if name.startswith("shuffle/")):
        groups, channels = map(int, name.split("/")[1:])
        x = np.arange(2.0 * 3 * channels).reshape(2, 1, 3, channels)
        assert np.array_equal(npconv.channel_shuffle(x, groups=groups), golden[name])
        assert np.array_equal(npconv.channel_shuffle_backward(golden[name], x, groups=groups), x)


def test_the_pieces_of_a_network_equal_what_torch_computed(golden):
    def part(name, keys):
        return [golden[f"{name}/{key}"] for key in keys.split()]

    x, scale, shift = part("norm", "x scale shift")
    np.testing.assert_allclose(npconv.batch_norm(x, scale, shift, epsilon=1e-3), golden["norm/y"], atol=1e-12)
    gradients = npconv.batch_norm_backward(golden["norm/dy"], x, scale, shift, epsilon=1e-3)
    for gradient, expected in zip(gradients, part("norm", "dx dscale dshift"), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-12)
    arrays = part("block", "x expand depthwise project")
    np.testing.assert_allclose(npconv.inverted_residual(*arrays), golden["block/y"], atol=1e-11)
    gradients = npconv.inverted_residual_backward(golden["block/dy"], *arrays)
    for gradient, expected in zip(gradients, part("block", "dx dexpand ddepthwise dproject"), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-11)
    logits, labels = part("loss", "logits labels")
    np.testing.assert_allclose(npconv.softmax_cross_entropy(logits, labels), golden["loss/y"], atol=1e-12)
    gradient = npconv.softmax_cross_entropy_backward(1.0, logits, labels)
    np.testing.assert_allclose(gradient, golden["loss/dlogits"], atol=1e-12)


def test_mobilenet_v3s_pieces_equal_what_torch_computed(golden):
    for name in ("sigmoid", "hard_sigmoid", "hard_swish"):
        x, dy, y, dx = (golden[f"{name}/{key}"] for key in ("x", "dy", "y", "dx"))
        np.testing.assert_allclose(getattr(npconv, name)(x), y, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(getattr(npconv, f"{name}_backward")(dy, x), dx, rtol=1e-12, atol=1e-15)
    names = ("x", "reduce", "reduce_bias", "expand", "expand_bias")
    arrays = [golden[f"excite/{name}"] for name in names]
    np.testing.assert_allclose(npconv.squeeze_excite(*arrays), golden["excite/y"], atol=1e-13)
    gradients = npconv.squeeze_excite_backward(golden["excite/dy"], *arrays)
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_allclose(gradient, golden[f"excite/d{name}"], atol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_convolutions_equal_torch_live(operation):
    pytest.importorskip("torch")
    specification = importlib.util.spec_from_file_location("make_golden", HERE / "make_golden.py")
    make_golden = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(make_golden)
    forward, backward = OPERATIONS[operation]
    for case, arrays, dy in make_golden.cases(operation):
        results = make_golden.by_torch(case, arrays, dy)
        assert np.array_equal(forward(*arrays, **case.geometry), results["y"])
        for name, gradient in zip(case.shapes, backward(dy, *arrays, **case.geometry), strict=True):
            assert np.array_equal(gradient, results[f"d{name}"])
