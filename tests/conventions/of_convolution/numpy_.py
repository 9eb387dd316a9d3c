"""NumPy's answers."""

import numpy as np

LIBRARY, VERSION = "numpy", f"numpy {np.__version__}"


def same(x, kernel, stride, dilation):
    return np.correlate(x.ravel(), kernel.ravel(), "same") if stride == (1, 1) else None


def flips(x, kernel, order):
    return (np.convolve if order < 0 else np.correlate)(x.ravel(), kernel.ravel(), mode="valid")


def integers(x, kernel):
    return np.correlate(x.ravel(), kernel.ravel(), "valid")


def float16_sums(kind, x):
    if kind == "pool":
        return None
    return np.correlate(x.ravel(), np.ones(4096, np.float16), "valid") if kind == "convolution" else x.mean((1, 2))
