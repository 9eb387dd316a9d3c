"""The differences between the families of published weights: padding of stride-2 layers, batch normalisation."""

from ..kernels.arguments import one_of
from ..kernels.geometry import Padding
from ..layers.normalization import CONVENTIONS

FAMILIES = tuple(CONVENTIONS)


def check_conventions(function: str, conventions: str) -> None:
    """Check a family's name."""
    one_of(function, "conventions", conventions, FAMILIES)


def padding(conventions: str, dilation: int = 1, kernel_size: int = 3) -> Padding:
    """The padding of a 3×3 (or 5×5) convolution in a family's networks.

    Keras and TensorFlow pad "same": at stride 2 an even side gets one more row of zeros behind. torchvision and timm
    pad evenly, by the dilation (5×5: by twice as much). At stride 1 and at odd sides both are the same; at stride 2 and
    even sides the windows of the one lie a pixel off those of the other, and weights trained with one are not right
    with the other.

    >>> padding("keras"), padding("torchvision", dilation=2), padding("timm", kernel_size=5)
    ('same', 2, 2)
    """
    return "same" if conventions == "keras" else (kernel_size - 1) // 2 * dilation
