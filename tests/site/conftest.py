"""The site, built once for all tests, and a copy of it that runs Python in a browser."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

from npconv.site.build import build_site, make_live
from npconv.site.serve import server


@pytest.fixture(scope="session")
def extra_docs() -> None:
    """Skips what builds pages where Sphinx and its parts are missing."""
    for library in ("sphinx", "myst_parser", "furo", "latex2mathml"):
        pytest.importorskip(library, reason="the extra docs is not installed")


@pytest.fixture(scope="session")
def site(extra_docs, tmp_path_factory) -> Path:
    """The folder of the site, without Pyodide; it is not to be changed."""
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


@pytest.fixture(scope="module")
def served(request, tmp_path_factory) -> Iterator[tuple[Browser, str]]:
    """A browser, and the address at which the live site is served to it, without the last "/"."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    with server(request.getfixturevalue("live_site")) as made:  # which takes longer to build than to skip
        threading.Thread(target=made.serve_forever, daemon=True).start()
        browser = Browser(tmp_path_factory.mktemp("profile"))
        try:
            yield browser, f"http://127.0.0.1:{made.server_port}"
        finally:
            browser.close()
            made.shutdown()
