"""The cost of a convolution by formula: multiplications, additions and parameters from shapes alone.

A MAC is one multiplication with the addition that collects it. Biases, activations and pooling count no MAC; a bias
and a shortcut count their additions. Products with padding's zeros count, as the kernels compute them.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ..kernels.arguments import boolean, integer, pair
from ..kernels.blocks import inverted_residual_geometry
from ..kernels.flattened import one_axis_each
from ..kernels.geometry import Axis, Geometry, Padding, Pair, Triple
from ..kernels.signatures import (
    DENSE,
    DEPTHWISE,
    FLATTENED,
    GROUPED,
    POINTWISE,
    RESIDUAL_BOTTLENECK,
    RESIZE,
    SEPARABLE,
    SPATIALLY_SEPARABLE,
    SQUEEZE_EXCITE,
    STANDARD,
    STANDARD_3D,
    TRANSPOSED,
    Checked,
    check_groups,
)

Shape = Sequence[int]


def prod(sizes: Shape) -> int:
    """The product of sizes in Python's ints: NumPy's wrap."""
    return math.prod(map(int, sizes))


@dataclass(frozen=True)
class Cost:
    """The cost of one operation, batch included. Costs add up with `+`, and with `sum`.

    `macs` are its multiplications, `additions` its additions, `params` the numbers it has learnt; `output_shape` is
    what it returns. `parts` holds the costs of what it is composed of, by name. A sum has the parts of its terms, in
    order: a term without any is itself a part, "part", and a name that was there before gets a number.

    >>> layer = depthwise_separable_conv2d_cost((1, 7, 7, 3), (3, 3, 3), (3, 128))
    >>> total = sum([layer, layer, dense_cost((1, 128), (128, 10))])
    >>> total.macs, list(total.parts)
    (21830, ['depthwise', 'pointwise', 'depthwise 2', 'pointwise 2', 'part'])
    """

    macs: int
    additions: int
    params: int
    output_shape: tuple[int, ...]
    parts: Mapping[str, "Cost"] = field(default_factory=dict, hash=False)

    @property
    def flops(self) -> int:
        """Multiplications and additions, each counted as one operation."""
        return self.macs + self.additions

    def __add__(self, then: "Cost") -> "Cost":
        """The cost of this operation and then another, whose output it is."""
        if not isinstance(then, Cost):
            return NotImplemented
        macs, additions, params = self.macs + then.macs, self.additions + then.additions, self.params + then.params
        parts = self._as_parts()
        for name, part in then._as_parts().items():
            parts[_free(name, parts)] = part
        return Cost(macs, additions, params, then.output_shape, parts)

    def __radd__(self, zero: int) -> "Cost":
        """The cost itself, after the 0 with which `sum` starts."""
        return self if type(zero) is int and zero == 0 else NotImplemented

    def _as_parts(self) -> dict[str, "Cost"]:
        """Its parts, or itself as one; none where it is nothing."""
        nothing = (self.macs, self.additions, self.params, self.output_shape) == (0, 0, 0, ())
        return dict(self.parts) or ({} if nothing else {"part": self})


def _free(name: str, taken: Mapping[str, Cost]) -> str:
    """The name, or with the first number from 2 on that is not taken."""
    if name not in taken:
        return name
    start, _, number = name.rpartition(" ")
    start = start if start and number.isdecimal() else name
    return next(tried for tried in (f"{start} {n}" for n in itertools.count(2)) if tried not in taken)


def conv2d_cost(
    x: Shape, kernel: Shape, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1, bias: bool = False
) -> Cost:
    """The cost of `conv2d`: B · Dᵥ² · Dᵣ² · M · N multiplications.

    Args:
        x: the input's shape, (B, Dᵤ, Dᵤ, M).
        kernel: the kernel's shape, (Dᵣ, Dᵣ, M, N).
        stride, padding, dilation: as in `conv2d`.
        bias: whether a bias of N numbers is added.

    Returns:
        A Cost.

    Raises:
        TypeError, ValueError: as `conv2d` does for arrays of these shapes.

    Source: the article's "Depth-wise Separable Convolutions", the first of its two formulas; its example in Fig. 5.

    >>> conv2d_cost((1, 7, 7, 3), (3, 3, 3, 128)).macs
    86400
    """
    checked = STANDARD.check_shapes("conv2d_cost", x, kernel)
    checked.geometry(stride, padding, dilation)
    return _sum_of_products(checked, bias)


def depthwise_conv2d_cost(
    x: Shape, kernel: Shape, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1, bias: bool = False
) -> Cost:
    """The cost of `depthwise_conv2d`: B · Dᵥ² · Dᵣ² · M · Q multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, M·Q); the rest as in `conv2d_cost`.

    >>> depthwise_conv2d_cost((1, 7, 7, 3), (3, 3, 3)).macs
    675
    """
    checked = DEPTHWISE.check_shapes("depthwise_conv2d_cost", x, kernel)
    checked.geometry(stride, padding, dilation)
    return _sum_of_products(checked, bias)


def grouped_conv2d_cost(
    x: Shape,
    kernel: Shape,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `grouped_conv2d`: B · Dᵥ² · Dᵣ² · M · N / groups multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, M/groups, N); the rest as in `conv2d_cost`.

    >>> grouped_conv2d_cost((1, 7, 7, 4), (3, 3, 2, 6), groups=2).macs
    2700
    """
    checked = GROUPED.check_shapes("grouped_conv2d_cost", x, kernel)
    check_groups(checked, groups)
    checked.geometry(stride, padding, dilation)
    return _sum_of_products(checked, bias)


def transposed_conv2d_cost(
    x: Shape,
    kernel: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    output_padding: Pair = 0,
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `transposed_conv2d`: B · Dᵤ² · Dᵣ² · M · N multiplications, those of the convolution back to x.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, N, M); the rest as in `conv2d_cost`. What padding crops
    counts, as the convolution's products with padding do.

    >>> transposed_conv2d_cost((1, 2, 2, 1), (3, 3, 1, 1), stride=2).macs
    36
    """
    checked = TRANSPOSED.check_shapes("transposed_conv2d_cost", x, kernel)
    boolean("transposed_conv2d_cost", "bias", bias)
    g = checked.transposed_geometry(stride, padding, output_padding, dilation)
    macs, filters = prod(checked.shapes["x"]) * prod(kernel[:3]), int(kernel[2])
    reached = g.batch * filters * math.prod(_reached(axis) for axis in (g.height, g.width))
    additions = macs - reached + (prod(checked.output) if bias else 0)
    return Cost(macs, additions, prod(kernel) + (filters if bias else 0), checked.output)


def _reached(axis: Axis) -> int:
    """The number of rows v·s + i·δ that any inputs reach: those at which none with a smaller v arrives."""
    apart = math.gcd(axis.stride, axis.dilation)
    again = max(axis.output - axis.dilation // apart, 0) * max(axis.kernel - axis.stride // apart, 0)
    return axis.output * axis.kernel - again


def resize_bilinear_cost(x: Shape, size: Pair) -> Cost:
    """The cost of `resize_bilinear`, which multiplies by two full matrices: B·M·(Dᵥ·Dᵤ² + Dᵥ²·Dᵤ) multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), size as in `resize_bilinear`. Of each sum at most two products are not by 0.

    >>> resize_bilinear_cost((1, 2, 2, 1), (4, 4)).macs
    48
    """
    checked = RESIZE.check_shapes("resize_bilinear_cost", x)
    high, wide = checked.resized(size)
    batch, height, width, channels = checked.shapes["x"]
    tall, both = batch * channels * high * width, batch * channels * high * wide
    return Cost(tall * height + both * width, tall * (height - 1) + both * (width - 1), 0, checked.output)


def pointwise_conv2d_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `pointwise_conv2d`: B · Dᵤ² · M · N multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (M, N); the rest as in `conv2d_cost`.

    >>> pointwise_conv2d_cost((1, 5, 5, 3), (3, 128)).macs
    9600
    """
    return _sum_of_products(POINTWISE.check_shapes("pointwise_conv2d_cost", x, kernel), bias)


def dense_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `dense`: B · M · N multiplications. x is the shape (B, M), kernel the shape (M, N).

    >>> dense_cost((1, 1280), (1280, 1000), bias=True).params
    1281000
    """
    return _sum_of_products(DENSE.check_shapes("dense_cost", x, kernel), bias)


def depthwise_separable_conv2d_cost(
    x: Shape,
    depthwise: Shape,
    pointwise: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `depthwise_separable_conv2d`: B · Dᵥ² · (Dᵣ² · M·Q + M·Q · N) multiplications.

    The shapes are those of its arrays; the rest as in `conv2d_cost` (bias counts one after each convolution). `parts`
    holds "depthwise" and "pointwise". Source: the second of the article's two formulas.

    >>> cost = depthwise_separable_conv2d_cost((1, 7, 7, 3), (3, 3, 3), (3, 128))
    >>> cost.macs, cost.parts["depthwise"].macs, cost.parts["pointwise"].macs
    (10275, 675, 9600)
    """
    checked = SEPARABLE.check_shapes("depthwise_separable_conv2d_cost", x, depthwise, pointwise)
    checked.geometry(stride, padding, dilation)
    boolean("depthwise_separable_conv2d_cost", "bias", bias)
    first = depthwise_conv2d_cost(x, depthwise, stride=stride, padding=padding, dilation=dilation, bias=bias)
    return _chain(depthwise=first, pointwise=pointwise_conv2d_cost(first.output_shape, pointwise, bias=bias))


def spatially_separable_conv2d_cost(
    x: Shape,
    column: Shape,
    row: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `spatially_separable_conv2d`: B · Dᵥ · (Dᵤ + Dᵥ) · Dᵣ · M multiplications, the column first.

    The shapes are those of its arrays; the rest as in `conv2d_cost` (bias counts one after each of the two). `parts`
    holds "column" and "row". Filtering along the width first would cost as much only where height and width are alike.

    >>> spatially_separable_conv2d_cost((1, 5, 9, 1), (3, 1), (3, 1)).macs
    144
    """
    checked = SPATIALLY_SEPARABLE.check_shapes("spatially_separable_conv2d_cost", x, column, row)
    g = checked.geometry(stride, padding, dilation)
    boolean("spatially_separable_conv2d_cost", "bias", bias)
    first, second = _column_then_row(g, x, column, row, bias)
    return _chain(column=first, row=second)


def flattened_conv2d_cost(
    x: Shape,
    lateral: Shape,
    vertical: Shape,
    horizontal: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `flattened_conv2d`: B · (Dᵤ² · M + Dᵥ · (Dᵤ + Dᵥ) · Dᵣ) · N multiplications.

    The shapes are those of its arrays; the rest as in `conv2d_cost` (bias counts one after each of the three). `parts`
    holds "lateral", "vertical" and "horizontal", in the order in which they run: with the lateral filters last, all
    M channels would be filtered along the height and the width for each of the N.

    >>> cost = flattened_conv2d_cost((1, 7, 7, 64), (64, 1), (3, 1), (3, 1))
    >>> cost.macs, conv2d_cost((1, 7, 7, 64), (3, 3, 64, 1)).macs
    (3316, 14400)
    """
    checked = FLATTENED.check_shapes("flattened_conv2d_cost", x, lateral, vertical, horizontal)
    g = checked.geometry(stride, padding, dilation)
    boolean("flattened_conv2d_cost", "bias", bias)
    first = pointwise_conv2d_cost(x, lateral, bias=bias)
    second, third = _column_then_row(g, first.output_shape, vertical, horizontal, bias)
    return _chain(lateral=first, vertical=second, horizontal=third)


def shuffled_grouped_conv2d_cost(
    x: Shape,
    kernel: Shape,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `shuffled_grouped_conv2d`: that of `grouped_conv2d`, as the shuffle only moves numbers.

    Arguments and errors as in `grouped_conv2d_cost`.

    >>> shuffled_grouped_conv2d_cost((1, 7, 7, 4), (3, 3, 2, 6), groups=2).macs
    2700
    """
    checked = GROUPED.check_shapes("shuffled_grouped_conv2d_cost", x, kernel)
    check_groups(checked, groups)
    checked.geometry(stride, padding, dilation)
    return _sum_of_products(checked, bias)


def conv3d_cost(
    x: Shape,
    kernel: Shape,
    *,
    stride: Triple = 1,
    padding: Padding = "valid",
    dilation: Triple = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `conv3d`: B · Dᵥ³ · Dᵣ³ · M · N multiplications.

    x is the shape (B, Dᵤ, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, Dᵣ, M, N); the rest as in `conv2d_cost`.

    >>> conv3d_cost((1, 7, 7, 7, 1), (3, 3, 3, 1, 1)).macs
    3375
    """
    checked = STANDARD_3D.check_shapes("conv3d_cost", x, kernel)
    checked.geometry_3d(stride, padding, dilation)
    return _sum_of_products(checked, bias)


def inverted_residual_cost(
    x: Shape,
    expand: Shape | None,
    depthwise: Shape,
    project: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    bias: bool = False,
) -> Cost:
    """The cost of `inverted_residual`: B · (Dᵤ² · k · tk + Dᵥ² · (Dᵣ² + k′) · tk) multiplications.

    The shapes are those of its arrays, expand None where they have none; the rest as in `conv2d_cost`. `parts` holds
    "expand" (unless None), "depthwise" and "project"; the shortcut's additions count, ReLU6 counts nothing. Source: the
    article's Table 1; at stride 1 the formula of the MobileNetV2 paper's section 3.3, h·w·k·t·(k + Dᵣ² + k′).

    >>> cost = inverted_residual_cost((1, 28, 28, 32), (32, 192), (3, 3, 192), (192, 32))
    >>> cost.macs == 28 * 28 * 32 * 6 * (32 + 9 + 32)
    True
    """
    shapes = (x, expand, depthwise, project)
    _, shortcut = inverted_residual_geometry("inverted_residual_cost", shapes, stride, padding, dilation, shapes=True)
    boolean("inverted_residual_cost", "bias", bias)
    parts = {} if expand is None else {"expand": pointwise_conv2d_cost(x, expand, bias=bias)}
    wide = parts["expand"].output_shape if parts else x
    parts["depthwise"] = depthwise_conv2d_cost(
        wide, depthwise, stride=stride, padding=padding, dilation=dilation, bias=bias
    )
    parts["project"] = pointwise_conv2d_cost(parts["depthwise"].output_shape, project, bias=bias)
    return _chain(extra=prod(x) if shortcut else 0, **parts)


def residual_bottleneck_cost(x: Shape, reduce: Shape, spatial: Shape, restore: Shape, *, bias: bool = False) -> Cost:
    """The cost of `residual_bottleneck`, its three convolutions and its shortcut's additions.

    The shapes are those of its arrays; the rest as in `conv2d_cost`. `parts` holds "reduce", "spatial" and "restore".

    >>> residual_bottleneck_cost((1, 28, 28, 256), (256, 64), (3, 3, 64, 64), (64, 256)).macs
    54591488
    """
    RESIDUAL_BOTTLENECK.check_shapes("residual_bottleneck_cost", x, reduce, spatial, restore)
    boolean("residual_bottleneck_cost", "bias", bias)
    first = pointwise_conv2d_cost(x, reduce, bias=bias)
    middle = conv2d_cost(first.output_shape, spatial, padding="same", bias=bias)
    last = pointwise_conv2d_cost(middle.output_shape, restore, bias=bias)
    return _chain(extra=prod(x), reduce=first, spatial=middle, restore=last)


def squeeze_excite_cost(x: Shape, reduce: Shape, reduce_bias: Shape, expand: Shape, expand_bias: Shape) -> Cost:
    """The cost of `squeeze_excite`: 2 · B · M · S multiplications in its two dense layers.

    The shapes are those of its arrays. `parts` holds "pool", which has additions only, "reduce" and "expand". The B ·
    Dᵤ² · M products with the gate are no MACs, as no addition collects them.

    >>> cost = squeeze_excite_cost((1, 28, 28, 72), (72, 24), (24,), (24, 72), (72,))
    >>> cost.macs, cost.params, cost.parts["pool"].additions
    (3456, 3552, 56376)
    """
    checked = SQUEEZE_EXCITE.check_shapes("squeeze_excite_cost", x, reduce, reduce_bias, expand, expand_bias)
    batch, height, width, channels = checked.output
    pool = Cost(0, batch * (height * width - 1) * channels, 0, (batch, channels))
    first = dense_cost(pool.output_shape, reduce, bias=True)
    last = dense_cost(first.output_shape, expand, bias=True)
    return replace(_chain(pool=pool, reduce=first, expand=last), output_shape=checked.output)


def cost_ratio(kernel_size: Pair, out_channels: int, *, depth_multiplier: int = 1) -> Fraction:
    """A depthwise separable convolution's multiplications over a standard one's: Q · (1/N + 1/Dᵣ²), exactly.

    Neither the input's size nor its channels, the stride or the padding enter. It holds for the parameters without a
    bias too, and in training, as backward's two products cost what forward costs each.

    Args:
        kernel_size: Dᵣ, an int or (height, width).
        out_channels: N.
        depth_multiplier: Q.

    Returns:
        The ratio as a Fraction; above 1 the separable convolution is the dearer one.

    Raises:
        TypeError, ValueError: an argument that is not a positive int (or a pair of them).

    Source: the article's "Depth-wise Separable Convolutions".

    >>> cost_ratio(3, 128)
    Fraction(137, 1152)
    """
    taps, filters, multiplier = _sizes("cost_ratio", kernel_size, out_channels, depth_multiplier)
    return multiplier * (Fraction(1, filters) + Fraction(1, taps))


def break_even_multiplier(kernel_size: Pair, out_channels: int) -> Fraction:
    """The depth multiplier at which a separable convolution costs what a standard one does: N·Dᵣ² / (N + Dᵣ²).

    Arguments and errors as in `cost_ratio`, of which it is the reciprocal at Q = 1.

    >>> break_even_multiplier(3, 9)
    Fraction(9, 2)
    """
    _sizes("break_even_multiplier", kernel_size, out_channels)
    return 1 / cost_ratio(kernel_size, out_channels)


def limit_error(kernel_size: Pair, out_channels: int) -> Fraction:
    """By how much of itself the article's approximation 1/Dᵣ² is below the ratio: Dᵣ²/N.

    Arguments and errors as in `cost_ratio`.

    >>> limit_error(3, 90)
    Fraction(1, 10)
    """
    taps, filters, _ = _sizes("limit_error", kernel_size, out_channels)
    return Fraction(taps, filters)


def _sizes(function: str, kernel_size: Pair, out_channels: int, depth_multiplier: int = 1) -> tuple[int, int, int]:
    """Dᵣ², N and Q, checked."""
    sides = pair(function, "kernel_size", kernel_size)
    filters = integer(function, "out_channels", out_channels)
    return math.prod(sides), filters, integer(function, "depth_multiplier", depth_multiplier)


def _sum_of_products(checked: Checked, bias: bool) -> Cost:
    """Every output value is a sum of products, one for each weight of its filter, and of a bias where there is one."""
    boolean(checked.function, "bias", bias)
    outputs, filters, weights = prod(checked.output), checked.output[-1], prod(checked.shapes["kernel"])
    products = weights // filters
    additions = outputs * (products - 1) + (outputs if bias else 0)
    return Cost(outputs * products, additions, weights + (filters if bias else 0), checked.output)


def _column_then_row(g: Geometry, x: Shape, column: Shape, row: Shape, bias: bool) -> list[Cost]:
    """The costs of a filter of one column and then of one row, each a depthwise convolution."""
    costs: list[Cost] = []
    for kernel, along in zip(((column[0], 1, column[1]), (1, *row)), one_axis_each(g), strict=True):
        axes = (along.height, along.width)
        cost = depthwise_conv2d_cost(
            costs[-1].output_shape if costs else x,
            kernel,
            stride=[axis.stride for axis in axes],
            padding=[(axis.before, axis.after) for axis in axes],
            dilation=[axis.dilation for axis in axes],
            bias=bias,
        )
        costs.append(cost)
    return costs


def _chain(extra: int = 0, **parts: Cost) -> Cost:
    """Parts one after the other, and additions that belong to none of them."""
    first, *others = parts.values()
    total = sum(others, start=first)
    return Cost(total.macs, total.additions + extra, total.params, total.output_shape, parts)
