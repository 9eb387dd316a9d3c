"""The loss of semantic segmentation: softmax cross-entropy at each pixel, without the pixels of an ignored label."""

from typing import Any

import numpy as np

from ..kernels.arguments import check_axes, check_scalar, real
from ..kernels.geometry import Array
from ..kernels.head import log_softmax, log_softmax_and_softmax
from ..kernels.sums import native, rounded, working
from ..threads import each
from .checking import kept_labels

OPERATIONS = 20  # with each logit


def pixel_cross_entropy(
    logits: Array, labels: Array, *, ignore: int | None = 255, divisor: float | None = None
) -> Any:  # fmt: skip
    """The cross-entropy of softmax(logits) against the labels: the mean over the pixels that are not ignored, in nats.

    Pixels whose label is `ignore` count neither in the sum nor in its divisor, and their logits are not read. With
    `divisor` the sum over the kept pixels is divided by another number, such as that of the pixels that are not
    background: then the loss does not shrink where objects are small.

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
    return _loss(-log_softmax(logits[kept])[own], count, logits)


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
    dlogits: Array = np.zeros(logits.shape, native(logits))
    _, shares = log_softmax_and_softmax(logits[kept])
    dlogits[kept] = _rows(shares, own, dy, count, logits)
    return dlogits


def loss_and_gradient(
    logits: Array, labels: Array, ignore: int | None, divisor: float | None, out: Array | None = None
) -> tuple[Any, Array]:
    """The loss of `pixel_cross_entropy` and its gradient, from one softmax, for a step of training.

    The gradient is written to `out`, if that is given. Threads take an image each; the numbers are those of the two
    functions, to the last bit.
    """
    kept, (_, own), count = _checked("pixel_cross_entropy", logits, labels, ignore, divisor)
    losses: Array = np.empty(len(own), working(logits))
    dlogits: Array = np.empty(logits.shape, native(logits)) if out is None else out
    of_image, given, gradient = (a.reshape(len(logits), -1, *a.shape[3:]) for a in (kept, logits, dlogits))
    ends = np.cumsum(np.count_nonzero(of_image, axis=1))

    def compute(image: int) -> None:
        rows = slice(ends[image - 1] if image else 0, ends[image])
        every = rows.stop - rows.start == of_image.shape[1]
        pixels: Any = slice(None) if every else of_image[image]  # a choice is copied slowly
        if not every:
            gradient[image] = 0
        log_shares, shares = log_softmax_and_softmax(given[image, pixels])  # (R, C) each
        classes = np.arange(len(log_shares), dtype=np.int64), own[rows]
        losses[rows] = -log_shares[classes]
        gradient[image, pixels] = _rows(shares, classes, 1.0, count, logits)

    each(compute, range(len(logits)), OPERATIONS * logits.size)
    return _loss(losses, count, logits), dlogits


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


def _loss(losses: Array, count: float, logits: Array) -> Any:
    """The sum of the kept pixels' cross-entropies over the divisor."""
    return native(logits).type(losses.sum(dtype=np.result_type(losses, np.float64)) / count)


def _rows(shares: Array, own: tuple[Array, Array], dy: Any, count: float, logits: Array) -> Array:
    """The gradient for the kept pixels' logits, (R, C), written over softmax of these."""
    kind = shares.dtype.type  # not dy's: a count of pixels may be beyond float16
    with np.errstate(under="ignore"):
        shares[own] -= 1
        shares *= kind(dy) / kind(count)
    return rounded(shares, logits)
