"""Random numbers for a network's arrays that depend on a seed and the array's published name alone.

A recorded output needs no recorded weights then. PCG64's raw bits are the same in every NumPy, which does not promise
as much for the numbers of a Generator.
"""

import math
import zlib

import numpy as np


def uniform(name, shape, seed, low=-1.0, high=1.0):
    """Numbers from low to high, float64."""
    bits = np.random.PCG64([seed, zlib.crc32(name.encode())]).random_raw(math.prod(shape))
    return (low + (high - low) * (bits >> np.uint64(11)) * 2.0**-53).reshape(shape)


def array(name, shape, seed):
    """An array of a torch or Keras network: kernels keep the numbers' size, and all of batch normalisation matters."""
    shape = tuple(shape)
    if name.endswith(("running_var", "moving_variance")):
        return uniform(name, shape, seed, 0.3, 3)
    if name.endswith("gamma") or (name.endswith("weight") and len(shape) == 1):
        return uniform(name, shape, seed, 0.5, 1.5)
    if len(shape) == 1:  # shifts, biases and running means
        return uniform(name, shape, seed, -0.5, 0.5)
    inputs = math.prod(shape[1:]) if name.endswith("weight") else math.prod(shape[:-1])
    if name.endswith("depthwise/kernel"):
        inputs = math.prod(shape[:2])  # (Dᵣ, Dᵣ, M, 1)
    return uniform(name, shape, seed) * (6 / inputs) ** 0.5


def images(shape, seed):
    """Images, float32, channels last, of deviation 1."""
    return (uniform("images", shape, seed) * 3**0.5).astype(np.float32)


def shadows(name, y, seed, count=3):
    """A map's products with random directions, in their usual size: a wrong number anywhere moves them all."""
    y = np.asarray(y, np.float64)
    products = [float((y * uniform(f"{name} {i}", y.shape, seed)).sum()) for i in range(count)]
    return [product / float((y**2).sum() / 3) ** 0.5 for product in products]
