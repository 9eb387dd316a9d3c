"""The names that a module offers: its `__all__`, or what a package imports in order to offer it."""

from types import ModuleType
from typing import Any


def names_of(module: Any) -> list[str]:
    own = [name for name, value in vars(module).items() if name[0] != "_" and not isinstance(value, ModuleType)]
    return getattr(module, "__all__", own)
