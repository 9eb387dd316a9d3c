# npconv exercise: factorize
# npconv variant: none
"""By the eigenvectors of each slice's Gram matrix, the scale in pointwise."""

import numpy as np


def factorize_kernel(kernel, *, depth_multiplier=1):
    """Each slice projected onto the eigenvectors of its largest eigenvalues."""
    tall, wide, channels, filters = kernel.shape
    depthwise = np.zeros((tall * wide, channels, depth_multiplier))
    pointwise = np.zeros((channels, depth_multiplier, filters))
    for m in range(channels):
        piece = kernel[:, :, m].reshape(tall * wide, filters).astype(float)
        _, vectors = np.linalg.eigh(piece @ piece.T)
        best = vectors[:, ::-1][:, :depth_multiplier]  # the largest first
        depthwise[:, m, : best.shape[1]] = best
        pointwise[m, : best.shape[1]] = best.T @ piece
    return depthwise.reshape(tall, wide, -1), pointwise.reshape(-1, filters)
