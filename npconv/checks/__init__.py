"""Checks of any kernel or layer: gradients, proofs for all numbers, rounding, cases, test vectors.

`npconv.checks.box` proves npconv's own kernels on every geometry of a box. `npconv.checks.strategies` has the same
cases as hypothesis strategies, and is the only module that needs hypothesis.
"""

from .cases import OPERATIONS as OPERATIONS, Case as Case, convolution_case as convolution_case
from .explaining import explain as explain
from .gradients import check_backward as check_backward
from .layers import check_layer as check_layer
from .proving import Proof as Proof, check_adjoint as check_adjoint, prove_equal as prove_equal
from .reading import channels_read as channels_read, receptive_field as receptive_field
from .rounding import rounding_bound as rounding_bound
from .vectors import make_vectors as make_vectors, vectors_text as vectors_text
