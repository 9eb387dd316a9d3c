"""Python for the reader's browser: Pyodide's files, checked, and npconv's own wheel."""

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import urlsplit

from .. import __version__
from ..files import parse_json, write_whole
from .later import CORE, LATER, LOCK, needed

FOLDER = "_pyodide"
WHEEL = f"npconv-{__version__}-py3-none-any.whl"
SINCE = (3, 10)  # of Python, that npconv needs


def check_pyodide(folder: str | Path) -> list[Path]:
    """The files of Pyodide in a folder that pages need: its own, NumPy's, matplotlib's, and what these depend on.

    The packages have the hashes of the folder's pyodide-lock.json, which has none of Pyodide's own files.

    Raises FileNotFoundError where a file is missing, ValueError where one is not the lock file's, or that is none.
    """
    folder = Path(folder)
    own = [folder / name for name in (*CORE, LOCK)]
    for path in own:
        _there(path)
    try:
        lock = parse_json(own[-1].read_text(encoding="utf-8"))
        python = tuple(map(int, lock["info"]["python"].split(".")[:2]))
        packages = [lock["packages"][name] for name in needed(lock["packages"], "numpy", LATER)]
        hashes = {folder / package["file_name"]: package["sha256"] for package in packages}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"check_pyodide: {own[-1]} must be Pyodide's lock file, with NumPy and {LATER}: {error}"
        ) from error
    if python < SINCE:
        raise ValueError(f"check_pyodide: pyodide must have Python {'.'.join(map(str, SINCE))} or later; got {python}")
    for path, wanted in hashes.items():
        _there(path)
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise ValueError(f"check_pyodide: {path} must be the file that {LOCK} names; its hash differs")
    return [*own, *hashes]


def _there(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"check_pyodide: {path} is missing")


def settings(pyodide: str | Path, root: str) -> dict[str, str]:
    """The addresses for a page that runs Python; `root` is the site's, relative to the page, and ends in "/".

    >>> settings("a folder", "../")["pyodide"]
    '../_pyodide/'

    Raises ValueError where `pyodide` is an address that a page can't load from.
    """
    address = str(pyodide) if is_address(pyodide) else f"{root}{FOLDER}/"
    return {"pyodide": address, "wheel": f"{root}_static/{WHEEL}", "root": root}


def is_address(pyodide: str | Path) -> bool:
    """True for an address, which ends in "/"; False for a folder's path.

    >>> is_address("https://example.org/pyodide/"), is_address("pyodide")
    (True, False)

    Raises ValueError for an address with another ending, or one that a page can't load from.
    """
    parts = urlsplit(str(pyodide))
    if "://" not in str(pyodide):
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or not str(pyodide).endswith("/"):
        raise ValueError(
            f"is_address: pyodide must be a folder, or an address such as https://…/ that ends in /; got {pyodide}"
        )
    return True


def add_runtime(site: Path, pyodide: str | Path) -> None:
    """Write the wheel into a site, and Pyodide's files if `pyodide` is a folder; raises what `check_pyodide` raises."""
    if not is_address(pyodide):
        for path in check_pyodide(pyodide):
            write_whole(site / FOLDER / path.name, path.read_bytes())
    write_whole(site / "_static" / WHEEL, wheel())


def wheel() -> bytes:
    """This package as a wheel: the same files give the same bytes.

    >>> zipfile.ZipFile(io.BytesIO(wheel())).namelist()[0]
    'npconv/__init__.py'
    """
    info = f"npconv-{__version__}.dist-info"
    files = _package()
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: npconv\nVersion: {__version__}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: npconv\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    hashes = {name: urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=") for name, content in files.items()}
    record = [f"{name},sha256={hashes[name].decode()},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)  # whose date is always the same
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return buffer.getvalue()


def _package() -> dict[str, bytes]:
    """The files of the package by their names in a wheel."""
    root = Path(__file__).parents[1]
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root.parent).as_posix(): path.read_bytes() for path in files}
