"""A library's kernels, confirmed by what it computes with them."""

from typing import Any

import numpy as np

import npconv
from of_convolution import DEPTHWISE, GROUPED, SIGNALS, STANDARD, TRANSPOSED


def confirmed(kind: str, kernel: Any, y: Any) -> Any:
    """The kernel, where y, with channels last, is npconv's result; transposed at stride 2."""
    expected = {
        "standard": lambda: npconv.conv2d(SIGNALS, STANDARD),
        "grouped": lambda: npconv.grouped_conv2d(SIGNALS, GROUPED, groups=2),
        "depthwise": lambda: npconv.depthwise_conv2d(SIGNALS, DEPTHWISE),
        "transposed": lambda: npconv.transposed_conv2d(SIGNALS, TRANSPOSED, stride=2),
    }[kind]()
    if not np.array_equal(np.asarray(y), expected):
        raise SystemExit(f"a {kind} kernel of {kernel.shape} computes something else")
    return kernel
