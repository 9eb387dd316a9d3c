"""OpenCV's answers."""

import cv2
import numpy as np

LIBRARY, VERSION = "opencv", f"opencv {cv2.__version__}"


def bilinear(x, size, option):
    return cv2.resize(x[0, :, :, 0], (size, 1)) if option is None else None


def nearest(x, size, option, mode=cv2.INTER_NEAREST):
    return cv2.resize(x[0, :, :, 0], (size, 1), interpolation=mode)


def nearest__exact(**given):
    return nearest(**given, mode=cv2.INTER_NEAREST_EXACT)


def suppression(boxes, scores, least):
    corners, far = boxes[:, [1, 0]], boxes[:, [3, 2]]
    if (far < corners).any():
        return None  # it takes widths and heights
    kept = cv2.dnn.NMSBoxes(np.hstack([corners, far - corners]), scores, 0.0 if least is None else least, 0.5)
    return np.asarray(kept).ravel()
