"""Activations, the transposed convolution and resizing against ONNX's own cases, where onnx is installed."""

import importlib

import numpy as np
import pytest

import npconv


@pytest.fixture(scope="module")
def cases():
    pytest.importorskip("onnx")
    from onnx.backend.test.case import node

    for module in (
        "hardsigmoid",
        "hardswish",
        "sigmoid",
        "convtranspose",
        "resize",
    ):  # all modules together take a quarter of a minute
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


@pytest.mark.parametrize(
    ("name", "geometry", "groups"),
    [
        ("test_convtranspose", {}, 1),
        ("test_convtranspose_pad", {"stride": (3, 2), "output_padding": 1}, 1),
        ("test_convtranspose_output_shape", {"stride": (3, 2), "output_padding": 1}, 1),
        ("test_convtranspose_kernel_shape", {"stride": (3, 2), "output_padding": 1}, 1),
        ("test_convtranspose_pads", {"stride": (3, 2), "padding": (1, 2)}, 1),
        ("test_convtranspose_dilations", {"dilation": 2}, 1),
        ("test_convtranspose_autopad_same", {"stride": 2, "padding": "same"}, 1),
        ("test_convtranspose_group_2", {}, 2),
        ("test_convtranspose_group_2_image_3", {}, 2),
    ],
)
def test_the_transposed_convolution_equals_onnxs_cases(cases, name, geometry, groups):
    ((inputs, outputs),) = cases[name].data_sets
    (x, kernel), (y,) = inputs, outputs
    parts = zip(
        np.split(x.transpose(0, 2, 3, 1), groups, -1), np.split(kernel.transpose(2, 3, 1, 0), groups, -1), strict=True
    )
    result = np.concatenate([npconv.transposed_conv2d(*part, **geometry) for part in parts], axis=-1)
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), y)


@pytest.mark.parametrize(
    ("name", "align"),
    [
        ("test_resize_upsample_scales_linear", "half_pixel"),
        ("test_resize_upsample_scales_linear_align_corners", "corners"),
    ],  # the others give a scale that is no ratio of the sizes, antialias, or cut out a part
)
def test_resizing_equals_onnxs_cases(cases, name, align):
    ((inputs, outputs),) = cases[name].data_sets
    x, y = inputs[0], outputs[0]
    result = npconv.resize_bilinear(x.transpose(0, 2, 3, 1), y.shape[2:], align=align)
    assert result.dtype == y.dtype
    np.testing.assert_allclose(result.transpose(0, 3, 1, 2), y, rtol=1e-6)
