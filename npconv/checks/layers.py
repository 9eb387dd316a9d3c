"""How a layer is tested, anyone's: its gradients in both modes, and its manners with the arrays that it is given."""

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from .gradients import check_backward

Arrays = dict[str, Array]

KINDS = ("params", "grads", "state")
CALLS = {"forward": ("x", "training"), "backward": ("dy",)}
KINK = (
    "; but the slope of forward is another on each side of that point, as where a unit lies on the kink of a ReLU: a "
    "difference is no derivative there. Choose another x, and for a fresh layer in inference random numbers for "
    "biases, shift and the running mean, as all that is 0 leaves units on a kink"
)


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

    A gradient g passes where along three random directions d, ⟨g, d⟩ is the central difference to
    1e-5 · (‖g‖ · ‖d‖ + |difference|); a step is 1e-6 times the array's largest size, at least 1e-6.

    Near a kink (a ReLU at 0) a difference means nothing: choose x and params such that no unit is close to one; where
    one is, the error says so. Fresh normalisation in inference puts units exactly on it: where all that a window sees
    is 0 behind a ReLU, mean 0 and shift 0 leave 0 for the next one. Give shift and mean random numbers before.

    >>> from npconv.layers import BatchNorm
    >>> layer = BatchNorm(3, dtype=np.float64)
    >>> check_layer(layer, np.random.default_rng(0).standard_normal((2, 5, 4, 3)), training=True)
    """
    _check_kinds(layer, x)
    check = _Check(copy.deepcopy(layer), x.copy(), training, seed)
    y = check.forward_twice()
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    size = float(np.linalg.norm(dy) * np.linalg.norm(y))
    for name, gradient in check.backward_once(dy).items():
        check.gradient(name, gradient, dy, size)


class _Check:
    """One check of a layer's copy, with the arrays that it began with."""

    def __init__(self, layer: Any, x: Array, training: bool, seed: int) -> None:
        self.layer, self.x, self.training, self.seed = layer, x, training, seed
        self.rng = np.random.default_rng((seed, 1))  # for directions; dy is drawn from the seed alone
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

    def backward_once(self, dy: Array) -> Arrays:
        """The gradients of x and of all parameters by name, once backward was held to its manners."""
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
        gradients = {"x": np.array(dx), **_copies(self.held["grads"])}
        for name, gradient in gradients.items():
            if np.isnan(gradient).any():
                index = [int(i) for i in np.argwhere(np.isnan(gradient))[0]]
                raise AssertionError(
                    f"backward leaves the gradient of {name} unwritten, or NaN, at {index} ({self.where})"
                )
        return gradients

    def gradient(self, name: str, gradient: Array, dy: Array, size: float) -> None:
        """Hold one gradient against differences; `size` is that of ‖dy‖ · ‖y‖."""
        value = self.x if name == "x" else self.first["params"][name]

        def forward(array: Array) -> Array:
            return self.run(array, name)

        def backward(dy: Array, array: Array) -> Array:
            self.run(array, name)
            dx: Array = self.layer.backward(dy)
            return dx if name == "x" else self.held["grads"][name].copy()

        if not value.size:
            return
        # A gradient of 0, as a bias has that batch normalisation takes out again, comes out as rounding on both sides.
        if np.linalg.norm(gradient) <= 1e-12 * size:
            direction, step = self.rng.standard_normal(value.shape), _step(value)
            change = forward(value + step * direction) - forward(value - step * direction)
            if abs((dy * change).sum()) <= 2 * step * 1e-8 * size:
                return
        try:
            check_backward(forward, backward, value, method="central", seed=self.seed)
        except AssertionError as error:
            same = np.random.default_rng(self.seed)  # draws check_backward's dy and directions again
            kink = _has_kink(forward, value, gradient, same.standard_normal(dy.shape), same)
            message = str(error).replace("array", name)
            raise AssertionError(f"{message} ({self.where}){KINK if kink else ''}") from None


def _has_kink(
    forward: Callable[[Array], Array], value: Array, gradient: Array, dy: Array, rng: np.random.Generator
) -> bool:
    """Whether ⟨dy, forward⟩ rises ahead of value by another slope than behind it, by what the check can notice."""
    step, here = _step(value), forward(value).copy()
    for _ in range(3):
        direction = rng.standard_normal(value.shape)
        ahead = float((dy * (forward(value + step * direction) - here)).sum() / step)
        behind = float((dy * (here - forward(value - step * direction))).sum() / step)
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction) + abs(ahead + behind) / 2
        if abs(ahead - behind) > 2e-5 * scale:  # a smooth forward's slope changes by about a millionth in a step
            return True
    return False


def _step(value: Array) -> float:
    """The step of a difference, as `check_backward` takes it."""
    return 1e-6 * max(1.0, float(np.abs(value).max()))


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
                    f"the layer with dtype=np.float64; got {_kind(array)}"
                )
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"check_layer: x must be an ndarray of float64: x.astype(np.float64); got {_kind(x)}")
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


def _kind(value: Any) -> str:
    return f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
