"""Images of one's own with boxes around their objects, read from a file and checked."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..kernels.arguments import as_path
from ..kernels.geometry import Array
from .detectors import LAST_STRIDE
from .tasks import MOST_CLASSES, arrays_of, images_in, images_of, odd_images, unfit, untrained, unused
from .wild_digits import DetectionTask

OBJECTS = ("boxes", "labels", "images")
NAMES = tuple(f"{name}_{part}" for part in ("train", "test") for name in ("x", *OBJECTS))


def read_detection_task(path: str | Path) -> DetectionTask:
    """A task from an .npz file of images and of the objects in them, and nothing else.

    The file has eight arrays, for each of the parts train and test:

    - x_train (n, H, W) or (n, H, W, C): the images, of uint8, which become x / 127.5 − 1, or of floats, which are taken
      as they are; H and W are 8 or more;
    - boxes_train (m, 4): the objects' boxes, numbers: top, left, bottom, right in pixels, rows first and half open;
    - labels_train (m,): the objects' classes, whole numbers from 1;
    - images_train (m,): for each object the index of its image, from 0.

    An image may have no object. There are as many classes as the largest label + 1, with the background, at most 1024.
    `detection_remarks` warns of data that are valid but odd.

    Raises OSError where the file can't be read, and one ValueError that lists everything that does not fit: missing or
    other names, ranks, kinds, empty arrays, sides or channels or lengths that differ, images below 8 pixels a side,
    values that are not finite, boxes without height or width or that leave the image, labels or indices out of range,
    classes to test that are not trained, damaged or pickled arrays.

    >>> import tempfile
    >>> x, boxes = np.zeros((3, 40, 50), np.uint8), np.array([[2, 3, 20, 30], [5, 0, 40, 50]])
    >>> part = {"x": x, "boxes": boxes, "labels": np.array([1, 2]), "images": np.array([0, 2])}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/mine.npz", **{f"{name}_{p}": a for p in ("train", "test") for name, a in part.items()})
    ...     task = read_detection_task(f"{folder}/mine.npz")
    >>> task.name, task.x_train.shape, [len(boxes) for boxes in task.boxes_train], task.classes
    ('mine', (3, 40, 50, 1), [1, 0, 1], 3)
    """
    path = as_path("read_detection_task", "path", path)
    arrays, wrong = arrays_of("read_detection_task", path, NAMES)
    images, objects = scenes_of(arrays, wrong), objects_of(arrays, wrong)
    if wrong or images is None or objects is None:
        raise unfit("read_detection_task", path, wrong)
    return with_boxes(path, images, objects, classes=int(objects[0][1].max()) + 1)


def detection_remarks(task: DetectionTask) -> list[str]:
    """Warnings about a task that is valid but may be a mistake: channels before height, classes without an object.

    >>> x, boxes = np.zeros((1, 8, 8, 1), np.float32), [np.array([[0.0, 0, 8, 8]])]
    >>> labels = [np.array([2])]
    >>> detection_remarks(DetectionTask("mine", x, boxes, labels, x, boxes, labels, 3, "images"))
    ['no training image has the label 1, and there are 3 classes: labels are counted from 1']
    """
    labels = np.concatenate(task.labels_train).tolist()
    return odd_images(task.x_train) + unused(range(1, task.classes), labels, task.classes)


Objects = tuple[Array, Array, Array]  # boxes (m, 4) of float64, labels (m,) and indices of images (m,) of int64


def scenes_of(arrays: Mapping[str, Array], wrong: list[str]) -> tuple[Array, Array] | None:
    """x_train and x_test for a network of the stride 8, uint8 as x / 127.5 − 1; None where one has faults, and those.

    Both are (n, H, W, C) of float32; faults are added to `wrong`.
    """
    before = len(wrong)
    x_train, x_test = images_of(arrays, wrong)
    if x_train is not None and min(x_train.shape[1:3]) < LAST_STRIDE:
        wrong.append(
            f"images must be {LAST_STRIDE} or more pixels high and wide, the stride of the network's last map; "
            f"x_train has {x_train.shape[1]}×{x_train.shape[2]}"
        )
    if x_train is None or x_test is None or len(wrong) > before:
        return None
    if arrays["x_train"].dtype == np.uint8:  # from 0 to 1 until here
        return 2 * x_train - 1, 2 * x_test - 1
    return x_train, x_test


def objects_of(
    arrays: Mapping[str, Array], wrong: list[str], most: int = MOST_CLASSES - 1
) -> tuple[Objects, Objects] | None:
    """The objects to learn from and those of the test, their labels up to `most`; None, and why, for faults."""
    train, test = (_objects(arrays, part, most, wrong) for part in ("train", "test"))
    if train is None or test is None:
        return None
    untrained("labels", train[1].tolist(), test[1].tolist(), wrong)
    return train, test


def with_boxes(
    path: Path, images: tuple[Array, Array], objects: tuple[Objects, Objects], classes: int
) -> DetectionTask:
    """The task of images of a file and of their objects."""
    (x_train, x_test), (train, test) = images, objects
    boxes_train, labels_train = _by_image(len(x_train), *train)
    boxes_test, labels_test = _by_image(len(x_test), *test)
    return DetectionTask(
        name=path.stem,
        x_train=x_train,
        boxes_train=boxes_train,
        labels_train=labels_train,
        x_test=x_test,
        boxes_test=boxes_test,
        labels_test=labels_test,
        classes=classes,
        description=images_in(path, x_train),
    )


def _objects(arrays: Mapping[str, Array], part: str, most: int, wrong: list[str]) -> Objects | None:
    """The objects of one part; where they are none, why."""
    before, x = len(wrong), arrays.get(f"x_{part}")
    given = {name: arrays[f"{name}_{part}"] for name in OBJECTS if f"{name}_{part}" in arrays}
    lengths = {f"{name}_{part}": len(a) for name, a in given.items() if a.ndim}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        wrong.append(f"boxes, labels and images must have one row for each object; rows are: {told}")
    for name, a in given.items():
        _check_object(f"{name}_{part}", a, x, most, wrong)
    labels = given.get("labels")
    if part == "train" and len(wrong) == before and labels is not None and labels.max() > len(labels):
        wrong.append(
            f"labels_train must have no more classes than objects; its largest, {labels.max()}, of {len(labels)} "
            "objects"
        )
    if len(wrong) > before or len(given) < len(OBJECTS):
        return None
    return given["boxes"].astype(np.float64), given["labels"].astype(np.int64), given["images"].astype(np.int64)


def _check_object(name: str, a: Array, x: Array | None, most: int, wrong: list[str]) -> None:
    """Add the faults of one of the arrays of objects."""
    is_boxes = name.startswith("boxes")
    kinds, words = ("iuf", "numbers") if is_boxes else ("iu", "integers")
    fits = a.ndim == 2 and a.shape[1] == 4 if is_boxes else a.ndim == 1
    if not fits:
        wrong.append(
            f"{name} must be {'(m, 4), one box' if is_boxes else '(m,), one number'} an object; it is {a.shape}"
        )
    elif not a.size:
        wrong.append(f"{name} is empty; there must be one object or more")
    if a.dtype.kind not in kinds:
        wrong.append(f"{name} must hold {words}; it holds {a.dtype}")
    elif fits and a.size and is_boxes:
        _check_boxes(name, a, x, wrong)
    elif fits and a.size and name.startswith("labels"):
        if not 1 <= int(a.min()) <= int(a.max()) <= most:
            wrong.append(f"{name} must be from 1, as 0 is the background, to {most}; it spans {a.min()} to {a.max()}")
    elif fits and a.size and x is not None and x.ndim and not 0 <= int(a.min()) <= int(a.max()) < len(x):
        wrong.append(
            f"{name} must be indices of x_{name.split('_')[1]}, from 0 to {len(x) - 1}; it spans {a.min()} to {a.max()}"
        )


def _check_boxes(name: str, boxes: Array, x: Array | None, wrong: list[str]) -> None:
    """Add the faults of boxes (m, 4) of numbers."""
    finite = np.isfinite(boxes).all(axis=1)
    faults = [("must be finite", ~finite)]
    faults.append(("must have the bottom below the top", finite & ~(boxes[:, 0] < boxes[:, 2])))
    faults.append(("must have the right side right of the left", finite & ~(boxes[:, 1] < boxes[:, 3])))
    if x is not None and x.ndim >= 3:
        height, width = x.shape[1:3]
        outside = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2] > height) | (boxes[:, 3] > width)
        faults.append((f"must lie in the images, {height} high and {width} wide", finite & outside))
    for words, bad in faults:
        if bad.any():
            first = np.flatnonzero(bad)[0]
            wrong.append(
                f"{name} {words}; {bad.sum()} of {len(boxes)} don't, first {first}: top, left, bottom, right are "
                f"{', '.join(f'{number:g}' for number in boxes[first])}"
            )


def _by_image(count: int, boxes: Array, labels: Array, images: Array) -> tuple[list[Array], list[Array]]:
    """The boxes and the labels of each image, in the order of the file."""
    order, ends = np.argsort(images, kind="stable"), np.cumsum(np.bincount(images, minlength=count))[:-1]
    return np.split(boxes[order], ends), np.split(labels[order], ends)
