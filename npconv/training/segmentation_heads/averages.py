"""The masks that averages of the truth over the cells of a coarse map give, computed without training."""

import numpy as np

from ...kernels.arguments import integer
from ...kernels.geometry import Array
from ...kernels.resize import resize_bilinear
from ...segmentation import confusion_matrix
from ..segmentation import at_once, mean_iou
from ..wild_digits import SegmentationTask, digits_in_the_wild


def averaged_miou(strides: tuple[int, ...] = (2, 4, 8), *, task: SegmentationTask | None = None) -> dict[int, float]:
    """The mean intersection over union of a task's test masks, from averages of the truth at each of some strides.

    The score of a class in a cell of stride × stride pixels is its share of the cell's pixels. The scores are resized
    to the image linearly, and the class with the greatest wins. This is no bound for networks: scores may be other
    numbers than shares, and the best ones give better masks.

    Args:
        strides: ints, of which the images' height and width are multiples.
        task: a `SegmentationTask`; None is the digits in the wild, 200 test images of 11 classes.

    Raises TypeError or ValueError for a stride that is no int from 1 on, or that does not divide height and width.

    >>> task = SegmentationTask.of(digits_in_the_wild(train=1, test=10))
    >>> [round(value, 2) for value in averaged_miou((1, 4, 16), task=task).values()]
    [1.0, 0.85, 0.15]
    """
    if task is None:
        task = SegmentationTask.of(digits_in_the_wild(train=1))
    found = {}
    for stride in strides:
        stride = integer("averaged_miou", "stride", stride)
        matrix = np.zeros((task.classes, task.classes), np.int64)
        for part in at_once(task.x_test):
            masks = task.masks_test[part]
            matrix += confusion_matrix(masks, averaged_masks(masks, task.classes, stride), task.classes)
        found[stride] = mean_iou(matrix)
    return found


def averaged_masks(masks: Array, classes: int, stride: int) -> Array:
    """The masks from shares at a stride, (n, H, W)."""
    count, height, width = masks.shape
    if height % stride or width % stride:
        raise ValueError(f"averaged_miou: stride must divide height and width; got {stride} for masks {masks.shape}")
    chosen = masks[..., np.newaxis] == np.arange(classes, dtype=np.int64)  # (n, H, W, classes)
    cells = chosen.reshape(count, height // stride, stride, width // stride, stride, classes)
    shares = cells.mean(axis=(2, 4), dtype=np.float32)  # (n, H / stride, W / stride, classes)
    best: Array = resize_bilinear(shares, (height, width)).argmax(axis=-1)  # (n, H, W)
    return best
