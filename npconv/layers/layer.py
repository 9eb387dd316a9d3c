"""The base of all layers: kernels with parameters, gradients and running statistics, and a backward written by hand."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..cost import Cost
from ..files import as_npz, read_npz, write_whole
from ..kernels import arguments
from ..kernels.geometry import Array, Padding, Pair
from .initializers import FANS, Initializer, he_normal

Self = TypeVar("Self", bound="Layer")
MANY = 5  # differences that are told without being counted first


class Layer:
    """A layer: `forward` stores what `backward` needs, and `backward` writes the gradients of its parameters.

    `params`, `grads` and `state` (running statistics) are flat mappings from names to arrays. The arrays are updated in
    place, never replaced, so an optimiser or a network that holds them sees every change.

        y  = layer.forward(x, training=...)     training is False unless said
        dx = layer.backward(dy)                 and layer.grads then hold the gradients of layer.params

    `backward` belongs to the last `forward`, in its mode. Between the two x, y and the parameters must not change, as
    they are stored and not copied. Nothing is differentiated automatically: a layer calls its kernels'
    backward functions in the opposite order.
    """

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        self._saved: Any = None

    def forward(self, x: Array, training: bool = False) -> Array:
        """The output for x, channels last; `training` chooses between batch and running statistics.

        Raises TypeError or ValueError as the layer's kernels do.
        """
        raise NotImplementedError

    def backward(self, dy: Array) -> Array:
        """The gradient for the last forward's x, from dy shaped like its output; writes `grads`.

        Raises RuntimeError before any forward, TypeError or ValueError as the layer's kernels do.
        """
        raise NotImplementedError

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """The cost of forward on an input of that shape, batch included: a `npconv.cost.Cost`.

        Batch normalisation and activations count their parameters and no operation.
        """
        shape = arguments.sizes(f"{type(self).__name__}.cost", "input_shape", input_shape)
        return Cost(0, 0, sum(a.size for a in self.params.values()), shape)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The output's shape from the input's, batch included."""
        return self.cost(input_shape).output_shape

    def initialize(
        self: Self, seed: int | np.random.Generator, initializer: Initializer = he_normal, *, fans: str = "plain"
    ) -> Self:
        """Draw all kernels again, in their order, from one generator; biases to 0, normalisation to the identity.

        Args:
            seed: an int, or a generator that is drawn from.
            initializer: a function of `npconv.layers.initializers`, or one like them.
            fans: "plain", the sums as they are, or "keras", which counts M times the products of a depthwise kernel.

        Returns:
            The layer itself.

        Raises TypeError or ValueError for another seed, ValueError for other fans.
        """
        if fans not in FANS:
            raise ValueError(f"{type(self).__name__}.initialize: fans must be one of {', '.join(FANS)}; got {fans!r}")
        arguments.callables(f"{type(self).__name__}.initialize", initializer=initializer)
        rng = arguments.generator(f"{type(self).__name__}.initialize", seed)
        for layer in self.leaves():
            layer._draw(rng, initializer, fans)
        return self

    def folded(self: Self) -> Self:
        """A copy for inference, in which batch normalisation is folded into the convolution before it.

        Equal to the original with training=False, to rounding. The copy shares no array with the original. A layer with
        nothing to fold is just copied, and so is batch normalisation that does not stand right behind a convolution or
        dense layer of its own row.
        """
        return self.copy()

    def copy(self: Self) -> Self:
        """A copy with arrays of its own, which remembers no forward."""
        return copy.deepcopy(self)

    def forget(self) -> None:
        """Drop what the last forward stored, which may be large; there is no backward then."""
        self._saved = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_saved": None}

    def leaves(self) -> Iterator["Layer"]:
        """The layers that hold arrays themselves, in the order of forward."""
        yield self

    def arrays(self) -> dict[str, Array]:
        """All of `params` and `state` by name, as they are saved. Raises ValueError where a name stands in both."""
        if shared := ", ".join(name for name in self.params if name in self.state):
            raise ValueError(f"{type(self).__name__}: a parameter and a statistic can't share a name; got {shared}")
        return {**self.params, **self.state}

    def save(self, path: str | Path) -> None:
        """Write params and state to an .npz file, whole or not at all.

        Raises OSError where it cannot be written, ValueError as `arrays`.
        """
        write_whole(arguments.as_path(f"{type(self).__name__}.save", "path", path), as_npz(self.arrays()))

    def load(self, path: str | Path) -> None:
        """Take params and state from an .npz file that `save` wrote for a network like this one.

        Raises OSError where there is no such file, ValueError where it holds no plain arrays, or others than the
        network has: then all that is missing, left over or of another shape is listed, and nothing is changed.
        """
        file = arguments.as_path(f"{type(self).__name__}.load", "path", path)
        fill(self.arrays(), read_npz(file), f"{type(self).__name__}.load: {file}")

    def load_arrays(self, arrays: Mapping[str, Array]) -> None:
        """`load` from a mapping from names to arrays instead of a file; the values are copied.

        Raises TypeError where it is no mapping, ValueError as `load`, also for numbers beyond the layer's dtype.

        >>> from npconv.layers import Dense
        >>> layer = Dense(2, 3)
        >>> layer.load_arrays({"kernel": np.ones((2, 4))})
        Traceback (most recent call last):
        ValueError: Dense.load_arrays: the arrays don't fit: missing bias (3,); kernel must be (2, 3), got (2, 4)
        """
        fill(self.arrays(), arrays, f"{type(self).__name__}.load_arrays: the arrays")

    def _parameter(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        arguments.real_dtype(type(self).__name__, dtype)
        if math.prod(shape) > arguments.MOST:
            raise ValueError(f"{type(self).__name__}: {name} must have at most {arguments.MOST:,} numbers; got {shape}")
        self.params[name], self.grads[name] = np.zeros(shape, dtype), np.zeros(shape, dtype)

    def _draw(self, rng: np.random.Generator, initializer: Initializer, fans: str) -> None:
        """Set a leaf's own parameters and statistics to their first values."""

    def _remember(self) -> Any:
        """The value that the last forward stored, or what computes it."""
        if self._saved is None:
            raise RuntimeError(f"{type(self).__name__}.backward: there was no forward to go back through")
        if callable(self._saved):
            self._saved = self._saved()
        return self._saved

    def _facts(self) -> list[str]:
        """The words that `repr` shows in brackets: the parameters' shapes, and what a subclass adds."""
        return [f"{name} {a.shape}" for name, a in self.params.items()]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._facts())})"


def fill(own: Mapping[str, Array], arrays: Any, where: str, further: Sequence[str] = ()) -> None:
    """Write arrays into those of the same names, all or none.

    `where` begins the errors, which list all differences, `further` ones that the caller has found among them.
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"{where} must be a mapping from names to arrays; got {type(arrays).__name__}")
    found = [*differences(own, arrays), *further]
    count = f" in {len(found)} places" if len(found) > MANY else ""
    if found:
        raise ValueError(f"{where} don't fit{count}: " + "; ".join(found))
    for name, a in own.items():
        a[...] = arrays[name]


def differences(own: Mapping[str, Array], arrays: Mapping[str, Any]) -> list[str]:
    """Names, shapes and dtypes in which arrays differ from those that they are to be written into."""
    found = [f"missing {name} {a.shape}" for name, a in own.items() if name not in arrays]
    found += [f"left over {name} {np.shape(arrays[name])}" for name in arrays if name not in own]
    for name, a in own.items():
        if name in arrays and np.shape(arrays[name]) != a.shape:
            found.append(f"{name} must be {a.shape}, got {np.shape(arrays[name])}")
        elif name in arrays and np.asarray(arrays[name]).dtype.kind not in "iuf":
            found.append(f"{name} must hold real numbers, got dtype {np.asarray(arrays[name]).dtype}")
        elif name in arrays and (beyond := _beyond(np.asarray(arrays[name]), a.dtype)).size:
            found.append(f"{name} must hold numbers of {a.dtype}, got {beyond[0]:g}")
    return found


def positive_ints(function: str, **values: Any) -> list[int]:
    """A layer's sizes, once they are whole numbers above 0."""
    return [arguments.integer(function, name, value) for name, value in values.items()]


def checked_geometry(function: str, stride: Pair, padding: Padding, dilation: Pair) -> dict[str, Any]:
    """A layer's geometry as its kernel takes it, after the checks that need no input."""
    strides, dilations = arguments.pair(function, "stride", stride), arguments.pair(function, "dilation", dilation)
    arguments.padding_sides(function, padding, (1, 1), (1, 1), strides, dilations)
    geometry: dict[str, Any] = arguments.plain({"stride": stride, "padding": padding, "dilation": dilation})
    return geometry


def _beyond(given: Array, dtype: np.dtype[Any]) -> Array:
    """The finite numbers that would become infinite in that dtype."""
    with np.errstate(over="ignore"):
        beyond: Array = given[np.isfinite(given) & ~np.isfinite(given.astype(dtype))]
    return beyond
