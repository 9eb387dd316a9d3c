"""The claims about the transposed convolution, and its checkerboards."""

import numpy as np

import npconv

from ...text import shape_text
from ..cases import whole, written
from ..table import Finding, claim, finding

TRANSPOSED = "Transposed Convolution"
KERNEL = np.arange(1.0, 10).reshape(3, 3, 1, 1)


@claim(TRANSPOSED, "holds", "transposed_conv2d_loops conv2d_taps", "transposed-convolution")
def bai_transposed_by_padding() -> Finding:
    """It is a convolution of the padded input: 2×2 with a border of 2 gives 4×4, with zeros between as well 5×5."""
    x = np.arange(1.0, 5).reshape(1, 2, 2, 1)
    spread = np.zeros((1, 3, 3, 1))
    spread[:, ::2, ::2] = x
    turned = KERNEL[::-1, ::-1]
    by_padding = npconv.conv2d_taps(x, turned, padding=2), npconv.conv2d_taps(spread, turned, padding=2)
    transposed = npconv.transposed_conv2d_loops(x, KERNEL), npconv.transposed_conv2d_loops(x, KERNEL, stride=2)
    return finding(
        all(map(np.array_equal, by_padding, transposed)) and [y.shape[1] for y in transposed] == [4, 5],
        f"stride 1: {written(transposed[0][0, :, :, 0])}",
        f"stride 2: {written(transposed[1][0, :, :, 0])}",
        "the kernel, 1 to 9, is turned round in the convolution",
    )


@claim(TRANSPOSED, "holds", "conv2d_taps conv2d_backward_taps transposed_conv2d_loops", "transposed-convolution")
def bai_transposed_as_a_matrix() -> Finding:
    """As a matrix a 3×3 convolution of a 4×4 image is a sparse 4×16 one; its transpose takes 4 numbers to 16."""
    images = np.eye(16).reshape(16, 4, 4, 1)
    matrix = npconv.conv2d_taps(images, KERNEL).reshape(16, 4).T
    x, y = whole(0, 1, 4, 4, 1), whole(1, 1, 2, 2, 1)
    back = npconv.transposed_conv2d_loops(y, KERNEL)
    dx, _ = npconv.conv2d_backward_taps(y, x, KERNEL)
    return finding(
        np.array_equal(matrix @ x.reshape(16), npconv.conv2d_taps(x, KERNEL).reshape(4))
        and np.array_equal(matrix.T @ y.reshape(4), back.reshape(16))
        and np.array_equal(back, dx),
        f"{shape_text(matrix.shape)}, {np.count_nonzero(matrix)} of {matrix.size} entries are not zero; the transposed "
        "convolution is the backward pass of the convolution, and multiplies by the transpose",
    )


@claim(TRANSPOSED, "holds", "conv2d_taps conv2d_loops transposed_conv2d_loops", "transposed-convolution")
def bai_deconvolution_is_a_misnomer() -> Finding:
    """The name deconvolution is wrong: a transposed convolution is not a convolution's inverse."""
    y = np.arange(1.0, 5).reshape(1, 2, 2, 1)
    there_and_back = npconv.conv2d_taps(npconv.transposed_conv2d_loops(y, KERNEL), KERNEL)
    matrix = npconv.conv2d_loops(np.eye(16).reshape(16, 4, 4, 1), KERNEL).reshape(16, 4)
    product = (matrix.T @ (matrix @ y.reshape(4))).reshape(y.shape)
    rank = int(np.linalg.matrix_rank(matrix))
    return finding(
        np.array_equal(there_and_back, product) and not np.array_equal(product, y) and rank == 4,
        f"1 2 | 3 4 come back as {written(there_and_back[0, :, :, 0])}",
        f"nor is there an inverse: the matrix has rank {rank}, and 4×4 numbers do not follow from 2×2",
        judged=there_and_back,
    )


@claim(
    TRANSPOSED,
    "holds if the border is left out, where fewer inputs overlap; even overlaps alone do not rule checkerboards out",
    "overlap_counts transposed_conv2d_loops resize_bilinear conv2d_taps",
    "checkerboard",
)
def bai_checkerboards_of_uneven_overlaps() -> Finding:
    """Checkerboards come of uneven overlaps, which there are where the kernel's size is not divisible by the stride."""
    inside, border = {}, set()
    for s in (1, 2, 3, 4):
        for k in range(s, 9):
            counts = npconv.overlap_counts(k, s, 20 * s + k - s)
            inside[k, s] = set(counts[k:-k].tolist())
            border |= {(k, s)} if int(counts[0]) < max(inside[k, s]) else set()
    rule = all((len(counts) == 1) == (k % s == 0) for (k, s), counts in inside.items())
    ones, kernel = np.ones((1, 9, 9, 1)), whole(0, 4, 4, 1, 1)
    flat = npconv.transposed_conv2d_loops(ones, kernel, stride=2)[0, 4:-4, 4:-4, 0]
    phases = kernel.reshape(2, 2, 2, 2).sum(axis=(0, 2))  # of every second weight, from each of the first four
    by_phase = len(np.unique(phases)) > 1 and np.array_equal(flat, np.tile(phases, (6, 6)))
    smooth = npconv.conv2d_taps(npconv.resize_bilinear(ones, (18, 18)), kernel)
    return finding(
        rule and (4, 2) in border and by_phase and bool((smooth == kernel.sum()).all()),
        "overlaps inside: "
        + "; ".join(f"k {k}, s {s}: {counts}" for (k, s), counts in inside.items() if 1 < s < 4 and k < 7),
        f"k 4, s 2 with the border: {written(npconv.overlap_counts(4, 2, 10))}",
        f"k 4, s 2, on equal inputs and inside: {written(flat[:2, :2])}, as each phase has weights of its own",
        f"resized, and then convolved with that kernel, equal inputs give equal outputs, {smooth.flat[0]:.0f}",
    )
