"""Hypothesis strategies that construct convolutions: to test any implementation of them, ours or yours.

This module alone needs hypothesis (the extra `test`).
"""

from hypothesis import strategies as st

from .cases import Case, convolution_case


def convolutions(operation: str = "conv2d", *, explicit: bool = False) -> st.SearchStrategy[Case]:
    """Cases of an operation, as `convolution_case` constructs them, that shrink towards the smallest.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(convolutions("conv2d"))
    ... def check(case):
    ...     assert case.shapes["x"][1] != case.shapes["x"][2]
    >>> check()
    """

    @st.composite
    def build(draw: st.DrawFn) -> Case:
        return convolution_case(lambda low, high: draw(st.integers(low, high)), operation, explicit=explicit)

    return build()


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `Case.arrays` and `Case.upstream`."""
    return st.integers(0, 2**16)
