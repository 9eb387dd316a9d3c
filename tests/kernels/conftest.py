"""Lets the tests of this folder import guards.py and mutants.py."""

import sys
from pathlib import Path

import pytest

from npconv import threads

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def threads_in_use(monkeypatch):
    """A function that chooses the number of threads for this test, which are then used for any work."""
    monkeypatch.setattr(threads, "WORTH", 1)
    yield threads.use
    threads.use(None)
