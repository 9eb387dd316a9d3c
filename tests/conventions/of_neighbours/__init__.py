"""Questions about what stands beside a convolution: activations, pooling, normalisation, losses, resizing, objects."""

from asking import Question

from .evaluation import EVALUATION
from .functions import KINKS, NANS_AND_ZEROS, POOLS
from .learning import FIRST_WEIGHTS, LOSSES, NORMALISATION
from .networks import NETWORKS
from .pictures import BOXES, RESIZING

QUESTIONS: list[Question] = [
    *KINKS, *NANS_AND_ZEROS, *POOLS, *NORMALISATION, *LOSSES, *RESIZING, *BOXES, *EVALUATION, *NETWORKS,
    *FIRST_WEIGHTS,
]  # fmt: skip
