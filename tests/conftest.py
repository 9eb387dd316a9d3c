"""Profiles of how long to search: `pytest --hypothesis-profile=intense` for a long one."""

from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("intense", max_examples=2000, deadline=None)
settings.load_profile("default")
