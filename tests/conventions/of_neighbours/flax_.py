"""Flax's answers."""

import flax
import jax.numpy as jnp
from flax import nnx

LIBRARY, VERSION = "flax", f"flax {flax.__version__}"


def batch_normalisation(x, frozen, epsilon):
    norm = nnx.BatchNorm(1, rngs=nnx.Rngs(0), **({} if epsilon is None else {"epsilon": epsilon}))
    if frozen:
        return None  # what trains is said elsewhere
    return jnp.concatenate([norm(jnp.asarray(x)).ravel(), norm.mean[...], norm.var[...]])


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return getattr(nnx.BatchNorm(1, rngs=nnx.Rngs(0)), which)


def first_weights(what):
    options = {"kernel_init": nnx.initializers.he_normal()} if what == "he_normal" else {}
    layer = nnx.Conv(1440, 1440, (3, 3), feature_group_count=1440, rngs=nnx.Rngs(0), **options)
    return abs(layer.bias[...]).max() if what == "bias" else layer.kernel[...].std()
