"""Sums over many positions, and their dtypes: float32 would round at every step.

float16 is summed in float32 and rounded at the end. Floats are summed in their own dtype over `LINES` lines of
positions at most, and those sums in float64.
"""

import math
from typing import Any

import numpy as np

from .. import threads
from .geometry import Array
from .pieces import PIECE

BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}  # the integer as long as a float
LINES = 256  # lines of positions summed in the numbers' own dtype: float32 then errs by 256 roundings at most
SMALL = 10**6  # multiplications: OpenBLAS has kernels for so few that sum one number after the other, for AVX-512


def native(*arrays: Array) -> np.dtype[Any]:
    """The dtype of a result of these operands, in this machine's byte order."""
    dtype: np.dtype[Any] = arrays[0].dtype
    if dtype.isnative and all(a.dtype is dtype for a in arrays):
        return dtype
    dtype = np.result_type(*(a.dtype for a in arrays)).newbyteorder("=")
    return dtype


def working(*arrays: Array) -> np.dtype[Any]:
    """The dtype that is computed in before a result is rounded to its own: float32 for float16, else the same."""
    dtype = native(*arrays)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def rounded(a: Array, *operands: Array) -> Array:
    """A result in the dtype of its operands."""
    return a.astype(native(*operands), copy=False)


def wider(a: Array) -> Array:
    """float16 as float32, anything else as it is."""
    return a.astype(np.float32) if a.dtype.char == "e" else a  # in either byte order


def accumulator(shape: tuple[int, ...], *operands: Array) -> Array:
    """Zeros to sum products of the operands into: float64 or complex128 at least; integers wrap as they do."""
    dtype = native(*operands)
    return np.zeros(shape, np.result_type(dtype, np.float64) if dtype.kind in "fc" else dtype)


def summed_product(a: Array, b: Array) -> Array:
    """aᵀ b, a sum over many positions, (K, M) and (K, N) to (M, N); float16 in float32.

    BLAS sums the product of two large matrices in blocks, but a small one, or that with a single column, one number
    after the other.
    """
    a, b = wider(a), wider(b)
    whole = len(a) // LINES * LINES
    in_blocks = min(a.shape[1], b.shape[1]) > 1 and a.size * b.shape[1] > SMALL
    if in_blocks or not whole or native(a, b).kind not in "fc":
        product: Array = a.T @ b
        return product
    blocks = a[:whole].reshape(-1, LINES, a.shape[1]).swapaxes(1, 2) @ b[:whole].reshape(-1, LINES, b.shape[1])
    total: Array = blocks.sum(axis=0, dtype=np.result_type(blocks, np.float64)) + a[whole:].T @ b[whole:]
    return total


def image_sums(a: Array) -> Array:
    """Each image's and channel's sum, (B, …, M) to (B, M) in float64 at least."""
    rows, total = lines(_addable(a)), np.zeros(())
    at_once = LINES // 4  # as BLAS may sum them one by one
    for start in range(0, rows.shape[1], at_once):
        part = rows[:, start : start + at_once]  # (B, L, X)
        sums = _block_sums(part)
        total = total + _sum_rows(sums.reshape(len(a), -1, a.shape[-1]))
    return total


def channel_sums(a: Array, other: Array | None = None) -> Array:
    """Each channel's sum of a, or of a · other, (…, M) to (M,) in float64 at least."""
    wide = math.prod(a.shape[-2:] if a.ndim > 2 else a.shape[-1:])
    rows = _addable(a).reshape(-1, wide)  # (B·L, X)
    others = None if other is None else wider(other).reshape(rows.shape)
    at_once = LINES // 2  # about as many as an image has
    if len(rows) <= at_once:
        line = np.ones(len(rows), rows.dtype) @ rows if others is None else np.einsum("lx,lx->x", rows, others)
        return _sum_rows(line.reshape(-1, a.shape[-1]))
    whole, total = len(rows) // at_once * at_once, np.zeros(())
    for start, stop in ((0, whole), (whole, len(rows))):
        if start < stop:
            block = rows[start:stop].reshape(-1, min(at_once, stop - start), wide)  # (K, L, X)
            sums = _block_sums(block, None if others is None else others[start:stop].reshape(block.shape))
            total = total + _sum_rows(sums.reshape(-1, a.shape[-1]))
    return total


def sums_with(a: Array, other: Array) -> Array:
    """Each channel's sum of a and that of a · other, (2, M): `channel_sums` of both, in fewer steps."""
    rows = a.reshape(-1, math.prod(a.shape[-2:]))
    if len(rows) > LINES // 2:
        return np.stack([channel_sums(a), channel_sums(a, other)])
    line = np.empty((2, rows.shape[1]), rows.dtype)
    np.matmul(np.ones(len(rows), rows.dtype), rows, out=line[0])
    np.einsum("lx,lx->x", rows, other.reshape(rows.shape), out=line[1])
    return _sum_rows(line.reshape(2, -1, a.shape[-1]))


def _block_sums(block: Array, other: Array | None = None) -> Array:
    """The sums over L of a block, or of block · other, (K, L, X) to (K, X) in the numbers' own dtype."""
    sums = np.empty((block.shape[0], block.shape[2]), native(block, block if other is None else other))
    ones = np.ones(block.shape[1], block.dtype)

    def add(some: slice) -> None:
        if other is None:
            np.matmul(ones, block[some], out=sums[some])
        else:
            np.einsum("klx,klx->kx", block[some], other[some], out=sums[some])

    operations = block.size if other is None else 3 * block.size  # einsum takes three times as long as BLAS
    if operations < threads.WORTH:
        add(slice(None))
        return sums
    at_once = max(1, PIECE * len(block) // block.size)
    threads.each(add, (slice(start, start + at_once) for start in range(0, len(block), at_once)), operations)
    return sums


def _addable(a: Array) -> Array:
    """Floats that are summed as they are; integers as float64."""
    return wider(a) if a.dtype.kind in "fc" else a.astype(np.float64)


def _sum_rows(a: Array) -> Array:
    """The sum over the last axis but one, in float64 at least. Many are added in pairs, as NumPy does side by side."""
    wide = np.result_type(a.dtype, np.float64)
    few = a.shape[-2] <= LINES
    summed: Array = a.sum(axis=-2, dtype=wide) if few else np.ascontiguousarray(a.swapaxes(-1, -2), wide).sum(axis=-1)
    return summed


def lines(a: Array) -> Array:
    """(B, …, D, M) as (B, L, X) with X = D·M: NumPy is fast along whole rows of positions, and slow along channels."""
    return a.reshape(len(a), -1, math.prod(a.shape[-2:] if a.ndim > 2 else a.shape[-1:]))


def as_lapack(a: Array) -> Array:
    """float16 as float32, longdouble as float64, complex too: linear algebra has no others."""
    return a.astype({"e": "f", "g": "d", "G": "D"}.get(a.dtype.char, a.dtype), copy=False)


def zero_where(dead: Array, a: Array) -> Array:
    """a, and 0 where `dead` is true.

    The bits of floats are multiplied by 0 or 1, as integers: many times as fast as a choice, and 0 · ∞ would be NaN.
    """
    dtype = native(a)
    if dtype in BITS:
        ones = np.array(~dead, BITS[dtype])  # converted first: a product of two kinds would be made piece by piece
        masked: Array = np.multiply(a.astype(dtype, copy=False).view(BITS[dtype]), ones, out=ones).view(dtype)
        return masked
    return np.where(dead, np.zeros((), a.dtype), a)
