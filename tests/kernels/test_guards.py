"""Every kernel has the properties that guard it, and every mutant of it is caught by them."""

import importlib
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import guards
import pytest
from mutants import MUTANTS

import npconv

KERNELS = Path(npconv.__file__).parent / "kernels"


@pytest.mark.parametrize("name", guards.GUARDS)
def test_the_kernels_are_right(name):
    guards.GUARDS[name](npconv)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mutant_is_caught(mutant, tmp_path, monkeypatch):
    source = (KERNELS / f"{mutant.module}.py").read_text()
    assert source.count(mutant.old) >= 1, f"{mutant.module}.py no longer has: {mutant.old}"
    package = tmp_path / "mutated_kernels"
    shutil.copytree(KERNELS, package, ignore=shutil.ignore_patterns("__pycache__"))
    position = -1
    for _ in range(mutant.which):
        position = source.index(mutant.old, position + 1)
    (package / f"{mutant.module}.py").write_text(
        source[:position] + mutant.new + source[position + len(mutant.old) :], encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    kernels = SimpleNamespace()
    try:
        for file in sorted(package.glob("*.py")):
            module = importlib.import_module(f"mutated_kernels.{file.stem}")
            for name, value in vars(module).items():
                if callable(value) and getattr(value, "__module__", "").startswith("mutated_kernels"):
                    setattr(kernels, name, value)
        with pytest.raises(Exception):  # noqa: B017, PT011, PT012 - a mutant may also fail by an error of its own
            for guard in mutant.guards:
                guards.GUARDS[guard](kernels)
    finally:
        for name in [name for name in sys.modules if name.startswith("mutated_kernels")]:
            del sys.modules[name]
