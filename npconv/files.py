"""Files that are written whole or not at all, and folders that one process at a time holds."""

import errno
import io
import json
import os
import secrets
import stat
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file whole or not at all: its name never has a part of it. A missing folder is made.

    A new file has the permissions that the umask leaves. A file that is there keeps its permissions, and its owner
    where the system allows it; one that may not be written is left alone. A symbolic link stays, and the file that it
    leads to is written. As the file is replaced, its other hard links keep the old content. A pipe or a device is
    written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/new/file.txt", "whole")
    ...     Path(folder, "new", "file.txt").read_text()
    'whole'

    Raises OSError, with the path and the reason, where it cannot be written; an existing file is then unchanged.
    """
    content = content.encode() if isinstance(content, str) else content
    with _named(path):
        try:
            there = os.stat(path)
        except FileNotFoundError:
            there = None
        target = Path(os.path.realpath(path))
        if there is None or (stat.S_ISREG(there.st_mode) and target.exists() and not _standard(there)):
            _replace(target, content, there)
        else:  # a pipe, a device, an open file that has lost its name; for a folder this gives the error
            number = there and _standard(there)
            with open(number or path, "wb", closefd=not number) as stream:
                stream.write(content)


def _standard(there: os.stat_result) -> int:
    """The number of standard output or standard error where a file is one of them, as /dev/stdout is; else 0."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # which is closed, captured or not there
            stream.flush()
            if os.path.samestat(there, os.fstat(stream.fileno())):
                return stream.fileno()
    return 0


def _replace(target: Path, content: bytes, there: os.stat_result | None) -> None:
    """Write a new file in the target's folder, and replace the target by it."""
    mode = 0o666 if there is None else there.st_mode & 0o777
    if there is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".npconv-{secrets.token_hex(8)}")  # the target's name may be as long as names can be
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if there is not None:
                _take_over(temporary, there)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # some file systems say only now that they are full
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _take_over(temporary: Path, there: os.stat_result) -> None:
    """Give a new file the owner and the permissions of the one that it will replace."""
    if sys.platform != "win32":
        for owner, group in ((-1, there.st_gid), (there.st_uid, -1)):
            with suppress(OSError):  # only the superuser may give files away
                os.chown(temporary, owner, group)
    os.chmod(temporary, there.st_mode & 0o777)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Name the user's path in an OSError."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def alone(folder: str | Path, name: str = ".lock", *, wait: bool = False) -> Iterator[None]:
    """Hold a folder as long as a `with` lasts, so that one process at a time holds one name. A missing one is made.

    It is a lock of the operating system on a file of that name, which is removed afterwards. The lock ends with its
    process, however that ends, and with the children that it forked: a lock file that is left over locks nothing. Where
    the file system has no locks, nothing is locked either.

    Args:
        folder: the folder to hold.
        name: of the file in it.
        wait: whether to wait until another process releases it.

    Raises OSError where another holds it, or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, alone(folder):
    ...     [path.name for path in Path(folder).iterdir()]
    ['.lock']
    """
    path = Path(folder, name)
    with _named(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
    held, process = False, os.getpid()
    while not held:
        with _named(folder):
            file = open(path, "ab")  # noqa: SIM115 - below
        with file:
            if not _lock(file, wait):
                words = "is in use: another run writes there; wait, or name another folder"
                raise OSError(errno.EBUSY, f"{folder} {words}")
            with suppress(FileNotFoundError):  # where its last holder has just removed it
                held = os.path.samestat(os.stat(path), os.fstat(file.fileno()))
            if held:
                try:
                    yield
                finally:
                    if os.getpid() == process:  # and not a child that leaves the block too
                        with suppress(OSError):  # Windows doesn't remove what is open
                            path.unlink()


def _lock(file: IO[bytes], wait: bool) -> bool:
    """True where this process has the lock on an open file now, or where there are no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except ImportError:
        return True
    except OSError as error:  # Linux and macOS say EAGAIN, Windows EACCES or, after ten seconds, EDEADLK
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


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

    Raises OSError where there is no such file, ValueError where it is not an .npz file of plain arrays: pickled ones
    are refused.
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


def parse_json(text: str, *, unique: bool = False) -> Any:
    """The data of a text in JSON.

    Raises ValueError where it is none, for NaN and Infinity too, which JSON does not have, and for data nested too
    deeply; with `unique` also for an object that has a name twice.

    >>> parse_json('{"steps": [1, NaN]}')
    Traceback (most recent call last):
    ValueError: NaN is no number of JSON
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON")

    def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
            raise ValueError(f"{name!r:.200} stands in it twice")
        return data

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=named if unique else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
