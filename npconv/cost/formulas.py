"""What a convolution costs, by formula: multiplications, additions and parameters from shapes alone.

A MAC is one multiplication with the addition that collects it. Biases, activations and pooling count no MAC; a bias
and a shortcut count their additions. Products with padding's zeros count, as the kernels compute them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..kernels import arguments
from ..kernels.arguments import is_int
from ..kernels.geometry import Array, Padding, Pair

Shape = Sequence[int]


def prod(sizes: Shape) -> int:
    """The product of sizes in Python's ints: NumPy's wrap."""
    return math.prod(map(int, sizes))


@dataclass(frozen=True)
class Cost:
    """What one operation costs, batch included. Costs add up with `+`.

    `macs` are its multiplications, `additions` its additions, `params` the numbers it has learnt; `output_shape` is
    what it returns. `parts` holds the costs of what it is composed of, by name.
    """

    macs: int
    additions: int
    params: int
    output_shape: tuple[int, ...]
    parts: Mapping[str, "Cost"] = field(default_factory=dict)

    @property
    def flops(self) -> int:
        """Multiplications and additions, each counted as one operation."""
        return self.macs + self.additions

    def __add__(self, then: "Cost") -> "Cost":
        """The cost of this operation and then another, whose output it is."""
        macs, additions, params = self.macs + then.macs, self.additions + then.additions, self.params + then.params
        return Cost(macs, additions, params, then.output_shape)


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
    g = arguments.standard("conv2d_cost", _like("x", x), _like("kernel", kernel), stride, padding, dilation)
    return _sum_of_products((*g.output, kernel[3]), prod(kernel[:3]), prod(kernel), bias)


def depthwise_conv2d_cost(
    x: Shape, kernel: Shape, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1, bias: bool = False
) -> Cost:
    """The cost of `depthwise_conv2d`: B · Dᵥ² · Dᵣ² · M · Q multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (Dᵣ, Dᵣ, M·Q); the rest as in `conv2d_cost`.

    >>> depthwise_conv2d_cost((1, 7, 7, 3), (3, 3, 3)).macs
    675
    """
    g = arguments.depthwise("depthwise_conv2d_cost", _like("x", x), _like("kernel", kernel), stride, padding, dilation)
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
    g = arguments.grouped(
        "grouped_conv2d_cost", _like("x", x), _like("kernel", kernel), groups, stride, padding, dilation
    )
    return _sum_of_products((*g.output, kernel[3]), prod(kernel[:3]), prod(kernel), bias)


def pointwise_conv2d_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `pointwise_conv2d`: B · Dᵤ² · M · N multiplications.

    x is the shape (B, Dᵤ, Dᵤ, M), kernel the shape (M, N); the rest as in `conv2d_cost`.

    >>> pointwise_conv2d_cost((1, 5, 5, 3), (3, 128)).macs
    9600
    """
    arguments.pointwise("pointwise_conv2d_cost", _like("x", x), _like("kernel", kernel))
    return _sum_of_products((*x[:3], kernel[1]), kernel[0], prod(kernel), bias)


def dense_cost(x: Shape, kernel: Shape, *, bias: bool = False) -> Cost:
    """The cost of `dense`: B · M · N multiplications. x is the shape (B, M), kernel the shape (M, N).

    >>> dense_cost((1, 1280), (1280, 1000), bias=True).params
    1281000
    """
    arguments.dense("dense_cost", _like("x", x), _like("kernel", kernel))
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
    arguments.separable(
        "depthwise_separable_conv2d_cost",
        _like("x", x),
        _like("depthwise", depthwise),
        _like("pointwise", pointwise),
        stride,
        padding,
        dilation,
    )
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
    shortcut = arguments.inverted_residual(
        "inverted_residual_cost",
        _like("x", x, np.float32),
        None if expand is None else _like("expand", expand, np.float32),
        _like("depthwise", depthwise, np.float32),
        _like("project", project, np.float32),
        stride,
        padding,
        dilation,
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
    shapes = {"x": x, "reduce": reduce, "spatial": spatial, "restore": restore}
    arrays = [_like(name, shape, np.float32) for name, shape in shapes.items()]
    arguments.residual_bottleneck("residual_bottleneck_cost", *arrays)
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
    kernel_height, kernel_width = _sizes("cost_ratio", kernel_size, out_channels, depth_multiplier)
    return depth_multiplier * (Fraction(1, out_channels) + Fraction(1, kernel_height * kernel_width))


def break_even_multiplier(kernel_size: Pair, out_channels: int) -> Fraction:
    """The depth multiplier at which a separable convolution costs what a standard one does: N·Dᵣ² / (N + Dᵣ²).

    Arguments and errors as in `cost_ratio`, of which it is the reciprocal at Q = 1.

    >>> break_even_multiplier(3, 9)
    Fraction(9, 2)
    """
    _sizes("break_even_multiplier", kernel_size, out_channels, 1)
    return 1 / cost_ratio(kernel_size, out_channels)


def limit_error(kernel_size: Pair, out_channels: int) -> Fraction:
    """By how much of itself the article's approximation 1/Dᵣ² is below the ratio: Dᵣ²/N.

    Arguments and errors as in `cost_ratio`.

    >>> limit_error(3, 90)
    Fraction(1, 10)
    """
    kernel_height, kernel_width = _sizes("limit_error", kernel_size, out_channels, 1)
    return Fraction(kernel_height * kernel_width, out_channels)


def _sizes(function: str, kernel_size: Pair, out_channels: int, depth_multiplier: int) -> tuple[int, int]:
    checked = arguments.Arguments(function, arguments.PRODUCTS)
    for name, value in (("out_channels", out_channels), ("depth_multiplier", depth_multiplier)):
        if not is_int(value):
            raise TypeError(f"{function}: {name} must be an int; got {value!r}")
        if value < 1:
            raise ValueError(f"{function}: {name} must be at least 1; got {value!r}")
    return checked.pair("kernel_size", kernel_size, 1)


def _like(name: str, shape: Shape, dtype: type = np.int8) -> Array:
    """An array of that shape which takes no memory, so that the kernels' own checks can judge the shape."""
    if not isinstance(shape, tuple | list) or not all(is_int(n) and n >= 0 for n in shape):
        raise TypeError(f"the shape of {name} must be a tuple of ints that are not negative; got {shape!r}")
    if prod(shape) > np.iinfo(np.intp).max:
        raise ValueError(f"the shape of {name} must have fewer numbers than can be counted; got {tuple(shape)}")
    return np.broadcast_to(np.zeros((), dtype), tuple(shape))


def _sum_of_products(output_shape: Shape, products: int, weights: int, bias: bool) -> Cost:
    """Every output value is a sum of that many products, and of a bias where there is one."""
    outputs, products, channels = prod(output_shape), int(products), int(output_shape[-1])
    additions = outputs * (products - 1) + (outputs if bias else 0)
    return Cost(outputs * products, additions, weights + (channels if bias else 0), tuple(map(int, output_shape)))


def _chain(extra: int = 0, **parts: Cost) -> Cost:
    """Parts one after the other, and additions that belong to none of them."""
    total = sum(parts.values(), start=Cost(0, extra, 0, ()))
    return Cost(total.macs, total.additions, total.params, total.output_shape, parts)
