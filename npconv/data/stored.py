"""Files that ship in this folder: their paths and their contents."""

from pathlib import Path
from typing import Any

from ..files import parse_json, read_npz
from ..kernels.geometry import Array

FOLDER = Path(__file__).parent
DATA = (".json", ".npz")


def path(name: str) -> Path:
    """The path of a file that ships as data.

    Raises ValueError where `name` is more than a file's name, and FileNotFoundError, with the names that there are,
    where no file has it.

    >>> path("optdigits.npz").name
    'optdigits.npz'
    """
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(f"npconv.data.path: name must be a file's name, without a folder; got {name!r}")
    file = FOLDER / name
    if not file.is_file():
        there = ", ".join(sorted(each.name for each in FOLDER.iterdir() if each.suffix in DATA)) or "none"
        raise FileNotFoundError(f"npconv.data.path: no file {name!r} in {FOLDER}; there are: {there}")
    return file


def read_json(name: str) -> Any:
    """The contents of a JSON file that ships as data.

    Raises OSError where it is missing or can't be read, ValueError where it isn't JSON.

    >>> read_json("no such file.json")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: npconv.data.path: no file 'no such file.json' in ...
    """
    file = path(name)
    try:
        return parse_json(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of the decoders, of UTF-8 and of JSON
        raise ValueError(f"npconv.data.read_json: {file} is not JSON: {error}") from error


def read_arrays(name: str) -> dict[str, Array]:
    """The arrays of an .npz file that ships as data, by their names; pickled ones are refused.

    Raises OSError where it is missing or can't be read, ValueError where it isn't an .npz of plain arrays.

    >>> sorted(read_arrays("optdigits.npz"))
    ['images', 'labels']
    """
    return read_npz(path(name))
