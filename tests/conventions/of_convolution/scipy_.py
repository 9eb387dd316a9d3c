"""scipy's answers: scipy.signal, and scipy.ndimage as a variant."""

import numpy as np
import scipy
from scipy import ndimage, signal

LIBRARY, VERSION = "scipy", f"scipy {scipy.__version__}"


def same__signal(x, kernel, stride, dilation):
    return signal.correlate2d(x[0, ..., 0], kernel[..., 0, 0], "same") if stride == (1, 1) else None


def same__ndimage(x, kernel, stride, dilation):
    return ndimage.correlate1d(x.ravel(), kernel.ravel(), mode="constant") if stride == (1, 1) else None


def flips__signal(x, kernel, order):
    return (signal.convolve2d if order < 0 else signal.correlate2d)(x[0, ..., 0], kernel[..., 0, 0], "valid")


def flips__ndimage(x, kernel, order):
    y = (ndimage.convolve if order < 0 else ndimage.correlate)(x.ravel(), kernel.ravel(), mode="constant")
    return y[1:-1] if kernel.size == 3 else y[:-1] if order < 0 else y[1:]  # without the border


def borders__signal(x, kernel):
    return signal.correlate2d(x[0, ..., 0], kernel[..., 0, 0], "same")


def borders__ndimage(x, kernel):
    return ndimage.correlate(x[0, ..., 0], kernel[..., 0, 0])


def integers__signal(x, kernel):
    return signal.correlate2d(x[0, ..., 0], kernel[..., 0, 0], "valid")


def integers__fftconvolve(x, kernel):
    return np.rint(signal.fftconvolve(x[0, ..., 0], kernel[..., 0, 0], "valid"))


def rounding__ndimage(x, kernel):
    return ndimage.correlate(x[0, ..., 0], kernel[..., 0, 0])[:, 1:] if kernel.min() > 0 else None


def rounding__signal(x, kernel):
    return signal.correlate2d(x[0, ..., 0], kernel[..., 0, 0], "valid")
