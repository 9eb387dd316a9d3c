"""The head of a classifier, after its convolutions: the global average pool and the loss."""

from typing import Any

import numpy as np

from .arguments import check_scalar
from .geometry import Array
from .signatures import GLOBAL_AVERAGE_POOL, check_targets
from .sums import image_sums, native, rounded, wider, working

FEW_CLASSES = 32  # up to which log_softmax is faster transposed: of 11 and 4096 rows 0.2; of 1000 and 64 rows 1.4


def global_average_pool(x: Array) -> Array:
    """Each channel's mean over height and width, (B, Dᵤ, Dᵤ, M) to (B, M); integers give float64.

    Raises TypeError where x is not an ndarray of numbers, ValueError where it has not four axes. Source: the avgpool
    row of the article's Fig. 9.

    >>> global_average_pool(np.arange(12.0).reshape(1, 2, 3, 2))
    array([[5., 6.]])
    """
    GLOBAL_AVERAGE_POOL.check("global_average_pool", x)
    count = x.shape[1] * x.shape[2]
    mean: Array = (x.sum(axis=(1, 2)) if x.dtype.kind == "O" else image_sums(x)) / count  # (B, M)
    return rounded(mean, x) if x.dtype.kind in "fc" else mean


def global_average_pool_backward(dy: Array, x: Array) -> Array:
    """The gradient of `global_average_pool`: dy (B, M) spread evenly over the positions, shaped like x.

    >>> global_average_pool_backward(np.array([[6.0]]), np.zeros((1, 2, 3, 1)))[0, :, :, 0]
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """
    GLOBAL_AVERAGE_POOL.check("global_average_pool_backward", dy, x)
    share = wider(dy)[:, None, None, :] / (x.shape[1] * x.shape[2])  # (B, 1, 1, M)
    return np.tile(rounded(share, dy) if dy.dtype.kind in "fc" else share, (1, *x.shape[1:3], 1))


def softmax_cross_entropy(logits: Array, targets: Array) -> Any:
    """The cross-entropy of softmax(logits) against the targets, averaged over the batch, in nats.

    Args:
        logits: (B, N), real floats.
        targets: (B,) integer class labels, or (B, N) probabilities (smoothed labels, say), each row summing to 1.

    Returns:
        The loss, a NumPy scalar in logits' dtype.

    Raises:
        TypeError: logits are not an ndarray of real floats, or targets of neither kind.
        ValueError: shapes that don't fit one another, a label out of range, rows that are not probabilities.

    Source: the loss that the MobileNetV2 paper's networks are trained with (section 6.1).

    >>> loss = softmax_cross_entropy(np.zeros((2, 4)), np.array([3, 0]))
    >>> bool(np.isclose(loss, np.log(4)))
    True
    """
    check_targets("softmax_cross_entropy", logits, targets)
    probabilities = _probabilities(targets, logits)  # (B, N)
    losses = np.zeros(logits.shape, working(logits))  # where a class has no probability: 0 · ∞ would be NaN
    np.multiply(probabilities, -log_softmax(logits), where=probabilities > 0, out=losses)
    return native(logits).type(losses.sum(axis=1).mean(dtype=np.result_type(losses, np.float64)))


def softmax_cross_entropy_backward(dy: Any, logits: Array, targets: Array) -> Array:
    """The gradient of `softmax_cross_entropy` for the logits, (B, N): (softmax − targets) · dy / B.

    dy is a real scalar, like the loss. Targets get no gradient. Errors as in `softmax_cross_entropy`, and TypeError
    where dy is not a scalar.

    >>> softmax_cross_entropy_backward(1.0, np.zeros((1, 4)), np.array([3]))
    array([[ 0.25,  0.25,  0.25, -0.75]])
    """
    check_targets("softmax_cross_entropy_backward", logits, targets)
    check_scalar("softmax_cross_entropy_backward", "dy", dy)
    with np.errstate(under="ignore"):
        softmax = np.exp(log_softmax(logits))  # (B, N)
        return rounded((softmax - _probabilities(targets, logits)) * (dy / len(logits)), logits)  # (B, N)


def log_softmax(logits: Array) -> Array:
    """log(exp(logits) / Σ exp(logits)), a row at a time, in float32 at least; −∞ where a probability underflows."""
    return _log_and_exponentials(logits)[0]


def log_softmax_and_softmax(logits: Array) -> tuple[Array, Array]:
    """`log_softmax` and exp(logits) / Σ exp(logits), from the same exponentials."""
    log_shares, exponentials, total = _log_and_exponentials(logits)
    with np.errstate(under="ignore"):
        exponentials /= total
    return log_shares, exponentials


def _log_and_exponentials(logits: Array) -> tuple[Array, Array, Array]:
    """`log_softmax`, the exponentials of each row less its largest logit, and their sums, (…, 1).

    NumPy is slow along rows of a few numbers, so a few classes are transposed first.
    """
    few, axis = logits.shape[-1] <= FEW_CLASSES, logits.ndim - 1
    if few:
        logits, axis = np.moveaxis(logits, -1, 0), 0  # (N, …)
    logits = np.ascontiguousarray(wider(logits))  # so that long rows are summed in pairs
    with np.errstate(over="ignore", under="ignore"):
        log_shares: Array = logits - logits.max(axis=axis, keepdims=True)  # the largest is 0: no exponential overflows
        exponentials = np.exp(log_shares)
        total = exponentials.sum(axis=axis, keepdims=True)
        log_shares -= np.log(total)
    if few:
        log_shares, exponentials, total = (np.moveaxis(a, 0, -1) for a in (log_shares, exponentials, total))
    return log_shares, exponentials, total


def _probabilities(targets: Array, logits: Array) -> Array:
    """Class labels as rows of the identity, probabilities unchanged, in the working dtype."""
    if targets.dtype.kind == "f":
        return targets.astype(working(logits), copy=False)
    rows: Array = np.zeros(logits.shape, working(logits))  # (B, N)
    rows[np.arange(len(rows)), targets] = 1
    return rows
