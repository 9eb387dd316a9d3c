"""Questions about what stands beside a convolution: activations, pooling, normalisation, losses, resizing, boxes."""

from asking import Question

from .functions import KINKS, NANS_AND_ZEROS, POOLS
from .learning import FIRST_WEIGHTS, LOSSES, NORMALISATION
from .networks import NETWORKS
from .pictures import BOXES, RESIZING

QUESTIONS: list[Question] = [
    *KINKS, *NANS_AND_ZEROS, *POOLS, *NORMALISATION, *LOSSES, *RESIZING, *BOXES, *NETWORKS, *FIRST_WEIGHTS,
]  # fmt: skip
