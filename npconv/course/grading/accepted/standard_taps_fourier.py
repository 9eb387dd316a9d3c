# npconv exercise: standard-taps
# npconv variant: none
"""By Fourier transforms, which round, and then the stride's positions."""

import numpy as np


def conv2d_taps(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """A product of spectra, of which the valid part and the stride's positions are kept."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    tall, wide = kernel.shape[:2]
    size = (padded.shape[1] + tall - 1, padded.shape[2] + wide - 1)
    spectrum = np.fft.fft2(padded, size, axes=(1, 2))  # (B, H, W, M)
    filters = np.fft.fft2(kernel[::-1, ::-1], size, axes=(0, 1))  # (H, W, M, N)
    product = np.einsum("bhwm,hwmn->bhwn", spectrum, filters)
    full = np.fft.ifft2(product, axes=(1, 2)).real
    valid = full[:, tall - 1 : padded.shape[1], wide - 1 : padded.shape[2]]
    return valid[:, :: stride[0], :: stride[1]]
