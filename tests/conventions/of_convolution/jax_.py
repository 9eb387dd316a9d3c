"""JAX's answers."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY, VERSION = "jax", f"jax {jax.__version__}"
LAST = ("NHWC", "HWIO", "NHWC")


def same(x, kernel, stride, dilation, padding="SAME"):
    return conv(x, kernel, stride, padding, rhs_dilation=dilation)


def same__same_lower(x, kernel, stride, dilation):
    return same(x, kernel, stride, dilation, "SAME_LOWER")


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "VALID", rhs_dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    return conv(x, kernel, stride, "VALID", rhs_dilation=dilation, feature_group_count=1)


def transposed(x, kernel, stride, dilation, padding="VALID", **options):
    return lax.conv_transpose(x, kernel, stride, padding, dilation, LAST, **options)


def transposed__transpose_kernel(x, kernel, stride, dilation):
    return transposed(x, kernel, stride, dilation, transpose_kernel=True)


def transposed_same(x, kernel, stride, dilation):
    return transposed(x, kernel, stride, dilation, "SAME")


def transposed_same__transpose_kernel(x, kernel, stride, dilation):
    return transposed(x, kernel, stride, dilation, "SAME", transpose_kernel=True)


def layouts(kind, array):
    """The shapes of the default dimension numbers; conv_transpose's default kernel, which is flipped."""
    x = SIGNALS.transpose(0, 3, 1, 2)
    if kind == "map":
        return array.transpose(0, 3, 1, 2)
    if kind in ("standard", "grouped"):
        kernel, groups = array.transpose(3, 2, 0, 1), 2 if kind == "grouped" else 1
        y = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", feature_group_count=groups)
        return confirmed(kind, kernel, y.transpose(0, 2, 3, 1))
    if kind == "depthwise":
        kernel = array.transpose(2, 0, 1)[:, None]
        y = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", feature_group_count=4)
        return confirmed(kind, kernel, y.transpose(0, 2, 3, 1))
    kernel = array[::-1, ::-1].transpose(0, 1, 3, 2)
    return confirmed(kind, kernel, lax.conv_transpose(SIGNALS, kernel, (2, 2), "VALID"))


def flips(x, kernel, order):
    return (jnp.convolve if order < 0 else jnp.correlate)(x.ravel(), kernel.ravel(), mode="valid")


def flips__conv(x, kernel, order):
    return None if order < 0 else conv(x.astype(kernel.dtype), kernel)


def negative_padding(x, kernel):
    return conv(x, kernel, padding=((0, 0), (-1, -1)))


def large_kernel(x, kernel):
    return conv(x, kernel)


def empty_batch(x, kernel):
    return conv(x, kernel)


def integers(x, kernel):
    return conv(x, kernel)


def float16_sums(kind, x):
    if kind == "convolution":
        return conv(x, np.ones((64, 64, 1, 1), np.float16))
    x = jnp.asarray(x)
    if kind == "mean":
        return x.mean((1, 2))
    return lax.reduce_window(x, np.float16(0), lax.add, (1, 64, 64, 1), (1, 64, 64, 1), "VALID") / np.float16(4096)


def conv(x, kernel, stride=(1, 1), padding="VALID", **options):
    """JAX's convolution of npconv's layouts."""
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=LAST, **options)
