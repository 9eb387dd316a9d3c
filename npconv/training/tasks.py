"""Tasks: images with labels, for training and for testing, and the order of the training batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Photograph, load_digits, load_photograph
from ..data.digits import INK
from ..files import readable_npz
from ..kernels.arguments import LARGEST_SEED, as_path, instance, integer, kind_of, positive, real, sizes
from ..kernels.geometry import Array
from ..text import counted, plural

DIGIT = 16  # pixels a side of a digit that is scattered
CONTRAST = (1.5, 3.0)  # of a scattered digit: from, to, in standard deviations of the photograph
MOST_CLASSES = 1024  # for whose confusion of one with another there is always room
CHANNELS_FIRST = 4  # channels, or fewer, where a file has them before height and width

SPLIT, TRAIN, TEST = (0, 1), (0, 2), (0, 3)  # a seed's streams of numbers, other than those of the epochs' orders


@dataclass(frozen=True, eq=False)
class Task:
    """Images to learn from and images to be tested on, with their labels.

    `x_train` and `x_test` are (n, H, W, C) of float32, `y_train` and `y_test` (n,) of int64, from 0 to `classes` − 1.
    `description` says in a phrase what the images are.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classes: int
    description: str


def digits(*, test_share: float = 0.25, seed: int = 0) -> Task:
    """The plain handwritten digits, (n, 8, 8, 1), from 0 (paper) to 1 (ink).

    Of each class the share `test_share`, rounded, is drawn for testing; the same seed draws the same.

    Raises TypeError where `seed` is not an int or `test_share` not a number, ValueError where one of them is out of
    range: below 0, or leaving a class without images on one side.

    >>> task = digits()
    >>> task.x_train.shape, task.x_test.shape, task.classes
    ((1347, 8, 8, 1), (450, 8, 8, 1), 10)
    """
    images, labels = load_digits()
    held_out = drawn_for_testing("digits", labels, test_share, seed)
    x = (images / np.float32(INK))[..., np.newaxis]  # (1797, 8, 8, 1)
    y = labels.astype(np.int64)
    return Task(
        name="digits",
        x_train=x[~held_out],
        y_train=y[~held_out],
        x_test=x[held_out],
        y_test=y[held_out],
        classes=10,
        description="handwritten digits, 8×8×1, from 0 to 1",
    )


def scattered_digits(
    *,
    train: int = 8192,
    test: int = 2048,
    side: int = 24,
    noise: float = 0.2,
    seed: int = 0,
    photograph: Photograph | None = None,
) -> Task:
    """Handwritten digits twice their size, anywhere on patches of a photograph, lighter or darker than it, with noise.

    Args:
        train, test: how many images there are of each.
        side: H = W of an image, 16 at least.
        noise: the standard deviation of the noise that is added to every pixel.
        seed: the same seed draws the same images.
        photograph: whose patches are behind the digits; matplotlib's if None, and a synthetic one where that is
            missing, as `description` then says.

    Returns:
        Task "scattered digits", (n, side, side, 1), standardised by the photograph: its greys have mean 0 and standard
        deviation 1 over all of it, which is also the unit of the noise and of a digit's contrast. That is drawn from
        1.5 to 3, of either sign, and added to the patch in proportion to the ink.

    Raises:
        TypeError: a count, side or seed that is not an int, `noise` not a number, `photograph` not a Photograph.
        ValueError: a number out of range, or a photograph that is too small for patches of that side.

    Digits of test images are none of those in training images (the split is that of `digits` with the same seed), and
    their patches come from the photograph's left quarter, training's from the rest (in matplotlib's photograph that
    quarter is as busy as the whole, and the right one is plain). Digits are enlarged linearly.

    >>> small = Photograph(np.arange(40 * 80 * 3).reshape(40, 80, 3).astype(np.uint8), "stripes", synthetic=True)
    >>> task = scattered_digits(train=7, test=5, side=20, photograph=small)
    >>> task.x_train.shape, task.y_test.shape
    ((7, 20, 20, 1), (5,))
    >>> task.description
    'handwritten digits of 16×16 anywhere on patches, 20×20×1, of stripes, contrast 1.5 to 3, noise 0.2'
    """
    function = "scattered_digits"
    train, test = integer(function, "train", train), integer(function, "test", test)
    side, seed = integer(function, "side", side, DIGIT), integer(function, "seed", seed, 0, LARGEST_SEED)
    noise = real(function, "noise", noise, least=0)
    images, labels = load_digits()
    held_out = drawn_for_testing(function, labels, 0.25, seed)
    photograph = load_photograph() if photograph is None else photograph
    grey = standardised_grey(function, photograph, side)  # (height, width)
    quarter = grey.shape[1] // 4
    large = _enlarged(images / np.float64(INK))  # (1797, 16, 16)
    x_train, y_train = _scattered(train, large, labels, ~held_out, grey[:, quarter:], side, noise, (seed, *TRAIN))
    x_test, y_test = _scattered(test, large, labels, held_out, grey[:, :quarter], side, noise, (seed, *TEST))
    return Task(
        name="scattered digits",
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=10,
        description=f"handwritten digits of {DIGIT}×{DIGIT} anywhere on patches, {side}×{side}×1, of "
        f"{photograph.source}, contrast {CONTRAST[0]:g} to {CONTRAST[1]:g}, noise {noise:g}",
    )


def drawn_for_testing(function: str, labels: Array, share: float, seed: int) -> Array:
    """A mask of the images for testing: of each class the same share, drawn at random."""
    share = positive(function, "test_share", share)
    seed = integer(function, "seed", seed, 0, LARGEST_SEED)
    generator = np.random.default_rng((seed, *SPLIT))
    held_out = np.zeros(len(labels), bool)
    for label in range(labels.max() + 1):
        members = np.flatnonzero(labels == label)
        count = round(len(members) * share)
        if not 0 < count < len(members):
            raise ValueError(
                f"{function}: test_share must leave images of every class on both sides; got {share!r}, which takes "
                f"{count} of the {len(members)} images of class {label}"
            )
        held_out[generator.permutation(members)[:count]] = True
    return held_out


def standardised_grey(function: str, photograph: Photograph, side: int) -> Array:
    """A photograph's brightness with mean 0 and standard deviation 1, to the same bits wherever it is computed."""
    instance(function, "photograph", photograph, Photograph)
    pixels = photograph.pixels
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise TypeError(f"{function}: photograph must hold pixels of uint8; got {kind_of(pixels)}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.shape[0] < side or pixels.shape[1] < 4 * side:
        raise ValueError(
            f"{function}: photograph must be (height, width, 3), {side} or more pixels high and {4 * side} wide for "
            f"patches of {side}×{side}, a quarter of it for testing; got photograph {pixels.shape}"
        )
    grey: Array = pixels @ np.array([299, 587, 114], np.int64)  # (height, width), whole: their sums have no rounding
    count, total, squares = grey.size, int(grey.sum()), int((grey**2).sum())
    deviation = float(np.sqrt((count * squares - total**2) / count**2))
    return (grey - total / count) / (deviation or 1.0)


def _enlarged(images: Array) -> Array:
    """Twice the height and width, linear between the pixels' centres, 0 beyond the border."""
    here, before, after = (np.eye(images.shape[1], k=k) for k in (0, -1, 1))
    twice = np.stack([before + 3 * here, 3 * here + after], axis=1).reshape(-1, images.shape[1]) / 4  # (2·side, side)
    larger: Array = twice @ images @ twice.T
    return larger


def _scattered(
    count: int, digits: Array, labels: Array, usable: Array, grey: Array, side: int, noise: float, seed: tuple[int, ...]
) -> tuple[Array, Array]:
    """Images (count, side, side, 1) of the usable digits on patches of `grey`, and their labels."""
    generator = np.random.default_rng(seed)
    chosen = np.flatnonzero(usable)[generator.integers(usable.sum(), size=count)]
    patches = np.lib.stride_tricks.sliding_window_view(grey, (side, side))
    row, column = (generator.integers(n, size=count) for n in patches.shape[:2])
    top, left = generator.integers(side - DIGIT + 1, size=(2, count))
    sign = 2 * generator.integers(2, size=count) - 1
    contrast = sign * (CONTRAST[0] + (CONTRAST[1] - CONTRAST[0]) * generator.random(count))
    x = patches[row, column]  # (count, side, side)
    # a view of each image's every 16×16, of which one is written to
    places = np.lib.stride_tricks.sliding_window_view(x, (DIGIT, DIGIT), axis=(1, 2), writeable=True)
    places[np.arange(count), top, left] += contrast[:, np.newaxis, np.newaxis] * digits[chosen]
    x += noise * generator.standard_normal(x.shape)
    return x[..., np.newaxis].astype(np.float32), labels[chosen].astype(np.int64)


def read_task(path: str | Path) -> Task:
    """A task from an .npz file of x_train, y_train, x_test and y_test, and nothing else.

    Images are (n, H, W) or (n, H, W, C), of uint8, which are divided by 255, or of floats, which are taken as they are;
    labels are (n,) whole numbers from 0. There are as many classes as the largest label + 1, at most 1024 and no more
    than training images. `remarks` warns of data that are valid but odd.

    Raises OSError where the file can't be read, and one ValueError that lists everything that does not fit: missing or
    other names, ranks, dtypes, empty arrays, sides or channels or lengths that differ, uint8 on one side and floats on
    the other, values that are not finite, labels out of range, classes to test that are not trained, damaged or pickled
    arrays.

    >>> import tempfile
    >>> x, y = np.zeros((4, 5, 6), np.uint8), np.array([0, 1, 2, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/mine.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    ...     task = read_task(f"{folder}/mine.npz")
    >>> task.name, task.x_train.shape, task.classes
    ('mine', (4, 5, 6, 1), 3)
    """
    path = as_path("read_task", "path", path)
    arrays, wrong = arrays_of("read_task", path, NAMES)
    x_train, x_test = images_of(arrays, wrong)
    labels = {name: _labels(name, arrays[name], wrong) for name in ("y_train", "y_test") if name in arrays}
    for part in ("train", "test"):
        x, y = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if x is not None and y is not None and x.ndim and y.ndim and len(x) != len(y):
            wrong.append(f"x_{part} has {len(x)} images, but y_{part} {len(y)} labels")
    y_train, y_test = labels.get("y_train"), labels.get("y_test")
    if y_train is not None and y_train.max() >= len(y_train):
        wrong.append(
            f"y_train must have no more classes than labels; its largest, {y_train.max()}, makes "
            f"{y_train.max() + 1:,} classes of {len(y_train):,} images"
        )
    if y_train is not None and len(set(y_train.tolist())) < 2:
        wrong.append(f"y_train must have two classes or more; all its labels are {y_train[0]}")
    if y_train is not None and y_test is not None:
        untrained("y", y_train.tolist(), y_test.tolist(), wrong)
    if wrong or x_train is None or x_test is None or y_train is None or y_test is None:
        raise unfit("read_task", path, wrong)
    return Task(
        name=path.stem,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=int(y_train.max()) + 1,
        description=images_in(path, x_train),
    )


NAMES = ("x_train", "y_train", "x_test", "y_test")


def arrays_of(function: str, path: Path, names: Sequence[str]) -> tuple[dict[str, Array], list[str]]:
    """The readable arrays of a task's file, and the faults of the others."""
    try:
        arrays, damaged = readable_npz(path)
    except ValueError as error:
        expected = f"an .npz file of {', '.join(names)}, as numpy.savez writes them"
        raise ValueError(f"{function}: {path} is not {expected}: {error}") from error
    wrong = [f"{name} is missing" for name in names if name not in arrays and name not in damaged]
    wrong += [f"{name}: {reason}" for name, reason in damaged.items() if name in names]
    others = sorted({*arrays, *damaged} - set(names))
    if others:
        wrong.append(f"there are other names: {some(others)}; a task has {', '.join(names)} only")
    return arrays, wrong


def unfit(function: str, path: Path, wrong: Sequence[str]) -> ValueError:
    """The error that lists all faults of a task's file."""
    return ValueError(f"{function}: {path} doesn't fit:\n" + "\n".join(f"- {each}" for each in wrong))


def images_in(path: Path, x: Array) -> str:
    """The description of a task from a file, by its images x (n, H, W, C)."""
    height, width, channels = x.shape[1:]
    return f"images of {path.name}, {height} high, {width} wide, {counted('channel', channels)}"


def remarks(task: Task) -> list[str]:
    """Warnings about a task that is valid but may be a mistake: channels before height, classes without an image.

    >>> x, y = np.zeros((4, 3, 8, 9), np.float32), np.array([1, 2, 2, 1])
    >>> for remark in remarks(Task("mine", x, y, x, y, 3, "images")):
    ...     print(remark)
    the images are 3 high, 8 wide and have 9 channels: height, width, channels is the order; are the channels first?
    no training image has the label 0, and there are 3 classes: labels are counted from 0
    """
    return odd_images(task.x_train) + unused(range(task.classes), task.y_train.tolist(), task.classes)


def odd_images(x: Array) -> list[str]:
    """Warnings about the images of a task."""
    height, width, channels = x.shape[1:]
    if not height <= CHANNELS_FIRST < min(width, channels):
        return []
    return [
        f"the images are {height} high, {width} wide and have {channels} channels: height, width, channels is the "
        "order; are the channels first?"
    ]


def unused(possible: range, labels: Sequence[int], classes: int, what: str = "image") -> list[str]:
    """Warnings about labels that no training image, or whatever else has labels, has."""
    missing = sorted(set(possible) - set(labels))
    if not missing:
        return []
    return [
        f"no training {what} has the {plural('label', len(missing))} {some(missing)}, and there are {classes} "
        f"classes: labels are counted from {possible.start}"
    ]


def images_of(arrays: Mapping[str, Array], wrong: list[str]) -> tuple[Array | None, Array | None]:
    """x_train and x_test as (n, H, W, C) of float32, None where they are none; and their faults, added to `wrong`."""
    images = {name: _images(name, arrays[name], wrong) for name in ("x_train", "x_test") if name in arrays}
    x_train, x_test = images.get("x_train"), images.get("x_test")
    if x_train is not None and x_test is not None and x_train.shape[1:] != x_test.shape[1:]:
        wrong.append(
            f"images must have one height, width and number of channels; x_train has {x_train.shape[1:]}, "
            f"x_test {x_test.shape[1:]}"
        )
    kinds = {name: arrays[name].dtype for name in images if images[name] is not None}
    if len({kind == np.uint8 for kind in kinds.values()}) > 1:
        wrong.append(
            "images must be uint8 on both sides, which are scaled, or floats on both, which are taken as they are; "
            f"x_train holds {kinds['x_train']}, x_test {kinds['x_test']}"
        )
    return x_train, x_test


def _images(name: str, array: Array, wrong: list[str]) -> Array | None:
    """Images as (n, H, W, C) of float32; where they are none, why."""
    before = len(wrong)
    if array.ndim not in (3, 4):
        wrong.append(f"{name} must be (n, H, W) or (n, H, W, C); it is {array.shape}")
    elif not array.size:
        wrong.append(f"{name} is empty: {array.shape}")
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        wrong.append(f"{name} must hold uint8 or floats; it holds {array.dtype}")
    if len(wrong) > before:
        return None
    if array.dtype == np.uint8:
        x = array / np.float32(255)
    else:
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, which the next check finds
            x = array.astype(np.float32)
        unfit = np.flatnonzero(~np.isfinite(x).all(axis=tuple(range(1, x.ndim))))
        if unfit.size:
            wrong.append(f"{name} must be finite in float32; {unfit.size} of {len(x)} images aren't, first {unfit[0]}")
            return None
    images: Array = x if x.ndim == 4 else x[..., np.newaxis]
    return images


def _labels(name: str, array: Array, wrong: list[str]) -> Array | None:
    """Labels as (n,) of int64; where they are none, why."""
    before = len(wrong)
    if array.ndim != 1:
        wrong.append(f"{name} must be (n,), one label an image; it is {array.shape}")
    elif not array.size:
        wrong.append(f"{name} is empty")
    if array.dtype.kind not in "iu":
        wrong.append(f"{name} must hold integers; it holds {array.dtype}")
    elif array.size and not 0 <= int(array.min()) <= int(array.max()) < MOST_CLASSES:
        wrong.append(f"{name} must be from 0 to {MOST_CLASSES - 1}; it spans {array.min()} to {array.max()}")
    return None if len(wrong) > before else array.astype(np.int64)


def untrained(name: str, train: Sequence[int], test: Sequence[int], wrong: list[str]) -> None:
    """Add a fault where labels of the test are not among those to learn from."""
    if unknown := sorted(set(test) - set(train)):
        wrong.append(f"{name}_test has classes that {name}_train has not: {some(unknown)}")


def some(values: Sequence[object]) -> str:
    """The first few of them, in words."""
    more = f" and {len(values) - 8} more" if len(values) > 8 else ""
    return ", ".join(map(str, values[:8])) + more


def of_an_image(function: str, image_shape: Any) -> tuple[int, int, int]:
    """An image's height, width and channels."""
    shape = sizes(function, "image_shape", image_shape, "three ints, (height, width, M)")
    if len(shape) != 3:
        raise ValueError(f"{function}: image_shape must be three ints, (height, width, M); got {image_shape}")
    return shape[0], shape[1], shape[2]


def standardized(task: Task) -> tuple[Task, Array, Array]:
    """The task with each channel shifted and scaled to mean 0 and standard deviation 1 over the training images.

    Returns the task, and the mean (C,) and the standard deviation (C,), both float64, that test images are treated
    with too; a channel that is constant in training is only shifted, and its deviation given as 1.

    >>> task, mean, deviation = standardized(digits())
    >>> bool(abs(task.x_train.mean()) < 1e-5), bool(abs(task.x_train.std() - 1) < 1e-5), mean.shape
    (True, True, (1,))
    """
    instance("standardized", "task", task, Task)
    mean = task.x_train.mean(axis=(0, 1, 2), dtype=np.float64)  # (C,)
    dtype = np.result_type(task.x_train, np.float32)
    x_train, x_test = (x - mean.astype(dtype) for x in (task.x_train, task.x_test))
    squares = np.einsum("bhwc,bhwc->c", x_train, x_train, dtype=np.float64)
    deviation = np.sqrt(squares / (x_train.size // len(mean)))
    deviation[deviation == 0] = 1
    for x in (x_train, x_test):
        x /= deviation.astype(dtype)
    return replace(task, x_train=x_train, x_test=x_test), mean, deviation


def batches(length: int, batch_size: int, *, seed: int, epoch: int) -> Iterator[Array]:
    """The batches of one epoch, each batch_size indices into `length` images: an order drawn for (seed, epoch).

    Images at the end that do not fill a batch are dropped.

    Raises TypeError where a number is not an int, ValueError where one is out of range, or the batch larger than all.

    >>> [batch.tolist() for batch in batches(7, 3, seed=0, epoch=0)]
    [[2, 4, 3], [6, 5, 0]]
    """
    length, batch_size, seed, epoch = _checked_batches("batches", length, batch_size, seed=seed, epoch=epoch)
    order = _order(length, seed, epoch)
    return (order[first : first + batch_size] for first in range(0, length - batch_size + 1, batch_size))


def batch_at(length: int, batch_size: int, seed: int, step: int) -> Array:
    """The batch of a step, counted from 0 through all epochs: `batches`, so that training can continue from any step.

    Errors as in `batches`.

    >>> batch_at(7, 3, seed=0, step=1)
    array([6, 5, 0])
    """
    length, batch_size, seed, step = _checked_batches("batch_at", length, batch_size, seed=seed, step=step)
    epoch, batch = divmod(step, length // batch_size)
    return _order(length, seed, epoch)[batch * batch_size : (batch + 1) * batch_size]


def _checked_batches(function: str, length: int, batch_size: int, **counts: int) -> tuple[int, ...]:
    length = integer(function, "length", length)
    batch_size = integer(function, "batch_size", batch_size)
    if batch_size > length:
        raise ValueError(f"{function}: batch_size must be {length} at most, the number of images; got {batch_size}")
    return length, batch_size, *(integer(function, name, value, 0) for name, value in counts.items())


@lru_cache(maxsize=2)
def _order(length: int, seed: int, epoch: int) -> Array:
    """An epoch's order; kept, as every step of the epoch asks for it."""
    order = np.random.default_rng((seed, epoch)).permutation(length)
    order.flags.writeable = False
    return order
