"""Images of one's own with a label for each pixel, and perhaps boxes too, read from a file and checked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..kernels.arguments import as_path
from ..kernels.geometry import Array
from ..text import counted, plural
from .detection_data import NAMES as WITH_BOXES, objects_of, scenes_of, with_boxes
from .tasks import arrays_of, images_in, odd_images, some, unfit, untrained, unused
from .wild_digits import IGNORE, DetectionTask, SegmentationTask

PARTS = ("train", "test")
NAMES = tuple(f"{name}_{part}" for part in PARTS for name in ("x", "masks"))
ALL_NAMES = (*WITH_BOXES, *(f"masks_{part}" for part in PARTS))


def read_segmentation_task(path: str | Path) -> SegmentationTask:
    """A task from an .npz file of images and of their masks, and nothing else.

    The file has four arrays, for each of the parts train and test:

    - x_train (n, H, W) or (n, H, W, C): the images, of uint8, which become x / 127.5 − 1, or of floats, which are taken
      as they are; H and W are 8 or more;
    - masks_train (n, H, W): the class of each pixel, whole numbers from 0, the background, to 254; or 255 where a pixel
      is to be ignored.

    There are as many classes as the largest label to learn from + 1. `segmentation_remarks` warns of data that are
    valid but odd.

    Raises OSError where the file can't be read, and one ValueError that lists everything that does not fit: missing or
    other names, ranks, kinds, empty arrays, sides or channels that differ, images below 8 pixels a side, values that
    are not finite, masks of another size than the images, labels out of range, masks of the background alone or of 0
    and 255 alone, classes to test that are not trained, damaged or pickled arrays.

    >>> import tempfile
    >>> x, masks = np.zeros((3, 40, 50), np.uint8), np.zeros((3, 40, 50), np.uint8)
    >>> masks[:, 5:20, 7:], masks[:, 30:] = 2, 255
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/mine.npz", x_train=x, masks_train=masks, x_test=x[:1], masks_test=masks[:1])
    ...     task = read_segmentation_task(f"{folder}/mine.npz")
    >>> task.name, task.x_train.shape, task.masks_test.shape, task.classes
    ('mine', (3, 40, 50, 1), (1, 40, 50), 3)
    """
    path = as_path("read_segmentation_task", "path", path)
    arrays, wrong = arrays_of("read_segmentation_task", path, NAMES)
    images, masks = scenes_of(arrays, wrong), _masks_of(arrays, wrong)
    if wrong or images is None or masks is None:
        raise unfit("read_segmentation_task", path, wrong)
    (x_train, x_test), (masks_train, masks_test) = images, masks
    return SegmentationTask(
        name=path.stem,
        x_train=x_train,
        masks_train=masks_train,
        x_test=x_test,
        masks_test=masks_test,
        classes=max(_labels_in(masks_train)) + 1,
        description=images_in(path, x_train),
    )


def read_multi_task(path: str | Path) -> DetectionTask:
    """A task from an .npz file of images, of the objects in them, and of their masks, and nothing else.

    The file has twelve arrays: those of `read_detection_task`, and masks_train and masks_test as those of
    `read_segmentation_task`. Objects and pixels share their classes, of which there are as many as the largest label to
    learn from + 1, at most 255. `multi_remarks` warns of data that are valid but odd.

    Raises OSError where the file can't be read, and one ValueError that lists everything that does not fit, as
    `read_detection_task` and `read_segmentation_task`.

    >>> import tempfile
    >>> part = {"x": np.zeros((2, 40, 50), np.uint8), "boxes": np.array([[5, 7, 20, 50]]), "labels": np.array([1])}
    >>> part |= {"images": np.array([1]), "masks": np.zeros((2, 40, 50), np.uint8)}
    >>> part["masks"][1, 5:20, 7:] = 1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/mine.npz", **{f"{name}_{p}": a for p in ("train", "test") for name, a in part.items()})
    ...     task = read_multi_task(f"{folder}/mine.npz")
    >>> task.classes, [len(boxes) for boxes in task.boxes_train], task.masks_train.shape
    (2, [0, 1], (2, 40, 50))
    """
    path = as_path("read_multi_task", "path", path)
    arrays, wrong = arrays_of("read_multi_task", path, ALL_NAMES)
    images, objects = scenes_of(arrays, wrong), objects_of(arrays, wrong, IGNORE - 1)
    masks = _masks_of(arrays, wrong)
    if wrong or images is None or objects is None or masks is None:
        raise unfit("read_multi_task", path, wrong)
    classes = max(*_labels_in(masks[0]), *objects[0][1].tolist()) + 1
    return replace(with_boxes(path, images, objects, classes), masks_train=masks[0], masks_test=masks[1])


def segmentation_remarks(task: SegmentationTask) -> list[str]:
    """Warnings about a task that is valid but may be a mistake: channels before height, classes without a pixel.

    >>> x, masks = np.zeros((1, 8, 8, 1), np.float32), np.full((1, 8, 8), 2, np.uint8)
    >>> for remark in segmentation_remarks(SegmentationTask("mine", x, masks, x, masks * 0, 3, "images")):
    ...     print(remark)
    no training mask has the labels 0, 1, and there are 3 classes: labels are counted from 0
    no test mask has the labels 1, 2: each has an IoU of 0 where the network finds it, and else none
    """
    return odd_images(task.x_train) + _odd_masks(task.masks_train, task.masks_test, task.classes)


def multi_remarks(task: DetectionTask) -> list[str]:
    """Warnings about a task with boxes and masks that is valid but may be a mistake.

    They are those of `segmentation_remarks`, and of classes without an object, and of boxes without a pixel of their
    class.

    >>> x, masks = np.zeros((1, 8, 8, 1), np.float32), np.eye(8, dtype=np.uint8)[np.newaxis]
    >>> boxes, labels = [np.array([[0.0, 0, 4, 4], [0, 4.5, 4, 8]])], [np.array([1, 1])]
    >>> multi_remarks(DetectionTask("mine", x, boxes, labels, x, boxes, labels, 2, "images", masks, masks))
    ['1 of 2 training boxes has no pixel of its label in the mask, first one of image 0, with the label 1']
    """
    assert task.masks_train is not None
    assert task.masks_test is not None
    labels = np.concatenate(task.labels_train).tolist()
    return [
        *odd_images(task.x_train),
        *unused(range(1, task.classes), labels, task.classes, "object"),
        *_odd_masks(task.masks_train, task.masks_test, task.classes),
        *_empty_boxes(task.boxes_train, task.labels_train, task.masks_train),
    ]


def _masks_of(arrays: Mapping[str, Array], wrong: list[str]) -> tuple[Array, Array] | None:
    """The masks to learn from and those of the test, of uint8; None, and why, for faults."""
    train, test = (_masks(arrays, part, wrong) for part in PARTS)
    if train is None or test is None:
        return None
    untrained("masks", _labels_in(train), _labels_in(test), wrong)
    return train, test


def _masks(arrays: Mapping[str, Array], part: str, wrong: list[str]) -> Array | None:
    """The masks of one part as (n, H, W) of uint8; where they are none, why."""
    name, a, x = f"masks_{part}", arrays.get(f"masks_{part}"), arrays.get(f"x_{part}")
    if a is None:
        return None
    before = len(wrong)
    if a.ndim != 3:
        wrong.append(f"{name} must be (n, H, W), one label a pixel; it is {a.shape}")
    elif not a.size:
        wrong.append(f"{name} is empty: {a.shape}")
    elif x is not None and x.ndim in (3, 4) and a.shape != x.shape[:3]:
        wrong.append(f"{name} must be {x.shape[:3]}, a label for each pixel of x_{part}; it is {a.shape}")
    if a.dtype.kind not in "iu":
        wrong.append(f"{name} must hold integers; it holds {a.dtype}")
    elif a.size and not 0 <= int(a.min()) <= int(a.max()) <= IGNORE:
        wrong.append(
            f"{name} must be from 0, the background, to {IGNORE - 1}, or {IGNORE}, which is ignored; it spans "
            f"{a.min()} to {a.max()}"
        )
    if len(wrong) > before:
        return None
    masks: Array = a.astype(np.uint8)
    labels = _labels_in(masks)
    if not labels:
        wrong.append(f"{name} must have other labels than {IGNORE}, which is ignored; all its pixels are {IGNORE}")
    elif part == "train" and labels == [0]:
        told = _black_and_white(name, masks) or [f"all pixels of {name} are 0, the background"]
        wrong.append(f"{name} must have a label above 0; {told[0]}")
    return None if len(wrong) > before else masks


def _black_and_white(name: str, masks: Array) -> list[str]:
    """A warning about masks of 0 and 255 alone."""
    if _labels_in(masks) != [0] or not (masks == IGNORE).any():
        return []
    return [
        f"{name} has 0 and {IGNORE} alone, and {IGNORE} is ignored: where it stands for the object, as in black-and-"
        f"white pictures, divide by {IGNORE}"
    ]


def _labels_in(masks: Array) -> list[int]:
    """The labels of pixels that are not ignored, in rising order."""
    counts = np.sum([np.bincount(mask.ravel(), minlength=IGNORE + 1) for mask in masks], axis=0)
    labels: list[int] = np.flatnonzero(counts[:IGNORE]).tolist()
    return labels


def _odd_masks(train: Array, test: Array, classes: int) -> list[str]:
    """Warnings about classes that no pixel has."""
    told = unused(range(classes), _labels_in(train), classes, "mask")
    if missing := sorted(set(range(classes)) - set(_labels_in(test))):
        told.append(
            f"no test mask has the {plural('label', len(missing))} {some(missing)}: each has an IoU of 0 where the "
            "network finds it, and else none"
        )
    return told + _black_and_white("masks_test", test)


def _empty_boxes(boxes: Iterable[Array], labels: Iterable[Array], masks: Array) -> list[str]:
    """A warning about boxes without a pixel of their class."""
    total, empty = 0, []
    for image, (of_image, classes) in enumerate(zip(boxes, labels, strict=True)):
        total += len(of_image)
        starts = np.floor(of_image[:, :2]).astype(np.int64).tolist()
        ends = np.ceil(of_image[:, 2:]).astype(np.int64).tolist()
        for (top, left), (bottom, right), label in zip(starts, ends, classes.tolist(), strict=True):
            if not (masks[image, top:bottom, left:right] == label).any():
                empty.append((image, label))
    if not empty:
        return []
    has, its = ("has", "its") if len(empty) == 1 else ("have", "their")
    (image, label), *_ = empty
    return [
        f"{len(empty)} of {counted('training box', total)} {has} no pixel of {its} label in the mask, first one of "
        f"image {image}, with the label {label}"
    ]
