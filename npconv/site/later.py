"""Packages of Pyodide that are loaded when code first imports one of their modules, and not before."""

import hashlib
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import re
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
"""Pyodide's own files."""
LOCK = "pyodide-lock.json"
"""The file that names all packages with their hashes."""
LATER = "matplotlib"

Packages = Mapping[str, Mapping[str, Any]]


def needed(packages: Packages, *names: str) -> list[str]:
    """The packages of a lock file that these depend on, and themselves, each after what it depends on.

    >>> needed({"a": {"depends": ["b"]}, "b": {"depends": []}, "c": {"depends": []}}, "a")
    ['b', 'a']
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in packages:
            raise ValueError(f"{name} is missing from Pyodide's lock file")
        depends = (re.sub(r"[-_.]+", "-", each).lower() for each in packages[name]["depends"])
        found.update(dict.fromkeys(needed(packages, *depends)))
        found[name] = None
    return list(found)


class Later(importlib.abc.MetaPathFinder):
    """A finder that loads a package with what it depends on when a module of it is first imported.

    Args:
        packages: those of Pyodide's lock file.
        fetch: the bytes of a file of the lock file, by its name.
        folder: where packages are unpacked, on sys.path.
    """

    def __init__(self, packages: Packages, fetch: Callable[[str], bytes], folder: str) -> None:
        self.packages, self.fetch, self.folder = packages, fetch, folder
        self.owners = {module: name for name in needed(packages, LATER) for module in packages[name]["imports"]}
        self.there = {"numpy"}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's spec, once its package is there; None for modules of other packages."""
        if name not in self.owners or self.owners[name] in self.there:
            return None
        for package in needed(self.packages, self.owners[name]):
            if package not in self.there:
                self._unpack(self.packages[package])
                self.there.add(package)
        importlib.invalidate_caches()
        return importlib.machinery.PathFinder.find_spec(name, path, target)

    def _unpack(self, package: Mapping[str, Any]) -> None:
        file = package["file_name"]
        content = self.fetch(file)
        if hashlib.sha256(content).hexdigest() != package["sha256"]:
            raise ImportError(f"{file} is not the file that Pyodide's lock file names: its hash differs")
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            wheel.extractall(self.folder)


def install(packages: str, fetch: Callable[[str], Any]) -> None:
    """Let imports load matplotlib and what it needs: `packages` are the lock's in JSON, `fetch` gives a JsProxy."""
    folder = sysconfig.get_path("purelib")
    sys.meta_path.append(Later(json.loads(packages), lambda file: bytes(fetch(file).to_bytes()), folder))
