"""Batch normalisation: in training with the batch's own statistics, in inference with stored ones, and folded away.

y = scale · (x − mean) / √(variance + epsilon) + shift, a channel at a time. Arrays have their channels last and one
axis or more before them; scale, shift, mean and variance are (M,). The article does not mention it; the network uses it
after every convolution (MobileNetV2 paper, section 6.1).
"""

from typing import NamedTuple

import numpy as np

from .arguments import check_epsilon
from .geometry import Array
from .pieces import in_pieces
from .signatures import BATCH_NORM, BATCH_NORM_INFERENCE, BATCH_NORM_STAGES, BATCH_STATISTICS, FOLD_BATCH_NORM
from .sums import channel_sums, lines, rounded, wider, working


class BatchNormStages(NamedTuple):
    """Batch normalisation's values in training, in order; of float16 all but the output are float32."""

    mean: Array  # (M,), of the batch
    variance: Array  # (M,), of the batch, biased
    deviation: Array  # (M,), √(variance + epsilon)
    centred: Array  # (B, …, M), mean 0
    output: Array  # (B, …, M), variance 1, then scaled and shifted


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Each channel's mean and biased variance (divided by the count n, not by n − 1) over all other axes.

    x is (B, …, M), real floats; both results are (M,), in x's dtype. The variance is that of x − mean. Raises TypeError
    or ValueError where x is anything else.

    >>> batch_statistics(np.array([[1.0, 10.0], [3.0, 10.0]]))
    (array([ 2., 10.]), array([1., 0.]))
    """
    BATCH_STATISTICS.check("batch_statistics", x)
    mean, variance, _ = _centre(x)
    return rounded(mean, x), rounded(variance, x)


def batch_norm_stages(x: Array, scale: Array, shift: Array, *, epsilon: float = 1e-3) -> BatchNormStages:
    """All values that `batch_norm` computes, by name, with the batch's statistics. Arguments and errors as there.

    >>> stages = batch_norm_stages(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0]), epsilon=1e-12)
    >>> stages.mean, stages.variance, stages.centred[:, 0]
    (array([2.]), array([1.]), array([-1.,  1.]))
    """
    BATCH_NORM.check("batch_norm_stages", x, scale, shift)
    epsilon = check_epsilon("batch_norm_stages", epsilon, x, scale, shift)
    return stages_of(x, scale, shift, epsilon)


def stages_of(x: Array, scale: Array, shift: Array, epsilon: float) -> BatchNormStages:
    """`batch_norm_stages` of arrays that are checked."""
    mean, variance, centred = _centre(x)
    deviation = np.sqrt(variance + epsilon)  # (M,)
    scales, shifts, dtype = _along(x, scale / deviation), _along(x, shift), working(x, scale, shift)  # (X,)

    def scaled(centred: Array) -> Array:
        y = np.multiply(centred, scales, dtype=dtype)
        y += shifts
        return y

    output = in_pieces(scaled, lines(centred))  # (B, L, X)
    return BatchNormStages(mean, variance, deviation, centred, rounded(output, x, scale, shift).reshape(x.shape))


def batch_norm(x: Array, scale: Array, shift: Array, *, epsilon: float = 1e-3) -> Array:
    """Batch normalisation in training: each channel is brought to mean 0 and variance 1, then scaled and shifted.

    Args:
        x: (B, …, M), real floats.
        scale, shift: (M,), the learnt γ and β.
        epsilon: added to the variance; 1e-3 as in Keras, 1e-5 in torchvision.

    Returns:
        y, shaped like x.

    Raises:
        TypeError: an argument is not an ndarray of real floats.
        ValueError: shapes that don't fit one another, epsilon not above 0.

    >>> batch_norm(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0]), epsilon=1e-12)
    array([[3.],
           [7.]])
    """
    BATCH_NORM.check("batch_norm", x, scale, shift)
    epsilon = check_epsilon("batch_norm", epsilon, x, scale, shift)
    return stages_of(x, scale, shift, epsilon).output


def batch_norm_backward(
    dy: Array, x: Array, scale: Array, shift: Array, *, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """The gradients of `batch_norm`: dx, dscale and dshift; the statistics depend on x, and dx has their share.

    dy is shaped like x; the rest is what `batch_norm` took, and so are the errors. Derived in docs/lessons/backward.md.

    >>> x, dy = np.array([[1.0], [3.0], [8.0]]), np.array([[1.0], [1.0], [1.0]])
    >>> dx, dscale, dshift = batch_norm_backward(dy, x, np.ones(1), np.zeros(1))
    >>> np.allclose(dx, 0), dshift
    (True, array([3.]))
    """
    BATCH_NORM.check("batch_norm_backward", dy, x, scale, shift)
    epsilon = check_epsilon("batch_norm_backward", epsilon, x, scale, shift)
    return batch_norm_gradients(dy, scale, stages_of(x, scale, shift, epsilon))


def batch_norm_backward_from_stages(dy: Array, scale: Array, stages: BatchNormStages) -> tuple[Array, Array, Array]:
    """`batch_norm_backward` where forward's stages were kept, so that nothing is recomputed: dx, dscale, dshift.

    dy is (B, …, M), scale (M,), stages what `batch_norm_stages` returned; errors as in `batch_norm_backward`.

    >>> x, dy, scale = np.array([[1.0], [3.0], [8.0]]), np.array([[2.0], [0.0], [1.0]]), np.array([2.0])
    >>> stages = batch_norm_stages(x, scale, np.zeros(1))
    >>> dx, dscale, dshift = batch_norm_backward_from_stages(dy, scale, stages)
    >>> np.allclose(dx, batch_norm_backward(dy, x, scale, np.zeros(1))[0])
    True
    """
    if not isinstance(stages, BatchNormStages):
        raise TypeError(f"batch_norm_backward_from_stages: stages must be BatchNormStages; got {type(stages).__name__}")
    BATCH_NORM_STAGES.check("batch_norm_backward_from_stages", dy, stages.centred, scale, stages.deviation)
    return batch_norm_gradients(dy, scale, stages)


def batch_norm_gradients(dy: Array, scale: Array, stages: BatchNormStages) -> tuple[Array, Array, Array]:
    """dx, dscale and dshift: dx = scale/deviation · (dy − mean(dy) − n·mean(n·dy)), with n = centred/deviation."""
    _, _, deviation, centred, output = stages
    dshift = channel_sums(dy).astype(working(dy))  # (M,)
    dscale = (channel_sums(dy, centred) / deviation).astype(working(dy))  # (M,)
    count = dy.size // dy.shape[-1]
    means, dtype = _along(dy, -dscale / (count * deviation)), working(dy, scale, centred)  # (X,)
    dshifts, scales = _along(dy, dshift / count), _along(dy, scale / deviation)  # (X,)

    def back(centred: Array, dy: Array) -> Array:
        dx = np.multiply(centred, means, dtype=dtype)
        dx += dy
        dx -= dshifts
        dx *= scales
        return dx

    dx = in_pieces(back, lines(centred), lines(dy))  # (B, L, X)
    return rounded(dx, dy, scale, output).reshape(dy.shape), rounded(dscale, dy, output), rounded(dshift, dy)


def batch_norm_inference(
    x: Array, scale: Array, shift: Array, mean: Array, variance: Array, *, epsilon: float = 1e-3
) -> Array:
    """Batch normalisation in inference: stored statistics, so a linear map a channel.

    Args:
        x: (B, …, M), real floats.
        scale, shift: (M,), the learnt γ and β.
        mean, variance: (M,), the stored statistics.
        epsilon: added to the variance.

    Returns:
        y, shaped like x.

    Raises:
        TypeError: an argument is not an ndarray of real floats.
        ValueError: shapes that don't fit one another, epsilon not above 0.

    >>> one = np.ones(1)
    >>> batch_norm_inference(np.array([[7.0]]), 2 * one, 5 * one, 3 * one, 4 * one, epsilon=1e-12)
    array([[9.]])
    """
    BATCH_NORM_INFERENCE.check("batch_norm_inference", x, scale, shift, mean, variance)
    epsilon = check_epsilon("batch_norm_inference", epsilon, x, scale, shift, mean, variance)
    deviation = np.sqrt(wider(variance) + epsilon)  # (M,)
    means, scales, shifts = _along(x, mean), _along(x, scale / deviation), _along(x, shift)  # (X,)
    dtype = working(x, scale, shift, mean, variance)

    def scaled(x: Array) -> Array:
        y = np.subtract(x, means, dtype=dtype)
        y *= scales
        y += shifts
        return y

    y = in_pieces(scaled, lines(x))  # (B, L, X)
    return rounded(y, x, scale, shift, mean, variance).reshape(x.shape)


def batch_norm_inference_backward(
    dy: Array, x: Array, scale: Array, shift: Array, mean: Array, variance: Array, *, epsilon: float = 1e-3
) -> tuple[Array, Array, Array, Array, Array]:
    """The gradients of `batch_norm_inference`: dx, dscale, dshift, dmean and dvariance.

    dy is shaped like x; the rest is what `batch_norm_inference` took, and so are the errors.

    >>> one = np.ones(1)
    >>> gradients = batch_norm_inference_backward(np.array([[1.0]]), np.array([[7.0]]), 2 * one, one, 3 * one, 4 * one)
    >>> [gradient.shape for gradient in gradients]
    [(1, 1), (1,), (1,), (1,), (1,)]
    """
    BATCH_NORM_INFERENCE.check("batch_norm_inference_backward", dy, x, scale, shift, mean, variance)
    epsilon = check_epsilon("batch_norm_inference_backward", epsilon, x, scale, shift, mean, variance)
    deviation = np.sqrt(wider(variance) + epsilon)  # (M,)
    dx = dy * (scale / deviation)  # (B, …, M)
    dshift = channel_sums(dy)  # (M,)
    dscale = channel_sums(dy, (wider(x) - mean) / deviation)  # (M,)
    dmean = -scale / deviation * dshift  # (M,)
    dvariance = -scale * dscale / (2 * (wider(variance) + epsilon))  # (M,)
    dx, dmean = rounded(dx, dy, scale, variance), rounded(dmean, dy, scale, variance)
    dscale, dvariance = rounded(dscale, dy, x, mean, variance), rounded(dvariance, dy, x, scale, mean, variance)
    return dx, dscale, rounded(dshift, dy), dmean, dvariance


def fold_batch_norm(
    kernel: Array,
    scale: Array | None,
    shift: Array | None,
    mean: Array,
    variance: Array,
    *,
    bias: Array | None = None,
    epsilon: float = 1e-3,
) -> tuple[Array, Array]:
    """The kernel and the bias that do at once what a kernel and then `batch_norm_inference` do.

    Every kind of kernel has its output channels last, so one line folds them all.

    Args:
        kernel: standard (Dᵣ, Dᵣ, M, N), depthwise (Dᵣ, Dᵣ, M·Q), pointwise or dense (M, N).
        scale, shift, mean, variance: (N,), one number for each output channel. Without a scale it is 1, without a shift
            0: None.
        bias: (N,), what is added to the kernel's output before it is normalised; None is nothing.
        epsilon: added to the variance.

    Returns:
        kernel, shaped as it was, and bias, one number for each output channel.

    Raises:
        TypeError: an argument is not an ndarray of real floats.
        ValueError: shapes that don't fit one another, epsilon not above 0.

    >>> one = np.ones(8)
    >>> kernel, bias = fold_batch_norm(np.ones((3, 8)), 2 * one, 5 * one, 3 * one, 4 * one, epsilon=1e-12)
    >>> np.allclose(kernel, 1), np.allclose(bias, 2)
    (True, True)
    """
    FOLD_BATCH_NORM.check("fold_batch_norm", kernel, scale, shift, mean, variance, bias)
    multiplied = [a for a in (scale, variance) if a is not None]
    added = [a for a in (scale, shift, mean, variance, bias) if a is not None]
    epsilon = check_epsilon("fold_batch_norm", epsilon, kernel, *added)
    factor = (1 if scale is None else scale) / np.sqrt(wider(variance) + epsilon)  # (N,)
    folded = (0 if shift is None else shift) + ((0 if bias is None else bias) - mean) * factor  # (N,)
    return rounded(kernel * factor, kernel, *multiplied), rounded(folded, *added)


def _centre(x: Array) -> tuple[Array, Array, Array]:
    """Each channel's mean and biased variance, and x − mean."""
    count = x.size // x.shape[-1]
    mean = (channel_sums(x) / count).astype(working(x))  # (M,)
    means = _along(x, mean)  # (X,)
    centred = in_pieces(lambda rows: rows - means, lines(x), once=True).reshape(x.shape)  # (B, …, M)
    return mean, (channel_sums(centred, centred) / count).astype(working(x)), centred


def _along(a: Array, vector: Array) -> Array:
    """A number for each channel, repeated along a line of positions, (M,) to (X,) with X = D·M."""
    return np.tile(vector, a.shape[-2] if a.ndim > 2 else 1)
