"""The contract: dtypes, errors that say what is wrong, bounded memory, and a debugger's steps."""

import inspect
import subprocess
import sys
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv.cost import conv2d_cost
from npconv.kernels import engine, geometry
from npconv.kernels.normalization import batch_norm_backward_from_stages
from npconv.kernels.signatures import SIGNATURES

X, KERNEL = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
DEPTHWISE, POINTWISE = np.ones((3, 3, 6)), np.ones((3, 4))
BLOCK = (np.ones((2, 5, 6, 3)), np.ones((3, 12)), np.ones((3, 3, 12)), np.ones((12, 3)))
VECTOR = np.ones(3)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("int8", "float32"), ("int8", "int16"), ("bool", "int8"),
                                    ("float16", "float16"), ("float32", "complex64"), ("bool", "bool")])  # fmt: skip
def test_the_dtype_is_numpys_result_type(dtypes):
    x, kernel = (a.astype(dtype) for a, dtype in zip((X[:, :4, :5], KERNEL), dtypes, strict=True))
    expected = np.result_type(*dtypes)
    dy = np.ones((2, 2, 3, 4), dtypes[0])
    for rung in (
        npconv.conv2d_loops,
        npconv.conv2d_per_channel,
        npconv.conv2d_taps,
        npconv.conv2d_im2col,
        npconv.conv2d,
    ):
        assert rung(x, kernel).dtype == expected
    for rung in (npconv.conv2d_backward_loops, npconv.conv2d_backward_taps, npconv.conv2d_backward):
        dx, dkernel = rung(dy, x, kernel)
        assert (dx.dtype, dkernel.dtype) == (expected, np.dtype(dtypes[0]))
    for rung in (npconv.depthwise_conv2d, npconv.depthwise_conv2d_taps, npconv.depthwise_conv2d_loops):
        assert rung(x, kernel[..., 0]).dtype == expected
    assert npconv.pointwise_conv2d(x, kernel[0, 0]).dtype == expected


def test_whole_numbers_wrap_as_numpys_do():
    x, kernel = np.full((1, 2, 2, 1), 100, np.int8), np.full((2, 2, 1, 1), 3, np.int8)
    assert npconv.conv2d(x, kernel).item() == npconv.conv2d_taps(x, kernel).item() == np.int8(1200 % 256 - 256)


def test_small_whole_numbers_stay_as_small():
    x, dy, depthwise, pointwise = (a.astype(np.int8) for a in (X, np.ones((2, 5, 4, 6)), DEPTHWISE, np.ones((6, 4))))
    results = [npconv.factored_kernel(depthwise, pointwise, depth_multiplier=2)]
    results += npconv.factored_kernel_backward(results[0], depthwise, pointwise, depth_multiplier=2)
    results += [
        npconv.pointwise_conv2d_loops(dy, pointwise),
        *npconv.pointwise_conv2d_backward(dy[..., :4], dy, pointwise),
    ]
    for name in ("depthwise_conv2d_backward", "depthwise_conv2d_backward_taps", "depthwise_conv2d_backward_loops"):
        results += getattr(npconv, name)(dy, x, depthwise)
    results += npconv.depthwise_separable_conv2d_backward(dy[..., :4], x, depthwise, pointwise)
    assert {result.dtype for result in results} == {np.dtype(np.int8)}


@pytest.mark.parametrize(("dtype", "imaginary"), [(np.complex64, 0.5j), (np.complex128, 0.5j), (object, 0)])
def test_activations_keep_the_dtype_and_act_on_the_real_part(dtype, imaginary):
    x, dy = (np.array(a, object) + imaginary for a in ([-1, 0, 3, 6, 7], [9, 8, 5, 4, 2]))
    expected = {npconv.relu: [0, 0, *x[2:]], npconv.relu6: [0, 0, x[2], 6, 6]}
    expected |= {npconv.relu_backward: [0, 0, *dy[2:]], npconv.relu6_backward: [0, 0, dy[2], 0, 0]}
    for function, wanted in expected.items():
        arrays = [a.astype(dtype) for a in ([dy, x] if "backward" in function.__name__ else [x])]
        result = function(*arrays)
        assert result.dtype == dtype
        assert list(result) == wanted


@pytest.mark.parametrize(("dtype", "imaginary"), [(np.complex64, 0.25j), (np.complex128, 0.25j), (object, 0)])
def test_mobilenet_v3s_activations_take_complex_numbers_and_objects_by_their_real_part(dtype, imaginary):
    x, dy = (np.array(a, object) + imaginary for a in ([-4.5, -1.5, 0.0, 1.5, 4.5], [9, 8, 4, 2, 3]))
    gates = [0, *(x[1:4] + 3) / 6, 1]
    for function, wanted in {
        npconv.hard_sigmoid: gates,
        npconv.hard_swish: x * gates,
        npconv.hard_sigmoid_backward: [0, *dy[1:4] / 6, 0],
        npconv.hard_swish_backward: [0, *dy[1:4] * (x[1:4] / 3 + 0.5), dy[4]],
        npconv.sigmoid: [1 / (1 + np.exp(-a)) for a in x],
        npconv.sigmoid_backward: [d * np.exp(a) / (1 + np.exp(a)) ** 2 for d, a in zip(dy, x, strict=True)],
    }.items():
        arrays = [a.astype(dtype) for a in ([dy, x] if "backward" in function.__name__ else [x])]
        result = function(*arrays)
        assert result.dtype == dtype
        np.testing.assert_allclose(result.astype(complex), np.array(wanted, complex), rtol=1e-6)


def test_half_precision_sums_neither_overflow_nor_swallow():
    large = np.full((2, 1000, 9, 3), 100, np.float16)  # 1000 of them are beyond float16
    mean, variance = npconv.batch_statistics(large)
    assert (mean.dtype, list(mean), list(variance)) == (np.float16, [100] * 3, [0] * 3)
    many = np.full((200_000, 3), 0.1, np.float32)  # added one by one in float32 they are off by a thousandth
    np.testing.assert_allclose(npconv.batch_statistics(many)[0], np.float32(0.1), rtol=1e-6)


def test_probabilities_may_be_zero_rounded_and_in_another_dtype():
    logits, labels = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32), np.array([2, 0, 3])
    rows = np.eye(4)[labels]
    assert npconv.softmax_cross_entropy(logits, rows) == npconv.softmax_cross_entropy(logits, labels)
    assert npconv.softmax_cross_entropy(logits, rows).dtype == np.float32
    npconv.softmax_cross_entropy(logits, 1.0005 * rows)  # as sums of rounded shares are
    with pytest.raises(ValueError, match="each row summing to 1"):
        npconv.softmax_cross_entropy(logits, 1.01 * rows)


def test_a_block_of_one_inner_channel_has_its_stages():
    rng = np.random.default_rng(0)
    x, depthwise, project = (
        rng.standard_normal((2, 4, 5, 1)),
        rng.standard_normal((3, 3, 1)),
        rng.standard_normal((1, 3)),
    )
    stages = npconv.inverted_residual_stages(x, None, depthwise, project)
    assert stages.expanded is stages.expanded_relu6 is None
    assert stages.output.shape == (2, 4, 5, 3)
    x, reduce, spatial, restore = (rng.standard_normal(s) for s in ((2, 4, 5, 6), (6, 2), (3, 3, 2, 3), (3, 6)))
    stages = npconv.residual_bottleneck_stages(x, reduce, spatial, restore)
    np.testing.assert_allclose(stages.restored, stages.filtered_relu @ restore)
    np.testing.assert_allclose(stages.sum, stages.restored + x)


ERRORS = [
    (npconv.conv2d, (X.tolist(), KERNEL), {}, TypeError, "conv2d: x must be a numpy.ndarray; got list"),
    (npconv.conv2d, (np.ma.array(X), KERNEL), {}, TypeError, "conv2d: x must be a numpy.ndarray; got MaskedArray"),
    (npconv.conv2d, (X.astype(str), KERNEL), {}, TypeError, "conv2d: x must hold numbers; got dtype <U32"),
    (npconv.conv2d, (X[0], KERNEL), {}, ValueError,
     "conv2d: x must be (B, Dᵤ, Dᵤ, M), 4 axes; got x (7, 6, 3), kernel (3, 3, 3, 4)"),
    (npconv.conv2d, (X, KERNEL[:, :, :2]), {}, ValueError,
     "conv2d: kernel must be (Dᵣ, Dᵣ, M, N) with M = 3 as in x; got x (2, 7, 6, 3), kernel (3, 3, 2, 4)"),
    (npconv.conv2d, (X[:0], KERNEL), {}, ValueError, "conv2d: x must be (B, Dᵤ, Dᵤ, M), every axis at least 1; got x (0,"),
    (npconv.conv2d, (X[:, :2], KERNEL), {}, ValueError,
     "conv2d: the output's height would be empty, as kernel reaches over 3 and the padded x has 2"),
    (npconv.conv2d, (X, KERNEL), {"dilation": (1, 3)}, ValueError, "conv2d: the output's width would be empty"),
    (npconv.conv2d, (X, KERNEL), {"stride": 0}, ValueError, "conv2d: stride must be at least 1; got 0"),
    (npconv.conv2d, (X, KERNEL), {"stride": True}, TypeError, "conv2d: stride must be an int or a pair of ints"),
    (npconv.conv2d, (X, KERNEL), {"stride": 1.5}, TypeError, "conv2d: stride must be an int or a pair of ints"),
    (npconv.conv2d, (X, KERNEL), {"stride": (1, 2, 3)}, ValueError, "conv2d: stride must be an int or a pair of ints"),
    (npconv.conv2d, (X, KERNEL), {"dilation": (1, -1)}, ValueError, "conv2d: dilation must be at least 1; got (1, -1)"),
    (npconv.conv2d, (X, KERNEL), {"padding": "full"}, ValueError, "padding must be 'valid', 'same' or numbers; got 'full'"),
    (npconv.conv2d, (X, KERNEL), {"padding": -1}, ValueError, "conv2d: padding must be at least 0; got -1"),
    (npconv.conv2d, (X, KERNEL), {"padding": ((0, 1), (2, -1))}, ValueError, "each side of padding must be at least 0"),
    (npconv.conv2d, (X, KERNEL), {"padding": ((0, 1),)}, ValueError, "padding must be ((top, bottom), (left, right))"),
    (npconv.conv2d, (X, KERNEL), {"padding": (0.5, 1)}, TypeError, "conv2d: padding must be an int or a pair of ints"),
    (npconv.conv2d, (X, KERNEL), {"pading": 1}, TypeError, "pading"),
    (npconv.conv2d_backward, (np.ones((2, 5, 4, 3)), X, KERNEL), {}, ValueError,
     "conv2d_backward: dy must be (B, Dᵥ, Dᵥ, N) = (2, 5, 4, 4), the shape of forward's output; got dy (2, 5, 4, 3), x"),
    (npconv.conv2d_taps, (X, KERNEL[0]), {}, ValueError, "conv2d_taps: kernel must be (Dᵣ, Dᵣ, M, N), 4 axes"),
    (npconv.per_channel_maps, (X, DEPTHWISE), {}, ValueError, "per_channel_maps: filter must be (Dᵣ, Dᵣ, M) with M = 3"),
    (npconv.depthwise_conv2d, (X, DEPTHWISE[..., :4]), {}, ValueError,
     "depthwise_conv2d: kernel must be (Dᵣ, Dᵣ, M·Q) with M·Q a multiple of M = 3, x's channels; got x"),
    (npconv.depthwise_conv2d_backward, (X, X, DEPTHWISE), {}, ValueError, "dy must be (B, Dᵥ, Dᵥ, M·Q) = (2, 5, 4, 6)"),
    (npconv.grouped_conv2d, (X, KERNEL), {"groups": 2}, ValueError,
     "grouped_conv2d: groups must divide M = 3 and N = 4; got 2; got x (2, 7, 6, 3), kernel"),
    (npconv.grouped_conv2d, (X, np.ones((3, 3, 3, 6))), {"groups": 3}, ValueError,
     "grouped_conv2d: kernel must be (Dᵣ, Dᵣ, M/groups, N) with M/groups = 1; got"),
    (npconv.grouped_conv2d, (X, KERNEL), {"groups": 1.0}, TypeError, "grouped_conv2d: groups must be an int; got 1.0"),
    (npconv.spatially_separable_conv2d, (X, DEPTHWISE[0, :, :3], DEPTHWISE[0]), {}, ValueError,
     "spatially_separable_conv2d: row must be (Dᵣ, M) with M = 3 as in x; got x (2, 7, 6, 3), column (3, 3), row (3, 6)"),
    (npconv.spatially_separable_conv2d, (X, KERNEL[0, :, :, 0], X[0, :, 0]), {}, ValueError,
     "spatially_separable_conv2d: the output's width would be empty, as row reaches over 7 and the padded x has 6"),
    (npconv.spatially_separable_conv2d, (X, X[0, :, 0], X[0, :, 0]), {"dilation": 2}, ValueError,
     "spatially_separable_conv2d: the output's height would be empty, as column reaches over 13"),
    (npconv.flattened_conv2d, (X, KERNEL[0, 0], KERNEL[0, :, 0], KERNEL[0, 0, :, :3]), {}, ValueError,
     "flattened_conv2d: horizontal must be (Dᵣ, N) with N = 4 as in lateral; got x (2, 7, 6, 3), lateral (3, 4), vertical"),
    (npconv.channel_shuffle, (X,), {"groups": 2}, ValueError,
     "channel_shuffle: groups must divide M = 3; got 2; got x (2, 7, 6, 3)"),
    (npconv.channel_shuffle, (X,), {"groups": 0}, ValueError, "channel_shuffle: groups must be at least 1; got 0"),
    (npconv.channel_shuffle_backward, (X[:1], X), {"groups": 3}, ValueError,
     "channel_shuffle_backward: dy must be like x = (2, 7, 6, 3), the shape of forward's output; got dy (1, 7, 6, 3)"),
    (npconv.shuffled_grouped_conv2d, (X, KERNEL), {"groups": 2}, ValueError,
     "shuffled_grouped_conv2d: groups must divide M = 3 and N = 4; got 2; got x (2, 7, 6, 3), kernel"),
    (npconv.conv3d, (X, KERNEL), {}, ValueError,
     "conv3d: x must be (B, Dᵤ, Dᵤ, Dᵤ, M), 5 axes; got x (2, 7, 6, 3), kernel (3, 3, 3, 4)"),
    (npconv.conv3d, (X[None], KERNEL[None, :, :, :2]), {}, ValueError,
     "conv3d: kernel must be (Dᵣ, Dᵣ, Dᵣ, M, N) with M = 3 as in x; got x (1, 2, 7, 6, 3), kernel (1, 3, 3, 2, 4)"),
    (npconv.conv3d, (X[None], KERNEL[None]), {"stride": (1, 2)}, ValueError,
     "conv3d: stride must be an int or a triple of ints (depth, height, width); got (1, 2)"),
    (npconv.conv3d, (X[None], KERNEL[None]), {"padding": ((1, 1), (0, 0))}, ValueError,
     "conv3d: padding must be ((front, back), (top, bottom), (left, right)); got ((1, 1), (0, 0))"),
    (npconv.conv3d, (X[None], KERNEL[[0, 1, 2]][None].swapaxes(0, 1)), {}, ValueError,
     "conv3d: the output's depth would be empty, as kernel reaches over 3 and the padded x has 2"),
    (npconv.pointwise_conv2d, (X, POINTWISE.T), {}, ValueError, "pointwise_conv2d: kernel must be (M, N) with M = 3 as in x"),
    (npconv.pointwise_conv2d_backward, (X, X, POINTWISE), {}, ValueError, "dy must be (B, Dᵤ, Dᵤ, N) = (2, 7, 6, 4)"),
    (npconv.dense, (X, POINTWISE), {}, ValueError, "dense: x must be (B, M), 2 axes"),
    (npconv.depthwise_separable_conv2d, (X, DEPTHWISE, POINTWISE), {}, ValueError,
     "depthwise_separable_conv2d: pointwise must be (M·Q, N) with M·Q = 6 as in depthwise"),
    (npconv.factored_kernel, (DEPTHWISE, np.ones((6, 2))), {"depth_multiplier": 4}, ValueError,
     "factored_kernel: depthwise must have a multiple of depth_multiplier = 4 channels"),
    (npconv.factored_kernel, (DEPTHWISE, np.ones((6, 2))), {"depth_multiplier": True}, TypeError, "must be an int"),
    (npconv.factored_kernel_backward, (KERNEL, DEPTHWISE, np.ones((6, 2))), {}, ValueError,
     "factored_kernel_backward: dkernel must be (Dᵣ, Dᵣ, M, N) = (3, 3, 6, 2)"),
    (npconv.factorize_kernel, (KERNEL * np.nan,), {}, ValueError, "factorize_kernel: kernel must be finite"),
    (npconv.factorize_kernel, (KERNEL,), {"depth_multiplier": 0}, ValueError, "depth_multiplier must be at least 1; got 0"),
    (npconv.factorize_kernel, (KERNEL.astype(object),), {}, TypeError, "factorize_kernel: kernel must hold numbers"),
    (npconv.relu, (np.ones(3, int),), {}, TypeError, "relu: x must hold floats; got dtype int64, x (3,)"),
    (npconv.relu6_backward, (np.ones(3), np.ones(4)), {}, ValueError, "relu6_backward: dy must be like x = (4,)"),
    (npconv.batch_norm, (X, VECTOR, np.ones(4)), {}, ValueError, "batch_norm: shift must be (M,) with M = 3 as in x"),
    (npconv.batch_norm, (X, VECTOR, VECTOR), {"epsilon": 0}, ValueError, "batch_norm: epsilon must be above 0; got 0"),
    (npconv.batch_norm, (X, VECTOR, VECTOR), {"epsilon": "1"}, TypeError, "epsilon must be a real number; got '1'"),
    (npconv.batch_norm, (X.astype(int), VECTOR, VECTOR), {}, TypeError, "batch_norm: x must hold real floats"),
    (npconv.batch_statistics, (VECTOR,), {}, ValueError, "batch_statistics: x must be (…, M), 2 axes or more"),
    (npconv.fold_batch_norm, (KERNEL, *4 * [VECTOR]), {}, ValueError, "scale must be (N,) with N = 4 as in kernel"),
    (npconv.inverted_residual, (BLOCK[0].astype(int), *BLOCK[1:]), {}, TypeError, "inverted_residual: x must hold floats"),
    (npconv.inverted_residual, (*BLOCK[:3], np.ones((11, 3))), {}, ValueError,
     "inverted_residual: project must be (tk, k′) with tk = 12 as in expand"),
    (npconv.inverted_residual, BLOCK, {"padding": "valid"}, ValueError,
     "inverted_residual: at stride 1 with k = k′ the shortcut is added, so padding must keep x's height and width"),
    (npconv.inverted_residual, BLOCK, {"padding": "valid"}, ValueError, "and 'valid' with dilation 1 gives (3, 4); got x"),
    (batch_norm_backward_from_stages, (X, VECTOR, (1, 2)), {}, TypeError, "stages must be BatchNormStages; got tuple"),
    (npconv.inverted_residual_backward, (BLOCK[0][:, 1:], *BLOCK), {}, ValueError, "dy must be (B, Dᵥ, Dᵥ, k′) = (2, 5, 6, 3)"),
    (npconv.inverted_residual_split, BLOCK, {"groups": 13}, ValueError,
     "inverted_residual_split: groups must be from 1 to tk = 12; got 13"),
    (npconv.inverted_residual_split, BLOCK, {"groups": 0}, ValueError, "groups must be at least 1; got 0"),
    (npconv.inverted_residual_split, BLOCK, {"groups": 2.0}, TypeError, "split: groups must be an int; got 2.0"),
    (npconv.inverted_residual_split, (*BLOCK[:3], np.ones((11, 3))), {"groups": 2}, ValueError,
     "inverted_residual_split: project must be (tk, k′) with tk = 12 as in expand"),
    (npconv.linear_block_kernel, (*BLOCK[1:3], np.ones((11, 3))), {}, ValueError, "project must be (tk, k′) with tk = 12"),
    (npconv.residual_bottleneck, (X, np.ones((3, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 4))), {}, ValueError,
     "residual_bottleneck: restore must be (M″, M) with M = 3 as in x"),
    (npconv.global_average_pool, (X[0],), {}, ValueError, "global_average_pool: x must be (B, Dᵤ, Dᵤ, M), 4 axes"),
    (npconv.softmax_cross_entropy, (np.ones((2, 4)), np.array([0, 4])), {}, ValueError, "between 0 and 3, and span 0 to 4"),
    (npconv.softmax_cross_entropy, (np.ones((2, 4)), np.array([0, 1, 2])), {}, ValueError, "targets of integers must be (B,)"),
    (npconv.softmax_cross_entropy, (np.ones((2, 4)), np.ones((2, 4))), {}, ValueError, "each row summing to 1"),
    (npconv.softmax_cross_entropy, (np.ones((2, 4)), [0, 1]), {}, TypeError, "(B,) integers or (B, N) probabilities; got list"),
    (npconv.softmax_cross_entropy_backward, (np.ones(2), np.ones((2, 4)), np.array([0, 1])), {}, TypeError, "a real scalar"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arrays", "geometry", "error", "message"), ERRORS)
def test_bad_input_gets_an_error_that_says_so(function, arrays, geometry, error, message):
    with pytest.raises(error) as raised:
        function(*arrays, **geometry)
    assert message in str(raised.value)


@pytest.mark.parametrize("rung", ["conv2d_taps", "conv2d_loops", "depthwise_conv2d_taps", "depthwise_conv2d_loops",
                                  "conv2d_backward_taps", "conv2d_backward_loops"])  # fmt: skip
def test_the_second_step_over_stands_on_the_formula(rung):
    """Step over the checks, step over the zeros: the third line is the loop, which is the formula's sum."""
    x, kernel = X[:1, :4, :4], KERNEL if "depthwise" not in rung else KERNEL[..., 0]
    arrays = (x, kernel) if "backward" not in rung else (np.ones((1, 2, 2, 4)), x, kernel)
    lines = []

    def trace(frame, event, _):
        if frame.f_code.co_name != rung:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
        return trace

    function = getattr(npconv, rung)
    sys.settrace(trace)
    try:
        function(*arrays)
    finally:
        sys.settrace(None)
    source = Path(function.__code__.co_filename).read_text(encoding="utf-8").splitlines()
    assert ".geometry(" in source[lines[0] - 1]
    assert source[lines[2] - 1].lstrip().startswith("for ")


@pytest.mark.parametrize(
    ("shape", "kernel_shape", "stride"),
    [
        ((2, 256, 256, 32), (3, 3, 32, 4), 1),
        ((2, 256, 256, 32), (7, 7, 32, 4), 2),
        ((1, 9, 4000, 64), (9, 9, 64, 1), 1),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 40])
def test_conv2d_holds_64_mib_beside_result_and_padded_copy(shape, kernel_shape, stride, number, threads_in_use):
    threads_in_use(number)
    x, kernel = np.ones(shape, np.float32), np.ones(kernel_shape, np.float32)
    row = shape[2] * np.prod(kernel_shape[:3]) * 4
    result = np.prod(shape[:3]) * kernel_shape[3] * 4
    padded = shape[0] * (shape[1] + 8) * (shape[2] + 8) * shape[3] * 4
    tracemalloc.start()
    try:
        npconv.conv2d(x, kernel, padding="same", stride=stride)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < result + padded + max(64 * 2**20, row) + 2**20


def test_bands_cover_the_output_once_and_hold_what_they_may(monkeypatch):
    monkeypatch.setattr(engine, "WORKSPACE", 900)
    for batch, height, width, size, least in product(
        (1, 3, 4), (1, 7, 10), (1, 3), (1, 50, 200, 800, 5000), (0, 9, 400)
    ):
        g = geometry.Geometry(batch, geometry.Axis(height, 1), geometry.Axis(width, 1))
        times, largest, wanted = np.zeros((batch, height)), 0, min(max(size, 10 * least), 900)
        for band in engine.bands(g, 10, least, size):
            times[band] += 1
            largest = max(largest, 10 * width * times[band].size)
        assert np.all(times == 1)
        assert largest <= max(wanted, 10 * width)
        assert 2 * largest > min(wanted, 10 * width * height) - 10 * width  # and bands are not needlessly small
    g = geometry.Geometry(2, geometry.Axis(8, 1), geometry.Axis(5, 1))
    for channels, (band, positions, expected) in product((3, 17), ((1, 10, 8), (20, 10, 4), (20, 1, 4), (40, 10, 2))):
        monkeypatch.setattr(engine, "MATRIX_ROWS", positions)
        monkeypatch.setattr(engine, "BAND", band * channels)
        assert (
            len(list(engine.columns_by_band(g, np.zeros((2, 8, 5, channels), np.int8)))) == expected
        )  # of 80 positions


def test_every_kernel_has_its_row_and_the_notation_page_shows_them():
    kernels = [name for name in npconv.__all__ if name.islower() and "backward" not in name]
    assert set(kernels) <= set(SIGNATURES)
    for name in kernels:
        taken = list(inspect.signature(getattr(npconv, name)).parameters)
        assert taken[: len(SIGNATURES[name].arrays)] == list(SIGNATURES[name].arrays), name
    page = (Path(__file__).parents[2] / "docs" / "notation.md").read_text(encoding="utf-8")
    for name, row in SIGNATURES.items():
        arrays = "; ".join(f"`{array}` {pattern}" for array, pattern in row.arrays.items())
        shown = next(line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line)
        assert shown.endswith(f"| {arrays} | {row.y or '—'} |")


def test_a_kernel_of_any_size_costs_no_memory_until_it_is_run():
    cost = conv2d_cost((1, 1, 1, 1), (10**9, 10**8, 1, 1), padding=((10**9, 0), (0, 10**8)))
    assert cost.macs == 4 * 10**17


def test_importing_npconv_loads_numpy_and_nothing_heavier():
    code = (
        "import sys, npconv; print(sorted(m for m in ('matplotlib', 'hypothesis', 'torch', 'PIL') if m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
