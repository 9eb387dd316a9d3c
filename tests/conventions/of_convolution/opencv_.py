"""OpenCV's answers: filter2D, and blur as a variant."""

import cv2

LIBRARY, VERSION = "opencv", f"opencv {cv2.__version__}"


def same(x, kernel, stride, dilation):
    if stride != (1, 1):
        return None
    return cv2.filter2D(x[0, ..., 0], -1, kernel[..., 0, 0], borderType=cv2.BORDER_CONSTANT)


def flips(x, kernel, order):
    return None if order < 0 or kernel.dtype == complex else cv2.filter2D(x[0, ..., 0], -1, kernel[..., 0, 0])[:, 1:-1]


def borders(x, kernel):
    return cv2.filter2D(x[0, ..., 0], -1, kernel[..., 0, 0])


def integers(x, kernel):
    return cv2.filter2D(x[0, ..., 0], -1, kernel[..., 0, 0].astype(float))[:, 2:-1]


def rounding__filter2d(x, kernel):
    return cv2.filter2D(x[0, ..., 0], -1, kernel[..., 0, 0])[:, 1:]


def rounding__blur(x, kernel):
    return cv2.blur(x[0, ..., 0], (2, 1))[:, 1:] if kernel.min() > 0 else None
