"""The figures with their default sizes, each built once."""

import functools
from collections.abc import Callable

import pytest

from npconv.figures import BUILDERS, Figure


@pytest.fixture(scope="session")
def default() -> Callable[[str], Figure]:
    """A figure by its name, as its builder draws it without arguments."""
    return functools.cache(lambda name: BUILDERS[name]())
