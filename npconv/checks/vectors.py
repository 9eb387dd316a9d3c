"""Test vectors for someone else's implementation: constructed cases, with the results to the last bit."""

import json
import random
from collections.abc import Mapping
from typing import Literal

import numpy as np

from ..kernels.arguments import LARGEST_SEED, integer, one_of, shown
from ..kernels.geometry import Array
from ..kernels.signatures import SIGNATURES
from .cases import OPERATIONS, Case, convolution_case, explicit_geometry, fixed_cases

Layout = Literal["NHWC", "NCHW"]

FORMAT = 2  # of the arrays and of the text; format 1 had no description
HEADER = ("format", "operation", "layout", "count")  # of the text
GEOMETRY_AXES = {"padding": "AE", "groups": ""}

MOST_CASES = 10_000  # about 20 MB of arrays


def make_vectors(operation: str, *, layout: Layout = "NHWC", count: int = 32, seed: int = 0) -> dict[str, Array]:
    """Arrays and geometry of constructed calls, what they must return, and their gradients, by name.

    All values are whole numbers so small that float32 is exact in any order of summation (the absolute products of a
    sum add up to less than 2²⁴): compare with ==. Where a runtime transforms convolutions (Winograd, FFT) it is not
    exact; docs/checking.md says which do and how that is switched off. Drawn cases come first, the padding of every
    second of them uneven, then the `fixed_cases`, which are large enough to be transformed. Case c has the
    names c/x, c/kernel (or c/depthwise and c/pointwise), c/y, c/dy, c/dx and so on, c/stride and c/dilation (height,
    width), c/padding ((top, bottom), (left, right)), and c/groups and c/output_padding where there are any. Volumes
    have a depth in front of height and width everywhere. "count" is the number of cases, and "description" holds JSON
    in UTF-8, as bytes (uint8): format (2; files of format 1 have no description), operation, layout, count, drawn (the
    number of cases that are drawn), and axes, the order of each array's axes as a word. N is the batch, C a map's
    channels, I and O a kernel's channels in and out, D, H and W depth, height and width; A stands for the spatial
    axes in their order, and E for before and after.

    Args:
        operation: one of `npconv.checks.OPERATIONS`.
        layout: "NHWC", this package's own (kernels height, width, in, out); or "NCHW": volumes channels-first, kernels
            (out, in, height, width), in being 1 for a depthwise one, 1×1 for a pointwise one, and one side 1 for a
            column or a row; (in, out, height, width) of a transposed convolution.
        count: how many cases are drawn.
        seed: the same seed gives the same vectors.

    Returns:
        Arrays by name: float32 for numbers, int64 for geometry and the count.

    Raises:
        ValueError: an operation or a layout of another name, or count below 1.

    >>> vectors = make_vectors("conv2d", layout="NCHW", count=1)
    >>> sorted(vectors)[:4]
    ['0/dilation', '0/dkernel', '0/dx', '0/dy']
    >>> import json
    >>> described = json.loads(vectors["description"].tobytes())
    >>> described["count"], described["axes"]["x"], described["axes"]["kernel"], described["axes"]["padding"]
    (10, 'NCHW', 'OIHW', 'AE')
    """
    one_of("make_vectors", "operation", operation, OPERATIONS)
    one_of("make_vectors", "layout", layout, ("NHWC", "NCHW"))
    count = integer("make_vectors", "count", count, most=MOST_CASES)
    seed = integer("make_vectors", "seed", seed, 0, LARGEST_SEED)
    source = random.Random(seed)
    vectors: dict[str, Array] = {}
    drawn = [convolution_case(source.randint, operation, uneven=number % 2 == 0) for number in range(count)]
    every, axes = [*drawn, *fixed_cases(operation)], {}
    for number, case in enumerate(every):
        for name, a in _case_arrays(case, seed + number).items():
            vectors[f"{number}/{name}"] = _laid_out(name, a, layout)
            axes[name] = _axes(operation, name, layout)
        for name, pair in explicit_geometry(case).items():
            vectors[f"{number}/{name}"] = np.array(pair, np.int64)
            axes[name] = GEOMETRY_AXES.get(name, "A")
    described = {"format": FORMAT, "operation": operation, "layout": layout, "count": len(every), "drawn": count}
    vectors["count"] = np.array(len(every), np.int64)
    vectors["description"] = np.frombuffer(json.dumps({**described, "axes": axes}).encode(), np.uint8)
    return vectors


def vectors_text(vectors: Mapping[str, Array]) -> str:
    """Vectors of `make_vectors` as text, for languages without a reader of .npz files.

    The first line is "npconv-vectors", the format, the operation, the layout and the number of cases. A case is a line
    "case", its number and the number of its arrays, then two lines for each array: its name, the order of its axes
    ("-" for a single number), the number of its axes and their sizes; and its numbers, whole ones, the last axis
    fastest.

    >>> print(vectors_text(make_vectors("pointwise_conv2d", count=1)), end="")  # doctest: +ELLIPSIS
    npconv-vectors 2 pointwise_conv2d NHWC 9
    case 0 6
    x NHWC 4 ...

    Raises TypeError for what is no mapping to arrays, ValueError for arrays without a description.
    """
    if not isinstance(vectors, Mapping) or not all(isinstance(a, np.ndarray) for a in vectors.values()):
        raise TypeError(f"vectors_text: vectors must be a mapping from names to arrays; got {shown(vectors)}")
    if "description" not in vectors:
        raise ValueError("vectors_text: vectors must have a description, as make_vectors gives them; got none")
    described = json.loads(vectors["description"].tobytes())
    lines = [" ".join(["npconv-vectors", *(str(described[name]) for name in HEADER)])]
    cases: dict[str, list[str]] = {}
    for number, name in (each.split("/") for each in vectors if "/" in each):
        cases.setdefault(number, []).append(name)
    for number, names in cases.items():
        lines.append(f"case {number} {len(names)}")
        for name in names:
            a = vectors[f"{number}/{name}"]
            axes = described["axes"][name] or "-"
            lines.append(" ".join(map(str, (name, axes, a.ndim, *a.shape))))
            lines.append(" ".join(map(str, a.ravel().astype(np.int64).tolist())))
    return "\n".join(lines) + "\n"


def _axes(operation: str, name: str, layout: Layout) -> str:
    """The order of an array's axes, as a word."""
    symbols = SIGNATURES[operation].symbols
    own = name if name in symbols else name.removeprefix("d")
    spatial = "DHW" if operation == "conv3d" else "HW"
    if own in ("x", "y"):
        return f"N{spatial}C" if layout == "NHWC" else f"NC{spatial}"
    channels = "".join("O" if symbol == "N" else "I" for symbol in symbols[own] if symbol != "Dᵣ")
    channels = channels if len(channels) == 2 else "O"  # of a depthwise one
    if layout == "NCHW":
        return ("IO" if channels == "OI" else "OI") + spatial
    return {"row": "W", "horizontal": "W"}.get(own, spatial[: symbols[own].count("Dᵣ")]) + channels


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
