"""The check of any layer: its gradients in both modes, and its treatment of the arrays that it is given."""

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST_SEED, boolean, integer, kind_of
from ..kernels.geometry import Array
from .gradients import KINK, check_backward

Arrays = dict[str, Array]

KINDS = ("params", "grads", "state")
CALLS = {"forward": ("x", "training"), "backward": ("dy",)}
FRESH = "; a fresh layer in inference needs random biases, shifts and running means, as zeros leave units on a kink"


def check_layer(layer: Any, x: Array, *, training: bool = False, seed: int = 0) -> None:
    """Hold a layer's gradients against differences of its forward, for x and for every array of params.

    In training the derivative runs through the batch's statistics too. It also checks that

    - forward gives the same output for the same x and state, and changes neither x nor params, and state in training
      alone; backward changes none of x, dy, params and state;
    - dx is shaped like x; there is one gradient for each parameter, by the same name and in the same shape, and
      backward writes it whole, over what stood there before;
    - all arrays are updated in place: they are the same objects before and after.

    Args:
        layer: has forward(x, training), backward(dy), as `Sequential` calls them, and the mappings params, grads and
            state from names to arrays, all of them float64. The check works on a deep copy, and the layer is left as
            it was.
        x: an input for it, an ndarray of float64, none of its axes empty.
        training: the mode.
        seed: of the random dy and directions.

    Raises:
        AssertionError: says what is wrong: which gradient, at which entry, by how much; or what was changed.
        TypeError: a layer without these, or where x, or an array of the layer's, is not an ndarray of float64.
        ValueError: an empty x.

    Gradients are held against central differences as in `check_backward`; a step is 1e-6 times the array's largest
    size, at least 1e-6.

    Near a kink (a ReLU at 0) a difference means nothing: choose x and params such that no unit is close to one; where
    one is, the error says so. Fresh normalisation in inference puts units exactly on it: where all that a window sees
    is 0 behind a ReLU, mean 0 and shift 0 leave 0 for the next one. Give shift and mean random numbers before.

    >>> from npconv.layers import BatchNorm
    >>> layer = BatchNorm(3, dtype=np.float64)
    >>> check_layer(layer, np.random.default_rng(0).standard_normal((2, 5, 4, 3)), training=True)
    """
    _check_kinds(layer, x)
    boolean("check_layer", "training", training)
    seed = integer("check_layer", "seed", seed, 0, LARGEST_SEED)
    check = _Check(copy.deepcopy(layer), x.copy(), training, seed)
    y = check.forward_twice()
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    check.hold_backward(dy)
    for name in ("x", *layer.params):
        check.gradient(name)


class _Check:
    """One check of a layer's copy, with the arrays that it began with."""

    def __init__(self, layer: Any, x: Array, training: bool, seed: int) -> None:
        self.layer, self.x, self.training, self.seed = layer, x, training, seed
        self.where = f"{type(layer).__name__}, training={training}, x {x.shape}"
        self.held: dict[str, Arrays] = {kind: dict(getattr(layer, kind)) for kind in KINDS}
        self.first = {kind: _copies(self.held[kind]) for kind in ("params", "state")}
        self.given = {"x": x.copy(), **_under("params", self.first["params"])}
        self.mine = {"x": x, **_under("params", self.held["params"]), **_under("state", self.held["state"])}

    def run(self, value: Array, name: str = "x") -> Array:
        """Forward from the first params and state, with other values in x or in one parameter."""
        for kind, arrays in self.first.items():
            for key, array in arrays.items():
                self.held[kind][key][...] = array
        if name != "x":
            self.held["params"][name][...] = value
        y: Array = self.layer.forward(value if name == "x" else self.x, self.training)
        if not isinstance(y, np.ndarray):
            raise AssertionError(f"forward must return an ndarray; got {type(y).__name__} ({self.where})")
        return y

    def unchanged(self, step: str, before: Mapping[str, Array], now: Mapping[str, Array]) -> None:
        """Raise where an array is not what it was."""
        for key, array in before.items():
            if not np.array_equal(array, now[key], equal_nan=True):
                raise AssertionError(f"{step} changed {key}, of shape {array.shape} ({self.where})")

    def forward_twice(self) -> Array:
        """Forward's output, once forward was held to its manners."""
        y: Array = self.run(self.x).copy()
        resting = {} if self.training else _under("state", self.first["state"])
        self.unchanged("forward", self.given | resting, self.mine)
        if not np.array_equal(y, self.run(self.x), equal_nan=True):
            raise AssertionError(f"forward gives two outputs for the same x, params and state ({self.where})")
        if not np.isfinite(y).all():
            raise AssertionError(f"forward's output is not finite ({self.where})")
        return y

    def hold_backward(self, dy: Array) -> None:
        """Hold backward to its manners, and to have written every gradient whole."""
        before = {"dy": dy.copy(), **self.given, **_copies(_under("state", self.held["state"]))}
        for gradient in self.held["grads"].values():
            gradient[...] = np.nan  # what is not written, or added to, stays NaN
        dx = self.layer.backward(dy)
        self.unchanged("backward", before, {"dy": dy, **self.mine})
        for kind in KINDS:
            _check_in_place(kind, self.held[kind], getattr(self.layer, kind), self.where)
        if np.shape(dx) != self.x.shape:
            raise AssertionError(
                f"backward must return dx in the shape of x, {self.x.shape}; got {np.shape(dx)} ({self.where})"
            )
        for name, gradient in {"x": np.asarray(dx), **self.held["grads"]}.items():
            if np.isnan(gradient).any():
                index = [int(i) for i in np.argwhere(np.isnan(gradient))[0]]
                raise AssertionError(
                    f"backward leaves the gradient of {name} unwritten, or NaN, at {index} ({self.where})"
                )

    def gradient(self, name: str) -> None:
        """Hold one gradient against differences."""
        value = self.x if name == "x" else self.first["params"][name]

        def forward(array: Array) -> Array:
            return self.run(array, name)

        def backward(dy: Array, array: Array) -> Array:
            self.run(array, name)
            dx: Array = self.layer.backward(dy)
            return dx if name == "x" else self.held["grads"][name].copy()

        if not value.size:
            return
        try:
            check_backward(forward, backward, value, method="central", seed=self.seed)
        except AssertionError as error:
            message = str(error).replace("array", name, 1)
            raise AssertionError(f"{message} ({self.where}){FRESH if KINK in message else ''}") from None


def _check_kinds(layer: Any, x: Any) -> None:
    kind = type(layer).__name__
    for name, given in CALLS.items():
        method = getattr(layer, name, None)
        if not callable(method):
            raise TypeError(f"check_layer: layer must have a method {name}; got {kind}")
        signature = inspect.signature(method)
        try:
            signature.bind(*given)
        except TypeError:
            raise TypeError(
                f"check_layer: layer must have a method {name}({', '.join(given)}), called by position as Sequential "
                f"does; got {name}{signature} ({kind})"
            ) from None
    for name in KINDS:
        arrays = getattr(layer, name, None)
        if not isinstance(arrays, Mapping):
            raise TypeError(f"check_layer: layer.{name} must be a mapping from names to arrays; got {kind}")
        for key, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                raise TypeError(
                    f"check_layer: layer.{name}[{key!r}] must be an ndarray of float64, as differences need it: make "
                    f"the layer with dtype=np.float64; got {kind_of(array)}"
                )
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"check_layer: x must be an ndarray of float64: x.astype(np.float64); got {kind_of(x)}")
    if not x.size:
        raise ValueError(f"check_layer: x must have no empty axis; got x {x.shape}")
    if layer.params.keys() != layer.grads.keys():
        raise AssertionError(
            f"there must be one gradient for each parameter: {kind} has params {', '.join(layer.params) or 'none'}, "
            f"and grads {', '.join(layer.grads) or 'none'}"
        )
    for key, array in layer.params.items():
        if layer.grads[key].shape != array.shape:
            raise AssertionError(
                f"the gradient of {key} must have its shape, {array.shape}; got {layer.grads[key].shape} ({kind})"
            )


def _check_in_place(kind: str, held: Arrays, now: Mapping[str, Array], where: str) -> None:
    if held.keys() != now.keys():
        raise AssertionError(f"{kind} had {', '.join(held) or 'none'}, and now {', '.join(now) or 'none'} ({where})")
    for key, array in held.items():
        if now[key] is not array:
            raise AssertionError(f"{kind}[{key!r}] was replaced by another array; write into it instead ({where})")


def _under(kind: str, arrays: Mapping[str, Array]) -> Arrays:
    return {f"{kind}[{key!r}]": array for key, array in arrays.items()}


def _copies(arrays: Mapping[str, Array]) -> Arrays:
    return {key: array.copy() for key, array in arrays.items()}
