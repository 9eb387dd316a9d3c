"""npconv.segmentation keeps the kernels' contract: pure, in the arrays' dtype, and errors that name what is wrong."""

# ruff: noqa: E501 (a table of errors and their words)

import inspect
import re

import numpy as np
import pytest
from segmentation_guards import random_masks

from npconv import segmentation

LOGITS, LABELS = random_masks(0)
LOSS = {"logits": LOGITS, "labels": LABELS}
MASKS = {"truth": LABELS, "predicted": LOGITS.argmax(axis=-1), "classes": 6}

CALLS = {  # a valid call of each function; a new function must join
    "confusion_matrix": MASKS,
    "intersection_over_union": MASKS,
    "intersection_over_union_of": {"matrix": np.array([[4, 1, 0], [2, 0, 0], [0, 0, 0]])},
    "pixel_cross_entropy": LOSS,
    "pixel_cross_entropy_backward": {"dy": 2.0, **LOSS},
}

calls = pytest.mark.parametrize("name", CALLS)


def run(name, **changed):
    given = CALLS[name] | changed
    parameters = inspect.signature(getattr(segmentation, name)).parameters
    positional = [given[key] for key, each in parameters.items() if each.kind is not each.KEYWORD_ONLY]
    options = {key: given[key] for key, each in parameters.items() if each.kind is each.KEYWORD_ONLY and key in given}
    return getattr(segmentation, name)(*positional, **options)


def run_changed(name, change):
    arrays = {key: change(value) for key, value in CALLS[name].items() if isinstance(value, np.ndarray)}
    return run(name, **arrays)


def same(a, b):
    return np.array_equal(a, b, equal_nan=True)


def test_the_table_has_every_function():
    functions = {name for name, value in vars(segmentation).items() if inspect.isfunction(value)}
    assert functions == CALLS.keys()


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@calls
def test_no_argument_is_changed_and_the_result_is_another_array(name):
    given = [value for value in CALLS[name].values() if isinstance(value, np.ndarray)]
    copies = [array.copy() for array in given]
    result = run_changed(name, frozen)
    assert all(map(np.array_equal, given, copies))
    assert same(result, run(name))
    assert not np.ndim(result) or result.flags.writeable
    assert not any(np.shares_memory(run(name), array) for array in given)


LAYOUTS = {
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "turned": lambda a: a[::-1].copy()[::-1],
    "by columns": np.asfortranarray,
    "the other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "mapped": lambda a: a.view(np.memmap),
}


@calls
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_arrays_changes_no_bit(name, layout):
    result, expected = run_changed(name, LAYOUTS[layout]), run(name)
    assert same(result, expected)
    assert result.dtype == expected.dtype
    assert result.dtype.isnative
    assert type(result) is type(expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("name", ["pixel_cross_entropy", "pixel_cross_entropy_backward"])
def test_floats_keep_their_dtype_and_are_computed_in_no_less(name, dtype):
    small = LOGITS.astype(dtype)
    result, exact = run(name, logits=small), run(name, logits=small.astype(np.float64))
    assert result.dtype == dtype
    bound = max(4 * np.finfo(np.result_type(dtype, np.float32)).eps, np.finfo(dtype).eps, 1e-14)
    assert np.allclose(result.astype(np.float64), exact, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64, np.uint64])
def test_labels_of_any_integers_give_the_same(dtype):
    ignore = 100  # within every dtype
    labels = np.where(LABELS == 255, ignore, LABELS)
    for name, changed in (
        ("pixel_cross_entropy", {"labels": labels.astype(dtype)}),
        ("pixel_cross_entropy_backward", {"labels": labels.astype(dtype)}),
        ("confusion_matrix", {"truth": labels.astype(dtype), "predicted": MASKS["predicted"].astype(dtype)}),
    ):
        assert same(run(name, ignore=ignore, **changed), run(name))
    matrix = CALLS["intersection_over_union_of"]["matrix"]
    assert same(segmentation.intersection_over_union_of(matrix.astype(dtype)), run("intersection_over_union_of"))


@pytest.mark.parametrize("ignore", [255, -1, -100, 2**40])
def test_an_ignored_label_may_be_beyond_the_labels_dtype(ignore):
    labels = (LABELS % 6).astype(np.uint8 if ignore < 0 else np.int8)
    assert run("pixel_cross_entropy", labels=labels, ignore=ignore) == run("pixel_cross_entropy", labels=labels)
    assert run("confusion_matrix", truth=labels, ignore=ignore).sum() == labels.size


def test_a_large_matrix_of_small_integers_does_not_wrap():
    matrix = np.full((3, 3), 127, np.int8)
    assert segmentation.intersection_over_union_of(matrix).tolist() == [1 / 5] * 3


def test_numbers_that_are_not_finite_come_out_of_the_loss():
    for bad in (np.nan, np.inf):
        broken = LOGITS.copy()
        broken[LABELS != 255] = bad
        with np.errstate(invalid="ignore"):
            assert np.isnan(run("pixel_cross_entropy", logits=broken))
    impossible = np.where(np.arange(6) == LABELS[..., None], -np.inf, LOGITS)
    assert run("pixel_cross_entropy", logits=impossible) == np.inf


def test_large_logits_do_not_overflow():
    assert np.isfinite(run("pixel_cross_entropy", logits=(1e4 * LOGITS / abs(LOGITS).max()).astype(np.float16)))
    assert np.isfinite(run("pixel_cross_entropy", logits=1e30 * LOGITS))
    assert np.isfinite(run("pixel_cross_entropy_backward", logits=1e30 * LOGITS)).all()


ERRORS = {  # function, changed arguments, kind of error, words
    "a list": ("pixel_cross_entropy", {"logits": LOGITS.tolist()}, TypeError, "logits must be an ndarray of floats; got list"),
    "integer logits": ("pixel_cross_entropy_backward", {"logits": LOGITS.astype(np.int64)}, TypeError, "got dtype int64"),
    "logits of one image": ("pixel_cross_entropy", {"logits": LOGITS[0]}, ValueError, "logits must be (B, Dᵤ, Dᵤ, C); got logits (4, 5, 6)"),
    "no class": ("pixel_cross_entropy", {"logits": LOGITS[..., :0]}, ValueError, "logits must be (B, Dᵤ, Dᵤ, C), every axis at least 1; got logits (3, 4, 5, 0)"),
    "masks of another size": ("pixel_cross_entropy", {"labels": LABELS[:, :3]}, ValueError, "labels must be (3, 4, 5); got labels (3, 3, 5)"),
    "masks of the other side": ("pixel_cross_entropy_backward", {"labels": LABELS.swapaxes(1, 2)}, ValueError, "labels must be (3, 4, 5); got labels (3, 5, 4)"),
    "masks one hot": ("pixel_cross_entropy", {"labels": np.eye(6, dtype=np.int64)[LABELS % 6]}, ValueError, "got labels (3, 4, 5, 6)"),
    "masks of floats": ("pixel_cross_entropy", {"labels": LABELS.astype(float)}, TypeError, "labels must be an ndarray of integers; got dtype float64"),
    "masks of booleans": ("pixel_cross_entropy", {"labels": LABELS > 9}, TypeError, "got dtype bool"),
    "a label beyond the classes": ("pixel_cross_entropy", {"labels": LABELS // 255 * 249 + 6}, ValueError,
        "labels must be between 0 and 5, or ignore = 255; got 6 to 6, labels (3, 4, 5)"),
    "255 where nothing is ignored": ("pixel_cross_entropy", {"ignore": None}, ValueError, "labels must be between 0 and 5; got 0 to 255"),
    "a label below 0": ("pixel_cross_entropy_backward", {"labels": LABELS % 6 - 1}, ValueError, "or ignore = 255; got -1 to 4"),
    "a label to ignore of floats": ("pixel_cross_entropy", {"ignore": 255.0}, TypeError, "ignore must be an int; got 255.0"),
    "a divisor of 0": ("pixel_cross_entropy", {"divisor": 0}, ValueError, "divisor must be above 0; got 0"),
    "a divisor that is NaN": ("pixel_cross_entropy_backward", {"divisor": np.nan}, ValueError, "divisor must be above 0"),
    "dy of the loss's arrays": ("pixel_cross_entropy_backward", {"dy": np.ones(3)}, TypeError, "dy must be a real scalar, as forward's output is; got shape (3,)"),
    "masks of two sizes": ("confusion_matrix", {"predicted": LABELS[:2]}, ValueError,
        "predicted must be shaped like truth; got truth (3, 4, 5), predicted (2, 4, 5)"),
    "a truth of floats": ("intersection_over_union", {"truth": LOGITS}, TypeError, "truth must be an ndarray of integers"),
    "logits for a prediction": ("confusion_matrix", {"predicted": LOGITS}, TypeError, "predicted must be an ndarray of integers"),
    "a truth beyond the classes": ("confusion_matrix", {"classes": 5}, ValueError, "truth must be between 0 and 4, or ignore = 255; got 0 to 5"),
    "a prediction beyond the classes": ("intersection_over_union", {"predicted": MASKS["predicted"] + 1}, ValueError,
        "predicted must be between 0 and 5; got 1 to 6, predicted (3, 4, 5)"),
    "0 classes": ("confusion_matrix", {"classes": 0}, ValueError, "classes must be at least 1; got 0"),
    "a matrix that is not square": ("intersection_over_union_of", {"matrix": np.ones((2, 3), np.int64)}, ValueError, "matrix must be (C, C), C at least 1; got matrix (2, 3)"),
    "an empty matrix": ("intersection_over_union_of", {"matrix": np.ones((0, 0), np.int64)}, ValueError, "C at least 1; got matrix (0, 0)"),
    "a matrix of shares": ("intersection_over_union_of", {"matrix": np.eye(2)}, TypeError, "matrix must be an ndarray of integers"),
    "a count below 0": ("intersection_over_union_of", {"matrix": np.array([[1, -2], [0, 3]])}, ValueError, "matrix must have no entry below 0; got -2, matrix (2, 2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_the_error_says_what_is_wrong(case):
    name, arguments, kind, words = ERRORS[case]
    with pytest.raises(kind, match=re.escape(words)) as caught:
        run(name, **arguments)
    assert str(caught.value).startswith(f"{name}: ")
