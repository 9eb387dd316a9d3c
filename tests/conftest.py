"""Profiles of how long to search (`pytest --hypothesis-profile=intense`: long), and Ctrl-C that is heard everywhere."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("intense", max_examples=2000, deadline=None)
settings.load_profile("default")


@pytest.fixture(autouse=True, scope="session")
def _hear_ctrl_c():
    """A shell lets what it runs in the background ignore Ctrl-C; the tests press it all the same."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
