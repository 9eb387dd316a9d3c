"""The fast rungs compute parts on several threads: the same bits on any number of them."""

import tracemalloc

import numpy as np
import pytest

import npconv
from npconv import threads
from npconv.cost import count_operations
from npconv.kernels import engine

LAYERS = [  # kernel, the shapes of x and of the kernel, geometry: each in three parts or more
    ("conv2d", (3, 41, 40, 17), (3, 3, 17, 5), {"padding": "same"}),
    ("conv2d", (3, 41, 40, 17), (3, 2, 17, 5), {"stride": 2, "dilation": (1, 3)}),
    ("conv2d", (5, 41, 40, 3), (3, 3, 3, 5), {"stride": 2, "padding": "same"}),
    ("conv2d", (5, 41, 40, 3), (5, 2, 3, 5), {"stride": (1, 3), "padding": ((2, 1), (0, 3)), "dilation": (2, 1)}),
    ("depthwise_conv2d", (3, 41, 40, 17), (3, 3, 17), {"padding": "same"}),
    ("depthwise_conv2d", (3, 42, 40, 17), (3, 3, 17), {"padding": "same", "stride": 2}),
    ("depthwise_conv2d", (3, 41, 40, 17), (2, 3, 34), {"stride": (2, 1), "dilation": (1, 2)}),
    ("depthwise_conv2d", (3, 21, 20, 33), (2, 3, 66), {"stride": (1, 2), "padding": 1}),
    ("conv3d", (2, 3, 21, 20, 7), (2, 3, 2, 7, 3), {"stride": (1, 2, 1), "padding": 1}),
]
TRANSPOSED = [  # in parts of phases, in planes, and turned round
    ("transposed_conv2d", (3, 41, 40, 5), (3, 2, 17, 5), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("transposed_conv2d", (5, 41, 20, 5), (3, 3, 3, 5), {"stride": (1, 3), "dilation": (2, 1)}),
    ("transposed_conv2d", (3, 41, 40, 5), (3, 3, 17, 5), {"padding": "same"}),
]


def arrays_of(name, shape, kernel_shape, geometry, dtype):
    """dy, x and the kernel, of whole numbers, so that sums are exact in any order."""
    rng = np.random.default_rng(3)
    x, kernel = (rng.integers(-4, 5, s).astype(dtype) for s in (shape, kernel_shape))
    dy = rng.integers(-4, 5, getattr(npconv, name)(x, kernel, **geometry).shape).astype(dtype)
    return dy, x, kernel


@pytest.fixture
def small_parts(monkeypatch):
    for name, size in {
        "BAND": 2**16,
        "MATRIX_ROWS": 1,
        "SMALL_PART": 2**10,
        "LARGE_PART": 2**14,
        "FEW_LINES": 2**8,
        "PHASE": 2**14,
    }.items():
        monkeypatch.setattr(engine, name, size)


@pytest.mark.parametrize(("name", "shape", "kernel_shape", "geometry"), LAYERS + TRANSPOSED)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, np.longdouble, np.complex64, np.int16])
def test_any_number_of_threads_gives_the_same_bits(
    name, shape, kernel_shape, geometry, dtype, small_parts, threads_in_use
):
    dy, x, kernel = arrays_of(name, shape, kernel_shape, geometry, dtype)
    if np.dtype(dtype).kind in "fc":
        dy, x, kernel = (a / dtype(3) for a in (dy, x, kernel))
    results = []
    for number in (1, 2, 3):
        threads_in_use(number)
        y = getattr(npconv, name)(x, kernel, **geometry)
        results.append([y, *getattr(npconv, f"{name}_backward")(dy, x, kernel, **geometry)])
    for others in results[1:]:
        for result, expected in zip(others, results[0], strict=True):
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("name", "shape", "kernel_shape", "geometry"), LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64])
def test_parts_give_what_the_taps_give(name, shape, kernel_shape, geometry, dtype, small_parts, threads_in_use):
    threads_in_use(3)
    dy, x, kernel = arrays_of(name, shape, kernel_shape, geometry, dtype)
    np.testing.assert_array_equal(
        getattr(npconv, name)(x, kernel, **geometry), getattr(npconv, f"{name}_taps")(x, kernel, **geometry)
    )
    gradients = getattr(npconv, f"{name}_backward")(dy, x, kernel, **geometry)
    expected = getattr(npconv, f"{name}_backward_taps")(dy, x, kernel, **geometry)
    for result, gradient in zip(gradients, expected, strict=True):
        np.testing.assert_array_equal(result, gradient)


@pytest.mark.parametrize(("name", "shape", "kernel_shape", "geometry"), LAYERS)
def test_operations_are_counted_on_one_thread(name, shape, kernel_shape, geometry, small_parts, threads_in_use):
    threads_in_use(3)
    shape = (2, *shape[1:-3], 9, 8, shape[-1])
    dy, x, kernel = arrays_of(name, shape, kernel_shape, geometry, np.int64)
    forward = count_operations(getattr(npconv, name), x, kernel, **geometry)
    assert forward.multiplications == dy.size * np.prod(kernel_shape) // kernel_shape[-1]
    backward = count_operations(getattr(npconv, f"{name}_backward"), dy, x, kernel, **geometry)
    assert backward.multiplications == 2 * forward.multiplications


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d"])
@pytest.mark.parametrize("which", range(3))
def test_objects_among_other_arrays_stay_on_one_thread(name, which, monkeypatch):
    arrays = list(arrays_of(name, (1, 9, 8, 3), (3, 3, 3, 3) if name == "conv2d" else (3, 3, 3), {}, np.int64))
    arrays[which] = arrays[which].astype(object)
    seen, each = [], threads.each

    def see(work, parts, operations, most=None):
        seen.append(operations)
        each(work, parts, operations, most)

    monkeypatch.setattr(threads, "each", see)
    getattr(npconv, f"{name}_backward")(*arrays)
    assert seen == [0]


def test_shares_of_a_large_kernel_are_computed_one_after_the_other(monkeypatch, threads_in_use):
    for name, size in {"BAND": 2**14, "MATRIX_ROWS": 1, "WORKSPACE": 2**20}.items():
        monkeypatch.setattr(engine, name, size)
    dy, x, kernel = (np.ones(s, np.float32) for s in ((1, 22, 22, 128), (1, 24, 24, 128), (3, 3, 128, 128)))
    peaks = []
    for number in (1, 8):
        threads_in_use(number)
        tracemalloc.start()
        try:
            npconv.conv2d_backward(dy, x, kernel)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + kernel.nbytes


@pytest.mark.parametrize(
    ("size", "stride"), [((3, 1101), (1, 2)), ((19, 19), (1, 1)), ((41, 30), (2, 1)), ((6, 300), (1, 1))]
)
def test_a_depthwise_kernels_gradient_by_positions_has_them_all(size, stride):
    """Rows of more positions than are summed at once, and heights that blocks divide in different ways."""
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((3, *size, 64)), rng.standard_normal((3, 2, 64))
    dy = rng.standard_normal(npconv.depthwise_conv2d(x, kernel, stride=stride, padding=1).shape)
    _, expected = npconv.depthwise_conv2d_backward_taps(dy, x, kernel, stride=stride, padding=1)
    _, dkernel = npconv.depthwise_conv2d_backward(dy, x, kernel, stride=stride, padding=1)
    np.testing.assert_allclose(dkernel, expected, rtol=1e-10, atol=1e-10)
