"""Digits in the wild: one to three handwritten digits of any size on a photograph, with their boxes and masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..data import Photograph, load_digits, load_photograph
from ..data.digits import INK
from ..kernels.arguments import LARGEST_SEED, instance, integer, real
from ..kernels.geometry import Array
from .tasks import drawn_for_testing, standardised_grey

SIZES = (14, 32)  # pixels a side of a digit, the smallest and the largest
MOST_DIGITS = 3  # in an image
CONTRAST = (1.5, 3.0)  # of a digit: from, to, in standard deviations of the photograph
INKED = 0.35  # of the darkest ink: from here on a pixel belongs to the digit
TRIES = 20  # to find a place whose box touches no other, before a digit is left out
IGNORE = 255  # the label of pixels that neither teach nor count
TRAIN, TEST = (0, 4), (0, 5)  # a seed's streams of numbers, other than those of the other tasks

Scene = tuple[Array, Array, Array, Array]  # image (side, side), boxes (n, 4), labels (n,), mask (side, side)


@dataclass(frozen=True, eq=False)
class DetectionTask:
    """Images with boxes around their objects, to learn from and to be tested on.

    `x_train` and `x_test` are (n, H, W, C) of float32. `boxes_train` and `boxes_test` are lists with an array (m, 4)
    for each image, top, left, bottom, right in pixels, rows first and half open; `labels_train` and `labels_test` are
    lists of (m,) int64, from 1 to `classes` − 1: 0 is the background, which `classes` counts. An image may have no
    object. `description` says in a phrase what the images are. `masks_train` and `masks_test` are (n, H, W) of uint8,
    the class of each pixel, or None.
    """

    name: str
    x_train: Array
    boxes_train: list[Array]
    labels_train: list[Array]
    x_test: Array
    boxes_test: list[Array]
    labels_test: list[Array]
    classes: int
    description: str
    masks_train: Array | None = None
    masks_test: Array | None = None


@dataclass(frozen=True, eq=False)
class SegmentationTask:
    """Images with a class for each pixel, to learn from and to be tested on.

    `x_train` and `x_test` are (n, H, W, C) of float32, `masks_train` and `masks_test` (n, H, W) of uint8: the class of
    each pixel, 0 the background, up to `classes` − 1, or 255 for a pixel that neither teaches nor counts. `description`
    says in a phrase what the images are.
    """

    name: str
    x_train: Array
    masks_train: Array
    x_test: Array
    masks_test: Array
    classes: int
    description: str

    @classmethod
    def of(cls, task: DetectionTask, *, ink_only: bool = False) -> "SegmentationTask":
        """The images and masks of a `DetectionTask`; with `ink_only` of two classes, 0 and all others as 1.

        Raises TypeError for another task, ValueError for one without masks.

        >>> np.unique(SegmentationTask.of(digits_in_the_wild(train=1, test=1), ink_only=True).masks_test).tolist()
        [0, 1]
        """
        instance("SegmentationTask.of", "task", task, DetectionTask)
        masks = [task.masks_train, task.masks_test]
        if ink_only:
            masks = [None if a is None else np.where(a == IGNORE, a, a > 0).astype(np.uint8) for a in masks]
        train, test = masks
        if train is None or test is None:
            raise ValueError(f"SegmentationTask.of: task must have masks; {task.name} has none")
        classes = 2 if ink_only else task.classes
        return cls(task.name, task.x_train, train, task.x_test, test, classes, task.description)


def digits_in_the_wild(
    *,
    train: int = 8192,
    test: int = 200,
    side: int = 64,
    noise: float = 0.2,
    seed: int = 0,
    photograph: Photograph | None = None,
) -> DetectionTask:
    """Handwritten digits of many sizes on patches of a photograph, lighter or darker than it, with boxes and masks.

    Args:
        train, test: how many images there are of each.
        side: H = W of an image, 32 at least.
        noise: the standard deviation of the noise that is added to every pixel.
        seed: the same seed draws the same images; fewer of them are the first of more.
        photograph: whose patches are behind the digits; matplotlib's if None, and a synthetic one where that is
            missing, as `description` then says.

    Returns:
        DetectionTask "digits in the wild" with 11 classes, label 1 for the digit 0 up to 10 for the digit 9, and with
        masks. An image (side, side, 1) has one to three digits. Each is enlarged linearly from 8×8 to a side of 14 to
        32 pixels, log-uniform, and added to the patch with a contrast from 1.5 to 3 of either sign. Its box is tight
        around the pixels with 0.35 or more of the darkest ink, which are its mask too. Boxes do not touch: a digit for
        which no place is found in 20 tries is left out. Greys are in standard deviations of the photograph, as in
        `scattered_digits`.

    Raises:
        TypeError: a count, side or seed that is not an int, `noise` not a number, `photograph` not a Photograph.
        ValueError: a number out of range, or a photograph that is too small for patches of that side.

    Digits of test images are none of those in training images (the split is that of `digits` with the same seed), and
    their patches come from the photograph's left quarter, training's from the rest.

    >>> task = digits_in_the_wild(train=3, test=2)
    >>> task.x_train.shape, task.masks_test.shape, [len(boxes) for boxes in task.boxes_train]
    ((3, 64, 64, 1), (2, 64, 64), [2, 2, 1])
    """
    function = "digits_in_the_wild"
    train, test = integer(function, "train", train), integer(function, "test", test)
    side, seed = integer(function, "side", side, SIZES[1]), integer(function, "seed", seed, 0, LARGEST_SEED)
    noise = real(function, "noise", noise, least=0)
    digits, labels = load_digits()
    held_out = drawn_for_testing(function, labels, 0.25, seed)
    photograph = load_photograph() if photograph is None else photograph
    grey = standardised_grey(function, photograph, side)  # (height, width)
    quarter = grey.shape[1] // 4
    x_train, boxes_train, labels_train, masks_train = _images(
        train, _scenes(digits[~held_out], labels[~held_out], grey[:, quarter:], side, noise, (seed, *TRAIN))
    )
    x_test, boxes_test, labels_test, masks_test = _images(
        test, _scenes(digits[held_out], labels[held_out], grey[:, :quarter], side, noise, (seed, *TEST))
    )
    return DetectionTask(
        name="digits in the wild",
        x_train=x_train,
        boxes_train=boxes_train,
        labels_train=labels_train,
        x_test=x_test,
        boxes_test=boxes_test,
        labels_test=labels_test,
        classes=11,
        description=f"one to {MOST_DIGITS} handwritten digits of {SIZES[0]} to {SIZES[1]} pixels on patches, "
        f"{side}×{side}×1, of {photograph.source}, contrast {CONTRAST[0]:g} to {CONTRAST[1]:g}, noise {noise:g}",
        masks_train=masks_train,
        masks_test=masks_test,
    )


def _images(count: int, scenes: Iterator[Scene]) -> tuple[Array, list[Array], list[Array], Array]:
    """The first scenes, images and masks in one array each."""
    drawn = [next(scenes) for _ in range(count)]
    images, boxes, labels, masks = zip(*drawn, strict=True)
    return np.stack(images)[..., np.newaxis], list(boxes), list(labels), np.stack(masks)


class _Placed(NamedTuple):
    """An enlarged digit in its place: `ink` (size, size) from 0 to 1, whose corner is at `top`, `left` of the image."""

    ink: Array
    top: int
    left: int
    box: tuple[int, int, int, int]
    label: int


def _scenes(
    digits: Array, labels: Array, grey: Array, side: int, noise: float, seed: tuple[int, ...]
) -> Iterator[Scene]:
    """Images of the digits on patches of `grey`, with boxes, labels and masks, one after the other without end."""
    generator = np.random.default_rng(seed)
    rows, columns = (length - side + 1 for length in grey.shape)
    while True:
        row, column = generator.integers(rows), generator.integers(columns)
        x = grey[row : row + side, column : column + side].copy()
        mask = np.zeros((side, side), np.uint8)
        placed = _placed(generator, digits, labels, side)
        for ink, top, left, _, label in placed:
            place = np.s_[top : top + len(ink), left : left + len(ink)]
            x[place] += (2 * generator.integers(2) - 1) * generator.uniform(*CONTRAST) * ink
            mask[place][ink >= INKED] = label
        x += noise * generator.standard_normal(x.shape)
        boxes = np.array([each.box for each in placed], np.float64)
        yield x.astype(np.float32), boxes, np.array([each.label for each in placed], np.int64), mask


def _placed(generator: np.random.Generator, digits: Array, labels: Array, side: int) -> list[_Placed]:
    """One to three digits whose boxes do not touch; the first always has a place."""
    placed: list[_Placed] = []
    least, most = SIZES
    for _ in range(generator.integers(1, MOST_DIGITS + 1)):
        number = generator.integers(len(digits))
        size = round(least * (most / least) ** generator.random())
        ink = enlarged(digits[number], size)
        tight = _tight_box(ink)
        for _ in range(TRIES):
            top, left = generator.integers(side - size + 1, size=2).tolist()
            box = top + tight[0], left + tight[1], top + tight[2], left + tight[3]
            if not any(_touch(box, other.box) for other in placed):
                placed.append(_Placed(ink, top, left, box, int(labels[number]) + 1))
                break
    return placed


def enlarged(digit: Array, size: int) -> Array:
    """A digit (8, 8) of whole ink, 0 to 16, as (size, size) from 0 to 1: linear between pixels' centres, 0 beyond.

    All is computed in whole numbers, so that the edge of the ink is the same on every machine.

    >>> enlarged(np.full((8, 8), 16, np.uint8), 16)[:2, :3]
    array([[0.5625, 0.75  , 0.75  ],
           [0.75  , 1.    , 1.    ]])
    """
    weights = _weights(len(digit), size)
    larger: Array = (weights @ digit @ weights.T) / (INK * (2 * size) ** 2)
    return larger


@lru_cache(maxsize=64)
def _weights(small: int, size: int) -> Array:
    """The weights (size, small) of small pixels in large ones along one side, times 2 · size."""
    centres = (
        2 * np.arange(size, dtype=np.int64) + 1
    ) * small - size  # of the large pixels, in 1 / (2 · size) of a small one
    first, rest = np.divmod(centres, 2 * size)
    weights = np.zeros((size, small + 2), np.int64)  # with a small pixel more on either side
    weights[np.arange(size), first + 1] = 2 * size - rest
    weights[np.arange(size), first + 2] = rest
    return weights[:, 1:-1]


def _tight_box(ink: Array) -> tuple[int, int, int, int]:
    """The box around the inked pixels of a digit."""
    inked = ink >= INKED
    rows, columns = (inked.any(axis=axis).nonzero()[0].tolist() for axis in (1, 0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def _touch(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """True where two boxes share a pixel or an edge."""
    return all(one[axis] <= other[axis + 2] and other[axis] <= one[axis + 2] for axis in (0, 1))
