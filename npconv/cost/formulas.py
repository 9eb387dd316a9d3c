"""What a convolution costs, by formula: multiplications, additions and parameters from shapes alone.

A MAC is one multiplication with the addition that collects it. Biases, activations and pooling count no MAC; a bias
and a shortcut count their additions. Products with padding's zeros count, as the kernels compute them.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ..kernels import arguments
from ..kernels.arguments import integer, is_int, shown
from ..kernels.geometry import Padding, Pair

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
    arrays = _like("conv2d_cost", bias, x=x, kernel=kernel)
    g = arguments.standard("conv2d_cost", **arrays, stride=stride, padding=padding, dilation=dilation)
    return _sum_of_products((*g.output, kernel[3]), prod(kernel[:3]), prod(kernel), bias)


def depthwise_conv2d_cost(
    x: Shape, kernel: Shape, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1, bias: bool = False
) -> Cost:
    """The cost of `depthwise_conv2d`: B · Dᵥ² · Dᵣ² · M · Q multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, M·Q); the rest as in `conv2d_cost`.

    >>> depthwise_conv2d_cost((1, 7, 7, 3), (3, 3, 3)).macs
    675
    """
    arrays = _like("depthwise_conv2d_cost", bias, x=x, kernel=kernel)
    g = arguments.depthwise("depthwise_conv2d_cost", **arrays, stride=stride, padding=padding, dilation=dilation)
    return _sum_of_products((*g.output, kernel[2]), prod(kernel[:2]), prod(kernel), bias)


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
    arrays = _like("grouped_conv2d_cost", bias, x=x, kernel=kernel)
    g, _ = arguments.grouped(
        "grouped_conv2d_cost", **arrays, groups=groups, stride=stride, padding=padding, dilation=dilation
    )
    return _sum_of_products((*g.output, kernel[3]), prod(kernel[:3]), prod(kernel), bias)


def pointwise_conv2d_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `pointwise_conv2d`: B · Dᵤ² · M · N multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (M, N); the rest as in `conv2d_cost`.

    >>> pointwise_conv2d_cost((1, 5, 5, 3), (3, 128)).macs
    9600
    """
    arguments.pointwise("pointwise_conv2d_cost", **_like("pointwise_conv2d_cost", bias, x=x, kernel=kernel))
    return _sum_of_products((*x[:3], kernel[1]), kernel[0], prod(kernel), bias)


def dense_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `dense`: B · M · N multiplications. x is the shape (B, M), kernel the shape (M, N).

    >>> dense_cost((1, 1280), (1280, 1000), bias=True).params
    1281000
    """
    arguments.dense("dense_cost", **_like("dense_cost", bias, x=x, kernel=kernel))
    return _sum_of_products((x[0], kernel[1]), kernel[0], prod(kernel), bias)


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
    arrays = _like("depthwise_separable_conv2d_cost", bias, x=x, depthwise=depthwise, pointwise=pointwise)
    arguments.separable("depthwise_separable_conv2d_cost", **arrays, stride=stride, padding=padding, dilation=dilation)
    first = depthwise_conv2d_cost(x, depthwise, stride=stride, padding=padding, dilation=dilation, bias=bias)
    return _chain(depthwise=first, pointwise=pointwise_conv2d_cost(first.output_shape, pointwise, bias=bias))


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
    shapes = {"x": x, "depthwise": depthwise, "project": project} | ({} if expand is None else {"expand": expand})
    arrays = {"expand": None} | _like("inverted_residual_cost", bias, **shapes)
    shortcut = arguments.inverted_residual(
        "inverted_residual_cost", **arrays, stride=stride, padding=padding, dilation=dilation
    )
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
    arrays = _like("residual_bottleneck_cost", bias, x=x, reduce=reduce, spatial=spatial, restore=restore)
    arguments.residual_bottleneck("residual_bottleneck_cost", **arrays)
    first = pointwise_conv2d_cost(x, reduce, bias=bias)
    middle = conv2d_cost(first.output_shape, spatial, padding="same", bias=bias)
    last = pointwise_conv2d_cost(middle.output_shape, restore, bias=bias)
    return _chain(extra=prod(x), reduce=first, spatial=middle, restore=last)


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
    sides = arguments.Arguments(function, arguments.PRODUCTS).pair("kernel_size", kernel_size, 1)
    filters = integer(function, "out_channels", out_channels)
    return math.prod(sides), filters, integer(function, "depth_multiplier", depth_multiplier)


def _like(function: str, bias: bool, **shapes: Shape) -> dict[str, Any]:
    """Arrays of these shapes which take no memory, so that the kernels' own checks can judge the shapes."""
    arguments.boolean(function, "bias", bias)
    for name, shape in shapes.items():
        if not isinstance(shape, tuple | list) or not all(is_int(n) and n >= 0 for n in shape):
            raise TypeError(f"{function}: {name} must be a shape, a tuple of ints not below 0; got {shown(shape)}")
        if prod(shape) > arguments.MOST:
            raise ValueError(f"{function}: {name} must have at most {arguments.MOST:,} numbers; got {shown(shape)}")
    return {name: np.broadcast_to(np.float32(0), tuple(map(int, shape))) for name, shape in shapes.items()}


def _sum_of_products(output_shape: Shape, products: int, weights: int, bias: bool) -> Cost:
    """Every output value is a sum of that many products, and of a bias where there is one."""
    outputs, products, channels = prod(output_shape), int(products), int(output_shape[-1])
    additions = outputs * (products - 1) + (outputs if bias else 0)
    return Cost(outputs * products, additions, weights + (channels if bias else 0), tuple(map(int, output_shape)))


def _chain(extra: int = 0, **parts: Cost) -> Cost:
    """Parts one after the other, and additions that belong to none of them."""
    first, *others = parts.values()
    total = sum(others, start=first)
    return Cost(total.macs, total.additions + extra, total.params, total.output_shape, parts)
