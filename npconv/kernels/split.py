"""The inverted residual in groups of its inner channels: the same function in less memory, the paper's section 5.1.

Between its two pointwise convolutions the block keeps the channels apart, so its branch is a sum over groups of them,
F(x) = Σ_i (Aᵢ ∘ N ∘ Bᵢ)(x), and only one group's maps need to exist at a time.
"""

from itertools import pairwise

import numpy as np

from . import engine
from .activations import relu6_unchecked
from .arguments import integer
from .blocks import inverted_residual_geometry
from .geometry import Array, Axis, Geometry, Padding, Pair


def inverted_residual_split(
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> Array:
    """The inverted residual, one group of its inner channels after the other: expanded, filtered, projected, added up.

    The result is that of `inverted_residual` up to the order of the sums, and so are the gradients
    (`inverted_residual_backward`). Any number of groups takes the same multiplications and additions. Besides x and y
    it holds, of one group, the padded expanded map and the filtered one, as docs/memory.md derives and measures.

    Args:
        x, expand, depthwise, project, stride, padding, dilation: as in `inverted_residual`.
        groups: into how many groups the tk inner channels are split, from 1 to tk (the paper's t, there from 2 to 5);
            where it does not divide tk, their sizes differ by one.

    Returns:
        y, (B, Dᵥ, Dᵥ, k′).

    Raises:
        TypeError, ValueError: as `inverted_residual`, and for groups that are no int, below 1 or above tk.

    Source: the MobileNetV2 paper's section 5.1, where a group is (Aᵢ ∘ N ∘ Bᵢ)(x).

    >>> x, expand, depthwise, project = np.ones((1, 4, 5, 2)), np.ones((2, 12)), np.ones((3, 3, 12)), np.ones((12, 3))
    >>> y = inverted_residual_split(x, expand, depthwise, project, groups=5)
    >>> np.array_equal(y, inverted_residual(x, expand, depthwise, project))
    True
    """
    arrays = (x, expand, depthwise, project)
    groups = integer("inverted_residual_split", "groups", groups)
    g, shortcut = inverted_residual_geometry("inverted_residual_split", arrays, stride, padding, dilation)
    if groups > len(project):
        raise ValueError(f"inverted_residual_split: groups must be from 1 to tk = {len(project)}; got {groups}")
    padded = Geometry(g.batch, *(Axis(a.padded, a.kernel, a.stride, a.dilation) for a in (g.height, g.width)))
    y = g.zeros(project.shape[1], *(a for a in arrays if a is not None))  # (B, Dᵥ, Dᵥ, k′)
    for start, stop in pairwise(len(project) * group // groups for group in range(groups + 1)):
        group = slice(start, stop)
        wide = _expanded(x, expand, group, g)  # (B, padded Dᵤ, padded Dᵤ, tk/groups)
        filtered = engine.depthwise_conv2d(padded, wide, depthwise[..., group])
        del wide  # with two groups' maps at a time less would be saved
        _relu6_in_place(filtered)  # (B, Dᵥ, Dᵥ, tk/groups)
        for row in range(g.height.output):  # row by row, or their sum would need a second map as large as y
            y[:, row] += filtered[:, row] @ project[group]  # (B, Dᵥ, tk/groups) @ (tk/groups, k′)
        del filtered
    if shortcut:
        y += x
    return y


def _expanded(x: Array, expand: Array | None, group: slice, g: Geometry) -> Array:
    """A group's channels, expanded and activated, with the depthwise convolution's zeros around them, in one array."""
    if expand is None:
        return g.pad(x[..., group])
    dtype = np.result_type(x.dtype, expand.dtype)
    wide = np.zeros((g.batch, g.height.padded, g.width.padded, group.stop - group.start), dtype)
    np.matmul(x, expand[:, group], out=wide[:, g.height.inside, g.width.inside])
    _relu6_in_place(wide)
    return wide


def _relu6_in_place(a: Array) -> None:
    if a.dtype.kind == "f":
        np.clip(a, 0, 6, out=a)
    else:
        a[...] = relu6_unchecked(a)
