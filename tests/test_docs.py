"""Every example in the docs and in the docstrings runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
from public import names_of

import npconv

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = [
    module.name for module in pkgutil.walk_packages(npconv.__path__, "npconv.") if not module.name.endswith("__main__")
]
KERNELS = {name: getattr(npconv, name) for name in names_of(npconv)}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings_run(name):
    module = importlib.import_module(name)
    # examples are written for someone who did `from npconv import *`
    result = doctest.testmod(module, extraglobs={"np": np, "npconv": npconv, **KERNELS, **vars(module)})
    assert result.failed == 0


@pytest.mark.parametrize("name", names_of(npconv))
def test_every_kernel_has_an_example(name):
    if name.endswith("Stages"):
        return
    assert ">>> " in getattr(npconv, name).__doc__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_blocks_of_the_docs_run(page, tmp_path, monkeypatch):
    """One page's ```python blocks run in order, in one namespace; a block with >>> in it as a doctest."""
    monkeypatch.chdir(tmp_path)
    namespace: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        if ">>> " in block:
            test = doctest.DocTestParser().get_doctest(block, namespace, page.name, str(page), 0)
            assert doctest.DocTestRunner().run(test, clear_globs=False).failed == 0
            namespace.update(test.globs)
        else:
            exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_the_docs_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_docs_that_docstrings_name_exist():
    for path in (ROOT / "npconv").rglob("*.py"):
        for target in re.findall(r"docs/[a-z/_-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), (path.name, target)
