"""Questions about convolutions."""

import numpy as np
from asking import Question

ROW = np.arange(1.0, 9).reshape(1, 1, 8, 1)  # 1 to 8


def digits(size: int) -> np.ndarray:
    """The kernel 1, 10, 100, …: the digits of a result show which numbers a window met."""
    return 10.0 ** np.arange(size).reshape(1, size, 1, 1)


QUESTIONS = [
    Question(
        "same",
        {
            "2 weights": {"x": ROW, "kernel": digits(2), "stride": 1, "dilation": 1},
            "3, stride 2": {"x": ROW, "kernel": digits(3), "stride": 2, "dilation": 1},
            "3, stride 2, dilation 2": {"x": ROW, "kernel": digits(3), "stride": 2, "dilation": 2},
        },
        'conv2d(x, kernel, stride=stride, padding="same", dilation=dilation)',
    ),
]
