"""The check of a backward against directional derivatives of its forward."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, cast

import numpy as np

from ..kernels.arguments import callables, generator, one_of
from ..kernels.geometry import Array
from ..text import counted

Function = Callable[..., Any]

KINK = (
    "; but forward's slope differs on the two sides of that point, as on the kink of a ReLU, where a difference is no "
    "derivative: choose arrays that stay off it"
)
ROUNDED = "; but differences with other steps vary by {:.2g}: does forward calculate in float64, and smoothly?"
CHUNK = 4096  # entries of about one size that share a direction: one of them weighs at least 1/4096 there


def check_backward(
    forward: Function,
    backward: Function,
    *arrays: Array | None,
    method: Literal["complex", "central"] = "complex",
    seed: int = 0,
    **geometry: Any,
) -> None:
    """Hold backward's gradients against derivatives of forward, for every array of floats, along random directions.

    For a random upstream gradient dy and a direction d of one array, ⟨gradient, d⟩ must be the derivative of
    ⟨dy, forward⟩ along d. Directions are sparse: each moves entries whose gradients are of about one size, and every
    entry is in one, so that a small gradient is not lost beside large ones. It also checks that there is one gradient
    for each array of floats, each shaped like its array, and that no argument was changed.

    Args:
        forward, backward: y = forward(*arrays, **geometry), gradients = backward(dy, *arrays, **geometry): one
            gradient for each array of floats, in order; a lone one bare, several in a tuple.
        arrays: ndarrays. Floats are differentiated, in float64; integers are held fixed, and have no gradient; None is
            passed on, and has the gradient None.
        method: "complex" steps into the imaginary direction, which is exact to rounding, and needs a forward that
            carries complex numbers; "central" differences work for any smooth forward, to about six digits.
        seed: of the random dy and directions.
        geometry: passed on; a kernel's own `method` or `seed` must be bound before.

    Raises:
        AssertionError: says which gradient is wrong, at which entry, by how much, and at which shapes; or that an
            argument was changed, or a result is not finite.
        TypeError: an argument or a result is not an ndarray, or method="complex" where forward can't carry complex
            numbers.
        ValueError: a method of another name, or no array of floats.

    A gradient passes where |⟨gradient, d⟩ − derivative| ≤ ε · (‖gradient‖ · ‖d‖ + |derivative|), the norm taken over
    the entries that d moves, with ε = 1e-9 for "complex" and 1e-5 for "central", and 1e-12 of the largest entry on
    top. A central difference that fails is taken again with other steps, and by how much these differ is allowed too,
    as far as it is rounding in float64.

    Near a kink (a ReLU at 0) a derivative from two sides means nothing: choose arrays that stay off it, and test the
    kink by itself. Where a failing entry lies on one, the error says so.

    >>> import npconv
    >>> rng = np.random.default_rng(0)
    >>> x, kernel = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((3, 2, 3, 4))
    >>> check_backward(npconv.conv2d, npconv.conv2d_backward, x, kernel, stride=2, padding="same")
    """
    callables("check_backward", forward=forward, backward=backward)
    one_of("check_backward", "method", method, ("complex", "central"))
    rng = generator("check_backward", seed)
    fixed = [_as_float64(a) for a in arrays]
    if not any(map(_is_differentiable, fixed)):
        raise ValueError("check_backward: arrays must hold at least one array of floats")
    central = method == "central"
    slopes = _Slopes(forward, fixed, geometry, rng, central)
    dy = slopes.dy if slopes.dy.ndim else slopes.dy[()]
    for position, gradient in gradients_of("check_backward", backward, dy, fixed, geometry).items():
        a, derivative = cast(Array, fixed[position]), partial(slopes.derivative, position)
        rounding = 1e-12 * slopes.size / _step(a)  # thousands of times that of float64
        for direction in _directions(gradient, rng):
            why = _why_wrong(gradient, direction, derivative, rounding, central=central)
            if why is None:
                continue
            index = _worst_entry(gradient, direction, derivative)
            unit = np.zeros(gradient.shape)
            unit[index] = 1
            expected = derivative(unit)
            if _on_a_kink(partial(slopes.rise, position), a, unit, max(np.abs(gradient).max(), abs(expected))):
                why = KINK
            raise AssertionError(
                f"the gradient of {name_of(forward, position)} is wrong: at {list(index)} backward says "
                f"{gradient[index]:.6g}, and the derivative is {expected:.6g} ({slopes.where}){why}"
            )


class _Slopes:
    """Derivatives of ⟨dy, forward⟩ for a random dy, with respect to each of forward's arrays."""

    def __init__(
        self, forward: Function, fixed: list[Any], geometry: dict[str, Any], rng: np.random.Generator, central: bool
    ) -> None:
        self.forward, self.fixed, self.geometry, self.central = forward, fixed, geometry, central
        self.where = call_of(forward, [None if a is None else a.shape for a in fixed], geometry)
        y = self.apply(fixed)
        if not np.isfinite(y).all():
            raise AssertionError(f"{label_of(forward)} returns numbers that are not finite ({self.where})")
        self.dy = rng.standard_normal(y.shape)
        self.size = float(np.linalg.norm(self.dy * y))

    def apply(self, arrays: list[Any]) -> Array:
        """Forward's output for other arrays."""
        return result_of("check_backward", self.forward, arrays, self.geometry)

    def rise(self, position: int, ahead: Array, behind: Array) -> float:
        """The rise of ⟨dy, forward⟩ from one value of that array to another."""
        y, y_behind = (self.apply(replaced(self.fixed, position, a)) for a in (ahead, behind))
        return float((self.dy * (y - y_behind)).sum())

    def derivative(self, position: int, direction: Array, times: float = 1) -> float:
        """The derivative of ⟨dy, forward⟩ as that array moves along the direction."""
        a: Any = self.fixed[position]
        if self.central:
            step = times * _step(a)
            return self.rise(position, a + step * direction, a - step * direction) / (2 * step)
        with _complex_step():
            moved = self.apply(replaced(self.fixed, position, a + 1e-30j * direction))
        if not np.iscomplexobj(moved):
            raise TypeError(
                "check_backward: method='complex' needs a forward that carries complex numbers, and its result is "
                f"real; use method='central' ({self.where})"
            )
        return float((self.dy * np.imag(moved)).sum() / 1e-30)


def _why_wrong(
    gradient: Array, direction: Array, derivative: Callable[..., float], rounding: float, *, central: bool
) -> str | None:
    """The end of the message where gradient and derivative differ along a direction by more than rounding, or None."""
    said, length = float((gradient * direction).sum()), float(np.linalg.norm(direction))
    size = np.linalg.norm(gradient[direction != 0]) * length
    least = (1e-12 * np.abs(gradient).max() + 1e-8 * rounding) * length  # backward's own rounding where it should be 0
    tolerance = 1e-5 if central else 1e-9
    estimates: list[float] = []
    for steps in ((1.0,), (0.5, 2.0, 4.0, 8.0)) if central else ((1.0,),):
        estimates += [derivative(direction, times) for times in steps]
        expected, spread = float(np.median(estimates)), max(estimates) - min(estimates)
        if abs(said - expected) <= tolerance * (size + abs(expected)) + least + min(2 * spread, rounding):
            return None
    return ROUNDED.format(spread) if spread > max(rounding, tolerance * abs(expected)) else ""


def _on_a_kink(slope: Callable[[Array, Array], float], a: Array, unit: Array, size: float) -> bool:
    """True if the slope differs on the two sides of an entry, and not by rounding, which grows as the step shrinks."""
    turns = [abs(slope(a + step * unit, a) - slope(a, a - step * unit)) / step for step in (_step(a), _step(a) / 8)]
    return turns[0] > 1e-4 * size and turns[1] < 2 * turns[0]


def _directions(gradient: Array, rng: np.random.Generator) -> Iterator[Array]:
    """Random directions, each along entries in which the gradient is of one size, to a factor of ten."""
    sizes = np.abs(gradient).ravel()
    tens = np.floor(-np.log10(np.maximum(sizes / (sizes.max(initial=0) or 1), 1e-12)))
    for ten in np.unique(tens):
        entries = np.flatnonzero(tens == ten)
        for part in np.array_split(entries, -(-len(entries) // CHUNK)):
            direction = np.zeros(gradient.shape)
            direction.flat[part] = rng.uniform(0.5, 1.5, len(part)) * rng.choice((-1, 1), len(part))
            yield direction


def _step(a: Array) -> float:
    """The step of a difference."""
    return 1e-6 * max(1.0, float(np.abs(a).max(initial=0)))


def results_of(function: str, kernel: Function, arrays: Sequence[Any], geometry: Mapping[str, Any]) -> list[Any]:
    """A kernel's results in copies, arrays or None; it returns a tuple of them or one, and changes no argument."""
    before: list[Any] = [None if a is None else np.copy(a) for a in arrays]
    returned = kernel(*arrays, **geometry)
    if isinstance(returned, list):
        raise TypeError(f"{function}: {label_of(kernel)} must return its arrays in a tuple; got a list")
    results = [
        None if a is None else array_of(function, kernel, a)
        for a in (returned if isinstance(returned, tuple) else (returned,))
    ]
    for position, (a, b) in enumerate(zip(arrays, before, strict=True)):
        if a is not None and not np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"):
            raise AssertionError(
                f"{label_of(kernel)} changed its argument {name_of(kernel, position)}, of shape {np.shape(a)}"
            )
    return results


def result_of(function: str, forward: Function, arrays: Sequence[Any], geometry: Mapping[str, Any]) -> Array:
    """The one array that a forward returns."""
    results = results_of(function, forward, arrays, geometry)
    if len(results) != 1 or results[0] is None:
        raise TypeError(f"{function}: {label_of(forward)} must return one array; got {len(results)}")
    y: Array = results[0]
    return y


def gradients_of(
    function: str, backward: Function, dy: Any, fixed: list[Any], geometry: dict[str, Any], *, whole: bool = False
) -> dict[int, Array]:
    """Backward's gradients by the position of their array, after checks of their number, shapes and kinds.

    There is one for each array of floats; where `whole`, for each array.
    """
    results = results_of(function, backward, [dy, *fixed], geometry)
    positions = [i for i, a in enumerate(fixed) if whole or a is None or _is_differentiable(a)]
    if len(results) != len(positions):
        raise AssertionError(
            f"{label_of(backward)} must return {counted('gradient', len(positions))}, one for each array that is "
            f"differentiated; got {counted('gradient', len(results))}"
        )
    gradients = {}
    for position, gradient in zip(positions, results, strict=True):
        a = fixed[position]
        if (a is None) != (gradient is None) or (a is not None and gradient.shape != a.shape):
            expected, got = (None if each is None else each.shape for each in (a, gradient))
            raise AssertionError(f"{label_of(backward)}: gradient {position} must have the shape {expected}; got {got}")
        if a is not None:
            if gradient.dtype.kind not in "fiu":
                raise TypeError(
                    f"{function}: {label_of(backward)} must return real numbers; got dtype {gradient.dtype} for "
                    f"gradient {position}"
                )
            if not np.isfinite(gradient).all():
                raise AssertionError(f"{label_of(backward)}: gradient {position} is not finite")
            gradients[position] = gradient
    return gradients


def array_of(function: str, kernel: Function, result: Any) -> Array:
    """A copy of a kernel's result, held to be an ndarray or a NumPy scalar."""
    if not isinstance(result, np.ndarray | np.generic):
        raise TypeError(f"{function}: {label_of(kernel)} must return numpy.ndarray; got {type(result).__name__}")
    return np.array(result)


def _worst_entry(gradient: Array, direction: Array, derivative: Callable[[Array], float]) -> tuple[int, ...]:
    """An entry at which the gradient is wrong, found by halving the direction."""
    candidates = np.arange(gradient.size, dtype=np.int64)
    while len(candidates) > 1:
        errors = []
        halves = np.array_split(candidates, 2)
        for half in halves:
            part = np.zeros(gradient.shape)
            part.flat[half] = direction.flat[half]
            errors.append(abs((gradient * part).sum() - derivative(part)))
        candidates = halves[int(np.argmax(errors))]
    return tuple(int(i) for i in np.unravel_index(candidates[0], gradient.shape))


@contextmanager
def _complex_step() -> Iterator[None]:
    """A forward that drops the imaginary part would seem to have no derivative: make it an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", _ComplexWarning)
        try:
            yield
        except _ComplexWarning as dropped:
            raise TypeError(
                f"check_backward: forward drops the complex step ({dropped}); use method='central'"
            ) from None


_ComplexWarning: type[Warning] = np.exceptions.ComplexWarning


def replaced(arrays: list[Any], position: int, a: Array) -> list[Any]:
    """The arrays with another one at that position."""
    return [a if i == position else other for i, other in enumerate(arrays)]


def _is_differentiable(a: Array | None) -> bool:
    return a is not None and a.dtype.kind == "f"


def _as_float64(a: Array | None) -> Array | None:
    if a is not None and not isinstance(a, np.ndarray):
        raise TypeError(f"check_backward: arrays must be numpy.ndarray or None; got {type(a).__name__}")
    return a.astype(np.float64) if a is not None and a.dtype.kind == "f" else a


def label_of(function: Function) -> str:
    """The name of a function."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def name_of(forward: Function, position: int) -> str:
    """The name of forward's argument at that position."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names[position] if position < len(names) else f"argument {position}"


def call_of(forward: Function, shapes: Sequence[Sequence[int] | None], geometry: dict[str, Any]) -> str:
    """A call in words: the function, the shapes of its arrays and its geometry."""
    given = [f"{name_of(forward, i)} {shape}" for i, shape in enumerate(shapes)]
    return ", ".join([f"{label_of(forward)}: {given[0]}", *given[1:], *(f"{k}={v!r}" for k, v in geometry.items())])
