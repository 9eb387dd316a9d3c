"""How a kernel is tested, anyone's: gradients, adjoints, rounding, constructed cases, test vectors, formulas in words.

`npconv.checks.strategies` has the same cases as hypothesis strategies, and is the only module that needs hypothesis.
"""

from .cases import OPERATIONS, Case, convolution_case
from .explaining import explain
from .gradients import check_adjoint, check_backward
from .rounding import rounding_bound
from .vectors import make_vectors

__all__ = [
    "OPERATIONS",
    "Case",
    "check_adjoint",
    "check_backward",
    "convolution_case",
    "explain",
    "make_vectors",
    "rounding_bound",
]
