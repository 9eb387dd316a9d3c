"""The article's two residual blocks: the inverted residual with its linear bottleneck, and the conventional one.

Each is written once, as stages; forward is the last stage, and backward visits the stages in reverse. Arguments are
checked once, at the top: the functions `…_unchecked` and those of `engine` are the kernels without checks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import engine
from .activations import relu6_backward_unchecked, relu6_unchecked, relu_backward_unchecked, relu_unchecked
from .geometry import Array, Geometry, Padding, Pair
from .pointwise import pointwise_backward_unchecked, pointwise_unchecked
from .signatures import INVERTED_RESIDUAL, LINEAR_BLOCK, RESIDUAL_BOTTLENECK, UNEXPANDED_RESIDUAL


def has_shortcut(stride: tuple[int, int], in_channels: int, out_channels: int) -> bool:
    """The condition of an inverted residual's shortcut: stride 1 and k = k′, so that the input can be added.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer"; the MobileNetV2 paper's section 3.3.

    >>> has_shortcut((1, 1), 24, 24), has_shortcut((2, 2), 24, 24), has_shortcut((1, 1), 24, 32)
    (True, False, False)
    """
    return stride == (1, 1) and in_channels == out_channels


class InvertedResidualStages(NamedTuple):
    """The stages of an inverted residual, in order; the first two are None where there is no expansion (t = 1)."""

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
    """All stages of an inverted residual, by name. Arguments and errors as in `inverted_residual`.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 2))
    >>> stages = inverted_residual_stages(x, expand, depthwise, project)
    >>> stages.expanded.shape, stages.projected.shape
    ((1, 4, 5, 12), (1, 4, 5, 2))
    """
    arrays = (x, expand, depthwise, project)
    g, shortcut = inverted_residual_geometry("inverted_residual_stages", arrays, stride, padding, dilation)
    return block_stages(g, shortcut, *arrays)


def block_stages(
    g: Geometry, shortcut: bool, x: Array, expand: Array | None, depthwise: Array, project: Array
) -> InvertedResidualStages:
    """The stages of an inverted residual whose arguments are checked."""
    expanded = None if expand is None else pointwise_unchecked(x, expand)  # (B, Dᵤ, Dᵤ, tk)
    expanded_relu6 = None if expanded is None else relu6_unchecked(expanded)  # (B, Dᵤ, Dᵤ, tk)
    wide = x if expanded_relu6 is None else expanded_relu6
    filtered = engine.depthwise_conv2d(g, wide, depthwise)  # (B, Dᵥ, Dᵥ, tk)
    filtered_relu6 = relu6_unchecked(filtered)  # (B, Dᵥ, Dᵥ, tk)
    projected = pointwise_unchecked(filtered_relu6, project)  # (B, Dᵥ, Dᵥ, k′), linear: no activation follows
    output = projected + x if shortcut else projected
    return InvertedResidualStages(expanded, expanded_relu6, filtered, filtered_relu6, projected, output)


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
        TypeError: an argument is not an ndarray of floats, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, an output that would be empty, or a padding that changes the
            size where the shortcut must be added.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1 and Fig. 8(b); the MobileNetV2
    paper's Table 1. `inverted_residual_stages` gives its stages.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 3))
    >>> inverted_residual(x, expand, depthwise, project, stride=2).shape
    (1, 2, 3, 3)
    """
    arrays = (x, expand, depthwise, project)
    g, shortcut = inverted_residual_geometry("inverted_residual", arrays, stride, padding, dilation)
    return block_stages(g, shortcut, *arrays).output


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
    gradient through the branch. Intermediate values are recomputed; derived in docs/lessons/inverted-residual.md.

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 2))
    >>> gradients = inverted_residual_backward(np.ones((1, 4, 5, 2)), x, expand, depthwise, project)
    >>> [gradient.shape for gradient in gradients]
    [(1, 4, 5, 2), (2, 12), (3, 3, 12), (12, 2)]
    """
    arrays = (x, expand, depthwise, project)
    g, shortcut = inverted_residual_geometry("inverted_residual_backward", (dy, *arrays), stride, padding, dilation)
    stages = block_stages(g, shortcut, *arrays)
    wide = x if stages.expanded_relu6 is None else stages.expanded_relu6
    dfiltered_relu6, dproject = pointwise_backward_unchecked(dy, stages.depthwise_relu6, project)
    dfiltered = relu6_backward_unchecked(dfiltered_relu6, stages.depthwise)
    dwide, ddepthwise = engine.depthwise_conv2d_backward(g, dfiltered, wide, depthwise)
    dx, dexpand = dwide, None
    if expand is not None and stages.expanded is not None:  # both are None, or none
        dexpanded = relu6_backward_unchecked(dwide, stages.expanded)
        dx, dexpand = pointwise_backward_unchecked(dexpanded, x, expand)
    return dx + dy if shortcut else dx, dexpand, ddepthwise, dproject


def inverted_residual_geometry(
    function: str,
    arrays: Sequence[Any],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    *,
    shapes: bool = False,
) -> tuple[Geometry, bool]:
    """Check x, expand (or None), depthwise and project, and dy in front of them in backward.

    Returns the geometry of the depthwise convolution, and whether the block has the shortcut. With `shapes` the arrays'
    shapes are given instead.
    """
    *before, expand, depthwise, project = arrays
    row, given = INVERTED_RESIDUAL, arrays
    if expand is None:
        row, given = UNEXPANDED_RESIDUAL, [*before, depthwise, project]
    checked = row.check_shapes(function, *given) if shapes else row.check(function, *given)
    g = checked.geometry(stride, padding, dilation)
    shortcut = has_shortcut((g.height.stride, g.width.stride), checked.sizes["k"], checked.sizes["k′"])
    if shortcut and g.output[1:] != checked.sizes["Dᵤ"]:
        checked.fail(
            f"at stride 1 with k = k′ the shortcut is added, so padding must keep x's height and width, and "
            f"{padding!r} with dilation {dilation!r} gives {g.output[1:]}"
        )
    return g, shortcut


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
    LINEAR_BLOCK.check("linear_block_kernel", expand, depthwise, project)
    return (expand * depthwise[:, :, None, :]) @ project  # (Dᵣ, Dᵣ, k, tk) @ (tk, k′)


class ResidualBottleneckStages(NamedTuple):
    """The stages of a conventional residual bottleneck, in order."""

    reduced: Array  # (B, Dᵤ, Dᵤ, M′)
    reduced_relu: Array  # (B, Dᵤ, Dᵤ, M′)
    filtered: Array  # (B, Dᵤ, Dᵤ, M″)
    filtered_relu: Array  # (B, Dᵤ, Dᵤ, M″)
    restored: Array  # (B, Dᵤ, Dᵤ, M)
    sum: Array  # (B, Dᵤ, Dᵤ, M)
    output: Array  # (B, Dᵤ, Dᵤ, M), the sum's ReLU


def residual_bottleneck_stages(x: Array, reduce: Array, spatial: Array, restore: Array) -> ResidualBottleneckStages:
    """All stages of a residual bottleneck, by name. Arguments and errors as in `residual_bottleneck`.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> residual_bottleneck_stages(x, reduce, spatial, restore).filtered.shape
    (1, 4, 5, 2)
    """
    checked = RESIDUAL_BOTTLENECK.check("residual_bottleneck_stages", x, reduce, spatial, restore)
    return bottleneck_stages(checked.geometry(padding="same"), x, reduce, spatial, restore)


def bottleneck_stages(g: Geometry, x: Array, reduce: Array, spatial: Array, restore: Array) -> ResidualBottleneckStages:
    """The stages of a residual bottleneck whose arguments are checked."""
    reduced = pointwise_unchecked(x, reduce)  # (B, Dᵤ, Dᵤ, M′)
    reduced_relu = relu_unchecked(reduced)
    filtered = engine.conv2d(g, reduced_relu, spatial)  # (B, Dᵤ, Dᵤ, M″)
    filtered_relu = relu_unchecked(filtered)
    restored = pointwise_unchecked(filtered_relu, restore)  # (B, Dᵤ, Dᵤ, M)
    total = restored + x
    output = relu_unchecked(total)
    return ResidualBottleneckStages(reduced, reduced_relu, filtered, filtered_relu, restored, total, output)


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

    Source: the article's Fig. 8(a). `residual_bottleneck_stages` gives its stages.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> residual_bottleneck(x, reduce, spatial, restore).shape
    (1, 4, 5, 8)
    """
    checked = RESIDUAL_BOTTLENECK.check("residual_bottleneck", x, reduce, spatial, restore)
    return bottleneck_stages(checked.geometry(padding="same"), x, reduce, spatial, restore).output


def residual_bottleneck_backward(
    dy: Array, x: Array, reduce: Array, spatial: Array, restore: Array
) -> tuple[Array, Array, Array, Array]:
    """The gradients of `residual_bottleneck`: dx, dreduce, dspatial and drestore.

    dy is shaped like x; the rest is what forward took, and so are the errors. Intermediate values are recomputed.

    >>> x, reduce, spatial, restore = np.ones((1, 4, 5, 8)), np.ones((8, 2)), np.ones((3, 3, 2, 2)), np.ones((2, 8))
    >>> gradients = residual_bottleneck_backward(np.ones((1, 4, 5, 8)), x, reduce, spatial, restore)
    >>> [gradient.shape for gradient in gradients]
    [(1, 4, 5, 8), (8, 2), (3, 3, 2, 2), (2, 8)]
    """
    checked = RESIDUAL_BOTTLENECK.check("residual_bottleneck_backward", dy, x, reduce, spatial, restore)
    g = checked.geometry(padding="same")
    stages = bottleneck_stages(g, x, reduce, spatial, restore)
    dsum = relu_backward_unchecked(dy, stages.sum)
    dfiltered_relu, drestore = pointwise_backward_unchecked(dsum, stages.filtered_relu, restore)
    dfiltered = relu_backward_unchecked(dfiltered_relu, stages.filtered)
    dreduced_relu, dspatial = engine.conv2d_backward(g, dfiltered, stages.reduced_relu, spatial)
    dreduced = relu_backward_unchecked(dreduced_relu, stages.reduced)
    dbranch, dreduce = pointwise_backward_unchecked(dreduced, x, reduce)
    return dbranch + dsum, dreduce, dspatial, drestore
