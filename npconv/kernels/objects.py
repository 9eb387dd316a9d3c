"""Arrays of objects, such as numbers that count or that write themselves down."""

from typing import Any

import numpy as np

from .geometry import Array


class ObjectArray(np.ndarray[Any, Any]):
    """An array of objects from whose products no error is lost.

    When an object raises an error in one of a stack of matrix products, NumPy goes on with the others. The error may
    then be gone: entries are None, and Ctrl-C is not heard. So products with such an array are computed a matrix at a
    time.

    >>> a = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], object).view(ObjectArray)
    >>> (a @ np.array([[1, 0], [1, 1]])).tolist()
    [[[3, 2], [7, 4]], [[11, 6], [15, 8]]]
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: Any, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """The ufunc's result on plain arrays, as an array of this class."""
        operands = [_plain(each) for each in inputs]
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        if ufunc is np.matmul and max(a.ndim for a in operands) > 2:
            result = _stack_of_products(*operands, **options)
        else:
            result = getattr(ufunc, method)(*operands, **options)
        if out is not None:
            return out[0]
        return result.view(ObjectArray) if isinstance(result, np.ndarray) else result


def _plain(a: Any) -> Any:
    return a.view(np.ndarray) if isinstance(a, ObjectArray) else a


def _stack_of_products(a: Array, b: Array, out: tuple[Array, ...] | None = None) -> Array:
    """a @ b of at least two axes each, a matrix at a time."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y: Array = np.empty((*stack, a.shape[-2], b.shape[-1]), object) if out is None else out[0]
    a, b = (np.broadcast_to(each, (*stack, *each.shape[-2:])) for each in (a, b))
    for index in np.ndindex(*stack):
        y[index] = a[index] @ b[index]
    return y
