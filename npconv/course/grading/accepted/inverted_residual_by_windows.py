# npconv exercise: inverted-residual
# npconv variant: none
"""Windows and einsum, the shortcut added in place to the new array."""

import numpy as np


def _windows(a, kernel, stride, padding):
    padded = np.pad(a, ((0, 0), *padding, (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    return views[:, :: stride[0], :: stride[1]]  # (B, D, D, C, D, D)


def _stages(x, expand, depthwise, project, stride, padding):
    expanded = x if expand is None else np.einsum("bhwk,kc->bhwc", x, expand)
    wide = x if expand is None else np.clip(expanded, 0, 6)
    filtered = np.einsum("bvwcij,ijc->bvwc", _windows(wide, depthwise, stride, padding), depthwise)
    return expanded, wide, filtered, np.clip(filtered, 0, 6)


def inverted_residual(x, expand, depthwise, project, *, stride=(1, 1), padding=((1, 1), (1, 1))):
    """The stages, and the shortcut added in place to what is new."""
    active = _stages(x, expand, depthwise, project, stride, padding)[-1]
    y = active @ project
    if tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]:
        y += x
    return y


def inverted_residual_backward(dy, x, expand, depthwise, project, *, stride=(1, 1), padding=((1, 1), (1, 1))):
    """The stages from behind; a patch of the gradient at a time."""
    expanded, wide, filtered, active = _stages(x, expand, depthwise, project, stride, padding)
    dproject = np.einsum("bvwc,bvwk->ck", active, dy)
    dfiltered = np.where((filtered > 0) & (filtered < 6), dy @ project.T, 0.0)
    windows = _windows(wide, depthwise, stride, padding)
    ddepthwise = np.einsum("bvwcij,bvwc->ijc", windows, dfiltered)
    (top, bottom), (left, right) = padding
    dpadded = np.zeros((len(x), x.shape[1] + top + bottom, x.shape[2] + left + right, wide.shape[3]))
    for b, v, w, c in np.ndindex(*dfiltered.shape):
        row, column = v * stride[0], w * stride[1]
        patch = dpadded[b, row : row + depthwise.shape[0], column : column + depthwise.shape[1], c]
        patch += dfiltered[b, v, w, c] * depthwise[:, :, c]
    dwide = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    if expand is None:
        dx, dexpand = dwide, None
    else:
        dexpanded = dwide * ((expanded > 0) & (expanded < 6))
        dx, dexpand = dexpanded @ expand.T, np.einsum("bhwk,bhwc->kc", x, dexpanded)
    if tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]:
        dx = dx + dy
    return dx, dexpand, ddepthwise, dproject
