"""The contract of each kernel as one row: its arrays and its result, axis by axis in the article's symbols.

A kernel's first line checks its arguments against its row. `STANDARD.check("conv2d", x, kernel)` takes the arrays,
`check_shapes` their shapes where nothing else is needed; both raise TypeError for a wrong kind of argument and
ValueError for a wrong rank, shape or geometry, in a message that names the function and the argument, what was expected
and every shape involved. What they return has the sizes, the result's shape, and the geometry.

In a row a symbol stands for one number, except D, which is a height and a width, in 3D with a depth before them. M·Q is
a multiple of M; M/groups is what a number of groups leaves of M; "…" is one axis or more.
"""

import math
import operator
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NoReturn

import numpy as np

from .arguments import MOST, by_axis, integer, is_int, padding_sides, pair, shown
from .geometry import Array, Axis, Geometry, Geometry3D, Padding, Pair
from .objects import ObjectArray

PRODUCTS = "biufcO"  # dtype kinds that NumPy adds and multiplies
NUMBERS = "biufc"  # those that linear algebra takes apart
ACTIVATIONS = "fcO"  # real floats, the complex step's, and objects, which count or write themselves down
REAL = "f"


class Signature:
    """One row: the pattern of the result y and of each array, in the kernel's order.

    `kinds` are the dtype kinds that the arrays may have, `optional` the arrays that may be None. y is "x" for a result
    shaped like x, and "" where the docstring says what is returned.

    >>> row = Signature("B Dᵥ Dᵥ N", x="B Dᵤ Dᵤ M", kernel="Dᵣ Dᵣ M N")
    >>> row.check_shapes("conv2d_cost", (2, 7, 6, 3), (3, 3, 3, 4)).geometry(stride=2, padding="same").output
    (2, 4, 3)
    """

    def __init__(self, y: str, *, kinds: str = PRODUCTS, optional: Sequence[str] = (), **arrays: str) -> None:
        self.y, self.kinds, self.optional, self.arrays = y, kinds, optional, arrays
        self.symbols = {name: pattern.split() for name, pattern in arrays.items()}
        self.kernels = [name for name, pattern in arrays.items() if pattern.startswith("Dᵣ")]

    def shapes(self, sizes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shape of each array, by name, from the sizes of the symbols."""
        sides = {symbol: cycle(size) for symbol, size in sizes.items() if symbol[0] == "D"}  # a column's, then a row's
        return {
            name: tuple(next(sides[symbol]) if symbol in sides else sizes[symbol] for symbol in symbols)
            for name, symbols in self.symbols.items()
        }

    def check(self, function: str, *arrays: Array | None, **beside: Any) -> "Checked":
        """A call on these arrays; with one more than the row has, the first is dy. Errors show those beside them."""
        names, shapes = list(self.symbols), {}
        if len(arrays) > len(names):
            names.insert(0, "dkernel" if self.y.startswith("Dᵣ") else "dy")
        for name, a in zip(names, arrays, strict=True):
            if a is None and name in self.optional:
                continue
            if type(a) is not np.ndarray and not isinstance(a, np.memmap | ObjectArray):
                raise TypeError(f"{function}: {name} must be a numpy.ndarray; got {type(a).__name__}")
            if a.dtype.kind not in self.kinds:
                wanted = {REAL: "real floats", ACTIVATIONS: "floats"}.get(self.kinds, "numbers")
                raise TypeError(f"{function}: {name} must hold {wanted}; got dtype {a.dtype}, {name} {a.shape}")
            shapes[name] = a.shape
        for name, a in beside.items():
            if hasattr(a, "shape"):
                shapes[name] = a.shape
        return Checked(self, function, shapes)

    def check_shapes(self, function: str, *given: Sequence[int]) -> "Checked":
        """A call on arrays of these shapes."""
        shapes = {}
        for name, shape in zip(self.symbols, given, strict=True):
            if not isinstance(shape, tuple | list) or not all(is_int(n) and n >= 0 for n in shape):
                raise TypeError(f"{function}: {name} must be a shape, a tuple of ints not below 0; got {shown(shape)}")
            shapes[name] = tuple(map(int, shape))
            if math.prod(shapes[name]) > MOST:
                raise ValueError(f"{function}: {name} must have at most {MOST:,} numbers; got {shown(shape)}")
        return Checked(self, function, shapes)


class Checked:
    """A call whose shapes fit its row: their `sizes` by symbol (a D has two), and the shape of the `output`.

    Where the row's output depends on the geometry (Dᵥ), it is known once `geometry` was called.
    """

    def __init__(self, row: Signature, function: str, shapes: dict[str, tuple[int, ...]]) -> None:
        self.row, self.function, self.shapes = row, function, shapes
        self.sizes: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for name, symbols in row.symbols.items():
            if name not in shapes:
                continue
            shape = shapes[name]
            if symbols[0] == "…":
                if len(symbols) > 1 and len(shape) < len(symbols):
                    self.expect(name, f", {len(symbols)} axes or more")
                symbols = ["…"] * (len(shape) - len(symbols) + 1) + symbols[1:]
            if len(shape) != len(symbols):
                self.expect(name, f", {len(symbols)} axes")
            if 0 in shape:
                self.expect(name, ", every axis at least 1")
            for symbol, size in zip(symbols, shape, strict=True):
                if symbol[0] in "D…":
                    self.sizes[symbol] = (*self.sizes.get(symbol, ()), size)
                elif self.sizes.setdefault(symbol, size) != size:
                    self.expect(name, f" with {symbol} = {self.sizes[symbol]} as in {origin[symbol]}")
                elif symbol == "M·Q" and size % self.sizes.get("M", 1):
                    self.expect(name, f" with M·Q a multiple of M = {self.sizes['M']}, x's channels")
                origin.setdefault(symbol, name)
        self.output: tuple[int, ...] = ()
        self.find_output()

    def fail(self, expected: str) -> NoReturn:
        """Raise the ValueError that says what was expected, and all shapes."""
        got = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        raise ValueError(f"{self.function}: {expected}; got {got}")

    def expect(self, name: str, more: str) -> NoReturn:
        """Raise the ValueError for an array that does not fit its pattern, or what more is expected of it."""
        self.fail(f"{name} must be {_axes(self.row.symbols[name])}{more}")

    def geometry(self, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1) -> Geometry:
        """The geometry in which the row's kernel meets x."""
        height, width = self.axes(stride, padding, dilation)
        return Geometry(self.sizes["B"], height, width)

    def geometry_3d(self, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1) -> Geometry3D:
        """The geometry in which the row's kernel meets an x with a depth."""
        depth, height, width = self.axes(stride, padding, dilation)
        return Geometry3D(self.sizes["B"], height, width, depth)

    def axes(self, stride: Pair, padding: Padding, dilation: Pair) -> list[Axis]:
        """The spatial axes along which the row's kernel meets x."""
        (batch, *spatial, channels), kernels, taps = self.shapes["x"], self.row.kernels, self.sizes["Dᵣ"]
        strides = by_axis(self.function, "stride", stride, len(spatial))
        dilations = by_axis(self.function, "dilation", dilation, len(spatial))
        sides = padding_sides(self.function, padding, spatial, taps, strides, dilations)
        numbers = zip(spatial, taps, strides, dilations, sides, strict=True)
        axes = [Axis(size, side, s, δ, *zeros) for size, side, s, δ, zeros in numbers]
        for number, axis in enumerate(axes):
            if axis.padded < axis.span:
                side, kernel = SIDES[-len(axes) :][number], kernels[number % len(kernels)]
                self.fail(
                    f"the output's {side} would be empty, as {kernel} reaches over {axis.span} and the padded x has "
                    f"{axis.padded} (stride {stride!r}, padding {padding!r}, dilation {dilation!r})"
                )
        outputs = tuple([axis.output for axis in axes])
        for what, shape in (
            ("the padded x", (batch, *[axis.padded for axis in axes], channels)),
            ("the output", (batch, *outputs, self.shapes[kernels[0]][-1])),
        ):
            if math.prod(shape) > MOST:
                self.fail(f"padding must keep {what} within {MOST:,} numbers; {shown(padding)} makes it {shape}")
        self.sizes["Dᵥ"] = outputs
        self.find_output()
        return axes

    def transposed_geometry(
        self, stride: Pair = 1, padding: Padding = "valid", output_padding: Pair = 0, dilation: Pair = 1
    ) -> Geometry:
        """The geometry from the output back to x, in which the row's kernel is a convolution's adjoint."""
        height, width = self.transposed_axes(stride, padding, output_padding, dilation)
        return Geometry(self.sizes["B"], height, width)

    def transposed_axes(
        self, stride: Pair, padding: Padding, output_padding: Pair = 0, dilation: Pair = 1
    ) -> list[Axis]:
        """The spatial axes of `transposed_geometry`."""
        function, (batch, *inputs, _), taps = self.function, self.shapes["x"], self.sizes["Dᵣ"]
        strides, dilations = pair(function, "stride", stride), pair(function, "dilation", dilation)
        rest = pair(function, "output_padding", output_padding, 0)
        larger = [size * s for size, s in zip(inputs, strides, strict=True)]
        crops = padding_sides(function, padding, larger, taps, strides, dilations)
        if padding == "same" and any(rest):
            self.fail(f"output_padding must be 0 where padding is 'same'; got {shown(output_padding)}")
        if not all(map(operator.lt, rest, map(max, strides, dilations))):
            limits = f"stride {stride!r} or dilation {dilation!r}"
            self.fail(f"output_padding must be below {limits}; got {shown(output_padding)}")
        axes = []
        for number, (size, (before, after)) in enumerate(zip(inputs, crops, strict=True)):
            k, s, δ = taps[number], strides[number], dilations[number]
            reached = (size - 1) * s + δ * (k - 1) + 1
            output = larger[number] if padding == "same" else reached - before - after + rest[number]
            if output < 1:
                self.fail(
                    f"padding must leave some output; {padding!r} leaves {output} of {reached} along the "
                    f"{'width' if number else 'height'} (output_padding {output_padding!r})"
                )
            axes.append(Axis(output, k, s, δ, before, after, size))
        shape = (batch, *(axis.padded for axis in axes), self.sizes["N"])
        if math.prod(shape) > MOST:
            self.fail(f"the output before padding crops it must have at most {MOST:,} numbers; its shape is {shape}")
        self.sizes["Dᵥ"] = tuple(axis.input for axis in axes)
        self.find_output()
        return axes

    def resized(self, size: Pair) -> tuple[int, int]:
        """The height and width of an output that x is resized to."""
        batch, *inputs, channels = self.shapes["x"]
        height, width = self.sizes["Dᵥ"] = pair(self.function, "size", size)
        matrices = [(o, n) for o, n in zip((height, width), inputs, strict=True)]
        for shape in ((batch, height, width, channels), *matrices):
            if math.prod(shape) > MOST:
                self.fail(
                    f"size must keep the output and the weights within {MOST:,} numbers; {size!r} makes one {shape}"
                )
        self.find_output()
        return height, width

    def find_output(self) -> None:
        """The output's shape, if all sizes for it are known; dy must have it."""
        symbols: list[str] = ["like x"] if self.row.y == "x" else self.row.y.split()
        if self.row.y == "x":
            self.output = self.shapes["x"]
        elif symbols and self.sizes.keys() >= set(symbols):
            self.output = shape_of(self.row.y, self.sizes)
        else:
            return
        upstream = next(iter(self.shapes))
        if upstream in ("dy", "dkernel") and self.shapes[upstream] != self.output:
            self.fail(f"{upstream} must be {_axes(symbols)} = {self.output}, the shape of forward's output")


def shape_of(pattern: str, sizes: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of a pattern's array, from the sizes of its symbols, a D with all of its sides.

    >>> shape_of("Dᵣ Dᵣ M N", {"Dᵣ": (3, 2), "M": 3, "N": 8})
    (3, 2, 3, 8)
    """
    shape: tuple[int, ...] = ()
    for symbol in dict.fromkeys(pattern.split()):
        size = sizes[symbol]
        shape += size if symbol[0] == "D" else (size,)
    return shape


def _axes(symbols: list[str]) -> str:
    """Axes as an error has them: those of a tuple, or what they are like."""
    return symbols[0] if symbols == ["like x"] else f"({', '.join(symbols)}{',' if len(symbols) == 1 else ''})"


SIDES = ("depth", "height", "width")
VOLUME = "B Dᵤ Dᵤ M"

STANDARD = Signature("B Dᵥ Dᵥ N", x=VOLUME, kernel="Dᵣ Dᵣ M N")
SINGLE_FILTER = Signature("B Dᵥ Dᵥ M", x=VOLUME, filter="Dᵣ Dᵣ M")
DEPTHWISE = Signature("B Dᵥ Dᵥ M·Q", x=VOLUME, kernel="Dᵣ Dᵣ M·Q")
GROUPED = Signature("B Dᵥ Dᵥ N", x=VOLUME, kernel="Dᵣ Dᵣ M/groups N")
TRANSPOSED = Signature("B Dᵥ Dᵥ N", x=VOLUME, kernel="Dᵣ Dᵣ N M")
RESIZE = Signature("B Dᵥ Dᵥ M", x=VOLUME)
POINTWISE = Signature("B Dᵤ Dᵤ N", x=VOLUME, kernel="M N")
DENSE = Signature("B N", x="B M", kernel="M N")
SEPARABLE = Signature("B Dᵥ Dᵥ N", x=VOLUME, depthwise="Dᵣ Dᵣ M·Q", pointwise="M·Q N")
SPATIALLY_SEPARABLE = Signature("B Dᵥ Dᵥ M", x=VOLUME, column="Dᵣ M", row="Dᵣ M")
FLATTENED = Signature("B Dᵥ Dᵥ N", x=VOLUME, lateral="M N", vertical="Dᵣ N", horizontal="Dᵣ N")
SHUFFLE = Signature("x", x="… M")
STANDARD_3D = Signature("B Dᵥ Dᵥ Dᵥ N", x="B Dᵤ Dᵤ Dᵤ M", kernel="Dᵣ Dᵣ Dᵣ M N")
FACTORED_KERNEL = Signature("Dᵣ Dᵣ M N", depthwise="Dᵣ Dᵣ M·Q", pointwise="M·Q N")
STANDARD_KERNEL = Signature("", kinds=NUMBERS, kernel="Dᵣ Dᵣ M N")
LINEAR_BLOCK = Signature("Dᵣ Dᵣ k k′", expand="k tk", depthwise="Dᵣ Dᵣ tk", project="tk k′")
INVERTED_RESIDUAL = Signature(
    "B Dᵥ Dᵥ k′", kinds=ACTIVATIONS, x="B Dᵤ Dᵤ k", expand="k tk", depthwise="Dᵣ Dᵣ tk", project="tk k′"
)
UNEXPANDED_RESIDUAL = Signature("B Dᵥ Dᵥ k′", kinds=ACTIVATIONS, x="B Dᵤ Dᵤ k", depthwise="Dᵣ Dᵣ k", project="k k′")
RESIDUAL_BOTTLENECK = Signature(
    VOLUME, kinds=ACTIVATIONS, x=VOLUME, reduce="M M′", spatial="Dᵣ Dᵣ M′ M″", restore="M″ M"
)
ACTIVATION = Signature("x", kinds=ACTIVATIONS, x="…")
GLOBAL_AVERAGE_POOL = Signature("B M", x=VOLUME)
BATCH_STATISTICS = Signature("", kinds=REAL, x="… M")
BATCH_NORM = Signature("x", kinds=REAL, x="… M", scale="M", shift="M")
BATCH_NORM_STAGES = Signature("x", kinds=REAL, x="… M", scale="M", deviation="M")
BATCH_NORM_INFERENCE = Signature("x", kinds=REAL, x="… M", scale="M", shift="M", mean="M", variance="M")
FOLD_BATCH_NORM = Signature(
    "", kinds=REAL, optional=("scale", "shift", "bias"),
    kernel="… N", scale="N", shift="N", mean="N", variance="N", bias="N",
)  # fmt: skip
CROSS_ENTROPY = Signature("", kinds=REAL, logits="B N")
SQUEEZE_EXCITE = Signature(
    VOLUME, kinds=ACTIVATIONS, x=VOLUME, reduce="M S", reduce_bias="S", expand="S M", expand_bias="M"
)

SIGNATURES = {
    **dict.fromkeys(("conv2d", "conv2d_loops", "conv2d_per_channel", "conv2d_taps", "conv2d_im2col"), STANDARD),
    "per_channel_maps": SINGLE_FILTER,
    **dict.fromkeys(("depthwise_conv2d", "depthwise_conv2d_loops", "depthwise_conv2d_taps"), DEPTHWISE),
    "grouped_conv2d": GROUPED,
    **dict.fromkeys(("pointwise_conv2d", "pointwise_conv2d_loops"), POINTWISE),
    "depthwise_separable_conv2d": SEPARABLE,
    **dict.fromkeys(("transposed_conv2d", "transposed_conv2d_loops"), TRANSPOSED),
    "overlap_counts": Signature(""),
    "resize_bilinear": RESIZE,
    "spatially_separable_conv2d": SPATIALLY_SEPARABLE,
    "flattened_conv2d": FLATTENED,
    "channel_shuffle": SHUFFLE,
    "shuffled_grouped_conv2d": GROUPED,
    **dict.fromkeys(("conv3d", "conv3d_loops", "conv3d_taps"), STANDARD_3D),
    "factored_kernel": FACTORED_KERNEL,
    "factorize_kernel": STANDARD_KERNEL,
    "linear_block_kernel": LINEAR_BLOCK,
    **dict.fromkeys(("inverted_residual", "inverted_residual_stages", "inverted_residual_split"), INVERTED_RESIDUAL),
    **dict.fromkeys(("residual_bottleneck", "residual_bottleneck_stages"), RESIDUAL_BOTTLENECK),
    **dict.fromkeys(("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish"), ACTIVATION),
    "batch_statistics": BATCH_STATISTICS,
    **dict.fromkeys(("batch_norm", "batch_norm_stages"), BATCH_NORM),
    "batch_norm_inference": BATCH_NORM_INFERENCE,
    "fold_batch_norm": FOLD_BATCH_NORM,
    "global_average_pool": GLOBAL_AVERAGE_POOL,
    "dense": DENSE,
    "softmax_cross_entropy": CROSS_ENTROPY,
    **dict.fromkeys(("squeeze_excite", "squeeze_excite_stages"), SQUEEZE_EXCITE),
}
"""The row of each kernel; its backward takes dy in front."""


def check_groups(checked: Checked, groups: int) -> int:
    """The number of groups, a divisor of M and of the row's N if it has one, as Python's int."""
    groups = integer(checked.function, "groups", groups)
    channels = {symbol: checked.sizes[symbol] for symbol in ("M", "N") if symbol in checked.sizes}
    if any(size % groups for size in channels.values()):
        divided = " and ".join(f"{symbol} = {size}" for symbol, size in channels.items())
        checked.fail(f"groups must divide {divided}; got {groups}")
    share = channels["M"] // groups
    if checked.sizes.get("M/groups", share) != share:
        checked.expect("kernel", f" with M/groups = {share}")
    return groups


def check_multiplier(checked: Checked, depth_multiplier: int) -> int:
    """Q, of which a depthwise kernel has a multiple of channels, as Python's int."""
    multiplier = integer(checked.function, "depth_multiplier", depth_multiplier)
    if checked.sizes["M·Q"] % multiplier:
        checked.fail(f"depthwise must have a multiple of depth_multiplier = {multiplier} channels")
    checked.sizes["M"] = checked.sizes["M·Q"] // multiplier
    checked.find_output()
    return multiplier


def check_factors(checked: Checked, kernel: Array, depth_multiplier: int) -> int:
    """Q, the number of factors to keep of each slice of a finite kernel, as Python's int."""
    multiplier = integer(checked.function, "depth_multiplier", depth_multiplier)
    if not np.isfinite(kernel).all():
        checked.fail("kernel must be finite")
    if kernel.size * multiplier > MOST:
        checked.fail(f"depth_multiplier must keep the factors within {MOST:,} numbers; {multiplier} is too many")
    return multiplier


def check_targets(function: str, logits: Array, targets: Any) -> None:
    """Check logits, and class labels or class probabilities that fit them."""
    checked = CROSS_ENTROPY.check(function, logits, targets=targets)
    array = type(targets) is np.ndarray or isinstance(targets, np.memmap)
    if not array or targets.dtype.kind not in "iuf":
        kind, wanted = targets.dtype if array else type(targets).__name__, "(B,) integers or (B, N) probabilities"
        raise TypeError(f"{function}: targets must be an ndarray, {wanted}; got {kind}")
    batch, classes = checked.sizes["B"], checked.sizes["N"]
    if targets.dtype.kind == "f":
        if targets.shape != (batch, classes):
            checked.fail("targets of floats must be (B, N) probabilities, the shape of logits")
        if targets.min() < 0 or not np.allclose(targets.sum(axis=1, dtype=np.float64), 1, atol=1e-3):
            checked.fail("targets must be probabilities, not below 0, each row summing to 1")
    else:
        if targets.shape != (batch,):
            checked.fail("targets of integers must be (B,) class labels")
        if targets.min() < 0 or targets.max() >= classes:
            checked.fail(f"targets must lie between 0 and {classes - 1}, and span {targets.min()} to {targets.max()}")
