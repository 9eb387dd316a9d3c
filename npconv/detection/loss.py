"""SSD's loss: smooth L1 for the boxes, softmax cross-entropy for the classes, the hardest negatives of each image."""

from typing import Any, NamedTuple

import numpy as np

from ..kernels.arguments import boolean, check_axes, check_scalar, integer
from ..kernels.geometry import Array
from ..kernels.head import log_softmax
from ..kernels.sums import native, rounded, wider, working
from .checking import check_labels, check_logits


class SSDLossStages(NamedTuple):
    """The parts of `ssd_loss`.

    `box` and `classes` are its two terms, scalars that are divided already, and their sum is the loss. `positives` are
    the anchors that have an object, `chosen` those that are counted as negatives (and positives that are repeated),
    both (B, A) booleans. `losses` are all anchors' cross-entropies, (B, A).
    """

    box: Any
    classes: Any
    positives: Array
    chosen: Array
    losses: Array


def ssd_loss(
    logits: Array, codes: Array, labels: Array, targets: Array, *, negatives: int = 3, least_negatives: int = 0,
    repeat_positives: bool = True,
) -> Any:  # fmt: skip
    """SSD's loss of a batch: that of the boxes plus that of the classes, over the number of the batch's positives.

    Positives are anchors whose label is not 0. The boxes' loss is smooth L1 of codes − targets, d²/2 where |d| < 1 and
    |d| − 1/2 elsewhere, summed over the positives. The classes' loss is the cross-entropy of softmax(logits), summed
    over the positives and over the negatives of largest loss: `negatives` for each positive of the same image. Both
    are divided by the number of positives in the batch, at least 1.

    The defaults are torchvision's, with two properties that can be switched off. `repeat_positives`: if the negatives
    are fewer than are to be chosen (more than a quarter of the anchors are positive), positives are chosen to make up
    for them, and so are counted twice; False counts each once. `least_negatives`: an image without objects has no
    positives, chooses no negatives, and gives no gradient at all; TensorFlow's SSD chooses at least 3.

    Args:
        logits: (B, A, C), real floats; class 0 is the background.
        codes: (B, A, 4), the predicted codes.
        labels: (B, A), integers from 0 to C − 1, as `ssd_targets` gives.
        targets: (B, A, 4), the codes to predict, as `ssd_targets` gives; read at the positives alone.
        negatives: how many negatives are chosen for each positive.
        least_negatives: how many negatives an image chooses at least.
        repeat_positives: whether positives may be chosen in the place of negatives.

    Returns:
        The loss, a NumPy scalar in the dtype of logits and codes. It is NaN if an anchor that is counted has a logit of
        NaN or +∞, or a positive has a code of NaN. Of equal losses the first anchor is chosen.

    Raises:
        TypeError: an array of the wrong kind, options that are not ints or a bool.
        ValueError: shapes that don't fit one another, labels out of range, options below 0.

    Source: https://arxiv.org/abs/1512.02325, equations 1 to 3 and "hard negative mining".

    >>> logits, codes = np.zeros((1, 4, 3)), np.zeros((1, 4, 4))
    >>> loss = ssd_loss(logits, codes, np.array([[2, 0, 0, 0]]), codes + 0.5)
    >>> bool(np.isclose(loss, 4 * 0.5**2 / 2 + 4 * np.log(3)))
    True
    """
    options = _checked("ssd_loss", logits, codes, labels, targets, negatives, least_negatives, repeat_positives)
    stages = _stages(logits, codes, targets, _choice(logits, labels, *options))
    return stages.box + stages.classes


def ssd_loss_stages(
    logits: Array, codes: Array, labels: Array, targets: Array, *, negatives: int = 3, least_negatives: int = 0,
    repeat_positives: bool = True,
) -> SSDLossStages:  # fmt: skip
    """The parts of `ssd_loss`, by name: its two terms, the positives, the chosen negatives, the cross-entropies.

    >>> logits, codes = np.zeros((1, 4, 3)), np.zeros((1, 4, 4))
    >>> stages = ssd_loss_stages(logits, codes, np.array([[2, 0, 0, 0]]), codes, negatives=2)
    >>> stages.chosen
    array([[False,  True,  True, False]])
    """
    options = _checked("ssd_loss_stages", logits, codes, labels, targets, negatives, least_negatives, repeat_positives)
    return _stages(logits, codes, targets, _choice(logits, labels, *options))


def ssd_loss_backward(
    dy: Any, logits: Array, codes: Array, labels: Array, targets: Array, *, negatives: int = 3,
    least_negatives: int = 0, repeat_positives: bool = True,
) -> tuple[Array, Array]:  # fmt: skip
    """The gradients of `ssd_loss` for the logits, (B, A, C), and for the codes, (B, A, 4).

    dlogits is softmax(logits) − onehot(labels) of each anchor that is counted, times how often it is; dcodes is
    codes − targets, cut at ±1, of each positive; both times dy over the number of positives. All else is 0. The choice
    of negatives is held fixed, as it changes only in jumps. Labels and targets get no gradient.

    dy is a real scalar, like the loss. Errors as in `ssd_loss`, and TypeError where dy is not a scalar.

    >>> logits, codes = np.zeros((1, 2, 2)), np.zeros((1, 2, 4))
    >>> labels, targets = np.array([[1, 0]]), codes + np.array([3, -0.5, 0, 0])
    >>> dlogits, dcodes = ssd_loss_backward(1.0, logits, codes, labels, targets, negatives=1)
    >>> dlogits
    array([[[ 0.5, -0.5],
            [-0.5,  0.5]]])
    >>> dcodes[0, 0]
    array([-1. ,  0.5,  0. ,  0. ])
    """
    name = "ssd_loss_backward"
    options = _checked(name, logits, codes, labels, targets, negatives, least_negatives, repeat_positives)
    check_scalar(name, "dy", dy)
    return _gradients(dy, logits, codes, labels, targets, _choice(logits, labels, *options))


def loss_and_gradients(
    logits: Array, codes: Array, labels: Array, targets: Array, *, negatives: int = 3, least_negatives: int = 0,
    repeat_positives: bool = True,
) -> tuple[Any, Array, Array]:  # fmt: skip
    """`ssd_loss` and its gradients for logits and codes, from one softmax and one choice, for a step of training."""
    options = _checked("ssd_loss", logits, codes, labels, targets, negatives, least_negatives, repeat_positives)
    choice = _choice(logits, labels, *options)
    stages = _stages(logits, codes, targets, choice)
    return stages.box + stages.classes, *_gradients(1.0, logits, codes, labels, targets, choice)


def _checked(
    function: str, logits: Array, codes: Array, labels: Any, targets: Array, negatives: Any, least_negatives: Any,
    repeat_positives: Any,
) -> tuple[int, int, bool]:  # fmt: skip
    """The options, once arrays and options are checked."""
    batch, anchors, classes = check_logits(function, logits, "fc")
    check_axes(function, "codes", codes, (batch, anchors, 4), "fc")
    check_labels(function, "labels", labels, (batch, anchors), 0, classes - 1)
    check_axes(function, "targets", targets, (batch, anchors, 4), "fc")
    boolean(function, "repeat_positives", repeat_positives)
    negatives, least = (
        integer(function, "negatives", negatives, 0),
        integer(function, "least_negatives", least_negatives, 0),
    )
    return min(negatives, anchors), min(least, anchors), bool(repeat_positives)  # more than all is all


class _Choice(NamedTuple):
    """log softmax(logits), the positives, the chosen negatives, and each anchor's cross-entropy."""

    log_shares: Array  # (B, A, C)
    positives: Array  # (B, A)
    chosen: Array  # (B, A)
    losses: Array  # (B, A)


def _stages(logits: Array, codes: Array, targets: Array, choice: _Choice) -> SSDLossStages:
    """`ssd_loss_stages` of arguments that are checked."""
    _, positives, chosen, losses = choice
    count, dtype = max(1, np.count_nonzero(positives)), native(logits, codes)
    wide = np.result_type(losses, np.float64)
    box = smooth_l1(wider(codes[positives]) - wider(targets[positives])).sum(dtype=np.result_type(wide, codes))
    classes = losses[positives].sum(dtype=wide) + losses[chosen].sum(dtype=wide)
    return SSDLossStages(
        dtype.type(box / count), dtype.type(classes / count), positives, chosen, rounded(losses, logits)
    )


def _gradients(
    dy: Any, logits: Array, codes: Array, labels: Array, targets: Array, choice: _Choice
) -> tuple[Array, Array]:
    """`ssd_loss_backward` of arguments that are checked."""
    log_shares, positives, chosen, _ = choice
    share = dy / max(1, np.count_nonzero(positives))
    dlogits, dcodes = np.zeros(logits.shape, log_shares.dtype), np.zeros(codes.shape, working(codes))
    times = np.add(positives, chosen, dtype=np.int64)  # each anchor is counted: 0, 1 or 2
    counted = times > 0
    with np.errstate(under="ignore"):
        rows = np.exp(log_shares[counted])  # softmax, (R, C)
        rows[np.arange(len(rows)), labels[counted]] -= 1
        dlogits[counted] = rows * (times[counted] * share)[:, None]
        difference = wider(codes[positives]) - wider(targets[positives])
        dcodes[positives] = np.clip(difference, -1, 1) * share
    return rounded(dlogits, logits), rounded(dcodes, codes)


def smooth_l1(d: Array) -> Array:
    """d²/2 where |d| < 1 and |d| − 1/2 elsewhere, elementwise."""
    size = np.where(d.real < 0, -d, d)
    square = np.minimum(size, 1)  # the side of the parabola's part
    result: Array = square * (size - square / 2)
    return result


def _choice(logits: Array, labels: Array, negatives: int, least: int, repeat: bool) -> _Choice:
    """The positives and negatives that are counted, and what they are chosen by."""
    log_shares = log_softmax(logits)  # (B, A, C)
    losses = -log_shares[_at(labels)]  # (B, A)
    positives = labels > 0
    hardness = np.where(positives, -np.inf, np.where(np.isnan(losses), np.inf, losses.real))
    order = np.argsort(-hardness, axis=1, kind="stable")
    rank = np.empty(order.shape, np.int64)
    np.put_along_axis(rank, order, np.arange(order.shape[1], dtype=np.int64)[None], axis=1)
    counts = np.maximum(negatives * np.count_nonzero(positives, axis=1, keepdims=True), least)  # (B, 1)
    chosen = rank < counts
    return _Choice(log_shares, positives, chosen if repeat else chosen & ~positives, losses)


def _at(labels: Array) -> tuple[Array, Array, Array]:
    """The index of each anchor's own class in (B, A, C)."""
    images, anchors = (np.arange(size, dtype=np.int64) for size in labels.shape)
    return images[:, None], anchors, labels
