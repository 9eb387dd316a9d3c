"""Digits in the wild: boxes and masks fit the ink, and the test is of digits and of a photograph not seen before."""

import numpy as np
import pytest

from npconv.data import Photograph, load_digits, synthetic_picture
from npconv.training import digits, digits_in_the_wild
from npconv.training.wild_digits import CONTRAST, INKED, SIZES, enlarged

PLAIN = Photograph(np.full((80, 320, 3), 90, np.uint8), "a plain wall", synthetic=True)
PICTURE = Photograph(synthetic_picture(), "a synthetic picture", synthetic=True)
WALL = digits_in_the_wild(train=150, test=80, noise=0.0, photograph=PLAIN)
PINNED_BOXES = [[22.0, 27.0, 53.0, 46.0]]
PINNED_LABELS = [7, 10, 3]
PINNED_TEST = [-0.7034147, -0.79249495, -0.6400069]
PARTS = [
    (WALL.x_train, WALL.boxes_train, WALL.labels_train, WALL.masks_train, False),
    (WALL.x_test, WALL.boxes_test, WALL.labels_test, WALL.masks_test, True),
]


def test_boxes_are_tight_around_the_mask_of_their_label_and_hold_all_of_it():
    for _, boxes_of, labels_of, masks, _ in PARTS:
        for boxes, labels, mask in zip(boxes_of, labels_of, masks, strict=True):
            rest = mask.copy()
            for (top, left, bottom, right), label in zip(boxes.astype(int), labels, strict=True):
                inside = mask[top:bottom, left:right]
                assert set(inside.flat) <= {0, label}
                assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
                rest[top:bottom, left:right] = 0
            assert not rest.any()


def test_boxes_do_not_touch_and_lie_in_the_image():
    counts = set()
    for _, boxes_of, *_ in PARTS:
        for boxes in boxes_of:
            assert boxes.dtype == np.float64
            assert boxes.min() >= 0
            assert boxes.max() <= 64
            counts.add(len(boxes))
            for i, one in enumerate(boxes):
                for other in boxes[:i]:
                    assert any(one[a] > other[a + 2] or other[a] > one[a + 2] for a in (0, 1))
    assert counts == {1, 2, 3}


def test_an_object_is_a_digit_of_its_label_enlarged_times_its_contrast():
    images, labels = load_digits()
    held_out = {image.tobytes() for image in (digits().x_test[..., 0] * 16).astype(np.uint8)}
    signs, sizes = set(), set()
    for x, boxes_of, labels_of, masks, is_test in PARTS:
        alone = [n for n, boxes in enumerate(boxes_of) if len(boxes) == 1][:6]
        for n in alone:
            image, mask = x[n, ..., 0].astype(np.float64), masks[n]
            rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
            found = set()
            for number in np.flatnonzero(labels + 1 == labels_of[n][0]):
                for size in range(len(rows), min(SIZES[1], len(rows) + 4) + 1):
                    ink = enlarged(images[number], size)
                    r, c = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
                    if (len(r), len(c)) != (len(rows), len(columns)):
                        continue
                    ink = ink[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
                    there = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                    contrast = there.sum() / ink.sum()
                    if np.abs(there - contrast * ink).max() < 1e-5:
                        assert CONTRAST[0] <= abs(contrast) <= CONTRAST[1]
                        inked = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 0
                        np.testing.assert_array_equal(inked, ink >= INKED)
                        signs.add(np.sign(contrast))
                        sizes.add(size)
                        found.add(images[number].tobytes() in held_out)
            assert found == {is_test}
    assert signs == {-1, 1}
    assert min(sizes) < 18 < 26 < max(sizes)


def test_patches_of_the_test_are_from_the_left_quarter_and_no_others():
    pixels = np.zeros((80, 320, 3), np.uint8)
    pixels[:, 80:] = 200
    task = digits_in_the_wild(train=20, test=20, noise=0.0, photograph=Photograph(pixels, "two walls", synthetic=True))
    mean, deviation = 150.0, np.sqrt(0.75 * 0.25) * 200
    for x, wall in ((task.x_train, 200), (task.x_test, 0)):
        np.testing.assert_allclose(np.median(x, axis=(1, 2, 3)), (wall - mean) / deviation, rtol=1e-5)


def test_a_seed_draws_the_same_and_fewer_are_the_first_of_more():
    few, many, other = (
        digits_in_the_wild(train=train, test=4, seed=seed, photograph=PICTURE)
        for train, seed in ((5, 1), (9, 1), (5, 2))
    )
    np.testing.assert_array_equal(few.x_train, many.x_train[:5])
    np.testing.assert_array_equal(few.masks_test, many.masks_test)
    for ours, theirs in zip(few.boxes_train, many.boxes_train[:5], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(few.x_train, other.x_train)


def test_the_numbers_are_those_of_every_numpy():
    task = digits_in_the_wild(train=2, test=3, seed=3, photograph=PICTURE)
    assert task.boxes_train[1].tolist() == PINNED_BOXES
    assert task.labels_test[2].tolist() == PINNED_LABELS
    np.testing.assert_allclose(task.x_test[2, 30, 20:23, 0], PINNED_TEST, rtol=1e-6)


def test_the_noise_has_its_standard_deviation():
    noisy = digits_in_the_wild(train=20, test=1, noise=0.5, photograph=PLAIN)
    assert noisy.x_train[noisy.masks_train == 0].std() == pytest.approx(0.5, rel=0.15)


def test_enlarging_to_twice_the_side_keeps_the_ink():
    image = load_digits()[0][3].copy()
    image[[0, -1]] = image[:, [0, -1]] = 0
    assert enlarged(image, 16).sum() * 16 == pytest.approx(4 * image.sum())
    np.testing.assert_array_equal(enlarged(image, 8) * 16, image)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"train": 0}, ValueError, "digits_in_the_wild: train must be at least 1"),
        ({"test": 2.0}, TypeError, "test must be an int"),
        ({"side": 31}, ValueError, "side must be at least 32"),
        ({"noise": -0.1}, ValueError, "noise must be at least 0; got -0.1"),
        ({"seed": -1}, ValueError, "seed"),
        ({"side": 81}, ValueError, r"81 or more pixels high and 324 wide .* \(80, 320, 3\)"),
        ({"photograph": PLAIN.pixels}, TypeError, "photograph must be a Photograph; got ndarray"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        digits_in_the_wild(**{"train": 1, "test": 1, "photograph": PLAIN, **arguments})
