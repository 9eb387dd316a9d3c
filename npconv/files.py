"""Files are written whole or not at all."""

import io
import os
import tempfile
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
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name.

    Raises OSError where there is no such file, ValueError where it is not an .npz file of plain arrays: what would have
    to be unpickled is refused.
    """
    content = io.BytesIO(Path(path).read_bytes())  # of a damaged file itself np.load would leave the handle open
    try:
        arrays = np.load(content, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array, and no names")
        with arrays:
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except Exception as error:  # damage shows as BadZipFile, EOFError, NotImplementedError, OSError, …
        raise ValueError(f"{path} is no .npz file of plain arrays: {error}") from error
