"""The reader of all formats, which knows them by the files' first bytes."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...kernels.arguments import as_path
from ...kernels.geometry import Array
from .foreign import read_hdf5, read_keras, read_onnx, read_torch
from .npz import first_line, read_npz
from .safetensors import read_safetensors
from .tensorflow_js import read_tensorflow_js


class FileFormat(NamedTuple):
    """A format: its name, the usual endings, a test of a file's first bytes, its reader.

    `certain` says that no file of it begins otherwise.
    """

    name: str
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]
    read: Callable[[Path], dict[str, Array]]
    certain: bool = True


def read_arrays(path: str | Path) -> dict[str, Array]:
    """The arrays of a file by the file's own names, groups joined by "/": what `load_weights` takes.

    Args:
        path: the file. Its first bytes say which format it has, whatever its ending. NumPy alone reads .npz,
            .safetensors, and TensorFlow.js's model.json with the shards beside it; h5py, torch and onnx, where they are
            installed, read .h5 and .keras, .pth, and .onnx.

    Returns:
        The arrays. bfloat16 is float32, and so are numbers that TensorFlow.js stores in 8 or 16 bits with a scale and a
        minimum. Text is passed over.

    Raises:
        TypeError: a path that is none.
        OSError: no such file.
        ImportError: a format whose library is not installed; it says what to install.
        ValueError: a file of another format, or one in which anything doesn't fit. Nothing is allocated because a
            header says so, Python objects are not unpickled, and shards outside the file's folder are not opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/weights.npz", stem=np.ones((3, 3, 3, 8), np.float32))
    ...     {name: a.shape for name, a in read_arrays(f"{folder}/weights.npz").items()}
    {'stem': (3, 3, 3, 8)}
    """
    file = as_path("read_arrays", "path", path)
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise ValueError("it is no file")
        return _reader(file)(file)
    except (OSError, ImportError, MemoryError):
        raise
    except Exception as error:  # a damaged zip archive's are of many kinds
        raise ValueError(f"read_arrays: {path}: {first_line(error)}") from error


def _reader(path: Path) -> Callable[[Path], dict[str, Array]]:
    """The reader for a file's first bytes, or for its ending where they show nothing."""
    with path.open("rb") as file:
        head = file.read(64)
    for known in FORMATS:
        if known.begins(head):
            return known.read
    for beginning, words in UNREAD.items():
        if beginning in head.lower():
            raise ValueError(words)
    got = f"it begins with {head[:16]!r}"
    for known in FORMATS:
        if path.name.lower().endswith(known.endings):
            if known.certain:
                raise ValueError(f"{got}, which no file of {known.name} does")
            return known.read
    names = ", ".join(f"{known.name} ({' '.join(known.endings)})" for known in FORMATS)
    raise ValueError(f"{got}, and its ending is none of those that are read: {names}")


def _read_zip(path: Path) -> dict[str, Array]:
    """The arrays of a zip archive, which three formats are."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise ValueError(
            "it is a program of TorchScript; torch.save(torch.jit.load(…).state_dict(), …) writes the weights alone"
        )
    if any(name.endswith("data.pkl") for name in names):
        return read_torch(path)
    return read_keras(path) if "config.json" in names or "model.weights.h5" in names else read_npz(path)


def _is_json(head: bytes) -> bool:
    return head.lstrip()[:1] in (b"{", b"[") and b"\0" not in head


FORMATS = (
    FileFormat("safetensors", (".safetensors",), lambda head: head[7:9] == b"\0{", read_safetensors, False),
    FileFormat("TensorFlow.js", (".json",), _is_json, read_tensorflow_js, False),
    FileFormat("NumPy and Keras", (".npz", ".keras"), lambda head: head[:2] == b"PK", _read_zip),
    FileFormat("HDF5", (".h5", ".hdf5"), lambda head: head[:8] == b"\x89HDF\r\n\x1a\n", read_hdf5),
    FileFormat("torch", (".pth", ".pt", ".bin", ".ckpt"), lambda head: head[:2] == b"\x80\x02", read_torch),
    FileFormat("ONNX", (".onnx",), lambda head: head[:1] == b"\x08" and head[1:2] < b"\x20", read_onnx, False),
)
UNREAD = {  # beginnings in lower case, and what the file is
    b"tfl3": "it is a model of TensorFlow Lite, which is not read",
    b"version https://git-lfs": "it is a pointer of Git LFS, and not yet the file: git lfs pull gets that",
    b"<!doctype": "it is a web page",
    b"<html": "it is a web page",
    b"\x93numpy": "it is one array without a name; numpy.savez writes several by their names",
}
