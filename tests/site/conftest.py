"""The site, built once for all tests, and a copy of it that runs Python in a browser."""

import os
import shutil
from pathlib import Path

import pytest

from npconv.site.build import build_site, make_live


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the site, without Pyodide; it is not to be changed."""
    for library in ("sphinx", "myst_parser", "furo", "latex2mathml"):
        pytest.importorskip(library, reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site") / "site"
    build_site(folder)
    return folder


@pytest.fixture(scope="session")
def live_site(site, tmp_path_factory) -> Path:
    """The folder of the site with Pyodide, whose files are in the folder that NPCONV_PYODIDE names."""
    if not os.environ.get("NPCONV_PYODIDE"):
        pytest.skip("Pyodide is not here: NPCONV_PYODIDE names the folder with its files")
    folder = tmp_path_factory.mktemp("live") / "site"
    shutil.copytree(site, folder)
    make_live(folder, os.environ["NPCONV_PYODIDE"])
    return folder
