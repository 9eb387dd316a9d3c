"""How a backward is tested: against directional derivatives of its forward, and as the adjoint of a linear one."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import numpy as np

from ..kernels.geometry import Array

Function = Callable[..., Any]


def check_backward(
    forward: Function,
    backward: Function,
    *arrays: Array | None,
    method: Literal["complex", "central"] = "complex",
    seed: int = 0,
    **geometry: Any,
) -> None:
    """Hold backward's gradients against derivatives of forward, for every array of floats, along random directions.

    For a random upstream gradient dy and a random direction d of one array, ⟨gradient, d⟩ must be the derivative of
    ⟨dy, forward⟩ along d. It also checks that there is one gradient for each array of floats, each shaped like its
    array, and that no argument was changed.

    Args:
        forward, backward: y = forward(*arrays, **geometry), gradients = backward(dy, *arrays, **geometry): one
            gradient for each array of floats, in order; a lone one bare.
        arrays: ndarrays. Floats are differentiated, in float64; integers are held fixed, and have no gradient; None is
            passed on, and has the gradient None.
        method: "complex" steps into the imaginary direction, which is exact to rounding, and needs a forward that
            carries complex numbers; "central" differences work for any smooth forward, to about six digits.
        seed: of the random dy and directions.
        geometry: passed on.

    Raises:
        AssertionError: says which gradient is wrong, at which entry, by how much, and at which shapes.
        TypeError: an argument is not an ndarray, or method="complex" where forward can't carry complex numbers.
        ValueError: a method of another name, or no array of floats.

    Near a kink (a ReLU at 0) a derivative from two sides means nothing: choose arrays that stay off it, and test the
    kink by itself.

    >>> import npconv
    >>> rng = np.random.default_rng(0)
    >>> x, kernel = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((3, 2, 3, 4))
    >>> check_backward(npconv.conv2d, npconv.conv2d_backward, x, kernel, stride=2, padding="same")
    """
    if method not in ("complex", "central"):
        raise ValueError(f"check_backward: method must be 'complex' or 'central'; got {method!r}")
    rng = np.random.default_rng(seed)
    fixed = [_as_float64("check_backward", a) for a in arrays]
    if not any(_is_differentiable(a) for a in fixed):
        raise ValueError("check_backward: arrays must hold at least one array of floats")
    y = np.asarray(forward(*fixed, **geometry))
    dy = rng.standard_normal(y.shape)
    gradients = _gradients(backward, dy if y.ndim else dy[()], fixed, geometry)
    where = _shapes(forward, fixed, geometry)

    def derivative(position: int, direction: Array) -> float:
        """The derivative of ⟨dy, forward⟩ as that array moves along the direction."""
        a = fixed[position]
        assert a is not None
        if method == "complex":
            with _complex_step():
                moved = forward(*_replaced(fixed, position, a + 1e-30j * direction), **geometry)
            if not np.iscomplexobj(moved):
                raise TypeError(
                    "check_backward: method='complex' needs a forward that carries complex numbers, and its result is "
                    f"real; use method='central' ({where})"
                )
            return float((dy * np.imag(moved)).sum() / 1e-30)
        step = 1e-6 * max(1.0, float(np.abs(a).max()))
        ahead = forward(*_replaced(fixed, position, a + step * direction), **geometry)
        behind = forward(*_replaced(fixed, position, a - step * direction), **geometry)
        return float((dy * (ahead - behind)).sum() / (2 * step))

    tolerance = 1e-9 if method == "complex" else 1e-5
    for position, gradient in gradients.items():
        for _ in range(3):
            direction = rng.standard_normal(gradient.shape)
            expected = derivative(position, direction)
            scale = np.linalg.norm(gradient) * np.linalg.norm(direction) + abs(expected)
            if not abs((gradient * direction).sum() - expected) <= tolerance * scale:
                index = _worst_entry(gradient, direction, partial(derivative, position))
                unit = np.zeros(gradient.shape)
                unit[index] = 1
                raise AssertionError(
                    f"the gradient of {_name(forward, position)} is wrong: at {list(index)} backward says "
                    f"{gradient[index]:.6g}, and the derivative is {derivative(position, unit):.6g} ({where})"
                )


def check_adjoint(forward: Function, backward: Function, *arrays: Array, seed: int = 0, **geometry: Any) -> None:
    """Hold the backward of a sum of products to be its adjoint, exactly: ⟨dy, forward(v)⟩ = ⟨gradient, v⟩.

    For an operation that is linear in each of its arrays, as the convolutions are. The arrays give the shapes alone:
    their places are taken by small random whole numbers, so that both sides are equal to the last bit.

    Args:
        forward, backward: as in `check_backward`.
        arrays: ndarrays, of which the shapes count.
        seed: of the random numbers.
        geometry: passed on.

    Raises:
        AssertionError: says which gradient is wrong, at which shapes; or in which array forward is not linear.
        TypeError: an argument is not an ndarray.

    >>> import npconv
    >>> x, kernel = np.ones((2, 5, 4, 3)), np.ones((3, 2, 3, 4))
    >>> check_adjoint(npconv.conv2d, npconv.conv2d_backward, x, kernel, dilation=(2, 1))
    """
    rng = np.random.default_rng(seed)
    fixed = [rng.integers(-4, 5, _as_float64("check_adjoint", a).shape).astype(np.float64) for a in arrays]  # type: ignore[union-attr]
    where = _shapes(forward, fixed, geometry)
    y = forward(*fixed, **geometry)
    dy = rng.integers(-4, 5, y.shape).astype(np.float64)
    gradients = _gradients(backward, dy, fixed, geometry)
    for position, gradient in gradients.items():
        other = rng.integers(-4, 5, gradient.shape).astype(np.float64)
        moved = forward(*_replaced(fixed, position, other), **geometry)
        both = forward(*_replaced(fixed, position, fixed[position] + other), **geometry)
        name = _name(forward, position)
        if not np.array_equal(both, y + moved):
            raise AssertionError(f"{_label(forward)} is not linear in {name} ({where})")
        left, right = (dy * moved).sum(), (gradient * other).sum()
        if left != right:
            raise AssertionError(
                f"the gradient of {name} is not the adjoint: ⟨dy, forward⟩ = {left:g}, and ⟨gradient, {name}⟩ = "
                f"{right:g} ({where})"
            )


def _gradients(backward: Function, dy: Any, fixed: list[Any], geometry: dict[str, Any]) -> dict[int, Array]:
    """Backward's gradients by the position of their array, after checks of their number, shapes and good manners."""
    before: list[Any] = [None if a is None else a.copy() for a in (dy, *fixed)]
    returned = backward(dy, *fixed, **geometry)
    for name, a, b in zip(("dy", *range(len(fixed))), (dy, *fixed), before, strict=True):
        if a is not None and not np.array_equal(a, b):
            raise AssertionError(f"{_label(backward)} changed its argument {name}, of shape {a.shape}")
    positions = [i for i, a in enumerate(fixed) if a is None or _is_differentiable(a)]
    results = returned if isinstance(returned, tuple) else (returned,)
    if len(results) != len(positions):
        raise AssertionError(f"{_label(backward)} returned {len(results)} gradients for {len(positions)} arrays")
    gradients = {}
    for position, gradient in zip(positions, results, strict=True):
        a = fixed[position]
        if (a is None) != (gradient is None) or (a is not None and np.shape(gradient) != a.shape):
            expected, got = None if a is None else a.shape, None if gradient is None else np.shape(gradient)
            raise AssertionError(f"{_label(backward)}: gradient {position} must have the shape {expected}; got {got}")
        if a is not None:
            gradients[position] = np.asarray(gradient)
    return gradients


def _worst_entry(gradient: Array, direction: Array, derivative: Callable[[Array], float]) -> tuple[int, ...]:
    """An entry at which the gradient is wrong, found by halving the direction."""
    candidates = np.arange(gradient.size)
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


def _replaced(arrays: list[Any], position: int, a: Array) -> list[Any]:
    return [a if i == position else other for i, other in enumerate(arrays)]


def _is_differentiable(a: Array | None) -> bool:
    return a is not None and a.dtype.kind == "f"


def _as_float64(function: str, a: Array | None) -> Array | None:
    if a is not None and not isinstance(a, np.ndarray):
        raise TypeError(f"{function}: arrays must be numpy.ndarray or None; got {type(a).__name__}")
    return a.astype(np.float64) if a is not None and a.dtype.kind == "f" else a


def _label(function: Function) -> str:
    return getattr(function, "__name__", repr(function))


def _name(forward: Function, position: int) -> str:
    """What forward calls its argument at that position."""
    try:
        names = list(inspect.signature(forward).parameters)
    except (TypeError, ValueError):
        names = []
    return names[position] if position < len(names) else f"argument {position}"


def _shapes(forward: Function, arrays: list[Any], geometry: dict[str, Any]) -> str:
    shapes = [f"{_name(forward, i)} {'None' if a is None else a.shape}" for i, a in enumerate(arrays)]
    return ", ".join([f"{_label(forward)}: {shapes[0]}", *shapes[1:], *(f"{k}={v!r}" for k, v in geometry.items())])
