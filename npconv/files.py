"""Files are written whole or not at all."""

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file so that at no moment a part of it stands under its name; its folder is made where it is missing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/new/file.txt", "whole")
    ...     Path(folder, "new", "file.txt").read_text()
    'whole'

    Raises OSError, with the path and the reason, where it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def as_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays by name as the bytes of an .npz file; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # numpy.savez has arguments of its own, which no array may be called
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())  # whose date is always the same
    return buffer.getvalue()


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name.

    Raises OSError where there is no such file, ValueError where it is not an .npz file of plain arrays: what would have
    to be unpickled is refused.
    """
    arrays, damaged = readable_npz(path)
    for name, reason in damaged.items():
        raise ValueError(f"{path} is no .npz file of plain arrays: {name}: {reason}")
    return arrays


def readable_npz(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of an .npz file by name, and for each member that is no plain array the reason.

    Raises OSError where there is no such file, ValueError where it is no .npz file at all.
    """
    arrays, damaged = {}, {}
    with Path(path).open("rb") as stream:  # of a damaged file np.load itself would leave the handle open
        try:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is not a zip archive of arrays by name")
            stream.seek(0)
            file = np.load(stream, allow_pickle=False)
        except Exception as error:  # damage shows as BadZipFile, EOFError, NotImplementedError, OSError, …
            raise ValueError(f"{path} is no .npz file of plain arrays: {error}") from error
        with file:
            for name in file.files:
                try:
                    array = file[name]
                except Exception as error:  # and as TokenError, MemoryError, zlib.error, …
                    damaged[name] = f"it can't be read as a plain array: {str(error) or type(error).__name__}"
                    continue
                if isinstance(array, np.ndarray):
                    arrays[name] = array
                else:
                    damaged[name] = "it is not an array"
    return arrays, damaged
