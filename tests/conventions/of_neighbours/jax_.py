"""JAX's answers."""

import jax
import jax.numpy as jnp
from jax import lax

LIBRARY, VERSION = "jax", f"jax {jax.__version__}"
FUNCTIONS = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_swish": jax.nn.hard_swish,
    "clip": lambda x: jnp.clip(x, 0, 6),
    "maximum": lambda x: jnp.maximum(x, 1.0),
    "absolute": jnp.abs,
    "leaky": lambda x: jax.nn.leaky_relu(x, 0.25),
    "max_pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (2,), "VALID"),
}


def kinks(function, x, dy):
    return jax.grad(lambda x: FUNCTIONS[function](x).sum())(x)


ties = kinks


def ties__clamp(function, x, dy):
    return jax.grad(lambda x: lax.clamp(0.0, x, 6.0).sum())(x) if function == "clip" else None


def not_numbers(function, x):
    y = FUNCTIONS[function](x)
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def bilinear(x, size, option):
    if option == "corners":
        return None
    options = {"antialias": True} if option else {}
    return jax.image.resize(x, (1, 1, size, 1), "bilinear", **options)


def nearest(x, size, option):
    return jax.image.resize(x, (1, 1, size, 1), "nearest")
