"""Images with masks of one's own: read as they are told to be, and refused with all their faults at once."""

import numpy as np
import pytest

from npconv.files import as_npz
from npconv.training import (
    DetectionTask,
    SegmentationTask,
    read_detection_task,
    read_multi_task,
    read_segmentation_task,
)
from npconv.training.segmentation_data import ALL_NAMES, NAMES, multi_remarks, segmentation_remarks

SHAPE = (5, 30, 40)


def masks(seed, *changes):
    """Masks of the labels 0, 1, 2 and 4, and of pixels to be ignored, with (index, label) changed."""
    a = np.random.default_rng(seed).choice([0, 1, 2, 4, 255], SHAPE)
    for index, label in changes:
        a[index] = label
    return a


def part(seed):
    rng = np.random.default_rng(seed)
    top, left = rng.integers(10, size=(2, 6))
    return {
        "x": rng.integers(256, size=(*SHAPE, 3)).astype(np.uint8),
        "masks": masks(seed).astype(np.uint8),
        "boxes": np.stack([top, left, top + 12, left + 7], axis=1),
        "labels": np.array([1, 2, 4, 4, 2, 1]),
        "images": np.array([3, 0, 3, 1, 0, 1]),
    }


def arrays(names, **changes):
    both = {f"{name}_{which}": a for which in ("train", "test") for name, a in part(len(which)).items()}
    return {name: a for name, a in {**both, **changes}.items() if a is not None and name in (*names, *changes)}


READERS = {read_segmentation_task: NAMES, read_multi_task: ALL_NAMES}


@pytest.fixture
def write(tmp_path):
    def written(names=NAMES, **changes):
        path = tmp_path / "mine.npz"
        path.write_bytes(as_npz(arrays(names, **changes)))
        return path

    return written


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint64, np.int16])
def test_a_file_is_read(kind, write):
    given = arrays(NAMES)
    task = read_segmentation_task(write(**{f"masks_{p}": given[f"masks_{p}"].astype(kind) for p in ("train", "test")}))
    assert isinstance(task, SegmentationTask)
    assert (task.name, task.classes) == ("mine", 5)
    assert task.description == "images of mine.npz, 30 high, 40 wide, 3 channels"
    np.testing.assert_allclose(task.x_test, given["x_test"] / 127.5 - 1, atol=1e-6)
    for read, name in ((task.masks_train, "masks_train"), (task.masks_test, "masks_test")):
        np.testing.assert_array_equal(read, given[name])
        assert read.dtype == np.uint8
    assert segmentation_remarks(task) == [
        "no training mask has the label 3, and there are 5 classes: labels are counted from 0",
        "no test mask has the label 3: each has an IoU of 0 where the network finds it, and else none",
    ]


def test_a_file_of_boxes_and_masks_is_read_as_each_is_alone(write):
    task = read_multi_task(write(ALL_NAMES))
    boxed = read_detection_task(write([name for name in ALL_NAMES if not name.startswith("masks")]))
    masked = read_segmentation_task(write())
    assert isinstance(task, DetectionTask)
    assert (task.name, task.classes, task.description) == ("mine", 5, boxed.description)
    for name in ("x_train", "x_test"):
        np.testing.assert_array_equal(getattr(task, name), getattr(boxed, name))
    for name in ("boxes_train", "labels_train", "boxes_test", "labels_test"):
        for ours, theirs in zip(getattr(task, name), getattr(boxed, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for name in ("masks_train", "masks_test"):
        np.testing.assert_array_equal(getattr(task, name), getattr(masked, name))


@pytest.mark.parametrize(("name", "labels"), [("labels_train", [6, 1, 2, 4, 4, 4]), ("masks_train", None)])
def test_objects_and_pixels_share_their_classes(name, labels, write):
    a = masks(5, ((0, 3, 4), 6)).astype(np.uint8) if labels is None else np.array(labels)
    task = read_multi_task(write(ALL_NAMES, **{name: a}))
    assert task.classes == 7
    lacking = "object" if labels is None else "mask"
    other = "mask" if labels is None else "object"
    remarks = multi_remarks(task)
    assert any(each.startswith(f"no training {lacking} has the labels 3, 5, 6, and there are 7") for each in remarks)
    assert any(each.startswith(f"no training {other} has the labels 3, 5, and there are 7") for each in remarks)


def test_boxes_without_their_pixels_are_remarked(write):
    box = {"boxes_train": np.array([[2.5, 3, 4, 5], [9, 9, 12, 15], [0, 0, 3, 3]]), "images_train": np.array([1, 4, 4])}
    given = np.zeros(SHAPE, np.uint8)
    given[1, 2, 4], given[4, 11, 14], given[4, 3, 0], given[0] = 1, 2, 3, 3
    changes = {"masks_train": given, "masks_test": given, "labels_test": np.ones(6, int)}
    right = write(ALL_NAMES, **box, **changes, labels_train=np.array([1, 2, 3]))
    assert multi_remarks(read_multi_task(right)) == [
        "1 of 3 training boxes has no pixel of its label in the mask, first one of image 4, with the label 3"
    ]
    shifted = write(ALL_NAMES, **box, **changes, labels_train=np.array([1, 3, 2]))
    assert multi_remarks(read_multi_task(shifted)) == [
        "2 of 3 training boxes have no pixel of their label in the mask, first one of image 4, with the label 3"
    ]


def test_masks_of_black_and_white_are_told_what_to_do(write):
    ink = np.random.default_rng(0).integers(2, size=SHAPE)
    told = "has 0 and 255 alone, and 255 is ignored: where it stands for the object, as in black-and-white pictures, "
    told += "divide by 255"
    with pytest.raises(ValueError, match=f"- masks_train must have a label above 0; masks_train {told}$"):
        read_segmentation_task(write(masks_train=255 * ink, masks_test=255 * ink))
    task = read_segmentation_task(write(masks_train=ink, masks_test=255 * ink))
    assert segmentation_remarks(task)[-1] == f"masks_test {told}"
    task = read_segmentation_task(write(masks_train=255 * ink // 255, masks_test=ink))
    assert (task.classes, segmentation_remarks(task)) == (2, [])


def test_ignored_pixels_are_no_class(write):
    only = np.full(SHAPE, 255)
    only[0, 0, :2] = 0, 1
    assert read_segmentation_task(write(masks_train=only, masks_test=only)).classes == 2
    most = np.where(only == 1, 254, only)
    assert read_segmentation_task(write(masks_train=most, masks_test=only * 0)).classes == 255


WRONG = {
    "masks_train is missing": {"masks_train": None},
    "masks_train must be (n, H, W), one label a pixel; it is (5, 30, 40, 3)": {
        "masks_train": np.ones((*SHAPE, 3), np.uint8)
    },
    "masks_test is empty: (0, 30, 40)": {"masks_test": np.zeros((0, 30, 40), int)},
    "masks_train must be (5, 30, 40), a label for each pixel of x_train; it is (5, 15, 20)": {
        "masks_train": masks(0)[:, ::2, ::2]
    },
    "masks_test must be (5, 30, 40), a label for each pixel of x_test; it is (4, 30, 40)": {"masks_test": masks(0)[:4]},
    "masks_train must hold integers; it holds float64": {"masks_train": masks(0) / 1},
    "masks_test must hold integers; it holds bool": {"masks_test": masks(0) > 0},
    "masks_train must be from 0, the background, to 254, or 255, which is ignored; it spans -1 to 255": {
        "masks_train": masks(0, ((1, 2, 3), -1))
    },
    "masks_test must be from 0, the background, to 254, or 255, which is ignored; it spans 0 to 256": {
        "masks_test": masks(0, ((1, 2, 3), 256))
    },
    "masks_train must have other labels than 255, which is ignored; all its pixels are 255": {
        "masks_train": np.full(SHAPE, 255)
    },
    "masks_test must have other labels than 255, which is ignored; all its pixels are 255": {
        "masks_test": np.full(SHAPE, 255)
    },
    "masks_train must have a label above 0; all pixels of masks_train are 0, the background": {
        "masks_train": np.zeros(SHAPE, int)
    },
    "masks_test has classes that masks_train has not: 3, 254": {"masks_test": masks(0, (0, 3), (1, 254))},
    "x_train must hold uint8 or floats; it holds int64": {"x_train": np.zeros((*SHAPE, 3), int)},
    "images must be uint8 on both sides": {"x_test": np.zeros((*SHAPE, 3))},
    "images must have one height, width and number of channels": {"x_test": np.zeros(SHAPE, np.uint8)},
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("words", WRONG)
def test_a_fault_is_named(words, read, write):
    path = write(READERS[read], **WRONG[words])
    with pytest.raises(ValueError, match="doesn't fit:") as raised:
        read(path)
    first, *faults = str(raised.value).splitlines()
    assert first == f"{read.__name__}: {path} doesn't fit:"
    assert len(faults) == 1
    assert faults[0].startswith(f"- {words}")


def test_small_images_are_refused(write):
    small = {f"{name}_{which}": np.ones((5, 7, 9), np.uint8) for name in ("x", "masks") for which in ("train", "test")}
    with pytest.raises(ValueError, match=r"- images must be 8 or more pixels high and wide, .*; x_train has 7×9$"):
        read_segmentation_task(write(**small))


def test_labels_of_boxes_have_the_bound_of_masks(write):
    labels = np.full(6, 255)
    with pytest.raises(ValueError, match="- labels_train must be from 1, as 0 is the background, to 254; it spans 255"):
        read_multi_task(write(ALL_NAMES, labels_train=labels))


def test_all_faults_are_told_at_once(write):
    changes = {
        "x_train": np.zeros((5, 30)), "masks_train": masks(0) / 1, "boxes_train": np.zeros((6, 4)), "x_test": None,
        "labels_train": np.zeros(6, int), "images_train": np.full(6, 5.0), "masks_test": np.full(SHAPE, 255),
        "labels_test": np.array([9] * 6), "y_train": np.ones(2),
    }  # fmt: skip
    with pytest.raises(ValueError, match="doesn't fit") as raised:
        read_multi_task(write(ALL_NAMES, **changes))
    faults = "\n".join(str(raised.value).splitlines()[1:])
    for name in (*(set(changes) - {"labels_test"}), "other names"):
        assert name in faults


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file_of_arrays_is_refused(read, tmp_path):
    (tmp_path / "text.npz").write_text("masks")
    with pytest.raises(ValueError, match=rf"text\.npz is not an \.npz file of {', '.join(READERS[read])}, as"):
        read(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.npz")
