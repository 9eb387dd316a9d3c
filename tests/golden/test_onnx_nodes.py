"""MobileNetV3's activations against the cases by which ONNX defines its operators, where onnx is installed."""

import importlib

import numpy as np
import pytest

import npconv


@pytest.fixture(scope="module")
def cases():
    pytest.importorskip("onnx")
    from onnx.backend.test.case import node

    for module in ("hardsigmoid", "hardswish", "sigmoid"):  # all modules together take a quarter of a minute
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    return {case.name: case for case in node._NodeTestCases}


def shifted(x, alpha=0.2, beta=0.5):
    """ONNX's HardSigmoid, max(0, min(1, αx + β)), by the one here, which has α = 1/6 and β = 1/2."""
    return npconv.hard_sigmoid((6 * alpha * x + 6 * beta - 3).astype(x.dtype))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("test_hardswish", npconv.hard_swish),
        ("test_hardswish_expanded", npconv.hard_swish),
        ("test_hardsigmoid", lambda x: shifted(x, 0.5, 0.6)),
        ("test_hardsigmoid_example", lambda x: shifted(x, 0.5, 0.6)),
        ("test_hardsigmoid_default", shifted),
        ("test_sigmoid", npconv.sigmoid),
        ("test_sigmoid_example", npconv.sigmoid),
    ],
)
def test_the_activations_equal_onnxs_cases(cases, name, function):
    ((inputs, outputs),) = cases[name].data_sets
    (x,), (y,) = inputs, outputs
    result = function(x)
    assert result.dtype == y.dtype
    np.testing.assert_allclose(result, y, rtol=1e-6, atol=1e-7)
