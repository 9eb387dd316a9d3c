"""Folded networks and arrays that are not folded, or half: batch normalisation is folded on the way."""

from collections.abc import Container, Mapping

import numpy as np

from ..kernels.geometry import Array
from ..layers import BatchNorm, Layer, Sequential
from ..layers.convolution import Linear
from .naming import Network, normalisation_names
from .with_heads import NetworkWithHeads

IDENTITY = {".scale": 1, ".shift": 0}


def is_folded(model: Network) -> bool:
    """True for a network whose batch normalisation is folded."""
    return "stem_norm" not in (model.network if isinstance(model, NetworkWithHeads) else model).layers


def as_given(model: Network, given: Container[str], naming: str) -> Network:
    """A network with batch normalisation again behind the layers for which arrays have it, so that it takes them.

    A convolution that was folded has a bias there if the arrays have one. Where nothing is to be added, as in a network
    that is not folded, the result is the model itself, else a copy, whose `folded()` has the arrays for the model.

    >>> from npconv.models import mobilenet_v2
    >>> network = as_given(mobilenet_v2().folded(), {"bn_Conv1/moving_mean"}, "keras")
    >>> list(network.layers)[:4], "stem.bias" in network.params
    (['stem', 'stem_norm', 'stem_relu6', 'block_1'], False)
    """
    biased = {
        layer: bias in given
        for layer, (norm, bias) in normalisation_names("load_weights", model, naming).items()
        if any(name in given for name in norm)
    }

    def rebuilt(network: Network | Sequential, path: str) -> dict[str, Layer]:
        layers: dict[str, Layer] = {}
        for name, layer in network.layers.items():
            if isinstance(layer, Sequential):
                layer = layer.with_layers(rebuilt(layer, f"{path}{name}."))
            layers[name] = layer
            if isinstance(layer, Linear) and layer.folded_epsilon is not None and path + name in biased:
                kernel = layer.params["kernel"]
                layers[f"{name}_norm"] = BatchNorm(kernel.shape[-1], epsilon=layer.folded_epsilon, dtype=kernel.dtype)
                if not biased[path + name]:
                    del layer.params["bias"], layer.grads["bias"]
        return layers

    if not biased or not is_folded(model):
        return model
    twin = model.copy()
    return twin.with_layers(rebuilt(twin, ""))


def with_identity(own: Mapping[str, tuple[str, Array]], given: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays, with a scale of 1 or a shift of 0 where none of a network's normalisation has any."""
    full = dict(given)
    if any(name in given for name, (ours, _) in own.items() if ours.endswith(".mean")):
        for ending, value in IDENTITY.items():
            names = {name: view for name, (ours, view) in own.items() if ours.endswith(ending)}
            if names.keys().isdisjoint(given):
                full |= {name: np.full_like(view, value) for name, view in names.items()}
    return full
