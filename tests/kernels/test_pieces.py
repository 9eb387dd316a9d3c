"""Pieces of large arrays, on any number of threads, give the bits of the whole."""

import math

import numpy as np
import pytest

import npconv
from npconv import threads
from npconv.kernels import pieces, sums

SHAPE = (3, 17, 10, 24)
CALLS = {
    "relu": lambda x, dy, v: npconv.relu(x),
    "relu6": lambda x, dy, v: npconv.relu6(x),
    "sigmoid": lambda x, dy, v: npconv.sigmoid(x),
    "hard_sigmoid": lambda x, dy, v: npconv.hard_sigmoid(x),
    "hard_swish": lambda x, dy, v: npconv.hard_swish(x),
    "sigmoid_backward": lambda x, dy, v: npconv.sigmoid_backward(dy, x),
    "hard_sigmoid_backward": lambda x, dy, v: npconv.hard_sigmoid_backward(dy, x),
    "hard_swish_backward": lambda x, dy, v: npconv.hard_swish_backward(dy, x),
    "relu_backward": lambda x, dy, v: npconv.relu_backward(dy, x),
    "relu6_backward": lambda x, dy, v: npconv.relu6_backward(dy, x),
    "batch_statistics": lambda x, dy, v: npconv.batch_statistics(x),
    "batch_norm_stages": lambda x, dy, v: npconv.kernels.normalization.batch_norm_stages(x, v[0], v[1]),
    "batch_norm_backward": lambda x, dy, v: npconv.batch_norm_backward(dy, x, v[0], v[1]),
    "batch_norm_inference": lambda x, dy, v: npconv.batch_norm_inference(x, *v),
    "batch_norm_inference_backward": lambda x, dy, v: npconv.batch_norm_inference_backward(dy, x, *v),
    "global_average_pool": lambda x, dy, v: npconv.global_average_pool(x.reshape(len(x), -1, 1, x.shape[-1])),
}
LAYOUTS = {
    "contiguous": lambda a: a,
    "fortran": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=0)[::2],
    "other bytes": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "a matrix": lambda a: a.reshape(-1, a.shape[-1]),
    "many small images": lambda a: a.reshape(-1, 2, 3, a.shape[-1]),
    "one line": lambda a: a.reshape(1, 1, -1, a.shape[-1]),
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_pieces_on_any_number_of_threads_give_the_bits_of_the_whole(call, layout, dtype, monkeypatch):
    generator = np.random.default_rng(6)
    x, dy = (layout((4 * generator.standard_normal(SHAPE)).astype(dtype)) for _ in range(2))
    vectors = [generator.random(SHAPE[-1]).astype(dtype) + 1 for _ in range(4)]

    def computed(number, piece):
        for module in (pieces, sums):
            monkeypatch.setattr(module, "PIECE", piece)
        threads.use(number)
        try:
            result = call(x, dy, vectors)
        finally:
            threads.use(None)
        return result if isinstance(result, tuple) else (result,)

    whole = computed(1, 10**9)
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setattr(pieces, "LARGE", 1)
    for number, piece in ((1, 700), (2, 700), (3, 100)):
        for one, other in zip(computed(number, piece), whole, strict=True):
            assert (one.dtype, one.strides) == (other.dtype, other.strides)
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(3, 17, 10), (40, 2, 3), (1, 1, 7), (5, 1), (1, 90)])
@pytest.mark.parametrize("piece", [1, 30, 100, 10**6])
def test_pieces_are_all_of_an_array_once(shape, piece, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", piece)
    a = np.zeros(shape, int)
    for part in pieces.pieces(a):
        a[part] += 1
        assert a[part].size <= max(piece, math.prod(shape[2:]))
    assert (a == 1).all()


@pytest.mark.parametrize(("number", "once", "whole"), [(2, False, False), (2, True, True), (1, False, True)])
def test_large_arrays_are_computed_by_pieces_where_there_are_threads_for_them(number, once, whole):
    sizes, a = [], np.ones((6, 2, pieces.PIECE), np.float32)
    threads.use(number)
    try:
        result = pieces.in_pieces(lambda a: sizes.append(a.size) or -a, a, once=once)
    finally:
        threads.use(None)
    assert sizes == ([a.size] if whole else [0, *[pieces.PIECE] * 12])  # 0 to learn the dtype
    np.testing.assert_array_equal(result, -a)
