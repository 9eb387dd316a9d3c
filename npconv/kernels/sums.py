"""In which dtype numbers are summed: wide enough for sums over many positions, which float32 would round at every step.

float16 is summed in float32 and rounded at the end. Floats are summed in their own dtype over `LINES` lines of
positions at most, and those sums in float64.
"""

import math
from typing import Any

import numpy as np

from .geometry import LINES, Array


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
    return a.astype(np.float32) if a.dtype == np.float16 else a


def accumulator(shape: tuple[int, ...], *operands: Array) -> Array:
    """Zeros to sum products of the operands into: float64 or complex128 at least; integers wrap as they do."""
    dtype = native(*operands)
    return np.zeros(shape, np.result_type(dtype, np.float64) if dtype.kind in "fc" else dtype)


def image_sums(a: Array, other: Array | None = None) -> Array:
    """Each image's and channel's sum of a, or of a · other, floats (B, …, M) to (B, M) in float64 at least."""
    rows = lines(wider(a))  # (B, L, X)
    others = None if other is None else lines(wider(other))  # (B, L, X)
    sums = accumulator((len(rows), rows.shape[2]), a)  # (B, X)
    for start in range(0, rows.shape[1], LINES):
        part = rows[:, start : start + LINES]
        if others is None:
            sums += np.ones(part.shape[1], part.dtype) @ part
        else:
            sums += np.einsum("blx,blx->bx", part, others[:, start : start + LINES])
    return _sum_rows(sums.reshape(len(a), -1, a.shape[-1]))


def channel_sums(a: Array, other: Array | None = None) -> Array:
    """Each channel's sum of a, or of a · other, over all other axes, (…, M) to (M,), in float64 at least."""
    return _sum_rows(image_sums(a, other))


def _sum_rows(a: Array) -> Array:
    """The sum over the last axis but one. Of many it is taken in pairs, as NumPy sums what lies side by side."""
    few = a.shape[-2] <= LINES
    summed: Array = a.sum(axis=-2) if few else np.ascontiguousarray(a.swapaxes(-1, -2)).sum(axis=-1)
    return summed


def lines(a: Array) -> Array:
    """(B, …, D, M) as (B, L, X) with X = D·M: NumPy is fast along whole rows of positions, and slow along channels."""
    return a.reshape(len(a), -1, math.prod(a.shape[-2:] if a.ndim > 2 else a.shape[-1:]))


def as_lapack(a: Array) -> Array:
    """float16 as float32, longdouble as float64, complex too: linear algebra has no others."""
    return a.astype({"e": "f", "g": "d", "G": "D"}.get(a.dtype.char, a.dtype), copy=False)
