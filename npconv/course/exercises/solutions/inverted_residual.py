"""A right answer to the exercise inverted-residual."""

import numpy as np


def _relu6(x):
    return np.clip(x, 0, 6)


def _taps(height, width, kernel, stride):
    """For every tap its place, and the rows and columns of the padded map that it meets."""
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            yield i, j, rows, columns


def _filtered(padded, kernel, stride):
    """The depthwise convolution of a padded map."""
    height = (padded.shape[1] - kernel.shape[0]) // stride[0] + 1
    width = (padded.shape[2] - kernel.shape[1]) // stride[1] + 1
    y = np.zeros((padded.shape[0], height, width, kernel.shape[2]))
    for i, j, rows, columns in _taps(height, width, kernel, stride):
        y += padded[:, rows, columns] * kernel[i, j]
    return y


def inverted_residual(x, expand, depthwise, project, *, stride=(1, 1), padding=((1, 1), (1, 1))):
    """Expand, ReLU6, filter, ReLU6, project, and add x where stride and channels allow."""
    wide = x if expand is None else _relu6(x @ expand)
    padded = np.pad(wide, ((0, 0), *padding, (0, 0)))
    active = _relu6(_filtered(padded, depthwise, stride))
    y = active @ project
    if tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]:
        y = y + x
    return y


def inverted_residual_backward(dy, x, expand, depthwise, project, *, stride=(1, 1), padding=((1, 1), (1, 1))):
    """Through the stages from behind."""
    expanded = x if expand is None else x @ expand
    wide = x if expand is None else _relu6(expanded)
    padded = np.pad(wide, ((0, 0), *padding, (0, 0)))
    filtered = _filtered(padded, depthwise, stride)
    active = _relu6(filtered)

    dproject = np.einsum("bvwc,bvwn->cn", active, dy)
    dactive = dy @ project.T
    dfiltered = dactive * ((filtered > 0) & (filtered < 6))
    dpadded = np.zeros(padded.shape)
    ddepthwise = np.zeros(depthwise.shape)
    for i, j, rows, columns in _taps(dy.shape[1], dy.shape[2], depthwise, stride):
        ddepthwise[i, j] = (padded[:, rows, columns] * dfiltered).sum(axis=(0, 1, 2))
        dpadded[:, rows, columns] += dfiltered * depthwise[i, j]
    top, left = padding[0][0], padding[1][0]
    dwide = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    if expand is None:
        dexpand, dx = None, dwide
    else:
        dexpanded = dwide * ((expanded > 0) & (expanded < 6))
        dexpand = np.einsum("bvwm,bvwc->mc", x, dexpanded)
        dx = dexpanded @ expand.T
    if tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]:
        dx = dx + dy
    return dx, dexpand, ddepthwise, dproject
