"""How a kernel or a layer is tested, anyone's: gradients, proofs for all numbers, rounding, cases, test vectors.

`npconv.checks.box` proves npconv's own kernels on every geometry of a box. `npconv.checks.strategies` has the same
cases as hypothesis strategies, and is the only module that needs hypothesis.
"""

from .cases import OPERATIONS, Case, convolution_case
from .explaining import explain
from .gradients import check_backward
from .layers import check_layer
from .proving import Proof, check_adjoint, prove_equal
from .rounding import rounding_bound
from .vectors import make_vectors

__all__ = [
    "OPERATIONS",
    "Case",
    "Proof",
    "check_adjoint",
    "check_backward",
    "check_layer",
    "convolution_case",
    "explain",
    "make_vectors",
    "prove_equal",
    "rounding_bound",
]
