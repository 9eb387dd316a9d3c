"""The .npz format: a zip archive of arrays, read without NumPy's trust in the sizes that its headers name."""

import sys
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from ...kernels.arguments import shown
from ...kernels.geometry import Array
from .numbers import byte_count

CHUNK = 2**20  # bytes that are unpacked at once
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file by name.

    Raises OSError where there is no such file, ValueError where a member is no plain array, holds Python objects, or
    has more or fewer bytes than its header says.
    """
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        if sum(member.compress_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("its members overlap")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in arrays:
                raise ValueError(f"{shown(name)} stands in it twice")
            with archive.open(member) as stream:
                arrays[name] = _array(shown(name), stream)
    return arrays


def _array(name: str, stream: IO[bytes]) -> Array:
    """A member's array; its bytes are unpacked before an array of its shape is made."""
    try:
        header = HEADERS[np.lib.format.read_magic(stream)]
        shape, fortran, dtype = header(stream)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{name} is no array in NumPy's format: {first_line(error)}") from error
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are not read")
    needed = byte_count(name, list(shape), dtype.itemsize)
    data = unpacked(stream, needed + 1)
    if len(data) != needed:
        got = f"{len(data):,}" if len(data) < needed else "more"
        raise ValueError(f"{name} must have {needed:,} bytes, as {dtype} {shape} needs; got {got}")
    array: Array = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def unpacked(stream: IO[bytes], most: int = sys.maxsize) -> bytearray:
    """A stream's bytes, at most so many; memory grows with what is there."""
    data = bytearray()
    while chunk := stream.read(min(CHUNK, most - len(data))):
        data += chunk
    return data


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind where it has none.

    >>> first_line(ValueError("one\\ntwo")), first_line(EOFError())
    ('one', 'EOFError')
    """
    return str(error).strip().split("\n")[0] or type(error).__name__
