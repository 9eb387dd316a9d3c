"""What networks learn from: the same wherever it is made, held out as it says, and refused where it doesn't fit."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from npconv.data import Photograph, load_digits, synthetic_picture
from npconv.files import as_npz, read_npz
from npconv.training import batch_at, batches, digits, read_task, scattered_digits, standardized
from npconv.training.tasks import CONTRAST, _enlarged, remarks

PLAIN = Photograph(np.full((60, 100, 3), 90, np.uint8), "a plain wall", synthetic=True)
PINNED_LABELS = [7, 9, 7, 0, 0, 4, 2, 2, 7, 2, 7, 0]
PINNED_TRAIN = [-0.1754508, 0.20713346, 0.42699856, 0.8130678]
PINNED_TEST = [-3.5201621, -3.7018728, -3.4676197, -3.0592692]
RAMP = Photograph(np.arange(60 * 240 * 3).reshape(60, 240, 3).astype(np.uint8), "a ramp", synthetic=True)
PICTURE = Photograph(synthetic_picture(), "a synthetic picture", synthetic=True)


def same(one, other):
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("x_train", "y_train", "x_test", "y_test"))


def test_the_digits_are_split_class_by_class_and_none_is_lost():
    task = digits(test_share=0.3, seed=4)
    images, labels = load_digits()
    assert (task.x_train.dtype, task.y_train.dtype, task.x_test.shape[1:]) == (np.float32, np.int64, (8, 8, 1))
    both = np.concatenate([task.x_train, task.x_test])[..., 0] * 16
    key = lambda x: sorted(row.tobytes() for row in x.astype(np.uint8))  # noqa: E731
    assert key(both) == key(images)
    for label in range(10):
        assert (task.y_test == label).sum() == round(0.3 * (labels == label).sum())
    by_image = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        assert [by_image[row.tobytes()] for row in (x[..., 0] * 16).astype(np.uint8)] == y.tolist()


def test_a_seed_draws_the_same_and_another_seed_does_not():
    assert same(digits(seed=1), digits(seed=1))
    assert not same(digits(seed=1), digits(seed=2))
    make = lambda seed: scattered_digits(train=20, test=10, seed=seed, photograph=RAMP)  # noqa: E731
    assert same(make(1), make(1))
    assert not same(make(1), make(2))


def test_the_numbers_are_those_of_every_numpy():
    task = scattered_digits(train=50, test=30, seed=3, photograph=PICTURE)
    assert task.y_train[:12].tolist() == PINNED_LABELS
    np.testing.assert_allclose(task.x_train[7, 10, 5:9, 0], PINNED_TRAIN, rtol=1e-6)
    np.testing.assert_allclose(task.x_test[29, 20, 11:15, 0], PINNED_TEST, rtol=1e-6)


def test_more_training_images_leave_the_test_as_it_is():
    few, many = (scattered_digits(train=n, test=9, photograph=RAMP) for n in (5, 50))
    np.testing.assert_array_equal(few.x_test, many.x_test)
    np.testing.assert_array_equal(few.y_test, many.y_test)


def form(digit):
    """What a digit's contrast doesn't change, as a key; the odd offset keeps clear of ties."""
    return np.floor(np.abs(digit) / np.abs(digit).max() * 997 + 0.1234).astype(int).tobytes()


def test_on_a_plain_wall_without_noise_there_is_one_whole_digit_of_either_sign_somewhere():
    images, labels = load_digits()
    number_of = {form(digit): number for number, digit in enumerate(_enlarged(images / 16.0))}
    held_out = {form(digit) for digit in _enlarged(digits(seed=5).x_test[..., 0].astype(float))}
    task = scattered_digits(train=60, test=60, side=20, noise=0.0, seed=5, photograph=PLAIN)
    places, peaks = set(), []
    for x, y, is_test in ((task.x_train, task.y_train, False), (task.x_test, task.y_test, True)):
        assert {bool(image.max() > 0) for image in x} == {False, True}
        for image, label in zip(x[..., 0].astype(np.float64), y, strict=True):
            assert image.min() == 0 or image.max() == 0
            peaks.append(np.abs(image).max())
            found = [
                (number_of[form(patch)], form(patch) in held_out, (top, left))
                for top, left in np.ndindex(5, 5)
                if (patch := image[top : top + 16, left : left + 16]).any()
                and form(patch) in number_of
                and np.abs(patch).sum() == np.abs(image).sum()
            ]
            assert found
            assert {labels[number] for number, *_ in found} == {label}
            assert {held for _, held, _ in found} == {is_test}
            places |= {place for *_, place in found}
    assert len(places) > 20
    assert 0.7 * CONTRAST[0] < min(peaks) < CONTRAST[0] + 0.2 < CONTRAST[1] - 0.4 < max(peaks) <= CONTRAST[1]


def test_patches_of_the_test_are_from_the_left_quarter_and_no_others():
    pixels = np.zeros((60, 240, 3), np.uint8)
    pixels[:, 60:] = 200
    task = scattered_digits(train=30, test=30, noise=0.0, photograph=Photograph(pixels, "two walls", synthetic=True))
    mean, deviation = 150.0, np.sqrt(0.75 * 0.25) * 200
    for x, wall in ((task.x_train, 200), (task.x_test, 0)):
        np.testing.assert_allclose(np.median(x, axis=(1, 2, 3)), (wall - mean) / deviation, rtol=1e-5)


def test_the_photographs_greys_and_the_noise_have_their_stated_scale():
    task = scattered_digits(train=400, test=1, noise=0.5, photograph=PLAIN)
    corner = task.x_train[np.abs(task.x_train[:, :8, :8, 0]).max(axis=(1, 2)) < 1.2 * CONTRAST[0]][:, 0, 0, 0]
    assert corner.std() == pytest.approx(0.5, rel=0.2)
    ramp = scattered_digits(train=2000, test=1, noise=0.0, photograph=PICTURE)
    assert abs(ramp.x_train.mean()) < 0.3
    assert 0.8 < ramp.x_train.std() < 1.5


def test_enlarging_keeps_the_ink_and_turns_nothing():
    images = load_digits()[0][:7].astype(float)
    images[:, [0, -1]] = images[:, :, [0, -1]] = 0
    large = _enlarged(images)
    np.testing.assert_allclose(large.sum(axis=(1, 2)), 4 * images.sum(axis=(1, 2)))
    row, column = 5, 3
    corners = images[:, row - 1 : row + 1, column - 1 : column + 1]  # (7, 2, 2) around one enlarged pixel
    expected = np.einsum("bij,i,j->b", corners, [0.25, 0.75], [0.25, 0.75])
    np.testing.assert_allclose(large[:, 2 * row, 2 * column], expected)


def test_the_description_says_what_is_behind_the_digits():
    assert "a ramp" in scattered_digits(train=1, test=1, photograph=RAMP).description


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"train": 0}, ValueError, "train must be at least 1"),
        ({"test": 2.0}, TypeError, "test must be an int"),
        ({"side": 15}, ValueError, "side must be at least 16"),
        ({"noise": -0.1}, ValueError, "noise must be at least 0; got -0.1"),
        ({"noise": float("inf")}, ValueError, "noise must be at least 0 and in size at most 1e"),
        ({"noise": None}, TypeError, "noise"),
        ({"seed": -1}, ValueError, "seed"),
        ({"side": 61}, ValueError, r"61 or more pixels high and 244 wide .* \(60, 240, 3\)"),
        ({"photograph": RAMP.pixels}, TypeError, "photograph must be a Photograph; got ndarray"),
        ({"photograph": Photograph(RAMP.pixels / 1.0, "", True)}, TypeError, "uint8"),
        ({"photograph": Photograph(RAMP.pixels[..., 0], "", True)}, ValueError, "photograph must be"),
    ],
)
def test_scattered_digits_refuses_what_does_not_fit(arguments, error, words):
    with pytest.raises(error, match=f"scattered_digits: .*{words}"):
        scattered_digits(**{"train": 3, "test": 2, "photograph": RAMP, **arguments})


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, 0.001])
def test_a_split_leaves_images_on_both_sides(share):
    with pytest.raises(ValueError, match="digits: test_share"):
        digits(test_share=share)


# files of one's own


def arrays(**changes):
    generator = np.random.default_rng(0)
    fitting = {
        "x_train": generator.integers(256, size=(6, 5, 7, 3)).astype(np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 3]),
        "x_test": generator.integers(256, size=(4, 5, 7, 3)).astype(np.uint8),
        "y_test": np.array([3, 2, 0, 1], np.uint8),
    }
    return {name: a for name, a in {**fitting, **changes}.items() if a is not None}


def stored(folder, **changes):
    file = folder / "mine.npz"
    np.savez(file, **arrays(**changes))
    return file


def test_bytes_are_scaled_and_floats_taken_as_they_are(tmp_path):
    given = arrays()
    task = read_task(stored(tmp_path))
    assert (task.name, task.classes, task.x_train.dtype, task.y_test.dtype) == ("mine", 4, np.float32, np.int64)
    np.testing.assert_allclose(task.x_train, given["x_train"] / 255, rtol=1e-6)
    np.testing.assert_allclose(task.x_test, given["x_test"] / 255, rtol=1e-6)
    np.testing.assert_array_equal(task.y_train, given["y_train"])
    assert task.description == "images of mine.npz, 5 high, 7 wide, 3 channels"
    floats = {"x_train": given["x_train"] / np.float32(2), "x_test": given["x_test"].astype(np.float64) * 3 - 1}
    task = read_task(stored(tmp_path, **floats))
    np.testing.assert_array_equal(task.x_train, given["x_train"] / 2)
    np.testing.assert_array_equal(task.x_test, given["x_test"] * 3.0 - 1)


def test_images_without_channels_get_one(tmp_path):
    given = arrays()
    task = read_task(stored(tmp_path, x_train=given["x_train"][..., 0], x_test=given["x_test"][..., :1]))
    assert task.x_train.shape[1:] == task.x_test.shape[1:] == (5, 7, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "y_test is missing"),
        ({"extra": np.zeros(2), "x_val": np.zeros(2)}, "other names: extra, x_val"),
        ({"x_train": np.zeros((6, 35), np.uint8)}, r"x_train must be \(n, H, W\) or \(n, H, W, C\); it is \(6, 35\)"),
        ({"x_train": np.zeros((6, 5, 7, 3), np.int64)}, "x_train must hold uint8 or floats; it holds int64"),
        ({"x_train": np.zeros((6, 5, 7, 3), bool)}, "x_train must hold uint8 or floats; it holds bool"),
        ({"x_test": np.zeros((4, 7, 5, 3), np.uint8)}, r"x_train has \(5, 7, 3\), x_test \(7, 5, 3\)"),
        ({"x_test": np.zeros((4, 5, 7), np.uint8)}, r"x_train has \(5, 7, 3\), x_test \(5, 7, 1\)"),
        ({"x_test": np.zeros((0, 5, 7, 3), np.uint8)}, "x_test is empty"),
        ({"x_test": np.zeros((4, 0, 7, 3), np.uint8)}, "x_test is empty"),
        ({"y_train": np.array([0, 1, 2, 3, 0])}, "x_train has 6 images, but y_train 5 labels"),
        ({"x_test": np.full((4, 5, 7, 3), np.nan)}, "x_test must be finite in float32; 4 of 4 images"),
        ({"x_test": np.full((4, 5, 7, 3), 1e300)}, "x_test must be finite in float32"),
        ({"y_test": np.array([3, -1, 0, 1])}, "y_test must be from 0 to 1023; it spans -1 to 3"),
        ({"y_train": np.array([0, 1, 2, 0, 1, 10**12])}, "y_train must be from 0 to 1023"),
        ({"y_train": np.array([0, 1, 2, 0, 3, 6])}, "its largest, 6, makes 7 classes of 6 images"),
        ({"x_test": np.zeros((4, 5, 7, 3), np.float16)}, "x_train holds uint8, x_test float16"),
        ({"x_train": np.zeros((6, 5, 7, 3), np.float32)}, "x_train holds float32, x_test uint8"),
        ({"y_train": np.array([0.0, 1, 2, 0, 1, 3])}, "y_train must hold integers; it holds float64"),
        ({"y_train": np.eye(6, dtype=int)}, r"y_train must be \(n,\), one label an image; it is \(6, 6\)"),
        ({"y_train": np.array(3)}, r"y_train must be \(n,\)"),
        ({"y_test": np.array([3, 2, 9, 5])}, "y_test has classes that y_train has not: 5, 9"),
        ({"y_train": np.zeros(6, int), "y_test": np.zeros(4, int)}, "two classes or more; all its labels are 0"),
        ({"y_train": np.array(["a"] * 6)}, "y_train must hold integers; it holds <U1"),
        ({"x_train": np.array([{}] * 6, dtype=object)}, "x_train: it can't be read as a plain array"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, changes, words):
    with pytest.raises(ValueError, match=rf"(?s)read_task: .*mine\.npz doesn't fit:\n- .*{words}"):
        read_task(stored(tmp_path, **changes))


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    changes = {
        "x_test": np.full((3, 7, 5), np.inf),
        "y_train": np.array([0, -1, 1.5]),
        "y_test": None,
        "more": np.ones(1),
    }
    with pytest.raises(ValueError, match="doesn't fit") as error:
        read_task(stored(tmp_path, **changes))
    lines = str(error.value).splitlines()[1:]
    for words in ("other names: more", "y_test is missing", "x_test must be finite", "y_train must hold", "6 images"):
        assert sum(words in line for line in lines) == 1, words
    assert len(lines) == 5


def npy_bytes():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((3, 3)))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", npy_bytes(), b"PK\x03\x04 cut off"])
def test_what_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "mine.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.npz is not an \.npz file of x_train"):
        read_task(tmp_path / "mine.npz")


def test_damaged_members_and_members_that_are_no_arrays_are_named(tmp_path):
    file = stored(tmp_path)
    content = bytearray(file.read_bytes())
    at = content.find(arrays()["x_train"].tobytes()[:64])
    content[at] ^= 255
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"x_train: it can't be read as a plain array: .*CRC"):
        read_task(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x_train", "no array")
    with pytest.raises(ValueError, match="x_train: it is not an array"):
        read_task(file)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 5, 7, 3",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000, 3), }",
    ],
)
def test_a_damaged_header_and_an_absurd_shape_are_said(tmp_path, header):
    file = stored(tmp_path, x_train=None)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(
            "x_train.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"1"
        )
    with pytest.raises(ValueError, match=r"x_train: it can't be read as a plain array: \S"):
        read_task(file)
    with pytest.raises(ValueError, match=r"mine\.npz is no \.npz file of plain arrays: x_train: it can't be read"):
        read_npz(file)


def test_arrays_may_have_any_name_and_none_is_pickled(tmp_path):
    names = ("file", "args", "allow_pickle", "arr_0", "a/b", "block.kernel")
    file = tmp_path / "any.npz"
    file.write_bytes(as_npz({name: np.full((2, 3), i) for i, name in enumerate(names)}))
    assert {name: a[0, 0] for name, a in read_npz(file).items()} == {name: i for i, name in enumerate(names)}
    assert as_npz({"x": np.arange(3)}) == as_npz({"x": np.arange(3)})
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        as_npz({"x": np.array([{}], dtype=object)})


def test_what_fits_and_is_odd_is_remarked(tmp_path):
    assert remarks(read_task(stored(tmp_path))) == []
    first = remarks(read_task(stored(tmp_path, x_train=np.zeros((6, 3, 8, 9)), x_test=np.ones((4, 3, 8, 9)))))
    words = "the images are 3 high, 8 wide and have 9 channels: height, width, channels is the order; "
    assert first == [words + "are the channels first?"]
    from_one = {"y_train": np.array([1, 2, 1, 2, 4, 1]), "y_test": np.array([1, 2, 4, 2])}
    assert remarks(read_task(stored(tmp_path, **from_one))) == [
        "no training image has the labels 0, 3, and there are 5 classes: labels are counted from 0"
    ]


def test_a_file_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        read_task(tmp_path / "gone.npz")


def test_standardising_takes_the_training_images_statistics_channel_by_channel(tmp_path):
    given = arrays()
    given["x_train"][..., 1] = 51
    task = read_task(stored(tmp_path, x_train=given["x_train"]))
    before = task.x_train.copy()
    result, mean, deviation = standardized(task)
    x = given["x_train"] / 255
    np.testing.assert_allclose(mean, x.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation[[0, 2]], x.std(axis=(0, 1, 2))[[0, 2]], rtol=1e-6)
    assert deviation[1] == 1
    np.testing.assert_allclose(result.x_train, (x - mean) / deviation, atol=1e-5)
    np.testing.assert_allclose(result.x_test, (given["x_test"] / 255 - mean) / deviation, atol=1e-5)
    assert (result.x_train.dtype, result.x_test.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(task.x_train, before)


def test_standardising_keeps_float64(tmp_path):
    task = read_task(stored(tmp_path))
    wide = replace(task, x_train=task.x_train.astype(np.float64), x_test=task.x_test.astype(np.float64))
    result, mean, deviation = standardized(wide)
    np.testing.assert_allclose(result.x_test, (wide.x_test - mean) / deviation, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(result.x_train.mean(axis=(0, 1, 2)), 0, atol=1e-13)


# batches


def test_an_epoch_has_every_image_once_but_for_the_rest():
    for length, size in ((23, 5), (20, 5), (5, 5), (7, 1)):
        drawn = list(batches(length, size, seed=2, epoch=3))
        assert [len(batch) for batch in drawn] == [size] * (length // size)
        together = np.concatenate(drawn)
        assert len(set(together.tolist())) == together.size
        assert 0 <= together.min() <= together.max() < length


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = [tuple(next(batches(50, 50, seed=s, epoch=e)).tolist()) for s in range(3) for e in range(3)]
    assert len(set(orders)) == 9
    assert tuple(range(50)) not in orders


def test_a_step_alone_determines_its_batch():
    walked = [batch.tolist() for epoch in range(3) for batch in batches(23, 5, seed=2, epoch=epoch)]
    for step in (11, 0, 4, 3, 7):
        assert batch_at(23, 5, seed=2, step=step).tolist() == walked[step]


def test_a_batch_that_is_written_to_spoils_no_other():
    batch = batch_at(23, 5, seed=2, step=0)
    before = batch.tolist()
    with pytest.raises(ValueError, match="read-only"):
        batch[0] = 7
    assert batch_at(23, 5, seed=2, step=0).tolist() == before


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: batches(4, 5, seed=0, epoch=0), ValueError, "batches: batch_size must be 4 at most"),
        (lambda: batches(4, 0, seed=0, epoch=0), ValueError, "batches: batch_size must be at least 1"),
        (lambda: batches(4, 2, seed=-1, epoch=0), ValueError, "batches: seed"),
        (lambda: batches(4, 2, seed=0, epoch=0.0), TypeError, "batches: epoch"),
        (lambda: batch_at(4, 5, seed=0, step=0), ValueError, "batch_at: batch_size"),
        (lambda: batch_at(4, 2, seed=0, step=-1), ValueError, "batch_at: step"),
    ],
)
def test_batches_refuse_numbers_out_of_range(call, error, words):
    with pytest.raises(error, match=words):
        call()
