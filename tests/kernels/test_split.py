"""The inverted residual in groups of its channels: the same numbers, the same operations, less memory, measured."""

import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest

import npconv
from npconv.cost import count_operations, inverted_residual_cost
from npconv.kernels.blocks import inverted_residual_stages


class Block(NamedTuple):
    """The sizes of a block: B, Dᵤ, Dᵤ, k, t, k′, and its geometry."""

    batch: int
    height: int
    width: int
    k: int
    t: int
    k_out: int
    geometry: dict

    def arrays(self, dtype=np.float64, whole=False, kernel=(3, 3)):
        rng = np.random.default_rng(7)
        draw = (lambda s: rng.integers(-3, 4, s)) if whole else rng.standard_normal
        tk = self.k * self.t
        shapes = ((self.batch, self.height, self.width, self.k), (self.k, tk), (*kernel, tk), (tk, self.k_out))
        x, expand, depthwise, project = (draw(shape).astype(dtype) for shape in shapes)
        return x, None if self.t == 1 else expand, depthwise, project


BLOCKS = [
    Block(2, 5, 6, 3, 4, 3, {}),  # with the shortcut
    Block(2, 6, 5, 3, 4, 3, {"stride": 2}),
    Block(2, 7, 9, 2, 5, 4, {"stride": (1, 2), "padding": ((2, 0), (1, 3)), "dilation": (2, 1)}),
    Block(3, 6, 5, 2, 3, 5, {"padding": "valid"}),
    Block(2, 5, 6, 4, 1, 4, {}),
    Block(2, 5, 6, 7, 1, 3, {"padding": "valid"}),
]


@pytest.mark.parametrize("block", BLOCKS)
def test_any_number_of_groups_gives_the_block_exactly_on_whole_numbers(block):
    arrays = block.arrays(whole=True, kernel=(3, 2) if block.geometry else (3, 3))
    expected = npconv.inverted_residual(*arrays, **block.geometry)
    for groups in range(1, len(arrays[3]) + 1):
        split = npconv.inverted_residual_split(*arrays, groups=groups, **block.geometry)
        assert np.array_equal(split, expected), groups
        assert split.dtype == expected.dtype


@pytest.mark.parametrize("block", BLOCKS[:3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_it_gives_the_block_to_rounding_and_changes_nothing(block, dtype):
    arrays = [np.asfortranarray(a) for a in block.arrays(dtype)]
    if dtype == np.complex128:  # as a complex step would have it
        arrays[0] = arrays[0] + 1e-20j
    for a in arrays:
        a.flags.writeable = False
    expected = npconv.inverted_residual(*arrays, **block.geometry)
    split = npconv.inverted_residual_split(*arrays, groups=np.int64(5), **block.geometry)
    assert split.dtype == dtype
    np.testing.assert_allclose(split, expected, rtol=0, atol=2e-5 if dtype == np.float32 else 1e-12)
    if dtype == np.complex128:
        np.testing.assert_allclose(split.imag, expected.imag, rtol=0, atol=1e-31)


@pytest.mark.parametrize("block", [BLOCKS[0], BLOCKS[4]])
def test_a_complex_step_at_a_kink_is_the_blocks(block):
    x, *kernels = block.arrays(np.complex128, whole=True)  # so that many of the inner maps' numbers are 0 or 6
    filtered = inverted_residual_stages(x, *kernels).depthwise
    assert all((filtered == kink).any() for kink in (0, 6))
    step = 1e-20j * np.random.default_rng(8).standard_normal(x.shape)
    expected = npconv.inverted_residual(x + step, *kernels)
    split = npconv.inverted_residual_split(x + step, *kernels, groups=3)
    np.testing.assert_allclose(split.imag, expected.imag, rtol=0, atol=1e-31)


def test_mixed_dtypes_give_numpys_result_type():
    x, expand, depthwise, project = BLOCKS[0].arrays(np.float32)
    for number in range(4):
        arrays = [x, expand, depthwise, project]
        arrays[number] = arrays[number].astype(np.float64)
        assert npconv.inverted_residual_split(*arrays, groups=2).dtype == np.float64


@pytest.mark.parametrize("block", [Block(2, 4, 5, 3, 2, 3, {}), Block(1, 5, 4, 2, 3, 3, {"stride": 2}), BLOCKS[4]])
def test_multiplications_and_additions_do_not_depend_on_the_groups(block):
    arrays = block.arrays()
    cost = inverted_residual_cost(*(None if a is None else a.shape for a in arrays), **block.geometry)
    for groups in (1, 2, 4, len(arrays[3])):
        counted = count_operations(npconv.inverted_residual_split, *arrays, groups=groups, **block.geometry)
        # Σ(nᵢ − 1) within the groups and groups − 1 among them are tk − 1, as in one sum
        assert (counted.multiplications, counted.additions) == (cost.macs, cost.additions), groups
        assert counted.result.shape == cost.output_shape


def peak_of(function, *arrays, **options):
    """The largest number of bytes that NumPy and Python held at a time, beside the arguments."""
    function(*arrays, **options)  # what is imported or cached once is not the function's
    tracemalloc.start()
    try:
        function(*arrays, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def einsum_holds():
    """What einsum holds beside its arrays, by NumPy's version: up to 8192 numbers of each operand."""
    x, kernel = np.ones((1, 62, 62, 8), np.float32), np.ones((3, 3, 8), np.float32)
    return peak_of(npconv.depthwise_conv2d, x, kernel) - 60 * 60 * 8 * 4 - kernel.nbytes * 60


MEASURED = [
    (Block(1, 40, 56, 16, 6, 24, {"stride": 2}), (41, 57), (20, 28), 1),
    (Block(2, 30, 44, 12, 6, 12, {}), (32, 46), (30, 44), 44),
    (Block(1, 64, 48, 32, 1, 16, {}), (66, 50), (64, 48), 48),
    (Block(1, 40, 56, 16, 6, 24, {"stride": 2, "padding": 1}), (42, 58), (20, 28), 1),
]
"""Blocks with the sides of the padded map and of y, and how often the depthwise kernel stands in a row."""


@pytest.mark.parametrize(("block", "padded", "output", "repeated"), MEASURED)
def test_the_measured_peak_is_that_of_the_formula(block, padded, output, repeated):
    arrays = block.arrays(np.float32)
    tk, slack = block.k * block.t, einsum_holds() + 12_000  # of which a few kB are Python's own objects
    y = block.batch * np.prod(output) * block.k_out
    peaks = []
    for groups in (1, 2, 3, 5, 8):
        inner = block.batch * (np.prod(padded) + np.prod(output)) + 9 * repeated
        expected = 4 * (y + inner * -(-tk // groups))
        peaks.append(peak_of(npconv.inverted_residual_split, *arrays, groups=groups, **block.geometry))
        assert 0 <= peaks[-1] - expected < slack, groups
    whole = peak_of(npconv.inverted_residual, *arrays, **block.geometry)
    assert whole > peaks[1]
    assert peaks == sorted(peaks, reverse=True)
