"""The differences between the families of published weights: padding of stride-2 layers, batch normalisation."""

from ..kernels.arguments import one_of
from ..kernels.geometry import Padding
from ..layers.normalization import CONVENTIONS

FAMILIES = tuple(CONVENTIONS)


def check_conventions(function: str, conventions: str) -> None:
    """Check a family's name."""
    one_of(function, "conventions", conventions, FAMILIES)


def padding(conventions: str, dilation: int = 1) -> Padding:
    """The padding of a 3×3 convolution in a family's networks.

    Keras and TensorFlow pad "same": at stride 2 an even side gets its one row of zeros behind. torchvision and timm pad
    evenly, by the dilation. At stride 1 and at odd sides both are the same; at stride 2 and even sides the windows of
    the one lie a pixel off those of the other, and weights trained with one are not right with the other.

    >>> padding("keras"), padding("torchvision", dilation=2)
    ('same', 2)
    """
    return "same" if conventions == "keras" else dilation
