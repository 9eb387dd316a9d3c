"""The article's two residual blocks: the inverted residual with its linear bottleneck, and the conventional one.

Each is written once, as stages; forward is the last stage, and backward goes through the stages from behind.
"""

from typing import NamedTuple

from . import arguments
from .activations import relu, relu6, relu6_backward, relu_backward
from .depthwise import depthwise_conv2d, depthwise_conv2d_backward
from .geometry import Array, Padding, Pair
from .pointwise import pointwise_conv2d, pointwise_conv2d_backward
from .standard import conv2d, conv2d_backward


class InvertedResidualStages(NamedTuple):
    """What lies inside an inverted residual, in order; the first two are None where there is no expansion (t = 1)."""

    expanded: Array | None  # (B, Dᵤ, Dᵤ, tk)
    expanded_relu6: Array | None  # (B, Dᵤ, Dᵤ, tk)
    depthwise: Array  # (B, Dᵥ, Dᵥ, tk)
    depthwise_relu6: Array  # (B, Dᵥ, Dᵥ, tk)
    projected: Array  # (B, Dᵥ, Dᵥ, k′), linear
    output: Array  # (B, Dᵥ, Dᵥ, k′), with the shortcut where there is one


def inverted_residual_stages(
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> InvertedResidualStages:
    """All that an inverted residual computes, by name. Arguments and errors as in `inverted_residual`.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 2))
    >>> stages = inverted_residual_stages(x, expand, depthwise, project)
    >>> stages.expanded.shape, stages.projected.shape
    ((1, 4, 5, 12), (1, 4, 5, 2))
    """
    shortcut = arguments.inverted_residual(
        "inverted_residual_stages", x, expand, depthwise, project, stride, padding, dilation
    )
    expanded = None if expand is None else pointwise_conv2d(x, expand)
    wide = x if expanded is None else relu6(expanded)
    filtered = depthwise_conv2d(wide, depthwise, stride=stride, padding=padding, dilation=dilation)
    active = relu6(filtered)
    projected = pointwise_conv2d(active, project)
    output = projected + x if shortcut else projected
    return InvertedResidualStages(expanded, None if expand is None else wide, filtered, active, projected, output)


def inverted_residual(
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> Array:
    """The inverted residual with its linear bottleneck: expand, ReLU6, depthwise, ReLU6, project, add the shortcut.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, k), floats.
        expand: the pointwise kernel to t·k channels, (k, tk); None leaves the step and its
            ReLU6 out, the paper's t = 1.
        depthwise: (Dᵣ, Dᵣ, tk), 3×3 in the article.
        project: the pointwise kernel to k′ channels, (tk, k′); nothing non-linear follows it.
        stride, padding, dilation: those of the depthwise convolution, as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, k′). The input is added exactly when the stride is 1 and k = k′.

    Raises:
        TypeError: an argument is not an ndarray of floats, or not an int where one is due.
        ValueError: shapes that don't fit one another, an output that would be empty, or a padding that changes the
            size where the shortcut must be added.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1 and Fig. 8(b); the MobileNetV2
    paper's Table 1. `inverted_residual_stages` gives what lies inside.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 3))
    >>> inverted_residual(x, expand, depthwise, project, stride=2).shape
    (1, 2, 3, 3)
    """
    arguments.inverted_residual("inverted_residual", x, expand, depthwise, project, stride, padding, dilation)
    return inverted_residual_stages(
        x, expand, depthwise, project, stride=stride, padding=padding, dilation=dilation
    ).output


def inverted_residual_backward(
    dy: Array,
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> tuple[Array, Array | None, Array, Array]:
    """The gradients of `inverted_residual`: dx, dexpand (None where expand is None), ddepthwise and dproject.

    dy is (B, Dᵥ, Dᵥ, k′); the rest is what forward took, and so are the errors. With the shortcut dx is dy plus the
    gradient through the branch. What lies between is computed again; derived in docs/lessons/inverted-residual.md.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 2))
    >>> gradients = inverted_residual_backward(np.ones((1, 4, 5, 2)), x, expand, depthwise, project)
    >>> [gradient.shape for gradient in gradients]
    [(1, 4, 5, 2), (2, 12), (3, 3, 12), (12, 2)]
    """
    shortcut = arguments.inverted_residual(
        "inverted_residual_backward", x, expand, depthwise, project, stride, padding, dilation, dy
    )
    stages = inverted_residual_stages(x, expand, depthwise, project, stride=stride, padding=padding, dilation=dilation)
    wide = x if stages.expanded_relu6 is None else stages.expanded_relu6
    dactive, dproject = pointwise_conv2d_backward(dy, stages.depthwise_relu6, project)
    dfiltered = relu6_backward(dactive, stages.depthwise)
    dwide, ddepthwise = depthwise_conv2d_backward(
        dfiltered, wide, depthwise, stride=stride, padding=padding, dilation=dilation
    )
    dexpand = None
    if expand is not None and stages.expanded is not None:
        dexpanded = relu6_backward(dwide, stages.expanded)
        dwide, dexpand = pointwise_conv2d_backward(dexpanded, x, expand)
    return dwide + dy if shortcut else dwide, dexpand, ddepthwise, dproject


def linear_block_kernel(expand: Array, depthwise: Array, project: Array) -> Array:
    """The one standard kernel that an inverted residual without its ReLU6 and its shortcut is.

    kernel[i, j] = expand @ diag(depthwise[i, j]) @ project: without a non-linearity between them the three
    convolutions are one, of rank at most tk at every tap. Zero padding is no obstacle, as expand has no bias.

    Args:
        expand: (k, tk).
        depthwise: (Dᵣ, Dᵣ, tk).
        project: (tk, k′).

    Returns:
        kernel, (Dᵣ, Dᵣ, k, k′).

    Raises:
        TypeError: an argument is not an ndarray of numbers.
        ValueError: shapes that don't fit one another.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer": what the non-linear activations are for.

    >>> linear_block_kernel(np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 5))).shape
    (3, 3, 2, 5)
    """
    arguments.linear_block("linear_block_kernel", expand, depthwise, project)
    return (expand * depthwise[:, :, None, :]) @ project  # (Dᵣ, Dᵣ, k, tk) @ (tk, k′)


class ResidualBottleneckStages(NamedTuple):
    """What lies inside a conventional residual bottleneck, in order."""

    reduced: Array  # (B, Dᵤ, Dᵤ, M′)
    reduced_relu: Array  # (B, Dᵤ, Dᵤ, M′)
    filtered: Array  # (B, Dᵤ, Dᵤ, M″)
    filtered_relu: Array  # (B, Dᵤ, Dᵤ, M″)
    restored: Array  # (B, Dᵤ, Dᵤ, M)
    sum: Array  # (B, Dᵤ, Dᵤ, M)
    output: Array  # (B, Dᵤ, Dᵤ, M), the sum's ReLU


def residual_bottleneck_stages(x: Array, reduce: Array, spatial: Array, restore: Array) -> ResidualBottleneckStages:
    """All that a residual bottleneck computes, by name. Arguments and errors as in `residual_bottleneck`.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> residual_bottleneck_stages(x, reduce, spatial, restore).filtered.shape
    (1, 4, 5, 2)
    """
    arguments.residual_bottleneck("residual_bottleneck_stages", x, reduce, spatial, restore)
    reduced = pointwise_conv2d(x, reduce)
    reduced_relu = relu(reduced)
    filtered = conv2d(reduced_relu, spatial, padding="same")
    filtered_relu = relu(filtered)
    restored = pointwise_conv2d(filtered_relu, restore)
    total = restored + x
    return ResidualBottleneckStages(reduced, reduced_relu, filtered, filtered_relu, restored, total, relu(total))


def residual_bottleneck(x: Array, reduce: Array, spatial: Array, restore: Array) -> Array:
    """The conventional residual bottleneck: reduce, ReLU, filter, ReLU, restore, add the input, ReLU.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M), floats.
        reduce: the pointwise kernel to fewer channels, (M, M′).
        spatial: a standard kernel, (Dᵣ, Dᵣ, M′, M″), applied with "same" padding at stride 1.
        restore: the pointwise kernel back to M channels, (M″, M).

    Returns:
        y, shaped like x.

    Raises:
        TypeError: an argument is not an ndarray of floats.
        ValueError: shapes that don't fit one another.

    Source: the article's Fig. 8(a). `residual_bottleneck_stages` gives what lies inside.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> residual_bottleneck(x, reduce, spatial, restore).shape
    (1, 4, 5, 8)
    """
    arguments.residual_bottleneck("residual_bottleneck", x, reduce, spatial, restore)
    return residual_bottleneck_stages(x, reduce, spatial, restore).output


def residual_bottleneck_backward(
    dy: Array, x: Array, reduce: Array, spatial: Array, restore: Array
) -> tuple[Array, Array, Array, Array]:
    """The gradients of `residual_bottleneck`: dx, dreduce, dspatial and drestore.

    dy is shaped like x; the rest is what forward took, and so are the errors. What lies between is computed again.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> gradients = residual_bottleneck_backward(np.ones((1, 4, 5, 8)), x, reduce, spatial, restore)
    >>> [gradient.shape for gradient in gradients]
    [(1, 4, 5, 8), (8, 2), (3, 3, 2, 2), (2, 8)]
    """
    arguments.residual_bottleneck("residual_bottleneck_backward", x, reduce, spatial, restore, dy)
    stages = residual_bottleneck_stages(x, reduce, spatial, restore)
    dsum = relu_backward(dy, stages.sum)
    dfiltered_relu, drestore = pointwise_conv2d_backward(dsum, stages.filtered_relu, restore)
    dfiltered = relu_backward(dfiltered_relu, stages.filtered)
    dreduced_relu, dspatial = conv2d_backward(dfiltered, stages.reduced_relu, spatial, padding="same")
    dreduced = relu_backward(dreduced_relu, stages.reduced)
    dbranch, dreduce = pointwise_conv2d_backward(dreduced, x, reduce)
    return dbranch + dsum, dreduce, dspatial, drestore
