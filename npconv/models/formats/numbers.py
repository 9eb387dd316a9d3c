"""Raw numbers of a file as arrays: sizes that are checked before anything is allocated, and exact wider floats."""

import math
import sys
from typing import IO, Any

import numpy as np

from ...kernels.arguments import is_int, shown
from ...kernels.geometry import Array

AXES = 32  # as many as an array can have in every release of NumPy
LARGEST = sys.maxsize  # bytes and numbers that an array can have


def byte_count(name: str, shape: Any, itemsize: int) -> int:
    """The bytes of an array of that shape, which is a list as JSON has it. ValueError for a shape that is none.

    >>> byte_count("stem", [3, 3, 3, 16], 4)
    1728
    """
    if not isinstance(shape, list) or not all(is_int(axis) and 0 <= axis <= LARGEST for axis in shape):
        raise ValueError(f"{name} must have a list of whole numbers from 0 on as its shape; got {shown(shape)}")
    if len(shape) > AXES:
        raise ValueError(f"{name} must have at most {AXES} axes; got {len(shape)}")
    if math.prod(axis for axis in shape if axis) * itemsize > LARGEST:
        raise ValueError(f"{name} must have a shape that an array can have; got {shown(shape)}")
    return math.prod(shape) * itemsize


def read_exactly(file: IO[bytes], count: int) -> bytearray:
    """So many bytes, which the file must have by its size. ValueError where it has become shorter."""
    data = bytearray(count)
    if file.readinto(data) != count:  # type: ignore[attr-defined]
        raise ValueError("it has become shorter while it was read")
    return data


def as_array(name: str, data: bytearray, dtype: str, shape: Any) -> Array:
    """Little-endian numbers as an array in the machine's order, of just that size. ValueError for bools but 0 and 1.

    >>> as_array("", bytearray(b"\\x00\\x80\\x01\\x00"), "<u2", [2, 1]).tolist()
    [[32768], [1]]
    """
    array: Array = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    if array.dtype == bool and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError(f"{name} must hold bools of 0 and 1; got {array.view(np.uint8).max()}")
    return np.asarray(array.reshape(shape), array.dtype.newbyteorder("="))


def from_bfloat16(bits: Array) -> Array:
    """The float32 numbers whose upper halves these 16 bits are; none is rounded.

    >>> from_bfloat16(np.array([0x3F80, 0xC040], np.uint16)).tolist()
    [1.0, -3.0]
    """
    wide: Array = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return wide
