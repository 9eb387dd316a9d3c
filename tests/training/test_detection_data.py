"""Images with boxes of one's own: read as they are told to be, and refused with all their faults at once."""

import numpy as np
import pytest

from npconv.files import as_npz
from npconv.training import DetectionTask, detector_for, fitted_boxes, read_detection_task
from npconv.training.detection_data import NAMES, detection_remarks


def part(count, seed):
    rng = np.random.default_rng(seed)
    top, left = rng.integers(10, size=(2, 6))
    return {
        "x": rng.integers(256, size=(count, 30, 40, 3)).astype(np.uint8),
        "boxes": np.stack([top, left, top + 12, left + 7], axis=1),
        "labels": np.array([1, 2, 4, 4, 2, 1]),
        "images": np.array([3, 0, 3, 1, 0, 1]),
    }


def arrays(**changes):
    both = {f"{name}_{which}": a for which in ("train", "test") for name, a in part(5, len(which)).items()}
    return {name: a for name, a in {**both, **changes}.items() if a is not None}


@pytest.fixture
def write(tmp_path):
    def written(**changes):
        path = tmp_path / "mine.npz"
        path.write_bytes(as_npz(arrays(**changes)))
        return path

    return written


def test_a_file_is_read_image_by_image(write):
    task, given = read_detection_task(write()), arrays()
    assert isinstance(task, DetectionTask)
    assert (task.name, task.classes, task.masks_train) == ("mine", 5, None)
    assert task.description == "images of mine.npz, 30 high, 40 wide, 3 channels"
    np.testing.assert_allclose(task.x_test, given["x_test"] / 127.5 - 1, atol=1e-6)
    assert (task.x_train.dtype, task.boxes_train[0].dtype, task.labels_train[0].dtype) == (
        np.float32, np.float64, np.int64,
    )  # fmt: skip
    assert [labels.tolist() for labels in task.labels_train] == [[2, 2], [4, 1], [], [1, 4], []]
    np.testing.assert_array_equal(task.boxes_train[3], given["boxes_train"][[0, 2]])
    assert task.boxes_test[4].shape == (0, 4)


def test_floats_are_taken_as_they_are_and_a_lone_channel_may_be_left_out(write):
    grey = {f"x_{which}": arrays()[f"x_{which}"][..., 0] / 7.0 for which in ("train", "test")}
    task = read_detection_task(write(**grey))
    np.testing.assert_allclose(task.x_train[..., 0], grey["x_train"], rtol=1e-6)
    assert task.x_train.shape == (5, 30, 40, 1)


def test_what_is_odd_is_remarked(write):
    (remark,) = detection_remarks(read_detection_task(write()))
    assert remark == "no training image has the label 3, and there are 5 classes: labels are counted from 1"


def boxes(*changes):
    """The boxes of a part with (row, column, value) changed."""
    a = part(5, 5)["boxes"].astype(float)
    for row, column, value in changes:
        a[row, column] = value
    return a


WRONG = {
    "boxes_train is missing": {"boxes_train": None},
    "there are other names: y_train; a task has x_train, boxes_train, labels_train, images_train, x_test": {
        "y_train": np.ones(2)
    },
    "x_train must be (n, H, W) or (n, H, W, C); it is (5, 30)": {"x_train": np.zeros((5, 30))},
    "x_train must hold uint8 or floats; it holds int64": {"x_train": np.zeros((5, 30, 40, 3), int)},
    "images must be 8 or more pixels high and wide, the stride of the network's last map; x_train has 30×7": {
        f"{name}_{which}": a
        for which in ("train", "test")
        for name, a in (("x", np.zeros((5, 30, 7, 3), np.uint8)), ("boxes", np.tile([0, 0, 5, 7], (6, 1))))
    },
    "images must have one height, width and number of channels; x_train has (30, 40, 3), x_test (30, 40, 1)": {
        "x_test": np.zeros((5, 30, 40), np.uint8)
    },
    "images must be uint8 on both sides": {"x_test": np.zeros((5, 30, 40, 3))},
    "boxes_train must be (m, 4), one box an object; it is (6, 3)": {"boxes_train": boxes()[:, :3]},
    "boxes_train is empty; there must be one object or more": {"boxes_train": np.zeros((0, 4))},
    "boxes_train must hold numbers; it holds <U1": {"boxes_train": np.full((6, 4), "x")},
    "boxes_train must be finite; 2 of 6 don't, first 1: top, left, bottom, right are": {
        "boxes_train": boxes((1, 0, np.nan), (3, 3, np.inf))
    },
    "boxes_train must have the bottom below the top; 1 of 6 don't, first 2: top, left, bottom, right are 9, ": {
        "boxes_train": boxes((2, 0, 9), (2, 2, 8))
    },
    "boxes_train must have the right side right of the left; 1 of 6": {"boxes_train": boxes((2, 1, 5), (2, 3, 5))},
    "boxes_test must lie in the images, 30 high and 40 wide; 3 of 6 don't, first 0": {
        "boxes_test": boxes((0, 0, -0.5), (4, 2, 30.5), (5, 3, 41))
    },
    "labels_train must be (m,), one number an object; it is (6, 1)": {"labels_train": np.ones((6, 1), int)},
    "labels_train must hold integers; it holds float64": {"labels_train": np.ones(6)},
    "labels_train must be from 1, as 0 is the background, to 1023; it spans 0 to 1": {
        "labels_train": np.array([1, 1, 0, 1, 1, 1])
    },
    "labels_train must have no more classes than objects; its largest, 7, of 6 objects": {
        "labels_train": np.array([1, 2, 7, 4, 1, 1])
    },
    "labels_test has classes that labels_train has not: 3, 5": {"labels_test": np.array([1, 3, 5, 4, 1, 1])},
    "images_test must be indices of x_test, from 0 to 4; it spans -1 to 5": {
        "images_test": np.array([0, 5, -1, 0, 0, 0])
    },
    "images_train must hold integers; it holds bool": {"images_train": np.ones(6, bool)},
    "boxes, labels and images must have one row for each object; rows are: boxes_test 6, labels_test 5": {
        "labels_test": np.ones(5, int)
    },
}


@pytest.mark.parametrize("words", WRONG)
def test_a_fault_is_named(words, write):
    path = write(**WRONG[words])
    with pytest.raises(ValueError, match="doesn't fit:") as raised:
        read_detection_task(path)
    first, *faults = str(raised.value).splitlines()
    assert first == f"read_detection_task: {path} doesn't fit:"
    assert len(faults) == 1 + ("is empty" in words)  # which is of another length too
    assert faults[-1].startswith(f"- {words}")


def test_all_faults_are_told_at_once(write):
    changes = {name: a for words in WRONG for name, a in WRONG[words].items() if a is not None}
    with pytest.raises(ValueError, match="doesn't fit") as raised:
        read_detection_task(write(**changes))
    faults = str(raised.value).splitlines()[1:]
    assert len(faults) >= 8
    for name in (*NAMES[1:], "y_train"):
        assert any(name in fault for fault in faults), name


def test_what_is_no_file_of_arrays_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("boxes")
    with pytest.raises(ValueError, match=r"text\.npz is not an \.npz file of x_train, boxes_train, .*images_test, as"):
        read_detection_task(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        read_detection_task(tmp_path / "gone.npz")


def test_default_boxes_are_the_medians_of_parts_of_equal_number():
    heights = np.array([4, 40, 8, 20, 10, 44, 6, 24.0, 9, 30, 21, 50])
    given = [np.stack([heights * 0, heights * 0 + 3, heights, 3 + heights / 4], axis=1)[of] for of in ([0, 1, 2], [3],
             [], range(4, 12))]  # fmt: skip
    fitted = fitted_boxes(given, (50, 100), 2)
    assert fitted.relative_to == "shorter"  # the parts: 4 6 8, 9 10 20, 21 24 30, 40 44 50
    assert fitted.cells == (((0.06, 0.25), (0.1, 0.25)), ((0.24, 0.25), (0.44, 0.25)))
    one = fitted_boxes([np.array([[0, 0, 10, 20.0]])], (100, 100), 2)
    assert one.cells == (((0.141, 2.0),) * 2,) * 2
    for wrong in ([], [np.zeros((0, 4))], [np.array([[3, 3, 3, 9.0]])]):
        with pytest.raises(
            ValueError, match=r"^fitted_boxes: boxes must be one or more, each with an area; got [01] b"
        ):
            fitted_boxes(wrong, (50, 100), 2)


@pytest.mark.parametrize(
    ("side", "maps"), [(8, [2, 1]), (64, [16, 8]), (127, [32, 16]), (128, [16, 8, 4]), (256, [16, 8, 4, 2])]
)
def test_the_detector_suits_the_images(side, maps):
    given = [np.array([[0, 0, 4, 3.0], [1, 1, 8, 8]])]
    detector = detector_for((side, side + 8, 2), 4, given, width=0.5, seed=3)
    assert [rows for rows, _ in detector.map_sizes((side, side + 8))] == maps
    assert detector.classes == 4
    assert detector.network.params["stem.kernel"].shape == (3, 3, 2, 8)
    assert detector.options.boxes == fitted_boxes(given, (side, side + 8), len(maps))


def test_a_detector_refuses_what_it_cannot_be_built_of():
    given = [np.array([[0, 0, 4, 3.0]])]
    with pytest.raises(ValueError, match=r"detector_for: image_shape must be three ints, \(height, width, M\); got"):
        detector_for((64, 64), 3, given)
    with pytest.raises(ValueError, match="detector_for: width must be above 0 and below 32; got 0"):
        detector_for((64, 64, 1), 3, given, width=0)
