"""`pytest -m quick` leaves no kernel out."""

import inspect
import re

import pytest
from public import names_of

import npconv

ENOUGH = 500  # quick tests: with fewer a part of them was asked for


def test_the_quick_tests_hold_every_kernel(request):
    items = [item for item in request.session.items if item.get_closest_marker("quick")]
    if len(items) < ENOUGH:
        pytest.skip("a part of the quick tests was asked for")
    sources = {inspect.getsource(function) for function in {item.function for item in items}}
    said = "\n".join({item.name for item in items} | sources)
    kernels = [name for name in names_of(npconv) if not name.endswith("Stages")]
    assert [name for name in kernels if not re.search(rf"\b{name}\b", said)] == []
