"""Right answers to all exercises in plain NumPy, as a student might write them: no function needs another file."""

from ...exercises.bugs import solution_source as solution

__all__ = ["solution"]
