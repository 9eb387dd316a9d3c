"""Test vectors for someone else's implementation: constructed cases, with the results to the last bit."""

import random
from typing import Literal

import numpy as np

from ..kernels.arguments import LARGEST_SEED, integer, one_of
from ..kernels.geometry import Array
from .cases import OPERATIONS, Case, convolution_case, explicit_geometry, fixed_cases

Layout = Literal["NHWC", "NCHW"]


MOST_CASES = 10_000  # about 20 MB of arrays


def make_vectors(operation: str, *, layout: Layout = "NHWC", count: int = 32, seed: int = 0) -> dict[str, Array]:
    """Arrays and geometry of constructed calls, what they must return, and their gradients, by name.

    All values are whole numbers so small that float32 is exact in any order of summation (the absolute products of a
    sum add up to less than 2²⁴): compare with ==. Where a runtime transforms convolutions (Winograd, FFT) it is not
    exact; docs/checking.md says which do and how that is switched off. Drawn cases come first, then the
    `fixed_cases`, which are large enough to be transformed. Case c has the
    names c/x, c/kernel (or c/depthwise and c/pointwise), c/y, c/dy, c/dx and so on, c/stride and c/dilation (height,
    width), c/padding ((top, bottom), (left, right)), and c/groups and c/output_padding where there are any. Volumes
    have a depth in front of height and width everywhere.

    Args:
        operation: one of `npconv.checks.OPERATIONS`.
        layout: "NHWC", this package's own (kernels height, width, in, out); or "NCHW": volumes channels-first, kernels
            (out, in, height, width), in being 1 for a depthwise one, 1×1 for a pointwise one, and one side 1 for a
            column or a row; (in, out, height, width) of a transposed convolution.
        count: how many cases are drawn.
        seed: the same seed gives the same vectors.

    Returns:
        Arrays by name: float32 for numbers, int64 for geometry.

    Raises:
        ValueError: an operation or a layout of another name, or count below 1.

    >>> vectors = make_vectors("conv2d", layout="NCHW", count=1)
    >>> sorted(vectors)[:4]
    ['0/dilation', '0/dkernel', '0/dx', '0/dy']
    """
    one_of("make_vectors", "operation", operation, OPERATIONS)
    one_of("make_vectors", "layout", layout, ("NHWC", "NCHW"))
    count = integer("make_vectors", "count", count, most=MOST_CASES)
    seed = integer("make_vectors", "seed", seed, 0, LARGEST_SEED)
    source = random.Random(seed)
    vectors: dict[str, Array] = {}
    drawn = [convolution_case(source.randint, operation) for _ in range(count)]
    for number, case in enumerate([*drawn, *fixed_cases(operation)]):
        for name, a in _case_arrays(case, seed + number).items():
            vectors[f"{number}/{name}"] = _laid_out(name, a, layout)
        for name, pair in explicit_geometry(case).items():
            vectors[f"{number}/{name}"] = np.array(pair, np.int64)
    return vectors


def _case_arrays(case: Case, seed: int) -> dict[str, Array]:
    forward, backward = OPERATIONS[case.operation]
    arrays, dy = case.arrays(seed, np.float32), case.upstream(seed, np.float32)
    named = dict(zip(case.shapes, arrays, strict=True))
    gradients = backward(dy, *arrays, **case.geometry)
    dnamed = {f"d{name}": gradient for name, gradient in zip(case.shapes, gradients, strict=True)}
    return {**named, "y": forward(*arrays, **case.geometry), "dy": dy, **dnamed}


def _laid_out(name: str, a: Array, layout: Layout) -> Array:
    if layout == "NHWC":
        return np.ascontiguousarray(a)
    name = name.removeprefix("d")
    if name in ("x", "y"):
        return np.ascontiguousarray(np.moveaxis(a, -1, 1))
    if name in ("column", "vertical"):
        kernel = a[:, None, None]
    elif name in ("row", "horizontal"):
        kernel = a[None, :, None]
    else:
        kernel = a[None, None] if a.ndim == 2 else a[:, :, None] if a.ndim == 3 else a  # pointwise, depthwise, others
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
