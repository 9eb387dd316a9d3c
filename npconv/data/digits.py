"""Handwritten digits: small, real, and free to ship."""

from ..kernels.geometry import Array
from .stored import read_arrays

INK = 16  # the largest value of a pixel


def load_digits() -> tuple[Array, Array]:
    """1,797 handwritten digits: images (1797, 8, 8) of uint8 from 0 (paper) to 16 (ink), labels (1797,) of uint8.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test part), UCI Machine Learning
    Repository, 1998, doi 10.24432/C50P49, licence CC BY 4.0.

    >>> images, labels = load_digits()
    >>> images.shape, images.dtype, int(images.max()), labels[:5]
    ((1797, 8, 8), dtype('uint8'), 16, array([0, 1, 2, 3, 4], dtype=uint8))
    """
    arrays = read_arrays("optdigits.npz")
    return arrays["images"], arrays["labels"]
