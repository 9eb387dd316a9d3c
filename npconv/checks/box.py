"""Proofs that all kernels are equal for all numbers, on every geometry in a box.

Kernels reach space only through `Geometry`, whose axes know nothing of each other except in the cases that
`PARTNERS` cover. So each axis is compared with its definition, and each runs with a few partners, not with all others.
"""

import math
import os
import re
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from .. import threads
from ..kernels import engine
from ..kernels.geometry import Array, Axis, Geometry
from .gradients import replaced
from .proving import check_adjoint, prove_equal


class Along(NamedTuple):
    """The geometry along one axis: Dᵤ, Dᵣ, s, δ, and the padding before and after, or None for "same"."""

    size: int
    kernel: int
    stride: int
    dilation: int
    padding: tuple[int, int] | None


SIDES, KERNELS, STRIDES, DILATIONS, PADDINGS = range(1, 7), range(1, 4), range(1, 4), range(1, 3), range(3)
GEOMETRIES = [
    Along(size, kernel, stride, dilation, padding)
    for size, kernel, stride, dilation in product(SIDES, KERNELS, STRIDES, DILATIONS)
    for padding in (None, *product(PADDINGS, PADDINGS))
    if padding is None or size + sum(padding) > dilation * (kernel - 1)
]
PARTNERS = (
    Along(5, 3, 1, 1, (1, 1)),  # sizes are kept beside an axis that keeps its own; runs along the width
    Along(4, 2, 2, 1, (0, 0)),  # none are, and a row is left over
    Along(5, 2, 1, 2, (0, 2)),  # sizes kept, padded on one side
    Along(3, 3, 3, 2, (2, 1)),  # the padding is wider than the step
    Along(1, 3, 1, 1, (1, 1)),  # so few positions that dx is scattered although sizes are kept
)
DEPTH = Along(2, 2, 1, 1, (1, 0))  # of a volume, in front of the two
BATCH, M, N = 3, 2, 3
CONSTANTS: tuple[dict[str, Any], ...] = (
    {},
    {"BAND": 1, "MATRIX_ROWS": 1, "SMALL_PART": 1, "LARGE_PART": 1, "MANY_CHANNELS": 1},
    {"FEW_CHANNELS": 0},
    {"FEW_CHANNELS": 0, "BAND": 700, "MATRIX_ROWS": 1, "SMALL_PART": 100, "PHASE": 100},
    {"FEW_CHANNELS": 0, "WORKSPACE": 1, "FEW_LINES": 0},
)
"""The engine's constants beside each partner: so small that bands split, and that few channels count as many."""

MODULES = (
    *("standard", "depthwise", "grouped", "pointwise", "separable"),
    *("transposed", "flattened", "shuffle", "standard3d"),
)
RUNGS = {
    "conv2d": ("conv2d_loops", "conv2d_per_channel", "conv2d_im2col"),
    "conv2d_backward": ("conv2d_backward_loops", "conv2d_backward_im2col"),
    "depthwise_conv2d": ("depthwise_conv2d_loops",),
    "depthwise_conv2d_backward": ("depthwise_conv2d_backward_loops",),
}
"""The rungs beside the canonical one, by taps, and the fast one: they read each axis by itself."""


class Box(NamedTuple):
    """The numbers of what `prove_box` held, and the chance that a mistake in any one geometry passed."""

    geometries: int
    pairs: int
    equalities: int
    bound: float


def prove_box(package: str = "npconv.kernels", *, every: int = 1, processes: int | None = None) -> Box:
    """Prove the kernels equal to one another, and each backward the transpose of its forward, on all of a box.

    Sides to 6, kernels to 3, strides to 3, dilations to 2, padding to 2 on each side and "same": 999 geometries of an
    axis. The fast kernels, which read both axes, are held to the canonical ones on each of them as the height and as
    the width beside all five partners; the other rungs and kinds of convolution, with 1 to 3 groups and depth
    multipliers, beside one of them, the 3D one with a depth of 2 in front. Batches of 3 have 2 channels, or 2 a group,
    and 3 filters.

    The arrays are drawn from all numbers of int64. What wraps is exact modulo 2⁶⁴, so that two polynomials whose
    coefficients differ by less than 32 are equal for all numbers, in every commutative ring, or are told apart except
    with the probability `bound`: C(68, 4)/2⁶⁴ for five arrays, 16 times (`prove_equal`).

    Args:
        package: where the kernels are.
        every: n takes only every n-th geometry.
        processes: how many work side by side; by default as many as there are processors.

    Returns:
        A `Box` with the numbers of geometries, of pairs of them, and of equalities that were held.

    Raises:
        AssertionError: says which kernel differs from which, at which entry and for which numbers.

    >>> prove_box(every=111, processes=1).pairs
    90
    """
    processes = processes or os.cpu_count() or 1
    chosen, without_geometry = GEOMETRIES[::every], _Kernels(package)
    for height, width in product(SIDES, SIDES):
        without_geometry.hold_pointwise(height, width)
    equalities = without_geometry.equalities
    if processes == 1:
        equalities += _hold_all(package, chosen)
    else:
        with ProcessPoolExecutor(processes, initializer=threads.use, initargs=(1,)) as pool:
            parts = [pool.submit(_hold_all, package, chosen[i::processes]) for i in range(processes)]
            equalities += sum(part.result() for part in parts)
    return Box(len(chosen), 2 * len(PARTNERS) * len(chosen), equalities, 16 * math.comb(68, 4) / 2.0**64)


def _hold_all(package: str, chosen: list[Along]) -> int:
    """Hold all kernels to be equal on these geometries; how many equalities that were."""
    kernels = _Kernels(package)
    with np.errstate(over="ignore"):  # what wraps is meant
        for number, along in enumerate(chosen):
            for turn, partner in enumerate(PARTNERS):
                for axes in ((along, partner), (partner, along)):
                    kernels.hold(
                        axes, "same" if along.padding is None else None, turn, all_rungs=turn == number % len(PARTNERS)
                    )
    return kernels.equalities


class _Kernels:
    """The kernels of a package, by name, on one geometry after the other."""

    def __init__(self, package: str) -> None:
        self.engine = import_module(f"{package}.engine")
        self.signatures = import_module(f"{package}.signatures")
        self.standard3d = import_module(f"{package}.standard3d")
        self.functions: dict[str, Any] = {}
        for module in MODULES:
            self.functions |= vars(import_module(f"{package}.{module}"))
        self.rng = np.random.default_rng(2019)
        self.equalities = 0
        self.geometry: dict[str, Any] = {}

    def draw(self, *shape: int) -> Array:
        """Any numbers of int64."""
        return self.rng.integers(-(2**63), 2**63 - 1, shape, endpoint=True)

    def run(self, function: Any, *arrays: Array, **more: Any) -> Any:
        """The result of a function, or of the kernel of that name, in the geometry that is held."""
        return self.functions.get(function, function)(*arrays, **self.geometry, **more)

    def hold(self, axes: tuple[Along, Along], padding: str | None, turn: int, *, all_rungs: bool) -> None:
        """Hold the kernels that read both axes at once on one geometry; with all_rungs all others too."""
        height, width = axes
        self.geometry = {
            "stride": (height.stride, width.stride),
            "padding": padding or _as_written(height.padding, width.padding),
            "dilation": (height.dilation, width.dilation),
        }
        taps, times = (height.kernel, width.kernel), 1 + turn % 3  # the depth multiplier and the number of groups
        x, kernel = self.draw(BATCH, height.size, width.size, M), self.draw(*taps, M, N)
        depthwise = self.draw(*taps, M * times)
        g = self.signatures.STANDARD.check("prove_box", x, kernel).geometry(**self.geometry)
        dy, dwide = self.draw(*g.output, N), self.draw(*g.output, M * times)
        self.ladder("conv2d", dy, x, kernel, turn, all_rungs)
        self.ladder("depthwise_conv2d", dwide, x, depthwise, turn, all_rungs)
        self.transposed(axes, kernel, turn, all_rungs)
        if all_rungs:
            for axis, along in zip((g.height, g.width), axes, strict=True):
                hold_axis(axis, along, padding == "same", self.engine)
            self.same("per_channel_maps", "depthwise_conv2d_taps", (x, kernel[..., 0]))
            for times in (1, 2, 3):
                wide = self.draw(BATCH, height.size, width.size, M * times), self.draw(*taps, M, N * times)
                self.grouped(self.draw(*g.output, N * times), *wide, times)
                self.separable(dy, x, self.draw(*taps, M * times), self.draw(M * times, N), times)
            wide = self.draw(BATCH, height.size, width.size, M * 2), self.draw(*taps, M, N * 2)
            self.shuffled(self.draw(*g.output, N * 2), *wide, groups=2)
            self.rank_one(self.draw(*g.output, N), x, taps)
            self.volume(axes, padding)

    def volume(self, axes: tuple[Along, Along], padding: str | None) -> None:
        """The 3D convolution, its loops and its backwards against the taps, with a depth in front of two axes."""
        axes_3d = (DEPTH, *axes)
        self.geometry = {
            "stride": tuple(along.stride for along in axes_3d),
            "padding": padding or tuple(along.padding for along in axes_3d),
            "dilation": tuple(along.dilation for along in axes_3d),
        }
        x, kernel = self.draw(2, *(a.size for a in axes_3d), 1), self.draw(*(a.kernel for a in axes_3d), 1, 2)
        y = self.run("conv3d_taps", x, kernel)
        dy = self.draw(*y.shape)
        gradients = self.run("conv3d_backward_taps", dy, x, kernel)
        self.equal("conv3d_loops", "conv3d_taps", y, (x, kernel))
        for layers in (self.standard3d.LAYERS, 1):
            with patch.object(self.standard3d, "LAYERS", layers):
                self.equal("conv3d", "conv3d_taps", y, (x, kernel))
                self.equal("conv3d_backward", "conv3d_backward_taps", gradients, (dy, x, kernel))
        self.transpose("conv3d_taps", dy, (x, kernel), gradients)

    def hold_pointwise(self, height: int, width: int) -> None:
        """Hold the pointwise convolution to its loops and to the standard one of one tap, and the dense layer to it."""
        self.geometry = {}
        x, kernel, dy = self.draw(BATCH, height, width, M), self.draw(M, N), self.draw(BATCH, height, width, N)

        def standard(x: Array, kernel: Array) -> Any:
            return self.run("conv2d_taps", x, kernel[None, None])

        def dense(x: Array, kernel: Array) -> Array:
            y: Array = self.run("dense", x.reshape(-1, x.shape[-1]), kernel)
            return y.reshape(*x.shape[:-1], -1)

        def dense_backward(dy: Array, x: Array, kernel: Array) -> Any:
            dx, dkernel = self.run("dense_backward", *(a.reshape(-1, a.shape[-1]) for a in (dy, x)), kernel)
            return dx.reshape(x.shape), dkernel

        name, backward = "pointwise_conv2d", "pointwise_conv2d_backward"
        with np.errstate(over="ignore"):  # what wraps is meant
            for other in (f"{name}_loops", standard, dense):
                self.same(name, other, (x, kernel))
            self.same(backward, dense_backward, (dy, x, kernel))
            self.transpose(name, dy, (x, kernel), self.run(backward, dy, x, kernel))

    def ladder(self, name: str, dy: Array, x: Array, kernel: Array, turn: int, all_rungs: bool) -> None:
        """The canonical rung against the fast one, with other constants too, and all others; and the transpose."""
        for function, arrays in ((name, (x, kernel)), (f"{name}_backward", (dy, x, kernel))):
            taps = f"{function}_taps"
            expected = self.run(taps, *arrays)
            for rung in (function, *(RUNGS[function] if all_rungs else ())):
                self.equal(rung, taps, expected, arrays)
            if CONSTANTS[turn]:
                with patch.multiple(self.engine, **CONSTANTS[turn]):
                    self.equal(function, taps, expected, arrays)
        self.transpose(f"{name}_taps", dy, (x, kernel), expected)

    def transposed(self, axes: tuple[Along, Along], kernel: Array, turn: int, all_rungs: bool) -> None:
        """The transposed convolution against conv2d's gradients, for an x with zeros behind where none other has it."""
        rest = [(turn + 1) % max(axis.stride, axis.dilation) for axis in axes]
        if self.geometry["padding"] == "same":
            rest = [0, 0]
        elif not all(reached(axis) - sum(axis.padding or ()) + more > 0 for axis, more in zip(axes, rest, strict=True)):
            return  # all of the output is cropped
        behind = [(0, 0), *((0, more // axis.stride) for axis, more in zip(axes, rest, strict=True)), (0, 0)]

        def forward(x: Array, kernel: Array, *, output_padding: Any, **geometry: Any) -> Array:
            wide = self.draw(*y.shape)  # any numbers
            dx: Array = self.functions["conv2d_backward_taps"](np.pad(x, behind), wide, kernel, **geometry)[0]
            return dx

        def on_objects(x: Array, kernel: Array, **geometry: Any) -> Array:
            exact: Array = self.functions[name](x.astype(object), kernel.astype(object), **geometry)
            return (exact % 2**64).astype(np.uint64).view(np.int64)

        def backward(dy: Array, x: Array, kernel: Array, *, output_padding: Any, **geometry: Any) -> Any:
            dx = self.functions["conv2d_taps"](dy, kernel, **geometry)[:, : x.shape[1], : x.shape[2]]
            return dx, self.functions["conv2d_backward_taps"](np.pad(x, behind), dy, kernel, **geometry)[1]

        x, name, more = self.draw(BATCH, axes[0].size, axes[1].size, N), "transposed_conv2d", {"output_padding": rest}
        y = self.run(f"{name}_loops", x, kernel, **more)
        dy = self.draw(*y.shape)
        gradients = self.run(backward, dy, x, kernel, **more)
        for function, other, expected, arrays in (
            (name, f"{name}_loops", y, (x, kernel)),
            (f"{name}_backward", backward, gradients, (dy, x, kernel)),
        ):
            self.equal(function, other, expected, arrays, **more)
            if CONSTANTS[turn]:
                with patch.multiple(self.engine, **CONSTANTS[turn]):
                    self.equal(function, other, expected, arrays, **more)
        if all_rungs:
            self.equal(on_objects, f"{name}_loops", y, (x, kernel), **more)
            self.equal(forward, f"{name}_loops", y, (x, kernel), **more)
            self.transpose(name, dy, (x, kernel), gradients, **more)

    def grouped(self, dy: Array, x: Array, kernel: Array, groups: int) -> None:
        """The grouped convolution against a standard one for each group, and its backward as the transpose."""

        def side_by_side(x: Array, kernel: Array, *, groups: int, **geometry: Any) -> Array:
            parts = zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
            return np.concatenate([self.functions["conv2d_taps"](*part, **geometry) for part in parts], axis=-1)

        self.same("grouped_conv2d", side_by_side, (x, kernel), groups=groups)
        gradients = self.run("grouped_conv2d_backward", dy, x, kernel, groups=groups)
        self.transpose("grouped_conv2d", dy, (x, kernel), gradients, groups=groups)

    def separable(self, dy: Array, x: Array, depthwise: Array, pointwise: Array, times: int) -> None:
        """Depthwise then pointwise against the standard convolution with the factored kernel, and its backward."""
        factored, pull = self.functions["factored_kernel"], self.functions["factored_kernel_backward"]

        def standard(x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Any:
            kernel = factored(depthwise, pointwise, depth_multiplier=times)
            return self.functions["conv2d_taps"](x, kernel, **geometry)

        def standard_backward(dy: Array, x: Array, depthwise: Array, pointwise: Array, **geometry: Any) -> Any:
            kernel = factored(depthwise, pointwise, depth_multiplier=times)
            dx, dkernel = self.functions["conv2d_backward_taps"](dy, x, kernel, **geometry)
            return dx, *pull(dkernel, depthwise, pointwise, depth_multiplier=times)

        name, arrays = "depthwise_separable_conv2d", (x, depthwise, pointwise)
        self.same(name, standard, arrays)
        gradients = self.run(standard_backward, dy, *arrays)
        self.equal(f"{name}_backward", standard_backward, gradients, (dy, *arrays))
        self.transpose(name, dy, arrays, gradients)

    def shuffled(self, dy: Array, x: Array, kernel: Array, groups: int) -> None:
        """The shuffled grouped convolution against the grouped one, its channels in the order of the shuffle."""
        order = np.arange(kernel.shape[-1], dtype=np.int64).reshape(groups, -1).T.ravel()

        def in_order(x: Array, kernel: Array, **geometry: Any) -> Any:
            return self.functions["grouped_conv2d"](x, kernel, **geometry)[..., order]

        def in_order_backward(dy: Array, x: Array, kernel: Array, **geometry: Any) -> Any:
            dgrouped = self.functions["channel_shuffle_backward"](dy, dy, groups=groups)
            return self.functions["grouped_conv2d_backward"](dgrouped, x, kernel, **geometry)

        self.same("shuffled_grouped_conv2d", in_order, (x, kernel), groups=groups)
        self.same("shuffled_grouped_conv2d_backward", in_order_backward, (dy, x, kernel), groups=groups)

    def rank_one(self, dy: Array, x: Array, taps: tuple[int, int]) -> None:
        """A column and a row against the depthwise kernel that is their product, and flattened as its three steps."""
        factors = self.draw(taps[0], M), self.draw(taps[1], M)

        def depthwise(x: Array, column: Array, row: Array, **geometry: Any) -> Any:
            return self.functions["depthwise_conv2d_taps"](x, column[:, None] * row, **geometry)

        name, backward = "spatially_separable_conv2d", "spatially_separable_conv2d_backward"
        self.same(name, depthwise, (x, *factors))
        narrow = dy[..., :M]
        self.transpose(name, narrow, (x, *factors), self.run(backward, narrow, x, *factors))

        def in_steps(x: Array, lateral: Array, *factors: Array, **geometry: Any) -> Any:
            return self.functions[name](self.functions["pointwise_conv2d"](x, lateral), *factors, **geometry)

        def in_steps_backward(dy: Array, x: Array, lateral: Array, *factors: Array, **geometry: Any) -> Any:
            combined = self.functions["pointwise_conv2d"](x, lateral)
            dcombined, *dfactors = self.functions[backward](dy, combined, *factors, **geometry)
            return *self.functions["pointwise_conv2d_backward"](dcombined, x, lateral), *dfactors

        arrays = x, self.draw(M, N), self.draw(taps[0], N), self.draw(taps[1], N)
        self.same("flattened_conv2d", in_steps, arrays)
        self.same("flattened_conv2d_backward", in_steps_backward, (dy, *arrays))

    def same(self, f: Any, g: Any, arrays: tuple[Array, ...], **more: Any) -> None:
        """Hold two functions to be equal."""
        self.equal(f, g, self.run(g, *arrays, **more), arrays, **more)

    def equal(self, f: Any, g: Any, expected: Any, arrays: tuple[Array, ...], **more: Any) -> None:
        """Hold what f gives to be what g gave."""
        f, g, geometry = self.functions.get(f, f), self.functions.get(g, g), self.geometry | more
        pairs = zip(_results(f(*arrays, **geometry)), _results(expected), strict=True)
        if not all(map(np.array_equal, *zip(*pairs, strict=True))):
            prove_equal(f, g, *(a.shape for a in arrays), **geometry)
            raise AssertionError(f"{f.__name__} and {g.__name__} differ ({[a.shape for a in arrays]}, {geometry})")
        self.equalities += 1

    def transpose(self, forward: str, dy: Array, arrays: tuple[Array, ...], gradients: Any, **more: Any) -> None:
        """Hold the gradients of forward's backward to be its transpose: ⟨dy, f(v)⟩ = ⟨gradient, v⟩."""
        backward = re.sub("conv.d", r"\g<0>_backward", forward)
        for position, gradient in enumerate(gradients):
            v = self.draw(*arrays[position].shape)
            if (dy * self.run(forward, *replaced([*arrays], position, v), **more)).sum() != (gradient * v).sum():
                geometry = self.geometry | more
                check_adjoint(self.functions[forward], self.functions[backward], *arrays, **geometry)
                raise AssertionError(f"{backward} is not the transpose of {forward} ({geometry})")
            self.equalities += 1


def reached(along: Along) -> int:
    """The number of rows of a transposed convolution's output, before padding crops it."""
    return (along.size - 1) * along.stride + along.dilation * (along.kernel - 1) + 1


def hold_axis(axis: Axis, along: Along, same: bool, fast: Any = engine) -> None:
    """Hold an axis, and its parts, to the definition: tap i of output v reads row v·s + i·δ of the padded input."""
    rows, stride, dilation = list(range(axis.before + along.size + axis.after)), along.stride, along.dilation
    taps = range(along.kernel)
    outputs = [v for v in range(len(rows)) if v * stride + dilation * (along.kernel - 1) < len(rows)]
    read = [[v * stride + i * dilation for i in taps] for v in outputs]
    if same:  # as many outputs as the stride takes of the input, the least padding for it, the odd row behind
        shorter = len(rows) - 1 - dilation * (along.kernel - 1) - 1
        least = axis.before + axis.after == 0 or shorter // stride + 1 < len(outputs)
        held = [len(outputs) == math.ceil(along.size / stride), least, axis.after - axis.before in (0, 1)]
    else:
        held = [along.padding is None or (axis.before, axis.after) == along.padding]
    held += [axis.output == len(outputs), axis.padded == len(rows), axis.span == read[0][-1] + 1]
    held += [axis.positions == read, rows[axis.inside] == rows[axis.before : axis.before + along.size]]
    held.append([rows[tap] for tap in axis.taps] == [[row[i] for row in read] for i in taps])
    for start, stop in ((a, b) for b in range(1, len(outputs) + 1) for a in range(b)):
        needed = range(read[start][0], read[stop - 1][-1] + 1)
        held.append(rows[fast.read_by(axis, slice(start, stop))] == list(needed))
        given, part = fast.part_of(Geometry(1, axis, axis), slice(1), slice(start, stop))
        inputs = [row - axis.before for row in needed if axis.before <= row < axis.before + along.size]
        held.append(list(range(along.size))[given] == inputs and part.height.output == stop - start)
        held.append((part.height.input, part.height.padded) == (len(inputs), len(needed)))
    if not all(held):
        raise AssertionError(f"{axis} does not read v·s + i·δ of {along}")


def _as_written(height: Any, width: Any) -> Any:
    """A padding in the shortest form that it has: a word, a number, a pair of them, or a pair of pairs."""
    if height[0] != height[1] or width[0] != width[1]:
        return height, width
    return (height[0], width[0]) if height != width else height[0] or "valid"


def _results(returned: Any) -> tuple[Array, ...]:
    return returned if isinstance(returned, tuple) else (returned,)
