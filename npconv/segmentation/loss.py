"""The loss of semantic segmentation: softmax cross-entropy at each pixel, without the pixels of an ignored label."""

from typing import Any

import numpy as np

from ..kernels.arguments import check_axes, check_scalar, real
from ..kernels.geometry import Array
from ..kernels.head import log_softmax
from ..kernels.sums import native, rounded
from .checking import kept_labels


def pixel_cross_entropy(
    logits: Array, labels: Array, *, ignore: int | None = 255, divisor: float | None = None
) -> Any:  # fmt: skip
    """The cross-entropy of softmax(logits) against the labels: the mean over the pixels that are not ignored, in nats.

    Pixels whose label is `ignore` count neither in the sum nor in its divisor, and their logits are not read. A divisor
    of one's own weighs images of few objects as much as others: the sum over the kept pixels is divided by it, say by
    the number of pixels that are not background.

    Args:
        logits: (B, Dᵤ, Dᵤ, C), real floats.
        labels: (B, Dᵤ, Dᵤ), integers from 0 to C − 1, or `ignore`.
        ignore: the label of pixels that do not count; None if there is none.
        divisor: what the sum is divided by, above 0; None for the number of kept pixels.

    Returns:
        The loss, a NumPy scalar in logits' dtype; 0 if all pixels are ignored. It is NaN if a kept pixel has a logit
        of NaN or +∞.

    Raises:
        TypeError: an array of the wrong kind, ignore is not an int, or divisor not a number.
        ValueError: labels that are not shaped like the maps of logits, a label out of range, or a divisor that is not
            above 0.

    Source: https://arxiv.org/abs/1606.00915, section 4.1: the mean of the pixels' cross-entropies.

    >>> logits, labels = np.zeros((1, 2, 2, 3)), np.array([[[0, 255], [255, 255]]])
    >>> loss = pixel_cross_entropy(logits, labels)
    >>> bool(np.isclose(loss, np.log(3)))
    True
    """
    kept, own, count = _checked("pixel_cross_entropy", logits, labels, ignore, divisor)
    return _loss(log_softmax(logits[kept]), own, count, logits)


def pixel_cross_entropy_backward(
    dy: Any, logits: Array, labels: Array, *, ignore: int | None = 255, divisor: float | None = None
) -> Array:
    """The gradient of `pixel_cross_entropy` for the logits, (B, Dᵤ, Dᵤ, C).

    It is (softmax(logits) − onehot(labels)) · dy / divisor at a kept pixel, and 0 at an ignored one. dy is a real
    scalar, like the loss. Labels get no gradient. Errors as in `pixel_cross_entropy`, and TypeError where dy is not a
    scalar.

    >>> logits, labels = np.zeros((1, 1, 2, 4)), np.array([[[3, 255]]])
    >>> pixel_cross_entropy_backward(1.0, logits, labels)
    array([[[[ 0.25,  0.25,  0.25, -0.75],
             [ 0.  ,  0.  ,  0.  ,  0.  ]]]])
    """
    kept, own, count = _checked("pixel_cross_entropy_backward", logits, labels, ignore, divisor)
    check_scalar("pixel_cross_entropy_backward", "dy", dy)
    return _gradient(log_softmax(logits[kept]), own, dy, count, kept, logits)


def loss_and_gradient(logits: Array, labels: Array, ignore: int | None, divisor: float | None) -> tuple[Any, Array]:
    """The loss of `pixel_cross_entropy` and its gradient, from one softmax, for a step of training."""
    kept, own, count = _checked("pixel_cross_entropy", logits, labels, ignore, divisor)
    log_shares = log_softmax(logits[kept])  # (R, C)
    return _loss(log_shares, own, count, logits), _gradient(log_shares, own, 1.0, count, kept, logits)


def _checked(
    function: str, logits: Array, labels: Array, ignore: Any, divisor: Any
) -> tuple[Array, tuple[Array, Array], float]:
    """The R kept pixels, the index of each one's class in (R, C), and the divisor, once all is checked."""
    check_axes(function, "logits", logits, ("B", "Dᵤ", "Dᵤ", "C"), "fc")
    if not logits.size:
        raise ValueError(f"{function}: logits must be (B, Dᵤ, Dᵤ, C), every axis at least 1; got logits {logits.shape}")
    check_axes(function, "labels", labels, logits.shape[:3], "iu")
    kept, own = kept_labels(function, "labels", labels, logits.shape[-1], ignore)
    count = max(1, len(own)) if divisor is None else real(function, "divisor", divisor, above=0)
    return kept, (np.arange(len(own), dtype=np.int64), own), count


def _loss(log_shares: Array, own: tuple[Array, Array], count: float, logits: Array) -> Any:
    """The sum of the kept pixels' cross-entropies over the divisor."""
    total = (-log_shares[own]).sum(dtype=np.result_type(log_shares, np.float64))
    return native(logits).type(total / count)


def _gradient(
    log_shares: Array, own: tuple[Array, Array], dy: Any, count: float, kept: Array, logits: Array
) -> Array:  # fmt: skip
    """The gradient for the logits, (B, Dᵤ, Dᵤ, C)."""
    kind = log_shares.dtype.type  # not dy's: a count of pixels may be beyond float16
    with np.errstate(under="ignore"):
        rows = np.exp(log_shares)  # softmax, (R, C)
        rows[own] -= 1
        rows *= kind(dy) / kind(count)
    dlogits: Array = np.zeros(logits.shape, native(logits))
    dlogits[kept] = rounded(rows, logits)
    return dlogits
