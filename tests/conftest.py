"""The quick tests, profiles of how long to search (`pytest --hypothesis-profile=intense`: long), and Ctrl-C."""

import gc
import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

for library in ("OPENBLAS", "OMP", "MKL", "VECLIB"):  # before NumPy is imported: its arrays are small here
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("quick", max_examples=15, deadline=None, derandomize=True)
settings.register_profile("intense", max_examples=2000, deadline=None)
settings.load_profile("default")


@pytest.fixture(autouse=True, scope="session")
def _hear_ctrl_c():
    """A shell lets what it runs in the background ignore Ctrl-C; the tests press it all the same."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


HERE = Path(__file__).parent
QUICK = {HERE / name for name in ("kernels", "cost", "claims", "test_article.py")}
SLOW = {  # of these, what takes more than a second or two
    "test_the_mutant_is_caught",
    "test_it_enters_every_branch_of_the_kernels",
    "test_it_has_all_geometries_and_proves_some_of_them",
    "test_a_sum_over_many_positions_is_off_by_a_few_roundings",
    "test_conv2d_holds_64_mib_beside_result_and_padded_copy",
    "test_a_claim_of_numbers_that_are_not_finite_is_not_judged",
    "test_images_that_are_not_finite_are_not_judged_by_what_a_network_says_of_them",
}


def pytest_collection():
    """Collect no garbage while the tests are found: there are thousands, and all of them stay."""
    gc.disable()


def pytest_collection_finish():
    """From here on search only what the tests make for garbage."""
    gc.freeze()
    gc.enable()


def pytest_configure(config):
    """Search less for `pytest -m quick`, unless a profile is asked for."""
    if config.option.markexpr == "quick" and not config.getoption("--hypothesis-profile"):
        settings.load_profile("quick")


def pytest_collection_modifyitems(items):
    """Mark the kernels, the costs and the claims: `pytest -m quick` holds them in less than 30 s."""
    for item in items:
        slow = item.originalname in SLOW or re.search(r"\[v\d_", item.name)  # a paper's claim makes whole networks
        if {item.path, *item.path.parents} & QUICK and not slow:
            item.add_marker(pytest.mark.quick)


def pytest_ignore_collect(collection_path, config):
    """Import no other tests for `pytest -m quick`, as that takes as long as the quick ones."""
    beside = not {collection_path, *collection_path.parents} & QUICK
    return True if config.option.markexpr == "quick" and collection_path != HERE and beside else None
